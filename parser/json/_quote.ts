/** The JSON form of one string; shared by `stringify()`, messages and generated code. */

// deno-lint-ignore no-control-regex
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;
const SHORT: Readonly<Record<number, string>> = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Quotes `text`; a surrogate without its other half is written as an escape (well-formed output). */
export function quote(text: string): string {
  if (!ESCAPED.test(text)) return '"' + text + '"';
  let result = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 32 && code !== 34 && code !== 92 && (code < 0xd800 || code > 0xdfff)) continue;
    if (code >= 0xd800 && code <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        i++;
        continue;
      }
    }
    result += text.slice(from, i) +
      (SHORT[code] ?? "\\u" + code.toString(16).padStart(4, "0"));
    from = i + 1;
  }
  return result + text.slice(from) + '"';
}
