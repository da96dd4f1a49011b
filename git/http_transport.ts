/**
 * The client of smart HTTP (gitprotocol-http).
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText, encodeText, fromByteString } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import type { Config } from "./config.ts";
import { GitError } from "./errors.ts";
import { PacketStream } from "./packet_stream.ts";
import { bodyChunks, type GitService, type RequestBody, type Transport } from "./transport.ts";
import { AGENT } from "./upload_pack.ts";

/** A user name and a password. */
export interface Credential {
  /** User name. */
  readonly username: string;
  /** Password or token. */
  readonly password: string;
}

/** Where credentials come from and go to. */
export interface CredentialSource {
  /** Asks for them; `undefined` when there are none. */
  fill(url: URL, username: string | undefined): Promise<Credential | undefined>;
  /** They worked. */
  approve(url: URL, credential: Credential): Promise<void>;
  /** They did not. */
  reject(url: URL, credential: Credential): Promise<void>;
}

/** Settings of an {@linkcode HttpTransport}. */
export interface HttpTransportOptions {
  /** Configuration, for `http.*`. */
  config?: Config;
  /** Credentials. */
  credentials?: CredentialSource | undefined;
  /** Called for lines to show. */
  warn?: (text: ByteString) => void;
  /**
   * Give up on a server that sends fewer bytes a second for so many seconds. Default the settings
   * `http.lowSpeedLimit` and `http.lowSpeedTime`, else never.
   */
  lowSpeed?: { readonly bytesPerSecond: number; readonly seconds: number };
  /** Stops requests. */
  signal?: AbortSignal;
}

const MAX_REDIRECTS = 20;

/** The values of `http.<key>` that hold for an address: general ones, then those for its prefix. */
export function httpSettings(config: Config, url: URL, key: string): ByteString[] {
  const found: { value: ByteString; weight: number }[] = [];
  for (const entry of config.entries) {
    if (entry.value === undefined || !entry.key.startsWith("http.")) continue;
    if (entry.key === `http.${key}`) found.push({ value: entry.value, weight: 0 });
    else if (entry.key.endsWith(`.${key}`)) {
      const pattern = decodeText(entry.key.slice(5, -key.length - 1));
      let other: URL;
      try {
        other = new URL(pattern);
      } catch {
        continue;
      }
      if (other.protocol !== url.protocol || other.port !== url.port) continue;
      if (other.username !== "" && other.username !== url.username) continue;
      const host = other.hostname.split("."), own = url.hostname.split(".");
      if (host.length !== own.length || !host.every((part, i) => part === "*" || part === own[i])) {
        continue;
      }
      const path = other.pathname.replace(/\/+$/, "");
      if (url.pathname !== path && !url.pathname.startsWith(`${path}/`)) continue;
      found.push({ value: entry.value, weight: 1 + path.length });
    }
  }
  return found.sort((a, b) => a.weight - b.weight).map(({ value }) => value);
}

interface Pace {
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

function tooSlow({ bytesPerSecond, seconds }: Pace): GitError {
  return new GitError(
    "io",
    `Operation too slow. Less than ${bytesPerSecond} bytes/sec transferred the last ${seconds} seconds`,
  );
}

/** Waits for something a server does, for as long as the pace allows. */
async function inTime<T>(step: Promise<T>, pace: Pace, late: () => void): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    stopped.reject(tooSlow(pace));
    late();
  }, pace.seconds * 1000);
  try {
    return await Promise.race([step, stopped.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The chunks of a body that comes at a pace. */
async function* paced(body: ReadableStream<Uint8Array>, pace: Pace): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let started = performance.now();
  let size = 0;
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), pace, () => {});
      if (done) break;
      size += value.length;
      const now = performance.now();
      if (now - started >= pace.seconds * 1000) {
        if (size < pace.bytesPerSecond * (now - started) / 1000) {
          throw tooSlow(pace);
        }
        started = now;
        size = 0;
      }
      yield value;
    }
    ended = true;
  } finally {
    if (!ended) reader.cancel().catch(() => {});
  }
}

/** A repository behind an HTTP address. */
export class HttpTransport implements Transport {
  readonly stateless = true;
  readonly #options: HttpTransportOptions;
  /** Without credentials, without a slash at the end. */
  #base: URL;
  /** Where the address led before any redirect. */
  readonly #origin: string;
  #credential: Credential | undefined;
  #username: string | undefined;
  #approved = false;
  #version = 0;
  #client: Deno.HttpClient | undefined;
  readonly #pace: Pace | undefined;

