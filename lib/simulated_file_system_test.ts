/**
 * The disk that fails on purpose: that it fails so and not otherwise. What it has in common with every other disk is
 * tested in file_system_test.ts, and what a power cut may do to one file or to names in durability_test.ts. Here
 * they come together: a run of random calls is crashed at every step, and a model that knows nothing of how the disk
 * works says whether the promises of `file_system.ts` were kept.
 */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { VarveError } from "./errors.ts";
import { type FileSystem, readFile, type WritableFile } from "./file_system.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { open } from "../mod.ts";
import { generator, type Random } from "./random.ts";
import { type Operation, SimulatedFileSystem } from "./simulated_file_system.ts";
import { Witness } from "../tests/fixtures/witness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function assertIO(body: () => unknown, message: string): VarveError {
  const error = assertThrows(body, VarveError, message);
  assertEquals(error.code, "IO");
  return error;
}

/** Everything on a disk, for comparing disks. */
function everything(disk: SimulatedFileSystem, directory: string): [string, string][] {
  return disk.list(directory).map((name) => [name, disk.readAll(`${directory}/${name}`).join()]);
}

/** A disk with an open file in a directory, both durable. */
function diskWithFile(contents = "") {
  const disk = new SimulatedFileSystem({ seed: 1 });
  disk.makeDirectory("d");
  const file = disk.create("d/file");
  file.append(bytes(contents));
  file.syncSync();
  disk.syncDirectory("d");
  return { disk, file };
}

// Power cuts.

Deno.test("crash() keeps what was synced, and changes nothing here (invariant 3)", () => {
  const { disk, file } = diskWithFile("synced");
  file.append(bytes(" not synced"));
  disk.create("d/new").close();
  const hash = disk.historyHash;
  for (let seed = 0; seed < 50; seed++) {
    const left = disk.crash(seed);
    assertEquals(text(left.readAll("d/file").subarray(0, 6)), "synced");
    left.writeAll("d/file", bytes("other"));
    left.remove("d/file");
  }
  assertEquals(text(disk.readAll("d/file")), "synced not synced");
  assertEquals(disk.list("d"), ["file", "new"]);
  assertEquals(disk.crash(0).list("d"), ["file"]);
  assertNotEquals(disk.historyHash, hash); // of the three calls of list()
});

Deno.test("crash(0) loses all that was not synced, and crash(1) keeps it", () => {
  const { disk, file } = diskWithFile("synced");
  file.append(bytes(", not synced"));
  disk.create("d/new").append(bytes("new"));
  disk.rename("d/file", "d/renamed");
  assertEquals(everything(disk.crash(0), "d"), [["file", bytes("synced").join()]]);
  assertEquals(everything(disk.crash(1), "d"), everything(disk, "d"));
});

Deno.test("crash() may keep names without contents, and contents without names", () => {
  const { disk, file } = diskWithFile("1");
  file.append(bytes("2"));
  disk.rename("d/file", "d/renamed");
  const seen = new Set<string>();
  for (let seed = 2; seed < 100; seed++) {
    const left = disk.crash(seed);
    const [name] = left.list("d");
    seen.add(`${name} ${text(left.readAll(`d/${name}`))}`.replace("\0", "?"));
  }
  assertEquals([...seen].sort(), [
    "file 1",
    "file 12",
    "file 1?",
    "renamed 1",
    "renamed 12",
    "renamed 1?",
  ]);
});

Deno.test("crash() may lose all names and keep all contents, and the other way round", () => {
  const disk = new SimulatedFileSystem();
  for (let i = 0; i < 5; i++) {
    disk.writeAll(`durable${i}`, new Uint8Array(0));
    const file = disk.openAppend(`durable${i}`);
    for (let block = 0; block < 10; block++) file.append(new Uint8Array(4096).fill(1));
    disk.create(`new${i}`).close();
  }
  const extremes = new Set<string>();
  for (let seed = 2; seed < 200; seed++) {
    const left = disk.crash(seed);
    const names = left.list("").filter((name) => name.startsWith("new"));
    extremes.add(`${names.length} names, ${left.usedBytes} bytes`);
  }
  // Were both drawn together, one of these would come up once in many thousand crashes.
  assert(extremes.has(`0 names, ${5 * 10 * 4096} bytes`));
  assert(extremes.has("5 names, 0 bytes"));
});

