/**
 * The command line of `kv`: reads, writes, checks and copies a database.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { format as formatBytes } from "@std/fmt/bytes";
import { DEFAULT_WORKLOADS, type Workload, WORKLOADS } from "./_workloads.ts";
import {
  codecs,
  CorruptionError,
  Database,
  DatabaseExistsError,
  DatabaseLockedError,
  DatabaseNotFoundError,
  type DatabaseStats,
  EncodingError,
  escapeBytes,
  exportJsonLines,
  importJsonLines,
  type IteratorOptions,
  type JsonLinesProgress,
  toJsonLine,
} from "./mod.ts";

const USAGE = `Read, write, check and copy a database.

Usage:
  --db DIR get KEY                   Print the value; exit 1 where there is none.
  --db DIR set KEY VALUE             Set a key; creates the database if it is missing.
  --db DIR del KEY...                Remove keys.
  --db DIR scan                      Print the entries of a range.
  --db DIR stats                     Print levels, sizes and counters.
  --db DIR verify                    Check every file; exit 1 where something is damaged.
  --db DIR compact                   Merge the tables of a range, or all.
  --db DIR backup TARGET             Copy the database to a new folder.
  --db DIR repair                    Rebuild a damaged database from what can be read.
  --db DIR export [FILE]             Write entries as JSON Lines, to standard output without FILE.
  --db DIR import [FILE]             Read JSON Lines, from standard input without FILE.
  --db DIR bench [WORKLOAD...]       Measure db_bench's workloads in the new folder DIR.

Options:
  --db <dir>          The folder of the database.
  --hex               Keys and values of the command line are in hexadecimal.
  --format <form>     text: as they are; in a scan a tab between them, and \\xNN for bytes that are
                      not printable. hex: hexadecimal. json: as export does.    [default: text]
  --from <key>        The first key of a range.
  --to <key>          The end of a range, not part of it.
  --prefix <key>      What keys begin with.
  --limit <number>    The most entries.
  --reverse           From the greatest key to the smallest.
  --sync              Writes are on disk before the command ends. Closing sees to that too.
  --ttl <ms>          set: the entry's lifetime in milliseconds. A database that was not made with
                      --ttl takes none.
  --lifetimes         import: makes a missing database one whose entries may have lifetimes.
                      repair: it was made so, where its manifest cannot tell any more.
  --num <number>      bench: entries.                                        [default: 100000]
  --value-size <n>    bench: bytes of a value.                                  [default: 100]
  --help              Show this.

Arguments that begin with a dash stand behind "--". A line of export is {"key": "text", "value":
"text"}; bytes that are not UTF-8 are an object, {"base64": "/wA="}, in the place of the text, and an
entry whose life ends has "expires" in milliseconds since the epoch. import takes {"hex": "ff00"} too.

Exit codes: 0; 1 when it failed; 2 for arguments that make no sense.
Permissions: --allow-read --allow-write (for DIR, TARGET and FILE)
`;

/** Arguments that cannot be understood; the message says which and what to do. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** Where a command reads from and writes to. */
export interface CommandStreams {
  /** Writes all the bytes to standard output. */
  output(bytes: Uint8Array): void;
  /** Writes a line to standard error. */
  error(line: string): void;
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Shows how far a command is on standard error, in the place of what it showed before. */
  progress(text: string): void;
}

type Format = "text" | "hex" | "json";

interface Command {
  readonly db: string;
  readonly args: string[];
  readonly hex: boolean;
  readonly format: Format;
  readonly range: IteratorOptions;
  readonly sync: boolean;
  readonly ttl: number | undefined;
  readonly lifetimes: boolean;
  readonly num: number;
  readonly valueSize: number;
}

const FORMATS = ["text", "hex", "json"];
/** How many arguments each command takes. */
const ARITY: Record<string, readonly [least: number, most: number]> = {
  get: [1, 1],
  set: [2, 2],
  del: [1, Infinity],
  scan: [0, 0],
  stats: [0, 0],
  verify: [0, 0],
  compact: [0, 0],
  backup: [1, 1],
  repair: [0, 0],
  export: [0, 1],
  import: [0, 1],
  bench: [0, Infinity],
};

function parseBytes(text: string, hex: boolean): Uint8Array {
  try {
    return hex ? codecs.hex.encode(text) : codecs.utf8.encode(text);
  } catch {
    throw new UsageError(`"${text}" is not pairs of hexadecimal digits, as --hex wants`);
  }
}

/** The first key behind those that begin with `prefix`; none behind 0xff bytes alone. */
function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  if (last < 0) return undefined;
  const end = prefix.slice(0, last + 1);
  end[last]!++;
  return end;
}

