/** What the playground says of a JSON text and of a Monkey program: plain objects, for a worker to send. */
import { JsonSyntaxError, parse, treeLines, typeName } from "../parser/json/mod.ts";
import { renderDiagnostic, SourceText } from "../parser/mod.ts";
import {
  childrenOf,
  inspect,
  Monkey,
  MonkeyError,
  type MonkeyNode,
  MonkeySyntaxError,
  parseMonkey,
} from "../parser/monkey/mod.ts";

/** A piece of a line, with the class that colours it; `""` for what has no colour. */
export type Segment = readonly [kind: string, text: string];

/** What there is to say of a JSON text. */
export type JsonReport =
  | {
    readonly ok: true;
    readonly type: string;
    readonly parseMs: number;
    readonly lines: readonly (readonly Segment[])[];
    /** Lines that are not shown. */
    readonly omitted: boolean;
  }
  | {
    readonly ok: false;
    readonly message: string;
    readonly line: number;
    readonly column: number;
    /** UTF-16 code units from the start of the text. */
    readonly offset: number;
  };

/** A run of a program on one engine. */
export interface EngineReport {
  readonly engine: string;
  /** The result as the REPL writes it, or the error with its trace. */
  readonly result: string;
  readonly ok: boolean;
  readonly steps: number;
  /** The first run, with compilation. */
  readonly runMs: number;
}

/** What there is to say of a Monkey program. */
export interface MonkeyReport {
  readonly problems: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
  }[];
  /** Rows of the tree: level, kind, and what is particular to the node. */
  readonly ast: readonly (readonly [level: number, kind: string, detail: string])[];
  readonly bytecode: string;
  /** What the program printed, on the first engine. */
  readonly output: readonly string[];
  readonly engines: readonly EngineReport[];
  /** Whether results, output and steps are the same on all engines; undefined where one ran out of time. */
  readonly agree: boolean | undefined;
}

/** The most lines of a tree, and of a program's output. */
const MAX_LINES = 2_000;
const MAX_LINE_UNITS = 300;
const MAX_TEXT_UNITS = 100_000;
/** The longest run on one engine. */
const TIMEOUT_MS = 250;
/** About 64 MB at most, in the language's cells. */
const MAX_CELLS = 1 << 20;

function cut(text: string, units = MAX_LINE_UNITS): string {
  return text.length > units ? `${text.slice(0, units)}…` : text;
}

/** Parses a JSON text and prints it as a tree, or says what is wrong with it and where. */
export function describeJson(text: string): JsonReport {
  const begin = performance.now();
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column, offset } = error;
    return { ok: false, message: error.message.split("\n")[0]!, line, column, offset };
  }
  const parseMs = performance.now() - begin;
  const lines: Segment[][] = [];
  let omitted = false;
  // No control character stands raw in what is painted: strings are quoted.
  const paint = (part: string, piece: string): string => `\u0001${part}\u0002${cut(piece)}\u0002`;
  for (const line of treeLines(value, { paint })) {
    if (lines.length === MAX_LINES) {
      omitted = true;
      break;
    }
    const [indent, ...painted] = line.split("\u0001");
    const segments: Segment[] = indent === "" ? [] : [["", indent!]];
    for (const piece of painted) {
      const [kind, text, rest] = piece.split("\u0002") as [string, string, string];
      segments.push([kind, text]);
      if (rest !== "") segments.push(["", rest]);
    }
    lines.push(segments);
  }
  return { ok: true, type: typeName(value), parseMs, lines, omitted };
}

function detailOf(node: MonkeyNode): string {
  switch (node.kind) {
    case "Integer":
    case "Float":
    case "Boolean":
      return String(node.value);
    case "String":
      return JSON.stringify(node.value);
    case "Identifier":
    case "Function":
      return node.name;
    case "Prefix":
    case "Infix":
    case "Logical":
      return node.operator;
    case "Assign":
      return `${node.operator ?? ""}=`;
    case "Import":
      return JSON.stringify(node.specifier);
    default:
      return "";
  }
}

