/**
 * Hosting repositories over smart HTTP (gitprotocol-http) as a fetch handler.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { RequestScope } from "./_request_scope.ts";
import { type ByteString, concatBytes, encodeText } from "./_bytes.ts";
import { isDirectory } from "./_files.ts";
import { GitError } from "./errors.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { FLUSH, packet } from "./pkt_line.ts";
import {
  type PushCommand,
  type PushContext,
  type PushVerdict,
  receivePack,
} from "./receive_pack.ts";
import { isGitDirectory, Repository } from "./repository.ts";
import { pushOffers, receiveSettings, uploadSettings } from "./service_settings.ts";
import { advertise, errorPacket, serveV0, serveV2, type UploadPackOptions } from "./upload_pack.ts";

export type { PushCommand, PushContext, PushVerdict } from "./receive_pack.ts";

/** What a request wants. */
export interface HostAccess {
  /** Path of the repository below the root, without slashes at the ends. */
  readonly repository: string;
  /** Whether refs would change. */
  readonly write: boolean;
  /** The request, for its headers. */
  readonly request: Request;
}

/** Options of {@linkcode createGitHost}. */
export interface GitHostOptions {
  /** Directory that holds the repositories. */
  readonly root: string;
  /** Path below which they are served. Default `/`. */
  readonly basePath?: string;
  /** Decides who may do what. `true` allows, `false` is 403, "challenge" asks for Basic credentials. Default: all may read and write. */
  readonly authorize?: (
    access: HostAccess,
  ) => boolean | "challenge" | Promise<boolean | "challenge">;
  /** Make a bare repository when somebody pushes to one that is not there. Default false. */
  readonly create?: boolean;
  /**
   * Refs that clients neither see nor change, nor get what only such refs reach. The settings
   * `transfer.hideRefs`, `uploadpack.hideRefs` and `receive.hideRefs` of a repository hide refs too;
   * as in Git, a version 2 client that knows an id gets what they lead to.
   */
  readonly hideRef?: (repository: string, name: string) => boolean;
  /** Called before a push changes refs; a text refuses it. */
  readonly preReceive?: (
    repository: string,
    commands: readonly PushCommand[],
    context: PushContext,
  ) => PushVerdict | Promise<PushVerdict>;
  /** Called for each ref before it changes; a text refuses it. */
  readonly update?: (
    repository: string,
    command: PushCommand,
    context: PushContext,
  ) => PushVerdict | Promise<PushVerdict>;
  /** Called after a push. */
  readonly postReceive?: (
    repository: string,
    commands: readonly PushCommand[],
    context: PushContext,
  ) => void | Promise<void>;
  /** Serve partial clones where `uploadpack.allowFilter` of the repository does not say. Default true. */
  readonly allowFilter?: boolean;
  /** Largest body of a push, inflated (bytes). Default 2 GiB. */
  readonly maxBodySize?: number;
  /** Largest body of a fetch, inflated (bytes): its wants and haves. Default 10 MiB. */
  readonly maxRequestSize?: number;
  /** Largest pack of a push (bytes). Default the repository's `receive.maxInputSize`, else `maxBodySize`. */
  readonly maxPackSize?: number;
  /** Most objects in one push. Default 10,000,000. */
  readonly maxObjects?: number;
  /** Largest object of a push (bytes), which is the memory that one may take. Default 256 MiB. */
  readonly maxObjectSize?: number;
  /** Most refs in one push. Default 100,000. */
  readonly maxCommands?: number;
  /** Most wanted objects in a fetch. Default 100,000. */
  readonly maxWants?: number;
  /** Most requests at work at a time; others are told to come back (503). Default 256. */
  readonly maxConcurrent?: number;
  /** Longest that one request may take (milliseconds). Default one hour. */
  readonly timeoutMs?: number;
  /** Longest that a client may neither send nor take anything (milliseconds). Default two minutes. */
  readonly idleTimeoutMs?: number;
}

