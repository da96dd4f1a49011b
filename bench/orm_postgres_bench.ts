/**
 * The PostgreSQL driver against `postgres` and `pg` from npm, on one private server on 127.0.0.1
 * without TLS. Each client does what its documentation says is the fast way; all prepare their
 * statements. Without PostgreSQL installed nothing is measured.
 */
import { Buffer } from "node:buffer";
import pg from "npm:pg@8.16.3";
import copyStreams from "npm:pg-copy-streams@7.0.0";
import postgres from "npm:postgres@3.4.7";
import { cluster, unavailable } from "../orm/postgres/_test_cluster.ts";
import { PostgresConnection, PostgresPool } from "../orm/postgres/mod.ts";

const ROWS = 100_000;
const SELECT = "SELECT id, name, score FROM bench_rows WHERE id = $1";
const SELECT_ALL = "SELECT id, name, score FROM bench_rows";
const INSERT = "INSERT INTO bench_sink VALUES ($1, $2, $3)";

if (unavailable !== undefined) console.log(`Nothing is measured: ${unavailable}`);
else await measure();

async function measure(): Promise<void> {
  const url = await cluster.createDatabase();
  const ours = await PostgresConnection.connect(url);
  await ours.script(`CREATE TABLE bench_rows (id int4 PRIMARY KEY, name text, score float8);
    INSERT INTO bench_rows SELECT i, 'the name of ' || i, i / 7.0 FROM generate_series(1, ${ROWS}) i;
    CREATE TABLE bench_sink (id int4, name text, score float8)`);
  await ours.script("VACUUM ANALYZE bench_rows");
  // Opened one after the other, so that a peer that fails to connect says so by itself.
  const base = { max: 1, ssl: false, onnotice: () => {}, idle_timeout: 0 } as const;
  const plain = url.replace(/\?.*/, "");
  const sql = postgres(plain, base);
  await sql`select 1`;
  const client = new pg.Client({ connectionString: plain });
  await client.connect();
  const ourPool = new PostgresPool(url, { max: 10 });
  const theirPool = postgres(plain, { ...base, max: 10 });
  const pgPool = new pg.Pool({ connectionString: plain, max: 10 });

  const ids = Array.from({ length: 1_000 }, (_, i) => (i * 7919) % ROWS + 1);
  const named = { name: "point", text: SELECT };

  let group = "1,000 point selects pipelined on one connection";
  Deno.bench("groundwork", { group, baseline: true }, async () => {
    await Promise.all(ids.map((id) => ours.query(SELECT, [id])));
  });
  Deno.bench("postgres", { group }, async () => {
    await Promise.all(
      ids.map((id) => sql`SELECT id, name, score FROM bench_rows WHERE id = ${id}`),
    );
  });
  Deno.bench("pg", { group }, async () => {
    await Promise.all(ids.map((id) => client.query({ ...named, values: [id] })));
  });

  group = "100,000 rows of 3 columns";
  Deno.bench("groundwork", { group, baseline: true }, async () => {
    await ours.query(SELECT_ALL);
  });
  Deno.bench("postgres", { group }, async () => {
    await sql`SELECT id, name, score FROM bench_rows`;
  });
  Deno.bench("pg", { group }, async () => {
    await client.query({ name: "all", text: SELECT_ALL });
  });

  let at = 0;
  const nextId = () => ids[at++ % ids.length]!;
  group = "one awaited point select";
  Deno.bench("groundwork", { group, baseline: true }, async () => {
    await ours.query(SELECT, [nextId()]);
  });
  Deno.bench("postgres", { group }, async () => {
    await sql`SELECT id, name, score FROM bench_rows WHERE id = ${nextId()}`;
  });
  Deno.bench("pg", { group }, async () => {
    await client.query({ ...named, values: [nextId()] });
  });

  group = "1,000 inserts in one transaction";
  Deno.bench("groundwork", { group, baseline: true }, async () => {
    await ours.batch(ids.map((id) => ({ text: INSERT, parameters: [id, "name", id / 7] })));
  });
  Deno.bench("postgres", { group }, async () => {
    await sql.begin((inner) =>
      ids.map((id) => inner`INSERT INTO bench_sink VALUES (${id}, ${"name"}, ${id / 7})`)
    );
  });
  Deno.bench("pg", { group }, async () => {
    await client.query("BEGIN");
    await Promise.all(
      ids.map((id) => client.query({ name: "insert", text: INSERT, values: [id, "name", id / 7] })),
    );
    await client.query("COMMIT");
  });

  const lines: string[] = [];
  for (let i = 0; i < ROWS; i += 1_000) {
    let part = "";
    for (let j = i; j < i + 1_000; j++) part += `${j}\tthe name of ${j}\t${j / 8}\n`;
    lines.push(part);
  }
  const COPY = "COPY bench_sink FROM STDIN";
  const buffers = lines.map((part) => Buffer.from(part));
  const TRUNCATE = "TRUNCATE bench_sink";
  group = "COPY of 100,000 rows in";
  Deno.bench("groundwork", { group, baseline: true }, async (bench) => {
    await ours.query(TRUNCATE);
    bench.start();
    const { writable, rowCount } = ours.copyIn(COPY);
    const writer = writable.getWriter();
    for (const part of buffers) await writer.write(part);
    await writer.close();
    await rowCount;
    bench.end();
  });
  /** Feeds a Node stream as fast as it takes the data, and waits for its end. */
  const feed = async (stream: NodeJS.WritableStream): Promise<void> => {
    const finished = new Promise<void>((resolve, reject) => {
      stream.on("finish", () => resolve());
      stream.on("error", reject);
    });
    for (const part of buffers) {
      if (!stream.write(part)) {
        await new Promise<void>((resolve) => stream.once("drain", () => resolve()));
      }
    }
    stream.end();
    await finished;
  };
  Deno.bench("postgres", { group }, async (bench) => {
    await sql.unsafe(TRUNCATE);
    bench.start();
    await feed(await sql.unsafe(COPY).writable());
    bench.end();
  });
  Deno.bench("pg", { group }, async (bench) => {
    await client.query(TRUNCATE);
    bench.start();
    await feed(client.query(copyStreams.from(COPY)));
    bench.end();
  });

  group = "1,000 point selects by 50 callers on a pool of 10";
  const callers = async (select: (id: number) => PromiseLike<unknown>): Promise<void> => {
    await Promise.all(Array.from({ length: 50 }, async (_, caller) => {
      for (let i = 0; i < 20; i++) await select(ids[caller * 20 + i]!);
    }));
  };
  Deno.bench("groundwork", { group, baseline: true }, async () => {
    await callers((id) => ourPool.query(SELECT, [id]));
  });
  Deno.bench("postgres", { group }, async () => {
    await callers((id) => theirPool`SELECT id, name, score FROM bench_rows WHERE id = ${id}`);
  });
  Deno.bench("pg", { group }, async () => {
    await callers((id) => pgPool.query({ ...named, values: [id] }));
  });
}
