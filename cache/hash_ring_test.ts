import { assert, assertEquals, assertThrows } from "@std/assert";
import { HashRing } from "./hash_ring.ts";

Deno.test("`HashRing.get()` gives the owners that groupcache's own test states", () => {
  const ring = new HashRing(["6", "4", "2"], { replicas: 3, hash: Number });
  const owners = (keys: string[]) => keys.map((key) => ring.get(key));
  assertEquals(owners(["2", "11", "23", "27"]), ["2", "2", "4", "2"]);
  ring.add("8");
  assertEquals(owners(["2", "11", "23", "27"]), ["2", "2", "4", "8"]);
});

Deno.test("`HashRing` gives the same owners whatever the order in which nodes came", () => {
  const one = new HashRing(["Bill", "Bob", "Bonny"]);
  const other = new HashRing(["Bob", "Bonny", "Bill"]);
  for (let key = 0; key < 10_000; key++) assertEquals(one.get(`${key}`), other.get(`${key}`));
});

Deno.test("`HashRing` moves only the keys that a new node takes, and only those back", () => {
  const nodes = Array.from({ length: 10 }, (_, index) => `http://10.0.0.${index}:8001`);
  const ring = new HashRing(nodes);
  const keys = Array.from({ length: 20_000 }, (_, index) => `key ${index}`);
  const before = keys.map((key) => ring.get(key));
  ring.add("http://10.0.1.1:8001");
  const after = keys.map((key) => ring.get(key));
  const moved = keys.filter((_, index) => before[index] !== after[index]);
  assert(moved.every((key) => ring.get(key) === "http://10.0.1.1:8001"));
  // One eleventh is the fair share of the new node.
  assert(moved.length > 20_000 / 22 && moved.length < 20_000 / 5, `${moved.length} moved`);
  ring.remove("http://10.0.1.1:8001");
  assertEquals(keys.map((key) => ring.get(key)), before);
});

Deno.test("`HashRing` without nodes owns nothing, and refuses a bad number of replicas", () => {
  assertEquals(new HashRing().get("a"), undefined);
  for (const replicas of [0, 1.5, 10_001]) {
    assertThrows(() => new HashRing([], { replicas }), RangeError, "replicas must be");
  }
});
