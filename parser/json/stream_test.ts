import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { JsonSyntaxError } from "./error.ts";
import { JsonLinesParseStream, JsonLinesStringifyStream } from "./lines.ts";
import { parse } from "./parse.ts";
import { JsonParseStream, type JsonParseStreamOptions, validateStream } from "./parse_stream.ts";
import { JsonPathError } from "./path.ts";
import { type JsonToken, JsonTokenStream, tokenize } from "./tokenize.ts";

const encoder = new TextEncoder();

function cut(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = encoder.encode(text);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
  return ReadableStream.from(pieces);
}

async function select(
  text: string,
  options: JsonParseStreamOptions,
  size = 1_000_000,
): Promise<unknown[]> {
  return await Array.fromAsync(cut(text, size).pipeThrough(new JsonParseStream(options)));
}

const DOCUMENT =
  '{"total": 3, "items": [{"id": 1, "é": "日本"}, {"id": 2, "x": {"id": 9}}, [{"id": 3}]], "last": "😀\\ud83d\\ude00"}';

Deno.test("`JsonParseStream` gives whole documents", async () => {
  for (const size of [1, 2, 3, 7, 1_000]) {
    assertEquals(await select(DOCUMENT, {}, size), [JSON.parse(DOCUMENT)]);
    const several = await select('{"a":1} [2]3 "x"\nnull', { multiple: true }, size);
    assertEquals(several, [{ a: 1 }, [2], 3, "x", null]);
  }
  const error = await assertRejects(() => select("1 2", {}), JsonSyntaxError);
  assertEquals(error.offset, 2);
});

Deno.test("`JsonParseStream` selects with pointers and paths at every cut", async () => {
  const table: [string, unknown[]][] = [
    ["", [JSON.parse(DOCUMENT)]],
    ["/items/1/x/id", [9]],
    ["/items/2/0", [{ id: 3 }]],
    ["/nothing", []],
    ["$.items[*]", JSON.parse(DOCUMENT).items],
    ["$.items[0,1].id", [1, 2]],
    ["$.items[1:]", JSON.parse(DOCUMENT).items.slice(1)],
    ["$.items[-1]", [[{ id: 3 }]]],
    ["$.items[::-1].id", [2, 1]],
    ["$..id", [1, 2, 9, 3]],
    ["$..x..id", [9]],
    ["$.items[?@.id > 1]", [{ id: 2, x: { id: 9 } }]],
    ["$.items[?@.id == 1]['é']", ["日本"]],
    ["$..[?@.id]", [{ id: 1, "é": "日本" }, { id: 2, x: { id: 9 } }, { id: 9 }, { id: 3 }]],
    ["$.last", ["😀😀"]],
  ];
  for (const [path, expected] of table) {
    for (const size of [1, 2, 5, 1_000]) {
      assertEquals(await select(DOCUMENT, { select: path }, size), expected, `${path} by ${size}`);
      assertEquals(
        await select(DOCUMENT, { select: path, duplicateKeys: "first" }, size),
        expected,
        `${path} by ${size}, slowly`,
      );
    }
  }
  const error = assertThrows(
    () => new JsonParseStream({ select: "$[?@.a == $.b]" }),
    JsonPathError,
  );
  assertEquals(error.code, "not-streamable");
});

Deno.test("`JsonParseStream` checks what it does not select, at the exact offset", async () => {
  const text = '{"skip": [1, {"é": tru}], "take": 1}';
  for (const size of [1, 4, 1_000]) {
    const error = await assertRejects(
      () => select(text, { select: "/take" }, size),
      JsonSyntaxError,
    );
    assertEquals([error.offset, error.line, error.column], [23, 1, 23]);
  }
  const late = await assertRejects(() => select("[1,2,}", { select: "$[*]" }), JsonSyntaxError);
  assertEquals(late.offset, 5);
});

