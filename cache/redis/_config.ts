/** Parameters of CONFIG and redis.conf: kinds, defaults, checks. */
import { globMatch } from "./_glob.ts";
import { splitArguments } from "./resp.ts";

type Kind = "number" | "memory" | "bool" | "text" | "enum" | "percent" | "special";

interface Parameter {
  kind: Kind;
  min: number;
  max: number;
  choices: readonly string[];
  immutable: boolean;
}

const MEMORY_UNITS: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
};

/** Bytes of a text such as `100mb`, or undefined. */
export function parseMemory(text: string): number | undefined {
  const match = /^([0-9]{1,15})([a-z]{0,2})$/i.exec(text);
  const unit = match === null ? undefined : MEMORY_UNITS[match[2]!.toLowerCase()];
  return unit === undefined ? undefined : Number(match![1]) * unit;
}

/** name kind default [min max | choices], one a line; `!` marks what cannot be changed at run time. */
const TABLE = `
port number 6379 0 65535 !
bind text *
unixsocket text - !
dir text .
dbfilename text dump.rdb
databases number 16 1 1000000 !
timeout number 0 0 2147483647
tcp-keepalive number 300 0 2147483647
tcp-backlog number 511 0 2147483647 !
maxclients number 10000 1 1000000
maxmemory memory 0
maxmemory-clients memory 0
maxmemory-policy enum noeviction volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction
maxmemory-samples number 5 1 64
maxmemory-eviction-tenacity number 10 0 100
protected-mode bool yes
requirepass text -
save special 3600_1_300_100_60_10000
appendonly bool no
appendfsync enum everysec always,everysec,no
appendfilename text appendonly.aof !
appenddirname text appendonlydir !
aof-use-rdb-preamble bool yes
aof-load-truncated bool yes
aof-timestamp-enabled bool no
aof-rewrite-incremental-fsync bool yes
auto-aof-rewrite-percentage number 100 0 2147483647
auto-aof-rewrite-min-size memory 67108864
no-appendfsync-on-rewrite bool no
rdbcompression bool yes
rdbchecksum bool yes
rdb-save-incremental-fsync bool yes
rdb-del-sync-files bool no
rdb-key-save-delay number 0 -2147483648 2147483647
key-load-delay number 0 -2147483648 2147483647
sanitize-dump-payload enum no no,yes,clients
stop-writes-on-bgsave-error bool yes
hash-max-listpack-entries number 512 0 2147483647
hash-max-ziplist-entries number 512 0 2147483647
hash-max-listpack-value number 64 0 2147483647
hash-max-ziplist-value number 64 0 2147483647
list-max-listpack-size number -2 -2147483648 2147483647
list-max-ziplist-size number -2 -2147483648 2147483647
list-compress-depth number 0 0 2147483647
set-max-intset-entries number 512 0 2147483647
set-max-listpack-entries number 128 0 2147483647
set-max-listpack-value number 64 0 2147483647
zset-max-listpack-entries number 128 0 2147483647
zset-max-ziplist-entries number 128 0 2147483647
zset-max-listpack-value number 64 0 2147483647
zset-max-ziplist-value number 64 0 2147483647
stream-node-max-bytes memory 4096
stream-node-max-entries number 100 0 2147483647
hll-sparse-max-bytes memory 3000
lfu-log-factor number 10 0 2147483647
lfu-decay-time number 1 0 2147483647
hz number 10 1 500
dynamic-hz bool yes
activerehashing bool yes
active-expire-effort number 1 1 10
activedefrag bool no
lazyfree-lazy-eviction bool yes
lazyfree-lazy-expire bool yes
lazyfree-lazy-server-del bool yes
lazyfree-lazy-user-del bool yes
lazyfree-lazy-user-flush bool yes
replica-lazy-flush bool no
slowlog-log-slower-than number 10000 -1 9007199254740991
slowlog-max-len number 128 0 2147483647
latency-monitor-threshold number 0 0 9007199254740991
latency-tracking bool yes
latency-tracking-info-percentiles special 50_99_99.9
notify-keyspace-events special -
client-output-buffer-limit special normal_0_0_0_slave_268435456_67108864_60_pubsub_33554432_8388608_60
client-query-buffer-limit memory 1073741824
proto-max-bulk-len memory 536870912
tracking-table-max-keys number 1000000 0 9007199254740991
enable-debug-command enum no no,yes,local !
enable-protected-configs enum no no,yes,local !
enable-module-command enum no no,yes,local !
loglevel enum notice debug,verbose,notice,warning,nothing
logfile text - !
daemonize bool no !
always-show-logo bool no !
set-proc-title bool yes !
pidfile text - !
supervised text no !
syslog-enabled bool no !
crash-log-enabled bool yes
crash-memcheck-enabled bool yes
watchdog-period number 0 0 2147483647
acllog-max-len number 128 0 2147483647
acl-pubsub-default enum resetchannels allchannels,resetchannels
lua-time-limit number 5000 0 9007199254740991
busy-reply-threshold number 5000 0 9007199254740991
close-on-oom bool no
oom-score-adj enum no no,yes,relative,absolute
disable-thp bool yes !
jemalloc-bg-thread bool yes
io-threads number 1 1 128 !
io-threads-do-reads bool no !
repl-backlog-size memory 1048576
repl-backlog-ttl number 3600 0 2147483647
repl-diskless-sync bool yes
repl-diskless-sync-delay number 5 0 2147483647
repl-diskless-load enum disabled disabled,on-empty-db,swapdb
repl-timeout number 60 1 2147483647
repl-ping-replica-period number 10 1 2147483647
replica-serve-stale-data bool yes
replica-read-only bool yes
replica-priority number 100 0 2147483647
min-replicas-to-write number 0 0 2147483647
min-replicas-max-lag number 10 0 2147483647
cluster-enabled bool no !
cluster-require-full-coverage bool yes
cluster-node-timeout number 15000 0 9007199254740991
cluster-allow-pubsubshard-when-down bool yes
import-mode bool no
hide-user-data-from-log bool no
extended-redis-compatibility bool no
ignore-warnings text -
shutdown-timeout number 10 0 2147483647
shutdown-on-sigint text default
shutdown-on-sigterm text default
propagation-error-behavior text ignore
max-new-connections-per-cycle number 10 1 1000
locale-collate text -
proc-title-template text {title}_{listen-addr}_{server-mode}
oom-score-adj-values text 0_200_800
repl-diskless-sync-max-replicas number 0 0 2147483647
repl-disable-tcp-nodelay bool no
dual-channel-replication-enabled bool no
replica-lazy-expire bool no
replica-ignore-maxmemory bool yes
replica-announced bool yes
replica-ignore-disk-write-errors bool no
active-defrag-ignore-bytes memory 104857600
active-defrag-threshold-lower number 10 0 1000
active-defrag-threshold-upper number 100 0 1000
active-defrag-cycle-min number 1 1 99
active-defrag-cycle-max number 25 1 99
active-defrag-max-scan-fields number 1000 1 9007199254740991
syslog-ident text redis
syslog-facility text local0
`;

