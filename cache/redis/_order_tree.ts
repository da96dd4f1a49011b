/**
 * Order-statistic B+ tree over (score, member): insert, remove, rank and select in O(log n).
 *
 * Leaves hold parallel arrays (packed doubles and strings) and are chained for range walks. Inner
 * nodes hold, per child, a lower bound and the number of elements below it.
 */

const LEAF = 64;
const INNER = 64;

/** A leaf: elements in order. */
export interface Leaf {
  /** Scores. */
  scores: number[];
  /** Members. */
  members: string[];
  /** Next leaf. */
  next: Leaf | null;
  /** Previous leaf. */
  prev: Leaf | null;
}

interface Inner {
  children: Node[];
  counts: number[];
  boundScores: number[];
  boundMembers: string[];
}

type Node = Leaf | Inner;

/** What `splice` does for one element, without the array that it returns: leaves are short. */
function insertMember(list: string[], at: number, value: string): void {
  list.push(value);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1]!;
  list[at] = value;
}

function removeMember(list: string[], at: number): void {
  const last = list.length - 1;
  for (let i = at; i < last; i++) list[i] = list[i + 1]!;
  list.pop();
}

/** The same for numbers: functions of their own stay specialised. */
function insertScore(list: number[], at: number, value: number): void {
  list.push(value);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1]!;
  list[at] = value;
}

function removeScore(list: number[], at: number): void {
  const last = list.length - 1;
  for (let i = at; i < last; i++) list[i] = list[i + 1]!;
  list.pop();
}

function isLeaf(node: Node): node is Leaf {
  return (node as Leaf).scores !== undefined;
}

/** A position: an element of a leaf. */
export interface Position {
  /** The leaf. */
  leaf: Leaf;
  /** The offset in it. */
  at: number;
}

/** Ordered multiset of (score, member), by score, then bytes. */
export class OrderTree {
  #root: Node = { scores: [], members: [], next: null, prev: null };
  /** Number of elements. */
  size = 0;

