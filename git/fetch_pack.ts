/**
 * The client of fetch: protocol versions 0, 1 and 2 (gitprotocol-pack, gitprotocol-v2).
 *
 * @module
 */
import { type ByteString, concatBytes, toByteString } from "./_bytes.ts";
import { findUnconnected } from "./connectivity.ts";
import { GitError } from "./errors.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { setShallow } from "./merge_base.ts";
import { makeNegotiator, type NegotiationAlgorithm, type Negotiator } from "./negotiator.ts";
import { isHex } from "./objects.ts";
import { peelTo } from "./object_store.ts";
import { PackReceiver, type ReceivedPack } from "./pack_receiver.ts";
import type { PacketStream } from "./packet_stream.ts";
import { DELIMITER, FLUSH, packet } from "./pkt_line.ts";
import type { Repository } from "./repository.ts";
import { readShallow, writeShallow } from "./shallow.ts";
import type { Transport } from "./transport.ts";
import { AGENT } from "./upload_pack.ts";

/** A ref of another repository. */
export interface RemoteRef {
  /** Full name. */
  readonly name: ByteString;
  /** What it points at; `undefined` for an unborn `HEAD`. */
  readonly id: ObjectId | undefined;
  /** What an annotated tag leads to. */
  readonly peeled?: ObjectId | undefined;
  /** Target of a symbolic ref. */
  readonly symbolic?: ByteString | undefined;
}

/** Depth that stands for all of history. */
export const INFINITE_DEPTH = 0x7fffffff;

/** What to fetch. */
export interface FetchRequest {
  /** Objects that are wanted. */
  wants: readonly ObjectId[];
  /** History to this many commits from each tip. */
  depth?: number | undefined;
  /** The depth counts from where history ends now. */
  relative?: boolean;
  /** Only commits since this time (seconds). */
  since?: number | undefined;
  /** Leave out what these remote refs reach. */
  not?: readonly ByteString[];
  /** Partial clone filter. */
  filter?: ByteString | undefined;
  /** Tags come along with what they point at. */
  includeTags?: boolean;
  /** Nothing is here yet, so nothing needs to be compared. */
  cloning?: boolean;
  /** Ids of our own refs that start the comparison; default all refs. */
  haveTips?: readonly ObjectId[] | undefined;
  /** Refs of the other side; what of them is here needs no asking. */
  remoteRefs?: readonly RemoteRef[];
  /** Do not compare histories at all. */
  noNegotiation?: boolean;
  /** How the commits to compare are chosen. Default "consecutive". */
  negotiation?: NegotiationAlgorithm;
  /** Take the shallow ends of the other side. */
  updateShallow?: boolean;
  /** Refuse malformed objects. */
  strict?: boolean;
  /** Packs with fewer objects become loose objects. */
  unpackLimit?: number;
  /** Ask the other side not to report progress. */
  quiet?: boolean;
  /** Called with what the other side says to the user. */
  remoteMessage?: (text: ByteString) => void;
  /** Called with how many objects of the pack are indexed. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** What a fetch brought. */
export interface FetchResult {
  /** The pack, or `undefined` when nothing came. */
  readonly pack: ReceivedPack | undefined;
  /** Whether the other side left out what the filter says. */
  readonly filtered: boolean;
  /** Whether ends of history moved. */
  readonly shallowChanged: boolean;
}

/** Options of {@linkcode FetchSession.open}. */
export interface SessionOptions {
  /** Protocol version to ask for. Default 2. */
  version?: number;
  /** Options for the server (version 2). */
  serverOptions?: readonly ByteString[];
  /** Most refs that the other side may show. Default 5,000,000. */
  maxRefs?: number;
}

/** A conversation with the serving side of fetch. */
export class FetchSession {
  /** The connection. */
  readonly transport: Transport;
  /** The version that the other side speaks. */
  readonly version: number;
  /** What it can do: name and value. */
  readonly capabilities: ReadonlyMap<string, ByteString>;
  /** Shallow ends of the other side (versions 0 and 1). */
  readonly #remoteShallow: readonly ObjectId[];
  readonly #refs: readonly RemoteRef[] | undefined;
  readonly #serverOptions: readonly ByteString[];
  readonly #maxRefs: number;

