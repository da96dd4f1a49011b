import { type Bytes, malformed, type MessageReader, readText } from "./_bytes.ts";
import type { Reader } from "./_readers.ts";

/** A column of a result. */
export interface Field {
  /** Its name. */
  readonly name: string;
  /** Its type's object identifier. */
  readonly type: number;
  /** The type's modifier, a length for example; -1 for none. */
  readonly modifier: number;
  /** The object identifier of the table it comes from; 0 for none. */
  readonly table: number;
  /** Its number in that table; 0 for none. */
  readonly column: number;
}

/** Reads a RowDescription. */
export function readFields(message: MessageReader): Field[] {
  const count = message.int16();
  const fields: Field[] = [];
  for (let i = 0; i < count; i++) {
    const name = message.cstring();
    const table = message.uint32();
    const column = message.int16();
    const type = message.uint32();
    message.int16();
    const modifier = message.int32();
    message.int16();
    fields.push({ name, type, modifier, table, column });
  }
  message.finish();
  return fields;
}

/** Reads the values of one DataRow, of which the count has been read, into a row. */
export type RowReader = (bytes: Bytes, view: DataView, start: number, end: number) => unknown;

/** How one column is read. */
export interface RowColumn {
  readonly name: string;
  readonly reader: Reader;
  /** Whether its values come in the binary form. */
  readonly binary: boolean;
}

type RowFactory = (
  readers: readonly Reader[],
  text: typeof readText,
  bad: typeof malformed,
) => RowReader;

/** Compiling costs about as much as a query: readers of the same shape are shared. */
const FACTORIES = new Map<string, RowFactory>();
const MAX_FACTORIES = 1_000;

/** The code that reads a value of `l` bytes at `p`. */
function valueCode({ reader, binary }: RowColumn, index: number): string {
  if (!binary) {
    return reader.inline === "text"
      ? "text(b, p, p + l)"
      : `readers[${index}].text(text(b, p, p + l))`;
  }
  switch (reader.inline) {
    case "text":
      return "text(b, p, p + l)";
    case "int2":
      return "(l === 2 ? v.getInt16(p) : wrong())";
    case "int4":
      return "(l === 4 ? v.getInt32(p) : wrong())";
    case "float8":
      return "(l === 8 ? v.getFloat64(p) : wrong())";
    case "bool":
      return "(l === 1 ? b[p] === 1 : wrong())";
    default:
      return `readers[${index}].binary(b, p, p + l)`;
  }
}

/**
 * Writes the function that reads a row. Code of its own for each column, and an object literal of
 * known keys, are several times faster than loops; names enter the source as JSON strings only.
 */
export function compileRow(columns: readonly RowColumn[], asArray: boolean): RowReader {
  const steps = columns.map((column, index) =>
    `if (p + 4 > e) wrong();
    l = v.getInt32(p); p += 4;
    let c${index} = null;
    if (l !== -1) {
      if (l < 0 || l > e - p) wrong();
      c${index} = ${valueCode(column, index)};
      p += l;
    }`
  );
  // Of columns with the same name, the last is seen. Brackets keep __proto__ an ordinary name.
  const members = new Map(columns.map((column, index) => [column.name, `c${index}`]));
  const object = [...members].map(([name, cell]) =>
    name === "__proto__" ? `["__proto__"]: ${cell}` : `${JSON.stringify(name)}: ${cell}`
  );
  const row = asArray
    ? `[${columns.map((_, index) => `c${index}`).join(", ")}]`
    : `{ ${object.join(", ")} }`;
  const source = `const wrong = () => bad("a row does not fit its message");
  return (b, v, p, e) => {
    let l = 0;
    ${steps.join("\n")}
    if (p !== e) wrong();
    return ${row};
  };`;
  let factory = FACTORIES.get(source);
  if (factory === undefined) {
    factory = new Function("readers", "text", "bad", source) as RowFactory;
    if (FACTORIES.size >= MAX_FACTORIES) FACTORIES.clear();
    FACTORIES.set(source, factory);
  }
  return factory(columns.map((column) => column.reader), readText, malformed);
}
