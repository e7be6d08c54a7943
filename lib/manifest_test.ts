import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytewise } from "./comparator.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file_system.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "./internal_key.ts";
import { LogReader, LogWriter } from "./log.ts";
import {
  loadManifest,
  Manifest,
  MANIFEST_GROWTH_BYTES,
  type ManifestState,
  setCurrent,
  writeNewDatabase,
} from "./manifest.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import {
  decodeVersionEdit,
  emptyVersionEdit,
  encodeVersionEdit,
  seekBudget,
  type TableMeta,
  type VersionEdit,
} from "./version_edit.ts";

const COMPARATOR = new InternalKeyComparator();
const encode = (text: string) => new TextEncoder().encode(text);
const key = (text: string, sequence = 1) => makeInternalKey(encode(text), sequence, KIND_VALUE);

function table(number: number, smallest: string, largest: string, bytes = 1000): TableMeta {
  return {
    number,
    bytes,
    smallest: key(smallest),
    largest: key(largest),
    allowedSeeks: seekBudget(bytes),
  };
}

function newDatabase(): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  writeNewDatabase(disk, "db", COMPARATOR);
  return disk;
}

function load(disk: FileSystem): ManifestState {
  return loadManifest(disk, "db", COMPARATOR);
}

/** A database whose manifest is a log of these edits. */
function databaseOf(...edits: VersionEdit[]): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  const file = disk.create("db/MANIFEST-000005");
  const log = new LogWriter(file);
  for (const edit of edits) {
    const record = encodeVersionEdit(edit);
    log.add(record, 0, record.length);
  }
  file.close();
  disk.writeAll("db/CURRENT", encode("MANIFEST-000005\n"));
  return disk;
}

const COMPLETE: VersionEdit = {
  ...emptyVersionEdit(),
  comparator: bytewise.name,
  logNumber: 3,
  nextFileNumber: 6,
  lastSequence: 9,
};

Deno.test("writeNewDatabase() writes LevelDB's first manifest and CURRENT", () => {
  const disk = newDatabase();
  assertEquals(disk.list("db"), ["CURRENT", "MANIFEST-000001"]);
  assertEquals(disk.readAll("db/CURRENT"), encode("MANIFEST-000001\n"));
  const manifest = disk.readAll("db/MANIFEST-000001");
  // After checksum, length and type: comparator, log 0, next file 2, last sequence 0.
  assertEquals(
    manifest.subarray(4),
    Uint8Array.of(34, 0, 1, 1, 26, ...encode("leveldb.BytewiseComparator"), 2, 0, 3, 2, 4, 0),
  );
  const state = load(disk);
  assertEquals([state.logNumber, state.prevLogNumber, state.nextFileNumber], [0, 0, 2]);
  assertEquals([state.lastSequence, state.manifestNumber, state.manifestBytes], [0, 1, 41]);
  assertEquals(state.version.levels.flat(), []);
});

Deno.test("writeNewDatabase() refuses a directory that has a database", () => {
  const disk = newDatabase();
  const before = disk.readAll("db/MANIFEST-000001");
  const error = assertThrows(() => writeNewDatabase(disk, "db", COMPARATOR), VarveError);
  assertEquals(error.code, "ALREADY_EXISTS");
  assertEquals(disk.readAll("db/MANIFEST-000001"), before);
});

// Written by LevelDB 1.20: put a, m, delete z, compact, put b, n, compact.
const LEVELDB_MANIFEST = Uint8Array.from(
  ("56f9b8f81c0001011a6c6576656c64622e4279746577697365436f6d70617261746f72" +
    "a49c8bbe0800010203090003040400" +
    "5f060dc72100010204090003060403070205c90109610101000000000000097a0003000000000000" +
    "e36a2bce2100010206090003080405070107bd0109620104000000000000096e0105000000000000" +
    "9c71c1e833000102060900030904050501096e010500000000000006010706020507" +
    "0208d70109610101000000000000096e0105000000000000")
    .match(/../g)!.map((byte) => parseInt(byte, 16)),
);

