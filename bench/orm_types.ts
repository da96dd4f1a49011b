/**
 * How long `deno check` takes on a model of 200 tables of 20 columns, with relations between them, one
 * query with three levels of relations for each table, and one insert for each; the same in
 * drizzle-orm. The queries stand in functions of their own, as programs have them, and once at the
 * top level of the module, where TypeScript's control flow analysis of 200 statements with `?.` comes
 * on top.
 *
 * Cold: no file was checked before, the library's own included. Warm: only the model was edited since.
 * The median of some runs; the shortest is in `minimum` and `peerMinimum`.
 *
 * `deno run -A bench/orm_types.ts [--runs=5] [--only=TEXT] [--without-peer] [--import-map=FILE]`
 */
import { parseArgs } from "@std/cli";

const TABLES = 200;
const options = parseArgs(Deno.args, {
  string: ["runs", "only", "import-map"],
  boolean: ["without-peer"],
});
const runs = Number(options.runs ?? 5);
const map = options["import-map"] === undefined
  ? []
  : [`--import-map=${Deno.realPathSync(options["import-map"])}`];
const folder = await Deno.makeTempDir();
const numbers = Array.from({ length: TABLES }, (_, index) => index);
const ROW =
  `{ ref: 1, c1: 1, c3: true, c5: "x", c7: 1, c9: true, c11: "y", c13: 1, c15: true, c17: "" }`;
const LEVELS = `{ with: { next: { with: { next: { with: { prev: true } } } } } }`;
const READ = `const id: number | undefined = rows[0]?.next[0]?.next[0]?.prev?.id;\n  void id;`;

/** What is done with each table. */
interface Work {
  readonly includes?: boolean;
  readonly inserts?: boolean;
  /** Whether it stands outside of functions. */
  readonly flat?: boolean;
}

function columns(types: readonly string[]): string {
  return Array.from({ length: 18 }, (_, at) => `  c${at}: ${types[at % types.length]},\n`).join("");
}

function statements(work: Work, include: (at: number) => string, insert: (at: number) => string) {
  const one = (name: string, body: string) =>
    work.flat
      ? `{\n  ${body}\n}\n`
      : `export async function ${name}(): Promise<void> {\n  ${body}\n}\n`;
  const parts: string[] = [];
  for (const at of numbers) {
    if (work.includes) {
      parts.push(one(`find${at}`, `const rows = await ${include(at)};\n  ${READ}`));
    }
    if (work.inserts) parts.push(one(`insert${at}`, `await ${insert(at)};`));
  }
  return parts.join("");
}

function ours(work: Work): string {
  const fields = columns([
    "text()",
    "integer().notNull()",
    "real().default(1)",
    "boolean().notNull()",
    "timestamp()",
    "text().notNull().unique()",
  ]);
  const names = numbers.map((at) => `t${at}`).join(", ");
  const next = (at: number) => `many("t${(at + 1) % TABLES}", { from: "id", to: "ref" })`;
  const previous = (at: number) =>
    `one("t${(at + TABLES - 1) % TABLES}", { from: "ref", to: "id" })`;
  return [
    `import {\n  boolean, integer, many, memory, one, real, Schema, table, text, timestamp,\n} from "${
      new URL("../orm/mod.ts", import.meta.url).href
    }";\n`,
    ...numbers.map((at) =>
      `export const t${at} = table("t${at}", {\n  id: integer().primaryKey(),\n` +
      `  ref: integer().notNull(),\n${fields}});\n`
    ),
    `export const schema = new Schema({ ${names} }, {\n`,
    ...numbers.map((at) => `  t${at}: { next: ${next(at)}, prev: ${previous(at)} },\n`),
    `});\nexport const db = memory();\n`,
    statements(
      work,
      (at) => `schema.find(db, "t${at}", ${LEVELS})`,
      (at) => `db.insert(t${at}).values(${ROW}).run()`,
    ),
  ].join("");
}

