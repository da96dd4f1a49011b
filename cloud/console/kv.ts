/** The console's page for the key-value store: its keys, its levels as they change, and a read box. */
import {
  codecs,
  type Database,
  EncodingError,
  escapeBytes,
  KvError,
  unescapeBytes,
} from "../../kv/mod.ts";
import type { Context } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Key-value store</h1>
<p class="muted small"><span class="code">{{.path}}</span></p>
</div>
{{if .problem}}<p class="banner" role="alert">{{.problem}}</p>{{end}}
{{if .tiles}}
<dl class="panel tiles">
{{- range .tiles}}
<div class="tile"><dt>{{.label}}</dt><dd id="{{.id}}">{{.value}}</dd></div>
{{- end}}
</dl>
<div class="split">
<section class="panel" aria-labelledby="keys-title">
<div class="panel-head"><h2 id="keys-title">Keys</h2>
<form class="kv-form" method="get" action="/kv">
<label class="sr" for="prefix">Keys that begin with</label>
<input class="field code" id="prefix" name="prefix" value="{{.prefix}}" placeholder="Prefix, \\x00 for a byte" autocomplete="off" spellcheck="false">
<button class="button" type="submit">Show</button>
</form></div>
<div class="table-wrap">
{{- if .entries}}
<table>
<thead><tr><th scope="col">Key</th><th scope="col" class="wide">Value</th><th scope="col" class="num">Size</th></tr></thead>
<tbody>
{{- range .entries}}
<tr><td class="code kv-key"><a href="{{.href}}">{{.key}}</a></td><td class="kv-preview wide">{{.value}}</td><td class="num muted">{{.size}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>No keys</strong><p>Nothing begins with this.</p></div>
{{- end}}
</div>
{{if .pages}}<p class="kv-pages">{{if .first}}<a class="button" href="{{.first}}">First page</a>{{end}} {{if .next}}<a class="button" id="next" href="{{.next}}">Next page</a>{{end}}</p>{{end}}
</section>
<div class="stack">
<section class="panel" aria-labelledby="read-title">
<div class="panel-head"><h2 id="read-title">Read</h2></div>
<form class="kv-form" method="get" action="/kv">
<input type="hidden" name="prefix" value="{{.prefix}}">
<label class="sr" for="key">Key</label>
<input class="field code" id="key" name="key" value="{{.key}}" placeholder="Key, \\x00 for a byte" autocomplete="off" spellcheck="false">
<button class="button primary" type="submit">Get</button>
</form>
{{- if .answer}}
<p class="muted small kv-size" id="answer-size">{{.answerSize}}</p>
<pre class="code kv-value" id="answer" tabindex="0" aria-label="Value">{{.answer}}</pre>
{{- end}}
</section>
<section class="panel" aria-labelledby="levels-title">
<div class="panel-head"><h2 id="levels-title">Levels</h2><span class="badge" id="compaction" data-tone="{{.tone}}">{{.compaction}}</span></div>
<div class="table-wrap">
<table>
<thead><tr><th scope="col">Level</th><th scope="col" class="num">Tables</th><th scope="col" class="num">Size</th><th scope="col">Full</th></tr></thead>
<tbody id="levels">
{{- range .levels}}
<tr><td>{{.name}}</td><td class="num">{{.tables}}</td><td class="num">{{.size}}</td><td><progress max="1" value="{{.full}}">{{.full}}</progress></td></tr>
{{- end}}
</tbody>
</table>
</div>
<dl class="kv-figures small">
{{- range .figures}}
<div><dt class="muted">{{.label}}</dt><dd id="{{.id}}">{{.value}}</dd></div>
{{- end}}
</dl>
<form class="kv-actions" method="post" action="/kv">
<button class="button" name="action" value="fill" type="submit">Add 20,000 entries</button>
<button class="button" name="action" value="compact" type="submit">Compact</button>
</form>
</section>
</div>
</div>
{{end}}
`;

const STYLE = `
.kv-form { display: flex; gap: 8px; flex: 1; max-width: 460px; }
.kv-form .field { flex: 1; min-width: 0; }
.kv-key { width: 42%; overflow-wrap: anywhere; white-space: pre-wrap; }
.kv-preview { width: 58%; max-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font: 13px/1.5 var(--mono); }
.kv-pages { display: flex; gap: 8px; margin-top: 30px; }
.kv-size { margin-top: 12px; }
.kv-value { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 360px; overflow: auto; margin: 6px 0 0; padding: 12px; background: var(--raised); border-radius: 8px; }
.kv-figures { display: grid; gap: 6px; margin-top: 30px; }
.kv-figures div { display: flex; justify-content: space-between; gap: 12px; }
.kv-figures dd { font-variant-numeric: tabular-nums; }
.kv-actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 16px; }
#levels progress { width: 100%; min-width: 60px; height: 8px; accent-color: var(--series-1); }
`;

const SCRIPT = String.raw`
"use strict";
const set = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch("/kv/stats");
      if (response.ok) show(await response.json());
    } catch {
      // The stack is away; the page's head says so.
    }
  }
  setTimeout(poll, 1000);
}
function show(stats) {
  for (const { id, value } of [...stats.tiles, ...stats.figures]) set(document.getElementById(id), value);
  const badge = document.getElementById("compaction");
  set(badge, stats.compaction);
  badge.dataset.tone = stats.tone;
  const body = document.getElementById("levels");
  stats.levels.forEach(({ tables, size, full }, index) => {
    const { cells } = body.rows[index];
    set(cells[1], tables);
    set(cells[2], size);
    cells[3].firstChild.value = full;
  });
}
if (document.getElementById("levels")) setTimeout(poll, 1000);
`;

/** Keys on a page. */
const PAGE_KEYS = 50;
/** Bytes of values that are read to show the beginnings of them; the rest of a page goes without. */
const PREVIEW_BUDGET_BYTES = 4 * 2 ** 20;
const PREVIEW_BYTES = 96;
const MAX_SHOWN_BYTES = 65_536;
const MAX_INPUT = 10_000;
const FILL_ENTRIES = 20_000;
const FILL_BATCH = 500;
/** The store is not filled beyond this. */
const MAX_FILL_BYTES = 512 * 2 ** 20;

/** A store that is open. */
interface OpenStore {
  readonly db: Database;
  readonly path: string;
}

const NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function formatSize(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${NUMBERS.format(value)} ${UNITS[unit]}`;
}

