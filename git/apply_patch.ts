/**
 * Patches as Git writes them (gitformat-diff): parsing, and applying the hunks of one file.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString, trimSpaceEnd } from "./_bytes.ts";
import { zlib } from "./_builtins.ts";
import { applyDelta } from "./delta.ts";
import { GitError } from "./errors.ts";

/** A group of changed lines. */
export interface PatchHunk {
  /** First line before, from 1 (0 for none). */
  readonly oldStart: number;
  /** How many lines before. */
  readonly oldCount: number;
  /** First line after. */
  readonly newStart: number;
  /** How many lines after. */
  readonly newCount: number;
  /** Lines with their sign in front, without line feeds. */
  readonly lines: readonly ByteString[];
  /** The last line before has no line feed. */
  readonly oldNoEnd: boolean;
  /** The last line after has no line feed. */
  readonly newNoEnd: boolean;
  /** Line of the patch at which it starts. */
  readonly line: number;
}

/** A binary change. */
export interface BinaryHunk {
  /** The content itself, or a delta against what is there. */
  readonly kind: "literal" | "delta";
  /** Inflated. */
  readonly data: Uint8Array;
}

/** What a patch does to one file. */
export interface FilePatch {
  /** Path before; `undefined` for a new file. */
  oldName: ByteString | undefined;
  /** Path after; `undefined` for a deleted file. */
  newName: ByteString | undefined;
  /** Mode before, where it is told. */
  oldMode: number | undefined;
  /** Mode after, where it is told. */
  newMode: number | undefined;
  /** The file is made. */
  isNew: boolean;
  /** The file is removed. */
  isDelete: boolean;
  /** The file is moved. */
  isRename: boolean;
  /** The file is copied. */
  isCopy: boolean;
  /** Similarity in percent. */
  score: number;
  /** Id of the blob before, perhaps short; empty when it is not told. */
  oldId: ByteString;
  /** Id of the blob after. */
  newId: ByteString;
  /** A binary change; `unknown` when its content is not in the patch. */
  binary: { forward: BinaryHunk; reverse: BinaryHunk | undefined } | "unknown" | undefined;
  /** Changes of lines. */
  hunks: PatchHunk[];
  /** Line of the patch at which it starts. */
  line: number;
}

const BASE85 =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const DECODE85 = new Int16Array(256).fill(-1);
for (let i = 0; i < BASE85.length; i++) DECODE85[BASE85.charCodeAt(i)] = i;

const MAX_BINARY = 1 << 30;

function decode85(text: ByteString, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; at < length; i += 5) {
    let value = 0;
    for (let k = 0; k < 5; k++) {
      const digit = DECODE85[text.charCodeAt(i + k)] ?? -1;
      if (digit < 0) throw new GitError("invalid", "corrupt binary patch");
      value = value * 85 + digit;
    }
    if (value > 0xffffffff) throw new GitError("invalid", "corrupt binary patch");
    for (let k = 0; k < 4 && at < length; k++) {
      out[at++] = Math.floor(value / 2 ** (24 - 8 * k)) & 255;
    }
  }
  return out;
}

function unquote(text: ByteString): { name: ByteString; end: number } | undefined {
  if (!text.startsWith('"')) return undefined;
  let out = "";
  for (let i = 1; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') return { name: out, end: i + 1 };
    if (c !== "\\") {
      out += c;
      continue;
    }
    const next = text[++i] ?? "";
    const simple: Record<string, string> = {
      a: "\x07",
      b: "\b",
      t: "\t",
      n: "\n",
      v: "\v",
      f: "\f",
      r: "\r",
      '"': '"',
      "\\": "\\",
    };
    if (next in simple) out += simple[next];
    else if (/[0-3]/.test(next)) {
      out += String.fromCharCode(parseInt(text.slice(i, i + 3), 8));
      i += 2;
    } else return undefined;
  }
  return undefined;
}

/** How names in a patch become paths. */
export interface ParseOptions {
  /** How many leading parts of a path are dropped. Default 1. */
  strip?: number;
}

class PatchParser {
  readonly #lines: ByteString[];
  readonly #strip: number;
  #at = 0;

  constructor(text: ByteString, strip: number) {
    this.#lines = text.split("\n");
    if (this.#lines.at(-1) === "") this.#lines.pop();
    this.#strip = strip;
  }

  #stripName(name: ByteString): ByteString | undefined {
    let rest = name;
    for (let i = 0; i < this.#strip; i++) {
      const slash = rest.indexOf("/");
      if (slash < 0) return undefined;
      rest = rest.slice(slash + 1).replace(/^\/+/, "");
    }
    return rest === "" ? undefined : rest;
  }

