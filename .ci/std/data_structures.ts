/** Typed facade of `@std/data-structures` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/data_structures/mod.js";

type Compare<T> = (a: T, b: T) => number;
export interface BinaryHeap<T> extends Iterable<T> {
  readonly length: number;
  peek(): T | undefined;
  pop(): T | undefined;
  push(...values: T[]): number;
  clear(): void;
  isEmpty(): boolean;
  toArray(): T[];
}
export interface RedBlackTree<T> extends Iterable<T> {
  readonly size: number;
  insert(value: T): boolean;
  remove(value: T): boolean;
  find(value: T): T | null;
  min(): T | null;
  max(): T | null;
  clear(): void;
  isEmpty(): boolean;
}
export interface Deque<T> extends Iterable<T> {
  readonly length: number;
  pushBack(value: T, ...rest: T[]): number;
  pushFront(value: T, ...rest: T[]): number;
  popBack(): T | undefined;
  popFront(): T | undefined;
  peekBack(): T | undefined;
  peekFront(): T | undefined;
  at(index: number): T | undefined;
  isEmpty(): boolean;
  clear(): void;
}

export const BinaryHeap: { new <T>(compare?: Compare<T>): BinaryHeap<T> } = npm.BinaryHeap;
export const RedBlackTree: { new <T>(compare?: Compare<T>): RedBlackTree<T> } = npm.RedBlackTree;
export const Deque: { new <T>(source?: Iterable<T>): Deque<T> } = npm.Deque;
export const ascend: <T>(a: T, b: T) => -1 | 0 | 1 = npm.ascend;
export const descend: <T>(a: T, b: T) => -1 | 0 | 1 = npm.descend;