  private constructor(
    transport: Transport,
    version: number,
    capabilities: ReadonlyMap<string, ByteString>,
    refs: readonly RemoteRef[] | undefined,
    shallow: readonly ObjectId[],
    options: SessionOptions,
  ) {
    this.transport = transport;
    this.version = version;
    this.capabilities = capabilities;
    this.#refs = refs;
    this.#remoteShallow = shallow;
    this.#serverOptions = options.serverOptions ?? [];
    this.#maxRefs = options.maxRefs ?? MAX_REFS;
  }

  /** The name of the hash that the other side uses. */
  get objectFormat(): string {
    return this.capabilities.get("object-format") ?? "sha1";
  }

  /** Connects. Throws `GitError`. */
  static async open(transport: Transport, options: SessionOptions = {}): Promise<FetchSession> {
    const stream = await transport.open("git-upload-pack", options.version ?? 2);
    try {
      return await FetchSession.#begin(transport, stream, options);
    } finally {
      if (transport.stateless) await stream.close();
    }
  }

  static async #begin(
    transport: Transport,
    stream: PacketStream,
    options: SessionOptions,
  ): Promise<FetchSession> {
    const capabilities = new Map<string, ByteString>();
    let line = await stream.line();
    if (line === "version 2") {
      for (
        line = await stream.line();
        line !== undefined && line !== "flush";
        line = await stream.line()
      ) {
        if (capabilities.size >= MAX_CAPABILITIES) {
          throw new GitError("limit", "the remote end has too many capabilities");
        }
        const equals = line.indexOf("=");
        capabilities.set(
          equals < 0 ? line : line.slice(0, equals),
          equals < 0 ? "" : line.slice(equals + 1),
        );
      }
      return new FetchSession(
        transport,
        2,
        capabilities,
        undefined,
        [],
        options,
      );
    }
    let version = 0;
    if (line === "version 1") {
      version = 1;
      line = await stream.line();
    }
    if ((options.serverOptions?.length ?? 0) > 0) {
      throw new GitError(
        "protocol",
        "see protocol.version in 'git help config' for more details\nfatal: server options require protocol version 2 or later",
      );
    }
    const parsed = await readAdvertisement(stream, line, capabilities, options.maxRefs);
    return new FetchSession(transport, version, capabilities, parsed.refs, parsed.shallow, {});
  }

  /** Whether a feature of the `fetch` command (version 2) or capability is there. */
  supports(feature: string): boolean {
    return this.version === 2
      ? (this.capabilities.get("fetch") ?? "").split(" ").includes(feature)
      : this.capabilities.has(feature);
  }

  #commandHead(command: string): Uint8Array[] {
    const out = [packet(`command=${command}`), packet(`agent=${AGENT}`)];
    if (this.capabilities.has("object-format")) {
      out.push(packet(`object-format=${this.objectFormat}`));
    }
    if (this.capabilities.has("server-option")) {
      for (const option of this.#serverOptions) out.push(packet(`server-option=${option}`));
    } else if (this.#serverOptions.length > 0) {
      throw new GitError("protocol", "server doesn't support 'server-option'");
    }
    out.push(DELIMITER);
    return out;
  }

