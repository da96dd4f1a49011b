import { assert, assertEquals } from "@std/assert";
import { Database } from "./mod.ts";

const soak = Deno.env.get("GROUNDWORK_SOAK") === "1";
const text = (value: Uint8Array) => new TextDecoder().decode(value);

const WRITER = `
const [module, path, from] = Deno.args;
const { Database } = await import(module);
const db = await Database.open(path, { memtableBytes: 30000 });
const bytes = (text) => new TextEncoder().encode(text);
for (let i = Number(from); ; i++) {
  const value = bytes(String(i).repeat(20));
  await db.write([{ type: "put", key: bytes("a" + i), value }, { type: "put", key: bytes("b" + i), value }], { sync: true });
  Deno.stdout.writeSync(bytes(i + "\\n"));
}`;

Deno.test("`Database` keeps every acknowledged batch, whole, when its process is killed", async () => {
  const path = await Deno.makeTempDir();
  const module = import.meta.resolve("./mod.ts");
  const map = new URL("../.ci/std_npm.json", import.meta.url).pathname;
  const script = `${path}.ts`;
  await Deno.writeTextFile(script, WRITER);
  let acknowledged = -1;
  for (let round = 0; round < (soak ? 100 : 3); round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--import-map=${map}`,
        script,
        module,
        path,
        String(acknowledged + 1),
      ],
      stdout: "piped",
    }).spawn();
    let output = "";
    const stop = acknowledged + 50 + round * 37 % 300;
    for await (const chunk of child.stdout) {
      output += text(chunk);
      if (Number(output.trim().split("\n").at(-1)) < stop) continue;
      try {
        child.kill("SIGKILL");
      } catch {
        break; // it has ended
      }
    }
    await child.status;
    const lines = output.split("\n");
    lines.pop();
    acknowledged = Math.max(acknowledged, Number(lines.at(-1) ?? -1));
    assert(acknowledged >= 0, "the child wrote nothing");
    await using db = await Database.open(path);
    const found = [...db.iterator()].map(([key, value]) => [text(key), text(value)]);
    const values = new Map(found.map(([key, value]) => [key!, value!]));
    const count = values.size / 2;
    assert(count >= acknowledged + 1, `${count} batches of ${acknowledged + 1}`);
    for (let i = 0; i < count; i++) {
      assertEquals(values.get(`a${i}`), String(i).repeat(20));
      assertEquals(values.get(`b${i}`), String(i).repeat(20));
    }
    acknowledged = count - 1;
  }
  await Deno.remove(script);
  await Deno.remove(path, { recursive: true });
});
