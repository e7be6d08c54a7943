/**
 * The sentences of the model at the head of `durability.ts`: what a power cut may leave, and what it may not. "May"
 * is tested as well, by seeds that do it: a disk that never does its worst proves nothing.
 */
import { assert, assertEquals } from "@std/assert";
import { Contents, Names, type Node } from "./durability.ts";
import { generator } from "./random.ts";

const BLOCK = 4096;
const SECTOR = 512;
/** Enough that a choice of one in four is surely made in one block of four. */
const SEEDS = 400;

/** Bytes that are never zero, and differ between neighbouring sectors and between files. */
function bytesFrom(position: number, length: number, file = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 1 + (((position + i) >>> 9) * 7 + file * 31) % 255);
}

/** A file of which the first bytes are durable. */
function fileOf(durable: number, ...appended: number[]): Contents {
  const file = new Contents();
  file.append(bytesFrom(0, durable));
  file.endSync(file.beginSync());
  for (const length of appended) file.append(bytesFrom(file.size, length));
  return file;
}

function crashes(file: Contents): Uint8Array[] {
  return Array.from({ length: SEEDS }, (_, seed) => file.crash(generator(seed), "mixed"));
}

/** How one sector came out: as it was meant, as zeros, or otherwise. */
function sectors(left: Uint8Array): string {
  let text = "";
  for (let at = 0; at < left.length; at += SECTOR) {
    const sector = left.subarray(at, at + SECTOR);
    const wanted = bytesFrom(at, sector.length);
    if (sector.every((byte, i) => byte === wanted[i])) text += "n";
    else text += sector.every((byte) => byte === 0) ? "0" : "?";
  }
  return text;
}

Deno.test("what a sync covered is there after every crash (invariant 1)", () => {
  for (const durable of [0, 1, 511, 512, 4096, 5000, 20_000]) {
    const file = fileOf(durable, 100, 9000, 1);
    for (const left of crashes(file)) {
      assertEquals(left.subarray(0, durable), bytesFrom(0, durable), `${durable} durable bytes`);
    }
  }
});

Deno.test("a file without unsynced changes is left as it is", () => {
  const file = fileOf(10_000);
  for (const left of crashes(file)) assertEquals(left, bytesFrom(0, 10_000));
});

Deno.test("each sector that was not synced is old, or as it was after some append", () => {
  const file = fileOf(300, 100, 200, 5000, 700, 4000);
  const sizes = [300, 400, 600, 5600, 6300, 10_300];
  for (const [seed, left] of crashes(file).entries()) {
    for (let at = 0; at < left.length; at += SECTOR) {
      const sector = left.subarray(at, at + SECTOR);
      const isPossible = sizes.some((size) =>
        sector.every((byte, i) => byte === (at + i < size ? bytesFrom(at + i, 1)[0]! : 0))
      );
      assert(isPossible, `seed ${seed}, sector at ${at}`);
    }
  }
});

Deno.test("blocks are kept, dropped and torn, each apart from the others", () => {
  const shapes = new Set<string>();
  for (const left of crashes(fileOf(0, 2 * BLOCK, BLOCK))) {
    if (left.length === 3 * BLOCK) shapes.add(sectors(left).replaceAll(/(.{8})/g, "$1 "));
  }
  const some = (shape: RegExp) =>
    assert([...shapes].some((it) => shape.test(it)), `none is ${shape}`);
  some(/^n{8} n{8} n{8} $/);
  some(/^0{8} 0{8} 0{8} $/);
  some(/^n{8} 0{8} 0{8} $/); // a beginning
  some(/^0{8} 0{8} n{8} $/); // a later block, and not the earlier ones
  some(/^n{8} 0{8} n{8} $/); // a hole
  some(/^n{8} (?!0{8}|n{8})[n0]{8} n{8} $/); // a torn block
  some(/^(?=.*n0)(?=.*0n)[n0]{8} [n0]{8} n{8} $/);
});

Deno.test("a block may be as it was after an earlier append since the last sync", () => {
  const file = fileOf(100, 200, 300);
  const lengths = new Set<number>();
  for (const left of crashes(file)) {
    if (left.length === 600) lengths.add(left.findLastIndex((byte) => byte !== 0) + 1);
  }
  assertEquals([...lengths].sort((a, b) => a - b), [100, 300, 512, 600]);
});

Deno.test("the size is the durable one, the present one, or one in between", () => {
  const sizes = new Set(crashes(fileOf(1000, 10, 5000, 100)).map((left) => left.length));
  assertEquals([...sizes].sort((a, b) => a - b), [1000, 1010, 6010, 6110]);
});

