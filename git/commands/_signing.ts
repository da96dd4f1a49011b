/**
 * Signatures by the user's GnuPG.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString } from "../_bytes.ts";
import { parseSignature } from "../objects.ts";
import { type Cli, Exit } from "./_context.ts";

/** A detached signature of a text; fails when the program does. */
export function signText(cli: Cli, text: ByteString, key: ByteString | undefined): ByteString {
  const who = parseSignature(cli.ident("committer"));
  const signer = key ?? cli.config.get("user.signingkey") ?? `${who.name} <${who.email}>`;
  const program = cli.config.get("gpg.openpgp.program") ?? cli.config.get("gpg.program") ?? "gpg";
  cli.flush();
  // A synchronous child cannot be fed through a pipe, so its input is a file.
  const input = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(input, fromByteString(text));
    const result = new Deno.Command("/bin/sh", {
      args: ["-c", `exec "$@" <"$GIT_INPUT_FILE"`, "sh"].concat(
        [program, "--status-fd=2", "-bsau", signer].map(decodeText),
      ),
      env: { GIT_INPUT_FILE: input },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).outputSync();
    const status = toByteString(result.stderr);
    if (!result.success || !/^\[GNUPG:\] SIG_CREATED /m.test(status)) {
      throw new Exit(128, `error: gpg failed to sign the data\n${status}`);
    }
    return toByteString(result.stdout).replaceAll("\r\n", "\n");
  } finally {
    Deno.removeSync(input);
  }
}
