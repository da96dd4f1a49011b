/**
 * Git workloads on a real repository: groundwork's command against Git's own (each as a process, on
 * the same files), and against isomorphic-git and just-git, which are libraries and run in this
 * process, without a start to pay for.
 *
 * `GROUNDWORK_GIT_REPOSITORY` names the repository: a bare one or a worktree's `.git`, complete, which
 * is only read. Without it nothing is registered. Worktrees of 3,000 and 100,000 files are made in a
 * temporary folder. The group "start" is what `status` takes in an empty repository: subtract it from
 * the others to see the work alone. `GROUNDWORK_GIT_BLAME` names the file that is blamed, the file
 * with the most commits of the last 500 if unset.
 *
 * A line of JSON before the report gives the sizes of packs made from scratch.
 *
 * @module
 */
import iso, { type HttpClient } from "npm:isomorphic-git@1.44.11";
import { createGit, type FileSystem } from "npm:just-git@1.7.1";
import fs from "node:fs";
import { createGitHost } from "../git/host.ts";

const repository = Deno.env.get("GROUNDWORK_GIT_REPOSITORY");
const cli = new URL("../git/cli.ts", import.meta.url).pathname;
const importMap = new URL("../.ci/std_npm.json", import.meta.url).pathname;

type Tool = [command: string, ...before: string[]];
const OURS: Tool = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  "--quiet",
  ...(Deno.env.get("GROUNDWORK_NPM_STD") === "1" ? [`--import-map=${importMap}`] : []),
  cli,
];
const GIT: Tool = ["git"];

