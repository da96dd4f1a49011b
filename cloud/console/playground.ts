/** The console's page to try JSON and Monkey on. */
import type { Context } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const JSON_SAMPLE = `{
  "name": "Go",
  "year": 2009,
  "features": ["fast", "simple"],
  "nested": { "pi": 3.14159, "none": null, "yes": true }
}`;

const MONKEY_SAMPLE = `let map = fn(items, f) {
  let step = fn(rest_of, out) {
    if (len(rest_of) == 0) { out }
    else { step(rest(rest_of), push(out, f(first(rest_of)))) }
  };
  step(items, [])
};
let fib = fn(n) { if (n < 2) { n } else { fib(n - 1) + fib(n - 2) } };
puts("Fibonacci numbers:");
puts(map([0, 1, 2, 3, 5, 8, 13, 15], fib));
fib(18)`;

const TEMPLATE = `
<div class="page-head">
<h1>Playground</h1>
<p class="muted small"><span class="code">deno task json</span> and <span class="code">deno task monkey</span> do the same in a terminal</p>
</div>
<noscript><p class="banner">The playground needs JavaScript.</p></noscript>
<section class="panel" aria-labelledby="json-title">
<div class="panel-head"><h2 id="json-title">JSON</h2><p class="small" id="json-status" role="status"></p></div>
<div class="grid two">
<div class="editor"><pre aria-hidden="true" id="json-marks"></pre><textarea class="code" id="json-text" aria-labelledby="json-title" spellcheck="false" autocomplete="off" autocapitalize="off">{{.json}}</textarea></div>
<div class="output" id="json-tree" tabindex="0" aria-label="Tree"></div>
</div>
</section>
<section class="panel" aria-labelledby="monkey-title">
<div class="panel-head"><h2 id="monkey-title">Monkey</h2>
<p class="muted small">Ctrl+Enter runs it <button class="button primary" id="monkey-run" type="button">Run</button></p></div>
<div class="grid two">
<div class="editor tall"><pre aria-hidden="true" id="monkey-marks"></pre><textarea class="code" id="monkey-text" aria-labelledby="monkey-title" spellcheck="false" autocomplete="off" autocapitalize="off">{{.monkey}}</textarea></div>
<div class="stack">
<div class="tabs" role="tablist" aria-label="Views">
<button class="button" role="tab" id="tab-output" aria-controls="view-output" aria-selected="true" type="button">Output</button>
<button class="button" role="tab" id="tab-ast" aria-controls="view-ast" aria-selected="false" tabindex="-1" type="button">AST</button>
<button class="button" role="tab" id="tab-bytecode" aria-controls="view-bytecode" aria-selected="false" tabindex="-1" type="button">Bytecode</button>
</div>
<div class="output tall" id="view-output" role="tabpanel" aria-labelledby="tab-output" tabindex="0"></div>
<div class="output tall" id="view-ast" role="tabpanel" aria-labelledby="tab-ast" tabindex="0" hidden></div>
<div class="output tall" id="view-bytecode" role="tabpanel" aria-labelledby="tab-bytecode" tabindex="0" hidden></div>
</div>
</div>
<p class="small" id="monkey-status" role="status"></p>
<div class="table-wrap" id="engines" hidden>
<table>
<thead><tr><th scope="col">Engine</th><th scope="col">Result</th><th scope="col" class="num wide">Steps</th><th scope="col" class="num">Time</th></tr></thead>
<tbody id="engine-rows"></tbody>
</table>
</div>
</section>
`;

const STYLE = `
.editor { position: relative; height: 320px; }
.editor pre, .editor textarea {
  position: absolute; inset: 0; margin: 0; padding: 12px; width: 100%; height: 100%; overflow: auto;
  font: 13px/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 2;
  border: 1px solid var(--line-strong); border-radius: 8px; scrollbar-gutter: stable;
}
.editor pre { color: transparent; border-color: transparent; pointer-events: none; }
.editor textarea { color: var(--text); background: transparent; resize: none; }
.editor mark { color: transparent; background: var(--bad-soft); text-decoration: underline wavy var(--bad); text-underline-offset: 3px; border-radius: 3px; }
.output {
  height: 320px; overflow: auto; padding: 12px; border-radius: 8px; background: var(--raised);
  font: 13px/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere;
}
.editor.tall { height: 372px; }
.output.tall { height: 328px; }
.output .fold { cursor: pointer; }
.output .fold::before { content: "▾"; position: absolute; margin-left: -1.1em; color: var(--muted); }
.output .fold.closed::before { content: "▸"; }
.output .fold.closed::after { content: " …"; color: var(--muted); }
.output .line { padding-left: 1.1em; }
.t-key, .t-kind { color: var(--series-1); } .t-type { color: var(--muted); }
.t-string { color: var(--ok); } .t-number, .t-boolean, .t-null { color: var(--series-2); }
.bad-text { color: var(--bad); } .ok-text { color: var(--ok); }
.tabs { display: flex; gap: 6px; }
.tabs [aria-selected="true"] { background: var(--raised); border-color: var(--accent); }
#monkey-status { margin: 12px 0; white-space: pre-wrap; }
#engines td { vertical-align: top; }
#engines pre { margin: 0; font: 13px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 8em; overflow: auto; }
`;

