/**
 * The serving side of push: objects go into a quarantine directory, are checked and connected,
 * then moved into place before any ref changes.
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText, fromByteString } from "./_bytes.ts";
import {
  listDirectory,
  makeDirectories,
  nativePath,
  syncDirectory,
  temporaryName,
} from "./_files.ts";
import { findUnconnected } from "./connectivity.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { isAncestor, setShallow, shallowCommits } from "./merge_base.ts";
import { isHex } from "./objects.ts";
import { PackReceiver } from "./pack_receiver.ts";
import { PacketStream } from "./packet_stream.ts";
import { FLUSH, packet, sideBand } from "./pkt_line.ts";
import { isRefName } from "./ref_name.ts";
import type { Repository } from "./repository.ts";

/** One ref that a push wants to change. */
export interface PushCommand {
  /** The ref. */
  readonly name: ByteString;
  /** What the client believes it is; zeros for "does not exist". */
  readonly oldId: ObjectId;
  /** What it should be; zeros to delete it. */
  readonly newId: ObjectId;
}

/** What a callback of a push is told. */
export interface PushContext {
  /** Options the client sent along (`git push -o`). */
  readonly options: readonly ByteString[];
  /** Where the objects of the push are until it is accepted. */
  readonly quarantine: ByteString;
  /** Shows text to the client (lines, each with its line feed). */
  say(text: ByteString): void;
}

/** What a callback answers: a text refuses. */
export type PushVerdict = string | undefined;

