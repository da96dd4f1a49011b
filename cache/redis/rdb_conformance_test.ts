import { assertEquals } from "@std/assert";
import { RdbError, readRdb } from "./_rdb.ts";

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
}
