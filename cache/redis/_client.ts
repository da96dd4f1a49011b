/** A connection as the commands see it: replies, modes, transaction, subscriptions. */
import type { Db } from "./_db.ts";
import type { Command, Engine } from "./_engine.ts";
import { formatDouble } from "./_numbers.ts";
import { RequestParser } from "./resp.ts";
import { allocate, utf8, writeLatin1 } from "./_values.ts";

/** Where replies go and how a connection ends. */
export interface Transport {
  /** Queues bytes; they are not touched afterwards. */
  write(bytes: Uint8Array): void;
  /** Bytes queued and not yet handed to the system. */
  pendingBytes(): number;
  /** Ends the connection after what is queued, or at once. */
  close(now: boolean): void;
  /** Peer's address, `ip:port`. */
  readonly peer: string;
  /** Own address, `ip:port`. */
  readonly local: string;
}

/** What a blocked client waits for. */
export interface Blocked {
  /** Keys, in order. */
  keys: string[];
  /** Database of the keys. */
  db: Db;
  /** Tries to serve; true when the reply was written. */
  retry: (key: string) => boolean;
  /** Writes the reply of a timeout. */
  timedOut: () => void;
  /** Timer, or undefined. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Command that blocks. */
  command: Command;
}

const SPILL_CHARS = 64 * 1024;

/** State of CLIENT TRACKING. */
export interface TrackingState {
  on: boolean;
  bcast: boolean;
  optin: boolean;
  optout: boolean;
  noloop: boolean;
  redirect: number;
  redirectBroken: boolean;
  prefixes: string[];
  caching: boolean | null;
}

/** One connection. */
export class Client {
  /** Number, unique in the server. */
  readonly id: number;
  /** Parser of its requests. */
  readonly parser: RequestParser = new RequestParser();
  /** Selected database. */
  db: Db;
  /** Reply of the batch, not yet handed on. */
  out = "";
  /** Protocol version. */
  resp: 2 | 3 = 2;
  /** Name by CLIENT SETNAME. */
  name = "";
  /** Library by CLIENT SETINFO. */
  libName = "";
  /** Library version by CLIENT SETINFO. */
  libVersion = "";
  /** Whether it may run commands. */
  authenticated = true;
  /** Queued commands of MULTI, or null. */
  queue: { command: Command; args: string[] }[] | null = null;
  /** Bytes of the queue. */
  queueBytes = 0;
  /** Whether queueing a command failed. */
  queueFailed = false;
  /** Whether a watched key changed. */
  dirtyWatch = false;
  /** Watched keys: database, key, whether it had expired then. */
  watching: { db: Db; key: string; expired: boolean }[] = [];
  /** How many of them had expired. */
  staleWatches = 0;
  /** Subscribed channels. */
  readonly channels: Set<string> = new Set<string>();
  /** Subscribed patterns. */
  readonly patterns: Set<string> = new Set<string>();
  /** Subscribed shard channels. */
  readonly shardChannels: Set<string> = new Set<string>();
  /** What it waits for. */
  blocked: Blocked | null = null;
  /** Whether it runs MONITOR. */
  monitor = false;
  /** Output from before the command whose reply is dropped. */
  outBefore = "";
  /** CLIENT REPLY. */
  replyMode: "on" | "off" | "skip" | "skip-next" = "on";
  /** CLIENT NO-EVICT. */
  noEvict = false;
  /** CLIENT NO-TOUCH. */
  noTouch = false;
  /** Client-side caching. */
  tracking: TrackingState = {
    on: false,
    bcast: false,
    optin: false,
    optout: false,
    noloop: false,
    redirect: 0,
    redirectBroken: false,
    prefixes: [],
    caching: null,
  };
  /** Push messages that must follow the reply of the running command. */
  deferredPushes: string[] = [];
  /** Whether the connection is ending. */
  closing = false;
  /** When it connected, epoch milliseconds. */
  readonly created: number;
  /** When it last sent a command, epoch milliseconds. */
  lastActive: number;
  /** Name of the last command. */
  lastCommand = "NULL";
  /** Since when its output is above the soft limit, or 0. */
  softLimitSince = 0;
  /** Whether it is in the list of clients with output. */
  scheduled = false;
  /** Whether a command of it is being run by EXEC. */
  inExec = false;
  /** Whether it waits for the end of CLIENT PAUSE. */
  paused = false;
  /** Bytes read. */
  bytesIn = 0;
  /** Bytes written. */
  bytesOut = 0;
  /** Commands run. */
  commands = 0;
  /** Errors replied by the running command. */
  errors = 0;

