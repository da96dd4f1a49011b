import { MonkeyError, MonkeySyntaxError } from "./errors.ts";
import { tokenizeMonkey } from "./lexer.ts";
import { Monkey, type MonkeyOptions } from "./monkey.ts";
import { parseMonkey } from "./parser.ts";
import { printNode } from "./print.ts";
import { inspect } from "./values.ts";
import { SourceText } from "../mod.ts";

/** What {@linkcode MonkeyRepl.feed} makes of a line. */
export interface ReplAnswer {
  /** Text to show; empty for nothing. */
  readonly text: string;
  /** Whether the input goes on: show a continuation prompt. */
  readonly incomplete: boolean;
  /** Whether the user wants to leave. */
  readonly quit: boolean;
}

const HELP =
  `Type a Monkey expression or statement. Unfinished input goes on in the next line; an empty line ends it.
  :ast CODE        show the tree
  :bytecode CODE   show the instructions of the VM
  :time CODE       run and show how long it took
  :names           show the top-level names
  :help            show this
  :quit            leave`;

/**
 * The read-eval-print loop without its terminal: lines in, text out.
 *
 * @example
 * ```ts
 * import { MonkeyRepl } from "@groundwork/std/parser/monkey";
 * import { assertEquals } from "@std/assert";
 *
 * const repl = new MonkeyRepl();
 * assertEquals(repl.feed("let add = fn(a, b) {").incomplete, true);
 * assertEquals(repl.feed("a + b };").text, "");
 * assertEquals(repl.feed("add(1, 2)").text, "3");
 * assertEquals(repl.feed(":ast 1 + 2 * 3").text, "(1 + (2 * 3))");
 * ```
 */
export class MonkeyRepl {
  readonly #monkey: Monkey;
  readonly #color: boolean;
  readonly #now: () => number;
  readonly #history: string[] = [];
  #printed: string[] = [];
  #pending = "";
  #count = 0;

  /** Makes a session; `color` paints the answers for a terminal. `output` of the options is replaced by the answer. */
  constructor(options: MonkeyOptions & { color?: boolean; now?: () => number } = {}) {
    const { color = false, now = () => performance.now(), ...rest } = options;
    this.#color = color;
    this.#now = now;
    this.#monkey = new Monkey({ ...rest, output: (line) => this.#printed.push(line) });
  }

  /** Inputs so far, oldest first; at most 1,000. */
  get history(): readonly string[] {
    return this.#history;
  }

  /** Takes one line of input. Errors of programs are part of the answer. */
  feed(line: string): ReplAnswer {
    const text = this.#pending === "" ? line : `${this.#pending}\n${line}`;
    if (text.trim() === "") return this.#answer("");
    const command = /^\s*:(\w+)\s*/.exec(text);
    const code = command === null ? text : text.slice(command[0].length);
    const parsed = parseMonkey(code);
    const unfinished = parsed.incomplete && parsed.diagnostics.length === 1;
    if (unfinished && line.trim() !== "" && (command === null || code !== "")) {
      this.#pending = text;
      return { text: "", incomplete: true, quit: false };
    }
    this.#pending = "";
    if (text !== this.#history.at(-1)) this.#history.push(text);
    if (this.#history.length > 1000) this.#history.shift();
    if (command?.[1] === "quit" || command?.[1] === "q") {
      return { text: "", incomplete: false, quit: true };
    }
    this.#printed = [];
    return this.#answer(this.#guarded(() => this.#run(command?.[1], code)));
  }

  /** Gives up unfinished input. */
  cancel(): void {
    this.#pending = "";
  }

  #answer(text: string): ReplAnswer {
    return { text, incomplete: false, quit: false };
  }

  #guarded(action: () => string): string {
    try {
      return [...this.#printed, action()].join("\n");
    } catch (error) {
      let text: string;
      if (error instanceof MonkeySyntaxError) text = error.render({ color: this.#color });
      else if (error instanceof MonkeyError) text = this.#paint(error.render(), "31");
      else throw error;
      return [...this.#printed, text].join("\n");
    }
  }

  #paint(text: string, code: string): string {
    return this.#color ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  #run(command: string | undefined, code: string): string {
    const source = new SourceText(code, `<input ${++this.#count}>`);
    switch (command) {
      case undefined:
        return this.#show(this.#value(source));
      case "ast": {
        const { program, diagnostics } = parseMonkey(source);
        if (diagnostics.length > 0) throw new MonkeySyntaxError(diagnostics, source);
        return program.statements.map(printNode).join("\n");
      }
      case "bytecode":
        return this.#monkey.disassemble(source);
      case "time": {
        const start = this.#now();
        const text = this.#value(source);
        const lines = this.#show(text);
        return `${lines}${lines === "" ? "" : "\n"}${(this.#now() - start).toFixed(3)} ms`;
      }
      case "names":
        return this.#monkey.names.join(" ");
      case "help":
        return HELP;
      default:
        return `unknown command :${command}; try :help`;
    }
  }

  /** The value's text; undefined where a statement has none to show. */
  #value(source: SourceText): string | undefined {
    const value = this.#monkey.run(source);
    const last = parseMonkey(source).program.statements.at(-1);
    if (value === null && last?.kind !== "ExpressionStatement") return undefined;
    if (value === null && this.#printed.length > 0) return undefined;
    return inspect(value);
  }

  /** `puts` has printed already by the time the value is known. */
  #show(value: string | undefined): string {
    const printed = this.#printed;
    this.#printed = [];
    const shown = value === undefined ? [] : [this.#paint(value, "32")];
    return [...printed, ...shown].join("\n");
  }
}

const COLORS: Record<string, string> = {
  string: "32",
  "string-open": "32",
  "string-text": "32",
  "string-close": "32",
  integer: "36",
  float: "36",
  true: "36",
  false: "36",
  null: "36",
  error: "31",
};

/** Paints a program for a terminal: keywords, literals and what is no token. Only ANSI codes are added. */
export function highlightMonkey(source: string): string {
  let out = "";
  let at = 0;
  for (const { kind, text, start } of tokenizeMonkey(source)) {
    const color = COLORS[kind] ??
      (/^[a-z]+$/.test(kind) && kind !== "name" && kind !== "end" ? "35" : "");
    out += source.slice(at, start) + (color === "" ? text : `\x1b[${color}m${text}\x1b[0m`);
    at = start + text.length;
  }
  return out + source.slice(at);
}
