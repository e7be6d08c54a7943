/**
 * **What.** Values as the bytes that V8 serializes them to, written in TypeScript. The runtime's own serializer, the
 * `Serializer` of `node:v8`, is an object beside the heap that is never freed (as of Deno 2.9: 2 KB for each value that
 * is written, 1 KB for each that is read), and takes ten times as long for a small object.
 *
 * **Format.** Version 16. Counts and lengths are varints, numbers little-endian, `id` counts the objects in the order
 * in which they begin; a buffer comes before the first view of it.
 * ```text
 * bytes    := FF 10 value
 * value    := "_" | "0" | "T" | "F"                         undefined, null, true, false
 *           | "I" zigzag | "N" float64                      number
 *           | "Z" bits digits                               bigint: length and sign; 8 bytes at a time
 *           | '"' length latin1 | [00] "c" length utf16     string; a zero so that the units begin at an even offset
 *           | "^" id                                        an object that was there before
 *           | "o" (key value)* "{" count
 *           | "A" length value* (key value)* "$" count length            array without holes
 *           | "a" length (key value)* "@" count length                   array with holes
 *           | "D" float64 | "R" string flags | ";" (value value)* ":" count | "'" value* "," count
 *           | "y" | "x" | "n" float64 | "z" bits digits | "s" string     what Object() makes of true, false, …
 *           | buffer | buffer "V" kind offset length flags
 *           | "r" [class] ["m" string] ["s" string] ["c" value] "."      error: message, stack, cause
 * buffer   := "B" length byte* | "^" id
 * ```
 *
 * **Invariants.**
 * 1. What is written is, byte for byte, what V8 writes. Only where V8 itself goes by how it keeps a value, and not by
 *    what the value is, the bytes may differ: an array without holes that once had some, a string of Latin-1 in a
 *    wide form, a whole number in a floating-point one.
 * 2. What is not known for certain to be written right is not written at all, but left to who asked: in particular
 *    whatever is not what its prototype says.
 * 3. A getter that uses the writer itself disturbs nothing.
 *
 * Source: V8, `src/objects/value-serializer.cc`.
 *
 * **Read next.** `kv_v8_reader.ts`
 *
 * @module
 */
import { types } from "node:util";

/** What begins the bytes: a mark, and the version. */
export const V8_HEADER: readonly [mark: number, version: number] = [0xff, 0x10];

/** The kinds of views, by what they call themselves. */
export const VIEW_KINDS: ReadonlyMap<string, number> = new Map([
  ["Int8Array", 0x62],
  ["Uint8Array", 0x42],
  ["Uint8ClampedArray", 0x43],
  ["Int16Array", 0x77],
  ["Uint16Array", 0x57],
  ["Int32Array", 0x64],
  ["Uint32Array", 0x44],
  ["Float16Array", 0x68],
  ["Float32Array", 0x66],
  ["Float64Array", 0x46],
  ["BigInt64Array", 0x71],
  ["BigUint64Array", 0x51],
  ["DataView", 0x3f],
]);

/** The letters of regular expressions' flags, the lowest bit first; none where V8 has one that programs have not. */
export const REGEXP_FLAGS = "gimyus\0dv";

/** The classes of errors that are told apart. */
export const ERROR_CLASSES: ReadonlyMap<string, number> = new Map([
  ["EvalError", 0x45],
  ["RangeError", 0x52],
  ["ReferenceError", 0x46],
  ["SyntaxError", 0x53],
  ["TypeError", 0x54],
  ["URIError", 0x55],
]);

/** Says that a value is not for this writer. */
const notMine = Symbol("not mine");

const OBJECT = Object.prototype;
const ARRAY = Array.prototype;
const platform = globalThis as unknown as Record<string, { prototype: unknown } | undefined>;
/** What a typed array is, whatever its prototype became. */
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

const dateValue = Date.prototype.getTime;
const viewPrototypes: ReadonlySet<unknown> = new Set(
  [...VIEW_KINDS.keys()].map((name) => platform[name]?.prototype),
);

const SCRATCH_BYTES = 4096;
/** More is let go of again. */
const SCRATCH_BYTES_MAX = 256 * 1024;
/** Longer strings are tried as ASCII first, by the platform. */
const SHORT_STRING = 24;

const encoder = new TextEncoder();

/** Writes one value at a time. */
class V8Writer {
  #bytes = new Uint8Array(SCRATCH_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;
  /** The numbers of the objects. */
  readonly #ids = new Map<object, number>();
  /** Whether the value is a copy, in which everything is what its prototype says. */
  #isCopy = false;

