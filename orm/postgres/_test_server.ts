/** A server for tests that says whatever it is told to. */

/** One message of the server: its type and its content. */
export function message(type: string, ...content: (number[] | string | Uint8Array)[]): Uint8Array {
  const parts = content.map((part) =>
    typeof part === "string" ? new TextEncoder().encode(`${part}\0`) : Uint8Array.from(part)
  );
  const length = 4 + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(1 + length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, length);
  let at = 5;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Several messages as one. */
export function join(...messages: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(messages.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of messages) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}

/** What lets a client in without a password. */
export const WELCOME: Uint8Array<ArrayBuffer> = join(
  message("R", [0, 0, 0, 0]),
  message("S", "server_version", "15.0"),
  message("K", [0, 0, 0, 1, 0, 0, 0, 2]),
  message("Z", [0x49]),
);

/** Reads one message of the client; `undefined` at the end. */
export interface FakeClient {
  /** The connection. */
  readonly connection: Deno.Conn;
  /** Waits for some bytes. */
  receive(): Promise<Uint8Array | undefined>;
  /** Sends bytes; what the client does not take is dropped. */
  send(bytes: Uint8Array): Promise<void>;
}

/** Starts a server on 127.0.0.1 that handles each connection in the same way. */
export function fakeServer(
  handle: (client: FakeClient) => Promise<void>,
): { port: number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const running = new Set<Promise<void>>();
  const accept = (async () => {
    for await (const connection of listener) {
      const client: FakeClient = {
        connection,
        async receive() {
          const buffer = new Uint8Array(65_536);
          const count = await connection.read(buffer).catch(() => null);
          return count === null ? undefined : buffer.subarray(0, count);
        },
        async send(bytes) {
          try {
            for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
          } catch {
            // The client has left.
          }
        },
      };
      const one = handle(client).finally(() => {
        try {
          connection.close();
        } catch {
          // Closed already.
        }
        running.delete(one);
      });
      running.add(one);
    }
  })();
  return {
    port,
    async close() {
      listener.close();
      await accept;
      await Promise.all(running);
    },
  };
}
