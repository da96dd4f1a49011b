import { createHash } from "node:crypto";
import {
  App,
  bodyLimit,
  type Context,
  type HttpServer,
  type Middleware,
  recovery,
  type SseStream,
  TemplateSet,
} from "../web/mod.ts";
import { listenHttp, urlOf } from "./_listen.ts";
import { ManagedService } from "./_managed_service.ts";
import { ICON, LAYOUT, NOT_FOUND } from "./console/layout.ts";
import { overviewPage } from "./console/overview.ts";
import { SCRIPT } from "./console/script.ts";
import { STYLE } from "./console/style.ts";
import type {
  ConsoleMount,
  ConsolePage,
  Endpoint,
  RenderOptions,
  Service,
  ServiceContext,
  ServiceState,
} from "./service.ts";

/** Options of {@linkcode webConsole}. */
export interface WebConsoleOptions {
  /** Port that must be free; without it 8000, or the next free one. 0 for any. */
  port?: number;
}

/** What the Git host takes in a push; every page reads far less of a body than this. */
const MAX_PUSH_BYTES = 2 * 1024 ** 3;
const DEFAULT_PORT = 8000;
/** Browsers keep one connection a page; more than this are refused. */
const MAX_LIVE_CONNECTIONS = 64;
const REQUESTS_EVERY_MS = 250;
const MAX_REQUESTS_AN_EVENT = 50;
/** The longest body of a form or question that a page is given. */
const MAX_BODY_BYTES = 262_144;

/** Nothing but this origin's own files; no inline script or style, no frame around it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const LOOPBACK = /^(?:localhost|[\w-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
};

/**
 * The service that shows the stack in a browser: an overview at `/`, and the pages of all services.
 *
 * Its page at `/` streams states, rates, latencies and requests over server-sent events
 * (`/events`); `/api/status` has the same as JSON once. While it listens on a loopback address it
 * answers requests for loopback host names only, so that no web page can reach it by pointing a
 * name of its own at this machine.
 */
export function webConsole(options: WebConsoleOptions = {}): Service {
  return new WebConsole(options);
}

interface Asset {
  readonly type: string;
  readonly text: string;
}

class WebConsole extends ManagedService {
  readonly name = "console";
  readonly description = "This page: services, traffic and requests, live.";
  readonly page: ConsolePage = overviewPage;
  readonly #port: number | undefined;
  #server: HttpServer | undefined;

  constructor(options: WebConsoleOptions) {
    super();
    this.#port = options.port;
  }

  protected override open(context: ServiceContext): Endpoint[] {
    const { hostname, log } = context;
    this.#server = listenHttp({
      name: this.name,
      hostname,
      log,
      port: this.#port,
      defaultPort: DEFAULT_PORT,
      option: "--port",
      bodyBytes: MAX_PUSH_BYTES,
    }, createConsoleApp(context).fetch);
    const url = urlOf(this.#server, hostname);
    return [
      { label: "Web page", url, hint: "open it in a browser" },
      { label: "Status as JSON", url: `${url}api/status`, command: `curl ${url}api/status` },
    ];
  }

  protected override async close(): Promise<void> {
    await this.#server?.shutdown();
    this.#server = undefined;
  }
}

/**
 * The console as an application of its own, without a server: what {@linkcode webConsole} serves.
 *
 * @throws {TypeError} when two services have pages at one path.
 */
