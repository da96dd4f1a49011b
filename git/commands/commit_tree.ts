/**
 * `commit-tree`: a commit of a tree.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { readFileIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { formatCommit } from "../objects.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git commit-tree` */
export function commitTree(cli: Cli, args: ByteString[]): number {
  const usage =
    "git commit-tree <tree> [(-p <parent>)...]\n   or: git commit-tree [(-p <parent>)...] [-S[<keyid>]] [(-m <message>)...]\n                       [(-F <file>)...] <tree>";
  const o = parseOptions(cli, args, "!p* !m* !F* S,gpg-sign?", usage);
  if (o.rest.length !== 1) die("must give exactly one tree");
  const { repo } = cli;
  const treeId = cli.tryRevision(o.rest[0]!, { prefer: "treeish" });
  if (treeId === undefined) die(`not a valid object name ${o.rest[0]}`);
  if (repo.objects.describe(treeId)?.type !== "tree") die(`${treeId} is not a valid 'tree' object`);
  const parents: ObjectId[] = [];
  for (const name of o.list("p")) {
    const id = cli.tryRevision(name, { prefer: "committish" });
    if (id === undefined) die(`not a valid object name ${name}`);
    if (repo.objects.describe(id)?.type !== "commit") die(`${id} is not a valid 'commit' object`);
    if (parents.includes(id)) cli.err(`error: duplicate parent ${id} ignored\n`);
    else parents.push(id);
  }
  let message = "";
  let given = false;
  for (const [key, value] of o.order) {
    if (key !== "m" && key !== "F") continue;
    given = true;
    if (message !== "") message += "\n";
    if (key === "m") message += value;
    else {message += toByteString(
        value === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(value as string)) ??
          die(`git commit-tree: failed to open '${value}': No such file or directory`),
      );}
    if (!message.endsWith("\n")) message += "\n";
  }
  if (!given) message = toByteString(cli.readStdin());
  const encoding = cli.config.get("i18n.commitencoding");
  const extra: [string, string][] = encoding !== undefined && !/^utf-?8$/i.test(encoding)
    ? [["encoding", encoding]]
    : [];
  const author = cli.ident("author");
  const committer = cli.ident("committer");
  cli.out(
    `${
      repo.objects.write(
        "commit",
        formatCommit({ tree: treeId, parents, author, committer, extra, message }),
      )
    }\n`,
  );
  return 0;
}
