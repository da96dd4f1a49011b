import { safeInteger } from "./_encode.ts";
import type { Column } from "./column.ts";
import type { Dialect, DriverValue, ValueKind } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";
import { dialectText, join, Sql } from "./sql.ts";
import { primaryKeyOf, TABLE, type TableBase, type TableInfo } from "./table.ts";

type MapperFactory = (
  decode: (kind: ValueKind, cell: unknown) => unknown,
  narrow: (cell: unknown) => unknown,
) => (rows: DriverValue[][]) => unknown[];

/** Compiling a function costs about as much as a point select: those of the same shape are shared. */
const MAPPERS = new Map<string, MapperFactory>();
const MAX_MAPPERS = 1_000;

/** What a query selects: expressions and tables by the names they get in the rows. */
export type SelectionFields = Readonly<Record<string, Sql | TableBase>>;

/** One value of a row. */
interface Leaf {
  readonly key: string;
  readonly index: number;
  readonly kind: ValueKind | undefined;
  /** Whether it is a column rather than an expression of unknown making. */
  readonly declared: boolean;
}

/** An object within a row. */
interface Group {
  readonly key: string;
  readonly leaves: readonly Leaf[];
  /** The values that are all NULL exactly where the row of an outer join is missing. */
  readonly witnesses: readonly number[];
}

/** What a query reads, laid out. */
export interface Selection {
  /** The expressions in the order of the statement. */
  readonly expressions: readonly Sql[];
  /** The name of each, for the query as a subquery. */
  readonly names: readonly string[];
  /** Whether a 64-bit integer is among them, or something of unknown kind. */
  readonly wide: boolean;
  /** The expressions as a list, where they are columns: written once, since they stay the same. */
  readonly list?: Sql;
  /** Makes the function that turns a driver's row into the program's. */
  mapper(dialect: Dialect): (rows: DriverValue[][]) => unknown[];
}

/** The columns of a table as fields. */
export function fieldsOf(info: TableInfo): Record<string, Column> {
  return Object.fromEntries(info.columns);
}

/** Lays out what a query reads. */
export function layOut(fields: SelectionFields): Selection {
  const expressions: Sql[] = [];
  const names: string[] = [];
  const parts: (Leaf | Group)[] = [];
  const leaf = (key: string, expression: Sql, name: string): Leaf => {
    expressions.push(expression);
    names.push(name);
    const { kind } = expression;
    const declared = "definition" in expression;
    return { key, index: expressions.length - 1, kind, declared };
  };
  for (const [key, field] of Object.entries(fields)) {
    if (field instanceof Sql) {
      parts.push(leaf(key, field, key));
      continue;
    }
    const info = field?.[TABLE];
    if (info === undefined) {
      throw new DatabaseError(
        "bad_query",
        `Cannot select ${key}: it is no expression and no table`,
      );
    }
    const leaves = [...info.columns].map(([name, column]) => leaf(name, column, `${key}.${name}`));
    const keys = new Set(primaryKeyOf(info).map((column) => column.key));
    const witnesses = leaves.filter((one) => keys.size === 0 || keys.has(one.key));
    parts.push({ key, leaves, witnesses: witnesses.map((one) => one.index) });
  }
  if (expressions.length === 0) throw new DatabaseError("bad_query", "Nothing is selected");
  const wide = expressions.some(({ kind }) => kind === "bigint" || kind === undefined);
  let made: { dialect: Dialect; map: (rows: DriverValue[][]) => unknown[] } | undefined;
  const mapper = (dialect: Dialect) => {
    if (made?.dialect !== dialect) made = { dialect, map: generate(parts, wide, dialect) };
    return made.map;
  };
  return { expressions, names, wide, mapper };
}

/** The layouts of whole tables: the most frequent ones, and always the same. */
const TABLES = new WeakMap<TableInfo, Selection>();

/** Lays out the rows of one table. */
export function layOutTable(info: TableInfo): Selection {
  let selection = TABLES.get(info);
  if (selection === undefined) {
    TABLES.set(info, selection = withList(layOut(fieldsOf(info))));
  }
  return selection;
}

/** The layouts of joins of whole tables, by one table after the other. */
interface JoinNode {
  selection?: Selection;
  readonly next: WeakMap<TableInfo, JoinNode>;
}

const JOINS: JoinNode = { next: new WeakMap() };

/** Lays out the rows of several tables, each an object by its name. */
export function layOutJoin(sources: readonly TableInfo[]): Selection {
  let node = JOINS;
  for (const info of sources) {
    let next = node.next.get(info);
    if (next === undefined) node.next.set(info, next = { next: new WeakMap() });
    node = next;
  }
  return node.selection ??= withList(
    layOut(Object.fromEntries(sources.map((info) => [info.alias, { [TABLE]: info }]))),
  );
}

function withList(selection: Selection): Selection {
  let made: { dialect: Dialect; text: string } | undefined;
  const all = join(selection.expressions);
  const list = dialectText((dialect) => {
    if (made?.dialect !== dialect) made = { dialect, text: all.prepare(dialect).text };
    return made.text;
  });
  const isPlain = selection.expressions.every((one) => "definition" in one);
  return isPlain ? { ...selection, list } : selection;
}

/**
 * Writes the function that builds the rows. An object literal of known keys is several times faster
 * than a loop over names; keys enter the source as JSON strings only.
 */
function generate(
  parts: readonly (Leaf | Group)[],
  wide: boolean,
  dialect: Dialect,
): (rows: DriverValue[][]) => unknown[] {
  const read = ({ index, kind, declared }: Leaf): string => {
    const cell = `r[${index}]`;
    if (kind === undefined) return `narrow(${cell})`;
    if (dialect.isPlain(kind, wide, declared)) return cell;
    return `(${cell} === null ? null : decode(${JSON.stringify(kind)}, ${cell}))`;
  };
  const literal = (leaves: readonly (Leaf | Group)[]): string => {
    const members = leaves.map((one): string => {
      // The brackets keep "__proto__" from setting the prototype.
      const name = `[${JSON.stringify(one.key)}]`;
      const key = one.key === "__proto__" ? name : JSON.stringify(one.key);
      if (!("leaves" in one)) return `${key}: ${read(one)}`;
      const missing = one.witnesses.map((index) => `r[${index}] === null`).join(" && ");
      return `${key}: ${missing} ? null : ${literal(one.leaves)}`;
    });
    return `{ ${members.join(", ")} }`;
  };
  const source = `const n = rows.length, out = new Array(n);
    for (let i = 0; i < n; i++) { const r = rows[i]; out[i] = ${literal(parts)}; }
    return out;`;
  let make = MAPPERS.get(source);
  if (make === undefined) {
    const body = `return (rows) => { ${source} };`;
    make = new Function("decode", "narrow", body) as MapperFactory;
    if (MAPPERS.size >= MAX_MAPPERS) MAPPERS.clear();
    MAPPERS.set(source, make);
  }
  return make((kind: ValueKind, cell: unknown) => dialect.decode(kind, cell), narrow);
}

/** A value of unknown kind: integers become numbers where that loses nothing. */
export function narrow(cell: unknown): unknown {
  if (typeof cell !== "bigint") return cell;
  const number = Number(cell);
  return Number.isSafeInteger(number) ? number : cell;
}

/** A count as the driver gave it. */
export function readCount(cell: unknown): number {
  return safeInteger(cell ?? 0);
}