/** Parameters of a redis.conf that would change what clients see, and are not here. */
const UNSUPPORTED: Record<string, string> = {
  "include": "files are not included: give their text",
  "replicaof": "there is no replication",
  "masterauth": "there is no replication",
  "masteruser": "there is no replication",
  "primaryauth": "there is no replication",
  "loadmodule": "there are no modules",
  "user": "there are no ACL rules: use requirepass",
  "aclfile": "there are no ACL rules: use requirepass",
  "rename-command": "commands keep their names",
  "tls-port": "there is no TLS: put a proxy in front",
  "unixsocketperm": "there are no Unix sockets",
};

/** Pairs of names for one parameter. */
const ALIASES: Record<string, string> = {
  "hash-max-ziplist-entries": "hash-max-listpack-entries",
  "hash-max-ziplist-value": "hash-max-listpack-value",
  "list-max-ziplist-size": "list-max-listpack-size",
  "zset-max-ziplist-entries": "zset-max-listpack-entries",
  "zset-max-ziplist-value": "zset-max-listpack-value",
};

/** Limits of output of a class of clients. */
export interface OutputLimit {
  /** Bytes at which the connection is closed. */
  hard: number;
  /** Bytes that may be exceeded for a while only. */
  soft: number;
  /** That while, in seconds. */
  softSeconds: number;
}

