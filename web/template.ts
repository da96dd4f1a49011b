/**
 * Templates with context-aware escaping, after Go's html/template.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { compile, type Environment, type RunLimits } from "./_template_compile.ts";
import { TemplateError, type TemplateErrorCode } from "./_template_error.ts";
import { SafeContent, type SafeKind } from "./_template_escape.ts";
import { BUILTINS, type TemplateFunction } from "./_template_functions.ts";
import { type Definition, type ParsedFile, parseTemplate } from "./_template_parse.ts";

export { SafeContent, TemplateError };
export type { SafeKind, TemplateErrorCode, TemplateFunction };

/** Options of {@linkcode TemplateSet}. */
export interface TemplateOptions {
  /** Functions that templates can call, besides the built-in ones, which they may replace. */
  functions?: Readonly<Record<string, TemplateFunction>>;
  /**
   * `"html"` escapes every action for where it stands; `"text"` escapes nothing.
   *
   * @default {"html"}
   */
  format?: "html" | "text";
  /**
   * Whether looking up a name that a value lacks is an error; otherwise it is undefined, which is
   * written as nothing.
   *
   * @default {false}
   */
  strict?: boolean;
  /**
   * Longest source of one file, in UTF-16 code units.
   *
   * @default {1048576}
   */
  maxSourceLength?: number;
  /**
   * Deepest nesting of template calls in one run.
   *
   * @default {100}
   */
  maxDepth?: number;
  /**
   * Most turns of all loops in one run.
   *
   * @default {1000000}
   */
  maxIterations?: number;
  /**
   * Longest output of one run, in UTF-16 code units.
   *
   * @default {16777216}
   */
  maxOutputLength?: number;
}

/** Options of {@linkcode loadTemplates}. */
export interface LoadTemplatesOptions extends TemplateOptions {
  /**
   * Which files are templates, by how their names end.
   *
   * @default {[".html"]}
   */
  extensions?: readonly string[];
  /**
   * Look before every `render` whether files were changed, added or removed. For development: it
   * walks the folder each time.
   *
   * @default {false}
   */
  reload?: boolean;
}

const MAX_FILES = 10_000;
const MAX_FOLDERS_DEEP = 32;
const MAX_LAYOUTS = 16;

/**
 * Named templates that can call, include and extend each other.
 *
 * The language is Go's: `{{.name}}`, `{{.user.email | lower}}`, `{{if}} … {{else if}} … {{else}} …
 * {{end}}`, `{{range $i, $item := .items}} … {{else}} … {{end}}` (`break`, `continue`), `{{with}}`,
 * `{{define "x"}}`, `{{template "x" .}}`, `{{block "x" .}}default{{end}}`, `{{$v := .x}}`,
 * `{{/* a comment *\/}}`, and `{{- ` and ` -}}` to trim white space. A page that begins with
 * `{{extends "layout.html"}}` renders that layout, with its own definitions in place of the
 * layout's blocks.
 *
 * Every action is escaped for the place it stands in: text, attribute, URL (with other schemes than
 * http, https, mailto and tel replaced by `about:invalid#blocked`), srcset, JavaScript and JSON
 * values and strings, CSS values, strings and URLs; values in comments are left out. Where a place
 * has no safe form (a tag's name, a script's type, a `javascript:` URL), compiling fails.
 * Text of the template itself is trusted.
 *
 * A file is parsed when it is added and compiled on first use; rendering then only runs closures.
 * Names are looked up among the page's own definitions, its layouts', the calling file's, the file
 * names, and last among all other files' definitions, where a name must be unique.
 *
 * Built-in functions: `and or not eq ne lt le gt ge len index slice print printf upper lower trim
 * join default json urlquery`. Only own properties, Map entries, and getters and methods of classes
 * are visible; never `constructor` or what every object inherits.
 *
 * @example
 * ```ts
 * import { TemplateSet } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const templates = new TemplateSet();
 * templates.add("layout", `<title>{{block "title" .}}Site{{end}}</title>{{block "body" .}}{{end}}`);
 * templates.add("page", `{{extends "layout"}}
 * {{define "title"}}{{.name}}{{end}}
 * {{define "body"}}<a href="{{.url}}">{{.name}}</a>{{end}}`);
 * assertEquals(
 *   templates.render("page", { name: "<b>", url: "javascript:alert(1)" }),
 *   `<title>&lt;b&gt;</title><a href="about:invalid#blocked">&lt;b&gt;</a>`,
 * );
 * ```
 */
