import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "./cli.ts";
import { Database } from "./mod.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

interface Result {
  code: number;
  output: string;
  errors: string[];
}

/** Runs the program in a new folder; `db` puts the database's options in front. */
async function withFolder(
  run: (
    db: (...args: string[]) => Promise<Result>,
    path: string,
    any: (args: string[], input?: Uint8Array<ArrayBuffer>) => Promise<Result>,
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const path = `${root}/db`;
  const any = async (args: string[], input = new Uint8Array(0)): Promise<Result> => {
    const errors: string[] = [];
    const output: number[] = [];
    const code = await main(args, {
      output: (part) => void output.push(...part),
      error: (line) => void errors.push(line),
      progress: () => {},
      input: ReadableStream.from([input]),
    });
    return { code, output: new TextDecoder().decode(Uint8Array.from(output)), errors };
  };
  try {
    await run((...args) => any(["--db", path, ...args]), path, any);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("`kv` sets, gets, scans and removes", () =>
  withFolder(async (db) => {
    assertEquals(await db("set", "a", "1"), { code: 0, output: "", errors: [] });
    for (
      const words of [["b\tü", "new\nline"], ["--sync", "--hex", "ff00", "00"], ["1e3", "0x10"]]
    ) {
      assertEquals(await db("set", ...words), { code: 0, output: "", errors: [] });
    }
    assertEquals((await db("get", "a")).output, "1\n");
    assertEquals((await db("get", "1e3")).output, "0x10\n");
    assertEquals((await db("get", "--hex", "ff00", "--format", "hex")).output, "00\n");
    assertEquals(
      (await db("get", "--hex", "ff00", "--format", "json")).output,
      '{"key":{"base64":"/wA="},"value":"\\u0000"}\n',
    );
    assertEquals(
      (await db("scan")).output,
      "1e3\t0x10\na\t1\nb\\x09ü\tnew\\x0aline\n\\xff\\x00\t\\x00\n",
    );
    assertEquals(
      (await db("scan", "--format", "hex", "--limit", "1")).output,
      "316533\t30783130\n",
    );
    assertEquals((await db("del", "a", "x")).code, 0);
    assertEquals(
      (await db("scan", "--reverse", "--from", "a", "--to", "c")).output,
      "b\\x09ü\tnew\\x0aline\n",
    );
    assertEquals((await db("scan", "--prefix", "1")).output, "1e3\t0x10\n");
    assertEquals(
      (await db("scan", "--prefix", "ff", "--hex", "--format", "json")).output,
      '{"key":{"base64":"/wA="},"value":"\\u0000"}\n',
    );
    const missing = await db("get", "a");
    assertEquals([missing.code, missing.output], [1, ""]);
    assertStringIncludes(missing.errors[0]!, 'no key "a"');
  }));

Deno.test("`kv export` and `kv import` carry every byte over, through files and streams", () =>
  withFolder(async (db, path, any) => {
    {
      await using own = await Database.open(path);
      for (let i = 0; i < 256; i++) await own.put(Uint8Array.of(i, 255 - i), Uint8Array.of(i));
    }
    const file = `${path}.jsonl`;
    const exported = await db("export", file);
    assertEquals([exported.code, exported.output], [0, ""]);
    assertMatch(exported.errors[0]!, /^Exported 256 entries, /);
    const copy = `${path}-copy`;
    const imported = await any(["--db", copy, "import", file]);
    assertEquals(imported.code, 0, imported.errors[0]);
    assertMatch(imported.errors[0]!, /^Imported 256 entries, /);
    const text = await db("export");
    assertEquals(text.output, await Deno.readTextFile(file));
    assertEquals((await any(["--db", copy, "export"])).output, text.output);
    const stream = `${path}-stream`;
    assertEquals((await any(["--db", stream, "import"], bytes(text.output))).code, 0);
    assertEquals((await any(["--db", stream, "export"])).output, text.output);
    const bad = await any(
      ["--db", stream, "import"],
      bytes('{"key":"a","value":"1"}\n{"key":2}\n'),
    );
    assertEquals(bad.code, 1);
    assertStringIncludes(bad.errors[0]!, "line 2");
    const none = await any(["--db", stream, "import", `${path}-none`]);
    assertEquals(none.code, 1);
  }));

Deno.test("`kv stats`, `verify`, `compact` and `backup` show and do what their names say", () =>
  withFolder(async (db, path, any) => {
    await db("set", "a", "1");
    const { levels, sequence } = JSON.parse((await db("stats", "--format", "json")).output);
    assertEquals([levels.length, sequence], [7, 1]);
    assertMatch(
      (await db("stats")).output,
      /^level {2}tables {8}size {2}score\n0 .*\n[^]*sequence {5}1\n/,
    );
    assertEquals((await db("compact")).code, 0);
    assertMatch((await db("verify")).output, /^Sound: 1 table, 1 version of keys, /);
    const copy = `${path}-copy`;
    assertEquals((await db("backup", copy)).code, 0);
    assertEquals((await any(["--db", copy, "get", "a"])).output, "1\n");
    const again = await db("backup", copy);
    assertEquals(again.code, 1);
    assertStringIncludes(again.errors[0]!, "name a new folder");
  }));

Deno.test("`kv verify` names what is damaged, and `kv repair` keeps the rest", () =>
  withFolder(async (db, path) => {
    {
      await using own = await Database.open(path, { compression: "none" });
      for (let i = 0; i < 2000; i++) await own.put(bytes(`key${i}`), bytes(`value${i}`.repeat(9)));
      await own.compactRange();
    }
    const tables = [...Deno.readDirSync(path)].filter(({ name }) => name.endsWith(".ldb"));
    const table = `${path}/${tables[0]!.name}`;
    const content = await Deno.readFile(table);
    content[5000]! ^= 1;
    await Deno.writeFile(table, content);
    const found = await db("verify");
    assertEquals([found.code, found.output], [1, ""]);
    assertStringIncludes(found.errors[0]!, tables[0]!.name);
    assertStringIncludes(found.errors.at(-1)!, "repair");
    const scan = await db("scan");
    assertEquals(scan.code, 1);
    assertStringIncludes(scan.errors[0]!, '"repair" keeps what can be read');
    const repaired = await db("repair");
    assertEquals(repaired.code, 0);
    assertMatch(repaired.output, /^Repaired: /);
    assertEquals((await db("verify")).code, 0);
    const left = (await db("scan")).output.split("\n").length - 1;
    assertEquals(left > 1800 && left < 2000, true, `${left} are left`);
  }));

Deno.test("`kv set --ttl` makes a database whose entries end", () =>
  withFolder(async (db, path, any) => {
    assertEquals((await db("set", "--ttl", "1", "a", "1")).code, 0);
    assertEquals((await db("set", "--ttl", "999999", "b", "1")).code, 0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals((await db("scan")).output, "b\t1\n");
    const { output } = await db("export");
    assertMatch(output, /^{"key":"b","value":"1","expires":\d+}\n$/);
    assertEquals((await db("get", "b", "--format", "json")).output, output);
    const copy = `${path}-copy`;
    const plain = await any(["--db", copy, "import"], bytes(output));
    assertEquals(plain.code, 1);
    assertStringIncludes(plain.errors[0]!, "ttl");
    await Deno.remove(copy, { recursive: true });
    assertEquals((await any(["--db", copy, "import", "--lifetimes"], bytes(output))).code, 0);
    assertEquals((await any(["--db", copy, "export"])).output, output);
    await Deno.remove(`${copy}/CURRENT`);
    for (const { name } of [...Deno.readDirSync(copy)]) {
      if (name.startsWith("MANIFEST")) await Deno.remove(`${copy}/${name}`);
    }
    const repaired = await any(["--db", copy, "repair", "--lifetimes"]);
    assertEquals(repaired.code, 0, repaired.errors[0]);
    assertEquals((await any(["--db", copy, "export"])).output, output);
  }));

Deno.test("`kv` says what is wrong with a database that is missing or no database", () =>
  withFolder(async (db, path) => {
    for (
      const command of [["get", "a"], ["scan"], ["stats"], ["verify"], ["del", "a"], ["export"]]
    ) {
      const result = await db(...command);
      assertEquals([result.code, result.output], [1, ""]);
      assertStringIncludes(result.errors[0]!, "it does not exist; check --db");
    }
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/CURRENT`, "nothing\n");
    const broken = await db("scan");
    assertEquals(broken.code, 1);
    assertStringIncludes(broken.errors[0]!, "CURRENT");
  }));

Deno.test("`kv` names the process that holds the database", () =>
  withFolder(async (db, path) => {
    await using _held = await Database.open(path);
    const { code, errors } = await db("get", "a");
    assertEquals(code, 1);
    assertStringIncludes(errors[0]!, `held by process ${Deno.pid}; close it there first`);
  }));

Deno.test("`kv bench` runs workloads by name in a new folder, and leaves nothing there", () =>
  withFolder(async (db, path) => {
    const names = ["fillseq", "fillsync", "fillrandom", "overwrite", "readrandom", "readmissing"];
    names.push("readhot", "readseq", "readreverse", "seekrandom", "compact");
    names.push("deleteseq", "deleterandom", "fillbatch", "fill100K");
    const result = await db("bench", "--num", "300", "--value-size", "33", ...names);
    assertEquals(result.code, 0, result.errors[0]);
    const lines = result.output.trimEnd().split("\n");
    assertEquals(lines.slice(1).map((line) => line.split(" ")[0]!.replace(":", "")), names);
    assertMatch(lines[1]!, /^fillseq {6}: \d+\.\d{3} micros\/op; \d+\.\d MB\/s$/);
    assertMatch(result.output, /readmissing {2}: .*\(0 of 300 found\)/);
    assertEquals([...Deno.readDirSync(path)], []);
    await db("set", "a", "1");
    const refused = await db("bench", "fillseq");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.errors[0]!, "it is not empty; name a new folder");
  }));

for (
  const [args, message] of [
    [["--db", "x", "nope"], 'Unknown command "nope"'],
    [["get", "a"], "--db wants"],
    [["--db", "x"], "No command"],
    [["--db", "x", "get"], '"get" does not take 0'],
    [["--db", "x", "get", "a", "b"], '"get" does not take 2'],
    [["--db", "x", "scan", "--format", "xml"], "--format wants"],
    [["--db", "x", "scan", "--limit", "many"], "--limit wants"],
    [["--db", "x", "scan", "--nope"], 'Unknown argument "--nope"'],
    [["--db", "x", "get", "--hex", "xy"], "hexadecimal"],
    [["--db", "x", "toString"], "Unknown command"],
    [["--db", "x/y", "bench", "nope"], "Unknown workload"],
    [[], "Usage:"],
  ] as [string[], string][]
) {
  Deno.test(`\`kv ${args.join(" ")}\` exits with 2`, () =>
    withFolder(async (_db, _path, any) => {
      const { code, errors, output } = await any(args);
      assertEquals([code, output], [2, ""]);
      assertStringIncludes(errors[0]!, message);
    }));
}

Deno.test("`kv --help` states commands and permissions", () =>
  withFolder(async (_db, _path, any) => {
    const { code, output } = await any(["--help"]);
    assertEquals(code, 0);
    assertStringIncludes(output, "Permissions: --allow-read --allow-write");
  }));
