import { assertEquals } from "@std/assert";
import {
  Database,
  DatabaseClosedError,
  MemoryFileSystem,
  type Operation,
  ReadOnlyError,
} from "./mod.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

function random(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995;
  return (limit) => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return Math.floor((state >>> 8) / 2 ** 24 * limit);
  };
}

/** What a workload did: the state after each batch, and when which of them was durable. */
interface History {
  /** `states[i]` is the contents after `i` batches. */
  readonly states: Map<string, string>[];
  /** From this many changes of the file system on, so many batches are durable. */
  readonly acknowledged: { changes: number; batches: number }[];
}

const PATH = "/data/db";
const OPTIONS = { memtableBytes: 3000, cacheBytes: 65536, blockBytes: 512, retainLogBytes: 4000 };

/** Runs a random workload until it is over or a call fails. */
async function work(
  fileSystem: MemoryFileSystem,
  seed: number,
  steps: number,
  onError: (error: unknown) => void,
): Promise<History> {
  const next = random(seed);
  const history: History = { states: [new Map()], acknowledged: [{ changes: 0, batches: 0 }] };
  const open = () => Database.open(PATH, { ...OPTIONS, fileSystem });
  const durable = (batches: number) => {
    history.acknowledged.push({ changes: fileSystem.changes, batches });
  };
  let db: Database | undefined;
  try {
    db = await open();
    const waiting: Promise<void>[] = [];
    for (let step = 0; step < steps; step++) {
      const kind = next(100);
      if (kind < 80) {
        const operations: Operation[] = Array.from(
          { length: 1 + next(next(4) === 0 ? 12 : 2) },
          () => {
            const key = bytes(`k${next(60)}`);
            const value = bytes(`${step}:`.padEnd(next(12) === 0 ? next(1500) : next(90), "x"));
            return next(4) === 0 ? { type: "delete", key } : { type: "put", key, value };
          },
        );
        if (next(20) === 0) {
          const low = next(60);
          operations.push({
            type: "deleteRange",
            from: bytes(`k${low}`),
            to: bytes(`k${low + 5}`),
          });
        }
        const state = new Map(history.states.at(-1));
        for (const operation of operations) {
          if (operation.type === "put") state.set(text(operation.key), text(operation.value));
          else if (operation.type === "delete") state.delete(text(operation.key));
          else {
            const [from, to] = [text(operation.from), text(operation.to)];
            for (const key of [...state.keys()]) if (key >= from && key < to) state.delete(key);
          }
        }
        const sync = next(3) === 0;
        const { sequence } = db;
        const accepted = db.write(operations, { sync });
        // What is visible may be on the disk or not, whatever becomes of the promise.
        if (db.sequence > sequence) history.states.push(state);
        const batches = history.states.length - 1;
        const written = accepted.then(() => {
          if (sync) durable(batches);
        });
        if (next(3) === 0) await written;
        else {
          written.catch(() => {});
          waiting.push(written);
        }
      } else if (kind < 88) await Promise.all(waiting.splice(0));
      else if (kind < 91) await db.compactRange();
      else if (kind < 92) await db.checkpoint(`/data/copy${step}`);
      else if (kind < 95) {
        await Promise.all(waiting.splice(0));
        const batches = history.states.length - 1;
        await db.close();
        durable(batches);
        db = await open();
      } else if (kind < 97) {
        const low = next(60);
        const run = Array.from({ length: 1 + next(8) }, (_, i): [string, string] => [
          `k${low}${String(i).padStart(2, "0")}`,
          `${step}:ingested`,
        ]);
        const state = new Map([...history.states.at(-1)!, ...run]);
        try {
          await db.ingest(run.map(([key, value]) => [bytes(key), bytes(value)] as const));
        } catch (error) {
          // It may be there or not; when it ended all writing, nothing else can follow it.
          if (error instanceof ReadOnlyError) history.states.push(state);
          throw error;
        }
        history.states.push(state);
        durable(history.states.length - 1);
      } else await new Promise((resolve) => setTimeout(resolve, 0)); // idle compaction
    }
    await Promise.all(waiting);
  } catch (error) {
    onError(error);
    if (db) checkReaders(db, history);
  }
  try {
    await db?.close();
  } catch (error) {
    onError(error);
  }
  return history;
}

