/**
 * Connections to other repositories: in this process, through a program (ssh or a command), over
 * TCP (`git://`), or over HTTP. What goes through them is in `fetch_pack.ts` and `send_pack.ts`.
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText, encodeText, fromByteString } from "./_bytes.ts";
import { isDirectory, nativePath, stat } from "./_files.ts";
import { type BundleHeader, readBundleHeader } from "./bundle.ts";
import { GitError } from "./errors.ts";
import { PacketStream } from "./packet_stream.ts";
import { FLUSH, packet, PacketReader, sideBand } from "./pkt_line.ts";
import { receivePack, type ReceivePackOptions } from "./receive_pack.ts";
import { isGitDirectory, readGitFile, Repository } from "./repository.ts";
import { pushOffers } from "./service_settings.ts";
import { advertise, errorPacket, serveV0, serveV2, type UploadPackOptions } from "./upload_pack.ts";

/** The two services of a repository. */
export type GitService = "git-upload-pack" | "git-receive-pack";

/** Bytes of a request: at hand, or read from somewhere each time they are needed. */
export type RequestBody =
  | Uint8Array
  | { readonly size: number; chunks(): AsyncIterable<Uint8Array> };

/** A connection to one repository. */
export interface Transport {
  /** Every request starts anew, and has to say again what was said before. */
  readonly stateless: boolean;
  /** Asks for the first answer of a service. */
  open(service: GitService, version: number): Promise<PacketStream>;
  /** Sends a request; the answer may be read up to its flush packet. */
  request(service: GitService, body: RequestBody): Promise<PacketStream>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The chunks of a body. */
export async function* bodyChunks(body: RequestBody): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body.chunks();
}

/** The words with which a connection that never began is reported. */
export const NO_ACCESS = "Could not read from remote repository.\n\n" +
  "Please make sure you have the correct access rights\nand the repository exists.";

/** Finds the repository a path means, as a server does: with `/.git`, `.git` or nothing added. */
export function findServedRepository(
  path: ByteString,
  options: { strict?: boolean } = {},
): ByteString | undefined {
  const endings = options.strict ? [""] : ["/.git", "", ".git/.git", ".git"];
  for (const ending of endings) {
    const at = `${path.replace(/\/+$/, "") || "/"}${ending}`;
    const info = stat(at);
    if (info === undefined) continue;
    if (info.isFile) {
      try {
        return readGitFile(at);
      } catch {
        continue;
      }
    }
    if (isDirectory(at) && isGitDirectory(at)) return at;
  }
  return undefined;
}

/** What a {@linkcode LocalTransport} serves with. */
export interface LocalTransportOptions {
  /** Settings of the serving side of fetch, made from the repository that is served. */
  upload?: (repository: Repository) => UploadPackOptions;
  /** Settings of the serving side of push. */
  receive?: (repository: Repository) => ReceivePackOptions;
  /** Opens the repository at a Git directory. */
  openRepository?: (gitDir: ByteString) => Repository;
}

/** A repository on this machine, served inside this process. */
export class LocalTransport implements Transport {
  readonly stateless = true;
  /** The Git directory that is served. */
  readonly gitDir: ByteString;
  readonly #options: LocalTransportOptions;
  #version = 0;

  /** Throws `GitError` ("not_found") when there is no repository at `path`. */
  constructor(path: ByteString, options: LocalTransportOptions = {}) {
    const gitDir = findServedRepository(path);
    if (gitDir === undefined) {
      throw new GitError(
        "not_found",
        `'${path}' does not appear to be a git repository\nfatal: ${NO_ACCESS}`,
      );
    }
    this.gitDir = gitDir;
    this.#options = options;
  }

