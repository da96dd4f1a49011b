/**
 * Detection of SHA-1 collision attacks.
 *
 * All known attacks follow one of 32 disturbance vectors: the block of one message of the colliding pair, with the
 * differences of its vector put on, leads from another chaining value to the same result. So each block is tried
 * with each vector; nearly all tries are saved by relations between two bits of the expanded block that every
 * attack with a vector must keep.
 *
 * After Marc Stevens, "Counter-cryptanalysis" (CRYPTO 2013), and Marc Stevens and Daniel Shumow, "Speeding up
 * Detection of SHA-1 Collision Attacks Using Unavoidable Attack Conditions" (USENIX Security 2017), whose vectors and
 * conditions these are.
 *
 * @module
 */

/** A disturbance vector of the literature, I(K, b) or II(K, b), and the step from which a block is tried. */
interface DisturbanceVector {
  readonly kind: 1 | 2;
  readonly k: number;
  readonly b: number;
}

function vectors(kind: 1 | 2, names: string): DisturbanceVector[] {
  return names.split(" ").map((name) => {
    const [k, b] = name.split(",").map(Number) as [number, number];
    return { kind, k, b };
  });
}

/** In the order of the bits of the conditions' masks. */
const VECTORS: readonly DisturbanceVector[] = [
  ...vectors(1, "43,0 44,0 45,0 46,0 46,2 47,0 47,2 48,0 48,2 49,0 49,2 50,0 50,2 51,0 51,2 52,0"),
  ...vectors(2, "45,0 46,0 46,2 47,0 48,0 49,0 49,2 50,0 50,2 51,0 51,2 52,0 53,0 54,0 55,0 56,0"),
];

/**
 * Relations `word.bit=word.bit` (equal) or `word.bit!word.bit` (different) of the expanded block, and the vectors
 * that need them as bits in hexadecimal; those that concern most vectors first.
 */
const CONDITIONS = `
44.29=45.29:283a080 40.29=41.29:800a00a2 41.4=44.29:812025 42.4=45.29:202808a
43.4=46.29:8080225 43.29=44.29:a12820 44.4=47.29:1010088a 45.4=48.29:20202224
45.29=46.29:a0a8200 46.4=49.29:40808888 46.29=47.29:18180801 47.4=50.29:82012220
47.29=48.29:30302002 48.29=49.29:60a08004 49.29=50.29:c2810008 37.4=40.29:50020021
38.4=41.29:a0080082 39.4=42.29:40100205 40.4=43.29:8020080a 41.29=42.29:180284
42.29=43.29:300a08 48.4=51.29:8028880 49.4=52.29:10092200 50.4=53.29:20128800
50.29=51.29:8a020020 52.29=53.29:30110200 53.29=54.29:60220800 54.29=55.29:c0882000
36.4=40.29:110208 51.4=54.29:40282000 51.29=52.29:18080080 52.4=55.29:80908000
55.29=56.29:82108000 35.4=39.29:80084 36.1!37.6:41040 37.4!39.4:50000001 38.4!40.4:a0000002
39.1!40.6:401010 39.4!41.4:40000005 40.1!41.6:1004040 40.4!42.4:8000000a 41.1!42.6:4040100
44.6=46.6:1110 44.29!46.29:25 45.6=47.6:4440 45.29!47.29:8a 46.29!48.29:224 47.29!49.29:888
48.29!50.29:2220 49.29!51.29:8880 50.29!52.29:12200 51.29!54.29:a0800 53.29!56.29:308000
35.1!36.6:410 35.3=39.28:82000 36.4!38.4:28000000 37.1!38.6:4100 37.4=41.29:200800
38.4=42.29:802000 39.4=43.29:2008000 40.6=41.1:401000 41.6=42.1:1004000 42.6=43.1:4040000
42.6=44.6:110 43.6=45.6:440 44.1!45.6:404000 46.6=47.1:1000010 46.6=48.6:1100
47.6=48.1:4000040 47.6=49.6:4400 48.6=50.6:41000 48.29!55.29:a000 50.6=51.1:41000
53.4=56.29:2200000 54.4=57.29:8800000 55.4=58.29:12000000 56.4=59.29:28000000
56.29=57.29:8200000 56.29!59.29:a000000 57.29=58.29:10800000 58.29=59.29:22000000
60.0!61.5:10004 61.0!62.5:20008 61.2!62.7:40010 62.0!63.5:80020 63.0!64.5:100080
63.1!64.6:10004 35.5=39.30:4000 35.30!40.28:100000 36.0!41.30:400000 36.3=40.28:100000
36.4!37.4:800 36.30!41.28:200000 37.0!42.30:1000000 37.1=37.6:4000 37.3=41.28:200000
37.4!38.4:2000 37.5=41.30:400000 37.30!42.28:800000 38.0!43.30:4000000 38.1!40.1:400
38.3=42.28:800000 38.4!39.4:8000 38.5=42.30:1000000 38.30!43.28:2000000 39.3=43.28:2000000
39.5=43.30:4000000 39.6=40.1:400 39.30!44.28:8000000 40.3=44.28:8000000 40.4=44.29:8000000
40.6=42.6:10 41.3=45.28:10000000 41.4=45.29:10000000 41.6=43.6:40 42.1!50.1:400
42.3=46.28:20000000 42.4=46.29:20000000 43.1!51.1:1000 43.3=47.28:40000000 43.4=47.29:40000000
44.3=48.28:80000000 44.4=48.29:80000000 45.1!47.1:1000000 45.6=46.1:400000 46.1!48.1:4000000
47.1!51.1:40000 48.6=49.1:100 49.6=50.1:400 49.6=51.6:4000 50.1!54.1:400000 51.1!55.1:1000000
51.6=52.1:4000 51.6=53.6:400000 52.1!56.1:4000000 52.6=54.6:1000000 53.6=54.1:400000
53.6=55.6:4000000 54.6=55.1:1000000 55.6=56.1:4000000 55.29!58.29:800000 57.4=59.29:40000000
57.4=61.29:10000000 58.0!63.30:1 58.4=62.29:20000000 58.29!61.29:10000000 59.0!64.30:2
59.4=63.29:40000000 59.5=63.30:1 59.29=60.29:8000000 60.4=64.29:80000000 60.5=64.30:2
61.1!62.6:1 62.1!63.6:2 62.2!63.7:40 63.2!64.7:100
`;

