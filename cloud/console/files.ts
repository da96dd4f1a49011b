/** The console's page for the files of the file host. */
import { type Context, type Listing, staticFiles } from "../../web/mod.ts";
import type { ConsolePage } from "../service.ts";

const TEMPLATE = `
<div class="page-head">
<h1>Files</h1>
<p class="muted small">{{if .endpoint}}Also at <a class="code" href="{{.endpoint}}">{{.endpoint}}</a>{{end}}</p>
</div>
<section class="panel" aria-label="Folder">
<div class="panel-head">
<nav aria-label="Folder"><ol class="crumbs">
{{- range .crumbs}}<li>{{if .href}}<a href="{{.href}}">{{.name}}</a>{{else}}<strong>{{.name}}</strong>{{end}}</li>{{end -}}
</ol></nav>
<p class="muted small">{{.count}}</p>
</div>
<div class="table-wrap">
{{- if .entries}}
<table>
<thead><tr><th scope="col">Name</th><th scope="col" class="num">Size</th><th scope="col" class="num wide">Modified</th></tr></thead>
<tbody>
{{- range .entries}}
<tr><td class="file"><a href="{{.href}}">
{{- if .isDirectory}}<svg viewBox="0 0 24 24" role="img" aria-label="Folder" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linejoin="round"><path d="M3 6.500A1.500 1.500 0 0 1 4.500 5h4.300l2 2.500h8.700A1.500 1.500 0 0 1 21 9v8.500a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 17.500z"/></svg>
{{- else}}<svg viewBox="0 0 24 24" role="img" aria-label="File" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linejoin="round"><path d="M6 3h8l5 5v12.500a.5.5 0 0 1-.5.500h-12a.5.500 0 0 1-.5-.500z"/><path d="M14 3v5h5"/></svg>
{{- end}}<span>{{.name}}</span></a></td><td class="num muted">{{.size}}</td><td class="num muted wide">{{.modified}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<div class="empty"><strong>This folder is empty</strong><p>Put files into <span class="code">{{.folder}}</span> and load this page again.</p></div>
{{- end}}
</div>
</section>
`;

/**
 * Files are somebody's and come from the console's own origin: a document among them gets an origin
 * of nobody, and runs no script.
 */
const SANDBOX = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

const SIZES = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function formatSize(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${SIZES.format(value)} ${UNITS[unit]}`;
}

/** The page `/files` over `folder`; `endpoint` is where else the files are, once that is known. */
export function filesPage(
  folder: () => string,
  endpoint: () => string | undefined,
): ConsolePage {
  const path = "/files";
  return {
    path,
    title: "Files",
    mount(console) {
      console.template(TEMPLATE);
      const answer = (c: Context): Promise<Response> =>
        staticFiles({
          root: folder(),
          prefix: path,
          index: false,
          headers: { "content-security-policy": SANDBOX },
          listing: (listing) => {
            const data = describeFolder(listing, folder());
            const title = listing.segments.at(-1) ?? "Files";
            return console.render(c, { ...data, endpoint: endpoint() }, { title });
          },
        })(c.req);
      console.get("/", answer);
      console.get("/*", answer);
    },
  };
}

function describeFolder(
  { segments, entries, truncated }: Listing,
  folder: string,
): Record<string, unknown> {
  const names = ["files", ...segments];
  const rows = entries.map((entry) => ({
    name: entry.name,
    isDirectory: entry.isDirectory,
    href: `./${encodeURIComponent(entry.name)}${entry.isDirectory ? "/" : ""}`,
    size: entry.isDirectory ? "" : formatSize(entry.sizeBytes),
    modified: entry.mtimeMs === undefined
      ? ""
      : new Date(entry.mtimeMs).toISOString().slice(0, 16).replace("T", " "),
  }));
  if (segments.length > 0) {
    rows.unshift({ name: "..", isDirectory: true, href: "../", size: "", modified: "" });
  }
  const count = entries.length === 1 ? "1 entry" : `${entries.length} entries`;
  return {
    folder: [folder, ...segments].join("/"),
    crumbs: names.map((name, index) => ({
      name,
      href: index === names.length - 1 ? "" : "../".repeat(names.length - 1 - index),
    })),
    count: truncated ? `the first ${count}` : entries.length === 0 ? "" : count,
    entries: rows,
  };
}
