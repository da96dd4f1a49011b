/**
 * Runs many command lines in one process, for tests that compare them with real Git.
 *
 * @module
 */
import { encodeText } from "./_bytes.ts";
import { main } from "./commands/main.ts";

/** Runs a line of the shell and passes on what it says. */
function shell(line: string): number {
  const { code, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", line],
    stdin: "null",
  }).outputSync();
  for (let at = 0; at < stdout.length;) at += Deno.stdout.writeSync(stdout.subarray(at));
  for (let at = 0; at < stderr.length;) at += Deno.stderr.writeSync(stderr.subarray(at));
  return code;
}

const steps = JSON.parse(Deno.readTextFileSync(Deno.args[0]!)) as {
  cwd: string;
  args: string[];
}[];
const environment = Deno.env.toObject();
const mark = new TextEncoder();
for (const { cwd, args } of steps) {
  for (const name of Object.keys(Deno.env.toObject())) {
    if (!(name in environment)) Deno.env.delete(name);
  }
  for (const [name, value] of Object.entries(environment)) Deno.env.set(name, value);
  Deno.chdir(cwd);
  let code: number;
  try {
    code = args[0] === "sh" ? shell(args[1]!) : await main(args.map(encodeText));
  } catch (error) {
    Deno.stderr.writeSync(mark.encode(`uncaught ${(error as Error).stack}\n`));
    code = 255;
  }
  Deno.stdout.writeSync(mark.encode(`\x1e${code}\x1f`));
  Deno.stderr.writeSync(mark.encode(`\x1e\x1f`));
}
