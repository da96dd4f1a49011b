import type { Decode } from "./_command.ts";
import { firstKey, isReadOnly, nameOf } from "./_command_table.ts";
import { checkCommand, ClientCore, type UnitExecutor } from "./_core.ts";
import type { Words } from "./_encode.ts";
import { backoffMs, pause } from "./_link.ts";
import { createMulti } from "./_multi.ts";
import { array, integer, strings } from "./_replies.ts";
import { parseRedisUrl, resolveOptions, type Settings } from "./_settings.ts";
import {
  keySlot,
  type NodeAddress,
  redirection,
  shardsReply,
  type SlotRange,
  SLOTS,
  slotsReply,
} from "./_slots.ts";
import { limitsOf, Subscriber, type SubscriptionKind } from "./_subscriber.ts";
import type { RedisStringOf, RedisTransactionOptions } from "./client.ts";
import { type RedisCommandOptions, RedisCommands, type RedisScanOptions } from "./commands.ts";
import {
  RedisClusterError,
  RedisConnectionError,
  RedisError,
  RedisReplyError,
  RedisTransactionError,
  RedisUsageError,
} from "./errors.ts";
import type { RedisMulti } from "./multi.ts";
import type { RedisClientOptions } from "./options.ts";
import type { RedisArgument, RedisReply, RedisString } from "./reply.ts";
import { createSession, type RedisSession } from "./session.ts";
import {
  createSubscription,
  type RedisSubscribeOptions,
  type RedisSubscription,
} from "./subscription.ts";

/** How to reach a cluster, and what to allow; the rest holds for the connection to every node. */
export interface RedisClusterOptions
  extends Omit<RedisClientOptions, "hostname" | "port" | "path" | "db" | "onState"> {
  /** Who is asked to read: the node that takes writes, or a copy, which may lag behind. Default `master`. */
  readFrom?: "master" | "replica";
  /**
   * Whether MGET, MSET, DEL, UNLINK, EXISTS and TOUCH with keys of several slots are split, one command a
   * slot. They are not atomic then. Default false: such commands fail with CROSSSLOT.
   */
  splitMultiKey?: boolean;
  /** How often a command is redirected or repeated at most, until it rejects. Default 16. */
  maxRedirections?: number;
  /** Translates the addresses that nodes tell of each other, for clients beyond a NAT. */
  mapAddress?: (address: { hostname: string; port: number }) => { hostname: string; port: number };
}

/** Commands that can be split by slot: how many words a key has, and how replies become one. */
const SPLITTABLE = new Map<string, { stride: number; merge: "order" | "sum" | "first" }>([
  ["MGET", { stride: 1, merge: "order" }],
  ["MSET", { stride: 2, merge: "first" }],
  ["DEL", { stride: 1, merge: "sum" }],
  ["UNLINK", { stride: 1, merge: "sum" }],
  ["EXISTS", { stride: 1, merge: "sum" }],
  ["TOUCH", { stride: 1, merge: "sum" }],
]);

/** Most nodes that are talked to: what servers tell is not to be trusted without end. */
const MAX_NODES = 1_000;
/** Least time between two questions for the slots, in milliseconds. */
const REFRESH_PAUSE_MS = 50;
/** How long one node may take to tell the slots, in milliseconds. */
const REFRESH_TIMEOUT_MS = 2_000;

const NEVER_ABORTED = new AbortController().signal;

/** A node of a cluster: the commands on it, and where it is. */
class Node {
  readonly core: ClientCore;
  readonly address: NodeAddress;

  constructor(settings: Settings) {
    this.core = new ClientCore(settings);
    this.address = { hostname: settings.hostname, port: settings.port };
  }
}

/** What an attempt failed with, and where. */
interface Failure {
  error: unknown;
  node: Node | undefined;
}

interface Shard {
  master: Node;
  replicas: Node[];
}

