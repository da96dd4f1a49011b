/**
 * How batches get to the file and the disk. Batches of one tick share one write, and all who wait
 * for durability at one time share one sync, whose callers of meanwhile share the next.
 */
import type { Engine } from "./_engine.ts";
import { ReadOnlyError } from "./errors.ts";

/** Below this a sync is worth waiting for in this thread, in milliseconds. */
const SHORT_SYNC_MS = 0.5;
const DONE: Promise<void> = Promise.resolve();

interface Group {
  waiters: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The way of batches to the disk. */
export class GroupCommit {
  engine: Engine;
  drained: Promise<void> | undefined;
  syncing = false;
  nextGroup: Group | undefined;
  /** How long a sync took lately. */
  syncMs = 0;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Resolves once what was written so far is with the operating system. */
  drainSoon(): Promise<void> {
    if (this.engine.log!.chunkLength === 0) return DONE;
    return this.drained ??= DONE.then(() => this.drain());
  }

  drain(): void {
    const { engine } = this;
    this.drained = undefined;
    if (engine.poison !== undefined) throw new ReadOnlyError("a write", engine.poison);
    engine.guard("a write", () => engine.log!.drain());
  }

  /** Resolves once what was written so far is durable; all who wait at one time share one sync. */
  syncSoon(): Promise<void> {
    if (this.nextGroup === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.nextGroup = { waiters: 0, promise, resolve, reject };
      if (!this.syncing) {
        this.syncing = true;
        queueMicrotask(() => this.syncGroup());
      }
    }
    this.nextGroup.waiters++;
    return this.nextGroup.promise;
  }

  async syncGroup(): Promise<void> {
    const { engine } = this;
    for (let group; (group = this.nextGroup) !== undefined;) {
      this.nextGroup = undefined;
      try {
        if (engine.poison !== undefined) throw new ReadOnlyError("a write", engine.poison);
        engine.usable();
        engine.guard("a write", () => engine.log!.drain());
        const { sequence, logNumber } = engine;
        engine.counters.syncs++;
        const { file } = engine.log!;
        const started = performance.now();
        try {
          // Handing a sync to another thread and back costs more than a short one takes.
          if (group.waiters === 1 && this.syncMs < SHORT_SYNC_MS) file.sync();
          else await file.syncLater();
          this.syncMs += (performance.now() - started - this.syncMs) / 4;
        } catch (error) {
          engine.poison ??= error;
          throw new ReadOnlyError("an fsync", error);
        }
        // A log that was left meanwhile needs no mark: its batches are in a durable table.
        if (logNumber === engine.logNumber) engine.durable = Math.max(engine.durable, sequence);
        group.resolve();
      } catch (error) {
        group.reject(error);
      }
    }
    this.syncing = false;
  }
}
