/**
 * `git notes`: text attached to objects.
 *
 * @module
 */
import { type ByteString, fromByteString, toByteString } from "../_bytes.ts";
import { nativePath, readFileIfAny } from "../_files.ts";
import type { ObjectId } from "../hash_algorithm.ts";
import { findNote, listNotes, writeNotes } from "../notes.ts";
import { formatCommit } from "../objects.ts";
import { peelTo, readBlob } from "../object_store.ts";
import { type Cli, die, Exit } from "./_context.ts";
import { defaultNotesRef } from "./_log_tree.ts";
import { type Options, parseOptions } from "./_options.ts";

const USAGE =
  "git notes [--ref <notes-ref>] [list | add | copy | append | edit | show | remove | prune | get-ref]";

/** The text that `-m`, `-F`, `-c` and `-C` give, paragraphs apart; `undefined` without any. */
function messageOf(cli: Cli, o: Options): ByteString | undefined {
  const parts: ByteString[] = [];
  for (const [key, value] of o.order) {
    if (typeof value !== "string") continue;
    if (key === "message") parts.push(clean(value));
    else if (key === "file") {
      const data = value === "-" ? cli.readStdin() : readFileIfAny(cli.fileArgument(value)) ??
        die(`could not open or read '${value}'`);
      parts.push(clean(toByteString(data)));
    } else if (key === "reuse-message" || key === "reedit-message") {
      const id = cli.tryRevision(value) ?? die(`failed to resolve '${value}' as a valid ref.`);
      parts.push(toByteString(readBlob(cli.repo.objects, id)));
    }
  }
  return parts.length === 0 ? undefined : parts.join("\n");
}

function clean(text: ByteString): ByteString {
  const lines = text.split("\n").map((line) => line.replace(/[\t\v\f\r ]+$/, ""));
  const body = lines.join("\n").replace(/^\n+/, "").replace(/\n{3,}/g, "\n\n").replace(/\n+$/, "");
  return body === "" ? "" : `${body}\n`;
}

