/**
 * Git: objects, packs, refs, index, diff, merge and a host, compatible with Git byte for byte.
 *
 * - {@linkcode Repository} opens or makes a repository on disk, {@linkcode cloneRepository} copies one,
 *   {@linkcode MemoryRepository} is one without files.
 * - {@linkcode status}, {@linkcode stage}, {@linkcode commit}, {@linkcode checkout}, {@linkcode merge},
 *   {@linkcode fetchRemote} and {@linkcode pushBranches} do what people do with a worktree.
 * - {@linkcode log}, {@linkcode revList}, {@linkcode diffTrees}, {@linkcode formatPatch},
 *   {@linkcode mergeCommits}, {@linkcode blame} and others work on any {@linkcode ObjectStore}.
 * - Formats can be read and written alone: packs, indexes, commit-graphs, patches, archives.
 *
 * Names, paths and messages are bytes: a {@linkcode ByteString} has one byte in each code unit;
 * {@linkcode decodeText} and {@linkcode encodeText} turn it into text and back. Everything that can go
 * wrong throws {@linkcode GitError} with a stable `code`, hostile data included.
 *
 * Limits: an object that is read whole 2 GiB; a tree 1024 directories deep and 5,000,000 entries in
 * all; chains of tags 1000; symbolic refs 5; includes of settings 10; packet lines 65,520 bytes;
 * patterns 1024 runs of stars; `.git` files 1 MiB; headers of bundles 64 MiB. Chains of deltas have no
 * limit. File names that are not UTF-8 cannot be written by Deno: they become U+FFFD on disk.
 *
 * @module
 */
