/**
 * `git describe`, `git name-rev`, `git shortlog` and `git check-mailmap`.
 *
 * @module
 */
import { type ByteString, toByteString, trimSpace } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { readMailmap } from "../mailmap.ts";
import { commitLinks, TimeQueue } from "../merge_base.ts";
import { parseSignature } from "../objects.ts";
import { peelTo, readCommit, readTag } from "../object_store.ts";
import { expandFormat, subjectOf } from "../pretty.ts";
import { shortenRef } from "../ref_filter.ts";
import { walkCommits } from "../rev_list.ts";
import { diffTreeIndex } from "../status.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { makePathspec, parseRevs, timeArgument } from "./_revs.ts";

interface Name {
  path: ByteString;
  /** 2 for annotated tags, 1 for other tags, 0 for other refs. */
  rank: number;
  tag: ObjectId | undefined;
  date: number;
}

interface Candidate {
  name: Name;
  depth: number;
  flag: number;
  order: number;
}

/** What `git describe` says of a commit; "" when it fails. */
export function describeText(cli: Cli, args: ByteString[]): ByteString {
  const out: ByteString[] = [];
  const previous = cli.capture;
  cli.capture = (data) => void out.push(toByteString(data));
  try {
    // All that is asked for here is said before it first waits for something.
    describe(cli, args).catch(() => {});
  } finally {
    cli.capture = previous;
  }
  return out.join("").replace(/\n$/, "");
}

