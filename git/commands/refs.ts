/**
 * Commands on references.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { readFileIfAny } from "../_files.ts";
import { COLOR_RESET, colorSequence } from "../color.ts";
import { currentTime, formatDate, parseDateMode } from "../date.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor } from "../merge_base.ts";
import { formatTag, isObjectType, parseSignature } from "../objects.ts";
import { peelTo, readTag } from "../object_store.ts";
import { bodyOf, expandFormat, parseTrailerFormat, subjectOf } from "../pretty.ts";
import { shortenRef } from "../ref_filter.ts";
import { isRefName } from "../ref_name.ts";
import { formatReflog, RefTransaction, type RefUpdate } from "../ref_store.ts";
import {
  interpretBranchName,
  mapRefspec,
  pushRemote,
  pushTarget,
  trackingRef,
} from "../revision.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, die, Exit, unquotePath } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { signText } from "./_signing.ts";
import { timeArgument } from "./_revs.ts";
import { log } from "./history.ts";
import { aheadBehind, cleanupMessage } from "./porcelain.ts";

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

/** `git symbolic-ref` */
export function symbolicRef(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "q,quiet d,delete short recurse m=",
    "git symbolic-ref [-m <reason>] <name> <ref>\n   or: git symbolic-ref [-q] [--short] [--no-recurse] <name>\n   or: git symbolic-ref --delete [-q] <name>",
  );
  const { refs } = cli.repo;
  if (o.given("m") && o.text("m") === "") die("Refusing to perform update with empty message");
  const [name, target] = o.rest;
  if (name === undefined) throw usageError("", "git symbolic-ref");
  const read = (): ByteString | undefined => {
    const value = refs.read(name);
    return value?.kind === "symbolic" ? value.target : undefined;
  };
  if (o.flag("delete")) {
    const now = read();
    if (now === undefined) {
      if (o.flag("quiet")) return 1;
      die(`Cannot delete ${name}, not a symbolic ref`);
    }
    if (name === "HEAD") die("deleting 'HEAD' is not allowed");
    refs.update({ name, newId: cli.repo.algorithm.zero, noDeref: true });
    return 0;
  }
  if (target === undefined) {
    const now = o.negated("recurse")
      ? read()
      : read() === undefined
      ? undefined
      : refs.resolve(name)?.target ?? read();
    if (now === undefined) {
      if (o.flag("quiet")) return 1;
      die(`ref ${name} is not a symbolic ref`);
    }
    cli.out(`${o.flag("short") ? shortenRef(cli.repo, now, false) : now}\n`);
    return 0;
  }
  if (name === "HEAD" && !target.startsWith("refs/")) {
    die("Refusing to point HEAD outside of refs/");
  }
  if (!isRefName(target, { oneLevel: true })) {
    die(`Refusing to set '${name}' to invalid ref '${target}'`);
  }
  refs.setSymbolic(name, target, o.text("m"));
  return 0;
}

/** `git show-ref` */
export function showRef(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "tags heads verify head d,dereference s,hash? abbrev? q,quiet exclude-existing?",
    "git show-ref [-q | --quiet] [--verify] [--head] [-d | --dereference]\n                    [-s | --hash[=<n>]] [--abbrev[=<n>]] [--tags]\n                    [--heads] [--] [<pattern>...]",
  );
  const { repo } = cli;
  let found = false;
  const show = (name: ByteString, id: ObjectId): void => {
    found = true;
    if (!repo.objects.has(id)) die(`git show-ref: bad ref ${name} (${id})`);
    if (o.flag("quiet")) return;
    const hash = o.values.get("hash"), abbrev = o.values.get("abbrev");
    const width = typeof hash === "string"
      ? Number(hash)
      : typeof abbrev === "string"
      ? Number(abbrev)
      : abbrev === true
      ? cli.abbrevLength
      : 0;
    const shown = width > 0 ? cli.abbrev(id, width) : id;
    cli.out(hash !== undefined && hash !== false ? `${shown}\n` : `${shown} ${name}\n`);
    if (o.flag("dereference")) {
      const peeled = peelTo(repo.objects, id, "any");
      if (peeled !== undefined && peeled !== id) {
        cli.out(
          hash !== undefined
            ? `${peeled}\n`
            : `${width > 0 ? cli.abbrev(peeled, width) : peeled} ${name}^{}\n`,
        );
      }
    }
  };
  if (o.flag("verify")) {
    if (o.rest.length === 0) die("--verify requires a reference");
    for (const name of o.rest) {
      const id = name.startsWith("refs/") || name === "HEAD" ? repo.refs.id(name) : undefined;
      if (id === undefined) {
        if (o.flag("quiet")) return 1;
        die(`'${name}' - not a valid ref`);
      }
      show(name, id);
    }
    return 0;
  }
  const list = repo.refs.list().filter((ref) => !ref.broken);
  if (o.flag("head")) {
    const head = repo.head();
    if (head !== undefined) show("HEAD", head);
  }
  for (const ref of list) {
    if (o.flag("tags") || o.flag("heads")) {
      if (
        !(o.flag("tags") && ref.name.startsWith("refs/tags/")) &&
        !(o.flag("heads") && ref.name.startsWith("refs/heads/"))
      ) continue;
    }
    if (
      o.rest.length > 0 &&
      !o.rest.some((pattern) => ref.name === pattern || ref.name.endsWith(`/${pattern}`))
    ) continue;
    show(ref.name, ref.id);
  }
  return found ? 0 : 1;
}

