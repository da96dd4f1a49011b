/**
 * Route patterns: their grammar, and the checks at registration.
 *
 * ```txt
 * pattern  = "/" | 1*( "/" segment ) [ "/" ]
 * segment  = literal | ":" name [ "{" expression "}" ] [ "?" ] | "*" [ name ]
 * name     = ( letter | "_" ) *( letter | digit | "_" )
 * ```
 *
 * A literal is percent-decoded once, as paths are, so `/caf%C3%A9` and `/café` are one pattern and
 * `/%3Aid` is a literal colon.
 */

/** Longest pattern in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 2048;
/** Most segments in a pattern; it bounds the depth of the tree, and so of every walk over it. */
export const MAX_PATTERN_SEGMENTS = 64;
/** Most optional segments in a pattern: each set of present ones becomes a path in the tree. */
export const MAX_OPTIONAL_SEGMENTS = 8;

/** One segment of a parsed pattern. */
export type PatternSegment =
  | { readonly kind: "static"; readonly text: string }
  | { readonly kind: "param"; readonly name: string; readonly constraint: string | undefined }
  | { readonly kind: "wildcard"; readonly name: string };

/** A parsed pattern with its optional segments expanded. */
export interface ParsedPattern {
  readonly pattern: string;
  /** Each form of the pattern, the longest first. */
  readonly forms: readonly (readonly PatternSegment[])[];
}

/**
 * A route pattern that cannot be registered. `code` is `"ERR_INVALID_PATTERN"` for a pattern that
 * is malformed, and `"ERR_ROUTE_CONFLICT"` for one that matches exactly what an earlier one does.
 */
export class RoutePatternError extends Error {
  /** The stable name of the class. */
  override name = "RoutePatternError";
  /** The stable code of the failure. */
  readonly code: "ERR_INVALID_PATTERN" | "ERR_ROUTE_CONFLICT";
  /** The pattern that was refused. */
  readonly pattern: string;
  /** The earlier pattern it conflicts with, if that is the reason. */
  readonly conflictsWith: string | undefined;

