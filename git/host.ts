/**
 * Hosting repositories over smart HTTP (gitprotocol-http) as a fetch handler.
 *
 * @module
 */
import { encodeText } from "./_bytes.ts";
import { isDirectory } from "./_files.ts";
import { concatBytes } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { FLUSH, packet } from "./pkt_line.ts";
import { type PushCommand, receivePack } from "./receive_pack.ts";
import { isGitDirectory, Repository } from "./repository.ts";
import { advertise, errorPacket, serveV0, serveV2 } from "./upload_pack.ts";

export type { PushCommand } from "./receive_pack.ts";

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
  /** Refs that clients neither see nor change. */
  readonly hideRef?: (repository: string, name: string) => boolean;
  /** Called before a push changes refs; a text refuses it. */
  readonly preReceive?: (
    repository: string,
    commands: readonly PushCommand[],
  ) => string | undefined;
  /** Called after a push. */
  readonly postReceive?: (repository: string, commands: readonly PushCommand[]) => void;
  /** Largest request body, inflated (bytes). Default 1 GiB. */
  readonly maxBodySize?: number;
  /** Most wanted objects in a fetch. Default 100,000. */
  readonly maxWants?: number;
}

const NAME = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*\/)*[A-Za-z0-9_][A-Za-z0-9._-]*$/;

async function* bodyChunks(request: Request, limit: number): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const encoding = request.headers.get("content-encoding");
  const packed = encoding === "gzip" || encoding === "x-gzip";
  const body = packed ? request.body.pipeThrough(new DecompressionStream("gzip")) : request.body;
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) throw new GitError("limit", "request is too large");
      yield chunk;
    }
  } catch (error) {
    if (error instanceof TypeError && packed) {
      throw new GitError("protocol", "request body is not valid gzip");
    }
    throw error;
  }
}

async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyChunks(request, limit)) chunks.push(chunk);
  return concatBytes(chunks);
}

/**
 * Makes a fetch handler that serves every repository below a root to Git clients: clone, fetch
 * (protocol 0, 1 and 2, shallow and partial) and push.
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
  const limit = options.maxBodySize ?? 1024 ** 3;
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
      !NAME.test(name) || name.split("/").some((part) => part === ".." || part.endsWith(".lock"))
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
    const path = encodeText(`${options.root.replace(/\/+$/, "")}/${name}`);
    const candidates = [path, `${path}.git`, `${path}/.git`];
    let found = candidates.find((one) => isDirectory(one) && isGitDirectory(one));
    if (found === undefined && write && options.create) {
      Repository.init(path, { bare: true }).close();
      found = path;
    }
    if (found === undefined) return plain(404, "Repository not found");
    const headers = {
      "cache-control": "no-cache, max-age=0, must-revalidate",
      "content-type": `application/x-${service}-${
        action === "info/refs" ? "advertisement" : "result"
      }`,
    };
    const version = write
      ? 0
      : /(?:^|:)version=2(?:$|:)/.test(request.headers.get("git-protocol") ?? "")
      ? 2
      : /(?:^|:)version=1(?:$|:)/.test(request.headers.get("git-protocol") ?? "")
      ? 1
      : 0;
    const hide = options.hideRef === undefined
      ? {}
      : { hideRef: (ref: string): boolean => options.hideRef!(name, ref) };
    const wants = options.maxWants === undefined ? {} : { maxWants: options.maxWants };
    const repository = Repository.open(found);
    let streaming = false;
    try {
      if (action === "info/refs") {
        const body = advertise(repository, service, version, hide);
        const text = version === 2
          ? body
          : concatBytes([packet(`# service=${service}\n`), FLUSH, body]);
        return new Response(text as Uint8Array<ArrayBuffer>, { headers });
      }
      if (write) {
        const { preReceive, postReceive } = options;
        const answer: Uint8Array[] = [];
        for await (
          const part of receivePack(repository, bodyChunks(request, limit), {
            ...hide,
            signal: request.signal,
            ...(preReceive === undefined
              ? {}
              : { preReceive: (commands) => preReceive(name, commands) }),
            ...(postReceive === undefined
              ? {}
              : { postReceive: (commands) => postReceive(name, commands) }),
          })
        ) answer.push(part);
        return new Response(concatBytes(answer) as Uint8Array<ArrayBuffer>, { headers });
      }
      const body = await readBody(request, limit);
      const settings = { ...hide, ...wants, signal: request.signal };
      const parts = version === 2
        ? serveV2(repository, body, settings)
        : serveV0(repository, body, settings);
      const first = parts.next();
      streaming = true;
      let next: IteratorResult<Uint8Array> = first;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          try {
            if (next.done) {
              controller.close();
              repository.close();
              return;
            }
            controller.enqueue(next.value);
            next = parts.next();
          } catch (error) {
            repository.close();
            if (error instanceof GitError) {
              controller.enqueue(errorPacket(error.message));
              controller.close();
            } else controller.error(error);
          }
        },
        cancel() {
          repository.close();
        },
      });
      return new Response(stream, { headers });
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (error.code === "limit") return plain(413, error.message);
      return new Response(errorPacket(error.message) as Uint8Array<ArrayBuffer>, { headers });
    } finally {
      if (!streaming) repository.close();
    }
  };
}
