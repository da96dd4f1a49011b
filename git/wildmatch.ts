/**
 * Git's wildcard match: `?`, `*`, `[...]` with ranges and classes, and, when `pathname` is set, `*`
 * that stops at slashes and `**` that does not.
 *
 * Matching never recurses and tries no position twice, so no pattern takes exponential time.
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

/** More runs of stars than this in one pattern match nothing: the bound on memory. */
const MAX_STARS = 1024;

/** This many wrong tries are made before they are written down. */
const FREE_TRIES = 64;

const ANY_SLASH = 1;
/** The reading of `**` and its slash as nothing: there is no other try of it. */
const ONCE = 2;

/**
 * Whether `text` matches `pattern`. Every (run of stars, position) is tried once, on an explicit
 * stack: time is bounded by the product of the lengths times the longest piece without stars, memory
 * by an eighth of 1024 times the length of `text`. A pattern with more than 1024 runs of stars
 * matches nothing.
 */
export function wildmatch(
  pattern: ByteString,
  text: ByteString,
  flags: WildmatchFlags = {},
): boolean {
  const pathname = flags.pathname ?? false;
  const fold = flags.fold ?? false;
  const width = text.length + 1;
  // Runs of stars that matched so far, three numbers each: where the pattern goes on, up to where in
  // the text the stars reach, and flags.
  let stack: number[] | undefined;
  let tries = 0;
  // Which (run of stars, position) failed.
  let tried: Map<number, Uint8Array> | undefined;
  let p = 0, t = 0;
  for (;;) {
    // Goes on without choices as far as it can; `failed` says that the last choice was wrong.
    let failed = false;
    while (!failed) {
      if (p >= pattern.length) {
        if (t === text.length) return true;
        failed = true;
        break;
      }
      let pc = pattern.charCodeAt(p);
      if (pc === 42) {
        const start = p;
        while (pattern.charCodeAt(p + 1) === 42) p++;
        let anySlash = !pathname;
        let mayBeNothing = false;
        if (pathname && p > start) {
          const before = start === 0 || pattern.charCodeAt(start - 1) === 47;
          const after = p + 1 >= pattern.length || pattern.charCodeAt(p + 1) === 47 ||
            (pattern.charCodeAt(p + 1) === 92 && pattern.charCodeAt(p + 2) === 47);
          if (before && after) {
            anySlash = true;
            // `**` and its slash may match nothing at all.
            mayBeNothing = pattern.charCodeAt(p + 1) === 47;
          }
        }
        const rest = p + 1;
        if (rest >= pattern.length) {
          if (anySlash || text.indexOf("/", t) < 0) return true;
          failed = true;
          break;
        }
        const seen = tried?.get(rest);
        if (seen !== undefined && (seen[t >> 3]! & (1 << (t & 7))) !== 0) {
          failed = true;
          break;
        }
        if (!fold && !mayBeNothing && isLiteral(pattern, rest)) {
          // The common `*.ext`: only the end of the text can match.
          const at = text.length - (pattern.length - rest);
          if (at >= t && text.endsWith(pattern.slice(rest))) {
            const slash = anySlash ? -1 : text.indexOf("/", t);
            if (slash < 0 || slash >= at) return true;
          }
          failed = true;
          break;
        }
        stack ??= [];
        if (stack.length >= 6 * MAX_STARS) return false;
        stack.push(rest, t, anySlash ? ANY_SLASH : 0);
        p = rest;
        if (mayBeNothing) {
          // Tried first; when it fails, the stars are.
          stack.push(rest, t, ONCE);
          p = rest + 1;
        }
        continue;
      }
      if (t >= text.length) {
        failed = true;
        break;
      }
      let tc = text.charCodeAt(t);
      if (fold) {
        tc = lower(tc);
        pc = lower(pc);
      }
      if (pc === 92) {
        if (++p >= pattern.length) {
          failed = true;
          break;
        }
        pc = pattern.charCodeAt(p);
        if (fold) pc = lower(pc);
        if (pc !== tc) failed = true;
      } else if (pc === 63) {
        if (pathname && tc === 47) failed = true;
      } else if (pc === 91) {
        const end = bracket(pattern, p, tc, fold);
        if (end < 0 || (pathname && tc === 47)) failed = true;
        else p = end;
      } else if (pc !== tc) failed = true;
      p++;
      t++;
    }
    // The last run of stars takes one byte more.
    if (stack === undefined) return false;
    for (;;) {
      const top = stack.length - 3;
      if (top < 0) return false;
      const rest = stack[top]!, from = stack[top + 1]!, kind = stack[top + 2]!;
      if (kind === ONCE) {
        stack.length = top;
        p = rest;
        t = from;
        break;
      }
      let seen: Uint8Array | undefined;
      if (++tries > FREE_TRIES) {
        tried ??= new Map();
        seen = tried.get(rest);
        if (seen === undefined) {
          if (tried.size >= MAX_STARS) return false;
          tried.set(rest, seen = new Uint8Array((width + 7) >> 3));
        }
        seen[from >> 3]! |= 1 << (from & 7);
      }
      const next = from + 1;
      if (
        from >= text.length || (kind !== ANY_SLASH && text.charCodeAt(from) === 47) ||
        (seen !== undefined && (seen[next >> 3]! & (1 << (next & 7))) !== 0)
      ) {
        stack.length = top;
        continue;
      }
      stack[top + 1] = next;
      p = rest;
      t = next;
      break;
    }
  }
}

/** Whether a pattern has no special character from `at` on. */
function isLiteral(pattern: ByteString, at: number): boolean {
  for (; at < pattern.length; at++) {
    const c = pattern.charCodeAt(at);
    if (c === 42 || c === 63 || c === 91 || c === 92) return false;
  }
  return true;
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
