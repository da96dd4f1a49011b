/**
 * `for-each-ref`: references by a format.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { wildmatch } from "../wildmatch.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";
import { expandRefFormat, FILTER_SPEC, filterRows, type RefRow, sortRows } from "./_ref_format.ts";

/** `git for-each-ref` */
export function forEachRef(cli: Cli, args: ByteString[]): number {
  const usage = "git for-each-ref [<options>] [<pattern>]";
  const o = parseOptions(cli, args, `s,shell p,perl python tcl ${FILTER_SPEC}`, usage);
  const { repo } = cli;
  const quoting = ["shell", "perl", "python", "tcl"].filter((name) => o.flag(name));
  if (quoting.length > 1) throw usageError("error: more than one quoting style?", usage);
  const count = o.text("count");
  if (count !== undefined && !(Number(count) >= 0)) {
    throw usageError(`error: invalid --count argument: \`${count}'`, usage);
  }
  const quote = (text: ByteString): ByteString => {
    switch (quoting[0]) {
      case "shell":
        return `'${text.replaceAll("'", "'\\''").replaceAll("!", "'\\!'")}'`;
      case "perl":
        return `'${text.replace(/([\\'])/g, "\\$1")}'`;
      case "python":
        return `'${text.replace(/([\\'])/g, "\\$1").replaceAll("\n", "\\n")}'`;
      case "tcl":
        return `"${
          text.replace(/([[\]{}$\\"])/g, "\\$1").replaceAll("\n", "\\n").replaceAll("\t", "\\t")
        }"`;
      default:
        return text;
    }
  };
  let rows: RefRow[] = [];
  for (const ref of repo.refs.list()) {
    if (
      o.rest.length > 0 && !o.rest.some((pattern) => {
        const bare = pattern.replace(/\/+$/, "");
        const fold = o.flag("ignore-case");
        const full = fold ? ref.name.toLowerCase() : ref.name;
        const wanted = fold ? bare.toLowerCase() : bare;
        return full === wanted || full.startsWith(`${wanted}/`) ||
          wildmatch(pattern, ref.name, { pathname: true, fold });
      })
    ) continue;
    if (ref.broken) {
      cli.warn(
        /^0+$/.test(ref.id) && ref.symbolic === undefined
          ? `ignoring broken ref ${ref.name}`
          : `ignoring ${ref.symbolic === undefined ? "broken" : "dangling symref"} ref ${ref.name}`
            .replace("dangling symref ref", "dangling symref"),
      );
      continue;
    }
    rows.push({ name: ref.name, id: ref.id, symbolic: ref.symbolic });
  }
  rows = filterRows(cli, rows, o);
  const keys = o.list("sort");
  sortRows(cli, rows, keys.length > 0 ? [...keys].reverse() : ["refname"], o.flag("ignore-case"));
  if (count !== undefined && Number(count) > 0) rows = rows.slice(0, Number(count));
  const format = o.text("format") ?? "%(objectname) %(objecttype)\t%(refname)";
  if (quoting[0] !== undefined && quoting[0] !== "perl" && /%\(\*?raw\)/.test(format)) {
    die(`--format=${format} cannot be used with --python, --shell, --tcl`);
  }
  const color = o.order.findLast(([key]) => key === "color")?.[1];
  const colored = color === true || color === "always" ||
    ((color === undefined || color === "auto") && Deno.stdout.isTerminal());
  for (const row of rows) row.color = colored;
  for (const row of rows) cli.out(`${expandRefFormat(cli, format, row, quote)}\n`);
  return 0;
}