/** A line of a configuration, or a value, that is refused. */
export class ConfigError extends Error {
  /** Always `"ConfigError"`. */
  override readonly name = "ConfigError";
}

/** The parameters of a server. */
export class Config {
  readonly #parameters: Map<string, Parameter> = new Map<string, Parameter>();
  readonly #texts: Map<string, string> = new Map<string, string>();
  readonly #numbers: Map<string, number> = new Map<string, number>();
  readonly #limits: Map<string, OutputLimit> = new Map<string, OutputLimit>();

  /** Everything at its default. */
  constructor() {
    for (const line of TABLE.trim().split("\n")) {
      const parts = line.split(" ");
      const immutable = parts.at(-1) === "!";
      if (immutable) parts.pop();
      const [name, kind, initial] = parts as [string, Kind, string];
      const parameter: Parameter = {
        kind,
        min: kind === "memory" ? 0 : Number(parts[3] ?? 0),
        max: kind === "memory" ? Number.MAX_SAFE_INTEGER : Number(parts[4] ?? 0),
        choices: kind === "enum" ? parts[3]!.split(",") : [],
        immutable,
      };
      this.#parameters.set(name, parameter);
      const text = initial === "-" ? "" : initial.replaceAll("_", " ");
      this.#store(
        name,
        kind === "text" ? (initial === "-" ? "" : initial.replaceAll("_", " ")) : text,
      );
    }
  }

  #store(name: string, text: string): void {
    this.#texts.set(name, text);
    const kind = this.#parameters.get(name)!.kind;
    if (kind === "number") this.#numbers.set(name, Number(text));
    if (kind === "memory") this.#numbers.set(name, parseMemory(text) ?? Number(text));
    if (name === "client-output-buffer-limit") {
      const parts = text.split(" ");
      for (let i = 0; i + 3 < parts.length; i += 4) {
        const kindName = parts[i] === "slave" ? "replica" : parts[i]!;
        this.#limits.set(kindName, {
          hard: Number(parts[i + 1]),
          soft: Number(parts[i + 2]),
          softSeconds: Number(parts[i + 3]),
        });
      }
    }
  }

  /** A number, or a size in bytes. */
  number(name: string): number {
    return this.#numbers.get(name)!;
  }

  /** A text. */
  text(name: string): string {
    return this.#texts.get(name)!;
  }

  /** Whether a switch is on. */
  yes(name: string): boolean {
    return this.#texts.get(name) === "yes";
  }

  /** Limits of a class of clients: normal, replica or pubsub. */
  outputLimit(kind: string): OutputLimit {
    return this.#limits.get(kind)!;
  }

  /** Whether a parameter exists. */
  has(name: string): boolean {
    return this.#parameters.has(name);
  }

  /** Whether a parameter is fixed while the server runs. */
  isImmutable(name: string): boolean {
    return this.#parameters.get(name)?.immutable ?? false;
  }

  /** Names and values that match one of the patterns. */
  matching(patterns: readonly string[]): [string, string][] {
    const found: [string, string][] = [];
    for (const [name, text] of this.#texts) {
      if (patterns.some((pattern) => globMatch(pattern, name, true))) found.push([name, text]);
    }
    return found;
  }

  /** Every name and value. */
  entries(): [string, string][] {
    return [...this.#texts];
  }

  /**
   * The canonical text of a value.
   *
   * @throws {ConfigError} when the value is refused.
   */
  check(name: string, value: string): string {
    const parameter = this.#parameters.get(name)!;
    switch (parameter.kind) {
      case "bool": {
        const text = value.toLowerCase();
        if (text !== "yes" && text !== "no") {
          throw new ConfigError("argument must be 'yes' or 'no'");
        }
        return text;
      }
      case "enum": {
        const text = value.toLowerCase();
        if (!parameter.choices.includes(text)) {
          throw new ConfigError(
            `argument(s) must be one of the following: ${parameter.choices.join(", ")}`,
          );
        }
        return text;
      }
      case "number":
        if (!/^-?[0-9]{1,16}$/.test(value)) {
          throw new ConfigError("argument couldn't be parsed into an integer");
        }
        if (Number(value) < parameter.min || Number(value) > parameter.max) {
          throw new ConfigError(
            `argument must be between ${parameter.min} and ${parameter.max} inclusive`,
          );
        }
        return String(Number(value));
      case "memory": {
        const bytes = parseMemory(value);
        if (bytes === undefined) throw new ConfigError("argument must be a memory value");
        return String(bytes);
      }
      case "special":
        return this.#checkSpecial(name, value);
      default:
        return value;
    }
  }

  #checkSpecial(name: string, value: string): string {
    const parts = value.split(/\s+/).filter((part) => part !== "");
    if (name === "save") {
      if (parts.length % 2 !== 0) throw new ConfigError("Invalid save parameters");
      for (let i = 0; i < parts.length; i += 2) {
        if (
          !/^[0-9]+$/.test(parts[i]!) || !/^[0-9]+$/.test(parts[i + 1]!) || Number(parts[i]) < 1
        ) {
          throw new ConfigError("Invalid save parameters");
        }
      }
      return parts.join(" ");
    }
    if (name === "latency-tracking-info-percentiles") {
      return parts.map((part) => {
        const percent = /^[0-9]{1,3}(?:\.[0-9]{1,9})?$/.test(part) ? Number(part) : NaN;
        if (!(percent <= 100)) {
          throw new ConfigError("each percentile must be a number between 0 and 100");
        }
        return String(percent);
      }).join(" ");
    }
    if (name === "notify-keyspace-events") {
      if (/[^KEg$lshzxetmdnA]/.test(value)) {
        throw new ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
      }
      return value;
    }
    if (parts.length % 4 !== 0 || parts.length === 0) {
      throw new ConfigError("Wrong number of arguments in buffer limit configuration.");
    }
    const limits = new Map(this.#limits);
    for (let i = 0; i < parts.length; i += 4) {
      const kind = parts[i]!.toLowerCase();
      if (!["normal", "slave", "replica", "pubsub"].includes(kind)) {
        throw new ConfigError("Invalid client class specified in buffer limit configuration.");
      }
      const hard = parseMemory(parts[i + 1]!);
      const soft = parseMemory(parts[i + 2]!);
      if (hard === undefined || soft === undefined || !/^[0-9]+$/.test(parts[i + 3]!)) {
        throw new ConfigError(
          "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        );
      }
      limits.set(kind === "slave" ? "replica" : kind, {
        hard,
        soft,
        softSeconds: Number(parts[i + 3]),
      });
    }
    return ["normal", "replica", "pubsub"].map((kind) => {
      const limit = limits.get(kind)!;
      return `${
        kind === "replica" ? "slave" : kind
      } ${limit.hard} ${limit.soft} ${limit.softSeconds}`;
    }).join(" ");
  }

  /** Sets a parameter to a text that {@linkcode Config.check} gave. */
  set(name: string, text: string): void {
    this.#store(name, text);
    const twin = ALIASES[name] ?? Object.keys(ALIASES).find((alias) => ALIASES[alias] === name);
    if (twin !== undefined) this.#store(twin, text);
  }

  /**
   * Reads the text of a redis.conf. Names that are not known are an error, as in Redis.
   *
   * @throws {ConfigError} with the line.
   */
  load(text: string): void {
    let savesSeen = false;
    text.split("\n").forEach((line, at) => {
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) return;
      const args = splitArguments(trimmed);
      if (args === null || args.length === 0) {
        throw new ConfigError(`Line ${at + 1}: quotes do not balance`);
      }
      // Names from before version 5.
      const name = args[0]!.toLowerCase().replace(/^slave(?=-|of$)/, "replica")
        .replace("-slave", "-replica");
      if (!this.has(name)) {
        const reason = UNSUPPORTED[name];
        throw new ConfigError(
          `Line ${at + 1}: ${
            reason === undefined
              ? `unknown parameter "${name}"`
              : `${name} is not supported: ${reason}`
          }`,
        );
      }
      let value = args.slice(1).join(" ");
      if (name === "save") {
        if (savesSeen && value !== "") value = `${this.text("save")} ${value}`.trim();
        savesSeen = true;
      }
      try {
        this.set(name, this.check(name, value));
        if (name === "cluster-enabled" && this.yes(name)) {
          throw new ConfigError("there is no cluster mode");
        }
      } catch (error) {
        throw new ConfigError(`Line ${at + 1}: ${name}: ${(error as Error).message}`);
      }
    });
  }
}
