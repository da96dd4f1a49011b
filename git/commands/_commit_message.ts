/**
 * Where the message of a commit comes from, and the text around it for the editor.
 *
 * @module
 */
import { type ByteString, toByteString, trimSpace } from "../_bytes.ts";
import { readFileIfAny, readTextIfAny } from "../_files.ts";
import { formatDate } from "../date.ts";
import type { GitIndex } from "../index_file.ts";
import { peelTo, readCommit } from "../object_store.ts";
import { parseSignature } from "../objects.ts";
import { bodyOf, subjectOf } from "../pretty.ts";
import { type Cli, die } from "./_context.ts";
import { cleanupMessage } from "./_message.ts";
import { longStatus, type StatusInfo } from "./_status_text.ts";
import { showVerbose } from "./_verbose_status.ts";
import type { CommitOrigin } from "./_commit_index.ts";
import type { Options } from "./_options.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import type { StatusSettings } from "./status.ts";

/** How a message is cleaned, once the default is settled. */
export type Cleanup = "strip" | "whitespace" | "scissors" | "verbatim";

/** What the options ask for. */
export interface CommitRequest {
  options: Options;
  origin: CommitOrigin;
  amend: boolean;
  head: ObjectId | undefined;
  /** The commit whose message is taken (`-C`, `-c`, `--amend`). */
  reuse: ByteString | undefined;
  /** The commit whose author is taken. */
  authorFrom: ObjectId | undefined;
  fixup: { prefix: "fixup" | "amend"; commit: ByteString } | undefined;
  template: ByteString | undefined;
  useEditor: boolean;
  allowEmpty: boolean;
  only: boolean;
  cleanup: Cleanup;
  verbose: number;
}

/** A message before the editor sees it. */
export interface ComposedMessage {
  text: ByteString;
  /** What the hook `prepare-commit-msg` is told about where it comes from. */
  source: ByteString[];
  /** A merge's message that has a line of scissors already. */
  hasScissors: boolean;
}

/** The line below which nothing belongs to the message. */
function scissors(comment: string): ByteString {
  return `${comment} ------------------------ >8 ------------------------\n`;
}

function cutLine(comment: string): ByteString {
  return `${
    scissors(comment)
  }${comment} Do not modify or remove the line above.\n${comment} Everything below it will be ignored.\n`;
}

/** Takes the message from wherever the options say. */
export function composeMessage(cli: Cli, request: CommitRequest): ComposedMessage {
  const { repo } = cli;
  const { gitDir } = repo.paths;
  const { options: o, fixup, reuse } = request;
  const messageOf = (name: ByteString): ByteString => {
    const id = cli.tryRevision(name);
    const target = id === undefined ? undefined : peelTo(repo.objects, id, "commit");
    if (target === undefined) die(`could not lookup commit ${name}`);
    return readCommit(repo.objects, target).message.replace(/^\n+/, "");
  };
  const given = o.list("message").map((one) => one.endsWith("\n") ? one : `${one}\n`).join("\n");
  const messages = o.list("message").length > 0;
  const squash = o.text("squash");
  let text = "", source: ByteString[] = [], clean = true, hasScissors = false;
  if (squash !== undefined) {
    text = reuse === squash ? "squash! " : `squash! ${subjectOf(messageOf(squash))}\n\n`;
  }
  const file = o.text("file");
  const merge = readTextIfAny(`${gitDir}/MERGE_MSG`);
  const squashed = readTextIfAny(`${gitDir}/SQUASH_MSG`);
  if (messages && fixup === undefined) {
    text += given;
    source = ["message"];
  } else if (file !== undefined) {
    text += toByteString(
      file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file)) ??
        die(`could not read log file '${file}': No such file or directory`),
    );
    source = ["message"];
  } else if (reuse !== undefined) {
    text += messageOf(reuse);
    source = ["commit", reuse];
  } else if (fixup !== undefined) {
    const message = messageOf(fixup.commit);
    text += `${fixup.prefix}! ${subjectOf(message)}\n\n`;
    if (fixup.prefix === "fixup") text += given;
    else text += subjectOf(message).startsWith("amend! ") ? bodyOf(message) : message;
    source = ["message"];
  } else if (merge !== undefined) {
    text += (squashed ?? "") + merge;
    source = [squashed === undefined ? "merge" : "squash"];
    hasScissors = request.cleanup === "scissors" && / -{24} >8 -{24}\n/.test(merge);
  } else if (squashed !== undefined) {
    text += squashed;
    source = ["squash"];
  } else if (request.template !== undefined) {
    text += toByteString(
      readFileIfAny(request.template) ??
        die(`could not read '${request.template}': No such file or directory`),
    );
    source = ["template"];
    clean = false;
  } else if (request.origin === "merge") source = ["merge"];
  else if (request.origin !== "commit") source = ["commit", "CHERRY_PICK_HEAD"];
  if (squash !== undefined) source = ["message", ""];
  if (clean && request.cleanup !== "verbatim") text = cleanupMessage(text, "whitespace", "#");
  return { text, source, hasScissors };
}

