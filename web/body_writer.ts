/** How many bytes wait for a slow reader before {@linkcode BodyWriter.write} does not resolve. */
export const MAX_BUFFERED_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** What may be sent as the body of a streamed answer. */
export type StreamSource =
  | ReadableStream<Uint8Array>
  | AsyncIterable<string | Uint8Array>
  | ((writer: BodyWriter) => void | Promise<void>);

/** Internals of a {@linkcode BodyWriter} that its stream drives. */
interface Pipe {
  controller: ReadableStreamDefaultController<Uint8Array>;
  /** Resolves the writers that wait for the reader. */
  wake: () => void;
  drained: Promise<void> | undefined;
}

/**
 * The writing end of a streamed answer; see {@linkcode Context.stream}. `write()` resolves when
 * there is room for more, so a slow client slows its producer down: at most 64 KiB and the chunk
 * in hand wait in memory.
 */
export class BodyWriter {
  readonly #abort: AbortController;
  readonly #pipe: Pipe;
  #chunks = 0;

  /** Made by {@linkcode bodyFrom}. */
  constructor(abort: AbortController, pipe: Pipe) {
    this.#abort = abort;
    this.#pipe = pipe;
  }

  /** Aborted when the client is gone, or the answer is not wanted. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Sends a chunk; text goes as UTF-8. Resolves when the next one may be written. The bytes belong
   * to the stream from then on.
   *
   * @throws The reason of {@linkcode signal} if the client is gone. A producer may let it pass.
   */
  async write(chunk: string | Uint8Array): Promise<void> {
    this.#abort.signal.throwIfAborted();
    const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
    if (bytes.byteLength === 0) return;
    this.#chunks++;
    const { controller } = this.#pipe;
    controller.enqueue(bytes);
    if (controller.desiredSize! > -MAX_BUFFERED_BYTES) return;
    this.#pipe.drained ??= new Promise((resolve) => this.#pipe.wake = resolve);
    await this.#pipe.drained;
    this.#abort.signal.throwIfAborted();
  }

  /** How many chunks were written. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Whether bytes wait for the reader. */
  get isBusy(): boolean {
    return this.#pipe.controller.desiredSize! < 0;
  }
}

/**
 * Hands each value of an iterable to `use`, and stops waiting for the next one when the signal
 * aborts. The iterator is returned in every case; a generator that is stuck in an `await` of its
 * own sees that when the `await` ends.
 */
export async function forEachUntilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  use: (value: T) => Promise<void>,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => onAbort = () => reject(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (true) {
      signal.throwIfAborted();
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) return;
      await use(next.value);
    }
  } catch (error) {
    // Not awaited: a stuck iterator must not keep the stream. What it throws has no one to go to.
    iterator.return?.()?.then(undefined, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Makes a body that a producer fills. The producer starts when the body is first read, and a
 * failure breaks the stream, so that the client cannot take the answer for complete.
 */
export function bodyFrom(
  produce: (writer: BodyWriter) => void | Promise<void>,
  clientSignal: AbortSignal,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const abort = new AbortController();
  const pipe: Pipe = { controller: undefined!, wake: () => {}, drained: undefined };
  const stop = (reason: unknown) => {
    abort.abort(reason);
    pipe.wake();
  };
  const onClientAbort = () => stop(clientSignal.reason);
  const run = async () => {
    try {
      if (!clientSignal.aborted) await produce(new BodyWriter(abort, pipe));
      if (!abort.signal.aborted) pipe.controller.close();
      else pipe.controller.error(abort.signal.reason);
    } catch (error) {
      if (!abort.signal.aborted || error !== abort.signal.reason) onError(error);
      pipe.controller.error(error);
    } finally {
      clientSignal.removeEventListener("abort", onClientAbort);
    }
  };
  let isStarted = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      pipe.controller = controller;
    },
    pull() {
      const { wake } = pipe;
      pipe.drained = undefined;
      wake();
      if (isStarted) return;
      isStarted = true;
      clientSignal.addEventListener("abort", onClientAbort, { once: true });
      run();
    },
    cancel(reason) {
      stop(reason ?? new DOMException("The client closed the connection", "AbortError"));
    },
  }, { highWaterMark: 0, size: (chunk) => chunk.byteLength });
}

/** Makes a body from anything that can be streamed. */
export function bodyFromSource(
  source: StreamSource,
  clientSignal: AbortSignal,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  if (source instanceof ReadableStream) return source;
  if (typeof source === "function") return bodyFrom(source, clientSignal, onError);
  return bodyFrom(
    (writer) => forEachUntilAborted(source, writer.signal, (chunk) => writer.write(chunk)),
    clientSignal,
    onError,
  );
}
