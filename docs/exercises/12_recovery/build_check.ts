/**
 * **What.** What a replay of logs has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Logs and manifests are made by the engine's own writers.
 *
 * **Read next.** `../../../lib/recovery_test.ts`
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { openDatabase } from "../../../lib/database.ts";
import { CorruptionError } from "../../../lib/errors.ts";
import { logName } from "../../../lib/file_names.ts";
import { InternalKeyComparator } from "../../../lib/internal_key.ts";
import { LogWriter } from "../../../lib/log.ts";
import { Manifest } from "../../../lib/manifest.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { Version } from "../../../lib/version.ts";
import { WriteBatch } from "../../../lib/write_batch.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

const encoder = new TextEncoder();

/** A record: entries such as `"a=1"`, or `"a"` for a tombstone of `a`, and the sequence number of the first. */
type Record = readonly [sequence: number, ...entries: string[]];

/** A directory that is put together log by log. */
class Stage {
  readonly disk = new MemoryFileSystem();

  constructor() {
    this.disk.makeDirectory("db");
  }

  /** Writes a log. */
  log(number: number, ...records: Record[]): this {
    const writer = new LogWriter(this.disk.create(`db/${logName(number)}`));
    for (const [sequence, ...entries] of records) {
      const batch = new WriteBatch();
      for (const entry of entries) {
        const [key, value] = entry.split("=").map((part) => encoder.encode(part));
        if (value === undefined) batch.delete(key!, 0, key!.length);
        else batch.put(key!, 0, key!.length, value, 0, value.length);
      }
      batch.setSequence(sequence);
      writer.add(batch.buffer, 0, batch.byteLength);
    }
    return this;
  }

  /** Changes the bytes of a log. */
  change(number: number, change: (bytes: Uint8Array) => Uint8Array): this {
    const path = `db/${logName(number)}`;
    this.disk.writeAll(path, change(this.disk.readAll(path)));
    return this;
  }

  /** Replays, sees that nothing was changed, and gives what is there: `"a=1 b=2 | 2"`. */
  replay(subject: Subject, logNumber: number, lastSequence: number): string {
    const before = this.disk.list("db").map((name) => [name, this.disk.readAll(`db/${name}`)]);
    const replayed = subject.replay(this.disk, "db", { logNumber, lastSequence });
    const after = this.disk.list("db").map((name) => [name, this.disk.readAll(`db/${name}`)]);
    assertEquals(after, before, "the directory was changed");
    const entries = [...replayed.entries].map(([key, value]) => `${key}=${value}`).sort();
    return `${entries.join(" ")} | ${replayed.lastSequence}`;
  }

  /** Sees that a log is refused. */
  assertRefused(subject: Subject, number: number, logNumber: number, lastSequence: number): void {
    const error = assertThrows(
      () => this.replay(subject, logNumber, lastSequence),
      CorruptionError,
    );
    assertEquals(error.file, `db/${logName(number)}`, "the file that the error names");
  }
}

