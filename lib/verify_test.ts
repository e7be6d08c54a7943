/**
 * Tests of `verify.ts`: what is whole is found sound, and every byte that matters is missed when it changes.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { copyOf } from "../tests/fixtures/disk_copies.ts";
import { change, entriesOf, namesOf, smallDatabase } from "../tests/fixtures/small_database.ts";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { parseEntries, SmallTree } from "../tests/trees.ts";
import { openDatabase } from "./database.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { manifestName } from "./file_names.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { LogReader, LogWriter } from "./log.ts";
import { loadManifest, Manifest } from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { FOOTER_BYTES, readFooter } from "./table_format.ts";
import { FINDINGS_MAX, verifyDatabase } from "./verify.ts";
import { WriteBatch } from "./write_batch.ts";

function verify(disk: MemoryFileSystem | FailingFileSystem) {
  return verifyDatabase("db", {}, disk);
}

/** What opening and reading everything comes to: the entries, or an error. */
async function outcome(disk: MemoryFileSystem): Promise<string> {
  try {
    const entries = await entriesOf(disk);
    return JSON.stringify([...entries]);
  } catch (error) {
    if (error instanceof VarveError) return "an error";
    throw error;
  }
}

Deno.test("a database that is whole is sound, and everything was looked at", async () => {
  const { disk } = await smallDatabase();
  const before = disk.list("db").map((name) => [name, disk.readAll(`db/${name}`).toBase64()]);
  const report = await verify(disk);
  assertEquals([report.findings, report.isSound], [[], true]);
  assertEquals([report.tableCount, report.fileCount], [3, 4]);
  assert(report.blockCount > 20, `${report.blockCount} blocks`);
  assert(report.entryCount > 150 && report.logRecordCount > 20);
  assertEquals(
    disk.list("db").map((name) => [name, disk.readAll(`db/${name}`).toBase64()]),
    before,
  );
});

Deno.test("every byte that changes is found, but for the padding of footers", async () => {
  const { disk } = await smallDatabase();
  const expected = await outcome(disk);
  const copy = copyOf(disk);
  const unnoticed: string[] = [];
  let trials = 0;
  for (const name of namesOf(disk, /ldb|log|MANIFEST|CURRENT/)) {
    const whole = disk.readAll(`db/${name}`);
    // Every third byte of what is small, every one of a footer, and every thirteenth of blocks, which are of one kind.
    const isTable = name.endsWith(".ldb");
    const padding = isTable ? paddingOf(disk, name) : [0, 0];
    for (let at = 0; at < whole.length; at++) {
      const isFooter = isTable && at >= whole.length - FOOTER_BYTES;
      if (!isFooter && at % (isTable ? 13 : 3) !== 0) continue;
      trials++;
      change(copy, name, (bytes) => void (bytes[at]! ^= 1 << (at % 8)));
      const report = await verify(copy);
      const isPadding = at >= padding[0]! && at < padding[1]!;
      if (report.findings.length === 0 && !isPadding) unnoticed.push(`${name} at ${at}`);
      if (isPadding) assertEquals(report.findings, [], `${name} at ${at}: padding`);
      const opened = await outcome(copy);
      if (opened === "an error") assert(!report.isSound, `${name} at ${at}: an error`);
      else if (opened !== expected) {
        assert(report.findings.length > 0, `${name} at ${at}: wrong entries`);
      }
      copy.writeAll(`db/${name}`, whole);
    }
  }
  assertEquals(unnoticed, []);
  assert(trials > 1000, `${trials} trials`);
});

/** The bytes of a footer between its handles and its magic number: nothing depends on them. */
function paddingOf(disk: MemoryFileSystem, name: string): [number, number] {
  const bytes = disk.readAll(`db/${name}`);
  const { metaindex, index } = readFooter(disk.open(`db/${name}`));
  const numbers = [metaindex.offset, metaindex.bytes, index.offset, index.bytes];
  const used = numbers.reduce((sum, it) => sum + (it < 128 ? 1 : it < 16384 ? 2 : 3), 0);
  return [bytes.length - FOOTER_BYTES + used, bytes.length - 8];
}

Deno.test("a file that was cut is found, unless a log ends with a whole record", async () => {
  const { disk } = await smallDatabase();
  const expected = await outcome(disk);
  const copy = copyOf(disk);
  for (const name of namesOf(disk, /ldb|log|MANIFEST|CURRENT/)) {
    const whole = disk.readAll(`db/${name}`);
    const ends = new Set<number>();
    if (name.endsWith(".log")) {
      const reader = new LogReader(disk.open(`db/${name}`));
      do ends.add(reader.validOffset); while (reader.next());
    }
    for (let length = 0; length < whole.length; length += name.endsWith("ldb") ? 29 : 5) {
      copy.writeAll(`db/${name}`, whole.subarray(0, length));
      const report = await verify(copy);
      const opened = await outcome(copy);
      if (opened === "an error") assert(!report.isSound, `${name} cut at ${length}: an error`);
      else if (opened !== expected && !ends.has(length)) {
        assert(report.findings.length > 0, `${name} cut at ${length}: wrong entries`);
      }
    }
    copy.writeAll(`db/${name}`, whole);
  }
});