Deno.test("loadManifest() reads what LevelDB wrote", () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  disk.writeAll("db/MANIFEST-000002", LEVELDB_MANIFEST);
  disk.writeAll("db/CURRENT", encode("MANIFEST-000002\n"));
  const state = load(disk);
  const expected = { ...table(8, "a", "n", 215), largest: key("n", 5) };
  assertEquals(state.version.levels, [[], [], [expected], [], [], [], []]);
  assertEquals([state.logNumber, state.prevLogNumber, state.nextFileNumber], [6, 0, 9]);
  assertEquals(state.lastSequence, 5);
  const none = undefined;
  assertEquals(state.compactPointers, [none, key("n", 5), none, none, none, none, none]);
});

Deno.test("a manifest's edits are written again as LevelDB wrote them", () => {
  const disk = new MemoryFileSystem();
  disk.writeAll("theirs", LEVELDB_MANIFEST);
  const reader = new LogReader(disk.open("theirs"));
  const writer = new LogWriter(disk.create("ours"));
  while (reader.next()) {
    const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
    const edit = decodeVersionEdit(recordBuffer, recordStart, recordEnd, "theirs", recordOffset);
    const record = encodeVersionEdit(edit);
    writer.add(record, 0, record.length);
  }
  assertEquals(disk.readAll("ours"), LEVELDB_MANIFEST);
});

Deno.test("create() writes a snapshot of everything, from which the same state is loaded", () => {
  const disk = newDatabase();
  const first = load(disk);
  const edit: VersionEdit = {
    ...emptyVersionEdit(),
    added: [
      { level: 0, table: table(9, "a", "m") },
      { level: 0, table: table(7, "c", "z") },
      { level: 1, table: table(4, "a", "b") },
      { level: 6, table: table(5, "x", "z", 2 ** 40) },
    ],
  };
  const state: ManifestState = {
    version: first.version.apply(edit),
    logNumber: 8,
    prevLogNumber: 6,
    nextFileNumber: 12,
    lastSequence: Number.MAX_SAFE_INTEGER,
    compactPointers: [
      undefined,
      key("b", 77),
      undefined,
      key("q"),
      undefined,
      undefined,
      undefined,
    ],
    manifestNumber: 0,
    manifestBytes: 0,
  };
  const manifest = Manifest.create(disk, "db", 11, state);
  assertEquals(disk.list("db"), ["CURRENT", "MANIFEST-000001", "MANIFEST-000011"]);
  assertEquals(manifest.number, 11);
  const loaded = loadManifest(disk, "db", COMPARATOR);
  assertEquals(loaded.version.levels, state.version.levels);
  const { version: _ignored, ...rest } = loaded;
  const { version: _too, ...expected } = state;
  assertEquals(rest, {
    ...expected,
    manifestNumber: 11,
    manifestBytes: manifest.size,
    tornBytes: 0,
  });
  manifest.close();
});

Deno.test("append() makes every edit part of what is loaded", () => {
  const disk = newDatabase();
  const manifest = Manifest.create(disk, "db", 2, { ...load(disk), nextFileNumber: 3 });
  const moved = table(4, "a", "f");
  manifest.append({
    ...emptyVersionEdit(),
    added: [{ level: 0, table: moved }],
    nextFileNumber: 5,
  });
  manifest.append({
    ...emptyVersionEdit(),
    deleted: [{ level: 0, number: 4 }],
    added: [{ level: 1, table: moved }],
    compactPointers: [{ level: 0, key: key("f") }],
  });
  const compactPointers = [{ level: 0, key: key("g") }, { level: 5, key: key("a") }];
  manifest.append({ ...emptyVersionEdit(), logNumber: 3, lastSequence: 44, compactPointers });
  manifest.close();
  const state = load(disk);
  assertEquals([state.version.levels[0], state.version.levels[1]], [[], [moved]]);
  assertEquals([state.compactPointers[0], state.compactPointers[5]], [key("g"), key("a")]);
  assertEquals([state.logNumber, state.nextFileNumber, state.lastSequence], [3, 5, 44]);
});

