/**
 * What the shell says of a database.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { bytesText, counted, levelsText, statsText } from "./shell_report.ts";

Deno.test("numbers of bytes and of things are said with their units", () => {
  const bytes = [0, 1023, 1024, 1536, 1024 ** 2, 5 * 1024 ** 4, 1024 ** 5];
  assertEquals(bytes.map(bytesText), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "5.0 TiB",
    "1024.0 TiB",
  ]);
  assertEquals([0, 1, 2, 1234].map((count) => counted(count, "entry", "entries")), [
    "0 entries",
    "1 entry",
    "2 entries",
    "1,234 entries",
  ]);
});

Deno.test("the report of a database has its figures", async () => {
  await using database = openDatabase("data", { sync: false }, new MemoryFileSystem());
  assertMatch(
    statsText(database.stats()),
    /^buffer pool +0 B of 8\.0 MiB; hit rate none yet of 0 fetches$/m,
  );
  for (let i = 0; i < 1000; i++) database.putSync(`key ${i}`, "value");
  await database.flush();
  for (let i = 0; i < 1000; i++) { // one that is there, one that is not: a filter that pays is asked each time
    database.getSync(`key ${i}`);
    database.getSync(`key ${i}x`);
  }
  const stats = database.stats();
  const text = statsText(stats);
  assertMatch(text, /^last write +number 1,000$/m);
  assertMatch(text, /^memtable +0 entries, /m);
  assertMatch(text, /^tables +1, \d+\.\d KiB; 1 open of at most 500$/m);
  assertMatch(text, /^buffer pool .*hit rate \d\d\.\d % of \d,\d{3} fetches$/m);
  assertMatch(text, /^filters +[45]\d\.\d % of [12],\d{3} looks into a table saved$/m);
  assertMatch(text, /^written +1,000 entries, 11\.6 KiB of keys and values; 0 syncs$/m);
  assertMatch(text, /^background +1 flush, 0 compactions, 0 tables moved$/m);
  assertMatch(text, /^time +\d+ ms in flushes, 0 ms in compactions; 0 B left to compact$/m);
  assertMatch(text, /^stalls +0, 0 ms in all; 0 for memtables, 0 for level 0$/m);
  assertMatch(text, /^opening +\d+ ms; 0 entries of 0 logs replayed$/m);
  assertMatch(statsText({ ...stats, failure: "disk full" }), /^writes refused +disk full$/m);
  const mended = { ...stats, failures: 1, lastFailure: "disk full" };
  assertMatch(statsText(mended), /^last failure +disk full$/m);
  assertMatch(
    statsText({
      ...stats,
      writes: { ...stats.writes, stalls: 2, stallMs: 1500, levelZeroStalls: 2 },
    }),
    /^stalls +2, 1\.5 s in all; 0 for memtables, 2 for level 0$/m,
  );

  const lines = levelsText(stats).trimEnd().split("\n");
  assertEquals(lines.length, 9);
  assertEquals(new Set(lines.map((line) => line.length)).size, 1, "columns line up");
  assertMatch(lines[8]!, /^ {2}all +1 +\d+\.\d KiB$/);
});
