/**
 * `git branch`.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { nativePath, readFileIfAny, readTextIfAny } from "../_files.ts";
import {
  type Config,
  copySection,
  editConfig,
  renameSection,
  updateConfigFile,
} from "../config.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor, mergeBases } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { displayWidth, subjectOf } from "../pretty.ts";
import { decodeText } from "../_bytes.ts";
import { colorSequence } from "../color.ts";
import { shortenRef } from "../ref_filter.ts";
import { isRefName } from "../ref_name.ts";
import { parseRefspec, unmapRef } from "../refspec.ts";
import { interpretBranchName, trackingRef } from "../revision.ts";
import { wildmatch } from "../wildmatch.ts";
import { checkedOutAt, listWorktrees } from "../worktree_list.ts";
import { columnLayout, printColumns } from "./_columns.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { cleanupMessage } from "./_message.ts";
import { aheadBehind } from "./_status_text.ts";
import { expandRefFormat, FILTER_SPEC, filterRows, type RefRow, sortRows } from "./_ref_format.ts";

const USAGE =
  "git branch [<options>] [-r | -a] [--merged] [--no-merged]\n   or: git branch [<options>] [-f] [--recurse-submodules] <branch-name> [<start-point>]\n   or: git branch [<options>] [-l] [<pattern>...]\n   or: git branch [<options>] [-r] (-d | -D) <branch-name>...\n   or: git branch [<options>] (-m | -M) [<old-branch>] <new-branch>\n   or: git branch [<options>] (-c | -C) [<old-branch>] <new-branch>\n   or: git branch [<options>] [-r | -a] [--points-at]\n   or: git branch [<options>] [-r | -a] [--format]";

/** How a new branch follows another. */
export type Track = "never" | "remote" | "always" | "explicit" | "override" | "inherit" | "simple";

/** What `branch.autoSetupMerge` says. */
export function configuredTrack(config: Config): Track {
  const value = config.entry("branch.autosetupmerge")?.value;
  if (value === "always" || value === "inherit" || value === "simple") return value;
  return config.bool("branch.autosetupmerge", true) ? "remote" : "never";
}

/** The kind of tracking that `--track` asks for. */
export function trackOption(o: Options, fallback: Track): Track {
  let track = fallback;
  for (const [key, value] of o.order) {
    if (key !== "track") continue;
    if (value === false) track = "never";
    else if (value === true || value === "direct") track = "explicit";
    else if (value === "inherit") track = "inherit";
    else throw new Exit(129, `error: option \`--track' expects "direct" or "inherit"\n`);
  }
  return track;
}

/** Where a branch is checked out (or being rebased or bisected), or `undefined`. */
export function branchCheckedOut(cli: Cli, full: ByteString): ByteString | undefined {
  const trees = listWorktrees(cli.repo);
  const found = checkedOutAt(trees, full)?.path;
  if (found !== undefined) return found;
  for (const tree of trees) {
    const text = readTextIfAny(`${tree.gitDir}/rebase-merge/update-refs`);
    if (text !== undefined && text.split("\n").includes(full)) return tree.path;
  }
  return undefined;
}

/** The remotes whose fetched branches include a ref: their names and the refs there. */
function trackedBy(
  cli: Cli,
  full: ByteString,
): { remote: ByteString; source: ByteString }[] {
  const out: { remote: ByteString; source: ByteString }[] = [];
  const { config } = cli.repo;
  for (const remote of config.subsections("remote")) {
    for (const text of config.all(`remote.${remote}.fetch`)) {
      let source: ByteString | undefined;
      try {
        source = unmapRef(parseRefspec(text, "fetch"), full);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
      }
      if (source === undefined) continue;
      out.push({ remote, source });
      break;
    }
  }
  return out;
}

