/**
 * Monkey by engine on the program that the books time, `fibonacci(35)`: 29,860,703 calls with 64-bit integers, counted steps and
 * a checked depth. The peer is the same function written in JavaScript, which has none of these. The books' own figures, in
 * Go on their author's machine, are 11.33 s for the evaluator and 3.91 s for the VM.
 */
import { Monkey, type MonkeyEngine } from "../parser/monkey/mod.ts";

const PROGRAM = `let fibonacci = fn(x) {
  if (x == 0) {
    0
  } else {
    if (x == 1) {
      return 1;
    } else {
      fibonacci(x - 1) + fibonacci(x - 2);
    }
  }
};`;

function fibonacci(x: number): number {
  if (x === 0) {
    return 0;
  } else {
    if (x === 1) {
      return 1;
    } else {
      return fibonacci(x - 1) + fibonacci(x - 2);
    }
  }
}

function check(result: unknown): void {
  if (result !== 9227465) throw new Error(`Cannot trust the run: fibonacci(35) gave ${result}`);
}

for (const engine of ["eval", "vm", "jit", "wasm", "auto"] as MonkeyEngine[]) {
  const group = `monkey: fibonacci(35) with ${engine}`;
  const monkey = new Monkey({ engine });
  monkey.run(`${PROGRAM} fibonacci(15)`);
  Deno.bench({
    name: "groundwork",
    group,
    baseline: true,
    n: 3,
    warmup: 1,
    fn: () => check(monkey.run("fibonacci(35)")),
  });
  Deno.bench({
    name: "hand-written JavaScript",
    group,
    n: 3,
    warmup: 1,
    fn: () => check(fibonacci(35)),
  });
}
