/**
 * The command lines of `parser`: `json` here, `monkey` in its own folder.
 *
 * @module
 */
import { type CommandIo, runJsonCommand } from "./json/_cli.ts";
import { runMonkeyCommand } from "./monkey/_cli.ts";

const USAGE = `Parse JSON, run Monkey.

Usage:
  json [...]      read, check, query and format JSON
  monkey [...]    run programs of the Monkey language

Each has its own --help.
`;

const WRITE_AT_UNITS = 65_536;

/** Collects small writes, so that a tree of a million lines is not a million system calls. */
class Output {
  #text = "";
  readonly #target: { writeSync(bytes: Uint8Array): number };
  readonly #encoder = new TextEncoder();

  constructor(target: { writeSync(bytes: Uint8Array): number }) {
    this.#target = target;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= WRITE_AT_UNITS) this.flush();
  }

  flush(): void {
    const bytes = this.#encoder.encode(this.#text);
    this.#text = "";
    for (let at = 0; at < bytes.length;) at += this.#target.writeSync(bytes.subarray(at));
  }
}

async function runJson(args: readonly string[]): Promise<number> {
  const output = new Output(Deno.stdout);
  const errors = new Output(Deno.stderr);
  const io: CommandIo = {
    stdin: () => Deno.stdin.readable,
    async open(path) {
      const file = await Deno.open(path);
      return { readable: file.readable, sizeBytes: (await file.stat()).size };
    },
    write: (text) => output.write(text),
    writeError(text) {
      output.flush();
      errors.write(text);
      errors.flush();
    },
    color: Deno.stdout.isTerminal() && !Deno.noColor,
    progress: Deno.stderr.isTerminal(),
  };
  try {
    const code = await runJsonCommand(args, io);
    output.flush();
    return code;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return 0; // the reader has seen enough
    throw error;
  }
}

/** Runs the command line; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "json":
      return await runJson(rest);
    case "monkey":
      return await runMonkeyCommand(rest);
    case "--help":
    case "help":
      console.log(USAGE);
      return 0;
    default:
      console.error(
        command === undefined
          ? `Which one? Choose json or monkey.\n\n${USAGE}`
          : `Unknown command ${command}: choose json or monkey.`,
      );
      return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
