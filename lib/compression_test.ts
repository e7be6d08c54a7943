import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import * as wasm from "snappy-wasm";
import { onSources } from "../tests/permissions.ts";
import { generator } from "./random.ts";
import { compressorOf, ROOM_SLACK_BYTES, snappy, zstd } from "./compression.ts";
import { VarveError } from "./errors.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Bytes of some kind: nothing but one letter, few letters, words, a counter, noise, or runs of all of these. */
function sample(seed: number, length: number, kind: number): Uint8Array {
  const random = generator(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const at = kind === 5 ? random(5) : kind;
    if (at === 0) bytes[i] = 97;
    else if (at === 1) bytes[i] = 97 + random(2);
    else if (at === 2) bytes[i] = i >= 7 && random(8) > 0 ? bytes[i - 7]! : random(256);
    else if (at === 3) bytes[i] = i >>> 3;
    else bytes[i] = random(256);
  }
  return bytes;
}

function roundTrip(compressor: typeof snappy, bytes: Uint8Array, where: string): void {
  // Away from the buffer's start, so that a range taken for the whole buffer shows.
  const buffer = new Uint8Array(bytes.length + 20).fill(0xee);
  buffer.set(bytes, 13);
  const compressed = compressor.compress(buffer, 13, 13 + bytes.length);
  if (compressed === undefined) return;
  const moved = new Uint8Array(compressed.length + 9);
  moved.set(compressed, 4);
  assertEquals(compressor.decompress(moved, 4, 4 + compressed.length), bytes, where);
}

Deno.test("snappy.decompress() reads the elements of the format", () => {
  const cases: [bytes: number[], text: string][] = [
    [[0x00], ""],
    [[0x03, 0x02 << 2, 97, 98, 99], "abc"],
    [[0x06, 0x02 << 2, 97, 98, 99, 0x02 | (2 << 2), 3, 0], "abcabc"], // copy with a 2-byte offset
    [[0x07, 0x00, 97, 0x01 | (2 << 2), 1], "aaaaaaa"], // copy that overlaps itself, 1-byte offset
    [[0x06, 0x04, 97, 98, 0x03 | (3 << 2), 2, 0, 0, 0], "ababab"], // copy with a 4-byte offset
    [[0x03, 60 << 2, 2, 97, 98, 99], "abc"], // lengths in 1 to 4 bytes of their own
    [[0x03, 61 << 2, 2, 0, 97, 98, 99], "abc"],
    [[0x03, 62 << 2, 2, 0, 0, 97, 98, 99], "abc"],
    [[0x03, 63 << 2, 2, 0, 0, 0, 97, 98, 99], "abc"],
  ];
  for (const [bytes, text] of cases) {
    assertEquals(snappy.decompress(Uint8Array.from(bytes), 0, bytes.length), utf8(text));
  }
});

Deno.test("snappy.decompress() stays in its room, whatever a copy repeats and wherever the room ends", () => {
  for (let offset = 1; offset <= 9; offset++) {
    for (let count = 1; count <= 64; count++) {
      for (const behind of [0, 1, 2, 3]) {
        // A literal, a copy of it or of its end, and bytes behind that.
        const literal = Array.from({ length: offset }, (_, i) => 97 + i);
        const tail = Array.from({ length: behind }, (_, i) => 48 + i);
        const body = [(offset - 1) << 2, ...literal, 2 | ((count - 1) << 2), offset, 0];
        if (behind > 0) body.push((behind - 1) << 2, ...tail);
        const length = offset + count + behind;
        const bytes = Uint8Array.from([length, ...body, ...new Array(100).fill(0)]);
        const end = 1 + body.length;
        const copied = Array.from({ length: count }, (_, i) => 97 + i % offset);
        const expected = Uint8Array.from([...literal, ...copied, ...tail]);
        for (let slack = -1; slack <= ROOM_SLACK_BYTES + 3; slack++) {
          const where = `${count} bytes from ${offset} back, ${behind} behind, slack ${slack}`;
          const memory = new Uint8Array(length + slack + 8).fill(0xee);
          const room = memory.subarray(0, length + slack);
          assertEquals(snappy.decompress(bytes, 0, end, room), expected, where);
          assertEquals(memory.subarray(length + slack), new Uint8Array(8).fill(0xee), where);
          // The same with a length that is too small is damage.
          const cut = bytes.slice();
          cut[0] = length - 1;
          assertStrictEquals(snappy.decompress(cut, 0, end, room), undefined, where);
        }
      }
    }
  }
});

