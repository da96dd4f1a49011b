/**
 * `git format-patch`: commits as mails.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { makeDirectories, nativePath } from "../_files.ts";
import { formatDate } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { commitLinks } from "../merge_base.ts";
import { type Commit, parseSignature, type Signature } from "../objects.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { diffTrees } from "../tree_diff.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { LogTree, type MailSettings, MIME_BOUNDARY_LEADER } from "./_log_tree.ts";
import { parseLogOptions } from "./_log_options.ts";
import { DiffArguments, makePathspec, parseRevs, VALUE_OPTIONS } from "./_revs.ts";

/** Columns of statistics in mails. */
const MAIL_WIDTH = 72;
/** Longest name of a patch file, with its suffix. */
const DEFAULT_NAME_LENGTH = 64;
const VERSION = "2.39.5";

interface PatchOptions {
  stdout: boolean;
  numbered: boolean | undefined;
  numberedFiles: boolean;
  startNumber: number;
  suffix: ByteString;
  prefix: ByteString;
  directory: ByteString | undefined;
  cover: boolean;
  coverAuto: boolean;
  attach: boolean | undefined;
  boundary: ByteString;
  keepSubject: boolean;
  thread: "" | "shallow" | "deep";
  inReplyTo: ByteString | undefined;
  headers: ByteString;
  to: ByteString[];
  cc: ByteString[];
  from: Signature | undefined;
  signature: ByteString;
  signoff: boolean;
  zeroCommit: boolean;
  reroll: ByteString;
  nameLength: number;
  ignoreIfInUpstream: boolean;
  count: number;
  root: boolean;
  always: boolean;
  noStat: boolean;
  quiet: boolean;
  description: ByteString;
}

