/**
 * The serving side of fetch: protocol versions 0, 1 and 2 over one request at a time
 * (gitprotocol-pack, gitprotocol-v2).
 *
 * @module
 */
import { type ByteString, concatBytes, fromByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks, setShallow, shallowCommits } from "./merge_base.ts";
import { isHex } from "./objects.ts";
import { type ObjectStore, peelTo, readCommit } from "./object_store.ts";
import { writePack } from "./pack_writer.ts";
import { DELIMITER, FLUSH, packet, PacketReader, type PacketSource, sideBand } from "./pkt_line.ts";
import type { FileRefStore } from "./ref_store.ts";
import { type ObjectFilter, parseFilter, walkObjects } from "./rev_list.ts";

/** What is served. */
export interface UploadPackSource {
  /** Its objects. */
  readonly objects: ObjectStore;
  /** Its refs. */
  readonly refs: FileRefStore;
}

/** Options of the serving side. */
export interface UploadPackOptions {
  /** Refs that are not shown and cannot be fetched. */
  hideRef?: (name: ByteString) => boolean;
  /** Most wanted objects in one request. Default 100,000. */
  maxWants?: number;
  /** Offer partial clones. Default true. */
  filter?: boolean;
  /** Each request comes on a connection of its own (HTTP). Default true. */
  stateless?: boolean;
  /** In versions 0 and 1, which objects may be asked for beside the refs shown. Default all. */
  allow?: { tips: boolean; reachable: boolean; any: boolean };
  /** Called with options that a version 2 client sends along. */
  serverOption?: (option: ByteString) => void;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** What capabilities the module names itself by. */
export const AGENT = "groundwork/0.1";

interface Advertised {
  name: ByteString;
  id: ObjectId;
  peeled: ObjectId | undefined;
  symbolic: ByteString | undefined;
}

/** Refs as a client sees them, `HEAD` first. */
export function advertisedRefs(
  source: UploadPackSource,
  options: UploadPackOptions = {},
): Advertised[] {
  const out: Advertised[] = [];
  const head = source.refs.id("HEAD");
  if (head !== undefined) {
    const value = source.refs.read("HEAD");
    out.push({
      name: "HEAD",
      id: head,
      peeled: undefined,
      symbolic: value?.kind === "symbolic" ? value.target : undefined,
    });
  }
  for (const ref of source.refs.list()) {
    if (ref.broken || options.hideRef?.(ref.name)) continue;
    const peeled = peelTo(source.objects, ref.id, "any");
    out.push({
      name: ref.name,
      id: ref.id,
      peeled: peeled === ref.id ? undefined : peeled,
      symbolic: ref.symbolic,
    });
  }
  return out;
}

/** The first answer of a service: refs (version 0 and 1) or capabilities (version 2). */
export function advertise(
  source: UploadPackSource,
  service: "git-upload-pack" | "git-receive-pack",
  version: number,
  options: UploadPackOptions = {},
): Uint8Array {
  const { algorithm } = source.objects;
  if (service === "git-upload-pack" && version === 2) {
    return concatBytes([
      packet("version 2\n"),
      packet(`agent=${AGENT}\n`),
      packet("ls-refs=unborn\n"),
      packet(`fetch=shallow wait-for-done${options.filter === false ? "" : " filter"}\n`),
      packet("server-option\n"),
      packet(`object-format=${algorithm.name}\n`),
      FLUSH,
    ]);
  }
  const refs = advertisedRefs(source, options).filter((ref) =>
    service === "git-upload-pack" || ref.name !== "HEAD"
  );
  const head = refs.find((ref) => ref.name === "HEAD");
  const capabilities = service === "git-upload-pack"
    ? `multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed${
      options.stateless === false ? "" : " no-done"
    }${options.allow === undefined || options.allow.tips ? " allow-tip-sha1-in-want" : ""}${
      options.allow === undefined || options.allow.reachable ? " allow-reachable-sha1-in-want" : ""
    }${head?.symbolic === undefined ? "" : ` symref=HEAD:${head.symbolic}`}${
      options.filter === false ? "" : " filter"
    } object-format=${algorithm.name} agent=${AGENT}`
    : `report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=${algorithm.name} agent=${AGENT}`;
  const parts: Uint8Array[] = [];
  if (version === 1) parts.push(packet("version 1\n"));
  if (refs.length === 0) parts.push(packet(`${algorithm.zero} capabilities^{}\0${capabilities}\n`));
  refs.forEach((ref, i) => {
    parts.push(packet(`${ref.id} ${ref.name}${i === 0 ? `\0${capabilities}` : ""}\n`));
    if (ref.peeled !== undefined && service === "git-upload-pack") {
      parts.push(packet(`${ref.peeled} ${ref.name}^{}\n`));
    }
  });
  for (const id of shallowCommits(source.objects)) parts.push(packet(`shallow ${id}\n`));
  parts.push(FLUSH);
  return concatBytes(parts);
}

interface FetchRequest {
  wants: ObjectId[];
  haves: ObjectId[];
  shallow: ObjectId[];
  depth: number;
  relative: boolean;
  deepenSince: number | undefined;
  deepenNot: ByteString[];
  filter: ObjectFilter | undefined;
  done: boolean;
  capabilities: Set<string>;
}

function emptyRequest(): FetchRequest {
  return {
    wants: [],
    haves: [],
    shallow: [],
    depth: 0,
    relative: false,
    deepenSince: undefined,
    deepenNot: [],
    filter: undefined,
    done: false,
    capabilities: new Set(),
  };
}

function takeLine(
  request: FetchRequest,
  line: ByteString,
  hex: number,
  options: UploadPackOptions,
): boolean {
  const [word, argument = ""] = [line.split(" ", 1)[0]!, line.slice(line.indexOf(" ") + 1)];
  const id = argument.slice(0, hex);
  switch (word) {
    case "want":
      if (!isHex(id, hex)) throw new GitError("protocol", `expected an object id, got '${line}'`);
      request.wants.push(id);
      for (const capability of argument.slice(hex).trim().split(" ")) {
        if (capability !== "") request.capabilities.add(capability);
      }
      return true;
    case "have":
      if (!isHex(id, hex)) throw new GitError("protocol", `expected an object id, got '${line}'`);
      request.haves.push(id);
      return true;
    case "shallow":
      request.shallow.push(id);
      return true;
    case "deepen":
      request.depth = Number(argument);
      if (!(request.depth > 0)) throw new GitError("protocol", `invalid deepen: ${line}`);
      return true;
    case "deepen-relative":
      request.relative = true;
      return true;
    case "deepen-since":
      request.deepenSince = Number(argument);
      return true;
    case "deepen-not":
      request.deepenNot.push(argument);
      return true;
    case "filter":
      request.filter = parseFilter(argument);
      if (options.filter === false) {
        throw new GitError("protocol", `unexpected line: '${line}'`);
      }
      if (request.filter === undefined) {
        throw new GitError("protocol", `invalid filter-spec '${argument}'`);
      }
      return true;
    case "done":
      request.done = true;
      return true;
    default:
      if (line === "done") request.done = true;
      request.capabilities.add(line);
      return false;
  }
}

interface Boundary {
  /** Commits that become ends of the client's history. */
  shallow: ObjectId[];
  /** Commits that no longer are. */
  unshallow: ObjectId[];
}

/** Where a history of some depth ends; `undefined` when nothing about it changes. */
function shallowBoundary(source: UploadPackSource, request: FetchRequest): Boundary | undefined {
  const store = source.objects;
  const own = shallowCommits(store);
  let limit = request.depth > 0 ? request.depth : Infinity;
  const asked = request.depth > 0 || request.deepenSince !== undefined ||
    request.deepenNot.length > 0;
  if (!asked && own.size === 0) return undefined;
  const excluded = new Set<ObjectId>();
  for (const name of request.deepenNot) {
    const id = source.refs.id(name) ?? source.refs.id(`refs/heads/${name}`) ??
      source.refs.id(`refs/tags/${name}`);
    if (id === undefined) {
      throw new GitError("protocol", `git upload-pack: ambiguous deepen-not: ${name}`);
    }
    const tip = peelTo(store, id, "commit");
    const stack = tip === undefined ? [] : [tip];
    while (stack.length > 0) {
      const one = stack.pop()!;
      if (excluded.has(one)) continue;
      excluded.add(one);
      stack.push(...commitLinks(store, one).parents);
    }
  }
  const wanted = request.wants.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
    id !== undefined
  );
  let level = wanted;
  if (request.relative && request.depth > 0) {
    // Counted from where the client's history ends now.
    const client = new Set(request.shallow);
    const seen = new Set<ObjectId>();
    const stack = [...wanted];
    level = [];
    while (stack.length > 0) {
      const id = stack.pop()!;
      if (seen.has(id)) continue;
      seen.add(id);
      if (client.has(id)) level.push(id);
      else stack.push(...commitLinks(store, id).parents);
    }
    limit++;
  }
  const reached = new Set<ObjectId>();
  const shallow: ObjectId[] = [];
  const open = (id: ObjectId): boolean =>
    !excluded.has(id) &&
    (request.deepenSince === undefined || commitLinks(store, id).time >= request.deepenSince);
  if (request.deepenSince !== undefined || excluded.size > 0) {
    level = level.filter(open);
    if (level.length === 0) {
      throw new GitError("protocol", "no commits selected for shallow requests");
    }
  }
  for (let depth = 1; level.length > 0; depth++) {
    const next: ObjectId[] = [];
    for (const id of level) {
      if (reached.has(id)) continue;
      reached.add(id);
      const { parents } = commitLinks(store, id);
      const follow = parents.filter(open);
      if (
        own.has(id) || (parents.length > 0 && (depth >= limit || follow.length < parents.length))
      ) {
        shallow.push(id);
      }
      if (depth < limit) next.push(...follow);
    }
    level = next;
  }
  const ends = new Set(shallow);
  const known = new Set(request.shallow);
  return {
    shallow: shallow.filter((id) => !known.has(id)),
    unshallow: request.shallow.filter((id) => reached.has(id) && !ends.has(id)),
  };
}

