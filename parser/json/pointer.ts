import { setMember } from "./_builder.ts";

/** A JSON Pointer that is malformed, or that leads nowhere when it must lead somewhere. */
export class JsonPointerError extends Error {
  /** Always `"JsonPointerError"`. */
  override readonly name = "JsonPointerError";
  /** `syntax`: not a JSON Pointer; `not-found`: a part of the way does not exist. */
  readonly code: "syntax" | "not-found";
  /** The pointer's text. */
  readonly pointer: string;

  /** Made by `JsonPointer`. */
  constructor(code: "syntax" | "not-found", pointer: string, message: string) {
    super(message);
    this.code = code;
    this.pointer = pointer;
  }
}

const INDEX = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * A JSON Pointer (RFC 6901): the way to one value inside another. Only own members are followed, so
 * `/constructor` and `/__proto__` reach data or nothing.
 *
 * @example
 * ```ts
 * import { JsonPointer } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const pointer = new JsonPointer("/tags/1");
 * assertEquals(pointer.get({ tags: ["a", "b"] }), "b");
 * assertEquals(JsonPointer.from(["a/b", "m~n"]).toString(), "/a~1b/m~0n");
 * assertEquals(new JsonPointer("#/a%20b").tokens, ["a b"]);
 * ```
 */
export class JsonPointer {
  /** The keys and indices on the way, unescaped. */
  readonly tokens: readonly string[];

  /**
   * Parses a pointer: empty for the whole value, `/` before each token, `~1` for `/` and `~0` for `~`; or the URI
   * fragment form, which starts with `#` and is percent-encoded.
   *
   * @throws {JsonPointerError} With code `syntax`.
   */
  constructor(pointer: string) {
    let text = pointer;
    if (text.startsWith("#")) {
      try {
        text = decodeURIComponent(text.slice(1));
      } catch {
        throw syntax(pointer, "its fragment is not percent-encoded UTF-8");
      }
    }
    if (text === "") this.tokens = [];
    else {
      if (!text.startsWith("/")) throw syntax(pointer, "it does not start with '/'");
      if (/~(?![01])/.test(text)) throw syntax(pointer, "'~' is not followed by '0' or '1'");
      this.tokens = text.slice(1).split("/").map((token) =>
        token.replaceAll("~1", "/").replaceAll("~0", "~")
      );
    }
  }

  /** Makes the pointer that follows `tokens`. */
  static from(tokens: readonly (string | number)[]): JsonPointer {
    return new JsonPointer(
      tokens.map((token) => "/" + String(token).replaceAll("~", "~0").replaceAll("/", "~1")).join(
        "",
      ),
    );
  }

  /** The pointer's text. */
  toString(): string {
    return this.tokens.map((token) => "/" + token.replaceAll("~", "~0").replaceAll("/", "~1"))
      .join("");
  }

  /** The value it leads to, or undefined where it leads nowhere. */
  get(value: unknown): unknown {
    let current = value;
    for (const token of this.tokens) {
      if (!hasChild(current, token)) return undefined;
      current = (current as Record<string, unknown>)[token];
    }
    return current;
  }

  /** Tells whether it leads to a value. */
  has(value: unknown): boolean {
    return this.tokens.length === 0 || this.get(value) !== undefined;
  }

  /**
   * Puts `item` where the pointer leads, in place. The last token may be a new key, the index after the last
   * item, or `-` for that index; an existing item is replaced.
   *
   * @returns `value`, or `item` for the empty pointer.
   * @throws {JsonPointerError} With code `not-found` where the way there does not exist.
   */
  set(value: unknown, item: unknown): unknown {
    if (this.tokens.length === 0) return item;
    const parent = this.#parent(value);
    const last = this.tokens.at(-1)!;
    if (Array.isArray(parent)) {
      const index = last === "-" ? parent.length : indexOf(last);
      if (index < 0 || index > parent.length) throw this.#notFound();
      parent[index] = item;
    } else setMember(parent, last, item);
    return value;
  }

  /**
   * Removes what the pointer leads to, in place; later items move down.
   *
   * @returns What was removed.
   * @throws {JsonPointerError} With code `not-found` where there is nothing, and for the empty pointer.
   */
  remove(value: unknown): unknown {
    if (this.tokens.length === 0) throw this.#notFound();
    const parent = this.#parent(value);
    const last = this.tokens.at(-1)!;
    if (!hasChild(parent, last)) throw this.#notFound();
    if (Array.isArray(parent)) return parent.splice(Number(last), 1)[0];
    const item = parent[last];
    delete parent[last];
    return item;
  }

  #parent(value: unknown): unknown[] | Record<string, unknown> {
    let current = value;
    for (let i = 0; i < this.tokens.length - 1; i++) {
      const token = this.tokens[i]!;
      if (!hasChild(current, token)) throw this.#notFound();
      current = (current as Record<string, unknown>)[token];
    }
    if (typeof current !== "object" || current === null) throw this.#notFound();
    return current as unknown[] | Record<string, unknown>;
  }

  #notFound(): JsonPointerError {
    const pointer = this.toString();
    return new JsonPointerError(
      "not-found",
      pointer,
      `Cannot follow the JSON Pointer "${pointer}": it leads to no value`,
    );
  }
}

function syntax(pointer: string, why: string): JsonPointerError {
  return new JsonPointerError(
    "syntax",
    pointer,
    `Cannot read the JSON Pointer "${pointer}": ${why}`,
  );
}

/** The array index that a token stands for, or -1. */
export function indexOf(token: string): number {
  return INDEX.test(token) ? Number(token) : -1;
}

function hasChild(value: unknown, token: string): boolean {
  if (Array.isArray(value)) {
    const index = indexOf(token);
    return index >= 0 && index < value.length;
  }
  return typeof value === "object" && value !== null && Object.hasOwn(value, token);
}
