/**
 * `switch`: another branch.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { type SwitchRequest, switchTo } from "./_switch.ts";
import { guessRemote } from "./checkout.ts";

/** `git switch` */
export function switchCommand(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "c,create= C,force-create= guess discard-changes f,force q,quiet d,detach t,track? m,merge conflict= orphan= progress overwrite-ignore ignore-other-worktrees recurse-submodules?",
    "git switch [<options>] [<branch>]",
  );
  cli.needWorkTree();
  const request: SwitchRequest = {
    create: o.text("create") ?? o.text("force-create"),
    reset: o.given("force-create"),
    detach: o.flag("detach"),
    orphan: o.text("orphan"),
    force: o.flag("force") || o.flag("discard-changes"),
    merge: o.flag("merge"),
    quiet: o.flag("quiet"),
    track: o.values.get("track") as string | boolean | undefined,
    createLog: false,
    guess: !o.negated("guess"),
  };
  const name = o.rest[0];
  if (o.rest.length > 1) die("only one reference expected");
  if (
    name === undefined && request.create === undefined && request.orphan === undefined &&
    !request.detach
  ) die("missing branch or commit argument");
  if (
    name !== undefined && request.create === undefined && !request.detach && name !== "-" &&
    !name.startsWith("@{")
  ) {
    if (cli.repo.refs.id(`refs/heads/${name}`) === undefined) {
      const guess = request.guess ? guessRemote(cli, name) : undefined;
      if (guess !== undefined) {
        return switchTo(cli, guess, { ...request, create: name, track: true });
      }
      const id = cli.tryRevision(name);
      if (id === undefined) die(`invalid reference: ${name}`);
      const kind = cli.repo.refs.id(`refs/tags/${name}`) !== undefined
        ? "tag"
        : cli.repo.refs.id(`refs/remotes/${name}`) !== undefined
        ? "remote branch"
        : "commit";
      die(
        `a branch is expected, got ${kind} '${name}'\nhint: If you want to detach HEAD at the commit, try again with the --detach option.`,
      );
    }
  }
  return switchTo(cli, name, request);
}