function* packChunks(
  source: UploadPackSource,
  request: FetchRequest,
  boundary: Boundary | undefined,
  common: ObjectId[],
  options: UploadPackOptions,
): Generator<Uint8Array> {
  const store = source.objects;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const own = shallowCommits(store);
  const pending: Uint8Array[] = [];
  // History is walked as the client sees it: it ends where the client's ends now, and what lies
  // below ends that move is asked for by name.
  const below = (boundary?.unshallow ?? []).filter((id) => store.has(id)).flatMap((id) =>
    readCommit(store, id).parents.filter((parent) => store.has(parent))
  );
  setShallow(
    store,
    new Set([
      ...own,
      ...(boundary?.shallow ?? []),
      ...request.shallow.filter((id) => store.has(id)),
    ]),
  );
  try {
    const list: { id: ObjectId; path: ByteString }[] = [];
    for (
      const object of walkObjects(store, {
        include: [...request.wants, ...below].map((id) => ({ id })),
        exclude: [...common, ...(boundary?.unshallow ?? []).filter((id) => store.has(id))],
        filter: request.filter,
        ...signal,
      })
    ) list.push({ id: object.id, path: object.path });
    const chosen = new Set(list.map((object) => object.id));
    // What was asked for by id comes whatever the filter says.
    if (request.filter !== undefined) {
      for (const id of request.wants) if (!chosen.has(id)) list.push({ id, path: "" });
    }
    if (request.capabilities.has("include-tag")) {
      for (const ref of source.refs.list("refs/tags/")) {
        const peeled = ref.broken ? undefined : peelTo(store, ref.id, "any");
        if (peeled !== undefined && peeled !== ref.id && chosen.has(peeled)) {
          list.push({ id: ref.id, path: "" });
        }
      }
    }
    writePack(store, list, (data) => void pending.push(data), {
      window: list.length > 5000 ? 0 : 10,
      offsetDeltas: request.capabilities.has("ofs-delta"),
      compression: 1,
      ...signal,
    });
  } finally {
    setShallow(store, own);
  }
  yield* pending;
}

