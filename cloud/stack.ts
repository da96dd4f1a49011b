/**
 * Services composed into one thing that starts, is looked at, and stops.
 *
 * @module
 */
import { RequestMetrics } from "./metrics.ts";
import type { Service, ServiceContext } from "./service.ts";

/** Options of a {@linkcode Stack}. */
export interface StackOptions {
  /**
   * Address that services listen on.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string;
  /**
   * Folder for what services keep.
   *
   * @default {"data"}
   */
  dataDir?: string;
  /**
   * How long all services together may take to stop, in milliseconds, before what still runs is cut
   * off.
   *
   * @default {5000}
   */
  stopTimeoutMs?: number;
  /** Takes lines for the operator; `console.error` unless given. */
  log?: (line: string) => void;
}

/** A stack could not start; the message names the service and why. */
export class StackError extends Error {
  /** Always `"StackError"`. */
  override readonly name = "StackError";
  /** Always `"ERR_STACK_START"`. */
  readonly code = "ERR_STACK_START";
  /** Name of the service that failed. */
  readonly service: string;

  /** Made by {@linkcode Stack.start}. */
  constructor(service: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot start ${service}: ${reason}`, { cause });
    this.service = service;
  }
}

const EXTRA_STOP_MS = 1_000;

/**
 * Starts services in the order given and stops them in reverse.
 *
 * When one fails to start, those before it are stopped again and nothing is left running. Stopping
 * has one deadline for all: past it the signal that each `stop` was given is aborted, and what does
 * not return within another second is left behind and reported.
 *
 * @example
 * ```ts
 * import { fileHost, Stack, webConsole } from "@groundwork/std/cloud";
 * import { assertEquals } from "@std/assert";
 *
 * const dataDir = await Deno.makeTempDir();
 * {
 *   await using stack = new Stack([fileHost({ port: 0 }), webConsole({ port: 0 })], { dataDir });
 *   await stack.start();
 *   const [endpoint] = stack.services[0]!.endpoints;
 *   const response = await fetch(endpoint!.url);
 *   await response.body?.cancel();
 *   assertEquals(response.status, 200);
 * }
 * await Deno.remove(dataDir, { recursive: true });
 * ```
 */
export class Stack implements AsyncDisposable {
  /** The services, in the order in which they start. */
  readonly services: readonly Service[];
  /** What HTTP services measured. */
  readonly metrics: RequestMetrics = new RequestMetrics();
  readonly #options: Required<StackOptions>;
  readonly #controller = new AbortController();
  readonly #started: Service[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Composes `services`; nothing runs yet.
   *
   * @throws {TypeError} when two services have one name.
   */
  constructor(services: readonly Service[], options: StackOptions = {}) {
    const names = new Set<string>();
    for (const { name } of services) {
      if (names.has(name)) {
        throw new TypeError(`Cannot compose a stack: two services are "${name}"`);
      }
      names.add(name);
    }
    this.services = [...services];
    this.#options = {
      hostname: options.hostname ?? "127.0.0.1",
      dataDir: options.dataDir ?? "data",
      stopTimeoutMs: options.stopTimeoutMs ?? 5_000,
      log: options.log ?? console.error,
    };
  }

  /**
   * Starts everything. A second call returns the first one's promise.
   *
   * @throws {StackError} when a service cannot start, or the stack was stopped meanwhile.
   */
  start(): Promise<void> {
    return this.#starting ??= this.#start();
  }

  async #start(): Promise<void> {
    const { hostname, dataDir, log } = this.#options;
    const context: ServiceContext = {
      hostname,
      dataDir,
      log,
      signal: this.#controller.signal,
      services: this.services,
      metrics: this.metrics,
    };
    for (const service of this.services) {
      try {
        this.#controller.signal.throwIfAborted();
        await service.start(context);
        this.#started.push(service);
      } catch (error) {
        this.#controller.abort();
        await this.#stopStarted();
        throw new StackError(service.name, error);
      }
    }
  }

  /** Stops everything, in reverse order. A second call returns the first one's promise. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#controller.abort(new DOMException("The stack is stopping", "AbortError"));
    // A start in progress notices the signal and undoes itself.
    await this.#starting?.catch(() => {});
    await this.#stopStarted();
  }

  async #stopStarted(): Promise<void> {
    const { stopTimeoutMs, log } = this.#options;
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new DOMException("The deadline has passed", "TimeoutError")),
      stopTimeoutMs,
    );
    try {
      while (this.#started.length > 0) {
        const service = this.#started.pop()!;
        try {
          await withGrace(service.stop(deadline.signal), deadline.signal);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          log(`Cannot stop ${service.name}: ${reason}`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops everything; the same as {@linkcode Stack.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Waits for `promise`, but once `signal` is aborted only a little longer. */
async function withGrace(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => reject(new Error("it did not stop in time")), EXTRA_STOP_MS);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([promise, late]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}
