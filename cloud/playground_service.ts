import { describeJson, describeMonkey } from "./_playground.ts";
import { playgroundPage } from "./console/playground.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service } from "./service.ts";

/** How long a thread may work on one question before it is ended. */
const DEADLINE_MS = 4_000;
/** How long it may take to start: from source it is compiled first. */
const START_MS = 30_000;
/** Questions that may wait. */
const MAX_WAITING = 16;

/**
 * A service that reads JSON and runs Monkey programs for the console's playground. Programs run in a
 * thread of their own, at most 250 ms on an engine, and reach neither files nor network; a thread
 * that has not answered after 4 seconds is ended. Where threads cannot be started, programs run in
 * the stack's own thread with the same limits.
 */
export function playgroundService(): Service {
  return new PlaygroundService();
}

/** What the page asks. */
export type PlaygroundKind = "json" | "monkey";

/** The thread is busy with too much, or was ended. */
export class PlaygroundError extends Error {
  /** Always `"PlaygroundError"`. */
  override readonly name = "PlaygroundError";
}

interface Waiting {
  readonly kind: PlaygroundKind;
  readonly text: string;
  readonly resolve: (report: unknown) => void;
  readonly reject: (error: Error) => void;
}

class PlaygroundService extends ManagedService {
  readonly name = "playground";
  readonly description = "JSON and the Monkey language, to try in the browser.";
  readonly page: ConsolePage = playgroundPage((kind, text) => this.#ask(kind, text));
  readonly #waiting: Waiting[] = [];
  #worker: Worker | undefined;
  /** The thread has said that it listens. */
  #isReady = false;
  #canThread = true;
  #current: Waiting | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextId = 0;

  protected override open(): Endpoint[] {
    return [];
  }

  protected override close(): void {
    this.#endThread();
    const error = new PlaygroundError("the playground has stopped");
    this.#current?.reject(error);
    for (const item of this.#waiting.splice(0)) item.reject(error);
    this.#current = undefined;
  }

  #ask(kind: PlaygroundKind, text: string): Promise<unknown> {
    if (this.state !== "running") {
      return Promise.reject(new PlaygroundError("the playground does not run"));
    }
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new PlaygroundError("the playground is busy: try again"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ kind, text, resolve, reject });
    this.#next();
    return promise;
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const item = this.#waiting.shift();
    if (item === undefined) return;
    if (!this.#canThread) {
      try {
        item.resolve(item.kind === "json" ? describeJson(item.text) : describeMonkey(item.text));
      } catch (error) {
        item.reject(error as Error);
      }
      return this.#next();
    }
    this.#current = item;
    this.#worker ??= this.#startThread();
    if (this.#isReady) this.#send(this.#worker, item);
    else this.#limit(START_MS);
  }

  #send(worker: Worker, { kind, text }: Waiting): void {
    this.#limit(DEADLINE_MS);
    worker.postMessage({ id: ++this.#nextId, kind, text });
  }

  /** Ends the thread and fails the question unless it is settled in time. */
  #limit(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#endThread();
      const item = this.#current;
      this.#settle(() => item?.reject(new PlaygroundError(`stopped after ${milliseconds} ms`)));
    }, milliseconds);
  }

  #startThread(): Worker {
    const url = new URL("./playground_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", name: "playground" });
    worker.onmessage = ({ data }) => {
      const item = this.#current;
      if (this.#worker !== worker || item === undefined) return;
      if (data.id === 0) {
        this.#isReady = true;
        this.#send(worker, item);
        return;
      }
      if (data.id !== this.#nextId) return;
      this.#settle(() => {
        if (data.problem === undefined) item.resolve(data.report);
        else item.reject(new PlaygroundError(data.problem));
      });
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.#worker !== worker) return;
      const wasReady = this.#isReady;
      this.#endThread();
      const item = this.#current;
      if (item === undefined) return;
      if (wasReady) {
        this.#settle(() => item.reject(new PlaygroundError(`the thread ended: ${event.message}`)));
        return;
      }
      // It never ran: this host has no threads for it.
      this.#canThread = false;
      this.#waiting.unshift(item);
      this.#settle(() => {});
    };
    return worker;
  }

  #settle(action: () => void): void {
    clearTimeout(this.#timer);
    this.#current = undefined;
    action();
    this.#next();
  }

  #endThread(): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#isReady = false;
  }
}
