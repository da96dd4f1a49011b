/**
 * `git fetch`, and what `pull`, `clone` and `remote update` need of it.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString, toHex, trimSpace } from "../_bytes.ts";
import {
  listDirectory,
  makeDirectories,
  nativePath,
  readFileIfAny,
  readTextIfAny,
  removeFile,
  stat,
  writeFileAtomically,
} from "../_files.ts";
import { editConfig, updateConfigFile } from "../config.ts";
import { approximateDate } from "../date.ts";
import { GitError } from "../errors.ts";
import type { NegotiationAlgorithm } from "../negotiator.ts";
import { FetchSession, INFINITE_DEPTH, isConnected, type RemoteRef } from "../fetch_pack.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor } from "../merge_base.ts";
import { peelTo } from "../object_store.ts";
import { isRefName } from "../ref_name.ts";
import type { RefUpdate } from "../ref_store.ts";
import {
  findAbbreviated,
  isLeftOut,
  mapRef,
  parseRefspec,
  prettyRef,
  refPrefixes,
  type Refspec,
  TAG_REFSPEC,
  unmapRef,
} from "../refspec.ts";
import {
  anonymousUrl,
  currentBranch,
  defaultRemoteName,
  readRemote,
  type Remote,
  remoteNames,
} from "../remote.ts";
import { checkedOutAt, listWorktrees } from "../worktree_list.ts";
import { connect, protocolVersion, remoteMessages } from "./_connect.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions } from "./_options.ts";

const USAGE =
  "git fetch [<options>] [<repository> [<refspec>...]]\n   or: git fetch [<options>] <group>\n   or: git fetch --multiple [<options>] [(<repository> | <group>)...]\n   or: git fetch --all [<options>]";

const SPECS =
  "v,verbose+ q,quiet all set-upstream a,append atomic upload-pack= f,force m,multiple t,tags n j,jobs= prefetch p,prune P,prune-tags recurse-submodules? dry-run porcelain write-fetch-head k,keep u,update-head-ok progress depth= shallow-since= shallow-exclude* deepen= unshallow refetch update-shallow refmap* o,server-option* 4,ipv4 6,ipv6 negotiation-tip* negotiate-only filter= auto-maintenance auto-gc show-forced-updates write-commit-graph stdin";

/** One ref that is fetched. */
interface FetchItem {
  /** Name on the other side. */
  readonly name: ByteString;
  readonly id: ObjectId;
  /** The ref here that takes it. */
  readonly peer: { name: ByteString; force: boolean; oldId: ObjectId } | undefined;
  status: "merge" | "not-for-merge" | "ignore";
}

/** Whether a name is a remote, or one of the older files for one. */
export function isKnownRemote(cli: Cli, name: ByteString): boolean {
  return readRemote(cli.repo, name).configured;
}

/** What became of one ref here. */
interface LocalUpdate {
  /** The line that reports it; empty for none. */
  readonly text: ByteString;
  readonly failed: boolean;
  /** Another ref's name was in the way. */
  readonly conflict: boolean;
}

class FetchRun {
  readonly cli: Cli;
  readonly o: Options;
  readonly verbosity: number;
  readonly dryRun: boolean;
  readonly append: boolean;
  readonly writeHead: boolean;
  /** What reflogs say. */
  readonly action: ByteString;
  #columnWidth = 10;
  #compact = false;
  #shownUrl = false;
  #head = "";
  #transaction: RefUpdate[] | undefined;

  constructor(cli: Cli, o: Options, action: ByteString, append: boolean) {
    this.cli = cli;
    this.o = o;
    this.verbosity = o.flag("quiet") ? -1 : o.count("verbose");
    this.dryRun = o.flag("dry-run");
    this.append = append;
    this.writeHead = !this.dryRun && !o.negated("write-fetch-head");
    this.action = action;
    this.#compact = cli.config.get("fetch.output")?.toLowerCase() === "compact";
  }