/** `git notes` */
export function notesCommand(cli: Cli, args: ByteString[]): number {
  const { repo } = cli;
  const outer = parseOptions(cli, args, "ref=", USAGE, { stopAtArgument: true });
  const given = outer.text("ref");
  const ref = given === undefined
    ? defaultNotesRef(cli)
    : given.startsWith("refs/notes/")
    ? given
    : given.startsWith("notes/")
    ? `refs/${given}`
    : `refs/notes/${given}`;
  const [command = "list", ...rest] = outer.rest;
  const store = repo.objects;
  const tip = repo.refs.id(ref);
  const tree = tip === undefined ? undefined : peelTo(store, tip, "tree");
  const object = (name: ByteString | undefined): ObjectId =>
    cli.tryRevision(name ?? "HEAD") ?? die(`failed to resolve '${name ?? "HEAD"}' as a valid ref.`);
  const save = (notes: ReadonlyMap<ObjectId, ObjectId>, message: ByteString): void => {
    if (!ref.startsWith("refs/notes/")) {
      die(`refusing to ${command} notes in ${ref} (outside of refs/notes/)`);
    }
    const commit = store.write(
      "commit",
      formatCommit({
        tree: writeNotes(store, notes),
        parents: tip === undefined ? [] : [peelTo(store, tip, "commit")!],
        author: cli.ident("author"),
        committer: cli.ident("committer"),
        extra: [],
        message: `${message}\n`,
      }),
    );
    repo.refs.update({
      name: ref,
      newId: commit,
      oldId: tip ?? repo.algorithm.zero,
      message: `notes: ${message}`,
    });
  };
  const edited = (target: ObjectId, text: ByteString): ByteString => {
    const path = `${repo.paths.gitDir}/NOTES_EDITMSG`;
    Deno.writeFileSync(
      nativePath(path),
      fromByteString(
        `${text}\n#\n# Write/edit the notes for the following object:\n#\n# ${target}\n`,
      ),
    );
    cli.edit(path);
    const result = toByteString(readFileIfAny(path) ?? new Uint8Array(0)).split("\n").filter((
      line,
    ) => !line.startsWith("#")).join("\n");
    Deno.removeSync(nativePath(path));
    return clean(result);
  };
  const put = (target: ObjectId, text: ByteString, word: string, allowEmpty: boolean): void => {
    const notes = new Map(listNotes(store, tree));
    if (text === "" && !allowEmpty) {
      cli.err(`Removing note for object ${target}\n`);
      notes.delete(target);
      save(notes, `Notes removed by 'git notes ${word}'`);
      return;
    }
    notes.set(target, store.write("blob", fromByteString(text)));
    save(notes, `Notes added by 'git notes ${word}'`);
  };
  const specs =
    "m,message* F,file* c,reedit-message* C,reuse-message* f,force allow-empty stdin ignore-missing n,dry-run v,verbose";
  const o = parseOptions(cli, rest, specs, USAGE);
  switch (command) {
    case "list": {
      if (o.rest.length === 0) {
        for (const [id, note] of listNotes(store, tree)) cli.out(`${note} ${id}\n`);
        return 0;
      }
      const id = object(o.rest[0]);
      const note = findNote(store, tree, id);
      if (note === undefined) return cli.error(`no note found for object ${id}.`);
      cli.out(`${note}\n`);
      return 0;
    }
    case "show": {
      const id = object(o.rest[0]);
      const note = findNote(store, tree, id);
      if (note === undefined) return cli.error(`no note found for object ${id}.`);
      cli.out(readBlob(store, note));
      return 0;
    }
    case "get-ref":
      cli.out(`${ref}\n`);
      return 0;
    case "add":
    case "append":
    case "edit": {
      const id = object(o.rest[0]);
      const note = findNote(store, tree, id);
      const before = note === undefined ? "" : toByteString(readBlob(store, note));
      let text = messageOf(cli, o);
      if (command === "add" && note !== undefined && !o.flag("force")) {
        if (text !== undefined) {
          return cli.error(
            `Cannot add notes. Found existing notes for object ${id}. Use '-f' to overwrite existing notes`,
          );
        }
      }
      if (command === "append") {
        text ??= edited(id, "");
        text = before === "" ? text : `${before}\n${text}`;
      } else if (text === undefined) text = edited(id, before);
      else if (o.list("reedit-message").length > 0) text = edited(id, text);
      put(id, text, command, o.flag("allow-empty"));
      return 0;
    }
    case "copy": {
      const from = object(o.rest[0]), to = object(o.rest[1]);
      const note = findNote(store, tree, from);
      if (note === undefined) {
        return cli.error(`missing notes on source object ${from}. Cannot copy.`);
      }
      const notes = new Map(listNotes(store, tree));
      if (notes.has(to) && !o.flag("force")) {
        return cli.error(
          `Cannot copy notes. Found existing notes for object ${to}. Use '-f' to overwrite existing notes`,
        );
      }
      notes.set(to, note);
      save(notes, "Notes added by 'git notes copy'");
      return 0;
    }
    case "remove": {
      const notes = new Map(listNotes(store, tree));
      const names = o.flag("stdin") ? [...cli.stdinLines()] : o.rest.length > 0 ? o.rest : ["HEAD"];
      let missing = false;
      for (const name of names) {
        const id = object(name);
        if (notes.delete(id)) cli.err(`Removing note for object ${name}\n`);
        else {
          cli.err(`Object ${name} has no note\n`);
          missing = true;
        }
      }
      if (missing && !o.flag("ignore-missing")) return 1;
      save(notes, "Notes removed by 'git notes remove'");
      return 0;
    }
    case "prune": {
      const notes = new Map(listNotes(store, tree));
      let pruned = false;
      for (const id of [...notes.keys()]) {
        if (store.has(id)) continue;
        if (o.flag("verbose") || o.flag("dry-run")) cli.out(`${id}\n`);
        notes.delete(id);
        pruned = true;
      }
      if (pruned && !o.flag("dry-run")) save(notes, "Notes removed by 'git notes prune'");
      return 0;
    }
    default:
      throw new Exit(129, `error: unknown subcommand: \`${command}'\nusage: ${USAGE}\n`);
  }
}
