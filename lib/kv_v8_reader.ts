/**
 * **What.** Values from the bytes that V8 serialized them to, read in TypeScript: as in `kv_v8_writer.ts`, where the
 * format is, and for the same reasons.
 *
 * **Invariants.**
 * 1. What is read is what V8 reads of the same bytes. Bytes that this reader does not know, or that are damaged, it
 *    leaves to who asked.
 * 2. Nothing read shares memory with the bytes, and nothing is allocated that the bytes do not have: a count that
 *    is greater than what is left of them is damage.
 *
 * Source: V8, `src/objects/value-serializer.cc`.
 *
 * **Read next.** `kv_value.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ERROR_CLASSES, REGEXP_FLAGS, V8_HEADER, VIEW_KINDS } from "./kv_v8_writer.ts";

/** Says that bytes are not for this reader. */
class NotMine extends Error {}

/** What is known of the format has been so since this version. */
const VERSION_MIN = 15;
/** Up to so many characters a string is put together here, a longer one by the platform. */
const SHORT_STRING = 24;
/** So many keys of objects are remembered: the same few come again and again. */
const KEYS = 1024;

const { latin1Slice, ucs2Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
};

const names = <K, V>(map: ReadonlyMap<K, V>) => new Map([...map].map(([key, it]) => [it, key]));
const viewNames = names(VIEW_KINDS);
const errorNames = names(ERROR_CLASSES);

type ViewClass = new (buffer: ArrayBuffer, offset: number, length?: number) => ArrayBufferView;
/** A class of the platform, by its name. */
const classNamed = <T>(name: string) => (globalThis as unknown as Record<string, T>)[name]!;

const T = (letter: string) => letter.charCodeAt(0);
const UNDEFINED = T("_"), NULL = T("0"), TRUE = T("T"), FALSE = T("F");
const INTEGER = T("I"), DOUBLE = T("N"), BIGINT = T("Z"), LATIN1 = T('"'), WIDE = T("c");
const KNOWN = T("^"), OBJECT = T("o"), OBJECT_END = T("{");
const DENSE = T("A"), DENSE_END = T("$"), SPARSE = T("a"), SPARSE_END = T("@");
const DATE = T("D"),
  REGEXP = T("R"),
  MAP = T(";"),
  MAP_END = T(":"),
  SET = T("'"),
  SET_END = T(",");
const BOX_TRUE = T("y"), BOX_FALSE = T("x"), BOX_NUMBER = T("n"), BOX_BIGINT = T("z");
const BOX_STRING = T("s"), BUFFER = T("B"), RESIZABLE = T("~"), VIEW = T("V");
const ERROR = T("r"), MESSAGE = T("m"), STACK = T("s"), CAUSE = T("c"), ERROR_END = T(".");

const keys: (string | undefined)[] = new Array(KEYS).fill(undefined);

