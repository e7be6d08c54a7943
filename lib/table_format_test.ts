import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fileOf } from "../tests/tables.ts";
import { snappy, zstd } from "./compression.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { generator } from "./random.ts";
import {
  BLOCK_TRAILER_BYTES,
  BlockTransfer,
  borrowBlock,
  encodeFooter,
  FOOTER_BYTES,
  putBlockTrailer,
  putHandle,
  ReadAhead,
  readBlock,
  readFooter,
} from "./table_format.ts";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(
    hex.replaceAll(/\s/g, "").match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}

/** A file of one block, stored in some way, and room where a footer would be. */
function fileOfBlock(stored: Uint8Array, compression: number) {
  const bytes = new Uint8Array(stored.length + BLOCK_TRAILER_BYTES + FOOTER_BYTES);
  bytes.set(stored);
  putBlockTrailer(bytes.subarray(stored.length), stored, stored.length, compression);
  return bytes;
}

Deno.test("encodeFooter() writes two handles, zeros and the magic number", () => {
  const footer = encodeFooter({ offset: 300, bytes: 46 }, { offset: 351, bytes: 128 });
  const expected = bytesOf(
    "ac02 2e df02 8001" + "00".repeat(33) + "57fb808b247547db", // fixed64 of 0xdb4775248b80fb57
  );
  assertEquals(footer, expected);
});

Deno.test("readFooter() reads what encodeFooter() wrote, up to the largest handles", () => {
  for (const offset of [0, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER - 100]) {
    const handles = { metaindex: { offset, bytes: 5 }, index: { offset, bytes: 7 } };
    const footer = fileOf(encodeFooter(handles.metaindex, handles.index));
    // A file in which the footer comes right after the index.
    const start = offset + 7 + BLOCK_TRAILER_BYTES;
    const read = (into: Uint8Array, position: number) => footer.read(into, position - start);
    assertEquals(readFooter({ ...footer, size: start + FOOTER_BYTES, read }), handles);
  }
});

Deno.test("readFooter() refuses an index that is not the last block", () => {
  // Both blocks are sound; but in the first one as an index, keys would be missing.
  const handles = [{ offset: 0, bytes: 20 }, { offset: 25, bytes: 10 }] as const;
  for (const [metaindex, index] of [[0, 0], [1, 0]] as const) {
    const bytes = new Uint8Array(40 + FOOTER_BYTES);
    bytes.set(encodeFooter(handles[metaindex], handles[index]), 40);
    const error = assertThrows(() => readFooter(fileOf(bytes)), CorruptionError, "no index");
    assertEquals([error.file, error.offset], ["000005.ldb", 40]);
  }
  const bytes = new Uint8Array(40 + FOOTER_BYTES);
  bytes.set(encodeFooter(handles[0], handles[1]), 40);
  assertEquals(readFooter(fileOf(bytes)).index, handles[1]);
});

Deno.test("readFooter() refuses what is no footer, naming file and offset", () => {
  const footer = encodeFooter({ offset: 300, bytes: 46 }, { offset: 351, bytes: 128 });
  for (let bytes = 0; bytes < FOOTER_BYTES; bytes++) {
    const error = assertThrows(() => readFooter(fileOf(footer.slice(0, bytes))), CorruptionError);
    assertEquals([error.file, error.offset], ["000005.ldb", 0]);
  }
  for (let at = 40; at < 48; at++) {
    const damaged = footer.slice();
    damaged[at]! ^= 0x40;
    const error = assertThrows(() => readFooter(fileOf(damaged)), CorruptionError, "magic");
    assertEquals(error.offset, 40);
  }
  const overlong = footer.slice().fill(0xff, 0, 40);
  assertThrows(() => readFooter(fileOf(overlong)), CorruptionError, "footer");
});

Deno.test("putHandle() writes two varints", () => {
  const buffer = new Uint8Array(8).fill(0xee);
  assertEquals(putHandle(buffer, 1, 300, 5), 4);
  assertEquals([...buffer], [0xee, 0xac, 0x02, 0x05, 0xee, 0xee, 0xee, 0xee]);
});

