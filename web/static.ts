/**
 * Files over HTTP: conditional requests, byte ranges, precompressed variants, directory listings.
 *
 * Path look-ups and small files are read with synchronous calls, which cost a few microseconds on a
 * local disk, where asynchronous ones cost ten times as much; larger files are streamed
 * asynchronously in bounded chunks. On a file system that can hang (NFS) a look-up hangs with it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { extname, fromFileUrl, join, SEPARATOR } from "@std/path";
import { contentType } from "@std/media-types";
import {
  acceptedCodings,
  type Coding,
  evaluatePreconditions,
  rangeApplies,
  type Validators,
} from "./_static_conditional.ts";
import {
  type Listing,
  LISTING_CSP,
  type ListingEntry,
  readListing,
  renderListing,
} from "./_static_listing.ts";
import { type ByteRange, parseRange } from "./_static_range.ts";
import { FileChangedError, type FileIdentity, fileStream, type Part } from "./_static_stream.ts";

export { FileChangedError };
export type { Listing, ListingEntry };

/** What a Cache-Control rule decides from. */
export interface CacheRuleFile {
  /** Path on disk. */
  path: string;
  /** Last segment of the path. */
  name: string;
  /** Length in bytes. */
  sizeBytes: number;
}

/** Picks the Cache-Control value of a file; undefined sends no such header. */
export type CacheRule = (file: CacheRuleFile) => string | undefined;

/** Options of {@linkcode serveFile}. */
export interface ServeFileOptions {
  /**
   * How entity tags are made. `"auto"` takes size and modification time, weak while the file is
   * younger than two seconds (it may change again within one tick of the clock), strong after.
   * `"weak"` the same, always weak. `"strong"` hashes the content (SHA-256, the last 1,000 results
   * are kept). `false` sends none.
   *
   * @default {"auto"}
   */
  etag?: "auto" | "strong" | "weak" | false;
  /**
   * A Cache-Control value, or a rule that picks one; `false` sends none.
   *
   * @default {defaultCacheRule}
   */
  cacheControl?: string | CacheRule | false;
  /**
   * Send `name.br` or `name.gz` beside the file where the client takes that coding and the variant
   * is not older than the file.
   *
   * @default {false}
   */
  precompressed?: boolean;
  /** Content types by extension (`".ts"`), before those of the media type registry. */
  contentTypes?: Readonly<Record<string, string>>;
  /** Headers added to every 200, 206 and 304 answer; they win over the computed ones. */
  headers?: Readonly<Record<string, string>>;
  /**
   * A request for more ranges than this gets the whole file.
   *
   * @default {16}
   */
  maxRanges?: number;
  /**
   * Most bytes of a file in memory at once, per answer.
   *
   * @default {65536}
   */
  chunkBytes?: number;
}

/** Options of {@linkcode staticFiles}. */
export interface StaticFilesOptions extends ServeFileOptions {
  /** The folder that is served. Nothing outside its real path is, through symbolic links either. */
  root: string | URL;
  /**
   * Path the folder is mounted at, such as `/assets`; a request outside it is a 404.
   *
   * @default {""}
   */
  prefix?: string;
  /**
   * The file that stands for its directory; `false` for none.
   *
   * @default {"index.html"}
   */
  index?: string | false;
  /**
   * List directories that have no index file: `true` for a plain page, or a function that makes the
   * answer.
   *
   * @default {false}
   */
  listing?: boolean | ((listing: Listing, request: Request) => Response | Promise<Response>);
  /**
   * Serve and list names that start with a dot.
   *
   * @default {false}
   */
  dotfiles?: boolean;
  /**
   * Most rows of a listing.
   *
   * @default {10000}
   */
  maxListingEntries?: number;
}

const ALLOW = "GET, HEAD";
const YEAR_SECONDS = 31_536_000;
const STRONG_AFTER_MS = 2_000;
const ROOT_KEPT_MS = 1_000;
const SMALL_FILE_BYTES = 65_536;
const MAX_KEPT_HASHES = 1_000;
const MAX_PATH_SEGMENTS = 256;
const CODINGS: readonly Coding[] = ["br", "gzip"];
const CODING_SUFFIX: Readonly<Record<Coding, string>> = { br: ".br", gzip: ".gz" };

