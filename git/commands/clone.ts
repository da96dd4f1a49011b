/**
 * `git clone` and `git ls-remote`.
 *
 * @module
 */
import { type ByteString, encodeText, fromByteString } from "../_bytes.ts";
import {
  isDirectory,
  listDirectory,
  lstat,
  makeDirectories,
  nativePath,
  readTextIfAny,
  stat,
} from "../_files.ts";
import { canonicalKey, type Config, editConfig, updateConfigFile } from "../config.ts";
import { isBundle } from "../bundle.ts";
import { approximateDate } from "../date.ts";
import { FetchSession, isConnected, type RemoteRef } from "../fetch_pack.ts";
import { hashAlgorithm, type ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import { isRefName } from "../ref_name.ts";
import type { RefUpdate } from "../ref_store.ts";
import { REF_RULES } from "../refspec.ts";
import { anonymousUrl, defaultRemoteName, readRemote, rewriteUrl } from "../remote.ts";
import { absolutePath, initRepository, loadConfig, type Repository } from "../repository.ts";
import { writeIndexTree } from "../status.ts";
import { findServedRepository } from "../transport.ts";
import { wildmatch } from "../wildmatch.ts";
import { switchTree } from "../worktree.ts";
import { commandPromisor } from "./_promisor.ts";
import { connect, LOCAL_VARIABLES, protocolVersion, remoteMessages } from "./_connect.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { registerPartialClone } from "./fetch.ts";

const USAGE = "git clone [<options>] [--] <repo> [<dir>]";

/** The directory that a clone of an address gets. */
export function cloneDirectory(url: ByteString, bare: boolean): ByteString {
  let start = url.indexOf("://");
  start = start < 0 ? 0 : start + 3;
  let text = url.slice(start);
  // User and password are no part of it.
  const slash0 = text.indexOf("/");
  const at = text.lastIndexOf("@", slash0 < 0 ? text.length : slash0);
  if (at >= 0) text = text.slice(at + 1);
  text = text.replace(/[/\s]+$/, "").replace(/\/+\.git$/, "").replace(/\/+$/, "");
  if (!text.includes("/") && text.includes(":")) {
    // Only a host: its port is no part of it.
    text = text.replace(/:\d*$/, "");
  }
  let name = text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1);
  name = name.replace(/\.git$/, "").replace(/\.bundle$/, "");
  if (name === "" || name === ".") {
    die(`No directory name could be guessed.\nPlease specify a directory on the command line`);
  }
  // deno-lint-ignore no-control-regex
  name = name.replace(/[\x00-\x20]+/g, " ").trim();
  return bare ? `${name}.git` : name;
}

/** Settings outside any repository. */
function outsideConfig(cli: Cli, extra: readonly [ByteString, ByteString | undefined][]): Config {
  return loadConfig({ environment: cli.env, overrides: [...cli.global.overrides, ...extra] });
}

interface Wanted {
  readonly name: ByteString;
  readonly id: ObjectId;
  readonly peer: ByteString | undefined;
}

