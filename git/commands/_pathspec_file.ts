/**
 * Paths of a command, from its arguments or from `--pathspec-from-file`.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { readFileIfAny } from "../_files.ts";
import { type Cli, die, unquotePath } from "./_context.ts";
import type { Options } from "./_options.ts";

/** The pathspecs of a command. Fails when both ways are used at once. */
export function pathArguments(cli: Cli, o: Options, given: ByteString[] = o.rest): ByteString[] {
  const file = o.text("pathspec-from-file");
  if (file === undefined) {
    if (o.flag("pathspec-file-nul")) {
      die("the option '--pathspec-file-nul' requires '--pathspec-from-file'");
    }
    return given;
  }
  if (o.flag("patch") || o.flag("interactive")) {
    die("options '--pathspec-from-file' and '--interactive/--patch' cannot be used together");
  }
  if (given.length > 0) {
    die("'--pathspec-from-file' and pathspec arguments cannot be used together");
  }
  const text = toByteString(
    file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file)) ??
      die(`could not open '${file}' for reading: No such file or directory`),
  );
  if (o.flag("pathspec-file-nul")) return text.split("\0").filter((path) => path !== "");
  return text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== "")
    .map((line) => {
      if (!line.startsWith('"')) return line;
      const quoted = unquotePath(line);
      if (quoted === undefined || quoted.end !== line.length) die(`line is badly quoted: ${line}`);
      return quoted.path;
    });
}
