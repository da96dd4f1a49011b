/**
 * The nine traces of PostgreSQL's `libpq_pipeline` test, spoken by the message writers of this
 * driver to a server. Each conversation is written out below as steps; what went over the wire is
 * printed in the notation of libpq's PQtrace and compared with the hash of the trace that
 * PostgreSQL keeps. With the traces themselves in `$GROUNDWORK_SUITES/libpq_pipeline/` they are
 * compared line by line.
 */
import { assertEquals } from "@std/assert";
import { bytesOf, MessageReader } from "./_bytes.ts";
import {
  MESSAGE,
  writeBind,
  writeClose,
  writeDescribe,
  writeEmpty,
  writeExecute,
  writeParse,
  writeQuery,
} from "./_operations.ts";
import { startSession } from "./_startup.ts";
import { cluster, postgresTest } from "./_test_cluster.ts";
import { openTransport } from "./_transport.ts";
import { catalogOf } from "./_types.ts";
import { MessageWriter } from "./_writer.ts";
import { optionsOf } from "./options.ts";
import { TypeRegistry } from "./types.ts";

/** A message to send: its name, and what writes it. */
type Step = ((writer: MessageWriter) => void) | number;

const types = catalogOf(new TypeRegistry());
const INT4 = [23];
const TEXT_RESULT = Uint8Array.of(0, 1, 0, 0);
const BINARY_RESULT = Uint8Array.of(0, 1, 0, 1);

const query = (text: string): Step => (writer) => writeQuery(writer, text);
const parse = (text: string, oids: number[] = [], name = ""): Step => (writer) =>
  writeParse(writer, name, text, oids);
const bind = (values: string[] = [], results?: Uint8Array, name = ""): Step => (writer) => {
  const prefix = new TextEncoder().encode(`\0${name}\0`);
  writeBind({ writer, types }, prefix, undefined, values, results, true);
};
const describe = (kind: "S" | "P", name = ""): Step => (writer) =>
  writeDescribe(writer, kind, name);
const close = (kind: "S" | "P", name = ""): Step => (writer) => writeClose(writer, kind, name);
const execute: Step = (writer) => writeExecute(writer, "", 0);
const sync: Step = (writer) => writeEmpty(writer, MESSAGE.sync);
const flush: Step = (writer) => writeEmpty(writer, MESSAGE.flush);
const terminate: Step = (writer) => writeEmpty(writer, MESSAGE.terminate);

/** A statement as libpq's PQsendQueryParams sends it. */
const send = (text: string, oids: number[] = [], values: string[] = []): Step[] => [
  parse(text, oids),
  bind(values, TEXT_RESULT),
  describe("P"),
  execute,
];
/** The same for PQsendQuery of version 15. */
const sendQuery = (text: string): Step[] => [
  parse(text),
  bind(),
  describe("P"),
  execute,
  close("P"),
  flush,
];
const repeat = (count: number, steps: Step[]): Step[] =>
  Array.from({ length: count }, () => steps).flat();

const one = (): Step[] => send("SELECT $1", INT4, ["1"]);
const insertDemo = (value: string) =>
  send("INSERT INTO pq_pipeline_demo(itemno) VALUES ($1)", INT4, [value]);
const insertTest = (value: number) => send(`INSERT INTO pq_pipeline_tst VALUES (${value})`);
const rollback: Step[] = [bind([], BINARY_RESULT, "rollback"), describe("P"), execute];

