/**
 * **What.** What options have to pass with which damage costs little: how many entries are lost with one flipped bit,
 * and how large the table is.
 *
 * **Invariants.**
 * 1. A bit is flipped at the same shares of each table, so that tables of other sizes are hit alike.
 *
 * **Read next.** `../../13_the_doctor.md`
 *
 * @module
 */
import { assert } from "@std/assert";
import { snappy } from "../../../lib/compression.ts";
import { InternalKeyComparator, KIND_VALUE, makeInternalKey } from "../../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { generator } from "../../../lib/random.ts";
import { TableInspector } from "../../../lib/table_inspector.ts";
import { TableWriter } from "../../../lib/table_writer.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Tuned } from "./tune.ts";

type Subject = typeof import("./tune.ts");

const ENTRIES = 5000;
const FLIPS = 80;
const DEFAULTS: Tuned = { blockBytes: 4096, restartInterval: 16 };
const comparator = new InternalKeyComparator();
const encoder = new TextEncoder();

/** What some options come to. */
export interface Cost {
  /** Entries lost with one flipped bit, on average. */
  readonly lost: number;
  /** Bytes of the table. */
  readonly bytes: number;
}

/** Makes a table of random entries. */
function tableOf({ blockBytes, restartInterval }: Tuned, valueBytes: number): Uint8Array {
  const disk = new MemoryFileSystem();
  const writer = new TableWriter(disk.create("table"), {
    comparator,
    blockBytes,
    restartInterval,
    filterBits: 10,
    compression: snappy,
  });
  const random = generator(valueBytes);
  for (let i = 0; i < ENTRIES; i++) {
    const key = makeInternalKey(encoder.encode(`layer ${10_000 + i}`), i + 1, KIND_VALUE);
    const value = Uint8Array.from({ length: valueBytes }, (_, at) => at % 3 > 0 ? 7 : random(256));
    writer.add(key, 0, key.length, value, 0, value.length);
  }
  writer.finish();
  return disk.readAll("table");
}

/** How many entries come out of a table. */
function entriesOf(bytes: Uint8Array): number {
  const disk = new MemoryFileSystem();
  disk.writeAll("table", bytes);
  const table = new TableInspector(disk.open("table"), { comparator, onDamage: () => {} });
  for (table.first(); table.valid; table.next());
  table.close();
  return table.entryCount;
}

/**
 * Damages a table again and again, and counts.
 *
 * @param tuned The options.
 * @param valueBytes The length of values.
 * @returns What came of it.
 */
export function costOf(tuned: Tuned, valueBytes: number): Cost {
  const bytes = tableOf(tuned, valueBytes);
  const whole = entriesOf(bytes);
  assert(whole === ENTRIES, `${whole} of ${ENTRIES} entries are in the table`);
  let lost = 0;
  for (let i = 0; i < FLIPS; i++) {
    const at = Math.floor((i + 0.5) / FLIPS * bytes.length);
    bytes[at]! ^= 1;
    lost += whole - entriesOf(bytes);
    bytes[at]! ^= 1;
  }
  return { lost: lost / FLIPS, bytes: bytes.length };
}

/** A case: values of some length, the entries that may be lost, and how many times as large as by default it may be. */
function target(valueBytes: number, lostMax: number, growthMax: number): Case<Subject> {
  return {
    name: `values of ${valueBytes} bytes: at most ${lostMax} entries lost with a bit, a table at ` +
      `most ${growthMax} times as large as by default`,
    run({ options }) {
      const { lost, bytes } = costOf(options, valueBytes);
      const growth = bytes / tableOf(DEFAULTS, valueBytes).length;
      const found = `${lost.toFixed(1)} entries, ${growth.toFixed(3)} times as large`;
      assert(lost <= lostMax, `too many entries are lost: ${found}`);
      assert(growth <= growthMax, `the table is too large: ${found}`);
    },
  };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "tables in which a damaged bit costs few entries, and which are hardly larger for it",
  own: { options: { blockBytes: 1536, restartInterval: 64 } },
  cases: [target(20, 46, 1.07), target(100, 14, 1.115)],
};
