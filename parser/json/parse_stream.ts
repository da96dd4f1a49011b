import { Builder } from "./_builder.ts";
import { FAILED, parsePrefix, prefixEnd, prefixEndUnits } from "./_fast.ts";
import type { Comparable, Logical, Segment, Selector } from "./_path_syntax.ts";
import { BytePush, DEFAULT_MAX_DEPTH } from "./_push.ts";
import {
  BEGIN_ARRAY,
  BEGIN_OBJECT,
  COLON,
  COMMA,
  COMMENT,
  END_ARRAY,
  END_OBJECT,
  KEY,
  type TokenHandler,
  utf8Length,
} from "./_scanner.ts";
import type { ParseOptions } from "./parse.ts";
import { PathEvaluator } from "./_path_eval.ts";
import { JsonPath, JsonPathError } from "./path.ts";
import { JsonPointer } from "./pointer.ts";

/** Options of a `JsonParseStream`. */
export interface JsonParseStreamOptions extends ParseOptions {
  /**
   * What to take out of the document: a JSON Pointer (`/items/3`, one value), or a JSONPath (`$.items[*]`, its values
   * in document order). Without it the values are whole documents.
   */
  select?: string | JsonPointer | JsonPath;
  /** Accept any number of documents, one after the other. One by default. */
  multiple?: boolean;
  /** Longest string, number or comment in UTF-16 units; 67,108,864 by default. */
  maxTokenLength?: number;
}

/**
 * Steps matched so far at one place of the document: an index into the segments, or its complement where the filter of that segment
 * still has to look at the value.
 */
type States = readonly number[];

interface Level {
  states: States;
  /** Index of the next item, or -1 in an object. */
  next: number;
}

const NO_STATES: States = [];
/** A query such as `$[0,0,0][0,0,0]` multiplies its states; more than these are refused. */
const MAX_STATES = 1_000;

/** Follows the document's tokens, skips what is not selected and builds what is. */
class SelectingHandler implements TokenHandler {
  readonly results: unknown[] = [];
  push!: BytePush;
  readonly #builder: Builder;
  readonly #levels: Level[] = [];
  readonly #segments: readonly Segment[];
  readonly #steps: PathEvaluator | null;
  readonly #maxDepth: number;
  /** First segment that needs the value it applies to in memory, such as a negative index. */
  readonly #lastStreamed: number;
  #building = false;
  #buildStates: States = NO_STATES;
  #key = "";

  // Where the fast parser is in the piece.
  #piece = 0;
  #units = 0;
  #bytes = 0;
  /** Bytes of this piece that the fast parser read in vain. */
  #wasted = 0;

  constructor(options: JsonParseStreamOptions) {
    this.#builder = new Builder(options);
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    const { select } = options;
    let segments: readonly Segment[] = [];
    this.#steps = null;
    if (select instanceof JsonPath || (typeof select === "string" && select.startsWith("$"))) {
      this.#steps = new PathEvaluator(select instanceof JsonPath ? select.source : select);
      segments = this.#steps.segments;
      checkFilters(segments);
    } else if (select !== undefined) {
      const { tokens } = typeof select === "string" ? new JsonPointer(select) : select;
      segments = tokens.map(pointerSegment);
    }
    this.#segments = segments;
    this.#lastStreamed = firstUnstreamed(segments);
  }

  attach(push: BytePush): void {
    this.push = push;
    this.#builder.scanner = push.scanner;
  }

