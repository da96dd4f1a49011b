/**
 * The server without sockets: databases, dispatch, transactions, blocking, effects.
 *
 * Everything runs on one thread. Every change that has to reach the append-only file (or, one day, a
 * replica) passes through {@linkcode Engine.alsoPropagate}; effects of one command or transaction
 * leave together, between MULTI and EXEC when there are several.
 */
import type { Client } from "./_client.ts";
import { Db, type SnapshotObserver } from "./_db.ts";
import type { Config } from "./_config.ts";
import type { Dict } from "./_dict.ts";
import { FLAG } from "./_flags.ts";
import { globMatch } from "./_glob.ts";
import { Tracking } from "./_tracking.ts";
import { CommandError, type Value } from "./_values.ts";

/** A command or a subcommand. */
export interface Command {
  /** Name in lower case. */
  name: string;
  /** Name with the container's, `config|get`. */
  fullName: string;
  /** Arguments with the name; negative for a minimum. */
  arity: number;
  /** {@linkcode FLAG} bits. */
  flags: number;
  /** Position of the first key, or 0. */
  first: number;
  /** Position of the last key; negative from the end. */
  last: number;
  /** Distance of keys. */
  step: number;
  /** Group in the documentation. */
  group: string;
  /** One sentence. */
  summary: string;
  /** Runs it. */
  run: (client: Client, args: string[]) => void;
  /** Finds keys where positions do not say it. */
  keys: ((args: string[]) => number[] | undefined) | undefined;
  /** Subcommands. */
  children: Map<string, Command> | undefined;
  /** Statistics. */
  calls: number;
  /** Microseconds spent. */
  usec: number;
  /** Refused before it ran. */
  rejected: number;
  /** Replied with an error. */
  failed: number;
  /** Whether it is so short that its time is measured together with that of others. */
  quick: boolean;
  /** Counts by power of two of microseconds. */
  histogram: number[] | undefined;
}

/** How a module lists a command: name, arity, flags, first key, last key, step, function, summary, keys. */
export type CommandRow = [
  name: string,
  arity: number,
  flags: string,
  first: number,
  last: number,
  step: number,
  run: (client: Client, args: string[]) => void,
  summary: string,
  keys?: (args: string[]) => number[] | undefined,
];

const FLAG_LETTERS: Record<string, number> = {
  w: FLAG.write,
  r: FLAG.readonly,
  m: FLAG.denyoom,
  a: FLAG.admin | FLAG.dangerous,
  p: FLAG.pubsub,
  s: FLAG.noscript,
  b: FLAG.blocking,
  l: FLAG.loading,
  t: FLAG.stale,
  F: FLAG.fast,
  A: FLAG.noAuth,
  k: FLAG.movableKeys,
  x: FLAG.noMulti,
  M: FLAG.skipMonitor,
  d: FLAG.dangerous,
  L: FLAG.skipSlowlog,
  B: FLAG.allowBusy,
};

/** Why a key was removed or changed, for CONFIG notify-keyspace-events. */
const NOTIFY_CLASSES: Record<string, number> = {
  K: 1,
  E: 2,
  g: 4,
  $: 8,
  l: 16,
  s: 32,
  h: 64,
  z: 128,
  x: 256,
  e: 512,
  t: 1024,
  m: 2048,
  d: 4096,
  n: 8192,
};
const NOTIFY_ALL = 4 | 8 | 16 | 32 | 64 | 128 | 256 | 512 | 1024 | 4096;

/** Where effects go. */
export interface EffectSink {
  /** Takes the effects of one unit: database and arguments of each. */
  append(effects: readonly { db: number; args: string[] }[]): void;
}

/** Counters of INFO. */
export class Stats {
  connections = 0;
  commands = 0;
  rejectedConnections = 0;
  expiredKeys = 0;
  expiredStalePercent = 0;
  expireCycleUsec = 0;
  timeCapReached = 0;
  evictedKeys = 0;
  evictedClients = 0;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  bytesIn = 0;
  bytesOut = 0;
  errorReplies = 0;
  opsPerSecond = 0;
  cycles: Cycles = {
    count: 0,
    usec: 0,
    commandUsec: 0,
    cronUsec: 0,
    aofUsec: 0,
    maxUsec: 0,
    maxCommands: 0,
    perSecond: 0,
    recentUsec: 0,
  };
  inputPerSecond = 0;
  outputPerSecond = 0;
  queryBufferDisconnects = 0;
  outputBufferDisconnects = 0;
  peakMemory = 0;
  totalReads = 0;
  totalWrites = 0;
  authFailures = 0;
}

/** Turns of the event loop that did something: batches of requests, and work by the clock. */
export interface Cycles {
  /** How many. */
  count: number;
  /** Microseconds they took. */
  usec: number;
  /** Microseconds of it that commands took. */
  commandUsec: number;
  /** Microseconds of work by the clock. */
  cronUsec: number;
  /** Microseconds of writing the append-only file. */
  aofUsec: number;
  /** Longest, in microseconds. */
  maxUsec: number;
  /** Most commands in one. */
  maxCommands: number;
  /** How many a second. */
  perSecond: number;
  /** Microseconds of an average one, lately. */
  recentUsec: number;
}

