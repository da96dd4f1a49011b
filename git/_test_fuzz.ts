/**
 * Every parser of this folder as a function of bytes, and a process that runs them over files: what
 * the fuzz tests start, watch and measure.
 *
 * As a program it takes the path of a JSON list of inputs, reads each, runs every parser over every
 * variant of it and prints a line before and after: `start <input>`, then
 * `done <input> <milliseconds> <peak KiB of resident memory> <runs>`; a parser that throws anything but
 * `GitError` ends the process with 1 and the stack on stderr.
 *
 * @module
 */
import { concatBytes, fromByteString, toByteString } from "./_bytes.ts";
import { writeFileAtomically } from "./_files.ts";
import { inflateInto } from "./_inflate.ts";
import { applyBinary, applyHunks, parsePatches, reversePatch } from "./apply_patch.ts";
import { Attributes, parseAttributes } from "./attributes.ts";
import { parseBundleHeader } from "./bundle.ts";
import { CommitGraph } from "./commit_graph.ts";
import { editConfig, readConfigText } from "./config.ts";
import { approximateDate, parseDate, parseDateMode } from "./date.ts";
import { applyDelta, DeltaIndex } from "./delta.ts";
import { GitError } from "./errors.ts";
import { readAdvertisement } from "./fetch_pack.ts";
import { FileObjectStore } from "./file_object_store.ts";
import { checkObject } from "./fsck.ts";
import { type HashAlgorithm, hashObject, SHA1, SHA256 } from "./hash_algorithm.ts";
import { IgnoreRules } from "./ignore.ts";
import { indexPack } from "./index_pack.ts";
import { formatIndex, parseIndex } from "./index_file.ts";
import { diffLines } from "./line_diff.ts";
import { Mailmap } from "./mailmap.ts";
import { mergeFile } from "./merge_file.ts";
import { MultiPackIndex } from "./multi_pack_index.ts";
import { listNotes } from "./notes.ts";
import { MemoryObjectStore } from "./object_store.ts";
import {
  formatCommit,
  formatTag,
  formatTree,
  parseCommit,
  parseSignature,
  parseTag,
  parseTree,
} from "./objects.ts";
import { MemorySource, PackFile } from "./pack_file.ts";
import { PackIndex } from "./pack_index.ts";
import { PackReceiver } from "./pack_receiver.ts";
import { PacketStream } from "./packet_stream.ts";
import { Pathspec } from "./pathspec.ts";
import { PacketReader } from "./pkt_line.ts";
import { PosixRegex } from "./posix_regex.ts";
import { parseTrailers } from "./pretty.ts";
import { isRefName } from "./ref_name.ts";
import { FileRefStore, parseReflog } from "./ref_store.ts";
import { parseRefspec } from "./refspec.ts";
import { discoverRepository, loadConfig, readGitFile } from "./repository.ts";
import { isSafePath } from "./safe_path.ts";
import { readShallow } from "./shallow.ts";
import { wildmatch } from "./wildmatch.ts";

/** How many lines of an input are tried by the parsers of single lines. */
const MAX_LINES = 200;

const zlib = (await import("node:zlib")).default;

/** A parser: it may throw `GitError` and nothing else. */
export type Parser = (data: Uint8Array) => void | Promise<void>;

/** The folder in which parsers of files keep theirs; made on first use, removed at the end. */
let scratch: string | undefined;
function folder(): string {
  if (scratch === undefined) {
    scratch = Deno.makeTempDirSync();
    for (const path of ["objects/aa", "objects/pack", "objects/info", "refs/heads", "logs"]) {
      Deno.mkdirSync(`${scratch}/${path}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${scratch}/HEAD`, "ref: refs/heads/main\n");
  }
  return scratch;
}

/** Removes what {@linkcode OTHER_PARSERS} left on disk. */
export function removeScratch(): void {
  if (scratch !== undefined) Deno.removeSync(scratch, { recursive: true });
  scratch = undefined;
}

/** Runs a step that may throw `GitError`, so that the steps after it run too. */
function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
  }
}