Deno.test("crash() leaves a durable disk with power, and without rules or locks", () => {
  const { disk, file } = diskWithFile("synced");
  file.append(bytes("not synced".repeat(1000)));
  disk.lock("d/LOCK", "exclusive");
  disk.addFault({ times: Infinity });
  disk.onMutation = () => assert(false, "the hook stays where it is");
  disk.cutPower();
  for (let seed = 0; seed < 20; seed++) {
    const left = disk.crash(seed);
    assertEquals([left.openHandles, left.operations, left.faultsInjected], [0, 0, 0]);
    if (left.exists("d/LOCK")) left.lock("d/LOCK", "exclusive").release();
    assertEquals(everything(left.crash(0), "d"), everything(left, "d"));
    assertEquals(everything(left.crash(7), "d"), everything(left, "d"));
    assertEquals(left.usedBytes, left.size("d/file"));
  }
});

Deno.test("a crashed disk goes on from where it is", () => {
  const { disk, file } = diskWithFile("one");
  file.append(bytes(" two"));
  const second = disk.crash(1);
  const again = second.openAppend("d/file");
  again.append(bytes(" three"));
  assertEquals(text(second.crash(0).readAll("d/file")), "one two");
  again.syncSync();
  assertEquals(text(second.crash(0).readAll("d/file")), "one two three");
  assertEquals(text(disk.crash(1).readAll("d/file")), "one two");
});

Deno.test("a crash while an awaited sync is under way may have lost what it covers", async () => {
  const { disk, file } = diskWithFile("one");
  file.append(bytes(" two"));
  const sync = file.sync();
  file.append(bytes(" three"));
  assertEquals(text(disk.crash(0).readAll("d/file")), "one");
  await sync;
  assertEquals(text(disk.crash(0).readAll("d/file")), "one two");
});

Deno.test("a removed file comes back if its directory was not synced", () => {
  const { disk, file } = diskWithFile("contents");
  file.close();
  disk.remove("d/file");
  assertEquals(text(disk.crash(0).readAll("d/file")), "contents");
  disk.syncDirectory("d");
  assertEquals(disk.crash(0).list("d"), []);
});

Deno.test("cutPower() fails every call, syncs under way too, and lets go of handles", async () => {
  const { disk, file } = diskWithFile("one");
  const reader = disk.open("d/file");
  const lock = disk.lock("d/LOCK", "exclusive");
  file.append(bytes(" two"));
  const sync = file.sync();
  disk.cutPower();
  const { operations } = disk;
  const why = "the power is off";
  assertEquals((await assertRejects(() => sync, VarveError, why)).code, "IO");
  assertEquals((await assertRejects(() => file.sync(), VarveError, why)).code, "IO");
  assertIO(() => file.append(bytes("x")), "Cannot append to file: the power is off: d/file");
  assertIO(() => file.syncSync(), why);
  assertIO(() => reader.read(new Uint8Array(1), 0), why);
  assertIO(() => disk.open("d/file"), why);
  assertIO(() => disk.openAppend("d/file"), why);
  assertIO(() => disk.create("d/x"), why);
  assertIO(() => disk.remove("d/file"), why);
  assertIO(() => disk.rename("d/file", "d/x"), why);
  assertIO(() => disk.makeDirectory("e"), why);
  assertIO(() => disk.removeDirectory("d"), why);
  assertIO(() => disk.syncDirectory("d"), why);
  assertIO(() => disk.lock("d/LOCK", "shared"), why);
  assertIO(() => disk.list("d"), why);
  assertIO(() => disk.exists("d"), why);
  assertIO(() => disk.size("d/file"), why);
  for (const close of [() => file.close(), () => reader.close(), () => lock.release()]) close();
  assertEquals([disk.openHandles, disk.operations], [0, operations]);
  assertEquals(text(disk.crash(0).readAll("d/file")), "one");
  assertEquals(text(disk.crash(1).readAll("d/file")), "one two");
});

// The hook and the counts.

