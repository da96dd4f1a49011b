/** A pattern without the expressions in braces, as far as the type level needs it. */
export type WithoutConstraints<Pattern extends string> = Pattern extends
  `${infer Before}{${string}}${infer After}` ? WithoutConstraints<`${Before}${After}`>
  : Pattern;

/** The parameter of a name: `id`, `id?` or, after a constraint with nested braces, `id}`. */
export type NamedParam<Name extends string> = Name extends `${infer Optional}?` ? {
    [Key in Optional]?: string;
  }
  : Name extends `${infer Head}}${string}` ? NamedParam<Head>
  : { [Key in Name]: string };

/** The parameters of one segment. */
export type SegmentParams<Segment extends string> = Segment extends `:${infer Name}`
  ? NamedParam<Name>
  : Segment extends `*${infer Name}` ? { [Key in Name extends "" ? "*" : Name]: string }
  : unknown;

/** The parameters of segments with slashes between them. */
export type SegmentsParams<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? SegmentParams<Segment> & SegmentsParams<Rest>
  : SegmentParams<Path>;

/** An intersection written as one object. */
export type Flat<Type> = { [Key in keyof Type]: Type[Key] };

/**
 * The parameters that a route pattern captures, by name. `"/users/:id/:tab?"` gives
 * `{ id: string; tab?: string }`, `"/static/*path"` gives `{ path: string }`, and a bare `*` is
 * found under the name `"*"`. A pattern that is not known at compile time gives
 * `Record<string, string | undefined>`.
 *
 * @example Usage
 * ```ts
 * import type { PathParams } from "@groundwork/std/web";
 *
 * const params: PathParams<"/users/:id/files/*path"> = { id: "7", path: "a/b.txt" };
 * ```
 */
export type PathParams<Pattern extends string> = string extends Pattern
  ? Record<string, string | undefined>
  : Flat<SegmentsParams<WithoutConstraints<Pattern>>>;

/**
 * The parameters of a route in a group: those of the group's prefix and its own.
 */
export type JoinedPathParams<Prefix extends string, Pattern extends string> = string extends Prefix
  ? PathParams<string>
  : string extends Pattern ? PathParams<string>
  : Flat<PathParams<Prefix> & PathParams<Pattern>>;
