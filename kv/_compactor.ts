/**
 * Decides when compaction runs. In this thread a job advances in two ways: each write carries it
 * on in proportion to its size, so that compaction keeps up however fast writes come; and while
 * the event loop is idle it goes on by itself. In a worker it runs beside the writers, who wait
 * when it falls behind.
 */
import { clearImmediate, setImmediate } from "node:timers";
import {
  CompactionJob,
  type CompactionPlan,
  extentsBelow,
  LEVEL_0_TABLES,
  pick,
  type Picked,
} from "./_compaction.ts";
import { CompactionWorker, WorkerUnavailable } from "./_compaction_client.ts";
import type { Engine } from "./_engine.ts";
import type { Table } from "./_version.ts";

/** Tables of level 0 from which writers do three times the work of compaction, or wait. */
const SLOW_TABLES = 8;
/** Tables of level 0 from which a write finishes the job, or waits until it is finished. */
const STOP_TABLES = 12;
/** Less than this is compacted here: handing it over costs as much. */
const REMOTE_BYTES = 2 ** 20;
const SLICE_BYTES = 65536;
const IDLE_SLICE_BYTES = 4 * SLICE_BYTES;

/** What compaction did since the database was opened. */
export interface CompactionCounters {
  jobs: number;
  moves: number;
  readBytes: number;
  writtenBytes: number;
}

/** Compaction of one database. */
export class Compactor {
  engine: Engine;
  pointers: (Uint8Array | undefined)[] = [];
  seek: Table | undefined;
  picked: Picked | undefined;
  job: CompactionJob | undefined;
  debt = 0;
  timer: ReturnType<typeof setImmediate> | undefined;
  worker: CompactionWorker | undefined;
  /** Settles when the worker's job is applied. */
  remote: Promise<void> | undefined;
  remoteFailed = false;
  stopped = false;
  counters: CompactionCounters = { jobs: 0, moves: 0, readBytes: 0, writtenBytes: 0 };

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Whether a job is under way, here or in the worker. */
  get busy(): boolean {
    return this.job !== undefined || this.remote !== undefined;
  }

  get level0(): number {
    return this.engine.version.levels[0]!.length;
  }

  /** Whether writers wait for the worker. */
  get stalled(): boolean {
    return this.remote !== undefined && this.level0 >= SLOW_TABLES;
  }

  /** Resolves as `done`, once the worker has caught up. */
  async relief(done: Promise<void>): Promise<void> {
    await done;
    if (this.level0 >= STOP_TABLES) {
      while (this.remote !== undefined && this.level0 >= STOP_TABLES) await this.remote;
    } else await new Promise((resolve) => setImmediate(resolve));
  }

  /** A table that look-ups pass through in vain. */
  suggest(table: Table): void {
    this.seek = table;
    this.wake();
  }

  /** Starts what is due. */
  wake(): void {
    if (this.stopped || this.engine.poison !== undefined) return;
    if (!this.busy) {
      try {
        this.begin();
      } catch {
        return; // the database is read-only now and says why to the next writer
      }
    }
    if (this.job !== undefined && this.timer === undefined) {
      this.timer = setImmediate(() => {
        this.timer = undefined;
        this.idle();
      });
    }
  }

  idle(): void {
    if (this.stopped || this.job === undefined || this.engine.poison !== undefined) return;
    try {
      this.run(IDLE_SLICE_BYTES);
    } catch {
      return;
    }
    this.wake();
  }

  /** A write of this many bytes does its share. */
  pace(bytes: number): void {
    if (this.job === undefined) return;
    const { level0 } = this;
    if (level0 < LEVEL_0_TABLES && this.picked!.level === 0) return;
    this.debt += bytes * (level0 < SLOW_TABLES ? 2 : 12);
    while (this.job !== undefined && (this.debt >= SLICE_BYTES || this.level0 >= STOP_TABLES)) {
      this.debt = Math.max(0, this.debt - SLICE_BYTES);
      this.run(SLICE_BYTES);
    }
  }

  /** What a job with its result in this level has to know. */
  plan(level: number): CompactionPlan {
    const { engine } = this;
    return {
      oldest: engine.oldestSequence(),
      expired: engine.oldestTime(),
      deeper: extentsBelow(engine.version, level),
      compression: engine.options.compression,
      blockBytes: engine.options.blockBytes,
    };
  }

