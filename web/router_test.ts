import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { CompiledMatcher, MAX_COMPILED_NODES } from "./_compiled_matcher.ts";
import { decodeSegments, joinWildcard } from "./_path.ts";
import { parsePattern, type PatternSegment, shapeOf } from "./_pattern.ts";
import { MalformedPathError, RoutePatternError, Router, type RouterOptions } from "./router.ts";
import type { PathParams } from "./path_params.ts";

const MATCHERS = ["tree", "compiled"] as const;

interface Case {
  name: string;
  options?: RouterOptions;
  /** `METHOD /pattern`, the value is the pattern. */
  routes: string[];
  /** `METHOD /path` to the pattern and the parameters, or undefined. */
  requests: Record<string, [pattern: string, params?: Record<string, string>] | undefined>;
}

/** The shared table: every matcher gives these answers. */
const CASES: Case[] = [
  {
    name: "prefers a static segment to a parameter to a wildcard",
    routes: ["GET /users/*rest", "GET /users/:id", "GET /users/me"],
    requests: {
      "GET /users/me": ["/users/me"],
      "GET /users/mee": ["/users/:id", { id: "mee" }],
      "GET /users/m": ["/users/:id", { id: "m" }],
      "GET /users/me/x": ["/users/*rest", { rest: "me/x" }],
      "GET /users/": ["/users/*rest", { rest: "" }],
      "GET /users": undefined,
    },
  },
  {
    name: "tries constrained parameters in order before the plain one",
    routes: [
      "GET /a/:word{[a-z]+}",
      "GET /a/:id{[0-9]+}",
      "GET /a/:any",
      "GET /a/:hex{[0-9a-f]+}",
    ],
    requests: {
      "GET /a/abc": ["/a/:word{[a-z]+}", { word: "abc" }],
      "GET /a/12": ["/a/:id{[0-9]+}", { id: "12" }],
      "GET /a/1f": ["/a/:hex{[0-9a-f]+}", { hex: "1f" }],
      "GET /a/X": ["/a/:any", { any: "X" }],
      "GET /a/%61bc": ["/a/:word{[a-z]+}", { word: "abc" }],
      "GET /a/": undefined,
    },
  },
  {
    name: "backtracks from every level",
    routes: [
      "GET /a/b/c/d",
      "GET /a/:x/c/e",
      "GET /:w/b/c/f",
      "GET /a/b/*rest",
      "GET /:w/:x/:y/g",
      "GET /*all",
    ],
    requests: {
      "GET /a/b/c/d": ["/a/b/c/d"],
      "GET /a/b/c/e": ["/a/b/*rest", { rest: "c/e" }],
      "GET /a/z/c/e": ["/a/:x/c/e", { x: "z" }],
      "GET /a/z/c/f": ["/*all", { all: "a/z/c/f" }],
      "GET /z/b/c/f": ["/:w/b/c/f", { w: "z" }],
      "GET /a/z/c/g": ["/:w/:x/:y/g", { w: "a", x: "z", y: "c" }],
      "GET /z/b/c/g": ["/:w/:x/:y/g", { w: "z", x: "b", y: "c" }],
      "GET /": ["/*all", { all: "" }],
    },
  },
  {
    name: "keeps an encoded slash in its segment, and decodes once",
    routes: ["GET /files/:name", "GET /files/:name/raw", "GET /tree/*path", "GET /caf%C3%A9/:x"],
    requests: {
      "GET /files/a%2Fb": ["/files/:name", { name: "a/b" }],
      "GET /files/a%2fb/raw": ["/files/:name/raw", { name: "a/b" }],
      "GET /files/a%252Fb": ["/files/:name", { name: "a%2Fb" }],
      "GET /files/%E2%82%AC": ["/files/:name", { name: "€" }],
      "GET /files/a+b": ["/files/:name", { name: "a+b" }],
      "GET /%66iles/x": ["/files/:name", { name: "x" }],
      "GET /files%2Fx": undefined,
      "GET /tree/a%20b/c%2Fd/": ["/tree/*path", { path: "a b/c%2Fd/" }],
      "GET /caf%c3%a9/1": ["/caf%C3%A9/:x", { x: "1" }],
    },
  },
  {
    name: "prefers a static segment to a parameter after decoding too",
    routes: ["GET /admin/users", "GET /:a/users", "GET /:a/:b"],
    requests: {
      "GET /%61dmin/users": ["/admin/users"],
      "GET /%61dmin/user%73": ["/admin/users"],
      "GET /x/user%73": ["/:a/users", { a: "x" }],
    },
  },
  {
    name: "treats literals with reserved characters as text",
    routes: ["GET /%3Aid", "GET /a%2Fb", "GET /100%25", "GET /*"],
    requests: {
      "GET /:id": ["/%3Aid"],
      "GET /%3Aid": ["/%3Aid"],
      "GET /a%2Fb": ["/a%2Fb"],
      "GET /a/b": ["/*", { "*": "a/b" }],
      "GET /100%25": ["/100%25"],
    },
  },
  {
    name: "expands optional segments from the right",
    routes: ["GET /posts/:year?/:month?", "GET /:lang?/about", "GET /x/:id{[0-9]+}?"],
    requests: {
      "GET /posts": ["/posts/:year?/:month?", {}],
      "GET /posts/2025": ["/posts/:year?/:month?", { year: "2025" }],
      "GET /posts/2025/01": ["/posts/:year?/:month?", { year: "2025", month: "01" }],
      "GET /posts/2025/01/02": undefined,
      "GET /about": ["/:lang?/about"],
      "GET /de/about": ["/:lang?/about", { lang: "de" }],
      "GET /x": ["/x/:id{[0-9]+}?"],
      "GET /x/7": ["/x/:id{[0-9]+}?", { id: "7" }],
      "GET /x/y": undefined,
    },
  },
  {
    name: "makes the root optional",
    routes: ["GET /:page?"],
    requests: { "GET /": ["/:page?"], "GET /p": ["/:page?", { page: "p" }], "GET //": undefined },
  },
  {
    name: "does not match a parameter with an empty segment",
    routes: ["GET /a/:x/b", "GET /a/:x"],
    requests: { "GET /a//b": undefined, "GET /a/": undefined, "GET //": undefined },
  },
  {
    name: "is strict about trailing slashes unless told otherwise",
    routes: ["GET /a", "GET /b/", "GET /c/:x", "GET /d/:x/"],
    requests: {
      "GET /a/": undefined,
      "GET /b": undefined,
      "GET /b/": ["/b/"],
      "GET /c/1/": undefined,
      "GET /d/1": undefined,
      "GET /d/1/": ["/d/:x/", { x: "1" }],
    },
  },
  {
    name: "ignores a trailing slash",
    options: { trailingSlash: "ignore" },
    routes: ["GET /a", "GET /b/", "GET /c/:x", "GET /d/*rest", "GET /"],
    requests: {
      "GET /": ["/"],
      "GET /a/": ["/a"],
      "GET /a//": undefined,
      "GET /b": ["/b/"],
      "GET /b/": ["/b/"],
      "GET /c/1/": ["/c/:x", { x: "1" }],
      "GET /c/%31/": ["/c/:x", { x: "1" }],
      "GET /d": ["/d/*rest", { rest: "" }],
      "GET /d/": ["/d/*rest", { rest: "" }],
      "GET /d/e/": ["/d/*rest", { rest: "e/" }],
    },
  },
  {
    name: "keeps the trees of methods apart",
    routes: ["GET /a/:x", "POST /a/:y", "* /a/b", "PUT /a/b", "PROPFIND /a/:z"],
    requests: {
      "GET /a/1": ["/a/:x", { x: "1" }],
      "HEAD /a/1": ["/a/:x", { x: "1" }],
      "POST /a/1": ["/a/:y", { y: "1" }],
      "PROPFIND /a/1": ["/a/:z", { z: "1" }],
      "DELETE /a/1": undefined,
      "DELETE /a/b": ["/a/b"],
      "PUT /a/b": ["/a/b"],
      "get /a/1": undefined,
    },
  },
  {
    name: "falls back from HEAD to GET by specificity",
    routes: ["GET /a/:x", "HEAD /a/*rest", "HEAD /b"],
    requests: {
      "HEAD /a/1": ["/a/:x", { x: "1" }],
      "HEAD /a/1/2": ["/a/*rest", { rest: "1/2" }],
      "HEAD /b": ["/b"],
      "GET /b": undefined,
    },
  },
  {
    name: "has parameter names that are members of Object",
    routes: ["GET /a/:constructor/:toString/*hasOwnProperty"],
    requests: {
      "GET /a/1/2/3": [
        "/a/:constructor/:toString/*hasOwnProperty",
        { constructor: "1", toString: "2", hasOwnProperty: "3" } as unknown as Record<
          string,
          string
        >,
      ],
    },
  },
  {
    name: "is not confused by literals with quotes and line separators",
    routes: [`GET /a"b\\/:x`, "GET /\u2028'`${1}`".replace(/[{}]/g, ""), "GET /__proto__"],
    requests: {
      [`GET /a"b\\/1`]: [`/a"b\\/:x`, { x: "1" }],
      "GET /__proto__": ["/__proto__"],
      "GET /constructor": undefined,
    },
  },
  {
    name: "answers nothing for what is no path",
    routes: ["GET /*rest", "GET /"],
    requests: { "GET *": undefined, "GET ": undefined, "GET x/y": undefined },
  },
  {
    name: "shares prefixes between literals",
    routes: ["GET /ab", "GET /abc", "GET /abc/d", "GET /ab/:x/c", "GET /a/b", "GET /abd/*w"],
    requests: {
      "GET /a": undefined,
      "GET /ab": ["/ab"],
      "GET /abc": ["/abc"],
      "GET /abcd": undefined,
      "GET /abc/d": ["/abc/d"],
      "GET /abc/": undefined,
      "GET /ab/1/c": ["/ab/:x/c", { x: "1" }],
      "GET /ab/1/d": undefined,
      "GET /a/b": ["/a/b"],
      "GET /abd/": ["/abd/*w", { w: "" }],
      "GET /abd": undefined,
    },
  },
];

