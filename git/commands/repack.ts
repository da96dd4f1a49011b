/**
 * `git repack`, `git prune-packed` and `git count-objects`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { makeDirectories, removeFile, stat, syncDirectory } from "../_files.ts";
import type { Pack } from "../file_object_store.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { type PackWriterOptions, writePackFile } from "../pack_writer.ts";
import { walkObjects } from "../rev_list.ts";
import type { Cli } from "./_context.ts";
import { parseOptions } from "./_options.ts";
import { rootsInUse } from "./_reachable.ts";
import { timeArgument } from "./_revs.ts";

/** `git prune-packed` */
export function prunePacked(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "n,dry-run q,quiet",
    "git prune-packed [-n | --dry-run] [-q | --quiet]",
  );
  const { objects } = cli.repo;
  for (const id of [...objects.looseIds(true)]) {
    if (!objects.packs().some((pack) => pack.find(id) >= 0)) continue;
    const path = `${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`;
    if (o.flag("dry-run")) cli.out(`rm -f ${path}\n`);
    else removeFile(path);
  }
  return 0;
}

/** `git count-objects` */
export function countObjects(cli: Cli, args: ByteString[]): number {
  const o = parseOptions(
    cli,
    args,
    "v,verbose H,human-readable",
    "git count-objects [-v] [-H | --human-readable]",
  );
  const { objects } = cli.repo;
  let count = 0, size = 0, packable = 0;
  for (const id of objects.looseIds(true)) {
    count++;
    const info = stat(`${objects.directory}/${id.slice(0, 2)}/${id.slice(2)}`);
    size += (info?.blocks ?? 0) * 512;
    if (o.flag("verbose") && objects.packs().some((pack) => pack.find(id) >= 0)) packable++;
  }
  if (!o.flag("verbose")) {
    cli.out(`${count} objects, ${Math.floor(size / 1024)} kilobytes\n`);
    return 0;
  }
  const packs = objects.packs().filter((pack) => pack.path.startsWith(`${objects.directory}/`));
  let inPack = 0, packSize = 0;
  for (const pack of packs) {
    inPack += pack.index.count;
    packSize += (stat(`${pack.path}.pack`)?.size ?? 0) + (stat(`${pack.path}.idx`)?.size ?? 0);
  }
  cli.out(
    `count: ${count}\nsize: ${
      Math.floor(size / 1024)
    }\nin-pack: ${inPack}\npacks: ${packs.length}\nsize-pack: ${
      Math.floor(packSize / 1024)
    }\nprune-packable: ${packable}\ngarbage: 0\nsize-garbage: 0\n`,
  );
  return 0;
}

/** Options that say how a pack is written, with the configured values. */
function writerOptions(cli: Cli, text: (name: string) => string | undefined): PackWriterOptions {
  return {
    window: Math.max(0, Number(text("window") ?? cli.config.int("pack.window", 10))),
    depth: Math.max(0, Number(text("depth") ?? cli.config.int("pack.depth", 50))),
    compression: cli.config.int("pack.compression") ?? cli.config.int("core.compression") ?? -1,
  };
}

/** Makes loose what is only in packs that go and nothing reaches, unless it is older than `spared` (seconds). */
function loosenUnreachable(
  cli: Cli,
  going: readonly Pack[],
  reachable: ReadonlySet<ObjectId>,
  spared: number,
): void {
  const { objects } = cli.repo;
  const stays = objects.packs().filter((pack) => !going.includes(pack));
  for (const pack of going) {
    const time = pack.modified / 1000;
    if (time < spared) continue;
    for (let at = 0; at < pack.index.count; at++) {
      const id = pack.index.id(at);
      if (reachable.has(id) || objects.loosePath(id) !== undefined) continue;
      if (stays.some((other) => other.find(id) >= 0)) continue;
      const object = objects.read(id);
      if (object === undefined) continue;
      objects.writeLoose(id, object.type, object.data);
      // It is as old as the pack it was in.
      const path = objects.loosePath(id);
      if (path !== undefined) Deno.utimeSync(path, time, time);
    }
  }
}

/** `git repack` */
export function repack(cli: Cli, args: ByteString[]): number {
  cli.findRepository()?.objects.setReplacements(undefined);
  const o = parseOptions(
    cli,
    args,
    "a A d f F n q,quiet l,local b,write-bitmap-index window= window-memory= depth= threads= k,keep-unreachable keep-pack* pack-kept-objects unpack-unreachable= cruft",
    "git repack [<options>]",
  );
  const { repo } = cli;
  const { objects } = repo;
  const all = o.flag("a") || o.flag("A");
  const own = objects.packs().filter((pack) => pack.path.startsWith(`${objects.directory}/`));
  const named = new Set(o.list("keep-pack").map((name) => name.replace(/\.pack$/, "")));
  const isKept = (pack: Pack): boolean =>
    stat(`${pack.path}.keep`) !== undefined || stat(`${pack.path}.promisor`) !== undefined ||
    named.has(pack.path.slice(pack.path.lastIndexOf("/") + 1));
  const kept = own.filter(isKept);
  const going = all ? own.filter((pack) => !kept.includes(pack)) : [];
  // What stays in a pack that stays needs no other place.
  const skipped = new Set([
    ...(o.flag("pack-kept-objects") ? [] : kept),
    ...(all ? [] : own),
    ...(o.flag("local") ? objects.packs().filter((pack) => !own.includes(pack)) : []),
  ]);
  const others = [...skipped];
  const reachable = new Set<ObjectId>();
  function* wanted(): Generator<{ id: ObjectId; path: ByteString }> {
    for (
      const { id, path } of walkObjects(objects, {
        include: rootsInUse(repo),
      })
    ) {
      if (reachable.has(id)) continue;
      reachable.add(id);
      if (!others.some((pack) => pack.find(id) >= 0)) yield { id, path };
    }
    if (!o.flag("keep-unreachable")) return;
    for (const pack of going) {
      for (let at = 0; at < pack.index.count; at++) {
        const id = pack.index.id(at);
        if (reachable.has(id)) continue;
        reachable.add(id);
        yield { id, path: "" };
      }
    }
  }
  const list = [...wanted()];
  if (list.length === 0 && !all) {
    if (!o.flag("quiet")) cli.err("Nothing new to pack.\n");
    if (o.flag("d")) prunePacked(cli, ["-q"]);
    return 0;
  }
  // With -A what nothing reaches becomes loose, until `prune` finds it old enough.
  if (o.flag("A") && o.flag("d")) {
    const limit = o.text("unpack-unreachable");
    loosenUnreachable(
      cli,
      going,
      reachable,
      limit === undefined ? -Infinity : timeArgument(cli, limit),
    );
  }
  const directory = `${objects.directory}/pack`;
  makeDirectories(directory);
  const path = list.length === 0 ? undefined : writePackFile(objects, list, `${directory}/pack`, {
    ...writerOptions(cli, (name) => o.text(name)),
    reuseDeltas: !o.flag("f") && !o.flag("F"),
    reuseObjects: !o.flag("F"),
    fsync: repo.fsync,
  }).path;
  if (!o.flag("d")) return 0;
  objects.close();
  const gone = going.filter((pack) => pack.path !== path);
  if (gone.length > 0) {
    // It would name packs that are gone.
    removeFile(`${directory}/multi-pack-index`);
    // A pack without its index does not count, so that goes first.
    for (const extension of ["idx", "rev", "bitmap", "mtimes", "pack"]) {
      for (const pack of gone) removeFile(`${pack.path}.${extension}`);
    }
    if (repo.fsync) syncDirectory(directory);
  }
  prunePacked(cli, ["-q"]);
  return 0;
}
