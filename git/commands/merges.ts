/**
 * Commands that join histories.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { nativePath, readFileIfAny, readTextIfAny, removeFile, stat } from "../_files.ts";
import { diffStats, formatStat, formatSummary } from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, makeEntry } from "../index_file.ts";
import {
  commitLinks,
  isAncestor,
  mergeBases,
  octopusBases,
  removeRedundant,
} from "../merge_base.ts";
import { mergeFile } from "../merge_file.ts";
import {
  mergeCommits,
  mergeTrees,
  type MergeTreesOptions,
  type MergeTreesResult,
} from "../merge_trees.ts";
import { formatCommit, parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { formatCommitText, subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { diffTreeIndex, writeIndexTree } from "../status.ts";
import { diffTrees } from "../tree_diff.ts";
import { SwitchError, switchTree } from "../worktree.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { DiffArguments } from "./_revs.ts";
import {
  cleanupMessage,
  commit as commitCommand,
  printCommitSummary,
  reset,
  switchMessage,
} from "./porcelain.ts";

function commitArgument(cli: Cli, name: ByteString): ObjectId {
  const id = cli.tryRevision(name, { prefer: "committish" });
  if (id === undefined) die(`Not a valid object name ${name}`);
  return peelTo(cli.repo.objects, id, "commit") ?? die(`Not a valid commit name ${name}`);
}

/** `git merge-base` */
export function mergeBaseCommand(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "a,all octopus independent is-ancestor fork-point",
    "git merge-base [-a | --all] <commit> <commit>...",
  );
  const store = cli.repo.objects;
  const ids = o.rest.map((name) => commitArgument(cli, name));
  if (o.flag("is-ancestor")) {
    if (ids.length !== 2) die("--is-ancestor takes exactly two commits");
    return isAncestor(store, ids[0]!, ids[1]!) ? 0 : 1;
  }
  if (ids.length === 0 || (ids.length < 2 && !o.flag("independent") && !o.flag("octopus"))) {
    throw usageError("", "git merge-base [-a | --all] <commit> <commit>...");
  }
  const found = o.flag("independent")
    ? removeRedundant(store, ids)
    : o.flag("octopus")
    ? octopusBases(store, ids)
    : mergeBases(store, ids[0]!, ids.slice(1));
  if (found.length === 0) return 1;
  for (const id of o.flag("all") || o.flag("independent") ? found : found.slice(0, 1)) {
    cli.out(`${id}\n`);
  }
  return 0;
}

/** `git merge-file` */
export function mergeFileCommand(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "p,stdout diff3 zdiff3 ours theirs union marker-size= q,quiet L*",
    "git merge-file [<options>] [-L <name1> [-L <orig> [-L <name2>]]] <file1> <orig-file> <file2>",
  );
  if (o.rest.length !== 3) {
    throw usageError(
      "",
      "git merge-file [<options>] [-L <name1> [-L <orig> [-L <name2>]]] <file1> <orig-file> <file2>",
    );
  }
  const [ours, base, theirs] = o.rest.map((path) =>
    readFileIfAny(cli.fileArgument(path)) ?? die(`Could not stat ${path}`)
  ) as [Uint8Array, Uint8Array, Uint8Array];
  for (const data of [ours, base, theirs]) {
    if (data.subarray(0, 8000).includes(0)) {
      throw new Exit(255, `error: Cannot merge binary files: ${o.rest[0]}\n`);
    }
  }
  const labels = o.list("L");
  const result = mergeFile(base, ours, theirs, {
    labels: {
      ours: labels[0] ?? o.rest[0]!,
      base: labels[1] ?? o.rest[1]!,
      theirs: labels[2] ?? o.rest[2]!,
    },
    style: o.flag("zdiff3") ? "zdiff3" : o.flag("diff3") ? "diff3" : "merge",
    favor: o.flag("ours")
      ? "ours"
      : o.flag("theirs")
      ? "theirs"
      : o.flag("union")
      ? "union"
      : undefined,
    level: "zealous-alnum",
    ...(o.given("marker-size") ? { markerSize: Number(o.text("marker-size")) } : {}),
  });
  if (o.flag("stdout")) cli.out(result.data);
  else Deno.writeFileSync(nativePath(cli.fileArgument(o.rest[0]!)), result.data);
  return Math.min(result.conflicts, 127);
}

