import { quote } from "./_quote.ts";
import type { JsonDialect } from "./parse.ts";
import { indexOf, JsonPointer, JsonPointerError } from "./pointer.ts";
import { stringify } from "./stringify.ts";
import { type JsonToken, tokenize } from "./tokenize.ts";

/** How to edit; every field is optional. */
export interface EditOptions {
  /** The grammar of the text. `jsonc` by default, which JSON is part of. */
  dialect?: JsonDialect;
  /**
   * Spaces or the text that indents one level of new values. By default what the text itself uses;
   * text on one line gets new values on that line.
   */
  indent?: number | string;
}

interface Member {
  /** Start of the key, or of an item. */
  start: number;
  key: string | null;
  valueStart: number;
  valueEnd: number;
  /** Where the comma after it is, or -1. */
  comma: number;
}

interface Container {
  isObject: boolean;
  start: number;
  /** Offset of the closing bracket. */
  end: number;
  members: Member[];
}

/**
 * Changes one value in a JSON, JSONC or JSON5 text and leaves every other character as it is: comments, order, spacing, number
 * notation.
 *
 * @param text The text.
 * @param path A JSON Pointer, or the keys and indices on the way. The last step may be a new key, the index after the last item or `-`
 * for that; objects that are missing on the way are made.
 * @param value The new value; undefined removes the member or item, with its comma and the comment
 * that ends its line.
 * @returns The changed text.
 * @throws {JsonSyntaxError} Where the text is malformed.
 * @throws {JsonPointerError} Where the path leads through something that is no object or array, or
 * nothing is there to remove.
 *
 * @example
 * ```ts
 * import { edit } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const text = '{\n  // the port\n  "port": 80,\n  "hosts": ["a"]\n}\n';
 * assertEquals(edit(text, "/port", 8080), text.replace("80", "8080"));
 * assertEquals(edit(text, ["hosts", "-"], "b"), text.replace('["a"]', '["a", "b"]'));
 * ```
 */
export function edit(
  text: string,
  path: string | JsonPointer | readonly (string | number)[],
  value: unknown,
  options: EditOptions = {},
): string {
  const pointer = typeof path === "string"
    ? new JsonPointer(path)
    : path instanceof JsonPointer
    ? path
    : JsonPointer.from(path);
  const dialect = options.dialect ?? "jsonc";
  const tokens = [...tokenize(text, { dialect, comments: true })];
  const unit = options.indent === undefined
    ? detectIndent(text)
    : typeof options.indent === "number"
    ? " ".repeat(options.indent)
    : options.indent;
  const newLine = text.includes("\r\n") ? "\r\n" : "\n";

  let at = tokens.findIndex((token) => token.kind !== "COMMENT");
  let spanStart = tokens[at]!.offset;
  let container: Container | null = null;
  let member: Member | null = null;
  for (let step = 0; step < pointer.tokens.length; step++) {
    const name = pointer.tokens[step]!;
    container = readContainer(tokens, at);
    if (container === null) throw notFound(pointer);
    member = memberOf(container, name);
    if (member === null) {
      if (value === undefined) throw notFound(pointer);
      const rest = pointer.tokens.slice(step + 1);
      let made = value;
      for (let i = rest.length - 1; i >= 0; i--) made = { [rest[i]!]: made };
      if (!container.isObject && name !== "-" && indexOf(name) !== container.members.length) {
        throw notFound(pointer);
      }
      return insert(text, tokens, container, container.isObject ? name : null, made);
    }
    spanStart = member.valueStart;
    at = tokens.findIndex((token) => token.offset === spanStart && token.kind !== "COMMENT");
  }
  if (value === undefined) {
    if (container === null || member === null) throw notFound(pointer);
    return remove(text, tokens, container, member);
  }
  const spanEnd = member?.valueEnd ?? tokens[valueEndToken(tokens, at)]!.end;
  return text.slice(0, spanStart) + write(value, lineIndent(text, spanStart)) +
    text.slice(spanEnd);

  /** The value's text, its later lines indented like the line that it starts on. */
  function write(item: unknown, base: string): string {
    const compact = unit === "" ||
      (!text.slice(0, spanStart).includes("\n") && !text.includes("\n"));
    const own = stringify(item, compact ? {} : { indent: unit });
    if (!compact) return own.replaceAll("\n", newLine + base);
    return own;
  }

  function insert(
    source: string,
    all: JsonToken[],
    into: Container,
    key: string | null,
    item: unknown,
  ): string {
    const last = into.members.at(-1);
    const inner = source.slice(into.start, into.end);
    const label = key === null ? "" : quote(key) + ": ";
    if (last === undefined) {
      // An empty container, perhaps with comments in it: those stay, before the new member.
      const base = lineIndent(source, into.start);
      const onLines = unit !== "" && (into.isObject || inner.includes("\n")) &&
        source.includes("\n");
      const endsWithLineComment = all.findLast((token) =>
        token.kind === "COMMENT" && token.offset > into.start && token.offset < into.end
      )?.lexeme.startsWith("//") ?? false;
      const body = source.slice(into.start + 1, into.end).trimEnd();
      const content = label + write(item, onLines ? base + unit : base);
      return source.slice(0, into.start + 1) + body +
        (onLines || endsWithLineComment
          ? newLine + base + unit + content + newLine + base
          : content) +
        source.slice(into.end);
    }
    const first = into.members[0]!;
    const onLines = source.slice(into.start, first.start).includes("\n");
    const base = lineIndent(source, first.start);
    const trailing = last.comma >= 0;
    // After the last member, its comma, and a comment that ends its line.
    let end = trailing ? last.comma + 1 : last.valueEnd;
    const comment = all.find((token) =>
      token.kind === "COMMENT" && token.offset >= end && token.offset < into.end &&
      !source.slice(end, token.offset).includes("\n")
    );
    if (comment !== undefined && (onLines || !comment.lexeme.startsWith("//"))) end = comment.end;
    const content = label + write(item, onLines ? base : lineIndent(source, into.start));
    const before = source.slice(0, last.valueEnd) + (trailing ? "" : ",") +
      source.slice(last.valueEnd, end);
    const gap = onLines
      ? newLine + base
      : into.members.length > 1
      ? source.slice(into.members.at(-2)!.comma + 1, last.start)
      : " ";
    return before + (/^\s+$/.test(gap) || gap === "" ? gap : " ") + content +
      (trailing ? "," : "") + source.slice(end);
  }
}

