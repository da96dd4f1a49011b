/**
 * `--column` and `column.*`.
 *
 * @module
 */
import type { ByteString } from "../_bytes.ts";
import { type ColumnLayout, formatColumns, parseColumnLayout } from "../columns.ts";
import { GitError } from "../errors.ts";
import { type Cli, Exit } from "./_context.ts";
import type { Options } from "./_options.ts";
import { terminalColumns } from "./_revs.ts";

/** The layout for a command; `undefined` when columns are off. `asked` tells of `--column`. */
export function columnLayout(
  cli: Cli,
  command: string,
  o: Options,
): { layout: ColumnLayout; active: boolean; asked: boolean } {
  let layout: ColumnLayout = { when: "never", fill: "column", dense: false };
  for (const key of ["column.ui", `column.${command}`]) {
    const text = cli.config.get(key);
    if (text !== undefined) layout = parseColumnLayout(text, layout);
  }
  let asked = false;
  for (const [key, value] of o.order) {
    if (key !== "column") continue;
    asked = value !== false;
    if (value === false) layout.when = "never";
    else {
      layout.when = "always";
      if (typeof value === "string") {
        try {
          layout = parseColumnLayout(value, { ...layout, when: "always" });
        } catch (error) {
          if (error instanceof GitError) throw new Exit(129, `error: ${error.message}\n`);
          throw error;
        }
      }
    }
  }
  const active = layout.when === "always" || (layout.when === "auto" && Deno.stdout.isTerminal());
  return { layout, active, asked: asked && layout.when === "always" };
}

/** Writes names, in columns when they are on. */
export function printColumns(
  cli: Cli,
  names: readonly ByteString[],
  columns: { layout: ColumnLayout; active: boolean },
  options: { padding?: number; indent?: ByteString } = {},
): void {
  cli.out(
    columns.active
      ? formatColumns(names, columns.layout, { width: terminalColumns(cli) - 1, ...options })
      : names.map((name) => `${name}\n`).join(""),
  );
}