function parsePatchOptions(cli: Cli, args: readonly ByteString[]): [PatchOptions, ByteString[]] {
  const { config } = cli;
  const numbered = config.get("format.numbered");
  const attach = config.entry("format.attach");
  const o: PatchOptions = {
    stdout: false,
    numbered: numbered === undefined || numbered === "auto"
      ? undefined
      : config.bool("format.numbered", false),
    numberedFiles: false,
    startNumber: 1,
    suffix: config.get("format.suffix") ?? ".patch",
    prefix: config.get("format.subjectprefix") ?? "PATCH",
    directory: config.get("format.outputdirectory"),
    cover: false,
    coverAuto: false,
    attach: attach === undefined ? undefined : true,
    boundary: attach?.value || VERSION,
    keepSubject: false,
    thread: "",
    inReplyTo: undefined,
    headers: config.entries.filter((entry) => entry.key === "format.headers").map((entry) =>
      `${(entry.value ?? "").replace(/\n$/, "")}\n`
    ).join(""),
    to: config.entries.filter((entry) => entry.key === "format.to").map((entry) =>
      entry.value ?? ""
    ),
    cc: config.entries.filter((entry) => entry.key === "format.cc").map((entry) =>
      entry.value ?? ""
    ),
    from: undefined,
    signature: config.get("format.signature") ?? VERSION,
    signoff: config.bool("format.signoff", false),
    zeroCommit: false,
    reroll: "",
    nameLength: config.int("format.filenamemaxlength") ?? DEFAULT_NAME_LENGTH,
    ignoreIfInUpstream: false,
    count: -1,
    root: false,
    always: false,
    noStat: false,
    quiet: false,
    description: "",
  };
  const coverSetting = config.get("format.coverletter");
  if (coverSetting === "auto") o.coverAuto = true;
  else if (coverSetting !== undefined) o.cover = config.bool("format.coverletter", false);
  const threadSetting = config.get("format.thread");
  if (threadSetting === "deep" || threadSetting === "shallow") o.thread = threadSetting;
  else if (threadSetting !== undefined && config.bool("format.thread", false)) o.thread = "shallow";
  const self = (): Signature => parseSignature(cli.ident("committer"));
  const rest: ByteString[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--") {
      rest.push(...args.slice(i));
      break;
    }
    const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const inline = equals < 0 ? undefined : argument.slice(equals + 1);
    const value = (): ByteString => inline ?? args[++i] ?? die(`option '${name}' requires a value`);
    switch (name) {
      case "--stdout":
        o.stdout = true;
        break;
      case "-n":
      case "--numbered":
        o.numbered = true;
        break;
      case "-N":
      case "--no-numbered":
        o.numbered = false;
        break;
      case "--numbered-files":
        o.numberedFiles = true;
        break;
      case "--start-number":
        o.startNumber = Number(value());
        break;
      case "--suffix":
        o.suffix = value();
        break;
      case "--subject-prefix":
        o.prefix = value();
        break;
      case "--rfc":
        o.prefix = "RFC PATCH";
        break;
      case "-v":
      case "--reroll-count":
        o.reroll = value();
        break;
      case "-o":
      case "--output-directory":
        o.directory = value();
        break;
      case "--cover-letter":
        o.cover = true;
        break;
      case "--no-cover-letter":
        o.cover = o.coverAuto = false;
        break;
      case "--cover-from-description":
        value();
        break;
      case "--attach":
      case "--inline":
        o.attach = name === "--attach";
        if (inline !== undefined) o.boundary = inline;
        break;
      case "--no-attach":
        o.attach = undefined;
        break;
      case "-k":
      case "--keep-subject":
        o.keepSubject = true;
        break;
      case "--thread":
        o.thread = inline === "deep" ? "deep" : "shallow";
        break;
      case "--no-thread":
        o.thread = "";
        break;
      case "--in-reply-to":
        o.inReplyTo = value().replace(/^\s*<?/, "").replace(/>?\s*$/, "");
        break;
      case "--add-header":
        o.headers += `${value().replace(/\n$/, "")}\n`;
        break;
      case "--to":
        o.to.push(value());
        break;
      case "--no-to":
        o.to = [];
        break;
      case "--cc":
        o.cc.push(value());
        break;
      case "--no-cc":
        o.cc = [];
        break;
      case "--no-add-header":
        o.headers = "";
        break;
      case "--from":
        o.from = inline === undefined ? self() : parseSignature(`${inline} 0 +0000`);
        break;
      case "--no-from":
        o.from = undefined;
        break;
      case "--signature":
        o.signature = value();
        break;
      case "--no-signature":
        o.signature = "";
        break;
      case "-s":
      case "--signoff":
        o.signoff = true;
        break;
      case "--no-signoff":
        o.signoff = false;
        break;
      case "--zero-commit":
        o.zeroCommit = true;
        break;
      case "--filename-max-length":
        o.nameLength = Number(value());
        break;
      case "--ignore-if-in-upstream":
        o.ignoreIfInUpstream = true;
        break;
      case "--root":
        o.root = true;
        break;
      case "--always":
        o.always = true;
        break;
      case "-p":
      case "--no-stat":
        o.noStat = true;
        break;
      case "-q":
      case "--quiet":
        o.quiet = true;
        break;
      case "--base":
      case "--progress":
        break;
      default: {
        const reroll = /^-v(.+)$/.exec(argument);
        const count = /^-(\d+)$/.exec(argument);
        const directory = /^-o(.+)$/.exec(argument);
        if (reroll !== null) o.reroll = reroll[1]!;
        else if (count !== null) o.count = Number(count[1]);
        else if (directory !== null) o.directory = directory[1]!;
        else rest.push(argument);
      }
    }
  }
  if (
    config.has("format.from") && o.from === undefined &&
    !args.some((one) => /^--(no-)?from/.test(one))
  ) {
    const text = config.get("format.from") ?? "true";
    if (/^(true|yes|on|1)$/i.test(text)) o.from = self();
    else if (!/^(false|no|off|0)$/i.test(text)) o.from = parseSignature(`${text} 0 +0000`);
  }
  if (o.reroll !== "") o.prefix += ` v${o.reroll}`;
  return [o, rest];
}

function sanitised(subject: ByteString): ByteString {
  return subject.replace(/[^A-Za-z0-9._]+/g, "-").replace(/\.+/g, ".").replace(/^-|[-.]+$/g, "");
}

/** Folds words at `MAIL_WIDTH`, as the list in a cover letter. */
function wrap(text: ByteString, first: number, others: number): ByteString {
  let out = " ".repeat(first), width = first;
  text.split(" ").forEach((word, i) => {
    if (i > 0 && width + 1 + word.length > MAIL_WIDTH) {
      out += `\n${" ".repeat(others)}${word}`;
      width = others + word.length;
    } else {
      out += (i > 0 ? " " : "") + word;
      width += word.length + (i > 0 ? 1 : 0);
    }
  });
  return out;
}

function addresses(label: string, list: readonly ByteString[]): ByteString {
  return list.length === 0 ? "" : `${label}: ${list.join(`,\n${" ".repeat(label.length + 2)}`)}\n`;
}

