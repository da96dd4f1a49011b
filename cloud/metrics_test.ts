import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { App } from "../web/mod.ts";
import { RequestMetrics } from "./metrics.ts";

function make(windowSeconds = 10, recentLimit = 5) {
  let nowMs = 1_000;
  const metrics = new RequestMetrics({ windowSeconds, recentLimit, now: () => nowMs });
  return {
    metrics,
    advance: (ms: number) => nowMs += ms,
    record: (durationMs: number, status = 200, path = "/") =>
      metrics.record({ service: "s", method: "GET", path, status, durationMs }),
  };
}

Deno.test("`RequestMetrics.series()` gives full seconds with their percentiles", () => {
  const { metrics, advance, record } = make();
  for (let i = 1; i <= 100; i++) record(i);
  assertEquals(metrics.series(), Array(10).fill(metrics.series(1)[0]), "no second is full yet");
  advance(1_000);
  record(500, 503);
  advance(1_000);
  const [first, second] = metrics.series(2);
  assertEquals([first!.requests, first!.errors], [100, 0]);
  assertAlmostEquals(first!.p50!, 50, 50 * 0.05);
  assertAlmostEquals(first!.p90!, 90, 90 * 0.05);
  assertAlmostEquals(first!.p99!, 99, 99 * 0.05);
  assertEquals([second!.requests, second!.errors], [1, 1]);
  assertAlmostEquals(second!.p50!, 500, 500 * 0.05);
  assertEquals(metrics.series(3)[0], {
    requests: 0,
    errors: 0,
    p50: undefined,
    p90: undefined,
    p99: undefined,
  });
});

Deno.test("`RequestMetrics` forgets what is older than its window", () => {
  const { metrics, advance, record } = make(3);
  record(1);
  advance(4_000);
  record(2);
  assertEquals(metrics.summary().window.requests, 1);
  assertEquals(metrics.series().map((second) => second.requests), [0, 0, 0]);
  advance(1_000);
  assertEquals(metrics.series().map((second) => second.requests), [0, 0, 1]);
  // A slot is used again after a long silence.
  advance(1_000_000);
  assertEquals(metrics.summary().window.requests, 0);
  assertEquals(metrics.summary().totalRequests, 2);
});

Deno.test("`RequestMetrics` counts extreme latencies in its outermost buckets", () => {
  const { metrics, record } = make();
  record(0);
  assertAlmostEquals(metrics.summary().window.p50!, 0.01, 0.001);
  record(1e12);
  assert(metrics.summary().window.p99! > 100_000);
});

Deno.test("`RequestMetrics.recent()` keeps the last requests by number", () => {
  const { metrics, record } = make(10, 3);
  assertEquals(metrics.recent(), []);
  for (let i = 1; i <= 5; i++) record(1, 200, `/${i}`);
  assertEquals(metrics.recent().map(({ path }) => path), ["/3", "/4", "/5"]);
  assertEquals(metrics.recent(4).map(({ sequence }) => sequence), [5]);
  assertEquals(metrics.recent(5), []);
  record(1, 200, "/" + "x".repeat(1_000));
  assertEquals(metrics.recent(5)[0]!.path.length, 200);
});

Deno.test("`RequestMetrics.middleware()` records answers, and a throw as 500", async () => {
  const { metrics, advance } = make();
  const app = new App({ logError: () => {} });
  app.use(metrics.middleware("shop"));
  app.get("/ok", (c) => {
    advance(20);
    return c.text("ok", 201);
  });
  app.get("/bad", () => {
    throw new Error("boom");
  });
  await app.request("/ok?secret=1");
  await app.request("/bad");
  await app.request("/none");
  const seen = metrics.recent().map(({ service, path, status }) => [service, path, status]);
  assertEquals(seen, [["shop", "/ok", 201], ["shop", "/bad", 500], ["shop", "/none", 404]]);
  assertEquals(metrics.recent()[0]!.durationMs, 20);
  assertEquals(metrics.summary().totalErrors, 1);
});