  #fileName(text: ByteString, stamp: boolean): ByteString | undefined {
    const quoted = unquote(text);
    let name: ByteString;
    if (quoted !== undefined) name = quoted.name;
    else {
      name = text;
      const tab = name.indexOf("\t");
      if (tab >= 0) name = name.slice(0, tab);
      else if (stamp) name = name.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d.*$/, "");
    }
    if (name === "/dev/null") return undefined;
    return this.#stripName(trimSpaceEnd(name));
  }

  #plainName(text: ByteString): ByteString {
    return unquote(text)?.name ?? text;
  }

  #gitNames(text: ByteString): ByteString | undefined {
    // Without other lines both names have to be the same.
    const first = unquote(text);
    if (first !== undefined) {
      const second = unquote(text.slice(first.end + 1));
      const name = second?.name ?? text.slice(first.end + 1);
      const a = this.#stripName(first.name), b = this.#stripName(name);
      return a === b ? a : undefined;
    }
    for (let space = text.indexOf(" "); space >= 0; space = text.indexOf(" ", space + 1)) {
      const left = text.slice(0, space);
      let right = text.slice(space + 1);
      right = unquote(right)?.name ?? right;
      const a = this.#stripName(left), b = this.#stripName(right);
      if (a !== undefined && a === b) return a;
    }
    return undefined;
  }

  parse(): FilePatch[] {
    const out: FilePatch[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at]!;
      if (line.startsWith("diff --git ")) {
        const patch = this.#git();
        if (patch !== undefined) out.push(patch);
        continue;
      }
      if (
        line.startsWith("--- ") && this.#lines[this.#at + 1]?.startsWith("+++ ") &&
        this.#lines[this.#at + 2]?.startsWith("@@ -")
      ) {
        out.push(this.#plain());
        continue;
      }
      if (/^@@ -\d+/.test(line)) {
        throw new GitError(
          "invalid",
          `patch fragment without header at line ${this.#at + 1}: ${line}`,
        );
      }
      this.#at++;
    }
    return out;
  }

  #empty(): FilePatch {
    return {
      oldName: undefined,
      newName: undefined,
      oldMode: undefined,
      newMode: undefined,
      isNew: false,
      isDelete: false,
      isRename: false,
      isCopy: false,
      score: 0,
      oldId: "",
      newId: "",
      binary: undefined,
      hunks: [],
      line: this.#at + 1,
    };
  }

  #plain(): FilePatch {
    const patch = this.#empty();
    const before = this.#lines[this.#at]!.slice(4), after = this.#lines[this.#at + 1]!.slice(4);
    this.#at += 2;
    const epoch = /\t(?:1969-12-31|1970-01-01) /;
    const a = this.#fileName(before, true), b = this.#fileName(after, true);
    if (before.startsWith("/dev/null") || epoch.test(before)) {
      patch.isNew = true;
      patch.newName = b;
    } else if (after.startsWith("/dev/null") || epoch.test(after)) {
      patch.isDelete = true;
      patch.oldName = a;
    } else {
      // The shorter name is the one without `.orig` and the like.
      const name = a !== undefined && b !== undefined ? (b.length <= a.length ? b : a) : b ?? a;
      patch.oldName = patch.newName = name;
    }
    if (patch.oldName === undefined && patch.newName === undefined) {
      throw new GitError("invalid", `unable to find filename in patch at line ${patch.line}`);
    }
    this.#hunks(patch);
    return patch;
  }

  #git(): FilePatch | undefined {
    const patch = this.#empty();
    const common = this.#gitNames(this.#lines[this.#at]!.slice(11));
    this.#at++;
    const mode = (text: string): number => {
      if (!/^[0-7]+\s*$/.test(text)) {
        throw new GitError("invalid", `invalid mode on line ${this.#at + 1}: ${text}`);
      }
      return parseInt(text, 8);
    };
    const stripOne = (name: ByteString): ByteString | undefined => {
      // Names of renames have no prefix.
      let rest: ByteString | undefined = name;
      for (let i = 0; i < this.#strip - 1 && rest !== undefined; i++) {
        const slash: number = rest.indexOf("/");
        rest = slash < 0 ? undefined : rest.slice(slash + 1);
      }
      return rest;
    };
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!;
      if (line.startsWith("old mode ")) patch.oldMode = mode(line.slice(9));
      else if (line.startsWith("new mode ")) patch.newMode = mode(line.slice(9));
      else if (line.startsWith("deleted file mode ")) {
        patch.isDelete = true;
        patch.oldMode = mode(line.slice(18));
        patch.oldName = common;
      } else if (line.startsWith("new file mode ")) {
        patch.isNew = true;
        patch.newMode = mode(line.slice(14));
        patch.newName = common;
      } else if (/^(?:rename|copy) from /.test(line)) {
        patch[line.startsWith("rename") ? "isRename" : "isCopy"] = true;
        patch.oldName = stripOne(this.#plainName(line.slice(line.indexOf("from ") + 5)));
      } else if (/^(?:rename|copy) to /.test(line)) {
        patch[line.startsWith("rename") ? "isRename" : "isCopy"] = true;
        patch.newName = stripOne(this.#plainName(line.slice(line.indexOf("to ") + 3)));
      } else if (/^(?:dis)?similarity index /.test(line)) {
        patch.score = parseInt(line.slice(line.indexOf("index ") + 6), 10);
      } else if (line.startsWith("index ")) {
        const match = /^index ([0-9a-f]+)\.\.([0-9a-f]+)(?: ([0-7]+))?$/.exec(line);
        if (match !== null) {
          patch.oldId = match[1]!;
          patch.newId = match[2]!;
          if (match[3] !== undefined) patch.oldMode ??= parseInt(match[3], 8);
        }
      } else if (line.startsWith("--- ")) {
        const name = this.#fileName(line.slice(4), false);
        if (!patch.isNew && patch.oldName === undefined) patch.oldName = name;
      } else if (line.startsWith("+++ ")) {
        const name = this.#fileName(line.slice(4), false);
        if (!patch.isDelete && patch.newName === undefined) patch.newName = name;
      } else if (line.startsWith("@@ -")) break;
      else if (line === "GIT binary patch") {
        this.#at++;
        this.#binary(patch);
        break;
      } else if (/^Binary files .* differ$/.test(line)) {
        patch.binary = "unknown";
        this.#at++;
        break;
      } else break;
    }
    if (patch.oldName === undefined && !patch.isNew) patch.oldName = common;
    if (patch.newName === undefined && !patch.isDelete) patch.newName = common;
    if (patch.isNew) patch.oldName = undefined;
    if (patch.isDelete) patch.newName = undefined;
    if (patch.oldName === undefined && patch.newName === undefined) {
      throw new GitError(
        "invalid",
        `git diff header lacks filename information when removing ${this.#strip} leading pathname component${
          this.#strip === 1 ? "" : "s"
        } (line ${this.#at + 1})`,
      );
    }
    if (patch.binary === undefined) this.#hunks(patch);
    return patch;
  }

  #binaryHunk(): BinaryHunk | undefined {
    const match = /^(literal|delta) (\d+)$/.exec(this.#lines[this.#at] ?? "");
    if (match === null) return undefined;
    this.#at++;
    const size = Number(match[2]);
    if (size > MAX_BINARY) throw new GitError("limit", "binary patch is too large");
    const parts: Uint8Array[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!;
      if (line === "") break;
      const c = line.charCodeAt(0);
      const length = c >= 65 && c <= 90 ? c - 64 : c >= 97 && c <= 122 ? c - 96 + 26 : 0;
      if (length === 0 || (line.length - 1) % 5 !== 0 || (line.length - 1) / 5 * 4 < length) {
        throw new GitError("invalid", `corrupt binary patch at line ${this.#at + 1}: ${line}`);
      }
      parts.push(decode85(line.slice(1), length));
    }
    this.#at++;
    let total = 0;
    for (const part of parts) total += part.length;
    const packed = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      packed.set(part, at);
      at += part.length;
    }
    let data: Uint8Array;
    try {
      data = zlib().inflateSync(packed, { maxOutputLength: size + 1 });
    } catch {
      throw new GitError("invalid", `corrupt binary patch at line ${this.#at}`);
    }
    if (data.length !== size) {
      throw new GitError("invalid", `corrupt binary patch at line ${this.#at}`);
    }
    return { kind: match[1] as "literal" | "delta", data };
  }

  #binary(patch: FilePatch): void {
    const forward = this.#binaryHunk();
    if (forward === undefined) {
      throw new GitError("invalid", `unrecognized binary patch at line ${this.#at + 1}`);
    }
    patch.binary = { forward, reverse: this.#binaryHunk() };
  }

  #hunks(patch: FilePatch): void {
    for (;;) {
      const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(
        this.#lines[this.#at] ?? "",
      );
      if (header === null) return;
      const start = this.#at + 1;
      const oldCount = Number(header[2] ?? 1), newCount = Number(header[4] ?? 1);
      this.#at++;
      let oldLeft = oldCount, newLeft = newCount;
      const lines: ByteString[] = [];
      let oldNoEnd = false, newNoEnd = false;
      while (oldLeft > 0 || newLeft > 0) {
        const line = this.#lines[this.#at];
        if (line === undefined) {
          throw new GitError("invalid", `corrupt patch at line ${this.#at + 1}`);
        }
        const sign = line === "" ? " " : line[0];
        if (sign === " ") {
          oldLeft--;
          newLeft--;
          lines.push(line === "" ? " " : line);
        } else if (sign === "-") {
          oldLeft--;
          lines.push(line);
        } else if (sign === "+") {
          newLeft--;
          lines.push(line);
        } else if (sign !== "\\") {
          throw new GitError("invalid", `corrupt patch at line ${this.#at + 1}`);
        }
        if (oldLeft < 0 || newLeft < 0) {
          throw new GitError("invalid", `corrupt patch at line ${this.#at + 1}`);
        }
        this.#at++;
        if (this.#lines[this.#at]?.startsWith("\\ ")) {
          if (sign !== "+") oldNoEnd = true;
          if (sign !== "-") newNoEnd = true;
          this.#at++;
        }
      }
      patch.hunks.push({
        oldStart: Number(header[1]),
        oldCount,
        newStart: Number(header[3]),
        newCount,
        lines,
        oldNoEnd,
        newNoEnd,
        line: start,
      });
    }
  }
}