Deno.test("putBlockTrailer() guards the block and its compression id", () => {
  // The index block of a table that LevelDB 1.20 wrote.
  const block = bytesOf("00 09 02 62 01ffffffffffffff 00 25 00000000 01000000");
  const trailer = new Uint8Array(5);
  putBlockTrailer(trailer, block, block.length, 0);
  assertEquals(trailer, bytesOf("00 9fae45d5"));
  // The data block of another one, which it compressed.
  const data = bytesOf(
    "c1012c000da8017661727665010100050134636c617920616e642073696c7420fe0e00fe0e00660e001c0000000001000000",
  );
  putBlockTrailer(trailer, data, data.length, 1);
  assertEquals(trailer, bytesOf("01 5e5edf89"));
});

Deno.test("readBlock() gives back a block stored as it is or compressed", () => {
  for (const length of [0, 1, 4096, 65_531, 65_532, 200_000]) {
    const block = new Uint8Array(length).fill(97);
    assertEquals(readBlock(fileOf(fileOfBlock(block, 0)), 0, length), block);
    const compressed = snappy.compress(block, 0, length)?.slice();
    if (compressed === undefined) continue;
    assertEquals(readBlock(fileOf(fileOfBlock(compressed, 1)), 0, compressed.length), block);
  }
});

Deno.test("readBlock() gives memory of its own", () => {
  const block = new Uint8Array(100).fill(97);
  const file = fileOf(fileOfBlock(block, 0));
  const first = readBlock(file, 0, 100);
  const second = readBlock(file, 0, 100);
  first.fill(0);
  assertEquals(second, block);
});

Deno.test("borrowBlock() gives what readBlock() does, until the next block is read", () => {
  for (const length of [0, 1, 100, 65_531, 65_532, 65_536, 65_537, 200_000]) {
    const block = Uint8Array.from({ length }, (_, i) => (i >>> 4) % 7);
    for (const compression of [0, 1]) {
      const stored = compression === 0 ? block : snappy.compress(block, 0, length)?.slice();
      if (stored === undefined) continue;
      const file = fileOf(fileOfBlock(stored, compression));
      const where = `${length} bytes, compression ${compression}`;
      assertEquals(borrowBlock(file, 0, stored.length), block, where);
      const own = readBlock(file, 0, stored.length);
      const other = new Uint8Array(60_000).fill(9);
      borrowBlock(fileOf(fileOfBlock(other, 0)), 0, other.length);
      const otherStored = snappy.compress(other, 0, other.length)!.slice();
      borrowBlock(fileOf(fileOfBlock(otherStored, 1)), 0, otherStored.length);
      assertEquals(own, block, where);
    }
  }
});

Deno.test("readBlock() refuses a block with any bit changed (invariant 1)", () => {
  const block = new TextEncoder().encode("clay and silt clay and silt clay and silt");
  for (const compression of [0, 1]) {
    const stored = compression === 0 ? block : snappy.compress(block, 0, block.length)!.slice();
    const bytes = fileOfBlock(stored, compression);
    for (let bit = 0; bit < (stored.length + BLOCK_TRAILER_BYTES) * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >>> 3]! ^= 1 << (bit & 7);
      const read = () => readBlock(fileOf(damaged), 0, stored.length);
      const error = assertThrows(read, CorruptionError, "checksum", `bit ${bit}`);
      assertEquals([error.file, error.offset], ["000005.ldb", 0]);
    }
  }
});

Deno.test("readBlock() refuses a handle that leaves the file, before it allocates (invariant 2)", () => {
  const file = fileOf(fileOfBlock(new Uint8Array(100), 0));
  const handles = [[0, 101], [1, 100], [153, 0], [149, 0], [0, 2 ** 31], [0, 2 ** 53 - 1]];
  handles.push([2 ** 53 - 1, 0], [2 ** 53 - 1, 2 ** 53 - 1], [2 ** 52, 5]);
  for (const [offset, bytes] of handles) {
    const read = () => readBlock(file, offset!, bytes!);
    const error = assertThrows(read, CorruptionError, "not in the table");
    assertStrictEquals(error.offset <= file.size, true);
  }
});