/** A ref with what it points at. */
export interface RefRow {
  name: ByteString;
  id: ObjectId;
  symbolic?: ByteString | undefined;
  /** `%(color:…)` gives colours. */
  color?: boolean;
}

/** The ref that a push of a branch goes to at its remote, as its refspecs say. */
function pushRef(cli: Cli, branch: ByteString): ByteString | undefined {
  const { config } = cli.repo;
  const remote = pushRemote(cli.repo, branch);
  const full = `refs/heads/${branch}`;
  for (const text of config.all(`remote.${remote}.push`)) {
    const found = mapRefspec(text, full);
    if (found !== undefined) return found;
  }
  const mode = config.get("push.default") ?? "simple";
  if (config.all(`remote.${remote}.push`).length > 0 || mode === "nothing") return undefined;
  if (mode === "current" || mode === "matching") return full;
  const merge = config.get(`branch.${branch}.merge`);
  if (remote !== config.get(`branch.${branch}.remote`)) {
    return mode === "simple" && merge !== undefined ? full : undefined;
  }
  return mode === "upstream" || merge === full ? merge : undefined;
}

/** Expands a `for-each-ref` format for one ref. */
export function expandRefFormat(
  cli: Cli,
  format: ByteString,
  row: RefRow,
  quote: (text: ByteString) => ByteString,
): ByteString {
  const stack: {
    text: string;
    kind: string;
    met?: boolean;
    wanted?: string | undefined;
    not?: boolean;
    value?: string;
    width?: string;
  }[] = [{ text: "", kind: "top" }];
  const top = (): (typeof stack)[number] => stack.at(-1)!;
  let i = 0;
  while (i < format.length) {
    if (format[i] !== "%") {
      top().text += format[i++];
      continue;
    }
    if (format[i + 1] === "%") {
      top().text += "%";
      i += 2;
      continue;
    }
    const hex = /^%([0-9a-fA-F]{2})/.exec(format.slice(i));
    if (hex !== null) {
      top().text += String.fromCharCode(parseInt(hex[1]!, 16));
      i += 3;
      continue;
    }
    const end = format[i + 1] === "(" ? format.indexOf(")", i) : -1;
    if (end < 0) {
      if (format[i + 1] === "(") die(`malformed format string ${format.slice(i)}`);
      top().text += format[i++];
      continue;
    }
    const atom = format.slice(i + 2, end);
    i = end + 1;
    if (atom === "if" || atom.startsWith("if:")) {
      const condition = /^if:(equals|notequals)=(.*)$/.exec(atom);
      stack.push({
        text: "",
        kind: "if",
        wanted: condition?.[2],
        not: condition?.[1] === "notequals",
      });
    } else if (atom === "then") {
      const frame = top();
      if (frame.kind !== "if") die("format: %(then) atom used without a %(if) atom");
      frame.met = frame.wanted === undefined
        ? frame.text.trim() !== ""
        : (frame.text === frame.wanted) !== frame.not;
      frame.text = "";
      frame.kind = "then";
    } else if (atom === "else") {
      const frame = top();
      if (frame.kind !== "then") {
        die(
          frame.kind === "if"
            ? "format: %(else) atom used without a %(then) atom"
            : "format: %(else) atom used without an %(if) atom",
        );
      }
      frame.value = frame.met ? frame.text : "";
      frame.text = "";
      frame.kind = "else";
    } else if (atom === "align" || atom.startsWith("align:")) {
      stack.push({ text: "", kind: "align", width: atom.slice(6) });
    } else if (atom === "end") {
      const frame = stack.pop()!;
      if (frame.kind === "top") die("format: %(end) atom used without corresponding atom");
      let text = frame.kind === "then"
        ? (frame.met ? frame.text : "")
        : frame.kind === "else"
        ? (frame.met ? frame.value! : frame.text)
        : frame.text;
      if (frame.kind === "align") {
        let width = 0, position = "left";
        for (const part of frame.width!.split(",")) {
          if (/^(width=)?\d+$/.test(part)) width = Number(part.replace("width=", ""));
          else position = part.replace("position=", "");
        }
        const gap = Math.max(0, width - text.length);
        text = position === "right"
          ? " ".repeat(gap) + text
          : position === "middle"
          ? " ".repeat(Math.floor(gap / 2)) + text + " ".repeat(gap - Math.floor(gap / 2))
          : text + " ".repeat(gap);
        if (stack.length === 1) text = quote(text);
      }
      if (stack.length === 0) die("format: %(end) atom used without corresponding atom");
      top().text += text;
    } else {top().text += stack.length > 1
        ? refAtom(cli, atom, row)
        : quote(refAtom(cli, atom, row));}
  }
  if (stack.length > 1) die("format: %(end) atom missing");
  // A colour that is still on at the end of the line is put out.
  const last = [...format.matchAll(/%\(color:([^)]*)\)/g)].at(-1)?.[1];
  return row.color === true && last !== undefined && last !== "reset"
    ? stack[0]!.text + COLOR_RESET
    : stack[0]!.text;
}

