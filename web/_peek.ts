import { concat } from "@std/bytes";

/** The beginning of a body, and a body that still has all of it. */
export interface PeekedBody {
  /** What was read: everything if `isComplete`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isComplete: boolean;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

/**
 * Reads a body until it ends or at least `bytes` of it are there. With `eager`, it stops where
 * the body does not end at once: the rest of a slow body is not waited for.
 */
export async function peekBody(
  source: ReadableStream<Uint8Array>,
  minBytes: number,
  eager = false,
): Promise<PeekedBody> {
  const reader = source.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;
  while (size < minBytes) {
    pending = reader.read();
    const result = eager && chunks.length > 0 ? await raceWithTurn(pending) : await pending;
    if (result === undefined) break;
    pending = undefined;
    if (result.done) {
      const bytes = concat(chunks);
      return { bytes, isComplete: true, body: bytes };
    }
    chunks.push(result.value);
    size += result.value.byteLength;
  }
  return { bytes: concat(chunks), isComplete: false, body: resume(reader, chunks, pending) };
}

/** Resolves to undefined if the promise does not settle within a turn of the event loop. */
async function raceWithTurn<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), 0));
  try {
    return await Promise.race([promise, turn]);
  } finally {
    clearTimeout(timer);
  }
}

function resume(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chunks: Uint8Array[],
  pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift();
      if (chunk !== undefined) return controller.enqueue(chunk);
      const result = await (pending ?? reader.read());
      pending = undefined;
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    cancel(reason) {
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
