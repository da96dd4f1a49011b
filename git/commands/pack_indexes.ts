/**
 * `git commit-graph` and `git multi-pack-index`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import {
  listDirectory,
  makeDirectories,
  removeFile,
  stat,
  writeFileAtomically,
} from "../_files.ts";
import { CommitGraph, formatCommitGraph, type GraphEntry } from "../commit_graph.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { shallowCommits } from "../merge_base.ts";
import { formatMultiPackIndex, type MultiPackEntry, MultiPackIndex } from "../multi_pack_index.ts";
import { parseSignature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions } from "./_options.ts";

const GRAPH_USAGE =
  "git commit-graph verify [--object-dir <dir>] [--shallow] [--[no-]progress]\n   or: git commit-graph write [--object-dir <dir>] [--append] [--split[=<strategy>]] [--reachable | --stdin-packs | --stdin-commits] [--changed-paths] [--[no-]max-new-filters <n>] [--[no-]progress]";

/** `git commit-graph` */
export function commitGraphCommand(cli: Cli, args: ByteString[]): number {
  const [command, ...rest] = args;
  if (command !== "write" && command !== "verify") {
    throw new Exit(
      129,
      command === undefined
        ? `error: need a subcommand\nusage: ${GRAPH_USAGE}\n`
        : `error: unknown subcommand: \`${command}'\nusage: ${GRAPH_USAGE}\n`,
    );
  }
  const o = parseOptions(
    cli,
    rest,
    "object-dir= append split? reachable stdin-packs stdin-commits changed-paths max-new-filters= size-multiple= max-commits= expire-time= progress shallow",
    GRAPH_USAGE,
  );
  const { repo } = cli;
  const store = repo.objects;
  store.setReplacements(undefined);
  const directory = o.text("object-dir") ?? store.directory;
  if (command === "verify") {
    try {
      const graph = CommitGraph.open(directory, repo.algorithm);
      if (graph === undefined) return 0;
      graph.verify(repo.algorithm);
      let failed = 0;
      for (const id of graph.ids()) {
        const known = graph.find(id)!;
        const commit = readCommit(store, id);
        if (
          commit.tree !== known.tree || commit.parents.join() !== known.parents.join() ||
          parseSignature(commit.committer).time !== known.time
        ) failed = cli.error(`commit-graph entry for ${id} does not match the commit`);
      }
      graph.close();
      return failed;
    } catch (error) {
      if (error instanceof GitError) return cli.error(error.message);
      throw error;
    }
  }
  if (shallowCommits(store).size > 0) return 0;
  const commits = new Map<ObjectId, Omit<GraphEntry, "generation">>();
  const stack: ObjectId[] = [];
  const start = (id: ObjectId): void => {
    const commit = peelTo(store, id, "commit");
    if (commit !== undefined) stack.push(commit);
  };
  if (o.flag("stdin-commits")) {
    for (const line of cli.stdinLines()) {
      if (!store.has(line)) die(`unexpected non-hex object ID: ${line}`);
      start(line);
    }
  } else if (o.flag("reachable")) {
    for (const ref of repo.refs.list()) if (!ref.broken) start(ref.id);
    const head = repo.head();
    if (head !== undefined) start(head);
  } else {
    const wanted = o.flag("stdin-packs")
      ? new Set([...cli.stdinLines()].map((line) => line.replace(/\.(idx|pack)$/, "")))
      : undefined;
    for (const pack of store.packs()) {
      const name = pack.path.slice(pack.path.lastIndexOf("/") + 1);
      if (wanted !== undefined && !wanted.has(name)) continue;
      for (let i = 0; i < pack.index.count; i++) {
        const id = pack.index.id(i);
        if (store.describe(id)?.type === "commit") stack.push(id);
      }
    }
  }
  if (o.flag("append")) {
    const before = CommitGraph.open(directory, repo.algorithm);
    if (before !== undefined) {
      stack.push(...before.ids());
      before.close();
    }
  }
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (commits.has(id)) continue;
    const commit = readCommit(store, id);
    commits.set(id, {
      tree: commit.tree,
      parents: commit.parents,
      time: parseSignature(commit.committer).time,
    });
    stack.push(...commit.parents);
  }
  if (commits.size === 0) return 0;
  makeDirectories(`${directory}/info`);
  writeFileAtomically(
    `${directory}/info/commit-graph`,
    formatCommitGraph(commits, repo.algorithm),
    { mode: 0o444 },
  );
  // A chain would be read no more.
  for (const { name } of listDirectory(`${directory}/info/commit-graphs`)) {
    removeFile(`${directory}/info/commit-graphs/${name}`);
  }
  return 0;
}

