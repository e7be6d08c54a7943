import { assert, assertEquals } from "@std/assert";
import { generator } from "./random.ts";
import {
  getFixed32,
  getFixed64,
  putFixed32,
  putFixed64,
  putVarint,
  varintLength,
  VarintReader,
} from "./coding.ts";

/** "80 01" → bytes. */
function hex(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter((it) => it !== ""), (it) => parseInt(it, 16));
}

function readerOf(bytes: Uint8Array): VarintReader {
  const reader = new VarintReader();
  reader.reset(bytes, 0, bytes.length);
  return reader;
}

function varintBytes(value: number): Uint8Array {
  const buffer = new Uint8Array(16);
  return buffer.slice(0, putVarint(buffer, 0, value));
}

/** Every power of two up to 2^bits and its neighbours: where each encoding changes its length. */
function boundaries(bits: number): number[] {
  const values = new Set([0]);
  for (let bit = 0; bit <= bits; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]) {
      if (value < 2 ** bits) values.add(value);
    }
  }
  return [...values];
}

Deno.test("putFixed32() writes the lowest byte first", () => {
  const buffer = new Uint8Array(6).fill(0xaa);
  putFixed32(buffer, 1, 0x01020304);
  assertEquals(buffer, hex("aa 04 03 02 01 aa"));
  putFixed32(buffer, 1, 2 ** 32 - 1);
  assertEquals(buffer, hex("aa ff ff ff ff aa"));
});

Deno.test("getFixed32() reads an unsigned number", () => {
  assertEquals(getFixed32(hex("aa 04 03 02 01"), 1), 0x01020304);
  assertEquals(getFixed32(hex("00 00 00 80"), 0), 2 ** 31);
  assertEquals(getFixed32(hex("ff ff ff ff"), 0), 2 ** 32 - 1);
});

Deno.test("getFixed32() reads what putFixed32() wrote at every boundary", () => {
  const buffer = new Uint8Array(4);
  for (const value of boundaries(32)) {
    putFixed32(buffer, 0, value);
    assertEquals(getFixed32(buffer, 0), value);
  }
});

Deno.test("putFixed64() writes the lowest byte first", () => {
  const buffer = new Uint8Array(10).fill(0xaa);
  putFixed64(buffer, 1, 0x01020304050607);
  assertEquals(buffer, hex("aa 07 06 05 04 03 02 01 00 aa"));
  putFixed64(buffer, 1, Number.MAX_SAFE_INTEGER);
  assertEquals(buffer, hex("aa ff ff ff ff ff ff 1f 00 aa"));
});

Deno.test("getFixed64() reads what putFixed64() wrote at every boundary", () => {
  const buffer = new Uint8Array(8);
  for (const value of boundaries(53)) {
    putFixed64(buffer, 0, value);
    assertEquals(getFixed64(buffer, 0), value);
  }
});

Deno.test("getFixed64() gives no safe integer when there are more than 53 bits", () => {
  for (
    const bytes of ["00 00 00 00 00 00 20 00", "01 00 00 00 00 00 20 00", "ff ff ff ff ff ff ff ff"]
  ) {
    assert(!Number.isSafeInteger(getFixed64(hex(bytes), 0)), bytes);
  }
});

Deno.test("putVarint() writes seven bits a byte, lowest first", () => {
  const known: [number, string][] = [
    [0, "00"],
    [1, "01"],
    [127, "7f"],
    [128, "80 01"],
    [300, "ac 02"],
    [2 ** 14 - 1, "ff 7f"],
    [2 ** 14, "80 80 01"],
    [2 ** 31, "80 80 80 80 08"],
    [2 ** 32 - 1, "ff ff ff ff 0f"],
    [2 ** 32, "80 80 80 80 10"],
    [2 ** 35, "80 80 80 80 80 01"],
    [2 ** 53 - 1, "ff ff ff ff ff ff ff 0f"],
  ];
  for (const [value, bytes] of known) assertEquals(varintBytes(value), hex(bytes), `${value}`);
});

Deno.test("putVarint() writes from the offset on and returns where it ended", () => {
  const buffer = new Uint8Array(5).fill(0xaa);
  assertEquals(putVarint(buffer, 1, 300), 3);
  assertEquals(buffer, hex("aa ac 02 aa aa"));
});

Deno.test("varintLength() is what putVarint() writes at every boundary", () => {
  for (const value of boundaries(53)) {
    assertEquals(varintLength(value), varintBytes(value).length, `${value}`);
  }
});

Deno.test("VarintReader reads what putVarint() wrote at every boundary", () => {
  for (const value of boundaries(53)) {
    const bytes = varintBytes(value);
    const reader = readerOf(bytes);
    assertEquals(reader.varint64(), value);
    assertEquals([reader.offset, reader.failed], [bytes.length, false]);
    if (value < 2 ** 32) assertEquals(readerOf(bytes).varint32(), value);
  }
});