Deno.test("snappy.compress() writes the bytes the format asks for", () => {
  const text = "clay and silt clay and silt clay and silt ";
  const compressed = snappy.compress(utf8(text), 0, text.length)!;
  // 42 bytes: 14 as a literal, then a copy of 28 from 14 back.
  const expected = [42, 13 << 2, ...utf8("clay and silt "), 0x02 | (27 << 2), 14, 0];
  assertEquals([...compressed], expected);
});

Deno.test("snappy.decompress() refuses what breaks the format", () => {
  const cases: [why: string, bytes: number[]][] = [
    ["nothing at all", []],
    ["a cut length", [0x80]],
    ["a length over 32 bits", [0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["too little output", [0x04, 0x02 << 2, 97, 98, 99]],
    ["too much output", [0x02, 0x02 << 2, 97, 98, 99]],
    ["a literal that is cut", [0x04, 0x03 << 2, 97, 98, 99]],
    ["a literal's length that is cut", [0x03, 61 << 2, 2]],
    ["a literal of 4 GiB", [0x03, 63 << 2, 0xff, 0xff, 0xff, 0xff, 97, 98, 99]],
    ["a copy of nothing yet", [0x04, 0x01, 1]],
    ["a copy from before the start", [0x06, 0x04, 97, 98, 0x01, 3]],
    ["a copy from 0 back", [0x05, 0x00, 97, 0x01, 0]],
    ["a copy past the end", [0x04, 0x00, 97, 0x01, 1]],
    ["a 1-byte offset that is cut", [0x05, 0x00, 97, 0x01]],
    ["a 2-byte offset that is cut", [0x05, 0x00, 97, 0x02 | (3 << 2), 1]],
    ["a 4-byte offset that is cut", [0x05, 0x00, 97, 0x03 | (3 << 2), 1, 0, 0]],
    ["a length the input cannot make", [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 97]],
  ];
  for (const [why, bytes] of cases) {
    assertStrictEquals(snappy.decompress(Uint8Array.from(bytes), 0, bytes.length), undefined, why);
  }
});

Deno.test("compress() and decompress() give back what went in, for every length up to 300", () => {
  for (let length = 0; length <= 300; length++) {
    for (let kind = 0; kind < 6; kind++) {
      const bytes = sample(length, length, kind);
      roundTrip(snappy, bytes, `snappy, length ${length}, kind ${kind}`);
      if (length % 50 === 0) roundTrip(zstd, bytes, `zstd, length ${length}, kind ${kind}`);
    }
  }
});

Deno.test("compress() and decompress() give back large blocks, around the fragment size too", () => {
  for (const length of [4096, 65535, 65536, 65537, 131072, 200_001, 1 << 21]) {
    for (let kind = 0; kind < 5; kind++) {
      const bytes = sample(length, length, kind);
      roundTrip(snappy, bytes, `snappy, length ${length}, kind ${kind}`);
      roundTrip(zstd, bytes, `zstd, length ${length}, kind ${kind}`);
    }
  }
});

Deno.test("compress() gives nothing unless it saves more than an eighth", () => {
  for (const compressor of [snappy, zstd]) {
    assertStrictEquals(compressor.compress(sample(1, 4096, 4), 0, 4096), undefined);
    assertStrictEquals(compressor.compress(new Uint8Array(0), 0, 0), undefined);
    // A run of zeros after noise: somewhere between all zeros and all noise is the point where it pays.
    for (let zeros = 0; zeros <= 4096; zeros += 64) {
      const bytes = sample(2, 4096, 4).fill(0, 4096 - zeros);
      const compressed = compressor.compress(bytes, 0, 4096);
      if (compressed !== undefined) assertLess(compressed.length, 4096 - 4096 / 8);
      if (zeros >= 1024) assert(compressed !== undefined, `${compressor.name}, ${zeros} zeros`);
    }
  }
});

Deno.test("compress() gives the same bytes whatever was compressed before", () => {
  for (const compressor of [snappy, zstd]) {
    const text = sample(3, 5000, 2);
    const alone = compressor.compress(text, 0, 5000)!.slice();
    compressor.compress(sample(4, 70_000, 1), 0, 70_000);
    assertEquals(compressor.compress(text, 0, 5000), alone);
  }
});

Deno.test("decompress() uses the room it is given, if there is enough", () => {
  const bytes = new Uint8Array(1000).fill(97);
  for (const compressor of [snappy, zstd]) {
    const compressed = compressor.compress(bytes, 0, bytes.length)!.slice();
    for (const roomBytes of [0, 999, 1000, 5000]) {
      const room = new Uint8Array(roomBytes).fill(1);
      const result = compressor.decompress(compressed, 0, compressed.length, room)!;
      assertEquals(result, bytes, `${compressor.name}, ${roomBytes} bytes`);
      // What fits in is there, and nothing is touched but a little behind it.
      assert(room.subarray(1000 + ROOM_SLACK_BYTES).every((byte) => byte === 1));
      if (compressor === snappy) {
        assertStrictEquals(result.buffer === room.buffer, roomBytes >= 1000);
      }
    }
  }
});

Deno.test("decompress() makes the same whatever is around input and output", () => {
  // Every length of a literal that can be copied by words, and every copy that may overlap itself.
  for (let literal = 1; literal <= 60; literal++) {
    for (let count = 1; count <= 64; count++) {
      const offset = 1 + (count * 7) % literal;
      const bytes = sample(literal, literal, 1);
      const input = [
        literal + count,
        (literal - 1) << 2,
        ...bytes,
        2 | (count - 1) << 2,
        offset,
        0,
      ];
      const expected = [...bytes];
      for (let i = 0; i < count; i++) expected.push(expected[expected.length - offset]!);
      for (const slack of [0, 1, ROOM_SLACK_BYTES, 200]) {
        const larger = new Uint8Array(input.length + 2 * slack).fill(0xee);
        larger.set(input, slack);
        const room = new Uint8Array(expected.length + slack);
        const made = snappy.decompress(larger, slack, slack + input.length, room);
        assertEquals(made, Uint8Array.from(expected), `${literal} and ${count}, slack ${slack}`);
      }
    }
  }
});

Deno.test("decompress() makes literals of every length, whatever is around them", () => {
  for (let length = 1; length <= 300; length++) {
    const bytes = sample(length, length, 4);
    const tags = length > 256
      ? [61 << 2, (length - 1) & 255, (length - 1) >> 8]
      : [60 << 2, length - 1];
    const size = length < 128 ? [length] : [length & 127 | 128, length >> 7];
    const input = [...size, ...tags, ...bytes];
    for (const slack of [0, 70, 400]) {
      const larger = new Uint8Array(input.length + 2 * slack).fill(0xee);
      larger.set(input, slack);
      const room = new Uint8Array(length + slack);
      const end = slack + input.length;
      assertEquals(snappy.decompress(larger, slack, end, room), bytes, `${length}, slack ${slack}`);
      assertStrictEquals(snappy.decompress(larger, slack, end - 1, room), undefined, `${length}`);
    }
  }
});

Deno.test("decompressedBytes() is what decompress() makes, or -1", () => {
  for (const compressor of [snappy, zstd]) {
    for (const length of [40, 1000, 70_000]) {
      const compressed = compressor.compress(new Uint8Array(length), 0, length)!.slice();
      const moved = new Uint8Array(compressed.length + 9);
      moved.set(compressed, 5);
      const claimed = (end: number) => compressor.decompressedBytes(moved, 5, end);
      assertStrictEquals(claimed(5 + compressed.length), length, compressor.name);
      assertStrictEquals(claimed(5), -1, compressor.name);
    }
  }
  const bomb = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 97);
  assertStrictEquals(snappy.decompressedBytes(bomb, 0, bomb.length), -1);
});

Deno.test("decompress() survives every cut and every changed byte", () => {
  for (const compressor of [snappy, zstd]) {
    const bytes = sample(5, 400, 2);
    const compressed = compressor.compress(bytes, 0, 400)!.slice();
    for (let end = 0; end < compressed.length; end++) {
      assertStrictEquals(compressor.decompress(compressed, 0, end), undefined, `cut at ${end}`);
    }
    for (let at = 0; at < compressed.length; at++) {
      for (const flip of [0x01, 0x10, 0x80, 0xff]) {
        const damaged = compressed.slice();
        damaged[at] = damaged[at]! ^ flip;
        const result = compressor.decompress(damaged, 0, damaged.length);
        // The stated length bounds the result; nothing may be larger than what the input could make.
        assert(result === undefined || result.length <= damaged.length * 50_000, `byte ${at}`);
      }
    }
  }
});

Deno.test("decompress() survives noise", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const noise = sample(seed, 1 + seed % 60, 4);
    snappy.decompress(noise, 0, noise.length);
    zstd.decompress(noise, 0, noise.length);
    noise.set([0x28, 0xb5, 0x2f, 0xfd].slice(0, noise.length));
    zstd.decompress(noise, 0, noise.length);
  }
});

