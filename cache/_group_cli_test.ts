import { assertEquals, assertThrows } from "@std/assert";
import { parseGroupArguments, startGroup } from "./_group_cli.ts";

Deno.test("`group` reads its arguments, and names the one that makes no sense", () => {
  assertEquals(parseGroupArguments(["--port", "8003", "--peers", "http://a:1,http://b:2"]), {
    port: 8003,
    host: "127.0.0.1",
    peers: ["http://a:1", "http://b:2"],
    secret: "",
  });
  assertThrows(() => parseGroupArguments(["--port", "x"]), RangeError, "--port wants");
  assertThrows(() => parseGroupArguments(["--peers", "a:1"]), RangeError, "--peers wants URLs");
  assertThrows(() => parseGroupArguments(["--what"]), RangeError, '"what"');
});

Deno.test("`group`: two peers give one answer and load it once", async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const options = { host: "127.0.0.1", secret: "s", port: 0 };
  await using one = startGroup({ ...options, peers: [] }, log);
  const peers = [`http://127.0.0.1:${one.addr.port}`];
  await using two = startGroup({ ...options, peers }, log);
  const ask = async (port: number) =>
    await (await fetch(`http://127.0.0.1:${port}/api?key=Tom`)).text();
  const first = await ask(two.addr.port);
  assertEquals(await ask(two.addr.port), first);
  assertEquals(lines.filter((line) => line.startsWith("Loading")).length, 1);
  const stats = await (await fetch(`http://127.0.0.1:${two.addr.port}/stats`)).json();
  assertEquals([stats.gets, stats.peers.length], [2, 1]);
});
