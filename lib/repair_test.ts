/**
 * Tests of `repair.ts`: what can be read is there afterwards, nothing is wrong, and the report says what is lost. The
 * database of `small_database.ts` is damaged in every way, and repaired with the power cut at every step.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { copyOf, copyTo } from "../tests/fixtures/disk_copies.ts";
import { change, entriesOf, namesOf, smallDatabase } from "../tests/fixtures/small_database.ts";
import { generator } from "./random.ts";
import { parseEntries, SmallTree } from "../tests/trees.ts";
import { bytewise } from "./comparator.ts";
import { openDatabase } from "./database.ts";
import { VarveError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { repairDatabase, type RepairOptions } from "./repair.ts";
import type { RepairReport } from "./repair_report.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import { findFilter } from "./table_blocks.ts";
import { BLOCK_TRAILER_BYTES, FOOTER_BYTES, readFooter } from "./table_format.ts";
import { verifyDatabase } from "./verify.ts";

/** Repairs, and sees that the result is sound, opens and takes writes. */
async function repair(disk: FileSystem, options: RepairOptions = {}): Promise<RepairReport> {
  const report = await repairDatabase("db", options, disk);
  const { findings } = await verifyDatabase("db", {}, disk);
  assertEquals(findings, []);
  return report;
}

function fileIn(report: RepairReport, name: string) {
  const file = report.files.find((it) => it.file === name);
  assert(file !== undefined, `${name} is not in the report`);
  return file;
}

/** The entries of one map that another one does not have, or has otherwise. */
function difference(of: ReadonlyMap<string, string>, from: ReadonlyMap<string, string>): string[] {
  return [...of.keys()].filter((key) => from.get(key) !== of.get(key));
}

/** The start of each block of a table that has the newest version of some key. */
function blocksOf(places: ReadonlyMap<string, { file: string; block: number }>, name: string) {
  const blocks = [...places.values()].filter(({ file }) => file === name);
  return [...new Set(blocks.map(({ block }) => block))].sort((a, b) => a - b);
}

Deno.test("a database that is whole keeps every entry (invariant 4)", async () => {
  const { disk, truth } = await smallDatabase();
  const copy = copyOf(disk);
  const report = await repair(copy);
  assertEquals(await entriesOf(copy), new Map(truth));
  assertEquals([report.isComplete, report.usedManifest, report.lostBytes], [true, true, 0]);
  assertEquals(
    report.files.map(({ file, fate, movedTo }) => [file, fate, movedTo]),
    [
      ...namesOf(disk, /ldb/).map((name) => [name, "kept", undefined]),
      ...namesOf(disk, /log/).map((name) => [name, "replayed", `lost/${name}`]),
      ...namesOf(disk, /MANIFEST/).map((name) => [name, "replaced", `lost/${name}`]),
    ].sort(([a], [b]) => a! < b! ? -1 : 1),
  );
});

Deno.test("with a damaged block only keys in it are lost, and nothing old comes back", async () => {
  const { disk, truth, places } = await smallDatabase();
  let blocks = 0;
  for (const table of namesOf(disk, /ldb/)) {
    for (const block of blocksOf(places, table)) {
      blocks++;
      const copy = copyOf(disk);
      change(copy, table, (bytes) => void bytes.fill(0, block, block + 100));
      const report = await repair(copy);
      const found = await entriesOf(copy);
      assertEquals(difference(found, truth), [], `${table} at ${block}: wrong or deleted`);
      const missing = difference(truth, found);
      const unexplained = missing.filter((key) => {
        const place = places.get(key)!;
        return place.file !== table || place.block !== block;
      });
      // One key in a hundred that was never in the block passes its filter.
      assert(unexplained.length <= report.leftOutCount, `${table} at ${block}: ${unexplained}`);
      const { damage, fate, movedTo } = fileIn(report, table);
      assertEquals([fate, movedTo], ["rewritten", `lost/${table}`]);
      assertEquals(damage.map(({ offset, isLoss }) => [offset, isLoss]), [[block, true]]);
      assertEquals(report.isComplete, false);
      // The report says between which keys.
      const { fromKey, toKey } = damage[0]!;
      for (const [key, place] of places) {
        if (place.file !== table || place.block !== block) continue;
        const bytes = new TextEncoder().encode(key);
        assert(fromKey === undefined || bytewise.compare(fromKey, bytes) <= 0, key);
        assert(toKey !== undefined && bytewise.compare(toKey, bytes) >= 0, key);
      }
    }
  }
  assert(blocks > 15, `${blocks} blocks`);
});

