import { JsonSyntaxError } from "./error.ts";
import type { Scanner } from "./_scanner.ts";
import { decodeUtf8, validUtf8Prefix } from "./_utf8.ts";

/** Runs a scanner over a whole input. */
export function scanAll(scanner: Scanner, input: string | Uint8Array): void {
  if (typeof input === "string") scanner.write(input);
  else {
    checkLength(input);
    const text = decodeUtf8(input);
    if (text === null) {
      const valid = validUtf8Prefix(input);
      scanner.write(decodeUtf8(input.subarray(0, valid))!, valid);
      scanner.failUtf8();
    }
    scanner.write(text, input.length);
  }
  scanner.end();
}

/** The longest string of the engine, in units. */
const MAX_TEXT_BYTES = 536_870_888;

/** Throws for bytes that may not fit into one string. */
export function checkLength(bytes: Uint8Array): void {
  if (bytes.length <= MAX_TEXT_BYTES) return;
  throw new JsonSyntaxError(
    "too-long",
    `text is longer than ${MAX_TEXT_BYTES} bytes`,
    { offset: MAX_TEXT_BYTES, line: 1, column: 1 },
    "",
  );
}