  /** Picks what is due next and starts it; tables that only change their level do so here. */
  begin(): void {
    const { engine } = this;
    for (;;) {
      const picked = pick(engine.version, this.pointers, this.seek);
      this.seek = undefined;
      if (picked === undefined) return;
      this.start(picked);
      if (!picked.move) return;
    }
  }

  /** Starts a compaction; nothing else may be running. */
  start(picked: Picked): void {
    const { engine } = this;
    this.pointers[picked.level] = picked.inputs[0]!.largest;
    if (picked.move) {
      const table = picked.inputs[0]!;
      const { level } = picked;
      const edit = {
        removed: [{ level, number: table.number }],
        added: [{ level: level + 1, table }],
      };
      engine.guard("a compaction", () => engine.apply(edit));
      this.counters.moves++;
      return;
    }
    const inputBytes = picked.inputs.reduce((sum, table) => sum + table.sizeBytes, 0);
    this.counters.jobs++;
    this.counters.readBytes += inputBytes;
    if (engine.options.worker && !this.remoteFailed && inputBytes >= REMOTE_BYTES) {
      this.remote = this.runRemote(picked, inputBytes);
      return;
    }
    this.startHere(picked);
  }

  /** Starts a compaction in this thread. */
  startHere(picked: Picked): void {
    const { engine } = this;
    engine.guard("a compaction", () => {
      const cursors = [];
      try {
        for (const table of picked.inputs) cursors.push(engine.reader(table).cursor(false));
      } catch (error) {
        for (const cursor of cursors) cursor.close();
        throw error;
      }
      const sink = { create: () => engine.createTable() };
      this.job = new CompactionJob(this.plan(picked.target), cursors, sink, engine.path);
      this.picked = picked;
    });
  }

  async runRemote(picked: Picked, inputBytes: number): Promise<void> {
    const { engine } = this;
    try {
      const worker = this.worker ??= new CompactionWorker(engine.path);
      // Each table of the result but the last of a run holds a quarter of the usual at the least.
      const most = Math.ceil(inputBytes / 2 ** 19) + picked.inputs.length + 8;
      const numbers = Array.from({ length: most }, () => engine.nextFile++);
      const inputs = picked.inputs.map(({ number }) => {
        const { name, file } = engine.openTableFile(number);
        file.close();
        return { number, name };
      });
      const added = await worker.run(this.plan(picked.target), inputs, numbers);
      if (!engine.closed) this.install(picked, added);
    } catch (error) {
      if (error instanceof WorkerUnavailable && !this.stopped) {
        this.remoteFailed = true;
        this.remote = undefined;
        this.startHere(picked);
      } else if (!engine.closed) engine.poison ??= error;
    } finally {
      this.remote = undefined;
    }
    this.wake();
  }

  install(picked: Picked, added: Table[]): void {
    const { engine } = this;
    const { level, target, upper, inputs } = picked;
    const removed = inputs.map(({ number }, i) => ({
      level: i < upper ? level : level + 1,
      number,
    }));
    const placed = added.map((table) => ({ level: target, table }));
    engine.guard("a compaction", () => engine.apply({ removed, added: placed }));
    this.counters.writtenBytes += added.reduce((sum, table) => sum + table.sizeBytes, 0);
  }

  /** Carries the job on; when it is done, shows its result and begins the next. */
  run(bytes: number): void {
    const { job, engine } = this;
    if (job === undefined) return;
    let done = false;
    try {
      done = engine.guard("a compaction", () => job.step(bytes));
    } catch (error) {
      this.drop();
      throw error;
    }
    if (!done) return;
    const picked = this.picked!;
    this.job = undefined;
    this.picked = undefined;
    this.install(picked, job.added);
    this.begin();
  }

  drop(): void {
    this.job?.abort();
    this.job = undefined;
    this.picked = undefined;
  }

  /** Runs until nothing is due. */
  async settle(): Promise<void> {
    this.wake();
    while (this.busy) {
      if (this.remote !== undefined) await this.remote;
      else {
        this.run(IDLE_SLICE_BYTES);
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.engine.writable("a compaction");
    }
  }

  /** Waits for the worker and starts nothing any more. */
  async pause(): Promise<void> {
    this.stopped = true;
    if (this.timer !== undefined) clearImmediate(this.timer);
    this.timer = undefined;
    if (this.remote !== undefined) await this.remote;
    this.worker?.stop();
    this.worker = undefined;
  }

  /** Drops the job; its tables are removed by the next open. */
  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) clearImmediate(this.timer);
    this.timer = undefined;
    this.worker?.stop();
    this.worker = undefined;
    this.drop();
  }
}
