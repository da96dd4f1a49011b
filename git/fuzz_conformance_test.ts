import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { indexPack } from "./index_pack.ts";
import { CommitGraph } from "./commit_graph.ts";
import { checkObject } from "./fsck.ts";
import { MultiPackIndex } from "./multi_pack_index.ts";
import { parseCommit, parseTag, parseTree } from "./objects.ts";
import { MemorySource } from "./pack_file.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { assertEquals } from "@std/assert";

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../shared/suites", import.meta.url).pathname;
const root = `${suites}/git_fuzz`;
let have = false;
try {
  have = Deno.statSync(root).isDirectory;
} catch { /* Not here. */ }

function isExpected(error: unknown): boolean {
  return error instanceof GitError;
}

Deno.test({
  name: `git_fuzz packfile: \`indexPack()\` throws \`GitError\` or succeeds${
    have ? "" : " (ignored: no suites)"
  }`,
  ignore: !have,
  fn() {
    let files = 0;
    for (const entry of Deno.readDirSync(`${root}/packfile`)) {
      const data = Deno.readFileSync(`${root}/packfile/${entry.name}`);
      files++;
      try {
        indexPack(new MemorySource(data), SHA1, { store: new MemoryObjectStore(), strict: true });
      } catch (error) {
        if (!isExpected(error)) throw new Error(`${entry.name}: ${error}`, { cause: error });
      }
    }
    assertEquals(files, 314);
  },
});

Deno.test({
  name: `git_fuzz objects: parsers throw \`GitError\` or succeed${
    have ? "" : " (ignored: no suites)"
  }`,
  ignore: !have,
  fn() {
    for (const entry of Deno.readDirSync(`${root}/objects`)) {
      if (!entry.isFile) continue;
      const data = Deno.readFileSync(`${root}/objects/${entry.name}`);
      for (const parse of [parseCommit, parseTag, parseTree]) {
        try {
          parse(data, SHA1);
        } catch (error) {
          if (!isExpected(error)) throw error;
        }
      }
      for (const type of ["commit", "tree", "tag", "blob"] as const) checkObject(type, data, SHA1);
    }
  },
});

Deno.test({
  name: `git_fuzz commit_graph and midx: readers throw \`GitError\` or succeed${
    have ? "" : " (ignored: no suites)"
  }`,
  ignore: !have,
  fn() {
    let read = 0;
    for (const folder of ["commit_graph", "midx"]) {
      for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
        if (!entry.isFile) continue;
        const source = new MemorySource(Deno.readFileSync(`${root}/${folder}/${entry.name}`));
        read++;
        try {
          if (folder === "midx") {
            const index = new MultiPackIndex(source, SHA1);
            for (let i = 0; i < index.count; i++) index.at(i);
            index.verify(SHA1);
          } else {
            const graph = new CommitGraph([source], SHA1);
            for (const id of graph.ids()) graph.find(id);
            graph.verify(SHA1);
          }
        } catch (error) {
          if (!isExpected(error)) throw new Error(`${entry.name}: ${error}`, { cause: error });
        }
      }
    }
    assertEquals(read > 0, true);
  },
});