Deno.test("what was hidden by a lost version stays hidden, unless it is asked for", async () => {
  const { disk, truth, history, places } = await smallDatabase();
  // All of the middle table, and its filter with it: nobody knows which keys it had.
  const table = namesOf(disk, /ldb/)[1]!;
  const lost = [...places].filter(([, { file }]) => file === table).map(([key]) => key);
  const copy = copyOf(disk);
  copy.remove(`db/${table}`);
  const report = await repair(copy);
  const found = await entriesOf(copy);
  assertEquals(difference(found, truth), []);
  assert(report.leftOutCount > 0);
  assertEquals(fileIn(report, table).fate, "missing");

  const older = copyOf(disk);
  older.remove(`db/${table}`);
  assertEquals((await repair(older, { keepOlder: true })).leftOutCount, 0);
  const kept = await entriesOf(older);
  const wrong = difference(kept, truth);
  assert(wrong.length > 0 && kept.size > found.size);
  for (const key of wrong) assert(lost.includes(key) && history.get(key)!.has(kept.get(key)!), key);
  assertEquals(difference(truth, kept).filter((key) => !lost.includes(key)), []);
});

Deno.test("a table without footer, index or filter loses nothing", async () => {
  const { disk, truth } = await smallDatabase();
  for (const table of namesOf(disk, /ldb/)) {
    const file = disk.open(`db/${table}`);
    const { metaindex, index } = readFooter(file);
    const filter = findFilter(file, metaindex, new InternalKeyComparator())!;
    const ranges = [
      [file.size - FOOTER_BYTES, file.size],
      [index.offset, file.size],
      [index.offset, index.offset + 9],
      [metaindex.offset, metaindex.offset + 9],
      [filter.offset, filter.offset + 9],
      [filter.offset + filter.bytes + BLOCK_TRAILER_BYTES, file.size],
    ] as const;
    for (const [from, to] of ranges) {
      const copy = copyOf(disk);
      change(copy, table, (bytes) => void bytes.fill(0, from, to));
      const report = await repair(copy);
      assertEquals(await entriesOf(copy), new Map(truth), `${table} from ${from} to ${to}`);
      assertEquals([report.lostBytes, report.isComplete], [0, true]);
      assertEquals(fileIn(report, table).fate, "rewritten");
    }
  }
});

Deno.test("a table that was cut keeps every block before the cut", async () => {
  const { disk, truth, places } = await smallDatabase();
  const table = namesOf(disk, /ldb/)[0]!;
  const blocks = blocksOf(places, table);
  for (const [i, block] of blocks.entries()) {
    const copy = copyOf(disk);
    change(copy, table, (bytes) => bytes.subarray(0, block));
    await repair(copy);
    const found = await entriesOf(copy);
    assertEquals(difference(found, truth), []);
    const kept = [...truth.keys()].filter((key) => {
      const place = places.get(key);
      return place?.file !== table || blocks.indexOf(place.block) < i;
    });
    assertEquals(kept.filter((key) => !found.has(key)), []);
  }
});

