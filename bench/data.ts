/**
 * **What.** The data that every engine is measured with: the same keys and values in the same order, made as cheaply in
 * each language.
 *
 * **Format.** Keys are 16-byte zero-padded decimals. Values are slices of a megabyte of text of which Snappy saves
 * about half: it is built of random 50-byte pieces, every piece twice. `leveldb.cc` has the same in C++.
 *
 * **Invariants.**
 * 1. Same arguments, same data, everywhere: no clock, no `Math.random`.
 * 2. Making a key allocates nothing if keys are bytes: the bytes are those of the key made last, so an engine that
 *    keeps what it is given has to copy it. Values stay as they are for good.
 *
 * **Read next.** `ycsb.ts`
 *
 * @module
 */

/** A key or a value. */
export type Data = string | Uint8Array;

/** What keys and values are. */
export type Kind = "bytes" | "strings";

/** Bytes of a key. */
export const KEY_BYTES = 16;
/** Bytes of a value, where nothing else is said. */
export const VALUE_BYTES = 100;
/** So many different values there are. A prime, so that a value does not come back with a round number of keys. */
const VALUES = 9973;
const TEXT_BYTES = 1_000_000;

/** A small generator of whole numbers, the same everywhere (xorshift32). */
export function generator(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Numbers 0 to `count` − 1. */
export function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/** Numbers 0 to `count` − 1 in an order that is random and the same every time. */
export function shuffled(count: number, seed: number): Uint32Array {
  const order = inOrder(count);
  const next = generator(seed);
  for (let i = count - 1; i > 0; i--) {
    const j = next(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/**
 * The same for counts that an array is too large for: a number's place in an order that looks random. Four rounds of a
 * Feistel network mix the least even number of bits that holds them all; what falls outside is mixed again.
 *
 * @param count How many numbers.
 * @param seed Which order.
 * @returns Gives each number from 0 to `count` − 1 another one of them, no two the same.
 */
export function permutation(count: number, seed: number): (number: number) => number {
  let half = 1;
  while (4 ** half < count) half++;
  const mask = 2 ** half - 1;
  return (number) => {
    let mixed = number;
    do {
      let left = mixed >>> half;
      let right = mixed & mask;
      for (let round = 1; round <= 4; round++) {
        const hash = Math.imul(right + Math.imul(seed, round), 0x9e3779b1);
        const next = left ^ ((hash ^ (hash >>> 15)) >>> 4) & mask;
        left = right;
        right = next;
      }
      mixed = (left << half | right) >>> 0;
    } while (mixed >= count);
    return mixed;
  };
}

/** Four digits of every number below ten thousand: as text, and as the four bytes that a word has in memory. */
const DIGITS = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(4, "0"));
const DIGIT_WORDS = new Uint32Array(new TextEncoder().encode(DIGITS.join("")).buffer);

/** Makes keys and values. */
export interface DataMaker {
  /** The key of a number below 2³². */
  key(number: number): Data;
  /** A key that is never written, and lies between that of the number and the next one. */
  missing(number: number): Data;
  /** The value of a number. */
  value(number: number): Data;
  /** The bytes of a key and a value. */
  readonly entryBytes: number;
}

/** Text of which Snappy saves half. */
function compressibleText(): string {
  const next = generator(301);
  let text = "";
  while (text.length < TEXT_BYTES) {
    let piece = "";
    for (let i = 0; i < 50; i++) piece += String.fromCharCode(32 + next(95));
    text += piece + piece;
  }
  return text;
}

/**
 * Makes what makes keys and values.
 *
 * @param kind What they are.
 * @param valueBytes How long values are, at most 1 000.
 * @returns The maker.
 */
export function dataMaker(kind: Kind, valueBytes: number = VALUE_BYTES): DataMaker {
  const text = compressibleText();
  const texts = Array.from({ length: VALUES }, (_, i) => {
    const at = (i * 100) % (TEXT_BYTES - 1000);
    return text.slice(at, at + valueBytes);
  });
  const entryBytes = KEY_BYTES + valueBytes;
  if (kind === "strings") {
    const key = (number: number) =>
      "0000" + DIGITS[(number / 1e8) >>> 0]! + DIGITS[((number / 1e4) >>> 0) % 1e4]! +
      DIGITS[number % 1e4]!;
    return {
      key,
      missing: (number) => key(number) + ".",
      value: (number) => texts[number % VALUES]!,
      entryBytes,
    };
  }
  const words = new Uint32Array(5);
  words[0] = DIGIT_WORDS[0]!;
  const key = new Uint8Array(words.buffer, 0, KEY_BYTES);
  const missing = new Uint8Array(words.buffer, 0, KEY_BYTES + 1);
  missing[KEY_BYTES] = ".".charCodeAt(0);
  const setDigits = (number: number) => {
    words[1] = DIGIT_WORDS[(number / 1e8) >>> 0]!;
    words[2] = DIGIT_WORDS[((number / 1e4) >>> 0) % 1e4]!;
    words[3] = DIGIT_WORDS[number % 1e4]!;
  };
  const encoder = new TextEncoder();
  const values = texts.map((it) => encoder.encode(it));
  return {
    key: (number) => {
      setDigits(number);
      return key;
    },
    missing: (number) => {
      setDigits(number);
      return missing;
    },
    value: (number) => values[number % VALUES]!,
    entryBytes,
  };
}
