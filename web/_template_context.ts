/**
 * Where in an HTML document the end of a piece of template text is: the state of an HTML tokenizer
 * (WHATWG HTML, section 13.2.5), and inside attribute values and raw elements that of a URL,
 * JavaScript or CSS scanner. The idea, and the rule that all branches must end in one context, are
 * those of Go's html/template.
 *
 * Text is the template author's and trusted to mean what it says; what is refused is text of which
 * this scanner and a browser might see different structure.
 */

/** Where the HTML tokenizer is. */
export type HtmlState =
  | "text"
  | "tag"
  /** Right after a character of an attribute name. */
  | "attrName"
  /** White space followed the name: `=` may still come. */
  | "afterName"
  /** After an action that wrote an attribute's name: a delimiter or `=` must come. */
  | "dynamicName"
  /** After branches of which some ended in a name: a delimiter must come. */
  | "nameEnd"
  | "beforeValue"
  | "value"
  | "comment"
  | "bogus"
  /** Inside script, style, textarea, title and the other elements without child markup. */
  | "raw";

/** What an attribute's value is. */
export type AttributeKind =
  | "plain"
  | "url"
  | "srcset"
  | "js"
  | "css"
  | "srcdoc"
  | "metaContent"
  | "animation"
  | "scriptType"
  | "forbidden";

/**
 * Where a URL is: nothing yet, maybe in its scheme, past it, in query or fragment; somewhere before
 * the query (`unsettled`) or anywhere (`ambiguous`) depending on a branch; or in a script.
 */
export type UrlPart =
  | "start"
  | "scheme"
  | "path"
  | "query"
  | "unsettled"
  | "ambiguous"
  | "code";

/** Where a JavaScript or CSS scanner is. */
export type CodeState =
  | "code"
  | "double"
  | "single"
  | "template"
  | "regexp"
  | "lineComment"
  | "blockComment"
  | "url"
  | "urlDouble"
  | "urlSingle";

/** An immutable context. */
export interface Context {
  readonly html: HtmlState;
  /** Name of the raw element that content is in, or of the tag being read; lower case. */
  readonly element: string;
  readonly attribute: AttributeKind;
  /** What ends the value: a quote, or white space (then quotes are added around it). */
  readonly delimiter: '"' | "'" | "space" | "";
  /** What a raw element's content is. */
  readonly content: "js" | "json" | "css" | "text";
  readonly code: CodeState;
  /** Whether `/` would begin a regular expression. */
  readonly slash: "regexp" | "divide" | "ambiguous";
  /** Open braces of each `${` of nested template literals, innermost last. */
  readonly braces: readonly number[];
  readonly urlPart: UrlPart;
  /** The beginning of a URL while it may still be its scheme. */
  readonly prefix: string;
  /** The type attribute of the script tag being read. */
  readonly scriptType: string;
}

/** The context a page starts and must end in. */
export const TEXT: Context = {
  html: "text",
  element: "",
  attribute: "plain",
  delimiter: "",
  content: "text",
  code: "code",
  slash: "regexp",
  braces: [],
  urlPart: "start",
  prefix: "",
  scriptType: "",
};

/** Refuses a text; `at` is an index into it. */
export class ContextError extends Error {
  constructor(message: string, readonly at: number) {
    super(message);
  }
}

const MAX_TEMPLATE_LITERALS = 16;
const MAX_PREFIX = 64;
const RAW_ELEMENTS = new Set([
  "script",
  "style",
  "textarea",
  "title",
  "xmp",
  "iframe",
  "noembed",
  "noframes",
  "plaintext",
]);
const URL_ATTRIBUTES = new Set([
  "action",
  "archive",
  "background",
  "cite",
  "classid",
  "codebase",
  "data",
  "formaction",
  "href",
  "icon",
  "itemid",
  "longdesc",
  "manifest",
  "ping",
  "poster",
  "profile",
  "src",
  "usemap",
  "xmlns",
]);
const ANIMATIONS = new Set(["animate", "set", "animatemotion", "animatetransform"]);
const ANIMATION_VALUES = new Set(["to", "from", "by", "values"]);
/** Attributes that change what others mean: never written by a dynamic name or value. */
const STRUCTURAL = new Set(["http-equiv", "attributename"]);
const NOT_DYNAMIC = new Set([
  "accept-charset",
  "charset",
  "content",
  "enctype",
  "form",
  "formenctype",
  "formmethod",
  "integrity",
  "is",
  "language",
  "method",
  "rel",
  "sandbox",
  "target",
  "type",
]);