function refNameForm(cli: Cli, name: ByteString, form: string | undefined): ByteString {
  if (form === undefined || form === "") return name;
  if (form === "short") {
    return shortenRef(cli.repo, name, cli.config.bool("core.warnambiguousrefs", true));
  }
  const strip = /^(?:l?strip|rstrip)=(-?\d+)$/.exec(form);
  if (strip === null) die(`unrecognized %(refname) argument: ${form}`);
  const parts = name.split("/");
  let n = Number(strip[1]);
  if (form.startsWith("r")) {
    if (n < 0) return parts.slice(0, -n).join("/");
    return n >= parts.length ? "" : parts.slice(0, parts.length - n).join("/");
  }
  if (n < 0) n = Math.max(0, parts.length + n);
  return n >= parts.length ? "" : parts.slice(n).join("/");
}

function refAtom(cli: Cli, atomText: string, row: RefRow): ByteString {
  const { repo } = cli;
  const { objects } = repo;
  let atom = atomText;
  let id = row.id;
  if (atom.startsWith("*")) {
    atom = atom.slice(1);
    if (objects.describe(id)?.type !== "tag") return "";
    const tag = readTag(objects, id);
    id = tag.object;
    const actual = objects.describe(id)?.type;
    if (actual === undefined) die(`missing object ${id} for ${row.name}`);
    if (actual !== tag.type) {
      cli.err(`error: object ${id} is a ${actual}, not a ${tag.type}\n`);
      die(`parse_object_buffer failed on ${id} for ${row.name}`);
    }
  }
  const colon = atom.indexOf(":");
  const name = colon < 0 ? atom : atom.slice(0, colon);
  const form = colon < 0 ? undefined : atom.slice(colon + 1);
  const object = (): { type: string; data: Uint8Array } => {
    const found = objects.read(id);
    if (found === undefined) die(`missing object ${id} for ${row.name}`);
    return found;
  };
  switch (name) {
    case "refname":
      return refNameForm(cli, row.name, form);
    case "symref":
      return row.symbolic === undefined ? "" : refNameForm(cli, row.symbolic, form);
    case "objectname":
      if (form === undefined) return id;
      if (form === "short") return cli.abbrev(id);
      if (/^short=\d+$/.test(form)) {
        if (Number(form.slice(6)) === 0) {
          die(`positive value expected '${form.slice(6)}' in %(${atomText})`);
        }
        return cli.abbrev(id, Number(form.slice(6)));
      }
      return die(`unrecognized %(objectname) argument: ${form}`);
    case "objecttype":
      return objects.describe(id)?.type ?? die(`missing object ${id} for ${row.name}`);
    case "objectsize":
      return String(
        form === "disk" ? objects.locate(id)?.diskSize ?? 0 : objects.describe(id)?.size ?? 0,
      );
    case "deltabase":
      return objects.locate(id)?.deltaBase ?? "";
    case "HEAD":
      return repo.headBranch() === row.name ? "*" : " ";
    case "upstream":
    case "push": {
      const branch = row.name.startsWith("refs/heads/") ? row.name.slice(11) : undefined;
      const ref = branch === undefined
        ? undefined
        : name === "push"
        ? pushTarget(repo, branch)
        : trackingRef(repo, branch);
      if (ref === undefined || branch === undefined) return "";
      const forms = form?.split(",") ?? [];
      if (forms.includes("remotename")) {
        return repo.config.get(`branch.${branch}.${name === "push" ? "pushremote" : "remote"}`) ??
          repo.config.get("remote.pushdefault") ?? repo.config.get(`branch.${branch}.remote`) ?? "";
      }
      if (forms.includes("remoteref")) {
        return name === "upstream"
          ? repo.config.get(`branch.${branch}.merge`) ?? ""
          : pushRef(cli, branch) ?? "";
      }
      if (forms.includes("track") || forms.includes("trackshort")) {
        const theirs = repo.refs.id(ref);
        const wrap = (text: string): string =>
          forms.includes("nobracket") || text === "" ? text : `[${text}]`;
        if (theirs === undefined) return forms.includes("track") ? wrap("gone") : "";
        const [a, b] = aheadBehind(cli, row.id, theirs);
        if (forms.includes("trackshort")) {
          return a > 0 && b > 0 ? "<>" : a > 0 ? ">" : b > 0 ? "<" : "=";
        }
        return wrap(
          [...(a > 0 ? [`ahead ${a}`] : []), ...(b > 0 ? [`behind ${b}`] : [])].join(", "),
        );
      }
      return refNameForm(cli, ref, form);
    }
  }
  const { type, data } = object();
  const text = toByteString(data);
  const headerEnd = text.indexOf("\n\n");
  const header = (key: string): ByteString =>
    new RegExp(`^${key} (.*)$`, "m").exec(headerEnd < 0 ? text : text.slice(0, headerEnd + 1))
      ?.[1] ?? "";
  const message = headerEnd < 0 || (type !== "commit" && type !== "tag")
    ? ""
    : text.slice(headerEnd + 2);
  const who = (line: ByteString, part: string): ByteString => {
    if (line === "") return "";
    const s = parseSignature(line);
    if (part === "name") return s.name;
    if (part === "email") {
      return form === "trim"
        ? s.email
        : form === "localpart"
        ? s.email.split("@")[0]!
        : `<${s.email}>`;
    }
    if (part === "date") {
      return formatDate(
        s.time,
        s.zone,
        parseDateMode(form ?? "default"),
        currentTime(cli.env.get("GIT_TEST_DATE_NOW")),
      );
    }
    return line;
  };
  const shortId = (one: ByteString): ByteString => {
    if (form === undefined || one === "") return one;
    const width = /^short(?:=(\d+))?$/.exec(form);
    if (width === null) die(`unrecognized %(${name}) argument: ${form}`);
    return cli.abbrev(one, width[1] === undefined ? undefined : Number(width[1]));
  };
  const person = /^(author|committer|tagger)(name|email|date)?$/.exec(name);
  if (person !== null) return who(header(person[1]!), person[2] ?? "");
  const sigAt = message.search(/^-----BEGIN (PGP|SSH|SIGNED) /m);
  const unsigned = sigAt < 0 ? message : message.slice(0, sigAt);
  switch (name) {
    case "tree":
      return shortId(header("tree"));
    case "parent":
      return [...text.slice(0, headerEnd + 1).matchAll(/^parent (.*)$/gm)].map((match) => match[1])
        .join(" ");
    case "numparent":
      return type === "commit"
        ? String([...text.slice(0, headerEnd + 1).matchAll(/^parent (.*)$/gm)].length)
        : "";
    case "object":
      return header("object");
    case "type":
      return header("type");
    case "tag":
      return header("tag");
    case "creator":
      return header(type === "tag" ? "tagger" : "committer");
    case "creatordate":
      return who(header(type === "tag" ? "tagger" : "committer"), "date");
    case "subject":
      return form === "sanitize"
        ? subjectOf(unsigned).replace(/[^A-Za-z0-9._]+/g, "-").replace(/\.+/g, ".").replace(
          /^-|[-.]+$/g,
          "",
        )
        : subjectOf(unsigned);
    case "body":
      return bodyOf(message);
    case "contents":
      if (form === undefined) return message.replace(/^\n+/, "");
      if (form === "subject") return subjectOf(unsigned);
      if (form === "body") return bodyOf(unsigned);
      if (form === "signature") return sigAt < 0 ? "" : message.slice(sigAt);
      if (form === "size") {
        return type === "commit" || type === "tag"
          ? String(message.replace(/^\n+/, "").length)
          : "";
      }
      if (/^lines=\d+$/.test(form)) {
        return unsigned.replace(/^\n+/, "").replace(/\n$/, "").split("\n").slice(
          0,
          Number(form.slice(6)),
        ).join("\n    ");
      }
      if (form === "trailers" || form.startsWith("trailers:")) {
        const problem = parseTrailerFormat(form.slice(9));
        if (typeof problem === "string") die(problem);
        return expandFormat(`%(${form})`, id, {
          tree: "",
          parents: [],
          author: "",
          committer: "",
          extra: [],
          message,
        }, { style: "format", abbrev: (one) => one });
      }
      return die(`unrecognized %(contents) argument: ${form}`);
    case "trailers": {
      const problem = parseTrailerFormat(form ?? "");
      if (typeof problem === "string") die(problem);
      return expandFormat(`%(${atom})`, id, {
        tree: "",
        parents: [],
        author: "",
        committer: "",
        extra: [],
        message,
      }, { style: "format", abbrev: (one) => one });
    }
    case "raw":
      return form === "size" ? String(data.length) : text;
    case "color":
      return row.color === true && form !== undefined ? colorSequence(form) : "";
    default:
      return die(`unknown field name: ${atomText}`);
  }
}

