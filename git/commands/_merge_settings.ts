/**
 * How merges are done here: configuration, strategy options, attributes with their drivers, and
 * the submodules that are checked out.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { nativePath } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { MergeAttributes, MergeDriver } from "../merge_content.ts";
import type { MergeTreesOptions, SubmoduleRepository } from "../merge_trees.ts";
import { Repository } from "../repository.ts";
import { MAX_SCORE } from "../tree_diff.ts";
import { attributesOf, cleanWorktreeContent, smudgeContent } from "../worktree_content.ts";
import { type Cli, die, runChild } from "./_context.ts";

/** How conflicts are marked, from the configuration. */
export function conflictStyle(cli: Cli): "merge" | "diff3" | "zdiff3" {
  const style = cli.config.get("merge.conflictstyle");
  if (style === undefined || style === "merge" || style === "diff3" || style === "zdiff3") {
    return style ?? "merge";
  }
  die(`unknown style '${style}' given for 'merge.conflictstyle'`);
}

/** A similarity as an option gives it: `50%`, `0.5`, or the digits behind the point. */
function similarity(text: ByteString): number | undefined {
  const match = /^(\d*)(?:\.(\d*))?(%?)$/.exec(text);
  if (match === null) return undefined;
  const [, whole, fraction, percent] = match;
  const value = percent === "%"
    ? Number(`${whole || "0"}.${fraction || "0"}`) / 100
    : fraction !== undefined
    ? Number(`${whole || "0"}.${fraction || "0"}`)
    : Number(`0.${whole || "0"}`);
  return value >= 1 ? MAX_SCORE : Math.floor(value * MAX_SCORE);
}

/** Applies one `-X` option; false when there is none of that name. */
function applyStrategyOption(out: MergeTreesOptions, option: ByteString): boolean {
  const whitespace = (key: string): true => {
    out.whitespace = { ...out.whitespace, [key]: true };
    return true;
  };
  const equals = option.indexOf("=");
  const name = equals < 0 ? option : option.slice(0, equals);
  const value = equals < 0 ? undefined : option.slice(equals + 1);
  if (value === undefined) {
    switch (name) {
      case "ours":
      case "theirs":
        out.favor = name;
        return true;
      case "subtree":
        out.subtree = "";
        return true;
      case "patience":
      case "histogram":
        // The strategy always compares by histogram.
        return true;
      case "ignore-space-change":
        return whitespace("ignoreSpaceChange");
      case "ignore-all-space":
        return whitespace("ignoreAllSpace");
      case "ignore-space-at-eol":
        return whitespace("ignoreSpaceAtEol");
      case "ignore-cr-at-eol":
        return whitespace("ignoreCrAtEol");
      case "no-renames":
        out.renames = false;
        return true;
      case "find-renames":
        out.renames = true;
        delete out.renameScore;
        return true;
    }
    return false;
  }
  if (name === "subtree") {
    out.subtree = value;
    return true;
  }
  if (name === "diff-algorithm") {
    return ["myers", "default", "minimal", "patience", "histogram"].includes(value);
  }
  if (name === "find-renames" || name === "rename-threshold") {
    const score = similarity(value);
    if (score === undefined) return false;
    out.renames = true;
    if (score > 0) out.renameScore = score;
    else delete out.renameScore;
    return true;
  }
  return false;
}

/** Runs a configured merge driver. */
function commandDriver(cli: Cli, name: ByteString, command: ByteString | undefined): MergeDriver {
  return ({ path, base, ours, theirs, markerSize }) => {
    if (command === undefined) die(`custom merge driver ${name} lacks command line.`);
    const directory = cli.repo.paths.workTree ?? cli.repo.paths.gitDir;
    const files = [base, ours, theirs].map((data) => {
      const file = `.merge_file_${crypto.randomUUID().replaceAll("-", "").slice(0, 6)}`;
      Deno.writeFileSync(nativePath(`${directory}/${file}`), data, { createNew: true });
      return file;
    });
    try {
      const values: Record<string, ByteString> = {
        O: files[0]!,
        A: files[1]!,
        B: files[2]!,
        L: `${markerSize}`,
        P: `'${path.replaceAll("'", "'\\''")}'`,
        "%": "%",
      };
      const line = command.replace(/%([OABLP%])/g, (_, key: string) => values[key]!);
      cli.flush();
      const code = runChild(["/bin/sh", "-c", line], { cwd: directory, inherit: true });
      if (code > 128) die("Failed to execute internal merge");
      return {
        data: Deno.readFileSync(nativePath(`${directory}/${files[1]}`)),
        clean: code === 0,
      };
    } finally {
      for (const file of files) {
        try {
          Deno.removeSync(nativePath(`${directory}/${file}`));
        } catch { /* The driver removed it. */ }
      }
    }
  };
}

