import { assert, assertEquals, assertThrows } from "@std/assert";
import { INCOMPLETE, Push, ReplyReader } from "./_decode.ts";
import { RedisProtocolError, RedisReplyError } from "./errors.ts";
import type { RedisReply } from "./reply.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const LIMITS = { maxReplyBytes: 1 << 20, maxReplyElements: 10_000, maxDepth: 16 };
const encoder = new TextEncoder();

function feed(reader: ReplyReader, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const space = reader.space();
    assert(space.length > 0);
    const count = Math.min(space.length, bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    reader.commit(count);
    at += count;
  }
}

function readAll(reader: ReplyReader): (RedisReply | Push)[] {
  const found: (RedisReply | Push)[] = [];
  for (;;) {
    const reply = reader.next();
    if (reply === INCOMPLETE) return found;
    found.push(reply);
  }
}

function read(text: string | Uint8Array, asBytes = false): (RedisReply | Push)[] {
  const reader = new ReplyReader(LIMITS);
  reader.asBytes = asBytes;
  feed(reader, typeof text === "string" ? encoder.encode(text) : text);
  return readAll(reader);
}

Deno.test("`ReplyReader` reads every type of both protocols", () => {
  const cases: [string, RedisReply][] = [
    ["+OK\r\n", "OK"],
    ["+\r\n", ""],
    ["+QUEUED\r\n", "QUEUED"],
    [":0\r\n", 0],
    [":-7\r\n", -7],
    [":+7\r\n", 7],
    [":9007199254740991\r\n", 9007199254740991],
    [":9007199254740992\r\n", 9007199254740992n],
    [":-9223372036854775808\r\n", -9223372036854775808n],
    ["$0\r\n\r\n", ""],
    ["$-1\r\n", null],
    ["$5\r\na\r\nbc\r\n", "a\r\nbc"],
    ["$5\r\né€\r\n", "é€"],
    ["*-1\r\n", null],
    ["*0\r\n", []],
    ["*2\r\n*1\r\n:1\r\n$-1\r\n", [[1], null]],
    ["_\r\n", null],
    ["#t\r\n", true],
    ["#f\r\n", false],
    [",1.5\r\n", 1.5],
    [",-1e-7\r\n", -1e-7],
    [",10\r\n", 10],
    [",inf\r\n", Infinity],
    [",-inf\r\n", -Infinity],
    [",nan\r\n", NaN],
    [
      "(3492890328409238509324850943850943825024385\r\n",
      3492890328409238509324850943850943825024385n,
    ],
    ["=15\r\ntxt:Some string\r\n", "Some string"],
    [
      "%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n",
      new Map<RedisReply, RedisReply>([["a", 1], ["b", new Map()]]),
    ],
    ["~3\r\n+a\r\n+b\r\n+a\r\n", new Set(["a", "b"])],
    ["|1\r\n+ttl\r\n:3600\r\n*2\r\n:1\r\n|0\r\n:2\r\n", [1, 2]],
  ];
  for (const [text, value] of cases) assertEquals(read(text), [value], JSON.stringify(text));
  const [simple, blob, nested] = read("-WRONGTYPE no\r\n!9\r\nERR a\r\nbc\r\n*1\r\n-ERR x\r\n");
  assert(simple instanceof RedisReplyError && blob instanceof RedisReplyError);
  assertEquals([simple.code, simple.message], ["WRONGTYPE", "WRONGTYPE no"]);
  assertEquals([blob.code, blob.message], ["ERR", "ERR a\r\nbc"]);
  assert((nested as RedisReply[])[0] instanceof RedisReplyError);
  const [push, after] = read(">2\r\n+message\r\n:1\r\n+next\r\n");
  assert(push instanceof Push);
  assertEquals([push.items, after], [["message", 1], "next"]);
});