/** What the value of `name` on `element` is. */
export function attributeKind(element: string, name: string): AttributeKind {
  let bare = name;
  const isData = bare.startsWith("data-");
  if (isData) bare = bare.slice(5);
  else if (bare.includes(":")) {
    const [namespace, rest] = [bare.slice(0, bare.indexOf(":")), bare.slice(bare.indexOf(":") + 1)];
    if (namespace === "xmlns") return "url";
    bare = rest;
  }
  if (bare.startsWith("on")) return "js";
  if (bare === "style") return "css";
  if (bare === "srcset" || bare === "imagesrcset") return "srcset";
  if (bare === "srcdoc") return "srcdoc";
  if (URL_ATTRIBUTES.has(bare)) return "url";
  if (isData) return /src|uri|url/.test(bare) ? "url" : "plain";
  if (STRUCTURAL.has(bare)) return "forbidden";
  if (element === "meta" && bare === "content") return "metaContent";
  if (ANIMATIONS.has(element) && ANIMATION_VALUES.has(bare)) return "animation";
  if (element === "script" && (bare === "type" || bare === "language")) return "scriptType";
  return "plain";
}

/** Whether an action may write `name` as an attribute's name. */
export function isSafeAttributeName(element: string, name: string): boolean {
  const lower = name.toLowerCase();
  return /^[a-z][a-z0-9-]{0,63}$/.test(lower) && !NOT_DYNAMIC.has(lower) &&
    attributeKind(element, lower) === "plain";
}

/** A string that is equal for equal contexts. */
export function contextKey(c: Context): string {
  return [
    c.html,
    c.element,
    c.attribute,
    c.delimiter,
    c.content,
    c.code,
    c.slash,
    c.braces.join("."),
    c.urlPart,
    c.prefix,
    c.scriptType,
  ].join("|");
}

const NAME_STATES = new Set<HtmlState>([
  "tag",
  "attrName",
  "afterName",
  "dynamicName",
  "nameEnd",
]);

/** The context after two branches that end in `a` and `b`, or undefined when there is none. */
export function join(a: Context, b: Context): Context | undefined {
  if (contextKey(a) === contextKey(b)) return a;
  if (NAME_STATES.has(a.html) && NAME_STATES.has(b.html)) {
    if (a.element !== b.element || a.scriptType !== b.scriptType) return undefined;
    const mustEnd = [a, b].some((c) => c.html !== "tag" && c.html !== "afterName");
    return { ...a, html: mustEnd ? "nameEnd" : "tag", attribute: "plain" };
  }
  let joined = a;
  if (a.slash !== b.slash) joined = { ...joined, slash: "ambiguous" };
  if (a.urlPart !== b.urlPart || a.prefix !== b.prefix) {
    joined = { ...joined, urlPart: joinUrlParts(a.urlPart, b.urlPart), prefix: "" };
  }
  const other = { ...b, slash: joined.slash, urlPart: joined.urlPart, prefix: joined.prefix };
  return contextKey(joined) === contextKey(other) ? joined : undefined;
}

function joinUrlParts(a: UrlPart, b: UrlPart): UrlPart {
  if (a === b) return a;
  const parts = new Set([a, b]);
  if (parts.has("code")) return "code";
  if (parts.has("query") || parts.has("ambiguous")) return "ambiguous";
  // What is safe in a scheme is safe in a path.
  return parts.has("scheme") && parts.has("path") ? "scheme" : "unsettled";
}

/**
 * The context in which a branch or an action starts when `c` is where the text before it ends, and
 * what must be written first: a value that begins here gets its opening quote.
 */
export function nudge(c: Context): { context: Context; text: string } {
  return c.html === "beforeValue"
    ? { context: { ...c, html: "value", delimiter: "space" }, text: '"' }
    : { context: c, text: "" };
}

/** A sentence part for messages: where `c` is. */
export function describe(c: Context): string {
  switch (c.html) {
    case "text":
      return "text";
    case "raw":
      return `<${c.element}>`;
    case "comment":
    case "bogus":
      return "a comment";
    case "value":
      return `a value of kind ${c.attribute}`;
    default:
      return `the tag <${c.element}>`;
  }
}