Deno.test("VarintReader refuses a varint cut at any byte, though more bytes follow its end", () => {
  for (const value of boundaries(53)) {
    const bytes = varintBytes(value);
    const buffer = new Uint8Array(bytes.length + 8); // zeros: any of them would end the varint
    buffer.set(bytes);
    for (let end = 0; end < bytes.length; end++) {
      const reader = new VarintReader();
      reader.reset(buffer, 0, end);
      assertEquals([reader.varint64(), reader.failed], [0, true], `${value} cut at ${end}`);
      reader.reset(buffer, 0, end);
      assertEquals([reader.varint32(), reader.failed], [0, true], `${value} cut at ${end}`);
    }
  }
});

Deno.test("VarintReader.varint32() refuses more than 32 bits", () => {
  const refused = ["80 80 80 80 10", "ff ff ff ff 1f", "ff ff ff ff ff 01", "80 80 80 80 80 00"];
  for (const bytes of refused) {
    const reader = readerOf(hex(bytes));
    assertEquals([reader.varint32(), reader.failed], [0, true], bytes);
  }
});

Deno.test("VarintReader.varint64() refuses more than 53 bits rather than rounding", () => {
  const refused = [
    "80 80 80 80 80 80 80 10", // 2^53
    "81 80 80 80 80 80 80 10", // 2^53 + 1, which rounds to 2^53
    "ff ff ff ff ff ff ff ff ff 01", // 2^64 - 1
    "80 80 80 80 80 80 80 80 80 80 00", // eleven bytes
  ];
  for (const bytes of refused) {
    const reader = readerOf(hex(bytes));
    assertEquals([reader.varint64(), reader.failed], [0, true], bytes);
  }
});

Deno.test("VarintReader reads a number that is longer than need be, as LevelDB does", () => {
  assertEquals(readerOf(hex("81 80 80 80 00")).varint32(), 1);
  assertEquals(readerOf(hex("81 80 80 80 80 80 80 80 80 00")).varint64(), 1);
});

Deno.test("VarintReader stays failed until reset() when a read failed", () => {
  const reader = readerOf(hex("80 80 80 80 10 05"));
  reader.varint32();
  assert(reader.failed);
  reader.varint64();
  assert(reader.failed);
  assertEquals(reader.lengthPrefixed(), -1);
  reader.reset(hex("05"), 0, 1);
  assertEquals([reader.varint32(), reader.failed], [5, false]);
});

Deno.test("VarintReader.lengthPrefixed() gives where the bytes are and moves past them", () => {
  const reader = new VarintReader();
  reader.reset(hex("aa 02 61 62 00 01 63"), 1, 7);
  assertEquals([reader.lengthPrefixed(), reader.offset], [2, 4]);
  assertEquals([reader.lengthPrefixed(), reader.offset], [5, 5]);
  assertEquals([reader.lengthPrefixed(), reader.offset], [6, 7]);
  assertEquals(reader.failed, false);
  assertEquals([reader.lengthPrefixed(), reader.failed], [-1, true]);
});

Deno.test("VarintReader.lengthPrefixed() refuses a length that goes past the end by one or by far", () => {
  const bytes = hex("03 61 62 63");
  for (let end = 0; end < bytes.length; end++) {
    const reader = new VarintReader();
    reader.reset(bytes, 0, end);
    assertEquals([reader.lengthPrefixed(), reader.failed], [-1, true], `cut at ${end}`);
  }
  const reader = readerOf(hex("ff ff ff ff 0f 61"));
  assertEquals([reader.lengthPrefixed(), reader.failed], [-1, true]);
});

Deno.test("VarintReader reads back any sequence of numbers and byte strings", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = generator(seed);
    const buffer = new Uint8Array(4096);
    const written: number[][] = [];
    let end = 0;
    while (end < 3900) {
      const kind = random(3);
      const value = kind === 2 ? random(100) : Math.floor(random(2 ** 32) / 2 ** random(32));
      const wide = kind === 1 ? value * 2 ** random(22) : value;
      end = putVarint(buffer, end, wide);
      written.push([kind, wide]);
      if (kind === 2) end += wide;
    }
    const reader = new VarintReader();
    reader.reset(buffer, 0, end);
    for (const [kind, value] of written) {
      if (kind === 2) assertEquals(reader.lengthPrefixed(), reader.offset - value!, `seed ${seed}`);
      else assertEquals(kind === 0 ? reader.varint32() : reader.varint64(), value, `seed ${seed}`);
    }
    assertEquals([reader.offset, reader.failed], [end, false], `seed ${seed}`);
  }
});