export class TemplateSet {
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #escapes: boolean;
  readonly #strict: boolean;
  readonly #maxSourceLength: number;
  readonly #limits: RunLimits;
  readonly #files = new Map<string, ParsedFile>();
  readonly #compiled = new Map<string, (data: unknown) => string>();
  #folder: Folder | undefined;

  /** An empty set. */
  constructor(options: TemplateOptions = {}) {
    this.#functions = new Map([
      ...Object.entries(BUILTINS),
      ...Object.entries(options.functions ?? {}),
    ]);
    this.#escapes = options.format !== "text";
    this.#strict = options.strict ?? false;
    this.#maxSourceLength = options.maxSourceLength ?? 1_048_576;
    this.#limits = {
      maxDepth: options.maxDepth ?? 100,
      maxIterations: options.maxIterations ?? 1_000_000,
      maxOutputLength: options.maxOutputLength ?? 16_777_216,
    };
  }

  /** The names of all files, in the order in which they were added. */
  get names(): string[] {
    return [...this.#files.keys()];
  }

  /**
   * Adds the file `name`, or replaces it.
   *
   * @throws {TemplateError} `ERR_TEMPLATE_SYNTAX` when it cannot be read, `ERR_TEMPLATE_LIMIT` when
   * it is too long or nests too deeply.
   */
  add(name: string, text: string): this {
    const source = { name, text };
    if (text.length > this.#maxSourceLength) {
      const message = `the template is longer than ${this.#maxSourceLength} characters`;
      throw new TemplateError("ERR_TEMPLATE_LIMIT", message, source);
    }
    this.#files.set(name, parseTemplate(source));
    this.#compiled.clear();
    return this;
  }

  /**
   * Runs the template `name` on `data`.
   *
   * @throws {TemplateError} `ERR_TEMPLATE_NOT_FOUND` when it, or one it calls, is not in the set;
   * `ERR_TEMPLATE_CONTEXT` when a value stands where it cannot be escaped; `ERR_TEMPLATE_SYNTAX`
   * for an unknown function or variable; `ERR_TEMPLATE_EXECUTION` when a function or getter throws;
   * `ERR_TEMPLATE_LIMIT`. All carry file, line and column.
   */
  render(name: string, data?: unknown): string {
    if (this.#folder !== undefined) this.#reload(this.#folder);
    let run = this.#compiled.get(name);
    if (run === undefined) {
      run = this.#compile(name);
      this.#compiled.set(name, run);
    }
    return run(data);
  }

  /** Compiles every file now, to find at start what would fail at its first `render`. */
  compileAll(): this {
    for (const name of this.#files.keys()) {
      if (!this.#compiled.has(name)) this.#compiled.set(name, this.#compile(name));
    }
    return this;
  }

  #compile(name: string): (data: unknown) => string {
    const page = this.#files.get(name);
    if (page === undefined) {
      throw new TemplateError("ERR_TEMPLATE_NOT_FOUND", `there is no template "${name}"`);
    }
    const chain = [page];
    for (let file = page; file.layout !== undefined;) {
      const layout = this.#files.get(file.layout.name);
      if (layout === undefined) {
        throw new TemplateError(
          "ERR_TEMPLATE_NOT_FOUND",
          `there is no template "${file.layout.name}"`,
          file.source,
          file.layout.offset,
        );
      }
      if (chain.length > MAX_LAYOUTS) {
        throw new TemplateError(
          "ERR_TEMPLATE_LIMIT",
          `layouts extend each other more than ${MAX_LAYOUTS} times`,
          file.source,
          file.layout.offset,
        );
      }
      chain.push(layout);
      file = layout;
    }
    const environment: Environment = {
      function: (wanted) => this.#functions.get(wanted),
      resolve: (wanted, caller) => this.#resolve(wanted, caller, chain),
      escapes: this.#escapes,
      strict: this.#strict,
      limits: this.#limits,
    };
    return compile(chain.at(-1)!.main, environment);
  }

  #resolve(
    name: string,
    caller: Definition,
    chain: readonly ParsedFile[],
  ): Definition | string {
    for (const file of chain) {
      const definition = file.definitions.get(name);
      if (definition !== undefined) return definition;
    }
    const own = this.#files.get(caller.source.name)?.definitions.get(name);
    if (own !== undefined) return own;
    const file = this.#files.get(name);
    if (file !== undefined) return file.main;
    const found = [...this.#files.values()].filter((other) => other.definitions.has(name));
    if (found.length === 0) return `there is no template "${name}"`;
    if (found.length > 1) {
      return `template "${name}" is defined in ${found[0]!.source.name} and in ${
        found[1]!.source.name
      }`;
    }
    return found[0]!.definitions.get(name)!;
  }

  /** Reads `folder` into this set, and looks at it again before every `render` if `reload`. */
  static load(folder: string | URL, options: LoadTemplatesOptions = {}): TemplateSet {
    const set = new TemplateSet(options);
    const root = folder instanceof URL ? fromFileUrl(folder) : folder;
    const watched: Folder = {
      root,
      extensions: options.extensions ?? [".html"],
      versions: new Map(),
    };
    set.#reload(watched);
    if (options.reload) set.#folder = watched;
    return set;
  }

  #reload(folder: Folder): void {
    const versions = readVersions(folder);
    for (const name of folder.versions.keys()) {
      if (!versions.has(name)) {
        folder.versions.delete(name);
        this.#files.delete(name);
        this.#compiled.clear();
      }
    }
    for (const [name, version] of versions) {
      if (folder.versions.get(name) === version) continue;
      this.add(name, Deno.readTextFileSync(join(folder.root, name)));
      folder.versions.set(name, version);
    }
  }
}

