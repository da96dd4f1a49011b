import { assertEquals } from "@std/assert";
import { RdbError, readRdb } from "./_rdb.ts";
import { RedisServer } from "./server.ts";

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../../shared/suites", import.meta.url).pathname;
const folder = `${suites}/rdb/dumps`;

function present(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Files that Redis 7.0 refuses, too: values of modules. */
const MODULES = new Set(["redis_40_with_module.rdb"]);

/** Keys that each file holds, expired ones included; told by Redis 7.0 or, where all have expired, by the file. */
const KEYS: Record<string, number> = {
  "dictionary.rdb": 1,
  "easily_compressible_string_key.rdb": 1,
  "empty_database.rdb": 0,
  "hash_as_ziplist.rdb": 1,
  "integer_keys.rdb": 6,
  "linkedlist.rdb": 1,
  "multiple_databases.rdb": 2,
};

if (!present(folder)) {
  Deno.test({ name: "rdb/dumps (ignored: the suites are not here)", ignore: true, fn: () => {} });
} else {
  for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    Deno.test(`rdb/dumps/${name}`, () => {
      const bytes = Deno.readFileSync(`${folder}/${name}`);
      let keys = 0;
      let refused = false;
      try {
        readRdb(bytes, { key: () => keys++ });
      } catch (error) {
        if (!(error instanceof RdbError)) throw error;
        refused = true;
      }
      assertEquals(refused, MODULES.has(name));
      if (KEYS[name] !== undefined) assertEquals(keys, KEYS[name]);
    });
  }

  const real = hasProgram("redis-server") && hasProgram("redis-cli");
  Deno.test({
    name: `rdb/dumps: DEBUG DIGEST equals that of redis-server${
      real ? "" : " (ignored: no redis-server)"
    }`,
    ignore: !real,
    fn: async () => {
      for (const { name } of Deno.readDirSync(folder)) {
        const dir = await Deno.makeTempDir();
        await Deno.copyFile(`${folder}/${name}`, `${dir}/dump.rdb`);
        const expected = await realDigest(dir);
        if (expected !== undefined) {
          await using server = await RedisServer.start({
            port: 0,
            dir,
            parameters: { save: "", "enable-debug-command": "yes" },
          });
          assertEquals(await command(server.port, "debug", "digest"), expected, name);
        }
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

function hasProgram(name: string): boolean {
  try {
    new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

async function command(port: number, ...args: string[]): Promise<string> {
  const output = await new Deno.Command("redis-cli", {
    args: ["-p", String(port), ...args],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(output.stdout).trim();
}

/** Digest of the file in a folder by the real server; undefined when that refuses it. */
async function realDigest(dir: string): Promise<string | undefined> {
  const probe = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = probe.addr;
  probe.close();
  const child = new Deno.Command("redis-server", {
    args: ["--port", String(port), "--dir", dir, "--save", "", "--enable-debug-command", "yes"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const status = child.status.then(() => ended = true);
  let digest: string | undefined;
  for (let i = 0; i < 100 && digest === undefined && !ended; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    const text = await command(port, "debug", "digest");
    if (/^[0-9a-f]{40}$/.test(text)) digest = text;
  }
  if (!ended) child.kill();
  await status;
  return digest;
}
