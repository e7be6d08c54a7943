import { assertEquals, assertThrows } from "@std/assert";
import { CliError } from "./cli_context.ts";
import { assertSame, checkLoad } from "./cli_load_check.ts";
import { bytes } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { EntryReader } from "./entry_reader.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { NdjsonParser } from "./ndjson.ts";

const encoder = new TextEncoder();

function readerOf(entries: [string, string][]): EntryReader {
  let data = encoder.encode(
    entries.map(([key, value]) => `${JSON.stringify({ key, value })}\n`).join(""),
  );
  const read = (into: Uint8Array) => {
    const piece = data.subarray(0, into.length);
    into.set(piece);
    data = data.subarray(piece.length);
    return Promise.resolve(piece.length);
  };
  return new EntryReader({ read }, new NdjsonParser({ key: "utf8", value: "utf8" }));
}

Deno.test("checkLoad() compares the last value of each key", async () => {
  const fileSystem = new MemoryFileSystem();
  await using database = openDatabase("db", { key: bytes, value: bytes }, fileSystem);
  await database.batch().put(encoder.encode("a"), encoder.encode("2"))
    .put(encoder.encode("b"), encoder.encode("1")).commit();
  const { signal } = new AbortController();
  const check = (entries: [string, string][]) => checkLoad(readerOf(entries), database, signal);

  const same = await check([["a", "1"], ["b", "1"], ["a", "2"]]);
  assertEquals(same, { entries: 3, missing: 0, different: 0, example: undefined });
  assertSame(same);

  const other = await check([["a", "2"], ["a", "1"], ["c", "1"]]);
  assertEquals(other, { entries: 3, missing: 1, different: 1, example: encoder.encode("c") });
  const error = assertThrows(() => assertSame(other), CliError, "1 key is missing, 1 has another");
  assertEquals(error.status, 1);
});
