import { DatabaseError } from "../errors.ts";
import { type Bytes, malformed, readText } from "./_bytes.ts";
import {
  EPOCH_MS,
  readArrayBinary,
  readArrayText,
  type Reader,
  READERS,
  readMultirangeBinary,
  readMultirangeText,
  readRangeBinary,
  readRangeText,
  readRecordBinary,
  readRecordText,
  TEXT_ONLY,
} from "./_readers.ts";
import type { MessageWriter } from "./_writer.ts";
import type { IntegerMode } from "./options.ts";
import type { TypeCodec, TypeInfo, TypeRegistryOptions } from "./types.ts";
import { Interval, JsonParameter, Range } from "./values.ts";

/** Names, types and arrays of the built-in types that are not read as text only (pg_type.dat). */
const BASE = `bool 16 1000,bytea 17 1001,char 18 1002,name 19 1003,int8 20 1016,int2 21 1005,\
int4 23 1007,regproc 24 1008,text 25 1009,oid 26 1028,tid 27 1010,xid 28 1011,cid 29 1012,\
json 114 199,xml 142 143,point 600 1017,lseg 601 1018,path 602 1019,box 603 1020,polygon 604 1027,\
line 628 629,cidr 650 651,float4 700 1021,float8 701 1022,unknown 705 0,circle 718 719,\
macaddr8 774 775,money 790 791,macaddr 829 1040,inet 869 1041,bpchar 1042 1014,varchar 1043 1015,\
date 1082 1182,time 1083 1183,timestamp 1114 1115,timestamptz 1184 1185,interval 1186 1187,\
timetz 1266 1270,bit 1560 1561,varbit 1562 1563,numeric 1700 1231,refcursor 1790 2201,\
regprocedure 2202 2207,regoper 2203 2208,regoperator 2204 2209,regclass 2205 2210,\
regtype 2206 2211,cstring 2275 1263,void 2278 0,uuid 2950 2951,txid_snapshot 2970 2949,\
pg_lsn 3220 3221,tsvector 3614 3643,tsquery 3615 3645,regconfig 3734 3735,\
regdictionary 3769 3770,jsonb 3802 3807,jsonpath 4072 4073,regnamespace 4089 4090,\
regrole 4096 4097,regcollation 4191 4192,pg_snapshot 5038 5039,xid8 5069 271`;

/** Names, ranges, their arrays, multiranges, their arrays, and the bounds' types. */
const RANGES = `int4 3904 3905 4451 6150 23,num 3906 3907 4532 6151 1700,\
ts 3908 3909 4533 6152 1114,tstz 3910 3911 4534 6153 1184,date 3912 3913 4535 6155 1082,\
int8 3926 3927 4536 6157 20`;

const RECORD = 2249;
const RECORD_ARRAY = 2287;

function info(
  oid: number,
  name: string,
  kind: TypeInfo["kind"] = "base",
  element = 0,
  delimiter = ",",
): TypeInfo {
  return { oid, name, kind, element, delimiter, fields: [] };
}

function builtIn(): Map<number, TypeInfo> {
  const types = new Map<number, TypeInfo>();
  const add = (type: TypeInfo) => types.set(type.oid, type);
  for (const entry of BASE.split(",")) {
    const [name = "", oid, array] = entry.split(" ");
    add(info(Number(oid), name));
    // A box has commas of its own.
    const delimiter = name === "box" ? ";" : ",";
    if (array !== "0") add(info(Number(array), `_${name}`, "array", Number(oid), delimiter));
  }
  for (const entry of RANGES.split(",")) {
    const [stem = "", ...numbers] = entry.split(" ");
    const [range = 0, rangeArray = 0, multi = 0, multiArray = 0, bound = 0] = numbers.map(Number);
    add(info(range, `${stem}range`, "range", bound));
    add(info(rangeArray, `_${stem}range`, "array", range));
    add(info(multi, `${stem}multirange`, "multirange", bound));
    add(info(multiArray, `_${stem}multirange`, "array", multi));
  }
  add(info(RECORD, "record", "composite"));
  add(info(RECORD_ARRAY, "_record", "array", RECORD));
  return types;
}

