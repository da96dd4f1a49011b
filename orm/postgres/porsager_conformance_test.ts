/**
 * The test file of the npm package `postgres`, through `_test_porsager.ts`. It is not kept here: a
 * checkout of github.com/porsager/postgres is expected in `$GROUNDWORK_SUITES/porsager_postgres/`.
 */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import process from "node:process";
import { cluster, postgresTest, unavailable } from "./_test_cluster.ts";

const SUITE = `${Deno.env.get("GROUNDWORK_SUITES") ?? "../shared/suites"}/porsager_postgres`;

/** Tests that the compatibility entry does not serve: replication. */
const MISSING = [
  "subscribe",
  "subscribe reconnects and calls onsubscribe",
  "subscribe with transform",
];

interface Case {
  name: string;
  timeoutMs: number;
  run: () => Promise<unknown[]>;
}

/** What the suite's own runner is replaced by: it only collects. */
const RUNNER = `
export const t = (name, options, run) => globalThis.groundworkCases.push(
  typeof options === "function"
    ? { name, timeoutMs: 5000, run: options }
    : { name, timeoutMs: (options.timeout ?? 5) * 1000, run },
);
export const nt = () => {};
export const ot = t;
`;

const ROLES = `
host postgres_js_test postgres_js_test       127.0.0.1/32 trust
host postgres_js_test postgres_js_test_md5   127.0.0.1/32 md5
host postgres_js_test postgres_js_test_scram 127.0.0.1/32 scram-sha-256
local postgres_js_test postgres_js_test trust
`;

/** Copies the suite, with this driver in the place of its own client, and these servers' ports. */
async function prepare(other: number): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const { name, isFile } of Deno.readDirSync(`${SUITE}/tests`)) {
    if (!isFile) continue;
    let text = await Deno.readTextFile(`${SUITE}/tests/${name}`);
    if (name === "test.js") text = RUNNER;
    else if (name.endsWith(".js")) {
      text = text
        .replace("'../src/index.js'", `'${import.meta.resolve("./_test_porsager.ts")}'`)
        .replaceAll(/from '(net|fs|crypto|child_process)'/g, "from 'node:$1'")
        .replaceAll("port: 5433", `port: ${other}`)
        .replaceAll("localhost:5433", `localhost:${other}`)
        .replaceAll("localhost:5432", `localhost:${cluster.port}`)
        .replaceAll("connect(5432)", `connect(${cluster.port})`);
    }
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  return folder;
}

async function runCase({ run, timeoutMs }: Case): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => timer = setTimeout(reject, timeoutMs));
    const [expected, got] = await Promise.race([run().then((all) => Promise.all(all)), late]);
    return expected === got;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

const CLEAN = "DROP TABLE IF EXISTS test, tester, x, students; DROP SCHEMA IF EXISTS a CASCADE; " +
  "DROP PUBLICATION IF EXISTS alltables";

async function runSuite(): Promise<void> {
  const hba = `${cluster.socketDirectory}/data/pg_hba.conf`;
  const before = await Deno.readTextFile(hba);
  await Deno.writeTextFile(hba, ROLES + before);
  await cluster.psql("SELECT pg_reload_conf()");
  const variables = {
    PGHOST: "127.0.0.1",
    PGPORT: String(cluster.port),
    PGUSER: cluster.user,
    PGPASSWORD: cluster.password,
    PGSOCKET: cluster.socketDirectory,
  };
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  const cases: Case[] = [];
  Object.assign(globalThis, { groundworkCases: cases, Buffer, process });
  const other = await cluster.startOther();
  const folder = await prepare(other.port);
  const failed: string[] = [];
  const { log } = console;
  console.log = () => {};
  try {
    await import(`file://${folder}/index.js`);
    for (const one of cases) {
      if (await runCase(one)) continue;
      failed.push(one.name);
      await cluster.psql(CLEAN, "postgres_js_test");
    }
  } finally {
    console.log = log;
    for (const name of Object.keys(variables)) Deno.env.delete(name);
    await Deno.writeTextFile(hba, before);
    await cluster.psql("SELECT pg_reload_conf()");
    await Deno.remove(folder, { recursive: true });
    await other.stop();
  }
  const passed = cases.length - failed.length;
  console.log(`${passed} of ${cases.length} pass; not: ${failed.join(", ")}`);
  assert(cases.length >= 258 && passed >= 240, failed.join(", "));
  assertEquals(failed.sort(), MISSING);
}

function isMissing(): boolean {
  try {
    return !Deno.statSync(`${SUITE}/tests/index.js`).isFile;
  } catch {
    return true;
  }
}

const title = "the tests of the npm package `postgres` pass over this driver";
if (isMissing()) {
  Deno.test({ name: `${title} (ignored: ${SUITE} is missing)`, ignore: true, fn() {} });
} else if (unavailable !== undefined || !cluster.isPrivate) {
  postgresTest(title, runSuite, { needsPrivate: true });
} else {
  // Its connections end by themselves, some time after it.
  Deno.test({ name: title, sanitizeOps: false, sanitizeResources: false, fn: runSuite });
}
