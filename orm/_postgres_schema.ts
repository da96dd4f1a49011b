import { renameStatements } from "./_schema_diff.ts";
import { createTableSql, indexSql, referenceSql } from "./_schema_sql.ts";
import type { Dialect, DriverValue, SchemaDialect } from "./dialect.ts";
import type { DriverConnection } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import type {
  ColumnDescription,
  ConstraintDescription,
  OtherDescription,
  ReferenceDescription,
  Renames,
  SchemaDescription,
  SchemaDiff,
  TableDescription,
} from "./schema.ts";
import { TABLE } from "./table.ts";

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

async function read(connection: DriverConnection, text: string): Promise<DriverValue[][]> {
  return (await connection.execute({ text, parameters: [] }, { wide: false })).rows;
}

const HERE = "n.nspname = current_schema() AND left(c.relname, 1) <> '_'";

const COLUMNS =
  `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)::text,
    a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid)::text, a.attidentity::text,
    a.attgenerated::text, (SELECT array_position(k.conkey, a.attnum)::text FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'p')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE ${HERE} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY c.oid, a.attnum`;

const NAMES = (relation: string, numbers: string) =>
  `(SELECT coalesce(json_agg(a.attname ORDER BY u.place), '[]')::text
    FROM unnest(${numbers}) WITH ORDINALITY u(number, place)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.number)`;

const CONSTRAINTS = `SELECT c.relname::text, k.conname::text, k.contype::text,
    pg_get_constraintdef(k.oid)::text, ${NAMES("k.conrelid", "k.conkey")}, f.relname::text,
    ${NAMES("k.confrelid", "k.confkey")}
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class f ON f.oid = k.confrelid
  WHERE ${HERE} AND k.contype IN ('p', 'u', 'c', 'f') ORDER BY k.oid`;

const INDEXES = `SELECT c.relname::text, i.relname::text, pg_get_indexdef(i.oid, 0, true)::text
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${HERE} AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid
    AND k.contype IN ('p', 'u', 'x')) ORDER BY i.oid`;

const OTHERS = `SELECT 'view', c.relname::text, c.relname::text,
    'CREATE VIEW ' || quote_ident(c.relname) || ' AS ' || pg_get_viewdef(c.oid, true)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${HERE} AND c.relkind = 'v'
  UNION ALL SELECT 'trigger', t.tgname::text, c.relname::text, pg_get_triggerdef(t.oid, true)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${HERE} AND NOT t.tgisinternal`;

const TYPES: Readonly<Record<string, string>> = {
  p: "primary key",
  u: "unique",
  c: "check",
  f: "foreign key",
};

async function introspect(connection: DriverConnection): Promise<SchemaDescription> {
  const columns = new Map<string, ColumnDescription[]>();
  for (const row of await read(connection, COLUMNS) as (string | null)[][]) {
    const [table, name, type, notNull, content, identity, generated, key] = row;
    let list = columns.get(table!);
    if (list === undefined) columns.set(table!, list = []);
    list.push({
      name: name!,
      type: type!,
      notNull: notNull === "true",
      default: content!,
      primaryKey: Number(key ?? 0),
      generated: generated !== "",
      identity: identity !== "",
    });
  }
  const constraints = new Map<string, Map<string, ConstraintDescription>>();
  const references = new Map<string, ReferenceDescription[]>();
  for (const row of await read(connection, CONSTRAINTS) as (string | null)[][]) {
    const [table, name, type, sql, here, target, there] = row;
    const own = JSON.parse(here!) as string[];
    const map = constraints.get(table!) ?? new Map<string, ConstraintDescription>();
    map.set(name!, { type: TYPES[type!]!, sql: sql!, columns: own, target: target! });
    constraints.set(table!, map);
    if (type !== "f" || own.length !== 1) continue;
    const list = references.get(table!) ?? [];
    list.push({
      column: own[0]!,
      table: target!,
      target: (JSON.parse(there!) as string[])[0] ?? null,
      onDelete: / ON DELETE ([A-Z ]+?)(?= ON | DEFERR|$)/.exec(sql!)?.[1] ?? null,
      onUpdate: / ON UPDATE ([A-Z ]+?)(?= ON | DEFERR|$)/.exec(sql!)?.[1] ?? null,
    });
    references.set(table!, list);
  }
  const indexes = new Map<string, Map<string, string>>();
  for (const [table, name, sql] of await read(connection, INDEXES) as string[][]) {
    const map = indexes.get(table!) ?? new Map<string, string>();
    indexes.set(table!, map.set(name!, sql!));
  }
  const tables = new Map<string, TableDescription>();
  for (const [name, list] of columns) {
    tables.set(name, {
      name,
      sql: createSql(name, list),
      columns: list,
      references: references.get(name) ?? [],
      indexes: indexes.get(name) ?? new Map(),
      constraints: constraints.get(name) ?? new Map(),
    });
  }
  const others = new Map<string, OtherDescription>();
  for (const [type, name, table, sql] of await read(connection, OTHERS) as string[][]) {
    others.set(name!, { type: type!, table: table!, sql: sql! });
  }
  return { tables, others };
}

