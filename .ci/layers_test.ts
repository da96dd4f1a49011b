import { assertEquals } from "@std/assert";
import { checkLayers, importsOf } from "./layers.ts";

const PUBLIC = new Set(["kv/mod.ts", "web/mod.ts"]);

function check(sources: Record<string, string>): string[] {
  return checkLayers(new Map(Object.entries(sources)), PUBLIC);
}

Deno.test("`importsOf()` finds static, bare and dynamic imports, and none in comments", () => {
  assertEquals(
    importsOf(`/**\n * import { a } from "./doc.ts";\n */\n// import "./line.ts";
import { a } from "./a.ts";
import type {
  B,
} from "./b.ts";
export * from "./c.ts";
import "./d.ts";
const e = await import("./e.ts");`),
    ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts"],
  );
});

Deno.test("`checkLayers()` accepts an import of a module to the left through its public file", () => {
  assertEquals(check({ "web/a.ts": `import { a } from "../kv/mod.ts";`, "kv/mod.ts": "" }), []);
});

Deno.test("`checkLayers()` refuses an import against the order", () => {
  assertEquals(check({ "kv/a.ts": `import { a } from "../web/mod.ts";` }), [
    "kv/a.ts: kv may not import web/mod.ts (order: parser, kv, web, orm, cache, git, rpc, raft, cloud)",
  ]);
});

Deno.test("`checkLayers()` refuses an import past another module's public files", () => {
  assertEquals(check({ "web/a.ts": `import { a } from "../kv/table.ts";` }), [
    "web/a.ts: kv/table.ts is not a public file of kv",
  ]);
});

Deno.test("`checkLayers()` refuses a package from npm in published code, not in a test", () => {
  assertEquals(
    check({
      "kv/a.ts": `import lru from "npm:lru-cache@11";`,
      "kv/a_test.ts": `import lru from "npm:lru-cache@11";`,
    }),
    ["kv/a.ts: published code imports npm:lru-cache@11"],
  );
});

Deno.test("`checkLayers()` refuses a cycle between files", () => {
  assertEquals(
    check({
      "kv/a.ts": `import { b } from "./b.ts";`,
      "kv/b.ts": `import { c } from "./c.ts";`,
      "kv/c.ts": `import { a } from "./a.ts";`,
    }),
    ["cycle: kv/a.ts -> kv/b.ts -> kv/c.ts -> kv/a.ts"],
  );
});

Deno.test("`checkLayers()` lets types refer to each other, and nothing else", () => {
  const typesOnly = {
    "kv/a.ts": `import { b } from "./b.ts";`,
    "kv/b.ts": `import type { A } from "./a.ts";`,
  };
  assertEquals(check(typesOnly), []);
  assertEquals(check({ ...typesOnly, "kv/b.ts": `import { type A, a } from "./a.ts";` }).length, 1);
});

Deno.test("`checkLayers()` refuses code in a mod.ts", () => {
  assertEquals(check({ "kv/mod.ts": `export * from "./a.ts";\nexport const b = 1;` }), [
    "kv/mod.ts: a mod.ts may only re-export",
  ]);
});
