/**
 * Attributes of paths, from `.gitattributes` files and `info/attributes`.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { readTextIfAny } from "./_files.ts";
import { wildmatch } from "./wildmatch.ts";

/** `true` set, `false` unset, text a value. */
export type AttributeValue = boolean | ByteString;

interface Rule {
  pattern: ByteString;
  anchored: boolean;
  directory: boolean;
  base: ByteString;
  states: [ByteString, AttributeValue | undefined][];
}

interface AttributeFile {
  rules: Rule[];
  macros: Map<ByteString, [ByteString, AttributeValue | undefined][]>;
}

const BUILTIN = "[attr]binary -diff -merge -text\n";
const MAX_SIZE = 100 * 1024 * 1024;

/** Parses attribute text. */
export function parseAttributes(text: ByteString, base: ByteString): AttributeFile {
  const rules: Rule[] = [];
  const macros: AttributeFile["macros"] = new Map();
  if (text.length > MAX_SIZE) return { rules, macros };
  for (const raw of text.split("\n")) {
    const line = raw.replace(/^[ \t]+/, "").replace(/[ \t\r]+$/, "");
    if (line === "" || line.startsWith("#") || line.length > 2048) continue;
    let pattern: string;
    let rest: string;
    if (line.startsWith('"')) {
      const end = /^"((?:[^"\\]|\\.)*)"/.exec(line);
      if (end === null) continue;
      pattern = end[1]!.replace(/\\(.)/g, "$1");
      rest = line.slice(end[0].length);
    } else {
      // Only these are blank: other bytes may be parts of characters.
      const blank = line.search(/[ \t\r]/);
      pattern = blank < 0 ? line : line.slice(0, blank);
      rest = blank < 0 ? "" : line.slice(blank);
    }
    const states: [ByteString, AttributeValue | undefined][] = [];
    for (const word of rest.split(/[ \t\r]+/)) {
      if (word === "") continue;
      const equals = word.indexOf("=");
      if (word.startsWith("-")) states.push([word.slice(1), false]);
      else if (word.startsWith("!")) states.push([word.slice(1), undefined]);
      else if (equals >= 0) states.push([word.slice(0, equals), word.slice(equals + 1)]);
      else states.push([word, true]);
    }
    if (pattern.startsWith("[attr]")) {
      macros.set(pattern.slice(6), states);
      continue;
    }
    if (pattern.startsWith("!")) continue;
    const directory = pattern.endsWith("/");
    if (directory) pattern = pattern.slice(0, -1);
    const anchored = pattern.includes("/");
    rules.push({ pattern: pattern.replace(/^\//, ""), anchored, directory, base, states });
  }
  return { rules, macros };
}

/** Looks up attributes. */
export class Attributes {
  #files = new Map<ByteString, AttributeFile | undefined>();
  readonly #read: (path: ByteString) => ByteString | undefined;
  readonly #global: AttributeFile[];
  readonly #info: AttributeFile | undefined;

  /** `read` gives the text of a `.gitattributes` path; `globals` lower, `info` higher in precedence. */
  constructor(
    read: (path: ByteString) => ByteString | undefined,
    globals: ByteString[] = [],
    info?: ByteString,
  ) {
    this.#read = read;
    this.#global = [BUILTIN, ...globals].map((text) => parseAttributes(text, ""));
    this.#info = info === undefined ? undefined : parseAttributes(info, "");
  }

  /** Attributes of a worktree on disk. */
  static ofWorktree(
    workTree: ByteString,
    commonDir: ByteString,
    globalPath?: ByteString,
  ): Attributes {
    const globals: ByteString[] = [];
    const text = globalPath === undefined ? undefined : readTextIfAny(globalPath);
    if (text !== undefined) globals.push(text);
    return new Attributes(
      (path) => readTextIfAny(`${workTree}/${path}`),
      globals,
      readTextIfAny(`${commonDir}/info/attributes`),
    );
  }

  #file(directory: ByteString): AttributeFile | undefined {
    if (!this.#files.has(directory)) {
      const text = this.#read(directory === "" ? ".gitattributes" : `${directory}/.gitattributes`);
      this.#files.set(
        directory,
        text === undefined
          ? undefined
          : parseAttributes(text, directory === "" ? "" : `${directory}/`),
      );
    }
    return this.#files.get(directory);
  }

  /** All attributes of a path. */
  get(path: ByteString): Map<ByteString, AttributeValue> {
    const out = new Map<ByteString, AttributeValue | undefined>();
    const levels: AttributeFile[] = [...this.#global];
    const root = this.#file("");
    if (root !== undefined) levels.push(root);
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const file = this.#file(path.slice(0, slash));
      if (file !== undefined) levels.push(file);
    }
    if (this.#info !== undefined) levels.push(this.#info);
    const macros = new Map<ByteString, [ByteString, AttributeValue | undefined][]>();
    for (const level of levels) for (const [name, states] of level.macros) macros.set(name, states);
    for (let i = levels.length - 1; i >= 0; i--) {
      const { rules } = levels[i]!;
      for (let k = rules.length - 1; k >= 0; k--) {
        const rule = rules[k]!;
        if (!matchesRule(rule, path)) continue;
        this.#apply(rule.states, out, macros, 0);
      }
    }
    const result = new Map<ByteString, AttributeValue>();
    for (const [name, value] of out) if (value !== undefined) result.set(name, value);
    return result;
  }

  #apply(
    states: [ByteString, AttributeValue | undefined][],
    out: Map<ByteString, AttributeValue | undefined>,
    macros: Map<ByteString, [ByteString, AttributeValue | undefined][]>,
    depth: number,
  ): void {
    for (let k = states.length - 1; k >= 0; k--) {
      const [name, value] = states[k]!;
      if (out.has(name)) continue;
      out.set(name, value);
      const macro = macros.get(name);
      if (macro !== undefined && value === true && depth < 16) {
        this.#apply(macro, out, macros, depth + 1);
      }
    }
  }
}

function matchesRule(rule: Rule, path: ByteString): boolean {
  if (!path.startsWith(rule.base)) return false;
  const directory = path.endsWith("/");
  if (rule.directory && !directory) return false;
  const inner = (directory ? path.slice(0, -1) : path).slice(rule.base.length);
  if (!rule.anchored) {
    const name = inner.slice(inner.lastIndexOf("/") + 1);
    return wildmatch(rule.pattern, name);
  }
  return wildmatch(rule.pattern, inner, { pathname: true });
}