const BUILT_IN: ReadonlyMap<number, TypeInfo> = builtIn();

/** The text of `pg_type` for types that are not built in; `$1` is their object identifiers. */
export const TYPE_QUERY: string = `\
SELECT t.oid::int8::text, t.typname::text, t.typtype::text, t.typelem::int8::text,
  t.typbasetype::int8::text, coalesce(r.rngsubtype, m.rngsubtype, 0)::int8::text,
  t.typcategory::text, t.typdelim::text,
  (SELECT json_agg(json_build_array(a.attname, a.atttypid::int8) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)::text
FROM pg_catalog.pg_type t
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
WHERE t.oid = ANY ($1::oid[])`;

/** The same for servers before version 14, which have no multiranges. */
export const TYPE_QUERY_13: string = TYPE_QUERY
  .replace("LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid\n", "")
  .replace(", m.rngsubtype", "");

/** The letters of `pg_type.typtype`. */
const KINDS: Readonly<Record<string, TypeInfo["kind"]>> = {
  b: "base",
  c: "composite",
  d: "domain",
  e: "enum",
  r: "range",
  m: "multirange",
};

/** The integers of 64 bits, by how a program wants them. */
const INT8: Readonly<Record<IntegerMode, Reader>> = {
  bigint: {
    text: toBigInt,
    binary: (bytes, start, end) => readInt8(bytes, start, end),
    prefersBinary: true,
  },
  number: {
    text: (text) => safe(Number(toBigInt(text)), text),
    binary: (bytes, start, end) => safe(int8Number(bytes, start, end), undefined),
    prefersBinary: true,
  },
  mixed: {
    text: (text) => mixed(toBigInt(text)),
    binary: (bytes, start, end) => mixed(readInt8(bytes, start, end)),
    prefersBinary: true,
  },
  string: {
    text: (text) => text,
    binary: (bytes, start, end) => String(readInt8(bytes, start, end)),
    inline: "text",
  },
};

function toBigInt(text: string): bigint {
  if (!/^-?\d{1,19}$/.test(text)) malformed("an integer is not one");
  return BigInt(text);
}

function readInt8(bytes: Bytes, start: number, end: number): bigint {
  if (end - start !== 8) malformed("a value does not have its type's length");
  return bytes.readBigInt64BE(start);
}

function int8Number(bytes: Bytes, start: number, end: number): number {
  if (end - start !== 8) malformed("a value does not have its type's length");
  return bytes.readInt32BE(start) * 0x100000000 + bytes.readUInt32BE(start + 4);
}

function safe(value: number, text: string | undefined): number {
  if (Number.isSafeInteger(value)) return value;
  throw new DatabaseError(
    "bad_value",
    `Cannot read the integer ${text ?? value} as a number: it is past 2^53`,
  );
}

function mixed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const PLAIN = new Set(["bool", "int2", "int4", "int8", "oid", "float4", "float8", "bytea"]);

/** How deep types may be built of types. */
const MAX_TYPE_DEPTH = 16;
/** How many types are remembered. */
const MAX_TYPES = 10_000;

/** What is known about types, and how their values are read and written. */
export class TypeCatalog {
  readonly #plain: boolean;
  readonly #types = new Map<number, TypeInfo>();
  readonly #codecs = new Map<number, TypeCodec>();
  readonly #readers = new Map<number, Reader>();
  readonly #modes = new Map<IntegerMode, Map<number, Reader>>();
  #version = 0;
  #serializers = false;

  /** Makes a registry that knows the built-in types. */
  constructor(options: TypeRegistryOptions = {}) {
    this.#plain = options.plain ?? false;
  }

  /** Goes up whenever what was read before would now be read in another way. */
  get version(): number {
    return this.#version;
  }

  /** Whether a codec writes values in a way of its own. */
  get hasSerializers(): boolean {
    return this.#serializers;
  }

  /** Sets how a type's values are read and written, arrays of it too. */
  register(oid: number, codec: TypeCodec): void {
    if (codec.serialize !== undefined) this.#serializers = true;
    this.#codecs.set(oid, codec);
    this.#forget();
  }

  /** What is known about a type. */
  info(oid: number): TypeInfo | undefined {
    return BUILT_IN.get(oid) ?? this.#types.get(oid);
  }

