/**
 * The drawing beside a log that shows how commits hang together, line by line as Git draws it.
 *
 * The drawing is a state machine. Each branch line that is open occupies two characters; a commit
 * takes the columns as they were before it to the columns after it, over an optional set of
 * rows that make room for an octopus, the row with the commit, a row with the edges of a merge,
 * and rows in which columns that became too far to the right move left.
 *
 * @module
 */

/** A commit to draw, with only those of its parents that are drawn too. */
export interface GraphCommit {
  /** The commit's id. */
  readonly id: string;
  /** Ids of the parents that appear in the log, first parent first. */
  readonly parents: readonly string[];
  /** The character of the commit. Default `*`. */
  readonly mark?: string;
}

interface Column {
  id: string;
  color: number;
}

type State = "padding" | "skip" | "pre-commit" | "commit" | "post-merge" | "collapsing";

const NO_COLOR = -1;
const EMPTY = -1;
const MERGE_EDGES = ["/", "|", "\\"];

/** One line under construction with its visible width. */
class Line {
  text = "";
  width = 0;
  readonly #colors: readonly string[];
  readonly #reset: string;
  constructor(colors: readonly string[], reset: string) {
    this.#colors = colors;
    this.#reset = reset;
  }
  plain(text: string): void {
    this.text += text;
    this.width += text.length;
  }
  column(column: Column | undefined, character: string): void {
    const color = column?.color ?? NO_COLOR;
    this.text += color === NO_COLOR ? character : this.#colors[color]! + character + this.#reset;
    this.width++;
  }
}

/**
 * Draws history.
 *
 * @example The drawing of two commits
 * ```ts
 * import { HistoryGraph } from "@groundwork/std/git";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new HistoryGraph();
 * graph.update({ id: "b", parents: ["a"] });
 * assertEquals(graph.nextLine().text, "* ");
 * graph.update({ id: "a", parents: [] });
 * assertEquals(graph.nextLine().text, "* ");
 * ```
 */
export class HistoryGraph {
  readonly #colors: readonly string[];
  readonly #reset: string;
  #commit: GraphCommit | undefined;
  #parents: readonly string[] = [];
  #width = 0;
  #expansionRow = 0;
  #state: State = "padding";
  #previousState: State = "padding";
  #commitIndex = 0;
  #previousCommitIndex = 0;
  /** 0: the first parent lies to the left of the merge; 1: below or to the right. */
  #mergeLayout = 0;
  #edgesAdded = 0;
  #previousEdgesAdded = 0;
  #columns: Column[] = [];
  #nextColumns: Column[] = [];
  /** For each character of the line after the commit: the column that goes through it. */
  #mapping: number[] = [];
  #oldMapping: number[] = [];
  #color: number;

  /** `colors` are escape sequences for successive branch lines; none for a plain drawing. */
  constructor(options: { colors?: readonly string[]; reset?: string } = {}) {
    this.#colors = options.colors ?? [];
    this.#reset = options.reset ?? "\x1b[m";
    this.#color = this.#colors.length - 1;
  }

  /** Whether all lines of the current commit have been drawn. */
  get finished(): boolean {
    return this.#state === "padding";
  }

