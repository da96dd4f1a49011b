/** The console's page for the SQLite database: its tables and their rows, and a box for statements. */
import {
  type Database,
  DatabaseError,
  drawTree,
  identifier,
  introspect,
  runInProcess,
  sql,
  sqliteDialect,
} from "../../orm/mod.ts";
import type { Context } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Database</h1>
<p class="muted small">{{if .path}}<span class="code">sqlite:{{.path}}</span>{{end}}</p>
</div>
{{if .problem}}<p class="banner" role="alert">{{.problem}}</p>{{end}}
<section class="panel" aria-labelledby="statement-title">
<div class="panel-head"><h2 id="statement-title">Statement</h2><p class="muted small">{{.took}}</p></div>
<form class="stack" method="post" action="/orm{{if .table}}?table={{.table}}{{end}}">
<p><label class="small muted" for="statement">SQLite's SQL, one statement of at most {{.seconds}} seconds</label></p>
<p><textarea class="field code" id="statement" name="statement" rows="4" spellcheck="false" autocomplete="off" autocapitalize="off" placeholder="SELECT name, count(*) FROM artists JOIN albums ON artist_id = artists.id GROUP BY name">{{.statement}}</textarea></p>
<p><button class="button" type="submit" name="do" value="run">Run</button>
<button class="button" type="submit" name="do" value="explain">Explain</button></p>
{{- if .error}}<p class="banner" role="alert" id="error">{{.error}}</p>{{end}}
{{- if .plan}}<pre class="code" id="plan" aria-label="Plan">{{.plan}}</pre>{{end}}
{{- if .message}}<p class="muted small" id="message">{{.message}}</p>{{end}}
</form>
{{- if .answer}}
<div class="table-wrap">
<table id="answer">
<thead><tr>{{range .answer.columns}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{- range .answer.rows}}
<tr>{{range .}}<td class="code">{{if .missing}}<span class="muted">NULL</span>{{else}}{{.text}}{{end}}</td>{{end}}</tr>
{{- end}}
</tbody>
</table>
</div>
{{- end}}
</section>
<div class="split">
<section class="panel" aria-labelledby="rows-title">
<div class="panel-head"><h2 id="rows-title">{{if .table}}{{.table}}{{else}}Rows{{end}}</h2><p class="muted small">{{.range}}
{{- if .previous}} <a href="/orm?table={{.table}}&amp;page={{.previous}}">Previous</a>{{end}}
{{- if .next}} <a href="/orm?table={{.table}}&amp;page={{.next}}">Next</a>{{end}}</p></div>
<div class="table-wrap">
{{- if .rows}}
<table id="rows">
<thead><tr>{{range .rows.columns}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{- range .rows.rows}}
<tr>{{range .}}<td class="code">{{if .missing}}<span class="muted">NULL</span>{{else}}{{.text}}{{end}}</td>{{end}}</tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>No rows</strong><p>{{if .table}}This table is empty.{{else}}Choose a table, or make one with CREATE TABLE.{{end}}</p></div>
{{- end}}
</div>
</section>
<section class="panel" aria-labelledby="tables-title">
<div class="panel-head"><h2 id="tables-title">Tables</h2><p class="muted small">{{.count}}</p></div>
<div class="table-wrap">
{{- if .tables}}
<table id="tables">
<thead><tr><th scope="col">Name</th><th scope="col">Columns</th></tr></thead>
<tbody>
{{- range .tables}}
<tr><td><a href="/orm?table={{.name}}" {{if .current}}aria-current="true"{{end}}>{{.name}}</a></td><td class="muted small">{{.columns}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>No tables</strong><p>Make one with CREATE TABLE above.</p></div>
{{- end}}
</div>
</section>
</div>
`;

/** Rows of a table on one page. */
const PAGE_ROWS = 25;
const MAX_PAGE = 1_000_000;
/** The most tables that the page lists. */
const MAX_TABLES = 200;
const MAX_STATEMENT_CHARACTERS = 100_000;
const MAX_ANSWER_ROWS = 200;
const MAX_CELL_CHARACTERS = 300;
const TIMEOUT_MS = 5_000;

/** The database, and its file. */
interface Open {
  readonly db: Database;
  readonly path: string;
}

interface Cell {
  readonly text: string;
  readonly missing: boolean;
}

function cellOf(content: unknown): Cell {
  if (content === null) return { text: "", missing: true };
  const text = content instanceof Uint8Array
    ? `x'${content.subarray(0, MAX_CELL_CHARACTERS).toHex()}'`
    : String(content);
  const isCut = text.length > MAX_CELL_CHARACTERS;
  return { text: isCut ? `${text.slice(0, MAX_CELL_CHARACTERS)}…` : text, missing: false };
}

/** The tables, and a page of the rows of one. */
async function describe({ db, path }: Open, wanted: string, page: number) {
  const schema = await introspect(db);
  const all = [...schema.tables.values()];
  const table = all.find(({ name }) => name === wanted)?.name ??
    (wanted === "" ? all[0]?.name : "");
  const data: Record<string, unknown> = {
    path,
    table,
    count: all.length > MAX_TABLES ? `${MAX_TABLES} of ${all.length}` : `${all.length}`,
    tables: all.slice(0, MAX_TABLES).map(({ name, columns }) => ({
      name,
      current: name === table,
      columns: columns.map((column) => column.name).join(", "),
    })),
  };
  if (!table) return { ...data, ...(wanted !== "" && { problem: `There is no table ${wanted}.` }) };
  const first = (page - 1) * PAGE_ROWS;
  // One row more than is shown says whether there is another page; counting all would take long.
  const { columns, rows } = await db.run(
    sql`SELECT * FROM ${identifier(table)} LIMIT ${PAGE_ROWS + 1} OFFSET ${first}`,
  );
  const shown = rows.slice(0, PAGE_ROWS);
  return {
    ...data,
    range: shown.length === 0 ? "" : `rows ${first + 1} to ${first + shown.length}`,
    previous: page > 1 ? page - 1 : 0,
    next: rows.length > PAGE_ROWS ? page + 1 : 0,
    rows: shown.length === 0 ? null : { columns, rows: shown.map((row) => row.map(cellOf)) },
  };
}

/** Runs what was typed, apart from everything else, and describes what came of it. */
async function run({ path }: Open, statement: string, explain: boolean) {
  const start = performance.now();
  const options = {
    timeoutMs: TIMEOUT_MS,
    maxRows: MAX_ANSWER_ROWS,
    maxCellLength: MAX_CELL_CHARACTERS,
  };
  try {
    const text = explain ? `${sqliteDialect.explain} ${statement}` : statement;
    const { columns, rows, changes, isCut } = await runInProcess(path, text, options);
    const took = `${Math.round(performance.now() - start)} ms`;
    if (explain) return { took, plan: drawTree(sqliteDialect.readPlan(rows)) };
    if (columns.length === 0) {
      return { took, message: `Done: ${changes} ${changes === 1 ? "row" : "rows"} changed.` };
    }
    const count = rows.length === 1 ? "1 row" : `${rows.length} rows`;
    return {
      took,
      message: isCut ? `The first ${count}; there are more.` : `${count}.`,
      answer: { columns, rows: rows.map((row) => row.map(cellOf)) },
    };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { error: `${error.message} (${error.code})` };
  }
}

/** The page `/orm` of the database that `current` gives, which is undefined while it is closed. */
export function ormPage(current: () => Open | undefined): ConsolePage {
  return {
    path: "/orm",
    title: "Database",
    mount(console) {
      console.template(TEMPLATE);
      const show = async (c: Context, more: Record<string, unknown>): Promise<Response> => {
        const open = current();
        const base = { seconds: TIMEOUT_MS / 1_000, tables: [], count: "", ...more };
        if (open === undefined) {
          return console.render(c, { ...base, problem: "The database is not open." });
        }
        const page = Number(c.query("page", "1"));
        const number = Number.isSafeInteger(page) && page >= 1 && page <= MAX_PAGE ? page : 1;
        try {
          const data = await describe(open, c.query("table", ""), number);
          return console.render(c, { ...base, ...data });
        } catch (error) {
          if (!(error instanceof DatabaseError)) throw error;
          return console.render(c, { ...base, problem: error.message });
        }
      };
      console.get("/", (c) => show(c, {}));
      console.post("/", async (c) => {
        const form = await c.req.formData();
        const statement = String(form.get("statement") ?? "").slice(0, MAX_STATEMENT_CHARACTERS);
        const open = current();
        if (open === undefined || statement.trim() === "") return await show(c, { statement });
        const result = await run(open, statement, form.get("do") === "explain");
        return await show(c, { statement, ...result });
      });
    },
  };
}
