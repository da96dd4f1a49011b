/** Commands on the server: CONFIG, INFO, COMMAND, SLOWLOG, LATENCY, MEMORY, DEBUG and persistence. */
import type { Client } from "./_client.ts";
import { FLAG } from "./_flags.ts";
import {
  type Command,
  type CommandRow,
  type Engine,
  formatNotifyFlags,
  parseNotifyFlags,
} from "./_engine.ts";
import { encodingOf, help, memoryUsage } from "./_cmd_keys.ts";
import { integer } from "./_args.ts";
import { ConfigError } from "./_config.ts";
import { globMatch } from "./_glob.ts";
import { parseDouble } from "./_numbers.ts";
import { Crc64 } from "./_rdb.ts";
import { CommandError, SYNTAX_ERROR, toBytes, toByteString, utf8 } from "./_values.ts";

function configGet(client: Client, args: string[]): void {
  const found = client.engine.config.matching(args.slice(2));
  client.map(found.length);
  for (const [name, value] of found) {
    client.bulk(name);
    client.bulk(
      name === "notify-keyspace-events"
        ? formatNotifyFlags(parseNotifyFlags(value) ?? 0)
        : utf8(value),
    );
  }
}

function configSet(client: Client, args: string[]): void {
  const { engine } = client;
  const { config } = engine;
  if (args.length % 2 !== 0) {
    throw new CommandError("ERR wrong number of arguments for 'config|set' command");
  }
  const changes: [string, string][] = [];
  const seen = new Set<string>();
  for (let i = 2; i < args.length; i += 2) {
    const name = args[i]!.toLowerCase();
    if (!config.has(name)) {
      throw new CommandError(
        `ERR Unknown option or number of arguments for CONFIG SET - '${args[i]!}'`,
      );
    }
    const fail = (why: string): CommandError =>
      new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`);
    if (seen.has(name)) throw fail("duplicate parameter");
    seen.add(name);
    if (config.isImmutable(name)) throw fail("can't set immutable config");
    if (
      (name === "dir" || name === "dbfilename") &&
      config.text("enable-protected-configs") === "no" && engine.protectedConfigs
    ) {
      throw fail("can't set protected config");
    }
    if (name === "dbfilename" && /[/\\]/.test(args[i + 1]!)) {
      throw fail("dbfilename can't be a path, just a filename");
    }
    try {
      changes.push([name, config.check(name, args[i + 1]!)]);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw fail(error.message);
    }
  }
  for (const [name, value] of changes) config.set(name, value);
  engine.applyConfig();
  const max = config.number("slowlog-max-len");
  if (engine.slowLog.length > max) engine.slowLog.length = max;
  for (const [name] of changes) engine.host!.configChanged(name);
  engine.tracking.trim();
  client.ok();
}

function resetStatistics(engine: Engine): void {
  const { stats } = engine;
  const zeroed = new (stats.constructor as new () => typeof stats)();
  Object.assign(stats, zeroed, { peakMemory: stats.peakMemory });
  engine.errorCounts.clear();
  const all = new Set<Command>(engine.commands.values());
  for (const command of all) {
    for (const each of [command, ...(command.children?.values() ?? [])]) {
      each.calls =
        each.usec =
        each.rejected =
        each.failed =
          0;
      each.histogram = undefined;
    }
  }
}

const DEFAULT_SECTIONS = [
  "server",
  "clients",
  "memory",
  "persistence",
  "stats",
  "replication",
  "cpu",
  "modules",
  "errorstats",
  "cluster",
  "keyspace",
];
const ALL_SECTIONS = [
  ...DEFAULT_SECTIONS.slice(0, 8),
  "commandstats",
  "errorstats",
  "latencystats",
  "cluster",
  "keyspace",
];

function info(client: Client, args: string[]): void {
  const wanted = new Set<string>();
  const asked = args.length === 1 ? ["default"] : args.slice(1).map((arg) => arg.toLowerCase());
  for (const name of asked) {
    if (name === "default") { for (const each of DEFAULT_SECTIONS) wanted.add(each); }
    else if (name === "all" || name === "everything") {
      for (const each of ALL_SECTIONS) wanted.add(each);
    } else wanted.add(name);
  }
  const sections = client.engine.host!.info();
  const parts: string[] = [];
  for (const name of [...ALL_SECTIONS, "debug"]) {
    const fields = sections[name];
    if (!wanted.has(name) || fields === undefined) continue;
    const title = TITLES[name] ?? name[0]!.toUpperCase() + name.slice(1);
    const lines = Object.entries(fields).map(([field, value]) => `${field}:${value}\r\n`).join("");
    parts.push(`# ${title}\r\n${lines}`);
  }
  client.verbatim(parts.join("\r\n"));
}

