/** The Range header of RFC 9110, section 14, for the unit `bytes`. */

/** Both ends included, as in Content-Range. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What a Range header asks for: nothing usable (send all), nothing there (416), or some ranges. */
export type RangeResult = "ignore" | "unsatisfiable" | ByteRange[];

const SPEC = /^[ \t]*(\d{0,19})-(\d{0,19})[ \t]*$/;

/**
 * Reads a Range header against a representation of `size` bytes.
 *
 * A malformed header, another unit, more than `maxRanges` ranges, or ranges that add up to more
 * than the representation (overlaps that would multiply the work) are ignored, which RFC 9110,
 * section 14.2, allows; ranges that begin past the end are dropped, and when nothing is left the
 * result is `"unsatisfiable"`.
 */
export function parseRange(header: string, size: number, maxRanges: number): RangeResult {
  const equals = header.indexOf("=");
  if (equals < 0 || header.slice(0, equals).trim().toLowerCase() !== "bytes") return "ignore";
  const specs = header.slice(equals + 1).split(",", maxRanges + 1);
  if (specs.length > maxRanges) return "ignore";
  const ranges: ByteRange[] = [];
  let total = 0;
  for (const spec of specs) {
    const match = SPEC.exec(spec);
    if (match === null) return "ignore";
    const [first, last] = [match[1]!, match[2]!];
    if (first === "" && last === "") return "ignore";
    let start: number;
    let end: number;
    if (first === "") {
      const length = Math.min(Number(last), size);
      if (length === 0) continue;
      start = size - length;
      end = size - 1;
    } else {
      start = Number(first);
      end = last === "" ? size - 1 : Number(last);
      if (last !== "" && end < start) return "ignore";
      if (start >= size) continue;
      end = Math.min(end, size - 1);
    }
    total += end - start + 1;
    ranges.push({ start, end });
  }
  if (ranges.length === 0) return "unsatisfiable";
  return total > size ? "ignore" : ranges;
}
