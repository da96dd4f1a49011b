import { drawBox } from "./_box.ts";
import { splitStatements } from "./_sql_tokens.ts";
import { DatabaseError } from "./errors.ts";
import type { Database } from "./session.ts";
import { introspect, type TableDescription } from "./introspect.ts";
import { raw } from "./sql.ts";

/** How many rows of a result are drawn. */
const MAX_ROWS = 10_000;
/** How much text may wait for its semicolon. */
const MAX_PENDING_CHARACTERS = 16 * 1024 * 1024;

const HELP = `\\d          the tables
\\d TABLE    one table
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

/** Draws lines that are indented by depth as a tree. */
function drawTree(lines: readonly string[]): string {
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
export class Shell {
  readonly #database: Database;
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

  /** Runs what waits for its semicolon, at the end of the input. */
  async finish(): Promise<{ output: string; failed: number; left: boolean }> {
    return this.pending ? await this.feed(";\n") : { output: "", failed: 0, left: false };
  }

  async #command(command: string, argument: string): Promise<string> {
    switch (command) {
      case "\\d":
        return await this.#describe(argument);
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
    const { tables, others } = await this.#database.exclusive(introspect);
    if (name === "") {
      const rows = [...tables.values()].map((table) => [table.name, "table"]);
      for (const [other, { type }] of others) rows.push([other, type]);
      return drawBox(["Name", "Type"], rows);
    }
    const table = tables.get(name);
    if (table === undefined) {
      throw new DatabaseError("missing_table", `There is no table ${name}`, { table: name });
    }
    return describeTable(table);
  }

  async #run(statement: string): Promise<string> {
    const start = performance.now();
    const plan = explained(statement);
    const { dialect } = this.#database;
    const text = plan === undefined ? statement : `${dialect.explain} ${plan}`;
    const { columns, rows, changes } = await this.#database.run(raw(text));
    const took = this.#timing ? `\nTime: ${(performance.now() - start).toFixed(3)} ms` : "";
    if (plan !== undefined) return drawTree(dialect.readPlan(rows)) + took;
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
  const indexes = [...table.indexes.values()].map((index) => `\n${index}`).join("");
  return drawBox(["Column", "Type", "Null", "Default", "Key"], rows) + indexes;
}
