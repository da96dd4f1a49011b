/**
 * A private PostgreSQL server for tests, started once for each test process.
 *
 * Test files run in separate module graphs within one process, so what they share is on disk: a
 * folder named after the process. A watcher outside the process ends the server and removes the
 * folder once the process is gone, however it ended.
 *
 * @module
 */

/** A running server that tests may do anything with. */
export interface TestCluster {
  /** The server's port on 127.0.0.1. */
  readonly port: number;
  /** The folder of the Unix socket `.s.PGSQL.<port>`; empty where the server is somebody else's. */
  readonly socketDirectory: string;
  /** The file of the authority that signed the server's certificate; empty as above. */
  readonly caFile: string;
  /** The superuser's URL without TLS, on the database `postgres`. */
  readonly url: string;
  /** The superuser's name and password. */
  readonly user: string;
  readonly password: string;
  /** Whether the server is the private one, with the roles and certificates described below. */
  readonly isPrivate: boolean;
  /** Makes an empty database and gives its URL (superuser, `sslmode=disable`). */
  createDatabase(): Promise<string>;
  /** Starts a standby of the private server, with the same roles, on a port of its own. */
  startStandby(): Promise<SecondServer>;
  /** Starts a server that has nothing to do with the first, with the same roles. */
  startOther(): Promise<SecondServer>;
  /** Runs a script as superuser over the Unix socket with `psql`. */
  psql(script: string, database?: string): Promise<string>;
}

/** A second server. */
export interface SecondServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Ends it and removes its files; a second call does nothing. */
  stop(): Promise<void>;
}

/**
 * Roles of the private cluster besides the superuser `postgres` (password `postgres`, SCRAM):
 * `gw_scram` (SCRAM, password `pencil`), `gw_md5` (MD5, `md5 secret`), `gw_clear` (password in
 * clear, `clear secret`), `gw_trust` (none), `gw_tls` (SCRAM over TLS only, `pencil`), `gw_prep`
 * (SCRAM; its password needs SASLprep) and `gw_cert` (the certificate `client.crt` beside `caFile`).
 */
const SETUP = `
ALTER ROLE postgres PASSWORD 'postgres';
CREATE ROLE gw_scram LOGIN PASSWORD 'pencil';
CREATE ROLE gw_trust LOGIN;
CREATE ROLE gw_cert LOGIN;
CREATE ROLE gw_tls LOGIN PASSWORD 'pencil';
CREATE ROLE gw_clear LOGIN PASSWORD 'clear secret';
CREATE ROLE gw_prep LOGIN PASSWORD U&'I\\00ADX \\2168';
SET password_encryption = 'md5';
CREATE ROLE gw_md5 LOGIN PASSWORD 'md5 secret';
`;

const HBA = `
local   all all                  scram-sha-256
host    all gw_md5   127.0.0.1/32 md5
host    all gw_clear 127.0.0.1/32 password
host    all gw_trust 127.0.0.1/32 trust
hostssl all gw_cert  127.0.0.1/32 cert
hostssl all gw_tls   127.0.0.1/32 scram-sha-256
hostnossl all gw_tls 127.0.0.1/32 reject
host    all all      127.0.0.1/32 scram-sha-256
host    replication all 127.0.0.1/32 scram-sha-256
`;

/** Ends the servers when the process with the pid `$1` is gone; `$2` is the folder. */
const WATCHER = `
while kill -0 "$1" 2>/dev/null; do sleep 0.2; done
for file in "$2"/*/postmaster.pid "$2"/*/data/postmaster.pid; do
  pid=$(head -n 1 "$file" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -INT "$pid"
    n=0
    while kill -0 "$pid" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
  fi
done
rm -rf "$2"
`;

async function run(
  command: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    stdout: "piped",
    stderr: "piped",
    ...options,
  }).output();
  // What is not piped cannot be read.
  const read = (name: "stdout" | "stderr"): string =>
    options[name] === "null" ? "" : new TextDecoder().decode(output[name]);
  if (!output.success) {
    throw new Error(`${command} failed: ${read("stdout")}${read("stderr")}`);
  }
  return read("stdout");
}

/** Where the server's programs are: the newest of Debian's folders, or wherever PATH leads. */
function findPrograms(): string | undefined {
  const candidates: string[] = [];
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map((entry) => entry.name);
    versions.sort((a, b) => Number(b) - Number(a));
    candidates.push(...versions.map((version) => `/usr/lib/postgresql/${version}/bin`));
  } catch {
    // Not a Debian system.
  }
  candidates.push(...(Deno.env.get("PATH") ?? "").split(":"));
  return candidates.find((folder) => {
    try {
      return Deno.statSync(`${folder}/initdb`).isFile && Deno.statSync(`${folder}/postgres`).isFile;
    } catch {
      return false;
    }
  });
}

