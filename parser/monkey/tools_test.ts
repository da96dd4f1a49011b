import { assert, assertEquals, assertThrows } from "@std/assert";
import { runMonkeyCommand } from "./_cli.ts";
import { formatDuration } from "./_cli.ts";
import {
  checkTypes,
  formatProgram,
  highlightMonkey,
  Monkey,
  MonkeyDebugger,
  MonkeyRepl,
  MonkeySyntaxError,
  parseMonkey,
  printNode,
} from "./mod.ts";

Deno.test("MonkeyRepl keeps names, continues unfinished input and shows errors", () => {
  const repl = new MonkeyRepl({ now: () => 0 });
  const feed = (line: string) => repl.feed(line).text;
  assertEquals(feed("let x = 2"), "");
  assertEquals(repl.feed("let f = fn(a) {").incomplete, true);
  assertEquals(repl.feed("a * x").incomplete, true);
  assertEquals(repl.feed("}").incomplete, false);
  assertEquals(feed("f(21)"), "42");
  assertEquals(feed('puts("hi")'), "hi");
  assertEquals(feed('puts("a"); 5'), "a\n5");
  assertEquals(feed("null"), "null");
  assertEquals(feed("f(true)").split("\n"), [
    "error: type mismatch: BOOLEAN * INTEGER",
    "  at f (<input 2>:2:1)",
    "  at <main> (<input 7>:1:1)",
  ]);
  assertEquals(feed("let = 1").split("\n")[0], "error[syntax]: expected a name, found '='");
  assertEquals(repl.feed("1 +").incomplete, true);
  assertEquals(feed("").startsWith("error[syntax]"), true);
  assertEquals(feed(":time 1 + 1"), "2\n0.000 ms");
  assertEquals(feed(":names"), "x f");
  assertEquals(feed(":bytecode 1").includes("OpReturnInteger 1"), true);
  assertEquals(feed(":what"), "unknown command :what; try :help");
  assert(feed(":help").includes(":bytecode"));
  assertEquals(repl.history[0], "let x = 2");
  assertEquals(repl.feed(":quit").quit, true);
  const painted = new MonkeyRepl({ color: true });
  assertEquals(painted.feed("1").text, "\x1b[32m1\x1b[0m");
});

