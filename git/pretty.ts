/**
 * How commits are shown: `oneline` to `raw`, and format strings.
 *
 * @module
 */
import { type ByteString, decodeText, encodeText, trimSpaceEnd } from "./_bytes.ts";
import { COLOR_RESET, colorSequence } from "./color.ts";
import { currentTime, type DateMode, formatDate } from "./date.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import type { Mailmap } from "./mailmap.ts";
import { type Commit, parseSignature, type Signature } from "./objects.ts";

/** What a format needs to know besides the commit. */
export interface PrettyContext {
  /** `oneline`, `short`, `medium`, `full`, `fuller`, `reference`, `email`, `raw`, or `format`. */
  style: string;
  /** The format string, for `format`. */
  format?: ByteString | undefined;
  /** Show ids short. */
  abbrevCommit?: boolean;
  /** Shortens an id. */
  abbrev: (id: ObjectId) => string;
  /** How dates look. */
  date?: DateMode | undefined;
  /** Ref names of a commit, as ` (HEAD -> main, tag: v1)`, or "". */
  decorate?:
    | ((id: ObjectId, style: "wrapped" | "bare", color: boolean) => ByteString)
    | undefined;
  /** The name of a commit by the nearest tag, for `%(describe)`. */
  describe?: ((id: ObjectId, args: ByteString[]) => ByteString) | undefined;
  /** The ref a commit was found through, for `%S`. */
  source?: ByteString | undefined;
  /** Columns of the terminal. Default 80. */
  columns?: number;
  /** Columns that a drawing of the history takes in front of the text. */
  graphWidth?: number;
  /** Parents to show. */
  parents?: readonly ObjectId[];
  /** Now, in seconds. */
  now?: number;
  /** Reflog selector and message. */
  reflog?:
    | { selector: ByteString; short: ByteString; who: ByteString; message: ByteString }
    | undefined;
  /** `%m`: which side a commit is on. */
  mark?: string;
  /** Encoding of the output. */
  noEncoding?: boolean;
  /** Ends each entry with a line feed rather than separating them. */
  terminator?: boolean;
  /** Expand tabs in messages. */
  expandTabs?: number;
  /** Text of notes, if any. */
  notes?: ByteString | undefined;
  /** Colours: for `%C(auto)` and `%Cred`. */
  color?: boolean;
  /** Colours of ref names and ids for `%C(auto)`. */
  autoColor?: (kind: "commit" | "reset") => string;
  /** Proper names and addresses, for everything but raw headers. */
  mailmap?: Mailmap | undefined;
  /** The same, for placeholders that always use it (`%aN` and the like). */
  readMailmap?: (() => Mailmap) | undefined;
  /** What mails need, for `email` and `mboxrd`. */
  mail?: MailOptions | undefined;
}

/** What {@linkcode PrettyContext} says about mails. */
export interface MailOptions {
  /** In front of the subject, as `[PATCH 1/3] `. */
  subjectPrefix?: ByteString;
  /** Header lines after the subject. */
  extraHeaders?: ByteString;
  /** The headers give the character set already. */
  plain?: boolean;
  /** Keep the subject's line breaks. */
  keepSubject?: boolean;
  /** The sender, when it is not the author. */
  from?: Signature | undefined;
}

/** The subject: the first paragraph on one line. */
export function subjectOf(message: ByteString): ByteString {
  const lines: string[] = [];
  for (const line of skipBlankLines(message).split("\n")) {
    const text = trimSpaceEnd(line);
    if (text === "") break;
    lines.push(text);
  }
  return lines.join(" ");
}

/** What follows the subject. */
export function bodyOf(message: ByteString): ByteString {
  const text = skipBlankLines(message);
  const lines = text.split("\n");
  let i = 0;
  while (i < lines.length && trimSpaceEnd(lines[i]!) !== "") i++;
  while (i < lines.length && trimSpaceEnd(lines[i]!) === "") i++;
  return lines.slice(i).join("\n");
}

function skipBlankLines(message: ByteString): ByteString {
  return message.replace(/^([\t\r ]*\n)+/, "");
}