  onToken(kind: number, start: number, end: number, text: string): void {
    if (this.#building) {
      this.#builder.onToken(kind, start, end, text);
      if (this.#builder.done) this.#finish();
      return;
    }
    switch (kind) {
      case COLON:
      case COMMA:
      case COMMENT:
        return;
      case KEY:
        this.#key = text;
        return;
      case END_ARRAY:
      case END_OBJECT:
        this.#levels.pop();
        return;
    }
    const states = this.#statesHere();
    this.#advance();
    if (this.#isWanted(states)) {
      this.#builder.reset();
      this.#buildStates = states;
      this.#building = true;
      this.#builder.onToken(kind, start, end, text);
      if (this.#builder.done) this.#finish();
    } else if (kind === BEGIN_ARRAY || kind === BEGIN_OBJECT) {
      this.#levels.push({ states, next: kind === BEGIN_ARRAY ? 0 : -1 });
    }
  }

  /** Reads the object or array at `index` with the fast parser where it is complete in the piece. */
  jump(index: number): number {
    let states = NO_STATES;
    if (!this.#building) {
      states = this.#statesHere();
      // A part that may hold selected values must be walked through.
      if (states.length > 0 && !this.#isWanted(states)) return -1;
    }
    const { pieces, scanner } = this.push;
    if (this.#piece !== pieces.count) {
      this.#piece = pieces.count;
      this.#units = 0;
      this.#bytes = 0;
      this.#wasted = 0;
    }
    if (this.#wasted > pieces.length) return -1;
    if (pieces.length === pieces.text.length) this.#bytes = index;
    else this.#bytes += utf8Length(pieces.text.slice(this.#units, index));
    this.#units = index;
    const value = parsePrefix(
      pieces.text,
      pieces.bytes,
      this.#bytes,
      index,
      this.#maxDepth - scanner.depth,
    );
    if (value === FAILED) {
      // Where it gave up is not known; nearly always at the end of the piece.
      this.#wasted += pieces.length - this.#bytes;
      return -1;
    }
    this.#bytes = prefixEnd;
    this.#units = prefixEndUnits;
    if (this.#building) this.#builder.addWhole(value);
    else {
      this.#advance();
      if (states.length > 0) this.#emit(states, value);
    }
    return prefixEndUnits;
  }

  #finish(): void {
    this.#building = false;
    const { value } = this.#builder;
    this.#builder.reset();
    this.#emit(this.#buildStates, value);
  }

  #emit(states: States, value: unknown): void {
    for (const state of states) {
      if (state === this.#segments.length) this.results.push(value);
      else if (state >= 0) {
        for (const item of this.#steps!.select(state, value, null).values) this.results.push(item);
      } else {
        for (const selector of this.#segments[~state]!.selectors) {
          if (selector.kind !== "filter" || !this.#steps!.test(selector.test, value)) continue;
          for (const item of this.#steps!.select(~state + 1, value, null).values) {
            this.results.push(item);
          }
        }
      }
    }
  }

  /** The value is selected, or what is below it has to be looked at in memory. */
  #isWanted(states: States): boolean {
    for (const state of states) {
      if (state < 0 || state === this.#segments.length || state >= this.#lastStreamed) return true;
    }
    return false;
  }

  #advance(): void {
    const level = this.#levels.at(-1);
    if (level !== undefined && level.next >= 0) level.next++;
  }

  /** How far the query has come at the value that starts now. */
  #statesHere(): States {
    const level = this.#levels.at(-1);
    if (level === undefined) return ROOT_STATES;
    if (level.states.length === 0) return NO_STATES;
    let states: number[] | null = null;
    for (const state of level.states) {
      const segment = this.#segments[state]!;
      for (const selector of segment.selectors) {
        if (selects(selector, level.next, this.#key)) (states ??= []).push(state + 1);
      }
      if (segment.selectors.some(isFilter)) (states ??= []).push(~state);
      if (segment.descendant) (states ??= []).push(state);
    }
    if (states !== null && states.length > MAX_STATES) {
      throw new JsonPathError("too-large", 0, "Cannot evaluate the JSONPath: too many ways match");
    }
    return states ?? NO_STATES;
  }
}

const ROOT_STATES: States = [0];

/** `index` is -1 for a member, then `key` counts. */
function selects(selector: Selector, index: number, key: string): boolean {
  switch (selector.kind) {
    case "name":
      return selector.name === key && index < 0;
    case "index":
      return selector.index === index;
    case "slice":
      return index >= (selector.start ?? 0) && index < (selector.end ?? Infinity) &&
        (index - (selector.start ?? 0)) % selector.step === 0;
    case "wildcard":
      return true;
    case "filter":
      return false;
  }
}

function isFilter(selector: Selector): boolean {
  return selector.kind === "filter";
}

/** Throws where a filter looks at the whole document. */
function checkFilters(segments: readonly Segment[]): void {
  const pending: Logical[] = [];
  const queries: { absolute: boolean; segments: readonly Segment[] }[] = [
    { absolute: false, segments },
  ];
  const visit = (item: Comparable) => {
    if (item.kind === "query") queries.push(item.query);
    else if (item.kind === "call") item.call.args.forEach(visit);
  };
  for (let query = queries.pop(); query !== undefined; query = queries.pop()) {
    if (query.absolute) {
      throw new JsonPathError(
        "not-streamable",
        0,
        "Cannot stream the JSONPath: a filter looks at the whole document with '$'",
      );
    }
    for (const { selectors } of query.segments) {
      for (const selector of selectors) if (selector.kind === "filter") pending.push(selector.test);
    }
    for (let test = pending.pop(); test !== undefined; test = pending.pop()) {
      if (test.kind === "or" || test.kind === "and") pending.push(...test.items);
      else if (test.kind === "not") pending.push(test.item);
      else if (test.kind === "exists") queries.push(test.query);
      else if (test.kind === "call") test.call.args.forEach(visit);
      else {
        visit(test.left);
        visit(test.right);
      }
    }
  }
}

/** A token of a JSON Pointer is a key or an index, whichever the container calls for. */
function pointerSegment(token: string): Segment {
  const selectors: Selector[] = [{ kind: "name", name: token }];
  if (/^(?:0|[1-9][0-9]{0,15})$/.test(token)) {
    selectors.push({ kind: "index", index: Number(token) });
  }
  return { descendant: false, selectors };
}

/** The first segment that cannot be followed value by value. */
function firstUnstreamed(segments: readonly Segment[]): number {
  let descendants = 0;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    // A second ".." reaches the same value in many ways.
    if (segment.descendant && ++descendants > 1) return i;
    for (const selector of segment.selectors) {
      if (selector.kind === "index" && selector.index < 0) return i;
      if (
        selector.kind === "slice" &&
        (selector.step <= 0 || (selector.start ?? 0) < 0 || (selector.end ?? 0) < 0)
      ) return i;
    }
  }
  return Infinity;
}

/** The options leave nothing to do that only the scanner can. */
function allowsFast(options: JsonParseStreamOptions): boolean {
  return (options.dialect ?? "json") === "json" &&
    (options.duplicateKeys ?? "last") === "last" &&
    (options.numbers ?? "number") === "number" &&
    (options.loneSurrogates ?? "allow") === "allow";
}

/**
 * Turns bytes of UTF-8, cut anywhere, into values: whole documents, or what a JSON Pointer or a JSONPath selects out of one
 * document of any size.
 *
 * Memory holds one chunk, the values made from it, and the selected value being built; everything else is checked and
 * dropped. A filter holds one candidate at a time. A negative index or slice bound, a negative step, and a second `..` hold the
 * array or object that they apply to. A filter that uses `$` is refused. Values come in document order, each once it is complete.
 *
 * The whole document is checked, also after the last selected value. A chunk is parsed as its values are asked for, 16 KiB at a
 * time. Cancelling the values cancels the source. Strings may share memory with the chunk that they came in.
 *
 * @example
 * ```ts
 * import { JsonParseStream } from "@groundwork/std/parser/json";
 * import { assertEquals } from "@std/assert";
 *
 * const source = ReadableStream.from(['{"items": [{"id": 1}, {"i', 'd": 2}]}'])
 *   .pipeThrough(new TextEncoderStream());
 * const ids: unknown[] = [];
 * for await (const id of source.pipeThrough(new JsonParseStream({ select: "$.items[*].id" }))) {
 *   ids.push(id);
 * }
 * assertEquals(ids, [1, 2]);
 * ```
 */
export class JsonParseStream implements TransformStream<Uint8Array, unknown> {
  /** The values. */
  readonly readable: ReadableStream<unknown>;
  /** Takes the bytes. A write resolves once its chunk is parsed. */
  readonly writable: WritableStream<Uint8Array>;

  /**
   * Makes a stream. Its readable side fails with a `JsonSyntaxError` where the text is wrong; the offset is in bytes from the start
   * of the stream.
   *
   * @throws {JsonPathError} For a malformed path, or one that cannot be streamed.
   * @throws {JsonPointerError} For a malformed pointer.
   */
  constructor(options: JsonParseStreamOptions = {}) {
    const handler = new SelectingHandler(options);
    const push = new BytePush(handler, options);
    handler.attach(push);
    if (allowsFast(options)) push.scanner.jump = (index) => handler.jump(index);
    const { results } = handler;

    let values!: ReadableStreamDefaultController<unknown>;
    let sink!: WritableStreamDefaultController;
    /** The chunk that is being parsed, and how far. */
    let chunk: Uint8Array | undefined;
    let at = 0;
    let written: PromiseWithResolvers<void> | undefined;
    /** Resolved when there is a chunk, or never will be one. */
    let arrival: PromiseWithResolvers<void> | undefined;

    let isOver = false;

    /** Hands over what there is; tells whether that was anything. */
    const flush = (): boolean => {
      const { length } = results;
      for (let i = 0; i < length; i++) values.enqueue(results[i]);
      results.length = 0;
      return length > 0;
    };
    /** Wakes who waits for a chunk. */
    const arrive = () => {
      arrival?.resolve();
      arrival = undefined;
    };
    const parsePiece = (bytes: Uint8Array) => {
      const end = Math.min(at + PIECE_BYTES, bytes.length);
      push.push(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
      if (at < bytes.length) return;
      chunk = undefined;
      written!.resolve();
    };
    const fail = (reason: unknown) => {
      isOver = true;
      sink.error(reason);
      written?.resolve();
    };

    this.readable = new ReadableStream<unknown>({
      start(controller) {
        values = controller;
      },
      async pull() {
        try {
          while (!isOver) {
            if (chunk === undefined) {
              await (arrival ??= Promise.withResolvers()).promise;
              continue;
            }
            parsePiece(chunk);
            if (flush()) return;
          }
        } catch (error) {
          fail(error);
          throw error;
        }
      },
      cancel: fail,
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({
      start(controller) {
        sink = controller;
      },
      write(bytes) {
        chunk = bytes;
        at = 0;
        written = Promise.withResolvers();
        arrive();
        return written.promise;
      },
      close() {
        isOver = true;
        try {
          push.end();
          flush();
          values.close();
        } catch (error) {
          values.error(error);
          throw error;
        } finally {
          arrive();
        }
      },
      abort(reason) {
        isOver = true;
        values.error(reason);
        arrive();
      },
    });
  }
}

/** What is parsed between two looks at the demand; values in the queue outlive young garbage. */
const PIECE_BYTES = 16_384;

/**
 * Reads a whole stream and checks that it is one JSON text, in constant memory.
 *
 * @throws {JsonSyntaxError} As a rejection, where `parse()` would throw; the stream is cancelled.
 */
export async function validateStream(
  source: ReadableStream<Uint8Array>,
  options: JsonParseStreamOptions = {},
): Promise<void> {
  const push = new BytePush({ onToken() {} }, options);
  for await (const chunk of source) push.push(chunk);
  push.end();
}
