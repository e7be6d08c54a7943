/**
 * From files to a tree, on directories that are put together file by file.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { bytewiseKeys, roomyPool, tableDefaults, utf8 } from "../tests/tables.ts";
import { parseEntries, SmallTree, textOf } from "../tests/trees.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { KIND_TOMBSTONE, sequenceAt } from "./internal_key.ts";
import { LOG_HEADER_BYTES, LogWriter } from "./log.ts";
import { writeNewDatabase } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { lockDirectory, recover, type Recovered, type RecoveryOptions } from "./recovery.ts";
import { TableCache } from "./table_cache.ts";
import { emptyVersionEdit } from "./version_edit.ts";
import { WriteBatch } from "./write_batch.ts";

const OPTIONS: RecoveryOptions = {
  createIfMissing: true,
  errorIfExists: false,
  readOnly: false,
  memtableBytes: 64 * 1024,
  tableOptions: tableDefaults,
};

/** A directory, how it is recovered, and what came of that. */
class Stage {
  readonly memory: MemoryFileSystem;
  readonly disk: FailingFileSystem;
  readonly messages: string[] = [];
  #caches: TableCache[] = [];

  constructor(memory: MemoryFileSystem = newDatabase()) {
    this.memory = memory;
    this.disk = new FailingFileSystem(memory);
  }

  recover(options: Partial<RecoveryOptions> = {}): Recovered {
    const cache = new TableCache({
      fileSystem: this.disk,
      directory: "db",
      comparator: bytewiseKeys,
      pool: roomyPool(),
      maxOpenTables: 100,
    });
    this.#caches.push(cache);
    const logger = {
      log: (level: string, _source: string, message: string) =>
        void this.messages.push(`${level}: ${message}`),
    };
    const fileSystem = this.disk;
    return recover(
      { fileSystem, directory: "db", comparator: bytewiseKeys, cache, logger },
      { ...OPTIONS, ...options },
    );
  }

  /** Recovers, closes, and gives every entry that is there then, table by table. */
  recovered(options: Partial<RecoveryOptions> = {}): { entries: string[]; lastSequence: number } {
    const { tree, lastSequence, log, memtables } = this.recover(options);
    const entries = tree.version.levels.flat().map(({ number }) => {
      const cursor = this.#caches.at(-1)!.cursor(number);
      const text = textOf(cursor);
      cursor.close();
      return text;
    });
    for (const memtable of memtables) entries.unshift(textOf(memtable.cursor()));
    log?.file.close();
    tree.close();
    this.close();
    return { entries, lastSequence };
  }

