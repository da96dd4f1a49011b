/** Commands on their way: what was asked, who waits for it, and whether it may be asked again. */
import type { RequestBatch, Words } from "./_encode.ts";
import { isReadOnly } from "./_command_table.ts";
import { RedisProtocolError, RedisReplyError } from "./errors.ts";
import type { RedisReply } from "./reply.ts";

/** Makes a value of a reply. */
export type Decode<T> = (reply: RedisReply) => T;

/** An entry of a queue of commands; it is in one queue at a time. */
export abstract class Pending {
  /** The entry behind this one. */
  next: Pending | null = null;
  /** When it was issued, on the monotonic clock. */
  issuedAt = 0;
  /** Whether its caller has its answer already: its place is kept, its reply is dropped. */
  settled = false;
  /** Whether it was written, on the connection that it waits on. */
  sent = false;
  /** How often a connection ended under it. */
  lost = 0;

  /** @param asBytes Whether its reply's strings are given as bytes. */
  constructor(readonly asBytes: boolean) {}

  /** The name, for messages. */
  abstract readonly name: string;
  /** Whether running it twice is the same as running it once. */
  abstract readonly repeatable: boolean;
  /** Adds the request, or requests. */
  abstract encode(batch: RequestBatch): void;
  /** Takes a reply; true when it was the last. */
  abstract receive(reply: RedisReply): boolean;
  /** Answers with an error, if nothing was answered yet. */
  abstract fail(error: unknown): void;
}

/** One command. */
export class Command<T> extends Pending {
  readonly #words: Words;
  readonly #decode: Decode<T> | undefined;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;

  /**
   * @param words The request.
   * @param asBytes Whether the reply's strings are given as bytes.
   * @param decode Makes the value of the reply.
   * @param resolve Takes the value.
   * @param reject Takes the error.
   */
  constructor(
    words: Words,
    asBytes: boolean,
    decode: Decode<T> | undefined,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    super(asBytes);
    this.#words = words;
    this.#decode = decode;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get name(): string {
    return String(this.#words[0]);
  }

  get repeatable(): boolean {
    return isReadOnly(this.#words);
  }

  encode(batch: RequestBatch): void {
    batch.add(this.#words);
  }

  receive(reply: RedisReply): boolean {
    if (this.settled) return true;
    this.settled = true;
    if (reply instanceof RedisReplyError) {
      reply.command = this.name;
      this.#reject(reply);
    } else if (this.#decode === undefined) {
      this.#resolve(reply as T);
    } else {
      try {
        this.#resolve(this.#decode(reply));
      } catch (error) {
        this.#reject(error);
      }
    }
    return true;
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }
}

/**
 * Several requests that are written together and never in part repeated: a transaction, a command
 * behind ASKING.
 */
export class CommandUnit extends Pending {
  readonly #requests: readonly Words[];
  readonly #replies: RedisReply[] = [];
  readonly #resolve: (replies: RedisReply[]) => void;
  readonly #reject: (error: unknown) => void;

  /**
   * @param requests The requests.
   * @param asBytes Whether strings are given as bytes.
   * @param resolve Takes all replies, errors among them.
   * @param reject Takes the error of the connection.
   */
  constructor(
    requests: readonly Words[],
    asBytes: boolean,
    resolve: (replies: RedisReply[]) => void,
    reject: (error: unknown) => void,
  ) {
    super(asBytes);
    this.#requests = requests;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get name(): string {
    return String(this.#requests[0]![0]);
  }

  get repeatable(): boolean {
    return false;
  }

  encode(batch: RequestBatch): void {
    for (const words of this.#requests) batch.add(words);
  }

  receive(reply: RedisReply): boolean {
    this.#replies.push(reply);
    if (this.#replies.length < this.#requests.length) return false;
    if (!this.settled) {
      this.settled = true;
      this.#resolve(this.#replies);
    }
    return true;
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }
}

/** A queue of commands; linked through them, so that moving one allocates nothing. */
export class CommandQueue {
  #head: Pending | null = null;
  #tail: Pending | null = null;
  #size = 0;

  /** How many there are, settled ones included. */
  get size(): number {
    return this.#size;
  }

  /** The first, if any. */
  get head(): Pending | null {
    return this.#head;
  }

  /** Adds one at the end. */
  push(command: Pending): void {
    if (this.#tail === null) this.#head = command;
    else this.#tail.next = command;
    this.#tail = command;
    this.#size++;
  }

  /** Takes the first. */
  shift(): Pending | null {
    const head = this.#head;
    if (head === null) return null;
    this.#head = head.next;
    if (this.#head === null) this.#tail = null;
    head.next = null;
    this.#size--;
    return head;
  }

  /** Takes all of another queue to this one's end. */
  append(other: CommandQueue): void {
    for (let command = other.shift(); command !== null; command = other.shift()) this.push(command);
  }

  /**
   * Fails those that were issued before a time; the queue is in order of it, except for those that are
   * exempt and bear infinity. Their places are kept.
   */
  expire(before: number, error: (command: Pending) => Error): void {
    for (let at = this.#head; at !== null; at = at.next) {
      if (at.issuedAt === Infinity) continue;
      if (at.issuedAt > before) return;
      if (!at.settled) at.fail(error(at));
    }
  }

  /** When the first was issued that still waits and is not exempt. */
  get oldest(): number | undefined {
    for (let at = this.#head; at !== null; at = at.next) {
      if (!at.settled && at.issuedAt !== Infinity) return at.issuedAt;
    }
    return undefined;
  }
}

/** Says that a reply is not of the kind that a command gives. */
export function unexpected(reply: RedisReply, wanted: string): RedisProtocolError {
  const what = reply === null
    ? "null"
    : reply instanceof RedisReplyError
    ? `the error ${reply.message}`
    : typeof reply === "object"
    ? reply.constructor.name
    : typeof reply;
  return new RedisProtocolError(`The server replied with ${what} where ${wanted} was expected`);
}

/** A request whose answer comes as messages; it leaves the queue when it is written. */
export class Unanswered extends Pending {
  readonly #words: Words;

  /** @param words The request. */
  constructor(words: Words) {
    super(false);
    this.#words = words;
    this.issuedAt = Infinity;
  }

  get name(): string {
    return String(this.#words[0]);
  }

  get repeatable(): boolean {
    return false;
  }

  encode(batch: RequestBatch): void {
    batch.add(this.#words);
  }

  receive(): boolean {
    return true;
  }

  fail(): void {
    this.settled = true;
  }
}
