/**
 * Commands on packs and the object directory.
 *
 * @module
 */
import { type ByteString, concatBytes, equalBytes, toHex } from "../_bytes.ts";
import {
  makeDirectories,
  readFileIfAny,
  removeFile,
  stat,
  syncDirectory,
  temporaryName,
  writeAll,
  writeFileAtomically,
} from "../_files.ts";
import { GitError } from "../errors.ts";
import { decodeLoose, type FileObjectStore } from "../file_object_store.ts";
import { checkObject } from "../fsck.ts";
import { hashObject, type ObjectId, SHA1 } from "../hash_algorithm.ts";
import { indexPack, storePack } from "../index_pack.ts";
import { type GitObject, isObjectType, parseCommit, parseTag, parseTree } from "../objects.ts";
import { MemorySource, PACK_TYPES, PackFile, WindowedFile } from "../pack_file.ts";
import {
  formatPackIndex,
  formatPackIndexV1,
  PackIndex,
  type PackIndexEntry,
  reverseIndex,
} from "../pack_index.ts";
import { writePack } from "../pack_writer.ts";
import { walkObjects } from "../rev_list.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { rootsInUse } from "./_reachable.ts";
import { parseRevs, timeArgument } from "./_revs.ts";

/** `git index-pack` */
export function indexPackCommand(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const usage =
    "git index-pack [-v] [-o <index-file>] [--keep | --keep=<msg>] [--[no-]rev-index] [--verify] [--strict] (<pack-file> | --stdin [--fix-thin] [<pack-file>])";
  const o = parseOptions(
    cli,
    args,
    "v o= keep? verify verify-stat verify-stat-only stdin fix-thin strict? fsck-objects check-self-contained-and-connected threads= index-version= rev-index max-input-size= object-format= progress-title= show-resolving-progress promisor?",
    usage,
  );
  const repository = cli.findRepository();
  const algorithm = repository?.algorithm ?? SHA1;
  const strict = o.given("strict") || o.flag("fsck-objects");
  if (o.flag("fix-thin") && !o.flag("stdin")) die("the option '--fix-thin' requires '--stdin'");
  const name = o.rest[0];
  if (o.flag("stdin") && name === undefined) {
    if (repository === undefined) die("--stdin requires a git repository");
    const data = cli.readStdin();
    const keep = o.values.get("keep");
    const result = storePack(repository.objects.directory, data, algorithm, {
      strict,
      fsync: repository.fsync,
      ...(o.flag("fix-thin") ? { store: repository.objects } : {}),
      ...(keep === undefined || keep === false
        ? {}
        : { keep: typeof keep === "string" ? `${keep}\n` : "" }),
    });
    cli.out(`${keep === undefined ? "pack" : "keep"}\t${result.name}\n`);
    return 0;
  }
  if (name === undefined) throw usageError("", usage);
  const path = cli.fileArgument(name);
  let data: Uint8Array | undefined;
  if (o.flag("stdin")) {
    data = cli.readStdin();
    writeFileAtomically(path, data, { mode: 0o444 });
  }
  const source = data === undefined ? new WindowedFile(path) : new MemorySource(data);
  try {
    const indexed = indexPack(source, algorithm, { strict });
    const version = Number(
      o.text("index-version")?.split(",")[0] ?? cli.config.int("pack.indexversion") ?? 2,
    );
    const large = o.text("index-version")?.split(",")[1];
    const bytes = version === 1
      ? formatPackIndexV1(indexed.entries, indexed.checksum, algorithm)
      : formatPackIndex(
        indexed.entries,
        indexed.checksum,
        algorithm,
        large === undefined ? undefined : Number(large),
      );
    const target = o.text("o") === undefined
      ? (path.endsWith(".pack")
        ? path.replace(/\.pack$/, ".idx")
        : die(`packfile name '${name}' does not end with '.pack'`))
      : cli.fileArgument(o.text("o")!);
    if (o.flag("verify")) {
      const existing = readFileIfAny(target);
      if (existing === undefined || !equalBytes(existing, bytes)) {
        die(`pack index of ${name} does not match`);
      }
      return 0;
    }
    if (repository !== undefined) {
      refuseCollisions(repository.objects, new PackFile(source, algorithm), indexed.entries);
    }
    writeFileAtomically(target, bytes, { mode: 0o444 });
    for (const extension of ["keep", "promisor"]) {
      const note = o.values.get(extension);
      if (note === undefined || note === false) continue;
      const file = path.replace(/\.pack$/, `.${extension}`);
      if (stat(file) === undefined) {
        writeFileAtomically(file, typeof note === "string" ? `${note}\n` : "", { mode: 0o600 });
      }
    }
    cli.out(`${toHex(indexed.checksum)}\n`);
  } finally {
    source.close();
  }
  return 0;
}

