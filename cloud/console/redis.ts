/** The console's page for the Redis server: its keys, its figures as they change, and a box for commands. */
import { Buffer } from "node:buffer";
import {
  encodeRequest,
  ReplyParser,
  RespErrorReply,
  RespProtocolError,
  RespStatus,
  type RespValue,
  splitArguments,
  utf8ByteString,
} from "../../cache/redis/mod.ts";
import type { Context } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Redis</h1>
<p class="muted small">{{if .port}}<span class="code">redis-cli -p {{.port}}</span>{{end}}</p>
</div>
{{if .problem}}<p class="banner" role="alert">{{.problem}}</p>{{end}}
<dl class="panel tiles">
{{- range .tiles}}
<div class="tile"><dt>{{.label}}</dt><dd id="{{.id}}">{{.value}}</dd></div>
{{- end}}
</dl>
<div class="split">
<section class="panel" aria-labelledby="keys-title">
<div class="panel-head"><h2 id="keys-title">Keys</h2>
<form class="redis-form" method="get" action="/redis">
<label class="sr" for="match">Pattern of keys</label>
<input class="field code" id="match" name="match" value="{{.match}}" placeholder="Pattern: user:*" autocomplete="off" spellcheck="false">
<button class="button" type="submit">Show</button>
</form></div>
<div class="table-wrap">
{{- if .keys}}
<table>
<thead><tr><th scope="col">Key</th><th scope="col">Type</th><th scope="col" class="num">Time left</th></tr></thead>
<tbody id="keys">
{{- range .keys}}
<tr><td class="code redis-key"><a href="{{.href}}">{{.name}}</a></td><td>{{.type}}</td><td class="num muted">{{.ttl}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>No keys</strong><p>{{.nothing}}</p></div>
{{- end}}
</div>
{{if .pages}}<p class="redis-pages">{{if .first}}<a class="button" href="{{.first}}">First page</a>{{end}} {{if .next}}<a class="button" id="next" href="{{.next}}">Next page</a>{{end}}</p>{{end}}
</section>
<section class="panel" aria-labelledby="command-title">
<div class="panel-head"><h2 id="command-title">Command</h2></div>
<form class="stack" method="post" action="/redis">
<p><label class="small muted" for="command">As in redis-cli</label></p>
<p><input class="field code" id="command" name="command" value="{{.command}}" placeholder="SET greeting hello" autocomplete="off" autofocus></p>
<p><button class="button" type="submit">Run</button></p>
</form>
{{- if .reply}}
<pre class="code redis-reply" id="reply" tabindex="0" aria-label="Reply">{{.reply}}</pre>
{{- end}}
</section>
</div>
`;

const STYLE = `
.redis-form { display: flex; gap: 8px; flex: 1; max-width: 460px; }
.redis-form .field { flex: 1; min-width: 0; }
.redis-key { overflow-wrap: anywhere; white-space: pre-wrap; }
.redis-pages { display: flex; gap: 8px; margin-top: 16px; }
.redis-reply { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 480px; overflow: auto; }
`;

const SCRIPT = String.raw`
"use strict";
async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch("/redis/stats");
      if (response.ok) {
        for (const { id, value } of await response.json()) {
          const node = document.getElementById(id);
          if (node && node.textContent !== value) node.textContent = value;
        }
      }
    } catch {
      // The stack is away; the page's head says so.
    }
  }
  setTimeout(poll, 1000);
}
if (document.getElementById("redis-ops")) setTimeout(poll, 1000);
`;

/** Keys on a page, about: a step of SCAN may give a few more. */
const PAGE_KEYS = 50;
/** Positions that one step of SCAN looks at, and the most steps for a page. */
const SCAN_COUNT = 100;
const MAX_SCAN_STEPS = 200;
const MAX_INPUT = 10_000;
const MAX_NAME = 200;
/** Elements that are shown of a value, and bytes of a string. */
const SHOWN_ELEMENTS = 100;
const SHOWN_BYTES = 65_535;

/** Where the server is. */
interface Address {
  hostname: string;
  port: number;
}

/** Commands that would keep the page waiting, or end the server under it. */
const REFUSED =
  /^(shutdown|monitor|subscribe|psubscribe|ssubscribe|sync|psync|b[lrz]\w+|wait|waitaof|xread\w*)$/i;
/** Commands whose reply is a text of several lines: redis-cli shows them as they are. */
const TEXTS = /^(?:info|lolwut|client (?:list|info)|(?:memory|latency) doctor)$/i;
const MAX_REPLY_BYTES = 1_048_576;
const MAX_REPLY_LINES = 200;
const MAX_SHOWN_CHARACTERS = 100_000;
const TIMEOUT_MS = 2_000;

/** A connection to the server for the time of one request of the browser. */
class Session implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #parser = new ReplyParser({ maxReplyBytes: MAX_REPLY_BYTES, statuses: true });
  readonly #buffer = new Uint8Array(65_536);
  #closed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#timer = setTimeout(() => this.#close(), TIMEOUT_MS);
  }

  static async to(address: Address): Promise<Session> {
    return new Session(await Deno.connect({ ...address }));
  }

  /** Sends commands and returns their replies, in order. */
  async ask(commands: readonly string[][]): Promise<RespValue[]> {
    for (const command of commands) {
      const bytes = encodeRequest(command);
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    }
    const replies: RespValue[] = [];
    while (replies.length < commands.length) {
      const reply = this.#parser.next();
      if (reply !== undefined) {
        replies.push(reply);
        continue;
      }
      const count = await this.#conn.read(this.#buffer);
      if (count === null) throw new Error("the server closed the connection");
      this.#parser.feed(this.#buffer.subarray(0, count));
    }
    return replies;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#close();
  }
}

/** Byte strings are shown as UTF-8, what is none of it as the replacement character. */
function decode(text: unknown): string {
  return Buffer.from(String(text), "latin1").toString("utf8");
}

/** A reply as redis-cli shows it, up to a length that a page can carry. */
export function formatReply(reply: RespValue): string {
  const state = { left: MAX_SHOWN_CHARACTERS };
  const text = layOut(reply, "", state);
  return state.left >= 0 ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

function layOut(reply: RespValue, indent: string, state: { left: number }): string {
  const items = itemsOf(reply);
  if (items === undefined) {
    const text = formatScalar(reply);
    state.left -= text.length;
    return text;
  }
  if (items.length === 0) return "(empty array)";
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    if (index === MAX_REPLY_LINES || state.left < 0) {
      lines.push(`${indent}… ${items.length - index} more`);
      break;
    }
    const mark = `${index + 1}) `;
    state.left -= indent.length + mark.length;
    const inner = layOut(item, indent + " ".repeat(mark.length), state);
    lines.push(`${index === 0 ? "" : indent}${mark}${inner}`);
  }
  return lines.join("\n");
}

function itemsOf(reply: RespValue): RespValue[] | undefined {
  if (Array.isArray(reply)) return reply;
  if (reply instanceof Set) return [...reply];
  return reply instanceof Map ? [...reply].flat() : undefined;
}

function formatScalar(reply: RespValue): string {
  if (reply === null) return "(nil)";
  if (typeof reply === "number" || typeof reply === "bigint") return `(integer) ${reply}`;
  if (typeof reply === "boolean") return `(${reply})`;
  if (reply instanceof RespErrorReply) return `(error) ${decode(reply.message)}`;
  if (reply instanceof RespStatus) return decode(reply.text);
  return JSON.stringify(decode(reply));
}

function formatTtl(ms: number): string {
  if (ms < 0) return "for ever";
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}

interface Tile {
  id: string;
  label: string;
  value: string;
}

/** The figures of the page that change: what is polled. */
async function tilesOf(session: Session): Promise<Tile[]> {
  const [info] = await session.ask([["INFO"]]);
  const fields = new Map(
    decode(info).split("\r\n").map((line) => line.split(":", 2) as [string, string]),
  );
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  const hits = number("keyspace_hits");
  const all = hits + number("keyspace_misses");
  let keys = 0;
  for (const [name, value] of fields) {
    if (/^db[0-9]+$/.test(name)) keys += Number(/keys=([0-9]+)/.exec(value)?.[1] ?? 0);
  }
  const group = (value: number): string => value.toLocaleString("en-US");
  return [
    { id: "redis-keys", label: "Keys", value: group(keys) },
    { id: "redis-memory", label: "Memory", value: fields.get("used_memory_human") ?? "–" },
    {
      id: "redis-ops",
      label: "Operations a second",
      value: group(number("instantaneous_ops_per_sec")),
    },
    {
      id: "redis-hits",
      label: "Hit rate",
      value: all === 0 ? "–" : `${(100 * hits / all).toFixed(1)} %`,
    },
    { id: "redis-clients", label: "Clients", value: group(number("connected_clients")) },
  ];
}

function linkTo(parameters: Record<string, string>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return `/redis?${new URLSearchParams(given)}`;
}

/** A page of the keys that match a pattern, from a cursor of SCAN on. */
async function keysOf(
  session: Session,
  match: string,
  cursor: string,
): Promise<Record<string, unknown>> {
  const names = new Set<string>();
  const pattern = match === "" ? [] : ["MATCH", utf8ByteString(match)];
  let next = cursor;
  for (let step = 0; step < MAX_SCAN_STEPS && names.size < PAGE_KEYS; step++) {
    const count = match === "" ? PAGE_KEYS - names.size : SCAN_COUNT;
    const [reply] = await session.ask([["SCAN", next, ...pattern, "COUNT", String(count)]]);
    if (reply instanceof RespErrorReply) throw new Error(decode(reply.message));
    const [after, found] = reply as [string, string[]];
    for (const name of found) names.add(name);
    next = after;
    if (next === "0") break;
  }
  const list = [...names];
  const details = await session.ask(list.flatMap((name) => [["TYPE", name], ["PTTL", name]]));
  return {
    keys: list.map((name, index) => {
      const shown = decode(name);
      return {
        name: shown.length > MAX_NAME ? `${shown.slice(0, MAX_NAME)}…` : shown || "(empty)",
        href: linkTo({ match, cursor, hex: Buffer.from(name, "latin1").toString("hex") }),
        type: formatScalar(details[index * 2]!),
        ttl: formatTtl(Number(details[index * 2 + 1])),
      };
    }),
    first: cursor === "0" ? undefined : linkTo({ match }),
    next: next === "0" ? undefined : linkTo({ match, cursor: next }),
    pages: cursor !== "0" || next !== "0",
    nothing: next !== "0"
      ? "None on this page; there may be some on the next."
      : match === ""
      ? "Set one here, or with any Redis client."
      : "Nothing matches this pattern.",
  };
}

/** The command that reads the beginning of a value. */
function readCommand(type: string, key: string): string[] | undefined {
  const count = String(SHOWN_ELEMENTS);
  const last = String(SHOWN_ELEMENTS - 1);
  switch (type) {
    case "string":
      return ["GETRANGE", key, "0", String(SHOWN_BYTES)];
    case "list":
      return ["LRANGE", key, "0", last];
    case "hash":
      return ["HSCAN", key, "0", "COUNT", count];
    case "set":
      return ["SSCAN", key, "0", "COUNT", count];
    case "zset":
      return ["ZRANGE", key, "0", last, "WITHSCORES"];
    case "stream":
      return ["XRANGE", key, "-", "+", "COUNT", count];
    default:
      return undefined;
  }
}

/** The beginning of what a key holds. */
async function valueOf(session: Session, key: string): Promise<string> {
  const [type] = await session.ask([["TYPE", key]]);
  const command = readCommand(formatScalar(type!), key);
  if (command === undefined) return "(nil)";
  const [reply] = await session.ask([command]);
  const scanned = /^[HS]SCAN$/.test(command[0]!) && Array.isArray(reply);
  return formatReply(scanned ? reply[1]! : reply!);
}

async function run(session: Session, line: string): Promise<string> {
  const args = splitArguments(utf8ByteString(line));
  if (args === null || args.length === 0) return "(error) The quotes do not balance";
  if (REFUSED.test(args[0]!)) {
    return "(error) This command waits, or ends the server: use redis-cli";
  }
  try {
    const [reply] = await session.ask([args]);
    const isText = typeof reply === "string" &&
      (TEXTS.test(args[0]!) || TEXTS.test(args.slice(0, 2).join(" ")));
    return isText
      ? decode(reply).replaceAll("\r\n", "\n").slice(0, MAX_SHOWN_CHARACTERS)
      : formatReply(reply!);
  } catch (error) {
    if (!(error instanceof RespProtocolError)) throw error;
    return "(error) The reply is longer than a mebibyte: use redis-cli";
  }
}

/** The page `/redis` of the server at `address`, which is undefined while it does not run. */
export function redisPage(address: () => Address | undefined): ConsolePage {
  return {
    path: "/redis",
    title: "Redis",
    mount(console) {
      console.template(TEMPLATE);
      const options = {
        scripts: [console.asset("redis.js", SCRIPT)],
        styles: [console.asset("redis.css", STYLE)],
      };
      const show = async (c: Context, command: string, reply: string): Promise<Response> => {
        const current = address();
        const empty = { tiles: [], keys: [], command, reply };
        if (current === undefined) {
          return console.render(c, { ...empty, problem: "The server does not run." }, options);
        }
        const query = new URL(c.req.url).searchParams;
        const parameter = (name: string) => (query.get(name) ?? "").slice(0, MAX_INPUT);
        const match = parameter("match");
        const cursor = /^[0-9]{1,20}$/.test(parameter("cursor")) ? parameter("cursor") : "0";
        const data: Record<string, unknown> = { ...empty, match, port: current.port };
        try {
          using session = await Session.to(current);
          data.tiles = await tilesOf(session);
          Object.assign(data, await keysOf(session, match, cursor));
          if (query.has("hex")) {
            const key = Buffer.from(parameter("hex"), "hex").toString("latin1");
            data.reply = await valueOf(session, key);
          }
        } catch (error) {
          data.problem = `The server does not answer: ${(error as Error).message}`;
        }
        return console.render(c, data, options);
      };
      console.get("/", (c) => show(c, "", ""));
      console.get("/stats", async (c) => {
        const current = address();
        if (current === undefined) return c.text("The server does not run.\n", 503);
        try {
          using session = await Session.to(current);
          return c.json(await tilesOf(session));
        } catch {
          return c.text("The server does not answer.\n", 503);
        }
      });
      console.post("/", async (c) => {
        const command = String((await c.req.formData()).get("command") ?? "").slice(0, MAX_INPUT);
        const current = address();
        if (current === undefined || command.trim() === "") return await show(c, command, "");
        try {
          using session = await Session.to(current);
          return await show(c, command, await run(session, command));
        } catch (error) {
          return await show(c, command, `(error) ${(error as Error).message}`);
        }
      });
    },
  };
}
