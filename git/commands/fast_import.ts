/**
 * `git fast-import`: makes history from a stream of commands (git-fast-import).
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString, trimSpaceStart } from "../_bytes.ts";
import { nativePath, readTextIfAny } from "../_files.ts";
import { parseDate } from "../date.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor } from "../merge_base.ts";
import { formatCommit, formatTag, formatTree, isTreeMode, MODE_TREE } from "../objects.ts";
import { peelTo, readCommit, readTree } from "../object_store.ts";
import { isRefName } from "../ref_name.ts";
import { type Cli, die, unquotePath } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** A tree that is being changed; parts that are not touched stay ids. */
interface Node {
  mode: number;
  id: ObjectId | undefined;
  children: Map<ByteString, Node> | undefined;
}

interface Branch {
  tip: ObjectId | undefined;
  root: Node;
}

const MAX_LINE = 1 << 20;

/** Commands and data from standard input. */
class Input {
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;
  #ended = false;
  #back: ByteString | undefined;

  #fill(): boolean {
    if (this.#ended) return false;
    const chunk = new Uint8Array(1 << 16);
    const n = Deno.stdin.readSync(chunk);
    if (n === null) {
      this.#ended = true;
      return false;
    }
    const rest = this.#buffer.subarray(this.#at);
    const joined = new Uint8Array(rest.length + n);
    joined.set(rest);
    joined.set(chunk.subarray(0, n), rest.length);
    this.#buffer = joined;
    this.#at = 0;
    return true;
  }

  line(): ByteString | undefined {
    if (this.#back !== undefined) {
      const line = this.#back;
      this.#back = undefined;
      return line;
    }
    for (let from = this.#at;;) {
      const end = this.#buffer.indexOf(10, from);
      if (end >= 0) {
        const line = toByteString(this.#buffer, this.#at, end);
        this.#at = end + 1;
        return line;
      }
      const size = this.#buffer.length - this.#at;
      if (size > MAX_LINE) throw new GitError("limit", "command line is too long");
      if (!this.#fill()) {
        if (size === 0) return undefined;
        const line = toByteString(this.#buffer, this.#at);
        this.#at = this.#buffer.length;
        return line;
      }
      from = this.#at + size;
    }
  }

  /** Gives a line back. */
  unread(line: ByteString): void {
    this.#back = line;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      if (this.#at === this.#buffer.length && !this.#fill()) {
        throw new GitError("corrupt", `EOF in data (${length - got} bytes remaining)`);
      }
      const part = this.#buffer.subarray(this.#at, this.#at + length - got);
      out.set(part, got);
      got += part.length;
      this.#at += part.length;
    }
    return out;
  }

  /** The line feed that may follow data. */
  skipLineFeed(): void {
    if (this.#at === this.#buffer.length) this.#fill();
    if (this.#buffer[this.#at] === 10) this.#at++;
  }
}

class Importer {
  readonly cli: Cli;
  readonly input = new Input();
  readonly marks = new Map<number, ObjectId>();
  readonly branches = new Map<ByteString, Branch>();
  readonly tags = new Map<ByteString, ObjectId>();
  force = false;
  dateFormat = "raw";
  exportMarks: ByteString | undefined;
  done = false;
  needsDone = false;

  constructor(cli: Cli) {
    this.cli = cli;
  }

  get #store(): Cli["repo"]["objects"] {
    return this.cli.repo.objects;
  }

  data(line = this.input.line()): Uint8Array {
    if (line === undefined || !line.startsWith("data ")) {
      die(`expected 'data n' command, found: ${line ?? ""}`);
    }
    const rest = line.slice(5);
    if (rest.startsWith("<<")) {
      const end = rest.slice(2);
      if (end === "") die("missing delimiter in data command");
      const lines: ByteString[] = [];
      for (;;) {
        const next = this.input.line();
        if (next === undefined) die(`EOF in data (terminator '${end}' not found)`);
        if (next === end) break;
        lines.push(`${next}\n`);
      }
      this.input.skipLineFeed();
      return fromByteString(lines.join(""));
    }
    if (!/^\d+$/.test(rest)) die(`invalid data length: ${rest}`);
    const size = Number(rest);
    if (size > 0x7fffffff) die(`data is too large to use in this context`);
    const data = this.input.bytes(size);
    this.input.skipLineFeed();
    return data;
  }

  #optionalLine(prefix: string): ByteString | undefined {
    const line = this.input.line();
    if (line?.startsWith(prefix)) return line.slice(prefix.length);
    if (line !== undefined) this.input.unread(line);
    return undefined;
  }