/** The conversations: a number is how many of the server's messages are read at that point. */
const CONVERSATIONS: Record<string, Step[]> = {
  disallowed_in_pipeline: [query("SELECT 1"), 4],
  multi_pipelines: [...repeat(3, [...one(), sync]), 18],
  nosync: [...repeat(10, send("SELECT repeat('xyzxz', 12)")), flush, 50],
  pipeline_abort: [
    query("DROP TABLE IF EXISTS pq_pipeline_demo"),
    3,
    query(
      "CREATE UNLOGGED TABLE pq_pipeline_demo(id serial primary key, itemno integer,int8filler int8);",
    ),
    2,
    ...insertDemo("1"),
    ...send("SELECT no_such_function($1)", INT4, ["1"]),
    ...insertDemo("2"),
    sync,
    ...insertDemo("3"),
    sync,
    11,
    ...send("SELECT 1; SELECT 2"),
    sync,
    2,
    ...send("SELECT 1.0/g FROM generate_series(3, -1, -1) g"),
    sync,
    8,
    query("SELECT itemno FROM pq_pipeline_demo"),
    4,
  ],
  pipeline_idle: [
    ...sendQuery("SELECT 1"),
    6,
    sync,
    1,
    ...sendQuery("SELECT 1"),
    6,
    query("SELECT 2"),
    4,
    ...["SELECT 1", "SELECT 2", "SELECT 1", "SELECT 2"].flatMap((text) => [...sendQuery(text), 6]),
    ...sendQuery("SELECT pg_catalog.pg_advisory_unlock(1,1)"),
    7,
  ],
  prepared: [
    parse("SELECT $1, '42', $1::numeric, interval '1 sec'", INT4, "select_one"),
    describe("S", "select_one"),
    sync,
    4,
    close("S", "select_one"),
    sync,
    2,
    describe("S", "select_one"),
    sync,
    2,
    close("S", "select_one"),
    sync,
    2,
    query("BEGIN"),
    2,
    query("DECLARE cursor_one CURSOR FOR SELECT 1"),
    2,
    describe("P", "cursor_one"),
    sync,
    2,
    close("P", "cursor_one"),
    sync,
    2,
    describe("P", "cursor_one"),
    sync,
    2,
    close("P", "cursor_one"),
    sync,
    2,
  ],
  simple_pipeline: [...one(), sync, 6],
  singlerow: [
    ...["44", "45", "46"].flatMap((last) => send("SELECT generate_series(42, $1)", [], [last])),
    sync,
    25,
    ...send("SELECT generate_series(0, 0)"),
    flush,
    5,
    ...send("SELECT 1"),
    flush,
    5,
  ],
  transaction: [
    query("DROP TABLE IF EXISTS pq_pipeline_tst;CREATE TABLE pq_pipeline_tst (id int)"),
    4,
    parse("ROLLBACK", [], "rollback"),
    ...send("BEGIN"),
    ...send("SELECT 0/0"),
    ...rollback,
    ...insertTest(1),
    sync,
    ...insertTest(2),
    sync,
    ...rollback,
    ...insertTest(3),
    sync,
    sync,
    19,
    query("SELECT * FROM pq_pipeline_tst"),
    4,
  ],
};

/** SHA-256 of PostgreSQL's traces, after {@linkcode normalize}. */
const HASHES: Record<string, string> = {
  disallowed_in_pipeline: "048168499785d0a3c47bc2934320ab01b774f1d37586eb21540802a804c93f8a",
  multi_pipelines: "0824e6ce0814061290060247b81e98891c5ef16b39fc1e8d6dcc83549ff38a91",
  nosync: "f213bb22ee0e85246d6dfd0beeb9837eb9f87c2467c9cdeb785149acf988c972",
  pipeline_abort: "32eb3c2dc15372c86ce9fe60b6022e98d622e15c1558ae044dc4bf158cd6cbf3",
  pipeline_idle: "de13684176a587b04340fce1777b9cf43b8a340ea103b0bf36cbed1ee77f3281",
  prepared: "d835ec4d44e0ae92a31a8597d47f1cd326626097f3ab2137f1c8a3b689417977",
  simple_pipeline: "cbc7dd2da5178ff7dd45aaaa9911a5c3086121229b01e06138d61254b0518f10",
  singlerow: "05040cf181e9370b56a4b874571c38ff7b2a5949442fd64b578224ab40096d50",
  transaction: "96794fcfbf4219bd161e7ecde6820d398cb6e89c83025e688031c70384dc31d4",
};

/** The messages' names, by letter, from the front end and from the back end. */
const FRONT: Record<string, string> = {
  B: "Bind",
  C: "Close",
  D: "Describe",
  E: "Execute",
  H: "Flush",
  P: "Parse",
  Q: "Query",
  S: "Sync",
  X: "Terminate",
};
const BACK: Record<string, string> = {
  "1": "ParseComplete",
  "2": "BindComplete",
  "3": "CloseComplete",
  C: "CommandComplete",
  D: "DataRow",
  E: "ErrorResponse",
  N: "NoticeResponse",
  T: "RowDescription",
  Z: "ReadyForQuery",
  n: "NoData",
  t: "ParameterDescription",
};

