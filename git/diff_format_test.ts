import { assertEquals, assertThrows } from "@std/assert";
import { fromByteString } from "./_bytes.ts";
import { HAVE_GIT } from "./_test_support.ts";
import { breakRewrites, mergeBroken } from "./break_rewrites.ts";
import { formatCombined } from "./combined_diff.ts";
import { applyDelta } from "./delta.ts";
import { type DiffFormatOptions, formatHunks, formatPatch } from "./diff_format.ts";
import { reencode } from "./encoding.ts";
import { GitError } from "./errors.ts";
import { LineDiff } from "./line_diff.ts";
import { MemoryObjectStore } from "./object_store.ts";
import { patchDelta } from "./patch_delta.ts";
import type { DiffColors } from "./patch_painter.ts";
import { expandFormat } from "./pretty.ts";
import { type DiffPair, diffTrees, makePair } from "./tree_diff.ts";
import { headingFinder, languageHeadings, languageWords } from "./userdiff.ts";
import { diffWords } from "./word_diff.ts";

const OPTIONS: DiffFormatOptions = { abbrev: (id) => id.slice(0, 7), quote: (path) => path };
const COLORS: DiffColors = {
  meta: "<m>",
  frag: "<f>",
  func: "<h>",
  old: "<o>",
  new: "<n>",
  context: "",
  whitespace: "<w>",
  reset: "</>",
  oldMoved: ["<om>", "<oa>", "<od>", "<oad>"],
  newMoved: ["<nm>", "<na>", "<nd>", "<nad>"],
};

function pairOf(store: MemoryObjectStore, before: string, after: string, path = "f"): DiffPair {
  const file = (text: string) => ({
    path,
    mode: 0o100644,
    id: store.write("blob", fromByteString(text)),
    idKnown: true,
  });
  return makePair(file(before), file(after));
}

function bodyOf(text: string): string {
  return text.slice(text.indexOf("@@") - (text.includes("<f>@@") ? 3 : 0));
}

Deno.test("`LineDiff` agrees with itself however the common ends are found", () => {
  let seed = 7;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed % n;
  };
  for (let round = 0; round < 300; round++) {
    const lines = Array.from({ length: random(30) }, () => `${"ab c"[random(4)]}\n`);
    const other = lines.filter(() => random(5) > 0);
    if (random(2) === 0) other.splice(random(other.length + 1), 0, "new\n", "a\n");
    const cut = random(3) === 0 ? -1 : undefined;
    const a = fromByteString(lines.join("").slice(0, cut)), b = fromByteString(other.join(""));
    const expected = new LineDiff(new LineDiff(a, b).old, new LineDiff(a, b).new).changes();
    assertEquals(new LineDiff(a, b).changes(), expected, `round ${round}`);
    // What is not changed is the same on both sides.
    for (const algorithm of ["myers", "patience", "histogram"] as const) {
      const diff = new LineDiff(a, b, { algorithm });
      const kept = (side: "old" | "new"): string[] => {
        const gone = new Set<number>();
        for (const change of changes) {
          const [start, count] = side === "old"
            ? [change.oldStart, change.oldCount]
            : [change.newStart, change.newCount];
          for (let i = 0; i < count; i++) gone.add(start + i);
        }
        return Array.from({ length: diff[side].count }, (_, i) => i).filter((i) => !gone.has(i))
          .map((i) => diff[side].text(i));
      };
      const changes = diff.changes();
      assertEquals(kept("old"), kept("new"), `${algorithm}, round ${round}`);
    }
  }
});

Deno.test("`formatHunks()` cuts headings at bytes that are no UTF-8", () => {
  const text = (name: string): Uint8Array => fromByteString(`${name}\n${"1\n".repeat(9)}`);
  const after = (name: string): Uint8Array => fromByteString(`${name}\n${"1\n".repeat(8)}2\n`);
  assertEquals(
    formatHunks(text("abc \xa9 d"), after("abc \xa9 d")).split("\n")[0],
    "@@ -7,4 +7,4 @@ abc ",
  );
  const long = `a${"\xc3\xa9".repeat(40)}`;
  assertEquals(
    formatHunks(text(long), after(long)).split("\n")[0],
    `@@ -7,4 +7,4 @@ a${"\xc3\xa9".repeat(39)}`,
  );
});

Deno.test("`formatPatch()` marks words in the three styles", () => {
  const store = new MemoryObjectStore();
  const pair = pairOf(store, "one two\nthree\n", "one 2\nthree four\n");
  const show = (options: Partial<DiffFormatOptions>): string =>
    bodyOf(formatPatch(store, pair, { ...OPTIONS, ...options }));
  assertEquals(
    show({ wordDiff: "plain" }),
    "@@ -1,2 +1,2 @@\none [-two-]{+2+}\nthree {+four+}\n",
  );
  assertEquals(
    show({ wordDiff: "porcelain" }),
    "@@ -1,2 +1,2 @@\n one \n-two\n+2\n~\n three \n+four\n~\n",
  );
  assertEquals(
    show({ wordDiff: "color", colors: COLORS }),
    "<f>@@ -1,2 +1,2 @@</>\none <o>two\x1b[m<n>2\x1b[m\nthree <n>four\x1b[m\n",
  );
  assertEquals(
    show({ wordDiff: "plain", wordRegex: "[a-z]+|[0-9]" }),
    "@@ -1,2 +1,2 @@\none [-two-]{+2+}\nthree {+four+}\n",
  );
});