/** The figures of the page that change: what is polled. */
function figuresOf(db: Database): Record<string, unknown> {
  const stats = db.stats();
  const { compaction, counters, memtable, blockCache } = stats;
  const onDisk = stats.levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, stats.logBytes);
  return {
    tiles: [
      { id: "kv-disk", label: "On disk", value: formatSize(onDisk) },
      { id: "kv-memtable", label: "In the memtable", value: NUMBERS.format(memtable.entries) },
      { id: "kv-gets", label: "Reads", value: NUMBERS.format(counters.gets) },
      { id: "kv-writes", label: "Writes", value: NUMBERS.format(counters.operations) },
      { id: "kv-sequence", label: "Sequence number", value: NUMBERS.format(stats.sequence) },
    ],
    levels: stats.levels.map(({ level, tables, sizeBytes, score }) => ({
      name: `L${level}`,
      tables: `${tables}`,
      size: formatSize(sizeBytes),
      full: Math.min(1, Math.round(score * 100) / 100),
    })),
    compaction: compaction.running ? "Compacting" : "At rest",
    tone: compaction.running ? "warn" : "off",
    figures: [
      { id: "kv-jobs", label: "Compactions", value: NUMBERS.format(compaction.jobs) },
      { id: "kv-moves", label: "Tables moved down", value: NUMBERS.format(compaction.moves) },
      { id: "kv-read", label: "Read by them", value: formatSize(compaction.readBytes) },
      { id: "kv-written", label: "Written by them", value: formatSize(compaction.writtenBytes) },
      { id: "kv-flushes", label: "Memtables written out", value: NUMBERS.format(counters.flushes) },
      {
        id: "kv-cache",
        label: "Blocks in memory",
        value: `${formatSize(blockCache.sizeBytes)} of ${formatSize(blockCache.limitBytes)}`,
      },
    ],
  };
}

/** The first key behind those that begin with `prefix`; none behind 0xff bytes alone. */
function endOf(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  if (last < 0) return undefined;
  const end = prefix.slice(0, last + 1);
  end[last]!++;
  return end;
}

function linkTo(parameters: Record<string, string>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return `/kv?${new URLSearchParams(given)}`;
}

/** A page of the keys that begin with `prefix` and stand behind `after`, which is in hexadecimal. */
function keysOf(db: Database, prefix: string, after: string): Record<string, unknown> {
  const start = unescapeBytes(prefix);
  using snapshot = db.snapshot();
  const keys = [...db.keys({
    gte: start,
    lt: endOf(start),
    gt: after === "" ? undefined : codecs.hex.encode(after),
    limit: PAGE_KEYS + 1,
    snapshot,
  })];
  let budget = PREVIEW_BUDGET_BYTES;
  const entries = keys.slice(0, PAGE_KEYS).map((key) => {
    const value = budget > 0 ? db.getSync(key, { snapshot }) : undefined;
    budget -= value?.length ?? 0;
    const name = escapeBytes(key);
    return {
      key: name === "" ? "(empty)" : name.length > 200 ? `${name.slice(0, 200)}…` : name,
      href: linkTo({ prefix, after, hex: codecs.hex.decode(key) }),
      value: value === undefined ? "…" : preview(value),
      size: value === undefined ? "" : formatSize(value.length),
    };
  });
  const last = keys.length > PAGE_KEYS ? keys[PAGE_KEYS - 1]! : undefined;
  const next = last && linkTo({ prefix, after: codecs.hex.decode(last) });
  const first = after === "" ? undefined : linkTo({ prefix });
  return { entries, first, next, pages: first !== undefined || next !== undefined };
}

