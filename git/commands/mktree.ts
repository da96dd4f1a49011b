/**
 * `mktree`: a tree from the lines of `ls-tree`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { formatTree, isTreeMode, type TreeEntry } from "../objects.ts";
import { type Cli, die, unquotePath } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git mktree` */
export function mktree(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "z missing batch", "git mktree [-z] [--missing] [--batch]");
  const { repo } = cli;
  let entries: TreeEntry[] = [];
  const finish = (): void => {
    cli.out(`${repo.objects.write("tree", formatTree(entries))}\n`);
    cli.flush();
    entries = [];
  };
  let got = false;
  for (const line of cli.stdinLines(o.flag("z") ? "\0" : "\n")) {
    if (line === "") {
      if (o.flag("batch")) {
        finish();
        got = false;
        continue;
      }
      die("input format error: (blank line only valid in batch mode)");
    }
    const match = /^([0-7]+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line);
    if (match === null) die(`input format error: ${line}`);
    const mode = parseInt(match[1]!, 8);
    let name = match[4]!;
    if (!o.flag("z") && name.startsWith('"')) {
      name = unquotePath(name)?.path ?? die("invalid quoting");
    }
    if (name.includes("/")) die(`path ${name} contains slash`);
    const type = isTreeMode(mode) ? "tree" : (mode & 0o170000) === 0o160000 ? "commit" : "blob";
    if (type !== match[2]) {
      die(`entry '${name}' object type (${match[2]}) doesn't match mode type (${type})`);
    }
    if (!o.flag("missing") && type !== "commit") {
      const actual = repo.objects.describe(match[3]!)?.type;
      if (actual === undefined) die(`entry '${name}' object ${match[3]} is unavailable`);
      if (actual !== type) {
        die(
          `entry '${name}' object ${match[3]} is a ${actual} but specified type was (${match[2]})`,
        );
      }
    }
    entries.push({ mode, name, id: match[3]! });
    got = true;
  }
  if (!o.flag("batch") || got) finish();
  return 0;
}
