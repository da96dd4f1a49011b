import { assert, assertEquals, assertThrows } from "@std/assert";
import { Lexer, LexerDefinitionError, type TokenRule } from "./lexer.ts";

function lex<K extends string>(rules: readonly TokenRule<K>[], text: string): string[] {
  const lexer = new Lexer(rules);
  const tokens = lexer.tokenize(text);
  return Array.from(
    { length: tokens.length },
    (_, i) => `${lexer.nameOf(tokens.kinds[i]!)}:${text.slice(tokens.starts[i]!, tokens.ends[i]!)}`,
  );
}

Deno.test("Lexer.tokenize() takes the longest match, then the earlier rule", () => {
  const rules = [
    { name: "if", literal: "if" },
    { name: "name", pattern: "[a-z]+" },
    { name: "<", literal: "<" },
    { name: "<=", literal: "<=" },
    { name: "space", pattern: "\\s+", skip: true },
  ];
  assertEquals(lex(rules, "if iffy <=<"), ["if:if", "name:iffy", "<=:<=", "<:<", "end:"]);
});

Deno.test("Lexer.tokenize() goes back to the last accepted place", () => {
  const rules = [
    { name: "integer", pattern: "\\d+" },
    { name: "float", pattern: "\\d+\\.\\d+" },
    { name: ".", literal: "." },
    { name: "name", pattern: "[a-z]+" },
  ];
  assertEquals(lex(rules, "1.5"), ["float:1.5", "end:"]);
  assertEquals(lex(rules, "1.x"), ["integer:1", ".:.", "name:x", "end:"]);
});

Deno.test("Lexer patterns have the regular part of ECMAScript's notation", () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ["a{2,3}", ["aa", "aaa"], ["a", "aaaa"]],
    ["a{2}", ["aa"], ["a", "aaa"]],
    ["a{2,}b", ["aab", "aaaaab"], ["ab"]],
    ["(ab|cd)*e?f", ["f", "ababf", "cdef"], ["abe"]],
    ["[^a-c]", ["d", "\n", "é"], ["b"]],
    ["[\\]\\-x]+", ["]-x"], ["y"]],
    ["\\u{1f600}", ["😀"], ["😁", "\ud83d"]],
    ["[\\u{1f600}-\\u{1f64f}a]+", ["😀a😁"], ["🚀"]],
    ["\\p{Lu}\\p{Ll}*", ["Äpfel", "Wort"], ["wort"]],
    ["\\x41\\u0042", ["AB"], ["ab"]],
    [".", ["x", "\ud83d"], ["\n"]],
    ["(a*b?)*c", ["c", "aabac"], ["aab"]],
    ["[\\d_]+\\D\\S", ["1_xy"], ["1_1y", "1_x "]],
  ];
  for (const [pattern, yes, no] of cases) {
    const match = (text: string) =>
      lex([{ name: "t", pattern }], text)[0] === `t:${text}` && text !== "";
    for (const text of yes) assert(match(text), `/${pattern}/ should match '${text}'`);
    for (const text of no) assert(!match(text), `/${pattern}/ should not match '${text}'`);
  }
});

Deno.test("Lexer.tokenize() makes one error token of a run that no rule matches", () => {
  const rules = [{ name: "a", literal: "a" }];
  assertEquals(lex(rules, "a@😀#a$"), ["a:a", "error:@😀#", "a:a", "error:$", "end:"]);
  assertEquals(lex(rules, ""), ["end:"]);
});

Deno.test("Lexer modes nest: interpolation inside strings inside interpolation", () => {
  const rules: TokenRule[] = [
    { name: "open", literal: '"', push: "string" },
    { name: "chunk", pattern: '[^"$]+', modes: ["string"] },
    { name: "close", literal: '"', modes: ["string"], pop: true },
    { name: "${", literal: "${", modes: ["string"], push: "main" },
    { name: "{", literal: "{", push: "main" },
    { name: "}", literal: "}", pop: true },
    { name: "name", pattern: "[a-z]+" },
  ];
  assertEquals(lex(rules, '"a${b{"c${d}"}}e"'), [
    'open:"',
    "chunk:a",
    "${:${",
    "name:b",
    "{:{",
    'open:"',
    "chunk:c",
    "${:${",
    "name:d",
    "}:}",
    'close:"',
    "}:}",
    "}:}",
    "chunk:e",
    'close:"',
    "end:",
  ]);
});

Deno.test("Lexer.tokenize() is linear where a rule reads ahead and fails again and again", () => {
  const lexer = new Lexer([
    { name: "a", literal: "a" },
    { name: "far", pattern: "a+b" },
  ]);
  const count = 200_000;
  const tokens = lexer.tokenize("a".repeat(count));
  assertEquals(tokens.length, count + 1);
  const open = new Lexer([
    { name: "comment", pattern: "/\\*[^*]*\\*/" },
    { name: "mark", pattern: "[/*]" },
    { name: "x", literal: "x" },
  ]).tokenize("/*x".repeat(100_000));
  assertEquals(open.length, 300_001);
});

Deno.test("Lexer() refuses a wrong table", () => {
  for (
    const pattern of [
      "a**b(",
      "[a",
      "a{3,2}",
      "a{9999}",
      "\\q",
      "(?=a)",
      "[b-a]",
      "\\p{Nope}",
      "a*",
    ]
  ) {
    assertThrows(() => new Lexer([{ name: "t", pattern }]), LexerDefinitionError);
  }
  assertThrows(() => new Lexer([{ name: "t" }]), LexerDefinitionError);
  assertThrows(() => new Lexer([{ name: "t", literal: "" }]), LexerDefinitionError);
  assertThrows(() => new Lexer([{ name: "t", literal: "a", push: "x" }]), LexerDefinitionError);
  assertThrows(
    () => new Lexer([{ name: "t", pattern: "(".repeat(100) + ")".repeat(100) }]),
    LexerDefinitionError,
    "too many nested groups",
  );
  assertThrows(
    () => new Lexer([{ name: "t", pattern: "((((a{256}){256}){256}){256})" }]),
    LexerDefinitionError,
  );
});

Deno.test("Lexer limits how deep modes nest", () => {
  const lexer = new Lexer([{ name: "(", literal: "(", push: "main" }], { maxModeDepth: 3 });
  assertEquals([...lexer.tokenize("(((((").kinds.slice(0, 6)], [2, 2, 2, 0, 0, 1]);
});
