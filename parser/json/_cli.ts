/** The command line of JSON; everything that it touches comes in, so tests run it in process. */
import { parseArgs } from "@std/cli";
import { blue, cyan, dim, green, magenta, yellow } from "@std/fmt/colors";
import { quote } from "./_quote.ts";
import { JsonSyntaxError } from "./error.ts";
import { JsonLinesParseStream } from "./lines.ts";
import { type JsonDialect, parse, type ParseOptions } from "./parse.ts";
import { JsonParseStream, validateStream } from "./parse_stream.ts";
import { JsonPath, JsonPathError } from "./path.ts";
import { JsonPointer, JsonPointerError } from "./pointer.ts";
import { stringify } from "./stringify.ts";
import { tokenize } from "./tokenize.ts";
import { treeLines, type TreePart, typeName } from "./tree.ts";

/** What the command line reads and writes. */
export interface CommandIo {
  stdin(): ReadableStream<Uint8Array>;
  open(path: string): Promise<{ readable: ReadableStream<Uint8Array>; sizeBytes: number }>;
  write(text: string): void;
  writeError(text: string): void;
  /** Standard output understands colours. */
  color: boolean;
  /** Standard error is a terminal, where progress may be shown. */
  progress: boolean;
}

export const JSON_USAGE = `Read, check, query and format JSON.

Usage:
  json [FILE]                  print the value as a tree with the type of each part
  json --tokens [TEXT]         print the tokens of TEXT, or of standard input
  json query PATH [FILE]       print what a JSONPath ($.items[*].id) or a JSON Pointer
                               (/items/0) selects, one JSON text a line
  json format [FILE]           print the value again, every number and repeated key as written
  json lines [FILE]            read JSON Lines, print each value on a line
  json validate [FILE ...]     check only, in constant memory

Without FILE, or with -, standard input is read.

Options:
  --dialect <name>    json, jsonc (comments, trailing commas) or json5.   [default: json]
  --indent <n>        Spaces a level, for format.                         [default: 2]
  --compact           One line, for format.
  --sort              Members sorted by key, for format and query.
  --from-array        For lines: read one array, write its items as JSON Lines.
  --to-array          For lines: write one array.
  --help              Show this.

Exit codes: 0 done, 1 the text is not valid or cannot be read, 2 usage.
Permissions: --allow-read for FILE; none for standard input.
`;

/** Arguments that cannot be understood. */
class UsageError extends Error {}

const PROGRESS_FROM_BYTES = 16 << 20;
const PROGRESS_EVERY_MS = 200;

const PAINTS: Record<TreePart, (text: string) => string> = {
  key: blue,
  type: dim,
  string: green,
  number: yellow,
  boolean: magenta,
  null: cyan,
  punctuation: (text) => text,
};

