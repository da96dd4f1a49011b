/**
 * `update-ref`: references changed safely, one or a transaction.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isRefName } from "../ref_name.ts";
import { RefTransaction, type RefUpdate } from "../ref_store.ts";
import { type Cli, die, unquotePath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git update-ref` */
export function updateRef(cli: Cli, args: ByteString[]): number {
  const usage =
    "git update-ref [<options>] -d <refname> [<old-val>]\n   or: git update-ref [<options>]    <refname> <new-val> [<old-val>]\n   or: git update-ref [<options>] --stdin [-z]";
  const o = parseOptions(cli, args, "m= d no-deref z stdin create-reflog", usage);
  const { repo } = cli;
  const message = o.text("m");
  if (message === "") die("Refusing to perform update with empty message.");
  const noDeref = o.flag("no-deref");
  const zero = repo.algorithm.zero;
  if (o.flag("stdin")) {
    if (o.flag("d") || o.rest.length > 0) throw usageError("", usage);
    return updateRefStdin(cli, o.flag("z"), noDeref, message ?? "", o.flag("create-reflog"));
  }
  if (o.flag("z")) throw usageError("", usage);
  const [name, second, third] = o.rest;
  if (
    name === undefined || (o.flag("d") ? o.rest.length > 2 : o.rest.length < 2 || o.rest.length > 3)
  ) throw usageError("", usage);
  const oldText = o.flag("d") ? second : third;
  let oldId: ObjectId | undefined;
  if (oldText !== undefined) {
    oldId = oldText === "" ? zero : cli.tryRevision(oldText);
    if (oldId === undefined) die(`${oldText}: not a valid SHA1`);
  }
  let newId: ObjectId = zero;
  if (!o.flag("d")) {
    const found = cli.tryRevision(second!);
    if (found === undefined) die(`${second}: not a valid SHA1`);
    newId = found;
  }
  const update: RefUpdate = {
    name,
    newId,
    noDeref,
    message: message ?? "",
    createReflog: o.flag("create-reflog"),
  };
  if (oldId !== undefined && !(o.flag("d") && oldId === zero)) update.oldId = oldId;
  try {
    repo.refs.update(update);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (o.flag("d")) return cli.error(error.message);
    die(`update_ref failed for ref '${name}': ${error.message}`);
  }
  return 0;
}

