/**
 * How commits are shown: `oneline` to `raw`, and format strings.
 *
 * @module
 */
import { type ByteString, decodeText, encodeText } from "./_bytes.ts";
import { currentTime, type DateMode, formatDate } from "./date.ts";
import type { ObjectId } from "./hash_algorithm.ts";
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
}

/** The subject: the first paragraph on one line. */
export function subjectOf(message: ByteString): ByteString {
  const text = message.replace(/^\n+/, "");
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") break;
    lines.push(line.trimEnd());
  }
  return lines.join(" ");
}

/** What follows the subject. */
export function bodyOf(message: ByteString): ByteString {
  const text = skipBlankLines(message);
  const lines = text.split("\n");
  let i = 0;
  while (i < lines.length && lines[i]!.trim() !== "") i++;
  while (i < lines.length && lines[i]!.trim() === "") i++;
  return lines.slice(i).join("\n");
}

function skipBlankLines(message: ByteString): ByteString {
  return message.replace(/^([\t\v\f\r ]*\n)+/, "");
}

function person(line: ByteString): Signature {
  return parseSignature(line);
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
  const text = skipBlankLines(message).replace(/\s+$/, "");
  if (text === "") return "";
  return text.split("\n").map((line) => {
    const clean = line.replace(/[\t\v\f\r ]+$/, "");
    return `    ${expandTabs(clean, tabs)}\n`;
  }).join("");
}

/** Shows a commit's headers and message; ends with a line feed. */
export function formatCommitText(id: ObjectId, commit: Commit, context: PrettyContext): ByteString {
  const { style } = context;
  const mode = context.date ?? { type: "default" };
  const now = context.now ?? currentTime();
  const name = (one: ObjectId): string => context.abbrevCommit ? context.abbrev(one) : one;
  if (style === "format") return expandFormat(context.format ?? "", id, commit, context);
  const decoration = context.decorate?.(id, "wrapped") ?? "";
  if (style === "oneline") {
    return `${context.mark ?? ""}${name(id)}${parentsText(context, name)}${decoration} ${
      context.reflog === undefined ? "" : `${context.reflog.selector}: ${context.reflog.message}`
    }${context.reflog === undefined ? subjectOf(commit.message) : ""}`;
  }
  const author = person(commit.author), committer = person(commit.committer);
  const date = (who: Signature): string => formatDate(who.time, who.zone, mode, now);
  if (style === "reference") {
    return expandFormat("%C(auto)%h (%s, %ad)", id, commit, {
      ...context,
      date: context.date ?? { type: "short" },
    });
  }
  if (style === "email" || style === "mboxrd") {
    const rfc = formatDate(author.time, author.zone, { type: "rfc" }, now);
    let out =
      `From ${id} Mon Sep 17 00:00:00 2001\nFrom: ${author.name} <${author.email}>\nDate: ${rfc}\nSubject: [PATCH] ${
        subjectOf(commit.message)
      }\n\n`;
    const body = bodyOf(commit.message).replace(/\s+$/, "");
    if (body !== "") out += `${body}\n`;
    return out;
  }
  let out = `commit ${context.mark ?? ""}${name(id)}${parentsText(context, name)}${decoration}\n`;
  if (context.reflog !== undefined) {
    const who = context.reflog.who;
    out +=
      `Reflog: ${context.reflog.selector} (${who})\nReflog message: ${context.reflog.message}\n`;
  }
  if (style === "raw") {
    out += `tree ${commit.tree}\n`;
    for (const parent of commit.parents) out += `parent ${parent}\n`;
    out += `author ${commit.author}\ncommitter ${commit.committer}\n`;
    for (const [key, value] of commit.extra) out += `${key} ${value.replaceAll("\n", "\n ")}\n`;
  } else {
    if (commit.parents.length > 1) {
      out += `Merge: ${commit.parents.map((parent) => context.abbrev(parent)).join(" ")}\n`;
    }
    if (style === "short") out += `Author: ${author.name} <${author.email}>\n`;
    else if (style === "full") {
      out +=
        `Author: ${author.name} <${author.email}>\nCommit: ${committer.name} <${committer.email}>\n`;
    } else if (style === "fuller") {
      out += `Author:     ${author.name} <${author.email}>\nAuthorDate: ${date(author)}\n` +
        `Commit:     ${committer.name} <${committer.email}>\nCommitDate: ${date(committer)}\n`;
    } else out += `Author: ${author.name} <${author.email}>\nDate:   ${date(author)}\n`;
  }
  out += "\n";
  const tabs = style === "raw" || style === "short" || style === "medium" || style === "full" ||
      style === "fuller"
    ? context.expandTabs ?? (style === "raw" || style === "short" ? 0 : 8)
    : 0;
  if (style === "short") {
    const subject = subjectOf(commit.message);
    if (subject !== "") out += `    ${subject}\n`;
  } else out += indented(commit.message, tabs);
  if (context.notes !== undefined) {
    out += `\nNotes:\n${
      context.notes.replace(/\n$/, "").split("\n").map((line) => `    ${line}\n`).join("")
    }`;
  }
  return out;
}

