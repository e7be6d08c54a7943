/**
 * Tests of `destroy.ts`: a database's files go, and nothing else does.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { copyOf, copyTo } from "../tests/fixtures/disk_copies.ts";
import { smallDatabase } from "../tests/fixtures/small_database.ts";
import { openDatabase } from "./database.ts";
import { destroyDatabase } from "./destroy.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";

function codeOf(body: () => unknown): string {
  return assertThrows(body, VarveError).code;
}

Deno.test("destroy removes every file of a database, and the directory", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  for (const name of ["LOG", "LOG.old", "000999.dbtmp", "000998.sst", "MANIFEST-000001"]) {
    copy.create(`db/${name}`).close();
  }
  const names = copy.list("db");
  const removed = destroyDatabase("db", {}, copy);
  assertEquals(removed.toSorted(), names);
  assertEquals([removed[0], removed.at(-1)], ["CURRENT", "LOCK"]);
  assertEquals(copy.exists("db"), false);
});

Deno.test("files and directories of others stay, and so does the directory then", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const others = ["000001.log.1", "2024.log", "5.ldb", "CURRENT.bak", "app.log", "notes.txt"];
  for (const name of others) copy.create(`db/${name}`).close();
  destroyDatabase("db", {}, copy);
  assertEquals(copy.list("db"), others);

  const repaired = copyOf(disk);
  repaired.makeDirectory("db/lost");
  repaired.create("db/lost/000001.log").close();
  destroyDatabase("db", {}, repaired);
  assertEquals([repaired.list("db"), repaired.list("db/lost")], [[], ["000001.log"]]);
});

Deno.test("a directory that is no database is left alone", () => {
  const disk = new MemoryFileSystem();
  assertEquals(codeOf(() => destroyDatabase("nowhere", {}, disk)), "NOT_FOUND");
  disk.makeDirectory("logs");
  assertEquals(codeOf(() => destroyDatabase("logs", {}, disk)), "NOT_FOUND");
  for (const name of ["2023.log", "2024.log", "LOCK"]) disk.create(`logs/${name}`).close();
  assertEquals(codeOf(() => destroyDatabase("logs", {}, disk)), "NOT_FOUND");
  assertEquals(disk.list("logs"), ["2023.log", "2024.log", "LOCK"]);
});

Deno.test("destroy is refused while the database is open, and asked wrongly", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const db = openDatabase("db", {}, copy);
  const names = copy.list("db");
  assertEquals(codeOf(() => destroyDatabase("db", {}, copy)), "LOCKED");
  assertEquals(copy.list("db"), names);
  await db.close();
  for (const wrong of [{ foo: 1 }, { fileSystem: 1 }, null]) {
    assertThrows(() => destroyDatabase("db", wrong as never, copy), TypeError);
  }
  assertThrows(() => destroyDatabase("", {}, copy), TypeError, "directory");
});

Deno.test("what a power cut leaves never opens as a database with less in it (invariant 1)", async () => {
  const { disk } = await smallDatabase();
  const whole = copyTo(disk, new SimulatedFileSystem());
  const start = whole.mutations;
  destroyDatabase("db", {}, whole);
  const steps = whole.mutations - start;
  assert(steps > 8, `${steps} steps`);
  let refusals = 0;
  for (let step = 0; step < steps; step++) {
    const cut = copyTo(disk, new SimulatedFileSystem());
    const states: SimulatedFileSystem[] = [];
    let left = step;
    cut.onMutation = () => {
      if (left-- > 0) return;
      for (let seed = 0; seed < 6; seed++) states.push(cut.crash(step * 6 + seed));
      cut.onMutation = undefined;
      cut.cutPower();
    };
    // Removing the directory itself may fail: it is not known to be empty.
    try {
      destroyDatabase("db", {}, cut);
    } catch (error) {
      assert(error instanceof VarveError);
    }
    for (const state of states) {
      const copy = new MemoryFileSystem();
      copy.makeDirectory("db");
      for (const name of state.exists("db") ? state.list("db") : []) {
        copy.writeAll(`db/${name}`, state.readAll(`db/${name}`));
      }
      let count = 0;
      try {
        const db = openDatabase("db", {}, copy);
        count = [...db.keysSync()].length;
        await db.close();
      } catch (error) {
        assert(error instanceof CorruptionError, `step ${step}: ${error}`);
        refusals++;
      }
      assert(count === 0 || count === 95, `step ${step}: ${count} entries`);
      // And what is left can be destroyed again.
      if (state.exists("db") && state.list("db").length > 0) destroyDatabase("db", {}, state);
      assertEquals(state.exists("db") ? state.list("db") : [], [], `step ${step}`);
    }
  }
  assert(refusals > 0);
});

Deno.test("a failure ends it, and what is left can be destroyed again", async () => {
  const { disk } = await smallDatabase();
  const clean = new FailingFileSystem(copyOf(disk));
  destroyDatabase("db", {}, clean);
  for (let step = 0; step < clean.changes.length; step++) {
    const inner = copyOf(disk);
    const failing = new FailingFileSystem(inner);
    failing.fails = ({ index }) => index === step;
    assertEquals(codeOf(() => destroyDatabase("db", {}, failing)), "IO");
    assertEquals(failing.openHandles, 0);
    if (inner.list("db").length > 0) destroyDatabase("db", {}, inner);
    assertEquals(inner.exists("db") ? inner.list("db") : [], []);
  }
});
