/**
 * llhttp's request fixtures, read in strict mode: what a server takes has to give the same requests
 * and bodies, what is refused has to be refused, wherever the input is cut in two.
 *
 * A fixture of a lenient mode shares its input with what strict mode refuses, so it has to be
 * refused too. Fixtures that say nothing about a server's parser are left out by name.
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { HttpError } from "./http_error.ts";
import { DEFAULT_HTTP1_LIMITS } from "./http1_limits.ts";
import { type ByteBuffer, ChunkDecoder, HeadParser, type RequestHead } from "./_http1_parser.ts";

interface Fixture {
  name: string;
  type: string;
  input: ByteBuffer;
  log: string;
}

interface Message {
  method: string;
  target: string;
  version: string;
  fields: [string, string][];
  body: string;
}

interface Outcome {
  messages: Message[];
  refused: boolean;
}

/** Why a fixture is not asked of this parser. */
const OTHER_PROTOCOL = "its protocol is not HTTP/1";
const OPEN_METHODS =
  "any token is a method (RFC 9110, section 9.1); the handler answers unknown ones";
const OTHER_CODING = "a coding before chunked is answered with 501 (RFC 9112, section 6.1)";
const LEFT_OUT: Record<string, string> = {
  "content-length: Content-Length reset when no body is received":
    "llhttp's caller tells it to skip a body",
  "invalid: HTTP protocol and ANNOUNCE method": OPEN_METHODS,
  "invalid: Invalid method": OPEN_METHODS,
  "method: CONNECT with body": "CONNECT is answered with 501, whatever follows",
  "method: SOURCE request with ICE": OTHER_PROTOCOL,
  "method: OPTIONS request with RTSP": OTHER_PROTOCOL,
  "method: ANNOUNCE request with RTSP": OTHER_PROTOCOL,
  "method: PRI request HTTP2": OTHER_PROTOCOL,
  "sample: No HTTP version": "HTTP/0.9 is refused",
  "transfer-encoding: POST with `chunked` as last transfer-encoding": OTHER_CODING,
  "transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)":
    OTHER_CODING,
};

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../shared/suites", import.meta.url).pathname;
const folder = `${suites}/llhttp/request`;

function readFixtures(): Fixture[] | undefined {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return names.flatMap((name) => readFile(name, Deno.readTextFileSync(`${folder}/${name}`)));
}