/** After a failure reads go on, and show what was visible. */
function checkReaders(db: Database, history: History): void {
  let found: Map<string, string>;
  try {
    found = new Map([...db.iterator()].map(([key, value]) => [text(key), text(value)]));
  } catch (error) {
    if (error instanceof DatabaseClosedError) return; // it failed to open again
    throw error;
  }
  const same = history.states.slice(-2).map((state) =>
    state.size === found.size && [...state].every(([key, value]) => found.get(key) === value)
  );
  if (!same.includes(true)) throw new Error("readers see what was never there");
  for (const [key, value] of found) assertEquals(text(db.getSync(bytes(key))!), value);
}

/** Opens what a crash left and finds the state that it is: one that was, and no older than allowed. */
async function check(
  fileSystem: MemoryFileSystem,
  history: History,
  changes: number,
): Promise<void> {
  let least = 0;
  for (const point of history.acknowledged) {
    if (point.changes <= changes) least = Math.max(least, point.batches);
  }
  await using db = await Database.open(PATH, { ...OPTIONS, fileSystem });
  const found = new Map([...db.iterator()].map(([key, value]) => [text(key), text(value)]));
  const same = (state: Map<string, string>) =>
    state.size === found.size && [...state].every(([key, value]) => found.get(key) === value);
  for (let i = history.states.length - 1; i >= least; i--) if (same(history.states[i]!)) return;
  const older = history.states.findIndex(same);
  throw new Error(
    older >= 0
      ? `only ${older} batches are there and ${least} were acknowledged`
      : "the contents are those of no moment",
  );
}

Deno.test("`Database` opens after any power cut with every durable batch and no half one", async () => {
  const first = soak ? Date.now() % 1e9 : 11;
  const [runs, cuts] = soak ? [250, 40] : [10, 20];
  for (let run = 0; run < runs; run++) {
    const seed = first + run;
    const fileSystem = new MemoryFileSystem();
    const history = await work(fileSystem, seed, 120, (error) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
    const next = random(seed + 1e6);
    for (let cut = 0; cut < cuts; cut++) {
      const changes = next(fileSystem.changes + 1);
      const choices: number[] = [];
      const crashed = fileSystem.crash((outcomes) => {
        choices.push(next(outcomes));
        return choices.at(-1)!;
      }, changes);
      try {
        await check(crashed, history, changes);
        // What recovery wrote is durable as well: a second cut changes nothing that was there.
        const again = crashed.crash(next);
        await check(again, history, changes);
      } catch (error) {
        throw new Error(`seed ${seed}, cut ${cut} after ${changes} changes`, { cause: error });
      }
    }
  }
});

Deno.test("`Database` keeps readers alive and loses nothing when any call fails", async () => {
  const seed = 5;
  const steps = 60;
  const whole = new MemoryFileSystem();
  await work(whole, seed, steps, (error) => {
    throw error;
  });
  const stride = soak ? 1 : Math.ceil(whole.calls / 100);
  for (const kind of ["EIO", "ENOSPC", "short"] as const) {
    for (let index = 0; index < whole.calls; index += stride) {
      const fileSystem = new MemoryFileSystem();
      fileSystem.fail = (call) => call.index === index ? kind : undefined;
      const next = random(index);
      try {
        const history = await work(fileSystem, seed, steps, () => {});
        fileSystem.fail = undefined;
        await check(fileSystem.crash(() => 1), history, Infinity);
        await check(fileSystem.crash(next), history, Infinity);
      } catch (error) {
        throw new Error(`${kind} at call ${index}`, { cause: error });
      }
    }
  }
});

Deno.test("`MemoryFileSystem.crash()` loses what is not synced and keeps what is", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/d");
  const file = fileSystem.create("/d/a");
  file.append(bytes("one"));
  file.sync();
  assertEquals(fileSystem.crash(() => 0).list("/d"), []);
  fileSystem.syncDirectory("/d");
  file.append(bytes("two"));
  assertEquals(text(fileSystem.crash(() => 0).contents("/d/a")), "one");
  assertEquals(text(fileSystem.crash(() => 1).contents("/d/a")), "onetwo");
  fileSystem.rename("/d/a", "/d/b");
  assertEquals(fileSystem.crash(() => 0).list("/d"), ["a"]);
  assertEquals(fileSystem.crash(() => 1).list("/d"), ["b"]);
});
