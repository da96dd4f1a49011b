/** The console's page for the Git host: repositories, their files, history, differences and blame. */
import {
  blame,
  type ByteString,
  decodeText,
  type DiffFormatOptions,
  diffTrees,
  encodeText,
  formatPatch,
  GitError,
  HistoryGraph,
  type ObjectId,
  parseSignature,
  readBlob,
  readCommit,
  readTree,
  Repository,
  resolveRevision,
  walkCommits,
} from "../../git/mod.ts";
import type { Context } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Git</h1>
<p class="muted small">{{if .url}}<span class="code">{{.url}}</span>{{end}}</p>
</div>
{{if .problem}}<p class="banner" role="alert">{{.problem}}</p>{{end}}
{{if .repository}}
<section class="panel" aria-label="Repository">
<div class="panel-head">
<nav aria-label="Place"><ol class="crumbs">
<li><a href="/git">Repositories</a></li>
{{- range .crumbs}}<li>{{if .href}}<a href="{{.href}}">{{.name}}</a>{{else}}<strong>{{.name}}</strong>{{end}}</li>{{end -}}
</ol></nav>
<p class="git-tabs small">{{range .tabs}}<a class="button" href="{{.href}}"{{if .isCurrent}} aria-current="page"{{end}}>{{.name}}</a> {{end}}</p>
</div>
<form class="git-form small" method="get" action="/git">
<input type="hidden" name="repo" value="{{.repository}}"><input type="hidden" name="view" value="{{.view}}"><input type="hidden" name="path" value="{{.path}}">
<label class="muted" for="rev">Revision</label>
<input class="field code" id="rev" name="rev" list="refs" value="{{.rev}}" autocomplete="off" spellcheck="false">
<datalist id="refs">{{range .refs}}<option value="{{.name}}"></option>{{end}}</datalist>
<button class="button" type="submit">Show</button>
</form>
{{- if .note}}<p class="muted small">{{.note}}</p>{{end}}
{{- if .entries}}
<div class="table-wrap"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Mode</th><th scope="col">Object</th></tr></thead>
<tbody id="tree">
{{- range .entries}}
<tr><td><a href="{{.href}}">{{.name}}</a></td><td class="code muted">{{.mode}}</td><td class="code muted">{{.id}}</td></tr>
{{- end}}
</tbody></table></div>
{{- end}}
{{- if .commit}}
<h2>{{.commit.subject}}</h2>
<p class="muted small"><span class="code">{{.commit.id}}</span><br>{{.commit.author}}, {{.commit.when}}</p>
{{- if .commit.body}}<pre class="code git-text">{{.commit.body}}</pre>{{end}}
{{- end}}
{{- if .log}}
<div class="table-wrap"><table class="git-log">
<thead><tr><th scope="col">Graph</th><th scope="col">Commit</th><th scope="col">Subject</th><th scope="col">Author</th><th scope="col" class="num">When</th></tr></thead>
<tbody id="log">
{{- range .log}}
<tr><td class="code git-graph">{{.graph}}</td><td class="code">{{if .href}}<a href="{{.href}}">{{.id}}</a>{{end}}</td><td>{{range .names}}<span class="badge" data-tone="ok">{{.name}}</span> {{end}}{{.subject}}</td><td class="muted">{{.author}}</td><td class="num muted">{{.when}}</td></tr>
{{- end}}
</tbody></table></div>
{{- end}}
{{- if .diff}}
<pre class="code git-text" id="diff" tabindex="0" aria-label="Differences">{{range .diff}}<span class="git-{{.kind}}">{{.text}}
</span>{{end}}</pre>
{{- end}}
{{- if .lines}}
<div class="table-wrap"><table class="git-lines"><tbody id="lines">
{{- range .lines}}
<tr><td class="code muted">{{if .href}}<a href="{{.href}}">{{.id}}</a>{{end}}</td><td class="muted">{{.author}}</td><td class="num code muted">{{.number}}</td><td class="code"><pre>{{.text}}</pre></td></tr>
{{- end}}
</tbody></table></div>
{{- end}}
{{- if .next}}<p><a class="button" id="next" href="{{.next}}">Older</a></p>{{end}}
</section>
{{else}}
<section class="panel" aria-labelledby="repositories">
<div class="panel-head"><h2 id="repositories">Repositories</h2></div>
<div class="table-wrap">
{{- if .repositories}}
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Branch</th><th scope="col">Last commit</th><th scope="col">Clone</th></tr></thead>
<tbody id="list">
{{- range .repositories}}
<tr><td><a href="{{.href}}">{{.name}}</a></td><td class="muted">{{.branch}}</td><td class="muted">{{.subject}}</td><td class="code muted">git clone {{.clone}}</td></tr>
{{- end}}
</tbody></table>
{{- else}}
<div class="empty"><strong>No repositories</strong><p>Push one: <span class="code">git push {{.url}}project.git HEAD</span></p></div>
{{- end}}
</div>
</section>
{{end}}
`;

const STYLE = `
.git-form { display: flex; gap: 8px; align-items: center; margin-bottom: 12px; max-width: 520px; }
.git-form .field { flex: 1; min-width: 0; }
.git-tabs { display: flex; gap: 8px; }
.git-graph { white-space: pre; }
.git-text { white-space: pre-wrap; overflow-wrap: anywhere; }
.git-lines pre { margin: 0; white-space: pre; }
.git-lines td { padding-top: 0; padding-bottom: 0; border: 0; }
.git-added { color: var(--ok); }
.git-removed { color: var(--bad); }
.git-head { color: var(--muted); }
.git-hunk { color: var(--accent); }
`;

const MAX_REPOSITORIES = 200;
const MAX_FOLDERS = 2_000;
const MAX_DEPTH = 4;
const MAX_REFS = 200;
const MAX_ENTRIES = 1_000;
const MAX_FILE_BYTES = 524_288;
const MAX_LINES = 5_000;
const MAX_LINE_LENGTH = 1_000;
const COMMITS_A_PAGE = 100;
const MAX_SKIP = 100_000;
const MAX_DIFF_FILES = 200;
const MAX_DIFF_LINES = 4_000;
const MAX_BLAME_VERSIONS = 2_000;
const MAX_INPUT = 4_096;
const NAME = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*\/)*[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** What hosts the repositories. */
interface Host {
  readonly root: string;
  readonly fetch: (request: Request) => Promise<Response>;
}

type View = "tree" | "log" | "commit" | "blame";

/** What a page of a repository is about. */
interface Place {
  readonly repository: Repository;
  readonly name: string;
  readonly view: View;
  readonly rev: string;
  readonly path: string;
  readonly skip: number;
}

function linkTo(parameters: Record<string, string>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return `/git?${new URLSearchParams(given)}`;
}

function shown(text: ByteString): string {
  const decoded = decodeText(text);
  return decoded.length > MAX_LINE_LENGTH ? `${decoded.slice(0, MAX_LINE_LENGTH)}…` : decoded;
}

function dateOf(who: ByteString): string {
  const { time } = parseSignature(who);
  const date = new Date(time * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 16).replace("T", " ");
}

function subjectOf(message: ByteString): string {
  return shown(message.replace(/^\s+/, "").split("\n", 1)[0]!);
}

/** Whether there is a bare repository. */
function headOf(root: string, name: string): Promise<boolean> {
  return Deno.stat(`${root}/${name}/HEAD`).then((info) => info.isFile, () => false);
}

/** Names of the repositories below a folder. */
async function listRepositories(root: string): Promise<string[]> {
  const out: string[] = [];
  const folders: [path: string, depth: number][] = [["", 0]];
  for (let looked = 0; folders.length > 0 && looked < MAX_FOLDERS; looked++) {
    const [path, depth] = folders.shift()!;
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${root}/${path}`)) {
      if (entry.isDirectory) names.push(entry.name);
    }
    for (const name of names.sort()) {
      const whole = path === "" ? name : `${path}/${name}`;
      if (!NAME.test(whole)) continue;
      if (await headOf(root, whole)) out.push(whole);
      else if (depth < MAX_DEPTH) folders.push([whole, depth + 1]);
      if (out.length >= MAX_REPOSITORIES) return out;
    }
  }
  return out;
}

