/** nst/JSONTestSuite: every file whole, and streamed in two pieces cut at every byte. */
import { assertEquals } from "@std/assert";
import { BytePush } from "./_push.ts";
import { Builder } from "./_builder.ts";
import { JsonSyntaxError } from "./error.ts";
import { parse } from "./parse.ts";
import { stringify } from "./stringify.ts";

const SUITES = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../../shared/suites", import.meta.url).pathname;
const FOLDER = `${SUITES}/json/test_parsing`;

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

const present = exists(FOLDER);
const note = present ? "" : " (ignored: the suite json/test_parsing is absent)";

/** Files that RFC 8259 leaves free, and what we choose. */
const FREE: Record<string, "accept" | "reject"> = {
  "i_number_double_huge_neg_exp.json": "accept", // 0
  "i_number_huge_exp.json": "accept", // Infinity
  "i_number_neg_int_huge_exp.json": "accept", // -Infinity
  "i_number_pos_double_huge_exp.json": "accept", // Infinity
  "i_number_real_neg_overflow.json": "accept", // -Infinity
  "i_number_real_pos_overflow.json": "accept", // Infinity
  "i_number_real_underflow.json": "accept", // 0
  "i_number_too_big_neg_int.json": "accept", // the nearest double
  "i_number_too_big_pos_int.json": "accept",
  "i_number_very_big_negative_int.json": "accept",
  "i_object_key_lone_2nd_surrogate.json": "accept", // escapes may make half a pair
  "i_string_1st_surrogate_but_2nd_missing.json": "accept",
  "i_string_1st_valid_surrogate_2nd_invalid.json": "accept",
  "i_string_UTF-16LE_with_BOM.json": "reject", // only UTF-8
  "i_string_UTF-8_invalid_sequence.json": "reject",
  "i_string_UTF8_surrogate_U+D800.json": "reject",
  "i_string_incomplete_surrogate_and_escape_valid.json": "accept",
  "i_string_incomplete_surrogate_pair.json": "accept",
  "i_string_incomplete_surrogates_escape_valid.json": "accept",
  "i_string_invalid_lonely_surrogate.json": "accept",
  "i_string_invalid_surrogate.json": "accept",
  "i_string_invalid_utf-8.json": "reject",
  "i_string_inverted_surrogates_U+1D11E.json": "accept",
  "i_string_iso_latin_1.json": "reject",
  "i_string_lone_second_surrogate.json": "accept",
  "i_string_lone_utf8_continuation_byte.json": "reject",
  "i_string_not_in_unicode_range.json": "reject",
  "i_string_overlong_sequence_2_bytes.json": "reject",
  "i_string_overlong_sequence_6_bytes.json": "reject",
  "i_string_overlong_sequence_6_bytes_null.json": "reject",
  "i_string_truncated-utf-8.json": "reject",
  "i_string_utf16BE_no_BOM.json": "reject",
  "i_string_utf16LE_no_BOM.json": "reject",
  "i_structure_500_nested_arrays.json": "accept", // no limit on depth
  "i_structure_UTF-8_BOM_empty_object.json": "reject", // unless { bom: "skip" }
};

/** The value as text, or the error as text. */
function outcome(read: () => unknown): string {
  try {
    return "value " + stringify(read());
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return `${error.code} at ${error.offset}, ${error.line}:${error.column}`;
  }
}

function inPieces(...pieces: Uint8Array[]): unknown {
  const builder = new Builder({});
  const push = new BytePush(builder, { maxDepth: Infinity });
  builder.scanner = push.scanner;
  for (const piece of pieces) push.push(piece);
  push.end();
  return builder.value;
}

const files = present
  ? [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => /^[yni]_/.test(name))
    .sort()
  : [];

Deno.test({
  name: `\`parse()\` accepts and rejects what JSONTestSuite says, 318 files${note}`,
  ignore: !present,
  fn() {
    const counts = { y: 0, n: 0, i: 0 };
    for (const name of files) {
      const bytes = Deno.readFileSync(`${FOLDER}/${name}`);
      const accepted = outcome(() => parse(bytes)).startsWith("value");
      const kind = name[0] as "y" | "n" | "i";
      counts[kind]++;
      const expected = kind === "i" ? FREE[name] === "accept" : kind === "y";
      assertEquals(accepted, expected, name);
    }
    assertEquals(counts, { y: 95, n: 188, i: 35 });
  },
});

Deno.test({
  name: `streams give the same value or error at every cut of every JSONTestSuite file${note}`,
  ignore: !present,
  fn() {
    for (const name of files) {
      const bytes = Deno.readFileSync(`${FOLDER}/${name}`);
      const whole = outcome(() => parse(bytes));
      // Two files have 100,000 bytes of brackets: cut those at a few places only.
      const step = bytes.length > 10_000 ? 16_384 : 1;
      for (let cut = 0; cut <= bytes.length; cut += step) {
        const cutOutcome = outcome(() => inPieces(bytes.subarray(0, cut), bytes.subarray(cut)));
        assertEquals(cutOutcome, whole, `${name} cut at ${cut}`);
      }
      if (bytes.length <= 10_000) {
        const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
        assertEquals(outcome(() => inPieces(...single)), whole, `${name} byte by byte`);
      }
    }
  },
});