/** `git format-patch` */
export function formatPatchCommand(cli: Cli, args: ByteString[]): number {
  const [o, rest] = parsePatchOptions(cli, args);
  const revs = parseRevs(cli, rest, { takesValue: VALUE_OPTIONS });
  const { diff, rest: logArguments } = DiffArguments.parse(cli, revs.rest);
  const settings = parseLogOptions(cli, logArguments);
  if (settings.rest.length > 0) {
    throw new Exit(128, `fatal: unrecognized argument: ${settings.rest[0]}\n`);
  }
  const store = cli.repo.objects;
  if (revs.names.length === 1 && !revs.names[0]!.negative && !o.root && o.count < 0) {
    // One revision: what HEAD has that it has not.
    revs.exclude.push(revs.names[0]!.id);
    revs.include = [{ id: cli.revision("HEAD"), name: "HEAD" }];
  } else if (revs.include.length === 0) {
    revs.include.push({ id: cli.revision("HEAD"), name: "HEAD" });
  }
  const pathspec = revs.paths.length > 0 ? makePathspec(cli, revs.paths) : undefined;
  const exclude = revs.exclude.flatMap((id) => peelTo(store, id, "commit") ?? []);
  const include = revs.include.flatMap(({ id }) => peelTo(store, id, "commit") ?? []);
  let commits = [...walkCommits(store, {
    include,
    exclude,
    pathspec,
    ...settings.walk,
    order: "topo",
    maxParents: 1,
  })];
  if (settings.maxCount >= 0) commits = commits.slice(0, settings.maxCount);
  if (o.count >= 0) commits = commits.slice(0, o.count);
  const total = commits.length;
  if (total === 0) return 0;
  if (!diff.given || (!diff.anyOutput && !diff.noPatch)) {
    diff.patch = diff.given = true;
    if (!o.noStat) diff.stat = diff.summary = true;
  } else if (!diff.patch && !diff.noPatch && !diff.raw && !diff.numstat && !diff.nameOnly) {
    diff.patch = true;
  }
  diff.output.statWidth ??= MAIL_WIDTH;
  diff.color ??= "never";
  diff.applyConfig(cli);
  if (o.coverAuto && total > 1) o.cover = true;
  const numbered = o.numbered ?? (total > 1 || o.cover);
  settings.pretty = settings.pretty === "mboxrd" ? "mboxrd" : "email";
  settings.showNotes ??= cli.config.bool("format.notes", false) ? true : false;
  if (o.keepSubject && o.numbered === true) {
    throw new Exit(128, "fatal: options '-n' and '-k' cannot be used together\n");
  }
  const fileName = (nr: number, subject: ByteString): ByteString => {
    const version = o.reroll === "" ? "" : `${sanitised(`v${o.reroll}`)}-`;
    if (o.numberedFiles) return String(nr);
    const longest = o.nameLength - o.suffix.length - 1;
    return `${version}${String(nr).padStart(4, "0")}-${sanitised(subject)}`.slice(0, longest) +
      o.suffix;
  };
  const mail: MailSettings = {
    subjectPrefix: o.keepSubject ? "" : o.prefix,
    nr: o.startNumber,
    total: numbered && !o.keepSubject ? total + o.startNumber - 1 : 0,
    extraHeaders: o.headers + addresses("To", o.to) + addresses("Cc", o.cc),
    mimeBoundary: o.attach === undefined ? undefined : o.boundary,
    attach: o.attach ?? false,
    fileName: (_id, commit) => fileName(mail.nr, subjectOf(commit.message)),
    from: o.from,
    keepSubject: o.keepSubject,
    zeroCommit: o.zeroCommit,
    signoff: o.signoff ? cli.ident("committer").replace(/ \d+ [+-]\d+$/, "") : undefined,
    references: o.inReplyTo === undefined ? [] : [o.inReplyTo],
  };
  const tree = new LogTree(cli, settings, diff, {
    pathspec,
    verbose: true,
    always: o.always,
    diff: true,
    showRoot: true,
    mail,
  });
  const ordered = [...commits].reverse();
  const write = (name: ByteString, body: () => boolean): boolean => {
    if (o.stdout) return body();
    const parts: Uint8Array[] = [];
    const previous = cli.capture;
    cli.capture = (data) => void parts.push(data.slice());
    const shown = body();
    cli.capture = previous;
    tree.shownOne = false;
    if (!shown) return false;
    const directory = o.directory ?? "";
    const shownName = directory === "" ? name : `${directory.replace(/\/$/, "")}/${name}`;
    const path = cli.fileArgument(shownName);
    makeDirectories(path.replace(/\/[^/]*$/, ""));
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    Deno.writeFileSync(nativePath(path), whole);
    if (!o.quiet) cli.out(`${shownName}\n`);
    return true;
  };
  const signature = (): void => {
    if (o.signature !== "") cli.out(`-- \n${o.signature.replace(/\n?$/, "\n")}\n`);
  };
  const messageId = (id: ObjectId, time: number): ByteString =>
    `${id}.${time}.git.${parseSignature(cli.ident("committer")).email}`;
  if (o.cover) {
    const saved = mail.nr;
    mail.nr = 0 + o.startNumber - 1;
    const head = commits[0]!.id;
    write(
      o.numberedFiles ? "0" : fileName(mail.nr, "cover-letter"),
      () => {
        coverLetter(cli, { mail, head, ordered, diff, exclude, pathspec, o });
        signature();
        return true;
      },
    );
    mail.nr = saved;
  }
  let threadRoot: ByteString | undefined = o.inReplyTo;
  for (const commit of ordered) {
    if (o.thread !== "") {
      const id = messageId(commit.id, commitLinks(store, commit.id).time);
      mail.messageId = id;
      mail.references = threadRoot === undefined ? [] : o.thread === "deep"
        ? [
          ...(mail.references ?? []),
          ...(mail.references?.includes(threadRoot) ? [] : [threadRoot]),
        ]
        : [threadRoot];
      if (o.thread === "deep" || threadRoot === undefined) threadRoot = id;
    }
    write(fileName(mail.nr, subjectOf(readCommit(store, commit.id).message)), () => {
      const shown = tree.show(commit);
      if (!shown) return false;
      if (mail.mimeBoundary !== undefined) {
        cli.out(`\n--${MIME_BOUNDARY_LEADER}${mail.mimeBoundary}--\n\n\n`);
      } else signature();
      return true;
    });
    mail.nr++;
  }
  return 0;
}

