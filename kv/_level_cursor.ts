/** A cursor over the tables of a level from 1 on, of which it opens one at a time. */
import { Cursor } from "./_cursor.ts";
import { FIRST, type TableReader } from "./_table_reader.ts";
import type { Table, Version } from "./_version.ts";

/** Tables of one level as one. Its user pins the version. */
export class LevelCursor extends Cursor {
  version: Version;
  level: number;
  tables: readonly Table[];
  open: (table: Table) => TableReader;
  fill: boolean;
  place = -1;
  inner: Cursor | undefined;

  constructor(
    version: Version,
    level: number,
    open: (table: Table) => TableReader,
    fill: boolean,
  ) {
    super();
    this.version = version;
    this.level = level;
    this.tables = version.levels[level]!;
    this.open = open;
    this.fill = fill;
  }

  enter(place: number): Cursor | undefined {
    if (place !== this.place || this.inner === undefined) {
      this.inner?.close();
      this.inner = undefined;
      this.place = place;
      const table = this.tables[place];
      if (table !== undefined) this.inner = this.open(table).cursor(this.fill);
    }
    return this.inner;
  }

  show(): void {
    const inner = this.inner!;
    this.valid = true;
    this.key = inner.key;
    this.keyStart = inner.keyStart;
    this.keyLength = inner.keyLength;
    this.sequence = inner.sequence;
    this.live = inner.live;
    this.value = inner.value;
    this.valueStart = inner.valueStart;
    this.valueLength = inner.valueLength;
  }

  forward(): void {
    while (this.inner !== undefined && !this.inner.valid) this.enter(this.place + 1)?.first();
    if (this.inner === undefined) this.valid = false;
    else this.show();
  }

  backward(): void {
    while (this.inner !== undefined && !this.inner.valid) this.enter(this.place - 1)?.last();
    if (this.inner === undefined) this.valid = false;
    else this.show();
  }

  override first(): void {
    this.enter(0)?.first();
    this.forward();
  }

  override last(): void {
    this.enter(this.tables.length - 1)?.last();
    this.backward();
  }

  override seek(key: Uint8Array, start: number, length: number, sequence: number): void {
    const own = start === 0 ? key : key.subarray(start);
    this.enter(this.version.locate(this.level, own, length, sequence))
      ?.seek(key, start, length, sequence);
    this.forward();
  }

  override seekBefore(key: Uint8Array, start: number, length: number): void {
    const own = start === 0 ? key : key.subarray(start);
    const place = this.version.locate(this.level, own, length, FIRST);
    if (place === this.tables.length) return this.last();
    this.enter(place)!.seekBefore(key, start, length);
    this.backward();
  }

  override next(): void {
    this.inner!.next();
    if (this.inner!.valid) this.show();
    else this.forward();
  }

  override previous(): void {
    this.inner!.previous();
    if (this.inner!.valid) this.show();
    else this.backward();
  }

  override close(): void {
    this.inner?.close();
    this.inner = undefined;
    this.valid = false;
  }
}