function columnDefinition(column: ColumnDescription): string {
  const parts = [quote(column.name), column.type === "text" ? 'text COLLATE "C"' : column.type];
  if (column.identity) parts.push("GENERATED BY DEFAULT AS IDENTITY");
  else if (column.generated) parts.push(`GENERATED ALWAYS AS (${column.default}) STORED`);
  else if (column.default !== null) parts.push(`DEFAULT ${column.default}`);
  if (column.notNull) parts.push("NOT NULL");
  return parts.join(" ");
}

/** In the order of the names, since a column that was added later stands last. */
function createSql(name: string, columns: readonly ColumnDescription[]): string {
  const lines = columns.map(columnDefinition).sort();
  return `CREATE TABLE ${quote(name)} (\n  ${lines.join(",\n  ")}\n)`;
}

async function scratch<T>(
  connection: DriverConnection,
  run: (scratch: DriverConnection) => Promise<T>,
): Promise<T> {
  const name = quote(`_scratch_${crypto.randomUUID()}`);
  await connection.script("BEGIN");
  try {
    await connection.script(`CREATE SCHEMA ${name}; SET LOCAL search_path = ${name}`);
    return await run(connection);
  } finally {
    await connection.script("ROLLBACK");
  }
}

/** Describes a schema after some statements, by running them on a copy without rows. */
function describeAfter(
  connection: DriverConnection,
  schema: SchemaDescription,
  statements: readonly string[],
): Promise<SchemaDescription> {
  return scratch(connection, async (inner) => {
    const tables = [...schema.tables.values()];
    for (const { sql } of tables) await inner.script(sql);
    for (const foreign of [false, true]) {
      for (const table of tables) {
        for (const [name, constraint] of table.constraints) {
          if ((constraint.type === "foreign key") !== foreign) continue;
          await inner.script(
            `ALTER TABLE ${quote(table.name)} ADD CONSTRAINT ${quote(name)} ${constraint.sql}`,
          );
        }
      }
    }
    for (const table of tables) {
      for (const sql of table.indexes.values()) await inner.script(sql);
    }
    for (const text of statements) await inner.script(text);
    return await introspect(inner);
  });
}

const NUMBERS = /^(?:bigint|integer|smallint|numeric.*|double precision|real)$/;

/** How the values of a column become those of another type. */
function conversion(name: string, from: string, to: string): string {
  if (NUMBERS.test(from) && NUMBERS.test(to)) return `${name}::${to}`;
  if (from === "boolean" && NUMBERS.test(to)) return `${name}::integer::${to}`;
  if (NUMBERS.test(from) && to === "boolean") return `${name} <> 0`;
  return `${name}::text::${to}`;
}

/** What changes in one table, sorted by when it may happen. */
interface TableChange {
  readonly table: string;
  readonly source: TableDescription | undefined;
  readonly target: TableDescription | undefined;
  /** Columns that other things must let go of: their type changes, or they go. */
  readonly touched: ReadonlySet<string>;
  /** Columns that are dropped and computed anew. */
  readonly anew: ReadonlySet<string>;
}

function changeOf(
  table: string,
  source: TableDescription | undefined,
  target: TableDescription | undefined,
): TableChange {
  const touched = new Set<string>();
  const anew = new Set<string>();
  const wantedOf = (name: string) => target?.columns.find((one) => one.name === name);
  // A generated column stops others from changing.
  const typesChange = source?.columns.some(({ name, type }) => wantedOf(name)?.type !== type);
  for (const column of source?.columns ?? []) {
    const wanted = wantedOf(column.name);
    const isAnew = wanted?.generated && (!column.generated || typesChange ||
      column.default !== wanted.default);
    if (isAnew) anew.add(column.name);
    if (isAnew || wanted?.type !== column.type) touched.add(column.name);
  }
  return { table, source, target, touched, anew };
}

