/**
 * The command line of the stack: starts it, says what runs where, stops it on Ctrl-C.
 *
 * @module
 */
import { parseArgs, unicodeWidth } from "@std/cli";
import { defaultServices } from "./default_services.ts";
import type { Service } from "./service.ts";
import { Stack, StackError } from "./stack.ts";

const USAGE = `Start the stack: its services and their web console.

Usage:
  start [--port 8000] [--host 127.0.0.1] [--data data] [options]

Options:
  --port <number>        Port of the console; 0 for any. A default port that is taken moves to
                         the next free one.                          [default: 8000]
  --files-port <number>  Port of the file host; 0 for any.           [default: 8001]
  --redis-port <number>  Port of the Redis server; 0 for any.        [default: 6379]
  --host <address>       Address to listen on.                       [default: 127.0.0.1]
  --data <folder>        Folder for what is kept; made if missing.   [default: data]
  --help                 Show this.

Ctrl-C stops everything in order; a second one stops it at once.

Permissions: --allow-net --allow-read --allow-write (-A for all services)
`;

/** What the arguments ask for. */
export interface StartArguments {
  /** Port of the console, if asked for. */
  port: number | undefined;
  /** Port of the file host, if asked for. */
  filesPort: number | undefined;
  /** Port of the Redis server. */
  redisPort: number | undefined;
  /** Address to listen on. */
  hostname: string;
  /** Folder for what is kept. */
  dataDir: string;
}

/** Arguments that cannot be understood; the message says which and what to do. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/**
 * Reads the arguments after `start`.
 *
 * @throws {UsageError} for an unknown option or a bad value.
 */
export function parseStartArguments(args: readonly string[]): StartArguments | "help" {
  const unknown: string[] = [];
  const parsed = parseArgs(args as string[], {
    string: ["port", "files-port", "redis-port", "host", "data"],
    boolean: ["help"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (parsed.help) return "help";
  if (unknown.length > 0) throw new UsageError(`Unknown argument "${unknown[0]}"; see --help`);
  const text = (name: string): string | undefined => {
    const value = parsed[name] as string | undefined;
    if (value === "") throw new UsageError(`--${name} wants a value; see --help`);
    return value;
  };
  const port = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)) {
      throw new UsageError(`--${name} wants a number from 0 to 65535, not "${value}"`);
    }
    return value === undefined ? undefined : Number(value);
  };
  return {
    port: port("port"),
    filesPort: port("files-port"),
    redisPort: port("redis-port"),
    hostname: text("host") ?? "127.0.0.1",
    dataDir: text("data") ?? "data",
  };
}

/**
 * A table of what runs where and how to talk to it.
 *
 * @example
 * ```ts
 * import { formatServices } from "@groundwork/std/cloud/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const endpoints = [{ label: "HTTP", url: "http://127.0.0.1:8001/", command: "curl …" }];
 * const files = { name: "files", state: "running", endpoints } as const;
 * assertEquals(
 *   formatServices([files]),
 *   [
 *     "┌─────────┬─────────┬────────────────────────┬────────────┐",
 *     "│ Service │ State   │ Where                  │ Talk to it │",
 *     "├─────────┼─────────┼────────────────────────┼────────────┤",
 *     "│ files   │ running │ http://127.0.0.1:8001/ │ curl …     │",
 *     "└─────────┴─────────┴────────────────────────┴────────────┘",
 *   ].join("\n"),
 * );
 * ```
 */
export function formatServices(
  services: readonly Pick<Service, "name" | "state" | "endpoints">[],
): string {
  const rows = [["Service", "State", "Where", "Talk to it"]];
  for (const { name, state, endpoints } of services) {
    if (endpoints.length === 0) rows.push([name, state, "", ""]);
    endpoints.forEach(({ url, command, hint }, index) => {
      rows.push([index === 0 ? name : "", index === 0 ? state : "", url, command ?? hint ?? ""]);
    });
  }
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => unicodeWidth(row[column]!)))
  );
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const line = (row: readonly string[]): string =>
    `│ ${
      row.map((cell, column) => cell + " ".repeat(widths[column]! - unicodeWidth(cell))).join(" │ ")
    } │`;
  const [head, ...body] = rows;
  return [
    rule("┌", "┬", "┐"),
    line(head!),
    rule("├", "┼", "┤"),
    ...body.map(line),
    rule("└", "┴", "┘"),
  ].join("\n");
}

/** Waits for the first signal to stop; from then on a second one ends the process at once. */
function waitForSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  let isStopping = false;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      if (isStopping) Deno.exit(130);
      isStopping = true;
      resolve(signal);
    });
  }
  return promise;
}

async function start(options: StartArguments): Promise<number> {
  const { port, filesPort, redisPort, hostname, dataDir } = options;
  const services = defaultServices({
    ...(port === undefined ? {} : { port }),
    ...(filesPort === undefined ? {} : { filesPort }),
    ...(redisPort === undefined ? {} : { redisPort }),
  });
  const stopped = waitForSignal();
  await using stack = new Stack(services, { hostname, dataDir });
  try {
    await stack.start();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    console.error(error.message);
    return 1;
  }
  console.log(formatServices([...services].reverse()));
  console.log(`Data is kept in ${dataDir}. Ctrl-C stops everything.`);
  await stopped;
  console.log("Stopping …");
  await stack.stop();
  console.log("Stopped.");
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  let options: StartArguments | "help";
  try {
    if (command === "--help" || command === "help") options = "help";
    else if (command === "start") options = parseStartArguments(rest);
    else {
      throw new UsageError(
        command === undefined
          ? "A command is missing: start; see --help"
          : `Unknown command "${command}"; see --help`,
      );
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (options !== "help") return await start(options);
  console.log(USAGE);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
