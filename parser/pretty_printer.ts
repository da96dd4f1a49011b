import { unicodeWidth } from "@std/cli";

/**
 * A document for {@linkcode printDocument}: text, a line break that may become a space, or documents combined. Made by
 * {@linkcode line}, {@linkcode group}, {@linkcode indent} and {@linkcode join}; a plain string is text, an array is a
 * sequence.
 */
export type Document = string | readonly Document[] | DocumentNode;

/** A combined document; opaque. */
export interface DocumentNode {
  /** @ignore */
  readonly type: "line" | "group" | "indent" | "choice";
  /** @ignore */
  readonly flat?: string;
  /** @ignore */
  readonly hard?: boolean;
  /** @ignore */
  readonly body?: Document;
  /** @ignore */
  readonly otherwise?: Document;
}

/** A line break, or one space where the group around it fits on a line. */
export const line: DocumentNode = { type: "line", flat: " " };
/** A line break, or nothing where the group around it fits on a line. */
export const softLine: DocumentNode = { type: "line", flat: "" };
/** A line break in any case; the groups around it break too. */
export const hardLine: DocumentNode = { type: "line", hard: true };

/** Prints on one line if that fits, else breaks every line of its own (not those of inner groups). */
export function group(...body: Document[]): DocumentNode {
  return { type: "group", body };
}

/** Moves the lines inside one level to the right. */
export function indent(...body: Document[]): DocumentNode {
  return { type: "indent", body };
}

/** One document where the group around it is broken, another where it is flat (a trailing comma, say). */
export function ifBroken(broken: Document, flat: Document = ""): DocumentNode {
  return { type: "choice", body: broken, otherwise: flat };
}

/** Puts a separator between documents. */
export function join(separator: Document, items: readonly Document[]): Document {
  return items.flatMap((item, index) => index === 0 ? [item] : [separator, item]);
}

/** Options of {@linkcode printDocument}. */
export interface PrintOptions {
  /** Columns to fit into. Default 80. */
  width?: number;
  /** Text of one level. Default two spaces. */
  indentation?: string;
}

/**
 * Lays a document out (P. Wadler, "A prettier printer", 2003; strict and on a stack of its own, so nesting is limited by
 * memory only). O(size of the document times the line width).
 *
 * @example
 * ```ts
 * import { group, indent, join, line, printDocument, softLine } from "@groundwork/std/parser";
 * import { assertEquals } from "@std/assert";
 *
 * const list = (items: string[]) =>
 *   group("[", indent(softLine, join([",", line], items)), softLine, "]");
 * assertEquals(printDocument(list(["one", "two"])), "[one, two]");
 * assertEquals(printDocument(list(["one", "two"]), { width: 8 }), "[\n  one,\n  two\n]");
 * ```
 */
export function printDocument(document: Document, options: PrintOptions = {}): string {
  const { width = 80, indentation = "  " } = options;
  const out: string[] = [];
  const stack: [level: number, flat: boolean, document: Document][] = [[0, false, document]];
  const tooWide = forcedBreaks(document);
  let column = 0;
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [level, flat, node] = top;
    if (typeof node === "string") {
      out.push(node);
      column += unicodeWidth(node);
    } else if (Array.isArray(node)) {
      for (let i = node.length - 1; i >= 0; i--) stack.push([level, flat, node[i]]);
    } else {
      const part = node as DocumentNode;
      if (part.type === "line") {
        if (flat && part.hard !== true) {
          out.push(part.flat!);
          column += part.flat!.length;
        } else {
          const pad = indentation.repeat(level);
          out.push("\n", pad);
          column = unicodeWidth(pad);
        }
      } else if (part.type === "indent") stack.push([level + 1, flat, part.body!]);
      else if (part.type === "choice") {
        stack.push([level, flat, flat ? part.otherwise! : part.body!]);
      } else {
        const fits = flat || (!tooWide.has(part) && fitsIn(width - column, part.body!, stack));
        stack.push([level, fits, part.body!]);
      }
    }
  }
  return out.join("").replace(/[ \t]+$/gm, "");
}

/** Groups with a hard line inside, found in one pass. */
function forcedBreaks(document: Document): Set<DocumentNode> {
  const broken = new Set<DocumentNode>();
  const groups: DocumentNode[] = [];
  const stack: (Document | undefined)[] = [document];
  while (stack.length > 0) {
    const node = stack.pop();
    if (node === undefined) {
      const inner = groups.pop()!;
      if (broken.has(inner) && groups.length > 0) broken.add(groups.at(-1)!);
    } else if (Array.isArray(node)) {
      for (let i = node.length - 1; i >= 0; i--) stack.push(node[i]);
    } else if (typeof node !== "string") {
      const part = node as DocumentNode;
      if (part.type === "line") {
        if (part.hard === true && groups.length > 0) broken.add(groups.at(-1)!);
      } else if (part.type === "group") {
        groups.push(part);
        stack.push(undefined, part.body!);
      } else if (part.type === "choice") stack.push(part.otherwise!);
      else stack.push(part.body!);
    }
  }
  return broken;
}

/** Whether a document, and what follows it up to the next possible break, fits into the rest of the line. */
function fitsIn(
  room: number,
  document: Document,
  rest: readonly [number, boolean, Document][],
): boolean {
  const stack: [flat: boolean, document: Document][] = [[true, document]];
  let behind = rest.length - 1;
  let left = room;
  while (left >= 0) {
    const top = stack.pop();
    if (top === undefined) {
      if (behind < 0) return true;
      const [, flat, node] = rest[behind--]!;
      stack.push([flat, node]);
      continue;
    }
    const [flat, node] = top;
    if (typeof node === "string") left -= unicodeWidth(node);
    else if (Array.isArray(node)) {
      for (let i = node.length - 1; i >= 0; i--) stack.push([flat, node[i]]);
    } else {
      const part = node as DocumentNode;
      if (part.type === "line") {
        if (!flat || part.hard === true) return true;
        left -= part.flat!.length;
      } else if (part.type === "choice") stack.push([flat, flat ? part.otherwise! : part.body!]);
      else stack.push([flat, part.body!]);
    }
  }
  return false;
}
