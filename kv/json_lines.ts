/**
 * Databases as text: JSON Lines, one entry a line.
 *
 * A line is an object with `key` and `value`. Bytes that are UTF-8 stand as a string, others as an
 * object with their base64 (RFC 4648, section 4), so that every database comes back byte for byte:
 *
 * ```json ignore
 * {"key":"ada","value":"1815"}
 * {"key":{"base64":"/wA="},"value":""}
 * ```
 *
 * What is read may also have `{"hex": "ff00"}`. An entry whose life ends has `expires`, in
 * milliseconds since the epoch.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { codecs } from "./codec.ts";
import type { Database } from "./database.ts";
import { EncodingError, LimitError } from "./errors.ts";
import type { IteratorOptions } from "./iterator.ts";
import type { Operation, PutOperation } from "./operation.ts";

/** How far an export or import has come. */
export interface JsonLinesProgress {
  /** Entries so far. */
  readonly entries: number;
  /** Bytes of text so far. */
  readonly bytes: number;
}

/** Options of {@linkcode exportJsonLines}. */
export interface ExportOptions extends IteratorOptions {
  /** Told after each chunk. */
  readonly onProgress?: ((progress: JsonLinesProgress) => void) | undefined;
}

/** Options of {@linkcode importJsonLines}. */
export interface ImportOptions {
  /** Ends it between batches with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((progress: JsonLinesProgress) => void) | undefined;
}

const CHUNK_BYTES = 65_536;
const BATCH_BYTES = 262_144;
const BATCH_OPERATIONS = 1_000;
/** The longest line, in bytes: strings of JavaScript end at about 512 MiB. */
const MAX_LINE_BYTES: number = 400 * 2 ** 20;
/** The longest value that is written; a line has room for its base64. */
const MAX_VALUE_BYTES: number = 256 * 2 ** 20;
/** The longest text that is written as such: JSON may take six bytes for each of its. */
const MAX_TEXT_BYTES: number = 64 * 2 ** 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function fieldOf(bytes: Uint8Array): string | { base64: string } {
  try {
    if (bytes.length <= MAX_TEXT_BYTES) return decoder.decode(bytes);
  } catch {
    // It is no text: base64, as for what is too long.
  }
  const { buffer, byteOffset, length } = bytes;
  return { base64: Buffer.from(buffer, byteOffset, length).toString("base64") };
}

/**
 * An entry as a line of text without its end. Throws `LimitError` for a value over 256 MiB, whose
 * line would be too long for a string; texts over 64 MiB stand as base64.
 */
export function toJsonLine(key: Uint8Array, value: Uint8Array, expires?: number): string {
  if (value.length > MAX_VALUE_BYTES) {
    throw new LimitError("value of a line", MAX_VALUE_BYTES, value.length);
  }
  const line = { key: fieldOf(key), value: fieldOf(value) };
  return JSON.stringify(
    expires === undefined || expires === Infinity ? line : { ...line, expires },
  );
}

function bytesOf(name: string, field: unknown): Uint8Array {
  if (typeof field === "string") return codecs.utf8.encode(field);
  if (typeof field === "object" && field !== null) {
    const { base64, hex } = field as { base64?: unknown; hex?: unknown };
    if (typeof hex === "string") return codecs.hex.encode(hex);
    if (typeof base64 === "string" && !/[^A-Za-z0-9+/=]|=[^=]|={3}/.test(base64)) {
      return new Uint8Array(Buffer.from(base64, "base64"));
    }
  }
  throw new EncodingError(
    "json lines",
    `"${name}" has to be a string or an object with "base64" or "hex"`,
  );
}

/** What a line stands for. Throws `EncodingError` where it is none. */
export function fromJsonLine(line: string): PutOperation {
  const parsed = codecs.json.decode(codecs.utf8.encode(line)) as Record<string, unknown> | null;
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new EncodingError("json lines", "it is no object");
  }
  const key = bytesOf("key", parsed.key);
  const value = bytesOf("value", parsed.value);
  const { expires } = parsed;
  if (expires === undefined) return { type: "put", key, value };
  if (typeof expires !== "number" || !Number.isSafeInteger(expires) || expires < 0) {
    throw new EncodingError("json lines", '"expires" has to be a time in milliseconds');
  }
  return { type: "put", key, value, expires };
}

