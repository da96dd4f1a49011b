import { assert, assertEquals } from "@std/assert";
import { wildmatch } from "./wildmatch.ts";

Deno.test("`wildmatch()` knows stars, double stars, classes and escapes", () => {
  for (
    const [pattern, text, plain, pathname] of [
      ["*.ts", "a.ts", true, true],
      ["*.ts", "a/b.ts", true, false],
      ["**/b.ts", "b.ts", false, true],
      ["**/b.ts", "a/c/b.ts", true, true],
      ["a/**", "a/b/c", true, true],
      ["a/**/b", "a/b", false, true],
      ["a/**/b", "a/x/y/b", true, true],
      ["a**b", "a/b", true, false],
      ["a?b", "a/b", true, false],
      ["[!a-c]x", "dx", true, true],
      ["[[:digit:]]", "7", true, true],
      ["[]-]", "-", true, true],
      ["[a", "[a", false, false],
      ["\\*", "*", true, true],
      ["*\\", "a\\", false, false],
      ["", "", true, true],
      ["*", "", true, true],
    ] as const
  ) {
    assertEquals(wildmatch(pattern, text), plain, `${pattern} ${text}`);
    assertEquals(wildmatch(pattern, text, { pathname: true }), pathname, `${pattern} ${text} path`);
  }
  assert(wildmatch("A*", "abc", { fold: true }));
  assert(wildmatch("*.TS", "a.ts", { fold: true }));
});

/** Matches by trying everything: slow, and plainly right. */
function slowly(pattern: string, text: string, p = 0, t = 0): boolean {
  if (p === pattern.length) return t === text.length;
  if (pattern[p] === "*") {
    let after = p;
    while (pattern[after] === "*") after++;
    const slashes = after - p > 1 && (p === 0 || pattern[p - 1] === "/") &&
      (after === pattern.length || pattern[after] === "/");
    if (slashes && pattern[after] === "/" && slowly(pattern, text, after + 1, t)) return true;
    for (let to = t; to <= text.length; to++) {
      if (slowly(pattern, text, after, to)) return true;
      if (text[to] === "/" && !slashes) return false;
    }
    return false;
  }
  if (t === text.length || (pattern[p] === "?" ? text[t] === "/" : pattern[p] !== text[t])) {
    return false;
  }
  return slowly(pattern, text, p + 1, t + 1);
}

Deno.test("`wildmatch()` agrees with trying everything", () => {
  let seed = 1;
  const random = (n: number): number => (seed = (seed * 48271) % 0x7fffffff) % n;
  const word = (letters: string, length: number): string =>
    Array.from({ length: random(length) }, () => letters[random(letters.length)]).join("");
  for (let i = 0; i < 30_000; i++) {
    const pattern = word("ab/*?**", 10), text = word("aab/", 9);
    assertEquals(
      wildmatch(pattern, text, { pathname: true }),
      slowly(pattern, text),
      `${pattern} on ${text}, number ${i}`,
    );
  }
});

Deno.test("`wildmatch()` takes no exponential time, no deep stack and no more than 1024 runs of stars", () => {
  const text = "a".repeat(3000);
  assertEquals(wildmatch(`${"*a".repeat(500)}b`, text), false);
  assertEquals(wildmatch(`${"**/".repeat(500)}b`, "a/".repeat(1500), { pathname: true }), false);
  assertEquals(wildmatch("*?".repeat(1024), text), true);
  assertEquals(wildmatch("*?".repeat(100_000), "a".repeat(200_000)), false);
});