const NAME = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\/)*[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;
/** Longest path of a repository below the root. */
const MAX_NAME = 1000;

/** Work goes on in slices of this length (milliseconds); between them others have their turn. */
const SLICE_MS = 20;
/** After so many slices without a word an answer is begun. */
const MAX_SLICES = 10;
/** Chunks of an answer are gathered up to this size (bytes). */
const CHUNK_SIZE = 1 << 16;
/** How much of a gzip body is inflated at a time (bytes): it may grow a thousandfold. */
const GZIP_STEP = 4096;

/** A pause in which timers, sockets and other requests have their turn. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function* bodyChunks(
  request: Request,
  limit: number,
  scope: RequestScope,
): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const encoding = request.headers.get("content-encoding");
  const packed = encoding === "gzip" || encoding === "x-gzip";
  const body = packed
    ? request.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          for (let at = 0; at < chunk.length; at += GZIP_STEP) {
            controller.enqueue(chunk.subarray(at, at + GZIP_STEP));
          }
        },
      }),
    ).pipeThrough(new DecompressionStream("gzip"))
    : request.body;
  const reader = body.getReader();
  let size = 0;
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await scope.whileIdle(reader.read());
      if (done) break;
      size += value.length;
      if (size > limit) throw new GitError("limit", "request is too large");
      yield value;
    }
    ended = true;
  } catch (error) {
    if (error instanceof TypeError && packed) {
      throw new GitError("protocol", "request body is not valid gzip");
    }
    if (error instanceof GitError) throw error;
    throw new GitError("io", "the client went away", { cause: error });
  } finally {
    if (!ended) reader.cancel().catch(() => {});
  }
}

type Parts = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

/**
 * Gathers what comes next; `undefined` when nothing more does, empty when nothing came for some
 * slices of work: who waits for the start of an answer then sees whether the client is still there.
 */
async function gather(parts: Parts, scope: RequestScope): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  let slices = 0;
  let started = performance.now();
  while (size < CHUNK_SIZE) {
    scope.signal.throwIfAborted();
    const given = parts.next();
    const next = given instanceof Promise ? await given : given;
    if (next.done) return size === 0 ? undefined : joined(pieces);
    if (next.value.length > 0) {
      pieces.push(next.value);
      size += next.value.length;
    }
    if (performance.now() - started < SLICE_MS) continue;
    // What there is goes out before the next slice of work.
    if (size > 0 || ++slices >= MAX_SLICES) break;
    await pause();
    started = performance.now();
  }
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
}

/** An answer as a stream: made as it is read, given up when nobody reads it any more. */
function answer(first: Uint8Array, parts: Parts, scope: RequestScope): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = first;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      scope.signal.addEventListener("abort", () => {
        if (!scope.closed) controller.error(scope.signal.reason);
        void scope.close();
      }, { once: true });
      scope.startIdle();
    },
    async pull(controller) {
      scope.stopIdle();
      try {
        let chunk = next;
        next = undefined;
        while (chunk?.length === 0 || chunk === undefined) {
          chunk = await gather(parts, scope);
          if (scope.closed) return;
          if (chunk === undefined) break;
          if (chunk.length === 0) await pause();
        }
        if (chunk === undefined) {
          controller.close();
          void scope.close();
          return;
        }
        controller.enqueue(chunk);
        scope.startIdle();
      } catch (error) {
        if (!scope.closed) controller.error(error);
        void scope.close();
      }
    },
    cancel() {
      void scope.close();
      scope.abort(new GitError("io", "the client went away"));
    },
  }, { highWaterMark: 0 });
}

/** An empty repository, for the first answer to a push that will make one. */
const NOTHING_YET = {
  objects: new MemoryObjectStore(),
  refs: { id: () => undefined, list: () => [], read: () => undefined },
};

/**
 * Makes a fetch handler that serves every repository below a root to Git clients: clone, fetch
 * (protocol 0, 1 and 2, shallow and partial) and push.
 *
 * Bodies and packs are streamed both ways: a pack that is sent is never whole in memory, one that
 * comes goes to a quarantine directory on disk. Work is done in slices of some 20 ms, is paced by
 * the client's reading, and ends when the client goes away. A push is connected and checked before
 * it counts; the `receive.*`, `uploadpack.*` and `transfer.*` settings of each repository hold. Its
 * hook programs are not run: the callbacks take their place.
 *
 * @example
 * ```ts
 * import { createGitHost } from "@groundwork/std/git/host";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = createGitHost({ root: "/srv/git" });
 * const answer = await handler(new Request("http://localhost/none.git/info/refs?service=git-upload-pack"));
 * assertEquals(answer.status, 404);
 * await answer.body?.cancel();
 * ```
 */
