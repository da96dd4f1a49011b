/** A state of the database that reads can go back to. */

/** A state of the database that reads can go back to until it is disposed. */
export class Snapshot implements Disposable {
  /** The sequence number of the last write that it sees. */
  readonly sequence: number;
  /** When it was taken, in milliseconds since the epoch: what had expired by then is not seen. */
  readonly time: number;
  #release: ((snapshot: Snapshot) => void) | undefined;

  /** Made by `Database.snapshot()`. */
  constructor(sequence: number, time: number, release: (snapshot: Snapshot) => void) {
    this.sequence = sequence;
    this.time = time;
    this.#release = release;
  }

  /** Whether it was disposed; reads with it then throw `DatabaseClosedError`. */
  get disposed(): boolean {
    return this.#release === undefined;
  }

  /** Lets compaction drop what only this snapshot sees. Again does nothing. */
  [Symbol.dispose](): void {
    const release = this.#release;
    this.#release = undefined;
    release?.(this);
  }
}
