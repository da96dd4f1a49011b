/**
 * Reads a `Response` in the form in which it is sent.
 *
 * Its public interface costs more than the rest of a request: `body` makes a stream, `headers` a
 * sorted copy. Deno keeps a static body and the list of fields behind symbols; they are used where
 * a check at the start shows that they say what the public interface says, and only then.
 */
import { Buffer } from "node:buffer";

/** A response as it goes out. */
export interface Outgoing {
  status: number;
  statusText: string;
  /** Names and values, in the order in which they are sent. */
  fields: readonly (readonly [name: string, value: string])[];
  /** The whole body, a stream of it, or nothing. */
  body: string | Uint8Array | ReadableStream<Uint8Array> | null;
  /** Where the bytes of this head may be kept: set if the fields are a content type and no more. */
  memo?: HeadMemo;
}

/** The bytes of a head up to the value of `Content-Length`, and what they were made for. */
export interface HeadMemo {
  readonly fields: Outgoing["fields"];
  status: number;
  dateLine: string;
  bytes: Uint8Array;
}

interface InnerResponse {
  status: number;
  statusMessage: string;
  headerList: [string, string][];
  body: null | { streamOrStatic: { body?: unknown; consumed?: boolean } };
}

/** The symbols behind which Deno keeps what a response holds. */
interface Symbols {
  inner: symbol;
  fastStatus: symbol;
  fastBody: symbol;
  fastKind: symbol;
  fastType: symbol;
}

type Slots = Record<symbol, unknown>;

function findSymbols(): Symbols | undefined {
  const symbols = Object.getOwnPropertySymbols(new Response("probe"));
  const find = (description: string) =>
    symbols.find((symbol) => symbol.description === description);
  const found = {
    inner: find("response"),
    fastStatus: find("serve fast status"),
    fastBody: find("serve fast body"),
    fastKind: find("serve fast header kind"),
    fastType: find("serve fast content type"),
  };
  return Object.values(found).includes(undefined) ? undefined : found as Symbols;
}

const PLAIN_TEXT = 1;
const STATED_TYPE = 2;

/** The fields of a content type that was used lately: few programs use more than a handful. */
const memos = new Map<string, HeadMemo>();
const MAX_MEMOS = 64;
const PLAIN_TEXT_MEMO = makeMemo("text/plain;charset=UTF-8");

function makeMemo(type: string): HeadMemo {
  return { fields: [["Content-Type", type]], status: 0, dateLine: "", bytes: new Uint8Array(0) };
}

function memoOfType(type: string): HeadMemo {
  let memo = memos.get(type);
  if (memo === undefined) {
    memo = makeMemo(type);
    if (memos.size >= MAX_MEMOS) memos.clear();
    memos.set(type, memo);
  }
  return memo;
}

function readFast(response: Response, symbols: Symbols): Outgoing | undefined {
  const slots = response as unknown as Slots;
  const kind = slots[symbols.fastKind];
  const { body: held } = slots[symbols.inner] as InnerResponse;
  // Read, teed or read in part: the fast slots do not say so, the inner body does.
  if (held !== null && held.streamOrStatic.consumed !== false) return undefined;
  if (kind === PLAIN_TEXT || kind === STATED_TYPE) {
    const body = slots[symbols.fastBody];
    const status = slots[symbols.fastStatus];
    if ((typeof body === "string" || body instanceof Uint8Array) && typeof status === "number") {
      const type = slots[symbols.fastType];
      if (kind === PLAIN_TEXT || typeof type === "string") {
        const memo = kind === PLAIN_TEXT ? PLAIN_TEXT_MEMO : memoOfType(type as string);
        return { status, statusText: "", fields: memo.fields, body, memo };
      }
    }
  }
  void response.headers; // makes Deno write out what it kept in the fast slots
  const inner = slots[symbols.inner] as InnerResponse;
  let body: Outgoing["body"] = null;
  if (inner.body !== null) {
    const source = inner.body.streamOrStatic;
    if (typeof source.body !== "string" && !(source.body instanceof Uint8Array)) return undefined;
    body = source.body;
  }
  return {
    status: inner.status,
    statusText: inner.statusMessage,
    fields: inner.headerList,
    body,
  };
}

/** Reads a response by its public interface only. */
export function readPublic(response: Response): Outgoing {
  if (response.bodyUsed) throw new TypeError("Cannot send a response whose body has been read");
  return {
    status: response.status,
    statusText: response.statusText,
    fields: [...response.headers],
    body: response.body,
  };
}

/** Whether the symbols say of some responses what the public interface says of them. */
function areFaithful(symbols: Symbols): boolean {
  const make: (() => Response)[] = [
    () => new Response("text ä"),
    () => new Response("<p>", { headers: { "content-type": "text/html" } }),
    () => new Response("{}", { status: 201, headers: { "content-type": "a/b", "x-c": "d" } }),
    () => Response.json({ a: [1] }, { headers: { "x-e": "f" } }),
    () => new Response(new Uint8Array([1, 2])),
    () => new Response(null, { status: 404, statusText: "Gone fishing" }),
    () => Response.redirect("http://localhost/a"),
    () => {
      const response = new Response("changed");
      response.headers.set("content-type", "x/y");
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      return response;
    },
  ];
  const view = ({ status, statusText, fields }: Outgoing) =>
    JSON.stringify([
      status,
      statusText,
      fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`).toSorted(),
    ]);
  const bodies = ["text ä", "<p>", "{}", '{"a":[1]}', "\x01\x02", null, null, "changed"];
  return make.every((response, index) => {
    const fast = readFast(response(), symbols);
    if (fast === undefined || view(fast) !== view(readPublic(response()))) return false;
    const body = fast.body instanceof Uint8Array
      ? Buffer.from(fast.body).toString("latin1")
      : fast.body;
    return body === bodies[index];
  });
}

const symbols = findSymbols();
const usable = symbols !== undefined && areFaithful(symbols) ? symbols : undefined;

/**
 * Reads a response in the cheapest way that is faithful.
 *
 * @throws {TypeError} If its body has been read already.
 */
export function readResponse(response: Response): Outgoing {
  if (usable !== undefined) {
    const fast = readFast(response, usable);
    if (fast !== undefined) return fast;
  }
  return readPublic(response);
}

/** Whether responses are read by Deno's own slots here; for tests. */
export const readsSlots: boolean = usable !== undefined;
