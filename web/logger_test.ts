import { assertEquals, assertMatch } from "@std/assert";
import { App } from "./app.ts";
import { HttpError } from "./http_error.ts";
import { type AccessLogEntry, formatAccessLog, logger } from "./logger.ts";

const ENTRY: AccessLogEntry = {
  time: new Date(2025, 0, 10, 14, 32, 1),
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 52341 },
  method: "GET",
  path: "/index.html",
  status: 200,
  durationMs: 2.4,
};

Deno.test("`formatAccessLog()` has exactly the stated form", () => {
  assertEquals(
    formatAccessLog(ENTRY),
    "[2025-01-10 14:32:01] 127.0.0.1:52341 - GET /index.html - 200 - 2ms",
  );
});

Deno.test("`formatAccessLog()` writes addresses of every kind", () => {
  const addressOf = (remoteAddr: Deno.Addr) =>
    formatAccessLog({ ...ENTRY, remoteAddr }).slice(22).split(" - ")[0];
  assertEquals(addressOf({ transport: "tcp", hostname: "::1", port: 1 }), "[::1]:1");
  assertEquals(addressOf({ transport: "unix", path: "/run/a\n" }), "unix:/run/a\\x0a");
});

Deno.test("`formatAccessLog()` escapes what could forge or disguise a line", () => {
  const path = "/a\r\n[2025\x1b[31m\x7f\u0085\u2028\u202e\u{e0041}é";
  assertEquals(
    formatAccessLog({ ...ENTRY, path }),
    "[2025-01-10 14:32:01] 127.0.0.1:52341 - GET " +
      "/a\\x0d\\x0a[2025\\x1b[31m\\x7f\\x85\\u{2028}\\u{202e}\\u{e0041}é - 200 - 2ms",
  );
});

Deno.test("`logger()` writes one line a request, with the status that the client sees", async () => {
  const lines: string[] = [];
  const app = new App({ logError: () => {} });
  app.use(logger({ write: (line) => lines.push(line) }));
  app.get("/ok", (c) => c.text("ok"));
  app.get("/teapot", () => {
    throw new HttpError(418);
  });
  app.get("/throw", () => {
    throw new Error("boom");
  });
  const paths = ["/ok?secret=1", "/teapot", "/throw", "/none"];
  for (const path of paths) await (await app.request(path)).text();
  assertEquals(
    lines.map((line) => line.slice(22).replace(/\d+ms$/, "ms")),
    [
      "127.0.0.1:0 - GET /ok - 200 - ms",
      "127.0.0.1:0 - GET /teapot - 418 - ms",
      "127.0.0.1:0 - GET /throw - 500 - ms",
      "127.0.0.1:0 - GET /none - 404 - ms",
    ],
  );
  assertMatch(lines[0]!, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /);
});
