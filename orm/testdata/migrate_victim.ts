/**
 * A program that tests kill: it migrates the SQLite file that its first argument names by the text in
 * the file that the second names, and ends itself with SIGKILL before the statement whose number is
 * the third. It imports nothing that needs an import map.
 */
import type { Driver, DriverConnection } from "../driver.ts";
import { migrateUp } from "../migrate.ts";
import { Database } from "../session.ts";
import { splitStatements } from "../_sql_tokens.ts";
import { SqliteDriver } from "../sqlite_driver.ts";

async function main(path: string, file: string, stop: string): Promise<void> {
  const up = Deno.readTextFileSync(file);
  const inner = new SqliteDriver(path);
  let left = Number(stop);
  const countdown = () => {
    if (left-- === 0) Deno.kill(Deno.pid, "SIGKILL");
  };
  /** A connection that runs what it is given a statement at a time. */
  const counted = (connection: DriverConnection): DriverConnection => ({
    ...connection,
    execute(query, options) {
      countdown();
      return connection.execute(query, options);
    },
    script(text) {
      const { statements, rest } = splitStatements(text);
      for (const statement of rest.trim() === "" ? statements : [...statements, rest]) {
        countdown();
        connection.script(statement);
      }
    },
  });
  const driver: Driver = {
    dialect: inner.dialect,
    acquire: async (signal) => counted(await inner.acquire(signal)),
    execute: (query, options) => inner.execute(query, options),
    stream: (query, options) => inner.stream(query, options),
    close: () => inner.close(),
  };
  await using db = new Database(driver);
  await migrateUp(db, [{ name: "0001", up, down: "" }], { allowLoss: true });
}

if (import.meta.main) await main(...Deno.args as [string, string, string]);