/** An entry of SLOWLOG. */
export interface SlowEntry {
  id: number;
  time: number;
  usec: number;
  args: string[];
  peer: string;
  name: string;
}

/** Output of a write at which it leaves although the write is not in the append-only file yet. */
const MAX_HELD_CHARS = 64 * 1024 * 1024;
/** Most names of errors that are counted. */
const MAX_ERROR_KINDS = 128;

/** The server's state. */
export class Engine {
  /** Current time, epoch milliseconds; read once per batch. */
  now: number = Date.now();
  /** When the server started, epoch milliseconds. */
  readonly started: number = Date.now();
  /** Random identity of this run. */
  readonly runId: string;
  /** Parameters. */
  readonly config: Config;
  /** Databases. */
  readonly dbs: Db[] = [];
  /** Connections by number. */
  readonly clients: Map<number, Client> = new Map<number, Client>();
  /** Next connection number. */
  nextClientId = 1;
  /** Longest bulk string. */
  maxBulkBytes = 512 * 1024 * 1024;
  /** Changes since the last save. */
  dirty = 0;
  /** Counters. */
  readonly stats: Stats = new Stats();
  /** Whether files are being loaded. */
  loading = false;
  /** A walk that must see the state before changes. */
  snapshot: SnapshotObserver | null = null;
  /** Keys that changed while a client waits for them. */
  readyKeys: { db: Db; key: string }[] = [];
  /** Client-side caching. */
  readonly tracking: Tracking;
  /** Event classes of keyspace notifications, as bits. */
  notifyFlags = 0;
  /** Clients with output. */
  withOutput: Client[] = [];
  /** Subscribers of channels. */
  readonly channels: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Subscribers of patterns. */
  readonly patterns: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Subscribers of shard channels. */
  readonly shardChannels: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Clients that follow the effects with SYNC. */
  readonly followers: Set<Client> = new Set<Client>();
  /** Clients that run MONITOR. */
  readonly monitors: Set<Client> = new Set<Client>();
  /** Commands by name, in lower and in upper case. */
  readonly commands: Map<string, Command> = new Map<string, Command>();
  /** Takes effects, or null. */
  sink: EffectSink | null = null;
  /** Takes effects for clients that follow with SYNC, or null. */
  feed: EffectSink | null = null;
  /** Effects of the running unit. */
  effects: { db: number; args: string[] }[] = [];
  /** What the running command is propagated as, when not verbatim. */
  rewritten: string[][] | null = null;
  /** Error counts by code. */
  readonly errorCounts: Map<string, number> = new Map<string, number>();
  /** Slow commands, newest first. */
  slowLog: SlowEntry[] = [];
  /** Next number of a slow command. */
  slowLogId = 0;
  /** Spikes by event: time and milliseconds. */
  readonly latency: Map<string, { time: number; ms: number }[]> = new Map<
    string,
    { time: number; ms: number }[]
  >();
  /** End of CLIENT PAUSE, epoch milliseconds. */
  pauseUntil = 0;
  /** Whether only writes are paused. */
  pauseWritesOnly = false;
  /** Clients that were stopped by CLIENT PAUSE. */
  pausedClients: Client[] = [];
  /** Number of clients that wait for keys. */
  blockedClients = 0;
  /** Hooks of the server around the engine. */
  host: {
    save(): void;
    flushed(): void;
    backgroundSave(schedule: boolean): string;
    rewriteAof(): string;
    shutdown(save: boolean | undefined): void;
    reload(options: { save: boolean; flush: boolean; merge: boolean }): void;
    loadAof(): void;
    configChanged(name: string): void;
    rewriteConfig(): void;
    info(): Record<string, Record<string, string | number>>;
    digest(keys: string[] | undefined, db: Db): string[];
    dump(value: Value): string;
    restore(payload: string): Value;
    lastSave(): number;
    setActiveExpire(on: boolean): void;
    resume(client: Client): void;
  } | null = null;
  /** Whether keys are expired in the background. */
  activeExpire = true;
  /** Whether a command, not the end of one, is on the stack. */
  #depth = 0;
  /** The access word that new keys get, by policy. */
  #lfu = false;
  #evictable = false;
  #minReplicas = 0;

  /** @param config Parameters. */
  constructor(config: Config) {
    this.config = config;
    const id = crypto.getRandomValues(new Uint8Array(20));
    this.runId = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const count = config.number("databases");
    for (let i = 0; i < count; i++) this.dbs.push(new Db(this, i));
    this.tracking = new Tracking(this);
    this.applyConfig();
  }

  /** Takes over the parameters that are kept in fields. */
  applyConfig(): void {
    const config = this.config;
    this.#lfu = config.text("maxmemory-policy").endsWith("lfu");
    const slow = config.number("slowlog-log-slower-than");
    this.slowThreshold = slow < 0 ? Infinity : slow;
    this.latencyThreshold = config.number("latency-monitor-threshold");
    this.exactTimes = this.slowThreshold < 1_000 || this.latencyThreshold > 0;
    this.#evictable = config.number("maxmemory") > 0;
    this.#minReplicas = config.number("min-replicas-to-write");
    this.maxBulkBytes = Math.min(config.number("proto-max-bulk-len"), 536_870_000);
    for (const client of this.clients.values()) client.parser.maxBulkBytes = this.maxBulkBytes;
    this.notifyFlags = parseNotifyFlags(config.text("notify-keyspace-events")) ?? 0;
  }

