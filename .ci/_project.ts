/** What the scripts of the gate share: the package's description and its source files. */
import { fromFileUrl, join, relative } from "@std/path";

/** The folder that holds `deno.json`. */
export const ROOT: string = fromFileUrl(new URL("..", import.meta.url));

export interface Config {
  name: string;
  version: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
  [field: string]: unknown;
}

export function readConfig(): Config {
  return JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json")));
}

/** Every file of the tree by its path from the root, sorted; `.git` and installed packages left out. */
export function listFiles(folder = ROOT): string[] {
  const files: string[] = [];
  const pending = [folder];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of Deno.readDirSync(path)) {
      if (entry.name === ".git" || entry.name === "node_modules") continue;
      const child = join(path, entry.name);
      if (entry.isDirectory) pending.push(child);
      else if (entry.isFile) files.push(relative(ROOT, child));
    }
  }
  return files.sort();
}

/** Runs `deno` in the root, with what it prints passed through; true where it succeeded. */
export async function deno(args: string[], options: Deno.CommandOptions = {}): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    ...options,
  }).spawn().status;
  return success;
}
