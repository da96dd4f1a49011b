import { itemsOf, tokensOf, unquote } from "./_sql_tokens.ts";
import type {
  ColumnDescription,
  ReferenceDescription,
  SchemaDescription,
  TableDescription,
} from "./schema.ts";

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

/** SQL as a template of `sql`. */
function template(expression: string): string {
  return `sql\`${expression.replaceAll(/[\\`$]/g, "\\$&")}\``;
}

/** What stands in parentheses after a word, at each place where both do, with the word before. */
function clausesAfter(
  tokens: readonly string[],
  word: string,
): { content: string; name: string | undefined }[] {
  const result: { content: string; name: string | undefined }[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]!.toUpperCase() !== word || tokens[at + 1] !== "(") continue;
    const start = at + 2;
    let depth = 1;
    let end = start;
    for (; end < tokens.length; end++) {
      if (tokens[end] === "(") depth++;
      else if (tokens[end] === ")" && --depth === 0) break;
    }
    const isNamed = tokens[at - 2]?.toUpperCase() === "CONSTRAINT";
    result.push({
      content: tokens.slice(start, end).join(" "),
      name: isNamed ? unquote(tokens[at - 1]!) : undefined,
    });
    at = end;
  }
  return result;
}

/** What a table's statement says beside what the database tells of its columns. */
interface Written {
  readonly checks: ReadonlyMap<string, string>;
  readonly columnChecks: ReadonlyMap<string, readonly string[]>;
  readonly uniqueColumns: ReadonlySet<string>;
  readonly uniques: readonly (readonly string[])[];
  readonly generated: ReadonlyMap<string, { expression: string; stored: boolean }>;
}

const TABLE_ITEM = /^(?:CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN)\b/i;

/** SQLite keeps the statement as it was written. */
function readWritten(table: TableDescription): Written {
  const checks = new Map<string, string>();
  const columnChecks = new Map<string, string[]>();
  const uniqueColumns = new Set<string>();
  const uniques: string[][] = [];
  const generated = new Map<string, { expression: string; stored: boolean }>();
  for (const item of itemsOf(table.sql).written) {
    const tokens = tokensOf(item);
    const own = clausesAfter(tokens, "CHECK");
    if (TABLE_ITEM.test(item)) {
      for (const { content, name } of own) checks.set(name ?? `check_${checks.size + 1}`, content);
      for (const { content } of clausesAfter(tokens, "UNIQUE")) uniques.push(listOf(content));
      continue;
    }
    const column = unquote(tokens[0] ?? "");
    columnChecks.set(column, own.map(({ content }) => content));
    if (tokens.some((token, at) => token.toUpperCase() === "UNIQUE" && tokens[at + 1] !== "(")) {
      uniqueColumns.add(column);
    }
    const [computed] = clausesAfter(tokens, "AS");
    if (computed !== undefined) {
      const stored = tokens.some((token) => token.toUpperCase() === "STORED");
      generated.set(column, { expression: computed.content, stored });
    }
  }
  return { checks, columnChecks, uniqueColumns, uniques, generated };
}

/** PostgreSQL tells constraints apart from the columns. */
function readConstraints(table: TableDescription): Written {
  const checks = new Map<string, string>();
  const columnChecks = new Map<string, string[]>();
  const uniqueColumns = new Set<string>();
  const uniques: string[][] = [];
  const generated = new Map<string, { expression: string; stored: boolean }>();
  for (const [name, { type, sql, columns }] of table.constraints) {
    if (type === "check") {
      const content = clausesAfter(tokensOf(sql), "CHECK")[0]?.content ?? "";
      const isOwn = columns.length === 1 && new RegExp(`_check\\d*$`).test(name);
      if (!isOwn) checks.set(name, content);
      else columnChecks.set(columns[0]!, [...columnChecks.get(columns[0]!) ?? [], content]);
    } else if (type === "unique") {
      if (columns.length === 1) uniqueColumns.add(columns[0]!);
      else uniques.push([...columns]);
    }
  }
  for (const { name, generated: isGenerated, default: expression } of table.columns) {
    if (isGenerated && expression !== null) generated.set(name, { expression, stored: true });
  }
  return { checks, columnChecks, uniqueColumns, uniques, generated };
}

function listOf(content: string): string[] {
  return tokensOf(content).filter((token) => token !== ",").map(unquote);
}

function defaultSource(content: string, builder: string): string {
  const isNumber = /^-?\d{1,15}(?:\.\d+)?$/.test(content);
  if (isNumber && (builder === "integer" || builder === "real")) return content;
  const text = /^'((?:[^']|'')*)'(?:::text)?$/.exec(content)?.[1];
  if (text !== undefined && builder === "text") return JSON.stringify(text.replaceAll("''", "'"));
  if (builder === "boolean" && /^(?:true|false)$/i.test(content)) return content.toLowerCase();
  return template(content);
}

function referenceSource(
  { table, target, onDelete, onUpdate }: ReferenceDescription,
  schema: SchemaDescription,
): string | undefined {
  const there = schema.tables.get(table);
  const column = target ?? there?.columns.find((one) => one.primaryKey > 0)?.name;
  if (there === undefined || column === undefined) return undefined;
  const actions = [["onDelete", onDelete], ["onUpdate", onUpdate]]
    .filter(([, action]) => action !== null)
    .map(([name, action]) => `${name}: ${JSON.stringify(action!.toLowerCase())}`);
  const options = actions.length === 0 ? "" : `, { ${actions.join(", ")} }`;
  return `.references((): Column => ${variable(table)}[${JSON.stringify(column)}]${options})`;
}

