/** Numbers for keys that have no value to hash: objects, functions, symbols that are not registered. */
const identities = new WeakMap<WeakKey, number>();
let nextIdentity = 1;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Spreads the bits of a 32-bit number (the finaliser of MurmurHash3, a bijection). */
export function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/**
 * An unsigned 32-bit hash under which keys that a `Map` holds equal are equal. Used for counting
 * how often keys come, where a collision costs a little precision and nothing else.
 */
export function hashKey(key: unknown): number {
  switch (typeof key) {
    case "string":
      return hashText(key);
    case "number":
      if (key === (key | 0)) return mix(key | 0);
      float[0] = key;
      return mix(words[0]! ^ Math.imul(words[1]!, 31));
    case "bigint":
      return hashText(key.toString(36));
    case "boolean":
      return mix(key ? 1 : 2);
    case "undefined":
      return mix(3);
    case "symbol":
      if (Symbol.keyFor(key) !== undefined) return hashText(Symbol.keyFor(key)!);
  }
  if (key === null) return mix(4);
  let identity = identities.get(key as WeakKey);
  if (identity === undefined) {
    identity = nextIdentity++;
    identities.set(key as WeakKey, identity);
  }
  return mix(identity ^ 0x5bd1e995);
}
