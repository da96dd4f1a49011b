/**
 * `var`: Git's logical variables.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { type Cli, Exit } from "./_context.ts";
import { usageError } from "./_options.ts";

/** `git var` */
export function varCommand(cli: Cli, args: ByteString[]): number {
  const show = (name: string): ByteString | undefined => {
    switch (name) {
      case "GIT_AUTHOR_IDENT":
        return cli.ident("author");
      case "GIT_COMMITTER_IDENT":
        return cli.ident("committer");
      case "GIT_EDITOR":
        return cli.editor();
      case "GIT_SEQUENCE_EDITOR":
        return cli.env.get("GIT_SEQUENCE_EDITOR") ?? cli.config.get("sequence.editor") ??
          cli.editor();
      case "GIT_PAGER":
        return cli.env.get("GIT_PAGER") ?? cli.config.get("core.pager") ?? cli.env.get("PAGER") ??
          "pager";
      case "GIT_DEFAULT_BRANCH":
        return cli.config.get("init.defaultbranch") ?? "master";
      default:
        return undefined;
    }
  };
  if (args[0] === "-l") {
    for (const entry of cli.config.entries) {
      cli.out(entry.value === undefined ? `${entry.key}\n` : `${entry.key}=${entry.value}\n`);
    }
    for (
      const name of [
        "GIT_COMMITTER_IDENT",
        "GIT_AUTHOR_IDENT",
        "GIT_EDITOR",
        "GIT_SEQUENCE_EDITOR",
        "GIT_PAGER",
        "GIT_DEFAULT_BRANCH",
      ]
    ) {
      try {
        cli.out(`${name}=${show(name)}\n`);
      } catch (error) {
        if (!(error instanceof Exit)) throw error;
      }
    }
    return 0;
  }
  const value = args.length === 1 ? show(args[0]!) : undefined;
  if (value === undefined) throw usageError("", "git var (-l | <variable>)");
  cli.out(`${value}\n`);
  return 0;
}
