/**
 * `reflog`: the logs of references.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { parseSignature } from "../objects.ts";
import { formatReflog } from "../ref_store.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { timeArgument } from "./_revs.ts";
import { log } from "./history.ts";

/** `git reflog` */
export function reflog(cli: Cli, args: ByteString[]): number {
  const { repo } = cli;
  const full = (name: ByteString): ByteString => {
    for (const rule of [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`]) {
      if (repo.refs.hasLog(rule)) return rule;
    }
    return repo.refs.resolve(name)?.target ?? name;
  };
  if (args[0] === "exists") return repo.refs.hasLog(args[1] ?? "") ? 0 : 1;
  if (args[0] === "delete") {
    const o = parseOptions(
      cli,
      args.slice(1),
      "rewrite updateref n,dry-run verbose",
      "git reflog delete [--rewrite] [--updateref] [--dry-run | -n] [--verbose] <ref>@{<specifier>}...",
    );
    for (const spec of o.rest) {
      const match = /^(.*)@\{(.*)\}$/.exec(spec);
      if (match === null) return cli.error(`not a reflog: ${spec}`);
      const name = full(match[1]!);
      const entries = repo.refs.readLog(name) ?? [];
      const index = /^\d+$/.test(match[2]!)
        ? entries.length - 1 - Number(match[2])
        : entries.findIndex((entry) =>
          parseSignature(entry.who).time >= timeArgument(cli, match[2]!)
        );
      if (index < 0 || index >= entries.length) continue;
      const kept = entries.filter((_, i) => i !== index);
      if (o.flag("rewrite")) {
        for (let i = 1; i < kept.length; i++) {
          kept[i] = { ...kept[i]!, oldId: kept[i - 1]!.newId };
        }
      }
      Deno.writeFileSync(repo.refs.logPath(name), fromByteString(formatReflog(kept)));
      if (o.flag("updateref") && kept.length > 0 && repo.refs.read(name)?.kind === "id") {
        repo.refs.update({ name, newId: kept.at(-1)!.newId, skipReflog: true });
      }
    }
    return 0;
  }
  if (args[0] === "expire") {
    const o = parseOptions(
      cli,
      args.slice(1),
      "expire= expire-unreachable= rewrite updateref stale-fix n,dry-run verbose all single-worktree",
      "git reflog expire",
    );
    const limit = (text: ByteString | undefined, days: number): number =>
      text === undefined
        ? Date.now() / 1000 - days * 86400
        : text === "now" || text === "all"
        ? Infinity
        : text === "never" || text === "false"
        ? -Infinity
        : timeArgument(cli, text);
    const total = limit(o.text("expire") ?? repo.config.get("gc.reflogexpire"), 90);
    const names = o.flag("all") ? repo.refs.logNames() : o.rest.map(full);
    for (const name of names) {
      const entries = repo.refs.readLog(name) ?? [];
      const kept = entries.filter((entry) => parseSignature(entry.who).time >= total);
      if (!o.flag("dry-run") && kept.length !== entries.length) {
        Deno.writeFileSync(repo.refs.logPath(name), fromByteString(formatReflog(kept)));
      }
    }
    return 0;
  }
  const rest = args[0] === "show" ? args.slice(1) : args;
  return log(cli, ["-g", "--abbrev-commit", "--pretty=oneline", ...rest]);
}