const cases: Case<Subject>[] = [
  {
    name: "reads the batches of a log: of each key the newest version, unless it was deleted last",
    run(subject) {
      const stage = new Stage().log(4, [1, "clay=red", "silt=grey"], [3, "sand=yellow"]);
      assertEquals(stage.replay(subject, 4, 0), "clay=red sand=yellow silt=grey | 3");
      const newer = new Stage().log(4, [1, "a=1", "b=1"], [3, "a=2"], [4, "b"], [5, "c", "c=3"]);
      assertEquals(newer.replay(subject, 4, 0), "a=2 c=3 | 6");
    },
  },
  {
    name: "leaves out logs that are in tables, though their files are still there",
    run(subject) {
      const stage = new Stage().log(4, [1, "a=1", "b=1"]).log(6, [3, "b=2"]).log(8, [4, "c=1"]);
      assertEquals(stage.replay(subject, 6, 2), "b=2 c=1 | 4");
    },
  },
  {
    name: "goes by the numbers of logs, whatever else is listed, and in which order",
    run(subject) {
      const stage = new Stage().log(999_999, [1, "a=1"]).log(1_000_000, [2, "a=2"]);
      for (const name of ["1000001.ldb", "MANIFEST-1000002", "notes.log"]) {
        stage.disk.writeAll(`db/${name}`, encoder.encode("not a log"));
      }
      assertEquals(stage.replay(subject, 999_999, 0), "a=2 | 2");
    },
  },
  {
    name: "ends a log where a power cut tore it, whatever the length that is left",
    run(subject) {
      const whole = () => new Stage().log(4, [1, "a=1"], [2, "b=1", "c=1"]);
      const length = whole().disk.size("db/000004.log");
      for (let end = length - 1; end > length - 25; end--) {
        const stage = whole().change(4, (bytes) => bytes.slice(0, end));
        assertEquals(stage.replay(subject, 4, 0), "a=1 | 1", `${end} of ${length} bytes`);
      }
    },
  },
  {
    name: "ends a log before sectors that were never written, also if later ones were",
    run(subject) {
      const records = Array.from({ length: 60 }, (_, i): Record => [i + 1, `k=${1000 + i}`]);
      const stage = new Stage().log(4, ...records).change(4, (it) => it.fill(0, 512, 1024));
      const before = Math.floor(512 / (stage.disk.size("db/000004.log") / 60));
      assertEquals(stage.replay(subject, 4, 0), `k=${999 + before} | ${before}`);
    },
  },
  {
    name: "drops a log that does not follow on the one before it: a prefix, never a hole",
    run(subject) {
      const stage = new Stage().log(4, [1, "a=1"], [2, "b=1"]).log(6, [3, "a=2"]);
      stage.change(4, (bytes) => bytes.slice(0, -3));
      assertEquals(stage.replay(subject, 4, 0), "a=1 | 1");
    },
  },
  {
    name:
      "does so where the older log is cut exactly between two records, and drops all later logs",
    run(subject) {
      assertEquals(new Stage().log(4).log(6, [2, "b=1"]).replay(subject, 4, 0), " | 0");
      const stage = new Stage().log(4, [1, "a=1"]).log(6, [3, "b=1"]).log(8, [2, "c=1"]).log(10);
      assertEquals(stage.replay(subject, 4, 0), "a=1 | 1");
    },
  },
  {
    name: "goes on behind a torn log, and behind an empty one, where the next one follows on",
    run(subject) {
      // What a write that failed has left, and was never given to anybody.
      const torn = new Stage().log(4, [1, "a=1"], [2, "b=1"]).log(6, [2, "c=1"]);
      torn.change(4, (bytes) => bytes.slice(0, -3));
      assertEquals(torn.replay(subject, 4, 0), "a=1 c=1 | 2");
      const empty = new Stage().log(4, [1, "a=1"]).log(6).log(8, [2, "c=1"]);
      assertEquals(empty.replay(subject, 4, 0), "a=1 c=1 | 2");
    },
  },
  {
    name:
      "never goes back behind the end of the tables: also where a log is empty, or begins earlier",
    run(subject) {
      assertEquals(new Stage().log(9).replay(subject, 9, 17), " | 17");
      const stage = new Stage().log(4, [5, "a=5"], [6, "b=6"]);
      assertEquals(stage.replay(subject, 4, 9), "a=5 b=6 | 9");
    },
  },
  {
    name: "refuses an oldest log that does not follow on the tables: no power cut leaves that",
    run(subject) {
      new Stage().log(4, [3, "a=1"]).assertRefused(subject, 4, 4, 1);
      new Stage().log(4, [1, "a=1"]).log(6, [9, "b=1"]).assertRefused(subject, 6, 6, 5);
    },
  },
  {
    name: "refuses a log that is damaged in the middle",
    run(subject) {
      const stage = new Stage().log(4, [1, "a=1"], [2, "b=1"], [3, "c=1"]);
      stage.change(4, (bytes) => (bytes[30]! ^= 1, bytes)).assertRefused(subject, 4, 4, 0);
      const batch = new Stage();
      const bytes = encoder.encode("a whole record, and no batch");
      const writer = new LogWriter(batch.disk.create(`db/${logName(4)}`));
      for (let i = 0; i < 2; i++) writer.add(bytes, 0, bytes.length);
      batch.assertRefused(subject, 4, 4, 0);
    },
  },
];

/** Replays as `lib/recovery.ts` does: on a copy with a manifest, opened to be read only. */
function replay(
  fileSystem: MemoryFileSystem,
  directory: string,
  { logNumber, lastSequence }: { logNumber: number; lastSequence: number },
) {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  for (const name of fileSystem.list(directory)) {
    if (name.endsWith(".log")) {
      disk.writeAll(`db/${name}`, fileSystem.readAll(`${directory}/${name}`));
    }
  }
  Manifest.create(disk, "db", 1, {
    version: Version.empty(new InternalKeyComparator()),
    logNumber,
    prevLogNumber: 0,
    nextFileNumber: 2,
    lastSequence,
    compactPointers: [],
    manifestNumber: 1,
    manifestBytes: 0,
  }).close();
  const db = openDatabase<string, string>("db", { readOnly: true }, disk);
  return { entries: new Map(db.entriesSync()), lastSequence: db.stats().sequence };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a replay of logs, which leaves no hole and takes no damage for a power cut",
  own: {
    replay: (disk, directory, flushed) => replay(disk as MemoryFileSystem, directory, flushed),
  },
  cases,
};
