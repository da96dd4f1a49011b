import { assert } from "@std/assert";
import { RealFileSystem } from "./file_system.ts";

Deno.test("`RealFileSystem.lock()` is free once released, while processes are being started too", async () => {
  const folder = await Deno.makeTempDir();
  // Between fork and exec a process holds copies of all files, locked ones too.
  const source = `for (;;) new Deno.Command("true").outputSync();`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  try {
    const files = new RealFileSystem();
    const end = performance.now() + 300;
    while (performance.now() < end) {
      const lock = files.lock(`${folder}/LOCK`);
      assert(typeof lock === "object", `the lock is held by process ${lock}`);
      lock.release();
    }
  } finally {
    worker.terminate();
    await Deno.remove(folder, { recursive: true });
  }
});
