/** Starts the peers of `http.ts` that are at home on Node.js, where their users run them. */
import type { Subject } from "./_load.ts";

/** What `_http_node_server.mjs` can be. */
export const NODE_PEERS: readonly string[] = ["node:http", "fastify", "@hono/node-server"];
const PACKAGES = ["fastify@5.12.8", "@hono/node-server@2.1.8", "hono@4.13.19"];

/**
 * Installs the packages of the peers in a new folder.
 *
 * @returns The folder; `undefined`, with a line on stderr, where there is no npm.
 */
export async function installNodePeers(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, ...PACKAGES],
      stdin: "null",
      stdout: "null",
    }).output();
    if (success) return folder;
    console.error("Left out the peers on Node.js: npm install failed");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("Left out the peers on Node.js: npm is not installed");
  }
  await Deno.remove(folder, { recursive: true });
  return undefined;
}

/** Starts one of {@linkcode NODE_PEERS} with the packages in a folder. */
export async function startNodePeer(name: string, folder: string): Promise<Subject> {
  const child = new Deno.Command("node", {
    args: [new URL("_http_node_server.mjs", import.meta.url).pathname, name, folder],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    env: { NODE_ENV: "production" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  return {
    port: Number(value),
    pid: child.pid,
    stop: async () => {
      child.kill();
      await reader.cancel();
      await child.status;
    },
  };
}
