/**
 * Commands that join histories.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { nativePath, readFileIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor, mergeBases, octopusBases, removeRedundant } from "../merge_base.ts";
import { mergeFile } from "../merge_file.ts";
import { mergeCommits } from "../merge_trees.ts";
import { peelTo } from "../object_store.ts";
import { type Cli, die, Exit, quotePath } from "./_context.ts";
import { showMerge } from "./_apply_merge.ts";
import { mergeSettings } from "./_merge_settings.ts";
import { type Options, parseOptions, usageError } from "./_options.ts";

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