function split(line: string): [method: string, path: string] {
  const space = line.indexOf(" ");
  return [line.slice(0, space), line.slice(space + 1)];
}

for (const matcher of MATCHERS) {
  for (const { name, options, routes, requests } of CASES) {
    Deno.test(`\`Router.match()\` (${matcher}) ${name}`, () => {
      const router = new Router<string>({ ...options, matcher });
      for (const line of routes) {
        const [method, pattern] = split(line);
        router.add(method, pattern, pattern);
      }
      for (const [line, expected] of Object.entries(requests)) {
        const match = router.match(...split(line));
        const actual = match && [match.route.value, { ...match.params }];
        assertEquals(actual, expected && [expected[0], expected[1] ?? {}], line);
        assertEquals(match?.redirect, undefined);
      }
    });
  }

  Deno.test(`\`Router.match()\` (${matcher}) reports a malformed path`, () => {
    const router = new Router<string>({ matcher });
    router.add("GET", "/:a", "a").add("GET", "/s", "s").add("GET", "/w/*rest", "w");
    for (const path of ["/%", "/%zz", "/a%2", "/%C3%28", "/w/%FF", "/s%", "/none/x/%E2%82"]) {
      const error = assertThrows(() => router.match("GET", path), MalformedPathError);
      assertInstanceOf(error, MalformedPathError);
      assertEquals([error.code, error.status, error.path], ["ERR_MALFORMED_PATH", 400, path]);
    }
    assertEquals(router.match("GET", "/s")?.route.value, "s");
  });

  Deno.test(`\`Router.match()\` (${matcher}) marks what differs in the trailing slash`, () => {
    const router = new Router<string>({ matcher, trailingSlash: "redirect" });
    router.add("GET", "/a", "a").add("GET", "/b/", "b").add("GET", "/c/:x", "c");
    router.add("GET", "/d/*rest", "d").add("GET", "/e", "e").add("GET", "/e/", "e/");
    const redirectOf = (path: string) => router.match("GET", path)?.redirect;
    assertEquals(["/a/", "/b", "/c/1/", "/d"].map(redirectOf), ["remove", "add", "remove", "add"]);
    assertEquals(["/a", "/b/", "/c/1", "/d/"].map(redirectOf), Array(4).fill(undefined));
    assertEquals(router.match("GET", "/e/")?.route.value, "e/");
    assertEquals(router.match("GET", "/a//"), undefined);
  });

  Deno.test(`\`Router.match()\` (${matcher}) runs constraints on segments up to 256 units`, () => {
    const router = new Router<string>({ matcher });
    router.add("GET", "/:id{[0-9]+}", "id");
    assertEquals(router.match("GET", "/" + "1".repeat(256))?.route.value, "id");
    assertEquals(router.match("GET", "/" + "1".repeat(257)), undefined);
    assertEquals(router.match("GET", "/" + "%31".repeat(256))?.route.value, "id");
    assertEquals(router.match("GET", "/" + "%31".repeat(257)), undefined);
  });
}

