/** The connection that subscribes, and the queues that its messages go to. */
import type { Connection } from "./_connection.ts";
import { Link } from "./_link.ts";
import { text } from "./_replies.ts";
import type { Settings } from "./_settings.ts";
import type { NodeAddress } from "./_slots.ts";
import { RedisConnectionError, RedisReplyError, RedisUsageError } from "./errors.ts";
import type { RedisReply, RedisString } from "./reply.ts";
import type { RedisMessage, RedisSubscribeOptions } from "./subscription.ts";

/** How channels are named: in full, by patterns, or in full in a shard of a cluster. */
export type SubscriptionKind = "subscribe" | "psubscribe" | "ssubscribe";

const MESSAGE_KINDS: Readonly<Record<string, SubscriptionKind>> = {
  message: "subscribe",
  pmessage: "psubscribe",
  smessage: "ssubscribe",
};

/** A channel's name as a map key; bytes as one character each. */
function keyOf(name: RedisReply | undefined): string {
  if (typeof name === "string") return name;
  if (!(name instanceof Uint8Array)) return "";
  let key = "";
  for (const byte of name) key += String.fromCharCode(byte);
  return key;
}

/** A request to subscribe that is not confirmed yet. */
interface Request {
  /** Whether somebody waits for it; others are made anew with the connection. */
  awaited: boolean;
  kind: SubscriptionKind;
  left: Set<string>;
  settle: (error?: Error) => void;
}

/** A subscriber whose node may change. */
export interface Roaming {
  /** Which node it is now. */
  address: () => NodeAddress;
  /** Finds out anew. */
  refresh: () => Promise<void>;
}