/** A condition: bit `bit` of word `step` equals bit `otherBit` of word `otherStep`, or differs from it. */
export interface AttackCondition {
  readonly vectors: number;
  readonly step: number;
  readonly bit: number;
  readonly otherStep: number;
  readonly otherBit: number;
  readonly differs: boolean;
}

/** The conditions; those that concern most vectors first. */
export function attackConditions(): AttackCondition[] {
  return CONDITIONS.trim().split(/\s+/).map((row) => {
    const parts = /^(\d+)\.(\d+)([=!])(\d+)\.(\d+):([0-9a-f]+)$/.exec(row)!;
    return {
      vectors: Number.parseInt(parts[6]!, 16) | 0,
      step: Number(parts[1]),
      bit: Number(parts[2]),
      otherStep: Number(parts[4]),
      otherBit: Number(parts[5]),
      differs: parts[3] === "!",
    };
  });
}

/**
 * The conditions, two words each: the vectors, and word (7 bits), bit (5), word (7), bit (5), and whether the bits
 * differ (1).
 */
const ROWS = Int32Array.from(
  attackConditions().flatMap(({ vectors, step, bit, otherStep, otherBit, differs }) => [
    vectors,
    step | bit << 7 | otherStep << 12 | otherBit << 19 | Number(differs) << 24,
  ]),
);

function rotate(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}

/** The differences of an expanded block that a vector stands for: one local collision a disturbed bit. */
function differencesOf({ kind, k, b }: DisturbanceVector): Int32Array {
  // The vector is itself an expanded message; 16 of its words give the others, here from word -5 on.
  const first = -5;
  const vector = new Int32Array(80 - first);
  const at = (step: number) => step - first;
  vector[at(k + 15)] = 1 << b;
  if (kind === 2) {
    vector[at(k + 1)] = rotate(1 << 31, b);
    vector[at(k + 3)] = rotate(1 << 31, b);
  }
  const word = (step: number) => vector[at(step)]!;
  for (let step = k + 16; step < 80; step++) {
    vector[at(step)] = rotate(
      word(step - 3) ^ word(step - 8) ^ word(step - 14) ^ word(step - 16),
      1,
    );
  }
  for (let step = k - 1; step >= first; step--) {
    vector[at(step)] = rotate(word(step + 16), 31) ^ word(step + 13) ^ word(step + 8) ^
      word(step + 2);
  }
  return Int32Array.from(
    { length: 80 },
    (_, step) =>
      word(step) ^ rotate(word(step - 1), 5) ^ word(step - 2) ^
      rotate(word(step - 3) ^ word(step - 4) ^ word(step - 5), 30),
  );
}

