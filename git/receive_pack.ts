/**
 * The serving side of push: objects go into a quarantine directory, are checked and connected,
 * then moved into place before any ref changes.
 *
 * @module
 */
import { type ByteString, concatBytes, decodeText } from "./_bytes.ts";
import { listDirectory, makeDirectories, nativePath, temporaryName } from "./_files.ts";
import { GitError } from "./errors.ts";
import { FileObjectStore } from "./file_object_store.ts";
import type { ObjectId } from "./hash_algorithm.ts";
import { storePack } from "./index_pack.ts";
import { isAncestor } from "./merge_base.ts";
import { isHex } from "./objects.ts";
import { FLUSH, packet, PacketReader, sideBand } from "./pkt_line.ts";
import type { Repository } from "./repository.ts";
import { walkObjects } from "./rev_list.ts";

/** One ref that a push wants to change. */
export interface PushCommand {
  /** The ref. */
  readonly name: ByteString;
  /** What the client believes it is; zeros for "does not exist". */
  readonly oldId: ObjectId;
  /** What it should be; zeros to delete it. */
  readonly newId: ObjectId;
}

/** Callbacks and limits of a push. */
export interface ReceivePackOptions {
  /** Called before refs change; a text refuses everything. */
  preReceive?: (commands: readonly PushCommand[]) => string | undefined;
  /** Called for each ref; a text refuses it. */
  update?: (command: PushCommand) => string | undefined;
  /** Called after refs changed. */
  postReceive?: (commands: readonly PushCommand[]) => void;
  /** Largest pack (bytes). Default 2 GiB less one. */
  maxPackSize?: number;
  /** Refs that may not be changed. */
  hideRef?: (name: ByteString) => boolean;
  /** Refuse objects that are malformed. Default: the setting `receive.fsckObjects`. */
  strict?: boolean;
  /** Stops the work. */
  signal?: AbortSignal;
}