/** Whether every wanted commit has an ancestor that the client has. */
function enoughInCommon(
  store: ObjectStore,
  wants: readonly ObjectId[],
  common: readonly ObjectId[],
): boolean {
  const known = new Set(common);
  if (known.size === 0) return false;
  let oldest = Infinity;
  for (const id of known) {
    const commit = peelTo(store, id, "commit");
    if (commit !== undefined) oldest = Math.min(oldest, commitLinks(store, commit).time);
  }
  return wants.every((want) => {
    const start = peelTo(store, want, "commit");
    if (start === undefined) return true;
    const seen = new Set<ObjectId>();
    const stack = [start];
    while (stack.length > 0) {
      const id = stack.pop()!;
      if (known.has(id)) return true;
      if (seen.has(id)) continue;
      seen.add(id);
      const { parents, time } = commitLinks(store, id);
      if (time >= oldest) stack.push(...parents);
    }
    return false;
  });
}

function authorise(
  source: UploadPackSource,
  request: FetchRequest,
  options: UploadPackOptions,
  version: number,
): void {
  if (request.wants.length > (options.maxWants ?? 100_000)) {
    throw new GitError("limit", "too many wanted objects");
  }
  for (const id of request.wants) {
    if (!source.objects.has(id)) throw new GitError("protocol", `upload-pack: not our ref ${id}`);
  }
  const { allow } = options;
  if (allow === undefined ? options.hideRef === undefined : version === 2 || allow.any) return;
  const refs = advertisedRefs(source, allow?.tips ? {} : options);
  const shown = new Set(
    refs.flatMap((ref) => ref.peeled === undefined ? [ref.id] : [ref.id, ref.peeled]),
  );
  const rest = request.wants.filter((id) => !shown.has(id));
  if (rest.length === 0) return;
  if (allow?.reachable) {
    const reached = new Set<ObjectId>();
    for (const object of walkObjects(source.objects, { include: refs.map(({ id }) => ({ id })) })) {
      reached.add(object.id);
    }
    if (rest.every((id) => reached.has(id))) return;
  }
  throw new GitError("protocol", `upload-pack: not our ref ${rest[0]}`);
}

