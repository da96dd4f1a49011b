import { withoutKey } from "./_decimal.ts";
import { check, checkStep, safeInteger } from "./_encode.ts";
import { sqliteSchema } from "./_sqlite_schema.ts";
import type { Dialect, DriverValue, SchemaDialect, ValueKind, Wrapping } from "./dialect.ts";
import { DatabaseError } from "./errors.ts";

const TYPE_NAMES: Record<ValueKind, string> = {
  integer: "INTEGER",
  bigint: "INTEGER",
  real: "REAL",
  // TEXT affinity keeps every digit; SQLite's NUMERIC would turn them into a double.
  numeric: "TEXT",
  text: "TEXT",
  boolean: "INTEGER",
  timestamp: "TEXT",
  blob: "BLOB",
  json: "TEXT",
};

// The functions are those of _sqlite_functions.ts.
const NUMERIC_KEY: Wrapping = ["decimal_key(", ")"];

let schema: SchemaDialect | undefined;

/**
 * SQLite's spelling. Booleans are stored as 0 and 1, timestamps as ISO 8601 text in UTC with
 * milliseconds (which sorts by time), decimals and JSON as text. Decimals are compared, sorted and
 * summed by functions that the driver adds.
 */
export const sqliteDialect: Dialect = {
  name: "sqlite",
  maxParameters: 32_766,
  hasRowLocks: false,
  identity: "PRIMARY KEY AUTOINCREMENT",
  now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
  advanceIdentity: () => undefined,
  noLimit: "LIMIT -1",
  hasTable: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
  columnNames: "SELECT name FROM pragma_table_info(?)",
  conflictNeedsColumns: false,
  // A transaction that may write takes the lock now: taking it later may fail without remedy.
  begin: ({ readOnly }) => readOnly ? "BEGIN" : "BEGIN IMMEDIATE",
  explain: "EXPLAIN QUERY PLAN",
  get schema(): SchemaDialect {
    return schema ??= sqliteSchema(sqliteDialect);
  },
  placeholder: () => "?",
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  typeName: (kind) => TYPE_NAMES[kind],
  castName: (kind) => TYPE_NAMES[kind],
  generated: (stored) => stored ? "STORED" : "VIRTUAL",
  isPlain: (kind, wide, declared) =>
    kind === "text" || kind === "blob" ||
    (declared && !wide && (kind === "real" || kind === "integer")),
  nullOrder: (direction) => direction === "ASC" ? " NULLS LAST" : " NULLS FIRST",
  comparable: (kind) => kind === "numeric" ? NUMERIC_KEY : undefined,
  like: (insensitive) => insensitive ? ["", " LIKE ", " ESCAPE '\\'"] : ["text_like(", ", ", ")"],

  aggregate(name, kind) {
    if (kind !== "numeric") return [`${name}(`, ")"];
    if (name === "sum" || name === "avg") return [`decimal_${name}(`, ")"];
    return [`${name}(decimal_order(`, "))"];
  },

  literal(content) {
    if (content === null) return "NULL";
    if (typeof content === "string") return `'${content.replaceAll("'", "''")}'`;
    if (content instanceof Uint8Array) return `X'${content.toHex()}'`;
    if (content === Infinity) return "9e999";
    if (content === -Infinity) return "-9e999";
    return String(content);
  },

  encode(kind, value): DriverValue {
    const checked = check(kind, value);
    switch (kind) {
      case "integer":
        // A JavaScript number would be bound as REAL.
        return BigInt(checked as number | bigint);
      case "boolean":
        return checked ? 1n : 0n;
      case "timestamp":
        return (checked as Date).toISOString();
      case "real":
        if (Number.isNaN(checked)) {
          throw new DatabaseError("bad_value", "Cannot store NaN: SQLite would make it NULL");
        }
        return checked as number;
      default:
        return checked as DriverValue;
    }
  },

  encodeList(kind, values): DriverValue {
    const items = values.map((item) => {
      const encoded = sqliteDialect.encode(kind, item);
      if (typeof encoded === "bigint") return String(encoded);
      if (encoded instanceof Uint8Array) return `"${encoded.toHex()}"`;
      // Numbers that JSON lacks, as SQLite reads them.
      if (encoded === Infinity) return "9e999";
      if (encoded === -Infinity) return "-9e999";
      return JSON.stringify(encoded);
    });
    return `[${items.join(",")}]`;
  },

  membership(kind, negated, placeholder) {
    const item = kind === "blob"
      ? "unhex(value)"
      : kind === "numeric"
      ? "decimal_key(value)"
      : "value";
    return `${negated ? " NOT" : ""} IN (SELECT ${item} FROM json_each(${placeholder}))`;
  },

  decode(kind, value): unknown {
    switch (kind) {
      case "integer":
        return safeInteger(value);
      case "bigint":
        return BigInt(value as bigint | number | string);
      case "real":
        return Number(value);
      case "boolean":
        return Number(value) !== 0;
      case "timestamp":
        return readDate(value);
      case "numeric":
        return withoutKey(String(value));
      case "json":
        return readJson(value);
      default:
        return value;
    }
  },

  readPlan(rows) {
    const depths = new Map<unknown, number>();
    return rows.map(([id, parent, , detail]) => {
      const depth = (depths.get(parent) ?? -1) + 1;
      depths.set(id, depth);
      return "  ".repeat(depth) + String(detail);
    });
  },

  json: {
    contains: ["json_includes(", ", ", ")"],
    value: (column, path) => step(column, path, "->"),
    text: (column, path) => {
      // Numbers, true and false are texts too; json_extract() would give 1 for true.
      const part = step(column, path, "->");
      return `CASE json_type(${part}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ` +
        `ELSE CAST(json_extract(${part}, '$') AS TEXT) END`;
    },
    number: (column, path) => {
      const part = step(column, path, "->");
      return `CASE WHEN json_type(${part}) IN ('integer', 'real') ` +
        `THEN CAST(json_extract(${part}, '$') AS REAL) END`;
    },
    has: (column, path) => `(${step(column, path, "->")} IS NOT NULL)`,
    length: (column, path) => {
      const part = step(column, path, "->");
      return `CASE json_type(${part}) WHEN 'array' THEN json_array_length(${part}) END`;
    },
  },
};

