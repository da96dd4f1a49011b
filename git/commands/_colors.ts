/**
 * Colours of the commands that show history, from `color.*`.
 *
 * @module
 */
import { COLOR_RESET, colorSequence } from "../color.ts";
import type { Cli } from "./_context.ts";

const DIFF: Record<string, string> = {
  context: "",
  meta: "\x1b[1m",
  frag: "\x1b[36m",
  func: "",
  old: "\x1b[31m",
  new: "\x1b[32m",
  commit: "\x1b[33m",
  whitespace: "\x1b[41m",
  oldMoved: "\x1b[1;35m",
  oldMovedAlternative: "\x1b[1;34m",
  oldMovedDimmed: "\x1b[2m",
  oldMovedAlternativeDimmed: "\x1b[2;3m",
  newMoved: "\x1b[1;36m",
  newMovedAlternative: "\x1b[1;33m",
  newMovedDimmed: "\x1b[2m",
  newMovedAlternativeDimmed: "\x1b[2;3m",
};

const DECORATE: Record<string, string> = {
  branch: "\x1b[1;32m",
  remoteBranch: "\x1b[1;31m",
  tag: "\x1b[1;33m",
  stash: "\x1b[1;35m",
  HEAD: "\x1b[1;36m",
  grafted: "\x1b[1;34m",
};

/** Colours of one run; all empty when colour is off. */
export class LogColors {
  /** Whether there is any colour. */
  readonly on: boolean;
  readonly #cli: Cli;
  readonly #known = new Map<string, string>();

  constructor(cli: Cli, on: boolean) {
    this.#cli = cli;
    this.on = on;
  }

  #slot(key: string, fallback: string): string {
    if (!this.on) return "";
    let color = this.#known.get(key);
    if (color === undefined) {
      // `diff.color.*` is what `color.diff.*` was called once.
      const configured = this.#cli.config.get(key) ??
        this.#cli.config.get(key.replace(/^color\.diff\./, "diff.color."));
      color = configured === undefined ? fallback : colorSequence(configured);
      this.#known.set(key, color);
    }
    return color;
  }

  /** A part of a diff: `context`, `meta`, `frag`, `func`, `old`, `new`, `commit`, `whitespace`, `oldMoved` … */
  diff(name: string): string {
    if (name === "context" && this.#cli.config.get("color.diff.context") === undefined) {
      return this.#slot("color.diff.plain", DIFF["context"]!);
    }
    return this.#slot(`color.diff.${name.toLowerCase()}`, DIFF[name] ?? "");
  }

  /** A kind of ref. */
  decorate(kind: string): string {
    return kind === "" ? "" : this.#slot(`color.decorate.${kind.toLowerCase()}`, DECORATE[kind]!);
  }

  /** Ends a colour. */
  get reset(): string {
    return this.on ? COLOR_RESET : "";
  }
}