Deno.test("highlightMonkey() adds colours and changes nothing else", () => {
  for (const source of ['let s = "a${1 + x}b"; // c\n@ fn(x) { true }', '"open ${', ""]) {
    const painted = highlightMonkey(source);
    // deno-lint-ignore no-control-regex
    assertEquals(painted.replaceAll(/\x1b\[\d*m/g, ""), source);
  }
  assertEquals(highlightMonkey("let"), "\x1b[35mlet\x1b[0m");
});

Deno.test("MonkeyDebugger steps into, over and out of calls", () => {
  const source = `let twice = fn(n) {
  let m = n * 2;
  m
};
let a = twice(1);
let b = map([1, 2], twice);
let f = fn(c) {
  let t = twice(c);
  t / 0
};
f(a);`;
  const session = new MonkeyDebugger(source);
  const line = () => session.state.status === "paused" ? session.state.line : session.state.status;
  assertEquals(line(), 1);
  assertEquals((session.next(), line()), 5);
  assertEquals((session.step(), line()), 2);
  assertEquals(session.locals(), new Map([["n", "1"]]));
  assertEquals((session.step(), line()), 3);
  assertEquals(session.print("m + n"), "3");
  assertThrows(() => session.print("m +"), MonkeySyntaxError);
  assertEquals((session.finish(), line()), 6);
  // Functions called by builtins run through.
  assertEquals((session.step(), line()), 7);
  session.breakAt(9);
  assertEquals((session.continue(), line()), 9);
  assertEquals(session.backtrace(), [
    { functionName: "f", line: 9 },
    { functionName: "<main>", line: 11 },
  ]);
  assertEquals(session.print("b"), "[2, 4]");
  session.clear(9);
  assertEquals(session.breakpoints, []);
  session.continue();
  assert(session.state.status === "failed");
  assertEquals(session.state.error.message, "division by zero");
  assertEquals(session.step(), session.state);
  assertEquals(session.backtrace(), []);
});

Deno.test("MonkeyDebugger stops at a breakpoint in every turn of a loop and sees closures", () => {
  const session = new MonkeyDebugger(
    "let f = fn() {\n  let n = 0;\n  let g = fn() {\n    n = n + 1;\n    n\n  };\n  while (n < 3) {\n    g();\n  }\n  n\n};\nf()",
  );
  session.breakAt(4);
  const seen: string[] = [];
  while (session.continue().status === "paused") seen.push(session.print("n"));
  assertEquals(seen, ["0", "1", "2"]);
  assertEquals(session.state, { status: "done", value: 3 });
});

Deno.test("checkTypes() finds what cannot go well and leaves alone what may", () => {
  const errors = (source: string) => checkTypes(parseMonkey(source).program).map((d) => d.message);
  const wrong: [string, string][] = [
    ["1 + true", "cannot use '+' on an integer and a boolean"],
    ['-"a"', "expected a number, got a string"],
    ['"a" - "b"', "cannot use '-' on a string and a string"],
    ["5(1)", "an integer is not a function"],
    ["fn(a) { a }()", "wrong number of arguments: want=1, got=0"],
    ['let f = fn(a) { a * 2 }; f("x")', "expected a number, got a string"],
    ['let f = fn(g) { g(1) }; f(fn(s) { s + "x" })', "expected a function, got a function"],
    ["nowhere", "identifier not found: nowhere"],
    ["{[1]: 2}", "an array cannot be a key"],
    ["true[0]", "cannot index a boolean"],
    ['let n = 1; n = "x"', "expected an integer, got a string"],
    ["for (i in 5) { }", "cannot walk over an integer"],
    ['map([1, 2], fn(s) { s + "a" })', "expected a function, got a function"],
    [
      "let fact = fn(n) { if (n == 0) { return 1 } n * fact(n - 1) }; fact(3) + true",
      "cannot use '+' on a number and a boolean",
    ],
  ];
  for (const [source, message] of wrong) assertEquals(errors(source), [message], source);
  for (
    const source of [
      'let id = fn(x) { x }; id(1) + 2; id("a") + "b"',
      "let even = fn(n) { if (n == 0) { true } else { odd(n - 1) } }; let odd = fn(n) { even(n - 1) }; even(4)",
      '[1, "a", true][0] + 1',
      'let f = fn(x) { if (x) { 1 } else { "a" } }; f(1) + 1',
      "1 + 1.5",
      "let fib = fn(n) { if (n < 2) { n } else { fib(n - 1) + fib(n - 2) } }; fib(10) * 2",
      'let compose = fn(f, g) { fn(x) { f(g(x)) } }; compose(fn(n) { n + 1 }, len)("abc")',
      "let y = fn(f) { fn(x) { x(x) }(fn(x) { f(fn(v) { x(x)(v) }) }) }; y",
      'import("math").sqrt(2)',
      'let h = {"a": 1}; h["a"] + 1; h.a += 2',
    ]
  ) assertEquals(errors(source), [], source);
});

Deno.test("formatProgram() prints what parses to the same tree, and the same again", () => {
  const sources = [
    "let a=(1+2)*3-(4-(5-6)); -(-a); !(a==b); (a||b)&&c",
    'let f=fn(x,y){while(x<y){x+=1;if(x==3){break}else{continue}}; for(i in [1,2]){puts(i)}; return {"a":1,true:[x]}[y](1)}',
    'let m = macro(a){quote(unquote(a)+1)}; "x${1+2}\\n"; import("math").pi; a[1]=2',
    "let long = [1000000000, 2000000000, 3000000000, 4000000000, 5000000000, 6000000000, 7000000000, 8000000000];",
  ];
  for (const source of sources) {
    const { program } = parseMonkey(source);
    const formatted = formatProgram(program);
    const again = parseMonkey(formatted);
    assertEquals(again.diagnostics, [], formatted);
    assertEquals(printNode(again.program), printNode(program));
    assertEquals(formatProgram(again.program), formatted);
    for (const line of formatted.split("\n")) assert(line.length <= 80, line);
  }
});

Deno.test("Monkey.disassemble() folds constants and marks jumps, tail calls and lines", () => {
  const text = new Monkey().disassemble(
    "let f = fn(n) {\n  if (n == 0) { 2 * 3 + 4 } else { f(n - 1) }\n};",
  );
  assertEquals(text.split("\n").map((line) => line.trimEnd()), [
    "<main>() line 1:",
    "0000 OpClosure 0 0                           ; line 1, f",
    "0003 OpSetGlobal 0                           ; line 1",
    "0005 OpReturn                                ; line 1",
    "",
    "f(n) line 1:",
    "0000 OpJumpLocalNotEqualInteger 0 0 0006     ; line 2",
    "0004 OpReturnInteger 10                      ; line 2",
    "0006 OpGetGlobal 0                           ; line 2",
    "0008 OpSubLocalInteger 0 1                   ; line 2",
    "0011 OpTailCall 1                            ; line 2",
    "0014 OpReturnValue                           ; line 2",
    "",
  ]);
  // What would fail is not folded away, and fails where it stands.
  assert(new Monkey().disassemble("1 / 0").includes("OpDiv"));
});

Deno.test("the command line: exit codes, errors on stderr, durations", async () => {
  const out: string[] = [];
  const err: string[] = [];
  const { log, error } = console;
  console.log = (text: string) => out.push(text);
  console.error = (text: string) => err.push(text);
  const path = await Deno.makeTempFile({ suffix: ".monkey" });
  try {
    await Deno.writeTextFile(path, 'puts("${6 * 7}"); let x = 1 / 0;');
    assertEquals(await runMonkeyCommand([path]), 1);
    assertEquals(out, ["42"]);
    assertEquals(err[0]!.split("\n")[0], "error: division by zero");
    assertEquals(await runMonkeyCommand(["--engine", "nope", path]), 2);
    assertEquals(await runMonkeyCommand(["--nope"]), 2);
    assertEquals(await runMonkeyCommand(["--max-steps", "x", path]), 2);
    assertEquals(await runMonkeyCommand(["/nowhere.monkey"]), 1);
    assert(err.at(-1)!.includes("check the path"));
    assertEquals(await runMonkeyCommand(["--help"]), 0);
    assertEquals(await runMonkeyCommand(["--disassemble", path]), 0);
    assert(out.at(-1)!.includes("OpDiv"));
    assertEquals(await runMonkeyCommand(["check", path]), 0);
    await Deno.writeTextFile(path, "let = 1; 1 + true");
    assertEquals(await runMonkeyCommand(["check", path]), 1);
    assert(err.at(-1)!.includes("expected a name"));
  } finally {
    console.log = log;
    console.error = error;
    await Deno.remove(path);
  }
  assertEquals(formatDuration(3907.876125), "3.907876125s");
  assertEquals(formatDuration(45.3), "45.3ms");
});