const TITLES: Record<string, string> = { cpu: "CPU" };

const FLAG_NAMES: [number, string][] = [
  [FLAG.write, "write"],
  [FLAG.readonly, "readonly"],
  [FLAG.denyoom, "denyoom"],
  [FLAG.admin, "admin"],
  [FLAG.pubsub, "pubsub"],
  [FLAG.noscript, "noscript"],
  [FLAG.blocking, "blocking"],
  [FLAG.loading, "loading"],
  [FLAG.stale, "stale"],
  [FLAG.fast, "fast"],
  [FLAG.noAuth, "no_auth"],
  [FLAG.movableKeys, "movablekeys"],
  [FLAG.noMulti, "no_multi"],
  [FLAG.skipMonitor, "skip_monitor"],
  [FLAG.skipSlowlog, "skip_slowlog"],
];

const GROUP_CATEGORY: Record<string, string> = {
  string: "@string",
  list: "@list",
  hash: "@hash",
  set: "@set",
  "sorted-set": "@sortedset",
  stream: "@stream",
  bitmap: "@bitmap",
  hyperloglog: "@hyperloglog",
  geo: "@geo",
  generic: "@keyspace",
  pubsub: "@pubsub",
  transactions: "@transaction",
  connection: "@connection",
  scripting: "@scripting",
};

/** Access categories of a command. */
export function categoriesOf(command: Command): string[] {
  const { flags } = command;
  const found: string[] = [];
  if (flags & FLAG.write) found.push("@write");
  if (flags & FLAG.readonly && command.group !== "scripting") found.push("@read");
  const group = GROUP_CATEGORY[command.group];
  if (group !== undefined) found.push(group);
  if (flags & FLAG.admin) found.push("@admin");
  if (flags & (FLAG.admin | FLAG.dangerous)) found.push("@dangerous");
  if (flags & FLAG.blocking) found.push("@blocking");
  found.push(flags & FLAG.fast ? "@fast" : "@slow");
  return found;
}

function describeCommand(client: Client, command: Command): void {
  client.array(10);
  client.bulk(command.fullName);
  client.int(command.arity);
  client.simples(FLAG_NAMES.filter(([bit]) => command.flags & bit).map(([, name]) => name));
  client.int(command.first);
  client.int(command.last);
  client.int(command.step);
  client.simples(categoriesOf(command));
  client.array(0);
  if (command.first > 0) {
    client.array(1);
    client.map(3);
    client.bulk("flags");
    client.simples(command.flags & FLAG.write ? ["RW", "UPDATE"] : ["RO", "ACCESS"]);
    client.bulk("begin_search");
    client.map(2);
    client.bulk("type");
    client.bulk("index");
    client.bulk("spec");
    client.map(1);
    client.bulk("index");
    client.int(command.first);
    client.bulk("find_keys");
    client.map(2);
    client.bulk("type");
    client.bulk("range");
    client.bulk("spec");
    client.map(3);
    client.bulk("lastkey");
    client.int(command.last > 0 ? command.last - command.first : command.last);
    client.bulk("keystep");
    client.int(command.step);
    client.bulk("limit");
    client.int(0);
  } else client.array(0);
  const children = [...(command.children?.values() ?? [])];
  client.array(children.length);
  for (const child of children) describeCommand(client, child);
}

function topCommands(engine: Engine): Command[] {
  return [...new Set<Command>(engine.commands.values())];
}

function findCommand(engine: Engine, name: string): Command | undefined {
  const [top, child] = name.toLowerCase().split("|");
  const command = engine.commands.get(top!);
  return child === undefined ? command : command?.children?.get(child);
}

function commandInfo(client: Client, args: string[]): void {
  if (args.length === 2) return commandAll(client);
  client.array(args.length - 2);
  for (const name of args.slice(2)) {
    const command = findCommand(client.engine, name);
    if (command === undefined) client.nullArray();
    else describeCommand(client, command);
  }
}

function commandAll(client: Client): void {
  const all = topCommands(client.engine);
  client.array(all.length);
  for (const command of all) describeCommand(client, command);
}

