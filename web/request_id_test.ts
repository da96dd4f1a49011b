import { assertEquals, assertMatch } from "@std/assert";
import { App } from "./app.ts";
import { requestId, type RequestIdOptions } from "./request_id.ts";

async function idsOf(incoming: string | undefined, options?: RequestIdOptions): Promise<string[]> {
  const app = new App<{ requestId: string }>();
  app.use(requestId(options));
  app.get("/", (c) => c.text(c.get("requestId")));
  const headers = incoming === undefined ? {} : { "x-request-id": incoming };
  const response = await app.request("/", { headers });
  return [await response.text(), response.headers.get(options?.header ?? "x-request-id")!];
}

Deno.test("`requestId()` makes an id and sends it back", async () => {
  const [variable, header] = await idsOf(undefined);
  assertMatch(variable!, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  assertEquals(header, variable);
});

Deno.test("`requestId()` keeps a sane incoming id only", async () => {
  assertEquals(await idsOf("trace-1.a_B"), ["trace-1.a_B", "trace-1.a_B"]);
  const generate = () => "made";
  for (const bad of ["", "a b", "a<script>", "é", "x".repeat(129)]) {
    assertEquals(await idsOf(bad, { generate }), ["made", "made"], bad);
  }
  assertEquals(await idsOf("good", { generate, acceptIncoming: false }), ["made", "made"]);
  assertEquals(await idsOf(undefined, { generate, header: "x-trace" }), ["made", "made"]);
});
