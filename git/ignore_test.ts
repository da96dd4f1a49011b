import { assertEquals } from "@std/assert";
import { Attributes } from "./attributes.ts";
import { IgnoreRules, parseIgnore } from "./ignore.ts";
import { HAVE_GIT } from "./_test_support.ts";

const rules = (text: string): IgnoreRules =>
  new IgnoreRules((path) => path === ".gitignore" ? text : undefined);

Deno.test("`parseIgnore()` drops spaces at the end that no backslash is before", () => {
  const patterns = (text: string): string[] => parseIgnore(text, "", "").map((r) => r.pattern);
  assertEquals(patterns("a  \nb\\ \nc\\  \nd\\\\  \n  e\n\\\\\\ "), [
    "a",
    "b\\ ",
    "c\\ ",
    "d\\\\",
    "  e",
    "\\\\\\ ",
  ]);
  assertEquals(patterns("\xef\xbb\xbfa\r\n# no\n\n!b/\n"), ["a", "b"]);
  // Once quadratic and worse: half a megabyte of spaces.
  assertEquals(patterns(`${"x ".repeat(100)}${" ".repeat(500_000)}y`).length, 1);
});

Deno.test("`IgnoreRules` takes the last rule, and directories hide what is in them", () => {
  const ignore = rules("*.log\n!keep.log\nbuild/\n/top\nsrc/**/x\n");
  for (
    const [path, wanted] of [
      ["a.log", true],
      ["d/keep.log", false],
      ["build/keep.log", true],
      ["top", true],
      ["d/top", false],
      ["src/a/b/x", true],
    ] as const
  ) assertEquals(ignore.isIgnored(path, false), wanted, path);
});

Deno.test({
  name: `\`IgnoreRules\` decide as git does${HAVE_GIT ? "" : " (ignored: git is not installed)"}`,
  ignore: !HAVE_GIT,
  async fn() {
    const cwd = await Deno.makeTempDir();
    try {
      await new Deno.Command("git", { args: ["init", "-q"], cwd }).output();
      let seed = 7;
      const random = (n: number): number => (seed = (seed * 48271) % 0x7fffffff) % n;
      const word = (letters: string, length: number): string =>
        Array.from({ length: 1 + random(length) }, () => letters[random(letters.length)]).join("");
      const patterns = Array.from({ length: 60 }, () => word("abc*?/!\\[] ", 7));
      const paths = new Set(Array.from({ length: 3000 }, () => word("abc/", 8)));
      const clean = [...paths].filter((path) => !/^\/|\/\/|\/$/.test(path));
      await Deno.writeTextFile(`${cwd}/.gitignore`, `${patterns.join("\n")}\n`);
      const child = new Deno.Command("git", {
        args: ["check-ignore", "--no-index", "-v", "-n", "--stdin"],
        cwd,
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(`${clean.join("\n")}\n`));
      await writer.close();
      const { stdout } = await child.output();
      const ignore = rules(`${patterns.join("\n")}\n`);
      const ours = clean.map((path) => {
        const found = ignore.match(path, false);
        return found === undefined
          ? `::\t${path}`
          : `.gitignore:${found.line}:${found.text}\t${path}`;
      });
      assertEquals(ours, new TextDecoder().decode(stdout).trimEnd().split("\n"));
    } finally {
      await Deno.remove(cwd, { recursive: true });
    }
  },
});

Deno.test("`Attributes` take patterns as bytes and survive lines that are none", () => {
  // The second byte of "à" is a no-break space in Latin-1.
  const text = 'caf\xc3\xa0 text=1\n"a b" x\n\r\n[attr]\n!no bad\n\xa0 y\n';
  const attributes = new Attributes((path) => path === ".gitattributes" ? text : undefined, []);
  assertEquals(attributes.get("caf\xc3\xa0").get("text"), "1");
  assertEquals(attributes.get("a b").get("x"), true);
  assertEquals(attributes.get("!no").has("bad"), false);
});