function describeDocs(client: Client, command: Command): void {
  const children = [...(command.children?.values() ?? [])];
  client.bulk(command.fullName);
  client.map(children.length > 0 ? 4 : 3);
  client.bulk("summary");
  client.bulk(command.summary);
  client.bulk("since");
  client.bulk("1.0.0");
  client.bulk("group");
  client.bulk(command.group);
  if (children.length > 0) {
    client.bulk("subcommands");
    client.map(children.length);
    for (const child of children) describeDocs(client, child);
  }
}

function commandDocs(client: Client, args: string[]): void {
  const { engine } = client;
  const found = args.length === 2
    ? topCommands(engine)
    : args.slice(2).map((name) => findCommand(engine, name)).filter((each) => each !== undefined);
  client.map(found.length);
  for (const command of found) describeDocs(client, command);
}

function commandList(client: Client, args: string[]): void {
  const { engine } = client;
  let found = topCommands(engine).flatMap((
    command,
  ) => [command, ...(command.children?.values() ?? [])]);
  if (args.length > 2) {
    if (args.length !== 5 || args[2]!.toLowerCase() !== "filterby") throw SYNTAX_ERROR;
    const kind = args[3]!.toLowerCase();
    const value = args[4]!;
    if (kind === "module") found = [];
    else if (kind === "aclcat") {
      found = found.filter((each) => categoriesOf(each).includes("@" + value.toLowerCase()));
    } else if (kind === "pattern") {
      found = found.filter((each) => globMatch(value, each.fullName, true));
    } else throw SYNTAX_ERROR;
  }
  client.set(found.length);
  for (const each of found) client.bulk(each.fullName);
}

function getKeys(client: Client, args: string[], withFlags: boolean): void {
  const { engine } = client;
  const request = args.slice(2);
  const command = engine.lookup(request);
  if (command === undefined) throw new CommandError("ERR Invalid command specified");
  if (command.keys === undefined && command.first === 0) {
    throw new CommandError("ERR The command has no key arguments");
  }
  const { arity } = command;
  if (arity > 0 ? arity !== request.length : request.length < -arity) {
    throw new CommandError("ERR Invalid number of arguments specified for command");
  }
  const positions = engine.keyPositions(command, request);
  if (positions === undefined) {
    throw new CommandError("ERR Invalid arguments specified for command");
  }
  if (positions.length === 0) {
    if (command.group === "scripting") return client.array(0);
    throw new CommandError("ERR The command has no key arguments");
  }
  client.array(positions.length);
  for (const at of positions) {
    if (withFlags) client.array(2);
    client.bulk(request[at]!);
    if (withFlags) client.simples(command.flags & FLAG.write ? ["RW", "UPDATE"] : ["RO", "ACCESS"]);
  }
}

function slowlogGet(client: Client, args: string[]): void {
  const count = args[2] === undefined ? 10 : integer(args[2]);
  if (count < -1) throw new CommandError("ERR count should be greater than or equal to -1");
  const { slowLog } = client.engine;
  const entries = count === -1 ? slowLog : slowLog.slice(0, count);
  client.array(entries.length);
  for (const entry of entries) {
    client.array(6);
    client.int(entry.id);
    client.int(entry.time);
    client.int(entry.usec);
    client.bulks(entry.args);
    client.bulk(entry.peer);
    client.bulk(entry.name);
  }
}

function latencyLatest(client: Client): void {
  const { latency } = client.engine;
  client.array(latency.size);
  for (const [event, spikes] of latency) {
    const last = spikes.at(-1)!;
    client.array(4);
    client.bulk(event);
    client.int(last.time);
    client.int(last.ms);
    client.int(Math.max(...spikes.map((spike) => spike.ms)));
  }
}

function latencyHistogram(client: Client, args: string[]): void {
  const { engine } = client;
  const all = topCommands(engine).flatMap((command) =>
    command.children === undefined ? [command] : [...command.children.values()]
  );
  const wanted = args.slice(2).map((name) => name.toLowerCase());
  const found = all.filter((each) =>
    each.histogram !== undefined &&
    (wanted.length === 0 || wanted.includes(each.fullName) ||
      wanted.includes(each.fullName.split("|")[0]!))
  );
  client.map(found.length);
  for (const command of found) {
    client.bulk(command.fullName);
    client.map(2);
    client.bulk("calls");
    client.int(command.calls);
    client.bulk("histogram_usec");
    let total = 0;
    const rows: [number, number][] = [];
    command.histogram!.forEach((count, i) => {
      if (count === 0) return;
      total += count;
      rows.push([2 ** i, total]);
    });
    client.map(rows.length);
    for (const [limit, count] of rows) {
      client.int(limit);
      client.int(count);
    }
  }
}

