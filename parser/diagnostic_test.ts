import { assertEquals } from "@std/assert";
import { renderDiagnostic } from "./diagnostic.ts";
import { SourceText } from "./span.ts";

function caretColumn(text: string, start: number, end = start + 1): [string, string] {
  const rendered = renderDiagnostic(
    { severity: "error", code: "x", message: "m", span: { start, end } },
    new SourceText(text),
  ).split("\n");
  return [rendered[3]!.slice(4), rendered[4]!.slice(4)];
}

Deno.test("renderDiagnostic() puts the caret right behind tabs, emoji, wide and combining characters", () => {
  assertEquals(caretColumn("\tx", 1), ["    x", "    ^"]);
  assertEquals(caretColumn("ab\tx", 3), ["ab  x", "    ^"]);
  assertEquals(caretColumn("🙂x", 2), ["🙂x", "  ^"]);
  assertEquals(caretColumn("日本x", 2), ["日本x", "    ^"]);
  assertEquals(caretColumn("日本x", 0, 2), ["日本x", "^^^^"]);
  assertEquals(caretColumn("e\u0301x", 2), ["e\u0301x", " ^"]);
  assertEquals(caretColumn("ab", 2), ["ab", "  ^"]);
  assertEquals(caretColumn("", 0), ["", "^"]);
});

Deno.test("renderDiagnostic() counts CRLF once and shows labels, related places and help", () => {
  const source = new SourceText("let a = 1\r\nfn(\r\n\r\n\r\nb c)\r\n", "demo");
  const text = renderDiagnostic({
    severity: "error",
    code: "syntax",
    message: "expected ')'",
    span: { start: 22, end: 23 },
    label: "here",
    related: [{ span: { start: 13, end: 14 }, message: "opened here" }],
    help: "add a ','",
  }, source);
  assertEquals(text.split("\n"), [
    "error[syntax]: expected ')'",
    " --> demo:5:3",
    "  |",
    "2 | fn(",
    "  |   - opened here",
    "  ...",
    "5 | b c)",
    "  |   ^ here",
    "  = help: add a ','",
  ]);
});

Deno.test("renderDiagnostic() cuts a long line around the mark in bounded time", () => {
  const [line, mark] = caretColumn("x".repeat(5_000_000) + "@" + "y".repeat(100), 5_000_000);
  assertEquals(line.indexOf("@"), mark.indexOf("^"));
  assertEquals(line.length < 300, true);
});

Deno.test("renderDiagnostic() shows control characters of the source as U+FFFD", () => {
  assertEquals(caretColumn("a\x1b[31mb", 0)[0], "a\ufffd[31mb");
});

Deno.test("SourceText.position() counts code points and every kind of line break", () => {
  const source = new SourceText("a\nb\r\nc\rd🙂e");
  assertEquals(source.lineCount, 4);
  assertEquals(source.position(2), { line: 2, column: 1 });
  assertEquals(source.position(5), { line: 3, column: 1 });
  assertEquals(source.position(10), { line: 4, column: 3 });
  assertEquals(source.position(999), { line: 4, column: 4 });
  assertEquals(source.lineText(2), "b");
  assertEquals(source.lineText(9), "");
});