/** `git clone` */
export async function cloneCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const o = parseOptions(
    cli,
    args,
    "v,verbose+ q,quiet progress reject-shallow n,no-checkout bare mirror l,local no-hardlinks s,shared recursive? recurse-submodules? j,jobs= template= reference* reference-if-able* dissociate o,origin= b,branch= u,upload-pack= depth= shallow-since= shallow-exclude* single-branch tags shallow-submodules separate-git-dir= c,config* server-option* 4,ipv4 6,ipv6 filter= also-filter-submodules remote-submodules sparse bundle-uri=",
    USAGE,
  );
  if (o.rest.length > 2) throw usageError("fatal: Too many arguments.", USAGE);
  if (o.rest.length === 0) {
    throw usageError("fatal: You must specify a repository to clone.", USAGE);
  }
  const name = o.rest[0]!;
  const bare = o.flag("bare") || o.flag("mirror");
  if (bare && o.text("separate-git-dir") !== undefined) {
    die("options '--bare' and '--separate-git-dir' cannot be used together");
  }
  const depthText = o.text("depth");
  const settings = o.list("config").map((text): [ByteString, ByteString | undefined] => {
    const equals = text.indexOf("=");
    const key = equals < 0 ? text : text.slice(0, equals);
    try {
      return [canonicalKey(key), equals < 0 ? "true" : text.slice(equals + 1)];
    } catch {
      die("unable to write parameters to config file");
    }
  });
  const outside = outsideConfig(cli, settings);
  let url = name;
  const path = localPath(name);
  const bundle = path === undefined && !name.startsWith("-") && stat(name)?.isFile &&
    isBundle(name);
  if (path !== undefined || bundle) {
    // Kept as it was typed: `.` stays at its end.
    url = name.startsWith("/") ? name : `${encodeText(Deno.cwd())}/${name}`;
  } else if (rewriteUrl(outside, name) === undefined && !name.includes(":")) {
    die(`repository '${name}' does not exist`);
  }
  if (depthText !== undefined && !(/^\d+$/.test(depthText) && Number(depthText) > 0)) {
    die(`depth ${depthText} is not a positive number`);
  }
  const directory = (o.rest[1] ?? cloneDirectory(name, bare)).replace(/(.)\/+$/, "$1");
  const existed = lstat(directory) !== undefined;
  if (existed && (!isDirectory(directory) || listDirectory(directory).length > 0)) {
    die(`destination path '${directory}' already exists and is not an empty directory.`);
  }
  const separate = o.text("separate-git-dir");
  if (
    separate !== undefined && stat(separate) !== undefined && listDirectory(separate).length > 0
  ) {
    die(`repository path '${separate}' already exists and is not an empty directory.`);
  }
  const workTreeEnv = bare ? undefined : cli.env.get("GIT_WORK_TREE");
  if (workTreeEnv !== undefined && stat(workTreeEnv) !== undefined) {
    die(`working tree '${workTreeEnv}' already exists.`);
  }
  // A clone has nothing to do with the repository it is started in, say from a hook.
  for (const variable of LOCAL_VARIABLES) {
    if (!variable.startsWith("GIT_CONFIG")) Deno.env.delete(variable);
  }
  const origin = o.text("origin") ?? outside.get("clone.defaultremotename") ?? "origin";
  if (!isRefName(`refs/remotes/${origin}/test`)) die(`'${origin}' is not a valid remote name`);
  const quiet = o.flag("quiet");
  if (!quiet) {
    cli.err(
      bare
        ? `Cloning into bare repository '${directory}'...\n`
        : `Cloning into '${directory}'...\n`,
    );
  }
  const target = absolutePath(directory);
  const made: ByteString[] = [];
  try {
    if (!existed) made.push(target);
    if (workTreeEnv !== undefined) made.push(absolutePath(workTreeEnv));
    if (separate !== undefined && stat(separate) === undefined) made.push(absolutePath(separate));
    try {
      makeDirectories(target);
    } catch (error) {
      die(`could not create work tree dir '${directory}': ${(error as Error).message}`);
    }
    const fetchUrl = rewriteUrl(outside, url) ?? url;
    return await run(cli, {
      o,
      bare,
      origin,
      url,
      fetchUrl,
      settings,
      outside,
      target,
      workTree: workTreeEnv === undefined ? undefined : absolutePath(workTreeEnv),
      local: localPath(fetchUrl),
      quiet,
    });
  } catch (error) {
    cli.repositoryIfAny()?.close();
    for (const one of made) {
      try {
        Deno.removeSync(nativePath(one), { recursive: true });
      } catch { /* It was never made. */ }
    }
    if (existed) {
      for (const entry of listDirectory(target)) {
        Deno.removeSync(nativePath(`${target}/${entry.name}`), { recursive: true });
      }
    }
    throw error;
  }
}

/** The Git directory that a plain path leads to. */
function localPath(name: ByteString): ByteString | undefined {
  if (name.startsWith("-") || name.includes("://")) return undefined;
  return findServedRepository(name.startsWith("/") ? name : absolutePath(name));
}

interface CloneRun {
  o: ReturnType<typeof parseOptions>;
  bare: boolean;
  origin: ByteString;
  url: ByteString;
  fetchUrl: ByteString;
  settings: [ByteString, ByteString | undefined][];
  outside: Config;
  target: ByteString;
  workTree: ByteString | undefined;
  local: ByteString | undefined;
  quiet: boolean;
}

