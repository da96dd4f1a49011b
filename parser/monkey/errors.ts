import { type Diagnostic, renderDiagnostic, type SourceText } from "../mod.ts";

/** Thrown when a program cannot be parsed or its macros cannot be expanded. */
export class MonkeySyntaxError extends Error {
  /** Always `"MonkeySyntaxError"`. */
  override readonly name = "MonkeySyntaxError";
  /** Always `"monkey-syntax"`. */
  readonly code = "monkey-syntax";
  /** Every finding, in the order of the source. */
  readonly diagnostics: readonly Diagnostic[];
  /** The source that the spans are in. */
  readonly source: SourceText;

  /** Makes the error of at least one finding. */
  constructor(diagnostics: readonly Diagnostic[], source: SourceText) {
    const first = diagnostics[0]!;
    const { line, column } = source.position(first.span.start);
    super(`${source.name}:${line}:${column}: ${first.message}`);
    this.diagnostics = diagnostics;
    this.source = source;
  }

  /** All findings with their source lines. */
  render(options: { color?: boolean } = {}): string {
    return this.diagnostics.map((d) => renderDiagnostic(d, this.source, options)).join("\n\n");
  }
}

/** What kind of error a {@linkcode MonkeyError} is. */
export type MonkeyErrorCode =
  /** The program did something wrong; `try` in the language can catch it. */
  | "runtime"
  /** More calls are open than `maxDepth`. */
  | "stack-overflow"
  /** More steps than `maxSteps`. */
  | "step-limit"
  /** More live cells than `maxCells`. */
  | "memory-limit"
  /** Ran longer than `timeoutMs`. */
  | "time-limit"
  /** The `signal` was aborted. */
  | "aborted"
  /** Something the embedder did not allow. */
  | "denied";

/** One line of a stack trace. */
export interface MonkeyStackFrame {
  /** Name of the function, `<main>` at the top level, `<anonymous>` without a name. */
  readonly functionName: string;
  /** Name of the source. */
  readonly source: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in code points. */
  readonly column: number;
}

/** An error of a running Monkey program. */
export class MonkeyError extends Error {
  /** Always `"MonkeyError"`. */
  override readonly name = "MonkeyError";
  /** What kind of error. */
  readonly code: MonkeyErrorCode;
  /** Where it happened and through which calls, innermost first; at most 100 lines. */
  trace: readonly MonkeyStackFrame[] = [];
  /** The value given to `error(…)`, where the program raised it with more than a message. */
  readonly payload: unknown;

  /** Makes an error; the engine fills in the trace. */
  constructor(message: string, code: MonkeyErrorCode = "runtime", payload: unknown = undefined) {
    super(message);
    this.code = code;
    this.payload = payload;
  }

  /** The message and the trace, as a terminal shows them. */
  render(): string {
    return [
      `${this.code === "runtime" ? "error" : this.code}: ${this.message}`,
      ...this.trace.map((frame) =>
        `  at ${frame.functionName} (${frame.source}:${frame.line}:${frame.column})`
      ),
    ].join("\n");
  }
}
