/** Builds values from tokens, with every option; no recursion. */
import { JsonNumber, RepeatedMembers } from "./value.ts";
import {
  BEGIN_ARRAY,
  BEGIN_OBJECT,
  END_ARRAY,
  END_OBJECT,
  FALSE,
  KEY,
  NULL,
  NUMBER,
  type Scanner,
  STRING,
  type TokenHandler,
  TRUE,
} from "./_scanner.ts";

export interface BuilderOptions {
  duplicateKeys?: "last" | "first" | "error" | "all";
  numbers?: "number" | "bigint" | "source";
}

/** Longest integer that `numbers: "bigint"` converts, in digits. */
export const MAX_BIGINT_DIGITS = 100_000;

type JsonObject = Record<string, unknown>;

/** Sets a member as plain data, `__proto__` too. */
export function setMember(object: JsonObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else object[key] = value;
}

/** The value of a number's source text in any dialect. */
export function toNumber(source: string): number {
  const first = source.charCodeAt(0);
  if (first === 45 && source.length > 2 && (source.charCodeAt(2) | 32) === 120) {
    return -Number(source.slice(1)); // "-0x1F"
  }
  if (first === 43) return Number(source.slice(1));
  return Number(source.endsWith("NaN") ? NaN : source);
}

export class Builder implements TokenHandler {
  /** Set by the owner; reports errors of content. */
  scanner!: Scanner;
  /** A whole value has been built. */
  done = false;
  value: unknown = undefined;

  readonly #duplicates: "last" | "first" | "error" | "all";
  readonly #numbers: "number" | "bigint" | "source";
  readonly #containers: (unknown[] | JsonObject)[] = [];
  readonly #keys: string[] = [];
  #array: unknown[] | null = null;
  #object: JsonObject | null = null;
  #key = "";

  constructor(options: BuilderOptions) {
    this.#duplicates = options.duplicateKeys ?? "last";
    this.#numbers = options.numbers ?? "number";
  }

  /** Gets ready for the next value. */
  reset(): void {
    this.done = false;
    this.value = undefined;
  }

  /** Levels open. */
  get depth(): number {
    return this.#containers.length;
  }

  onToken(kind: number, start: number, _end: number, source: string): void {
    switch (kind) {
      case BEGIN_OBJECT: {
        const object: JsonObject = {};
        this.add(object);
        this.#containers.push(object);
        this.#keys.push(this.#key);
        this.#object = object;
        this.#array = null;
        break;
      }
      case BEGIN_ARRAY: {
        const array: unknown[] = [];
        this.add(array);
        this.#containers.push(array);
        this.#keys.push(this.#key);
        this.#array = array;
        this.#object = null;
        break;
      }
      case END_OBJECT:
      case END_ARRAY: {
        this.#containers.pop();
        this.#key = this.#keys.pop()!;
        const depth = this.#containers.length;
        if (depth === 0) {
          this.#array = null;
          this.#object = null;
          this.done = true;
        } else {
          const parent = this.#containers[depth - 1]!;
          if (Array.isArray(parent)) {
            this.#array = parent;
            this.#object = null;
          } else {
            this.#object = parent;
            this.#array = null;
          }
        }
        break;
      }
      case KEY:
        if (this.#duplicates === "error" && Object.hasOwn(this.#object!, source)) {
          this.scanner.failAt("duplicate-key", `duplicate key '${shorten(source)}'`, start);
        }
        this.#key = source;
        break;
      case STRING:
        this.add(source);
        break;
      case NUMBER:
        this.add(this.#numbers === "number" ? toNumber(source) : this.#convert(source, start));
        break;
      case TRUE:
        this.add(true);
        break;
      case FALSE:
        this.add(false);
        break;
      case NULL:
        this.add(null);
        break;
    }
  }

  /** Adds a finished value, or an empty container that is about to be filled. */
  add(value: unknown): void {
    if (this.#array !== null) {
      this.#array.push(value);
      return;
    }
    const object = this.#object;
    if (object === null) {
      this.value = value;
      this.done = typeof value !== "object" || value === null || value instanceof JsonNumber;
      return;
    }
    const key = this.#key;
    if (this.#duplicates !== "last" && Object.hasOwn(object, key)) {
      if (this.#duplicates === "first") return;
      const before = object[key];
      if (before instanceof RepeatedMembers) before.values.push(value);
      else setMember(object, key, new RepeatedMembers([before, value]));
      return;
    }
    setMember(object, key, value);
  }

  /** Adds a whole container that was built elsewhere. */
  addWhole(value: unknown): void {
    this.add(value);
    if (this.#containers.length === 0) this.done = true;
  }

  #convert(source: string, start: number): unknown {
    if (this.#numbers === "source") return new JsonNumber(source);
    const number = toNumber(source);
    if (Number.isSafeInteger(number) || !/^[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+)$/.test(source)) {
      return number;
    }
    if (source.length > MAX_BIGINT_DIGITS) {
      this.scanner.failAt("too-long", `integer of more than ${MAX_BIGINT_DIGITS} digits`, start);
    }
    const negative = source.startsWith("-");
    const magnitude = BigInt(source.replace(/^[+-]/, ""));
    const exact = negative ? -magnitude : magnitude;
    return Number.isFinite(number) && BigInt(number) === exact ? number : exact;
  }
}

function shorten(key: string): string {
  return key.length > 40 ? key.slice(0, 40) + "…" : key;
}
