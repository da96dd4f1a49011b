import { timingSafeEqual } from "@std/crypto";
import { createHash } from "node:crypto";
import type { Group, Peer, PeerDirectory, PeerValue } from "./group.ts";
import { HashRing, type HashRingOptions } from "./hash_ring.ts";
import { PeerError } from "./peer_error.ts";
import { decodeGetResponse, encodeGetResponse } from "./_peer_message.ts";

const BASE_PATH = "/_groundwork/";
const EXPIRES_HEADER = "groundwork-expires-at-ms";
const MESSAGE_TYPE = "application/x-protobuf";
const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_MAX_VALUE_BYTES = 64 * 2 ** 20;
const DEFAULT_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Room for the fields of the message around the value. */
const MESSAGE_OVERHEAD_BYTES = 64;

/** Who takes part, and how a pool talks to them. */
export interface PeerPoolOptions extends HashRingOptions {
  /** The base URL under which the other peers reach this process, `http://10.0.0.1:8001` say. */
  self: string;
  /** The base URLs of all peers; whether this process is among them does not matter. */
  peers?: Iterable<string>;
  /** What every peer must present. Without it anybody who reaches the port can read and remove. */
  secret?: string;
  /**
   * How long a peer may take for an answer, in milliseconds.
   *
   * @default {2000}
   */
  timeoutMs?: number;
  /**
   * The largest value that is taken from a peer, in bytes.
   *
   * @default {67108864}
   */
  maxValueBytes?: number;
  /**
   * How long a peer that failed is left alone before it is asked again, in milliseconds; doubled
   * with each failure up to 30 seconds.
   *
   * @default {1000}
   */
  retryMs?: number;
  /** Sends the requests; for tests and for special transports. */
  fetch?: (request: Request) => Promise<Response>;
}

/** The state of one peer as this process sees it. */
export interface PeerState {
  /** Its base URL. */
  url: string;
  /** Whether it is asked. */
  healthy: boolean;
  /** Failures in a row. */
  failures: number;
}

type PeerOptions = Required<Omit<PeerPoolOptions, "self" | "peers" | "hash" | "replicas">>;

class HttpPeer implements Peer {
  readonly url: string;
  failures = 0;
  retryAtMs = 0;
  readonly #options: PeerOptions;

  constructor(url: string, options: PeerOptions) {
    this.url = url;
    this.#options = options;
  }

  get healthy(): boolean {
    return this.failures === 0 || performance.now() >= this.retryAtMs;
  }

  async get(group: string, key: string, signal: AbortSignal): Promise<PeerValue> {
    const response = await this.#send("GET", group, key, signal);
    const body = await this.#readBody(response);
    const expires = response.headers.get(EXPIRES_HEADER);
    const expiresAtMs = expires === null ? Infinity : Number(expires);
    if (Number.isNaN(expiresAtMs)) {
      throw new PeerError("protocol", `Cannot read a peer's ${EXPIRES_HEADER}: ${expires}`);
    }
    return { ...decodeGetResponse(body), expiresAtMs };
  }

  async remove(group: string, key: string): Promise<void> {
    const response = await this.#send("DELETE", group, key, undefined);
    await response.body?.cancel();
  }

  async #send(
    method: string,
    group: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const { secret, timeoutMs } = this.#options;
    const url = `${this.url}${BASE_PATH}${encodeURIComponent(group)}/${encodeURIComponent(key)}`;
    const headers = new Headers();
    if (secret !== "") headers.set("authorization", `Bearer ${secret}`);
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    let response: Response;
    try {
      response = await this.#options.fetch(new Request(url, { method, headers, signal: either }));
    } catch (error) {
      signal?.throwIfAborted();
      this.#failed();
      throw new PeerError("unreachable", `Cannot reach the peer ${this.url}`, { cause: error });
    }
    if (response.ok) {
      this.failures = 0;
      return response;
    }
    const text = await response.text();
    if (response.status === 401) {
      this.#failed();
      throw new PeerError("unauthorized", `The peer ${this.url} refuses the secret`);
    }
    throw new PeerError("load", `The peer ${this.url} cannot load a value: ${text.slice(0, 200)}`);
  }

  async #readBody(response: Response): Promise<Uint8Array<ArrayBuffer>> {
    const limit = this.#options.maxValueBytes + MESSAGE_OVERHEAD_BYTES;
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of response.body ?? []) {
        length += chunk.length;
        if (length > limit) break;
        chunks.push(chunk);
      }
    } catch (error) {
      this.#failed();
      throw new PeerError("unreachable", `The peer ${this.url} broke off`, { cause: error });
    }
    if (length > limit) {
      throw new PeerError("limit", `A peer's value may have ${this.#options.maxValueBytes} bytes`);
    }
    const body = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      body.set(chunk, offset);
      offset += chunk.length;
    }
    return body;
  }

  #failed(): void {
    const waitMs = this.#options.retryMs * 2 ** Math.min(this.failures, 30);
    this.failures++;
    this.retryAtMs = performance.now() + Math.min(waitMs, MAX_RETRY_MS);
  }
}

