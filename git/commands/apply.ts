/**
 * `git apply`.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { directoryName, lstat, makeDirectories, nativePath, readFileIfAny } from "../_files.ts";
import {
  applyBinary,
  applyHunks,
  type FilePatch,
  parsePatches,
  PatchConflict,
  type PatchHunk,
  reversePatch,
} from "../apply_patch.ts";
import { type FileStat, formatNumStat, formatSummary, summaryLine } from "../diff_format.ts";
import { GitError } from "../errors.ts";
import { hashObject, type ObjectId } from "../hash_algorithm.ts";
import { type GitIndex, makeEntry, statDataOf } from "../index_file.ts";
import { mergeFile } from "../merge_file.ts";
import { canonicalMode } from "../objects.ts";
import { readBlob } from "../object_store.ts";
import { readWorktreeFile, WorktreeComparer } from "../status.ts";
import type { DiffPair } from "../tree_diff.ts";
import { wildmatch } from "../wildmatch.ts";
import { removeWorktreeFile } from "../worktree.ts";
import { ensureSafePath } from "../safe_path.ts";
import { smudgeContent } from "../worktree_content.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { type Options, parseOptions } from "./_options.ts";
import { DiffArguments } from "./_revs.ts";
import { conflictStyle } from "./_merge_settings.ts";

/** Which files a patch may touch, in the order given. */
interface Limits {
  rules: { include: boolean; pattern: ByteString }[];
  hasInclude: boolean;
}

interface Result {
  patch: FilePatch;
  /** Content after; `undefined` for a deleted file. */
  data: Uint8Array | undefined;
  mode: number;
  rejected: PatchHunk[];
  /** Stages of a three-way merge that conflicted. */
  stages?: [ObjectId | undefined, ObjectId, ObjectId];
}

class Apply {
  readonly cli: Cli;
  readonly o: Options;
  readonly cached: boolean;
  readonly useIndex: boolean;
  readonly threeway: boolean;
  index: GitIndex | undefined;
  /** What earlier patches of the same input made of a path. */
  readonly made = new Map<ByteString, { data: Uint8Array; mode: number } | undefined>();

  constructor(cli: Cli, o: Options) {
    this.cli = cli;
    this.o = o;
    this.threeway = o.flag("3way");
    this.cached = o.flag("cached");
    this.useIndex = o.flag("index") || this.cached || this.threeway;
    if (this.useIndex) this.index = cli.repo.readIndex();
  }

  /** The path in the worktree of a name in a patch. */
  path(name: ByteString): ByteString {
    const directory = this.o.text("directory");
    const inner = directory === undefined ? name : `${directory.replace(/\/+$/, "")}/${name}`;
    return inner;
  }

