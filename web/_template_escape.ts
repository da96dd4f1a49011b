/** Escapers for each context, and the values that are known to be safe in one. */
import { type Context, isSafeAttributeName } from "./_template_context.ts";

/** In which context a {@linkcode SafeContent} is trusted. */
export type SafeKind = "html" | "attribute" | "url" | "srcset" | "js" | "css";

/**
 * Text that its author vouches for in one context; made by `safeHtml()` and its siblings. In every
 * other context it is escaped as any text is.
 */
export class SafeContent {
  /** The context it is trusted in. */
  readonly kind: SafeKind;
  /** The text. */
  readonly text: string;

  /** Wraps `text`; the caller states that it is safe as `kind`. */
  constructor(kind: SafeKind, text: string) {
    this.kind = kind;
    this.text = text;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }
}

/** Turns a value into what is written. */
export type Escaper = (value: unknown) => string;

/** Stands where a URL was refused. */
export const BLOCKED_URL = "about:invalid#blocked";
/** Stands where a CSS value was refused. */
const BLOCKED_CSS = "blocked";
const SAFE_SCHEMES = new Set(["http", "https", "mailto", "tel"]);

/** The text of a value, as it is written where nothing is escaped. */
export function toText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "undefined":
      return "";
    case "function":
    case "symbol":
      throw new TypeError(`a ${typeof value} cannot be written`);
    case "object": {
      if (value === null) return "";
      if (value instanceof Promise) throw new TypeError("a promise cannot be written: await it");
      if (value instanceof Date) {
        return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
      }
      const { toString } = value as { toString?: unknown };
      if (
        typeof toString === "function" && toString !== Object.prototype.toString &&
        !Array.isArray(value)
      ) return String(value);
      return toJson(value);
    }
    default:
      return String(value);
  }
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    throw new TypeError(
      `this value has no JSON form: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const MARKUP = /[&<>"'`\0]/g;
const REPLACEMENTS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
  "`": "&#96;",
  "\0": "\ufffd",
};

/** Escapes text for element content and quoted attribute values alike. */
export function escapeMarkup(text: string): string {
  // Most values have nothing to escape, and `search` is several times cheaper than `replace`.
  return text.search(/[&<>"'`\0]/) < 0 ? text : text.replace(MARKUP, (char) => REPLACEMENTS[char]!);
}

/** `\uXXXX` for everything that could end a script, a string of any kind, or an attribute. */
function escapeJsString(value: unknown): string {
  return toText(value).replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f"'`\\/<>&=+${}\u007f\u2028\u2029\ufeff]/g,
    unicodeEscape,
  );
}

function unicodeEscape(char: string): string {
  return "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0");
}

function escapeJsRegexp(value: unknown): string {
  const escaped = toText(value).replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f"'`\\/<>&=+$(){}[\]^.*?|\-\u007f\u2028\u2029\ufeff]/g,
    unicodeEscape,
  );
  // An empty expression would be read as the start of a line comment.
  return escaped === "" ? "(?:)" : escaped;
}