/** `git describe` */
export async function describe(cli: Cli, args: ByteString[]): Promise<number> {
  const usage =
    "git describe [--all] [--tags] [--contains] [--abbrev=<n>] [<commit-ish>...]\n   or: git describe [--all] [--tags] [--contains] [--abbrev=<n>] --dirty[=<mark>]\n   or: git describe <blob>";
  const o = parseOptions(
    cli,
    args,
    "contains debug all tags long first-parent abbrev# exact-match candidates# match* exclude* always dirty? broken?",
    usage,
  );
  const { repo } = cli;
  const store = repo.objects;
  const all = o.flag("all"), tags = o.flag("tags"), long = o.flag("long");
  const abbrev = o.negated("abbrev")
    ? 0
    : o.text("abbrev") === undefined
    ? undefined
    : Number(o.text("abbrev"));
  const dirtyMark = o.given("dirty") && !o.negated("dirty")
    ? o.text("dirty") ?? "-dirty"
    : undefined;
  if (long && abbrev === 0) die("options '--long' and '--abbrev=0' cannot be used together");
  if (o.flag("contains")) {
    const out = ["--peel-tag", "--name-only", "--no-undefined"];
    if (o.flag("always")) out.push("--always");
    if (!all) {
      out.push("--tags");
      for (const pattern of o.list("match")) out.push(`--refs=refs/tags/${pattern}`);
      for (const pattern of o.list("exclude")) out.push(`--exclude=refs/tags/${pattern}`);
    }
    return await nameRev(cli, [...out, ...(o.rest.length > 0 ? o.rest : ["HEAD"])]);
  }
  const most = o.flag("exact-match") ? 0 : Math.min(Number(o.text("candidates") ?? 10), 26);
  const names = new Map<ObjectId, Name>();
  const patterns = o.list("match"), excludes = o.list("exclude");
  for (const ref of repo.refs.list()) {
    if (ref.broken) continue;
    const isTag = ref.name.startsWith("refs/tags/");
    if (!isTag && !all) continue;
    if (patterns.length > 0 || excludes.length > 0) {
      const short = isTag
        ? ref.name.slice(10)
        : all && ref.name.startsWith("refs/heads/")
        ? ref.name.slice(11)
        : all && ref.name.startsWith("refs/remotes/")
        ? ref.name.slice(13)
        : undefined;
      if (short === undefined) continue;
      if (excludes.some((pattern) => wildmatch(pattern, short, { pathname: false }))) continue;
      if (
        patterns.length > 0 &&
        !patterns.some((pattern) => wildmatch(pattern, short, { pathname: false }))
      ) continue;
    }
    const annotated = store.describe(ref.id)?.type === "tag";
    const commit = peelTo(store, ref.id, "commit");
    if (commit === undefined) continue;
    const rank = annotated ? 2 : isTag ? 1 : 0;
    const known = names.get(commit);
    const date = annotated ? tagDate(cli, ref.id) : 0;
    const better = known === undefined || known.rank < rank ||
      (known.rank === 2 && rank === 2 && known.date < date);
    if (better) {
      names.set(commit, {
        path: ref.name.slice(all ? 5 : 10),
        rank,
        tag: annotated ? ref.id : undefined,
        date,
      });
    }
  }
  if (o.rest.length > 0 && dirtyMark !== undefined) {
    die("option '--dirty' and commit-ishes cannot be used together");
  }
  if (names.size === 0 && !o.flag("always")) die("No names found, cannot describe anything.");
  let suffix = "";
  if (dirtyMark !== undefined || o.given("broken")) {
    const head = repo.head();
    const changed = diffTreeIndex(
      repo,
      head === undefined ? undefined : commitLinks(store, head).tree,
      repo.readIndex(),
      { cached: false },
    );
    if (changed.length > 0) suffix = dirtyMark ?? "-dirty";
  }
  const wanted = all ? 0 : tags ? 1 : 2;
  const shortId = (id: ObjectId): ByteString =>
    abbrev === undefined ? cli.abbrev(id) : cli.abbrev(id, Math.max(abbrev, 4));
  const shown = (name: Name): ByteString => {
    if (name.tag === undefined) return name.path;
    const own = readTag(store, name.tag).tag;
    const inner = all ? `tags/${own}` : own;
    if (inner !== name.path) {
      cli.warn(`tag '${name.path}' is externally known as '${own}'`);
      return name.path;
    }
    return inner;
  };
  for (const argument of o.rest.length > 0 ? o.rest : ["HEAD"]) {
    const id = cli.tryRevision(argument);
    if (id === undefined) die(`Not a valid object name ${argument}`);
    const start = peelTo(store, id, "commit");
    if (start === undefined) {
      if (store.describe(id)?.type === "blob") {
        die(`describing a blob is not available: ${argument}`);
      }
      die(`${argument} is neither a commit nor blob`);
    }
    const exact = names.get(start);
    if (exact !== undefined && (exact.rank >= wanted)) {
      let text = shown(exact);
      if (long) text += `-0-g${shortId(start)}`;
      cli.out(`${text}${suffix}\n`);
      continue;
    }
    if (most === 0) die(`no tag exactly matches '${start}'`);
    const found = search(cli, start, names, wanted, most, o.flag("first-parent"));
    if (found.best === undefined) {
      if (o.flag("always")) {
        cli.out(
          `${
            abbrev === undefined ? cli.abbrev(start) : abbrev === 0 ? start : shortId(start)
          }${suffix}\n`,
        );
        continue;
      }
      die(
        found.unannotated
          ? `No annotated tags can describe '${start}'.\nHowever, there were unannotated tags: try --tags.`
          : `No tags can describe '${start}'.\nTry --always, or create some tags.`,
      );
    }
    const tail = abbrev === 0 ? "" : `-${found.best.depth}-g${shortId(start)}`;
    cli.out(`${shown(found.best.name)}${tail}${suffix}\n`);
  }
  return 0;
}

function tagDate(cli: Cli, id: ObjectId): number {
  const { tagger } = readTag(cli.repo.objects, id);
  return tagger === undefined ? 0 : parseSignature(tagger).time;
}

