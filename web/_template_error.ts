/** The error of the template engine, apart from it so that every part of the engine can throw it. */

/** Which step refused: reading the source, escaping it, running it, or a limit. */
export type TemplateErrorCode =
  | "ERR_TEMPLATE_SYNTAX"
  | "ERR_TEMPLATE_CONTEXT"
  | "ERR_TEMPLATE_EXECUTION"
  | "ERR_TEMPLATE_LIMIT"
  | "ERR_TEMPLATE_NOT_FOUND";

/** A template's name and text, for positions in errors. */
export interface TemplateSource {
  readonly name: string;
  readonly text: string;
}

/**
 * A template that cannot be read, escaped safely, or run. The message reads
 * `name:line:column: what is wrong`.
 */
export class TemplateError extends Error {
  /** Always `"TemplateError"`. */
  override readonly name = "TemplateError";
  /** What kind of failure it is. */
  readonly code: TemplateErrorCode;
  /** Name of the template file; empty when the failure has no place. */
  readonly file: string;
  /** Line, from 1; 0 when the failure has no place. */
  readonly line: number;
  /** Column in UTF-16 code units, from 1; 0 when the failure has no place. */
  readonly column: number;

  /** Made by the engine; `offset` is in UTF-16 code units of the source. */
  constructor(
    code: TemplateErrorCode,
    message: string,
    source?: TemplateSource,
    offset = 0,
    options?: ErrorOptions,
  ) {
    let line = 0;
    let column = 0;
    if (source !== undefined) {
      line = 1;
      let lineStart = 0;
      for (let at = source.text.indexOf("\n"); at >= 0 && at < offset;) {
        line++;
        lineStart = at + 1;
        at = source.text.indexOf("\n", lineStart);
      }
      column = offset - lineStart + 1;
    }
    super(source === undefined ? message : `${source.name}:${line}:${column}: ${message}`, options);
    this.code = code;
    this.file = source?.name ?? "";
    this.line = line;
    this.column = column;
  }
}
