/** Typed facade of `@std/fmt/colors` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/fmt/colors.js";

type Paint = (text: string) => string;

export const bold: Paint = npm.bold;
export const dim: Paint = npm.dim;
export const italic: Paint = npm.italic;
export const underline: Paint = npm.underline;
export const inverse: Paint = npm.inverse;
export const black: Paint = npm.black;
export const red: Paint = npm.red;
export const green: Paint = npm.green;
export const yellow: Paint = npm.yellow;
export const blue: Paint = npm.blue;
export const magenta: Paint = npm.magenta;
export const cyan: Paint = npm.cyan;
export const white: Paint = npm.white;
export const gray: Paint = npm.gray;
export const brightGreen: Paint = npm.brightGreen;
export const brightRed: Paint = npm.brightRed;
export const stripAnsiCode: Paint = npm.stripAnsiCode;
export const getColorEnabled: () => boolean = npm.getColorEnabled;
export const setColorEnabled: (value: boolean) => void = npm.setColorEnabled;
