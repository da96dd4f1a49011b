/**
 * Helpers of this folder's tests: a real Git beside ours, in a directory of its own.
 *
 * @module
 */
import { encodeText } from "./_bytes.ts";
import { runCommand } from "./commands/main.ts";

/** Whether a real Git is installed. */
export const HAVE_GIT: boolean = (() => {
  try {
    return new Deno.Command("git", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
})();

/** The environment in which both run. */
export const ENV: Readonly<Record<string, string>> = {
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1112911993 -0700",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1112911993 -0700",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_TEST_FSYNC: "0",
  TZ: "UTC",
};

/** What a command printed. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, args: string[], cwd: string): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: ENV,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** Runs the real Git. */
export function realGit(cwd: string, ...args: string[]): Promise<Ran> {
  return run("git", args, cwd);
}

/** Runs our command line. */
export function ourGit(cwd: string, ...args: string[]): Promise<Ran> {
  return run(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    "--quiet",
    new URL("./cli.ts", import.meta.url).href,
    ...args,
  ], cwd);
}

/** Runs our command line inside this process, which takes a small part of the time. */
export async function ourGitHere(cwd: string, ...args: string[]): Promise<Ran> {
  const { code, out, err } = await runCommand(args.map(encodeText), {
    cwd,
    env: { ...Deno.env.toObject(), ...ENV },
  });
  const text = new TextDecoder();
  return { code, out: text.decode(out), err: text.decode(err) };
}