const keysOf = (table: TableDescription | undefined) =>
  new Set([...table?.constraints.values() ?? []].map(({ sql }) => sql));

async function diff(
  dialect: Dialect,
  connection: DriverConnection,
  from: SchemaDescription,
  to: SchemaDescription,
  renames: Renames,
): Promise<SchemaDiff> {
  const renaming = renameStatements(dialect, from, to, renames);
  const middle = renaming.length === 0 ? from : await describeAfter(connection, from, renaming);
  const losses: string[] = [];
  const names = new Set([...middle.tables.keys(), ...to.tables.keys()]);
  const changes = new Map(
    [...names].map((name) => [name, changeOf(name, middle.tables.get(name), to.tables.get(name))]),
  );
  // A constraint goes that the target lacks, or that holds on to what changes.
  const kept = new Map<string, Set<string>>([...names].map((name) => [name, new Set<string>()]));
  const unique = new Set<string>();
  const drops: [foreign: boolean, statement: string][] = [];
  const consider = (foreign: boolean) => {
    for (const { table, source, target, touched } of changes.values()) {
      const wanted = keysOf(target);
      for (const [name, { type, sql, columns, target: there }] of source?.constraints ?? []) {
        if ((type === "foreign key") !== foreign) continue;
        const free = columns.every((column) => !touched.has(column)) && wanted.has(sql) &&
          !kept.get(table)!.has(sql) &&
          (there === null ||
            (changes.get(there)!.touched.size === 0 && !unique.has(there) &&
              to.tables.has(there)));
        if (free) kept.get(table)!.add(sql);
        else {
          if (type === "unique" || type === "primary key") unique.add(table);
          drops.push([foreign, `ALTER TABLE ${quote(table)} DROP CONSTRAINT ${quote(name)}`]);
        }
      }
    }
  };
  consider(false);
  consider(true);
  const first = drops.filter(([foreign]) => foreign).map(([, statement]) => statement);
  const statements = [...renaming, ...first];
  for (const { table, target } of changes.values()) {
    if (target !== undefined) continue;
    losses.push(`table ${table}`);
    statements.push(`DROP TABLE ${quote(table)}`);
  }
  const away = new Set([...names].filter((name) => !to.tables.has(name)));
  for (const [foreign, statement] of drops) {
    const gone = [...away].some((name) => statement.startsWith(`ALTER TABLE ${quote(name)} `));
    if (!foreign && !gone) statements.push(statement);
  }
  // With a column that is computed anew its indexes go, too.
  const keepsIndex = ({ source, target, anew }: TableChange, name: string) =>
    anew.size === 0 && source?.indexes.get(name) === target?.indexes.get(name);
  for (const change of changes.values()) {
    if (change.source === undefined || change.target === undefined) continue;
    for (const name of change.source.indexes.keys()) {
      if (!keepsIndex(change, name)) statements.push(`DROP INDEX ${quote(name)}`);
    }
  }
  for (const { source, target, anew } of changes.values()) {
    if (target === undefined) continue;
    if (source === undefined) statements.push(target.sql);
    else statements.push(...changeColumns(dialect, source, target, anew, losses));
  }
  const last: string[] = [];
  for (const change of changes.values()) {
    const { target } = change;
    if (target === undefined) continue;
    const here = quote(target.name);
    for (const [name, { type, sql }] of target.constraints) {
      if (kept.get(target.name)!.has(sql)) continue;
      const named = type === "check" && !/_check\d*$/.test(name);
      const statement = `ALTER TABLE ${here} ADD ${
        named ? `CONSTRAINT ${quote(name)} ` : ""
      }${sql}`;
      (type === "foreign key" ? last : statements).push(statement);
    }
    for (const [name, sql] of target.indexes) {
      if (!keepsIndex(change, name)) statements.push(sql);
    }
  }
  return { statements: [...statements, ...last], losses };
}

