import { bodyFrom, type BodyWriter, forEachUntilAborted } from "./body_writer.ts";

/** One server-sent event (WHATWG HTML, section 9.2). */
export interface SseEvent {
  /** The payload: text as it is (each of its lines becomes a `data` field), all else as JSON. */
  data?: unknown;
  /** The event's type; the browser's default is `message`. */
  event?: string;
  /** The id that a client sends back as `Last-Event-ID` when it connects again. */
  id?: string;
  /** How long a client waits before it connects again, in milliseconds. */
  retryMs?: number;
}

/** Options of {@linkcode Context.sse}. */
export interface SseOptions {
  /**
   * How long the stream may be silent before a comment keeps it open, in milliseconds; 0 for never.
   *
   * @default {15000}
   */
  keepAliveMs?: number;
}

const LINE_BREAK = /\r\n|\r|\n/;

/**
 * Writes an event as the format has it.
 *
 * @throws {TypeError} If the type or the id has a line break or a NUL in it, or the retry time is
 * not a whole number of milliseconds.
 */
export function formatSseEvent(event: SseEvent): string {
  let text = "";
  if (event.event !== undefined) text += `event: ${checkField("type", event.event)}\n`;
  if (event.id !== undefined) text += `id: ${checkField("id", event.id)}\n`;
  if (event.retryMs !== undefined) {
    if (!Number.isSafeInteger(event.retryMs) || event.retryMs < 0) {
      throw new TypeError(`Cannot send the event: the retry time ${event.retryMs} is not valid`);
    }
    text += `retry: ${event.retryMs}\n`;
  }
  if (event.data !== undefined) {
    const data = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
    for (const line of data.split(LINE_BREAK)) text += `data: ${line}\n`;
  }
  return text + "\n";
}

function checkField(field: string, value: string): string {
  if (/[\r\n\0]/.test(value)) {
    throw new TypeError(`Cannot send the event: its ${field} has a line break or NUL in it`);
  }
  return value;
}

/** The sending end of a stream of server-sent events; see {@linkcode Context.sse}. */
export class SseStream {
  readonly #writer: BodyWriter;
  /** The id of the last event that the client had when it connected again. */
  readonly lastEventId: string | undefined;

  /** Sends through `writer`. */
  constructor(writer: BodyWriter, lastEventId: string | undefined) {
    this.#writer = writer;
    this.lastEventId = lastEventId;
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    return this.#writer.signal;
  }

  /**
   * Sends an event; resolves when there is room for the next one.
   *
   * @throws {TypeError} If the event cannot be written; see {@linkcode formatSseEvent}.
   * @throws The reason of {@linkcode signal} if the client is gone. A producer may let it pass.
   */
  send(event: SseEvent): Promise<void> {
    return this.#writer.write(formatSseEvent(event));
  }

  /** Sends a comment, which clients ignore. Resolves when there is room for more. */
  comment(text = ""): Promise<void> {
    const lines = text.split(LINE_BREAK).map((line) => `: ${line}`.trimEnd());
    return this.#writer.write(lines.join("\n") + "\n\n");
  }
}

/** Makes the body of a stream of events: the producer's, with comments while it is silent. */
export function sseBody(
  source: AsyncIterable<SseEvent> | ((stream: SseStream) => void | Promise<void>),
  lastEventId: string | undefined,
  options: SseOptions,
  clientSignal: AbortSignal,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const keepAliveMs = options.keepAliveMs ?? 15_000;
  return bodyFrom(
    async (writer) => {
      let timer: ReturnType<typeof setInterval> | undefined;
      let seen = 0;
      if (keepAliveMs > 0) {
        timer = setInterval(() => {
          // A reader that is behind has bytes to read: it needs no comment, and gets none queued.
          if (writer.chunks === seen && !writer.isBusy && !writer.signal.aborted) {
            writer.write(":\n\n").catch(() => {});
          }
          seen = writer.chunks;
        }, keepAliveMs);
      }
      const stopTimer = () => clearInterval(timer);
      writer.signal.addEventListener("abort", stopTimer, { once: true });
      const stream = new SseStream(writer, lastEventId);
      try {
        if (typeof source === "function") await source(stream);
        else await forEachUntilAborted(source, writer.signal, (event) => stream.send(event));
      } finally {
        stopTimer();
      }
    },
    clientSignal,
    onError,
  );
}
