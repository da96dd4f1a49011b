/**
 * Short names of refs.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { expandRule, REF_RULES } from "./ref_name.ts";
import type { Repository } from "./repository.ts";

/** The shortest name that still means this ref. */
export function shortenRef(
  repository: Pick<Repository, "refs">,
  name: ByteString,
  strict: boolean,
): ByteString {
  for (let rule = REF_RULES.length - 1; rule > 0; rule--) {
    const pattern = REF_RULES[rule]!;
    const at = pattern.indexOf("%");
    const head = pattern.slice(0, at), tail = pattern.slice(at + 1);
    if (
      !name.startsWith(head) || !name.endsWith(tail) || name.length <= head.length + tail.length
    ) continue;
    const short = name.slice(head.length, name.length - tail.length);
    const last = strict ? REF_RULES.length : rule;
    let clash = false;
    for (let other = 0; other < last && !clash; other++) {
      if (other === rule) continue;
      clash = repository.refs.exists(expandRule(REF_RULES[other]!, short));
    }
    if (!clash) return short;
  }
  return name;
}
