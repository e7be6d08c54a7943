/**
 * What it costs to salvage a log of 10,000 records of 100 bytes, whole and damaged in the middle, in memory.
 *
 * @module
 */
import { bytewiseKeys } from "../tests/tables.ts";
import { LogWriter } from "./log.ts";
import { LogSalvage } from "./log_salvage.ts";
import { MaintainedDirectory } from "./maintenance.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { RepairOutput } from "./repair_output.ts";
import { RepairNotes } from "./repair_report.ts";
import { WriteBatch } from "./write_batch.ts";

const disk = new MemoryFileSystem();
disk.makeDirectory("db");
const writer = new LogWriter(disk.create("db/000001.log"));
const value = new Uint8Array(100);
for (let i = 1; i <= 10_000; i++) {
  const batch = new WriteBatch();
  const key = new TextEncoder().encode(String(i * 7919 % 10_000).padStart(16, "0"));
  batch.put(key, 0, key.length, value, 0, value.length);
  batch.setSequence(i);
  writer.add(batch.buffer, 0, batch.byteLength);
}
writer.file.close();
const whole = disk.readAll("db/000001.log");
const damaged = whole.slice().fill(0, whole.length >> 1, (whole.length >> 1) + 1000);

for (const [name, bytes] of [["whole", whole], ["damaged", damaged]] as const) {
  Deno.bench(`a log of 10 000 records, ${name}`, (b) => {
    disk.writeAll("db/000001.log", bytes);
    const files = new MaintainedDirectory("look", disk, "db");
    const comparator = bytewiseKeys;
    const output = new RepairOutput({
      fileSystem: disk,
      directory: "db",
      comparator,
      newFileNumber: () => 7,
    });
    b.start();
    const salvage = new LogSalvage(files, output, undefined);
    const record = new RepairNotes().note("000001.log", "replayed");
    for (const _ of salvage.read("000001.log", record));
    salvage.finish();
    b.end();
    output.abandon();
  });
}
