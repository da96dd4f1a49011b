/**
 * The style sheet of the console, as a module: a package on JSR has no files beside its code.
 *
 * Classes for pages: `.panel` (a card; `h2` is its title, `.panel-head` a row with controls on the
 * right), `.grid` (cards beside each other where there is room), `.split` (a wide and a narrow column),
 * `.stack` (cards below each other), `.table-wrap` around a `table`,
 * `.num` for right-aligned figures, `.muted`, `.code` for addresses and commands, `.button`,
 * `.field` for inputs, `.empty` for what there is nothing of yet, `.badge` with `data-tone` `ok`,
 * `warn`, `bad` or `off`. Colours are the custom properties below; never name a colour elsewhere.
 */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --bg: #f5f6f8; --panel: #ffffff; --raised: #f0f2f5; --line: #e1e5ea; --line-strong: #c9d0d9;
  --text: #14181f; --muted: #5b6472; --accent: #0b6e63; --accent-soft: #d9f0ec; --focus: #0b6e63;
  --ok: #0f7b46; --ok-soft: #dcf3e6; --warn: #95590a; --warn-soft: #fbeed5;
  --bad: #b42323; --bad-soft: #fbe3e2; --off: #5b6472; --off-soft: #e9ecf0;
  --series-1: #0b8274; --series-2: #b8730b; --series-3: #bb3060;
  --shadow: 0 1px 2px rgb(16 24 40 / 5%), 0 2px 8px rgb(16 24 40 / 4%);
  --radius: 12px; --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
    --bg: #0d1014; --panel: #14181e; --raised: #1b2028; --line: #252b34; --line-strong: #3a424e;
    --text: #e8ebef; --muted: #98a2b0; --accent: #4fd1bf; --accent-soft: #12322f; --focus: #4fd1bf;
    --ok: #53cf8b; --ok-soft: #12301f; --warn: #e9b15a; --warn-soft: #33260f;
    --bad: #f48a85; --bad-soft: #3a1a1a; --off: #98a2b0; --off-soft: #222831;
    --series-1: #4fd1bf; --series-2: #e9b15a; --series-3: #f27ba2;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%);
  }
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] {
  color-scheme: dark;
  --bg: #0d1014; --panel: #14181e; --raised: #1b2028; --line: #252b34; --line-strong: #3a424e;
  --text: #e8ebef; --muted: #98a2b0; --accent: #4fd1bf; --accent-soft: #12322f; --focus: #4fd1bf;
  --ok: #53cf8b; --ok-soft: #12301f; --warn: #e9b15a; --warn-soft: #33260f;
  --bad: #f48a85; --bad-soft: #3a1a1a; --off: #98a2b0; --off-soft: #222831;
  --series-1: #4fd1bf; --series-2: #e9b15a; --series-3: #f27ba2;
  --shadow: 0 1px 2px rgb(0 0 0 / 40%);
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scrollbar-gutter: stable; }
body {
  margin: 0; background: var(--bg); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-font-smoothing: antialiased;
}
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 6px; }
[hidden] { display: none !important; }
[id] { scroll-margin-top: 84px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; z-index: 10; padding: 8px 14px; background: var(--panel); border: 1px solid var(--line-strong); border-radius: 8px; }
.skip:focus { top: 10px; }

.top { position: sticky; top: 0; z-index: 5; background: color-mix(in srgb, var(--bg) 88%, transparent); backdrop-filter: blur(10px); border-bottom: 1px solid var(--line); }
.top-row { max-width: 1240px; margin: 0 auto; padding: 0 24px; min-height: 60px; display: flex; align-items: center; gap: 8px 28px; }
.brand { display: inline-flex; align-items: center; gap: 10px; color: var(--text); font-weight: 650; font-size: 17px; letter-spacing: -.015em; text-decoration: none; }
.brand svg { width: 24px; height: 24px; color: var(--accent); }
.nav { flex: 1; min-width: 0; overflow-x: auto; scrollbar-width: none; }
.nav ul { display: flex; gap: 4px; }
.nav a { display: block; padding: 7px 12px; border-radius: 8px; color: var(--muted); text-decoration: none; font-weight: 500; white-space: nowrap; }
.nav a:hover { color: var(--text); background: var(--raised); }
.nav a[aria-current] { color: var(--text); background: var(--raised); box-shadow: inset 0 0 0 1px var(--line); }
.tools { display: flex; align-items: center; gap: 10px; }
.live { display: inline-flex; align-items: center; gap: 8px; padding: 4px 12px 4px 10px; border-radius: 999px; font-size: 13px; font-weight: 550; background: var(--off-soft); color: var(--off); white-space: nowrap; }
.live::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; }
.live[data-state="live"] { background: var(--ok-soft); color: var(--ok); }
.live[data-state="live"]::before { animation: pulse 2s ease-in-out infinite; }
.live[data-state="reconnecting"] { background: var(--warn-soft); color: var(--warn); }
.live[data-state="offline"] { background: var(--bad-soft); color: var(--bad); }
@keyframes pulse { 50% { opacity: .35; } }