/** Runs the command line with the words after `json`; returns the exit code. */
export async function runJsonCommand(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await run(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.writeError(`${error.message}\nRun json --help for the options.\n`);
      return 2;
    }
    if (error instanceof JsonPathError || error instanceof JsonPointerError) {
      io.writeError(`${error.message}\n`);
      return 2;
    }
    if (error instanceof JsonSyntaxError) {
      io.writeError(`${error.message}\n`);
      return 1;
    }
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.IsADirectory
    ) {
      io.writeError(`Cannot read the file: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const unknown: string[] = [];
  const options = parseArgs(args as string[], {
    string: ["dialect", "indent", "_"],
    boolean: ["tokens", "compact", "sort", "from-array", "to-array", "help"],
    unknown: (arg: string) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      unknown.push(arg);
      return false;
    },
  });
  if (options.help) {
    io.write(JSON_USAGE);
    return 0;
  }
  if (unknown.length > 0) throw new UsageError(`Unknown option ${unknown[0]}.`);
  const dialect = (options.dialect ?? "json") as JsonDialect;
  if (dialect !== "json" && dialect !== "jsonc" && dialect !== "json5") {
    throw new UsageError(`Unknown dialect ${dialect}: choose json, jsonc or json5.`);
  }
  const indent = Number(options.indent ?? 2);
  if (!Number.isInteger(indent) || indent < 0 || indent > 100) {
    throw new UsageError("The indent must be a number from 0 to 100.");
  }
  const reading: ParseOptions = { dialect, bom: "skip" };
  const writing = { keyOrder: options.sort ? "sorted" as const : "insertion" as const };
  const words = options._.map(String);

  if (options.tokens) {
    if (words.length > 1) throw new UsageError("--tokens takes one text: quote it.");
    return printTokens(words[0] ?? await readAll(undefined, io), reading, io);
  }
  switch (words[0]) {
    case "query": {
      const [, path, file, ...rest] = words;
      if (path === undefined || rest.length > 0) throw new UsageError("query takes PATH [FILE].");
      await printQuery(path, file, reading, writing, io);
      return 0;
    }
    case "format": {
      const [, file, ...rest] = words;
      if (rest.length > 0) throw new UsageError("format takes one FILE.");
      const value = parse(await readAll(file, io), {
        ...reading,
        numbers: "source",
        duplicateKeys: "all",
      });
      io.write(stringify(value, { ...writing, indent: options.compact ? 0 : indent }) + "\n");
      return 0;
    }
    case "lines": {
      const [, file, ...rest] = words;
      if (rest.length > 0) throw new UsageError("lines takes one FILE.");
      await printLines(file, options["from-array"], options["to-array"], reading, writing, io);
      return 0;
    }
    case "validate":
      return await validateFiles(words.slice(1), reading, io);
  }
  if (words.length > 1) {
    throw new UsageError(`Unknown command ${words[0]}: choose query, format, lines or validate.`);
  }
  const value = parse(await readAll(words[0], io), { ...reading, numbers: "source" });
  io.write(`Parsed successfully!\nType: ${typeName(value)}\n`);
  const paint = (part: TreePart, text: string) => PAINTS[part](text);
  for (const line of treeLines(value, io.color ? { paint } : {})) io.write(line + "\n");
  return 0;
}

function printTokens(input: string | Uint8Array, reading: ParseOptions, io: CommandIo): number {
  const { dialect = "json" } = reading;
  io.write("Tokens:\n");
  for (const token of tokenize(input, { dialect, comments: true, bom: "skip" })) {
    const lexeme = token.kind === "COMMENT" ? quote(token.lexeme) : token.lexeme;
    io.write(`  ${token.kind.padEnd(14)} ${lexeme}`.trimEnd() + "\n");
  }
  return 0;
}

async function printQuery(
  path: string,
  file: string | undefined,
  reading: ParseOptions,
  writing: { keyOrder: "sorted" | "insertion" },
  io: CommandIo,
): Promise<void> {
  const select = path.startsWith("$") ? new JsonPath(path) : new JsonPointer(path);
  const print = (value: unknown) => io.write(stringify(value, writing) + "\n");
  const numbers = "source" as const;
  let stream: JsonParseStream;
  try {
    stream = new JsonParseStream({ ...reading, numbers, select });
  } catch (error) {
    if (!(error instanceof JsonPathError && error.code === "not-streamable")) throw error;
    const value = parse(await readAll(file, io), { ...reading, numbers });
    (select as JsonPath).values(value).forEach(print);
    return;
  }
  for await (const value of (await openInput(file, io)).pipeThrough(stream)) print(value);
}

async function printLines(
  file: string | undefined,
  fromArray: boolean,
  toArray: boolean,
  reading: ParseOptions,
  writing: { keyOrder: "sorted" | "insertion" },
  io: CommandIo,
): Promise<void> {
  if (!fromArray && reading.dialect !== "json") {
    throw new UsageError("JSON Lines has no dialects.");
  }
  const numbers = "source" as const;
  const stream = fromArray
    ? new JsonParseStream({ ...reading, numbers, select: "$[*]" })
    : new JsonLinesParseStream({ bom: "skip", numbers });
  let first = true;
  for await (const value of (await openInput(file, io)).pipeThrough(stream)) {
    const text = stringify(value, writing);
    io.write(toArray ? (first ? "[\n  " : ",\n  ") + text : text + "\n");
    first = false;
  }
  if (toArray) io.write(first ? "[]\n" : "\n]\n");
}

async function validateFiles(
  files: readonly string[],
  reading: ParseOptions,
  io: CommandIo,
): Promise<number> {
  let failed = 0;
  for (const file of files.length === 0 ? ["-"] : files) {
    const name = file === "-" ? "standard input" : file;
    try {
      await validateStream(await openInput(file, io), reading);
      io.write(`${name}: valid\n`);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      failed++;
      io.writeError(`${name}: ${error.message}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

async function openInput(
  file: string | undefined,
  io: CommandIo,
): Promise<ReadableStream<Uint8Array>> {
  if (file === undefined || file === "-") return io.stdin();
  const { readable, sizeBytes } = await io.open(file);
  if (!io.progress || sizeBytes < PROGRESS_FROM_BYTES) return readable;
  let done = 0;
  let shownAt = performance.now();
  return readable.pipeThrough(
    new TransformStream({
      transform(chunk: Uint8Array, controller) {
        done += chunk.length;
        const now = performance.now();
        if (now - shownAt >= PROGRESS_EVERY_MS) {
          shownAt = now;
          io.writeError(`\r${file}: ${Math.floor(done / sizeBytes * 100)}%`);
        }
        controller.enqueue(chunk);
      },
      flush() {
        io.writeError("\r\x1b[K");
      },
    }),
  );
}

async function readAll(file: string | undefined, io: CommandIo): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await openInput(file, io)) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
