import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  deserializeValue,
  isCloned,
  KvU64,
  serializeU64,
  serializeValue,
  u64Of,
} from "./kv_value.ts";

const again = (value: unknown): unknown => deserializeValue(serializeValue(value));

Deno.test("serializeValue() keeps what structured cloning keeps (invariant 1)", () => {
  const values = [
    undefined,
    null,
    true,
    -0,
    NaN,
    2n ** 200n,
    "",
    "\ud800",
    new Date(5),
    /a\/b/giu,
    [1, , 3],
    new Map<unknown, unknown>([[{ a: 1 }, new Set([1])]]),
    new Uint16Array([1, 2]),
    new ArrayBuffer(3),
  ]; // deno-fmt-ignore
  for (const value of values) assertEquals(again(value), value);
  const error = again(new RangeError("why", { cause: 7 })) as Error;
  assert(error instanceof RangeError);
  assertEquals([error.message, error.cause], ["why", 7]);
});

Deno.test("values come back with what they share, and share nothing with others (invariant 1)", () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const copy = again(loop) as typeof loop;
  assertStrictEquals(copy.self, copy);

  const buffer = new ArrayBuffer(16);
  const [bytes, floats] = again([new Uint8Array(buffer, 4, 8), new Float64Array(buffer)]) as [
    Uint8Array,
    Float64Array,
  ];
  assertStrictEquals(bytes.buffer, floats.buffer);
  assertEquals([bytes.byteOffset, bytes.buffer.byteLength], [4, 16]);

  const stored = serializeValue(Uint8Array.of(1, 2, 3));
  const [one, other] = [deserializeValue(stored), deserializeValue(stored)] as Uint8Array[];
  one![0] = 9;
  assertEquals([...other!], [1, 2, 3]);
  assertEquals([one!.byteOffset, one!.buffer.byteLength], [0, 3]);
});

Deno.test("values can be read from anywhere in other bytes", () => {
  for (const value of ["ĀĀ", Uint8Array.of(1), new KvU64(7n), [1.5]]) {
    const bytes = new Uint8Array([9, 9, 9, ...serializeValue(value)]).subarray(1);
    const read = deserializeValue(bytes, 2);
    if (value instanceof KvU64) assertEquals((read as KvU64).value, 7n);
    else assertEquals(read, value);
  }
});

Deno.test("a value that Deno 2.9.6 has stored can be read, whatever V8 writes today", () => {
  const stored =
    "01ff106f22046e616d65220341646122026174440000000000000000220474616773272201612c0122036d61" +
    "703b5a100100000000000000303a022205627974657342020102564200020022046c69737461044900490249" +
    "044e000000000000044049065f4003042204746578746304e9009221220272655222017801220473656c665e" +
    "007b09";
  const value = deserializeValue(Uint8Array.fromHex(stored)) as Record<string, unknown>;
  assertStrictEquals(value.self, value);
  assertEquals({ ...value, self: undefined }, {
    name: "Ada",
    at: new Date(0),
    tags: new Set(["a"]),
    map: new Map([[1n, null]]),
    bytes: Uint8Array.of(1, 2),
    // deno-lint-ignore no-sparse-arrays -- a hole is not the same as undefined
    list: [1, , 2.5, undefined],
    text: "é→",
    re: /x/g,
    self: undefined,
  });
});

Deno.test("serializeValue() refuses what cannot be cloned, at any depth (invariant 2)", () => {
  const { port1, port2 } = new MessageChannel();
  const refused = [
    () => 1,
    Symbol("a"),
    Promise.resolve(),
    new WeakMap(),
    new Proxy({}, {}),
    port1,
    new Blob(["a"]),
    new DOMException("a"),
    new ReadableStream(),
    new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
    new Uint8Array(new SharedArrayBuffer(1)),
  ]; // deno-fmt-ignore
  for (const value of refused) {
    assertThrows(() => serializeValue(value), TypeError, "could not be cloned");
    if (ArrayBuffer.isView(value)) continue;
    assertThrows(() => serializeValue([{ a: new Map([[1, new Set([value])]]) }]), TypeError);
  }
  assertThrows(() => serializeValue([new SharedArrayBuffer(1)]), Error, "could not be cloned");
  const broken = {
    get a() {
      throw new RangeError("getter");
    },
  };
  assertThrows(() => serializeValue(broken), RangeError, "getter");
  port1.close();
  port2.close();
});

Deno.test("a value may be as deep as V8 takes, and no deeper", () => {
  const nested = (depth: number) => {
    let value: unknown[] = [];
    for (let i = 1; i < depth; i++) value = [value];
    return value;
  };
  let depth = 0;
  for (let value = again(nested(2000)) as unknown[]; value !== undefined; depth++) {
    value = value[0] as unknown[];
  }
  assertEquals(depth, 2000);
  assertThrows(() => serializeValue(nested(200_000)), RangeError);
  assertEquals(again([1]), [1]);
});

Deno.test("serializeValue() looks at the elements of a sparse array only", () => {
  const sparse: unknown[] = new Array(2 ** 32 - 1);
  sparse[7] = 1;
  assertEquals((again(sparse) as unknown[])[7], 1);
});

Deno.test("KvU64 holds 64 bits, and says so", () => {
  assertEquals(new KvU64(2n ** 64n - 1n).value, 2n ** 64n - 1n);
  assertEquals([`${new KvU64(7n)}`, String(new KvU64(7n).valueOf() + 1n)], ["7", "8"]);
  assertThrows(() => new KvU64(-1n), RangeError, "from 0 to 2^64 - 1");
  assertThrows(() => new KvU64(2n ** 64n), RangeError, "from 0 to 2^64 - 1");
  assertThrows(() => new KvU64(1 as unknown as bigint), TypeError, "must be a bigint");
  assertEquals([...serializeU64(258n)], [2, 2, 1, 0, 0, 0, 0, 0, 0]);
  assertEquals(u64Of(serializeU64(2n ** 64n + 5n)), 5n);
  assertEquals([u64Of(serializeValue(5n)), isCloned(serializeValue(5n))], [undefined, true]);
});

Deno.test("another implementation's KvU64 is one, and a plain object is not", () => {
  class Other {
    readonly value = 7n;
    get [Symbol.toStringTag](): string {
      return "Deno.KvU64";
    }
  }
  assertEquals(u64Of(serializeValue(new Other())), 7n);
  assertEquals(again({ value: 7n }), { value: 7n });
  assertEquals(u64Of(serializeValue({ value: 7n, [Symbol.toStringTag]: "Deno.KvU64" })), undefined);
});

Deno.test("deserializeValue() refuses other bytes", () => {
  for (const bytes of [[], [0], [1], [1, 255], [1, 255, 15, 34, 9], [2, 1], [9, 1]]) {
    assertThrows(() => deserializeValue(Uint8Array.from(bytes)), TypeError, "not what was stored");
  }
});
