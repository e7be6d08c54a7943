/**
 * What the log costs beyond its framing (`log_bench.ts`): segments, and what a sync has to look at. Deno 2.9.6, 2
 * shared cores (AMD EPYC), a disk in memory, best of many runs on a busy machine: 126 ns a record, nearly all of it
 * framing and checksum; 263 with an awaited sync after each, 132 with one that holds up the caller; 1.2 µs to start
 * and remove a segment.
 *
 * @module
 */
import type { FileSystem, WritableFile } from "./file_system.ts";
import { LogWriter } from "./log.ts";
import { silentLogger } from "./logger.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { WriteAheadLog } from "./write_ahead_log.ts";

/** Files that forget: what is measured does not grow. */
class NowhereFile implements WritableFile {
  size = 0;
  constructor(readonly path: string) {}
  append(bytes: Uint8Array): void {
    this.size += bytes.length;
  }
  sync(): Promise<void> {
    return Promise.resolve();
  }
  syncSync(): void {}
  close(): void {}
}

const disk: FileSystem = new MemoryFileSystem();
disk.makeDirectory("db");
const create = disk.create.bind(disk);
disk.create = (path) => {
  create(path).close();
  return new NowhereFile(path);
};

let number = 1;
function start(): WriteAheadLog {
  const writer = new LogWriter(disk.create("db/000001.log"));
  return new WriteAheadLog(disk, "db", silentLogger, writer, number);
}

const record = new Uint8Array(135).fill(0x76);
const log = start();

Deno.bench("1000 records of 135 B", { group: "add" }, () => {
  for (let i = 0; i < 1000; i++) log.add(record, 0, record.length);
});

Deno.bench("1000 records of 135 B, a sync after each", { group: "add" }, async () => {
  for (let i = 0; i < 1000; i++) {
    log.add(record, 0, record.length);
    await log.sync();
  }
});

Deno.bench("1000 records of 135 B, a sync that holds up after each", { group: "add" }, () => {
  for (let i = 0; i < 1000; i++) {
    log.add(record, 0, record.length);
    log.syncSync();
  }
});

Deno.bench("100 segments started and removed", { group: "rotate" }, () => {
  for (let i = 0; i < 100; i++) {
    log.rotate(++number);
    log.removeBefore(number);
  }
});