function remove(text: string, tokens: JsonToken[], from: Container, member: Member): string {
  const index = from.members.indexOf(member);
  const isLast = index === from.members.length - 1;
  let start = member.start;
  let end = member.comma >= 0 ? member.comma + 1 : member.valueEnd;
  const comment = tokens.find((token) =>
    token.kind === "COMMENT" && token.offset >= end && token.offset < from.end &&
    !text.slice(end, token.offset).includes("\n")
  );
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const ownLine = lineStart > from.start && text.slice(lineStart, start).trim() === "";
  if (comment !== undefined && ownLine) end = comment.end;
  if (ownLine) {
    const lineEnd = /^[ \t]*\r?\n/.exec(text.slice(end));
    if (lineEnd !== null) {
      start = lineStart;
      end += lineEnd[0].length;
    }
  } else if (!isLast) {
    const next = from.members[index + 1]!;
    if (text.slice(end, next.start).trim() === "" && !text.slice(end, next.start).includes("\n")) {
      end = next.start;
    }
  }
  let before = text.slice(0, start);
  if (isLast && index > 0 && member.comma < 0) {
    // The member before becomes the last one: its comma goes too.
    const comma = from.members[index - 1]!.comma;
    const between = before.slice(comma + 1);
    before = before.slice(0, comma) + (ownLine || between.trim() !== "" ? between : "");
  }
  return before + text.slice(end);
}

/** Reads the members of the object or array that starts at token `at`; null for a scalar. */
function readContainer(tokens: JsonToken[], at: number): Container | null {
  const first = tokens[at]!;
  const isObject = first.kind === "LEFT_BRACE";
  if (!isObject && first.kind !== "LEFT_BRACKET") return null;
  const container: Container = { isObject, start: first.offset, end: -1, members: [] };
  let key: JsonToken | null = null;
  for (let i = at + 1;; i++) {
    const token = tokens[i]!;
    if (token.kind === "COMMENT" || token.kind === "COLON") continue;
    if (token.kind === "RIGHT_BRACE" || token.kind === "RIGHT_BRACKET") {
      container.end = token.offset;
      return container;
    }
    if (token.kind === "COMMA") container.members.at(-1)!.comma = token.offset;
    else if (token.isKey) key = token;
    else {
      const last = valueEndToken(tokens, i);
      container.members.push({
        start: key?.offset ?? token.offset,
        key: key === null ? null : key.value as string,
        valueStart: token.offset,
        valueEnd: tokens[last]!.end,
        comma: -1,
      });
      key = null;
      i = last;
    }
  }
}

/** The last token of the value that starts at token `at`. */
function valueEndToken(tokens: JsonToken[], at: number): number {
  let depth = 0;
  for (let i = at;; i++) {
    const { kind } = tokens[i]!;
    if (kind === "LEFT_BRACE" || kind === "LEFT_BRACKET") depth++;
    else if (kind === "RIGHT_BRACE" || kind === "RIGHT_BRACKET") depth--;
    if (depth === 0) return i;
  }
}

/** The member that counts: the last one of its key. */
function memberOf(container: Container, name: string): Member | null {
  if (!container.isObject) return container.members[indexOf(name)] ?? null;
  return container.members.findLast((member) => member.key === name) ?? null;
}

function notFound(pointer: JsonPointer): JsonPointerError {
  return new JsonPointerError(
    "not-found",
    pointer.toString(),
    `Cannot edit the JSON text: "${pointer}" leads to no value`,
  );
}

/** The white space that the line of `offset` starts with. */
function lineIndent(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))![0];
}

/** The text's first indent, or two spaces. */
function detectIndent(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
}
