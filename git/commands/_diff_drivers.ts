/**
 * Drivers of diffs: what the attribute `diff` and the configuration `diff.<driver>.*` say about
 * the files of a path, and the programs that they name.
 *
 * @module
 */
import { type ByteString, toByteString } from "../_bytes.ts";
import { nativePath, removeFile } from "../_files.ts";
import type { DiffDriver } from "../diff_format.ts";
import { GitError } from "../errors.ts";
import { isLinkMode } from "../objects.ts";
import { type DiffFile, type DiffPair, fileContent } from "../tree_diff.ts";
import { headingFinder, languageHeadings, languageWords } from "../userdiff.ts";
import { attributesOf } from "../worktree_content.ts";
import { type Cli, die } from "./_context.ts";

/** Which programs may run. */
export interface DriverOptions {
  external: boolean;
}

/** Finds the drivers of paths. */
export function diffDrivers(
  cli: Cli,
  options: DriverOptions,
): (path: ByteString) => DiffDriver | undefined {
  const repository = cli.findRepository();
  const attributes = repository === undefined ? undefined : attributesOf(repository);
  const everywhere = options.external
    ? cli.env.get("GIT_EXTERNAL_DIFF") || cli.config.get("diff.external") || undefined
    : undefined;
  const byName = new Map<ByteString, DiffDriver>();
  const byPath = new Map<ByteString, DiffDriver | undefined>();
  const external = (command: ByteString): DiffDriver["external"] => (pair, header) =>
    runExternal(cli, command, pair, header);
  const fallback: DiffDriver | undefined = everywhere === undefined
    ? undefined
    : { external: external(everywhere) };
  const named = (name: ByteString): DiffDriver => {
    let driver = byName.get(name);
    if (driver !== undefined) return driver;
    const key = `diff.${name}`;
    const { config } = cli;
    const extended = config.get(`${key}.xfuncname`), basic = config.get(`${key}.funcname`);
    let heading: DiffDriver["heading"];
    try {
      heading = extended !== undefined
        ? headingFinder(extended, { extended: true })
        : basic !== undefined
        ? headingFinder(basic, {})
        : languageHeadings(name);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      die(`Invalid regexp to look for hunk header: ${extended ?? basic}`);
    }
    const binary = config.entry(`${key}.binary`);
    const textconv = config.get(`${key}.textconv`), command = config.get(`${key}.command`);
    driver = {
      heading,
      wordRegex: config.get(`${key}.wordregex`) ?? languageWords(name),
      binary: binary === undefined || binary.value?.toLowerCase() === "auto"
        ? undefined
        : config.bool(`${key}.binary`, false),
      ...(textconv === undefined
        ? {}
        : { textconv: (file: DiffFile, data: Uint8Array) => convert(cli, textconv, file, data) }),
      ...(options.external && command !== undefined
        ? { external: external(command) }
        : fallback ?? {}),
    };
    byName.set(name, driver);
    return driver;
  };
  return (path) => {
    if (byPath.has(path)) return byPath.get(path);
    const value = attributes?.get(path).get("diff");
    const driver = value === undefined
      ? fallback
      : value === true
      ? { ...fallback, binary: false }
      : value === false
      ? { ...fallback, binary: true }
      : named(value);
    if (byPath.size > 10_000) byPath.clear();
    byPath.set(path, driver);
    return driver;
  };
}

/** Runs a program of the user's through the shell; returns what it writes. */
function run(
  cli: Cli,
  command: ByteString,
  args: readonly ByteString[],
  environment: Record<string, string> = {},
): { success: boolean; stdout: Uint8Array } {
  cli.flush();
  const shell = new Deno.Command("sh", {
    args: ["-c", `${nativePath(command)} "$@"`, nativePath(command), ...args.map(nativePath)],
    cwd: nativePath(cli.findRepository()?.paths.workTree ?? cli.startDirectory),
    env: environment,
    stdin: "inherit",
    stderr: "inherit",
    stdout: "piped",
  });
  const { success, stdout } = shell.outputSync();
  return { success, stdout };
}

/** A file with some content, for programs; its name ends like the path. */
function temporary(path: ByteString, data: Uint8Array): ByteString {
  const directory = toByteString(new TextEncoder().encode(Deno.makeTempDirSync()));
  const name = `${directory}/${path.slice(path.lastIndexOf("/") + 1)}`;
  Deno.writeFileSync(nativePath(name), data);
  return name;
}

function discard(name: ByteString): void {
  removeFile(name);
  Deno.removeSync(nativePath(name.slice(0, name.lastIndexOf("/"))));
}

function convert(cli: Cli, command: ByteString, file: DiffFile, data: Uint8Array): Uint8Array {
  const name = temporary(file.path, data);
  try {
    const { success, stdout } = run(cli, command, [name]);
    if (!success) die(`unable to read files to diff`);
    return stdout;
  } finally {
    discard(name);
  }
}

function runExternal(
  cli: Cli,
  command: ByteString,
  pair: DiffPair,
  header: ByteString,
): Uint8Array {
  const repository = cli.repo;
  const made: ByteString[] = [];
  const file = (one: DiffFile): ByteString[] => {
    if (one.mode === 0) return ["/dev/null", ".", "."];
    const mode = one.mode.toString(8).padStart(6, "0");
    if (!one.idKnown && !isLinkMode(one.mode)) {
      return [one.path, repository.algorithm.zero, mode];
    }
    const name = temporary(one.path, fileContent(repository.objects, one));
    made.push(name);
    return [name, one.id, mode];
  };
  try {
    const args = [pair.old.path, ...file(pair.old), ...file(pair.new)];
    if (pair.new.path !== pair.old.path) args.push(pair.new.path, header);
    const { success, stdout } = run(cli, command, args, {
      GIT_DIFF_PATH_COUNTER: String(++counter),
      GIT_DIFF_PATH_TOTAL: String(Math.max(counter, total)),
    });
    if (!success) die(`external diff died, stopping at ${pair.old.path}`);
    return stdout;
  } finally {
    for (const name of made) discard(name);
  }
}

let counter = 0, total = 0;

/** How many pairs there are to be shown, for the programs that show them. */
export function countExternal(pairs: number): void {
  counter = 0;
  total = pairs;
}