/** Percentiles of a command's duration, in microseconds. */
export function percentiles(command: Command, wanted: readonly number[]): string {
  const { histogram } = command;
  if (histogram === undefined) return "";
  const total = histogram.reduce((sum, count) => sum + count, 0);
  return wanted.map((percent) => {
    let seen = 0;
    let value = 0;
    for (let i = 0; i < histogram.length; i++) {
      seen += histogram[i]!;
      if (seen >= total * percent / 100) {
        value = 2 ** i;
        break;
      }
    }
    return `p${percent}=${value.toFixed(3)}`;
  }).join(",");
}

function memoryStats(client: Client): void {
  const { engine } = client;
  const used = engine.usedMemory();
  const keysCount = engine.dbs.reduce((sum, db) => sum + db.size, 0);
  const dataset = engine.dbs.reduce((sum, db) => sum + db.bytes, 0);
  const rows: [string, number | string][] = [
    ["peak.allocated", engine.stats.peakMemory],
    ["total.allocated", used],
    ["startup.allocated", 1_000_000],
    ["clients.normal", used - dataset - 1_000_000],
    ["keys.count", keysCount],
    ["keys.bytes-per-key", keysCount === 0 ? 0 : Math.floor(dataset / keysCount)],
    ["dataset.bytes", dataset],
    ["dataset.percentage", String(dataset * 100 / Math.max(1, used))],
  ];
  client.map(rows.length);
  for (const [name, value] of rows) {
    client.bulk(name);
    if (typeof value === "number") client.int(value);
    else client.bulk(value);
  }
}

