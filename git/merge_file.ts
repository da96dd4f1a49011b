/**
 * Three-way merge of a file's lines, with Git's conflict markers.
 *
 * Both sides are compared with the base; changes that do not touch are taken, those that overlap
 * conflict unless they are equal. A conflict is then narrowed to the lines that really differ, and
 * conflicts at most three lines apart are joined.
 *
 * @module
 */
import { type ByteString, concatBytes, equalBytes, fromByteString } from "./_bytes.ts";
import { type LineChange, LineDiff, type LineDiffOptions, Lines } from "./line_diff.ts";

/** Options of {@linkcode mergeFile}. */
export interface MergeFileOptions extends LineDiffOptions {
  /** Labels behind the markers: ours, base, theirs. */
  labels?: { ours?: ByteString; base?: ByteString; theirs?: ByteString };
  /** Markers. Default `merge`. */
  style?: "merge" | "diff3" | "zdiff3";
  /** Resolve conflicts by taking one side or both. */
  favor?: "ours" | "theirs" | "union" | undefined;
  /** Marker length. Default 7. */
  markerSize?: number;
  /** How far conflicts are narrowed. Default `zealous`. */
  level?: "minimal" | "eager" | "zealous" | "zealous-alnum";
}

/** What came out. */
export interface MergeFileResult {
  /** The merged text, with markers where it conflicts. */
  data: Uint8Array;
  /** How many conflicts there are. */
  conflicts: number;
}

interface Region {
  /** 0 conflict, 1 ours, 2 theirs, 3 both, 4 nothing to do. */
  mode: number;
  i0: number;
  n0: number;
  i1: number;
  n1: number;
  i2: number;
  n2: number;
}

function append(regions: Region[], region: Region): void {
  const last = regions.at(-1);
  if (last !== undefined && (region.i1 <= last.i1 + last.n1 || region.i2 <= last.i2 + last.n2)) {
    if (region.mode !== last.mode) last.mode = 0;
    last.n0 = region.i0 + region.n0 - last.i0;
    last.n1 = region.i1 + region.n1 - last.i1;
    last.n2 = region.i2 + region.n2 - last.i2;
  } else regions.push(region);
}

