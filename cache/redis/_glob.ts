/**
 * Glob patterns of KEYS, SCAN, PSUBSCRIBE and CONFIG GET: `*`, `?`, `[a-z]`, `[^a]` and backslash.
 */

function lower(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

/** Steps after which a match is given up: the product of a long pattern and a long text. */
const MAX_STEPS = 200_000_000;
/** Groups of `*` after which nothing matches, as in Redis. */
const MAX_STARS = 1000;

/**
 * Whether `text` matches `pattern`, byte by byte.
 *
 * Keeps one point to return to, the latest `*`, so the cost is at most pattern length times text length.
 */
export function globMatch(pattern: string, text: string, ignoreCase = false): boolean {
  let p = 0;
  let t = 0;
  let starPattern = -1;
  let starText = 0;
  let steps = 0;
  let stars = 0;
  const patternLength = pattern.length;
  const textLength = text.length;
  while (t < textLength) {
    if (++steps > MAX_STEPS) return false;
    let matched = false;
    let next = p;
    if (p < patternLength) {
      const code = pattern.charCodeAt(p);
      if (code === 42) {
        while (p < patternLength && pattern.charCodeAt(p) === 42) p++;
        if (p === patternLength) return true;
        if (++stars > MAX_STARS) return false;
        starPattern = p;
        starText = t;
        continue;
      }
      const target = ignoreCase ? lower(text.charCodeAt(t)) : text.charCodeAt(t);
      if (code === 63) {
        matched = true;
        next = p + 1;
      } else if (code === 91) {
        next = p + 1;
        let negate = false;
        if (pattern.charCodeAt(next) === 94) {
          negate = true;
          next++;
        }
        let hit = false;
        for (;;) {
          if (next >= patternLength) break;
          let from = pattern.charCodeAt(next);
          if (from === 92 && next + 1 < patternLength) {
            next++;
            from = pattern.charCodeAt(next);
            if ((ignoreCase ? lower(from) : from) === target) hit = true;
            next++;
          } else if (from === 93) {
            next++;
            break;
          } else if (next + 2 < patternLength && pattern.charCodeAt(next + 1) === 45) {
            let to = pattern.charCodeAt(next + 2);
            if (ignoreCase) {
              from = lower(from);
              to = lower(to);
            }
            if (from > to) [from, to] = [to, from];
            if (target >= from && target <= to) hit = true;
            next += 3;
          } else {
            if ((ignoreCase ? lower(from) : from) === target) hit = true;
            next++;
          }
        }
        matched = hit !== negate;
      } else {
        let literal = code;
        next = p + 1;
        if (code === 92 && p + 1 < patternLength) {
          literal = pattern.charCodeAt(p + 1);
          next = p + 2;
        }
        matched = (ignoreCase ? lower(literal) : literal) === target;
      }
    }
    if (matched) {
      p = next;
      t++;
    } else if (starPattern >= 0) {
      p = starPattern;
      t = ++starText;
    } else return false;
  }
  while (p < patternLength && pattern.charCodeAt(p) === 42) p++;
  return p === patternLength;
}

/** Whether a pattern is one literal, so that a direct look-up can replace a scan. */
export function isLiteral(pattern: string): boolean {
  return !/[*?[\\]/.test(pattern);
}