function treeOf(root: MonkeyNode): [number, string, string][] {
  const rows: [number, string, string][] = [];
  const stack: [number, MonkeyNode][] = [[0, root]];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const [level, node] = item;
    if (rows.length === MAX_LINES) {
      rows.push([0, "…", ""]);
      break;
    }
    rows.push([level, node.kind, cut(detailOf(node))]);
    const children = childrenOf(node);
    for (let i = children.length - 1; i >= 0; i--) stack.push([level + 1, children[i]!]);
  }
  return rows;
}

const ENGINES = ["eval", "vm", "jit", "wasm", "auto"] as const;

function runOn(engine: typeof ENGINES[number], source: string): EngineReport & { output: string } {
  const output: string[] = [];
  let units = 0;
  const monkey = new Monkey({
    engine,
    timeoutMs: TIMEOUT_MS,
    maxCells: MAX_CELLS,
    output(line) {
      if (units > MAX_TEXT_UNITS) return;
      output.push(cut(line));
      units += Math.min(line.length, MAX_LINE_UNITS) + 1;
      if (units > MAX_TEXT_UNITS) output.push("… more is not shown");
    },
  });
  const begin = performance.now();
  let ok = true;
  let result: string;
  try {
    const value = monkey.run(source);
    result = cut(inspect(value), 10_000);
  } catch (error) {
    ok = false;
    if (!(error instanceof MonkeyError || error instanceof MonkeySyntaxError)) throw error;
    const trace = error instanceof MonkeyError ? error.trace : [];
    const lines = trace.slice(0, 10).map((frame) =>
      `  at ${frame.functionName} (${frame.line}:${frame.column})`
    );
    result = [
      `error: ${cut(error.message, 1_000)}`,
      ...lines,
      ...(trace.length > 10 ? ["  …"] : []),
    ].join("\n");
    if (error instanceof MonkeyError && error.code === "time-limit") {
      result = `error: stopped after ${TIMEOUT_MS} ms`;
    }
  }
  const runMs = performance.now() - begin;
  return { engine, result, ok, steps: monkey.steps, runMs, output: output.join("\n") };
}

/** Parses a Monkey program, and runs it on every engine. */
export function describeMonkey(text: string): MonkeyReport {
  const source = new SourceText(text, "playground");
  const { program, diagnostics } = parseMonkey(source);
  const ast = treeOf(program);
  const none = { ast, bytecode: "", output: [], engines: [], agree: true };
  const problemsOf = (list: typeof diagnostics): MonkeyReport["problems"] =>
    list.slice(0, 20).map((item) => ({
      start: item.span.start,
      end: item.span.end,
      text: renderDiagnostic(item, source),
    }));
  if (diagnostics.length > 0) return { ...none, problems: problemsOf(diagnostics) };
  let bytecode: string;
  try {
    const limits = { timeoutMs: TIMEOUT_MS, maxSteps: 1_000_000 };
    bytecode = cut(new Monkey(limits).disassemble(source), MAX_TEXT_UNITS);
  } catch (error) {
    if (error instanceof MonkeySyntaxError) {
      return { ...none, problems: problemsOf([...error.diagnostics]) };
    }
    if (!(error instanceof MonkeyError)) throw error;
    return { ...none, problems: [{ start: 0, end: 0, text: error.message }] };
  }
  const runs = ENGINES.map((engine) => runOn(engine, text));
  const first = runs[0]!;
  const limited = runs.some((run) => run.result.startsWith("error: stopped after"));
  const same = runs.every((run) =>
    run.result === first.result && run.output === first.output && run.steps === first.steps
  );
  return {
    problems: [],
    ast,
    bytecode,
    output: first.output === "" ? [] : first.output.split("\n").slice(0, MAX_LINES),
    engines: runs.map(({ output: _, ...run }) => run),
    agree: limited ? undefined : same,
  };
}
