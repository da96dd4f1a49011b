/**
 * `git bisect`.
 *
 * @module
 */
import { type ByteString, fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny, removeFile, stat } from "../_files.ts";
import { GitError } from "../errors.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { isAncestor, mergeBases } from "../merge_base.ts";
import { peelTo, readCommit } from "../object_store.ts";
import type { Pathspec } from "../pathspec.ts";
import { subjectOf } from "../pretty.ts";
import { walkCommits } from "../rev_list.ts";
import { type Cli, Exit, runChild } from "./_context.ts";
import { makePathspec } from "./_revs.ts";
import { diffTree } from "./history.ts";
import { splitWords } from "./_options.ts";
import { checkout } from "./checkout.ts";

const USAGE =
  "git bisect [help|start|bad|good|new|old|terms|skip|next|reset|visualize|view|replay|log|run]";

const STATE = [
  "BISECT_EXPECTED_REV",
  "BISECT_ANCESTORS_OK",
  "BISECT_LOG",
  "BISECT_RUN",
  "BISECT_TERMS",
  "BISECT_NAMES",
  "BISECT_FIRST_PARENT",
  "BISECT_HEAD",
  "BISECT_START",
];

function shellQuote(text: ByteString): ByteString {
  return `'${text.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`;
}

/** How many more steps a number of commits takes. */
export function estimateSteps(count: number): number {
  if (count < 3) return 0;
  const n = Math.floor(Math.log2(count));
  const e = 2 ** n;
  return e < 3 * (count - e) ? n : n - 1;
}

class Bisect {
  readonly cli: Cli;
  readonly dir: ByteString;

  constructor(cli: Cli) {
    this.cli = cli;
    this.dir = cli.repo.paths.gitDir;
  }

  read(name: string): ByteString | undefined {
    return readTextIfAny(`${this.dir}/${name}`)?.replace(/\n$/, "");
  }

  write(name: string, text: ByteString, append = false): void {
    Deno.writeFileSync(nativePath(`${this.dir}/${name}`), fromByteString(text), { append });
  }

  get running(): boolean {
    return stat(`${this.dir}/BISECT_START`) !== undefined;
  }

  get terms(): { bad: ByteString; good: ByteString } {
    const text = this.read("BISECT_TERMS");
    const [bad = "bad", good = "good"] = text === undefined ? [] : text.split("\n");
    return { bad, good };
  }

  needRunning(): void {
    if (!this.running) {
      throw new Exit(1, 'You need to start by "git bisect start"\n\n');
    }
  }

