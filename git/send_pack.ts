/**
 * The client of push (gitprotocol-pack).
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText, toByteString } from "./_bytes.ts";
import { writeAll } from "./_files.ts";
import { GitError } from "./errors.ts";
import { readAdvertisement, type RemoteRef } from "./fetch_pack.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { writePack } from "./pack_writer.ts";
import { PacketStream } from "./packet_stream.ts";
import { FLUSH, packet } from "./pkt_line.ts";
import type { Repository } from "./repository.ts";
import { walkObjects } from "./rev_list.ts";
import { readShallow } from "./shallow.ts";
import { thinBases } from "./thin_bases.ts";
import type { RequestBody, Transport } from "./transport.ts";
import { AGENT } from "./upload_pack.ts";

/** One change asked of the other side. */
export interface PushUpdate {
  /** The ref there. */
  readonly name: ByteString;
  /** What it is there; zeros when it does not exist. */
  readonly oldId: ObjectId;
  /** What it should be; zeros to delete it. */
  readonly newId: ObjectId;
}

/** Options of {@linkcode PushSession.push}. */
export interface PushOptions {
  /** All updates or none. */
  atomic?: boolean;
  /** Options for the hooks of the other side. */
  pushOptions?: readonly ByteString[];
  /** Leave out delta bases that the other side has. Default true. */
  thin?: boolean;
  /** Commits that the other side is known to have beside what its refs name. */
  common?: readonly ObjectId[];
  /** Ask the other side to be quiet. */
  quiet?: boolean;
  /** Called with what the other side says to the user. */
  remoteMessage?: (text: ByteString) => void;
  /** Called with how many objects are written. */
  progress?: (done: number, total: number) => void;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** What the other side answered. */
export interface PushReport {
  /** `ok`, or why the objects were refused. */
  readonly unpack: ByteString;
  /** For each ref: `undefined` when it was taken, else why not. */
  readonly refs: ReadonlyMap<ByteString, ByteString | undefined>;
  /** Whether the other side reported at all. */
  readonly reported: boolean;
}

/** Packs up to this size are sent from memory, larger ones from a temporary file. */
const MEMORY_LIMIT = 8 * 1024 * 1024;

/** Bytes that are kept in memory while few, in a file when many. */
class Spool {
  #parts: Uint8Array[] = [];
  #path: string | undefined;
  #file: Deno.FsFile | undefined;
  size = 0;