/** Parses all patches in a text. Throws `GitError` ("invalid"). */
export function parsePatches(text: ByteString, options: ParseOptions = {}): FilePatch[] {
  return new PatchParser(text, options.strip ?? 1).parse();
}

/** The same change, backwards. */
export function reversePatch(patch: FilePatch): FilePatch {
  return {
    ...patch,
    oldName: patch.newName,
    newName: patch.oldName,
    oldMode: patch.newMode ?? (patch.isDelete || patch.isNew ? undefined : patch.oldMode),
    newMode: patch.oldMode,
    isNew: patch.isDelete,
    isDelete: patch.isNew,
    oldId: patch.newId,
    newId: patch.oldId,
    binary: patch.binary === undefined || patch.binary === "unknown"
      ? patch.binary
      : patch.binary.reverse === undefined
      ? "unknown"
      : { forward: patch.binary.reverse, reverse: patch.binary.forward },
    hunks: patch.hunks.map((hunk) => ({
      ...hunk,
      oldStart: hunk.newStart,
      oldCount: hunk.newCount,
      newStart: hunk.oldStart,
      newCount: hunk.oldCount,
      oldNoEnd: hunk.newNoEnd,
      newNoEnd: hunk.oldNoEnd,
      lines: reorder(
        hunk.lines.map((line) =>
          line.startsWith("-")
            ? `+${line.slice(1)}`
            : line.startsWith("+")
            ? `-${line.slice(1)}`
            : line
        ),
      ),
    })),
  };
}

