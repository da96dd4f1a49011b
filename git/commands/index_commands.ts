/**
 * Plumbing of the index.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory, lstat, readTextIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { GitIndex, makeEntry } from "../index_file.ts";
import { isSafePath } from "../fsck.ts";
import { isHex } from "../objects.ts";
import { peelTo } from "../object_store.ts";
import { findInTree } from "../revision.ts";
import {
  diffIndexWorktree,
  flattenTree,
  ignoreRulesOf,
  listUntracked,
  refreshIndex,
  writeIndexTree,
} from "../status.ts";
import { checkoutFile, SwitchError, switchTree } from "../worktree.ts";
import { attributesOf } from "../worktree_content.ts";
import { IgnoreRules } from "../ignore.ts";
import { type Cli, die, Exit, quotePath, relativeToPrefix, unquotePath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { makePathspec } from "./_revs.ts";
import { addPath } from "./_add_path.ts";

/** `git write-tree` */
export function writeTree(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "missing-ok prefix=",
    "git write-tree [--missing-ok] [--prefix=<prefix>/]",
  );
  const { repo } = cli;
  const index = repo.readIndex();
  if (index.unmerged) {
    const lines = index.entries.filter((entry) => entry.stage > 0).map((entry) =>
      `${entry.path}: unmerged (${entry.id})\n`
    ).join("");
    throw new Exit(128, `${lines}fatal: git-write-tree: error building trees\n`);
  }
  if (!o.flag("missing-ok")) {
    for (const entry of index.entries) {
      if (
        (entry.mode & 0o170000) !== 0o160000 && !entry.intentToAdd && !repo.objects.has(entry.id)
      ) {
        throw new Exit(
          128,
          `error: invalid object ${
            entry.mode.toString(8)
          } ${entry.id} for '${entry.path}'\nfatal: git-write-tree: error building trees\n`,
        );
      }
    }
  }
  const id = writeIndexTree(repo, index);
  const prefix = o.text("prefix");
  if (prefix !== undefined) {
    const inner = findInTree(repo, id, prefix.replace(/\/$/, ""));
    if (inner === undefined) die(`git-write-tree: prefix ${prefix} not found`);
    cli.out(`${inner.id}\n`);
    return 0;
  }
  cli.out(`${id}\n`);
  try {
    repo.writeIndex(index, repo.lockIndex());
  } catch { /* Keeping the trees in the index is only a short cut. */ }
  return 0;
}