Deno.test("`ReplyReader` gives text as UTF-8 and bytes as they are", () => {
  const bytes = Uint8Array.of(36, 51, 13, 10, 0xff, 0x00, 0xc3, 13, 10);
  assertEquals(read(bytes, true), [Uint8Array.of(0xff, 0, 0xc3)]);
  assertEquals(read(bytes), ["\ufffd\0\ufffd"]);
  assertEquals(read("*1\r\n$1\r\nk\r\n", true), [[Uint8Array.of(107)]]);
  // Short strings are cut out of a decoded chunk where it is ASCII, and must not be where it is not.
  const many = Array.from({ length: 40 }, (_, i) => i % 7 === 0 ? `é${i}` : `k${i}`);
  const wire = many.map((value) => `$${encoder.encode(value).length}\r\n${value}\r\n`).join("");
  assertEquals(read(wire), many);
  const ascii = Array.from({ length: 40 }, (_, i) => `key${i}`);
  assertEquals(read(ascii.map((value) => `$${value.length}\r\n${value}\r\n`).join("")), ascii);
});

Deno.test("`ReplyReader` gives bytes that are its caller's own", () => {
  const reader = new ReplyReader({ ...LIMITS, maxReplyBytes: 1 << 22 });
  reader.asBytes = true;
  const values: Uint8Array[] = [];
  for (const size of [10, 300_000, 20, 900_000, 30]) {
    feed(
      reader,
      encoder.encode(`$${size}\r\n${String.fromCharCode(97 + values.length).repeat(size)}\r\n`),
    );
    values.push(...readAll(reader) as Uint8Array[]);
  }
  feed(reader, encoder.encode("$3\r\nzzz\r\n".repeat(1000)));
  readAll(reader);
  assertEquals(values.map((value) => value.length), [10, 300_000, 20, 900_000, 30]);
  for (const [i, value] of values.entries()) assert(value.every((byte) => byte === 97 + i), `${i}`);
});

Deno.test("`ReplyReader` refuses what is no reply", () => {
  for (
    const text of [
      "hello\r\n",
      "\0",
      "GET / HTTP/1.1\r\n",
      "$abc\r\n",
      "$-2\r\n",
      "$ 1\r\n",
      "$1\r\nabc\r\n",
      "$99999999999999999999999\r\n",
      "*-5\r\n",
      "*9223372036854775807\r\n",
      "*1000000\r\n",
      ":\r\n",
      ":-\r\n",
      ":1x\r\n",
      ":1.5\r\n",
      ":123456789012345678901\r\n",
      ":1\rx",
      "+a\rb\r\n",
      "_x\r\n",
      "#x\r\n",
      "#\r\n",
      ",1.2.3\r\n",
      ",\r\n",
      "(12x\r\n",
      "=3\r\nabc\r\n",
      "=5\r\nabcde\r\n",
      "*1\r\n>1\r\n+a\r\n",
      "$1048577\r\n",
      "+" + "a".repeat(70_000),
      ":" + "0".repeat(70_000),
      "*1\r\n".repeat(17),
      "%5001\r\n",
      "*9999\r\n" + "*9999\r\n",
    ]
  ) {
    assertThrows(
      () => read(text),
      RedisProtocolError,
      "The server sent",
      JSON.stringify(text.slice(0, 40)),
    );
  }
});

Deno.test("`ReplyReader` bounds memory by what arrives, and by the limits", () => {
  const reader = new ReplyReader({ ...LIMITS, maxReplyBytes: 1 << 29 });
  feed(reader, encoder.encode("$500000000\r\nabc"));
  assertEquals(reader.next(), INCOMPLETE);
  assert(reader.space().length > 0);
  assert(reader.bufferBytes <= 128 * 1024, `${reader.bufferBytes}`);
  // Small elements without end: the sum counts.
  const endless = new ReplyReader({ ...LIMITS, maxReplyBytes: 100_000, maxReplyElements: 1e9 });
  feed(endless, encoder.encode("*1000000\r\n"));
  assertThrows(
    () => {
      for (let i = 0; i < 200; i++) {
        feed(endless, encoder.encode("$-1\r\n".repeat(1000)));
        endless.next();
      }
    },
    RedisProtocolError,
    "more than 100000 bytes",
  );
  // Empty attributes recurse nowhere.
  const attributes = new ReplyReader(LIMITS);
  feed(attributes, encoder.encode("|0\r\n".repeat(100_000) + "+OK\r\n"));
  assertEquals(attributes.next(), "OK");
  // After a large value the buffer goes back to a modest size.
  const big = new ReplyReader({ ...LIMITS, maxReplyBytes: 1 << 24 });
  feed(big, encoder.encode(`$8000000\r\n${"a".repeat(8_000_000)}\r\n`));
  assertEquals((big.next() as string).length, 8_000_000);
  big.space();
  assert(big.bufferBytes <= 64 * 1024);
});