/** Scans `text` from `context`. Returns where it ends, and the text with quotes added to values. */
export function scanText(context: Context, text: string): { context: Context; text: string } {
  const scanner = new Scanner(context, text);
  scanner.run();
  return { context: scanner.context, text: scanner.output };
}

class Scanner {
  context: Context;
  output = "";
  readonly #text: string;
  #at = 0;

  constructor(context: Context, text: string) {
    this.context = context;
    this.#text = text;
  }

  run(): void {
    // Actions in comments write nothing; the space keeps `--` and `>` from meeting across one.
    if (this.context.html === "comment") this.output += " ";
    while (this.#at < this.#text.length) this.#step();
  }

  #fail(message: string, at = this.#at): never {
    throw new ContextError(message, at);
  }

  #set(changes: Partial<Context>): void {
    this.context = { ...this.context, ...changes };
  }

  /** Writes the text up to `end`. */
  #take(end: number): void {
    this.output += this.#text.slice(this.#at, end);
    this.#at = end;
  }

  /** Takes at least one character, or changes the state to one that will. */
  #step(): void {
    switch (this.context.html) {
      case "text":
        return this.#inText();
      case "tag":
        return this.#inTag();
      case "attrName":
        return this.#inAttributeName();
      case "afterName":
      case "dynamicName":
      case "nameEnd":
        return this.#inAfterName();
      case "beforeValue":
        return this.#inBeforeValue();
      case "value":
        return this.#inValue();
      case "comment":
        return this.#skipTo(/--!?>/g);
      case "bogus":
        return this.#skipTo(/>/g);
      case "raw":
        return this.#inRaw();
    }
  }

  #skipTo(end: RegExp): void {
    end.lastIndex = this.#at;
    const found = end.exec(this.#text) !== null;
    this.#take(found ? end.lastIndex : this.#text.length);
    if (found) this.context = TEXT;
  }

  #inText(): void {
    const text = this.#text;
    const open = text.indexOf("<", this.#at);
    if (open < 0) return this.#take(text.length);
    const next = text[open + 1];
    if (next === undefined) this.#fail("an action cannot make up a tag", open);
    if (next === "!" || next === "?") {
      if (text.startsWith("!--", open + 1)) {
        const isEmpty = /^-?>/.exec(text.slice(open + 4, open + 6));
        this.#take(open + 4 + (isEmpty?.[0].length ?? 0));
        if (isEmpty === null) this.context = { ...TEXT, html: "comment" };
        return;
      }
      if (text.startsWith("![", open + 1)) this.#fail("CDATA sections are not supported", open);
      if (/^!-?$/.test(text.slice(open + 1))) this.#fail("an action cannot make up a tag", open);
      this.#take(open + 2);
      this.context = { ...TEXT, html: "bogus" };
      return;
    }
    const isEnd = next === "/";
    const nameAt = open + (isEnd ? 2 : 1);
    const first = text[nameAt];
    if (first === undefined) this.#fail("an action cannot make up a tag", open);
    if (!/[A-Za-z]/.test(first)) {
      this.#take(nameAt);
      if (isEnd) this.context = { ...TEXT, html: "bogus" };
      return;
    }
    const pattern = /[^\s/>]+/y;
    pattern.lastIndex = nameAt;
    const name = pattern.exec(text)![0];
    if (nameAt + name.length === text.length) {
      this.#fail(`an action cannot make up a tag's name or touch it: "<${name}"`, open);
    }
    if (/["'<=]/.test(name)) this.#fail(`bad tag name "${name}"`, open);
    this.#take(nameAt + name.length);
    this.context = { ...TEXT, html: "tag", element: (isEnd ? "/" : "") + name.toLowerCase() };
  }

  #inTag(): void {
    const char = this.#text[this.#at]!;
    if (/[\s/]/.test(char)) return this.#take(this.#at + 1);
    if (char === ">") {
      this.#take(this.#at + 1);
      return this.#endTag();
    }
    const pattern = /[^\s/>=]+/y;
    pattern.lastIndex = this.#at;
    const name = pattern.exec(this.#text)?.[0];
    if (name === undefined) this.#fail('"=" where the name of an attribute should be');
    if (/["'<]/.test(name)) this.#fail(`bad attribute name ${name}`);
    this.#take(pattern.lastIndex);
    const attribute = attributeKind(this.context.element, name.toLowerCase());
    this.#set({ html: "attrName", attribute });
    if (attribute === "scriptType") this.#set({ scriptType: "" });
  }

  #endTag(): void {
    const { element, scriptType } = this.context;
    this.context = TEXT;
    if (!RAW_ELEMENTS.has(element)) return;
    let content: Context["content"] = "text";
    if (element === "style") content = "css";
    if (element === "script") content = scriptContent(scriptType);
    this.#set({ html: "raw", element, content });
  }

  #inAttributeName(): void {
    const char = this.#text[this.#at]!;
    if (char === "=" || /\s/.test(char)) {
      this.#take(this.#at + 1);
      this.#set({ html: char === "=" ? "beforeValue" : "afterName" });
    } else if (char === "/" || char === ">") {
      this.#set({ html: "tag", attribute: "plain" });
    } else this.#fail("an action cannot make up a part of an attribute's name");
  }

  #inAfterName(): void {
    const char = this.#text[this.#at]!;
    const { html } = this.context;
    if (/\s/.test(char)) {
      this.#take(this.#at + 1);
      if (html !== "afterName") this.#set({ html: "tag", attribute: "plain" });
    } else if (char === "=" && html !== "nameEnd") {
      this.#take(this.#at + 1);
      this.#set({ html: "beforeValue" });
    } else if (html === "afterName" || char === "/" || char === ">") {
      this.#set({ html: "tag", attribute: "plain" });
    } else this.#fail("white space, / or > must follow an attribute here");
  }

  #inBeforeValue(): void {
    const char = this.#text[this.#at]!;
    if (/\s/.test(char)) return this.#take(this.#at + 1);
    if (char === ">") this.#fail("this attribute has no value");
    if (char === '"' || char === "'") {
      this.#take(this.#at + 1);
      this.#set({ html: "value", delimiter: char });
    } else {
      this.output += '"';
      this.#set({ html: "value", delimiter: "space" });
    }
  }

  #inValue(): void {
    const { delimiter, element, scriptType } = this.context;
    const end = delimiter === "space" ? /[\s>]/g : delimiter === '"' ? /"/g : /'/g;
    end.lastIndex = this.#at;
    const found = end.exec(this.#text);
    const stop = found === null ? this.#text.length : found.index;
    const value = this.#text.slice(this.#at, stop);
    if (delimiter === "space" && /["'<`]/.test(value)) {
      this.#fail("a quote, < or ` in a value without quotes");
    }
    if (found === null && /&[#\w]*$/.test(value)) {
      this.#fail("an action cannot make up a part of a character reference", stop - 1);
    }
    if (value !== "") this.#scanValue(decodeEntities(value));
    this.#take(stop);
    if (found === null) return;
    if (delimiter === "space") this.output += '"';
    else this.#take(stop + 1);
    const type = this.context.attribute === "scriptType" ? this.context.scriptType : scriptType;
    this.context = { ...TEXT, html: "tag", element, scriptType: type };
  }

  #scanValue(value: string): void {
    switch (this.context.attribute) {
      case "url":
        return this.#set(scanUrl(this.context, value));
      case "js":
        return this.#scanScript(value);
      case "css":
        return this.#scanStyle(value);
      case "srcdoc":
        if (/[<>]/.test(value)) this.#set({ attribute: "forbidden" });
        return;
      case "metaContent": {
        const match = /url\s*=\s*['"]?/i.exec(value);
        if (match === null) return;
        this.#set({ attribute: "url" });
        return this.#set(scanUrl(this.context, value.slice(match.index + match[0].length)));
      }
      case "scriptType":
        return this.#set({ scriptType: this.context.scriptType + value.toLowerCase() });
      default:
    }
  }

  #inRaw(): void {
    const { element, content } = this.context;
    const text = this.#text;
    const end = element === "plaintext" ? null : findEndTag(text, element, this.#at);
    const stop = end ?? text.length;
    if (end === null) {
      const tail = text.slice(Math.max(this.#at, text.lastIndexOf("</"))).toLowerCase();
      if (tail.startsWith("</") && `</${element}`.startsWith(tail)) {
        this.#fail("an action cannot make up a tag", stop - tail.length);
      }
    }
    const inside = text.slice(this.#at, stop);
    if (content === "js" || content === "json") {
      if (/<!--/.test(inside)) this.#fail("<!-- in a script: write \\x3C!--");
      this.#scanScript(inside);
    } else if (content === "css") this.#scanStyle(inside);
    this.#take(stop);
    if (end === null) return;
    this.#take(stop + 2 + element.length);
    this.context = { ...TEXT, html: "tag", element: "/" + element };
  }

  #scanScript(text: string): void {
    this.#set(scanScript(this.context, text, (message) => this.#fail(message)));
  }

  #scanStyle(text: string): void {
    this.#set(scanStyle(this.context, text, (message) => this.#fail(message)));
  }
}

function findEndTag(text: string, element: string, from: number): number | null {
  const pattern = new RegExp(`</${element}[\\s/>]`, "gi");
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? null;
}

function scriptContent(type: string): Context["content"] {
  const bare = type.split(";", 1)[0]!.trim();
  if (bare === "" || bare === "module" || bare === "jsx") return "js";
  if (/^(?:application|text)\/(?:x-)?(?:java|ecma|j|live)script(?:[\d.]*)$/.test(bare)) return "js";
  if (/^(?:application\/(?:[\w.-]+\+)?json|importmap|speculationrules)$/.test(bare)) return "json";
  return "text";
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  Tab: "\t",
  NewLine: "\n",
  colon: ":",
  sol: "/",
  bsol: "\\",
  lpar: "(",
  rpar: ")",
  num: "#",
  quest: "?",
  grave: "`",
  lbrace: "{",
  lcub: "{",
  rbrace: "}",
  rcub: "}",
  dollar: "$",
};

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));?/g, (all, dec, hex, name) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : all;
    const code = dec === undefined ? parseInt(hex, 16) : Number(dec);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}