Deno.test("everything unsynced may be lost, and everything may be kept (invariant 3)", () => {
  const file = fileOf(1000, 10, 5000, 100);
  const all = new Set(crashes(file).map((left) => left.join()));
  const lost = file.crash(generator(1), "lost");
  const kept = file.crash(generator(1), "kept");
  assertEquals(lost, bytesFrom(0, 1000));
  assertEquals(kept, bytesFrom(0, 6110));
  assert(all.has(lost.join()));
  assert(all.has(kept.join()));
});

Deno.test("a crash depends on nothing but the numbers drawn, and changes nothing (invariant 4)", () => {
  const file = fileOf(1000, 10, 5000, 100);
  const first = crashes(file);
  assertEquals(crashes(file), first);
  assertEquals(file.crash(generator(0), "kept"), bytesFrom(0, 6110));
});

Deno.test("what a crash left does not change when the file goes on (invariant 2)", () => {
  const file = fileOf(1000, 500);
  const before = [
    file.crash(generator(0), "lost"),
    file.crash(generator(0), "kept"),
    ...crashes(file),
  ];
  const copies = before.map((left) => left.slice());
  file.append(bytesFrom(0, 300, 5));
  file.drop();
  file.endSync(file.beginSync());
  file.truncate();
  file.append(bytesFrom(0, 9000, 6));
  file.endSync(file.beginSync());
  assertEquals(before, copies);
});

Deno.test("files made of the same durable bytes do not disturb each other (invariant 2)", () => {
  const shared = bytesFrom(0, 700);
  const [one, other] = [new Contents(), new Contents()];
  one.replace(shared);
  other.replace(shared);
  one.append(bytesFrom(700, 50, 1));
  other.append(bytesFrom(700, 50, 2));
  one.drop();
  assertEquals(shared, bytesFrom(0, 700));
  assertEquals(other.crash(generator(1), "kept").subarray(700), bytesFrom(700, 50, 2));
});

Deno.test("truncating is a change as any other: the old contents may come back", () => {
  const file = fileOf(3 * BLOCK);
  file.truncate();
  const after = () => new Set(crashes(file).map((left) => left.length));
  assertEquals(after(), new Set([0, 3 * BLOCK]));
  const whole = crashes(file).filter((left) => left.length > 0);
  assert(whole.some((left) => sectors(left) === "n".repeat(24)));
  assert(whole.some((left) => sectors(left).includes("0")), "old contents came back in part");

  file.append(bytesFrom(0, 100, 9));
  assertEquals(after(), new Set([0, 100, 3 * BLOCK]));
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 3 * BLOCK));
  assertEquals(file.crash(generator(1), "kept"), bytesFrom(0, 100, 9));
  file.endSync(file.beginSync());
  for (const left of crashes(file)) assertEquals(left, bytesFrom(0, 100, 9));
});

Deno.test("truncating to nothing and syncing that leaves nothing", () => {
  const file = fileOf(5000);
  file.truncate();
  file.truncate();
  file.endSync(file.beginSync());
  for (const left of crashes(file)) assertEquals(left.length, 0);
});

Deno.test("a sync covers what was there when it was called, and nothing until it ends", () => {
  const file = fileOf(0, 100);
  const sync = file.beginSync();
  file.append(bytesFrom(100, 200));
  assertEquals(file.crash(generator(1), "lost").length, 0);
  file.endSync(sync);
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 100));
  assertEquals(new Set(crashes(file).map((left) => left.length)), new Set([100, 300]));
});

Deno.test("syncs that end in another order than they began cover what each was called for", () => {
  const file = fileOf(0, 100);
  const first = file.beginSync();
  file.append(bytesFrom(100, 200));
  const second = file.beginSync();
  file.append(bytesFrom(300, 50));
  file.endSync(second);
  file.endSync(first);
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 300));
});

Deno.test("a sync that ends after the file was truncated makes nothing durable", () => {
  const file = fileOf(50, 50);
  const sync = file.beginSync();
  file.truncate();
  file.append(bytesFrom(0, 10, 3));
  file.endSync(sync);
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 50));
  file.failSync(file.beginSync());
  assertEquals(file.crash(generator(1), "kept"), bytesFrom(0, 10, 3));
});

Deno.test("a sync that failed has made nothing durable, and the next one may", () => {
  const file = fileOf(100, 300);
  file.failSync(file.beginSync());
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 100));
  file.endSync(file.beginSync());
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 400));
});

