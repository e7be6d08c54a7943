/**
 * **What.** What a reader of log records has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Logs are made by `LogWriter`.
 *
 * **Read next.** `../../../lib/log_test.ts`
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { CorruptionError } from "../../../lib/errors.ts";
import { readFile } from "../../../lib/file_system.ts";
import { LOG_BLOCK_BYTES, LOG_HEADER_BYTES, LogReader, LogWriter } from "../../../lib/log.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

/** A log with records of the given sizes: the first one's bytes are all 1, the next one's 2, and so on. */
function logOf(...sizes: number[]): Uint8Array {
  const disk = new MemoryFileSystem();
  const writer = new LogWriter(disk.create("log"));
  sizes.forEach((size, i) => writer.add(new Uint8Array(size).fill(i + 1), 0, size));
  return readFile(disk, "log");
}

/** Checks that a log gives the first `count` records of those sizes. */
function assertRecords(subject: Subject, log: Uint8Array, sizes: number[]): void {
  const records = subject.readRecords(log).map((record) => [record.length, record[0]]);
  assertEquals(records, sizes.map((size, i) => [size, size === 0 ? undefined : i + 1]));
}

function assertDamage(subject: Subject, log: Uint8Array, offset: number): void {
  const error = assertThrows(() => subject.readRecords(log), CorruptionError);
  assertEquals(error.offset, offset, "the offset of the damage");
}

const cases: Case<Subject>[] = [
  {
    name: "reads records that fit into one block",
    run: (subject) => assertRecords(subject, logOf(10, 200, 3), [10, 200, 3]),
  },
  {
    name: "reads no record from an empty file, and an empty record from one that has it",
    run(subject) {
      assertRecords(subject, new Uint8Array(0), []);
      assertRecords(subject, logOf(0), [0]);
    },
  },
  {
    name: "puts records together that go over the end of a block",
    run(subject) {
      const sizes = [30_000, 100_000, 5, 50_000];
      assertRecords(subject, logOf(...sizes), sizes);
    },
  },
  {
    name: "passes over the last bytes of a block that have no room for a header",
    run(subject) {
      for (let left = 0; left <= LOG_HEADER_BYTES; left++) {
        const first = LOG_BLOCK_BYTES - LOG_HEADER_BYTES - left;
        assertRecords(subject, logOf(first, 20), [first, 20]);
      }
    },
  },
  {
    name: "ends where the file was cut, wherever that is",
    run(subject) {
      const log = logOf(20, 20, 20);
      for (let end = 0; end <= log.length; end++) {
        const whole = Math.floor(end / (LOG_HEADER_BYTES + 20));
        assertRecords(subject, log.slice(0, end), Array(whole).fill(20));
      }
    },
  },
  {
    name: "ends before a record that lacks its last fragment",
    run(subject) {
      const log = logOf(20, 40_000);
      assertRecords(subject, log.slice(0, LOG_BLOCK_BYTES + 100), [20]);
    },
  },
  {
    name: "takes zeros behind the last record for its end",
    run(subject) {
      const log = new Uint8Array(5000);
      log.set(logOf(20, 30));
      assertRecords(subject, log, [20, 30]);
    },
  },
  {
    name: "takes a last record that fails its checksum for a torn end",
    run(subject) {
      const log = logOf(20, 30);
      log[log.length - 1]! ^= 1;
      assertRecords(subject, log, [20]);
      // Its last fragment is whole, but no record begins there.
      const fragments = logOf(20, 40_000);
      fragments[100]! ^= 1;
      assertRecords(subject, fragments, [20]);
    },
  },
  {
    name: "reports a record that fails its checksum when a whole one is behind it",
    run(subject) {
      const log = logOf(20, 20, 20);
      log[30]! ^= 1;
      assertDamage(subject, log, 27);
      // Here the one behind it is in the next block, behind the rest of the damaged one.
      const fragments = logOf(20, 40_000, 5);
      fragments[100]! ^= 1;
      assertDamage(subject, fragments, 27);
    },
  },
  {
    name: "reports a length that leads past everything that is behind it",
    run(subject) {
      const log = logOf(20, 20, 20);
      log[27 + 5] = 0x70;
      assertDamage(subject, log, 27);
    },
  },
];

/** Reads a log as `lib/log.ts` does. */
function readRecords(log: Uint8Array): Uint8Array[] {
  const disk = new MemoryFileSystem();
  disk.create("log").append(log);
  const reader = new LogReader(disk.open("log"));
  const records: Uint8Array[] = [];
  while (reader.next()) {
    records.push(reader.recordBuffer.slice(reader.recordStart, reader.recordEnd));
  }
  return records;
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a reader of log records, which can tell a torn end from damage",
  own: { readRecords },
  cases,
};
