/** Transactions that are being put together. */
import type { Decode } from "./_command.ts";
import type { UnitExecutor } from "./_core.ts";
import type { Words } from "./_encode.ts";
import { type RedisCommandOptions, RedisCommands, type RedisExecutor } from "./commands.ts";
import { RedisReplyError, RedisTransactionError, RedisUsageError } from "./errors.ts";
import type { RedisMulti } from "./multi.ts";
import type { RedisArgument, RedisReply, RedisString } from "./reply.ts";

interface Step {
  words: Words;
  decode: Decode<unknown> | undefined;
}

/** Takes commands down instead of running them. */
class Recorder implements RedisExecutor {
  readonly steps: Step[] = [];

  execute<T>(
    words: readonly RedisArgument[],
    decode: Decode<T> | undefined,
  ): Promise<T> {
    this.steps.push({ words, decode });
    return NEVER;
  }

  executeBlocking<T>(
    words: readonly RedisArgument[],
    decode: Decode<T> | undefined,
  ): Promise<T> {
    // Inside a transaction the server never blocks.
    return this.execute(words, decode);
  }
}

const NEVER: Promise<never> = new Promise(() => {});

class Multi {
  readonly #recorder = new Recorder();
  readonly #executor: UnitExecutor;
  readonly #options: RedisCommandOptions;
  readonly commands: RedisCommands<RedisString>;
  #done = false;

  constructor(executor: UnitExecutor, options: RedisCommandOptions) {
    this.#executor = executor;
    this.#options = options;
    this.commands = new RedisCommands(this.#recorder, options);
  }

  get length(): number {
    return this.#recorder.steps.length;
  }

  async exec(): Promise<unknown[] | null> {
    const { steps } = this.#recorder;
    if (this.#done) throw new RedisUsageError("Cannot run a transaction twice");
    this.#done = true;
    if (steps.length === 0) return [];
    const replies = await this.#executor.executeUnit(
      [["MULTI"], ...steps.map(({ words }) => words), ["EXEC"]],
      this.#options,
    );
    const outcome = replies[replies.length - 1]!;
    if (outcome instanceof RedisReplyError) {
      const first = replies.find((reply) => reply instanceof RedisReplyError);
      if (first !== outcome) outcome.cause = first;
      throw outcome;
    }
    if (outcome === null) return null;
    return decodeAll(outcome as RedisReply[], steps);
  }
}

function decodeAll(replies: RedisReply[], steps: readonly Step[]): unknown[] {
  let failed = false;
  const values = steps.map(({ words, decode }, i) => {
    const reply = replies[i] ?? null;
    if (reply instanceof RedisReplyError) {
      reply.command = String(words[0]);
      failed = true;
      return reply;
    }
    return decode === undefined ? reply : decode(reply);
  });
  if (failed) throw new RedisTransactionError(values);
  return values;
}

for (const name of Object.getOwnPropertyNames(RedisCommands.prototype)) {
  if (name === "constructor" || /^[a-z]?scan$/.test(name)) continue;
  Object.defineProperty(Multi.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Multi, ...args: unknown[]): Multi {
      (this.commands as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
      return this;
    },
  });
}

/** A transaction on what runs it. */
export function createMulti<S extends RedisString>(
  executor: UnitExecutor,
  options: RedisCommandOptions,
): RedisMulti<S> {
  return new Multi(executor, options) as unknown as RedisMulti<S>;
}
