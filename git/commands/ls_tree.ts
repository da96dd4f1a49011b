/**
 * `ls-tree`: what is in a tree.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { checkTreeDepth, peelTo, readTree } from "../object_store.ts";
import { isTreeMode, type TreeEntry } from "../objects.ts";
import { type Cli, die, quotePath, relativeToPrefix } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** `git ls-tree` */
export function lsTree(cli: Cli, args: ByteString[]): number {
  const usage =
    "git ls-tree [-d] [-r] [-t] [-l] [-z]\n                   [--name-only] [--name-status] [--object-only] [--full-name] [--full-tree] [--abbrev[=<n>]] [--format=<format>] <tree-ish> [<path>...]";
  const o = parseOptions(
    cli,
    args,
    "d r t z l,long name-only name-status object-only full-name full-tree format= abbrev?",
    usage,
  );
  if (o.rest.length === 0) throw usageError("", usage);
  const { repo } = cli;
  const id = cli.tryRevision(o.rest[0]!, { prefer: "treeish" });
  if (id === undefined) die(`Not a valid object name ${o.rest[0]}`);
  const tree = peelTo(repo.objects, id, "tree");
  if (tree === undefined) die("not a tree object");
  const prefix = o.flag("full-tree") ? "" : cli.prefix;
  const shownPrefix = o.flag("full-name") || o.flag("full-tree") ? "" : prefix;
  const paths = o.rest.slice(1).map((path) => {
    const trailing = path.endsWith("/");
    const full = o.flag("full-tree") ? path.replace(/\/+$/, "") : cli.pathArgument(path);
    return trailing && full !== "" ? `${full}/` : full;
  });
  if (paths.length === 0 && prefix !== "") paths.push(prefix);
  const end = o.flag("z") ? "\0" : "\n";
  const abbrev = o.values.get("abbrev");
  const shorten = (oid: string): string =>
    abbrev === undefined
      ? oid
      : cli.abbrev(oid, typeof abbrev === "string" ? Number(abbrev) : undefined);
  const quote = cli.config.bool("core.quotepath", true);
  const wanted = (path: ByteString, isTree: boolean): "no" | "inside" | "yes" => {
    if (paths.length === 0) return "yes";
    let answer: "no" | "inside" | "yes" = "no";
    for (const one of paths) {
      const bare = one.replace(/\/$/, "");
      if (
        one === "" ||
        (one.endsWith("/") ? path.startsWith(one) : path === bare || path.startsWith(`${bare}/`))
      ) return "yes";
      if (isTree && (one.startsWith(`${path}/`))) answer = "inside";
    }
    return answer;
  };
  const emit = (entry: TreeEntry, path: ByteString): void => {
    const type = isTreeMode(entry.mode)
      ? "tree"
      : (entry.mode & 0o170000) === 0o160000
      ? "commit"
      : "blob";
    const shown = shownPrefix === "" ? path : relativeToPrefix(path, shownPrefix);
    const name = o.flag("z") ? shown : quotePath(shown, quote);
    const size = (): string =>
      type === "blob" ? String(repo.objects.describe(entry.id)?.size ?? "BAD") : "-";
    const format = o.text("format");
    if (format !== undefined) {
      const text = format.replace(
        /%(?:\(([^)]*)\)|x([0-9a-fA-F]{2})|(%))/g,
        (whole, atom, hex, percent) => {
          if (percent !== undefined) return "%";
          if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
          switch (atom) {
            case "objectmode":
              return entry.mode.toString(8).padStart(6, "0");
            case "objecttype":
              return type;
            case "objectname":
              return shorten(entry.id);
            case "objectsize":
              return size();
            case "objectsize:padded":
              return size().padStart(7);
            case "path":
              return name;
            default:
              die(`bad ls-tree format: ${whole}`);
          }
        },
      );
      cli.out(text + end);
    } else if (o.flag("name-only") || o.flag("name-status")) cli.out(name + end);
    else if (o.flag("object-only")) cli.out(shorten(entry.id) + end);
    else {
      const mode = entry.mode.toString(8).padStart(6, "0");
      cli.out(
        `${mode} ${type} ${shorten(entry.id)}${
          o.flag("long") ? ` ${size().padStart(7)}` : ""
        }\t${name}${end}`,
      );
    }
  };
  const walk = (oid: ObjectId, base: ByteString, depth: number): void => {
    checkTreeDepth(depth);
    for (const entry of readTree(repo.objects, oid)) {
      const path = base + entry.name;
      const isTree = isTreeMode(entry.mode);
      const answer = wanted(path, isTree);
      if (answer === "no") continue;
      // "dir/" asks for what is inside.
      const inside = isTree && (answer === "inside" || paths.includes(`${path}/`));
      const recurse = isTree && (o.flag("r") || inside);
      if (recurse) {
        if (o.flag("t") || (o.flag("d") && o.flag("r"))) emit(entry, path);
        walk(entry.id, `${path}/`, depth + 1);
        continue;
      }
      if (answer !== "yes") continue;
      if (o.flag("d") && !isTree) continue;
      emit(entry, path);
    }
  };
  walk(tree, "", 0);
  return 0;
}
