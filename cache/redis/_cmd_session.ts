/** Commands on the connection: transactions, subscriptions, authentication, CLIENT. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Client } from "./_client.ts";
import { type CommandRow, type Engine, removeFrom } from "./_engine.ts";
import { FLAG } from "./_flags.ts";
import { dbOf, help } from "./_cmd_keys.ts";
import { timeoutMs } from "./_args.ts";
import { globMatch } from "./_glob.ts";
import { parseInteger } from "./_numbers.ts";
import { CommandError, SYNTAX_ERROR, toBytes } from "./_values.ts";

/** Version that is told to clients: the Redis whose commands and files this server has. */
export const REDIS_VERSION = "7.2.4";

function multi(client: Client): void {
  if (client.queue !== null) {
    client.queueFailed = true;
    throw new CommandError("ERR MULTI calls can not be nested");
  }
  client.queue = [];
  client.queueFailed = false;
  client.ok();
}

/** Leaves a transaction. */
export function discardQueue(client: Client): void {
  client.queue = null;
  client.queueBytes = 0;
  client.queueFailed = false;
  client.engine.unwatch(client);
}

function exec(client: Client): void {
  const { engine } = client;
  const queue = client.queue;
  if (queue === null) throw new CommandError("ERR EXEC without MULTI");
  if (client.queueFailed) {
    discardQueue(client);
    throw new CommandError("EXECABORT Transaction discarded because of previous errors.");
  }
  for (const { db, key, expired } of client.watching) {
    if (!expired && db.isExpired(key)) client.dirtyWatch = true;
  }
  if (client.dirtyWatch) {
    discardQueue(client);
    return client.nullArray();
  }
  engine.unwatch(client);
  client.queue = null;
  client.queueBytes = 0;
  client.inExec = true;
  client.array(queue.length);
  const { errors } = client;
  try {
    for (const { command, args } of queue) {
      engine.call(client, command, args);
      if (client.closing) break;
    }
  } finally {
    client.inExec = false;
    // Errors of its commands are theirs: EXEC itself has not failed.
    client.errors = errors;
  }
}

function watch(client: Client, args: string[]): void {
  if (client.queue !== null) {
    client.queueFailed = true;
    throw new CommandError("ERR WATCH inside MULTI is not allowed");
  }
  const { db } = client;
  if (!client.dirtyWatch) {
    for (const key of args.slice(1)) {
      let watchers = db.watched.get(key);
      if (watchers?.has(client)) continue;
      const expired = db.isExpired(key);
      if (expired) client.staleWatches++;
      client.watching.push({ db, key, expired });
      if (watchers === undefined) db.watched.set(key, watchers = new Set<Client>());
      watchers.add(client);
    }
  }
  client.ok();
}

type Table = Map<string, Set<Client>>;

function subscribe(
  client: Client,
  args: string[],
  table: Table,
  own: Set<string>,
  kind: string,
): void {
  const { engine } = client;
  if (client.inExec && client.resp === 2 && client.transport === null) return;
  for (const channel of args.slice(1)) {
    if (!own.has(channel)) {
      own.add(channel);
      let clients = table.get(channel);
      if (clients === undefined) table.set(channel, clients = new Set<Client>());
      clients.add(client);
    }
    client.push(3);
    client.bulk(kind);
    client.bulk(channel);
    client.int(countOf(client, engine, kind));
  }
}

function countOf(client: Client, _engine: Engine, kind: string): number {
  return kind.startsWith("s") && (kind === "ssubscribe" || kind === "sunsubscribe")
    ? client.shardChannels.size
    : client.channels.size + client.patterns.size;
}

function unsubscribe(
  client: Client,
  args: string[],
  table: Table,
  own: Set<string>,
  kind: string,
): void {
  if (!client.subscribed) {
    throw new CommandError(`NOSUB '${kind}' command executed not in subscribed mode`);
  }
  const channels = args.length > 1 ? args.slice(1) : [...own];
  if (channels.length === 0) {
    client.push(3);
    client.bulk(kind);
    client.null();
    client.int(countOf(client, client.engine, kind));
    return;
  }
  for (const channel of channels) {
    if (own.delete(channel)) removeFrom(table, channel, client);
    client.push(3);
    client.bulk(kind);
    client.bulk(channel);
    client.int(countOf(client, client.engine, kind));
  }
}