/** Answers one version 2 request (`ls-refs` or `fetch`); nothing when the client has hung up. */
export function* serveV2(
  source: UploadPackSource,
  input: Uint8Array | PacketSource,
  options: UploadPackOptions = {},
): Generator<Uint8Array> {
  const reader = input instanceof Uint8Array ? new PacketReader(input) : input;
  const hex = source.objects.algorithm.hexSize;
  let command = "";
  let line = reader.line();
  if (line === undefined || line === "flush") return;
  for (
    ;
    line !== undefined && line !== "delimiter" && line !== "flush";
    line = reader.line()
  ) {
    if (line.startsWith("command=")) command = line.slice(8);
    else if (line.startsWith("server-option=")) options.serverOption?.(line.slice(14));
    else if (line.startsWith("object-format=")) {
      if (line.slice(14) !== source.objects.algorithm.name) {
        throw new GitError(
          "protocol",
          `mismatched object format: server ${source.objects.algorithm.name}; client ${
            line.slice(14)
          }`,
        );
      }
    }
  }
  const more = line === "delimiter";
  const argument = (): ByteString | undefined => {
    const next = more ? reader.line() : undefined;
    return next === undefined || next === "flush" ? undefined : next;
  };
  if (command === "ls-refs") {
    const prefixes: ByteString[] = [];
    let symrefs = false, peel = false, unborn = false;
    for (let line = argument(); line !== undefined; line = argument()) {
      if (line === "symrefs") symrefs = true;
      else if (line === "peel") peel = true;
      else if (line === "unborn") unborn = true;
      else if (line.startsWith("ref-prefix ")) prefixes.push(line.slice(11));
    }
    const refs = advertisedRefs(source, options);
    if (unborn && !refs.some((ref) => ref.name === "HEAD")) {
      const head = source.refs.read("HEAD");
      if (head?.kind === "symbolic") {
        yield packet(`unborn HEAD${symrefs ? ` symref-target:${head.target}` : ""}\n`);
      }
    }
    for (const ref of refs) {
      if (prefixes.length > 0 && !prefixes.some((prefix) => ref.name.startsWith(prefix))) continue;
      yield packet(
        `${ref.id} ${ref.name}${
          symrefs && ref.symbolic !== undefined ? ` symref-target:${ref.symbolic}` : ""
        }${peel && ref.peeled !== undefined ? ` peeled:${ref.peeled}` : ""}\n`,
      );
    }
    yield FLUSH;
    return;
  }
  if (command !== "fetch") throw new GitError("protocol", `unknown command '${command}'`);
  const request = emptyRequest();
  for (let line = argument(); line !== undefined; line = argument()) {
    takeLine(request, line, hex, options);
  }
  authorise(source, request, options, 2);
  const common = request.haves.filter((id) => source.objects.has(id));
  if (!request.done) {
    if (request.haves.length > 0 || request.wants.length > 0) {
      yield packet("acknowledgments\n");
      if (common.length === 0) yield packet("NAK\n");
      for (const id of new Set(common)) yield packet(`ACK ${id}\n`);
      const ready = !request.capabilities.has("wait-for-done") &&
        enoughInCommon(source.objects, request.wants, common);
      if (!ready) {
        yield FLUSH;
        return;
      }
      yield packet("ready\n");
      yield DELIMITER;
    }
  }
  const boundary = shallowBoundary(source, request);
  if (boundary !== undefined) {
    yield packet("shallow-info\n");
    for (const id of boundary.shallow) yield packet(`shallow ${id}\n`);
    for (const id of boundary.unshallow) yield packet(`unshallow ${id}\n`);
    yield DELIMITER;
  }
  yield packet("packfile\n");
  yield* inBands(packChunks(source, request, boundary, common, options));
}