function person(line: ByteString, mailmap: Mailmap | undefined): Signature {
  const who = parseSignature(line);
  return mailmap === undefined || mailmap.empty
    ? who
    : { ...who, ...mailmap.lookup(who.name, who.email) };
}

function expandTabs(line: ByteString, width: number): ByteString {
  if (width === 0 || !line.includes("\t")) return line;
  let out = "", column = 0;
  for (const c of decodeText(line)) {
    if (c === "\t") {
      const n = width - (column % width);
      out += " ".repeat(n);
      column += n;
    } else {
      out += c;
      column += displayWidth(c);
    }
  }
  return encodeText(out);
}

/** Columns a text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const c of text) {
    const point = c.codePointAt(0)!;
    if (point < 32 || (point >= 0x7f && point < 0xa0)) continue;
    if (/\p{M}/u.test(c) || point === 0x200b || point === 0x200d) continue;
    width += point >= 0x1100 &&
        (point <= 0x115f || (point >= 0x2e80 && point <= 0xa4cf) ||
          (point >= 0xac00 && point <= 0xd7a3) ||
          (point >= 0xf900 && point <= 0xfaff) || (point >= 0xfe30 && point <= 0xfe6f) ||
          (point >= 0xff00 && point <= 0xff60) ||
          (point >= 0xffe0 && point <= 0xffe6) || (point >= 0x1f300 && point <= 0x1faff) ||
          (point >= 0x20000 && point <= 0x3fffd))
      ? 2
      : 1;
  }
  return width;
}

function indented(message: ByteString, tabs: number): ByteString {
  const text = trimSpaceEnd(skipBlankLines(message));
  if (text === "") return "";
  return text.split("\n").map((line) => {
    const clean = line.replace(/[\t\r ]+$/, "");
    return `    ${expandTabs(clean, tabs)}\n`;
  }).join("");
}

/** Whether a style is for mails. */
export function isMailStyle(style: string): boolean {
  return style === "email" || style === "mboxrd";
}

/**
 * The headers and message of a commit as its style shows them, without the line that names the
 * commit. Ends with a line feed, except for `oneline` and format strings.
 */
export function formatMessage(id: ObjectId, commit: Commit, context: PrettyContext): ByteString {
  const { style } = context;
  const mode = context.date ?? { type: "default" };
  const now = context.now ?? currentTime();
  if (style === "format") return expandFormat(context.format ?? "", id, commit, context);
  const author = person(commit.author, context.mailmap),
    committer = person(commit.committer, context.mailmap);
  const date = (who: Signature): string => formatDate(who.time, who.zone, mode, now);
  if (style === "reference") {
    return expandFormat("%C(auto)%h (%s, %ad)", id, commit, {
      ...context,
      date: context.date ?? { type: "short" },
    });
  }
  if (style === "oneline") return subjectOf(commit.message);
  const mail = isMailStyle(style);
  let out = "";
  if (mail) {
    const rfc = formatDate(author.time, author.zone, { type: "rfc" }, now);
    out += mailFrom(author, context.mail?.from);
    out += `Date: ${rfc}\n`;
  } else if (style === "raw") {
    out += `tree ${commit.tree}\n`;
    for (const parent of context.parents ?? commit.parents) out += `parent ${parent}\n`;
    out += `author ${commit.author}\ncommitter ${commit.committer}\n`;
    for (const [key, value] of commit.extra) out += `${key} ${value.replaceAll("\n", "\n ")}\n`;
  } else {
    if (commit.parents.length > 1) {
      out += `Merge: ${commit.parents.map((parent) => context.abbrev(parent)).join(" ")}\n`;
    }
    const wide = style === "fuller" ? "    " : "";
    out += `Author: ${wide}${author.name} <${author.email}>\n`;
    if (style === "medium") out += `Date:   ${date(author)}\n`;
    if (style === "fuller") out += `AuthorDate: ${date(author)}\n`;
    if (style === "full" || style === "fuller") {
      out += `Commit: ${wide}${committer.name} <${committer.email}>\n`;
    }
    if (style === "fuller") out += `CommitDate: ${date(committer)}\n`;
  }
  if (mail) out += mailSubject(commit, context);
  else out += "\n";
  const start = out.length;
  if (mail) {
    const inBody = context.mail?.from;
    if (
      inBody !== undefined && (inBody.name !== author.name || inBody.email !== author.email)
    ) out += `From: ${author.name} <${author.email}>\n\n`;
    let body = bodyOf(commit.message);
    if (style === "mboxrd") body = body.replace(/^(>*From )/gm, ">$1");
    out += body.split("\n").map((line) => `${line.replace(/[\t\r ]+$/, "")}\n`).join("");
  } else if (style === "short") {
    for (const line of skipBlankLines(commit.message).split("\n")) {
      if (trimSpaceEnd(line) === "") break;
      out += `    ${trimSpaceEnd(line)}\n`;
    }
  } else out += indented(commit.message, context.expandTabs ?? (style === "raw" ? 0 : 8));
  out = `${out.replace(/[\t\r\n ]+$/, "")}\n`;
  if (mail && out.length <= start) out += "\n";
  return out;
}