Deno.test("zstd.compress() states the length in the frame, which LevelDB asks for", () => {
  for (const length of [100, 1000, 70_000]) {
    const bytes = new Uint8Array(length);
    const compressed = zstd.compress(bytes, 0, length)!;
    const descriptor = compressed[4]!;
    assert((descriptor & 0x20) !== 0 || descriptor >>> 6 !== 0, `${length} bytes`);
  }
});

Deno.test("zstd.decompress() refuses a frame that does not state its length", () => {
  // Magic number, a descriptor without length, a window of 1 KiB, one last raw block of the letter a.
  const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x09, 0x00, 0x00, 97);
  assertStrictEquals(zstd.decompress(frame, 0, frame.length), undefined);
  // The same with a length of one byte, in a single segment, is fine.
  const stated = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0x00, 0x00, 97);
  assertEquals(zstd.decompress(stated, 0, stated.length), Uint8Array.of(97));
  // And with a length of four exbibytes it is refused before anything is allocated.
  const bomb = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 64, 9, 0, 0, 97);
  assertStrictEquals(zstd.decompress(bomb, 0, bomb.length), undefined);
});

Deno.test("compress() and decompress() give plain arrays", () => {
  const bytes = new Uint8Array(5000);
  for (const compressor of [snappy, zstd]) {
    const compressed = compressor.compress(bytes, 0, 5000)!;
    assertStrictEquals(compressed.constructor, Uint8Array);
    const result = compressor.decompress(compressed, 0, compressed.length)!;
    assertStrictEquals(result.constructor, Uint8Array);
    assertStrictEquals(result.buffer.byteLength, 5000);
  }
});

