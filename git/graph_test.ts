import { assertEquals } from "@std/assert";
import { HistoryGraph } from "./graph.ts";

/** Draws commits, one line each where nothing more is needed. */
function draw(commits: readonly (readonly [id: string, ...parents: string[]])[]): string[] {
  const graph = new HistoryGraph();
  const out: string[] = [];
  for (const [id, ...parents] of commits) {
    graph.update({ id, parents });
    for (;;) {
      const { text, commit } = graph.nextLine();
      out.push(commit ? `${text}${id}` : text);
      if (commit) break;
    }
    while (!graph.finished) out.push(graph.nextLine().text);
  }
  return out.map((line) => line.trimEnd());
}

Deno.test("`HistoryGraph` draws a merge and the line that joins again", () => {
  assertEquals(draw([["m", "a", "b"], ["b", "r"], ["a", "r"], ["r"]]), [
    "*   m",
    "|\\",
    "| * b",
    "* | a",
    "|/",
    "* r",
  ]);
});

Deno.test("`HistoryGraph` draws an octopus with dashes", () => {
  assertEquals(draw([["o", "a", "b", "c"], ["c", "r"], ["b", "r"], ["a", "r"], ["r"]]), [
    "*-.   o",
    "|\\ \\",
    "| | * c",
    "| * | b",
    "| |/",
    "* / a",
    "|/",
    "* r",
  ]);
});

Deno.test("`HistoryGraph` says that lines were left out, and colours branch lines", () => {
  const graph = new HistoryGraph({ colors: ["<1>", "<2>"], reset: "<0>" });
  graph.update({ id: "m", parents: ["a", "b"] });
  assertEquals(graph.nextLine(), { text: "*   ", commit: true });
  assertEquals(graph.nextLine().text, "<1>|<0><2>\\<0>  ");
  graph.update({ id: "b", parents: ["r"] });
  graph.update({ id: "a", parents: ["r"] });
  assertEquals(graph.nextLine().text.startsWith("..."), true);
});
