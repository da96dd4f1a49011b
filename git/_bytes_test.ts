import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeText,
  toByteString,
  toHex,
  trimSpace,
  trimSpaceEnd,
  trimSpaceStart,
} from "./_bytes.ts";
import { nativePath } from "./_files.ts";
import { GitError } from "./errors.ts";
import { Mailmap } from "./mailmap.ts";
import { parseSignature } from "./objects.ts";
import { bodyOf, subjectOf } from "./pretty.ts";

Deno.test("`trimSpace()` takes space, tab, line feed and carriage return, and no part of a character", () => {
  const text = encodeText("à");
  assertEquals(trimSpace(` \t\r\n${text}\n \t`), text);
  assertEquals(trimSpaceStart(` ${text} `), `${text} `);
  assertEquals(trimSpaceEnd(` ${text} `), ` ${text}`);
  assertEquals(trimSpace("\v\f\xa0\x85"), "\v\f\xa0\x85");
  assertEquals(trimSpace(" \n "), "");
});

Deno.test("names, subjects and bodies keep a last byte that Latin-1 takes for white space", () => {
  const text = encodeText("voilà");
  const message = `${text}  \n\n${text}\n`;
  assertEquals(subjectOf(message), text);
  assertEquals(bodyOf(message), `${text}\n`);
  assertEquals(parseSignature(`${text} <a@b> 1 +0000`).name, text);
  const mailmap = new Mailmap();
  mailmap.add(`${encodeText("Neà")} <n@x> ${text} <a@b>\n`);
  assertEquals(mailmap.lookup(text, "a@b"), { name: encodeText("Neà"), email: "n@x" });
});

Deno.test("reading past the end and paths with NUL are typed errors", () => {
  const data = new Uint8Array(4);
  for (const read of [toByteString, toHex]) {
    const error = assertThrows(() => read(data, 0, 5), GitError, "data ends early");
    assertEquals(error.code, "corrupt");
    assertEquals(read(data, 4, 4), "");
  }
  assertEquals(assertThrows(() => nativePath("a\0b"), GitError).code, "invalid");
});