function updateRefStdin(
  cli: Cli,
  nul: boolean,
  noDerefDefault: boolean,
  message: ByteString,
  createReflog: boolean,
): number {
  const { repo } = cli;
  const zero = repo.algorithm.zero;
  let updates: RefUpdate[] = [];
  let noDeref = noDerefDefault;
  let transaction: RefTransaction | undefined;
  let state: "open" | "started" | "prepared" | "closed" = "open";
  const id = (text: ByteString, what: string, kind: "newvalue" | "oldvalue"): ObjectId => {
    if (text === "") return zero;
    const found = text === zero ? zero : cli.tryRevision(text);
    if (found === undefined) die(`${what}: invalid <${kind}>: ${text}`);
    return found;
  };
  const words = nul ? [...cli.stdinLines("\0")] : undefined;
  let at = 0;
  const lines: Iterable<ByteString> = words ?? cli.stdinLines("\n");
  const quoted = (text: ByteString): ByteString[] => {
    const out: ByteString[] = [];
    let i = 0;
    while (i < text.length) {
      if (text[i] === '"') {
        const closed = /^"(?:[^"\\]|\\(?:[abtnvfr"\\]|[0-3][0-7]{2}))*"/.test(text.slice(i));
        const parsed = closed ? unquotePath(text.slice(i)) : undefined;
        if (parsed === undefined) die(`badly quoted argument: ${text.slice(i)}`);
        out.push(parsed.path);
        i += parsed.end;
        if (i < text.length && text[i] !== " ") {
          die(`unexpected character after quoted argument: ${text}`);
        }
        i++;
      } else {
        const end = text.indexOf(" ", i);
        out.push(end < 0 ? text.slice(i) : text.slice(i, end));
        i = end < 0 ? text.length : end + 1;
        if (end >= 0 && i === text.length) out.push("");
      }
    }
    return out;
  };
  const finish = (): void => {
    transaction ??= new RefTransaction(repo.refs, updates);
    try {
      if (state !== "prepared") transaction.prepare();
      transaction.commit();
    } catch (error) {
      transaction.abort();
      throw error;
    }
  };
  const run = (command: string, parts: ByteString[]): void => {
    const need = (n: number, optional: number): void => {
      if (parts[0] === undefined || parts[0] === "") die(`${command}: missing <ref>`);
      if (!isRefName(parts[0], { oneLevel: true })) die(`invalid ref format: ${parts[0]}`);
      if (parts.length < n) {
        die(
          `${command} ${parts[0]}: missing <${
            command === "update" || command === "create" ? "newvalue" : "oldvalue"
          }>`,
        );
      }
      if (parts.length > n + optional) {
        die(`${command} ${parts[0]}: extra input:  ${parts.slice(n + optional).join(" ")}`);
      }
    };
    const push = (update: RefUpdate): void => {
      updates.push({ ...update, noDeref, message, createReflog });
      noDeref = noDerefDefault;
    };
    if (state === "started" && command === "start") die("cannot restart ongoing transaction");
    if (state === "prepared" && command !== "commit" && command !== "abort") {
      die("prepared transactions can only be closed");
    }
    if (state === "closed" && command !== "start") die("transaction is closed");
    switch (command) {
      case "update": {
        need(2, 1);
        if (nul && parts[1] === "") {
          cli.warn(`update ${parts[0]}: missing <newvalue>, treating as zero`);
        }
        const newId = id(parts[1]!, `update ${parts[0]}`, "newvalue");
        push({
          name: parts[0]!,
          newId,
          ...(parts[2] === undefined || (nul && parts[2] === "")
            ? {}
            : { oldId: id(parts[2], `update ${parts[0]}`, "oldvalue") }),
        });
        return;
      }
      case "create": {
        need(2, 0);
        if (nul && parts[1] === "") die(`create ${parts[0]}: missing <newvalue>`);
        const newId = id(parts[1]!, `create ${parts[0]}`, "newvalue");
        if (newId === zero) die(`create ${parts[0]}: zero <newvalue>`);
        push({ name: parts[0]!, newId, oldId: zero });
        return;
      }
      case "delete": {
        need(1, 1);
        const oldId = parts[1] === undefined || (nul && parts[1] === "")
          ? undefined
          : id(parts[1], `delete ${parts[0]}`, "oldvalue");
        if (oldId === zero) die(`delete ${parts[0]}: zero <oldvalue>`);
        push({ name: parts[0]!, newId: zero, ...(oldId === undefined ? {} : { oldId }) });
        return;
      }
      case "verify":
        need(1, 1);
        push({
          name: parts[0]!,
          oldId: parts[1] === undefined ? zero : id(parts[1], `verify ${parts[0]}`, "oldvalue"),
        });
        return;
      case "option":
        if (parts[0] !== "no-deref") die(`option unknown: ${parts[0]}`);
        noDeref = true;
        return;
      case "start":
        if (state === "closed") {
          updates = [];
          transaction = undefined;
        }
        state = "started";
        cli.out("start: ok\n");
        break;
      case "prepare":
        transaction = new RefTransaction(repo.refs, updates);
        try {
          transaction.prepare();
        } catch (error) {
          transaction.abort();
          if (error instanceof GitError) die(`prepare: ${error.message}`);
          throw error;
        }
        state = "prepared";
        cli.out("prepare: ok\n");
        break;
      case "commit":
        try {
          finish();
        } catch (error) {
          if (error instanceof GitError) die(`commit: ${error.message}`);
          throw error;
        }
        state = "closed";
        cli.out("commit: ok\n");
        break;
      case "abort":
        transaction?.abort();
        state = "closed";
        cli.out("abort: ok\n");
        break;
    }
    cli.flush();
  };
  const arity: Record<string, number> = {
    update: 3,
    create: 2,
    delete: 2,
    verify: 2,
    option: 1,
    start: 0,
    prepare: 0,
    commit: 0,
    abort: 0,
  };
  if (words !== undefined) {
    while (at < words.length) {
      const line = words[at++]!;
      const space = line.indexOf(" ");
      const command = space < 0 ? line : line.slice(0, space);
      if (line === "") die("empty command in input");
      if (/^\s/.test(line)) die(`whitespace before command: ${line}`);
      if (!(command in arity)) die(`unknown command: ${line}`);
      const parts = space < 0 ? [] : [line.slice(space + 1)];
      while (parts.length < arity[command]! && parts.length > 0 && parts[0] !== "") {
        if (at >= words.length) {
          die(
            `${command} ${parts[0]}: unexpected end of input when reading <${
              parts.length === 1 && (command === "update" || command === "create")
                ? "newvalue"
                : "oldvalue"
            }>`,
          );
        }
        parts.push(words[at++]!);
      }
      run(command, parts);
    }
  } else {
    for (const line of lines) {
      if (line === "") die("empty command in input");
      if (/^\s/.test(line)) die(`whitespace before command: ${line}`);
      const space = line.indexOf(" ");
      const command = space < 0 ? line : line.slice(0, space);
      if (!(command in arity)) die(`unknown command: ${line}`);
      run(command, space < 0 ? [] : quoted(line.slice(space + 1)));
    }
  }
  if (state === "open") finish();
  else if (state !== "closed") transaction?.abort();
  return 0;
}