  #mark(): number | undefined {
    const text = this.#optionalLine("mark :");
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) die(`invalid mark: ${text}`);
    return Number(text);
  }

  #setMark(mark: number | undefined, id: ObjectId): void {
    if (mark !== undefined) this.marks.set(mark, id);
  }

  #object(text: ByteString): ObjectId {
    if (text.startsWith(":")) {
      return this.marks.get(Number(text.slice(1))) ?? die(`mark ${text} not declared`);
    }
    if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text)) return text;
    return die(`invalid dataref: ${text}`);
  }

  #commitish(text: ByteString): ObjectId {
    if (text.startsWith(":")) return this.#object(text);
    const branch = this.branches.get(text);
    if (branch?.tip !== undefined) return branch.tip;
    const known = this.cli.tryRevision(text);
    const commit = known === undefined ? undefined : peelTo(this.#store, known, "commit");
    return commit ?? die(`invalid ref name or SHA1 expression: ${text}`);
  }

  #ident(text: ByteString): ByteString {
    const end = text.lastIndexOf("> ");
    if (end < 0) die(`missing > in ident string: ${text}`);
    const date = text.slice(end + 2);
    let when: ByteString;
    if (this.dateFormat.startsWith("raw")) {
      if (!/^\d+ [+-]\d{4}$/.test(date)) die(`invalid raw date "${date}" in ident: ${text}`);
      when = date;
    } else if (this.dateFormat === "now") {
      when = /> (\d+ [+-]\d+)$/.exec(this.cli.ident("committer", { strict: false }))![1]!;
    } else {
      const parsed = parseDate(date);
      if (parsed === undefined) die(`invalid rfc2822 date "${date}" in ident: ${text}`);
      when = `${parsed.time} ${parsed.zone}`;
    }
    const who = text.slice(0, end + 1);
    return `${who.startsWith("<") ? ` ${who}`.trimStart() : who} ${when}`;
  }

  branch(name: ByteString): Branch {
    let branch = this.branches.get(name);
    if (branch === undefined) {
      if (!isRefName(name, { oneLevel: true })) {
        die(`branch name doesn't conform to GIT standards: ${name}`);
      }
      branch = { tip: undefined, root: { mode: MODE_TREE, id: undefined, children: new Map() } };
      this.branches.set(name, branch);
    }
    return branch;
  }

  #load(branch: Branch, tip: ObjectId | undefined): void {
    branch.tip = tip;
    branch.root = {
      mode: MODE_TREE,
      id: tip === undefined ? undefined : readCommit(this.#store, tip).tree,
      children: tip === undefined ? new Map() : undefined,
    };
  }

  #children(node: Node): Map<ByteString, Node> {
    if (node.children === undefined) {
      node.children = new Map(
        readTree(this.#store, node.id!).map((entry) => [
          entry.name,
          { mode: entry.mode, id: entry.id, children: undefined },
        ]),
      );
    }
    return node.children;
  }

  #find(root: Node, path: ByteString): Node | undefined {
    let at: Node | undefined = root;
    if (path === "") return root;
    for (const part of path.split("/")) {
      if (at === undefined || !isTreeMode(at.mode)) return undefined;
      at = this.#children(at).get(part);
    }
    return at;
  }

  #put(root: Node, path: ByteString, node: Node): void {
    if (path === "") {
      root.id = node.id;
      root.children = node.children;
      return;
    }
    const parts = path.split("/");
    if (
      parts.some((part) =>
        part === "" || part === "." || part === ".." || part.toLowerCase() === ".git"
      )
    ) {
      die(`invalid path '${path}'`);
    }
    let at = root;
    for (const part of parts.slice(0, -1)) {
      const children = this.#children(at);
      at.id = undefined;
      let next = children.get(part);
      if (next === undefined || !isTreeMode(next.mode)) {
        next = { mode: MODE_TREE, id: undefined, children: new Map() };
        children.set(part, next);
      }
      at = next;
    }
    this.#children(at).set(parts.at(-1)!, node);
    at.id = undefined;
  }

  #remove(root: Node, path: ByteString): void {
    if (path === "") {
      root.id = undefined;
      root.children = new Map();
      return;
    }
    const parts = path.split("/");
    const trail: Node[] = [root];
    for (const part of parts.slice(0, -1)) {
      const next = this.#children(trail.at(-1)!).get(part);
      if (next === undefined || !isTreeMode(next.mode)) return;
      trail.push(next);
    }
    if (!this.#children(trail.at(-1)!).delete(parts.at(-1)!)) return;
    for (const node of trail) node.id = undefined;
    // Directories that became empty go too.
    for (let i = trail.length - 1; i > 0; i--) {
      if (trail[i]!.children!.size > 0) break;
      this.#children(trail[i - 1]!).delete(parts[i - 1]!);
    }
  }

  #copy(node: Node): Node {
    return {
      mode: node.mode,
      id: node.id,
      children: node.id !== undefined || node.children === undefined
        ? undefined
        : new Map([...node.children].map(([name, child]) => [name, this.#copy(child)])),
    };
  }

  #writeTree(node: Node): ObjectId {
    if (node.id !== undefined) return node.id;
    const entries = [...node.children!].filter(([, child]) =>
      !(isTreeMode(child.mode) && child.id === undefined && child.children?.size === 0)
    ).map(([name, child]) => ({
      name,
      mode: child.mode,
      id: isTreeMode(child.mode) ? this.#writeTree(child) : child.id!,
    })).sort((a, b) => {
      const x = isTreeMode(a.mode) ? `${a.name}/` : a.name,
        y = isTreeMode(b.mode) ? `${b.name}/` : b.name;
      return x < y ? -1 : x > y ? 1 : 0;
    });
    node.id = this.#store.write("tree", formatTree(entries));
    return node.id;
  }

  #path(text: ByteString, end: boolean): { path: ByteString; rest: ByteString } {
    const quoted = unquotePath(text);
    if (quoted !== undefined) {
      return { path: quoted.path, rest: trimSpaceStart(text.slice(quoted.end)) };
    }
    if (end) return { path: text, rest: "" };
    const space = text.indexOf(" ");
    return space < 0
      ? { path: text, rest: "" }
      : { path: text.slice(0, space), rest: text.slice(space + 1) };
  }

  #change(branch: Branch, line: ByteString): boolean {
    const { root } = branch;
    if (line === "deleteall") {
      root.id = undefined;
      root.children = new Map();
      return true;
    }
    if (line.startsWith("M ")) {
      const match = /^M (\d+) ([^ ]+) (.*)$/s.exec(line);
      if (match === null) die(`corrupt mode: ${line}`);
      const modes: Record<string, number> = {
        "644": 0o100644,
        "755": 0o100755,
        "40000": MODE_TREE,
      };
      const mode = modes[match[1]!] ?? parseInt(match[1]!, 8);
      if (![0o100644, 0o100755, 0o120000, 0o160000, MODE_TREE].includes(mode)) {
        die(`corrupt mode: ${line}`);
      }
      const { path } = this.#path(match[3]!, true);
      const id = match[2] === "inline"
        ? this.#store.write("blob", this.data())
        : this.#object(match[2]!);
      if (isTreeMode(mode)) {
        if (id === this.cli.repo.algorithm.emptyTree) this.#remove(root, path);
        else this.#put(root, path, { mode, id, children: undefined });
      } else this.#put(root, path, { mode, id, children: undefined });
      return true;
    }
    if (line.startsWith("D ")) {
      this.#remove(root, this.#path(line.slice(2), true).path);
      return true;
    }
    if (line.startsWith("R ") || line.startsWith("C ")) {
      const from = this.#path(line.slice(2), false);
      const to = this.#path(from.rest, true).path;
      const node = this.#find(root, from.path);
      if (node === undefined) die(`path ${from.path} not in branch`);
      const copy = this.#copy(node);
      if (line.startsWith("R ")) this.#remove(root, from.path);
      this.#put(root, to, copy);
      return true;
    }
    if (line.startsWith("N ")) {
      this.#note(branch, line);
      return true;
    }
    return false;
  }

  #note(branch: Branch, line: ByteString): void {
    const [, source = "", target = ""] = line.split(" ");
    const id = source === "inline" ? this.#store.write("blob", this.data()) : this.#object(source);
    const commit = this.#commitish(target);
    if (/^0+$/.test(id)) this.#remove(branch.root, commit);
    else this.#put(branch.root, commit, { mode: 0o100644, id, children: undefined });
  }

  commit(name: ByteString): void {
    const branch = this.branch(name);
    const mark = this.#mark();
    this.#optionalLine("original-oid ");
    let author: ByteString | undefined;
    const authorText = this.#optionalLine("author ");
    if (authorText !== undefined) author = this.#ident(authorText);
    const committerText = this.#optionalLine("committer ");
    if (committerText === undefined) die("expected committer but didn't get one");
    const committer = this.#ident(committerText);
    const encoding = this.#optionalLine("encoding ");
    const message = toByteString(this.data());
    const parents: ObjectId[] = [];
    const from = this.#optionalLine("from ");
    if (from !== undefined) {
      if (/^0+$/.test(from)) this.#load(branch, undefined);
      else this.#load(branch, this.#commitish(from.replace(/\^0$/, "")));
    }
    if (branch.tip !== undefined) parents.push(branch.tip);
    for (
      let text = this.#optionalLine("merge ");
      text !== undefined;
      text = this.#optionalLine("merge ")
    ) {
      parents.push(this.#commitish(text));
    }
    for (;;) {
      const line = this.input.line();
      if (line === undefined || line === "") break;
      if (line.startsWith("#")) continue;
      if (!this.#change(branch, line)) {
        if (!this.#query(line, branch)) {
          this.input.unread(line);
          break;
        }
      }
    }
    const tree = this.#writeTree(branch.root);
    const extra: [ByteString, ByteString][] = encoding === undefined
      ? []
      : [["encoding", encoding]];
    const id = this.#store.write(
      "commit",
      formatCommit({ tree, parents, author: author ?? committer, committer, extra, message }),
    );
    branch.tip = id;
    this.#setMark(mark, id);
  }

  #query(line: ByteString, branch?: Branch): boolean {
    const { cli } = this;
    if (line.startsWith("cat-blob ")) {
      const id = this.#object(line.slice(9));
      const object = this.#store.read(id);
      if (object === undefined) cli.out(`${id} missing\n`);
      else {
        cli.out(`${id} ${object.type} ${object.data.length}\n`);
        cli.out(object.data);
        cli.out("\n");
      }
      cli.flush();
      return true;
    }
    if (line.startsWith("get-mark :")) {
      const id = this.marks.get(Number(line.slice(10)));
      cli.out(`${id ?? die("unknown mark")}\n`);
      cli.flush();
      return true;
    }
    if (line.startsWith("ls ")) {
      let rest = line.slice(3);
      let root = branch?.root;
      if (!rest.startsWith('"')) {
        const space = rest.indexOf(" ");
        const id = this.#object(rest.slice(0, space));
        root = { mode: MODE_TREE, id: peelTo(this.#store, id, "tree"), children: undefined };
        rest = rest.slice(space + 1);
      }
      const { path } = this.#path(rest, true);
      const node = root === undefined ? undefined : this.#find(root, path);
      if (node === undefined) cli.out(`missing ${path}\n`);
      else {
        const id = isTreeMode(node.mode) ? this.#writeTree(node) : node.id!;
        const type = isTreeMode(node.mode) ? "tree" : node.mode === 0o160000 ? "commit" : "blob";
        cli.out(`${node.mode.toString(8).padStart(6, "0")} ${type} ${id}\t${path}\n`);
      }
      cli.flush();
      return true;
    }
    return false;
  }

  tag(name: ByteString): void {
    const mark = this.#mark();
    const from = this.#optionalLine("from ");
    if (from === undefined) die(`expected 'from' command, got '${this.input.line() ?? ""}'`);
    const object = from.startsWith(":")
      ? this.#object(from)
      : this.branches.get(from)?.tip ?? this.cli.tryRevision(from) ??
        die(`invalid ref name or SHA1 expression: ${from}`);
    this.#optionalLine("original-oid ");
    const taggerText = this.#optionalLine("tagger ");
    const tagger = taggerText === undefined ? undefined : this.#ident(taggerText);
    const message = toByteString(this.data());
    const type = this.#store.describe(object)?.type ?? die(`not a valid object: ${object}`);
    const id = this.#store.write(
      "tag",
      formatTag({ object, type, tag: name, tagger: tagger ?? "", message }),
    );
    this.tags.set(name, id);
    this.#setMark(mark, id);
  }

  reset(name: ByteString): void {
    const branch = this.branch(name);
    const from = this.#optionalLine("from ");
    if (from === undefined) this.#load(branch, undefined);
    else if (/^0+$/.test(from)) {
      this.#load(branch, undefined);
      this.branches.set(name, branch);
    } else {
      const text = from.replace(/\^0$/, "");
      const id = text.startsWith(":") ? this.#object(text) : this.#commitish(text);
      if (this.#store.describe(id)?.type === "commit") this.#load(branch, id);
      else branch.tip = id;
    }
    const line = this.input.line();
    if (line !== undefined && line !== "") this.input.unread(line);
  }

  feature(text: ByteString): void {
    if (text === "done") this.needsDone = true;
    else if (text === "force") this.force = true;
    else if (text.startsWith("date-format=")) this.dateFormat = text.slice(12);
    else if (text.startsWith("export-marks=")) this.exportMarks = text.slice(13);
    else if (text.startsWith("import-marks=") || text.startsWith("import-marks-if-exists=")) {
      this.readMarks(text.slice(text.indexOf("=") + 1), text.startsWith("import-marks="));
    } else if (
      !["cat-blob", "ls", "get-mark", "notes", "relative-marks", "no-relative-marks"].includes(text)
    ) {
      die(`This version of fast-import does not support feature ${text}.`);
    }
  }

  readMarks(file: ByteString, must: boolean): void {
    const text = readTextIfAny(this.cli.fileArgument(file));
    if (text === undefined) {
      if (must) die(`cannot read '${file}': No such file or directory`);
      return;
    }
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const match = /^:(\d+) ([0-9a-f]{40}(?:[0-9a-f]{24})?)$/.exec(line);
      if (match === null) die(`corrupt mark line: ${line}`);
      this.marks.set(Number(match[1]), match[2]!);
    }
  }

  run(): void {
    for (;;) {
      const line = this.input.line();
      if (line === undefined) break;
      if (line === "" || line.startsWith("#")) continue;
      if (line === "blob") {
        const mark = this.#mark();
        this.#optionalLine("original-oid ");
        this.#setMark(mark, this.#store.write("blob", this.data()));
      } else if (line.startsWith("commit ")) this.commit(line.slice(7));
      else if (line.startsWith("tag ")) this.tag(line.slice(4));
      else if (line.startsWith("reset ")) this.reset(line.slice(6));
      else if (line === "checkpoint") this.save();
      else if (line.startsWith("progress ")) {
        this.cli.out(`${line}\n`);
        this.cli.flush();
      } else if (line.startsWith("feature ")) this.feature(line.slice(8));
      else if (line.startsWith("option ")) continue;
      else if (line.startsWith("alias")) {
        const mark = this.#mark();
        const to = this.#optionalLine("to ");
        this.#setMark(mark, this.#commitish(to ?? die("Expected 'to' command")));
      } else if (line === "done") {
        this.done = true;
        break;
      } else if (!this.#query(line)) die(`Unsupported command: ${line}`);
    }
    if (this.needsDone && !this.done) die("stream ends early");
  }

  /** Writes refs and marks. Returns whether a branch was refused. */
  save(): boolean {
    const { cli } = this;
    const { refs, algorithm } = cli.repo;
    let failed = false;
    for (const [name, { tip }] of this.branches) {
      const before = refs.id(name);
      if (tip === undefined) {
        if (before !== undefined && this.force) refs.update({ name, newId: algorithm.zero });
        continue;
      }
      if (before === tip) continue;
      if (before !== undefined && !this.force) {
        const forward = this.#store.describe(before)?.type === "commit" &&
          this.#store.describe(tip)?.type === "commit" && isAncestor(this.#store, before, tip);
        if (!forward) {
          cli.warn(`Not updating ${name} (new tip ${tip} does not contain ${before})`);
          failed = true;
          continue;
        }
      }
      refs.update({ name, newId: tip, message: "fast-import" });
    }
    for (const [name, id] of this.tags) {
      refs.update({ name: `refs/tags/${name}`, newId: id, message: "fast-import" });
    }
    if (this.exportMarks !== undefined) {
      const rows = [...this.marks].sort((a, b) => a[0] - b[0]);
      Deno.writeFileSync(
        nativePath(cli.fileArgument(this.exportMarks)),
        fromByteString(rows.map(([mark, id]) => `:${mark} ${id}\n`).join("")),
      );
    }
    return failed;
  }
}

/** `git fast-import` */
export function fastImport(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "force quiet stats date-format= done export-marks= import-marks= import-marks-if-exists= relative-marks cat-blob-fd= export-pack-edges= max-pack-size= big-file-threshold= depth= active-branches= allow-unsafe-features rewrite-submodules-from* rewrite-submodules-to*",
    "git fast-import [--date-format=<f>] [--max-pack-size=<n>] [--big-file-threshold=<n>] [--depth=<n>] [--active-branches=<n>] [--export-marks=<marks.file>]",
  );
  const run = new Importer(cli);
  run.force = o.flag("force");
  run.needsDone = o.flag("done");
  run.dateFormat = o.text("date-format") ?? "raw";
  run.exportMarks = o.text("export-marks");
  if (o.text("import-marks") !== undefined) run.readMarks(o.text("import-marks")!, true);
  if (o.text("import-marks-if-exists") !== undefined) {
    run.readMarks(o.text("import-marks-if-exists")!, false);
  }
  run.run();
  return run.save() ? 1 : 0;
}
