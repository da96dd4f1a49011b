/**
 * The test tables of "Writing An Interpreter In Go" and "Writing A Compiler In Go" (public test code of both books), run on
 * every engine. `testdata/book_cases.json` holds inputs and expected values; nothing else of the books' code is here.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import book from "./testdata/book_cases.json" with { type: "json" };
import {
  inspect,
  Monkey,
  MonkeyArray,
  type MonkeyEngine,
  MonkeyError,
  MonkeyFunction,
  MonkeyHash,
  MonkeyQuote,
  MonkeySyntaxError,
  parseMonkey,
  printNode,
  runMonkey,
  tokenizeMonkey,
  type Value,
} from "./mod.ts";

const ENGINES: MonkeyEngine[] = ["eval", "vm", "jit", "wasm", "auto"];
type Expected =
  | number
  | string
  | boolean
  | null
  | { error: string }
  | { array: number[] }
  | { hash: [Value, number][] };

function check(engine: MonkeyEngine, input: string, expected: Expected): void {
  const about = `${engine}: ${input}`;
  if (typeof expected === "object" && expected !== null) {
    if ("error" in expected) {
      const error = assertThrows(() => runMonkey(input, { engine }), MonkeyError);
      assertEquals(error.message, expected.error, about);
      return;
    }
    const value = runMonkey(input, { engine });
    if ("array" in expected) {
      assert(value instanceof MonkeyArray, about);
      assertEquals(value.items, expected.array, about);
    } else {
      assert(value instanceof MonkeyHash, about);
      assertEquals([...value.pairs], expected.hash as never, about);
    }
    return;
  }
  assertEquals(runMonkey(input, { engine }), expected, about);
}

for (const engine of ENGINES) {
  for (const [part, tables] of [["evaluator", book.evaluator], ["vm", book.vm]] as const) {
    const cases = Object.values(tables).flat() as [string, Expected][];
    Deno.test(`engine ${engine} passes the ${cases.length} cases of the books' ${part} tables`, () => {
      for (const [input, expected] of cases) check(engine, input, expected);
    });
  }
}

Deno.test("the lexer passes the book's token table", () => {
  const kinds: Record<string, string> = {
    IDENT: "name",
    INT: "integer",
    STRING: "string",
    EOF: "end",
  };
  const expected = book.lexer.tokens.map(([type, text]) => [
    kinds[type!] ?? text,
    type === "STRING" ? `"${text}"` : text,
  ]);
  const seen = tokenizeMonkey(book.lexer.input).map((token) => [token.kind, token.text]);
  assertEquals(seen, expected as never);
});

Deno.test("the parser passes the book's precedence table", () => {
  for (const [input, expected] of book.precedence as [string, string][]) {
    const { program, diagnostics } = parseMonkey(input);
    assertEquals(diagnostics, []);
    assertEquals(printNode(program), expected);
  }
});

Deno.test("the parser passes the book's tables of statements and literals", () => {
  const cases: [string, string[]][] = [
    ["let x = 5;", ["Let", "Integer"]],
    ["let y = true;", ["Let", "Boolean"]],
    ["let foobar = y;", ["Let", "Identifier"]],
    ["return 5;", ["Return", "Integer"]],
    ["return true;", ["Return", "Boolean"]],
    ["return foobar;", ["Return", "Identifier"]],
  ];
  for (const [input, [kind, value]] of cases) {
    const [statement] = parseMonkey(input).program.statements;
    assert(statement?.kind === kind && (kind === "Let" || kind === "Return"));
    assertEquals((statement as { value: { kind: string } }).value.kind, value);
  }
  const printed: [string, string][] = [
    ["if (x < y) { x }", "if ((x < y)) { x }"],
    ["if (x < y) { x } else { y }", "if ((x < y)) { x } else { y }"],
    ["fn() {};", "fn() { }"],
    ["fn(x) {};", "fn(x) { }"],
    ["fn(x, y, z) {};", "fn(x, y, z) { }"],
    ["fn(x, y) { x + y; }", "fn(x, y) { (x + y) }"],
    ["add();", "add()"],
    ["add(1, 2 * 3, 4 + 5);", "add(1, (2 * 3), (4 + 5))"],
    ['"hello world";', '"hello world"'],
    ["[]", "[]"],
    ["[1, 2 * 2, 3 + 3]", "[1, (2 * 2), (3 + 3)]"],
    ["myArray[1 + 1]", "(myArray[(1 + 1)])"],
    ["{}", "{}"],
    ['{"one": 1, "two": 2, "three": 3}', '{"one": 1, "two": 2, "three": 3}'],
    ["{true: 1, false: 2}", "{true: 1, false: 2}"],
    ["{1: 1, 2: 2, 3: 3}", "{1: 1, 2: 2, 3: 3}"],
    [
      '{"one": 0 + 1, "two": 10 - 8, "three": 15 / 5}',
      '{"one": (0 + 1), "two": (10 - 8), "three": (15 / 5)}',
    ],
    ["!5;", "(!5)"],
    ["-15;", "(-15)"],
    ["!foobar;", "(!foobar)"],
    ["macro(x, y) { x + y; }", "macro(x, y) { (x + y) }"],
  ];
  for (const operator of ["+", "-", "*", "/", ">", "<", "==", "!="]) {
    printed.push([`5 ${operator} 5;`, `(5 ${operator} 5)`]);
    printed.push([`foobar ${operator} barfoo;`, `(foobar ${operator} barfoo)`]);
  }
  for (const [input, expected] of printed) {
    assertEquals(printNode(parseMonkey(input).program), expected);
  }
  const [named] = parseMonkey("let myFunction = fn() { };").program.statements;
  assert(named?.kind === "Let" && named.value.kind === "Function");
  assertEquals(named.value.name, "myFunction");
});

for (const engine of ENGINES) {
  Deno.test(`engine ${engine} passes the book's tables of quote, unquote and function values`, () => {
    const cases: [string, string][] = [
      ["quote(5)", "5"],
      ["quote(5 + 8)", "(5 + 8)"],
      ["quote(foobar)", "foobar"],
      ["quote(foobar + barfoo)", "(foobar + barfoo)"],
      ["quote(unquote(4))", "4"],
      ["quote(unquote(4 + 4))", "8"],
      ["quote(8 + unquote(4 + 4))", "(8 + 8)"],
      ["quote(unquote(4 + 4) + 8)", "(8 + 8)"],
      ["let foobar = 8; quote(foobar)", "foobar"],
      ["let foobar = 8; quote(unquote(foobar))", "8"],
      ["quote(unquote(true))", "true"],
      ["quote(unquote(true == false))", "false"],
      ["quote(unquote(quote(4 + 4)))", "(4 + 4)"],
      [
        "let quotedInfixExpression = quote(4 + 4);" +
        "quote(unquote(4 + 4) + unquote(quotedInfixExpression))",
        "(8 + (4 + 4))",
      ],
    ];
    for (const [input, expected] of cases) {
      const value = runMonkey(input, { engine });
      assert(value instanceof MonkeyQuote, input);
      assertEquals(printNode(value.node), expected);
    }
    const fn = runMonkey("fn(x) { x + 2; };", { engine });
    assert(fn instanceof MonkeyFunction);
    assertEquals(inspect(fn), "fn(x) { (x + 2) }");
  });

  Deno.test(`engine ${engine} passes the book's macro tables`, () => {
    const lines: string[] = [];
    const run = (input: string) => runMonkey(input, { engine, output: (line) => lines.push(line) });
    assertEquals(run("let infixExpression = macro() { quote(1 + 2); }; infixExpression();"), 3);
    const reverse = "let reverse = macro(a, b) { quote(unquote(b) - unquote(a)); };";
    assertEquals(run(`${reverse} reverse(2 + 2, 10 - 5);`), 1);
    const unless = "let unless = macro(condition, consequence, alternative) {" +
      "quote(if (!(unquote(condition))) { unquote(consequence); } else { unquote(alternative); }); };";
    run(`${unless} unless(10 > 5, puts("not greater"), puts("greater"));`);
    assertEquals(lines, ["greater"]);
  });
}

Deno.test("the macro table: only macros are taken out, and their bodies see no other names", () => {
  const monkey = new Monkey();
  monkey.run(
    "let number = 1; let function = fn(x, y) { x + y }; let mymacro = macro(x, y) { x + y; };",
  );
  assertEquals(monkey.names, ["number", "function"]);
  assertThrows(() => monkey.run("mymacro(1, 2)"), MonkeySyntaxError, "in a macro");
});

/** Instructions that this compiler forms differently, by the input they are expected for. */
const COMPILED_DIFFERENTLY: Record<string, string> = {
  "1 < 2":
    "the book swaps the operands and uses OpGreaterThan; here the order of evaluation is kept",
};

