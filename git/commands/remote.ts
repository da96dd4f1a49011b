/**
 * `git remote`: the list of remotes and their addresses.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { editConfig, renameSection, updateConfigFile } from "../config.ts";
import { isRefName } from "../ref_name.ts";
import { type Cli, Exit } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git remote` */
export function remoteCommand(cli: Cli, args: ByteString[]): number {
  const usage =
    "git remote [-v | --verbose]\n   or: git remote add [-t <branch>] [-m <master>] [-f] [--tags | --no-tags] [--mirror=<fetch|push>] <name> <url>\n   or: git remote remove <name>\n   or: git remote get-url [--push] [--all] <name>\n   or: git remote set-url [--push] <name> <newurl>";
  const { repo } = cli;
  const file = `${repo.paths.commonDir}/config`;
  const names = repo.config.subsections("remote").sort();
  const missing = (name: ByteString): Exit => new Exit(2, `error: No such remote '${name}'\n`);
  const verbose = args[0] === "-v" || args[0] === "--verbose";
  const rest = verbose ? args.slice(1) : args;
  const command = rest[0];
  if (command === undefined) {
    for (const name of names) {
      if (!verbose) cli.out(`${name}\n`);
      else {
        const url = repo.config.all(`remote.${name}.url`)[0] ?? "";
        const push = repo.config.all(`remote.${name}.pushurl`)[0] ?? url;
        cli.out(`${name}\t${url} (fetch)\n${name}\t${push} (push)\n`);
      }
    }
    return 0;
  }
  const put = (key: ByteString, value: ByteString | undefined, add = false): void =>
    updateConfigFile(
      file,
      (text) => editConfig(text, `file ${file}`, key, value, add ? { add } : { all: true }).text,
    );
  if (command === "add") {
    const o = parseOptions(cli, rest.slice(1), "f,fetch tags t,track* m,master= mirror?", usage);
    const [name, url] = o.rest;
    if (name === undefined || url === undefined || o.rest.length !== 2) throw usageError("", usage);
    if (names.includes(name)) throw new Exit(3, `error: remote ${name} already exists.\n`);
    if (!isRefName(`refs/remotes/${name}/test`)) {
      throw new Exit(128, `fatal: '${name}' is not a valid remote name\n`);
    }
    put(`remote.${name}.url`, url);
    if (o.given("mirror")) {
      if (o.text("mirror") !== "push") put(`remote.${name}.fetch`, "+refs/*:refs/*");
      if (o.text("mirror") !== "fetch") put(`remote.${name}.mirror`, "true");
    } else {
      const branches = o.list("track").length > 0 ? o.list("track") : ["*"];
      for (const branch of branches) {
        put(`remote.${name}.fetch`, `+refs/heads/${branch}:refs/remotes/${name}/${branch}`, true);
      }
    }
    if (o.negated("tags")) put(`remote.${name}.tagopt`, "--no-tags");
    else if (o.flag("tags")) put(`remote.${name}.tagopt`, "--tags");
    return 0;
  }
  const words = rest.slice(1).filter((word) => !word.startsWith("-"));
  const name = words[0];
  if (name === undefined) throw usageError("", usage);
  if (!names.includes(name)) throw missing(name);
  const push = rest.includes("--push");
  switch (command) {
    case "remove":
    case "rm": {
      updateConfigFile(
        file,
        (text) => renameSection(text, `file ${file}`, `remote.${name}`, undefined),
      );
      for (const branch of repo.config.subsections("branch")) {
        if (repo.config.entry(`branch.${branch}.remote`)?.value !== name) continue;
        put(`branch.${branch}.remote`, undefined);
        put(`branch.${branch}.merge`, undefined);
      }
      for (const ref of repo.refs.list(`refs/remotes/${name}/`)) {
        repo.refs.update({ name: ref.name, newId: repo.algorithm.zero, noDeref: true });
      }
      return 0;
    }
    case "get-url": {
      const urls = repo.config.all(`remote.${name}.${push ? "pushurl" : "url"}`);
      for (const url of urls.length > 0 ? urls : repo.config.all(`remote.${name}.url`)) {
        cli.out(`${url}\n`);
      }
      return 0;
    }
    case "set-url":
      if (words[1] === undefined) throw usageError("", usage);
      put(`remote.${name}.${push ? "pushurl" : "url"}`, words[1]);
      return 0;
    default:
      throw new Exit(129, `error: Unknown subcommand: ${command}\nusage: ${usage}\n`);
  }
}