export function createConsoleApp(context: ServiceContext): App {
  const app = new App();
  app.use(securityHeaders, context.metrics.middleware("console"), recovery());
  if (LOOPBACK.test(context.hostname.includes(":") ? `[${context.hostname}]` : context.hostname)) {
    app.use(requireLoopbackHost);
  }
  const console = new ConsoleFrame(app, context);
  const pages: ConsolePage[] = [];
  for (const { page } of context.services) {
    if (page !== undefined) pages.push(page);
  }
  // The overview leads whatever the order of services is.
  pages.sort((a, b) => Number(b.path === "/") - Number(a.path === "/"));
  for (const page of pages) console.mount(page);
  let connections = 0;
  app.get("/events", (c) => {
    if (connections >= MAX_LIVE_CONNECTIONS) {
      return c.text("Too many live connections\n", 503, { "retry-after": "5" });
    }
    return c.sse(async (stream) => {
      connections++;
      try {
        await streamStatus(stream, context);
      } finally {
        connections--;
      }
    });
  });
  app.get("/api/status", (c) => {
    c.header("cache-control", "no-store");
    return c.json(statusOf(context));
  });
  app.notFound((c) => console.renderNotFound(c));
  return app;
}

const securityHeaders: Middleware = async (c, next) => {
  await next();
  c.header("content-security-policy", POLICY, "default");
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "no-referrer");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cross-origin-resource-policy", "same-origin");
};

const requireLoopbackHost: Middleware = (c, next) => {
  const host = c.req.headers.get("host") ?? c.url.host;
  if (LOOPBACK.test(host)) return next();
  return c.text(
    "This console is for this machine only; open it as http://127.0.0.1, or start it with --host\n",
    421,
  );
};

const refuseOtherOrigins: Middleware = (c, next) => {
  const site = c.req.headers.get("sec-fetch-site");
  const origin = c.req.headers.get("origin");
  const isOwn = site !== null
    ? site === "same-origin" || site === "none"
    : origin === null || origin === `http://${c.req.headers.get("host") ?? c.url.host}`;
  return isOwn ? next() : c.text("This request comes from another site\n", 403);
};

const limitBody = bodyLimit({ maxBytes: MAX_BODY_BYTES });

/** Assets, layout and navigation, shared by all pages. */
class ConsoleFrame {
  readonly #app: App;
  readonly #context: ServiceContext;
  readonly #templates = new TemplateSet();
  readonly #assets = new Map<string, Asset>();
  readonly #shared: { readonly style: string; readonly script: string; readonly icon: string };
  readonly #pages: ConsolePage[] = [];

  constructor(app: App, context: ServiceContext) {
    this.#app = app;
    this.#context = context;
    this.#templates.add("layout", LAYOUT).add("not found", NOT_FOUND);
    this.#shared = {
      style: this.asset("console.css", STYLE),
      script: this.asset("console.js", SCRIPT),
      icon: this.asset("icon.svg", ICON),
    };
    app.get("/assets/:name", (c) => {
      const asset = this.#assets.get(c.path);
      if (asset === undefined) return this.renderNotFound(c);
      return c.body(asset.text, 200, {
        "content-type": asset.type,
        "cache-control": "public, max-age=31536000, immutable",
      });
    });
    app.get("/favicon.ico", (c) => c.redirect(this.#shared.icon));
  }

  /** Keeps a text as a file, and returns its URL, which has its hash in it. */
  asset(name: string, text: string): string {
    const match = /^([a-z0-9_-]+)\.(css|js|json|svg)$/.exec(name);
    if (match === null) throw new TypeError(`Cannot serve asset "${name}": name it like "page.js"`);
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
    const url = `/assets/${match[1]}.${hash}.${match[2]}`;
    this.#assets.set(url, { type: CONTENT_TYPES[match[2]!]!, text });
    return url;
  }

  /** Adds a page to the routes and the navigation. */
  mount(page: ConsolePage): void {
    if (!/^\/[a-z0-9-]*$/.test(page.path)) {
      throw new TypeError(`Cannot mount page "${page.title}": "${page.path}" is no path for it`);
    }
    if (this.#pages.some(({ path }) => path === page.path)) {
      throw new TypeError(
        `Cannot mount page "${page.title}": there is one at ${page.path} already`,
      );
    }
    this.#pages.push(page);
    const app = this.#app;
    const at = (pattern: string): string =>
      page.path === "/" ? pattern : pattern === "/" ? page.path : page.path + pattern;
    const template = `page ${page.path}`;
    const mount: ConsoleMount = {
      context: this.#context,
      get: (pattern, handler) => {
        app.get(at(pattern), handler);
      },
      post: (pattern, handler) => {
        app.post(at(pattern), refuseOtherOrigins, limitBody, handler);
      },
      handle: (pattern, handler) => {
        app.all(at(pattern), refuseOtherOrigins, (c) => handler(c.req));
      },
      template: (text) => {
        const frame =
          `{{extends "layout"}}{{define "content"}}{{template "${page.path}" .data}}{{end}}`;
        this.#templates.add(page.path, text).add(template, frame);
      },
      render: (c, data, options) =>
        this.#render(c, template, page.path, data, { title: page.title, ...options }),
      asset: (name, text) => this.asset(name, text),
    };
    page.mount(mount);
  }

  /** Answers 404 with a page. */
  renderNotFound(c: Context): Response {
    const data = { path: c.path.slice(0, 200) };
    return this.#render(c, "not found", "", data, { title: "Not found", status: 404 });
  }

  #render(
    c: Context,
    template: string,
    path: string,
    data: unknown,
    options: RenderOptions,
  ): Response {
    const html = this.#templates.render(template, {
      title: options.title,
      assets: this.#shared,
      styles: options.styles,
      scripts: options.scripts,
      navigation: this.#pages.map((page) => ({
        path: page.path,
        title: page.title,
        isCurrent: page.path === path,
      })),
      data,
    });
    return c.html(html, options.status ?? 200, { "cache-control": "no-cache" });
  }
}

