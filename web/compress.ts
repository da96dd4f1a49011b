import type { Transform } from "node:stream";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  deflateSync,
  gzipSync,
} from "node:zlib";
import { addVary, isStreaming, withBody } from "./_headers.ts";
import { peekBody } from "./_peek.ts";
import type { Middleware } from "./context.ts";

/** A content coding that {@linkcode compress} makes. */
export type CompressEncoding = "br" | "gzip" | "deflate";

/** Options of {@linkcode compress}. */
export interface CompressOptions {
  /**
   * The codings, the preferred one first where the client prefers none.
   *
   * @default {["br", "gzip", "deflate"]}
   */
  encodings?: readonly CompressEncoding[];
  /**
   * Smaller bodies are sent as they are, in bytes.
   *
   * @default {1024}
   */
  thresholdBytes?: number;
}

/** Brotli's default of 11 is for files that are compressed once. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** A body that is there at once is compressed in one go up to this size; it blocks for about 1 ms. */
const MAX_SYNC_BYTES = 64 * 1024;

const COMPRESSIBLE =
  /^(?:text\/(?!event-stream)|application\/(?:[^;\s]+\+)?(?:json|xml|javascript|wasm|x-ndjson|manifest)|image\/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|font\/(?:ttf|otf))/i;

/**
 * Compresses answers as the client likes it (`Accept-Encoding` with its weights, RFC 9110 section
 * 12.5.3). Left as they are: bodies that are small, of types that are compressed already or not
 * known to be text, coded already, partial (206), `no-transform`, and event streams. A strong
 * `ETag` becomes weak, and `Vary` tells caches. A slow stream is flushed chunk by chunk.
 *
 * Do not compress answers that mix a secret with what a stranger chose (the BREACH attack).
 *
 * @example Usage
 * ```ts
 * import { App, compress } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.use(compress());
 * app.get("/", (c) => c.text("hello ".repeat(1000)));
 *
 * const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
 * assertEquals(response.headers.get("content-encoding"), "gzip");
 * const body = response.body!.pipeThrough(new DecompressionStream("gzip"));
 * assertEquals((await new Response(body).text()).length, 6000);
 * ```
 */
export function compress(options: CompressOptions = {}): Middleware {
  const encodings = options.encodings ?? ["br", "gzip", "deflate"];
  const thresholdBytes = options.thresholdBytes ?? 1024;
  return async (c, next) => {
    const response = await next();
    if (!isCompressible(response)) return response;
    const varied = withBody(response, response.body);
    addVary(varied.headers, "Accept-Encoding");
    const encoding = chooseEncoding(c.req, encodings);
    const length = varied.headers.get("content-length");
    if (
      encoding === undefined || c.method === "HEAD" || varied.body === null ||
      (length !== null && Number(length) < thresholdBytes)
    ) return varied;
    const isStream = isStreaming(response.body!);
    const peeked = isStream
      ? { bytes: undefined, isComplete: false, body: varied.body }
      : await peekBody(varied.body, Math.max(thresholdBytes, MAX_SYNC_BYTES + 1), true);
    if (peeked.isComplete && peeked.bytes!.byteLength < thresholdBytes) {
      return withBody(varied, peeked.body);
    }
    const compressed = peeked.isComplete && peeked.bytes!.byteLength <= MAX_SYNC_BYTES
      ? compressBytes(encoding, peeked.bytes!)
      : compressStream(encoding, new Response(peeked.body).body!);
    const answer = withBody(varied, compressed);
    answer.headers.set("content-encoding", encoding);
    answer.headers.delete("content-length");
    answer.headers.delete("accept-ranges");
    const tag = answer.headers.get("etag");
    if (tag !== null && !tag.startsWith("W/")) answer.headers.set("etag", `W/${tag}`);
    return answer;
  };
}

function isCompressible(response: Response): boolean {
  const { headers, status } = response;
  if (response.body === null || status === 206 || status < 200) return false;
  if (headers.has("content-encoding") || headers.has("content-range")) return false;
  if (/(?:^|[,\s])no-transform(?:$|[,\s])/i.test(headers.get("cache-control") ?? "")) return false;
  return COMPRESSIBLE.test(headers.get("content-type") ?? "");
}

/**
 * Picks the coding of the highest weight; among equals ours that is listed first, as browsers give
 * all of theirs the same weight. Without the header none is picked, although any would be allowed.
 */
function chooseEncoding(
  request: Request,
  encodings: readonly CompressEncoding[],
): CompressEncoding | undefined {
  const weights = parseWeights(request.headers.get("accept-encoding") ?? "");
  const others = weights.get("*") ?? 0;
  let best: CompressEncoding | undefined;
  // What is sent as it is wins only where it is asked for and preferred.
  let bestWeight = weights.get("identity") ?? 0;
  for (const encoding of encodings) {
    const weight = weights.get(encoding) ?? others;
    if (weight > bestWeight || (weight === bestWeight && weight > 0 && best === undefined)) {
      best = encoding;
      bestWeight = weight;
    }
  }
  return best;
}

/** Weights by coding; what is malformed is left out. */
function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const entry of header.split(",")) {
    const match = /^\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?$/i.exec(entry);
    if (match !== null) weights.set(match[1]!.toLowerCase(), Math.min(1, Number(match[2] ?? 1)));
  }
  return weights;
}

function compressBytes(encoding: CompressEncoding, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  switch (encoding) {
    case "br":
      return new Uint8Array(brotliCompressSync(bytes, BROTLI));
    case "gzip":
      return new Uint8Array(gzipSync(bytes));
    case "deflate":
      return new Uint8Array(deflateSync(bytes));
  }
}

function createCompressor(encoding: CompressEncoding): Transform & {
  flush(callback: () => void): void;
} {
  switch (encoding) {
    case "br":
      return createBrotliCompress(BROTLI);
    case "gzip":
      return createGzip();
    case "deflate":
      return createDeflate();
  }
}

/** One chunk in, its compressed form out: the reader sets the pace. */
function compressStream(
  encoding: CompressEncoding,
  source: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const compressor = createCompressor(encoding);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      compressor.on("data", (chunk: Uint8Array) => controller.enqueue(new Uint8Array(chunk)));
      compressor.on("error", (error) => controller.error(error));
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          await new Promise<void>((resolve) => {
            compressor.once("end", resolve);
            compressor.end();
          });
          controller.close();
        } else {
          compressor.write(value);
          await new Promise<void>((resolve) => compressor.flush(resolve));
        }
      } catch (error) {
        compressor.destroy();
        throw error;
      }
    },
    async cancel(reason) {
      compressor.destroy();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
