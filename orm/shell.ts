import { drawBox, printable } from "./_box.ts";
import { splitStatements } from "./_sql_tokens.ts";
import type { DriverConnection, DriverResult } from "./driver.ts";
import { DatabaseError } from "./errors.ts";
import type { Database } from "./session.ts";
import { introspect } from "./migrate.ts";
import type { SchemaDescription, TableDescription } from "./schema.ts";
import { raw } from "./sql.ts";

/** What opens a transaction, ends it, and what is a setting of the session. */
const BEGINS = /^\s*(?:BEGIN|START\s+TRANSACTION)\b/i;
const ENDS = /^\s*(?:COMMIT|END|ABORT|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b))\b/i;
const SETS = /^\s*(?:SET|RESET|PREPARE|LISTEN|CREATE\s+(?:LOCAL\s+)?TEMP(?:ORARY)?)\b/i;
/** How many rows of a result are drawn. */
const MAX_ROWS = 10_000;
/** How much text may wait for its semicolon. */
const MAX_PENDING_CHARACTERS = 16 * 1024 * 1024;

const HELP = `\\dt         the tables
\\d          the tables, views and triggers
\\d NAME     one of them
\\timing     show how long each statement takes, or stop it
\\q          leave
Statements end with a semicolon. EXPLAIN draws the plan as a tree.`;

function show(cell: unknown): string {
  if (cell === null) return "NULL";
  return cell instanceof Uint8Array ? `x'${cell.toHex()}'` : String(cell);
}

function explained(statement: string): string | undefined {
  return /^EXPLAIN\s+(?:QUERY\s+PLAN\s+)?(SELECT|WITH|INSERT|UPDATE|DELETE|VALUES)\b/i
      .test(statement)
    ? statement.replace(/^EXPLAIN\s+(?:QUERY\s+PLAN\s+)?/i, "")
    : undefined;
}

/** Draws lines that are indented by depth, two spaces a level, as a tree: a plan, for one. */
export function drawTree(lines: readonly string[]): string {
  const depths = lines.map((line) => (line.length - line.trimStart().length) / 2);
  return lines.map((line, index) => {
    let prefix = "";
    for (let depth = 1; depth <= depths[index]!; depth++) {
      const next = depths.findIndex((other, at) => at > index && other <= depth);
      const goesOn = next >= 0 && depths[next] === depth;
      const own = depth === depths[index];
      prefix += own ? goesOn ? "├─ " : "└─ " : goesOn ? "│  " : "   ";
    }
    return prefix + line.trimStart();
  }).join("\n");
}

/**
 * A SQL shell without its terminal: text goes in, text comes out.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { memory, Shell } from "@groundwork/std/orm";
 *
 * await using db = memory();
 * const shell = new Shell(db);
 * const { output } = await shell.feed("SELECT 1 AS one;\n");
 * assertEquals(output, "┌─────┐\n│ one │\n├─────┤\n│ 1   │\n└─────┘\n(1 row)\n");
 * ```
 */
export class Shell implements AsyncDisposable {
  readonly #database: Database;
  /** Held while a transaction is open, or once a setting was made that ends with it. */
  #connection: DriverConnection | undefined;
  #isSet = false;
  #inTransaction = false;
  #pending = "";
  #timing = false;

  /** Works on a database, which stays the caller's to close. */
  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether a statement was begun and not ended. */
  get pending(): boolean {
    return this.#pending.trim() !== "";
  }

