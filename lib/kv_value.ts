/**
 * **What.** Values of Deno KV as bytes: what structured cloning takes, in V8's own format; bytes and 64-bit integers
 * as they are.
 *
 * **Format.**
 * ```text
 * value := 01 what V8 serializes a value to
 *        | 02 unsigned 64-bit integer, little-endian
 *        | 03 bytes
 * ```
 * The numbers are those of the runtime's own Deno KV, and so is what follows them.
 *
 * **Invariants.**
 * 1. A value comes back as structured cloning would have copied it: identity within it, cycles, holes and the
 *    memory that views share included. Nothing read shares memory with anything else that is read.
 * 2. What structured cloning refuses is a `TypeError` (`Error` for shared memory in an object, as in the runtime), and
 *    nothing is stored of it. An error thrown by a getter comes through as it is.
 *
 * **Read next.** `kv_store.ts`
 *
 * @module
 */
import { Deserializer, Serializer } from "node:v8";
import { readV8 } from "./kv_v8_reader.ts";
import { writeV8 } from "./kv_v8_writer.ts";
import { describe } from "./options.ts";

const V8 = 0x01;
const U64 = 0x02;
const BYTES = 0x03;

const U64_BYTES = 9;
const U64_MAX = 2n ** 64n - 1n;

/**
 * An unsigned 64-bit integer as a value, for `sum`, `min` and `max`. The runtime's own `Deno.KvU64` is taken, too.
 *
 * @example A counter
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { KvU64, openKv } from "@varve/varve/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await openKv("visits", { fileSystem: new MemoryFileSystem() });
 * await kv.set(["visits"], new KvU64(41n));
 * await kv.atomic().sum(["visits"], 1n).commit();
 * assertEquals((await kv.get<KvU64>(["visits"])).value?.value, 42n);
 * ```
 *
 * @category Deno KV
 */
export class KvU64 {
  /** The integer. */
  readonly value: bigint;

  /**
   * Wraps an integer.
   *
   * @param value The integer.
   * @throws {TypeError} If it is no bigint.
   * @throws {RangeError} If it is negative, or has more than 64 bits.
   */
  constructor(value: bigint) {
    if (typeof value !== "bigint") {
      throw new TypeError(`Cannot make KvU64: value must be a bigint, got ${describe(value)}`);
    }
    if (value < 0n || value > U64_MAX) {
      throw new RangeError(`Cannot make KvU64: value must be from 0 to 2^64 - 1, got ${value}`);
    }
    this.value = value;
    Object.freeze(this);
  }

  /**
   * The integer, for operators.
   *
   * @returns It.
   */
  valueOf(): bigint {
    return this.value;
  }

  /**
   * The integer, in decimal.
   *
   * @returns Its digits.
   */
  toString(): string {
    return this.value.toString();
  }

  /** What `Object.prototype.toString` says; by it each implementation's instances are known to the others. */
  get [Symbol.toStringTag](): string {
    return "Deno.KvU64";
  }
}

/**
 * Whether a value is a 64-bit integer, of this library or of the runtime. The runtime's class cannot be asked for
 * where Deno KV is not switched on, and is not the only one: so by what it says that it is.
 */
