/**
 * Tests of `log_salvage.ts`: what is whole in a damaged log is in a table, and what is not is noted.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { bytewiseKeys } from "../tests/tables.ts";
import { textOf } from "../tests/trees.ts";
import { LogWriter } from "./log.ts";
import { LogSalvage } from "./log_salvage.ts";
import { MaintainedDirectory } from "./maintenance.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { RepairOutput } from "./repair_output.ts";
import { RepairNotes } from "./repair_report.ts";
import { TableInspector } from "./table_inspector.ts";
import { WriteBatch } from "./write_batch.ts";

/** A batch of puts, `key=value` each, and deletes, `key!`. */
function batchOf(sequence: number, text: string): Uint8Array {
  const batch = new WriteBatch();
  for (const word of text.split(" ")) {
    const [key, value] = word.split("=");
    const bytes = new TextEncoder().encode(key!.replace("!", ""));
    const valueBytes = new TextEncoder().encode(value);
    if (word.endsWith("!")) batch.delete(bytes, 0, bytes.length);
    else batch.put(bytes, 0, bytes.length, valueBytes, 0, valueBytes.length);
  }
  batch.setSequence(sequence);
  return batch.bytes();
}

/** Salvages logs of records, damaged by `how`; gives the tables as text, and what was noted. */
function salvage(
  logs: readonly (readonly Uint8Array[])[],
  how: (disk: MemoryFileSystem) => void = () => {},
  lastSequence?: number,
) {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  logs.forEach((records, i) => {
    const writer = new LogWriter(disk.create(`db/00000${i + 1}.log`));
    for (const record of records) writer.add(record, 0, record.length);
    writer.file.close();
  });
  how(disk);
  const files = new MaintainedDirectory("look", disk, "db");
  let number = 10;
  const newFileNumber = () => number++;
  const comparator = bytewiseKeys;
  const output = new RepairOutput({ fileSystem: disk, directory: "db", comparator, newFileNumber });
  const notes = new RepairNotes();
  const reading = new LogSalvage(files, output, lastSequence);
  for (const name of files.logs.values()) {
    for (const _ of reading.read(name, notes.note(name, "replayed")));
  }
  reading.finish();
  const tables = output.tables.map((table) => {
    const file = disk.open(`db/${output.nameOf(table)}`);
    const cursor = new TableInspector(file, { comparator, onDamage: () => assert(false) });
    return textOf(cursor);
  });
  const damage = notes.report(true).files.flatMap((it) =>
    it.damage.map(({ offset, bytes, what }) => `${it.file} ${offset}+${bytes}: ${what}`)
  );
  return { tables, damage, lastSequence: reading.lastSequence };
}

Deno.test("whole logs become a table with every version", () => {
  const logs = [[batchOf(1, "b=1 a=2"), batchOf(3, "a!")], [batchOf(4, "c=x b=3")]];
  assertEquals(salvage(logs), {
    tables: ["a@3! a@2=2 b@5=3 b@1=1 c@4=x"],
    damage: [],
    lastSequence: 5,
  });
});

Deno.test("a damaged record is skipped as a whole, and so are its sequence numbers", () => {
  const records = [batchOf(1, "a=1"), batchOf(2, "b=1 c=1"), batchOf(4, "d=1")];
  const start = records[0]!.length + 7;
  const { tables, damage } = salvage([records], (disk) => {
    const bytes = disk.readAll("db/000001.log");
    bytes[start + 20]! ^= 1;
    disk.writeAll("db/000001.log", bytes);
  });
  assertEquals(tables, ["a@1=1 d@4=1"]);
  const end = start + records[1]!.length + 7;
  assertEquals(damage, [
    `000001.log ${start}+${end - start}: log fragment failing its checksum`,
    `000001.log ${end}+0: sequence numbers 2 to 3 are missing before it`,
  ]);
});

Deno.test("a record that is whole but no batch is not taken in part (invariant 1)", () => {
  const cut = batchOf(2, "b=1 c=1").slice(0, -1);
  const { tables, damage, lastSequence } = salvage([[batchOf(1, "a=1"), cut]]);
  assertEquals([tables, lastSequence], [["a@1=1"], 1]);
  assertEquals(damage.length, 1);
  assert(damage[0]!.includes("write batch with cut record"), damage[0]);
});

Deno.test("a torn tail and logs after it are left out and noted, as when it is opened (invariant 4)", () => {
  const logs = [[batchOf(11, "a=1")], [batchOf(20, "b=1")], [batchOf(21, "c=1")]];
  const tear = (disk: MemoryFileSystem) => {
    const bytes = disk.readAll("db/000001.log");
    disk.writeAll("db/000001.log", Uint8Array.of(...bytes, 1, 2, 3));
  };
  const { tables, damage } = salvage(logs, tear, 10);
  assertEquals(tables, ["a@11=1"]);
  const size = logs[0]![0]!.length + 7;
  assertEquals(damage, [
    `000001.log ${size}+3: a torn record`,
    `000002.log 0+${size}: not replayed: an earlier log lost its tail`,
    `000003.log 0+${size}: not replayed: an earlier log lost its tail`,
  ]);
  // Where nobody knows which logs count, each is read.
  assertEquals(salvage(logs, tear).tables, ["a@11=1 b@20=1 c@21=1"]);
});

Deno.test("where there is damage, later logs are read though numbers are missing", () => {
  const logs = [[batchOf(11, "a=1"), batchOf(12, "a=2"), batchOf(13, "a=3")], [batchOf(20, "b=1")]];
  const { tables, damage } = salvage(logs, (disk) => {
    const bytes = disk.readAll("db/000001.log");
    bytes[logs[0]![0]!.length + 7 + 20]! ^= 1;
    disk.writeAll("db/000001.log", bytes);
  }, 10);
  assertEquals(tables, ["a@13=3 a@11=1 b@20=1"]);
  assertEquals(damage.length, 3);
  assertEquals(damage[2], "000002.log 0+0: sequence numbers 14 to 19 are missing before it");
  // Before the oldest there is none that can have lost its tail: it does not open.
  assertEquals(salvage([[batchOf(12, "a=1")], [batchOf(20, "b=1")]], () => {}, 10).tables, [
    "a@12=1 b@20=1",
  ]);
});

Deno.test("a hole that a power cut left ends its log", () => {
  const records = [batchOf(1, "a=1"), batchOf(2, `b=${"b".repeat(3000)}`), batchOf(3, "c=1")];
  const { tables, damage } = salvage([records], (disk) => {
    const bytes = disk.readAll("db/000001.log");
    disk.writeAll("db/000001.log", bytes.fill(0, 1024, 2048));
  }, 0);
  assertEquals(tables, ["a@1=1"]);
  const start = records[0]!.length + 7;
  const size = start + records[1]!.length + records[2]!.length + 14;
  assertEquals(damage, [
    `000001.log ${start}+${size - start}: a hole, and what was written after it`,
  ]);
});

Deno.test("a record that is in two logs is in the table once", () => {
  const record = batchOf(1, "a=1 b=2");
  assertEquals(salvage([[record], [record]]).tables, ["a@1=1 b@2=2"]);
});

Deno.test("more than a memtable holds goes to several tables, the newer ones later", () => {
  const value = "v".repeat(1 << 20);
  const records = Array.from({ length: 12 }, (_, i) => batchOf(i + 1, `key=${value}`));
  const { tables } = salvage([records]);
  assert(tables.length > 1, `${tables.length} tables`);
  const newest = tables.map((text) => Number(/@(\d+)/.exec(text)![1]));
  assertEquals(newest, newest.toSorted((a, b) => a - b));
});
