/** A small stand-in for `@std/testing/bdd`: nested groups with hooks, on `Deno.test` steps. */

type Body = (context: Deno.TestContext) => void | Promise<void>;
type Hook = () => void | Promise<void>;

interface Case {
  name: string;
  body: Body;
  ignore: boolean;
}
interface Group {
  name: string;
  ignore: boolean;
  children: (Case | Group)[];
  beforeAll: Hook[];
  afterAll: Hook[];
  beforeEach: Hook[];
  afterEach: Hook[];
}

let current: Group | undefined;

function isGroup(node: Case | Group): node is Group {
  return "children" in node;
}

async function runAll(hooks: readonly Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}

async function runGroup(context: Deno.TestContext, group: Group, outer: Group[]): Promise<void> {
  const chain = [...outer, group];
  await runAll(group.beforeAll);
  for (const child of group.children) {
    await context.step({
      name: child.name,
      ignore: child.ignore,
      fn: async (step) => {
        if (isGroup(child)) return await runGroup(step, child, chain);
        try {
          for (const level of chain) await runAll(level.beforeEach);
          await child.body(step);
        } finally {
          for (const level of chain.toReversed()) await runAll(level.afterEach);
        }
      },
    });
  }
  await runAll(group.afterAll);
}

function addGroup(name: string, define: () => void, ignore: boolean): void {
  const group: Group = {
    name,
    ignore,
    children: [],
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
  };
  const parent = current;
  current = group;
  try {
    define();
  } finally {
    current = parent;
  }
  if (parent) parent.children.push(group);
  else Deno.test({ name, ignore, fn: (context) => runGroup(context, group, []) });
}

function addCase(name: string, body: Body, ignore: boolean): void {
  if (current) current.children.push({ name, body, ignore });
  else Deno.test({ name, ignore, fn: body });
}

function hooksOf(
  kind: "beforeAll" | "afterAll" | "beforeEach" | "afterEach",
): (hook: Hook) => void {
  return (hook) => {
    if (!current) throw new Error(`${kind}() must be called inside describe()`);
    current[kind].push(hook);
  };
}

export const describe = Object.assign(
  (name: string, define: () => void): void => addGroup(name, define, false),
  { ignore: (name: string, define: () => void): void => addGroup(name, define, true) },
);
export const it = Object.assign(
  (name: string, body: Body): void => addCase(name, body, false),
  { ignore: (name: string, body: Body): void => addCase(name, body, true) },
);
export const beforeAll: (hook: Hook) => void = hooksOf("beforeAll");
export const afterAll: (hook: Hook) => void = hooksOf("afterAll");
export const beforeEach: (hook: Hook) => void = hooksOf("beforeEach");
export const afterEach: (hook: Hook) => void = hooksOf("afterEach");
