import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { main } from "./cli.ts";

/** Runs the command line with what it prints caught. */
const running = async (...args: string[]) => {
  const { log, error } = console;
  const lines: string[] = [];
  console.log = console.error = (line: string) => void lines.push(line);
  try {
    const code = await main(args);
    return { code, lines };
  } finally {
    console.log = log;
    console.error = error;
  }
};

Deno.test("`main()` generates, applies, checks and takes back migrations", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const models = fromFileUrl(new URL("./examples/tasks.ts", import.meta.url));
    const database = `sqlite:${folder}/a.db`;
    const dir = `${folder}/m`;
    const migrate = (...args: string[]) =>
      running("migrate", ...args, "--dir", dir, "--database", database, "--models", models);
    assertEquals((await migrate("generate", "start")).code, 0);
    assertEquals(await migrate("generate", "again"), {
      code: 0,
      lines: ["Nothing to do: the migrations make what the models say."],
    });
    assertEquals(await migrate("status"), { code: 0, lines: ["pending  0001_start"] });
    assertEquals((await migrate("check")).code, 1);
    assertEquals((await migrate("up", "--dry-run")).lines, ["would have applied 0001_start"]);
    assertEquals(await migrate("up"), { code: 0, lines: ["applied 0001_start"] });
    assertEquals((await migrate("check")).code, 0);
    assertEquals((await migrate("down")).code, 1);
    assertEquals((await migrate("down", "--allow-loss")).lines, ["took back 0001_start"]);
    assertEquals((await running("introspect", database)).lines.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("`main()` gives 2 for a wrong command line and 1 for a failure", async () => {
  for (
    const args of [
      [],
      ["fly"],
      ["--nope"],
      ["shell"],
      ["shell", "mysql://x"],
      ["migrate"],
      ["migrate", "sideways"],
      ["migrate", "generate", "../x"],
      ["migrate", "up"],
      ["migrate", "up", "--database", "sqlite::memory:", "--steps", "0"],
    ]
  ) assertEquals((await running(...args)).code, 2, args.join(" "));
  assertEquals((await running("introspect", "sqlite:/nonexistent/x.db")).code, 1);
  assertEquals((await running("--help")).code, 0);
});