/**
 * Whether a file name carries a content hash, as bundlers write them: a part between `.` or `-` and
 * the extension of 8 to 64 characters that is hexadecimal with both digits and letters, or
 * base64url with digits, capitals and small letters.
 *
 * @example
 * ```ts
 * import { isHashedName } from "@groundwork/std/web";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(isHashedName("app.3f2a9c1b.js"));
 * assert(isHashedName("index-BxK2a9Qd.css"));
 * assertFalse(isHashedName("report-20250110.pdf"));
 * ```
 */
export function isHashedName(name: string): boolean {
  const match = /[.-]([A-Za-z0-9_]{8,64})(?:\.[A-Za-z0-9]{1,8}){1,2}$/.exec(name);
  if (match === null) return false;
  const part = match[1]!;
  if (!/\d/.test(part)) return false;
  if (/^[\da-f]+$/.test(part)) return /[a-f]/.test(part);
  return /[A-Z]/.test(part) && /[a-z]/.test(part);
}

/**
 * The rule used unless another is given: a year and `immutable` for hashed names
 * ({@linkcode isHashedName}), `no-cache` (keep, but revalidate) for everything else.
 */
export function defaultCacheRule(file: CacheRuleFile): string {
  return isHashedName(file.name) ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache";
}

/**
 * Answers a GET or HEAD with one file: validators and conditional requests (RFC 9110, section 13),
 * single and multiple byte ranges (section 14), precompressed variants, Cache-Control.
 *
 * 405 for other methods, 404 when there is no such regular file, 403 when it may not be read, 412
 * and 304 by the request's conditions, 416 with the size in Content-Range when no range can
 * be satisfied. `path` is trusted: never build it from a request (that is what
 * {@linkcode staticFiles} does).
 *
 * The body holds no file until it is read, reads at most `chunkBytes` at a time, and fails with
 * {@linkcode FileChangedError} when the file is replaced or becomes shorter than was announced.
 *
 * @example
 * ```ts
 * import { serveFile } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".txt" });
 * await Deno.writeTextFile(path, "hello world");
 * const request = new Request("http://localhost/", { headers: { range: "bytes=0-4" } });
 * const response = await serveFile(request, path);
 * assertEquals(response.status, 206);
 * assertEquals(response.headers.get("content-range"), "bytes 0-4/11");
 * assertEquals(await response.text(), "hello");
 * await Deno.remove(path);
 * ```
 */
export async function serveFile(
  request: Request,
  path: string,
  options: ServeFileOptions = {},
): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed();
  try {
    return await sendFile(request, path, Deno.statSync(path), options, undefined);
  } catch (error) {
    return errorResponse(error);
  }
}