Deno.test("a lost CURRENT loses nothing, and neither does a lost manifest", async () => {
  const { disk, truth } = await smallDatabase();
  const [manifest] = namesOf(disk, /MANIFEST/);
  for (const content of [undefined, "", "MANIFEST-000001\n", "nonsense"]) {
    const copy = copyOf(disk);
    if (content === undefined) copy.remove("db/CURRENT");
    else copy.writeAll("db/CURRENT", new TextEncoder().encode(content));
    const report = await repair(copy);
    assertEquals(await entriesOf(copy), new Map(truth));
    assertEquals([report.usedManifest, report.isComplete], [true, true]);
    assertEquals(fileIn(report, "CURRENT").damage.length, 1);
  }
  const size = disk.size(`db/${manifest}`);
  for (let at = -1; at < size; at += 7) {
    const copy = copyOf(disk);
    if (at < 0) copy.remove(`db/${manifest}`);
    else change(copy, manifest!, (bytes) => void (bytes[at]! ^= 0x10));
    const report = await repair(copy);
    assertEquals(await entriesOf(copy), new Map(truth), `byte ${at}`);
    assertEquals(report.isComplete, true);
  }
});

Deno.test("a manifest that lacks its end is not believed, and newer tables are kept", async () => {
  const { disk, truth } = await smallDatabase();
  const [manifest] = namesOf(disk, /MANIFEST/);
  for (let length = disk.size(`db/${manifest}`) - 1; length >= 0; length -= 11) {
    const copy = copyOf(disk);
    change(copy, manifest!, (bytes) => bytes.subarray(0, length));
    const { usedManifest } = await repair(copy);
    assertEquals(usedManifest, false, `cut at ${length}`);
    assertEquals(await entriesOf(copy), new Map(truth), `cut at ${length}`);
  }
});

Deno.test("a damaged log loses the records that are damaged, and no others", async () => {
  const { disk, truth } = await smallDatabase();
  const [log] = namesOf(disk, /log/);
  const size = disk.size(`db/${log}`);
  for (let at = 0; at < size; at += 5) {
    const copy = copyOf(disk);
    change(copy, log!, (bytes) => void (bytes[at]! ^= 0x40));
    const report = await repair(copy);
    const found = await entriesOf(copy);
    const wrong = new Set([...difference(found, truth), ...difference(truth, found)]);
    // One record, each of which is about one key.
    assert(wrong.size <= 1, `byte ${at}: ${[...wrong]}`);
    const { damage, fate } = fileIn(report, log!);
    assertEquals(fate, "replayed");
    const isCovered = damage.some(({ offset, bytes }) => offset <= at && at < offset + bytes);
    assert(isCovered, `byte ${at}: ${JSON.stringify(damage)}`);
  }
});

Deno.test("without a manifest the newest version of each key wins, wherever it is", async () => {
  const tree = new SmallTree();
  // The older versions are in the tables with the higher numbers.
  tree.addTable(0, parseEntries("a@9=new b@8! d@7=new"));
  tree.addTable(2, parseEntries("a@2=old b@3=old c@4=only d@1=old"));
  tree.close();
  const disk = tree.memory;
  for (const name of namesOf(disk, /MANIFEST|CURRENT/)) disk.remove(`db/${name}`);
  const report = await repair(disk);
  assertEquals(report.usedManifest, false);
  assertEquals(await entriesOf(disk), new Map([["a", "new"], ["c", "only"], ["d", "new"]]));
});

Deno.test("levels that answer with old versions are merged into one that does not", async () => {
  const tree = new SmallTree();
  tree.addTable(1, parseEntries("a@2=old b@3=old"));
  const { number } = tree.addTable(2, parseEntries("a@9=new b@8! c@1=only"));
  tree.close();
  change(tree.memory, `00000${number}.ldb`, (bytes) => void bytes.fill(0, bytes.length - 8));
  const report = await repair(tree.memory);
  const damage = fileIn(report, `00000${number}.ldb`).damage.map(({ what }) => what);
  assertEquals(damage, ["no table magic number"], "found twice, noted once");
  assertEquals([report.usedManifest, report.isComplete], [false, true]);
  assertEquals(await entriesOf(tree.memory), new Map([["a", "new"], ["c", "only"]]));
});