interface Folder {
  root: string;
  extensions: readonly string[];
  /** What identifies the content that was read, by name. */
  versions: Map<string, string>;
}

function readVersions({ root, extensions }: Folder): Map<string, string> {
  const versions = new Map<string, string>();
  const pending: { path: string; depth: number }[] = [{ path: "", depth: 0 }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of Deno.readDirSync(join(root, folder.path))) {
      if (entry.name.startsWith(".")) continue;
      const path = folder.path === "" ? entry.name : `${folder.path}/${entry.name}`;
      if (entry.isDirectory && folder.depth < MAX_FOLDERS_DEEP) {
        pending.push({ path, depth: folder.depth + 1 });
      }
      if (entry.isDirectory || !extensions.some((end) => entry.name.endsWith(end))) continue;
      if (versions.size === MAX_FILES) {
        throw new TemplateError(
          "ERR_TEMPLATE_LIMIT",
          `there are more than ${MAX_FILES} templates in "${root}"`,
        );
      }
      const info = Deno.statSync(join(root, path));
      if (info.isFile) versions.set(path, `${info.ino}:${info.size}:${info.mtime?.getTime()}`);
    }
  }
  return versions;
}

/**
 * Reads all templates of a folder, named by their paths in it (`pages/home.html`). Names that start
 * with a dot and symbolic links to folders are left out.
 *
 * With `reload`, an error in a changed file is thrown by `render` until the file is mended.
 *
 * @throws {TemplateError} when one of them cannot be read, or there are more than 10,000.
 * @throws {Deno.errors.NotFound} when there is no such folder.
 *
 * @example
 * ```ts
 * import { loadTemplates } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/hello.html`, "<p>Hello, {{.name}}!</p>");
 * const templates = loadTemplates(folder, { reload: true });
 * assertEquals(templates.render("hello.html", { name: "Ada & Bob" }), "<p>Hello, Ada &amp; Bob!</p>");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function loadTemplates(folder: string | URL, options?: LoadTemplatesOptions): TemplateSet {
  return TemplateSet.load(folder, options);
}

/** States that `text` is HTML that may stand as it is between tags. */
export function safeHtml(text: string): SafeContent {
  return new SafeContent("html", text);
}

/** States that `text` is a whole attribute, such as ` dir="ltr"`, that may stand in a tag. */
export function safeAttribute(text: string): SafeContent {
  return new SafeContent("attribute", text);
}

/** States that `text` is a URL that may be used whatever its scheme. */
export function safeUrl(text: string): SafeContent {
  return new SafeContent("url", text);
}

/** States that `text` is a srcset value. */
export function safeSrcset(text: string): SafeContent {
  return new SafeContent("srcset", text);
}

/** States that `text` is a JavaScript expression. */
export function safeJs(text: string): SafeContent {
  return new SafeContent("js", text);
}

/** States that `text` is CSS that may stand as it is in a declaration. */
export function safeCss(text: string): SafeContent {
  return new SafeContent("css", text);
}