Deno.test("readBlock() refuses compressed bytes that are damaged though their checksum holds", () => {
  const stored = Uint8Array.of(200, 1, 0, 97);
  for (const compression of [1, 2]) {
    const file = fileOf(fileOfBlock(stored, compression));
    assertThrows(() => readBlock(file, 0, 4), CorruptionError, "damaged");
  }
});

Deno.test("readBlock() names an unknown compression and the file", () => {
  const file = fileOf(fileOfBlock(new Uint8Array(10), 7));
  const error = assertThrows(() => readBlock(file, 0, 10), VarveError, "id 7 in 000005.ldb");
  assertEquals(error.code, "UNSUPPORTED_FORMAT");
});

Deno.test("readBlock() reports a file that has become shorter since it was opened", () => {
  const bytes = fileOfBlock(new Uint8Array(100), 0);
  const file = { path: "x", size: bytes.length, read: () => 50, close: () => {} };
  assertThrows(() => readBlock(file, 0, 100), CorruptionError, "cut while it is read");
  assertThrows(
    () => readFooter({ ...file, read: () => 3 }),
    CorruptionError,
    "cut while it is read",
  );
});

Deno.test("BlockTransfer says how much memory a block takes, and puts it there", () => {
  const block = Uint8Array.from({ length: 5000 }, (_, i) => (i >>> 4) % 7);
  for (const compressor of [undefined, snappy, zstd]) {
    const stored = compressor?.compress(block, 0, block.length)?.slice() ?? block;
    const transfer = new BlockTransfer();
    for (const slack of [0, 100]) {
      transfer.read(fileOf(fileOfBlock(stored, compressor?.id ?? 0)), 0, stored.length);
      assertStrictEquals(transfer.plainBytes, block.length);
      const room = new Uint8Array(block.length + slack);
      transfer.put(room);
      assertEquals(room.subarray(0, block.length), block, compressor?.name);
    }
  }
});

/** A file of many blocks of a few sizes, and the calls that read it. */
function fileOfBlocks(count: number, sizes: readonly number[]) {
  const parts: Uint8Array[] = [];
  const handles: { offset: number; bytes: number; block: Uint8Array }[] = [];
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const block = new Uint8Array(sizes[i % sizes.length]!).fill(i + 1);
    handles.push({ offset, bytes: block.length, block });
    parts.push(fileOfBlock(block, 0).subarray(0, block.length + BLOCK_TRAILER_BYTES));
    offset += block.length + BLOCK_TRAILER_BYTES;
  }
  parts.push(new Uint8Array(FOOTER_BYTES));
  const bytes = new Uint8Array(offset + FOOTER_BYTES);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const file = fileOf(bytes);
  const calls: [position: number, bytes: number][] = [];
  const read = (into: Uint8Array, position: number) => {
    calls.push([position, into.length]);
    return file.read(into, position);
  };
  return {
    file: { path: file.path, size: file.size, read, close: () => {} },
    handles,
    calls,
    bytes,
  };
}

Deno.test("ReadAhead reads more and more at once of blocks that are read in order", () => {
  const { file, handles, calls } = fileOfBlocks(300, [2000, 2100]);
  const transfer = new BlockTransfer();
  const ahead = new ReadAhead();
  for (const { offset, bytes, block } of handles) {
    transfer.read(file, offset, bytes, ahead);
    const room = new Uint8Array(transfer.plainBytes);
    transfer.put(room);
    assertEquals(room, block);
    assert(ahead.buffer.length <= 64 * 1024);
  }
  // Two blocks on their own, then windows that double; none goes beyond the last block.
  const sizes = calls.map(([, bytes]) => bytes);
  assertEquals(sizes.slice(0, 6), [2005, 2105, 16384, 32768, 65536, 65536]);
  assert(calls.every(([position, bytes]) => position + bytes <= file.size - FOOTER_BYTES));
  assert(calls.length < 16, `${calls.length}`);
});

