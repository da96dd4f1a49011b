import type { MessageReader } from "./_bytes.ts";
import type { ServerFields } from "./errors.ts";

/** The letters of an ErrorResponse's fields (PostgreSQL 15, section 55.8). */
const NAMES: Readonly<Record<string, keyof ServerFields>> = {
  C: "sqlState",
  M: "message",
  D: "detail",
  H: "hint",
  P: "position",
  p: "internalPosition",
  q: "internalQuery",
  W: "where",
  s: "schema",
  t: "table",
  c: "column",
  d: "dataType",
  n: "constraint",
  F: "file",
  L: "line",
  R: "routine",
};

/** Reads an ErrorResponse or a NoticeResponse. Letters that are not known are passed over. */
export function readServerFields(message: MessageReader): ServerFields {
  const fields: Record<string, string | number> = { severity: "ERROR", sqlState: "", message: "" };
  for (;;) {
    const letter = message.uint8();
    if (letter === 0) break;
    const value = message.cstring();
    const name = NAMES[String.fromCharCode(letter)];
    // V is the severity in English, S in the server's language.
    if (letter === 0x56 || (letter === 0x53 && fields.severity === "ERROR")) {
      fields.severity = value;
    } else if (name === "position" || name === "internalPosition") fields[name] = Number(value);
    else if (name !== undefined) fields[name] = value;
  }
  return fields as unknown as ServerFields;
}
