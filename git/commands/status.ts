/**
 * `status`: long, short and porcelain.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { lstat } from "../_files.ts";
import { percent } from "../diff_format.ts";
import { shortenRef } from "../ref_filter.ts";
import { trackingRef } from "../revision.ts";
import { hasRacyEntries, worktreeMode } from "../status.ts";
import type { DiffPair } from "../tree_diff.ts";
import type { ColumnLayout } from "../columns.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { GitIndex } from "../index_file.ts";
import { columnLayout } from "./_columns.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { headTree } from "./_head_tree.ts";
import { commentCharacter } from "./_message.ts";
import { type Options, parseOptions } from "./_options.ts";
import {
  aheadBehind,
  collectStatus,
  longStatus,
  renamesSetting,
  type StatusInfo,
  statusPaint,
  UNMERGED_CODES,
} from "./_status_text.ts";
import { showVerbose } from "./_verbose_status.ts";

/** What is shown, and how. */
export interface StatusSettings {
  format: "long" | "short" | "v1" | "v2";
  branch: boolean;
  untracked: "no" | "normal" | "all";
  ignored: boolean;
  renames: boolean;
  paths: ByteString[];
  ignoreSubmodules: ByteString | undefined;
  verbose: number;
  aheadBehind: boolean;
  showStash: boolean;
  nul: boolean;
  columns: ColumnLayout | undefined;
}

/** Reads the options that `status` and `commit` share. `deferred`: the user's defaults count. */
export function statusSettings(cli: Cli, o: Options, deferred: boolean): StatusSettings {
  const { config } = cli;
  const porcelain = o.values.get("porcelain");
  let format: StatusSettings["format"] = "long";
  if (o.flag("short")) format = "short";
  else if (o.given("porcelain") && porcelain !== false) {
    if (typeof porcelain === "string" && !/^(v1|1|v2|2)$/.test(porcelain)) {
      die(`unsupported porcelain version '${porcelain}'`);
    }
    format = porcelain === "v2" || porcelain === "2" ? "v2" : "v1";
  } else if (o.flag("null")) {
    if (o.flag("long")) die("options '--long' and '-z' cannot be used together");
    format = "v1";
  } else if (
    deferred && !o.given("long") && !o.negated("short") && config.bool("status.short", false)
  ) format = "short";
  if (o.flag("long")) format = "long";
  const human = format === "long" || format === "short";
  const branch = o.given("branch")
    ? o.flag("branch")
    : human && !o.flag("null") && config.bool("status.branch", false);
  let untracked: StatusSettings["untracked"];
  const configured = o.values.get("untracked-files") ??
    config.get("status.showuntrackedfiles") ?? "normal";
  if (configured === true || configured === "all") untracked = "all";
  else if (configured === "no" || configured === false || configured === "false") untracked = "no";
  else if (configured === "normal" || configured === "true") untracked = "normal";
  else die(`Invalid untracked files mode '${configured}'`);
  const ignoredMode = o.values.get("ignored");
  if (
    typeof ignoredMode === "string" && !/^(traditional|no|matching)$/.test(ignoredMode)
  ) die(`Invalid ignored mode '${ignoredMode}'`);
  const columns = deferred && format === "long" ? columnLayout(cli, "status", o) : undefined;
  return {
    format,
    branch,
    untracked,
    ignored: ignoredMode !== undefined && ignoredMode !== false && ignoredMode !== "no",
    renames: o.given("no-renames")
      ? !o.flag("no-renames")
      : o.given("find-renames")
      ? true
      : renamesSetting(cli),
    paths: o.rest,
    ignoreSubmodules: o.text("ignore-submodules") ??
      (o.flag("ignore-submodules") ? "all" : undefined),
    verbose: o.count("verbose"),
    aheadBehind: o.given("ahead-behind")
      ? o.flag("ahead-behind")
      : human && !o.flag("null")
      ? config.bool("status.aheadbehind", true)
      : true,
    showStash: o.given("show-stash")
      ? o.flag("show-stash")
      : format === "long" && config.bool("status.showstash", false),
    nul: o.flag("null"),
    columns: columns?.active ? columns.layout : undefined,
  };
}

/** `git status` */
export function status(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ s,short b,branch show-stash ahead-behind !porcelain? long z,null u,untracked-files? ignored? ignore-submodules? column? no-renames M,find-renames?",
    "git status [<options>] [--] <pathspec>...",
  );
  cli.needWorkTree();
  const { repo } = cli;
  const settings = statusSettings(cli, o, true);
  const index = repo.readIndex();
  const info = statusInfo(cli, index, headTree(cli), settings);
  if ((index.changed || hasRacyEntries(index)) && cli.env.get("GIT_OPTIONAL_LOCKS") !== "0") {
    try {
      repo.writeIndex(index, repo.lockIndex());
    } catch { /* Another process is writing: the refresh can wait. */ }
  }
  printStatus(cli, index, info, settings, {});
  return 0;
}

