/**
 * The order in which Git walks its hash maps of strings.
 *
 * Where Git takes "the first of the best" out of such a map, its choice among equals depends on
 * this order, so results can only agree when it is the same.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";

const FIRST_SIZE = 64;
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function hash(text: ByteString): number {
  let value = FNV_BASIS;
  for (let i = 0; i < text.length; i++) value = Math.imul(value, FNV_PRIME) ^ text.charCodeAt(i);
  return value >>> 0;
}

/** Keys in the order of such a map into which they were put in the order given. O(n). */
export function hashMapOrder(keys: Iterable<ByteString>): ByteString[] {
  let list = [...keys];
  if (list.length < 2) return list;
  let size = FIRST_SIZE;
  // Buckets are chains that grow at the head; growing the table moves every chain in its order.
  let table: ByteString[][] = [];
  const put = (key: ByteString): void => {
    (table[hash(key) % size] ??= []).push(key);
  };
  const walk = (): ByteString[] => {
    const out: ByteString[] = [];
    for (const chain of table) {
      if (chain !== undefined) { for (let i = chain.length - 1; i >= 0; i--) out.push(chain[i]!); }
    }
    return out;
  };
  for (let i = 0; i < list.length; i++) {
    put(list[i]!);
    if (i + 1 > Math.floor(size * 80 / 100)) {
      const moved = walk();
      size *= 4;
      table = [];
      for (const key of moved) put(key);
    }
  }
  list = walk();
  return list;
}