Deno.test("onMutation() sees every mutating call before it is done (invariant 4)", async () => {
  const disk = new SimulatedFileSystem();
  const seen: string[] = [];
  disk.onMutation = ({ index, kind, path, bytes, isMutating }) => {
    assert(isMutating);
    seen.push(
      `${index} ${kind} ${path} ${bytes} [${
        disk.crash(1).exists("d") ? disk.crash(1).list("d") : ""
      }]`,
    );
  };
  disk.makeDirectory("d");
  const file = disk.create("d/a");
  file.append(bytes("abc"));
  await file.sync();
  file.syncSync();
  disk.rename("d/a", "d/b");
  disk.list("d");
  disk.exists("d");
  disk.size("d/b");
  disk.openAppend("d/b").close();
  const reader = disk.open("d/b");
  reader.read(new Uint8Array(2), 0);
  disk.syncDirectory("d");
  disk.lock("d/LOCK", "shared").release();
  disk.remove("d/b");
  disk.remove("d/LOCK");
  disk.removeDirectory("d");
  assertEquals(seen, [
    "0 makeDirectory d 0 []",
    "1 create d/a 0 []",
    "2 append d/a 3 [a]",
    "3 sync d/a 0 [a]",
    "4 sync d/a 0 [a]",
    "5 rename d/b 0 [a]",
    "12 syncDirectory d 0 [b]",
    "13 lock d/LOCK 0 [b]",
    "14 remove d/b 0 [LOCK,b]",
    "15 remove d/LOCK 0 [LOCK]",
    "16 removeDirectory d 0 []",
  ]);
  assertEquals([disk.operations, disk.mutations], [17, 11]);
});

Deno.test("what onMutation() throws fails the call, and nothing is done (invariant 4)", async () => {
  const { disk, file } = diskWithFile("abc");
  disk.onMutation = ({ kind }: Operation) => {
    throw new VarveError("IO", `Cannot ${kind}: not today`);
  };
  assertIO(() => file.append(bytes("d")), "not today");
  assertEquals((await assertRejects(() => file.sync(), VarveError, "not today")).code, "IO");
  assertIO(() => disk.remove("d/file"), "not today");
  assertIO(() => disk.create("d/new"), "not today");
  disk.onMutation = undefined;
  assertEquals(text(disk.readAll("d/file")), "abc");
  assertEquals(disk.list("d"), ["file"]);
  file.close();
  assertEquals(disk.openHandles, 0);
});

Deno.test("the power may be cut in onMutation()", () => {
  const { disk, file } = diskWithFile("abc");
  disk.onMutation = () => disk.cutPower();
  assertIO(() => file.append(bytes("d")), "the power is off");
  assertEquals(text(disk.crash(1).readAll("d/file")), "abc");
});

Deno.test("openHandles counts handles and locks until they are given back, once each", () => {
  const { disk, file } = diskWithFile();
  const others = [disk.open("d/file"), disk.openAppend("d/file"), disk.create("d/new")];
  const lock = disk.lock("d/LOCK", "shared");
  assertEquals(disk.openHandles, 5);
  assertThrows(() => disk.open("d/none"), VarveError);
  assertThrows(() => disk.lock("d/LOCK", "exclusive"), VarveError);
  assertEquals(disk.openHandles, 5);
  for (const handle of [file, ...others]) {
    handle.close();
    handle.close();
  }
  lock.release();
  lock.release();
  assertEquals(disk.openHandles, 0);
});

// Faults.

Deno.test("a call that fails by a rule throws IO and has done nothing (invariant 4)", async () => {
  const { disk, file } = diskWithFile("abc");
  const reader = disk.open("d/file");
  const before = everything(disk, "d");
  const calls: [() => unknown, string][] = [
    [() => file.append(bytes("d")), "append to file: injected fault: d/file"],
    [() => file.syncSync(), "sync file: injected fault: d/file"],
    [() => reader.read(new Uint8Array(1), 0), "read file: injected fault: d/file"],
    [() => disk.open("d/file"), "open file: injected fault: d/file"],
    [() => disk.openAppend("d/file"), "open file for writing: injected fault: d/file"],
    [() => disk.create("d/file"), "create file: injected fault: d/file"],
    [() => disk.create("d/new"), "create file: injected fault: d/new"],
    [() => disk.remove("d/file"), "remove file: injected fault: d/file"],
    [() => disk.rename("d/file", "d/new"), "rename file: injected fault: d/new"],
    [() => disk.makeDirectory("e"), "create directory: injected fault: e"],
    [() => disk.removeDirectory("d"), "remove directory: injected fault: d"],
    [() => disk.syncDirectory("d"), "sync directory: injected fault: d"],
    [() => disk.lock("d/LOCK", "shared"), "lock directory: injected fault: d/LOCK"],
    [() => disk.list("d"), "list directory: injected fault: d"],
    [() => disk.exists("d"), "look for file: injected fault: d"],
    [() => disk.size("d/file"), "read size of file: injected fault: d/file"],
  ];
  for (const [index, [call, message]] of calls.entries()) {
    disk.addFault({});
    const error = assertIO(call, `Cannot ${message}`);
    assertEquals((error.cause as { code?: string }).code, "EIO");
    assertEquals(disk.faultsInjected, index + 1);
    assertEquals(everything(disk, "d"), before, message);
  }
  disk.addFault({});
  await assertRejects(() => file.sync(), VarveError, "Cannot sync file: injected fault: d/file");
  assertEquals(disk.exists("e"), false);
  assertEquals(disk.openHandles, 2);
  assertEquals(disk.usedBytes, 3);
});