  write(before: number, value: unknown, isCopy: boolean): Uint8Array {
    this.#isCopy = isCopy;
    this.#bytes[0] = before;
    this.#bytes[1] = V8_HEADER[0];
    this.#bytes[2] = V8_HEADER[1];
    this.#end = 3;
    try {
      this.#value(value);
      return this.#bytes.slice(0, this.#end);
    } finally {
      this.#ids.clear();
      if (this.#bytes.length > SCRATCH_BYTES_MAX) this.#resize(SCRATCH_BYTES);
    }
  }

  #resize(length: number): void {
    const bytes = new Uint8Array(length);
    if (length > this.#end) bytes.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  #reserve(count: number): void {
    const needed = this.#end + count;
    if (needed > this.#bytes.length) this.#resize(Math.max(needed, 2 * this.#bytes.length));
  }

  #tag(letter: string): void {
    this.#reserve(1);
    this.#bytes[this.#end++] = letter.charCodeAt(0);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#end++] = byte;
  }

  #varint(value: number): void {
    this.#reserve(8);
    while (value >= 128) {
      this.#bytes[this.#end++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.#end++] = value;
  }

  #double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#end, value, true);
    this.#end += 8;
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        return this.#number(value);
      case "boolean":
        return this.#tag(value ? "T" : "F");
      case "undefined":
        return this.#tag("_");
      case "bigint":
        this.#tag("Z");
        return this.#bigint(value);
      case "object":
        return value === null ? this.#tag("0") : this.#object(value);
    }
    throw notMine;
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#tag("I");
      return this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
    }
    this.#tag("N");
    this.#double(value);
  }

  #bigint(value: bigint): void {
    const isNegative = value < 0n;
    const magnitude = isNegative ? -value : value;
    const digits = magnitude === 0n ? "" : magnitude.toString(16);
    const words = Math.ceil(digits.length / 16);
    this.#varint(words * 16 + (isNegative ? 1 : 0));
    this.#reserve(words * 8);
    const padded = digits.padStart(words * 16, "0");
    for (let i = words * 8 - 1; i >= 0; i--) {
      this.#bytes[this.#end++] = parseInt(padded.slice(2 * i, 2 * i + 2), 16);
    }
  }

  #string(text: string): void {
    const { length } = text;
    const start = this.#end;
    this.#tag('"');
    this.#varint(length);
    this.#reserve(length);
    const bytes = this.#bytes;
    const end = this.#end;
    if (length > SHORT_STRING) {
      const { read, written } = encoder.encodeInto(text, bytes.subarray(end, end + length));
      if (read === length && written === length) { // one byte for each: ASCII
        this.#end += length;
        return;
      }
    }
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 255) {
        this.#end = start;
        return this.#wideString(text);
      }
      bytes[end + i] = unit;
    }
    this.#end += length;
  }

  #wideString(text: string): void {
    const byteLength = 2 * text.length;
    let lengthBytes = 1;
    for (let rest = byteLength; rest >= 128; rest = Math.floor(rest / 128)) lengthBytes++;
    if ((this.#end + 1 + lengthBytes) % 2 === 1) this.#byte(0);
    this.#tag("c");
    this.#varint(byteLength);
    this.#reserve(byteLength);
    const bytes = this.#bytes;
    let end = this.#end;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[end++] = unit;
      bytes[end++] = unit >> 8;
    }
    this.#end = end;
  }

  /** Whether an object is in the bytes already; if it is, that is written. */
  #isKnown(value: object): boolean {
    const id = this.#ids.get(value);
    if (id === undefined) return false;
    this.#tag("^");
    this.#varint(id);
    return true;
  }

  #object(value: object): void {
    if (this.#isKnown(value)) return;
    if (!this.#isCopy && types.isProxy(value)) throw notMine;
    const prototype = Object.getPrototypeOf(value);
    if (ArrayBuffer.isView(value)) {
      if (!viewPrototypes.has(prototype)) throw notMine;
      if (!this.#isKnown(value.buffer)) this.#buffer(value.buffer);
      this.#ids.set(value, this.#ids.size);
      return this.#arrayView(value);
    }
    if (value instanceof ArrayBuffer) return this.#buffer(value);
    this.#ids.set(value, this.#ids.size);
    if (prototype === OBJECT) return this.#plainObject(value);
    if (prototype === ARRAY && Array.isArray(value)) return this.#array(value);
    if (prototype === Date.prototype && types.isDate(value)) {
      this.#tag("D");
      return this.#double(dateValue.call(value));
    }
    if (prototype === Map.prototype && types.isMap(value)) return this.#map(value);
    if (prototype === Set.prototype && types.isSet(value)) return this.#set(value);
    if (!this.#isCopy) throw notMine; // a copy of it can be told by its prototype
    if (types.isRegExp(value)) return this.#regexp(value);
    if (types.isNativeError(value)) return this.#error(value);
    if (types.isBoxedPrimitive(value)) return this.#boxed(value.valueOf());
    throw notMine;
  }

  #plainObject(value: object): void {
    const keys = Object.keys(value);
    // An object that is none, given this prototype, has seldom keys of its own: where there are none it is asked.
    // What looks like this and can be iterated over is the `arguments` of a function, which V8 refuses.
    if (!this.#isCopy && (keys.length === 0 || Symbol.iterator in value)) throw notMine;
    this.#tag("o");
    const count = this.#properties(value as Record<string, unknown>, keys, 0);
    this.#tag("{");
    this.#varint(count);
  }

  /** Properties from the one at an index on; those that a getter removed meanwhile are left out. */
  #properties(value: Record<string, unknown>, keys: readonly string[], from: number): number {
    let count = 0;
    for (let i = from; i < keys.length; i++) {
      const key = keys[i]!;
      const member = value[key];
      if (member === undefined && !Object.hasOwn(value, key)) continue;
      this.#key(key);
      this.#value(member);
      count++;
    }
    return count;
  }

  /** Keys that are indices are numbers. */
  #key(key: string): void {
    const first = key.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39 && key.length <= 10) {
      const index = Number(key);
      if (Number.isInteger(index) && index < 2 ** 32 - 1 && String(index) === key) {
        return this.#number(index);
      }
    }
    this.#string(key);
  }

  #array(value: unknown[]): void {
    const { length } = value;
    const keys = Object.keys(value); // indices come first
    const isDense = keys.length >= length && (length === 0 || keys[length - 1] === `${length - 1}`);
    this.#tag(isDense ? "A" : "a");
    this.#varint(length);
    if (isDense) {
      // A getter, or a method of a getter, may have made it shorter.
      for (let i = 0; i < length; i++) {
        const member = value[i];
        if (member === undefined && !Object.hasOwn(value, i)) throw notMine;
        this.#value(member);
      }
    }
    const named = value as unknown as Record<string, unknown>;
    const count = this.#properties(named, keys, isDense ? length : 0);
    this.#tag(isDense ? "$" : "@");
    this.#varint(count);
    this.#varint(length);
  }

  #map(value: Map<unknown, unknown>): void {
    const entries = [...value].flat(1); // as it is before any getter runs
    this.#tag(";");
    for (const member of entries) this.#value(member);
    this.#tag(":");
    this.#varint(entries.length);
  }

  #set(value: Set<unknown>): void {
    const members = [...value];
    this.#tag("'");
    for (const member of members) this.#value(member);
    this.#tag(",");
    this.#varint(members.length);
  }

  #buffer(value: ArrayBufferLike): void {
    // Of one that can be resized a view may follow the length, and does not tell.
    if (!(value instanceof ArrayBuffer) || value.detached || value.resizable) throw notMine;
    if (Object.getPrototypeOf(value) !== ArrayBuffer.prototype) throw notMine;
    this.#ids.set(value, this.#ids.size);
    const { byteLength } = value;
    this.#tag("B");
    this.#varint(byteLength);
    this.#reserve(byteLength);
    this.#bytes.set(new Uint8Array(value), this.#end);
    this.#end += byteLength;
  }

  #arrayView(value: ArrayBufferView): void {
    const kind = VIEW_KINDS.get(typedArrayName.call(value) ?? "DataView");
    if (kind === undefined) throw notMine;
    this.#tag("V");
    this.#byte(kind);
    this.#varint(value.byteOffset);
    this.#varint(value.byteLength);
    this.#varint(0);
  }

  #regexp({ source, flags }: RegExp): void {
    this.#tag("R");
    this.#string(source);
    let bits = 0;
    for (const flag of flags) {
      const bit = REGEXP_FLAGS.indexOf(flag);
      if (bit < 0) throw notMine;
      bits |= 1 << bit;
    }
    this.#varint(bits);
  }

  #boxed(value: unknown): void {
    switch (typeof value) {
      case "boolean":
        return this.#tag(value ? "y" : "x");
      case "number":
        this.#tag("n");
        return this.#double(value);
      case "bigint":
        this.#tag("z");
        return this.#bigint(value);
      case "string":
        this.#tag("s");
        return this.#string(value);
    }
    throw notMine;
  }

  #error(value: Error): void {
    this.#tag("r");
    const kind = ERROR_CLASSES.get(value.name);
    if (kind !== undefined) this.#byte(kind);
    if (Object.hasOwn(value, "message")) {
      this.#tag("m");
      this.#string(value.message);
    }
    if (typeof value.stack === "string") {
      this.#tag("s");
      this.#string(value.stack);
    }
    if (Object.hasOwn(value, "cause")) {
      this.#tag("c");
      this.#value(value.cause);
    }
    this.#tag(".");
  }
}

let idle: V8Writer | undefined;

/**
 * A value as V8 serializes it, behind one byte.
 *
 * @param before The byte.
 * @param value The value.
 * @param isCopy Whether the value is what `structuredClone` gave, so that nothing in it is other than it looks.
 * @returns The bytes; `undefined` if something in the value is not for this writer, or may not be stored at all.
 * @throws What a getter throws; `RangeError` if the value is too deep.
 */
export function writeV8(before: number, value: unknown, isCopy: boolean): Uint8Array | undefined {
  const writer = idle ?? new V8Writer();
  idle = undefined;
  try {
    return writer.write(before, value, isCopy);
  } catch (error) {
    if (error === notMine) return undefined;
    throw error;
  } finally {
    idle = writer;
  }
}