  #forget(): void {
    this.#readers.clear();
    this.#modes.clear();
    this.#version++;
  }

  /** Which of these types have to be looked up. */
  unknown(oids: Iterable<number>): number[] {
    if (this.#plain) return [];
    const missing = new Set<number>();
    for (const oid of oids) {
      if (oid !== 0 && this.info(oid) === undefined && !this.#codecs.has(oid)) missing.add(oid);
    }
    return [...missing];
  }

  /**
   * Takes the rows of {@linkcode TYPE_QUERY} for the types that were asked for; gives those that
   * these are built of and that are not known yet.
   */
  learn(asked: readonly number[], rows: readonly (readonly (string | null)[])[]): number[] {
    if (this.#types.size + asked.length > MAX_TYPES) this.#types.clear();
    const parts: number[] = [];
    for (const row of rows) {
      const [oid, name = "", letter = "", element, base, bound, category, delimiter, attributes] =
        row;
      let kind = KINDS[letter ?? ""] ?? "base";
      let inner = 0;
      if (kind === "domain") inner = Number(base);
      else if (kind === "range" || kind === "multirange") inner = Number(bound);
      else if (category === "A" && element !== "0") {
        kind = "array";
        inner = Number(element);
      }
      const fields = ((JSON.parse(attributes ?? "null") ?? []) as [string, number][])
        .map(([name, oid]) => ({ name, oid: Number(oid) }));
      this.#types.set(Number(oid), {
        oid: Number(oid),
        name: name ?? "",
        kind,
        element: inner,
        delimiter: delimiter ?? ",",
        fields,
      });
      parts.push(inner, ...fields.map((field) => field.oid));
    }
    // What the server does not know either is text.
    for (const oid of asked) if (!this.#types.has(oid)) this.#types.set(oid, info(oid, "unknown"));
    this.#forget();
    return this.unknown(parts);
  }

  /** How a type's values are read. */
  reader(oid: number, integers: IntegerMode = "bigint", depth = 0): Reader {
    let known = this.#modes.get(integers);
    if (known === undefined) this.#modes.set(integers, known = new Map());
    let reader = known.get(oid);
    if (reader === undefined) {
      reader = this.#makeReader(oid, integers, depth);
      known.set(oid, reader);
    }
    return reader;
  }

  #makeReader(oid: number, integers: IntegerMode, depth: number): Reader {
    const codec = this.#codecs.get(oid);
    if (codec !== undefined) return { text: (text) => codec.parse(text) };
    const type = this.info(oid);
    if (type === undefined || depth > MAX_TYPE_DEPTH) return TEXT_ONLY;
    if (this.#plain && !PLAIN.has(type.name)) return TEXT_ONLY;
    const inner = (part: number) => this.reader(part, integers, depth + 1);
    switch (type.kind) {
      case "base":
        if (oid === 20) return INT8[integers];
        // A type of an extension may bear the name of one that is built in.
        return BUILT_IN.has(oid) ? READERS[type.name] ?? TEXT_ONLY : TEXT_ONLY;
      case "enum":
        return { text: (text) => text, binary: readText, inline: "text" };
      case "domain":
        return inner(type.element);
      case "array": {
        const element = inner(type.element);
        const { binary } = element;
        return {
          text: (text) => readArrayText(text, type.delimiter, element.text),
          ...(binary === undefined ? {} : {
            binary: (bytes, start, end) => readArrayBinary(bytes, start, end, binary),
            prefersBinary: element.prefersBinary ?? false,
          }),
        };
      }
      case "range":
      case "multirange": {
        const { text: readBound, binary } = inner(type.element);
        const single = type.kind === "range";
        const fromText = single ? readRangeText : readMultirangeText;
        const fromBinary = single ? readRangeBinary : readMultirangeBinary;
        return {
          text: (text) => fromText(text, readBound),
          ...(binary === undefined
            ? {}
            : { binary: (bytes, start, end) => fromBinary(bytes, start, end, binary) }),
        };
      }
      case "composite":
        return this.#compositeReader(type, integers, depth);
    }
  }

  #compositeReader(type: TypeInfo, integers: IntegerMode, depth: number): Reader {
    const { fields } = type;
    const readers = fields.map((field) => this.reader(field.oid, integers, depth + 1));
    const name = (values: unknown[]): unknown =>
      fields.length === 0 ? values : Object.fromEntries(
        fields.map((field, index) => [field.name, values[index] ?? null]),
      );
    const reader: Reader = {
      text: (text) =>
        name(
          readRecordText(text).map((part, index) =>
            part === null ? null : readers[index]?.text(part) ?? part
          ),
        ),
    };
    // An anonymous record tells its fields' types in binary only, so that is read when asked for.
    if (readers.every((one) => one.binary !== undefined)) {
      reader.binary = (bytes, start, end) =>
        name(
          readRecordBinary(
            bytes,
            start,
            end,
            (oid) => this.reader(oid, integers, depth + 1).binary,
          ),
        );
    }
    return reader;
  }

  /**
   * Writes a parameter with its length, and gives its format: 0 for text, 1 for binary.
   *
   * @throws {DatabaseError} With code `bad_value` if the value cannot stand for one of the type.
   */
  write(writer: MessageWriter, oid: number, value: unknown, textOnly: boolean): 0 | 1 {
    if (value === null) {
      writer.int32(-1);
      return 0;
    }
    if (typeof value === "string" && !this.#serializers) {
      writer.sizedText(value);
      return 0;
    }
    if (!textOnly && this.#codecs.get(oid)?.serialize === undefined) {
      if (typeof value === "number") {
        if (oid === 23 && (value | 0) === value) {
          writer.int32(4);
          writer.int32(value);
          return 1;
        }
        if (oid === 701) {
          writer.int32(8);
          writer.float64(value);
          return 1;
        }
      } else if (typeof value === "bigint") {
        if (oid === 20 && BigInt.asIntN(64, value) === value) {
          writer.int32(8);
          writer.int64(value);
          return 1;
        }
      } else if (typeof value === "boolean") {
        if (oid === 16) {
          writer.int32(1);
          writer.uint8(value ? 1 : 0);
          return 1;
        }
      } else if (value instanceof Uint8Array) {
        if (oid === 17) {
          writer.sizedBytes(value);
          return 1;
        }
      } else if (value instanceof Date && (oid === 1184 || oid === 1114)) {
        writer.int32(8);
        writer.int64(BigInt(timeOf(value) - EPOCH_MS) * 1000n);
        return 1;
      }
    }
    writer.sizedText(this.serialize(oid, value));
    return 0;
  }

  /**
   * A value other than `null` in its type's text form.
   *
   * @throws {DatabaseError} With code `bad_value` if the value cannot stand for one of the type.
   */
  serialize(oid: number, value: unknown, depth = 0): string {
    const codec = this.#codecs.get(oid);
    if (codec?.serialize !== undefined) return codec.serialize(value);
    const type = this.info(oid);
    if (value instanceof JsonParameter) return jsonText(value.value);
    switch (typeof value) {
      case "string":
        return value;
      case "number":
      case "bigint":
      case "boolean":
        return String(value);
      case "undefined":
        return refuseValue("undefined", type);
      case "object":
        break;
      default:
        return refuseValue(`a ${typeof value}`, type);
    }
    if (value === null) return refuseValue("null", type);
    if (depth > MAX_TYPE_DEPTH) return refuseValue("a value nested this deep", type);
    if (type?.kind === "domain") return this.serialize(type.element, value, depth + 1);
    const isJson = type?.name === "json" || type?.name === "jsonb";
    if (isJson) return jsonText(value);
    if (value instanceof Date) {
      if (type?.name === "date") return dateText(value, true);
      return type?.name === "text" || type?.name === "varchar"
        ? value.toISOString()
        : dateText(value, false);
    }
    if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
    if (value instanceof ArrayBuffer) return `\\x${new Uint8Array(value).toHex()}`;
    if (value instanceof Interval) return value.toString();
    if (value instanceof Range) return this.#rangeText(type, value, depth);
    if (Array.isArray(value)) {
      if (type?.kind === "multirange") {
        return `{${value.map((one) => this.#rangeText(type, one as Range, depth)).join(",")}}`;
      }
      if (type?.kind === "array") return this.#arrayText(type, value, 0, depth);
      if (type?.kind === "composite") return this.#recordText(type, value, depth);
      return refuseValue("an array", type);
    }
    if (type?.kind === "composite" && type.fields.length > 0) {
      const record = value as Record<string, unknown>;
      const values = type.fields.map((field) => record[field.name] ?? null);
      return this.#recordText(type, values, depth);
    }
    // Temporal's objects write themselves as ISO 8601.
    const tag = Object.prototype.toString.call(value);
    if (tag.startsWith("[object Temporal.")) {
      return String(value).replace(/\[.*$/, "");
    }
    return refuseValue("an object", type);
  }

  #rangeText(type: TypeInfo | undefined, range: Range, depth: number): string {
    if (!(range instanceof Range)) return refuseValue("what is no Range", type);
    if (range.isEmpty) return "empty";
    const bound = (value: unknown): string =>
      value === null ? "" : quote(this.serialize(type?.element ?? 0, value, depth + 1));
    return `${range.lowerInclusive ? "[" : "("}${bound(range.lower)},${bound(range.upper)}${
      range.upperInclusive ? "]" : ")"
    }`;
  }

  #arrayText(type: TypeInfo, values: readonly unknown[], dimension: number, depth: number): string {
    if (dimension >= 6) return refuseValue("an array of more than six dimensions", type);
    // An element of an array of JSON may be an array itself; one of it is the whole value then.
    const element = this.info(type.element);
    const ownWay = this.#codecs.get(type.element)?.serialize !== undefined;
    const nests = !ownWay && element?.name !== "json" && element?.name !== "jsonb" &&
      element?.kind !== "composite" && element?.kind !== "multirange";
    let text = "{";
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (i > 0) text += type.delimiter;
      if (value === null) text += "NULL";
      else if (nests && Array.isArray(value)) {
        text += this.#arrayText(type, value, dimension + 1, depth);
      } else if (typeof value === "number" || typeof value === "bigint") text += value;
      else {
        const isJson = element?.name === "json" || element?.name === "jsonb";
        text += quote(
          isJson && typeof value === "string"
            ? jsonText(value)
            : this.serialize(type.element, value, depth + 1),
        );
      }
    }
    return text + "}";
  }

  #recordText(type: TypeInfo, values: readonly unknown[], depth: number): string {
    const parts = values.map((value, index) =>
      value === null || value === undefined
        ? ""
        : quote(this.serialize(type.fields[index]?.oid ?? 25, value, depth + 1))
    );
    return `(${parts.join(",")})`;
  }
}

