/**
 * What is taken, what is refused and what is filled in when a database is opened or used.
 *
 * @module
 */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytes, json, utf8 } from "./codec.ts";
import { bytewise } from "./comparator.ts";
import { silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { checkCodec, checkRange, describe, engineOptions, syncOption } from "./options.ts";

/** What no type would allow. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

const disk = new MemoryFileSystem();
const MIB = 1024 * 1024;

/** Default, least and greatest, as the documentation gives them. */
const LIMITS: Record<string, [number, number, number]> = {
  memtableBytes: [8 * MIB, 64 * 1024, 1024 * MIB],
  maxImmutableMemtables: [2, 1, 64],
  poolBytes: [8 * MIB, 0, 2 ** 40],
  maxOpenTables: [500, 1, 100_000],
  blockBytes: [4096, 64, 4 * MIB],
  restartInterval: [16, 1, 1024],
  tableBytes: [2 * MIB, 4096, 2 ** 31],
  filterBits: [10, 0, 64],
  levelZeroTables: [4, 1, 64],
  baseLevelBytes: [10 * MIB, 4096, 2 ** 40],
};
const FLAGS = ["createIfMissing", "errorIfExists", "readOnly", "sync", "seekCompaction"];

Deno.test("What is not given is filled in", () => {
  assertEquals(engineOptions({}, disk), {
    ...Object.fromEntries(Object.entries(LIMITS).map(([name, [fallback]]) => [name, fallback])),
    createIfMissing: true,
    errorIfExists: false,
    readOnly: false,
    sync: true,
    seekCompaction: false,
    worker: undefined,
    poolPolicy: "sieve",
    compression: ["snappy"],
    comparator: bytewise,
    fileSystem: disk,
    logger: silentLogger,
    onEvent: undefined,
  } as Wrong);
});

Deno.test("An option that is undefined is one that is not given", () => {
  const names = [...Object.keys(LIMITS), ...FLAGS, "poolPolicy", "compression", "comparator"];
  const none = Object.fromEntries(
    [...names, "logger", "onEvent", "fileSystem"].map((it) => [it, undefined]),
  );
  assertEquals(engineOptions(none as Wrong, disk), engineOptions({}, disk));
});

Deno.test("What is given is taken, up to both limits", () => {
  for (const [name, [, least, greatest]] of Object.entries(LIMITS)) {
    for (const value of [least, greatest]) {
      assertEquals((engineOptions({ [name]: value }, disk) as Wrong)[name], value, name);
    }
  }
  for (const name of FLAGS) {
    for (const value of [true, false]) {
      assertEquals((engineOptions({ [name]: value }, disk) as Wrong)[name], value, name);
    }
  }
  const own = new MemoryFileSystem();
  assertStrictEquals(engineOptions({ fileSystem: own }, disk).fileSystem, own);
  assertEquals(engineOptions({ poolPolicy: "lru" }, disk).poolPolicy, "lru");
  for (const worker of [true, false]) {
    assertEquals(engineOptions({ worker }, disk).worker, worker);
  }
  assertThrows(() => engineOptions({ worker: 1 } as Wrong, disk), TypeError, "worker must be true");
});

Deno.test("A number out of range, or not whole, is refused by name (invariant 1)", () => {
  for (const [name, [, least, greatest]] of Object.entries(LIMITS)) {
    for (const value of [least - 1, greatest + 1, least + 0.5, -Infinity, Infinity, NaN]) {
      const error = assertThrows(
        () => engineOptions({ [name]: value }, disk),
        RangeError,
        `Cannot open database: ${name} must be a whole number from ${least} to ${greatest}`,
      );
      assertEquals(error.message.endsWith(`got ${value}`), true, error.message);
    }
  }
});

Deno.test("A value of a wrong type is refused by name, null as well (invariant 1)", () => {
  const wrongs: Record<string, Wrong[]> = {};
  for (const name of Object.keys(LIMITS)) wrongs[name] = [null, "1", true, {}, 4096n];
  for (const name of FLAGS) wrongs[name] = [null, 0, 1, "true", {}];
  for (const name of ["comparator", "fileSystem", "logger", "onEvent"]) {
    wrongs[name] = [null, 5, "x", {}];
  }
  for (const [name, values] of Object.entries(wrongs)) {
    for (const value of values) {
      const act = () => engineOptions({ [name]: value }, disk);
      assertThrows(act, TypeError, `Cannot open database: ${name} must`, `${name} ${value}`);
    }
  }
  for (const name of ["compression", "poolPolicy"]) {
    for (const value of [null, 1, "lz4", {}, "Snappy"]) {
      assertThrows(
        () => engineOptions({ [name]: value } as Wrong, disk),
        RangeError,
        `${name} must`,
      );
    }
  }
});

Deno.test("An unknown option is refused by name, and so is what has no options (invariant 1)", () => {
  for (const name of ["cacheSize", "MemtableBytes", "__proto", "workers"]) {
    const act = () => engineOptions({ [name]: undefined } as Wrong, disk);
    assertThrows(act, TypeError, `Cannot open database: unknown option "${name}"`);
  }
  for (const [value, shown] of [[null, "null"], [5, "5 (number)"], ["x", '"x"']] as Wrong[]) {
    assertThrows(() => engineOptions(value, disk), TypeError, `must be an object, got ${shown}`);
  }
});

Deno.test("A compression for each level is a copy of what the caller gave", () => {
  const given: ("none" | "zstd" | "snappy")[] = ["none", "zstd"];
  const { compression } = engineOptions({ compression: given }, disk);
  given.push("snappy");
  assertEquals(compression, ["none", "zstd"]);
  assertThrows(() => engineOptions({ compression: [] }, disk), RangeError, "must not be empty");
  assertThrows(() => engineOptions({ compression: ["none", "lz4"] as Wrong }, disk), RangeError);
});

Deno.test("A write follows its own option, and the database's without one (invariant 1)", () => {
  for (const fallback of [true, false]) {
    assertEquals(syncOption(undefined, fallback), fallback);
    assertEquals(syncOption({}, fallback), fallback);
    assertEquals(syncOption({ sync: undefined as Wrong }, fallback), fallback);
    assertEquals(syncOption({ sync: true }, fallback), true);
    assertEquals(syncOption({ sync: false }, fallback), false);
  }
  for (const wrong of [null, true, 5, "sync"] as Wrong[]) {
    assertThrows(() => syncOption(wrong, true), TypeError, "Cannot write: options must be an obj");
  }
  for (const sync of [null, 1, "yes"] as Wrong[]) {
    assertThrows(() => syncOption({ sync }, true), TypeError, "sync must be true or false");
  }
  const misspelt = { synch: true } as Wrong; // would be a write that is not durable
  assertThrows(() => syncOption(misspelt, false), TypeError, 'unknown option "synch"');
});

Deno.test("A range that contradicts itself, or is of wrong types, is refused (invariant 1)", () => {
  const right: Wrong[] = [
    {},
    { gt: "a", lt: "b" },
    { gte: "b", lte: "a", prefix: "c" },
    { limit: 0 },
    { limit: Infinity, reverse: true, fillPool: false },
    { limit: Number.MAX_SAFE_INTEGER, signal: AbortSignal.abort() },
    { gt: undefined, gte: "a", reverse: undefined, limit: undefined, signal: undefined },
  ];
  for (const range of right) checkRange(range);
  const wrong: [Wrong, typeof TypeError | typeof RangeError, string][] = [
    [null, TypeError, "options must be an object, got null"],
    ["a", TypeError, 'got "a"'],
    [{ from: "a" }, TypeError, 'unknown option "from"'],
    [{ gt: "a", gte: "a" }, TypeError, "both gt and gte"],
    [{ lt: "a", lte: "a" }, TypeError, "both lt and lte"],
    [{ reverse: 1 }, TypeError, "reverse must be true or false"],
    [{ fillPool: null }, TypeError, "fillPool must be true or false"],
    [{ limit: "5" }, TypeError, "limit must be a number"],
    [{ limit: null }, TypeError, "limit must be a number"],
    [{ limit: -1 }, RangeError, "got -1"],
    [{ limit: 1.5 }, RangeError, "got 1.5"],
    [{ limit: NaN }, RangeError, "got NaN"],
    [{ limit: 2 ** 53 }, RangeError, "limit"],
    [{ signal: {} }, TypeError, "signal must be an AbortSignal"],
  ];
  for (const [range, type, part] of wrong) {
    const error = assertThrows(() => checkRange(range), type, part);
    assertEquals(error.message.startsWith("Cannot iterate: "), true, error.message);
  }
});

Deno.test("A codec has both directions, and one for keys keeps order (invariant 1)", () => {
  for (const codec of [utf8, bytes]) checkCodec("test", "key", codec);
  for (const codec of [utf8, bytes, json()]) checkCodec("test", "value", codec);
  assertThrows(() => checkCodec("test", "key", json()), TypeError, "key codec must keep order");
  for (const wrong of [null, undefined, "utf8", {}, { encode() {} }, { decode() {} }]) {
    assertThrows(() => checkCodec("test", "value", wrong), TypeError, "Cannot test: value codec");
  }
});

Deno.test("Whatever a caller gives can be named in a message, shortly", () => {
  const described: [unknown, string][] = [
    [null, "null"],
    [undefined, "undefined"],
    [5n, "5 (bigint)"],
    [-0, "0 (number)"],
    [Symbol("s"), "Symbol(s) (symbol)"],
    [() => 1, "a function"],
    ["line\nbreak", '"line\\nbreak"'],
    ["x".repeat(1000), `"${"x".repeat(40)}…"`],
    [new Map(), "an object (Map)"],
    [Object.create(null), "an object (no prototype)"],
  ];
  for (const [value, shown] of described) assertEquals(describe(value), shown);
});
