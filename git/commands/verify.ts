/**
 * `verify-tag` and `verify-commit`: signatures checked.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { peelTo } from "../object_store.ts";
import { expandRefFormat } from "./_ref_format.ts";
import type { Cli } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { verifySignature, verifyTagSignature } from "./_signing.ts";

/** `git verify-tag` */
export function verifyTag(cli: Cli, args: ByteString[]): number {
  const usage = "git verify-tag [-v | --verbose] [--format=<format>] [--raw] <tag>...";
  const o = parseOptions(cli, args, "v,verbose raw format=", usage);
  if (o.rest.length === 0) throw usageError("", usage);
  const format = o.text("format");
  let failed = 0;
  for (const name of o.rest) {
    const id = cli.tryRevision(name);
    if (id === undefined) {
      failed = cli.error(`tag '${name}' not found.`);
      continue;
    }
    const shown = { show: o.flag("verbose") && format === undefined, raw: o.flag("raw") };
    if (!verifyTagSignature(cli, id, name, shown)) failed = 1;
    else if (format !== undefined) {
      cli.out(`${expandRefFormat(cli, format, { name, id }, (text) => text)}\n`);
    }
  }
  return failed;
}

/** `git verify-commit` */
export function verifyCommit(cli: Cli, args: ByteString[]): number {
  const usage = "git verify-commit [-v | --verbose] [--raw] <commit>...";
  const o = parseOptions(cli, args, "v,verbose raw", usage);
  if (o.rest.length === 0) throw usageError("", usage);
  let failed = 0;
  for (const name of o.rest) {
    const found = cli.tryRevision(name);
    const id = found === undefined ? undefined : peelTo(cli.repo.objects, found, "commit");
    if (id === undefined) {
      failed = cli.error(`commit '${name}' not found.`);
      continue;
    }
    const text = toByteString(cli.repo.objects.read(id)!.data);
    // The signature is a header of several lines; what is signed is the commit without it.
    const header = /^gpgsig (.*\n(?: .*\n)*)/m.exec(text.slice(0, text.indexOf("\n\n") + 1));
    const payload = header === null ? text : text.replace(header[0], () => "");
    if (o.flag("verbose")) cli.out(payload);
    if (
      header === null ||
      !verifySignature(cli, payload, header[1]!.replaceAll("\n ", "\n"), o.flag("raw"))
    ) failed = 1;
  }
  return failed;
}