function search(
  cli: Cli,
  start: ObjectId,
  names: ReadonlyMap<ObjectId, Name>,
  wanted: number,
  most: number,
  firstParent: boolean,
): { best: Candidate | undefined; unannotated: boolean } {
  const store = cli.repo.objects;
  const flags = new Map<ObjectId, number>([[start, 0]]);
  const queue = new TimeQueue();
  queue.push(start, commitLinks(store, start).time);
  const matches: Candidate[] = [];
  let seen = 0, annotated = 0, unannotated = false;
  let gaveUp: ObjectId | undefined;
  const parentsOf = (id: ObjectId): readonly ObjectId[] => {
    const { parents } = commitLinks(store, id);
    return firstParent ? parents.slice(0, 1) : parents;
  };
  const pass = (id: ObjectId): void => {
    const own = flags.get(id)!;
    for (const parent of parentsOf(id)) {
      const before = flags.get(parent);
      if (before === undefined) queue.push(parent, commitLinks(store, parent).time);
      flags.set(parent, (before ?? 0) | own);
    }
  };
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    seen++;
    const name = names.get(id);
    if (name !== undefined) {
      if (name.rank < wanted) unannotated = true;
      else if (matches.length < most) {
        const flag = 1 << matches.length;
        matches.push({ name, depth: seen - 1, flag, order: matches.length });
        flags.set(id, flags.get(id)! | flag);
        if (name.rank === 2) annotated++;
      } else {
        gaveUp = id;
        break;
      }
    }
    const own = flags.get(id)!;
    for (const match of matches) if ((own & match.flag) === 0) match.depth++;
    if (annotated > 0 && queue.size === 0) break;
    pass(id);
  }
  if (matches.length === 0) return { best: undefined, unannotated };
  matches.sort((a, b) => a.depth - b.depth || a.order - b.order);
  const best = matches[0]!;
  if (gaveUp !== undefined) queue.push(gaveUp, commitLinks(store, gaveUp).time);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if ((flags.get(id)! & best.flag) !== 0) {
      if (queue.ids().every((other) => (flags.get(other)! & best.flag) !== 0)) break;
    } else best.depth++;
    pass(id);
  }
  return { best, unannotated };
}

interface RevName {
  tip: ByteString;
  date: number;
  generation: number;
  distance: number;
  fromTag: boolean;
}

const MERGE_WEIGHT = 65535;

function effective(distance: number, generation: number): number {
  return distance + (generation > 0 ? MERGE_WEIGHT : 0);
}

function betterName(old: RevName, next: RevName): boolean {
  const a = effective(old.distance, old.generation), b = effective(next.distance, next.generation);
  if (next.fromTag && old.fromTag) return old.date > next.date || (old.date === next.date && a > b);
  if (old.fromTag !== next.fromTag) return next.fromTag;
  if (a !== b) return a > b;
  return old.date > next.date;
}

