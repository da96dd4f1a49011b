import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeSegments,
  joinWildcard,
  MalformedPathError,
  pathOf,
  plainQueryValue,
  queryOf,
} from "./_path.ts";

Deno.test("`pathOf()` takes the raw path out of a URL or a target", () => {
  const cases: Record<string, string> = {
    "http://localhost:80/a/b?c=/d#e": "/a/b",
    "http://localhost/a#b?c": "/a",
    "http://localhost": "/",
    "http://localhost/": "/",
    "http://localhost/%2F%zz": "/%2F%zz",
    "https://[::1]:8/x": "/x",
    "/origin/form?x": "/origin/form",
    "/": "/",
    "http://localhost//a": "//a",
  };
  for (const [url, path] of Object.entries(cases)) assertEquals(pathOf(url), path, url);
});

Deno.test("`decodeSegments()` splits before it decodes", () => {
  assertEquals(decodeSegments("/a%2Fb/c%20d/"), ["a/b", "c d", ""]);
  assertEquals(decodeSegments("/"), [""]);
  assertThrows(() => decodeSegments("/a/%ff"), MalformedPathError);
});

Deno.test("`joinWildcard()` keeps the number of segments", () => {
  assertEquals(joinWildcard(["x", "a/b", "c"], 1), "a%2Fb/c");
  assertEquals(joinWildcard(["x"], 1), "");
});

Deno.test("`plainQueryValue()` agrees with `URLSearchParams`", () => {
  const queries = [
    "",
    "a",
    "a=",
    "a=1",
    "a=1&a=2",
    "ab=1&a=2",
    "b=1&&a=2",
    "=1&a",
    "a==",
    "a=b=c",
    "&a=1",
    "a&a=1",
    "b=a=1",
    "ä=ö&a=ü",
    "a?=1&a=?",
    "a=1;b=2",
    "toString=1",
  ]; // deno-fmt-ignore
  for (const query of queries) {
    for (const name of ["a", "b", "ab", "ä", "a?", "toString", "missing"]) {
      const url = `http://localhost/?${query}#a=hash`;
      assertEquals(queryOf(url), query);
      const expected = new URLSearchParams(query).get(name) ?? undefined;
      assertEquals(plainQueryValue(url, name), expected, `${query} ${name}`);
    }
  }
  for (const query of ["a=%20", "a=+", "%61=1"]) {
    assertEquals(plainQueryValue(`/?${query}`, "a"), false);
  }
  assertEquals(plainQueryValue("/?a", ""), false);
  assertEquals(plainQueryValue("/#?a=1", "a"), undefined);
});
