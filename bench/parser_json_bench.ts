/**
 * Whole documents: `parse()` against the engine's own parser and npm parsers that do not call it. The
 * documents are those that simdjson measures itself with.
 */
import { parse, stringify } from "../parser/json/mod.ts";
import { JSONParser as StreamParser } from "npm:@streamparser/json@0.0.22";
import { parse as parseJsonc } from "npm:jsonc-parser@3.3.1";
import { parse as parseLossless } from "npm:lossless-json@4.0.2";
import JsonBigint from "npm:json-bigint@1.0.0";
import clarinet from "npm:clarinet@0.12.6";
import json5 from "npm:json5@2.2.3";
import JsonParse from "npm:jsonparse@1.3.1";

const SUITES = Deno.env.get("GROUNDWORK_SUITES") ??
  new URL("../../shared/suites", import.meta.url).pathname;

/** Builds the value from the events of clarinet, which only tokenizes. */
function parseClarinet(text: string): unknown {
  const parser = clarinet.parser();
  const root: unknown[] = [];
  // deno-lint-ignore no-explicit-any
  const stack: any[] = [root];
  const keys: string[] = [""];
  const add = (value: unknown) => {
    const top = stack.at(-1);
    if (Array.isArray(top)) top.push(value);
    else top[keys.at(-1)!] = value;
  };
  const open = (value: unknown) => {
    add(value);
    stack.push(value);
    keys.push("");
  };
  const close = () => {
    stack.pop();
    keys.pop();
  };
  parser.onvalue = add;
  parser.onkey = (key: string) => keys[keys.length - 1] = key;
  parser.onopenobject = (key: string | undefined) => {
    open({});
    if (key !== undefined) keys[keys.length - 1] = key;
  };
  parser.oncloseobject = close;
  parser.onopenarray = () => open([]);
  parser.onclosearray = close;
  parser.write(text).close();
  return root[0];
}

function parseStreamparser(bytes: Uint8Array): unknown {
  let result: unknown;
  const parser = new StreamParser({ paths: ["$"] });
  parser.onValue = ({ value }) => result = value;
  parser.write(bytes);
  return result;
}

function parseJsonparse(text: string): unknown {
  // deno-lint-ignore no-explicit-any
  const parser: any = new JsonParse();
  let result: unknown;
  parser.onValue = function (value: unknown) {
    if (this.stack.length === 0) result = value;
  };
  parser.write(text);
  return result;
}

for (const name of ["twitter", "citm_catalog", "canada"]) {
  const bytes = Deno.readFileSync(`${SUITES}/json/bench/${name}.json`);
  const text = new TextDecoder().decode(bytes);
  const value = JSON.parse(text);
  const group = `json parse ${name}`;

  Deno.bench({ name: "groundwork", group, baseline: true, fn: () => void parse(text) });
  Deno.bench({ name: "JSON.parse", group, fn: () => void JSON.parse(text) });
  Deno.bench({ name: "@streamparser/json", group, fn: () => void parseStreamparser(bytes) });
  Deno.bench({ name: "jsonc-parser", group, fn: () => void parseJsonc(text) });
  Deno.bench({ name: "lossless-json", group, fn: () => void parseLossless(text, null, Number) });
  Deno.bench({ name: "json-bigint", group, fn: () => void JsonBigint.parse(text) });
  Deno.bench({ name: "clarinet", group, fn: () => void parseClarinet(text) });
  Deno.bench({ name: "json5", group, fn: () => void json5.parse(text) });
  Deno.bench({ name: "jsonparse", group, fn: () => void parseJsonparse(text) });

  const fromBytes = `json parse ${name} from bytes`;
  Deno.bench({
    name: "groundwork",
    group: fromBytes,
    baseline: true,
    fn: () => void parse(bytes),
  });
  Deno.bench({
    name: "TextDecoder and JSON.parse",
    group: fromBytes,
    fn: () => void JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
  });

  const writing = `json stringify ${name}`;
  Deno.bench({
    name: "groundwork",
    group: writing,
    baseline: true,
    fn: () => void stringify(value),
  });
  Deno.bench({ name: "JSON.stringify", group: writing, fn: () => void JSON.stringify(value) });
}
