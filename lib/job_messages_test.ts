/**
 * What is said between threads: that it arrives as it was sent.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { entry } from "../tests/tables.ts";
import type { CompactionDescription } from "./compaction.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import type { FlushDescription } from "./flush.ts";
import {
  decodeReport,
  encodeReport,
  fromPosted,
  type JobReport,
  toPosted,
} from "./job_messages.ts";
import { LEVELS, seekBudget, type TableMeta } from "./version_edit.ts";

const TABLES = {
  blockBytes: 4096,
  restartInterval: 16,
  filterBits: 10,
  compression: ["none"],
} as const;

function table(number: number, keyBytes = 5): TableMeta {
  const bytes = 3_000_000_000 + number;
  const key = "k".repeat(keyBytes);
  const [smallest] = entry(`${key}a`, "", 9);
  const [largest] = entry(`${key}z`, "", 2 ** 52);
  return { number, bytes, smallest, largest, allowedSeeks: seekBudget(bytes) };
}

function returned(report: JobReport): JobReport {
  return decodeReport(encodeReport(report));
}

Deno.test("What a job came to arrives, however long its keys are (invariant 1)", () => {
  for (const [count, keyBytes] of [[0, 0], [1, 3], [300, 20], [5, 65_536]] as const) {
    const tables = Array.from({ length: count }, (_, i) => table(2 ** 40 + i, keyBytes));
    const result = { tables, bytesWritten: 2 ** 50, droppedEntries: 123_456_789 };
    const report = { kind: "done", id: 2 ** 33, result } as const;
    assertEquals(returned(report), report);
  }
});

Deno.test("That a job was given up arrives, what is to be logged, and what became of files (invariant 1)", () => {
  const reports: JobReport[] = [
    { kind: "abandoned", id: 7 },
    { kind: "log", level: "warn", source: "table output", message: "cannot remove table 7 – ½" },
    { kind: "removed", outcomes: [true, false, "Error: permission denied – ½"] },
  ];
  for (const report of reports) assertEquals(returned(report), report);
});

function returnedError(error: unknown): Error {
  const report = returned({ kind: "failed", id: 3, error });
  assert(report.kind === "failed" && report.id === 3);
  assertInstanceOf(report.error, Error);
  return report.error;
}

Deno.test("An error arrives with its code, file, offset and causes (invariant 1)", () => {
  const system = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  const error = new VarveError("IO", "Cannot append to file: no space left", { cause: system });
  const io = returnedError(error);
  assertInstanceOf(io, VarveError);
  assertEquals([io.code, io.message, io.name], ["IO", error.message, "VarveError"]);
  const cause = io.cause as Error & { code: string };
  assertEquals([cause.message, cause.code], ["No space left on device", "ENOSPC"]);

  const damage = new CorruptionError("block checksum mismatch", "db/000005.ldb", 4711);
  const corruption = returnedError(damage);
  assertInstanceOf(corruption, CorruptionError);
  const { code, file, offset, message, stack } = corruption;
  assertEquals([code, file, offset, message], [
    "CORRUPTION",
    "db/000005.ldb",
    4711,
    damage.message,
  ]);
  assertEquals(stack, damage.stack, "it says where it was thrown");

  const other = returnedError(new RangeError("Invalid array length"));
  assertEquals([other.name, other.message], ["RangeError", "Invalid array length"]);
  assertEquals(returnedError("thrown as text").message, "thrown as text");
});

Deno.test("Causes that go round are cut off somewhere", () => {
  const error = new Error("round");
  error.cause = error;
  let depth = 0;
  for (let at: unknown = returnedError(error); at instanceof Error; at = at.cause) depth++;
  assert(depth > 1 && depth < 10, `${depth}`);
});

Deno.test("A compaction's description arrives through a clone (invariant 1)", () => {
  const levels = Array.from({ length: LEVELS }, () => [] as TableMeta[]);
  levels[0]!.push(table(9), table(7), table(8)); // newest first, not by number or key
  levels[1]!.push(table(3));
  levels[4]!.push(table(1), table(2));
  const description: CompactionDescription = {
    ...{
      kind: "compaction",
      level: 0,
      outputLevel: 1,
      levels,
      bytes: 5,
      smallestSnapshot: 2 ** 50,
    },
    ...{ tableBytes: 4096, tables: TABLES },
  };
  assertEquals(fromPosted(structuredClone(toPosted(description))), description);
});

Deno.test("A flush's memtable is not copied", () => {
  const memtable = new SharedArrayBuffer(64);
  const description: FlushDescription = {
    ...{ kind: "flush", memtable, bytes: 64, smallestSnapshot: 1, tables: TABLES },
  };
  const posted = structuredClone(toPosted(description)) as FlushDescription;
  new Uint8Array(memtable)[5] = 7;
  assertEquals(new Uint8Array((fromPosted(posted) as FlushDescription).memtable)[5], 7);
});