/** One connection that subscribes, for all subscriptions of a client that take text, or bytes. */
export class Subscriber {
  readonly #link: Link;
  readonly #bytes: boolean;
  readonly #roaming: Roaming | undefined;
  readonly #channels: Record<SubscriptionKind, Map<string, Set<MessageQueue>>> = {
    subscribe: new Map(),
    psubscribe: new Map(),
    ssubscribe: new Map(),
  };
  #requests: Request[] = [];
  /** Sharded channels whose end was asked for and not confirmed yet. */
  readonly #unsubscribing = new Map<string, number>();
  #opening: Promise<void> | undefined;
  #moving = false;

  /**
   * @param settings Where to.
   * @param bytes Whether names and messages are given as bytes.
   * @param roaming For a node of a cluster: which it is now.
   */
  constructor(settings: Settings, bytes: boolean, roaming?: Roaming) {
    this.#bytes = bytes;
    this.#roaming = roaming;
    const link = new Link({ ...settings, onState: undefined }, roaming?.address);
    link.onPush = (items) => this.#take(items);
    link.onConnect = (connection) => this.#prepare(connection);
    link.onLost = () => this.#lost();
    link.onState = (state, error) => {
      if (state === "closed") this.#fail(error);
    };
    this.#link = link;
  }

  #prepare(connection: Connection): void {
    connection.messagesOnly = true;
    connection.pushBytes = this.#bytes;
    // Names in these maps are what the server is asked for, after every reconnection.
    for (const kind of Object.keys(this.#channels) as SubscriptionKind[]) {
      const names = [...this.#channels[kind].keys()];
      if (kind !== "ssubscribe") this.#ask(connection, kind, names);
      // Sharded channels of one request must be of one slot.
      else for (const name of names) this.#ask(connection, kind, [name]);
    }
  }

  #ask(connection: Connection, kind: SubscriptionKind, names: string[]): void {
    if (names.length === 0) return;
    const left = new Set(names);
    this.#requests.push({
      awaited: false,
      kind,
      left,
      settle: (error) => {
        if (error === undefined) return;
        for (const name of left) {
          for (const subscription of this.#channels[kind].get(name) ?? []) subscription.fail(error);
        }
      },
    });
    connection.writeRaw([kind.toUpperCase(), ...names.map((name) => this.#word(name))]);
  }

  #word(name: string): RedisString {
    return this.#bytes ? Uint8Array.from(name, (char) => char.charCodeAt(0)) : name;
  }

  /** Subscribes; settles when the server has confirmed every channel. */
  async add(
    kind: SubscriptionKind,
    names: readonly RedisString[],
    limits: QueueLimits,
  ): Promise<MessageQueue> {
    this.#opening ??= this.#link.open();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
    const keys = [...new Set(names.map((name) => keyOf(this.#bytes ? bytesOf(name) : text(name))))];
    const subscription = new MessageQueue(
      limits,
      () => this.#remove(kind, keys, subscription),
    );
    const channels = this.#channels[kind];
    for (const key of keys) {
      const readers = channels.get(key);
      if (readers === undefined) channels.set(key, new Set([subscription]));
      else readers.add(subscription);
    }
    // Asked for again even where others subscribe already: the confirmation says that it is in force.
    const confirmed = Promise.withResolvers<void>();
    this.#requests.push({
      awaited: true,
      kind,
      left: new Set(keys),
      settle: (error) => error === undefined ? confirmed.resolve() : confirmed.reject(error),
    });
    const { connection } = this.#link;
    connection?.writeRaw([kind.toUpperCase(), ...keys.map((key) => this.#word(key))]);
    try {
      await confirmed.promise;
    } catch (error) {
      subscription.close();
      throw error;
    }
    return subscription;
  }

  #remove(
    kind: SubscriptionKind,
    keys: readonly string[],
    subscription: MessageQueue,
  ): void {
    const channels = this.#channels[kind];
    const gone: string[] = [];
    for (const key of keys) {
      const readers = channels.get(key);
      if (readers?.delete(subscription) && readers.size === 0) {
        channels.delete(key);
        gone.push(key);
      }
    }
    const { connection } = this.#link;
    if (gone.length > 0 && connection !== undefined) {
      if (kind === "ssubscribe") {
        for (const key of gone) {
          this.#unsubscribing.set(key, (this.#unsubscribing.get(key) ?? 0) + 1);
        }
      }
      const name = kind.replace("subscribe", "unsubscribe").toUpperCase();
      connection.writeRaw([name, ...gone.map((key) => this.#word(key))]);
    }
  }

  #take(items: RedisReply[] | RedisReplyError): void {
    if (items instanceof RedisReplyError) {
      if (items.code === "MOVED" && this.#roaming !== undefined) return void this.#move(items);
      // Replies come in order, so it is the oldest request that failed.
      this.#requests.shift()?.settle(items);
      return;
    }
    const name = keyOf(items[0]);
    const kind = MESSAGE_KINDS[name];
    if (kind !== undefined) return this.#deliver(kind, items);
    if (name === "subscribe" || name === "psubscribe" || name === "ssubscribe") {
      this.#confirm(name, keyOf(items[1]));
    } else if (name === "sunsubscribe") {
      this.#unsubscribed(keyOf(items[1]));
    }
  }

  /** A cluster takes sharded channels back when their slot moves. */
  #unsubscribed(key: string): void {
    const asked = this.#unsubscribing.get(key) ?? 0;
    if (asked > 1) this.#unsubscribing.set(key, asked - 1);
    else this.#unsubscribing.delete(key);
    if (asked > 0 || !this.#channels.ssubscribe.has(key)) return;
    const moved = new RedisReplyError(`MOVED the slot of the channel ${key} is served elsewhere`);
    if (this.#roaming !== undefined) return void this.#move(moved);
    for (const reader of this.#channels.ssubscribe.get(key) ?? []) {
      reader.fail(moved);
    }
  }

  /** Finds out who serves the channels now, and subscribes there. */
  async #move(moved: RedisReplyError): Promise<void> {
    const { connection } = this.#link;
    if (connection === undefined || this.#moving) return;
    this.#moving = true;
    try {
      await this.#roaming!.refresh();
      await connection.destroy(moved);
    } finally {
      this.#moving = false;
    }
  }

  #deliver(kind: SubscriptionKind, items: RedisReply[]): void {
    const patterned = kind === "psubscribe";
    const readers = this.#channels[kind].get(keyOf(items[1]));
    if (readers === undefined) return;
    const channel = items[patterned ? 2 : 1];
    const message = items[patterned ? 3 : 2];
    if (!isString(channel) || !isString(message)) return;
    const pattern = patterned ? items[1] as RedisString : undefined;
    for (const reader of readers) reader.push({ channel, message, pattern });
  }

  #confirm(kind: SubscriptionKind, key: string): void {
    // The confirmations of one request come in a row; one that others asked for may satisfy it as well.
    for (const request of this.#requests) {
      if (request.kind === kind && request.left.delete(key) && request.left.size === 0) {
        request.settle();
      }
    }
    this.#requests = this.#requests.filter((request) => request.left.size > 0);
  }

  #lost(): void {
    this.#unsubscribing.clear();
    // What they ask for is asked for again with everything else.
    this.#requests = this.#requests.filter((request) => request.awaited);
    for (const readers of this.#readers()) readers.missed();
  }

  #fail(cause: Error | undefined): void {
    const error = new RedisConnectionError(
      "ERR_REDIS_CLOSED",
      "The client is closed",
      cause === undefined ? {} : { cause },
    );
    for (const request of this.#requests.splice(0)) request.settle(error);
    for (const reader of [...this.#readers()]) {
      if (cause === undefined) reader.end();
      else reader.fail(error);
    }
  }

  *#readers(): Generator<MessageQueue> {
    const seen = new Set<MessageQueue>();
    for (const channels of Object.values(this.#channels)) {
      for (const readers of channels.values()) {
        for (const reader of readers) {
          if (!seen.has(reader)) yield reader;
          seen.add(reader);
        }
      }
    }
  }

  /** Ends all subscriptions and the connection. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#link.destroy();
  }
}

function isString(value: RedisReply | undefined): value is RedisString {
  return typeof value === "string" || value instanceof Uint8Array;
}

function bytesOf(name: RedisString): Uint8Array {
  return typeof name === "string" ? new TextEncoder().encode(name) : name;
}

/** How much may wait for the reader of a subscription. */
export interface QueueLimits {
  /** How many messages. */
  messages: number;
  /** How many bytes or characters they have in all. */
  size: number;
}

/** The limits that a subscription asks for. */
export function limitsOf(options: RedisSubscribeOptions): QueueLimits {
  return {
    messages: options.maxWaiting ?? 100_000,
    size: options.maxWaitingSize ?? 64 * 1024 * 1024,
  };
}

/** The messages of one subscription. */
export class MessageQueue {
  readonly #limits: QueueLimits;
  #waitingSize = 0;
  readonly #onClose: () => void;
  #messages: RedisMessage<RedisString>[] = [];
  #at = 0;
  #waiting: ((result: IteratorResult<RedisMessage<RedisString>, void>) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #error: Error | undefined;
  #ended = false;
  #interruptions = 0;

  /**
   * @param limits How much may wait.
   * @param onClose Called at the end.
   */
  constructor(limits: QueueLimits, onClose: () => void) {
    this.#limits = limits;
    this.#onClose = onClose;
  }

  /** How often the connection was lost, so that messages may have been missed. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** How many messages wait for the reader. */
  get waiting(): number {
    return this.#messages.length - this.#at;
  }

  /** Takes a message. */
  push(message: RedisMessage<RedisString>): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      this.#reject = undefined;
      waiting({ done: false, value: message });
      return;
    }
    this.#waitingSize += message.message.length;
    if (this.waiting >= this.#limits.messages || this.#waitingSize > this.#limits.size) {
      this.fail(new RedisUsageError(`The reader fell behind: ${this.waiting} messages wait`));
    } else {
      this.#messages.push(message);
    }
  }

  /** Notes that messages may have been missed. */
  missed(): void {
    this.#interruptions++;
  }

  /** Ends the iteration with an error, after what waits. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error = error;
    this.end();
  }

  /** Ends the iteration, after what waits. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onClose();
    const waiting = this.#waiting;
    const reject = this.#reject;
    this.#waiting = undefined;
    this.#reject = undefined;
    if (this.#error === undefined) waiting?.({ done: true, value: undefined });
    else reject?.(this.#takeError());
  }

  #takeError(): Error {
    const error = this.#error!;
    this.#error = undefined;
    return error;
  }

  /** The next message; `done` when the subscription was closed. */
  next(): Promise<IteratorResult<RedisMessage<RedisString>, void>> {
    const messages = this.#messages;
    if (this.#at < messages.length) {
      const value = messages[this.#at]!;
      this.#waitingSize -= value.message.length;
      if (++this.#at === messages.length) {
        this.#messages = [];
        this.#at = 0;
      } else if (this.#at >= 1024 && this.#at * 2 >= messages.length) {
        this.#messages = messages.slice(this.#at);
        this.#at = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) return Promise.reject(this.#takeError());
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    if (this.#waiting !== undefined) {
      return Promise.reject(new RedisUsageError("Cannot read a subscription twice at a time"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#reject = reject;
    });
  }

  /** Unsubscribes; messages that wait are dropped. */
  close(): void {
    this.#messages = [];
    this.#at = 0;
    this.end();
  }
}