function lines(data: Uint8Array): string[] {
  return toByteString(data).split("\n", MAX_LINES);
}

const BASE = fromByteString("a line\nanother line\n".repeat(200));

/** With both hashes. */
function both(run: (data: Uint8Array, algorithm: HashAlgorithm) => void): Parser {
  return (data) => {
    attempt(() => run(data, SHA1));
    attempt(() => run(data, SHA256));
  };
}

function fileStore(run: (root: string) => void, path: string, data: Uint8Array): void {
  const root = folder();
  writeFileAtomically(`${root}/${path}`, data, { fsync: false });
  try {
    run(root);
  } finally {
    if (path === "HEAD") Deno.writeTextFileSync(`${root}/HEAD`, "ref: refs/heads/main\n");
    else Deno.removeSync(`${root}/${path}`);
  }
}

const LOOSE = "objects/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

function looseObject(data: Uint8Array): void {
  fileStore(
    (root) => {
      const store = new FileObjectStore(`${root}/objects`, SHA1);
      try {
        attempt(() => store.describe("a".repeat(40)));
        attempt(() => store.read("a".repeat(40)));
        attempt(() => store.withPrefix("aaaa"));
      } finally {
        store.close();
      }
    },
    LOOSE,
    data,
  );
}

function refs(path: string): Parser {
  return (data) =>
    fileStore(
      (root) => {
        const store = new FileRefStore(root, root, SHA1);
        attempt(() => store.list());
        attempt(() => store.resolve("HEAD"));
        attempt(() => store.resolve("refs/heads/main"));
        attempt(() => store.readLog("HEAD"));
        attempt(() => discoverRepository(root));
      },
      path,
      data,
    );
}

/** Parsers of binary formats by name. */
export const BINARY_PARSERS: readonly (readonly [name: string, parse: Parser])[] = [
  [
    "index-pack",
    both((data, algorithm) => {
      const store = new MemoryObjectStore(algorithm);
      indexPack(new MemorySource(data), algorithm, { store, strict: true });
    }),
  ],
  [
    "pack",
    both((data, algorithm) => {
      const pack = new PackFile(new MemorySource(data), algorithm);
      for (let at = 0; at < Math.min(pack.size, 300); at++) {
        attempt(() => pack.describe(at, () => undefined));
        attempt(() => pack.read(at, () => undefined));
        // A base that is the object itself.
        attempt(() => pack.describe(at, () => at));
        attempt(() => pack.read(at, () => at));
      }
    }),
  ],
  [
    "receive-pack",
    (data) => {
      const store = new MemoryObjectStore();
      const receiver = new PackReceiver(`${folder()}/objects`, SHA1, {
        fsync: false,
        store,
        strict: true,
        maxSize: 1 << 20,
        unpackLimit: 100,
        unpackInto: store,
      });
      try {
        for (let at = 0; at < data.length; at += 7) receiver.write(data.subarray(at, at + 7));
        receiver.finish();
      } finally {
        receiver.close();
      }
    },
  ],
  [
    "idx",
    both((data, algorithm) => {
      const index = new PackIndex(data, data.length, algorithm);
      attempt(() => index.verify());
      attempt(() => index.offsets());
      for (let i = 0; i < index.count; i++) {
        attempt(() => {
          index.find(index.id(i));
          index.offset(i);
          index.crc(i);
        });
      }
    }),
  ],
  [
    "multi-pack-index",
    both((data, algorithm) => {
      const index = new MultiPackIndex(new MemorySource(data), algorithm);
      attempt(() => index.verify(algorithm));
      for (let i = 0; i < index.count; i++) {
        attempt(() => {
          index.at(i);
          index.find(index.id(i));
        });
      }
    }),
  ],
  [
    "commit-graph",
    both((data, algorithm) => {
      const graph = new CommitGraph([new MemorySource(data)], algorithm);
      attempt(() => graph.verify(algorithm));
      for (const id of graph.ids()) attempt(() => graph.find(id));
    }),
  ],
  ["index", both((data, algorithm) => formatIndex(parseIndex(data, algorithm)))],
  [
    "delta",
    (data) => {
      attempt(() => applyDelta(BASE, data));
      attempt(() => applyDelta(data, data));
      new DeltaIndex(BASE).make(data, 1 << 16);
    },
  ],
  [
    "inflate",
    (data) => {
      const out = new Uint8Array(1 << 16);
      attempt(() => inflateInto(data, 0, data.length, out));
      attempt(() => inflateInto(data, 0, data.length, out, true));
    },
  ],
];