Deno.test("files that are missing are errors, and files that nobody needs are warnings", async () => {
  const { disk } = await smallDatabase();
  for (const name of namesOf(disk, /ldb|log/)) {
    const copy = copyOf(disk);
    copy.remove(`db/${name}`);
    const { findings } = await verify(copy);
    assertEquals(findings.map(({ severity, file }) => [severity, file]), [["error", name]]);
  }
  const copy = copyOf(disk);
  for (const name of ["000001.log", "000777.ldb", "MANIFEST-000001", "000888.dbtmp"]) {
    copy.create(`db/${name}`).close();
  }
  for (const name of ["LOG", "notes.txt", "000005.bak", "5.ldb", "2024.log"]) {
    copy.create(`db/${name}`).close();
  }
  const { findings, isSound } = await verify(copy);
  assertEquals(isSound, true);
  assertEquals(findings.map(({ severity, file }) => [severity, file]), [
    ["warning", "000001.log"],
    ["warning", "000777.ldb"],
    ["warning", "000888.dbtmp"],
    ["warning", "MANIFEST-000001"],
  ]);
});

Deno.test("a file of somebody else named as ours, but for zeros, harms nothing and stays", async () => {
  const { disk, truth } = await smallDatabase();
  const copy = copyOf(disk);
  const others = ["1.log", "2024.log", "3.ldb", "MANIFEST-1"];
  for (const name of others) copy.writeAll(`db/${name}`, new TextEncoder().encode("mine"));
  assertEquals((await verify(copy)).findings, []);
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", {}, copy, turns);
  assertEquals(new Map(db.entriesSync()), new Map(truth));
  await turns.settle(db.close());
  for (const name of others) assert(copy.exists(`db/${name}`), name);
});

Deno.test("without CURRENT or its manifest the tables and logs are looked at all the same", async () => {
  const { disk } = await smallDatabase();
  for (const pattern of [/CURRENT/, /MANIFEST/]) {
    const copy = copyOf(disk);
    copy.remove(`db/${namesOf(disk, pattern)[0]}`);
    const table = namesOf(copy, /ldb/)[1]!;
    change(copy, table, (bytes) => void (bytes[300]! ^= 1));
    const { findings, tableCount, logRecordCount } = await verify(copy);
    assertEquals(findings.map(({ file }) => file), ["CURRENT", table]);
    assertEquals(tableCount, 3);
    assert(logRecordCount > 0);
  }
});

Deno.test("damage is told with its file and place, as often as it occurs", async () => {
  const { disk, places } = await smallDatabase();
  const copy = copyOf(disk);
  const table = namesOf(copy, /ldb/)[0]!;
  const blocks = [
    ...new Set(
      [...places.values()].filter(({ file }) => file === table)
        .map(({ block }) => block),
    ),
  ].sort((a, b) => a - b).slice(0, 3);
  assertEquals(blocks.length, 3);
  change(copy, table, (bytes) => {
    for (const block of blocks) bytes[block + 9]! ^= 255;
  });
  const { findings, errorCount } = await verify(copy);
  assertEquals(
    findings,
    blocks.map((offset) => ({
      severity: "error" as const,
      file: table,
      offset,
      what: "block checksum mismatch",
    })),
  );
  assertEquals(errorCount, 3);
});

Deno.test("findings are kept up to a limit, and counted beyond", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  for (let i = 0; i < FINDINGS_MAX + 50; i++) copy.create(`db/${100_000 + i}.ldb`).close();
  const { findings, warningCount, isSound } = await verify(copy);
  assertEquals([findings.length, warningCount, isSound], [FINDINGS_MAX, FINDINGS_MAX + 50, true]);
});

// ——— What checksums cannot see: a tree that was written wrongly ———

/** Verifies a tree of some levels, each table written as text. */
async function verifyTree(
  levels: readonly (readonly [number, string])[],
  lastSequence = 100,
): Promise<string[]> {
  const tree = new SmallTree();
  for (const [level, entries] of levels) tree.addTable(level, parseEntries(entries));
  tree.tree.apply({ lastSequence, added: [], deleted: [], compactPointers: [] });
  const disk = tree.memory;
  tree.close();
  const { findings } = await verify(disk);
  return findings.map(({ severity, what }) => `${severity}: ${what}`);
}