/** Merges `ours` and `theirs`, which both come from `base`. */
export function mergeFile(
  base: Uint8Array,
  ours: Uint8Array,
  theirs: Uint8Array,
  options: MergeFileOptions = {},
): MergeFileResult {
  const style = options.style ?? "merge";
  let level = options.level ?? "zealous";
  if (style !== "merge" && level !== "minimal") level = "eager";
  const l0 = new Lines(base), l1 = new Lines(ours), l2 = new Lines(theirs);
  // The merge compares without the indentation heuristic, as Git's does.
  const diffOptions: LineDiffOptions = {
    ...options,
    indentHeuristic: options.indentHeuristic ?? false,
  };
  const a = new LineDiff(l0, l1, diffOptions).changes();
  const b = new LineDiff(l0, l2, diffOptions).changes();
  if (a.length === 0) return { data: theirs, conflicts: 0 };
  if (b.length === 0) return { data: ours, conflicts: 0 };
  const same = (i: number, j: number, n: number): boolean => {
    for (let k = 0; k < n; k++) if (!sameLine(l1, i + k, l2, j + k)) return false;
    return true;
  };
  const regions: Region[] = [];
  let x = 0, y = 0;
  const oldEnd = (change: LineChange): number => change.oldStart + change.oldCount;
  while (x < a.length && y < b.length) {
    const p = a[x]!, q = b[y]!;
    if (oldEnd(p) < q.oldStart) {
      append(regions, {
        mode: 1,
        i0: p.oldStart,
        n0: p.oldCount,
        i1: p.newStart,
        n1: p.newCount,
        i2: q.newStart - q.oldStart + p.oldStart,
        n2: p.oldCount,
      });
      x++;
      continue;
    }
    if (oldEnd(q) < p.oldStart) {
      append(regions, {
        mode: 2,
        i0: q.oldStart,
        n0: q.oldCount,
        i1: p.newStart - p.oldStart + q.oldStart,
        n1: q.oldCount,
        i2: q.newStart,
        n2: q.newCount,
      });
      y++;
      continue;
    }
    if (
      level === "minimal" || p.oldStart !== q.oldStart || p.oldCount !== q.oldCount ||
      p.newCount !== q.newCount ||
      !same(p.newStart, q.newStart, p.newCount)
    ) {
      const early = p.oldStart - q.oldStart;
      const late = early + p.oldCount - q.oldCount;
      const i0 = p.oldStart - Math.max(early, 0);
      const i1 = p.newStart - Math.max(early, 0);
      const i2 = q.newStart + Math.min(early, 0);
      append(regions, {
        mode: 0,
        i0,
        n0: oldEnd(p) - i0 + Math.max(-late, 0),
        i1,
        n1: p.newStart + p.newCount - i1 + Math.max(-late, 0),
        i2,
        n2: q.newStart + q.newCount - i2 + Math.max(late, 0),
      });
    }
    const endA = oldEnd(p), endB = oldEnd(q);
    if (endA >= endB) y++;
    if (endB >= endA) x++;
  }
  for (; x < a.length; x++) {
    const p = a[x]!;
    append(regions, {
      mode: 1,
      i0: p.oldStart,
      n0: p.oldCount,
      i1: p.newStart,
      n1: p.newCount,
      i2: p.oldStart + l2.count - l0.count,
      n2: p.oldCount,
    });
  }
  for (; y < b.length; y++) {
    const q = b[y]!;
    append(regions, {
      mode: 2,
      i0: q.oldStart,
      n0: q.oldCount,
      i1: q.oldStart + l1.count - l0.count,
      n1: q.oldCount,
      i2: q.newStart,
      n2: q.newCount,
    });
  }
  let narrowed = regions;
  if (style === "zdiff3") {
    for (const region of regions) {
      if (region.mode !== 0) continue;
      while (region.n1 > 0 && region.n2 > 0 && sameLine(l1, region.i1, l2, region.i2)) {
        region.i1++;
        region.i2++;
        region.n1--;
        region.n2--;
      }
      while (
        region.n1 > 0 && region.n2 > 0 &&
        sameLine(l1, region.i1 + region.n1 - 1, l2, region.i2 + region.n2 - 1)
      ) {
        region.n1--;
        region.n2--;
      }
    }
  } else if (level === "zealous" || level === "zealous-alnum") {
    narrowed = simplify(refine(regions, l1, l2, diffOptions), l1, level === "zealous-alnum");
  }
  return fill(narrowed, l0, l1, l2, options, style);
}

function sameLine(a: Lines, i: number, b: Lines, j: number): boolean {
  return equalBytes(
    a.data.subarray(a.starts[i]!, a.starts[i + 1]!),
    b.data.subarray(b.starts[j]!, b.starts[j + 1]!),
  );
}

function refine(regions: Region[], l1: Lines, l2: Lines, options: LineDiffOptions): Region[] {
  const out: Region[] = [];
  for (const region of regions) {
    if (region.mode !== 0 || region.n1 === 0 || region.n2 === 0) {
      out.push(region);
      continue;
    }
    const changes = new LineDiff(
      l1.data.subarray(l1.starts[region.i1]!, l1.starts[region.i1 + region.n1]!),
      l2.data.subarray(l2.starts[region.i2]!, l2.starts[region.i2 + region.n2]!),
      options,
    ).changes();
    if (changes.length === 0) {
      out.push({ ...region, mode: 4 });
      continue;
    }
    for (const change of changes) {
      out.push({
        mode: 0,
        i0: 0,
        n0: 0,
        i1: region.i1 + change.oldStart,
        n1: change.oldCount,
        i2: region.i2 + change.newStart,
        n2: change.newCount,
      });
    }
  }
  return out;
}

