/**
 * Which commit each line of a file comes from.
 *
 * @module
 */
import { PosixRegex } from "../posix_regex.ts";
import { type ByteString, decodeText } from "../_bytes.ts";
import { blame, type BlameEntry, type BlameResult } from "../blame.ts";
import { currentTime, formatDate, parseDateMode } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { Lines } from "../line_diff.ts";
import { readMailmap } from "../mailmap.ts";
import { commitLinks } from "../merge_base.ts";
import { type Commit, parseSignature } from "../objects.ts";
import { readCommit } from "../object_store.ts";
import { displayWidth, subjectOf } from "../pretty.ts";
import { findInTree } from "../revision.ts";
import { type Cli, die, Exit } from "./_context.ts";

/** Finds the origin of each line as the command line asks for it. */
export function blameFile(
  cli: Cli,
  start: ObjectId,
  path: ByteString,
  worktree: Uint8Array | undefined,
  stop: readonly ObjectId[],
  ranges: ByteString[],
  options: ByteString[],
): BlameResult {
  const store = cli.repo.objects;
  const found = findInTree(cli.repo, commitLinks(store, start).tree, path);
  if (found === undefined || (found.mode & 0o170000) === 0o40000) {
    if (worktree === undefined) {
      die(`no such path '${path}' in ${start === cli.repo.head() ? "HEAD" : start}`);
    }
    if (!cli.repo.readIndex().hasPath(path)) die(`no such path '${path}' in HEAD`);
  }
  return blame(store, start, path, {
    content: worktree,
    stop,
    ranges: (lines) => parseRanges(lines, ranges),
    firstParent: options.includes("--first-parent"),
    ignoreWhitespace: options.includes("-w"),
    rootIsNoBoundary: options.includes("--root") || cli.config.bool("blame.showroot", false),
  });
}

function parseRanges(lines: Lines, ranges: ByteString[]): [number, number][] {
  if (ranges.length === 0) return lines.count === 0 ? [] : [[0, lines.count]];
  const out: [number, number][] = [];
  let anchor = 0;
  const find = (text: string, from: number): number => {
    const pattern = new PosixRegex(text, { multiline: true });
    for (let i = from; i < lines.count; i++) {
      if (pattern.test(lines.text(i).replace(/\n$/, ""))) return i;
    }
    throw new Exit(128, `fatal: -L parameter '${text}' starting at line ${from + 1}: No match\n`);
  };
  for (const range of ranges) {
    const match = /^(\/(?:[^\\/]|\\.)*\/|\^\/(?:[^\\/]|\\.)*\/|\d*)(?:,(.*))?$/s.exec(range);
    if (match === null) {
      if (range.startsWith(":") || range.startsWith("^:")) {
        const pattern = new PosixRegex(range.replace(/^\^?:/, ""), { multiline: true });
        let from = range.startsWith("^") ? 0 : anchor;
        while (
          from < lines.count &&
          !(/^[A-Za-z_$]/.test(lines.text(from)) && pattern.test(lines.text(from)))
        ) from++;
        if (from >= lines.count) {
          throw new Exit(
            128,
            `fatal: -L parameter '${range.replace(/^\^?:/, "")}' starting at line ${
              anchor + 1
            }: no match\n`,
          );
        }
        let to = from + 1;
        while (to < lines.count && !/^[A-Za-z_$]/.test(lines.text(to))) to++;
        out.push([from, to]);
        anchor = to;
        continue;
      }
      throw new Exit(129, "usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>\n");
    }
    const startText = match[1]!;
    let from = 0;
    if (startText.startsWith("/")) from = find(startText.slice(1, -1), anchor);
    else if (startText.startsWith("^/")) from = find(startText.slice(2, -1), 0);
    else if (startText !== "") {
      from = Number(startText) - 1;
      if (from < 0) throw new Exit(128, `fatal: -L invalid line number: ${startText}\n`);
    }
    let to = lines.count;
    const endText = match[2];
    if (endText !== undefined && /^[+-]/.test(endText) && !/^[+-]\d+$/.test(endText)) {
      throw new Exit(129, "usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>\n");
    }
    if (endText !== undefined && /^0+$/.test(endText)) {
      throw new Exit(128, `fatal: -L invalid line number: ${endText}\n`);
    }
    if (endText !== undefined && endText !== "") {
      if (endText.startsWith("+")) {
        if (Number(endText.slice(1)) === 0) throw new Exit(128, "fatal: -L invalid empty range\n");
        to = from + Number(endText.slice(1));
      } else if (endText.startsWith("-")) {
        if (Number(endText.slice(1)) === 0) throw new Exit(128, "fatal: -L invalid empty range\n");
        [from, to] = [Math.max(0, from + 1 - Number(endText.slice(1))), from + 1];
      } else if (endText.startsWith("/")) to = find(endText.slice(1, -1), from + 1) + 1;
      else if (/^\d+$/.test(endText)) to = Number(endText);
      else throw new Exit(129, "usage: git blame [<options>] [<rev-opts>] [<rev>] [--] <file>\n");
    }
    if (from >= to && to > 0 && endText !== undefined) [from, to] = [to - 1, from + 1];
    if (from >= lines.count && !(startText === "" && lines.count === 0)) {
      throw new Exit(
        128,
        `fatal: file has only ${lines.count} line${lines.count === 1 ? "" : "s"}\n`,
      );
    }
    out.push([from, Math.min(to, lines.count)]);
    anchor = Math.min(to, lines.count);
  }
  out.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const range of out) {
    const last = merged.at(-1);
    if (last !== undefined && range[0] <= last[1]) last[1] = Math.max(last[1], range[1]);
    else merged.push([...range]);
  }
  return merged;
}

