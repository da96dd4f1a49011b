/**
 * The backend's building blocks. Every module is imported by itself, `@groundwork/std/web` say;
 * this entry holds the few things that one program uses most.
 *
 * @module
 */
export { App, serve } from "./web/mod.ts";
