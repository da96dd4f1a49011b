/**
 * Runs `deno publish --dry-run`. Where the JSR registry can't be reached, in a copy of the tree
 * whose `links` name the typed facades, since `deno publish` takes no import map.
 *
 * Takes the argument that `.ci/std.ts` printed, if any.
 */
import { dirname, join } from "@std/path";
import { deno, listFiles, readConfig, ROOT } from "./_project.ts";

const DRY_RUN = ["publish", "--dry-run", "--allow-dirty", "--quiet"];

/** Writes one linkable package a facade and returns their folders. */
function writeFacades(folder: string): string[] {
  const map: Record<string, string> =
    JSON.parse(Deno.readTextFileSync(join(ROOT, ".ci", "std_npm.json"))).imports;
  const packages = new Map<string, Record<string, string>>();
  for (const [specifier, path] of Object.entries(map)) {
    const [scope, name, ...rest] = specifier.split("/");
    const entries = packages.get(`${scope}/${name}`) ?? {};
    entries[["." as string, ...rest].join("/")] = path.replace("./std/", "./");
    packages.set(`${scope}/${name}`, entries);
  }
  const imports = readConfig().imports;
  const links: string[] = [];
  for (const [name, entries] of packages) {
    const packageFolder = join(folder, name);
    for (const path of listFiles(join(ROOT, ".ci", "std"))) {
      const target = join(packageFolder, path.replace(".ci/std/", ""));
      Deno.mkdirSync(dirname(target), { recursive: true });
      Deno.copyFileSync(join(ROOT, path), target);
    }
    const version = imports[name]?.split("^")[1] ?? "1.0.0";
    Deno.writeTextFileSync(
      join(packageFolder, "deno.json"),
      JSON.stringify({ name, version, exports: entries }),
    );
    links.push(packageFolder);
  }
  return links;
}

async function publishCopy(): Promise<boolean> {
  const folder = Deno.makeTempDirSync({ prefix: "groundwork-publish-" });
  try {
    const copy = join(folder, "package");
    for (const path of listFiles()) {
      Deno.mkdirSync(dirname(join(copy, path)), { recursive: true });
      Deno.copyFileSync(join(ROOT, path), join(copy, path));
    }
    const links = writeFacades(join(folder, "links"));
    Deno.writeTextFileSync(
      join(copy, "deno.json"),
      JSON.stringify({ ...readConfig(), links }),
    );
    return await deno(DRY_RUN, { cwd: copy });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const reachable = Deno.args.length === 0;
  const success = reachable ? await deno(DRY_RUN) : await publishCopy();
  Deno.exit(success ? 0 : 1);
}
