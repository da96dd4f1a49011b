import { assertEquals } from "@std/assert";
import {
  type Document,
  group,
  hardLine,
  ifBroken,
  indent,
  join,
  line,
  printDocument,
  softLine,
} from "./pretty_printer.ts";

const list = (items: Document[]) =>
  group("[", indent(softLine, join([",", line], items)), ifBroken(","), softLine, "]");

Deno.test("printDocument() breaks the outer group before the inner one", () => {
  const document = list([list(["1", "2"]), list(["333", "444"])]);
  assertEquals(printDocument(document), "[[1, 2], [333, 444]]");
  assertEquals(
    printDocument(document, { width: 14 }),
    "[\n  [1, 2],\n  [333, 444],\n]",
  );
  assertEquals(
    printDocument(document, { width: 8, indentation: "\t" }).split("\n").length,
    7,
  );
});

Deno.test("printDocument() breaks groups around a hard line and counts what follows a group", () => {
  assertEquals(printDocument(group("a", line, group("b", hardLine, "c"))), "a\nb\nc");
  assertEquals(printDocument([group("a", line, "b"), "cccc"], { width: 6 }), "a\nbcccc");
  assertEquals(printDocument(group("日本", line, "x"), { width: 5 }), "日本\nx");
});

Deno.test("printDocument() needs no host stack for a hundred thousand levels", () => {
  let document: Document = "x";
  for (let i = 0; i < 100_000; i++) document = group("(", document, ")");
  assertEquals(printDocument(document, { width: 10 }).length, 200_001);
});
