/**
 * `git bundle`: objects and refs in one file.
 *
 * @module
 */
import { type ByteString, encodeText } from "../_bytes.ts";
import { nativePath, readAt, stat } from "../_files.ts";
import { formatBundleHeader, parseBundleHeader, readBundleHeader } from "../bundle.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { LockFile } from "../lock_file.ts";
import { commitLinks } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { PackReceiver } from "../pack_receiver.ts";
import { writePack } from "../pack_writer.ts";
import { thinBases } from "../thin_bases.ts";
import { subjectOf } from "../pretty.ts";
import { REF_RULES } from "../refspec.ts";
import { parseFilter, type RevListOptions, walkCommits, walkObjects } from "../rev_list.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { parseRevs, timeArgument } from "./_revs.ts";

const USAGE =
  "git bundle create [-q | --quiet | --progress | --all-progress] [--all-progress-implied]\n                    [--version=<version>] <file> <git-rev-list-args>\n   or: git bundle verify [-q | --quiet] <file>\n   or: git bundle list-heads <file> [<refname>...]\n   or: git bundle unbundle [--progress] <file> [<refname>...]";

/** The full name of the ref that a name means. */
function fullRef(cli: Cli, name: ByteString): ByteString | undefined {
  const { refs } = cli.repo;
  for (const rule of REF_RULES) {
    const full = rule(name);
    const resolved = refs.resolve(full);
    if (resolved?.id !== undefined) return resolved.symbolic ? full : resolved.target;
  }
  return undefined;
}

function create(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet progress all-progress all-progress-implied version=",
    USAGE,
    { stopAtArgument: true },
  );
  const [file, ...revArgs] = o.rest;
  if (file === undefined) throw usageError("", USAGE);
  const { repo } = cli;
  const store = repo.objects;
  const revs = parseRevs(cli, revArgs, {
    stdin: true,
    takesValue: new Set(["--since", "--until", "--after", "--before", "-n", "--max-count"]),
  });
  const walk: Partial<RevListOptions> = {};
  let limit = Infinity;
  let filterText: ByteString | undefined;
  for (let i = 0; i < revs.rest.length; i++) {
    const word = revs.rest[i]!;
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = (): ByteString => equals < 0 ? revs.rest[++i] ?? "" : word.slice(equals + 1);
    if (name === "--since" || name === "--after") walk.since = timeArgument(cli, value());
    else if (name === "--until" || name === "--before") walk.until = timeArgument(cli, value());
    else if (name === "-n" || name === "--max-count") limit = Number(value());
    else if (/^-\d+$/.test(name)) limit = Number(name.slice(1));
    else if (name === "--max-age") walk.since = Number(value());
    else if (name === "--min-age") walk.until = Number(value());
    else if (name === "--filter") filterText = value();
    else if (
      name === "--date-order" || name === "--topo-order"
    ) { /* The order of a pack is its own. */ } else {throw new Exit(
        128,
        `error: unrecognized argument: ${word}\n`,
      );}
  }
  const commits: ObjectId[] = [];
  const others: { id: ObjectId; name: ByteString }[] = [];
  const filter = filterText === undefined ? undefined : parseFilter(filterText);
  if (filterText !== undefined && filter === undefined) die(`invalid filter-spec '${filterText}'`);
  for (const one of revs.include) {
    const commit = peelTo(store, one.id, "commit");
    if (commit === undefined) others.push(one);
    else commits.push(commit);
  }
  const exclude = revs.exclude.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
    id !== undefined
  );
  const shown = new Set<ObjectId>();
  for (const { id } of walkCommits(store, { include: commits, exclude, ...walk })) {
    if (shown.size >= limit) break;
    shown.add(id);
  }
  const edge = new Set<ObjectId>();
  for (const id of shown) {
    for (const parent of commitLinks(store, id).parents) if (!shown.has(parent)) edge.add(parent);
  }
  const refs: { id: ObjectId; name: ByteString }[] = [];
  const objects: { id: ObjectId; name?: ByteString }[] = [];
  for (const { name, id, negative } of revs.names) {
    if (negative) continue;
    const full = fullRef(cli, name);
    if (full === undefined) continue;
    const own = repo.refs.id(full);
    const type = store.describe(id)?.type;
    if (type === "tag" && (walk.since !== undefined || walk.until !== undefined)) {
      const commit = peelTo(store, id, "commit");
      if (commit !== undefined && !shown.has(commit)) continue;
    }
    if (type === "commit" && !shown.has(id)) {
      cli.warn(`ref '${name}' is excluded by the rev-list options`);
      continue;
    }
    if (own !== id && peelTo(store, own!, "commit") !== id) continue;
    if (refs.some((ref) => ref.name === full)) continue;
    refs.push({ id: own!, name: full });
    objects.push({ id: own! });
  }
  if (refs.length === 0) die("Refusing to create empty bundle.");
  const version = o.text("version") === undefined
    ? (repo.algorithm.name === "sha1" && filter === undefined ? 2 : 3)
    : Number(o.text("version"));
  if (version !== 2 && version !== 3) die(`unsupported bundle version ${o.text("version")}`);
  if (version === 2 && (repo.algorithm.name !== "sha1" || filter !== undefined)) {
    die(`cannot write bundle version 2 with algorithm ${repo.algorithm.name}`);
  }
  const header = formatBundleHeader({
    version,
    algorithm: repo.algorithm,
    filter: filterText,
    prerequisites: [...edge].map((id) => ({
      id,
      comment: subjectOf(readCommit(store, id).message),
    })),
    refs,
  });
  const list: { id: ObjectId; path: ByteString }[] = [];
  const sent: ObjectId[] = [];
  for (
    const object of walkObjects(store, {
      include: [...objects, ...[...shown].map((id) => ({ id })), ...others],
      exclude: [...exclude, ...edge],
      filter,
    })
  ) {
    if (object.type === "commit") sent.push(object.id);
    list.push({ id: object.id, path: object.path });
  }
  // Who has the prerequisites has bases for deltas.
  const thin = thinBases(store, sent, new Set(list.map(({ id }) => id)), list);
  const put = (write: (data: Uint8Array) => void): void => {
    write(header);
    writePack(store, list, write, {
      receiverHas: (id) => thin.has(id),
      boundary: thin.boundary,
    });
  };
  if (file === "-") {
    put((data) => cli.out(data));
    return 0;
  }
  const lock = LockFile.take(cli.fileArgument(file));
  try {
    put((data) => lock.write(data));
    lock.commit(repo.fsync);
  } finally {
    lock.rollback();
  }
  return 0;
}

