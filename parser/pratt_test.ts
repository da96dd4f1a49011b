import { assert, assertEquals } from "@std/assert";
import { Lexer } from "./lexer.ts";
import { PrattParser } from "./pratt.ts";
import { TokenStream } from "./token_stream.ts";

const SYMBOLS = ["+", "-", "*", "^", "!", "(", ")", "[", "]", ",", "<", "="] as const;
type Kind = "space" | "number" | (typeof SYMBOLS)[number];

const lexer = new Lexer<Kind>([
  { name: "space", pattern: "\\s+", skip: true },
  { name: "number", pattern: "\\w+" },
  ...SYMBOLS.map((name) => ({ name, literal: name })),
]);
const infix = (operator: string) => (a: string, _: number, b: string) => `(${a}${operator}${b})`;
const parser = new PrattParser<Kind, string>(lexer, {
  atoms: { number: (stream) => stream.text(stream.advance()) },
  prefix: { "-": { power: 30, build: (_, a) => `(-${a})` } },
  infix: {
    "=": { power: 1, associativity: "right", build: infix("=") },
    "<": { power: 5, associativity: "none", build: infix("<") },
    "+": { power: 10, build: infix("+") },
    "-": { power: 10, build: infix("-") },
    "*": { power: 20, build: infix("*") },
    "^": { power: 40, associativity: "right", build: infix("^") },
  },
  postfix: { "!": { power: 50, build: (a) => `(${a}!)` } },
  groups: {
    "(": { close: ")", build: ([inner]) => inner },
    "[": { close: "]", separator: ",", trailing: true, build: (items) => `[${items.join()}]` },
  },
  calls: {
    "(": { close: ")", separator: ",", power: 60, build: (a, _, __, f) => `${f}(${a.join()})` },
    "[": { close: "]", power: 60, build: ([index], _, __, list) => `${list}[${index}]` },
  },
}, { maxDepth: 1_500_000 });

function parse(text: string): string {
  const stream = new TokenStream(lexer, text);
  const value = parser.parse(stream);
  if (!stream.panicking && !stream.atEnd) stream.unexpected("the end");
  return stream.diagnostics.map((d) => `${d.span.start}: ${d.message}`).join("; ") || value!;
}

Deno.test("PrattParser.parse() groups by power and associativity", () => {
  const cases: [string, string][] = [
    ["1 + 2 * 3 - 4", "((1+(2*3))-4)"],
    ["a = b = c", "(a=(b=c))"],
    ["2 ^ 3 ^ 4", "(2^(3^4))"],
    ["-2 ^ 2", "(-(2^2))"],
    ["-a!", "(-(a!))"],
    ["- - a", "(-(-a))"],
    ["a!!", "((a!)!)"],
    ["(1 + 2) * 3", "((1+2)*3)"],
    ["f(1, g(2), 3)(4)[5]!", "(f(1,g(2),3)(4)[5]!)"],
    ["f() + []", "(f()+[])"],
    ["[1, [2,], 3 + 4,]", "[1,[2],(3+4)]"],
    ["a < b + c", "(a<(b+c))"],
    ["(a < b) < c", "((a<b)<c)"],
    ["-f(x)", "(-f(x))"],
  ];
  for (const [text, expected] of cases) assertEquals(parse(text), expected, text);
});

Deno.test("PrattParser.parse() reports one error at the place of the mistake", () => {
  assertEquals(parse("1 + "), "4: expected an expression, found the end of the input");
  assertEquals(parse("1 + * 2"), "4: expected an expression, found '*'");
  assertEquals(parse("(1 + 2"), "6: expected ')', found the end of the input");
  assertEquals(parse("f(1 2)"), "4: expected ',' or ')', found '2'");
  assertEquals(parse("f(1,)"), "4: expected an expression, found ')'");
  assertEquals(parse("a < b < c"), "6: '<' cannot be chained; use parentheses");
  assertEquals(parse("()"), "1: expected an expression, found ')'");
});

Deno.test("PrattParser.parse() needs no host stack for a million open prefixes or brackets", () => {
  const depth = 1_000_000;
  for (const [open, close] of [["-", ""], ["(", ")"]] as const) {
    const stream = new TokenStream(lexer, open.repeat(depth) + "1" + close.repeat(depth));
    const counting = new PrattParser<Kind, number>(lexer, {
      atoms: { number: (s) => s.advance() },
      prefix: { "-": { power: 30, build: (_, a) => a } },
      groups: { "(": { close: ")", build: ([inner]) => inner } },
    });
    assertEquals(counting.parse(stream), depth);
    assertEquals(stream.diagnostics, []);
  }
  const right = new TokenStream(lexer, "1^".repeat(depth) + "1");
  const height = new PrattParser<Kind, number>(lexer, {
    atoms: { number: (s) => s.advance() * 0 },
    infix: { "^": { power: 1, associativity: "right", build: (_, __, b) => b + 1 } },
  });
  assertEquals(height.parse(right), depth);
});

Deno.test("PrattParser.parse() reports an expression beyond its depth limit", () => {
  const shallow = new PrattParser<Kind, number>(lexer, {
    atoms: { number: (s) => s.advance() },
    prefix: { "-": { power: 30, build: (_, a) => a } },
  }, { maxDepth: 100 });
  const stream = new TokenStream(lexer, "-".repeat(101) + "1");
  assertEquals(shallow.parse(stream), undefined);
  assertEquals(stream.diagnostics[0]!.code, "too-deep");
});

Deno.test("PrattParser.parse() stops at what cannot continue the expression", () => {
  const stream = new TokenStream(lexer, "1 + 2 3");
  assertEquals(parser.parse(stream), "(1+2)");
  assertEquals(stream.text(), "3");
  assert(!stream.panicking);
});