main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 56px; display: grid; gap: 20px; }
main > * { min-width: 0; }
.page-head { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 4px 20px; }
.page-head h1 { font-size: 24px; font-weight: 650; letter-spacing: -.02em; line-height: 1.25; overflow-wrap: anywhere; }
.muted { color: var(--muted); }
.small { font-size: 13px; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.code { font-family: var(--mono); font-size: 13px; }
.banner { display: flex; align-items: center; gap: 10px; padding: 11px 16px; border-radius: var(--radius); background: var(--warn-soft); color: var(--warn); font-weight: 500; }
.banner::before { content: "!"; display: grid; place-items: center; flex: none; width: 20px; height: 20px; border-radius: 50%; background: var(--warn); color: var(--panel); font-size: 13px; font-weight: 700; }

.panel { background: var(--panel); border: 1px solid var(--line); border-radius: var(--radius); box-shadow: var(--shadow); padding: 18px 20px; }
.panel h2, .section-title { font-size: 15px; font-weight: 620; letter-spacing: -.005em; }
.panel-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px 16px; margin-bottom: 12px; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
.split { display: grid; gap: 16px; grid-template-columns: minmax(0, 1.75fr) minmax(0, 1fr); align-items: start; }
.stack { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); }
.stack .section-title { padding: 18px 4px 0; min-height: 48px; }
.grid.two { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }

