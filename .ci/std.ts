/**
 * Prints the argument that makes the current command find `@std`: nothing where the JSR registry
 * answers, `--import-map=.ci/std_npm.json` where only an npm registry can be reached.
 *
 * It never fails and never takes longer than three seconds: a registry that accepts the
 * connection and then stays silent counts as absent.
 */
const PROBE_TIMEOUT_MS = 3_000;
const NPM_ARGUMENT = "--import-map=.ci/std_npm.json";

// Built at run time, so that loading this file does not already ask the registry.
const specifier = ["jsr:", "@std/assert@^1.0.19/equal"].join("");

const found = await Promise.race([
  import(specifier).then(() => true, () => false),
  new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PROBE_TIMEOUT_MS)),
]);
if (!found) console.log(NPM_ARGUMENT);
Deno.exit(0); // the import that is still waiting would hold the process