/** Makes an authority, a certificate for `localhost` and 127.0.0.1, and one for a client. */
async function makeCertificates(folder: string, identity: Deno.CommandOptions): Promise<void> {
  const openssl = (...args: string[]) => run("openssl", args, { ...identity, cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-days", "30", "-subj", "/CN=groundwork test authority"];
  await openssl("req", "-x509", ...key, ...authority, "-keyout", "ca.key", "-out", "ca.crt");
  await openssl("req", ...key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "s.csr");
  await Deno.writeTextFile(`${folder}/s.ext`, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  await openssl("req", ...key, "-subj", "/CN=gw_cert", "-keyout", "client.key", "-out", "c.csr");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "s.ext"];
  await openssl("x509", "-req", "-in", "s.csr", ...signed, "-days", "30", "-out", "server.crt");
  await openssl("x509", "-req", "-in", "c.csr", ...signed, "-days", "30", "-out", "client.crt");
  await Deno.chmod(`${folder}/server.key`, 0o600);
}

/** Whose processes the server's are: it refuses to run as root. */
async function identityOf(folder: string): Promise<{ cwd: string; uid?: number; gid?: number }> {
  if (Deno.uid() !== 0) return { cwd: folder };
  const uid = Number(await run("id", ["-u", "postgres"]));
  const gid = Number(await run("id", ["-g", "postgres"]));
  return { uid, gid, cwd: folder };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

async function startStandby(
  folder: string,
  primary: number,
  programs: string,
): Promise<SecondServer> {
  const identity = await identityOf(folder);
  const port = freePort();
  const data = `standby_${port}`;
  const from = ["-h", "127.0.0.1", "-p", String(primary), "-U", "postgres"];
  await run(
    `${programs}/pg_basebackup`,
    [...from, "-D", data, "-R", "-X", "stream", "-c", "fast"],
    {
      ...identity,
      env: { PGPASSWORD: "postgres" },
    },
  );
  await Deno.writeTextFile(`${folder}/${data}/postgresql.auto.conf`, `port = ${port}\n`, {
    append: true,
  });
  const quiet = { ...identity, stdout: "null", stderr: "null" } as const;
  const control = ["-D", data, "-w", "-t", "60", "-s"];
  await run(`${programs}/pg_ctl`, [...control, "-l", `${folder}/${data}.log`, "start"], quiet);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await run(`${programs}/pg_ctl`, [...control, "-m", "immediate", "stop"], quiet);
    await Deno.remove(`${folder}/${data}`, { recursive: true });
  };
  return { port, stop: () => stopped ??= stop() };
}

async function start(folder: string, programs: string): Promise<number> {
  const identity = await identityOf(folder);
  if (identity.uid !== undefined) await Deno.chown(folder, identity.uid, identity.gid!);
  const init = ["-D", "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"];
  await Promise.all([
    run(`${programs}/initdb`, [...init, "--locale=C.UTF-8"], identity),
    makeCertificates(folder, identity),
  ]);
  const port = freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    ssl: "on",
    ssl_cert_file: `${folder}/server.crt`,
    ssl_key_file: `${folder}/server.key`,
    ssl_ca_file: `${folder}/ca.crt`,
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    max_connections: 100,
    wal_level: "logical",
    max_prepared_transactions: 10,
    password_encryption: "scram-sha-256",
    timezone: "UTC",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  await Deno.writeTextFile(`${folder}/data/postgresql.auto.conf`, lines.join(""));
  const control = ["-D", "data", "-w", "-t", "60", "-l", `${folder}/log`, "-s"];
  const quiet = { ...identity, stdout: "null", stderr: "null" } as const;
  await run(`${programs}/pg_ctl`, [...control, "start"], quiet).catch(async (error) => {
    throw new Error(`${error.message}\n${await Deno.readTextFile(`${folder}/log`)}`);
  });
  const connect = ["-h", folder, "-p", String(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1"];
  await run(`${programs}/psql`, [...connect, "-q", "-c", SETUP, "postgres"]);
  await Deno.writeTextFile(`${folder}/data/pg_hba.conf`, HBA);
  await run(`${programs}/pg_ctl`, ["-D", "data", "-s", "reload"], quiet);
  return port;
}

async function startOther(folder: string, programs: string): Promise<SecondServer> {
  const own = `${folder}/other`;
  await Deno.mkdir(own, { mode: 0o755 });
  const port = await start(own, programs);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    const quiet = { ...await identityOf(own), stdout: "null", stderr: "null" } as const;
    await run(`${programs}/pg_ctl`, ["-D", "data", "-w", "-s", "-m", "immediate", "stop"], quiet);
    await Deno.remove(own, { recursive: true });
  };
  return { port, stop: () => stopped ??= stop() };
}

function describe(folder: string, port: number, programs: string): TestCluster {
  const url = (database: string) =>
    `postgres://postgres:postgres@127.0.0.1:${port}/${database}?sslmode=disable`;
  const psql = (script: string, database = "postgres") =>
    run(
      `${programs}/psql`,
      ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-qAtX", "-c", script, database],
      { env: { PGPASSWORD: "postgres" } },
    );
  return {
    port,
    socketDirectory: folder,
    caFile: `${folder}/ca.crt`,
    url: url("postgres"),
    user: "postgres",
    password: "postgres",
    isPrivate: true,
    startStandby: () => startStandby(folder, port, programs),
    startOther: () => startOther(folder, programs),
    psql,
    async createDatabase() {
      const name = `gw_${crypto.randomUUID().replaceAll("-", "")}`;
      await psql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
      return url(name);
    },
  };
}

function existing(url: string): TestCluster {
  const parsed = new URL(url);
  const psql = (script: string, database?: string) => {
    const target = new URL(url);
    if (database !== undefined) target.pathname = `/${database}`;
    return run("psql", ["-qAtX", "-c", script, target.href]);
  };
  return {
    port: Number(parsed.port || 5432),
    socketDirectory: "",
    caFile: "",
    url,
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    isPrivate: false,
    startStandby: () => Promise.reject(new Error("The server is somebody else's")),
    startOther: () => Promise.reject(new Error("The server is somebody else's")),
    psql,
    async createDatabase() {
      const name = `gw_${crypto.randomUUID().replaceAll("-", "")}`;
      await psql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
      const target = new URL(url);
      target.pathname = `/${name}`;
      return target.href;
    },
  };
}

/**
 * The process' server, started on the first call; or why there is none. Call it at the top level of
 * a test file: within a test the sanitizers would see its processes.
 */
async function open(): Promise<TestCluster | string> {
  const url = Deno.env.get("GROUNDWORK_POSTGRES_URL");
  if (url) return existing(url);
  const programs = findPrograms();
  if (programs === undefined) return "PostgreSQL is not installed";
  const temporary = Deno.env.get("TMPDIR") ?? "/tmp";
  const folder = `${temporary}/groundwork-postgres-${Deno.pid}`;
  try {
    Deno.mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    // Another test file of this process is starting it, or has.
    for (let waited = 0; waited < 60_000; waited += 50) {
      const answer = await Deno.readTextFile(`${folder}/answer`).catch(() => "");
      if (answer !== "") {
        return /^\d+$/.test(answer) ? describe(folder, Number(answer), programs) : answer;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return `${folder} is in the way`;
  }
  // In a session of its own, with nothing of ours open.
  const watch = 'setsid sh -c "$0" watcher "$1" "$2" </dev/null >/dev/null 2>&1 &';
  await run("sh", ["-c", watch, WATCHER, String(Deno.pid), folder]);
  let answer: string;
  let result: TestCluster | string;
  try {
    const port = await start(folder, programs);
    result = describe(folder, port, programs);
    answer = String(port);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    result = answer = `PostgreSQL did not start: ${message.split("\n")[0]}`;
  }
  await Deno.writeTextFile(`${folder}/answer.part`, answer);
  await Deno.rename(`${folder}/answer.part`, `${folder}/answer`);
  return result;
}

const found = await open();

/** The server; only tests that {@linkcode postgresTest} registered may read it. */
export const cluster: TestCluster = typeof found === "string"
  ? undefined as unknown as TestCluster
  : found;

/** Why there is no server, or `undefined` if there is one. */
export const unavailable: string | undefined = typeof found === "string" ? found : undefined;

/** Registers a test that needs the server; it is ignored, with the reason, where there is none. */
export function postgresTest(
  name: string,
  run: (test: Deno.TestContext) => Promise<void>,
  options: { needsPrivate?: boolean } = {},
): void {
  const reason = unavailable ??
    (options.needsPrivate && !cluster.isPrivate ? "needs the private server" : undefined);
  if (reason === undefined) Deno.test(name, run);
  else Deno.test({ name: `${name} (ignored: ${reason})`, ignore: true, fn: run });
}
