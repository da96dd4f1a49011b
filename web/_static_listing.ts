/** The page that lists a directory. */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { escape } from "@std/html";

/** One row of a listing. */
export interface ListingEntry {
  /** The name, as it is on disk. */
  name: string;
  /** Whether it is a directory; else it is a regular file. */
  isDirectory: boolean;
  /** Length in bytes; of no meaning for directories. */
  sizeBytes: number;
  /** Last modification in epoch milliseconds, where the file system tells. */
  mtimeMs: number | undefined;
}

/** What a directory holds, for a page that shows it. */
export interface Listing {
  /** The decoded names from the root to the directory; empty for the root. */
  segments: readonly string[];
  /** Directories first, each sorted by name. */
  entries: readonly ListingEntry[];
  /** Whether there are more entries than `maxListingEntries`. */
  truncated: boolean;
}

/** Which names of a directory may be shown, and how many. */
export interface ListingLimits {
  dotfiles: boolean;
  maxEntries: number;
  /** Whether the target of a symbolic link may be served. */
  isAllowed: (realPath: string) => boolean;
}

/** The rows of a directory, folders first, in code point order, and whether some were left out. */
export function readListing(
  directory: string,
  limits: ListingLimits,
): { entries: ListingEntry[]; truncated: boolean } {
  const entries: ListingEntry[] = [];
  let truncated = false;
  for (const { name } of Deno.readDirSync(directory)) {
    if (name.startsWith(".") && !limits.dotfiles) continue;
    if (entries.length === limits.maxEntries) {
      truncated = true;
      break;
    }
    try {
      const path = join(directory, name);
      const link = Deno.lstatSync(path);
      if (link.isSymlink && !limits.isAllowed(Deno.realPathSync(path))) continue;
      const info = link.isSymlink ? Deno.statSync(path) : link;
      if (!info.isDirectory && !info.isFile) continue;
      entries.push({
        name,
        isDirectory: info.isDirectory,
        sizeBytes: info.size,
        mtimeMs: info.mtime?.getTime(),
      });
    } catch {
      // Gone since the directory was read, a dangling link, or not readable: not a row.
    }
  }
  entries.sort((a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) || (a.name < b.name ? -1 : 1)
  );
  return { entries, truncated };
}

const STYLE =
  `:root{color-scheme:light dark;--fg:#1c2024;--dim:#60646c;--line:#e4e6ea;--bg:#fcfcfd;` +
  `--row:#f0f3f9;--link:#0b5cc4}@media(prefers-color-scheme:dark){:root{--fg:#edeef0;--dim:#a0a4ac;` +
  `--line:#2b2f36;--bg:#111316;--row:#1a1e25;--link:#7cb7ff}}` +
  `body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}` +
  `main{max-width:60rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.25rem;margin:0 0 1rem;` +
  `overflow-wrap:anywhere}table{width:100%;border-collapse:collapse}th,td{padding:.45rem .6rem;` +
  `text-align:left;border-bottom:1px solid var(--line)}th{color:var(--dim);font-size:.8rem;` +
  `font-weight:600}td{font-variant-numeric:tabular-nums}td:first-child{overflow-wrap:anywhere}` +
  `.n{text-align:right;white-space:nowrap;color:var(--dim)}tr:hover td{background:var(--row)}` +
  `a{color:var(--link);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}` +
  `p{color:var(--dim)}@media(max-width:36rem){.d{display:none}}`;

/** Allows this page's own style sheet and nothing else. */
export const LISTING_CSP: string = `default-src 'none'; style-src 'sha256-${
  createHash("sha256").update(STYLE).digest("base64")
}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function formatSize(sizeBytes: number): string {
  let unit = 0;
  let value = sizeBytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

/** The HTML page for a listing; every name is escaped as text and percent-encoded in its link. */
export function renderListing(
  title: string,
  entries: readonly ListingEntry[],
  options: { hasParent: boolean; truncated: boolean },
): string {
  const rows: string[] = [];
  if (options.hasParent) {
    rows.push(
      `<tr><td><a href="../">../</a></td><td class="n"></td><td class="n d"></td></tr>`,
    );
  }
  for (const entry of entries) {
    const slash = entry.isDirectory ? "/" : "";
    // "./" keeps a name with a colon from being read as a scheme.
    const href = "./" + encodeURIComponent(entry.name) + slash;
    const date = entry.mtimeMs === undefined
      ? ""
      : new Date(entry.mtimeMs).toISOString().slice(0, 16).replace("T", " ");
    rows.push(
      `<tr><td><a href="${escape(href)}">${escape(entry.name)}${slash}</a></td><td class="n">${
        entry.isDirectory ? "" : formatSize(entry.sizeBytes)
      }</td><td class="n d">${date}</td></tr>`,
    );
  }
  const count = entries.length === 1 ? "1 entry" : `${entries.length} entries`;
  const note = options.truncated ? `The first ${count}; there are more.` : count;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Index of ${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Index of ${escape(title)}</h1>
<table>
<thead><tr><th>Name</th><th class="n">Size</th><th class="n d">Modified (UTC)</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
<p>${note}</p>
</main>
</body>
</html>
`;
}
