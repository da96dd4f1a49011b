/** How long to wait before connecting again. */
export interface RedisReconnectOptions {
  /** The longest first wait, in milliseconds; each further failure doubles it. Default 50. */
  baseMs?: number;
  /** The longest wait, in milliseconds. Default 2,000. */
  maxMs?: number;
  /** Failures in a row after which the client gives up and closes. Default: none, it goes on. */
  maxAttempts?: number;
}

/** How to reach a server, and what to allow. */
export interface RedisClientOptions {
  /** The host. Default `127.0.0.1`. */
  hostname?: string;
  /** The port. Default 6379. */
  port?: number;
  /** The path of a Unix socket, instead of host and port. */
  path?: string;
  /** The user to authenticate as. Default: the server's `default`. */
  username?: string;
  /** The password. Default: none is sent. */
  password?: string;
  /** The database. Default 0. */
  db?: number;
  /** The name that `CLIENT LIST` shows. */
  clientName?: string;
  /** The protocol to ask for; a server that refuses 3 gets 2. Default 3. */
  protocol?: 2 | 3;
  /** Whether to use TLS, or what to trust and to present. Default: by the URL, `rediss:` or not. */
  tls?: boolean | RedisTlsOptions;
  /** Milliseconds for connecting and authenticating. Default 5,000. */
  connectTimeoutMs?: number;
  /**
   * Milliseconds for a command from its call to its reply, 0 for no limit. Blocking commands and
   * those with a limit of their own are exempt. Default 10,000.
   */
  commandTimeoutMs?: number;
  /**
   * Milliseconds without a byte from the server after which it is pinged; after as many again the
   * connection counts as dead. 0 turns it off. Default 15,000.
   */
  keepAliveMs?: number;
  /** Commands that may wait while there is no connection. Default 10,000. */
  maxOfflineCommands?: number;
  /** Commands that may wait for their reply, or for being written, on one connection. Default 1,000,000. */
  maxPendingCommands?: number;
  /** How often a command that only reads is asked again after its connection ended. Default 3. */
  maxReadRetries?: number;
  /** How to reconnect, or false to close at the first loss. */
  reconnect?: RedisReconnectOptions | false;
  /** Connections for blocking commands and sessions; more callers wait. Default 10. */
  maxDedicatedConnections?: number;
  /** Bytes of one reply. Default 536,870,912. */
  maxReplyBytes?: number;
  /** Elements of one reply on all its levels. Default 16,777,216. */
  maxReplyElements?: number;
  /** Levels of one reply. Default 128. */
  maxReplyDepth?: number;
  /** Called with each change of the main connection's state, and the error that caused it. */
  onState?: (state: RedisState, error?: Error) => void;
}

/** The state of a client's main connection. */
export type RedisState = "connecting" | "ready" | "reconnecting" | "closed";

/** What is trusted and presented in TLS. */
export interface RedisTlsOptions {
  /** Certificate authorities in PEM that are trusted beside the system's. */
  caCerts?: string[];
  /** The client's certificate chain in PEM. */
  cert?: string;
  /** The client's private key in PEM. */
  key?: string;
}
