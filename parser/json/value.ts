const NUMBER =
  /^[+-]?(?:0[xX][0-9a-fA-F]+|Infinity|NaN|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)$/;

/**
 * A number kept as it was written, for `parse(text, { numbers: "source" })`. `stringify()` writes the
 * same characters again.
 *
 * @example
 * ```ts
 * import { type JsonNumber, parse, stringify } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const price = parse("1.10", { numbers: "source" }) as JsonNumber;
 * assertEquals(price.source, "1.10");
 * assertEquals(Number(price), 1.1);
 * assertEquals(stringify(price), "1.10");
 * ```
 */
export class JsonNumber {
  /** The characters of the number. */
  readonly source: string;

  /** Wraps a number in JSON's notation; anything else is a `TypeError`. */
  constructor(source: string) {
    if (!NUMBER.test(source)) {
      throw new TypeError("Cannot make a JsonNumber: the text is not a number");
    }
    this.source = source;
  }

  /** The nearest double. */
  valueOf(): number {
    return this.source.startsWith("-") ? -Number(this.source.slice(1)) : Number(this.source);
  }

  /** The characters of the number. */
  toString(): string {
    return this.source;
  }
}

/**
 * The values of a member whose key was repeated, in order, for `parse(text, { duplicateKeys: "all" })`.
 * `stringify()` writes the key once for each.
 */
export class RepeatedMembers {
  /** Two or more values. */
  readonly values: unknown[];

  /** Wraps the values of one key. */
  constructor(values: unknown[]) {
    this.values = values;
  }
}
