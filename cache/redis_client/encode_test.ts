import { assertEquals } from "@std/assert";
import { RequestParser } from "../redis/mod.ts";
import { RequestBatch, type Words } from "./_encode.ts";

/** What a server reads from the batch, one character a byte. */
function sent(batch: RequestBatch): string[][] {
  const parser = new RequestParser();
  for (const piece of batch.take()) parser.feed(piece);
  const requests: string[][] = [];
  for (let words = parser.next(); words !== null; words = parser.next()) requests.push(words);
  assertEquals(parser.pendingBytes, 0);
  return requests;
}

function byteString(word: Words[number]): string {
  const bytes = typeof word === "object" ? word : new TextEncoder().encode(String(word));
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

Deno.test("`RequestBatch` writes text as UTF-8, bytes as they are and numbers in decimal", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const requests: Words[] = [
    ["GET", "a"],
    ["SET", "", ""],
    ["SET", "ключ", "🎈€é"],
    ["SET", all, "x"],
    ["INCRBY", "n", -5, 2n ** 63n - 1n, 1.5, 1e21],
    ["LONE", "\ud800", "a\udc00b"],
    ["SET", "big", new Uint8Array(100_000).fill(7)],
    ["SET", "long", "x".repeat(70_000)],
    ["SET", "long", "é".repeat(70_000)],
    ["MANY", ...Array.from({ length: 100 }, (_, i) => `k${i}`)],
    ["MIXED", "ü", new Uint8Array(20_000), "ü", Uint8Array.of(1), "end"],
  ];
  for (const request of requests) {
    const batch = new RequestBatch();
    batch.add(request);
    assertEquals(sent(batch), [request.map(byteString)]);
    assertEquals(batch.sizeBytes, 0);
  }
  const batch = new RequestBatch();
  for (let round = 0; round < 100; round++) {
    for (const request of requests) batch.add(request);
    assertEquals(sent(batch), requests.map((request) => request.map(byteString)));
    // Back to lengths that are taken for ASCII, and found out again.
    for (let i = 0; i < 70; i++) {
      batch.add(["GET", "plain"]);
      assertEquals(sent(batch), [["GET", "plain"]]);
    }
    if (round === 2) break;
  }
});

Deno.test("`RequestBatch.rollback()` forgets what was added since the mark", () => {
  const batch = new RequestBatch();
  batch.add(["GET", "a"]);
  batch.mark();
  batch.add(["SET", "b", Uint8Array.of(1)]);
  batch.rollback();
  batch.add(["GET", "é"]);
  assertEquals(sent(batch), [["GET", "a"], ["GET", "Ã©"]]);
});
