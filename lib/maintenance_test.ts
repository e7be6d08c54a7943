/**
 * Tests of `maintenance.ts`: turns, options, and telling files apart.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, VarveError } from "./errors.ts";
import { checkMaintenance, inTurns, MaintainedDirectory, troubleOf } from "./maintenance.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** Work that notes when it is closed. */
function* work(events: string[], stops: number) {
  try {
    for (let i = 0; i < stops; i++) {
      events.push(`step ${i}`);
      yield { file: "", bytesRead: i, bytesTotal: stops };
    }
    return "done";
  } finally {
    events.push("closed");
  }
}

Deno.test("inTurns() does all of the work, with turns for others in between", async () => {
  const events: string[] = [];
  const timer = setInterval(() => events.push("other"), 0);
  assertEquals(await inTurns(work(events, 3), {}), "done");
  clearInterval(timer);
  assertEquals(events.filter((it) => it !== "other"), ["step 0", "step 1", "step 2", "closed"]);
  assertEquals(events.includes("other"), true);
});

Deno.test("inTurns() closes work that is given up, or that fails (invariant 2)", async () => {
  for (const stop of ["signal", "progress"]) {
    const events: string[] = [];
    const controller = new AbortController();
    const onProgress = () => {
      if (stop === "progress") throw new Error("enough");
      controller.abort(new Error("enough"));
    };
    const options = { onProgress, signal: controller.signal };
    await assertRejects(() => inTurns(work(events, 3), options), Error, "enough");
    assertEquals(events, ["step 0", "closed"]);
  }
});

Deno.test("files are told by their exact names, the newer name of a table first", () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  const names = ["CURRENT", "LOCK", "LOG", "000007.ldb", "000007.sst", "000008.sst", "9.ldb"]
    .concat(["000010.log", "10.log", "MANIFEST-000011", "MANIFEST-2", "000012.dbtmp", "notes"]);
  for (const name of names) disk.create(`db/${name}`).close();
  const files = new MaintainedDirectory("look", disk, "db");
  assertEquals([...files.tables], [[7, "000007.ldb"], [8, "000008.sst"]]);
  assertEquals([...files.logs], [[10, "000010.log"]]);
  assertEquals([files.manifests, files.temporaries], [[11], ["000012.dbtmp"]]);
  assertEquals(files.highestNumber, 12);
});

Deno.test("there is a database where there is a CURRENT, a table or a log", () => {
  for (
    const [name, isDatabase] of Object.entries({
      "CURRENT": true,
      "000001.ldb": true,
      "000001.log": true,
      "MANIFEST-000001": false,
      "LOCK": false,
      "notes.txt": false,
    })
  ) {
    const disk = new MemoryFileSystem();
    disk.makeDirectory("db");
    disk.create(`db/${name}`).close();
    const look = () => new MaintainedDirectory("look", disk, "db");
    if (isDatabase) look();
    else assertEquals(assertThrows(look, VarveError).code, "NOT_FOUND");
  }
});

Deno.test("reads are counted, and a turn is over after a mebibyte", () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  disk.writeAll("db/000001.ldb", new Uint8Array(600 * 1024));
  const files = new MaintainedDirectory("look", disk, "db");
  const file = files.open("000001.ldb");
  const buffer = new Uint8Array(file.size);
  assertEquals([file.read(buffer, 0), files.isTurnOver()], [600 * 1024, false]);
  file.read(buffer, 0);
  assertEquals([files.isTurnOver(), files.isTurnOver()], [true, false]);
  assertEquals(files.progress(), {
    file: "000001.ldb",
    bytesRead: 1200 * 1024,
    bytesTotal: 1200 * 1024,
  });
  file.close();
});

Deno.test("troubleOf() takes what is said of a file apart, and throws what is not about one", () => {
  assertEquals(troubleOf(new CorruptionError("no magic", "db/5.ldb", 17), "x"), {
    path: "db/5.ldb",
    offset: 17,
    what: "no magic",
  });
  const named = new CorruptionError(
    "MANIFEST-000002, which does not exist, named",
    "db/CURRENT",
    0,
  );
  assertEquals(troubleOf(named, "x").what, "names MANIFEST-000002, which does not exist");
  const failed = new VarveError("IO", "Cannot read file: bad sector");
  assertEquals(troubleOf(failed, "x"), {
    path: "x",
    offset: undefined,
    what: "Cannot read file: bad sector",
  });
  for (const error of [new TypeError("bug"), new VarveError("LOCKED", "locked")]) {
    assertThrows(() => troubleOf(error, "x"), Error, error.message);
  }
});

Deno.test("options that are unknown or of a wrong type are refused", () => {
  const check = (options: unknown) => checkMaintenance("test", "db", options, ["signal"]);
  check({});
  check({ signal: new AbortController().signal });
  for (const options of [null, 1, { comparator: {} }, { signal: {} }, { other: 1 }]) {
    assertThrows(() => check(options), TypeError, "Cannot test");
  }
  const known = ["comparator", "onProgress", "fileSystem"];
  for (
    const options of [
      { comparator: { name: "", compare: () => 0 } },
      { comparator: { name: "x" } },
      { onProgress: 1 },
      { fileSystem: null },
    ]
  ) {
    assertThrows(() => checkMaintenance("test", "db", options, known), TypeError, "Cannot test");
  }
});