/** What stands below the message in the editor. */
export function messageTemplate(
  cli: Cli,
  request: CommitRequest,
  context: {
    author: ByteString;
    committer: ByteString;
    comment: string;
    info: StatusInfo;
    settings: StatusSettings;
    index: GitIndex;
    hasScissors: boolean;
  },
): ByteString {
  const { comment, settings, hasScissors } = context;
  const { origin, cleanup, options: o } = request;
  const remark = (text: ByteString): ByteString =>
    text.replace(/\n$/, "").split("\n").map((line) =>
      line === "" || line.startsWith("\t") ? `${comment}${line}\n` : `${comment} ${line}\n`
    ).join("");
  let out = "";
  if (origin !== "commit") {
    if (cleanup === "scissors" && !hasScissors) out += cutLine(comment);
    const what = origin === "merge" ? "merge" : "cherry-pick";
    const ref = origin === "merge" ? "MERGE_HEAD" : "CHERRY_PICK_HEAD";
    out += `${
      remark(
        `\nIt looks like you may be committing a ${what}.\nIf this is not correct, please run\n\tgit update-ref -d ${ref}\nand try again.\n`,
      )
    }\n`;
  }
  out += "\n";
  const please = "Please enter the commit message for your changes. Lines starting\n";
  const lenient = o.flag("allow-empty-message");
  if (cleanup === "strip") {
    out += remark(
      `${please}with '${comment}' will be ignored${
        lenient ? "." : ", and an empty message aborts the commit."
      }\n`,
    );
  } else if (cleanup === "scissors") {
    if (origin === "commit" && !hasScissors) out += cutLine(comment);
  } else {
    out += remark(
      `${please}with '${comment}' will be kept; you may remove them yourself if you want to.\n${
        lenient ? "" : "An empty message aborts the commit.\n"
      }`,
    );
  }
  const a = parseSignature(context.author), c = parseSignature(context.committer);
  const who: string[] = [];
  if (a.name !== c.name || a.email !== c.email) who.push(`Author:    ${a.name} <${a.email}>`);
  if (request.authorFrom !== undefined || o.given("date")) {
    who.push(`Date:      ${formatDate(a.time, a.zone, { type: "default" })}`);
  }
  if (who.length > 0) out += remark(`\n${who.join("\n")}\n`);
  out += `${comment}\n`;
  out += longStatus(cli, context.info, {
    comment,
    amend: request.amend,
    template: true,
    ignoreSubmodules: settings.ignoreSubmodules,
    untrackedShown: settings.untracked !== "no",
    ignoredShown: false,
    aheadBehind: settings.aheadBehind,
  }).text + `${comment}\n`;
  if (request.verbose > 0) {
    out += cutLine(comment) +
      captured(cli, () => showVerbose(cli, context.index, request.verbose, request.amend, comment));
  }
  return out;
}

function captured(cli: Cli, action: () => void): ByteString {
  const before = cli.capture;
  let text = "";
  cli.capture = (data) => text += toByteString(data);
  try {
    action();
  } finally {
    cli.capture = before;
  }
  return text;
}

/** Whether a message has nothing but blank lines and sign-offs from `start` on. */
export function messageIsEmpty(text: ByteString, verbatim: boolean, start = 0): boolean {
  if (verbatim && text !== "") return false;
  return text.slice(start).split("\n").every((line) =>
    trimSpace(line) === "" || line.startsWith("Signed-off-by: ")
  );
}

/** Whether the message is still the template that was offered. */
export function templateUntouched(
  request: CommitRequest,
  text: ByteString,
  comment: string,
): boolean {
  if (request.template === undefined || (request.cleanup === "verbatim" && text !== "")) {
    return false;
  }
  const raw = readTextIfAny(request.template);
  if (raw === undefined) return false;
  const template = cleanupMessage(
    raw,
    request.cleanup === "strip" ? "strip" : "whitespace",
    comment,
  );
  return messageIsEmpty(text, false, text.startsWith(template) ? template.length : 0);
}
