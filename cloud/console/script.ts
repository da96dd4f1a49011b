/**
 * The console's script for browsers, as a module: a package on JSR has no files beside its code.
 *
 * It holds the one live connection of a page, shows its state, switches the theme, and draws the
 * overview where its elements are present. Other pages' scripts listen on `document` for the events
 * `stack:snapshot`, `stack:second`, `stack:requests` (data in `detail`) and `stack:connection`.
 */
export const SCRIPT: string = String.raw`
"use strict";
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function element(name, properties, children) {
  const node = document.createElement(name);
  for (const key of Object.keys(properties || {})) {
    if (key === "class") node.className = properties[key];
    else if (key in node) node[key] = properties[key];
    else node.setAttribute(key, properties[key]);
  }
  for (const child of children || []) node.append(child);
  return node;
}
function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const key of Object.keys(attributes)) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
}

/* Figures */
const whole = new Intl.NumberFormat("en-US");
function formatMs(ms) {
  if (ms === undefined || ms === null) return ["–", ""];
  if (ms < 0.995) return [String(Math.round(ms * 1000)), "µs"];
  if (ms < 9.95) return [ms.toFixed(1), "ms"];
  if (ms < 999.5) return [String(Math.round(ms)), "ms"];
  return [(ms / 1000).toFixed(ms < 9950 ? 1 : 0), "s"];
}
const plainMs = (ms) => formatMs(ms).filter(Boolean).join(" ");
function formatRate(rate) {
  return rate >= 9.95 || Number.isInteger(rate) ? whole.format(Math.round(rate)) : rate.toFixed(1);
}
function formatUptime(seconds) {
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days) return days + " d " + hours + " h";
  if (hours) return hours + " h " + minutes + " min";
  if (minutes) return minutes + " min " + seconds % 60 + " s";
  return seconds + " s";
}
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
function put(id, value, unit) {
  const node = $(id);
  if (!node) return;
  node.textContent = value;
  if (unit) node.append(element("small", {}, [unit]));
}

/* Theme: as the system has it, or the other way round */
const dark = matchMedia("(prefers-color-scheme: dark)");
function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : dark.matches;
}
function remembered(value) {
  try {
    if (value === undefined) return localStorage.getItem("theme");
    if (value === "") localStorage.removeItem("theme");
    else localStorage.setItem("theme", value);
  } catch { /* Storage may be off: the theme then lasts as long as the page. */ }
  return null;
}
function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  labelTheme();
}
function labelTheme() {
  const button = $("theme");
  if (button) button.setAttribute("aria-label", isDark() ? "Switch to light theme" : "Switch to dark theme");
}
setTheme(remembered());
dark.addEventListener("change", labelTheme);
if ($("theme")) {
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    const isSystem = (next === "dark") === dark.matches;
    remembered(isSystem ? "" : next);
    setTheme(isSystem ? "" : next);
  });
}

/* Charts: one SVG, redrawn when its data or its size changes */
const LEFT = 44, RIGHT = 6, TOP = 8, BOTTOM = 24;
function niceStep(max, count) {
  const raw = max / count;
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const lead = raw / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}
class Chart {
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.points = [];
    this.cursor = -1;
    this.svg = shape("svg", { "aria-hidden": "true" });
    this.empty = element("p", { class: "nothing" }, [options.empty]);
    this.tip = element("div", { class: "tip", hidden: true });
    root.replaceChildren(this.svg, this.empty, this.tip);
    new ResizeObserver(() => this.draw()).observe(root);
    root.addEventListener("pointermove", (event) => {
      const box = root.getBoundingClientRect();
      const width = box.width - LEFT - RIGHT;
      this.point(Math.floor((event.clientX - box.left - LEFT) / width * this.points.length));
    });
    root.addEventListener("pointerleave", () => this.point(-1));
    root.addEventListener("blur", () => this.point(-1));
    root.addEventListener("keydown", (event) => {
      const last = this.points.length - 1;
      const from = this.cursor < 0 ? last + 1 : this.cursor;
      if (event.key === "ArrowLeft") this.point(Math.max(0, from - 1));
      else if (event.key === "ArrowRight") this.point(Math.min(last, from + 1));
      else if (event.key === "Home") this.point(0);
      else if (event.key === "End") this.point(last);
      else if (event.key === "Escape") this.point(-1);
      else return;
      event.preventDefault();
    });
  }
  set(points) {
    this.points = points;
    this.draw();
  }
  point(index) {
    this.cursor = index >= 0 && index < this.points.length ? index : -1;
    this.draw();
  }
  draw() {
    const { points, options, svg } = this;
    const width = this.root.clientWidth, height = this.root.clientHeight;
    if (!width || !height) return;
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    const inner = width - LEFT - RIGHT, floor = height - BOTTOM;
    const hasData = points.some(options.hasData);
    this.empty.hidden = hasData;
    const peak = Math.max(options.floor, ...points.map(options.top));
    const step = niceStep(peak, 3);
    const max = Math.ceil(peak / step - 1e-9) * step;
    const x = (index) => LEFT + (index + 0.5) / points.length * inner;
    const y = (value) => floor - value / max * (floor - TOP);
    const parts = [];
    for (let value = 0; value <= max + step / 2; value += step) {
      parts.push(shape("line", { class: "gridline", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      if (hasData || value === 0) {
        parts.push(shape("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, options.axis(value)));
      }
    }
    const seconds = points.length;
    for (const [share, label] of [[0, seconds + " s ago"], [0.5, seconds / 2 + " s"], [1, "now"]]) {
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
      parts.push(shape("text", { x: LEFT + share * inner, y: height - 5, "text-anchor": anchor }, label));
    }
    if (this.cursor >= 0) {
      parts.push(shape("line", { class: "cursor", x1: x(this.cursor), x2: x(this.cursor), y1: TOP, y2: floor }));
    }
    options.draw(parts, points, x, y, inner / Math.max(1, points.length));
    svg.replaceChildren(...parts);
    this.showTip(x, width);
    this.root.setAttribute("aria-label", options.label(points));
  }
  showTip(x, width) {
    const { tip, cursor } = this;
    tip.hidden = cursor < 0;
    if (cursor < 0) return;
    const ago = this.points.length - cursor;
    tip.textContent = this.options.tip(this.points[cursor]) + "\n" + (ago === 1 ? "last second" : ago + " s ago");
    const half = tip.offsetWidth / 2;
    tip.style.left = Math.min(Math.max(x(cursor) - half, 0), width - 2 * half) + "px";
  }
}
const rateChart = $("rate-chart") && new Chart($("rate-chart"), {
  empty: "No requests in the last minute",
  floor: 4,
  hasData: (point) => point.requests > 0,
  top: (point) => point.requests,
  axis: (value) => value >= 10000 ? value / 1000 + "k" : whole.format(value),
  tip: (point) => whole.format(point.requests) + " req/s" + (point.errors ? ", " + point.errors + " failed" : ""),
  label: (points) => "Requests a second over the last minute: now " + (points.at(-1)?.requests || 0) +
    ", at most " + Math.max(0, ...points.map((point) => point.requests)),
  draw(parts, points, x, y, slot) {
    const bar = Math.max(1, Math.min(slot - 2, 14));
    points.forEach((point, index) => {
      if (!point.requests) return;
      const top = Math.min(y(point.requests), y(0) - 2);
      parts.push(shape("rect", { class: "bar", x: x(index) - bar / 2, y: top, width: bar, height: y(0) - top, rx: Math.min(2, bar / 3) }));
      if (point.errors) {
        const edge = Math.min(y(point.errors), y(0) - 2);
        parts.push(shape("rect", { class: "bar error", x: x(index) - bar / 2, y: edge, width: bar, height: y(0) - edge }));
      }
    });
  },
});
const SERIES = [["p99", "3"], ["p90", "2"], ["p50", "1"]];
const latencyChart = $("latency-chart") && new Chart($("latency-chart"), {
  empty: "No latencies in the last minute",
  floor: 0.2,
  hasData: (point) => typeof point.p50 === "number",
  top: (point) => point.p99 || 0,
  axis: (value) => value === 0 ? "0" : plainMs(value).replace(".0 ", " "),
  tip: (point) => typeof point.p50 === "number"
    ? "p50 " + plainMs(point.p50) + "\np90 " + plainMs(point.p90) + "\np99 " + plainMs(point.p99)
    : "no requests",
  label: (points) => {
    const last = points.filter((point) => typeof point.p50 === "number").at(-1);
    return "Latency percentiles over the last minute: " + (last
      ? "median " + plainMs(last.p50) + ", 99th percentile " + plainMs(last.p99)
      : "no requests");
  },
  draw(parts, points, x, y) {
    for (const [name, color] of SERIES) {
      let path = "", run = 0;
      points.forEach((point, index) => {
        const value = point[name];
        if (typeof value !== "number") { run = 0; return; }
        path += (run++ ? "L" : "M") + x(index).toFixed(1) + " " + y(value).toFixed(1);
        // A second alone makes no line.
        if (run === 1 && typeof (points[index + 1] || {})[name] !== "number") {
          parts.push(shape("circle", { class: "dot f" + color, cx: x(index), cy: y(value), r: 2.5 }));
        }
      });
      if (path) parts.push(shape("path", { class: "line s" + color, d: path }));
    }
  },
});

/* The overview */
let series = [];
let seriesLength = 60;
function showSummary(summary, uptimeSeconds) {
  put("stat-rate", formatRate(series.length ? series.at(-1).requests : 0), "req/s");
  put("stat-p50", ...formatMs(summary.window.p50));
  put("stat-p99", ...formatMs(summary.window.p99));
  put("stat-total", whole.format(summary.totalRequests));
  put("stat-errors", whole.format(summary.totalErrors));
  put("uptime", "Up " + formatUptime(uptimeSeconds));
}
const TONES = { running: "ok", starting: "warn", stopping: "warn", failed: "bad" };
function showServices(services) {
  for (const service of services) {
    const badge = $("state-" + service.name);
    if (!badge || badge.textContent === service.state) continue;
    badge.textContent = service.state;
    badge.dataset.tone = TONES[service.state] || "off";
  }
}
const MAX_ROWS = 50;
let paused = false, waiting = [];
function row(request, isFresh) {
  const tone = request.status >= 500 ? "bad" : request.status >= 400 ? "warn" : request.status >= 300 ? "off" : "ok";
  return element("tr", isFresh ? { class: "fresh" } : {}, [
    element("td", { class: "when wide" }, [clock.format(request.timeMs)]),
    element("td", { class: "method" }, [request.method]),
    element("td", { class: "path", title: request.path }, [request.path]),
    element("td", { class: "wide muted" }, [request.service]),
    element("td", { class: "num" }, [element("span", { class: "badge", "data-tone": tone }, [String(request.status)])]),
    element("td", { class: "num" }, [plainMs(request.durationMs)]),
  ]);
}
function showRequests(requests, isFresh) {
  const body = $("requests");
  if (!body) return;
  if (paused) {
    waiting = waiting.concat(requests).slice(-MAX_ROWS);
    labelPause();
    return;
  }
  const rows = requests.slice(-MAX_ROWS).map((request) => row(request, isFresh)).reverse();
  body.prepend(...rows);
  while (body.rows.length > MAX_ROWS) body.lastElementChild.remove();
  $("requests-table").hidden = body.rows.length === 0;
  $("requests-empty").hidden = body.rows.length > 0;
}
function labelPause() {
  const button = $("pause");
  button.textContent = !paused ? "Pause" : waiting.length ? "Resume (" + waiting.length + " new)" : "Resume";
  button.setAttribute("aria-pressed", String(paused));
}
if ($("pause")) {
  $("pause").addEventListener("click", () => {
    paused = !paused;
    const held = waiting;
    waiting = [];
    if (!paused) showRequests(held, false);
    labelPause();
  });
}
function drawAll() {
  if (rateChart) rateChart.set(series);
  if (latencyChart) latencyChart.set(series);
}

/* Copying */
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const label = button.querySelector(".label") || button;
      const before = label.textContent;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        label.textContent = "Copied";
      } catch {
        label.textContent = "Select and copy";
      }
      setTimeout(() => { label.textContent = before; }, 1500);
    });
  }
}

/* The live connection */
const FIRST_RETRY_MS = 500, MAX_RETRY_MS = 10000, OFFLINE_AFTER_MS = 8000, SILENT_AFTER_MS = 6000;
const LABELS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "Offline" };
let lastSeen = Date.now(), retryMs = FIRST_RETRY_MS, source = null, retryTimer = 0;
function setConnection(state) {
  const live = $("live");
  if (live.dataset.state === state) return;
  live.dataset.state = state;
  live.textContent = LABELS[state];
  const isStale = state === "reconnecting" || state === "offline";
  document.body.classList.toggle("stale", isStale);
  const banner = $("banner");
  if (banner) {
    banner.hidden = state !== "offline";
    banner.textContent = "The stack does not answer since " + clock.format(lastSeen) +
      ". What you see is the last that was known; this page connects again by itself.";
  }
  announce("connection", { state });
}
function announce(name, detail) {
  document.dispatchEvent(new CustomEvent("stack:" + name, { detail }));
}
function on(name, handle) {
  source.addEventListener(name, (event) => {
    lastSeen = Date.now();
    retryMs = FIRST_RETRY_MS;
    setConnection("live");
    const data = JSON.parse(event.data);
    handle(data);
    announce(name, data);
  });
}
function connect() {
  clearTimeout(retryTimer);
  if (source) source.close();
  source = new EventSource("/events");
  on("snapshot", (data) => {
    seriesLength = data.windowSeconds;
    series = data.series;
    showServices(data.services);
    showSummary(data.summary, data.uptimeSeconds);
    if ($("requests")) {
      $("requests").replaceChildren();
      waiting = [];
      const held = paused;
      paused = false;
      showRequests(data.recent, false);
      paused = held;
      labelPause();
    }
    drawAll();
  });
  on("second", (data) => {
    series = series.concat([data.point]).slice(-seriesLength);
    showServices(data.services);
    showSummary(data.summary, data.uptimeSeconds);
    drawAll();
  });
  on("requests", (data) => showRequests(data.requests, true));
  source.addEventListener("error", () => {
    // The browser's own retries stop at some answers; these do not.
    source.close();
    lost();
  });
}
function lost() {
  setConnection(Date.now() - lastSeen > OFFLINE_AFTER_MS ? "offline" : "reconnecting");
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, retryMs);
  retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
}
setInterval(() => {
  // A connection can be dead without a word: every second has its event while it lives.
  if ($("live").dataset.state === "live" && Date.now() - lastSeen > SILENT_AFTER_MS) {
    source.close();
    lost();
  }
}, 1000);
addEventListener("online", connect);
addEventListener("visibilitychange", () => {
  if (!document.hidden && $("live").dataset.state !== "live") connect();
});
addEventListener("pagehide", () => source && source.close());
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
drawAll();
connect();
`;