async function run(cli: Cli, clone: CloneRun): Promise<number> {
  const { o, bare, origin, outside, quiet } = clone;
  const mirror = o.flag("mirror");
  let isLocal = clone.local !== undefined && !o.negated("local");
  if (isLocal) {
    for (const option of ["depth", "shallow-since", "shallow-exclude", "filter"]) {
      if (o.given(option)) cli.warn(`--${option} is ignored in local clones; use file:// instead.`);
    }
    if (stat(`${clone.local}/shallow`) !== undefined) {
      if (o.flag("reject-shallow")) die("source repository is shallow, reject to clone.");
      if (o.flag("local")) cli.warn("source repository is shallow, ignoring --local");
      isLocal = false;
    }
  }
  if (o.flag("local") && !isLocal) cli.warn("--local is ignored");
  const deepenable = !isLocal;
  const depth = deepenable && o.text("depth") !== undefined ? Number(o.text("depth")) : undefined;
  const sinceText = deepenable ? o.text("shallow-since") : undefined;
  const not = deepenable ? o.list("shallow-exclude") : [];
  const deepen = depth !== undefined || sinceText !== undefined || not.length > 0;
  const filter = deepenable ? o.text("filter") : undefined;
  const single = o.given("single-branch") ? o.flag("single-branch") : deepen;
  const noTags = o.negated("tags");
  const transport = connect(cli, clone.local ?? clone.fetchUrl, {
    command: "clone",
    program: o.text("upload-pack"),
    config: outside,
  });
  const messages = remoteMessages(cli);
  try {
    const session = await FetchSession.open(transport, {
      version: protocolVersion(cli, outside),
      serverOptions: o.list("server-option"),
    });
    const prefix = mirror ? "refs/" : "refs/heads/";
    const top = mirror ? "refs/" : bare ? "refs/heads/" : `refs/remotes/${origin}/`;
    const wantedBranch = o.text("branch");
    const prefixes = ["HEAD", prefix];
    if (wantedBranch !== undefined) {
      for (const rule of REF_RULES) prefixes.push(rule(wantedBranch));
    }
    if (!noTags) prefixes.push("refs/tags/");
    const refs = await session.listRefs(prefixes);
    const algorithm = hashAlgorithm(session.objectFormat);
    if (algorithm === undefined) die(`unknown object format '${session.objectFormat}'`);
    const template = templateOf(cli, o.negated("template") ? "" : o.text("template"), outside);
    const { repository } = initRepository(clone.target, {
      environment: withoutRepository(cli),
      overrides: cli.global.overrides,
      bare,
      initialBranch: outside.get("init.defaultbranch") ??
        cli.env.get("GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME"),
      ...(algorithm.name === "sha1" ? {} : { algorithm }),
      template,
      ...(o.text("separate-git-dir") === undefined
        ? {}
        : { separateGitDir: absolutePath(o.text("separate-git-dir")!) }),
      ...(clone.workTree === undefined ? {} : { workTree: clone.workTree, gitDir: clone.target }),
    });
    cli.adopt(repository);
    const file = `${repository.paths.commonDir}/config`;
    const put = (key: ByteString, value: ByteString, add = false): void =>
      updateConfigFile(
        file,
        (text) => editConfig(text, `file ${file}`, key, value, add ? { add } : { all: true }).text,
      );
    for (const [key, value] of clone.settings) put(key, value ?? "true", true);
    if (bare) put("core.bare", "true");
    put(`remote.${origin}.url`, clone.url);
    if (noTags) put(`remote.${origin}.tagopt`, "--no-tags");
    addReferences(cli, repository, o.list("reference"), o.list("reference-if-able"));
    const repo = cli.reopen();

    // Which refs come, and what HEAD will be.
    const heads = refs.filter((ref) => ref.id !== undefined);
    const head = heads.find((ref) => ref.name === "HEAD");
    const headTarget = guessHead(head, heads);
    const branchRef = wantedBranch === undefined
      ? undefined
      : heads.find((ref) => ref.name === `refs/heads/${wantedBranch}`) ??
        heads.find((ref) => ref.name === `refs/tags/${wantedBranch}`);
    const wanted: Wanted[] = [];
    const take = (ref: RemoteRef): void => {
      if (!ref.name.startsWith(prefix) || !isRefName(ref.name)) return;
      wanted.push({ name: ref.name, id: ref.id!, peer: top + ref.name.slice(prefix.length) });
    };
    const takeTag = (ref: RemoteRef): void => {
      if (!ref.name.startsWith("refs/tags/") || !isRefName(ref.name)) return;
      if (wanted.some((one) => one.peer === ref.name)) return;
      wanted.push({ name: ref.name, id: ref.id!, peer: ref.name });
    };
    if (single) {
      const chosen = wantedBranch === undefined ? headTarget : branchRef;
      if (chosen === undefined && wantedBranch !== undefined) {
        cli.warn(`Could not find remote branch ${wantedBranch} to clone.`);
      }
      if (wantedBranch === undefined && head?.id !== undefined) {
        wanted.push({ name: "HEAD", id: head.id, peer: undefined });
      }
      if (chosen !== undefined) {
        take(chosen);
        takeTag(chosen);
      }
    } else {
      if (head?.id !== undefined) wanted.push({ name: "HEAD", id: head.id, peer: undefined });
      for (const ref of heads) take(ref);
      if (!mirror && !noTags) { for (const ref of heads) takeTag(ref); }
    }
    const empty = wanted.length === 0;
    let ours: RemoteRef | undefined;
    let unborn: ByteString | undefined;
    let checkout = !o.flag("no-checkout") && !bare;
    if (wantedBranch !== undefined) {
      ours = branchRef;
      if (ours === undefined) die(`Remote branch ${wantedBranch} not found in upstream ${origin}`);
    } else if (headTarget !== undefined) ours = headTarget;
    else if (head === undefined) {
      if (empty) {
        cli.warn("You appear to have cloned an empty repository.");
        checkout = false;
      }
      const told = refs.find((ref) => ref.name === "HEAD" && ref.id === undefined)?.symbolic;
      unborn = told?.startsWith("refs/heads/")
        ? told
        : `refs/heads/${
          outside.get("init.defaultbranch") ??
            cli.env.get("GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME") ?? "master"
        }`;
      ours = heads.find((ref) => ref.name === unborn);
    }
    if (mirror || !bare) {
      let spec: ByteString | undefined = `+${prefix}*:${top}*`;
      if (single && !mirror) {
        if (wantedBranch !== undefined) {
          spec = ours!.name.startsWith("refs/tags/")
            ? `+${ours!.name}:${ours!.name}`
            : `+${ours!.name}:${top}${wantedBranch}`;
        } else if (headTarget !== undefined) {
          spec = `+${headTarget.name}:${top}${headTarget.name.slice(11)}`;
        } else spec = undefined;
      }
      if (spec !== undefined) {
        put(`remote.${origin}.fetch`, spec, true);
        if (mirror) put(`remote.${origin}.mirror`, "true");
      }
    }
    if (filter !== undefined) registerPartialClone(cli, origin, filter);
    if (isLocal) {
      if (o.flag("shared")) {
        appendAlternate(repo, `${commonOf(clone.local!)}/objects`);
      } else {
        copyObjects(
          `${commonOf(clone.local!)}/objects`,
          repo.objects.directory,
          !o.flag("no-hardlinks"),
        );
        if (!quiet && Deno.stderr.isTerminal()) cli.err("done.\n");
      }
      repo.objects.refresh();
    } else if (!empty) {
      await session.fetch(repo, {
        wants: wanted.map((one) => one.id),
        cloning: true,
        depth,
        since: sinceText === undefined ? undefined : approximateDate(sinceText),
        not,
        filter,
        includeTags: single && !noTags,
        remoteRefs: refs,
        strict: outside.bool("fetch.fsckobjects") ?? outside.bool("transfer.fsckobjects") ?? false,
        quiet: quiet || !(o.flag("progress") || Deno.stderr.isTerminal()),
        remoteMessage: messages.write,
      });
      messages.end();
      const shallow = readTextIfAny(`${repo.paths.commonDir}/shallow`);
      if (shallow !== undefined && !deepen && o.flag("reject-shallow")) {
        die("source repository is shallow, reject to clone.");
      }
      if (!isConnected(repo, wanted.map((one) => one.id), { promised: filter !== undefined })) {
        die("remote did not send all necessary objects");
      }
    }
    await session.close();
    const message = `clone: from ${anonymousUrl(clone.url)}`;
    const updates: RefUpdate[] = wanted.filter((one) => one.peer !== undefined).map((one) => ({
      name: one.peer!,
      newId: one.id,
      message,
      skipReflog: !one.peer!.startsWith("refs/heads/") && !one.peer!.startsWith("refs/remotes/"),
    }));
    if (single && !noTags) {
      for (const ref of heads) {
        if (!ref.name.startsWith("refs/tags/") || updates.some((one) => one.name === ref.name)) {
          continue;
        }
        if (repo.objects.has(ref.id!)) updates.push({ name: ref.name, newId: ref.id, message });
      }
    }
    writeClonedRefs(repo, updates);
    if (headTarget !== undefined && !bare) {
      const peer = wanted.find((one) => one.name === headTarget.name)?.peer;
      if (peer !== undefined) repo.refs.setSymbolic(`${top}HEAD`, peer, message);
    }
    const upstream = (branch: ByteString, merge: ByteString): void => {
      put(`branch.${branch}.remote`, origin);
      put(`branch.${branch}.merge`, merge);
      const rebase = outside.get("branch.autosetuprebase");
      if (rebase === "remote" || rebase === "always") put(`branch.${branch}.rebase`, "true");
    };
    if (ours?.name.startsWith("refs/heads/")) {
      repo.refs.setSymbolic("HEAD", ours.name);
      if (!bare) {
        repo.refs.update({ name: "HEAD", newId: ours.id!, message });
        upstream(ours.name.slice(11), ours.name);
      }
    } else if (ours !== undefined) {
      const commit = peelTo(repo.objects, ours.id!, "commit");
      repo.refs.update({ name: "HEAD", newId: commit!, noDeref: true, message });
    } else if (head?.id !== undefined) {
      repo.refs.update({ name: "HEAD", newId: head.id, noDeref: true, message });
    } else if (unborn !== undefined) {
      repo.refs.setSymbolic("HEAD", unborn);
      if (!bare) upstream(unborn.slice(11), unborn);
    }
    if (o.flag("dissociate") && stat(`${repo.objects.directory}/info/alternates`) !== undefined) {
      copyObjects(repo.objects.directories()[1]!, repo.objects.directory, true);
      for (const extra of repo.objects.directories().slice(2)) {
        copyObjects(extra, repo.objects.directory, true);
      }
      Deno.removeSync(nativePath(`${repo.objects.directory}/info/alternates`));
      repo.objects.refresh();
    }
    cli.reopen();
    return checkout ? checkOut(cli, quiet) : 0;
  } catch (error) {
    messages.end();
    await transport.close();
    throw error;
  }
}

