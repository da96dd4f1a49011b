import { allocate, type Bytes, malformed, MessageReader } from "./_bytes.ts";
import { readServerFields } from "./_fields.ts";
import { MESSAGE } from "./_operations.ts";
import { certificateHash, md5Password, type ScramBinding, ScramClient } from "./_scram.ts";
import type { Transport } from "./_transport.ts";
import { MessageWriter } from "./_writer.ts";
import { ConnectError, PostgresError } from "./errors.ts";
import type { ConnectionOptions } from "./options.ts";

/** What the server told when it let us in. */
export interface Session {
  /** Its settings. */
  readonly parameters: Map<string, string>;
  /** What a request to cancel has to show. */
  readonly processId: number;
  readonly secretKey: number;
  /** Whether SCRAM was bound to the TLS channel. */
  readonly channelBound: boolean;
  /** The transaction's state. */
  readonly status: string;
  /** What was received beyond the login: the bytes from `start` to `end`. */
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
}

/** The longest message before we know who the server is; also how much may come at once. */
const MAX_STARTUP_BYTES = 64 * 1024;
/** How many messages the login may take. */
const MAX_STARTUP_MESSAGES = 1_000;
/** How many settings a server may report. */
const MAX_PARAMETERS = 1_000;
const PROTOCOL_3_0 = 196_608;