interface OpenBundle {
  header: ReturnType<typeof readBundleHeader>;
  path: ByteString;
}

function open(cli: Cli, file: ByteString): OpenBundle {
  const path = file === "-" ? "/dev/stdin" : cli.fileArgument(file);
  if (file !== "-" && stat(path) === undefined) {
    throw new Exit(1, `error: could not open '${file}'\n`);
  }
  try {
    return { header: readBundleHeader(path), path };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new Exit(
      1,
      error.code === "invalid" && error.message.startsWith("does not look")
        ? `error: '${file}' does not look like a v2 or v3 bundle file\n`
        : `error: ${error.message}\n`,
    );
  }
}

/** Prerequisites that are missing or that no ref reaches. */
function missing(cli: Cli, header: OpenBundle["header"]): { id: ObjectId; comment: ByteString }[] {
  const { repo } = cli;
  const absent = header.prerequisites.filter(({ id }) => !repo.objects.has(id));
  if (absent.length > 0 || header.prerequisites.length === 0) return absent;
  const tips = repo.refs.list().filter((ref) => !ref.broken).map((ref) =>
    peelTo(repo.objects, ref.id, "commit")
  ).filter((id): id is string => id !== undefined);
  const head = repo.head();
  if (head !== undefined) tips.push(head);
  const wanted = new Set(header.prerequisites.map(({ id }) => id));
  for (const { id } of walkCommits(repo.objects, { include: tips })) {
    wanted.delete(id);
    if (wanted.size === 0) break;
  }
  return header.prerequisites.filter(({ id }) => wanted.has(id));
}

function complain(cli: Cli, list: readonly { id: ObjectId; comment: ByteString }[]): void {
  cli.err("error: Repository lacks these prerequisite commits:\n");
  for (const { id, comment } of list) cli.err(`error: ${id} ${comment}\n`);
}