/** `git verify-pack` */
export function verifyPack(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose s,stat-only object-format=",
    "git verify-pack [-v | --verbose] [-s | --stat-only] [--] <pack>.idx...",
  );
  const algorithm = cli.findRepository()?.algorithm ?? SHA1;
  let failed = 0;
  for (const name of o.rest) {
    const base = cli.fileArgument(name).replace(/\.(idx|pack)$/, "");
    try {
      const source = new WindowedFile(`${base}.pack`);
      try {
        const index = PackIndex.open(`${base}.idx`, algorithm);
        try {
          if (!index.verify()) throw new GitError("corrupt", "index is damaged");
          const { entries, types, checksum } = indexPack(
            source,
            algorithm,
            cli.findRepository() === undefined ? {} : { store: cli.repo.objects },
          );
          if (toHex(checksum) !== toHex(index.packChecksum()) || entries.length !== index.count) {
            throw new GitError("corrupt", "index does not belong to the pack");
          }
          for (const entry of entries) {
            const at = index.find(entry.id);
            if (
              at < 0 || index.offset(at) !== entry.offset ||
              (index.version === 2 && index.crc(at) !== entry.crc)
            ) throw new GitError("corrupt", `index is wrong about ${entry.id}`);
          }
          if (o.flag("verbose") || o.flag("stat-only")) {
            showChains(cli, new PackFile(source, algorithm), entries, types, o.flag("stat-only"));
          }
        } finally {
          index.close();
        }
      } finally {
        source.close();
      }
      if (o.flag("verbose")) cli.out(`${name.replace(/\.(idx|pack)$/, "")}.pack: ok\n`);
    } catch (error) {
      if (!(error instanceof GitError) && !(error instanceof Deno.errors.NotFound)) throw error;
      cli.err(`error: ${error.message}\n`);
      if (o.flag("verbose")) cli.out(`${name}: bad\n`);
      failed = 1;
    }
  }
  return failed;
}

function showChains(
  cli: Cli,
  pack: PackFile,
  entries: { id: ObjectId; offset: number }[],
  types: string[],
  statOnly: boolean,
): void {
  const byOffset = new Map(entries.map((entry) => [entry.offset, entry]));
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const depth = new Map<ObjectId, number>();
  const histogram = new Map<number, number>();
  entries.forEach((entry, i) => {
    const header = pack.header(entry.offset);
    const next = entries[i + 1]?.offset ?? pack.size - cli.findRepository()!.algorithm.rawSize;
    const plain = PACK_TYPES[header.type] !== undefined;
    let level = 0;
    let base: { id: ObjectId; offset: number } | undefined;
    let at: { id: ObjectId; offset: number } = entry;
    for (;;) {
      const h = pack.header(at.offset);
      if (PACK_TYPES[h.type] !== undefined) break;
      const parent = h.baseOffset >= 0 ? byOffset.get(h.baseOffset) : byId.get(h.baseId);
      if (parent === undefined) break;
      base ??= parent;
      level++;
      const known = depth.get(parent.id);
      if (known !== undefined) {
        level += known;
        break;
      }
      at = parent;
    }
    depth.set(entry.id, level);
    histogram.set(level, (histogram.get(level) ?? 0) + 1);
    if (!statOnly) {
      cli.out(
        `${entry.id} ${types[i]!.padEnd(6)} ${header.size} ${next - entry.offset} ${entry.offset}${
          plain || base === undefined ? "" : ` ${level} ${base.id}`
        }\n`,
      );
    }
  });
  for (const [level, n] of [...histogram].sort((a, b) => a[0] - b[0])) {
    cli.out(
      level === 0
        ? `non delta: ${n} object${n === 1 ? "" : "s"}\n`
        : `chain length = ${level}: ${n} object${n === 1 ? "" : "s"}\n`,
    );
  }
}

