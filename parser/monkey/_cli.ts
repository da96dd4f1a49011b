/** The command line of Monkey; `parser/cli.ts monkey` calls it. */
import { parseArgs } from "@std/cli";
import { SourceText } from "../mod.ts";
import { MonkeyDebugger } from "./debugger.ts";
import { MonkeyError, MonkeySyntaxError } from "./errors.ts";
import { LineEditor } from "./_line_editor.ts";
import { Monkey, type MonkeyEngine, type MonkeyOptions } from "./monkey.ts";
import { parseMonkey } from "./parser.ts";
import { formatProgram } from "./print.ts";
import { highlightMonkey, MonkeyRepl } from "./repl.ts";
import { checkTypes } from "./types.ts";
import { inspect } from "./values.ts";

const USAGE = `Run programs of the Monkey language.

Usage:
  monkey [OPTIONS]               read, evaluate, print, in a loop
  monkey [OPTIONS] FILE          run a file ("-" for standard input)
  monkey bench [--engine NAME]   time fibonacci(35)
  monkey check FILE              report type errors without running
  monkey format FILE             print the program formatted
  monkey debug FILE              step through it: break, step, next, finish, continue, print, locals, backtrace

Options:
  --engine NAME      auto (default), eval, vm, jit or wasm
  --disassemble      print the bytecode instead of running
  --max-steps N      end after N calls and turns of loops
  --max-depth N      calls that may be open (default 10000)
  --max-cells N      live memory in cells (default 8388608)
  --timeout MS       end after MS milliseconds
  --allow-files      let programs read and write files (module "files") and import modules from files
  --help             this text

Permissions: --allow-read for FILE; --allow-files needs --allow-read and --allow-write as far as the program goes.
Exit codes: 0 done, 1 the program failed, 2 wrong usage.`;

const ENGINES = ["auto", "eval", "vm", "jit", "wasm"];

/** The program that the books time. */
export const FIBONACCI = `let fibonacci = fn(x) {
  if (x == 0) {
    0
  } else {
    if (x == 1) {
      return 1;
    } else {
      fibonacci(x - 1) + fibonacci(x - 2);
    }
  }
};
fibonacci(35);`;

class UsageError extends Error {}

/** Runs the command line; returns the exit code. */
export async function runMonkeyCommand(argv: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const args = parseArgs(argv, {
    boolean: ["disassemble", "help", "allow-files"],
    string: ["engine", "max-steps", "max-depth", "max-cells", "timeout"],
    unknown: (arg: string) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      unknown.push(arg);
      return false;
    },
  });
  try {
    if (unknown.length > 0) throw new UsageError(`unknown option ${unknown[0]}`);
    if (args.help) {
      console.log(USAGE);
      return 0;
    }
    const options = readOptions(args);
    const [command, file] = args._.map(String);
    if (command === undefined) return await repl(options);
    switch (command) {
      case "bench":
        return bench(options);
      case "check":
      case "format":
      case "debug":
        if (file === undefined) throw new UsageError(`${command} needs a file`);
        if (command === "check") return check(await read(file));
        if (command === "format") return format(await read(file));
        return await debug(await read(file), options);
    }
    if (args._.length > 1) throw new UsageError("only one file can be run");
    const source = await read(command);
    if (args.disassemble) console.log(new Monkey(options).disassemble(source));
    else new Monkey(options).run(source);
    return 0;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  const color = Deno.stderr.isTerminal() && !Deno.noColor;
  if (error instanceof UsageError) {
    console.error(`monkey: ${error.message}; see --help`);
    return 2;
  }
  if (error instanceof MonkeySyntaxError) {
    console.error(error.render({ color }));
    return 1;
  }
  if (error instanceof MonkeyError) {
    console.error(error.render());
    return 1;
  }
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
    const remedy = error instanceof Deno.errors.NotFound
      ? "check the path"
      : "give the permission with --allow-read";
    console.error(`monkey: ${error.message}; ${remedy}`);
    return 1;
  }
  throw error;
}

