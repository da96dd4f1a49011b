/**
 * Three-way merge of trees: renames on both sides, contents line by line, several merge bases
 * merged into one first. The results follow Git's "ort" strategy.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { looksBinary } from "./diff_format.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks, mergeBases } from "./merge_base.ts";
import { mergeFile } from "./merge_file.ts";
import { formatCommit, formatTree, isFileMode, isTreeMode } from "./objects.ts";
import { type ObjectStore, readBlob, readTree } from "./object_store.ts";
import { detectRenames } from "./rename.ts";
import { diffTrees } from "./tree_diff.ts";

/** One version of a path. */
export interface MergeSide {
  /** File mode. */
  readonly mode: number;
  /** The blob. */
  readonly id: ObjectId;
}

/** A path that could not be merged. */
export interface MergeConflict {
  /** Its path. */
  readonly path: ByteString;
  /** Versions of base, ours, theirs. */
  readonly stages: readonly [MergeSide | undefined, MergeSide | undefined, MergeSide | undefined];
}

/** What a merge made. */
export interface MergeTreesResult {
  /** The tree, conflicts with markers included. */
  readonly tree: ObjectId;
  /** Every path of the tree. */
  readonly entries: ReadonlyMap<ByteString, MergeSide>;
  /** What conflicts, by path. */
  readonly conflicts: readonly MergeConflict[];
  /** What happened, by path, in Git's words. */
  readonly messages: readonly (readonly [path: ByteString, text: ByteString])[];
}

/** Options of {@linkcode mergeTrees}. */
export interface MergeTreesOptions {
  /** Labels of the sides in markers. */
  ours?: ByteString;
  /** Label of their side. */
  theirs?: ByteString;
  /** Label of the base. */
  base?: ByteString;
  /** Kind of markers. */
  style?: "merge" | "diff3" | "zdiff3";
  /** Resolve content conflicts by a side. */
  favor?: "ours" | "theirs" | "union" | undefined;
  /** Look for renames. Default true. */
  renames?: boolean;
  /** See `RenameOptions.limit`. */
  renameLimit?: number;
  /** How deep in virtual bases this is; markers grow. */
  depth?: number;
}

type Files = Map<ByteString, MergeSide>;

function flatten(store: ObjectStore, tree: ObjectId | undefined): Files {
  const out: Files = new Map();
  const stack: [ObjectId, string][] = tree === undefined ? [] : [[tree, ""]];
  while (stack.length > 0) {
    const [id, base] = stack.pop()!;
    for (const entry of readTree(store, id)) {
      if (isTreeMode(entry.mode)) stack.push([entry.id, `${base}${entry.name}/`]);
      else out.set(base + entry.name, { mode: entry.mode, id: entry.id });
    }
  }
  return out;
}

/** Writes the tree of some files. */
export function writeFiles(
  store: ObjectStore,
  files: ReadonlyMap<ByteString, MergeSide>,
): ObjectId {
  interface Node {
    files: [ByteString, MergeSide][];
    directories: Map<ByteString, Node>;
  }
  const root: Node = { files: [], directories: new Map() };
  for (const [path, side] of files) {
    let node = root;
    let at = 0;
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", at)) {
      const name = path.slice(at, slash);
      let child = node.directories.get(name);
      if (child === undefined) {
        node.directories.set(name, child = { files: [], directories: new Map() });
      }
      node = child;
      at = slash + 1;
    }
    node.files.push([path.slice(at), side]);
  }
  const write = (node: Node): ObjectId =>
    store.write(
      "tree",
      formatTree([
        ...node.files.map(([name, side]) => ({ mode: side.mode, name, id: side.id })),
        ...[...node.directories].map(([name, child]) => ({
          mode: 0o40000,
          name,
          id: write(child),
        })),
      ]),
    );
  return write(root);
}

const same = (a: MergeSide | undefined, b: MergeSide | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.id === b.id && a.mode === b.mode);

