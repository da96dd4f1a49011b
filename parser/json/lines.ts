import { JsonSyntaxError } from "./error.ts";
import { parse, type ParseOptions } from "./parse.ts";
import { stringify, type StringifyOptions } from "./stringify.ts";

/** Options of a `JsonLinesParseStream`. */
export interface JsonLinesParseOptions extends Omit<ParseOptions, "dialect"> {
  /** Longest line in bytes; 67,108,864 by default. */
  maxLineBytes?: number;
}

const DEFAULT_MAX_LINE_BYTES = 64 << 20;

/**
 * Turns JSON Lines (one JSON text a line, LF or CRLF, UTF-8) into values. Lines of nothing but white space are skipped; the last line
 * needs no line end. Memory holds one chunk, its values, and one line.
 *
 * @example
 * ```ts
 * import { JsonLinesParseStream } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const source = ReadableStream.from(['{"a":1}\n{"a"', ":2}\n"]).pipeThrough(new TextEncoderStream());
 * const values = await Array.fromAsync(source.pipeThrough(new JsonLinesParseStream()));
 * assertEquals(values, [{ a: 1 }, { a: 2 }]);
 * ```
 */
export class JsonLinesParseStream extends TransformStream<Uint8Array, unknown> {
  /**
   * Makes a stream. Its readable side fails with a `JsonSyntaxError` whose offset and line count from the start
   * of the stream.
   */
  constructor(options: JsonLinesParseOptions = {}) {
    const lines = new LineSplitter(options);
    super({
      transform(chunk, controller) {
        lines.push(chunk, controller);
      },
      flush(controller) {
        lines.end(controller);
      },
    });
  }
}

class LineSplitter {
  readonly #options: ParseOptions;
  readonly #maxLineBytes: number;
  /** The start of a line whose end has not come, in pieces. */
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #line = 1;
  /** Where the current line starts in the stream. */
  #offset = 0;

  constructor(options: JsonLinesParseOptions) {
    this.#options = options;
    this.#maxLineBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES;
  }

  push(chunk: Uint8Array, controller: TransformStreamDefaultController<unknown>): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.#parse(this.#join(chunk.subarray(from, at)), controller);
      this.#offset++;
      from = at + 1;
      this.#line++;
    }
    if (from === chunk.length) return;
    // Copied: the owner of the chunk may use its buffer again.
    const rest = chunk.slice(from);
    this.#pieces.push(rest);
    this.#pieceBytes += rest.length;
    if (this.#pieceBytes > this.#maxLineBytes) this.#tooLong();
  }

  end(controller: TransformStreamDefaultController<unknown>): void {
    this.#parse(this.#join(new Uint8Array(0)), controller);
  }

  #join(last: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return last;
    const line = new Uint8Array(this.#pieceBytes + last.length);
    let at = 0;
    for (const piece of this.#pieces) {
      line.set(piece, at);
      at += piece.length;
    }
    line.set(last, at);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return line;
  }

  #parse(line: Uint8Array, controller: TransformStreamDefaultController<unknown>): void {
    if (line.length > this.#maxLineBytes) this.#tooLong();
    if (!isBlank(line)) {
      try {
        controller.enqueue(parse(line, this.#options));
      } catch (error) {
        if (!(error instanceof JsonSyntaxError)) throw error;
        throw new JsonSyntaxError(error.code, error.reason, {
          offset: this.#offset + error.offset,
          line: this.#line,
          column: error.column,
        }, error.excerpt);
      }
    }
    this.#offset += line.length;
  }

  #tooLong(): never {
    throw new JsonSyntaxError(
      "too-long",
      `line is longer than ${this.#maxLineBytes} bytes`,
      { offset: this.#offset, line: this.#line, column: 1 },
      "",
    );
  }
}

function isBlank(line: Uint8Array): boolean {
  for (const byte of line) if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  return true;
}

/** Bytes that are collected before they are handed on. */
const BATCH_UNITS = 16_384;

/**
 * Turns values into JSON Lines: each value's text and LF, in chunks of about 16 KiB, UTF-8.
 *
 * @example
 * ```ts
 * import { JsonLinesStringifyStream } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = ReadableStream.from([{ a: 1 }, [2]]).pipeThrough(new JsonLinesStringifyStream());
 * assertEquals(await new Response(lines).text(), '{"a":1}\n[2]\n');
 * ```
 */
export class JsonLinesStringifyStream extends TransformStream<unknown, Uint8Array> {
  /** Makes a stream; it fails with a `JsonValueError` for a value without a JSON form. */
  constructor(options: Omit<StringifyOptions, "indent"> = {}) {
    const encoder = new TextEncoder();
    const { keyOrder = "insertion", nonFinite = "null" } = options;
    let text = "";
    super({
      transform(value, controller) {
        text += stringify(value, { keyOrder, nonFinite }) + "\n";
        if (text.length >= BATCH_UNITS) {
          controller.enqueue(encoder.encode(text));
          text = "";
        }
      },
      flush(controller) {
        if (text !== "") controller.enqueue(encoder.encode(text));
      },
    });
  }
}