/** Sorts refs by keys such as `-committerdate`. */
export function sortRows(cli: Cli, rows: RefRow[], keys: ByteString[], fold: boolean): void {
  const parsed = keys.map((key) => {
    const descending = key.startsWith("-");
    const atom = descending ? key.slice(1) : key;
    return {
      descending,
      version: /^(version|v):/.test(atom),
      atom: atom.replace(/^(version|v):/, ""),
    };
  });
  const value = (row: RefRow, atom: string): string | number => {
    if (/date$/.test(atom.replace(/:.*/, ""))) {
      const raw = refAtom(cli, `${atom.replace(/:.*/, "")}:unix`, row);
      return raw === "" ? 0 : Number(raw);
    }
    if (
      atom === "contents:size" || atom === "objectsize" || atom === "numparent" ||
      atom === "objectsize:disk" ||
      atom === "raw:size"
    ) return Number(refAtom(cli, atom, row));
    const text = refAtom(cli, atom, row);
    return fold ? text.toLowerCase() : text;
  };
  const versions = (a: string, b: string): number => {
    const split = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
    const x = split(a), y = split(b);
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      const p = x[i] ?? "", q = y[i] ?? "";
      if (p === q) continue;
      if (/^\d/.test(p) && /^\d/.test(q) && Number(p) !== Number(q)) return Number(p) - Number(q);
      return p < q ? -1 : 1;
    }
    return 0;
  };
  rows.sort((a, b) => {
    for (const { descending, version, atom } of parsed) {
      const x = value(a, atom), y = value(b, atom);
      const order = version ? versions(String(x), String(y)) : x < y ? -1 : x > y ? 1 : 0;
      if (order !== 0) return descending ? -order : order;
    }
    return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  });
}