Deno.test("a newer version below an older one is an error", async () => {
  const what = "error: a key in this block hides a newer version of it in an older table";
  assertEquals(await verifyTree([[2, "a@1=x b@2=y"], [1, "a@3=z"], [0, "a@5! b@4=w"]]), []);
  assertEquals(await verifyTree([[2, "a@3=x b@2=y"], [1, "a@1=z"]]), [what]);
  // At level 0 the higher number is the newer table.
  assertEquals(await verifyTree([[0, "a@5=x"], [0, "a@4=y"]]), [what]);
  assertEquals(await verifyTree([[0, "a@4=x"], [0, "a@5=y"]]), []);
});

Deno.test("a sequence number over the manifest's last one is an error", async () => {
  const found = await verifyTree([[1, "a@1=x b@7=y c@8=z"]], 6);
  assertEquals(found, ["error: sequence number 7 is over the last one"]);
});

/** A database whose log has batches that begin with these sequence numbers, each of one put. */
async function verifyLogs(...logs: readonly number[][]): Promise<string[]> {
  return await verifyLogsAfter(0, ...logs);
}

/** The same, of a database whose manifest says that this is the last sequence number. */
async function verifyLogsAfter(last: number, ...logs: readonly number[][]): Promise<string[]> {
  const disk = new MemoryFileSystem();
  await openDatabase("db", {}, disk).close();
  const state = loadManifest(disk, "db", new InternalKeyComparator());
  const manifest = { ...state, nextFileNumber: 100, lastSequence: last };
  disk.remove(`db/${manifestName(state.manifestNumber)}`);
  Manifest.create(disk, "db", 99, manifest).close();
  const [first] = namesOf(disk, /log/);
  let number = Number.parseInt(first!);
  for (const sequences of logs) {
    const file = disk.create(`db/${String(number).padStart(6, "0")}.log`);
    number += 10;
    const writer = new LogWriter(file);
    for (const sequence of sequences) {
      const batch = new WriteBatch();
      batch.put(Uint8Array.of(sequence), 0, 1, Uint8Array.of(), 0, 0);
      batch.setSequence(sequence);
      writer.add(batch.buffer, 0, batch.byteLength);
    }
    file.close();
  }
  const { findings } = await verify(disk);
  return findings.map(({ severity, what }) => `${severity}: ${what}`);
}

Deno.test("sequence numbers that are missing in a log are an error, between logs a warning", async () => {
  assertEquals(await verifyLogs([1, 2, 3], [4, 5]), []);
  assertEquals(await verifyLogs([1, 2, 4]), [
    "error: a record begins at sequence number 4 where 3 was expected",
  ]);
  assertEquals(await verifyLogs([1, 2, 1]), [
    "error: a record goes back to sequence number 1 after 2",
  ]);
  assertEquals(await verifyLogs([1, 2], [4]), [
    "warning: begins at sequence number 4 where 3 was expected: it is not replayed",
  ]);
});

Deno.test("an oldest log that does not follow on the tables is an error, since it does not open", async () => {
  const disk = new MemoryFileSystem();
  const turns = new ManualTurns();
  const db = openDatabase<string, string>("db", {}, disk, turns);
  db.putSync("a", "1");
  db.putSync("b", "2");
  await turns.settle(db.close());
  const [log] = namesOf(disk, /log/);
  const reader = new LogReader(disk.open(`db/${log}`));
  assert(reader.next());
  change(disk, log!, (bytes) => bytes.subarray(reader.validOffset));
  const { isSound, findings } = await verify(disk);
  assertEquals(findings.map(({ what }) => what), [
    "a record begins at sequence number 2 where 1 was expected",
  ]);
  assertEquals(isSound, false);
  assertThrows(() => openDatabase("db", {}, disk, turns), CorruptionError);
});

Deno.test("a manifest may be ahead of the log, as LevelDB's is if it was written to during a flush", async () => {
  assertEquals(await verifyLogsAfter(5, [2, 3, 4], [5, 6], [7]), []);
  assertEquals(await verifyLogsAfter(5, [2, 4], [5]), [
    "error: a record begins at sequence number 4 where 3 was expected",
  ]);
  assertEquals(await verifyLogsAfter(5, [2, 3, 3], [4]), [
    "error: a record goes back to sequence number 3 after 3",
  ]);
});