Deno.test("`JsonParseStream` limits depth and token length", async () => {
  const deep = await assertRejects(
    () => select("[".repeat(20), { maxDepth: 10, select: "/x" }),
    JsonSyntaxError,
  );
  assertEquals([deep.code, deep.offset], ["too-deep", 10]);
  const deepInside = await assertRejects(
    () => select("[[[[]]]]", { maxDepth: 3, select: "$[*]" }),
    JsonSyntaxError,
  );
  assertEquals([deepInside.code, deepInside.offset], ["too-deep", 3]);
  const long = await assertRejects(
    () => select(`["${"x".repeat(5_000)}"]`, { maxTokenLength: 1_000 }, 100),
    JsonSyntaxError,
  );
  assertEquals([long.code, long.offset], ["too-long", 1]);
});

Deno.test("`JsonParseStream` passes a million levels where asked", async () => {
  const levels = 1_000_000;
  const text = "[".repeat(levels) + "]".repeat(levels);
  let count = 0;
  for (const value of await select(text, { maxDepth: Infinity }, 65_536)) {
    for (let at = value; Array.isArray(at); at = at[0]) count++;
  }
  assertEquals(count, levels);
});

Deno.test("cancelling `JsonParseStream` cancels the source", async () => {
  let cancelled: unknown = null;
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(encoder.encode(pulled === 1 ? "[1" : ",1"));
    },
    cancel(reason) {
      cancelled = reason;
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(new JsonParseStream({ select: "$[*]" })).getReader();
  assertEquals((await reader.read()).value, 1);
  await reader.cancel("enough");
  assertEquals(cancelled, "enough");
  assert(pulled < 10, `${pulled} chunks were pulled`);
});

Deno.test("`JsonParseStream` parses a chunk as its values are asked for", async () => {
  const { readable, writable } = new JsonParseStream({ select: "$[*]" });
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let isWritten = false;
  // The error is far behind the first values: nobody has come to it.
  const text = `[${"1234567,".repeat(10_000)}x]`;
  const written = writer.write(encoder.encode(text)).then(() => isWritten = true);
  for (let i = 0; i < 100; i++) assertEquals((await reader.read()).value, 1_234_567);
  assertEquals(isWritten, false);
  const rest = async () => {
    while (!(await reader.read()).done);
  };
  const error = await assertRejects(rest, JsonSyntaxError);
  assertEquals(error.offset, 80_001);
  await written;
  await assertRejects(() => writer.write(encoder.encode("1")), JsonSyntaxError);
});

Deno.test("aborting the writing side of `JsonParseStream` fails the values", async () => {
  const { readable, writable } = new JsonParseStream();
  const pending = readable.getReader().read();
  await writable.abort(new Error("enough"));
  await assertRejects(() => pending, Error, "enough");
});

Deno.test("`JsonTokenStream` gives the tokens of `tokenize()` at every cut", async () => {
  const text = '\ufeff{é: [1.5, -0x1F, \'a\\\n"\', "é\\u0041"], /* ü */ "n": null, // 日\n}';
  const bytes = encoder.encode(text);
  for (const comments of [false, true]) {
    const options = { dialect: "json5" as const, comments };
    const whole = [...tokenize(bytes, options)];
    for (const size of [1, 2, 3, 1_000]) {
      const tokens: JsonToken[] = await Array.fromAsync(
        cut(text, size).pipeThrough(new JsonTokenStream(options)),
      );
      assertEquals(tokens, whole, `by ${size}`);
    }
    for (const token of whole) {
      const source = new TextDecoder("utf-8", { ignoreBOM: true })
        .decode(bytes.subarray(token.offset, token.end));
      assertEquals(source, token.lexeme);
    }
    for (const token of tokenize(text, options)) {
      assertEquals(text.slice(token.offset, token.end), token.lexeme);
    }
  }
});

Deno.test("`tokenize()` yields the tokens before an error", () => {
  const kinds: string[] = [];
  const error = assertThrows(() => {
    for (const { kind } of tokenize('{"a": }')) kinds.push(kind);
  }, JsonSyntaxError);
  assertEquals(kinds, ["LEFT_BRACE", "STRING", "COLON"]);
  assertEquals(error.offset, 6);
  const long = JSON.stringify(Array.from({ length: 5_000 }, (_, i) => `😀${i}`));
  assertEquals([...tokenize(long)].filter(({ kind }) => kind === "STRING").length, 5_000);
});