  #file(path: ByteString): ByteString {
    const repository = this.cli.findRepository();
    return repository?.paths.workTree === undefined
      ? `${this.cli.startDirectory}/${path}`
      : repository.worktreePath(path);
  }

  /** Content and mode before the patch. */
  read(path: ByteString, name: ByteString): { data: Uint8Array; mode: number } {
    const { cli } = this;
    if (this.made.has(path)) {
      const known = this.made.get(path);
      if (known === undefined) throw new Exit(1, `error: ${name}: has been renamed/deleted\n`);
      return known;
    }
    const entry = this.index?.get(path);
    if (this.useIndex) {
      if (entry === undefined) throw new Exit(1, `error: ${name}: does not exist in index\n`);
      if (!this.cached) {
        const state = new WorktreeComparer(cli.repo, this.index!).state(entry);
        if (state === "deleted") {
          // A file that is only missing is brought back from the index.
          this.write(path, readBlob(cli.repo.objects, entry.id), entry.mode);
        } else if (state !== "clean") {
          throw new Exit(1, `error: ${name}: does not match index\n`);
        }
      }
      return { data: readBlob(cli.repo.objects, entry.id), mode: entry.mode };
    }
    const file = this.#file(path);
    const info = lstat(file);
    if (info === undefined || info.isDirectory) {
      throw new Exit(1, `error: ${name}: No such file or directory\n`);
    }
    const mode = info.isSymlink ? 0o120000 : canonicalMode(0o100000 | (info.mode ?? 0o644));
    const repository = cli.findRepository();
    const data = repository?.paths.workTree === undefined
      ? info.isSymlink ? fromByteString(Deno.readLinkSync(nativePath(file))) : readFileIfAny(file)!
      : readWorktreeFile(repository, path, mode);
    return { data, mode };
  }

  exists(path: ByteString): "index" | "worktree" | undefined {
    if (this.made.has(path)) return this.made.get(path) === undefined ? undefined : "index";
    if (this.index?.get(path) !== undefined) return "index";
    if (this.cached) return undefined;
    const info = lstat(this.#file(path));
    return info !== undefined && !info.isDirectory ? "worktree" : undefined;
  }

  write(path: ByteString, data: Uint8Array, mode: number): void {
    const file = this.#file(path);
    ensureSafePath(path, mode);
    this.#refuseLinks(path);
    makeDirectories(directoryName(file));
    if (lstat(file) !== undefined) Deno.removeSync(nativePath(file));
    if (mode === 0o120000) {
      Deno.symlinkSync(nativePath(toByteString(data)), nativePath(file));
      return;
    }
    const repository = this.cli.findRepository();
    const content = repository?.paths.workTree === undefined
      ? data
      : smudgeContent(repository, path, data);
    Deno.writeFileSync(nativePath(file), content, { mode: (mode & 0o111) !== 0 ? 0o777 : 0o666 });
  }

  /** Nothing is written through a symbolic link. */
  #refuseLinks(path: ByteString): void {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const above = path.slice(0, slash);
      if (this.made.get(above)?.mode === 0o120000 || lstat(this.#file(above))?.isSymlink) {
        throw new Exit(1, `error: affected file '${path}' is beyond a symbolic link\n`);
      }
    }
  }

  /** Tries one patch; nothing is written. */
  attempt(patch: FilePatch): Result {
    const { cli, o } = this;
    const oldPath = patch.oldName === undefined ? undefined : this.path(patch.oldName);
    const newPath = patch.newName === undefined ? undefined : this.path(patch.newName);
    const name = oldPath ?? newPath!;
    for (const path of [oldPath, newPath]) {
      if (path === undefined) continue;
      try {
        ensureSafePath(path);
      } catch {
        throw new Exit(128, `error: invalid path '${path}'\n`);
      }
      this.#refuseLinks(path);
    }
    const creates = newPath !== undefined && newPath !== oldPath;
    if (creates) {
      const there = this.exists(newPath);
      const ok = there === undefined || (patch.isNew && o.flag("allow-overlap"));
      if (!ok && !(this.threeway && patch.isNew)) {
        throw new Exit(
          1,
          `error: ${newPath}: already exists in ${
            there === "index" ? "index" : "working directory"
          }\n`,
        );
      }
    }
    const before = oldPath === undefined
      ? { data: new Uint8Array(0), mode: patch.newMode ?? 0o100644 }
      : this.read(oldPath, oldPath);
    if (oldPath !== undefined && patch.oldMode !== undefined && before.mode !== patch.oldMode) {
      if ((before.mode & 0o170000) !== (patch.oldMode & 0o170000)) {
        throw new Exit(1, `error: ${oldPath}: wrong type\n`);
      }
      cli.warn(
        `${oldPath} has type ${before.mode.toString(8)}, expected ${patch.oldMode.toString(8)}`,
      );
    }
    const mode = patch.newMode ?? (oldPath === undefined ? 0o100644 : before.mode);
    const rejected: PatchHunk[] = [];
    let data: Uint8Array;
    if (this.threeway && patch.binary === undefined) {
      const merged = this.#threeway(patch, before.data, newPath ?? name, mode);
      if (merged !== undefined) return merged;
    }
    if (patch.binary !== undefined) data = this.#binary(patch, before.data, name);
    else {
      try {
        data = applyHunks(before.data, patch.hunks, {
          ...(o.text("C") === undefined ? {} : { context: Number(o.text("C")) }),
          ignoreSpace: o.flag("ignore-whitespace") || o.flag("ignore-space-change"),
          unidiffZero: o.flag("unidiff-zero"),
          ...(o.flag("reject") ? { rejected } : {}),
          offset: (hunk, found, by) => {
            if (o.count("verbose") > 0 || o.flag("reject")) {
              const number = patch.hunks.indexOf(hunk) + 1;
              cli.err(
                `Hunk #${number} succeeded at ${found} (offset ${by} line${
                  Math.abs(by) === 1 ? "" : "s"
                }).\n`,
              );
            }
          },
        });
      } catch (error) {
        if (!(error instanceof PatchConflict)) throw error;
        throw new Exit(
          1,
          `error: patch failed: ${name}:${error.line}\nerror: ${name}: patch does not apply\n`,
        );
      }
    }
    if (patch.isDelete && data.length > 0 && rejected.length === 0) {
      throw new Exit(1, `error: removal patch leaves file contents\n`);
    }
    return { patch, data: newPath === undefined ? undefined : data, mode, rejected };
  }

  #binary(patch: FilePatch, before: Uint8Array, name: ByteString): Uint8Array {
    const { cli } = this;
    const repository = cli.findRepository();
    if (patch.oldId === "" || patch.newId === "" || patch.oldId.length < 40) {
      throw new Exit(
        1,
        `error: cannot apply binary patch to '${name}' without full index line\nerror: ${name}: patch does not apply\n`,
      );
    }
    const zero = /^0+$/;
    const algorithm = repository?.algorithm;
    const idOf = (data: Uint8Array): ObjectId =>
      algorithm === undefined ? "" : hashObject(algorithm, "blob", data);
    if (algorithm !== undefined && !zero.test(patch.oldId) && idOf(before) !== patch.oldId) {
      throw new Exit(
        1,
        `error: the patch applies to '${name}' (${
          idOf(before)
        }), which does not match the current contents.\nerror: ${name}: patch does not apply\n`,
      );
    }
    if (zero.test(patch.newId)) return new Uint8Array(0);
    if (repository?.objects.has(patch.newId)) return readBlob(repository.objects, patch.newId);
    if (patch.binary === "unknown" || patch.binary === undefined) {
      throw new Exit(
        1,
        `error: cannot apply binary patch to '${name}' without full index line\nerror: ${name}: patch does not apply\n`,
      );
    }
    const data = applyBinary(before, patch.binary.forward);
    if (algorithm !== undefined && idOf(data) !== patch.newId) {
      throw new Exit(
        1,
        `error: binary patch to '${name}' creates incorrect result (expecting ${patch.newId}, got ${
          idOf(data)
        })\nerror: ${name}: patch does not apply\n`,
      );
    }
    return data;
  }

  /** Merges with the blob that the patch was made from, when it is here. */
  #threeway(
    patch: FilePatch,
    ours: Uint8Array,
    path: ByteString,
    mode: number,
  ): Result | undefined {
    const { cli } = this;
    const { repo } = cli;
    if (patch.isDelete) return undefined;
    const zero = /^0+$/;
    let base: Uint8Array, baseId: ObjectId | undefined;
    if (patch.isNew || zero.test(patch.oldId)) {
      if (!patch.isNew) return undefined;
      const there = this.exists(path);
      if (there === undefined) return undefined;
      base = new Uint8Array(0);
      ours = this.read(path, path).data;
    } else {
      const found = patch.oldId === "" ? [] : repo.objects.withPrefix(patch.oldId, 2);
      if (found.length !== 1) {
        cli.err(
          "error: repository lacks the necessary blob to perform 3-way merge.\nFalling back to direct application...\n",
        );
        return undefined;
      }
      baseId = found[0]!;
      base = readBlob(repo.objects, baseId);
    }
    let theirs: Uint8Array;
    try {
      theirs = applyHunks(base, patch.hunks);
    } catch (error) {
      if (!(error instanceof PatchConflict)) throw error;
      cli.err("Falling back to direct application...\n");
      return undefined;
    }
    const result = mergeFile(base, ours, theirs, {
      labels: { ours: "ours", base: "base", theirs: "theirs" },
      style: conflictStyle(cli),
    });
    if (result.conflicts === 0) {
      cli.err(`Applied patch to '${path}' cleanly.\n`);
      return { patch, data: result.data, mode, rejected: [] };
    }
    cli.err(`Applied patch to '${path}' with conflicts.\n`);
    return {
      patch,
      data: result.data,
      mode,
      rejected: [],
      stages: [
        baseId,
        repo.objects.write("blob", ours),
        repo.objects.write("blob", theirs),
      ],
    };
  }
}