/** Answers one push. */
export function receivePack(
  repository: Repository,
  body: Uint8Array,
  options: ReceivePackOptions = {},
): Uint8Array {
  const { algorithm } = repository;
  const hex = algorithm.hexSize;
  const zero = algorithm.zero;
  const reader = new PacketReader(body);
  const commands: PushCommand[] = [];
  let capabilities = new Set<string>();
  for (let line = reader.line(); line !== undefined && line !== "flush"; line = reader.line()) {
    const nul = line.indexOf("\0");
    if (nul >= 0) capabilities = new Set(line.slice(nul + 1).trim().split(" "));
    const text = nul < 0 ? line : line.slice(0, nul);
    if (text.startsWith("shallow ")) {
      throw new GitError("protocol", "a push from a shallow repository is not taken");
    }
    const oldId = text.slice(0, hex),
      newId = text.slice(hex + 1, 2 * hex + 1),
      name = text.slice(2 * hex + 2);
    if (!isHex(oldId, hex) || !isHex(newId, hex) || name === "") {
      throw new GitError("protocol", `expected a ref command, got '${text}'`);
    }
    commands.push({ name, oldId, newId });
  }
  const results = new Map<PushCommand, string | undefined>();
  let unpack = "ok";
  const pack = reader.rest();
  const quarantine = temporaryName(`${repository.objects.directory}/tmp_objdir-incoming-`);
  try {
    if (commands.some((command) => command.newId !== zero)) {
      if (pack.length > (options.maxPackSize ?? 0x7fffffff)) {
        throw new GitError("limit", "pack is too large");
      }
      makeDirectories(`${quarantine}/pack`);
      try {
        const strict = options.strict ?? repository.config.bool("receive.fsckobjects") ??
          repository.config.bool("transfer.fsckobjects", false);
        if (pack.length > 0) {
          storePack(quarantine, pack, algorithm, {
            store: repository.objects,
            strict,
            fsync: repository.fsync,
            ...(options.signal === undefined ? {} : { signal: options.signal }),
          });
        }
        using incoming = new FileObjectStore(quarantine, algorithm, {
          alternates: repository.objects.directories(),
        });
        const known = repository.refs.list().filter((ref) =>
          !ref.broken && repository.objects.has(ref.id)
        ).map((ref) => ref.id);
        for (const command of commands) {
          if (command.newId === zero) continue;
          try {
            for (
              const object of walkObjects(incoming, {
                include: [{ id: command.newId }],
                exclude: known,
              })
            ) {
              if (!incoming.has(object.id)) throw new GitError("not_found", `missing ${object.id}`);
            }
            if (!incoming.has(command.newId)) {
              throw new GitError("not_found", `missing ${command.newId}`);
            }
          } catch (error) {
            if (!(error instanceof GitError)) throw error;
            results.set(command, "missing necessary objects");
          }
          if (
            command.name.startsWith("refs/heads/") && command.oldId !== zero &&
            repository.config.bool("receive.denynonfastforwards", false) &&
            !isAncestor(incoming, command.oldId, command.newId)
          ) {
            results.set(command, "non-fast-forward");
          }
        }
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        unpack = error.message;
        for (const command of commands) results.set(command, "unpacker error");
      }
    }
    for (const command of commands) {
      if (results.has(command)) continue;
      let refused: string | undefined;
      if (!command.name.startsWith("refs/") || options.hideRef?.(command.name)) {
        refused = options.hideRef?.(command.name) ? "deny updating a hidden ref" : "funny refname";
      } else if (
        command.newId === zero && repository.config.bool("receive.denydeletes", false) &&
        command.name.startsWith("refs/heads/")
      ) refused = "deletion prohibited";
      else if (
        !repository.bare && repository.headBranch() === command.name &&
        !/^(ignore|warn|false|updateinstead)$/i.test(
          repository.config.entry("receive.denycurrentbranch")?.value ?? "refuse",
        )
      ) refused = "branch is currently checked out";
      else if (
        repository.bare && command.newId === zero && repository.headBranch() === command.name &&
        !/^(ignore|warn|false)$/i.test(
          repository.config.entry("receive.denydeletecurrent")?.value ?? "refuse",
        )
      ) refused = "deletion of the current branch prohibited";
      else refused = options.update?.(command);
      if (refused !== undefined) results.set(command, refused);
    }
    const refusedAll = options.preReceive?.(commands.filter((command) => !results.has(command)));
    if (refusedAll !== undefined) {
      for (const command of commands) if (!results.has(command)) results.set(command, refusedAll);
    }
    const atomic = capabilities.has("atomic");
    if (atomic && results.size > 0) {
      for (const command of commands) {
        if (!results.has(command)) results.set(command, "atomic push failure");
      }
    }
    const accepted = commands.filter((command) => !results.has(command));
    if (accepted.some((command) => command.newId !== zero)) migrate(quarantine, repository);
    const apply = (list: PushCommand[]): void => {
      try {
        repository.refs.transaction(
          list.map((command) => ({
            name: command.name,
            newId: command.newId,
            oldId: command.oldId,
            message: "push",
          })),
        );
        for (const command of list) results.set(command, undefined);
      } catch (error) {
        if (!(error instanceof GitError)) throw error;
        for (const command of list) results.set(command, "failed to update ref");
      }
    };
    if (atomic && accepted.length > 0) apply(accepted);
    else for (const command of accepted) apply([command]);
    options.postReceive?.(commands.filter((command) => results.get(command) === undefined));
  } finally {
    try {
      Deno.removeSync(nativePath(quarantine), { recursive: true });
    } catch { /* It was never made. */ }
  }
  if (!capabilities.has("report-status") && !capabilities.has("report-status-v2")) {
    return new Uint8Array(0);
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
  return capabilities.has("side-band-64k") ? concatBytes([...sideBand(1, report), FLUSH]) : report;
}

function migrate(quarantine: ByteString, repository: Repository): void {
  const target = `${repository.objects.directory}/pack`;
  makeDirectories(target);
  const names = listDirectory(`${quarantine}/pack`).map((entry) => entry.name);
  // The index comes last: a pack counts only once it has one.
  for (
    const name of names.sort((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx")))
  ) {
    Deno.renameSync(decodeText(`${quarantine}/pack/${name}`), decodeText(`${target}/${name}`));
  }
  repository.objects.refresh();
}
