/**
 * What Git knows about languages: which lines head a section of a file (they follow the `@@` of a
 * hunk), and what a word is. The expressions are the ones that Git documents as built in
 * (gitattributes), since output depends on them to the byte.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { PosixRegex } from "./posix_regex.ts";

/** Facts about a language. */
interface Language {
  /** Expressions for headings, in order; one with `!` in front says that a line is none. */
  headings: readonly string[];
  /** Case of letters in headings does not count. */
  ignoreCase?: boolean;
  /** Alternatives for words. */
  words: readonly string[];
}

const NAME = "[a-zA-Z_][a-zA-Z0-9_]*";
const NUMBER_F = "[-+0-9.e]+[fFlL]?";
const HEX = "0[xXbB]?[0-9a-fA-F]+";
const ASSIGNING = "[-+*/<>%&^|=!]=";

const LANGUAGES: Record<string, Language> = {
  ada: {
    ignoreCase: true,
    headings: [
      "!^(.*[ \t])?(is[ \t]+new|renames|is[ \t]+separate)([ \t].*)?$",
      "!^[ \t]*with[ \t].*$",
      "^[ \t]*((procedure|function)[ \t]+.*)$",
      "^[ \t]*((package|protected|task)[ \t]+.*)$",
    ],
    words: [
      "[a-zA-Z][a-zA-Z0-9_]*",
      "[-+]?[0-9][0-9#_.aAbBcCdDeEfF]*([eE][+-]?[0-9_]+)?",
      "=>|\\.\\.|\\*\\*|:=|/=|>=|<=|<<|>>|<>",
    ],
  },
  bash: {
    headings: [
      `^[ \t]*((${NAME}[ \t]*\\([ \t]*\\)|(function[ \t]+${NAME}(([ \t]*\\([ \t]*\\))|([ \t]+))))` +
      "[ \t]*(\\{|\\(\\(?|\\[\\[))",
    ],
    words: ["[^ \t]+"],
  },
  bibtex: {
    headings: ["(@[a-zA-Z]{1,}[ \t]*\\{{0,1}[ \t]*[^ \t\"@',\\#}{~%]*).*$"],
    words: ['[={}"]', '[^={}" \t]+'],
  },
  cpp: {
    headings: [
      "!^[ \t]*[A-Za-z_][A-Za-z_0-9]*:[[:space:]]*($|/[/*])",
      "^((::[[:space:]]*)?[A-Za-z_].*)$",
    ],
    words: [
      NAME,
      "[0-9][0-9.]*([Ee][-+]?[0-9]+)?[fFlLuU]*",
      "0[xXbB][0-9a-fA-F]+[lLuU]*",
      "\\.[0-9][0-9]*([Ee][-+]?[0-9]+)?[fFlL]?",
      ASSIGNING,
      "--|\\+\\+|<<=?|>>=?|&&|\\|\\||::|->\\*?|\\.\\*|<=>",
    ],
  },
  csharp: {
    headings: [
      "!^[ \t]*(do|while|for|if|else|instanceof|new|return|switch|case|throw|catch|using)",
      "^[ \t]*(((static|public|internal|private|protected|new|virtual|sealed|override|unsafe|async)" +
      "[ \t]+)*[][<>@.~_[:alnum:]]+[ \t]+[<>@._[:alnum:]]+[ \t]*\\(.*\\))[ \t]*$",
      "^[ \t]*(((static|public|internal|private|protected|new|virtual|sealed|override|unsafe)" +
      "[ \t]+)*[][<>@.~_[:alnum:]]+[ \t]+[@._[:alnum:]]+)[ \t]*$",
      "^[ \t]*(((static|public|internal|private|protected|new|unsafe|sealed|abstract|partial)" +
      "[ \t]+)*(class|enum|interface|struct|record)[ \t]+.*)$",
      "^[ \t]*(namespace[ \t]+.*)$",
    ],
    words: [
      NAME,
      NUMBER_F,
      `${HEX}[lL]?`,
      ASSIGNING,
      "--|\\+\\+|<<=?|>>=?|&&|\\|\\||::|->",
    ],
  },
  css: {
    ignoreCase: true,
    headings: ["![:;][[:space:]]*$", "^[:[@.#]?[_a-z0-9].*$"],
    words: ["-?[_a-zA-Z][-_a-zA-Z0-9]*", "-?[0-9]+", "\\#[0-9a-fA-F]+"],
  },
  dts: {
    headings: ["!;", "!=", "^[ \t]*((/[ \t]*\\{|&?[a-zA-Z_]).*)"],
    words: ["[a-zA-Z0-9,._+?#-]+", "[-+*/%&^|!~]", ">>|<<|&&|\\|\\|"],
  },
  elixir: {
    headings: ["^[ \t]*((def(macro|module|impl|protocol|p)?|test)[ \t].*)$"],
    words: [
      "[@:]?[a-zA-Z0-9@_?!]+",
      "[-+]?0[xob][0-9a-fA-F]+",
      "[-+]?[0-9][0-9_.]*([eE][-+]?[0-9_]+)?",
      ":?(\\+\\+|--|\\.\\.|~~~|<>|\\^\\^\\^|<?\\|>|<<<?|>?>>|<<?~|~>?>|<~>|<=|>=|===?|!==?|=~|" +
      "&&&?|\\|\\|\\|?|=>|<-|\\\\\\\\|->)",
      ":?%[A-Za-z0-9_.]\\{\\}?",
    ],
  },
  fortran: {
    ignoreCase: true,
    headings: [
      "!^([C*]|[ \t]*!)",
      "!^[ \t]*MODULE[ \t]+PROCEDURE[ \t]",
      "^[ \t]*((END[ \t]+)?(PROGRAM|MODULE|BLOCK[ \t]+DATA|([^!'\" \t]+[ \t]+)*" +
      "(SUBROUTINE|FUNCTION))[ \t]+[A-Z].*)$",
    ],
    words: [
      "[a-zA-Z][a-zA-Z0-9_]*",
      "\\.([Ee][Qq]|[Nn][Ee]|[Gg][TtEe]|[Ll][TtEe]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|" +
      "[Aa][Nn][Dd]|[Oo][Rr]|[Nn]?[Ee][Qq][Vv]|[Nn][Oo][Tt])\\.",
      "[-+]?[0-9.]+([AaIiDdEeFfLlTtXx][Ss]?[-+]?[0-9.]*)?(_[a-zA-Z0-9][a-zA-Z0-9_]*)?",
      "//|\\*\\*|::|[/<>=]=",
    ],
  },
  fountain: {
    ignoreCase: true,
    headings: ["^((\\.[^.]|(int|ext|est|int\\.?/ext|i/e)[. ]).*)$"],
    words: ["[^ \t-]+"],
  },
  golang: {
    headings: [
      "^[ \t]*(func[ \t]*.*(\\{[ \t]*)?)",
      "^[ \t]*(type[ \t].*(struct|interface)[ \t]*(\\{[ \t]*)?)",
    ],
    words: [
      NAME,
      "[-+0-9.eE]+i?",
      "0[xX]?[0-9a-fA-F]+i?",
      "[-+*/<>%&^|=!:]=",
      "--|\\+\\+|<<=?|>>=?|&\\^=?|&&|\\|\\||<-|\\.{3}",
    ],
  },
  html: {
    headings: ["^[ \t]*(<[Hh][1-6]([ \t].*)?>.*)$"],
    words: ["[^<>= \t]+"],
  },
  java: {
    headings: [
      "!^[ \t]*(catch|do|for|if|instanceof|new|return|switch|throw|while)",
      "^[ \t]*(([a-z]+[ \t]+)*(class|enum|interface)[ \t]+[A-Za-z][A-Za-z0-9_$]*[ \t]+.*)$",
      "^[ \t]*(([A-Za-z_<>&][][?&<>.,A-Za-z_0-9]*[ \t]+)+[A-Za-z_][A-Za-z_0-9]*[ \t]*\\([^;]*)$",
    ],
    words: [
      NAME,
      NUMBER_F,
      `${HEX}[lL]?`,
      ASSIGNING,
      "--|\\+\\+|<<=?|>>>?=?|&&|\\|\\|",
    ],
  },
  kotlin: {
    headings: ["^[ \t]*(([a-z]+[ \t]+)*(fun|class|interface)[ \t]+.*)$"],
    words: [
      NAME,
      "0[xXbB][0-9a-fA-F_]+[lLuU]*",
      "[0-9][0-9_]*([.][0-9_]*)?([Ee][-+]?[0-9]+)?[fFlLuU]*",
      "[.][0-9][0-9_]*([Ee][-+]?[0-9]+)?[fFlLuU]?",
      "[-+*/<>%&^|=!]==?",
      "--|\\+\\+|<<=|>>=|&&|\\|\\||->|\\.\\*|!!|[?:.][.:]",
    ],
  },
  markdown: {
    headings: ["^ {0,3}#{1,6}[ \t].*"],
    words: ["[^<>= \t]+"],
  },
  matlab: {
    headings: ["^[[:space:]]*((classdef|function)[[:space:]].*)$|^(%%%?|##)[[:space:]].*$"],
    words: [NAME, "[-+0-9.e]+", "[=~<>]=", "\\.[*/\\^']", "\\|\\||&&"],
  },
  objc: {
    headings: [
      "!^[ \t]*(do|for|if|else|return|switch|while)",
      "^[ \t]*([-+][ \t]*\\([ \t]*[A-Za-z_][A-Za-z_0-9* \t]*\\)[ \t]*[A-Za-z_].*)$",
      "^[ \t]*(([A-Za-z_][A-Za-z_0-9]*[ \t]+)+[A-Za-z_][A-Za-z_0-9]*[ \t]*\\([^;]*)$",
      "^(@(implementation|interface|protocol)[ \t].*)$",
    ],
    words: [
      NAME,
      NUMBER_F,
      `${HEX}[lL]?`,
      ASSIGNING,
      "--|\\+\\+|<<=?|>>=?|&&|\\|\\||::|->",
    ],
  },
  pascal: {
    headings: [
      "^(((class[ \t]+)?(procedure|function)|constructor|destructor|interface|implementation|" +
      "initialization|finalization)[ \t]*.*)$",
      "^(.*=[ \t]*(class|record).*)$",
    ],
    words: [NAME, "[-+0-9.e]+", HEX, "<>|<=|>=|:=|\\.\\."],
  },
  perl: {
    headings: [
      "^package .*",
      "^sub [[:alnum:]_':]+[ \t]*(\\([^)]*\\)[ \t]*)?(:[^;#]*)?(\\{[ \t]*)?(#.*)?$",
      "^(BEGIN|END|INIT|CHECK|UNITCHECK|AUTOLOAD|DESTROY)[ \t]*(\\{[ \t]*)?(#.*)?$",
      "^=head[0-9] .*",
    ],
    words: [
      "[[:alpha:]_'][[:alnum:]_']*",
      "0[xb]?[0-9a-fA-F_]*",
      "[0-9a-fA-F_]+(\\.[0-9a-fA-F_]+)?([eE][-+]?[0-9_]+)?",
      "=>|-[rwxoRWXOezsfdlpSugkbctTBMAC>]|~~|::",
      "&&=|\\|\\|=|//=|\\*\\*=",
      "&&|\\|\\||//|\\+\\+|--|\\*\\*|\\.\\.\\.?",
      "[-+*/%.^&<>=!|]=",
      "=~|!~",
      "<<|<>|<=>|>>",
    ],
  },
  php: {
    headings: [
      "^[\t ]*(((public|protected|private|static|abstract|final)[\t ]+)*function.*)$",
      "^[\t ]*((((final|abstract)[\t ]+)?class|enum|interface|trait).*)$",
    ],
    words: [
      NAME,
      "[-+0-9.e]+",
      HEX,
      "[-+*/<>%&^|=!.]=",
      "--|\\+\\+|<<=?|>>=?|===|&&|\\|\\||::|->",
    ],
  },
  python: {
    headings: ["^[ \t]*((class|(async[ \t]+)?def)[ \t].*)$"],
    words: [
      NAME,
      "[-+0-9.e]+[jJlL]?",
      "0[xX]?[0-9a-fA-F]+[lL]?",
      ASSIGNING,
      "//=?|<<=?|>>=?|\\*\\*=?",
    ],
  },
  ruby: {
    headings: ["^[ \t]*((class|module|def)[ \t].*)$"],
    words: [
      `(@|@@|\\$)?${NAME}`,
      "[-+0-9.e]+",
      HEX,
      "\\?(\\\\C-)?(\\\\M-)?.",
      `//=?|${ASSIGNING}`,
      "<<=?|>>=?|===|\\.{1,3}|::|[!=]~",
    ],
  },
  rust: {
    headings: [
      "^[\t ]*((pub(\\([^\\)]+\\))?[\t ]+)?" +
      '((async|const|unsafe|extern([\t ]+"[^"]+"))[\t ]+)?' +
      "(struct|enum|union|mod|trait|fn|impl|macro_rules!)[< \t]+[^;]*)$",
    ],
    words: [
      NAME,
      "[0-9][0-9_a-fA-Fiosuxz]*(\\.([0-9]*[eE][+-]?)?[0-9_fF]*)?",
      "[-+*\\/<>%&^|=!:]=",
      "<<=?|>>=?|&&|\\|\\||->|=>|\\.{2}=|\\.{3}|::",
    ],
  },
  scheme: {
    headings: [
      "^[\t ]*(\\(((define|def(struct|syntax|class|method|rules|record|proto|alias)?)[-*/ \t]|" +
      "(library|module|struct|class)[*+ \t]).*)$",
    ],
    words: ["\\|([^\\\\]*)\\|", "([^][)(}{[ \t])+"],
  },
  tex: {
    headings: ["^(\\\\((sub)*section|chapter|part)\\*{0,1}\\{.*)$"],
    words: ["\\\\[a-zA-Z@]+", "\\\\.", "[a-zA-Z0-9\x80-\xff]+"],
  },
};

