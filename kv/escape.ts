/**
 * Bytes as text that a person can read and that is safe to show: what is printable UTF-8 as it is,
 * everything else as `\xNN`, and a backslash as `\\`.
 *
 * @module
 */
import { codecs } from "./codec.ts";
import { EncodingError } from "./errors.ts";

/** Controls, line and paragraph separators, and marks that turn the direction of text around. */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += `\\x${byte.toString(16).padStart(2, "0")}`;
  return text;
}

/**
 * Bytes as text for people, which {@linkcode unescapeBytes} takes back. No control character, no line
 * break and nothing that turns text around is left in it; it is not escaped for HTML.
 *
 * @example
 * ```ts
 * import { escapeBytes, unescapeBytes } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([0x6b, 0xc3, 0xbc, 0x00]);
 * assertEquals(escapeBytes(bytes), "kü\\x00");
 * assertEquals(unescapeBytes("kü\\x00"), bytes);
 * ```
 */
export function escapeBytes(bytes: Uint8Array): string {
  let text: string;
  try {
    text = codecs.utf8.decode(bytes);
  } catch {
    // It is no text: ASCII stays, the rest goes byte by byte.
    text = "";
    for (const byte of bytes) {
      text += byte === 0x5c
        ? "\\\\"
        : byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : hexOf(Uint8Array.of(byte));
    }
    return text;
  }
  return text.replaceAll("\\", "\\\\").replaceAll(
    UNSAFE,
    (char) => hexOf(codecs.utf8.encode(char)),
  );
}

/** The bytes that a text stands for. Throws `EncodingError` for a backslash before anything else. */
export function unescapeBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = codecs.utf8.encode(text);
  const bytes = new Uint8Array(plain.length);
  let length = 0;
  for (let i = 0; i < plain.length; i++) {
    if (plain[i] !== 0x5c) {
      bytes[length++] = plain[i]!;
      continue;
    }
    const next = plain[++i];
    if (next === 0x5c) {
      bytes[length++] = 0x5c;
      continue;
    }
    const digits = String.fromCharCode(...plain.subarray(i + 1, i + 3));
    if (next !== 0x78 || !/^[0-9a-fA-F]{2}$/.test(digits)) {
      throw new EncodingError("escape", "behind a backslash stands another, or x and two digits");
    }
    bytes[length++] = parseInt(digits, 16);
    i += 2;
  }
  return bytes.slice(0, length);
}
