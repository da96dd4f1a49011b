import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Service, ServiceContext, ServiceState } from "./service.ts";
import { Stack, StackError } from "./stack.ts";

interface Behaviour {
  failsToStart?: boolean;
  failsToStop?: boolean;
  neverStops?: boolean;
  startMs?: number;
}

function fake(name: string, events: string[], behaviour: Behaviour = {}): Service {
  let state: ServiceState = "stopped";
  return {
    name,
    description: name,
    endpoints: [],
    get state() {
      return state;
    },
    async start(context: ServiceContext) {
      if (behaviour.startMs) await new Promise((resolve) => setTimeout(resolve, behaviour.startMs));
      if (behaviour.failsToStart) throw new Error("port 1 is taken");
      events.push(`start ${name} of ${context.services.length} on ${context.hostname}`);
      state = "running";
    },
    async stop(signal: AbortSignal) {
      if (behaviour.neverStops) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        events.push(`cut ${name}`);
      }
      if (behaviour.failsToStop) throw new Error("it is stuck");
      events.push(`stop ${name}`);
      state = "stopped";
      await Promise.resolve();
    },
  };
}

Deno.test("`Stack` starts services in order and stops them in reverse", async () => {
  const events: string[] = [];
  {
    await using stack = new Stack([fake("a", events), fake("b", events)], { hostname: "::1" });
    await Promise.all([stack.start(), stack.start()]);
    assertEquals(stack.services.map(({ state }) => state), ["running", "running"]);
    await Promise.all([stack.stop(), stack.stop()]);
  }
  assertEquals(events, ["start a of 2 on ::1", "start b of 2 on ::1", "stop b", "stop a"]);
});

Deno.test("`Stack.start()` undoes itself when a service fails", async () => {
  const events: string[] = [];
  const stack = new Stack([
    fake("a", events),
    fake("b", events, { failsToStart: true }),
    fake("c", events),
  ]);
  const error = await assertRejects(() => stack.start(), StackError);
  assertEquals(error.message, "Cannot start b: port 1 is taken");
  assertEquals([error.service, error.code], ["b", "ERR_STACK_START"]);
  assertEquals(events, ["start a of 3 on 127.0.0.1", "stop a"]);
  await stack.stop();
});

Deno.test("`Stack.stop()` during the start stops what has started", async () => {
  const events: string[] = [];
  const stack = new Stack([fake("a", events, { startMs: 20 }), fake("b", events)]);
  const starting = assertRejects(() => stack.start(), StackError, "Cannot start b");
  await stack.stop();
  await starting;
  assertEquals(events, ["start a of 2 on 127.0.0.1", "stop a"]);
});

Deno.test("`Stack.stop()` cuts off at the deadline and reports failures", async () => {
  const events: string[] = [];
  const lines: string[] = [];
  const stack = new Stack([
    fake("a", events),
    fake("b", events, { failsToStop: true }),
    fake("c", events, { neverStops: true }),
  ], { stopTimeoutMs: 20, log: (line) => lines.push(line) });
  await stack.start();
  const start = performance.now();
  await stack.stop();
  assert(performance.now() - start >= 15);
  assertEquals(events.slice(3), ["cut c", "stop c", "stop a"]);
  assertEquals(lines, ["Cannot stop b: it is stuck"]);
});

Deno.test("`Stack.stop()` leaves behind what does not even stop after the deadline", async () => {
  const lines: string[] = [];
  const stuck: Service = {
    ...fake("stuck", []),
    start: () => Promise.resolve(),
    stop: () => new Promise(() => {}),
  };
  const stack = new Stack([stuck], { stopTimeoutMs: 1, log: (line) => lines.push(line) });
  await stack.start();
  await stack.stop();
  assertEquals(lines, ["Cannot stop stuck: it did not stop in time"]);
});

Deno.test("`Stack` refuses two services of one name", () => {
  assertThrows(() => new Stack([fake("a", []), fake("a", [])]), TypeError, 'two services are "a"');
});