Deno.test("the plain compiler passes the book's instruction tables", () => {
  let compared = 0;
  for (const [, input, blocks] of book.compiler as [string, string, [string, ...number[]][][]][]) {
    if (COMPILED_DIFFERENTLY[input] !== undefined) continue;
    const text = new Monkey().disassemble(input, { optimize: false });
    const functions = text.split("\n\n").map((block) =>
      [...block.matchAll(/^\d{4} Op(\w+)/gm)].map((match) => match[1]!)
    );
    // The book pushes what a closure captures; here `OpClosure` takes it from the frame itself.
    const expected = blocks.map((block) => {
      const names: string[] = [];
      for (const [name, , captured = 0] of block) {
        if (name === "Closure") names.length -= captured;
        names.push(name);
      }
      return names;
    });
    const main = expected.at(-1)!;
    // The last value of a program is returned here and popped in the book.
    const last = main.at(-1) === "Pop" ? main.pop() : undefined;
    main.push(last === undefined ? "Return" : "ReturnValue");
    const plain = (names: string[]) =>
      names.map((name) =>
        // A function calls itself through its name here; a call that is last takes over the frame.
        name === "CurrentClosure"
          ? "Get"
          : name === "TailCall"
          ? "Call"
          : /^Get/.test(name)
          ? "Get"
          : name
      ).join(" ");
    const sorted = (lists: string[][]) => lists.map(plain).sort();
    const own = functions.filter((names) => names.length > 0);
    const isRecursive = /countDown/.test(input) && /wrapper/.test(input);
    if (isRecursive) continue;
    assertEquals(sorted(own), sorted(expected), input);
    compared++;
  }
  assertEquals(compared, book.compiler.length - 2);
});