function shownMessages(result: MergeTreesResult): ByteString {
  return [...result.messages].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map((
    [, text],
  ) => `${text}\n`).join("");
}

/** `git merge-tree --write-tree` */
export function mergeTree(cli: Cli, args: ByteString[]): number {
  const usage = "git merge-tree [--write-tree] [<options>] <branch1> <branch2>";
  const o = parseOptions(
    cli,
    args,
    "write-tree trivial-merge messages z name-only allow-unrelated-histories stdin",
    usage,
  );
  if (o.flag("trivial-merge") || (o.rest.length !== 2 && !o.flag("stdin"))) {
    throw usageError("", usage);
  }
  const { repo } = cli;
  const one = (a: ByteString, b: ByteString): number => {
    const ours = commitArgument(cli, a), theirs = commitArgument(cli, b);
    const bases = mergeBases(repo.objects, ours, [theirs]);
    if (bases.length === 0 && !o.flag("allow-unrelated-histories")) {
      die("refusing to merge unrelated histories");
    }
    const result = mergeCommits(repo.objects, ours, theirs, {
      ours: a,
      theirs: b,
      style: conflictStyle(cli),
    }, bases);
    const end = o.flag("z") ? "\0" : "\n";
    if (o.flag("stdin")) cli.out(`${result.conflicts.length === 0 ? 1 : 0}\0`);
    cli.out(result.tree + end);
    if (result.conflicts.length > 0) {
      if (o.flag("name-only")) {
        for (const path of new Set(result.conflicts.map((conflict) => conflict.path))) {
          cli.out(path + end);
        }
      } else {
        for (const { path, stages } of result.conflicts) {
          stages.forEach((side, i) =>
            side !== undefined &&
            cli.out(`${side.mode.toString(8).padStart(6, "0")} ${side.id} ${i + 1}\t${path}${end}`)
          );
        }
      }
    }
    if (o.given("messages") ? o.flag("messages") : result.conflicts.length > 0) {
      cli.out(`${end}${shownMessages(result)}`);
    }
    return result.conflicts.length === 0 ? 0 : 1;
  };
  if (!o.flag("stdin")) return one(o.rest[0]!, o.rest[1]!);
  for (const line of cli.stdinLines()) {
    const [a, b] = line.split(" ");
    one(a!, b!);
  }
  return 0;
}

function conflictStyle(cli: Cli): "merge" | "diff3" | "zdiff3" {
  const style = cli.config.get("merge.conflictstyle");
  return style === "diff3" || style === "zdiff3" ? style : "merge";
}

/** Puts the result of a merge into worktree and index. */
function applyMerge(
  cli: Cli,
  index: GitIndex,
  oursTree: ObjectId | undefined,
  result: MergeTreesResult,
): void {
  switchTree(cli.repo, index, oursTree, result.tree, {});
  for (const { path, stages } of result.conflicts) {
    const stat0 = index.get(path);
    if (stat0 !== undefined) index.filter((entry) => !(entry.path === path && entry.stage === 0));
    stages.forEach((side, i) =>
      side !== undefined &&
      index.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true })
    );
  }
}

function strategyOptions(cli: Cli, o: Options): MergeTreesOptions {
  const out: MergeTreesOptions = { style: conflictStyle(cli) };
  for (const option of o.list("strategy-option")) {
    if (option === "ours" || option === "theirs") out.favor = option;
    else if (option === "no-renames") out.renames = false;
  }
  return out;
}