/** Bytes over 127 or control characters. */
function needsEncoding(text: ByteString): boolean {
  return /[^\x20-\x7e\t]|=\?/.test(text);
}

/** A word of a mail header in RFC 2047's Q encoding, folded at 76 columns. */
function encodeHeader(text: ByteString, column: number, inPhrase: boolean): ByteString {
  const start = "=?UTF-8?q?";
  let out = start, width = column + start.length;
  const limit = 76;
  for (const character of decodeText(text)) {
    let encoded = "";
    for (const byte of encodeText(character)) {
      const special = inPhrase
        ? !/[A-Za-z0-9!*+\-/]/.test(byte)
        : byte === " " || /[^\x21-\x7e]|[=?_]/.test(byte);
      encoded += special
        ? `=${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
        : byte;
    }
    if (width + encoded.length + 2 > limit) {
      out += `?=\n ${start}`;
      width = start.length + 1;
    }
    out += encoded;
    width += encoded.length;
  }
  return `${out}?=`;
}

function mailFrom(author: Signature, from: Signature | undefined): ByteString {
  const who = from ?? author;
  let name = who.name;
  if (/[^\x20-\x7e]|=\?/.test(name)) name = encodeHeader(name, "From: ".length, true);
  else if (/[()<>@,;:\\".[\]]/.test(name)) name = `"${name.replace(/["\\]/g, "\\$&")}"`;
  const last = `From: ${name}`.split("\n").at(-1)!;
  const fold = last.length + who.email.length + 3 > 78 ? "\n" : "";
  return `From: ${name}${fold} <${who.email}>\n`;
}

/** Folds words at 78 columns; continuation lines start with a space. */
function foldHeader(prefix: ByteString, text: ByteString): ByteString {
  let out = prefix, width = prefix.length;
  text.split(" ").forEach((word, i) => {
    if (i > 0 && width + 1 + word.length > 78) {
      out += `\n ${word}`;
      width = 1 + word.length;
    } else {
      out += i > 0 ? ` ${word}` : word;
      width += word.length + (i > 0 ? 1 : 0);
    }
  });
  return out;
}

function mailSubject(commit: Commit, context: PrettyContext): ByteString {
  const mail = context.mail;
  const label = `Subject: ${mail?.subjectPrefix ?? "[PATCH] "}`;
  const subject = mail?.keepSubject
    ? skipBlankLines(commit.message).split(/\n[\t ]*\n/)[0]!.replace(/\n(?=.)/g, "\n ")
    : subjectOf(commit.message);
  let out = needsEncoding(subject)
    ? label + encodeHeader(subject, label.length, false)
    : foldHeader(label, subject);
  out += "\n";
  if (mail?.plain !== true && needsEncodingBody(commit.message)) {
    out += "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" +
      "Content-Transfer-Encoding: 8bit\n";
  }
  return `${out}${mail?.extraHeaders ?? ""}\n`;
}

function needsEncodingBody(message: ByteString): boolean {
  return /[\x80-\xff]/.test(message);
}

/** Largest padding and indentation of a format (columns). */
const MAX_PADDING = 16 * 1024;
// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b\[[\d;]*m/g;

