/** One HTTP/1 connection: reads requests in order, has them handled, writes the answers in order. */
import { Buffer } from "node:buffer";
import { STATUS_TEXT } from "@std/http";
import type { Handler, UpgradedConnection } from "./handler.ts";
import type { Http1Limits } from "./http1_limits.ts";
import { HttpError } from "./http_error.ts";
import { Exchange, ExchangeInfo, fieldLines, type Wire } from "./_http1_exchange.ts";
import { type ByteBuffer, HeadParser, isValidHost, type RequestHead } from "./_http1_parser.ts";
import { LazyRequest } from "./_http1_request.ts";
import { type HeadMemo, type Outgoing, readResponse } from "./_http1_response.ts";

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly limits: Http1Limits;
  readonly handler: Handler;
  /** Whether the server is shutting down: answers then end their connections. */
  readonly draining: boolean;
  /** The time and the `Date` field of a moment ago: looked up now and then, not for each request. */
  readonly clock: Clock;
  onError(error: unknown, request: Request): Response | Promise<Response>;
  /** Buffers for output that are free. */
  readonly outputs: ByteBuffer[];
  requestStarted(): void;
  requestEnded(): void;
}

/** A clock that is read often and set seldom. */
export class Clock {
  /** Milliseconds since the program's start. */
  nowMs = 0;
  /** A whole `Date` field. */
  dateLine = "";
  #second = 0;

  constructor() {
    this.update();
  }

  /** Looks at the real clocks. */
  update(): void {
    this.nowMs = performance.now();
    const second = Math.floor(Date.now() / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    this.dateLine = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
  }
}

/** How often the server sets the clock and looks at deadlines, in milliseconds. */
export const TICK_MS = 250;

type Phase = "handshake" | "idle" | "head" | "handling" | "body" | "writing" | "lingering";

const FIRST_BUFFER_BYTES = 4_096;
const OUTPUT_BYTES = 16_384;
const MAX_IDLE_OUTPUTS = 256;
/** A static body beyond this size is written by itself rather than copied behind its head. */
const COPY_BODY_BYTES = 8_192;
/** Up to so many characters a loop beats the encoder. */
const LOOP_CHARS = 512;
/** The most bytes of a body's length and the empty line after it. */
const MAX_LENGTH_BYTES = 20;
/** How long what a client still sends is read and dropped after an answer that ends the connection. */
const LINGER_MS = 1_000;
/** How long a client that ended its half may go without a chunk of a streamed answer. */
const HALF_CLOSED_MS = 5_000;
/** Turns of the microtask queue that a stream with data at hand takes to give it, and some more. */
const MICROTASK_TURNS = 16;
/** The rate of a body is judged after this much waiting. */
const RATE_GRACE_MS = 5_000;

const statusLines = new Map<number, string>();

function statusLine(status: number, statusText: string): string {
  if (statusText !== "") return `HTTP/1.1 ${status} ${statusText}\r\n`;
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_TEXT[status as keyof typeof STATUS_TEXT] ?? ""}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}

/** How the end of an answer's body is told. */
const enum Framing {
  /** There is none. */
  None,
  /** By its length. */
  Length,
  Chunked,
  /** By the end of the connection. */
  Close,
}

