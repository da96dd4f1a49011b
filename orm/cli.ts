/**
 * The command line of `orm`: migrations, a SQL shell, models out of a database.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "@std/cli";
import { join, resolve, toFileUrl } from "@std/path";
import {
  checkSchema,
  type Database,
  DatabaseError,
  generateMigration,
  introspect,
  migrateDown,
  migrateUp,
  migrationStatus,
  modelSource,
  open,
  readMigrations,
  Shell,
  TABLE,
  type TableBase,
  writeMigration,
} from "./mod.ts";

const USAGE = `Migrate a database, talk to it, write models from it.

Usage:
  shell URL                    statements on stdin, or at a prompt
  introspect URL               models of the tables that are there, on stdout
  migrate generate TITLE       write the next migration: what the models have
                               and the migrations so far do not make
  migrate up|down|status|check go forward or back; say where the database stands;
                               fail unless it has what the models say

URL is sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST/DATABASE.

Options:
  --database URL     the database of migrate up, down, status and check; for
                     generate a PostgreSQL one, where a schema is made and
                     rolled back (without it: migrations for SQLite)
  --models FILE      the module that exports the tables, for generate and check
  --dir FOLDER       where migrations are kept (default: migrations)
  --rename OLD=NEW   with generate: a table, or TABLE.OLD=NEW for a column;
                     may be repeated
  --steps N          how many (default: all up, one down)
  --allow-loss       allow what loses data
  --dry-run          go through everything, then roll back
  --resume           go on with a migration that is dirty: it runs without a
                     transaction, and stopped on its way
  --help             this text

The shell keeps what was typed in ~/.groundwork_sql_history.

Permissions: --allow-read --allow-write for the database and the folder,
--allow-net for a server, --allow-env for its settings and the home folder;
--models runs that module with them.
`;

class UsageError extends Error {}

function openDatabase(url: string | undefined): Database {
  if (url === undefined || !/^(?:sqlite:.|postgres(?:ql)?:\/\/)/s.test(url)) {
    throw new UsageError("Give the database as sqlite:PATH or postgres://…");
  }
  return open(url);
}

async function readModels(path: string | undefined): Promise<TableBase[]> {
  if (path === undefined) throw new UsageError("Give the module of the models with --models");
  const module: Record<string, unknown> = await import(toFileUrl(resolve(path)).href);
  const tables = Object.values(module).filter((content): content is TableBase =>
    typeof content === "object" && content !== null && TABLE in content
  );
  if (tables.length === 0) throw new UsageError(`${path} exports no table`);
  return tables;
}

function readRenames(words: readonly string[]) {
  const tables: Record<string, string> = {};
  const columns: Record<string, string> = {};
  for (const word of words) {
    const [old, name, ...rest] = word.split("=");
    if (!old || !name || rest.length > 0) {
      throw new UsageError(`--rename takes OLD=NEW, not ${word}`);
    }
    (old.includes(".") ? columns : tables)[old] = name;
  }
  return { tables, columns };
}

type Flags = ReturnType<typeof parseArgs>;

async function migrate(words: readonly string[], flags: Flags): Promise<number> {
  const [verb, title, ...rest] = words;
  if (rest.length > 0 || (title !== undefined && verb !== "generate")) {
    throw new UsageError("Too many words");
  }
  const folder: string = flags.dir ?? "migrations";
  const migrations = await readMigrations(folder);
  if (verb === "generate") {
    if (title === undefined || !/^\w+$/.test(title)) {
      throw new UsageError("Give a title made of letters, digits and _");
    }
    const tables = await readModels(flags.models);
    const renames = readRenames(flags.rename ?? []);
    await using server = /^postgres/.test(flags.database ?? "")
      ? openDatabase(flags.database)
      : undefined;
    const made = await generateMigration(migrations, tables, title, renames, server);
    if (made === undefined) {
      console.log("Nothing to do: the migrations make what the models say.");
      return 0;
    }
    await writeMigration(folder, made);
    console.log(
      `Wrote ${folder}/${made.name}.up.sql and .down.sql: read them before you apply them.`,
    );
    return 0;
  }
  const verbs = ["up", "down", "status", "check"];
  if (verb === undefined || !verbs.includes(verb)) {
    throw new UsageError("migrate takes generate, up, down, status or check");
  }
  const steps = flags.steps === undefined ? undefined : Number(flags.steps);
  if (steps !== undefined && !(Number.isSafeInteger(steps) && steps > 0)) {
    throw new UsageError("--steps takes a whole number from 1");
  }
  const options = {
    allowLoss: flags["allow-loss"] as boolean,
    dryRun: flags["dry-run"] as boolean,
    resume: flags.resume as boolean,
    ...(steps === undefined ? {} : { steps }),
  };
  await using db = openDatabase(flags.database);
  if (verb === "up" || verb === "down") {
    const run = verb === "up" ? migrateUp : migrateDown;
    const done = await run(db, migrations, options);
    const what = verb === "up" ? "applied" : "took back";
    for (const name of done) console.log(`${options.dryRun ? "would have " : ""}${what} ${name}`);
    if (done.length === 0) console.log("Nothing to do.");
    return 0;
  }
  const list = await migrationStatus(db, migrations);
  if (verb === "status") {
    for (const { name, state } of list) console.log(`${state.padEnd(8)} ${name}`);
    return 0;
  }
  const behind = list.filter(({ state }) => state !== "applied");
  for (const { name, state } of behind) console.error(`orm: migration ${name} is ${state}`);
  const { statements } = flags.models === undefined
    ? { statements: [] }
    : await checkSchema(db, await readModels(flags.models));
  for (const statement of statements) console.error(`orm: the database lacks ${statement}`);
  if (behind.length + statements.length > 0) return 1;
  console.log("The database is as the migrations and the models say.");
  return 0;
}

const HISTORY_LINES = 1_000;

/** Where the shell keeps what was typed; undefined where there is no home folder. */
function historyFile(): string | undefined {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  return home === undefined ? undefined : join(home, ".groundwork_sql_history");
}