/** Merges two trees that come from a base. */
export function mergeTrees(
  store: ObjectStore,
  baseTree: ObjectId | undefined,
  oursTree: ObjectId,
  theirsTree: ObjectId,
  options: MergeTreesOptions = {},
): MergeTreesResult {
  const nameOurs = options.ours ?? "ours", nameTheirs = options.theirs ?? "theirs";
  const base = flatten(store, baseTree),
    ours = flatten(store, oursTree),
    theirs = flatten(store, theirsTree);
  const entries: Files = new Map();
  const conflicts: MergeConflict[] = [];
  const messages: [ByteString, ByteString][] = [];
  const renames = (tree: ObjectId): Map<ByteString, ByteString> => {
    const out = new Map<ByteString, ByteString>();
    if (options.renames === false) return out;
    const pairs = diffTrees(store, baseTree, tree);
    for (
      const pair of detectRenames(store, pairs, {
        empty: false,
        limit: options.renameLimit ?? 7000,
      })
    ) {
      if (pair.status === "R") out.set(pair.old.path, pair.new.path);
    }
    return out;
  };
  const ourRenames = oursTree === baseTree ? new Map<ByteString, ByteString>() : renames(oursTree);
  const theirRenames = theirsTree === baseTree
    ? new Map<ByteString, ByteString>()
    : renames(theirsTree);
  /** A path under consideration: versions and the names they had. */
  interface Item {
    stages: [MergeSide | undefined, MergeSide | undefined, MergeSide | undefined];
    names: [ByteString, ByteString, ByteString];
    /** A side deleted what the other renamed. */
    renamed: boolean;
  }
  const items = new Map<ByteString, Item>();
  const item = (path: ByteString): Item => {
    let found = items.get(path);
    if (found === undefined) {
      items.set(
        path,
        found = {
          stages: [undefined, undefined, undefined],
          names: [path, path, path],
          renamed: false,
        },
      );
    }
    return found;
  };
  const takenBase = new Set<ByteString>(),
    takenOurs = new Set<ByteString>(),
    takenTheirs = new Set<ByteString>();
  for (const [from, to] of ourRenames) {
    const other = theirRenames.get(from);
    const original = base.get(from)!;
    if (other !== undefined && other !== to) {
      // Renamed to different names: both keep the merged content, all three paths conflict.
      const merged = mergeContent(
        store,
        from,
        [original, ours.get(to), theirs.get(other)],
        [from, to, other],
        options,
        messages,
      );
      messages.push([
        from,
        `CONFLICT (rename/rename): ${from} renamed to ${to} in ${nameOurs} and to ${other} in ${nameTheirs}.`,
      ]);
      conflicts.push({ path: from, stages: [original, undefined, undefined] });
      conflicts.push({ path: to, stages: [undefined, merged.side, undefined] });
      conflicts.push({ path: other, stages: [undefined, undefined, merged.side] });
      entries.set(to, merged.side);
      entries.set(other, merged.side);
      takenBase.add(from);
      takenOurs.add(to);
      takenTheirs.add(other);
      continue;
    }
    const target = item(to);
    target.stages[0] = original;
    target.names = [from, to, other ?? from];
    target.stages[1] = ours.get(to);
    target.renamed = true;
    takenBase.add(from);
    takenOurs.add(to);
    const theirPath = other ?? from;
    if (theirs.has(theirPath)) {
      target.stages[2] = theirs.get(theirPath);
      takenTheirs.add(theirPath);
    }
  }
  for (const [from, to] of theirRenames) {
    if (takenBase.has(from)) continue;
    const target = item(to);
    target.stages[0] = base.get(from);
    target.names = [from, from, to];
    target.stages[2] = theirs.get(to);
    target.renamed = true;
    takenBase.add(from);
    takenTheirs.add(to);
    if (ours.has(from)) {
      target.stages[1] = ours.get(from);
      takenOurs.add(from);
    }
  }
  for (const [path, side] of base) if (!takenBase.has(path)) item(path).stages[0] ??= side;
  for (const [path, side] of ours) {
    if (takenOurs.has(path)) continue;
    const target = item(path);
    target.stages[1] ??= side;
  }
  for (const [path, side] of theirs) {
    if (takenTheirs.has(path)) continue;
    const target = item(path);
    target.stages[2] ??= side;
  }
  for (const path of [...items.keys()].sort()) {
    const { stages: [o, a, b], names, renamed } = items.get(path)!;
    if (same(a, b)) {
      if (a !== undefined) entries.set(path, a);
      continue;
    }
    if (same(o, a) && !(renamed && b === undefined)) {
      if (b !== undefined) entries.set(path, b);
      continue;
    }
    if (same(o, b) && !(renamed && a === undefined)) {
      if (a !== undefined) entries.set(path, a);
      continue;
    }
    if (a === undefined || b === undefined) {
      const kept = (a ?? b)!;
      const [deleted, modified] = a === undefined ? [nameOurs, nameTheirs] : [nameTheirs, nameOurs];
      const original = names[0];
      if (renamed) {
        messages.push([
          path,
          `CONFLICT (rename/delete): ${original} renamed to ${path} in ${modified}, but deleted in ${deleted}.`,
        ]);
        if (o !== undefined && o.id !== kept.id) {
          messages.push([
            path,
            `CONFLICT (modify/delete): ${path} deleted in ${deleted} and modified in ${modified}.  Version ${modified} of ${path} left in tree.`,
          ]);
        }
      } else {messages.push([
          path,
          `CONFLICT (modify/delete): ${path} deleted in ${deleted} and modified in ${modified}.  Version ${modified} of ${path} left in tree.`,
        ]);}
      conflicts.push({ path, stages: [o, a, b] });
      entries.set(path, options.depth ? o ?? kept : kept);
      continue;
    }
    if ((a.mode & 0o170000) !== (b.mode & 0o170000)) {
      // Different kinds of things: keep both under names of their own.
      const aFile = isFileMode(a.mode), bFile = isFileMode(b.mode);
      const renameA = !aFile || bFile ? aFile : true;
      const keep = (side: MergeSide, label: ByteString): ByteString => {
        let name = `${path}~${label.replaceAll("/", "_")}`;
        for (let n = 0; entries.has(name) || items.has(name); n++) {
          name = `${path}~${label.replaceAll("/", "_")}_${n}`;
        }
        entries.set(name, side);
        return name;
      };
      const newName = renameA ? keep(a, nameOurs) : keep(b, nameTheirs);
      entries.set(path, renameA ? b : a);
      messages.push([
        path,
        `CONFLICT (distinct types): ${path} had different types on each side; renamed one of them so each can be recorded somewhere.`,
      ]);
      conflicts.push({ path: newName, stages: renameA ? [o, a, undefined] : [o, undefined, b] });
      conflicts.push({
        path,
        stages: renameA ? [undefined, undefined, b] : [undefined, a, undefined],
      });
      continue;
    }
    const merged = mergeContent(store, path, [o, a, b], names, options, messages);
    entries.set(path, merged.side);
    if (!merged.clean) conflicts.push({ path, stages: [o, a, b] });
  }
  // A file where the other side has a directory moves out of its way.
  const directories = new Set<ByteString>();
  for (const path of entries.keys()) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      directories.add(path.slice(0, slash));
    }
  }
  for (const path of [...entries.keys()]) {
    if (!directories.has(path)) continue;
    const side = entries.get(path)!;
    const fromOurs = ours.has(path) && same(ours.get(path), side) || !theirs.has(path);
    const label = fromOurs ? nameOurs : nameTheirs;
    let name = `${path}~${label.replaceAll("/", "_")}`;
    for (let n = 0; entries.has(name); n++) name = `${path}~${label.replaceAll("/", "_")}_${n}`;
    entries.delete(path);
    entries.set(name, side);
    messages.push([
      name,
      `CONFLICT (file/directory): directory in the way of ${path} from ${label}; moving it to ${name} instead.`,
    ]);
    const before = conflicts.findIndex((conflict) => conflict.path === path);
    const stages: MergeConflict["stages"] = before >= 0
      ? conflicts[before]!.stages
      : [base.get(path), fromOurs ? side : undefined, fromOurs ? undefined : side];
    if (before >= 0) conflicts.splice(before, 1);
    conflicts.push({ path: name, stages });
  }
  conflicts.sort((x, y) => (x.path < y.path ? -1 : 1));
  return { tree: writeFiles(store, entries), entries, conflicts, messages };
}

