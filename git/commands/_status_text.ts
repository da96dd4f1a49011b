/**
 * What `status` says at length; `commit` puts the same text under its message.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { readTextIfAny, stat } from "../_files.ts";
import { COLOR_RESET, colorSequence } from "../color.ts";
import { type ColumnLayout, formatColumns } from "../columns.ts";
import { parseConfig } from "../config.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { GitIndex } from "../index_file.ts";
import { isGitlinkMode } from "../objects.ts";
import { shortenRef } from "../ref_filter.ts";
import { detectRenames } from "../rename.ts";
import { walkCommits } from "../rev_list.ts";
import { trackingRef } from "../revision.ts";
import {
  diffIndexWorktree,
  diffTreeIndex,
  listUntracked,
  type SubmoduleIgnore,
} from "../status.ts";
import type { DiffPair } from "../tree_diff.ts";
import { type Cli, quotePath, relativeToPrefix } from "./_context.ts";
import { detachedLine, operationText } from "./_operation_state.ts";
import { makePathspec, terminalColumns } from "./_revs.ts";
import { submoduleSummary } from "./_submodule_summary.ts";

/** What `status` and commit templates show. */
export interface StatusInfo {
  staged: DiffPair[];
  unstaged: DiffPair[];
  unmerged: { path: ByteString; stages: number }[];
  untracked: ByteString[];
  ignored: ByteString[];
}

/** Colours a piece of the text by its slot in `color.status`. */
export type StatusPaint = (slot: string, text: ByteString) => ByteString;

const plainPaint: StatusPaint = (_slot, text) => text;

const STATUS_COLORS: Record<string, string> = {
  added: "green",
  updated: "green",
  changed: "red",
  untracked: "red",
  unmerged: "red",
  nobranch: "red",
  localbranch: "green",
  remotebranch: "red",
};

/** The colours of `status` on this terminal, if it shows any. */
export function statusPaint(cli: Cli): StatusPaint {
  if (!cli.useColor(cli.config.has("color.status") ? "color.status" : "status.color")) {
    return plainPaint;
  }
  const known = new Map<string, string>();
  return (slot, text) => {
    let color = known.get(slot);
    if (color === undefined) {
      const names = slot === "added" ? ["added", "updated"] : [slot];
      const configured = names.flatMap((name) => [
        cli.config.get(`color.status.${name}`),
        cli.config.get(`status.color.${name}`),
      ]).find((value) => value !== undefined);
      color = colorSequence(configured ?? STATUS_COLORS[slot] ?? "");
      known.set(slot, color);
    }
    return color === "" || text === "" ? text : `${color}${text}${COLOR_RESET}`;
  };
}

/** Collects the state of the worktree. */
export function collectStatus(
  cli: Cli,
  index: GitIndex,
  tree: ObjectId | undefined,
  options: {
    untracked: "no" | "normal" | "all";
    ignored: boolean;
    paths?: ByteString[];
    renames: boolean;
    score?: number;
    ignoreSubmodules?: ByteString | undefined;
  },
): StatusInfo {
  const { repo } = cli;
  const spec = options.paths !== undefined && options.paths.length > 0
    ? makePathspec(cli, options.paths)
    : undefined;
  let staged = diffTreeIndex(repo, tree, index, { cached: true, pathspec: spec }).filter((pair) =>
    pair.status !== "U"
  );
  if (options.renames) {
    staged = detectRenames(
      repo.objects,
      staged,
      options.score === undefined ? {} : { minimumScore: options.score },
    );
  }
  staged.sort((a, b) => (a.new.path < b.new.path ? -1 : 1));
  const unstaged = repo.paths.workTree === undefined ? [] : diffIndexWorktree(repo, index, spec, {
    submodules: (path) =>
      (options.ignoreSubmodules ?? ignoredSubmodule(cli, path) ??
        cli.config.get("diff.ignoresubmodules") ?? "none") as SubmoduleIgnore,
  }).filter((pair) => pair.status !== "U");
  if (options.ignoreSubmodules === "all") {
    staged = staged.filter((pair) => !isGitlinkMode(pair.new.mode || pair.old.mode));
  }
  const unmerged = new Map<ByteString, number>();
  for (const entry of index.entries) {
    if (entry.stage > 0 && (spec === undefined || spec.matches(entry.path))) {
      unmerged.set(entry.path, (unmerged.get(entry.path) ?? 0) | (1 << (entry.stage - 1)));
    }
  }
  let untracked: ByteString[] = [], ignored: ByteString[] = [];
  if (options.untracked !== "no" || options.ignored) {
    const found = listUntracked(repo, index, {
      collapse: options.untracked !== "all",
      ignored: options.ignored,
      pathspec: spec,
    });
    // A directory in place of a tracked file is told by the file's being gone.
    untracked = options.untracked === "no"
      ? []
      : found.untracked.filter((path) => !path.endsWith("/") || !index.hasPath(path.slice(0, -1)));
    ignored = options.ignored ? found.ignored : [];
  }
  return {
    staged,
    unstaged,
    unmerged: [...unmerged].map(([path, stages]) => ({ path, stages })),
    untracked,
    ignored,
  };
}