function changeColumns(
  dialect: Dialect,
  source: TableDescription,
  target: TableDescription,
  anew: ReadonlySet<string>,
  losses: string[],
): string[] {
  const here = quote(target.name);
  const alter = (column: string, what: string) =>
    `ALTER TABLE ${here} ALTER COLUMN ${quote(column)} ${what}`;
  const advance = (column: string) => dialect.advanceIdentity(target.name, column)!;
  const drops: string[] = [];
  const alters: string[] = [];
  const adds: string[] = [];
  const computed: string[] = [];
  const drop = (name: string) => drops.push(`ALTER TABLE ${here} DROP COLUMN ${quote(name)}`);
  const add = (column: ColumnDescription) =>
    (column.generated ? computed : adds).push(
      `ALTER TABLE ${here} ADD COLUMN ${columnDefinition(column)}`,
    );
  for (const column of source.columns) {
    const wanted = target.columns.find((one) => one.name === column.name);
    if (wanted === undefined) {
      if (!column.generated) losses.push(`column ${target.name}.${column.name}`);
      if (column.generated) drops.unshift(`ALTER TABLE ${here} DROP COLUMN ${quote(column.name)}`);
      else drop(column.name);
    } else if (anew.has(column.name)) {
      // It goes first: it stops others from changing.
      if (!column.generated) losses.push(`column ${target.name}.${column.name}`);
      drops.unshift(`ALTER TABLE ${here} DROP COLUMN ${quote(column.name)}`);
      add(wanted);
    } else {
      if (wanted.type !== column.type) {
        losses.push(
          `type of ${target.name}.${column.name}: ${column.type} to ${wanted.type}`,
        );
      }
      alters.push(...changeColumn(here, column, wanted, alter, advance));
    }
  }
  for (const column of target.columns) {
    if (source.columns.some((one) => one.name === column.name)) continue;
    if (
      column.notNull && column.default === null && !column.identity && column.primaryKey === 0
    ) {
      throw new DatabaseError(
        "bad_query",
        `Cannot add ${target.name}.${column.name}: rows that are there have no value for it; ` +
          "give it a default, or allow NULL first",
        { table: target.name, column: column.name },
      );
    }
    add(column);
  }
  return [...drops, ...alters, ...adds, ...computed];
}

function changeColumn(
  here: string,
  from: ColumnDescription,
  to: ColumnDescription,
  alter: (column: string, what: string) => string,
  advance: (column: string) => string,
): string[] {
  const result: string[] = [];
  const change = (what: string) => result.push(alter(to.name, what));
  const name = quote(to.name);
  let content = from.default;
  if (from.generated && !to.generated) {
    change("DROP EXPRESSION");
    content = null;
  }
  if (from.identity && !to.identity) change("DROP IDENTITY");
  if (from.type !== to.type) {
    if (content !== null && !to.generated) {
      change("DROP DEFAULT");
      content = null;
    }
    const type = to.type === "text" ? 'text COLLATE "C"' : to.type;
    change(`TYPE ${type} USING ${conversion(name, from.type, to.type)}`);
  }
  if (!to.generated && content !== to.default) {
    change(to.default === null ? "DROP DEFAULT" : `SET DEFAULT ${to.default}`);
  }
  if (to.notNull && !from.notNull) {
    if (to.default !== null && !to.generated) {
      result.push(`UPDATE ${here} SET ${name} = ${to.default} WHERE ${name} IS NULL`);
    }
    change("SET NOT NULL");
  } else if (from.notNull && !to.notNull) change("DROP NOT NULL");
  if (to.identity && !from.identity) {
    change("ADD GENERATED BY DEFAULT AS IDENTITY");
    result.push(advance(to.name));
  }
  return result;
}

/** The part of PostgreSQL's dialect that reads and changes schemas. */
export const postgresSchema = (dialect: Dialect): SchemaDialect => ({
  introspect,
  // Tables may point at each other: their foreign keys come last.
  create: (tables) => [
    ...tables.flatMap((table) => [
      createTableSql(dialect, table, { references: false }),
      ...indexSql(dialect, table[TABLE]).values(),
    ]),
    ...tables.flatMap((table) => referenceSql(dialect, table)),
  ],
  scratch,
  diff: (connection, from, to, renames) => diff(dialect, connection, from, to, renames),

  // Held by the session: it goes with a client that is killed.
  async lock(connection) {
    const key = "1735551332, hashtext(current_schema())";
    await read(connection, `SELECT pg_advisory_lock(${key})`);
    return async () => {
      await read(connection, `SELECT pg_advisory_unlock(${key})`);
    };
  },
  begin: "BEGIN",
  apply: async (connection, text) => {
    await connection.script(text);
  },
});
