/**
 * **What.** Keys of several parts, in order: `["user", 42, "name"]`. All keys that begin with the same parts lie side
 * by side, so that everything about user 42 is one range.
 *
 * **Format.**
 * ```text
 * tuple     := part*
 * part      := 01                        null
 *            | 02 escaped 00             Uint8Array
 *            | 03 escaped 00             string, in UTF-8
 *            | 05 part* 00               array
 *            | 0b count^ff magnitude     negative bigint of 9 to 255 bytes    } every bit of the
 *            | 14-n magnitude            negative bigint of n = 1 to 8 bytes  } magnitude flipped
 *            | 14                        0n
 *            | 14+n magnitude            positive bigint of n = 1 to 8 bytes, big-endian
 *            | 1d count magnitude        positive bigint of 9 to 255 bytes
 *            | 21 number                 number, as the number codec has it
 *            | 26 | 27                   false | true
 * escaped   := the bytes, with 01 01 for each 00 and 01 02 for each 01
 *
 * ["a", null, -2n]  →  03 61 00  01  13 fd
 * ```
 *
 * **Invariants.**
 * 1. Tuples are ordered part by part; parts by kind, in the order of the list above, then by value. So null <
 *    bytes < string < array < bigint < number < boolean: `2n` comes before `1`, and they are different keys.
 * 2. The bytes of a tuple are a prefix of those of its extensions, and of no other tuple's: no part's bytes are a
 *    prefix of another part's. A range of bytes with a prefix is just the tuples that begin with those parts.
 * 3. One tuple has one encoding, as with every codec; other bytes are refused.
 *
 * Source: the tuple layer of FoundationDB, `design/tuple.md`, for all but two things. There 00 is written as
 * 00 ff, and null as 00; so the bytes of `["a"]`, which end in 00, are a prefix of those of `["a\0b"]`, against
 * invariant 2, and a reader has to look one byte ahead.
 *
 * **Read next.** `file_names.ts`
 *
 * @module
 */
import { type KeyCodec, number, refuse, utf8 } from "./codec.ts";

/**
 * What a tuple can be made of. Parts of different kinds are ordered by kind: null, bytes, string, array, bigint,
 * number, boolean.
 *
 * @example The order of kinds
 * ```ts
 * import { MemoryFileSystem, open, tuple, type TuplePart } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const parts: TuplePart[] = [null, Uint8Array.of(7), "7", ["7"], 7n, 7, true];
 * const key = tuple<[TuplePart]>();
 * await using db = await open("kinds", { key, fileSystem: new MemoryFileSystem() });
 * for (const part of parts.toReversed()) await db.put([part], "");
 * assertEquals(await Array.fromAsync(db.keys()), parts.map((part) => [part]));
 * ```
 *
 * @category Codecs
 */
export type TuplePart =
  | null
  | Uint8Array
  | string
  | readonly TuplePart[]
  | bigint
  | number
  | boolean;

const NULL = 0x01;
const BYTES = 0x02;
const STRING = 0x03;
const ARRAY = 0x05;
/** Begins a bigint below 0 of more than 8 bytes. */
export const BIGINT_NEGATIVE_LONG = 0x0b;
/** Is the bigint 0; that of a shorter one is so many lower or higher as it has bytes. */
export const BIGINT_ZERO = 0x14;
/** Begins a bigint above 0 of more than 8 bytes. */
export const BIGINT_POSITIVE_LONG = 0x1d;
const NUMBER = 0x21;
const FALSE = 0x26;
const TRUE = 0x27;

/** Ends what has no length of its own. No kind of part has this number, and nothing escaped has this byte. */
const END = 0x00;
/** Stands before a byte up to this one, which is written one higher. */
const ESCAPE = 0x01;

const BIGINT_SHORT_BYTES_MAX = 8;
/** A bigint has at most so many bytes. */
export const BIGINT_BYTES_MAX = 255;
/** How deep arrays may be nested: a limit for an array that contains itself, and for hostile bytes. */
const DEPTH_MAX = 64;

/** Where tuples of usual size are written before it is known how long they get. */
const scratch = new Uint8Array(1024);

const PARTS = "null, a Uint8Array, string, array, bigint, number or boolean";

/**
 * Tuples of strings, numbers, bigints, booleans, null, bytes and further tuples, ordered part by part. As the prefix of
 * a range a tuple stands for all that begin with its parts.
 *
 * @example Everything about user 42
 * ```ts
 * import { MemoryFileSystem, open, tuple } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const key = tuple<[kind: string, user: number, ...field: string[]]>();
 * await using db = await open("users", { key, fileSystem: new MemoryFileSystem() });
 * await db.batch()
 *   .put(["user", 42, "town"], "London")
 *   .put(["user", 42, "name"], "Ada")
 *   .put(["user", 421, "name"], "Alan")
 *   .commit();
 * assertEquals(await Array.fromAsync(db.values({ prefix: ["user", 42] })), ["Ada", "London"]);
 * ```
 *
 * @typeParam T The type of the tuples. Which parts a stored tuple has is the caller's word.
 * @returns The codec.
 * @category Codecs
 */