Deno.test("a sync that fails makes nothing durable", async () => {
  const { disk, file } = diskWithFile("one");
  file.append(bytes(" two"));
  disk.addFault({ kind: "sync", times: 2 });
  assertIO(() => file.syncSync(), "injected fault");
  await assertRejects(() => file.sync(), VarveError, "injected fault");
  assertEquals(text(disk.crash(0).readAll("d/file")), "one");
  file.syncSync();
  assertEquals(text(disk.crash(0).readAll("d/file")), "one two");
});

Deno.test("short: an append writes a part, and then fails", () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    const file = disk.create("file");
    disk.addFault({ effect: "short" });
    assertIO(() => file.append(bytes("0123")), "Cannot append to file: injected fault: file");
    const left = text(disk.readAll("file"));
    assertEquals(left, "0123".slice(0, left.length));
    assertEquals([file.size, disk.usedBytes], [left.length, left.length]);
    assertEquals(text(disk.crash(1).readAll("file")), left);
    lengths.add(left.length);
  }
  assertEquals([...lengths].sort(), [0, 1, 2, 3]);
});

Deno.test("drop: what a failed sync was to write is seen by readers, and lost for good", () => {
  const { disk, file } = diskWithFile("one");
  file.append(bytes(" two".padEnd(1000)));
  disk.addFault({ effect: "drop" });
  assertIO(() => file.syncSync(), "Cannot sync file: injected fault: d/file");
  file.append(bytes(" three"));
  file.syncSync(); // succeeds, and proves nothing
  assertEquals(text(readFile(disk, "d/file")), "one two".padEnd(1003) + " three");
  const left = "one".padEnd(512, "\0").padEnd(1003) + " three"; // whole sectors are written again
  assertEquals(text(disk.crash(1).readAll("d/file")), left);
  assertEquals(text(disk.crash(0).readAll("d/file")), left);
});

Deno.test("drop: each handle that was open hears of it once, whichever was told first", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const disk = new SimulatedFileSystem({ wait: () => promise });
  const [file, other] = [disk.create("file"), disk.openAppend("file")];
  disk.addFault({ kind: "sync", effect: { latencyMs: 1 } });
  disk.addFault({ effect: "drop" });
  file.append(bytes("1".repeat(512)));
  const awaited = file.sync();
  const lost = "\0".repeat(512);
  assertEquals(text(disk.crash(1).readAll("file")), lost, "lost from the call on");
  const late = disk.openAppend("file");
  file.append(bytes(" two"));
  file.syncSync(); // the awaited call has been told, and says so later
  assertIO(() => other.syncSync(), "Cannot sync file: injected fault: file");
  other.syncSync();
  late.syncSync();
  resolve();
  await assertRejects(() => awaited, VarveError, "injected fault");
  file.syncSync();
  assertEquals(text(disk.crash(1).readAll("file")), `${lost} two`);
});

