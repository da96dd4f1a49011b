/**
 * What is kept of tables in memory, bounded in bytes: blocks, and open tables with their index
 * and filter. Both drop what was not used since the clock's hand passed it last (the CLOCK
 * approximation of least recently used), which makes a hit one store.
 */
import type { Block, BlockOwner } from "./_block.ts";

const SHARDS = 16;
const BLOCK_OVERHEAD = 160;

class Shard {
  blocks: Block[] = [];
  hand = 0;
  used = 0;
  limit = 0;
}

function costOf(block: Block): number {
  return block.bytes.length + BLOCK_OVERHEAD;
}

/** Blocks in memory. Sixteen shards bound how far one insertion has to look. */
export class BlockCache {
  shards: Shard[] = Array.from({ length: SHARDS }, () => new Shard());
  limitBytes: number;
  misses = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    for (const shard of this.shards) shard.limit = limitBytes / SHARDS;
  }

  /** Bytes held. */
  get sizeBytes(): number {
    return this.shards.reduce((sum, shard) => sum + shard.used, 0);
  }

  shardOf(owner: BlockOwner, number: number): Shard {
    return this.shards[owner.salt + number & SHARDS - 1]!;
  }

  /** Keeps a block; one that is larger than a shard is not kept. */
  add(owner: BlockOwner, number: number, block: Block): void {
    const shard = this.shardOf(owner, number);
    const cost = costOf(block);
    if (cost > shard.limit) return;
    while (shard.used + cost > shard.limit) {
      if (shard.hand >= shard.blocks.length) shard.hand = 0;
      const old = shard.blocks[shard.hand]!;
      if (old.used) {
        old.used = false;
        shard.hand++;
      } else this.remove(shard, old);
    }
    block.owner = owner;
    block.number = number;
    block.place = shard.blocks.length;
    shard.blocks.push(block);
    shard.used += cost;
    owner.blocks[number] = block;
  }

  remove(shard: Shard, block: Block): void {
    const last = shard.blocks.pop()!;
    if (last !== block) {
      shard.blocks[block.place] = last;
      last.place = block.place;
    }
    shard.used -= costOf(block);
    block.place = -1;
    block.owner!.blocks[block.number] = undefined;
    block.owner = undefined;
  }

  /** Drops the blocks of a table that is closed. */
  forget(owner: BlockOwner): void {
    for (const block of owner.blocks) {
      if (block !== undefined) this.remove(this.shardOf(owner, block.number), block);
    }
  }
}

/** An open table as its cache sees it. */
export interface CachedTable {
  /** Bytes of its index and filter. */
  readonly sizeBytes: number;
  /** Set by each use. */
  used: boolean;
  /** Lets the cache's reference go. */
  evict(): void;
}

/** Open tables, bounded in bytes of index and filter, and in number (each holds a descriptor). */
export class TableCache<T extends CachedTable> {
  tables: T[] = [];
  limitBytes: number;
  limitCount: number;
  sizeBytes = 0;
  hand = 0;

  constructor(limitBytes: number, limitCount: number) {
    this.limitBytes = limitBytes;
    this.limitCount = limitCount;
  }

  /** Keeps a table open; at least this one stays. */
  add(table: T): void {
    while (
      this.tables.length > 0 &&
      (this.sizeBytes + table.sizeBytes > this.limitBytes || this.tables.length >= this.limitCount)
    ) {
      if (this.hand >= this.tables.length) this.hand = 0;
      const old = this.tables[this.hand]!;
      if (old.used) {
        old.used = false;
        this.hand++;
      } else this.remove(old);
    }
    this.tables.push(table);
    this.sizeBytes += table.sizeBytes;
  }

  /** Drops a table, if it is here. */
  remove(table: T): void {
    const at = this.tables.indexOf(table);
    if (at < 0) return;
    const last = this.tables.pop()!;
    if (last !== table) this.tables[at] = last;
    this.sizeBytes -= table.sizeBytes;
    table.evict();
  }
}