function servicesOf(
  { services }: ServiceContext,
): { name: string; state: ServiceState; endpoints: readonly Endpoint[] }[] {
  return services.map(({ name, state, endpoints }) => ({ name, state, endpoints }));
}

/** Everything that a page needs to draw itself. */
function statusOf(context: ServiceContext): Record<string, unknown> {
  const { metrics } = context;
  return {
    uptimeSeconds: metrics.uptimeSeconds,
    windowSeconds: metrics.windowSeconds,
    services: servicesOf(context),
    summary: metrics.summary(),
    series: metrics.series(),
    recent: metrics.recent().slice(-MAX_REQUESTS_AN_EVENT),
  };
}

/**
 * Sends a snapshot, then each second its figures, and requests four times a second, until the
 * client leaves or the stack stops.
 */
async function streamStatus(stream: SseStream, context: ServiceContext): Promise<void> {
  const { metrics } = context;
  const signal = AbortSignal.any([stream.signal, context.signal]);
  let sequence = metrics.sequence;
  await stream.send({ event: "snapshot", data: statusOf(context), retryMs: 1_000 });
  let second = metrics.uptimeSeconds;
  while (await sleep(REQUESTS_EVERY_MS, signal)) {
    const requests = metrics.recent(sequence);
    if (requests.length > 0) {
      const skipped = metrics.sequence - sequence -
        Math.min(requests.length, MAX_REQUESTS_AN_EVENT);
      sequence = metrics.sequence;
      const shown = requests.slice(-MAX_REQUESTS_AN_EVENT);
      await stream.send({ event: "requests", data: { requests: shown, skipped } });
    }
    const current = metrics.uptimeSeconds;
    // Seconds that a slow client missed come one by one, so that its charts keep their time.
    second = Math.max(second, current - metrics.windowSeconds);
    for (; second < current; second++) {
      const [point] = metrics.series(current - second);
      if (point === undefined) continue;
      await stream.send({
        event: "second",
        data: {
          point,
          uptimeSeconds: current,
          services: servicesOf(context),
          summary: metrics.summary(),
        },
      });
    }
  }
}

/** Waits; false when `signal` was aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onAbort = (): void => {
    clearTimeout(timer);
    resolve(false);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", onAbort);
    resolve(true);
  }, ms);
  signal.addEventListener("abort", onAbort, { once: true });
  return promise;
}
