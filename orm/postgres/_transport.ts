import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { isIP } from "node:net";
import { ConnectError } from "./errors.ts";
import type { ConnectionOptions, ServerSocket, SslMode } from "./options.ts";

/** A stream of bytes to the server and back. */
export interface Transport {
  /** Reads some bytes into the buffer; `null` at the end. One call at a time. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Writes all the bytes. One call at a time. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends both directions at once. A second call does nothing. */
  close(): void;
  /** The server's certificate in DER, with TLS only. */
  readonly peerCertificate: Uint8Array | undefined;
  /** Whether the bytes are encrypted. */
  readonly encrypted: boolean;
}

/** Where the server is. */
export interface Endpoint {
  /** The Unix socket's path, or `undefined`. */
  readonly path: string | undefined;
  readonly host: string;
  readonly port: number;
}

/** Where these options lead. */
export function endpointOf(options: ConnectionOptions): Endpoint {
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? 5432;
  return { host, port, path: host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : undefined };
}

/** The same in words, for messages. */
export function placeOf(options: ConnectionOptions): string {
  if (options.socket !== undefined) return "the socket that was given";
  const { host, port, path } = endpointOf(options);
  return path ?? `${host}:${port}`;
}

/** Over Deno's own sockets, which cost less than Node's, and over those that a program gives. */
class PlainTransport implements Transport {
  readonly peerCertificate = undefined;
  readonly encrypted = false;
  readonly #connection: ServerSocket;
  #closed = false;

  constructor(connection: ServerSocket) {
    this.#connection = connection;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#connection.read(into);
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }
}

/** Received bytes that a socket may hold before it is told to stop. */
const MAX_RECEIVED_BYTES = 1024 * 1024;

/** Over Node's sockets: those alone show the peer's certificate and leave its checking to us. */
class NodeTransport implements Transport {
  readonly peerCertificate: Uint8Array | undefined;
  readonly encrypted: boolean;
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  #held = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket | TLSSocket, certificate: Uint8Array | undefined, encrypted: boolean) {
    this.#socket = socket;
    this.peerCertificate = certificate;
    this.encrypted = encrypted;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      if (this.#held >= MAX_RECEIVED_BYTES) socket.pause();
      this.#wake?.();
    });
    const end = (error?: unknown) => {
      if (error instanceof Error) this.#error ??= error;
      this.#ended = true;
      this.#wake?.();
    };
    socket.on("end", () => end());
    socket.on("close", () => end());
    socket.on("error", end);
    socket.resume();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return null;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
    let count = 0;
    while (this.#chunks.length > 0 && count < into.length) {
      const chunk = this.#chunks[0]!;
      const room = into.length - count;
      if (chunk.length <= room) {
        into.set(chunk, count);
        count += chunk.length;
        this.#chunks.shift();
      } else {
        into.set(chunk.subarray(0, room), count);
        count += room;
        this.#chunks[0] = chunk.subarray(room);
      }
    }
    this.#held -= count;
    if (this.#held < MAX_RECEIVED_BYTES && this.#socket.isPaused()) this.#socket.resume();
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#ended = true;
    this.#socket.destroy();
    this.#wake?.();
  }
}

/** The message that asks for TLS: its length, and the code 1234.5679. */
const SSL_REQUEST: Uint8Array<ArrayBuffer> = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

/** Waits for one of a socket's events; its error or end rejects. */
function once(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      socket.off(event, succeed);
      socket.off("error", fail);
      socket.off("close", close);
      settle();
    };
    const succeed = (value: unknown) => done(() => resolve(value));
    const fail = (error: Error) => done(() => reject(error));
    const close = () => done(() => reject(new ConnectError("The server closed the connection")));
    socket.on(event, succeed);
    socket.on("error", fail);
    socket.on("close", close);
  });
}

/** Opens a stream to the server, with TLS as far as the options say. `onClose` gets what ends it early. */
export async function openTransport(
  options: ConnectionOptions,
  onClose: (close: () => void) => void,
): Promise<Transport> {
  const { host, port, path } = endpointOf(options);
  const mode = options.sslMode ?? "prefer";
  if (options.socket !== undefined) {
    if (mode !== "disable" && mode !== "prefer") {
      throw new ConnectError(`A socket of the program's has no TLS, and sslMode is ${mode}`);
    }
    return new PlainTransport(await openSocket(options.socket, onClose));
  }
  if (path !== undefined) {
    return new PlainTransport(await Deno.connect({ transport: "unix", path }));
  }
  if (mode === "disable") {
    const controller = new AbortController();
    onClose(() => controller.abort());
    const connection = await Deno.connect({ hostname: host, port, signal: controller.signal });
    connection.setNoDelay(true);
    return new PlainTransport(connection);
  }
  const socket = connectSocket(port, host);
  onClose(() => socket.destroy());
  try {
    await once(socket, "connect");
    socket.write(SSL_REQUEST);
    const answer = await once(socket, "data") as Uint8Array;
    socket.pause();
    socket.removeAllListeners("data");
    // Whatever follows the answer was put there in clear, by whoever (CVE-2021-23222).
    if (answer.length !== 1) {
      throw new ConnectError("The server sent data before the TLS handshake: refused");
    }
    if (answer[0] === 0x53) return await secure(socket, options, mode);
    if (answer[0] !== 0x4e) throw new ConnectError("The server does not answer as PostgreSQL does");
    if (mode !== "prefer") {
      throw new ConnectError(`The server has no TLS, and sslmode is ${mode}`);
    }
    return new NodeTransport(socket, undefined, false);
  } catch (error) {
    // What may still come has no reader.
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  }
}

/** Opens a program's socket; one that comes after the time is up is closed. */
async function openSocket(
  open: () => ServerSocket | Promise<ServerSocket>,
  onClose: (close: () => void) => void,
): Promise<ServerSocket> {
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  let isEnded = false;
  onClose(() => {
    isEnded = true;
    ended.reject(new ConnectError("The socket took too long to open"));
  });
  const opening = Promise.resolve(open());
  opening.then((socket) => isEnded && socket.close(), () => {});
  return await Promise.race([opening, ended.promise]);
}

async function secure(
  socket: Socket,
  options: ConnectionOptions,
  mode: SslMode,
): Promise<Transport> {
  const host = options.host ?? "127.0.0.1";
  const { caCertificates, certificate, privateKey } = options;
  const verify = mode === "verify-ca" || mode === "verify-full" ||
    (mode === "require" && caCertificates !== undefined);
  const secured = connectTls({
    socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caCertificates === undefined ? {} : { ca: caCertificates }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(privateKey === undefined ? {} : { key: privateKey }),
    rejectUnauthorized: verify,
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  });
  try {
    await once(secured, "secureConnect");
  } catch (error) {
    secured.on("error", () => {});
    secured.destroy();
    throw error;
  }
  const { raw } = secured.getPeerCertificate();
  return new NodeTransport(secured, raw, true);
}