/** The commit a branch starts at, and the ref that it may follow. */
export function branchStart(
  cli: Cli,
  start: ByteString,
  track: Track,
): { commit: ObjectId; ref: ByteString | undefined } {
  const { repo } = cli;
  const explicit = track === "explicit" || track === "override";
  let id: ObjectId | undefined;
  const dots = start.indexOf("...");
  if (dots >= 0) {
    const side = (name: ByteString): ObjectId | undefined => {
      const one = cli.tryRevision(name === "" ? "HEAD" : name, { prefer: "committish" });
      return one === undefined ? undefined : peelTo(repo.objects, one, "commit");
    };
    const a = side(start.slice(0, dots)), b = side(start.slice(dots + 3));
    const bases = a === undefined || b === undefined ? [] : mergeBases(repo.objects, a, [b]);
    if (bases.length === 1) id = bases[0];
  } else id = cli.tryRevision(start);
  if (id === undefined) {
    if (explicit) {
      const hint = cli.config.bool("advice.setupstreamfailure", true)
        ? "hint: \nhint: If you are planning on basing your work on an upstream\n" +
          "hint: branch that already exists at the remote, you may need to\n" +
          'hint: run "git fetch" to retrieve it.\nhint: \n' +
          "hint: If you are planning to push out a new local branch that\n" +
          "hint: will track its remote counterpart, you may want to use\n" +
          'hint: "git push -u" to set the upstream config as you push.\n' +
          'hint: Disable this message with "git config advice.setUpstreamFailure false"\n'
        : "";
      throw new Exit(
        128,
        `fatal: the requested upstream branch '${start}' does not exist\n${hint}`,
      );
    }
    die(`not a valid object name: '${start}'`);
  }
  const found = refOf(cli, start);
  if (found.length > 1) die(`ambiguous object name: '${start}'`);
  let ref = found[0];
  const notBranch = (): never =>
    die(`cannot set up tracking information; starting point '${start}' is not a branch`);
  if (ref === undefined) {
    if (explicit) notBranch();
  } else if (!ref.startsWith("refs/heads/") && trackedBy(cli, ref).length === 0) {
    if (explicit) notBranch();
    ref = undefined;
  }
  const commit = peelTo(repo.objects, id, "commit") ?? die(`not a valid branch point: '${start}'`);
  return { commit, ref };
}

/** The refs a short name may mean. */
function refOf(cli: Cli, name: ByteString): ByteString[] {
  const { refs } = cli.repo;
  const short = interpretBranchName(cli.repo, name);
  const out: ByteString[] = [];
  for (
    const full of [
      short,
      `refs/${short}`,
      `refs/tags/${short}`,
      `refs/heads/${short}`,
      `refs/remotes/${short}`,
      `refs/remotes/${short}/HEAD`,
    ]
  ) {
    if (full !== "HEAD" && !full.startsWith("refs/")) continue;
    const resolved = isRefName(full) || full === "HEAD" ? refs.resolve(full) : undefined;
    if (resolved?.id !== undefined) out.push(resolved.target ?? full);
  }
  return out;
}

/** `branch.autoSetupRebase`; fails when it is no word it knows. */
function rebaseSetting(config: Config): string {
  const auto = config.entry("branch.autosetuprebase");
  if (auto === undefined) return "never";
  const { value } = auto;
  if (value !== undefined && ["never", "local", "remote", "always"].includes(value)) return value;
  throw new Exit(
    128,
    `error: ${
      value === undefined
        ? "missing value for 'branch.autosetuprebase'"
        : "malformed value for branch.autosetuprebase"
    }\nfatal: bad config variable 'branch.autosetuprebase' in file '.git/config'\n`,
  );
}