const SCRIPT = String.raw`
"use strict";
const $ = (id) => document.getElementById(id);
function make(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
const plain = (ms) => ms < 0.995 ? Math.round(ms * 1000) + " µs" : ms < 100 ? ms.toFixed(1) + " ms" : Math.round(ms) + " ms";

/* An editor: a text area over a copy of its text in which ranges are marked. */
class Editor {
  constructor(name, onChange) {
    this.area = $(name + "-text");
    this.marks = $(name + "-marks");
    this.area.addEventListener("input", () => { this.mark([]); onChange(); });
    this.area.addEventListener("scroll", () => this.follow());
    this.mark([]);
  }
  get text() { return this.area.value; }
  follow() {
    this.marks.scrollTop = this.area.scrollTop;
    this.marks.scrollLeft = this.area.scrollLeft;
  }
  mark(ranges) {
    const text = this.text, parts = [];
    let at = 0;
    for (const [start, end] of ranges) {
      if (start < at) continue;
      parts.push(text.slice(at, start));
      // A mark at a line's or the text's end has nothing to stand under: a space is put there.
      const piece = text.slice(start, end);
      parts.push(make("mark", "", piece.trim() === "" ? " " : piece));
      at = piece === "\n" ? start : Math.max(start, end);
    }
    parts.push(text.slice(at) + "\n");
    this.marks.replaceChildren(...parts);
    this.follow();
  }
}

/* Questions to the stack: the newest answer wins. */
function asker(path) {
  let sequence = 0, controller = null;
  return async (text) => {
    const mine = ++sequence;
    if (controller) controller.abort();
    controller = new AbortController();
    try {
      const response = await fetch("/playground/" + path, {
        method: "POST", body: text, headers: { "content-type": "text/plain" }, signal: controller.signal,
      });
      const answer = response.ok ? await response.json() : { problem: (await response.text()).trim() };
      return mine === sequence ? answer : null;
    } catch (error) {
      return mine === sequence ? { problem: "The stack does not answer." } : null;
    }
  };
}
function say(node, text, tone) {
  node.textContent = text;
  node.className = "small " + (tone || "muted");
}

/* JSON */
const askJson = asker("json");
let jsonTimer = 0;
const json = new Editor("json", () => { clearTimeout(jsonTimer); jsonTimer = setTimeout(showJson, 150); });
function indentOf(line) {
  const [kind, text] = line[0] || ["", ""];
  return kind === "" ? text.length - text.trimStart().length : 0;
}
function showTree(lines, omitted) {
  const rows = lines.map((segments) => {
    const row = make("div", "line");
    for (const [kind, text] of segments) row.append(kind ? make("span", "t-" + kind, text) : text);
    return row;
  });
  const levels = lines.map(indentOf);
  lines.forEach((segments, index) => {
    const text = segments.length ? segments[segments.length - 1][1] : "";
    if (text !== "{" && text !== "[") return;
    const row = rows[index];
    row.classList.add("fold");
    row.tabIndex = 0;
    row.setAttribute("role", "button");
    row.setAttribute("aria-expanded", "true");
    const toggle = () => {
      const closed = row.classList.toggle("closed");
      row.setAttribute("aria-expanded", String(!closed));
      for (let i = index + 1; i < rows.length && levels[i] > levels[index]; i++) {
        rows[i].hidden = closed;
        if (!closed && rows[i].classList.contains("closed")) {
          const level = levels[i];
          while (i + 1 < rows.length && levels[i + 1] > level) i++;
        }
      }
    };
    row.addEventListener("click", toggle);
    row.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
  });
  if (omitted) rows.push(make("div", "line t-type", "… more lines are not shown"));
  $("json-tree").replaceChildren(...rows);
}
async function showJson() {
  if (json.text.trim() === "") {
    say($("json-status"), "");
    $("json-tree").replaceChildren();
    return;
  }
  const report = await askJson(json.text);
  if (!report) return;
  if (report.problem) return say($("json-status"), report.problem, "bad-text");
  if (report.ok) {
    say($("json-status"), "Parsed successfully! Type: " + report.type + ", " + plain(report.parseMs), "ok-text");
    showTree(report.lines, report.omitted);
    return;
  }
  say($("json-status"), report.message + " (line " + report.line + ", column " + report.column + ")", "bad-text");
  json.mark([[report.offset, report.offset + 1]]);
}

/* Monkey */
const askMonkey = asker("monkey");
const monkey = new Editor("monkey", () => {});
const tabs = ["output", "ast", "bytecode"];
function choose(name) {
  for (const tab of tabs) {
    const isOn = tab === name;
    $("tab-" + tab).setAttribute("aria-selected", String(isOn));
    $("tab-" + tab).tabIndex = isOn ? 0 : -1;
    $("view-" + tab).hidden = !isOn;
  }
}
tabs.forEach((tab, index) => {
  $("tab-" + tab).addEventListener("click", () => choose(tab));
  $("tab-" + tab).addEventListener("keydown", (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? tabs.length - 1 : 0;
    if (!step) return;
    const next = tabs[(index + step) % tabs.length];
    choose(next);
    $("tab-" + next).focus();
  });
});
async function runMonkey() {
  $("monkey-run").disabled = true;
  say($("monkey-status"), "Running …");
  const report = await askMonkey(monkey.text);
  $("monkey-run").disabled = false;
  if (!report) return;
  $("engines").hidden = true;
  if (report.problem) return say($("monkey-status"), report.problem, "bad-text");
  $("view-ast").replaceChildren(...report.ast.map(([level, kind, detail]) => {
    const row = make("div", "", "  ".repeat(Math.min(level, 60)));
    row.append(make("span", "t-kind", kind), detail ? " " + detail : "");
    return row;
  }));
  $("view-bytecode").textContent = report.bytecode;
  $("view-output").textContent = report.output.join("\n");
  monkey.mark(report.problems.map(({ start, end }) => [start, Math.max(end, start + 1)]));
  if (report.problems.length) {
    $("view-output").textContent = report.problems.map(({ text }) => text).join("\n\n");
    choose("output");
    return say($("monkey-status"), report.problems.length === 1 ? "1 problem" : report.problems.length + " problems", "bad-text");
  }
  $("engine-rows").replaceChildren(...report.engines.map((run) => {
    const row = make("tr");
    const cell = make("td");
    cell.append(make("pre", run.ok ? "" : "bad-text", run.result));
    row.append(
      make("td", "code", run.engine), cell,
      make("td", "num muted wide", run.steps.toLocaleString("en-US")), make("td", "num", plain(run.runMs)),
    );
    return row;
  }));
  $("engines").hidden = false;
  if (report.agree === undefined) say($("monkey-status"), "An engine ran out of time: nothing to compare.");
  else if (report.agree) say($("monkey-status"), "All engines agree on result, output and steps.", "ok-text");
  else say($("monkey-status"), "The engines do not agree.", "bad-text");
}
$("monkey-run").addEventListener("click", runMonkey);
monkey.area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    runMonkey();
  }
});
showJson();
runMonkey();
`;

/** The page `/playground`; `ask` gives the report on a JSON text or a Monkey program. */
export function playgroundPage(
  ask: (kind: "json" | "monkey", text: string) => Promise<unknown>,
): ConsolePage {
  return {
    path: "/playground",
    title: "Playground",
    mount(console) {
      console.template(TEMPLATE);
      const script = console.asset("playground.js", SCRIPT);
      const style = console.asset("playground.css", STYLE);
      console.get("/", (c) =>
        console.render(c, { json: JSON_SAMPLE, monkey: MONKEY_SAMPLE }, {
          scripts: [script],
          styles: [style],
        }));
      const answer = async (c: Context, kind: "json" | "monkey"): Promise<Response> => {
        try {
          return c.json(await ask(kind, await c.req.text()));
        } catch (error) {
          if (!(error instanceof Error) || error.name !== "PlaygroundError") throw error;
          return c.text(`${error.message}\n`, 503);
        }
      };
      console.post("/json", (c) => answer(c, "json"));
      console.post("/monkey", (c) => answer(c, "monkey"));
    },
  };
}
