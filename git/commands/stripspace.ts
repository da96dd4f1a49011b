/**
 * `stripspace`: a message cleaned.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import type { Cli } from "./_context.ts";
import { cleanupMessage } from "./_message.ts";
import { parseOptions } from "./_options.ts";

/** `git stripspace` */
export function stripspace(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "s,strip-comments c,comment-lines",
    "git stripspace [-s | --strip-comments]\n   or: git stripspace [-c | --comment-lines]",
  );
  const text = toByteString(cli.readStdin());
  const comment = cli.config.get("core.commentchar") ?? "#";
  if (o.flag("comment-lines")) {
    cli.out(
      text.replace(/\n?$/, "\n").split("\n").slice(0, -1).map((line) =>
        line === "" || line.startsWith("\t") ? `${comment}${line}\n` : `${comment} ${line}\n`
      ).join(""),
    );
  } else {
    cli.out(cleanupMessage(text, o.flag("strip-comments") ? "strip" : "whitespace", comment));
  }
  return 0;
}