function parse(args: readonly string[]): { name: string; command: Command } | "help" {
  const unknown: string[] = [];
  const parsed = parseArgs(args as string[], {
    string: ["db", "format", "from", "to", "prefix", "limit", "ttl", "num", "value-size", "_"],
    boolean: ["help", "hex", "lifetimes", "reverse", "sync"],
    unknown: (arg: string) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      unknown.push(arg);
      return false;
    },
  });
  if (parsed.help) return "help";
  if (unknown.length > 0) throw new UsageError(`Unknown argument "${unknown[0]}"; see --help`);
  const text = (name: string): string | undefined => parsed[name] as string | undefined;
  const number = (name: string): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,12}$/.test(value)) throw new UsageError(`--${name} wants a number, not "${value}"`);
    return Number(value);
  };
  const [name, ...rest] = parsed._.map(String);
  if (name === undefined) throw new UsageError("No command is given; see --help");
  const arity = Object.hasOwn(ARITY, name) ? ARITY[name] : undefined;
  if (!arity) throw new UsageError(`Unknown command "${name}"; see --help`);
  if (rest.length < arity[0] || rest.length > arity[1]) {
    throw new UsageError(`"${name}" does not take ${rest.length} arguments; see --help`);
  }
  if (!text("db")) throw new UsageError("--db wants the folder of the database; see --help");
  const format = text("format") ?? "text";
  if (!FORMATS.includes(format)) {
    throw new UsageError(`--format wants text, hex or json, not "${format}"`);
  }
  const hex = parsed.hex === true;
  const key = (name: string) => {
    const value = text(name);
    return value === undefined ? undefined : parseBytes(value, hex);
  };
  const prefix = key("prefix");
  const range: IteratorOptions = {
    from: key("from"),
    to: key("to"),
    gte: prefix,
    lt: prefix && prefixEnd(prefix),
    limit: number("limit"),
    reverse: parsed.reverse === true,
  };
  return {
    name,
    command: {
      db: text("db")!,
      args: rest,
      hex,
      format: format as Format,
      range,
      sync: parsed.sync === true,
      ttl: number("ttl"),
      lifetimes: parsed.lifetimes === true,
      num: number("num") ?? 100_000,
      valueSize: number("value-size") ?? 100,
    },
  };
}

const OUTPUT_BYTES = 65_536;
const encoder = new TextEncoder();

function formatEntry(db: Database, format: Format, key: Uint8Array, value: Uint8Array): string {
  if (format === "json") return toJsonLine(key, value, db.expiresSync(key));
  if (format === "hex") return `${codecs.hex.decode(key)}\t${codecs.hex.decode(value)}`;
  return `${escapeBytes(key)}\t${escapeBytes(value)}`;
}

function formatStats(stats: DatabaseStats): string {
  const size = (bytes: number) => formatBytes(bytes, { binary: true });
  const lines = ["level  tables        size  score"];
  for (const { level, tables, sizeBytes, score } of stats.levels) {
    if (tables === 0 && level > 0) continue;
    const columns = [`${tables}`.padStart(6), size(sizeBytes).padStart(10), score.toFixed(2)];
    lines.push(`${`${level}`.padEnd(5)}  ${columns.join("  ")}`);
  }
  const { memtable, compaction, blockCache, counters } = stats;
  lines.push(
    `memtable     ${memtable.entries.toLocaleString("en-US")} entries, ${size(memtable.sizeBytes)}`,
    `log          ${size(stats.logBytes)}`,
    `block cache  ${size(blockCache.sizeBytes)} of ${size(blockCache.limitBytes)}`,
    `compactions  ${compaction.jobs} jobs, ${compaction.moves} moves, ` +
      `${size(compaction.readBytes)} read, ${size(compaction.writtenBytes)} written`,
    `sequence     ${stats.sequence}`,
    `since open   ${counters.gets} gets, ${counters.operations} writes, ${counters.syncs} syncs`,
  );
  return lines.join("\n");
}

/** What one run of the program works with. */
class Run {
  #command: Command;
  #streams: CommandStreams;
  #signal: AbortSignal;

  constructor(command: Command, streams: CommandStreams, signal: AbortSignal) {
    this.#command = command;
    this.#streams = streams;
    this.#signal = signal;
  }