.tiles { display: grid; grid-template-columns: repeat(5, 1fr); padding: 0; overflow: hidden; }
.tile { padding: 16px 20px; border-left: 1px solid var(--line); display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.tile:first-child { border-left: 0; }
.tile dt { color: var(--muted); font-size: 13px; }
.tile dd { font-size: 25px; line-height: 1.25; font-weight: 620; letter-spacing: -.025em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile dd small { font-size: 14px; font-weight: 500; letter-spacing: 0; color: var(--muted); margin-left: 3px; }

.service { display: flex; flex-direction: column; gap: 12px; }
.service header { display: flex; align-items: center; justify-content: space-between; gap: 12px; }
.service h3 { font-size: 16px; font-weight: 620; }
.service h3 a { color: inherit; text-decoration: none; }
.service h3 a:hover { text-decoration: underline; }
.endpoint { border-top: 1px solid var(--line); padding-top: 12px; display: grid; gap: 8px; grid-template-columns: minmax(0, 1fr); }
.endpoint-row { display: flex; align-items: center; gap: 8px; justify-content: space-between; min-width: 0; }
.endpoint-row > :first-child { flex: none; }
.endpoint-row a { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.hint { display: flex; align-items: center; gap: 6px; background: var(--raised); border-radius: 8px; padding: 3px 4px 3px 12px; min-height: 38px; }
.hint code { flex: 1; min-width: 0; overflow-x: auto; white-space: nowrap; font-family: var(--mono); font-size: 12.5px; scrollbar-width: none; padding: 4px 0; }
.badge { display: inline-flex; align-items: center; gap: 6px; padding: 2px 10px; border-radius: 999px; font-size: 12.5px; font-weight: 560; background: var(--off-soft); color: var(--off); white-space: nowrap; }
.badge[data-tone="ok"] { background: var(--ok-soft); color: var(--ok); }
.badge[data-tone="warn"] { background: var(--warn-soft); color: var(--warn); }
.badge[data-tone="bad"] { background: var(--bad-soft); color: var(--bad); }

.button { appearance: none; font: inherit; font-size: 13px; font-weight: 550; color: var(--text); background: var(--panel); border: 1px solid var(--line-strong); border-radius: 8px; padding: 5px 12px; cursor: pointer; text-decoration: none; display: inline-flex; align-items: center; gap: 6px; min-height: 32px; }
.button:hover { background: var(--raised); }
.button.plain { border-color: transparent; background: none; color: var(--muted); padding: 5px 8px; }
.button.plain:hover { color: var(--text); background: color-mix(in srgb, var(--text) 7%, transparent); }
.button svg { width: 16px; height: 16px; }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--panel); }
.field { font: inherit; color: var(--text); background: var(--panel); border: 1px solid var(--line-strong); border-radius: 8px; padding: 7px 12px; width: 100%; }

.chart { position: relative; height: 190px; touch-action: pan-y; border-radius: 8px; }
.chart svg { display: block; width: 100%; height: 100%; overflow: visible; }
.chart text { fill: var(--muted); font-size: 11.5px; font-variant-numeric: tabular-nums; }
.chart .gridline { stroke: var(--line); }
.chart .bar { fill: var(--series-1); }
.chart .bar.error { fill: var(--bad); }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .dot { stroke: none; }
.chart .s1 { stroke: var(--series-1); } .chart .s2 { stroke: var(--series-2); } .chart .s3 { stroke: var(--series-3); }
.chart .f1 { fill: var(--series-1); } .chart .f2 { fill: var(--series-2); } .chart .f3 { fill: var(--series-3); }
.chart .cursor { stroke: var(--line-strong); stroke-dasharray: 3 3; }
.chart .nothing { position: absolute; inset: 0 0 24px 40px; display: grid; place-content: center; color: var(--muted); font-size: 13.5px; pointer-events: none; }
.tip { position: absolute; top: 0; z-index: 2; pointer-events: none; padding: 6px 10px; border-radius: 8px; background: var(--text); color: var(--panel); font-size: 12.5px; font-variant-numeric: tabular-nums; white-space: pre; box-shadow: var(--shadow); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 13px; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: 6px; }
.legend li::before { content: ""; width: 10px; height: 10px; border-radius: 3px; background: var(--series-1); }
.legend .k2::before { background: var(--series-2); }
.legend .k3::before { background: var(--series-3); }
.legend .bad::before { background: var(--bad); }
.stale .chart svg, .stale .tiles dd, .stale .service .badge { opacity: .45; }
.chart svg, .tiles dd { transition: opacity .2s; }

.table-wrap { overflow-x: auto; margin: 0 -20px -18px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 550; font-size: 12.5px; color: var(--muted); padding: 8px 12px; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 8px 12px; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { padding-left: 20px; }
th:last-child, td:last-child { padding-right: 20px; }
th.num { text-align: right; }
tbody tr:hover td { background: color-mix(in srgb, var(--raised) 60%, transparent); }
td.path { width: 99%; max-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-family: var(--mono); font-size: 13px; }
td.method { font-family: var(--mono); font-size: 12.5px; font-weight: 600; }
td.when { color: var(--muted); font-variant-numeric: tabular-nums; white-space: nowrap; }
td.file { width: 99%; overflow-wrap: anywhere; }
td.file a { display: inline-flex; gap: 10px; align-items: baseline; text-decoration: none; }
td.file a:hover span { text-decoration: underline; }
td.file svg { width: 17px; height: 17px; flex: none; align-self: center; color: var(--muted); }
.fresh td { animation: fresh 1.6s ease-out; }
@keyframes fresh { from { background: var(--accent-soft); } }
.empty { padding: 34px 16px; text-align: center; color: var(--muted); display: grid; gap: 6px; justify-items: center; }
.empty strong { color: var(--text); font-weight: 600; }
.crumbs { display: flex; flex-wrap: wrap; gap: 2px 6px; font-size: 14px; }
.crumbs li + li::before { content: "/"; color: var(--muted); margin-right: 6px; }

@media (max-width: 1000px) {
  .split { grid-template-columns: minmax(0, 1fr); }
  .split > .stack { order: -1; }
  .stack .section-title { padding-top: 4px; min-height: 0; }
}
@media (max-width: 760px) {
  body { font-size: 15px; }
  .top-row { flex-wrap: wrap; padding: 10px 16px 0; gap: 6px 12px; }
  .brand { flex: 1; }
  .nav { order: 3; flex: 1 0 100%; margin: 0 -16px; padding: 0 12px 8px; }
  main { padding: 18px 16px 40px; gap: 16px; }
  .page-head h1 { font-size: 21px; }
  .panel { padding: 16px; }
  .tiles { grid-template-columns: repeat(2, 1fr); padding: 0; }
  .tile { padding: 13px 16px; border-top: 1px solid var(--line); }
  .tile:nth-child(odd) { border-left: 0; }
  .tile:first-child { grid-column: 1 / -1; border-top: 0; }
  .tile:nth-child(even) { border-left: 0; }
  .tile:nth-child(odd):not(:first-child) { border-left: 1px solid var(--line); }
  .tile dd { font-size: 22px; }
  .tile:first-child dd { font-size: 30px; }
  .chart { height: 170px; }
  .table-wrap { margin: 0 -16px -16px; }
  th:first-child, td:first-child { padding-left: 16px; }
  th:last-child, td:last-child { padding-right: 16px; }
  td, th { padding-left: 6px; padding-right: 6px; }
  .wide { display: none; }
  td.path { padding-left: 10px; }
  td:has(+ .wide:last-child), th:has(+ .wide:last-child) { padding-right: 16px; }
  .wide:first-child + td, .wide:first-child + th { padding-left: 16px; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .badge, .live, .panel { border: 1px solid; }
  .chart .bar { fill: Highlight; }
}
`;
