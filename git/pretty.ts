/**
 * How commits are shown: `oneline` to `raw`, and format strings.
 *
 * @module
 */
import { type ByteString, decodeText, encodeText, trimSpace, trimSpaceEnd } from "./_bytes.ts";
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
  decorate?: ((id: ObjectId, style: "wrapped" | "bare") => ByteString) | undefined;
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
  const text = message.replace(/^\n+/, "");
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (trimSpace(line) === "") break;
    lines.push(trimSpaceEnd(line));
  }
  return lines.join(" ");
}

/** What follows the subject. */
export function bodyOf(message: ByteString): ByteString {
  const text = skipBlankLines(message);
  const lines = text.split("\n");
  let i = 0;
  while (i < lines.length && trimSpace(lines[i]!) !== "") i++;
  while (i < lines.length && trimSpace(lines[i]!) === "") i++;
  return lines.slice(i).join("\n");
}

function skipBlankLines(message: ByteString): ByteString {
  return message.replace(/^([\t\v\f\r ]*\n)+/, "");
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
    const clean = line.replace(/[\t\v\f\r ]+$/, "");
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
  if (style === "oneline") return trimSpaceEnd(subjectOf(commit.message));
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
    out += body.split("\n").map((line) => `${line.replace(/[\t\v\f\r ]+$/, "")}\n`).join("");
  } else if (style === "short") {
    for (const line of skipBlankLines(commit.message).split("\n")) {
      if (trimSpace(line) === "") break;
      out += `    ${trimSpaceEnd(line)}\n`;
    }
  } else out += indented(commit.message, context.expandTabs ?? (style === "raw" ? 0 : 8));
  out = `${out.replace(/[\t\v\f\r\n ]+$/, "")}\n`;
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
    ? trimSpaceEnd(
      skipBlankLines(commit.message).split(/\n[\t ]*\n/)[0]!.replace(/\n(?=.)/g, "\n "),
    )
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