/** Parsers of texts, and of what is read from the disk. */
export const OTHER_PARSERS: readonly (readonly [name: string, parse: Parser])[] = [
  ["loose object", looseObject],
  ["loose object, deflated", (data) => looseObject(zlib.deflateSync(data))],
  [
    "object",
    both((data, algorithm) => {
      for (const type of ["commit", "tree", "tag", "blob"] as const) {
        checkObject(type, data, algorithm);
      }
      attempt(() => formatCommit(parseCommit(data, algorithm)));
      attempt(() => formatTag(parseTag(data, algorithm)));
      attempt(() => {
        const tree = parseTree(data, algorithm);
        formatTree(tree);
        for (const { name } of tree) isSafePath(name);
        const store = new MemoryObjectStore(algorithm);
        listNotes(store, store.write("tree", data));
      });
      for (const line of lines(data)) parseSignature(line);
    }),
  ],
  [
    "pkt-line",
    async (data) => {
      attempt(() => {
        const reader = new PacketReader(data);
        while (reader.line() !== undefined);
      });
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < data.length; at += 3) yield await data.subarray(at, at + 3);
      }
      const stream = new PacketStream(chunks());
      try {
        await readAdvertisement(stream, undefined, new Map());
      } finally {
        await stream.close();
      }
    },
  ],
  [
    "bundle",
    (data) => void parseBundleHeader((at, length) => data.subarray(at, at + length)),
  ],
  [
    "config",
    (data) => {
      const text = toByteString(data);
      const origin = { scope: "local", originType: "file", origin: "config" } as const;
      attempt(() => readConfigText(text, origin, { includes: false }, []));
      attempt(() => editConfig(text, "config", "user.name", "x"));
      attempt(() => editConfig(text, "config", "user.name", undefined));
      const environment = new Map([["GIT_CONFIG_PARAMETERS", text]]);
      attempt(() => loadConfig({ environment }));
    },
  ],
  [
    "attributes",
    (data) => {
      const text = toByteString(data);
      parseAttributes(text, "");
      new Attributes(() => text, [text]).get("a/b/c.txt");
    },
  ],
  [
    "ignore",
    (data) => {
      const rules = new IgnoreRules(() => toByteString(data), false, undefined);
      for (const line of lines(data).slice(0, 20)) rules.addPattern(line);
      rules.match("a/b/c.txt", false);
      rules.match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true);
    },
  ],
  [
    "patch",
    (data) => {
      for (const patch of parsePatches(toByteString(data))) {
        attempt(() => {
          reversePatch(patch);
          applyHunks(BASE, patch.hunks);
        });
        const { binary } = patch;
        if (typeof binary === "object") attempt(() => applyBinary(BASE, binary.forward));
      }
    },
  ],
  [
    "mailmap",
    (data) => {
      const mailmap = new Mailmap();
      mailmap.add(toByteString(data));
      for (const line of lines(data).slice(0, 20)) mailmap.mapLine(line);
    },
  ],
  ["HEAD", refs("HEAD")],
  ["loose ref", refs("refs/heads/main")],
  ["packed-refs", refs("packed-refs")],
  ["reflog", refs("logs/HEAD")],
  ["reflog text", (data) => void parseReflog(toByteString(data), 40)],
  ["commondir", refs("commondir")],
  [".git file", (data) => fileStore((root) => readGitFile(`${root}/file`), "file", data)],
  ["shallow", (data) => fileStore((root) => readShallow(root), "shallow", data)],
  [
    "alternates",
    (data) =>
      fileStore(
        (root) => {
          const store = new FileObjectStore(`${root}/objects`, SHA1);
          try {
            store.has("b".repeat(40));
          } finally {
            store.close();
          }
        },
        "objects/info/alternates",
        data,
      ),
  ],
  [
    "line",
    (data) => {
      const all = lines(data);
      for (const line of all.slice(0, 50)) {
        attempt(() => parseRefspec(line, "fetch"));
        attempt(() => parseRefspec(line, "push"));
        attempt(() => parseDateMode(line));
        isRefName(line);
        isSafePath(line);
        parseDate(line);
        approximateDate(line, 0);
        wildmatch(line, all[0]!, { pathname: true });
        attempt(() => new Pathspec([line], "", "/").matches("a/b"));
        attempt(() => new PosixRegex(line, { extended: true }).test(all[0]!, 0));
        attempt(() => new PosixRegex(line, {}).test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0));
      }
      parseTrailers(toByteString(data));
    },
  ],
  [
    "content",
    (data) => {
      diffLines(BASE, data);
      mergeFile(BASE, data, data.subarray(data.length >> 1));
    },
  ],
];

