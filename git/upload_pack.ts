/**
 * The serving side of fetch: protocol versions 0, 1 and 2 over one request at a time
 * (gitprotocol-pack, gitprotocol-v2).
 *
 * @module
 */
import { type ByteString, concatBytes } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks, overrideParents } from "./merge_base.ts";
import { isHex } from "./objects.ts";
import { type ObjectStore, peelTo } from "./object_store.ts";
import { writePack } from "./pack_writer.ts";
import { DELIMITER, FLUSH, packet, PacketReader, sideBand } from "./pkt_line.ts";
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
      packet("fetch=shallow filter wait-for-done\n"),
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
    ? `multi_ack_detailed multi_ack no-done side-band side-band-64k thin-pack no-progress include-tag ofs-delta shallow deepen-since deepen-not filter allow-tip-sha1-in-want${
      head?.symbolic === undefined ? "" : ` symref=HEAD:${head.symbolic}`
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
  parts.push(FLUSH);
  return concatBytes(parts);
}

interface FetchRequest {
  wants: ObjectId[];
  haves: ObjectId[];
  shallow: ObjectId[];
  depth: number;
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
    deepenSince: undefined,
    deepenNot: [],
    filter: undefined,
    done: false,
    capabilities: new Set(),
  };
}

function takeLine(request: FetchRequest, line: ByteString, hex: number): boolean {
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
    case "deepen-since":
      request.deepenSince = Number(argument);
      return true;
    case "deepen-not":
      request.deepenNot.push(argument);
      return true;
    case "filter":
      request.filter = parseFilter(argument);
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

/** Commits at which a history of some depth ends, and those that are no longer ends. */
function shallowBoundary(
  source: UploadPackSource,
  request: FetchRequest,
): { shallow: ObjectId[]; unshallow: ObjectId[]; include: Set<ObjectId> } | undefined {
  if (request.depth === 0 && request.deepenSince === undefined && request.deepenNot.length === 0) {
    return undefined;
  }
  const store = source.objects;
  const excluded = new Set<ObjectId>();
  for (const name of request.deepenNot) {
    const id = source.refs.id(name) ?? source.refs.id(`refs/heads/${name}`) ??
      source.refs.id(`refs/tags/${name}`);
    const stack = id === undefined ? [] : [peelTo(store, id, "commit")!];
    while (stack.length > 0) {
      const one = stack.pop()!;
      if (excluded.has(one)) continue;
      excluded.add(one);
      stack.push(...commitLinks(store, one).parents);
    }
  }
  const depthOf = new Map<ObjectId, number>();
  const shallow: ObjectId[] = [];
  let level = request.wants.map((id) => peelTo(store, id, "commit")).filter((id): id is string =>
    id !== undefined
  );
  const limit = request.depth > 0 ? request.depth : Infinity;
  for (let depth = 1; level.length > 0; depth++) {
    const next: ObjectId[] = [];
    for (const id of level) {
      if (depthOf.has(id)) continue;
      depthOf.set(id, depth);
      const { parents } = commitLinks(store, id);
      const follow = parents.filter((parent) =>
        !excluded.has(parent) &&
        (request.deepenSince === undefined ||
          commitLinks(store, parent).time >= request.deepenSince)
      );
      if (parents.length > 0 && (depth >= limit || follow.length < parents.length)) {
        shallow.push(id);
      } else next.push(...follow);
    }
    level = next;
  }
  const ends = new Set(shallow);
  return {
    shallow: shallow.filter((id) => !request.shallow.includes(id)),
    unshallow: request.shallow.filter((id) => depthOf.has(id) && !ends.has(id)),
    include: new Set(depthOf.keys()),
  };
}

function* packChunks(
  source: UploadPackSource,
  request: FetchRequest,
  boundary: ReturnType<typeof shallowBoundary>,
  common: ObjectId[],
  options: UploadPackOptions,
): Generator<Uint8Array> {
  const store = source.objects;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  if (boundary !== undefined) {
    for (const id of [...boundary.shallow]) overrideParents(store, id, []);
  }
  for (const id of request.shallow) {
    if (store.has(id) && !boundary?.unshallow.includes(id)) overrideParents(store, id, []);
  }
  const list: { id: ObjectId; path: ByteString }[] = [];
  for (
    const object of walkObjects(store, {
      include: request.wants.map((id) => ({ id })),
      exclude: boundary !== undefined && boundary.unshallow.length > 0 ? [] : common,
      filter: request.filter,
      ...signal,
    })
  ) list.push({ id: object.id, path: object.path });
  if (request.capabilities.has("include-tag")) {
    const chosen = new Set(list.map((object) => object.id));
    for (const ref of source.refs.list("refs/tags/")) {
      const peeled = ref.broken ? undefined : peelTo(store, ref.id, "any");
      if (peeled !== undefined && peeled !== ref.id && chosen.has(peeled)) {
        list.push({ id: ref.id, path: "" });
      }
    }
  }
  const pending: Uint8Array[] = [];
  writePack(store, list, (data) => void pending.push(data), {
    window: list.length > 5000 ? 0 : 10,
    offsetDeltas: request.capabilities.has("ofs-delta"),
    compression: 1,
    ...signal,
  });
  yield* pending;
}

function authorise(
  source: UploadPackSource,
  request: FetchRequest,
  options: UploadPackOptions,
): void {
  if (request.wants.length > (options.maxWants ?? 100_000)) {
    throw new GitError("limit", "too many wanted objects");
  }
  if (options.hideRef === undefined) {
    for (const id of request.wants) {
      if (!source.objects.has(id)) {
        throw new GitError("protocol", `upload-pack: not our ref ${id}`);
      }
    }
    return;
  }
  const shown = new Set(
    advertisedRefs(source, options).flatMap((ref) =>
      ref.peeled === undefined ? [ref.id] : [ref.id, ref.peeled]
    ),
  );
  for (const id of request.wants) {
    if (!shown.has(id)) throw new GitError("protocol", `upload-pack: not our ref ${id}`);
  }
}

/** Answers one version 2 request (`ls-refs` or `fetch`). */
export function* serveV2(
  source: UploadPackSource,
  body: Uint8Array,
  options: UploadPackOptions = {},
): Generator<Uint8Array> {
  const reader = new PacketReader(body);
  const hex = source.objects.algorithm.hexSize;
  let command = "";
  for (
    let line = reader.line();
    line !== undefined && line !== "delimiter" && line !== "flush";
    line = reader.line()
  ) {
    if (line.startsWith("command=")) command = line.slice(8);
  }
  if (command === "ls-refs") {
    const prefixes: ByteString[] = [];
    let symrefs = false, peel = false, unborn = false;
    for (let line = reader.line(); line !== undefined && line !== "flush"; line = reader.line()) {
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
  for (let line = reader.line(); line !== undefined && line !== "flush"; line = reader.line()) {
    takeLine(request, line, hex);
  }
  authorise(source, request, options);
  const common = request.haves.filter((id) => source.objects.has(id));
  if (!request.done) {
    yield packet("acknowledgments\n");
    if (common.length === 0) yield packet("NAK\n");
    for (const id of common) yield packet(`ACK ${id}\n`);
    const ready = common.length > 0 && !request.capabilities.has("wait-for-done");
    if (!ready) {
      yield FLUSH;
      return;
    }
    yield packet("ready\n");
    yield DELIMITER;
  }
  const boundary = shallowBoundary(source, request);
  if (boundary !== undefined) {
    yield packet("shallow-info\n");
    for (const id of boundary.shallow) yield packet(`shallow ${id}\n`);
    for (const id of boundary.unshallow) yield packet(`unshallow ${id}\n`);
    yield DELIMITER;
  }
  yield packet("packfile\n");
  for (const chunk of packChunks(source, request, boundary, common, options)) {
    yield* sideBand(1, chunk);
  }
  yield FLUSH;
}

/** Answers one version 0 or 1 request of the stateless protocol. */
export function* serveV0(
  source: UploadPackSource,
  body: Uint8Array,
  options: UploadPackOptions = {},
): Generator<Uint8Array> {
  const reader = new PacketReader(body);
  const hex = source.objects.algorithm.hexSize;
  const request = emptyRequest();
  for (let line = reader.line(); line !== undefined && line !== "flush"; line = reader.line()) {
    takeLine(request, line, hex);
  }
  if (request.wants.length === 0) return;
  authorise(source, request, options);
  const boundary = shallowBoundary(source, request);
  if (boundary !== undefined) {
    for (const id of boundary.shallow) yield packet(`shallow ${id}`);
    for (const id of boundary.unshallow) yield packet(`unshallow ${id}`);
    yield FLUSH;
  }
  const detailed = request.capabilities.has("multi_ack_detailed");
  let last: ObjectId | undefined;
  const common: ObjectId[] = [];
  for (let line = reader.line(); line !== undefined; line = reader.line()) {
    if (line === "flush") {
      if (detailed && common.length > 0) yield packet(`ACK ${last} ready\n`);
      yield packet("NAK\n");
      continue;
    }
    takeLine(request, line, hex);
    if (request.done) break;
    const id = request.haves.at(-1);
    if (id !== undefined && source.objects.has(id) && !common.includes(id)) {
      common.push(id);
      last = id;
      if (detailed) yield packet(`ACK ${id} common\n`);
      else if (request.capabilities.has("multi_ack")) yield packet(`ACK ${id} continue\n`);
      else if (common.length === 1) yield packet(`ACK ${id}\n`);
    }
  }
  if (!request.done) return;
  if (last === undefined) yield packet("NAK\n");
  else if (detailed || request.capabilities.has("multi_ack")) yield packet(`ACK ${last}\n`);
  const band = request.capabilities.has("side-band-64k") || request.capabilities.has("side-band");
  for (const chunk of packChunks(source, request, boundary, common, options)) {
    if (band) yield* sideBand(1, chunk);
    else yield chunk;
  }
  if (band) yield FLUSH;
}

/** The text of an error as a packet. */
export function errorPacket(message: ByteString): Uint8Array {
  return packet(`ERR ${message}\n`);
}