export { type ByteString, decodeText, encodeText, fromByteString, toByteString } from "./_bytes.ts";
export { GitError, type GitErrorCode } from "./errors.ts";
export {
  type HashAlgorithm,
  hashAlgorithm,
  type Hasher,
  hashObject,
  isObjectId,
  type ObjectId,
  type ObjectType,
  SHA1,
  SHA256,
} from "./hash_algorithm.ts";
export {
  type Commit,
  formatCommit,
  formatSignature,
  formatTag,
  formatTree,
  type GitObject,
  isFileMode,
  isGitlinkMode,
  isLinkMode,
  isTreeMode,
  MODE_EXECUTABLE,
  MODE_FILE,
  MODE_GITLINK,
  MODE_SYMLINK,
  MODE_TREE,
  parseCommit,
  parseSignature,
  parseTag,
  parseTree,
  type Signature,
  type Tag,
  type TreeEntry,
} from "./objects.ts";
export {
  flattenTree,
  MAX_TREE_DEPTH,
  MAX_TREE_FILES,
  MemoryObjectStore,
  type ObjectStore,
  peelTo,
  readBlob,
  readCommit,
  readTag,
  readTree,
} from "./object_store.ts";
export { FileObjectStore, type FileObjectStoreOptions, Pack } from "./file_object_store.ts";
export { applyDelta, DeltaIndex } from "./delta.ts";
export {
  type AppendedObject,
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  indexPackSteps,
} from "./index_pack.ts";
export {
  type BaseResolver,
  type ByteSource,
  MemorySource,
  PackFile,
  WindowedFile,
} from "./pack_file.ts";
export type { PackEntryHeader } from "./pack_file.ts";
export { formatPackIndex, PackIndex, type PackIndexEntry } from "./pack_index.ts";
export {
  type PackCandidate,
  packChunks,
  packStream,
  type PackSummary,
  type PackWriterOptions,
  writePack,
} from "./pack_writer.ts";
export { isRefName, type RefNameOptions } from "./ref_name.ts";
export {
  FileRefStore,
  type RefEntry,
  type ReflogEntry,
  type RefStoreOptions,
  type RefUpdate,
  type RefValue,
  type ResolvedRef,
} from "./ref_store.ts";
export { LockFile } from "./lock_file.ts";
export {
  type CacheTree,
  formatIndex,
  GitIndex,
  type IndexEntry,
  parseIndex,
  type ResolveUndo,
  type StatData,
} from "./index_file.ts";
export { Config, type ConfigEntry, type ConfigScope } from "./config.ts";
export type { Environment } from "./ident.ts";
export {
  type InitOptions,
  type OpenOptions,
  Repository,
  type RepositoryPaths,
} from "./repository.ts";
export {
  checkout,
  type CheckoutOptions,
  commit,
  type CommitOptions,
  type ExchangeOptions,
  fetchRemote,
  type FileChange,
  merge,
  type MergeOptions,
  type MergeResult,
  pushBranches,
  stage,
  status,
  type StatusEntry,
  type StatusOptions,
} from "./porcelain.ts";
export { type SwitchConflicts, SwitchError } from "./worktree.ts";
export { resolveRevision, type RevisionOptions } from "./revision.ts";
export { type ObjectStream, openObjectStream } from "./object_stream.ts";
export { type CommitLinks, isAncestor, mergeBases } from "./merge_base.ts";
export {
  type ObjectFilter,
  type ObjectWalkOptions,
  type RevListOptions,
  walkCommits,
  type WalkedCommit,
  type WalkedObject,
  walkObjects,
} from "./rev_list.ts";
export {
  diffLines,
  type HunkOptions,
  type LineChange,
  type LineDiffOptions,
  Lines,
} from "./line_diff.ts";
export { parseWhitespaceRule, type WhitespaceRule } from "./whitespace.ts";
export { mergeFile, type MergeFileOptions, type MergeFileResult } from "./merge_file.ts";
export {
  mergeCommits,
  type MergeConflict,
  type MergeMessage,
  type MergeSide,
  type MergeSubmodule,
  mergeTrees,
  type MergeTreesOptions,
  type MergeTreesResult,
  type SubmoduleRepository,
} from "./merge_trees.ts";
export { type MergeAttributes, type MergeDriver, type MergeDriverInput } from "./merge_content.ts";
export { type DiffFile, type DiffPair, diffTrees, type TreeDiffOptions } from "./tree_diff.ts";
export { detectRenames, type RenameOptions } from "./rename.ts";
export { Pathspec, type PathspecSettings } from "./pathspec.ts";
export { blame, type BlameEntry, type BlameOptions, type BlameResult } from "./blame.ts";
export { type GraphCommit, HistoryGraph } from "./graph.ts";
export { colorSequence } from "./color.ts";
export {
  type DiffDriver,
  type DiffFormatOptions,
  diffStats,
  type FileStat,
  formatPatch,
} from "./diff_format.ts";
export type {
  DiffColors,
  MovedOptions,
  WhitespaceHighlight,
  WordDiffStyle,
} from "./patch_painter.ts";
export { findNote, listNotes, writeNotes } from "./notes.ts";
export {
  CommitGraph,
  formatCommitGraph,
  type GraphEntry,
  parseCommitGraph,
} from "./commit_graph.ts";
export { formatMultiPackIndex, type MultiPackEntry, MultiPackIndex } from "./multi_pack_index.ts";
export {
  type CloneOptions,
  cloneRepository,
  openTransport,
  type TransportOptions,
} from "./clone.ts";
export {
  type FetchRequest,
  type FetchResult,
  FetchSession,
  type RemoteRef,
  type SessionOptions,
} from "./fetch_pack.ts";
export { type PushOptions, type PushReport, PushSession, type PushUpdate } from "./send_pack.ts";
export type { NegotiationAlgorithm } from "./negotiator.ts";
export type { PacketStream } from "./packet_stream.ts";
export type { Packet } from "./pkt_line.ts";
export type { ReceivedPack } from "./pack_receiver.ts";
export type { GitService, RequestBody, Transport } from "./transport.ts";
export {
  type Credential,
  type CredentialSource,
  HttpTransport,
  type HttpTransportOptions,
} from "./http_transport.ts";
export { PosixRegex, type PosixRegexOptions, type RegexMatch } from "./posix_regex.ts";
export {
  applyHunks,
  type ApplyOptions,
  type BinaryHunk,
  type FilePatch,
  type ParseOptions,
  parsePatches,
  PatchConflict,
  type PatchHunk,
} from "./apply_patch.ts";
export { type ArchiveEntry, type ArchiveOptions, writeTar, writeZip } from "./archive.ts";
export { Mailmap } from "./mailmap.ts";
export { log, type LogEntry, revList } from "./log.ts";
export { type MemoryCommitOptions, MemoryRefStore, MemoryRepository } from "./memory_repository.ts";