/** Callbacks and limits of a push. */
export interface ReceivePackOptions {
  /** Called before refs change; a text refuses everything. */
  preReceive?: (
    commands: readonly PushCommand[],
    context: PushContext,
  ) => PushVerdict | Promise<PushVerdict>;
  /** Called for each ref; a text refuses it. */
  update?: (
    command: PushCommand,
    context: PushContext,
  ) => PushVerdict | Promise<PushVerdict>;
  /** Called after refs changed. */
  postReceive?: (commands: readonly PushCommand[], context: PushContext) => void | Promise<void>;
  /** Called for a branch that is checked out where `receive.denyCurrentBranch` is `updateInstead`; a text refuses it. */
  updateWorktree?: (command: PushCommand) => string | undefined;
  /** Largest pack (bytes). Default: the setting `receive.maxInputSize`, else 2 GiB less one. */
  maxPackSize?: number;
  /** Most objects in a pack. Default no limit. */
  maxObjects?: number;
  /** Largest object in a pack (bytes). Default about 2 GiB. */
  maxObjectSize?: number;
  /** Most refs in one push. Default 1,000,000. */
  maxCommands?: number;
  /** Packs with fewer objects become loose objects. Default 0: never. */
  unpackLimit?: number;
  /** Refs that may not be changed. */
  hideRef?: (name: ByteString) => boolean;
  /** Refuse objects that are malformed. Default: the setting `receive.fsckObjects`. */
  strict?: boolean;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** Most ref commands in one push unless the options say otherwise. */
const MAX_COMMANDS = 1_000_000;
/** Most options of a push, and ends of a shallow history. */
const MAX_OPTIONS = 10_000;
const MAX_SHALLOW = 1_000_000;
/** While objects are checked, a sign of life is sent this often. */
const KEEP_ALIVE_MS = 5000;
/** Refs that change in one transaction where a push does not ask for more. */
const REFS_AT_A_TIME = 50;
/** An empty chunk: work goes on. */
const NOTHING = new Uint8Array(0);

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

/**
 * Answers one push; what it yields goes to the client. An empty chunk says that work goes on, so
 * that the caller can let others work.
 *
 * Throws `GitError` ("protocol", "limit") for requests that are not understood or too large before
 * the pack begins; what goes wrong later is reported to the client.
 */
export async function* receivePack(
  repository: Repository,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: ReceivePackOptions = {},
): AsyncGenerator<Uint8Array> {
  const { algorithm, config } = repository;
  const hex = algorithm.hexSize;
  const zero = algorithm.zero;
  const reader = new PacketStream(body instanceof Uint8Array ? once(body) : body);
  const commands: PushCommand[] = [];
  const shallow: ObjectId[] = [];
  let capabilities = new Set<string>();
  for (
    let line = await reader.line();
    line !== undefined && line !== "flush";
    line = await reader.line()
  ) {
    const nul = line.indexOf("\0");
    if (nul >= 0) capabilities = new Set(line.slice(nul + 1).trim().split(" "));
    const text = nul < 0 ? line : line.slice(0, nul);
    if (text.startsWith("shallow ")) {
      if (!isHex(text.slice(8), hex)) throw new GitError("protocol", `bad line '${text}'`);
      if (shallow.length >= MAX_SHALLOW) throw new GitError("limit", "too many shallow lines");
      shallow.push(text.slice(8));
      continue;
    }
    const oldId = text.slice(0, hex),
      newId = text.slice(hex + 1, 2 * hex + 1),
      name = text.slice(2 * hex + 2);
    if (!isHex(oldId, hex) || !isHex(newId, hex) || name === "") {
      throw new GitError("protocol", `expected a ref command, got '${text}'`);
    }
    if (commands.length >= (options.maxCommands ?? MAX_COMMANDS)) {
      throw new GitError("limit", "too many ref commands");
    }
    commands.push({ name, oldId, newId });
  }
  if (commands.length === 0) return;
  const pushOptions: ByteString[] = [];
  if (capabilities.has("push-options")) {
    for (
      let line = await reader.line();
      line !== undefined && line !== "flush";
      line = await reader.line()
    ) {
      if (pushOptions.length >= MAX_OPTIONS) throw new GitError("limit", "too many push options");
      pushOptions.push(line);
    }
  }
  const banded = capabilities.has("side-band-64k");
  let said: Uint8Array[] = [];
  const quarantine = temporaryName(`${repository.objects.directory}/tmp_objdir-incoming-`);
  const context: PushContext = {
    options: pushOptions,
    quarantine,
    say: (text) => {
      if (banded) said.push(...sideBand(2, fromByteString(text)));
    },
  };
  const drain = (): Uint8Array[] => {
    const out = said;
    said = [];
    return out;
  };
  const results = new Map<PushCommand, string | undefined>();
  const refuse = (command: PushCommand, why: string): void => void results.set(command, why);
  const skipped = new Set<PushCommand>();
  let unpack = "ok";
  try {
    if (commands.some((command) => command.newId !== zero)) {
      makeDirectories(`${quarantine}/pack`);
      try {
        const strict = options.strict ?? config.bool("receive.fsckobjects") ??
          config.bool("transfer.fsckobjects", false) ?? false;
        const maxSize = options.maxPackSize ?? (config.int("receive.maxinputsize") || 0x7fffffff);
        using loose = new FileObjectStore(quarantine, algorithm, {
          fsync: repository.fsync,
          alternates: repository.objects.directories(),
        });
        using receiver = new PackReceiver(quarantine, algorithm, {
          store: repository.objects,
          strict,
          maxSize,
          ...(options.maxObjects === undefined ? {} : { maxObjects: options.maxObjects }),
          ...(options.maxObjectSize === undefined ? {} : { maxObjectSize: options.maxObjectSize }),
          unpackLimit: options.unpackLimit ?? 0,
          unpackInto: loose,
          fsync: repository.fsync,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
        for await (const chunk of reader.rest()) receiver.write(chunk);
        if (receiver.size > 0) {
          let spoken = Date.now();
          const steps = receiver.finishSteps();
          for (let step = steps.next(); !step.done; step = steps.next()) {
            if (banded && Date.now() - spoken >= KEEP_ALIVE_MS) {
              spoken = Date.now();
              yield packet("\x01");
            } else yield NOTHING;
          }
        } else receiver.close();
        yield* checkConnected(repository, quarantine, commands, shallow, refuse, options.signal);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        unpack = error.message;
        // The client reads the answer once it has said everything.
        try {
          for await (const _ of reader.rest()) { /* Nothing of it is wanted. */ }
        } catch (late) {
          if (!(late instanceof GitError)) throw late;
        }
        for (const command of commands) {
          if (command.newId !== zero) refuse(command, "unpacker error");
        }
      }
    }
    for (const command of commands) {
      if (!results.has(command) && options.hideRef?.(command.name)) {
        refuse(
          command,
          command.newId === zero ? "deny deleting a hidden ref" : "deny updating a hidden ref",
        );
      }
    }
    const open = (): PushCommand[] => commands.filter((command) => !results.has(command));
    const atomic = capabilities.has("atomic");
    const failRest = (why: string): void => open().forEach((command) => refuse(command, why));
    if (atomic && results.size > 0) failRest("atomic push failure");
    const waiting = open();
    const refused = waiting.length === 0 ? undefined : await options.preReceive?.(
      waiting,
      context,
    );
    if (refused !== undefined) failRest(refused);
    yield* drain();
    if (open().some((command) => command.newId !== zero)) migrate(quarantine, repository);
    for (const command of open()) {
      const why = policy(repository, command, context) ??
        await options.update?.(command, context);
      if (why !== undefined) refuse(command, why);
    }
    yield* drain();
    if (atomic && results.size > 0) failRest("atomic push failure");
    const transact = (list: readonly PushCommand[]): void =>
      repository.refs.transaction(
        list.map((command) => ({
          name: command.name,
          newId: command.newId,
          ...(command.newId === zero && !repository.refs.exists(command.name)
            ? {}
            : { oldId: command.oldId }),
          message: "push",
        })),
      );
    const apply = (list: readonly PushCommand[]): void => {
      try {
        for (const command of list) {
          if (!isCheckedOut(repository, command.name)) continue;
          if (denyCurrent(repository) !== "updateinstead" || command.newId === zero) continue;
          const why = options.updateWorktree?.(command);
          if (why !== undefined) {
            refuse(command, why);
            return;
          }
        }
        transact(list);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        context.say(`error: ${error.message}\n`);
        for (const command of list) {
          refuse(
            command,
            atomic
              ? "transaction failed"
              : command.newId === zero
              ? "failed to delete"
              : "failed to update ref",
          );
        }
      }
    };
    refuseAliases(repository, open(), refuse, skipped);
    const list = open().filter((command) => !skipped.has(command));
    const absent = new Set<PushCommand>();
    for (const command of list) {
      if (command.newId === zero && !repository.refs.exists(command.name)) {
        absent.add(command);
        context.say(`warning: deleting a non-existent ref\n`);
      }
    }
    if (atomic && list.length > 0) apply(list);
    else {
      // Many at a time where nothing is in the way of any; else each for itself.
      for (let at = 0; at < list.length; at += REFS_AT_A_TIME) {
        const some = list.slice(at, at + REFS_AT_A_TIME);
        let done = false;
        if (some.length > 1 && !some.some(({ name }) => isCheckedOut(repository, name))) {
          try {
            transact(some);
            done = true;
          } catch (error) {
            if (!(error instanceof GitError)) throw error;
          }
        }
        if (!done) { for (const command of some) apply([command]); }
        yield NOTHING;
      }
    }
    const done = open().filter((command) => !absent.has(command));
    if (done.length > 0) await options.postReceive?.(done, context);
    yield* drain();
  } finally {
    await reader.close();
    try {
      Deno.removeSync(nativePath(quarantine), { recursive: true });
    } catch { /* It was never made. */ }
  }
  if (!capabilities.has("report-status") && !capabilities.has("report-status-v2")) {
    if (banded) yield FLUSH;
    return;
  }
  const report = concatBytes([
    packet(`unpack ${unpack}\n`),
    ...commands.map((command) =>
      packet(
        results.get(command) === undefined
          ? `ok ${command.name}\n`
          : `ng ${command.name} ${results.get(command)}\n`,
      )
    ),
    FLUSH,
  ]);
  if (banded) {
    yield* sideBand(1, report);
    yield FLUSH;
  } else yield report;
}

/**
 * A ref and a symbolic ref that leads to it may come in one push when they want the same; the
 * symbolic one is then left alone.
 */
function refuseAliases(
  repository: Repository,
  commands: readonly PushCommand[],
  refuse: (command: PushCommand, why: string) => void,
  skipped: Set<PushCommand>,
): void {
  const byName = new Map(commands.map((command) => [command.name, command]));
  for (const command of commands) {
    let target: ByteString | undefined;
    try {
      target = repository.refs.resolve(command.name)?.target;
    } catch {
      continue;
    }
    if (target === undefined || target === command.name) continue;
    const other = byName.get(target);
    if (other === undefined) continue;
    if (other.oldId === command.oldId && other.newId === command.newId) skipped.add(command);
    else {
      refuse(command, "inconsistent aliased update");
      refuse(other, "inconsistent aliased update");
    }
  }
}

/** Refuses commands whose objects are not all there. */
function* checkConnected(
  repository: Repository,
  quarantine: ByteString,
  commands: readonly PushCommand[],
  shallow: readonly ObjectId[],
  refuse: (command: PushCommand, why: string) => void,
  signal: AbortSignal | undefined,
): Generator<Uint8Array> {
  const zero = repository.algorithm.zero;
  using incoming = new FileObjectStore(quarantine, repository.algorithm, {
    alternates: repository.objects.directories(),
  });
  setShallow(incoming, shallowCommits(repository.objects));
  const known = repository.refs.list().filter((ref) =>
    !ref.broken && repository.objects.has(ref.id)
  ).map((ref) => ref.id);
  const settings = signal === undefined ? {} : { signal };
  const test = function* (list: readonly PushCommand[]): Generator<Uint8Array, boolean> {
    const walk = findUnconnected(incoming, list.map((one) => one.newId), known, settings);
    for (;;) {
      const next = walk.next();
      if (next.done) return next.value === undefined;
      yield NOTHING;
    }
  };
  const list = commands.filter((command) => command.newId !== zero);
  if (yield* test(list)) return;
  for (const command of list) {
    if (list.length > 1 && (yield* test([command]))) continue;
    refuse(
      command,
      shallow.length > 0 ? "shallow update not allowed" : "missing necessary objects",
    );
  }
}

function isCheckedOut(repository: Repository, name: ByteString): boolean {
  return !repository.bare && repository.headBranch() === name;
}

function denyCurrent(repository: Repository): string {
  const value = repository.config.entry("receive.denycurrentbranch")?.value?.toLowerCase();
  if (value === undefined || value === "refuse" || value === "true") return "refuse";
  return value === "false" ? "ignore" : value;
}

/** What the settings of the repository refuse. */
function policy(
  repository: Repository,
  command: PushCommand,
  context: PushContext,
): string | undefined {
  const { config } = repository;
  const zero = repository.algorithm.zero;
  const { name, oldId, newId } = command;
  if (!name.startsWith("refs/") || !isRefName(name.slice(5), { oneLevel: true })) {
    context.say(
      `error: refusing to ${newId === zero ? "delete" : "create"} funny ref '${name}' remotely\n`,
    );
    return "funny refname";
  }
  if (newId !== zero && isCheckedOut(repository, name)) {
    const mode = denyCurrent(repository);
    if (mode === "warn") context.say("warning: updating the current branch\n");
    else if (mode !== "ignore" && mode !== "updateinstead") {
      context.say(
        `error: refusing to update checked out branch: ${name}\n` +
          "error: its index and work tree would no longer match HEAD;\n" +
          "error: set 'receive.denyCurrentBranch' to 'ignore', 'warn' or 'updateInstead' to allow it.\n",
      );
      return "branch is currently checked out";
    }
  }
  if (newId !== zero && !repository.objects.has(newId)) return "bad pack";
  if (oldId !== zero && newId === zero && name.startsWith("refs/heads/")) {
    if (config.bool("receive.denydeletes", false)) {
      context.say(`error: denying ref deletion for ${name}\n`);
      return "deletion prohibited";
    }
    if (repository.headBranch() === name) {
      const mode = config.entry("receive.denydeletecurrent")?.value?.toLowerCase() ?? "refuse";
      if (mode === "warn") context.say("warning: deleting the current branch\n");
      else if (mode !== "ignore" && mode !== "false") {
        context.say(
          "error: by default, deleting the current branch is denied, because the next\n" +
            "error: clone would check nothing out; see 'receive.denyDeleteCurrent'.\n" +
            `error: refusing to delete the current branch: ${name}\n`,
        );
        return "deletion of the current branch prohibited";
      }
    }
  }
  if (
    config.bool("receive.denynonfastforwards", false) && oldId !== zero && newId !== zero &&
    name.startsWith("refs/heads/") &&
    !(repository.objects.has(oldId) && isAncestor(repository.objects, oldId, newId))
  ) {
    context.say(`error: denying non-fast-forward ${name} (you should pull first)\n`);
    return "non-fast-forward";
  }
  return undefined;
}

/** Moves what is in quarantine into the object directory. */
function migrate(quarantine: ByteString, repository: Repository): void {
  const target = repository.objects.directory;
  // The index comes last: a pack counts only once it has one.
  const rank = (name: ByteString): number => name.endsWith(".idx") ? 1 : 0;
  for (const { name: directory, isDirectory } of listDirectory(quarantine)) {
    if (!isDirectory) continue;
    const names = listDirectory(`${quarantine}/${directory}`).map((entry) => entry.name);
    if (names.length === 0) continue;
    makeDirectories(`${target}/${directory}`);
    for (const name of names.sort((a, b) => rank(a) - rank(b))) {
      Deno.renameSync(
        decodeText(`${quarantine}/${directory}/${name}`),
        decodeText(`${target}/${directory}/${name}`),
      );
    }
    // Refs will name these objects: they must not be gone after a loss of power when the refs are not.
    if (repository.fsync) syncDirectory(`${target}/${directory}`);
  }
  repository.objects.refresh();
}
