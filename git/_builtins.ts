/**
 * Lazy access to the Node built-ins that are slow to load: a command that needs none of them
 * starts in half the time.
 *
 * @module
 */
import type * as Crypto from "node:crypto";
import type * as Zlib from "node:zlib";
import type * as Fs from "node:fs";

interface BuiltinLoader {
  getBuiltinModule(name: string): unknown;
}

function load<T>(name: string): T {
  const loader = (globalThis as unknown as { process: BuiltinLoader }).process;
  return loader.getBuiltinModule(name) as T;
}

let zlibModule: typeof Zlib | undefined;
let cryptoModule: typeof Crypto | undefined;
let fsModule: typeof Fs | undefined;

/** `node:zlib`. */
export function zlib(): typeof Zlib {
  return zlibModule ??= load<typeof Zlib>("node:zlib");
}

/** `node:crypto`. */
export function nodeCrypto(): typeof Crypto {
  return cryptoModule ??= load<typeof Crypto>("node:crypto");
}

/** `node:fs`. */
export function nodeFs(): typeof Fs {
  return fsModule ??= load<typeof Fs>("node:fs");
}

/** Whether `node:crypto` is in memory already. */
export function cryptoLoaded(): boolean {
  return cryptoModule !== undefined;
}
