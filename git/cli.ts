/**
 * The command line: `git <command>`, with git's own options, streams and exit codes.
 *
 * @module
 */
import { encodeText } from "./_bytes.ts";
import { main } from "./commands/main.ts";

if (import.meta.main) {
  Deno.exit(await main(Deno.args.map(encodeText)));
}