/**
 * A fetch handler that serves a folder: real-path containment, index files, redirects of
 * directories to a trailing slash, optional listings, and all that {@linkcode serveFile} does.
 *
 * Names that start with a dot are 404 unless `dotfiles` is set. A path is split before it is
 * decoded, so `%2F` never becomes a separator; segments that decode to something that is no file
 * name are 404, and malformed percent escapes 400. The look-up is not atomic: somebody who can
 * write into the folder and wins a race between the check and the opening can still get out.
 *
 * @example
 * ```ts
 * import { staticFiles } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/index.html`, "<h1>Hello</h1>");
 * const files = staticFiles({ root });
 * const response = await files(new Request("http://localhost/"));
 * assertEquals(response.headers.get("content-type"), "text/html; charset=UTF-8");
 * assertEquals(await response.text(), "<h1>Hello</h1>");
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export function staticFiles(
  options: StaticFilesOptions,
): (request: Request) => Promise<Response> {
  const root = options.root instanceof URL ? fromFileUrl(options.root) : options.root;
  const prefix = (options.prefix ?? "").replace(/\/+$/, "");
  const index = options.index ?? "index.html";
  // Deployments switch a root that is a symbolic link, so its target is not kept for long.
  let realRoot = "";
  let rootReadAtMs = 0;
  return async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed();
    try {
      let pathname = pathOf(request.url);
      if (prefix !== "") {
        if (pathname !== prefix && !pathname.startsWith(prefix + "/")) return plain(404);
        pathname = pathname.slice(prefix.length);
      }
      const segments = splitPath(pathname, options.dotfiles ?? false);
      if (typeof segments === "number") return plain(segments);
      const nowMs = performance.now();
      if (realRoot === "" || nowMs - rootReadAtMs > ROOT_KEPT_MS) {
        realRoot = Deno.realPathSync(root);
        rootReadAtMs = nowMs;
      }
      const containing = realRoot;
      const isAllowed = (path: string): boolean => isInside(path, containing);
      const real = Deno.realPathSync(join(containing, ...segments));
      if (!isAllowed(real)) return plain(404);
      const info = Deno.statSync(real);
      if (!info.isDirectory) {
        // A trailing slash names a directory, and a file is none.
        if (pathname.endsWith("/")) return plain(404);
        return await sendFile(request, real, info, options, isAllowed);
      }
      if (!pathname.endsWith("/")) return redirectToDirectory(request.url);
      if (index !== false) {
        try {
          const realIndex = Deno.realPathSync(join(real, index));
          const indexInfo = Deno.statSync(realIndex);
          if (isAllowed(realIndex) && indexInfo.isFile) {
            return await sendFile(request, realIndex, indexInfo, options, isAllowed);
          }
        } catch (error) {
          if (statusOfError(error) !== 404) throw error;
        }
      }
      if (!options.listing) return plain(404);
      return await listDirectory(request, real, segments, options, isAllowed);
    } catch (error) {
      return errorResponse(error);
    }
  };
}

function pathOf(url: string): string {
  const authority = url.indexOf("://");
  const start = url.indexOf("/", authority < 0 ? 0 : authority + 3);
  if (start < 0) return "/";
  for (let end = start; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code === 0x3f || code === 0x23) return url.slice(start, end);
  }
  return url.slice(start);
}

/** The decoded segments of a path, or the status that refuses it. */
function splitPath(pathname: string, dotfiles: boolean): string[] | 400 | 404 {
  const segments: string[] = [];
  const raw = pathname.split("/", MAX_PATH_SEGMENTS + 1);
  if (raw.length > MAX_PATH_SEGMENTS) return 404;
  for (let i = 0; i < raw.length; i++) {
    let segment = raw[i]!;
    if (segment === "") continue;
    if (segment.includes("%")) {
      try {
        segment = decodeURIComponent(segment);
      } catch {
        return 400;
      }
    }
    if (segment.includes("/") || segment.includes("\0")) return 404;
    if (segment === "." || segment === ".." || (segment.startsWith(".") && !dotfiles)) return 404;
    // Drive letters, alternate data streams and the other separator mean something to Windows.
    if (Deno.build.os === "windows" && /[\\:]/.test(segment)) return 404;
    segments.push(segment);
  }
  return segments;
}

function isInside(path: string, root: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith(SEPARATOR) ? root : root + SEPARATOR);
}

function redirectToDirectory(url: string): Response {
  const path = pathOf(url);
  const query = url.indexOf("?");
  const fragment = url.indexOf("#");
  const search = query < 0 ? "" : url.slice(query, fragment > query ? fragment : undefined);
  // Relative to the request, so it can neither leave the mount point nor name another host.
  const location = "./" + path.slice(path.lastIndexOf("/") + 1) + "/" + search;
  return new Response(null, { status: 301, headers: { location } });
}