  #commit(name: ByteString): ObjectId {
    const id = this.cli.tryRevision(name, { prefer: "committish" });
    const commit = id === undefined ? undefined : peelTo(this.cli.repo.objects, id, "commit");
    if (commit === undefined) throw new Exit(1, `error: Bad rev input: ${name}\n`);
    return commit;
  }

  describe(id: ObjectId): ByteString {
    return `[${id}] ${subjectOf(readCommit(this.cli.repo.objects, id).message)}`;
  }

  /** Known states: the bad commit, good ones, skipped ones. */
  known(): { bad: ObjectId | undefined; good: ObjectId[]; skip: ObjectId[] } {
    const { refs } = this.cli.repo;
    const { bad, good } = this.terms;
    const out = {
      bad: refs.id(`refs/bisect/${bad}`),
      good: [] as ObjectId[],
      skip: [] as ObjectId[],
    };
    for (const ref of refs.list("refs/bisect/")) {
      if (ref.name.startsWith(`refs/bisect/${good}-`)) out.good.push(ref.id);
      else if (ref.name.startsWith("refs/bisect/skip-")) out.skip.push(ref.id);
    }
    return out;
  }

  mark(state: ByteString, id: ObjectId, log: boolean): void {
    const { bad, good } = this.terms;
    const name = state === bad
      ? `refs/bisect/${state}`
      : state === good || state === "skip"
      ? `refs/bisect/${state}-${id}`
      : undefined;
    if (name === undefined) throw new Exit(1, `error: Bad bisect_write argument: ${state}\n`);
    this.cli.repo.refs.update({ name, newId: id });
    this.write("BISECT_LOG", `# ${state}: ${this.describe(id)}\n`, true);
    if (log) this.write("BISECT_LOG", `git bisect ${state} ${id}\n`, true);
  }

  clean(): void {
    const { refs, algorithm } = this.cli.repo;
    for (const ref of refs.list("refs/bisect/")) {
      refs.update({ name: ref.name, newId: algorithm.zero });
    }
    for (const name of STATE) removeFile(`${this.dir}/${name}`);
  }

  async start(args: readonly ByteString[]): Promise<number> {
    const { cli } = this;
    const { repo } = cli;
    let bad: ByteString = "bad", good: ByteString = "good";
    let named = false, noCheckout = false, firstParent = false;
    const revs: ObjectId[] = [];
    const given: ByteString[] = [];
    let i = 0;
    for (; i < args.length; i++) {
      const word = args[i]!;
      if (word === "--") break;
      if (word === "--no-checkout") noCheckout = true;
      else if (word === "--first-parent") firstParent = true;
      else if (/^--term-(?:good|old)(?:=|$)/.test(word)) {
        good = word.includes("=") ? word.slice(word.indexOf("=") + 1) : args[++i] ?? "";
        named = true;
      } else if (/^--term-(?:bad|new)(?:=|$)/.test(word)) {
        bad = word.includes("=") ? word.slice(word.indexOf("=") + 1) : args[++i] ?? "";
        named = true;
      } else if (word.startsWith("--")) {
        throw new Exit(1, `error: unrecognized option: '${word}'\n`);
      } else {
        let id: ObjectId | undefined;
        try {
          id = cli.tryRevision(word, { prefer: "committish" });
        } catch (error) {
          if (!(error instanceof GitError)) throw error;
        }
        const commit = id === undefined ? undefined : peelTo(repo.objects, id, "commit");
        if (commit === undefined) {
          if (args.includes("--")) {
            throw new Exit(1, `fatal: '${word}' does not appear to be a valid revision\n`);
          }
          break;
        }
        revs.push(commit);
        given.push(word);
      }
    }
    const paths = args.slice(i).filter((word) => word !== "--");
    for (const term of [bad, good]) checkTerm(term, bad, good);
    if (bad === good) throw new Exit(1, "error: please use two different terms\n");
    let begin = this.read("BISECT_START");
    if (begin !== undefined) {
      const code = await checkout(cli, ["-q", begin, "--"]);
      if (code !== 0) {
        throw new Exit(
          1,
          `error: checking out '${begin}' failed. Try 'git bisect start <valid-branch>'.\n`,
        );
      }
    } else {
      const head = repo.headBranch();
      begin = head === undefined ? repo.head() : head.replace(/^refs\/heads\//, "");
      if (begin === undefined || repo.head() === undefined) {
        throw new Exit(1, "error: bad HEAD - I need a HEAD\n");
      }
    }
    this.clean();
    this.write("BISECT_START", `${begin}\n`);
    if (firstParent) this.write("BISECT_FIRST_PARENT", "\n");
    this.write("BISECT_NAMES", `${paths.map((path) => ` ${shellQuote(path)}`).join("")}\n`);
    if (noCheckout) {
      repo.refs.update({
        name: "BISECT_HEAD",
        newId: repo.head(),
        noDeref: true,
        skipReflog: true,
      });
    }
    if (named || revs.length > 0) this.write("BISECT_TERMS", `${bad}\n${good}\n`);
    revs.forEach((id, k) => this.mark(k === 0 ? bad : good, id, false));
    this.write(
      "BISECT_LOG",
      `git bisect start${args.map((word) => ` ${shellQuote(word)}`).join("")}\n`,
      true,
    );
    return await this.autoNext();
  }

  /** Says what is still missing, or goes on. */
  async autoNext(): Promise<number> {
    const { cli } = this;
    const { bad, good } = this.known();
    const terms = this.terms;
    if (bad !== undefined && good.length > 0) return await this.next();
    const text = bad === undefined && good.length === 0
      ? `waiting for both ${terms.good} and ${terms.bad} commits`
      : bad === undefined
      ? `waiting for ${terms.bad} commit, ${good.length} ${terms.good} commit${
        good.length === 1 ? "" : "s"
      } known`
      : `waiting for ${terms.good} commit(s), ${terms.bad} commit known`;
    cli.out(`status: ${text}\n`);
    this.write("BISECT_LOG", `# status: ${text}\n`, true);
    return 0;
  }

  async #go(id: ObjectId): Promise<number> {
    const { cli } = this;
    const { repo } = cli;
    this.write("BISECT_EXPECTED_REV", `${id}\n`);
    if (stat(`${this.dir}/BISECT_HEAD`) !== undefined) {
      repo.refs.update({ name: "BISECT_HEAD", newId: id, noDeref: true, skipReflog: true });
    } else {
      cli.flush();
      const code = await checkout(cli, ["-q", id, "--"]);
      if (code !== 0) return 1;
    }
    cli.out(`${this.describe(id)}\n`);
    return 0;
  }

  #paths(): Pathspec | undefined {
    const names = splitWords(this.read("BISECT_NAMES") ?? "");
    return names.length === 0 ? undefined : makePathspec(this.cli, names);
  }

  /** Picks the next commit to test. */
  async next(): Promise<number> {
    const { cli } = this;
    const store = cli.repo.objects;
    const { bad, good, skip } = this.known();
    const terms = this.terms;
    if (bad === undefined || good.length === 0) {
      throw new Exit(
        1,
        `error: You need to give me at least one ${terms.good} and ${terms.bad} revision.\nYou can use "git bisect ${terms.bad}" and "git bisect ${terms.good}" for that.\n`,
      );
    }
    const firstParent = stat(`${this.dir}/BISECT_FIRST_PARENT`) !== undefined;
    if (
      stat(`${this.dir}/BISECT_ANCESTORS_OK`) === undefined &&
      !good.every((id) => isAncestor(store, id, bad))
    ) {
      for (const base of mergeBases(store, bad, good)) {
        if (base === bad) {
          throw new Exit(
            3,
            terms.bad === "bad" && terms.good === "good"
              ? `The merge base ${bad} is bad.\nThis means the bug has been fixed between ${bad} and [${
                good.join(" ")
              }].\n`
              : `The merge base ${bad} is ${terms.bad}.\nThis means the first '${terms.good}' commit is between ${bad} and [${
                good.join(" ")
              }].\n`,
          );
        }
        if (good.includes(base)) continue;
        if (skip.includes(base)) {
          cli.warn(
            `the merge base between ${bad} and [${
              good.join(" ")
            }] must be skipped.\nSo we cannot be sure the first ${terms.bad} commit is between ${base} and ${bad}.\nWe continue anyway.`,
          );
          continue;
        }
        cli.out("Bisecting: a merge base must be tested\n");
        return await this.#go(base);
      }
      if (good.some((id) => isAncestor(store, bad, id))) {
        throw new Exit(
          1,
          `error: Some ${terms.good} revs are not ancestors of the ${terms.bad} rev.\ngit bisect cannot work properly in this case.\nMaybe you mistook ${terms.good} and ${terms.bad} revs?\n`,
        );
      }
      this.write("BISECT_ANCESTORS_OK", "");
    }
    const spec = this.#paths();
    const list = [
      ...walkCommits(store, { include: [bad], exclude: good, pathspec: spec, firstParent }),
    ].reverse();
    if (list.length === 0) {
      throw new Exit(
        4,
        `${bad} was both ${terms.good} and ${terms.bad}\n`,
      );
    }
    const weights = weigh(list);
    const skipped = new Set(skip);
    const ranked = rank(list, weights);
    let chosen = ranked.find((id) => !skipped.has(id));
    const tried = ranked.filter((id) => skipped.has(id));
    if (skipped.size === 0) chosen = halfway(list, weights) ?? ranked[0];
    if (chosen === undefined || (chosen === bad && tried.length > 0)) {
      if (tried.length === 0) chosen = bad;
      else {
        cli.out(
          `There are only 'skip'ped commits left to test.\nThe first ${terms.bad} commit could be any of:\n${
            [...tried, bad].map((id) => `${id}\n`).join("")
          }We cannot bisect more!\n`,
        );
        this.write(
          "BISECT_LOG",
          `# only skipped commits left to test\n${
            [bad, ...tried.filter((id) => id !== bad)].map((id) =>
              `# possible first ${terms.bad} commit: ${this.describe(id)}\n`
            ).join("")
          }`,
          true,
        );
        return 2;
      }
    }
    if (chosen === bad) {
      cli.out(`${bad} is the first ${terms.bad} commit\n`);
      await diffTree(cli, ["--pretty", "--stat", "--summary", "--cc", bad]);
      this.write("BISECT_LOG", `# first ${terms.bad} commit: ${this.describe(bad)}\n`, true);
      return 10;
    }
    const best = skipped.size === 0 ? chosen : ranked[0]!;
    const left = list.length - weights.get(best)! - 1;
    const steps = estimateSteps(list.length);
    cli.out(
      `Bisecting: ${left} revision${
        left === 1 ? "" : "s"
      } left to test after this (roughly ${steps} step${steps === 1 ? "" : "s"})\n`,
    );
    return await this.#go(chosen);
  }

  async state(word: ByteString, names: readonly ByteString[]): Promise<number> {
    const { cli } = this;
    this.#fitTerms(word);
    const { bad } = this.terms;
    if (!this.running) {
      throw new Exit(1, 'You need to start by "git bisect start"\n\n');
    }
    if (word === bad && names.length > 1) {
      throw new Exit(1, `error: 'git bisect ${bad}' can take only one argument.\n`);
    }
    const ids = names.length === 0
      ? [cli.repo.refs.id("BISECT_HEAD") ?? cli.repo.head()!]
      : names.map((name) => this.#commit(name));
    for (const id of ids) this.mark(word, id, true);
    if (
      this.read("BISECT_EXPECTED_REV") !== undefined &&
      !ids.includes(this.read("BISECT_EXPECTED_REV")!)
    ) {
      removeFile(`${this.dir}/BISECT_ANCESTORS_OK`);
      removeFile(`${this.dir}/BISECT_EXPECTED_REV`);
    }
    return await this.autoNext();
  }

  #fitTerms(word: ByteString): void {
    const { bad, good } = this.terms;
    if (this.read("BISECT_TERMS") !== undefined) {
      if (word !== bad && word !== good && word !== "skip") {
        throw new Exit(
          1,
          `error: Invalid command: you're currently in a ${bad}/${good} bisect\n`,
        );
      }
      return;
    }
    if (!this.running) return;
    if (word === "bad" || word === "good") this.write("BISECT_TERMS", "bad\ngood\n");
    else if (word === "new" || word === "old") this.write("BISECT_TERMS", "new\nold\n");
  }

  async skip(names: readonly ByteString[]): Promise<number> {
    const { cli } = this;
    this.needRunning();
    const ids: ObjectId[] = [];
    for (const name of names.length === 0 ? ["HEAD"] : names) {
      const range = /^(.+?)\.\.(.+)$/.exec(name);
      if (range === null) {
        ids.push(
          name === "HEAD"
            ? cli.repo.refs.id("BISECT_HEAD") ?? cli.repo.head()!
            : this.#commit(name),
        );
        continue;
      }
      for (
        const { id } of walkCommits(cli.repo.objects, {
          include: [this.#commit(range[2]!)],
          exclude: [this.#commit(range[1]!)],
        })
      ) ids.push(id);
    }
    for (const id of ids) this.mark("skip", id, true);
    return await this.autoNext();
  }

  async reset(name: ByteString | undefined): Promise<number> {
    const { cli } = this;
    const begin = this.read("BISECT_START");
    if (begin === undefined) {
      if (name === undefined) {
        cli.out("We are not bisecting.\n");
        return 0;
      }
    }
    if (name !== undefined && cli.tryRevision(name) === undefined) {
      throw new Exit(1, `error: '${name}' is not a valid commit\n`);
    }
    const target = name ?? begin!;
    if (stat(`${this.dir}/BISECT_HEAD`) === undefined) {
      const code = await checkout(cli, [target, "--"]);
      if (code !== 0) {
        throw new Exit(
          1,
          `error: could not check out original HEAD '${target}'. Try 'git bisect reset <commit>'.\n`,
        );
      }
    }
    this.clean();
    return 0;
  }

  async replay(file: ByteString): Promise<number> {
    const { cli } = this;
    const text = readTextIfAny(cli.fileArgument(file));
    if (text === undefined) throw new Exit(1, `error: cannot read file '${file}' for replaying\n`);
    await this.reset(undefined);
    for (const line of text.split("\n")) {
      const match = /^\s*git[ -]bisect (.*)$/.exec(line);
      if (match === null) continue;
      const [word = "", ...rest] = splitWords(match[1]!);
      if (word === "start") {
        await this.start(rest);
        continue;
      }
      this.#fitTerms(word);
      if (word === "skip" || word === this.terms.good || word === this.terms.bad) {
        for (const name of rest) this.mark(word, this.#commit(name), true);
      } else if (word !== "terms") throw new Exit(1, "error: ?? what are you talking about?\n");
    }
    return await this.autoNext();
  }

  async run(command: readonly ByteString[]): Promise<number> {
    const { cli } = this;
    this.needRunning();
    const { bad, good } = this.known();
    if (bad === undefined || good.length === 0) {
      const terms = this.terms;
      throw new Exit(
        1,
        `error: You need to give me at least one ${terms.good} and ${terms.bad} revision.\nYou can use "git bisect ${terms.bad}" and "git bisect ${terms.good}" for that.\n`,
      );
    }
    if (command.length === 0) throw new Exit(1, "error: bisect run failed: no command provided.\n");
    const line = command.map((word) => ` ${shellQuote(word)}`).join("");
    for (;;) {
      cli.out(`running ${line}\n`);
      cli.flush();
      const code = runChild(["/bin/sh", "-c", line], { inherit: true });
      if (code < 0 || code >= 128) {
        throw new Exit(
          code,
          `error: bisect run failed: exit code ${code} from${line} is < 0 or >= 128\n`,
        );
      }
      const terms = this.terms;
      const state = code === 125 ? "skip" : code === 0 ? terms.good : terms.bad;
      const result = state === "skip" ? await this.skip([]) : await this.state(state, []);
      if (result === 2) {
        throw new Exit(2, "error: bisect run cannot continue any more\n");
      }
      if (result === 10) {
        cli.out("bisect found first bad commit");
        return 0;
      }
      if (result !== 0) {
        throw new Exit(
          1,
          `error: bisect run failed: 'git bisect ${state}' exited with error code ${result}\n`,
        );
      }
    }
  }
}

function checkTerm(term: ByteString, bad: ByteString, good: ByteString): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(term)) {
    throw new Exit(1, `error: '${term}' is not a valid term\n`);
  }
  if (
    ["help", "start", "skip", "next", "reset", "visualize", "view", "replay", "log", "run", "terms"]
      .includes(term)
  ) {
    throw new Exit(1, `error: can't use the builtin command '${term}' as a term\n`);
  }
  if (
    (term === bad && (term === "good" || term === "old")) ||
    (term === good && (term === "bad" || term === "new"))
  ) {
    throw new Exit(1, `error: can't change the meaning of the term '${term}'\n`);
  }
}