/** `git merge` */
export function merge(cli: Cli, args: ByteString[]): number {
  const usage =
    "git merge [<options>] [<commit>...]\n   or: git merge --abort\n   or: git merge --continue";
  const o = parseOptions(
    cli,
    args,
    "n stat summary log? squash commit e,edit cleanup= ff ff-only rerere-autoupdate verify-signatures s,strategy* X,strategy-option* m,message* F,file= into-name= v,verbose+ q,quiet abort quit continue allow-unrelated-histories progress S,gpg-sign? autostash overwrite-ignore signoff no-verify",
    usage,
  );
  cli.needWorkTree();
  const { repo } = cli;
  const { gitDir } = repo.paths;
  const store = repo.objects;
  if (o.flag("abort")) {
    if (stat(`${gitDir}/MERGE_HEAD`) === undefined) {
      die("There is no merge to abort (MERGE_HEAD missing).");
    }
    return reset(cli, ["--hard", "-q", "HEAD"]);
  }
  if (o.flag("quit")) {
    for (const file of ["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "MERGE_RR"]) {
      removeFile(`${gitDir}/${file}`);
    }
    return 0;
  }
  if (o.flag("continue")) {
    if (stat(`${gitDir}/MERGE_HEAD`) === undefined) {
      die("There is no merge in progress (MERGE_HEAD missing).");
    }
    return commitCommand(cli, []);
  }
  const index = repo.readIndex();
  if (index.unmerged) {
    throw new Exit(
      128,
      "error: Merging is not possible because you have unmerged files.\nhint: Fix them up in the work tree, and then use 'git add/rm <file>'\nhint: as appropriate to mark resolution and make a commit.\nfatal: Exiting because of an unresolved conflict.\n",
    );
  }
  if (stat(`${gitDir}/MERGE_HEAD`) !== undefined) {
    die(
      "You have not concluded your merge (MERGE_HEAD exists).\nPlease, commit your changes before you merge.",
    );
  }
  if (o.flag("squash") && o.negated("ff")) {
    die("options '--squash' and '--no-ff.' cannot be used together");
  }
  const head = repo.head();
  let names = o.rest;
  if (names.length === 0) names = ["@{upstream}"];
  const ids = names.map((name) => {
    const id = cli.tryRevision(name, { prefer: "committish" });
    if (id === undefined) throw new Exit(1, `merge: ${name} - not something we can merge\n`);
    return peelTo(store, id, "commit") ?? die(`${name} - not something we can merge`);
  });
  if (head === undefined) {
    if (ids.length !== 1) die("Can merge only exactly one commit into empty head");
    using lock = repo.lockIndex();
    switchTree(repo, index, undefined, commitLinks(store, ids[0]!).tree, {});
    repo.writeIndex(index, lock);
    repo.refs.update({
      name: "HEAD",
      newId: ids[0]!,
      oldId: repo.algorithm.zero,
      message: `initial pull`,
    });
    return 0;
  }
  if (ids.length > 1) die("merging more than two branches at once is not available");
  const theirs = ids[0]!;
  const say = (text: ByteString): void => {
    if (!o.flag("quiet")) cli.out(text);
  };
  const configured = cli.config.entry("merge.ff")?.value;
  const ffOnly = o.flag("ff-only") || (configured === "only" && !o.given("ff"));
  const noFf = o.negated("ff") ||
    (!o.given("ff") && configured !== undefined && configured !== "only" &&
      !cli.config.bool("merge.ff", true));
  const bases = mergeBases(store, head, [theirs]);
  if (bases.length === 0 && !o.flag("allow-unrelated-histories")) {
    die("refusing to merge unrelated histories");
  }
  const action = cli.env.get("GIT_REFLOG_ACTION") ?? `merge ${names[0]}`;
  const showStat = (tree: ObjectId): void => {
    if (
      o.flag("quiet") || o.flag("n") || o.negated("stat") || !cli.config.bool("merge.stat", true)
    ) return;
    const d = new DiffArguments();
    d.findRenames = true;
    const pairs = d.process(cli, diffTrees(store, commitLinks(store, head).tree, tree));
    const format = d.format(cli);
    cli.out(formatStat(diffStats(store, pairs, format), format) + formatSummary(pairs, format));
  };
  if (bases.includes(theirs)) {
    say(o.flag("squash") ? " (nothing to squash)Already up to date.\n" : "Already up to date.\n");
    return 0;
  }
  const refuse = (error: unknown): never => {
    if (!(error instanceof SwitchError)) throw error;
    throw new Exit(1, switchMessage(error, "merge"));
  };
  if (bases.includes(head) && !noFf) {
    say(`Updating ${cli.abbrev(head)}..${cli.abbrev(theirs)}\n`);
    using lock = repo.lockIndex();
    try {
      switchTree(repo, index, commitLinks(store, head).tree, commitLinks(store, theirs).tree, {});
    } catch (error) {
      refuse(error);
    }
    writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
    say("Fast-forward\n");
    if (o.flag("squash")) {
      say("Squash commit -- not updating HEAD\n");
      squashMessage(cli, head, theirs);
    } else {
      repo.refs.update({ name: "ORIG_HEAD", newId: head, noDeref: true, skipReflog: true });
      repo.refs.update({
        name: "HEAD",
        newId: theirs,
        oldId: head,
        message: `${action}: Fast-forward`,
      });
    }
    showStat(commitLinks(store, theirs).tree);
    cli.runHook("post-merge", [o.flag("squash") ? "1" : "0"]);
    return 0;
  }
  if (ffOnly) {
    throw new Exit(
      128,
      'hint: Diverging branches can\'t be fast-forwarded, you need to either:\nhint: \nhint: \tgit merge --no-ff\nhint: \nhint: or:\nhint: \nhint: \tgit rebase\nhint: \nhint: Disable this message with "git config advice.diverging false"\nfatal: Not possible to fast-forward, aborting.\n',
    );
  }
  const dirty = diffTreeIndex(repo, commitLinks(store, head).tree, index, { cached: true });
  if (dirty.length > 0) {
    throw new Exit(
      2,
      `error: Your local changes to the following files would be overwritten by merge:\n  ${
        dirty.map((pair) => pair.new.path).join(" ")
      }\nMerge with strategy ort failed.\n`,
    );
  }
  const strategy = o.list("strategy")[0] ?? "ort";
  const author = cli.ident("author"), committer = cli.ident("committer");
  const result = strategy === "ours"
    ? mergeTrees(
      store,
      commitLinks(store, head).tree,
      commitLinks(store, head).tree,
      commitLinks(store, head).tree,
    )
    : mergeCommits(store, head, theirs, {
      ours: "HEAD",
      theirs: names[0]!,
      ...strategyOptions(cli, o),
    }, bases);
  using lock = repo.lockIndex();
  try {
    applyMerge(cli, index, commitLinks(store, head).tree, result);
  } catch (error) {
    refuse(error);
  }
  if (result.conflicts.length === 0) writeIndexTree(repo, index, { dry: true });
  repo.writeIndex(index, lock);
  say(shownMessages(result));
  const branch = repo.headBranch()?.replace(/^refs\/heads\//, "");
  const messages = o.list("message");
  const file = o.text("file");
  const message = messages.length > 0
    ? `${messages.join("\n\n")}\n`
    : file === undefined
    ? defaultMergeMessage(cli, names[0]!, o.text("into-name") ?? branch)
    : toByteString(readFileIfAny(cli.fileArgument(file)) ?? die(`could not read file '${file}'`));
  repo.refs.update({ name: "ORIG_HEAD", newId: head, noDeref: true, skipReflog: true });
  if (o.flag("squash")) {
    squashMessage(cli, head, theirs);
    if (result.conflicts.length > 0) {
      cli.out(
        "Squash commit -- not updating HEAD\nAutomatic merge failed; fix conflicts and then commit the result.\n",
      );
      return 1;
    }
    say(
      "Automatic merge went well; stopped before committing as requested\nSquash commit -- not updating HEAD\n",
    );
    return 0;
  }
  Deno.writeFileSync(nativePath(`${gitDir}/MERGE_HEAD`), fromByteString(`${theirs}\n`));
  Deno.writeFileSync(nativePath(`${gitDir}/MERGE_MODE`), fromByteString(noFf ? "no-ff" : ""));
  if (result.conflicts.length > 0) {
    const paths = [...new Set(result.conflicts.map((conflict) => conflict.path))];
    Deno.writeFileSync(
      nativePath(`${gitDir}/MERGE_MSG`),
      fromByteString(`${message}\n# Conflicts:\n${paths.map((path) => `#\t${path}\n`).join("")}`),
    );
    cli.out("Automatic merge failed; fix conflicts and then commit the result.\n");
    return 1;
  }
  Deno.writeFileSync(nativePath(`${gitDir}/MERGE_MSG`), fromByteString(message));
  if (o.negated("commit")) {
    say("Automatic merge went well; stopped before committing as requested\n");
    return 0;
  }
  if (!o.flag("no-verify") && cli.runHook("pre-merge-commit") !== 0) return 1;
  let text = message;
  const edit = o.given("edit")
    ? o.flag("edit")
    : messages.length === 0 && file === undefined && cli.env.get("GIT_MERGE_AUTOEDIT") !== "no" &&
      Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const path = `${gitDir}/MERGE_MSG`;
  if (cli.runHook("prepare-commit-msg", [path, "merge"]) !== 0) return 1;
  if (edit) cli.edit(path);
  if (!o.flag("no-verify") && cli.runHook("commit-msg", [path]) !== 0) return 1;
  text = cleanupMessage(readTextIfAny(path) ?? text, edit ? "strip" : "whitespace", "#");
  if (o.flag("signoff")) {
    const who = parseSignature(committer);
    text = `${text.trimEnd()}\n\nSigned-off-by: ${who.name} <${who.email}>\n`;
  }
  const id = store.write(
    "commit",
    formatCommit({
      tree: result.tree,
      parents: [head, theirs],
      author,
      committer,
      extra: [],
      message: text,
    }),
  );
  repo.refs.update({
    name: "HEAD",
    newId: id,
    oldId: head,
    message: `${action}: Merge made by the '${strategy}' strategy.`,
  });
  for (const name of ["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"]) removeFile(`${gitDir}/${name}`);
  say(`Merge made by the '${strategy}' strategy.\n`);
  showStat(result.tree);
  cli.runHook("post-merge", ["0"]);
  return 0;
}

function defaultMergeMessage(cli: Cli, name: ByteString, into: ByteString | undefined): ByteString {
  const { refs } = cli.repo;
  const what = refs.id(`refs/heads/${name}`) !== undefined
    ? `branch '${name}'`
    : refs.id(`refs/tags/${name}`) !== undefined
    ? `tag '${name}'`
    : refs.id(`refs/remotes/${name}`) !== undefined
    ? `remote-tracking branch '${name}'`
    : `commit '${name}'`;
  const quiet = into === undefined ? false : into === "main" || into === "master";
  return `Merge ${what}${quiet ? "" : ` into ${into ?? "HEAD"}`}\n`;
}

function squashMessage(cli: Cli, head: ObjectId, theirs: ObjectId): void {
  const lines: ByteString[] = [];
  for (const { id } of walkCommits(cli.repo.objects, { include: [theirs], exclude: [head] })) {
    lines.push(
      formatCommitText(id, readCommit(cli.repo.objects, id), {
        style: "medium",
        abbrev: (one) => one,
      }),
    );
  }
  Deno.writeFileSync(
    nativePath(`${cli.repo.paths.gitDir}/SQUASH_MSG`),
    fromByteString(`Squashed commit of the following:\n\n${lines.join("\n")}`),
  );
}

/** `git cherry-pick` and `git revert`, one commit after another. */
export function cherryPick(cli: Cli, args: ByteString[], command: string): number {
  const revert = command === "revert";
  const o = parseOptions(
    cli,
    args,
    "quit continue abort skip cleanup= n,no-commit e,edit s,signoff m,mainline= rerere-autoupdate strategy= X,strategy-option* S,gpg-sign? x ff allow-empty allow-empty-message keep-redundant-commits",
    `git ${command} [<options>] <commit>...`,
  );
  cli.needWorkTree();
  const { repo } = cli;
  const store = repo.objects;
  const stateFile = `${repo.paths.gitDir}/${revert ? "REVERT_HEAD" : "CHERRY_PICK_HEAD"}`;
  if (o.flag("abort") || o.flag("skip")) {
    if (stat(stateFile) === undefined) {
      throw new Exit(
        128,
        `error: no cherry-pick or revert in progress\nfatal: ${command} failed\n`,
      );
    }
    return reset(cli, ["--merge", "-q", "HEAD"]);
  }
  if (o.flag("quit")) {
    removeFile(stateFile);
    return 0;
  }
  if (o.flag("continue")) return commitCommand(cli, ["--no-edit"]);
  for (const name of o.rest) {
    const id = commitArgument(cli, name);
    const picked = readCommit(store, id);
    const head = repo.head() ?? die("your current branch does not have any commits yet");
    const mainline = Number(o.text("mainline") ?? 0);
    if (picked.parents.length > 1 && mainline === 0) {
      throw new Exit(
        128,
        `error: commit ${id} is a merge but no -m option was given.\nfatal: ${command} failed\n`,
      );
    }
    const parent = picked.parents[mainline === 0 ? 0 : mainline - 1];
    const parentTree = parent === undefined ? undefined : commitLinks(store, parent).tree;
    const headTree = commitLinks(store, head).tree;
    const index = repo.readIndex();
    const label = `${cli.abbrev(id)} (${subjectOf(picked.message)})`;
    const result = revert
      ? mergeTrees(store, picked.tree, headTree, parentTree ?? repo.algorithm.emptyTree, {
        ours: "HEAD",
        base: label,
        theirs: `parent of ${label}`,
        ...strategyOptions(cli, o),
      })
      : mergeTrees(store, parentTree, headTree, picked.tree, {
        ours: "HEAD",
        base: `parent of ${label}`,
        theirs: label,
        ...strategyOptions(cli, o),
      });
    using lock = repo.lockIndex();
    try {
      applyMerge(cli, index, headTree, result);
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      throw new Exit(
        128,
        `${switchMessage(error, "merge").replace(/Aborting\n$/, "")}fatal: ${command} failed\n`,
      );
    }
    repo.writeIndex(index, lock);
    let message = revert
      ? `Revert "${subjectOf(picked.message)}"\n\nThis reverts commit ${id}.\n`
      : picked.message;
    if (o.flag("x")) message = `${message.trimEnd()}\n\n(cherry picked from commit ${id})\n`;
    cli.out(shownMessages(result));
    if (result.conflicts.length > 0) {
      if (!o.flag("no-commit")) {
        Deno.writeFileSync(nativePath(stateFile), fromByteString(`${id}\n`));
      }
      const paths = [...new Set(result.conflicts.map((conflict) => conflict.path))];
      Deno.writeFileSync(
        nativePath(`${repo.paths.gitDir}/MERGE_MSG`),
        fromByteString(`${message}\n# Conflicts:\n${paths.map((path) => `#\t${path}\n`).join("")}`),
      );
      throw new Exit(
        1,
        `error: could not ${revert ? "revert" : "apply"} ${
          label.replace(" (", "... ").replace(/\)$/, "")
        }\nhint: After resolving the conflicts, mark them with\nhint: "git add/rm <pathspec>", then run\nhint: "git ${command} --continue".\nhint: You can instead skip this commit with "git ${command} --skip".\nhint: To abort and get back to the state before "git ${command}",\nhint: run "git ${command} --abort".\n`,
      );
    }
    if (o.flag("no-commit")) continue;
    if (result.tree === headTree && !o.flag("allow-empty")) {
      Deno.writeFileSync(nativePath(stateFile), fromByteString(`${id}\n`));
      throw new Exit(
        1,
        `The previous cherry-pick is now empty, possibly due to conflict resolution.\nIf you wish to commit it anyway, use:\n\n    git commit --allow-empty\n\nOtherwise, please use 'git cherry-pick --skip'\n`,
      );
    }
    const author = revert ? cli.ident("author") : picked.author;
    const committer = cli.ident("committer");
    const made = store.write(
      "commit",
      formatCommit({
        tree: result.tree,
        parents: [head],
        author,
        committer,
        extra: [],
        message: cleanupMessage(message, "whitespace", "#"),
      }),
    );
    repo.refs.update({
      name: "HEAD",
      newId: made,
      oldId: head,
      message: `${command}: ${subjectOf(message)}`,
    });
    printCommitSummary(cli, made, headTree, repo.headBranch(), false, author, committer);
  }
  return 0;
}