Deno.test("flip: a read comes back with one bit changed, and the file is as it was", () => {
  const contents = "0123456789";
  const { disk } = diskWithFile(contents);
  const file = disk.open("d/file");
  const changed = new Set<number>();
  for (let times = 0; times < 200; times++) {
    const rule = disk.addFault({ effect: "flip" });
    const into = new Uint8Array(20);
    assertEquals(file.read(into, 2), 8);
    assertEquals(rule.hits, 1);
    const differing = [...into.subarray(0, 8)].map((byte, i) => byte ^ bytes(contents)[i + 2]!);
    const bits = differing.map((byte) => byte.toString(2).replaceAll("0", "").length);
    assertEquals(bits.reduce((sum, count) => sum + count, 0), 1);
    assertEquals(into.subarray(8), new Uint8Array(12));
    changed.add(differing.findIndex((byte) => byte !== 0));
    assertEquals(text(readFile(disk, "d/file")), contents);
  }
  assertEquals(changed.size, 8);
  disk.addFault({ effect: "flip" });
  assertEquals(file.read(new Uint8Array(1), 100), 0); // there is nothing to change
});

Deno.test("misdirect: a read comes back with as many bytes of another place", () => {
  const contents = "0123456789";
  const { disk } = diskWithFile(contents);
  const file = disk.open("d/file");
  const places = new Set<string>();
  for (let times = 0; times < 200; times++) {
    disk.addFault({ effect: "misdirect" });
    const into = new Uint8Array(4);
    assertEquals(file.read(into, 5), 4);
    const read = text(into);
    assert((contents + contents).includes(read), read);
    places.add(read[0]!);
  }
  assertEquals([...places].sort().join(""), "012346789"); // not from where it was meant to be
  for (const tiny of ["", "a"]) {
    disk.writeAll("d/file", bytes(tiny));
    disk.addFault({ effect: "misdirect" });
    assertEquals(file.read(new Uint8Array(4), 0), tiny.length);
  }
});

Deno.test("latency: an awaited sync waits for the clock given, other calls only count", async () => {
  const waits: number[] = [];
  let go = () => {};
  const wait = (ms: number) => {
    waits.push(ms);
    return new Promise<void>((resolve) => go = resolve);
  };
  const disk = new SimulatedFileSystem({ wait });
  const file = disk.create("file");
  file.append(bytes("abc"));
  disk.addFault({ effect: { latencyMs: 20 }, times: 3 });
  let isSynced = false;
  const sync = file.sync().then(() => isSynced = true);
  file.syncSync();
  disk.syncDirectory("");
  for (let turn = 0; turn < 10; turn++) await undefined;
  assertEquals([isSynced, waits, disk.latencyMs], [false, [20], 60]);
  go();
  await sync;
  await file.sync();
  assertEquals([waits, disk.latencyMs], [[20], 60]);
});

Deno.test("latency passes at once when no clock was passed in (invariant 5)", async () => {
  const { disk, file } = diskWithFile();
  disk.addFault({ kind: "sync", effect: { latencyMs: 1e9 }, times: Infinity });
  file.append(bytes("abc"));
  await file.sync();
  await Promise.all([file.sync(), file.sync()]);
  assertEquals(disk.latencyMs, 3e9);
  assertEquals(text(disk.crash(0).readAll("d/file")), "abc");
});

Deno.test("a sync that is slow and fails takes its time to fail", async () => {
  let go = () => {};
  const disk = new SimulatedFileSystem({ wait: () => new Promise((resolve) => go = resolve) });
  const file = disk.create("file");
  disk.addFault({ kind: "sync", effect: { latencyMs: 5 } });
  disk.addFault({ kind: "sync" });
  let failed: unknown;
  const sync = file.sync().catch((error) => failed = error);
  for (let turn = 0; turn < 10; turn++) await undefined;
  assertEquals(failed, undefined);
  go();
  await sync;
  assert(failed instanceof VarveError);
});

// Space.

Deno.test("a full disk takes what fits and refuses the rest, until there is room", () => {
  const disk = new SimulatedFileSystem({ capacityBytes: 10 });
  const one = disk.create("one");
  one.append(bytes("01234567"));
  const why = "no space left on device (ENOSPC)";
  const error = assertIO(() => one.append(bytes("89ab")), `Cannot append to file: ${why}: one`);
  assertEquals((error.cause as { code?: string }).code, "ENOSPC");
  assertEquals(text(disk.readAll("one")), "0123456789");
  assertEquals([one.size, disk.usedBytes, disk.faultsInjected], [10, 10, 1]);
  assertIO(() => one.append(bytes("a")), why);
  assertIO(() => disk.create("two"), `Cannot create file: ${why}: two`);
  assertIO(() => disk.lock("LOCK", "shared"), `Cannot lock directory: ${why}: LOCK`);
  assertEquals(disk.list(""), ["one"]);
  assertEquals([disk.openHandles, disk.faultsInjected], [1, 4]);
  one.append(new Uint8Array(0)); // nothing fits everywhere
  disk.capacityBytes = 12;
  one.append(bytes("ab"));
  assertIO(() => one.append(bytes("c")), why);
  disk.capacityBytes = 5;
  assertIO(() => one.append(bytes("c")), why);
  assertEquals(disk.usedBytes, 12);
});

