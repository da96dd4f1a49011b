/**
 * Which names a ref may have (git-check-ref-format).
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";

/** Options of {@linkcode isRefName}. */
export interface RefNameOptions {
  /** Accept a single component such as `main`. Default false. */
  oneLevel?: boolean;
  /** Accept one `*`, as refspecs do. Default false. */
  pattern?: boolean;
}

// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x20\x7f~^:?[\\]|\.\.|@\{/;

/** Whether a name is well formed. */
export function isRefName(name: ByteString, options: RefNameOptions = {}): boolean {
  if (name === "" || name === "@" || name.endsWith(".") || name.length > 65536) return false;
  if (FORBIDDEN.test(name)) return false;
  const stars = name.split("*").length - 1;
  if (stars > (options.pattern ? 1 : 0)) return false;
  const parts = name.split("/");
  if (parts.length < 2 && !options.oneLevel) return false;
  for (const part of parts) {
    if (part === "" || part.startsWith(".") || part.endsWith(".lock")) return false;
  }
  return true;
}

/** Whether a name is safe to use as a path: under `refs/` without climbing out, or all capitals. */
export function isSafeRefName(name: ByteString): boolean {
  if (name.startsWith("refs/")) {
    let depth = 0;
    for (const part of name.slice(5).split("/")) {
      if (part === "") return false;
      if (part === "..") depth--;
      else if (part !== ".") depth++;
      if (depth < 0) return false;
    }
    return depth > 0;
  }
  return /^[A-Z_-]+$/.test(name);
}

/** Whether a ref belongs to one worktree rather than to the repository. */
export function isPerWorktreeRef(name: ByteString): boolean {
  return !name.startsWith("refs/") || name.startsWith("refs/worktree/") ||
    name.startsWith("refs/bisect/") ||
    name.startsWith("refs/rewritten/");
}

/** Where a short name is looked for, in order. */
export const REF_RULES: readonly string[] = [
  "%",
  "refs/%",
  "refs/tags/%",
  "refs/heads/%",
  "refs/remotes/%",
  "refs/remotes/%/HEAD",
];

/** The full name under a rule. */
export function expandRule(rule: string, short: ByteString): ByteString {
  const at = rule.indexOf("%");
  return rule.slice(0, at) + short + rule.slice(at + 1);
}
