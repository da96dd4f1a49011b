/**
 * `rev-parse`: names of revisions and options for scripts.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { relativePath, stat } from "../_files.ts";
import { approximateDate, currentTime } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { mergeBases } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import { parseCommit } from "../objects.ts";
import { shortenRef } from "../ref_filter.ts";
import { absolutePath, isGitDirectory, readGitFile } from "../repository.ts";
import { abbreviate, expandRef, interpretBranchName } from "../revision.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, currentDirectory, die, Exit, realPath } from "./_context.ts";

/** `git rev-parse` */
export function revParse(cli: Cli, args: ByteString[]): number {
  if (args[0] === "--sq-quote") {
    cli.out(
      `${
        args.slice(1).map((word) => ` '${word.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`)
          .join("")
      }\n`,
    );
    return 0;
  }
  let verify = false,
    quiet = false,
    symbolic = false,
    symbolicFull = false,
    sq = false,
    abbrevRef: string | undefined;
  let short: number | undefined;
  let revsOnly = false, noRevs = false, flags = true, noFlags = false, asIs = false;
  let defaultName: ByteString | undefined;
  let pathPrefix: ByteString | undefined;
  let pathFormat: "absolute" | "relative" | undefined;
  let count = 0;
  let excludes: ByteString[] = [];
  let found: { name: ByteString; id: ObjectId; negative: boolean } | undefined;
  const put = (text: ByteString): void => {
    cli.out(sq ? `'${text.replaceAll("'", "'\\''")}' ` : `${text}\n`);
  };
  const dieVerify = (): never => {
    if (quiet) throw new Exit(1);
    die("Needed a single revision");
  };
  const showRev = (negative: boolean, id: ObjectId, name: ByteString | undefined): void => {
    if (noRevs) return;
    defaultName = undefined;
    count++;
    const sign = negative ? "^" : "";
    if (verify) {
      if (count > 1) dieVerify();
      found = { name: name ?? id, id, negative };
      return;
    }
    emitRev(sign, id, name);
  };
  const emitRev = (sign: string, id: ObjectId, name: ByteString | undefined): void => {
    if ((symbolic || symbolicFull || abbrevRef !== undefined) && name !== undefined) {
      if (symbolicFull || abbrevRef !== undefined) {
        const inner = interpretBranchName(cli.repo, name);
        const candidates = expandRef(cli.repo, inner);
        if (candidates.length > 0) {
          let full = candidates[0]!.name;
          const resolved = cli.repo.refs.resolve(full);
          if (full === "HEAD" && resolved?.symbolic) full = resolved.target;
          else if (resolved?.symbolic) full = resolved.target;
          put(
            sign +
              (abbrevRef !== undefined ? shortenRef(cli.repo, full, abbrevRef !== "loose") : full),
          );
        }
        return;
      }
      put(sign + name);
      return;
    }
    put(
      sign +
        (short === undefined
          ? id
          : abbreviate(cli.repo, id, short === 0 ? cli.abbrevLength : short)),
    );
  };
  const showFlag = (flag: ByteString): boolean => {
    if (noFlags) return false;
    if (!revsOnly || REV_FLAGS.test(flag)) {
      if (flags) put(flag);
      return true;
    }
    return false;
  };
  const showFile = (path: ByteString): void => {
    defaultName = undefined;
    if (!revsOnly) put(pathPrefix === undefined ? path : pathPrefix + path);
  };
  const formatPath = (
    path: ByteString,
    fallback: "absolute" | "relative" | "as-is",
  ): ByteString => {
    const format = pathFormat ?? fallback;
    if (format === "as-is") return path;
    const full = realPath(absolutePath(path));
    if (format === "absolute") return full;
    return relativePath(realPath(currentDirectory()), full);
  };
  const shownGitDir = (): ByteString => {
    const { paths } = cli.repo;
    const env = cli.env.get("GIT_DIR");
    if (env !== undefined) return env;
    if (paths.workTree === undefined && paths.gitDir === cli.startDirectory) return ".";
    if (
      paths.workTree !== undefined && paths.gitDir === `${paths.workTree}/.git` &&
      cli.prefix === "" && cli.startDirectory === paths.workTree
    ) return ".git";
    if (paths.gitDir === `${cli.startDirectory}/.git`) return ".git";
    return paths.gitDir;
  };
  const refsMatching = (prefix: ByteString, pattern: ByteString | undefined): void => {
    let glob = pattern;
    if (glob !== undefined) {
      if (!glob.startsWith("refs/")) glob = prefix + glob;
      if (!/[*?[]/.test(glob)) glob = `${glob.replace(/\/$/, "")}/*`;
    }
    for (const ref of cli.repo.refs.list(glob === undefined ? prefix : "refs/")) {
      if (ref.broken || (glob !== undefined && !wildmatch(glob, ref.name))) continue;
      if (
        excludes.some((ex) =>
          wildmatch(ex, ref.name) || (prefix !== "refs/" && wildmatch(prefix + ex, ref.name))
        )
      ) continue;
      showRev(false, ref.id, ref.name);
    }
    excludes = [];
  };
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (asIs) {
      showFile(argument);
      continue;
    }
    if (argument === "--") {
      asIs = true;
      // Names before "--" have been taken as revisions; the dashes stay for the caller.
      if (flags && !revsOnly && !verify) put("--");
      continue;
    }
    if (argument.startsWith("-") && argument !== "-") {
      const equals = argument.indexOf("=");
      const name = equals < 0 ? argument : argument.slice(0, equals);
      const value = equals < 0 ? undefined : argument.slice(equals + 1);
      switch (name) {
        case "--git-path": {
          const path = args[++i];
          if (path === undefined) die("--git-path requires an argument");
          put(
            formatPath(
              gitPath(cli, path, shownGitDir()),
              "relative" === pathFormat ? "relative" : "as-is",
            ),
          );
          continue;
        }
        case "-n":
          put(argument);
          if (i + 1 < args.length) put(args[++i]!);
          continue;
        case "--default":
          defaultName = args[++i] ?? die("--default requires an argument");
          continue;
        case "--prefix":
          pathPrefix = args[++i] ?? die("--prefix requires an argument");
          cli.prefix = pathPrefix;
          continue;
        case "--revs-only":
          revsOnly = true;
          continue;
        case "--no-revs":
          noRevs = true;
          continue;
        case "--flags":
          revsOnly = false;
          noFlags = false;
          flags = true;
          continue;
        case "--no-flags":
          noFlags = true;
          continue;
        case "--verify":
          revsOnly = true;
          noFlags = true;
          verify = true;
          continue;
        case "--quiet":
        case "-q":
          quiet = true;
          continue;
        case "--short":
          revsOnly = true;
          noFlags = true;
          verify = true;
          short = value === undefined ? 0 : Math.max(4, Number(value));
          continue;
        case "--sq":
          sq = true;
          continue;
        case "--symbolic":
          symbolic = true;
          continue;
        case "--symbolic-full-name":
          symbolicFull = true;
          continue;
        case "--abbrev-ref":
          abbrevRef = value ??
            (cli.config.bool("core.warnambiguousrefs", true) ? "strict" : "loose");
          if (value !== undefined && value !== "strict" && value !== "loose") {
            die(`unknown mode for --abbrev-ref: ${value}`);
          }
          continue;
        case "--all":
          refsMatching("refs/", undefined);
          continue;
        case "--branches":
          refsMatching("refs/heads/", value);
          continue;
        case "--tags":
          refsMatching("refs/tags/", value);
          continue;
        case "--remotes":
          refsMatching("refs/remotes/", value);
          continue;
        case "--glob":
          refsMatching("refs/", value ?? args[++i]);
          continue;
        case "--exclude":
          excludes.push(value ?? args[++i] ?? "");
          continue;
        case "--disambiguate": {
          const prefix = value ?? "";
          if (prefix.length >= 4) {
            for (const id of cli.repo.objects.withPrefix(prefix, 100000)) put(id);
          }
          continue;
        }
        case "--bisect":
          refsMatching("refs/bisect/bad", undefined);
          continue;
        case "--local-env-vars":
          cli.out(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES\nGIT_CONFIG\nGIT_CONFIG_PARAMETERS\nGIT_CONFIG_COUNT\nGIT_OBJECT_DIRECTORY\nGIT_DIR\nGIT_WORK_TREE\nGIT_IMPLICIT_WORK_TREE\nGIT_GRAFT_FILE\nGIT_INDEX_FILE\nGIT_NO_REPLACE_OBJECTS\nGIT_REPLACE_REF_BASE\nGIT_PREFIX\nGIT_SHALLOW_FILE\nGIT_COMMON_DIR\n",
          );
          continue;
        case "--path-format":
          if (value !== "absolute" && value !== "relative") {
            die(`unknown argument to --path-format: ${value}`);
          }
          pathFormat = value;
          continue;
        case "--show-toplevel":
          if (cli.repo.paths.workTree === undefined) {
            die("this operation must be run in a work tree");
          }
          put(formatPath(cli.repo.paths.workTree, "as-is"));
          continue;
        case "--show-superproject-working-tree":
          continue;
        case "--show-prefix":
          cli.findRepository();
          cli.out(`${cli.prefix}\n`);
          continue;
        case "--show-cdup":
          cli.findRepository();
          cli.out(`${"../".repeat(cli.prefix.split("/").length - 1)}\n`);
          continue;
        case "--git-dir":
          put(formatPath(shownGitDir(), "as-is"));
          continue;
        case "--absolute-git-dir":
          put(realPath(absolutePath(cli.repo.paths.gitDir)));
          continue;
        case "--git-common-dir": {
          const { paths } = cli.repo;
          put(
            paths.commonDir === paths.gitDir
              ? formatPath(
                shownGitDir() === paths.gitDir &&
                  paths.commonDir === `${paths.workTree}/.git` &&
                  !`${cli.startDirectory}/`.startsWith(`${paths.gitDir}/`)
                  ? relativePath(realPath(cli.startDirectory), realPath(paths.commonDir))
                  : shownGitDir(),
                "as-is",
              )
              : formatPath(paths.commonDir, "as-is"),
          );
          continue;
        }
        case "--is-inside-git-dir": {
          const { paths } = cli.repo;
          const here = realPath(cli.startDirectory);
          const dir = realPath(paths.gitDir);
          put(String(here === dir || here.startsWith(`${dir}/`)));
          continue;
        }
        case "--is-inside-work-tree": {
          const { workTree, gitDir } = cli.repo.paths;
          const here = realPath(cli.startDirectory);
          const inGit = here === gitDir || here.startsWith(`${gitDir}/`);
          put(
            String(
              workTree !== undefined &&
                (here === workTree || here.startsWith(`${workTree === "/" ? "" : workTree}/`)) &&
                (!inGit || cli.env.get("GIT_WORK_TREE") !== undefined),
            ),
          );
          continue;
        }
        case "--is-bare-repository":
          put(String(cli.repo.bare));
          continue;
        case "--is-shallow-repository":
          put(String(stat(`${cli.repo.paths.commonDir}/shallow`) !== undefined));
          continue;
        case "--show-object-format":
          if (
            value !== undefined && value !== "storage" && value !== "input" && value !== "output"
          ) die(`unknown mode for --show-object-format: ${value}`);
          put(cli.repo.algorithm.name);
          continue;
        case "--shared-index-path":
          continue;
        case "--resolve-git-dir": {
          const path = args[++i] ?? die("--resolve-git-dir requires an argument");
          const info = stat(path);
          const target = info?.isFile ? readGitFile(path) : isGitDirectory(path) ? path : undefined;
          if (target === undefined) die(`not a gitdir '${path}'`);
          put(target);
          continue;
        }
        case "--since":
        case "--after":
          put(
            `--max-age=${
              approximateDate(value ?? "", currentTime(cli.env.get("GIT_TEST_DATE_NOW")))
            }`,
          );
          continue;
        case "--until":
        case "--before":
          put(
            `--min-age=${
              approximateDate(value ?? "", currentTime(cli.env.get("GIT_TEST_DATE_NOW")))
            }`,
          );
          continue;
        case "--not":
          put("--not");
          continue;
        case "--end-of-options":
          asIs = false;
          if (!verify && flags && !revsOnly) put(argument);
          continue;
      }
      if (showFlag(argument) && verify) dieVerify();
      continue;
    }
    cli.findRepository();
    void cli.repo;
    const range = /^(.*?)(\.\.\.?)(.*)$/s.exec(argument);
    if (range !== null && !argument.startsWith("../") && argument !== "..") {
      const from = cli.tryRevision(range[1]! || "HEAD", { prefer: "committish" });
      const to = cli.tryRevision(range[3]! || "HEAD", { prefer: "committish" });
      if (from !== undefined && to !== undefined) {
        showRev(false, to, range[3] || "HEAD");
        if (range[2] === "...") {
          showRev(false, from, range[1] || "HEAD");
          const a = peelTo(cli.repo.objects, from, "commit"),
            b = peelTo(cli.repo.objects, to, "commit");
          if (a !== undefined && b !== undefined) {
            for (const base of mergeBases(cli.repo.objects, a, [b])) {
              showRev(true, base, undefined);
            }
          }
        } else showRev(true, from, range[1] || "HEAD");
        continue;
      }
    }
    const all = /^(.*)\^(@|!|-(\d*))$/s.exec(argument);
    if (all !== null) {
      const id = cli.tryRevision(all[1]!, { prefer: "committish" });
      const commitId = id === undefined ? undefined : peelTo(cli.repo.objects, id, "commit");
      if (commitId !== undefined) {
        const { parents } = parseCommit(cli.repo.objects.read(commitId)!.data, cli.repo.algorithm);
        if (all[2] === "@") {
          parents.forEach((parent, n) =>
            showRev(false, parent, symbolic ? `${all[1]}^${n + 1}` : undefined)
          );
        } else if (all[2] === "!") {
          showRev(false, commitId, all[1]);
          parents.forEach((parent, n) =>
            showRev(true, parent, symbolic ? `${all[1]}^${n + 1}` : undefined)
          );
        } else {
          const n = all[3] === "" ? 1 : Number(all[3]);
          showRev(false, commitId, all[1]);
          showRev(true, parents[n - 1] ?? dieVerify(), symbolic ? `${all[1]}^${n}` : undefined);
        }
        continue;
      }
    }
    const negative = argument.startsWith("^");
    const name = negative ? argument.slice(1) : argument;
    const id = cli.tryRevision(name);
    if (id !== undefined) {
      showRev(negative, id, name);
      continue;
    }
    if (verify) dieVerify();
    {
      const path = argument;
      if (stat(cli.fileArgument(path)) === undefined && !asIs) {
        cli.flush();
        cli.out(`${path}\n`);
        die(
          `ambiguous argument '${path}': unknown revision or path not in the working tree.\n` +
            "Use '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'",
        );
      }
      asIs = true;
      showFile(argument);
    }
  }
  if (defaultName !== undefined) {
    const id = cli.tryRevision(defaultName);
    if (id !== undefined) showRev(false, id, defaultName);
  }
  if (verify) {
    if (count !== 1) dieVerify();
    emitRev(found!.negative ? "^" : "", found!.id, found!.name);
  }
  return 0;
}

const REV_FLAGS =
  /^-(n\d*|\d+)$|^--(all|bisect|branches|cherry|cherry-pick|date-order|dense|disk-usage|first-parent|full-history|glob|header|ignore-missing|left-right|max-age|max-count|merges|min-age|no-merges|not|objects|parents|pretty|remotes|reverse|since|skip|sparse|tags|topo-order|until|after|before|author|committer|grep|cc|children|remove-empty)(=.*)?$/;

function gitPath(cli: Cli, path: ByteString, shownDir: ByteString): ByteString {
  const gitDir = shownDir === "." ? "" : `${shownDir}/`;
  const { env } = cli;
  if (path === "index" && env.get("GIT_INDEX_FILE") !== undefined) {
    return env.get("GIT_INDEX_FILE")!;
  }
  if (path === "info/grafts" && env.get("GIT_GRAFT_FILE") !== undefined) {
    return env.get("GIT_GRAFT_FILE")!;
  }
  const objects = env.get("GIT_OBJECT_DIRECTORY");
  if (objects !== undefined && (path === "objects" || path.startsWith("objects/"))) {
    return objects + path.slice(7);
  }
  const hooks = cli.config.get("core.hookspath");
  if (hooks !== undefined && (path === "hooks" || path.startsWith("hooks/"))) {
    return hooks + path.slice(5);
  }
  const { paths } = cli.repo;
  if (paths.gitDir !== paths.commonDir) {
    const shared =
      !(/^(HEAD|index|logs\/HEAD|[A-Z_]+|config\.worktree|refs\/(bisect|worktree|rewritten).*|logs\/refs\/(bisect|worktree|rewritten).*|info\/sparse-checkout|modules.*)(\.lock)?$/
        .test(path));
    return shared ? `${paths.commonDir}/${path}` : `${gitDir}${path}`;
  }
  return `${gitDir}${path}`;
}