/** Finds the nodes of commands, and follows redirections. */
class ClusterCore implements UnitExecutor {
  readonly settings: Settings;
  readonly #options: RedisClusterOptions;
  readonly #maxRedirections: number;
  readonly #nodes = new Map<string, Node>();
  readonly #slots: (Shard | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #seeds: readonly NodeAddress[];
  readonly #leaving = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #refreshing: Promise<void> | undefined;
  #closed = false;
  /** The nodes that take writes; undefined when the slots have changed since. */
  #masters: Node[] | undefined;

  constructor(seeds: readonly NodeAddress[], settings: Settings, options: RedisClusterOptions) {
    this.#seeds = seeds;
    this.#options = options;
    this.#maxRedirections = options.maxRedirections ?? 16;
    this.settings = settings;
  }

  /** Asks the seeds, one after another, until one tells the slots. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    let failure: unknown;
    for (const seed of this.#seeds) {
      const core = new ClientCore(this.#nodeSettings(seed));
      try {
        await core.link.open(signal);
        this.#adopt(await this.#ask(core, seed));
        return;
      } catch (error) {
        if (signal?.aborted) throw error;
        failure = error;
      } finally {
        await core.close();
      }
    }
    await this.close();
    throw failure;
  }

  #nodeSettings({ hostname, port }: NodeAddress): Settings {
    return {
      ...this.settings,
      hostname,
      port,
      // A lost read goes back to the cluster, which may have another node for it by then.
      maxReadRetries: 0,
      greeting: this.#options.readFrom === "replica" ? [["READONLY"]] : [],
      onState: (state) => {
        if (state === "reconnecting") void this.refresh();
      },
    };
  }

  async #ask(core: ClientCore, asked: NodeAddress): Promise<SlotRange[]> {
    const options = { timeoutMs: Math.min(REFRESH_TIMEOUT_MS, this.settings.connectTimeoutMs) };
    let ranges: SlotRange[];
    try {
      ranges = await core.execute(
        ["CLUSTER", "SLOTS"],
        (reply) => slotsReply(reply, asked.hostname),
        options,
      );
    } catch (error) {
      if (!(error instanceof RedisReplyError) || !/unknown/i.test(error.message)) throw error;
      ranges = await core.execute(
        ["CLUSTER", "SHARDS"],
        (reply) => shardsReply(reply, asked.hostname, this.settings.tls !== undefined),
        options,
      );
    }
    if (ranges.length === 0) {
      throw new RedisClusterError(
        "ERR_REDIS_NO_NODE",
        `The node ${asked.hostname}:${asked.port} knows of no slot that is served`,
      );
    }
    const named = ranges.flatMap(({ master, replicas }) => [master, ...replicas]);
    if (new Set(named.map(({ hostname, port }) => `${hostname}:${port}`)).size > MAX_NODES) {
      throw tooManyNodes();
    }
    return ranges;
  }

  #node(told: NodeAddress): Node {
    const address = this.#options.mapAddress?.(told) ?? told;
    const name = `${address.hostname}:${address.port}`;
    let node = this.#nodes.get(name);
    if (node === undefined) {
      // Those that left are kept until the slots are learnt anew.
      if (this.#nodes.size >= 2 * MAX_NODES) throw tooManyNodes();
      node = new Node(this.#nodeSettings(address));
      this.#nodes.set(name, node);
      node.core.link.start();
    }
    return node;
  }

  #adopt(ranges: readonly SlotRange[]): void {
    const named = new Set<Node>();
    this.#masters = undefined;
    this.#slots.fill(undefined);
    for (const range of ranges) {
      const shard: Shard = {
        master: this.#node(range.master),
        // Replicas are connected to when they are read from.
        replicas: this.#options.readFrom === "replica"
          ? range.replicas.map((replica) => this.#node(replica))
          : [],
      };
      named.add(shard.master);
      for (const replica of shard.replicas) named.add(replica);
      for (let slot = range.start; slot <= range.end; slot++) this.#slots[slot] = shard;
    }
    for (const [name, node] of this.#nodes) {
      if (named.has(node)) continue;
      this.#nodes.delete(name);
      // What waits there fails as not sent, and is sent elsewhere.
      const leaving = node.core.close();
      this.#leaving.add(leaving);
      void leaving.finally(() => this.#leaving.delete(leaving));
    }
  }

  /** Asks for the slots anew; those who ask at the same time share one answer. */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = undefined);
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    // Those that are connected come first.
    nodes.sort((a, b) =>
      Number(b.core.link.state === "ready") - Number(a.core.link.state === "ready")
    );
    for (const { core, address } of nodes) {
      if (core.link.state !== "ready" || this.#closed) break;
      try {
        this.#adopt(await this.#ask(core, address));
        return await pause(REFRESH_PAUSE_MS, this.#stop.signal);
      } catch {
        // The next may know.
      }
    }
    for (const seed of [...this.#seeds, ...nodes.map(({ address }) => address)]) {
      if (this.#closed) return;
      const core = new ClientCore(this.#nodeSettings(seed));
      try {
        await core.link.open(this.#stop.signal);
        this.#adopt(await this.#ask(core, seed));
        break;
      } catch {
        // As above.
      } finally {
        await core.close();
      }
    }
    await pause(REFRESH_PAUSE_MS, this.#stop.signal);
  }

  /** All nodes that take writes. */
  masters(): Node[] {
    return [
      ...new Set(this.#slots.filter((shard) => shard !== undefined).map((shard) => shard.master)),
    ];
  }

  /** The node that a slot is written at, or any for no slot. */
  master(slot: number | undefined): Node {
    const node = slot === undefined ? pick(this.masters()) : this.#slots[slot]?.master;
    if (node !== undefined) return node;
    throw new RedisClusterError(
      "ERR_REDIS_NO_NODE",
      slot === undefined ? "The cluster has no node" : `No node serves the slot ${slot}`,
    );
  }

  #nodeFor(words: Words, slot: number | undefined): Node {
    const replicas = slot === undefined ? undefined : this.#slots[slot]?.replicas;
    if (replicas !== undefined && replicas.length > 0 && isReadOnly(words)) {
      const ready = replicas.filter((node) => node.core.link.state === "ready");
      if (ready.length > 0) return pick(ready)!;
    }
    return this.master(slot);
  }

  execute<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    try {
      if (decode === undefined) checkCommand(words);
      if (this.#options.splitMultiKey) {
        const split = this.#split<T>(words, decode, options);
        if (split !== undefined) return split;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    const key = firstKey(words);
    const slot = key === undefined ? undefined : keySlot(key);
    const choose = (slot: number | undefined): Node => this.#nodeFor(words, slot);
    const follow = (failed: Failure): Promise<T> =>
      this.#follow<T>(
        slot,
        options,
        isReadOnly(words),
        async (node, asking) => {
          if (!asking) return await node.core.execute(words, decode, options);
          const [, reply] = await node.core.executeUnit([["ASKING"], words], options);
          if (reply instanceof RedisReplyError) throw reply;
          return decode === undefined ? reply as T : decode(reply!);
        },
        choose,
        failed,
      );
    let node: Node;
    try {
      node = choose(slot);
    } catch (error) {
      return follow({ error, node: undefined });
    }
    // Most commands are not redirected, and pay for nothing of that.
    return node.core.execute(words, decode, options).catch((error) => follow({ error, node }));
  }

  executeBlocking<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> {
    const key = firstKey(words);
    const slot = key === undefined ? undefined : keySlot(key);
    return this.#follow<T>(slot, options, isReadOnly(words), async (node, asking) => {
      if (asking) throw new RedisReplyError("TRYAGAIN the slot is being migrated");
      return await node.core.executeBlocking(words, decode, options);
    }, (slot) => this.master(slot));
  }

  async executeUnit(
    requests: readonly Words[],
    options: RedisCommandOptions,
  ): Promise<RedisReply[]> {
    const slot = commonSlot(requests.map(firstKeyOfStep).filter((key) => key !== undefined));
    return await this.#follow(slot, options, false, async (node, asking) => {
      // A server redirects each command of a transaction; when EXEC was refused, none of them ran.
      if (asking) throw new RedisReplyError("TRYAGAIN the slot is being migrated");
      const replies = await node.core.executeUnit(requests, options);
      const outcome = replies[replies.length - 1];
      if (outcome instanceof RedisReplyError) {
        const moved = replies.find((reply) =>
          reply instanceof RedisReplyError && isRedirection(reply)
        );
        if (moved !== undefined) throw moved;
      }
      return replies;
    }, (slot) => this.master(slot));
  }

  /** Runs something at the node of a slot, and wherever it is redirected from there. */
  async #follow<T>(
    slot: number | undefined,
    options: RedisCommandOptions,
    repeatable: boolean,
    run: (node: Node, asking: boolean) => Promise<T>,
    choose: (slot: number | undefined) => Node,
    failed?: Failure,
  ): Promise<T> {
    const signal = options.signal ?? this.#stop.signal;
    let target: Node | undefined;
    let asking = false;
    for (let attempt = 1;; attempt++) {
      if (this.#closed) throw new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed");
      let error: unknown;
      let node: Node | undefined;
      if (failed !== undefined && attempt === 1) ({ error, node } = failed);
      else {
        try {
          node = target ?? choose(slot);
          return await run(node, asking);
        } catch (caught) {
          error = caught;
        }
      }
      if (!(error instanceof RedisError)) throw error;
      target = undefined;
      asking = false;
      const next = this.#next(error, node, repeatable);
      if (next === "fail") throw error;
      if (attempt > this.#maxRedirections) {
        throw new RedisClusterError(
          "ERR_REDIS_REDIRECTIONS",
          `The cluster did not run the command in ${attempt} attempts: ${error.message}`,
          { cause: error },
        );
      }
      if (typeof next === "object") {
        target = next.node;
        asking = next.asking;
        continue;
      }
      await pause(backoffMs(attempt, 10, 500), signal);
      signal.throwIfAborted();
      if (next === "refresh") await this.refresh();
    }
  }

  /** What to do after an error. */
  #next(
    error: RedisError,
    node: Node | undefined,
    repeatable: boolean,
  ): "fail" | "wait" | "refresh" | { node: Node; asking: boolean } {
    if (error instanceof RedisReplyError) {
      switch (error.code) {
        case "MOVED":
        case "ASK": {
          const told = redirection(error.message, node?.address.hostname ?? "");
          if (told === undefined) return "fail";
          const asking = error.code === "ASK";
          const to = this.#node(told.to);
          if (!asking) {
            this.#masters = undefined;
            this.#slots[told.slot] = { master: to, replicas: [] };
            void this.refresh();
          }
          return { node: to, asking };
        }
        case "TRYAGAIN":
        case "LOADING":
          return "wait";
        case "CLUSTERDOWN":
        case "MASTERDOWN":
        case "READONLY":
          return "refresh";
        default:
          return "fail";
      }
    }
    if (error instanceof RedisClusterError) {
      return error.code === "ERR_REDIS_NO_NODE" && !this.#closed ? "refresh" : "fail";
    }
    if (!(error instanceof RedisConnectionError) || this.#closed) return "fail";
    if (error.code === "ERR_REDIS_QUEUE_FULL") return "fail";
    return !error.sent || repeatable ? "refresh" : "fail";
  }

  /** Splits a command of several slots; undefined when it is not one. */
  #split<T>(
    words: Words,
    decode: Decode<T> | undefined,
    options: RedisCommandOptions,
  ): Promise<T> | undefined {
    const how = SPLITTABLE.get(nameOf(words));
    if (how === undefined || words.length < 1 + 2 * how.stride) return undefined;
    const parts = new Map<number, { words: RedisArgument[]; places: number[] }>();
    for (let at = 1, place = 0; at < words.length; at += how.stride, place++) {
      const slot = keySlot(words[at]!);
      let part = parts.get(slot);
      if (part === undefined) parts.set(slot, part = { words: [words[0]!], places: [] });
      for (let i = at; i < at + how.stride && i < words.length; i++) part.words.push(words[i]!);
      part.places.push(place);
    }
    if (parts.size === 1) return undefined;
    const merge = async (): Promise<T> => {
      const replies = await Promise.all(
        Array.from(
          parts,
          async ([slot, part]) => ({
            part,
            reply: await this.#follow<RedisReply>(
              slot,
              options,
              isReadOnly(words),
              (node, asking) => this.#runPart(node, asking, part.words, options),
              (slot) => this.#nodeFor(words, slot),
            ),
          }),
        ),
      );
      let whole: RedisReply;
      if (how.merge === "sum") whole = replies.reduce((sum, { reply }) => sum + integer(reply), 0);
      else if (how.merge === "first") whole = replies[0]!.reply;
      else {
        const values: RedisReply[] = [];
        for (const { part, reply } of replies) {
          const items = array(reply);
          for (const [i, place] of part.places.entries()) values[place] = items[i] ?? null;
        }
        whole = values;
      }
      return decode === undefined ? whole as T : decode(whole);
    };
    return merge();
  }

  async #runPart(
    node: Node,
    asking: boolean,
    words: Words,
    options: RedisCommandOptions,
  ): Promise<RedisReply> {
    if (!asking) return await node.core.execute<RedisReply>(words, undefined, options);
    const [, reply] = await node.core.executeUnit([["ASKING"], words], options);
    if (reply instanceof RedisReplyError) throw reply;
    return reply!;
  }

  /** Ends the connections to all nodes. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort(new RedisConnectionError("ERR_REDIS_CLOSED", "The client is closed"));
    await this.#refreshing;
    await Promise.all([...this.#nodes.values()].map(({ core }) => core.close()));
    await Promise.all(this.#leaving);
  }
}

function firstKeyOfStep(words: Words): Words[number] | undefined {
  const name = nameOf(words);
  return name === "MULTI" || name === "EXEC" ? undefined : firstKey(words);
}

function isRedirection(error: RedisReplyError): boolean {
  return ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].includes(error.code);
}

function tooManyNodes(): RedisClusterError {
  return new RedisClusterError("ERR_REDIS_NO_NODE", `The cluster has over ${MAX_NODES} nodes`);
}

function pick<T>(from: readonly T[]): T | undefined {
  return from[Math.floor(Math.random() * from.length)];
}

/** The slot of all keys, or undefined without keys. */
function commonSlot(keys: readonly Words[number][]): number | undefined {
  if (keys.length === 0) return undefined;
  const slot = keySlot(keys[0]!);
  for (const key of keys) {
    if (keySlot(key) !== slot) {
      throw new RedisClusterError(
        "ERR_REDIS_CROSSSLOT",
        "The keys are of several slots: give them a common part in braces, such as {user:1}:name",
      );
    }
  }
  return slot;
}