  /** Makes an error for `pattern`; `conflictsWith` names the earlier pattern of a conflict. */
  constructor(message: string, pattern: string, conflictsWith?: string) {
    super(message);
    this.code = conflictsWith === undefined ? "ERR_INVALID_PATTERN" : "ERR_ROUTE_CONFLICT";
    this.pattern = pattern;
    this.conflictsWith = conflictsWith;
  }
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function invalid(pattern: string, reason: string): RoutePatternError {
  return new RoutePatternError(`Cannot use the route pattern "${pattern}": ${reason}`, pattern);
}

/** Splits at the slashes outside of braces. */
function splitPattern(pattern: string): string[] {
  const segments: string[] = [];
  let start = 1;
  let depth = 0;
  for (let index = 1; index < pattern.length; index++) {
    const char = pattern[index];
    if (depth > 0 && char === "\\") index++;
    else if (char === "{") depth++;
    else if (char === "}" && depth > 0) depth--;
    else if (char === "/" && depth === 0) {
      segments.push(pattern.slice(start, index));
      start = index + 1;
    }
  }
  if (depth > 0) throw invalid(pattern, "a brace is not closed");
  segments.push(pattern.slice(start));
  return segments;
}

function parseParam(pattern: string, segment: string): {
  segment: PatternSegment;
  optional: boolean;
} {
  let rest = segment.slice(1);
  const optional = rest.endsWith("?");
  if (optional) rest = rest.slice(0, -1);
  let constraint: string | undefined;
  const brace = rest.indexOf("{");
  if (brace >= 0) {
    if (!rest.endsWith("}")) throw invalid(pattern, `"${segment}" goes on after its constraint`);
    constraint = rest.slice(brace + 1, -1);
    rest = rest.slice(0, brace);
    if (constraint === "") throw invalid(pattern, `"${segment}" has an empty constraint`);
    try {
      new RegExp(`^(?:${constraint})$`, "u");
    } catch (error) {
      throw invalid(pattern, error instanceof Error ? error.message : String(error));
    }
  }
  checkName(pattern, rest);
  return { segment: { kind: "param", name: rest, constraint }, optional };
}

function checkName(pattern: string, name: string): void {
  if (!NAME.test(name) || name === "__proto__") {
    throw invalid(pattern, `"${name}" is not a name for a parameter`);
  }
}

function parseLiteral(pattern: string, segment: string): PatternSegment {
  if (/[{}?#]/.test(segment)) {
    throw invalid(pattern, `"${segment}" has a character that must be percent-encoded`);
  }
  try {
    return { kind: "static", text: decodeURIComponent(segment) };
  } catch {
    throw invalid(pattern, `"${segment}" is not valid percent-encoding`);
  }
}

/**
 * Parses a pattern.
 *
 * @throws {RoutePatternError} If the pattern is malformed.
 */
export function parsePattern(pattern: string): ParsedPattern {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw invalid(pattern.slice(0, 64) + "…", `it is longer than ${MAX_PATTERN_LENGTH}`);
  }
  if (!pattern.startsWith("/")) throw invalid(pattern, "it must start with a slash");
  const texts = splitPattern(pattern);
  if (texts.length > MAX_PATTERN_SEGMENTS) {
    throw invalid(pattern, `it has more than ${MAX_PATTERN_SEGMENTS} segments`);
  }
  const segments: { segment: PatternSegment; optional: boolean }[] = [];
  const names = new Set<string>();
  for (const [index, text] of texts.entries()) {
    const isLast = index === texts.length - 1;
    if (text === "" && !isLast) throw invalid(pattern, "it has an empty segment");
    let parsed: { segment: PatternSegment; optional: boolean };
    if (text.startsWith(":")) parsed = parseParam(pattern, text);
    else if (text.startsWith("*")) {
      if (!isLast) throw invalid(pattern, "a wildcard must be its last segment");
      if (text !== "*") checkName(pattern, text.slice(1));
      const name = text === "*" ? "*" : text.slice(1);
      parsed = { segment: { kind: "wildcard", name }, optional: false };
    } else parsed = { segment: parseLiteral(pattern, text), optional: false };
    if (parsed.segment.kind !== "static") {
      if (names.has(parsed.segment.name)) {
        throw invalid(pattern, `it names "${parsed.segment.name}" twice`);
      }
      names.add(parsed.segment.name);
    }
    segments.push(parsed);
  }
  return { pattern, forms: expandOptional(pattern, segments) };
}

/**
 * Expands optional segments. Neighbouring ones are left out from the right, so that
 * `/:year?/:month?` is `/`, `/:year` and `/:year/:month` but never a month alone.
 */
function expandOptional(
  pattern: string,
  segments: readonly { segment: PatternSegment; optional: boolean }[],
): PatternSegment[][] {
  if (segments.filter((entry) => entry.optional).length > MAX_OPTIONAL_SEGMENTS) {
    throw invalid(pattern, `it has more than ${MAX_OPTIONAL_SEGMENTS} optional segments`);
  }
  let forms: PatternSegment[][] = [[]];
  let index = 0;
  while (index < segments.length) {
    const run: PatternSegment[] = [];
    while (index < segments.length && segments[index]!.optional) {
      run.push(segments[index++]!.segment);
    }
    if (run.length > 0) {
      const prefixes = Array.from(
        { length: run.length + 1 },
        (_, left) => run.slice(0, run.length - left),
      );
      forms = prefixes.flatMap((prefix) => forms.map((form) => [...form, ...prefix]));
      continue;
    }
    const { segment } = segments[index++]!;
    for (const form of forms) form.push(segment);
  }
  // The root, and what is left when every segment was optional, is one empty segment.
  return forms.map((form) => form.length === 0 ? [{ kind: "static", text: "" }] : form);
}

/** Two forms of one method with the same shape match exactly the same paths. */
export function shapeOf(form: readonly PatternSegment[]): string {
  return form.map((segment) => {
    if (segment.kind === "static") return encodeURIComponent(segment.text);
    if (segment.kind === "wildcard") return "*";
    return segment.constraint === undefined ? ":" : `:{${segment.constraint}}`;
  }).join("/");
}
