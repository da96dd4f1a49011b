/**
 * Who writes a commit: environment, configuration, then the account.
 *
 * @module
 */
import { type ByteString, encodeText } from "./_bytes.ts";
import { readTextIfAny } from "./_files.ts";
import type { Config } from "./config.ts";
import { currentTime, localZone, parseDate } from "./date.ts";
import { GitError } from "./errors.ts";

/** Environment variables as byte strings. */
export interface Environment {
  /** The value, or `undefined`. */
  get(name: string): ByteString | undefined;
}

/** Drops what may not be in a name or address: angle brackets, line feeds, crud at the ends. */
export function cleanIdent(text: ByteString): ByteString {
  // deno-lint-ignore no-control-regex
  return text.replace(/^[\x00-\x20.,:;<>"\\']+|[\x00-\x20.,:;<>"\\']+$/g, "").replace(
    /[<>\n]/g,
    "",
  );
}

function account(environment: Environment): { name: ByteString; user: ByteString } {
  let uid = 0;
  try {
    uid = Deno.uid() ?? 0;
  } catch { /* Not permitted: the environment has to do. */ }
  let text: string | undefined;
  try {
    text = readTextIfAny("/etc/passwd");
  } catch { /* Not readable. */ }
  for (const line of (text ?? "").split("\n")) {
    const fields = line.split(":");
    if (Number(fields[2]) === uid && fields.length > 4) {
      const user = fields[0]!;
      const gecos = fields[4]!.split(",")[0]!;
      return { user, name: gecos.replaceAll("&", user.charAt(0).toUpperCase() + user.slice(1)) };
    }
  }
  const user = environment.get("USER") ?? environment.get("LOGNAME") ?? "";
  return { user, name: user };
}

/** Options of {@linkcode identity}. */
export interface IdentityOptions {
  /** Fail rather than guess. */
  strict?: boolean;
  /** Seconds since 1970 to use when the environment gives no date. */
  now?: number;
  /** A date that replaces the environment's. */
  date?: ByteString | undefined;
  /** A name that replaces the environment's. */
  name?: ByteString | undefined;
  /** An address that replaces the environment's. */
  email?: ByteString | undefined;
}

/** `Name <mail> seconds zone` for the author or committer. Throws `GitError` ("invalid"). */
export function identity(
  role: "author" | "committer",
  config: Config,
  environment: Environment,
  options: IdentityOptions = {},
): ByteString {
  const prefix = role === "author" ? "GIT_AUTHOR" : "GIT_COMMITTER";
  let name = options.name ?? environment.get(`${prefix}_NAME`);
  let email = options.email ?? environment.get(`${prefix}_EMAIL`);
  const configOnly = config.bool("user.useconfigonly", false);
  name ??= config.get(`${role}.name`) ?? config.get("user.name");
  email ??= config.get(`${role}.email`) ?? config.get("user.email") ?? environment.get("EMAIL");
  const hint =
    '\n*** Please tell me who you are.\n\nRun\n\n  git config --global user.email "you@example.com"\n  git config --global user.name "Your Name"\n\nto set your account\'s default identity.\nOmit --global to set the identity only in this repository.\n\n';
  if (name === undefined) {
    if (options.strict !== false && configOnly) {
      throw new GitError(
        "invalid",
        `${hint}fatal: no name was given and auto-detection is disabled`,
      );
    }
    name = account(environment).name;
  }
  if (email === undefined || email === "") {
    if (options.strict !== false && configOnly && email === undefined) {
      throw new GitError(
        "invalid",
        `${hint}fatal: no email was given and auto-detection is disabled`,
      );
    }
    if (email === undefined) {
      const { user } = account(environment);
      let host = "localhost";
      try {
        host = encodeText(Deno.hostname());
      } catch { /* Not permitted. */ }
      email = `${user}@${host.includes(".") ? host : `${host}.(none)`}`;
      if (options.strict !== false && email.endsWith(".(none)")) {
        throw new GitError(
          "invalid",
          `${hint}fatal: unable to auto-detect email address (got '${email}')`,
        );
      }
    }
  }
  const cleanName = cleanIdent(name);
  const cleanEmail = cleanIdent(email);
  if (options.strict !== false && cleanName === "") {
    if (name === "") {
      throw new GitError(
        "invalid",
        `${hint}fatal: empty ident name (for <${cleanEmail}>) not allowed`,
      );
    }
    throw new GitError("invalid", `name consists only of disallowed characters: ${name}`);
  }
  const dateText = options.date ?? environment.get(`${prefix}_DATE`);
  const now = options.now ?? currentTime(environment.get("GIT_TEST_DATE_NOW"));
  let date = `${now} ${localZone(now)}`;
  if (dateText !== undefined && dateText !== "") {
    const parsed = parseDate(dateText, now);
    if (parsed === undefined) throw new GitError("invalid", `invalid date format: ${dateText}`);
    date = `${parsed.time} ${parsed.zone}`;
  }
  return `${cleanName} <${cleanEmail}> ${date}`;
}
