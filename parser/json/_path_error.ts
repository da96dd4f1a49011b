/** A JSONPath query that is malformed, or that asks for more than the limits. */
export class JsonPathError extends Error {
  /** Always `"JsonPathError"`. */
  override readonly name = "JsonPathError";
  /**
   * `syntax`: not a query of RFC 9535, or not well-typed; `too-large`: the query is too long, or selects more nodes than
   * `maxNodes`; `not-streamable`: a filter of a stream looks at the whole document.
   */
  readonly code: "syntax" | "too-large" | "not-streamable";
  /** Where the query is wrong, in UTF-16 units from 0; 0 where no place is to blame. */
  readonly offset: number;

  /** Made by `JsonPath`. */
  constructor(code: "syntax" | "too-large" | "not-streamable", offset: number, message: string) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}