/** In quotes, as an element of an array, a range or a record. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function jsonText(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new DatabaseError("bad_value", "Cannot write a parameter as JSON", { cause });
  }
  if (text === undefined) return refuseValue("what JSON cannot hold", undefined);
  return text;
}

function refuseValue(what: string, type: TypeInfo | undefined): never {
  const target = type === undefined ? "" : ` for a parameter of type ${type.name}`;
  throw new DatabaseError("bad_value", `Cannot use ${what}${target}`);
}

function timeOf(date: Date): number {
  const timeMs = date.getTime();
  if (Number.isNaN(timeMs)) refuseValue("an invalid Date", undefined);
  return timeMs;
}

/** A Date in UTC as PostgreSQL reads it, with BC for years before 1. */
function dateText(date: Date, dayOnly: boolean): string {
  timeOf(date);
  const year = date.getUTCFullYear();
  const rest = date.toISOString().replace(
    /^[+-]?\d+(-\d\d-\d\d)T(.*)Z$/,
    dayOnly ? "$1" : "$1 $2+00",
  );
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return `${shown}${rest}${year > 0 ? "" : " BC"}`;
}

/** The catalogs of registries, which are not for programs to see. */
const CATALOGS = new WeakMap<object, TypeCatalog>();

/** Sets a registry's catalog. */
export function setCatalog(registry: object, catalog: TypeCatalog): void {
  CATALOGS.set(registry, catalog);
}

/** A registry's catalog. */
export function catalogOf(registry: object): TypeCatalog {
  return CATALOGS.get(registry)!;
}
