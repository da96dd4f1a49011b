/**
 * The parsing toolkit: a JSON grammar that builds plain values, against the same grammar in chevrotain and in peggy, all
 * made once; and the lexers of the two that have one. The text is 490 KB of records with nested arrays.
 */
import { createToken, EmbeddedActionsParser, Lexer as Chevrotain } from "npm:chevrotain@11.0.3";
import peggy from "npm:peggy@4.2.0";
import { Lexer, PrattParser, TokenStream } from "../parser/mod.ts";

const TEXT = JSON.stringify(
  Array.from({ length: 3000 }, (_, i) => ({
    id: i,
    name: `record ${i}`,
    note: i % 10 === 0 ? 'a "quoted"\nline' : "plain text of some length",
    active: i % 2 === 0,
    score: i * 1.25,
    tags: ["one", "two", "three", null],
    place: { x: i % 100, y: [1, 2, [3, 4]] },
  })),
  null,
  1,
);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Kind = "space" | "string" | "number" | "word" | "{" | "}" | "[" | "]" | "," | ":";

/** What a colon makes of a key and a value until the braces around them are closed. */
class Pair {
  constructor(readonly key: string, readonly value: Json) {}
}

const STRING = '"([^"\\\\\\u0000-\\u001f]|\\\\(["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*"';
const NUMBER = "-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+\\-]?\\d+)?";

const lexer = new Lexer<Kind>([
  { name: "space", pattern: "[ \\t\\r\\n]+", skip: true },
  { name: "string", pattern: STRING },
  { name: "number", pattern: NUMBER },
  { name: "word", pattern: "true|false|null" },
  ...(["{", "}", "[", "]", ",", ":"] as const).map((name) => ({ name, literal: name })),
]);

function unquote(text: string): string {
  return text.includes("\\") ? JSON.parse(text) : text.slice(1, -1);
}

function word(text: string): Json {
  return text === "null" ? null : text === "true";
}

const parser = new PrattParser<Kind, Json | Pair>(lexer, {
  atoms: {
    string: (stream) => unquote(stream.text(stream.advance())),
    number: (stream) => Number(stream.text(stream.advance())),
    word: (stream) => word(stream.text(stream.advance())),
  },
  infix: {
    ":": {
      power: 1,
      associativity: "none",
      build: (key, _, value) => new Pair(key as string, value as Json),
    },
  },
  groups: {
    "[": { close: "]", separator: ",", build: (items) => items as Json[] },
    "{": {
      close: "}",
      separator: ",",
      build(items) {
        const out: { [key: string]: Json } = {};
        for (const { key, value } of items as Pair[]) out[key] = value;
        return out;
      },
    },
  },
});

function toolkit(text: string): unknown {
  const stream = new TokenStream(lexer, text);
  const value = parser.parse(stream);
  if (stream.diagnostics.length > 0 || !stream.atEnd) throw new Error("Cannot parse the text");
  return value;
}

const tokens = {
  space: createToken({ name: "space", pattern: /[ \t\r\n]+/, group: Chevrotain.SKIPPED }),
  string: createToken({
    name: "string",
    // deno-lint-ignore no-control-regex
    pattern: /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/,
  }),
  number: createToken({ name: "number", pattern: /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/ }),
  word: createToken({ name: "word", pattern: /true|false|null/ }),
  open: createToken({ name: "open", pattern: "{" }),
  close: createToken({ name: "close", pattern: "}" }),
  begin: createToken({ name: "begin", pattern: "[" }),
  end: createToken({ name: "end", pattern: "]" }),
  comma: createToken({ name: "comma", pattern: "," }),
  colon: createToken({ name: "colon", pattern: ":" }),
};
const chevrotainLexer = new Chevrotain(Object.values(tokens), { positionTracking: "onlyOffset" });

class ChevrotainJson extends EmbeddedActionsParser {
  value: () => Json;

  constructor() {
    super(Object.values(tokens), { maxLookahead: 1 });
    const object = this.RULE("object", () => {
      const out: { [key: string]: Json } = {};
      this.CONSUME(tokens.open);
      this.MANY_SEP({
        SEP: tokens.comma,
        DEF: () => {
          const key = this.CONSUME(tokens.string);
          this.CONSUME(tokens.colon);
          const value = this.SUBRULE(this.value as never) as Json;
          this.ACTION(() => {
            out[unquote(key.image)] = value;
          });
        },
      });
      this.CONSUME(tokens.close);
      return out;
    });
    const array = this.RULE("array", () => {
      const out: Json[] = [];
      this.CONSUME(tokens.begin);
      this.MANY_SEP({
        SEP: tokens.comma,
        DEF: () => void out.push(this.SUBRULE(this.value as never) as Json),
      });
      this.CONSUME(tokens.end);
      return out;
    });
    this.value = this.RULE("value", () =>
      this.OR([
        { ALT: () => unquote(this.CONSUME(tokens.string).image) },
        { ALT: () => Number(this.CONSUME(tokens.number).image) },
        { ALT: () => word(this.CONSUME(tokens.word).image) },
        { ALT: () => this.SUBRULE(object) },
        { ALT: () => this.SUBRULE(array) },
      ])) as () => Json;
    this.performSelfAnalysis();
  }
}

const chevrotainParser = new ChevrotainJson();

function chevrotain(text: string): unknown {
  const { tokens: input, errors } = chevrotainLexer.tokenize(text);
  chevrotainParser.input = input;
  const value = chevrotainParser.value();
  if (errors.length + chevrotainParser.errors.length > 0) throw new Error("Cannot parse the text");
  return value;
}

const peggyParser = peggy.generate(String.raw`
start = _ value:value { return value; }
value = value:(object / array / string / number / word) _ { return value; }
object = "{" _ pairs:(first:pair rest:("," _ p:pair { return p; })* { return [first, ...rest]; })? "}"
  { return Object.fromEntries(pairs ?? []); }
pair = key:string _ ":" _ value:value { return [key, value]; }
array = "[" _ items:(first:value rest:("," _ v:value { return v; })* { return [first, ...rest]; })? "]"
  { return items ?? []; }
string = '"' ([^"\\\x00-\x1f] / "\\" (["\\/bfnrt] / "u" hex hex hex hex))* '"'
  { const t = text(); return t.includes("\\") ? JSON.parse(t) : t.slice(1, -1); }
hex = [0-9a-fA-F]
number = "-"? ("0" / [1-9] [0-9]*) ("." [0-9]+)? ([eE] [+-]? [0-9]+)? { return Number(text()); }
word = "true" { return true; } / "false" { return false; } / "null" { return null; }
_ = [ \t\r\n]*
`);

const subjects: Record<string, (text: string) => unknown> = {
  groundwork: toolkit,
  chevrotain,
  peggy: (text) => peggyParser.parse(text),
};
const expected = JSON.stringify(JSON.parse(TEXT));
for (const [name, parse] of Object.entries(subjects)) {
  if (JSON.stringify(parse(TEXT)) !== expected) {
    throw new Error(`Cannot use ${name}: a wrong result`);
  }
  const baseline = name === "groundwork";
  Deno.bench({ name, group: "toolkit: a JSON grammar", baseline, fn: () => void parse(TEXT) });
}

Deno.bench({
  name: "groundwork",
  group: "toolkit: the lexer alone",
  baseline: true,
  fn: () => void lexer.tokenize(TEXT),
});
Deno.bench({
  name: "chevrotain",
  group: "toolkit: the lexer alone",
  fn: () => void chevrotainLexer.tokenize(TEXT),
});
