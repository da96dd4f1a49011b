/**
 * `pack-refs`: loose references into one file.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git pack-refs` */
export function packRefs(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "all prune", "git pack-refs [--all] [--no-prune]");
  cli.repo.refs.pack({ all: o.flag("all"), prune: !o.negated("prune") });
  return 0;
}
