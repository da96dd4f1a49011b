/**
 * The program that {@linkcode runInProcess} starts: it reads a request from stdin, runs one
 * statement, and writes the answer to stdout. It imports nothing that needs an import map.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { addFunctions } from "./_sqlite_functions.ts";
import { translate } from "./_sqlite_errors.ts";
import type { ProcessAnswer, ProcessRequest } from "./query_process.ts";

/** What SQLite itself may take, for sorting and the like. */
const HEAP_LIMIT_BYTES = 256 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 1_000;

/** Cells as texts: numbers past 2^53 and bytes have no JSON of their own. */
function show(cell: unknown, most: number): string | null {
  if (cell === null) return null;
  if (cell instanceof Uint8Array) {
    return `x'${cell.subarray(0, most).toHex()}'${cell.length > most ? "…" : ""}`;
  }
  const text = String(cell);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

function run({ path, text, maxRows, maxCellLength, readOnly }: ProcessRequest): ProcessAnswer {
  const database = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
  try {
    addFunctions(database);
    database.exec(`PRAGMA hard_heap_limit = ${HEAP_LIMIT_BYTES}`);
    const statement = database.prepare(text);
    const rest = text.slice(statement.sourceSQL.length);
    if (/[^\s;]/.test(rest.replaceAll(/--[^\n]*/g, ""))) {
      throw new Error("one statement at a time");
    }
    // Missing from the types of node:sqlite.
    (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(true);
    statement.setReadBigInts(true);
    const columns = statement.columns().map(({ name }) => name);
    if (columns.length === 0) {
      const { changes } = statement.run();
      return { columns, rows: [], changes: Number(changes), isCut: false };
    }
    const rows: (string | null)[][] = [];
    for (const row of statement.iterate() as ReturnType<StatementSync["iterate"]>) {
      if (rows.length === maxRows) return { columns, rows, changes: rows.length, isCut: true };
      rows.push((row as unknown as unknown[]).map((cell) => show(cell, maxCellLength)));
    }
    return { columns, rows, changes: rows.length, isCut: false };
  } finally {
    database.close();
  }
}

async function main(): Promise<void> {
  const request = await new Response(Deno.stdin.readable).json() as ProcessRequest;
  let answer: unknown;
  try {
    answer = run(request);
  } catch (cause) {
    const { code, message } = translate(cause, request.text);
    answer = { code, message };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(answer));
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

if (import.meta.main) await main();