/** A pack in band 1; what fails once it has begun is said in band 3, where the client listens. */
function* inBands(chunks: Iterable<Uint8Array>, size?: number): Generator<Uint8Array> {
  try {
    for (const chunk of chunks) yield* sideBand(1, chunk, size);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    yield* sideBand(3, fromByteString(`fatal: ${error.message}\n`), size);
    return;
  }
  yield FLUSH;
}

/** Answers one version 0 or 1 request: all of it at once, or as a conversation. */
export function* serveV0(
  source: UploadPackSource,
  input: Uint8Array | PacketSource,
  options: UploadPackOptions = {},
): Generator<Uint8Array> {
  const reader = input instanceof Uint8Array ? new PacketReader(input) : input;
  const hex = source.objects.algorithm.hexSize;
  const request = emptyRequest();
  for (let line = reader.line(); line !== undefined && line !== "flush"; line = reader.line()) {
    takeLine(request, line, hex, options);
  }
  if (request.wants.length === 0) return;
  if (request.capabilities.has("deepen-relative")) request.relative = true;
  authorise(source, request, options, 0);
  const asked = request.depth > 0 || request.deepenSince !== undefined ||
    request.deepenNot.length > 0;
  const boundary = asked ? shallowBoundary(source, request) : undefined;
  if (boundary !== undefined) {
    for (const id of boundary.shallow) yield packet(`shallow ${id}`);
    for (const id of boundary.unshallow) yield packet(`unshallow ${id}`);
    yield FLUSH;
  }
  const detailed = request.capabilities.has("multi_ack_detailed");
  const multi = detailed || request.capabilities.has("multi_ack");
  const noDone = request.capabilities.has("no-done");
  let last: ObjectId | undefined;
  let ready = false;
  const common = new Set<ObjectId>();
  for (let line = reader.line(); line !== undefined; line = reader.line()) {
    if (line === "flush") {
      if (detailed && common.size > 0 && !ready) {
        if (enoughInCommon(source.objects, request.wants, [...common])) {
          ready = true;
          yield packet(`ACK ${last} ready\n`);
        }
      }
      if (common.size === 0 || multi) yield packet("NAK\n");
      if (noDone && ready) {
        request.done = true;
        break;
      }
      continue;
    }
    takeLine(request, line, hex, options);
    if (request.done) break;
    const id = request.haves.at(-1);
    if (id !== undefined && source.objects.has(id)) {
      const first = common.size === 0;
      common.add(id);
      last = id;
      if (detailed) yield packet(`ACK ${id} common\n`);
      else if (multi) yield packet(`ACK ${id} continue\n`);
      else if (first) yield packet(`ACK ${id}\n`);
    }
  }
  if (!request.done) return;
  if (last === undefined) yield packet("NAK\n");
  else if (multi) yield packet(`ACK ${last}\n`);
  const large = request.capabilities.has("side-band-64k");
  const band = large || request.capabilities.has("side-band");
  const chunks = packChunks(source, request, boundary, [...common], options);
  if (band) yield* inBands(chunks, large ? undefined : 999);
  else yield* chunks;
}

/** The text of an error as a packet. */
export function errorPacket(message: ByteString): Uint8Array {
  return packet(`ERR ${message}\n`);
}