/**
 * The peers of {@linkcode Group}s over HTTP: finds each key's owner by consistent hashing, asks it,
 * and answers the others. It is a fetch handler, so it runs on any server, beside other routes.
 *
 * A peer asks with `GET /_groundwork/<group>/<key>` and gets groupcache's `GetResponse` message;
 * `DELETE` of the same drops the key. A peer that fails is left alone for a while, and its keys
 * are loaded by whoever needs them; the ring does not change, so nothing moves when it comes back.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Group, PeerPool } from "@groundwork/std/cache";
 *
 * const pool = new PeerPool({ self: "http://127.0.0.1:8001", secret: "between peers" });
 * pool.register(
 *   new Group({ name: "names", maxBytes: 1_000, load: () => Promise.resolve(new Uint8Array(3)) }),
 * );
 * const request = new Request("http://127.0.0.1:8001/_groundwork/names/a");
 * assertEquals((await pool.fetch(request)).status, 401);
 * ```
 */
export class PeerPool implements PeerDirectory {
  readonly #self: string;
  readonly #options: PeerOptions;
  readonly #ringOptions: HashRingOptions;
  readonly #groups = new Map<string, Group>();
  readonly #secretHash: Uint8Array | undefined;
  #ring: HashRing;
  #peers = new Map<string, HttpPeer>();

  /**
   * Makes a pool without groups.
   *
   * @throws {TypeError} If a base URL is none.
   */
  constructor(options: PeerPoolOptions) {
    this.#self = baseUrl(options.self);
    this.#options = {
      secret: options.secret ?? "",
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxValueBytes: options.maxValueBytes ?? DEFAULT_MAX_VALUE_BYTES,
      retryMs: options.retryMs ?? DEFAULT_RETRY_MS,
      fetch: options.fetch ?? ((request) => fetch(request)),
    };
    this.#ringOptions = {};
    if (options.replicas !== undefined) this.#ringOptions.replicas = options.replicas;
    if (options.hash !== undefined) this.#ringOptions.hash = options.hash;
    if (options.secret) this.#secretHash = digest(`Bearer ${options.secret}`);
    this.#ring = new HashRing([], this.#ringOptions);
    this.setPeers(options.peers ?? []);
  }

  /**
   * Replaces the list of peers while the pool runs; what is known of a peer that stays is kept.
   *
   * @throws {TypeError} If a base URL is none.
   */
  setPeers(urls: Iterable<string>): void {
    const wanted = new Set([this.#self, ...[...urls].map(baseUrl)]);
    const peers = new Map<string, HttpPeer>();
    for (const url of wanted) {
      if (url === this.#self) continue;
      peers.set(url, this.#peers.get(url) ?? new HttpPeer(url, this.#options));
    }
    this.#peers = peers;
    this.#ring = new HashRing(wanted, this.#ringOptions);
  }

  /** Makes a group answer peers and ask them. */
  register(group: Group): void {
    this.#groups.set(group.name, group);
    group.connect(this);
  }

  pick(key: string): Peer | undefined {
    const peer = this.#peers.get(this.#ring.get(key)!);
    return peer?.healthy ? peer : undefined;
  }

  others(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** The other peers and whether they answer. */
  states(): PeerState[] {
    return [...this.#peers.values()].map(({ url, healthy, failures }) => ({
      url,
      healthy,
      failures,
    }));
  }

  /** Answers peers; 404 for any path that is not theirs. Bound, so it can be passed on as it is. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(BASE_PATH)) return new Response("Not found\n", { status: 404 });
    if (!this.#isAuthorized(request)) return new Response("Unauthorized\n", { status: 401 });
    const [groupText = "", keyText, ...rest] = pathname.slice(BASE_PATH.length).split("/");
    let name: string;
    let key: string;
    try {
      if (keyText === undefined || rest.length > 0) throw new URIError("not two segments");
      name = decodeURIComponent(groupText);
      key = decodeURIComponent(keyText);
    } catch {
      return new Response("Bad path\n", { status: 400 });
    }
    const group = this.#groups.get(name);
    if (group === undefined) return new Response("No such group\n", { status: 404 });
    if (request.method === "DELETE") {
      group.removeLocally(key);
      return new Response(null, { status: 204 });
    }
    if (request.method !== "GET") {
      return new Response("Method not allowed\n", {
        status: 405,
        headers: { allow: "GET, DELETE" },
      });
    }
    return await this.#answer(group, key, request.signal);
  };

  async #answer(group: Group, key: string, signal: AbortSignal): Promise<Response> {
    let answer: PeerValue;
    try {
      answer = await group.getForPeer(key, signal);
    } catch (error) {
      if (error instanceof PeerError && error.code === "limit") {
        return new Response("Key too long\n", { status: 414 });
      }
      return new Response(`${error instanceof Error ? error.message : error}\n`, { status: 500 });
    }
    const headers = new Headers({ "content-type": MESSAGE_TYPE });
    if (answer.expiresAtMs !== Infinity) headers.set(EXPIRES_HEADER, String(answer.expiresAtMs));
    return new Response(encodeGetResponse(answer), { headers });
  }

  #isAuthorized(request: Request): boolean {
    if (this.#secretHash === undefined) return true;
    return timingSafeEqual(this.#secretHash, digest(request.headers.get("authorization") ?? ""));
  }
}

/** Hashed first, so that comparing takes the same time whatever the length. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function baseUrl(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