function simplify(regions: Region[], l1: Lines, needAlnum: boolean): Region[] {
  const out: Region[] = [];
  for (const region of regions) {
    const last = out.at(-1);
    if (last !== undefined && last.mode === 0 && region.mode === 0) {
      const begin = last.i1 + last.n1, end = region.i1;
      let join = end - begin <= 3;
      if (!join && needAlnum) {
        join = true;
        for (let i = begin; i < end && join; i++) if (/[A-Za-z0-9]/.test(l1.text(i))) join = false;
      }
      if (join) {
        last.n1 = region.i1 + region.n1 - last.i1;
        last.n2 = region.i2 + region.n2 - last.i2;
        continue;
      }
    }
    out.push(region);
  }
  return out;
}

/** 1 when a line ends in CR LF, 0 in LF, -1 when that cannot be told. */
function endsInCrLf(lines: Lines, i: number): number {
  const cr = (k: number): number => {
    const end = lines.starts[k + 1]!;
    return end - lines.starts[k]! > 1 && lines.data[end - 2] === 13 ? 1 : 0;
  };
  if (i < lines.count - 1) return cr(i);
  if (lines.count === 0) return -1;
  const end = lines.starts[i + 1]!;
  if (end > lines.starts[i]! && lines.data[end - 1] === 10) return cr(i);
  return i === 0 ? -1 : cr(i - 1);
}

function fill(
  regions: Region[],
  l0: Lines,
  l1: Lines,
  l2: Lines,
  options: MergeFileOptions,
  style: "merge" | "diff3" | "zdiff3",
): MergeFileResult {
  const parts: Uint8Array[] = [];
  const size = options.markerSize !== undefined && options.markerSize > 0 ? options.markerSize : 7;
  const copy = (lines: Lines, from: number, count: number, newline = false, cr = false): void => {
    if (count <= 0) return;
    const end = lines.starts[from + count]!;
    parts.push(lines.data.subarray(lines.starts[from]!, end));
    if (newline && (end === 0 || lines.data[end - 1] !== 10)) {
      parts.push(fromByteString(cr ? "\r\n" : "\n"));
    }
  };
  const marker = (c: string, label: ByteString | undefined, cr: boolean): void => {
    parts.push(
      fromByteString(
        `${c.repeat(size)}${label === undefined || label === "" ? "" : ` ${label}`}${
          cr ? "\r" : ""
        }\n`,
      ),
    );
  };
  const favored = options.favor === "ours"
    ? 1
    : options.favor === "theirs"
    ? 2
    : options.favor === "union"
    ? 3
    : 0;
  let conflicts = 0;
  let at = 0;
  for (const region of regions) {
    if (region.mode === 0 && favored !== 0) region.mode = favored;
    let cr = endsInCrLf(l1, region.i1 > 0 ? region.i1 - 1 : 0);
    if (cr !== 0) cr = endsInCrLf(l2, region.i2 > 0 ? region.i2 - 1 : 0);
    if (cr !== 0) cr = endsInCrLf(l0, 0);
    const needsCr = cr > 0;
    if (region.mode === 0) {
      conflicts++;
      copy(l1, at, region.i1 - at);
      marker("<", options.labels?.ours, needsCr);
      copy(l1, region.i1, region.n1, true, needsCr);
      if (style !== "merge") {
        marker("|", options.labels?.base, needsCr);
        copy(l0, region.i0, region.n0, true, needsCr);
      }
      marker("=", undefined, needsCr);
      copy(l2, region.i2, region.n2, true, needsCr);
      marker(">", options.labels?.theirs, needsCr);
    } else if (region.mode & 3) {
      copy(l1, at, region.i1 - at);
      if (region.mode & 1) copy(l1, region.i1, region.n1, (region.mode & 2) !== 0, needsCr);
      if (region.mode & 2) copy(l2, region.i2, region.n2);
    } else continue;
    at = region.i1 + region.n1;
  }
  copy(l1, at, l1.count - at);
  return { data: concatBytes(parts), conflicts };
}