function mergeContent(
  store: ObjectStore,
  path: ByteString,
  [o, a, b]: [MergeSide | undefined, MergeSide | undefined, MergeSide | undefined],
  names: [ByteString, ByteString, ByteString],
  options: MergeTreesOptions,
  messages: [ByteString, ByteString][],
): { side: MergeSide; clean: boolean } {
  if (a === undefined || b === undefined) return { side: (a ?? b ?? o)!, clean: true };
  const mode = a.mode === b.mode || a.mode === o?.mode ? b.mode : a.mode;
  let clean = a.mode === b.mode || a.mode === o?.mode || b.mode === o?.mode;
  if (a.id === b.id || a.id === o?.id) return { side: { mode, id: b.id }, clean };
  if (b.id === o?.id) return { side: { mode, id: a.id }, clean };
  const kind = o === undefined ? "add/add" : "content";
  if (!isFileMode(a.mode)) {
    const word = (a.mode & 0o170000) === 0o160000 ? "submodule" : kind;
    messages.push([path, `CONFLICT (${word}): Merge conflict in ${path}`]);
    return { side: options.depth && o !== undefined ? o : a, clean: false };
  }
  const baseData = o === undefined || (o.mode & 0o170000) !== (a.mode & 0o170000)
    ? new Uint8Array(0)
    : readBlob(store, o.id);
  const dataA = readBlob(store, a.id), dataB = readBlob(store, b.id);
  messages.push([path, `Auto-merging ${path}`]);
  if (looksBinary(baseData) || looksBinary(dataA) || looksBinary(dataB)) {
    if (options.favor === "ours" || options.favor === "theirs") {
      return { side: { mode, id: options.favor === "ours" ? a.id : b.id }, clean };
    }
    messages.push([
      path,
      `warning: Cannot merge binary files: ${path} (${options.ours ?? "ours"} vs. ${
        options.theirs ?? "theirs"
      })`,
    ]);
    messages.push([path, `CONFLICT (${kind}): Merge conflict in ${path}`]);
    return { side: { mode, id: options.depth && o !== undefined ? o.id : a.id }, clean: false };
  }
  const same = names[1] === names[2] && names[0] === names[1];
  const label = (name: ByteString, own: ByteString): ByteString => same ? name : `${name}:${own}`;
  const result = mergeFile(baseData, dataA, dataB, {
    algorithm: "histogram",
    labels: {
      ours: label(options.ours ?? "ours", names[1]),
      base: label(options.base ?? "base", names[0]),
      theirs: label(options.theirs ?? "theirs", names[2]),
    },
    style: options.style ?? "merge",
    favor: options.favor,
    markerSize: 7 + 2 * (options.depth ?? 0),
  });
  if (result.conflicts > 0) {
    clean = false;
    messages.push([path, `CONFLICT (${kind}): Merge conflict in ${path}`]);
  }
  return { side: { mode, id: store.write("blob", result.data) }, clean };
}

