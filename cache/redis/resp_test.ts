import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  encodeRequest,
  ReplyParser,
  RequestParser,
  RespErrorReply,
  RespProtocolError,
  RespPush,
  RespStatus,
  splitArguments,
  utf8ByteString,
} from "./resp.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

Deno.test("`RequestParser` gives the same requests for every split of the bytes", () => {
  const stream = bytesOf(
    '*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\nPING "x y"\r\n*0\r\n\r\n*1\r\n$0\r\n\r\n',
  );
  const expected = [["GET", "a\r\nb"], ["PING", "x y"], [""]];
  for (let cut = 0; cut <= stream.length; cut++) {
    const parser = new RequestParser();
    const requests: string[][] = [];
    for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
      parser.feed(part);
      for (let args = parser.next(); args !== null; args = parser.next()) requests.push(args);
    }
    assertEquals(requests, expected, `split at ${cut}`);
  }
});

Deno.test("`RequestParser` allocates at most a mebibyte ahead of what has arrived", () => {
  const parser = new RequestParser();
  assertEquals(parser.heldBytes, 0);
  parser.feed(bytesOf("*1\r\n$500000000\r\nabc"));
  assertEquals(parser.next(), null);
  parser.space();
  assert(parser.bufferBytes < (1 << 20) + 70_000, `${parser.bufferBytes} bytes`);
  parser.shrink();
  assert(parser.bufferBytes < 70_000, `${parser.bufferBytes} bytes after shrinking`);
  assertEquals(parser.pendingBytes, 3);
});

Deno.test("`RequestParser` goes on after `shrink()` in the middle of a request", () => {
  const parser = new RequestParser();
  const text = "v".repeat(300_000);
  const bytes = encodeRequest(["SET", "k", text]);
  for (let at = 0; at < bytes.length; at += 7_001) {
    parser.feed(bytes.subarray(at, at + 7_001));
    if (at + 7_001 < bytes.length) assertEquals(parser.next(), null);
    parser.shrink();
  }
  assertEquals(parser.next(), ["SET", "k", text]);
  parser.space();
  parser.shrink();
  assertEquals(parser.heldBytes, 0);
});

Deno.test("`RequestParser` reads into small buffers again after a burst", () => {
  const parser = new RequestParser();
  const burst = bytesOf("PING\r\n".repeat(60_000));
  parser.feed(burst);
  let count = 0;
  while (parser.next() !== null) count++;
  assertEquals(count, 60_000);
  for (let i = 0; i < 5; i++) {
    parser.feed(bytesOf("PING\r\n"));
    assertEquals(parser.next(), ["PING"]);
  }
  parser.space();
  parser.shrink();
  assertEquals(parser.bufferBytes, 4096);
});

Deno.test("`RequestParser` carries an argument of 20 MB", () => {
  const parser = new RequestParser();
  const text = "x".repeat(20_000_000);
  parser.feed(encodeRequest(["SET", "k", text]));
  assertEquals(parser.next()?.[2]?.length, text.length);
});

for (
  const [text, message] of [
    ["*x\r\n", "invalid multibulk length"],
    ["*1\r\n+OK\r\n", "expected '$', got '+'"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*" + "1".repeat(70_000), "too big mbulk count string"],
    ["a".repeat(70_000), "too big inline request"],
    ["a 'b\r\n", "unbalanced quotes in request"],
  ] as const
) {
  Deno.test(`\`RequestParser\` refuses: ${message} (${text.slice(0, 12).trim()})`, () => {
    const parser = new RequestParser();
    parser.feed(bytesOf(text));
    assertThrows(() => parser.next(), RespProtocolError, message);
  });
}

Deno.test("`ReplyParser` gives the same replies for every split of the bytes", () => {
  const stream = bytesOf(
    "+OK\r\n-ERR no\r\n:12\r\n$-1\r\n*2\r\n$1\r\na\r\n*0\r\n%1\r\n+k\r\n,1.5\r\n~1\r\n#t\r\n>2\r\n+p\r\n_\r\n(99999999999999999999\r\n=5\r\ntxt:a\r\n|1\r\n+a\r\n+b\r\n:1\r\n",
  );
  for (let cut = 0; cut <= stream.length; cut++) {
    const parser = new ReplyParser();
    const replies: unknown[] = [];
    for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
      parser.feed(part);
      for (let reply = parser.next(); reply !== undefined; reply = parser.next()) {
        replies.push(reply);
      }
    }
    assertEquals(replies, [
      "OK",
      new RespErrorReply("ERR no"),
      12,
      null,
      ["a", []],
      new Map([["k", 1.5]]),
      new Set([true]),
      new RespPush(["p", null]),
      99999999999999999999n,
      "a",
      1,
    ], `split at ${cut}`);
  }
});

Deno.test("`ReplyParser` tells simple strings from bulk ones when asked", () => {
  const parser = new ReplyParser({ statuses: true });
  parser.feed(bytesOf("+OK\r\n$2\r\nOK\r\n*1\r\n+QUEUED\r\n"));
  assertEquals(parser.next(), new RespStatus("OK"));
  assertEquals(parser.next(), "OK");
  assertEquals(parser.next(), [new RespStatus("QUEUED")]);
});

Deno.test("`ReplyParser` bounds a reply as a whole, not a number of them", () => {
  const small = bytesOf("*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n");
  const parser = new ReplyParser({ maxReplyBytes: small.length });
  for (let i = 0; i < 5; i++) {
    parser.feed(small);
    assertEquals(parser.next(), ["abc", "def"]);
  }
  parser.feed(bytesOf("*9\r\n" + "$3\r\nabc\r\n".repeat(9)));
  assertThrows(() => parser.next(), RespProtocolError, "reply longer than 22 bytes");
  // Bytes that are still to be parsed count, too: a long string is refused before it is complete.
  const other = new ReplyParser({ maxReplyBytes: 100 });
  other.feed(bytesOf("$1000\r\n" + "x".repeat(200)));
  assertThrows(() => other.next(), RespProtocolError, "reply longer than 100 bytes");
});

Deno.test("`ReplyParser` refuses nesting without end", () => {
  const parser = new ReplyParser();
  parser.feed(bytesOf("*1\r\n".repeat(1000)));
  assertThrows(() => parser.next(), RespProtocolError, "nested too deeply");
});

Deno.test("`splitArguments()` reads quotes and escapes", () => {
  assertEquals(splitArguments(`set "a\\x41\\n" 'it\\'s'`), ["set", "aA\n", "it's"]);
  assertEquals(splitArguments(`"a"b`), null);
});

Deno.test("`utf8ByteString()` keeps ASCII and encodes the rest", () => {
  assertEquals(utf8ByteString("é"), "\xc3\xa9");
});
