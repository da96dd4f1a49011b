/**
 * Character encodings of commit messages: from the one a commit names to the one wanted.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "./_bytes.ts";

const UTF8 = /^utf-?8$/i;
const LATIN1 = /^(iso[-_]?8859[-_]1|iso[-_]8859[-_]1:1987|latin[-_]?1|l1|cp819)$/i;
const ASCII = /^(us-)?ascii$/i;

/** Whether two names mean the same encoding. */
export function sameEncoding(a: string, b: string): boolean {
  const one = (name: string): string => UTF8.test(name) ? "utf-8" : name.toLowerCase();
  return one(a) === one(b);
}

/** Text in a named encoding; `undefined` when the encoding is not known or the text not valid. */
function decode(text: ByteString, encoding: string): string | undefined {
  if (LATIN1.test(encoding)) return text;
  try {
    const name = encoding.replace(
      /^(iso|latin|koi|cp)[-_]?(?=\d)/i,
      (_, kind: string) => kind.toLowerCase() === "cp" ? "windows-" : `${kind}-`,
    );
    return new TextDecoder(name, { fatal: true }).decode(fromByteString(text));
  } catch {
    return undefined;
  }
}

const tables = new Map<string, Map<string, ByteString> | undefined>();

/** Characters of one or two bytes by what they are decoded to. */
function encodingTable(encoding: string): Map<string, ByteString> | undefined {
  const known = tables.get(encoding);
  if (known !== undefined || tables.has(encoding)) return known;
  let table: Map<string, ByteString> | undefined;
  if (decode("a", encoding) !== undefined) {
    table = new Map();
    const add = (bytes: ByteString): boolean => {
      const text = decode(bytes, encoding);
      if (text === undefined || [...text].length !== 1) return false;
      if (!table!.has(text)) table!.set(text, bytes);
      return true;
    };
    for (let a = 0; a < 256; a++) {
      const first = String.fromCharCode(a);
      if (add(first)) continue;
      for (let b = 0x21; b < 256; b++) add(first + String.fromCharCode(b));
    }
  }
  tables.set(encoding, table);
  return table;
}

function encode(text: string, encoding: string): ByteString | undefined {
  if (UTF8.test(encoding)) return toByteString(new TextEncoder().encode(text));
  if (LATIN1.test(encoding) || ASCII.test(encoding)) {
    const limit = ASCII.test(encoding) ? 0x80 : 0x100;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= limit) return undefined;
    return text;
  }
  const table = encodingTable(encoding.toLowerCase());
  if (table === undefined) return undefined;
  let out = "";
  for (const c of text) {
    const bytes = table.get(c);
    if (bytes === undefined) return undefined;
    out += bytes;
  }
  return out;
}

/** Text in another encoding; `undefined` when that cannot be. */
export function reencode(text: ByteString, from: string, to: string): ByteString | undefined {
  const decoded = decode(text, from);
  return decoded === undefined ? undefined : encode(decoded, to);
}
