#!/usr/bin/env -S deno run --allow-env --allow-read --allow-write
/**
 * A task manager on the command line, with its tasks in a JSON file or in SQLite.
 *
 * Usage: `deno run --allow-env --allow-read --allow-write jsr:@groundwork/std/orm/examples/tasks`
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { dirname, join } from "@std/path";
import { drawBox, printable } from "../_box.ts";
import {
  asc,
  type ColumnBuilder,
  type Database,
  enumeration,
  eq,
  integer,
  sqlite,
  type Table,
  table,
  text,
} from "../mod.ts";

const USAGE = `Keep a list of tasks.

Usage:
  task add TITLE [--priority low|medium|high] [--due YYYY-MM-DD]
  task list [--status pending|completed] [--priority low|medium|high]
  task complete ID
  task delete ID

Options:
  --file PATH    where the tasks are: a JSON file, or a SQLite database if the
                 name ends in .db or .sqlite (default: ~/.tasks.json)
  --help         this text

Permissions: --allow-env=HOME,USERPROFILE --allow-read --allow-write
`;

const PRIORITIES: readonly Priority[] = ["low", "medium", "high"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** The columns of the list are at least this wide. */
const WIDTHS = [2, 23, 8, 11, 8];
const MAX_TITLE_CHARACTERS = 1_000;

/** How much a task matters. */
export type Priority = "low" | "medium" | "high";

/** A task. */
export interface Task {
  /** Its number; never used again. */
  id: number;
  /** What to do. */
  title: string;
  /** How much it matters. */
  priority: Priority;
  /** Midnight of the day it is due in UTC, as ISO 8601; null where it is never due. */
  due: string | null;
  /** Whether it is done. */
  status: "pending" | "complete";
  /** When it was added, as ISO 8601. */
  created: string;
}

/** The tasks cannot be read or written, or the command cannot be carried out. */
export class TaskError extends Error {
  /** `TaskError`. */
  override readonly name = "TaskError";
  /** `usage`: the command line is wrong; `missing`: no such task; `damaged`: the file is no task list. */
  readonly code: "usage" | "missing" | "damaged";

  /** Makes an error. */
  constructor(code: "usage" | "missing" | "damaged", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where tasks are kept. */
export interface TaskStore extends AsyncDisposable {
  /** All tasks by their numbers. */
  list(): Promise<Task[]>;
  /** Adds a task; returns it with its number. */
  add(task: Omit<Task, "id">): Promise<Task>;
  /** Marks a task as complete; `false` if there is none of the number. */
  complete(id: number): Promise<boolean>;
  /** Removes a task; `false` if there is none of the number. */
  delete(id: number): Promise<boolean>;
}

interface TaskFile {
  tasks: Task[];
  nextId: number;
}

function isTask(content: unknown): content is Task {
  if (typeof content !== "object" || content === null) return false;
  const task = content as Record<string, unknown>;
  return Number.isSafeInteger(task.id) && Number(task.id) > 0 && typeof task.title === "string" &&
    PRIORITIES.includes(task.priority as Priority) &&
    (task.due === undefined || task.due === null || isMoment(task.due)) &&
    (task.status === "pending" || task.status === "complete") && isMoment(task.created);
}

function isMoment(content: unknown): boolean {
  return typeof content === "string" && !Number.isNaN(Date.parse(content));
}

/**
 * Tasks in a JSON file, which is replaced as a whole at each change, so that it is never half
 * written. Two commands at the same time are kept apart by a lock on a file beside it.
 */
export class JsonTaskStore implements TaskStore {
  readonly #path: string;

  /** Uses a file, which need not exist. */
  constructor(path: string) {
    this.#path = path;
  }

  /** All tasks by their numbers. */
  async list(): Promise<Task[]> {
    return (await this.#read()).tasks;
  }

  /** Adds a task. */
  add(task: Omit<Task, "id">): Promise<Task> {
    return this.#change((file) => {
      const added = { id: file.nextId++, ...task };
      file.tasks.push(added);
      return added;
    });
  }

  /** Marks a task as complete. */
  complete(id: number): Promise<boolean> {
    return this.#change((file) => {
      const task = file.tasks.find((one) => one.id === id);
      if (task) task.status = "complete";
      return task !== undefined;
    });
  }

  /** Removes a task. */
  delete(id: number): Promise<boolean> {
    return this.#change((file) => {
      const index = file.tasks.findIndex((task) => task.id === id);
      if (index >= 0) file.tasks.splice(index, 1);
      return index >= 0;
    });
  }

  /** Does nothing: no file stays open. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #read(): Promise<TaskFile> {
    let content: string;
    try {
      content = await Deno.readTextFile(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { tasks: [], nextId: 1 };
      throw error;
    }
    const damaged = (why: string, cause?: unknown) =>
      new TaskError(
        "damaged",
        `Cannot read ${this.#path}: ${why}; it is left as it is: repair it, move it away, or use --file`,
        { cause },
      );
    let data: Partial<TaskFile> | null;
    try {
      data = JSON.parse(content);
    } catch (error) {
      throw damaged("it is no JSON", error);
    }
    const tasks = data?.tasks;
    if (!Array.isArray(tasks) || !tasks.every(isTask)) throw damaged("it is no list of tasks");
    const ids = new Set(tasks.map((task) => task.id));
    if (ids.size !== tasks.length) throw damaged("two tasks have one number");
    const most = tasks.reduce((id, task) => Math.max(id, task.id), 0);
    const { nextId } = data!;
    const kept = Number.isSafeInteger(nextId) ? Math.max(Number(nextId), most + 1) : most + 1;
    return {
      tasks: tasks.map((task) => ({ ...task, due: task.due ?? null }))
        .sort((a, b) => a.id - b.id),
      nextId: kept,
    };
  }

  async #change<T>(change: (file: TaskFile) => T): Promise<T> {
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    using lock = await Deno.open(`${this.#path}.lock`, { create: true, write: true });
    await lock.lock(true);
    const file = await this.#read();
    const result = change(file);
    const tasks = file.tasks.map(({ due, ...task }) => {
      const { status, created, ...head } = task;
      return { ...head, ...(due === null ? {} : { due }), status, created };
    });
    const temporary = `${this.#path}.${crypto.randomUUID()}.new`;
    try {
      await Deno.writeTextFile(
        temporary,
        JSON.stringify({ tasks, nextId: file.nextId }, null, 2) + "\n",
        { mode: 0o600, createNew: true },
      );
      using written = await Deno.open(temporary, { write: true });
      await written.syncData();
      await Deno.rename(temporary, this.#path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    return result;
  }
}

/** The table of {@linkcode SqliteTaskStore}. */
export const tasks: Table<"tasks", {
  id: ColumnBuilder<number, "default">;
  title: ColumnBuilder<string, "required">;
  priority: ColumnBuilder<Priority, "required">;
  due: ColumnBuilder<string | null, "optional">;
  status: ColumnBuilder<"pending" | "complete", "required">;
  created: ColumnBuilder<string, "required">;
}> = table("tasks", {
  id: integer().primaryKey(),
  title: text().notNull(),
  priority: enumeration(...PRIORITIES).notNull(),
  due: text(),
  status: enumeration("pending", "complete").notNull(),
  created: text().notNull(),
});