const MIDX_USAGE =
  "git multi-pack-index [<options>] write [--preferred-pack=<pack>]\n   or: git multi-pack-index [<options>] verify\n   or: git multi-pack-index [<options>] expire";

/** `git multi-pack-index` */
export function multiPackIndexCommand(cli: Cli, args: ByteString[]): number {
  const spec = "object-dir= progress preferred-pack= bitmap stdin-packs refs-snapshot= batch-size=";
  const o = parseOptions(cli, args, spec, MIDX_USAGE);
  const [command] = o.rest;
  const { repo } = cli;
  const store = repo.objects;
  const directory = o.text("object-dir") ?? store.directory;
  const path = `${directory}/pack/multi-pack-index`;
  const own = (): typeof packs =>
    store.packs().filter((pack) => pack.path.startsWith(`${directory}/pack/`));
  let packs = [...store.packs()];
  switch (command) {
    case "write": {
      packs = own();
      if (o.flag("stdin-packs")) {
        const wanted = new Set([...cli.stdinLines()].map((line) => line.replace(/\.idx$/, "")));
        packs = packs.filter((pack) => wanted.has(pack.name.replace(/\.pack$/, "")));
      }
      if (packs.length === 0) return cli.error("no pack files to index.");
      const preferred = o.text("preferred-pack")?.replace(/\.(idx|pack)$/, "");
      const named = packs.map((pack) => ({
        pack,
        name: pack.name.replace(/\.pack$/, ".idx"),
      })).sort((a, b) => (a.name < b.name ? -1 : 1));
      const entries = new Map<ObjectId, MultiPackEntry & { modified: number }>();
      named.forEach(({ pack, name }, number) => {
        const first = name === `${preferred}.idx`;
        const modified = first ? Infinity : pack.modified;
        for (let i = 0; i < pack.index.count; i++) {
          const id = pack.index.id(i);
          const known = entries.get(id);
          // The newest pack has the object.
          if (known === undefined || modified > known.modified) {
            entries.set(id, { id, pack: number, offset: pack.index.offset(i), modified });
          }
        }
      });
      writeFileAtomically(
        path,
        formatMultiPackIndex(
          named.map(({ name }) => name),
          [...entries.values()],
          repo.algorithm,
        ),
        { mode: 0o444 },
      );
      return 0;
    }
    case "verify":
      try {
        const index = MultiPackIndex.open(directory, repo.algorithm);
        if (index === undefined) return 0;
        index.verify(repo.algorithm);
        const byName = new Map(own().map((pack) => [pack.name.replace(/\.pack$/, ".idx"), pack]));
        let failed = 0;
        for (let i = 0; i < index.count; i++) {
          const { pack, offset } = index.at(i);
          const file = byName.get(index.packs[pack]!);
          if (file === undefined) {
            failed = cli.error(`failed to load pack in position ${pack}`);
            break;
          }
          if (file.find(index.id(i)) !== offset) {
            failed = cli.error(`incorrect object offset for oid[${i}] = ${index.id(i)}`);
          }
        }
        index.close();
        return failed;
      } catch (error) {
        if (error instanceof GitError) return cli.error(error.message);
        throw error;
      }
    case "expire": {
      const index = MultiPackIndex.open(directory, repo.algorithm);
      if (index === undefined) return 0;
      const used = new Set<number>();
      for (let i = 0; i < index.count; i++) used.add(index.at(i).pack);
      const unused = index.packs.filter((_, i) => !used.has(i));
      index.close();
      if (unused.length === 0) return 0;
      for (const name of unused) {
        const base = `${directory}/pack/${name.replace(/\.idx$/, "")}`;
        if (stat(`${base}.keep`) !== undefined) continue;
        for (const extension of ["idx", "pack", "rev", "mtimes"]) {
          removeFile(`${base}.${extension}`);
        }
      }
      removeFile(path);
      store.refresh();
      return multiPackIndexCommand(cli, ["write"]);
    }
    default:
      throw new Exit(
        129,
        `error: ${
          command === undefined ? "need a subcommand" : `unknown subcommand: \`${command}'`
        }\nusage: ${MIDX_USAGE}\n`,
      );
  }
}
