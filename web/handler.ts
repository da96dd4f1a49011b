/** A connection that left HTTP: bytes both ways, from the first one after the request's head on. */
export interface UpgradedConnection {
  /** The client's address. */
  readonly remoteAddr: Deno.NetAddr;
  /**
   * Reads up to the buffer's length.
   *
   * @returns The number of bytes, `null` at the end.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the writing half; reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes both halves. Closing twice does nothing. */
  close(): void;
}

/**
 * What is known about the connection that a request came over. `Deno.serve` gives its handlers an
 * object that fits, with the optional members left out; the project's own servers give all of it.
 */
export interface ConnectionInfo {
  /** The client's address. */
  readonly remoteAddr: Deno.Addr;
  /** The server's address, on this connection. */
  readonly localAddr?: Deno.Addr;
  /** Whether the connection is encrypted. */
  readonly secure?: boolean;
  /** Resolves when the answer has been sent; rejects when it could not be. */
  readonly completed?: Promise<void>;
  /** The fields after a chunked body; resolves empty where there are none, rejects with the body. */
  readonly trailers?: Promise<Headers>;
  /** Sends 103 Early Hints (RFC 8297), `Link` fields usually, before the answer. */
  earlyHints?(headers: HeadersInit): Promise<void>;
  /**
   * Sets fields to send after the body (RFC 9110, section 6.5): called once the body has ended.
   * They are left out where the body is not sent in chunks, to HTTP/1.0 clients say.
   */
  sendTrailers?(trailers: () => HeadersInit | Promise<HeadersInit>): void;
  /**
   * Leaves HTTP: the handler returns the answer that this returns, 101 with these fields is sent,
   * and the connection is handed over.
   *
   * @throws {TypeError} If the client did not ask for an upgrade.
   */
  upgrade?(
    headers: HeadersInit,
    take: (connection: UpgradedConnection) => void | Promise<void>,
  ): Response;
}

/** A fetch-style handler: the same function runs on the project's servers and on `Deno.serve`. */
export type Handler = (request: Request, info: ConnectionInfo) => Response | Promise<Response>;