  /**
   * @param engine The server's state.
   * @param transport The connection, or null for the client that replays files.
   */
  constructor(readonly engine: Engine, readonly transport: Transport | null) {
    this.id = engine.nextClientId++;
    this.db = engine.dbs[0]!;
    this.created = this.lastActive = engine.now;
    this.parser.maxBulkBytes = engine.maxBulkBytes;
  }

  /** A watched key changed. */
  markDirty(): void {
    this.dirtyWatch = true;
  }

  /** Whether it is in the RESP2 mode where only subscription commands are allowed. */
  get subscribed(): boolean {
    return this.channels.size + this.patterns.size + this.shardChannels.size > 0;
  }

  /** Appends raw protocol text. */
  raw(text: string): void {
    if (this.transport === null) return;
    this.out += text;
    if (!this.scheduled) this.schedule();
    if (this.out.length > SPILL_CHARS && this.engine.maySpill(this.out.length)) this.spill();
  }

  /** Puts the client on the list of those with output. */
  schedule(): void {
    this.scheduled = true;
    this.engine.withOutput.push(this);
  }

  /** Hands what was written so far to the connection. */
  spill(): void {
    const text = this.out;
    if (text.length === 0) return;
    this.out = "";
    if (this.transport === null) return;
    // Beyond its limit a client gets nothing more, not the reply that broke it either.
    if (this.engine.checkOutputLimit(this, text.length)) return;
    const bytes = allocate(text.length);
    writeLatin1(bytes, text);
    this.bytesOut += text.length;
    this.engine.stats.bytesOut += text.length;
    this.transport.write(bytes);
  }

  /** `+OK`. */
  ok(): void {
    this.raw("+OK\r\n");
  }
  /** Simple string. */
  simple(text: string): void {
    this.raw(`+${text}\r\n`);
  }
  /** Error; line breaks become blanks. */
  error(text: string): void {
    this.errors++;
    if (/[\r\n]/.test(text)) text = text.replace(/[\r\n]/g, " ");
    this.engine.countError(text);
    this.raw(`-${text}\r\n`);
  }
  /** Integer. */
  int(value: number | bigint): void {
    this.raw(value === 0 ? ":0\r\n" : value === 1 ? ":1\r\n" : `:${value}\r\n`);
  }
  /** Bulk string. */
  bulk(text: string): void {
    this.raw("$" + text.length + "\r\n" + text + "\r\n");
  }
  /** Bulk string or null. */
  bulkOrNull(text: string | undefined | null): void {
    if (text === undefined || text === null) this.null();
    else this.raw("$" + text.length + "\r\n" + text + "\r\n");
  }
  /** Null. */
  null(): void {
    this.raw(this.resp === 2 ? "$-1\r\n" : "_\r\n");
  }
  /** Null where RESP2 has a null array. */
  nullArray(): void {
    this.raw(this.resp === 2 ? "*-1\r\n" : "_\r\n");
  }
  /** Header of an array. */
  array(count: number): void {
    this.raw(`*${count}\r\n`);
  }
  /** Header of a map of `count` pairs. */
  map(count: number): void {
    this.raw(this.resp === 2 ? `*${count * 2}\r\n` : `%${count}\r\n`);
  }
  /** Header of a set. */
  set(count: number): void {
    this.raw(this.resp === 2 ? `*${count}\r\n` : `~${count}\r\n`);
  }
  /** Header of a push message. */
  push(count: number): void {
    this.raw(this.resp === 2 ? `*${count}\r\n` : `>${count}\r\n`);
  }
  /** Double. */
  double(value: number): void {
    const text = formatDouble(value);
    if (this.resp === 2) this.bulk(text);
    else this.raw(`,${text}\r\n`);
  }
  /** Boolean. */
  bool(value: boolean): void {
    this.raw(this.resp === 2 ? (value ? ":1\r\n" : ":0\r\n") : value ? "#t\r\n" : "#f\r\n");
  }
  /** Text with a format of three letters; UTF-16 text is encoded. */
  verbatim(text: string, format = "txt"): void {
    const bytes = utf8(text);
    if (this.resp === 2) this.bulk(bytes);
    else this.raw(`=${bytes.length + 4}\r\n${format}:${bytes}\r\n`);
  }
  /** Array of bulk strings. */
  bulks(items: readonly string[]): void {
    this.array(items.length);
    for (const item of items) this.bulk(item);
  }
  /** Array of simple strings as a set. */
  simples(items: readonly string[]): void {
    this.set(items.length);
    for (const item of items) this.simple(item);
  }
}