  /** Refs of the other side whose names start with one of some prefixes; all without any. */
  async listRefs(prefixes: readonly ByteString[] = []): Promise<RemoteRef[]> {
    if (this.#refs !== undefined) {
      return prefixes.length === 0
        ? [...this.#refs]
        : this.#refs.filter((ref) => prefixes.some((prefix) => ref.name.startsWith(prefix)));
    }
    const parts = this.#commandHead("ls-refs");
    parts.push(packet("peel\n"), packet("symrefs\n"));
    if ((this.capabilities.get("ls-refs") ?? "").split(" ").includes("unborn")) {
      parts.push(packet("unborn\n"));
    }
    // Many prefixes are worse than none.
    if (prefixes.length < 65536) {
      for (const prefix of new Set(prefixes)) parts.push(packet(`ref-prefix ${prefix}\n`));
    }
    parts.push(FLUSH);
    const stream = await this.transport.request("git-upload-pack", concatBytes(parts));
    try {
      return await readRefs(stream, this.#maxRefs);
    } finally {
      if (this.transport.stateless) await stream.close();
    }
  }

  /** Fetches objects into a repository; refs are left alone. Throws `GitError`. */
  async fetch(repository: Repository, request: FetchRequest): Promise<FetchResult> {
    if (this.objectFormat !== repository.algorithm.name) {
      throw new GitError(
        "protocol",
        `mismatched algorithms: client ${repository.algorithm.name}; server ${this.objectFormat}`,
      );
    }
    const deepen = (request.depth ?? 0) > 0 || request.since !== undefined ||
      (request.not?.length ?? 0) > 0;
    if (deepen && !this.supports("shallow")) {
      throw new GitError("protocol", "Server does not support shallow clients");
    }
    if (this.version !== 2) {
      if (request.since !== undefined && !this.supports("deepen-since")) {
        throw new GitError("protocol", "Server does not support --shallow-since");
      }
      if ((request.not?.length ?? 0) > 0 && !this.supports("deepen-not")) {
        throw new GitError("protocol", "Server does not support --shallow-exclude");
      }
      if (request.relative && !this.supports("deepen-relative")) {
        throw new GitError("protocol", "Server does not support --deepen");
      }
    }
    const filtered = request.filter !== undefined && this.supports("filter");
    if (request.filter !== undefined && !filtered) {
      request.remoteMessage?.("warning: filtering not recognized by server, ignoring\n");
    }
    const negotiator = this.#startNegotiation(repository, request);
    const own = readShallow(repository.paths.commonDir);
    const state: FetchState = {
      repository,
      request,
      negotiator,
      own,
      filtered,
      shallow: [],
      unshallow: [],
    };
    const pack = this.version === 2 ? await this.#fetchV2(state) : await this.#fetchV0(state);
    for (const id of request.wants) {
      if (!repository.objects.hasLocally(id)) {
        throw new GitError("protocol", `remote did not send all necessary objects: ${id}`);
      }
    }
    const changed = this.#applyShallow(state, deepen);
    return { pack, filtered, shallowChanged: changed };
  }

  /**
   * Finds commits that both sides have, and fetches nothing (`--negotiate-only`, `push.negotiate`).
   * Throws `GitError` ("protocol") where the other side cannot do that.
   */
  async negotiate(repository: Repository, request: FetchRequest): Promise<ObjectId[]> {
    if (this.version !== 2 || !this.supports("wait-for-done")) {
      throw new GitError("protocol", "server does not support wait-for-done");
    }
    const negotiator = this.#startNegotiation(repository, request);
    const common = new Set<ObjectId>();
    for (let batch = 16;; batch *= 2) {
      request.signal?.throwIfAborted();
      const parts = this.#commandHead("fetch");
      parts.push(packet("wait-for-done"));
      for (const id of common) parts.push(packet(`have ${id}\n`));
      let haves = 0;
      for (; haves < batch; haves++) {
        const id = negotiator.next();
        if (id === undefined) break;
        parts.push(packet(`have ${id}\n`));
      }
      if (haves === 0) return [...common];
      parts.push(FLUSH);
      await using guard = new StreamGuard(this.transport);
      const stream = guard.hold(
        await this.transport.request("git-upload-pack", concatBytes(parts)),
      );
      const section = await stream.line();
      if (section !== "acknowledgments") {
        throw new GitError("protocol", `expected 'acknowledgments', received '${String(section)}'`);
      }
      for (
        let line = await stream.line();
        line !== undefined && line !== "flush" && line !== "delimiter";
        line = await stream.line()
      ) {
        if (line.startsWith("ACK ")) {
          const id = line.slice(4);
          if (!isHex(id, repository.algorithm.hexSize)) {
            throw new GitError("protocol", `unexpected acknowledgment line: '${line}'`);
          }
          negotiator.acknowledge(id);
          common.add(id);
        } else if (line !== "NAK" && line !== "ready") {
          throw new GitError("protocol", `unexpected acknowledgment line: '${line}'`);
        }
      }
    }
  }

  #startNegotiation(repository: Repository, request: FetchRequest): Negotiator {
    const store = repository.objects;
    const plain = request.cloning || request.noNegotiation;
    const negotiator = makeNegotiator(store, plain ? "noop" : request.negotiation);
    if (plain || request.negotiation === "noop") return negotiator;
    const deepen = (request.depth ?? 0) > 0 || request.since !== undefined ||
      (request.not?.length ?? 0) > 0;
    for (const ref of request.remoteRefs ?? []) {
      if (ref.id === undefined || deepen || !store.hasLocally(ref.id)) continue;
      const commit = peelTo(store, ref.id, "commit");
      if (commit !== undefined) negotiator.knownCommon(commit);
    }
    const tips = request.haveTips ??
      repository.refs.list().filter((ref) => !ref.broken).map((ref) => ref.id);
    for (const id of tips) {
      const commit = store.has(id) ? peelTo(store, id, "commit") : undefined;
      if (commit !== undefined) negotiator.addTip(commit);
    }
    return negotiator;
  }

  #shallowLines(state: FetchState): Uint8Array[] {
    const { request, own } = state;
    const out = own.map((id) => packet(`shallow ${id}`));
    if ((request.depth ?? 0) > 0) {
      out.push(packet(`deepen ${request.depth}`));
      if (request.relative && this.version === 2) out.push(packet("deepen-relative\n"));
    }
    if (request.since !== undefined) out.push(packet(`deepen-since ${request.since}`));
    for (const name of request.not ?? []) out.push(packet(`deepen-not ${name}`));
    if (state.filtered) out.push(packet(`filter ${request.filter}`));
    return out;
  }