  /** Sees that nothing is left open. */
  close(): void {
    for (const cache of this.#caches) cache.close();
    assertEquals(this.disk.openHandles, 0, "open handles");
  }

  names(): string[] {
    return this.memory.list("db");
  }
}

function newDatabase(): MemoryFileSystem {
  const memory = new MemoryFileSystem();
  memory.makeDirectory("db");
  writeNewDatabase(memory, "db", bytewiseKeys);
  return memory;
}

/** Writes a log with one record for each text of entries, whose sequence numbers follow each other. */
function writeLog(memory: MemoryFileSystem, number: number, ...records: string[]): string {
  const path = `db/${String(number).padStart(6, "0")}.log`;
  const file = memory.create(path);
  const writer = new LogWriter(file);
  for (const record of records) {
    const entries = parseEntries(record);
    const batch = new WriteBatch();
    batch.setSequence(sequenceAt(entries[0]![0], entries[0]![0].length));
    for (const [key, value] of entries) {
      const userEnd = key.length - 8;
      if (key[userEnd] === KIND_TOMBSTONE) batch.delete(key, 0, userEnd);
      else batch.put(key, 0, userEnd, value, 0, value.length);
    }
    writer.add(batch.buffer, 0, batch.byteLength);
  }
  file.close();
  return path;
}

/** A database with a table, as its owner left it. */
function databaseWithTable(entries: string): MemoryFileSystem {
  const stage = new SmallTree();
  stage.addTable(0, entries);
  const lastSequence = parseEntries(entries).length;
  stage.tree.apply({ ...emptyVersionEdit(), lastSequence });
  stage.close();
  return stage.memory;
}

function failsWith(code: string, body: () => unknown): VarveError {
  const error = assertThrows(body, VarveError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("What is in the logs is there afterwards, the newest version of each key first (invariant 1)", () => {
  const stage = new Stage();
  writeLog(stage.memory, 3, "a@1=1 b@2=2", "a@3=3");
  writeLog(stage.memory, 5, "b@4! c@5=5");
  const { entries, lastSequence } = stage.recovered();
  assertEquals([entries, lastSequence], [["a@3=3 a@1=1 b@4! b@2=2 c@5=5"], 5]);
  // It is in a table now: a second recovery finds the same without any log.
  const again = new Stage(stage.memory).recovered();
  assertEquals([again.entries, again.lastSequence], [entries, 5]);
});

Deno.test("After a log that lost its tail later logs are not replayed (invariant 1)", () => {
  const stage = new Stage();
  writeLog(stage.memory, 3, "a@1=1", "b@2=2");
  writeLog(stage.memory, 4, "d@4=4", "e@5=5"); // 3 was at the end of the log before
  writeLog(stage.memory, 5, "f@6=6");
  const { entries, lastSequence } = stage.recovered();
  assertEquals([entries, lastSequence], [["a@1=1 b@2=2"], 2]);
  const warning = stage.messages.find((it) => it.startsWith("warn"));
  assert(/000004\.log.*begins at 4 where 3 was expected/.test(warning ?? ""), warning);
});

Deno.test("A log with a hole ends there, later logs are not replayed, and both are warnings (invariant 1)", () => {
  const stage = new Stage();
  const value = "v".repeat(2000);
  const path = writeLog(stage.memory, 3, "a@1=1", `b@2=${value}`, `c@3=${value}`, "d@4=4");
  writeLog(stage.memory, 5, "e@5=5");
  const bytes = stage.memory.readAll(path);
  stage.memory.writeAll(path, bytes.fill(0, 512, 1024));
  const { entries, lastSequence } = stage.recovered();
  assertEquals([entries, lastSequence], [["a@1=1"], 1]);
  const end = LOG_HEADER_BYTES + 12 + 5; // a batch's header, and one entry
  assertEquals(stage.messages.filter((it) => it.startsWith("warn")), [
    `warn: ${path} has a hole: dropped ${bytes.length - end} bytes from offset ${end} on`,
    "warn: an earlier log lost its tail: dropped db/000005.log, which begins at 5 where 2 was expected",
  ]);
});

Deno.test("A log whose last record is torn ends before it, with a warning (invariant 1)", () => {
  const stage = new Stage();
  const path = writeLog(stage.memory, 3, "a@1=1", "b@2=2");
  const bytes = stage.memory.readAll(path);
  stage.memory.writeAll(path, bytes.subarray(0, bytes.length - 1));
  assertEquals(stage.recovered().lastSequence, 1);
  assertEquals(stage.messages.filter((it) => it.startsWith("warn")), [
    `warn: ${path} ends in a torn record: dropped 23 bytes from offset 24 on`,
  ]);
});

Deno.test("An empty log, and one that is in a table already, are no gap (invariant 1)", () => {
  const stage = new Stage(databaseWithTable("a@1=1 b@2=2"));
  writeLog(stage.memory, 10, "a@1=1", "b@2=2");
  writeLog(stage.memory, 11);
  writeLog(stage.memory, 12, "c@3=3");
  assertEquals(stage.recovered().lastSequence, 3);
  assertEquals(stage.messages.filter((it) => it.startsWith("warn")), []);
});

Deno.test("A log that is larger than a memtable becomes several tables, in order (invariant 1)", () => {
  const stage = new Stage();
  const value = "v".repeat(1000);
  const records = Array.from({ length: 200 }, (_, i) => `key@${i + 1}=${value}`);
  writeLog(stage.memory, 3, ...records);
  const { tree, log, lastSequence } = stage.recover();
  const tables = tree.version.levels[0]!;
  assert(tables.length > 2, `${tables.length} tables`);
  assertEquals(lastSequence, 200);
  const newest = tables.map(({ smallest }) => sequenceAt(smallest, smallest.length));
  assertEquals(newest[0], 200); // level 0 has the newest table first
  assertEquals(newest, newest.toSorted((a, b) => b - a));
  log!.file.close();
  tree.close();
  stage.close();
});

Deno.test("Nothing is removed before the new manifest is durable and current (invariant 2)", () => {
  const stage = new Stage(databaseWithTable("a@1=1"));
  writeLog(stage.memory, 30, "b@2=2");
  stage.memory.writeAll("db/000031.ldb", utf8("the table of a compaction that was cut short"));
  stage.memory.writeAll("db/000032.dbtmp", utf8("half"));
  stage.recovered();
  const steps = stage.disk.changes.map(({ kind, name }) => `${kind} ${name}`);
  const firstRemove = steps.findIndex((step) => step.startsWith("remove"));
  const switched = steps.lastIndexOf("rename CURRENT");
  const durable = steps.lastIndexOf("syncDirectory db");
  assert(switched >= 0 && switched < durable && durable < firstRemove, steps.join(", "));
  const written = steps.slice(0, switched);
  for (const ending of [".ldb", ""]) { // the table, and the manifest that names it
    const appends = written.findLastIndex((it) => it.startsWith("append") && it.endsWith(ending));
    const syncs = written.findLastIndex((it) => it.startsWith("sync ") && it.endsWith(ending));
    assert(appends >= 0 && syncs > appends, steps.join(", "));
  }
  const kinds = stage.names().map((name) => name.replace(/\d+/, "n"));
  assertEquals(kinds, ["n.ldb", "n.ldb", "n.log", "CURRENT", "MANIFEST-n"]);
});

Deno.test("A recovery that fails at any step is done all over by the next (invariant 2)", () => {
  const make = () => {
    const memory = databaseWithTable("a@1=1 b@2=2");
    writeLog(memory, 30, "a@3! c@4=4");
    writeLog(memory, 31, "d@5=5");
    return memory;
  };
  const whole = new Stage(make());
  const expected = whole.recovered();
  for (let step = 0; step < whole.disk.changes.length; step++) {
    const stage = new Stage(make());
    stage.disk.fails = ({ index }) => index >= step;
    try {
      stage.recovered(); // when only removals are left to do it succeeds
    } catch (error) {
      assert(error instanceof VarveError && error.code === "IO", `step ${step}: ${error}`);
      stage.close();
    }
    const second = new Stage(stage.memory);
    assertEquals(second.recovered(), expected, `step ${step}`);
    const logs = second.names().filter((name) => name.endsWith(".log"));
    assertEquals([logs.length, second.names().length], [1, 5], `step ${step}: ${second.names()}`);
  }
});

Deno.test("Numbers found in the directory are not handed out again (invariant 3)", () => {
  for (const name of ["000900.ldb", "000900.sst", "MANIFEST-000900", "000900.dbtmp"]) {
    const stage = new Stage();
    stage.memory.writeAll(`db/${name}`, utf8("left over"));
    const { tree, log, logNumber } = stage.recover();
    const numbers = [logNumber, tree.manifestNumber, tree.fileNumbers.next()];
    assert(numbers.every((number) => number > 900), `${name}: ${numbers}`);
    assertEquals(new Set(numbers).size, 3);
    assertEquals(stage.memory.exists(`db/${name}`), false, name);
    log!.file.close();
    tree.close();
    stage.close();
  }
});

Deno.test("A file of the database that is missing is an error naming it (invariant 4)", () => {
  const stage = new Stage(databaseWithTable("a@1=1"));
  const [table] = stage.names().filter((name) => name.endsWith(".ldb"));
  stage.memory.remove(`db/${table}`);
  const error = failsWith("CORRUPTION", () => stage.recover());
  assert(error instanceof CorruptionError && error.file === `db/${table}`, error.message);
  stage.close();

  const other = new Stage();
  other.recovered();
  const [log] = other.names().filter((name) => name.endsWith(".log"));
  other.memory.remove(`db/${log}`);
  const missing = failsWith("CORRUPTION", () => other.recover());
  assert(missing instanceof CorruptionError && missing.file === `db/${log}`, missing.message);
  other.close();
});

Deno.test("A table of another size than the manifest's is an error naming it (invariant 4)", () => {
  for (const change of [-1, 1]) {
    const stage = new Stage(databaseWithTable("a@1=1"));
    const path = `db/${stage.names().find((name) => name.endsWith(".ldb"))}`;
    const bytes = stage.memory.readAll(path);
    const other = new Uint8Array(bytes.length + change);
    other.set(bytes.subarray(0, other.length));
    stage.memory.writeAll(path, other);
    const before = stage.names();
    const error = failsWith("CORRUPTION", () => stage.recover());
    assert(error instanceof CorruptionError && error.file === path, error.message);
    assertEquals(error.offset, Math.min(bytes.length, other.length));
    assertEquals(stage.names(), before);
    stage.close();
  }
});

Deno.test("A table under its old name is there (invariant 4)", () => {
  const stage = new Stage(databaseWithTable("a@1=1"));
  const [table] = stage.names().filter((name) => name.endsWith(".ldb"));
  stage.memory.rename(`db/${table}`, `db/${table!.replace("ldb", "sst")}`);
  assertEquals(stage.recovered().entries, ["a@1=1"]);
});

Deno.test("Damage in a log is an error, and changes nothing (invariant 4)", () => {
  const stage = new Stage();
  const path = writeLog(stage.memory, 3, `a@1=${"v".repeat(40_000)}`, "b@2=2");
  const bytes = stage.memory.readAll(path);
  bytes[100]! ^= 1;
  stage.memory.writeAll(path, bytes);
  const before = stage.names();
  const error = failsWith("CORRUPTION", () => stage.recover());
  assert(error instanceof CorruptionError && error.file === path, error.message);
  assertEquals([stage.names(), stage.memory.readAll(path)], [before, bytes]);
  stage.close();
});

Deno.test("An oldest log that does not follow on the tables is an error, and changes nothing (invariant 4)", () => {
  const stage = new Stage(databaseWithTable("a@1=1 b@2=2"));
  const path = writeLog(stage.memory, 10, "d@4=4", "e@5=5");
  writeLog(stage.memory, 11, "f@6=6");
  const names = stage.names();
  const error = failsWith("CORRUPTION", () => stage.recover()) as CorruptionError;
  assertEquals([error.file, error.offset], [path, 0]);
  assert(/begins at 4 where 3 was expected/.test(error.message), error.message);
  assertEquals(stage.names(), names);
  stage.close();
});

Deno.test("Files of a database without CURRENT, and files of others, are left alone (invariant 4)", () => {
  const cases = [["000005.ldb", "CORRUPTION"], ["000005.log", "CORRUPTION"], [
    "photo",
    "NOT_FOUND",
  ]];
  for (const [name, code] of cases) {
    const memory = new MemoryFileSystem();
    memory.makeDirectory("db");
    memory.writeAll(`db/${name}`, utf8("precious"));
    const stage = new Stage(memory);
    for (const act of [() => stage.recover(), () => lockDirectory(stage.disk, "db", OPTIONS)]) {
      assert(failsWith(code!, act).message.includes(name!));
      assertEquals(stage.names(), [name]);
    }
    stage.close();
  }
});

Deno.test("What a crash while creating it leaves behind does not matter (invariant 4)", () => {
  const memory = newDatabase();
  memory.remove("db/CURRENT");
  memory.writeAll("db/000001.dbtmp", utf8("MANI"));
  const stage = new Stage(memory);
  assertEquals(stage.recovered(), { entries: [], lastSequence: 0 });
});

Deno.test("Read only, logs are replayed in memory and nothing is changed (invariant 5)", () => {
  const stage = new Stage(databaseWithTable("a@1=1"));
  const value = "v".repeat(1000);
  writeLog(stage.memory, 30, ...Array.from({ length: 100 }, (_, i) => `k@${i + 2}=${value}`));
  writeLog(stage.memory, 31, "a@102! b@103=3");
  stage.memory.writeAll("db/000040.ldb", utf8("left over"));
  const before = stage.names().map((name) => [name, stage.memory.readAll(`db/${name}`)]);
  const { memtables, tree, lastSequence, log } = stage.recover({ readOnly: true });
  assertEquals([lastSequence, log, tree.version.levels[0]!.length], [103, undefined, 1]);
  assert(memtables.length > 1);
  const counts = memtables.map(({ entryCount }) => entryCount);
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 102);
  const last = textOf(memtables.at(-1)!.cursor()); // oldest first
  assert(last.startsWith("a@102! b@103=3 k@101="), last.slice(0, 40));
  assertEquals(stage.disk.changes, []);
  assertEquals(stage.names().map((name) => [name, stage.memory.readAll(`db/${name}`)]), before);
  tree.close();
  stage.close();
});

Deno.test("There is nothing to read in a directory without a database (invariant 5)", () => {
  const stage = new Stage(new MemoryFileSystem());
  const readOnly = { ...OPTIONS, readOnly: true };
  assertEquals(lockDirectory(stage.disk, "db", readOnly), undefined);
  failsWith("NOT_FOUND", () => stage.recover(readOnly));
  failsWith("NOT_FOUND", () => stage.recover({ createIfMissing: false }));
  const strict = { ...OPTIONS, createIfMissing: false };
  failsWith("NOT_FOUND", () => lockDirectory(stage.disk, "db", strict));
  assertEquals([stage.disk.changes, stage.memory.exists("db")], [[], false]);
  stage.close();
});

Deno.test("A directory has one writer or any number of readers", () => {
  const { disk } = new Stage();
  const readOnly = { ...OPTIONS, readOnly: true };
  const writer = lockDirectory(disk, "db", OPTIONS)!;
  failsWith("LOCKED", () => lockDirectory(disk, "db", OPTIONS));
  failsWith("LOCKED", () => lockDirectory(disk, "db", readOnly));
  writer.release();
  const readers = [lockDirectory(disk, "db", readOnly)!, lockDirectory(disk, "db", readOnly)!];
  failsWith("LOCKED", () => lockDirectory(disk, "db", OPTIONS));
  for (const reader of readers) reader.release();
  lockDirectory(disk, "db", OPTIONS)!.release();
  const strict = { ...OPTIONS, errorIfExists: true };
  failsWith("ALREADY_EXISTS", () => lockDirectory(disk, "db", strict));
  assertEquals(disk.openHandles, 0);
});

Deno.test("A database that is made just before it is locked exists already", () => {
  const stage = new Stage(new MemoryFileSystem());
  const strict = { ...OPTIONS, errorIfExists: true };
  const lock = lockDirectory(stage.disk, "db", strict)!;
  writeNewDatabase(stage.memory, "db", bytewiseKeys); // by another process, which is gone again
  failsWith("ALREADY_EXISTS", () => stage.recover({ errorIfExists: true }));
  lock.release();
  stage.close();
});
