import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import { BlockBuilder } from "./block_builder.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function add(builder: BlockBuilder, key: Uint8Array, value: Uint8Array): void {
  builder.add(key, 0, key.length, value, 0, value.length);
}

function finished(builder: BlockBuilder): number[] {
  const end = builder.finish();
  return [...builder.buffer.subarray(0, end)];
}

Deno.test("BlockBuilder writes an empty block as one restart point at 0", () => {
  assertEquals(finished(new BlockBuilder(16)), [0, 0, 0, 0, 1, 0, 0, 0]);
});

Deno.test("BlockBuilder leaves out what a key shares with the one before", () => {
  const builder = new BlockBuilder(16);
  for (const [key, value] of [["apple", "v"], ["apply", ""], ["apt", "xyz"]]) {
    add(builder, utf8(key!), utf8(value!));
  }
  // deno-fmt-ignore
  assertEquals(finished(builder), [
    0, 5, 1, ...utf8("apple"), ...utf8("v"),
    4, 1, 0, ...utf8("y"),
    2, 1, 3, ...utf8("t"), ...utf8("xyz"),
    0, 0, 0, 0,
    1, 0, 0, 0,
  ]);
});

Deno.test("BlockBuilder stores every n-th key whole", () => {
  const builder = new BlockBuilder(2);
  for (const key of ["aa", "ab", "ac", "ad", "ae"]) add(builder, utf8(key), new Uint8Array(0));
  // deno-fmt-ignore
  assertEquals(finished(builder), [
    0, 2, 0, 97, 97,   1, 1, 0, 98,
    0, 2, 0, 97, 99,   1, 1, 0, 100,
    0, 2, 0, 97, 101,
    0, 0, 0, 0,   9, 0, 0, 0,   18, 0, 0, 0,
    3, 0, 0, 0,
  ]);
});

Deno.test("BlockBuilder with an interval of 1 stores every key whole", () => {
  const builder = new BlockBuilder(1);
  for (const key of ["aa", "ab"]) add(builder, utf8(key), utf8("1"));
  // deno-fmt-ignore
  assertEquals(finished(builder), [
    0, 2, 1, 97, 97, 49,   0, 2, 1, 97, 98, 49,   0, 0, 0, 0,   6, 0, 0, 0,   2, 0, 0, 0,
  ]);
  assertThrows(() => new BlockBuilder(0), Error, "at least 1");
});

Deno.test("BlockBuilder takes empty keys and empty values", () => {
  const builder = new BlockBuilder(16);
  add(builder, utf8(""), utf8(""));
  add(builder, utf8("a"), utf8(""));
  assertEquals(finished(builder), [0, 0, 0, 0, 1, 0, 97, 0, 0, 0, 0, 1, 0, 0, 0]);
});

Deno.test("BlockBuilder writes lengths of 127 and less in one byte, of 128 and more in several", () => {
  for (const [bytes, varint] of [[127, [127]], [128, [128, 1]], [16383, [255, 127]]] as const) {
    const builder = new BlockBuilder(16);
    add(builder, utf8("k"), new Uint8Array(bytes));
    assertEquals(finished(builder).slice(0, 3 + varint.length), [0, 1, ...varint, 107]);
  }
});

Deno.test("BlockBuilder.bytes is what finish() makes, after every entry (invariant 2)", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    const count = random(40);
    const builder = new BlockBuilder(1 + random(20), 16);
    let keyBytes = 0;
    for (let i = 0; i < count; i++) {
      assertEquals(builder.entryCount, i);
      const key = utf8("k".repeat(random(200)) + String(i).padStart(5, "0"));
      add(builder, key, new Uint8Array(random(300)));
      keyBytes += key.length;
    }
    assertEquals(builder.keyBytes, keyBytes, `seed ${seed}`);
    assertEquals(builder.bytes, finished(builder).length, `seed ${seed}`);
  }
});

Deno.test("reset() starts over, and keeps the last key for who needs it", () => {
  const builder = new BlockBuilder(3);
  add(builder, utf8("abc"), utf8("1"));
  builder.finish();
  builder.reset();
  assertEquals(new TextDecoder().decode(builder.lastKey.subarray(0, builder.lastKeyEnd)), "abc");
  assertEquals([builder.entryCount, builder.keyBytes, builder.bytes], [0, 0, 8]);
  add(builder, utf8("abd"), utf8("2"));
  assertEquals(finished(builder), [0, 3, 1, 97, 98, 100, 50, 0, 0, 0, 0, 1, 0, 0, 0]);
});

Deno.test("reset() lets go of a buffer that a large value needed", () => {
  const builder = new BlockBuilder(16);
  add(builder, utf8("k"), new Uint8Array(3 << 20));
  builder.finish();
  builder.reset();
  assertLess(builder.buffer.length, 1 << 20);
});