/** Removed lines come before added ones within each run of changes. */
function reorder(lines: readonly ByteString[]): ByteString[] {
  const out: ByteString[] = [];
  let added: ByteString[] = [];
  for (const line of lines) {
    if (line.startsWith("+")) added.push(line);
    else if (line.startsWith("-")) out.push(line);
    else {
      out.push(...added, line);
      added = [];
    }
  }
  return [...out, ...added];
}

/** Options of {@linkcode applyHunks}. */
export interface ApplyOptions {
  /** Fewest lines of context that must match (`-C`). Default all. */
  context?: number;
  /** White space does not count in context. */
  ignoreSpace?: boolean;
  /** Hunks without context may sit anywhere (`--unidiff-zero`). */
  unidiffZero?: boolean;
  /** Leave out hunks that do not apply, and name them here (`--reject`). */
  rejected?: PatchHunk[];
  /** Called where a hunk was found off its place. */
  offset?: (hunk: PatchHunk, found: number, by: number) => void;
}

/** A hunk that does not apply: the line at which it should have. Its code is "conflict". */
export class PatchConflict extends GitError {
  /** Where the hunk should have applied. */
  readonly line: number;
  /** The hunk. */
  readonly hunk: PatchHunk;

  /** Names the hunk. */
  constructor(line: number, hunk: PatchHunk) {
    super("conflict", `patch failed at line ${line}`);
    this.line = line;
    this.hunk = hunk;
  }
}

