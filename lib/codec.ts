/**
 * **What.** Between the caller's keys and values and the engine's bytes. A key codec has to keep order: its
 * bytes, compared as unsigned numbers, are in the order of the values, so that a range of keys is a range of
 * bytes. A codec that does not, such as {@linkcode json}, is no key codec, and the compiler says so.
 *
 * **Format.**
 * ```text
 * utf8   := UTF-8. Its order is that of code points, which is the order of JavaScript's `<` except that there
 *           U+E000 to U+FFFF come after the code points above U+FFFF.
 * bytes  := as they are
 * json   := UTF-8 of JSON.stringify
 * number := 8 bytes: IEEE 754 double, big-endian; sign bit flipped if positive, all bits if negative
 * ```
 *
 * **Invariants.**
 * 1. `decode(encode(x))` is `x`, and one value has one encoding: -0 is written as 0, a lone surrogate and NaN are
 *    refused rather than replaced, since two keys would become one.
 * 2. Key codecs: `a` comes before `b` exactly if `encode(a)` comes before `encode(b)`.
 * 3. Bytes that the codec did not write are a `TypeError`, not a value that would be written otherwise.
 * 4. What goes in and comes out as bytes is a plain `Uint8Array`, whatever subclass the caller has.
 *
 * Source: the WHATWG Encoding Standard, on what a lone surrogate and a byte order mark are.
 *
 * **Read next.** `tuple_codec.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { copyBytes, plainBytes, Slab } from "./bytes.ts";
import { invariant } from "./invariant.ts";

/**
 * Turns values into bytes and back.
 *
 * @example URLs as values
 * ```ts
 * import { type Codec, MemoryFileSystem, open, utf8 } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const url: Codec<URL> = {
 *   ordered: false,
 *   encode: (value) => utf8.encode(value.href),
 *   decode: (bytes) => new URL(utf8.decode(bytes)),
 * };
 * await using db = await open("links", { value: url, fileSystem: new MemoryFileSystem() });
 * await db.put("manual", new URL("https://docs.deno.com/runtime/"));
 * assertEquals((await db.get("manual"))?.host, "docs.deno.com");
 * ```
 *
 * @typeParam T What the values are.
 * @category Codecs
 */
export interface Codec<T> {
  /** Whether the bytes are in the order of the values, when compared as unsigned numbers. */
  readonly ordered: boolean;
  /**
   * Turns a value into bytes, which may be the value itself: they are read before it can change.
   *
   * @param value The value.
   * @returns Its bytes.
   * @throws {TypeError} If it is not of the type, or has no encoding.
   */
  encode(value: T): Uint8Array;
  /**
   * Turns bytes back into a value. It may keep the array, which nobody else writes to, but not transfer its buffer,
   * which other results may be in.
   *
   * @param bytes All the bytes of one value.
   * @returns The value.
   * @throws {TypeError} If they are not bytes that {@linkcode Codec.encode} makes.
   */
  decode(bytes: Uint8Array): T;
  /**
   * A quicker {@linkcode Codec.encode}, if there is one: writes into a buffer instead of allocating one.
   *
   * @param value What to write.
   * @param target Where to write, with room for {@linkcode Codec.maxBytes} from `offset` on.
   * @param offset At which byte.
   * @returns The offset after what was written.
   */
  encodeInto?(value: T, target: Uint8Array, offset: number): number;
  /**
   * How many bytes {@linkcode Codec.encodeInto} may write, cheap to tell. There is either both or neither.
   *
   * @param value The value.
   * @returns At least as many bytes as it takes.
   */
  maxBytes?(value: T): number;
  /**
   * A quicker {@linkcode Codec.decode}, if there is one: reads a range of a buffer that is only borrowed.
   *
   * @param buffer Where to read.
   * @param start Where the bytes start.
   * @param end Where they end, exclusive.
   * @returns The value, which keeps nothing of the buffer.
   */
  decodeRange?(buffer: Uint8Array, start: number, end: number): T;
}