Deno.test("space is free again when a file is emptied, or gone and closed", () => {
  const disk = new SimulatedFileSystem();
  for (const name of ["one", "two", "three"]) {
    const file = disk.create(name);
    file.append(bytes("0123456789"));
    file.close();
  }
  assertEquals(disk.usedBytes, 30);
  const emptied = disk.create("one");
  assertEquals(disk.usedBytes, 20);
  emptied.append(bytes("0"));
  assertEquals(disk.usedBytes, 21);
  const [reader, writer] = [disk.open("two"), disk.openAppend("two")];
  disk.remove("two");
  writer.append(bytes("!"));
  assertEquals(disk.usedBytes, 22);
  reader.close();
  assertEquals(disk.usedBytes, 22);
  writer.close();
  writer.close();
  assertEquals(disk.usedBytes, 11);
  disk.rename("one", "three");
  assertEquals(disk.usedBytes, 1);
  disk.rename("three", "three");
  disk.writeAll("three", bytes("0123"));
  disk.writeAll("four", bytes("0123"));
  disk.rename("four", "four"); // which nobody has open
  assertEquals(disk.usedBytes, 8);
  emptied.append(bytes("4"));
  assertEquals([disk.usedBytes, disk.crash(1).usedBytes, disk.crash(0).usedBytes], [9, 9, 8]);
});

Deno.test("a disk or a capacity that makes no sense is refused", () => {
  for (const seed of [0.5, NaN, Infinity]) {
    assertThrows(() => new SimulatedFileSystem({ seed }), RangeError, "Cannot make disk: seed");
    assertThrows(() => new SimulatedFileSystem().crash(seed), RangeError, "seed");
  }
  const message = "Cannot set capacity of disk: it is not a number from 0 on";
  for (const capacityBytes of [-1, NaN]) {
    assertThrows(() => new SimulatedFileSystem({ capacityBytes }), RangeError, message);
    const disk = new SimulatedFileSystem();
    assertThrows(() => disk.capacityBytes = capacityBytes, RangeError, message);
    assertEquals(disk.capacityBytes, Infinity);
  }
});

Deno.test("writeAll() is durable at once with its name, and settles no other", () => {
  const { disk } = diskWithFile("one");
  const given = bytes("given");
  disk.create("d/other").close();
  disk.writeAll("d/new", given);
  disk.writeAll("d/file", given);
  given.fill(0);
  assertEquals(everything(disk.crash(0), "d"), [
    ["file", bytes("given").join()],
    ["new", bytes("given").join()],
  ]);
  const { operations } = disk;
  disk.cutPower();
  assertEquals(text(disk.readAll("d/new")), "given");
  assertEquals(disk.operations, operations);
});

// A function of its seed.

/** Does random things to a disk, faults and crashes included. */
function live(disk: SimulatedFileSystem, seed: number, steps: number): void {
  const next = generator(seed);
  disk.makeDirectory("d");
  disk.addFault({ probability: 0.05, times: Infinity });
  disk.addFault({ effect: "short", probability: 0.1, times: Infinity });
  let file: WritableFile | undefined;
  for (let step = 0; step < steps; step++) {
    const path = `d/${next(4)}`;
    try {
      const choice = next(8);
      if (choice === 0) file = disk.create(path);
      else if (choice === 1) disk.rename(path, `d/${next(4)}`);
      else if (choice === 2) disk.remove(path);
      else if (choice === 3) disk.syncDirectory("d");
      else if (choice === 4) file?.syncSync();
      else if (choice === 5) readFile(disk, path);
      else file?.append(new Uint8Array(next(3000)).fill(1 + next(255)));
    } catch (error) {
      assert(error instanceof VarveError, String(error));
    }
  }
}

