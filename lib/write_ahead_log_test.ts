/**
 * Segments and their syncs, on a disk that remembers the order of what it was asked for.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { utf8 } from "../tests/tables.ts";
import { equalBytes } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import { readFile } from "./file_system.ts";
import { LogReader, LogWriter } from "./log.ts";
import { silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import { WriteAheadLog } from "./write_ahead_log.ts";
import { WriteBatch } from "./write_batch.ts";

function start(): { disk: FailingFileSystem; log: WriteAheadLog; messages: string[] } {
  const memory = new MemoryFileSystem();
  memory.makeDirectory("db");
  const disk = new FailingFileSystem(memory);
  const file = disk.create("db/000003.log");
  disk.changes.length = 0;
  const messages: string[] = [];
  const logger = {
    log: (level: string, _: string, message: string) => void messages.push(`${level} ${message}`),
  };
  return { disk, messages, log: new WriteAheadLog(disk, "db", logger, new LogWriter(file), 3) };
}

function add(log: WriteAheadLog, text: string): void {
  const padded = utf8(`<${text}>`);
  log.add(padded, 1, padded.length - 1);
}

/** The records of every segment in the directory. */
function segments(disk: FailingFileSystem): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of disk.list("db")) {
    const file = disk.open(`db/${name}`);
    const reader = new LogReader(file);
    const records: string[] = [];
    while (reader.next()) {
      const { recordBuffer, recordStart, recordEnd } = reader;
      records.push(new TextDecoder().decode(recordBuffer.slice(recordStart, recordEnd)));
    }
    file.close();
    found[name] = records.join(" ");
  }
  return found;
}

function changes(disk: FailingFileSystem): string[] {
  return disk.changes.splice(0).map(({ kind, name }) => `${kind} ${name}`);
}

Deno.test("a batch is one record, the same as if its bytes were added, also across a border of blocks", () => {
  const [one, other] = [start(), start()];
  const batch = new WriteBatch();
  for (const length of [0, 100, 32_600, 100, 70_000, 3]) {
    batch.clear();
    batch.put(utf8("key"), 0, 3, new Uint8Array(length).fill(length), 0, length);
    batch.setSequence(length);
    one.log.addBatch(batch);
    other.log.add(batch.bytes(), 0, batch.byteLength);
    assertEquals(one.log.bytesWritten, other.log.bytesWritten);
  }
  const files = [one, other].map(({ disk }) => readFile(disk, "db/000003.log"));
  assert(equalBytes(files[0]!, files[1]!));
  for (const { log } of [one, other]) log.close();
});

