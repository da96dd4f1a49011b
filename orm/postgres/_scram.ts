import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { decodeBase64, encodeBase64 } from "@std/encoding";
import { preparePassword } from "./_saslprep.ts";
import { ConnectError } from "./errors.ts";

/** The most rounds of PBKDF2 that a server may ask for: about a second of work. */
export const MAX_SCRAM_ITERATIONS = 2_000_000;

/** The fewest that RFC 7677 allows. PostgreSQL 16 lets an administrator go to 1. */
const MIN_ITERATIONS = 1;

const encoder = new TextEncoder();

type Bytes = Uint8Array<ArrayBuffer>;

function hmac(key: Uint8Array, data: Uint8Array | string): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}

function sha256(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}

/** How the exchange is bound to the TLS channel. */
export type ScramBinding =
  /** The client cannot: `n`. */
  | { readonly kind: "unsupported" }
  /** The client could, but the server does not offer it: `y`, so that it can tell an attacker's work. */
  | { readonly kind: "unoffered" }
  /** It is, by the hash of the server's certificate (RFC 5929, `tls-server-end-point`). */
  | { readonly kind: "certificate"; readonly hash: Uint8Array };

/**
 * The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): no I/O, and the
 * nonce passed in. Call {@linkcode first}, {@linkcode final} with the server's first message, and
 * {@linkcode verify} with its last.
 */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #header: string;
  readonly #binding: Uint8Array;
  readonly #firstBare: string;
  #serverSignature: Uint8Array | undefined;

  /** `user` is empty with PostgreSQL, which takes the name from the startup message. */
  constructor(user: string, password: string, nonce: string, binding: ScramBinding) {
    this.#password = preparePassword(password);
    this.#nonce = nonce;
    this.#header = binding.kind === "certificate"
      ? "p=tls-server-end-point,,"
      : binding.kind === "unoffered"
      ? "y,,"
      : "n,,";
    this.#binding = binding.kind === "certificate" ? binding.hash : new Uint8Array();
    const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#firstBare = `n=${name},r=${nonce}`;
  }

  /** The client's first message. */
  first(): string {
    return this.#header + this.#firstBare;
  }

  /**
   * The client's last message, in answer to the server's first.
   *
   * @throws {ConnectError} If the server's message is malformed, repeats another nonce than ours, or
   * asks for more rounds than {@linkcode MAX_SCRAM_ITERATIONS}.
   */
  async final(serverFirst: string): Promise<string> {
    const parts = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,10})(?:,.*)?$/s
      .exec(serverFirst);
    if (parts === null) throw new ConnectError("The server's SCRAM challenge is malformed");
    const nonce = parts[1]!;
    const rounds = Number(parts[3]);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new ConnectError("The server's SCRAM challenge does not continue our nonce");
    }
    if (rounds < MIN_ITERATIONS || rounds > MAX_SCRAM_ITERATIONS) {
      throw new ConnectError(`The server asks for ${rounds} rounds of SCRAM: refused`);
    }
    let salt: Bytes;
    try {
      salt = decodeBase64(parts[2]!);
    } catch (cause) {
      throw new ConnectError("The server's SCRAM salt is not base64", { cause });
    }
    const salted = await saltPassword(this.#password, salt, rounds);
    const header = encoder.encode(this.#header);
    const channel = new Uint8Array(header.length + this.#binding.length);
    channel.set(header);
    channel.set(this.#binding, header.length);
    const withoutProof = `c=${encodeBase64(channel)},r=${nonce}`;
    const message = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(sha256(clientKey), message);
    const proof = new Uint8Array(clientKey.length);
    for (let i = 0; i < proof.length; i++) proof[i] = clientKey[i]! ^ signature[i]!;
    this.#serverSignature = hmac(hmac(salted, "Server Key"), message);
    return `${withoutProof},p=${encodeBase64(proof)}`;
  }

  /**
   * Checks that the server knows the password too.
   *
   * @throws {ConnectError} If it does not, or reports an error.
   */
  verify(serverFinal: string): void {
    const expected = this.#serverSignature;
    const error = /^e=([^,]*)/.exec(serverFinal)?.[1];
    if (error !== undefined) throw new ConnectError(`The server refused SCRAM: ${error}`);
    const given = /^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/s.exec(serverFinal)?.[1];
    let bytes: Uint8Array | undefined;
    try {
      bytes = given === undefined ? undefined : decodeBase64(given);
    } catch {
      // Not base64: as good as a wrong signature.
    }
    const right = expected !== undefined && bytes !== undefined &&
      bytes.length === expected.length && timingSafeEqual(bytes, expected);
    if (!right) {
      throw new ConnectError("The server does not know the password: its SCRAM signature is wrong");
    }
  }
}

async function saltPassword(
  password: string,
  salt: Bytes,
  iterations: number,
): Promise<Uint8Array> {
  const secret = encoder.encode(password);
  // HMAC pads its key with zeros, so one zero byte stands for the empty key that importKey refuses.
  const raw = secret.length === 0 ? new Uint8Array(1) : secret;
  const key = await crypto.subtle.importKey("raw", raw, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}

/** The answer to a request for an MD5 password: of the password and name, then of that and the salt. */
export function md5Password(user: string, password: string, salt: Uint8Array): string {
  const inner = createHash("md5").update(password + user).digest("hex");
  return "md5" + createHash("md5").update(inner).update(salt).digest("hex");
}

/** The hash that goes with each signature algorithm (RFC 5929, section 4.1), by its object identifier. */
const CERTIFICATE_HASHES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.4": "sha256", // MD5 with RSA: replaced by SHA-256, as SHA-1 is.
  "1.2.840.113549.1.1.5": "sha256",
  "1.2.840.113549.1.1.14": "sha224",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.1": "sha256",
  "1.2.840.10045.4.3.1": "sha224",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};

/** One element of DER: where its content starts and ends. `undefined` where it does not fit. */
function element(
  der: Uint8Array,
  at: number,
): { tag: number; start: number; end: number } | undefined {
  const tag = der[at];
  let length = der[at + 1];
  if (tag === undefined || length === undefined) return undefined;
  let start = at + 2;
  if (length >= 0x80) {
    const count = length - 0x80;
    if (count < 1 || count > 4) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = der[start++];
      if (byte === undefined) return undefined;
      length = length * 256 + byte;
    }
  }
  const end = start + length;
  return end > der.length ? undefined : { tag, start, end };
}

function objectIdentifier(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      arcs.push(first, value - first * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

/**
 * The hash of a certificate that binds SCRAM to a TLS channel, or `undefined` where its signature
 * algorithm names none (Ed25519, RSA-PSS).
 */
export function certificateHash(der: Uint8Array): Uint8Array | undefined {
  const SEQUENCE = 0x30;
  const certificate = element(der, 0);
  if (certificate?.tag !== SEQUENCE) return undefined;
  const body = element(der, certificate.start);
  if (body?.tag !== SEQUENCE) return undefined;
  const algorithm = element(der, body.end);
  if (algorithm?.tag !== SEQUENCE) return undefined;
  const identifier = element(der, algorithm.start);
  if (identifier?.tag !== 0x06) return undefined;
  const name = CERTIFICATE_HASHES[objectIdentifier(der.subarray(identifier.start, identifier.end))];
  return name === undefined ? undefined : createHash(name).update(der).digest();
}