/**
 * The entries of a range as JSON Lines, in chunks of about 64 KiB, as they are at the first step.
 * Throws what the iterator throws, and as {@linkcode toJsonLine}.
 *
 * @example
 * ```ts
 * import { Database, exportJsonLines, importJsonLines } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await Database.open(await Deno.makeTempDir());
 * await db.put(new TextEncoder().encode("ada"), Uint8Array.of(255));
 * const text = await new Response(ReadableStream.from(exportJsonLines(db))).text();
 * assertEquals(text, '{"key":"ada","value":{"base64":"/w=="}}\n');
 *
 * await using copy = await Database.open(await Deno.makeTempDir());
 * await importJsonLines(copy, new Response(text).body!);
 * assertEquals([...copy.iterator()], [...db.iterator()]);
 * ```
 */
export async function* exportJsonLines(
  db: Database,
  options: ExportOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { onProgress, ...range } = options;
  using own = options.snapshot ? undefined : db.snapshot();
  const snapshot = options.snapshot ?? own;
  using iterator = db.iterator({ ...range, snapshot });
  let entries = 0;
  let bytes = 0;
  for (let lines = "";;) {
    const entry = iterator.nextSync();
    if (entry) {
      const expires = db.ttl ? db.expiresSync(entry[0], { snapshot }) : undefined;
      lines += `${toJsonLine(entry[0], entry[1], expires)}\n`;
      entries++;
    }
    if (entry ? lines.length < CHUNK_BYTES : lines === "") {
      if (entry) continue;
      return;
    }
    const chunk = encoder.encode(lines);
    lines = "";
    bytes += chunk.length;
    onProgress?.({ entries, bytes });
    yield chunk;
  }
}

/** Lines of a stream of bytes, each with what a line break ends; the last may lack it. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      yield parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    // A copy: whose chunk it is may use its bytes again.
    parts.push(chunk.slice(start));
    length += chunk.length - start;
    if (length > MAX_LINE_BYTES) throw new LimitError("line", MAX_LINE_BYTES, length);
  }
  if (length > 0) yield Buffer.concat(parts);
}

/**
 * Writes the entries of JSON Lines into a database, in batches; the last is durable when it resolves.
 * Empty lines are passed over. Lines with `expires` want a database with `ttl`. A line that is malformed ends it with an `EncodingError` that names
 * the line; entries before it may have been written. Lines hold up to 400 MiB, else `LimitError`.
 */
export async function importJsonLines(
  db: Database,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<JsonLinesProgress> {
  const { signal, onProgress } = options;
  let operations: Operation[] = [];
  let size = 0;
  let number = 0;
  let entries = 0;
  let bytes = 0;
  const flush = async (sync: boolean) => {
    signal?.throwIfAborted();
    await db.write(operations, { sync });
    entries += operations.length;
    operations = [];
    size = 0;
    onProgress?.({ entries, bytes });
  };
  for await (const line of linesOf(source)) {
    number++;
    bytes += line.length + 1;
    let operation: PutOperation;
    try {
      const text = codecs.utf8.decode(line);
      if (text.trim() === "") continue;
      operation = fromJsonLine(text);
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
      throw new EncodingError("json lines", `line ${number}: ${error.message}`, { cause: error });
    }
    // Not behind the push: something is left for the last batch, which is to be durable.
    if (operations.length >= BATCH_OPERATIONS || size >= BATCH_BYTES) await flush(false);
    operations.push(operation);
    size += operation.key.length + operation.value.length;
  }
  if (operations.length > 0) await flush(true);
  return { entries, bytes };
}
