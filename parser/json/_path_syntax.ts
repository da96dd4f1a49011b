/** The grammar of RFC 9535: a query's text to its tree, checked for types as section 2.4.3 asks. */
import { isIdentifierStart } from "./_unicode.ts";
import { JsonPathError } from "./_path_error.ts";

export type Selector =
  | { kind: "name"; name: string }
  | { kind: "wildcard" }
  | { kind: "index"; index: number }
  | { kind: "slice"; start: number | undefined; end: number | undefined; step: number }
  | { kind: "filter"; test: Logical };

export interface Segment {
  descendant: boolean;
  selectors: Selector[];
}

export interface Query {
  /** `$`, from the whole value; otherwise `@`, from the current one. */
  absolute: boolean;
  segments: Segment[];
  /** At most one node: names and indices only. */
  singular: boolean;
}

export type Logical =
  | { kind: "or"; items: Logical[] }
  | { kind: "and"; items: Logical[] }
  | { kind: "not"; item: Logical }
  | { kind: "exists"; query: Query }
  | { kind: "call"; call: Call }
  | { kind: "compare"; operator: Operator; left: Comparable; right: Comparable };

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type Comparable =
  | { kind: "literal"; value: unknown }
  | { kind: "query"; query: Query }
  | { kind: "call"; call: Call };

export type FunctionName = "length" | "count" | "match" | "search" | "value";

export interface Call {
  name: FunctionName;
  /** A value or a node list, as the function declares. */
  args: Comparable[];
}

type Type = "value" | "nodes" | "logical";

const FUNCTIONS: Readonly<Record<FunctionName, { args: Type[]; result: Type }>> = {
  length: { args: ["value"], result: "value" },
  count: { args: ["nodes"], result: "value" },
  match: { args: ["value", "value"], result: "logical" },
  search: { args: ["value", "value"], result: "logical" },
  value: { args: ["nodes"], result: "value" },
};

/** Most levels of parentheses, filters and calls inside one another. */
const MAX_NESTING = 100;
const MAX_QUERY_UNITS = 100_000;

const NAME_FIRST_ASCII = /[A-Za-z_]/;

/** Parses a whole query, which starts with `$`. */
export function parseQuery(text: string): Query {
  if (text.length > MAX_QUERY_UNITS) {
    throw new JsonPathError(
      "too-large",
      MAX_QUERY_UNITS,
      `Cannot read the JSONPath: it is longer than ${MAX_QUERY_UNITS} characters`,
    );
  }
  return new PathParser(text).whole();
}

class PathParser {
  #at = 0;
  #depth = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Query {
    if (this.#text[0] !== "$") this.#fail("it does not start with '$'");
    this.#at = 1;
    const query = this.#query(true);
    if (this.#at < this.#text.length) this.#fail("unexpected character");
    return query;
  }

  #fail(why: string): never {
    throw new JsonPathError(
      "syntax",
      this.#at,
      `Cannot read the JSONPath at position ${this.#at}: ${why}`,
    );
  }

  #enter(): void {
    if (++this.#depth > MAX_NESTING) this.#fail(`more than ${MAX_NESTING} levels`);
  }