/**
 * A codec whose bytes are in the order of its values, so that it can be used for keys.
 *
 * @example Dates as keys
 * ```ts
 * import { type KeyCodec, MemoryFileSystem, number, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const date: KeyCodec<Date> = {
 *   ordered: true, // those of earlier dates come first
 *   encode: (value) => number.encode(value.getTime()),
 *   decode: (bytes) => new Date(number.decode(bytes)),
 * };
 * await using db = await open("diary", { key: date, fileSystem: new MemoryFileSystem() });
 * await db.batch().put(new Date("2026-10-02"), "rain").put(new Date("2026-09-30"), "sun").commit();
 * assertEquals(await Array.fromAsync(db.values({ gte: new Date("2026-09-01") })), ["sun", "rain"]);
 * ```
 *
 * @typeParam T What the keys are.
 * @category Codecs
 */
export interface KeyCodec<T> extends Codec<T> {
  /** The bytes are in the order of the values. */
  readonly ordered: true;
}

/** The type of a value, for a person. */
function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "object" : typeof value;
}

/**
 * Refuses a value of a type that a codec does not take.
 *
 * @param codec Name of the codec.
 * @param expected What it takes.
 * @param value What it was given.
 * @throws {TypeError} Always, naming the type of the value.
 */
export function refuse(codec: string, expected: string, value: unknown): never {
  throw new TypeError(`Cannot encode as ${codec}: expected ${expected}, got ${typeNameOf(value)}`);
}

// ---- utf8

const encoder = new TextEncoder();
/** Keeps a byte order mark, which is part of the string like any other character. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Up to this many characters of ASCII a loop (2 ns each) beats a call of the encoder (85 ns). */
const LOOP_ENCODE_MAX = 40;
/** Up to this many bytes of ASCII a loop (30 ns for 16) beats a call of the decoder (46 ns, and 60 for 100). */
const LOOP_DECODE_MAX = 24;
/**
 * Node's own decoder of a range: half of what `TextDecoder` takes (46 against 109 ns for 16 bytes, 61 against 118 for
 * 100), since it needs no view. It is what `buffer.toString("utf8", start, end)` calls, and is not in Node's types.
 */
const { utf8Slice } = Buffer.prototype as unknown as {
  utf8Slice?: (this: Uint8Array, start: number, end: number) => string;
};
const REPLACEMENT = "\ufffd";

/** Writes a string that is all ASCII. */
function writeAscii(value: string, target: Uint8Array, offset: number): boolean {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit >= 128) return false;
    target[offset + i] = unit;
  }
  return true;
}

function requireWellFormed(value: string): void {
  if (value.isWellFormed()) return;
  throw new TypeError("Cannot encode as utf8: the string has a lone surrogate, half a character");
}

function encodeUtf8(value: string): Uint8Array {
  if (typeof value !== "string") refuse("utf8", "a string", value);
  if (value.length <= LOOP_ENCODE_MAX) {
    const ascii = new Uint8Array(value.length);
    if (writeAscii(value, ascii, 0)) return ascii;
  }
  requireWellFormed(value);
  return encoder.encode(value);
}

function writeUtf8(value: string, target: Uint8Array, offset: number): number {
  if (typeof value !== "string") refuse("utf8", "a string", value);
  const length = value.length;
  if (length <= LOOP_ENCODE_MAX && writeAscii(value, target, offset)) return offset + length;
  requireWellFormed(value);
  const { read, written } = encoder.encodeInto(value, target.subarray(offset));
  invariant(read === length, "encodeInto is given maxBytes of room");
  return offset + written;
}

function maxUtf8Bytes(value: string): number {
  if (typeof value !== "string") refuse("utf8", "a string", value);
  return value.length * 3; // one unit of UTF-16 is at most 3 bytes, two together 4
}

