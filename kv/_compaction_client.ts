/** Compaction in a worker: this side of it. */
import type { CompactionPlan } from "./_compaction.ts";
import type { CompactionReply, CompactionRequest } from "./_compaction_worker.ts";
import { newTable, type Table } from "./_version.ts";
import { CorruptionError } from "./errors.ts";

/** The worker could not be started or died; the same work can be done in this thread. */
export class WorkerUnavailable extends Error {}

/** A worker that runs one compaction at a time. */
export class CompactionWorker {
  path: string;
  worker: Worker;
  settle: { resolve: (tables: Table[]) => void; reject: (error: unknown) => void } | undefined;
  failed: unknown;

  constructor(path: string) {
    this.path = path;
    const script = new URL("./_compaction_worker.ts", import.meta.url);
    try {
      this.worker = new Worker(script, { type: "module" });
    } catch (error) {
      throw new WorkerUnavailable((error as Error).message, { cause: error });
    }
    this.worker.onmessage = ({ data }: MessageEvent<CompactionReply>) => {
      const { settle } = this;
      this.settle = undefined;
      if ("added" in data) {
        settle?.resolve(
          data.added.map(({ number, sizeBytes, smallest, largest }) =>
            newTable(number, sizeBytes, smallest, largest)
          ),
        );
      } else if (data.file !== undefined && data.offset !== undefined) {
        const reason = data.message.slice(data.message.lastIndexOf(": ") + 2);
        settle?.reject(new CorruptionError(data.file, data.offset, reason));
      } else settle?.reject(new Error(data.message));
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.failed = new WorkerUnavailable(event.message);
      this.settle?.reject(this.failed);
      this.settle = undefined;
    };
  }

  /** Runs a compaction of these tables, found under these names. */
  run(
    plan: CompactionPlan,
    inputs: readonly { number: number; name: string }[],
    numbers: readonly number[],
  ): Promise<Table[]> {
    if (this.failed !== undefined) return Promise.reject(this.failed);
    const { promise, resolve, reject } = Promise.withResolvers<Table[]>();
    this.settle = { resolve, reject };
    const request: CompactionRequest = { path: this.path, plan, inputs, numbers };
    this.worker.postMessage(request);
    return promise;
  }

  /** Ends it; a compaction that runs is given up. */
  stop(): void {
    this.worker.terminate();
    this.settle?.reject(new WorkerUnavailable("the worker was stopped"));
    this.settle = undefined;
  }
}