/** What attributes say about merging each path, drivers included. */
export function mergeAttributes(
  cli: Cli,
): (path: ByteString, virtual: boolean) => MergeAttributes | undefined {
  const attributes = attributesOf(cli.repo);
  const { config } = cli;
  const named = (name: ByteString): MergeAttributes["driver"] => {
    const command = config.get(`merge.${name}.driver`);
    if (command !== undefined || config.get(`merge.${name}.name`) !== undefined) {
      return commandDriver(cli, name, command);
    }
    return name === "binary" || name === "union" ? name : "text";
  };
  return (path, virtual) => {
    const found = attributes.get(path);
    const value = found.get("merge");
    const size = Number.parseInt(String(found.get("conflict-marker-size") ?? ""), 10);
    let name = typeof value === "string"
      ? value
      : value === true
      ? "text"
      : value === false
      ? "binary"
      : config.get("merge.default") ?? "text";
    if (virtual) name = config.get(`merge.${name}.recursive`) ?? name;
    return {
      driver: typeof value === "boolean" && !virtual ? (value ? "text" : "binary") : named(name)!,
      ...(size > 0 ? { markerSize: size } : {}),
    };
  };
}

/** A submodule that is checked out, for merges. */
function submoduleAt(cli: Cli, path: ByteString): SubmoduleRepository | undefined {
  if (cli.repo.paths.workTree === undefined) return undefined;
  let sub: Repository;
  try {
    sub = Repository.open(cli.repo.worktreePath(path), { environment: cli.env });
  } catch {
    return undefined;
  }
  // An empty directory is found to be a part of this repository.
  if (sub.paths.gitDir === cli.repo.paths.gitDir) {
    sub.close();
    return undefined;
  }
  return {
    objects: sub.objects,
    *tips() {
      for (const ref of sub.refs.list("refs/")) {
        const id = sub.refs.id(ref.name);
        if (id !== undefined) yield id;
      }
      const head = sub.head();
      if (head !== undefined) yield head;
    },
    abbreviate: (id: ObjectId) => {
      for (let n = 7; n < id.length; n++) {
        if (sub.objects.withPrefix(id.slice(0, n), 2).length < 2) return id.slice(0, n);
      }
      return id;
    },
  };
}

/** How merges are done here; `strategyOptions` are the values of `-X`. */
export function mergeSettings(
  cli: Cli,
  strategyOptions: readonly ByteString[] = [],
): MergeTreesOptions {
  const { config } = cli;
  const out: MergeTreesOptions = {
    style: conflictStyle(cli),
    attributes: mergeAttributes(cli),
    abbreviate: (id) => cli.abbrev(id),
    submodule: (path) => submoduleAt(cli, path),
  };
  const limit = Number(config.get("merge.renamelimit") ?? config.get("diff.renamelimit") ?? -1);
  if (limit > 0) out.renameLimit = limit;
  const follow = config.get("merge.directoryrenames");
  if (follow?.toLowerCase() === "conflict") out.directoryRenames = "conflict";
  else if (follow !== undefined) {
    out.directoryRenames = config.bool("merge.directoryrenames", false);
  }
  const setting = config.entry("merge.renames") ?? config.entry("diff.renames");
  if (setting !== undefined && !/^cop(y|ies)$/i.test(setting.value ?? "")) {
    out.renames = config.bool(setting.key, true);
  }
  let renormalize = config.bool("merge.renormalize", false);
  for (const option of strategyOptions) {
    if (option === "renormalize") renormalize = true;
    else if (option === "no-renormalize") renormalize = false;
    else if (!applyStrategyOption(out, option)) die(`unknown strategy option: -X${option}`);
  }
  if (renormalize) {
    out.renormalize = (path, data) =>
      cleanWorktreeContent(cli.repo, path, smudgeContent(cli.repo, path, data), {
        renormalize: true,
      });
  }
  return out;
}
