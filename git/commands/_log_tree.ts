/**
 * Shows commits of a log one after the other: headers, message, notes, and the differences each
 * makes to its parents, with the drawing of the history beside them.
 *
 * @module
 */
import { type ByteString, ByteWriter, toByteString, trimSpaceEnd } from "../_bytes.ts";
import { currentTime } from "../date.ts";
import { formatCombined } from "../combined_diff.ts";
import { reencode, sameEncoding } from "../encoding.ts";
import { HistoryGraph } from "../graph.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type Mailmap, readMailmap } from "../mailmap.ts";
import { commitLinks } from "../merge_base.ts";
import { findNote } from "../notes.ts";
import type { Commit, Signature } from "../objects.ts";
import { peelTo, readBlob, readCommit } from "../object_store.ts";
import { Pathspec } from "../pathspec.ts";
import { formatMessage, isMailStyle, type PrettyContext } from "../pretty.ts";
import { detectRenames } from "../rename.ts";
import type { WalkedCommit } from "../rev_list.ts";
import { type DiffPair, diffTrees } from "../tree_diff.ts";
import { wildmatch } from "../wildmatch.ts";
import { LogColors } from "./_colors.ts";
import type { Cli } from "./_context.ts";
import { Decorations, type LogSettings } from "./_log_options.ts";
import { dateMode, type DiffArguments, terminalColumns } from "./_revs.ts";
import { describeText } from "./describe.ts";

/** A buffer for output that grew beyond this (bytes) is not kept. */
const LARGE = 16 * 1024 * 1024;

/** In front of every boundary between the parts of a mail. */
export const MIME_BOUNDARY_LEADER = "------------";

/** What mails of patches need. */
export interface MailSettings {
  subjectPrefix: ByteString;
  /** Number of the patch and of all patches; `total` 0 leaves the numbers out. */
  nr: number;
  total: number;
  /** Header lines that the user wants in every mail. */
  extraHeaders: ByteString;
  mimeBoundary?: ByteString | undefined;
  /** Parts of a mail are shown as attachments rather than in place. */
  attach: boolean;
  /** Name of the patch inside a mail with parts. */
  fileName: (id: ObjectId, commit: Commit) => ByteString;
  messageId?: ByteString | undefined;
  references?: ByteString[] | undefined;
  from?: Signature | undefined;
  keepSubject?: boolean;
  zeroCommit?: boolean;
  signoff?: ByteString | undefined;
}

/** How {@linkcode LogTree} shows commits. */
export interface LogTreeOptions {
  pathspec?: Pathspec | undefined;
  /** Show the message, not only the id. */
  verbose: boolean;
  /** Show commits without differences too. */
  always: boolean;
  /** Compute differences. */
  diff: boolean;
  /** Compute differences of merges only. */
  mergesOnly?: boolean;
  /** Show what the first commit adds. */
  showRoot: boolean;
  noCommitId?: boolean;
  /** Raw output has whole ids unless told otherwise. */
  rawFull?: boolean;
  /** Marks of `--left-right` and `--boundary`. */
  mark?: (id: ObjectId) => string;
  children?: ReadonlyMap<ObjectId, readonly ObjectId[]>;
  mail?: MailSettings | undefined;
  /** Only what happens to this file, under the names it had before too. */
  follow?: ByteString;
  /** The ref through which a commit was found (`--source`). */
  source?: (id: ObjectId) => ByteString | undefined;
}

/** The refs whose notes are shown. */
export function notesRefs(cli: Cli, settings: LogSettings): ByteString[] {
  const out: ByteString[] = [];
  const add = (name: ByteString): void => {
    if (!out.includes(name)) out.push(name);
  };
  if (settings.defaultNotes) {
    add(defaultNotesRef(cli));
    const display = cli.env.get("GIT_NOTES_DISPLAY_REF")?.split(":") ??
      cli.config.entries.filter((entry) => entry.key === "notes.displayref").map((entry) =>
        entry.value ?? ""
      );
    for (const pattern of display) {
      for (const ref of cli.repo.refs.list("refs/")) {
        if (pattern !== "" && wildmatch(pattern, ref.name)) add(ref.name);
      }
    }
  }
  for (const pattern of settings.notesRefs) {
    for (const ref of cli.repo.refs.list("refs/")) {
      if (ref.name === pattern || wildmatch(pattern, ref.name)) add(ref.name);
    }
  }
  return out;
}

