import { assertEquals } from "@std/assert";
import { ClassicLevel } from "npm:classic-level@3.0.0";
import { Database, type Operation } from "./mod.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";

function random(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995;
  return (limit) => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return Math.floor((state >>> 8) / 2 ** 24 * limit);
  };
}

type Model = Map<string, Uint8Array>;
const hex = (bytes: Uint8Array) => bytes.toHex();

/** A batch of puts and deletes over keys of one database's shape, and what it makes of the model. */
function batch(next: (limit: number) => number, shape: number, model: Model): Operation[] {
  return Array.from({ length: 1 + next(next(3) === 0 ? 200 : 5) }, () => {
    const i = next([50, 500, 5000][shape % 3]!);
    const key = shape % 2 === 0
      ? new TextEncoder().encode(`key${String(i).padStart(8, "0")}`)
      : Uint8Array.from({ length: 1 + i % 40 }, (_, k) => (i * 31 + k * 17) & 255);
    if (next(4) === 0) {
      model.delete(hex(key));
      return { type: "delete", key };
    }
    const length = next(300) === 0 ? next(200_000) : next(200);
    const value = new Uint8Array(length);
    if (next(2) === 0) value.fill(next(256));
    else for (let k = 0; k < length; k++) value[k] = next(256);
    model.set(hex(key), value);
    return { type: "put", key, value };
  });
}

const sorted = (model: Model) =>
  [...model].sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => [key, hex(value)]);

/** Copies a database that is open, once nothing moves in it; LevelDB compacts in a thread. */
async function copy(from: string): Promise<string> {
  const list = () =>
    [...Deno.readDirSync(from)].filter(({ name }) => name !== "LOCK" && name !== "LOG")
      .map(({ name }) => `${name} ${Deno.statSync(`${from}/${name}`).size}`).sort();
  for (;;) {
    const to = await Deno.makeTempDir();
    try {
      const before = list();
      for (const entry of before) {
        const [name] = entry.split(" ");
        Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
      }
      if (before.join() === list().join()) return to;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await Deno.remove(to, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function ours(path: string): Promise<unknown> {
  await using db = await Database.open(path);
  assertEquals((await db.verify()).problems, []);
  const forward = [...db.iterator()].map(([key, value]) => [hex(key), hex(value)]);
  const backward = [...db.keys({ reverse: true })].map(hex).reverse();
  assertEquals(backward, forward.map(([key]) => key));
  for (const [key, value] of forward.slice(0, 50)) {
    assertEquals(hex(db.getSync(Uint8Array.fromHex(key!))!), value);
  }
  return forward;
}

function openPeer(path: string): ClassicLevel<Uint8Array, Uint8Array> {
  return new ClassicLevel(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    writeBufferSize: 70_000,
    maxFileSize: 60_000,
    blockSize: 1024,
  });
}

async function theirs(path: string): Promise<unknown> {
  const db = openPeer(path);
  await db.open();
  const entries = await db.iterator().all();
  await db.close();
  return entries.map(([key, value]) => [hex(key), hex(value)]);
}

Deno.test("`Database` and classic-level read each other's databases, closed and not", async () => {
  const first = soak ? Date.now() % 1e9 : 3;
  for (let run = 0; run < (soak ? 50 : 1); run++) {
    const seed = first + run;
    try {
      const next = random(seed);
      const shape = next(6);
      const model: Model = new Map();
      const path = await Deno.makeTempDir();
      // Turn by turn they go on with what the other one left: four databases a run.
      for (let turn = 0; turn < 4; turn++) {
        const batches = 20 + next(80);
        if (turn % 2 === 0) {
          const db = await Database.open(path, { memtableBytes: 60_000 + next(100_000) });
          for (let i = 0; i < batches; i++) await db.write(batch(next, shape, model));
          const unclean = await copy(path); // with a log that nobody has replayed
          assertEquals(await theirs(unclean), sorted(model));
          assertEquals(await ours(unclean), sorted(model)); // and what they made of it
          await Deno.remove(unclean, { recursive: true });
          await db.close();
          const closed = await copy(path);
          assertEquals(await theirs(closed), sorted(model));
          await Deno.remove(closed, { recursive: true });
        } else {
          const db = openPeer(path);
          await db.open();
          for (let i = 0; i < batches; i++) {
            await db.batch(
              batch(next, shape, model).map((operation) =>
                operation.type === "put"
                  ? operation
                  : { type: "del", key: (operation as { key: Uint8Array }).key }
              ),
            );
          }
          const unclean = await copy(path);
          assertEquals(await ours(unclean), sorted(model));
          await Deno.remove(unclean, { recursive: true });
          await db.close();
          const closed = await copy(path);
          assertEquals(await ours(closed), sorted(model));
          await Deno.remove(closed, { recursive: true });
        }
      }
      await Deno.remove(path, { recursive: true });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
