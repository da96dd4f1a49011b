/**
 * What Git's own test scripts ask of their helper program `test-tool`. Used by tests only.
 *
 * @module
 */
import { approximateDate, formatDate, localZone, parseDate, parseDateMode } from "./date.ts";
import { Repository } from "./repository.ts";

function out(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** A generator that makes the bytes Git's tests expect of a seed. */
function* random(seed: string): Generator<number> {
  let next = 0n;
  for (const byte of new TextEncoder().encode(`${seed}\0`)) {
    next = (next * 11n + BigInt(byte)) & 0xffffffffffffffffn;
  }
  for (;;) {
    next = (next * 1103515245n + 12345n) & 0xffffffffffffffffn;
    yield Number((next >> 16n) & 0xffn);
  }
}

function bytes(source: Iterator<number>, count: number): void {
  const chunk = new Uint8Array(65536);
  for (let left = count; left > 0;) {
    const n = Math.min(left, chunk.length);
    for (let i = 0; i < n; i++) chunk[i] = source.next().value as number;
    for (let at = 0; at < n;) at += Deno.stdout.writeSync(chunk.subarray(at, n));
    left -= n;
  }
}

function chmtime(args: string[]): number {
  let spec = "", verbose = false, get = false;
  const files: string[] = [];
  for (const argument of args) {
    if (argument === "-v" || argument === "--verbose") verbose = true;
    else if (argument === "-g" || argument === "--get") get = true;
    else if (spec === "" && /^[=+-]/.test(argument)) spec = argument;
    else files.push(argument);
  }
  for (const file of files) {
    const info = Deno.statSync(file);
    let time = Math.floor(info.mtime!.getTime() / 1000);
    if (spec !== "") {
      const now = Math.floor(Date.now() / 1000);
      const match = /^(=?)([+-]?)(\d+)$/.exec(spec)!;
      const amount = Number(match[3]) * (match[2] === "-" ? -1 : 1);
      time = match[1] === "=" ? (match[2] === "" ? amount : now + amount) : time + amount;
      Deno.utimeSync(file, time, time);
    }
    if (get) out(`${time}\n`);
    else if (verbose) out(`${time}\t${file}\n`);
  }
  return 0;
}

function refStore(args: string[]): number {
  const [, command, ...rest] = args;
  const repository = Repository.open(".", { environment: { get: (name) => Deno.env.get(name) } });
  const { refs } = repository;
  switch (command) {
    case "for-each-reflog-ent":
    case "for-each-reflog-ent-reverse": {
      const entries = refs.readLog(rest[0]!) ?? [];
      if (command.endsWith("reverse")) entries.reverse();
      for (const entry of entries) {
        out(
          `${entry.oldId} ${entry.newId} ${entry.who}${
            entry.message === "" ? "" : `\t${entry.message}`
          }\n`,
        );
      }
      return 0;
    }
    case "reflog-exists":
      return refs.hasLog(rest[0]!) ? 0 : 1;
    case "create-symref":
      refs.setSymbolic(rest[0]!, rest[1]!, rest[2]);
      return 0;
    case "delete-refs":
      for (const name of rest.slice(2)) {
        refs.update({ name, newId: repository.algorithm.zero, noDeref: true });
      }
      return 0;
    case "update-ref": {
      const [message, name, newId, oldId, flags] = rest as [string, string, string, string, string];
      const value = newId;
      if (flags !== undefined && /SKIP_OID_VERIFICATION/.test(flags)) {
        Deno.mkdirSync(refs.path(name).replace(/\/[^/]*$/, ""), { recursive: true });
        Deno.writeTextFileSync(refs.path(name), `${value}\n`);
        return 0;
      }
      refs.update({ name, newId: value, message, ...(oldId === undefined ? {} : { oldId }) });
      return 0;
    }
    case "delete-reflog":
      refs.deleteLog(rest[0]!);
      return 0;
    case "create-reflog":
      refs.createLog(rest[0]!);
      return 0;
    default:
      return 1;
  }
}

function date(args: string[]): number {
  const [kind, ...rest] = args;
  const now = Number(Deno.env.get("GIT_TEST_DATE_NOW") ?? Date.now() / 1000);
  if (kind === "is64bit" || kind === "time_t-is64bit") return 0;
  if (kind === "timestamp") {
    for (const one of rest) out(`${one} -> ${approximateDate(one, now)}\n`);
  }
  if (kind === "getnanos") out(`${(performance.now() / 1000).toFixed(9)}\n`);
  if (kind === "approxidate") {
    for (const one of rest) {
      out(`${one} -> ${formatDate(approximateDate(one, now), localZone(now), { type: "iso" })}\n`);
    }
  }
  if (kind === "parse") {
    for (const one of rest) {
      out(
        `${one} -> ${
          ((t) => t === undefined ? "bad" : formatDate(t.time, t.zone, { type: "iso" }))(
            parseDate(one, now),
          )
        }\n`,
      );
    }
  }
  if (kind?.startsWith("show:")) {
    for (const one of rest) {
      out(
        `${one} -> ${
          formatDate(parseInt(one), one.split(" ")[1] ?? "+0000", parseDateMode(kind.slice(5)), now)
        }\n`,
      );
    }
  }
  return 0;
}

function main(args: string[]): number {
  const [command, ...rest] = args;
  switch (command) {
    case "path-utils":
      if (rest[0] === "file-size") {
        for (const file of rest.slice(1)) out(`${Deno.statSync(file).size}\n`);
      } else if (rest[0] === "real_path") {
        for (const path of rest.slice(1)) out(`${Deno.realPathSync(path)}\n`);
      } else if (rest[0] === "absolute_path") out(`${Deno.cwd()}/${rest[1]}\n`);
      else if (rest[0] === "skip-n-bytes") {
        Deno.stdout.writeSync(Deno.readFileSync(rest[1]!).subarray(Number(rest[2])));
      }
      return 0;
    case "date":
      return date(rest);
    case "chmtime":
      return chmtime(rest);
    case "genrandom":
      bytes(random(rest[0]!), rest[1] === undefined ? Infinity : Number(rest[1]));
      return 0;
    case "genzeros":
      bytes({ next: () => ({ value: 0, done: false }) }, Number(rest[0]));
      return 0;
    case "getcwd":
      out(`${Deno.cwd()}\n`);
      return 0;
    case "ref-store":
      return refStore(rest);
    case "env-helper": {
      const name = rest.at(-1)!;
      const fallback = rest.find((one) => one.startsWith("--default="))?.slice(10) ?? "";
      const text = Deno.env.get(name) ?? fallback;
      const on = /^(1|true|yes|on)$/i.test(text);
      if (!rest.includes("--exit-code")) out(`${rest.includes("--type=bool") ? on : text}\n`);
      return on || (rest.includes("--type=ulong") && Number(text) > 0) ? 0 : 1;
    }
    default:
      return 127;
  }
}

if (import.meta.main) Deno.exit(main(Deno.args));