export function tuple<T extends readonly TuplePart[] = TuplePart[]>(): KeyCodec<T> {
  return anyTuple as unknown as KeyCodec<T>;
}

const anyTuple: KeyCodec<readonly TuplePart[]> = Object.freeze({
  ordered: true,
  encode(value: readonly TuplePart[]): Uint8Array {
    const max = maxTupleBytes(value);
    const bytes = max <= scratch.length ? scratch : new Uint8Array(max);
    return bytes.slice(0, writeTuple(value, bytes, 0));
  },
  decode: (bytes: Uint8Array) => readTuple(bytes, 0, bytes.length),
  encodeInto: writeTuple,
  maxBytes: maxTupleBytes,
  decodeRange: readTuple,
});

function maxTupleBytes(value: readonly TuplePart[]): number {
  if (!Array.isArray(value)) refuse("tuple", "an array", value);
  return maxPartsBytes(value, 1);
}

function maxPartsBytes(parts: readonly unknown[], depth: number): number {
  if (depth > DEPTH_MAX) {
    throw new TypeError(`Cannot encode as tuple: arrays are nested more than ${DEPTH_MAX} deep`);
  }
  let bytes = 0;
  for (const part of parts) {
    // A character is at most 3 bytes; one that is escaped is 2.
    if (typeof part === "string") bytes += 2 + 3 * part.length;
    else if (typeof part === "number") bytes += 9;
    else if (typeof part === "bigint") bytes += 2 + BIGINT_BYTES_MAX;
    else if (part instanceof Uint8Array) bytes += 2 + 2 * part.length;
    else if (Array.isArray(part)) bytes += 2 + maxPartsBytes(part, depth + 1);
    else bytes += 2;
  }
  return bytes;
}

// ---- writing: each function returns the offset after what it wrote

function writeTuple(value: readonly TuplePart[], target: Uint8Array, offset: number): number {
  if (!Array.isArray(value)) refuse("tuple", "an array", value);
  for (const part of value) offset = writePart(part, target, offset);
  return offset;
}

function writePart(part: unknown, target: Uint8Array, at: number): number {
  switch (typeof part) {
    case "string":
      target[at] = STRING;
      return writeString(part, target, at + 1);
    case "number":
      target[at] = NUMBER;
      return number.encodeInto!(part, target, at + 1);
    case "bigint":
      return writeBigint(part, target, at);
    case "boolean":
      target[at] = part ? TRUE : FALSE;
      return at + 1;
  }
  if (part === null) {
    target[at] = NULL;
    return at + 1;
  }
  if (part instanceof Uint8Array) {
    target[at] = BYTES;
    return writeEscaped(part, target, at + 1);
  }
  if (!Array.isArray(part)) refuse("tuple", PARTS, part);
  target[at++] = ARRAY;
  for (const inner of part) at = writePart(inner, target, at);
  target[at] = END;
  return at + 1;
}

function writeString(text: string, target: Uint8Array, at: number): number {
  if (text.includes("\x00") || text.includes("\x01")) {
    return writeEscaped(utf8.encode(text), target, at);
  }
  at = utf8.encodeInto!(text, target, at);
  target[at] = END;
  return at + 1;
}

function writeEscaped(bytes: Uint8Array, target: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte <= ESCAPE) {
      target[at++] = ESCAPE;
      target[at++] = byte + 1;
    } else {
      target[at++] = byte;
    }
  }
  target[at] = END;
  return at + 1;
}

function writeBigint(value: bigint, target: Uint8Array, at: number): number {
  if (value === 0n) {
    target[at] = BIGINT_ZERO;
    return at + 1;
  }
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString(16);
  const count = (digits.length + 1) >>> 1;
  if (count > BIGINT_BYTES_MAX) {
    throw new TypeError(`Cannot encode as tuple: a bigint has more than ${BIGINT_BYTES_MAX} bytes`);
  }
  return writeMagnitude(digits, negative, target, at);
}

/**
 * Writes a bigint of at most {@linkcode BIGINT_BYTES_MAX} bytes. Keys of Deno KV have the same bytes.
 *
 * @param digits Its magnitude in hexadecimal, without leading zeros; nothing for 0.
 * @param isNegative Whether it is below 0.
 * @param target Where to write.
 * @param at Where it starts.
 * @returns Where it ends.
 */
