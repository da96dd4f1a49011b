/**
 * Which commits a client of fetch offers to the other side, to find what both have.
 *
 * @module
 */
import type { ObjectId } from "./hash_algorithm.ts";
import { commitLinks, TimeQueue } from "./merge_base.ts";
import type { ObjectStore } from "./object_store.ts";

const COMMON = 1, OFFERED = 2, SEEN = 4, POPPED = 8;

/** Decides which commits are offered to the other side. */
export interface Negotiator {
  /** Adds a commit to start from. */
  addTip(id: ObjectId): void;
  /** A commit that both sides have, because a ref of the other side names it. */
  knownCommon(id: ObjectId): void;
  /** The other side has this commit. Returns whether that was known. */
  acknowledge(id: ObjectId): boolean;
  /** The next commit to offer. */
  next(): ObjectId | undefined;
}

/** How commits are chosen (`fetch.negotiationAlgorithm`). */
export type NegotiationAlgorithm = "consecutive" | "skipping" | "noop";

/** The negotiator of an algorithm. */
export function makeNegotiator(
  store: ObjectStore,
  algorithm: NegotiationAlgorithm = "consecutive",
): Negotiator {
  if (algorithm === "noop") {
    return {
      addTip: () => {},
      knownCommon: () => {},
      acknowledge: () => false,
      next: () => undefined,
    };
  }
  return algorithm === "skipping"
    ? new SkippingNegotiator(store)
    : new ConsecutiveNegotiator(store);
}

/** Offers commits newest first, one after the other, and nothing known to be common. */
export class ConsecutiveNegotiator implements Negotiator {
  readonly #store: ObjectStore;
  #flags = new Map<ObjectId, number>();
  #queue = new TimeQueue();
  #open = 0;

  /** Walks the history in `store`. */
  constructor(store: ObjectStore) {
    this.#store = store;
  }

