/**
 * `git remote`: the list of remotes, their addresses and branches.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath, removeFile } from "../_files.ts";
import { editConfig, renameSection, updateConfigFile } from "../config.ts";
import { FetchSession, type RemoteRef } from "../fetch_pack.ts";
import { isAncestor } from "../merge_base.ts";
import { PosixRegex } from "../posix_regex.ts";
import { isRefName } from "../ref_name.ts";
import { formatReflog, type RefUpdate } from "../ref_store.ts";
import { isLeftOut, mapRef, matchPattern, type Refspec, unmapRef } from "../refspec.ts";
import { readRemote, type Remote, remoteNames } from "../remote.ts";
import { connect, protocolVersion } from "./_connect.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { fetchCommand, staleRefs } from "./fetch.ts";

const USAGE =
  "git remote [-v | --verbose]\n   or: git remote add [-t <branch>] [-m <master>] [-f] [--tags | --no-tags] [--mirror=<fetch|push>] <name> <url>\n   or: git remote rename [--[no-]progress] <old> <new>\n   or: git remote remove <name>\n   or: git remote set-head <name> (-a | --auto | -d | --delete | <branch>)\n   or: git remote [-v | --verbose] show [-n] <name>\n   or: git remote prune [-n | --dry-run] <name>\n   or: git remote [-v | --verbose] update [-p | --prune] [(<group> | <remote>)...]\n   or: git remote set-branches [--add] <name> <branch>...\n   or: git remote get-url [--push] [--all] <name>\n   or: git remote set-url [--push] <name> <newurl> [<oldurl>]\n   or: git remote set-url --add <name> <newurl>\n   or: git remote set-url --delete <name> <url>";

interface RemoteState {
  remote: Remote;
  refs: readonly RemoteRef[];
  heads: ByteString[];
  tracked: ByteString[];
  fresh: ByteString[];
  skipped: ByteString[];
  stale: { name: ByteString; ref: ByteString }[];
}

class RemoteCommand {
  readonly cli: Cli;
  readonly file: ByteString;

  constructor(cli: Cli) {
    this.cli = cli;
    this.file = `${cli.repo.paths.commonDir}/config`;
  }

  put(key: ByteString, value: ByteString | undefined, add = false): void {
    updateConfigFile(
      this.file,
      (text) =>
        editConfig(text, `file ${this.file}`, key, value, add ? { add } : { all: true }).text,
    );
  }

  known(name: ByteString): Remote {
    const remote = readRemote(this.cli.repo, name);
    if (!remote.configured) throw new Exit(2, `error: No such remote: '${name}'\n`);
    return remote;
  }

  /** The same, in the words of the commands that change addresses. */
  knownForUrl(name: ByteString): Remote {
    const remote = readRemote(this.cli.repo, name);
    if (!remote.configured) throw new Exit(2, `error: No such remote '${name}'\n`);
    return remote;
  }

  list(verbose: boolean): number {
    const { cli } = this;
    for (const name of remoteNames(cli.repo)) {
      if (!verbose) {
        cli.out(`${name}\n`);
        continue;
      }
      const remote = readRemote(cli.repo, name);
      const filter = remote.promisor && remote.filter !== undefined ? ` [${remote.filter}]` : "";
      cli.out(`${name}\t${remote.urls[0] ?? ""} (fetch)${filter}\n`);
      for (const url of remote.pushUrls) cli.out(`${name}\t${url} (push)\n`);
    }
    return 0;
  }

  async add(args: ByteString[]): Promise<number> {
    const { cli } = this;
    const o = parseOptions(cli, args, "f,fetch tags t,track* m,master= mirror?", USAGE);
    const [name, url] = o.rest;
    if (name === undefined || url === undefined || o.rest.length !== 2) {
      throw usageError("", USAGE);
    }
    const word = o.text("mirror");
    const mirrored = o.given("mirror") && !o.negated("mirror");
    if (word !== undefined && word !== "fetch" && word !== "push") {
      throw new Exit(129, `error: unknown --mirror argument: ${word}\n`);
    }
    if (mirrored && word === undefined) {
      cli.warn(
        "--mirror is dangerous and deprecated; please\n\t use --mirror=fetch or --mirror=push instead",
      );
    }
    const mirrorFetch = mirrored && word !== "push", mirrorPush = mirrored && word !== "fetch";
    if (mirrored && o.text("master") !== undefined) {
      die("specifying a master branch makes no sense with --mirror");
    }
    if (mirrored && !mirrorFetch && o.list("track").length > 0) {
      die("specifying branches to track makes sense only with fetch mirrors");
    }
    if (readRemote(cli.repo, name).configured) {
      throw new Exit(3, `error: remote ${name} already exists.\n`);
    }
    if (!isRefName(`refs/remotes/${name}/test`)) die(`'${name}' is not a valid remote name`);
    this.put(`remote.${name}.url`, url);
    if (!mirrored || mirrorFetch) {
      const branches = o.list("track").length > 0 ? o.list("track") : ["*"];
      for (const branch of branches) {
        this.put(
          `remote.${name}.fetch`,
          mirrorFetch
            ? (branch === "*" ? "+refs/*:refs/*" : `+refs/${branch}:refs/${branch}`)
            : `+refs/heads/${branch}:refs/remotes/${name}/${branch}`,
          true,
        );
      }
    }
    if (mirrorPush) this.put(`remote.${name}.mirror`, "true");
    if (o.negated("tags")) this.put(`remote.${name}.tagopt`, "--no-tags");
    else if (o.flag("tags")) this.put(`remote.${name}.tagopt`, "--tags");
    if (o.flag("fetch")) {
      cli.reopen();
      cli.out(`Updating ${name}\n`);
      cli.flush();
      if (await fetchCommand(cli, [name]) !== 0) {
        cli.err(`error: Could not fetch ${name}\n`);
        return 1;
      }
    }
    const master = o.text("master");
    if (master !== undefined) {
      cli.repo.refs.setSymbolic(
        `refs/remotes/${name}/HEAD`,
        `refs/remotes/${name}/${master}`,
        "remote add",
      );
    }
    return 0;
  }

  remove(args: ByteString[]): number {
    const { cli } = this;
    if (args.length !== 1) throw usageError("", USAGE);
    const name = args[0]!;
    const remote = this.known(name);
    const { repo } = cli;
    for (const branch of repo.config.subsections("branch")) {
      if (repo.config.entry(`branch.${branch}.remote`)?.value === name) {
        this.put(`branch.${branch}.remote`, undefined);
        this.put(`branch.${branch}.merge`, undefined);
      }
      if (repo.config.entry(`branch.${branch}.pushremote`)?.value === name) {
        this.put(`branch.${branch}.pushremote`, undefined);
      }
    }
    const others = remoteNames(repo).filter((other) => other !== name).map((other) =>
      readRemote(repo, other)
    );
    const updates: RefUpdate[] = [];
    const left: ByteString[] = [];
    for (const ref of repo.refs.list()) {
      const own = remote.fetch.some((refspec) => unmapRef(refspec, ref.name) !== undefined) ||
        ref.name === `refs/remotes/${name}/HEAD`;
      if (!own) continue;
      // Another remote that writes the same ref keeps it.
      if (
        others.some((other) => other.fetch.some((one) => unmapRef(one, ref.name) !== undefined))
      ) {
        continue;
      }
      if (!ref.name.startsWith("refs/remotes/")) {
        if (ref.name.startsWith("refs/heads/")) left.push(ref.name.slice(11));
        continue;
      }
      updates.push({
        name: ref.name,
        newId: repo.algorithm.zero,
        noDeref: true,
        message: "remote: remove",
      });
    }
    // A symbolic ref goes before what it names.
    updates.sort((a, b) => Number(b.name.endsWith("/HEAD")) - Number(a.name.endsWith("/HEAD")));
    for (const update of updates) repo.refs.update(update);
    if (left.length > 0) {
      cli.err(
        left.length === 1
          ? "Note: A branch outside the refs/remotes/ hierarchy was not removed;\nto delete it, use:\n"
          : "Note: Some branches outside the refs/remotes/ hierarchy were not removed;\nto delete them, use:\n",
      );
      for (const branch of left) cli.err(`  git branch -d ${branch}\n`);
    }
    updateConfigFile(
      this.file,
      (text) => renameSection(text, `file ${this.file}`, `remote.${name}`, undefined),
    );
    removeFile(`${repo.paths.commonDir}/remotes/${name}`);
    removeFile(`${repo.paths.commonDir}/branches/${name}`);
    if (repo.config.get("remote.pushdefault") === name) this.put("remote.pushdefault", undefined);
    return 0;
  }

  rename(args: ByteString[]): number {
    const { cli } = this;
    const { repo } = cli;
    const o = parseOptions(cli, args, "progress", USAGE);
    const [from, to] = o.rest;
    if (from === undefined || to === undefined || o.rest.length !== 2) throw usageError("", USAGE);
    const remote = this.known(from);
    const raw = repo.config.all(`remote.${from}.fetch`);
    if (readRemote(repo, to).configured && from !== to) {
      throw new Exit(3, `error: remote ${to} already exists.\n`);
    }
    if (!isRefName(`refs/remotes/${to}/test`)) die(`'${to}' is not a valid remote name`);
    const old = raw.length === 0 && remote.urls.length > 0 &&
      !repo.config.subsections("remote").includes(from);
    if (old) {
      this.put(`remote.${to}.url`, remote.urls[0]);
      for (const one of remote.push) {
        this.put(`remote.${to}.push`, `${one.source}:${one.destination ?? ""}`, true);
      }
      for (const one of remote.fetch) {
        this.put(`remote.${to}.fetch`, `${one.source}:${one.destination ?? ""}`, true);
      }
      removeFile(`${repo.paths.commonDir}/remotes/${from}`);
      removeFile(`${repo.paths.commonDir}/branches/${from}`);
      return 0;
    }
    updateConfigFile(
      this.file,
      (text) => renameSection(text, `file ${this.file}`, `remote.${from}`, `remote.${to}`),
    );
    let changed = false;
    if (raw.length > 0) {
      this.put(`remote.${to}.fetch`, undefined);
      for (const spec of raw) {
        const context = `:refs/remotes/${from}/`;
        const at = spec.indexOf(context);
        if (at < 0) {
          cli.warn(
            `Not updating non-default fetch refspec\n\t${spec}\n\tPlease update the configuration manually if necessary.`,
          );
        } else changed = true;
        this.put(
          `remote.${to}.fetch`,
          at < 0
            ? spec
            : `${spec.slice(0, at)}:refs/remotes/${to}/${spec.slice(at + context.length)}`,
          true,
        );
      }
    }
    for (const branch of repo.config.subsections("branch")) {
      for (const key of ["remote", "pushremote"]) {
        if (repo.config.entry(`branch.${branch}.${key}`)?.value === from) {
          this.put(`branch.${branch}.${key}`, to);
        }
      }
    }
    if (repo.config.get("remote.pushdefault") === from) this.put("remote.pushdefault", to);
    if (!changed) return 0;
    const prefix = `refs/remotes/${from}/`;
    const refs = repo.refs.list(prefix);
    const links = refs.filter((ref) => ref.symbolic !== undefined);
    const targets = links.map((ref) => {
      const value = repo.refs.read(ref.name);
      return { name: ref.name, target: value?.kind === "symbolic" ? value.target : "" };
    });
    for (const link of links) {
      repo.refs.update({ name: link.name, newId: repo.algorithm.zero, noDeref: true });
    }
    for (const ref of refs) {
      if (ref.symbolic !== undefined) continue;
      const target = `refs/remotes/${to}/${ref.name.slice(prefix.length)}`;
      renameRef(cli, ref.name, ref.id, target);
    }
    for (const { name, target } of targets) {
      const renamed = `refs/remotes/${to}/${name.slice(prefix.length)}`;
      const goal = target.startsWith(prefix)
        ? `refs/remotes/${to}/${target.slice(prefix.length)}`
        : target;
      repo.refs.setSymbolic(renamed, goal, `remote: renamed ${name} to ${renamed}`);
    }
    return 0;
  }

  setBranches(args: ByteString[]): number {
    const o = parseOptions(this.cli, args, "add", USAGE);
    const [name, ...branches] = o.rest;
    if (name === undefined) throw usageError("error: no remote specified", USAGE);
    const remote = this.knownForUrl(name);
    if (!o.flag("add")) this.put(`remote.${name}.fetch`, undefined);
    for (const branch of branches) {
      this.put(
        `remote.${name}.fetch`,
        remote.mirror
          ? `+refs/${branch}:refs/${branch}`
          : `+refs/heads/${branch}:refs/remotes/${name}/${branch}`,
        true,
      );
    }
    return 0;
  }

  getUrl(args: ByteString[]): number {
    const { cli } = this;
    const o = parseOptions(cli, args, "push all", USAGE);
    if (o.rest.length !== 1) throw usageError("", USAGE);
    const remote = this.knownForUrl(o.rest[0]!);
    const urls = o.flag("push") ? remote.pushUrls : remote.urls;
    for (const url of o.flag("all") ? urls : urls.slice(0, 1)) cli.out(`${url}\n`);
    return 0;
  }

  setUrl(args: ByteString[]): number {
    const { cli } = this;
    const o = parseOptions(cli, args, "push add delete", USAGE);
    if (o.flag("add") && o.flag("delete")) die("--add --delete doesn't make sense");
    const [name, url, oldText] = o.rest;
    const changes = o.flag("add") || o.flag("delete");
    if (
      name === undefined || url === undefined || o.rest.length > 3 ||
      (changes && oldText !== undefined)
    ) throw usageError("", USAGE);
    this.knownForUrl(name);
    const key = `remote.${name}.${o.flag("push") ? "pushurl" : "url"}`;
    const old = o.flag("delete") ? url : oldText;
    if (o.flag("add")) {
      this.put(key, url, true);
      return 0;
    }
    if (old === undefined) {
      const all = cli.config.all(key);
      if (all.length > 1) {
        cli.warn(`${key} has multiple values`);
        die(`could not set '${key}' to '${url}'`);
      }
      this.put(key, url);
      return 0;
    }
    let pattern: PosixRegex;
    try {
      pattern = new PosixRegex(old, { extended: true });
    } catch {
      die(`Invalid old URL pattern: ${old}`);
    }
    const urls = cli.config.all(key);
    const matches = urls.filter((one) => pattern.test(one));
    if (!o.flag("delete") && matches.length === 0) die(`No such URL found: ${old}`);
    if (o.flag("delete") && matches.length === urls.length && !o.flag("push")) {
      die("Will not delete all non-push URLs");
    }
    if (!o.flag("delete") && matches.length > 1) {
      cli.warn(`${key} has multiple values`);
      die(`could not set '${key}' to '${url}'`);
    }
    const rest = o.flag("delete")
      ? urls.filter((one) => !matches.includes(one))
      : urls.map((one) => matches.includes(one) ? url : one);
    this.put(key, undefined);
    for (const one of rest) this.put(key, one, true);
    return 0;
  }

  async query(name: ByteString, ask: boolean): Promise<RemoteState> {
    const { cli } = this;
    const { repo } = cli;
    const remote = readRemote(repo, name);
    const state: RemoteState = {
      remote,
      refs: [],
      heads: [],
      tracked: [],
      fresh: [],
      skipped: [],
      stale: [],
    };
    const short = (ref: ByteString): ByteString => ref.replace(/^refs\/heads\//, "");
    if (!ask) {
      for (const ref of repo.refs.list()) {
        if (ref.symbolic !== undefined) continue;
        for (const refspec of remote.fetch) {
          const source = unmapRef(refspec, ref.name);
          if (source === undefined) continue;
          state.tracked.push(short(source));
          break;
        }
      }
      return state;
    }
    const transport = connect(cli, remote.urls[0] ?? name, { program: remote.uploadPack });
    try {
      const session = await FetchSession.open(transport, { version: protocolVersion(cli) });
      state.refs = (await session.listRefs()).filter((ref) => ref.id !== undefined);
      await session.close();
    } catch (error) {
      await transport.close();
      throw error;
    }
    const present = new Set<ByteString>();
    for (const ref of state.refs) {
      for (const refspec of remote.fetch) {
        const mapped = mapRef(refspec, ref.name);
        if (refspec.negative) continue;
        const fits = refspec.pattern
          ? matchPattern(refspec.source, ref.name) !== undefined
          : refspec.source === ref.name || `refs/heads/${refspec.source}` === ref.name;
        if (!fits || isLeftOut(remote.fetch, ref.name)) {
          if (fits && ref.name.startsWith("refs/heads/")) state.skipped.push(short(ref.name));
          continue;
        }
        present.add(ref.name);
        if (mapped === undefined || !repo.refs.exists(mapped)) {
          if (mapped !== undefined) state.fresh.push(short(ref.name));
        } else state.tracked.push(short(ref.name));
        break;
      }
    }
    for (const ref of staleRefs(cli, remote.fetch, present)) {
      const source = remote.fetch.map((one: Refspec) => unmapRef(one, ref)).find((one) =>
        one !== undefined
      );
      state.stale.push({ name: short(source ?? ref), ref });
    }
    const head = state.refs.find((ref) => ref.name === "HEAD");
    if (head?.symbolic !== undefined) state.heads = [short(head.symbolic)];
    else if (head !== undefined) {
      state.heads = state.refs.filter((ref) =>
        ref.name.startsWith("refs/heads/") && ref.id === head.id
      ).map((ref) => short(ref.name));
    }
    return state;
  }

  async setHead(args: ByteString[]): Promise<number> {
    const { cli } = this;
    const { refs, algorithm } = cli.repo;
    const o = parseOptions(cli, args, "a,auto d,delete", USAGE);
    const [name, branch] = o.rest;
    const auto = o.flag("auto"), remove = o.flag("delete");
    if (name === undefined) throw usageError("", USAGE);
    const ref = `refs/remotes/${name}/HEAD`;
    let target: ByteString | undefined;
    if (!auto && !remove && o.rest.length === 2) target = branch;
    else if (auto && !remove && o.rest.length === 1) {
      const state = await this.query(name, true);
      if (state.heads.length === 0) return cli.error("Cannot determine remote HEAD");
      if (state.heads.length > 1) {
        cli.err(
          `error: Multiple remote HEAD branches. Please choose one explicitly with:\n${
            state.heads.map((head) => `  git remote set-head ${name} ${head}\n`).join("")
          }`,
        );
        return 1;
      }
      target = state.heads[0];
    } else if (remove && !auto && o.rest.length === 1) {
      if (!refs.exists(ref)) return cli.error(`Could not delete ${ref}`);
      refs.update({ name: ref, newId: algorithm.zero, noDeref: true });
      return 0;
    } else throw usageError("", USAGE);
    const full = `refs/remotes/${name}/${target}`;
    if (!refs.exists(full)) return cli.error(`Not a valid ref: ${full}`);
    refs.setSymbolic(ref, full, "remote set-head");
    if (auto) cli.out(`${name}/HEAD set to ${target}\n`);
    return 0;
  }

  async prune(args: ByteString[]): Promise<number> {
    const { cli } = this;
    const { repo } = cli;
    const o = parseOptions(cli, args, "n,dry-run", USAGE);
    if (o.rest.length === 0) throw usageError("", USAGE);
    for (const name of o.rest) {
      const state = await this.query(name, true);
      if (state.stale.length === 0) continue;
      cli.out(`Pruning ${name}\nURL: ${state.remote.urls[0] ?? "(no URL)"}\n`);
      const gone = new Set(state.stale.map((one) => one.ref));
      if (!o.flag("dry-run")) {
        repo.refs.transaction(
          [...gone].sort().map((ref) => ({
            name: ref,
            newId: repo.algorithm.zero,
            noDeref: true,
            message: "remote: prune",
          })),
        );
      }
      for (const { ref } of state.stale) {
        cli.out(
          ` * [${o.flag("dry-run") ? "would prune" : "pruned"}] ${
            ref.replace(/^refs\/remotes\//, "")
          }\n`,
        );
      }
      for (const name of danglingLinks(cli, gone)) {
        cli.out(` ${name} ${o.flag("dry-run") ? "will become" : "has become"} dangling!\n`);
      }
    }
    return 0;
  }

  async update(args: ByteString[], verbose: boolean): Promise<number> {
    const { cli } = this;
    const o = parseOptions(cli, args, "p,prune v,verbose", USAGE);
    const options = [
      ...(o.given("prune") ? [o.flag("prune") ? "--prune" : "--no-prune"] : []),
      ...(verbose || o.flag("verbose") ? ["-v"] : []),
    ];
    const names = o.rest.length > 0 ? o.rest : ["default"];
    if (names.at(-1) === "default" && cli.config.all("remotes.default").length === 0) {
      return await fetchCommand(cli, [...options, "--all"]);
    }
    return await fetchCommand(cli, [...options, "--multiple", ...names]);
  }

  async show(args: ByteString[], verbose: boolean): Promise<number> {
    const { cli } = this;
    const o = parseOptions(cli, args, "n", USAGE);
    if (o.rest.length === 0) return this.list(verbose);
    const ask = !o.flag("n");
    for (const name of o.rest) {
      const state = await this.query(name, ask);
      const { remote } = state;
      cli.out(`* remote ${name}\n  Fetch URL: ${remote.urls[0] ?? "(no URL)"}\n`);
      for (const url of remote.pushUrls.length > 0 ? remote.pushUrls : ["(no URL)"]) {
        cli.out(`  Push  URL: ${url}\n`);
      }
      if (!ask) cli.out("  HEAD branch: (not queried)\n");
      else if (state.heads.length === 0) cli.out("  HEAD branch: (unknown)\n");
      else if (state.heads.length === 1) cli.out(`  HEAD branch: ${state.heads[0]}\n`);
      else {
        cli.out(
          "  HEAD branch (remote HEAD is ambiguous, may be one of the following):\n" +
            state.heads.map((head) => `    ${head}\n`).join(""),
        );
      }
      const stale = state.stale.map((one) => one.name);
      const all = [...new Set([...state.fresh, ...state.skipped, ...state.tracked, ...stale])]
        .sort();
      if (all.length > 0) {
        cli.out(
          `  Remote branch${all.length === 1 ? "" : "es"}:${ask ? "" : " (status not queried)"}\n`,
        );
      }
      const wide = Math.max(0, ...all.map((branch) => branch.length));
      for (const branch of all) {
        if (!ask) {
          cli.out(`    ${branch}\n`);
          continue;
        }
        const word = state.fresh.includes(branch)
          ? ` new (next fetch will store in remotes/${remote.name})`
          : state.tracked.includes(branch)
          ? " tracked"
          : state.skipped.includes(branch)
          ? " skipped"
          : " stale (use 'git remote prune' to remove)";
        cli.out(`    ${branch.padEnd(wide)}${word}\n`);
      }
      this.#showPull(name);
      if (remote.mirror) cli.out("  Local refs will be mirrored by 'git push'\n");
      this.#showPush(state, ask);
    }
    return 0;
  }

  #showPull(name: ByteString): void {
    const { cli } = this;
    const { config } = cli.repo;
    const rows = config.subsections("branch").filter((branch) =>
      config.entry(`branch.${branch}.remote`)?.value === name &&
      config.all(`branch.${branch}.merge`).length > 0
    ).sort().map((branch) => {
      const value = config.entry(`branch.${branch}.rebase`);
      const word = value === undefined ? "false" : (value.value ?? "true").toLowerCase();
      return {
        branch,
        merges: config.all(`branch.${branch}.merge`).map((merge) =>
          merge.replace(/^refs\/heads\//, "")
        ),
        rebase: /^(?:false|no|off|0)$/.test(word) ? "" : word,
      };
    });
    if (rows.length === 0) return;
    cli.out(
      rows.length === 1
        ? "  Local branch configured for 'git pull':\n"
        : "  Local branches configured for 'git pull':\n",
    );
    const wide = Math.max(...rows.map((row) => row.branch.length));
    const anyRebase = rows.some((row) => row.rebase !== "");
    for (const { branch, merges, rebase } of rows) {
      if (rebase !== "") {
        if (merges.length > 1) {
          cli.err(`error: invalid branch.${branch}.merge; cannot rebase onto > 1 branch\n`);
          continue;
        }
        const how = /^(?:i|interactive)$/.test(rebase)
          ? "rebases interactively onto remote"
          : /^(?:m|merges)$/.test(rebase)
          ? "rebases interactively (with merges) onto remote"
          : "rebases onto remote";
        cli.out(`    ${branch.padEnd(wide)} ${how} ${merges[0]}\n`);
        continue;
      }
      cli.out(
        `    ${branch.padEnd(wide)} ${anyRebase ? " " : ""}merges with remote ${merges[0]}\n`,
      );
      for (const merge of merges.slice(1)) {
        cli.out(`${" ".repeat(wide + 4 + (anyRebase ? 1 : 0))}    and with remote ${merge}\n`);
      }
    }
  }

  #showPush(state: RemoteState, ask: boolean): void {
    const { cli } = this;
    const { repo } = cli;
    const { remote } = state;
    if (remote.mirror) return;
    interface Row {
      source: ByteString;
      target: ByteString;
      forced: boolean;
      status: string | undefined;
    }
    const rows: Row[] = [];
    const short = (ref: ByteString): ByteString => ref.replace(/^refs\/heads\//, "");
    if (!ask) {
      if (remote.push.length === 0) {
        rows.push({ source: "(matching)", target: "(matching)", forced: false, status: undefined });
      }
      for (const one of remote.push) {
        const source = one.matching ? "(matching)" : one.source === "" ? "(delete)" : one.source;
        rows.push({
          source,
          target: one.destination ?? source,
          forced: one.force,
          status: undefined,
        });
      }
    } else {
      const there = new Map(state.refs.map((ref) => [ref.name, ref.id!]));
      const push = (from: ByteString | undefined, to: ByteString, forced: boolean): void => {
        const oldId = there.get(to);
        const newId = from === undefined ? undefined : repo.refs.id(from);
        const status = from === undefined
          ? "delete"
          : oldId === newId
          ? "up to date"
          : oldId === undefined
          ? "create"
          : repo.objects.has(oldId) && newId !== undefined &&
              isAncestor(repo.objects, oldId, newId)
          ? "fast-forwardable"
          : "local out of date";
        rows.push({
          source: from === undefined ? "(none)" : short(from),
          target: short(to),
          forced,
          status,
        });
      };
      const matching = remote.push.length === 0 || remote.push.some((one) => one.matching);
      for (const ref of repo.refs.list("refs/heads/")) {
        let done = false;
        for (const refspec of remote.push) {
          if (refspec.matching) continue;
          const plain = refspec.pattern ? refspec : {
            ...refspec,
            source: refspec.source.startsWith("refs/")
              ? refspec.source
              : `refs/heads/${refspec.source}`,
            destination: refspec.destination ?? `refs/heads/${refspec.source}`,
          };
          const to = mapRef(plain, ref.name);
          if (to === undefined) continue;
          push(ref.name, to.startsWith("refs/") ? to : `refs/heads/${to}`, refspec.force);
          done = true;
        }
        if (!done && matching && there.has(ref.name)) push(ref.name, ref.name, false);
      }
      for (const refspec of remote.push) {
        if (refspec.source === "" && !refspec.matching && refspec.destination !== undefined) {
          push(undefined, refspec.destination, refspec.force);
        }
      }
    }
    if (rows.length === 0) return;
    rows.sort((a, b) =>
      a.source !== b.source
        ? (a.source < b.source ? -1 : 1)
        : a.target < b.target
        ? -1
        : a.target > b.target
        ? 1
        : 0
    );
    cli.out(
      `  Local ref${rows.length === 1 ? "" : "s"} configured for 'git push'${
        ask ? "" : " (status not queried)"
      }:\n`,
    );
    const wide = Math.max(...rows.map((row) => row.source.length));
    const wider = Math.max(...rows.map((row) => row.target.length));
    for (const { source, target, forced, status } of rows) {
      const verb = forced ? "forces to" : "pushes to";
      cli.out(
        status === undefined
          ? `    ${source.padEnd(wide)} ${verb} ${target}\n`
          : `    ${source.padEnd(wide)} ${verb} ${target.padEnd(wider)} (${status})\n`,
      );
    }
  }
}