Deno.test("append() refuses edits after close()", () => {
  const disk = newDatabase();
  const manifest = Manifest.create(disk, "db", 2, { ...load(disk), nextFileNumber: 3 });
  manifest.close();
  manifest.close();
  assertEquals(assertThrows(() => manifest.append(emptyVersionEdit()), VarveError).code, "CLOSED");
});

Deno.test("needsRollover says so once the edits outweigh the snapshot and the bound", () => {
  const disk = newDatabase();
  const compactPointers = [undefined, key("p".repeat(200_000))];
  const state = { ...load(disk), nextFileNumber: 3, compactPointers };
  const manifest = Manifest.create(disk, "db", 2, state);
  const snapshotBytes = manifest.size;
  const edit = {
    ...emptyVersionEdit(),
    compactPointers: [{ level: 1, key: key("k".repeat(5000)) }],
  };
  while (!manifest.needsRollover) {
    assert(manifest.size <= 2 * snapshotBytes + MANIFEST_GROWTH_BYTES, "no sooner");
    manifest.append(edit);
  }
  assert(manifest.size > 2 * snapshotBytes + MANIFEST_GROWTH_BYTES, "no later");
  const next = Manifest.create(disk, "db", 3, { ...load(disk), nextFileNumber: 4 });
  assertEquals(next.needsRollover, false);
  manifest.close();
  next.close();
});

Deno.test("loadManifest() says NOT_FOUND where no database is", () => {
  const disk = new MemoryFileSystem();
  assertEquals(assertThrows(() => load(disk), VarveError).code, "NOT_FOUND");
  disk.makeDirectory("db");
  assertEquals(assertThrows(() => load(disk), VarveError).code, "NOT_FOUND");
  // A creation that a crash interrupted leaves these; none of them holds anybody's data.
  disk.writeAll("db/MANIFEST-000001", encode(""));
  disk.writeAll("db/000001.dbtmp", encode(""));
  disk.writeAll("db/LOCK", encode(""));
  disk.writeAll("db/holiday.jpg", encode(""));
  assertEquals(assertThrows(() => load(disk), VarveError).code, "NOT_FOUND");
});

Deno.test("loadManifest() reports a lost CURRENT as damage, since starting anew would delete the data (B15)", () => {
  for (const name of ["000004.log", "000005.ldb", "000005.sst"]) {
    const disk = newDatabase();
    disk.writeAll(`db/${name}`, encode("data"));
    disk.remove("db/CURRENT");
    const error = assertThrows(() => load(disk), CorruptionError, name);
    assertEquals([error.file, error.offset], ["db/CURRENT", 0]);
  }
});

Deno.test("loadManifest() refuses a CURRENT that names no manifest", () => {
  const contents = [
    "",
    "\n",
    "MANIFEST-000001",
    "MANIFEST-000001 \n",
    "MANIFEST-000001\n\n",
    "MANIFEST-\n",
    "MANIFEST-000000\n",
    "MANIFEST-99999999999999999\n",
    "000001.log\n",
    "CURRENT\n",
    "../db/MANIFEST-000001\n",
    "MANIFEST-000001\n".padStart(1_000_000, "M"),
    "\0".repeat(16),
  ];
  for (const content of contents) {
    const disk = newDatabase();
    disk.writeAll("db/CURRENT", encode(content));
    const error = assertThrows(() => load(disk), CorruptionError, "no name of a manifest");
    assertEquals([error.file, error.offset], ["db/CURRENT", 0]);
  }
});

Deno.test("loadManifest() refuses a CURRENT that names a manifest that is not there", () => {
  const disk = newDatabase();
  disk.writeAll("db/CURRENT", encode("MANIFEST-000002\n"));
  const error = assertThrows(() => load(disk), CorruptionError, "MANIFEST-000002");
  assertEquals([error.file, error.offset], ["db/CURRENT", 0]);
});

