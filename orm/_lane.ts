import { DatabaseError } from "./errors.ts";

/** The most callers that may wait for one session. */
const MAX_WAITING = 10_000;

/** A lock whose waiters come in the order of their asking. */
export class Lane {
  #held = false;
  readonly #waiting: (() => void)[] = [];

  /** Whether somebody holds it. */
  get held(): boolean {
    return this.#held;
  }

  /** Waits for it. */
  acquire(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortError(signal));
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(
        new DatabaseError(
          "busy",
          `Cannot wait for the database: ${MAX_WAITING} callers wait already`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(abortError(signal!));
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(enter);
    });
  }

  /** Hands it to the next one. */
  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#held = false;
  }
}

/** What a wait throws that a signal has ended. */
export function abortError(signal: AbortSignal): DatabaseError {
  return new DatabaseError("aborted", "The wait for the database was aborted", {
    cause: signal.reason,
  });
}
