/**
 * Tests of `repair_plan.ts`: which manifest is believed, and what counts without one.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { copyOf } from "../tests/fixtures/disk_copies.ts";
import { change, namesOf, smallDatabase } from "../tests/fixtures/small_database.ts";
import { VarveError } from "./errors.ts";
import { InternalKeyComparator } from "./internal_key.ts";
import { MaintainedDirectory } from "./maintenance.ts";
import { Manifest, readManifest } from "./manifest.ts";
import type { MemoryFileSystem } from "./memory_file_system.ts";
import { planRepair } from "./repair_plan.ts";

function plan(disk: MemoryFileSystem) {
  const { state, trouble, tables, logs, missingLogs } = planRepair(
    new MaintainedDirectory("look", disk, "db"),
  );
  return {
    believed: state?.manifestNumber,
    file: trouble?.file,
    tables: tables.length,
    logs: logs.length,
    missingLogs: missingLogs.length,
  };
}

async function damaged(how: (disk: MemoryFileSystem, manifest: string) => void) {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const [manifest] = namesOf(copy, /MANIFEST/);
  how(copy, manifest!);
  return plan(copy);
}

const whole = { believed: 3, file: undefined, tables: 3, logs: 1, missingLogs: 0 };

Deno.test("a manifest that is whole is believed, whatever else is there", async () => {
  assertEquals(await damaged(() => {}), whole);
  const withOthers = await damaged((disk) => {
    for (const name of ["000001.log", "000500.ldb", "MANIFEST-000600"]) {
      disk.create(`db/${name}`).close();
    }
  });
  assertEquals(withOthers, whole);
});

Deno.test("files that are missing do not make it less believable", async () => {
  const { disk } = await smallDatabase();
  const [table] = namesOf(disk, /ldb/);
  const [log] = namesOf(disk, /log/);
  assertEquals(await damaged((it) => it.remove(`db/${table}`)), { ...whole, tables: 2 });
  assertEquals(await damaged((it) => it.remove(`db/${log}`)), {
    ...whole,
    logs: 0,
    missingLogs: 1,
  });
});

Deno.test("missing files and tables that it never mentions do: it may lack its end", async () => {
  const { disk } = await smallDatabase();
  const [table] = namesOf(disk, /ldb/);
  const found = await damaged((it) => it.rename(`db/${table}`, "db/000900.ldb"));
  assertEquals([found.believed, found.tables, found.file], [undefined, 3, "MANIFEST-000003"]);
});

Deno.test("without CURRENT the newest manifest counts, if it says anything", async () => {
  const found = await damaged((disk) => {
    disk.remove("db/CURRENT");
    // Cut short in the making.
    disk.writeAll("db/MANIFEST-000700", new Uint8Array(20));
  });
  assertEquals(found, { ...whole, file: "CURRENT" });
});

Deno.test("where CURRENT names a manifest that is lost, an older one counts if it has all", async () => {
  const rename = (disk: MemoryFileSystem) =>
    disk.writeAll("db/CURRENT", new TextEncoder().encode("MANIFEST-000900\n"));
  assertEquals(await damaged(rename), { ...whole, file: "CURRENT" });
  const found = await damaged((disk) => {
    rename(disk);
    disk.create("db/000901.ldb").close();
  });
  assertEquals([found.believed, found.tables], [undefined, 4]);
});

Deno.test("without CURRENT a newer manifest that lacks files does not come before one that has all", async () => {
  const found = await damaged((disk) => {
    disk.remove("db/CURRENT");
    // What a repair leaves that failed, and could take back its tables only.
    const bytewiseKeys = new InternalKeyComparator();
    const state = readManifest(disk, "db", 3, bytewiseKeys);
    const next = { ...state, logNumber: 900, nextFileNumber: 950 };
    Manifest.create(disk, "db", 901, next).close();
    disk.remove("db/CURRENT");
  });
  assertEquals(found, { ...whole, file: "CURRENT" });
});

Deno.test("a damaged manifest still tells which logs are done with", async () => {
  const found = await damaged((disk, manifest) => {
    disk.create("db/000001.log").close();
    change(disk, manifest, (bytes) => void (bytes[8]! ^= 1));
  });
  assertEquals([found.believed, found.logs], [undefined, 1]);
  const lost = await damaged((disk, manifest) => {
    disk.create("db/000001.log").close();
    disk.remove(`db/${manifest}`);
  });
  assertEquals([lost.believed, lost.logs], [undefined, 2]);
});

Deno.test("another order of keys is refused, also by a manifest that is not believed", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const comparator = { name: "other", compare: () => 0 };
  for (const isDamaged of [false, true]) {
    const [manifest] = namesOf(copy, /MANIFEST/);
    if (isDamaged) change(copy, manifest!, (bytes) => void (bytes[bytes.length - 60]! ^= 1));
    const files = new MaintainedDirectory("look", copy, "db", comparator);
    const error = assertThrows(() => planRepair(files), VarveError);
    assertEquals(error.code, "UNSUPPORTED_FORMAT");
  }
});