  /** The command that a deletion by the server is propagated as. */
  get deletion(): string {
    return this.config.yes("lazyfree-lazy-server-del") ? "UNLINK" : "DEL";
  }

  /** The command that the removal of an expired key is propagated as. */
  get expiryDeletion(): string {
    return this.config.yes("lazyfree-lazy-expire") ? "UNLINK" : "DEL";
  }

  /** The command that an eviction is propagated as. */
  get evictionDeletion(): string {
    return this.config.yes("lazyfree-lazy-eviction") ? "UNLINK" : "DEL";
  }

  /** Whether writes are paused by CLIENT PAUSE; expiry waits too then. */
  get pausedWrites(): boolean {
    return this.pauseUntil > this.now;
  }

  /** Adds commands of a group. */
  register(group: string, rows: readonly CommandRow[], container?: string): void {
    for (const [name, arity, letters, first, last, step, run, summary, keys] of rows) {
      let flags = 0;
      for (const letter of letters) flags |= FLAG_LETTERS[letter] ?? 0;
      const command: Command = {
        name,
        fullName: container === undefined ? name : `${container}|${name}`,
        arity,
        flags,
        first,
        last,
        step,
        group,
        summary,
        run,
        keys,
        children: undefined,
        calls: 0,
        usec: 0,
        rejected: 0,
        failed: 0,
        quick: QUICK.has(name) && container === undefined,
        histogram: undefined,
      };
      if (container !== undefined) {
        const parent = this.commands.get(container)!;
        parent.children ??= new Map<string, Command>();
        parent.children.set(name, command);
      } else {
        this.commands.set(name, command);
        this.commands.set(name.toUpperCase(), command);
      }
    }
  }

  /** The command of a request, a subcommand where there are some; undefined when unknown. */
  lookup(args: readonly string[]): Command | undefined {
    const name = args[0]!;
    const command = this.commands.get(name) ?? this.commands.get(name.toLowerCase());
    if (command !== undefined && command.children !== undefined && args.length > 1) {
      return command.children.get(args[1]!.toLowerCase()) ?? command;
    }
    return command;
  }

  /** Used memory by estimate, in bytes: keys, buffers, tables. */
  usedMemory(): number {
    let clients = 0;
    for (const client of this.clients.values()) {
      clients += 2048 + client.parser.bufferBytes + client.queueBytes +
        (client.transport?.pendingBytes() ?? 0);
    }
    this.#clientBytes = clients;
    return this.roughMemory();
  }

  #clientBytes = 0;

  /** Used memory like {@linkcode Engine.usedMemory}, with the buffers of clients as they were at the last look. */
  roughMemory(): number {
    let total = 1_000_000 + this.#clientBytes + this.tracking.bytes;
    for (const db of this.dbs) total += db.bytes;
    if (total > this.stats.peakMemory) this.stats.peakMemory = total;
    return total;
  }