async function run(tool: Tool, cwd: string, ...args: string[]): Promise<string> {
  const [command, ...before] = tool;
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...before, ...args],
    cwd,
    stdin: "null",
    env: { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
  }).output();
  if (code !== 0) {
    throw new Error(`${args.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

/** A worktree of folders of 100 files, committed. */
async function makeWorktree(directory: string, folders: number): Promise<string> {
  for (let d = 0; d < folders; d++) {
    const folder = `${directory}/d${d >> 5}/f${d}`;
    await Deno.mkdir(folder, { recursive: true });
    for (let i = 0; i < 100; i++) {
      Deno.writeTextFileSync(`${folder}/file${i}.txt`, `${d} ${i}\n`.repeat(5));
    }
  }
  await run(GIT, directory, "init", "-q");
  await run(GIT, directory, "add", "-A");
  await run(
    GIT,
    directory,
    ...["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all"],
  );
  return directory;
}

/** The file system of this machine as just-git wants it. */
const disk: FileSystem = {
  readFile: (path) => Deno.readTextFile(path),
  readFileBuffer: (path) => Deno.readFile(path),
  writeFile: (path, content) =>
    typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content),
  exists: (path) => Deno.lstat(path).then(() => true, () => false),
  stat: (path) => Deno.stat(path).then(statOf),
  lstat: (path) => Deno.lstat(path).then(statOf),
  mkdir: (path, options) => Deno.mkdir(path, { recursive: options?.recursive ?? false }),
  readdir: async (path) => (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name),
  rm: (path, options) => Deno.remove(path, { recursive: options?.recursive ?? false }),
  readlink: (path) => Deno.readLink(path),
  symlink: (target, path) => Deno.symlink(target, path),
};

function statOf(info: Deno.FileInfo) {
  return {
    isFile: info.isFile,
    isDirectory: info.isDirectory,
    isSymbolicLink: info.isSymlink,
    mode: info.mode ?? 0o100644,
    size: info.size,
    mtime: info.mtime ?? new Date(0),
  };
}

async function justGit(cwd: string, command: string): Promise<void> {
  const git = createGit({ fs: disk, cwd });
  const { exitCode, stderr } = await git.exec(command);
  if (exitCode !== 0) throw new Error(`just-git ${command}: ${stderr}`);
}

/** isomorphic-git's requests over `fetch`. */
const http: HttpClient = {
  async request({ url, method, headers, body }) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    if (body !== undefined) { for await (const part of body) parts.push(new Uint8Array(part)); }
    const response = await fetch(url, {
      method: method ?? "GET",
      headers: headers ?? {},
      ...(parts.length > 0 ? { body: new Blob(parts) } : {}),
    });
    return {
      url: response.url,
      method: method ?? "GET",
      statusCode: response.status,
      statusMessage: response.statusText,
      headers: Object.fromEntries(response.headers),
      body: response.body!.values(),
    };
  },
};

interface Workload {
  group: string;
  n: number;
  /** Done before each run, outside of the time. */
  before?: (name: string) => Promise<unknown>;
  peers: Record<string, (() => Promise<unknown>) | undefined>;
}

function register({ group, n, before, peers }: Workload): void {
  for (const [name, fn] of Object.entries(peers)) {
    if (fn === undefined) continue;
    Deno.bench({
      name,
      group,
      n,
      warmup: 0,
      baseline: name === "groundwork",
      async fn(b) {
        await before?.(name);
        b.start();
        await fn();
        b.end();
      },
    });
  }
}

async function main(source: string): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "git_bench_" });
  addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
  const empty = `${root}/empty`;
  await run(GIT, root, "init", "-q", empty);
  const bare = `${root}/copy.git`;
  await run(GIT, root, "clone", "-q", "--bare", "--no-hardlinks", source, bare);
  await run(GIT, bare, "repack", "-a", "-d", "-q");
  const pack = Array.from(Deno.readDirSync(`${bare}/objects/pack`), ({ name }) => name)
    .find((name) => name.endsWith(".pack"))!;
  const small = await makeWorktree(`${root}/small`, 30);
  const large = await makeWorktree(`${root}/large`, 1000);
  const blamed = Deno.env.get("GROUNDWORK_GIT_BLAME") ?? await busiestFile(bare);
  const both = (cwd: string, ...args: string[]) => ({
    groundwork: () => run(OURS, cwd, ...args),
    git: () => run(GIT, cwd, ...args),
  });
  const isoOf = (gitdir: string) => ({ fs, dir: gitdir, gitdir });

  register({ group: "start", n: 5, peers: both(empty, "status", "--porcelain") });
  for (const [count, dir, n] of [["3,000", small, 5], ["100,000", large, 2]] as const) {
    register({
      group: `status of ${count} files`,
      n,
      peers: {
        ...both(dir, "status", "--porcelain"),
        "isomorphic-git": () => iso.statusMatrix({ fs, dir }),
        // One run takes it more than a minute on 100,000 files.
        "just-git": dir === small ? () => justGit(dir, "git status --porcelain") : undefined,
      },
    });
  }
  register({
    group: "log --oneline",
    n: 3,
    peers: {
      ...both(bare, "log", "--oneline"),
      "isomorphic-git": () => iso.log(isoOf(bare)),
      "just-git": () => justGit(bare, "git log --oneline"),
    },
  });
  register({
    group: "rev-list --objects --all",
    n: 3,
    peers: both(bare, "rev-list", "--objects", "--all"),
  });
  register({
    group: `blame ${blamed}`,
    n: 3,
    peers: both(bare, "blame", "HEAD", "--", blamed),
  });

  const checkout = `${root}/checkout`;
  register({
    group: "checkout of all files",
    n: 3,
    before: async () => {
      await Deno.remove(checkout, { recursive: true }).catch(() => {});
      await run(GIT, root, "clone", "-q", "--no-checkout", bare, checkout);
    },
    peers: {
      ...both(checkout, "checkout", "-q", "-f", "HEAD"),
      "isomorphic-git": () => iso.checkout({ fs, dir: checkout, force: true }),
    },
  });

  const indexed = `${root}/indexed`;
  register({
    group: "index-pack",
    n: 2,
    before: async () => {
      await Deno.remove(indexed, { recursive: true }).catch(() => {});
      await Deno.mkdir(indexed);
      await Deno.copyFile(`${bare}/objects/pack/${pack}`, `${indexed}/it.pack`);
    },
    peers: {
      ...both(empty, "index-pack", "-o", `${indexed}/it.idx`, `${indexed}/it.pack`),
      "isomorphic-git": () =>
        iso.indexPack({ fs, dir: indexed, gitdir: indexed, filepath: "it.pack" }),
    },
  });

  // Served while it is asked for only: an open listener would keep the process from ending.
  const cloned = `${root}/cloned`;
  const host = createGitHost({ root });
  const overLoopback = (client: (url: string) => Promise<unknown>) => async () => {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, host);
    try {
      await client(`http://127.0.0.1:${server.addr.port}/copy.git`);
    } finally {
      await server.shutdown();
    }
  };
  register({
    group: "clone over loopback",
    n: 2,
    before: () => Deno.remove(cloned, { recursive: true }).catch(() => {}),
    peers: {
      groundwork: overLoopback((url) => run(OURS, root, "clone", "-q", url, cloned)),
      git: overLoopback((url) => run(GIT, root, "clone", "-q", url, cloned)),
      "isomorphic-git": overLoopback((url) => iso.clone({ fs, http, dir: cloned, url })),
    },
  });

  const repacked = `${root}/repacked.git`;
  const sizes: Record<string, number> = {};
  const repack = (tool: Tool, name: string) => async () => {
    await run(tool, repacked, "repack", "-a", "-d", "-f", "-q");
    sizes[name] = Array.from(Deno.readDirSync(`${repacked}/objects/pack`))
      .filter((entry) => entry.name.endsWith(".pack"))
      .reduce(
        (sum, entry) => sum + Deno.statSync(`${repacked}/objects/pack/${entry.name}`).size,
        0,
      );
    const { groundwork, git } = sizes;
    if (groundwork === undefined || git === undefined) return;
    console.log(JSON.stringify({
      group: "size of a pack from scratch",
      ours: groundwork,
      peer: "git",
      peerValue: git,
      ratio: git / groundwork,
      unit: "bytes",
    }));
  };
  register({
    group: "repack -a -d -f",
    n: 1,
    before: async () => {
      await Deno.remove(repacked, { recursive: true }).catch(() => {});
      await run(GIT, root, "clone", "-q", "--bare", "--no-hardlinks", bare, repacked);
    },
    peers: { groundwork: repack(OURS, "groundwork"), git: repack(GIT, "git") },
  });
}

/** The file that most of the last commits changed and that is still there. */
async function busiestFile(repository: string): Promise<string> {
  const names = await run(GIT, repository, "log", "-500", "--format=", "--name-only");
  const there = new Set(
    (await run(GIT, repository, "ls-tree", "-r", "--name-only", "HEAD")).split("\n"),
  );
  const counts = new Map<string, number>();
  for (const name of names.split("\n")) {
    if (name !== "" && there.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]![0];
}

if (repository !== undefined) await main(repository);