Deno.test("a table that is known to be gone does not come back without the manifest", async () => {
  const tree = new SmallTree();
  const old = tree.addTable(1, parseEntries("a@1=old b@2=old"));
  const bytes = tree.memory.readAll(`db/00000${old.number}.ldb`);
  const change = { deleted: [{ level: 1, number: old.number }], added: [], compactPointers: [] };
  tree.tree.apply(change);
  tree.addTable(1, parseEntries("c@9=new"));
  tree.addTable(2, parseEntries("d@8=new"));
  tree.close();
  const disk = tree.memory;
  disk.writeAll(`db/00000${old.number}.ldb`, bytes);
  // The first record is damaged, later ones are not.
  const [manifest] = namesOf(disk, /MANIFEST/);
  const damaged = disk.readAll(`db/${manifest}`);
  damaged[20]! ^= 1;
  disk.writeAll(`db/${manifest}`, damaged);
  const report = await repair(disk);
  assertEquals(report.usedManifest, false);
  assertEquals(fileIn(report, `00000${old.number}.ldb`).fate, "unused");
  assertEquals(await entriesOf(disk), new Map([["c", "new"], ["d", "new"]]));
});

Deno.test("of one key in one table, versions older than a lost one are left out, newer ones stay", async () => {
  for (const [lost, expected] of [["a@9", ["b"]], ["a@5", ["a", "b"]]] as const) {
    const tree = new SmallTree();
    tree.writerOptions = { blockBytes: 1 }; // a block for each entry
    const entries = parseEntries("a@9=new a@5=old b@3=x");
    const { number } = tree.addTable(1, entries);
    tree.close();
    const at = new TextEncoder().encode(lost === "a@9" ? "new" : "old");
    change(tree.memory, `00000${number}.ldb`, (bytes) => {
      const place = bytes.findIndex((_, i) => at.every((byte, j) => bytes[i + j] === byte));
      bytes[place]! ^= 1;
    });
    const { leftOutCount } = await repair(tree.memory);
    assertEquals([...(await entriesOf(tree.memory)).keys()], [...expected], lost);
    assertEquals(leftOutCount, lost === "a@9" ? 1 : 0);
  }
});

Deno.test("a table that holds what another one should is told by its keys", async () => {
  const tree = new SmallTree();
  const [first, second] = ["a@1=x b@2=x", "c@3=y d@4=y"]
    .map((text) => `db/00000${tree.addTable(1, parseEntries(text)).number}.ldb`);
  tree.close();
  const disk = tree.memory;
  disk.writeAll(first!, disk.readAll(second!));
  const report = await repair(disk);
  assertEquals([...(await entriesOf(disk)).keys()], ["c", "d"]);
  assertEquals(report.isComplete, false);
});

Deno.test("a table put back from lost does not undo what was deleted", async () => {
  const tree = new SmallTree();
  const old = tree.addTable(2, parseEntries("a@1=old b@2=old"));
  tree.addTable(1, parseEntries("a@9! b@8=new"));
  tree.close();
  const disk = tree.memory;
  for (let round = 0; round < 2; round++) {
    for (const name of namesOf(disk, /MANIFEST|CURRENT/)) disk.remove(`db/${name}`);
    await repair(disk);
    assertEquals(await entriesOf(disk), new Map([["b", "new"]]));
    if (round === 0) disk.rename(`db/lost/00000${old.number}.ldb`, `db/00000${old.number}.ldb`);
  }
});

Deno.test("tables that were mixed up are told by their keys, and merged", async () => {
  const tree = new SmallTree();
  const tables = ["a@1=x b@2=x", "c@3=y d@4=y", "e@5=z f@6=z"]
    .map((text) => tree.addTable(1, parseEntries(text)));
  tree.close();
  const disk = tree.memory;
  const [first, , third] = tables.map(({ number }) => `db/00000${number}.ldb`);
  const bytes = disk.readAll(first!);
  disk.writeAll(first!, disk.readAll(third!));
  disk.writeAll(third!, bytes);
  assertEquals((await verifyDatabase("db", {}, disk)).isSound, false);
  await repair(disk);
  assertEquals([...(await entriesOf(disk)).keys()], ["a", "b", "c", "d", "e", "f"]);
});

