/**
 * **What.** Keys of Deno KV as bytes that sort as the keys do.
 *
 * **Format.**
 * ```text
 * key     := part*
 * part    := 01 escaped 00          bytes
 *          | 02 escaped 00          string, in UTF-8
 *          | 0b count^ff magnitude  negative bigint of 9 to 255 bytes    } every bit of the
 *          | 14-n magnitude         negative bigint of n = 1 to 8 bytes  } magnitude flipped
 *          | 14                     0n
 *          | 14+n magnitude         positive bigint of n = 1 to 8 bytes, big-endian
 *          | 1d count magnitude     positive bigint of 9 to 255 bytes
 *          | 21 float64             number, big-endian: all bits flipped if negative, else the first
 *          | 26 | 27                false | true
 * escaped := the bytes, with 00 ff for each 00
 *
 * ["a", 1n, true]  →  02 61 00  15 01  27
 * ```
 *
 * **Invariants.**
 * 1. Keys are ordered part by part: bytes < string < bigint < number < boolean, then by value; -NaN is the least
 *    number, NaN the greatest, and -0 comes before 0. A key comes before its extensions.
 * 2. The keys that begin with the parts of another one, and are longer, are those from its bytes and 00 on to its
 *    bytes and ff: no part begins with either.
 * 3. The bytes are what the runtime's own Deno KV stores, so the order is the same by construction.
 *
 * Source: the tuple layer of FoundationDB, `design/tuple.md`, with the kinds of part that Deno KV has.
 *
 * **Read next.** `kv_v8_writer.ts`
 *
 * @module
 */
import { Slab } from "./bytes.ts";
import { describe } from "./options.ts";
import {
  BIGINT_BYTES_MAX,
  BIGINT_NEGATIVE_LONG,
  BIGINT_POSITIVE_LONG,
  BIGINT_ZERO,
  writeMagnitude,
} from "./tuple_codec.ts";

/**
 * One part of a {@linkcode KvKey}. Parts of different types are ordered by type: bytes, string, bigint, number,
 * boolean. A symbol is only what {@linkcode Kv.commitVersionstamp} gives, at the end of a key that is set.
 *
 * @example The order of types
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvKeyPart, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await openKv("types", { fileSystem: new MemoryFileSystem() });
 * const parts: KvKeyPart[] = [Uint8Array.of(7), "7", 7n, 7, true];
 * for (const part of parts.toReversed()) await kv.set([part], "");
 * const keys = await Array.fromAsync(kv.list({ prefix: [] }), ({ key }) => key);
 * assertEquals(keys, parts.map((part) => [part]));
 * ```
 *
 * @category Deno KV
 */
export type KvKeyPart = Uint8Array | string | number | bigint | boolean | symbol;

/**
 * A key: its parts, the first one the most significant.
 *
 * @example Everything about one user
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { type KvKey, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await openKv("users", { fileSystem: new MemoryFileSystem() });
 * const ada: KvKey = ["user", 42];
 * await kv.set([...ada, "name"], "Ada");
 * await kv.set(["user", 421, "name"], "Alan");
 * const entries = await Array.fromAsync(kv.list({ prefix: ada }), ({ value }) => value);
 * assertEquals(entries, ["Ada"]);
 * ```
 *
 * @category Deno KV
 */
export type KvKey = readonly KvKeyPart[];

const BYTES = 0x01;
const STRING = 0x02;
const NUMBER = 0x21;
const FALSE = 0x26;
const TRUE = 0x27;

/** Ends bytes and strings. */
const END = 0x00;
/** Follows a zero byte that ends nothing. No part begins with it. */
const ESCAPE = 0xff;

const NUMBER_BYTES = 9;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const slab = new Slab();
const float = new DataView(new ArrayBuffer(8));

/** Where a key is written before it is known how long it gets; grows with the longest one, up to a bound. */
let scratch = new Uint8Array(1024);
/** A longer one is let go of again. */
const SCRATCH_BYTES_MAX = 64 * 1024;