function coverLetter(
  cli: Cli,
  what: {
    mail: MailSettings;
    head: ObjectId;
    ordered: readonly { id: ObjectId }[];
    diff: DiffArguments;
    exclude: readonly ObjectId[];
    pathspec: ReturnType<typeof makePathspec> | undefined;
    o: PatchOptions;
  },
): void {
  const { mail, head, ordered, diff, exclude, pathspec, o } = what;
  const store = cli.repo.objects;
  const who = parseSignature(cli.ident("committer"));
  const width = String(mail.total).length;
  const prefix = mail.total > 0
    ? `[${o.prefix} ${String(mail.nr).padStart(width, "0")}/${mail.total}] `
    : `[${o.prefix}] `;
  const commits = ordered.map(({ id }): Commit => readCommit(store, id));
  const plain = commits.some((commit) => /[\x80-\xff]/.test(commit.message))
    ? "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
    : "";
  cli.out(
    `From ${o.zeroCommit ? cli.repo.algorithm.zero : head} Mon Sep 17 00:00:00 2001\n` +
      `From: ${who.name} <${who.email}>\nDate: ${
        formatDate(who.time, who.zone, { type: "rfc" })
      }\nSubject: ${prefix}*** SUBJECT HERE ***\n${plain}${mail.extraHeaders}\n*** BLURB HERE ***\n\n`,
  );
  const groups = new Map<ByteString, ByteString[]>();
  for (const commit of commits) {
    const { name } = parseSignature(commit.author);
    const list = groups.get(name);
    if (list === undefined) groups.set(name, [subjectOf(commit.message)]);
    else list.push(subjectOf(commit.message));
  }
  for (const [name, subjects] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    cli.out(`${name} (${subjects.length}):\n`);
    for (const subject of subjects) cli.out(`${wrap(subject, 2, 4)}\n`);
    cli.out("\n");
  }
  // Statistics over all of it, when there is one place it starts from.
  const origin = exclude.length === 1 ? exclude[0] : undefined;
  if (origin === undefined) return;
  const pairs = diffTrees(
    store,
    commitLinks(store, origin).tree,
    commitLinks(store, head).tree,
    { pathspec },
  );
  const stats = diff.onlyStats();
  stats.stat = stats.summary = true;
  cli.out(`${stats.show(cli, stats.process(cli, pairs), false)}\n`);
}
