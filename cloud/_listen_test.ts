import { assertEquals, assertThrows } from "@std/assert";
import { listenHttp, urlOf } from "./_listen.ts";

Deno.test("`listenHttp()` moves a default port that is taken, and says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const lines: string[] = [];
  const choice = {
    name: "console",
    hostname: "127.0.0.1",
    option: "--port",
    log: (line: string) => void lines.push(line),
  };
  const handler = () => new Response("hello");
  const server = listenHttp({ ...choice, port: undefined, defaultPort: port }, handler);
  try {
    const moved = server.addr.port;
    assertEquals(lines, [`Port ${port} is taken: console is on port ${moved}`]);
    assertEquals(urlOf(server, "127.0.0.1"), `http://127.0.0.1:${moved}/`);
    assertEquals(urlOf(server, "0.0.0.0"), `http://127.0.0.1:${moved}/`);
    assertEquals(urlOf(server, "::1"), `http://[::1]:${moved}/`);
    assertEquals(await (await fetch(urlOf(server, "127.0.0.1"))).text(), "hello");
    assertThrows(
      () => listenHttp({ ...choice, port, defaultPort: 1 }, handler),
      Error,
      `port ${port} is taken; choose another with --port`,
    );
  } finally {
    await server.shutdown();
  }
});
