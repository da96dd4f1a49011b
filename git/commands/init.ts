/**
 * `init`: a new repository, or an old one set up again.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { isDirectory, makeDirectories, nativePath, stat } from "../_files.ts";
import { hashAlgorithm, SHA1 } from "../hash_algorithm.ts";
import { isRefName } from "../ref_name.ts";
import {
  absolutePath,
  commonDirectory,
  initRepository,
  loadConfig,
  readGitFile,
} from "../repository.ts";
import { type Cli, currentDirectory, die, realPath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git init` */
export function init(cli: Cli, args: ByteString[]): number {
  const usage =
    "git init [-q | --quiet] [--bare] [--template=<template-directory>]\n         [--separate-git-dir <git-dir>] [--object-format=<format>]\n         [-b <branch-name> | --initial-branch=<branch-name>]\n         [--shared[=<permissions>]] [<directory>]";
  const o = parseOptions(
    cli,
    args,
    "template= bare shared? q,quiet separate-git-dir= b,initial-branch= object-format=",
    usage,
  );
  if (o.rest.length > 1) throw usageError("", usage);
  const bareRequested = o.flag("bare") || cli.global.bare === true;
  if (o.given("separate-git-dir") && bareRequested) {
    die("options '--separate-git-dir' and '--bare' cannot be used together");
  }
  const directory = o.rest[0];
  let target = currentDirectory();
  if (directory !== undefined) {
    target = absolutePath(directory);
    try {
      makeDirectories(target);
    } catch {
      die(`cannot mkdir ${directory}`);
    }
    Deno.chdir(nativePath(target));
    target = currentDirectory();
  }
  const testName = cli.env.get("GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME") || undefined;
  const defaultBranch = testName ?? initConfig(cli).get("init.defaultbranch");
  if (defaultBranch !== undefined && !o.given("initial-branch")) {
    if (!isRefName(`refs/heads/${defaultBranch}`)) {
      die(`invalid branch name: init.defaultBranch = ${defaultBranch}`);
    }
  }
  const gitDirEnv = cli.global.bare === true && directory === undefined
    ? undefined
    : cli.env.get("GIT_DIR");
  const workTreeEnv = cli.env.get("GIT_WORK_TREE");
  if (workTreeEnv !== undefined && gitDirEnv === undefined) {
    die(
      `GIT_WORK_TREE (or --work-tree=<directory>) not allowed without specifying GIT_DIR (or --git-dir=<directory>)`,
    );
  }
  if (workTreeEnv !== undefined && bareRequested) {
    die(
      `GIT_WORK_TREE (or --work-tree=<directory>) not allowed without specifying GIT_DIR (or --git-dir=<directory>)`,
    );
  }
  const formatText = o.text("object-format") ?? cli.env.get("GIT_DEFAULT_HASH");
  let algorithm;
  if (formatText !== undefined && formatText !== "") {
    algorithm = hashAlgorithm(formatText);
    if (algorithm === undefined) die(`unknown hash algorithm '${formatText}'`);
    if (!o.given("object-format") && algorithm === SHA1) algorithm = undefined;
  }
  if (o.given("separate-git-dir") && gitDirEnv === undefined) {
    const common = linkedCommonDirectory(target);
    if (common !== undefined) {
      // The whole repository moves, not the part that belongs to this worktree.
      if (!common.endsWith("/.git")) {
        die("--separate-git-dir incompatible with bare repository");
      }
      target = common.slice(0, -5);
    }
  }
  let bare = bareRequested;
  let gitDir: ByteString | undefined;
  let workTree: ByteString | undefined;
  if (gitDirEnv !== undefined && !bareRequested) {
    gitDir = absolutePath(gitDirEnv);
    if (workTreeEnv !== undefined) workTree = realPath(absolutePath(workTreeEnv));
    else if (!gitDir.endsWith("/.git")) bare = guessBare(gitDirEnv);
  } else if (gitDirEnv !== undefined && bareRequested && directory === undefined) {
    gitDir = absolutePath(gitDirEnv);
  }
  if (bare && o.given("separate-git-dir")) {
    die("--separate-git-dir incompatible with bare repository");
  }
  let template = o.text("template");
  if (template === undefined && !o.negated("template")) {
    template = cli.env.get("GIT_TEMPLATE_DIR");
    template ??= initConfig(cli).get("init.templatedir");
    if (template !== undefined && template.startsWith("~/")) {
      template = `${cli.env.get("HOME") ?? ""}${template.slice(1)}`;
    }
  }
  if (template !== undefined && template !== "") {
    const from = template.startsWith("/")
      ? template
      : absolutePath(`${cli.startDirectory}/${template}`);
    if (!isDirectory(from)) {
      cli.warn(`templates not found in ${template}`);
      template = "";
    } else template = from;
  }
  const existing = gitDir ?? (bare ? target : `${target}/.git`);
  const knownHead = stat(`${existing}/HEAD`) !== undefined;
  if (knownHead && o.given("initial-branch")) {
    cli.warn(`re-init: ignored --initial-branch=${o.text("initial-branch")}`);
  }
  if (
    !knownHead && !o.given("initial-branch") &&
    defaultBranch === undefined && !o.flag("quiet")
  ) {
    const colored = initConfig(cli).get("color.advice") === "always";
    const hint = (text: ByteString): void =>
      cli.err(colored ? text.replace(/^.+$/gm, "\x1b[33m$&\x1b[m") : text);
    hint(
      "hint: Using 'master' as the name for the initial branch. This default branch name\n" +
        "hint: is subject to change. To configure the initial branch name to use in all\n" +
        "hint: of your new repositories, which will suppress this warning, call:\nhint: \n" +
        "hint: \tgit config --global init.defaultBranch <name>\nhint: \n" +
        "hint: Names commonly chosen instead of 'master' are 'main', 'trunk' and\n" +
        "hint: 'development'. The just-created branch can be renamed via this command:\nhint: \n" +
        "hint: \tgit branch -m <name>\n",
    );
  }
  const shared = o.values.get("shared") ?? initConfig(cli).get("core.sharedrepository");
  const result = initRepository(bare ? (gitDir ?? target) : target, {
    environment: cli.env,
    overrides: cli.global.overrides,
    bare,
    initialBranch: o.text("initial-branch") ?? defaultBranch,
    algorithm,
    template,
    gitDir: bare ? undefined : gitDir,
    workTree,
    separateGitDir: o.text("separate-git-dir") === undefined
      ? undefined
      : cli.fileArgument(o.text("separate-git-dir")!),
    shared: shared === true ? "group" : typeof shared === "string" ? shared : undefined,
  });
  if (!o.flag("quiet")) {
    const word = result.existed ? "Reinitialized existing" : "Initialized empty";
    const share = shared === undefined ? "" : " shared";
    cli.out(`${word}${share} Git repository in ${result.gitDir}/\n`);
  }
  result.repository.close();
  return 0;
}

/** The common directory of a linked worktree; `undefined` for anything else. */
function linkedCommonDirectory(workTree: ByteString): ByteString | undefined {
  if (!stat(`${workTree}/.git`)?.isFile) return undefined;
  const gitDir = readGitFile(`${workTree}/.git`)!;
  const common = commonDirectory(gitDir);
  return common === gitDir ? undefined : common;
}

function guessBare(gitDir: ByteString): boolean {
  if (gitDir === ".") return true;
  if (absolutePath(gitDir) === currentDirectory()) return true;
  if (gitDir === ".git" || gitDir.endsWith("/.git")) return false;
  return true;
}

function initConfig(cli: Cli): Cli["config"] {
  // The repository is about to be made: only the user's own settings count.
  return loadConfig({ environment: cli.env, overrides: cli.global.overrides });
}