function commonOf(gitDir: ByteString): ByteString {
  const text = readTextIfAny(`${gitDir}/commondir`);
  return text === undefined ? gitDir : absolutePath(`${gitDir}/${text.trim()}`);
}

/** The environment without what names a repository. */
function withoutRepository(cli: Cli): Cli["env"] {
  return {
    get: (name) =>
      name === "GIT_OBJECT_DIRECTORY" || name === "GIT_INDEX_FILE" || name === "GIT_COMMON_DIR"
        ? undefined
        : cli.env.get(name),
  };
}

function templateOf(
  cli: Cli,
  given: ByteString | undefined,
  config: Config,
): ByteString | undefined {
  let template = given ?? cli.env.get("GIT_TEMPLATE_DIR") ?? config.get("init.templatedir");
  if (template === undefined || template === "") return template;
  if (template.startsWith("~/")) template = `${cli.env.get("HOME") ?? ""}${template.slice(1)}`;
  template = absolutePath(template);
  if (isDirectory(template)) return template;
  cli.warn(`templates not found in ${given ?? template}`);
  return "";
}

/** Many refs at once go into `packed-refs`, as a fresh repository has no others. */
function writeClonedRefs(repo: Repository, updates: RefUpdate[]): void {
  if (updates.length === 0) return;
  repo.refs.rewritePacked((map) => {
    for (const update of updates) map.set(update.name, { id: update.newId! });
    return true;
  });
}

