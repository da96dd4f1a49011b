/** jsonpath-compliance-test-suite: 703 cases, values and normalized paths. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { equal } from "./equal.ts";
import { JsonPath, JsonPathError } from "./path.ts";
import { stringify } from "./stringify.ts";
import { JsonParseStream } from "./parse_stream.ts";

interface Case {
  name: string;
  selector: string;
  document?: unknown;
  result?: unknown[];
  results?: unknown[][];
  result_paths?: string[];
  results_paths?: string[][];
  invalid_selector?: boolean;
}

const SUITES = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../../shared/suites", import.meta.url).pathname;

function readCases(): Case[] {
  try {
    return JSON.parse(Deno.readTextFileSync(`${SUITES}/jsonpath/cts.json`)).tests;
  } catch {
    return [];
  }
}

const cases = readCases();
const ignore = cases.length === 0;
const note = ignore ? " (ignored: the suite jsonpath/cts.json is absent)" : "";

Deno.test({
  name: `\`JsonPath\` passes the JSONPath compliance suite, 703 cases${note}`,
  ignore,
  fn() {
    let invalid = 0;
    for (const test of cases) {
      if (test.invalid_selector) {
        invalid++;
        assertThrows(() => new JsonPath(test.selector), JsonPathError, undefined, test.name);
        continue;
      }
      const nodes = new JsonPath(test.selector).nodes(test.document);
      const values = nodes.map((node) => node.value);
      const paths = nodes.map((node) => node.path);
      const results = test.results ?? [test.result!];
      const resultPaths = test.results_paths ?? [test.result_paths!];
      assert(
        results.some((result) => equal(result, values)),
        `${test.name}: ${stringify(values)}`,
      );
      assert(
        resultPaths.some((result) => equal(result, paths)),
        `${test.name}: ${stringify(paths)}`,
      );
    }
    assertEquals([cases.length, invalid], [703, 247]);
  },
});

Deno.test({
  name: `\`JsonParseStream\` selects what \`JsonPath\` selects, in document order${note}`,
  ignore,
  async fn() {
    let streamed = 0;
    for (const test of cases) {
      if (test.invalid_selector) continue;
      let stream: JsonParseStream;
      try {
        stream = new JsonParseStream({ select: test.selector });
      } catch (error) {
        assert(error instanceof JsonPathError && error.code === "not-streamable", test.name);
        continue;
      }
      const bytes = new TextEncoder().encode(stringify(test.document));
      const middle = bytes.length >> 1;
      const source = ReadableStream.from([bytes.slice(0, middle), bytes.slice(middle)]);
      const values = await Array.fromAsync(source.pipeThrough(stream));
      // The order may differ where selectors run against the document's order.
      const sorted = (items: unknown[]) => items.map((item) => stringify(item)).sort();
      const expected = new JsonPath(test.selector).values(test.document);
      assertEquals(sorted(values), sorted(expected), test.name);
      streamed++;
    }
    assert(streamed > 400, `only ${streamed} cases were streamed`);
  },
});
