/**
 * The thread in which the playground's programs run, so that none keeps the stack waiting. Not for import.
 *
 * @module
 */
import { describeJson, describeMonkey } from "./_playground.ts";

/** What the thread is asked. */
interface Question {
  readonly id: number;
  readonly kind: "json" | "monkey";
  readonly text: string;
}

const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<Question>) => void;
  postMessage(message: unknown): void;
};

port.onmessage = ({ data: { id, kind, text } }) => {
  try {
    port.postMessage({ id, report: kind === "json" ? describeJson(text) : describeMonkey(text) });
  } catch (error) {
    port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
};

// Says that it listens.
port.postMessage({ id: 0 });
