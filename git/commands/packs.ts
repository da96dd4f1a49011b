/**
 * Commands on packs and the object directory.
 *
 * @module
 */
import { type ByteString, encodeText, equalBytes, toHex } from "../_bytes.ts";
import { readFileIfAny, stat, writeFileAtomically } from "../_files.ts";
import { parseInt64 } from "../config.ts";
import { GitError } from "../errors.ts";
import type { FileObjectStore, Pack } from "../file_object_store.ts";
import { type ObjectId, type ObjectType, SHA1 } from "../hash_algorithm.ts";
import { LinkChecker } from "../fsck.ts";
import { indexPack } from "../index_pack.ts";
import { PackReceiver } from "../pack_receiver.ts";
import type { GitObject } from "../objects.ts";
import { MemorySource, PACK_TYPES, PackFile, WindowedFile } from "../pack_file.ts";
import { formatPackIndexV1, PackIndex } from "../pack_index.ts";
import type { Repository } from "../repository.ts";
import {
  type PackSummary,
  type PackWriterOptions,
  writePack,
  writePackFiles,
} from "../pack_writer.ts";
import { walkObjects } from "../rev_list.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { parseRevs } from "./_revs.ts";

/** A thin pack with the bases that it lacks. */
function completed(repository: Repository, data: Uint8Array): Uint8Array {
  const directory = Deno.makeTempDirSync({ prefix: "index-pack-" });
  try {
    using receiver = new PackReceiver(encodeText(directory), repository.algorithm, {
      store: repository.objects,
      fsync: false,
    });
    receiver.write(data);
    return Deno.readFileSync(`${directory}/pack/pack-${receiver.finish().name}.pack`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

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
  const links = o.given("strict") || o.flag("check-self-contained-and-connected")
    ? new LinkChecker(algorithm)
    : undefined;
  const finishLinks = (): void => links?.finish((id) => repository?.objects.describe(id));
  if (o.flag("fix-thin") && !o.flag("stdin")) die("the option '--fix-thin' requires '--stdin'");
  const name = o.rest[0];
  if (o.flag("stdin") && name === undefined) {
    if (repository === undefined) die("--stdin requires a git repository");
    const keep = o.values.get("keep");
    const collides = collisionCheck(repository.objects);
    const limit = o.text("max-input-size");
    using receiver = new PackReceiver(repository.objects.directory, algorithm, {
      strict,
      fsync: repository.fsync,
      inspect(id, type, data) {
        collides(id, type, data);
        links?.add(id, type, data);
      },
      accept: finishLinks,
      ...(limit === undefined || Number(limit) === 0 ? {} : { maxSize: Number(limit) }),
      ...(o.flag("fix-thin") ? { store: repository.objects } : {}),
      ...(keep === undefined || keep === false
        ? {}
        : { keep: typeof keep === "string" ? `${keep}\n` : "" }),
    });
    for (const chunk of stdinChunks()) receiver.write(chunk);
    const result = receiver.finish();
    cli.out(`${keep === undefined ? "pack" : "keep"}\t${result.name}\n`);
    return 0;
  }
  if (name === undefined) throw usageError("", usage);
  const path = cli.fileArgument(name);
  let data: Uint8Array | undefined;
  if (o.flag("stdin")) {
    data = cli.readStdin();
    if (o.flag("fix-thin") && repository !== undefined) data = completed(repository, data);
    writeFileAtomically(path, data, { mode: 0o444 });
  }
  const source = data === undefined ? new WindowedFile(path) : new MemorySource(data);
  const collides = repository === undefined || o.flag("verify")
    ? undefined
    : collisionCheck(repository.objects);
  try {
    const indexed = indexPack(source, algorithm, {
      strict,
      inspect(id, type, data) {
        collides?.(id, type, data);
        links?.add(id, type, data);
      },
    });
    finishLinks();
    const version = Number(
      o.text("index-version")?.split(",")[0] ?? cli.config.int("pack.indexversion") ?? 2,
    );
    const large = o.text("index-version")?.split(",")[1];
    const bytes = version === 1
      ? formatPackIndexV1(indexed.entries, indexed.checksum, algorithm)
      : indexed.formatIndex(large === undefined ? undefined : Number(large));
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
  const links = o.given("strict") ? new LinkChecker(repo.algorithm) : undefined;
  const source = new MemorySource(cli.readStdin());
  const indexed = indexPack(source, repo.algorithm, {
    store: repo.objects,
    strict: o.given("strict"),
    ...(links === undefined
      ? {}
      : { inspect: (id, type, data): void => links.add(id, type, data) }),
  });
  links?.finish((id) => repo.objects.describe(id));
  if (o.flag("n")) return 0;
  const pack = new PackFile(source, repo.algorithm);
  const offsets = new Map<ObjectId, number>();
  for (let i = 0; i < indexed.count; i++) offsets.set(indexed.id(i), indexed.offsets[i]!);
  // Commits and tags go last: what is found by them is complete.
  const order = Array.from({ length: indexed.count }, (_, i) => i).sort((a, b) =>
    Number(indexed.type(a) === "commit" || indexed.type(a) === "tag") -
    Number(indexed.type(b) === "commit" || indexed.type(b) === "tag")
  );
  for (const i of order) {
    const object = pack.read(
      indexed.offsets[i]!,
      (id) => offsets.get(id) ?? repo.objects.read(id),
    );
    repo.objects.write(indexed.type(i), object.data);
  }
  return 0;
}

/** Standard input in pieces. */
function* stdinChunks(): Generator<Uint8Array> {
  const chunk = new Uint8Array(1 << 20);
  for (let n = Deno.stdin.readSync(chunk); n !== null; n = Deno.stdin.readSync(chunk)) {
    yield chunk.subarray(0, n);
  }
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

/** Fails when an object that comes has the id of another one that is known. */
function collisionCheck(
  store: FileObjectStore,
): (id: ObjectId, type: ObjectType, data: Uint8Array) => void {
  // A look at the disk for each object would cost more than all the rest.
  const loose = new Set(store.looseIds());
  return (id, type, data) => {
    if (store.packed(id) === undefined && !loose.has(id)) return;
    let known: GitObject | undefined;
    try {
      known = store.read(id);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      die(`cannot read existing object info ${id}`);
    }
    if (known === undefined || known.type !== type || !equalBytes(known.data, data)) {
      die(`SHA1 COLLISION FOUND WITH ${id} !`);
    }
  };
}

/** Which objects options leave out of a pack: those that are packed, kept, or borrowed already. */
function leftOut(
  cli: Cli,
  flag: (name: string) => boolean,
): ((id: ObjectId) => boolean) | undefined {
  const { objects } = cli.repo;
  const packs = objects.packs();
  const isOwn = (pack: Pack): boolean => pack.path.startsWith(`${objects.directory}/`);
  const having = flag("incremental") || (flag("unpacked") && !flag("stdin-packs"))
    ? packs
    : packs.filter((pack) =>
      (flag("local") && !isOwn(pack)) ||
      (flag("honor-pack-keep") && stat(`${pack.path}.keep`) !== undefined)
    );
  const own = flag("local") && objects.directories().length > 1
    ? new Set(objects.looseIds(true))
    : undefined;
  if (having.length === 0 && own === undefined) return undefined;
  return (id) =>
    having.some((pack) => pack.find(id) >= 0) ||
    (own !== undefined && !own.has(id) && objects.packed(id) === undefined);
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
  let list: { id: ObjectId; path: ByteString }[] = [];
  const boundary: ObjectId[] = [];
  if (o.flag("stdin-packs")) {
    if (o.given("filter")) die("cannot use --filter with --stdin-packs");
    if (o.flag("revs") || o.flag("all")) die("cannot use internal rev list with --stdin-packs");
    for (const id of objectsOfPacks(cli, [...cli.stdinLines()])) list.push({ id, path: "" });
    if (o.flag("unpacked")) {
      for (const id of repo.objects.looseIds()) {
        if (repo.objects.packed(id) === undefined) list.push({ id, path: "" });
      }
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
    if (o.flag("thin")) boundary.push(...revs.exclude);
  } else {
    for (const line of cli.stdinLines()) {
      if (line.startsWith("-")) {
        if (o.flag("thin")) boundary.push(line.slice(1));
        continue;
      }
      const id = line.slice(0, repo.algorithm.hexSize);
      if (!/^[0-9a-f]+$/.test(id) || id.length !== repo.algorithm.hexSize) {
        die(`expected object ID, got garbage:\n ${line}\n`);
      }
      list.push({ id, path: line.slice(repo.algorithm.hexSize + 1) });
    }
  }
  const left = leftOut(cli, (name) => o.flag(name));
  if (left !== undefined) list = list.filter(({ id }) => !left(id));
  if (list.length === 0 && o.flag("non-empty")) return 0;
  const options: PackWriterOptions = {
    window: Math.max(0, Number(o.text("window") ?? cli.config.int("pack.window", 10))),
    depth: Math.max(0, Number(o.text("depth") ?? cli.config.int("pack.depth", 50))),
    offsetDeltas: o.flag("delta-base-offset"),
    compression: o.given("compression")
      ? Number(o.text("compression"))
      : cli.config.int("pack.compression") ?? cli.config.int("core.compression") ?? -1,
    reuseDeltas: !o.negated("reuse-delta"),
    reuseObjects: !o.negated("reuse-object"),
    ...(boundary.length > 0 ? { boundary } : {}),
  };
  const report = (written: PackSummary): void => {
    if (!o.flag("progress") && !o.flag("all-progress")) return;
    cli.err(
      `Total ${written.count} (delta ${written.deltas}), reused ${written.reused} (delta ${written.reusedDeltas}), pack-reused 0\n`,
    );
  };
  if (o.flag("stdout")) {
    report(writePack(repo.objects, list, (data) => cli.out(data), options));
    return 0;
  }
  const version = Number(
    o.text("index-version")?.split(",")[0] ?? cli.config.int("pack.indexversion") ?? 2,
  );
  const large = o.text("index-version")?.split(",")[1];
  const limit = o.text("max-pack-size") ?? cli.config.get("pack.packsizelimit");
  const packs = writePackFiles(repo.objects, list, cli.fileArgument(o.rest[0]!), {
    ...options,
    fsync: repo.fsync,
    indexVersion: version === 1 ? 1 : 2,
    ...(large === undefined ? {} : { largeOffsetsFrom: Number(large) }),
    ...(limit === undefined ? {} : { sizeLimit: packSizeLimit(cli, limit) }),
  });
  for (const written of packs) {
    report(written);
    cli.out(`${toHex(written.checksum)}\n`);
  }
  return 0;
}

/** A limit as written, at least a mebibyte; 0 is none. */
function packSizeLimit(cli: Cli, text: ByteString): number {
  const size = parseInt64(text);
  if (size === undefined) die(`bad numeric config value '${text}' for 'pack.packsizelimit'`);
  if (size <= 0) return Infinity;
  const least = 1024 * 1024;
  if (size < least) cli.err("warning: minimum pack size limit is 1 MiB\n");
  return Math.max(size, least);
}
