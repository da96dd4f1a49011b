import { assertEquals, assertThrows } from "@std/assert";
import { colorSequence } from "./color.ts";
import { formatColumns, parseColumnLayout } from "./columns.ts";
import { GitError } from "./errors.ts";
import { findNote, listNotes, writeNotes } from "./notes.ts";
import { MemoryObjectStore, readTree } from "./object_store.ts";
import {
  blankAtEnd,
  paintWhitespace,
  parseWhitespaceRule,
  whitespaceErrors,
} from "./whitespace.ts";

Deno.test("`colorSequence()` knows names, numbers, RGB, attributes and `reset`", () => {
  for (
    const [text, codes] of [
      ["red", "31"],
      ["bold red", "1;31"],
      ["red bold", "1;31"],
      ["green ul blue", "4;32;44"],
      ["brightred brightblue", "91;104"],
      ["254 bold 255", "1;38;5;254;48;5;255"],
      ["8 7", "90;47"],
      ["#ff00a0 normal", "38;2;255;0;160"],
      ["normal blue", "44"],
      ["nobold no-ul", "22;24"],
      ["reset", ""],
      ["reset green", ";32"],
      ["default", "39"],
    ] as const
  ) assertEquals(colorSequence(text), `\x1b[${codes}m`);
  assertEquals(colorSequence(""), "");
  assertEquals(colorSequence("normal -1"), "");
  for (const text of ["chartreuse", "256", "-2", "#12345", "red green blue", "bolder"]) {
    assertThrows(() => colorSequence(text), GitError, "invalid color value");
  }
});

Deno.test("`formatColumns()` fills columns or rows, densely when asked", () => {
  const names = ["one", "two", "three", "four", "five"];
  const layout = parseColumnLayout("column", { when: "never", fill: "plain", dense: false });
  assertEquals(layout, { when: "always", fill: "column", dense: false });
  assertEquals(formatColumns(names, layout, { width: 20 }), "one   three five\ntwo   four\n");
  assertEquals(
    formatColumns(names, { ...layout, fill: "row" }, { width: 20 }),
    "one   two   three\nfour  five\n",
  );
  assertEquals(
    formatColumns(["a", "bb", "ccc", "dddddddd"], { ...layout, dense: true }, { width: 14 }),
    "a  ccc\nbb dddddddd\n",
  );
  assertEquals(
    formatColumns(names, { ...layout, fill: "plain" }, { width: 20, indent: "\t" }).split(
      "\n",
    )[1],
    "\ttwo",
  );
  assertThrows(() => parseColumnLayout("wide", layout), GitError, "unsupported option");
});

Deno.test("`whitespaceErrors()` finds what `core.whitespace` calls an error", () => {
  const rule = parseWhitespaceRule("");
  assertEquals(whitespaceErrors("a ", rule), "trailing whitespace");
  assertEquals(whitespaceErrors("  \ta", rule), "space before tab in indent");
  assertEquals(whitespaceErrors("a\r", rule), "trailing whitespace");
  assertEquals(whitespaceErrors("a\r", parseWhitespaceRule("cr-at-eol")), "");
  assertEquals(whitespaceErrors("\ta", parseWhitespaceRule("tab-in-indent")), "tab in indent");
  assertEquals(
    whitespaceErrors("    a", parseWhitespaceRule("indent-with-non-tab,tabwidth=4")),
    "indent with spaces",
  );
  const colors = { line: "<", whitespace: "!", reset: ">" };
  assertEquals(paintWhitespace("ab \t", rule, colors), "<ab>! \t>");
  assertEquals(paintWhitespace(" \tx", rule, colors), "! >\t<x>");
  assertEquals(paintWhitespace("ab ", parseWhitespaceRule("-blank-at-eol"), colors), "<ab >");
  const text = (one: string): Uint8Array => new TextEncoder().encode(one);
  assertEquals(blankAtEnd(text("a\n"), text("a\n\n\n")), { before: 2, after: 2 });
  assertEquals(blankAtEnd(text("a\n\n"), text("b\n\n")), undefined);
});

Deno.test("`writeNotes()` cuts large trees up, and `findNote()` finds notes in them", () => {
  const store = new MemoryObjectStore();
  const notes = new Map<string, string>();
  for (let i = 0; i < 300; i++) {
    const object = store.write("blob", new TextEncoder().encode(`object ${i}`));
    notes.set(object, store.write("blob", new TextEncoder().encode(`note ${i}`)));
  }
  const tree = writeNotes(store, notes);
  assertEquals(readTree(store, tree).every((entry) => entry.name.length === 2), true);
  for (const [object, note] of notes) assertEquals(findNote(store, tree, object), note);
  assertEquals(findNote(store, tree, "0".repeat(40)), undefined);
  assertEquals(listNotes(store, tree).size, 300);
  const small = writeNotes(store, new Map([...notes].slice(0, 3)));
  assertEquals(readTree(store, small).every((entry) => entry.name.length === 40), true);
});
