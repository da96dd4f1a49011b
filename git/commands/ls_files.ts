/**
 * `ls-files`: what the index and the worktree hold.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { readTextIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { IgnoreRules } from "../ignore.ts";
import { diffIndexWorktree, ignoreRulesOf, listUntracked } from "../status.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { ignoredBy } from "./_exclude_options.ts";
import { parseOptions } from "./_options.ts";
import { makePathspec } from "./_revs.ts";

/** `git ls-files` */
export function lsFiles(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "z t v f deduplicate c,cached d,deleted m,modified o,others i,ignored s,stage k,killed directory eol empty-directory u,unmerged resolve-undo x,exclude* X,exclude-from* exclude-per-directory= exclude-standard full-name recurse-submodules error-unmatch with-tree= abbrev? debug sparse format=",
    "git ls-files [<options>] [<file>...]",
  );
  const { repo } = cli;
  const index = repo.readIndex();
  const spec = o.rest.length > 0 || cli.prefix !== ""
    ? makePathspec(cli, o.rest.length > 0 ? o.rest : ["."])
    : undefined;
  const end = o.flag("z") ? "\0" : "\n";
  const quoteHigh = cli.config.bool("core.quotepath", true);
  const shown = (path: ByteString): ByteString => {
    const text = o.flag("full-name") || cli.prefix === ""
      ? path
      : relativeToPrefix(path, cli.prefix);
    return o.flag("z") ? text : quotePath(text, quoteHigh);
  };
  const tagged = o.flag("t") || o.flag("v");
  const stage = o.flag("stage") || o.flag("unmerged");
  const any = o.flag("deleted") || o.flag("modified") || o.flag("others") || o.flag("unmerged") ||
    o.flag("killed") || o.flag("resolve-undo");
  const abbrev = o.values.get("abbrev");
  const id = (oid: ObjectId): string =>
    abbrev === undefined
      ? oid
      : cli.abbrev(oid, typeof abbrev === "string" ? Number(abbrev) : undefined);
  if (o.flag("others") || o.flag("killed")) {
    const rules = o.flag("exclude-standard") ? ignoreRulesOf(repo) : new IgnoreRules(
      (path) => readTextIfAny(repo.worktreePath(path)),
      false,
      o.text("exclude-per-directory") ?? "",
    );
    for (const pattern of o.list("exclude")) rules.addPattern(pattern);
    for (const file of o.list("exclude-from")) rules.addFile(cli.fileArgument(file));
    const found = listUntracked(repo, index, {
      collapse: o.flag("directory"),
      ignored: o.flag("ignored"),
      pathspec: spec,
      rules,
      emptyDirectories: o.flag("directory") && !o.negated("empty-directory"),
    });
    for (const path of o.flag("ignored") ? found.ignored : found.untracked) {
      spec?.matches(path.replace(/\/$/, ""));
      cli.out(`${tagged ? "? " : ""}${shown(path)}${end}`);
    }
  }
  if (o.flag("cached") || stage || !any) {
    let last = "";
    for (const entry of index.entries) {
      if (spec !== undefined && !spec.matches(entry.path)) continue;
      if (o.flag("unmerged") && entry.stage === 0) continue;
      if (o.flag("ignored") && !ignoredBy(cli, o).isIgnored(entry.path, false)) continue;
      if (o.flag("deduplicate") && last === entry.path && !stage) continue;
      last = entry.path;
      const mark = o.flag("v") && entry.assumeValid
        ? "h "
        : entry.skipWorktree
        ? "S "
        : entry.stage > 0
        ? "M "
        : "H ";
      const format = o.text("format");
      if (format !== undefined) {
        const known: Record<string, string> = {
          objectmode: entry.mode.toString(8).padStart(6, "0"),
          objectname: id(entry.id),
          stage: String(entry.stage),
          path: shown(entry.path),
          objecttype: (entry.mode & 0o170000) === 0o160000 ? "commit" : "blob",
        };
        cli.out(
          format.replace(
            /%\(([^)]*)\)/g,
            (_, atom: string) => known[atom] ?? die(`bad ls-files format: %(${atom})`),
          ) + end,
        );
      } else if (stage) {
        cli.out(
          `${tagged ? mark : ""}${entry.mode.toString(8).padStart(6, "0")} ${
            id(entry.id)
          } ${entry.stage}\t${shown(entry.path)}${end}`,
        );
      } else cli.out(`${tagged ? mark : ""}${shown(entry.path)}${end}`);
      if (o.flag("debug")) {
        const s = entry.stat;
        cli.out(
          `  ctime: ${s.ctime}:${s.ctimeNs}\n  mtime: ${s.mtime}:${s.mtimeNs}\n  dev: ${s.dev}\tino: ${s.ino}\n  uid: ${s.uid}\tgid: ${s.gid}\n  size: ${s.size}\tflags: ${
            entry.intentToAdd ? "20004000" : "0"
          }\n`,
        );
      }
    }
  }
  if (o.flag("deleted") || o.flag("modified")) {
    for (const pair of diffIndexWorktree(repo, index, spec, { refresh: false })) {
      const gone = pair.new.mode === 0;
      if (gone && o.flag("deleted")) cli.out(`${tagged ? "R " : ""}${shown(pair.new.path)}${end}`);
      if (o.flag("modified")) cli.out(`${tagged ? "C " : ""}${shown(pair.new.path)}${end}`);
    }
  }
  if (o.flag("resolve-undo")) {
    for (const [path, undo] of [...index.resolveUndo].sort()) {
      undo.modes.forEach((mode, i) =>
        mode !== 0 && cli.out(`${mode.toString(8)} ${undo.ids[i]} ${i + 1}\t${shown(path)}${end}`)
      );
    }
  }
  if (o.flag("error-unmatch") && spec !== undefined) {
    const missing = spec.unmatched();
    for (const path of missing) {
      cli.err(`error: pathspec '${path}' did not match any file(s) known to git\n`);
    }
    if (missing.length > 0) {
      cli.err("Did you forget to 'git add'?\n");
      return 1;
    }
  }
  return 0;
}