Deno.test("loadManifest() refuses another order of keys and names both", () => {
  const disk = newDatabase();
  const other = new InternalKeyComparator({ ...bytewise, name: "mine" });
  const error = assertThrows(() => loadManifest(disk, "db", other), VarveError, "mine");
  assertEquals(error.code, "UNSUPPORTED_FORMAT");
  assert(error.message.includes("leveldb.BytewiseComparator"), error.message);
  // Also if it comes late.
  const late = databaseOf(COMPLETE, { ...emptyVersionEdit(), comparator: "theirs" });
  assertEquals(assertThrows(() => load(late), VarveError).code, "UNSUPPORTED_FORMAT");
});

Deno.test("loadManifest() refuses a manifest that lacks what every manifest has (B15)", () => {
  const missing: [keyof VersionEdit, string][] = [
    ["comparator", "comparator name is missing"],
    ["logNumber", "log number is missing"],
    ["nextFileNumber", "next file number is missing"],
    ["lastSequence", "last sequence number is missing"],
  ];
  for (const [field, what] of missing) {
    const { [field]: _, ...edit } = COMPLETE;
    const error = assertThrows(() => load(databaseOf(edit as VersionEdit)), CorruptionError, what);
    assertEquals([error.file, error.offset], ["db/MANIFEST-000005", 0]);
  }
  assertThrows(() => load(databaseOf()), CorruptionError, "missing");
  assertEquals(load(databaseOf(COMPLETE)).lastSequence, 9);
});

Deno.test("loadManifest() names the record that does not fit", () => {
  const added = { ...emptyVersionEdit(), added: [{ level: 1, table: table(4, "a", "f") }] };
  const overlapping = { ...emptyVersionEdit(), added: [{ level: 1, table: table(5, "c", "z") }] };
  const disk = databaseOf(COMPLETE, added, added);
  const recordBytes = (edit: VersionEdit) => 7 + encodeVersionEdit(edit).length;
  const error = assertThrows(
    () => load(disk),
    CorruptionError,
    "table 4 of level 1 is added twice",
  );
  assertEquals(error.offset, recordBytes(COMPLETE) + recordBytes(added));
  assertThrows(() => load(databaseOf(COMPLETE, added, overlapping)), CorruptionError, "overlap");
  const deleted = { ...emptyVersionEdit(), deleted: [{ level: 1, number: 3 }] };
  assertThrows(() => load(databaseOf(COMPLETE, added, deleted)), CorruptionError, "table 3");
});

Deno.test("loadManifest() never lets a number that is in use be handed out again (B10)", () => {
  const edit = { ...COMPLETE, nextFileNumber: 2, logNumber: 1 };
  const next = (change: Partial<VersionEdit>) =>
    load(databaseOf({ ...edit, ...change })).nextFileNumber;
  assertEquals(next({}), 6); // the manifest itself is number 5
  assertEquals(next({ nextFileNumber: 40 }), 40);
  assertEquals(next({ logNumber: 40 }), 41);
  assertEquals(next({ prevLogNumber: 40 }), 41);
  assertEquals(next({ added: [{ level: 3, table: table(40, "a", "b") }] }), 41);
  const last = { logNumber: Number.MAX_SAFE_INTEGER };
  assertThrows(() => next(last), CorruptionError, "file numbers are used up");
});

Deno.test("loadManifest() takes a torn last record for the end, wherever it is cut", () => {
  const disk = newDatabase();
  const manifest = Manifest.create(disk, "db", 2, { ...load(disk), nextFileNumber: 3 });
  manifest.append({ ...emptyVersionEdit(), lastSequence: 1 });
  const wholeBytes = manifest.size;
  manifest.append({
    ...emptyVersionEdit(),
    lastSequence: 2,
    added: [{ level: 1, table: table(7, "a", "f") }],
  });
  manifest.close();
  const bytes = disk.readAll("db/MANIFEST-000002");
  for (let end = wholeBytes; end < bytes.length; end++) {
    disk.writeAll("db/MANIFEST-000002", bytes.slice(0, end));
    const state = loadManifest(disk, "db", COMPARATOR);
    assertEquals([state.lastSequence, state.version.tableCount(1)], [1, 0], `cut at ${end}`);
    assertEquals(state.tornBytes, end - wholeBytes);
  }
});