/** The beginning of a value; a character that the cut goes through is left out. */
function preview(value: Uint8Array): string {
  if (value.length <= PREVIEW_BYTES) return escapeBytes(value);
  let end = PREVIEW_BYTES;
  while (end > PREVIEW_BYTES - 4 && (value[end]! & 0xc0) === 0x80) end--;
  return `${escapeBytes(value.subarray(0, end))}…`;
}

function answerOf(db: Database, key: Uint8Array): Record<string, unknown> {
  const value = db.getSync(key);
  if (!value) return { answer: "There is no such key.", answerSize: "" };
  const shown = value.subarray(0, MAX_SHOWN_BYTES);
  let answer = escapeBytes(shown);
  try {
    // JSON is laid out, as its line breaks are ours.
    if (value.length <= MAX_SHOWN_BYTES && /^\s*[[{]/.test(answer)) {
      answer = escapeBytes(codecs.utf8.encode(JSON.stringify(codecs.json.decode(value), null, 2)))
        .replaceAll("\\x0a", "\n").replaceAll("\\\\", "\\");
    }
  } catch {
    // It is no JSON, or one too deep to lay out: it stays as it is.
  }
  const more = value.length > MAX_SHOWN_BYTES ? `, the first ${formatSize(MAX_SHOWN_BYTES)}` : "";
  return {
    answer: answer === "" ? "(empty)" : answer,
    answerSize: `${formatSize(value.length)}${more}`,
  };
}

/** Adds entries under random keys in the namespace `sample`, so that there is something to compact. */
async function fill(db: Database): Promise<string> {
  const { levels } = db.stats();
  if (levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > MAX_FILL_BYTES) {
    return `The store has over ${formatSize(MAX_FILL_BYTES)} already.`;
  }
  const sample = db.namespace("sample", { keyEncoding: "number", valueEncoding: "utf8" });
  for (let done = 0; done < FILL_ENTRIES; done += FILL_BATCH) {
    await db.write(Array.from({ length: FILL_BATCH }, () => {
      const key = Math.floor(Math.random() * 1e9);
      return sample.putOperation(key, `entry ${key} `.repeat(8));
    }));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return "";
}

/** The page `/kv` of the store that `open` gives, which is undefined while it does not run. */
export function kvPage(open: () => OpenStore | undefined): ConsolePage {
  return {
    path: "/kv",
    title: "Store",
    mount(console) {
      console.template(TEMPLATE);
      const script = console.asset("kv.js", SCRIPT);
      const style = console.asset("kv.css", STYLE);
      const show = (c: Context, problem = ""): Response => {
        const store = open();
        const options = { scripts: [script], styles: [style] };
        if (!store) return console.render(c, { problem: "The store does not run." }, options);
        const { db, path } = store;
        const query = new URL(c.req.url).searchParams;
        const parameter = (name: string) => (query.get(name) ?? "").slice(0, MAX_INPUT);
        const prefix = parameter("prefix");
        const data: Record<string, unknown> = { path, prefix, ...figuresOf(db) };
        try {
          Object.assign(data, keysOf(db, prefix, parameter("after")));
          if (query.has("hex") || query.has("key")) {
            const key = query.has("key")
              ? unescapeBytes(parameter("key"))
              : codecs.hex.encode(parameter("hex"));
            Object.assign(data, answerOf(db, key), { key: escapeBytes(key) });
          }
        } catch (error) {
          if (!(error instanceof KvError)) throw error;
          problem = error instanceof EncodingError
            ? "Write \\xNN for a byte, and \\\\ for a backslash."
            : error.message;
        }
        return console.render(c, { ...data, problem }, options);
      };
      console.get("/", (c) => show(c));
      console.get("/stats", (c) => {
        const store = open();
        return store ? c.json(figuresOf(store.db)) : c.text("The store does not run.\n", 503);
      });
      console.post("/", async (c) => {
        const store = open();
        if (!store) return show(c);
        const action = String((await c.req.formData()).get("action") ?? "");
        try {
          if (action === "fill") return show(c, await fill(store.db));
          if (action === "compact") await store.db.compactRange();
          return show(c);
        } catch (error) {
          if (!(error instanceof KvError)) throw error;
          return show(c, error.message);
        }
      });
    },
  };
}