type Listed = { id: ObjectId; parents: readonly ObjectId[] };

/** How many commits of the list each one reaches, itself included. */
function weigh(list: readonly Listed[]): Map<ObjectId, number> {
  const inside = new Map(list.map((one) => [one.id, one]));
  const weights = new Map<ObjectId, number>();
  const parentsOf = (id: ObjectId): ObjectId[] =>
    (inside.get(id)?.parents ?? []).filter((parent) => inside.has(parent));
  const count = (start: ObjectId): number => {
    const seen = new Set<ObjectId>();
    const stack = [start];
    while (stack.length > 0) {
      const id = stack.pop()!;
      if (seen.has(id)) continue;
      seen.add(id);
      stack.push(...parentsOf(id));
    }
    return seen.size;
  };
  // Along a line each one reaches one more than its parent; only merges have to be counted.
  const open: ObjectId[] = [];
  for (const { id } of list) {
    const parents = parentsOf(id);
    if (parents.length === 0) weights.set(id, 1);
    else if (parents.length > 1) weights.set(id, count(id));
    else open.push(id);
  }
  for (let changed = true; changed;) {
    changed = false;
    for (const id of open) {
      if (weights.has(id)) continue;
      const weight = weights.get(parentsOf(id)[0]!);
      if (weight === undefined) continue;
      weights.set(id, weight + 1);
      changed = true;
    }
  }
  return weights;
}

