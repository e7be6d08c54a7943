import { assertEquals } from "@std/assert";
import { BlockBuilder } from "./block_builder.ts";
import { FilterBlockBuilder } from "./bloom_filter.ts";
import { type BlockKind, dumpBlock, dumpFilterBlock, handleIn, restartsOf } from "./dump_block.ts";
import { type DumpParts, MemorySource } from "./dump_part.ts";
import { makeInternalKey } from "./internal_key.ts";
import { putHandle } from "./table_format.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function lines(parts: DumpParts): string[] {
  return [...parts].filter(({ isDetail }) => !isDetail).map(({ offset, name, text, damage }) =>
    `${offset} ${name}: ${text}${damage === undefined ? "" : ` !! ${damage}`}`
  );
}

function dump(bytes: Uint8Array, kind: BlockKind = "data"): string[] {
  const source = new MemorySource(bytes, undefined);
  return lines(dumpBlock(source, 0, bytes.length, 0, kind, { valueBytes: 8, keysOnly: false }));
}

function blockOf(entries: readonly [Uint8Array, Uint8Array][], restartInterval = 2): Uint8Array {
  const builder = new BlockBuilder(restartInterval);
  for (const [key, value] of entries) builder.add(key, 0, key.length, value, 0, value.length);
  const end = builder.finish();
  return builder.buffer.slice(0, end);
}

const handle = new Uint8Array(16);
const handleOf = (offset: number, bytes: number) =>
  handle.slice(0, putHandle(handle, 0, offset, bytes));

const three = () =>
  blockOf([
    [makeInternalKey(encode("sand"), 2, 1), encode("yellow")],
    [makeInternalKey(encode("silt"), 3, 0), new Uint8Array(0)],
    [makeInternalKey(encode("slate"), 4, 1), encode("grey")],
  ]);

Deno.test("dumpBlock() shows entries, their lengths, and restart points", () => {
  assertEquals(dump(three()), [
    "0 entry: sand @2 put → yellow  (shared 0, unshared 12, value 6)",
    "21 entry: silt @3 delete  (shared 1, unshared 11, value 0)",
    "35 entry: slate @4 put → grey  (shared 0, unshared 13, value 4)",
    "55 restart points: 2 restart points: 0 35",
  ]);
  assertEquals(dump(blockOf([])), ["0 restart points: 1 restart point: 0"]);
});

Deno.test("dumpBlock() shows where the entries of an index and of a metaindex lead", () => {
  const separator = new Uint8Array(9).fill(0xff).with(0, 0x74).with(1, 1);
  assertEquals(
    dump(blockOf([[separator, handleOf(300, 17)]]), "index")[0],
    "0 entry: t @max → 17 bytes at 300 (0x12c)  (shared 0, unshared 9, value 3)",
  );
  assertEquals(
    dump(blockOf([[encode("filter.x"), handleOf(5, 9)]]), "metaindex")[0],
    "0 entry: filter.x → 9 bytes at 5 (0x5)  (shared 0, unshared 8, value 2)",
  );
  const [line] = dump(blockOf([[separator, encode("\x80")]]), "index");
  assertEquals(line!.split(" !! ")[1], "an entry without a block handle");
});

Deno.test("dumpBlock() shows the entries before damage, and says what is wrong", () => {
  const bytes = three();
  const of = (at: number, value: number) => dump(bytes.with(at, value));
  assertEquals(of(22, 99)[1], "21 rest:  !! an entry of 99 bytes where 31 are left");
  assertEquals(of(21, 13)[1], "21 rest:  !! an entry that shares 13 bytes with a key of 12");
  assertEquals(of(23, 0x80).at(1)!.slice(0, 8), "21 rest:");
  assertEquals(of(7, 9)[0]!.split(" !! ")[1], "an unknown kind, 9");
});

Deno.test("dumpBlock() looks whether restart points are entries that share nothing", () => {
  const bytes = three();
  const at = bytes.length - 8;
  const wrong = (offset: number) =>
    dump(bytes.with(at, offset)).flatMap((line) => line.split(" !! ")[1] ?? []);
  assertEquals(wrong(34), ["restart point 1 is 34, where no entry begins"]);
  assertEquals(wrong(21), ["a restart point that shares 1 bytes"]);
  const both = bytes.with(at, 21).with(at - 4, 1);
  assertEquals(dump(both).flatMap((line) => line.split(" !! ")[1] ?? []), [
    "a restart point that shares 1 bytes",
    "restart point 0 is 1, where no entry begins",
  ]);
  assertEquals(wrong(60), ["restart point 1 is 60, where no entry begins"]);
  const many = dump(bytes.with(bytes.length - 4, 200)).at(-1);
  assertEquals(many!.split(" !! ")[1], "no room for 200 restart points");
  assertEquals(dump(Uint8Array.of(1, 0)), [
    "0 restart points:  !! a block too short for its restart points",
  ]);
});

Deno.test("dumpFilterBlock() shows each filter and what it covers", () => {
  const builder = new FilterBlockBuilder(10);
  builder.startBlock(0);
  builder.add(encode("a"), 0, 1);
  builder.startBlock(5000);
  builder.add(encode("b"), 0, 1);
  const bytes = builder.finish().slice();
  const of = (block: Uint8Array) =>
    lines(dumpFilterBlock(new MemorySource(block, undefined), 0, block.length, 0));
  assertEquals(of(bytes), [
    "0 filter: filter 0: 64 bits, 6 for each key, of blocks that start in 0 … 2047",
    "9 filter: filter 2: 64 bits, 6 for each key, of blocks that start in 4096 … 6143",
    "18 filter offsets: 3 filters, one for each 2048 bytes",
  ]);
  assertEquals(of(bytes.with(22, 200))[0], "0 filters:  !! filter 0 has no sound place");
  assertEquals(
    of(bytes.with(bytes.length - 1, 99)).at(0),
    "0 filters:  !! not a filter block that LevelDB writes",
  );
});

Deno.test("handleIn() takes a handle and nothing behind it, and restartsOf() what has room", () => {
  const source = new MemorySource(Uint8Array.of(5, 9, 0), undefined);
  assertEquals(handleIn(source, 0, 2), { offset: 5, bytes: 9 });
  assertEquals([handleIn(source, 0, 1), handleIn(source, 0, 3)], [undefined, undefined]);
  assertEquals(restartsOf(new MemorySource(three(), undefined), 0, 67).start, 55);
});