let differences: Int32Array[] | undefined;

/** What each vector does to the 80 words of an expanded block. */
export function blockDifferences(): readonly Int32Array[] {
  return differences ??= VECTORS.map(differencesOf);
}

/** The step from which a block is tried with each vector, forwards and backwards. */
export const TRIED_FROM: readonly number[] = VECTORS.map(({ k }) => k < 50 ? 58 : 65);

/** The five words between steps. */
type State = readonly number[];

function roundOf(step: number, b: number, c: number, d: number): number {
  if (step < 20) return ((d ^ (b & (c ^ d))) + 0x5a827999) | 0;
  if (step < 40) return ((b ^ c ^ d) + 0x6ed9eba1) | 0;
  if (step < 60) return (((b & c) | (d & (b | c))) - 0x70e44324) | 0;
  return ((b ^ c ^ d) - 0x359d3e2a) | 0;
}

function forward(state: State, words: Int32Array, from: number, to: number): State {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
  for (let step = from; step < to; step++) {
    const next = (rotate(a, 5) + roundOf(step, b, c, d) + e + words[step]!) | 0;
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  return [a, b, c, d, e];
}

function backward(state: State, words: Int32Array, from: number): State {
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
  for (let step = from - 1; step >= 0; step--) {
    const last = a;
    a = b;
    b = rotate(c, 2);
    c = d;
    d = e;
    e = (last - rotate(a, 5) - roundOf(step, b, c, d) - words[step]!) | 0;
  }
  return [a, b, c, d, e];
}

/** The vectors whose conditions an expanded block of 80 words meets, as bits; nearly always none. */
export function candidateVectors(words: Int32Array): number {
  let mask = -1;
  for (let i = 0; i < ROWS.length; i += 2) {
    const needed = ROWS[i]!;
    if ((mask & needed) === 0) continue;
    const row = ROWS[i + 1]!;
    // A shift takes the low five bits of its count.
    const a = words[row & 127]! >>> (row >>> 7);
    const b = words[(row >>> 12) & 127]! >>> (row >>> 19);
    if (((a ^ b ^ (row >>> 24)) & 1) === 0) continue;
    mask &= ~needed;
    if (mask === 0) return 0;
  }
  return mask;
}

/**
 * Whether a block is the last of one message of a colliding pair.
 *
 * @param words The expanded block, 80 words.
 * @param before The chaining value before the block, 5 words.
 * @param candidates What {@linkcode candidateVectors} gave for the block.
 */
export function isCollision(
  words: Int32Array,
  before: readonly number[],
  candidates: number,
): boolean {
  const differences = blockDifferences();
  const middles = [forward(before, words, 0, 58)];
  middles.push(forward(middles[0]!, words, 58, 65));
  const end = forward(middles[1]!, words, 65, 80);
  const other = new Int32Array(80);
  for (let index = 0; index < 32; index++) {
    if ((candidates & (1 << index)) === 0) continue;
    const difference = differences[index]!;
    for (let step = 0; step < 80; step++) other[step] = words[step]! ^ difference[step]!;
    // The states of the pair are equal in the middle of the stretch without disturbances before this step.
    const from = TRIED_FROM[index]!;
    const middle = middles[from === 58 ? 0 : 1]!;
    const otherBefore = backward(middle, other, from);
    const otherEnd = forward(middle, other, from, 80);
    let same = true;
    for (let i = 0; i < 5; i++) {
      same &&= ((otherBefore[i]! + otherEnd[i]!) | 0) === ((before[i]! + end[i]!) | 0);
    }
    if (same) return true;
  }
  return false;
}