export function createGitHost(options: GitHostOptions): (request: Request) => Promise<Response> {
  const base = (options.basePath ?? "/").replace(/\/+$/, "");
  const root = options.root.replace(/\/+$/, "");
  const bodyLimit = options.maxBodySize ?? 2 * 1024 ** 3;
  const requestLimit = options.maxRequestSize ?? 10 * 1024 ** 2;
  const maxConcurrent = options.maxConcurrent ?? 256;
  let active = 0;
  const plain = (status: number, text: string, headers: Record<string, string> = {}): Response =>
    new Response(`${text}\n`, { status, headers: { "content-type": "text/plain", ...headers } });
  return async (request) => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(`${base}/`)) return plain(404, "Not found");
    const match = /^(.*?)\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(
      url.pathname.slice(base.length + 1),
    );
    if (match === null) return plain(404, "Not found");
    let name: string;
    try {
      name = decodeURIComponent(match[1]!);
    } catch {
      return plain(400, "Bad path");
    }
    const action = match[2]!;
    const service = action === "info/refs" ? url.searchParams.get("service") : action;
    if (service !== "git-upload-pack" && service !== "git-receive-pack") {
      return plain(403, "Only the smart protocol is served");
    }
    if (action === "info/refs" ? request.method !== "GET" : request.method !== "POST") {
      return plain(405, "Method not allowed", { allow: action === "info/refs" ? "GET" : "POST" });
    }
    if (
      name.length > MAX_NAME || !NAME.test(name) ||
      name.split("/").some((part) => part.endsWith(".lock"))
    ) return plain(404, "Not found");
    const write = service === "git-receive-pack";
    const allowed = await options.authorize?.({ repository: name, write, request }) ?? true;
    if (allowed === "challenge") {
      return plain(401, "Authentication required", { "www-authenticate": 'Basic realm="git"' });
    }
    if (!allowed) return plain(403, "Forbidden");
    if (
      action !== "info/refs" &&
      request.headers.get("content-type") !== `application/x-${service}-request`
    ) return plain(415, "Unsupported media type");
    if (active >= maxConcurrent) return plain(503, "Too many requests", { "retry-after": "5" });
    const found = findRepository(root, name);
    const headers = {
      "cache-control": "no-cache, max-age=0, must-revalidate",
      "content-type": `application/x-${service}-${
        action === "info/refs" ? "advertisement" : "result"
      }`,
    };
    const said = request.headers.get("git-protocol") ?? "";
    const version = write ? 0 : requestedVersion(said);
    const create = found === undefined && write && options.create === true &&
      !isInsideRepository(root, name);
    if (found === undefined && !create) return plain(404, "Repository not found");
    const advertised = (body: Uint8Array): Response => {
      const whole = version === 2
        ? body
        : concatBytes([packet(`# service=${service}\n`), FLUSH, body]);
      return new Response(whole as Uint8Array<ArrayBuffer>, { headers });
    };
    // The repository is made by the push itself, not by asking.
    if (found === undefined && action === "info/refs") {
      return advertised(advertise(NOTHING_YET, service, 0));
    }
    active++;
    const scope = new RequestScope({
      timeoutMs: options.timeoutMs ?? 3_600_000,
      idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
    });
    scope.onClose(() => void active--);
    let streaming = false;
    try {
      const path = found ?? encodeText(`${root}/${name}`);
      if (found === undefined) Repository.init(path, { bare: true }).close();
      const repository = Repository.open(path);
      scope.onClose(() => repository.close());
      const { config } = repository;
      if (config.bool(write ? "http.receivepack" : "http.uploadpack") === false) {
        return plain(403, "Forbidden by the repository's settings");
      }
      const hidden = hideRefs(options, name);
      if (action === "info/refs") {
        const settings = write ? receiveSettings(config) : uploadSettings(config);
        return advertised(advertise(repository, service, version, {
          ...(write ? { push: pushOffers(config) } : uploadOptions(repository, options)),
          ...hidden(settings.hideRef),
        }));
      }
      let parts: Parts;
      if (write) {
        const settings = receiveSettings(config);
        const { preReceive, update, postReceive } = options;
        const maxPackSize = options.maxPackSize ??
          (config.int("receive.maxinputsize") || bodyLimit);
        parts = receivePack(repository, bodyChunks(request, bodyLimit, scope), {
          ...settings,
          ...hidden(settings.hideRef),
          maxPackSize,
          maxObjects: options.maxObjects ?? 10_000_000,
          maxObjectSize: options.maxObjectSize ?? 256 * 1024 ** 2,
          maxCommands: options.maxCommands ?? 100_000,
          signal: scope.signal,
          ...(preReceive && { preReceive: (list, context) => preReceive(name, list, context) }),
          ...(update && { update: (command, context) => update(name, command, context) }),
          ...(postReceive && { postReceive: (list, context) => postReceive(name, list, context) }),
        });
      } else {
        const chunks: Uint8Array[] = [];
        for await (const chunk of bodyChunks(request, requestLimit, scope)) chunks.push(chunk);
        const settings = uploadOptions(repository, options);
        const serve = version === 2 ? serveV2 : serveV0;
        parts = serve(repository, concatBytes(chunks), {
          ...settings,
          // Between two requests a ref may have moved: what it reaches is still given.
          allow: { tips: false, any: false, ...settings.allow, reachable: true },
          ...hidden(settings.hideRef),
          strictWants: options.hideRef !== undefined,
          signal: scope.signal,
        });
      }
      // Runs before the repository is closed: what is under way stops first.
      scope.onClose(() => parts.return?.());
      const first = await gather(parts, scope);
      if (first === undefined) return new Response(null, { headers });
      streaming = true;
      return new Response(answer(first, parts, scope), { headers });
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (scope.timedOut) return plain(408, error.message);
      if (error.code === "limit") return plain(413, error.message);
      return new Response(errorPacket(error.message) as Uint8Array<ArrayBuffer>, { headers });
    } finally {
      if (!streaming) await scope.close();
    }
  };
}