  #existing(name: ByteString): ObjectId {
    return this.cli.repo.refs.id(name) ?? this.cli.repo.algorithm.zero;
  }

  #localName(name: ByteString): ByteString {
    if (name.startsWith("refs/")) return name;
    return /^(?:heads|tags|remotes)\//.test(name) ? `refs/${name}` : `refs/heads/${name}`;
  }

  #peer(name: ByteString, force: boolean): FetchItem["peer"] {
    return { name, force, oldId: this.#existing(name) };
  }

  /** Refs that one refspec takes. */
  #expand(
    refs: readonly RemoteRef[],
    refspec: Refspec,
    missingOk: boolean,
    status: FetchItem["status"] = "not-for-merge",
  ): FetchItem[] {
    if (refspec.negative) return [];
    const out: FetchItem[] = [];
    if (refspec.pattern) {
      for (const ref of refs) {
        if (ref.id === undefined) continue;
        const to = mapRef(refspec, ref.name);
        if (to === undefined) {
          const middle = refspec.destination === undefined || refspec.destination === ""
            ? mapRef({ ...refspec, destination: "*" }, ref.name)
            : undefined;
          if (middle !== undefined) {
            out.push({ name: ref.name, id: ref.id, peer: undefined, status });
          }
          continue;
        }
        out.push({ name: ref.name, id: ref.id, peer: this.#peer(to, refspec.force), status });
      }
    } else {
      const name = refspec.source === "" ? "HEAD" : refspec.source;
      let found: RemoteRef | undefined;
      if (refspec.exactId) found = { name, id: name };
      else {
        found = findAbbreviated(refs, name);
        if (found?.id === undefined) {
          if (missingOk) return [];
          die(`couldn't find remote ref ${name}`);
        }
      }
      const to = refspec.destination;
      out.push({
        name: found.name,
        id: found.id!,
        peer: to === undefined || to === ""
          ? undefined
          : this.#peer(this.#localName(to), refspec.force),
        status,
      });
    }
    return out.filter((item) => {
      if (item.peer === undefined) return true;
      if (item.peer.name.startsWith("refs/") && isRefName(item.peer.name)) return true;
      this.cli.err(`error: * Ignoring funny ref '${item.peer.name}' locally\n`);
      return false;
    });
  }

  #prefetched(refspecs: readonly Refspec[]): Refspec[] {
    return refspecs.flatMap((refspec) => {
      if (refspec.negative) return [refspec];
      const to = refspec.destination;
      if (to === undefined || to === "" || refspec.source.startsWith("refs/tags/")) return [];
      return [{
        ...refspec,
        force: true,
        destination: `refs/prefetch/${to.replace(/^refs\//, "")}`,
      }];
    });
  }

  /** Tags of the other side that point at what is here, or comes. */
  #tagsToFollow(refs: readonly RemoteRef[], items: readonly FetchItem[]): FetchItem[] {
    const { repo } = this.cli;
    const coming = new Set(items.map((item) => item.id));
    const listed = new Set(items.map((item) => item.peer?.name));
    const here = (id: ObjectId): boolean => coming.has(id) || repo.objects.has(id);
    const out: FetchItem[] = [];
    for (const ref of refs) {
      if (ref.id === undefined || !ref.name.startsWith("refs/tags/")) continue;
      if (!here(ref.id) && !(ref.peeled !== undefined && here(ref.peeled))) continue;
      if (repo.refs.exists(ref.name) || listed.has(ref.name) || !isRefName(ref.name)) continue;
      out.push({
        name: ref.name,
        id: ref.id,
        peer: this.#peer(ref.name, false),
        status: "not-for-merge",
      });
    }
    return out;
  }

  #refMap(
    remote: Remote,
    refs: readonly RemoteRef[],
    refspecs: readonly Refspec[],
    tags: "default" | "set" | "unset",
    remoteFetch: readonly Refspec[],
    refmap: readonly Refspec[] | undefined,
  ): { items: FetchItem[]; autotags: boolean } {
    const { cli } = this;
    const items: FetchItem[] = [];
    const opportunistic: FetchItem[] = [];
    let autotags = false;
    if (refspecs.length > 0) {
      for (const refspec of refspecs) {
        items.push(...this.#expand(refs, refspec, false));
        if (refspec.destination !== undefined && refspec.destination !== "") autotags = true;
      }
      for (const item of items) item.status = "merge";
      const named = items.map((item): RemoteRef => ({ name: item.name, id: item.id }));
      for (const refspec of refmap ?? remoteFetch) {
        opportunistic.push(...this.#expand(named, refspec, true, "ignore"));
      }
    } else {
      if (refmap !== undefined) {
        die("--refmap option is only meaningful with command-line refspec(s)");
      }
      const branch = currentBranch(cli.repo);
      const merges = branch === undefined ? [] : cli.config.all(`branch.${branch}.merge`);
      const own = branch !== undefined && merges.length > 0 &&
        cli.config.entry(`branch.${branch}.remote`)?.value === remote.name;
      if (remoteFetch.length > 0 || own) {
        remoteFetch.forEach((refspec, i) => {
          const found = this.#expand(refs, refspec, false);
          if (refspec.destination !== undefined && refspec.destination !== "") autotags = true;
          if (i === 0 && merges.length === 0 && found.length > 0 && !refspec.pattern) {
            found[0]!.status = "merge";
          }
          items.push(...found);
        });
        if (own) {
          for (const merge of merges) {
            let found = false;
            for (const item of items) {
              if (item.name !== merge && findAbbreviated([item], merge) === undefined) continue;
              item.status = "merge";
              found = true;
            }
            if (found) continue;
            items.push(...this.#expand(
              refs,
              { ...TAG_REFSPEC, pattern: false, source: merge, destination: undefined },
              true,
              "merge",
            ));
          }
        }
      } else if (!this.o.flag("prefetch")) {
        const head = refs.find((ref) => ref.name === "HEAD");
        if (head?.id === undefined) die("couldn't find remote ref HEAD");
        items.push({ name: "HEAD", id: head.id, peer: undefined, status: "merge" });
      }
    }
    if (tags === "set") items.push(...this.#expand(refs, TAG_REFSPEC, false));
    else if (tags === "default" && autotags) items.push(...this.#tagsToFollow(refs, items));
    items.push(...opportunistic);
    const negative = (refspecs.length > 0 ? refspecs : remoteFetch).filter((one) => one.negative);
    const kept = negative.length === 0
      ? items
      : items.filter((item) => !isLeftOut(negative, item.name));
    return { items: this.#withoutDuplicates(kept), autotags };
  }

  #withoutDuplicates(items: readonly FetchItem[]): FetchItem[] {
    const byPeer = new Map<ByteString, FetchItem>();
    return items.filter((item) => {
      if (item.peer === undefined) return true;
      const first = byPeer.get(item.peer.name);
      if (first === undefined) {
        byPeer.set(item.peer.name, item);
        return true;
      }
      if (first.name === item.name) return false;
      if (first.status !== "ignore" && item.status !== "ignore") {
        die(`Cannot fetch both ${first.name} and ${item.name} to ${item.peer.name}`);
      }
      if (first.status !== "ignore") {
        this.cli.warn(`${item.peer.name} usually tracks ${item.name}, not ${first.name}`);
      } else die(`${item.peer.name} tracks both ${first.name} and ${item.name}`);
      return false;
    });
  }

  #line(
    code: string,
    summary: ByteString,
    error: ByteString | undefined,
    from: ByteString,
    to: ByteString,
    width: number,
  ): ByteString {
    if (this.verbosity < 0) return "";
    const shown = prettyRef(from);
    const target = prettyRef(to);
    let arrow = `${shown.padEnd(this.#columnWidth)} -> ${target}`;
    if (this.#compact) {
      arrow = `${shown} -> ${target}`;
      if (shown === target) arrow = `${shown.padEnd(this.#columnWidth)} -> *`;
      else {
        const at = target.indexOf(shown);
        if (at >= 0 && (at === 0 || target[at - 1] === "/")) {
          arrow = `${shown.padEnd(this.#columnWidth)} -> ${target.slice(0, at)}*${
            target.slice(at + shown.length)
          }`;
        }
      }
    }
    return `${code} ${summary.padEnd(width)} ${arrow}${error === undefined ? "" : `  (${error})`}`;
  }

  #prepareColumns(items: readonly FetchItem[]): void {
    this.#columnWidth = 10;
    if (this.verbosity < 0) return;
    const columns = Number(this.cli.env.get("COLUMNS") ?? "80") || 80;
    for (const item of items) {
      if (item.peer === undefined || item.name === "HEAD") continue;
      if (this.verbosity === 0 && item.peer.oldId === item.id) continue;
      const from = prettyRef(item.name).length;
      const to = this.#compact ? from : prettyRef(item.peer.name).length;
      const most = this.#compact ? Math.floor(columns * 2 / 3) : columns;
      if (21 + from + 4 + to >= most) continue;
      this.#columnWidth = Math.max(this.#columnWidth, from);
    }
  }

  #summaryWidth(items: readonly FetchItem[]): number {
    const { cli } = this;
    const zero = cli.repo.algorithm.zero;
    let most = -1;
    for (const item of items) {
      for (const id of [item.peer?.oldId, item.id]) {
        if (id === undefined || id === zero) continue;
        most = Math.max(most, cli.abbrev(id).length);
      }
    }
    return 2 * (most < 0 ? 7 : most) + 3;
  }

  #urlHeader(url: ByteString): void {
    if (this.#shownUrl) return;
    this.#shownUrl = true;
    let text = url.replace(/\/+$/, "");
    if (text.length > 5 && text.endsWith(".git")) text = text.slice(0, -4);
    this.cli.err(`From ${text}\n`);
  }

  /** Writes a ref; returns whether it failed, and whether a name was in the way. */
  #update(
    message: ByteString,
    name: ByteString,
    newId: ObjectId,
    oldId: ObjectId | undefined,
  ): { failed: boolean; conflict: boolean } {
    if (this.dryRun) return { failed: false, conflict: false };
    const update: RefUpdate = {
      name,
      newId,
      message: `${this.action}: ${message}`,
      ...(oldId === undefined ? {} : { oldId }),
    };
    if (this.#transaction !== undefined) {
      this.#transaction.push(update);
      return { failed: false, conflict: false };
    }
    try {
      this.cli.repo.refs.update(update);
      return { failed: false, conflict: false };
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.cli.err(`error: ${error.message}\n`);
      return {
        failed: true,
        conflict: /exists; cannot create|non-empty directory/.test(error.message),
      };
    }
  }

  #updateLocal(
    item: FetchItem,
    what: ByteString,
    width: number,
  ): LocalUpdate {
    const { cli, o } = this;
    const { repo } = cli;
    const zero = repo.algorithm.zero;
    const peer = item.peer!;
    const to = prettyRef(peer.name);
    const force = o.flag("force") || peer.force;
    if (!repo.objects.has(item.id)) die(`object ${item.id} not found`);
    const old = peer.oldId;
    const refused = (why: ByteString): LocalUpdate => ({
      text: this.#line("!", "[rejected]", why, what, to, width),
      failed: true,
      conflict: false,
    });
    if (old === item.id) {
      return {
        text: this.verbosity > 0 ? this.#line("=", "[up to date]", undefined, what, to, width) : "",
        failed: false,
        conflict: false,
      };
    }
    if (
      !o.flag("update-head-ok") && old !== zero &&
      checkedOutAt(listWorktrees(repo), peer.name) !== undefined
    ) return refused("can't fetch into checked-out branch");
    const done = (
      result: { failed: boolean; conflict: boolean },
      code: string,
      summary: ByteString,
      note?: ByteString,
    ): LocalUpdate => ({
      text: this.#line(
        result.failed ? "!" : code,
        summary,
        result.failed ? "unable to update local ref" : note,
        what,
        to,
        width,
      ),
      failed: result.failed,
      conflict: result.conflict,
    });
    if (old !== zero && peer.name.startsWith("refs/tags/")) {
      if (!force) return refused("would clobber existing tag");
      return done(this.#update("updating tag", peer.name, item.id, undefined), "t", "[tag update]");
    }
    const current = old === zero ? undefined : peelTo(repo.objects, old, "commit");
    const updated = peelTo(repo.objects, item.id, "commit");
    if (current === undefined || updated === undefined) {
      const [message, summary] = item.name.startsWith("refs/tags/")
        ? ["storing tag", "[new tag]"]
        : item.name.startsWith("refs/heads/")
        ? ["storing head", "[new branch]"]
        : ["storing ref", "[new ref]"];
      return done(this.#update(message, peer.name, item.id, undefined), "*", summary);
    }
    const check = o.given("show-forced-updates")
      ? o.flag("show-forced-updates")
      : cli.config.bool("fetch.showforcedupdates", true);
    const forward = !check || isAncestor(repo.objects, current, updated);
    if (forward) {
      return done(
        this.#update("fast-forward", peer.name, item.id, old),
        " ",
        `${cli.abbrev(current)}..${cli.abbrev(item.id)}`,
      );
    }
    if (force) {
      return done(
        this.#update("forced-update", peer.name, item.id, old),
        "+",
        `${cli.abbrev(current)}...${cli.abbrev(item.id)}`,
        "forced update",
      );
    }
    return refused("non-fast-forward");
  }

  /** Writes refs and `FETCH_HEAD`. Returns whether anything failed. */
  #store(
    url: ByteString,
    remote: Remote,
    items: readonly FetchItem[],
    promised: boolean,
    connected: boolean,
  ): boolean {
    const { cli } = this;
    const { repo } = cli;
    const width = this.verbosity >= 0 ? this.#summaryWidth(items) : 0;
    if (
      !connected &&
      !isConnected(repo, items.map((item) => item.id), { promised })
    ) {
      cli.err(`error: ${url} did not send all necessary objects\n\n`);
      return true;
    }
    this.#prepareColumns(items);
    let failed = false, conflict = false;
    for (const wanted of ["merge", "not-for-merge", "ignore"] as const) {
      for (const item of items) {
        if (this.writeHead && peelTo(repo.objects, item.id, "commit") === undefined) {
          if (item.status === "merge") item.status = "not-for-merge";
        }
        if (item.status !== wanted) continue;
        let kind = "", what: ByteString = "";
        if (item.name === "HEAD") { /* Neither kind nor name. */ }
        else if (item.name.startsWith("refs/heads/")) {
          kind = "branch";
          what = item.name.slice(11);
        } else if (item.name.startsWith("refs/tags/")) {
          kind = "tag";
          what = item.name.slice(10);
        } else if (item.name.startsWith("refs/remotes/")) {
          kind = "remote-tracking branch";
          what = item.name.slice(13);
        } else what = item.name;
        let from = url.replace(/\/+$/, "");
        if (from.length > 5 && from.endsWith(".git")) from = from.slice(0, -4);
        if (item.status !== "ignore") {
          const note = what === "" ? "" : `${kind === "" ? "" : `${kind} `}'${what}' of `;
          this.#head += `${item.id}\t${item.status === "merge" ? "" : item.status}\t${note}${
            from.replaceAll("\n", "\\n")
          }\n`;
          if (this.#transaction === undefined) this.#flushHead();
        }
        let text: ByteString = "";
        if (item.peer !== undefined) {
          const result = this.#updateLocal(item, what, width);
          text = result.text;
          failed ||= result.failed;
          conflict ||= result.conflict;
        } else if (this.writeHead || this.dryRun) {
          text = this.#line(
            "*",
            kind === "" ? "branch" : kind,
            undefined,
            what === "" ? "HEAD" : what,
            "FETCH_HEAD",
            width,
          );
        }
        if (text !== "") {
          this.#urlHeader(url);
          cli.err(` ${text}\n`);
        }
      }
    }
    if (conflict) {
      cli.err(
        `error: some local refs could not be updated; try running\n 'git remote prune ${remote.name}' to remove any old, conflicting branches\n`,
      );
    }
    return failed;
  }

  #flushHead(): void {
    if (!this.writeHead || this.#head === "") return;
    Deno.writeFileSync(
      nativePath(`${this.cli.repo.paths.gitDir}/FETCH_HEAD`),
      fromByteString(this.#head),
      { append: true },
    );
    this.#head = "";
  }

  #prune(
    refspecs: readonly Refspec[],
    items: readonly FetchItem[],
    url: ByteString,
  ): boolean {
    const { cli } = this;
    const { repo } = cli;
    const stale = staleRefs(cli, refspecs, new Set(items.map((item) => item.name)));
    if (stale.length === 0) return false;
    let failed = false;
    if (!this.dryRun) {
      const updates = stale.map((name): RefUpdate => ({
        name,
        newId: repo.algorithm.zero,
        noDeref: true,
        message: "fetch: prune",
      }));
      if (this.#transaction !== undefined) this.#transaction.push(...updates);
      else {
        try {
          repo.refs.transaction(updates);
        } catch (error) {
          if (!(error instanceof GitError)) throw error;
          cli.err(`error: could not delete references: ${error.message}\n`);
          failed = true;
        }
      }
    }
    if (this.verbosity >= 0) {
      this.#prepareColumns([]);
      let width = 7;
      for (const name of stale) {
        const id = repo.refs.id(name);
        if (id !== undefined) width = Math.max(width, cli.abbrev(id).length);
      }
      width = 2 * width + 3;
      const gone = new Set(stale);
      for (const name of stale) {
        this.#urlHeader(url);
        cli.err(` ${this.#line("-", "[deleted]", undefined, "(none)", name, width)}\n`);
      }
      warnDangling(cli, gone, this.dryRun);
    }
    return failed;
  }

  /** Fetches from one remote. Returns the exit code. */
  async one(remote: Remote, refspecTexts: readonly ByteString[]): Promise<number> {
    const { cli, o } = this;
    const { repo } = cli;
    const { gitDir } = repo.paths;
    let refspecs: Refspec[] = [];
    for (let i = 0; i < refspecTexts.length; i++) {
      let text = refspecTexts[i]!;
      if (text === "tag") {
        const name = refspecTexts[++i];
        if (name === undefined) die("You need to specify a tag name.");
        text = `refs/tags/${name}:refs/tags/${name}`;
      }
      refspecs.push(parseRefspec(text, "fetch"));
    }
    let remoteFetch = [...remote.fetch];
    const refmap = o.given("refmap")
      ? o.list("refmap").filter((text) => text !== "").map((text) => parseRefspec(text, "fetch"))
      : undefined;
    const prune = o.given("prune")
      ? o.flag("prune")
      : remote.prune ?? cli.config.bool("fetch.prune") ?? false;
    const pruneTags = o.given("prune-tags")
      ? o.flag("prune-tags")
      : remote.pruneTags ?? cli.config.bool("fetch.prunetags") ?? false;
    if (prune && pruneTags && (refspecs.length === 0 || remote.configured)) {
      if (refspecs.length > 0) { /* Only what was named is looked at. */ }
      else remoteFetch.push(TAG_REFSPEC);
      if (refspecs.length === 0 && remote.fetch.length === 0 && !remote.configured) {
        refspecs.push(TAG_REFSPEC);
      }
    }
    if (o.flag("prefetch")) {
      refspecs = this.#prefetched(refspecs);
      remoteFetch = this.#prefetched(remoteFetch);
    }
    let tags: "default" | "set" | "unset" = "default";
    if (o.given("tags")) tags = o.flag("tags") ? "set" : "unset";
    if (o.flag("n")) tags = "unset";
    if (tags === "default") {
      if (remote.tagOption === "--tags") tags = "set";
      else if (remote.tagOption === "--no-tags") tags = "unset";
    }
    if (!this.append && this.writeHead) {
      try {
        Deno.writeFileSync(nativePath(`${gitDir}/FETCH_HEAD`), new Uint8Array(0));
      } catch (error) {
        throw new Exit(1, `error: cannot open '.git/FETCH_HEAD': ${(error as Error).message}\n`);
      }
    }
    const url = remote.urls[0]!;
    const shownUrl = anonymousUrl(url);
    const transport = connect(cli, url, { program: o.text("upload-pack") ?? remote.uploadPack });
    const messages = remoteMessages(cli);
    let filter = o.text("filter");
    if (filter === undefined && !o.negated("filter") && remote.promisor) filter = remote.filter;
    const promised = repo.config.entries.some((entry) => entry.key === "extensions.partialclone") ||
      repo.config.entries.some((entry) =>
        /^remote\..*\.promisor$/.test(entry.key) && entry.value !== "false"
      );
    let depth: number | undefined;
    if (o.flag("unshallow")) depth = INFINITE_DEPTH;
    else if (o.text("deepen") !== undefined) depth = Number(o.text("deepen"));
    else if (o.text("depth") !== undefined) depth = Number(o.text("depth"));
    const since = o.text("shallow-since");
    const deepen = depth !== undefined || since !== undefined ||
      o.list("shallow-exclude").length > 0;
    let failed = false;
    try {
      const session = await FetchSession.open(transport, {
        version: protocolVersion(cli),
        serverOptions: o.list("server-option"),
      });
      let prefixes: ByteString[] = [];
      let list = true;
      if (refspecs.length > 0) {
        prefixes = refPrefixes(refspecs, "fetch");
        list = refspecs.some((refspec) => !refspec.exactId);
      } else {
        prefixes = refPrefixes(remoteFetch, "fetch");
        const branch = currentBranch(repo);
        if (
          branch !== undefined && cli.config.entry(`branch.${branch}.remote`)?.value === remote.name
        ) prefixes.push(...cli.config.all(`branch.${branch}.merge`));
        if (prefixes.length === 0) prefixes.push("HEAD");
      }
      if (tags !== "unset") {
        list = true;
        if (prefixes.length > 0) prefixes.push("refs/tags/");
      }
      const refs = list ? await session.listRefs(prefixes) : [];
      const { items, autotags } = this.#refMap(remote, refs, refspecs, tags, remoteFetch, refmap);
      if (session.version !== 2) refuseUnadvertised(session, refs, items);
      if (!o.flag("update-head-ok")) {
        const worktrees = listWorktrees(repo);
        for (const item of items) {
          const at = item.peer && checkedOutAt(worktrees, item.peer.name);
          if (at) {
            die(`refusing to fetch into branch '${item.peer!.name}' checked out at '${at.path}'`);
          }
        }
      }
      if (o.flag("atomic")) this.#transaction = [];
      const follow = tags === "default" && autotags;
      if (prune) {
        failed = this.#prune(
          refspecs.length > 0 ? refspecs : remoteFetch,
          items,
          shownUrl,
        );
      }
      const haveTips = negotiationTips(cli, o);
      const bring = async (
        wanted: readonly FetchItem[],
        includeTags: boolean,
      ): Promise<boolean> => {
        const all = wanted.map((item) => item.id);
        if (!deepen && !o.flag("refetch") && isConnected(repo, all, { promised })) return true;
        const needed = wanted.filter((item) => item.peer?.oldId !== item.id);
        const limit = cli.config.int("fetch.unpacklimit") ??
          cli.config.int("transfer.unpacklimit") ??
          100;
        await session.fetch(repo, {
          wants: (needed.length > 0 ? needed : wanted).map((item) => item.id),
          depth,
          relative: o.text("deepen") !== undefined,
          since: since === undefined ? undefined : approximateDate(since),
          not: o.list("shallow-exclude"),
          filter,
          includeTags,
          remoteRefs: refs,
          haveTips,
          noNegotiation: o.flag("refetch"),
          negotiation: negotiationAlgorithm(cli),
          updateShallow: o.flag("update-shallow"),
          strict: cli.config.bool("fetch.fsckobjects") ?? cli.config.bool("transfer.fsckobjects") ??
            false,
          unpackLimit: o.flag("keep") ? 0 : limit,
          quiet: !(o.flag("progress") || (Deno.stderr.isTerminal() && this.verbosity >= 0)),
          remoteMessage: messages.write,
        });
        messages.end();
        repo.refs.invalidate();
        return false;
      };
      const connected = items.length === 0 || await bring(items, follow);
      if (filter !== undefined && o.text("filter") !== undefined) {
        registerPartialClone(cli, remote.name, filter);
      }
      if (
        items.length > 0 &&
        this.#store(shownUrl, remote, items, promised || filter !== undefined, connected)
      ) {
        failed = true;
      }
      if (follow && !(failed && this.#transaction !== undefined)) {
        // Tags that came with the pack, or whose objects were here.
        const more = this.#tagsToFollow(refs, this.#transaction === undefined ? [] : items);
        if (more.length > 0) {
          const together = await bring(more, false);
          if (this.#store(shownUrl, remote, more, promised, together)) failed = true;
        }
      }
      await session.close();
      if (this.#transaction !== undefined) {
        if (failed) return 1;
        try {
          if (this.#transaction.length > 0) repo.refs.transaction(this.#transaction);
        } catch (error) {
          if (!(error instanceof GitError)) throw error;
          cli.err(`error: ${error.message}\n`);
          return 1;
        }
        this.#transaction = undefined;
        this.#flushHead();
      }
      if (o.flag("set-upstream")) this.#setUpstream(remote, items);
      const graph = o.given("write-commit-graph")
        ? o.flag("write-commit-graph")
        : cli.config.bool("fetch.writecommitgraph", false);
      if (graph && !failed && !this.dryRun) {
        const { commitGraphCommand } = await import("./pack_indexes.ts");
        await commitGraphCommand(cli, ["write", "--reachable", "--no-progress"]);
        chainCommitGraph(cli);
      }
    } catch (error) {
      messages.end();
      await transport.close();
      throw error;
    }
    return failed ? 1 : 0;
  }

  #setUpstream(remote: Remote, items: readonly FetchItem[]): void {
    const { cli } = this;
    const branch = currentBranch(cli.repo);
    const sources = items.filter((item) => item.peer === undefined);
    if (sources.length > 1) {
      cli.warn("multiple branches detected, incompatible with --set-upstream");
      return;
    }
    const source = sources[0];
    if (source === undefined) {
      cli.warn(
        "no source branch found;\nyou need to specify exactly one branch with the --set-upstream option",
      );
      return;
    }
    if (branch === undefined) {
      cli.warn(
        `could not set upstream of HEAD to '${
          source.name.replace(/^refs\/heads\//, "")
        }' from '${remote.name}' when it does not point to any branch.`,
      );
      return;
    }
    if (source.name === "HEAD" || source.name.startsWith("refs/heads/")) {
      setUpstreamConfig(cli, branch, remote.name, source.name);
    } else if (source.name.startsWith("refs/remotes/")) {
      cli.warn("not setting upstream for a remote remote-tracking branch");
    } else if (source.name.startsWith("refs/tags/")) {
      cli.warn("not setting upstream for a remote tag");
    } else cli.warn("unknown branch type");
  }
}

/** Makes a commit graph the only layer of a chain, which is where a fetch leaves it. */
function chainCommitGraph(cli: Cli): void {
  const { objects, algorithm } = cli.repo;
  const single = `${objects.directory}/info/commit-graph`;
  const data = readFileIfAny(single);
  if (data === undefined) return;
  const name = toHex(data, data.length - algorithm.rawSize);
  const directory = `${objects.directory}/info/commit-graphs`;
  makeDirectories(directory);
  Deno.renameSync(nativePath(single), nativePath(`${directory}/graph-${name}.graph`));
  writeFileAtomically(`${directory}/commit-graph-chain`, `${name}\n`, { fsync: cli.repo.fsync });
  for (const entry of listDirectory(directory)) {
    if (entry.name.endsWith(".graph") && entry.name !== `graph-${name}.graph`) {
      removeFile(`${directory}/${entry.name}`);
    }
  }
}

/** Older protocols give only what they show, unless the server says otherwise. */
function refuseUnadvertised(
  session: FetchSession,
  refs: readonly RemoteRef[],
  items: readonly FetchItem[],
): void {
  if (
    session.capabilities.has("allow-tip-sha1-in-want") ||
    session.capabilities.has("allow-reachable-sha1-in-want")
  ) return;
  const shown = new Set(refs.map((ref) => ref.id));
  const hidden = items.find((item) => item.name === item.id && !shown.has(item.id));
  if (hidden !== undefined) {
    throw new Exit(
      1,
      `error: Server does not allow request for unadvertised object ${hidden.id}\n`,
    );
  }
}

/** Records what a branch follows. */
export function setUpstreamConfig(
  cli: Cli,
  branch: ByteString,
  remote: ByteString,
  merge: ByteString,
): void {
  const file = `${cli.repo.paths.commonDir}/config`;
  updateConfigFile(file, (text) => {
    text = editConfig(text, `file ${file}`, `branch.${branch}.remote`, remote, { all: true }).text;
    return editConfig(text, `file ${file}`, `branch.${branch}.merge`, merge, { all: true }).text;
  });
}

/** Refs here that a remote would have written, whose source is gone there. */
export function staleRefs(
  cli: Cli,
  refspecs: readonly Refspec[],
  present: ReadonlySet<ByteString>,
): ByteString[] {
  const out: ByteString[] = [];
  for (const ref of cli.repo.refs.list()) {
    if (ref.symbolic !== undefined) continue;
    const sources: ByteString[] = [];
    for (const refspec of refspecs) {
      const destination = refspec.destination;
      const full = refspec.pattern || destination === undefined || destination === "" ||
          destination.startsWith("refs/")
        ? refspec
        : { ...refspec, destination: `refs/heads/${destination}` };
      const source = unmapRef(full, ref.name);
      if (source !== undefined && !isLeftOut(refspecs, source)) sources.push(source);
    }
    if (sources.length === 0) continue;
    const there = sources.some((source) =>
      present.has(source) || present.has(`refs/heads/${source}`) ||
      present.has(`refs/tags/${source}`)
    );
    if (!there) out.push(ref.name);
  }
  return out;
}

/** Says which symbolic refs lead nowhere once others are gone. */
export function warnDangling(cli: Cli, gone: ReadonlySet<ByteString>, future: boolean): void {
  const refs = cli.repo.refs;
  for (const name of refs.list().map((ref) => ref.name)) {
    let value: ReturnType<typeof refs.read>;
    try {
      value = refs.read(name);
    } catch {
      continue;
    }
    if (value?.kind !== "symbolic" || !gone.has(value.target)) continue;
    cli.err(`   (${name} ${future ? "will become" : "has become"} dangling)\n`);
  }
}

/** Records that objects missing here can be had from a remote. */
export function registerPartialClone(cli: Cli, remote: ByteString, filter: ByteString): void {
  const file = `${cli.repo.paths.commonDir}/config`;
  updateConfigFile(file, (text) => {
    const put = (key: ByteString, value: ByteString): void => {
      text = editConfig(text, `file ${file}`, key, value, { all: true }).text;
    };
    if (cli.config.entry("extensions.partialclone") === undefined) {
      put("core.repositoryformatversion", "1");
      put("extensions.partialclone", remote);
    }
    put(`remote.${remote}.promisor`, "true");
    put(`remote.${remote}.partialclonefilter`, filter);
    return text;
  });
}

/** Remotes of a group (`remotes.<name>`), or `undefined` when it is none. */
export function remoteGroup(cli: Cli, name: ByteString): ByteString[] | undefined {
  const values = cli.config.all(`remotes.${name}`);
  return values.length === 0
    ? undefined
    : values.flatMap((value) => value.split(/[ \t\n]+/).filter((word) => word !== ""));
}

/** `git fetch` */
export async function fetchCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const o = parseOptions(cli, args, SPECS, USAGE);
  const code = await fetchWith(cli, o, args);
  const wanted = o.given("auto-maintenance")
    ? o.flag("auto-maintenance")
    : o.given("auto-gc")
    ? o.flag("auto-gc")
    : cli.config.bool("maintenance.auto") ?? true;
  if (wanted && !o.flag("negotiate-only") && !o.flag("dry-run")) {
    const { maintenance } = await import("./gc.ts");
    cli.reopen();
    await maintenance(cli, ["run", "--auto", ...(o.flag("quiet") ? ["--quiet"] : [])]);
  }
  return code;
}

