/** A batch that is built call by call. */
import { DatabaseClosedError } from "./errors.ts";
import type { Operation, WriteOptions } from "./operation.ts";

/**
 * Operations that are written all or not at all, in the order of the calls. Keys and values are
 * not copied before {@linkcode Batch.write}: leave them unchanged until then.
 *
 * @example
 * ```ts
 * import { Database } from "@groundwork/std/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * await using db = await Database.open(await Deno.makeTempDir());
 * await db.batch().put(bytes("a"), bytes("1")).put(bytes("b"), bytes("2")).delete(bytes("a")).write();
 * assertEquals(db.hasSync(bytes("a")), false);
 * assertEquals(db.hasSync(bytes("b")), true);
 * ```
 */
export class Batch {
  #operations: Operation[] = [];
  #written = false;
  #write: (operations: readonly Operation[], options?: WriteOptions) => Promise<void>;

  /** Made by `Database.batch()`; `write` takes the finished list. */
  constructor(write: (operations: readonly Operation[], options?: WriteOptions) => Promise<void>) {
    this.#write = write;
  }

  /** How many operations it holds. */
  get length(): number {
    return this.#operations.length;
  }

  /** Adds an operation, such as one that a namespace has made. */
  add(operation: Operation): this {
    if (this.#written) throw new DatabaseClosedError("batch");
    this.#operations.push(operation);
    return this;
  }

  /** Sets a key. `ttl` is a lifetime in milliseconds, for a database opened with `ttl`. */
  put(key: Uint8Array, value: Uint8Array, options: { readonly ttl?: number } = {}): this {
    const { ttl } = options;
    return this.add({ type: "put", key, value, ...(ttl === undefined ? {} : { ttl }) });
  }

  /** Removes a key. */
  delete(key: Uint8Array): this {
    return this.add({ type: "delete", key });
  }

  /** Removes the keys of a range, `to` not among them. */
  deleteRange(from: Uint8Array, to: Uint8Array): this {
    return this.add({ type: "deleteRange", from, to });
  }

  /** Forgets the operations so far. */
  clear(): this {
    if (this.#written) throw new DatabaseClosedError("batch");
    this.#operations = [];
    return this;
  }

  /** Writes the batch, once. Errors as `Database.write()`. */
  async write(options: WriteOptions = {}): Promise<void> {
    if (this.#written) throw new DatabaseClosedError("batch");
    this.#written = true;
    await this.#write(this.#operations, options);
  }
}
