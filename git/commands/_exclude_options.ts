/**
 * The patterns that options name.
 *
 * @module
 */
import { readTextIfAny } from "../_files.ts";
import { IgnoreRules } from "../ignore.ts";
import { ignoreRulesOf } from "../status.ts";
import type { Cli } from "./_context.ts";
import type { parseOptions } from "./_options.ts";

export function ignoredBy(cli: Cli, o: ReturnType<typeof parseOptions>): IgnoreRules {
  const rules = o.flag("exclude-standard") ? ignoreRulesOf(cli.repo) : new IgnoreRules(
    (path) => readTextIfAny(cli.repo.worktreePath(path)),
    false,
    o.text("exclude-per-directory") ?? "",
  );
  for (const pattern of o.list("exclude")) rules.addPattern(pattern);
  return rules;
}