function publish(client: Client, args: string[]): void {
  const { engine } = client;
  client.int(engine.publish(args[1]!, args[2]!));
  if (engine.feed !== null) engine.alsoPropagate(client.db.index, args);
}

function spublish(client: Client, args: string[]): void {
  const { engine } = client;
  if (engine.feed !== null) engine.alsoPropagate(client.db.index, args);
  const clients = engine.shardChannels.get(args[1]!);
  if (clients !== undefined) {
    for (const each of clients) engine.pushTo(each, ["smessage", args[1]!, args[2]!]);
  }
  client.int(clients?.size ?? 0);
}

function channelList(client: Client, args: string[], table: Table): void {
  const pattern = args[2];
  const names = [...table.keys()];
  client.bulks(pattern === undefined ? names : names.filter((name) => globMatch(pattern, name)));
}

function counts(client: Client, args: string[], table: Table): void {
  client.array((args.length - 2) * 2);
  for (const channel of args.slice(2)) {
    client.bulk(channel);
    client.int(table.get(channel)?.size ?? 0);
  }
}

/** Whether two secrets are equal, in time that does not tell where they differ. */
function secretsEqual(given: string, wanted: string): boolean {
  const digest = (text: string): Uint8Array => createHash("sha256").update(toBytes(text)).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function authenticate(client: Client, user: string, password: string): void {
  const { engine } = client;
  const wanted = engine.config.text("requirepass");
  const right = secretsEqual(password, wanted) && wanted !== "";
  if (user !== "default" || (!right && wanted !== "")) {
    engine.stats.authFailures++;
    throw new CommandError("WRONGPASS invalid username-password pair or user is disabled.");
  }
  client.authenticated = true;
  client.parser.restricted = false;
}

function auth(client: Client, args: string[]): void {
  const { engine } = client;
  engine.redacted = args.map((arg, i) => i === 0 ? arg : "(redacted)");
  if (args.length > 3) throw SYNTAX_ERROR;
  if (args.length === 2 && engine.config.text("requirepass") === "") {
    throw new CommandError(
      "ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    );
  }
  authenticate(client, args.length === 3 ? args[1]! : "default", args[args.length - 1]!);
  client.ok();
}

function checkName(name: string, what: string): void {
  if (/[^\x21-\x7e]/.test(name)) {
    throw new CommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
  }
}

function hello(client: Client, args: string[]): void {
  const { engine } = client;
  let version: number = client.resp;
  let at = 1;
  if (args[1] !== undefined) {
    const wanted = parseInteger(args[1]);
    if (wanted === undefined) {
      throw new CommandError("ERR Protocol version is not an integer or out of range");
    }
    if (wanted !== 2 && wanted !== 3) {
      throw new CommandError("NOPROTO unsupported protocol version");
    }
    version = wanted;
    at = 2;
  }
  let name: string | undefined;
  let credentials: [string, string] | undefined;
  for (; at < args.length; at++) {
    const option = args[at]!.toLowerCase();
    if (option === "auth" && at + 2 < args.length) {
      engine.redacted = args.map((arg, i) => i === 0 ? arg : "(redacted)");
      credentials = [args[at + 1]!, args[at + 2]!];
      at += 2;
    } else if (option === "setname" && at + 1 < args.length) {
      name = args[++at]!;
      checkName(name, "Client names");
    } else throw new CommandError(`ERR Syntax error in HELLO option '${args[at]!}'`);
  }
  if (credentials !== undefined) authenticate(client, credentials[0], credentials[1]);
  if (!client.authenticated) {
    throw new CommandError(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " +
        "option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
  }
  if (name !== undefined) client.name = name;
  client.resp = version as 2 | 3;
  client.map(7);
  client.bulk("server");
  client.bulk("redis");
  client.bulk("version");
  client.bulk(REDIS_VERSION);
  client.bulk("proto");
  client.int(client.resp);
  client.bulk("id");
  client.int(client.id);
  client.bulk("mode");
  client.bulk("standalone");
  client.bulk("role");
  client.bulk("master");
  client.bulk("modules");
  client.array(0);
}

function ping(client: Client, args: string[]): void {
  if (args.length > 2) throw new CommandError("ERR wrong number of arguments for 'ping' command");
  if (client.resp === 2 && client.subscribed) {
    client.array(2);
    client.bulk("pong");
    client.bulk(args[1] ?? "");
  } else if (args.length === 2) client.bulk(args[1]!);
  else client.simple("PONG");
}

function reset(client: Client): void {
  const { engine } = client;
  discardQueue(client);
  for (const channel of client.channels) removeFrom(engine.channels, channel, client);
  for (const pattern of client.patterns) removeFrom(engine.patterns, pattern, client);
  for (const channel of client.shardChannels) removeFrom(engine.shardChannels, channel, client);
  client.channels.clear();
  client.patterns.clear();
  client.shardChannels.clear();
  engine.monitors.delete(client);
  client.monitor = false;
  engine.tracking.disable(client);
  client.db = engine.dbs[0]!;
  client.resp = 2;
  client.name = "";
  client.noEvict = client.noTouch = false;
  client.replyMode = "on";
  client.authenticated = engine.config.text("requirepass") === "";
  client.simple("RESET");
}

function flagsOf(client: Client): string {
  let flags = "";
  if (client.monitor) flags += "O";
  if (client.subscribed) flags += "P";
  if (client.queue !== null) flags += "x";
  if (client.blocked !== null) flags += "b";
  if (client.tracking.on) flags += "t";
  if (client.tracking.redirectBroken) flags += "R";
  if (client.tracking.bcast) flags += "B";
  if (client.dirtyWatch) flags += "d";
  if (client.noEvict) flags += "e";
  if (client.noTouch) flags += "T";
  if (client.closing) flags += "c";
  return flags === "" ? "N" : flags;
}

/** The line of a client in CLIENT LIST. */
export function describe(client: Client): string {
  const { engine, transport } = client;
  const seconds = (since: number): number => Math.max(0, Math.floor((engine.now - since) / 1000));
  const redirect = client.tracking.on ? client.tracking.redirect : -1;
  const fields: Record<string, string | number> = {
    id: client.id,
    addr: transport?.peer ?? "",
    laddr: transport?.local ?? "",
    fd: client.id + 7,
    name: client.name,
    age: seconds(client.created),
    idle: seconds(client.lastActive),
    flags: flagsOf(client),
    capa: "",
    db: client.db.index,
    sub: client.channels.size,
    psub: client.patterns.size,
    ssub: client.shardChannels.size,
    multi: client.queue === null ? -1 : client.queue.length,
    watch: client.watching.length,
    "qbuf": client.parser.pendingBytes,
    "qbuf-free": Math.max(0, client.parser.heldBytes - client.parser.pendingBytes),
    "argv-mem": client.parser.pendingArguments,
    "multi-mem": client.queueBytes,
    rbs: 16_384,
    rbp: 0,
    obl: client.out.length,
    oll: transport !== null && transport.pendingBytes() > 0 ? 1 : 0,
    omem: transport?.pendingBytes() ?? 0,
    "tot-mem": 2048 + client.parser.bufferBytes + client.queueBytes +
      (transport?.pendingBytes() ?? 0),
    events: "r",
    cmd: client.lastCommand,
    user: "default",
    redir: redirect,
    resp: client.resp,
    "lib-name": client.libName,
    "lib-ver": client.libVersion,
    "tot-net-in": client.bytesIn,
    "tot-net-out": client.bytesOut,
    "tot-cmds": client.commands,
  };
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ");
}

function kindOf(client: Client): string {
  return client.monitor ? "replica" : client.subscribed ? "pubsub" : "normal";
}

function clientType(text: string): string {
  const kind = text.toLowerCase();
  if (kind === "slave") return "replica";
  if (["normal", "replica", "pubsub", "master", "primary"].includes(kind)) return kind;
  throw new CommandError(`ERR Unknown client type '${text}'`);
}

function list(client: Client, args: string[]): void {
  let clients = [...client.engine.clients.values()];
  if (args.length === 4 && args[2]!.toLowerCase() === "type") {
    const kind = clientType(args[3]!);
    clients = clients.filter((each) => kindOf(each) === kind);
  } else if (args.length > 3 && args[2]!.toLowerCase() === "id") {
    const ids = args.slice(3).map((text) => {
      const id = parseInteger(text);
      if (id === undefined || id < 1) throw new CommandError("ERR Invalid client ID");
      return id;
    });
    clients = ids.map((id) => client.engine.clients.get(id)).filter((each) => each !== undefined);
  } else if (args.length !== 2) throw SYNTAX_ERROR;
  client.verbatim(clients.map((each) => describe(each) + "\n").join(""));
}

function close(client: Client, victim: Client): void {
  victim.closing = true;
  if (victim === client) return;
  victim.transport?.close(true);
}

function kill(client: Client, args: string[]): void {
  const { engine } = client;
  if (args.length === 3) {
    for (const victim of engine.clients.values()) {
      if (victim.transport?.peer !== args[2]) continue;
      close(client, victim);
      return client.ok();
    }
    throw new CommandError("ERR No such client");
  }
  const filters: ((each: Client) => boolean)[] = [];
  let skipMe = true;
  for (let i = 2; i < args.length; i += 2) {
    const option = args[i]!.toLowerCase();
    const value = args[i + 1];
    if (value === undefined) throw SYNTAX_ERROR;
    if (option === "id") {
      const id = parseInteger(value);
      if (id === undefined || id < 1) {
        throw new CommandError("ERR client-id should be greater than 0");
      }
      filters.push((each) => each.id === id);
    } else if (option === "type") {
      const kind = clientType(value);
      filters.push((each) => kindOf(each) === kind);
    } else if (option === "addr") filters.push((each) => each.transport?.peer === value);
    else if (option === "laddr") filters.push((each) => each.transport?.local === value);
    else if (option === "user") {
      if (value !== "default") throw new CommandError(`ERR No such user '${value}'`);
    } else if (option === "maxage") {
      const age = parseInteger(value);
      if (age === undefined) throw new CommandError("ERR maxage is not an integer or out of range");
      if (age <= 0) throw new CommandError("ERR maxage should be greater than 0");
      filters.push((each) => engine.now - each.created >= age * 1000);
    } else if (option === "skipme") {
      if (!/^(?:yes|no)$/i.test(value)) throw SYNTAX_ERROR;
      skipMe = value.toLowerCase() === "yes";
    } else throw SYNTAX_ERROR;
  }
  let killed = 0;
  for (const victim of [...engine.clients.values()]) {
    if ((skipMe && victim === client) || !filters.every((filter) => filter(victim))) continue;
    close(client, victim);
    killed++;
  }
  client.int(killed);
}

function replyMode(client: Client, args: string[]): void {
  const mode = args[2]!.toLowerCase();
  if (mode === "on") {
    client.replyMode = "on";
    client.ok();
  } else if (mode === "off") client.replyMode = "off";
  else if (mode === "skip") {
    if (client.replyMode === "on") client.replyMode = "skip-next";
  } else throw SYNTAX_ERROR;
}

function unblock(client: Client, args: string[]): void {
  const id = parseInteger(args[2]!);
  if (id === undefined) throw new CommandError("ERR value is not an integer or out of range");
  const how = args[3]?.toLowerCase() ?? "timeout";
  if (how !== "timeout" && how !== "error") {
    throw new CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const target = client.engine.clients.get(id);
  const blocked = target?.blocked;
  if (target === undefined || blocked === undefined || blocked === null) return client.int(0);
  client.engine.unblock(target);
  if (how === "error") {
    target.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    blocked.command.failed++;
  } else blocked.timedOut();
  client.int(1);
}

function pause(client: Client, args: string[]): void {
  const { engine } = client;
  const ms = timeoutMs(args[2]!);
  const mode = args[3]?.toLowerCase() ?? "all";
  if (mode !== "all" && mode !== "write") {
    throw new CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  if (engine.pauseUntil <= engine.now || mode === "all") engine.pauseWritesOnly = mode === "write";
  engine.pauseUntil = Math.max(
    engine.pauseUntil > engine.now ? engine.pauseUntil : 0,
    engine.now + ms,
  );
  client.ok();
}

function tracking(client: Client, args: string[]): void {
  const { engine } = client;
  const mode = args[2]!.toLowerCase();
  const prefixes: string[] = [];
  let redirect = 0;
  let bcast = false;
  let optin = false;
  let optout = false;
  let noloop = false;
  for (let i = 3; i < args.length; i++) {
    const option = args[i]!.toLowerCase();
    const next = args[i + 1];
    if (option === "redirect" && next !== undefined) {
      if (redirect !== 0) {
        throw new CommandError("ERR A client can only redirect to a single other client");
      }
      const id = parseInteger(next);
      if (id === undefined) throw new CommandError("ERR value is not an integer or out of range");
      redirect = id;
      if (!engine.clients.has(redirect)) {
        throw new CommandError("ERR The client ID you want redirect to does not exist");
      }
      i++;
    } else if (option === "bcast") bcast = true;
    else if (option === "optin") optin = true;
    else if (option === "optout") optout = true;
    else if (option === "noloop") noloop = true;
    else if (option === "prefix" && next !== undefined) {
      prefixes.push(next);
      i++;
    } else throw SYNTAX_ERROR;
  }
  const state = client.tracking;
  if (mode === "off") {
    engine.tracking.disable(client);
    return client.ok();
  }
  if (mode !== "on") throw SYNTAX_ERROR;
  if (!bcast && prefixes.length > 0) {
    throw new CommandError("ERR PREFIX option requires BCAST mode to be enabled");
  }
  if (state.on && state.bcast !== bcast) {
    throw new CommandError(
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    );
  }
  if (bcast && (optin || optout)) {
    throw new CommandError("ERR OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (optin && optout) {
    throw new CommandError("ERR You can't use both OPTIN and OPTOUT at the same time");
  }
  if (state.on && ((optin && state.optout) || (optout && state.optin))) {
    throw new CommandError(
      "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
    );
  }
  if (bcast) {
    const wanted = prefixes.length === 0 ? [""] : prefixes;
    const all = [...state.prefixes];
    for (const prefix of wanted) {
      for (const other of all) {
        if (other === prefix && state.prefixes.includes(other)) continue;
        if (other.startsWith(prefix) || prefix.startsWith(other)) {
          const known = state.prefixes.includes(other);
          throw new CommandError(
            known
              ? `ERR Prefix '${prefix}' overlaps with an existing prefix '${other}'. Prefixes for a single client must not overlap.`
              : `ERR Prefix '${other}' overlaps with another provided prefix '${prefix}'. Prefixes for a single client must not overlap.`,
          );
        }
      }
      all.push(prefix);
    }
    for (const prefix of wanted) {
      if (!state.prefixes.includes(prefix)) state.prefixes.push(prefix);
      let clients = engine.tracking.prefixes.get(prefix);
      if (clients === undefined) engine.tracking.prefixes.set(prefix, clients = new Set<Client>());
      clients.add(client);
    }
  }
  engine.tracking.enable(client);
  state.bcast = bcast;
  state.optin = optin;
  state.optout = optout;
  state.noloop = noloop;
  state.redirect = redirect;
  state.redirectBroken = false;
  client.ok();
}

function trackingInfo(client: Client): void {
  const state = client.tracking;
  const flags = [state.on ? "on" : "off"];
  if (state.bcast) flags.push("bcast");
  if (state.optin) {
    flags.push("optin");
    if (state.caching === true) flags.push("caching-yes");
  }
  if (state.optout) {
    flags.push("optout");
    if (state.caching === false) flags.push("caching-no");
  }
  if (state.noloop) flags.push("noloop");
  if (state.redirectBroken) flags.push("broken_redirect");
  client.map(3);
  client.bulk("flags");
  client.set(flags.length);
  for (const flag of flags) client.bulk(flag);
  client.bulk("redirect");
  client.int(state.on ? state.redirect : -1);
  client.bulk("prefixes");
  client.bulks(state.prefixes);
}

function caching(client: Client, args: string[]): void {
  const state = client.tracking;
  if (!state.on) {
    throw new CommandError(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    );
  }
  const answer = args[2]!.toLowerCase();
  if (answer === "yes") {
    if (!state.optin) {
      throw new CommandError(
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
      );
    }
    state.caching = true;
  } else if (answer === "no") {
    if (!state.optout) {
      throw new CommandError(
        "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
      );
    }
    state.caching = false;
  } else throw SYNTAX_ERROR;
  client.ok();
}

function onOff(text: string): boolean {
  const value = text.toLowerCase();
  if (value === "on") return true;
  if (value === "off") return false;
  throw SYNTAX_ERROR;
}

/** Subcommands of CLIENT. */
export const CLIENT_COMMANDS: readonly CommandRow[] = [
  ["id", 2, "slt", 0, 0, 0, (c) => c.int(c.id), "Number of the connection"],
  [
    "getname",
    2,
    "slt",
    0,
    0,
    0,
    (c) => c.name === "" ? c.null() : c.bulk(c.name),
    "Name of the connection",
  ],
  ["setname", 3, "slt", 0, 0, 0, (c, a) => {
    checkName(a[2]!, "Client names");
    c.name = a[2]!;
    c.ok();
  }, "Names the connection"],
  ["setinfo", 4, "slt", 0, 0, 0, (c, a) => {
    const what = a[2]!.toLowerCase();
    if (what !== "lib-name" && what !== "lib-ver") {
      throw new CommandError(`ERR Unrecognized option '${a[2]!}'`);
    }
    checkName(a[3]!, what);
    if (what === "lib-name") c.libName = a[3]!;
    else c.libVersion = a[3]!;
    c.ok();
  }, "Tells the client's library"],
  ["info", 2, "slt", 0, 0, 0, (c) => c.verbatim(describe(c) + "\n"), "Describes the connection"],
  ["list", -2, "salt", 0, 0, 0, list, "Describes all connections"],
  ["kill", -3, "salt", 0, 0, 0, kill, "Ends connections"],
  ["reply", 3, "slt", 0, 0, 0, replyMode, "Turns replies off or on"],
  ["unblock", -3, "salt", 0, 0, 0, unblock, "Ends the waiting of a connection"],
  ["pause", -3, "salt", 0, 0, 0, pause, "Suspends commands for a while"],
  ["unpause", 2, "salt", 0, 0, 0, (c) => {
    c.engine.pauseUntil = 0;
    c.ok();
  }, "Ends a pause"],
  ["no-evict", 3, "salt", 0, 0, 0, (c, a) => {
    c.noEvict = onOff(a[2]!);
    c.ok();
  }, "Protects the connection from eviction"],
  ["no-touch", 3, "slt", 0, 0, 0, (c, a) => {
    c.noTouch = onOff(a[2]!);
    c.ok();
  }, "Lets commands leave access times alone"],
  ["tracking", -3, "slt", 0, 0, 0, tracking, "Turns client-side caching on or off"],
  ["trackinginfo", 2, "slt", 0, 0, 0, (c) => trackingInfo(c), "State of client-side caching"],
  ["caching", 3, "slt", 0, 0, 0, caching, "Chooses whether the next command is tracked"],
  [
    "getredir",
    2,
    "slt",
    0,
    0,
    0,
    (c) => c.int(c.tracking.on ? c.tracking.redirect : -1),
    "Where invalidations are sent",
  ],
  ["capa", -3, "slt", 0, 0, 0, (c) => c.ok(), "Tells what the client can do"],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("CLIENT", ["ID", "    Number of the connection.", "LIST", "    All connections."]),
    "Describes the subcommands",
  ],
];

/** Subcommands of PUBSUB. */
export const PUBSUB_COMMANDS: readonly CommandRow[] = [
  [
    "channels",
    -2,
    "plt",
    0,
    0,
    0,
    (c, a) => channelList(c, a, c.engine.channels),
    "Channels with subscribers",
  ],
  [
    "numsub",
    -2,
    "plt",
    0,
    0,
    0,
    (c, a) => counts(c, a, c.engine.channels),
    "Subscribers of channels",
  ],
  ["numpat", 2, "plt", 0, 0, 0, (c) => c.int(c.engine.patterns.size), "Number of patterns"],
  [
    "shardchannels",
    -2,
    "plt",
    0,
    0,
    0,
    (c, a) => channelList(c, a, c.engine.shardChannels),
    "Shard channels with subscribers",
  ],
  [
    "shardnumsub",
    -2,
    "plt",
    0,
    0,
    0,
    (c, a) => counts(c, a, c.engine.shardChannels),
    "Subscribers of shard channels",
  ],
  [
    "help",
    2,
    "lt",
    0,
    0,
    0,
    help("PUBSUB", ["CHANNELS [<pattern>]", "    Channels with subscribers."]),
    "Describes the subcommands",
  ],
];

/** The table: transactions. */
export const TRANSACTION_COMMANDS: readonly CommandRow[] = [
  ["multi", 1, "sltF", 0, 0, 0, multi, "Starts a transaction"],
  ["exec", 1, "sltL", 0, 0, 0, exec, "Runs a transaction"],
  ["discard", 1, "sltF", 0, 0, 0, (c) => {
    if (c.queue === null) throw new CommandError("ERR DISCARD without MULTI");
    discardQueue(c);
    c.ok();
  }, "Drops a transaction"],
  ["watch", -2, "sltF", 1, -1, 1, watch, "Lets the transaction depend on keys"],
  ["unwatch", 1, "sltF", 0, 0, 0, (c) => {
    c.engine.unwatch(c);
    c.ok();
  }, "Forgets the watched keys"],
];

/** The table: subscriptions. */
export const SUBSCRIPTION_COMMANDS: readonly CommandRow[] = [
  [
    "subscribe",
    -2,
    "pslt",
    0,
    0,
    0,
    (c, a) => subscribe(c, a, c.engine.channels, c.channels, "subscribe"),
    "Listens to channels",
  ],
  [
    "unsubscribe",
    -1,
    "pslt",
    0,
    0,
    0,
    (c, a) => unsubscribe(c, a, c.engine.channels, c.channels, "unsubscribe"),
    "Stops listening to channels",
  ],
  [
    "psubscribe",
    -2,
    "pslt",
    0,
    0,
    0,
    (c, a) => subscribe(c, a, c.engine.patterns, c.patterns, "psubscribe"),
    "Listens to patterns of channels",
  ],
  [
    "punsubscribe",
    -1,
    "pslt",
    0,
    0,
    0,
    (c, a) => unsubscribe(c, a, c.engine.patterns, c.patterns, "punsubscribe"),
    "Stops listening to patterns",
  ],
  [
    "ssubscribe",
    -2,
    "pslt",
    1,
    -1,
    1,
    (c, a) => subscribe(c, a, c.engine.shardChannels, c.shardChannels, "ssubscribe"),
    "Listens to shard channels",
  ],
  [
    "sunsubscribe",
    -1,
    "pslt",
    1,
    -1,
    1,
    (c, a) => unsubscribe(c, a, c.engine.shardChannels, c.shardChannels, "sunsubscribe"),
    "Stops listening to shard channels",
  ],
  [
    "publish",
    3,
    "pltF",
    0,
    0,
    0,
    publish,
    "Sends a message to a channel",
  ],
  ["spublish", 3, "pltF", 1, 1, 1, spublish, "Sends a message to a shard channel"],
  ["pubsub", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "State of subscriptions"],
];

/** The table: the connection. */
export const CONNECTION_COMMANDS: readonly CommandRow[] = [
  ["auth", -2, "sltFA", 0, 0, 0, auth, "Authenticates the connection"],
  ["hello", -1, "sltFA", 0, 0, 0, hello, "Chooses the protocol and describes the server"],
  ["ping", -1, "F", 0, 0, 0, ping, "Answers"],
  ["echo", 2, "ltF", 0, 0, 0, (c, a) => c.bulk(a[1]!), "Gives the argument back"],
  ["quit", -1, "sltFA", 0, 0, 0, (c) => {
    c.ok();
    c.closing = true;
  }, "Ends the connection"],
  ["reset", 1, "sltFA", 0, 0, 0, reset, "Puts the connection into its first state"],
  ["select", 2, "ltF", 0, 0, 0, (c, a) => {
    c.db = dbOf(c, a[1]!, "ERR invalid DB index");
    c.ok();
  }, "Chooses the database"],
  ["client", -2, "", 0, 0, 0, (c) => c.error("ERR syntax error"), "State of connections"],
];

/** Whether a command may change data: CLIENT PAUSE WRITE. */
export function mayWrite(client: Client, args: readonly string[]): boolean {
  const command = client.engine.lookup(args);
  if (command === undefined) return false;
  if (command.name === "exec") {
    return client.queue?.some((each) => (each.command.flags & FLAG.write) !== 0) ?? false;
  }
  return (command.flags & FLAG.write) !== 0 || command.name === "publish" ||
    command.name === "spublish" ||
    command.name === "pfcount";
}
