import { assertEquals, assertThrows } from "@std/assert";
import { GitError } from "./errors.ts";
import { PosixRegex } from "./posix_regex.ts";

const CASES: [string, boolean, string, string | undefined][] = [
  // expression, extended, text, what is matched
  ["abc", false, "xxabcx", "abc"],
  ["a*", false, "baaa", ""],
  ["a\\+", false, "baaa", "aaa"],
  ["a+", false, "a+", "a+"],
  ["a+", true, "baaa", "aaa"],
  ["^*a", false, "*a", "*a"],
  ["*a", false, "x*a", "*a"],
  ["a\\{2,3\\}", false, "aaaa", "aaa"],
  ["a{2}", true, "aaaa", "aa"],
  ["a{,2}", true, "aaaa", "aa"],
  ["x|yy|yyy", true, "zyyy", "yyy"],
  ["x\\|yy", false, "zyyy", "yy"],
  ["(a|ab)(c|bcd)", true, "abcd", "abcd"],
  ["\\(ab\\)*c", false, "ababc", "ababc"],
  ["^a.c$", false, "abc", "abc"],
  ["^a.c$", false, "abcd", undefined],
  ["a^b", false, "a^b", "a^b"],
  ["a$b", false, "a$b", "a$b"],
  ["[[:digit:]]+", true, "ab123c", "123"],
  ["[^a-c]+", true, "abcxyz", "xyz"],
  ["[]a]+", true, "x]a]", "]a]"],
  ["[a-]+", true, "b-a", "-a"],
  ["[[.-.]]+", true, "a--", "--"],
  ["\\bfoo\\b", true, "a foo b", "foo"],
  ["\\bfoo\\b", true, "afoo", undefined],
  ["\\<b\\w*\\>", true, "abc bcd", "bcd"],
  ["a.b", false, "a\nb", "a\nb"],
  ["", true, "abc", ""],
  ["\\.", true, "a.b", "."],
  ["(^|x)a", true, "ba xa", "xa"],
  ["a(b|$)", true, "ca", "a"],
];

Deno.test("`PosixRegex` finds the leftmost longest match in basic and extended syntax", () => {
  for (const [source, extended, text, want] of CASES) {
    const found = new PosixRegex(source, { extended }).exec(text);
    assertEquals(found && text.slice(found.start, found.end), want, `${source} in ${text}`);
    assertEquals(new PosixRegex(source, { extended }).test(text), want !== undefined, source);
  }
});

Deno.test("`PosixRegex` folds case and takes lines when asked", () => {
  assertEquals(new PosixRegex("[^A]B", { ignoreCase: true }).test("ab"), false);
  assertEquals(new PosixRegex("HeLLo", { ignoreCase: true }).test("say hello"), true);
  assertEquals(new PosixRegex("^b$", { multiline: true }).exec("a\nb\nc"), { start: 2, end: 3 });
  assertEquals(new PosixRegex("^b$").test("a\nb\nc"), false);
  assertEquals(new PosixRegex("a.b", { multiline: true }).test("a\nb"), false);
});

Deno.test("`PosixRegex` takes linear time where backtracking takes exponential", () => {
  const text = "a".repeat(200_000);
  for (const source of ["(a*)*b", "(a|aa)+$b", "(a?){30}a{30}b", "(.*)(.*)(.*)(.*)[xy]"]) {
    assertEquals(new PosixRegex(source, { extended: true }).test(text), false, source);
  }
});

Deno.test("`PosixRegex` refuses bad syntax, back-references and huge expressions", () => {
  for (const source of ["(a", "a)", "[a", "a{3,2}", "\\", "[[:nope:]]", "[b-a]", "(a)\\1", "+a"]) {
    assertThrows(
      () => new PosixRegex(source, { extended: true }),
      GitError,
      undefined,
      source,
    );
  }
  assertThrows(
    () => new PosixRegex("((a{1000}){1000}){1000}", { extended: true }),
    GitError,
    "too big",
  );
  assertThrows(() => new PosixRegex("(".repeat(5000), { extended: true }), GitError, "too big");
});