Deno.test("`diffWords()` takes the words of a language for what they are", () => {
  const parts: string[] = [];
  diffWords("a+=b", "a-=b", undefined, (kind, text) => parts.push(`${kind}:${text}`));
  assertEquals(parts, ["old:a+=b", "new:a-=b"]);
  assertEquals(languageWords("cpp")!.endsWith("|[^[:space:]]|[\xc0-\xff][\x80-\xbf]+"), true);
  assertEquals(languageWords("toString"), undefined);
});

Deno.test("`languageHeadings()` finds sections; `headingFinder()` excludes and takes groups", () => {
  const of = (language: string, line: string): string | undefined =>
    languageHeadings(language)!(`${line}\n`);
  assertEquals(of("cpp", "int main(void)  "), "int main(void)");
  assertEquals(of("cpp", "label:"), undefined);
  assertEquals(of("python", "    async def f(x):"), "async def f(x):");
  assertEquals(of("rust", "  pub(crate) fn f<T>() {"), "pub(crate) fn f<T>() {");
  assertEquals(of("markdown", "## A title"), "## A title");
  assertEquals(of("fortran", "      subroutine A(x)"), "subroutine A(x)");
  assertEquals(of("tex", "\\section{One}"), "\\section{One}");
  assertEquals(languageHeadings("none"), undefined);
  const find = headingFinder("!^no\n^([a-z]+):", { extended: true });
  assertEquals(find("no:"), undefined);
  assertEquals(find("yes: it is"), "yes");
  assertThrows(() => headingFinder("(", { extended: true }), GitError);
});

Deno.test("`formatPatch()` shows blocks that moved, and whitespace errors of new lines", () => {
  const store = new MemoryObjectStore();
  const block = "this line has many letters\nand so has this one\n";
  const keep = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  const pair = pairOf(store, block + keep, `${keep}${block}end  \n`);
  const text = formatPatch(store, pair, {
    ...OPTIONS,
    colors: COLORS,
    moved: { mode: "zebra", whitespace: {}, indentation: false },
    whitespace: () => ({
      blankAtEol: true,
      blankAtEof: true,
      spaceBeforeTab: true,
      indentWithNonTab: false,
      tabInIndent: false,
      crAtEol: false,
      tabWidth: 8,
    }),
  });
  const lines = text.split("\n");
  assertEquals(lines.filter((line) => line.startsWith("<om>")), [
    "<om>-this line has many letters</>",
    "<om>-and so has this one</>",
  ]);
  assertEquals(lines.filter((line) => line.startsWith("<nm>")), [
    "<nm>+</><nm>this line has many letters</>",
    "<nm>+</><nm>and so has this one</>",
  ]);
  assertEquals(lines.at(-2), "<n>+</><n>end</><w>  </>");
});

Deno.test("`formatCombined()` shows what differs from every parent", () => {
  const store = new MemoryObjectStore();
  const id = (text: string): string => store.write("blob", fromByteString(text));
  const parent = (text: string) => ({ mode: 0o100644, id: id(text), path: "f" });
  const result = (text: string) => ({ path: "f", mode: 0o100644, id: id(text), idKnown: true });
  const parents = [parent("a\nb\nc\n"), parent("a\nB\nc\n")];
  const text = formatCombined(store, "f", parents, result("a\nboth\nc\n"), true, OPTIONS);
  assertEquals(
    text.slice(text.indexOf("--- a/f")),
    "--- a/f\n+++ b/f\n@@@ -1,3 -1,3 +1,3 @@@\n  a\n- b\n -B\n++both\n  c\n",
  );
  // The result of one side is not shown densely.
  assertEquals(formatCombined(store, "f", parents, result("a\nB\nc\n"), true, OPTIONS), "");
});

Deno.test("`patchDelta()` makes deltas that `applyDelta()` undoes, or none beyond a limit", () => {
  const from = new Uint8Array(5000), to = new Uint8Array(6000);
  for (let i = 0; i < from.length; i++) from[i] = (i * i) % 251;
  to.set(from.subarray(1000, 4000), 500);
  to.set(from.subarray(0, 2000), 3700);
  const delta = patchDelta(from, to, 6000)!;
  assertEquals(applyDelta(from, delta), to);
  assertEquals(delta.length < 1300, true);
  assertEquals(patchDelta(from, to, 10), undefined);
});

