import { STATUS_TEXT } from "@std/http";

/** Options of an {@linkcode HttpError}. */
export interface HttpErrorOptions extends ErrorOptions {
  /** Headers of the answer, e.g. `Retry-After`. */
  headers?: HeadersInit;
  /**
   * Whether the client sees the message.
   *
   * @default {true for 4xx, false for 5xx}
   */
  expose?: boolean;
}

/**
 * A failure that has an HTTP status. Thrown anywhere below an {@linkcode App}, it becomes the
 * answer: the message as plain text where it may be seen, else the status's usual text.
 *
 * @example Usage
 * ```ts
 * import { App, HttpError } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = new App();
 * app.get("/users/:id", () => {
 *   throw new HttpError(404, "No such user");
 * });
 *
 * const response = await app.request("/users/7");
 * assertEquals(response.status, 404);
 * assertEquals(await response.text(), "No such user");
 * ```
 */
export class HttpError extends Error {
  /** The stable name of the class. */
  override name = "HttpError";
  /** The stable code of the failure. */
  readonly code = "ERR_HTTP_STATUS";
  /** The status of the answer. */
  readonly status: number;
  /** Headers of the answer. */
  readonly headers: HeadersInit | undefined;
  /** Whether the client sees the message. */
  readonly expose: boolean;

  /**
   * Makes an error with a status from 400 to 599; the message defaults to the status's usual text.
   *
   * @throws {RangeError} If the status is not an integer from 400 to 599.
   */
  constructor(status: number, message?: string, options: HttpErrorOptions = {}) {
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`Cannot make an HTTP error: ${status} is not a status from 400 to 599`);
    }
    super(message ?? statusText(status), options);
    this.status = status;
    this.headers = options.headers;
    this.expose = options.expose ?? status < 500;
  }

  /** The answer as plain text. */
  toResponse(): Response {
    const headers = new Headers(this.headers);
    if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
    const text = this.expose ? this.message : statusText(this.status);
    return new Response(text, { status: this.status, headers });
  }
}

/** The usual text of a status, e.g. `Not Found`. */
export function statusText(status: number): string {
  return STATUS_TEXT[status as keyof typeof STATUS_TEXT] ?? `Status ${status}`;
}