function requestedVersion(header: string): number {
  if (/(?:^|:)version=2(?:$|:)/.test(header)) return 2;
  return /(?:^|:)version=1(?:$|:)/.test(header) ? 1 : 0;
}

function findRepository(root: string, name: string): ByteString | undefined {
  const path = encodeText(`${root}/${name}`);
  return [path, `${path}.git`, `${path}/.git`].find((one) =>
    isDirectory(one) && isGitDirectory(one)
  );
}

/** Whether a path leads into a repository; nothing is made there. */
function isInsideRepository(root: string, name: string): boolean {
  const parts = name.split("/");
  if (parts.includes(".git")) return true;
  for (let i = 1; i < parts.length; i++) {
    const above = encodeText(`${root}/${parts.slice(0, i).join("/")}`);
    if (isDirectory(above) && (isGitDirectory(above) || isDirectory(`${above}/.git`))) return true;
  }
  return false;
}

/** Joins the callback that hides refs with what a repository hides itself. */
function hideRefs(
  options: GitHostOptions,
  repository: string,
): (own: UploadPackOptions["hideRef"]) => Pick<UploadPackOptions, "hideRef"> {
  const { hideRef } = options;
  return (own) => {
    if (hideRef === undefined) return own === undefined ? {} : { hideRef: own };
    return { hideRef: (ref) => hideRef(repository, ref) || (own?.(ref) ?? false) };
  };
}

/** The settings of fetch: what the repository says, then what the host says. */
function uploadOptions(repository: Repository, options: GitHostOptions): UploadPackOptions {
  const { config } = repository;
  return {
    ...uploadSettings(config),
    filter: config.bool("uploadpack.allowfilter") ?? options.allowFilter ?? true,
    ...(options.maxWants === undefined ? {} : { maxWants: options.maxWants }),
  };
}