/** `git name-rev` */
export function nameRev(cli: Cli, args: ByteString[]): number {
  const usage =
    "git name-rev [<options>] <commit>...\n   or: git name-rev [<options>] --all\n   or: git name-rev [<options>] --annotate-stdin";
  const o = parseOptions(
    cli,
    args,
    "name-only tags refs* exclude* all stdin annotate-stdin undefined always peel-tag",
    usage,
  );
  const { repo } = cli;
  const store = repo.objects;
  const onlyTags = o.flag("tags"), nameOnly = o.flag("name-only");
  const stdin = o.flag("annotate-stdin") || o.flag("stdin");
  if (Number(o.flag("all")) + Number(stdin) + Number(o.rest.length > 0) > 1) {
    throw usageError("error: Specify either a list, or --all, not both!", usage);
  }
  const wanted: { id: ObjectId; name: ByteString }[] = [];
  let cutoff = o.flag("all") || stdin ? -Infinity : Infinity;
  for (const name of o.rest) {
    const id = cli.tryRevision(name);
    if (id === undefined) {
      cli.err(`Could not get sha1 for ${name}. Skipping.\n`);
      continue;
    }
    const commit = peelTo(store, id, "commit");
    if (commit !== undefined) cutoff = Math.min(cutoff, commitLinks(store, commit).time);
    wanted.push({ id: o.flag("peel-tag") && commit !== undefined ? commit : id, name });
  }
  if (cutoff !== Infinity && cutoff !== -Infinity) cutoff -= 86400;
  const patterns = o.list("refs"), excludes = o.list("exclude");
  const subpath = (pattern: ByteString, path: ByteString): number => {
    for (let at = 0; at >= 0; at = path.indexOf("/", at) + 1 || -1) {
      if (wildmatch(pattern, path.slice(at), { pathname: false })) return at === 0 ? 0 : 1;
    }
    return -1;
  };
  interface Tip {
    id: ObjectId;
    name: ByteString;
    commit: ObjectId | undefined;
    date: number;
    fromTag: boolean;
    deref: boolean;
  }
  const tips: Tip[] = [];
  for (const ref of repo.refs.list()) {
    if (ref.broken) continue;
    const fromTag = ref.name.startsWith("refs/tags/");
    if (onlyTags && !fromTag) continue;
    if (excludes.some((pattern) => subpath(pattern, ref.name) >= 0)) continue;
    let abbreviate = onlyTags && nameOnly;
    if (patterns.length > 0) {
      let matched = false;
      for (const pattern of patterns) {
        const how = subpath(pattern, ref.name);
        if (how < 0) continue;
        matched = true;
        if (how > 0) abbreviate = true;
        if (how === 0 && !abbreviate) abbreviate = false;
      }
      if (!matched) continue;
    }
    let deref = false;
    let date = Infinity;
    let id = ref.id;
    for (let depth = 0; depth < 100 && store.describe(id)?.type === "tag"; depth++) {
      deref = true;
      date = tagDate(cli, id);
      id = readTag(store, id).object;
    }
    const commit = store.describe(id)?.type === "commit" ? id : undefined;
    if (commit !== undefined && date === Infinity) date = commitLinks(store, commit).time;
    const name = abbreviate
      ? shortenRef(repo, ref.name, false)
      : ref.name.startsWith("refs/heads/")
      ? ref.name.slice(11)
      : ref.name.slice(5);
    tips.push({ id: ref.id, name, commit, date, fromTag, deref });
  }
  const sorted = [...tips].sort((a, b) => Number(b.fromTag) - Number(a.fromTag) || a.date - b.date);
  const names = new Map<ObjectId, RevName>();
  const offer = (id: ObjectId, next: RevName): boolean => {
    const old = names.get(id);
    if (old !== undefined && !betterName(old, next)) return false;
    names.set(id, next);
    return true;
  };
  for (const tip of sorted) {
    if (tip.commit === undefined || commitLinks(store, tip.commit).time < cutoff) continue;
    const first = {
      tip: tip.deref ? `${tip.name}^0` : tip.name,
      date: tip.date,
      generation: 0,
      distance: 0,
      fromTag: tip.fromTag,
    };
    if (!offer(tip.commit, first)) continue;
    const stack = [tip.commit];
    while (stack.length > 0) {
      const id = stack.pop()!;
      const own = names.get(id)!;
      const push: ObjectId[] = [];
      commitLinks(store, id).parents.forEach((parent, i) => {
        if (commitLinks(store, parent).time < cutoff) return;
        const base = own.tip.endsWith("^0") ? own.tip.slice(0, -2) : own.tip;
        const next: RevName = i > 0
          ? {
            tip: `${base}${own.generation > 0 ? `~${own.generation}` : ""}^${i + 1}`,
            date: tip.date,
            generation: 0,
            distance: own.distance + MERGE_WEIGHT,
            fromTag: tip.fromTag,
          }
          : {
            tip: own.tip,
            date: tip.date,
            generation: own.generation + 1,
            distance: own.distance + 1,
            fromTag: tip.fromTag,
          };
        if (offer(parent, next)) push.push(parent);
      });
      while (push.length > 0) stack.push(push.pop()!);
    }
  }
  const nameOf = (id: ObjectId): ByteString | undefined => {
    const name = names.get(id);
    if (name === undefined) return tips.find((tip) => tip.id === id && tip.commit !== id)?.name;
    if (name.generation === 0) return name.tip;
    return `${name.tip.endsWith("^0") ? name.tip.slice(0, -2) : name.tip}~${name.generation}`;
  };
  if (stdin) {
    const hex = repo.algorithm.hexSize;
    const pattern = new RegExp(`(?<![0-9a-f])[0-9a-f]{${hex}}(?![0-9a-f])`, "g");
    for (const line of toByteString(cli.readStdin()).split(/(?<=\n)/)) {
      cli.out(line.replace(pattern, (id) => {
        const name = store.has(id) ? nameOf(id) : undefined;
        return name === undefined ? id : nameOnly ? name : `${id} (${name})`;
      }));
    }
    return 0;
  }
  if (o.flag("all")) {
    for (const id of [...names.keys()].sort()) {
      cli.out(nameOnly ? `${nameOf(id)}\n` : `${id} ${nameOf(id)}\n`);
    }
    return 0;
  }
  for (const { id, name } of wanted) {
    if (!nameOnly) cli.out(`${name} `);
    const found = nameOf(id);
    if (found !== undefined) cli.out(`${found}\n`);
    else if (!o.given("undefined") || o.flag("undefined")) cli.out("undefined\n");
    else if (o.flag("always")) cli.out(`${cli.abbrev(id)}\n`);
    else die(`cannot describe '${id}'`);
  }
  return 0;
}