Deno.test("`breakRewrites()` takes rewritten files apart and `mergeBroken()` together again", () => {
  const store = new MemoryObjectStore();
  const text = (word: string): string =>
    Array.from({ length: 40 }, (_, i) => `${word} line number ${i}\n`).join("");
  const pair = pairOf(store, text("old"), text("altogether new"));
  const broken = breakRewrites(store, [pair]);
  assertEquals(broken.map((one) => [one.status, one.broken]), [["D", true], ["A", true]]);
  assertEquals(mergeBroken(broken).map((one) => [one.status, one.score]), [["M", 60000]]);
  const same = pairOf(store, text("old"), `${text("old")}one more\n`);
  assertEquals(breakRewrites(store, [same]), [same]);
});

Deno.test("`diffTrees()` skips what is the same to the byte and reads old modes", () => {
  const store = new MemoryObjectStore();
  const blob = store.write("blob", fromByteString("x\n"));
  const raw = blob.replace(/../g, (hex) => String.fromCharCode(parseInt(hex, 16)));
  const tree = (entries: [string, string][]): string =>
    store.write(
      "tree",
      fromByteString(entries.map(([mode, name]) => `${mode} ${name}\0${raw}`).join("")),
    );
  const a = tree([["100644", "a"], ["100664", "b"], ["100644", "c"]]);
  const b = tree([["100644", "a"], ["100644", "b"], ["100755", "c"], ["100644", "d"]]);
  assertEquals(diffTrees(store, a, b).map((pair) => [pair.status, pair.new.path]), [
    ["M", "c"],
    ["A", "d"],
  ]);
  const cut = store.write("tree", fromByteString("100644 a\0short"));
  assertThrows(() => diffTrees(store, a, cut), GitError, "too-short tree file");
});

Deno.test("`expandFormat()` pads, cuts and wraps", () => {
  const commit = {
    tree: "0".repeat(40),
    parents: [],
    author: "A <a@x> 0 +0000",
    committer: "C <c@x> 0 +0000",
    extra: [],
    message: "one two three four\n\nbody\n",
  };
  const show = (format: string): string =>
    expandFormat(format, "1".repeat(40), commit, {
      style: "format",
      abbrev: (id) => id.slice(0, 7),
    });
  assertEquals(show("%<(6)%an|%>(6)%an|%><(5)%an|"), "A     |     A|  A  |");
  assertEquals(
    show("%<(10,trunc)%s|%<(10,ltrunc)%s|%<(10,mtrunc)%s"),
    "one two ..|..ree four|one ..four",
  );
  assertEquals(show("ab%<|(6)%an|"), "abA   |");
  assertEquals(show("%w(9,1,2)%s"), " one two\n  three\n  four");
  assertEquals(show("%+an%-b%x41%%%q"), "\nAbody\nA%%q");
});

Deno.test("`reencode()` goes between encodings, or says that it cannot", () => {
  assertEquals(reencode("\xe9", "ISO-8859-1", "UTF-8"), "\xc3\xa9");
  assertEquals(reencode("\xc3\xa9", "utf8", "latin1"), "\xe9");
  assertEquals(reencode("\xc3\xa9", "utf-8", "ascii"), undefined);
  assertEquals(reencode("\xff", "utf-8", "latin1"), undefined);
  assertEquals(reencode("\xe3\x81\x82", "UTF-8", "Shift_JIS"), "\x82\xa0");
  assertEquals(reencode("a", "no-such-thing", "UTF-8"), undefined);
});

Deno.test({
  name: HAVE_GIT
    ? "`LineDiff` finds the hunks that git finds"
    : "`LineDiff` finds the hunks that git finds (ignored: git is not in PATH)",
  ignore: !HAVE_GIT,
  fn() {
    const directory = Deno.makeTempDirSync();
    try {
      let seed = 3;
      const random = (n: number): number => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return (seed >> 8) % n;
      };
      const words = ["", "{", "}", "  return;", "\tif (a)", "int f(void)", "x", "y"];
      for (let round = 0; round < 12; round++) {
        const before = Array.from({ length: 120 }, () => `${words[random(words.length)]}\n`);
        const after = before.flatMap((line) =>
          random(8) === 0 ? [] : random(8) === 0 ? [line, "added\n"] : [line]
        );
        Deno.writeTextFileSync(`${directory}/a`, before.join(""));
        Deno.writeTextFileSync(`${directory}/b`, after.join(""));
        const flag = ["--diff-algorithm=myers", "--patience", "--histogram", "-w", "-U0", "-W"][
          round % 6
        ]!;
        const { stdout } = new Deno.Command("git", {
          args: ["diff", "--no-index", "--no-ext-diff", flag, "a", "b"],
          cwd: directory,
          env: { GIT_CONFIG_NOSYSTEM: "1", HOME: directory },
        }).outputSync();
        const real = new TextDecoder().decode(stdout);
        const options: Partial<DiffFormatOptions> = [
          {},
          { algorithm: "patience" as const },
          { algorithm: "histogram" as const },
          { ignoreAllSpace: true },
          { context: 0 },
          { functionContext: true },
        ][round % 6]!;
        assertEquals(
          formatHunks(fromByteString(before.join("")), fromByteString(after.join("")), options),
          real.slice(real.indexOf("@@")),
          `round ${round}, ${flag}`,
        );
      }
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