Deno.test("`Router.match()` is linear where every level can branch", () => {
  // Each node of the tree is visited at most once, however many ways lead to the same depth.
  const router = new Router<number>({ matcher: "tree" });
  for (let bits = 0; bits < 256; bits++) {
    const segments = Array.from({ length: 8 }, (_, i) => (bits >> i) & 1 ? "a" : `:p${i}`);
    router.add("GET", `/${segments.join("/")}/end`, bits);
  }
  const path = "/a".repeat(8) + "/no";
  for (let round = 0; round < 200; round++) assertEquals(router.match("GET", path), undefined);
});

Deno.test("`Router.match()` sees routes that are added after a match", () => {
  const router = new Router<string>();
  router.add("GET", "/a", "a");
  assertEquals(router.match("GET", "/b"), undefined);
  router.add("GET", "/b", "b");
  assertEquals(router.match("GET", "/b")?.route, { method: "GET", pattern: "/b", value: "b" });
  assertEquals(router.routes.map((route) => route.pattern), ["/a", "/b"]);
});

Deno.test("`Router.match()` walks a tree that is too big to compile", () => {
  const router = new Router<number>({ matcher: "compiled" });
  for (let id = 0; id <= MAX_COMPILED_NODES; id++) router.add("GET", `/r${id}/:x`, id);
  const match = router.match("GET", `/r${MAX_COMPILED_NODES}/7`);
  assertEquals([match?.route.value, match?.params], [MAX_COMPILED_NODES, { x: "7" }]);
});

