/**
 * Between a file in the worktree and its blob: line endings and filters.
 *
 * @module
 */
import { type ByteString, decodeText } from "./_bytes.ts";
import { Attributes, type AttributeValue } from "./attributes.ts";
import { expandHome } from "./config.ts";
import { GitError } from "./errors.ts";
import type { Repository } from "./repository.ts";

const cache = new WeakMap<Repository, Attributes>();

/** Attributes of a repository's paths. */
export function attributesOf(repository: Repository): Attributes {
  let attributes = cache.get(repository);
  if (attributes === undefined) {
    const home = repository.environment.get("HOME");
    const configured = repository.config.get("core.attributesfile");
    const xdg = repository.environment.get("XDG_CONFIG_HOME") ||
      (home === undefined ? undefined : `${home}/.config`);
    const path = configured === undefined
      ? (xdg === undefined ? undefined : `${xdg}/git/attributes`)
      : expandHome(configured, home);
    attributes = Attributes.ofWorktree(
      repository.paths.workTree ?? "/nonexistent",
      repository.paths.commonDir,
      path,
    );
    cache.set(repository, attributes);
  }
  return attributes;
}

interface Conversion {
  /** `text`: convert; `auto`: convert when it looks like text; `none`. */
  text: "text" | "auto" | "none";
  /** Line ends in the worktree. */
  crlf: boolean;
  filter: ByteString | undefined;
  ident: boolean;
}

function conversion(repository: Repository, path: ByteString): Conversion {
  const attributes = attributesOf(repository).get(path);
  const { config } = repository;
  let text: AttributeValue | undefined = attributes.get("text");
  const old = attributes.get("crlf");
  if (text === undefined && old !== undefined) text = old === "input" ? true : old;
  const eol = attributes.get("eol");
  const autoCrlf = config.entry("core.autocrlf")?.value?.toLowerCase();
  const auto = autoCrlf === "input"
    ? "input"
    : config.entry("core.autocrlf") !== undefined && autoCrlf !== "input" &&
        config.bool("core.autocrlf", false)
    ? "true"
    : "false";
  const coreEol = config.get("core.eol");
  let kind: Conversion["text"] = "none";
  let crlf = false;
  if (text === true || (text === undefined && (eol === "lf" || eol === "crlf"))) kind = "text";
  else if (text === "auto") kind = "auto";
  else if (text === undefined && auto !== "false") kind = "auto";
  if (kind !== "none") {
    if (eol === "crlf") crlf = true;
    else if (eol === "lf") crlf = false;
    else if (old === "input") crlf = false;
    else if (auto === "true") crlf = true;
    else if (auto === "input") crlf = false;
    else crlf = coreEol === "crlf";
  }
  const filter = attributes.get("filter");
  return {
    text: kind,
    crlf,
    filter: typeof filter === "string" ? filter : undefined,
    ident: attributes.get("ident") === true,
  };
}

function looksBinary(data: Uint8Array): boolean {
  let odd = 0, printable = 0, loneCr = 0;
  for (let i = 0; i < data.length; i++) {
    const c = data[i]!;
    if (c === 13) {
      if (data[i + 1] !== 10) loneCr++;
      continue;
    }
    if (c === 10) continue;
    if (c === 127) odd++;
    else if (c < 32) {
      if (c === 8 || c === 9 || c === 27 || c === 12) printable++;
      else if (c === 0) return true;
      else odd++;
    } else printable++;
  }
  if (data.length > 0 && data[data.length - 1] === 26) odd--;
  return loneCr > 0 || (printable >> 7) < odd;
}

function runFilter(
  repository: Repository,
  command: ByteString,
  path: ByteString,
  data: Uint8Array,
): Uint8Array | undefined {
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const text = command.replace(/%([f%])/g, (_, c: string) => (c === "f" ? quoted : "%"));
  const input = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(input, data);
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", `{ ${decodeText(text)}\n} <"$GIT_FILTER_INPUT"`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      env: { GIT_FILTER_INPUT: input },
      ...(repository.paths.workTree === undefined
        ? {}
        : { cwd: decodeText(repository.paths.workTree) }),
    });
    const { success, stdout } = child.outputSync();
    return success ? stdout : undefined;
  } finally {
    Deno.removeSync(input);
  }
}

function applyFilter(
  repository: Repository,
  conv: Conversion,
  direction: "clean" | "smudge",
  path: ByteString,
  data: Uint8Array,
): Uint8Array {
  if (conv.filter === undefined) return data;
  const command = repository.config.get(`filter.${conv.filter}.${direction}`);
  if (command === undefined || command === "") {
    if (repository.config.bool(`filter.${conv.filter}.required`, false)) {
      throw new GitError("invalid", `${path}: ${direction} filter '${conv.filter}' failed`);
    }
    return data;
  }
  const out = runFilter(repository, command, path, data);
  if (out === undefined) {
    if (repository.config.bool(`filter.${conv.filter}.required`, false)) {
      throw new GitError("invalid", `${path}: ${direction} filter '${conv.filter}' failed`);
    }
    return data;
  }
  return out;
}

/** The blob content for what a file in the worktree holds. */
export function cleanWorktreeContent(
  repository: Repository,
  path: ByteString,
  data: Uint8Array,
  options: { renormalize?: boolean } = {},
): Uint8Array {
  const conv = conversion(repository, path);
  let out = applyFilter(repository, conv, "clean", path, data);
  if (conv.text !== "none" && out.includes(13)) {
    let convert = true;
    if (conv.text === "auto") {
      if (looksBinary(out)) convert = false;
      else if (!options.renormalize) {
        // A blob that already has CR LF in the index is left as it is.
        const entry = repository.readIndex().get(path);
        const known = entry === undefined ? undefined : repository.objects.read(entry.id)?.data;
        if (known !== undefined && hasCrLf(known)) convert = false;
      }
    }
    if (convert) out = dropCr(out);
  }
  if (conv.ident) {
    const text = Array.from(out, (c) => String.fromCharCode(c)).join("");
    const fixed = text.replace(/\$Id:[^$\n]*\$/g, "$$Id$$");
    if (fixed !== text) out = Uint8Array.from(fixed, (c) => c.charCodeAt(0));
  }
  return out;
}

function hasCrLf(data: Uint8Array): boolean {
  for (let at = data.indexOf(13); at >= 0; at = data.indexOf(13, at + 1)) {
    if (data[at + 1] === 10) return true;
  }
  return false;
}

function dropCr(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length);
  let n = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 13 && data[i + 1] === 10) continue;
    out[n++] = data[i]!;
  }
  return out.subarray(0, n);
}

/** What a blob becomes in the worktree. */
export function smudgeContent(
  repository: Repository,
  path: ByteString,
  data: Uint8Array,
): Uint8Array {
  const conv = conversion(repository, path);
  let out = data;
  if (conv.text !== "none" && conv.crlf && out.includes(10)) {
    const skip = conv.text === "auto" && (hasCrLf(out) || looksBinary(out));
    if (!skip) {
      const wide = new Uint8Array(out.length * 2);
      let n = 0;
      for (let i = 0; i < out.length; i++) {
        if (out[i] === 10 && out[i - 1] !== 13) wide[n++] = 13;
        wide[n++] = out[i]!;
      }
      out = wide.subarray(0, n);
    }
  }
  return applyFilter(repository, conv, "smudge", path, out);
}
