/** The characters that JSON5 takes from ECMAScript 5.1. */

const ID_START = /^[\p{L}\p{Nl}$_]$/u;
const ID_PART = /^[\p{L}\p{Nl}$_\p{Mn}\p{Mc}\p{Nd}\p{Pc}\u200c\u200d]$/u;
const SPACE = /^[\t\v\f \u00a0\ufeff\n\r\u2028\u2029\p{Zs}]$/u;

export function isIdentifierStart(point: number): boolean {
  if (point < 128) {
    return (point >= 97 && point <= 122) || (point >= 65 && point <= 90) || point === 36 ||
      point === 95;
  }
  return ID_START.test(String.fromCodePoint(point));
}

export function isIdentifierPart(point: number): boolean {
  if (point < 128) return isIdentifierStart(point) || (point >= 48 && point <= 57);
  return ID_PART.test(String.fromCodePoint(point));
}

export function isJson5Space(code: number): boolean {
  return SPACE.test(String.fromCharCode(code));
}