function drizzle(work: Work): string {
  const fields = columns([
    "text()",
    "integer().notNull()",
    "real().default(1)",
    `integer({ mode: "boolean" }).notNull()`,
    `integer({ mode: "timestamp" })`,
    "text().notNull().unique()",
  ]);
  const names = numbers.flatMap((at) => [`t${at}`, `t${at}Relations`]).join(", ");
  const previous = (at: number) => (at + TABLES - 1) % TABLES;
  return [
    `import { relations } from "npm:drizzle-orm@0.44.5";\n`,
    `import { integer, real, sqliteTable, text } from "npm:drizzle-orm@0.44.5/sqlite-core";\n`,
    `import { drizzle } from "npm:drizzle-orm@0.44.5/sqlite-proxy";\n`,
    ...numbers.map((at) =>
      `export const t${at} = sqliteTable("t${at}", {\n  id: integer().primaryKey(),\n` +
      `  ref: integer().notNull(),\n${fields}});\n`
    ),
    ...numbers.map((at) =>
      `export const t${at}Relations = relations(t${at}, ({ many, one }) => ({\n` +
      `  next: many(t${(at + 1) % TABLES}),\n` +
      `  prev: one(t${previous(at)}, { fields: [t${at}.ref], references: [t${
        previous(at)
      }.id] }),\n` +
      `}));\n`
    ),
    `export const db = drizzle(() => Promise.resolve({ rows: [] }), { schema: { ${names} } });\n`,
    statements(
      work,
      (at) => `db.query.t${at}.findMany(${LEVELS})`,
      (at) => `db.insert(t${at}).values(${ROW}).run()`,
    ),
  ].join("");
}

/** Checks a file and returns the milliseconds that it took. */
async function check(path: string): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...map, path],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  const elapsedMs = performance.now() - start;
  if (!success) {
    throw new Error(`Cannot check:\n${new TextDecoder().decode(stderr).slice(0, 2_000)}`);
  }
  return elapsedMs;
}

let files = 0;

/** The times of several checks, ascending: of files never seen, and of one file after edits. */
async function measure(text: string): Promise<{ cold: number[]; warm: number[] }> {
  const cold: number[] = [];
  const warm: number[] = [];
  let path = "";
  for (let run = 0; run < runs; run++) {
    path = `${folder}/model_${files++}.ts`;
    await Deno.writeTextFile(path, text);
    cold.push(await check(path));
  }
  for (let run = 0; run < runs; run++) {
    await Deno.writeTextFile(path, `// ${run}\n`, { append: true });
    warm.push(await check(path));
  }
  const ascending = (a: number, b: number) => a - b;
  return { cold: cold.sort(ascending), warm: warm.sort(ascending) };
}

const median = (sorted: readonly number[]) => sorted[(sorted.length - 1) >> 1]!;

const WORKLOADS: Readonly<Record<string, Work>> = {
  "tables and relations": {},
  "tables, relations and 3-level includes": { includes: true },
  "tables, relations, 3-level includes and inserts": { includes: true, inserts: true },
  "tables, relations and 3-level includes outside of functions": { includes: true, flat: true },
};

function print(group: string, own: number[], peer: string, other: number[]): void {
  const [mine, theirs] = [median(own), median(other)];
  console.log(JSON.stringify({
    group,
    ours: Math.round(mine),
    peer,
    peerValue: Math.round(theirs),
    ratio: Number((theirs / mine).toFixed(2)),
    unit: "ms",
    minimum: Math.round(own[0]!),
    peerMinimum: Math.round(other[0]!),
  }));
}

try {
  for (const [name, work] of Object.entries(WORKLOADS)) {
    if (!name.includes(options.only ?? "")) continue;
    const own = await measure(ours(work));
    // Without the peer the rows are set against the time that this project allows itself.
    const other = options["without-peer"]
      ? { cold: [3_000], warm: [3_000] }
      : await measure(drizzle(work));
    const peer = options["without-peer"] ? "limit" : "drizzle-orm";
    for (const state of ["cold", "warm"] as const) {
      print(`type check of ${TABLES} ${name}, ${state}`, own[state], peer, other[state]);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
