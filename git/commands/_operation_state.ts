/**
 * What is under way in a worktree: a merge, a rebase, a cherry-pick, a revert, a bisection.
 *
 * @module
 */
import { type ByteString, trimSpace } from "../_bytes.ts";
import { isDirectory, readTextIfAny, stat } from "../_files.ts";
import { isHex } from "../objects.ts";
import { peelTo } from "../object_store.ts";
import { interpretBranchName, resolveRevision } from "../revision.ts";
import type { Cli } from "./_context.ts";

/** A rebase that has stopped. */
interface RebaseState {
  interactive: boolean;
  branch: ByteString | undefined;
  onto: ByteString | undefined;
}

/** How many lines of a todo list are shown. */
const SHOWN_STEPS = 2;

function stateFile(cli: Cli, name: string): ByteString | undefined {
  return readTextIfAny(`${cli.repo.paths.gitDir}/${name}`)?.replace(/[ \t\r\n]+$/, "");
}

function branchIn(cli: Cli, name: string): ByteString | undefined {
  const text = stateFile(cli, name);
  if (text === undefined || text === "" || text === "detached HEAD") return undefined;
  if (text.startsWith("refs/heads/")) return text.slice(11);
  return isHex(text, 40) || isHex(text, 64) ? cli.abbrev(text) : text;
}

function rebaseState(cli: Cli): RebaseState | undefined {
  const { gitDir } = cli.repo.paths;
  if (!isDirectory(`${gitDir}/rebase-merge`)) return undefined;
  return {
    interactive: stat(`${gitDir}/rebase-merge/interactive`) !== undefined,
    branch: branchIn(cli, "rebase-merge/head-name"),
    onto: branchIn(cli, "rebase-merge/onto"),
  };
}

/** Where a detached HEAD is said to be: `HEAD detached at v1.0`. */
export function detachedLine(cli: Cli): { words: ByteString; name: ByteString } {
  const { repo } = cli;
  const rebase = rebaseState(cli);
  if (rebase !== undefined) {
    return {
      words: `${rebase.interactive ? "interactive " : ""}rebase in progress; onto `,
      name: rebase.onto ?? "",
    };
  }
  const moved = repo.refs.readLog("HEAD")?.findLast((entry) =>
    /^checkout: moving from .* to /.test(entry.message)
  );
  if (moved === undefined) return { words: "Not currently on any branch.", name: "" };
  const to = moved.message.slice(moved.message.indexOf(" to ") + 4);
  let label = cli.abbrev(moved.newId);
  const expanded = to === "HEAD" || isHex(to, 40) || isHex(to, 64)
    ? undefined
    : interpretBranchName(repo, to);
  const full = expanded === undefined ? undefined : [
    expanded,
    `refs/${expanded}`,
    `refs/tags/${expanded}`,
    `refs/heads/${expanded}`,
    `refs/remotes/${expanded}`,
  ].find((name) => name.startsWith("refs/") && repo.refs.id(name) !== undefined);
  if (full !== undefined) {
    const id = repo.refs.id(full)!;
    if (id === moved.newId || peelTo(repo.objects, id, "commit") === moved.newId) {
      label = full.replace(/^refs\/(tags|remotes)\//, "");
    }
  }
  return { words: `HEAD detached ${repo.head() === moved.newId ? "at" : "from"} `, name: label };
}

function todoLines(cli: Cli, name: string): ByteString[] | undefined {
  const text = stateFile(cli, `rebase-merge/${name}`);
  return text?.split("\n").map(trimSpace).filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [verb, name, ...rest] = line.split(" ");
      if (name === undefined || ["exec", "x", "label", "l"].includes(verb!)) return line;
      try {
        const id = resolveRevision(cli.repo, name);
        return id === undefined ? line : [verb, cli.abbrev(id), ...rest].join(" ");
      } catch {
        return line;
      }
    });
}

function rebaseSteps(cli: Cli, hints: boolean): ByteString {
  let out = "";
  const done = todoLines(cli, "done") ?? [];
  const todo = todoLines(cli, "git-rebase-todo");
  if (todo === undefined) out += "git-rebase-todo is missing.\n";
  if (done.length === 0) out += "No commands done.\n";
  else {
    out += done.length === 1
      ? "Last command done (1 command done):\n"
      : `Last commands done (${done.length} commands done):\n`;
    for (const line of done.slice(-SHOWN_STEPS)) out += `   ${line}\n`;
    if (done.length > SHOWN_STEPS && hints) {
      const { gitDir, workTree } = cli.repo.paths;
      const shown = gitDir === `${workTree}/.git` ? ".git" : gitDir;
      out += `  (see more in file ${shown}/rebase-merge/done)\n`;
    }
  }
  if (todo === undefined || todo.length === 0) return `${out}No commands remaining.\n`;
  out += todo.length === 1
    ? "Next command to do (1 remaining command):\n"
    : `Next commands to do (${todo.length} remaining commands):\n`;
  for (const line of todo.slice(0, SHOWN_STEPS)) out += `   ${line}\n`;
  return hints ? `${out}  (use "git rebase --edit-todo" to view and edit)\n` : out;
}