function guessHead(
  head: RemoteRef | undefined,
  refs: readonly RemoteRef[],
): RemoteRef | undefined {
  if (head === undefined) return undefined;
  if (head.symbolic !== undefined) return refs.find((ref) => ref.name === head.symbolic);
  // An old server does not tell: a branch at the same commit stands in.
  const same = refs.filter((ref) => ref.name.startsWith("refs/heads/") && ref.id === head.id);
  return same.find((ref) => ref.name === "refs/heads/master") ??
    same.find((ref) => ref.name === "refs/heads/main") ?? same[0];
}

function appendAlternate(repo: Repository, directory: ByteString): void {
  makeDirectories(`${repo.objects.directory}/info`);
  Deno.writeFileSync(
    nativePath(`${repo.objects.directory}/info/alternates`),
    fromByteString(`${directory}\n`),
    { append: true },
  );
}

function addReferences(
  cli: Cli,
  repo: Repository,
  required: readonly ByteString[],
  optional: readonly ByteString[],
): void {
  for (const [list, must] of [[required, true], [optional, false]] as const) {
    for (const name of list) {
      const gitDir = findServedRepository(absolutePath(name));
      if (gitDir === undefined) {
        const text = `reference repository '${name}' is not a local repository.`;
        if (must) die(text);
        cli.err(`info: Could not add alternate for '${name}': ${text}\n`);
        continue;
      }
      const common = commonOf(gitDir);
      if (stat(`${common}/shallow`) !== undefined) {
        const text = `reference repository '${name}' is shallow`;
        if (must) die(text);
        cli.err(`info: Could not add alternate for '${name}': ${text}\n`);
        continue;
      }
      appendAlternate(repo, `${common}/objects`);
    }
  }
}

