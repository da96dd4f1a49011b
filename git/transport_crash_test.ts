import { assert, assertEquals } from "@std/assert";
import { findUnconnected } from "./connectivity.ts";
import { createGitHost } from "./host.ts";
import { Repository } from "./repository.ts";
import { listen, makeHistory, makeRepository } from "./_test_history.ts";
import { HAVE_GIT, ourGit, realGit } from "./_test_support.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const KILLS = SOAK ? 100 : 1;
const COMMITS = SOAK ? 600 : 60;

/** Numbers between 0 and 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function start(cwd: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      ...configuration(),
      new URL("./cli.ts", import.meta.url).href,
      ...args,
    ],
    cwd,
    env: { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_TEST_FSYNC: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

function configuration(): string[] {
  const map = new URL("../.ci/std_npm.json", import.meta.url);
  try {
    Deno.statSync(map);
    return [`--import-map=${map.href}`];
  } catch {
    return [];
  }
}

/** Ends a program without a chance to clean up, after some time. */
async function killAfter(child: Deno.ChildProcess, delayMs: number): Promise<boolean> {
  const timer = setTimeout(() => {
    try {
      child.kill("SIGKILL");
    } catch { /* It was faster. */ }
  }, delayMs);
  const [status] = await Promise.all([child.status, child.stdout.cancel()]);
  clearTimeout(timer);
  return status.signal === "SIGKILL";
}

/** Every ref leads to objects that are all there; nothing that counts is damaged. */
async function assertSound(path: string, context: string): Promise<void> {
  using repository = Repository.open(path);
  const broken = repository.refs.list().filter((ref) => ref.broken);
  assertEquals(broken, [], context);
  const tips = repository.refs.list().map((ref) => ref.id);
  const walk = findUnconnected(repository.objects, tips, []);
  let step = walk.next();
  while (!step.done) step = walk.next();
  assertEquals(step.value, undefined, context);
  if (HAVE_GIT) {
    const { code, err } = await realGit(path, "fsck", "--strict", "--no-dangling");
    assertEquals(code, 0, `${context}: ${err}`);
  }
}

/** Locks that the killed left; like Git, others wait for a person to remove them. */
function removeLocks(directory: string): void {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) removeLocks(path);
    else if (entry.name.endsWith(".lock")) Deno.removeSync(path);
  }
}

async function timed(child: Deno.ChildProcess): Promise<number> {
  const started = performance.now();
  const [status] = await Promise.all([child.status, child.stdout.cancel()]);
  assertEquals(status.success, true);
  return performance.now() - started;
}

