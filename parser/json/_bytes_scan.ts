/** Walks over JSON values in bytes by their brackets and quotes only; used where a value is skipped unread. */

/** After any white space from `at`. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  for (;; at++) {
    const code = bytes[at];
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
  }
}

/** After the string whose opening quote is at `at`, or -1 where it does not end. */
export function skipString(bytes: Uint8Array, at: number): number {
  const length = bytes.length;
  for (let i = at + 1; i < length; i++) {
    const code = bytes[i]!;
    if (code === 34) return i + 1;
    if (code === 92) i++;
  }
  return -1;
}

/** After the value that starts at `at`, or -1 where it does not end. */
export function skipValue(bytes: Uint8Array, at: number): number {
  const length = bytes.length;
  const first = bytes[at]!;
  if (first === 34) return skipString(bytes, at);
  if (first !== 123 && first !== 91) {
    let i = at;
    for (; i < length; i++) {
      const code = bytes[i]!;
      if (code === 44 || code === 93 || code === 125 || code <= 32) break;
    }
    return i > at ? i : -1;
  }
  let depth = 0;
  for (let i = at; i < length; i++) {
    const code = bytes[i]!;
    if (code === 34) {
      for (i++; i < length; i++) {
        const inner = bytes[i]!;
        if (inner === 34) break;
        if (inner === 92) i++;
      }
    } else if (code === 123 || code === 91) depth++;
    else if ((code === 125 || code === 93) && --depth === 0) return i + 1;
  }
  return -1;
}
