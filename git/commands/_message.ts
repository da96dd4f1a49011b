/**
 * Cleaning of messages, and trailers.
 *
 * @module
 */
import { trimSpaceEnd } from "../_bytes.ts";
import type { ByteString } from "../_bytes.ts";

/** Cleans a commit message the way `--cleanup` says. */
export function cleanupMessage(text: ByteString, mode: string, comment: string): ByteString {
  if (mode === "verbatim") return text;
  let body = text;
  if (mode === "scissors") {
    const cut = body.search(
      new RegExp(
        `(^|\\n)${
          comment === "#" ? "#" : comment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        } -{24} >8 -{24}\\n`,
      ),
    );
    if (cut >= 0) body = body.slice(0, cut === 0 ? 0 : cut + 1);
  }
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

/** Adds a trailer at the end of a message; `once`: not after an equal last line. */
export function addTrailer(message: ByteString, trailer: ByteString, once = false): ByteString {
  const line = /^[^:=]+=/.test(trailer) && !/^[^:=]+:/.test(trailer)
    ? trailer.replace("=", ": ")
    : trailer.replace(/^([^:]+):\s*/, "$1: ");
  const text = message.replace(/\n+$/, "");
  const last = text.slice(text.lastIndexOf("\n") + 1);
  if (once && last === line) return message;
  const isTrailer = /^[A-Za-z0-9-]+: /.test(last) && text.includes("\n");
  return `${text}${text === "" ? "\n\n" : isTrailer ? "\n" : "\n\n"}${line}\n`;
}
