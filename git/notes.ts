/**
 * Notes: text attached to objects after the fact, kept in a tree whose paths are the objects' ids.
 *
 * The tree is flat while it is small; with many notes the ids are cut into directories of two
 * digits (`ab/cdef…`), more than once when needed. Readers take any mixture.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { formatTree, isTreeMode, MODE_FILE, MODE_TREE, type TreeEntry } from "./objects.ts";
import { type ObjectStore, readTree } from "./object_store.ts";

/** Notes in one directory before it is cut up. */
const FLAT_LIMIT = 256;

/** The blob with the note of an object in a notes tree, or `undefined`. */
export function findNote(
  store: ObjectStore,
  tree: ObjectId | undefined,
  object: ObjectId,
): ObjectId | undefined {
  let at = tree, rest = object;
  while (at !== undefined && rest !== "") {
    let next: ObjectId | undefined;
    for (const entry of readTree(store, at)) {
      if (entry.name === rest && !isTreeMode(entry.mode)) return entry.id;
      if (isTreeMode(entry.mode) && entry.name.length === 2 && rest.startsWith(entry.name)) {
        next = entry.id;
      }
    }
    at = next;
    rest = rest.slice(2);
  }
  return undefined;
}

/** All notes of a tree: object to blob. Entries that are no notes are left out. */
export function listNotes(store: ObjectStore, tree: ObjectId | undefined): Map<ObjectId, ObjectId> {
  const out = new Map<ObjectId, ObjectId>();
  const { hexSize } = store.algorithm;
  const stack: [ObjectId, ByteString][] = tree === undefined ? [] : [[tree, ""]];
  while (stack.length > 0) {
    const [id, prefix] = stack.pop()!;
    for (const entry of readTree(store, id)) {
      const name = prefix + entry.name;
      if (!/^[0-9a-f]+$/.test(name) || name.length > hexSize) continue;
      if (isTreeMode(entry.mode)) {
        if (entry.name.length === 2) stack.push([entry.id, name]);
      } else if (name.length === hexSize) out.set(name, entry.id);
    }
  }
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Writes a notes tree and returns its id. */
export function writeNotes(store: ObjectStore, notes: ReadonlyMap<ObjectId, ObjectId>): ObjectId {
  const build = (list: [ByteString, ObjectId][]): ObjectId => {
    let entries: TreeEntry[];
    if (list.length <= FLAT_LIMIT || list[0]![0].length <= 2) {
      entries = list.map(([name, id]) => ({ name, id, mode: MODE_FILE }));
    } else {
      const groups = new Map<string, [ByteString, ObjectId][]>();
      for (const [name, id] of list) {
        const group = groups.get(name.slice(0, 2));
        if (group === undefined) groups.set(name.slice(0, 2), [[name.slice(2), id]]);
        else group.push([name.slice(2), id]);
      }
      entries = [...groups].map(([name, group]) => ({ name, id: build(group), mode: MODE_TREE }));
    }
    return store.write("tree", formatTree(entries));
  };
  return build([...notes]);
}
