/** Runs compactions in a worker: gets names and positions, writes table files. */
import { CompactionJob, type CompactionPlan } from "./_compaction.ts";
import { TableReader } from "./_table_reader.ts";
import { RealFileSystem } from "./file_system.ts";

/** One compaction to run. */
export interface CompactionRequest {
  readonly path: string;
  readonly plan: CompactionPlan;
  readonly inputs: readonly { readonly number: number; readonly name: string }[];
  /** Numbers of files that the result may take. */
  readonly numbers: readonly number[];
}

/** A table that was written. */
export interface WrittenTable {
  readonly number: number;
  readonly sizeBytes: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** How it went; damage keeps its place, so that it can be thrown again on the other side. */
export type CompactionReply =
  | { readonly added: readonly WrittenTable[] }
  | { readonly message: string; readonly file?: string; readonly offset?: number };

function compact({ path, plan, inputs, numbers }: CompactionRequest): WrittenTable[] {
  const fs = new RealFileSystem();
  const readers: TableReader[] = [];
  let job: CompactionJob | undefined;
  try {
    for (const { number, name } of inputs) {
      const file = fs.open(name);
      try {
        readers.push(new TableReader(file, name, number, undefined));
      } catch (error) {
        file.close();
        throw error;
      }
    }
    let used = 0;
    const create = () => {
      const number = numbers[used++];
      if (number === undefined) throw new Error("a compaction wrote more tables than planned");
      return { number, file: fs.create(`${path}/${String(number).padStart(6, "0")}.ldb`) };
    };
    job = new CompactionJob(plan, readers.map((reader) => reader.cursor(false)), { create }, path);
    job.step(Infinity);
    return job.added.map(({ number, sizeBytes, smallest, largest }) => ({
      number,
      sizeBytes,
      smallest,
      largest,
    }));
  } catch (error) {
    job?.abort();
    throw error;
  } finally {
    for (const reader of readers) reader.release();
  }
}

/** What a worker has and a page has not. */
const scope = globalThis as unknown as {
  readonly WorkerGlobalScope?: unknown;
  onmessage: (event: MessageEvent<CompactionRequest>) => void;
  postMessage(reply: CompactionReply): void;
};

if (scope.WorkerGlobalScope !== undefined) {
  scope.onmessage = ({ data }) => {
    let reply: CompactionReply;
    try {
      reply = { added: compact(data) };
    } catch (error) {
      const { message } = error as Error;
      const { file, offset } = error as { file?: string; offset?: number };
      reply = file === undefined || offset === undefined ? { message } : { message, file, offset };
    }
    scope.postMessage(reply);
  };
}
