/** `kv` against classic-level: 16-byte keys, 100-byte values. */
import { ClassicLevel } from "npm:classic-level@3.0.0";
import { Database } from "../kv/mod.ts";

const COUNT = 50_000;
const READS = 1000;
const key = (i: number) => new TextEncoder().encode(String(i).padStart(16, "0"));
const value = crypto.getRandomValues(new Uint8Array(100));
const ours = await Database.open(await Deno.makeTempDir());
const theirs = new ClassicLevel<Uint8Array, Uint8Array>(await Deno.makeTempDir(), {
  keyEncoding: "view",
  valueEncoding: "view",
});
const fill = Array.from(
  { length: 1000 },
  (_, i) => ({ type: "put" as const, key: key(i * 50), value }),
);
for (let at = 0; at < COUNT; at += 1000) {
  const entries = Array.from(
    { length: 1000 },
    (_, i) => ({ type: "put" as const, key: key(at + i), value }),
  );
  await ours.write(entries);
  await theirs.batch(entries);
}
const reads = Array.from({ length: READS }, (_, i) => key(Math.imul(i, 7919) % COUNT));

Deno.bench({ name: "groundwork", group: "readrandom, 1000 getSync", baseline: true }, () => {
  for (const wanted of reads) ours.getSync(wanted);
});
Deno.bench({ name: "classic-level", group: "readrandom, 1000 getSync" }, () => {
  for (const wanted of reads) theirs.getSync(wanted);
});
Deno.bench({ name: "groundwork", group: "readseq, 5000 entries", baseline: true }, () => {
  let left = 0;
  for (const [, found] of ours.iterator({ limit: 5000 })) left += found.length;
  if (left !== 500_000) throw new Error("wrong scan");
});
Deno.bench({ name: "classic-level", group: "readseq, 5000 entries" }, async () => {
  const found = await theirs.iterator({ limit: 5000 }).all();
  if (found.length !== 5000) throw new Error("wrong scan");
});
Deno.bench({ name: "groundwork", group: "overwrite, batch of 1000", baseline: true }, async () => {
  await ours.write(fill);
});
Deno.bench({ name: "classic-level", group: "overwrite, batch of 1000" }, async () => {
  await theirs.batch(fill);
});