/** Options that choose refs. */
export const FILTER_SPEC =
  "sort* points-at* merged? no-merged? contains? no-contains? format= count= i,ignore-case color?";

/** Keeps the refs that `--merged`, `--contains` and their kin want. */
export function filterRows(cli: Cli, rows: RefRow[], o: ReturnType<typeof parseOptions>): RefRow[] {
  const { objects } = cli.repo;
  const commitOf = (name: ByteString): ObjectId => {
    const id = cli.tryRevision(name);
    if (id === undefined || !objects.has(id)) {
      throw new Exit(129, `error: malformed object name ${name}\n`);
    }
    return peelTo(objects, id, "commit") ?? die(`object ${name} is not a commit`);
  };
  let out = rows;
  for (const [key, value] of o.order) {
    if (!["points-at", "merged", "no-merged", "contains", "no-contains"].includes(key)) continue;
    const name = value === true ? "HEAD" : value as string;
    if (key === "points-at") {
      const id = cli.tryRevision(name);
      if (id === undefined) throw new Exit(129, `error: malformed object name '${name}'\n`);
      out = out.filter((row) => row.id === id || peelTo(objects, row.id, "any") === id);
      continue;
    }
    const commit = commitOf(name);
    out = out.filter((row) => {
      const own = peelTo(objects, row.id, "commit");
      if (own === undefined) return false;
      if (key === "merged") return isAncestor(objects, own, commit);
      if (key === "no-merged") return !isAncestor(objects, own, commit);
      return isAncestor(objects, commit, own) === (key === "contains");
    });
  }
  return out;
}