/** Columns of a byte string without its colours. */
function columnsOf(text: ByteString): number {
  return displayWidth(decodeText(text.replace(ESCAPES, "")));
}

/** Puts `..` in place of the columns from `from` on, `count` of them; colours stay. */
function cutColumns(text: ByteString, from: number, count: number): ByteString {
  let out = "", column = 0, dots = "..";
  const take = (part: string): void => {
    for (const c of decodeText(part)) {
      if (column >= from && column < from + count) {
        out += dots;
        dots = "";
      } else out += encodeText(c);
      column += displayWidth(c);
    }
  };
  let at = 0;
  for (const match of text.matchAll(ESCAPES)) {
    take(text.slice(at, match.index));
    out += match[0];
    at = match.index + match[0].length;
  }
  take(text.slice(at));
  return out;
}

/** Wraps words at a width; the first line and the others have indentations of their own. */
function wrapText(text: ByteString, first: number, others: number, width: number): ByteString {
  const pad = (n: number): string => " ".repeat(Math.max(0, n));
  if (width <= 0) {
    let out = "", indent = first;
    for (let at = 0; at < text.length;) {
      const feed = text.indexOf("\n", at);
      const end = feed < 0 ? text.length : feed + 1;
      out += pad(indent) + text.slice(at, end);
      at = end;
      indent = others;
    }
    return out;
  }
  let out = "", indent = first;
  let lineStart = 0, at = 0, column = first;
  let space = -1;
  const blank = (i: number): boolean => /[\t\n\r ]/.test(text[i] ?? "");
  const newLine = (): void => {
    out += "\n";
    at = lineStart = space + (blank(space) ? 1 : 0);
    space = -1;
    column = indent = others;
  };
  for (;;) {
    // deno-lint-ignore no-control-regex
    const escape = /^\x1b\[[\d;]*m/.exec(text.slice(at, at + 32));
    if (escape !== null) {
      at += escape[0].length;
      continue;
    }
    if (at < text.length && !blank(at)) {
      let end = at + 1;
      while (end < text.length && (text.charCodeAt(end) & 0xc0) === 0x80) end++;
      column += displayWidth(decodeText(text.slice(at, end)));
      at = end;
      continue;
    }
    if (column > width && space >= 0) {
      newLine();
      continue;
    }
    if (at >= text.length && at === lineStart) return out;
    if (space < 0) out += pad(indent);
    out += text.slice(space < 0 ? lineStart : space, at);
    if (at >= text.length) return out;
    const c = text[at]!;
    space = at;
    if (c === "\t") column |= 7;
    else if (c === "\n") {
      space++;
      if (text[space] === "\n") {
        out += "\n";
        newLine();
        continue;
      }
      if (!/[A-Za-z0-9]/.test(text[space] ?? "")) {
        newLine();
        continue;
      }
      out += " ";
    }
    column++;
    at++;
  }
}

/** How the next item of a format is padded. */
interface Padding {
  side: "right" | "left" | "both" | "steal";
  /** Columns; up to a column of the line when `toColumn`. */
  width: number;
  toColumn: boolean;
  truncate: "" | "trunc" | "ltrunc" | "mtrunc";
}

/** An item of a format: what it comes to, and how much of the format it took. */
interface Item {
  text: ByteString;
  length: number;
}

/** Expands a format string. Throws `GitError` ("invalid") for a colour that is none. */
export function expandFormat(
  format: ByteString,
  id: ObjectId,
  commit: Commit,
  context: PrettyContext,
): ByteString {
  return new FormatExpander(id, commit, context).expand(format);
}

class FormatExpander {
  readonly #id: ObjectId;
  readonly #commit: Commit;
  readonly #context: PrettyContext;
  #out: ByteString = "";
  /** `%C(auto)` is in force. */
  #auto = false;
  #padding: Padding | undefined;
  #wrapStart = 0;
  #wrap: [width: number, first: number, others: number] = [0, 0, 0];

  constructor(id: ObjectId, commit: Commit, context: PrettyContext) {
    this.#id = id;
    this.#commit = commit;
    this.#context = context;
  }

  expand(format: ByteString): ByteString {
    for (let at = 0; at < format.length;) {
      const percentAt = format.indexOf("%", at);
      if (percentAt < 0) {
        this.#out += format.slice(at);
        break;
      }
      this.#out += format.slice(at, percentAt);
      at = percentAt + 1;
      if (format[at] === "%") {
        this.#out += "%";
        at++;
        continue;
      }
      const used = this.#item(format.slice(at));
      if (used === 0) this.#out += "%";
      at += used;
    }
    this.#rewrap(0, 0, 0);
    return this.#out;
  }

  #rewrap(width: number, first: number, others: number): void {
    const [w, a, b] = this.#wrap;
    if (w === width && a === first && b === others) return;
    if (this.#wrapStart < this.#out.length) {
      this.#out = this.#out.slice(0, this.#wrapStart) +
        wrapText(this.#out.slice(this.#wrapStart), a, b, w);
    }
    this.#wrapStart = this.#out.length;
    this.#wrap = [width, first, others];
  }

  /** Handles what follows a `%`; returns how much that was, 0 for nothing known. */
  #item(rest: ByteString): number {
    const magic = rest[0] === "+" || rest[0] === "-" || rest[0] === " " ? rest[0] : "";
    const start = this.#out.length;
    const body = magic === "" ? rest : rest.slice(1);
    const used = this.#padding === undefined ? this.#plain(body) : this.#padded(body);
    if (used === 0 || magic === "") return used;
    if (this.#out.length === start) {
      if (magic === "-") this.#out = this.#out.replace(/\n+$/, "");
    } else if (magic !== "-") {
      this.#out = this.#out.slice(0, start) + (magic === "+" ? "\n" : " ") +
        this.#out.slice(start);
    }
    return used + 1;
  }

  #plain(rest: ByteString): number {
    const found = this.#one(rest, this.#out.length > 0);
    if (found === undefined) return 0;
    this.#out += found.text;
    return found.length;
  }

  #padded(rest: ByteString): number {
    const pad = this.#padding!;
    let { width } = pad;
    if (pad.toColumn) {
      const line = this.#out.slice(this.#out.lastIndexOf("\n") + 1);
      width -= columnsOf(line) + (this.#context.graphWidth ?? 0);
    }
    let local = "";
    let used = 0;
    // Colours in front of the item belong to it.
    for (let at = 0;;) {
      const modifier = rest[at] === "C";
      const found = this.#one(rest.slice(at), local !== "");
      const length = found?.length ?? 0;
      used += length;
      at += length;
      local += found?.text ?? "";
      if (!modifier || rest[at] !== "%") break;
      at++;
      used++;
    }
    const length = columnsOf(local);
    let { side } = pad;
    if (side === "steal") {
      // Room may be taken from spaces in front.
      let end = this.#out.length;
      while (length > width && end > 1) {
        if (this.#out[end - 1] === " ") {
          end--;
          width++;
          continue;
        }
        // deno-lint-ignore no-control-regex
        const escape = /\x1b\[[\d;]*m$/.exec(this.#out.slice(Math.max(0, end - 10), end));
        if (escape === null) break;
        local = escape[0] + local;
        end -= escape[0].length;
      }
      this.#out = this.#out.slice(0, end);
      side = "left";
    }
    if (length > width) {
      const gone = length - (width - 2);
      if (pad.truncate === "ltrunc") local = cutColumns(local, 0, gone);
      if (pad.truncate === "mtrunc") local = cutColumns(local, Math.trunc(width / 2) - 1, gone);
      if (pad.truncate === "trunc") local = cutColumns(local, width - 2, gone);
      this.#out += local;
    } else {
      const gap = width - length;
      const before = side === "left" ? gap : side === "both" ? Math.floor(gap / 2) : 0;
      this.#out += " ".repeat(before) + local + " ".repeat(gap - before);
    }
    this.#padding = undefined;
    return used;
  }

  /** One item; `undefined` when it is not known. `behind`: something was written before it. */
  #one(rest: ByteString, behind: boolean): Item | undefined {
    const context = this.#context, commit = this.#commit;
    const item = (text: ByteString, length = 1): Item => ({ text, length });
    const colored = (text: ByteString): ByteString =>
      this.#auto && context.autoColor !== undefined
        ? context.autoColor("commit") + text + context.autoColor("reset")
        : text;
    const parents = context.parents ?? commit.parents;
    switch (rest[0]) {
      case "C":
        return this.#color(rest, behind);
      case "n":
        return item("\n");
      case "x": {
        const hex = /^x([0-9a-fA-F]{2})/.exec(rest);
        return hex === null ? undefined : item(String.fromCharCode(parseInt(hex[1]!, 16)), 3);
      }
      case "w": {
        const wrap = /^w\((?:(\d+)(?:,(\d+)(?:,(\d+))?)?)?\)/.exec(rest);
        if (wrap === null) return undefined;
        const [width, first, others] = [1, 2, 3].map((i) => Number(wrap[i] ?? 0));
        if (width! > MAX_PADDING || first! > MAX_PADDING || others! > MAX_PADDING) {
          return undefined;
        }
        this.#rewrap(width!, first!, others!);
        return item("", wrap[0].length);
      }
      case "<":
      case ">":
        return this.#startPadding(rest);
      case "H":
        return item(colored(this.#id));
      case "h":
        return item(colored(context.abbrev(this.#id)));
      case "T":
        return item(commit.tree);
      case "t":
        return item(context.abbrev(commit.tree));
      case "P":
        return item(parents.join(" "));
      case "p":
        return item(parents.map((parent) => context.abbrev(parent)).join(" "));
      case "m":
        return item(context.mark ?? ">");
      case "s":
        return item(subjectOf(commit.message));
      case "f":
        return item(sanitizedSubject(commit.message));
      case "b":
        return item(bodyOf(commit.message));
      case "B":
        return item(commit.message);
      case "e":
        return item(commit.extra.find(([key]) => key === "encoding")?.[1] ?? "");
      case "d":
        return item(context.decorate?.(this.#id, "wrapped", this.#auto) ?? "");
      case "D":
        return item(context.decorate?.(this.#id, "bare", this.#auto) ?? "");
      case "N":
        return context.notes === undefined ? undefined : item(context.notes);
      case "S":
        return context.source === undefined ? undefined : item(context.source);
      case "a":
      case "c": {
        const line = rest[0] === "a" ? commit.author : commit.committer;
        const text = rest[1] === undefined ? undefined : this.#person(line, rest[1]);
        return text === undefined ? undefined : item(text, 2);
      }
      case "g": {
        const { reflog } = context;
        const c = rest[1] ?? "";
        if (c === "D") return item(reflog?.selector ?? "", 2);
        if (c === "d") return item(reflog?.short ?? "", 2);
        if (c === "s") return item(reflog?.message ?? "", 2);
        if (c === "" || !"nNeE".includes(c)) return undefined;
        return item(reflog === undefined ? "" : this.#person(reflog.who, c) ?? "", 2);
      }
      case "G":
        return rest[1] === "?"
          ? item("N", 2)
          : rest[1] !== undefined && "GSKFPT".includes(rest[1])
          ? item(rest[1] === "T" ? "undefined" : "", 2)
          : undefined;
      case "(": {
        const trailers = /^\(trailers(?::([^)]*))?\)/.exec(rest);
        if (trailers !== null) {
          const text = formatTrailers(commit.message, trailers[1] ?? "");
          return text === undefined ? undefined : item(text, trailers[0].length);
        }
        const describe = /^\(describe(?::([^)]*))?\)/.exec(rest);
        if (describe === null || context.describe === undefined) return undefined;
        const args = describeArguments(describe[1] ?? "");
        return args === undefined
          ? undefined
          : item(context.describe(this.#id, args), describe[0].length);
      }
      default:
        return undefined;
    }
  }

  #color(rest: ByteString, behind: boolean): Item | undefined {
    const on = this.#context.color ?? false;
    if (rest.startsWith("C(auto)")) {
      this.#auto = on;
      return { text: on && behind ? COLOR_RESET : "", length: 7 };
    }
    const named = /^C\(([^)]*)\)/.exec(rest);
    if (named !== null) {
      const description = named[1]!.replace(/^(auto|always),/, "");
      const wanted = on || named[1]!.startsWith("always,");
      this.#auto = false;
      return { text: wanted ? colorSequence(description) : "", length: named[0].length };
    }
    for (const word of ["red", "green", "blue", "reset"]) {
      if (!rest.startsWith(`C${word}`)) continue;
      this.#auto = false;
      const text = word === "reset" ? COLOR_RESET : colorSequence(word);
      return { text: on ? text : "", length: word.length + 1 };
    }
    return undefined;
  }

  #startPadding(rest: ByteString): Item | undefined {
    const match = /^(<|>>|><|>)(\|?)\((-?\d+)\s*(?:,\s*(trunc|ltrunc|mtrunc))?\)/.exec(rest);
    if (match === null) return undefined;
    const toColumn = match[2] === "|";
    let width = Number(match[3]);
    if (width === 0 || Math.abs(width) > MAX_PADDING) return undefined;
    if (width < 0) {
      if (toColumn) width += this.#context.columns ?? 80;
      if (width < 0) return undefined;
    }
    this.#padding = {
      side: match[1] === "<"
        ? "right"
        : match[1] === ">"
        ? "left"
        : match[1] === ">>"
        ? "steal"
        : "both",
      width,
      toColumn,
      truncate: (match[4] ?? "") as Padding["truncate"],
    };
    return { text: "", length: match[0].length };
  }

  #person(line: ByteString, c: string): ByteString | undefined {
    const context = this.#context;
    const now = context.now ?? currentTime();
    let one = parseSignature(line);
    if ("NEL".includes(c)) {
      const map = context.readMailmap?.();
      if (map !== undefined) one = { ...one, ...map.lookup(one.name, one.email) };
    }
    const date = (mode: DateMode): ByteString => formatDate(one.time, one.zone, mode, now);
    switch (c) {
      case "n":
      case "N":
        return one.name;
      case "e":
      case "E":
        return one.email;
      case "l":
      case "L":
        return one.email.split("@")[0]!;
      case "d":
        return date(context.date ?? { type: "default" });
      case "D":
        return date({ type: "rfc" });
      case "r":
        return date({ type: "relative" });
      case "t":
        return String(one.time);
      case "i":
        return date({ type: "iso" });
      case "I":
        return date({ type: "iso-strict" });
      case "s":
        return date({ type: "short" });
      case "h":
        return date({ type: "human" });
      default:
        return undefined;
    }
  }
}

/** The subject's first line as part of a file name. */
export function sanitizedSubject(message: ByteString): ByteString {
  return skipBlankLines(message).split("\n", 1)[0]!.replace(/[^A-Za-z0-9._]+/g, "-")
    .replace(/\.+/g, ".").replace(/^-+|[-.]+$/g, "");
}

/** The options of `%(describe:…)` as arguments; `undefined` when one is not known. */
function describeArguments(text: ByteString): ByteString[] | undefined {
  const out: ByteString[] = [];
  for (const option of text === "" ? [] : text.split(",")) {
    const equals = option.indexOf("=");
    const name = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? undefined : option.slice(equals + 1);
    if (name === "tags") {
      if (value === undefined || /^(true|yes|on|1)$/i.test(value)) out.push("--tags");
      else if (!/^(false|no|off|0|)$/i.test(value)) return undefined;
    } else if (name === "abbrev" && value !== undefined && /^\d+$/.test(value)) {
      out.push(`--abbrev=${value}`);
    } else if ((name === "match" || name === "exclude") && value !== undefined && value !== "") {
      out.push(`--${name}=${value}`);
    } else return undefined;
  }
  return out;
}

/** A line of the block of trailers; lines that are none have the key "". */
interface TrailerLine {
  key: ByteString;
  value: ByteString;
  text: ByteString;
}

/** The lines of the last paragraph, when it is a block of trailers. */
function trailerBlock(message: ByteString): TrailerLine[] {
  const paragraphs = trimSpaceEnd(message).split(/\n[\t ]*\n/);
  if (paragraphs.length < 2) return [];
  const lines = paragraphs.at(-1)!.split("\n");
  const out: TrailerLine[] = [];
  let trailers = 0, other = 0, recognised = false;
  for (const line of lines) {
    const last = out.at(-1);
    const match = /^([A-Za-z0-9-]+)[\t ]*:[\t ]*(.*)$/.exec(line);
    if (match !== null) {
      out.push({ key: match[1]!, value: match[2]!, text: line });
      trailers++;
      recognised ||= /^Signed-off-by$/i.test(match[1]!);
    } else if (/^[\t ]/.test(line) && last !== undefined) {
      last.value += `\n${line}`;
      last.text += `\n${line}`;
    } else {
      out.push({ key: "", value: line, text: line });
      if (/^\(cherry picked from commit /.test(line)) recognised = true;
      else other++;
    }
  }
  // A paragraph of trailers only, or one in which a line of Git's own stands among a few others.
  return (trailers > 0 && other === 0) || (recognised && trailers * 3 >= other) ? out : [];
}

/** The trailers at the end of a message, as `[key, value]`. */
export function parseTrailers(message: ByteString): [ByteString, ByteString][] {
  return trailerBlock(message).filter((line) => line.key !== "").map((
    { key, value },
  ) => [key, value]);
}

/** How `%(trailers:…)` shows trailers. */
interface TrailerFormat {
  keys: string[];
  only: boolean | undefined;
  valueOnly: boolean;
  keyOnly: boolean;
  unfold: boolean;
  separator: ByteString | undefined;
  between: ByteString | undefined;
}

/**
 * Reads the options of `%(trailers:…)`; returns what is wrong with them as text: an option that is
 * not known, or a missing value.
 */
export function parseTrailerFormat(text: ByteString): TrailerFormat | string {
  const out: TrailerFormat = {
    keys: [],
    only: undefined,
    valueOnly: false,
    keyOnly: false,
    unfold: false,
    separator: undefined,
    between: undefined,
  };
  const literal = (value: ByteString): ByteString =>
    value.replace(
      /%(?:x([0-9a-fA-F]{2})|(n)|(%))/g,
      (_, hex?: string, n?: string) =>
        hex !== undefined ? String.fromCharCode(parseInt(hex, 16)) : n !== undefined ? "\n" : "%",
    );
  for (const option of text === "" ? [] : text.split(",")) {
    const equals = option.indexOf("=");
    const name = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? undefined : option.slice(equals + 1);
    const flag = (): boolean => value === undefined || /^(true|yes|on|1)$/i.test(value);
    switch (name) {
      case "key":
        if (value === undefined) return "expected %(trailers:key=<value>)";
        out.keys.push(value.replace(/:$/, "").toLowerCase());
        break;
      case "separator":
        out.separator = literal(value ?? "");
        break;
      case "key_value_separator":
        out.between = literal(value ?? "");
        break;
      case "only":
        out.only = flag();
        break;
      case "unfold":
        out.unfold = flag();
        break;
      case "keyonly":
        out.keyOnly = flag();
        break;
      case "valueonly":
        out.valueOnly = flag();
        break;
      default:
        return `unknown %(trailers) argument: ${option}`;
    }
  }
  return out;
}

function formatTrailers(message: ByteString, optionsText: ByteString): ByteString | undefined {
  const format = parseTrailerFormat(optionsText);
  if (typeof format === "string") return undefined;
  const only = format.only ?? format.keys.length > 0;
  const unfold = (text: ByteString): ByteString =>
    format.unfold ? text.replace(/[\t ]*\n[\t ]+/g, " ") : text;
  const lines: ByteString[] = [];
  for (const { key, value, text } of trailerBlock(message)) {
    if (key === "") {
      if (!only) lines.push(text);
      continue;
    }
    if (format.keys.length > 0 && !format.keys.includes(key.toLowerCase())) continue;
    const shown = unfold(value);
    if (format.valueOnly && format.keyOnly) lines.push("");
    else if (format.valueOnly) lines.push(shown);
    else if (format.keyOnly) lines.push(key);
    else if (format.between !== undefined) lines.push(key + format.between + shown);
    else lines.push(format.unfold || format.keys.length > 0 || only ? `${key}: ${shown}` : text);
  }
  return format.separator === undefined
    ? lines.map((line) => `${line}\n`).join("")
    : lines.join(format.separator);
}
