/**
 * The gate: formatting, lint, types, documentation, what would be published, layering.
 * Runs every step, also after a failure, and ends with one line a step.
 *
 * Takes the argument that `.ci/std.ts` printed, if any.
 */
import { deno, readConfig } from "./_project.ts";

/** `deno lint` asks the registry and takes no import map; a closed port makes it give up at once. */
const NO_REGISTRY = { env: { JSR_URL: "http://127.0.0.1:9" } };

const std = Deno.args;
const entries = Object.values(readConfig().exports);
const steps: [name: string, run: () => Promise<boolean>][] = [
  ["fmt", () => deno(["fmt", "--check"])],
  ["lint", () => deno(["lint"], NO_REGISTRY)],
  ["check", () => deno(["check", "--quiet", ...std, "."])],
  ["doc", () => deno(["doc", "--lint", "--quiet", ...std, ...entries], { stdout: "null" })],
  ["layers", () => deno(["run", "-A", ...std, ".ci/layers.ts"])],
  ["publish", () => deno(["run", "-A", ...std, ".ci/publish.ts", ...std])],
];

const lines: string[] = [];
let failed = 0;
for (const [name, run] of steps) {
  const startMs = performance.now();
  const success = await run();
  if (!success) failed++;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  lines.push(`${success ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
}
console.log(lines.join("\n"));
Deno.exit(failed === 0 ? 0 : 1);