Deno.test("a whole record that is no batch is an error, and the next one is read", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const [log] = namesOf(copy, /log/);
  const before = (await verify(copy)).logRecordCount;
  const offset = copy.size(`db/${log}`);
  const file = copy.openAppend(`db/${log}`);
  const writer = new LogWriter(file);
  writer.add(Uint8Array.of(1, 2, 3), 0, 3);
  const second = writer.size;
  // A whole header, and a record of a kind that there is not.
  const bytes = Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0);
  writer.add(bytes, 0, bytes.length);
  file.close();
  const { findings, logRecordCount } = await verify(copy);
  assertEquals(findings.map(({ severity, file, offset, what }) => [severity, file, offset, what]), [
    ["error", log, offset, "write batch with cut header at its byte 0"],
    ["error", log, second, "write batch with record of unknown kind 7 at its byte 12"],
  ]);
  assertEquals(logRecordCount, before + 2);
});

// ——— Being asked wrongly, and being given up ———

Deno.test("verify throws for what is not damage: no database, another order, a wrong option", async () => {
  const { disk } = await smallDatabase();
  const empty = new MemoryFileSystem();
  const options = [{}, disk] as const;
  const missing = () => verifyDatabase("nowhere", {}, disk);
  assertEquals((await assertRejects(missing, VarveError)).code, "NOT_FOUND");
  empty.makeDirectory("db");
  assertEquals((await assertRejects(() => verify(empty), VarveError)).code, "NOT_FOUND");
  assertEquals(empty.list("db"), []);
  const comparator = { name: "other", compare: () => 0 };
  const other = () => verifyDatabase("db", { comparator }, disk);
  assertEquals((await assertRejects(other, VarveError)).code, "UNSUPPORTED_FORMAT");
  await assertRejects(() => verifyDatabase("", ...options), TypeError, "directory");
  for (const wrong of [{ foo: 1 }, { comparator: {} }, { signal: 1 }, { onProgress: 1 }, null]) {
    await assertRejects(() => verifyDatabase("db", wrong as never, disk), TypeError);
  }
});

Deno.test("verify shares the lock, and is refused while the database is open", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const db = openDatabase("db", {}, copy);
  assertEquals((await assertRejects(() => verify(copy), VarveError)).code, "LOCKED");
  await db.close();
  const reader = openDatabase("db", { readOnly: true }, copy);
  assertEquals((await verify(copy)).isSound, true);
  await reader.close();
  copy.remove("db/LOCK");
  assertEquals((await verify(copy)).isSound, true);
  assertEquals(copy.exists("db/LOCK"), false);
});

/** A database of some MB, so that there is something to wait for. */
async function largeDatabase(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", { compression: "none", sync: false }, disk);
  for (let i = 0; i < 3000; i++) db.putSync(`key ${i}`, "v".repeat(1000));
  await db.flush();
  await db.close();
  return disk;
}

Deno.test("progress is told, and others get their turn meanwhile", async () => {
  const disk = await largeDatabase();
  const seen: number[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const report = await verifyDatabase("db", {
    onProgress: ({ bytesRead, bytesTotal, file }) => {
      assert(bytesRead <= bytesTotal && file.endsWith(".ldb"));
      seen.push(bytesRead);
    },
  }, disk);
  clearInterval(timer);
  assert(seen.length >= 2 && turns > 0, `told ${seen.length} times, ${turns} turns`);
  assertEquals(seen, seen.toSorted((a, b) => a - b));
  assert(report.bytesRead >= seen.at(-1)!);
});

Deno.test("a signal gives it up: nothing stays open, and the lock is free", async () => {
  const inner = await largeDatabase();
  const disk = new FailingFileSystem(inner);
  for (const when of ["before", "during"]) {
    const controller = new AbortController();
    if (when === "before") controller.abort(new Error("enough"));
    const onProgress = () => controller.abort(new Error("enough"));
    const given = { onProgress, signal: controller.signal };
    await assertRejects(() => verifyDatabase("db", given, disk), Error, "enough");
    assertEquals(disk.openHandles, 0);
  }
  inner.lock("db/LOCK", "exclusive").release();
});

Deno.test("a file that the disk cannot read is an error in it, and the others are read", async () => {
  const { disk } = await smallDatabase();
  const [, bad] = namesOf(disk, /ldb/);
  const failing = new FailingFileSystem(disk);
  const open = failing.open.bind(failing);
  failing.open = (path) => {
    const file = open(path);
    if (!path.endsWith(bad!)) return file;
    return {
      ...file,
      read: () => {
        throw new VarveError("IO", "Cannot read file: bad sector");
      },
    };
  };
  const { findings, isSound, entryCount } = await verify(failing);
  assertEquals(isSound, false);
  assert(findings.every(({ file, what }) => file === bad && what.includes("bad sector")));
  assert(entryCount > 50);
  assertEquals(failing.openHandles, 0);
});