function wrap(text: ByteString, first: number, rest: number, width: number): ByteString {
  if (width <= 0) return " ".repeat(first) + text;
  const lines: ByteString[] = [];
  let line = " ".repeat(first);
  let empty = true;
  for (const word of text.split(/\s+/)) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(rest) + word;
    } else line += (empty ? "" : " ") + word;
    empty = false;
  }
  lines.push(line);
  return lines.join("\n");
}

/** `git shortlog` */
export function shortlog(cli: Cli, args: ByteString[]): number {
  const usage =
    "git shortlog [<options>] [<revision-range>] [[--] <path>...]\n   or: git log --pretty=short | git shortlog [<options>]";
  const { repo } = cli;
  let summary = false, numbered = false, email = false;
  let wrapping: [number, number, number] | undefined;
  const groups: ByteString[] = [];
  let format: ByteString | undefined;
  const rest: ByteString[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--") {
      rest.push(...args.slice(i));
      break;
    }
    if (word === "-h") throw usageError("", usage);
    if (/^-[nsce]+$/.test(word)) {
      for (const c of word.slice(1)) {
        if (c === "n") numbered = true;
        else if (c === "s") summary = true;
        else if (c === "e") email = true;
        else groups.push("committer");
      }
    } else if (word === "--numbered") numbered = true;
    else if (word === "--no-numbered") numbered = false;
    else if (word === "--summary") summary = true;
    else if (word === "--no-summary") summary = false;
    else if (word === "--email") email = true;
    else if (word === "--no-email") email = false;
    else if (word === "--committer") groups.push("committer");
    else if (word.startsWith("--group=")) groups.push(word.slice(8));
    else if (word === "--group") groups.push(args[++i] ?? "");
    else if (/^-w/.test(word)) {
      const parts = word.slice(2).split(",").map((part) => part === "" ? undefined : Number(part));
      if (word === "-w") wrapping = [76, 6, 9];
      else wrapping = [parts[0] ?? 76, parts[1] ?? 6, parts[2] ?? 9];
    } else if (word.startsWith("--format=") || word.startsWith("--pretty=")) {
      format = word.slice(9);
    } else rest.push(word);
  }
  const map = readMailmap(repo);
  const order = new Map<ByteString, ByteString[]>();
  const put = (who: ByteString, subject: ByteString): void => {
    const list = order.get(who);
    if (list === undefined) order.set(who, [subject]);
    else list.push(subject);
  };
  const identity = (name: ByteString, mail: ByteString): ByteString => {
    const mapped = map.lookup(name, mail);
    return email ? `${mapped.name} <${mapped.email}>` : mapped.name;
  };
  const clean = (subject: ByteString): ByteString =>
    trimSpace(subject.replace(/^\[PATCH[^\]]*\]\s*/i, ""));
  const revs = parseRevs(cli, rest, {
    takesValue: new Set([
      "--since",
      "--until",
      "--after",
      "--before",
      "-n",
      "--max-count",
      "--author",
    ]),
  });
  if (revs.names.length === 0 && revs.paths.length === 0 && !Deno.stdin.isTerminal()) {
    const byCommitter = groups.includes("committer");
    const header = byCommitter
      ? /^(?:Commit: |committer )\s*(.*?) <(.*?)>/
      : /^(?:Author: |author )\s*(.*?) <(.*?)>/;
    const lines = [...cli.stdinLines()];
    for (let i = 0; i < lines.length; i++) {
      const match = header.exec(lines[i]!);
      if (match === null) continue;
      while (i + 1 < lines.length && lines[i + 1] !== "") i++;
      while (i + 1 < lines.length && lines[i + 1] === "") i++;
      put(identity(match[1]!, match[2]!), clean(lines[i + 1] ?? ""));
    }
  } else {
    let include = revs.include.map(({ id }) => peelTo(repo.objects, id, "commit")!);
    if (revs.names.length === 0) {
      const head = repo.head();
      include = head === undefined ? [] : [head];
    }
    let since: number | undefined, until: number | undefined, limit = Infinity;
    let noMerges = false, merges = false, firstParent = false, reverse = false;
    for (let i = 0; i < revs.rest.length; i++) {
      const word = revs.rest[i]!;
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      const value = (): ByteString => equals < 0 ? revs.rest[++i] ?? "" : word.slice(equals + 1);
      if (name === "--since" || name === "--after") since = timeArgument(cli, value());
      else if (name === "--until" || name === "--before") until = timeArgument(cli, value());
      else if (name === "-n" || name === "--max-count") limit = Number(value());
      else if (/^-\d+$/.test(name)) limit = Number(name.slice(1));
      else if (name === "--no-merges") noMerges = true;
      else if (name === "--merges") merges = true;
      else if (name === "--first-parent") firstParent = true;
      else if (name === "--reverse") reverse = true;
      else throw usageError(`error: unrecognized argument: ${word}`, usage);
    }
    const spec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
    let count = 0;
    for (
      const { id } of walkCommits(repo.objects, {
        include,
        exclude: revs.exclude.map((one) => peelTo(repo.objects, one, "commit")!),
        since,
        until,
        pathspec: spec,
        firstParent,
        reverse,
        ...(noMerges ? { maxParents: 1 } : {}),
        ...(merges ? { minParents: 2 } : {}),
      })
    ) {
      if (count++ >= limit) break;
      const commit = readCommit(repo.objects, id);
      const subject = format === undefined
        ? clean(subjectOf(commit.message))
        : expandFormat(format.replace(/^(?:t?format:)/, ""), id, commit, {
          style: "format",
          abbrev: (one) => cli.abbrev(one),
        });
      const seen = new Set<ByteString>();
      for (const group of groups.length > 0 ? groups : ["author"]) {
        const keys: ByteString[] = [];
        if (group === "author" || group === "committer") {
          const { name, email: mail } = parseSignature(
            group === "author" ? commit.author : commit.committer,
          );
          keys.push(identity(name, mail));
        } else if (group.startsWith("trailer:")) {
          const want = group.slice(8).toLowerCase();
          for (const line of commit.message.split("\n")) {
            const match = /^([A-Za-z0-9-]+): (.*)$/.exec(line);
            if (match === null || match[1]!.toLowerCase() !== want) continue;
            const person = /^(.*?) <(.*?)>/.exec(match[2]!);
            keys.push(person === null ? match[2]! : identity(person[1]!, person[2]!));
          }
        } else {
          keys.push(expandFormat(group.replace(/^format:/, ""), id, commit, {
            style: "format",
            abbrev: (one) => cli.abbrev(one),
          }));
        }
        for (const key of keys) {
          if (seen.has(key)) continue;
          seen.add(key);
          put(key, subject);
        }
      }
    }
  }
  const rows = [...order].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  if (numbered) rows.sort((a, b) => b[1].length - a[1].length);
  for (const [who, subjects] of rows) {
    if (summary) {
      cli.out(`${String(subjects.length).padStart(6)}\t${who}\n`);
      continue;
    }
    cli.out(`${who} (${subjects.length}):\n`);
    for (const subject of [...subjects].reverse()) {
      cli.out(
        wrapping === undefined
          ? `      ${subject}\n`
          : `${wrap(subject, wrapping[1], wrapping[2], wrapping[0])}\n`,
      );
    }
    cli.out("\n");
  }
  return 0;
}

/** `git check-mailmap` */
export function checkMailmap(cli: Cli, args: ByteString[]): number {
  const usage = "git check-mailmap [<options>] <contact>...";
  const o = parseOptions(cli, args, "stdin", usage);
  if (o.rest.length === 0 && !o.flag("stdin")) die("no contacts specified");
  const map = readMailmap(cli.repo);
  const one = (contact: ByteString): void => {
    const match = /^(.*?)\s*<([^>]*)>\s*$/.exec(contact);
    if (match === null) die(`unable to parse contact: ${contact}`);
    const { name, email } = map.lookup(match[1]!, match[2]!);
    cli.out(`${name === "" ? "" : `${name} `}<${email}>\n`);
  };
  for (const contact of o.rest) one(contact);
  if (o.flag("stdin")) {
    for (const line of cli.stdinLines()) {
      one(line);
      cli.flush();
    }
  }
  return 0;
}
