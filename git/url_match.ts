/**
 * Settings that hold for some URLs only, such as `http.<url>.proxy` and `credential.<url>.helper`.
 *
 * URLs are compared in a normal form (RFC 3986, section 6.2): scheme and host in lower case, no
 * default port, `.` and `..` resolved, percent escapes only where they are needed. In the URL of a
 * setting `*` stands for one label of the host.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { Config, ConfigEntry } from "./config.ts";
import { GitError } from "./errors.ts";

/** A URL in normal form, in parts. */
interface NormalUrl {
  scheme: string;
  user: string | undefined;
  host: string;
  port: string;
  path: string;
}

const UNSAFE = /[^!-~]|[<>"%{}|\\^`]/;
const RESERVED = ":/?#[]@!$&'()*+,;=";

/** Escapes what must be, unescapes what need not be; `undefined` for a broken escape. */
function normaliseEscapes(text: ByteString): ByteString | undefined {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    let ch = text[i]!;
    let escaped = false;
    if (ch === "%") {
      const digits = text.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) return undefined;
      ch = String.fromCharCode(parseInt(digits, 16));
      i += 2;
      escaped = true;
    }
    if (UNSAFE.test(ch) || (escaped && RESERVED.includes(ch))) {
      out += `%${ch.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
    } else out += ch;
  }
  return out;
}

function normalisePort(port: string, scheme: string): string {
  const digits = port.replace(/^0+(?=.)/, "");
  if (
    digits === "" || (scheme === "http" && digits === "80") ||
    (scheme === "https" && digits === "443")
  ) return "";
  if (!/^\d{1,5}$/.test(digits) || Number(digits) < 1 || Number(digits) > 65535) {
    throw new GitError("invalid", "invalid port number");
  }
  return digits;
}

function normalisePathAndQuery(text: ByteString): ByteString {
  const bad = (): GitError => new GitError("invalid", "invalid %XX escape sequence");
  const query = /[?#]/.exec(text)?.index ?? text.length;
  const segments: string[] = [];
  const given = text.slice(text.startsWith("/") ? 1 : 0, query).split("/");
  given.forEach((raw, i) => {
    const segment = normaliseEscapes(raw);
    if (segment === undefined) throw bad();
    const last = i === given.length - 1;
    if (segment === ".") {
      if (last && segments.length > 0) segments.push("");
    } else if (segment === "..") {
      if (segments.length === 0) throw new GitError("invalid", "invalid '..' path segment");
      segments.pop();
      if (last && segments.length > 0) segments.push("");
    } else segments.push(segment);
  });
  const rest = normaliseEscapes(text.slice(query));
  if (rest === undefined) throw bad();
  return `/${segments.join("/")}${rest}`;
}

function splitUrl(url: ByteString, globs: boolean): NormalUrl {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(url);
  if (match === null) {
    throw new GitError("invalid", "invalid URL scheme name or missing '://' suffix");
  }
  const scheme = match[1]!.toLowerCase();
  let authority = match[2]!;
  let user: string | undefined;
  const at = authority.indexOf("@");
  if (at >= 0) {
    const escaped = normaliseEscapes(authority.slice(0, at));
    if (escaped === undefined) throw new GitError("invalid", "invalid %XX escape sequence");
    // Only the name counts, never the password.
    user = escaped.split(":", 1)[0]!;
    authority = authority.slice(at + 1);
  }
  const colon = /:[^\]:]*$/.exec(authority)?.index ?? authority.length;
  const host = authority.slice(0, colon).toLowerCase();
  if (host === "") {
    if (scheme !== "file") {
      throw new GitError("invalid", "missing host and scheme is not 'file:'");
    }
    if (colon + 1 < authority.length) {
      throw new GitError("invalid", "a 'file:' URL may not have a port number");
    }
  }
  if (!(globs ? /^[a-z0-9.\-_[:\]*]*$/ : /^[a-z0-9.\-_[:\]]*$/).test(host)) {
    throw new GitError("invalid", "invalid characters in host name");
  }
  const port = normalisePort(authority.slice(colon + 1), scheme);
  return { scheme, user, host, port, path: normalisePathAndQuery(match[3]!) };
}

function hostMatches(host: string, pattern: string): boolean {
  const labels = host.split("."), wanted = pattern.split(".");
  return labels.length === wanted.length &&
    wanted.every((label, i) => label === "*" || label === labels[i]);
}

/** How much of the path a prefix matches, in characters; 0 for not at all. */
function pathMatch(path: string, prefix: string): number {
  if (prefix === "" || prefix === "/") return path === "" || path.startsWith("/") ? 1 : 0;
  const bare = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  if (!path.startsWith(bare)) return 0;
  return path.length === bare.length || path[bare.length] === "/" ? bare.length + 1 : 0;
}

type Rank = readonly [host: number, path: number, user: number];

function rank(url: NormalUrl, pattern: NormalUrl): Rank | undefined {
  if (url.scheme !== pattern.scheme || url.port !== pattern.port) return undefined;
  if (pattern.user !== undefined && pattern.user !== url.user) return undefined;
  if (!hostMatches(url.host, pattern.host)) return undefined;
  const path = pathMatch(url.path, pattern.path);
  return path === 0 ? undefined : [pattern.host.length, path, pattern.user === undefined ? 0 : 1];
}

/** A URL in the normal form in which settings are compared. Throws `GitError` ("invalid"). */
export function normaliseUrl(url: ByteString): ByteString {
  const parts = splitUrl(url, false);
  const user = parts.user === undefined ? "" : `${parts.user}@`;
  return `${parts.scheme}://${user}${parts.host}${
    parts.port === "" ? "" : `:${parts.port}`
  }${parts.path}`;
}

/**
 * The settings of a section that hold for a URL: of `section.key` and every `section.<url>.key`
 * whose URL matches, the most specific, and of equals the last.
 *
 * The URL with the longer host wins, then the longer path, then the one that names a user. Keys of
 * the result are the names without the section. Throws `GitError` ("invalid") when `url` is none.
 */
export function settingsForUrl(
  config: Config,
  section: ByteString,
  url: ByteString,
): Map<ByteString, ConfigEntry> {
  const wanted = splitUrl(url, false);
  const best = new Map<ByteString, { entry: ConfigEntry; rank: Rank }>();
  const prefix = `${section}.`;
  for (const entry of config.entries) {
    if (!entry.key.startsWith(prefix)) continue;
    const rest = entry.key.slice(prefix.length);
    const dot = rest.lastIndexOf(".");
    let found: Rank | undefined = [0, 0, 0];
    if (dot >= 0) {
      try {
        found = rank(wanted, splitUrl(rest.slice(0, dot), true));
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        found = undefined;
      }
    }
    if (found === undefined) continue;
    const name = rest.slice(dot + 1);
    const before = best.get(name)?.rank;
    if (before !== undefined && compare(found, before) < 0) continue;
    best.set(name, { entry, rank: found });
  }
  return new Map([...best].map(([name, { entry }]) => [name, entry]));
}

function compare(a: Rank, b: Rank): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
