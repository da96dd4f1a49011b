/**
 * Commands that join histories.
 *
 * @module
 */
import { type ByteString, fromByteString, trimSpaceEnd } from "../_bytes.ts";
import { nativePath, readFileIfAny, removeFile, stat } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import {
  commitLinks,
  isAncestor,
  mergeBases,
  octopusBases,
  removeRedundant,
} from "../merge_base.ts";
import { mergeFile } from "../merge_file.ts";
import { mergeCommits, mergeTrees } from "../merge_trees.ts";
import { formatCommit } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { SwitchError } from "../worktree.ts";
import { type Cli, die, Exit, quotePath } from "./_context.ts";
import { applyMerge, showMerge } from "./_apply_merge.ts";
import { mergeSettings } from "./_merge_settings.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";
import { printCommitSummary } from "./_commit_summary.ts";
import { cleanupMessage } from "./_message.ts";
import { switchMessage } from "./_switch.ts";
import { commit as commitCommand } from "./commit.ts";
import { reset } from "./reset.ts";

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

/** `git merge-tree --write-tree` */
export function mergeTree(cli: Cli, args: ByteString[]): number {
  const usage = "git merge-tree [--write-tree] [<options>] <branch1> <branch2>";
  const o = parseOptions(
    cli,
    args,
    "write-tree trivial-merge messages z !name-only !allow-unrelated-histories !stdin",
    usage,
  );
  if (o.flag("trivial-merge")) {
    if (o.order.some(([key]) => key !== "trivial-merge")) {
      die("--trivial-merge is incompatible with all other options");
    }
    throw usageError("", usage);
  }
  if (o.flag("stdin")) {
    for (const line of cli.stdinLines()) {
      const names = line.split(" ");
      if (names.length !== 2) die(`malformed input line: '${line}'.`);
      mergeOne(cli, o, names[0]!, names[1]!.trimEnd());
    }
    return 0;
  }
  if (o.rest.length !== 2) throw usageError("", usage);
  return mergeOne(cli, o, o.rest[0]!, o.rest[1]!);
}

/** One merge of `git merge-tree --write-tree`; 1 when it conflicts. */
function mergeOne(cli: Cli, o: Options, a: ByteString, b: ByteString): number {
  const { objects } = cli.repo;
  const [ours, theirs] = [a, b].map((name) => {
    const id = cli.tryRevision(name, { prefer: "committish" });
    return (id === undefined ? undefined : peelTo(objects, id, "commit")) ??
      die(`merge-tree: ${name} - not something we can merge`, 1);
  }) as [ObjectId, ObjectId];
  const bases = mergeBases(objects, ours, [theirs]);
  if (bases.length === 0 && !o.flag("allow-unrelated-histories")) {
    die("refusing to merge unrelated histories");
  }
  const result = mergeCommits(
    objects,
    ours,
    theirs,
    { ...mergeSettings(cli), ours: a, theirs: b },
    bases,
  );
  const detailed = o.flag("z") || o.flag("stdin");
  const end = detailed ? "\0" : "\n";
  if (o.flag("stdin")) cli.out(`${result.clean ? 1 : 0}\0`);
  cli.out(result.tree + end);
  for (const { path, stages } of result.conflicts) {
    const name = (detailed ? path : quotePath(path, cli.config.bool("core.quotepath", true))) + end;
    if (o.flag("name-only")) cli.out(name);
    else {
      stages.forEach((side, i) =>
        side !== undefined &&
        cli.out(`${side.mode.toString(8).padStart(6, "0")} ${side.id} ${i + 1}\t${name}`)
      );
    }
  }
  if (o.given("messages") ? o.flag("messages") : !result.clean) {
    cli.out(end);
    showMerge(cli, result, detailed);
  }
  if (o.flag("stdin")) cli.out("\0");
  return result.clean ? 0 : 1;
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
        ...mergeSettings(cli, o.list("strategy-option")),
      })
      : mergeTrees(store, parentTree, headTree, picked.tree, {
        ours: "HEAD",
        base: `parent of ${label}`,
        theirs: label,
        ...mergeSettings(cli, o.list("strategy-option")),
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
    if (o.flag("x")) message = `${trimSpaceEnd(message)}\n\n(cherry picked from commit ${id})\n`;
    showMerge(cli, result);
    if (!result.clean) {
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
