/**
 * Signatures by the user's GnuPG.
 *
 * @module
 */
import { type ByteString, decodeText, fromByteString, toByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
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

/** What is asked of {@linkcode verifyTagSignature}. */
export interface VerifyOptions {
  /** Show the tag's text. */
  show: boolean;
  /** Show what GnuPG says to programs rather than what it says to people. */
  raw: boolean;
}

/** Verifies a tag's signature with GnuPG and shows the tag; whether it is good. */
export function verifyTagSignature(
  cli: Cli,
  id: ObjectId,
  name: ByteString,
  options: VerifyOptions,
): boolean {
  const object = cli.repo.objects.read(id);
  if (object?.type !== "tag") {
    cli.error(
      `${name}: cannot verify a non-tag object of type ${object?.type ?? "unknown"}.`,
    );
    return false;
  }
  const text = toByteString(object.data);
  // The last signature counts; one in the middle of a message is a part of the message.
  let at = -1;
  for (
    const match of text.matchAll(
      /^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$/gm,
    )
  ) {
    at = match.index;
  }
  if (at < 0) {
    if (options.show) cli.out(text);
    cli.error("no signature found");
    return false;
  }
  const payload = text.slice(0, at);
  if (options.show) cli.out(payload);
  return verifySignature(cli, payload, text.slice(at), options.raw);
}

/** Whether a detached signature of a text is good; what GnuPG says goes to standard error. */
export function verifySignature(
  cli: Cli,
  payload: ByteString,
  signature: ByteString,
  raw: boolean,
): boolean {
  const program = cli.config.get("gpg.openpgp.program") ?? cli.config.get("gpg.program") ?? "gpg";
  cli.flush();
  const input = Deno.makeTempFileSync(), detached = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(input, fromByteString(payload));
    Deno.writeFileSync(detached, fromByteString(signature));
    const result = new Deno.Command("/bin/sh", {
      args: ["-c", `exec "$@" <"$GIT_INPUT_FILE"`, "sh", decodeText(program)].concat(
        ["--keyid-format=long", "--status-fd=1", "--verify", detached, "-"],
      ),
      env: { GIT_INPUT_FILE: input },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).outputSync();
    const status = toByteString(result.stdout);
    cli.err(raw ? status : toByteString(result.stderr));
    const problems = /^\[GNUPG:\] (BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) /m;
    return result.success && /^\[GNUPG:\] GOODSIG /m.test(status) && !problems.test(status);
  } finally {
    Deno.removeSync(input);
    Deno.removeSync(detached);
  }
}