Deno.test("tables of level 0 stay in the order of their age when an older one is rewritten", async () => {
  const tree = new SmallTree();
  const oldest = tree.addTable(0, parseEntries("a@1=1 b@2=1 c@3=1"));
  tree.addTable(0, parseEntries("a@4=2 b@5=2"));
  tree.addTable(0, parseEntries("a@6=3"));
  tree.close();
  const disk = tree.memory;
  change(disk, `00000${oldest.number}.ldb`, (bytes) => void bytes.fill(0, bytes.length - 48));
  await repair(disk);
  assertEquals(await entriesOf(disk), new Map([["a", "3"], ["b", "2"], ["c", "1"]]));
});

Deno.test("files of others stay, what nobody needs is moved, and lost is never written over", async () => {
  const { disk, truth } = await smallDatabase();
  const copy = copyOf(disk);
  const files: Record<string, string> = {
    "000001.log": "an old log",
    "000777.ldb": "a table that no manifest names",
    "notes.txt": "mine",
    "LOG": "LevelDB's",
    "000888.dbtmp": "half a table",
  };
  for (const [name, text] of Object.entries(files)) {
    copy.writeAll(`db/${name}`, new TextEncoder().encode(text));
  }
  copy.makeDirectory("db/lost");
  copy.writeAll("db/lost/000001.log", new TextEncoder().encode("lost before"));
  const report = await repair(copy);
  assertEquals(await entriesOf(copy), new Map(truth));
  const textOf = (name: string) => new TextDecoder().decode(copy.readAll(`db/${name}`));
  assertEquals(fileIn(report, "000001.log").movedTo, "lost/000001.log.1");
  assertEquals(textOf("lost/000001.log.1"), "an old log");
  assertEquals(textOf("lost/000001.log"), "lost before");
  assertEquals(textOf("lost/000777.ldb"), "a table that no manifest names");
  assertEquals([textOf("notes.txt"), textOf("LOG")], ["mine", "LevelDB's"]);
  assertEquals(copy.exists("db/000888.dbtmp"), false);
  assertEquals(report.isComplete, true);
});

Deno.test("a second repair finds nothing to do, and keeps what the first one kept", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const [table] = namesOf(copy, /ldb/);
  change(copy, table!, (bytes) => void bytes.fill(0, 0, 400));
  await repair(copy);
  const first = await entriesOf(copy);
  const lost = copy.list("db/lost");
  const bytes = copy.readAll(`db/lost/${table}`);
  const report = await repair(copy);
  assertEquals([report.isComplete, report.lostBytes], [true, 0]);
  assertEquals(await entriesOf(copy), first);
  assert(lost.every((name) => copy.list("db/lost").includes(name)));
  assertEquals(copy.readAll(`db/lost/${table}`), bytes);
});

Deno.test("a repaired database takes new writes, and keeps them", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  change(copy, namesOf(copy, /ldb/)[2]!, (bytes) => void bytes.fill(0, 0, 400));
  await repair(copy);
  const expected = await entriesOf(copy);
  for (let i = 0; i < 3; i++) {
    const db = openDatabase<string, string>("db", {}, copy);
    for (const key of expected.keys()) db.putSync(key, `${i}`);
    for (const [key, value] of db.entriesSync()) assertEquals([key, value], [key, `${i}`]);
    await db.compact();
    await db.close();
  }
});