/** What `--negotiation-tip` names. */
function negotiationTips(cli: Cli, o: Options): ObjectId[] | undefined {
  const texts = o.list("negotiation-tip");
  if (texts.length === 0) return undefined;
  const { repo } = cli;
  return texts.flatMap((text) => {
    if (!/[*?[]/.test(text)) {
      const id = cli.tryRevision(text);
      if (id === undefined) die(`${text} is not a valid object`);
      if (!repo.objects.has(id)) die(`the object ${id} does not exist`);
      return [id];
    }
    const prefix = text.startsWith("refs/") ? text : `refs/${text}`;
    const pattern = new RegExp(
      `^${prefix.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`,
    );
    const found = repo.refs.list().filter((ref) => !ref.broken && pattern.test(ref.name));
    if (found.length === 0) {
      cli.warn(`ignoring --negotiation-tip=${text} because it does not match any refs`);
    }
    return found.map((ref) => ref.id);
  });
}

/** Prints the commits that both sides have of some tips, and fetches nothing. */
async function negotiateOnly(cli: Cli, o: Options): Promise<number> {
  const tips = negotiationTips(cli, o);
  if (tips === undefined) die("--negotiate-only needs one or more --negotiation-tip=*");
  const remote = readRemote(cli.repo, o.rest[0] ?? defaultRemoteName(cli.repo));
  const url = remote.urls[0];
  if (url === undefined) die("no remote repository given");
  const transport = connect(cli, url, { program: o.text("upload-pack") ?? remote.uploadPack });
  try {
    const session = await FetchSession.open(transport, {
      version: protocolVersion(cli),
      serverOptions: o.list("server-option"),
    });
    const common = await session.negotiate(cli.repo, { wants: [], haveTips: tips });
    await session.close();
    for (const id of common) cli.out(`${id}\n`);
    return 0;
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** The setting `fetch.negotiationAlgorithm`. */
export function negotiationAlgorithm(cli: Cli): NegotiationAlgorithm {
  const text = cli.config.get("fetch.negotiationalgorithm")?.toLowerCase() ??
    (cli.config.bool("feature.experimental", false) ? "skipping" : "default");
  if (text === "default" || text === "consecutive") return "consecutive";
  if (text === "skipping" || text === "noop") return text;
  return die(`unknown fetch negotiation algorithm '${text}'`);
}

async function fetchWith(cli: Cli, o: Options, args: ByteString[]): Promise<number> {
  const { repo } = cli;
  if (o.flag("negotiate-only")) return await negotiateOnly(cli, o);
  if (o.text("deepen") !== undefined) {
    if (Number(o.text("deepen")) < 0) die("negative depth in --deepen is not supported");
    if (o.text("depth") !== undefined) {
      die("options '--deepen' and '--depth' cannot be used together");
    }
  }
  if (o.flag("unshallow")) {
    if (o.text("depth") !== undefined) {
      die("options '--depth' and '--unshallow' cannot be used together");
    }
    if (stat(`${repo.paths.commonDir}/shallow`) === undefined) {
      die("--unshallow on a complete repository does not make sense");
    }
  }
  const depth = o.text("depth");
  if (depth !== undefined && !(/^\d+$/.test(depth) && Number(depth) > 0)) {
    die(`depth ${depth} is not a positive number`);
  }
  const output = cli.config.get("fetch.output");
  if (output !== undefined && !/^(?:full|compact)$/i.test(output)) {
    die(`invalid value for 'fetch.output': '${output}'`);
  }
  const action = cli.env.get("GIT_REFLOG_ACTION") ??
    ["fetch", ...args.map((word) => anonymousUrl(word))].join(" ");
  const rest = [...o.rest];
  if (o.flag("all")) {
    if (rest.length === 1) die("fetch --all does not take a repository argument");
    if (rest.length > 1) die("fetch --all does not make sense with refspecs");
    const names = remoteNames(repo).filter((name) => !readRemote(repo, name).skipDefault);
    return await fetchSeveral(cli, o, names, action);
  }
  if (rest.length === 0) {
    const name = defaultRemoteName(repo);
    // Without any remote there is nothing to fetch, and that is no error.
    if (!readRemote(repo, name).configured && !/[/:]/.test(name)) {
      return await fetchSeveral(cli, o, [], action);
    }
    return await fetchOne(cli, o, name, [], action, o.flag("append"));
  }
  if (o.flag("multiple")) {
    const names = rest.flatMap((name) => {
      const group = remoteGroup(cli, name);
      if (group !== undefined) return group;
      if (!isKnownRemote(cli, name)) die(`no such remote or remote group: ${name}`);
      return [name];
    });
    return await fetchSeveral(cli, o, names, action);
  }
  const name = rest.shift()!;
  const group = remoteGroup(cli, name);
  if (group !== undefined && !isKnownRemote(cli, name)) {
    if (group.length > 1 || rest.length === 0) {
      if (rest.length > 0) die("fetching a group and specifying refspecs does not make sense");
      return await fetchSeveral(cli, o, group, action);
    }
  }
  if (o.flag("stdin")) {
    for (const line of toByteString(cli.readStdin()).split("\n")) {
      if (trimSpace(line) !== "") rest.push(trimSpace(line));
    }
  }
  return await fetchOne(cli, o, name, rest, action, o.flag("append"));
}

async function fetchOne(
  cli: Cli,
  o: Options,
  name: ByteString,
  refspecs: readonly ByteString[],
  action: ByteString,
  append: boolean,
): Promise<number> {
  if (name === "") {
    die(
      "no remote repository specified.  Please, specify either a URL or a\nremote name from which new revisions should be fetched.",
    );
  }
  const remote = readRemote(cli.repo, name);
  return await new FetchRun(cli, o, action, append).one(remote, refspecs);
}

async function fetchSeveral(
  cli: Cli,
  o: Options,
  names: readonly ByteString[],
  action: ByteString,
): Promise<number> {
  const quiet = o.flag("quiet");
  let code = 0;
  const { gitDir } = cli.repo.paths;
  if (!o.flag("append") && !o.flag("dry-run") && !o.negated("write-fetch-head")) {
    Deno.writeFileSync(nativePath(`${gitDir}/FETCH_HEAD`), new Uint8Array(0));
  }
  for (const name of names) {
    if (!quiet) {
      cli.out(`Fetching ${name}\n`);
      cli.flush();
    }
    try {
      const one = await fetchOne(cli, o, name, [], action, true);
      if (one !== 0) {
        cli.err(`error: could not fetch ${name}\n`);
        code = 1;
      }
    } catch (error) {
      const text = error instanceof Exit ? error.text : `fatal: ${(error as Error).message}\n`;
      if (!(error instanceof Exit) && !(error instanceof GitError)) throw error;
      cli.err(`${text}error: could not fetch ${name}\n`);
      code = 1;
    }
  }
  return code;
}

/** Parses options of fetch for other commands that run it. */
export function fetchOptions(cli: Cli, args: readonly ByteString[]): Options {
  return parseOptions(cli, [...args], SPECS, USAGE);
}

/** The lines of `FETCH_HEAD`: id, whether it is for merging, what it is. */
export function readFetchHead(
  cli: Cli,
): { id: ObjectId; merge: boolean; description: ByteString }[] {
  const text = readTextIfAny(`${cli.repo.paths.gitDir}/FETCH_HEAD`) ?? "";
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [id = "", mark = "", ...rest] = line.split("\t");
    return { id, merge: mark === "", description: rest.join("\t") };
  });
}
