import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { Deserializer, Serializer } from "node:v8";
import { writeV8 } from "./kv_v8_writer.ts";

/** What V8 writes, behind one byte. */
function byV8(value: unknown): Uint8Array {
  const serializer = new Serializer();
  serializer.writeRawBytes(Uint8Array.of(1));
  serializer.writeHeader();
  serializer.writeValue(value);
  return new Uint8Array(serializer.releaseBuffer());
}

/** What V8 reads of it. */
function readByV8(bytes: Uint8Array): unknown {
  const deserializer = new Deserializer(bytes.subarray(1));
  deserializer.readHeader();
  return deserializer.readValue();
}

/** Bytes may differ by how V8 keeps an array: what is read of them may not. */
function assertReadAlike(value: unknown): void {
  const expected = readByV8(byV8(value));
  const own = writeV8(1, value, false);
  for (const bytes of [writeV8(1, structuredClone(value), true), own ?? byV8(value)]) {
    assert(bytes !== undefined, Deno.inspect(value));
    assert(isDeepStrictEqual(readByV8(bytes), expected), Deno.inspect(value));
  }
}

const shared = { a: 1 };
const buffer = new ArrayBuffer(16);
const views = [new Uint8Array(buffer, 4, 8), new Float64Array(buffer), buffer];

Deno.test("what is written is what V8 writes (invariant 1)", () => {
  const whole = [0, 1, -1, 63, 64, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)]; // not kept as one of the others
  const numbers = [-0, 2 ** 31, -(2 ** 31) - 1, 0.1, NaN, Infinity];
  const bigints = [0n, 1n, -1n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 64n), 2n ** 200n];
  const strings = ["", "a", "\xff", "Ā", "\ud800", "x".repeat(200), "ÿ".repeat(200)];
  for (const odd of [62, 63, 64, 65, 8191, 8192]) strings.push("Ā".repeat(odd));
  for (
    const value of [undefined, null, true, false, ...whole, ...numbers, ...bigints, ...strings]
  ) {
    assertEquals(writeV8(1, value, false), byV8(value));
  }
  const objects = [
    { b: 1, a: { c: [] }, 7: 0, 4294967294: 1, 4294967295: 2, "-1": 3, "01": 4, "1.5": 5 },
    JSON.parse('{"__proto__":1}'),
    [1, , 3],
    new Array(5),
    [],
    [0.5, 1.5],
    Object.assign([1, 2], { named: 3 }),
    Object.assign([1, , 2], { named: 3 }),
    new Map<unknown, unknown>([[[1, [2]], new Map()], [shared, shared]]),
    new Set([shared, [shared]]),
    new Date(5),
    new Date(NaN),
    /a\/b/dgimsuy,
    /a/v,
    Object(true),
    Object(-0),
    Object(5n),
    Object("s"),
    views,
    [buffer, new DataView(buffer, 3)],
    [new Int8Array(1), new Uint8ClampedArray(2), new Int16Array(1), new Uint16Array(3)],
    [new Int32Array(1), new Uint32Array(1), new Float32Array(1), new BigInt64Array(2)],
    [new BigUint64Array(1), new Float16Array(3), new ArrayBuffer(0)],
    new Error("why"),
    new Error(),
    [new TypeError("why", { cause: new URIError("because") }), new EvalError("no")],
    Object.assign(new RangeError("own"), { name: "OwnError", code: 7 }),
  ]; // deno-fmt-ignore
  for (const value of objects) assertEquals(writeV8(1, value, true), byV8(value));
});

Deno.test("any value comes back from V8 as from its own bytes (invariant 1)", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withUnicodeString: true,
  });
  fc.assert(fc.property(anything, assertReadAlike), { numRuns: 1000 });
});

Deno.test("most values need no copy", () => {
  for (const value of [{ a: [1, "b", null, { c: new Date() }] }, new Map([[1, new Set([2])]])]) {
    assert(writeV8(1, value, false) !== undefined);
  }
});

Deno.test("what is not what its prototype says is left to others (invariant 2)", () => {
  const call = function (..._: unknown[]): unknown {
    return arguments; // deno-lint-ignore-line
  };
  class Point {}
  const odd = [
    () => {},
    Symbol("a"),
    new Proxy({}, {}),
    new Proxy([], {}),
    new Point(),
    call(1, 2),
    Object.create(Map.prototype),
    Object.create(Date.prototype),
    Object.create(Array.prototype),
    Object.setPrototypeOf(new Map([[1, 2]]), Object.prototype),
    Object.setPrototypeOf(new Map(), Set.prototype),
    Object.setPrototypeOf(new Date(), Object.prototype),
    new (class extends Uint8Array {})(3),
    new SharedArrayBuffer(3),
    new Uint8Array(new SharedArrayBuffer(3)),
    new ArrayBuffer(1, { maxByteLength: 2 }),
    new Uint8Array(new ArrayBuffer(1, { maxByteLength: 2 })),
    detached(),
  ]; // deno-fmt-ignore
  for (const value of odd) {
    assertStrictEquals(writeV8(1, value, false), undefined);
    assertStrictEquals(writeV8(1, [{ a: value }], false), undefined);
  }
});

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  buffer.transfer();
  return buffer;
}

Deno.test("a getter is called once, and may use the writer itself (invariant 3)", () => {
  let calls = 0;
  const inner = { x: "inner".repeat(2000) };
  const value = {
    first: shared,
    get computed() {
      calls++;
      return writeV8(1, inner, false)!.length;
    },
    again: shared,
  };
  const { length } = byV8(inner);
  assertEquals(writeV8(1, value, false), byV8({ first: shared, computed: length, again: shared }));
  assertEquals(calls, 1);
  const broken = {
    get a() {
      throw new RangeError("getter");
    },
  };
  assertThrows(() => writeV8(1, broken, false), RangeError, "getter");
  assertEquals(writeV8(1, [shared], false), byV8([shared]));
});

Deno.test("a getter that removes what comes later", () => {
  const make = () => ({
    get a() {
      delete (this as { b?: number }).b;
      return 1;
    },
    b: 2,
  });
  assertEquals(writeV8(1, make(), false), byV8(make()));
});
