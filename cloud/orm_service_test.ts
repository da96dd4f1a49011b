import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sql, sqlite } from "../orm/mod.ts";
import { ormService } from "./orm_service.ts";
import { Stack } from "./stack.ts";
import { webConsole } from "./web_console.ts";

Deno.test("The database service keeps its data, and has a page with tables, rows and statements", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    for (const round of [1, 2]) {
      const orm = ormService();
      await using stack = new Stack([orm, webConsole({ port: 0 })], { dataDir });
      await stack.start();
      assertEquals(orm.state, "running");
      assertEquals(orm.endpoints[0]!.url, `sqlite:${dataDir}/orm/stack.db`);
      const { url } = stack.services[1]!.endpoints[0]!;
      const page = async (query = "") => await (await fetch(`${url}orm${query}`)).text();
      const post = async (statement: string, what = "run") => {
        const body = new URLSearchParams({ statement, do: what });
        return await (await fetch(`${url}orm`, { method: "POST", body })).text();
      };
      if (round === 1) {
        assertStringIncludes(await page(), "Nina Simone");
        assertStringIncludes(await page("?table=albums"), "Computerwelt");
        assertStringIncludes(await page("?table=nowhere"), "There is no table nowhere");
        const made = await post('CREATE TABLE "<b>\'x" (a)');
        assertStringIncludes(made, "Done: 0 rows changed.");
        assert(!made.includes("<b>'x"));
        const filled = await post(
          `INSERT INTO "<b>'x" SELECT value FROM (WITH RECURSIVE c (value) AS
            (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 60) SELECT value FROM c)`,
        );
        assertStringIncludes(filled, "Done: 60 rows changed.");
      } else {
        const last = await page(`?table=${encodeURIComponent("<b>'x")}&page=3`);
        assertStringIncludes(last, "rows 51 to 60");
        assertStringIncludes(last, "page=2");
        const many = await post('SELECT a, NULL AS n FROM "<b>\'x", artists');
        assertStringIncludes(many, "The first 200 rows; there are more.");
        assertStringIncludes(many, "NULL");
        const plan = await post("SELECT * FROM albums WHERE artist_id = 1", "explain");
        assertStringIncludes(plan, "SEARCH albums USING INDEX albums_artist_id_index");
        assertStringIncludes(await post("SELEC 1"), "(syntax)");
        assertStringIncludes(await post("SELECT 1; DROP TABLE artists"), "one statement at a time");
        assertStringIncludes(await post("DROP TABLE albums"), "Done");
      }
    }
    await using db = sqlite(`${dataDir}/orm/stack.db`);
    assertEquals(await db.query(sql`SELECT count(*) AS n FROM artists`), [{ n: 4 }]);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