Deno.test("a block in the place of another one brings nothing back, and costs that one only", async () => {
  const { disk, truth, places } = await smallDatabase();
  const tables = namesOf(disk, /ldb/);
  let cases = 0;
  for (const to of tables) {
    for (const from of tables) {
      const [sources, targets] = [from, to].map((name) => blocksOf(places, name));
      for (const [i, source] of sources!.entries()) {
        for (const [j, target] of targets!.entries()) {
          const bytes = disk.readAll(`db/${from}`).slice(source, sources![i + 1]);
          // Only blocks of one size, and none behind which nobody knows where it ends.
          if (i + 1 === sources!.length || targets![j + 1] !== target + bytes.length) continue;
          if (from === to && i === j) continue;
          cases++;
          const copy = copyOf(disk);
          change(copy, to, (it) => it.set(bytes, target));
          const where = `${from} at ${source} in ${to} at ${target}`;
          const { isComplete, leftOutCount } = await repair(copy);
          const found = await entriesOf(copy);
          assertEquals(isComplete, false, where);
          assertEquals(difference(found, truth), [], where);
          const unexplained = difference(truth, found).filter((key) => {
            const place = places.get(key)!;
            return place.file !== to || place.block !== target;
          });
          assert(unexplained.length <= leftOutCount, `${where}: ${unexplained}`);
        }
      }
    }
  }
  assert(cases > 10, `${cases} cases`);
});

Deno.test("another table in the place of one is a loss, and what it hid may be back", async () => {
  const { disk, truth, history } = await smallDatabase();
  for (const to of namesOf(disk, /ldb/)) {
    for (const from of namesOf(disk, /ldb/)) {
      if (from === to) continue;
      const copy = copyOf(disk);
      copy.writeAll(`db/${to}`, disk.readAll(`db/${from}`));
      const report = await repair(copy);
      assertEquals([report.isComplete, report.usedManifest], [false, false], `${from} as ${to}`);
      const found = await entriesOf(copy);
      for (const [key, value] of found) assert(history.get(key)!.has(value));
      assert(found.size > truth.size / 3, `${found.size} entries`);
    }
  }
});

Deno.test("a log with a hole, and those after it, give what opening the database gives", async () => {
  const disk = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", {}, disk);
  for (let i = 0; i < 20; i++) db.putSync(`key ${i}`, `${i}`.repeat(200));
  await db.close();
  const [log] = namesOf(disk, /log/);
  change(disk, log!, (bytes) => void bytes.fill(0, 1024, 1536));
  const opened = await entriesOf(disk);
  assert(opened.size > 0 && opened.size < 10);
  const report = await repair(disk);
  assertEquals(await entriesOf(disk), opened);
  assertEquals(report.isComplete, false);
  assert(fileIn(report, log!).damage[0]!.what.startsWith("a hole"));
});

Deno.test("somebody else's files with names as ours are left alone where none has an entry", async () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  for (const name of ["202401.log", "202402.log", "000001.sst"]) {
    disk.writeAll(`db/${name}`, new TextEncoder().encode("GET / 200\n".repeat(100)));
  }
  const error = await assertRejects(() => repairDatabase("db", {}, disk), VarveError, "in db");
  assertEquals(error.code, "NOT_FOUND");
  assertEquals(disk.list("db"), ["000001.sst", "202401.log", "202402.log", "LOCK"]);
});

Deno.test("where files cannot be moved to lost, the report says so, and what was lost", async () => {
  const { disk } = await smallDatabase();
  const inner = copyOf(disk);
  const [table] = namesOf(inner, /ldb/);
  change(inner, table!, (bytes) => void bytes.fill(0, 0, 100));
  const failing = new FailingFileSystem(inner);
  failing.fails = ({ kind, name }) => kind === "rename" && name === table;
  const report = await repairDatabase("db", {}, failing);
  const { notMoved, movedTo, damage } = fileIn(report, table!);
  assert(notMoved !== undefined && movedTo === undefined && damage.length === 1);
  assert(inner.exists(`db/${table}`));
});

// ——— Every kind of damage at once ———