function describe(root: string, name: string, url: string): Record<string, string> {
  const row = {
    name,
    href: linkTo({ repo: name }),
    clone: `${url}${name}`,
    branch: "",
    subject: "no commits yet",
  };
  try {
    using repository = Repository.open(`${root}/${name}`);
    row.branch = decodeText(repository.headBranch() ?? "").replace(/^refs\/heads\//, "");
    const head = repository.head();
    if (head !== undefined) row.subject = subjectOf(readCommit(repository.objects, head).message);
  } catch (error) {
    row.subject = (error as Error).message;
  }
  return row;
}

/** The commit that a page starts from. */
function startOf(place: Place): ObjectId | undefined {
  const { repository, rev } = place;
  if (rev === "") return repository.head() ?? repository.refs.list("refs/heads/")[0]?.id;
  return resolveRevision(repository, `${encodeText(rev)}^{commit}`);
}

function findEntry(
  repository: Repository,
  tree: ObjectId,
  path: string,
): { id: ObjectId; mode: number } | undefined {
  let at = { id: tree, mode: 0o40000 };
  for (const part of encodeText(path).split("/").filter((one) => one !== "")) {
    if (at.mode !== 0o40000) return undefined;
    const found = readTree(repository.objects, at.id).find((entry) => entry.name === part);
    if (found === undefined) return undefined;
    at = found;
  }
  return at;
}

function crumbsOf({ name, path, rev }: Place): { name: string; href?: string }[] {
  const parts = path.split("/").filter((part) => part !== "");
  return [
    { name, href: linkTo({ repo: name, rev }) },
    ...parts.map((part, i) => ({
      name: part,
      ...(i < parts.length - 1
        ? { href: linkTo({ repo: name, rev, path: parts.slice(0, i + 1).join("/") }) }
        : {}),
    })),
  ];
}

function textOf(data: Uint8Array): string[] | undefined {
  if (data.length > MAX_FILE_BYTES || data.subarray(0, 8_000).includes(0)) return undefined;
  const lines = new TextDecoder().decode(data).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(0, MAX_LINES).map((line) =>
    line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line
  );
}

function showTree(place: Place, start: ObjectId): Record<string, unknown> {
  const { repository, name, rev, path } = place;
  const commit = readCommit(repository.objects, start);
  const found = findEntry(repository, commit.tree, path);
  if (found === undefined) return { problem: `There is no “${path}” in this revision.` };
  if (found.mode === 0o160000) return { note: `A submodule at ${found.id}.` };
  if (found.mode === 0o40000) {
    const all = readTree(repository.objects, found.id);
    const sorted = [...all].sort((a, b) => Number(b.mode === 0o40000) - Number(a.mode === 0o40000));
    return {
      note: all.length > MAX_ENTRIES ? `The first ${MAX_ENTRIES} of ${all.length} entries.` : "",
      entries: sorted.slice(0, MAX_ENTRIES).map((entry) => {
        const own = decodeText(entry.name);
        const folder = entry.mode === 0o40000;
        return {
          name: folder ? `${own}/` : own,
          href: linkTo({ repo: name, rev, path: path === "" ? own : `${path}/${own}` }),
          mode: entry.mode.toString(8).padStart(6, "0"),
          id: entry.id.slice(0, 10),
        };
      }),
    };
  }
  const size = repository.objects.describe(found.id)?.size ?? 0;
  const lines = size > MAX_FILE_BYTES ? undefined : textOf(readBlob(repository.objects, found.id));
  if (lines === undefined) return { note: `${size} bytes that are not shown as text.` };
  return {
    note: lines.length === MAX_LINES ? `The first ${MAX_LINES} lines.` : "",
    lines: lines.map((text, i) => ({ number: i + 1, text })),
  };
}

function refNames(repository: Repository): Map<ObjectId, { name: string }[]> {
  const out = new Map<ObjectId, { name: string }[]>();
  for (const ref of repository.refs.list().slice(0, 10 * MAX_REFS)) {
    const kind = /^refs\/(heads|tags)\/(.*)$/.exec(ref.name);
    if (kind === null || ref.broken) continue;
    const id = kind[1] === "tags" ? resolveRevision(repository, `${ref.name}^{commit}`) : ref.id;
    if (id === undefined) continue;
    const list = out.get(id) ?? [];
    if (list.length < 8) list.push({ name: decodeText(kind[2]!) });
    out.set(id, list);
  }
  return out;
}

function showLog(place: Place, start: ObjectId): Record<string, unknown> {
  const { repository, name, rev, path, skip } = place;
  const commits: { id: ObjectId; parents: readonly ObjectId[] }[] = [];
  let passed = 0;
  let more = false;
  for (const commit of walkCommits(repository.objects, { include: [start] })) {
    if (passed++ < skip) continue;
    if (commits.length === COMMITS_A_PAGE) {
      more = true;
      break;
    }
    commits.push({ id: commit.id, parents: commit.parents });
  }
  const graph = new HistoryGraph();
  const names = refNames(repository);
  const log: Record<string, unknown>[] = [];
  for (const { id, parents } of commits) {
    graph.update({ id, parents });
    for (;;) {
      const line = graph.nextLine();
      if (!line.commit) {
        log.push({ graph: line.text });
        continue;
      }
      const commit = readCommit(repository.objects, id);
      log.push({
        graph: line.text,
        id: id.slice(0, 10),
        href: linkTo({ repo: name, view: "commit", rev: id }),
        subject: subjectOf(commit.message),
        author: shown(parseSignature(commit.author).name),
        when: dateOf(commit.committer),
        names: names.get(id) ?? [],
      });
      break;
    }
    while (!graph.finished) log.push({ graph: graph.nextLine().text });
  }
  const next = more
    ? linkTo({ repo: name, view: "log", rev, path, skip: String(skip + COMMITS_A_PAGE) })
    : undefined;
  return { log, next };
}

function lineKind(line: string): string {
  if (line.startsWith("@@")) return "hunk";
  if (/^(diff |index |--- |\+\+\+ |new |deleted |old |similarity |rename |Binary )/.test(line)) {
    return "head";
  }
  return line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
}

function showCommit(place: Place, start: ObjectId): Record<string, unknown> {
  const { repository } = place;
  const { objects } = repository;
  const commit = readCommit(objects, start);
  const first = commit.parents[0];
  const before = first === undefined ? undefined : readCommit(objects, first).tree;
  const pairs = diffTrees(objects, before, commit.tree);
  const options: DiffFormatOptions = {
    abbrev: (id) => id.slice(0, 10),
    quote: (path) => path,
  };
  const lines: { kind: string; text: string }[] = [];
  let files = 0;
  for (const pair of pairs) {
    if (files === MAX_DIFF_FILES || lines.length >= MAX_DIFF_LINES) break;
    files++;
    const size = (file: { mode: number; id: ObjectId }): number =>
      file.mode === 0 ? 0 : objects.describe(file.id)?.size ?? 0;
    if (size(pair.old) > MAX_FILE_BYTES || size(pair.new) > MAX_FILE_BYTES) {
      lines.push({ kind: "head", text: `${shown(pair.new.path)}: too large to be shown` });
      continue;
    }
    const text = formatPatch(objects, pair, options);
    for (const line of text.replace(/\n$/, "").split("\n")) {
      lines.push({ kind: lineKind(line), text: shown(line) });
      if (lines.length >= MAX_DIFF_LINES) break;
    }
  }
  const [, ...body] = decodeText(commit.message).trim().split("\n");
  return {
    commit: {
      id: start,
      subject: subjectOf(commit.message),
      body: body.join("\n").trim().slice(0, MAX_FILE_BYTES),
      author: shown(parseSignature(commit.author).name),
      when: dateOf(commit.committer),
    },
    note: `${pairs.length} file${pairs.length === 1 ? "" : "s"} changed${
      commit.parents.length > 1 ? " against the first parent" : ""
    }${files < pairs.length || lines.length >= MAX_DIFF_LINES ? "; not all of it is shown" : ""}.`,
    diff: lines,
  };
}

function showBlame(place: Place, start: ObjectId): Record<string, unknown> {
  const { repository, name, path } = place;
  const found = findEntry(repository, readCommit(repository.objects, start).tree, path);
  if (found === undefined || found.mode === 0o40000 || found.mode === 0o160000) {
    return { problem: "Blame needs a file: choose one in the tree." };
  }
  const size = repository.objects.describe(found.id)?.size ?? 0;
  const lines = size > MAX_FILE_BYTES ? undefined : textOf(readBlob(repository.objects, found.id));
  if (lines === undefined) return { note: `${size} bytes that are not shown as text.` };
  const result = blame(repository.objects, start, encodeText(path), {
    maxVersions: MAX_BLAME_VERSIONS,
    ranges: (all) => all.count === 0 ? [] : [[0, Math.min(all.count, MAX_LINES)]],
  });
  const rows = lines.map((text, i) => ({ number: i + 1, text, id: "", href: "", author: "" }));
  for (const entry of result.entries) {
    const row = rows[entry.line];
    if (row === undefined) continue;
    const commit = readCommit(repository.objects, entry.commit);
    row.id = entry.commit.slice(0, 8);
    row.href = linkTo({ repo: name, view: "commit", rev: entry.commit });
    row.author = shown(parseSignature(commit.author).name);
  }
  return { lines: rows };
}

const VIEWS: Record<View, (place: Place, start: ObjectId) => Record<string, unknown>> = {
  tree: showTree,
  log: showLog,
  commit: showCommit,
  blame: showBlame,
};

function showRepository(place: Place): Record<string, unknown> {
  const { repository, name, view, rev, path } = place;
  const refs = repository.refs.list().filter((ref) => /^refs\/(heads|tags)\//.test(ref.name))
    .slice(0, MAX_REFS).map((ref) => ({
      name: decodeText(ref.name).replace(/^refs\/(heads|tags)\//, ""),
    }));
  const tab = (to: View, title: string, where = path): Record<string, unknown> => ({
    name: title,
    href: linkTo({ repo: name, view: to, rev, path: where }),
    isCurrent: view === to,
  });
  const frame = {
    repository: name,
    view,
    rev,
    path,
    refs,
    crumbs: crumbsOf(place),
    tabs: [
      tab("tree", "Files"),
      tab("log", "Log"),
      ...(path === "" ? [] : [tab("blame", "Blame")]),
    ],
  };
  const start = startOf(place);
  if (start === undefined) {
    return rev === ""
      ? { ...frame, note: "There are no commits yet." }
      : { ...frame, problem: `“${rev}” names no commit.` };
  }
  return { ...frame, ...VIEWS[view](place, start) };
}

/** The page `/git`, and the host below it; `host` is undefined while the service does not run. */
export function gitPage(
  host: () => Host | undefined,
  url: () => string | undefined,
): ConsolePage {
  return {
    path: "/git",
    title: "Git",
    mount(console) {
      console.template(TEMPLATE);
      const options = { styles: [console.asset("git.css", STYLE)] };
      console.handle("/*", (request) => {
        const current = host();
        return current === undefined
          ? new Response("The service does not run.\n", { status: 503 })
          : current.fetch(request);
      });
      console.get("/", async (c: Context) => {
        const current = host();
        const base = url() ?? "";
        if (current === undefined) {
          return console.render(c, { problem: "The service does not run." }, options);
        }
        const query = new URL(c.req.url).searchParams;
        const parameter = (name: string) => (query.get(name) ?? "").slice(0, MAX_INPUT);
        const name = parameter("repo");
        if (name === "") {
          const names = await listRepositories(current.root);
          const repositories = names.map((one) => describe(current.root, one, base));
          return console.render(c, { url: base, repositories }, options);
        }
        const wanted = parameter("view");
        const view: View = Object.hasOwn(VIEWS, wanted) ? wanted as View : "tree";
        const skip = Math.min(Number(/^\d{1,6}$/.exec(parameter("skip"))?.[0] ?? 0), MAX_SKIP);
        try {
          // Asked for before it is opened: opening looks for a repository further up too.
          const head = NAME.test(name) ? await headOf(current.root, name) : false;
          if (!head) throw new GitError("not_found", "There is no such repository.");
          using repository = Repository.open(`${current.root}/${name}`);
          const place: Place = {
            repository,
            name,
            view,
            skip,
            rev: parameter("rev"),
            path: parameter("path"),
          };
          return console.render(c, { url: base, ...showRepository(place) }, options);
        } catch (error) {
          if (!(error instanceof GitError) && !(error instanceof Deno.errors.NotFound)) throw error;
          const problem = error instanceof GitError
            ? error.message
            : "There is no such repository.";
          return console.render(c, { url: base, problem }, { ...options, status: 404 });
        }
      });
    },
  };
}