  async #fetchV2(state: FetchState): Promise<ReceivedPack | undefined> {
    const { request, negotiator } = state;
    const common: ObjectId[] = [];
    const sent = new Set<ObjectId>();
    let batch = 16;
    let vain = 0;
    let seenAck = false;
    for (;;) {
      request.signal?.throwIfAborted();
      const parts = this.#commandHead("fetch");
      parts.push(packet("thin-pack"));
      if (request.quiet) parts.push(packet("no-progress"));
      if (request.includeTags) parts.push(packet("include-tag"));
      parts.push(packet("ofs-delta"));
      parts.push(...this.#shallowLines(state));
      for (const id of new Set(request.wants)) parts.push(packet(`want ${id}\n`));
      for (const id of common) parts.push(packet(`have ${id}\n`));
      let haves = 0;
      for (; haves < batch; haves++) {
        const id = negotiator.next();
        if (id === undefined) break;
        sent.add(id);
        parts.push(packet(`have ${id}\n`));
      }
      vain += haves;
      const done = haves === 0 || (seenAck && vain >= 256);
      if (done) parts.push(packet("done\n"));
      parts.push(FLUSH);
      batch = batch < 16384 ? batch * 2 : Math.floor(batch * 1.1);
      await using guard = new StreamGuard(this.transport);
      const stream = guard.hold(
        await this.transport.request("git-upload-pack", concatBytes(parts)),
      );
      let section = await stream.line();
      if (section === undefined) {
        throw new GitError("protocol", "the remote end hung up unexpectedly");
      }
      if (section === "acknowledgments") {
        let ready = false;
        let line = await stream.line();
        for (
          ;
          line !== undefined && line !== "flush" && line !== "delimiter";
          line = await stream.line()
        ) {
          if (line === "ready") ready = true;
          else if (line.startsWith("ACK ")) {
            const id = line.slice(4);
            if (!sent.has(id) && !common.includes(id)) continue;
            if (sent.has(id)) common.push(id);
            sent.delete(id);
            negotiator.acknowledge(id);
            seenAck = true;
            vain = 0;
          } else if (line !== "NAK") {
            throw new GitError("protocol", `unexpected acknowledgment line: '${line}'`);
          }
        }
        if (!ready) continue;
        section = await stream.line();
      }
      while (section !== "packfile") {
        if (section === "shallow-info") await readShallowInfo(stream, state);
        else {
          throw new GitError("protocol", `expected 'packfile', received '${String(section)}'`);
        }
        section = await stream.line();
      }
      return await this.#receive(stream, state, true);
    }
  }

