import { assertEquals, assertMatch } from "@std/assert";
import { dumpLog } from "./dump_log.ts";
import { type DumpOptions, MemorySource, part } from "./dump_part.ts";
import { LOG_BLOCK_BYTES, LogWriter } from "./log.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** A record as one part, whatever is in it. */
function* whole(...[source, start, end, depth]: Parameters<Parameters<typeof dumpLog>[2]>) {
  yield part(source, depth, start, end - start, "content", "", { isLeaf: true });
}

function logOf(...lengths: number[]): Uint8Array {
  const disk = new MemoryFileSystem();
  const writer = new LogWriter(disk.create("log"));
  lengths.forEach((length, i) => writer.add(new Uint8Array(length).fill(i + 1), 0, length));
  return disk.readAll("log");
}

function dump(bytes: Uint8Array, wants?: DumpOptions["wants"]): string[] {
  const source = new MemorySource(bytes, undefined);
  const options = { valueBytes: 8, keysOnly: false, wants };
  return [...dumpLog(source, 0, whole, options)].filter(({ isDetail }) => !isDetail)
    .map(({ offset, length, name, text, damage }) => {
      const said = text.replace(/, checksum.*/, "");
      return `${offset}+${length} ${name} ${said}${damage === undefined ? "" : `!! ${damage}`}`
        .trim();
    });
}

Deno.test("dumpLog() shows a whole record in its fragment, and a long one behind its last", () => {
  assertEquals(dump(logOf(3, 40_000)), [
    "0+10 fragment FULL, 3 bytes",
    "7+3 content",
    "10+32758 fragment FIRST, 32751 bytes",
    "32768+7256 fragment LAST, 7249 bytes",
    "10+0 record 40000 bytes, of fragments from 10 on",
    "0+40000 content",
  ]);
});

Deno.test("dumpLog() goes on behind a damaged fragment whose length is right", () => {
  const bytes = logOf(3, 3, 3);
  bytes[18] = 0xff;
  const lines = dump(bytes);
  assertMatch(
    lines[2]!,
    /^10\+10 fragment FULL, 3 bytes!! checksum 0x[0-9a-f]{8} stored, 0x[0-9a-f]{8} computed$/,
  );
  assertEquals(lines.slice(3), [
    "17+3 content",
    "20+10 fragment FULL, 3 bytes",
    "27+3 content",
  ]);
});

Deno.test("dumpLog() looks for the next fragment where a length is wrong", () => {
  const bytes = logOf(3, 3, 3);
  bytes[14] = 200;
  assertEquals(dump(bytes).slice(2), [
    "10+10 fragment FULL, 200 bytes!! 187 of its 200 bytes are behind the end of the file",
    "17+3 payload",
    "20+10 fragment FULL, 3 bytes",
    "27+3 content",
  ]);
});

Deno.test("dumpLog() says so of a record without beginning or end, once", () => {
  const bytes = logOf(70_000, 3);
  const second = bytes.slice(LOG_BLOCK_BYTES);
  assertEquals(dump(second).filter((line) => line.includes("!!")), [
    "0+0 record !! a record without its beginning",
  ]);
  const cut = bytes.slice(0, 2 * LOG_BLOCK_BYTES);
  assertEquals(dump(cut).at(-1), "0+0 record !! the log ends before its record does");
  const other = new Uint8Array(LOG_BLOCK_BYTES + 10);
  other.set(bytes.slice(0, LOG_BLOCK_BYTES));
  other.set(logOf(3), LOG_BLOCK_BYTES);
  assertEquals(dump(other)[1], "0+0 record !! another record begins before its end");
});

Deno.test("dumpLog() puts no record together of which a fragment is damaged", () => {
  const bytes = logOf(70_000, 3);
  bytes[LOG_BLOCK_BYTES + 100]! ^= 1;
  const lines = dump(bytes);
  assertEquals(lines.filter((line) => line.includes("!!")).length, 1);
  assertEquals(lines.slice(2), [
    "32775+32761 payload",
    "65536+4485 fragment LAST, 4478 bytes",
    "70021+10 fragment FULL, 3 bytes",
    "70028+3 content",
  ]);
});

Deno.test("dumpLog() shows what a crash leaves at the end", () => {
  assertEquals(dump(logOf(3).slice(0, 5)), [
    "0+5 rest !! a header that is cut by the end of the file",
  ]);
  assertEquals(dump(new Uint8Array(50)), ["0+50 zeros never written"]);
  assertEquals(dump(new Uint8Array(0)), []);
});

Deno.test("dumpLog() shows the blocks that are wanted", () => {
  const lines = dump(logOf(70_000, 3), ({ number }) => number === 2);
  assertEquals(lines, [
    "65536+4485 fragment LAST, 4478 bytes",
    "70021+10 fragment FULL, 3 bytes",
    "70028+3 content",
  ]);
});
