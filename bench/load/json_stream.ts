/**
 * Items out of one generated array of 1 GB (`--megabytes 1000`): MB/s of `JsonParseStream` against
 * @streamparser/json, and how much the process grew while it read. Generating the bytes is not in the time: chunks of 64 KiB are made once
 * and sent again.
 *
 * The growth is the resident size at its highest, less the resident size before the first byte, in a process of its own. Most
 * of it is the engine's young generation, which grows with the rate of garbage where memory is plentiful; the second pair of rows
 * holds its semi-spaces at 8 MB.
 */
import { parseArgs } from "@std/cli";
import { JsonParseStream } from "../../parser/json/mod.ts";
import { JSONParser } from "npm:@streamparser/json@0.0.22";

const options = parseArgs(Deno.args, { string: ["megabytes", "only"] });
const totalBytes = Number(options.megabytes ?? 1_000) * 1e6;
const CHUNK_BYTES = 65_536;
const encoder = new TextEncoder();

function makeChunks(): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let id = 0;
  for (let i = 0; i < 64; i++) {
    let text = i === 0 ? "[" : "";
    while (text.length < CHUNK_BYTES) {
      if (i > 0 || text !== "[") text += ",";
      text += JSON.stringify({
        id: id++,
        name: `item ${id}`,
        tags: ["alpha", "beta", "gamma"],
        price: id % 1000 + 0.25,
        active: true,
        description: "a generated item of the array with some text in it",
        owner: { name: `user${id % 100}`, email: `user${id % 100}@example.com`, roles: ["admin"] },
        position: [id % 180 + 0.123456, id % 90 + 0.654321],
      });
    }
    // Cut anywhere but between items, as a network does.
    chunks.push(encoder.encode(text));
  }
  return recut(chunks);
}

/** The first chunk starts the array; the others can follow one another in a circle. */
function recut(chunks: Uint8Array[]): Uint8Array[] {
  const shift = 1_000;
  const circle = chunks.slice(1);
  const parts = circle.map((chunk, i) => {
    const before = circle[(i + circle.length - 1) % circle.length]!;
    const part = new Uint8Array(chunk.length);
    part.set(before.subarray(before.length - shift));
    part.set(chunk.subarray(0, chunk.length - shift), shift);
    return part;
  });
  const last = circle.at(-1)!;
  const start = new Uint8Array(chunks[0]!.length + circle[0]!.length - shift);
  start.set(chunks[0]!);
  start.set(circle[0]!.subarray(0, circle[0]!.length - shift), chunks[0]!.length);
  return [start, ...parts.slice(1), parts[0]!, last.subarray(last.length - shift)];
}

function replay(chunks: Uint8Array[], count: { bytes: number }): ReadableStream<Uint8Array> {
  const [start, ...rest] = chunks;
  const tail = rest.pop()!;
  let at = -1;
  return new ReadableStream({
    pull(controller) {
      const chunk = at < 0 ? start! : rest[at % rest.length]!;
      at++;
      count.bytes += chunk.length;
      controller.enqueue(chunk);
      if (count.bytes >= totalBytes && at % rest.length === rest.length - 1) {
        // The circle is complete but for its last part.
        controller.enqueue(tail);
        controller.enqueue(encoder.encode("]"));
        controller.close();
      }
    },
  }, { highWaterMark: 0 });
}

interface Result {
  items: number;
  megabytesPerSecond: number;
  growthMegabytes: number;
}

async function measure(
  chunks: Uint8Array[],
  read: (source: ReadableStream<Uint8Array>, each: () => void) => Promise<void>,
): Promise<Result> {
  const count = { bytes: 0 };
  const before = Deno.memoryUsage().rss;
  let highest = before;
  let items = 0;
  const from = performance.now();
  await read(replay(chunks, count), () => {
    if ((++items & 0x3fff) === 0) highest = Math.max(highest, Deno.memoryUsage().rss);
  });
  const milliseconds = performance.now() - from;
  return {
    items,
    megabytesPerSecond: count.bytes / milliseconds / 1e3,
    growthMegabytes: (highest - before) / 1e6,
  };
}

const READERS: Record<
  string,
  (source: ReadableStream<Uint8Array>, each: () => void) => Promise<void>
> = {
  async groundwork(source, each) {
    for await (const _ of source.pipeThrough(new JsonParseStream({ select: "$[*]" }))) each();
  },
  async "@streamparser/json"(source, each) {
    const parser = new JSONParser({ paths: ["$.*"], keepStack: false });
    parser.onValue = each;
    for await (const chunk of source) parser.write(chunk);
  },
};

/** Measures in a process of its own, since a process hardly ever gives memory back. */
async function measureApart(name: string, ...flags: string[]): Promise<Result> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      ...flags,
      ...(Deno.env.get("STD")?.split(" ").filter((word) => word !== "") ?? []),
      import.meta.url,
      "--megabytes",
      String(totalBytes / 1e6),
      "--only",
      name,
    ],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

if (options.only !== undefined) {
  console.log(JSON.stringify(await measure(makeChunks(), READERS[options.only]!)));
} else {
  const peer = "@streamparser/json";
  const print = (group: string, a: number, b: number, ratio: number, unit: string) =>
    console.log(JSON.stringify({
      group,
      ours: a,
      peer,
      peerValue: b,
      ratio,
      unit,
    }));
  for (const flags of [[], ["--v8-flags=--max-semi-space-size=8"]]) {
    const [ours, theirs] = [
      await measureApart("groundwork", ...flags),
      await measureApart(peer, ...flags),
    ];
    const young = flags.length === 0 ? "" : ", semi-space of 8 MB";
    const [a, b] = [ours.megabytesPerSecond, theirs.megabytesPerSecond];
    print(`json stream ${ours.items} items${young}`, a, b, a / b, "MB/s");
    const [c, d] = [ours.growthMegabytes, theirs.growthMegabytes];
    print(`json stream growth${young}`, c, d, d / c, "MB");
  }
}