/** Where in a URL `text` ends. */
function scanUrl(c: Context, text: string): Partial<Context> {
  if (c.urlPart !== "start" && c.urlPart !== "scheme") {
    if (c.urlPart !== "path" && c.urlPart !== "unsettled") return {};
    if (/[?#]/.test(text)) return { urlPart: "query" };
    return c.urlPart === "unsettled" && text.includes("/") ? { urlPart: "path" } : {};
  }
  // deno-lint-ignore no-control-regex
  const prefix = c.prefix + text.replace(/[\u0000-\u0020]/g, "");
  if (prefix === "") return {};
  const end = prefix.search(/[:/?#]/);
  if (end >= 0 && prefix[end] === ":") {
    const scheme = prefix.slice(0, end).toLowerCase();
    if (/(?:java|vb|live)script$/.test(scheme)) return { urlPart: "code", prefix: "" };
  }
  if (/[?#]/.test(prefix)) return { urlPart: "query", prefix: "" };
  if (end >= 0) return { urlPart: "path", prefix: "" };
  return { urlPart: "scheme", prefix: prefix.slice(0, MAX_PREFIX) };
}

type Fail = (message: string) => never;

const WORDS_BEFORE_REGEXP = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "else",
  "do",
  "instanceof",
  "yield",
  "await",
]);

/** Where in JavaScript `text` ends. */
function scanScript(c: Context, text: string, fail: Fail): Partial<Context> {
  let { code, slash } = c;
  const braces = [...c.braces];
  let inClass = false;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    switch (code) {
      case "double":
      case "single":
      case "template":
      case "regexp":
        if (char === "\\") {
          if (at + 1 === text.length) fail("an action cannot follow a backslash");
          // The two characters of a CRLF continue a line as one.
          at += text.startsWith("\r\n", at + 1) ? 3 : 2;
          continue;
        }
        if (code === "template") {
          if (char === "`") [code, slash] = ["code", "divide"];
          else if (char === "$" && at + 1 === text.length) {
            fail("an action cannot follow $ in a template literal");
          } else if (char === "$" && text[at + 1] === "{") {
            if (braces.length === MAX_TEMPLATE_LITERALS) fail("template literals nest too deeply");
            braces.push(0);
            [code, slash] = ["code", "regexp"];
            at++;
          }
        } else if (/[\n\r]/.test(char)) fail("a line ends inside a string or regular expression");
        else if (code === "regexp") {
          if (char === "[") inClass = true;
          else if (char === "]") inClass = false;
          else if (char === "/" && !inClass) [code, slash] = ["code", "divide"];
        } else if (char === (code === "double" ? '"' : "'")) [code, slash] = ["code", "divide"];
        at++;
        continue;
      case "lineComment":
        if (/[\n\r\u2028\u2029]/.test(char)) code = "code";
        at++;
        continue;
      case "blockComment": {
        const end = text.indexOf("*/", at);
        at = end < 0 ? text.length : end + 2;
        if (end >= 0) code = "code";
        continue;
      }
      default:
    }
    if (char === '"') code = "double";
    else if (char === "'") code = "single";
    else if (char === "`") code = "template";
    else if (char === "/") {
      if (at + 1 === text.length && slash !== "regexp") fail("an action cannot follow /");
      if (text[at + 1] === "/") code = "lineComment";
      else if (text[at + 1] === "*") {
        code = "blockComment";
        at++;
      } else if (slash === "ambiguous") fail("/ may divide or begin a regular expression here");
      else if (slash === "regexp") code = "regexp";
      else slash = "regexp";
    } else if (/[\p{ID_Continue}$\\]/u.test(char) || char > "\u007f") {
      const pattern = /[\p{ID_Continue}$\\\u0080-\uffff]+/uy;
      pattern.lastIndex = at;
      const word = pattern.exec(text)?.[0] ?? char;
      slash = WORDS_BEFORE_REGEXP.has(word) ? "regexp" : "divide";
      at += word.length;
      continue;
    } else if (char === "-" && /^-->/.test(text.slice(at, at + 3))) {
      if (/(?:^|[\n\r])[^\S\n\r]*$/.test(text.slice(Math.max(0, at - 200), at))) {
        fail("--> at the start of a line is a comment");
      }
      at += 2;
      continue;
    } else if (!/\s/.test(char)) {
      if (char === "{" && braces.length > 0) braces[braces.length - 1]!++;
      if (char === "}" && braces.length > 0 && braces[braces.length - 1]!-- === 0) {
        braces.pop();
        code = "template";
      }
      slash = char === ")" || char === "]" ? "divide" : "regexp";
    }
    at++;
  }
  if (inClass) fail("an action cannot stand in a character class");
  return { code, slash, braces };
}

/** Where in CSS `text` ends. */
function scanStyle(c: Context, text: string, fail: Fail): Partial<Context> {
  let { code } = c;
  let { urlPart, prefix } = c;
  let at = 0;
  let urlStart = 0;
  const scanTo = (end: number): void => {
    ({ urlPart = urlPart, prefix = prefix } = scanUrl(
      { ...c, urlPart, prefix },
      text.slice(urlStart, end),
    ));
  };
  while (at < text.length) {
    const char = text[at]!;
    if (code === "blockComment") {
      const end = text.indexOf("*/", at);
      at = end < 0 ? text.length : end + 2;
      if (end >= 0) code = "code";
      continue;
    }
    if (char === "\\") {
      if (at + 1 === text.length) fail("an action cannot follow a backslash");
      at += 2;
      continue;
    }
    if (code === "code") {
      if (char === '"') code = "double";
      else if (char === "'") code = "single";
      else if (char === "/" && at + 1 === text.length) fail("an action cannot follow /");
      else if (char === "/" && text[at + 1] === "*") {
        code = "blockComment";
        at++;
      } else if (char === "(" && /url$/i.test(text.slice(Math.max(0, at - 3), at))) {
        const open = /\(\s*(["']?)/y;
        open.lastIndex = at;
        const quote = open.exec(text)![1];
        code = quote === '"' ? "urlDouble" : quote === "'" ? "urlSingle" : "url";
        at = urlStart = open.lastIndex;
        [urlPart, prefix] = ["start", ""];
        continue;
      }
    } else if (code === "double" || code === "single") {
      if (/[\n\r\f]/.test(char)) fail("a line ends inside a string");
      if (char === (code === "double" ? '"' : "'")) code = "code";
    } else if (char === (code === "url" ? ")" : code === "urlDouble" ? '"' : "'")) {
      code = "code";
      [urlPart, prefix] = ["start", ""];
    } else if (code === "url" && /["'(]/.test(char)) fail("a quote or ( in a URL without quotes");
    at++;
  }
  if (code.startsWith("url")) scanTo(text.length);
  return { code, urlPart, prefix };
}
