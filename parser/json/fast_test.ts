import { assertEquals } from "@std/assert";
import { parse } from "./parse.ts";

Deno.test("`parse()` needs no code generation", () => {
  // In a file of its own: from here on this process stores members one by one.
  const original = globalThis.Function;
  let calls = 0;
  globalThis.Function = class {
    constructor() {
      calls++;
      throw new EvalError("Code generation from strings disallowed for this context");
    }
  } as unknown as FunctionConstructor;
  try {
    const text = '{"only":{"here":[1,{"x":2}]},"__proto__":3}';
    for (let i = 0; i < 200; i++) {
      assertEquals(JSON.stringify(parse(text)), text);
    }
    assertEquals(calls, 1);
  } finally {
    globalThis.Function = original;
  }
});