export const UNMERGED_CODES: Record<number, string> = {
  1: "DD",
  2: "AU",
  3: "UD",
  4: "UA",
  5: "DU",
  6: "AA",
  7: "UU",
};

const UNMERGED_WORDS: Record<number, string> = {
  1: "both deleted:",
  2: "added by us:",
  3: "deleted by them:",
  4: "added by them:",
  5: "deleted by us:",
  6: "both added:",
  7: "both modified:",
};

/** How far a branch is from its upstream. */
export function aheadBehind(cli: Cli, a: ObjectId, b: ObjectId): [number, number] {
  if (a === b) return [0, 0];
  const count = (include: ObjectId, exclude: ObjectId): number => {
    let n = 0;
    for (const _ of walkCommits(cli.repo.objects, { include: [include], exclude: [exclude] })) n++;
    return n;
  };
  return [count(a, b), count(b, a)];
}

/** The lines about a branch's upstream. */
export function trackingText(
  cli: Cli,
  branch: ByteString,
  full: boolean,
  advice = cli.config.bool("advice.statushints", true),
): ByteString {
  const { repo } = cli;
  const upstream = trackingRef(repo, branch);
  if (upstream === undefined) return "";
  const short = shortenRef(repo, upstream, false);
  const theirs = repo.refs.id(upstream);
  if (theirs === undefined) {
    return `Your branch is based on '${short}', but the upstream is gone.\n${
      advice ? '  (use "git branch --unset-upstream" to fixup)\n' : ""
    }`;
  }
  const own = repo.refs.id(`refs/heads/${branch}`);
  if (own === undefined) return "";
  if (own === theirs) return `Your branch is up to date with '${short}'.\n`;
  if (!full) {
    return `Your branch and '${short}' refer to different commits.\n${
      advice ? '  (use "git status --ahead-behind" for details)\n' : ""
    }`;
  }
  const [ahead, behind] = aheadBehind(cli, own, theirs);
  const commits = (n: number): string => `${n} commit${n === 1 ? "" : "s"}`;
  if (behind === 0) {
    return `Your branch is ahead of '${short}' by ${commits(ahead)}.\n${
      advice ? '  (use "git push" to publish your local commits)\n' : ""
    }`;
  }
  if (ahead === 0) {
    return `Your branch is behind '${short}' by ${commits(behind)}, and can be fast-forwarded.\n${
      advice ? '  (use "git pull" to update your local branch)\n' : ""
    }`;
  }
  return `Your branch and '${short}' have diverged,\nand have ${ahead} and ${behind} different commits each, respectively.\n${
    advice ? '  (use "git pull" to merge the remote branch into yours)\n' : ""
  }`;
}

export function renamesSetting(cli: Cli): boolean {
  const { config } = cli;
  for (const key of ["status.renames", "diff.renames"]) {
    const text = config.entry(key)?.value?.toLowerCase();
    if (text === "copies" || text === "copy") return true;
    if (config.has(key)) return config.bool(key, true);
  }
  return true;
}