function formatHunk(hunk: PatchHunk): ByteString {
  const range = (start: number, count: number): string =>
    count === 1 ? `${start}` : `${start},${count}`;
  let out = `@@ -${range(hunk.oldStart, hunk.oldCount)} +${
    range(hunk.newStart, hunk.newCount)
  } @@\n`;
  hunk.lines.forEach((line, i) => {
    out += `${line}\n`;
    const last = hunk.lines.slice(i + 1).every((other) => other[0] !== line[0] && other[0] !== " ");
    if (
      last && ((hunk.oldNoEnd && line[0] !== "+") || (hunk.newNoEnd && line[0] !== "-")) &&
      i >= hunk.lines.length - 2
    ) {
      out += "\\ No newline at end of file\n";
    }
  });
  return out;
}

/** Statistics of patches, in the form that the formatters of `diff` take. */
function statsOf(cli: Cli, patches: readonly FilePatch[]): FileStat[] {
  const zero = cli.findRepository()?.algorithm.zero ?? "0".repeat(40);
  return patches.map((patch) => {
    let added = 0, deleted = 0;
    for (const hunk of patch.hunks) {
      for (const line of hunk.lines) {
        if (line[0] === "+") added++;
        else if (line[0] === "-") deleted++;
      }
    }
    const oldPath = patch.oldName ?? patch.newName!, newPath = patch.newName ?? patch.oldName!;
    const pair: DiffPair = {
      old: {
        path: oldPath,
        mode: patch.isNew ? 0 : patch.oldMode ?? 0o100644,
        id: zero,
        idKnown: false,
      },
      new: {
        path: newPath,
        mode: patch.isDelete ? 0 : patch.newMode ?? patch.oldMode ?? 0o100644,
        id: zero,
        idKnown: false,
      },
      status: patch.isNew
        ? "A"
        : patch.isDelete
        ? "D"
        : patch.isRename
        ? "R"
        : patch.isCopy
        ? "C"
        : "M",
      score: Math.round(patch.score * 600),
    };
    return { pair, added, deleted, binary: patch.binary !== undefined, unmerged: false };
  });
}