/** Writes what a branch follows into the configuration. */
export function installTracking(
  cli: Cli,
  branch: ByteString,
  remote: ByteString | undefined,
  merges: readonly ByteString[],
  quiet: boolean,
): void {
  const { paths } = cli.repo;
  const mode = rebaseSetting(cli.repo.config);
  const rebase = mode === "always" || (mode === "local" && remote === undefined) ||
    (mode === "remote" && remote !== undefined);
  if (rebase && merges.length > 1) {
    die(
      "cannot inherit upstream tracking configuration of multiple refs when rebasing is requested",
    );
  }
  if (remote === undefined && merges.includes(`refs/heads/${branch}`)) {
    cli.warn(`not setting branch '${branch}' as its own upstream`);
    return;
  }
  const file = `${paths.commonDir}/config`;
  const describe = `file ${file}`;
  try {
    updateConfigFile(file, (text) => {
      text =
        editConfig(text, describe, `branch.${branch}.remote`, remote ?? ".", { all: true }).text;
      text = editConfig(text, describe, `branch.${branch}.merge`, undefined, { all: true }).text;
      for (const merge of merges) {
        text = editConfig(text, describe, `branch.${branch}.merge`, merge, { add: true }).text;
      }
      return rebase
        ? editConfig(text, describe, `branch.${branch}.rebase`, "true", { all: true }).text
        : text;
    });
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    const shown = merges.map((merge) =>
      `hint:   git branch --set-upstream-to=${remote === undefined ? "" : `${remote}/`}${merge}\n`
    );
    throw new Exit(
      1,
      `error: ${error.message}\nerror: unable to write upstream branch configuration\nhint: \n` +
        "hint: After fixing the error cause you may try to fix up\n" +
        `hint: the remote tracking information by invoking:\n${shown.join("")}`,
    );
  }
  cli.reopen();
  if (quiet) return;
  const friendly = merges.map((merge) => {
    const short = merge.replace(/^refs\/heads\//, "");
    return remote === undefined ? short : `${remote}/${short}`;
  });
  if (friendly.length === 1) {
    cli.out(
      `branch '${branch}' set up to track '${friendly[0]}'${rebase ? " by rebasing" : ""}.\n`,
    );
  } else {cli.out(`branch '${branch}' set up to track:\n${
      friendly.map((one) => `  ${one}\n`).join("")
    }`);}
}

/** Makes a branch follow the ref it starts from, as far as `track` wants that. */
export function setupBranchTracking(
  cli: Cli,
  branch: ByteString,
  ref: ByteString,
  track: Track,
  quiet: boolean,
): void {
  const { config } = cli.repo;
  if (track === "inherit") {
    const origin = ref.replace(/^refs\/heads\//, "");
    const remote = config.get(`branch.${origin}.remote`);
    if (remote === undefined) {
      cli.warn(`asked to inherit tracking from '${origin}', but no remote is set`);
      return;
    }
    const merges = config.all(`branch.${origin}.merge`);
    if (merges.length === 0 || merges[0] === "") {
      cli.warn(`asked to inherit tracking from '${origin}', but no merge configuration is set`);
      return;
    }
    installTracking(cli, branch, remote === "." ? undefined : remote, merges, quiet);
    return;
  }
  const found = trackedBy(cli, ref);
  if (found.length === 0 && track !== "always" && track !== "explicit" && track !== "override") {
    return;
  }
  if (found.length > 1) {
    const advice = config.bool("advice.ambiguousfetchrefspec", true)
      ? "hint: There are multiple remotes whose fetch refspecs map to the remote\n" +
        `hint: tracking ref '${ref}':\n${found.map((one) => `hint:   ${one.remote}\n`).join("")}` +
        "hint: \nhint: This is typically a configuration error.\nhint: \n" +
        "hint: To support setting up tracking branches, ensure that\n" +
        "hint: different remotes' fetch refspecs map into different\n" +
        "hint: tracking namespaces.\n"
      : "";
    throw new Exit(
      128,
      `fatal: not tracking: ambiguous information for ref '${ref}'\n${advice}`,
    );
  }
  const only = found[0];
  if (track === "simple" && only?.source !== `refs/heads/${branch}`) return;
  installTracking(cli, branch, only?.remote, [only?.source ?? ref], quiet);
}

/** Creates or moves a branch; fails as `git branch` does. */
export function createBranch(
  cli: Cli,
  name: ByteString,
  start: ByteString,
  options: { force: boolean; reflog: boolean; quiet: boolean; track: Track; clobberHead?: boolean },
): void {
  const { repo } = cli;
  const full = `refs/heads/${name}`;
  if (name.startsWith("-") || !isRefName(full) || name === "HEAD") {
    die(`'${name}' is not a valid branch name`);
  }
  const exists = repo.refs.exists(full);
  if (exists && !options.clobberHead) {
    if (!options.force) die(`a branch named '${name}' already exists`);
    const where = branchCheckedOut(cli, full);
    if (where !== undefined) {
      die(`cannot force update the branch '${name}' checked out at '${where}'`);
    }
  }
  const { commit, ref } = branchStart(cli, start, options.track);
  repo.refs.update({
    name: full,
    newId: commit,
    message: exists ? `branch: Reset to ${start}` : `branch: Created from ${start}`,
    createReflog: options.reflog,
  });
  if (ref !== undefined && options.track !== "never") {
    setupBranchTracking(cli, name, ref, options.track, options.quiet);
  }
}

function readQuietly(cli: Cli, name: ByteString): ReturnType<Cli["repo"]["refs"]["read"]> {
  try {
    return cli.repo.refs.read(name);
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

/** Whether everything of a branch is in its upstream or HEAD. */
function isMerged(
  cli: Cli,
  name: ByteString,
  id: ObjectId,
  head: ObjectId | undefined,
): boolean {
  const { repo } = cli;
  const upstream = trackingRef(repo, name);
  const upstreamId = upstream === undefined ? undefined : repo.refs.id(upstream);
  const reference = upstreamId ?? head;
  const merged = reference !== undefined && isAncestor(repo.objects, id, reference);
  if (upstreamId !== undefined && upstreamId !== head) {
    const inHead = head !== undefined && isAncestor(repo.objects, id, head);
    if (inHead !== merged) {
      cli.warn(
        merged
          ? `deleting branch '${name}' that has been merged to\n         '${upstream}', but not yet merged to HEAD.`
          : `not deleting branch '${name}' that is not yet merged to\n         '${upstream}', even though it is merged to HEAD.`,
      );
    }
  }
  return merged;
}

function deleteBranches(cli: Cli, o: Options, force: boolean): number {
  const { repo } = cli;
  if (o.rest.length === 0) die("branch name required");
  if (o.flag("all")) die("cannot use -a with -d");
  const remote = o.flag("remotes");
  const head = repo.head();
  let failed = 0;
  for (const raw of o.rest) {
    const name = interpretBranchName(repo, raw);
    const full = remote
      ? name.startsWith("refs/remotes/") ? name : `refs/remotes/${name}`
      : `refs/heads/${name}`;
    const where = remote ? undefined : branchCheckedOut(cli, full);
    if (where !== undefined) {
      failed = cli.error(`Cannot delete branch '${name}' checked out at '${where}'`);
      continue;
    }
    if (!repo.refs.exists(full)) {
      failed = cli.error(
        remote ? `remote-tracking branch '${name}' not found.` : `branch '${name}' not found.`,
      );
      continue;
    }
    const value = readQuietly(cli, full);
    const id = repo.refs.id(full);
    if (!remote && id !== undefined && value?.kind === "id" && !force) {
      if (peelTo(repo.objects, id, "commit") === undefined) {
        failed = cli.error(`Couldn't look up commit object for '${full}'`);
        continue;
      }
      if (!isMerged(cli, name, id, head)) {
        failed = cli.error(
          `The branch '${name}' is not fully merged.\nIf you are sure you want to delete it, run 'git branch -D ${name}'.`,
        );
        continue;
      }
    }
    repo.refs.update({ name: full, newId: repo.algorithm.zero, noDeref: true });
    const file = `${repo.paths.commonDir}/config`;
    if (!remote && repo.config.subsections("branch").includes(name)) {
      updateConfigFile(
        file,
        (text) => renameSection(text, `file ${file}`, `branch.${name}`, undefined) ?? text,
      );
    }
    const shown = value?.kind === "symbolic"
      ? value.target
      : id === undefined
      ? "broken"
      : cli.abbrev(id);
    if (!o.flag("quiet")) {
      cli.out(`Deleted ${remote ? "remote-tracking " : ""}branch ${name} (was ${shown}).\n`);
    }
  }
  return failed;
}

function renameBranch(
  cli: Cli,
  from: ByteString,
  to: ByteString,
  copy: boolean,
  force: boolean,
): void {
  const { repo } = cli;
  const { refs } = repo;
  const current = repo.headBranch()?.replace(/^refs\/heads\//, "");
  const oldName = `refs/heads/${from}`, newName = `refs/heads/${to}`;
  const invalid = from.startsWith("-") || !isRefName(oldName);
  if (invalid && !refs.exists(oldName)) die(`Invalid branch name: '${from}'`);
  if ((copy || current !== from) && !refs.exists(oldName)) {
    die(
      copy && current === from
        ? `No commit on branch '${from}' yet.`
        : `No branch named '${from}'.`,
    );
  }
  if (to.startsWith("-") || !isRefName(newName)) die(`'${to}' is not a valid branch name`);
  if (from !== to && refs.id(newName) !== undefined) {
    if (!force) die(`a branch named '${to}' already exists`);
    const where = branchCheckedOut(cli, newName);
    if (where !== undefined) {
      die(`cannot force update the branch '${to}' checked out at '${where}'`);
    }
  }
  const trees = listWorktrees(repo);
  for (const tree of trees) {
    if (tree.bare || tree.branch !== undefined) continue;
    for (const file of ["rebase-merge/head-name", "rebase-apply/head-name"]) {
      if (readTextIfAny(`${tree.gitDir}/${file}`)?.trim() === oldName) {
        die(`Branch ${oldName} is being rebased at ${tree.path}`);
      }
    }
    if (readTextIfAny(`${tree.gitDir}/BISECT_START`)?.trim() === from) {
      die(`Branch ${oldName} is being bisected at ${tree.path}`);
    }
  }
  const message = `Branch: ${copy ? "copied" : "renamed"} ${oldName} to ${newName}`;
  if (refs.exists(oldName)) {
    try {
      refs.rename(oldName, newName, message, { copy });
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      throw new Exit(
        128,
        `error: ${error.message}\nfatal: Branch ${copy ? "copy" : "rename"} failed\n`,
      );
    }
  }
  if (invalid) {
    cli.warn(
      copy
        ? `Created a copy of a misnamed branch '${from}'`
        : `Renamed a misnamed branch '${from}' away`,
    );
  }
  if (!copy) {
    for (const tree of trees) {
      if (tree.branch !== oldName) continue;
      if (tree.gitDir === repo.paths.gitDir) refs.setSymbolic("HEAD", newName, message);
      else {
        Deno.writeFileSync(nativePath(`${tree.gitDir}/HEAD`), fromByteString(`ref: ${newName}\n`));
      }
    }
  }
  if (from === to) return;
  const file = `${repo.paths.commonDir}/config`;
  if (!repo.config.subsections("branch").includes(from)) return;
  updateConfigFile(
    file,
    (text) =>
      copy
        ? copySection(text, `file ${file}`, `branch.${from}`, `branch.${to}`)
        : renameSection(text, `file ${file}`, `branch.${from}`, `branch.${to}`) ?? text,
  );
}

function editDescription(cli: Cli, name: ByteString): void {
  const { repo } = cli;
  const key = `branch.${name}.description`;
  const before = repo.config.get(key);
  const path = `${repo.paths.gitDir}/EDIT_DESCRIPTION`;
  const text = (before ?? "").replace(/\n?$/, "\n");
  Deno.writeFileSync(
    nativePath(path),
    fromByteString(
      `${text}# Please edit the description for the branch\n#   ${name}\n# Lines starting with '#' will be stripped.\n`,
    ),
  );
  cli.edit(path);
  const after = cleanupMessage(
    toByteString(readFileIfAny(path) ?? new Uint8Array(0)),
    "strip",
    "#",
  );
  if (after === "" && before === undefined) return;
  const file = `${repo.paths.commonDir}/config`;
  updateConfigFile(
    file,
    (config) =>
      editConfig(config, `file ${file}`, key, after === "" ? undefined : after, { all: true }).text,
  );
}

/** What `git branch` calls a HEAD that is on no branch. */
function detachedName(cli: Cli, headId: ObjectId): ByteString {
  const { repo } = cli;
  const { gitDir } = repo.paths;
  for (const directory of ["rebase-merge", "rebase-apply"]) {
    const branch = readTextIfAny(`${gitDir}/${directory}/head-name`)?.trim();
    if (branch === undefined) continue;
    const onto = readTextIfAny(`${gitDir}/${directory}/onto`)?.trim();
    if (branch.startsWith("refs/heads/")) return `(no branch, rebasing ${branch.slice(11)})`;
    const place = readTextIfAny(`${gitDir}/${directory}/orig-head`)?.trim() ?? onto;
    return `(no branch, rebasing detached HEAD ${place === undefined ? "" : cli.abbrev(place)})`;
  }
  const bisect = readTextIfAny(`${gitDir}/BISECT_START`)?.trim();
  if (bisect !== undefined) return `(no branch, bisect started on ${bisect})`;
  const moved = repo.refs.readLog("HEAD")?.findLast((entry) =>
    entry.message.startsWith("checkout: moving from ")
  );
  const place = moved === undefined
    ? undefined
    : /^checkout: moving from .* to ([^ ]+)$/.exec(moved.message)?.[1];
  if (moved === undefined || place === undefined) return "(no branch)";
  const hex = new RegExp(`^[0-9a-f]{${repo.algorithm.hexSize}}$`).test(place);
  return `(HEAD detached ${moved.newId === headId ? "at" : "from"} ${
    hex ? cli.abbrev(moved.newId) : place
  })`;
}

function listBranches(cli: Cli, o: Options): void {
  const { repo } = cli;
  const remote = o.flag("remotes");
  const head = repo.headBranch();
  const headId = repo.head();
  const columns = columnLayout(cli, "branch", o);
  const verbose = o.count("verbose");
  if (verbose > 0) {
    if (columns.asked) die("options '--column' and '--verbose' cannot be used together");
    columns.active = false;
  }
  let rows: RefRow[] = repo.refs.list().filter((ref) =>
    !ref.broken &&
    ((ref.name.startsWith("refs/heads/") && !remote) ||
      (ref.name.startsWith("refs/remotes/") && (remote || o.flag("all"))))
  )
    .map((ref) => ({ name: ref.name, id: ref.id, symbolic: ref.symbolic }));
  const short = (name: ByteString): ByteString =>
    name.startsWith("refs/heads/")
      ? name.slice(11)
      : o.flag("all")
      ? name.slice(5)
      : name.slice(13);
  if (o.rest.length > 0) {
    rows = rows.filter((row) =>
      o.rest.some((pattern) =>
        wildmatch(pattern, row.name.replace(/^refs\/(heads|remotes)\//, ""), {
          fold: o.flag("ignore-case"),
        })
      )
    );
  }
  rows = filterRows(cli, rows, o);
  const keys = o.list("sort").length > 0 ? o.list("sort") : repo.config.all("branch.sort");
  sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], o.flag("ignore-case"));
  if (keys.length === 0) {
    rows.sort((a, b) =>
      Number(b.name.startsWith("refs/heads/")) - Number(a.name.startsWith("refs/heads/"))
    );
  }
  const detached = head === undefined && headId !== undefined && !remote;
  const label = detached ? detachedName(cli, headId) : "";
  const filtering = o.order.some(([key]) =>
    ["merged", "no-merged", "contains", "no-contains", "points-at"].includes(key)
  );
  const showDetached = detached &&
    (o.rest.length === 0 || o.rest.some((pattern) => wildmatch(pattern, label))) &&
    (!filtering || filterRows(cli, [{ name: "HEAD", id: headId }], o).length > 0);
  const format = o.text("format");
  if (format !== undefined) {
    const all = showDetached ? [{ name: label, id: headId }, ...rows] : rows;
    printColumns(
      cli,
      all.map((row) => expandRefFormat(cli, format, row, (text) => text)),
      columns,
    );
    return;
  }
  const colored = o.order.findLast(([key]) => key === "color")?.[1];
  const on = colored === undefined
    ? cli.useColor(cli.config.has("color.branch") ? "color.branch" : "color.ui")
    : colored === true || colored === "always"
    ? true
    : colored === "auto" && Deno.stdout.isTerminal();
  const color = (slot: string, fallback: string): string => {
    const text = cli.config.get(`color.branch.${slot}`);
    return !on ? "" : text === undefined ? fallback : colorSequence(text);
  };
  const reset = color("reset", "\x1b[m");
  const trees = listWorktrees(repo).filter((tree) =>
    !tree.bare && tree.gitDir !== repo.paths.gitDir
  );
  const abbrevText = o.negated("abbrev") ? "0" : o.text("abbrev");
  const abbrev = (id: ObjectId): string =>
    abbrevText === undefined
      ? cli.abbrev(id)
      : Number(abbrevText) === 0
      ? id
      : cli.abbrev(id, Number(abbrevText));
  const lines: ByteString[] = [];
  const names = [...(showDetached ? [label] : []), ...rows.map((row) => short(row.name))];
  const widthOf = (text: ByteString): number => displayWidth(decodeText(text));
  const width = Math.max(0, ...names.map(widthOf));
  const add = (row: RefRow | undefined, name: ByteString): void => {
    const here = row === undefined || row.name === head;
    const tree = row === undefined ? undefined : trees.find((one) => one.branch === row.name);
    const isRemote = row?.name.startsWith("refs/remotes/") ?? false;
    const mark = here ? "*" : tree !== undefined ? "+" : " ";
    const paint = here
      ? color("current", "\x1b[32m")
      : tree !== undefined
      ? color("worktree", "\x1b[36m")
      : isRemote
      ? color("remote", "\x1b[31m")
      : color("local", "");
    const pointer = row?.symbolic === undefined ? "" : ` -> ${short(row.symbolic)}`;
    if (verbose === 0) {
      lines.push(`${mark} ${paint}${name}${reset}${pointer}`);
      return;
    }
    const padded = name + " ".repeat(width - widthOf(name));
    const start = `${mark} ${paint}${padded}${reset}`;
    if (isRemote && pointer !== "") {
      lines.push(start + pointer);
      return;
    }
    const id = row?.id ?? headId!;
    let info = "";
    if (verbose > 1 && tree !== undefined && !here) {
      info += `(${color("worktree", "\x1b[36m")}${tree.path}${reset}) `;
    }
    const branch = row?.name.startsWith("refs/heads/") ? row.name.slice(11) : undefined;
    const upstream = branch === undefined ? undefined : trackingRef(repo, branch);
    if (upstream !== undefined) {
      const theirs = repo.refs.id(upstream);
      let track = "";
      if (theirs === undefined) track = "gone";
      else {
        const [a, b] = aheadBehind(cli, id, theirs);
        track = [...(a > 0 ? [`ahead ${a}`] : []), ...(b > 0 ? [`behind ${b}`] : [])].join(", ");
      }
      if (verbose > 1) {
        info += `[${color("upstream", "\x1b[34m")}${shortenRef(repo, upstream, false)}${reset}${
          track === "" ? "" : `: ${track}`
        }] `;
      } else if (track !== "") info += `[${track}] `;
    }
    lines.push(`${start} ${abbrev(id)} ${info}${subjectOf(readCommit(repo.objects, id).message)}`);
  };
  if (showDetached) add(undefined, label);
  for (const row of rows) add(row, short(row.name));
  printColumns(cli, lines, columns);
}

/** `git branch` */
export function branch(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    `v,verbose+ q,quiet t,track? u,set-upstream-to= unset-upstream r,remotes abbrev? a,all d,delete D m,move M c,copy C l,list show-current create-reflog edit-description f,force column? recurse-submodules color? ${
      FILTER_SPEC.split(/\s+/).filter((word) => !word.startsWith("color")).join(" ")
    }`,
    USAGE,
  );
  const { repo } = cli;
  rebaseSetting(repo.config);
  let track = configuredTrack(repo.config);
  track = trackOption(o, track);
  const head = repo.headBranch();
  const current = head?.startsWith("refs/heads/") ? head.slice(11) : undefined;
  const expand = (name: ByteString): ByteString => interpretBranchName(repo, name);
  const filtering = o.order.some(([key]) =>
    ["merged", "no-merged", "contains", "no-contains", "points-at"].includes(key)
  );
  const deleting = o.flag("delete") || o.flag("D");
  const moving = o.flag("move") || o.flag("M"), copying = o.flag("copy") || o.flag("C");
  const other = [
    deleting,
    moving,
    copying,
    o.given("set-upstream-to"),
    o.flag("unset-upstream"),
    o.flag("show-current"),
    o.flag("edit-description"),
  ].filter((one) => one).length;
  const list = o.flag("list") || filtering || (other === 0 && o.rest.length === 0);
  if (other + (list ? 1 : 0) > 1) throw usageError("", USAGE);
  if (deleting) return deleteBranches(cli, o, o.flag("D") || o.flag("force"));
  if (o.flag("show-current")) {
    if (current !== undefined) cli.out(`${current}\n`);
    return 0;
  }
  if (list) {
    listBranches(cli, o);
    return 0;
  }
  if (o.flag("edit-description")) {
    if (o.rest.length > 1) die("cannot edit description of more than one branch");
    const name = o.rest[0] === undefined
      ? current ?? die("Cannot give description to detached HEAD")
      : expand(o.rest[0]);
    if (!repo.refs.exists(`refs/heads/${name}`)) {
      return cli.error(
        o.rest.length === 0 || name === current
          ? `No commit on branch '${name}' yet.`
          : `No branch named '${name}'.`,
      );
    }
    editDescription(cli, name);
    return 0;
  }
  if (moving || copying) {
    if (o.rest.length === 0) die("branch name required");
    if (o.rest.length > 2) {
      die(
        copying
          ? "too many branches for a copy operation"
          : "too many arguments for a rename operation",
      );
    }
    const from = o.rest.length === 2 ? expand(o.rest[0]!) : current ??
      die(`cannot ${copying ? "copy" : "rename"} the current branch while not on any.`);
    const force = o.flag("M") || o.flag("C") || o.flag("force");
    renameBranch(cli, from, expand(o.rest.at(-1)!), copying, force);
    return 0;
  }
  const named = (verb: string): ByteString => {
    if (o.rest.length > 1) die(`too many arguments to ${verb} upstream`);
    return o.rest[0] === undefined || expand(o.rest[0]) === "HEAD"
      ? current ??
        die(
          o.given("set-upstream-to")
            ? `could not set upstream of HEAD to ${
              o.text("set-upstream-to")
            } when it does not point to any branch.`
            : "could not unset upstream of HEAD when it does not point to any branch.",
        )
      : expand(o.rest[0]);
  };
  if (o.given("set-upstream-to")) {
    const name = named("set new");
    if (!repo.refs.exists(`refs/heads/${name}`)) {
      die(
        o.rest.length === 0 || name === current
          ? `No commit on branch '${name}' yet.`
          : `branch '${name}' does not exist`,
      );
    }
    const { ref } = branchStart(cli, o.text("set-upstream-to")!, "override");
    setupBranchTracking(cli, name, ref!, "override", o.flag("quiet"));
    return 0;
  }
  if (o.flag("unset-upstream")) {
    const name = named("unset");
    if (!repo.config.has(`branch.${name}.merge`)) {
      die(`Branch '${name}' has no upstream information`);
    }
    const file = `${repo.paths.commonDir}/config`;
    updateConfigFile(file, (text) => {
      const all = { all: true };
      text = editConfig(text, `file ${file}`, `branch.${name}.remote`, undefined, all).text;
      return editConfig(text, `file ${file}`, `branch.${name}.merge`, undefined, all).text;
    });
    return 0;
  }
  if (o.flag("all") || o.flag("remotes")) {
    die(
      "The -a, and -r, options to 'git branch' do not take a branch name.\nDid you mean to use: -a|-r --list <pattern>?",
    );
  }
  if (o.rest.length > 2) throw usageError("", USAGE);
  createBranch(cli, expand(o.rest[0]!), o.rest[1] ?? current ?? "HEAD", {
    force: o.flag("force"),
    reflog: o.flag("create-reflog"),
    quiet: o.flag("quiet"),
    track,
  });
  return 0;
}
