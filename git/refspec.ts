/**
 * Refspecs: which refs of one repository become which refs of another
 * (`+refs/heads/*:refs/remotes/origin/*`).
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";
import { isHex } from "./objects.ts";
import { isRefName } from "./ref_name.ts";

/** A parsed refspec. */
export interface Refspec {
  /** Take the update even when it is not a fast-forward (`+`). */
  readonly force: boolean;
  /** Leave out what `source` matches (`^`). */
  readonly negative: boolean;
  /** Both sides hold one `*`. */
  readonly pattern: boolean;
  /** `:` alone: push every branch that exists on both sides. */
  readonly matching: boolean;
  /** The source is the id of an object. */
  readonly exactId: boolean;
  /** Left of the colon; empty when there is nothing. */
  readonly source: ByteString;
  /** Right of the colon; `undefined` without a colon. */
  readonly destination: ByteString | undefined;
}

/** The refspec `refs/tags/*:refs/tags/*`. */
export const TAG_REFSPEC: Refspec = {
  force: false,
  negative: false,
  pattern: true,
  matching: false,
  exactId: false,
  source: "refs/tags/*",
  destination: "refs/tags/*",
};

/** Parses a refspec for fetch or push. Throws `GitError` ("invalid"). */
export function parseRefspec(text: ByteString, use: "fetch" | "push"): Refspec {
  const bad = (): GitError => new GitError("invalid", `invalid refspec '${text}'`);
  let rest = text;
  let force = false, negative = false;
  if (rest.startsWith("+")) {
    force = true;
    rest = rest.slice(1);
  } else if (rest.startsWith("^")) {
    negative = true;
    rest = rest.slice(1);
  }
  const colon = rest.lastIndexOf(":");
  if (negative && colon >= 0) throw bad();
  if (use === "push" && rest === ":") {
    return {
      force,
      negative,
      pattern: false,
      matching: true,
      exactId: false,
      source: "",
      destination: undefined,
    };
  }
  let source = colon < 0 ? rest : rest.slice(0, colon);
  const destination = colon < 0 ? undefined : rest.slice(colon + 1);
  const wild = source.includes("*");
  // A star on one side needs a star on the other; only a push may leave the other side out.
  if (
    destination === undefined
      ? wild && !negative && use === "fetch"
      : wild !== destination.includes("*")
  ) {
    throw bad();
  }
  const pattern = wild;
  if (source === "@") source = "HEAD";
  const flags = { oneLevel: true, pattern };
  const valid = (name: ByteString): boolean => isRefName(name, flags);
  let exactId = false;
  if (negative) {
    if (source === "" || isHex(source, 40) || isHex(source, 64) || !valid(source)) throw bad();
  } else if (use === "fetch") {
    if (source !== "") {
      if (isHex(source, 40) || isHex(source, 64)) exactId = true;
      else if (!valid(source)) throw bad();
    }
    if (destination !== undefined && destination !== "" && !valid(destination)) throw bad();
  } else {
    if (source !== "" && pattern && !valid(source)) throw bad();
    if (destination === undefined) {
      if (!valid(source)) throw bad();
    } else if (destination === "" || !valid(destination)) throw bad();
  }
  return { force, negative, pattern, matching: false, exactId, source, destination };
}

/** What `*` stands for when `name` fits a pattern; `undefined` when it does not. */
export function matchPattern(pattern: ByteString, name: ByteString): ByteString | undefined {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === name ? "" : undefined;
  const tail = pattern.length - star - 1;
  if (name.length < star + tail) return undefined;
  if (!name.startsWith(pattern.slice(0, star)) || !name.endsWith(pattern.slice(star + 1))) {
    return undefined;
  }
  return name.slice(star, name.length - tail);
}

/** Where a refspec sends a ref; `undefined` when it does not match or has no destination. */
export function mapRef(refspec: Refspec, name: ByteString): ByteString | undefined {
  if (refspec.negative || refspec.destination === undefined || refspec.destination === "") {
    return undefined;
  }
  if (!refspec.pattern) return refspec.source === name ? refspec.destination : undefined;
  const middle = matchPattern(refspec.source, name);
  return middle === undefined ? undefined : refspec.destination.replace("*", () => middle);
}

/** The source of a ref that a refspec would have written; `undefined` when it would not. */
export function unmapRef(refspec: Refspec, name: ByteString): ByteString | undefined {
  if (refspec.negative || refspec.destination === undefined || refspec.destination === "") {
    return undefined;
  }
  if (!refspec.pattern) return refspec.destination === name ? refspec.source : undefined;
  const middle = matchPattern(refspec.destination, name);
  return middle === undefined ? undefined : refspec.source.replace("*", () => middle);
}

/** Whether a negative refspec leaves a ref out. */
export function isLeftOut(refspecs: readonly Refspec[], name: ByteString): boolean {
  return refspecs.some((refspec) =>
    refspec.negative &&
    (refspec.pattern
      ? matchPattern(refspec.source, name) !== undefined
      : refspec.source === name || `refs/heads/${refspec.source}` === name)
  );
}

/** The places where a short name is looked for, best first. */
export const REF_RULES: readonly ((name: ByteString) => ByteString)[] = [
  (name) => name,
  (name) => `refs/${name}`,
  (name) => `refs/tags/${name}`,
  (name) => `refs/heads/${name}`,
  (name) => `refs/remotes/${name}`,
  (name) => `refs/remotes/${name}/HEAD`,
];

/** How well a short name stands for a full one: higher is better, 0 not at all. */
export function matchAbbreviated(short: ByteString, full: ByteString): number {
  for (let i = 0; i < REF_RULES.length; i++) {
    if (REF_RULES[i]!(short) === full) return REF_RULES.length - i;
  }
  return 0;
}

/** The ref among several that a short name means. */
export function findAbbreviated<T extends { readonly name: ByteString }>(
  refs: Iterable<T>,
  short: ByteString,
): T | undefined {
  let best: T | undefined;
  let score = 0;
  for (const ref of refs) {
    const own = matchAbbreviated(short, ref.name);
    if (own > score) {
      best = ref;
      score = own;
    }
  }
  return best;
}

/** Prefixes to ask a server for so that a refspec's sources come back. */
export function refPrefixes(refspecs: readonly Refspec[], use: "fetch" | "push"): ByteString[] {
  const out: ByteString[] = [];
  for (const refspec of refspecs) {
    if (refspec.negative || refspec.exactId) continue;
    const name = use === "fetch"
      ? (refspec.source === "" ? "HEAD" : refspec.source)
      : refspec.destination ?? refspec.source;
    if (name === "") continue;
    if (refspec.pattern) out.push(name.slice(0, name.indexOf("*")));
    else for (const rule of REF_RULES) out.push(rule(name));
  }
  return out;
}

/** A name without `refs/heads/`, `refs/tags/` or `refs/remotes/`. */
export function prettyRef(name: ByteString): ByteString {
  return name.replace(/^refs\/(?:heads|tags|remotes)\//, "");
}