function readOptions(args: Record<string, unknown>): MonkeyOptions {
  const engine = (args.engine ?? "auto") as string;
  if (!ENGINES.includes(engine)) {
    throw new UsageError(`no engine "${engine}": choose ${ENGINES.join(", ")}`);
  }
  const number = (name: string): number | undefined => {
    const text = args[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`--${name} wants a positive whole number, got "${text}"`);
    }
    return value;
  };
  const limits = {
    maxSteps: number("max-steps"),
    maxDepth: number("max-depth"),
    maxCells: number("max-cells"),
    timeoutMs: number("timeout"),
  };
  const given = Object.fromEntries(
    Object.entries(limits).filter(([, value]) => value !== undefined),
  );
  const files = args["allow-files"] === true
    ? {
      files: { read: Deno.readTextFileSync, write: Deno.writeTextFileSync },
      readModule: (specifier: string) => Deno.readTextFileSync(specifier),
    }
    : {};
  const output = (line: string) => console.log(line);
  try {
    return new Monkey(given) && { engine: engine as MonkeyEngine, output, ...given, ...files };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function read(path: string): Promise<SourceText> {
  if (path === "-") {
    return new SourceText(await new Response(Deno.stdin.readable).text(), "<stdin>");
  }
  return new SourceText(await Deno.readTextFile(path), path);
}

function bench(options: MonkeyOptions): number {
  const monkey = new Monkey(options);
  const start = performance.now();
  const result = inspect(monkey.run(FIBONACCI));
  const duration = formatDuration(performance.now() - start);
  console.log(`engine=${options.engine}, result=${result}, duration=${duration}`);
  return 0;
}

/** Writes a duration as Go does: `3.907876125s`, `45.3ms`. */
export function formatDuration(milliseconds: number): string {
  const trim = (value: number, digits: number) => String(Number(value.toFixed(digits)));
  return milliseconds >= 1000 ? `${trim(milliseconds / 1000, 9)}s` : `${trim(milliseconds, 6)}ms`;
}

function check(source: SourceText): number {
  const { program, diagnostics } = parseMonkey(source);
  const found = diagnostics.length > 0 ? diagnostics : checkTypes(program);
  if (found.length === 0) return 0;
  throw new MonkeySyntaxError(found, source);
}

function format(source: SourceText): number {
  const { program, diagnostics } = parseMonkey(source);
  if (diagnostics.length > 0) throw new MonkeySyntaxError(diagnostics, source);
  Deno.stdout.writeSync(new TextEncoder().encode(formatProgram(program)));
  return 0;
}

/** Lines of standard input: from an editor on a terminal, else as they come. */
async function* lines(prompt: () => string, history: readonly string[]): AsyncGenerator<string> {
  if (Deno.stdin.isTerminal()) {
    const editor = new LineEditor(history, Deno.noColor ? (text) => text : highlightMonkey);
    for (;;) {
      const line = await editor.read(prompt());
      if (line === undefined) return;
      yield line;
    }
  }
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}

async function repl(options: MonkeyOptions): Promise<number> {
  const terminal = Deno.stdin.isTerminal();
  const session = new MonkeyRepl({ ...options, color: terminal && !Deno.noColor });
  if (terminal) console.log("Monkey. :help shows the commands, Ctrl-D leaves.");
  let incomplete = false;
  for await (const line of lines(() => incomplete ? ".. " : ">> ", session.history)) {
    const answer = session.feed(line);
    if (answer.text !== "") console.log(answer.text);
    if (answer.quit) return 0;
    incomplete = answer.incomplete;
  }
  if (incomplete) {
    const answer = session.feed("");
    if (answer.text !== "") console.log(answer.text);
  }
  return 0;
}

const DEBUG_HELP =
  "break LINE, clear LINE, step, next, finish, continue, print EXPRESSION, locals, backtrace, quit";

async function debug(source: SourceText, options: MonkeyOptions): Promise<number> {
  const session = new MonkeyDebugger(source, options);
  const show = () => {
    const { state } = session;
    if (state.status === "paused") {
      console.log(
        `${state.functionName}, line ${state.line}: ${source.lineText(state.line).trim()}`,
      );
    } else if (state.status === "done") console.log(`done: ${inspect(state.value)}`);
    else console.log(state.error.render());
  };
  show();
  for await (const line of lines(() => "(debug) ", [])) {
    const [command = "", ...words] = line.trim().split(/\s+/);
    const rest = words.join(" ");
    if (command === "quit" || command === "q") break;
    if (command === "") continue;
    try {
      if (!debugCommand(session, command, rest)) show();
    } catch (error) {
      if (!(error instanceof MonkeyError || error instanceof MonkeySyntaxError)) throw error;
      console.log(error.render());
    }
  }
  return session.state.status === "failed" ? 1 : 0;
}

/** Runs one command; false where the place has to be shown. */
function debugCommand(session: MonkeyDebugger, command: string, rest: string): boolean {
  switch (command) {
    case "break":
    case "b":
      if (/^\d+$/.test(rest)) session.breakAt(Number(rest));
      console.log(`breakpoints: ${session.breakpoints.join(", ") || "none"}`);
      return true;
    case "clear":
      session.clear(Number(rest));
      return true;
    case "step":
    case "s":
      session.step();
      return false;
    case "next":
    case "n":
      session.next();
      return false;
    case "finish":
      session.finish();
      return false;
    case "continue":
    case "c":
      session.continue();
      return false;
    case "print":
    case "p":
      console.log(session.print(rest));
      return true;
    case "locals":
      for (const [name, value] of session.locals()) console.log(`${name} = ${value}`);
      return true;
    case "backtrace":
    case "bt":
      session.backtrace().forEach((frame, i) =>
        console.log(`#${i} ${frame.functionName}, line ${frame.line}`)
      );
      return true;
    default:
      console.log(DEBUG_HELP);
      return true;
  }
}
