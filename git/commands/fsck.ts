/**
 * `git fsck`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { readFileIfAny, stat } from "../_files.ts";
import { GitError } from "../errors.ts";
import { decodeLoose } from "../file_object_store.ts";
import { checkObject, type FsckProblem, SettingsFiles } from "../fsck.ts";
import { hashObject, type ObjectId } from "../hash_algorithm.ts";
import { isObjectType, parseCommit, parseTag, parseTree } from "../objects.ts";
import { readBlob } from "../object_store.ts";
import { reverseIndex } from "../pack_index.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";

/** `git fsck` */
export function fsckCommand(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "v,verbose unreachable dangling tags root cache reflogs full connectivity-only strict lost-found progress name-objects",
    "git fsck [<options>] [<object>...]",
  );
  const { repo } = cli;
  const { objects, algorithm } = repo;
  let failed = 0;
  const missing = new Map<ObjectId, string>();
  const used = new Set<ObjectId>();
  const kinds = new Map<ObjectId, string>();
  const links = new Map<ObjectId, ObjectId[]>();
  const bad = (text: ByteString, code: number): void => {
    cli.err(`${text}\n`);
    failed |= code;
  };
  const settings = new SettingsFiles();
  const report = (id: ObjectId, type: string, problems: readonly FsckProblem[]): void => {
    for (const problem of problems) {
      const severity = problem.severity === "warn" && o.flag("strict") ? "error" : problem.severity;
      if (severity === "info") continue;
      bad(
        `${
          severity === "error" ? "error" : "warning"
        } in ${type} ${id}: ${problem.id}: ${problem.message}`,
        severity === "error" ? 1 : 0,
      );
    }
  };
  const visit = (id: ObjectId, type: string, data: Uint8Array): void => {
    if (kinds.has(id)) return;
    kinds.set(id, type);
    if (!isObjectType(type)) return;
    report(id, type, checkObject(type, data, algorithm));
    const out: ObjectId[] = [];
    const link = (target: ObjectId, kind: string): void => {
      out.push(target);
      used.add(target);
      if (!missing.has(target)) missing.set(target, kind);
    };
    try {
      if (type === "commit") {
        const commit = parseCommit(data, algorithm);
        link(commit.tree, "tree");
        for (const parent of commit.parents) link(parent, "commit");
        if (o.flag("root") && commit.parents.length === 0) cli.out(`root ${id}\n`);
      } else if (type === "tree") {
        const entries = parseTree(data, algorithm);
        settings.addTree(entries);
        for (const entry of entries) {
          if ((entry.mode & 0o170000) !== 0o160000) {
            link(entry.id, (entry.mode & 0o170000) === 0o40000 ? "tree" : "blob");
          }
        }
      } else if (type === "tag") {
        const tag = parseTag(data, algorithm);
        link(tag.object, tag.type);
        if (o.flag("tags")) cli.out(`tagged ${tag.type} ${tag.object} (${tag.tag}) in ${id}\n`);
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(`error: ${id}: object could not be parsed: ${objectPath(cli, id)}`, 1);
    }
    links.set(id, out);
  };
  for (const id of objects.looseIds()) {
    const path = `${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
    const packed = readFileIfAny(objects.loosePath(id) ?? path);
    if (packed === undefined) continue;
    try {
      const { type, data } = decodeLoose(packed, id);
      const actual = hashObject(algorithm, type, data);
      if (actual !== id) {
        bad(`error: ${actual}: hash-path mismatch, found at: ${objectPath(cli, id)}`, 1);
      } else if (!isObjectType(type)) {
        bad(`error: ${id}: object is of unknown type '${type}': ${objectPath(cli, id)}`, 1);
      } else visit(id, type, data);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(
        `error: ${error.message}\nerror: ${id}: object corrupt or missing: ${objectPath(cli, id)}`,
        1,
      );
    }
  }
  for (const pack of objects.packs()) {
    try {
      const offsets = pack.index.offsets();
      for (const at of reverseIndex(offsets)) {
        const id = pack.index.id(at);
        if (kinds.has(id)) continue;
        const object = pack.file.read(offsets[at]!, (base) => {
          const offset = pack.find(base);
          return offset >= 0 ? offset : objects.read(base);
        });
        if (hashObject(algorithm, object.type, object.data) !== id) {
          bad(`error: packed ${id} from ${pack.path}.pack is corrupt`, 4);
        } else visit(id, object.type, object.data);
      }
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      bad(`error: ${pack.path}.pack: ${error.message}`, 4);
    }
  }
  for (const id of settings.ids()) {
    const kind = kinds.get(id);
    if (kind === undefined) continue;
    if (kind === "blob") {
      report(id, kind, settings.check(id, readBlob(objects, id)));
    } else {
      report(id, kind, [{
        id: "gitmodulesBlob",
        severity: "error",
        message: "non-blob found at .gitmodules",
      }]);
    }
  }
  const roots: ObjectId[] = [];
  const head = repo.refs.read("HEAD");
  if (head?.kind === "symbolic" && !head.target.startsWith("refs/heads/")) {
    bad(`error: HEAD points to something strange (${head.target})`, 2);
  }
  for (const ref of repo.refs.list()) {
    if (ref.broken) {
      bad(`error: ${ref.name}: invalid sha1 pointer ${ref.id}`, 2);
      continue;
    }
    if (!kinds.has(ref.id)) bad(`error: ${ref.name}: invalid sha1 pointer ${ref.id}`, 2);
    else if (ref.name.startsWith("refs/heads/") && kinds.get(ref.id) !== "commit") {
      bad(`error: ${ref.name}: not a commit`, 2);
    }
    roots.push(ref.id);
  }
  if (head?.kind === "symbolic" && repo.head() === undefined) {
    cli.err(
      `notice: HEAD points to an unborn branch (${head.target.replace("refs/heads/", "")})\n`,
    );
  }
  const headId = repo.head();
  if (headId !== undefined) {
    if (!kinds.has(headId)) bad(`error: HEAD: invalid sha1 pointer ${headId}`, 2);
    roots.push(headId);
  }
  if (!o.negated("reflogs")) {
    for (const name of repo.refs.logNames()) {
      for (const entry of repo.refs.readLog(name) ?? []) {
        for (const id of [entry.oldId, entry.newId]) {
          if (/^0+$/.test(id)) continue;
          if (!kinds.has(id)) bad(`error: ${name}: invalid reflog entry ${id}`, 2);
          else roots.push(id);
        }
      }
    }
  }
  for (const name of o.rest) roots.push(cli.revision(name));
  if (!repo.bare || stat(repo.indexPath) !== undefined) {
    for (const entry of repo.readIndex().entries) {
      if ((entry.mode & 0o170000) !== 0o160000) roots.push(entry.id);
    }
  }
  const reachable = new Set<ObjectId>();
  const stack = [...roots];
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (reachable.has(id)) continue;
    reachable.add(id);
    for (const next of links.get(id) ?? []) {
      if (!kinds.has(next) && !reachable.has(next) && next !== algorithm.emptyTree) {
        reachable.add(next);
        cli.out(
          `broken link from ${kinds.get(id)!.padStart(7)} ${id}\n              to ${
            missing.get(next)!.padStart(7)
          } ${next}\n`,
        );
        failed |= 2;
        continue;
      }
      stack.push(next);
    }
  }
  const sorted = [...kinds.keys()].sort();
  for (const id of reachable) {
    if (!kinds.has(id) && missing.has(id) && id !== algorithm.emptyTree) {
      cli.out(`missing ${missing.get(id)} ${id}\n`);
      failed |= 2;
    }
  }
  for (const id of sorted) {
    if (reachable.has(id)) continue;
    if (o.flag("unreachable")) cli.out(`unreachable ${kinds.get(id)} ${id}\n`);
    else if (!o.negated("dangling") && !used.has(id)) cli.out(`dangling ${kinds.get(id)} ${id}\n`);
  }
  return failed;
}

function objectPath(cli: Cli, id: ObjectId): ByteString {
  const { workTree } = cli.repo.paths;
  const path = `${cli.repo.objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
  return workTree !== undefined && path.startsWith(`${workTree}/`)
    ? path.slice(workTree.length + 1)
    : path;
}