function renameRef(cli: Cli, from: ByteString, id: ByteString, to: ByteString): void {
  const { refs, algorithm } = cli.repo;
  const history = refs.readLog(from);
  refs.update({ name: from, newId: algorithm.zero, noDeref: true });
  refs.update({ name: to, newId: id, noDeref: true, skipReflog: true });
  if (history === undefined) return;
  refs.createLog(to);
  Deno.writeFileSync(nativePath(refs.logPath(to)), fromByteString(formatReflog(history)));
  refs.appendLog(to, id, id, `remote: renamed ${from} to ${to}`, true);
}

function danglingLinks(cli: Cli, gone: ReadonlySet<ByteString>): ByteString[] {
  const { refs } = cli.repo;
  return refs.list().map((ref) => ref.name).filter((name) => {
    const value = refs.read(name);
    return value?.kind === "symbolic" && gone.has(value.target);
  });
}

/** `git remote` */
export async function remoteCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const command = new RemoteCommand(cli);
  const verbose = args[0] === "-v" || args[0] === "--verbose";
  if (args[0] === "-h") {
    cli.out(`usage: ${USAGE}\n`);
    throw new Exit(129);
  }
  const [word, ...rest] = verbose ? args.slice(1) : args;
  switch (word) {
    case undefined:
      return command.list(verbose);
    case "add":
      return await command.add(rest);
    case "rename":
      return command.rename(rest);
    case "rm":
    case "remove":
      return command.remove(rest);
    case "set-head":
      return await command.setHead(rest);
    case "set-branches":
      return command.setBranches(rest);
    case "get-url":
      return command.getUrl(rest);
    case "set-url":
      return command.setUrl(rest);
    case "show":
      return await command.show(rest, verbose);
    case "prune":
      return await command.prune(rest);
    case "update":
      return await command.update(rest, verbose);
    default:
      if (word.startsWith("-")) {
        throw usageError(`error: unknown option \`${word.replace(/^-+/, "")}'`, USAGE);
      }
      throw new Exit(129, `error: unknown subcommand: \`${word}'\nusage: ${USAGE}\n`);
  }
}
