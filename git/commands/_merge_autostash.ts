/**
 * Local changes that a merge puts away and brings back when it is done.
 *
 * @module
 */
import { fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny, removeFile } from "../_files.ts";
import { applyStash, makeStash } from "./_autostash.ts";
import type { Cli } from "./_context.ts";

const FILE = "MERGE_AUTOSTASH";

/** Puts local changes away; `false` when there are none. `reset` makes the worktree clean. */
export function beginAutostash(cli: Cli, reset: () => void): boolean {
  const made = makeStash(cli, "autostash");
  if (made === undefined) return false;
  // Written after the reset, which gives up what an earlier merge had put away.
  reset();
  Deno.writeFileSync(
    nativePath(`${cli.repo.paths.gitDir}/${FILE}`),
    fromByteString(`${made.id}\n`),
  );
  cli.out(`Created autostash: ${cli.abbrev(made.id)}\n`);
  return true;
}

/** Brings back what {@linkcode beginAutostash} put away, or keeps it in the list of stashes. */
export function finishAutostash(cli: Cli, apply: boolean): void {
  const { repo } = cli;
  const path = `${repo.paths.gitDir}/${FILE}`;
  const id = readTextIfAny(path)?.trim();
  if (id === undefined) return;
  removeFile(path);
  if (apply && applyStash(cli, id, { quiet: true }) === "applied") {
    cli.err("Applied autostash.\n");
    return;
  }
  repo.refs.update({
    name: "refs/stash",
    newId: id,
    message: "autostash",
    createReflog: true,
  });
  cli.err(
    `${
      apply
        ? "Applying autostash resulted in conflicts."
        : "Autostash exists; creating a new stash entry."
    }\nYour changes are safe in the stash.\nYou can run "git stash pop" or "git stash drop" at any time.\n`,
  );
}
