/**
 * The user's pager behind a command that prints on a terminal.
 *
 * @module
 */
import { type ByteString, decodeText } from "../_bytes.ts";
import { parseBool } from "../config.ts";
import type { Cli } from "./_context.ts";
import { streams } from "./_streams.ts";

/** Commands whose output is paged unless `pager.<command>` says otherwise. */
const PAGED = new Set([
  "annotate",
  "blame",
  "diff",
  "diff-files",
  "diff-index",
  "diff-tree",
  "grep",
  "log",
  "reflog",
  "shortlog",
  "show",
  "whatchanged",
]);

/** Commands of which only the lists are paged. */
const PAGED_LISTS: Record<string, (args: readonly ByteString[]) => boolean> = {
  branch: (args) => args.every((one) => one.startsWith("-") && !/^-[dDmMcCfu]/.test(one)),
  tag: (args) => args.length === 0 || args.some((one) => /^(-l|--list|-n\d*)$/.test(one)),
  config: (args) =>
    args.some((one) => /^(-l|--list|--get-all|--get-regexp|--get-urlmatch)$/.test(one)),
  stash: (args) => args[0] === "list" || args[0] === "show",
};

/** The pager's command line for a command; `undefined` for none. */
export function pagerCommand(
  cli: Cli,
  name: ByteString,
  args: readonly ByteString[],
): ByteString | undefined {
  if (cli.global.noPager || !Deno.stdout.isTerminal()) return undefined;
  const configured = cli.config.entry(`pager.${name}`);
  const listed = PAGED_LISTS[name];
  const possible = listed === undefined || listed(args);
  let wanted = cli.global.paginate || PAGED.has(name) || (listed !== undefined && possible);
  let command: ByteString | undefined;
  if (configured !== undefined && possible) {
    const on = parseBool(configured.value);
    wanted = on ?? true;
    if (on === undefined) command = configured.value;
  }
  if (!wanted || args.includes("--no-pager")) return undefined;
  const chosen = cli.env.get("GIT_PAGER") ?? command ?? cli.config.get("core.pager") ??
    cli.env.get("PAGER") ?? "less";
  return chosen === "" || chosen === "cat" ? undefined : chosen;
}

/** A pager that runs. */
export class Pager {
  readonly #child: Deno.ChildProcess;
  readonly #pipe: Deno.FsFile;
  readonly #before: (data: Uint8Array) => void;

  private constructor(child: Deno.ChildProcess, pipe: Deno.FsFile) {
    this.#child = child;
    this.#pipe = pipe;
    this.#before = streams.out;
    streams.out = (data) => {
      for (let at = 0; at < data.length;) at += pipe.writeSync(data.subarray(at));
    };
  }

  /** Starts it; from here on standard output goes to it. */
  static start(command: ByteString): Pager | undefined {
    // Output is written synchronously, which the pipe of a child does not take: a named pipe does.
    const directory = Deno.makeTempDirSync();
    const fifo = `${directory}/pager`;
    const made = new Deno.Command("mkfifo", { args: ["-m", "600", fifo], stderr: "null" });
    try {
      if (!made.outputSync().success) throw new Deno.errors.NotFound("mkfifo");
    } catch {
      Deno.removeSync(directory, { recursive: true });
      return undefined;
    }
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", `exec <"$GIT_PAGER_INPUT"; ${decodeText(command)}`],
      env: {
        GIT_PAGER_INPUT: fifo,
        GIT_PAGER_IN_USE: "true",
        LESS: Deno.env.get("LESS") ?? "FRX",
        LV: Deno.env.get("LV") ?? "-c",
      },
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const pipe = Deno.openSync(fifo, { write: true });
    Deno.removeSync(directory, { recursive: true });
    return new Pager(child, pipe);
  }

  /** Says that there is no more, and waits until the user has seen enough. */
  async finish(): Promise<void> {
    streams.out = this.#before;
    this.#pipe.close();
    await this.#child.status;
  }
}