/**
 * A client of a Redis cluster.
 *
 * It learns from one node where the slots are, sends each command to the node of its first key, and follows
 * MOVED and ASK; while a slot moves or the cluster is down it waits and tries again, up to a limit.
 * Commands that were not sent, or that only read, are sent to another node when theirs is lost; a write
 * whose reply was lost rejects, as in {@linkcode RedisClient}. Commands without a key go to any node;
 * `scan`, `keys`, `dbsize`, `flushdb` and `flushall` go to all.
 *
 * @example With a cluster at hand
 * ```ts ignore
 * import { RedisCluster } from "@groundwork/std/cache/redis_client";
 *
 * await using redis = await RedisCluster.connect(["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"], {
 *   splitMultiKey: true,
 * });
 * await redis.mset({ a: 1, b: 2, c: 3 });
 * console.log(await redis.mget("a", "b", "c"));
 * await redis.multi().set("{user:1}:name", "Alice").incr("{user:1}:visits").exec();
 * ```
 */
export class RedisCluster extends RedisCommands<string> implements AsyncDisposable {
  readonly #core: ClusterCore;
  readonly #subscribers = new Map<string, Subscriber>();
  /** The same commands, whose replies' strings are `Uint8Array`. */
  readonly bytes: RedisCommands<Uint8Array>;