  #space(): void {
    for (;; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return;
    }
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** The segments after `$` or `@`. */
  #query(absolute: boolean): Query {
    const segments: Segment[] = [];
    let singular = true;
    for (;;) {
      const before = this.#at;
      this.#space();
      const segment = this.#segment();
      if (segment === null) {
        this.#at = before;
        return { absolute, segments, singular };
      }
      segments.push(segment);
      const kind = segment.selectors[0]!.kind;
      if (
        segment.descendant || segment.selectors.length > 1 || (kind !== "name" && kind !== "index")
      ) singular = false;
    }
  }

  #segment(): Segment | null {
    if (this.#take("..")) {
      const selectors = this.#text[this.#at] === "[" ? this.#brackets() : [this.#shorthand()];
      return { descendant: true, selectors };
    }
    if (this.#take(".")) return { descendant: false, selectors: [this.#shorthand()] };
    if (this.#text[this.#at] === "[") return { descendant: false, selectors: this.#brackets() };
    return null;
  }

  #shorthand(): Selector {
    if (this.#take("*")) return { kind: "wildcard" };
    const from = this.#at;
    for (;;) {
      const point = this.#text.codePointAt(this.#at) ?? 0;
      const valid = point >= 0x80
        ? point < 0xd800 || point > 0xdfff
        : NAME_FIRST_ASCII.test(String.fromCharCode(point)) ||
          (this.#at > from && point >= 48 && point <= 57);
      if (!valid) break;
      this.#at += point > 0xffff ? 2 : 1;
    }
    if (this.#at === from) this.#fail("a name or '*' is missing");
    return { kind: "name", name: this.#text.slice(from, this.#at) };
  }

  #brackets(): Selector[] {
    this.#enter();
    this.#at++;
    const selectors: Selector[] = [];
    do {
      this.#space();
      selectors.push(this.#selector());
      this.#space();
    } while (this.#take(","));
    if (!this.#take("]")) this.#fail("expected ',' or ']'");
    this.#depth--;
    return selectors;
  }

  #selector(): Selector {
    const character = this.#text[this.#at];
    if (character === '"' || character === "'") return { kind: "name", name: this.#string() };
    if (this.#take("*")) return { kind: "wildcard" };
    if (this.#take("?")) {
      this.#space();
      return { kind: "filter", test: this.#or() };
    }
    const start = this.#integer();
    const before = this.#at;
    this.#space();
    if (!this.#take(":")) {
      this.#at = before;
      if (start === undefined) this.#fail("expected a selector");
      return { kind: "index", index: start };
    }
    this.#space();
    const end = this.#integer();
    let step: number | undefined;
    const beforeStep = this.#at;
    this.#space();
    if (this.#take(":")) {
      const afterColon = this.#at;
      this.#space();
      step = this.#integer();
      if (step === undefined) this.#at = afterColon;
    } else this.#at = beforeStep;
    return { kind: "slice", start, end, step: step ?? 1 };
  }

  #integer(): number | undefined {
    const match = /^-?[0-9]+/.exec(this.#text.slice(this.#at, this.#at + 40));
    if (match === null) {
      if (this.#text[this.#at] === "-") this.#fail("a digit is missing");
      return undefined;
    }
    const digits = match[0];
    if (!/^(?:0|-?[1-9][0-9]*)$/.test(digits)) {
      this.#fail("an integer has no leading zero, nor '-0'");
    }
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) this.#fail("the integer is beyond 2^53 - 1");
    this.#at += digits.length;
    return value;
  }

  #string(): string {
    const quote = this.#text[this.#at]!;
    let result = "";
    this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) this.#fail("the string does not end");
      if (character === quote) {
        this.#at++;
        return result;
      }
      if (character < " ") this.#fail("a control character in a string");
      if (character === "\\") result += this.#escape(quote);
      else {
        const point = this.#text.codePointAt(this.#at)!;
        if (point >= 0xd800 && point <= 0xdfff) this.#fail("half of a surrogate pair");
        result += String.fromCodePoint(point);
        this.#at += point > 0xffff ? 2 : 1;
      }
    }
  }

  #escape(quote: string): string {
    const letter = this.#text[this.#at + 1];
    this.#at += 2;
    switch (letter) {
      case "b":
        return "\b";
      case "f":
        return "\f";
      case "n":
        return "\n";
      case "r":
        return "\r";
      case "t":
        return "\t";
      case "/":
      case "\\":
        return letter;
      case "u": {
        const high = this.#hex();
        if (high >= 0xdc00 && high <= 0xdfff) this.#fail("half of a surrogate pair");
        if (high < 0xd800 || high > 0xdbff) return String.fromCharCode(high);
        if (!this.#take("\\u")) this.#fail("half of a surrogate pair");
        const low = this.#hex();
        if (low < 0xdc00 || low > 0xdfff) this.#fail("half of a surrogate pair");
        return String.fromCharCode(high, low);
      }
    }
    if (letter === quote) return quote;
    this.#at -= 2;
    this.#fail("unknown escape sequence");
  }

  #hex(): number {
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail("four hexadecimal digits are missing");
    this.#at += 4;
    return parseInt(digits, 16);
  }

  #or(): Logical {
    const items = [this.#and()];
    for (;;) {
      const before = this.#at;
      this.#space();
      if (!this.#take("||")) {
        this.#at = before;
        return items.length === 1 ? items[0]! : { kind: "or", items };
      }
      this.#space();
      items.push(this.#and());
    }
  }

  #and(): Logical {
    const items = [this.#basic()];
    for (;;) {
      const before = this.#at;
      this.#space();
      if (!this.#take("&&")) {
        this.#at = before;
        return items.length === 1 ? items[0]! : { kind: "and", items };
      }
      this.#space();
      items.push(this.#basic());
    }
  }

  #basic(): Logical {
    const negated = this.#take("!");
    if (negated) this.#space();
    let result: Logical;
    if (this.#take("(")) {
      this.#enter();
      this.#space();
      result = this.#or();
      this.#space();
      if (!this.#take(")")) this.#fail("expected ')'");
      this.#depth--;
    } else {
      const left = this.#comparable();
      const before = this.#at;
      this.#space();
      const operator = this.#operator();
      if (operator === null) {
        this.#at = before;
        result = this.#test(left);
      } else {
        if (negated) this.#fail("'!' before a comparison needs parentheses");
        this.#checkComparable(left);
        this.#space();
        const right = this.#comparable();
        this.#checkComparable(right);
        return { kind: "compare", operator, left, right };
      }
    }
    return negated ? { kind: "not", item: result } : result;
  }

  #test(item: Comparable): Logical {
    if (item.kind === "query") return { kind: "exists", query: item.query };
    if (item.kind === "literal") this.#fail("a literal must be compared");
    if (FUNCTIONS[item.call.name].result === "value") {
      this.#fail(`the result of ${item.call.name}() must be compared`);
    }
    return { kind: "call", call: item.call };
  }

  #checkComparable(item: Comparable): void {
    if (item.kind === "query" && !item.query.singular) {
      this.#fail("only a query of one node at most can be compared");
    }
    if (item.kind === "call" && FUNCTIONS[item.call.name].result !== "value") {
      this.#fail(`the result of ${item.call.name}() cannot be compared`);
    }
  }

  #operator(): Operator | null {
    for (const operator of ["==", "!=", "<=", ">=", "<", ">"] as const) {
      if (this.#take(operator)) return operator;
    }
    return null;
  }

  #comparable(): Comparable {
    const character = this.#text[this.#at] ?? "";
    if (character === '"' || character === "'") {
      return { kind: "literal", value: this.#string() };
    }
    if (character === "@" || character === "$") {
      this.#at++;
      this.#enter();
      const query = this.#query(character === "$");
      this.#depth--;
      return { kind: "query", query };
    }
    const number = /^(?:-?0|-?[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/.exec(
      this.#text.slice(this.#at, this.#at + 1_000),
    );
    if (number !== null) {
      this.#at += number[0].length;
      return { kind: "literal", value: Number(number[0]) };
    }
    const word = /^[a-z][a-z0-9_]*/.exec(this.#text.slice(this.#at, this.#at + 64))?.[0] ?? "";
    if (word !== "" && this.#text[this.#at + word.length] === "(") {
      return { kind: "call", call: this.#call(word) };
    }
    for (const [literal, value] of [["true", true], ["false", false], ["null", null]] as const) {
      if (word === literal) {
        this.#at += word.length;
        return { kind: "literal", value };
      }
    }
    this.#fail(
      isIdentifierStart(this.#text.codePointAt(this.#at) ?? 0)
        ? "unknown word"
        : "expected a query, a literal or a function",
    );
  }

  #call(name: string): Call {
    if (!Object.hasOwn(FUNCTIONS, name)) this.#fail(`there is no function ${name}()`);
    const declared = FUNCTIONS[name as FunctionName];
    this.#at += name.length + 1;
    this.#enter();
    const args: Comparable[] = [];
    for (const type of declared.args) {
      this.#space();
      if (args.length > 0) {
        if (!this.#take(",")) this.#fail(`${name}() takes ${declared.args.length} arguments`);
        this.#space();
      }
      const arg = this.#comparable();
      if (type === "value") this.#checkComparable(arg);
      else if (arg.kind !== "query") this.#fail(`${name}() takes a query`);
      args.push(arg);
    }
    this.#space();
    if (!this.#take(")")) this.#fail(`expected ')' after the arguments of ${name}()`);
    this.#depth--;
    return { name: name as FunctionName, args };
  }
}