/** Merges two commits; several merge bases are merged into a virtual one first. */
export function mergeCommits(
  store: ObjectStore,
  ours: ObjectId,
  theirs: ObjectId,
  options: MergeTreesOptions = {},
  bases?: readonly ObjectId[],
): MergeTreesResult {
  const found = bases ?? mergeBases(store, ours, [theirs]);
  // Oldest first, as the recursion joins them.
  const list = [...found].reverse();
  let base = list[0];
  let label = base === undefined ? "empty tree" : base.slice(0, 7);
  for (const next of list.slice(1)) {
    label = "merged common ancestors";
    const depth = (options.depth ?? 0) + 1;
    const virtual = mergeCommits(store, base!, next, {
      ...options,
      favor: undefined,
      depth,
      ours: "Temporary merge branch 1",
      theirs: "Temporary merge branch 2",
    });
    const who = "virtual <> 0 +0000";
    base = store.write(
      "commit",
      formatCommit({
        tree: virtual.tree,
        parents: [base!, next],
        author: who,
        committer: who,
        extra: [],
        message: "",
      }),
    );
  }
  return mergeTrees(
    store,
    base === undefined ? undefined : commitLinks(store, base).tree,
    commitLinks(store, ours).tree,
    commitLinks(store, theirs).tree,
    { base: label, ...options },
  );
}
