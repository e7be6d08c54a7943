import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { Deserializer, Serializer } from "node:v8";
import { readV8 } from "./kv_v8_reader.ts";

function byV8(value: unknown): Uint8Array {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

function readByV8(bytes: Uint8Array): unknown {
  const deserializer = new Deserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}

function assertAsV8(value: unknown): void {
  const bytes = byV8(value);
  const read = readV8(new Uint8Array([9, 9, ...bytes]).subarray(1), 1);
  assert(read !== undefined, Deno.inspect(value));
  assert(isDeepStrictEqual(read.value, readByV8(bytes)), Deno.inspect([read.value, value]));
}

Deno.test("what is read is what V8 reads (invariant 1)", () => {
  const loop: unknown[] = [];
  loop.push(loop, { loop });
  const values = [
    undefined,
    null,
    true,
    false,
    0,
    -0,
    -1,
    2 ** 31,
    NaN,
    0n,
    -(2n ** 64n),
    5n,
    "",
    "\xff",
    "Ā\ud800",
    "ÿ".repeat(200),
    "Ā".repeat(200),
    "Ā".repeat(63),
    { b: 1, 7: 0, 4294967294: 1, "ÿ": 2, "Ā": 3 },
    JSON.parse('{"__proto__":{"a":1}}'),
    { ["k".repeat(99)]: 1 },
    [1, , 3],
    new Array(7),
    loop,
    Object.assign([1], { named: 2 }),
    new Map([[{}, [1]]]),
    new Set([1, "a"]),
    new Date(5),
    /a\/b/dgimsuy,
    /a/v,
    Object(true),
    Object(false),
    Object(1.5),
    Object(5n),
    Object("s"),
    new ArrayBuffer(3),
    [new Uint16Array([1, 2]).subarray(1), new DataView(new ArrayBuffer(3), 1), new Float16Array(2)],
    new Error(),
    new Error("a"),
    new RangeError("why", { cause: new URIError("a") }),
  ]; // deno-fmt-ignore
  for (const value of values) assertAsV8(value);
});

Deno.test("any value is read as V8 does (invariant 1)", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withUnicodeString: true,
  });
  fc.assert(fc.property(anything, assertAsV8), { numRuns: 1000 });
});

Deno.test("errors come back whole", () => {
  const error = new TypeError("why", { cause: { a: 1 } });
  const read = readV8(byV8(error), 0)!.value as TypeError;
  assert(read instanceof TypeError);
  assertEquals([read.message, read.stack, read.cause], ["why", error.stack, { a: 1 }]);
  assertEquals(Object.keys(read), []);
  const loop = new Error("loop");
  loop.cause = [loop];
  const again = readV8(byV8(loop), 0)!.value as { cause: unknown[] };
  assertStrictEquals(again.cause[0], again);
});

Deno.test("identity within a value is kept, and no memory shared (invariant 2)", () => {
  const buffer = new ArrayBuffer(16);
  const bytes = byV8([new Uint8Array(buffer, 4, 8), buffer, new Float64Array(buffer)]);
  const [one, two, three] = readV8(bytes, 0)!.value as [Uint8Array, ArrayBuffer, Float64Array];
  assertStrictEquals(one.buffer, two);
  assertStrictEquals(three.buffer, two);
  assert(two !== bytes.buffer);
});

Deno.test("damaged bytes are never read as something that V8 does not read", () => {
  const whole = byV8({
    a: [1, "text", new Map([[1, new Set([2n])]])],
    b: new Uint8Array(3),
    c: /x/,
  });
  for (let length = 0; length < whole.length; length++) {
    assertEquals(readV8(whole.slice(0, length), 0), undefined);
  }
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = whole.slice();
      for (const [at, byte] of changes) damaged[at] = byte;
      const read = readV8(damaged, 0);
      if (read === undefined) return;
      assert(isDeepStrictEqual(read.value, readByV8(damaged)));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a count that is greater than what is there allocates nothing (invariant 2)", () => {
  for (const tag of ['"', "c", "A", "B", "Z"]) {
    const bytes = Uint8Array.of(255, 16, tag.charCodeAt(0), 255, 255, 255, 255, 15);
    assertEquals(readV8(bytes, 0), undefined);
  }
});