function listed(
  cli: Cli,
  refs: readonly { id: ObjectId; name: ByteString }[],
  names: readonly ByteString[],
): void {
  for (const { id, name } of refs) {
    if (names.length === 0 || names.includes(name)) cli.out(`${id} ${name}\n`);
  }
}

function verify(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "q,quiet", USAGE);
  const [file] = o.rest;
  if (file === undefined) throw usageError("", USAGE);
  if (cli.findRepository() === undefined) {
    throw new Exit(1, "error: need a repository to verify a bundle\n");
  }
  const { header } = open(cli, file);
  const absent = missing(cli, header);
  if (absent.length > 0) {
    if (!o.flag("quiet")) complain(cli, absent);
    return 1;
  }
  if (!o.flag("quiet")) {
    const { refs, prerequisites } = header;
    cli.out(
      refs.length === 1
        ? "The bundle contains this ref:\n"
        : `The bundle contains these ${refs.length} refs:\n`,
    );
    listed(cli, refs, []);
    if (prerequisites.length === 0) cli.out("The bundle records a complete history.\n");
    else {
      cli.out(
        prerequisites.length === 1
          ? "The bundle requires this ref:\n"
          : `The bundle requires these ${prerequisites.length} refs:\n`,
      );
      for (const { id, comment } of prerequisites) cli.out(`${id} ${comment}\n`);
    }
    cli.out(`The bundle uses this hash algorithm: ${header.algorithm.name}\n`);
    if (header.filter !== undefined) cli.out(`The bundle uses this filter: ${header.filter}\n`);
  }
  cli.err(`${file} is okay\n`);
  return 0;
}

function unbundle(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "progress", USAGE);
  const [file, ...names] = o.rest;
  if (file === undefined) throw usageError("", USAGE);
  if (file === "-") {
    const data = cli.readStdin();
    const header = parseBundleHeader((at, length) => data.subarray(at, at + length));
    return take(cli, header, [data.subarray(header.packOffset)], names);
  }
  const { header, path } = open(cli, file);
  return take(cli, header, fileFrom(path, header.packOffset), names);
}

function* fileFrom(path: ByteString, at: number): Generator<Uint8Array> {
  using file = Deno.openSync(nativePath(path), { read: true });
  for (;;) {
    const chunk = new Uint8Array(1 << 18);
    const n = readAt(file, chunk, at);
    if (n === 0) return;
    yield chunk.subarray(0, n);
    at += n;
  }
}

function take(
  cli: Cli,
  header: OpenBundle["header"],
  pack: Iterable<Uint8Array>,
  names: readonly ByteString[],
): number {
  const { repo } = cli;
  const absent = missing(cli, header);
  if (absent.length > 0) {
    complain(cli, absent);
    return 1;
  }
  using receiver = new PackReceiver(repo.objects.directory, repo.algorithm, {
    store: repo.objects,
    fsync: repo.fsync,
    ...(header.filter === undefined ? {} : { promisor: encodeText("from-bundle\n") }),
  });
  for (const chunk of pack) receiver.write(chunk);
  receiver.finish();
  repo.objects.refresh();
  listed(cli, header.refs, names);
  return 0;
}

/** `git bundle` */
export function bundleCommand(cli: Cli, args: ByteString[]): number {
  const [word, ...rest] = args;
  switch (word) {
    case "create":
      return create(cli, rest);
    case "verify":
      return verify(cli, rest);
    case "list-heads": {
      const o = parseOptions(cli, rest, "", USAGE);
      if (o.rest[0] === undefined) throw usageError("", USAGE);
      listed(cli, open(cli, o.rest[0]).header.refs, o.rest.slice(1));
      return 0;
    }
    case "unbundle":
      return unbundle(cli, rest);
    case "-h":
      cli.out(`usage: ${USAGE}\n`);
      return 129;
    case undefined:
      throw new Exit(129, `error: need a subcommand\nusage: ${USAGE}\n`);
    default:
      throw new Exit(129, `error: unknown subcommand: \`${word}'\nusage: ${USAGE}\n`);
  }
}
