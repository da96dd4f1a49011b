/**
 * `check-ref-format`: is this a name of a reference.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isRefName } from "../ref_name.ts";
import { interpretBranchName } from "../revision.ts";
import { type Cli, die } from "./_context.ts";
import { usageError } from "./_options.ts";

/** `git check-ref-format` */
export function checkRefFormat(cli: Cli, args: ByteString[]): number {
  let normalize = false, oneLevel = false, pattern = false, i = 0;
  if (args[0] === "--branch") {
    const name = args[1] === undefined
      ? ""
      : cli.findRepository() === undefined
      ? args[1]
      : interpretBranchName(cli.repo, args[1]);
    if (name.startsWith("-") || !isRefName(`refs/heads/${name}`)) {
      die(`'${args[1]}' is not a valid branch name`);
    }
    cli.out(`${name}\n`);
    return 0;
  }
  for (; i < args.length && args[i]!.startsWith("-"); i++) {
    if (args[i] === "--normalize" || args[i] === "--print") normalize = true;
    else if (args[i] === "--allow-onelevel") oneLevel = true;
    else if (args[i] === "--no-allow-onelevel") oneLevel = false;
    else if (args[i] === "--refspec-pattern") pattern = true;
    else break;
  }
  if (i !== args.length - 1) {
    throw usageError("", "git check-ref-format [--normalize] [<options>] <refname>");
  }
  const name = normalize ? args[i]!.replace(/\/+/g, "/").replace(/^\//, "") : args[i]!;
  if (!isRefName(name, { oneLevel, pattern })) return 1;
  if (normalize) cli.out(`${name}\n`);
  return 0;
}
