import { assertEquals, assertThrows } from "@std/assert";
import { App } from "./app.ts";
import { bearerAuth, type BearerAuthOptions } from "./bearer_auth.ts";

async function request(
  options: BearerAuthOptions,
  authorization?: string,
): Promise<[number, string | null]> {
  const app = new App<{ token: string }>();
  app.use(bearerAuth(options));
  app.get("/", (c) => c.text(c.get("token")));
  const headers = authorization === undefined ? {} : { authorization };
  const response = await app.request("/", { headers });
  const text = await response.text();
  return [
    response.status,
    response.status === 200 ? text : response.headers.get("www-authenticate"),
  ];
}

Deno.test("`bearerAuth()` lets good tokens in", async () => {
  assertEquals(await request({ token: "abc" }, "Bearer abc"), [200, "abc"]);
  assertEquals(await request({ token: ["abc", "x-._~+/="] }, "bearer  x-._~+/="), [
    200,
    "x-._~+/=",
  ]);
  const verify = (token: string) => token.startsWith("v");
  assertEquals(await request({ verify }, "Bearer v1"), [200, "v1"]);
});

Deno.test("`bearerAuth()` tells what is wrong as RFC 6750 has it", async () => {
  const options = { token: "abc", realm: "api" };
  assertEquals(await request(options), [401, 'Bearer realm="api"']);
  assertEquals(await request({ token: "abc" }), [401, "Bearer"]);
  assertEquals(await request(options, "Basic YTpi"), [401, 'Bearer realm="api"']);
  for (const wrong of ["ab", "abcd", "ABC", "x".repeat(8000)]) {
    const expected: [number, string] = [401, 'Bearer realm="api", error="invalid_token"'];
    assertEquals(await request(options, `Bearer ${wrong}`), expected);
  }
  for (const malformed of ["Bearer", "Bearer a b", "Bearer a=b", `Bearer ${"x".repeat(9000)}`]) {
    const expected: [number, string] = [400, 'Bearer realm="api", error="invalid_request"'];
    assertEquals(await request(options, malformed), expected);
  }
});

Deno.test("`bearerAuth()` checks its options", () => {
  assertThrows(() => bearerAuth({}), TypeError);
  assertThrows(() => bearerAuth({ token: [] }), TypeError);
  assertThrows(() => bearerAuth({ token: ["a", ""] }), TypeError);
});
