import { join, resolve } from "@std/path";
import { CorruptionError, Database, DatabaseLockedError } from "../kv/mod.ts";
import { kvPage } from "./console/kv.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext } from "./service.ts";

/**
 * A service that opens a key-value store in the folder `kv` of the data folder, with a few entries to
 * begin with, and as a page of the console. While it runs, no other program can open the store.
 */
export function kvService(): Service {
  return new KvService();
}

class KvService extends ManagedService {
  readonly name = "kv";
  readonly description = "A key-value store in LevelDB's format, with a page for keys and levels.";
  readonly page: ConsolePage = kvPage(() => this.#open);
  #open: { db: Database; path: string } | undefined;

  protected override async open(context: ServiceContext): Promise<Endpoint[]> {
    const path = join(resolve(context.dataDir), this.name);
    let db: Database;
    try {
      db = await Database.open(path);
    } catch (error) {
      if (error instanceof DatabaseLockedError) {
        const holder = error.pid === undefined ? "another process" : `process ${error.pid}`;
        throw new Error(`${holder} has ${path} open; stop it, or choose another folder`, {
          cause: error,
        });
      }
      if (error instanceof CorruptionError) {
        throw new Error(`${error.message}; "deno task kv --db ${path} repair" keeps the rest`, {
          cause: error,
        });
      }
      throw error;
    }
    try {
      await fill(db);
    } catch (error) {
      await db.close();
      throw error;
    }
    this.#open = { db, path };
    return [{
      label: "LevelDB folder",
      url: path,
      hint: "One process at a time: stop the stack to open it elsewhere.",
    }];
  }

  protected override async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.db.close();
  }
}

const PLANETS: readonly (readonly [name: string, moons: number, radiusKm: number])[] = [
  ["mercury", 0, 2439.7],
  ["venus", 0, 6051.8],
  ["earth", 1, 6371],
  ["mars", 2, 3389.5],
  ["jupiter", 97, 69911],
  ["saturn", 274, 58232],
  ["uranus", 29, 25362],
  ["neptune", 16, 24622],
];

/** Puts the sample into a database that is new. What an operator has removed stays away. */
async function fill(db: Database): Promise<void> {
  if (db.sequence > 0) return;
  const planets = db.namespace("planets", { keyEncoding: "utf8", valueEncoding: "json" });
  const radii = db.namespace("radii", { keyEncoding: "tuple", valueEncoding: "utf8" });
  await db.write(PLANETS.flatMap(([name, moons, radiusKm]) => [
    planets.putOperation(name, { moons, radiusKm }),
    radii.putOperation([radiusKm, name], name),
  ]));
}