export function writeMagnitude(
  digits: string,
  isNegative: boolean,
  target: Uint8Array,
  at: number,
): number {
  const count = (digits.length + 1) >>> 1;
  const flip = isNegative ? 0xff : 0;
  if (count <= BIGINT_SHORT_BYTES_MAX) {
    target[at++] = isNegative ? BIGINT_ZERO - count : BIGINT_ZERO + count;
  } else {
    target[at++] = isNegative ? BIGINT_NEGATIVE_LONG : BIGINT_POSITIVE_LONG;
    target[at++] = count ^ flip;
  }
  const padded = digits.padStart(2 * count, "0");
  for (let i = 0; i < count; i++) {
    target[at++] = parseInt(padded.slice(2 * i, 2 * i + 2), 16) ^ flip;
  }
  return at;
}

// ---- reading

function readTuple(buffer: Uint8Array, start: number, end: number): TuplePart[] {
  return new TupleReader(buffer, start, end).parts(0);
}

/** Reads part after part, never at or past the end. */
class TupleReader {
  readonly #buffer: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(buffer: Uint8Array, start: number, end: number) {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** All parts up to the end, or inside an array up to the array's end. */
  parts(depth: number): TuplePart[] {
    if (depth >= DEPTH_MAX) this.#refuse("arrays nested too deep");
    const parts: TuplePart[] = [];
    while (this.#at < this.#end) {
      if (depth > 0 && this.#buffer[this.#at] === END) {
        this.#at++;
        return parts;
      }
      parts.push(this.#part(depth));
    }
    if (depth > 0) this.#refuse("an array without an end");
    return parts;
  }

  #part(depth: number): TuplePart {
    const kind = this.#buffer[this.#at++]!;
    switch (kind) {
      case NULL:
        return null;
      case BYTES:
        return this.#escaped();
      case STRING:
        return this.#string();
      case ARRAY:
        return this.parts(depth + 1);
      case NUMBER: {
        const start = this.#take(8);
        return number.decodeRange!(this.#buffer, start, this.#at);
      }
      case FALSE:
        return false;
      case TRUE:
        return true;
    }
    if (kind < BIGINT_NEGATIVE_LONG || kind > BIGINT_POSITIVE_LONG) this.#refuse("an unknown kind");
    return this.#bigint(kind);
  }

  #string(): string {
    const start = this.#at;
    const end = this.#findEnd();
    for (let i = start; i < end; i++) {
      if (this.#buffer[i] === ESCAPE) return utf8.decode(this.#unescaped(start, end));
    }
    return utf8.decodeRange!(this.#buffer, start, end);
  }

  #escaped(): Uint8Array {
    const start = this.#at;
    return this.#unescaped(start, this.#findEnd());
  }

  /** Finds where something escaped ends, and goes on after that. */
  #findEnd(): number {
    for (let i = this.#at; i < this.#end; i++) {
      if (this.#buffer[i] !== END) continue;
      this.#at = i + 1;
      return i;
    }
    this.#refuse("a part without an end");
  }

  #unescaped(start: number, end: number): Uint8Array {
    let escapes = 0;
    for (let i = start; i < end; i++) {
      if (this.#buffer[i] !== ESCAPE) continue;
      escapes++;
      i++; // what is escaped may look like an escape
    }
    const bytes = new Uint8Array(end - start - escapes);
    let count = 0;
    for (let i = start; i < end; i++) {
      let byte = this.#buffer[i]!;
      if (byte === ESCAPE) {
        byte = this.#buffer[++i]! - 1; // what follows the last one is the end, which is refused like any other
        if (byte !== 0 && byte !== ESCAPE) this.#refuse("a bad escape");
      }
      bytes[count++] = byte;
    }
    return bytes;
  }

  #bigint(kind: number): bigint {
    const negative = kind < BIGINT_ZERO;
    const flip = negative ? 0xff : 0;
    let count = Math.abs(kind - BIGINT_ZERO);
    if (kind === BIGINT_NEGATIVE_LONG || kind === BIGINT_POSITIVE_LONG) {
      count = this.#buffer[this.#take(1)]! ^ flip;
      if (count <= BIGINT_SHORT_BYTES_MAX) this.#refuse("a bigint in a longer form than it needs");
    }
    if (count === 0) return 0n;
    const start = this.#take(count);
    if (this.#buffer[start] === flip) this.#refuse("a bigint with leading zeros");
    let digits = "0x";
    for (let i = start; i < this.#at; i++) {
      digits += (this.#buffer[i]! ^ flip).toString(16).padStart(2, "0");
    }
    return negative ? -BigInt(digits) : BigInt(digits);
  }

  /** Goes past `count` bytes, and returns where they start. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) this.#refuse("a part that is cut off");
    this.#at = start + count;
    return start;
  }

  #refuse(what: string): never {
    throw new TypeError(`Cannot decode as tuple: ${what} at byte ${this.#at - this.#start}`);
  }
}
