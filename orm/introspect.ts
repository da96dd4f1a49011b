import type { SchemaDescription } from "./schema.ts";

const BUILDERS: [RegExp, string][] = [
  [/^(?:BIG|SMALL|TINY|MEDIUM)?INT(?:EGER|\d)?\b|SERIAL/i, "integer"],
  [/CHAR|CLOB|TEXT|UUID/i, "text"],
  [/REAL|FLOA|DOUB/i, "real"],
  [/BOOL/i, "boolean"],
  [/DEC|NUM/i, "numeric"],
  [/DATE|TIME/i, "timestamp"],
  [/JSON/i, "json"],
];

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function variable(name: string): string {
  const word = name.replaceAll(/[^\w$]+(\w?)/g, (_, next: string) => next.toUpperCase());
  return /^[A-Za-z_$]/.test(word) && word !== "" ? word : `_${word}`;
}

/** SQL within a template of `sql`. */
function escaped(expression: string): string {
  return expression.replaceAll(/[\\`$]/g, "\\$&");
}

/** Writes a description as the source of a module of models, to start from. */
export function modelSource(schema: SchemaDescription): string {
  const used = new Set<string>(["table"]);
  const tables: string[] = [];
  for (const table of schema.tables.values()) {
    const composite = table.columns.filter((column) => column.primaryKey > 0).length > 1;
    const columns = table.columns.map((column) => {
      const builder = BUILDERS.find(([pattern]) => pattern.test(column.type))?.[1] ?? "blob";
      used.add(builder);
      let source = `${builder}()`;
      if (column.primaryKey > 0 && !composite) source += ".primaryKey()";
      else if (column.notNull) source += ".notNull()";
      if (column.generated && column.default !== null) {
        used.add("sql");
        source += `.generatedAs(sql\`${escaped(column.default)}\`, { stored: true })`;
      } else if (column.default !== null) {
        used.add("sql");
        source += `.default(sql\`${escaped(column.default)}\`)`;
      }
      const reference = table.references.find((one) => one.column === column.name);
      const target = reference && schema.tables.get(reference.table);
      const there = reference?.target ?? target?.columns.find((one) => one.primaryKey > 0)?.name;
      if (target && there !== undefined) {
        source += `.references((): Column => ${variable(target.name)}[${JSON.stringify(there)}])`;
        used.add("type Column");
      }
      return `  ${key(column.name)}: ${source},\n`;
    });
    const primary = table.columns.filter((column) => column.primaryKey > 0)
      .sort((a, b) => a.primaryKey - b.primaryKey)
      .map((column) => `t[${JSON.stringify(column.name)}]`);
    const options = composite ? `, (t) => ({ primaryKey: [${primary.join(", ")}] })` : "";
    tables.push(
      `export const ${variable(table.name)} = table(${JSON.stringify(table.name)}, {\n` +
        `${columns.join("")}}${options});\n`,
    );
  }
  const bare = (name: string) => name.replace("type ", "").toLowerCase();
  const names = [...used].sort((a, b) => bare(a) < bare(b) ? -1 : 1).join(", ");
  return `import { ${names} } from "@groundwork/std/orm";\n\n${tables.join("\n")}`;
}
