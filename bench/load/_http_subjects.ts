/** Starts the servers that the HTTP load tests compare, each in a process of its own. */

/** A server that runs. */
export interface Subject {
  name: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** The peers that run on Node.js, where their users run them. */
export const NODE_PEERS = ["node:http", "fastify", "@hono/node-server"];
const NODE_PACKAGES = ["fastify@5.12.8", "@hono/node-server@2.1.8", "hono@4.13.19"];

async function spawn(name: string, command: string, args: string[]): Promise<Subject> {
  const child = new Deno.Command(command, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    env: { NODE_ENV: "production" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  if (!Number(value)) throw new Error(`Cannot start ${name}: it printed no port`);
  return {
    name,
    port: Number(value),
    pid: child.pid,
    async stop() {
      child.kill();
      await reader.cancel();
      await child.status;
    },
  };
}

/** Starts ours (`groundwork`) or `Deno.serve`. */
export async function startOnDeno(name: string): Promise<Subject> {
  const map = Deno.args.filter((argument) => argument.startsWith("--import-map"));
  const file = new URL("_http_server.ts", import.meta.url).href;
  return await spawn(name, Deno.execPath(), ["run", "-A", "--no-check", ...map, file, name]);
}

/**
 * Installs the packages of the Node.js peers in a folder.
 *
 * @returns The folder; `undefined`, with a line on stderr, where there is no Node.js or no npm.
 */
export async function installNodePeers(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("npm", {
      args: [
        "install",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefix",
        folder,
        ...NODE_PACKAGES,
      ],
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
export async function startOnNode(name: string, folder: string): Promise<Subject> {
  const file = new URL("_http_node_server.mjs", import.meta.url).pathname;
  return await spawn(name, "node", [file, name, folder]);
}

/** Requests per second that wrk counts. */
export async function runWrk(url: string, args: string[], script?: string): Promise<number> {
  const scriptFile = script === undefined ? undefined : await Deno.makeTempFile({ suffix: ".lua" });
  try {
    if (scriptFile !== undefined) await Deno.writeTextFile(scriptFile, script ?? "");
    const { success, stdout } = await new Deno.Command("wrk", {
      args: [...args, ...(scriptFile === undefined ? [] : ["-s", scriptFile]), url],
    }).output();
    const output = new TextDecoder().decode(stdout);
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
    if (!success || /Non-2xx|Socket errors/.test(output) || !(rate > 0)) {
      throw new Error(`wrk did not run clean against ${url}:\n${output}`);
    }
    return rate;
  } finally {
    if (scriptFile !== undefined) await Deno.remove(scriptFile);
  }
}