Deno.test("a segment holds exactly what was added until the next was started (invariant 1)", () => {
  const { disk, log } = start();
  add(log, "a");
  add(log, "b");
  log.rotate(7);
  add(log, "c");
  log.rotate(9);
  log.rotate(10);
  add(log, "d");
  assertEquals(segments(disk), {
    "000003.log": "a b",
    "000007.log": "c",
    "000009.log": "",
    "000010.log": "d",
  });
  assertEquals(log.segments, 4);
  assertEquals(log.bytesWritten, 4 * (7 + 1));
  log.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("a segment's name is durable before anything is written to it (invariant 2)", () => {
  const { disk, log } = start();
  add(log, "a");
  changes(disk);
  log.rotate(7);
  add(log, "b");
  assertEquals(changes(disk), ["create 000007.log", "syncDirectory db", "append 000007.log"]);
  log.close();
});

Deno.test("a segment whose name cannot be made durable is not written to (invariant 2)", () => {
  const { disk, log } = start();
  disk.fails = ({ kind }) => kind === "syncDirectory";
  assertEquals(log.needsSegment, false);
  assertThrows(() => log.rotate(7), VarveError, "syncDirectory");
  assertEquals([log.segments, disk.openHandles], [1, 1]);
  assertEquals([log.needsSegment, log.isTrusted], [true, true]);
  add(log, "a");
  assertEquals(segments(disk), { "000003.log": "a" });
  disk.fails = ({ kind }) => kind === "create";
  assertThrows(() => log.rotate(8), VarveError, "create");
  disk.fails = () => false;
  log.rotate(9);
  assertEquals([log.needsSegment, log.segments], [false, 2]);
  log.close();
});

Deno.test("sync() makes older segments durable first, and each only if it changed (invariant 3)", async () => {
  const { disk, log } = start();
  const synced = async () => {
    changes(disk);
    await log.sync();
    const first = changes(disk);
    await log.sync();
    assertEquals(changes(disk), [], "nothing is synced twice");
    return first;
  };
  assertEquals(await synced(), []);
  add(log, "a");
  log.rotate(7);
  add(log, "b");
  log.rotate(8);
  add(log, "c");
  assertEquals(await synced(), ["sync 000003.log", "sync 000007.log", "sync 000008.log"]);
  add(log, "d");
  assertEquals(await synced(), ["sync 000008.log"]);
  log.close();
});

Deno.test("syncSync() does the same, holding up the caller (invariant 3)", () => {
  const { disk, log } = start();
  add(log, "a");
  log.rotate(7);
  add(log, "b");
  changes(disk);
  log.syncSync();
  assertEquals(changes(disk), ["sync 000003.log", "sync 000007.log"]);
  log.syncSync();
  assertEquals(changes(disk), []);
  log.close();
});

Deno.test("what is written while a sync is under way is not durable by it (invariant 3)", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  const sync = log.sync();
  add(log, "b");
  gate.resolve();
  await sync;
  changes(disk);
  await log.sync();
  assertEquals(changes(disk), ["sync 000003.log"]);
  log.close();
});

Deno.test("a sync that ends late does not take back what a later one has done (invariant 3)", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  const sync = log.sync();
  add(log, "b");
  log.syncSync();
  gate.resolve();
  await sync;
  changes(disk);
  await log.sync();
  assertEquals(changes(disk), []);
  log.close();
});

