/** One request and its answer on an HTTP/1 connection: the body's reading end, and what handlers ask. */
import type { ConnectionInfo, UpgradedConnection } from "./handler.ts";
import type { Http1Limits } from "./http1_limits.ts";
import { HttpError } from "./http_error.ts";
import { type ByteBuffer, ChunkDecoder, type RequestHead } from "./_http1_parser.ts";

/** The connection as an exchange sees it: the bytes that have come, and a way to wait for more. */
export interface Wire {
  readonly limits: Http1Limits;
  readonly secure: boolean;
  readonly remoteAddr: Deno.NetAddr;
  readonly localAddr: Deno.NetAddr;
  /** What has been read and not taken lies from `start` to `end`. */
  readonly buffer: ByteBuffer;
  start: number;
  readonly end: number;
  /** Waits for more bytes of a body; false at the end of the input. */
  fillBody(): Promise<boolean>;
  /** Sends an interim response (status 1xx). */
  writeInterim(text: string): Promise<void>;
}

const EMPTY_BODY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

export class Exchange {
  readonly head: RequestHead;
  readonly hasBody: boolean;
  /** The body has been, or is being, read. */
  bodyTaken = false;
  bodyDone: boolean;
  /** Why the body cannot be read to its end. */
  bodyError: unknown;
  /** Set when the answer has begun: from then on interim responses and the body are over. */
  answered = false;
  /** The answer that is being made reports an error. */
  failed = false;
  makeTrailers: (() => HeadersInit | Promise<HeadersInit>) | undefined;
  upgraded:
    | {
      response: Response;
      headers: Headers;
      take: (connection: UpgradedConnection) => void | Promise<void>;
    }
    | undefined;
  readonly #wire: Wire;
  readonly #chunks: ChunkDecoder | undefined;
  #remaining: number;
  #received = 0;
  #continued: boolean;
  #controller: AbortController | undefined;
  #disconnected: unknown;
  #completed: PromiseWithResolvers<void> | undefined;
  #trailers: PromiseWithResolvers<Headers> | undefined;

  constructor(wire: Wire, head: RequestHead) {
    this.#wire = wire;
    this.head = head;
    this.hasBody = head.chunked || head.contentLength > 0;
    this.bodyDone = !this.hasBody;
    this.#remaining = head.contentLength;
    this.#continued = !head.expectsContinue || !this.hasBody;
    if (head.chunked) this.#chunks = new ChunkDecoder(wire.limits);
  }

  get wire(): Wire {
    return this.#wire;
  }