/** Any other visible character is a word too, several bytes of it or not. */
const OTHER_WORDS = "[^[:space:]]|[\xc0-\xff][\x80-\xbf]+";
/** Longest heading, in bytes. */
const MAX_HEADING = 80;

/** What a word is in a language, as an extended regular expression; `undefined` when unknown. */
export function languageWords(name: string): ByteString | undefined {
  const language = Object.hasOwn(LANGUAGES, name) ? LANGUAGES[name]! : undefined;
  return language === undefined ? undefined : [...language.words, OTHER_WORDS].join("|");
}

/** Finds headings in the lines of a language; `undefined` for one that is not known. */
export function languageHeadings(
  name: string,
): ((line: ByteString) => ByteString | undefined) | undefined {
  if (!Object.hasOwn(LANGUAGES, name)) return undefined;
  const { headings, ignoreCase } = LANGUAGES[name]!;
  return headingFinder(headings.join("\n"), { ignoreCase: ignoreCase ?? false, extended: true });
}

/**
 * Finds headings by expressions, one on each line, tried in order; one with `!` in front says that
 * a line is no heading. What the first group of an expression matches is the heading. Throws
 * `GitError` when an expression is not valid, or when the last one only excludes.
 */
export function headingFinder(
  source: ByteString,
  options: { ignoreCase?: boolean; extended?: boolean },
): (line: ByteString) => ByteString | undefined {
  const rules = source.split("\n").map((text) => ({
    excludes: text.startsWith("!"),
    expression: new PosixRegex(text.replace(/^!/, ""), {
      ...options,
      multiline: true,
    }),
  }));
  return (line) => {
    const text = line.endsWith("\n") ? line.slice(0, -1) : line;
    for (const { excludes, expression } of rules) {
      const match = expression.exec(text);
      if (match === undefined) continue;
      if (excludes) return undefined;
      const { start, end } = expression.group(text, match, 1) ?? match;
      return text.slice(start, end).slice(0, MAX_HEADING).replace(/[\t\n\r ]+$/, "");
    }
    return undefined;
  };
}