/** Statistics as `apply` lays them out: names in full, a graph of at most 70 columns. */
function statText(stats: readonly FileStat[], quote: (path: ByteString) => ByteString): ByteString {
  const names = stats.map((one) => quote(one.pair.new.path));
  const wide = Math.min(50, Math.max(0, ...names.map((name) => name.length)));
  const most = Math.max(0, ...stats.map((one) => one.binary ? 0 : one.added + one.deleted));
  const room = most + wide > 70 ? 70 - wide : most;
  let added = 0, deleted = 0;
  let out = "";
  stats.forEach((one, i) => {
    let name = names[i]!;
    if (name.length > wide) {
      const slash = name.indexOf("/", name.length + 3 - wide);
      name = `...${name.slice(slash < 0 ? name.length + 3 - wide : slash)}`;
    }
    if (one.binary) {
      out += ` ${name.padEnd(wide)} |  Bin\n`;
      return;
    }
    added += one.added;
    deleted += one.deleted;
    let plus = one.added, minus = one.deleted;
    if (most > 0 && room < most) {
      const total = Math.floor(((plus + minus) * room + Math.floor(most / 2)) / most);
      plus = Math.floor((plus * room + Math.floor(most / 2)) / most);
      minus = total - plus;
    }
    out += ` ${name.padEnd(wide)} |${String(one.added + one.deleted).padStart(5)} ${
      "+".repeat(plus)
    }${"-".repeat(minus)}\n`;
  });
  return out + summaryLine(stats.length, added, deleted);
}

function warnWhitespace(cli: Cli, name: ByteString, text: ByteString, mode: string): number {
  if (mode === "nowarn") return 0;
  let count = 0;
  const lines = text.split("\n");
  let inHunk = false;
  lines.forEach((line, i) => {
    if (line.startsWith("@@ ")) inHunk = true;
    else if (line.startsWith("diff --git") || line.startsWith("--- ")) inHunk = false;
    if (!inHunk || !line.startsWith("+")) return;
    const body = line.slice(1);
    const what = [
      ...(/[ \t\r]$/.test(body) ? ["trailing whitespace"] : []),
      ...(/^ +\t|^\t* +\t/.test(body) ? ["space before tab in indent"] : []),
    ];
    if (what.length === 0) return;
    count++;
    if (count <= 5) cli.err(`${name}:${i + 1}: ${what.join(", ")}.\n${body}\n`);
  });
  if (count === 0) return 0;
  if (count > 5) cli.warn(`squelched ${count - 5} whitespace error${count - 5 === 1 ? "" : "s"}`);
  if (mode.startsWith("error")) {
    throw new Exit(
      1,
      `error: ${count} line${count === 1 ? " adds" : "s add"} whitespace errors.\n`,
    );
  }
  if (mode !== "fix" && mode !== "strip") {
    cli.warn(`${count} line${count === 1 ? " adds" : "s add"} whitespace errors.`);
  }
  return count;
}

