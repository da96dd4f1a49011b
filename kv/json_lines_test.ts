import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Database,
  EncodingError,
  exportJsonLines,
  fromJsonLine,
  importJsonLines,
  LimitError,
  toJsonLine,
} from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function withDatabases(run: (a: Database, b: Database) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await using a = await Database.open(`${path}/a`);
    await using b = await Database.open(`${path}/b`);
    await run(a, b);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("`toJsonLine()` writes text as a string and other bytes as base64", () => {
  assertEquals(toJsonLine(bytes("ä\n"), bytes("")), '{"key":"ä\\n","value":""}');
  assertEquals(
    toJsonLine(Uint8Array.of(255, 0), bytes("\ufeff\0")),
    '{"key":{"base64":"/wA="},"value":"\ufeff\\u0000"}',
  );
  assertThrows(() => toJsonLine(bytes("a"), new Uint8Array(2 ** 28 + 1)), LimitError);
});

Deno.test("`fromJsonLine()` reads strings, base64 and hex", () => {
  assertEquals(fromJsonLine('{"value":{"hex":"FF00"},"key":"ü","more":1}'), {
    type: "put",
    key: bytes("ü"),
    value: Uint8Array.of(255, 0),
  });
  assertEquals(fromJsonLine('{"key":{"base64":"/w"},"value":{"base64":""},"expires":5}'), {
    type: "put",
    key: Uint8Array.of(255),
    value: bytes(""),
    expires: 5,
  });
});

for (
  const line of [
    "{",
    "null",
    "[]",
    '"a"',
    "{}",
    '{"key":"a"}',
    '{"key":1,"value":""}',
    '{"key":{"hex":"f"},"value":""}',
    '{"key":{"base64":"*"},"value":""}',
    '{"key":"\\ud800","value":""}',
    '{"key":"","value":"","expires":"soon"}',
    '{"key":"","value":"","expires":-1}',
  ]
) {
  Deno.test(`\`fromJsonLine()\` refuses ${line}`, () => {
    assertThrows(() => fromJsonLine(line), EncodingError);
  });
}

Deno.test("`exportJsonLines()` and `importJsonLines()` carry every byte over", () =>
  withDatabases(async (a, b) => {
    let seed = 5;
    const next = (limit: number) => {
      seed = Math.imul(seed, 1664525) + 1013904223 | 0;
      return (seed >>> 8) % limit;
    };
    for (let i = 0; i < 3000; i++) {
      const key = Uint8Array.from({ length: next(9) }, () => next(3) ? 97 + next(3) : next(256));
      await a.put(key, Uint8Array.from({ length: next(200) }, () => next(2) ? 98 : next(256)));
    }
    const progress: number[] = [];
    const onProgress = (now: { entries: number }) => progress.push(now.entries);
    const chunks = await Array.fromAsync(exportJsonLines(a, { onProgress }));
    assertEquals(chunks.length > 3, true);
    assertEquals(progress.at(-1), [...a.keys()].length);
    // Chunks whose lines are cut anywhere, in one buffer that is used again.
    const text = chunks.flatMap((chunk) => [...chunk]);
    const buffer = new Uint8Array(100);
    const cut = function* () {
      for (let at = 0; at < text.length;) {
        const part = text.slice(at, at + 1 + next(100));
        buffer.fill(0).set(part);
        yield buffer.subarray(0, part.length);
        at += part.length;
      }
    };
    const result = await importJsonLines(b, ReadableStream.from(cut()));
    assertEquals(result, { entries: progress.at(-1), bytes: text.length });
    assertEquals([...b.iterator()], [...a.iterator()]);
  }));

Deno.test("`exportJsonLines()` takes a range", () =>
  withDatabases(async (a) => {
    for (const key of "abcd") await a.put(bytes(key), bytes("1"));
    const lines = exportJsonLines(a, { gt: bytes("a"), limit: 2, reverse: true });
    assertEquals(
      await new Response(ReadableStream.from(lines)).text(),
      '{"key":"d","value":"1"}\n{"key":"c","value":"1"}\n',
    );
    assertEquals(await Array.fromAsync(exportJsonLines(a, { gt: bytes("d") })), []);
  }));

Deno.test("`importJsonLines()` takes empty lines, CRLF and a last line without an end", () =>
  withDatabases(async (a) => {
    const text = '\n{"key":"a","value":"1"}\r\n\r\n  \n{"key":"b","value":"2"}';
    assertEquals((await importJsonLines(a, new Response(text).body!)).entries, 2);
    assertEquals([...a.iterator()], [[bytes("a"), bytes("1")], [bytes("b"), bytes("2")]]);
    assertEquals(await importJsonLines(a, new Response("").body ?? ReadableStream.from([])), {
      entries: 0,
      bytes: 0,
    });
  }));

Deno.test("`importJsonLines()` names the line that is malformed", () =>
  withDatabases(async (a) => {
    const text = '{"key":"a","value":"1"}\n\n{"key":"b"}\n';
    await assertRejects(
      () => importJsonLines(a, new Response(text).body!),
      EncodingError,
      "line 3:",
    );
    const notText = new Response(Uint8Array.of(10, 255, 10)).body!;
    await assertRejects(() => importJsonLines(a, notText), EncodingError, "line 2:");
  }));

Deno.test("`importJsonLines()` ends with the reason of its signal", () =>
  withDatabases(async (a) => {
    const controller = new AbortController();
    const line = bytes('{"key":"a","value":"1"}\n');
    const source = async function* () {
      for (;;) yield await Promise.resolve(line);
    };
    const running = importJsonLines(a, source(), {
      signal: controller.signal,
      onProgress: ({ entries }) => entries >= 2000 && controller.abort(new RangeError("enough")),
    });
    await assertRejects(() => running, RangeError, "enough");
  }));

Deno.test("`exportJsonLines()` and `importJsonLines()` keep the ends of lives", async () => {
  const path = await Deno.makeTempDir();
  try {
    await using a = await Database.open(`${path}/a`, { ttl: true });
    await using b = await Database.open(`${path}/b`, { ttl: true });
    const expires = Date.now() + 1e9;
    await a.write([{ type: "put", key: bytes("a"), value: bytes("1"), expires }]);
    await a.put(bytes("b"), bytes("2"));
    const text = await new Response(ReadableStream.from(exportJsonLines(a))).text();
    assertEquals(
      text,
      `{"key":"a","value":"1","expires":${expires}}\n{"key":"b","value":"2"}\n`,
    );
    await importJsonLines(b, new Response(text).body!);
    const ends = ["a", "b", "c"].map((key) => b.expiresSync(bytes(key)));
    assertEquals(ends, [expires, Infinity, undefined]);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
