/**
 * `hash-object`: the id of a file, written on request.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory, nativePath, readFileIfAny, stat } from "../_files.ts";
import { GitError } from "../errors.ts";
import { hashObject, SHA1 } from "../hash_algorithm.ts";
import { isObjectType, parseCommit, parseTag, parseTree } from "../objects.ts";
import { cleanWorktreeContent } from "../worktree_content.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** Files from this size on (bytes) are stored piece by piece. */
const BIG_FILE = 16 * 1024 * 1024;

/** `git hash-object` */
export async function hashObjectCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const usage =
    "git hash-object [-t <type>] [-w] [--path=<file> | --no-filters]\n                       [--stdin [--literally]] [--] <file>...";
  const o = parseOptions(cli, args, "t= w stdin+ stdin-paths no-filters literally path=", usage);
  const type = o.text("t") ?? "blob";
  const write = o.flag("w");
  const repository = write ? cli.repo : cli.findRepository();
  const conflict = (text: string): never => {
    throw usageError(`error: ${text}`, usage);
  };
  if (o.flag("stdin-paths")) {
    if (o.flag("stdin")) conflict("Can't use --stdin-paths with --stdin");
    if (o.rest.length > 0) conflict("Can't specify files with --stdin-paths");
    if (o.given("path")) conflict("Can't use --stdin-paths with --path");
  } else {
    if (o.count("stdin") > 1) conflict("Multiple --stdin arguments are not supported");
    if (o.given("path") && o.flag("no-filters")) conflict("Can't use --path with --no-filters");
  }
  const algorithm = repository?.algorithm ?? SHA1;
  const one = (data: Uint8Array, path: ByteString | undefined): void => {
    if (!o.flag("literally") && !isObjectType(type)) die(`invalid object type "${type}"`);
    if (
      path !== undefined && !o.flag("no-filters") && repository !== undefined && type === "blob"
    ) {
      data = cleanWorktreeContent(repository, path, data);
    }
    if (!o.flag("literally") && type !== "blob") {
      // Well-formed is enough: `fsck` is stricter.
      try {
        if (type === "commit") parseCommit(data, algorithm);
        else if (type === "tree") parseTree(data, algorithm);
        else if (type === "tag") parseTag(data, algorithm);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        cli.err(`error: ${error.message}\n`);
        die(`corrupt ${type}`);
      }
    }
    const id = hashObject(algorithm, type, data, true);
    if (write && !repository!.objects.hasLocally(id)) {
      repository!.objects.writeLoose(id, type, data);
    }
    cli.out(`${id}\n`);
  };
  /** Big files are not read whole where their bytes are stored as they are. */
  const big = async (name: ByteString): Promise<boolean> => {
    if (!write || type !== "blob" || !o.flag("no-filters")) return false;
    const path = cli.fileArgument(name);
    const info = stat(path);
    if (info === undefined || !info.isFile || info.size < BIG_FILE) return false;
    using source = Deno.openSync(nativePath(path), { read: true });
    const pieces = function* (): Generator<Uint8Array> {
      for (;;) {
        const piece = new Uint8Array(65536);
        const n = source.readSync(piece);
        if (n === null) return;
        yield piece.subarray(0, n);
      }
    };
    cli.out(`${await repository!.objects.writeStream("blob", info.size, pieces())}\n`);
    return true;
  };
  const file = (name: ByteString): void => {
    const data = readFileIfAny(cli.fileArgument(name));
    if (data === undefined) {
      die(
        isDirectory(cli.fileArgument(name))
          ? `could not open '${name}' for reading: Is a directory`
          : `could not open '${name}' for reading: No such file or directory`,
      );
    }
    const path = o.text("path") ?? name;
    one(data, repository?.paths.workTree === undefined ? path : cli.prefix + path);
  };
  if (o.flag("stdin")) one(cli.readStdin(), o.text("path"));
  for (const name of o.rest) if (!(await big(name))) file(name);
  if (o.flag("stdin-paths")) { for (const name of cli.stdinLines()) file(name); }
  return 0;
}