/** The long form of status, for terminals and commit templates. */
export function longStatus(
  cli: Cli,
  info: StatusInfo,
  options: {
    comment?: string;
    amend?: boolean;
    verbose?: number;
    untrackedShown: boolean;
    ignoredShown: boolean;
    aheadBehind: boolean;
    template?: boolean;
    committing?: boolean;
    columns?: ColumnLayout | undefined;
    ignoreSubmodules?: ByteString | undefined;
    paint?: StatusPaint;
    hints?: boolean;
  },
): { text: ByteString; committable: boolean } {
  const { repo } = cli;
  const hints = options.hints ??
    (cli.config.bool("advice.statushints", true) && !options.template);
  const relative = cli.config.bool("status.relativepaths", true);
  const shown = (path: ByteString): ByteString =>
    quotePath(
      relative ? relativeToPrefix(path, cli.prefix) : path,
      cli.config.bool("core.quotepath", true),
    );
  let out = "";
  const head = repo.refs.read("HEAD");
  const initial = repo.head() === undefined;
  const paint = options.paint ?? plainPaint;
  if (head?.kind === "symbolic") {
    const branch = head.target.replace(/^refs\/heads\//, "");
    out += `On branch ${paint("branch", branch)}\n`;
    const tracking = initial ? "" : trackingText(cli, branch, options.aheadBehind, hints);
    if (tracking !== "") out += `${tracking}\n`;
  } else if (head !== undefined) {
    const { words, name } = detachedLine(cli);
    out += `${paint("nobranch", words)}${name}\n`;
  }
  out += operationText(cli, {
    unmerged: info.unmerged.length > 0,
    dirty: info.unstaged.length > 0,
    hints,
    amend: options.amend ?? false,
  });
  if (initial) {
    out += options.template || options.committing ? "\nInitial commit\n\n" : "\nNo commits yet\n\n";
  }
  const pad = (label: string, width: number): string => label.padEnd(width);
  const labels: Record<string, string> = {
    A: "new file:",
    D: "deleted:",
    M: "modified:",
    R: "renamed:",
    C: "copied:",
    T: "typechange:",
  };
  const committable = info.staged.length > 0 ||
    (mergeInProgress(cli) && info.unmerged.length === 0);
  if (info.staged.length > 0) {
    out += "Changes to be committed:\n";
    if (hints && !concluding(cli)) {
      const restore = initial
        ? '  (use "git rm --cached <file>..." to unstage)\n'
        : options.amend
        ? '  (use "git restore --source=HEAD^1 --staged <file>..." to unstage)\n'
        : '  (use "git restore --staged <file>..." to unstage)\n';
      out += restore;
    }
    for (const pair of info.staged) {
      const name = pair.status === "R" || pair.status === "C"
        ? `${shown(pair.old.path)} -> ${shown(pair.new.path)}`
        : shown(pair.new.path);
      out += `\t${paint("added", `${pad(labels[pair.status]!, 12)}${name}`)}\n`;
    }
    out += "\n";
  }
  if (info.unmerged.length > 0) {
    out += "Unmerged paths:\n";
    if (hints) {
      if (!initial && !concluding(cli)) {
        out += '  (use "git restore --staged <file>..." to unstage)\n';
      }
      const both = info.unmerged.some(({ stages }) => stages === 1),
        deleted = info.unmerged.some(({ stages }) =>
          stages !== 1 && stages !== 7 && stages !== 6 && (stages & 6) !== 6
        ),
        other = info.unmerged.some(({ stages }) => stages === 6 || stages === 7);
      if (!deleted && !both) out += '  (use "git add <file>..." to mark resolution)\n';
      else if (!other && !deleted && both) out += '  (use "git rm <file>..." to mark resolution)\n';
      else out += '  (use "git add/rm <file>..." as appropriate to mark resolution)\n';
    }
    for (const { path, stages } of info.unmerged) {
      out += `\t${paint("unmerged", `${pad(UNMERGED_WORDS[stages]!, 17)}${shown(path)}`)}\n`;
    }
    out += "\n";
  }
  if (info.unstaged.length > 0) {
    out += "Changes not staged for commit:\n";
    if (hints) {
      const removal = info.unstaged.some((pair) => pair.status === "D");
      out += removal
        ? '  (use "git add/rm <file>..." to update what will be committed)\n'
        : '  (use "git add <file>..." to update what will be committed)\n';
      out += '  (use "git restore <file>..." to discard changes in working directory)\n';
      if (info.unstaged.some((pair) => pair.new.dirty)) {
        out += "  (commit or discard the untracked or modified content in submodules)\n";
      }
    }
    for (const pair of info.unstaged) {
      const inside = pair.new.submodule;
      const notes = inside === undefined ? [] : [
        ...(inside.commits ? ["new commits"] : []),
        ...(inside.modified ? ["modified content"] : []),
        ...(inside.untracked ? ["untracked content"] : []),
      ];
      out += `\t${paint("changed", `${pad(labels[pair.status]!, 12)}${shown(pair.new.path)}`)}${
        notes.length === 0 ? "" : ` (${notes.join(", ")})`
      }\n`;
    }
    out += "\n";
  }
  const limit = submoduleLimit(cli);
  if (limit !== 0) {
    const section = (title: string, pairs: readonly DiffPair[]): void => {
      const text = submoduleSummary(
        cli,
        pairs.filter((pair) => ignoredSubmodule(cli, pair.new.path) !== "all"),
        limit,
      );
      if (text !== "") out += `${title}\n\n${text}`;
    };
    if (options.ignoreSubmodules !== "all") {
      section("Submodule changes to be committed:", info.staged);
      section("Submodules changed but not updated:", info.unstaged);
    }
  }
  const group = (title: string, hint: string, paths: ByteString[]): void => {
    if (paths.length === 0) return;
    out += `${title}\n`;
    if (hints) out += `${hint}\n`;
    out += options.columns === undefined
      ? paths.map((path) => `\t${paint("untracked", shown(path))}\n`).join("")
      : formatColumns(paths.map(shown), options.columns, {
        width: terminalColumns(cli) - 1,
        indent: "\t",
      });
    out += "\n";
  };
  if (options.untrackedShown) {
    group(
      "Untracked files:",
      '  (use "git add <file>..." to include in what will be committed)',
      info.untracked,
    );
    if (options.ignoredShown) {
      group(
        "Ignored files:",
        '  (use "git add -f <file>..." to include in what will be committed)',
        info.ignored,
      );
    }
  } else if (committable) {
    out += `Untracked files not listed${hints ? " (use -u option to show untracked files)" : ""}\n`;
  }
  let tail = "";
  if (!committable && !options.template) {
    if (options.amend) tail += "No changes\n";
    else if (info.unstaged.length > 0 || info.unmerged.length > 0) {
      tail += hints
        ? 'no changes added to commit (use "git add" and/or "git commit -a")\n'
        : "no changes added to commit\n";
    } else if (info.untracked.length > 0) {
      tail += hints
        ? 'nothing added to commit but untracked files present (use "git add" to track)\n'
        : "nothing added to commit but untracked files present\n";
    } else if (initial) {
      tail += hints
        ? 'nothing to commit (create/copy files and use "git add" to track)\n'
        : "nothing to commit\n";
    } else if (!options.untrackedShown) {
      tail += hints
        ? "nothing to commit (use -u to show untracked files)\n"
        : "nothing to commit\n";
    } else tail += "nothing to commit, working tree clean\n";
  }
  if (options.comment !== undefined) {
    out = out.replace(/\n$/, "").split("\n").map((line) =>
      line === ""
        ? options.comment
        : line.startsWith("\t")
        ? options.comment + line
        : `${options.comment} ${line}`
    ).join("\n") + "\n";
  }
  return { text: out + tail, committable };
}

/** How many commits of each submodule are shown; 0 for none, negative for all. */
function submoduleLimit(cli: Cli): number {
  const value = cli.config.entry("status.submodulesummary");
  if (value === undefined) return 0;
  if (value.value !== undefined && /^-?\d+$/.test(value.value)) return Number(value.value);
  return cli.config.bool("status.submodulesummary", false) ? -1 : 0;
}

/** `ignore` of a submodule, from the configuration or `.gitmodules`. */
function ignoredSubmodule(cli: Cli, path: ByteString): ByteString | undefined {
  const modules = readTextIfAny(`${cli.repo.paths.workTree}/.gitmodules`);
  const entries = modules === undefined
    ? []
    : parseConfig(modules, "file .gitmodules").filter((token) => token.kind === "entry");
  const name = entries.find((token) =>
    token.key.startsWith("submodule.") && token.key.endsWith(".path") && token.value === path
  )?.key.slice("submodule.".length, -".path".length);
  if (name === undefined) return undefined;
  return cli.config.get(`submodule.${name}.ignore`) ??
    entries.findLast((token) => token.key === `submodule.${name}.ignore`)?.value;
}

/** Whether the next commit concludes a merge or a cherry-pick. */
function concluding(cli: Cli): boolean {
  return mergeInProgress(cli) ||
    stat(`${cli.repo.paths.gitDir}/CHERRY_PICK_HEAD`) !== undefined;
}

function mergeInProgress(cli: Cli): boolean {
  return stat(`${cli.repo.paths.gitDir}/MERGE_HEAD`) !== undefined;
}