/** Eight characters at a time: three times as quick as one at a time. */
function readUtf8(buffer: Uint8Array, start: number, end: number): string {
  if (end - start > LOOP_DECODE_MAX) return readWide(buffer, start, end);
  let text = "";
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const a = buffer[i]!, b = buffer[i + 1]!, c = buffer[i + 2]!, d = buffer[i + 3]!;
    const e = buffer[i + 4]!, f = buffer[i + 5]!, g = buffer[i + 6]!, h = buffer[i + 7]!;
    if ((a | b | c | d | e | f | g | h) >= 128) return readWide(buffer, start, end);
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; i < end; i++) {
    const byte = buffer[i]!;
    if (byte >= 128) return readWide(buffer, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * Any UTF-8. A `fatal` decoder takes 240 ns where the replacing one takes 105. So: replace, and only where there
 * are replacement characters see whether they were in the bytes, by encoding the text again.
 */
function readWide(buffer: Uint8Array, start: number, end: number): string {
  const text = utf8Slice !== undefined
    ? utf8Slice.call(buffer, start, end)
    : decoder.decode(buffer.subarray(start, end));
  if (text.includes(REPLACEMENT)) {
    const range = buffer.subarray(start, end);
    const again = encoder.encode(text);
    if (again.length !== range.length || again.some((byte, i) => byte !== range[i])) {
      throw new TypeError("Cannot decode as utf8: not UTF-8; the bytes codec reads any bytes");
    }
  }
  return text;
}

/**
 * Strings as UTF-8, in the order of their code points: what keys and values are unless another codec is given.
 *
 * @example Strings and their bytes
 * ```ts
 * import { utf8 } from "@varve/varve";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(utf8.encode("né"), Uint8Array.of(0x6e, 0xc3, 0xa9));
 * assertEquals(utf8.decode(Uint8Array.of(0x6e, 0xc3, 0xa9)), "né");
 * assertThrows(() => utf8.encode("\ud83c"), TypeError, "lone surrogate");
 * assertThrows(() => utf8.decode(Uint8Array.of(0xff)), TypeError, "not UTF-8");
 * ```
 *
 * @category Codecs
 */
export const utf8: KeyCodec<string> = Object.freeze({
  ordered: true,
  encode: encodeUtf8,
  decode: (bytes: Uint8Array) => readUtf8(bytes, 0, bytes.length),
  encodeInto: writeUtf8,
  maxBytes: maxUtf8Bytes,
  decodeRange: readUtf8,
});

// ---- bytes

const slab = new Slab();

function requireBytes(value: Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) refuse("bytes", "a Uint8Array", value);
  return plainBytes(value);
}

/**
 * Bytes as they are, compared as unsigned numbers.
 *
 * What a read gives belongs to the caller and never changes. Up to 4 KiB it is part of a piece of memory of 64 KiB that
 * it shares with other results, since a small array of its own takes 220 ns instead of 50: so it keeps that piece alive
 * as long as it is kept itself. Of few results out of many that are kept for long, keep a copy, `value.slice()`.
 *
 * @example Any bytes, and a copy to keep
 * ```ts
 * import { bytes, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new MemoryFileSystem();
 * await using db = await open("blobs", { key: bytes, value: bytes, fileSystem });
 * await db.put(Uint8Array.of(0xff), new Uint8Array()); // no bytes are a value, too
 * await db.put(Uint8Array.of(2), Uint8Array.of(1, 2, 3));
 * assertEquals(await Array.fromAsync(db.keys()), [Uint8Array.of(2), Uint8Array.of(0xff)]);
 *
 * const kept = (await db.get(Uint8Array.of(2)))!.slice();
 * assertEquals(kept.buffer.byteLength, 3);
 * ```
 *
 * @category Codecs
 */
export const bytes: KeyCodec<Uint8Array> = Object.freeze({
  ordered: true,
  encode: requireBytes,
  decode: requireBytes,
  encodeInto(value: Uint8Array, target: Uint8Array, offset: number): number {
    const plain = requireBytes(value);
    copyBytes(target, offset, plain, 0, plain.length);
    return offset + plain.length;
  },
  maxBytes(value: Uint8Array): number {
    if (!(value instanceof Uint8Array)) refuse("bytes", "a Uint8Array", value);
    return value.length;
  },
  decodeRange: (buffer: Uint8Array, start: number, end: number) => slab.copy(buffer, start, end),
});

// ---- json

function encodeJson(value: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) { // a bigint, a cycle, a toJSON that threw
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot encode as json: ${why}`, { cause });
  }
  if (text === undefined) refuse("json", "a value that JSON can express", value);
  return encodeUtf8(text);
}

function readJson(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return JSON.parse(readUtf8(buffer, start, end));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot decode as json: ${why}`, { cause });
  }
}