Deno.test("`Router.add()` refuses a conflict and names both patterns", () => {
  const conflicts: [string, string][] = [
    ["/users/:id", "/users/:name"],
    ["/a", "/a"],
    ["/a/:x?", "/a"],
    ["/f/*a", "/f/*b"],
    ["/f/*", "/f/*b"],
    ["/n/:a{[0-9]+}", "/n/:b{[0-9]+}"],
    ["/caf%C3%A9", "/café"],
    ["/%61", "/a"],
  ];
  for (const [first, second] of conflicts) {
    const router = new Router<number>();
    router.add("GET", first, 1).add("POST", second, 2);
    const error = assertThrows(() => router.add("GET", second, 3), RoutePatternError);
    assertInstanceOf(error, RoutePatternError);
    assertEquals(error.code, "ERR_ROUTE_CONFLICT");
    assertEquals([error.pattern, error.conflictsWith], [second, first]);
    assert(error.message.includes(`"${first}"`) && error.message.includes(`"${second}"`));
  }
  const ignoring = new Router<number>({ trailingSlash: "ignore" });
  ignoring.add("GET", "/a", 1);
  assertThrows(() => ignoring.add("GET", "/a/", 2), RoutePatternError, `"/a"`);
});

Deno.test("`Router.add()` accepts what only looks alike", () => {
  const router = new Router<number>();
  router.add("GET", "/users/:id", 1).add("GET", "/users/:uid/posts", 2);
  router.add("GET", "/users/:n{[0-9]+}", 3).add("GET", "/users/*rest", 4);
  router.add("*", "/users/:id", 5).add("GET", "/a%2Fb", 6).add("GET", "/a/b", 7);
  assertEquals(router.match("GET", "/users/x/posts")?.params, { uid: "x" });
  assertEquals(router.match("PATCH", "/users/x")?.route.value, 5);
  assertEquals(router.match("GET", "/users/x")?.route.value, 1);
});