/**
 * An input as the parsers of its kind see it: without the bytes that the fuzzers of libgit2 use for
 * themselves (one before a pack, four before an index), with and without the checksum that they add.
 */
function variants(data: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (const skip of [0, 1, 4]) {
    if (data.length <= skip) continue;
    const rest = data.subarray(skip);
    if (skip > 0) out.push(rest);
    out.push(withChecksum(rest, SHA1), withChecksum(rest, SHA256));
  }
  return out;
}

/** Some bytes with the checksum that packs and indexes end with. */
export function withChecksum(data: Uint8Array, algorithm: HashAlgorithm): Uint8Array {
  const hasher = algorithm.create(data.length);
  hasher.update(data);
  return concatBytes([data, hasher.digest()]);
}

/** Runs parsers over some bytes; returns how many ran. Throws what is no `GitError`. */
export async function runParsers(
  data: Uint8Array,
  parsers: readonly (readonly [name: string, parse: Parser])[],
): Promise<number> {
  let runs = 0;
  for (const [name, parse] of parsers) {
    runs++;
    try {
      await parse(data);
    } catch (error) {
      if (error instanceof GitError) continue;
      throw new Error(`${name}: ${error}`, { cause: error });
    }
  }
  return runs;
}

/** Peak resident memory since the last call (KiB); where the system does not say, the present one. */
function peakKiB(): number {
  try {
    const peak = Number(/VmHWM:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
    Deno.writeTextFileSync("/proc/self/clear_refs", "5\n");
    return peak;
  } catch {
    return Math.ceil(Deno.memoryUsage().rss / 1024);
  }
}

/** Inputs that misbehave on purpose, to see that the watcher notices. */
const MISBEHAVE: Readonly<Record<string, () => void>> = {
  "self:memory": () => void new Uint8Array(300 << 20).fill(1),
  "self:hang": () => {
    for (let i = 0; i < Infinity; i++) hashObject(SHA1, "blob", BASE);
  },
  "self:crash": () => {
    throw new TypeError("on purpose");
  },
};

if (import.meta.main) {
  const say = (line: string): void =>
    void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const inputs = JSON.parse(Deno.readTextFileSync(Deno.args[0]!)) as string[];
  peakKiB();
  try {
    for (const input of inputs) {
      say(`start ${input}`);
      // What earlier files left behind is not this file's.
      await new Promise((resolve) => setTimeout(resolve));
      (globalThis as { gc?: () => void }).gc?.();
      peakKiB();
      const begin = performance.now();
      let runs = 0;
      if (MISBEHAVE[input] !== undefined) MISBEHAVE[input]();
      else {
        const whole = Deno.readFileSync(input);
        runs += await runParsers(whole, [...BINARY_PARSERS, ...OTHER_PARSERS]);
        for (const data of variants(whole)) runs += await runParsers(data, BINARY_PARSERS);
      }
      say(`done ${input} ${Math.ceil(performance.now() - begin)} ${peakKiB()} ${runs}`);
    }
  } finally {
    removeScratch();
  }
}
