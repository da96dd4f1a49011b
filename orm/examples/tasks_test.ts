import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { JsonTaskStore, openTaskStore, runTask, TaskError, type TaskStore } from "./tasks.ts";

const TABLE_OF_TWO = `
┌────┬─────────────────────────┬──────────┬─────────────┬──────────┐
│ ID │ Task                    │ Priority │ Due         │ Status   │
├────┼─────────────────────────┼──────────┼─────────────┼──────────┤
│ 1  │ Learn Go concurrency    │ HIGH     │ Jan 15 2025 │ pending  │
│ 2  │ Read Learning Go book   │ MEDIUM   │ -           │ pending  │
└────┴─────────────────────────┴──────────┴─────────────┴──────────┘`.slice(1);

const TABLE_OF_COMPLETED = `
┌────┬─────────────────────────┬──────────┬─────────────┬──────────┐
│ ID │ Task                    │ Priority │ Due         │ Status   │
├────┼─────────────────────────┼──────────┼─────────────┼──────────┤
│ 1  │ Learn Go concurrency    │ HIGH     │ Jan 15 2025 │ complete │
└────┴─────────────────────────┴──────────┴─────────────┴──────────┘`.slice(1);

const now = new Date("2025-01-10T14:30:00.500Z");

async function transcript(store: TaskStore): Promise<void> {
  assertEquals(
    await runTask(store, ["add", "Learn Go concurrency"], {
      priority: "high",
      due: "2025-01-15",
      now,
    }),
    '✓ Added task #1: "Learn Go concurrency" (high priority, due Jan 15)',
  );
  assertEquals(
    await runTask(store, ["add", "Read Learning Go book"], { priority: "medium", now }),
    '✓ Added task #2: "Read Learning Go book" (medium priority)',
  );
  assertEquals(await runTask(store, ["list"]), TABLE_OF_TWO);
  assertEquals(await runTask(store, ["complete", "1"]), "✓ Marked task #1 as complete");
  assertEquals(await runTask(store, ["list"], { status: "completed" }), TABLE_OF_COMPLETED);
}

for (const name of ["tasks.json", "tasks.db"]) {
  Deno.test(`The transcript, with the tasks in ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/${name}`;
      {
        await using store = await openTaskStore(path);
        await transcript(store);
        assertEquals(await runTask(store, ["delete", "2"]), "✓ Deleted task #2");
        for (const verb of ["delete", "complete"]) {
          const missing = await assertRejects(() => runTask(store, [verb, "2"]), TaskError);
          assertEquals(missing.code, "missing");
        }
      }
      await using again = await openTaskStore(path);
      assertStringIncludes(await runTask(again, ["add", "Third"]), "#3");
      assertEquals((await again.list()).map((task) => task.id), [1, 3]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("The JSON file is as the transcript shows it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/tasks.json`;
    await transcript(new JsonTaskStore(path));
    const content = await Deno.readTextFile(path);
    assertEquals(
      content.startsWith(`{
  "tasks": [
    {
      "id": 1,
      "title": "Learn Go concurrency",
      "priority": "high",
      "due": "2025-01-15T00:00:00Z",
      "status": "complete",
      "created": "2025-01-10T14:30:00Z"
    },
`),
      true,
      content,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A damaged file is reported and kept", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/tasks.json`;
    for (const content of ["{", "[]", "null", '{"tasks":[{"id":"1"}]}', '{"tasks":{}}']) {
      await Deno.writeTextFile(path, content);
      const error = await assertRejects(
        () => runTask(new JsonTaskStore(path), ["add", "x"]),
        TaskError,
      );
      assertEquals(error.code, "damaged");
      assertEquals(await Deno.readTextFile(path), content);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Twenty commands at once lose no task", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = new JsonTaskStore(`${folder}/tasks.json`);
    await Promise.all(Array.from({ length: 20 }, (_, n) => runTask(store, ["add", `t${n}`])));
    assertEquals(
      (await store.list()).map((task) => task.id),
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Wrong command lines are refused", async () => {
  await using store = await openTaskStore("/nonexistent/never-read.json");
  const code = async (words: string[], options = {}) =>
    (await assertRejects(() => runTask(store, words, options), TaskError)).code;
  assertEquals(await code([]), "usage");
  assertEquals(await code(["fly"]), "usage");
  assertEquals(await code(["add"]), "usage");
  assertEquals(await code(["add", " "]), "usage");
  assertEquals(await code(["add", "x"], { due: "2025-02-30" }), "usage");
  assertEquals(await code(["add", "x"], { due: "tomorrow" }), "usage");
  assertEquals(await code(["add", "x"], { priority: "urgent" }), "usage");
  assertEquals(await code(["list"], { status: "lost" }), "usage");
  assertEquals(await code(["complete", "one"]), "usage");
  assertEquals(await code(["complete", "1", "2"]), "usage");
});
