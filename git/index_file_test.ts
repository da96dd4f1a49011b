import { assertEquals, assertThrows } from "@std/assert";
import { concatBytes, fromByteString } from "./_bytes.ts";
import { withChecksum } from "./_test_fuzz.ts";
import { GitError } from "./errors.ts";
import { SHA1 } from "./hash_algorithm.ts";
import { formatIndex, GitIndex, makeEntry, parseIndex } from "./index_file.ts";
import { MODE_FILE, MODE_SYMLINK } from "./objects.ts";

const ID = "1".repeat(40);

function sample(version = 2): Uint8Array {
  const index = new GitIndex(SHA1);
  for (const path of ["a/b", "a/c", "d"]) index.add(makeEntry(path, MODE_FILE, ID));
  index.version = version;
  return formatIndex(index);
}

/** An index without its checksum, changed, with a checksum that holds. */
function changed(data: Uint8Array, change: (data: Uint8Array) => Uint8Array | void): Uint8Array {
  const body = data.slice(0, -20);
  return withChecksum(change(body) ?? body, SHA1);
}

function refused(data: Uint8Array, message: string): void {
  const error = assertThrows(() => parseIndex(data, SHA1), GitError);
  assertEquals([error.code, error.message.includes(message)], ["corrupt", true], error.message);
}

Deno.test("`parseIndex()` reads what `formatIndex()` writes, in every version", () => {
  for (const version of [2, 4]) {
    const index = parseIndex(sample(version), SHA1);
    assertEquals(index.entries.map((entry) => entry.path), ["a/b", "a/c", "d"]);
    assertEquals(index.version, version);
  }
});

Deno.test("`parseIndex()` refuses a checksum that does not hold, unless it is zeros", () => {
  const data = sample();
  data[40]! ^= 1;
  refused(data, "bad index file sha1 signature");
  data.fill(0, data.length - 20);
  assertEquals(parseIndex(data, SHA1).entries.length, 3);
});

Deno.test("`parseIndex()` refuses entries out of order and names that take back too much", () => {
  refused(changed(sample(), (data) => void (data[12 + 62] = 0x7a)), "order");
  // Version 4: the second entry takes bytes off the name of the first; here more than it has.
  const second = 12 + 62 + 1 + 4;
  const v4 = sample(4);
  assertEquals(v4[second + 62], 1);
  refused(changed(v4, (data) => void (data[second + 62] = 4)), "malformed name");
});

Deno.test("`parseIndex()` skips extensions in capitals and refuses others", () => {
  const extension = (name: string): Uint8Array => fromByteString(`${name}\0\0\0\x02xx`);
  const withExtension = (name: string): Uint8Array =>
    changed(sample(), (data) => concatBytes([data, extension(name)]));
  assertEquals(parseIndex(withExtension("ZZZZ"), SHA1).entries.length, 3);
  refused(withExtension("zzzz"), "which we do not understand");
  refused(withExtension("sdir"), "sparse index");
  refused(
    changed(sample(), (data) => concatBytes([data, fromByteString("ZZZZ\0\0\0\x09xx")])),
    "truncated",
  );
});

Deno.test("`GitIndex.add()` refuses paths that must not be tracked", () => {
  const index = new GitIndex(SHA1);
  for (const path of ["../a", ".git/x", "a//b", "/a", "a/.GIT", ""]) {
    const error = assertThrows(() => index.add(makeEntry(path, MODE_FILE, ID)), GitError);
    assertEquals(error.code, "unsafe");
  }
  assertThrows(() => index.add(makeEntry(".gitmodules", MODE_SYMLINK, ID)), GitError);
  index.add(makeEntry(".gitmodules", MODE_FILE, ID));
  assertEquals(index.entries.length, 1);
});
