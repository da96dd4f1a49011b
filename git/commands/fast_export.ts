/**
 * `git fast-export`: history as a stream of commands (git-fast-import).
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import { isGitlinkMode } from "../objects.ts";
import { peelTo, readBlob, readCommit, readTag } from "../object_store.ts";
import { walkCommits } from "../rev_list.ts";
import { diffTrees } from "../tree_diff.ts";
import { type Cli, die, quoteBody } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { DiffArguments, makePathspec, parseRevs } from "./_revs.ts";

function quoted(path: ByteString): ByteString {
  // Spaces end a path where another follows.
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f"\\\x7f-\xff]/.test(path)) return `"${quoteBody(path)}"`;
  return path;
}

function quotedSource(path: ByteString): ByteString {
  const plain = quoted(path);
  return plain.startsWith('"') || !path.includes(" ") ? plain : `"${path}"`;
}

/** `git fast-export` */
export function fastExport(cli: Cli, args: ByteString[]): number {
  const usage = "git fast-export [<rev-list-opts>]";
  const mine: ByteString[] = [];
  const rest: ByteString[] = [];
  const own =
    /^--(?:progress|signed-tags|tag-of-filtered-object|reencode|export-marks|import-marks|import-marks-if-exists|fake-missing-tagger|full-tree|use-done-feature|no-data|data|refspec|anonymize|reference-excluded-parents|show-original-ids|mark-tags)(?:=|$)/;
  const withValue =
    /^--(?:progress|signed-tags|tag-of-filtered-object|reencode|export-marks|import-marks|import-marks-if-exists|refspec)$/;
  const diffFlags: ByteString[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--") {
      rest.push(...args.slice(i));
      break;
    }
    if (own.test(word)) {
      mine.push(word);
      if (withValue.test(word) && i + 1 < args.length) mine.push(args[++i]!);
    } else if (/^-[MC]\d*%?$/.test(word) || word === "--find-copies-harder") diffFlags.push(word);
    else rest.push(word);
  }
  const o = parseOptions(
    cli,
    mine,
    "progress= signed-tags= tag-of-filtered-object= reencode= export-marks= import-marks= import-marks-if-exists= fake-missing-tagger full-tree use-done-feature no-data data refspec* anonymize reference-excluded-parents show-original-ids mark-tags",
    usage,
  );
  const { repo } = cli;
  const store = repo.objects;
  const noData = o.flag("no-data") || o.negated("data");
  const original = o.flag("show-original-ids");
  const marks = new Map<ObjectId, number>();
  let last = 0;
  const known = o.text("import-marks") ?? o.text("import-marks-if-exists");
  if (known !== undefined) {
    const text = readTextIfAny(cli.fileArgument(known));
    if (text === undefined && o.text("import-marks") !== undefined) {
      die(`cannot read '${known}': No such file or directory`);
    }
    for (const line of (text ?? "").split("\n")) {
      const match = /^:(\d+) ([0-9a-f]+)$/.exec(line);
      if (match === null) continue;
      marks.set(match[2]!, Number(match[1]));
      last = Math.max(last, Number(match[1]));
    }
  }
  const imported = new Set(marks.keys());
  const revs = parseRevs(cli, rest);
  const unknown = revs.rest.filter((word) =>
    !["--date-order", "--topo-order", "--reverse", "--first-parent"].includes(word)
  );
  if (unknown.length > 0) die(`unrecognized argument: ${unknown[0]}`);
  if (revs.names.length === 0 && revs.paths.length === 0) {
    cli.out(`usage: ${usage}\n`);
    return 129;
  }
  const spec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  // Which refs name which commits; a commit is written under the ref it is reached from first.
  const refsOf: { name: ByteString; id: ObjectId; commit: ObjectId }[] = [];
  const tags: { name: ByteString; id: ObjectId }[] = [];
  const extraRefs: { name: ByteString; commit: ObjectId }[] = [];
  const sourceOf = new Map<ObjectId, ByteString>();
  const queue: ObjectId[] = [];
  for (const { name, id, negative } of revs.names) {
    const commit = peelTo(store, id, "commit");
    if (negative) continue;
    let full = name;
    for (
      const rule of [
        name,
        `refs/${name}`,
        `refs/tags/${name}`,
        `refs/heads/${name}`,
        `refs/remotes/${name}`,
      ]
    ) {
      const resolved = repo.refs.resolve(rule);
      if (resolved?.id !== undefined) {
        full = resolved.target;
        break;
      }
    }
    if (!full.startsWith("refs/") && commit !== undefined) full = name;
    if (store.describe(id)?.type === "tag") {
      if (!tags.some((tag) => tag.name === full)) tags.push({ name: full, id });
      if (commit !== undefined && !sourceOf.has(commit)) {
        sourceOf.set(commit, full);
        queue.push(commit);
      }
      continue;
    }
    if (commit === undefined) {
      cli.warn(`${name}: Unexpected object of type ${store.describe(id)?.type}, skipping.`);
      continue;
    }
    refsOf.push({ name: full, id, commit });
    if (!sourceOf.has(commit)) {
      sourceOf.set(commit, full);
      queue.push(commit);
    } else if (sourceOf.get(commit) !== full) extraRefs.push({ name: full, commit });
  }
  const include = [...new Set(queue)];
  const exclude = revs.exclude.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
    id !== undefined
  );
  const walked = [
    ...walkCommits(store, {
      include,
      exclude: [...exclude, ...[...imported].filter((id) => store.describe(id)?.type === "commit")],
      order: "topo",
      pathspec: spec,
    }),
  ];
  const everything = spec === undefined
    ? walked
    : walkCommits(store, { include, exclude, order: "topo" });
  for (const { id } of everything) {
    const from = sourceOf.get(id);
    if (from === undefined) continue;
    for (const parent of commitLinks(store, id).parents) {
      if (!sourceOf.has(parent)) sourceOf.set(parent, from);
    }
  }
  const shown = new Set<ObjectId>();
  const { diff } = DiffArguments.parse(cli, diffFlags);
  diff.findRenames ??= false;
  const progress = Number(o.text("progress") ?? 0);
  const mark = (id: ObjectId): ByteString => {
    const number = marks.get(id);
    return number === undefined ? id : `:${number}`;
  };
  const assign = (id: ObjectId): number => {
    marks.set(id, ++last);
    return last;
  };
  let objects = 0;
  const tick = (): void => {
    objects++;
    if (progress > 0 && objects % progress === 0) cli.out(`progress ${objects} objects\n`);
  };
  if (o.flag("use-done-feature")) cli.out("feature done\n");
  const refMap = o.list("refspec").map((text) => text.split(":"));
  const renamed = (name: ByteString): ByteString => {
    for (const [from = "", to = ""] of refMap) {
      if (from.endsWith("*") && name.startsWith(from.slice(0, -1))) {
        return to.slice(0, -1) + name.slice(from.length - 1);
      }
      if (from === name) return to;
    }
    return name;
  };
  walked.reverse();
  for (const { id, parents } of walked) {
    const commit = readCommit(store, id);
    const base = parents.length === 0 ||
        (!marks.has(parents[0]!) && !shown.has(parents[0]!) &&
          !o.flag("reference-excluded-parents"))
      ? undefined
      : commitLinks(store, parents[0]!).tree;
    const pairs = diff.process(
      cli,
      diffTrees(store, o.flag("full-tree") ? undefined : base, commit.tree, { pathspec: spec }),
    );
    if (!noData) {
      for (const pair of pairs) {
        const { mode, id: blob } = pair.new;
        if (mode === 0 || isGitlinkMode(mode) || marks.has(blob)) continue;
        if (pair.status === "R" && pair.old.id === blob) continue;
        const data = readBlob(store, blob);
        cli.out(
          `blob\nmark :${assign(blob)}\n${
            original ? `original-oid ${blob}\n` : ""
          }data ${data.length}\n`,
        );
        cli.out(data);
        cli.out("\n");
        tick();
      }
    }
    const ref = renamed(sourceOf.get(id) ?? "HEAD");
    if (parents.length === 0) cli.out(`reset ${ref}\n`);
    cli.out(`commit ${ref}\nmark :${assign(id)}\n`);
    if (original) cli.out(`original-oid ${id}\n`);
    cli.out(`author ${commit.author}\ncommitter ${commit.committer}\n`);
    const encoding = commit.extra.find(([key]) => key === "encoding")?.[1];
    if (encoding !== undefined && (o.text("reencode") ?? "abort") === "abort") {
      die(
        `encountered commit-specific encoding ${encoding} in commit ${id}; use --reencode=[yes|no] to handle it`,
      );
    }
    if (encoding !== undefined) cli.out(`encoding ${encoding}\n`);
    const message = fromByteString(commit.message);
    cli.out(`data ${message.length}\n`);
    cli.out(message);
    parents.forEach((parent, i) => {
      if (!marks.has(parent) && !o.flag("reference-excluded-parents")) return;
      cli.out(`${i === 0 ? "from" : "merge"} ${mark(parent)}\n`);
    });
    if (o.flag("full-tree")) cli.out("deleteall\n");
    // Deletions and renames come before what may take their names.
    const sorted = [...pairs].sort((a, b) => {
      const x = a.old.path, y = b.old.path;
      const n = Math.min(x.length, y.length);
      const p = x.slice(0, n), q = y.slice(0, n);
      if (p !== q) return p < q ? -1 : 1;
      if (x.length !== y.length) return y.length - x.length;
      return Number(a.status === "R") - Number(b.status === "R");
    });
    for (const pair of sorted) {
      if (pair.status === "D") {
        cli.out(`D ${quoted(pair.old.path)}\n`);
        continue;
      }
      if (pair.status === "R" || pair.status === "C") {
        cli.out(`${pair.status} ${quotedSource(pair.old.path)} ${quoted(pair.new.path)}\n`);
        if (pair.old.id === pair.new.id && pair.old.mode === pair.new.mode) continue;
      }
      const { mode, id: blob, path } = pair.new;
      const name = noData || isGitlinkMode(mode) ? blob : mark(blob);
      cli.out(`M ${mode.toString(8).padStart(6, "0")} ${name} ${quoted(path)}\n`);
    }
    cli.out("\n");
    shown.add(id);
    tick();
  }
  // Tags, and refs at commits that were written under another name.
  const signedMode = o.text("signed-tags") ?? "abort";
  for (const { name, id } of [...tags].reverse()) {
    const tag = readTag(store, id);
    let target = tag.object;
    if (store.describe(target)?.type === "tag") target = peelTo(store, target, "commit") ?? target;
    if (!marks.has(target) && store.describe(target)?.type !== "blob") {
      const mode = o.text("tag-of-filtered-object") ?? "abort";
      if (mode === "drop") continue;
      die(`tag ${id} tags unexported object; use --tag-of-filtered-object=<mode> to handle it`);
    }
    let message = tag.message;
    const signature = message.indexOf("-----BEGIN PGP SIGNATURE-----");
    if (signature >= 0) {
      if (signedMode === "abort") {
        die(`encountered signed tag ${id}; use --signed-tags=<mode> to handle it`);
      }
      if (signedMode === "warn") cli.warn(`exporting signed tag ${id}`);
      if (signedMode === "warn-strip") cli.warn(`stripping signature from tag ${id}`);
      if (signedMode.endsWith("strip")) message = message.slice(0, signature);
    }
    const data = fromByteString(message);
    cli.out(`tag ${renamed(name).replace(/^refs\/tags\//, "")}\n`);
    if (o.flag("mark-tags")) cli.out(`mark :${assign(id)}\n`);
    cli.out(`from ${mark(target)}\n`);
    if (original) cli.out(`original-oid ${id}\n`);
    if (tag.tagger !== undefined) cli.out(`tagger ${tag.tagger}\n`);
    else if (o.flag("fake-missing-tagger")) {
      cli.out("tagger Unspecified Tagger <unspecified-tagger> 0 +0000\n");
    }
    cli.out(`data ${data.length}\n`);
    cli.out(data);
    cli.out("\n");
    tick();
  }
  const written = new Set(walked.map(({ id }) => id));
  for (const { name, commit } of [...extraRefs].reverse()) {
    if (!written.has(commit) && !marks.has(commit)) continue;
    cli.out(`reset ${renamed(name)}\nfrom ${mark(commit)}\n\n`);
  }
  for (const { name, commit } of refsOf) {
    if (written.has(commit) || sourceOf.get(commit) !== name) continue;
    if (marks.has(commit)) cli.out(`reset ${renamed(name)}\nfrom ${mark(commit)}\n\n`);
  }
  const out = o.text("export-marks");
  if (out !== undefined) {
    Deno.writeFileSync(
      nativePath(cli.fileArgument(out)),
      fromByteString([...marks].map(([id, number]) => `:${number} ${id}\n`).join("")),
    );
  }
  if (o.flag("use-done-feature")) cli.out("done\n");
  return 0;
}
