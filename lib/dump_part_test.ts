import { assertEquals, assertThrows } from "@std/assert";
import {
  arrowText,
  DumpReader,
  FileSource,
  internalKeyText,
  JoinedSource,
  MemorySource,
  shortText,
  trailerText,
} from "./dump_part.ts";
import { VarveError } from "./errors.ts";
import { makeInternalKey } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const all = { valueBytes: 8, keysOnly: false };

Deno.test("FileSource reads what is in the file, in and out of its window", () => {
  const disk = new MemoryFileSystem();
  const bytes = new Uint8Array(200_000).map((_, i) => i % 251);
  disk.writeAll("file", bytes);
  const source = new FileSource(disk.open("file"));
  for (const [offset, length] of [[0, 3], [65_535, 2], [199_999, 1], [10, 150_000], [5, 0]]) {
    assertEquals(source.read(offset!, length!), bytes.slice(offset!, offset! + length!));
  }
});

Deno.test("FileSource says that a file was cut while it was read", () => {
  const disk = new MemoryFileSystem();
  disk.writeAll("file", new Uint8Array(100));
  const { path, size, close } = disk.open("file");
  const source = new FileSource({ path, size, close, read: () => 3 });
  assertThrows(() => source.read(90, 5), VarveError, "cut at byte 93 while it was read: file");
  assertThrows(() => source.read(30, 60), VarveError, "Cannot dump file");
});

Deno.test("JoinedSource reads across its ranges, back and forth", () => {
  const joined = new JoinedSource(new MemorySource(encode("..abc..d...efgh"), undefined), "record");
  for (const [offset, length] of [[2, 3], [7, 1], [0, 0], [11, 4]]) joined.add(offset!, length!);
  assertEquals(joined.size, 8);
  const text = (offset: number, length: number) =>
    new TextDecoder().decode(joined.read(offset, length));
  assertEquals(text(0, 8), "abcdefgh");
  assertEquals([text(6, 2), text(3, 1), text(2, 3), text(8, 0), text(0, 1)], [
    "gh",
    "d",
    "cde",
    "",
    "a",
  ]);
});

Deno.test("DumpReader stays where it was when what it reads is cut or too large", () => {
  const reader = new DumpReader(
    new MemorySource(Uint8Array.of(5, 1, 2, 0xff, 0xff), undefined),
    0,
    5,
  );
  assertEquals([reader.lengthPrefixed(), reader.at], [undefined, 0]);
  assertEquals([reader.byte(), reader.varint32(), reader.varint64(), reader.at], [5, 1, 2, 3]);
  assertEquals([reader.varint32(), reader.varint64(), reader.at, reader.left], [
    undefined,
    undefined,
    3,
    2,
  ]);
});

Deno.test("shortText() cuts between characters, and says how much there was", () => {
  const source = new MemorySource(encode("ééééé\n"), undefined);
  assertEquals(shortText(source, 0, 10, 10), "ééééé");
  assertEquals(shortText(source, 0, 11, 5), "éé… (11 bytes)");
  assertEquals(shortText(source, 0, 11, 0), "… (11 bytes)");
  assertEquals(shortText(source, 10, 1, 5), '"\\n"');
  const bytes = new MemorySource(new Uint8Array(9).fill(0x80), undefined);
  assertEquals(shortText(bytes, 0, 9, 2), '"\\x80\\x80"… (9 bytes)');
});

Deno.test("arrowText() leaves values out if only keys are wished for", () => {
  const source = new MemorySource(encode("value"), undefined);
  assertEquals(arrowText(all, source, 0, 5), " → value");
  assertEquals(arrowText({ ...all, keysOnly: true }, source, 0, 5), "");
});

Deno.test("trailerText() knows kinds, separators, and what is neither", () => {
  const trailer = (sequence: number, kind: number) =>
    trailerText(makeInternalKey(new Uint8Array(0), sequence, kind));
  assertEquals(trailer(7, 1).text, "@7 put");
  assertEquals(trailer(8, 0).text, "@8 delete");
  assertEquals(trailer(9, 5), {
    text: "@9 kind 5",
    damage: "an unknown kind, 5",
    isSeparator: false,
  });
  const highest = trailerText(new Uint8Array(8).fill(0xff).with(0, 1));
  assertEquals(highest, { text: "@max", damage: undefined, isSeparator: true });
  const large = trailerText(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0x40));
  assertEquals(large.damage, "a sequence number over 2^53 - 1");
});

Deno.test("internalKeyText() says so of a key that is too short", () => {
  const source = new MemorySource(encode("short"), undefined);
  assertEquals(
    internalKeyText(source, 0, 5, all).damage,
    "a key of 5 bytes, too short for its trailer",
  );
});