/** `git read-tree` */
export function readTreeCommand(cli: Cli, args: ByteString[]): number {
  const usage =
    "git read-tree [(-m [--trivial] [--aggressive] | --reset | --prefix=<prefix>)\n                      [-u | -i]] [--index-output=<file>] [--no-sparse-checkout]\n                      (--empty | <tree-ish1> [<tree-ish2> [<tree-ish3>]])";
  const o = parseOptions(
    cli,
    args,
    "m reset u i n,dry-run v aggressive trivial empty prefix= index-output= exclude-per-directory= no-sparse-checkout q,quiet debug-unpack recurse-submodules?",
    usage,
  );
  const { repo } = cli;
  const trees = o.rest.map((name) => {
    const id = cli.tryRevision(name, { prefer: "treeish" });
    if (id === undefined) die(`Not a valid object name ${name}`);
    return peelTo(repo.objects, id, "tree") ?? die(`failed to unpack tree object ${name}`);
  });
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  const prefix = o.text("prefix");
  if (o.flag("empty")) index.replaceAll([]);
  else if (prefix !== undefined) {
    const base = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    for (const [path, { mode, id }] of flattenTree(repo, trees[0])) {
      if (index.hasPath(base + path)) {
        throw new Exit(
          128,
          `error: Entry '${base}${path}' overlaps with '${base}${path}'.  Cannot bind.\n`,
        );
      }
      index.add(
        o.flag("u") ? checkoutFile(repo, base + path, mode, id) : makeEntry(base + path, mode, id),
      );
    }
  } else if (trees.length === 0) throw usageError("", usage);
  else if (o.flag("reset") || (!o.flag("m") && trees.length === 1)) {
    if (o.flag("u")) switchTree(repo, index, undefined, trees.at(-1), { force: true });
    else {
      const entries = [...flattenTree(repo, trees.at(-1))].map(([path, { mode, id }]) => {
        const known = o.flag("reset") || o.flag("m") ? index.get(path) : undefined;
        return known !== undefined && known.id === id && known.mode === mode
          ? known
          : makeEntry(path, mode, id);
      });
      index.replaceAll(entries);
    }
  } else if (trees.length === 3) {
    const [base, ours, theirs] = trees.map((tree) => flattenTree(repo, tree)) as [
      Map<string, { mode: number; id: string }>,
      Map<string, { mode: number; id: string }>,
      Map<string, { mode: number; id: string }>,
    ];
    const next = new GitIndex(repo.algorithm);
    for (const path of [...new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])].sort()) {
      const a = base.get(path), b = ours.get(path), c = theirs.get(path);
      const same = (x: typeof a, y: typeof a): boolean =>
        x === y || (x !== undefined && y !== undefined && x.id === y.id && x.mode === y.mode);
      const pick = same(b, c) && (b !== undefined || o.flag("aggressive"))
        ? b
        : same(a, c) && (b !== undefined || o.flag("aggressive")) && a !== undefined
        ? b
        : same(a, b) && a !== undefined && (c !== undefined || o.flag("aggressive"))
        ? c
        : a === undefined && b === undefined && o.flag("aggressive")
        ? c
        : a === undefined && c === undefined && b !== undefined
        ? b
        : null;
      if (pick === undefined) continue;
      if (pick !== null) {
        const known = index.get(path);
        next.add(
          known !== undefined && known.id === pick.id && known.mode === pick.mode
            ? known
            : o.flag("u")
            ? checkoutFile(repo, path, pick.mode, pick.id)
            : makeEntry(path, pick.mode, pick.id),
          { keepDirectoryConflicts: true },
        );
        continue;
      }
      [a, b, c].forEach((side, i) =>
        side !== undefined &&
        next.add(makeEntry(path, side.mode, side.id, i + 1), { keepDirectoryConflicts: true })
      );
    }
    index.replaceAll([...next.entries]);
  } else {
    const from = trees.length === 1 ? undefined : trees[0];
    try {
      if (from === undefined) {
        const entries = [...flattenTree(repo, trees[0])].map(([path, { mode, id }]) => {
          const known = index.get(path);
          return known !== undefined && known.id === id && known.mode === mode
            ? known
            : makeEntry(path, mode, id);
        });
        if (o.flag("u")) switchTree(repo, index, writeIndexTree(repo, index), trees[0], {});
        else index.replaceAll(entries);
      } else {switchTree(repo, index, from, trees[1], {
          updateWorktree: o.flag("u"),
          dry: o.flag("dry-run"),
        });}
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      throw new Exit(
        128,
        [
          ...error.conflicts.changed.map((path) =>
            `error: Entry '${path}' not uptodate. Cannot merge.\n`
          ),
          ...error.conflicts.untracked.map((path) =>
            `error: Untracked working tree file '${path}' would be overwritten by merge.\n`
          ),
        ].join(""),
      );
    }
  }
  if (o.flag("dry-run")) return 0;
  if (!index.unmerged && prefix === undefined && !o.flag("empty")) {
    writeIndexTree(repo, index, { dry: true });
  }
  repo.writeIndex(index, lock);
  return 0;
}

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

function ignoredBy(cli: Cli, o: ReturnType<typeof parseOptions>): IgnoreRules {
  const rules = o.flag("exclude-standard") ? ignoreRulesOf(cli.repo) : new IgnoreRules(
    (path) => readTextIfAny(cli.repo.worktreePath(path)),
    false,
    o.text("exclude-per-directory") ?? "",
  );
  for (const pattern of o.list("exclude")) rules.addPattern(pattern);
  return rules;
}