Deno.test("a segment that cannot be synced stops those after it from being synced (invariant 3)", async () => {
  const { disk, log } = start();
  add(log, "a");
  log.rotate(7);
  add(log, "b");
  changes(disk);
  disk.fails = ({ kind, name }) => kind === "sync" && name === "000003.log";
  await assertRejects(() => log.sync(), VarveError, "sync");
  assertThrows(() => log.syncSync(), VarveError, "an earlier write or sync failed: db/000003.log");
  assertEquals(changes(disk), ["sync 000003.log"]);
  log.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("a handle is given back when no sync of it is under way (invariant 4)", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  const syncs = [log.sync(), log.sync()];
  log.rotate(7);
  assertEquals(disk.openHandles, 3, "one more for awaited syncs (invariant 6)");
  log.removeBefore(7);
  assertEquals([log.segments, disk.openHandles], [1, 3]);
  gate.resolve();
  await Promise.all(syncs);
  assertEquals(disk.openHandles, 1);
  log.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("close() during a sync gives the handle back after it, even if it fails (invariant 4)", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  const sync = log.sync();
  log.close();
  assertEquals(disk.openHandles, 2, "one more for awaited syncs (invariant 6)");
  gate.reject(new Error("Disk on fire"));
  await assertRejects(() => sync, Error, "Disk on fire");
  assertEquals(disk.openHandles, 0);
});

for (const kind of ["append", "sync", "awaited sync"] as const) {
  Deno.test(`after a failed ${kind} no segment is written or synced again (invariant 5)`, async () => {
    const { disk, log } = start();
    add(log, "a");
    log.rotate(7);
    add(log, "b");
    disk.fails = (change) => kind.endsWith(change.kind);
    if (kind === "append") assertThrows(() => add(log, "c"), VarveError, "append");
    if (kind === "sync") assertThrows(() => log.syncSync(), VarveError, "sync");
    if (kind === "awaited sync") await assertRejects(() => log.sync(), VarveError, "sync");
    disk.fails = () => false;
    assertEquals([log.isTrusted, log.needsSegment], [false, true]);
    changes(disk);
    assertThrows(() => add(log, "d"), VarveError, "an earlier write or sync failed");
    assertThrows(() => log.syncSync(), VarveError, "an earlier write or sync failed");
    await assertRejects(() => log.sync(), VarveError, "an earlier write or sync failed");
    assertEquals(changes(disk), []);

    log.rotate(8); // the new one is trusted, and those before it no more than they were
    add(log, "e");
    assertEquals([log.isTrusted, log.needsSegment], [false, true]);
    assertThrows(() => log.syncSync(), VarveError, "an earlier write or sync failed");
    log.removeBefore(8);
    assertEquals([log.isTrusted, log.needsSegment], [true, false]);
    changes(disk);
    await log.sync();
    assertEquals([changes(disk), segments(disk)], [["sync 000008.log"], { "000008.log": "e" }]);
    log.close();
    assertEquals(disk.openHandles, 0);
  });
}

Deno.test("what a failed sync was to cover counts as unsynced for good (invariant 5)", async () => {
  const { disk, log } = start();
  add(log, "a");
  disk.fails = ({ kind }) => kind === "sync";
  assertThrows(() => log.syncSync(), VarveError, "the test says so");
  disk.fails = () => false;
  await assertRejects(() => log.sync(), VarveError, "an earlier write or sync failed");
  log.close();
});

Deno.test("a sync that began before another failed proves nothing (invariant 5)", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  const early = log.sync();
  disk.fails = ({ kind }) => kind === "sync";
  assertThrows(() => log.syncSync(), VarveError, "the test says so");
  disk.fails = () => false;
  gate.resolve();
  await assertRejects(() => early, VarveError, "an earlier write or sync failed");
  log.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("a synchronous sync hears of what an awaited one has lost and not yet told (invariant 6)", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const disk = new SimulatedFileSystem({ wait: () => promise });
  disk.makeDirectory("db");
  const writer = new LogWriter(disk.create("db/000003.log"));
  const log = new WriteAheadLog(disk, "db", silentLogger, writer, 3);
  disk.addFault({ kind: "sync", effect: { latencyMs: 1 } });
  disk.addFault({ kind: "sync", effect: "drop" });
  add(log, "a");
  const awaited = log.sync();
  add(log, "b");
  assertThrows(() => log.syncSync(), VarveError, "injected fault");
  resolve();
  await assertRejects(() => awaited, VarveError, "injected fault");
  log.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("a sync passes over segments that were removed meanwhile", async () => {
  const { disk, log } = start();
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  add(log, "a");
  log.rotate(7);
  add(log, "b");
  log.rotate(8);
  changes(disk);
  const sync = log.sync();
  log.removeBefore(8);
  gate.resolve();
  await sync;
  assertEquals(changes(disk), ["sync 000003.log", "remove 000003.log", "remove 000007.log"]);
  log.close();
});

Deno.test("removeBefore() removes what is older, and never the segment being written", () => {
  const { disk, log } = start();
  log.rotate(7);
  log.rotate(8);
  log.removeBefore(7);
  assertEquals(Object.keys(segments(disk)), ["000007.log", "000008.log"]);
  log.removeBefore(100);
  assertEquals(Object.keys(segments(disk)), ["000008.log"]);
  add(log, "a");
  assertEquals(segments(disk), { "000008.log": "a" });
  log.close();
});

Deno.test("a segment that cannot be removed is left for the next open, with a warning", () => {
  const { disk, log, messages } = start();
  log.rotate(7);
  disk.fails = ({ kind }) => kind === "remove";
  log.removeBefore(7);
  assertEquals([log.segments, disk.openHandles], [1, 1]);
  assert(messages.some((message) => message.startsWith("warn cannot remove db/000003.log")));
  log.close();
});