/** Sees to it that there is room in the scratch memory from an offset on. */
function reserve(offset: number, bytes: number): void {
  if (offset + bytes <= scratch.length) return;
  const larger = new Uint8Array(Math.max(2 * scratch.length, offset + bytes));
  larger.set(scratch.subarray(0, offset));
  scratch = larger;
}

/**
 * A key as bytes.
 *
 * @param key The key.
 * @returns Its bytes, not to be changed.
 * @throws {TypeError} If it is no array, or a part of it is nothing that a key can have.
 */
export function encodeKvKey(key: KvKey): Uint8Array {
  const end = writeParts(key, 0);
  return taken(end);
}

/**
 * A key as bytes, behind the byte that says what it is a key to.
 *
 * @param space The byte.
 * @param key The key.
 * @returns The byte and the key's bytes, not to be changed.
 * @throws {TypeError} As {@linkcode encodeKvKey}.
 */
export function encodeKvKeyIn(space: number, key: KvKey): Uint8Array {
  scratch[0] = space;
  const end = writeParts(key, 1);
  return taken(end);
}

/** What was written, as an array of its own. */
function taken(end: number): Uint8Array {
  const bytes = slab.copy(scratch, 0, end);
  if (scratch.length > SCRATCH_BYTES_MAX) scratch = new Uint8Array(1024);
  return bytes;
}

function writeParts(key: KvKey, offset: number): number {
  if (!Array.isArray(key)) {
    throw new TypeError(`Cannot encode key: it must be an array, got ${describe(key)}`);
  }
  let end = offset;
  for (let i = 0; i < key.length; i++) end = writePart(key[i], end, i);
  return end;
}

function writePart(part: unknown, offset: number, index: number): number {
  switch (typeof part) {
    case "string":
      return writeString(part, offset);
    case "number":
      return writeNumber(part, offset);
    case "bigint":
      return writeBigint(part, offset);
    case "boolean":
      reserve(offset, 1);
      scratch[offset] = part ? TRUE : FALSE;
      return offset + 1;
  }
  if (ArrayBuffer.isView(part)) {
    const { buffer, byteOffset, byteLength } = part;
    return writeEscaped(BYTES, new Uint8Array(buffer, byteOffset, byteLength), offset);
  }
  throw new TypeError(
    `Cannot encode key: part ${index} must be a Uint8Array, string, number, bigint or boolean, got ${
      describe(part)
    }`,
  );
}

function writeString(part: string, offset: number): number {
  const length = part.length;
  reserve(offset, length + 2);
  const target = scratch;
  target[offset] = STRING;
  for (let i = 0; i < length; i++) {
    const unit = part.charCodeAt(i);
    // A lone half of a character becomes the replacement character, as everywhere on the web and in the runtime.
    if (unit >= 128 || unit === 0) return writeEscaped(STRING, encoder.encode(part), offset);
    target[offset + 1 + i] = unit;
  }
  target[offset + 1 + length] = END;
  return offset + length + 2;
}

function writeEscaped(kind: number, bytes: Uint8Array, offset: number): number {
  reserve(offset, 2 * bytes.length + 2);
  const target = scratch;
  let end = offset;
  target[end++] = kind;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    target[end++] = byte;
    if (byte === END) target[end++] = ESCAPE;
  }
  target[end++] = END;
  return end;
}

function writeNumber(part: number, offset: number): number {
  reserve(offset, NUMBER_BYTES);
  const target = scratch;
  float.setFloat64(0, part);
  let high = float.getUint32(0);
  let low = float.getUint32(4);
  if (part !== part) { // of all NaNs one of either sign
    high = (high & 0x80000000) | 0x7ff80000;
    low = 0;
  }
  if ((high & 0x80000000) !== 0) {
    high = ~high;
    low = ~low;
  } else {
    high ^= 0x80000000;
  }
  target[offset] = NUMBER;
  for (let i = 0; i < 4; i++) {
    target[offset + 1 + i] = high >>> (24 - 8 * i);
    target[offset + 5 + i] = low >>> (24 - 8 * i);
  }
  return offset + NUMBER_BYTES;
}