  /** Begins the next commit. */
  update(commit: GraphCommit): void {
    this.#commit = commit;
    this.#parents = commit.parents;
    this.#previousCommitIndex = this.#commitIndex;
    this.#updateColumns();
    this.#expansionRow = 0;
    // Lines of the last commit that were not asked for are left out with an ellipsis.
    if (this.#state !== "padding") this.#state = "skip";
    else this.#state = this.#needsPreCommitLine() ? "pre-commit" : "commit";
  }

  /** The next line of the drawing, and whether it is the one with the commit. */
  nextLine(): { text: string; commit: boolean } {
    if (this.#commit === undefined) return { text: "", commit: false };
    const line = new Line(this.#colors, this.#reset);
    let commit = false;
    switch (this.#state) {
      case "padding":
        this.#paddingRow(line);
        break;
      case "skip":
        line.plain("...");
        this.#go(this.#needsPreCommitLine() ? "pre-commit" : "commit");
        break;
      case "pre-commit":
        this.#preCommitRow(line);
        break;
      case "commit":
        this.#commitRow(line);
        commit = true;
        break;
      case "post-merge":
        this.#postMergeRow(line);
        break;
      case "collapsing":
        this.#collapsingRow(line);
        break;
    }
    this.#pad(line);
    return { text: line.text, commit };
  }

  /** How wide the lines of the current commit are (columns). */
  get width(): number {
    return this.#width;
  }

  /** A line that only continues the branches, for text between or beside commits. */
  paddingLine(): string {
    if (this.#state !== "commit") return this.nextLine().text;
    const line = new Line(this.#colors, this.#reset);
    for (const column of this.#columns) {
      line.column(column, "|");
      const here = column.id === this.#commit!.id && this.#parents.length > 2;
      line.plain(" ".repeat(here ? (this.#parents.length - 2) * 2 : 1));
    }
    this.#pad(line);
    this.#previousState = "padding";
    return line.text;
  }

  #go(state: State): void {
    this.#previousState = this.#state;
    this.#state = state;
  }

  #pad(line: Line): void {
    if (line.width < this.#width) line.plain(" ".repeat(this.#width - line.width));
  }

  get #dashedParents(): number {
    return this.#parents.length + this.#mergeLayout - 3;
  }

  #needsPreCommitLine(): boolean {
    return this.#parents.length >= 3 && this.#commitIndex < this.#columns.length - 1 &&
      this.#expansionRow < this.#dashedParents * 2;
  }

  #currentColor(): number {
    return this.#colors.length === 0 ? NO_COLOR : this.#color;
  }

  #insert(id: string, index: number): void {
    let at = this.#nextColumns.findIndex((column) => column.id === id);
    if (at < 0) {
      at = this.#nextColumns.length;
      const known = this.#columns.find((column) => column.id === id);
      this.#nextColumns.push({ id, color: known?.color ?? this.#currentColor() });
    }
    let position: number;
    if (this.#parents.length > 1 && index > -1 && this.#mergeLayout === -1) {
      // The first parent of a merge decides to which side the merge leans.
      const distance = index - at;
      const shift = distance > 1 ? 2 * distance - 3 : 1;
      this.#mergeLayout = distance > 0 ? 0 : 1;
      this.#edgesAdded = this.#parents.length + this.#mergeLayout - 2;
      position = this.#width + (this.#mergeLayout - 1) * shift;
      this.#width += 2 * this.#mergeLayout;
    } else if (this.#edgesAdded > 0 && at === this.#mapping[this.#width - 2]) {
      // The last edge of the merge joins the column beside it at once.
      position = this.#width - 2;
      this.#edgesAdded = -1;
    } else {
      position = this.#width;
      this.#width += 2;
    }
    this.#mapping[position] = at;
  }

  #updateColumns(): void {
    const commit = this.#commit!;
    this.#columns = this.#nextColumns;
    this.#nextColumns = [];
    this.#mapping = new Array<number>(2 * (this.#columns.length + this.#parents.length)).fill(
      EMPTY,
    );
    this.#width = 0;
    this.#previousEdgesAdded = this.#edgesAdded;
    this.#edgesAdded = 0;
    let seen = false, inColumns = true;
    for (let i = 0; i <= this.#columns.length; i++) {
      let id: string;
      if (i === this.#columns.length) {
        if (seen) break;
        inColumns = false;
        id = commit.id;
      } else id = this.#columns[i]!.id;
      if (id !== commit.id) {
        this.#insert(id, -1);
        continue;
      }
      seen = true;
      this.#commitIndex = i;
      this.#mergeLayout = -1;
      for (const parent of this.#parents) {
        if ((this.#parents.length > 1 || !inColumns) && this.#colors.length > 0) {
          this.#color = (this.#color + 1) % this.#colors.length;
        }
        this.#insert(parent, i);
      }
      if (this.#parents.length === 0) this.#width += 2;
    }
    while (this.#mapping.length > 1 && this.#mapping.at(-1)! < 0) this.#mapping.pop();
  }

  #settled(): boolean {
    return this.#mapping.every((target, i) => target < 0 || target === Math.floor(i / 2));
  }

  #paddingRow(line: Line): void {
    for (const column of this.#nextColumns) {
      line.column(column, "|");
      line.plain(" ");
    }
  }

  #preCommitRow(line: Line): void {
    let seen = false;
    this.#columns.forEach((column, i) => {
      if (column.id === this.#commit!.id) {
        seen = true;
        line.column(column, "|");
        line.plain(" ".repeat(this.#expansionRow));
      } else if (seen && this.#expansionRow === 0) {
        // Lines right of an earlier merge leaned to the right on the row above.
        const leans = this.#previousState === "post-merge" && this.#previousCommitIndex < i;
        line.column(column, leans ? "\\" : "|");
      } else line.column(column, seen ? "\\" : "|");
      line.plain(" ");
    });
    this.#expansionRow++;
    if (!this.#needsPreCommitLine()) this.#go("commit");
  }

  #commitRow(line: Line): void {
    const commit = this.#commit!;
    let seen = false;
    for (let i = 0; i <= this.#columns.length; i++) {
      const column = this.#columns[i];
      if (column === undefined && seen) break;
      if (column === undefined || column.id === commit.id) {
        seen = true;
        line.plain(commit.mark ?? "*");
        if (this.#parents.length > 2) this.#octopus(line);
      } else if (seen && this.#edgesAdded > 1) line.column(column, "\\");
      else if (seen && this.#edgesAdded === 1) {
        const leans = this.#previousState === "post-merge" && this.#previousEdgesAdded > 0 &&
          this.#previousCommitIndex < i;
        line.column(column, leans ? "\\" : "|");
      } else if (
        this.#previousState === "collapsing" && this.#oldMapping[2 * i + 1] === i &&
        (this.#mapping[2 * i] ?? EMPTY) < i
      ) line.column(column, "/");
      else line.column(column, "|");
      line.plain(" ");
    }
    this.#go(
      this.#parents.length > 1 ? "post-merge" : this.#settled() ? "padding" : "collapsing",
    );
  }

  #octopus(line: Line): void {
    const dashed = this.#dashedParents;
    for (let i = 0; i < dashed; i++) {
      const column = this.#nextColumns[this.#mapping[(this.#commitIndex + i + 2) * 2] ?? EMPTY];
      line.column(column, "-");
      line.column(column, i === dashed - 1 ? "." : "-");
    }
  }

  #postMergeRow(line: Line): void {
    const commit = this.#commit!;
    const first = this.#parents[0];
    let parentColumn: Column | undefined;
    let seen = false;
    for (let i = 0; i <= this.#columns.length; i++) {
      const column = this.#columns[i];
      if (column === undefined && seen) break;
      const id = column?.id ?? commit.id;
      if (id === commit.id) {
        seen = true;
        let edge = this.#mergeLayout;
        this.#parents.forEach((parent, j) => {
          const target = this.#nextColumns.find((one) => one.id === parent);
          line.column(target, MERGE_EDGES[edge]!);
          if (edge < 2) edge++;
          else if (this.#edgesAdded > 0 || j < this.#parents.length - 1) line.plain(" ");
        });
        if (this.#edgesAdded === 0) line.plain(" ");
      } else if (seen) {
        line.column(column, this.#edgesAdded > 0 ? "\\" : "|");
        line.plain(" ");
      } else {
        line.column(column, "|");
        if (this.#mergeLayout !== 0 || i !== this.#commitIndex - 1) {
          if (parentColumn !== undefined) line.column(parentColumn, "_");
          else line.plain(" ");
        }
      }
      if (id === first) parentColumn = column;
    }
    this.#go(this.#settled() ? "padding" : "collapsing");
  }

  #collapsingRow(line: Line): void {
    const old = this.#mapping;
    const mapping = new Array<number>(old.length).fill(EMPTY);
    let horizontalEdge = -1, horizontalTarget = -1, usedHorizontal = false;
    const horizontal = (edge: number, target: number, end: number): void => {
      horizontalEdge = edge;
      horizontalTarget = target;
      for (let j = target * 2 + 3; j < end - 2; j += 2) mapping[j] = target;
    };
    for (let i = 0; i < old.length; i++) {
      const target = old[i]!;
      if (target < 0) continue;
      if (target * 2 === i) mapping[i] = target;
      else if (mapping[i - 1]! < 0) {
        mapping[i - 1] = target;
        // At most one edge a row goes sideways over several columns.
        if (horizontalEdge === -1) horizontal(i, target, i);
      } else if (mapping[i - 1] !== target) {
        // Another line lies to the left: cross it.
        mapping[i - 2] = target;
        if (horizontalEdge === -1) horizontal(i - 1, target, i);
      }
    }
    this.#oldMapping = mapping.slice();
    if (mapping.at(-1)! < 0) mapping.pop();
    for (let i = 0; i < mapping.length; i++) {
      const target = mapping[i]!;
      if (target < 0) line.plain(" ");
      else if (target * 2 === i) line.column(this.#nextColumns[target], "|");
      else if (target === horizontalTarget && i !== horizontalEdge - 1) {
        if (i !== target * 2 + 3) mapping[i] = EMPTY;
        usedHorizontal = true;
        line.column(this.#nextColumns[target], "_");
      } else {
        if (usedHorizontal && i < horizontalEdge) mapping[i] = EMPTY;
        line.column(this.#nextColumns[target], "/");
      }
    }
    this.#mapping = mapping;
    if (this.#settled()) this.#go("padding");
  }
}
