import { DatabaseError, type DatabaseErrorCode } from "./errors.ts";

/** What {@linkcode runInProcess} is asked. */
export interface ProcessRequest {
  /** The database's file. */
  readonly path: string;
  /** One statement. */
  readonly text: string;
  /** The most rows that are read. */
  readonly maxRows: number;
  /** The most characters, or bytes, of a cell. */
  readonly maxCellLength: number;
  /** Whether writes are refused. */
  readonly readOnly: boolean;
}

/** What a statement gave. */
export interface ProcessAnswer {
  /** The columns' names. */
  readonly columns: readonly string[];
  /** The rows; every cell as text, or null. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** How many rows were changed, or read. */
  readonly changes: number;
  /** Whether there were more rows than `maxRows`. */
  readonly isCut: boolean;
}

/** Options of {@linkcode runInProcess}. */
export interface RunInProcessOptions {
  /** When the statement is given up, in milliseconds; 5,000 by default. */
  timeoutMs?: number;
  /** The most rows; 1,000 by default. */
  maxRows?: number;
  /** The most characters, or bytes, of a cell; 1,000 by default. */
  maxCellLength?: number;
  /** Refuses writes; `false` by default. */
  readOnly?: boolean;
  /** Gives the statement up. */
  signal?: AbortSignal;
}

/**
 * Runs one statement on a SQLite file in a process of its own, which is killed when its time is up:
 * `node:sqlite` has no other way to end a statement under way, and ending a worker leaves it running.
 * For statements of unknown cost, such as those that a person types. SQLite may take 256 MiB there.
 * A killed statement leaves the file as it was. Cost: starting a process, about 0.1 s.
 *
 * Needs `--allow-run` for Deno itself, besides `--allow-read`; the process may read and write in the
 * file's folder only.
 *
 * @throws {DatabaseError} What the database reports; with code `aborted` when the time is up.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { DatabaseError, runInProcess, sqlite } from "@groundwork/std/orm";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/a.db`;
 * await using db = sqlite(path);
 * await db.script("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
 * const { columns, rows, isCut } = await runInProcess(path, "SELECT a FROM t", { maxRows: 1 });
 * assertEquals({ columns, rows, isCut }, { columns: ["a"], rows: [["1"]], isCut: true });
 *
 * const endless = "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c";
 * await assertRejects(() => runInProcess(path, endless, { timeoutMs: 500 }), DatabaseError, "0.5 s");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function runInProcess(
  path: string,
  text: string,
  options: RunInProcessOptions = {},
): Promise<ProcessAnswer> {
  const { timeoutMs = 5_000, maxRows = 1_000, maxCellLength = 1_000, readOnly = false } = options;
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : ".";
  const request: ProcessRequest = { path, text, maxRows, maxCellLength, readOnly };
  const timer = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timer]) : timer;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--no-lock",
      "--no-prompt",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      new URL("./_query_process.ts", import.meta.url).href,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const output = child.output();
    try {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify(request)));
      await writer.close();
    } catch {
      // It ended before it had read everything: its output says why.
    }
    const { stdout, stderr, success } = await output;
    if (!success) throw failure(signal, timer, timeoutMs, new TextDecoder().decode(stderr));
    const answer = JSON.parse(new TextDecoder().decode(stdout)) as
      | ProcessAnswer
      | { code: DatabaseErrorCode; message: string };
    if ("message" in answer) throw new DatabaseError(answer.code, answer.message, { query: text });
    return answer;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function failure(
  signal: AbortSignal,
  timer: AbortSignal,
  timeoutMs: number,
  stderr: string,
): DatabaseError {
  if (timer.aborted) {
    return new DatabaseError("aborted", `The statement was given up after ${timeoutMs / 1_000} s`);
  }
  if (signal.aborted) return new DatabaseError("aborted", "The statement was given up");
  const [first = ""] = stderr.trim().split("\n");
  return new DatabaseError("other", `The statement's process failed: ${first}`);
}