/** The ref that notes go to. */
export function defaultNotesRef(cli: Cli): ByteString {
  return cli.env.get("GIT_NOTES_REF") ?? cli.config.get("core.notesref") ?? "refs/notes/commits";
}

/** The encoding that messages are shown in; "" leaves them as they are. */
export function outputEncoding(cli: Cli, option?: ByteString): ByteString {
  const chosen = option ?? cli.config.get("i18n.logoutputencoding") ??
    cli.config.get("i18n.commitencoding") ?? "UTF-8";
  return chosen.toLowerCase() === "none" ? "" : chosen;
}

/** A commit with its message and its people in another encoding, where that can be. */
export function reencodeCommit(commit: Commit, encoding: ByteString, raw = false): Commit {
  const own = commit.extra.find(([key]) => key === "encoding")?.[1];
  if (encoding === "" || sameEncoding(own ?? "UTF-8", encoding)) return commit;
  const convert = (text: ByteString): ByteString | undefined =>
    reencode(text, own ?? "UTF-8", encoding);
  const message = convert(commit.message),
    author = convert(commit.author),
    committer = convert(commit.committer);
  if (message === undefined || author === undefined || committer === undefined) return commit;
  // What is shown raw names the encoding it is shown in.
  const extra: Commit["extra"] = !raw
    ? commit.extra
    : commit.extra.flatMap(([key, value]): [ByteString, ByteString][] =>
      key !== "encoding" ? [[key, value]] : sameEncoding(encoding, "UTF-8") ? [] : [[key, encoding]]
    );
  return { ...commit, message, author, committer, extra };
}

/** Shows commits. */
export class LogTree {
  readonly #cli: Cli;
  readonly #settings: LogSettings;
  readonly #diff: DiffArguments;
  readonly #options: LogTreeOptions;
  readonly #colors: LogColors;
  readonly #decorations: Decorations;
  readonly #decorate: boolean;
  readonly #notes: { ref: ByteString; tree: ObjectId }[];
  /** The drawing, with `--graph`. */
  readonly graph: HistoryGraph | undefined;
  /** An entry has been shown before. */
  shownOne = false;
  #missingNewline = false;
  #pending: { commit: WalkedCommit; reflog?: PrettyContext["reflog"] } | undefined;
  #parent: ObjectId | undefined;
  #shownDashes = false;
  #separator = "";

  constructor(cli: Cli, settings: LogSettings, diff: DiffArguments, options: LogTreeOptions) {
    this.#cli = cli;
    this.#settings = settings;
    this.#diff = diff;
    this.#options = options;
    this.#colors = diff.colors(cli);
    this.#plain = new LogColors(cli, false);
    this.#followed = options.follow;
    this.#decorations = new Decorations(cli, settings);
    this.#decorate = settings.decorate === "short" || settings.decorate === "full" ||
      (settings.decorate === "auto" && Deno.stdout.isTerminal());
    const wantNotes = settings.showNotes ??
      ((settings.pretty === "" && options.verbose && options.always) ||
        (settings.pretty === "format" && /%[-+ ]?N/.test(settings.format ?? "")));
    this.#notes = wantNotes
      ? notesRefs(cli, settings).flatMap((ref) => {
        const id = cli.repo.refs.id(ref);
        const tree = id === undefined ? undefined : peelTo(cli.repo.objects, id, "tree");
        return tree === undefined ? [] : [{ ref, tree }];
      })
      : [];
    if (settings.graph) {
      const configured = cli.config.get("log.graphcolors");
      const colors = this.#colors.on
        ? configured?.split(",").map((one) => diff.parseColor(one)).filter((one) => one !== "") ??
          ["31", "32", "33", "34", "35", "36", "1;31", "1;32", "1;33", "1;34", "1;35", "1;36"].map(
            (code) => `\x1b[${code}m`,
          )
        : [];
      this.graph = new HistoryGraph({ colors });
    }
  }