Deno.test("pages dropped by a failed sync are lost, also after later syncs succeed", () => {
  const file = fileOf(100, 3900);
  file.drop();
  const expected = new Uint8Array(5000);
  expected.set(bytesFrom(0, 100));
  assertEquals(file.crash(generator(1), "kept"), expected.subarray(0, 4000));
  file.endSync(file.beginSync());
  file.drop(); // of nothing: it counts as written
  assertEquals(file.crash(generator(1), "lost"), expected.subarray(0, 4000));
});

Deno.test("what was dropped is written again with a later append to its sector, and no more than that", () => {
  for (const isSynced of [false, true]) {
    const file = fileOf(100, 3900);
    file.drop();
    if (isSynced) file.endSync(file.beginSync());
    const durable = file.crash(generator(1), "lost");
    const before = durable.slice();
    file.append(bytesFrom(4000, 1000));
    assertEquals(durable, before, "what is durable is not written again (invariant 2)");
    assertEquals(file.crash(generator(1), "lost"), before);
    const expected = new Uint8Array(5000);
    expected.set(bytesFrom(0, 100));
    expected.set(bytesFrom(3584, 1416), 3584);
    assertEquals(file.crash(generator(1), "kept"), expected);
    file.endSync(file.beginSync());
    for (const left of crashes(file)) assertEquals(left, expected);
  }
});

Deno.test("a failed sync drops nothing that an earlier sync has still in hand", () => {
  const file = fileOf(100, 300);
  const first = file.beginSync();
  file.append(bytesFrom(400, 100));
  file.drop();
  file.endSync(first);
  const expected = new Uint8Array(500);
  expected.set(bytesFrom(0, 400));
  assertEquals(file.crash(generator(1), "kept"), expected);
});

Deno.test("a failed sync after a truncation drops what was appended since", () => {
  const file = fileOf(1000);
  file.truncate();
  file.append(bytesFrom(0, 10, 3));
  file.drop();
  assertEquals(file.crash(generator(1), "kept"), new Uint8Array(10));
  assertEquals(file.crash(generator(1), "lost"), bytesFrom(0, 1000));
});

/** Names and files as text, such as "a=1 b=2": files are told apart by their size. */
function show(names: ReadonlyMap<string, Node>): string {
  return [...names].map(([path, node]) => `${path}=${node === "directory" ? "dir" : node.size}`)
    .sort().join(" ");
}

/** Everything that crashes leave. */
function leftBy(names: Names): string[] {
  const all = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) all.add(show(names.crash(generator(seed), "mixed")));
  return [...all].sort();
}

/** A directory `d` with these files in it, durable. */
function directoryOf(...files: [string, number][]): Names {
  const names = new Names();
  names.makeDirectory("d");
  for (const [name, size] of files) names.add(`d/${name}`, fileOf(size));
  names.syncDirectory("d");
  return names;
}

Deno.test("a file whose directory was not synced may vanish", () => {
  const names = directoryOf(["a", 1]);
  names.add("d/b", fileOf(2));
  assertEquals(leftBy(names), ["d/a=1 d/b=2 d=dir", "d/a=1 d=dir"]);
  names.syncDirectory("d");
  assertEquals(leftBy(names), ["d/a=1 d/b=2 d=dir"]);
});

Deno.test("a file removed without a directory sync may come back, with its contents", () => {
  const names = directoryOf(["a", 5]);
  names.remove("d/a");
  assertEquals(names.file("d/a"), undefined);
  assertEquals(leftBy(names), ["d/a=5 d=dir", "d=dir"]);
  names.syncDirectory("d");
  assertEquals(leftBy(names), ["d=dir"]);
});

Deno.test("a rename is done or not: never both names, never neither", () => {
  const names = directoryOf(["a", 1], ["b", 2]);
  names.rename("d/a", "d/b");
  assertEquals(leftBy(names), ["d/a=1 d/b=2 d=dir", "d/b=1 d=dir"]);
  names.syncDirectory("d");
  assertEquals(leftBy(names), ["d/b=1 d=dir"]);
});

Deno.test("a file that was never durable under its old name may appear under its new one", () => {
  const names = directoryOf(["CURRENT", 1]);
  names.add("d/tmp", fileOf(2));
  names.rename("d/tmp", "d/CURRENT");
  assertEquals(leftBy(names), [
    "d/CURRENT=1 d/tmp=2 d=dir",
    "d/CURRENT=1 d=dir",
    "d/CURRENT=2 d=dir",
  ]);
});