  /** Child that an element belongs to: the last whose bound is not above it. */
  static #childOf(node: Inner, score: number, member: string): number {
    const { boundScores, boundMembers } = node;
    let low = 0;
    let high = boundScores.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const bound = boundScores[middle]!;
      if (bound < score || (bound === score && boundMembers[middle]! <= member)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** First offset in a leaf whose element is not below the given one. */
  static #offsetOf(leaf: Leaf, score: number, member: string): number {
    const { scores, members } = leaf;
    let low = 0;
    let high = scores.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = scores[middle]!;
      if (other < score || (other === score && members[middle]! < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Inserts an element that is known to be absent. */
  insert(score: number, member: string): void {
    const split = this.#insertInto(this.#root, score, member);
    this.size++;
    if (split !== null) {
      const old = this.#root;
      this.#root = {
        children: [old, split.node],
        counts: [OrderTree.#count(old), OrderTree.#count(split.node)],
        boundScores: [-Infinity, split.score],
        boundMembers: ["", split.member],
      };
    }
  }

  static #count(node: Node): number {
    if (isLeaf(node)) return node.scores.length;
    let total = 0;
    for (const count of node.counts) total += count;
    return total;
  }

  #insertInto(
    node: Node,
    score: number,
    member: string,
  ): { node: Node; score: number; member: string } | null {
    if (isLeaf(node)) {
      const at = OrderTree.#offsetOf(node, score, member);
      insertScore(node.scores, at, score);
      insertMember(node.members, at, member);
      if (node.scores.length <= LEAF) return null;
      // Appending in order is common: split near the end then, so that leaves stay full.
      const cut = at === node.scores.length - 1 && node.next === null ? LEAF - 8 : LEAF >> 1;
      const upper: Leaf = {
        scores: node.scores.splice(cut),
        members: node.members.splice(cut),
        next: node.next,
        prev: node,
      };
      if (node.next !== null) node.next.prev = upper;
      node.next = upper;
      return { node: upper, score: upper.scores[0]!, member: upper.members[0]! };
    }
    const at = OrderTree.#childOf(node, score, member);
    const split = this.#insertInto(node.children[at]!, score, member);
    node.counts[at]!++;
    if (split === null) return null;
    const moved = OrderTree.#count(split.node);
    node.counts[at]! -= moved;
    node.children.splice(at + 1, 0, split.node);
    node.counts.splice(at + 1, 0, moved);
    node.boundScores.splice(at + 1, 0, split.score);
    node.boundMembers.splice(at + 1, 0, split.member);
    if (node.children.length <= INNER) return null;
    const half = INNER >> 1;
    const upper: Inner = {
      children: node.children.splice(half),
      counts: node.counts.splice(half),
      boundScores: node.boundScores.splice(half),
      boundMembers: node.boundMembers.splice(half),
    };
    return { node: upper, score: upper.boundScores[0]!, member: upper.boundMembers[0]! };
  }

  /** Removes an element; false when it is absent. */
  remove(score: number, member: string): boolean {
    if (!this.#removeFrom(this.#root, score, member)) return false;
    this.size--;
    let root = this.#root;
    while (!isLeaf(root) && root.children.length === 1) root = root.children[0]!;
    if (!isLeaf(root) && root.children.length === 0) {
      root = { scores: [], members: [], next: null, prev: null };
    }
    this.#root = root;
    return true;
  }

  #removeFrom(node: Node, score: number, member: string): boolean {
    if (isLeaf(node)) {
      const at = OrderTree.#offsetOf(node, score, member);
      if (node.scores[at] !== score || node.members[at] !== member) return false;
      removeScore(node.scores, at);
      removeMember(node.members, at);
      return true;
    }
    const at = OrderTree.#childOf(node, score, member);
    const child = node.children[at]!;
    if (!this.#removeFrom(child, score, member)) return false;
    if (--node.counts[at]! === 0) {
      if (isLeaf(child)) {
        if (child.prev !== null) child.prev.next = child.next;
        if (child.next !== null) child.next.prev = child.prev;
      }
      node.children.splice(at, 1);
      node.counts.splice(at, 1);
      node.boundScores.splice(at, 1);
      node.boundMembers.splice(at, 1);
    }
    return true;
  }

  /** How many elements come before the given one. */
  rank(score: number, member: string): number {
    let node = this.#root;
    let before = 0;
    while (!isLeaf(node)) {
      const at = OrderTree.#childOf(node, score, member);
      for (let i = 0; i < at; i++) before += node.counts[i]!;
      node = node.children[at]!;
    }
    return before + OrderTree.#offsetOf(node, score, member);
  }

  /** The elements with a score in [from, to), upward. The tree must not change meanwhile. */
  *between(from: number, to: number): Generator<{ member: string; score: number }> {
    const start = this.countWhile((score) => score < from);
    if (start >= this.size) return;
    let { leaf, at }: { leaf: Leaf | null; at: number } = this.select(start);
    while (leaf !== null) {
      for (; at < leaf.scores.length; at++) {
        const score = leaf.scores[at]!;
        if (score >= to) return;
        yield { member: leaf.members[at]!, score };
      }
      leaf = leaf.next;
      at = 0;
    }
  }

  /** How many elements satisfy `below`, which must hold for a prefix of the order. */
  countWhile(below: (score: number, member: string) => boolean): number {
    let node = this.#root;
    let before = 0;
    while (!isLeaf(node)) {
      let low = 0;
      let high = node.children.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (below(node.boundScores[middle]!, node.boundMembers[middle]!)) low = middle;
        else high = middle - 1;
      }
      for (let i = 0; i < low; i++) before += node.counts[i]!;
      node = node.children[low]!;
    }
    let low = 0;
    let high = node.scores.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (below(node.scores[middle]!, node.members[middle]!)) low = middle + 1;
      else high = middle;
    }
    return before + low;
  }

  /** The element of a rank in [0, size). */
  select(rank: number): Position {
    let node = this.#root;
    while (!isLeaf(node)) {
      let at = 0;
      while (rank >= node.counts[at]!) rank -= node.counts[at++]!;
      node = node.children[at]!;
    }
    return { leaf: node, at: rank };
  }

  /** Visits ranks [start, stop] upward, or downward when `reverse` (then counted from the end). */
  forRange(
    start: number,
    stop: number,
    reverse: boolean,
    visit: (member: string, score: number) => void,
  ): void {
    if (start > stop || start >= this.size) return;
    let left = stop - start + 1;
    const position = this.select(reverse ? this.size - 1 - start : start);
    let leaf: Leaf | null = position.leaf;
    let at = position.at;
    while (left > 0 && leaf !== null) {
      if (reverse) {
        for (; at >= 0 && left > 0; at--, left--) visit(leaf.members[at]!, leaf.scores[at]!);
        leaf = leaf.prev;
        if (leaf !== null) at = leaf.scores.length - 1;
      } else {
        for (; at < leaf.scores.length && left > 0; at++, left--) {
          visit(leaf.members[at]!, leaf.scores[at]!);
        }
        leaf = leaf.next;
        at = 0;
      }
    }
  }
}