  async #fetchV0(state: FetchState): Promise<ReceivedPack | undefined> {
    const { request, negotiator } = state;
    const { stateless } = this.transport;
    const wanted = [
      "multi_ack_detailed",
      ...(stateless ? ["no-done"] : []),
      "side-band-64k",
      "thin-pack",
      ...(request.quiet ? ["no-progress"] : []),
      ...(request.includeTags ? ["include-tag"] : []),
      "ofs-delta",
      ...(request.relative ? ["deepen-relative"] : []),
      ...(state.filtered ? ["filter"] : []),
    ].filter((name) => this.capabilities.has(name));
    const detailed = wanted.includes("multi_ack_detailed");
    const noDone = wanted.includes("no-done") && detailed;
    if (this.capabilities.has("object-format")) wanted.push(`object-format=${this.objectFormat}`);
    wanted.push(`agent=${AGENT}`);
    const head: Uint8Array[] = [];
    [...new Set(request.wants)].forEach((id, i) =>
      head.push(packet(`want ${id}${i === 0 ? ` ${wanted.join(" ")}` : ""}\n`))
    );
    head.push(...this.#shallowLines(state), FLUSH);
    const deepen = (request.depth ?? 0) > 0 || request.since !== undefined ||
      (request.not?.length ?? 0) > 0;
    const common: Uint8Array[] = [];
    await using guard = new StreamGuard(this.transport);
    let first = true;
    let stream: PacketStream | undefined;
    const send = async (parts: Uint8Array[]): Promise<PacketStream> => {
      const whole = stateless || first ? [...head, ...(stateless ? common : []), ...parts] : parts;
      await guard.release();
      stream = guard.hold(await this.transport.request("git-upload-pack", concatBytes(whole)));
      if (deepen && (stateless || first)) {
        state.shallow = [];
        state.unshallow = [];
        for (
          let line = await stream.line();
          line !== undefined && line !== "flush";
          line = await stream.line()
        ) takeShallow(line, state);
      }
      first = false;
      return stream;
    };
    let batch = 16, vain = 0, ready = false, seenAck = false;
    for (;;) {
      request.signal?.throwIfAborted();
      const parts: Uint8Array[] = [];
      while (parts.length < batch) {
        const id = negotiator.next();
        if (id === undefined) break;
        parts.push(packet(`have ${id}\n`));
      }
      if (parts.length === 0) break;
      vain += parts.length;
      parts.push(FLUSH);
      const reader = await send(parts);
      batch = stateless && batch < 16384 ? batch * 2 : batch + 32;
      for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
        if (line === "NAK") break;
        const match = /^ACK ([0-9a-f]+)(?: (common|ready|continue))?$/.exec(line);
        if (match === null) {
          throw new GitError("protocol", `git fetch-pack: expected ACK/NAK, got '${line}'`);
        }
        const id = match[1]!;
        if (match[2] === undefined) {
          if (!detailed) ready = true;
          if (!detailed) break;
        }
        const known = negotiator.acknowledge(id);
        if (match[2] === "common" && stateless && !known) common.push(packet(`have ${id}\n`));
        seenAck = true;
        vain = 0;
        if (match[2] === "ready") ready = true;
      }
      if (ready || (seenAck && vain >= 256)) break;
    }
    let reader: PacketStream;
    if (ready && noDone) {
      // The pack follows without another word.
      reader = stream!;
      await reader.line();
    } else {
      reader = await send([packet("done\n")]);
      for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
        if (line === "NAK" || /^ACK [0-9a-f]+$/.test(line)) break;
        if (!line.startsWith("ACK ")) {
          throw new GitError("protocol", `git fetch-pack: expected ACK/NAK, got '${line}'`);
        }
      }
    }
    return await this.#receive(reader, state, wanted.includes("side-band-64k"));
  }

  async #receive(
    stream: PacketStream,
    state: FetchState,
    banded: boolean,
  ): Promise<ReceivedPack | undefined> {
    const { repository, request } = state;
    const refs = request.remoteRefs ?? [];
    const promised = request.wants.map((id) =>
      `${id} ${refs.find((ref) => ref.id === id)?.name ?? id}\n`
    ).join("");
    using receiver = new PackReceiver(repository.objects.directory, repository.algorithm, {
      fsync: repository.fsync,
      store: repository.objects,
      ...(request.strict === undefined ? {} : { strict: request.strict }),
      ...(state.filtered
        ? { promisor: promised }
        : { unpackLimit: request.unpackLimit ?? 0, unpackInto: repository.objects }),
      ...(request.progress === undefined ? {} : { progress: request.progress }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    if (banded) {
      for (;;) {
        const next = await stream.next();
        if (next === undefined) {
          throw new GitError("protocol", "the remote end hung up unexpectedly\nfatal: early EOF");
        }
        if (!(next instanceof Uint8Array)) break;
        const band = next[0];
        if (band === 1) receiver.write(next.subarray(1));
        else if (band === 2) request.remoteMessage?.(toByteString(next, 1));
        else if (band === 3) {
          throw new GitError("protocol", `remote error: ${toByteString(next, 1).trimEnd()}`);
        } else {
          const text = toByteString(next);
          if (text.startsWith("ERR ")) {
            throw new GitError("protocol", `remote error: ${text.slice(4).trimEnd()}`);
          }
          throw new GitError("protocol", `bad band #${band}`);
        }
      }
    } else for await (const chunk of stream.rest()) receiver.write(chunk);
    const pack = receiver.finish();
    repository.objects.refresh();
    return pack;
  }

  /** Writes the file `shallow` after the pack is in place. */
  #applyShallow(state: FetchState, deepen: boolean): boolean {
    const { repository, request } = state;
    const store = repository.objects;
    const ends = new Set(state.own);
    const before = [...ends].sort().join();
    let offered = state.shallow;
    if (!deepen) {
      // The other side is shallow itself. Only a clone, or who asks for it, takes its ends.
      offered = [...state.shallow, ...this.#remoteShallow];
      if (!request.cloning && !request.updateShallow) offered = [];
    }
    for (const id of offered) if (store.has(id)) ends.add(id);
    for (const id of state.unshallow) ends.delete(id);
    if ([...ends].sort().join() === before) return false;
    writeShallow(repository.paths.commonDir, ends, repository.fsync);
    setShallow(store, ends);
    return true;
  }

  /** Ends of the other side's history that are not ends here, where it told. */
  get remoteShallow(): readonly ObjectId[] {
    return this.#remoteShallow;
  }

  /** Ends the conversation. */
  async close(): Promise<void> {
    if (!this.transport.stateless) {
      try {
        await this.transport.request("git-upload-pack", FLUSH);
      } catch { /* The other side has gone. */ }
    }
    await this.transport.close();
  }
}

/** Gives answers up that were not read to their end, where each has a connection of its own. */
class StreamGuard {
  readonly #owned: boolean;
  #stream: PacketStream | undefined;

  constructor(transport: Transport) {
    this.#owned = transport.stateless;
  }

  hold(stream: PacketStream): PacketStream {
    this.#stream = stream;
    return stream;
  }

  async release(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (this.#owned) await stream?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Most refs of the other side unless the options say otherwise. */
const MAX_REFS = 5_000_000;
const MAX_CAPABILITIES = 10_000;
/** Most lines about the ends of a shallow history. */
const MAX_SHALLOW = 10_000_000;

function isId(text: string): boolean {
  return isHex(text, text.length === 64 ? 64 : 40);
}

/** The answer to `ls-refs`. */
async function readRefs(stream: PacketStream, maxRefs: number): Promise<RemoteRef[]> {
  const out: RemoteRef[] = [];
  for (;;) {
    const line = await stream.line();
    if (line === undefined || line === "flush") break;
    if (out.length >= maxRefs) throw new GitError("limit", "the remote end shows too many refs");
    const words = line.split(" ");
    const id = words[0]!;
    const name = words[1] ?? "";
    if (id !== "unborn" && !isId(id)) {
      throw new GitError("protocol", `invalid ls-refs response: ${line}`);
    }
    let symbolic: ByteString | undefined, peeled: ObjectId | undefined;
    for (const word of words.slice(2)) {
      if (word.startsWith("symref-target:")) symbolic = word.slice(14);
      else if (word.startsWith("peeled:")) peeled = word.slice(7);
    }
    if (peeled !== undefined && !isId(peeled)) {
      throw new GitError("protocol", `invalid ls-refs response: ${line}`);
    }
    out.push({ name, id: id === "unborn" ? undefined : id, peeled, symbolic });
  }
  return out;
}

interface FetchState {
  repository: Repository;
  request: FetchRequest;
  negotiator: Negotiator;
  own: ObjectId[];
  filtered: boolean;
  shallow: ObjectId[];
  unshallow: ObjectId[];
}

function takeShallow(line: ByteString, state: FetchState): void {
  const hex = state.repository.algorithm.hexSize;
  if (state.shallow.length + state.unshallow.length >= MAX_SHALLOW) {
    throw new GitError("limit", "the remote end has too many shallow lines");
  }
  if (line.startsWith("shallow ") && isHex(line.slice(8), hex)) state.shallow.push(line.slice(8));
  else if (line.startsWith("unshallow ") && isHex(line.slice(10), hex)) {
    state.unshallow.push(line.slice(10));
  } else throw new GitError("protocol", `git fetch-pack: expected shallow list, got '${line}'`);
}

async function readShallowInfo(stream: PacketStream, state: FetchState): Promise<void> {
  for (
    let line = await stream.line();
    line !== undefined && line !== "delimiter" && line !== "flush";
    line = await stream.line()
  ) takeShallow(line, state);
}

/** Reads refs as versions 0 and 1 show them; fills in capabilities. */
export async function readAdvertisement(
  stream: PacketStream,
  first: ByteString | undefined,
  capabilities: Map<string, ByteString>,
  maxRefs = MAX_REFS,
): Promise<{ refs: RemoteRef[]; shallow: ObjectId[] }> {
  const refs: { name: ByteString; id: ObjectId; peeled?: ObjectId; symbolic?: ByteString }[] = [];
  const shallow: ObjectId[] = [];
  const targets = new Map<ByteString, ByteString>();
  let line = first;
  for (let i = 0; line !== undefined && line !== "flush"; i++, line = await stream.line()) {
    let text = line;
    const nul = text.indexOf("\0");
    if (nul >= 0) {
      for (const word of text.slice(nul + 1).split(" ")) {
        if (word === "") continue;
        const equals = word.indexOf("=");
        const key = equals < 0 ? word : word.slice(0, equals);
        const value = equals < 0 ? "" : word.slice(equals + 1);
        if (key === "symref") {
          const colon = value.indexOf(":");
          targets.set(value.slice(0, colon), value.slice(colon + 1));
        } else capabilities.set(key, value);
      }
      text = text.slice(0, nul);
    }
    if (refs.length + shallow.length >= maxRefs) {
      throw new GitError("limit", "the remote end shows too many refs");
    }
    if (text.startsWith("shallow ") && isId(text.slice(8))) {
      shallow.push(text.slice(8));
      continue;
    }
    const space = text.indexOf(" ");
    const id = text.slice(0, space), name = text.slice(space + 1);
    if (!isId(id) || name === "") {
      throw new GitError("protocol", `protocol error: unexpected '${text}'`);
    }
    if (name === "capabilities^{}") continue;
    if (name.endsWith("^{}")) {
      const last = refs.at(-1);
      if (last !== undefined && last.name === name.slice(0, -3)) last.peeled = id;
      continue;
    }
    refs.push({ name, id });
  }
  for (const ref of refs) {
    const target = targets.get(ref.name);
    if (target !== undefined) ref.symbolic = target;
  }
  return { refs, shallow };
}

/**
 * Whether objects and everything they reach, down to what the refs here reach, are in the store.
 * Blobs and trees that a partial clone was promised need not be.
 */
export function isConnected(
  repository: Repository,
  tips: readonly ObjectId[],
  options: { promised?: boolean } = {},
): boolean {
  const store = repository.objects;
  if (!tips.every((id) => store.has(id))) return false;
  if (options.promised) return true;
  const known = repository.refs.list().filter((ref) => !ref.broken && store.has(ref.id))
    .map((ref) => ref.id);
  const has = (id: ObjectId): boolean => store.hasLocally(id);
  const walk = findUnconnected(store, tips, known, { has });
  for (let step = walk.next();; step = walk.next()) {
    if (step.done) return step.value === undefined;
  }
}