function sameLine(a: ByteString, b: ByteString, ignoreSpace: boolean): boolean {
  if (a === b) return true;
  return ignoreSpace &&
    trimSpaceEnd(a.replace(/\s+/g, " ")) === trimSpaceEnd(b.replace(/\s+/g, " "));
}

/** Applies the hunks of a patch to content. Throws {@linkcode PatchConflict}. */
export function applyHunks(
  data: Uint8Array,
  hunks: readonly PatchHunk[],
  options: ApplyOptions = {},
): Uint8Array {
  const text = toByteString(data);
  // Lines keep their line feeds, so that a missing one at the end is told apart.
  let lines = text === "" ? [] : text.split(/(?<=\n)/);
  let shift = 0;
  for (const hunk of hunks) {
    const before: ByteString[] = [], after: ByteString[] = [];
    const types: string[] = [];
    for (const line of hunk.lines) {
      const body = `${line.slice(1)}\n`;
      if (line[0] !== "+") before.push(body);
      if (line[0] !== "-") after.push(body);
      types.push(line[0]!);
    }
    if (hunk.oldNoEnd && before.length > 0) before[before.length - 1] = before.at(-1)!.slice(0, -1);
    if (hunk.newNoEnd && after.length > 0) after[after.length - 1] = after.at(-1)!.slice(0, -1);
    let leading = 0, trailing = 0;
    while (leading < types.length && types[leading] === " ") leading++;
    while (trailing < types.length - leading && types[types.length - 1 - trailing] === " ") {
      trailing++;
    }
    let matchStart = !options.unidiffZero && (hunk.oldStart <= 1);
    let matchEnd = !options.unidiffZero && trailing === 0;
    let cutFront = 0, cutBack = 0;
    let found = -1;
    const wanted = Math.max(0, (hunk.oldCount === 0 ? hunk.oldStart : hunk.oldStart - 1) + shift);
    for (;;) {
      const pattern = before.slice(cutFront, before.length - cutBack);
      const fits = (at: number): boolean => {
        if (at < 0 || at + pattern.length > lines.length) return false;
        if (matchStart && at !== 0) return false;
        if (matchEnd && at + pattern.length !== lines.length) return false;
        for (let i = 0; i < pattern.length; i++) {
          if (!sameLine(pattern[i]!, lines[at + i]!, options.ignoreSpace ?? false)) return false;
        }
        return true;
      };
      const start = wanted + cutFront;
      for (let away = 0; away <= lines.length + 1; away++) {
        if (fits(start + away)) found = start + away;
        else if (away > 0 && fits(start - away)) found = start - away;
        if (found >= 0) break;
      }
      if (found >= 0) break;
      // Anchors are let go first, then context from the longer side.
      if (matchStart || matchEnd) {
        matchStart = matchEnd = false;
        continue;
      }
      const least = options.context ?? Infinity;
      if (leading <= least && trailing <= least) break;
      if (leading >= trailing && leading > 0) {
        cutFront++;
        leading--;
      } else {
        cutBack++;
        trailing--;
      }
    }
    if (found < 0) {
      if (options.rejected !== undefined) {
        options.rejected.push(hunk);
        continue;
      }
      throw new PatchConflict(hunk.oldStart, hunk);
    }
    const place = found - cutFront;
    const replacement = after.slice(cutFront, after.length - cutBack);
    const length = before.length - cutFront - cutBack;
    // Context keeps the spelling of the file.
    if (options.ignoreSpace) {
      let a = 0, b = 0;
      for (const type of types) {
        if (type === " " && a >= cutFront && a < before.length - cutBack) {
          replacement[b - cutFront] = lines[found + a - cutFront]!;
        }
        if (type !== "+") a++;
        if (type !== "-") b++;
      }
    }
    lines = [...lines.slice(0, found), ...replacement, ...lines.slice(found + length)];
    const by = place - wanted;
    const off = place - (hunk.newCount === 0 ? hunk.newStart : Math.max(0, hunk.newStart - 1));
    if (off !== 0) options.offset?.(hunk, place + 1, off);
    shift += after.length - before.length + by;
  }
  return fromByteString(lines.join(""));
}

/** Applies a binary change. Throws `GitError` ("corrupt"). */
export function applyBinary(data: Uint8Array, hunk: BinaryHunk): Uint8Array {
  return hunk.kind === "literal" ? hunk.data : applyDelta(data, hunk.data, MAX_BINARY);
}
