import { assertEquals } from "@std/assert";
import { fold, walk } from "./visitor.ts";

interface Tree {
  name: string;
  items: Tree[];
}
const tree = (name: string, ...items: Tree[]): Tree => ({ name, items });
const items = (node: Tree) => node.items;

Deno.test("walk() skips and stops where the visitor says so", () => {
  const root = tree("a", tree("b", tree("c")), tree("d"), tree("e"));
  const seen: string[] = [];
  const whole = walk(root, items, {
    enter(node, parent, depth) {
      seen.push(`${parent?.name ?? "-"}>${node.name}@${depth}`);
      if (node.name === "b") return "skip";
      if (node.name === "d") return "stop";
    },
    leave: (node) => void seen.push(`/${node.name}`),
  });
  assertEquals(whole, false);
  assertEquals(seen, ["->a@0", "a>b@1", "/b", "a>d@1"]);
});

Deno.test("walk() and fold() need no host stack for a million levels", () => {
  let root = tree("leaf");
  for (let i = 0; i < 1_000_000; i++) root = { name: "n", items: [root] };
  let deepest = 0;
  walk(root, items, { enter: (_, __, depth) => void (deepest = Math.max(deepest, depth)) });
  assertEquals(deepest, 1_000_000);
  assertEquals(fold(root, items, (_, parts: number[]) => 1 + (parts[0] ?? 0)), 1_000_001);
});

Deno.test("fold() hands the parts over in order", () => {
  const root = tree("+", tree("1"), tree("*", tree("2"), tree("3")));
  assertEquals(
    fold(root, items, (node, parts: string[]) => `${node.name}(${parts.join()})`),
    "+(1(),*(2(),3()))",
  );
});