/** `git apply` */
export function apply(cli: Cli, args: ByteString[]): number {
  const usage = "git apply [<options>] [<patch>...]";
  const o = parseOptions(
    cli,
    args,
    "exclude* include* p= add stat numstat summary check index N,intent-to-add cached unsafe-paths apply 3,3way build-fake-ancestor= z C= whitespace= ignore-space-change ignore-whitespace R,reverse unidiff-zero reject allow-overlap v,verbose+ q,quiet inaccurate-eof recount directory= allow-empty",
    usage,
  );
  const repository = cli.findRepository();
  if (o.flag("reject") && o.flag("3way")) {
    die("options '--reject' and '--3way' cannot be used together");
  }
  if ((o.flag("index") || o.flag("cached") || o.flag("3way")) && repository === undefined) {
    die(
      `'${
        o.flag("cached") ? "--cached" : o.flag("index") ? "--index" : "--3way"
      }' outside a repository`,
    );
  }
  const mode = o.text("whitespace") ?? cli.config.get("apply.whitespace") ?? "warn";
  const limits: Limits = { rules: [], hasInclude: false };
  for (const [key, value] of o.order) {
    if ((key === "include" || key === "exclude") && typeof value === "string") {
      limits.rules.push({ include: key === "include", pattern: value });
      limits.hasInclude ||= key === "include";
    }
  }
  const strip = o.text("p") === undefined ? 1 : Number(o.text("p"));
  const files = o.rest.length === 0 ? ["-"] : o.rest;
  const patches: FilePatch[] = [];
  const options = cli.prefix;
  const reportOnly =
    (o.flag("stat") || o.flag("numstat") || o.flag("summary") || o.flag("check")) &&
    !o.flag("apply");
  for (const file of files) {
    const data = file === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(file));
    if (data === undefined) {
      throw new Exit(128, `error: can't open patch '${file}': No such file or directory\n`);
    }
    const text = toByteString(data);
    let parsed: FilePatch[];
    try {
      parsed = parsePatches(text, { strip });
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      throw new Exit(128, `error: ${error.message}\n`);
    }
    if (parsed.length === 0 && !o.flag("allow-empty")) {
      throw new Exit(128, 'error: No valid patches in input (allow with "--allow-empty")\n');
    }
    if (!reportOnly || o.flag("check")) {
      warnWhitespace(cli, file === "-" ? "<stdin>" : file, text, mode);
    }
    for (const patch of parsed) {
      const turned = o.flag("reverse") ? reversePatch(patch) : patch;
      const path = turned.newName ?? turned.oldName!;
      if (options !== "" && repository?.paths.workTree !== undefined) {
        // Started in a subdirectory: names are taken from there.
        if (turned.oldName !== undefined) turned.oldName = options + turned.oldName;
        if (turned.newName !== undefined) turned.newName = options + turned.newName;
      }
      const rule = limits.rules.find((one) => wildmatch(one.pattern, path, { pathname: false }));
      if (rule === undefined ? limits.hasInclude : !rule.include) continue;
      patches.push(turned);
    }
  }
  if (mode === "fix" || mode === "strip") {
    for (const patch of patches) {
      patch.hunks = patch.hunks.map((hunk) => ({
        ...hunk,
        lines: hunk.lines.map((line) =>
          line.startsWith("+") ? line.replace(/[ \t\r]+$/, "") : line
        ),
      }));
    }
  }
  let code = 0;
  if (!reportOnly || o.flag("check")) {
    code = run(cli, o, patches, o.flag("check") && !o.flag("apply"));
  }
  if (code > 1) return code;
  const format = new DiffArguments().format(cli);
  const stats = statsOf(cli, patches);
  if (o.flag("stat")) cli.out(statText(stats, format.quote));
  if (o.flag("numstat")) {
    const named = stats.map((one) => ({
      ...one,
      pair: { ...one.pair, status: "M", old: { ...one.pair.old, path: one.pair.new.path } },
    }));
    cli.out(formatNumStat(named, { ...format, nul: o.flag("z") }));
  }
  if (o.flag("summary")) cli.out(formatSummary(stats.map((one) => one.pair), format));
  return code;
}

