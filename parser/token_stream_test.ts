import { assert, assertEquals } from "@std/assert";
import { Lexer } from "./lexer.ts";
import { TokenStream } from "./token_stream.ts";

const NAMES = ["=", ";", "{", "}", ","] as const;
type Kind = "space" | "word" | (typeof NAMES)[number];
const lexer = new Lexer<Kind>([
  { name: "space", pattern: "\\s+", skip: true },
  { name: "word", pattern: "[a-z]+" },
  ...NAMES.map((name) => ({ name, literal: name })),
]);

/** `word = word ;` or `{ … }`, any number of them. */
function assignments(text: string): { done: string[]; errors: string[]; turns: number } {
  const stream = new TokenStream(lexer, text, { pairs: [["{", "}"]] });
  const done: string[] = [];
  let turns = 0;
  let open = 0;
  while (!stream.atEnd) {
    turns++;
    if (stream.accept("{")) {
      open++;
      continue;
    }
    if (open > 0 && stream.accept("}")) {
      open--;
      continue;
    }
    const name = stream.text();
    if (stream.expect("word") && stream.expect("=") && stream.expect("word")) {
      if (stream.expect(";")) done.push(name);
    }
    if (stream.panicking) stream.synchronize([], [";"]);
  }
  return { done, errors: stream.diagnostics.map((d) => d.message), turns };
}

Deno.test("TokenStream.synchronize() gives several independent errors and no cascade", () => {
  const { done, errors } = assignments("a = b; c d e f; g = h; i = = ; j = k; = ; l = m;");
  assertEquals(done, ["a", "g", "j", "l"]);
  assertEquals(errors, [
    "expected '=', found 'd'",
    "expected 'word', found '='",
    "expected 'word', found '='",
  ]);
});

Deno.test("TokenStream.synchronize() skips brackets as a whole and keeps an outer closing one", () => {
  const { done, errors } = assignments("a b { x ; y ; } ; c = d; { e f } g = h;");
  assertEquals(errors, ["expected '=', found 'b'", "expected '=', found 'f'"]);
  assertEquals(done, ["c", "g"]);
});

Deno.test("TokenStream recovery always makes progress", () => {
  for (const text of ["}}}}", "}", "= = =", "{{{{", ";;;;", "a", "a =", "@@@", "} a = b; } }"]) {
    const { turns } = assignments(text);
    assert(turns <= text.length + 1, `${turns} turns over '${text}'`);
  }
});

Deno.test("TokenStream reports characters of no token once and not their consequences", () => {
  assertEquals(assignments("a = @; b = c; d $ e;").errors, [
    "unexpected '@'",
    "unexpected '$'",
  ]);
});

Deno.test("TokenStream keeps at most maxDiagnostics findings", () => {
  const stream = new TokenStream(lexer, "@ a ".repeat(50), { maxDiagnostics: 10 });
  assertEquals(stream.diagnostics.length, 10);
  assertEquals(stream.suppressed, 40);
});

Deno.test("TokenStream.separated() parses lists with and without a trailing separator", () => {
  const run = (text: string, trailing: boolean) => {
    const stream = new TokenStream(lexer, text);
    const items: string[] = [];
    stream.expect("{");
    const whole = stream.separated(",", "}", () => {
      items.push(stream.text());
      stream.expect("word");
    }, { trailing });
    return [whole, ...items];
  };
  assertEquals(run("{}", false), [true]);
  assertEquals(run("{a, b}", false), [true, "a", "b"]);
  assertEquals(run("{a, b,}", true), [true, "a", "b"]);
  assertEquals(run("{a, b,}", false), [false, "a", "b", "}"]);
  assertEquals(run("{a b}", false), [false, "a"]);
});