  /** Whether the client still waits to be told to send its body. */
  get awaitsContinue(): boolean {
    return !this.#continued;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#disconnected !== undefined) this.#controller.abort(this.#disconnected);
    }
    return this.#controller.signal;
  }

  get completed(): Promise<void> {
    this.#completed ??= Promise.withResolvers();
    this.#completed.promise.catch(() => {});
    return this.#completed.promise;
  }

  get trailers(): Promise<Headers> {
    if (this.#trailers === undefined) {
      this.#trailers = Promise.withResolvers();
      this.#trailers.promise.catch(() => {});
      if (this.bodyError !== undefined) this.#trailers.reject(this.bodyError);
      else if (this.bodyDone) this.#trailers.resolve(this.#makeTrailerHeaders());
    }
    return this.#trailers.promise;
  }

  /** The client is gone: tells the handler. */
  disconnect(reason: unknown): void {
    this.#disconnected ??= reason;
    this.#controller?.abort(reason);
  }

  complete(error?: unknown): void {
    if (error === undefined) this.#completed?.resolve();
    else this.#completed?.reject(error);
    if (!this.bodyDone && this.bodyError === undefined) {
      this.#fail(new TypeError("Cannot read a request's body after its answer was sent"));
    }
  }

  url(): string {
    const { target, host } = this.head;
    const scheme = this.#wire.secure ? "https" : "http";
    const authority = host || addressText(this.#wire.localAddr);
    if (target.startsWith("/")) return `${scheme}://${authority}${target}`;
    return target === "*" ? `${scheme}://${authority}/*` : target;
  }

  makeHeaders(): Headers {
    const { head } = this;
    const list: [string, string][] = [];
    for (let field = 0; field < head.fieldCount; field++) {
      list.push([head.name(field), head.value(field)]);
    }
    return new Headers(list);
  }

  makeRequest(headers: Headers): Request {
    const { method } = this.head;
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal: this.signal };
    const mayHaveBody = method !== "GET" && method !== "HEAD";
    if (this.bodyTaken) {
      // What was read directly has to look read on the real request too.
      const request = new Request(this.url(), mayHaveBody ? { ...init, body: EMPTY_BODY } : init);
      if (mayHaveBody) void request.arrayBuffer();
      return request;
    }
    if (this.hasBody && mayHaveBody) {
      this.bodyTaken = true;
      init.body = this.#stream();
      init.duplex = "half";
    }
    return new Request(this.url(), init);
  }

  /** The whole body at once. */
  async readBody(): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.hasBody) return EMPTY_BODY;
    if (this.bodyTaken) throw new TypeError("Cannot read a body twice");
    this.bodyTaken = true;
    const first = await this.nextChunk();
    if (first === null || first.length === this.head.contentLength) return first ?? EMPTY_BODY;
    const chunks = [first];
    for (let chunk = await this.nextChunk(); chunk !== null; chunk = await this.nextChunk()) {
      chunks.push(chunk);
    }
    const whole = new Uint8Array(this.#received);
    let offset = 0;
    for (const chunk of chunks) {
      whole.set(chunk, offset);
      offset += chunk.length;
    }
    return whole;
  }

  /**
   * The next stretch of the body as a copy, `null` at its end.
   *
   * @throws {HttpError} If the body breaks the syntax or a limit, or stalls.
   */
  async nextChunk(): Promise<Uint8Array<ArrayBuffer> | null> {
    const wire = this.#wire;
    while (!this.bodyDone) {
      if (this.bodyError !== undefined) throw this.bodyError;
      if (wire.end > wire.start) {
        this.#continued = true;
        const chunk = this.#take();
        if (chunk !== undefined) return chunk;
        if (this.bodyDone) break;
      } else {
        await this.sendContinue();
      }
      try {
        if (await wire.fillBody()) continue;
      } catch (error) {
        throw this.#fail(error);
      }
      throw this.#fail(new HttpError(400, "The client left in the middle of a body"));
    }
    if (this.bodyError !== undefined) throw this.bodyError;
    return null;
  }

  /** Tells a client that waits for it to send its body: RFC 9110, section 10.1.1. */
  async sendContinue(): Promise<void> {
    if (this.#continued) return;
    this.#continued = true;
    await this.#wire.writeInterim("HTTP/1.1 100 Continue\r\n\r\n");
  }

  /**
   * Reads what the handler left of the body and drops it.
   *
   * @returns Whether the end was reached within the limit.
   */
  async drain(): Promise<boolean> {
    if (this.bodyDone) return true;
    if (this.bodyError !== undefined || !this.#continued) return false;
    let left = this.#wire.limits.drainBytes;
    if (this.#remaining > left) return false;
    try {
      for (let chunk = await this.nextChunk(); chunk !== null; chunk = await this.nextChunk()) {
        left -= chunk.length;
        if (left < 0) return false;
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Drops what has come of the body, without waiting. */
  drainBuffered(): void {
    const wire = this.#wire;
    if (this.bodyTaken) return;
    try {
      while (!this.bodyDone && wire.end > wire.start) {
        const before = wire.start;
        this.#take();
        if (wire.start === before) return;
      }
    } catch {
      // Kept as the body's error: the connection ends with this answer.
    }
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    const wire = this.#wire;
    if (this.#chunks === undefined) {
      const length = Math.min(wire.end - wire.start, this.#remaining);
      const chunk = copy(wire.buffer, wire.start, wire.start + length);
      wire.start += length;
      this.#remaining -= length;
      this.#received += length;
      if (this.#remaining === 0) this.#finish();
      return chunk;
    }
    const chunks = this.#chunks;
    try {
      wire.start = chunks.next(wire.buffer, wire.start, wire.end);
    } catch (error) {
      throw this.#fail(error);
    }
    if (chunks.done) this.#finish();
    const length = chunks.dataEnd - chunks.dataStart;
    if (length === 0) return undefined;
    this.#received += length;
    if (this.#received > wire.limits.bodyBytes) {
      throw this.#fail(new HttpError(413, "Request body too large"));
    }
    return copy(wire.buffer, chunks.dataStart, chunks.dataEnd);
  }

  #finish(): void {
    this.bodyDone = true;
    this.#trailers?.resolve(this.#makeTrailerHeaders());
  }

  #makeTrailerHeaders(): Headers {
    return new Headers(this.#chunks?.trailers ?? []);
  }

  #fail(error: unknown): unknown {
    this.bodyError ??= error;
    this.#trailers?.reject(error);
    return error;
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = await this.nextChunk();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
  }
}

/** Fields that say how a message is framed or routed: they belong before a body, and only there. */
const FRAMING_FIELDS = ["content-length", "transfer-encoding", "trailer", "host"];

/**
 * The lines of fields around an answer: of interim responses and of trailers.
 *
 * @throws {TypeError} If one of them would change the framing: RFC 9110, sections 6.5.1 and 8.6.
 */
export function fieldLines(headers: Headers): string {
  let lines = "";
  for (const [name, value] of headers) {
    if (FRAMING_FIELDS.includes(name)) {
      throw new TypeError(`Cannot send the field ${name} in trailers or an interim response`);
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function copy(buffer: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  bytes.set(buffer.subarray(start, end));
  return bytes;
}

function addressText({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** What a handler gets beside the request; made for every request, so it only points. */
export class ExchangeInfo implements ConnectionInfo {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#exchange.wire.remoteAddr;
  }

  get localAddr(): Deno.NetAddr {
    return this.#exchange.wire.localAddr;
  }

  get secure(): boolean {
    return this.#exchange.wire.secure;
  }

  get completed(): Promise<void> {
    return this.#exchange.completed;
  }

  get trailers(): Promise<Headers> {
    return this.#exchange.trailers;
  }

  async earlyHints(headers: HeadersInit): Promise<void> {
    const exchange = this.#exchange;
    if (exchange.answered) throw new TypeError("Cannot send early hints after the answer began");
    if (exchange.head.minorVersion === 0) return;
    const lines = fieldLines(new Headers(headers));
    await exchange.wire.writeInterim(`HTTP/1.1 103 Early Hints\r\n${lines}\r\n`);
  }

  sendTrailers(trailers: () => HeadersInit | Promise<HeadersInit>): void {
    this.#exchange.makeTrailers = trailers;
  }

  upgrade(
    headers: HeadersInit,
    take: (connection: UpgradedConnection) => void | Promise<void>,
  ): Response {
    const exchange = this.#exchange;
    if (!exchange.head.upgrade || exchange.head.minorVersion === 0) {
      throw new TypeError("Cannot upgrade a connection whose client did not ask for it");
    }
    const response = new Response(null);
    exchange.upgraded = { response, headers: new Headers(headers), take };
    return response;
  }
}
