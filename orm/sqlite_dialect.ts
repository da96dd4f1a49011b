import { check, safeInteger } from "./_encode.ts";
import type { Dialect, DriverValue, ValueKind } from "./dialect.ts";
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

/**
 * SQLite's spelling. Booleans are stored as 0 and 1, timestamps as ISO 8601 text in UTC with
 * milliseconds (which sorts by time), decimals and JSON as text.
 */
export const sqliteDialect: Dialect = {
  name: "sqlite",
  maxParameters: 32_766,
  hasRowLocks: false,
  identity: "PRIMARY KEY AUTOINCREMENT",
  noLimit: "LIMIT -1",
  hasTable: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
  // A transaction that may write takes the lock now: taking it later may fail without remedy.
  begin: ({ readOnly }) => readOnly ? "BEGIN" : "BEGIN IMMEDIATE",
  explain: "EXPLAIN QUERY PLAN",
  placeholder: () => "?",
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  typeName: (kind) => TYPE_NAMES[kind],

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
      default:
        return checked as DriverValue;
    }
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
        return String(value);
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

  jsonText(column, path) {
    const steps = path.map((step) => {
      if (typeof step === "number") return Number.isSafeInteger(step) ? `[${step}]` : refusePath();
      // SQLite's paths have no way to write these within a name.
      return /["\\\0]/.test(step) ? refusePath() : `."${step}"`;
    });
    return `json_extract(${column}, '$${steps.join("").replaceAll("'", "''")}')`;
  },
};

function refusePath(): never {
  throw new DatabaseError(
    "bad_query",
    "A JSON path on SQLite is made of whole numbers and of names without quotes and backslashes",
  );
}

function readDate(value: unknown): Date {
  const date = new Date(typeof value === "bigint" ? Number(value) : value as string | number);
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
