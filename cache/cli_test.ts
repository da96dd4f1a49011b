import { assertEquals, assertThrows } from "@std/assert";
import { main, parseRedisArguments, UsageError } from "./cli.ts";

Deno.test("`parseRedisArguments()` reads what the server needs", () => {
  assertEquals(parseRedisArguments(["--port", "7000", "--aof", "/data/a.aof", "my.conf"]), {
    options: { port: 7000, aof: "/data/a.aof" },
    portIsAsked: true,
    configFile: "my.conf",
  });
  assertEquals(parseRedisArguments(["--help"]), "help");
});

for (
  const args of [["--port", "x"], ["--port", "70000"], ["--nope"], ["--appendfsync", "later"], [
    "--aof",
    "",
  ]]
) {
  Deno.test(`\`parseRedisArguments()\` refuses ${args.join(" ")}`, () => {
    assertThrows(() => parseRedisArguments(args), UsageError);
  });
}

Deno.test("`main()` exits with 2 for a command that does not exist", async () => {
  const error = console.error;
  const lines: string[] = [];
  console.error = (line: string) => lines.push(line);
  try {
    assertEquals(await main(["nope"]), 2);
  } finally {
    console.error = error;
  }
  assertEquals(lines, ['Unknown command "nope"; see --help']);
});
