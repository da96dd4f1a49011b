import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseError, runInProcess, sqlite } from "./mod.ts";

Deno.test("`runInProcess()` runs one statement, bounded in rows, cells and time", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a.db`;
  const code = async (...args: Parameters<typeof runInProcess>) =>
    (await assertRejects(() => runInProcess(...args), DatabaseError)).code;
  try {
    await using db = sqlite(path);
    await db.script("CREATE TABLE t (a); INSERT INTO t VALUES (9007199254740993), (NULL)");
    const [written, read, cut, ...codes] = await Promise.all([
      runInProcess(path, "INSERT INTO t VALUES (x'00ff'), ('long text')"),
      runInProcess(path, "SELECT a, a AS a FROM t LIMIT 2", { readOnly: true }),
      runInProcess(path, "SELECT 'abcdef' AS x, zeroblob(9) AS y", { maxCellLength: 3 }),
      code(path, "INSERT INTO t VALUES (1)", { readOnly: true }),
      code(path, "SELECT * FROM nowhere"),
      code(path, "SELECT 1; SELECT 2"),
      code(path, `ATTACH '${folder}/b.db' AS b`),
      code(
        path,
        "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c ORDER BY -i",
        {
          timeoutMs: 700,
        },
      ),
      code(path, "SELECT 1", { signal: AbortSignal.abort() }),
    ]);
    assertEquals(written.changes, 2);
    assertEquals(read.columns, ["a", "a"]);
    assertEquals(read.rows, [["9007199254740993", "9007199254740993"], [null, null]]);
    assertEquals(cut.rows, [["abc…", "x'000000'…"]]);
    assertEquals(codes.filter((one) => one === "aborted").length >= 1, true);
    assertEquals(codes.slice(0, 2), ["other", "missing_table"]);
    assertEquals(codes.length, 6);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