/** `git update-index` */
export function updateIndex(cli: Cli, args: ByteString[]): number {
  const { repo } = cli;
  using lock = repo.lockIndex();
  const index = repo.readIndex();
  let addNew = false,
    removeGone = false,
    replace = false,
    forceRemove = false,
    quiet = false,
    verbose = false,
    nul = false,
    ignoreMissing = false,
    unmergedOk = false;
  let mark: "assume" | "no-assume" | "skip" | "no-skip" | undefined;
  let failed = 0;
  const refresh = (): void => {
    const unclean = refreshIndex(repo, index);
    const unmerged = new Set(
      index.entries.filter((entry) => entry.stage > 0).map((entry) => entry.path),
    );
    if (!unmergedOk) {
      for (const path of unmerged) {
        failed = 1;
        if (!quiet) cli.out(`${path}: needs merge\n`);
      }
    }
    for (const [path, state] of unclean) {
      if (ignoreMissing && state === "deleted") continue;
      if (!quiet) {
        failed = 1;
        cli.out(`${path}: needs update\n`);
      } else failed = 1;
    }
  };
  const put = (mode: number, id: ObjectId, path: ByteString, stage: number): void => {
    if (!isSafePath(path)) die(`git update-index: --cacheinfo cannot add ${path}`);
    if (!addNew && !index.hasPath(path)) {
      throw new Exit(
        128,
        `error: ${path}: cannot add to the index - missing --add option?\nfatal: git update-index: --cacheinfo cannot add ${path}\n`,
      );
    }
    if (!replace && stage === 0 && index.directoryConflict(path)) {
      throw new Exit(
        128,
        `error: '${path}' appears as both a file and as a directory\nerror: ${path}: cannot add to the index - missing --add option?\nfatal: git update-index: --cacheinfo cannot add ${path}\n`,
      );
    }
    index.add(makeEntry(path, mode, id, stage), { keepDirectoryConflicts: !replace });
  };
  const one = (argument: ByteString): void => {
    const path = cli.pathArgument(argument);
    if (!isSafePath(path)) {
      cli.err(`Ignoring path ${argument}\n`);
      return;
    }
    if (mark !== undefined) {
      const entry = index.get(path);
      if (entry === undefined) die(`Unable to mark file ${path}`);
      if (mark === "assume" || mark === "no-assume") entry.assumeValid = mark === "assume";
      else entry.skipWorktree = mark === "skip";
      index.changed = true;
      return;
    }
    if (forceRemove) {
      index.remove(path);
      if (verbose) cli.out(`remove '${path}'\n`);
      return;
    }
    const info = lstat(repo.worktreePath(path));
    if (
      info === undefined ||
      (info.isDirectory && lstat(`${repo.worktreePath(path)}/.git`) === undefined)
    ) {
      if (removeGone || (info === undefined && ignoreMissing)) {
        if (removeGone) index.remove(path);
        return;
      }
      throw new Exit(
        128,
        info === undefined
          ? `error: ${argument}: does not exist and --remove not passed\nfatal: Unable to process path ${argument}\n`
          : `error: ${argument}: is a directory - add individual files instead\nfatal: Unable to process path ${argument}\n`,
      );
    }
    if (!addNew && !index.hasPath(path)) {
      throw new Exit(
        128,
        `error: ${argument}: cannot add to the index - missing --add option?\nfatal: Unable to process path ${argument}\n`,
      );
    }
    if (!replace && index.directoryConflict(path)) {
      throw new Exit(
        128,
        `error: '${path}' appears as both a file and as a directory\nerror: ${argument}: cannot add to the index - missing --add option?\nfatal: Unable to process path ${argument}\n`,
      );
    }
    addPath(cli, index, path);
    if (verbose) cli.out(`add '${path}'\n`);
  };
  let onlyPaths = false;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (onlyPaths || !argument.startsWith("-")) {
      cli.needWorkTree();
      one(argument);
      continue;
    }
    const value = (): ByteString => args[++i] ?? die(`option '${argument}' requires a value`);
    switch (argument) {
      case "--":
        onlyPaths = true;
        break;
      case "--add":
        addNew = true;
        break;
      case "--remove":
        removeGone = true;
        break;
      case "--force-remove":
        forceRemove = true;
        break;
      case "--replace":
        replace = true;
        break;
      case "-q":
        quiet = true;
        break;
      case "--unmerged":
        unmergedOk = true;
        break;
      case "--ignore-missing":
        ignoreMissing = true;
        break;
      case "--info-only":
        break;
      case "--verbose":
        verbose = true;
        break;
      case "-z":
        nul = true;
        break;
      case "--assume-unchanged":
        mark = "assume";
        break;
      case "--no-assume-unchanged":
        mark = "no-assume";
        break;
      case "--skip-worktree":
        mark = "skip";
        break;
      case "--no-skip-worktree":
        mark = "no-skip";
        break;
      case "--refresh":
      case "--really-refresh":
        refresh();
        break;
      case "--again":
      case "-g":
        for (const entry of [...index.entries]) {
          if (entry.stage === 0) addPath(cli, index, entry.path);
        }
        break;
      case "--index-version":
        index.version = Number(value());
        index.changed = true;
        break;
      case "--cacheinfo": {
        const text = value();
        const match = /^([0-7]+),([0-9a-f]+),(.*)$/s.exec(text);
        if (match !== null) put(parseInt(match[1]!, 8), match[2]!, match[3]!, 0);
        else {
          const id = value();
          const path = value();
          if (!isHex(id, repo.algorithm.hexSize)) {
            die(`option 'cacheinfo' expects <mode>,<sha1>,<path>`);
          }
          put(parseInt(text, 8), id, path, 0);
        }
        break;
      }
      case "--chmod=+x":
      case "--chmod=-x": {
        const path = cli.pathArgument(value());
        const entry = index.get(path) ??
          die(`git update-index: cannot chmod ${argument.slice(8)} '${path}'`);
        index.add({ ...entry, mode: argument.endsWith("+x") ? 0o100755 : 0o100644 });
        break;
      }
      case "--index-info":
        for (const line of cli.stdinLines(nul ? "\0" : "\n")) {
          const match = /^([0-7]+) (?:(\w+) )?([0-9a-f]{40,64})(?: ([0-3]))?\t(.*)$/s.exec(line);
          if (match === null) die(`malformed index info ${line}`);
          const path = !nul && match[5]!.startsWith('"')
            ? unquotePath(match[5]!)?.path ?? die(`git update-index: bad quoting of path name`)
            : match[5]!;
          if (!isSafePath(path)) {
            cli.err(`Ignoring path ${path}\n`);
            continue;
          }
          if (parseInt(match[1]!, 8) === 0) index.remove(path);
          else index.add(makeEntry(path, parseInt(match[1]!, 8), match[3]!, Number(match[4] ?? 0)));
        }
        break;
      case "--stdin":
        for (const line of cli.stdinLines(nul ? "\0" : "\n")) {
          one(
            !nul && line.startsWith('"')
              ? unquotePath(line)?.path ?? die(`line is badly quoted`)
              : line,
          );
        }
        break;
      default:
        if (
          /^--(no-)?(split-index|untracked-cache|fsmonitor|test-untracked-cache|force-untracked-cache|force-write-index|ignore-skip-worktree-entries|ignore-submodules|unresolve|clear-resolve-undo|fsmonitor-valid|show-index-version)/
            .test(argument)
        ) break;
        throw new Exit(
          129,
          `error: unknown option \`${
            argument.replace(/^-+/, "")
          }'\nusage: git update-index [<options>] [--] [<file>...]\n`,
        );
    }
  }
  if (index.changed) repo.writeIndex(index, lock);
  return failed;
}

