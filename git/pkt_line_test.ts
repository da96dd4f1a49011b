import { assertEquals, assertThrows } from "@std/assert";
import { encodeText, fromByteString, toByteString } from "./_bytes.ts";
import { parseConfig } from "./config.ts";
import { GitError } from "./errors.ts";
import { mergeFile } from "./merge_file.ts";
import { DELIMITER, FLUSH, MAX_PAYLOAD, packet, PacketReader } from "./pkt_line.ts";
import { readShallow } from "./shallow.ts";

Deno.test("`PacketReader` reads packets and the special ones, and refuses lengths that cannot be", () => {
  const text = `${toByteString(packet("hello\n"))}${toByteString(FLUSH)}${
    toByteString(DELIMITER)
  }0002`;
  const reader = new PacketReader(fromByteString(`${text}0004`));
  const lines = Array.from({ length: 6 }, () => reader.line());
  assertEquals(lines, ["hello", "flush", "delimiter", "end", "", undefined]);
  for (const bad of ["0003", "000", "0005", "-001", "00g0", "ffff"]) {
    const error = assertThrows(() => new PacketReader(fromByteString(bad)).next(), GitError);
    assertEquals(error.code, "protocol", bad);
  }
  assertEquals(packet(new Uint8Array(MAX_PAYLOAD)).length, 65520);
  assertThrows(() => packet(new Uint8Array(MAX_PAYLOAD + 1)), GitError, "too long");
});

Deno.test("`mergeFile()` makes a conflict of changes that touch, and none of changes a line apart", () => {
  const merge = (ours: string, theirs: string): [string, number] => {
    const { data, conflicts } = mergeFile(
      fromByteString("1\n2\n3\n4\n"),
      fromByteString(ours),
      fromByteString(theirs),
    );
    return [toByteString(data), conflicts];
  };
  assertEquals(merge("1\nA\n3\n4\n", "1\n2\nB\n4\n")[1], 1);
  assertEquals(merge("A\n2\n3\n4\n", "1\n2\nB\n4\n"), ["A\n2\nB\n4\n", 0]);
  assertEquals(merge("1\nA\n3\n4\n", "1\nA\n3\n4\n"), ["1\nA\n3\n4\n", 0]);
});

Deno.test("`parseConfig()` refuses a quote that does not end", () => {
  for (const text of ['[a]\nb = "c\n', '[a]\nb = "c', '[a "b]\n', "[a", "[a]\nb = \\q\n"]) {
    const error = assertThrows(() => parseConfig(text, "file x"), GitError, "bad config line");
    assertEquals(error.code, "invalid");
  }
});

Deno.test("`readShallow()` takes ids only", () => {
  const root = Deno.makeTempDirSync();
  try {
    const id = "1".repeat(40);
    Deno.writeTextFileSync(`${root}/shallow`, `${id}\n../x\n${"g".repeat(40)}\n\n${id.slice(1)}\n`);
    assertEquals(readShallow(encodeText(root)), [id]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