Deno.test("snappy and another implementation read each other", onSources, async () => {
  // Its types are those of a CommonJS module, which it is not.
  await (wasm.default as unknown as () => Promise<unknown>)();
  for (let seed = 1; seed <= 60; seed++) {
    const length = seed < 50 ? seed * 150 : seed * 5000;
    const bytes = sample(seed, length, seed % 6);
    const theirs = wasm.compress_raw(bytes);
    assertEquals(snappy.decompress(theirs, 0, theirs.length), bytes, `seed ${seed}`);
    const ours = snappy.compress(bytes, 0, length);
    if (ours === undefined) continue;
    assertEquals(wasm.decompress_raw(ours), bytes, `seed ${seed}`);
    // Ours may be a little larger, not much.
    assertLess(ours.length, theirs.length * 1.05 + 8, `seed ${seed}`);
  }
});

Deno.test("compressorOf() knows Snappy and zstd, and refuses other ids", () => {
  assertStrictEquals(compressorOf(1, "x"), snappy);
  assertStrictEquals(compressorOf(2, "x"), zstd);
  for (const id of [3, 4, 255]) {
    const error = assertThrows(() => compressorOf(id, "data/000005.ldb"), VarveError);
    assertEquals(error.code, "UNSUPPORTED_FORMAT");
    assertEquals(
      error.message,
      `Cannot read block: unknown compression id ${id} in data/000005.ldb`,
    );
  }
});
