/**
 * `checkout`: another branch, or paths brought back.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { peelTo } from "../object_store.ts";
import { mapRefspec } from "../revision.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, refusePatchMode, usageError } from "./_options.ts";
import { restorePaths } from "./_restore_paths.ts";
import { type SwitchRequest, switchTo } from "./_switch.ts";
import { remoteTracking } from "./_tracking.ts";

const CHECKOUT_SPEC =
  "b= B= l guess overlay q,quiet recurse-submodules? progress m,merge conflict= d,detach t,track? f,force orphan= overwrite-ignore ignore-other-worktrees 2,ours 3,theirs p,patch ignore-skip-worktree-bits pathspec-from-file= pathspec-file-nul";

/** `git checkout` */
export function checkout(cli: Cli, args: ByteString[]): number {
  const usage =
    "git checkout [<options>] <branch>\n   or: git checkout [<options>] [<branch>] -- <file>...";
  const o = parseOptions(cli, args, CHECKOUT_SPEC, usage, { keepDashes: true });
  refusePatchMode(o, "checkout");
  cli.needWorkTree();
  const { repo } = cli;
  const dash = o.rest.indexOf("--");
  const creating = o.text("b") ?? o.text("B");
  let before = dash < 0 ? o.rest : o.rest.slice(0, dash);
  let paths = dash < 0 ? [] : o.rest.slice(dash + 1);
  const request: SwitchRequest = {
    create: creating,
    reset: o.given("B"),
    detach: o.flag("detach"),
    orphan: o.text("orphan"),
    force: o.flag("force"),
    merge: o.flag("merge"),
    quiet: o.flag("quiet"),
    track: o.values.get("track") as string | boolean | undefined,
    createLog: o.flag("l"),
    guess: !o.negated("guess"),
  };
  if (dash < 0 && before.length > 0) {
    const first = before[0]!;
    const isRev = first === "-" || cli.tryRevision(first) !== undefined ||
      /^.*\.\.\.?.*$/.test(first) && repo.head() !== undefined && !lstat(cli.fileArgument(first));
    if (!isRev) {
      const guess = request.guess && creating === undefined && before.length === 1
        ? guessRemote(cli, first)
        : undefined;
      const exists = lstat(cli.fileArgument(first)) !== undefined || /[*?[]/.test(first) ||
        first.startsWith(":");
      if (guess !== undefined && !exists) {
        return switchTo(cli, guess, { ...request, create: first, track: true });
      }
      paths = before;
      before = [];
      if (creating !== undefined) {
        die(`'${first}' is not a commit and a branch '${creating}' cannot be created from it`);
      }
    } else {
      paths = before.slice(1);
      before = before.slice(0, 1);
      if (
        paths.length === 0 && first !== "-" && lstat(cli.fileArgument(first)) !== undefined &&
        repo.refs.id(`refs/heads/${first}`) === undefined && !first.includes("/")
      ) {
        throw new Exit(
          128,
          `fatal: '${first}' could be both a local file and a tracking branch.\nPlease use -- (and optionally --no-guess) to disambiguate\n`,
        );
      }
    }
  }
  if (
    request.track !== undefined && request.track !== false && creating === undefined &&
    before.length === 1 && paths.length === 0
  ) {
    const upstream = remoteTracking(cli, before[0]!);
    if (upstream === undefined && !before[0]!.includes("/")) die("missing branch name; try -b");
    const short = before[0]!.replace(/^(refs\/)?remotes\//, "").replace(/^[^/]*\//, "");
    return switchTo(cli, before[0], { ...request, create: short });
  }
  if (paths.length > 0) {
    if (creating !== undefined || request.orphan !== undefined) {
      die(`'${before[0]}' is not a commit and a branch '${creating}' cannot be created from it`);
    }
    if (request.detach) die("'--detach' does not take a path argument '" + paths[0] + "'");
    const source = before[0] === undefined
      ? undefined
      : peelTo(repo.objects, cli.revision(before[0]), "tree");
    return restorePaths(cli, source, paths, {
      staged: source !== undefined,
      worktree: true,
      overlay: !o.negated("overlay"),
      quiet: request.quiet,
      ...(o.flag("ours") ? { stage: 2 } : o.flag("theirs") ? { stage: 3 } : {}),
      ignoreUnmerged: request.force,
      verb: "checkout",
    });
  }
  if (before.length > 1) throw usageError("", usage);
  return switchTo(cli, before[0], request);
}

export function guessRemote(cli: Cli, name: ByteString): ByteString | undefined {
  const found: ByteString[] = [];
  for (const remote of cli.repo.config.subsections("remote")) {
    for (const spec of cli.repo.config.all(`remote.${remote}.fetch`)) {
      const mapped = mapRefspec(spec, `refs/heads/${name}`);
      if (mapped !== undefined && cli.repo.refs.id(mapped) !== undefined) found.push(mapped);
    }
  }
  const preferred = cli.config.get("checkout.defaultremote");
  if (found.length > 1 && preferred !== undefined) {
    return found.find((ref) => ref.startsWith(`refs/remotes/${preferred}/`));
  }
  if (found.length > 1) {
    die(`'${name}' matched multiple (${found.length}) remote tracking branches`);
  }
  return found[0]?.replace(/^refs\/remotes\//, "");
}