Deno.test("`Router.add()` refuses a malformed pattern", () => {
  const malformed = [
    "",
    "a",
    "/a//b",
    "/*a/b",
    "/:",
    "/:1",
    "/:a-b",
    "/:a{",
    "/:a{}",
    "/:a{(}",
    "/:a{x}y",
    "/:a/:a",
    "/:__proto__",
    "/*a-b",
    "/%zz",
    "/a?",
    "/a#b",
    "/a{b}",
    "/:a?/:b/:c?",
    "/:a{x}?y",
    "/" + "x".repeat(2048),
    "/x".repeat(65),
    "/:a?/x/:b?/x/:c?/x/:d?/x/:e?/x/:f?/x/:g?/x/:h?/x/:i?",
  ]; // deno-fmt-ignore
  for (const pattern of malformed) {
    const error = assertThrows(
      () => new Router<number>().add("GET", pattern, 1),
      RoutePatternError,
      undefined,
      pattern,
    );
    assertInstanceOf(error, RoutePatternError);
    assertEquals(error.code, "ERR_INVALID_PATTERN");
  }
  for (const method of ["", "GET ", "A\nB", "x".repeat(33)]) {
    assertThrows(() => new Router<number>().add(method, "/", 1), TypeError, "HTTP method");
  }
});

Deno.test("`Router.allowedMethods()` lists the methods of a path", () => {
  const router = new Router<number>();
  router.add("GET", "/a/:x", 1).add("POST", "/a/b", 2).add("PURGE", "/a/b", 3);
  assertEquals(router.allowedMethods("/a/b"), ["GET", "HEAD", "POST", "PURGE", "OPTIONS"]);
  assertEquals(router.allowedMethods("/a/c"), ["GET", "HEAD", "OPTIONS"]);
  assertEquals(router.allowedMethods("/b"), []);
  router.add("*", "/all", 4);
  assertEquals(router.allowedMethods("/all").includes("DELETE"), true);
});

Deno.test("`CompiledMatcher.isAllowed()` is true where code generation is", () => {
  assertEquals(CompiledMatcher.isAllowed(), true);
});

Deno.test("`Router` walks the tree where code generation is forbidden", async () => {
  const module = new URL("./router.ts", import.meta.url);
  const code = `import { Router } from "${module}";
    const router = new Router(); router.add("GET", "/a/:x", "v");
    console.log(JSON.stringify(router.match("GET", "/a/1")?.params));`;
  const map = new URL("../.ci/std_npm.json", import.meta.url);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      `--import-map=${map}`,
      "--v8-flags=--disallow-code-generation-from-strings",
      code,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), '{"x":"1"}\n', new TextDecoder().decode(stderr));
});

/** Compiles only if the two types are the same. */
function assertType<A, B>(
  _same: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
    : false,
): void {}

Deno.test("`PathParams` follows the pattern", () => {
  assertType<PathParams<"/users/:id">, { id: string }>(true);
  assertType<PathParams<"/a/:b/*rest">, { b: string; rest: string }>(true);
  assertType<PathParams<"/a/:b?">, { b?: string }>(true);
  assertType<PathParams<"/a/:b{[0-9]+}/*">, { b: string; "*": string }>(true);
  assertType<PathParams<"/:y{\\d{4}}/:m{\\d\\d}?">, { y: string; m?: string }>(true);
  assertType<PathParams<string>, Record<string, string | undefined>>(true);
});

// A property test: both matchers against one that tries every form of every route.

interface NaiveRoute {
  method: string;
  form: readonly PatternSegment[];
  pattern: string;
}

/** Says for each segment what kind of match it is: the smallest list in that order wins. */
function naiveScore(form: readonly PatternSegment[], segments: string[], order: string[]):
  | { score: number[]; params: Record<string, string> }
  | undefined {
  const score: number[] = [];
  const params: Record<string, string> = {};
  for (const [index, segment] of form.entries()) {
    if (segment.kind === "wildcard") {
      if (segments.length <= index) return undefined;
      params[segment.name] = joinWildcard(segments, index);
      score.push(1_000_000);
      return { score, params };
    }
    const text = segments[index];
    if (text === undefined) return undefined;
    if (segment.kind === "static") {
      if (text !== segment.text) return undefined;
      score.push(0);
      continue;
    }
    if (text === "") return undefined;
    params[segment.name] = text;
    if (segment.constraint === undefined) {
      score.push(100_000);
      continue;
    }
    if (text.length > 256 || !new RegExp(`^(?:${segment.constraint})$`, "u").test(text)) {
      return undefined;
    }
    // Constraints of one place are ordered by their first registration there.
    score.push(1 + order.indexOf(shapeOf(form.slice(0, index + 1))));
  }
  return form.length === segments.length ? { score, params } : undefined;
}