/** `git for-each-ref` */
export function forEachRef(cli: Cli, args: ByteString[]): number {
  const usage = "git for-each-ref [<options>] [<pattern>]";
  const o = parseOptions(cli, args, `s,shell p,perl python tcl ${FILTER_SPEC}`, usage);
  const { repo } = cli;
  const quoting = ["shell", "perl", "python", "tcl"].filter((name) => o.flag(name));
  if (quoting.length > 1) throw usageError("error: more than one quoting style?", usage);
  const count = o.text("count");
  if (count !== undefined && !(Number(count) >= 0)) {
    throw usageError(`error: invalid --count argument: \`${count}'`, usage);
  }
  const quote = (text: ByteString): ByteString => {
    switch (quoting[0]) {
      case "shell":
        return `'${text.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`;
      case "perl":
        return `'${text.replace(/([\\'])/g, "\\$1")}'`;
      case "python":
        return `'${text.replace(/([\\'])/g, "\\$1").replaceAll("\n", "\\n")}'`;
      case "tcl":
        return `"${
          text.replace(/([[\]{}$\\"])/g, "\\$1").replaceAll("\n", "\\n").replaceAll("\t", "\\t")
        }"`;
      default:
        return text;
    }
  };
  let rows: RefRow[] = [];
  for (const ref of repo.refs.list()) {
    if (
      o.rest.length > 0 && !o.rest.some((pattern) => {
        const bare = pattern.replace(/\/+$/, "");
        const fold = o.flag("ignore-case");
        const full = fold ? ref.name.toLowerCase() : ref.name;
        const wanted = fold ? bare.toLowerCase() : bare;
        return full === wanted || full.startsWith(`${wanted}/`) ||
          wildmatch(pattern, ref.name, { pathname: true, fold });
      })
    ) continue;
    if (ref.broken) {
      cli.warn(
        /^0+$/.test(ref.id) && ref.symbolic === undefined
          ? `ignoring broken ref ${ref.name}`
          : `ignoring ${ref.symbolic === undefined ? "broken" : "dangling symref"} ref ${ref.name}`
            .replace("dangling symref ref", "dangling symref"),
      );
      continue;
    }
    rows.push({ name: ref.name, id: ref.id, symbolic: ref.symbolic });
  }
  rows = filterRows(cli, rows, o);
  const keys = o.list("sort");
  sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], o.flag("ignore-case"));
  if (count !== undefined && Number(count) > 0) rows = rows.slice(0, Number(count));
  const format = o.text("format") ?? "%(objectname) %(objecttype)\t%(refname)";
  if (quoting[0] !== undefined && quoting[0] !== "perl" && /%\(\*?raw\)/.test(format)) {
    die(`--format=${format} cannot be used with --python, --shell, --tcl`);
  }
  const color = o.order.findLast(([key]) => key === "color")?.[1];
  const colored = color === true || color === "always" ||
    ((color === undefined || color === "auto") && Deno.stdout.isTerminal());
  for (const row of rows) row.color = colored;
  for (const row of rows) cli.out(`${expandRefFormat(cli, format, row, quote)}\n`);
  return 0;
}