  /**
   * Takes one or more lines; gives back what to print. `failed` counts the statements that did not
   * succeed; `left` says that the user asked to leave. It throws nothing but what is no
   * {@linkcode DatabaseError}.
   */
  async feed(text: string): Promise<{ output: string; failed: number; left: boolean }> {
    let output = "";
    let failed = 0;
    const attempt = async (run: () => Promise<string>) => {
      try {
        output += `${await run()}\n`;
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        failed++;
        output += `error (${error.code}): ${error.message}\n`;
      }
    };
    for (const line of text.split(/(?<=\n)/)) {
      if (!this.pending && line.startsWith("\\")) {
        const [command, ...words] = line.trim().split(/\s+/);
        if (command === "\\q") return { output, failed, left: true };
        await attempt(() => this.#command(command!, words.join(" ")));
        continue;
      }
      this.#pending += line;
      if (this.#pending.length > MAX_PENDING_CHARACTERS) {
        this.#pending = "";
        failed++;
        output += `error: a statement may have ${MAX_PENDING_CHARACTERS} characters\n`;
      }
      // Only a semicolon can end a statement: long ones are not read again at each line.
      if (!line.includes(";")) continue;
      const { statements, rest } = splitStatements(this.#pending);
      this.#pending = rest;
      for (const statement of statements) await attempt(() => this.#run(statement));
    }
    return { output, failed, left: false };
  }

  /** Drops what was begun and not ended. */
  forget(): void {
    this.#pending = "";
  }

  /** Runs what waits for its semicolon, at the end of the input. */
  async finish(): Promise<{ output: string; failed: number; left: boolean }> {
    return this.pending ? await this.feed(";\n") : { output: "", failed: 0, left: false };
  }

  async #command(command: string, argument: string): Promise<string> {
    switch (command) {
      case "\\d":
        return await this.#describe(argument);
      case "\\dt":
        return await this.#list(false);
      case "\\timing":
        this.#timing = !this.#timing;
        return `Timing is ${this.#timing ? "on" : "off"}.`;
      case "\\?":
        return HELP;
      default:
        throw new DatabaseError("bad_query", `There is no command ${command}; see \\?`);
    }
  }

  async #describe(name: string): Promise<string> {
    if (name === "") return await this.#list(true);
    const { tables, others } = await this.#introspect();
    const table = tables.get(name);
    const other = others.get(name);
    if (table === undefined && other !== undefined) return printableLines(other.sql);
    if (table === undefined) {
      throw new DatabaseError("missing_table", `There is no table ${name}`, { table: name });
    }
    return describeTable(table);
  }

  /** In the transaction that is open, which sees what it has changed. */
  #introspect(): Promise<SchemaDescription> {
    return this.#connection === undefined
      ? introspect(this.#database)
      : this.#database.dialect.schema.introspect(this.#connection);
  }

  async #list(all: boolean): Promise<string> {
    const { tables, others } = await this.#introspect();
    const rows = [...tables.values()].map((table) => [table.name, "table"]);
    for (const [other, { type }] of all ? others : []) rows.push([other, type]);
    return drawBox(["Name", "Type"], rows);
  }

  async #execute(text: string): Promise<DriverResult> {
    const begins = BEGINS.test(text);
    const sets = SETS.test(text);
    if (begins || sets) this.#connection ??= await this.#database.reserve();
    try {
      const connection = this.#connection;
      if (connection === undefined) return await this.#database.run(raw(text));
      const result = await connection.execute({ text, parameters: [] }, { wide: true });
      if (begins) this.#inTransaction = true;
      if (sets) this.#isSet = true;
      if (ENDS.test(text)) this.#inTransaction = false;
      return result;
    } finally {
      if (!this.#inTransaction && !this.#isSet) this.#release();
    }
  }

  #release(): void {
    this.#connection?.release();
    this.#connection = undefined;
  }

  /** Rolls back a transaction that is open, and gives back what is held. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#inTransaction) await this.#connection?.script("ROLLBACK");
    } catch (error) {
      // A connection that was lost has rolled back by itself.
      if (!(error instanceof DatabaseError)) throw error;
    } finally {
      this.#inTransaction = false;
      this.#release();
    }
  }

  async #run(statement: string): Promise<string> {
    const start = performance.now();
    const plan = explained(statement);
    const { dialect } = this.#database;
    const text = plan === undefined ? statement : `${dialect.explain} ${plan}`;
    const { columns, rows, changes } = await this.#execute(text);
    const took = this.#timing ? `\nTime: ${(performance.now() - start).toFixed(3)} ms` : "";
    // PostgreSQL's answer to every form of EXPLAIN that gives text.
    const isPlan = columns.length === 1 && columns[0] === "QUERY PLAN";
    if (plan !== undefined || isPlan) return drawTree(dialect.readPlan(rows)) + took;
    if (columns.length === 0) {
      return `OK, ${changes} ${changes === 1 ? "row" : "rows"} changed${took}`;
    }
    const drawn = drawBox(columns, rows.slice(0, MAX_ROWS).map((row) => row.map(show)));
    const more = rows.length > MAX_ROWS ? `, the first ${MAX_ROWS} shown` : "";
    return `${drawn}\n(${rows.length} ${rows.length === 1 ? "row" : "rows"}${more})${took}`;
  }
}

function describeTable(table: TableDescription): string {
  const rows = table.columns.map((column) => {
    const reference = table.references.find((one) => one.column === column.name);
    return [
      column.name,
      column.type,
      column.notNull || column.primaryKey > 0 ? "no" : "yes",
      column.default ?? "",
      column.primaryKey > 0 ? "primary key" : reference ? `references ${reference.table}` : "",
    ];
  });
  const more = [...table.indexes.values()];
  for (const [name, { sql }] of table.constraints) more.push(`${name}: ${sql}`);
  return drawBox(["Column", "Type", "Null", "Default", "Key"], rows) +
    more.map((line) => `\n${printableLines(line)}`).join("");
}

/** Text of several lines without what could steer a terminal. */
function printableLines(content: string): string {
  return content.split("\n").map(printable).join("\n");
}
