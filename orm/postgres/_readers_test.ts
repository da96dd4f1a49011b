import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { type Bytes, bytesOf } from "./_bytes.ts";
import { readArrayText, readRangeText, readRecordText } from "./_readers.ts";
import { catalogOf } from "./_types.ts";
import { ProtocolError } from "./errors.ts";
import { TypeRegistry } from "./types.ts";

const FULL = Deno.env.get("GROUNDWORK_SOAK") === "1";

/** The built-in types that have readers of their own, their arrays, ranges and multiranges. */
function readableTypes(): number[] {
  const registry = new TypeRegistry();
  return Array.from({ length: 7_000 }, (_, oid) => oid).filter((oid) => registry.info(oid));
}

Deno.test("random bytes and texts read as some value or as a `DatabaseError`, for every type", () => {
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? Math.floor(Math.random() * 1e9));
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor(state / 0x100000000 * below);
  };
  const catalog = catalogOf(new TypeRegistry());
  const alphabet = '{}[](),"\\ 0123456789-+:.TZPYMDHSNULinfytaxBC/;';
  const attempt = (what: string, run: () => unknown) => {
    try {
      run();
    } catch (error) {
      assertInstanceOf(error, DatabaseError, `seed ${seed}, ${what}: ${error}`);
    }
  };
  for (const oid of readableTypes()) {
    for (const mode of ["bigint", "number", "mixed"] as const) {
      const reader = catalog.reader(oid, mode);
      for (let i = 0; i < (FULL ? 600 : 40); i++) {
        const bytes = new Uint8Array(random(60));
        for (let j = 0; j < bytes.length; j++) {
          // Small numbers, since lengths and counts are.
          bytes[j] = random(3) === 0 ? random(256) : random(2) === 0 ? 0 : random(8);
        }
        attempt(`type ${oid}, bytes ${bytes}`, () => {
          reader.binary?.(bytesOf(bytes) as Bytes, 0, bytes.length);
        });
        const text = Array.from({ length: random(20) }, () => alphabet[random(alphabet.length)])
          .join("");
        attempt(`type ${oid}, text ${text}`, () => reader.text(text));
      }
    }
  }
});

Deno.test("`readArrayText()` refuses what is no array", () => {
  const read = (text: string) => readArrayText(text, ",", (one) => one);
  assertEquals(read("{}"), []);
  assertEquals(read('{a,"b,c",{}'.slice(0, -3) + "}"), ["a", "b,c"]);
  for (
    const text of [
      "",
      "{",
      "}",
      "{a",
      "{a,}",
      "{,a}",
      '{"a}',
      "{a}b",
      "{{a}",
      "{{{{{{{a}}}}}}}",
      "a",
      "[0:1]",
      '{"a"b}',
    ]
  ) {
    assertThrows(() => read(text), ProtocolError, undefined, text);
  }
});

Deno.test("`readRangeText()` and `readRecordText()` refuse what is none", () => {
  for (const text of ["", "[", "[1", "[1,", "[1,2", "1,2", "[1,2)x", '["1,2)', "[1;2)"]) {
    assertThrows(() => readRangeText(text, (one) => one), ProtocolError, undefined, text);
  }
  for (const text of ["", "(", "1", '("a)', "(a)b)", '("a"b,c)']) {
    assertThrows(() => readRecordText(text), ProtocolError, undefined, text);
  }
  assertEquals(readRecordText('(1,"a ""b""",,"")'), ["1", 'a "b"', null, ""]);
});