  private constructor(core: ClusterCore) {
    super(core);
    this.#core = core;
    this.bytes = new RedisCommands<Uint8Array>(core, { bytes: true });
  }

  /**
   * Connects, and learns where the slots are.
   *
   * @param nodes Some nodes, by URL or address; one that answers is enough. User, password and `rediss:` of
   * the first URL hold for all nodes.
   * @param options How, and what to allow. With a signal, an abort ends the attempt.
   * @throws {RedisConnectionError} when no node can be reached; the error of the last one.
   * @throws {RedisReplyError} when the servers refuse, or are no cluster.
   * @throws {RedisClusterError} `ERR_REDIS_NO_NODE` when no slot is served.
   */
  static async connect(
    nodes: readonly (string | URL | { hostname: string; port: number })[],
    options: RedisClusterOptions & { signal?: AbortSignal } = {},
  ): Promise<RedisCluster> {
    if (nodes.length === 0) throw new RedisUsageError("Cannot connect to a cluster of no nodes");
    const parsed = nodes.map((node): RedisClientOptions =>
      typeof node === "string" || node instanceof URL ? parseRedisUrl(node) : node
    );
    const { hostname: _host, port: _port, db, path, tls, ...credentials } = parsed[0]!;
    if ((db !== undefined && db !== 0) || path !== undefined) {
      throw new RedisUsageError(
        "Cannot connect to a cluster by a socket's path or with a database",
      );
    }
    const client: RedisClientOptions = { ...credentials, ...options };
    if (client.tls === undefined && tls !== undefined) client.tls = tls;
    const seeds = parsed.map(({ hostname, port }) => ({
      hostname: hostname ?? "127.0.0.1",
      port: port ?? 6379,
    }));
    const core = new ClusterCore(seeds, resolveOptions(client), options);
    await core.open(options.signal);
    return new RedisCluster(core);
  }

