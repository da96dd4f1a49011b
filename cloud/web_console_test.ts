import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { SCRIPT } from "./console/script.ts";
import { STYLE } from "./console/style.ts";
import { RequestMetrics } from "./metrics.ts";
import type { ConsolePage, Service, ServiceContext } from "./service.ts";
import { createConsoleApp } from "./web_console.ts";
import { overviewPage } from "./console/overview.ts";

function service(name: string, page?: ConsolePage): Service {
  return {
    name,
    description: `What ${name} is for & more`,
    state: "running",
    endpoints: [{ label: "HTTP", url: "http://127.0.0.1:1/", command: `curl "${name}"` }],
    ...(page === undefined ? {} : { page }),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

function context(
  services: Service[],
  options: Partial<ServiceContext> = {},
): { context: ServiceContext; controller: AbortController } {
  const controller = new AbortController();
  const metrics = new RequestMetrics();
  return {
    controller,
    context: {
      hostname: "127.0.0.1",
      dataDir: "data",
      signal: controller.signal,
      services,
      metrics,
      log: () => {},
      ...options,
    },
  };
}

const clock: ConsolePage = {
  path: "/clock",
  title: "Clock <&>",
  mount(console) {
    const script = console.asset("clock.js", "export {};");
    console.template(
      `{{define "hand"}}<i>{{.}}</i>{{end}}<h1>{{.now}}</h1>{{template "hand" .now}}`,
    );
    console.get("/", (c) => console.render(c, { now: c.query("t") }, { scripts: [script] }));
    console.post("/set", (c) => c.text("set"));
  },
};

Deno.test("`createConsoleApp()` shows the overview with its policy", async () => {
  const app = createConsoleApp(context([service("files"), service("c", overviewPage)]).context);
  const response = await app.request("/");
  const html = await response.text();
  assertEquals(response.status, 200);
  assertStringIncludes(html, "<title>Overview · groundwork</title>");
  assertStringIncludes(html, "What files is for &amp; more");
  assertStringIncludes(html, "<code>curl &#34;files&#34;</code>");
  assertStringIncludes(html, `id="state-files" data-tone="ok">running<`);
  assertMatch(
    response.headers.get("content-security-policy")!,
    /default-src 'none'; script-src 'self'/,
  );
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assert(!/\sstyle=|<script>|<style>| on\w+=/.test(html), "the policy forbids inline code");
});

Deno.test("`createConsoleApp()` serves its assets under names that change with them", async () => {
  const app = createConsoleApp(context([service("c", overviewPage)]).context);
  const html = await (await app.request("/")).text();
  const urls = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
  assertEquals(urls.length, 3);
  const bodies = new Map<string, string>();
  for (const url of urls) {
    const response = await app.request(url);
    assertEquals(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
    bodies.set(response.headers.get("content-type")!, await response.text());
  }
  assertEquals(bodies.get("text/css; charset=utf-8"), STYLE);
  assertEquals(bodies.get("text/javascript; charset=utf-8"), SCRIPT);
  assertMatch(bodies.get("image/svg+xml")!, /^<svg/);
  assertEquals((await app.request("/assets/console.000000000000.js")).status, 404);
  assertEquals((await app.request("/favicon.ico")).headers.get("location")?.endsWith(".svg"), true);
});

Deno.test("the console's script is valid JavaScript", () => {
  new Function(SCRIPT);
  assert(!STYLE.includes("url("), "nothing is loaded from elsewhere");
});

Deno.test("`createConsoleApp()` mounts pages of services in the shared layout", async () => {
  const app = createConsoleApp(
    context([service("clock", clock), service("c", overviewPage)]).context,
  );
  const response = await app.request("/clock?t=<b>");
  const html = await response.text();
  assertStringIncludes(html, "<title>Clock &lt;&amp;&gt; · groundwork</title>");
  assertStringIncludes(html, "<h1>&lt;b&gt;</h1><i>&lt;b&gt;</i>");
  assertStringIncludes(
    html,
    `<li><a href="/clock" aria-current="page">Clock &lt;&amp;&gt;</a></li>`,
  );
  assert(
    html.indexOf(">Overview</a>") < html.indexOf(">Clock &lt;&amp;&gt;</a>"),
    "the overview comes first",
  );
  const script = /src="(\/assets\/clock\.[0-9a-f]{12}\.js)"/.exec(html)![1]!;
  assertEquals(await (await app.request(script)).text(), "export {};");
});

Deno.test("`createConsoleApp()` refuses pages that are in each other's way", () => {
  const services = [service("a", clock), service("b", clock)];
  assertThrows(
    () => createConsoleApp(context(services).context),
    TypeError,
    "there is one at /clock",
  );
  const odd = { ...clock, path: "/a/b" };
  assertThrows(
    () => createConsoleApp(context([service("a", odd)]).context),
    TypeError,
    '"/a/b" is no path',
  );
});

Deno.test("`createConsoleApp()` refuses what comes from other sites and names", async () => {
  const app = createConsoleApp(context([service("clock", clock)]).context);
  const post = (headers: Record<string, string>) =>
    app.request("/clock/set", { method: "POST", headers: { host: "localhost:8000", ...headers } });
  assertEquals((await post({})).status, 200);
  assertEquals((await post({ "sec-fetch-site": "same-origin" })).status, 200);
  assertEquals((await post({ "sec-fetch-site": "cross-site" })).status, 403);
  assertEquals((await post({ origin: "http://evil.example" })).status, 403);
  assertEquals((await post({ origin: "http://localhost:8000" })).status, 200);
  const get = (host: string) => app.request("/clock", { headers: { host } });
  for (const host of ["localhost", "127.0.0.1:8000", "[::1]:8000", "stack.localhost:1"]) {
    assertEquals((await get(host)).status, 200, host);
  }
  for (
    const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", ""]
  ) {
    assertEquals((await get(host)).status, 421, host);
  }
  const open = createConsoleApp(
    context([service("clock", clock)], { hostname: "0.0.0.0" }).context,
  );
  assertEquals((await open.request("/clock", { headers: { host: "nas.example" } })).status, 200);
});

Deno.test("`createConsoleApp()` answers 404 with a page", async () => {
  const app = createConsoleApp(context([service("c", overviewPage)]).context);
  const response = await app.request("/<script>");
  assertEquals(response.status, 404);
  assertStringIncludes(await response.text(), "There is nothing at this address");
});

Deno.test("`createConsoleApp()` tells its status as JSON", async () => {
  const { context: given } = context([service("files")]);
  given.metrics.record({ service: "files", method: "GET", path: "/x", status: 500, durationMs: 3 });
  const status = await (await createConsoleApp(given).request("/api/status")).json();
  assertEquals(status.services[0].name, "files");
  assertEquals(status.summary.totalErrors, 1);
  assertEquals(status.recent[0].path, "/x");
  assertEquals(status.series.length, status.windowSeconds);
});

Deno.test("`createConsoleApp()` streams a snapshot, requests and seconds until the stack stops", async () => {
  const { context: given, controller } = context([service("files")]);
  const app = createConsoleApp(given);
  const response = await app.request("/events");
  assertMatch(response.headers.get("content-type")!, /^text\/event-stream/);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) {
      const { done, value } = await reader.read();
      assert(!done, text);
      text += value;
    }
  };
  await until(/event: snapshot\nretry: 1000\ndata: \{"uptimeSeconds":0.*"state":"running".*\n\n/);
  given.metrics.record({
    service: "files",
    method: "GET",
    path: "/now",
    status: 200,
    durationMs: 1,
  });
  await until(
    /event: requests\ndata: \{"requests":\[\{"sequence":2,.*"path":"\/now".*"skipped":0\}\n\n/,
  );
  await until(/event: second\ndata: \{"point":\{"requests":2,.*\n\n/);
  controller.abort();
  while (!(await reader.read()).done);
});

Deno.test("`createConsoleApp()` limits live connections", async () => {
  const { context: given, controller } = context([service("files")]);
  const app = createConsoleApp(given);
  const readers = [];
  for (let i = 0; i < 64; i++) {
    const reader = (await app.request("/events")).body!.getReader();
    await reader.read();
    readers.push(reader);
  }
  const refused = await app.request("/events");
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  controller.abort();
  for (const reader of readers) while (!(await reader.read()).done);
  const accepted = await app.request("/events");
  assertEquals(accepted.status, 200);
  await accepted.body!.cancel();
});
