import { join, resolve } from "@std/path";
import { type Column, type Database, integer, sql, sqlite, table, text } from "../orm/mod.ts";
import { ormPage } from "./console/orm.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext } from "./service.ts";

const artists = table("artists", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
});
const albums = table("albums", {
  id: integer().primaryKey(),
  title: text().notNull(),
  year: integer().notNull(),
  artistId: integer().notNull().named("artist_id").references((): Column => artists.id, {
    onDelete: "cascade",
  }),
}, (t) => ({ indexes: [{ columns: [t.artistId] }] }));

const SAMPLE_ARTISTS = ["Nina Simone", "Kraftwerk", "Miriam Makeba", "Django Reinhardt"];
const SAMPLE_ALBUMS: readonly (readonly [title: string, year: number, artistId: number])[] = [
  ["Pastel Blues", 1965, 1],
  ["Autobahn", 1974, 2],
  ["Die Mensch-Maschine", 1978, 2],
  ["Computerwelt", 1981, 2],
  ["Pata Pata", 1967, 3],
  ["Djangology", 1961, 4],
];

/**
 * A service that keeps a SQLite database in the folder `orm` of the data folder, with a few rows to
 * begin with, and as a page of the console: tables, rows, and a box for statements. Other programs
 * may use the file meanwhile.
 */
export function ormService(): Service {
  return new OrmService();
}

class OrmService extends ManagedService {
  readonly name = "orm";
  readonly description = "A SQLite database, with a page for its tables and for statements.";
  readonly page: ConsolePage = ormPage(() => this.#open);
  #open: { db: Database; path: string } | undefined;

  protected override async open(context: ServiceContext): Promise<Endpoint[]> {
    const folder = resolve(context.dataDir, this.name);
    await Deno.mkdir(folder, { recursive: true });
    const path = join(folder, "stack.db");
    // In a thread of its own: the page of a large table must not stop the other services.
    const db = sqlite(path, { workers: 1 });
    try {
      await fill(db);
    } catch (error) {
      await db.close();
      throw error;
    }
    this.#open = { db, path };
    return [{
      label: "SQLite",
      url: `sqlite:${path}`,
      command: `deno run -A jsr:@groundwork/std/orm/cli shell sqlite:${path}`,
    }];
  }

  protected override async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.db.close();
  }
}

/** Puts the sample into a file that is new. What an operator has removed stays away. */
async function fill(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    const [state] = await tx.query<{ user_version: number }>(sql`PRAGMA user_version`);
    if (state?.user_version !== 0) return;
    await tx.createTables(artists, albums);
    await tx.insert(artists).values(SAMPLE_ARTISTS.map((name) => ({ name }))).run();
    await tx.insert(albums).values(
      SAMPLE_ALBUMS.map(([title, year, artistId]) => ({ title, year, artistId })),
    ).run();
    await tx.run(sql`PRAGMA user_version = 1`);
  });
}