  /** The slot of a key, 0 to 16,383. */
  static slotOf(key: RedisString): number {
    return keySlot(key);
  }

  /** The same commands, run otherwise; a time limit holds for each attempt. */
  with<O extends RedisCommandOptions>(options: O): RedisCommands<RedisStringOf<O>> {
    return new RedisCommands<RedisStringOf<O>>(this.#core, options);
  }

  /** The nodes that take writes, as `host:port`. */
  get masters(): string[] {
    return this.#core.masters().map(({ address }) => `${address.hostname}:${address.port}`);
  }

  /**
   * Begins a transaction, all of whose keys must be of one slot.
   *
   * @throws {RedisClusterError} by its `exec()`: `ERR_REDIS_CROSSSLOT` when they are not.
   */
  multi<O extends RedisCommandOptions>(options?: O): RedisMulti<RedisStringOf<O>> {
    return createMulti<RedisStringOf<O>>(this.#core, options ?? {});
  }

  /** A connection of its own to the node of a key. It follows no redirection. */
  async session(key: RedisString, options: { signal?: AbortSignal } = {}): Promise<RedisSession> {
    const { pool } = this.#core.master(keySlot(key)).core;
    return createSession(await pool.acquire(options.signal), (done) => pool.release(done));
  }

  /** Reads, decides and writes; see {@linkcode RedisClient.transaction}. All keys must be of one slot. */
  async transaction<R extends unknown[]>(
    keys: readonly [RedisString, ...RedisString[]],
    body: (session: RedisSession) => Promise<{ exec(): Promise<R | null> } | undefined>,
    options: RedisTransactionOptions = {},
  ): Promise<R | undefined> {
    const { maxAttempts = 16, signal = NEVER_ABORTED } = options;
    commonSlot(keys);
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      signal.throwIfAborted();
      await using session = await this.session(keys[0], { signal });
      try {
        await session.watch(...keys);
        const transaction = await body(session);
        if (transaction === undefined) return undefined;
        const replies = await transaction.exec();
        if (replies !== null) return replies;
      } catch (error) {
        // Refused as a whole: nothing ran.
        const refusal = error instanceof RedisReplyError && error.code === "EXECABORT"
          ? error.cause
          : error;
        if (!(refusal instanceof RedisReplyError) || !isRedirection(refusal)) throw error;
        await this.#core.refresh();
      }
      if (attempt < maxAttempts) await pause(backoffMs(attempt, 1, 64), signal);
    }
    throw new RedisTransactionError(
      [],
      `The transaction did not run: others changed its keys in each of ${maxAttempts} attempts`,
    );
  }

  /** Subscribes to channels, at any node; see {@linkcode RedisClient.subscribe}. */
  subscribe<O extends RedisSubscribeOptions>(
    channels: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("subscribe", channels, options);
  }

  /** Subscribes to all channels that match one of the globs; see {@linkcode RedisClient.subscribe}. */
  psubscribe<O extends RedisSubscribeOptions>(
    patterns: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("psubscribe", patterns, options);
  }

  /** Subscribes to sharded channels of one slot, at its node, and moves when the slot does. */
  ssubscribe<O extends RedisSubscribeOptions>(
    channels: RedisString | readonly RedisString[],
    options?: O,
  ): Promise<RedisSubscription<RedisStringOf<O>>> {
    return this.#subscribe("ssubscribe", channels, options);
  }

  async #subscribe<S extends RedisString>(
    kind: SubscriptionKind,
    names: RedisString | readonly RedisString[],
    options: RedisSubscribeOptions = {},
  ): Promise<RedisSubscription<S>> {
    const list = typeof names === "string" || names instanceof Uint8Array ? [names] : names;
    if (list.length === 0) throw new RedisUsageError("Cannot subscribe to no channel");
    const slot = kind === "ssubscribe" ? commonSlot(list) : undefined;
    const bytes = options.bytes === true;
    const name = `${slot ?? ""} ${bytes}`;
    let subscriber = this.#subscribers.get(name);
    if (subscriber === undefined) {
      const core = this.#core;
      subscriber = new Subscriber(core.settings, bytes, {
        address: () => core.master(slot).address,
        refresh: () => core.refresh(),
      });
      this.#subscribers.set(name, subscriber);
    }
    const queue = await subscriber.add(kind, list, limitsOf(options));
    return createSubscription<S>(queue);
  }

