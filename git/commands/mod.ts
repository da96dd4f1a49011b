/**
 * The command line as a function.
 *
 * @module
 */
export { commandNames, main } from "./main.ts";