/** How the fields of each message are printed, in libpq's notation for regression tests. */
function printFields(name: string, message: MessageReader): string[] {
  const text = () => `"${message.cstring()}"`;
  const letter = () => String.fromCharCode(message.uint8());
  const long = () => (message.int32(), "NNNN");
  const counted = (item: () => string[]): string[] => {
    const count = message.int16();
    return [String(count), ...Array.from({ length: count }, item).flat()];
  };
  // Without a sign, whatever it means.
  const short = () => [String(message.int16() & 0xffff)];
  const value = () => {
    const length = message.int32();
    return length === -1 ? ["-1"] : [String(length), `'${message.text(length)}'`];
  };
  switch (name) {
    case "Parse":
      return [text(), text(), ...counted(() => [long()])];
    case "Bind":
      return [text(), text(), ...counted(short), ...counted(value), ...counted(short)];
    case "Describe":
    case "Close":
      return [letter(), text()];
    case "Execute":
      return [text(), String(message.int32())];
    case "Query":
    case "CommandComplete":
      return [text()];
    case "DataRow":
      return counted(value);
    case "ReadyForQuery":
      return [letter()];
    case "ParameterDescription":
      return counted(() => [long()]);
    case "RowDescription":
      return counted(() => [
        text(),
        long(),
        ...short(),
        long(),
        ...short(),
        String(message.int32()),
        ...short(),
      ]);
    case "ErrorResponse":
    case "NoticeResponse": {
      const fields: string[] = [];
      for (let kind; (kind = message.uint8()) !== 0;) {
        const content = text();
        const field = String.fromCharCode(kind);
        // The place in the server's source changes with its version.
        fields.push(field, "FLR".includes(field) ? '"SSSS"' : content);
      }
      return [...fields, "\\x00"];
    }
  }
  return [];
}

function printMessage(from: "F" | "B", bytes: Uint8Array<ArrayBuffer>): string {
  const name = (from === "F" ? FRONT : BACK)[String.fromCharCode(bytes[0]!)]!;
  const fields = printFields(name, new MessageReader(bytesOf(bytes), 5, bytes.length));
  const length = /^(?:Error|Notice)/.test(name) ? "NN" : String(bytes.length - 1);
  return `${from}\t${length}\t${name}${fields.length === 0 ? "" : `\t ${fields.join(" ")}`}`;
}

/** Takes away what differs between PostgreSQL's versions: the first setting and some lengths. */
function normalize(trace: string): string[] {
  const lines = trace.trimEnd().split("\n")
    .map((line) => line.replace(/^B\t\w+\t(Error|Notice)/, "B\tNN\t$1"));
  return lines[0]!.includes("SET lc_messages") ? lines.slice(3) : lines;
}

let database: Promise<string> | undefined;

/** Holds a conversation, and prints it. */
async function converse(steps: readonly Step[]): Promise<string[]> {
  const options = optionsOf(await (database ??= cluster.createDatabase()));
  const transport = await openTransport(options, () => {});
  const lines: string[] = [];
  try {
    const session = await startSession(transport, {
      ...options,
      settings: { lc_messages: "C" },
    });
    let received = new Uint8Array(session.bytes.subarray(session.start, session.end));
    const writer = new MessageWriter();
    for (const step of [...steps, terminate]) {
      if (typeof step !== "number") {
        const from = writer.length;
        step(writer);
        lines.push(printMessage("F", writer.bytes.slice(from, writer.length)));
        continue;
      }
      await transport.write(writer.take());
      writer.giveBack();
      for (let count = 0; count < step;) {
        const length = received.length < 5
          ? Infinity
          : new DataView(received.buffer).getInt32(1) + 1;
        if (received.length < length) {
          const more = new Uint8Array(65_536);
          const read = await transport.read(more);
          if (read === null) throw new Error("the server has hung up");
          const joined = new Uint8Array(received.length + read);
          joined.set(received);
          joined.set(more.subarray(0, read), received.length);
          received = joined;
          continue;
        }
        lines.push(printMessage("B", received.slice(0, length)));
        received = received.slice(length);
        count++;
      }
    }
    assertEquals(received.length, 0);
    await transport.write(writer.take());
  } finally {
    transport.close();
  }
  return lines;
}

/** The traces themselves, if they are at hand. */
async function readTrace(name: string): Promise<string[] | undefined> {
  const suites = Deno.env.get("GROUNDWORK_SUITES") ?? "../shared/suites";
  try {
    return normalize(await Deno.readTextFile(`${suites}/libpq_pipeline/${name}.trace`));
  } catch {
    return undefined;
  }
}

for (const [name, steps] of Object.entries(CONVERSATIONS)) {
  postgresTest(`libpq_pipeline's trace ${name} is reproduced`, async () => {
    const lines = await converse(steps);
    const expected = await readTrace(name);
    if (expected !== undefined) assertEquals(lines, expected);
    const bytes = new TextEncoder().encode(lines.join("\n"));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assertEquals(hash, HASHES[name], lines.join("\n"));
  });
}
