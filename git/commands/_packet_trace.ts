/**
 * `GIT_TRACE_PACKET`: packets as they go and come, for scripts and people who look for faults.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString } from "../_bytes.ts";
import { writeAll } from "../_files.ts";
import type { PacketStream } from "../packet_stream.ts";
import { type Packet, PacketReader } from "../pkt_line.ts";
import type { GitService, RequestBody, Transport } from "../transport.ts";
import type { Cli } from "./_context.ts";

/** Shows a transport's packets where `GIT_TRACE_PACKET` says; gives it back unchanged without. */
export function traced(cli: Cli, transport: Transport, name: string): Transport {
  const target = cli.env.get("GIT_TRACE_PACKET");
  if (target === undefined || target === "" || /^(?:0|false|no|off)$/i.test(target)) {
    return transport;
  }
  const append = target.startsWith("/") ? decodeText(target) : undefined;
  return new TracedTransport(transport, name, (line) => {
    if (append === undefined) {
      cli.err(line);
      return;
    }
    using file = Deno.openSync(append, { append: true, create: true });
    writeAll(file, fromByteString(line));
  });
}

class TracedTransport implements Transport {
  readonly stateless: boolean;
  readonly #inner: Transport;
  readonly #name: string;
  readonly #print: (line: ByteString) => void;
  #inPack = false;

  constructor(inner: Transport, name: string, print: (line: ByteString) => void) {
    this.stateless = inner.stateless;
    this.#inner = inner;
    this.#name = name.padStart(12);
    this.#print = print;
  }

  #show(direction: "<" | ">", packet: Packet): void {
    let text: ByteString;
    if (packet instanceof Uint8Array) {
      const band = packet[0];
      if (band === 1 || this.#inPack) {
        if (this.#inPack) return;
        this.#inPack = true;
        text = "PACK ...";
      } else {
        text = toByteString(packet).replace(/\n$/, "")
          .replace(/[^\x20-\x7e]/g, (byte) => `\\${byte.charCodeAt(0).toString(8)}`);
      }
    } else text = { flush: "0000", delimiter: "0001", end: "0002" }[packet];
    const time = new Date().toISOString().slice(11, 23);
    this.#print(`${time}000 pkt-line                packet: ${this.#name}${direction} ${text}\n`);
  }

  #watch(stream: PacketStream): PacketStream {
    this.#inPack = false;
    stream.onPacket = (packet) => this.#show("<", packet);
    return stream;
  }

  async open(service: GitService, version: number): Promise<PacketStream> {
    return this.#watch(await this.#inner.open(service, version));
  }

  async request(service: GitService, body: RequestBody): Promise<PacketStream> {
    if (body instanceof Uint8Array) {
      this.#inPack = false;
      const reader = new PacketReader(body);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        this.#show(">", next);
      }
    }
    return this.#watch(await this.#inner.request(service, body));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