  /** Throws `GitError` ("invalid") for an address that is none. */
  constructor(url: ByteString, options: HttpTransportOptions = {}) {
    let parsed: URL;
    try {
      parsed = new URL(decodeText(url));
    } catch {
      throw new GitError("invalid", `unable to access '${url}': URL rejected: Malformed input`);
    }
    if (parsed.username !== "") {
      this.#username = decodeURIComponent(parsed.username);
      if (parsed.password !== "") {
        this.#credential = {
          username: this.#username,
          password: decodeURIComponent(parsed.password),
        };
      }
    }
    parsed.username = "";
    parsed.password = "";
    parsed.pathname = parsed.pathname.replace(/\/+$/, "");
    this.#base = parsed;
    this.#origin = parsed.origin;
    this.#options = options;
    this.#pace = options.lowSpeed ?? configuredPace(options.config, parsed);
    const authority = options.config && httpSettings(options.config, parsed, "sslcainfo").at(-1);
    const proxy = options.config && httpSettings(options.config, parsed, "proxy").at(-1);
    if (authority !== undefined || (proxy !== undefined && proxy !== "")) {
      this.#client = Deno.createHttpClient({
        ...(authority === undefined
          ? {}
          : { caCerts: [Deno.readTextFileSync(decodeText(authority))] }),
        ...(proxy === undefined || proxy === ""
          ? {}
          : { proxy: { url: decodeText(proxy.includes("://") ? proxy : `http://${proxy}`) } }),
      });
    }
  }

  /** The address as shown to the user. */
  get #shown(): ByteString {
    return encodeText(`${this.#base.href.replace(/\/+$/, "")}/`);
  }

  #headers(): Headers {
    const headers = new Headers({
      "user-agent": decodeText(
        this.#options.config?.get("http.useragent") ?? "git/2.39.5 (groundwork)",
      ),
      accept: "*/*",
      pragma: "no-cache",
    });
    const extra = this.#options.config === undefined
      ? []
      : httpSettings(this.#options.config, this.#base, "extraheader");
    // An empty value drops those before it.
    for (const line of extra.slice(extra.lastIndexOf("") + 1)) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).trim().toLowerCase();
      // What authorises at one host is not for another that it leads to.
      if (this.#base.origin !== this.#origin && (name === "authorization" || name === "cookie")) {
        continue;
      }
      if (colon > 0) {
        headers.append(line.slice(0, colon).trim(), decodeText(line.slice(colon + 1).trim()));
      }
    }
    if (this.#version > 0) headers.set("git-protocol", `version=${this.#version}`);
    if (this.#credential !== undefined) {
      const { username, password } = this.#credential;
      const bytes = new TextEncoder().encode(`${username}:${password}`);
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      headers.set("authorization", `Basic ${btoa(text)}`);
    }
    return headers;
  }

  async #send(url: URL, init: RequestInit & { makeBody?: () => BodyInit }): Promise<Response> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const headers = this.#headers();
      for (const [name, value] of Object.entries(init.headers ?? {})) headers.set(name, value);
      let response: Response;
      const stop = new AbortController();
      const signals = [stop.signal, ...(this.#options.signal ? [this.#options.signal] : [])];
      try {
        const answer = fetch(url, {
          ...(init.method === undefined ? {} : { method: init.method }),
          headers,
          redirect: "manual",
          ...(init.makeBody === undefined ? {} : { body: init.makeBody() }),
          signal: AbortSignal.any(signals),
          ...(this.#client === undefined ? {} : { client: this.#client }),
        });
        response = this.#pace === undefined
          ? await answer
          : await inTime(answer, this.#pace, () => stop.abort());
      } catch (error) {
        if (this.#options.signal?.aborted || error instanceof GitError) throw error;
        throw new GitError(
          "io",
          `unable to access '${this.#shown}': ${encodeText((error as Error).message)}`,
          { cause: error },
        );
      }
      if (response.status !== 401) {
        if (this.#credential !== undefined && !this.#approved && response.ok) {
          this.#approved = true;
          await this.#options.credentials?.approve(this.#base, this.#credential);
        }
        return response;
      }
      await response.body?.cancel();
      if (this.#credential !== undefined) {
        await this.#options.credentials?.reject(this.#base, this.#credential);
        throw new GitError("refused", `Authentication failed for '${this.#shown}'`);
      }
      const found = await this.#options.credentials?.fill(this.#base, this.#username);
      if (found === undefined) {
        throw new GitError(
          "refused",
          `could not read Username for '${this.#base.origin}': terminal prompts disabled`,
        );
      }
      this.#credential = found;
    }
    throw new GitError("refused", `Authentication failed for '${this.#shown}'`);
  }

  #stream(response: Response): PacketStream {
    if (response.body === null) return new PacketStream(bodyChunks(new Uint8Array(0)));
    return new PacketStream(
      this.#pace === undefined ? response.body : paced(response.body, this.#pace),
    );
  }

  async open(service: GitService, version: number): Promise<PacketStream> {
    this.#version = service === "git-upload-pack" ? version : 0;
    const suffix = `/info/refs`;
    const follow = this.#options.config === undefined ? "initial" : decodeText(
      httpSettings(this.#options.config, this.#base, "followredirects").at(-1) ?? "initial",
    );
    let url = new URL(this.#base.href);
    url.pathname += suffix;
    url.searchParams.set("service", service);
    let response: Response;
    for (let hops = 0;; hops++) {
      response = await this.#send(url, {});
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) break;
      await response.body?.cancel();
      if (follow === "false" || hops >= MAX_REDIRECTS) {
        throw new GitError(
          "refused",
          `unable to access '${this.#shown}': Maximum (${MAX_REDIRECTS}) redirects followed`,
        );
      }
      const next = new URL(location, url);
      if (next.protocol !== "http:" && next.protocol !== "https:") {
        throw new GitError(
          "unsafe",
          `unable to access '${this.#shown}': redirect to another protocol`,
        );
      }
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw new GitError(
          "unsafe",
          `unable to access '${this.#shown}': redirect from https to http`,
        );
      }
      if (!next.pathname.endsWith(suffix) || next.searchParams.get("service") !== service) {
        throw new GitError(
          "protocol",
          `unable to update url base from redirection:\n  asked for: ${
            encodeText(url.href)
          }\n   redirect: ${encodeText(next.href)}`,
        );
      }
      const base = new URL(next.href);
      base.search = "";
      base.username = "";
      base.password = "";
      base.pathname = base.pathname.slice(0, -suffix.length);
      if (base.origin !== this.#base.origin) {
        // Credentials were for the other host.
        this.#credential = undefined;
        this.#approved = false;
        this.#username = undefined;
      }
      this.#base = base;
      this.#options.warn?.(`redirecting to ${this.#shown}`);
      url = next;
    }
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status === 404 || response.status === 410) {
        throw new GitError("not_found", `repository '${this.#shown}' not found`);
      }
      throw new GitError(
        "refused",
        `unable to access '${this.#shown}': The requested URL returned error: ${response.status}`,
      );
    }
    const type = response.headers.get("content-type");
    if (type !== `application/x-${service}-advertisement`) {
      await response.body?.cancel();
      throw new GitError(
        "protocol",
        `${this.#shown}info/refs not valid: is this a git repository?`,
      );
    }
    const stream = this.#stream(response);
    try {
      const first = await stream.peek();
      if (first instanceof Uint8Array && first[0] === 35) {
        await stream.next();
        await stream.next();
      }
      return stream;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  async request(service: GitService, body: RequestBody): Promise<PacketStream> {
    const url = new URL(this.#base.href);
    url.pathname += `/${service}`;
    const headers: Record<string, string> = {
      "content-type": `application/x-${service}-request`,
      accept: `application/x-${service}-result`,
    };
    const limit = this.#options.config?.int("http.postbuffer") ?? 1 << 20;
    let makeBody: () => BodyInit;
    if (body instanceof Uint8Array ? body.length <= limit : body.size <= limit) {
      const parts: Uint8Array[] = [];
      for await (const chunk of bodyChunks(body)) parts.push(chunk);
      let whole = concatBytes(parts);
      if (whole.length > 1024 && service === "git-upload-pack") {
        whole = zlib().gzipSync(whole);
        headers["content-encoding"] = "gzip";
      }
      makeBody = () => whole as Uint8Array<ArrayBuffer>;
    } else {
      // A large body is streamed and cannot be sent again, so a small request asks first whether
      // the credentials do.
      const probe = await this.#send(url, {
        method: "POST",
        headers,
        makeBody: () => fromByteString("0000") as Uint8Array<ArrayBuffer>,
      });
      await probe.body?.cancel();
      makeBody = () => ReadableStream.from(bodyChunks(body));
    }
    const response = await this.#send(url, { method: "POST", headers, makeBody });
    if (!response.ok) {
      await response.body?.cancel();
      throw new GitError(
        "refused",
        `RPC failed; HTTP ${response.status} curl 22 The requested URL returned error: ${response.status}`,
      );
    }
    const type = response.headers.get("content-type");
    if (type !== `application/x-${service}-result`) {
      await response.body?.cancel();
      throw new GitError(
        "protocol",
        `RPC failed; unexpected content type '${encodeText(type ?? "")}' (agent ${AGENT})`,
      );
    }
    return this.#stream(response);
  }

  close(): Promise<void> {
    this.#client?.close();
    this.#client = undefined;
    return Promise.resolve();
  }
}

function configuredPace(config: Config | undefined, url: URL): Pace | undefined {
  if (config === undefined) return undefined;
  const value = (key: string): number => Number(httpSettings(config, url, key).at(-1) ?? "0");
  const bytesPerSecond = value("lowspeedlimit");
  const seconds = value("lowspeedtime");
  return bytesPerSecond > 0 && seconds > 0 ? { bytesPerSecond, seconds } : undefined;
}