/** `git show-index` */
export function showIndex(cli: Cli, args: ByteString[]): number {
  parseOptions(cli, args, "object-format=", "git show-index [--object-format=<hash-algorithm>]");
  const data = cli.readStdin();
  const index = new PackIndex(data, data.length, SHA1);
  for (let i = 0; i < index.count; i++) {
    const crc = index.crc(i);
    cli.out(
      `${index.offset(i)} ${index.id(i)}${
        crc === undefined ? "" : ` (${crc.toString(16).padStart(8, "0")})`
      }\n`,
    );
  }
  return 0;
}

/** `git unpack-objects` */
export function unpackObjects(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "n q r strict? max-input-size=",
    "git unpack-objects [-n] [-q] [-r] [--strict]",
  );
  const { repo } = cli;
  const source = new MemorySource(cli.readStdin());
  const { entries, types } = indexPack(source, repo.algorithm, {
    store: repo.objects,
    strict: o.given("strict"),
  });
  if (o.flag("n")) return 0;
  const pack = new PackFile(source, repo.algorithm);
  const offsets = new Map(entries.map((entry) => [entry.id, entry.offset]));
  entries.forEach((entry, i) => {
    const object = pack.read(entry.offset, (id) => offsets.get(id) ?? repo.objects.read(id));
    repo.objects.write(types[i] as "blob", object.data);
  });
  return 0;
}

/** The objects of the packs that lines name, without those of packs with `^` in front. */
function objectsOfPacks(cli: Cli, lines: readonly ByteString[]): ObjectId[] {
  const packs = new Map(cli.repo.objects.packs().map((pack) => [pack.name, pack]));
  const names = lines.filter((line) => line !== "").sort();
  for (const line of names) {
    const name = line.replace(/^\^/, "");
    if (!packs.has(name)) die(`could not find pack '${name}'`);
  }
  const left = new Set<ObjectId>();
  const each = (name: ByteString, visit: (id: ObjectId) => void): void => {
    const { index } = packs.get(name)!;
    for (let i = 0; i < index.count; i++) visit(index.id(i));
  };
  for (const line of names) if (line.startsWith("^")) each(line.slice(1), (id) => left.add(id));
  const out = new Set<ObjectId>();
  for (const line of names) {
    if (!line.startsWith("^")) each(line, (id) => left.has(id) || out.add(id));
  }
  return [...out];
}

/** Fails when a pack has another object under an id that is known. */
function refuseCollisions(
  store: FileObjectStore,
  pack: PackFile,
  entries: readonly PackIndexEntry[],
): void {
  const offsets = new Map(entries.map((entry) => [entry.id, entry.offset]));
  const inPack = (id: ObjectId): number | GitObject | undefined =>
    offsets.get(id) ?? store.read(id);
  for (const { id, offset } of entries) {
    if (!store.hasLocally(id)) continue;
    let known: GitObject | undefined;
    try {
      known = store.read(id);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      die(`cannot read existing object info ${id}`);
    }
    const given = pack.read(offset, inPack);
    if (known === undefined || known.type !== given.type || !equalBytes(known.data, given.data)) {
      die(`SHA1 COLLISION FOUND WITH ${id} !`);
    }
  }
}

