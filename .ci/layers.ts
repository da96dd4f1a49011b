/**
 * Checks how the files of the package depend on each other. Fails on
 *
 * - an import against the order of the modules, or past another module's public files;
 * - a cycle between files, those of `import type` aside: they are gone when the code runs;
 * - a published file that imports anything but `@std`, a `node:` built-in or the package itself;
 * - a `mod.ts` that does more than re-export.
 */
import { dirname, join, normalize } from "@std/path/posix";
import { listFiles, readConfig, ROOT } from "./_project.ts";

/** A module may import the modules before it. */
const ORDER = ["parser", "kv", "web", "orm", "cache", "git", "rpc", "raft", "cloud"];

const COMMENT = /^[ \t]*\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm;
const STATIC_IMPORT = /^(?:import|export)\b[^;'"`]*?\bfrom\s*["']([^"'\n]+)["']/gm;
const TYPE_IMPORT = /^(?:import|export) type\b[^;'"`]*?\bfrom\s*["']([^"'\n]+)["'];?/gm;
const BARE_IMPORT = /^import\s*["']([^"'\n]+)["']/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*["']([^"'\n]+)["']/g;
const RE_EXPORT = /^export (?:type )?(?:\*|\{[^}]*\})[^;]*? from "[^"]+";$/gm;

interface SourceFile {
  path: string;
  /** The code without its comments. */
  code: string;
  imports: string[];
  /** The imports that are there at run time. */
  runtimeImports: string[];
}

/** Finds the imports of one file: statements at the start of a line, and `import("…")` anywhere. */
export function importsOf(source: string, typesToo = true): string[] {
  const withTypes = source.replaceAll(COMMENT, "");
  const code = typesToo ? withTypes : withTypes.replaceAll(TYPE_IMPORT, "");
  return [STATIC_IMPORT, BARE_IMPORT, DYNAMIC_IMPORT]
    .flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!));
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

/** Returns what is wrong, one line each; empty where the layering holds. */
export function checkLayers(
  sources: ReadonlyMap<string, string>,
  exported: ReadonlySet<string>,
): string[] {
  const problems: string[] = [];
  const files = new Map<string, SourceFile>();
  for (const [path, source] of sources) {
    files.set(path, {
      path,
      code: source.replaceAll(COMMENT, ""),
      imports: importsOf(source),
      runtimeImports: importsOf(source, false),
    });
  }
  for (const file of files.values()) {
    problems.push(...checkImports(file, exported));
    if (/(^|\/)mod\.ts$/.test(file.path) && file.code.replaceAll(RE_EXPORT, "").trim() !== "") {
      problems.push(`${file.path}: a mod.ts may only re-export`);
    }
  }
  return [...problems, ...findCycles(files)];
}

function checkImports(file: SourceFile, exported: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const folder = folderOf(file.path);
  const layer = ORDER.indexOf(folder);
  if (layer < 0) return folder === "" ? checkRoot(file) : problems;
  const published = !/_test\.ts$/.test(file.path);
  for (const specifier of file.imports) {
    if (!specifier.startsWith(".")) {
      const allowed = specifier.startsWith("@std/") || specifier.startsWith("node:");
      if (published && !allowed) problems.push(`${file.path}: published code imports ${specifier}`);
      continue;
    }
    const target = normalize(join(dirname(file.path), specifier));
    const targetFolder = folderOf(target);
    if (targetFolder === folder) continue;
    const targetLayer = ORDER.indexOf(targetFolder);
    if (targetLayer < 0 || targetLayer > layer) {
      problems.push(
        `${file.path}: ${folder} may not import ${target} (order: ${ORDER.join(", ")})`,
      );
    } else if (!exported.has(target)) {
      problems.push(`${file.path}: ${target} is not a public file of ${targetFolder}`);
    }
  }
  return problems;
}

function checkRoot(file: SourceFile): string[] {
  return file.imports.filter((specifier) => !specifier.startsWith("./"))
    .map((specifier) => `${file.path}: imports ${specifier}`);
}

/** Depth-first search with an explicit stack; names each cycle by the edge that closes it. */
function findCycles(files: ReadonlyMap<string, SourceFile>): string[] {
  const problems: string[] = [];
  const state = new Map<string, "open" | "done">();
  for (const root of files.keys()) {
    const path: { file: string; next: string[] }[] = [];
    const enter = (file: string) => {
      state.set(file, "open");
      const next = files.get(file)!.runtimeImports
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => normalize(join(dirname(file), specifier)))
        .filter((target) => files.has(target));
      path.push({ file, next });
    };
    if (!state.has(root)) enter(root);
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const target = top.next.pop();
      if (target === undefined) {
        state.set(top.file, "done");
        path.pop();
      } else if (!state.has(target)) {
        enter(target);
      } else if (state.get(target) === "open") {
        const start = path.findIndex((step) => step.file === target);
        const cycle = path.slice(start).map((step) => step.file);
        problems.push(`cycle: ${[...cycle, target].join(" -> ")}`);
      }
    }
  }
  return problems;
}

if (import.meta.main) {
  const sources = new Map<string, string>();
  for (const path of listFiles()) {
    if (!path.endsWith(".ts") || path.startsWith(".")) continue;
    sources.set(path, Deno.readTextFileSync(`${ROOT}/${path}`));
  }
  const exported = new Set(Object.values(readConfig().exports).map((path) => normalize(path)));
  const problems = checkLayers(sources, exported);
  for (const problem of problems) console.error(problem);
  console.log(`${sources.size} files, ${problems.length} layering problems`);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
