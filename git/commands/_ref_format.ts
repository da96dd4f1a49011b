/**
 * Formats, orders and filters of `for-each-ref`, `branch` and `tag`.
 *
 * @module
 */
import { type ByteString, toByteString, trimSpace } from "../_bytes.ts";
import { COLOR_RESET, colorSequence } from "../color.ts";
import { currentTime, formatDate, parseDateMode } from "../date.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor } from "../merge_base.ts";
import { peelTo, readTag } from "../object_store.ts";
import { parseSignature } from "../objects.ts";
import { bodyOf, expandFormat, parseTrailerFormat, subjectOf } from "../pretty.ts";
import { shortenRef } from "../ref_filter.ts";
import { mapRefspec, pushRemote, pushTarget, trackingRef } from "../revision.ts";
import { type Cli, die, Exit } from "./_context.ts";
import type { parseOptions } from "./_options.ts";
import { aheadBehind } from "./_status_text.ts";

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
        ? trimSpace(frame.text) !== ""
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
      // A signature right behind the subject is all of the body.
      return sigAt >= 0 && bodyOf(unsigned) === "" ? message.slice(sigAt) : bodyOf(message);
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
    if (atom === "objectsize" || atom === "numparent" || atom === "objectsize:disk") {
      return Number(refAtom(cli, atom, row));
    }
    const text = refAtom(cli, atom, row);
    return fold ? text.toLowerCase() : text;
  };
  const suffixes = cli.config.has("versionsort.suffix")
    ? cli.config.all("versionsort.suffix")
    : cli.config.all("versionsort.prereleasesuffix");
  // What a row is sorted by is worked out once, on first use.
  const known = new Map<RefRow, (string | number)[]>();
  const keyOf = (row: RefRow, at: number): string | number => {
    let own = known.get(row);
    if (own === undefined) known.set(row, own = []);
    return own[at] ??= value(row, parsed[at]!.atom);
  };
  rows.sort((a, b) => {
    for (let i = 0; i < parsed.length; i++) {
      const { descending, version } = parsed[i]!;
      const x = keyOf(a, i), y = keyOf(b, i);
      const order = version
        ? compareVersions(String(x), String(y), suffixes)
        : x < y
        ? -1
        : x > y
        ? 1
        : 0;
      if (order !== 0) return descending ? -order : order;
    }
    return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  });
}

/**
 * Orders names with numbers in them. A suffix of the list (`-rc`) puts a name in front of the same
 * name without one; suffixes order by their place in the list.
 */
function compareVersions(a: string, b: string, suffixes: readonly string[]): number {
  if (a === b) return 0;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  if (suffixes.length > 0) {
    const rank = (text: string): number | undefined => {
      let best: number | undefined, start = Infinity, length = 0;
      suffixes.forEach((suffix, i) => {
        // A suffix counts that reaches the first difference or begins there.
        const from = Math.max(0, at - suffix.length);
        const found = text.indexOf(suffix, from);
        if (found < 0 || found > at) return;
        if (found < start || (found === start && suffix.length > length)) {
          [best, start, length] = [i, found, suffix.length];
        }
      });
      return best;
    };
    const x = rank(a), y = rank(b);
    if (x !== undefined || y !== undefined) {
      if (x !== y) {
        if (x !== undefined && y !== undefined) return x - y;
        const empty = suffixes.indexOf("");
        if (x !== undefined) return empty >= 0 ? x - empty : -1;
        return empty >= 0 ? empty - y! : 1;
      }
    }
  }
  const split = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  const x = split(a), y = split(b);
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const p = x[i] ?? "", q = y[i] ?? "";
    if (p === q) continue;
    if (/^\d/.test(p) && /^\d/.test(q) && Number(p) !== Number(q)) return Number(p) - Number(q);
    return p < q ? -1 : 1;
  }
  return 0;
}

/** Options that choose refs. */
export const FILTER_SPEC =
  "sort* !points-at~ !merged~ !no-merged~ !with,contains~ !without,no-contains~ format= count= i,ignore-case color?";

/** Keeps the refs that `--merged`, `--contains` and their kin want. */
export function filterRows(cli: Cli, rows: RefRow[], o: ReturnType<typeof parseOptions>): RefRow[] {
  const { objects } = cli.repo;
  const commitOf = (name: ByteString, key: string): ObjectId => {
    const id = cli.tryRevision(name);
    if (id === undefined) throw new Exit(129, `error: malformed object name ${name}\n`);
    const commit = objects.has(id) ? peelTo(objects, id, "commit") : undefined;
    if (commit !== undefined) return commit;
    throw new Exit(
      129,
      key.endsWith("merged")
        ? `error: option \`${key}' must point to a commit\n`
        : `error: no such commit ${name}\n`,
    );
  };
  let out = rows;
  const pointed: ObjectId[] = [];
  for (const [key, value] of o.order) {
    if (!["points-at", "merged", "no-merged", "contains", "no-contains"].includes(key)) continue;
    const name = value === true ? "HEAD" : value as string;
    if (key === "points-at") {
      const id = cli.tryRevision(name);
      if (id === undefined) throw new Exit(129, `error: malformed object name '${name}'\n`);
      pointed.push(id);
      continue;
    }
    const commit = commitOf(name, key);
    out = out.filter((row) => {
      const own = peelTo(objects, row.id, "commit");
      if (own === undefined) return false;
      if (key === "merged") return isAncestor(objects, own, commit);
      if (key === "no-merged") return !isAncestor(objects, own, commit);
      return isAncestor(objects, commit, own) === (key === "contains");
    });
  }
  if (pointed.length === 0) return out;
  return out.filter((row) => {
    if (pointed.includes(row.id)) return true;
    // A tag points at what it names, and no further.
    if (objects.describe(row.id)?.type !== "tag") return false;
    const target = /^object ([0-9a-f]+)$/m.exec(toByteString(objects.read(row.id)!.data))?.[1];
    return target !== undefined && pointed.includes(target);
  });
}