  write(data: Uint8Array): void {
    this.size += data.length;
    if (this.#file === undefined && this.size > MEMORY_LIMIT) {
      this.#path = Deno.makeTempFileSync({ prefix: "push-pack-" });
      this.#file = Deno.openSync(this.#path, { write: true });
      for (const part of this.#parts) writeAll(this.#file, part);
      this.#parts = [];
    }
    if (this.#file === undefined) this.#parts.push(data);
    else writeAll(this.#file, data);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    if (this.#path === undefined) {
      yield* this.#parts;
      return;
    }
    using file = await Deno.open(this.#path, { read: true });
    const buffer = new Uint8Array(1 << 18);
    for (;;) {
      const n = await file.read(buffer);
      if (n === null) return;
      yield buffer.slice(0, n);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    if (this.#path !== undefined) Deno.removeSync(this.#path);
  }
}

/** A conversation with the serving side of push. */
export class PushSession {
  /** The connection. */
  readonly transport: Transport;
  /** What the other side can do. */
  readonly capabilities: ReadonlyMap<string, ByteString>;
  /** Its refs. */
  readonly refs: readonly RemoteRef[];

  private constructor(
    transport: Transport,
    capabilities: ReadonlyMap<string, ByteString>,
    refs: readonly RemoteRef[],
  ) {
    this.transport = transport;
    this.capabilities = capabilities;
    this.refs = refs;
  }

  /** Connects. Throws `GitError`. */
  static async open(transport: Transport): Promise<PushSession> {
    const stream = await transport.open("git-receive-pack", 0);
    const capabilities = new Map<string, ByteString>();
    let refs: RemoteRef[];
    try {
      let line = await stream.line();
      if (line === "version 1") line = await stream.line();
      ({ refs } = await readAdvertisement(stream, line, capabilities));
    } finally {
      if (transport.stateless) await stream.close();
    }
    // Objects of a shared store that no ref here names.
    return new PushSession(transport, capabilities, refs.filter((ref) => ref.name !== ".have"));
  }

  /** Sends objects and updates. Throws `GitError`. */
  async push(
    repository: Repository,
    updates: readonly PushUpdate[],
    options: PushOptions = {},
  ): Promise<PushReport> {
    const { capabilities } = this;
    const { algorithm } = repository;
    const zero = algorithm.zero;
    const format = capabilities.get("object-format") ?? "sha1";
    if (format !== algorithm.name) {
      throw new GitError(
        "protocol",
        "the receiving end does not support this repository's hash algorithm",
      );
    }
    if (options.atomic && !capabilities.has("atomic")) {
      throw new GitError("protocol", "the receiving end does not support --atomic push");
    }
    const pushOptions = options.pushOptions ?? [];
    if (pushOptions.length > 0 && !capabilities.has("push-options")) {
      throw new GitError("protocol", "the receiving end does not support push options");
    }
    const words = [
      "report-status",
      "side-band-64k",
      ...(options.quiet ? ["quiet"] : []),
      ...(options.atomic ? ["atomic"] : []),
      ...(pushOptions.length > 0 ? ["push-options"] : []),
    ].filter((word) => capabilities.has(word));
    if (capabilities.has("object-format")) words.push(`object-format=${algorithm.name}`);
    words.push(`agent=${AGENT}`);
    const head: Uint8Array[] = readShallow(repository.paths.commonDir).map((id) =>
      packet(`shallow ${id}`)
    );
    updates.forEach((update, i) =>
      head.push(
        packet(
          `${update.oldId} ${update.newId} ${update.name}${i === 0 ? `\0 ${words.join(" ")}` : ""}`,
        ),
      )
    );
    head.push(FLUSH);
    if (words.includes("push-options")) {
      for (const option of pushOptions) head.push(packet(option));
      head.push(FLUSH);
    }
    using spool = new Spool();
    spool.write(concatBytes(head));
    const wanted = updates.filter((update) => update.newId !== zero).map((update) => update.newId);
    if (wanted.length > 0) this.#writePack(repository, wanted, spool, options);
    const body: RequestBody = spool;
    const stream = await this.transport.request("git-receive-pack", body);
    try {
      if (!words.includes("report-status")) {
        return { unpack: "ok", refs: new Map(), reported: false };
      }
      const banded = words.includes("side-band-64k");
      const reader = banded ? new PacketStream(demultiplex(stream, options.remoteMessage)) : stream;
      const report = await readReport(reader);
      if (banded) { for await (const _ of reader.rest()) { /* What follows is for the user. */ } }
      return report;
    } finally {
      if (this.transport.stateless) await stream.close();
    }
  }

  #writePack(
    repository: Repository,
    wanted: readonly ObjectId[],
    spool: Spool,
    options: PushOptions,
  ): void {
    const store = repository.objects;
    const known = [
      ...new Set(
        [...this.refs.map((ref) => ref.id), ...options.common ?? []].filter((
          id,
        ): id is ObjectId => id !== undefined && store.hasLocally(id)),
      ),
    ];
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const list: { id: ObjectId; path: ByteString }[] = [];
    const commits: ObjectId[] = [];
    for (
      const { id, path, type } of walkObjects(store, {
        include: wanted.map((id) => ({ id })),
        exclude: known,
        ...signal,
      })
    ) {
      if (type === "commit") commits.push(id);
      list.push({ id, path });
    }
    const thin = options.thin === false || this.capabilities.has("no-thin")
      ? undefined
      : thinBases(store, commits, new Set(list.map(({ id }) => id)), list);
    writePack(store, list, (data) => spool.write(data), {
      ...(thin === undefined
        ? {}
        : { receiverHas: (id: ObjectId) => thin.has(id), boundary: thin.boundary }),
      offsetDeltas: this.capabilities.has("ofs-delta"),
      ...(options.progress === undefined ? {} : { progress: options.progress }),
      ...signal,
    });
  }

  /** Ends the conversation. */
  async close(): Promise<void> {
    await this.transport.close();
  }
}

async function* demultiplex(
  stream: PacketStream,
  say: ((text: ByteString) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await stream.next();
    if (!(next instanceof Uint8Array)) return;
    if (next[0] === 1) yield next.subarray(1);
    else if (next[0] === 2) say?.(toByteString(next, 1));
    else if (next[0] === 3) {
      throw new GitError("protocol", `remote error: ${toByteString(next, 1).trimEnd()}`);
    } else throw new GitError("protocol", `bad band #${next[0]}`);
  }
}

async function readReport(reader: PacketStream): Promise<PushReport> {
  const refs = new Map<ByteString, ByteString | undefined>();
  const first = await reader.line();
  if (first === undefined || !first.startsWith("unpack ")) {
    throw new GitError(
      "protocol",
      first === undefined
        ? "the remote end hung up unexpectedly"
        : `unable to parse remote unpack status: ${decodeText(String(first))}`,
    );
  }
  for (
    let line = await reader.line();
    line !== undefined && line !== "flush";
    line = await reader.line()
  ) {
    if (line.startsWith("ok ")) refs.set(line.slice(3), undefined);
    else if (line.startsWith("ng ")) {
      const space = line.indexOf(" ", 3);
      refs.set(
        space < 0 ? line.slice(3) : line.slice(3, space),
        space < 0 ? "failed" : line.slice(space + 1),
      );
    }
  }
  return { unpack: first.slice(7), refs, reported: true };
}
