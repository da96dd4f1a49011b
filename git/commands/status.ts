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
import { columnLayout } from "./_columns.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { headTree } from "./_head_tree.ts";
import { parseOptions } from "./_options.ts";
import {
  aheadBehind,
  collectStatus,
  longStatus,
  renamesSetting,
  UNMERGED_CODES,
} from "./_status_text.ts";
import { showVerbose } from "./_verbose_status.ts";

/** `git status` */
export function status(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ s,short b,branch show-stash ahead-behind porcelain? long z,null u,untracked-files? ignored? ignore-submodules? column? no-renames M,find-renames?",
    "git status [<options>] [--] <pathspec>...",
  );
  cli.needWorkTree();
  const { repo, config } = cli;
  const index = repo.readIndex();
  const porcelain = o.values.get("porcelain");
  let format = "long";
  if (o.flag("short")) format = "short";
  else if (o.given("porcelain") && porcelain !== false) {
    format = porcelain === "v2" || porcelain === "2" ? "v2" : "v1";
  } else if (o.flag("null")) format = "v1";
  else if (!o.given("long") && !o.negated("short") && config.bool("status.short", false)) {
    format = "short";
  }
  if (o.flag("long")) format = "long";
  const branch = o.given("branch")
    ? o.flag("branch")
    : format === "short" && config.bool("status.branch", false);
  let untracked: "no" | "normal" | "all" = "normal";
  const configured = o.values.get("untracked-files") ??
    config.entry("status.showuntrackedfiles")?.value;
  if (configured === true) untracked = "all";
  else if (configured === "no" || configured === false || configured === "false") untracked = "no";
  else if (configured === "all") untracked = "all";
  else if (configured === "normal" || configured === undefined || configured === "true") {
    untracked = "normal";
  } else die(`Invalid untracked files mode '${configured}'`);
  const ignoredMode = o.values.get("ignored");
  const ignored = ignoredMode !== undefined && ignoredMode !== false && ignoredMode !== "no";
  const renames = o.given("no-renames")
    ? !o.flag("no-renames")
    : o.given("find-renames")
    ? true
    : renamesSetting(cli);
  const info = collectStatus(cli, index, headTree(cli), {
    untracked: ignored && untracked === "no" ? "normal" : untracked,
    ignored,
    paths: o.rest,
    renames,
    ignoreSubmodules: o.text("ignore-submodules") ??
      (o.flag("ignore-submodules") ? "all" : undefined),
  });
  if ((index.changed || hasRacyEntries(index)) && cli.env.get("GIT_OPTIONAL_LOCKS") !== "0") {
    try {
      repo.writeIndex(index, repo.lockIndex());
    } catch { /* Another process is writing: the refresh can wait. */ }
  }
  const quoteHigh = config.bool("core.quotepath", true);
  const relative = format === "v1" || format === "v2"
    ? false
    : config.bool("status.relativepaths", true);
  const shown = (path: ByteString): ByteString => {
    if (o.flag("null")) return path;
    const text = relative ? relativeToPrefix(path, cli.prefix) : path;
    const quoted = quotePath(text, quoteHigh);
    return format === "v2"
      ? quoted
      : quoted.startsWith('"') || !text.includes(" ")
      ? quoted
      : `"${text}"`;
  };
  const end = o.flag("null") ? "\0" : "\n";
  if (format === "long") {
    const columns = columnLayout(cli, "status", o);
    const ignoreSubmodules = o.text("ignore-submodules") ??
      (o.flag("ignore-submodules") ? "all" : undefined);
    const { text } = longStatus(cli, info, {
      ...(columns.active ? { columns: columns.layout } : {}),
      ignoreSubmodules,
      ...(config.bool("status.displaycommentprefix", false)
        ? { comment: config.get("core.commentchar") ?? "#" }
        : {}),
      untrackedShown: untracked !== "no",
      ignoredShown: ignored,
      aheadBehind: o.given("ahead-behind")
        ? o.flag("ahead-behind")
        : config.bool("status.aheadbehind", true),
    });
    cli.out(text);
    if (o.given("show-stash") ? o.flag("show-stash") : config.bool("status.showstash", false)) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`Your stash currently has ${n} entr${n === 1 ? "y" : "ies"}\n`);
    }
    if (o.count("verbose") > 0) showVerbose(cli, index, o.count("verbose"), false);
    return 0;
  }
  const head = repo.headBranch();
  const headId = repo.head();
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
          if (o.given("ahead-behind") ? o.flag("ahead-behind") : true) {
            const [a, b] = aheadBehind(cli, headId, theirs);
            cli.out(`# branch.ab +${a} -${b}${end}`);
          } else cli.out(headId === theirs ? `# branch.ab +0 -0${end}` : `# branch.ab +? -?${end}`);
        }
      } else if (upstream !== undefined) {
        cli.out(`# branch.upstream ${shortenRef(repo, upstream, false)}${end}`);
      }
    }
    if (o.flag("show-stash")) {
      const n = repo.refs.readLog("refs/stash")?.length ?? 0;
      if (n > 0) cli.out(`# stash ${n}${end}`);
    }
  } else if (branch) {
    if (head === undefined) cli.out(`## HEAD (no branch)${end}`);
    else {
      const short = head.replace(/^refs\/heads\//, "");
      const upstream = trackingRef(repo, short);
      let text = `## ${headId === undefined ? "No commits yet on " : ""}${short}`;
      if (upstream !== undefined) {
        text += `...${shortenRef(repo, upstream, false)}`;
        const theirs = repo.refs.id(upstream);
        if (theirs === undefined) text += " [gone]";
        else if (headId !== undefined && theirs !== headId) {
          if (o.given("ahead-behind") && !o.flag("ahead-behind")) text += " [different]";
          else {
            const [a, b] = aheadBehind(cli, headId, theirs);
            const parts = [...(a > 0 ? [`ahead ${a}`] : []), ...(b > 0 ? [`behind ${b}`] : [])];
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
      } else cli.out(`${UNMERGED_CODES[stages]} ${shown(path)}${end}`);
      continue;
    }
    const row = rows.get(path)!;
    const renamed = row.x === "R" || row.x === "C";
    if (format !== "v2") {
      if (renamed) {
        cli.out(
          o.flag("null")
            ? `${row.x}${row.y} ${path}\0${row.staged!.old.path}\0`
            : `${row.x}${row.y} ${shown(row.staged!.old.path)} -> ${shown(path)}\n`,
        );
      } else cli.out(`${row.x}${row.y} ${shown(path)}${end}`);
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
        } ${headOid} ${indexOid} ${row.x}${score} ${shown(path)}${o.flag("null") ? "\0" : "\t"}${
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
    cli.out(`${format === "v2" ? "?" : "??"} ${shown(path)}${end}`);
  }
  for (const path of info.ignored) cli.out(`${format === "v2" ? "!" : "!!"} ${shown(path)}${end}`);
  return 0;
}