function readHistory(file: string | undefined): string[] {
  try {
    return file === undefined ? [] : Deno.readTextFileSync(file).trimEnd().split("\n").reverse();
  } catch {
    // A first run, or a folder that is not to be read: then there is none.
    return [];
  }
}

/** The shell at a terminal, with history and editing. */
async function talk(session: Shell): Promise<number> {
  console.log("\\? for help, \\q to leave");
  const file = historyFile();
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    history: readHistory(file),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
  });
  let history: string[] = [];
  lines.on("history", (now: string[]) => history = [...now]);
  const ask = () => {
    lines.setPrompt(session.pending ? "...> " : "sql> ");
    lines.prompt();
  };
  lines.on("SIGINT", () => {
    session.forget();
    // Takes away what stands before and after the cursor.
    lines.write(null, { ctrl: true, name: "u" });
    lines.write(null, { ctrl: true, name: "k" });
    console.log("^C");
    ask();
  });
  try {
    ask();
    for await (const line of lines) {
      const { output, left } = await session.feed(`${line}\n`);
      if (output !== "") console.log(output.trimEnd());
      if (left) break;
      ask();
    }
    return 0;
  } finally {
    lines.close();
    if (file !== undefined && history.length > 0) {
      // What was typed may hold secrets.
      const kept = history.slice(0, HISTORY_LINES).reverse().join("\n");
      Deno.writeTextFileSync(file, `${kept}\n`, { mode: 0o600 });
    }
  }
}

async function shell(url: string | undefined): Promise<number> {
  await using db = openDatabase(url);
  await using session = new Shell(db);
  if (Deno.stdin.isTerminal()) return await talk(session);
  let failed = 0;
  const print = (result: { output: string; failed: number }) => {
    if (result.output !== "") console.log(result.output.trimEnd());
    failed += result.failed;
  };
  let partial = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const end = chunk.lastIndexOf("\n") + 1;
    if (end === 0) {
      partial += chunk;
      continue;
    }
    const result = await session.feed(partial + chunk.slice(0, end));
    partial = chunk.slice(end);
    print(result);
    if (result.left) return failed === 0 ? 0 : 1;
  }
  print(await session.feed(partial));
  print(await session.finish());
  return failed === 0 ? 0 : 1;
}

/** Runs the command line; returns the exit code: 0, 1 for a failure, 2 for a wrong command line. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = parseArgs(args, {
      boolean: ["help", "allow-loss", "dry-run", "resume"],
      string: ["database", "models", "dir", "rename", "steps", "_"],
      collect: ["rename"],
      alias: { help: "h" },
      unknown: (arg: string) => {
        if (arg.startsWith("-")) throw new UsageError(`There is no option ${arg}`);
        return true;
      },
    });
    const [command, ...words] = flags._.map(String);
    if (flags.help) {
      console.log(USAGE.trimEnd());
      return 0;
    }
    if (command === "migrate") return await migrate(words, flags);
    if (words.length > 1) throw new UsageError("Too many words");
    if (command === "shell") return await shell(words[0]);
    if (command === "introspect") {
      await using db = openDatabase(words[0]);
      console.log(modelSource(await introspect(db)).trimEnd());
      return 0;
    }
    throw new UsageError(
      command === undefined ? "Give a command" : `There is no command ${command}`,
    );
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`orm: ${error.message}; see --help`);
      return 2;
    }
    const code = error instanceof DatabaseError ? ` (${error.code})` : "";
    console.error(`orm: ${error instanceof Error ? error.message : error}${code}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