Deno.test("equal calls on equal seeds give equal hashes and crashes (invariant 2)", () => {
  const [one, other] = [new SimulatedFileSystem({ seed: 9 }), new SimulatedFileSystem({ seed: 9 })];
  live(one, 3, 400);
  for (let seed = 0; seed < 20; seed++) one.crash(seed); // which leaves no trace
  live(other, 3, 400);
  assertEquals(one.historyHash, other.historyHash);
  assert(/^[0-9a-f]{16}$/.test(one.historyHash));
  assertEquals(one.faultsInjected, other.faultsInjected);
  assert(one.faultsInjected > 10);
  for (const seed of [undefined, 0, 1, 2, 3, 4, 5]) {
    assertEquals(everything(one.crash(seed), "d"), everything(other.crash(seed), "d"));
  }
  const failures = new SimulatedFileSystem({ seed: 10 });
  live(failures, 3, 400);
  assertNotEquals(failures.historyHash, one.historyHash);
  const calls = new SimulatedFileSystem({ seed: 9 });
  live(calls, 4, 400);
  assertNotEquals(calls.historyHash, one.historyHash);
});

Deno.test("crash() without a seed chooses one by the disk's seed and the calls so far", () => {
  const seeds = new Set<number>();
  for (const seed of [1, 2]) {
    const disk = new SimulatedFileSystem({ seed });
    for (let calls = 0; calls < 5; calls++) {
      assertEquals(disk.crash().seed, disk.crash().seed);
      seeds.add(disk.crash().seed);
      disk.list("");
    }
  }
  assertEquals(seeds.size, 10);
});

Deno.test("any difference between two runs is in the hash (invariant 2)", () => {
  type Run = (disk: SimulatedFileSystem) => void;
  const prepared = (run: Run) => {
    const { disk, file } = diskWithFile("aab");
    file.close();
    disk.makeDirectory("e");
    disk.writeAll("d/second", bytes("aab"));
    run(disk);
    return disk.historyHash;
  };
  const appending = (...parts: string[]): Run => (disk) => {
    const file = disk.openAppend("d/file");
    for (const part of parts) file.append(bytes(part));
  };
  const reading = (length: number, position: number): Run => (disk) =>
    void disk.open("d/file").read(new Uint8Array(length), position);
  const runs: Run[] = [
    () => {},
    (disk) => disk.exists("d"),
    (disk) => disk.exists("e"),
    (disk) => disk.list("d"),
    (disk) => disk.size("d/file"),
    (disk) => disk.syncDirectory("d"),
    (disk) => disk.rename("d/file", "d/x"),
    (disk) => disk.rename("d/file", "d/y"),
    (disk) => disk.rename("d/second", "d/x"),
    (disk) => disk.remove("d/file"),
    (disk) => disk.create("d/file"),
    (disk) => disk.lock("d/LOCK", "shared"),
    (disk) => disk.lock("d/LOCK", "exclusive"),
    (disk) => disk.openAppend("d/file"),
    appending("x"),
    appending("y"),
    appending("xy"),
    appending("x", "y"),
    reading(1, 0),
    reading(2, 0),
    reading(1, 1), // the same byte, from elsewhere
    (disk) => {
      disk.addFault({ effect: "flip" });
      reading(1, 0)(disk);
    },
    (disk) => disk.writeAll("d/file", bytes("abc")),
    (disk) => disk.writeAll("d/file", bytes("abd")),
    (disk) => {
      disk.addFault({});
      assertThrows(() => disk.exists("d"));
    },
    (disk) => {
      disk.addFault({ kind: "append" });
      assertThrows(() => appending("x")(disk));
    },
    (disk) => {
      disk.capacityBytes = 0;
      assertThrows(() => appending("x")(disk));
    },
  ];
  assertEquals(new Set(runs.map(prepared)).size, runs.length);
  assertEquals(runs.map(prepared), runs.map(prepared));
});

// The promises of file_system.ts, on random runs.