  #print(text: string): void {
    this.#streams.output(encoder.encode(`${text}\n`));
  }

  #open(createIfMissing = false): Promise<Database> {
    return Database.open(this.#command.db, { createIfMissing });
  }

  #progress(verb: string): (progress: JsonLinesProgress) => void {
    let shown = performance.now();
    return ({ entries, bytes }) => {
      const now = performance.now();
      if (now - shown < 500) return;
      shown = now;
      this.#streams.progress(`${verb} ${describe({ entries, bytes })}`);
    };
  }

  async get(): Promise<number> {
    const { args, hex, format } = this.#command;
    const key = parseBytes(args[0]!, hex);
    await using db = await this.#open();
    const value = db.getSync(key);
    if (!value) {
      this.#streams.error(`There is no key "${args[0]}"; "scan" lists those that there are`);
      return 1;
    }
    if (format === "json") this.#print(formatEntry(db, format, key, value));
    else if (format === "hex") this.#print(codecs.hex.decode(value));
    else {
      this.#streams.output(value);
      this.#print("");
    }
    return 0;
  }

  async set(): Promise<number> {
    const { args, hex, sync, ttl } = this.#command;
    const [key, value] = args.map((text) => parseBytes(text, hex)) as [Uint8Array, Uint8Array];
    await using db = ttl === undefined
      ? await this.#open(true)
      : await Database.open(this.#command.db, { ttl: true });
    await db.put(key, value, ttl === undefined ? { sync } : { sync, ttl });
    return 0;
  }

  async del(): Promise<number> {
    const { args, hex, sync } = this.#command;
    const keys = args.map((text) => parseBytes(text, hex));
    await using db = await this.#open();
    await db.write(keys.map((key) => ({ type: "delete", key })), { sync });
    return 0;
  }

  async scan(): Promise<number> {
    const { format, range } = this.#command;
    await using db = await this.#open();
    let lines = "";
    for (const [key, value] of db.iterator({ ...range, signal: this.#signal })) {
      lines += `${formatEntry(db, format, key, value)}\n`;
      if (lines.length < OUTPUT_BYTES) continue;
      this.#streams.output(encoder.encode(lines));
      lines = "";
      await breathe();
    }
    this.#streams.output(encoder.encode(lines));
    return 0;
  }

  async stats(): Promise<number> {
    await using db = await this.#open();
    const stats = db.stats();
    this.#print(this.#command.format === "json" ? JSON.stringify(stats) : formatStats(stats));
    return 0;
  }

  async verify(): Promise<number> {
    await using db = await this.#open();
    const { tables, entries, sizeBytes, problems } = await db.verify({ signal: this.#signal });
    for (const problem of problems) this.#streams.error(problem.message);
    if (problems.length > 0) {
      this.#streams.error(`${problems.length} problems; "repair" keeps what can be read`);
      return 1;
    }
    const size = formatBytes(sizeBytes, { binary: true });
    this.#print(`Sound: ${count(tables, "table")}, ${count(entries, "version")} of keys, ${size}`);
    return 0;
  }

  async compact(): Promise<number> {
    const { from, to, gte, lt } = this.#command.range;
    await using db = await this.#open();
    await db.compactRange({ from, to, gte, lt, signal: this.#signal });
    return 0;
  }

  async backup(): Promise<number> {
    await using db = await this.#open();
    await db.checkpoint(this.#command.args[0]!, { signal: this.#signal });
    return 0;
  }

  async repair(): Promise<number> {
    const report = await Database.repair(this.#command.db, {
      signal: this.#signal,
      ...(this.#command.lifetimes ? { ttl: true } : {}),
    });
    for (const problem of report.problems) this.#streams.error(problem.message);
    const { files, entries } = report;
    this.#print(
      `Repaired: ${count(entries, "entry", "entries")} of ${count(files, "file")} are left; ` +
        'the old files are in the folder "lost"',
    );
    return 0;
  }

  async export(): Promise<number> {
    const { args: [file], range } = this.#command;
    await using db = await this.#open();
    using target = file === undefined ? undefined : Deno.openSync(file, {
      write: true,
      create: true,
      truncate: true,
    });
    const onProgress = this.#progress("Exported");
    let last: JsonLinesProgress = { entries: 0, bytes: 0 };
    const lines = exportJsonLines(db, {
      ...range,
      signal: this.#signal,
      onProgress: (progress) => onProgress(last = progress),
    });
    for await (const chunk of lines) {
      if (target) {
        for (let done = 0; done < chunk.length;) {
          done += target.writeSync(chunk.subarray(done));
        }
      } else this.#streams.output(chunk);
      await breathe();
    }
    target?.syncSync();
    this.#streams.error(`Exported ${describe(last)}`);
    return 0;
  }

  async import(): Promise<number> {
    const [file] = this.#command.args;
    using opened = file === undefined ? undefined : await Deno.open(file);
    const source = opened?.readable ?? this.#streams.input;
    await using db = this.#command.lifetimes
      ? await Database.open(this.#command.db, { ttl: true })
      : await this.#open(true);
    const result = await importJsonLines(db, source, {
      signal: this.#signal,
      onProgress: this.#progress("Imported"),
    });
    this.#streams.error(`Imported ${describe(result)}`);
    return 0;
  }

  async bench(): Promise<number> {
    const { db: root, args, num, valueSize } = this.#command;
    const names = args.length > 0 ? args : DEFAULT_WORKLOADS;
    const workloads = names.map((name): [string, Workload] => {
      const workload = Object.hasOwn(WORKLOADS, name) ? WORKLOADS[name] : undefined;
      if (workload) return [name, workload];
      throw new UsageError(
        `Unknown workload "${name}"; there are ${Object.keys(WORKLOADS).join(", ")}`,
      );
    });
    await Deno.mkdir(root, { recursive: true });
    for await (const _ of Deno.readDir(root)) {
      throw new Error(`Cannot measure in ${root}: it is not empty; name a new folder with --db`);
    }
    this.#print(`${num} entries, keys of 16 bytes, values of ${valueSize} bytes`);
    const path = `${root}/bench`;
    const size = { entries: num, valueBytes: valueSize };
    let db = await Database.open(path);
    try {
      for (const [name, workload] of workloads) {
        if (workload.fresh && db.sequence > 0) {
          await db.close();
          await Deno.remove(path, { recursive: true });
          db = await Database.open(path);
        }
        const start = performance.now();
        const { operations, bytes, found } = await workload.run(db, size, this.#signal);
        const ms = performance.now() - start;
        const columns = [`${(ms * 1000 / Math.max(1, operations)).toFixed(3)} micros/op`];
        if (bytes > 0) columns.push(`${(bytes / 1048.576 / ms).toFixed(1)} MB/s`);
        if (found !== undefined) columns.push(`(${found} of ${operations} found)`);
        this.#print(`${name.padEnd(13)}: ${columns.join("; ")}`);
      }
    } finally {
      await db.close();
      await Deno.remove(path, { recursive: true });
    }
    return 0;
  }
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}

function describe({ entries, bytes }: JsonLinesProgress): string {
  return `${count(entries, "entry", "entries")}, ${formatBytes(bytes, { binary: true })}`;
}

/** The first line of an error: what failed, and what to do. */
function explain(error: unknown): string {
  const { message } = error as Error;
  if (error instanceof DatabaseLockedError) {
    return `${message}; close it there first`;
  }
  if (error instanceof DatabaseNotFoundError) {
    return `Cannot open database ${error.path}: it does not exist; check --db, or make it with "set" or "import"`;
  }
  if (error instanceof DatabaseExistsError) return `${message}; name a new folder`;
  if (error instanceof CorruptionError) {
    return `${message}; "verify" lists what is damaged, "repair" keeps what can be read`;
  }
  if (error instanceof EncodingError && error.codec === "json lines") {
    return `${message}; what came before may have been written`;
  }
  return message;
}

/** The program's own streams. Progress is shown on terminals alone. */
export function processStreams(): CommandStreams {
  let shown = false;
  return {
    output(bytes) {
      for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
    },
    error(line) {
      console.error(shown ? `\r\x1b[K${line}` : line);
      shown = false;
    },
    input: Deno.stdin.readable,
    progress(text) {
      if (!Deno.stderr.isTerminal()) return console.error(text);
      shown = true;
      Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
    },
  };
}

/**
 * Runs a command line; returns the exit code: 0, 1 when it failed, 2 for arguments that make no sense.
 * `signal` ends what takes long, with the state of before or of a part of it.
 */
export async function main(
  args: readonly string[],
  streams: CommandStreams = processStreams(),
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  try {
    if (args.length === 0) {
      streams.error(USAGE);
      return 2;
    }
    const parsed = parse(args);
    if (parsed === "help") {
      streams.output(encoder.encode(USAGE));
      return 0;
    }
    const run = new Run(parsed.command, streams, signal);
    return await run[parsed.name as keyof Run]();
  } catch (error) {
    // Whoever read the output has seen enough, as `head` does.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    streams.error(signal.aborted ? "Stopped" : explain(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) {
  const controller = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (controller.signal.aborted) Deno.exit(130);
    controller.abort();
  });
  Deno.exit(await main(Deno.args, processStreams(), controller.signal));
}
