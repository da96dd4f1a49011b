/**
 * Runs one kind of tests and ends with the plain line `N passed, N failed, N skipped`.
 *
 * `unit` runs every test but the conformance ones, with the examples in the documentation;
 * `conformance` runs the published suites and prints a line each; `soak` runs the unit tests in
 * their full size. Further arguments go to `deno test` (`.ci/run_tests.ts unit [argument of std.ts] kv/`).
 */
import { join, resolve } from "@std/path";
import { listFiles, ROOT } from "./_project.ts";

/** Where the conformance data is looked for when `GROUNDWORK_SUITES` does not say. */
const DEFAULT_SUITES = "../shared/suites";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Case {
  file: string;
  name: string;
  outcome: keyof Counts;
}

const ENTITIES: Record<string, string> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": '"',
  "&apos;": "'",
};

function decode(text: string): string {
  return text.replaceAll(/&(?:lt|gt|amp|quot|apos);/g, (entity) => ENTITIES[entity]!)
    .replaceAll(
      /&#(x[0-9a-f]+|\d+);/gi,
      (_, code: string) =>
        String.fromCodePoint(Number(code.toLowerCase().startsWith("x") ? `0${code}` : code)),
    );
}

/** Reads the cases of a JUnit report as `deno test` writes it. */
export function readReport(xml: string): Case[] {
  const cases: Case[] = [];
  for (const suite of xml.matchAll(/<testsuite name="([^"]*)"[^>]*>([\s\S]*?)<\/testsuite>/g)) {
    const pattern = /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
    for (const [, name, body = ""] of suite[2]!.matchAll(pattern)) {
      const outcome = /<(failure|error)\b/.test(body)
        ? "failed"
        : body.includes("<skipped")
        ? "skipped"
        : "passed";
      cases.push({ file: decode(suite[1]!), name: decode(name!), outcome });
    }
  }
  return cases;
}

function count(cases: Iterable<Case>): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of cases) counts[outcome]++;
  return counts;
}

function line({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function testArguments(kind: string, targets: string[]): string[] {
  const conformance = listFiles().filter((path) => path.endsWith("_conformance_test.ts"));
  if (kind === "conformance") {
    return ["--parallel", ...(targets.length > 0 ? targets : conformance)];
  }
  const modes = kind === "soak" ? [] : ["--doc", "--parallel"];
  return [...modes, ...conformance.map((path) => `--ignore=${path}`), ...targets];
}

if (import.meta.main) {
  const [kind = "unit", ...rest] = Deno.args;
  const flags = rest.filter((argument) => argument.startsWith("--"));
  const targets = rest.filter((argument) => !argument.startsWith("--"));
  const report = Deno.makeTempFileSync({ prefix: "groundwork-junit-", suffix: ".xml" });
  const suites = Deno.env.get("GROUNDWORK_SUITES") ?? DEFAULT_SUITES;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", `--junit-path=${report}`, ...flags, ...testArguments(kind, targets)],
    cwd: ROOT,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    env: {
      GROUNDWORK_SUITES: resolve(join(ROOT), suites),
      ...(kind === "soak" ? { GROUNDWORK_SOAK: "1" } : {}),
    },
  }).spawn().status;
  const cases = readReport(Deno.readTextFileSync(report));
  Deno.removeSync(report);
  const counts = count(cases);
  // A file that does not load leaves no case behind: the run failed all the same.
  if (!success && counts.failed === 0) counts.failed = 1;
  if (kind === "conformance") {
    const files = [...new Set(cases.map(({ file }) => file))];
    for (const file of files) {
      const own = cases.filter((testCase) => testCase.file === file);
      console.log(`${file}: ${line(count(own))}`);
      for (const { name } of own.filter(({ outcome }) => outcome === "skipped")) {
        console.log(`  skipped: ${name}`);
      }
    }
  } else {
    for (const { name } of cases.filter(({ outcome }) => outcome === "skipped")) {
      console.log(`skipped: ${name}`);
    }
  }
  console.log(line(counts));
  Deno.exit(success ? 0 : 1);
}
