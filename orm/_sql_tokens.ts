/** Parts of a statement: names in quotes, texts, words, and every other character by itself. */
const TOKEN =
  /\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$|[xX]'[^']*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[\p{L}\p{N}_$.]+|\s+|->>?|<[<>=]|>[>=]|[!=]=|\|\||[^\s]/gu;

/** Splits a statement, leaving out space and comments. */
export function tokensOf(text: string): string[] {
  return (text.match(TOKEN) ?? []).filter((token) => !/^(?:\s|--|\/\*)/.test(token));
}

/** A name without its quotes. */
export function unquote(token: string): string {
  const first = token[0];
  if (first === '"' || first === "`") {
    return token.slice(1, -1).replaceAll(first + first, first);
  }
  return first === "[" ? token.slice(1, -1) : token;
}

/** A statement in a form that is the same whatever its spacing, quotes and case. */
export function normalize(text: string): string {
  return tokensOf(text).map((token) => token[0] === "'" ? token : unquote(token).toLowerCase())
    .join(" ");
}

/** The definitions within the parentheses of a CREATE TABLE, as written and normalized. */
export function itemsOf(createTable: string): { items: string[]; written: string[]; tail: string } {
  const tokens = tokensOf(createTable);
  const written: string[] = [];
  let item: string[] = [];
  let depth = 0;
  let at = tokens.indexOf("(");
  for (; at >= 0 && at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token === ")") depth--;
    if (depth === 0 && token === ")") break;
    if (depth === 1 && token === ",") {
      written.push(item.join(" "));
      item = [];
    } else if (depth > 0) item.push(token);
    if (token === "(") depth++;
  }
  written.push(item.join(" "));
  return {
    items: written.map(normalize),
    written,
    tail: normalize(tokens.slice(at + 1).join(" ")),
  };
}

/** Splits a text after each statement that is complete; `rest` is what has no end yet. */
export function splitStatements(text: string): { statements: string[]; rest: string } {
  const statements: string[] = [];
  let start = 0;
  let words: string[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    if (/^(?:\s|--|\/\*)/.test(token)) continue;
    if (token !== ";") {
      words.push(token.toUpperCase());
      // The parts of a long statement are of no interest, only its first words and its last one.
      if (words.length > 4) words = [...words.slice(0, 3), words.at(-1)!];
      continue;
    }
    const trigger = /^CREATE (?:TEMP |TEMPORARY )?TRIGGER/.test(words.join(" "));
    if (trigger && words.at(-1) !== "END") continue;
    const end = match.index + 1;
    if (words.length > 0) statements.push(text.slice(start, end).trim());
    start = end;
    words = [];
  }
  return { statements, rest: words.length === 0 ? "" : text.slice(start) };
}