  /** Notes an access for LRU or LFU. */
  touchAccess(dict: Dict<Value>, at: number): void {
    const meta = dict.meta!;
    if (this.current !== null && this.current.noTouch && this.currentName !== "touch") return;
    if (!this.#lfu) meta[at] = (this.now / 1000) >>> 0;
    else meta[at] = lfuIncrement(meta[at]!, this.now, this.config);
  }

  /** Access word of a new key. */
  newAccess(dict: Dict<Value>, at: number): void {
    dict.meta![at] = this.#lfu ? (lfuMinutes(this.now) << 8 | 5) >>> 0 : (this.now / 1000) >>> 0;
  }

  /** Whether access words hold frequencies. */
  get lfu(): boolean {
    return this.#lfu;
  }

  /** Whether `dir` and `dbfilename` are fixed unless enable-protected-configs allows them. */
  protectedConfigs = false;

  /** The client whose command runs. */
  current: Client | null = null;
  /** Name of the command that runs. */
  currentName = "";

  /** Sends a keyspace event to subscribers. */
  notify(kind: string, event: string, key: string, db: number): void {
    const flags = this.notifyFlags;
    if (flags === 0 || (flags & NOTIFY_CLASSES[kind]!) === 0) return;
    if ((flags & 1) !== 0) this.publish(`__keyspace@${db}__:${key}`, event);
    if ((flags & 2) !== 0) this.publish(`__keyevent@${db}__:${event}`, key);
  }

  /** Delivers a message; returns how many got it. */
  publish(channel: string, message: string): number {
    let count = 0;
    const direct = this.channels.get(channel);
    if (direct !== undefined) {
      for (const client of direct) {
        this.pushTo(client, ["message", channel, message]);
        count++;
      }
    }
    for (const [pattern, clients] of this.patterns) {
      if (!globMatch(pattern, channel)) continue;
      for (const client of clients) {
        this.pushTo(client, ["pmessage", pattern, channel, message]);
        count++;
      }
    }
    return count;
  }

  /** Sends a push message; to the running client only after its reply. */
  pushTo(client: Client, items: string[]): void {
    let text = (client.resp === 2 ? "*" : ">") + items.length + "\r\n";
    for (const item of items) text += `$${item.length}\r\n${item}\r\n`;
    this.pushRaw(client, text);
  }

  /** Sends protocol text outside a reply. */
  pushRaw(client: Client, text: string): void {
    if (client.closing) return;
    if (client === this.current && this.#depth > 0) client.deferredPushes.push(text);
    else client.raw(text);
  }

  /** Adds an effect of the running unit. */
  alsoPropagate(db: number, args: string[]): void {
    if ((this.sink === null && this.feed === null) || this.loading) return;
    this.effects.push({ db, args });
    if (this.#depth === 0) this.flushEffects();
  }

  /** Hands the effects of the unit on; each on its own when they do not belong together. */
  flushEffects(together = true): void {
    if (this.effects.length === 0) return;
    const effects = this.effects;
    this.effects = [];
    if (together) this.#emit(effects);
    else for (const effect of effects) this.#emit([effect]);
  }

  #emit(effects: { db: number; args: string[] }[]): void {
    this.feed?.append(effects);
    if (this.sink === null) return;
    const kept = effects.filter(({ args }) => !NOT_IN_FILES.has(args[0]!.toLowerCase()));
    if (kept.length > 0) this.sink.append(kept);
  }

  /** Counts an error reply by its code. */
  countError(text: string): void {
    this.stats.errorReplies++;
    const space = text.indexOf(" ");
    const code = space < 0 ? text : text.slice(0, space);
    const count = this.errorCounts.get(code);
    if (count !== undefined) this.errorCounts.set(code, count + 1);
    else if (this.errorCounts.size < MAX_ERROR_KINDS) this.errorCounts.set(code, 1);
  }

  /** Refuses a command before it runs. */
  #reject(client: Client, command: Command | undefined, message: string): void {
    if (command !== undefined) command.rejected++;
    if (client.queue !== null) client.queueFailed = true;
    client.error(message);
  }

  /** Runs one request of a client: checks, queues or calls. */
  execute(client: Client, args: string[]): void {
    const name = args[0]!;
    let command = this.commands.get(name) ?? this.commands.get(name.toLowerCase());
    client.errors = 0;
    client.lastActive = this.now;
    if (client.replyMode !== "on") {
      if (client.replyMode === "skip-next") client.replyMode = "skip";
      client.outBefore = client.out;
    }
    if (command === undefined) {
      this.#reject(client, undefined, unknownCommand(args));
      this.#afterReply(client);
      return;
    }
    if (command.children !== undefined && args.length > 1) {
      const child = command.children.get(args[1]!.toLowerCase());
      if (child === undefined) {
        const text = `ERR unknown subcommand '${
          clip(args[1]!)
        }'. Try ${command.name.toUpperCase()} HELP.`;
        this.#reject(client, command, text);
        this.#afterReply(client);
        return;
      }
      command = child;
    }
    client.lastCommand = command.fullName;
    const flags = command.flags;
    const problem = this.#check(client, command, args);
    if (problem !== undefined) {
      if (command.name === "exec" && client.queue !== null) {
        client.queue = null;
        client.queueBytes = 0;
        client.queueFailed = false;
        this.unwatch(client);
        command.rejected++;
        client.error(`EXECABORT Transaction discarded because of: ${problem.replace(/^-/, "")}`);
      } else this.#reject(client, command, problem);
      this.#afterReply(client);
      return;
    }
    if (client.queue !== null && !NOT_QUEUED.has(command.name)) {
      if (flags & FLAG.noMulti) {
        this.#reject(client, command, "ERR Command not allowed inside a transaction");
      } else {
        client.queue.push({ command, args });
        for (const arg of args) client.queueBytes += arg.length + 32;
        client.raw("+QUEUED\r\n");
      }
      this.#afterReply(client);
      return;
    }
    this.call(client, command, args);
    if (this.readyKeys.length > 0) this.serveReady();
    this.#afterReply(client);
  }

  #afterReply(client: Client): void {
    const mode = client.replyMode;
    if (mode === "on") return;
    if (mode === "off" || mode === "skip") {
      // Push messages are no replies: they pass.
      if (!client.lastCommand.endsWith("subscribe")) client.out = client.outBefore;
      if (mode === "skip") client.replyMode = "on";
    }
  }