/** What the text depends on besides the repository. */
export interface StateSettings {
  /** There are paths in conflict. */
  unmerged: boolean;
  /** Tracked files differ from the index. */
  dirty: boolean;
  /** Say what to do. */
  hints: boolean;
  /** The commit is being amended. */
  amend: boolean;
}

function splitting(cli: Cli, settings: StateSettings): boolean {
  if (!settings.amend && !settings.dirty) return false;
  const head = cli.repo.refs.read("HEAD");
  if (head === undefined || head.kind === "symbolic") return false;
  const original = stateFile(cli, "ORIG_HEAD");
  const amended = stateFile(cli, "rebase-merge/amend");
  const start = stateFile(cli, "rebase-merge/orig-head");
  if (original === undefined || amended === undefined || start === undefined) return false;
  return amended === start ? cli.repo.head() !== amended : original !== start;
}

function rebaseText(cli: Cli, rebase: RebaseState, settings: StateSettings): ByteString {
  const { hints } = settings;
  const steps = rebase.interactive ? rebaseSteps(cli, hints) : "";
  const on = rebase.branch === undefined
    ? undefined
    : `rebasing branch '${rebase.branch}' on '${rebase.onto}'.\n`;
  const rebasing = `You are currently ${on ?? "rebasing.\n"}`;
  if (settings.unmerged) {
    return steps + rebasing +
      (hints
        ? '  (fix conflicts and then run "git rebase --continue")\n  (use "git rebase --skip" to skip this patch)\n  (use "git rebase --abort" to check out the original branch)\n'
        : "");
  }
  if (!rebase.interactive || stat(`${cli.repo.paths.gitDir}/MERGE_MSG`) !== undefined) {
    return steps + rebasing +
      (hints ? '  (all conflicts fixed: run "git rebase --continue")\n' : "");
  }
  if (splitting(cli, settings)) {
    return `${steps}You are currently splitting a commit ${
      on === undefined ? "during a rebase.\n" : `while ${on}`
    }${hints ? '  (Once your working directory is clean, run "git rebase --continue")\n' : ""}`;
  }
  return `${steps}You are currently editing a commit ${
    on === undefined ? "during a rebase.\n" : `while ${on}`
  }${
    hints && !settings.amend
      ? '  (use "git commit --amend" to amend the current commit)\n  (use "git rebase --continue" once you are satisfied with your changes)\n'
      : ""
  }`;
}

function pickText(
  cli: Cli,
  head: string,
  words: { gerund: string; title: string; command: string },
  settings: StateSettings,
): ByteString {
  const id = stateFile(cli, head);
  const { gerund, title, command } = words;
  let out = id === undefined
    ? `${title} currently in progress.\n`
    : `You are currently ${gerund} commit ${cli.abbrev(id)}.\n`;
  if (!settings.hints) return out;
  out += settings.unmerged
    ? `  (fix conflicts and run "git ${command} --continue")\n`
    : id === undefined
    ? `  (run "git ${command} --continue" to continue)\n`
    : `  (all conflicts fixed: run "git ${command} --continue")\n`;
  return `${out}  (use "git ${command} --skip" to skip this patch)\n  (use "git ${command} --abort" to cancel the ${command} operation)\n`;
}

/** The lines of `status` about what is under way, each part with an empty line behind it. */
export function operationText(cli: Cli, settings: StateSettings): ByteString {
  const { gitDir } = cli.repo.paths;
  const { hints } = settings;
  const parts: ByteString[] = [];
  const todo = stateFile(cli, "sequencer/todo")?.split("\n")[0] ?? "";
  const merging = stat(`${gitDir}/MERGE_HEAD`) !== undefined;
  const rebase = rebaseState(cli);
  if (merging) {
    if (rebase?.interactive) parts.push(rebaseSteps(cli, hints));
    parts.push(
      settings.unmerged
        ? `You have unmerged paths.\n${
          hints
            ? '  (fix conflicts and run "git commit")\n  (use "git merge --abort" to abort the merge)\n'
            : ""
        }`
        : `All conflicts fixed but you are still merging.\n${
          hints ? '  (use "git commit" to conclude merge)\n' : ""
        }`,
    );
  } else if (rebase !== undefined) parts.push(rebaseText(cli, rebase, settings));
  else if (stateFile(cli, "CHERRY_PICK_HEAD") !== undefined || /^(pick|p) /.test(todo)) {
    parts.push(pickText(cli, "CHERRY_PICK_HEAD", {
      gerund: "cherry-picking",
      title: "Cherry-pick",
      command: "cherry-pick",
    }, settings));
  } else if (stateFile(cli, "REVERT_HEAD") !== undefined || /^revert /.test(todo)) {
    parts.push(pickText(cli, "REVERT_HEAD", {
      gerund: "reverting",
      title: "Revert",
      command: "revert",
    }, settings));
  }
  if (stat(`${gitDir}/BISECT_LOG`) !== undefined) {
    const branch = branchIn(cli, "BISECT_START");
    parts.push(
      `You are currently bisecting${
        branch === undefined ? "" : `, started from branch '${branch}'`
      }.\n${hints ? '  (use "git bisect reset" to get back to the original branch)\n' : ""}`,
    );
  }
  return parts.map((part) => `${part}\n`).join("");
}
