/**
 * **What.** Keys of several parts, in order: `["user", 42, "name"]`. All keys that begin with some parts lie side by
 * side, so that everything about user 42 is one range. The bytes are those of FoundationDB's tuple layer,
 * which are also what Deno KV makes of its keys.
 *
 * **Format.**
 * ```text
 * tuple     := part*
 * part      := 00                        null; inside an array 00 ff
 *            | 01 escaped 00             Uint8Array
 *            | 02 escaped 00             string, in UTF-8
 *            | 05 part* 00               array
 *            | 0b count^ff magnitude     negative bigint of 9 to 255 bytes    } every bit of the
 *            | 14-n magnitude            negative bigint of n = 1 to 8 bytes  } magnitude flipped
 *            | 14                        0n
 *            | 14+n magnitude            positive bigint of n = 1 to 8 bytes, big-endian
 *            | 1d count magnitude        positive bigint of 9 to 255 bytes
 *            | 21 number                 number, as the number codec has it
 *            | 26 | 27                   false | true
 * escaped   := the bytes, with 00 ff for each 00
 *
 * ["a", null, -2n]  →  02 61 00  00  13 fd
 * ```
 *
 * **Invariants.**
 * 1. Tuples are ordered part by part; parts by kind, in the order of the list above, then by value. So null <
 *    bytes < string < array < bigint < number < boolean: `2n` comes before `1`, and they are different keys.
 * 2. The bytes of a tuple are a prefix of those of its extensions, and of no other tuple's.
 * 3. One tuple has one encoding, as with every codec; other bytes are refused.
 *
 * Source: FoundationDB's `design/tuple.md`.
 *
 * **Read next.** `file_names.ts`
 *
 * @module
 */
import { type KeyCodec, number, refuse, utf8 } from "./codec.ts";

/** What a tuple can be made of. */
export type TuplePart =
  | null
  | Uint8Array
  | string
  | readonly TuplePart[]
  | bigint
  | number
  | boolean;

const NULL = 0x00;
const BYTES = 0x01;
const STRING = 0x02;
const ARRAY = 0x05;
const BIGINT_NEGATIVE_LONG = 0x0b;
const BIGINT_ZERO = 0x14;
const BIGINT_POSITIVE_LONG = 0x1d;
const NUMBER = 0x21;
const FALSE = 0x26;
const TRUE = 0x27;

/** Ends what has no length of its own. */
const END = 0x00;
/** After a zero byte: it is no end. No kind of part has this number. */
const ESCAPE = 0xff;

const BIGINT_SHORT_BYTES_MAX = 8;
const BIGINT_BYTES_MAX = 255;
/** How deep arrays may be nested: a limit for an array that contains itself, and for hostile bytes. */
const DEPTH_MAX = 64;

const PARTS = "null, a Uint8Array, string, array, bigint, number or boolean";

/**
 * Tuples of strings, numbers, bigints, booleans, null, bytes and further tuples.
 *
 * @example Everything about user 42
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { prefixEnd } from "./bytes.ts";
 * import { tuple } from "./tuple_codec.ts";
 *
 * const keys = tuple<[string, number, ...string[]]>();
 * const user = keys.encode(["user", 42]);
 * const name = keys.encode(["user", 42, "name"]);
 * assertEquals(name.subarray(0, user.length), user);
 * assertEquals(keys.decode(name), ["user", 42, "name"]);
 * assert(prefixEnd(user) !== undefined); // where that range ends
 * ```
 *
 * @typeParam T The type of the tuples. Which parts a stored tuple has is the caller's word.
 * @returns The codec.
 */
export function tuple<T extends readonly TuplePart[] = TuplePart[]>(): KeyCodec<T> {
  return anyTuple as unknown as KeyCodec<T>;
}

const anyTuple: KeyCodec<readonly TuplePart[]> = Object.freeze({
  ordered: true,
  encode(value: readonly TuplePart[]): Uint8Array {
    const bytes = new Uint8Array(maxTupleBytes(value));
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
    // A character is at most 3 bytes; the zero character is 2, escaped.
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
  for (const inner of part) {
    at = writePart(inner, target, at);
    if (inner === null) target[at++] = ESCAPE;
  }
  target[at] = END;
  return at + 1;
}

function writeString(text: string, target: Uint8Array, at: number): number {
  if (text.includes("\0")) return writeEscaped(utf8.encode(text), target, at);
  at = utf8.encodeInto!(text, target, at);
  target[at] = END;
  return at + 1;
}

function writeEscaped(bytes: Uint8Array, target: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    target[at++] = byte;
    if (byte === END) target[at++] = ESCAPE;
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
  const flip = negative ? 0xff : 0;
  if (count <= BIGINT_SHORT_BYTES_MAX) {
    target[at++] = negative ? BIGINT_ZERO - count : BIGINT_ZERO + count;
  } else {
    target[at++] = negative ? BIGINT_NEGATIVE_LONG : BIGINT_POSITIVE_LONG;
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
        if (this.#at === this.#end || this.#buffer[this.#at] !== ESCAPE) return parts;
        this.#at++;
        parts.push(null);
      } else {
        parts.push(this.#part(depth));
      }
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
    // Only a text with a zero character has two bytes more, and must be copied without them.
    for (let i = start; i < end; i++) {
      if (this.#buffer[i] === END) return utf8.decode(this.#unescaped(start, end));
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
      if (i + 1 < this.#end && this.#buffer[i + 1] === ESCAPE) {
        i++;
      } else {
        this.#at = i + 1;
        return i;
      }
    }
    this.#refuse("a part without an end");
  }

  #unescaped(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    let count = 0;
    for (let i = start; i < end; i++) {
      const byte = this.#buffer[i]!;
      bytes[count++] = byte;
      if (byte === END) i++;
    }
    return bytes.slice(0, count);
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