/** Reads one value. */
class V8Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #objects: object[] = [];

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  read(): unknown {
    const mark = this.#byte();
    const version = this.#byte();
    if (mark !== V8_HEADER[0] || version < VERSION_MIN || version > V8_HEADER[1]) {
      throw new NotMine();
    }
    return this.#value();
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new NotMine();
    return byte;
  }

  /** The next tag; zeros are there to fill. */
  #tag(): number {
    let byte: number;
    do byte = this.#byte(); while (byte === 0);
    return byte;
  }

  /** Whether a tag comes next; if it does, it is taken. */
  #takes(tag: number): boolean {
    while (this.#bytes[this.#at] === 0) this.#at++;
    if (this.#bytes[this.#at] !== tag) return false;
    this.#at++;
    return true;
  }

  #varint(): number {
    let value = 0;
    for (let unit = 1; unit < 2 ** 35; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
    throw new NotMine();
  }

  /** A number of bytes that are there. */
  #count(): number {
    const count = this.#varint();
    if (count > this.#bytes.length - this.#at) throw new NotMine();
    return count;
  }

  #double(): number {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    if (this.#at + 8 > byteLength) throw new NotMine();
    const value = new DataView(buffer, byteOffset, byteLength).getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  #bigint(): bigint {
    const bits = this.#varint();
    const count = Math.floor(bits / 2);
    if (count > this.#bytes.length - this.#at) throw new NotMine();
    let digits = "0x0";
    for (let i = this.#at + count - 1; i >= this.#at; i--) {
      digits += this.#bytes[i]!.toString(16).padStart(2, "0");
    }
    this.#at += count;
    return bits % 2 === 1 ? -BigInt(digits) : BigInt(digits);
  }

  #latin1(): string {
    const length = this.#count();
    const start = this.#at;
    const end = this.#at += length;
    if (length > SHORT_STRING) return latin1Slice.call(this.#bytes, start, end);
    let text = "";
    for (let i = start; i < end; i++) text += String.fromCharCode(this.#bytes[i]!);
    return text;
  }

  #wide(): string {
    const length = this.#count();
    if (length % 2 === 1) throw new NotMine();
    this.#at += length;
    return ucs2Slice.call(this.#bytes, this.#at - length, this.#at);
  }

  #string(): string {
    const tag = this.#tag();
    if (tag === LATIN1) return this.#latin1();
    if (tag === WIDE) return this.#wide();
    throw new NotMine();
  }

  #known<T extends object>(value: T): T {
    this.#objects.push(value);
    return value;
  }

  #value(): unknown {
    const tag = this.#tag();
    switch (tag) {
      case LATIN1:
        return this.#latin1();
      case INTEGER:
        return this.#integer();
      case OBJECT:
        return this.#properties(this.#known({}), OBJECT_END);
      case DENSE:
        return this.#dense();
      case DOUBLE:
        return this.#double();
      case TRUE:
        return true;
      case FALSE:
        return false;
      case NULL:
        return null;
      case UNDEFINED:
        return undefined;
      case WIDE:
        return this.#wide();
      case BIGINT:
        return this.#bigint();
      case KNOWN:
        return this.#again();
      case DATE:
        return this.#known(new Date(this.#double()));
      case MAP:
        return this.#map();
      case SET:
        return this.#set();
      case BUFFER:
      case RESIZABLE:
        return this.#buffer(tag);
    }
    return this.#rare(tag);
  }

  #rare(tag: number): unknown {
    switch (tag) {
      case SPARSE:
        return this.#sparse();
      case REGEXP:
        return this.#regexp();
      case BOX_TRUE:
      case BOX_FALSE:
        return this.#known(Object(tag === BOX_TRUE));
      case BOX_NUMBER:
        return this.#known(Object(this.#double()));
      case BOX_BIGINT:
        return this.#known(Object(this.#bigint()));
      case BOX_STRING:
        return this.#known(Object(this.#string()));
      case ERROR:
        return this.#error();
    }
    throw new NotMine();
  }

  #integer(): number {
    const value = this.#varint();
    if (value >= 2 ** 32) throw new NotMine();
    return (value >>> 1) ^ -(value & 1);
  }

  #again(): unknown {
    const value = this.#objects[this.#varint()];
    if (value === undefined) throw new NotMine();
    return value instanceof ArrayBuffer ? this.#viewOf(value) : value;
  }

  /** Properties up to the tag that ends them, of which the count follows. */
  #properties<T extends object>(target: T, end: number): T {
    const members = target as Record<string, unknown>;
    let count = 0;
    for (; !this.#takes(end); count++) {
      const key = this.#key();
      const value = this.#value();
      if (key !== "__proto__") members[key] = value;
      else Object.defineProperty(target, key, { value, ...OWN });
    }
    if (this.#varint() !== count) throw new NotMine();
    return target;
  }

  #key(): string {
    const tag = this.#tag();
    switch (tag) {
      case LATIN1:
        return this.#commonKey();
      case WIDE:
        return this.#wide();
      case INTEGER:
        return String(this.#integer());
      case DOUBLE:
        return String(this.#double());
    }
    throw new NotMine();
  }

  /** A key that is likely to have been there before: then it is the same string again, and not a new one. */
  #commonKey(): string {
    const length = this.#count();
    const start = this.#at;
    if (length > SHORT_STRING) {
      this.#at += length;
      return latin1Slice.call(this.#bytes, start, this.#at);
    }
    let hash = length;
    for (let i = 0; i < length; i++) hash = (hash * 31 + this.#bytes[start + i]!) | 0;
    const slot = (hash ^ (hash >>> 10)) & (KEYS - 1);
    const found = keys[slot];
    if (found !== undefined && found.length === length) {
      let same = 0;
      while (same < length && found.charCodeAt(same) === this.#bytes[start + same]) same++;
      if (same === length) {
        this.#at += length;
        return found;
      }
    }
    let key = "";
    for (let i = 0; i < length; i++) key += String.fromCharCode(this.#bytes[start + i]!);
    this.#at += length;
    return keys[slot] = key;
  }

  #dense(): unknown[] {
    const length = this.#count(); // no value is shorter than a byte
    const array: unknown[] = this.#known([]);
    for (let i = 0; i < length; i++) array.push(this.#value());
    this.#properties(array, DENSE_END);
    if (this.#varint() !== length) throw new NotMine();
    return array;
  }

  #sparse(): unknown[] {
    const length = this.#varint();
    if (length >= 2 ** 32) throw new NotMine();
    const array: unknown[] = this.#known([]);
    array.length = length; // however great, that takes no memory
    this.#properties(array, SPARSE_END);
    if (this.#varint() !== length) throw new NotMine();
    return array;
  }

  #map(): Map<unknown, unknown> {
    const map = this.#known(new Map<unknown, unknown>());
    let count = 0;
    for (; !this.#takes(MAP_END); count += 2) {
      const key = this.#value();
      map.set(key, this.#value());
    }
    if (this.#varint() !== count) throw new NotMine();
    return map;
  }

  #set(): Set<unknown> {
    const set = this.#known(new Set<unknown>());
    let count = 0;
    for (; !this.#takes(SET_END); count++) set.add(this.#value());
    if (this.#varint() !== count) throw new NotMine();
    return set;
  }

  /** A buffer, or the view that follows it. One that can grow is left to V8. */
  #buffer(tag: number): unknown {
    if (tag === RESIZABLE) throw new NotMine();
    const length = this.#count();
    const buffer = new ArrayBuffer(length);
    new Uint8Array(buffer).set(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return this.#viewOf(this.#known(buffer));
  }

  #viewOf(buffer: ArrayBuffer): unknown {
    if (!this.#takes(VIEW)) return buffer;
    const name = viewNames.get(this.#byte());
    const offset = this.#varint();
    const byteLength = this.#varint();
    const flags = this.#varint();
    if (name === undefined || flags !== 0) throw new NotMine();
    const View = classNamed<ViewClass & { BYTES_PER_ELEMENT?: number }>(name);
    const length = byteLength / (View.BYTES_PER_ELEMENT ?? 1);
    if (!Number.isInteger(length)) throw new NotMine();
    return this.#known(new View(buffer, offset, length));
  }

  #regexp(): RegExp {
    const source = this.#string();
    const bits = this.#varint();
    let flags = "";
    for (let bit = 0; bit < REGEXP_FLAGS.length; bit++) {
      if ((bits & (1 << bit)) !== 0) flags += REGEXP_FLAGS[bit];
    }
    if (bits >= 1 << REGEXP_FLAGS.length) throw new NotMine();
    return this.#known(new RegExp(source, flags));
  }

  #error(): Error {
    const name = errorNames.get(this.#bytes[this.#at]!);
    if (name !== undefined) this.#at++;
    const error = this.#known(new (classNamed<ErrorConstructor>(name ?? "Error"))());
    if (this.#takes(MESSAGE)) own(error, "message", this.#string());
    if (!this.#takes(STACK)) throw new NotMine();
    error.stack = this.#string();
    if (this.#takes(CAUSE)) own(error, "cause", this.#value());
    if (!this.#takes(ERROR_END)) throw new NotMine();
    return error;
  }
}

const OWN = { writable: true, enumerable: true, configurable: true } as const;

function own(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { ...OWN, value, enumerable: false });
}

/** Where a value was read, or not. */
export type V8Value = { readonly value: unknown } | undefined;

/**
 * The value that V8 serialized to some bytes.
 *
 * @param bytes The bytes.
 * @param start Where in them it begins.
 * @returns The value in an object; `undefined` if the bytes are not for this reader, or damaged.
 */
export function readV8(bytes: Uint8Array, start: number): V8Value {
  try {
    return { value: new V8Reader(bytes, start).read() };
  } catch {
    return undefined; // no code of a program runs here: whatever it was, V8 is to say
  }
}