/** The options of a table's indexes; those on expressions are left out. */
function indexSources(table: TableDescription): string[] {
  const known = new Set(table.columns.map(({ name }) => name));
  const result: string[] = [];
  for (const [name, sql] of table.indexes) {
    const tokens = tokensOf(sql);
    const start = tokens.indexOf("(");
    const end = tokens.indexOf(")", start);
    const columns = listOf(tokens.slice(start + 1, end).join(" "));
    const rest = tokens.slice(end + 1);
    const isPlain = columns.every((column) => known.has(column)) &&
      (rest.length === 0 || rest[0]!.toUpperCase() === "WHERE");
    if (!isPlain) continue;
    const list = columns.map((column) => `t[${JSON.stringify(column)}]`).join(", ");
    const unique = tokens[1]?.toUpperCase() === "UNIQUE" ? ", unique: true" : "";
    const where = rest.length === 0 ? "" : `, where: ${template(rest.slice(1).join(" "))}`;
    result.push(`{ name: ${JSON.stringify(name)}, columns: [${list}]${unique}${where} }`);
  }
  return result;
}

/**
 * Writes a description as the source of a module of models, to start from: columns, keys, defaults,
 * checks, uniques, indexes and foreign keys of one column. Kinds follow from the declared types, so
 * that SQLite's booleans come out as integers and its timestamps as text. Indexes on expressions and
 * foreign keys of several columns are left out.
 */
export function modelSource(schema: SchemaDescription): string {
  const used = new Set<string>(["table"]);
  const tables: string[] = [];
  for (const table of schema.tables.values()) {
    const written = table.constraints.size > 0 ? readConstraints(table) : readWritten(table);
    const primary = table.columns.filter((column) => column.primaryKey > 0)
      .sort((a, b) => a.primaryKey - b.primaryKey);
    const columns = table.columns.map((column) => {
      const source = columnSource(column, table, written, primary.length > 1, schema);
      for (const [, word] of source.matchAll(/(?:^|[^\w."'`])(sql(?=`)|[a-z]+(?=\())/g)) {
        used.add(word!);
      }
      if (source.includes("): Column =>")) used.add("type Column");
      return `  ${key(column.name)}: ${source},\n`;
    });
    const reference = (name: string) => `t[${JSON.stringify(name)}]`;
    const options: string[] = [];
    if (primary.length > 1) {
      options.push(`primaryKey: [${primary.map(({ name }) => reference(name)).join(", ")}]`);
    }
    if (written.uniques.length > 0) {
      const lists = written.uniques.map((list) => `[${list.map(reference).join(", ")}]`);
      options.push(`uniques: [${lists.join(", ")}]`);
    }
    const indexes = indexSources(table);
    if (indexes.length > 0) options.push(`indexes: [${indexes.join(", ")}]`);
    if (written.checks.size > 0) {
      const checks = [...written.checks].map(([name, sql]) => `${key(name)}: ${template(sql)}`);
      options.push(`checks: { ${checks.join(", ")} }`);
    }
    if (options.some((option) => option.includes("sql`"))) used.add("sql");
    const parameter = options.some((option) => option.includes("t[")) ? "t" : "";
    const tail = options.length === 0 ? "" : `, (${parameter}) => ({ ${options.join(", ")} })`;
    tables.push(
      `export const ${variable(table.name)} = table(${JSON.stringify(table.name)}, {\n` +
        `${columns.join("")}}${tail});\n`,
    );
  }
  const bare = (name: string) => name.replace("type ", "").toLowerCase();
  const names = [...used].sort((a, b) => bare(a) < bare(b) ? -1 : 1).join(", ");
  return `import { ${names} } from "@groundwork/std/orm";\n\n${tables.join("\n")}`;
}

function columnSource(
  column: ColumnDescription,
  table: TableDescription,
  written: Written,
  composite: boolean,
  schema: SchemaDescription,
): string {
  const builder = BUILDERS.find(([pattern]) => pattern.test(column.type))?.[1] ?? "blob";
  const digits = builder === "numeric"
    ? /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(column.type)
    : null;
  let source = digits === null ? `${builder}()` : `numeric(${digits[1]}, ${digits[2] ?? 0})`;
  const generated = written.generated.get(column.name);
  if (column.primaryKey > 0 && !composite) source += ".primaryKey()";
  else if (column.notNull) source += ".notNull()";
  if (written.uniqueColumns.has(column.name)) source += ".unique()";
  if (generated !== undefined) {
    const stored = generated.stored ? ", { stored: true }" : "";
    source += `.generatedAs(${template(generated.expression)}${stored})`;
  } else if (column.default !== null) {
    source += `.default(${defaultSource(column.default, builder)})`;
  }
  const checks = written.columnChecks.get(column.name) ?? [];
  if (checks.length > 0) {
    const all = checks.length === 1 ? checks[0]! : checks.map((one) => `(${one})`).join(" AND ");
    source += `.check(${template(all)})`;
  }
  const reference = table.references.find((one) => one.column === column.name);
  return source + (reference === undefined ? "" : referenceSource(reference, schema) ?? "");
}
