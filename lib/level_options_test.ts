/**
 * How options of classic-level become ours.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { checkLocation, ownOptions } from "./level_options.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { engineOptions } from "./options.ts";

const disk = new MemoryFileSystem();

Deno.test("Every option of classic-level has its place", () => {
  const options = {
    createIfMissing: false,
    errorIfExists: true,
    compression: false,
    cacheSize: 1 << 20,
    writeBufferSize: 1 << 20,
    blockSize: 2048,
    maxOpenFiles: 110,
    blockRestartInterval: 8,
    maxFileSize: 4 << 20,
    multithreading: true,
  };
  assertEquals(ownOptions(options), {
    createIfMissing: false,
    errorIfExists: true,
    compression: "none",
    poolBytes: 1 << 20,
    memtableBytes: 1 << 20,
    blockBytes: 2048,
    maxOpenTables: 100,
    restartInterval: 8,
    tableBytes: 4 << 20,
    sync: false,
  } as never);
});

Deno.test("Numbers are brought within what LevelDB takes, and every result is one that the engine takes", () => {
  const names = [
    "cacheSize",
    "writeBufferSize",
    "blockSize",
    "maxOpenFiles",
    "blockRestartInterval",
    "maxFileSize",
  ];
  for (const value of [-Infinity, -1, 0, 1, 3.7, 1e6 + 0.5, 2 ** 31, 2 ** 53, Infinity]) {
    const own = ownOptions(Object.fromEntries(names.map((name) => [name, value])));
    engineOptions(own as never, disk);
  }
  const { maxOpenTables, blockBytes, tableBytes } = ownOptions({
    maxOpenFiles: 0,
    blockSize: 1,
    maxFileSize: 1e12,
  });
  assertEquals([maxOpenTables, blockBytes, tableBytes], [64, 1024, 2 ** 30]);
});

Deno.test("What is not given keeps our defaults, but for syncs", () => {
  const options = { cacheSize: undefined, compression: undefined, worker: undefined };
  const checked = engineOptions(ownOptions(options) as never, disk);
  assertEquals(checked, { ...engineOptions({}, disk), sync: false });
  assertEquals(ownOptions({ compression: true }), { sync: false, compression: "snappy" } as never);
  assertEquals(ownOptions({ sync: true }), { sync: true });
});

Deno.test("Our own options pass as they are, and what nobody knows is left alone", () => {
  const logger = { log: () => {} };
  const own = { readOnly: true, worker: false, fileSystem: disk, logger, memtableBytes: 1 << 20 };
  assertEquals(ownOptions({ ...own, prefix: "x", keyEncoding: "view" }), { ...own, sync: false });
  assertEquals(ownOptions({ compression: ["none", "zstd"] }), {
    sync: false,
    compression: ["none", "zstd"],
  } as never);
});

Deno.test("Wrong types are refused, and one thing said twice", () => {
  const refused: [Record<string, unknown>, string][] = [
    [{ cacheSize: "8" }, 'cacheSize must be a number, got "8"'],
    [{ maxFileSize: NaN }, "maxFileSize must be a number"],
    [{ blockSize: null }, "blockSize must be a number, got null"],
    [{ cacheSize: 1, poolBytes: 1 }, "both cacheSize and poolBytes are given"],
  ];
  for (const [options, message] of refused) {
    assertThrows(() => ownOptions(options), TypeError, message);
  }
});

Deno.test("A location is a string that is not empty", () => {
  checkLocation("data");
  for (const location of ["", undefined, null, 1, new URL("file:///data")]) {
    assertThrows(() => checkLocation(location), TypeError, "The first argument 'location' must be");
  }
});
