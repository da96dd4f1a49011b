/** Bounds on what clients may make a server hold or wait for. */
export interface Http1Limits {
  /** The request line in bytes; 414 beyond. @default {8192} */
  requestLineBytes: number;
  /** All header fields of a request in bytes; 431 beyond. @default {32768} */
  headerBytes: number;
  /** The number of header fields; 431 beyond. @default {100} */
  headerCount: number;
  /** A body in bytes, after chunks are taken apart; 413 beyond. @default {104857600} */
  bodyBytes: number;
  /** Trailer fields in bytes; 431 beyond. @default {8192} */
  trailerBytes: number;
  /** The number of trailer fields; 431 beyond. @default {32} */
  trailerCount: number;
  /** Bytes that are read ahead of what is being answered. @default {65536} */
  readAheadBytes: number;
  /** Pipelined requests answered in a row before other connections get their turn. @default {64} */
  pipelinedRequests: number;
  /** Bytes of a body that are read and dropped when the handler left them; more ends the connection. @default {262144} */
  drainBytes: number;
  /** Connections in all; 503 beyond. @default {16384} */
  connections: number;
  /** Connections from one address; 503 beyond. @default {1024} */
  connectionsPerAddress: number;
  /** Time for a TLS handshake, in milliseconds. Deno 2.9 frees the connection then but keeps its socket until the client closes it. @default {10000} */
  handshakeTimeoutMs: number;
  /** Time from the first byte of a request, or from the connection's start, to the end of its head, in milliseconds; 408 beyond. @default {15000} */
  headTimeoutMs: number;
  /** Time a connection may be idle between requests, in milliseconds. @default {60000} */
  idleTimeoutMs: number;
  /** Time without a byte while a body is awaited, in milliseconds; 408 beyond. @default {15000} */
  bodyTimeoutMs: number;
  /** The least rate of a body while it is awaited, in bytes per second, after five seconds; 408 below. @default {256} */
  bodyBytesPerSecond: number;
  /** Time that a client may take no byte of an answer, in milliseconds. @default {30000} */
  writeTimeoutMs: number;
}

/** What {@linkcode Http1Limits} are unless `serve()` is told otherwise. */
export const DEFAULT_HTTP1_LIMITS: Readonly<Http1Limits> = {
  requestLineBytes: 8_192,
  headerBytes: 32_768,
  headerCount: 100,
  bodyBytes: 104_857_600,
  trailerBytes: 8_192,
  trailerCount: 32,
  readAheadBytes: 65_536,
  pipelinedRequests: 64,
  drainBytes: 262_144,
  connections: 16_384,
  connectionsPerAddress: 1_024,
  handshakeTimeoutMs: 10_000,
  headTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  bodyTimeoutMs: 15_000,
  bodyBytesPerSecond: 256,
  writeTimeoutMs: 30_000,
};
