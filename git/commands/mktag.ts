/**
 * `mktag`: a tag object, checked.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { checkObject } from "../fsck.ts";
import { parseTag } from "../objects.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git mktag` */
export function mktag(cli: Cli, args: ByteString[]): number {
  parseOptions(cli, args, "strict", "git mktag");
  const data = cli.readStdin();
  const problems = checkObject("tag", data, cli.repo.algorithm);
  if (problems.length > 0) {
    cli.err(`error: tag input does not pass fsck: ${problems[0]!.id}: ${problems[0]!.message}\n`);
    die("tag on stdin did not pass our strict fsck check");
  }
  const tag = parseTag(data, cli.repo.algorithm);
  const info = cli.repo.objects.describe(tag.object);
  if (info === undefined) die("could not read tagged object '" + tag.object + "'");
  if (info.type !== tag.type) {
    die(`object '${tag.object}' tagged as '${tag.type}', but is a '${info.type}' type`);
  }
  cli.out(`${cli.repo.objects.write("tag", data)}\n`);
  return 0;
}
