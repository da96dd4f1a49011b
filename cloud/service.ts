/**
 * What the stack is made of, and how a module joins it.
 *
 * ## A service
 *
 * A {@linkcode Service} is an object with a name, `start`, `stop`, `state` and `endpoints`; nothing
 * has to be inherited. It joins with one line in `cloud/default_services.ts`.
 *
 * ## A page of the console
 *
 * A page is one file in `cloud/console/` that exports a {@linkcode ConsolePage}, and the service
 * that it belongs to names it as its `page`. It shares the console's layout, navigation, styles and
 * live connection:
 *
 * ```ts ignore
 * // cloud/console/clock.ts
 * import type { ConsolePage } from "../service.ts";
 *
 * export const clockPage: ConsolePage = {
 *   path: "/clock",
 *   title: "Clock",
 *   mount(console) {
 *     // A template has the shared layout around it; actions are escaped for where they stand.
 *     console.template(`<section class="panel"><h2>{{.now}}</h2></section>`);
 *     console.get("/", (c) => console.render(c, { now: new Date() }));
 *     console.get("/now", (c) => c.json({ now: Date.now() }));
 *   },
 * };
 * ```
 *
 * The console's content security policy allows scripts and styles from its own origin only: a page
 * that needs some hands their text to `console.asset("clock.js", text)`, which returns the URL.
 * Layout classes are listed at the top of `cloud/console/style.ts`.
 *
 * @module
 */
import type { Context, RouteHandler } from "../web/mod.ts";
import type { RequestMetrics } from "./metrics.ts";

/** Where a service is in its life. */
export type ServiceState = "stopped" | "starting" | "running" | "stopping" | "failed";

/** A way to reach a service. */
export interface Endpoint {
  /** What it is: `"HTTP"`, `"Redis protocol"`. */
  readonly label: string;
  /** Its address: `http://127.0.0.1:8001/`. */
  readonly url: string;
  /** A command line that talks to it. */
  readonly command?: string;
  /** What to do with it, in a few words, where that is no command line. */
  readonly hint?: string;
}

/** What a service is given to start with. */
export interface ServiceContext {
  /** Address to listen on. */
  readonly hostname: string;
  /** Folder for everything that is kept; each service takes a folder of its own in it. */
  readonly dataDir: string;
  /** Aborted when the stack begins to stop. */
  readonly signal: AbortSignal;
  /** All services of the stack, in the order in which they start. */
  readonly services: readonly Service[];
  /** Where HTTP services report their requests to. */
  readonly metrics: RequestMetrics;
  /** Tells the operator something, in one line. */
  readonly log: (line: string) => void;
}

/** A part of the stack. */
export interface Service {
  /** A short name, unique in the stack. */
  readonly name: string;
  /** One sentence: what it is for. */
  readonly description: string;
  /** Where it is in its life. Kept by the service; `"failed"` is for one that died by itself. */
  readonly state: ServiceState;
  /** How it is reached; empty unless it runs. */
  readonly endpoints: readonly Endpoint[];
  /** Its page in the console. */
  readonly page?: ConsolePage;
  /**
   * Starts, and resolves when it can be used. When it rejects it holds nothing: no port, no file.
   */
  start(context: ServiceContext): Promise<void>;
  /**
   * Finishes what runs, lets go of everything, and resolves. `signal` is aborted at the deadline:
   * from then on what still runs is to be cut off. Stopping what does not run does nothing.
   */
  stop(signal: AbortSignal): Promise<void>;
}

/** A page of the console. */
export interface ConsolePage {
  /** Where it is: a slash and a name, `"/files"`. */
  readonly path: string;
  /** What the navigation calls it. */
  readonly title: string;
  /** Registers its template, assets and routes. Called once for each start of the console. */
  mount(console: ConsoleMount): void;
}

/** The console as a page sees it. */
export interface ConsoleMount {
  /** What the stack runs on. */
  readonly context: ServiceContext;
  /** Registers a GET route below the page's path: `"/"` is the page itself. */
  get(pattern: string, handler: RouteHandler): void;
  /**
   * Registers a POST route below the page's path. Requests of other origins are refused, and bodies of
   * more than 262,144 bytes.
   */
  post(pattern: string, handler: RouteHandler): void;
  /**
   * Registers a route for every method below the page's path, for a protocol of its own: the handler
   * gets the request as it came, without a limit on its body. Requests of other origins are refused.
   */
  handle(pattern: string, handler: (request: Request) => Response | Promise<Response>): void;
  /** Sets the page's template: what stands inside the shared layout. */
  template(text: string): void;
  /** Answers with the template run on `data`, in the layout. */
  render(c: Context, data: unknown, options?: RenderOptions): Response;
  /**
   * Serves a text of the page's own as a file, and returns its URL. It may be kept by browsers for
   * ever: the URL changes with the text.
   */
  asset(name: string, text: string): string;
}

/** Options of {@linkcode ConsoleMount.render}. */
export interface RenderOptions {
  /** Status of the answer; 200 unless given. */
  readonly status?: number;
  /** Title of the document; the page's unless given. */
  readonly title?: string;
  /** URLs of scripts, from {@linkcode ConsoleMount.asset}; loaded as modules. */
  readonly scripts?: readonly string[];
  /** URLs of style sheets, from {@linkcode ConsoleMount.asset}. */
  readonly styles?: readonly string[];
}
