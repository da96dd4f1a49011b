/** What the commands of the SCAN family share. */
import { integer } from "./_args.ts";
import type { Client } from "./_client.ts";
import type { Dict } from "./_dict.ts";
import { globMatch } from "./_glob.ts";
import { parseUint64 } from "./_numbers.ts";
import { CommandError, SYNTAX_ERROR } from "./_values.ts";

/** Steps of one call at most are this many times COUNT, when nothing matches. */
const MAX_COUNT = 10_000_000;

const TYPES = new Set(["string", "list", "set", "zset", "hash", "stream"]);

/** A cursor. @throws the reply. */
export function parseCursor(text: string): number {
  const cursor = parseUint64(text);
  if (cursor === undefined) throw new CommandError("ERR invalid cursor");
  return cursor > 9007199254740991n ? 0 : Number(cursor);
}

/** MATCH, COUNT and (for SCAN) TYPE. @throws the reply. */
export function scanOptions(
  options: readonly string[],
  allowType: boolean,
): { pattern: string | undefined; count: number; type: string | undefined } {
  let pattern: string | undefined;
  let count = 10;
  let type: string | undefined;
  for (let i = 0; i < options.length; i += 2) {
    const option = options[i]!.toLowerCase();
    const next = options[i + 1];
    if (next === undefined) throw SYNTAX_ERROR;
    if (option === "match") pattern = next === "*" ? undefined : next;
    else if (option === "count") {
      count = integer(next);
      if (count < 1) throw SYNTAX_ERROR;
      count = Math.min(count, MAX_COUNT);
    } else if (option === "type" && allowType) {
      type = next.toLowerCase();
      if (!TYPES.has(type)) throw new CommandError(`ERR unknown type name '${next}'`);
    } else throw SYNTAX_ERROR;
  }
  return { pattern, count, type };
}

/** HSCAN, SSCAN and ZSCAN: small tables are given whole. */
export function scanTable<V>(
  client: Client,
  cursorText: string,
  options: readonly string[],
  find: () => Dict<V> | undefined,
  item: (table: Dict<V>, at: number) => string[],
): void {
  const cursor = parseCursor(cursorText);
  const { pattern, count } = scanOptions(options, false);
  const table = find();
  const found: string[] = [];
  let next = 0;
  if (table !== undefined) {
    const steps = table.size <= 128 ? 128 : count;
    next = table.scan(cursor, steps, (at) => {
      if (pattern === undefined || globMatch(pattern, table.keys[at]!)) {
        found.push(...item(table, at));
      }
    });
  }
  client.array(2);
  client.bulk(String(next));
  client.bulks(found);
}
