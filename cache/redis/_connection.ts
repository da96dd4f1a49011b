/** A TCP connection of a client: one reader, one writer, nothing copied that need not be. */
import { Client, type Transport } from "./_client.ts";
import type { Engine } from "./_engine.ts";
import { mayWrite } from "./_cmd_session.ts";
import { RespProtocolError } from "./resp.ts";

/** Output at which a client's further requests wait. */
const PAUSE_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Room that is made before bytes arrive, for all clients together. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const MAX_AHEAD_BYTES = 1024 * 1024;
/** Requests of one client that run before others get a turn. */
const MAX_BATCH = 20_000;

function addressOf(address: Deno.Addr): string {
  if (address.transport !== "tcp" && address.transport !== "udp") return "unix:0";
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${host}:${address.port}`;
}

/** A connection and its client. */
export class Connection implements Transport {
  /** Peer's address. */
  readonly peer: string;
  /** Own address. */
  readonly local: string;
  /** The client. */
  readonly client: Client;
  readonly #conn: Deno.TcpConn;
  readonly #engine: Engine;
  readonly #onEnd: (connection: Connection) => void;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #writing = false;
  #closed = false;
  #closeWhenDrained = false;
  #stalled = false;

  /**
   * @param conn The socket.
   * @param engine The server's state.
   * @param onEnd Called once, when the connection has ended.
   */
  constructor(conn: Deno.TcpConn, engine: Engine, onEnd: (connection: Connection) => void) {
    this.#conn = conn;
    this.#engine = engine;
    this.#onEnd = onEnd;
    this.peer = addressOf(conn.remoteAddr);
    this.local = addressOf(conn.localAddr);
    this.client = new Client(engine, this);
  }

  /** Starts reading. */
  start(): void {
    this.#read();
  }

  #read(): void {
    if (this.#closed) return;
    this.#conn.read(this.client.parser.space()).then(this.#onRead, this.#onFail);
  }

  readonly #onFail = (): void => this.#end();

  readonly #onRead = (count: number | null): void => {
    if (count === null || this.#closed) return this.#end();
    const { client } = this;
    const engine = this.#engine;
    engine.now = Date.now();
    engine.stats.bytesIn += count;
    engine.stats.totalReads++;
    client.bytesIn += count;
    // Few clients get room for long arguments at once; a crowd that announces them does not.
    client.parser.maxAheadBytes = Math.min(
      MAX_AHEAD_BYTES,
      Math.floor(AHEAD_BYTES / engine.clients.size),
    );
    client.parser.commit(count);
    if (this.#queryTooLarge()) return;
    this.process();
    engine.finishSoon();
    if (!this.#stalled) this.#read();
  };

  #queryTooLarge(): boolean {
    const limit = this.#engine.config.number("client-query-buffer-limit");
    if (this.client.parser.pendingBytes <= limit) return false;
    this.#engine.stats.queryBufferDisconnects++;
    this.#end();
    return true;
  }

  /** Runs the requests that have arrived. */
  process(): void {
    const engine = this.#engine;
    const before = engine.stats.commands;
    const start = engine.beginBatch();
    this.#run();
    engine.endBatch(start, engine.stats.commands - before);
  }

  #run(): void {
    const { client } = this;
    const engine = this.#engine;
    const { parser } = client;
    let left = MAX_BATCH;
    try {
      while (client.blocked === null && !client.closing && !client.paused) {
        if (this.#queued > PAUSE_OUTPUT_BYTES) {
          this.#stalled = true;
          return;
        }
        const args = this.#held ?? parser.next();
        this.#held = null;
        if (args === null) return;
        if (engine.pauseUntil > engine.now && this.#mustPause(args)) {
          this.#held = args;
          client.paused = true;
          engine.pausedClients.push(client);
          return;
        }
        engine.execute(client, args);
        if (--left === 0) {
          // Others get a turn before the rest of a very long pipeline.
          client.paused = true;
          setTimeout(() => {
            client.paused = false;
            engine.now = Date.now();
            if (this.#closed) return;
            this.process();
            engine.finish();
          }, 0);
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof RespProtocolError)) throw error;
      client.error(`ERR Protocol error: ${error.message}`);
      client.closing = true;
    }
  }

  #held: string[] | null = null;

  #mustPause(args: readonly string[]): boolean {
    if (this.#engine.pauseWritesOnly) return mayWrite(this.client, args);
    return args[0]!.toLowerCase() !== "client";
  }

  /** Bytes not yet handed to the system. */
  pendingBytes(): number {
    return this.#queued;
  }

  /** Queues bytes. */
  write(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#queued += bytes.length;
    if (this.#writing) {
      this.#queue.push(bytes);
      return;
    }
    this.#writing = true;
    this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    this.#engine.stats.totalWrites++;
    this.#conn.write(bytes).then((count) => {
      this.#queued -= count;
      if (count < bytes.length) return this.#send(bytes.subarray(count));
      const { length } = this.#queue;
      if (length > 0) {
        const next = length === 1 ? this.#queue[0]! : concatenate(this.#queue);
        this.#queue = [];
        return this.#send(next);
      }
      this.#writing = false;
      if (this.#closeWhenDrained) return this.#end();
      if (this.#stalled) {
        this.#stalled = false;
        this.#engine.now = Date.now();
        this.process();
        this.#engine.finish();
        if (!this.#stalled) this.#read();
      }
    }, this.#onFail);
  }

  /** Ends the connection. */
  close(now: boolean): void {
    this.client.closing = true;
    if (now || !this.#writing) {
      if (this.#closed) return;
      // The end waits for the running command: it may still use the client.
      queueMicrotask(() => this.#end());
    } else this.#closeWhenDrained = true;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queued = 0;
    try {
      this.#conn.close();
    } catch {
      // The runtime has closed it already.
    }
    this.#engine.now = Date.now();
    this.#engine.drop(this.client);
    this.#onEnd(this);
    this.#engine.finish();
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