/** Writes a result as `blame`, `annotate`, or for programs. */
export function formatBlame(
  cli: Cli,
  result: BlameResult,
  options: ByteString[],
  annotate: boolean,
): ByteString {
  const store = cli.repo.objects;
  const zero = cli.repo.algorithm.zero;
  const has = (...names: string[]): boolean => names.some((name) => options.includes(name));
  const commits = new Map<ObjectId, Commit>();
  const mailmap = readMailmap(cli.repo);
  const commitOf = (id: ObjectId): Commit => {
    let commit = commits.get(id);
    if (commit === undefined) {
      const now = currentTime(cli.env.get("GIT_TEST_DATE_NOW"));
      commit = id === zero
        ? {
          tree: "",
          parents: [],
          author: `Not Committed Yet <not.committed.yet> ${now} +0000`,
          committer: `Not Committed Yet <not.committed.yet> ${now} +0000`,
          extra: [],
          message: `Version of ${result.path} from ${result.path}`,
        }
        : readCommit(store, id);
      commit = {
        ...commit,
        author: mailmap.mapLine(commit.author),
        committer: mailmap.mapLine(commit.committer),
      };
      commits.set(id, commit);
    }
    return commit;
  };
  const text = (i: number): ByteString => {
    const line = result.lines.text(i);
    return line.endsWith("\n") ? line : `${line}\n`;
  };
  if (has("-p", "--porcelain", "--line-porcelain", "--incremental")) {
    let out = "";
    const seen = new Set<ObjectId>();
    const paths = new Map<ObjectId, Set<ByteString>>();
    for (const entry of result.entries) {
      const set = paths.get(entry.commit);
      if (set === undefined) paths.set(entry.commit, new Set([entry.path]));
      else set.add(entry.path);
    }
    const details = (entry: BlameEntry): ByteString => {
      const commit = commitOf(entry.commit);
      const a = parseSignature(commit.author), c = parseSignature(commit.committer);
      let lines =
        `author ${a.name}\nauthor-mail <${a.email}>\nauthor-time ${a.time}\nauthor-tz ${a.zone}\n`;
      lines +=
        `committer ${c.name}\ncommitter-mail <${c.email}>\ncommitter-time ${c.time}\ncommitter-tz ${c.zone}\nsummary ${
          subjectOf(commit.message)
        }\n`;
      if (entry.boundary) lines += "boundary\n";
      return lines;
    };
    const file = (entry: BlameEntry): ByteString =>
      (entry.previous === undefined
        ? ""
        : `previous ${entry.previous.commit} ${entry.previous.path}\n`) +
      `filename ${entry.path}\n`;
    for (const entry of result.entries) {
      if (has("--incremental")) {
        out += `${entry.commit} ${entry.origin + 1} ${entry.line + 1} ${entry.count}\n`;
        if (!seen.has(entry.commit)) out += details(entry);
        seen.add(entry.commit);
        out += file(entry);
        continue;
      }
      for (let k = 0; k < entry.count; k++) {
        out += `${entry.commit} ${entry.origin + k + 1} ${entry.line + k + 1}${
          k === 0 ? ` ${entry.count}` : ""
        }\n`;
        const fresh = !seen.has(entry.commit);
        if (fresh || has("--line-porcelain")) out += details(entry) + file(entry);
        else if (k === 0 && paths.get(entry.commit)!.size > 1) out += file(entry);
        seen.add(entry.commit);
        out += `\t${text(entry.line + k)}`;
      }
    }
    return out;
  }
  const dateOption = options.find((one) => one.startsWith("--date="));
  const mode = parseDateMode(dateOption?.slice(7) ?? cli.config.get("blame.date") ?? "iso");
  const now = currentTime(cli.env.get("GIT_TEST_DATE_NOW"));
  const longId = has("-l");
  const abbrevOption = options.find((one) => one.startsWith("--abbrev="));
  let width = cli.repo.algorithm.hexSize;
  const showEmail = has("-e", "--show-email") ||
    (!has("--no-show-email") && cli.config.bool("blame.showemail", false));
  const compat = annotate || has("-c");
  if (!longId) {
    let length = abbrevOption === undefined
      ? has("--no-abbrev") ? width : cli.abbrevLength
      : Number(abbrevOption.slice(9));
    if (abbrevOption === undefined) {
      for (const entry of result.entries) {
        if (entry.commit !== zero) length = Math.max(length, cli.abbrev(entry.commit).length);
      }
    }
    width = Math.min(width, length + (length < width ? 1 : 0));
  }
  const nameOf = (entry: BlameEntry): ByteString => {
    const who = parseSignature(commitOf(entry.commit).author);
    return showEmail ? `<${who.email}>` : who.name;
  };
  let authorWidth = 0, scoreLine = 1, originLine = 1, pathWidth = 0;
  let showPath = has("-f", "--show-name");
  for (const entry of result.entries) {
    authorWidth = Math.max(authorWidth, displayWidth(decodeText(nameOf(entry))));
    scoreLine = Math.max(scoreLine, entry.line + entry.count);
    originLine = Math.max(originLine, entry.origin + entry.count);
    if (entry.path !== result.path) showPath = true;
    pathWidth = Math.max(pathWidth, displayWidth(decodeText(entry.path)));
  }
  const lineWidth = String(scoreLine).length, originWidth = String(originLine).length;
  let out = "";
  for (const entry of result.entries) {
    const commit = commitOf(entry.commit);
    const who = parseSignature(commit.author);
    const name = nameOf(entry);
    for (let k = 0; k < entry.count; k++) {
      let idText = entry.commit.slice(0, width);
      if (entry.boundary && !compat) {
        if (has("-b") || cli.config.bool("blame.blankboundary", false)) {
          idText = " ".repeat(idText.length);
        } else {idText = `^${
            entry.commit.slice(0, Math.min(width, cli.repo.algorithm.hexSize) - 1)
          }`;}
      }
      let date = has("-t") ? `${who.time} ${who.zone}` : formatDate(who.time, who.zone, mode, now);
      if (!has("-t")) date = date.padEnd(dateWidth(mode.type, date));
      const line = entry.line + k + 1;
      if (compat) {
        out += `${idText}\t(${
          name.padStart(name.length + Math.max(0, 10 - displayWidth(decodeText(name))))
        }\t${date.padStart(10)}\t${line})${text(entry.line + k)}`;
        continue;
      }
      out += idText;
      if (showPath) {
        out += ` ${entry.path}${" ".repeat(pathWidth - displayWidth(decodeText(entry.path)))}`;
      }
      if (has("-n", "--show-number")) {
        out += ` ${String(entry.origin + k + 1).padStart(originWidth)}`;
      }
      if (!has("-s")) {
        const pad = " ".repeat(authorWidth - displayWidth(decodeText(name)));
        out += ` (${name}${pad} ${date}`;
      }
      out += ` ${String(line).padStart(lineWidth)}) ${text(entry.line + k)}`;
    }
  }
  return out;
}

function dateWidth(type: string, text: string): number {
  const widths: Record<string, number> = {
    rfc: 31,
    "iso-strict": 25,
    iso: 25,
    raw: 16,
    unix: 10,
    short: 10,
    relative: 22,
    human: 18,
    default: 30,
  };
  return Math.max(text.length, widths[type] ?? text.length);
}
