import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createServeHandler, parseServeArguments, UsageError } from "./cli.ts";

const CLI = new URL("./cli.ts", import.meta.url).href;
const LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] [\d.]+:\d+ - [A-Z]+ \S+ - \d{3} - \d+ms$/;

/** The import map that this test run was given has to be given on. */
function command(args: string[]): Deno.Command {
  const map = new URL("../.ci/std_npm.json", import.meta.url).href;
  const usesNpm = import.meta.resolve("@std/assert").endsWith("/assert.ts");
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-net",
      "--allow-read",
      ...(usesNpm ? [`--import-map=${map}`] : []),
      CLI,
      ...args,
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await command(args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function withFolder(use: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(root, "index.html"), "<!DOCTYPE html>\n<html>");
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const INFO = { remoteAddr: { transport: "tcp", hostname: "192.168.1.5", port: 52341 } } as const;
const PLAIN = { echo: true, listing: false, dotfiles: false, precompressed: false, quiet: false };

Deno.test("`parseServeArguments()` reads options and refuses others", () => {
  assertEquals(parseServeArguments([]), {
    port: 8080,
    portIsAsked: false,
    root: ".",
    host: undefined,
    tls: undefined,
    echo: false,
    listing: false,
    dotfiles: false,
    precompressed: false,
    quiet: false,
  });
  const parsed = parseServeArguments(
    "--port 81 --root ./public --host ::1 --tls-cert c --tls-key k --echo --listing".split(" "),
  );
  assert(parsed !== "help");
  assertEquals([parsed.port, parsed.portIsAsked, parsed.root, parsed.host], [
    81,
    true,
    "./public",
    "::1",
  ]);
  assertEquals([parsed.tls, parsed.echo, parsed.listing], [{ cert: "c", key: "k" }, true, true]);
  assertEquals(parseServeArguments(["--help"]), "help");
  for (
    const args of [["--port", "x"], ["--port", "70000"], ["--tls-cert", "c"], ["--nope"], ["x"], [
      "--root=",
    ]]
  ) assertThrows(() => parseServeArguments(args), UsageError);
});

Deno.test("`createServeHandler()` answers and logs as a file server does", async () => {
  await withFolder(async (root) => {
    const lines: string[] = [];
    const handler = createServeHandler({ ...PLAIN, root }, (line) => lines.push(line));
    const ask = async (path: string, init?: RequestInit) => {
      const response = await handler(new Request(`http://localhost${path}`, init), INFO);
      return [response.status, await response.text(), response.headers.get("content-type")];
    };
    assertEquals(await ask("/index.html"), [
      200,
      "<!DOCTYPE html>\n<html>",
      "text/html; charset=UTF-8",
    ]);
    assertEquals((await ask("/"))[0], 200);
    const echo = (body: string) => ask("/echo", { method: "POST", body });
    assertEquals(await echo('{"message": "hello"}'), [
      200,
      '{"received": {"message": "hello"}}\n',
      "application/json",
    ]);
    assertEquals((await echo("12345678901234567890"))[1], '{"received": 12345678901234567890}\n');
    assertEquals((await echo('not "json'))[1], '{"received": "not \\"json"}\n');
    assertEquals((await ask("/not-found")).slice(0, 2), [404, "HTTP/1.1 404 Not Found\n"]);
    assertEquals((await ask("/index.html", { method: "DELETE" }))[0], 405);
    assertEquals((await ask("/index.html", { method: "HEAD" })).slice(0, 2), [200, ""]);
    assertEquals(lines.length, 8);
    for (const line of lines) assertMatch(line, LINE);
    assertStringIncludes(lines[0]!, "] 192.168.1.5:52341 - GET /index.html - 200 - ");
    assertStringIncludes(lines[5]!, "] 192.168.1.5:52341 - GET /not-found - 404 - ");
  });
});

Deno.test("`createServeHandler()` has no echo unless it is asked for", async () => {
  await withFolder(async (root) => {
    const handler = createServeHandler({ ...PLAIN, root, echo: false, quiet: true }, () => {
      throw new Error("nothing is to be logged");
    });
    const post = new Request("http://localhost/echo", { method: "POST", body: "1" });
    assertEquals((await handler(post, INFO)).status, 405);
  });
});

Deno.test("the command line says what is wrong", async () => {
  const [help, none, unknown, missing] = await Promise.all([
    run(["serve", "--help"]),
    run([]),
    run(["serve", "--nope"]),
    run(["serve", "--root", "/does/not/exist"]),
  ]);
  assertEquals(help.code, 0);
  assertStringIncludes(help.stdout, "Permissions: --allow-net --allow-read");
  assertEquals([none.code, none.stderr], [2, "A command is missing: serve; see --help\n"]);
  assertEquals([unknown.code, unknown.stderr], [2, 'Unknown argument "--nope"; see --help\n']);
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /^Cannot serve "\/does\/not\/exist": /);
});

Deno.test("`serve` fails in one line when its port is taken", async () => {
  await withFolder(async (root) => {
    using listener = Deno.listen({ port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const { code, stderr } = await run(["serve", "--port", String(port), "--root", root]);
    assertEquals(code, 1);
    assertEquals(
      stderr,
      `Cannot serve "${root}": port ${port} is taken; choose another with --port\n`,
    );
  });
});

Deno.test("`serve` listens, logs, and stops on a signal", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (root) => {
    const args = ["serve", "--port", "0", "--host", "127.0.0.1", "--root", root, "--echo"];
    const process = command(args).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let output = "";
    const until = async (text: string) => {
      while (!output.includes(text)) {
        const { done, value } = await reader.read();
        assert(!done, output);
        output += value;
      }
    };
    await until("\n");
    const port = /^Server listening on 127\.0\.0\.1:(\d+)\n/.exec(output)![1]!;
    const response = await fetch(`http://127.0.0.1:${port}/echo`, { method: "POST", body: "[1]" });
    assertEquals(await response.text(), '{"received": [1]}\n');
    await until("ms\n");
    assertMatch(output.split("\n")[1]!, LINE);
    process.kill("SIGTERM");
    while (!(await reader.read()).done);
    const { code } = await process.status;
    assertEquals([code, await new Response(process.stderr).text()], [0, ""]);
  });
});