/** `git checkout-index` */
export function checkoutIndex(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "a,all f,force q,quiet n,no-create u,index z stdin temp prefix= stage= ignore-skip-worktree-bits",
    "git checkout-index [<options>] [--] [<file>...]",
  );
  const { repo } = cli;
  cli.needWorkTree();
  const index = repo.readIndex();
  const names = o.flag("all")
    ? index.entries.filter((entry) => entry.stage === 0).map((entry) => entry.path)
    : [
      ...o.rest.map((path) => cli.pathArgument(path)),
      ...(o.flag("stdin") ? [...cli.stdinLines(o.flag("z") ? "\0" : "\n")] : []),
    ];
  let failed = 0;
  for (const path of names) {
    const entry = index.get(path, Number(o.text("stage") ?? 0));
    if (entry === undefined) {
      if (!o.flag("quiet")) {
        cli.err(
          `git checkout-index: ${path} is ${
            index.hasPath(path) ? "unmerged" : "not in the cache"
          }\n`,
        );
      }
      failed = 1;
      continue;
    }
    if (lstat(repo.worktreePath(path)) !== undefined && !o.flag("force")) {
      if (
        !o.flag("quiet") &&
        diffIndexWorktree(repo, index, makePathspec(cli, [`:/${path}`])).length > 0
      ) {
        cli.err(`${path} already exists, no checkout\n`);
        failed = 1;
      }
      continue;
    }
    if (o.flag("no-create")) continue;
    entry.stat = checkoutFile(repo, path, entry.mode, entry.id).stat;
    index.changed = true;
  }
  if (o.flag("index")) repo.writeIndex(index);
  return failed;
}