  #check(client: Client, command: Command, args: string[]): string | undefined {
    const { arity, flags } = command;
    if (arity > 0 ? args.length !== arity : args.length < -arity) {
      return `ERR wrong number of arguments for '${command.fullName}' command`;
    }
    if (!client.authenticated && (flags & FLAG.noAuth) === 0) {
      return "NOAUTH Authentication required.";
    }
    if (this.loading && (flags & FLAG.loading) === 0) {
      return "LOADING server is loading the dataset in memory";
    }
    if (
      client.resp === 2 && client.subscribed &&
      !SUBSCRIBED_COMMANDS.has(command.name)
    ) {
      return `ERR Can't execute '${command.fullName}': only (P|S)SUBSCRIBE / ` +
        "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
    }
    if (this.#evictable) {
      const full = !this.makeRoom();
      if (full) {
        const queued = client.queue !== null && command.name === "exec" &&
          client.queue.some((entry) => (entry.command.flags & FLAG.denyoom) !== 0);
        if ((flags & FLAG.denyoom) !== 0 || queued) {
          return "OOM command not allowed when used memory > 'maxmemory'.";
        }
      }
    }
    if (
      this.saveFailed && (flags & FLAG.write) !== 0 &&
      this.config.yes("stop-writes-on-bgsave-error")
    ) {
      return "MISCONF Errors writing to disk: snapshots are configured and the last one failed. " +
        "Commands that may modify the data set are disabled; see the server's log.";
    }
    if (this.#minReplicas > 0) {
      const writes = (flags & FLAG.write) !== 0 ||
        (command.name === "exec" &&
          client.queue?.some((each) => (each.command.flags & FLAG.write) !== 0));
      if (writes) return "NOREPLICAS Not enough good replicas to write.";
    }
    if ((flags & FLAG.write) !== 0 && this.sinkFault !== "") return `MISCONF ${this.sinkFault}`;
    return undefined;
  }

  /** Whether the last snapshot failed while save points are set. */
  saveFailed = false;
  /** Why the append-only file cannot be written, or empty. */
  sinkFault = "";
  /** Frees memory by the policy; false when it cannot. */
  makeRoom: () => boolean = () => true;

  /** Runs a command now: statistics, effects, MONITOR. */
  call(client: Client, command: Command, args: string[]): void {
    const outer = this.current;
    const outerName = this.currentName;
    const outerRewritten = this.rewritten;
    const outerWrites = this.#writes;
    this.#writes = (command.flags & FLAG.write) !== 0;
    this.current = client;
    this.currentName = command.name;
    this.rewritten = null;
    this.#depth++;
    if (this.monitors.size > 0) this.#monitor(client, command, args);
    const dirtyBefore = this.dirty;
    const errorsBefore = client.errors;
    const quick = command.quick && args.length <= QUICK_ARGUMENTS && !this.exactTimes &&
      (args.length < 3 || args[2]!.length <= QUICK_BYTES);
    if (!quick && this.#unmeasured.length > 0) this.#measure();
    const start = this.tick;
    try {
      command.run(client, args);
    } catch (error) {
      if (error instanceof CommandError) client.error(error.message);
      else if (error instanceof RangeError) {
        client.error(`ERR out of memory or range in '${command.fullName}': ${error.message}`);
      } else {
        // A defect of this server must not end the program that it is a part of.
        client.error(`ERR internal error in '${command.fullName}': ${(error as Error).message}`);
      }
    } finally {
      this.#depth--;
    }
    command.calls++;
    this.stats.commands++;
    client.commands++;
    if (client.errors > errorsBefore) command.failed++;
    if (quick) {
      if (this.#unmeasured.push(command) === 1) {
        this.#firstClient = client;
        this.#firstArgs = args;
      } else if (this.#unmeasured.length >= QUICK_BATCH) this.#measure();
    } else {
      if (this.#unmeasured.length > 0) this.#measure();
      else this.tick = performance.now();
      const usec = (this.tick - start) * 1000;
      addTime(command, usec);
      if (usec >= this.slowThreshold || this.latencyThreshold > 0) {
        this.#slow(client, command, args, usec);
      }
    }
    if ((this.sink !== null || this.feed !== null) && !this.loading) {
      if (this.dirty !== dirtyBefore && (command.flags & FLAG.write) !== 0) {
        const rewritten = this.rewritten as string[][] | null;
        if (rewritten === null) this.effects.push({ db: client.db.index, args });
        else for (const each of rewritten) this.effects.push({ db: client.db.index, args: each });
      }
      if (this.#depth === 0) this.flushEffects(!ARBITRARY_KEYS.has(command.name));
    }
    this.rewritten = outerRewritten;
    this.#writes = outerWrites;
    this.current = outer;
    this.currentName = outerName;
    if (client.tracking.on && this.#depth === 0) this.tracking.remember(client, command, args);
    else if (client.tracking.on && client.inExec) this.tracking.remember(client, command, args);
    this.#sendDeferred(client);
  }

  /** Quick commands since the clock was read last: a reading costs as much as such a command. */
  #unmeasured: Command[] = [];
  #firstClient: Client | null = null;
  #firstArgs: string[] = [];
  /** Whether each command is timed on its own. */
  exactTimes = false;

  /** Reads the clock, and shares the time among the commands since the last reading. */
  #measure(): void {
    const list = this.#unmeasured;
    const now = performance.now();
    const usec = (now - this.tick) * 1000 / list.length;
    this.tick = now;
    for (const command of list) addTime(command, usec);
    if (usec >= this.slowThreshold && list.length === 1) {
      this.#slow(this.#firstClient!, list[0]!, this.#firstArgs, usec);
    }
    list.length = 0;
  }

  /** Starts the clock of a batch of requests; what it returns goes to {@linkcode Engine.endBatch}. */
  beginBatch(): number {
    return this.tick = performance.now();
  }

  /** Ends a batch of requests: statistics only. */
  endBatch(start: number, commands: number): void {
    if (this.#unmeasured.length > 0) this.#measure();
    const usec = (this.tick - start) * 1000;
    this.stats.cycles.commandUsec += usec;
    this.countCycle(usec, commands);
  }

  /** Counts a turn of the event loop. */
  countCycle(usec: number, commands: number): void {
    const { cycles } = this.stats;
    cycles.count++;
    cycles.usec += usec;
    if (usec > cycles.maxUsec) cycles.maxUsec = usec;
    if (commands > cycles.maxCommands) cycles.maxCommands = commands;
  }

  /** When the last command ended, or the batch began: one reading of the clock a command. */
  tick: number = performance.now();
  /** Microseconds above which a command is logged as slow. */
  slowThreshold = 10_000;
  /** Milliseconds above which latency is recorded, or 0. */
  latencyThreshold = 0;

  #slow(client: Client, command: Command, args: string[], usec: number): void {
    if (this.latencyThreshold > 0 && usec >= this.latencyThreshold * 1000) {
      const fast = (command.flags & FLAG.fast) !== 0;
      this.recordLatency(fast ? "fast-command" : "command", Math.round(usec / 1000));
    }
    if (usec < this.slowThreshold || this.slowThreshold < 0 || (command.flags & FLAG.skipSlowlog)) {
      return;
    }
    let shown = this.redacted ?? args;
    this.redacted = null;
    if (shown.length > 32) {
      shown = [...shown.slice(0, 31), `... (${shown.length - 31} more arguments)`];
    }
    shown = shown.map((arg) =>
      arg.length > 128 ? `${arg.slice(0, 128)}... (${arg.length - 128} more bytes)` : arg
    );
    this.slowLog.unshift({
      id: this.slowLogId++,
      time: Math.floor(this.now / 1000),
      usec: Math.round(usec),
      args: shown,
      peer: client.transport?.peer ?? "",
      name: client.name,
    });
    const max = this.config.number("slowlog-max-len");
    if (this.slowLog.length > max) this.slowLog.length = max;
  }

  /** Arguments to show instead of the real ones, for commands with secrets. */
  redacted: string[] | null = null;

  /** Records a spike. */
  recordLatency(event: string, ms: number): void {
    let spikes = this.latency.get(event);
    if (spikes === undefined) {
      if (this.latency.size >= 64) return;
      this.latency.set(event, spikes = []);
    }
    const time = Math.floor(this.now / 1000);
    const last = spikes[spikes.length - 1];
    if (last !== undefined && last.time === time) last.ms = Math.max(last.ms, ms);
    else spikes.push({ time, ms });
    if (spikes.length > 160) spikes.shift();
  }

  #monitor(client: Client, command: Command, args: string[]): void {
    if ((command.flags & (FLAG.skipMonitor | FLAG.admin)) !== 0) return;
    const secret = command.name === "auth" || command.name === "hello";
    const micros = String(Math.floor(this.now % 1000) * 1000).padStart(6, "0");
    let line = `+${Math.floor(this.now / 1000)}.${micros} [${client.db.index} ${
      client.transport?.peer ?? "lua"
    }]`;
    args.forEach((arg, i) => line += ` ${quote(secret && i > 0 ? "(redacted)" : arg)}`);
    line += "\r\n";
    for (const monitor of this.monitors) if (monitor !== client) this.pushRaw(monitor, line);
  }

  /** Suspends a client until a key changes or the time is over. `timeoutMs` 0 waits for ever. */
  block(
    client: Client,
    keys: string[],
    timeoutMs: number,
    retry: (key: string) => boolean,
    timedOut: () => void,
  ): void {
    const db = client.db;
    client.blocked = {
      keys,
      db,
      retry,
      timedOut,
      timer: undefined,
      command: this.commands.get(this.currentName)!,
    };
    this.blockedClients++;
    if (timeoutMs > 0) {
      client.blocked.timer = setTimeout(() => {
        this.now = Date.now();
        if (client.blocked === null) return;
        this.unblock(client);
        timedOut();
        this.finish();
      }, Math.min(timeoutMs, 2_147_483_000));
    }
    for (const key of keys) {
      let waiting = db.blocked.get(key);
      if (waiting === undefined) db.blocked.set(key, waiting = new Set<Client>());
      waiting.add(client);
    }
  }

  /** Number of keys whose absence, too, ends the waiting of a client. */
  keysWaitedForGone(): number {
    const found = new Set<string>();
    for (const client of this.clients.values()) {
      if (client.blocked?.command.name !== "xreadgroup") continue;
      for (const key of client.blocked.keys) found.add(key);
    }
    return found.size;
  }

  /** Takes a client off the waiting lists; its further input runs at {@linkcode Engine.finish}. */
  unblock(client: Client): void {
    const blocked = client.blocked;
    if (blocked === null) return;
    clearTimeout(blocked.timer);
    for (const key of blocked.keys) {
      const waiting = blocked.db.blocked.get(key);
      if (waiting === undefined) continue;
      waiting.delete(client);
      if (waiting.size === 0) blocked.db.blocked.delete(key);
    }
    client.blocked = null;
    this.blockedClients--;
    this.#unblocked.push(client);
  }

  #unblocked: Client[] = [];
  #serving = false;

  /** Serves clients that wait for keys that changed, in order of arrival. */
  serveReady(): void {
    if (this.#depth > 0 || this.#serving) return;
    this.#serving = true;
    try {
      while (this.readyKeys.length > 0) {
        const ready = this.readyKeys;
        this.readyKeys = [];
        const done = new Set<string>();
        for (const { db, key } of ready) {
          const mark = `${db.index} ${key}`;
          if (done.has(mark)) continue;
          done.add(mark);
          const waiting = db.blocked.get(key);
          if (waiting === undefined) continue;
          for (const client of [...waiting]) {
            const blocked = client.blocked;
            if (blocked === null || blocked.db !== db) continue;
            this.#retry(client, key);
          }
        }
      }
    } finally {
      this.#serving = false;
    }
  }

  #retry(client: Client, key: string): void {
    const blocked = client.blocked!;
    const outer = this.current;
    this.current = client;
    this.#depth++;
    this.rewritten = null;
    const dirtyBefore = this.dirty;
    const errorsBefore = client.errors;
    let served = false;
    try {
      served = blocked.retry(key);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      client.error(error.message);
      served = true;
    } finally {
      if (client.errors > errorsBefore) blocked.command.failed++;
      this.#depth--;
      this.current = outer;
    }
    if (this.dirty !== dirtyBefore && (this.sink !== null || this.feed !== null)) {
      for (const args of (this.rewritten ?? []) as string[][]) {
        this.effects.push({ db: client.db.index, args });
      }
      this.flushEffects();
    }
    this.rewritten = null;
    if (served) this.unblock(client);
    this.#sendDeferred(client);
  }

  /** Sends the push messages that had to follow the reply of the command that has just ended. */
  #sendDeferred(client: Client): void {
    if (this.#depth > 0 || client.deferredPushes.length === 0) return;
    const pushes = client.deferredPushes;
    client.deferredPushes = [];
    for (const text of pushes) client.raw(text);
  }

  #finishing = false;

  /**
   * Calls {@linkcode Engine.finish} when every connection that has become readable in this turn of the event
   * loop was served: one sync of the append-only file then stands for all of them.
   */
  finishSoon(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    queueMicrotask(() => {
      this.#finishing = false;
      this.finish();
    });
  }

  /** Ends a batch: unblocked clients go on, output leaves. */
  finish(): void {
    if (this.readyKeys.length > 0) this.serveReady();
    this.tracking.flushBroadcasts();
    while (this.#unblocked.length > 0) {
      const list = this.#unblocked;
      this.#unblocked = [];
      for (const client of list) if (!client.closing) this.host?.resume(client);
      if (this.readyKeys.length > 0) this.serveReady();
    }
    this.flushOutput();
  }

  /** Called before replies leave: appendfsync always. */
  beforeFlush: (() => void) | null = null;
  /** Whether the command on the stack may change data, which its effects have yet to tell. */
  #writes = false;

  /**
   * Whether the beginning of a long output may leave before the batch has ended. What it acknowledges has to be
   * in the append-only file first, so the reply of a write stays until that has returned.
   */
  maySpill(length: number): boolean {
    if (this.beforeFlush === null) return true;
    const unlogged = this.effects.length > 0 || (this.#depth > 0 && this.#writes);
    if (unlogged && length < MAX_HELD_CHARS) return false;
    this.beforeFlush();
    return true;
  }

  /** Hands the replies of all clients to their connections. */
  flushOutput(): void {
    if (this.beforeFlush !== null) this.beforeFlush();
    const list = this.withOutput;
    if (list.length === 0) return;
    this.withOutput = [];
    for (const client of list) {
      client.scheduled = false;
      if (client.out.length > 0) client.spill();
      if (client.closing) client.transport?.close(false);
    }
  }

  /** Closes a client whose output, with what is to be added, is above the limits of its class; true when it did. */
  checkOutputLimit(client: Client, added: number): boolean {
    const pending = client.transport!.pendingBytes() + added;
    if (pending < 65_536) {
      client.softLimitSince = 0;
      return false;
    }
    const kind = client.subscribed || client.monitor
      ? client.monitor ? "replica" : "pubsub"
      : "normal";
    const limit = this.config.outputLimit(kind);
    let over = limit.hard > 0 && pending > limit.hard;
    if (limit.soft > 0 && pending > limit.soft) {
      if (client.softLimitSince === 0) client.softLimitSince = this.now;
      else if (this.now - client.softLimitSince > limit.softSeconds * 1000) over = true;
    } else client.softLimitSince = 0;
    if (over && !client.closing) {
      this.stats.outputBufferDisconnects++;
      client.closing = true;
      client.transport!.close(true);
    }
    return over;
  }

  /** Forgets a connection that ended. */
  drop(client: Client): void {
    client.closing = true;
    this.unblock(client);
    this.unwatch(client);
    for (const channel of client.channels) removeFrom(this.channels, channel, client);
    for (const pattern of client.patterns) removeFrom(this.patterns, pattern, client);
    for (const channel of client.shardChannels) removeFrom(this.shardChannels, channel, client);
    this.monitors.delete(client);
    this.followers.delete(client);
    if (this.followers.size === 0) this.feed = null;
    this.tracking.disable(client);
    this.clients.delete(client.id);
  }

  /** Forgets what a client watches. */
  unwatch(client: Client): void {
    for (const { db, key } of client.watching) removeFrom(db.watched, key, client);
    client.watching = [];
    client.staleWatches = 0;
    client.dirtyWatch = false;
  }

  /** Positions of keys in a request, or undefined when they cannot be found. */
  keyPositions(command: Command, args: string[]): number[] | undefined {
    if (command.keys !== undefined) return command.keys(args);
    if (command.first === 0) return [];
    const last = command.last < 0 ? args.length + command.last : command.last;
    const positions: number[] = [];
    for (let i = command.first; i <= last && i < args.length; i += command.step) positions.push(i);
    return positions;
  }
}

/** Commands whose time does not grow with what is stored. */
const QUICK = new Set(
  ("get set setex psetex setnx getset getdel incr decr incrby decrby append strlen exists ttl pttl " +
    "expire pexpire type lpush rpush lpop rpop llen hset hget hdel hexists hlen hincrby sadd srem " +
    "sismember scard zadd zscore zincrby zcard zrem ping echo publish xadd").split(" "),
);
/** Most arguments that such a command has. */
const QUICK_ARGUMENTS = 12;
/** Longest second argument of one, in bytes. */
const QUICK_BYTES = 4_096;
/** Most commands that are timed together. */
const QUICK_BATCH = 64;

function addTime(command: Command, usec: number): void {
  command.usec += usec;
  const histogram = command.histogram ??= new Array<number>(32).fill(0);
  histogram[usec < 1 ? 0 : 32 - Math.clz32(usec)]!++;
}

/** Commands that meet keys by chance: those that they find expired have nothing to do with each other. */
const ARBITRARY_KEYS = new Set(["scan", "randomkey"]);
/** Effects that followers get and files do not. */
const NOT_IN_FILES = new Set(["publish", "spublish"]);
const NOT_QUEUED = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);
const SUBSCRIBED_COMMANDS = new Set([
  "subscribe",
  "psubscribe",
  "ssubscribe",
  "unsubscribe",
  "punsubscribe",
  "sunsubscribe",
  "ping",
  "quit",
  "reset",
]);

function clip(text: string): string {
  return text.length > 128 ? text.slice(0, 128) : text;
}

function unknownCommand(args: readonly string[]): string {
  let shown = "";
  for (let i = 1; i < args.length && shown.length < 128; i++) {
    shown += `'${args[i]!.slice(0, 128 - shown.length)}' `;
  }
  return `ERR unknown command '${clip(args[0]!)}', with args beginning with: ${shown}`;
}

/** Removes a client from a table of sets. */
export function removeFrom(table: Map<string, Set<Client>>, key: string, client: Client): void {
  const set = table.get(key);
  if (set === undefined) return;
  set.delete(client);
  if (set.size === 0) table.delete(key);
}

/** Bytes in double quotes with escapes, as MONITOR and DEBUG show them. */
export function quote(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const named =
      { 10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b", 34: '\\"', 92: "\\\\" }[code];
    quoted += named ??
      (code >= 32 && code < 127 ? text[i] : `\\x${code.toString(16).padStart(2, "0")}`);
  }
  return quoted + '"';
}

/** Bits of a notify-keyspace-events text, or undefined when a letter is unknown. */
export function parseNotifyFlags(text: string): number | undefined {
  let flags = 0;
  for (const letter of text) {
    if (letter === "A") flags |= NOTIFY_ALL;
    else if (NOTIFY_CLASSES[letter] === undefined) return undefined;
    else flags |= NOTIFY_CLASSES[letter]!;
  }
  return flags;
}

/** Canonical text of notify-keyspace-events bits. */
export function formatNotifyFlags(flags: number): string {
  let text = "";
  if ((flags & NOTIFY_ALL) === NOTIFY_ALL) text = "A";
  else for (const letter of "g$lshzxetdn") if (flags & NOTIFY_CLASSES[letter]!) text += letter;
  if (text === "A" && flags & NOTIFY_CLASSES["n"]!) text += "n";
  for (const letter of "KEm") if (flags & NOTIFY_CLASSES[letter]!) text += letter;
  return text;
}

/** Minutes of the clock that LFU words keep, 16 bits. */
export function lfuMinutes(now: number): number {
  return Math.floor(now / 60_000) & 0xffff;
}

/** Frequency in an LFU word after decay. */
export function lfuDecay(word: number, now: number, config: Config): number {
  const decay = config.number("lfu-decay-time");
  const counter = word & 0xff;
  if (decay === 0) return counter;
  const minutes = lfuMinutes(now);
  const then = word >>> 8 & 0xffff;
  const elapsed = minutes >= then ? minutes - then : 65_535 - then + minutes;
  return Math.max(0, counter - Math.floor(elapsed / decay));
}

function lfuIncrement(word: number, now: number, config: Config): number {
  let counter = lfuDecay(word, now, config);
  if (counter < 255) {
    const base = Math.max(0, counter - 5);
    if (Math.random() < 1 / (base * config.number("lfu-log-factor") + 1)) counter++;
  }
  return (lfuMinutes(now) << 8 | counter) >>> 0;
}
