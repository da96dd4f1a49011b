/**
 * Objects that a partial clone left out and that are fetched when they are needed.
 *
 * @module
 */
import { type ByteString, decodeText } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { Cli } from "./_context.ts";

/** The remotes that promised objects, in the order they are asked. */
export function promisorRemotes(cli: Cli): ByteString[] {
  const { config } = cli.repo;
  const out: ByteString[] = [];
  const named = config.entry("extensions.partialclone")?.value;
  for (const name of config.subsections("remote")) {
    if (config.bool(`remote.${name}.promisor`, false) || name === named) out.push(name);
  }
  return out.sort((a, b) => Number(a === named) - Number(b === named));
}

/** Makes the object store of a partial clone ask for what is missing. */
export function commandPromisor(cli: Cli): void {
  const remotes = promisorRemotes(cli);
  if (remotes.length === 0 || cli.env.get("GIT_NO_LAZY_FETCH") === "1") return;
  cli.repo.objects.setPromisor((ids) => fetchPromised(cli, remotes, ids));
}

/** Fetches objects by id in a process of its own, since stores answer at once. */
function fetchPromised(
  cli: Cli,
  remotes: readonly ByteString[],
  ids: readonly ObjectId[],
): boolean {
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, ids.map((id) => `${id}\n`).join(""));
    for (const remote of remotes) {
      const { code } = new Deno.Command("/bin/sh", {
        args: [
          "-c",
          'exec "$@" <"$GROUNDWORK_WANTED"',
          "sh",
          ...ownCommand(),
          "-c",
          "fetch.negotiationAlgorithm=noop",
          "fetch",
          decodeText(remote),
          "--no-tags",
          "--no-write-fetch-head",
          "--filter=blob:none",
          "--quiet",
          "--stdin",
        ],
        env: {
          GROUNDWORK_WANTED: file,
          GIT_NO_LAZY_FETCH: "1",
          GIT_DIR: decodeText(cli.repo.paths.gitDir),
          GIT_REFLOG_ACTION: "fetch",
        },
        stdin: "null",
        stdout: "null",
        stderr: "inherit",
      }).outputSync();
      if (code === 0) return true;
    }
    return false;
  } finally {
    Deno.removeSync(file);
  }
}

/** The command line that runs this program again. */
export function ownCommand(): string[] {
  const executable = Deno.execPath();
  if (!/deno(?:\.exe)?$/.test(executable)) return [executable];
  // The program that runs now if it is the command line, else the command line of this module.
  const main = /\/cli\.[jt]s$/.test(Deno.mainModule)
    ? Deno.mainModule
    : import.meta.resolve("../cli.ts");
  return [executable, "run", "-A", "--no-check", "--quiet", main];
}