  /** Style of entries; `raw` where a message is shown but no style was asked for. */
  get #style(): string {
    return this.#settings.pretty === "" ? "medium" : this.#settings.pretty;
  }

  get #userFormat(): boolean {
    return this.#style === "format" || this.#style === "reference";
  }

  /** Formats of the user's end each entry with a line feed, others stand between entries. */
  get #terminator(): boolean {
    return this.#style === "format"
      ? this.#settings.terminator
      : this.#style === "oneline" || this.#style === "reference";
  }

  get #emptyFormat(): boolean {
    return this.#style === "format" && this.#settings.format === "";
  }

  #end(): ByteString {
    return this.#diff.nul ? "\0" : "\n";
  }

  #out(text: ByteString): void {
    this.#cli.out(text);
  }

  /** Shows one commit; returns whether anything was shown. */
  show(commit: WalkedCommit, reflog?: PrettyContext["reflog"]): boolean {
    this.#pending = { commit, ...(reflog === undefined ? {} : { reflog }) };
    this.#parent = undefined;
    let shown = this.#options.diff && this.#differences(commit);
    if (!shown && this.#pending !== undefined && this.#options.always) {
      this.#parent = undefined;
      this.#header();
      shown = true;
    }
    this.#pending = undefined;
    return shown;
  }

  /** Writes text of a diff behind the drawing. */
  #diffText(text: ByteString): void {
    if (this.graph === undefined || text === "") {
      this.#out(text);
      return;
    }
    const end = text.endsWith("\n");
    const lines = (end ? text.slice(0, -1) : text).split("\n");
    this.#out(
      lines.map((line) => this.graph!.paddingLine() + line).join("\n") + (end ? "\n" : ""),
    );
  }

  #differences(commit: WalkedCommit): boolean {
    const d = this.#diff;
    const store = this.#cli.repo.objects;
    const { parents } = commit;
    if (this.#options.mergesOnly && parents.length < 2) return false;
    const tree = commitLinks(store, commit.id).tree;
    if (parents.length === 0) {
      if (this.#options.showRoot) this.#flush(undefined, tree);
      return this.#pending === undefined;
    }
    let list = parents;
    if (parents.length > 1) {
      if (d.combined !== "") {
        this.#combined(commit);
        return this.#pending === undefined;
      }
      if (d.mergeMode !== "m" && d.mergeMode !== "first") return false;
      if (d.mergeMode === "first") {
        this.#flush(parents[0], tree);
        return this.#pending === undefined;
      }
      list = parents;
    }
    let shown = false;
    const pending = this.#pending;
    for (const parent of list) {
      this.#pending = pending;
      // Which parent a difference is to is said only where there are several.
      this.#parent = parents.length > 1 ? parent : undefined;
      this.#flush(parent, tree);
      shown ||= this.#pending === undefined;
    }
    this.#pending = shown ? undefined : pending;
    return shown;
  }

  #pairs(parent: ObjectId | undefined, tree: ObjectId): DiffPair[] {
    const store = this.#cli.repo.objects;
    const d = this.#diff;
    const before = parent === undefined ? undefined : peelTo(store, parent, "tree");
    if (this.#followed !== undefined) return d.process(this.#cli, this.#follow(before, tree));
    const { pathspec } = this.#options;
    const pairs = diffTrees(store, before, tree, {
      recursive: d.recursive || !(this.#options.rawFull ?? false) || d.needsRecursion,
      showTrees: d.showTrees,
      pathspec,
    });
    const unchanged = d.copies === "harder" && before !== undefined
      ? diffTrees(store, before, tree, { unchanged: true }).filter((pair) => pair.status === "")
      : [];
    return d.process(this.#cli, pairs, unchanged);
  }

  /** The path of the file that is followed, as it is at this point of history. */
  #followed: ByteString | undefined;

  /** What a commit does to the file that is followed; a rename leads on under the old name. */
  #follow(before: ObjectId | undefined, tree: ObjectId): DiffPair[] {
    const store = this.#cli.repo.objects;
    const path = this.#followed!;
    const pairs = diffTrees(store, before, tree, { pathspec: new Pathspec([path]) });
    if (before === undefined || pairs.length !== 1 || pairs[0]!.status !== "A") return pairs;
    const all = diffTrees(store, before, tree);
    const found = detectRenames(
      store,
      all.filter((pair) => pair.status !== "A" || pair.new.path === path),
      {
        copies: "harder",
        minimumScore: this.#diff.renameScore,
        limit: this.#diff.renameLimit ?? this.#cli.config.int("diff.renamelimit") ?? 1000,
        sources: diffTrees(store, before, tree, { unchanged: true }).filter((pair) =>
          pair.status === ""
        ),
      },
    ).find((pair) => (pair.status === "R" || pair.status === "C") && pair.new.path === path);
    if (found === undefined) return pairs;
    this.#followed = found.old.path;
    return [found];
  }

  #flush(parent: ObjectId | undefined, tree: ObjectId): void {
    const d = this.#diff;
    const pairs = this.#pairs(parent, tree).filter((pair) => pair.status !== "");
    this.#shownDashes = false;
    if (pairs.length === 0) return;
    if (this.#pending !== undefined && this.#options.noCommitId !== true) {
      this.#header();
      if (
        d.anyOutput && this.#options.verbose && this.#style !== "oneline" && !this.#emptyFormat
      ) {
        const dashes = d.wantsStat && d.wantsPatch && !this.#shownDashes ? "---" : "";
        this.#diffText(`${d.linePrefix}${dashes}\n`);
      }
    }
    this.#pending = undefined;
    const writer = this.#writer;
    writer.clear();
    d.write(this.#cli, writer, pairs, this.#options.rawFull ?? false, {
      statSeparator: this.#separator,
      indent: this.graph?.width ?? 0,
    });
    if (this.graph === undefined) this.#cli.out(writer.view());
    else this.#diffText(toByteString(writer.view()));
    // One huge difference does not keep its memory.
    if (writer.length > LARGE) this.#writer = new ByteWriter(65536);
  }

  #writer = new ByteWriter(65536);

  /** `-c` and `--cc` of a merge. */
  #combined(commit: WalkedCommit): void {
    const d = this.#diff;
    if (this.#pending !== undefined && this.#options.noCommitId !== true) {
      this.#header();
      if (this.#options.verbose && d.anyOutput && !this.#emptyFormat) this.#diffText(this.#end());
    }
    this.#pending = undefined;
    this.#diffText(
      combinedDiff(this.#cli, commit.parents, commit.id, d, this.#options.pathspec, {
        rawFull: this.#options.rawFull ?? false,
      }),
    );
  }

  #context(commit: WalkedCommit, reflog: PrettyContext["reflog"]): PrettyContext {
    const { mail } = this.#options;
    const style = this.#style;
    return {
      style,
      format: this.#settings.format,
      abbrevCommit: this.#settings.abbrevCommit,
      abbrev: (id) =>
        this.#diff.abbrev === 0 ? id : this.#cli.abbrev(id, this.#settings.abbrevLength),
      date: dateMode(this.#cli, this.#settings.date),
      now: currentTime(this.#cli.env.get("GIT_TEST_DATE_NOW")),
      decorate: (id, form, color) => {
        const colors = color ? this.#colors : this.#plain;
        return form === "bare"
          ? this.#decorations.text(id, colors, "", ", ", "")
          : this.#decorations.text(id, colors);
      },
      describe: (id, args) => describeText(this.#cli, [...args, id]),
      source: this.#options.source?.(commit.id),
      columns: terminalColumns(this.#cli),
      graphWidth: this.graph?.width ?? 0,
      ...(this.#settings.expandTabs === undefined ? {} : { expandTabs: this.#settings.expandTabs }),
      mark: this.#options.mark?.(commit.id) ?? ">",
      color: this.#colors.on,
      autoColor: (kind) => kind === "commit" ? this.#colors.diff("commit") : this.#colors.reset,
      reflog,
      parents: commit.parents,
      ...(this.#settings.mailmap ? { mailmap: this.#mailmap ??= readMailmap(this.#cli.repo) } : {}),
      readMailmap: () => this.#mailmap ??= readMailmap(this.#cli.repo),
      notes: this.#noteText(commit.id, this.#userFormat),
      ...(isMailStyle(style)
        ? {
          mail: {
            subjectPrefix: mailPrefix(mail),
            extraHeaders: this.#mailHeaders,
            plain: mail?.mimeBoundary !== undefined,
            keepSubject: mail?.keepSubject ?? false,
            from: mail?.from,
          },
        }
        : {}),
    };
  }

  #mailmap: Mailmap | undefined;
  readonly #plain: LogColors;
  #mailHeaders: ByteString = "";

  #noteText(id: ObjectId, raw: boolean): ByteString {
    const store = this.#cli.repo.objects;
    let out = "";
    for (const { ref, tree } of this.#notes) {
      const blob = findNote(store, tree, id);
      if (blob === undefined) continue;
      const text = toByteString(readBlob(store, blob)).replace(/\n$/, "");
      if (raw) {
        out += `${text}\n`;
        continue;
      }
      const label = ref === "refs/notes/commits"
        ? "Notes:"
        : `Notes (${ref.replace(/^refs\/(notes\/)?/, "")}):`;
      out += `\n${label}\n${text.split("\n").map((line) => `    ${line}\n`).join("")}`;
    }
    return out;
  }

  #mailStart(id: ObjectId): void {
    const { mail } = this.#options;
    const store = this.#cli.repo.objects;
    this.#out(
      `From ${mail?.zeroCommit ? this.#cli.repo.algorithm.zero : id} Mon Sep 17 00:00:00 2001\n`,
    );
    this.#graphOneline();
    this.#mailHeaders = mail?.extraHeaders ?? "";
    this.#separator = "";
    if (mail === undefined) return;
    if (mail.messageId !== undefined) this.#out(`Message-Id: <${mail.messageId}>\n`);
    if (mail.references !== undefined && mail.references.length > 0) {
      this.#out(`In-Reply-To: <${mail.references.at(-1)}>\n`);
      mail.references.forEach((one, i) =>
        this.#out(`${i === 0 ? "References: " : "\t"}<${one}>\n`)
      );
    }
    if (mail.mimeBoundary === undefined) return;
    const boundary = `--${MIME_BOUNDARY_LEADER}${mail.mimeBoundary}`;
    const name = mail.fileName(id, readCommit(store, id));
    this.#mailHeaders +=
      `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="${
        boundary.slice(2)
      }"\n\nThis is a multi-part message in MIME format.\n${boundary}\n` +
      "Content-Type: text/plain; charset=UTF-8; format=fixed\nContent-Transfer-Encoding: 8bit\n\n";
    this.#separator = `\n${boundary}\nContent-Type: text/x-patch; name="${name}"\n` +
      `Content-Transfer-Encoding: 8bit\nContent-Disposition: ${
        mail.attach ? "attachment" : "inline"
      }; filename="${name}"\n\n`;
  }

  #header(): void {
    const { commit, reflog } = this.#pending!;
    this.#pending = undefined;
    const settings = this.#settings;
    const id = commit.id;
    const style = this.#style;
    const name = (one: ObjectId): string =>
      settings.abbrevCommit ? this.#cli.abbrev(one, settings.abbrevLength) : one;
    const mark = this.#options.mark?.(id) ?? "";
    const related = (): ByteString =>
      (settings.parents ? commit.parents.map((one) => ` ${name(one)}`).join("") : "") +
      (this.#options.children?.get(id) ?? []).map((one) => ` ${name(one)}`).join("");
    const refs = (): ByteString => {
      const source = this.#options.source?.(id);
      return (source === undefined ? "" : `\t${source}`) +
        (this.#decorate ? this.#decorations.text(id, this.#colors) : "");
    };
    if (!this.#options.verbose) {
      this.#graphCommit();
      this.#out(`${this.graph === undefined ? mark : ""}${name(id)}${related()}${refs()}`);
      if (this.graph !== undefined && !this.graph.finished) {
        this.#out("\n");
        this.#graphRemainder();
      }
      this.#out(this.#end());
      return;
    }
    if (this.shownOne && !this.#terminator) {
      if (this.#end() === "\n" && !this.#missingNewline) this.#graphPadding();
      this.#out(this.#end());
    }
    this.shownOne = true;
    this.#graphCommit();
    const full = readCommit(this.#cli.repo.objects, id);
    if (isMailStyle(style)) this.#mailStart(id);
    else if (!this.#userFormat) {
      let line = this.#colors.diff("commit");
      if (style !== "oneline") line += "commit ";
      if (this.graph === undefined) line += mark;
      line += name(id) + related();
      if (this.#parent !== undefined) line += ` (from ${name(this.#parent)})`;
      line += this.#colors.reset + refs();
      this.#out(line);
      if (style === "oneline") this.#out(" ");
      else {
        this.#out("\n");
        this.#graphOneline();
      }
      if (reflog !== undefined) {
        if (style === "oneline") {
          this.#out(`${reflog.selector}: ${reflog.message}\n`);
          return;
        }
        this.#out(
          `Reflog: ${reflog.selector} (${reflog.who})\nReflog message: ${reflog.message}\n`,
        );
      }
    }
    const context = this.#context(commit, reflog);
    const encoding = outputEncoding(this.#cli, settings.encoding);
    let message = formatMessage(id, reencodeCommit(full, encoding, style === "raw"), context);
    if (this.#options.mail?.signoff !== undefined) {
      message = addSignoff(message, this.#options.mail.signoff);
    }
    const notes = context.notes ?? "";
    if (!this.#userFormat && notes !== "") {
      if (isMailStyle(style)) {
        message += "---\n";
        this.#shownDashes = true;
      }
      message += notes;
    }
    if (settings.logSize) this.#out(`log size ${message.length}\n`);
    this.#missingNewline = !message.endsWith("\n");
    this.#graphMessage(message);
    if (this.#terminator && !this.#emptyFormat) {
      if (!this.#missingNewline) this.#graphPadding();
      this.#out(this.#end());
    }
  }

  /** What stands in front of every line: `--line-prefix`. */
  #prefix(): void {
    if (this.#diff.linePrefix !== "") this.#out(this.#diff.linePrefix);
  }

  #graphCommit(): void {
    const { graph } = this;
    this.#prefix();
    if (graph === undefined) return;
    if (graph.finished) {
      this.#graphPadding();
      return;
    }
    for (;;) {
      const line = graph.nextLine();
      this.#out(line.text);
      if (line.commit) return;
      this.#out("\n");
      this.#prefix();
      if (graph.finished) return;
    }
  }

  #graphOneline(): void {
    this.#prefix();
    if (this.graph !== undefined) this.#out(this.graph.nextLine().text);
  }

  #graphPadding(): void {
    this.#prefix();
    if (this.graph !== undefined) this.#out(this.graph.paddingLine());
  }

  #graphRemainder(): void {
    const { graph } = this;
    this.#prefix();
    if (graph === undefined || graph.finished) return;
    for (;;) {
      this.#out(graph.nextLine().text);
      if (graph.finished) return;
      this.#out("\n");
      this.#prefix();
    }
  }

  #graphMessage(text: ByteString): void {
    const { graph } = this;
    if (graph === undefined && this.#diff.linePrefix === "") {
      this.#out(text);
      return;
    }
    for (let at = 0; at < text.length;) {
      const next = text.indexOf("\n", at);
      const end = next < 0 ? text.length : next + 1;
      this.#out(text.slice(at, end));
      if (next >= 0 && end < text.length) this.#graphOneline();
      at = end;
    }
    if (graph === undefined || graph.finished) return;
    const terminated = text.endsWith("\n");
    if (!terminated) this.#out("\n");
    this.#graphRemainder();
    if (terminated) this.#out("\n");
  }
}

/** `[PATCH 2/3] ` */
function mailPrefix(mail: MailSettings | undefined): ByteString {
  if (mail === undefined) return "[PATCH] ";
  const { subjectPrefix, nr, total } = mail;
  if (total > 0) {
    const width = String(total).length;
    return `[${subjectPrefix}${subjectPrefix === "" ? "" : " "}${
      String(nr).padStart(width, "0")
    }/${total}] `;
  }
  return total === 0 && subjectPrefix !== "" ? `[${subjectPrefix}] ` : "";
}

function addSignoff(message: ByteString, signoff: ByteString): ByteString {
  const line = `Signed-off-by: ${signoff}`;
  const lines = trimSpaceEnd(message).split("\n");
  if (lines.at(-1) === line) return message;
  const trailer = /^[A-Za-z-]+: |^\(cherry picked from/.test(lines.at(-1)!) &&
    lines.lastIndexOf("") > 0 &&
    lines.slice(lines.lastIndexOf("") + 1).every((one) => /^[A-Za-z-]+: |^\(cherry/.test(one));
  return `${trimSpaceEnd(message)}\n${trailer ? "" : "\n"}${line}\n`;
}

/** A combined diff of a commit (or tree) and its parents, in all forms asked for. */
export function combinedDiff(
  cli: Cli,
  parents: readonly ObjectId[],
  result: ObjectId,
  diff: DiffArguments,
  pathspec: Pathspec | undefined,
  options: { rawFull: boolean },
): ByteString {
  const store = cli.repo.objects;
  const tree = peelTo(store, result, "tree")!;
  const trees = parents.map((parent) => peelTo(store, parent, "tree")!);
  const maps = trees.map((parent) => {
    const map = new Map<ByteString, DiffPair>();
    let pairs = diffTrees(store, parent, tree, { pathspec });
    if (diff.findRenames || diff.filter !== undefined || diff.pickaxe !== undefined) {
      pairs = diff.process(cli, pairs);
    }
    for (const pair of pairs) if (pair.status !== "") map.set(pair.new.path, pair);
    return map;
  });
  const paths = [...maps[0]!.keys()].filter((path) => maps.every((map) => map.has(path))).sort();
  const format = diff.format(cli);
  const allOf = (path: ByteString): DiffPair[] => maps.map((map) => map.get(path)!);
  let out = "";
  let separator = false;
  if (diff.wantsStatForms) {
    const copy = diff.onlyStats();
    out += copy.show(cli, diff.process(cli, diffTrees(store, trees[0], tree, { pathspec })), false);
  }
  if (paths.length === 0) return out;
  const end = diff.nul ? "\0" : "\n", between = diff.nul ? "\0" : "\t";
  if (diff.wantsRaw || diff.nameOnly || diff.nameStatus) {
    const shorten = diff.rawAbbrev(cli, options.rawFull);
    for (const path of paths) {
      const all = allOf(path);
      const shown = diff.nul ? path : format.quote(path);
      const statuses = all.map((pair) => pair.status[0]).join("");
      if (diff.wantsRaw) {
        out += `${":".repeat(all.length)}${
          all.map((pair) => pair.old.mode.toString(8).padStart(6, "0")).join(" ")
        } ${all[0]!.new.mode.toString(8).padStart(6, "0")}${
          all.map((pair) => ` ${shorten(pair.old.mode === 0 ? store.algorithm.zero : pair.old.id)}`)
            .join("")
        } ${
          shorten(all[0]!.new.mode === 0 ? store.algorithm.zero : all[0]!.new.id)
        } ${statuses}${between}`;
      } else if (diff.nameStatus) out += `${statuses}${between}`;
      out += `${shown}${end}`;
    }
    separator = true;
  } else if (diff.wantsStatForms) separator = true;
  if (diff.wantsPatch) {
    if (separator) out += end;
    for (const path of paths) {
      const all = allOf(path);
      out += formatCombined(
        store,
        path,
        all.map((pair) => ({ mode: pair.old.mode, id: pair.old.id, path: pair.old.path })),
        all[0]!.new,
        diff.combined !== "c",
        format,
      );
    }
  }
  return diff.prefixLines(out);
}