function jsValue(isJson: boolean): Escaper {
  return (value) => {
    if (value instanceof SafeContent) {
      if (value.kind === "js" && !isJson) return value.text;
      value = value.text;
    }
    if (typeof value === "bigint") return ` ${value}${isJson ? "" : "n"} `;
    const json = toJson(value).replace(/[<>&'`=+\u2028\u2029\u007f\ufeff]/g, unicodeEscape);
    const first = json.charCodeAt(0);
    // Spaces keep numbers and words from joining what is around them.
    return first === 0x22 || first === 0x5b || first === 0x7b ? json : ` ${json} `;
  };
}

function escapeCssString(value: unknown): string {
  return toText(value).replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f"&'()+/:;<>\\{}\u007f\u2028\u2029]/g,
    (char) => char === "\0" ? "\ufffd" : `\\${char.charCodeAt(0).toString(16)} `,
  );
}

function filterCss(value: unknown): string {
  if (value instanceof SafeContent && value.kind === "css") return value.text;
  const text = toText(value);
  // deno-lint-ignore no-control-regex
  if (/[\u0000"'()/;@[\\\]`{}<>:&]|--/.test(text)) return BLOCKED_CSS;
  const letters = text.toLowerCase().replace(/[^a-z]/g, "");
  return /expression|mozbinding|behavior/.test(letters) ? BLOCKED_CSS : text;
}

function percentEncode(char: string): string {
  const encoded = encodeURIComponent(char);
  return encoded !== char ? encoded : "%" + char.charCodeAt(0).toString(16).toUpperCase();
}

/** Encodes what may not stand in a URL, and quotes and parentheses; escapes stay as they are. */
function normalizeUrl(text: string): string {
  return text.toWellFormed().replace(
    /%(?![\da-fA-F]{2})|[^\w\-.~:/?#[\]@!$&*+,;=%]/gu,
    percentEncode,
  );
}

function schemeIsSafe(text: string): boolean {
  const end = text.search(/[:/?#]/);
  return end < 0 || text[end] !== ":" || SAFE_SCHEMES.has(text.slice(0, end).trim().toLowerCase());
}

function urlStart(value: unknown): string {
  if (value instanceof SafeContent && value.kind === "url") return normalizeUrl(value.text);
  const text = toText(value);
  return schemeIsSafe(text) ? normalizeUrl(text) : BLOCKED_URL;
}

function urlInScheme(value: unknown): string {
  const text = normalizeUrl(toText(value));
  const end = text.search(/[/?#]/);
  if (end < 0) return text.replaceAll(":", "%3A");
  return text.slice(0, end).replaceAll(":", "%3A") + text.slice(end);
}

function urlPath(value: unknown): string {
  return normalizeUrl(toText(value));
}

function urlQuery(value: unknown): string {
  if (value instanceof SafeContent && value.kind === "url") return normalizeUrl(value.text);
  return queryEscape(toText(value));
}

/** Percent-encodes everything but unreserved characters (RFC 3986, section 2.3). */
export function queryEscape(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, percentEncode);
}

function filterSrcset(value: unknown): string {
  if (value instanceof SafeContent) {
    if (value.kind === "srcset") return value.text;
    if (value.kind === "url") return normalizeUrl(value.text).replaceAll(",", "%2C");
  }
  return toText(value).split(",").map((candidate) => {
    const [url = "", ...descriptors] = candidate.trim().split(/\s+/);
    if (!schemeIsSafe(url)) return BLOCKED_URL;
    if (!descriptors.every((word) => /^[\d.]{1,16}[wxh]$/.test(word))) return BLOCKED_URL;
    return [normalizeUrl(url), ...descriptors].join(" ");
  }).join(", ");
}

function filterMetaContent(value: unknown): string {
  const text = toText(value);
  return /url\s*=|^\s*[\d.]+\s*[;,]/i.test(text) ? "blocked" : text;
}

function filterAnimation(value: unknown): string {
  const text = toText(value);
  // deno-lint-ignore no-control-regex
  const bare = text.replace(/[\u0000-\u0020]/g, "");
  return /(?:java|vb|live)script:|data:/i.test(bare) ? BLOCKED_URL : text;
}

function srcdoc(value: unknown): string {
  return value instanceof SafeContent && value.kind === "html"
    ? value.text
    : escapeMarkup(toText(value));
}

function htmlText(value: unknown): string {
  if (typeof value === "string") return escapeMarkup(value);
  if (value instanceof SafeContent && value.kind === "html") return value.text;
  return escapeMarkup(toText(value));
}

function attributeName(element: string): Escaper {
  return (value) => {
    if (value instanceof SafeContent && value.kind === "attribute") return value.text;
    const text = toText(value).trim();
    if (text === "" || value === false) return "";
    return isSafeAttributeName(element, text) ? text : "data-blocked";
  };
}

const nothing: Escaper = () => "";
const plainText: Escaper = (value) => escapeMarkup(toText(value));

/**
 * The escaper for an action in `c`, and the context after it; a string is the reason why no value
 * can be written there.
 */
export function escaperFor(c: Context): { escape: Escaper; context: Context } | string {
  switch (c.html) {
    case "text":
      return { escape: htmlText, context: c };
    case "comment":
    case "bogus":
      return { escape: nothing, context: c };
    case "tag":
    case "afterName":
      return {
        escape: attributeName(c.element),
        context: { ...c, html: "dynamicName", attribute: "plain" },
      };
    case "attrName":
    case "dynamicName":
    case "nameEnd":
      return "an action cannot make up a part of an attribute's name";
    case "raw": {
      if (c.content === "text") return { escape: plainText, context: c };
      return codeEscaper(c, c.content);
    }
    default: {
      const inner = valueEscaper(c);
      if (typeof inner === "string") return inner;
      const { escape } = inner;
      return escape === plainText
        ? inner
        : { escape: (value) => escapeMarkup(escape(value)), context: inner.context };
    }
  }
}

function valueEscaper(c: Context): { escape: Escaper; context: Context } | string {
  switch (c.attribute) {
    case "plain":
      return { escape: plainText, context: c };
    case "url":
      return urlEscaper(c);
    case "js":
    case "css":
      return codeEscaper(c, c.attribute);
    case "srcset":
      return { escape: filterSrcset, context: c };
    case "metaContent":
      return { escape: filterMetaContent, context: c };
    case "animation":
      return { escape: filterAnimation, context: c };
    case "srcdoc":
      return { escape: srcdoc, context: c };
    case "scriptType":
      return "the type of a script cannot be dynamic";
    case "forbidden":
      return "this attribute changes what others mean and cannot be dynamic";
  }
}

function urlEscaper(c: Context): { escape: Escaper; context: Context } | string {
  switch (c.urlPart) {
    case "start":
      return { escape: urlStart, context: { ...c, urlPart: "scheme", prefix: "" } };
    case "scheme":
      return { escape: urlInScheme, context: { ...c, prefix: "" } };
    case "path":
      return { escape: urlPath, context: c };
    case "query":
      return { escape: urlQuery, context: c };
    case "code":
      return "a value cannot be written into a javascript: URL";
    case "unsettled":
    case "ambiguous":
      return "the part of the URL differs between the branches before";
  }
}

function codeEscaper(
  c: Context,
  content: "js" | "json" | "css",
): { escape: Escaper; context: Context } | string {
  if (content === "css") {
    switch (c.code) {
      case "blockComment":
        return { escape: nothing, context: c };
      case "double":
      case "single":
        return { escape: escapeCssString, context: c };
      case "url":
      case "urlDouble":
      case "urlSingle":
        return urlEscaper(c);
      default:
        return { escape: filterCss, context: c };
    }
  }
  switch (c.code) {
    case "code":
      return { escape: jsValue(content === "json"), context: { ...c, slash: "divide" } };
    case "regexp":
      return { escape: escapeJsRegexp, context: c };
    case "lineComment":
    case "blockComment":
      return { escape: nothing, context: c };
    default:
      return { escape: escapeJsString, context: c };
  }
}