Deno.test("changes of different names survive in any order, those of one name in theirs", () => {
  const names = directoryOf();
  names.add("d/a", fileOf(1));
  names.add("d/b", fileOf(2));
  names.remove("d/a");
  names.add("d/a", fileOf(3));
  assertEquals(leftBy(names), [
    "d/a=1 d/b=2 d=dir",
    "d/a=1 d=dir",
    "d/a=3 d/b=2 d=dir", // all
    "d/a=3 d=dir", // the last one, and not an earlier one of another name
    "d/b=2 d=dir",
    "d=dir",
  ]);
});

Deno.test("a file that was only renamed is under one of its names, also if others took them over", () => {
  const names = directoryOf(["a", 1], ["b", 2]);
  names.rename("d/a", "d/c");
  names.add("d/a", fileOf(3));
  names.rename("d/b", "d/a");
  for (const left of leftBy(names)) {
    assertEquals(left.match(/=1\b/g)?.length, 1, left);
    assertEquals(left.match(/=2\b/g)?.length, 1, left);
  }
});

Deno.test("renaming a file to its own name changes nothing", () => {
  const names = directoryOf(["a", 1]);
  names.rename("d/a", "d/a");
  assertEquals(leftBy(names), ["d/a=1 d=dir"]);
});

Deno.test("syncing a directory says nothing about another one", () => {
  const names = directoryOf();
  names.makeDirectory("e");
  names.add("d/a", fileOf(1));
  names.add("e/b", fileOf(2));
  names.add("d/c", fileOf(3));
  names.syncDirectory("e");
  assertEquals(show(names.crash(generator(1), "lost")), "d=dir e/b=2 e=dir");
  names.syncDirectory("");
  assertEquals(show(names.crash(generator(1), "lost")), "d=dir e/b=2 e=dir");
});

Deno.test("a rename between directories is durable when either was synced", () => {
  for (const synced of ["d", "e"]) {
    const names = directoryOf(["a", 1]);
    names.makeDirectory("e");
    names.rename("d/a", "e/a");
    assertEquals(leftBy(names), ["d/a=1 d=dir e=dir", "d=dir e/a=1 e=dir"]);
    names.syncDirectory(synced);
    assertEquals(leftBy(names), ["d=dir e/a=1 e=dir"]);
  }
});

Deno.test("a directory is durable at once with its parents, and nothing else is", () => {
  const names = directoryOf();
  names.add("d/a", fileOf(1));
  names.makeDirectory("d/e/f");
  names.makeDirectory("d/e");
  assertEquals(show(names.crash(generator(1), "lost")), "d/e/f=dir d/e=dir d=dir");
  assertEquals([...names.crash(generator(1), "kept").keys()], ["d", "d/a", "d/e", "d/e/f"]);
});

Deno.test("a removed directory may come back, and never without what it needs", () => {
  const names = directoryOf(["a", 1]);
  names.remove("d/a");
  names.removeDirectory("d");
  assertEquals(leftBy(names), ["", "d/a=1 d=dir", "d=dir"]);
  // Made anew it is empty, whatever was in it before.
  names.makeDirectory("d");
  assertEquals(leftBy(names), ["d=dir"]);
});

Deno.test("a removed directory takes along what was removed from it before", () => {
  const names = directoryOf(["a", 1]);
  names.remove("d/a");
  names.removeDirectory("d");
  names.syncDirectory("");
  assertEquals(leftBy(names), [""]);
});

Deno.test("all changes of names may be lost, and all kept (invariant 3)", () => {
  const names = directoryOf(["a", 1]);
  names.add("d/b", fileOf(2));
  names.rename("d/a", "d/c");
  const [lost, kept] = ["d/a=1 d=dir", "d/b=2 d/c=1 d=dir"];
  assertEquals(show(names.crash(generator(1), "lost")), lost);
  assertEquals(show(names.crash(generator(1), "kept")), kept);
  assert(leftBy(names).includes(lost));
  assert(leftBy(names).includes(kept));
});

Deno.test("a crash of many changes often leaves a beginning of them, of any length, and often not", () => {
  const names = directoryOf();
  const count = 8;
  for (let i = 0; i < count; i++) names.add(`d/${i}`, fileOf(i));
  const beginnings = new Array<number>(count + 1).fill(0);
  for (let seed = 0; seed < SEEDS; seed++) {
    const left = [...names.crash(generator(seed), "mixed").keys()].slice(1);
    if (left.every((path, i) => path === `d/${i}`)) beginnings[left.length]!++;
  }
  // By chance a beginning of a certain length would be left by one or two of the seeds.
  for (const times of beginnings) assert(times > SEEDS / 50, beginnings.join());
  assert(beginnings.reduce((sum, times) => sum + times) < SEEDS * 3 / 4, beginnings.join());
});
