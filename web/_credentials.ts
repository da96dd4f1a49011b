import { timingSafeEqual } from "@std/crypto";
import { createHash } from "node:crypto";

const encoder = new TextEncoder();

/** The hash of a secret: of one length for all, so that comparing tells nothing of the length. */
export function digest(secret: string): Uint8Array {
  return createHash("sha256").update(encoder.encode(secret)).digest();
}

/** Compares two digests in a time that does not depend on where they differ. */
export function isSameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return timingSafeEqual(a, b);
}