function randomBytes(random: () => number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += String.fromCharCode(random() * 256);
  return text;
}

/** A reply and its bytes, one character a byte. */
function randomReply(random: () => number, depth: number): [string, RedisReply] {
  const kind = Math.floor(random() * (depth > 0 ? 14 : 9));
  switch (kind) {
    case 0:
      return ["+PONG\r\n", "PONG"];
    case 1: {
      const value = Math.floor((random() - 0.5) * 1e6);
      return [`:${value}\r\n`, value];
    }
    case 2:
      return ["$-1\r\n", null];
    case 3:
      return ["_\r\n", null];
    case 4:
      return ["#t\r\n", true];
    case 5:
      return [",0.25\r\n", 0.25];
    case 6:
      return ["(123456789012345678901234567890\r\n", 123456789012345678901234567890n];
    case 7:
    case 8: {
      const text = randomBytes(random, Math.floor(random() * 40));
      const value = Uint8Array.from(text, (char) => char.charCodeAt(0));
      return [`$${text.length}\r\n${text}\r\n`, value];
    }
    default: {
      const count = Math.floor(random() * 4);
      const items = Array.from(
        { length: count * (kind === 9 ? 2 : 1) },
        () => randomReply(random, depth - 1),
      );
      const wire = items.map(([bytes]) => bytes).join("");
      const values = items.map(([, value]) => value);
      if (kind === 9) {
        const map = new Map<RedisReply, RedisReply>();
        for (let i = 0; i < values.length; i += 2) map.set(values[i]!, values[i + 1]!);
        return [`%${count}\r\n${wire}`, map];
      }
      if (kind === 10) return [`~${count}\r\n${wire}`, new Set(values)];
      if (kind === 11) return [`|1\r\n+a\r\n:1\r\n*${count}\r\n${wire}`, values];
      return [`*${count}\r\n${wire}`, values];
    }
  }
}

Deno.test("`ReplyReader` gives the same values however the bytes are split", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  for (let round = 0; round < (SOAK ? 2_000 : 60); round++) {
    const replies = Array.from({ length: 3 }, () => randomReply(random, 3));
    const wire = replies.map(([bytes]) => bytes).join("");
    const bytes = Uint8Array.from(wire, (char) => char.charCodeAt(0));
    const expected = replies.map(([, value]) => value);
    const reader = new ReplyReader(LIMITS);
    reader.asBytes = true;
    for (let split = 0; split <= bytes.length; split++) {
      const found: (RedisReply | Push)[] = [];
      feed(reader, bytes.subarray(0, split));
      found.push(...readAll(reader));
      feed(reader, bytes.subarray(split));
      found.push(...readAll(reader));
      assertEquals(found, expected, `seed ${seed} round ${round} split ${split}`);
    }
    const single: (RedisReply | Push)[] = [];
    for (const byte of bytes) {
      feed(reader, Uint8Array.of(byte));
      single.push(...readAll(reader));
    }
    assertEquals(single, expected, `seed ${seed} round ${round} byte by byte`);
  }
});

Deno.test("`ReplyReader` answers random bytes with values or its typed error", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const alphabet = "$*%~>|:+-_#,(=!0123456789\r\n\r\n\r\ntfx";
  for (let round = 0; round < (SOAK ? 200_000 : 5_000); round++) {
    let text = "";
    for (let i = 0; i < 30; i++) text += alphabet[Math.floor(random() * alphabet.length)];
    try {
      read(text);
    } catch (error) {
      assert(
        error instanceof RedisProtocolError,
        `seed ${seed}: ${JSON.stringify(text)}: ${error}`,
      );
    }
  }
});