/** The kinds of authentication requests that are answered. */
const AUTHENTICATION = {
  ok: 0,
  cleartext: 3,
  md5: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const;

/** Reads messages one at a time. */
class MessageStream {
  readonly bytes = allocate(MAX_STARTUP_BYTES);
  start = 0;
  end = 0;
  readonly #transport: Transport;
  #count = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async next(): Promise<{ type: number; message: MessageReader }> {
    if (++this.#count > MAX_STARTUP_MESSAGES) malformed("the login does not end");
    for (;;) {
      const held = this.end - this.start;
      if (held >= 5) {
        const length = this.bytes.readInt32BE(this.start + 1);
        if (length < 4 || length >= MAX_STARTUP_BYTES) {
          malformed(`a message of ${length} bytes came during the login`);
        }
        if (held >= 1 + length) {
          const type = this.bytes[this.start]!;
          const from = this.start + 5;
          this.start += 1 + length;
          return { type, message: new MessageReader(this.bytes, from, this.start) };
        }
      }
      if (this.start > 0) {
        this.bytes.copyWithin(0, this.start, this.end);
        this.start = 0;
        this.end = held;
      }
      const target = this.bytes.subarray(this.end) as Uint8Array<ArrayBuffer>;
      const count = await this.#transport.read(target);
      if (count === null) throw new ConnectError("The server closed the connection");
      this.end += count;
    }
  }
}

/** Sends the startup message, proves who we are, and waits until the server is ready. */
export async function startSession(
  transport: Transport,
  options: ConnectionOptions,
): Promise<Session> {
  const { user = "postgres" } = options;
  const writer = new MessageWriter();
  const send = async () => {
    await transport.write(writer.take());
    writer.giveBack();
  };
  writer.int32(0);
  writer.int32(PROTOCOL_3_0);
  const settings = {
    user,
    database: options.database ?? user,
    client_encoding: "UTF8",
    DateStyle: "ISO",
    ...options.settings,
  };
  for (const [name, value] of Object.entries(settings)) {
    writer.cstring(name);
    writer.cstring(value);
  }
  writer.uint8(0);
  writer.patchInt32(0, writer.length);
  await send();
  const stream = new MessageStream(transport);
  const channelBound = await authenticate(stream, writer, send, transport, options, user);
  const parameters = new Map<string, string>();
  let processId = 0;
  let secretKey = 0;
  for (;;) {
    const { type, message } = await stream.next();
    switch (type) {
      case 0x4b: // K: BackendKeyData
        processId = message.int32();
        secretKey = message.int32();
        break;
      case 0x53: { // S: ParameterStatus
        const [name, value] = setParameter(parameters, message);
        options.onParameter?.(name, value);
        break;
      }
      case 0x4e: // N: NoticeResponse
        options.onNotice?.(readServerFields(message));
        break;
      case 0x45: // E: ErrorResponse
        throw new PostgresError(readServerFields(message));
      case 0x5a: { // Z: ReadyForQuery
        const { bytes, start, end } = stream;
        const status = String.fromCharCode(message.uint8());
        return { parameters, processId, secretKey, channelBound, status, bytes, start, end };
      }
      default:
        malformed("a message has no place in a login");
    }
  }
}

/** Reads a ParameterStatus, and gives its name and value. */
export function setParameter(
  parameters: Map<string, string>,
  message: MessageReader,
): [string, string] {
  const name = message.cstring();
  const value = message.cstring();
  if (parameters.size >= MAX_PARAMETERS && !parameters.has(name)) {
    malformed("the server reports too many settings");
  }
  parameters.set(name, value);
  return [name, value];
}

/** Answers the server's questions until it says yes; whether SCRAM was bound to the channel. */
async function authenticate(
  stream: MessageStream,
  writer: MessageWriter,
  send: () => Promise<void>,
  transport: Transport,
  options: ConnectionOptions,
  user: string,
): Promise<boolean> {
  const { channelBinding = "prefer" } = options;
  let password: string | undefined;
  const getPassword = async (): Promise<string> => {
    const given = options.password;
    password ??= typeof given === "function" ? await given() : given;
    if (password === undefined) {
      throw new ConnectError("The server asks for a password: none given");
    }
    return password;
  };
  const answer = (write: () => void) => {
    const at = writer.begin(MESSAGE.password);
    write();
    writer.end(at);
    return send();
  };
  const requireBinding = () => {
    if (channelBinding === "require") {
      throw new ConnectError("The server does not bind the login to TLS, which we require");
    }
  };
  let scram: ScramClient | undefined;
  let bound = false;
  let verified = false;
  for (;;) {
    const { type, message } = await stream.next();
    if (type === 0x45) throw new PostgresError(readServerFields(message));
    if (type === 0x4e) {
      options.onNotice?.(readServerFields(message));
      continue;
    }
    // NegotiateProtocolVersion: we asked for 3.0 without options, so nothing is missing.
    if (type === 0x76) continue;
    if (type !== 0x52) malformed("a message has no place in a login");
    const kind = message.int32();
    switch (kind) {
      case AUTHENTICATION.ok:
        if (scram !== undefined && !verified) {
          throw new ConnectError("The server let us in without proving that it knows the password");
        }
        if (!bound) requireBinding();
        return bound;
      case AUTHENTICATION.cleartext: {
        requireBinding();
        if (options.allowCleartextPassword !== true) {
          throw new ConnectError(
            "The server asks for the password in clear: refused without allowCleartextPassword",
          );
        }
        const clear = await getPassword();
        await answer(() => writer.cstring(clear));
        break;
      }
      case AUTHENTICATION.md5: {
        requireBinding();
        const salt = message.bytes(4);
        const hashed = md5Password(user, await getPassword(), salt);
        await answer(() => writer.cstring(hashed));
        break;
      }
      case AUTHENTICATION.sasl: {
        if (scram !== undefined) malformed("the server starts SCRAM again");
        const mechanisms: string[] = [];
        for (let name; (name = message.cstring()) !== "";) mechanisms.push(name);
        const binding = chooseBinding(mechanisms, transport, channelBinding);
        if (binding.kind !== "certificate") requireBinding();
        bound = binding.kind === "certificate";
        const mechanism = bound ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
        if (!mechanisms.includes(mechanism)) {
          throw new ConnectError(`The server offers no way to log in that we know: ${mechanisms}`);
        }
        const nonce = crypto.getRandomValues(new Uint8Array(18)).toBase64();
        scram = new ScramClient("", await getPassword(), nonce, binding);
        const first = scram.first();
        await answer(() => {
          writer.cstring(mechanism);
          writer.sizedText(first);
        });
        break;
      }
      case AUTHENTICATION.saslContinue: {
        if (scram === undefined) malformed("the server goes on with SCRAM before it began");
        const final = await scram.final(message.text(message.left));
        await answer(() => writer.text(final));
        break;
      }
      case AUTHENTICATION.saslFinal:
        if (scram === undefined) malformed("the server ends SCRAM before it began");
        scram.verify(message.text(message.left));
        verified = true;
        break;
      default:
        throw new ConnectError(`The server asks for authentication of kind ${kind}: not supported`);
    }
  }
}

/** Whether and how SCRAM is bound to the channel. */
function chooseBinding(
  mechanisms: readonly string[],
  transport: Transport,
  wanted: "disable" | "prefer" | "require",
): ScramBinding {
  const offered = mechanisms.includes("SCRAM-SHA-256-PLUS");
  if (wanted === "disable" || !transport.encrypted) return { kind: "unsupported" };
  const certificate = transport.peerCertificate;
  const hash = certificate === undefined ? undefined : certificateHash(certificate);
  if (hash === undefined) return { kind: "unsupported" };
  return offered ? { kind: "certificate", hash } : { kind: "unoffered" };
}
