/** Random models for tests of migrations: the same for the same numbers. */
import {
  bigint,
  boolean,
  Column,
  type ColumnBuilder,
  enumeration,
  type InsertMode,
  integer,
  real,
  type Session,
  sql,
  TABLE,
  table,
  type TableBase,
  text,
} from "../mod.ts";

type Builder = ColumnBuilder<unknown, InsertMode>;
type Pick = (below: number) => number;

const KINDS: Readonly<Record<string, () => Builder>> = { integer, text, real, boolean, bigint };
const NAMES = Object.keys(KINDS);
const DEFAULTS: Readonly<Record<string, unknown>> = {
  integer: 5,
  // A text that every kind can be read from.
  text: "1",
  real: 2.5,
  boolean: true,
  bigint: 7n,
};

/**
 * Rows of one schema must fit the other: only `b` is unique, and it has no default; only `q"x` is an
 * enumeration, and it is text otherwise.
 */
function columnOf(pick: Pick, key: string): { builder: Builder; kind: string } {
  if (key === 'q"x' && pick(2) === 0) {
    const builder = enumeration(...["1", "it's", "2"].slice(0, 2 + pick(2)));
    return { builder: pick(2) === 0 ? builder : builder.default("1").notNull(), kind: "text" };
  }
  const kind = key === 'q"x' ? "text" : NAMES[pick(NAMES.length)]!;
  let builder = KINDS[kind]!();
  if (key === "b") builder = pick(2) === 0 ? builder.unique() : builder;
  else if (pick(3) === 0) builder = builder.default(DEFAULTS[kind] as never).notNull();
  if (pick(5) === 0) {
    builder = builder.check(sql`${new Column("", key, { kind: "text" })} IS NULL OR ${1} <= ${2}`);
  }
  return { builder, kind };
}

/** Up to four tables; every column takes a row that says nothing. */
export function randomModels(pick: Pick): TableBase[] {
  const tables: TableBase[] = [];
  for (const name of ["alpha", "beta", "gam ma", "Delta"]) {
    // The first is always there: others may point at its rows before and after.
    if (tables.length > 0 && pick(4) === 0) continue;
    const columns: Record<string, Builder> = { id: integer().primaryKey() };
    let computes = false;
    for (const column of ["a", "b", "order", 'q"x']) {
      if (pick(3) === 0) continue;
      const { builder, kind } = columnOf(pick, column);
      columns[column] = builder;
      computes ||= column === "a" && (kind === "integer" || kind === "bigint");
    }
    if (computes && pick(3) === 0) {
      columns.computed = integer().generatedAs(sql`coalesce(a, ${0}) + ${1 + pick(2)}`, {
        stored: true,
      });
    }
    const target = pick(2) === 0 ? tables[0] : undefined;
    if (target !== undefined) {
      const action = (["cascade", "set null", "no action"] as const)[pick(3)]!;
      columns.parent = integer().references(() => target[TABLE].columns.get("id")!, {
        onDelete: action,
      });
    }
    const indexed = pick(2) === 0;
    const together = pick(5) === 0 && columns.b !== undefined && columns.order !== undefined;
    const checked = pick(5) === 0;
    tables.push(table(name, columns, (t) => ({
      indexes: indexed ? [{ columns: [Object.values(t).at(-1)!] }] : [],
      uniques: together ? [[t.id!, t.b!, t.order!]] : [],
      checks: checked ? { sensible: sql`${t.id} > ${0}` } : {},
    })));
  }
  return tables;
}

/** Makes the tables, with three rows each; rows that point at others point at the first. */
export async function fillModels(db: Session, models: readonly TableBase[]): Promise<void> {
  await db.createTables(...models);
  for (const one of models) {
    const points = one[TABLE].columns.has("parent");
    for (let row = 0; row < 3; row++) {
      await db.insert(one).values((points ? { parent: 1 } : {}) as never).run();
    }
  }
}