/** Copies an object directory, by links where the file system allows. */
function copyObjects(from: ByteString, to: ByteString, link: boolean): void {
  const visit = (source: ByteString, target: ByteString, relative: ByteString): void => {
    makeDirectories(target);
    for (const entry of listDirectory(source)) {
      if (entry.name.startsWith(".") && relative === "") continue;
      const at = `${source}/${entry.name}`, into = `${target}/${entry.name}`;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isSymlink) die(`symlink '${path}' exists, refusing to clone with --local`);
      if (entry.isDirectory) {
        visit(at, into, path);
        continue;
      }
      if (entry.name.endsWith(".lock") || /^tmp_/.test(entry.name)) continue;
      if (path === "info/alternates") {
        for (const line of (readTextIfAny(at) ?? "").split("\n")) {
          if (line === "" || line.startsWith("#")) continue;
          const absolute = line.startsWith("/") ? line : absolutePath(`${from}/${line}`);
          Deno.writeFileSync(nativePath(into), fromByteString(`${absolute}\n`), { append: true });
        }
        continue;
      }
      if (link) {
        try {
          Deno.linkSync(nativePath(at), nativePath(into));
          continue;
        } catch (error) {
          if (error instanceof Deno.errors.AlreadyExists) continue;
          // Another file system, or one without links.
        }
      }
      Deno.copyFileSync(nativePath(at), nativePath(into));
    }
  };
  visit(from, to, "");
}

function checkOut(cli: Cli, quiet: boolean): number {
  const { repo } = cli;
  const head = repo.head();
  if (head === undefined) {
    cli.warn("remote HEAD refers to nonexistent ref, unable to checkout");
    return 0;
  }
  const branch = repo.headBranch();
  if (branch === undefined && !quiet && cli.config.bool("advice.detachedhead", true)) {
    cli.err(
      `Note: switching to '${head}'.\n\nYou are in 'detached HEAD' state. You can look around, make experimental\n` +
        "changes and commit them, and you can discard any commits you make in this\n" +
        "state without impacting any branches by switching back to a branch.\n\n" +
        "If you want to create a new branch to retain commits you create, you may\n" +
        "do so (now or later) by using -c with the switch command. Example:\n\n" +
        "  git switch -c <new-branch-name>\n\nOr undo this operation with:\n\n  git switch -\n\n" +
        "Turn off this advice by setting config variable advice.detachedHead to false\n\n",
    );
  }
  const { workTree } = repo.paths;
  if (workTree !== undefined) {
    makeDirectories(workTree);
    Deno.chdir(nativePath(workTree));
  }
  commandPromisor(cli);
  const index = repo.readIndex();
  const lock = repo.lockIndex();
  try {
    switchTree(repo, index, undefined, commitLinks(repo.objects, head).tree, { force: true });
    writeIndexTree(repo, index, { dry: true });
    repo.writeIndex(index, lock);
  } finally {
    lock.rollback();
  }
  return cli.runHook("post-checkout", [repo.algorithm.zero, head, "1"]) === 0 ? 0 : 1;
}