function run(cli: Cli, o: Options, patches: readonly FilePatch[], checkOnly: boolean): number {
  const state = new Apply(cli, o);
  const results: Result[] = [];
  let failed = false;
  const talk = o.count("verbose") > 0 || o.flag("reject");
  for (const patch of patches) {
    const name = patch.newName ?? patch.oldName!;
    if (talk) {
      cli.err(
        patch.isRename && patch.oldName !== patch.newName
          ? `Checking patch ${patch.oldName} => ${patch.newName}...\n`
          : `Checking patch ${name}...\n`,
      );
    }
    try {
      const result = state.attempt(patch);
      for (const hunk of result.rejected) {
        cli.err(
          `error: while searching for:\n${
            hunk.lines.filter((line) => line[0] !== "+").map((line) => `${line.slice(1)}\n`).join(
              "",
            )
          }\nerror: patch failed: ${patch.oldName ?? name}:${hunk.oldStart}\n`,
        );
      }
      results.push(result);
      if (patch.oldName !== undefined && (patch.isDelete || patch.isRename)) {
        state.made.set(state.path(patch.oldName), undefined);
      }
      if (patch.newName !== undefined && result.data !== undefined) {
        state.made.set(state.path(patch.newName), { data: result.data, mode: result.mode });
      }
    } catch (error) {
      if (!(error instanceof Exit) || error.code === 128) throw error;
      if (!o.flag("quiet")) cli.err(error.text);
      failed = true;
    }
  }
  if (failed && !o.flag("reject")) return 1;
  if (checkOnly) return failed ? 1 : 0;
  const { index } = state;
  const lock = index === undefined ? undefined : cli.repo.lockIndex();
  let code = failed ? 1 : 0;
  try {
    // What goes away goes first, so that names are free.
    for (const { patch } of results) {
      if (patch.oldName === undefined || !(patch.isDelete || patch.isRename)) continue;
      const path = state.path(patch.oldName);
      index?.remove(path);
      if (!state.cached) {
        const repository = cli.findRepository();
        if (repository?.paths.workTree !== undefined) removeWorktreeFile(repository, path);
        else Deno.removeSync(nativePath(`${cli.startDirectory}/${path}`));
      }
    }
    for (const result of results) {
      const { patch, data, mode } = result;
      if (patch.newName === undefined || data === undefined) {
        if (talk) cli.err(`Applied patch ${patch.oldName} cleanly.\n`);
        continue;
      }
      const path = state.path(patch.newName);
      if (!state.cached) state.write(path, data, mode);
      if (index !== undefined) {
        if (result.stages !== undefined) {
          index.remove(path);
          result.stages.forEach((id, i) => {
            if (id !== undefined) {
              index.add(makeEntry(path, mode, id, i + 1), { keepDirectoryConflicts: true });
            }
          });
          code = 1;
        } else {
          const id = cli.repo.objects.write("blob", data);
          const info = state.cached ? undefined : lstat(cli.repo.worktreePath(path));
          index.add({
            ...makeEntry(path, mode, id),
            ...(info === undefined ? {} : { stat: statDataOf(info) }),
          });
        }
      }
      if (result.rejected.length > 0) {
        code = 1;
        const count = result.rejected.length;
        cli.err(`Applying patch ${path} with ${count} reject${count === 1 ? "" : "s"}...\n`);
        patch.hunks.forEach((hunk, i) =>
          cli.err(
            result.rejected.includes(hunk)
              ? `Rejected hunk #${i + 1}.\n`
              : `Hunk #${i + 1} applied cleanly.\n`,
          )
        );
        const head = `diff a/${path} b/${path}\t(rejected hunks)\n`;
        const file = cli.findRepository()?.worktreePath(path) ?? `${cli.startDirectory}/${path}`;
        Deno.writeFileSync(
          nativePath(`${file}.rej`),
          fromByteString(head + result.rejected.map(formatHunk).join("")),
        );
      } else if (talk) cli.err(`Applied patch ${path} cleanly.\n`);
    }
    for (const result of results) {
      if (result.stages !== undefined) cli.err(`U ${state.path(result.patch.newName!)}\n`);
    }
    if (index !== undefined && lock !== undefined) cli.repo.writeIndex(index, lock);
  } finally {
    lock?.rollback();
  }
  return code;
}
