/**
 * The file `shallow`: commits at which the history of a shallow repository ends, one id a line.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { readTextIfAny, removeFile } from "./_files.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { LockFile } from "./lock_file.ts";
import { isHex } from "./objects.ts";

/** The commits at which history ends; none in a complete repository. */
export function readShallow(commonDir: ByteString): ObjectId[] {
  const text = readTextIfAny(`${commonDir}/shallow`);
  if (text === undefined) return [];
  return text.split("\n").map((line) => line.trim()).filter((line) =>
    isHex(line, 40) || isHex(line, 64)
  );
}

/** Replaces the list under its lock; an empty one removes the file. */
export function writeShallow(
  commonDir: ByteString,
  commits: Iterable<ObjectId>,
  fsync = true,
): void {
  using lock = LockFile.take(`${commonDir}/shallow`, 1000);
  const sorted = [...new Set(commits)].sort();
  if (sorted.length === 0) {
    removeFile(`${commonDir}/shallow`);
    return;
  }
  lock.write(sorted.map((id) => `${id}\n`).join(""));
  lock.commit(fsync);
}
