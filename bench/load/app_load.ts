/**
 * What the application costs on a server: wrk against our HTTP/1.1 server with an `App`, with a
 * bare handler, and with Hono, each in a process of its own. The subjects take turns, and the best
 * of the rounds counts, so that what else the machine does weighs on all alike.
 */
import { printRow, startSubject, wrk } from "./_load.ts";

const ROUNDS = 3;
const SECONDS = 3;
const CONNECTIONS = 32;
const SUBJECTS = { app: "groundwork", bare: "bare handler", hono: "hono on our server" };

for (const [group, path] of [["text", "/"], ["JSON with a parameter", "/users/42"]] as const) {
  const best: Record<string, number> = {};
  const servers = await Promise.all(
    Object.keys(SUBJECTS).map(async (subject) =>
      [subject, await startSubject("_app_server.ts", subject)] as const
    ),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const [subject, { port }] of servers) {
      const url = `http://127.0.0.1:${port}${path}`;
      const rate = await wrk(url, { connections: CONNECTIONS, seconds: SECONDS });
      best[subject] = Math.max(best[subject] ?? 0, rate);
    }
  }
  for (const [, server] of servers) await server.stop();
  for (const peer of ["bare", "hono"] as const) {
    printRow(`app on a server: ${group}`, best["app"]!, SUBJECTS[peer], best[peer]!);
  }
}