Deno.test("loadManifest() reads the tree or reports corruption, whichever byte is damaged (B15)", () => {
  const disk = newDatabase();
  const manifest = Manifest.create(disk, "db", 2, { ...load(disk), nextFileNumber: 3 });
  for (let number = 10; number < 14; number++) {
    const name = String(number);
    manifest.append({
      ...emptyVersionEdit(),
      added: [{ level: 1, table: table(number, name, name) }],
    });
  }
  const wholeBytes = manifest.size;
  manifest.append({ ...emptyVersionEdit(), lastSequence: 5 });
  manifest.close();
  const bytes = disk.readAll("db/MANIFEST-000002");
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ flip;
      disk.writeAll("db/MANIFEST-000002", damaged);
      const where = `byte ${at}, flipped ${flip}`;
      try {
        // Only the very last record may be taken for torn; nothing before it may be lost.
        assertEquals(load(disk).version.tableCount(1), 4, where);
        assert(at >= wholeBytes, where);
      } catch (error) {
        assert(error instanceof CorruptionError, `${where}: ${error}`);
        assertEquals(error.file, "db/MANIFEST-000002", where);
      }
    }
  }
});

/** Passes everything on, writes down what changes the disk, and fails at one of those steps. */
class WatchedFileSystem implements FileSystem {
  readonly disk: MemoryFileSystem;
  readonly steps: string[] = [];
  failAt = Infinity;

  constructor(disk: MemoryFileSystem) {
    this.disk = disk;
  }

  step(what: string): void {
    if (this.steps.push(what) > this.failAt) {
      throw new VarveError("IO", `Cannot ${what}: on purpose`);
    }
  }

  #watch(file: WritableFile): WritableFile {
    const name = file.path.slice("db/".length);
    return {
      path: file.path,
      get size() {
        return file.size;
      },
      append: (bytes) => {
        this.step(`append ${name}`);
        file.append(bytes);
      },
      sync: () => file.sync(),
      syncSync: () => {
        this.step(`sync ${name}`);
        file.syncSync();
      },
      close: () => file.close(),
    };
  }

  join(directory: string, name: string): string {
    return this.disk.join(directory, name);
  }
  makeDirectory(path: string): void {
    this.disk.makeDirectory(path);
  }
  list(path: string): string[] {
    return this.disk.list(path);
  }
  exists(path: string): boolean {
    return this.disk.exists(path);
  }
  size(path: string): number {
    return this.disk.size(path);
  }
  create(path: string): WritableFile {
    this.step(`create ${path.slice("db/".length)}`);
    return this.#watch(this.disk.create(path));
  }
  openAppend(path: string): WritableFile {
    return this.#watch(this.disk.openAppend(path));
  }
  open(path: string): ReadableFile {
    return this.disk.open(path);
  }
  remove(path: string): void {
    this.disk.remove(path);
  }
  removeDirectory(path: string): void {
    this.disk.removeDirectory(path);
  }
  rename(from: string, to: string): void {
    this.step(`rename ${from.slice("db/".length)} ${to.slice("db/".length)}`);
    this.disk.rename(from, to);
  }
  syncDirectory(path: string): void {
    this.step("sync directory");
    this.disk.syncDirectory(path);
  }
  lock(path: string, mode: "exclusive" | "shared"): FileLock {
    return this.disk.lock(path, mode);
  }
}

const CREATE_STEPS = [
  "create MANIFEST-000002",
  "append MANIFEST-000002",
  "sync MANIFEST-000002",
  "sync directory",
  "create 000002.dbtmp",
  "append 000002.dbtmp",
  "sync 000002.dbtmp",
  "rename 000002.dbtmp CURRENT",
  "sync directory",
];