function writeBigint(part: bigint, offset: number): number {
  const isNegative = part < 0n;
  const digits = part === 0n ? "" : (isNegative ? -part : part).toString(16);
  const count = (digits.length + 1) >> 1;
  if (count > BIGINT_BYTES_MAX) {
    throw new TypeError(
      `Cannot encode key: a bigint of ${count} bytes is over the limit of ${BIGINT_BYTES_MAX}`,
    );
  }
  reserve(offset, count + 2);
  return writeMagnitude(digits, isNegative, scratch, offset);
}

/** Walks the bytes of a key. */
class KeyReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  part(): KvKeyPart {
    const kind = this.#byte();
    switch (kind) {
      case BYTES:
        return this.#unescaped().slice();
      case STRING:
        return this.#string();
      case NUMBER:
        return this.#number();
      case FALSE:
        return false;
      case TRUE:
        return true;
    }
    if (kind < BIGINT_NEGATIVE_LONG || kind > BIGINT_POSITIVE_LONG) {
      throw new TypeError(`Cannot decode key: there is no kind of part ${kind}`);
    }
    return this.#bigint(kind);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new TypeError("Cannot decode key: it is cut short");
    return byte;
  }

  #take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new TypeError("Cannot decode key: it is cut short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #string(): string {
    let text = "";
    for (let i = this.#at; i < this.#bytes.length; i++) {
      const byte = this.#bytes[i]!;
      if (byte === END && this.#bytes[i + 1] !== ESCAPE) {
        this.#at = i + 1;
        return text;
      }
      if (byte === END || byte >= 128) break;
      text += String.fromCharCode(byte);
    }
    return decoder.decode(this.#unescaped());
  }

  /** Bytes up to the end of the part: where they are if there is nothing escaped. */
  #unescaped(): Uint8Array {
    const start = this.#at;
    const bytes = this.#bytes;
    let escaped = 0;
    let end = start;
    for (;; end++) {
      if (end >= bytes.length) throw new TypeError("Cannot decode key: it is cut short");
      if (bytes[end] !== END) continue;
      if (bytes[end + 1] !== ESCAPE) break;
      escaped++;
      end++;
    }
    this.#at = end + 1;
    if (escaped === 0) return bytes.subarray(start, end);
    const plain = new Uint8Array(end - start - escaped);
    for (let from = start, to = 0; from < end; from++) {
      plain[to++] = bytes[from]!;
      if (bytes[from] === END) from++;
    }
    return plain;
  }

  #number(): number {
    const stored = this.#take(8);
    const flip = stored[0]! >= 128 ? 0 : 0xff;
    for (let i = 0; i < 8; i++) float.setUint8(i, stored[i]! ^ flip);
    if (flip === 0) float.setUint8(0, stored[0]! ^ 0x80);
    return float.getFloat64(0);
  }

  #bigint(kind: number): bigint {
    if (kind === BIGINT_ZERO) return 0n;
    const isNegative = kind < BIGINT_ZERO;
    const flip = isNegative ? 0xff : 0;
    const isLong = kind === BIGINT_NEGATIVE_LONG || kind === BIGINT_POSITIVE_LONG;
    const count = isLong ? this.#byte() ^ flip : Math.abs(kind - BIGINT_ZERO);
    let digits = "0x0"; // a long one may have a count of 0
    for (const byte of this.#take(count)) digits += (byte ^ flip).toString(16).padStart(2, "0");
    const magnitude = BigInt(digits);
    return isNegative ? -magnitude : magnitude;
  }
}

/**
 * The key of some bytes.
 *
 * @param bytes What {@linkcode encodeKvKey} gave.
 * @param start Where in them the key begins.
 * @returns The key.
 * @throws {TypeError} If the bytes are not those of a key.
 */
export function decodeKvKey(bytes: Uint8Array, start = 0): KvKeyPart[] {
  const reader = new KeyReader(bytes, start);
  const key: KvKeyPart[] = [];
  while (!reader.isAtEnd) key.push(reader.part());
  return key;
}
