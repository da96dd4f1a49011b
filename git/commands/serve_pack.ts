/**
 * Plumbing of transport: `upload-pack`, `receive-pack`, `fetch-pack`, `send-pack`.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { GitError } from "../errors.ts";
import { FetchSession } from "../fetch_pack.ts";
import type { PacketSource } from "../pkt_line.ts";
import { receivePack } from "../receive_pack.ts";
import { findAbbreviated } from "../refspec.ts";
import { pushOffers, uploadSettings } from "../service_settings.ts";
import { findServedRepository } from "../transport.ts";
import { advertise, errorPacket, serveV0, serveV2 } from "../upload_pack.ts";
import {
  connect,
  openServed,
  protocolVersion,
  receiveOptions,
  remoteMessages,
} from "./_connect.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** Packets from standard input, read as they are asked for. */
class StdinPackets implements PacketSource {
  #read(length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      const n = Deno.stdin.readSync(out.subarray(got));
      if (n === null) break;
      got += n;
    }
    if (got === 0 && length > 0) return undefined;
    if (got < length) throw new GitError("protocol", "the remote end hung up unexpectedly");
    return out;
  }

  line(): ByteString | "flush" | "delimiter" | "end" | undefined {
    const head = this.#read(4);
    if (head === undefined) return undefined;
    const text = toByteString(head);
    if (!/^[0-9a-fA-F]{4}$/.test(text)) {
      throw new GitError("protocol", `protocol error: bad line length character: ${text}`);
    }
    const length = parseInt(text, 16);
    if (length < 4) return length === 0 ? "flush" : length === 1 ? "delimiter" : "end";
    const body = length === 4 ? new Uint8Array(0) : this.#read(length - 4);
    if (body === undefined) {
      throw new GitError("protocol", "the remote end hung up unexpectedly");
    }
    return toByteString(body).replace(/\n$/, "");
  }
}

async function* stdinChunks(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(65536);
    const n = await Deno.stdin.read(chunk);
    if (n === null) return;
    yield chunk.subarray(0, n);
  }
}

function askedVersion(cli: Cli): number {
  const text = cli.env.get("GIT_PROTOCOL") ?? "";
  let version = 0;
  for (const part of text.split(":")) {
    const match = /^version=(\d)$/.exec(part);
    if (match !== null) version = Math.max(version, Math.min(2, Number(match[1])));
  }
  return version;
}

function served(path: ByteString, strict: boolean): ByteString {
  return findServedRepository(path, { strict }) ??
    die(`'${path}' does not appear to be a git repository`);
}

/** `git upload-pack` */
export function uploadPackCommand(cli: Cli, args: ByteString[]): number {
  const usage =
    "git-upload-pack [--[no-]strict] [--timeout=<n>] [--stateless-rpc]\n                [--advertise-refs] <directory>";
  const o = parseOptions(
    cli,
    args,
    "stateless-rpc http-backend-info-refs,advertise-refs strict timeout=",
    usage,
  );
  if (o.rest.length !== 1) throw usageError("", usage);
  const gitDir = served(cli.fileArgument(o.rest[0]!), o.flag("strict"));
  const repository = openServed(cli, gitDir);
  const stateless = o.flag("stateless-rpc");
  const options = { ...uploadSettings(repository.config), stateless };
  const version = askedVersion(cli);
  const put = (data: Uint8Array): void => {
    cli.out(data);
  };
  try {
    const advertiseOnly = o.flag("advertise-refs");
    if (advertiseOnly || !stateless) {
      put(advertise(repository, "git-upload-pack", version, options));
      cli.flush();
      if (advertiseOnly) return 0;
    }
    const source = new StdinPackets();
    // Answers are written before more is read, or both sides would wait.
    const input: PacketSource = {
      line: () => {
        cli.flush();
        return source.line();
      },
    };
    if (version === 2) {
      do {
        let answered = false;
        for (const part of serveV2(repository, input, options)) {
          answered = true;
          put(part);
        }
        cli.flush();
        if (!answered) break;
      } while (!stateless);
    } else for (const part of serveV0(repository, input, options)) put(part);
    cli.flush();
    return 0;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    put(errorPacket(error.message));
    cli.flush();
    throw error;
  } finally {
    repository.close();
  }
}