/** Collects what {@linkcode printStatus} shows. */
export function statusInfo(
  cli: Cli,
  index: GitIndex,
  tree: ObjectId | undefined,
  settings: StatusSettings,
): StatusInfo {
  const { untracked, ignored, paths, renames, ignoreSubmodules } = settings;
  return collectStatus(cli, index, tree, {
    untracked: ignored && untracked === "no" ? "normal" : untracked,
    ignored,
    paths,
    renames,
    ignoreSubmodules,
  });
}

/** Shows the state in any of the formats. */
export function printStatus(
  cli: Cli,
  index: GitIndex,
  info: StatusInfo,
  settings: StatusSettings,
  commit: { committing?: boolean; amend?: boolean },
): void {
  const { repo, config } = cli;
  const { format, branch } = settings;
  const quoteHigh = config.bool("core.quotepath", true);
  const relative = format === "v1" || format === "v2"
    ? false
    : config.bool("status.relativepaths", true);
  const shown = (path: ByteString): ByteString => {
    if (settings.nul) return path;
    const text = relative ? relativeToPrefix(path, cli.prefix) : path;
    const quoted = quotePath(text, quoteHigh);
    return format === "v2"
      ? quoted
      : quoted.startsWith('"') || !text.includes(" ")
      ? quoted
      : `"${text}"`;
  };
  const end = settings.nul ? "\0" : "\n";
  const paint = format === "long" || format === "short" ? statusPaint(cli) : undefined;
  if (format === "long") {
    const { text } = longStatus(cli, info, {
      ...commit,
      ...(paint === undefined ? {} : { paint }),
      columns: settings.columns,
      ignoreSubmodules: settings.ignoreSubmodules,
      ...(config.bool("status.displaycommentprefix", false)
        ? { comment: commentCharacter(cli) }
        : {}),
      untrackedShown: settings.untracked !== "no",
      ignoredShown: settings.ignored,
      aheadBehind: settings.aheadBehind,
    });
    cli.out(text);
    if (settings.showStash) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`Your stash currently has ${n} entr${n === 1 ? "y" : "ies"}\n`);
    }
    if (settings.verbose > 0) showVerbose(cli, index, settings.verbose, commit.amend ?? false);
    return;
  }
  const head = repo.headBranch();
  const headId = repo.head();
  const color = (slot: string, text: ByteString): ByteString => paint?.(slot, text) ?? text;
  if (format === "v2") {
    if (branch) {
      cli.out(
        `# branch.oid ${headId ?? "(initial)"}${end}# branch.head ${
          head === undefined ? "(detached)" : head.replace(/^refs\/heads\//, "")
        }${end}`,
      );
      const short = head?.replace(/^refs\/heads\//, "");
      const upstream = short === undefined ? undefined : trackingRef(repo, short);
      if (upstream !== undefined && headId !== undefined) {
        cli.out(`# branch.upstream ${shortenRef(repo, upstream, false)}${end}`);
        const theirs = repo.refs.id(upstream);
        if (theirs !== undefined) {
          if (settings.aheadBehind) {
            const [a, b] = aheadBehind(cli, headId, theirs);
            cli.out(`# branch.ab +${a} -${b}${end}`);
          } else cli.out(headId === theirs ? `# branch.ab +0 -0${end}` : `# branch.ab +? -?${end}`);
        }
      } else if (upstream !== undefined) {
        cli.out(`# branch.upstream ${shortenRef(repo, upstream, false)}${end}`);
      }
    }
    if (settings.showStash) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`# stash ${n}${end}`);
    }
  } else if (branch) {
    if (head === undefined) cli.out(`## ${color("nobranch", "HEAD (no branch)")}${end}`);
    else {
      const short = head.replace(/^refs\/heads\//, "");
      const upstream = trackingRef(repo, short);
      let text = `## ${headId === undefined ? "No commits yet on " : ""}${
        color("localbranch", short)
      }`;
      if (upstream !== undefined) {
        text += `...${color("remotebranch", shortenRef(repo, upstream, false))}`;
        const theirs = repo.refs.id(upstream);
        if (theirs === undefined) text += " [gone]";
        else if (headId !== undefined && theirs !== headId) {
          if (!settings.aheadBehind) text += " [different]";
          else {
            const [a, b] = aheadBehind(cli, headId, theirs);
            const parts = [
              ...(a > 0 ? [`ahead ${color("localbranch", String(a))}`] : []),
              ...(b > 0 ? [`behind ${color("remotebranch", String(b))}`] : []),
            ];
            if (parts.length > 0) text += ` [${parts.join(", ")}]`;
          }
        }
      }
      cli.out(text + end);
    }
  }
  const rows = new Map<
    ByteString,
    { x: string; y: string; staged?: DiffPair; unstaged?: DiffPair }
  >();
  for (const pair of info.staged) {
    rows.set(pair.new.path, { x: pair.status, y: format === "v2" ? "." : " ", staged: pair });
  }
  for (const pair of info.unstaged) {
    const row = rows.get(pair.new.path);
    if (row === undefined) {
      rows.set(pair.new.path, { x: format === "v2" ? "." : " ", y: pair.status, unstaged: pair });
    } else {
      row.y = pair.status;
      row.unstaged = pair;
    }
  }
  const unmergedPaths = new Map(info.unmerged.map(({ path, stages }) => [path, stages]));
  const paths = [...new Set([...rows.keys(), ...unmergedPaths.keys()])].sort();
  const octal = (mode: number): string => mode.toString(8).padStart(6, "0");
  const zero = repo.algorithm.zero;
  const late: string[] = [];
  for (const path of paths) {
    const stages = unmergedPaths.get(path);
    if (stages !== undefined) {
      if (format === "v2") {
        const entries = index.stages(path);
        const at = (n: number): { mode: number; id: string } =>
          entries.find((entry) => entry.stage === n) ?? { mode: 0, id: zero };
        const onDisk = lstat(repo.worktreePath(path));
        const mode = onDisk === undefined ? 0 : worktreeMode(onDisk, undefined, true);
        late.push(
          `u ${UNMERGED_CODES[stages]} N... ${octal(at(1).mode)} ${octal(at(2).mode)} ${
            octal(at(3).mode)
          } ${octal(mode)} ${at(1).id} ${at(2).id} ${at(3).id} ${shown(path)}${end}`,
        );
      } else cli.out(`${color("unmerged", UNMERGED_CODES[stages]!)} ${shown(path)}${end}`);
      continue;
    }
    const row = rows.get(path)!;
    const renamed = row.x === "R" || row.x === "C";
    if (format !== "v2") {
      const x = row.x === " " ? " " : color("added", row.x);
      const y = row.y === " " ? " " : color("changed", row.y);
      if (renamed) {
        cli.out(
          settings.nul
            ? `${x}${y} ${path}\0${row.staged!.old.path}\0`
            : `${x}${y} ${shown(row.staged!.old.path)} -> ${shown(path)}\n`,
        );
      } else cli.out(`${x}${y} ${shown(path)}${end}`);
      continue;
    }
    const entry = index.get(path);
    const headMode = row.staged?.old.mode ?? entry?.mode ?? 0,
      headOid = row.staged === undefined
        ? entry?.id ?? zero
        : row.staged.old.mode === 0
        ? zero
        : row.staged.old.id;
    const indexMode = entry === undefined || entry.intentToAdd ? 0 : entry.mode,
      indexOid = entry === undefined || entry.intentToAdd ? zero : entry.id;
    const workMode = row.unstaged === undefined ? indexMode : row.unstaged.new.mode;
    const sub = (indexMode & 0o170000) === 0o160000 ? "SC.." : "N...";
    const headModeShown = entry?.intentToAdd ? 0 : headMode,
      headOidShown = entry?.intentToAdd ? zero : headOid;
    if (renamed) {
      const score = percent(row.staged!.score);
      cli.out(
        `2 ${row.x}${row.y} ${sub} ${octal(headMode)} ${octal(indexMode)} ${
          octal(workMode)
        } ${headOid} ${indexOid} ${row.x}${score} ${shown(path)}${settings.nul ? "\0" : "\t"}${
          shown(row.staged!.old.path)
        }${end}`,
      );
    } else {cli.out(
        `1 ${row.x}${row.y} ${sub} ${octal(headModeShown)} ${octal(indexMode)} ${
          octal(workMode)
        } ${headOidShown} ${indexOid} ${shown(path)}${end}`,
      );}
  }
  for (const line of late) cli.out(line);
  for (const path of info.untracked) {
    cli.out(`${format === "v2" ? "?" : color("untracked", "??")} ${shown(path)}${end}`);
  }
  for (const path of info.ignored) {
    cli.out(`${format === "v2" ? "!" : color("untracked", "!!")} ${shown(path)}${end}`);
  }
}
