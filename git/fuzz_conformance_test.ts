import { TextLineStream } from "@std/streams";
import { assert, assertEquals, assertRejects } from "@std/assert";

const suites = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../shared/suites", import.meta.url).pathname;
const root = `${suites}/git_fuzz`;
let have = false;
try {
  have = Deno.statSync(root).isDirectory;
} catch { /* Not here. */ }

/** Time for one file through every parser (milliseconds). */
const MAX_MS = 10_000;
/** Resident memory of the whole process, V8 and its code included (KiB). */
const MAX_KIB = 256 * 1024;

interface Totals {
  files: number;
  runs: number;
  slowestMs: number;
  peakKiB: number;
}

/** Runs the parsers over files in a process of its own. Throws for a crash, a hang and for memory. */
async function watch(inputs: string[], maxMs = MAX_MS): Promise<Totals> {
  const list = await Deno.makeTempFile();
  await Deno.writeTextFile(list, JSON.stringify(inputs));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      "--v8-flags=--expose-gc",
      new URL("./_test_fuzz.ts", import.meta.url).href,
      list,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const totals: Totals = { files: 0, runs: 0, slowestMs: 0, peakKiB: 0 };
  let current = "the start";
  let hung: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = current;
      child.kill("SIGKILL");
    }, ms);
  };
  const tooBig: string[] = [];
  try {
    arm(60_000);
    const lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const [word, input, ms, peak, runs] = line.split(" ");
      arm(maxMs);
      if (word === "start") current = input!;
      else {
        totals.files++;
        totals.runs += Number(runs);
        totals.slowestMs = Math.max(totals.slowestMs, Number(ms));
        totals.peakKiB = Math.max(totals.peakKiB, Number(peak));
        if (Number(peak) > MAX_KIB) tooBig.push(`${input} (${peak} KiB)`);
      }
    }
  } finally {
    clearTimeout(timer);
    await Deno.remove(list);
  }
  const status = await child.status;
  const text = await errors;
  if (hung !== undefined) throw new Error(`hang in ${hung}`);
  if (!status.success) throw new Error(`crash in ${current}: ${text}`);
  if (tooBig.length > 0) throw new Error(`too much memory: ${tooBig.join(", ")}`);
  return totals;
}

async function files(folder: string): Promise<string[]> {
  const out: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    if (entry.isFile) out.push(`${root}/${folder}/${entry.name}`);
  }
  return out.sort();
}

for (
  const [folder, count] of Object.entries({
    packfile: 314,
    midx: 442,
    commit_graph: 513,
    objects: 4,
    patch_parse: 2,
  })
) {
  Deno.test({
    name:
      `git_fuzz ${folder}: every parser throws \`GitError\` or succeeds within 10 s and 256 MiB${
        have ? "" : " (ignored: no suites)"
      }`,
    ignore: !have,
    async fn() {
      const totals = await watch(await files(folder));
      assertEquals(totals.files, count);
      console.log(
        `git_fuzz ${folder}: ${totals.files} files, ${totals.runs} runs of parsers, slowest file ` +
          `${totals.slowestMs} ms, peak ${Math.round(totals.peakKiB / 1024)} MiB resident`,
      );
    },
  });
}

Deno.test("git_fuzz: a crash, a hang and too much memory are noticed", async () => {
  await assertRejects(() => watch(["self:crash"]), Error, "crash in self:crash");
  await assertRejects(() => watch(["self:hang"], 2_000), Error, "hang in self:hang");
  await assertRejects(() => watch(["self:memory"]), Error, "too much memory: self:memory");
  assert((await watch([])).files === 0);
});
