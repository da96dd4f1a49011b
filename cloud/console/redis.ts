/** The console's page for the Redis server: its keys, its figures, and a box for commands. */
import { Buffer } from "node:buffer";
import {
  encodeRequest,
  ReplyParser,
  RespErrorReply,
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
<div class="tile"><dt>{{.label}}</dt><dd>{{.value}}</dd></div>
{{- end}}
</dl>
<div class="split">
<section class="panel" aria-labelledby="keys-title">
<div class="panel-head"><h2 id="keys-title">Keys</h2><p class="muted small">{{.count}}</p></div>
<div class="table-wrap">
{{- if .keys}}
<table>
<thead><tr><th scope="col">Key</th><th scope="col">Type</th><th scope="col" class="num">Time left</th></tr></thead>
<tbody>
{{- range .keys}}
<tr><td class="code">{{.name}}</td><td>{{.type}}</td><td class="num muted">{{.ttl}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>No keys</strong><p>Set one here, or with any Redis client.</p></div>
{{- end}}
</div>
</section>
<section class="panel" aria-labelledby="command-title">
<div class="panel-head"><h2 id="command-title">Command</h2></div>
<form class="stack" method="post" action="/redis">
<p><label class="small muted" for="command">As in redis-cli</label></p>
<p><input class="field code" id="command" name="command" value="{{.command}}" placeholder="SET greeting hello" autocomplete="off" autofocus></p>
<p><button class="button" type="submit">Run</button></p>
</form>
{{- if .reply}}
<pre class="code" aria-label="Reply">{{.reply}}</pre>
{{- end}}
</section>
</div>
`;

/** The most keys that the page lists. */
const MAX_KEYS = 100;
/** Where the server is. */
interface Address {
  hostname: string;
  port: number;
}

/** Commands that would keep the page waiting, or end the server under it. */
const REFUSED =
  /^(shutdown|monitor|subscribe|psubscribe|ssubscribe|sync|psync|b[lrz]\w+|wait|waitaof|xread\w*)$/i;
const MAX_REPLY_BYTES = 1_048_576;
const MAX_REPLY_LINES = 200;
const TIMEOUT_MS = 2_000;

/** Sends commands over one connection and returns their replies, in order. */
async function ask(address: Address, commands: readonly string[][]): Promise<RespValue[]> {
  using conn = await Deno.connect({ ...address });
  const timer = setTimeout(() => conn.close(), TIMEOUT_MS);
  try {
    const parser = new ReplyParser({ maxBulkBytes: MAX_REPLY_BYTES });
    for (const command of commands) {
      const bytes = encodeRequest(command);
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    }
    const replies: RespValue[] = [];
    const buffer = new Uint8Array(65_536);
    while (replies.length < commands.length) {
      const reply = parser.next();
      if (reply !== undefined) {
        replies.push(reply);
        continue;
      }
      const count = await conn.read(buffer);
      if (count === null) throw new Error("the server closed the connection");
      parser.feed(buffer.subarray(0, count));
    }
    return replies;
  } finally {
    clearTimeout(timer);
  }
}

/** Byte strings are shown as UTF-8, what is none of it as the replacement character. */
function decode(text: unknown): string {
  return Buffer.from(String(text), "latin1").toString("utf8");
}

/** A reply as redis-cli shows it. */
export function formatReply(reply: RespValue, indent = ""): string {
  if (reply === null) return "(nil)";
  if (typeof reply === "number" || typeof reply === "bigint") return `(integer) ${reply}`;
  if (typeof reply === "boolean") return `(${reply})`;
  if (reply instanceof RespErrorReply) return `(error) ${decode(reply.message)}`;
  if (typeof reply === "string") return JSON.stringify(decode(reply));
  const items = Array.isArray(reply)
    ? reply
    : reply instanceof Set
    ? [...reply]
    : reply instanceof Map
    ? [...reply].flat()
    : [];
  if (items.length === 0) return "(empty array)";
  const lines = items.slice(0, MAX_REPLY_LINES).map((item, index) => {
    const mark = `${index + 1}) `;
    return `${index === 0 ? "" : indent}${mark}${
      formatReply(item, indent + " ".repeat(mark.length))
    }`;
  });
  if (items.length > MAX_REPLY_LINES) {
    lines.push(`${indent}… ${items.length - MAX_REPLY_LINES} more`);
  }
  return lines.join("\n");
}

function formatTtl(ms: number): string {
  if (ms < 0) return "for ever";
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}

async function describe(address: Address): Promise<Record<string, unknown>> {
  const [info, size, scan] = await ask(address, [
    ["INFO"],
    ["DBSIZE"],
    ["SCAN", "0", "COUNT", String(MAX_KEYS)],
  ]);
  const fields = new Map(
    decode(info).split("\r\n").map((line) => line.split(":", 2) as [string, string]),
  );
  const names = ((scan as [string, string[]])[1] ?? []).slice(0, MAX_KEYS);
  const details = await ask(address, names.flatMap((name) => [["TYPE", name], ["PTTL", name]]));
  const hits = Number(fields.get("keyspace_hits") ?? 0);
  const misses = Number(fields.get("keyspace_misses") ?? 0);
  return {
    port: address.port,
    count: Number(size) > names.length ? `${names.length} of ${size}` : `${size}`,
    tiles: [
      { label: "Memory", value: fields.get("used_memory_human") ?? fields.get("used_memory") },
      { label: "Operations a second", value: fields.get("instantaneous_ops_per_sec") ?? "–" },
      {
        label: "Hit rate",
        value: hits + misses === 0 ? "–" : `${Math.round(100 * hits / (hits + misses))} %`,
      },
      { label: "Clients", value: fields.get("connected_clients") ?? "–" },
    ],
    keys: names.map((name, index) => ({
      name: decode(name),
      type: decode(details[index * 2]),
      ttl: formatTtl(Number(details[index * 2 + 1])),
    })),
  };
}

async function run(address: Address, line: string): Promise<string> {
  const args = splitArguments(utf8ByteString(line));
  if (args === null || args.length === 0) return "(error) The quotes do not balance";
  if (REFUSED.test(args[0]!)) {
    return "(error) This command waits, or ends the server: use redis-cli";
  }
  return formatReply((await ask(address, [args]))[0]!);
}

/** The page `/redis` of the server at `address`, which is undefined while it does not run. */
export function redisPage(address: () => Address | undefined): ConsolePage {
  return {
    path: "/redis",
    title: "Redis",
    mount(console) {
      console.template(TEMPLATE);
      const show = async (c: Context, command: string, reply: string): Promise<Response> => {
        const current = address();
        const empty = { tiles: [], keys: [], count: "" };
        if (current === undefined) {
          return console.render(c, { ...empty, problem: "The server does not run." });
        }
        try {
          return console.render(c, { ...await describe(current), command, reply });
        } catch (error) {
          const problem = `The server does not answer: ${(error as Error).message}`;
          return console.render(c, { ...empty, problem, command, reply });
        }
      };
      console.get("/", (c) => show(c, "", ""));
      console.post("/", async (c) => {
        const command = String((await c.req.formData()).get("command") ?? "").slice(0, 10_000);
        const current = address();
        if (current === undefined || command.trim() === "") return await show(c, command, "");
        const reply = await run(current, command).catch((error) => `(error) ${error.message}`);
        return await show(c, command, reply);
      });
    },
  };
}
