/**
 * The mailmap (gitmailmap): proper names and addresses for those that commits carry.
 *
 * @module
 */
import { type ByteString, toByteString, trimSpace } from "./_bytes.ts";
import { readTextIfAny } from "./_files.ts";
import { expandHome } from "./config.ts";
import type { Repository } from "./repository.ts";
import { resolveRevision } from "./revision.ts";

interface Proper {
  name: ByteString | undefined;
  email: ByteString | undefined;
}

interface Entry {
  /** For any name with the address. */
  any: Proper | undefined;
  /** By lower-case name. */
  byName: Map<ByteString, Proper>;
}

/** Takes `name <email>` off the start of a line; `undefined` when it has none. */
function parsePerson(
  line: ByteString,
): { name: ByteString; email: ByteString; rest: ByteString } | undefined {
  const open = line.indexOf("<");
  const close = open < 0 ? -1 : line.indexOf(">", open);
  if (close < 0) return undefined;
  return {
    name: trimSpace(line.slice(0, open)),
    email: line.slice(open + 1, close),
    rest: line.slice(close + 1),
  };
}

/** A mapping of names and addresses. */
export class Mailmap {
  readonly #entries = new Map<ByteString, Entry>();

  /** Whether it maps nothing. */
  get empty(): boolean {
    return this.#entries.size === 0;
  }

  /** Adds the lines of a mailmap file; later lines win. */
  add(text: ByteString): void {
    for (const line of text.split("\n")) {
      if (line.startsWith("#")) continue;
      const first = parsePerson(line);
      if (first === undefined || first.email === "") continue;
      const second = parsePerson(first.rest);
      const name = first.name === "" ? undefined : first.name;
      const oldEmail = (second ?? first).email.toLowerCase();
      const proper: Proper = { name, email: second === undefined ? undefined : first.email };
      const oldName = second === undefined || second.name === "" ? undefined : second.name;
      let entry = this.#entries.get(oldEmail);
      if (entry === undefined) {
        this.#entries.set(oldEmail, entry = { any: undefined, byName: new Map() });
      }
      if (oldName === undefined) {
        entry.any = {
          name: proper.name ?? entry.any?.name,
          email: proper.email ?? entry.any?.email,
        };
      } else entry.byName.set(oldName.toLowerCase(), proper);
    }
  }

  /** The proper name and address. */
  lookup(name: ByteString, email: ByteString): { name: ByteString; email: ByteString } {
    const entry = this.#entries.get(email.toLowerCase());
    const found = entry?.byName.get(name.toLowerCase()) ?? entry?.any;
    return { name: found?.name ?? name, email: found?.email ?? email };
  }

  /** Maps the name and address of an identity line, and leaves the rest. */
  mapLine(line: ByteString): ByteString {
    const match = /^(.*?) ?<([^>]*)>(.*)$/s.exec(line);
    if (match === null) return line;
    const { name, email } = this.lookup(match[1]!, match[2]!);
    return `${name} <${email}>${match[3]}`;
  }
}

/** Reads `.mailmap`, `mailmap.blob` and `mailmap.file` of a repository. */
export function readMailmap(repository: Repository): Mailmap {
  const map = new Mailmap();
  const { config } = repository;
  if (!repository.bare) {
    const text = readTextIfAny(repository.worktreePath(".mailmap"));
    if (text !== undefined) map.add(text);
  }
  const blob = config.get("mailmap.blob") ?? (repository.bare ? "HEAD:.mailmap" : undefined);
  if (blob !== undefined) {
    const id = resolveRevision(repository, blob);
    const object = id === undefined ? undefined : repository.objects.read(id);
    if (object?.type === "blob") map.add(toByteString(object.data));
  }
  const file = config.get("mailmap.file");
  if (file !== undefined) {
    const text = readTextIfAny(expandHome(file, repository.environment.get("HOME")));
    if (text !== undefined) map.add(text);
  }
  return map;
}
