/**
 * The lines that a command prints about the commit that it made.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { formatDate } from "../date.ts";
import { diffStats, formatShortStat, formatSummary } from "../diff_format.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { readCommit } from "../object_store.ts";
import { parseSignature } from "../objects.ts";
import { subjectOf } from "../pretty.ts";
import { diffTrees } from "../tree_diff.ts";
import type { Cli } from "./_context.ts";
import { DiffArguments } from "./_revs.ts";

/** The lines that `commit` prints when it is done. */
export function printCommitSummary(
  cli: Cli,
  id: ObjectId,
  baseTree: ObjectId | undefined,
  branch: ByteString | undefined,
  root: boolean,
  author: ByteString,
  committer: ByteString,
  show?: { date: boolean },
): void {
  const { repo } = cli;
  const made = readCommit(repo.objects, id);
  const where = branch === undefined ? "detached HEAD" : branch.replace(/^refs\/heads\//, "");
  cli.out(
    `[${where}${root ? " (root-commit)" : ""} ${cli.abbrev(id)}] ${subjectOf(made.message)}\n`,
  );
  const a = parseSignature(author), c = parseSignature(committer);
  if (a.name !== c.name || a.email !== c.email) cli.out(` Author: ${a.name} <${a.email}>\n`);
  if (show?.date ?? (a.time !== c.time || a.zone !== c.zone)) {
    cli.out(` Date: ${formatDate(a.time, a.zone, { type: "default" })}\n`);
  }
  if (made.parents.length > 1) return;
  const d = new DiffArguments();
  d.findRenames = true;
  const pairs = d.process(cli, diffTrees(repo.objects, baseTree, made.tree));
  const format = d.format(cli);
  const stats = diffStats(repo.objects, pairs, format);
  if (stats.length > 0) cli.out(formatShortStat(stats));
  cli.out(formatSummary(pairs, format));
}
