import { quote } from "./_quote.ts";
import { JsonNumber, RepeatedMembers } from "./value.ts";

/** The type of a JSON value as people call it. */
export type JsonTypeName = "Object" | "Array" | "String" | "Number" | "Boolean" | "Null";

/** Names the type of a JSON value; bigints and `JsonNumber` are numbers. */
export function typeName(value: unknown): JsonTypeName {
  if (value === null || value === undefined) return "Null";
  if (Array.isArray(value) || value instanceof RepeatedMembers) return "Array";
  switch (typeof value) {
    case "string":
      return "String";
    case "number":
    case "bigint":
      return "Number";
    case "boolean":
      return "Boolean";
    default:
      return value instanceof JsonNumber ? "Number" : "Object";
  }
}

/** What a part of a printed tree is. */
export type TreePart = "key" | "type" | "string" | "number" | "boolean" | "null" | "punctuation";

/** How to print a tree. */
export interface TreeOptions {
  /** Wraps each part, for colours; text comes out as it is by default. */
  paint?: (part: TreePart, text: string) => string;
}

const SCALAR_PART: Record<JsonTypeName, TreePart> = {
  Object: "punctuation",
  Array: "punctuation",
  String: "string",
  Number: "number",
  Boolean: "boolean",
  Null: "null",
};

/**
 * Yields the lines of a JSON value as a tree, with the type of each member and item. Levels are limited by
 * memory only.
 *
 * @example
 * ```ts
 * import { treeLines } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...treeLines({ name: "Go", tags: ["fast"] })], [
 *   "{",
 *   '  "name" (String): "Go"',
 *   '  "tags" (Array): [',
 *   '    (String): "fast"',
 *   "  ]",
 *   "}",
 * ]);
 * ```
 */
export function* treeLines(value: unknown, options: TreeOptions = {}): Generator<string> {
  const paint = options.paint ?? ((_part: TreePart, text: string) => text);
  const containers: (unknown[] | Record<string, unknown>)[] = [];
  const keys: (string[] | null)[] = [];
  const positions: number[] = [];
  let label = "";
  let current = value;
  for (;;) {
    // Beyond some levels the indent would cost more than the tree.
    const indent = indentOf(containers.length);
    const type = typeName(current);
    if (type === "Object" || type === "Array") {
      const container =
        (current instanceof RepeatedMembers ? current.values : current) as typeof containers[0];
      const own = Array.isArray(container) ? null : Object.keys(container);
      const [begin, end] = own === null ? "[]" : "{}";
      if ((own ?? container as unknown[]).length === 0) {
        yield indent + label + paint("punctuation", begin! + end!);
      } else {
        yield indent + label + paint("punctuation", begin!);
        containers.push(container);
        keys.push(own);
        positions.push(0);
      }
    } else {
      const text = typeof current === "string"
        ? quote(current)
        : Object.is(current, -0)
        ? "-0"
        : String(current);
      yield indent + label + paint(SCALAR_PART[type], text);
    }
    for (;;) {
      const depth = containers.length;
      if (depth === 0) return;
      const container = containers[depth - 1]!;
      const own = keys[depth - 1]!;
      const at = positions[depth - 1]!++;
      if (own === null) {
        const array = container as unknown[];
        if (at < array.length) {
          current = array[at];
          label = `(${paint("type", typeName(current))}): `;
          break;
        }
      } else if (at < own.length) {
        const key = own[at]!;
        current = (container as Record<string, unknown>)[key];
        label = `${paint("key", quote(key))} (${paint("type", typeName(current))}): `;
        break;
      }
      containers.pop();
      keys.pop();
      positions.pop();
      yield indentOf(depth - 1) + paint("punctuation", own === null ? "]" : "}");
    }
  }
}

/** Deepest level that is indented further. */
const MAX_INDENT_LEVELS = 200;

function indentOf(level: number): string {
  return "  ".repeat(Math.min(level, MAX_INDENT_LEVELS));
}