function isU64(value: object): value is KvU64 {
  if (value instanceof KvU64) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype &&
    Object.hasOwn(prototype, Symbol.toStringTag) &&
    (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Deno.KvU64" &&
    typeof (value as { value?: unknown }).value === "bigint";
}

// Node's types leave out what the class is for: methods that subclasses have.
type ValueSerializer = Serializer & { _getDataCloneError: ErrorConstructor };

/**
 * V8's serializer, plain, for what is left to it: `serialize` of `node:v8` writes the views of a buffer one by one, so
 * that they share nothing when they come back, or share memory with values of others.
 */
class PlainSerializer extends Serializer {
  _getDataCloneError = TypeError;
}

class PlainDeserializer extends Deserializer {}

/** The mark of what the platform clones in ways of its own, or not at all; no symbol where there is no such mark. */
const HOST_MARK: symbol | undefined = Object.getOwnPropertySymbols(new DOMException("")).find(
  ({ description }) => description === "Deno.core.hostObject",
);

/**
 * Refuses what V8 by itself would store as an object without anything in it: ports, streams, blobs, cryptographic keys.
 * Each object of a value is looked at once.
 */
function refuseHostObjects(root: object): void {
  const seen = new Set<object>([root]);
  const enter = (member: unknown) => {
    if (typeof member === "object" && member !== null) seen.add(member);
  };
  for (const value of seen) { // those that are added meanwhile included
    if (value instanceof WebAssembly.Module || (HOST_MARK !== undefined && HOST_MARK in value)) {
      throw new TypeError(`Cannot store value: ${describe(value)} could not be cloned`);
    }
    if (ArrayBuffer.isView(value)) continue; // however many elements, they are numbers
    if (value instanceof Map) {
      value.forEach((member, key) => (enter(key), enter(member)));
    } else if (value instanceof Set) {
      value.forEach(enter);
    } else {
      for (const member of Object.values(value)) enter(member); // of an array the holes are left out
    }
  }
}

const V8_TAG = Uint8Array.of(V8);

/**
 * A value as bytes.
 *
 * @param value Anything that structured cloning takes, or a 64-bit integer.
 * @returns Its bytes.
 * @throws {TypeError} If it is or holds what cannot be cloned: a function, a symbol, a port.
 * @throws {Error} If it holds shared memory. What a getter throws, too.
 */
export function serializeValue(value: unknown): Uint8Array {
  if (typeof value === "object" && value !== null) {
    if (value instanceof Uint8Array) {
      if (!(value.buffer instanceof SharedArrayBuffer)) return tagged(BYTES, value);
      throw new TypeError("Cannot store value: shared memory could not be cloned");
    }
    if (isU64(value)) return serializeU64(value.value);
  }
  return written(value, false) ?? serializeCopy(value);
}

/** What {@linkcode writeV8} wrote. What is too deep for it is not for V8. */
function written(value: unknown, isCopy: boolean): Uint8Array | undefined {
  try {
    return writeV8(V8, value, isCopy);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a getter that threw it throws it again
    throw error;
  }
}

/**
 * What may be other than it looks is copied first: of the copy everything is known. V8 by itself writes what then is
 * left, of which there is little (its serializer is never freed): buffers that can be resized, and what is thousands
 * of levels deep.
 */
function serializeCopy(value: unknown): Uint8Array {
  if (typeof value === "object" && value !== null) refuseHostObjects(value);
  let copy = value;
  try {
    copy = structuredClone(value);
    const bytes = written(copy, true);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    if (error instanceof DOMException && error.name === "DataCloneError") {
      throw new TypeError(`Cannot store value: ${error.message}`, { cause: error });
    }
    if (!(error instanceof RangeError)) throw error; // too deep even to be copied
  }
  const serializer: ValueSerializer = new PlainSerializer();
  serializer.writeRawBytes(V8_TAG);
  serializer.writeHeader();
  serializer.writeValue(copy);
  return serializer.releaseBuffer();
}

/**
 * A 64-bit integer as bytes.
 *
 * @param value The integer; of a greater one the lowest 64 bits.
 * @returns Its bytes.
 */
export function serializeU64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(U64_BYTES);
  bytes[0] = U64;
  new DataView(bytes.buffer).setBigUint64(1, value, true);
  return bytes;
}

function tagged(kind: number, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(1 + bytes.length);
  target[0] = kind;
  target.set(bytes, 1);
  return target;
}

/**
 * Whether bytes are those of a 64-bit integer.
 *
 * @param bytes What {@linkcode serializeValue} gave.
 * @param start Where in them the value begins.
 * @returns The integer, or `undefined` if they are another value's.
 */
export function u64Of(bytes: Uint8Array, start = 0): bigint | undefined {
  if (bytes[start] !== U64 || bytes.length !== start + U64_BYTES) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(start + 1, true);
}

/**
 * Whether bytes are what V8 serialized: neither a 64-bit integer nor bytes.
 *
 * @param bytes What {@linkcode serializeValue} gave.
 * @param start Where in them the value begins.
 * @returns True if they are.
 */
export function isCloned(bytes: Uint8Array, start = 0): boolean {
  return bytes[start] === V8;
}

/**
 * The value of some bytes.
 *
 * @param bytes What {@linkcode serializeValue} gave.
 * @param start Where in them the value begins.
 * @returns The value, which shares no memory with them.
 * @throws {TypeError} If they are not the bytes of a value.
 */
export function deserializeValue(bytes: Uint8Array, start = 0): unknown {
  switch (bytes[start]) {
    case BYTES:
      return new Uint8Array(bytes.subarray(start + 1));
    case U64: {
      const value = u64Of(bytes, start);
      if (value === undefined) break;
      return new KvU64(value);
    }
    case V8: {
      const read = readV8(bytes, start + 1);
      if (read !== undefined) return read.value;
      try {
        const deserializer = new PlainDeserializer(bytes.subarray(start + 1));
        deserializer.readHeader();
        return deserializer.readValue();
      } catch (cause) {
        throw new TypeError("Cannot read value: its bytes are not what was stored", { cause });
      }
    }
  }
  throw new TypeError(`Cannot read value: its bytes are not what was stored`);
}