function listDirectory(
  request: Request,
  directory: string,
  segments: readonly string[],
  options: StaticFilesOptions,
  isAllowed: (realPath: string) => boolean,
): Response | Promise<Response> {
  const { entries, truncated } = readListing(directory, {
    dotfiles: options.dotfiles ?? false,
    maxEntries: options.maxListingEntries ?? 10_000,
    isAllowed,
  });
  if (typeof options.listing === "function") {
    return options.listing({ segments, entries, truncated }, request);
  }
  const title = segments.length === 0 ? "/" : "/" + segments.join("/") + "/";
  const body = new TextEncoder().encode(
    renderListing(title, entries, { hasParent: segments.length > 0, truncated }),
  );
  const headers = new Headers({
    "content-type": "text/html; charset=UTF-8",
    "content-length": String(body.length),
    "content-security-policy": LISTING_CSP,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

interface Variant {
  path: string;
  coding: Coding | undefined;
  info: Deno.FileInfo;
}

async function sendFile(
  request: Request,
  path: string,
  original: Deno.FileInfo,
  options: ServeFileOptions,
  isAllowed: ((realPath: string) => boolean) | undefined,
): Promise<Response> {
  if (!original.isFile) return plain(404);
  let variant: Variant = { path, coding: undefined, info: original };
  let varies = false;
  if (options.precompressed) {
    const variants = findVariants(path, original, isAllowed);
    varies = variants.length > 0;
    const accepted = varies ? acceptedCodings(request.headers.get("accept-encoding"), CODINGS) : [];
    for (const coding of accepted) {
      const found = variants.find((candidate) => candidate.coding === coding);
      if (found !== undefined) {
        variant = found;
        break;
      }
    }
  }
  // Opened before the head is answered, so that a file that may not be read is a 403.
  using file = Deno.openSync(variant.path, { read: true });
  const info = file.statSync();
  if (!info.isFile) return plain(404);
  const size = info.size;
  const validators = await makeValidators(variant, info, options.etag ?? "auto");
  const headers = new Headers();
  if (validators.etag !== undefined) headers.set("etag", validators.etag);
  if (validators.mtimeMs !== undefined) {
    headers.set("last-modified", new Date(validators.mtimeMs).toUTCString());
  }
  const cacheControl = cacheControlOf(path, original.size, options.cacheControl);
  if (cacheControl !== undefined) headers.set("cache-control", cacheControl);
  if (varies) headers.set("vary", "Accept-Encoding");

  const verdict = evaluatePreconditions(request.headers, validators);
  if (verdict === 412) return plain(412);
  if (verdict === 304) {
    applyHeaders(headers, options.headers);
    return new Response(null, { status: 304, headers });
  }

  const type = typeOf(path, options.contentTypes);
  headers.set("content-type", type);
  headers.set("x-content-type-options", "nosniff");
  headers.set("accept-ranges", "bytes");
  if (variant.coding !== undefined) headers.set("content-encoding", variant.coding);

  let ranges: ByteRange[] | undefined;
  // Only GET has ranges (RFC 9110, section 14.2).
  const range = request.method === "GET" ? request.headers.get("range") : null;
  if (range !== null && rangeApplies(request.headers, validators)) {
    const result = parseRange(range, size, options.maxRanges ?? 16);
    if (result === "unsatisfiable") {
      const response = plain(416);
      response.headers.set("content-range", `bytes */${size}`);
      return response;
    }
    if (result !== "ignore") ranges = result;
  }
  const parts = partsOf(ranges, size, type, headers);
  const status = ranges === undefined ? 200 : 206;
  applyHeaders(headers, options.headers);
  if (request.method === "HEAD") return new Response(null, { status, headers });
  const [part] = parts;
  if (parts.length === 1 && part !== undefined && !(part instanceof Uint8Array)) {
    const whole = part.length <= SMALL_FILE_BYTES ? readNow(file, part) : undefined;
    if (whole !== undefined) return new Response(whole, { status, headers });
  }
  const identity: FileIdentity = { path: variant.path, dev: info.dev, ino: info.ino, size };
  const chunkBytes = Math.max(1, options.chunkBytes ?? 65_536);
  return new Response(fileStream(identity, parts, chunkBytes), { status, headers });
}

/** Reads a small part at once; undefined when the file has become shorter than that. */
function readNow(
  file: Deno.FsFile,
  part: { start: number; length: number },
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(part.length);
  if (part.start > 0) file.seekSync(part.start, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return bytes;
}

function findVariants(
  path: string,
  original: Deno.FileInfo,
  isAllowed: ((realPath: string) => boolean) | undefined,
): Variant[] {
  const variants: Variant[] = [];
  for (const coding of CODINGS) {
    try {
      let candidate = path + CODING_SUFFIX[coding];
      if (isAllowed !== undefined) {
        candidate = Deno.realPathSync(candidate);
        if (!isAllowed(candidate)) continue;
      }
      const info = Deno.statSync(candidate);
      const isStale = (info.mtime?.getTime() ?? 0) < (original.mtime?.getTime() ?? 0);
      if (info.isFile && !isStale) variants.push({ path: candidate, coding, info });
    } catch (error) {
      if (statusOfError(error) === undefined) throw error;
    }
  }
  return variants;
}

/** Sets the length and type headers for what is sent, and returns the pieces of the body. */
function partsOf(
  ranges: readonly ByteRange[] | undefined,
  size: number,
  type: string,
  headers: Headers,
): Part[] {
  if (ranges === undefined) {
    headers.set("content-length", String(size));
    return [{ start: 0, length: size }];
  }
  if (ranges.length === 1) {
    const { start, end } = ranges[0]!;
    headers.set("content-range", `bytes ${start}-${end}/${size}`);
    headers.set("content-length", String(end - start + 1));
    return [{ start, length: end - start + 1 }];
  }
  const boundary = "groundwork-" + crypto.randomUUID();
  const encoder = new TextEncoder();
  const parts: Part[] = [];
  let length = 0;
  for (const { start, end } of ranges) {
    const head = encoder.encode(
      `${parts.length === 0 ? "" : "\r\n"}--${boundary}\r\n` +
        `Content-Type: ${type}\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`,
    );
    parts.push(head, { start, length: end - start + 1 });
    length += head.length + end - start + 1;
  }
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  parts.push(tail);
  headers.set("content-type", `multipart/byteranges; boundary=${boundary}`);
  headers.set("content-length", String(length + tail.length));
  return parts;
}

function cacheControlOf(
  path: string,
  sizeBytes: number,
  rule: string | CacheRule | false | undefined,
): string | undefined {
  if (rule === false) return undefined;
  if (typeof rule === "string") return rule;
  const name = path.slice(path.lastIndexOf(SEPARATOR) + 1);
  return (rule ?? defaultCacheRule)({ path, name, sizeBytes });
}

function typeOf(path: string, types: Readonly<Record<string, string>> | undefined): string {
  const extension = extname(path).toLowerCase();
  if (extension === "") return "application/octet-stream";
  if (types !== undefined && Object.hasOwn(types, extension)) return types[extension]!;
  return contentType(extension) ?? "application/octet-stream";
}

function applyHeaders(headers: Headers, extra: Readonly<Record<string, string>> | undefined): void {
  if (extra === undefined) return;
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
}

/** Content hashes by path; the oldest is dropped beyond `MAX_KEPT_HASHES`. */
const hashes = new Map<string, { identity: string; hash: string }>();

async function makeValidators(
  variant: Variant,
  info: Deno.FileInfo,
  kind: "auto" | "strong" | "weak" | false,
): Promise<Validators> {
  const mtimeMs = info.mtime?.getTime();
  const mtimeIsStrong = mtimeMs !== undefined && Date.now() - mtimeMs >= STRONG_AFTER_MS;
  // The codings of one file are different representations and never share a tag.
  const suffix = variant.coding === undefined ? "" : "-" + variant.coding;
  let etag: string | undefined;
  if (kind === "strong") {
    etag = `"${await hashFile(variant.path, info)}${suffix}"`;
  } else if (kind !== false && mtimeMs !== undefined) {
    const tag = `"${info.size.toString(36)}-${mtimeMs.toString(36)}${suffix}"`;
    etag = kind === "weak" || !mtimeIsStrong ? "W/" + tag : tag;
  }
  return { etag, mtimeMs, mtimeIsStrong };
}

async function hashFile(path: string, info: Deno.FileInfo): Promise<string> {
  const identity = `${info.dev}:${info.ino}:${info.size}:${info.mtime?.getTime()}`;
  const kept = hashes.get(path);
  if (kept?.identity === identity) return kept.hash;
  const digest = createHash("sha256");
  const file = await Deno.open(path, { read: true });
  for await (const chunk of file.readable) digest.update(chunk);
  const hash = digest.digest("base64url").slice(0, 32);
  // A file younger than the clock's tick may change without its identity changing: not kept.
  if (Date.now() - (info.mtime?.getTime() ?? Date.now()) >= STRONG_AFTER_MS) {
    hashes.delete(path);
    hashes.set(path, { identity, hash });
    if (hashes.size > MAX_KEPT_HASHES) hashes.delete(hashes.keys().next().value!);
  }
  return hash;
}

const TEXT_BY_STATUS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  412: "Precondition Failed",
  416: "Range Not Satisfiable",
};

function plain(status: number): Response {
  return new Response(`${status} ${TEXT_BY_STATUS[status]}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=UTF-8",
      "x-content-type-options": "nosniff",
    },
  });
}

function methodNotAllowed(): Response {
  const response = plain(405);
  response.headers.set("allow", ALLOW);
  return response;
}

/** The answer for a file system error that is about the request; undefined for other errors. */
function statusOfError(error: unknown): 403 | 404 | undefined {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return 404;
  }
  if (error instanceof Deno.errors.FilesystemLoop || error instanceof Deno.errors.IsADirectory) {
    return 404;
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return 403;
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENAMETOOLONG" || code === "EINVAL" || code === "EILSEQ" ? 404 : undefined;
}

function errorResponse(error: unknown): Response {
  const status = statusOfError(error);
  if (status === undefined) throw error;
  return plain(status);
}