/** Tasks in a SQLite database. */
export class SqliteTaskStore implements TaskStore {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Opens a database, and makes it where there is none. */
  static async open(path: string): Promise<SqliteTaskStore> {
    if (path !== ":memory:") await Deno.mkdir(dirname(path), { recursive: true });
    const database = sqlite(path);
    try {
      await database.transaction(async (tx) => {
        if (!await tx.hasTable(tasks)) await tx.createTable(tasks);
      });
    } catch (error) {
      await database.close();
      throw error;
    }
    return new SqliteTaskStore(database);
  }

  /** All tasks by their numbers. */
  list(): Promise<Task[]> {
    return this.#database.select().from(tasks).orderBy(asc(tasks.id)).find();
  }

  /** Adds a task. */
  async add(task: Omit<Task, "id">): Promise<Task> {
    return (await this.#database.insert(tasks).values(task).returning().first())!;
  }

  /** Marks a task as complete. */
  async complete(id: number): Promise<boolean> {
    return await this.#database.update(tasks).set({ status: "complete" }).where(eq(tasks.id, id))
      .run() > 0;
  }

  /** Removes a task. */
  async delete(id: number): Promise<boolean> {
    return await this.#database.delete(tasks).where(eq(tasks.id, id)).run() > 0;
  }

  /** Closes the database. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#database.close();
  }
}

function usage(message: string): never {
  throw new TaskError("usage", `${message}; see task --help`);
}

function readDue(due: string | undefined): string | null {
  if (due === undefined) return null;
  const moment = new Date(`${due}T00:00:00Z`);
  const real = /^\d{4}-\d\d-\d\d$/.test(due) && !Number.isNaN(moment.valueOf()) &&
    moment.toISOString().startsWith(due);
  if (!real) usage(`--due takes a day such as 2025-01-15, not ${JSON.stringify(due)}`);
  return `${due}T00:00:00Z`;
}

function readPriority(priority: string): Priority {
  const found = PRIORITIES.find((one) => one === priority.toLowerCase());
  return found ?? usage(`--priority takes low, medium or high, not ${JSON.stringify(priority)}`);
}

function readStatus(status: string): Task["status"] {
  if (status === "completed" || status === "complete") return "complete";
  return status === "pending"
    ? status
    : usage(`--status takes pending or completed, not ${JSON.stringify(status)}`);
}

function readId(words: readonly string[]): number {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0) usage("Give the number of one task");
  const id = /^#?\d+$/.test(word) ? Number(word.replace("#", "")) : NaN;
  if (!Number.isSafeInteger(id) || id < 1) usage(`${JSON.stringify(word)} is no task's number`);
  return id;
}

function day(due: string): { month: string; date: string; year: string } {
  const moment = new Date(due);
  return {
    month: MONTHS[moment.getUTCMonth()]!,
    date: String(moment.getUTCDate()).padStart(2, "0"),
    year: String(moment.getUTCFullYear()),
  };
}

function draw(list: readonly Task[]): string {
  const rows = list.map((task) => {
    const due = task.due === null ? undefined : day(task.due);
    return [
      String(task.id),
      task.title,
      task.priority.toUpperCase(),
      due ? `${due.month} ${due.date} ${due.year}` : "-",
      task.status,
    ];
  });
  return drawBox(["ID", "Task", "Priority", "Due", "Status"], rows, WIDTHS);
}

/** Carries out one command on a store; returns what to print. */
export async function runTask(
  store: TaskStore,
  words: readonly string[],
  options: { priority?: string; due?: string; status?: string; now?: Date } = {},
): Promise<string> {
  const [command, ...rest] = words;
  const allow = (...names: ("priority" | "due" | "status")[]) => {
    for (const name of ["priority", "due", "status"] as const) {
      if (options[name] !== undefined && !names.includes(name)) {
        usage(`${command} takes no --${name}`);
      }
    }
  };
  switch (command) {
    case "add": {
      allow("priority", "due");
      const [title, ...more] = rest;
      if (title === undefined || more.length > 0) usage("Give one title, in quotes");
      if (title.trim() === "" || title.length > MAX_TITLE_CHARACTERS || title.includes("\0")) {
        usage(`A title has 1 to ${MAX_TITLE_CHARACTERS} characters and no NUL`);
      }
      const created = (options.now ?? new Date()).toISOString().replace(/\.\d+Z$/, "Z");
      const priority = readPriority(options.priority ?? "medium");
      const due = readDue(options.due);
      const task = await store.add({ title, priority, due, status: "pending", created });
      const at = due === null ? undefined : day(due);
      const when = at === undefined ? "" : `, due ${at.month} ${at.date}`;
      return `✓ Added task #${task.id}: "${printable(title)}" (${priority} priority${when})`;
    }
    case "list": {
      allow("priority", "status");
      if (rest.length > 0) usage("list takes no words");
      const status = options.status === undefined ? undefined : readStatus(options.status);
      const priority = options.priority === undefined ? undefined : readPriority(options.priority);
      const list = await store.list();
      return draw(list.filter((task) =>
        (status === undefined || task.status === status) &&
        (priority === undefined || task.priority === priority)
      ));
    }
    case "complete":
    case "delete": {
      allow();
      const id = readId(rest);
      const found = await store[command](id);
      if (!found) throw new TaskError("missing", `There is no task #${id}: see task list`);
      return command === "complete" ? `✓ Marked task #${id} as complete` : `✓ Deleted task #${id}`;
    }
    default:
      return usage(command === undefined ? "Give a command" : `There is no command ${command}`);
  }
}

/** Opens the store that a path names: SQLite for `.db` and `.sqlite`, otherwise a JSON file. */
export async function openTaskStore(path: string): Promise<TaskStore> {
  return /\.(?:db|sqlite3?)$/.test(path)
    ? await SqliteTaskStore.open(path)
    : new JsonTaskStore(path);
}

/** Runs the command line; returns the exit code: 0, 1 for a failure, 2 for a wrong command line. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = parseArgs(args, {
      boolean: ["help"],
      string: ["priority", "due", "status", "file", "_"],
      alias: { help: "h" },
      unknown: (arg) => arg.startsWith("-") ? usage(`There is no option ${arg}`) : true,
    });
    if (flags.help) {
      console.log(USAGE.trimEnd());
      return 0;
    }
    const home = () => Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
    const path = flags.file ?? join(home(), ".tasks.json");
    await using store = await openTaskStore(path);
    const { priority, due, status } = flags;
    const output = await runTask(store, flags._.map(String), {
      ...(priority === undefined ? {} : { priority }),
      ...(due === undefined ? {} : { due }),
      ...(status === undefined ? {} : { status }),
    });
    console.log(output);
    return 0;
  } catch (error) {
    console.error(`task: ${error instanceof Error ? error.message : error}`);
    return error instanceof TaskError && error.code === "usage" ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