Deno.test("ReadAhead leaves blocks that are not read in order alone", () => {
  const { file, handles, calls } = fileOfBlocks(300, [2000]);
  const transfer = new BlockTransfer();
  const ahead = new ReadAhead();
  for (let i = 0; i < 300; i++) {
    // Two in order, then somewhere else; or backward.
    const at = i < 150 ? ((i >> 1) * 37 + (i & 1)) % 300 : 300 - (i - 149);
    transfer.read(file, handles[at]!.offset, handles[at]!.bytes, ahead);
    assertEquals(calls.at(-1), [handles[at]!.offset, 2005]);
  }
  assertStrictEquals(calls.length, 300);
  assertStrictEquals(ahead.buffer.length, 0);
});

Deno.test("ReadAhead makes no difference to what is read, also of large blocks and in any order", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    const sizes = Array.from({ length: 7 }, () => random(random(4) === 0 ? 100_000 : 5000));
    const { file, handles } = fileOfBlocks(120, sizes);
    const transfer = new BlockTransfer();
    const ahead = new ReadAhead();
    let at = 0;
    for (let step = 0; step < 300; step++) {
      at = random(20) === 0 ? random(120) : (at + (random(10) === 0 ? 2 : 1)) % 120;
      const { offset, bytes, block } = handles[at]!;
      transfer.read(file, offset, bytes, ahead);
      const room = new Uint8Array(transfer.plainBytes);
      transfer.put(room);
      assertEquals(room, block, `seed ${seed}, step ${step}`);
    }
  }
});

Deno.test("A block that was read ahead is verified like any other (invariant 1)", () => {
  for (const damagedBlock of [0, 1, 2, 3, 20]) {
    const { file, handles, bytes } = fileOfBlocks(30, [2000]);
    const damaged = bytes.slice();
    damaged[handles[damagedBlock]!.offset + 77]! ^= 4;
    const inner = fileOf(damaged);
    const transfer = new BlockTransfer();
    const ahead = new ReadAhead();
    for (const [i, { offset, bytes: size }] of handles.entries()) {
      const read = () =>
        transfer.read({ ...file, read: (into, at) => inner.read(into, at) }, offset, size, ahead);
      if (i !== damagedBlock) read();
      else assertEquals(assertThrows(read, CorruptionError, "checksum").offset, offset);
    }
  }
});

Deno.test("ReadAhead in a file that has become shorter gives what is there", () => {
  const { file, handles, bytes } = fileOfBlocks(30, [2000]);
  const cut = fileOf(bytes.slice(0, handles[10]!.offset));
  const shorter = { ...file, read: (into: Uint8Array, at: number) => cut.read(into, at) };
  const transfer = new BlockTransfer();
  const ahead = new ReadAhead();
  for (const [i, { offset, bytes: size }] of handles.entries()) {
    const read = () => transfer.read(shorter, offset, size, ahead);
    if (i < 10) read();
    else assertThrows(read, CorruptionError, "cut while it is read");
  }
});

Deno.test("A block that claims to be larger than any block can be is damaged, before there is memory for it", () => {
  // A zstd frame of one segment that says 3 GB, as so many bytes could have been.
  const stored = new Uint8Array(100_000);
  stored.set(bytesOf("28b52ffd e0 005ed0b2 00000000"));
  assertStrictEquals(zstd.decompressedBytes(stored, 0, stored.length), 3_000_000_000);
  const transfer = new BlockTransfer();
  const file = fileOf(fileOfBlock(stored, zstd.id));
  assertThrows(() => transfer.read(file, 0, stored.length), CorruptionError, "damaged zstd block");
});
