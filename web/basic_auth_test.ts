import { assertEquals, assertThrows } from "@std/assert";
import { App } from "./app.ts";
import { basicAuth, type BasicAuthOptions } from "./basic_auth.ts";

function request(options: BasicAuthOptions, authorization?: string): Promise<Response> {
  const app = new App<{ username: string }>();
  app.use(basicAuth(options));
  app.get("/", (c) => c.text(c.get("username")));
  return app.request("/", { headers: authorization === undefined ? {} : { authorization } });
}

const encode = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
};
const USERS = { ada: "pass:word", "jürgen": "straße", empty: "" };

Deno.test("`basicAuth()` lets known users in", async () => {
  for (const [name, password] of Object.entries(USERS)) {
    const response = await request({ users: USERS }, encode(`${name}:${password}`));
    assertEquals([response.status, await response.text()], [200, name]);
  }
  const lower = encode("ada:pass:word").replace("Basic ", "bAsIc  ");
  assertEquals((await request({ users: USERS }, lower)).status, 200);
});

Deno.test("`basicAuth()` keeps all others out with a challenge", async () => {
  const bad = [
    undefined,
    "",
    "Basic",
    "Basic !!!",
    "Basic YWRh",
    "Basic /////w==",
    "Bearer abc",
    encode("ada:pass"),
    encode("ada:pass:word "),
    encode("ADA:pass:word"),
    encode(":pass:word"),
    encode("empty:x"),
    encode("ada:straße"),
    encode("toString:"),
    `Basic ${"A".repeat(5000)}`,
  ];
  for (const authorization of bad) {
    const response = await request({ users: USERS, realm: 'a"b' }, authorization);
    assertEquals(response.status, 401, authorization);
    assertEquals(
      response.headers.get("www-authenticate"),
      'Basic realm="a\\"b", charset="UTF-8"',
    );
    assertEquals(await response.text(), "Unauthorized");
  }
});

Deno.test("`basicAuth()` asks a function, and checks its options", async () => {
  const verify = (name: string, password: string) => Promise.resolve(name === password);
  assertEquals((await request({ verify }, encode("a:a"))).status, 200);
  assertEquals((await request({ verify }, encode("a:b"))).status, 401);
  assertThrows(() => basicAuth({}), TypeError);
  assertThrows(() => basicAuth({ users: { "a:b": "c" } }), TypeError);
  assertThrows(() => basicAuth({ users: {}, realm: "a\nb" }), TypeError);
});