/** `git ls-remote` */
export async function lsRemote(cli: Cli, args: ByteString[]): Promise<number> {
  const usage =
    "git ls-remote [--heads] [--tags] [--refs] [--upload-pack=<exec>]\n              [-q | --quiet] [--exit-code] [--get-url] [--sort=<key>]\n              [--symref] [<repository> [<refs>...]]";
  const o = parseOptions(
    cli,
    args,
    "q,quiet upload-pack= exec= t,tags h,heads refs get-url sort* exit-code symref o,server-option*",
    usage,
    { stopAtArgument: true },
  );
  const [given, ...patterns] = o.rest;
  const repository = cli.findRepository();
  let name = given;
  let urls: readonly ByteString[];
  let program: ByteString | undefined;
  if (repository !== undefined) {
    name ??= defaultRemoteName(repository);
    const remote = readRemote(repository, name);
    if (given === undefined && !remote.configured) {
      die("No remote configured to list refs from.");
    }
    urls = remote.urls;
    program = remote.uploadPack;
  } else {
    if (name === undefined) die("No remote configured to list refs from.");
    urls = [rewriteUrl(cli.config, name) ?? name];
  }
  const url = urls[0]!;
  if (o.flag("get-url")) {
    cli.out(`${url}\n`);
    return 0;
  }
  const transport = connect(cli, url, {
    program: o.text("upload-pack") ?? o.text("exec") ?? program,
  });
  let refs: RemoteRef[];
  try {
    const session = await FetchSession.open(transport, {
      version: protocolVersion(cli),
      serverOptions: o.list("server-option"),
    });
    const prefixes: ByteString[] = [];
    if (patterns.length === 0) {
      if (o.flag("heads")) prefixes.push("refs/heads/");
      if (o.flag("tags")) prefixes.push("refs/tags/");
    }
    refs = await session.listRefs(prefixes);
    await session.close();
  } catch (error) {
    await transport.close();
    throw error;
  }
  if (given === undefined && !o.flag("quiet")) cli.err(`From ${url}\n`);
  const rows: { id: ObjectId; name: ByteString; symbolic: ByteString | undefined }[] = [];
  for (const ref of refs) {
    if (ref.id === undefined) continue;
    if ((o.flag("heads") || o.flag("tags"))) {
      const fits = (o.flag("heads") && ref.name.startsWith("refs/heads/")) ||
        (o.flag("tags") && ref.name.startsWith("refs/tags/"));
      if (!fits) continue;
    }
    if (o.flag("refs") && !ref.name.startsWith("refs/")) continue;
    const fits = (name: ByteString): boolean =>
      patterns.length === 0 ||
      patterns.some((pattern) => wildmatch(`*/${pattern}`, `/${name}`, { pathname: false }));
    if (fits(ref.name)) rows.push({ id: ref.id, name: ref.name, symbolic: ref.symbolic });
    if (ref.peeled !== undefined && !o.flag("refs") && fits(`${ref.name}^{}`)) {
      rows.push({ id: ref.peeled, name: `${ref.name}^{}`, symbolic: undefined });
    }
  }
  for (const key of [...o.list("sort")].reverse()) sortRefs(rows, key);
  for (const row of rows) {
    if (o.flag("symref") && row.symbolic !== undefined) {
      cli.out(`ref: ${row.symbolic}\t${row.name}\n`);
    }
    cli.out(`${row.id}\t${row.name}\n`);
  }
  return o.flag("exit-code") && rows.length === 0 ? 2 : 0;
}

function sortRefs(
  rows: { id: ObjectId; name: ByteString }[],
  keyText: ByteString,
): void {
  const down = keyText.startsWith("-");
  const key = keyText.replace(/^-/, "");
  const version = /^(?:version|v):refname$/.exec(key) !== null;
  if (!version && key !== "refname" && key !== "objectname") {
    throw new Exit(128, `fatal: missing object for sort key '${key}'\n`);
  }
  const compare = (
    a: { id: ObjectId; name: ByteString },
    b: { id: ObjectId; name: ByteString },
  ) => {
    if (key === "objectname") return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
    return version
      ? compareVersions(a.name, b.name)
      : a.name < b.name
      ? -1
      : a.name > b.name
      ? 1
      : 0;
  };
  rows.sort((a, b) => down ? -compare(a, b) : compare(a, b));
}

/** Order of names in which runs of digits count as numbers. */
export function compareVersions(a: ByteString, b: ByteString): number {
  const x = a.match(/\d+|\D+/g) ?? [], y = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const p = x[i]!, q = y[i]!;
    if (p === q) continue;
    if (/^\d/.test(p) && /^\d/.test(q)) {
      const difference = Number(p) - Number(q);
      if (difference !== 0) return difference;
    }
    return p < q ? -1 : 1;
  }
  return x.length - y.length;
}
