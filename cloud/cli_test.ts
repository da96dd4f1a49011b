import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { formatServices, parseStartArguments, UsageError } from "./cli.ts";

const CLI = new URL("./cli.ts", import.meta.url).href;

/** The import map that this test run was given has to be given on. */
function arguments_(args: string[]): string[] {
  const map = new URL("../.ci/std_npm.json", import.meta.url).href;
  const usesNpm = import.meta.resolve("@std/assert").endsWith("/assert.ts");
  return ["run", "-A", "--no-check", ...(usesNpm ? [`--import-map=${map}`] : []), CLI, ...args];
}

async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: arguments_(args),
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("`parseStartArguments()` reads options and refuses others", () => {
  assertEquals(parseStartArguments([]), {
    port: undefined,
    filesPort: undefined,
    redisPort: undefined,
    hostname: "127.0.0.1",
    dataDir: "data",
  });
  assertEquals(
    parseStartArguments(["--port", "0", "--files-port=1", "--host", "::1", "--data", "d"]),
    { port: 0, filesPort: 1, redisPort: undefined, hostname: "::1", dataDir: "d" },
  );
  assertEquals(parseStartArguments(["--help"]), "help");
  for (const args of [["--port", "x"], ["--port", "65536"], ["--port="], ["--nope"], ["extra"]]) {
    assertThrows(() => parseStartArguments(args), UsageError);
  }
});

Deno.test("`formatServices()` aligns what has several endpoints or none", () => {
  assertEquals(
    formatServices([
      {
        name: "a",
        state: "running",
        endpoints: [
          { label: "x", url: "http://h/", hint: "open it" },
          { label: "y", url: "tcp://h:1", command: "nc h 1" },
        ],
      },
      { name: "wide 字", state: "failed", endpoints: [] },
    ]),
    [
      "┌─────────┬─────────┬───────────┬────────────┐",
      "│ Service │ State   │ Where     │ Talk to it │",
      "├─────────┼─────────┼───────────┼────────────┤",
      "│ a       │ running │ http://h/ │ open it    │",
      "│         │         │ tcp://h:1 │ nc h 1     │",
      "│ wide 字 │ failed  │           │            │",
      "└─────────┴─────────┴───────────┴────────────┘",
    ].join("\n"),
  );
});

Deno.test("the command line says how it is used", async () => {
  const [help, none, unknown, bad] = await Promise.all([
    run(["--help"]),
    run([]),
    run(["stop"]),
    run(["start", "--port", "many"]),
  ]);
  assertEquals(help.code, 0);
  assertStringIncludes(help.stdout, "Permissions: --allow-net --allow-read --allow-write");
  assertEquals([none.code, none.stderr], [2, "A command is missing: start; see --help\n"]);
  assertEquals([unknown.code, unknown.stderr], [2, 'Unknown command "stop"; see --help\n']);
  assertEquals(
    [bad.code, bad.stderr],
    [2, '--port wants a number from 0 to 65535, not "many"\n'],
  );
});

Deno.test("`start` fails in one line when its port is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const data = await Deno.makeTempDir();
  const { code, stderr, stdout } = await run([
    "start",
    "--port",
    String(port),
    "--files-port",
    "0",
    "--redis-port",
    "0",
    "--data",
    data,
  ]);
  await Deno.remove(data, { recursive: true });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    `Cannot start console: port ${port} is taken; choose another with --port, ` +
      "or stop what listens there\n",
  );
});

Deno.test("`start` prints what runs where, and stops cleanly on a signal", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const data = await Deno.makeTempDir();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const process = new Deno.Command(Deno.execPath(), {
      args: arguments_([
        "start",
        "--port",
        "0",
        "--files-port",
        "0",
        "--redis-port",
        "0",
        "--data",
        data,
      ]),
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("Ctrl-C")) {
      const { done, value } = await reader.read();
      assert(!done, text);
      text += value;
    }
    const url = /│ console +│ running +│ (http:\/\/127\.0\.0\.1:\d+\/) /.exec(text)![1]!;
    const page = await fetch(url);
    assertStringIncludes(await page.text(), "Overview");
    // A browser that stays connected must not hold the shutdown up.
    const live = await fetch(`${url}events`);
    process.kill(signal);
    for (let end = false; !end;) {
      const { done, value } = await reader.read();
      end = done;
      text += value ?? "";
    }
    await live.body!.cancel().catch(() => {});
    const { code } = await process.status;
    assertEquals([code, await new Response(process.stderr).text()], [0, ""]);
    assert(text.endsWith("Stopping …\nStopped.\n"), text);
  }
  await Deno.remove(data, { recursive: true });
});
