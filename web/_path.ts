/**
 * Paths of requests: split while they are raw, decoded once, segment by segment, so that an encoded
 * slash never becomes a separator (RFC 3986 section 2.2).
 */

/** A path that is not valid percent-encoded UTF-8. Answered with 400. */
export class MalformedPathError extends Error {
  /** The stable name of the class. */
  override name = "MalformedPathError";
  /** The stable code of the failure. */
  readonly code = "ERR_MALFORMED_PATH";
  /** The status to answer with. */
  readonly status = 400;
  /** The raw path. */
  readonly path: string;

  /** Makes an error for the raw `path`. */
  constructor(path: string) {
    super("Cannot decode the path: it is not valid percent-encoded UTF-8");
    this.path = path;
  }
}

/**
 * Splits a raw path into decoded segments.
 *
 * @throws {MalformedPathError} If a segment is not valid percent-encoding, or not UTF-8.
 */
export function decodeSegments(path: string): string[] {
  const segments = path.slice(1).split("/");
  if (!path.includes("%")) return segments;
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!;
    if (!segment.includes("%")) continue;
    try {
      segments[index] = decodeURIComponent(segment);
    } catch {
      throw new MalformedPathError(path);
    }
  }
  return segments;
}

/** Joins the decoded segments that a wildcard took; a slash that was encoded stays encoded. */
export function joinWildcard(segments: readonly string[], start: number): string {
  let joined = "";
  for (let index = start; index < segments.length; index++) {
    const segment = segments[index]!;
    if (index > start) joined += "/";
    joined += segment.includes("/") ? segment.replaceAll("/", "%2F") : segment;
  }
  return joined;
}

/** The raw path of an absolute URL or an origin-form target, without query and fragment. */
export function pathOf(url: string): string {
  let start = 0;
  if (url.charCodeAt(0) !== 47 /* / */) {
    const scheme = url.indexOf("://");
    start = scheme < 0 ? -1 : url.indexOf("/", scheme + 3);
    if (start < 0) return "/";
  }
  for (let index = start; index < url.length; index++) {
    const code = url.charCodeAt(index);
    if (code === 63 /* ? */ || code === 35 /* # */) {
      return index === start ? "/" : url.slice(start, index);
    }
  }
  return start === 0 ? url : url.slice(start);
}

/** The raw query of a URL, without the question mark. */
export function queryOf(url: string): string {
  const start = url.indexOf("?");
  const end = url.indexOf("#");
  if (start < 0 || (end >= 0 && end < start)) return "";
  return end < 0 ? url.slice(start + 1) : url.slice(start + 1, end);
}

/**
 * The first value of a query parameter where nothing in the query is encoded, which is a tenth of
 * the work of parsing it; `false` where something is, or could be.
 */
export function plainQueryValue(url: string, name: string): string | undefined | false {
  const query = queryOf(url);
  if (name === "" || query.includes("%") || query.includes("+")) return false;
  let start = 0;
  while (start < query.length) {
    let end = query.indexOf("&", start);
    if (end < 0) end = query.length;
    const valueStart = start + name.length;
    if (query.startsWith(name, start)) {
      if (valueStart === end) return "";
      if (query.charCodeAt(valueStart) === 61 /* = */) return query.slice(valueStart + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

const UNSAFE_IN_LOG = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Escapes what could forge, break or disguise a log line: control and format characters (those that
 * turn the direction of text among them) become `\xNN` or `\u{NNNN}`.
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE_IN_LOG, (char) => {
    const hex = char.codePointAt(0)!.toString(16);
    return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}