export class Http1Connection implements Wire {
  readonly limits: Http1Limits;
  readonly remoteAddr: Deno.NetAddr;
  readonly localAddr: Deno.NetAddr;
  readonly secure: boolean;
  buffer: ByteBuffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES) as ByteBuffer;
  start = 0;
  end = 0;
  readonly #conn: Deno.Conn<Deno.NetAddr>;
  readonly #host: ConnectionHost;
  readonly #parser: HeadParser;
  #phase: Phase = "head";
  #deadlineMs: number;
  #exchange: Exchange | undefined;
  #reading = false;
  #ended = false;
  #closed = false;
  #readError: unknown;
  /** Waits for the read that is under way: told whether bytes came. */
  #wake: PromiseWithResolvers<boolean> | undefined;
  #streaming: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #output: ByteBuffer | undefined;
  #outputLength = 0;
  /** Where in the output the answer begins that is being made; whole ones lie before it. */
  #answerStart = 0;
  #lastWrite: Promise<void> | undefined;
  #bodyWaitedMs = 0;
  #bodyBytes = 0;

  constructor(conn: Deno.Conn<Deno.NetAddr>, host: ConnectionHost, secure: boolean) {
    this.#conn = conn;
    this.#host = host;
    this.limits = host.limits;
    this.secure = secure;
    this.remoteAddr = conn.remoteAddr;
    this.localAddr = conn.localAddr;
    this.#parser = new HeadParser(host.limits);
    this.#deadlineMs = host.clock.nowMs + TICK_MS + host.limits.headTimeoutMs;
  }

  /** Whether nothing is asked and nothing owed. */
  get idle(): boolean {
    return (this.#phase === "idle" || this.#phase === "head") && this.start === this.end;
  }

  /** Serves requests until the connection ends; never rejects. */
  async run(): Promise<void> {
    try {
      if (this.secure) await this.#handshake();
      await this.#serve();
    } catch {
      // The peer broke the connection, or it was closed from outside: nothing is left to say.
    } finally {
      this.close();
    }
  }

  /** Closes at once; whoever waits for the connection fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Already closed by an error.
    }
    this.#ended = true;
    this.#wakeUp(false);
    const reason = new DOMException("The connection was closed", "AbortError");
    this.#exchange?.disconnect(reason);
    // Wakes a streamed answer whose source is silent.
    this.#streaming?.cancel(reason).catch(() => {});
    if (this.#output !== undefined) this.#releaseOutput(this.#output);
    this.#output = undefined;
    this.#outputLength = this.#answerStart = 0;
  }

  /** Gives more time: the program itself was busy for so long. */
  postpone(lateMs: number): void {
    this.#deadlineMs += lateMs;
  }

  /** Called now and then: ends what has taken too long. */
  expire(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    this.#deadlineMs = Infinity;
    const wake = this.#wake;
    if (wake !== undefined && this.#phase === "head" && this.end > this.start) {
      this.#wake = undefined;
      wake.reject(new HttpError(408, "The request took too long"));
    } else if (wake !== undefined && this.#phase === "body") {
      this.#wake = undefined;
      wake.reject(new HttpError(408, "The request's body took too long"));
    } else {
      this.close();
    }
  }

  // Reading.

  #enter(phase: Phase, timeoutMs: number): void {
    this.#phase = phase;
    // The clock may be a tick behind: never too early.
    this.#deadlineMs = this.#host.clock.nowMs + TICK_MS + timeoutMs;
  }

  async #handshake(): Promise<void> {
    this.#enter("handshake", this.limits.handshakeTimeoutMs);
    await (this.#conn as Deno.TlsConn).handshake();
    this.#enter("head", this.limits.headTimeoutMs);
  }

  /** Starts a read unless one is under way, the input has ended or there is no room. */
  #startRead(): void {
    if (this.#reading || this.#ended || this.end === this.buffer.length) return;
    this.#reading = true;
    const room = this.end === 0
      ? this.buffer
      : new Uint8Array(this.buffer.buffer, this.end, this.buffer.length - this.end);
    this.#conn.read(room).then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null): void => {
    this.#reading = false;
    if (count === null) this.#inputEnded(new DOMException("The client left", "AbortError"));
    else this.end += count;
    this.#wakeUp(count !== null);
    // While a handler runs, look on for its client's leaving.
    if (this.#phase === "handling" || this.#phase === "writing") this.#startRead();
  };

  readonly #onReadError = (error: unknown): void => {
    this.#reading = false;
    this.#readError = error;
    this.#inputEnded(error);
    this.close();
  };

  #wakeUp(filled: boolean): void {
    const wake = this.#wake;
    if (wake === undefined) return;
    this.#wake = undefined;
    if (this.#readError === undefined) wake.resolve(filled);
    else wake.reject(this.#readError);
  }

  #inputEnded(reason: unknown): void {
    this.#ended = true;
    this.#exchange?.disconnect(reason);
    if (this.#phase === "writing") this.#enter("writing", HALF_CLOSED_MS);
  }

  /** Waits for more input; false at its end. */
  #fill(): Promise<boolean> {
    if (this.#readError !== undefined) return Promise.reject(this.#readError);
    if (this.#ended) return Promise.resolve(false);
    if (!this.#reading) {
      this.#makeRoom();
      this.#startRead();
    }
    this.#wake ??= Promise.withResolvers();
    return this.#wake.promise;
  }

  /** Makes room behind the input: by moving it to the front, or with a larger buffer. */
  #makeRoom(): void {
    const length = this.end - this.start;
    if (length === 0) {
      this.start = this.end = 0;
      if (this.buffer.length > FIRST_BUFFER_BYTES && this.#phase === "idle") {
        this.buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES) as ByteBuffer;
      } else if (this.#phase === "body" && this.buffer.length < this.limits.readAheadBytes) {
        this.buffer = Buffer.allocUnsafeSlow(this.limits.readAheadBytes) as ByteBuffer;
      }
      return;
    }
    if (this.end < this.buffer.length) return;
    let target = this.buffer;
    if (length > this.buffer.length / 2) {
      target = Buffer.allocUnsafeSlow(this.buffer.length * 2) as ByteBuffer;
    }
    this.buffer.copy(target, 0, this.start, this.end);
    this.buffer = target;
    this.start = 0;
    this.end = length;
  }

  async fillBody(): Promise<boolean> {
    const { bodyTimeoutMs, bodyBytesPerSecond } = this.limits;
    const phase = this.#phase;
    const startMs = performance.now();
    const before = this.end - this.start;
    this.#enter("body", bodyTimeoutMs);
    try {
      const filled = await this.#fill();
      this.#bodyWaitedMs += performance.now() - startMs;
      this.#bodyBytes += this.end - this.start - before;
      if (
        this.#bodyWaitedMs > RATE_GRACE_MS &&
        this.#bodyBytes * 1_000 < this.#bodyWaitedMs * bodyBytesPerSecond
      ) {
        throw new HttpError(408, "The request's body came too slowly");
      }
      return filled;
    } finally {
      if (this.#phase === "body") this.#enter(phase, Infinity);
    }
  }

  async #serve(): Promise<void> {
    let inARow = 0;
    while (!this.#closed) {
      try {
        const headEnd = this.#parser.parse(this.buffer, this.start, this.end);
        if (headEnd < 0) {
          inARow = 0;
          if (this.#outputLength > 0) {
            const before = this.end;
            await this.#flushAndRead();
            if (this.end > before) continue;
          }
          if (this.end > this.start) {
            if (this.#phase !== "head") this.#enter("head", this.limits.headTimeoutMs);
          } else if (this.#host.draining) {
            return;
          }
          if (!await this.#fill()) return;
          continue;
        }
        this.start = headEnd;
      } catch (error) {
        // Broken syntax, or a head that took too long.
        if (error instanceof HttpError) return await this.#refuse(error);
        throw error;
      }
      const { head } = this.#parser;
      this.#parser.next();
      this.#host.requestStarted();
      let keep: boolean;
      try {
        const kept = this.#handle(head);
        keep = typeof kept === "boolean" ? kept : await kept;
      } finally {
        this.#host.requestEnded();
        this.#exchange = undefined;
      }
      if (!keep) return await this.#finish();
      if (this.end > this.start) this.#enter("head", this.limits.headTimeoutMs);
      else this.#enter("idle", this.limits.idleTimeoutMs);
      if (++inARow >= this.limits.pipelinedRequests) {
        inARow = 0;
        await this.#flush();
      }
    }
  }

  /** Sends what is owed; the next request may come at the same time. */
  #flushAndRead(): Promise<void> {
    if (!this.#reading) this.#makeRoom();
    this.#startRead();
    return this.#flush();
  }

  // Handling.

  #handle(head: RequestHead): boolean | Promise<boolean> {
    const refusal = this.#check(head);
    if (refusal !== undefined) return this.#refuse(refusal).then(() => false);
    const exchange = new Exchange(this, head);
    this.#exchange = exchange;
    this.#phase = "handling";
    this.#deadlineMs = Infinity;
    this.#bodyWaitedMs = 0;
    this.#bodyBytes = 0;
    const request = new LazyRequest(exchange) as unknown as Request;
    let response: Response | Promise<Response>;
    try {
      response = this.#host.handler(request, new ExchangeInfo(exchange));
    } catch (error) {
      return this.#handleError(error, exchange, request);
    }
    if (response instanceof Response) return this.#answer(exchange, request, response);
    return this.#awaitAnswer(exchange, request, response);
  }

  /** What makes a request with a valid syntax one that cannot be served. */
  #check(head: RequestHead): HttpError | undefined {
    const { method, target, host } = head;
    if (host === undefined ? head.minorVersion === 1 : !isValidHost(host)) {
      return new HttpError(400, host === undefined ? "No Host" : "Invalid Host");
    }
    if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
      return new HttpError(501, `Method ${method} is not supported`);
    }
    if (target[0] !== "/" && !(target === "*" && method === "OPTIONS")) {
      if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) {
        return new HttpError(400, "Invalid request target");
      }
    }
    if (head.contentLength > this.limits.bodyBytes) {
      return new HttpError(413, "Request body too large");
    }
    return undefined;
  }

  async #awaitAnswer(
    exchange: Exchange,
    request: Request,
    promise: Promise<Response>,
  ): Promise<boolean> {
    // So that a client that leaves is noticed.
    this.#startRead();
    let response: Response;
    try {
      response = await promise;
    } catch (error) {
      return await this.#handleError(error, exchange, request);
    }
    return await this.#answer(exchange, request, response);
  }

  async #handleError(error: unknown, exchange: Exchange, request: Request): Promise<boolean> {
    if (error === exchange.bodyError && error instanceof HttpError) {
      exchange.answered = true;
      await this.#refuse(error);
      exchange.complete(error);
      return false;
    }
    exchange.failed = true;
    let response: Response | undefined;
    try {
      response = await this.#host.onError(error, request);
    } catch {
      // The answer below has to do.
    }
    if (response === undefined || whyUnusable(response) !== undefined) {
      response = new Response("Internal Server Error", { status: 500 });
    }
    return await this.#answer(exchange, request, response);
  }

  #answer(exchange: Exchange, request: Request, response: Response): boolean | Promise<boolean> {
    if (exchange.upgraded !== undefined && exchange.upgraded.response === response) {
      return this.#upgrade(exchange);
    }
    this.#answerStart = this.#outputLength;
    let outgoing: Outgoing;
    try {
      const unusable = whyUnusable(response);
      if (unusable !== undefined) throw new TypeError(unusable);
      outgoing = readResponse(response);
    } catch (error) {
      // Nothing has been sent: another answer can be.
      if (exchange.failed) return this.#breakOff(error, exchange, request);
      return this.#handleError(error, exchange, request);
    }
    try {
      exchange.answered = true;
      if (!(outgoing.body instanceof ReadableStream)) {
        const kept = this.#answerWhole(exchange, outgoing, outgoing.body);
        if (kept !== undefined) return kept;
      }
    } catch (error) {
      return this.#breakOff(error, exchange, request);
    }
    return this.#answerLong(exchange, request, outgoing);
  }

  /** An answer that fits the output buffer; undefined where it does not, or more has to be done. */
  #answerWhole(
    exchange: Exchange,
    outgoing: Outgoing,
    body: string | Uint8Array | null,
  ): boolean | undefined {
    if (!exchange.bodyDone) exchange.drainBuffered();
    if (exchange.makeTrailers !== undefined || !exchange.bodyDone) return undefined;
    const length = body === null ? 0 : typeof body === "string" ? utf8Length(body) : body.length;
    if (length > COPY_BODY_BYTES) return undefined;
    if (outgoing.memo !== undefined && this.#keeps(exchange) && exchange.head.method !== "HEAD") {
      if (this.#answerFromMemo(outgoing.memo, outgoing.status, body ?? "", length)) {
        exchange.complete();
        return true;
      }
    }
    const { text, keep, framing } = this.#makeHead(exchange, outgoing, length);
    if (text.length + length > OUTPUT_BYTES - this.#outputLength) return undefined;
    this.#putLatin1(text);
    if (length > 0 && framing !== Framing.None) this.#putBody(body!, length);
    exchange.complete();
    return keep;
  }

  /** The same as any other answer, with a head that differs in its length at most. */
  #answerFromMemo(
    memo: HeadMemo,
    status: number,
    body: string | Uint8Array,
    length: number,
  ): boolean {
    const { dateLine } = this.#host.clock;
    if (memo.status !== status || memo.dateLine !== dateLine) {
      if (hasNoBody(status)) return false;
      const [[name, value]] = memo.fields as [[string, string]];
      const text = `${statusLine(status, "")}${name}: ${value}\r\n${dateLine}` +
        "Connection: keep-alive\r\nContent-Length: ";
      memo.status = status;
      memo.dateLine = dateLine;
      memo.bytes = Uint8Array.from(Buffer.from(text, "latin1"));
    }
    const { bytes } = memo;
    if (bytes.length + MAX_LENGTH_BYTES + length > OUTPUT_BYTES - this.#outputLength) return false;
    const output = this.#output ??= this.#takeOutput();
    output.set(bytes, this.#outputLength);
    this.#outputLength += bytes.length;
    this.#putLatin1(`${length}\r\n\r\n`);
    this.#putBody(body, length);
    return true;
  }

  /** Puts text into the output, which has room for it: up to some hundred characters a loop wins. */
  #putLatin1(text: string): void {
    const output = this.#output ??= this.#takeOutput();
    let at = this.#outputLength;
    for (let index = 0; index < text.length; index++) output[at++] = text.charCodeAt(index);
    this.#outputLength = at;
  }

  #putBody(body: string | Uint8Array, length: number): void {
    if (typeof body !== "string") {
      this.#output!.set(body, this.#outputLength);
      this.#outputLength += length;
    } else if (length === body.length && length <= LOOP_CHARS) {
      this.#putLatin1(body);
    } else {
      this.#outputLength += this.#output!.write(body, this.#outputLength, "utf8");
    }
  }

  /** Whether the connection may go on after the answer, as far as the request says. */
  #keeps(exchange: Exchange): boolean {
    return exchange.head.keepAlive && !this.#host.draining && exchange.bodyError === undefined &&
      !exchange.awaitsContinue;
  }

  async #answerLong(
    exchange: Exchange,
    request: Request,
    outgoing: Outgoing,
  ): Promise<boolean> {
    const body = outgoing.body;
    try {
      // An answer that is made from the request's body: no interim response may follow its head.
      if (exchange.bodyTaken) await exchange.sendContinue();
      const trailers = exchange.makeTrailers !== undefined;
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const length = bytes instanceof ReadableStream ? -1 : bytes?.length ?? 0;
      const { text, keep, framing } = this.#makeHead(exchange, outgoing, trailers ? -1 : length);
      await this.#writeText(text);
      if (framing === Framing.None) {
        if (bytes instanceof ReadableStream) await bytes.cancel();
      } else if (bytes instanceof ReadableStream) {
        await this.#stream(exchange, bytes, framing, statedLength(outgoing));
      } else {
        if (framing === Framing.Chunked && length > 0) await this.#writeChunk(bytes!);
        else if (length > 0) await this.#writeBytes(bytes!);
        if (framing === Framing.Chunked) await this.#writeLastChunk(exchange);
      }
      if (!keep) {
        await this.#flush();
        exchange.complete();
        return false;
      }
      this.#enter("handling", Infinity);
      if (!exchange.bodyDone) await this.#flush();
      const drained = await exchange.drain();
      exchange.complete();
      return drained;
    } catch (error) {
      return this.#breakOff(error, exchange, request);
    }
  }

  /** An answer that cannot be finished must not look finished; those before it are sent. */
  async #breakOff(error: unknown, exchange: Exchange, request: Request): Promise<false> {
    const clientLeft = this.#closed || this.#ended || isNetworkError(error);
    exchange.complete(error);
    this.#outputLength = this.#answerStart;
    try {
      if (!this.#closed) await this.#flush();
    } catch {
      // The client is gone.
    }
    this.close();
    // The handler's fault is reported; a client that left is nobody's.
    if (!clientLeft) Promise.try(() => this.#host.onError(error, request)).catch(() => {});
    return false;
  }

  async #stream(
    exchange: Exchange,
    body: ReadableStream<Uint8Array>,
    framing: Framing,
    length: number,
  ): Promise<void> {
    const reader = body.getReader();
    this.#streaming = reader;
    let sent = 0;
    try {
      this.#phase = "writing";
      this.#startRead();
      while (true) {
        this.#enter("writing", this.#ended ? HALF_CLOSED_MS : Infinity);
        const reading = reader.read();
        // What is there already goes out together, with the head too.
        if (!await settlesSoon(reading)) await this.#flush();
        const { done, value } = await reading;
        if (this.#closed) throw this.#readError ?? new TypeError("The connection was closed");
        if (done) break;
        if (!(value instanceof Uint8Array)) {
          throw new TypeError("A response's body must be a stream of Uint8Array");
        }
        if (value.length === 0) continue;
        sent += value.length;
        if (framing === Framing.Length && sent > length) {
          throw new TypeError(`A response's body is longer than its Content-Length of ${length}`);
        }
        if (framing === Framing.Chunked) await this.#writeChunk(value);
        else await this.#writeBytes(value);
      }
      if (framing === Framing.Length && sent < length) {
        throw new TypeError(`A response's body is shorter than its Content-Length of ${length}`);
      }
      if (framing === Framing.Chunked) await this.#writeLastChunk(exchange);
    } catch (error) {
      reader.cancel(error).catch(() => {});
      throw error;
    } finally {
      this.#streaming = undefined;
    }
  }

  async #upgrade(exchange: Exchange): Promise<boolean> {
    const { headers, take } = exchange.upgraded!;
    let text = "HTTP/1.1 101 Switching Protocols\r\n";
    if (!headers.has("connection")) text += "Connection: Upgrade\r\n";
    text += fieldLines(headers);
    exchange.answered = true;
    this.#enter("writing", this.limits.writeTimeoutMs);
    await this.#writeText(`${text}\r\n`);
    await this.#flush();
    this.#enter("handling", Infinity);
    try {
      await take(new Upgraded(this, this.#conn));
      exchange.complete();
    } catch (error) {
      exchange.complete(error);
    }
    return false;
  }

  /** Gives what was read ahead, then waits for the read that may be under way. For upgrades. */
  async takeInput(buffer: Uint8Array): Promise<number | null> {
    while (this.start === this.end) {
      if (!await this.#fill()) return null;
    }
    const count = Math.min(buffer.length, this.end - this.start);
    buffer.set(this.buffer.subarray(this.start, this.start + count));
    this.start += count;
    return count;
  }

  // Writing.

  #makeHead(
    exchange: Exchange,
    outgoing: Outgoing,
    bodyLength: number,
  ): { text: string; keep: boolean; framing: Framing } {
    const { head } = exchange;
    const { status, fields } = outgoing;
    let keep = this.#keeps(exchange);
    let text = statusLine(status, outgoing.statusText);
    let stated: string | undefined;
    let hasDate = false;
    for (let index = 0; index < fields.length; index++) {
      const [name, value] = fields[index]!;
      switch (name.length) {
        case 4:
          hasDate ||= name.toLowerCase() === "date";
          break;
        case 10:
          if (name.toLowerCase() === "connection") {
            if (value.toLowerCase().includes("close")) keep = false;
            continue;
          }
          if (name.toLowerCase() === "keep-alive") continue;
          break;
        case 14:
          if (name.toLowerCase() === "content-length") {
            stated = value;
            continue;
          }
          break;
        case 17:
          if (name.toLowerCase() === "transfer-encoding") continue;
          break;
      }
      text += `${name}: ${value}\r\n`;
    }
    if (!hasDate) text += this.#host.clock.dateLine;
    let framing = Framing.Length;
    if (hasNoBody(status) || head.method === "HEAD") {
      framing = Framing.None;
      const length = stated ?? (bodyLength > 0 ? String(bodyLength) : undefined);
      if (length !== undefined && status !== 204) text += `Content-Length: ${length}\r\n`;
    } else if (stated !== undefined) {
      if (!/^\d+$/.test(stated) || (bodyLength >= 0 && Number(stated) !== bodyLength)) {
        throw new TypeError(
          `A response's body of ${bodyLength} bytes does not fit its Content-Length of ${stated}`,
        );
      }
      text += `Content-Length: ${stated}\r\n`;
    } else if (bodyLength >= 0) {
      text += `Content-Length: ${bodyLength}\r\n`;
    } else if (head.minorVersion === 1) {
      framing = Framing.Chunked;
      text += "Transfer-Encoding: chunked\r\n";
    } else {
      framing = Framing.Close;
      keep = false;
    }
    text += keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return { text, keep, framing };
  }

  #takeOutput(): ByteBuffer {
    return this.#host.outputs.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES) as ByteBuffer;
  }

  #releaseOutput(output: ByteBuffer): void {
    if (this.#host.outputs.length < MAX_IDLE_OUTPUTS) this.#host.outputs.push(output);
  }

  /** Writes what has gathered. */
  async #flush(): Promise<void> {
    const length = this.#outputLength;
    if (length === 0) return;
    const output = this.#output!;
    // What is put out meanwhile goes to another buffer: this one belongs to the write.
    this.#output = undefined;
    this.#outputLength = this.#answerStart = 0;
    const bytes = new Uint8Array(output.buffer, output.byteOffset, length);
    if (this.#lastWrite !== undefined) {
      await this.#writeTimed(bytes);
    } else {
      // The usual case, without the promises of the other.
      const phase = this.#phase;
      const deadlineMs = this.#deadlineMs;
      this.#enter("writing", this.limits.writeTimeoutMs);
      const writing = this.#writeAll(bytes);
      this.#lastWrite = writing;
      await writing;
      if (this.#lastWrite === writing) this.#lastWrite = undefined;
      this.#phase = phase;
      this.#deadlineMs = deadlineMs;
    }
    this.#releaseOutput(output);
  }

  async #writeText(text: string): Promise<void> {
    if (text.length > OUTPUT_BYTES - this.#outputLength) await this.#flush();
    if (text.length > OUTPUT_BYTES) return await this.#writeBytes(Buffer.from(text, "latin1"));
    this.#putLatin1(text);
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    if (bytes.length <= OUTPUT_BYTES - this.#outputLength) {
      const output = this.#output ??= this.#takeOutput();
      output.set(bytes, this.#outputLength);
      this.#outputLength += bytes.length;
      return;
    }
    await this.#flush();
    await this.#writeTimed(bytes);
  }

  /** Writes with the time for that; what was timed before goes on afterwards. */
  async #writeTimed(bytes: Uint8Array): Promise<void> {
    const phase = this.#phase;
    const deadlineMs = this.#deadlineMs;
    this.#enter("writing", this.limits.writeTimeoutMs);
    await this.write(bytes);
    this.#phase = phase;
    this.#deadlineMs = deadlineMs;
  }

  async #writeChunk(bytes: Uint8Array): Promise<void> {
    await this.#writeText(`${bytes.length.toString(16)}\r\n`);
    await this.#writeBytes(bytes);
    await this.#writeText("\r\n");
  }

  async #writeLastChunk(exchange: Exchange): Promise<void> {
    let text = "0\r\n";
    if (exchange.makeTrailers !== undefined) {
      text += fieldLines(new Headers(await exchange.makeTrailers()));
    }
    await this.#writeText(`${text}\r\n`);
  }

  /** Sends an interim response: before what is put out later, also where nobody waits for it. */
  async writeInterim(text: string): Promise<void> {
    if (text.length <= OUTPUT_BYTES - this.#outputLength) {
      this.#putLatin1(text);
      await this.#flush();
    } else {
      await this.#flush();
      await this.write(Buffer.from(text, "latin1"));
    }
  }

  /** Writes all of the bytes, after what is being written. */
  async write(bytes: Uint8Array): Promise<void> {
    const before = this.#lastWrite;
    const writing = before === undefined
      ? this.#writeAll(bytes)
      : before.then(() => this.#writeAll(bytes));
    this.#lastWrite = writing;
    try {
      await writing;
    } finally {
      if (this.#lastWrite === writing) this.#lastWrite = undefined;
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = await this.#conn.write(bytes);
    while (written < bytes.length) {
      // Some bytes were taken: the time starts again.
      if (this.#phase === "writing") this.#enter("writing", this.limits.writeTimeoutMs);
      written += await this.#conn.write(bytes.subarray(written));
    }
  }

  // Ending.

  /** Answers what cannot be served, and ends the connection so that the answer is not lost. */
  async #refuse(error: unknown): Promise<void> {
    const { status, message } = error instanceof HttpError ? error : new HttpError(400);
    const body = `${message}\n`;
    await this.#writeText(
      `${statusLine(status, "")}Content-Type: text/plain; charset=utf-8\r\n` +
        this.#host.clock.dateLine +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    await this.#finish();
  }

  /** A close while input is unread would send a reset, and could take the answer with it. */
  async #finish(): Promise<void> {
    await this.#flush();
    if (this.#closed) return;
    this.#enter("lingering", LINGER_MS);
    await this.#conn.closeWrite();
    let left = this.limits.drainBytes;
    while (left > 0) {
      this.start = this.end;
      if (!await this.#fill()) return;
      left -= this.end - this.start;
    }
  }
}

/** Why a handler's answer cannot be sent: that it is none, or an interim one. */
function whyUnusable(response: unknown): string | undefined {
  if (!(response instanceof Response)) return "A handler must return a Response";
  return response.status < 200
    ? `Cannot send a response with status ${response.status}: use info.upgrade() or earlyHints()`
    : undefined;
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

/** How many bytes the text has in UTF-8; a loop finds out while it is ASCII and short. */
function utf8Length(text: string): number {
  const { length } = text;
  if (length > LOOP_CHARS) return Buffer.byteLength(text);
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text);
  }
  return length;
}

/** Whether a promise settles without input from outside, in a few turns of the microtask queue. */
async function settlesSoon(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => void (settled = true);
  promise.then(settle, settle);
  for (let turn = 0; turn < MICROTASK_TURNS && !settled; turn++) await undefined;
  return settled;
}

function isNetworkError(error: unknown): boolean {
  const { BrokenPipe, ConnectionReset, ConnectionAborted, NotConnected } = Deno.errors;
  return [BrokenPipe, ConnectionReset, ConnectionAborted, NotConnected]
    .some((kind) => error instanceof kind);
}

function statedLength({ fields }: Outgoing): number {
  const field = fields.find(([name]) => name.toLowerCase() === "content-length");
  return field === undefined ? -1 : Number(field[1]);
}

class Upgraded implements UpgradedConnection {
  readonly #connection: Http1Connection;
  readonly #conn: Deno.Conn<Deno.NetAddr>;

  constructor(connection: Http1Connection, conn: Deno.Conn<Deno.NetAddr>) {
    this.#connection = connection;
    this.#conn = conn;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#connection.remoteAddr;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    return await this.#connection.takeInput(buffer);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#connection.write(bytes);
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    this.#connection.close();
  }
}
