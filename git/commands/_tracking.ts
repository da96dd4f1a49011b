/**
 * Which branch of a remote a branch follows.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { editConfig, updateConfigFile } from "../config.ts";
import { mapRefspec } from "../revision.ts";
import type { Cli } from "./_context.ts";

/** What a remote-tracking name stands for. */
export function remoteTracking(
  cli: Cli,
  name: ByteString,
): { remote: ByteString; merge: ByteString; shown: ByteString } | undefined {
  const { repo } = cli;
  const full = repo.refs.id(`refs/remotes/${name}`) !== undefined
    ? `refs/remotes/${name}`
    : name.startsWith("refs/remotes/")
    ? name
    : undefined;
  if (full === undefined) return undefined;
  for (const remote of repo.config.subsections("remote")) {
    for (const spec of repo.config.all(`remote.${remote}.fetch`)) {
      const [from, to] = spec.replace(/^\+/, "").split(":");
      const back = to === undefined ? undefined : mapRefspec(`${to}:${from}`, full);
      if (back !== undefined) {
        return { remote, merge: back, shown: full.replace(/^refs\/remotes\//, "") };
      }
    }
  }
  return undefined;
}

/** Makes a branch follow another. */
export function setupTracking(
  cli: Cli,
  branch: ByteString,
  upstream: { remote: ByteString; merge: ByteString; shown: ByteString },
  quiet: boolean,
): void {
  const file = `${cli.repo.paths.commonDir}/config`;
  updateConfigFile(file, (text) => {
    text =
      editConfig(text, `file ${file}`, `branch.${branch}.remote`, upstream.remote, { all: true })
        .text;
    return editConfig(text, `file ${file}`, `branch.${branch}.merge`, upstream.merge, { all: true })
      .text;
  });
  cli.reopen();
  if (!quiet) cli.out(`branch '${branch}' set up to track '${upstream.shown}'.\n`);
}