function parentsText(context: PrettyContext, name: (id: ObjectId) => string): string {
  return (context.parents ?? []).map((parent) => ` ${name(parent)}`).join("");
}

const COLORS: Record<string, number> = {
  black: 0,
  red: 1,
  green: 2,
  yellow: 3,
  blue: 4,
  magenta: 5,
  cyan: 6,
  white: 7,
};

/** The escape sequence of a colour description such as `bold red`. */
export function colorSequence(text: string): string {
  const codes: (string | number)[] = [];
  let background = false;
  for (const word of text.trim().split(/\s+/)) {
    if (word === "" || word === "normal") {
      if (word === "normal") background = true;
      continue;
    }
    if (word === "reset") return "\x1b[m";
    const attributes = ["bold", "dim", "italic", "ul", "blink", "", "reverse", "", "strike"];
    const at = attributes.indexOf(word);
    if (at >= 0 && word !== "") codes.push([1, 2, 3, 4, 5, 0, 7, 0, 9][at]!);
    else if (word.startsWith("bright") && word.slice(6) in COLORS) {
      codes.push((background ? 100 : 90) + COLORS[word.slice(6)]!), background = true;
    } else if (word in COLORS) {
      codes.push((background ? 40 : 30) + COLORS[word]!);
      background = true;
    } else if (/^\d+$/.test(word)) {
      codes.push(`${background ? 48 : 38};5;${word}`);
      background = true;
    }
  }
  return codes.length === 0 ? "" : `\x1b[${codes.join(";")}m`;
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
  const author = person(commit.author), committer = person(commit.committer);
  const local = (email: string): string => email.split("@")[0]!;
  const who = (one: Signature, c: string): ByteString | undefined => {
    switch (c) {
      case "n":
      case "N":
        return one.name;
      case "e":
      case "E":
        return one.email;
      case "l":
      case "L":
        return local(one.email);
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
        return simple(id);
      case "h":
        return simple(context.abbrev(id));
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
        if (rest[1] === "n" || rest[1] === "N") {
          return simple(reflog === undefined ? "" : parseSignature(reflog.who).name, 2);
        }
        if (rest[1] === "e" || rest[1] === "E") {
          return simple(reflog === undefined ? "" : parseSignature(reflog.who).email, 2);
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
          const always = named[1]!.startsWith("always,");
          return simple(always ? colorSequence(named[1]!.slice(7)) : "", named[0].length);
        }
        for (const word of ["red", "green", "blue", "reset"]) {
          if (rest.startsWith(`C${word}`)) return simple("", word.length + 1);
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

/** The trailers at the end of a message, as `[key, value]`. */
export function parseTrailers(message: ByteString): [ByteString, ByteString][] {
  const paragraphs = message.trimEnd().split(/\n[\t ]*\n/);
  if (paragraphs.length < 2) return [];
  const lines = paragraphs.at(-1)!.split("\n");
  const out: [ByteString, ByteString][] = [];
  let other = 0;
  for (const line of lines) {
    const match = /^([A-Za-z0-9-]+)\s*:\s*(.*)$/.exec(line);
    if (match !== null) out.push([match[1]!, match[2]!]);
    else if (/^\s/.test(line) && out.length > 0) out.at(-1)![1] += `\n${line}`;
    else if (!/^\(cherry picked from commit /.test(line)) other++;
  }
  const recognised = out.some(([key]) => /^Signed-off-by$/i.test(key)) ||
    /\(cherry picked from commit/.test(paragraphs.at(-1)!);
  return other === 0 || (recognised && other * 3 <= lines.length * 2) ? out : [];
}

function formatTrailers(message: ByteString, optionsText: ByteString): ByteString {
  const keys: string[] = [];
  let valueOnly = false, keyOnly = false, separator: string | undefined, unfold = false;
  for (const option of optionsText.split(",")) {
    if (option.startsWith("key=")) keys.push(option.slice(4).replace(/:$/, "").toLowerCase());
    else if (option === "valueonly" || option === "valueonly=true") valueOnly = true;
    else if (option === "keyonly") keyOnly = true;
    else if (option === "unfold") unfold = true;
    else if (option.startsWith("separator=")) {
      separator = option.slice(10).replace(
        /%x([0-9a-fA-F]{2})/g,
        (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
      ).replaceAll("%n", "\n");
    }
  }
  const lines = parseTrailers(message).filter(([key]) =>
    keys.length === 0 || keys.includes(key.toLowerCase())
  ).map(([key, value]) => {
    const text = unfold ? value.replace(/\n\s+/g, " ") : value;
    return valueOnly ? text : keyOnly ? key : `${key}: ${text}`;
  });
  return separator === undefined
    ? lines.map((line) => `${line}\n`).join("")
    : lines.join(separator);
}
