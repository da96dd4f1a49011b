import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  loadTemplates,
  safeAttribute,
  safeCss,
  safeHtml,
  safeJs,
  safeSrcset,
  safeUrl,
  TemplateError,
  type TemplateOptions,
  TemplateSet,
} from "./template.ts";
import { INJECTIONS } from "./testdata/template_injections.ts";

function render(text: string, data?: unknown, options?: TemplateOptions): string {
  return new TemplateSet(options).add("t.html", text).render("t.html", data);
}

function errorOf(text: string, data?: unknown, options?: TemplateOptions): TemplateError {
  return assertThrows(() => render(text, data, options), TemplateError);
}

Deno.test("`TemplateSet.render()` escapes hostile values in every context", async (t) => {
  assert(INJECTIONS.length >= 60);
  for (const [template, value, expected] of INJECTIONS) {
    await t.step(`${template} <- ${JSON.stringify(value)}`, () => {
      if (expected.startsWith("ERROR ")) {
        const error = errorOf(template, value);
        assertStringIncludes(error.message, expected.slice(6));
        assertEquals(error.code, "ERR_TEMPLATE_CONTEXT");
      } else assertEquals(render(template, value), expected);
    });
  }
});

Deno.test("`TemplateSet.render()` evaluates the language", async (t) => {
  const data = {
    name: "Ada",
    zero: 0,
    list: ["a", "b", "c"],
    empty: [],
    user: { email: "A@B.test", tags: new Set(["x", "y"]), "first": { "second": 2 } },
    map: new Map<unknown, unknown>([["k", "v"], [1, "one"]]),
    object: { p: 1, q: 2 },
    add: (a: number, b: number) => a + b,
    big: 12n,
    when: new Date(0),
    html: "<b>",
  };
  const rows: [string, string][] = [
    ["{{.name}}", "Ada"],
    ["{{ .user.first.second }}", "2"],
    ["{{.missing}}{{.missing.deeper}}", ""],
    ["{{$.name}}", "Ada"],
    ["{{.map.k}} {{index .map 1}} {{index .list 1}} {{len .map}}", "v one b 2"],
    ["{{.user.email | lower}}", "a@b.test"],
    ['{{.name | printf "%s-%d" "x" | upper}}', "X-NAN"],
    ["{{add 1 2}}", "3"],
    ["{{.add 3 4}}", "7"],
    ["{{(index .list 0) | upper}}", "A"],
    ['{{(index .map "k")}}', "v"],
    ["{{if .zero}}a{{else if .name}}b{{else}}c{{end}}", "b"],
    ["{{if .zero}}a{{else if .empty}}b{{else}}c{{end}}", "c"],
    ["{{if not .empty}}yes{{end}}", "yes"],
    ["{{if and .name (gt 2 1)}}yes{{end}}", "yes"],
    ["{{or .zero .name}} {{and .zero .name}}", "Ada 0"],
    ["{{with .user}}{{.email}}{{end}}{{with .zero}}x{{else}}{{.name}}{{end}}", "A@B.testAda"],
    ["{{range .list}}{{.}}{{end}}", "abc"],
    ["{{range $i, $x := .list}}{{$i}}{{$x}}{{end}}", "0a1b2c"],
    ["{{range $x := .list}}{{$x}}{{end}}", "abc"],
    ["{{range .empty}}x{{else}}none{{end}}", "none"],
    ["{{range .missing}}x{{else}}none{{end}}", "none"],
    ["{{range $k, $v := .object}}{{$k}}={{$v}} {{end}}", "p=1 q=2 "],
    ["{{range $k, $v := .map}}{{$k}}={{$v}} {{end}}", "k=v 1=one "],
    ["{{range .user.tags}}{{.}}{{end}}", "xy"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ['{{range .list}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"],
    ['{{range .list}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', "ac"],
    ["{{$x := 1}}{{range .list}}{{$x = add $x 1}}{{end}}{{$x}}", "4"],
    ["{{$x := 1}}{{with 2}}{{$x := .}}{{end}}{{$x}}", "1"],
    ["{{$x := .object}}{{$x.q}}", "2"],
    ["a  {{- .name -}}  b", "aAdab"],
    ["a {{- /* c */ -}} b{{/* }} */}}c", "abc"],
    ['{{"{{"}} {{`}}`}}', "{{ }}"],
    ['{{"a\\tb\\u0041"}}', "a\tbA"],
    ["{{true}}{{nil}}{{-1.5e1}}{{0x1F}}", "true-1531"],
    ["{{.big}} {{eq .big 12}} {{lt 1 .big}}", "12 true true"],
    ["{{.when}}", "1970-01-01T00:00:00.000Z"],
    ["{{eq 1 2 3 1}} {{ne 1 2}} {{le 1 1}} {{ge 1 2}}", "true true true false"],
    ["{{slice .name 1}} {{slice .name 0 2}}", "da Ad"],
    ['{{join "-" .list}} {{.list | join "+"}}', "a-b-c a+b+c"],
    ['{{.missing | default "-"}}', "-"],
    ["{{json .object | len}}", "13"],
    ['{{print 1 "a"}}', "1 a"],
    [
      '{{printf "%05.1f|%-3s|%+d|%x|%q|%%|%v" 3.14159 "a" 7 255 "q" true}}',
      "003.1|a  |+7|ff|&#34;q&#34;|%|true",
    ],
    ['{{printf "%d"}} {{printf "%s" 1 2}}', "%!d(MISSING) 1%!(EXTRA 1)"],
    ['{{urlquery "a b&c"}}', "a%20b%26c"],
    ['{{define "x"}}[{{.}}]{{end}}{{template "x" .name}}{{template "x"}}', "[Ada][]"],
    ['{{block "x" .list}}{{len .}}{{end}}', "3"],
    ["{{.html}}", "&lt;b&gt;"],
  ];
  for (const [template, expected] of rows) {
    await t.step(template, () => {
      const functions = { add: (a: number, b: number) => a + b };
      assertEquals(render(template, data, { functions }), expected);
    });
  }
});

Deno.test("`TemplateSet.render()` hides prototypes from templates", () => {
  class Account {
    #secret = 1;
    get visible(): number {
      return this.#secret;
    }
    twice(): number {
      return this.visible * 2;
    }
  }
  assertEquals(render("{{.visible}} {{.twice}}", new Account()), "1 2");
  for (const name of ["constructor", "__proto__", "prototype", "hasOwnProperty", "valueOf"]) {
    assertEquals(
      render(`{{.${name}}}{{.a.${name}}}{{index . "${name}"}}`, { a: new Account() }),
      "",
    );
  }
  assertEquals(render(`{{.constructor}}`, { constructor: "own" }), "own");
});

Deno.test("`safeHtml()` and its siblings are trusted in their own context only", () => {
  const rows: [string, unknown, string][] = [
    ["{{.}}", safeHtml("<b>"), "<b>"],
    ["<i title='{{.}}'>", safeHtml("<b>"), "<i title='&lt;b&gt;'>"],
    ["<textarea>{{.}}</textarea>", safeHtml("<b>"), "<textarea>&lt;b&gt;</textarea>"],
    ["<iframe srcdoc='{{.}}'></iframe>", safeHtml("<b>"), "<iframe srcdoc='&lt;b&gt;'></iframe>"],
    ["<i {{.}}>", safeAttribute(`onclick="f()"`), `<i onclick="f()">`],
    ["{{.}}", safeAttribute("<b>"), "&lt;b&gt;"],
    ["<a href='{{.}}'>", safeUrl("data:text/plain,a b"), "<a href='data:text/plain,a%20b'>"],
    ["<a href='{{.}}'>", safeHtml("javascript:x"), "<a href='about:invalid#blocked'>"],
    ["<img srcset='{{.}}'>", safeSrcset("data:x 1x"), "<img srcset='data:x 1x'>"],
    ["<script>{{.}}</script>", safeJs("f()"), "<script>f()</script>"],
    ["<script>{{.}}</script>", safeHtml("f()"), `<script>"f()"</script>`],
    [
      "<script type='application/json'>{{.}}</script>",
      safeJs("f()"),
      "<script type='application/json'>\"f()\"</script>",
    ],
    ["<style>{{.}}</style>", safeCss("p{color:red}"), "<style>p{color:red}</style>"],
    ["<i style='{{.}}'>", safeCss("width:calc(1px)"), "<i style='width:calc(1px)'>"],
  ];
  for (const [template, value, expected] of rows) assertEquals(render(template, value), expected);
});

Deno.test("`TemplateSet.render()` escapes a called template for where it is called", () => {
  const set = new TemplateSet();
  set.add("v", "{{.}}");
  set.add(
    "page",
    `<p>{{template "v" .}}</p><a href="{{template "v" .}}"></a><script>x={{template "v" .}}</script>`,
  );
  assertEquals(
    set.render("page", `javascript:"`),
    `<p>javascript:&#34;</p><a href="about:invalid#blocked"></a><script>x="javascript:\\""</script>`,
  );
});

Deno.test("`TemplateSet.render()` keeps its context over the turns of a loop", () => {
  assertEquals(
    render(`<a href="{{range .}}/{{.}}{{end}}">`, ["a b", "script:x"]),
    `<a href="/a%20b/script:x">`,
  );
  assertEquals(
    render("<script>x=[{{range $i, $v := .}}{{if $i}},{{end}}{{$v}}{{end}}]</script>", [1, "a"]),
    `<script>x=[ 1 ,"a"]</script>`,
  );
  assertEquals(
    render(`<i {{range .}} {{.}}="1"{{end}}>`, ["lang", "onx"]),
    `<i  lang="1" data-blocked="1">`,
  );
});

Deno.test("`TemplateSet.render()` composes layouts, blocks and partials", () => {
  const set = new TemplateSet();
  set.add("base", `<title>{{block "title" .}}Base{{end}}</title>{{block "body" .}}{{end}}`);
  set.add(
    "wide",
    `{{extends "base"}}{{define "body"}}<main>{{block "main" .}}{{end}}</main>{{end}}`,
  );
  set.add("partials", `{{define "item"}}<li>{{.}}{{end}}{{define "other"}}o{{end}}`);
  set.add(
    "page",
    `{{extends "wide"}}\n{{define "title"}}{{.t}}{{end}}\n{{define "main"}}{{range .l}}{{template "item" .}}{{end}}{{end}}`,
  );
  set.add("plain", `{{extends "base"}}`);
  assertEquals(
    set.render("page", { t: "T<", l: [1, 2] }),
    "<title>T&lt;</title><main><li>1<li>2</main>",
  );
  assertEquals(set.render("plain"), "<title>Base</title>");
  assertEquals(set.compileAll().names, ["base", "wide", "partials", "page", "plain"]);
  set.add("partials2", `{{define "item"}}x{{end}}`);
  const error = assertThrows(() => set.render("page", { l: [1] }), TemplateError);
  assertStringIncludes(error.message, `template "item" is defined in partials and in partials2`);
});

Deno.test("`TemplateError` names file, line and column", async (t) => {
  const rows: [string, string, number, number, string?][] = [
    ["{{", "this action is not closed", 1, 1],
    ["a\n  {{.x", "this action is not closed", 2, 3],
    ["{{}}", "this action is empty", 1, 1],
    ["{{/* x", "this comment is not closed", 1, 1],
    ["{{/* x */ .y}}", "a comment must be all of its action", 1, 1],
    ["{{if}}{{end}}", "missing value", 1, 3],
    ["x\n{{if .x}}", "{{if}} has no {{end}}", 2, 3],
    ["{{if .x}}{{else}}{{else}}{{end}}", "{{else}} after {{else}}", 1, 18],
    ["{{end}}", "unexpected {{end}}", 1, 1],
    ["{{else}}", "unexpected {{else}}", 1, 1],
    ["{{.x .y | }}", "missing value", 1, 9],
    ["{{.x | 1}}", "a literal cannot take a piped value", 1, 8],
    ["{{(.x}}", "this parenthesis is not closed", 1, 3],
    ["{{.x)}}", 'unexpected ")"', 1, 5],
    ['{{"a}}', "this string is not closed", 1, 3],
    ['{{"\\q"}}', "bad escape", 1, 3],
    ["{{1a}}", "bad number", 1, 3],
    ["{{%}}", 'unexpected "%"', 1, 3],
    ["{{.a.b.c!}}", 'unexpected "!"', 1, 9],
    ["{{break}}", "{{break}} outside {{range}}", 1, 3],
    ["{{define x}}{{end}}", "{{define}} wants a name in quotes", 1, 10],
    ['{{define "x"}}', '"x" has no {{end}}', 1, 3],
    ['{{define "x"}}{{end}}{{define "x"}}{{end}}', "is defined twice", 1, 24],
    ['{{if 1}}{{define "x"}}{{end}}{{end}}', "must stand at the top level", 1, 11],
    ['{{extends "x"}}text', "only definitions", 1, 16],
    ['{{extends "x"}}{{extends "x"}}', "must stand once", 1, 18],
    ["{{nope 1}}", 'function "nope" is not defined', 1, 3],
    ["{{$x}}", "variable $x is not declared", 1, 3],
    ["{{with 1}}{{$x := 1}}{{end}}{{$x}}", "variable $x is not declared", 1, 31],
    ["{{1 2}}", "this cannot take arguments", 1, 3],
    ["{{and}}", "and wants an argument", 1, 3],
    ['a\nb{{template "none"}}', 'there is no template "none"', 2, 4, "ERR_TEMPLATE_NOT_FOUND"],
    ['{{extends "none"}}', 'there is no template "none"', 1, 3, "ERR_TEMPLATE_NOT_FOUND"],
    ["a\n {{len 1}}", "len: a number has no length", 2, 4, "ERR_TEMPLATE_EXECUTION"],
    ["{{.x 1}}", "x is not a function", 1, 3, "ERR_TEMPLATE_EXECUTION"],
    ['{{lt 1 "a"}}', "cannot be compared", 1, 3, "ERR_TEMPLATE_EXECUTION"],
    ['{{range "abc"}}{{end}}', "range cannot go over a string", 1, 3, "ERR_TEMPLATE_EXECUTION"],
    ['<a>\n<b {{if 1}}x="{{end}}>', "branches end in", 2, 6, "ERR_TEMPLATE_CONTEXT"],
    ['<a>\n<b x="" y=\'a\nb" {{.}}', "the template ends inside", 3, 9, "ERR_TEMPLATE_CONTEXT"],
    ["<a>\n<script>'\n'</script>", "a line ends inside a string", 2, 9, "ERR_TEMPLATE_CONTEXT"],
  ];
  for (const [template, message, line, column, code] of rows) {
    await t.step(template, () => {
      const error = errorOf(template, { x: 1 });
      assertStringIncludes(error.message, message);
      assertEquals(
        [error.file, error.line, error.column, error.code],
        ["t.html", line, column, code ?? "ERR_TEMPLATE_SYNTAX"],
      );
      assert(error.message.startsWith(`t.html:${line}:${column}: `));
    });
  }
});

Deno.test("`TemplateError` carries what a function threw", () => {
  const boom = new Error("boom");
  const functions = {
    f: () => {
      throw boom;
    },
  };
  const error = errorOf("{{f}}", {}, { functions });
  assertEquals(error.message, "t.html:1:3: f: boom");
  assertEquals(error.cause, boom);
  const getter = errorOf("{{.x}}", {
    get x(): never {
      throw boom;
    },
  });
  assertEquals(getter.cause, boom);
  assertStringIncludes(errorOf("{{.}}", Promise.resolve(1)).message, "await it");
  assertStringIncludes(errorOf("{{.}}", Symbol()).message, "a symbol cannot be written");
  const cycle: Record<string, unknown> = {};
  cycle.cycle = cycle;
  assertStringIncludes(errorOf("<script>{{.}}</script>", cycle).message, "no JSON form");
});

Deno.test("`TemplateSet` with `strict` refuses names that are not there", () => {
  assertEquals(render("{{.a}}", { a: null }, { strict: true }), "");
  const error = errorOf("{{.b}}", { a: 1 }, { strict: true });
  assertEquals(error.message, 't.html:1:3: there is no value "b"');
});

Deno.test("`TemplateSet` with format `text` escapes nothing", () => {
  assertEquals(render('<{{.}} {{.}}="{{.}}', "<&>", { format: "text" }), '<<&> <&>="<&>');
});

Deno.test("`TemplateSet` limits source, nesting, calls, turns and output", () => {
  const code = "ERR_TEMPLATE_LIMIT";
  assertEquals(errorOf("x".repeat(11), {}, { maxSourceLength: 10 }).code, code);
  assertEquals(errorOf("{{if 1}}".repeat(101) + "{{end}}".repeat(101)).code, code);
  assertEquals(errorOf("{{if 1}}".repeat(100_000)).code, code);
  assertEquals(errorOf("{{" + "(".repeat(10_000) + "1" + ")".repeat(10_000) + "}}").code, code);
  assertEquals(errorOf("{{if 0}}" + "{{else if 0}}".repeat(100_000)).code, code);
  assertEquals(errorOf('{{define "x"}}{{template "x"}}{{end}}{{template "x"}}').code, code);
  assertEquals(errorOf('{{template "t.html"}}').code, code);
  assertEquals(
    errorOf("{{range 100}}{{range 100}}{{end}}{{end}}", {}, { maxIterations: 999 }).code,
    code,
  );
  assertEquals(errorOf("{{range 100}}xxxxxxxxxx{{end}}", {}, { maxOutputLength: 99 }).code, code);
  assertEquals(errorOf("{{.}}", "x".repeat(100), { maxOutputLength: 99 }).code, code);
  assertEquals(errorOf("x".repeat(100), {}, { maxOutputLength: 99 }).code, code);
  const endless = {
    *[Symbol.iterator]() {
      while (true) yield 1;
    },
  };
  assertEquals(errorOf("{{range .}}{{end}}", endless, { maxIterations: 10 }).code, code);
  const layouts = new TemplateSet().add("a", `{{extends "b"}}`).add("b", `{{extends "a"}}`);
  assertEquals(assertThrows(() => layouts.render("a"), TemplateError).code, code);
});

Deno.test("`TemplateSet` renders recursive data", () => {
  const set = new TemplateSet();
  set.add(
    "tree",
    `<li>{{.name}}{{with .children}}<ul>{{range .}}{{template "tree" .}}{{end}}</ul>{{end}}`,
  );
  const tree = { name: "<a>", children: [{ name: "b", children: [] }, { name: "c" }] };
  assertEquals(set.render("tree", tree), "<li>&lt;a&gt;<ul><li>b<li>c</ul>");
});

Deno.test("`TemplateSet.render()` stays usable after an error", () => {
  const set = new TemplateSet().add("t", "{{range .}}{{len .}}{{end}}");
  assertThrows(() => set.render("t", ["ab", 1]), TemplateError);
  assertEquals(set.render("t", ["ab"]), "2");
});

Deno.test("`TemplateSet` never throws anything but `TemplateError` on damaged templates", () => {
  const seed = 20_250_110;
  let state = seed;
  const random = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % limit;
  };
  const pieces = [
    ...INJECTIONS.map(([template]) => template),
    "{{if .}}",
    "{{end}}",
    "{{else}}",
    "{{range .}}",
    "{{.x}}",
    "<",
    ">",
    '"',
    "'",
    "/",
    "=",
    "`",
    "${",
    "}",
    "\\",
    "{{",
    "}}",
    "(",
    ")",
    "|",
  ];
  for (let round = 0; round < 3_000; round++) {
    let text = "";
    for (let i = random(6) + 1; i > 0; i--) {
      const piece = pieces[random(pieces.length)]!;
      const cut = random(4) === 0 ? random(piece.length + 1) : piece.length;
      text += piece.slice(0, cut);
    }
    try {
      render(text, "<x>'\"");
    } catch (error) {
      assert(error instanceof TemplateError, `seed ${seed}, round ${round}: ${text}: ${error}`);
    }
  }
});

Deno.test("`loadTemplates()` reads a folder, and again when it changes", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(join(folder, "pages"));
    const write = (name: string, text: string) => Deno.writeTextFileSync(join(folder, name), text);
    write("base.html", `[{{block "x" .}}{{end}}]`);
    write("pages/a.html", `{{extends "base.html"}}{{define "x"}}1{{end}}`);
    write("notes.txt", "{{");
    write(".hidden.html", "{{");
    const fixed = loadTemplates(folder);
    const live = loadTemplates(folder, { reload: true });
    assertEquals(fixed.names.toSorted(), ["base.html", "pages/a.html"]);
    assertEquals(live.render("pages/a.html"), "[1]");
    write("pages/a.html", `{{extends "base.html"}}{{define "x"}}22{{end}}`);
    assertEquals(live.render("pages/a.html"), "[22]");
    assertEquals(fixed.render("pages/a.html"), "[1]");
    write("pages/a.html", "{{broken");
    assertThrows(() => live.render("pages/a.html"), TemplateError, "pages/a.html:1:1");
    assertThrows(() => live.render("pages/a.html"), TemplateError, "pages/a.html:1:1");
    write("pages/a.html", "mended");
    assertEquals(live.render("pages/a.html"), "mended");
    write("b.html", "new");
    assertEquals(live.render("b.html"), "new");
    Deno.removeSync(join(folder, "b.html"));
    assertThrows(() => live.render("b.html"), TemplateError, 'there is no template "b.html"');
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
