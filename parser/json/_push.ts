/** Drives the scanner with bytes that come in pieces. */
import { Scanner, type ScannerOptions, type TokenHandler } from "./_scanner.ts";
import { Utf8Pieces } from "./_utf8.ts";

/** Longest string, number or comment that a stream holds, in UTF-16 units. */
export const DEFAULT_MAX_TOKEN_LENGTH: number = 64 << 20;
/** Most levels that a stream keeps. */
export const DEFAULT_MAX_DEPTH = 1_000_000;

/** The scanner behind the streams: bytes in, tokens to the handler, errors with byte offsets. */
export class BytePush {
  readonly scanner: Scanner;
  readonly pieces: Utf8Pieces = new Utf8Pieces();

  constructor(handler: TokenHandler, options: ScannerOptions) {
    this.scanner = new Scanner(handler, {
      ...options,
      maxDepth: options.maxDepth ?? DEFAULT_MAX_DEPTH,
      maxTokenLength: options.maxTokenLength ?? DEFAULT_MAX_TOKEN_LENGTH,
      byteOffsets: true,
    });
  }

  push(chunk: Uint8Array): void {
    const pieces = this.pieces;
    pieces.push(chunk);
    this.scanner.write(pieces.text, pieces.length);
    if (pieces.broken) this.scanner.failUtf8();
  }

  end(): void {
    this.pieces.finish();
    if (this.pieces.broken) this.scanner.failUtf8();
    this.scanner.end();
  }
}