function debug(client: Client, args: string[]): void {
  const { engine, db } = client;
  const what = args[1]!.toLowerCase();
  const host = engine.host!;
  const allowed = engine.config.text("enable-debug-command");
  const local = /^(?:127\.|\[::1\]|\[::ffff:127\.)/.test(client.transport?.peer ?? "");
  if (allowed === "no" || (allowed === "local" && !local)) {
    throw new CommandError(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a ' +
        "local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    );
  }
  switch (what) {
    case "sleep": {
      const seconds = parseDouble(args[2] ?? "") ?? 0;
      const until = performance.now() + seconds * 1000;
      const flag = new Int32Array(new SharedArrayBuffer(4));
      while (performance.now() < until) {
        Atomics.wait(flag, 0, 0, Math.max(0, until - performance.now()));
      }
      engine.now = Date.now();
      return client.ok();
    }
    case "set-active-expire":
      host.setActiveExpire(args[2] !== "0");
      return client.ok();
    case "digest":
      return client.simple(host.digest(undefined, db)[0]!);
    case "digest-value": {
      const digests = host.digest(args.slice(2), db);
      client.array(digests.length);
      for (const digest of digests) client.simple(digest);
      return;
    }
    case "object": {
      const value = db.dict.get(args[2] ?? "");
      if (value === undefined) throw new CommandError("ERR no such key");
      const length = host.dump(value).length - 10;
      return client.simple(
        `Value at:0x7f0000000000 refcount:1 encoding:${
          encodingOf(client, value)
        } serializedlength:${length} lru:0 lru_seconds_idle:0`,
      );
    }
    case "reload": {
      const options = args.slice(2).map((arg) => arg.toLowerCase());
      host.reload({
        save: !options.includes("nosave"),
        flush: !options.includes("noflush"),
        merge: options.includes("merge"),
      });
      return client.ok();
    }
    case "loadaof":
      host.loadAof();
      return client.ok();
    case "jmap":
    case "dict-resizing":
    case "change-repl-id":
    case "stringmatch-len":
    case "quicklist-packed-threshold":
    case "replicate":
    case "replybuffer":
    case "pause-cron":
    case "listpack-entries":
      return client.ok();
    case "error":
      return client.error(args[2] ?? "");
    case "populate": {
      const count = integer(args[2] ?? "0");
      const prefix = args[3] ?? "key";
      const size = args[4] === undefined ? -1 : integer(args[4]);
      for (let i = 0; i < count; i++) {
        const key = `${prefix}:${i}`;
        if (db.dict.has(key)) continue;
        let text = `value:${i}`;
        if (size >= 0) {
          text = text.length >= size ? text.slice(0, size) : text + "\0".repeat(size - text.length);
        }
        db.put(key, text);
        db.touch(key);
      }
      return client.ok();
    }
    case "htstats":
      return client.verbatim(`[Dictionary HT]\nnumber of elements: ${db.size}\n`);
    case "protocol":
      return debugProtocol(client, (args[2] ?? "").toLowerCase());
    case "log":
      return client.ok();
    case "help":
      return help("DEBUG", [
        "SLEEP <seconds>",
        "    Stops the server for a while.",
        "DIGEST",
        "    Digest of the data.",
      ])(client);
    default:
      throw new CommandError(`ERR unknown subcommand '${args[1]!.slice(0, 128)}'. Try DEBUG HELP.`);
  }
}

function debugProtocol(client: Client, kind: string): void {
  switch (kind) {
    case "string":
      return client.bulk("Hello World");
    case "integer":
      return client.int(12345);
    case "double":
      return client.double(3.141);
    case "null":
      return client.null();
    case "array":
      client.array(3);
      for (let i = 0; i < 3; i++) client.int(i);
      return;
    case "set":
      client.set(3);
      for (let i = 0; i < 3; i++) client.int(i);
      return;
    case "map":
      client.map(3);
      for (let i = 0; i < 3; i++) {
        client.int(i);
        client.bool(i === 1);
      }
      return;
    case "attrib":
      if (client.resp > 2) {
        client.raw("|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
      }
      return client.bulk("Some real reply following the attribute");
    case "push":
      if (client.resp < 3) throw new CommandError("ERR RESP2 clients don't support push");
      return client.raw(">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n");
    case "verbatim":
      return client.verbatim("This is a verbatim\nstring");
    case "true":
      return client.bool(true);
    case "false":
      return client.bool(false);
    case "bignum":
      if (client.resp === 2) return client.bulk("1234567999999999999999999999999999999");
      return client.raw("(1234567999999999999999999999999999999\r\n");
    default:
      throw new CommandError(
        "ERR Wrong protocol type name. Please use one of the following: string|integer|double|null|array|set|map|attrib|push|verbatim|true|false",
      );
  }
}

function shutdown(client: Client, args: string[]): void {
  let save: boolean | undefined;
  for (const arg of args.slice(1)) {
    const option = arg.toLowerCase();
    if (option === "save") save = true;
    else if (option === "nosave") save = false;
    else if (option === "abort") throw new CommandError("ERR No shutdown in progress.");
    else if (option !== "now" && option !== "force") throw SYNTAX_ERROR;
  }
  client.engine.host!.shutdown(save);
}

/** Sends effects as protocol text to the clients that follow with SYNC. */
function follow(client: Client): void {
  const { engine } = client;
  if (client.queue !== null) throw new CommandError("ERR SYNC is not allowed in a transaction");
  const image = "REDIS0010\xff";
  const crc = new Crc64();
  crc.update(toBytes(image));
  const whole = image + toByteString(crc.bytes());
  client.raw(`$${whole.length}\r\n${whole}`);
  engine.followers.add(client);
  let selected = -1;
  engine.feed = {
    append: (effects) => {
      let text = "";
      const put = (args: readonly string[]): void => {
        text += `*${args.length}\r\n`;
        for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
      };
      const select = (db: number): void => {
        if (db !== selected) put(["SELECT", String(db)]);
        selected = db;
      };
      if (effects.length > 1) put(["MULTI"]);
      for (const { db, args } of effects) {
        select(db);
        put(args);
      }
      if (effects.length > 1) put(["EXEC"]);
      for (const follower of engine.followers) follower.raw(text);
    },
  };
}

function failover(command: string): (client: Client, args: string[]) => void {
  return (client, args) => {
    if (args[1]!.toLowerCase() === "no" && args[2]!.toLowerCase() === "one") return client.ok();
    throw new CommandError(
      `ERR ${command} is not supported: this server has no replication and no cluster`,
    );
  };
}

function time(client: Client): void {
  const micros = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  client.bulks([String(Math.floor(micros / 1e6)), String(micros % 1e6)]);
}

/** The table. */
export const SERVER_COMMANDS: readonly CommandRow[] = [
  ["info", -1, "ltd", 0, 0, 0, info, "State of the server"],
  ["time", 1, "ltF", 0, 0, 0, (c) => time(c), "The server's clock"],
  ["command", -1, "lt", 0, 0, 0, (c) => commandAll(c), "Describes the commands"],
  ["config", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Parameters of the server"],
  ["slowlog", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Slow commands"],
  ["latency", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Latency spikes"],
  ["memory", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Use of memory"],
  ["monitor", 1, "aslt", 0, 0, 0, (c) => {
    c.monitor = true;
    c.engine.monitors.add(c);
    c.ok();
  }, "Shows every command that is run"],
  ["debug", -2, "aslt", 0, 0, 0, debug, "What tests of the server need"],
  ["save", 1, "asx", 0, 0, 0, (c) => {
    c.engine.host!.save();
    c.ok();
  }, "Writes a snapshot now"],
  ["bgsave", -1, "as", 0, 0, 0, (c, a) => {
    const schedule = a[1]?.toLowerCase() === "schedule";
    if (a.length > 2 || (a.length === 2 && !schedule)) throw SYNTAX_ERROR;
    c.simple(c.engine.host!.backgroundSave(schedule));
  }, "Writes a snapshot in the background"],
  [
    "bgrewriteaof",
    1,
    "as",
    0,
    0,
    0,
    (c) => c.simple(c.engine.host!.rewriteAof()),
    "Rewrites the append-only file in the background",
  ],
  [
    "lastsave",
    1,
    "ltFd",
    0,
    0,
    0,
    (c) => c.int(c.engine.host!.lastSave()),
    "When the last snapshot was written",
  ],
  ["shutdown", -1, "asltx", 0, 0, 0, shutdown, "Ends the server"],
  ["role", 1, "ltFd", 0, 0, 0, (c) => {
    c.array(3);
    c.bulk("master");
    c.int(0);
    c.array(0);
  }, "Role in replication"],
  ["wait", 3, "b", 0, 0, 0, (c, a) => {
    integer(a[1]!);
    integer(a[2]!);
    c.int(0);
  }, "Waits for replicas; there are none"],
  ["waitaof", 4, "b", 0, 0, 0, (c, a) => {
    const local = integer(a[1]!);
    if (local > 1) throw new CommandError("ERR value is out of range, value must between 0 and 1");
    if (local === 1 && c.engine.sink === null) {
      throw new CommandError(
        "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
      );
    }
    c.engine.beforeFlush?.();
    c.array(2);
    c.int(c.engine.sink === null ? 0 : 1);
    c.int(0);
  }, "Waits for the append-only file"],
  [
    "sync",
    1,
    "asx",
    0,
    0,
    0,
    follow,
    "Streams every later effect to the connection, after an empty image",
  ],
  ["replicaof", 3, "ast", 0, 0, 0, failover("REPLICAOF"), "Not supported"],
  ["slaveof", 3, "ast", 0, 0, 0, failover("SLAVEOF"), "Not supported"],
  ["lolwut", -1, "rF", 0, 0, 0, (c) => c.verbatim("groundwork\n"), "Says which server this is"],
  ["module", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Modules; there are none"],
  ["function", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "Functions; there are none"],
];

/** Subcommands of FUNCTION: enough for tools that clear a server. */
export const FUNCTION_COMMANDS: readonly CommandRow[] = [
  ["flush", -2, "s", 0, 0, 0, (c) => c.ok(), "Deletes all functions"],
  ["list", -2, "s", 0, 0, 0, (c) => c.array(0), "Functions"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("FUNCTION", ["FLUSH [ASYNC|SYNC]", "    Deletes all functions."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of MODULE: there are none, and none can be loaded. */
export const MODULE_COMMANDS: readonly CommandRow[] = [
  ["list", 2, "sa", 0, 0, 0, (c) => c.array(0), "Modules"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("MODULE", ["LIST", "    Modules; there are none."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of CONFIG. */
export const CONFIG_COMMANDS: readonly CommandRow[] = [
  ["get", -3, "aslt", 0, 0, 0, configGet, "Values of parameters"],
  ["set", -4, "aslt", 0, 0, 0, configSet, "Changes parameters"],
  ["resetstat", 2, "aslt", 0, 0, 0, (c) => {
    resetStatistics(c.engine);
    c.ok();
  }, "Clears the statistics"],
  ["rewrite", 2, "aslt", 0, 0, 0, (c) => {
    c.engine.host!.rewriteConfig();
    c.ok();
  }, "Writes the parameters to the configuration file"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("CONFIG", [
      "GET <pattern>",
      "    Values of parameters.",
      "SET <name> <value>",
      "    Changes a parameter.",
    ]),
    "Describes the subcommands",
  ],
];

/** Subcommands of COMMAND. */
export const COMMAND_COMMANDS: readonly CommandRow[] = [
  ["count", 2, "lt", 0, 0, 0, (c) => c.int(topCommands(c.engine).length), "Number of commands"],
  ["info", -2, "lt", 0, 0, 0, commandInfo, "Describes commands"],
  ["docs", -2, "lt", 0, 0, 0, commandDocs, "Documents commands"],
  ["list", -2, "lt", 0, 0, 0, commandList, "Names of commands"],
  ["getkeys", -3, "lt", 0, 0, 0, (c, a) => getKeys(c, a, false), "Keys of a request"],
  [
    "getkeysandflags",
    -3,
    "lt",
    0,
    0,
    0,
    (c, a) => getKeys(c, a, true),
    "Keys of a request and their use",
  ],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("COMMAND", ["COUNT", "    Number of commands."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of SLOWLOG. */
export const SLOWLOG_COMMANDS: readonly CommandRow[] = [
  ["get", -2, "alt", 0, 0, 0, slowlogGet, "Slow commands"],
  ["len", 2, "alt", 0, 0, 0, (c) => c.int(c.engine.slowLog.length), "Number of slow commands"],
  ["reset", 2, "alt", 0, 0, 0, (c) => {
    c.engine.slowLog = [];
    c.ok();
  }, "Forgets the slow commands"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("SLOWLOG", [
      "GET [<count>]",
      "    Slow commands, newest first.",
      "LEN",
      "    Number of slow commands.",
      "RESET",
      "    Forgets them.",
    ]),
    "Describes the subcommands",
  ],
];

/** Subcommands of LATENCY. */
export const LATENCY_COMMANDS: readonly CommandRow[] = [
  ["latest", 2, "aslt", 0, 0, 0, (c) => latencyLatest(c), "Latest spikes"],
  ["history", 3, "aslt", 0, 0, 0, (c, a) => {
    const spikes = c.engine.latency.get(a[2]!) ?? [];
    c.array(spikes.length);
    for (const spike of spikes) {
      c.array(2);
      c.int(spike.time);
      c.int(spike.ms);
    }
  }, "Spikes of an event"],
  ["reset", -2, "aslt", 0, 0, 0, (c, a) => {
    let count = 0;
    if (a.length === 2) {
      count = c.engine.latency.size;
      c.engine.latency.clear();
    } else for (const event of a.slice(2)) if (c.engine.latency.delete(event)) count++;
    c.int(count);
  }, "Forgets spikes"],
  ["histogram", -2, "aslt", 0, 0, 0, latencyHistogram, "Durations of commands"],
  [
    "doctor",
    2,
    "aslt",
    0,
    0,
    0,
    (c) => c.verbatim(`${c.engine.latency.size} events with spikes are recorded.\n`),
    "Summary of latency",
  ],
  ["graph", 3, "aslt", 0, 0, 0, (c, a) => {
    const spikes = c.engine.latency.get(a[2]!);
    if (spikes === undefined) {
      throw new CommandError(`ERR No samples available for event '${a[2]!}'`);
    }
    c.verbatim(spikes.map((spike) => `${spike.time} ${spike.ms} ms\n`).join(""));
  }, "Spikes of an event as text"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("LATENCY", ["LATEST", "    Latest spikes."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of MEMORY. */
export const MEMORY_COMMANDS: readonly CommandRow[] = [
  ["usage", -3, "r", 2, 2, 1, memoryUsage, "Estimated bytes of a key"],
  ["stats", 2, "", 0, 0, 0, (c) => memoryStats(c), "Use of memory by purpose"],
  [
    "doctor",
    2,
    "",
    0,
    0,
    0,
    (c) => c.verbatim("Memory is accounted by estimate.\n"),
    "Summary of memory",
  ],
  ["purge", 2, "", 0, 0, 0, (c) => c.ok(), "Returns memory to the system, where possible"],
  [
    "malloc-stats",
    2,
    "",
    0,
    0,
    0,
    (c) => c.verbatim("Memory is managed by the JavaScript engine.\n"),
    "Statistics of the allocator",
  ],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("MEMORY", ["USAGE <key>", "    Estimated bytes of a key."]),
    "Describes the subcommands",
  ],
];