  #open(): Repository {
    return this.#options.openRepository?.(this.gitDir) ??
      Repository.open(decodeText(this.gitDir));
  }

  // deno-lint-ignore require-await
  async open(service: GitService, version: number): Promise<PacketStream> {
    this.#version = service === "git-upload-pack" ? version : 0;
    using repository = this.#open();
    const { upload, receive } = this.#options;
    const hide = receive?.(repository).hideRef;
    const settings = service === "git-upload-pack" ? upload?.(repository) : {
      push: pushOffers(repository.config),
      ...(hide === undefined ? {} : { hideRef: hide }),
    };
    const data = advertise(repository, service, this.#version, settings);
    return new PacketStream(bodyChunks(data));
  }

  async request(service: GitService, body: RequestBody): Promise<PacketStream> {
    if (service === "git-receive-pack") {
      const repository = this.#open();
      const settings = this.#options.receive?.(repository) ?? {};
      return new PacketStream((async function* () {
        try {
          yield* receivePack(repository, bodyChunks(body), settings);
        } finally {
          repository.close();
        }
      })());
    }
    const parts: Uint8Array[] = [];
    for await (const chunk of bodyChunks(body)) parts.push(chunk);
    const whole = concatBytes(parts);
    const serve = this.#version === 2 ? serveV2 : serveV0;
    const repository = this.#open();
    const settings = this.#options.upload?.(repository) ?? {};
    return new PacketStream((async function* () {
      try {
        yield* serve(repository, whole, settings);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        yield errorPacket(error.message);
      } finally {
        repository.close();
      }
    })());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A bundle file, which answers like a server that has one pack to give. */
export class BundleTransport implements Transport {
  readonly stateless = true;
  readonly #path: ByteString;
  readonly #header: BundleHeader;

  /** Throws `GitError` when the file is not a bundle. */
  constructor(path: ByteString) {
    this.#path = path;
    this.#header = readBundleHeader(path);
  }

  open(service: GitService, _version: number): Promise<PacketStream> {
    if (service !== "git-upload-pack") {
      return Promise.reject(new GitError("refused", "a bundle cannot be pushed to"));
    }
    return Promise.resolve(
      new PacketStream(
        bodyChunks(
          concatBytes([
            packet("version 2\n"),
            packet("ls-refs\n"),
            packet("fetch\n"),
            packet(`object-format=${this.#header.algorithm.name}\n`),
            FLUSH,
          ]),
        ),
      ),
    );
  }

  async request(_service: GitService, body: RequestBody): Promise<PacketStream> {
    const parts: Uint8Array[] = [];
    for await (const chunk of bodyChunks(body)) parts.push(chunk);
    const reader = new PacketReader(concatBytes(parts));
    if (reader.line() === "command=ls-refs") {
      return new PacketStream(
        bodyChunks(
          concatBytes([
            ...this.#header.refs.map(({ id, name }) => packet(`${id} ${name}\n`)),
            FLUSH,
          ]),
        ),
      );
    }
    const path = this.#path;
    const start = this.#header.packOffset;
    return new PacketStream((async function* () {
      yield packet("packfile\n");
      using file = await Deno.open(nativePath(path), { read: true });
      await file.seek(start, Deno.SeekMode.Start);
      const chunk = new Uint8Array(32768);
      for (let n = await file.read(chunk); n !== null; n = await file.read(chunk)) {
        yield* sideBand(1, chunk.subarray(0, n));
      }
      yield FLUSH;
    })());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Both directions of a byte stream. */
interface Duplex {
  readonly readable: AsyncIterable<Uint8Array>;
  write(data: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/** A conversation over one byte stream. */
abstract class StreamTransport implements Transport {
  readonly stateless = false;
  #duplex: Duplex | undefined;
  #reader: PacketStream | undefined;

  /** Starts the other side. */
  protected abstract connect(service: GitService, version: number): Promise<Duplex>;

  async open(service: GitService, version: number): Promise<PacketStream> {
    await this.close();
    this.#duplex = await this.connect(service, version);
    this.#reader = new PacketStream(this.#duplex.readable);
    if (await this.#reader.peek() === undefined) {
      await this.close();
      throw new GitError("protocol", NO_ACCESS);
    }
    return this.#reader;
  }

  async request(_service: GitService, body: RequestBody): Promise<PacketStream> {
    const duplex = this.#duplex!;
    try {
      for await (const chunk of bodyChunks(body)) await duplex.write(chunk);
    } catch (error) {
      // What the other side said before it went is worth more than the broken pipe.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
    return this.#reader!;
  }

  async close(): Promise<void> {
    const duplex = this.#duplex;
    this.#duplex = undefined;
    if (duplex === undefined) return;
    await duplex.end();
  }
}

/** A program whose standard streams lead to the repository: ssh, or a command of the user. */
export class ProcessTransport extends StreamTransport {
  readonly #command: (service: GitService, version: number) => string[];

  /** `command` gives the program and its arguments for a service. */
  constructor(command: (service: GitService, version: number) => ByteString[]) {
    super();
    this.#command = (service, version) => command(service, version).map(decodeText);
  }

  // deno-lint-ignore require-await
  protected override async connect(service: GitService, version: number): Promise<Duplex> {
    const argv = this.#command(service, version);
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(argv[0]!, {
        args: argv.slice(1),
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
        env: version > 0 ? { GIT_PROTOCOL: `version=${version}` } : {},
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new GitError(
        "io",
        `cannot run ${argv[0]}: No such file or directory\nfatal: unable to fork`,
      );
    }
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    return {
      readable: (async function* () {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      })(),
      write: (data) => writer.write(data),
      async end() {
        try {
          await writer.close();
        } catch { /* It has gone already. */ }
        await reader.cancel();
        await child.status;
      },
    };
  }
}

/** A `git://` server. */
export class DaemonTransport extends StreamTransport {
  readonly #host: ByteString;
  readonly #port: number;
  readonly #path: ByteString;

  /** Nothing is connected yet. */
  constructor(host: ByteString, port: number, path: ByteString) {
    super();
    this.#host = host;
    this.#port = port;
    this.#path = path;
  }

  protected override async connect(service: GitService, version: number): Promise<Duplex> {
    let connection: Deno.TcpConn;
    try {
      connection = await Deno.connect({ hostname: decodeText(this.#host), port: this.#port });
    } catch (error) {
      throw new GitError(
        "io",
        `unable to connect to ${this.#host}:\n${this.#host}: ${
          encodeText((error as Error).message)
        }`,
      );
    }
    const write = async (data: Uint8Array): Promise<void> => {
      for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    };
    const host = this.#port === 9418 ? this.#host : `${this.#host}:${this.#port}`;
    await write(
      packet(
        fromByteString(
          `${service} ${this.#path}\0host=${host}\0${version > 0 ? `\0version=${version}\0` : ""}`,
        ),
      ),
    );
    return {
      readable: (async function* () {
        const chunk = new Uint8Array(65536);
        for (;;) {
          const n = await connection.read(chunk);
          if (n === null) return;
          yield chunk.slice(0, n);
        }
      })(),
      write,
      end() {
        connection.close();
        return Promise.resolve();
      },
    };
  }
}
