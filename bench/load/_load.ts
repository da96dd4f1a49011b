/** What the load tests share: subjects in processes of their own, wrk, and the rows they print. */

/** A server under load. */
export interface Subject {
  port: number;
  pid: number;
  stop: () => Promise<void>;
}

/** Starts a script of this folder, which prints its port as its first line. */
export async function startSubject(script: string, ...args: string[]): Promise<Subject> {
  const map = Deno.args.filter((argument) => argument.startsWith("--import-map"));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...map, new URL(script, import.meta.url).href, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
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

/** How wrk loads a subject. */
export interface WrkOptions {
  connections: number;
  seconds: number;
  /** Requests that are sent before the answers are awaited. */
  pipeline?: number;
}

/** Loads a URL and returns the requests a second; fails on answers other than 2xx and on errors. */
export async function wrk(url: string, options: WrkOptions): Promise<number> {
  const args = ["-t1", `-c${options.connections}`, `-d${options.seconds}s`];
  let script: string | undefined;
  if (options.pipeline !== undefined) {
    script = await Deno.makeTempFile({ suffix: ".lua" });
    await Deno.writeTextFile(
      script,
      `init = function() local r = {} for i = 1, ${options.pipeline} do ` +
        `r[i] = wrk.format("GET") end req = table.concat(r) end\n` +
        `request = function() return req end\n`,
    );
    args.push("-s", script);
  }
  const { stdout } = await new Deno.Command("wrk", { args: [...args, url] }).output();
  if (script !== undefined) await Deno.remove(script);
  const output = new TextDecoder().decode(stdout);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk met errors:\n${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

/** Prints a row of the table that `deno task bench` makes; a ratio above 1 is in our favour. */
export function printRow(
  group: string,
  ours: number,
  peer: string,
  peerValue: number,
  unit = "requests/s",
): void {
  console.log(JSON.stringify({ group, ours, peer, peerValue, ratio: ours / peerValue, unit }));
}
