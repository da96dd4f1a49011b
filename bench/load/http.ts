/**
 * The HTTP/1.1 server against its peers, by wrk, each in a process of its own: one request at a
 * time on a connection, and 16 at a time (pipelined). The subjects take turns, and the best of the
 * rounds counts, so that what else the machine does weighs on all alike.
 *
 * `--seconds=N` and `--rounds=N` make it longer; `--group=text` runs the groups named so.
 */
import {
  installNodePeers,
  NODE_PEERS,
  runWrk,
  startOnDeno,
  startOnNode,
} from "./_http_subjects.ts";

const CONNECTIONS = 32;

function option(name: string, otherwise: string): string {
  const prefix = `--${name}=`;
  return Deno.args.find((argument) => argument.startsWith(prefix))?.slice(prefix.length) ??
    otherwise;
}

const seconds = Number(option("seconds", "2"));
const rounds = Number(option("rounds", "3"));
const wanted = option("group", "");

/** Sends the request that wrk would send, so many times in one write. */
function pipelined(depth: number): string {
  return `init = function(args)
  local requests = {}
  for i = 1, ${depth} do requests[i] = wrk.format() end
  all = table.concat(requests)
end
request = function() return all end`;
}

const POST = `wrk.method = "POST"
wrk.body = string.rep("x", 1024)`;

const GROUPS: { name: string; path: string; script?: string }[] = [
  { name: "text, one at a time", path: "/" },
  { name: "text, 16 pipelined", path: "/", script: pipelined(16) },
  { name: "JSON, one at a time", path: "/json" },
  { name: "JSON, 16 pipelined", path: "/json", script: pipelined(16) },
  { name: "echo of 1 KiB", path: "/", script: POST },
];

const folder = await installNodePeers();
try {
  const subjects = [await startOnDeno("groundwork"), await startOnDeno("Deno.serve")];
  if (folder !== undefined) {
    for (const name of NODE_PEERS) subjects.push(await startOnNode(name, folder));
  }
  try {
    for (const { name, path, script } of GROUPS.filter((group) => group.name.includes(wanted))) {
      const best = subjects.map(() => 0);
      for (let round = 0; round < rounds; round++) {
        for (const [index, { port }] of subjects.entries()) {
          const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`];
          const rate = await runWrk(`http://127.0.0.1:${port}${path}`, args, script);
          best[index] = Math.max(best[index]!, rate);
        }
      }
      for (let index = 1; index < subjects.length; index++) {
        console.log(JSON.stringify({
          group: `HTTP/1.1 server: ${name}`,
          ours: best[0],
          peer: subjects[index]!.name,
          peerValue: best[index],
          ratio: best[0]! / best[index]!,
          unit: "requests/s",
        }));
      }
    }
  } finally {
    for (const subject of subjects) await subject.stop();
  }
} finally {
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
}