/** `git pack-objects` */
export function packObjects(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "q,quiet progress all-progress all-progress-implied no-reuse-delta no-reuse-object window= depth= window-memory= delta-base-offset threads= revs unpacked all reflog indexed-objects stdout include-tag thin shallow local incremental honor-pack-keep keep-true-parents compression= index-version= filter= missing= sparse non-empty max-pack-size= use-bitmap-index write-bitmap-index name-hash-version= stdin-packs cruft",
    "git pack-objects --stdout [<options>] [< <ref-list> | < <object-list>]\n   or: git pack-objects [<options>] <base-name> [< <ref-list> | < <object-list>]",
  );
  const { repo } = cli;
  if (o.flag("stdout") === (o.rest.length === 1)) {
    throw usageError(
      "",
      "git pack-objects --stdout [<options>] [< <ref-list> | < <object-list>]\n   or: git pack-objects [<options>] <base-name> [< <ref-list> | < <object-list>]",
    );
  }
  const list: { id: ObjectId; path: ByteString }[] = [];
  if (o.flag("stdin-packs")) {
    if (o.given("filter")) die("cannot use --filter with --stdin-packs");
    if (o.flag("revs") || o.flag("all")) die("cannot use internal rev list with --stdin-packs");
    for (const id of objectsOfPacks(cli, [...cli.stdinLines()])) list.push({ id, path: "" });
    if (o.flag("unpacked")) {
      for (const id of repo.objects.looseIds()) list.push({ id, path: "" });
    }
  } else if (o.flag("revs") || o.flag("all")) {
    const names: ByteString[] = o.flag("all") ? ["--all"] : [];
    if (o.flag("revs")) {
      for (const line of cli.stdinLines()) {
        if (line === "") break;
        if (
          !line.startsWith("-") && !line.includes("..") &&
          cli.tryRevision(line.replace(/^\^/, "")) === undefined
        ) die(`bad revision '${line}'`);
        names.push(line);
      }
    }
    const revs = parseRevs(cli, names);
    for (
      const object of walkObjects(repo.objects, { include: revs.include, exclude: revs.exclude })
    ) list.push({ id: object.id, path: object.path });
  } else {
    for (const line of cli.stdinLines()) {
      if (line.startsWith("-")) continue;
      const id = line.slice(0, repo.algorithm.hexSize);
      if (!/^[0-9a-f]+$/.test(id) || id.length !== repo.algorithm.hexSize) {
        die(`expected object ID, got garbage:\n ${line}\n`);
      }
      list.push({ id, path: line.slice(repo.algorithm.hexSize + 1) });
    }
  }
  if (list.length === 0 && o.flag("non-empty")) return 0;
  const parts: Uint8Array[] = [];
  const options = {
    window: Math.max(0, Number(o.text("window") ?? cli.config.int("pack.window", 10))),
    depth: Math.max(0, Number(o.text("depth") ?? cli.config.int("pack.depth", 50))),
    offsetDeltas: o.flag("delta-base-offset"),
    compression: o.given("compression")
      ? Number(o.text("compression"))
      : cli.config.int("pack.compression") ?? cli.config.int("core.compression") ?? -1,
  };
  const report = (written: { entries: readonly unknown[]; deltas: number }): void => {
    if (!o.flag("progress") && !o.flag("all-progress")) return;
    cli.err(
      `Total ${written.entries.length} (delta ${written.deltas}), reused 0 (delta 0), pack-reused 0\n`,
    );
  };
  if (o.flag("stdout")) {
    const written = writePack(repo.objects, list, (data) => cli.out(data), options);
    report(written);
    return 0;
  }
  const { checksum, entries, deltas } = writePack(
    repo.objects,
    list,
    (data) => void parts.push(data),
    options,
  );
  report({ entries, deltas });
  const base = `${cli.fileArgument(o.rest[0]!)}-${toHex(checksum)}`;
  writeFileAtomically(`${base}.pack`, concatBytes(parts), { mode: 0o444, fsync: repo.fsync });
  const version = Number(
    o.text("index-version")?.split(",")[0] ?? cli.config.int("pack.indexversion") ?? 2,
  );
  const large = o.text("index-version")?.split(",")[1];
  writeFileAtomically(
    `${base}.idx`,
    version === 1 ? formatPackIndexV1(entries, checksum, repo.algorithm) : formatPackIndex(
      entries,
      checksum,
      repo.algorithm,
      large === undefined ? undefined : Number(large),
    ),
    { mode: 0o444, fsync: repo.fsync },
  );
  cli.out(`${toHex(checksum)}\n`);
  return 0;
}

