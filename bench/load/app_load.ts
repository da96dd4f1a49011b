/**
 * What the application costs on a server: wrk against our HTTP/1.1 server with an `App`, with a
 * bare handler, and with Hono, each in a process of its own. The subjects take turns, and the best
 * of the rounds counts, so that what else the machine does weighs on all alike.
 */
const ROUNDS = 3;
const SECONDS = 3;
const CONNECTIONS = 32;
const SUBJECTS = { app: "groundwork", bare: "bare handler", hono: "hono on our server" };

async function start(subject: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const map = Deno.args.filter((argument) => argument.startsWith("--import-map"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      ...map,
      new URL("_app_server.ts", import.meta.url).href,
      subject,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  return {
    port: Number(value),
    stop: async () => {
      child.kill();
      await reader.cancel();
      await child.status;
    },
  };
}

async function measure(port: number, path: string): Promise<number> {
  const { stdout } = await new Deno.Command("wrk", {
    args: ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, `http://127.0.0.1:${port}${path}`],
  }).output();
  const output = new TextDecoder().decode(stdout);
  if (/Non-2xx/.test(output)) throw new Error(`The subject answers with errors:\n${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

for (const [group, path] of [["text", "/"], ["JSON with a parameter", "/users/42"]] as const) {
  const best: Record<string, number> = {};
  const servers = await Promise.all(
    Object.keys(SUBJECTS).map(async (subject) => [subject, await start(subject)] as const),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const [subject, { port }] of servers) {
      best[subject] = Math.max(best[subject] ?? 0, await measure(port, path));
    }
  }
  for (const [, server] of servers) await server.stop();
  for (const peer of ["bare", "hono"] as const) {
    console.log(JSON.stringify({
      group: `app on a server: ${group}`,
      ours: best["app"],
      peer: SUBJECTS[peer],
      peerValue: best[peer],
      ratio: best["app"]! / best[peer]!,
      unit: "requests/s",
    }));
  }
}
