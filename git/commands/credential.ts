/**
 * `credential`: user names and passwords from helpers or from the user, for programs that need
 * them; and `credential-store`, the helper that keeps them in a file.
 *
 * @module
 */
import { type ByteString, decodeText, encodeText, fromByteString } from "../_bytes.ts";
import { nativePath, readTextIfAny } from "../_files.ts";
import { LockFile } from "../lock_file.ts";
import { CommandCredentials } from "./_connect.ts";
import { type Cli, die } from "./_context.ts";
import { parseOptions, usageError } from "./_options.ts";

/** What is known of one credential, `key=value` a line. */
type Attributes = Map<string, string>;

/** The most lines that are read. */
const MAX_LINES = 1000;

function readAttributes(cli: Cli): Attributes {
  const out: Attributes = new Map();
  let lines = 0;
  for (const raw of cli.stdinLines()) {
    const line = decodeText(raw.replace(/\r$/, ""));
    if (line === "" || ++lines > MAX_LINES) break;
    const equals = line.indexOf("=");
    if (equals < 0) die(`invalid credential line: ${encodeText(line)}`);
    const key = line.slice(0, equals), value = line.slice(equals + 1);
    if (key === "url") readUrl(out, value);
    else out.set(key, value);
  }
  return out;
}

function readUrl(out: Attributes, text: string): void {
  const match = /^([^:/?#]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]*)(?:\/(.*))?$/s.exec(text);
  if (match === null) die(`credential url cannot be parsed: ${encodeText(text)}`);
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  for (const key of ["protocol", "host", "path", "username", "password"]) out.delete(key);
  const [, protocol, username, password, host, path] = match;
  out.set("protocol", protocol!);
  out.set("host", decode(host!));
  if (username !== undefined) out.set("username", decode(username));
  if (password !== undefined) out.set("password", decode(password));
  if (path !== undefined && path !== "") out.set("path", decode(path).replace(/\/+$/, ""));
  if ([...out.values()].some((value) => /[\n\0]/.test(value))) {
    die("credential url contains a newline");
  }
}

function urlOf(attributes: Attributes): URL {
  const protocol = attributes.get("protocol"), host = attributes.get("host");
  if (protocol === undefined || protocol === "") {
    die("refusing to work with credential missing protocol field");
  }
  if (host === undefined) die("refusing to work with credential missing host field");
  try {
    return new URL(`${protocol}://${host}/${attributes.get("path") ?? ""}`);
  } catch {
    die(`not an address: ${encodeText(`${protocol}://${host}`)}`);
  }
}

/** `git credential (fill|approve|reject)` */
export async function credentialCommand(cli: Cli, args: ByteString[]): Promise<number> {
  const usage = "git credential (fill|approve|reject)";
  const o = parseOptions(cli, args, "", usage);
  const action = o.rest[0];
  if (o.rest.length !== 1 || !/^(fill|approve|reject)$/.test(action!)) throw usageError("", usage);
  const attributes = readAttributes(cli);
  const url = urlOf(attributes);
  const source = new CommandCredentials(cli, cli.config);
  const username = attributes.get("username"), password = attributes.get("password");
  if (action === "fill") {
    const found = username !== undefined && password !== undefined
      ? { username, password }
      : await source.fill(url, username);
    if (found === undefined) {
      die(
        `could not read ${username === undefined ? "Username" : "Password"} for '${
          encodeText(`${url.protocol}//${username === undefined ? "" : `${username}@`}${url.host}`)
        }': terminal prompts disabled`,
      );
    }
    const http = /^https?:$/.test(url.protocol);
    const keepPath = !http || source.usesPath(url);
    const path = attributes.get("path");
    const lines = [
      `protocol=${attributes.get("protocol")}`,
      `host=${attributes.get("host")}`,
      ...(path !== undefined && keepPath ? [`path=${path}`] : []),
      `username=${found.username}`,
      `password=${found.password}`,
    ];
    cli.out(encodeText(lines.map((line) => `${line}\n`).join("")));
    return 0;
  }
  if (username === undefined || password === undefined) {
    if (action === "reject") await source.reject(url, { username: username ?? "", password: "" });
    return 0;
  }
  if (action === "approve") await source.approve(url, { username, password });
  else await source.reject(url, { username, password });
  return 0;
}

/** Percent escapes for all but the unreserved characters of RFC 3986. */
function escapePart(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16)}`,
  ).replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

/** `git credential-store (get|store|erase)` */
export function credentialStore(cli: Cli, args: ByteString[]): number {
  const usage = "git credential-store [<options>] <action>";
  const o = parseOptions(cli, args, "file=", usage);
  const action = o.rest[0];
  if (o.rest.length !== 1) throw usageError("", usage);
  const wanted = readAttributes(cli);
  const home = cli.env.get("HOME");
  const given = o.text("file");
  const xdg = cli.env.get("XDG_CONFIG_HOME") ??
    (home === undefined ? undefined : `${home}/.config`);
  const files = given !== undefined ? [cli.fileArgument(given)] : [
    ...(home === undefined ? [] : [`${home}/.git-credentials`]),
    ...(xdg === undefined ? [] : [`${xdg}/git/credentials`]),
  ];
  if (files.length === 0) die("unable to set up default path; use --file");
  const parse = (line: string): Attributes | undefined => {
    const known: Attributes = new Map();
    if (!/^[^:/?#]+:\/\/[^:@/]*:[^@/]*@/.test(line)) return undefined;
    readUrl(known, line);
    return known;
  };
  const matches = (known: Attributes, keys: string[]): boolean =>
    keys.every((key) => !wanted.has(key) || wanted.get(key) === known.get(key));
  const linesOf = (file: ByteString): string[] =>
    decodeText(readTextIfAny(file) ?? "").split("\n").filter((line) => line !== "");
  if (action === "get") {
    for (const file of files) {
      for (const line of linesOf(file)) {
        const known = parse(line);
        if (known === undefined || !matches(known, ["protocol", "host", "path", "username"])) {
          continue;
        }
        cli.out(
          encodeText(`username=${known.get("username")}\npassword=${known.get("password")}\n`),
        );
        return 0;
      }
    }
    return 0;
  }
  if (action !== "store" && action !== "erase") return 0;
  const complete = ["protocol", "username", "password"].every((key) => wanted.has(key)) &&
    (wanted.has("host") || wanted.has("path"));
  if (action === "store" && !complete) return 0;
  if (
    action === "erase" && !["protocol", "host", "path", "username"].some((key) => wanted.has(key))
  ) {
    return 0;
  }
  const existing = files.filter((file) => readTextIfAny(file) !== undefined);
  const targets = existing.length === 0 ? (action === "store" ? [files[0]!] : []) : existing;
  targets.forEach((file, i) => {
    const kept = linesOf(file).filter((line) => {
      const known = parse(line);
      return known === undefined || !matches(known, ["protocol", "host", "path", "username"]);
    });
    if (action === "store" && i === 0) {
      const part = (key: string): string => escapePart(wanted.get(key) ?? "");
      const path = wanted.get("path");
      kept.unshift(
        `${wanted.get("protocol")}://${part("username")}:${part("password")}@${part("host")}${
          path === undefined ? "" : `/${path.split("/").map(escapePart).join("/")}`
        }`,
      );
    }
    using lock = LockFile.take(file, 1000, 0o600);
    lock.write(fromByteString(encodeText(kept.map((line) => `${line}\n`).join(""))));
    lock.close();
    Deno.chmodSync(nativePath(`${file}.lock`), 0o600);
    lock.commit();
  });
  return 0;
}