/** Expands a format string. */
export function expandFormat(
  format: ByteString,
  id: ObjectId,
  commit: Commit,
  context: PrettyContext,
): ByteString {
  const mode = context.date ?? { type: "default" };
  const now = context.now ?? currentTime();
  const author = parseSignature(commit.author), committer = parseSignature(commit.committer);
  const mapped = (one: Signature): Signature => {
    const map = context.readMailmap?.();
    return map === undefined ? one : { ...one, ...map.lookup(one.name, one.email) };
  };
  const local = (email: string): string => email.split("@")[0]!;
  const who = (one: Signature, c: string): ByteString | undefined => {
    switch (c) {
      case "n":
        return one.name;
      case "N":
        return mapped(one).name;
      case "e":
        return one.email;
      case "E":
        return mapped(one).email;
      case "l":
        return local(one.email);
      case "L":
        return local(mapped(one).email);
      case "d":
        return formatDate(one.time, one.zone, mode, now);
      case "D":
        return formatDate(one.time, one.zone, { type: "rfc" }, now);
      case "r":
        return formatDate(one.time, one.zone, { type: "relative" }, now);
      case "t":
        return String(one.time);
      case "i":
        return formatDate(one.time, one.zone, { type: "iso" }, now);
      case "I":
        return formatDate(one.time, one.zone, { type: "iso-strict" }, now);
      case "s":
        return formatDate(one.time, one.zone, { type: "short" }, now);
      case "h":
        return formatDate(one.time, one.zone, { type: "human" }, now);
      default:
        return undefined;
    }
  };
  let out = "";
  let auto = false;
  const colored = (text: ByteString): ByteString =>
    auto && context.autoColor !== undefined
      ? context.autoColor("commit") + text + context.autoColor("reset")
      : text;
  const one = (at: number): { text: ByteString; length: number } | undefined => {
    const rest = format.slice(at);
    const c = rest[0];
    if (c === undefined) return undefined;
    const simple = (text: ByteString, length = 1): { text: ByteString; length: number } => ({
      text,
      length,
    });
    switch (c) {
      case "H":
        return simple(colored(id));
      case "h":
        return simple(colored(context.abbrev(id)));
      case "T":
        return simple(commit.tree);
      case "t":
        return simple(context.abbrev(commit.tree));
      case "P":
        return simple((context.parents ?? commit.parents).join(" "));
      case "p":
        return simple(
          (context.parents ?? commit.parents).map((parent) => context.abbrev(parent)).join(" "),
        );
      case "n":
        return simple("\n");
      case "%":
        return simple("%");
      case "m":
        return simple(context.mark ?? ">");
      case "s":
        return simple(subjectOf(commit.message));
      case "f":
        return simple(
          subjectOf(commit.message).replace(/[^A-Za-z0-9._]+/g, "-").replace(/\.+/g, ".").replace(
            /^-|[-.]+$/g,
            "",
          ),
        );
      case "b":
        return simple(bodyOf(commit.message));
      case "B":
        return simple(skipBlankLines(commit.message));
      case "e":
        return simple(commit.extra.find(([key]) => key === "encoding")?.[1] ?? "");
      case "d":
        return simple(context.decorate?.(id, "wrapped") ?? "");
      case "D":
        return simple(context.decorate?.(id, "bare") ?? "");
      case "N":
        return simple(context.notes ?? "");
      case "x": {
        const hex = /^x([0-9a-fA-F]{2})/.exec(rest);
        return hex === null ? undefined : simple(String.fromCharCode(parseInt(hex[1]!, 16)), 3);
      }
      case "a":
      case "c": {
        const text = rest[1] === undefined
          ? undefined
          : who(c === "a" ? author : committer, rest[1]);
        return text === undefined ? undefined : simple(text, 2);
      }
      case "g": {
        const { reflog } = context;
        if (rest[1] === "D") return simple(reflog?.selector ?? "", 2);
        if (rest[1] === "d") return simple(reflog?.short ?? "", 2);
        if (rest[1] === "s") return simple(reflog?.message ?? "", 2);
        if (rest[1] !== undefined && "nNeE".includes(rest[1])) {
          return simple(
            reflog === undefined ? "" : who(parseSignature(reflog.who), rest[1]) ?? "",
            2,
          );
        }
        return undefined;
      }
      case "G":
        return rest[1] === "?"
          ? simple("N", 2)
          : rest[1] !== undefined && "GSKFPT".includes(rest[1])
          ? simple(rest[1] === "T" ? "undefined" : "", 2)
          : undefined;
      case "C": {
        const named = /^C\(([^)]*)\)/.exec(rest);
        if (named !== null) {
          let description = named[1]!;
          if (description === "auto") {
            auto = context.color ?? false;
            return simple(auto ? COLOR_RESET : "", named[0].length);
          }
          let wanted = context.color ?? false;
          if (description.startsWith("always,")) {
            wanted = true;
            description = description.slice(7);
          } else if (description.startsWith("auto,")) description = description.slice(5);
          return simple(wanted ? colorSequence(description) : "", named[0].length);
        }
        for (const word of ["red", "green", "blue", "reset"]) {
          if (rest.startsWith(`C${word}`)) {
            return simple(context.color ? colorSequence(word) : "", word.length + 1);
          }
        }
        return undefined;
      }
      case "(": {
        const trailers = /^\(trailers(?::([^)]*))?\)/.exec(rest);
        if (trailers !== null) {
          return simple(formatTrailers(commit.message, trailers[1] ?? ""), trailers[0].length);
        }
        return undefined;
      }
      case "w": {
        const wrap = /^w\(([^)]*)\)/.exec(rest);
        return wrap === null ? undefined : simple("", wrap[0].length);
      }
      default:
        return undefined;
    }
  };
  let pad: { kind: string; width: number; truncate: string } | undefined;
  for (let i = 0; i < format.length;) {
    if (format[i] !== "%") {
      out += format[i++];
      continue;
    }
    const padding = /^%(<\||<|>>\||>>|>\||>|><\||><)\((\d+)(?:,(trunc|ltrunc|mtrunc))?\)/.exec(
      format.slice(i),
    );
    if (padding !== null) {
      pad = { kind: padding[1]!, width: Number(padding[2]), truncate: padding[3] ?? "" };
      i += padding[0].length;
      continue;
    }
    const magic = format[i + 1];
    const conditional = magic === "+" || magic === "-" || magic === " ";
    const found = one(i + (conditional ? 2 : 1));
    if (found === undefined) {
      out += "%";
      i++;
      continue;
    }
    let { text } = found;
    i += found.length + (conditional ? 2 : 1);
    if (pad !== undefined) {
      const unicode = decodeText(text);
      let width = displayWidth(unicode);
      let room = pad.width;
      if (pad.kind.endsWith("|")) {
        room = Math.max(
          0,
          pad.width - displayWidth(decodeText(out.slice(out.lastIndexOf("\n") + 1))),
        );
      }
      let shown = unicode;
      if (width > room && pad.truncate !== "") {
        const keep = Math.max(0, room - 2);
        if (pad.truncate === "trunc") shown = `${[...unicode].slice(0, keep).join("")}..`;
        else if (pad.truncate === "ltrunc") shown = `..${[...unicode].slice(-keep).join("")}`;
        else {shown = `${[...unicode].slice(0, Math.floor(keep / 2)).join("")}..${
            [...unicode].slice(-(keep - Math.floor(keep / 2))).join("")
          }`;}
        width = displayWidth(shown);
      }
      const gap = Math.max(0, room - width);
      if (pad.kind.startsWith("><")) {
        shown = " ".repeat(Math.floor(gap / 2)) + shown + " ".repeat(gap - Math.floor(gap / 2));
      } else if (pad.kind.startsWith("<")) shown += " ".repeat(gap);
      else shown = " ".repeat(gap) + shown;
      text = encodeText(shown);
      pad = undefined;
    }
    if (magic === "+" && text !== "") text = `\n${text}`;
    else if (magic === " " && text !== "") text = ` ${text}`;
    else if (magic === "-" && text === "") out = out.replace(/\n+$/, "");
    out += text;
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
    } else if (/^\s/.test(line) && last !== undefined) {
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

function formatTrailers(message: ByteString, optionsText: ByteString): ByteString {
  const format = parseTrailerFormat(optionsText);
  if (typeof format === "string") return `%(trailers:${optionsText})`;
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
