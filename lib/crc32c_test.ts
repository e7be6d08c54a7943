import { assertEquals, assertNotEquals } from "@std/assert";
import { changedByte, crc32c, mask, unmask } from "./crc32c.ts";

/** The definition, a bit at a time, to compare the fast paths with. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** Bytes that look random and are the same in every run. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const whole = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length);

Deno.test("crc32c() gives the values of RFC 3720 appendix B.4", () => {
  assertEquals(whole(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(whole(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(whole(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(whole(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  // deno-fmt-ignore
  const iscsiRead = Uint8Array.of(
    0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
    0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  );
  assertEquals(whole(iscsiRead), 0xd9963a56);
});

Deno.test("crc32c() gives the catalogued check value, and 0 for no bytes", () => {
  assertEquals(whole(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(whole(new Uint8Array(0)), 0);
});

Deno.test("crc32c() equals the bitwise definition at every length up to 100 and around every fast path", () => {
  const lengths = Array.from({ length: 101 }, (_, i) => i);
  for (let extra = -17; extra <= 17; extra++) lengths.push(144 + extra, 1024 + extra, 4096 + extra);
  for (const length of lengths) {
    const bytes = noise(length, length);
    assertEquals(whole(bytes), slowCrc32c(bytes), `length ${length}`);
  }
});

Deno.test("crc32c() does not depend on where the bytes are in their buffer", () => {
  for (const length of [3, 40, 1500]) {
    const bytes = noise(length, 7);
    const expected = slowCrc32c(bytes);
    for (let shift = 0; shift < 20; shift++) {
      const room = noise(length + 60, 99);
      room.set(bytes, shift);
      assertEquals(
        crc32c(room, shift, shift + length),
        expected,
        `length ${length}, start ${shift}`,
      );
      const view = room.subarray(shift >> 1);
      const start = shift - (shift >> 1);
      assertEquals(
        crc32c(view, start, start + length),
        expected,
        `view, length ${length}, ${shift}`,
      );
    }
  }
});

Deno.test("crc32c() of two parts is the second's seeded with the first's, at every cut", () => {
  const bytes = noise(1300, 301);
  const expected = slowCrc32c(bytes);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = crc32c(bytes, 0, cut);
    assertEquals(crc32c(bytes, cut, bytes.length, first), expected, `cut at ${cut}`);
  }
});

Deno.test("crc32c() changes when any single bit changes", () => {
  const bytes = noise(1040, 5);
  const expected = whole(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assertNotEquals(whole(bytes), expected, `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("crc32c() reads shared memory as it reads private memory", () => {
  const bytes = noise(2000, 11);
  const shared = new Uint8Array(new SharedArrayBuffer(2000));
  shared.set(bytes);
  assertEquals(whole(shared), slowCrc32c(bytes));
});

Deno.test("mask() rotates and adds as LevelDB does", () => {
  assertEquals(mask(0), 0xa282ead8);
  // 0x00008000 rotated right by 15 is 1; 0x00000001 is 0x00020000.
  assertEquals(mask(0x00008000), 0xa282ead9);
  assertEquals(mask(0x00000001), 0xa284ead8);
  // An empty block (no entries, one restart point) of compression type 0 ends in c0 f2 a1 b0 in every table
  // that LevelDB wrote without a filter.
  assertEquals(mask(whole(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0))), 0xb0a1f2c0);
});

Deno.test("mask() changes every checksum, and masking twice is not masking back", () => {
  const crc = whole(new TextEncoder().encode("foo"));
  assertNotEquals(mask(crc), crc);
  assertNotEquals(mask(mask(crc)), crc);
});

Deno.test("unmask() undoes mask()", () => {
  const samples = [0, 1, 0x7fffffff, 0x80000000, 0xa282ead8, 0xfffffffe, 0xffffffff];
  for (let bit = 0; bit < 32; bit++) samples.push((1 << bit) >>> 0);
  for (let seed = 0; seed < 1000; seed++) samples.push(whole(noise(9, seed)));
  for (const crc of samples) {
    const masked = mask(crc);
    assertEquals(unmask(masked), crc, `crc ${crc}`);
    assertEquals(masked >= 0 && masked <= 0xffffffff && Number.isInteger(masked), true);
  }
});

Deno.test("changedByte() finds the byte that changed, wherever it is and whatever it became (invariant 4)", () => {
  const bytes = noise(300, 5);
  const right = whole(bytes);
  for (let at = 0; at < bytes.length; at++) {
    const change = 1 + (at * 37) % 255;
    bytes[at]! ^= change;
    assertEquals(changedByte(right, whole(bytes), bytes.length), bytes.length - 1 - at);
    bytes[at]! ^= change;
  }
  for (let change = 1; change < 256; change++) {
    for (const at of [0, 1, 150, 298, 299]) {
      bytes[at]! ^= change;
      assertEquals(changedByte(right, whole(bytes), bytes.length), bytes.length - 1 - at);
      bytes[at]! ^= change;
    }
  }
});

Deno.test("changedByte() finds none where several bytes changed, or the one is out of reach", () => {
  const bytes = noise(300, 6);
  const right = whole(bytes);
  for (let at = 0; at < 290; at++) {
    const changed = bytes.slice();
    changed.fill(0, at, at + 9);
    assertEquals(changedByte(right, whole(changed), changed.length), -1, `from ${at} on`);
  }
  bytes[100]! ^= 1;
  assertEquals(changedByte(right, whole(bytes), 300), 199);
  assertEquals(changedByte(right, whole(bytes), 199), -1);
  assertEquals(changedByte(right, whole(bytes), 0), -1);
});

Deno.test("crc32c() reads the buffer that it is given, whichever it read before", () => {
  const buffers = [noise(100, 1), noise(100, 2), noise((1 << 20) + 100, 3), noise(100, 4)];
  for (const buffer of [...buffers, ...buffers.reverse()]) {
    for (let round = 0; round < 2; round++) {
      assertEquals(crc32c(buffer, 0, 100), slowCrc32c(buffer.subarray(0, 100)));
    }
    buffer[50]! ^= 1; // changed in place
    assertEquals(crc32c(buffer, 0, 100), slowCrc32c(buffer.subarray(0, 100)));
  }
});