Deno.test("whatever is damaged, every answer was true once, and with the manifest still is", async () => {
  const { disk, truth, history } = await smallDatabase();
  for (let seed = 0; seed < 150; seed++) {
    const random = generator(seed);
    const copy = copyOf(disk);
    // Tables only, or everything.
    const names = namesOf(disk, seed % 2 === 0 ? /ldb/ : /ldb|log|MANIFEST|CURRENT/);
    for (let count = 1 + random(4); count > 0; count--) {
      const name = names[random(names.length)]!;
      if (!copy.exists(`db/${name}`)) continue;
      const size = copy.size(`db/${name}`);
      const at = random(size + 1);
      const kind = random(8);
      if (kind === 0 && copy.list("db").filter((it) => /ldb|log/.test(it)).length > 1) {
        copy.remove(`db/${name}`);
      } else if (kind === 1) change(copy, name, (bytes) => bytes.subarray(0, at));
      else if (kind === 2) change(copy, name, (bytes) => void bytes.fill(0, at, at + random(500)));
      else if (kind === 3) {
        change(copy, name, (bytes) => void crypto.getRandomValues(bytes.subarray(at, at + 9)));
      } else if (size > 0) {
        change(copy, name, (bytes) => void (bytes[Math.min(at, size - 1)]! ^= 1 << random(8)));
      }
    }
    const report = await repair(copy).catch((error) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
    const found = await entriesOf(copy);
    for (const [key, value] of found) {
      assert(history.get(key)?.has(value), `seed ${seed}: ${key} was never ${value}`);
    }
    if (seed % 2 === 0) assertEquals(difference(found, truth), [], `seed ${seed}`);
    const isSame = found.size === truth.size && difference(found, truth).length === 0;
    if (!isSame) assert(!report.isComplete || !report.usedManifest, `seed ${seed}: not told`);
  }
});

// ——— A repair that is cut off ———

/** Ways to damage the database, each of which makes repair go another way. */
const DAMAGES: Record<string, (disk: SimulatedFileSystem) => void> = {
  "a damaged block": (disk) => {
    change(disk, namesOf(disk, /ldb/)[1]!, (bytes) => void bytes.fill(0, 0, 100));
  },
  "no manifest": (disk) => {
    for (const name of namesOf(disk, /MANIFEST|CURRENT/)) disk.remove(`db/${name}`);
    disk.syncDirectory("db");
  },
  "no CURRENT, and a damaged block": (disk) => {
    DAMAGES["a damaged block"]!(disk);
    disk.remove("db/CURRENT");
    disk.syncDirectory("db");
  },
};

for (const [damage, inflict] of Object.entries(DAMAGES)) {
  Deno.test(`a power cut at any step of a repair loses nothing: ${damage}`, async () => {
    const { disk } = await smallDatabase();
    const begin = () => {
      const copy = copyTo(disk, new SimulatedFileSystem());
      inflict(copy);
      return copy;
    };
    const whole = begin();
    const start = whole.mutations;
    await repairDatabase("db", {}, whole);
    const steps = whole.mutations - start;
    const expected = await entriesOf(whole);
    const originals = begin();
    const kept = namesOf(originals, /ldb|log/).map((name) => originals.readAll(`db/${name}`));
    assert(steps > 20, `${steps} steps`);
    for (let step = 0; step < steps; step++) {
      const cut = begin();
      let left = step;
      const states: SimulatedFileSystem[] = [];
      cut.onMutation = () => {
        if (left-- > 0) return;
        for (let seed = 0; seed < 4; seed++) states.push(cut.crash(step * 4 + seed));
        cut.onMutation = undefined;
        cut.cutPower();
      };
      await assertRejects(() => repairDatabase("db", {}, cut), VarveError);
      for (const [seed, state] of states.entries()) {
        const where = `${damage}, step ${step}, seed ${step * 4 + seed}`;
        await repair(state).catch((cause) => {
          throw new Error(where, { cause });
        });
        assertEquals(await entriesOf(state), expected, where);
        const present = ["db", "db/lost"].filter((it) => state.exists(it)).flatMap((directory) =>
          state.list(directory).map((name) => state.readAll(`${directory}/${name}`).toBase64())
        );
        for (const bytes of kept) assert(present.includes(bytes.toBase64()), where);
      }
    }
  });
}

Deno.test("a repair without room changes nothing, and works once there is some", async () => {
  const { disk } = await smallDatabase();
  const full = copyTo(disk, new SimulatedFileSystem());
  DAMAGES["no manifest"]!(full);
  const before = full.list("db").filter((name) => name !== "LOCK");
  const used = full.usedBytes;
  let failures = 0;
  for (let room = 0;; room += 150) {
    full.capacityBytes = used + room;
    const error = await repairDatabase("db", {}, full).catch((error) => error);
    if (!(error instanceof Error)) break;
    failures++;
    assert(error instanceof VarveError && error.code === "IO", `${error}`);
    assertEquals(full.list("db").filter((name) => name !== "LOCK"), before, `room ${room}`);
    assertEquals([full.openHandles, full.usedBytes], [0, used]);
  }
  assert(failures > 10, `${failures} failures`);
  assertEquals((await verifyDatabase("db", {}, full)).findings, []);
});

for (const isLost of [false, true]) {
  const what = isLost ? "without CURRENT" : "with CURRENT";
  Deno.test(`a repair that fails at any call gives back its handles, and can be run again: ${what}`, async () => {
    const { disk, truth } = await smallDatabase();
    const begin = () => {
      const copy = copyOf(disk);
      if (isLost) copy.remove("db/CURRENT");
      return copy;
    };
    const clean = new FailingFileSystem(begin());
    await repairDatabase("db", {}, clean);
    // One call fails, or all from there on: then nothing can be taken back, either.
    for (let step = 1; step < 2 * clean.changes.length; step++) {
      const inner = begin();
      const failing = new FailingFileSystem(inner);
      failing.fails = ({ index }) => step % 2 === 0 ? index === step >> 1 : index > step >> 1;
      await repairDatabase("db", {}, failing).catch((error) => {
        assert(error instanceof VarveError && error.code === "IO", `step ${step}: ${error}`);
      });
      assertEquals(failing.openHandles, 0, `step ${step}`);
      const report = await repair(inner);
      assertEquals(await entriesOf(inner), new Map(truth), `step ${step}`);
      assertEquals(report.isComplete, true, `step ${step}`);
    }
  });
}

Deno.test("a signal gives a repair up: everything is as before", async () => {
  const inner = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", { compression: "none", sync: false }, inner);
  for (let i = 0; i < 3000; i++) db.putSync(`key ${i}`, "v".repeat(1000));
  await db.flush();
  await db.close();
  const before = inner.list("db");
  const disk = new FailingFileSystem(inner);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  const options = { onProgress, signal: controller.signal };
  await assertRejects(() => repairDatabase("db", options, disk), Error, "enough");
  assertEquals([disk.openHandles, inner.list("db")], [0, before]);
});

// ——— Being asked wrongly ———

Deno.test("repair throws for what is not damage, and changes nothing then", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const missing = await assertRejects(() => repairDatabase("nowhere", {}, copy), VarveError);
  assertEquals([missing.code, copy.exists("nowhere")], ["NOT_FOUND", false]);
  const names = copy.list("db");
  const comparator = { name: "other", compare: () => 0 };
  const [manifest] = namesOf(copy, /MANIFEST/);
  for (const isDamaged of [false, true]) {
    // Also where the manifest cannot be believed, but says this much.
    if (isDamaged) change(copy, manifest!, (bytes) => void (bytes[bytes.length - 30]! ^= 1));
    const other = await assertRejects(
      () => repairDatabase("db", { comparator }, copy),
      VarveError,
    );
    assertEquals(other.code, "UNSUPPORTED_FORMAT");
  }
  assertEquals(copy.list("db"), names);
  const db = openDatabase("db", {}, copyTo(disk, copy));
  assertEquals(
    (await assertRejects(() => repairDatabase("db", {}, copy), VarveError)).code,
    "LOCKED",
  );
  await db.close();
  for (const wrong of [{ foo: 1 }, { keepOlder: 1 }, { fileSystem: {} }]) {
    await assertRejects(() => repairDatabase("db", wrong as never, copy), TypeError);
  }
});
