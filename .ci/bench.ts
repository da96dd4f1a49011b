/**
 * Runs the benchmarks and prints one table of ratios: how many times faster (above 1) or slower
 * (below 1) groundwork is than each peer in the same run.
 *
 * `deno task bench` runs every `bench/*_bench.ts`; `deno task bench kv` only those whose name
 * contains `kv`; `deno task bench load` the socket load tests under `bench/load/`, which need
 * their tools (wrk, redis-benchmark …) installed.
 */
import { listFiles, ROOT } from "./_project.ts";

interface Row {
  group: string;
  unit: string;
  ours: number;
  peer: string;
  peerValue: number;
  ratio: number;
}

interface BenchResult {
  name: string;
  group: string | null;
  baseline: boolean;
  results: { ok?: { avg: number }; failed?: { message?: string } }[];
}

const OURS = "groundwork";

async function run(args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdin: "null",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) {
    console.error(`Cannot finish the benchmark: deno ${args.join(" ")} failed`);
    failed = true;
  }
  return new TextDecoder().decode(stdout);
}

let failed = false;

/** Reads what `deno bench --json` printed; what the modules logged themselves comes before it. */
function readBenches(output: string): Row[] {
  const start = output.search(/^\{$/m);
  if (start < 0) return [];
  const benches: BenchResult[] = JSON.parse(output.slice(start)).benches;
  // What is no time (the size of a file) a module prints itself, as the load tests do.
  const rows: Row[] = readLoad(
    output.slice(0, start).split("\n").filter((line) => line.startsWith('{"group":')).join("\n"),
  );
  for (const ours of benches) {
    if (!ours.name.startsWith(OURS)) continue;
    const own = ours.results[0]?.ok?.avg;
    for (const peer of benches) {
      if (peer.group !== ours.group || peer.name.startsWith(OURS)) continue;
      const other = peer.results[0]?.ok?.avg;
      if (own === undefined || other === undefined) continue;
      const variant = ours.name.slice(OURS.length).trim();
      rows.push({
        group: [ours.group ?? "", variant].filter((part) => part !== "").join(" "),
        unit: "ns",
        ours: own,
        peer: peer.name,
        peerValue: other,
        ratio: other / own,
      });
    }
  }
  return rows;
}

function readLoad(output: string): Row[] {
  return output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function print(rows: Row[]): void {
  const table = [
    ["benchmark", "peer", "groundwork", "peer's", "unit", "ratio"],
    ...rows.map((row) => [
      row.group,
      row.peer,
      format(row.ours),
      format(row.peerValue),
      row.unit,
      row.ratio.toFixed(2),
    ]),
  ];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) {
    console.log(row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  }
}

const std = Deno.args.filter((argument) => argument.startsWith("--"));
const names = Deno.args.filter((argument) => !argument.startsWith("--"));
const load = names[0] === "load";
const wanted = load ? names.slice(1) : names;
const files = listFiles().filter((path) =>
  (load ? /^bench\/load\/[^_][^/]*\.ts$/ : /^bench\/[^/]*_bench\.ts$/).test(path) &&
  (wanted.length === 0 || wanted.some((name) => path.includes(name)))
);
if (files.length === 0) {
  console.error(`No benchmark matches: ${names.join(" ")}`);
  Deno.exit(1);
}
const rows: Row[] = [];
for (const file of files) {
  const output = await run(
    load
      ? ["run", "-A", ...std, file, ...std]
      : ["bench", "-A", "--no-check", "--json", ...std, file],
  );
  rows.push(...(load ? readLoad(output) : readBenches(output)));
}
print(rows);
Deno.exit(failed ? 1 : 0);