/** A part of a JSON text. SQLite's own paths have no way to write quotes within a name. */
function step(column: string, path: readonly (string | number)[], operator: "->"): string {
  for (const one of path) checkStep(one);
  if (path.length === 0) return `${column} ${operator} '$'`;
  if (path.some((one) => typeof one === "string" && /["\\\p{Cc}]/u.test(one))) {
    return `json_part(${column}, ${sqliteDialect.literal(JSON.stringify(path))})`;
  }
  const text = path.map((one) =>
    typeof one === "string" ? `."${one}"` : one < 0 ? `[#${one}]` : `[${one}]`
  );
  return `(${column} ${operator} ${sqliteDialect.literal(`$${text.join("")}`)})`;
}

function readDate(value: unknown): Date {
  // What SQLite's own functions write is in UTC, and does not say so.
  const isBare = typeof value === "string" && /^\d{4}-\d\d-\d\d[ T][\d:.]+$/.test(value);
  const content = isBare ? `${value.replace(" ", "T")}Z` : value;
  const date = new Date(typeof content === "bigint" ? Number(content) : content as string | number);
  if (Number.isNaN(date.valueOf())) {
    throw new DatabaseError("bad_value", `Cannot read ${JSON.stringify(value)} as a timestamp`);
  }
  return date;
}

function readJson(value: unknown): unknown {
  try {
    return JSON.parse(value as string);
  } catch (error) {
    throw new DatabaseError("bad_value", "Cannot read a column as JSON", { cause: error });
  }
}