const anyJson: Codec<unknown> = Object.freeze({
  ordered: false,
  encode: encodeJson,
  decode: (bytes: Uint8Array) => readJson(bytes, 0, bytes.length),
  decodeRange: readJson,
});

/**
 * Values as JSON. What comes back is what `JSON.parse` makes of it; that it is a `T` is the caller's word. JSON does
 * not keep order, 10 comes before 9: so it is for values, and not for keys.
 *
 * @example Objects as values
 * ```ts
 * import { json, MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * interface City {
 *   country: string;
 *   people: number;
 * }
 * await using db = await open("cities", { value: json<City>(), fileSystem: new MemoryFileSystem() });
 * await db.put("Oslo", { country: "Norway", people: 717_710 });
 * assertEquals((await db.get("Oslo"))?.people, 717_710);
 * assertThrows(() => json().encode(1n), TypeError, "Cannot encode as json");
 * ```
 *
 * @typeParam T The type of the values.
 * @returns The codec.
 * @category Codecs
 */
export function json<T>(): Codec<T> {
  return anyJson as Codec<T>;
}

// ---- number

const scratch = new DataView(new ArrayBuffer(8));

function requireNumber(value: number): void {
  if (typeof value !== "number") refuse("number", "a number", value);
  if (Number.isNaN(value)) {
    throw new TypeError("Cannot encode as number: NaN has no place in order");
  }
}

function writeNumber(value: number, target: Uint8Array, offset: number): number {
  requireNumber(value);
  scratch.setFloat64(0, value === 0 ? 0 : value); // -0 is 0
  const flip = scratch.getInt32(0) < 0 ? 0xff : 0;
  for (let i = 0; i < 8; i++) target[offset + i] = scratch.getUint8(i) ^ flip;
  if (flip === 0) target[offset] = target[offset]! | 0x80;
  return offset + 8;
}

function readNumber(buffer: Uint8Array, start: number, end: number): number {
  if (end - start !== 8) {
    throw new TypeError(`Cannot decode as number: expected 8 bytes, got ${end - start}`);
  }
  const positive = buffer[start]! >= 0x80;
  for (let i = 0; i < 8; i++) scratch.setUint8(i, buffer[start + i]! ^ (positive ? 0 : 0xff));
  if (positive) scratch.setUint8(0, scratch.getUint8(0) & 0x7f);
  const value = scratch.getFloat64(0);
  if (Number.isNaN(value) || Object.is(value, -0)) {
    throw new TypeError("Cannot decode as number: not bytes that a number is encoded as");
  }
  return value;
}

/**
 * Numbers in their order, from -Infinity to Infinity, each in 8 bytes. `NaN` is refused, and -0 is written as 0.
 *
 * @example Numbers in their order
 * ```ts
 * import { MemoryFileSystem, number, open } from "@varve/varve";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * await using db = await open("floors", { key: number, fileSystem: new MemoryFileSystem() });
 * await db.batch().put(10, "roof").put(-1, "cellar").put(9.5, "attic").put(0, "ground").commit();
 * assertEquals(await Array.fromAsync(db.keys({ gt: -1 })), [0, 9.5, 10]);
 * assertThrows(() => number.encode(NaN), TypeError, "NaN has no place in order");
 * ```
 *
 * @category Codecs
 */
export const number: KeyCodec<number> = Object.freeze({
  ordered: true,
  encode(value: number): Uint8Array {
    requireNumber(value);
    const bytes = new Uint8Array(8);
    writeNumber(value, bytes, 0);
    return bytes;
  },
  decode: (bytes: Uint8Array) => readNumber(bytes, 0, bytes.length),
  encodeInto: writeNumber,
  maxBytes: () => 8,
  decodeRange: readNumber,
});
