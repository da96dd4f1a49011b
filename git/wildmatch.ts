/**
 * Git's wildcard match: `?`, `*`, `[...]` with ranges and classes, and, when `pathname` is set, `*`
 * that stops at slashes and `**` that does not.
 *
 * Matching is memoised over (pattern, text) positions, so no pattern takes exponential time.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";

/** Flags of {@linkcode wildmatch}. */
export interface WildmatchFlags {
  /** `*` and `?` do not match a slash, `**` does. Default false. */
  pathname?: boolean;
  /** Ignore the case of ASCII letters. Default false. */
  fold?: boolean;
}

function lower(c: number): number {
  return c >= 65 && c <= 90 ? c + 32 : c;
}

const CLASSES: Record<string, (c: number) => boolean> = {
  alnum: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  alpha: (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122),
  blank: (c) => c === 32 || c === 9,
  cntrl: (c) => c < 32 || c === 127,
  digit: (c) => c >= 48 && c <= 57,
  graph: (c) => c > 32 && c < 127,
  lower: (c) => c >= 97 && c <= 122,
  print: (c) => c >= 32 && c < 127,
  punct: (c) =>
    (c > 32 && c < 48) || (c > 57 && c < 65) || (c > 90 && c < 97) || (c > 122 && c < 127),
  space: (c) => c === 32 || (c >= 9 && c <= 13),
  upper: (c) => c >= 65 && c <= 90,
  xdigit: (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102),
};

/** Whether `text` matches `pattern`. Time and memory are bounded by the product of their lengths. */
export function wildmatch(
  pattern: ByteString,
  text: ByteString,
  flags: WildmatchFlags = {},
): boolean {
  const pathname = flags.pathname ?? false;
  const fold = flags.fold ?? false;
  const failed = new Set<number>();
  const width = text.length + 1;

  const match = (p: number, t: number): boolean => {
    for (; p < pattern.length; p++, t++) {
      let pc = pattern.charCodeAt(p);
      if (t >= text.length && pc !== 42) return false;
      let tc = text.charCodeAt(t);
      if (fold) {
        tc = lower(tc);
        pc = lower(pc);
      }
      if (pc === 92) {
        p++;
        if (p >= pattern.length) return false;
        pc = pattern.charCodeAt(p);
        if (fold) pc = lower(pc);
        if (pc !== tc) return false;
        continue;
      }
      if (pc === 63) {
        if (pathname && tc === 47) return false;
        continue;
      }
      if (pc === 91) {
        const end = bracket(pattern, p, tc, fold);
        if (end < 0 || (pathname && tc === 47)) return false;
        p = end;
        continue;
      }
      if (pc !== 42) {
        if (pc !== tc) return false;
        continue;
      }
      const start = p;
      while (pattern.charCodeAt(p + 1) === 42) p++;
      let anySlash = !pathname;
      if (pathname && p > start) {
        const before = start === 0 || pattern.charCodeAt(start - 1) === 47;
        const after = p + 1 >= pattern.length || pattern.charCodeAt(p + 1) === 47 ||
          (pattern.charCodeAt(p + 1) === 92 && pattern.charCodeAt(p + 2) === 47);
        if (before && after) {
          // "**/" may match nothing at all.
          if (pattern.charCodeAt(p + 1) === 47 && match(p + 2, t)) return true;
          anySlash = true;
        }
      }
      const rest = p + 1;
      if (rest >= pattern.length) return anySlash || text.indexOf("/", t) < 0;
      if (failed.has(rest * width + t)) return false;
      for (let from = t; from <= text.length; from++) {
        if (match(rest, from)) return true;
        if (!anySlash && text.charCodeAt(from) === 47) break;
      }
      failed.add(rest * width + t);
      return false;
    }
    return t === text.length;
  };
  return match(0, 0);
}

/** Matches `[...]` at `p`; returns the position of `]`, or -1. */
function bracket(pattern: ByteString, p: number, c: number, fold: boolean): number {
  p++;
  let negate = false;
  const first = pattern.charCodeAt(p);
  if (first === 33 || first === 94) {
    negate = true;
    p++;
  }
  let matched = false;
  let previous = 0;
  let start = true;
  for (;; p++) {
    if (p >= pattern.length) return -1;
    let pc = pattern.charCodeAt(p);
    if (pc === 93 && !start) break;
    start = false;
    if (pc === 92) {
      p++;
      if (p >= pattern.length) return -1;
      pc = pattern.charCodeAt(p);
      if (pc === c) matched = true;
    } else if (
      pc === 45 && previous !== 0 && p + 1 < pattern.length && pattern.charCodeAt(p + 1) !== 93
    ) {
      p++;
      pc = pattern.charCodeAt(p);
      if (pc === 92) {
        p++;
        if (p >= pattern.length) return -1;
        pc = pattern.charCodeAt(p);
      }
      if (c >= previous && c <= pc) matched = true;
      else if (fold && c >= 97 && c <= 122 && c - 32 >= previous && c - 32 <= pc) matched = true;
      pc = 0;
    } else if (pc === 91 && pattern.charCodeAt(p + 1) === 58) {
      const close = pattern.indexOf("]", p + 2);
      if (close < 0) return -1;
      if (close - p - 2 < 1 || pattern.charCodeAt(close - 1) !== 58) {
        if (c === 91) matched = true;
      } else {
        const test = CLASSES[pattern.slice(p + 2, close - 1)];
        if (test === undefined) return -1;
        if (test(c) || (fold && test(c - (c >= 97 && c <= 122 ? 32 : 0)))) matched = true;
        p = close;
        pc = 0;
      }
    } else if (pc === c || (fold && lower(pc) === c)) matched = true;
    previous = pc;
  }
  return matched !== negate ? p : -1;
}

/** Whether a pattern has any wildcard. */
export function hasWildcard(pattern: ByteString): boolean {
  return /[*?[\\]/.test(pattern);
}