/** The first commit that splits the list in halves. */
function halfway(
  list: readonly Listed[],
  weights: ReadonlyMap<ObjectId, number>,
): ObjectId | undefined {
  const total = list.length;
  const inside = new Set(list.map((one) => one.id));
  const near = (id: ObjectId): boolean => {
    const difference = Math.abs(2 * weights.get(id)! - total);
    return difference <= 1 || difference < total / 1024;
  };
  const merges = list.filter((one) =>
    one.parents.filter((parent) => inside.has(parent)).length > 1
  );
  const rest = list.filter((one) =>
    one.parents.filter((parent) => inside.has(parent)).length === 1
  );
  return [...merges, ...rest].find((one) => near(one.id))?.id;
}

/** Commits by how evenly they split the list, best first. */
function rank(list: readonly Listed[], weights: ReadonlyMap<ObjectId, number>): ObjectId[] {
  const total = list.length;
  const value = (id: ObjectId): number => Math.min(weights.get(id)!, total - weights.get(id)!);
  return list.map((one) => one.id).sort((a, b) => value(b) - value(a));
}

/** `git bisect` */
export async function bisectCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const [word, ...rest] = args;
  const run = new Bisect(cli);
  const { bad, good } = run.terms;
  const done = (code: number): number => code === 10 ? 0 : code;
  switch (word) {
    case undefined:
    case "help":
    case "-h":
      cli.out(`usage: ${USAGE}\n`);
      return word === "help" ? 0 : word === "-h" ? 129 : 1;
    case "start":
      return done(await run.start(rest));
    case "skip":
      return done(await run.skip(rest));
    case "next":
      run.needRunning();
      return done(await run.next());
    case "reset":
      return await run.reset(rest[0]);
    case "log": {
      const text = run.read("BISECT_LOG");
      if (text === undefined) throw new Exit(1, "error: We are not bisecting.\n");
      cli.out(`${text}\n`);
      return 0;
    }
    case "replay":
      if (rest[0] === undefined) throw new Exit(1, "error: no logfile given\n");
      return done(await run.replay(rest[0]));
    case "run":
      return await run.run(rest);
    case "terms": {
      if (run.read("BISECT_TERMS") === undefined) throw new Exit(1, "error: no terms defined\n");
      const option = rest[0];
      if (option === undefined) {
        cli.out(
          `Your current terms are ${good} for the old state\nand ${bad} for the new state.\n`,
        );
      } else if (option === "--term-good" || option === "--term-old") cli.out(`${good}\n`);
      else if (option === "--term-bad" || option === "--term-new") cli.out(`${bad}\n`);
      else {
        throw new Exit(
          1,
          `error: invalid argument ${option} for 'git bisect terms'.\nSupported options are: --term-good|--term-old and --term-bad|--term-new.\n`,
        );
      }
      return 0;
    }
    case "visualize":
    case "view": {
      const { log } = await import("./history.ts");
      const known = run.known();
      return await log(cli, [known.bad ?? "HEAD", ...known.good.map((id) => `^${id}`), ...rest]);
    }
    default:
      if (["good", "bad", "old", "new", good, bad].includes(word)) {
        return done(await run.state(word, rest));
      }
      cli.out(`usage: ${USAGE}\n`);
      return 1;
  }
}
