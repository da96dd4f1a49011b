/**
 * Differences between words: what `--word-diff` shows.
 *
 * @module
 */
import { type ByteString, fromByteString } from "./_bytes.ts";
import { LineDiff } from "./line_diff.ts";
import type { PosixRegex } from "./posix_regex.ts";

/** Where the words of a text are, and the words one on each line. */
interface Words {
  starts: number[];
  ends: number[];
  lines: ByteString;
}

const SPACE = /[\t\n\r ]/;

/** Finds words: what an expression matches (up to a line feed), or runs without whitespace. */
function findWords(text: ByteString, expression: PosixRegex | undefined): Words {
  // In front of all words there is an empty one.
  const starts = [0], ends = [0];
  const parts: ByteString[] = [];
  for (let at = 0; at < text.length;) {
    let start: number, end: number;
    if (expression === undefined) {
      start = at;
      while (start < text.length && SPACE.test(text[start]!)) start++;
      if (start >= text.length) break;
      end = start + 1;
      while (end < text.length && !SPACE.test(text[end]!)) end++;
    } else {
      const match = expression.exec(text, at);
      if (match === undefined) break;
      start = match.start;
      const feed = text.indexOf("\n", start);
      end = feed >= 0 && feed < match.end ? feed : match.end;
      if (start === end) {
        // Nothing, or a line feed only: no word.
        at = start + 1;
        continue;
      }
    }
    starts.push(start);
    ends.push(end);
    parts.push(`${text.slice(start, end)}\n`);
    at = end;
  }
  return { starts, ends, lines: parts.join("") };
}

/**
 * Compares two texts by words and calls back with runs of what is the same (as the new text has
 * it), removed and added, in order.
 */
export function diffWords(
  before: ByteString,
  after: ByteString,
  expression: PosixRegex | undefined,
  emit: (kind: "context" | "old" | "new", text: ByteString) => void,
): void {
  if (after === "") {
    emit("old", before);
    return;
  }
  const a = findWords(before, expression), b = findWords(after, expression);
  const changes = new LineDiff(fromByteString(a.lines), fromByteString(b.lines), {
    indentHeuristic: false,
    trimTail: true,
  }).changes();
  let at = 0;
  for (const { oldStart, oldCount, newStart, newCount } of changes) {
    // Without words on a side the change is behind the word before it.
    const oldFrom = oldCount > 0 ? a.starts[oldStart + 1]! : a.ends[oldStart]!;
    const oldTo = oldCount > 0 ? a.ends[oldStart + oldCount]! : oldFrom;
    const newFrom = newCount > 0 ? b.starts[newStart + 1]! : b.ends[newStart]!;
    const newTo = newCount > 0 ? b.ends[newStart + newCount]! : newFrom;
    if (newFrom !== at) emit("context", after.slice(at, newFrom));
    if (oldTo > oldFrom) emit("old", before.slice(oldFrom, oldTo));
    if (newTo > newFrom) emit("new", after.slice(newFrom, newTo));
    at = newTo;
  }
  if (at < after.length) emit("context", after.slice(at));
}