Deno.test("a crash keeps the promises of file_system.ts, whatever was called before", async () => {
  let crashes = 0;
  let shapes = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    const witness = new Witness(disk, seed);
    for (let step = 0; step < 30; step++) {
      await witness.step();
      const seen = new Set<string>();
      for (const crashSeed of [0, 1, 2 + step, 1000 + seed]) {
        const message = `seed ${seed}, step ${step}, crash seed ${crashSeed}`;
        seen.add(witness.check(disk.crash(crashSeed), message));
        crashes++;
      }
      shapes += seen.size;
    }
    witness.checkPresent();
    witness.close();
    assertEquals(disk.openHandles, 0);
  }
  assertEquals(crashes, 24_000);
  assert(shapes > 10_000, `only ${shapes} different crashes`); // not always the same harmless one
});

Deno.test("a rename is atomic at every crash, also one of many", () => {
  for (let seed = 2; seed < 400; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    disk.makeDirectory("d");
    disk.writeAll("d/CURRENT", bytes("0"));
    for (let round = 1; round < 5; round++) {
      const file = disk.create(`d/${round}.dbtmp`);
      file.append(bytes(String(round)));
      file.syncSync();
      file.close();
      disk.rename(`d/${round}.dbtmp`, "d/CURRENT");
    }
    const left = disk.crash(seed);
    const current = Number(text(left.readAll("d/CURRENT")));
    assert(current >= 0 && current < 5);
    for (const name of left.list("d")) {
      // What is at its new name is no longer at its old one.
      if (name !== "CURRENT") assert(Number.parseInt(name) > current, name);
    }
  }
});

Deno.test("a directory is durable when makeDirectory() returns, with its parents", () => {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory("a/b/c");
  for (let seed = 0; seed < 10; seed++) assert(disk.crash(seed).exists("a/b/c"));
  disk.removeDirectory("a/b/c");
  assert(disk.crash(0).exists("a/b/c"));
  disk.syncDirectory("a/b");
  assert(!disk.crash(0).exists("a/b/c"));
});

// Beside other disks, and under the store.

/** What came of a call: its result, or its message. */
function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    assert(error instanceof VarveError);
    return error.message;
  }
}

/** Makes a random call, and tells what came of it. */
function randomCall(disk: FileSystem, next: Random): unknown {
  const path = () => ["a", "b", "d/a", "d/b", "d", "d/e", "a/b"][next(7)]!;
  const calls: (() => unknown)[] = [
    () => {
      const file = disk.create(path());
      file.append(new Uint8Array(next(50)).fill(next(256)));
      file.close();
      return file.size;
    },
    () => {
      const file = disk.openAppend(path());
      file.append(new Uint8Array(next(50)).fill(next(256)));
      file.syncSync();
      file.close();
      return file.size;
    },
    () => readFile(disk, path()).join(),
    () => disk.makeDirectory(path()),
    () => disk.remove(path()),
    () => disk.removeDirectory(path()),
    () => disk.rename(path(), path()),
    () => disk.list(path()),
    () => [disk.exists(path()), disk.size(path())],
    () => disk.syncDirectory(path()),
    () => disk.lock(path(), "shared").release(),
  ];
  return attempt(calls[next(calls.length)]!);
}

Deno.test("SimulatedFileSystem does what MemoryFileSystem does, word for word (invariant 1)", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [one, other] = [new SimulatedFileSystem({ seed }), new MemoryFileSystem()];
    const [nextOne, nextOther] = [generator(seed), generator(seed)];
    for (let step = 0; step < 500; step++) {
      const [ours, theirs] = [randomCall(one, nextOne), randomCall(other, nextOther)];
      assertEquals(ours, theirs, `seed ${seed}, step ${step}`);
    }
    const left = one.crash(1);
    for (const path of ["", "d", "d/e"]) {
      assertEquals(attempt(() => left.list(path)), attempt(() => one.list(path)));
    }
  }
});

Deno.test("a store on it keeps what was awaited, whatever the power cut does", async () => {
  const disk = new SimulatedFileSystem({ seed: 4 });
  const db = await open("db", { fileSystem: disk, memtableBytes: 65_536 });
  await db.put("durable", "yes");
  db.putSync("unsynced", "perhaps", { sync: false });
  for (let seed = 0; seed < 25; seed++) {
    const left = disk.crash(seed);
    const survivor = await open("db", { fileSystem: left });
    assertEquals(survivor.getSync("durable"), "yes", `crash seed ${seed}`);
    await survivor.close();
    assertEquals(left.openHandles, 0);
  }
  await db.close();
  assertEquals(disk.openHandles, 0);
});