  /** All keys of all nodes, a part at a time; see {@linkcode RedisCommands.scan}. */
  override async *scan(
    options: RedisScanOptions & { type?: string } = {},
  ): AsyncGenerator<string, void> {
    for (const { core } of this.#core.masters()) {
      yield* new RedisCommands<string>(core).scan(options);
    }
  }

  /** All keys of all nodes that match a glob. */
  override async keys(pattern: RedisString): Promise<string[]> {
    return (await this.#everywhere(["KEYS", pattern], strings<string>)).flat();
  }

  /** How many keys all nodes have. */
  override async dbsize(): Promise<number> {
    return (await this.#everywhere(["DBSIZE"], integer)).reduce((sum, count) => sum + count, 0);
  }

  /** Removes all keys of all nodes. */
  override async flushdb(): Promise<void> {
    await this.#everywhere(["FLUSHDB"], () => {});
  }

  /** Removes all keys of all nodes. */
  override async flushall(): Promise<void> {
    await this.#everywhere(["FLUSHALL"], () => {});
  }

  #everywhere<T>(words: Words, decode: Decode<T>): Promise<T[]> {
    return Promise.all(this.#core.masters().map(({ core }) => core.execute(words, decode, {})));
  }

  /** Waits for the replies to what was issued (5 seconds at most), then ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#subscribers.values()].map((subscriber) => subscriber.close()));
    await this.#core.close();
  }

  /** Same as {@linkcode RedisCluster.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