Deno.test("create() makes the manifest durable before CURRENT names it (invariant 1)", () => {
  const watched = new WatchedFileSystem(newDatabase());
  const manifest = Manifest.create(watched, "db", 2, { ...load(watched), nextFileNumber: 3 });
  assertEquals(watched.steps, CREATE_STEPS);
  manifest.append({ ...emptyVersionEdit(), lastSequence: 1 });
  assertEquals(watched.steps.slice(CREATE_STEPS.length), [
    "append MANIFEST-000002",
    "sync MANIFEST-000002",
  ]);
  manifest.close();
});

Deno.test("create() leaves a database that loads, at whichever step it fails (invariant 1)", () => {
  for (let failAt = 0; failAt < CREATE_STEPS.length; failAt++) {
    const watched = new WatchedFileSystem(newDatabase());
    const state = { ...load(watched), nextFileNumber: 3, lastSequence: 7 };
    watched.failAt = failAt;
    const error = assertThrows(() => Manifest.create(watched, "db", 2, state), VarveError);
    assertEquals(error.code, "IO", CREATE_STEPS[failAt]!);
    const loaded = load(watched.disk);
    const isNew = failAt > CREATE_STEPS.indexOf("rename 000002.dbtmp CURRENT");
    assertEquals(loaded.lastSequence, isNew ? 7 : 0, CREATE_STEPS[failAt]!);
  }
});

Deno.test("create() leaves nothing of a manifest that CURRENT cannot name", () => {
  for (let failAt = 0; failAt < CREATE_STEPS.indexOf("rename 000002.dbtmp CURRENT"); failAt++) {
    const watched = new WatchedFileSystem(newDatabase());
    const before = watched.list("db");
    const state = { ...load(watched), nextFileNumber: 3 };
    watched.failAt = failAt;
    assertThrows(() => Manifest.create(watched, "db", 2, state), VarveError, "on purpose");
    assertEquals(watched.list("db"), before, CREATE_STEPS[failAt]!);
  }
});

Deno.test("append() takes no more edits after one that failed (invariant 2)", () => {
  for (const step of ["append MANIFEST-000002", "sync MANIFEST-000002"]) {
    const watched = new WatchedFileSystem(newDatabase());
    const manifest = Manifest.create(watched, "db", 2, { ...load(watched), nextFileNumber: 3 });
    watched.failAt = CREATE_STEPS.length + (step.startsWith("append") ? 0 : 1);
    const edit = { ...emptyVersionEdit(), lastSequence: 1 };
    assertEquals(manifest.isBroken, false);
    assertThrows(() => manifest.append(edit), VarveError, `Cannot ${step}: on purpose`);
    assertEquals(watched.steps.at(-1), step);
    assertEquals(manifest.isBroken, true);
    watched.failAt = Infinity;
    const steps = watched.steps.length;
    const error = assertThrows(() => manifest.append(edit), VarveError, "an earlier write failed");
    assertEquals([error.code, watched.steps.length], ["IO", steps], "nothing was written");
    manifest.close();
  }
});

Deno.test("append() is not broken by an edit that can't be encoded", () => {
  const disk = newDatabase();
  const manifest = Manifest.create(disk, "db", 2, { ...load(disk), nextFileNumber: 3 });
  assertThrows(() => manifest.append({ ...emptyVersionEdit(), logNumber: -1 }), Error, "Invariant");
  manifest.append({ ...emptyVersionEdit(), lastSequence: 3 });
  manifest.close();
  assertEquals(load(disk).lastSequence, 3);
});

Deno.test("setCurrent() replaces CURRENT and leaves nothing else", () => {
  const disk = newDatabase();
  setCurrent(disk, "db", 1_234_567);
  assertEquals(disk.readAll("db/CURRENT"), encode("MANIFEST-1234567\n"));
  assertEquals(disk.list("db"), ["CURRENT", "MANIFEST-000001"]);
});
