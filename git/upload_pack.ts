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
import { packChunks } from "./pack_writer.ts";
import { DELIMITER, FLUSH, packet, PacketReader, type PacketSource, sideBand } from "./pkt_line.ts";
import type { FileRefStore } from "./ref_store.ts";
import { thinBases } from "./thin_bases.ts";
import { type ObjectFilter, parseFilter, walkObjects } from "./rev_list.ts";

/** What is served. */
export interface UploadPackSource {
  /** Its objects. */
  readonly objects: ObjectStore;
  /** Its refs. */
  readonly refs: Pick<FileRefStore, "id" | "list" | "read">;
}

/** Options of the serving side. */
export interface UploadPackOptions {
  /** Refs that are not shown and cannot be fetched. */
  hideRef?: (name: ByteString) => boolean;
  /** Most wanted objects in one request. Default 100,000. */
  maxWants?: number;
  /** Most lines (haves, shallow ends and the like) in one request. Default 1,000,000. */
  maxLines?: number;
  /** Offer partial clones. Default true. */
  filter?: boolean;
  /** Says why a filter is not served, by its text; `undefined` serves it. */
  refuseFilter?: (spec: ByteString) => string | undefined;
  /** In version 2, let clients ask for refs by name (`uploadpack.allowRefInWant`). Default false. */
  refInWant?: boolean;
  /** In version 2, tell where an unborn `HEAD` leads. Default true. */
  unborn?: boolean;
  /** Each request comes on a connection of its own (HTTP). Default true. */
  stateless?: boolean;
  /** In versions 0 and 1, which objects may be asked for beside the refs shown. Default all. */
  allow?: { tips: boolean; reachable: boolean; any: boolean };
  /** In version 2 too, only what shown refs reach may be asked for. Default false. */
  strictWants?: boolean;
  /** Capabilities of push that settings turn on or off. */
  push?: { atomic: boolean; options: boolean };
  /** While a pack is being prepared, a sign of life is sent this often (milliseconds). Default 5,000; 0 for never. */
  keepAliveMs?: number;
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

/** Which refs {@linkcode advertisedRefs} gives and what of them. */
interface RefSelection {
  matches?: (name: ByteString) => boolean;
  /** Find what tags lead to. Default true. */
  peel?: boolean;
}

/** Refs as a client sees them, `HEAD` first. */
export function advertisedRefs(
  source: UploadPackSource,
  options: UploadPackOptions = {},
  selection: RefSelection = {},
): Advertised[] {
  const out: Advertised[] = [];
  const { matches = (): boolean => true } = selection;
  const head = matches("HEAD") ? source.refs.id("HEAD") : undefined;
  if (head !== undefined && !options.hideRef?.("HEAD")) {
    const value = source.refs.read("HEAD");
    out.push({
      name: "HEAD",
      id: head,
      peeled: undefined,
      symbolic: value?.kind === "symbolic" ? value.target : undefined,
    });
  }
  for (const ref of source.refs.list()) {
    if (ref.broken || !matches(ref.name) || options.hideRef?.(ref.name)) continue;
    const peeled = selection.peel === false
      ? undefined
      : ref.peeled ?? peelTo(source.objects, ref.id, "any");
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
      packet(`ls-refs${options.unborn === false ? "" : "=unborn"}\n`),
      packet(
        `fetch=shallow wait-for-done${options.filter === false ? "" : " filter"}${
          options.refInWant ? " ref-in-want" : ""
        }\n`,
      ),
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
    : `report-status delete-refs side-band-64k quiet${
      options.push?.atomic === false ? "" : " atomic"
    } ofs-delta${
      options.push?.options ? " push-options" : ""
    } object-format=${algorithm.name} agent=${AGENT}`;
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
  /** How many lines it has so far. */
  lines: number;
  wants: ObjectId[];
  wantedRefs: { name: ByteString; id: ObjectId }[];
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
    lines: 0,
    wants: [],
    wantedRefs: [],
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

/** Most wanted objects unless the options say otherwise. */
const MAX_WANTS = 100_000;
/** Most lines of a request unless the options say otherwise. */
const MAX_LINES = 1_000_000;
/** More prefixes than this are as good as none. */
const MAX_PREFIXES = 65_536;

function wholeNumber(text: ByteString): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function takeLine(
  request: FetchRequest,
  line: ByteString,
  hex: number,
  options: UploadPackOptions,
): boolean {
  const [word, argument = ""] = [line.split(" ", 1)[0]!, line.slice(line.indexOf(" ") + 1)];
  const id = argument.slice(0, hex);
  if (++request.lines > (options.maxLines ?? MAX_LINES)) {
    throw new GitError("limit", "request has too many lines");
  }
  switch (word) {
    case "want":
      if (!isHex(id, hex)) throw new GitError("protocol", `expected an object id, got '${line}'`);
      if (request.wants.length >= (options.maxWants ?? MAX_WANTS)) {
        throw new GitError("limit", "too many wanted objects");
      }
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
      if (!isHex(id, hex)) throw new GitError("protocol", `invalid shallow line: ${line}`);
      request.shallow.push(id);
      return true;
    case "deepen":
      request.depth = wholeNumber(argument) ?? 0;
      if (!(request.depth > 0)) throw new GitError("protocol", `invalid deepen: ${line}`);
      return true;
    case "deepen-relative":
      request.relative = true;
      return true;
    case "deepen-since":
      request.deepenSince = wholeNumber(argument);
      if (request.deepenSince === undefined) {
        throw new GitError("protocol", `invalid deepen-since: ${line}`);
      }
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
      {
        const refused = options.refuseFilter?.(argument);
        if (refused !== undefined) throw new GitError("refused", refused);
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

const NOTHING = new Uint8Array(0);
/** The list of objects is made in steps of this many, so that whoever waits can do other work. */
const STEP = 256;

/** The pack that a request asks for; texts are for the user. An empty chunk says that work goes on. */
function* answerPack(
  source: UploadPackSource,
  request: FetchRequest,
  boundary: Boundary | undefined,
  common: ObjectId[],
  options: UploadPackOptions,
): Generator<Uint8Array | string> {
  const store = source.objects;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const own = shallowCommits(store);
  const talks = !request.capabilities.has("no-progress");
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
    const commits: ObjectId[] = [];
    for (
      const object of walkObjects(store, {
        include: [...request.wants, ...below].map((id) => ({ id })),
        exclude: [...common, ...(boundary?.unshallow ?? []).filter((id) => store.has(id))],
        filter: request.filter,
        ...signal,
      })
    ) {
      if (object.type === "commit") commits.push(object.id);
      list.push({ id: object.id, path: object.path });
      if (list.length % STEP === 0) yield NOTHING;
    }
    const chosen = new Set(list.map((object) => object.id));
    // What was asked for by id comes whatever the filter says.
    if (request.filter !== undefined) {
      for (const id of request.wants) if (!chosen.has(id)) list.push({ id, path: "" });
    }
    if (request.capabilities.has("include-tag")) {
      for (const ref of source.refs.list("refs/tags/")) {
        if (ref.broken || chosen.has(ref.id) || options.hideRef?.(ref.name)) continue;
        const peeled = ref.peeled ?? peelTo(store, ref.id, "any");
        if (peeled !== undefined && peeled !== ref.id && chosen.has(peeled)) {
          list.push({ id: ref.id, path: "" });
        }
      }
    }
    if (talks) yield `Enumerating objects: ${list.length}, done.\n`;
    const thin = request.capabilities.has("thin-pack") && common.length > 0
      ? thinBases(store, commits, chosen, list)
      : undefined;
    const summary = yield* packChunks(store, list, {
      offsetDeltas: request.capabilities.has("ofs-delta"),
      ...(thin === undefined
        ? {}
        : { receiverHas: (id: ObjectId) => thin.has(id), boundary: thin.boundary }),
      ...signal,
    });
    if (talks) {
      yield `Total ${summary.count} (delta ${summary.deltas}), reused ${summary.reused} (delta ${summary.reusedDeltas}), pack-reused 0\n`;
    }
  } finally {
    setShallow(store, own);
  }
}

/** Whether every wanted commit has an ancestor that the client has. Each commit is visited once. */
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
  const reaches = new Map<ObjectId, boolean>();
  for (const want of wants) {
    const start = peelTo(store, want, "commit");
    if (start === undefined) continue;
    const path: { id: ObjectId; parents: readonly ObjectId[]; next: number }[] = [];
    let found = false;
    const enter = (id: ObjectId): void => {
      const before = reaches.get(id);
      if (before === true || known.has(id)) found = true;
      if (before !== undefined || found) return;
      reaches.set(id, false);
      const { parents, time } = commitLinks(store, id);
      path.push({ id, parents: time >= oldest ? parents : [], next: 0 });
    };
    enter(start);
    while (path.length > 0 && !found) {
      const top = path[path.length - 1]!;
      if (top.next === top.parents.length) path.pop();
      else enter(top.parents[top.next++]!);
    }
    if (!found) return false;
    for (const { id } of path) reaches.set(id, true);
  }
  return true;
}

function authorise(
  source: UploadPackSource,
  request: FetchRequest,
  options: UploadPackOptions,
  version: number,
): void {
  for (const id of request.wants) {
    if (!source.objects.has(id)) throw new GitError("protocol", `upload-pack: not our ref ${id}`);
  }
  const { allow, strictWants = false } = options;
  const free = version === 2 || allow === undefined || allow.any;
  if (free && !strictWants) return;
  const refs = advertisedRefs(source, allow?.tips && !strictWants ? {} : options);
  const shown = new Set(
    refs.flatMap((ref) => ref.peeled === undefined ? [ref.id] : [ref.id, ref.peeled]),
  );
  const rest = request.wants.filter((id) => !shown.has(id));
  if (rest.length === 0) return;
  if (free || allow?.reachable) {
    const missing = new Set(rest);
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const include = refs.map(({ id }) => ({ id }));
    for (const object of walkObjects(source.objects, { include, ...signal })) {
      if (missing.delete(object.id) && missing.size === 0) return;
    }
  }
  throw new GitError("protocol", `upload-pack: not our ref ${rest[0]}`);
}

/** A test for names that start with one of some prefixes; its cost does not grow with their number. */
function prefixTest(prefixes: readonly ByteString[]): (name: ByteString) => boolean {
  const all = new Set(prefixes);
  const lengths = [...new Set(prefixes.map((prefix) => prefix.length))].sort((a, b) => a - b);
  return (name) => {
    for (const length of lengths) {
      if (length > name.length) return false;
      if (all.has(name.slice(0, length))) return true;
    }
    return false;
  };
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
      else if (line.startsWith("ref-prefix ") && prefixes.length < MAX_PREFIXES) {
        prefixes.push(line.slice(11));
      }
    }
    const refs = advertisedRefs(source, options, {
      peel,
      ...(prefixes.length === 0 || prefixes.length >= MAX_PREFIXES
        ? {}
        : { matches: prefixTest(prefixes) }),
    });
    if (unborn && options.unborn !== false && source.refs.id("HEAD") === undefined) {
      const head = source.refs.read("HEAD");
      if (head?.kind === "symbolic" && !options.hideRef?.(head.target)) {
        yield packet(`unborn HEAD${symrefs ? ` symref-target:${head.target}` : ""}\n`);
      }
    }
    for (const ref of refs) {
      yield packet(
        `${ref.id} ${ref.name}${
          symrefs && ref.symbolic !== undefined ? ` symref-target:${ref.symbolic}` : ""
        }${ref.peeled === undefined ? "" : ` peeled:${ref.peeled}`}\n`,
      );
    }
    yield FLUSH;
    return;
  }
  if (command !== "fetch") throw new GitError("protocol", `unknown command '${command}'`);
  const request = emptyRequest();
  for (let line = argument(); line !== undefined; line = argument()) {
    if (options.refInWant && line.startsWith("want-ref ")) {
      const name = line.slice(9);
      const id = options.hideRef?.(name) ? undefined : source.refs.id(name);
      if (id === undefined) throw new GitError("protocol", `unknown ref ${name}`);
      takeLine(request, `want ${id}`, hex, options);
      request.wantedRefs.push({ name, id });
    } else takeLine(request, line, hex, options);
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
  if (request.wantedRefs.length > 0) {
    yield packet("wanted-refs\n");
    for (const { name, id } of request.wantedRefs) yield packet(`${id} ${name}\n`);
    yield DELIMITER;
  }
  yield packet("packfile\n");
  yield* inBands(answerPack(source, request, boundary, common, options), options);
}

/**
 * A pack in band 1 and what is said to the user, texts, in band 2. What fails once it has begun is
 * said in band 3, where the client listens. Empty chunks pass: they say that work goes on.
 */
function* inBands(
  chunks: Iterable<Uint8Array | string>,
  options: UploadPackOptions,
  size?: number,
): Generator<Uint8Array> {
  const interval = options.keepAliveMs ?? 5000;
  let last = Date.now();
  try {
    for (const chunk of chunks) {
      if (chunk.length > 0) {
        last = Date.now();
        if (typeof chunk === "string") yield* sideBand(2, fromByteString(chunk), size);
        else yield* sideBand(1, chunk, size);
      } else if (interval > 0 && Date.now() - last >= interval) {
        last = Date.now();
        yield packet("\x01");
      } else yield NOTHING;
    }
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
  const chunks = answerPack(source, request, boundary, [...common], options);
  if (band) yield* inBands(chunks, options, large ? undefined : 994);
  else for (const chunk of chunks) if (typeof chunk !== "string") yield chunk;
}

/** The text of an error as a packet. */
export function errorPacket(message: ByteString): Uint8Array {
  return packet(`ERR ${message}\n`);
}