/** A fixture: headings, then its type in a comment, its input and the log of a parser's events. */
function readFile(file: string, text: string): Fixture[] {
  const fixtures: Fixture[] = [];
  const titles: string[] = [];
  const pattern =
    /^(#+) (.*)$|^<!--\s*meta=(\{.*\})\s*-->\s*```http\n([\s\S]*?)\n?```[^`]*```log\n([\s\S]*?)```/gm;
  for (const [, marks, title, meta, input, log] of text.matchAll(pattern)) {
    if (marks !== undefined) {
      titles.length = marks.length - 1;
      titles[marks.length - 1] = title!;
      continue;
    }
    const path = titles.filter((part) => part !== undefined).join(" > ");
    fixtures.push({
      name: `${file.replace(".md", "")}: ${path}`,
      type: JSON.parse(meta!).pause ? "pause" : JSON.parse(meta!).type,
      input: unescape(input!),
      log: log!,
    });
  }
  return fixtures;
}

/** Lines end in CRLF unless a backslash joins them; escapes stand for bytes. */
function unescape(text: string): ByteBuffer {
  const bytes = text.replaceAll(/\\\r?\n/g, "").replaceAll(/\r?\n/g, "\r\n")
    .replaceAll("\\r", "\r").replaceAll("\\n", "\n").replaceAll("\\t", "\t")
    .replaceAll("\\f", "\f")
    .replaceAll(/\\x([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, /[^\0-\xff]/.test(bytes) ? "utf8" : "latin1") as ByteBuffer;
}

function emptyMessage(): Message {
  return { method: "", target: "", version: "", fields: [], body: "" };
}

/** Reads the messages that the log completes, and whether it ends in an error. */
function readLog(log: string, input: ByteBuffer): Outcome {
  const messages: Message[] = [];
  let message = emptyMessage();
  let name = "";
  let value = "";
  let inTrailers = false;
  let refused = false;
  for (const line of log.split("\n")) {
    const span = /^off=(\d+) len=(\d+) span\[(\w+)\]=/.exec(line);
    if (span !== null) {
      const start = Number(span[1]);
      const text = input.latin1Slice(start, start + Number(span[2]));
      if (span[3] === "method") message.method += text;
      else if (span[3] === "url") message.target += text;
      else if (span[3] === "version") message.version += text;
      else if (span[3] === "header_field") name += text;
      else if (span[3] === "header_value") value += text;
      else if (span[3] === "body") message.body += text;
    } else if (line.endsWith("header_value complete")) {
      if (!inTrailers) message.fields.push([name, value.trim()]);
      name = value = "";
    } else if (line.includes("headers complete")) {
      inTrailers = true;
    } else if (line.endsWith("message complete")) {
      messages.push(message);
      message = emptyMessage();
      inTrailers = false;
    } else if (/error code=/.test(line) && !/error code=2[123]/.test(line)) {
      refused = true;
    }
  }
  return { messages, refused };
}

/** Feeds the input, cut where it is told, as a connection does; stops where a connection ends. */
function parse(input: ByteBuffer, cuts: readonly number[]): Outcome {
  const parser = new HeadParser(DEFAULT_HTTP1_LIMITS);
  const messages: Message[] = [];
  let message = emptyMessage();
  let head: RequestHead | undefined;
  let chunks: ChunkDecoder | undefined;
  let remaining = 0;
  let start = 0;
  const complete = (): Outcome | undefined => {
    messages.push(message);
    const { keepAlive } = head!;
    const leavesHttp = head!.method === "CONNECT" || isUpgrade(head!);
    head = undefined;
    if (leavesHttp) return { messages, refused: false };
    return keepAlive ? undefined : { messages, refused: start < input.length };
  };
  try {
    for (const end of [...cuts, input.length]) {
      while (true) {
        if (head === undefined) {
          const headEnd = parser.parse(input, start, end);
          if (headEnd < 0) break;
          start = headEnd;
          head = parser.head;
          parser.next();
          message = toMessage(head);
          remaining = Math.max(0, head.contentLength);
          chunks = head.chunked ? new ChunkDecoder(DEFAULT_HTTP1_LIMITS) : undefined;
          if (chunks !== undefined || remaining > 0) continue;
          const outcome = complete();
          if (outcome !== undefined) return outcome;
          continue;
        }
        if (chunks !== undefined) {
          const next = chunks.next(input, start, end);
          const stuck = next === start && !chunks.done;
          start = next;
          message.body += input.latin1Slice(chunks.dataStart, chunks.dataEnd);
          const outcome = chunks.done ? complete() : undefined;
          if (outcome !== undefined) return outcome;
          if (stuck) break;
          continue;
        }
        const length = Math.min(remaining, end - start);
        message.body += input.latin1Slice(start, start + length);
        start += length;
        remaining -= length;
        if (remaining > 0) break;
        const outcome = complete();
        if (outcome !== undefined) return outcome;
      }
    }
    return { messages, refused: false };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { messages, refused: true };
  }
}

function isUpgrade(head: RequestHead): boolean {
  return head.upgrade && toMessage(head).fields.some(([name]) => /^upgrade$/i.test(name));
}

function toMessage(head: RequestHead): Message {
  const fields = Array.from(
    { length: head.fieldCount },
    (_, field): [string, string] => [head.name(field), head.value(field)],
  );
  const version = `1.${head.minorVersion}`;
  return { method: head.method, target: head.target, version, fields, body: "" };
}

const fixtures = readFixtures();
if (fixtures === undefined) {
  Deno.test({
    name: "llhttp's request fixtures (ignored: no llhttp in GROUNDWORK_SUITES)",
    ignore: true,
    fn() {},
  });
}
const seen = new Map<string, number>();
for (const { name, type, input, log } of fixtures ?? []) {
  const count = (seen.get(name) ?? 0) + 1;
  seen.set(name, count);
  const title = count === 1 ? name : `${name} (${count})`;
  const reason = type === "pause" ? "it pauses llhttp's callbacks" : LEFT_OUT[title];
  Deno.test({
    name: `llhttp ${title}${reason === undefined ? "" : ` (left out: ${reason})`}`,
    ignore: reason !== undefined,
    fn() {
      const expected = readLog(log, input);
      if (type !== "request" && type !== "request-finish") expected.refused = true;
      const whole = parse(input, []);
      if (expected.refused) assertEquals(whole.refused, true, "is refused");
      else assertEquals(whole, expected);
      for (let cut = 1; cut < input.length; cut++) {
        assertEquals(parse(input, [cut]), whole, `cut at ${cut}`);
      }
      const everywhere = Array.from({ length: input.length }, (_, index) => index);
      assertEquals(parse(input, everywhere), whole, "cut everywhere");
    },
  });
}