/** `git prune-packed` */
export function prunePacked(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "n,dry-run q,quiet",
    "git prune-packed [-n | --dry-run] [-q | --quiet]",
  );
  const { objects } = cli.repo;
  for (const id of [...objects.looseIds(true)]) {
    if (!objects.packs().some((pack) => pack.find(id) >= 0)) continue;
    const path = `${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
    if (o.flag("dry-run")) cli.out(`rm -f ${path}\n`);
    else removeFile(path);
  }
  return 0;
}

/** `git count-objects` */
export function countObjects(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose H,human-readable",
    "git count-objects [-v] [-H | --human-readable]",
  );
  const { objects } = cli.repo;
  let count = 0, size = 0, packable = 0;
  for (const id of objects.looseIds(true)) {
    count++;
    const info = stat(`${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`);
    size += (info?.blocks ?? 0) * 512;
    if (o.flag("verbose") && objects.packs().some((pack) => pack.find(id) >= 0)) packable++;
  }
  if (!o.flag("verbose")) {
    cli.out(`${count} objects, ${Math.floor(size / 1024)} kilobytes\n`);
    return 0;
  }
  const packs = objects.packs().filter((pack) => pack.path.startsWith(`${objects.directory}/`));
  let inPack = 0, packSize = 0;
  for (const pack of packs) {
    inPack += pack.index.count;
    packSize += (stat(`${pack.path}.pack`)?.size ?? 0) + (stat(`${pack.path}.idx`)?.size ?? 0);
  }
  cli.out(
    `count: ${count}\nsize: ${
      Math.floor(size / 1024)
    }\nin-pack: ${inPack}\npacks: ${packs.length}\nsize-pack: ${
      Math.floor(packSize / 1024)
    }\nprune-packable: ${packable}\ngarbage: 0\nsize-garbage: 0\n`,
  );
  return 0;
}

/** `git fsck` */
export function fsckCommand(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "v,verbose unreachable dangling tags root cache reflogs full connectivity-only strict lost-found progress name-objects",
    "git fsck [<options>] [<object>...]",
  );
  const { repo } = cli;
  const { objects, algorithm } = repo;
  let failed = 0;
  const missing = new Map<ObjectId, string>();
  const used = new Set<ObjectId>();
  const kinds = new Map<ObjectId, string>();
  const links = new Map<ObjectId, ObjectId[]>();
  const bad = (text: ByteString, code: number): void => {
    cli.err(`${text}\n`);
    failed |= code;
  };
  const visit = (id: ObjectId, type: string, data: Uint8Array): void => {
    if (kinds.has(id)) return;
    kinds.set(id, type);
    if (!isObjectType(type)) return;
    for (const problem of checkObject(type, data, algorithm)) {
      const severity = problem.severity === "warn" && o.flag("strict") ? "error" : problem.severity;
      if (severity === "info") continue;
      bad(
        `${
          severity === "error" ? "error" : "warning"
        } in ${type} ${id}: ${problem.id}: ${problem.message}`,
        severity === "error" ? 1 : 0,
      );
    }
    const out: ObjectId[] = [];
    const link = (target: ObjectId, kind: string): void => {
      out.push(target);
      used.add(target);
      if (!missing.has(target)) missing.set(target, kind);
    };
    try {
      if (type === "commit") {
        const commit = parseCommit(data, algorithm);
        link(commit.tree, "tree");
        for (const parent of commit.parents) link(parent, "commit");
        if (o.flag("root") && commit.parents.length === 0) cli.out(`root ${id}\n`);
      } else if (type === "tree") {
        for (const entry of parseTree(data, algorithm)) {
          if ((entry.mode & 0o170000) !== 0o160000) {
            link(entry.id, (entry.mode & 0o170000) === 0o40000 ? "tree" : "blob");
          }
        }
      } else if (type === "tag") {
        const tag = parseTag(data, algorithm);
        link(tag.object, tag.type);
        if (o.flag("tags")) cli.out(`tagged ${tag.type} ${tag.object} (${tag.tag}) in ${id}\n`);
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(`error: ${id}: object could not be parsed: ${objectPath(cli, id)}`, 1);
    }
    links.set(id, out);
  };
  for (const id of objects.looseIds()) {
    const path = `${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
    const packed = readFileIfAny(objects.loosePath(id) ?? path);
    if (packed === undefined) continue;
    try {
      const { type, data } = decodeLoose(packed, id);
      const actual = hashObject(algorithm, type, data);
      if (actual !== id) {
        bad(`error: ${actual}: hash-path mismatch, found at: ${objectPath(cli, id)}`, 1);
      } else if (!isObjectType(type)) {
        bad(`error: ${id}: object is of unknown type '${type}': ${objectPath(cli, id)}`, 1);
      } else visit(id, type, data);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(
        `error: ${error.message}\nerror: ${id}: object corrupt or missing: ${objectPath(cli, id)}`,
        1,
      );
    }
  }
  for (const pack of objects.packs()) {
    try {
      const offsets = pack.index.offsets();
      for (const at of reverseIndex(offsets)) {
        const id = pack.index.id(at);
        if (kinds.has(id)) continue;
        const object = pack.file.read(offsets[at]!, (base) => {
          const offset = pack.find(base);
          return offset >= 0 ? offset : objects.read(base);
        });
        if (hashObject(algorithm, object.type, object.data) !== id) {
          bad(`error: packed ${id} from ${pack.path}.pack is corrupt`, 4);
        } else visit(id, object.type, object.data);
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(`error: ${pack.path}.pack: ${error.message}`, 4);
    }
  }
  const roots: ObjectId[] = [];
  const head = repo.refs.read("HEAD");
  if (head?.kind === "symbolic" && !head.target.startsWith("refs/heads/")) {
    bad(`error: HEAD points to something strange (${head.target})`, 2);
  }
  for (const ref of repo.refs.list()) {
    if (ref.broken) {
      bad(`error: ${ref.name}: invalid sha1 pointer ${ref.id}`, 2);
      continue;
    }
    if (!kinds.has(ref.id)) bad(`error: ${ref.name}: invalid sha1 pointer ${ref.id}`, 2);
    else if (ref.name.startsWith("refs/heads/") && kinds.get(ref.id) !== "commit") {
      bad(`error: ${ref.name}: not a commit`, 2);
    }
    roots.push(ref.id);
  }
  if (head?.kind === "symbolic" && repo.head() === undefined) {
    cli.err(
      `notice: HEAD points to an unborn branch (${head.target.replace("refs/heads/", "")})\n`,
    );
  }
  const headId = repo.head();
  if (headId !== undefined) {
    if (!kinds.has(headId)) bad(`error: HEAD: invalid sha1 pointer ${headId}`, 2);
    roots.push(headId);
  }
  if (!o.negated("reflogs")) {
    for (const name of repo.refs.logNames()) {
      for (const entry of repo.refs.readLog(name) ?? []) {
        for (const id of [entry.oldId, entry.newId]) {
          if (/^0+$/.test(id)) continue;
          if (!kinds.has(id)) bad(`error: ${name}: invalid reflog entry ${id}`, 2);
          else roots.push(id);
        }
      }
    }
  }
  for (const name of o.rest) roots.push(cli.revision(name));
  if (!repo.bare || stat(repo.indexPath) !== undefined) {
    for (const entry of repo.readIndex().entries) {
      if ((entry.mode & 0o170000) !== 0o160000) roots.push(entry.id);
    }
  }
  const reachable = new Set<ObjectId>();
  const stack = [...roots];
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (reachable.has(id)) continue;
    reachable.add(id);
    for (const next of links.get(id) ?? []) {
      if (!kinds.has(next) && !reachable.has(next) && next !== algorithm.emptyTree) {
        reachable.add(next);
        cli.out(
          `broken link from ${kinds.get(id)!.padStart(7)} ${id}\n              to ${
            missing.get(next)!.padStart(7)
          } ${next}\n`,
        );
        failed |= 2;
        continue;
      }
      stack.push(next);
    }
  }
  const sorted = [...kinds.keys()].sort();
  for (const id of reachable) {
    if (!kinds.has(id) && missing.has(id) && id !== algorithm.emptyTree) {
      cli.out(`missing ${missing.get(id)} ${id}\n`);
      failed |= 2;
    }
  }
  for (const id of sorted) {
    if (reachable.has(id)) continue;
    if (o.flag("unreachable")) cli.out(`unreachable ${kinds.get(id)} ${id}\n`);
    else if (!o.negated("dangling") && !used.has(id)) cli.out(`dangling ${kinds.get(id)} ${id}\n`);
  }
  return failed;
}

function objectPath(cli: Cli, id: ObjectId): ByteString {
  const { workTree } = cli.repo.paths;
  const path = `${cli.repo.objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
  return workTree !== undefined && path.startsWith(`${workTree}/`)
    ? path.slice(workTree.length + 1)
    : path;
}

/** `git repack` */
export function repack(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "a A d f F n q,quiet l,local b,write-bitmap-index window= depth= threads= k keep-pack* unpack-unreachable= cruft",
    "git repack [<options>]",
  );
  const { repo } = cli;
  const all = o.flag("a") || o.flag("A");
  const seen = new Set<ObjectId>();
  const list: { id: ObjectId; path: ByteString }[] = [];
  const roots = rootsInUse(repo).map((id) => ({ id }));
  const packed = (id: ObjectId): boolean => repo.objects.packs().some((pack) => pack.find(id) >= 0);
  for (const object of walkObjects(repo.objects, { include: roots })) {
    if (seen.has(object.id) || (!all && packed(object.id))) continue;
    seen.add(object.id);
    list.push({ id: object.id, path: object.path });
  }
  if (list.length === 0) {
    if (!o.flag("quiet")) cli.err("Nothing new to pack.\n");
    if (o.flag("d")) prunePacked(cli, []);
    return 0;
  }
  const kept = new Set(
    repo.objects.packs().filter((pack) =>
      stat(`${pack.path}.keep`) !== undefined || stat(`${pack.path}.promisor`) !== undefined
    ).map((pack) => pack.path),
  );
  const old = repo.objects.packs().filter((pack) =>
    pack.path.startsWith(`${repo.objects.directory}/`) && !kept.has(pack.path)
  ).map((pack) => pack.path);
  // With -A what nothing reaches becomes loose, until `prune` finds it old enough.
  const sparedText = o.text("unpack-unreachable");
  const spared = sparedText === undefined ? -Infinity : timeArgument(cli, sparedText);
  if (o.flag("A") && o.flag("d")) {
    const going = new Set(old);
    for (const pack of repo.objects.packs()) {
      if (!going.has(pack.path) || pack.modified / 1000 < spared) continue;
      for (let at = 0; at < pack.index.count; at++) {
        const id = pack.index.id(at);
        if (seen.has(id) || repo.objects.loosePath(id) !== undefined) continue;
        const object = repo.objects.read(id);
        if (object === undefined) continue;
        repo.objects.writeLoose(id, object.type, object.data);
        // It is as old as the pack it was in.
        const path = repo.objects.loosePath(id);
        if (path !== undefined) Deno.utimeSync(path, pack.modified / 1000, pack.modified / 1000);
      }
    }
  }
  const temp = temporaryName(`${repo.objects.directory}/pack/tmp_pack_`);
  makeDirectories(`${repo.objects.directory}/pack`);
  const file = Deno.openSync(temp, { write: true, createNew: true, mode: 0o444 });
  let written: ReturnType<typeof writePack>;
  try {
    written = writePack(repo.objects, list, (data) => writeAll(file, data), {
      window: Number(o.text("window") ?? 10),
      depth: Number(o.text("depth") ?? 50),
    });
    if (repo.fsync) file.syncSync();
  } catch (error) {
    removeFile(temp);
    throw error;
  } finally {
    file.close();
  }
  const { checksum, entries } = written;
  const base = `${repo.objects.directory}/pack/pack-${toHex(checksum)}`;
  Deno.renameSync(temp, `${base}.pack`);
  writeFileAtomically(`${base}.idx`, formatPackIndex(entries, checksum, repo.algorithm), {
    mode: 0o444,
    fsync: repo.fsync,
  });
  if (repo.fsync) syncDirectory(`${repo.objects.directory}/pack`);
  if (o.flag("d")) {
    repo.objects.close();
    if (all) {
      for (const path of old) {
        if (path !== base) {
          for (const extension of [".idx", ".rev", ".bitmap", ".pack"]) {
            removeFile(path + extension);
          }
        }
      }
    }
    prunePacked(cli, []);
  }
  return 0;
}