/** `git check-ignore` */
export function checkIgnore(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet v,verbose stdin z n,non-matching no-index",
    "git check-ignore [<options>] <pathname>...",
  );
  const { repo } = cli;
  const rules = ignoreRulesOf(repo);
  const index = repo.readIndex();
  let found = false;
  for (const path of o.flag("stdin") ? cli.stdinLines(o.flag("z") ? "\0" : "\n") : o.rest) {
    const full = cli.pathArgument(path);
    let match = full === "" || (!o.flag("no-index") && index.hasPath(full))
      ? undefined
      : rules.match(full, isDirectory(repo.worktreePath(full)));
    if (!o.flag("verbose") && match?.negative) match = undefined;
    if (match !== undefined) found = true;
    if (o.flag("quiet") || (match === undefined && !o.flag("non-matching"))) continue;
    if (o.flag("verbose")) {
      cli.out(
        o.flag("z")
          ? `${match?.source ?? ""}\0${match?.line ?? ""}\0${match?.text ?? ""}\0${path}\0`
          : `${match?.source ?? ""}:${match?.line ?? ""}:${match?.text ?? ""}\t${path}\n`,
      );
    } else cli.out(path + (o.flag("z") ? "\0" : "\n"));
  }
  return found ? 0 : 1;
}

/** `git check-attr` */
export function checkAttr(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "a,all cached stdin z source=",
    "git check-attr [-a | --all | <attr>...] [--] <pathname>...",
  );
  const attributes = attributesOf(cli.repo);
  const names = o.flag("all")
    ? []
    : o.dashes >= 0
    ? o.rest.slice(0, o.dashes)
    : o.flag("stdin")
    ? o.rest
    : o.rest.slice(0, 1);
  const paths = o.flag("stdin")
    ? cli.stdinLines(o.flag("z") ? "\0" : "\n")
    : o.rest.slice(names.length);
  for (const path of paths) {
    const found = attributes.get(cli.pathArgument(path));
    const show = (name: ByteString): void => {
      const value = found.get(name);
      const text = value === true
        ? "set"
        : value === false
        ? "unset"
        : value === undefined
        ? "unspecified"
        : value;
      cli.out(o.flag("z") ? `${path}\0${name}\0${text}\0` : `${path}: ${name}: ${text}\n`);
    };
    if (o.flag("all")) { for (const name of found.keys()) show(name); }
    else for (const name of names) show(name);
  }
  return 0;
}