  #push(id: ObjectId, flags: number): void {
    const before = this.#flags.get(id) ?? 0;
    if ((before & SEEN) !== 0) return;
    this.#flags.set(id, before | flags | SEEN);
    this.#queue.push(id, commitLinks(this.#store, id).time);
    if (((before | flags) & COMMON) === 0) this.#open++;
  }

  /** Marks a commit and what it reaches as common; `self` too when it need not be offered. */
  #markCommon(start: ObjectId, self: boolean): void {
    const stack: [ObjectId, boolean][] = [[start, self]];
    while (stack.length > 0) {
      const [id, own] = stack.pop()!;
      const flags = this.#flags.get(id) ?? 0;
      if ((flags & COMMON) !== 0) continue;
      if (!this.#store.has(id)) continue;
      if (own) {
        this.#flags.set(id, flags | COMMON);
        if ((flags & SEEN) === 0) {
          this.#push(id, 0);
          continue;
        }
        if ((flags & POPPED) === 0) {
          // It waits in the queue and takes its parents along when it comes out.
          this.#open--;
          continue;
        }
      } else if ((flags & SEEN) === 0) {
        this.#push(id, OFFERED);
        continue;
      }
      for (const parent of commitLinks(this.#store, id).parents) {
        if (((this.#flags.get(parent) ?? 0) & SEEN) !== 0) stack.push([parent, true]);
      }
    }
  }

  /** Adds a commit to start from. */
  addTip(id: ObjectId): void {
    this.#push(id, 0);
  }

  /** A commit that both sides have, because a ref of the other side names it. */
  knownCommon(id: ObjectId): void {
    if (((this.#flags.get(id) ?? 0) & SEEN) === 0) this.#markCommon(id, false);
  }

  /** The other side has this commit. Returns whether that was known. */
  acknowledge(id: ObjectId): boolean {
    const known = ((this.#flags.get(id) ?? 0) & COMMON) !== 0;
    this.#markCommon(id, true);
    return known;
  }

  /** The next commit to offer. */
  next(): ObjectId | undefined {
    while (this.#open > 0) {
      const id = this.#queue.pop();
      if (id === undefined) return undefined;
      const flags = this.#flags.get(id)! | POPPED;
      this.#flags.set(id, flags);
      if ((flags & COMMON) === 0) this.#open--;
      const below = (flags & (COMMON | OFFERED)) !== 0;
      for (const parent of commitLinks(this.#store, id).parents) {
        if (!this.#store.has(parent)) continue;
        const own = this.#flags.get(parent) ?? 0;
        if ((own & SEEN) === 0) this.#push(parent, below ? COMMON : 0);
        else if (below) this.#markCommon(parent, true);
      }
      if ((flags & COMMON) === 0) return id;
    }
    return undefined;
  }
}

interface SkippingEntry {
  /** How many commits are skipped from one that is offered to the next. */
  stride: number;
  /** How many are still skipped here. */
  left: number;
}

/**
 * Offers commits in growing strides: it meets what both sides have in fewer rounds, and may miss
 * the newest such commit by a stride.
 */
export class SkippingNegotiator implements Negotiator {
  readonly #store: ObjectStore;
  readonly #flags = new Map<ObjectId, number>();
  readonly #entries = new Map<ObjectId, SkippingEntry>();
  readonly #queue = new TimeQueue();
  #open = 0;

  /** Walks the history in `store`. */
  constructor(store: ObjectStore) {
    this.#store = store;
  }

  #push(id: ObjectId, flags: number): SkippingEntry {
    const entry = { stride: 0, left: 0 };
    this.#flags.set(id, (this.#flags.get(id) ?? 0) | flags | SEEN);
    this.#entries.set(id, entry);
    this.#queue.push(id, commitLinks(this.#store, id).time);
    if ((flags & COMMON) === 0) this.#open++;
    return entry;
  }

  #markCommon(start: ObjectId): void {
    const stack = [start];
    while (stack.length > 0) {
      const id = stack.pop()!;
      const flags = this.#flags.get(id) ?? 0;
      if ((flags & COMMON) !== 0) continue;
      this.#flags.set(id, flags | COMMON);
      if ((flags & SEEN) !== 0 && (flags & POPPED) === 0) this.#open--;
      if (!this.#store.has(id)) continue;
      for (const parent of commitLinks(this.#store, id).parents) {
        if (((this.#flags.get(parent) ?? 0) & SEEN) !== 0) stack.push(parent);
      }
    }
  }

  /** Adds a commit to start from. */
  addTip(id: ObjectId): void {
    if (((this.#flags.get(id) ?? 0) & SEEN) === 0) this.#push(id, 0);
  }

  /** A commit that both sides have. */
  knownCommon(id: ObjectId): void {
    if (((this.#flags.get(id) ?? 0) & SEEN) === 0) this.#push(id, OFFERED);
  }

  /** The other side has this commit. Returns whether that was known. */
  acknowledge(id: ObjectId): boolean {
    const known = ((this.#flags.get(id) ?? 0) & COMMON) !== 0;
    this.#markCommon(id);
    return known;
  }

  #pushParent(id: ObjectId, entry: SkippingEntry, parent: ObjectId): boolean {
    if (!this.#store.has(parent)) return false;
    const flags = this.#flags.get(parent) ?? 0;
    if ((flags & POPPED) !== 0) return false;
    const target = (flags & SEEN) === 0 ? this.#push(parent, 0) : this.#entries.get(parent)!;
    if (((this.#flags.get(id) ?? 0) & (COMMON | OFFERED)) !== 0) this.#markCommon(parent);
    else {
      const stride = entry.left > 0 ? entry.stride : Math.floor(entry.stride * 3 / 2) + 1;
      if (target.stride < stride) {
        target.stride = stride;
        target.left = entry.left > 0 ? entry.left - 1 : stride;
      }
    }
    return true;
  }

  /** The next commit to offer. */
  next(): ObjectId | undefined {
    while (this.#open > 0) {
      const id = this.#queue.pop();
      if (id === undefined) return undefined;
      const entry = this.#entries.get(id)!;
      this.#entries.delete(id);
      const flags = this.#flags.get(id)! | POPPED;
      this.#flags.set(id, flags);
      const common = (flags & COMMON) !== 0;
      if (!common) this.#open--;
      let pushed = false;
      for (const parent of commitLinks(this.#store, id).parents) {
        if (this.#pushParent(id, entry, parent)) pushed = true;
      }
      if (!common && (entry.left === 0 || !pushed)) return id;
    }
    return undefined;
  }
}