/** `git receive-pack` */
export async function receivePackCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const usage = "git receive-pack <git-dir>";
  const o = parseOptions(
    cli,
    args,
    "q,quiet stateless-rpc http-backend-info-refs,advertise-refs skip-connectivity-check reject-thin-pack-for-testing",
    usage,
  );
  if (o.rest.length !== 1) throw usageError("fatal: You must specify a directory.", usage);
  const repository = openServed(cli, served(cli.fileArgument(o.rest[0]!), false));
  const options = receiveOptions(repository);
  try {
    if (o.flag("advertise-refs") || !o.flag("stateless-rpc")) {
      cli.out(
        advertise(
          repository,
          "git-receive-pack",
          askedVersion(cli) === 1 ? 1 : 0,
          {
            push: pushOffers(repository.config),
            ...(options.hideRef === undefined ? {} : { hideRef: options.hideRef }),
          },
        ),
      );
      cli.flush();
      if (o.flag("advertise-refs")) return 0;
    }
    for await (const part of receivePack(repository, stdinChunks(), options)) {
      cli.out(part);
      cli.flush();
    }
    return 0;
  } finally {
    repository.close();
  }
}

/** `git fetch-pack` */
export async function fetchPackCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const usage =
    "git fetch-pack [--all] [--stdin] [--quiet | -q] [--keep | -k] [--thin] [--include-tag] [--upload-pack=<git-upload-pack>] [--depth=<n>] [--no-progress] [--diag-url] [-v] [<host>:]<directory> [<refs>...]";
  const o = parseOptions(
    cli,
    args,
    "all stdin q,quiet k,keep+ thin include-tag upload-pack= exec= depth= shallow-since= shallow-exclude* deepen-relative progress v,verbose check-self-contained-and-connected cloning update-shallow filter= stateless-rpc refetch lock-pack from-promisor",
    usage,
  );
  const [url, ...names] = o.rest;
  if (url === undefined) throw usageError("", usage);
  if (o.flag("stdin")) {
    for (const line of cli.stdinLines()) if (line !== "") names.push(line);
  }
  const { repo } = cli;
  const transport = connect(cli, url, { program: o.text("upload-pack") ?? o.text("exec") });
  const messages = remoteMessages(cli);
  try {
    const session = await FetchSession.open(transport, { version: protocolVersion(cli) });
    const refs = (await session.listRefs()).filter((ref) => ref.id !== undefined);
    let code = 0;
    const wanted = o.flag("all")
      ? refs.filter((ref) =>
        ref.name.startsWith("refs/heads/") || ref.name.startsWith("refs/tags/")
      )
      : [...new Set(names)].flatMap((name) => {
        const found = refs.find((ref) => ref.name === name) ?? findAbbreviated(refs, name) ??
          (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(name) ? { name, id: name } : undefined);
        if (found === undefined) {
          cli.err(`error: no such remote ref ${name}\n`);
          code = 1;
          return [];
        }
        return [found];
      });
    if (wanted.length === 0) {
      await session.close();
      if (names.length === 0) die("no matching remote head");
      return 1;
    }
    const result = await session.fetch(repo, {
      wants: wanted.map((ref) => ref.id!),
      remoteRefs: refs,
      depth: o.text("depth") === undefined ? undefined : Number(o.text("depth")),
      relative: o.flag("deepen-relative"),
      filter: o.text("filter"),
      includeTags: o.flag("include-tag"),
      cloning: o.flag("cloning"),
      noNegotiation: o.flag("refetch"),
      updateShallow: o.flag("update-shallow"),
      unpackLimit: o.count("keep") > 0
        ? 0
        : cli.config.int("fetch.unpacklimit") ?? cli.config.int("transfer.unpacklimit") ?? 100,
      quiet: o.flag("quiet") || o.negated("progress"),
      remoteMessage: messages.write,
    });
    messages.end();
    await session.close();
    if (o.count("keep") > 0 && result.pack?.name !== undefined) {
      cli.out(`pack\t${result.pack.name}\n`);
    }
    for (const ref of wanted) cli.out(`${ref.id} ${ref.name}\n`);
    return code;
  } catch (error) {
    messages.end();
    await transport.close();
    throw error;
  }
}

/** `git send-pack`: push without tracking refs or hooks of ours. */
export async function sendPackCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const { pushCommand } = await import("./push.ts");
  const known = args.filter((word) =>
    word !== "--stdin" && word !== "--stateless-rpc" && word !== "--helper-status"
  );
  if (args.includes("--stdin")) {
    for (const line of cli.stdinLines()) if (line !== "") known.push(line);
  }
  const plain = known.filter((word) => !word.startsWith("-"));
  if (plain.length === 0) {
    throw usageError(
      "",
      "git send-pack [--mirror] [--dry-run] [--force]\n              [--receive-pack=<git-receive-pack>]\n              [--verbose] [--thin] [--atomic]\n              [--[no-]signed | --signed=(true|false|if-asked)]\n              [<host>:]<directory> (--all | <ref>...)",
    );
  }
  if (plain.length === 1 && !known.includes("--all") && !known.includes("--mirror")) {
    known.push(":");
  }
  return await pushCommand(cli, ["--no-verify", ...known]);
}