function naiveMatch(routes: NaiveRoute[], method: string, path: string):
  | [string, Record<string, string>]
  | undefined {
  const segments = decodeSegments(path);
  const own = routes.filter((route) => route.method === method);
  const usable = [...own, ...routes.filter((route) => route.method === "*")];
  const order = [
    ...new Set(
      usable.flatMap(({ form }) => form.map((_, index) => shapeOf(form.slice(0, index + 1)))),
    ),
  ];
  let best: { score: number[]; params: Record<string, string>; pattern: string } | undefined;
  for (const { form, pattern } of usable) {
    const found = naiveScore(form, segments, order);
    if (found === undefined) continue;
    if (best === undefined || compareScores(found.score, best.score) < 0) {
      best = { ...found, pattern };
    }
  }
  return best && [best.pattern, best.params];
}

function compareScores(a: number[], b: number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return a[index]! - b[index]!;
  }
  return a.length - b.length;
}

function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const PATTERN_SEGMENTS = [
  "a",
  "b",
  "ab",
  "abc",
  "b1",
  "1",
  "caf%C3%A9",
  "a%2Fb",
  ":x",
  ":x",
  ":x",
  ":x{[0-9]+}",
  ":x{[a-b]+}",
  ":x?",
  ":x{a.*}?",
]; // deno-fmt-ignore
const PATH_SEGMENTS = [
  "a", "b", "ab", "abc", "b1", "1", "caf%C3%A9", "a%2Fb", "a/b", "12", "%61", "%61b", "", "zz", "a%25",
]; // deno-fmt-ignore

Deno.test("`Router.match()` agrees with a naive matcher on random route sets", () => {
  const isSoak = Deno.env.get("GROUNDWORK_SOAK") === "1";
  const sets = isSoak ? 100_000 : 1_000;
  const seed = Number(Deno.env.get("GROUNDWORK_SEED") ?? 1_234_567);
  const random = createRandom(seed);
  const pick = <V>(values: readonly V[]): V => values[random(values.length)]!;
  let matched = 0;
  for (let set = 0; set < sets; set++) {
    const tree = new Router<string>({ matcher: "tree" });
    const compiled = new Router<string>({ matcher: "compiled" });
    const naive: NaiveRoute[] = [];
    const count = 1 + random(10);
    for (let index = 0; index < count; index++) {
      const segments = Array.from(
        { length: 1 + random(4) },
        (_, depth) => pick(PATTERN_SEGMENTS).replace(":x", `:p${depth}`),
      );
      const tail = pick(["", "", "", "", "/", "/*", "/*rest"]);
      const pattern = "/" + segments.join("/") + tail;
      const method = pick(["GET", "GET", "GET", "*"]);
      try {
        tree.add(method, pattern, pattern);
      } catch (error) {
        assertInstanceOf(error, RoutePatternError);
        continue;
      }
      compiled.add(method, pattern, pattern);
      for (const form of parsePattern(pattern).forms) naive.push({ method, form, pattern });
    }
    for (let request = 0; request < 12; request++) {
      const path = "/" + Array.from({ length: 1 + random(5) }, () => pick(PATH_SEGMENTS)).join("/");
      const method = pick(["GET", "GET", "POST"]);
      const expected = naiveMatch(naive, method, path);
      if (expected !== undefined) matched++;
      for (const router of [tree, compiled]) {
        const match = router.match(method, path);
        assertEquals(
          match && [match.route.value, { ...match.params }],
          expected,
          `seed ${seed}, set ${set}: ${method} ${path} in ${
            tree.routes.map((route) => `${route.method} ${route.pattern}`).join(" ; ")
          }`,
        );
      }
    }
  }
  assert(matched > sets, `too few requests match anything: ${matched}`);
});