Deno.test("a client that is killed while it fetches or pushes leaves both sides sound", async () => {
  const seed = SOAK ? Date.now() % 2 ** 31 : 7;
  const next = random(seed);
  const root = await Deno.makeTempDir();
  await using server = listen(createGitHost({ root }));
  try {
    makeRepository(`${root}/source.git`, { commits: COMMITS, files: 12 });
    const url = `${server.url}/source.git`;
    // A clone that already has something of its own.
    const own = makeRepository(`${root}/first`, { commits: 3, seed: 99, branch: "refs/heads/own" });
    const fetchArgs = ["fetch", "-q", url, "+refs/heads/*:refs/remotes/origin/*"];
    makeRepository(`${root}/first-target.git`, { commits: 2, seed: 50 });
    const pushTo = (name: string): string[] => [
      "push",
      "-q",
      `${server.url}/${name}`,
      "master:refs/heads/new",
    ];
    let fetchMs = 700, pushMs = 700;
    if (SOAK) {
      await copy(`${root}/first`, `${root}/trial`);
      fetchMs = await timed(start(`${root}/trial`, ...fetchArgs));
      await copy(`${root}/first-target.git`, `${root}/trial-target.git`);
      pushMs = await timed(start(`${root}/source.git`, ...pushTo("trial-target.git")));
    }
    for (let i = 0; i < KILLS; i++) {
      const context = `seed ${seed}, kill ${i}`;
      await copy(`${root}/first`, `${root}/copy`);
      await killAfter(start(`${root}/copy`, ...fetchArgs), fetchMs * (0.4 + 0.6 * next()));
      await assertSound(`${root}/copy`, context);
      await copy(`${root}/first-target.git`, `${root}/target.git`);
      await killAfter(
        start(`${root}/source.git`, ...pushTo("target.git")),
        pushMs * (0.4 + 0.6 * next()),
      );
      await assertSound(`${root}/target.git`, context);
      if (i % 10 === 0) {
        // What was left does not stand in the way.
        removeLocks(`${root}/copy`);
        assertEquals((await ourGit(`${root}/copy`, ...fetchArgs)).code, 0, context);
        assertEquals((await ourGit(`${root}/source.git`, ...pushTo("target.git"))).code, 0);
        await assertSound(`${root}/copy`, context);
        await assertSound(`${root}/target.git`, context);
      }
      using repository = Repository.open(`${root}/copy`);
      assertEquals(repository.refs.id("refs/heads/own"), own.at(-1));
      await Deno.remove(`${root}/copy`, { recursive: true });
      await Deno.remove(`${root}/target.git`, { recursive: true });
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a host that is killed during a push is sound, and gc removes what was left", async () => {
  const seed = SOAK ? Date.now() % 2 ** 31 : 11;
  const next = random(seed);
  const root = await Deno.makeTempDir();
  const serving = async (): Promise<{ child: Deno.ChildProcess; url: string }> => {
    const child = start(root, "serve", "--root", root, "--port", "0");
    const reader = child.stdout.getReader();
    let said = "";
    while (!/http:\/\/[^/]+\//.test(said)) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the host did not start");
      said += new TextDecoder().decode(value);
    }
    reader.releaseLock();
    return { child, url: /http:\/\/[^/]+\//.exec(said)![0] };
  };
  try {
    makeRepository(`${root}/source.git`, { commits: COMMITS, files: 12 });
    const kept = makeRepository(`${root}/target.git`, { commits: 2, seed: 50 });
    using source = Repository.open(`${root}/source.git`);
    const { openTransport, PushSession } = await import("./mod.ts");
    const push = async (url: string, name: string): Promise<number> => {
      const started = performance.now();
      const session = await PushSession.open(openTransport(`${url}target.git`));
      await session.push(source, [{
        name: `refs/heads/${name}`,
        oldId: source.algorithm.zero,
        newId: source.refs.id("refs/heads/master")!,
      }]);
      await session.close();
      return performance.now() - started;
    };
    let usualMs = 300;
    for (let i = 0; i < KILLS; i++) {
      const context = `seed ${seed}, kill ${i}`;
      const { child, url } = await serving();
      const pushed = push(url, `n${i}`).then((took) => void (usualMs = took), () => {});
      await killAfter(child, usualMs * (0.2 + 0.8 * next()));
      await pushed;
      await assertSound(`${root}/target.git`, context);
      removeLocks(`${root}/target.git`);
    }
    using repository = Repository.open(`${root}/target.git`);
    assertEquals(repository.refs.id("refs/heads/master"), kept.at(-1));
    // Left over by a push of long ago.
    const objects = `${root}/target.git/objects`;
    await Deno.mkdir(`${objects}/tmp_objdir-incoming-old/pack`, { recursive: true });
    await Deno.writeTextFile(`${objects}/tmp_objdir-incoming-old/pack/tmp_pack_a`, "PACK");
    await Deno.writeTextFile(`${objects}/pack/tmp_pack_old`, "PACK");
    const long = Date.now() / 1000 - 30 * 86400;
    for (
      const path of [
        `${objects}/tmp_objdir-incoming-old/pack/tmp_pack_a`,
        `${objects}/tmp_objdir-incoming-old/pack`,
        `${objects}/tmp_objdir-incoming-old`,
        `${objects}/pack/tmp_pack_old`,
      ]
    ) await Deno.utime(path, long, long);
    makeHistory(repository, { commits: 1, seed: 60, branch: "refs/heads/more" });
    assertEquals((await ourGit(`${root}/target.git`, "gc", "-q")).code, 0);
    const left = [...Deno.readDirSync(objects), ...Deno.readDirSync(`${objects}/pack`)]
      .map(({ name }) => name).filter((name) => name.startsWith("tmp_") && name.endsWith("old"));
    assertEquals(left, []);
    assert(repository.refs.id("refs/heads/more") !== undefined);
    await assertSound(`${root}/target.git`, "after gc");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copy(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}
