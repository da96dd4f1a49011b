/** A small stand-in for `@std/testing/time`: a clock that moves only when it is told to. */

interface Timer {
  id: number;
  dueMs: number;
  intervalMs: number | undefined;
  run: () => void;
}

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

export class FakeTime implements Disposable {
  #nowMs: number;
  #startMs: number;
  #nextId = 1;
  #timers = new Map<number, Timer>();

  constructor(start?: number | string | Date | null) {
    if (globalThis.Date !== real.Date) throw new Error("Cannot fake time: it is faked already");
    this.#startMs = start == null ? real.Date.now() : new real.Date(start).valueOf();
    this.#nowMs = this.#startMs;
    const now = () => this.#nowMs;
    globalThis.Date = new Proxy(real.Date, {
      construct: (target, args, newTarget) =>
        Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
      apply: () => new real.Date(now()).toString(),
      get: (target, key) => key === "now" ? now : Reflect.get(target, key),
    });
    const add = (repeat: boolean) => (run: unknown, ms = 0, ...args: unknown[]): number => {
      if (typeof run !== "function") throw new TypeError("A timer's callback must be a function");
      const id = this.#nextId++;
      const delayMs = Math.max(0, Number(ms) || 0);
      this.#timers.set(id, {
        id,
        dueMs: this.#nowMs + delayMs,
        intervalMs: repeat ? Math.max(1, delayMs) : undefined,
        run: () => run(...args),
      });
      return id;
    };
    const remove = (id?: number) => void this.#timers.delete(Number(id));
    Object.assign(globalThis, {
      setTimeout: add(false),
      setInterval: add(true),
      clearTimeout: remove,
      clearInterval: remove,
    });
  }

  get now(): number {
    return this.#nowMs;
  }

  set now(value: number) {
    while (true) {
      const timer = this.#nextTimer();
      if (!timer || timer.dueMs > value) break;
      this.#fire(timer);
    }
    this.#nowMs = value;
  }

  get start(): number {
    return this.#startMs;
  }

  #nextTimer(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (!next || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    if (timer.intervalMs === undefined) this.#timers.delete(timer.id);
    else timer.dueMs += timer.intervalMs;
    timer.run();
  }

  tick(ms = 0): void {
    this.now += ms;
  }

  async tickAsync(ms = 0): Promise<void> {
    const end = this.#nowMs + ms;
    await this.runMicrotasks();
    while (true) {
      const timer = this.#nextTimer();
      if (!timer || timer.dueMs > end) break;
      this.#fire(timer);
      await this.runMicrotasks();
    }
    this.#nowMs = end;
  }

  next(): boolean {
    const timer = this.#nextTimer();
    if (timer) this.#fire(timer);
    return timer !== undefined;
  }

  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Gives pending promises a turn of the real event loop. */
  async runMicrotasks(): Promise<void> {
    await new Promise<void>((resolve) => real.setTimeout(resolve, 0));
  }

  restore(): void {
    Object.assign(globalThis, real);
    this.#timers.clear();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
