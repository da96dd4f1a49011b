/**
 * Cleaning of messages, and trailers.
 *
 * @module
 */
import { trimSpaceEnd } from "../_bytes.ts";
import type { ByteString } from "../_bytes.ts";
import { type Cli, Exit } from "./_context.ts";

/** The character before comments, `core.commentChar`. Fails when it is not one character. */
export function commentCharacter(cli: Cli, message: ByteString = ""): string {
  const value = cli.config.get("core.commentchar") ?? "#";
  if (value.toLowerCase() === "auto") {
    const used = new Set(message.split("\n").map((line) => line[0]));
    const free = [..."#;@!$%^&|:"].find((character) => !used.has(character));
    if (free === undefined) {
      throw new Exit(
        128,
        "fatal: unable to select a comment character that is not used\nin the current commit message\n",
      );
    }
    return free;
  }
  if (value.length !== 1) {
    throw new Exit(
      128,
      "error: core.commentChar should only be one ASCII character\nfatal: unable to use the value of core.commentChar\n",
    );
  }
  return value;
}

/**
 * Cleans a commit message the way `--cleanup` says; `cut` takes away what stands below the
 * scissors and no more.
 */
export function cleanupMessage(text: ByteString, mode: string, comment: string): ByteString {
  if (mode === "verbatim") return text;
  let body = text;
  if (mode === "scissors" || mode === "cut") {
    const cut = body.search(
      new RegExp(
        `(^|\\n)${
          comment === "#" ? "#" : comment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        } -{24} >8 -{24}\\n`,
      ),
    );
    if (cut >= 0) body = body.slice(0, cut === 0 ? 0 : cut + 1);
  }
  if (mode === "cut") return body;
  const lines: string[] = [];
  let blank = false;
  for (const raw of body.split("\n")) {
    if (mode === "strip" && raw.startsWith(comment)) continue;
    const line = trimSpaceEnd(raw);
    if (line === "") {
      blank = lines.length > 0;
      continue;
    }
    if (blank) lines.push("");
    blank = false;
    lines.push(line);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** How many bytes at the end of a message are comments, empty lines or a list of conflicts. */
function ignoredTail(message: ByteString): number {
  let from = -1;
  let inConflicts = false;
  for (let at = 0; at < message.length;) {
    const next = message.indexOf("\n", at) + 1 || message.length;
    const first = message[at];
    if (first === "#" || first === "\n") {
      if (from < 0) from = at;
    } else if (message.startsWith("Conflicts:\n", at)) {
      inConflicts = true;
      if (from < 0) from = at;
    } else if (!(inConflicts && first === "\t")) {
      from = -1;
      inConflicts = false;
    }
    at = next;
  }
  return from < 0 ? 0 : message.length - from;
}

/** Adds a trailer at the end of a message; `once`: not after an equal last line. */
export function addTrailer(message: ByteString, trailer: ByteString, once = false): ByteString {
  const line = /^[^:=]+=/.test(trailer) && !/^[^:=]+:/.test(trailer)
    ? trailer.replace("=", ": ")
    : trailer.replace(/^([^:]+):\s*/, "$1: ");
  const end = message.length - ignoredTail(message);
  const text = message.slice(0, end).replace(/\n+$/, "");
  const last = text.slice(text.lastIndexOf("\n") + 1);
  if (once && last === line) return message;
  const tail = message.slice(end);
  const gap = text !== "" && endsInTrailers(text) ? "\n" : "\n\n";
  const rest = /^\n*$/.test(tail) ? "" : tail.startsWith("\n") ? tail : `\n${tail}`;
  return `${text}${gap}${line}\n${rest}`;
}

/** Whether the last paragraph of a message, which is not its first, is one of trailers. */
function endsInTrailers(text: ByteString): boolean {
  const at = text.lastIndexOf("\n\n");
  if (at < 0) return false;
  let trailers = 0, others = 0, own = false;
  for (const line of text.slice(at + 2).split("\n")) {
    if (/^(Signed-off-by: |\(cherry picked from commit )/.test(line)) {
      own = true;
      trailers++;
    } else if (/^[A-Za-z0-9-]+[ \t]*:/.test(line)) trailers++;
    else if (!/^[ \t]/.test(line)) others++;
  }
  return trailers > 0 && (others === 0 || (own && trailers * 3 >= others));
}
