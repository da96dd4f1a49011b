/**
 * Merging one file's contents the way its attributes say: by lines, not at all, by keeping both
 * sides, or by a driver.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { looksBinary } from "./diff_format.ts";
import type { LineDiffOptions } from "./line_diff.ts";
import { mergeFile } from "./merge_file.ts";

/** Length of conflict markers unless an attribute says otherwise. */
export const DEFAULT_MARKER_SIZE = 7;

/** What a driver is given. */
export interface MergeDriverInput {
  /** The path, as the merge knows it. */
  readonly path: ByteString;
  /** The common ancestor's content; empty when there is none. */
  readonly base: Uint8Array;
  /** Our content. */
  readonly ours: Uint8Array;
  /** Their content. */
  readonly theirs: Uint8Array;
  /** Length of conflict markers. */
  readonly markerSize: number;
}

/** Merges contents; not `clean` means that the result holds conflicts. */
export type MergeDriver = (input: MergeDriverInput) => { data: Uint8Array; clean: boolean };

/** What attributes say about merging a path. */
export interface MergeAttributes {
  /** The `merge` attribute. Default `text`. */
  driver?: "text" | "binary" | "union" | MergeDriver;
  /** The `conflict-marker-size` attribute. Default 7. */
  markerSize?: number;
}

/** Options of {@linkcode mergeContents}. */
export interface MergeContentsOptions {
  /** Labels behind the markers. */
  labels: { ours: ByteString; base: ByteString; theirs: ByteString };
  /** What attributes say. */
  attributes?: MergeAttributes | undefined;
  /** Kind of markers. Default `merge`. */
  style?: "merge" | "diff3" | "zdiff3";
  /** Resolve conflicts by a side. */
  favor?: "ours" | "theirs" | "union" | undefined;
  /** What counts as equal. */
  whitespace?: LineDiffOptions | undefined;
  /** Added to the length of markers. Default 0. */
  markerGrowth?: number;
  /** The result is only the base of another merge: what cannot be merged stays as it was. */
  virtual?: boolean;
}

/** Merges three contents. `binary` means that there was nothing to do but take ours. */
export function mergeContents(
  path: ByteString,
  base: Uint8Array,
  ours: Uint8Array,
  theirs: Uint8Array,
  options: MergeContentsOptions,
): { data: Uint8Array; outcome: "clean" | "conflict" | "binary" } {
  const { attributes, virtual, favor } = options;
  const driver = attributes?.driver ?? "text";
  const markerSize = (attributes?.markerSize ?? DEFAULT_MARKER_SIZE) +
    (options.markerGrowth ?? 0);
  if (typeof driver === "function") {
    const { data, clean } = driver({ path, base, ours, theirs, markerSize });
    return { data, outcome: clean ? "clean" : "conflict" };
  }
  if (driver === "binary" || looksBinary(base) || looksBinary(ours) || looksBinary(theirs)) {
    if (virtual) return { data: base, outcome: "clean" };
    return {
      data: favor === "theirs" ? theirs : ours,
      outcome: favor === "ours" || favor === "theirs" ? "clean" : "binary",
    };
  }
  const { data, conflicts } = mergeFile(base, ours, theirs, {
    ...options.whitespace,
    algorithm: "histogram",
    labels: options.labels,
    style: options.style ?? "merge",
    favor: driver === "union" ? "union" : virtual ? undefined : favor,
    markerSize,
  });
  return { data, outcome: conflicts > 0 ? "conflict" : "clean" };
}