/** `git check-ref-format` */
export function checkRefFormat(cli: Cli, args: ByteString[]): number {
  let normalize = false, oneLevel = false, pattern = false, i = 0;
  if (args[0] === "--branch") {
    const name = args[1] === undefined
      ? ""
      : cli.findRepository() === undefined
      ? args[1]
      : interpretBranchName(cli.repo, args[1]);
    if (name.startsWith("-") || !isRefName(`refs/heads/${name}`)) {
      die(`'${args[1]}' is not a valid branch name`);
    }
    cli.out(`${name}\n`);
    return 0;
  }
  for (; i < args.length && args[i]!.startsWith("-"); i++) {
    if (args[i] === "--normalize" || args[i] === "--print") normalize = true;
    else if (args[i] === "--allow-onelevel") oneLevel = true;
    else if (args[i] === "--no-allow-onelevel") oneLevel = false;
    else if (args[i] === "--refspec-pattern") pattern = true;
    else break;
  }
  if (i !== args.length - 1) {
    throw usageError("", "git check-ref-format [--normalize] [<options>] <refname>");
  }
  const name = normalize ? args[i]!.replace(/\/+/g, "/").replace(/^\//, "") : args[i]!;
  if (!isRefName(name, { oneLevel, pattern })) return 1;
  if (normalize) cli.out(`${name}\n`);
  return 0;
}

/** `git pack-refs` */
export function packRefs(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(cli, args, "all prune", "git pack-refs [--all] [--no-prune]");
  cli.repo.refs.pack({ all: o.flag("all"), prune: !o.negated("prune") });
  return 0;
}

/** `git reflog` */
export function reflog(cli: Cli, args: ByteString[]): number {
  const { repo } = cli;
  const full = (name: ByteString): ByteString => {
    for (const rule of [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`]) {
      if (repo.refs.hasLog(rule)) return rule;
    }
    return repo.refs.resolve(name)?.target ?? name;
  };
  if (args[0] === "exists") return repo.refs.hasLog(args[1] ?? "") ? 0 : 1;
  if (args[0] === "delete") {
    const o = parseOptions(
      cli,
      args.slice(1),
      "rewrite updateref n,dry-run verbose",
      "git reflog delete [--rewrite] [--updateref] [--dry-run | -n] [--verbose] <ref>@{<specifier>}...",
    );
    for (const spec of o.rest) {
      const match = /^(.*)@\{(.*)\}$/.exec(spec);
      if (match === null) return cli.error(`not a reflog: ${spec}`);
      const name = full(match[1]!);
      const entries = repo.refs.readLog(name) ?? [];
      const index = /^\d+$/.test(match[2]!)
        ? entries.length - 1 - Number(match[2])
        : entries.findIndex((entry) =>
          parseSignature(entry.who).time >= timeArgument(cli, match[2]!)
        );
      if (index < 0 || index >= entries.length) continue;
      const kept = entries.filter((_, i) => i !== index);
      if (o.flag("rewrite")) {
        for (let i = 1; i < kept.length; i++) {
          kept[i] = { ...kept[i]!, oldId: kept[i - 1]!.newId };
        }
      }
      Deno.writeFileSync(repo.refs.logPath(name), fromByteString(formatReflog(kept)));
      if (o.flag("updateref") && kept.length > 0 && repo.refs.read(name)?.kind === "id") {
        repo.refs.update({ name, newId: kept.at(-1)!.newId, skipReflog: true });
      }
    }
    return 0;
  }
  if (args[0] === "expire") {
    const o = parseOptions(
      cli,
      args.slice(1),
      "expire= expire-unreachable= rewrite updateref stale-fix n,dry-run verbose all single-worktree",
      "git reflog expire",
    );
    const limit = (text: ByteString | undefined, days: number): number =>
      text === undefined
        ? Date.now() / 1000 - days * 86400
        : text === "now" || text === "all"
        ? Infinity
        : text === "never" || text === "false"
        ? -Infinity
        : timeArgument(cli, text);
    const total = limit(o.text("expire") ?? repo.config.get("gc.reflogexpire"), 90);
    const names = o.flag("all") ? repo.refs.logNames() : o.rest.map(full);
    for (const name of names) {
      const entries = repo.refs.readLog(name) ?? [];
      const kept = entries.filter((entry) => parseSignature(entry.who).time >= total);
      if (!o.flag("dry-run") && kept.length !== entries.length) {
        Deno.writeFileSync(repo.refs.logPath(name), fromByteString(formatReflog(kept)));
      }
    }
    return 0;
  }
  const rest = args[0] === "show" ? args.slice(1) : args;
  return log(cli, ["-g", "--abbrev-commit", "--pretty=oneline", ...rest]);
}

/** `git tag` */
export function tag(cli: Cli, args: ByteString[]): number {
  const usage =
    "git tag [-a | -s | -u <key-id>] [-f] [-m <msg> | -F <file>] [-e]\n        <tagname> [<commit> | <object>]\n   or: git tag -d <tagname>...\n   or: git tag [-n[<num>]] -l [--contains <commit>] [--no-contains <commit>]\n        [--points-at <object>] [--column[=<options>] | --no-column]\n        [--create-reflog] [--sort=<key>] [--format=<format>]\n        [--merged <commit>] [--no-merged <commit>] [<pattern>...]\n   or: git tag -v [--format=<format>] <tagname>...";
  const o = parseOptions(
    cli,
    args,
    `l,list n? d,delete v,verify a,annotate m,message* F,file= e,edit s,sign u,local-user= f,force cleanup= create-reflog column? ${FILTER_SPEC}`,
    usage,
  );
  const { repo } = cli;
  if (o.flag("delete")) {
    let failed = 0;
    for (const name of o.rest) {
      const id = repo.refs.id(`refs/tags/${name}`);
      if (id === undefined) {
        failed = cli.error(`tag '${name}' not found.`);
        continue;
      }
      repo.refs.update({ name: `refs/tags/${name}`, newId: repo.algorithm.zero, noDeref: true });
      cli.out(`Deleted tag '${name}' (was ${cli.abbrev(id)})\n`);
    }
    return failed;
  }
  const filtering = o.order.some(([key]) =>
    ["merged", "no-merged", "contains", "no-contains", "points-at", "n", "sort", "format"].includes(
      key,
    )
  );
  if (o.rest.length === 0 || o.flag("list") || filtering) {
    let rows: RefRow[] = repo.refs.list("refs/tags/").filter((ref) => !ref.broken).map((ref) => ({
      name: ref.name,
      id: ref.id,
      symbolic: ref.symbolic,
    }));
    if (o.rest.length > 0) {
      rows = rows.filter((row) =>
        o.rest.some((pattern) =>
          wildmatch(pattern, row.name.slice(10), { fold: o.flag("ignore-case") })
        )
      );
    }
    rows = filterRows(cli, rows, o);
    const keys = o.list("sort").length > 0 ? o.list("sort") : repo.config.all("tag.sort");
    sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], o.flag("ignore-case"));
    const lines = o.values.get("n");
    const format = o.text("format") ??
      (lines === undefined || lines === false
        ? "%(refname:strip=2)"
        : `%(align:15)%(refname:strip=2)%(end) %(contents:lines=${lines === true ? 1 : lines})`);
    for (const row of rows) cli.out(`${expandRefFormat(cli, format, row, (text) => text)}\n`);
    return 0;
  }
  if (o.rest.length > 2) die("too many arguments");
  const name = o.rest[0]!;
  const id = cli.tryRevision(o.rest[1] ?? "HEAD");
  if (id === undefined) die(`Failed to resolve '${o.rest[1] ?? "HEAD"}' as a valid ref.`);
  if (name.startsWith("-") || !isRefName(`refs/tags/${name}`)) {
    die(`'${name}' is not a valid tag name.`);
  }
  const full = `refs/tags/${name}`;
  const before = repo.refs.id(full);
  if (before !== undefined && !o.flag("force")) die(`tag '${name}' already exists`);
  const messages = o.list("message");
  const file = o.text("file");
  let newId = id;
  if (o.flag("annotate") || messages.length > 0 || file !== undefined) {
    let message = messages.length > 0
      ? `${messages.join("\n\n")}\n`
      : file === undefined
      ? undefined
      : toByteString(
        file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file)) ??
          die(`could not open or read '${file}': No such file or directory`),
      );
    if (message === undefined || o.flag("edit")) {
      const path = `${repo.paths.gitDir}/TAG_EDITMSG`;
      Deno.writeFileSync(
        path,
        fromByteString(
          `${
            message ?? ""
          }\n#\n# Write a message for tag:\n#   ${name}\n# Lines starting with '#' will be ignored.\n`,
        ),
      );
      cli.edit(path);
      message = toByteString(readFileIfAny(path)!);
      Deno.removeSync(path);
      message = cleanupMessage(message, "strip", "#");
      if (message === "") die("no tag message?");
    } else message = cleanupMessage(message, o.text("cleanup") ?? "strip", "#");
    const type = repo.objects.describe(id)?.type;
    if (type === undefined || !isObjectType(type)) die("bad object type.");
    let data = formatTag({ object: id, type, tag: name, tagger: cli.ident("committer"), message });
    const key = o.text("local-user");
    if (o.negated("sign") ? false : o.flag("sign") || key !== undefined) {
      const text = toByteString(data);
      data = fromByteString(text + signText(cli, text, key));
    }
    newId = repo.objects.write("tag", data);
  }
  repo.refs.update({
    name: full,
    newId,
    oldId: before ?? repo.algorithm.zero,
    createReflog: o.flag("create-reflog"),
    message: `tag: tagging ${cli.abbrev(id)}`,
  });
  if (before !== undefined && before !== newId) {
    cli.out(`Updated tag '${name}' (was ${cli.abbrev(before)})\n`);
  }
  return 0;
}
