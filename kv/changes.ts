/** Streams of what was committed. */
import { compareBytes } from "./_bytes.ts";
import { LimitError } from "./errors.ts";
import type { KeyRange } from "./iterator.ts";
import type { CommittedBatch, CommittedOperation } from "./operation.ts";

/** Options of `Database.changes()`. */
export interface ChangesOptions {
  /** Give the batches behind this sequence number. Default: the newest one, so only what comes. */
  readonly since?: number;
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of `Database.watch()`. */
export interface WatchOptions extends KeyRange {
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One operation on a watched key. */
export type WatchEvent = CommittedOperation & {
  /** The sequence number of this operation. */
  readonly sequence: number;
};

/** What a stream of changes needs of its database. */
export interface ChangeSource {
  /** The sequence number of the last visible write. */
  readonly sequence: number;
  /** Calls the listener with each batch as it becomes visible. */
  onCommit(listener: (batch: CommittedBatch) => void): Disposable;
  /** Calls the listener once the database is closed. */
  onClose(listener: () => void): Disposable;
  /** The batches of the log files behind `since`, in order. Throws `ChangesGoneError`. */
  readLogs(since: number): Iterable<CommittedBatch>;
}

const QUEUE_BYTES = 4 * 2 ** 20;
const WATCH_BYTES = 16 * 2 ** 20;
const OPERATION_OVERHEAD = 64;

function sizeOf(batch: CommittedBatch): number {
  let size = OPERATION_OVERHEAD;
  for (const operation of batch.operations) {
    size += OPERATION_OVERHEAD + operation.key.length;
    if (operation.type === "put") size += operation.value.length;
  }
  return size;
}

/** A promise that can be woken again and again. */
class Signal {
  #wake: (() => void) | undefined;
  notify(): void {
    this.#wake?.();
  }
  async wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}

/** Runs a generator whose clean-up also happens when it is ended before its first step. */
function stream<T>(
  steps: AsyncGenerator<T, undefined>,
  cleanUp: () => void,
): AsyncIterableIterator<T> & AsyncDisposable {
  const result: AsyncIterableIterator<T> & AsyncDisposable = {
    next: () => steps.next(),
    return: () => {
      cleanUp();
      return steps.return(undefined);
    },
    [Symbol.asyncIterator]: () => result,
    [Symbol.asyncDispose]: async () => {
      await result.return!();
    },
  };
  return result;
}

/**
 * Committed batches in order: first from the logs, then as they come. A reader that falls behind
 * by more than 4 MiB goes back to the logs, so it costs bounded memory.
 */
export function changesOf(
  source: ChangeSource,
  options: ChangesOptions,
): AsyncIterableIterator<CommittedBatch> & AsyncDisposable {
  const { signal } = options;
  const wake = new Signal();
  let position = options.since ?? source.sequence;
  let live = position >= source.sequence;
  let queue: CommittedBatch[] = [];
  let queued = 0;
  let ended = false;
  const commits = source.onCommit((batch) => {
    if (!live) return;
    queued += sizeOf(batch);
    if (queued > QUEUE_BYTES) {
      live = false;
      queue = [];
      queued = 0;
    } else queue.push(batch);
    wake.notify();
  });
  const end = () => {
    ended = true;
    wake.notify();
  };
  const closes = source.onClose(end);
  signal?.addEventListener("abort", end);
  const cleanUp = () => {
    commits[Symbol.dispose]();
    closes[Symbol.dispose]();
    signal?.removeEventListener("abort", end);
    end();
  };
  const lastOf = (batch: CommittedBatch) =>
    batch.sequence + Math.max(1, batch.operations.length) - 1;
  async function* steps(): AsyncGenerator<CommittedBatch, undefined> {
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (ended) return;
        if (!live) {
          for (const batch of source.readLogs(position)) {
            position = lastOf(batch);
            yield batch;
            signal?.throwIfAborted();
            if (ended) return;
          }
          if (position >= source.sequence) live = true;
          continue;
        }
        const batches = queue;
        queue = [];
        queued = 0;
        for (const batch of batches) {
          position = lastOf(batch);
          yield batch;
          signal?.throwIfAborted();
        }
        if (batches.length === 0) await wake.wait();
      }
    } finally {
      cleanUp();
    }
  }
  return stream(steps(), cleanUp);
}

/** Whether `key` is inside `range`. */
export function inRange(key: Uint8Array, range: KeyRange): boolean {
  const { from, gte, gt, to, lt, lte } = range;
  return !(from && compareBytes(key, from) < 0 || gte && compareBytes(key, gte) < 0 ||
    gt && compareBytes(key, gt) <= 0 || to && compareBytes(key, to) >= 0 ||
    lt && compareBytes(key, lt) >= 0 || lte && compareBytes(key, lte) > 0);
}

/**
 * Operations on the keys of a range, from the call on. A reader that falls behind by more than
 * 16 MiB of them gets a `LimitError`: read the range again.
 */
export function watchOf(
  source: ChangeSource,
  options: WatchOptions,
): AsyncIterableIterator<WatchEvent> & AsyncDisposable {
  const { signal } = options;
  const wake = new Signal();
  let queue: WatchEvent[] = [];
  let queued = 0;
  let ended = false;
  const commits = source.onCommit((batch) => {
    let sequence = batch.sequence;
    for (const operation of batch.operations) {
      const event = { ...operation, sequence: sequence++ };
      if (queued > WATCH_BYTES || !inRange(operation.key, options)) continue;
      queued += OPERATION_OVERHEAD + operation.key.length;
      if (operation.type === "put") queued += operation.value.length;
      queue.push(event);
    }
    if (queue.length > 0) wake.notify();
  });
  const end = () => {
    ended = true;
    wake.notify();
  };
  const closes = source.onClose(end);
  signal?.addEventListener("abort", end);
  const cleanUp = () => {
    commits[Symbol.dispose]();
    closes[Symbol.dispose]();
    signal?.removeEventListener("abort", end);
    end();
  };
  async function* steps(): AsyncGenerator<WatchEvent, undefined> {
    try {
      for (;;) {
        signal?.throwIfAborted();
        const overrun = queued;
        const events = queue;
        queue = [];
        queued = 0;
        for (const event of events) {
          yield event;
          signal?.throwIfAborted();
        }
        if (overrun > WATCH_BYTES) throw new LimitError("queue of a watch", WATCH_BYTES, overrun);
        if (ended) return;
        if (events.length === 0) await wake.wait();
      }
    } finally {
      cleanUp();
    }
  }
  return stream(steps(), cleanUp);
}