Deno.test("`JsonLinesParseStream` reads lines at every cut", async () => {
  const text = '{"a":"é\\n"}\r\n\n  \n[1,\t2]\n"last"';
  for (const size of [1, 2, 5, 100]) {
    const values = await Array.fromAsync(cut(text, size).pipeThrough(new JsonLinesParseStream()));
    assertEquals(values, [{ a: "é\n" }, [1, 2], "last"]);
  }
});

Deno.test("`JsonLinesParseStream` says where in the stream a line is wrong", async () => {
  for (
    const [text, offset, line] of [
      ['{"é":1}\n{"a":}\n', 14, 2],
      ["1\n2 3\n", 4, 2],
      ["[1,\n2]", 3, 1],
      ["1\n\n\n[", 5, 4],
    ] as const
  ) {
    for (const size of [1, 3, 100]) {
      const error = await assertRejects(
        () => Array.fromAsync(cut(text, size).pipeThrough(new JsonLinesParseStream())),
        JsonSyntaxError,
      );
      assertEquals([error.offset, error.line], [offset, line], text);
    }
  }
  const long = await assertRejects(
    () =>
      Array.fromAsync(
        cut(`1\n"${"x".repeat(100)}"`, 10).pipeThrough(
          new JsonLinesParseStream({ maxLineBytes: 50 }),
        ),
      ),
    JsonSyntaxError,
  );
  assertEquals([long.code, long.line], ["too-long", 2]);
});

Deno.test("`JsonLinesStringifyStream` writes what `JsonLinesParseStream` reads", async () => {
  const values = Array.from({ length: 2_000 }, (_, i) => ({ i, text: "line\nbreak é" }));
  const back = await Array.fromAsync(
    ReadableStream.from(values).pipeThrough(new JsonLinesStringifyStream())
      .pipeThrough(new JsonLinesParseStream()),
  );
  assertEquals(back, values);
});

Deno.test("`validateStream()` accepts and refuses without building", async () => {
  await validateStream(cut(DOCUMENT, 5));
  const error = await assertRejects(() => validateStream(cut('["\\x"]', 1)));
  assertInstanceOf(error, JsonSyntaxError);
  assertEquals(error.offset, 3);
});

Deno.test("`JsonParseStream` agrees with `parse()` on mutated documents cut at random", async () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Date.now() % 1e9);
  let state = seed;
  const random = (below: number) =>
    Math.floor((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648 * below);
  const base = '[{"name":"Gö \\u00e9\\n","n":[1,-2.5e-3,0]},{"日":"😀","o":{"a":{"b":[]}}},' +
    '\r\n[[true,[{}]],false],{"name":"x","n":[null]}]';
  const alphabet = '{}[]",:0123.e-tfn\\u \n\té😀';
  const outcome = async (read: () => unknown): Promise<string> => {
    try {
      return JSON.stringify(await read());
    } catch (error) {
      assertInstanceOf(error, JsonSyntaxError);
      return `${error.code} at ${error.offset}, ${error.line}:${error.column}`;
    }
  };
  const count = Deno.env.get("GROUNDWORK_SOAK") === "1" ? 100_000 : 1_500;
  for (let i = 0; i < count; i++) {
    let text = base;
    for (let j = random(3); j > 0; j--) {
      const at = random(text.length);
      text = text.slice(0, at) + (random(2) === 0 ? alphabet[random(alphabet.length)] : "") +
        text.slice(at + random(3));
    }
    const bytes = encoder.encode(text);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(random(4) === 0 ? 200 : 20);
      pieces.push(bytes.slice(at, at + size));
      at += size;
    }
    const expected = await outcome(() => parse(bytes));
    const whole = await outcome(async () =>
      (await Array.fromAsync(ReadableStream.from(pieces).pipeThrough(new JsonParseStream())))[0]
    );
    assertEquals(whole, expected, `seed ${seed}: ${text}`);
    if (!expected.startsWith("[")) continue;
    const items = await outcome(() =>
      Array.fromAsync(
        ReadableStream.from(pieces).pipeThrough(new JsonParseStream({ select: "$[*]" })),
      )
    );
    assertEquals(items, expected, `seed ${seed}: ${text}`);
  }
});
