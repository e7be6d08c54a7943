/**
 * **What.** Every byte of every file of a small database changed in turn, every file cut at every length, every file
 * missing, and every read coming back wrong: what is read then is right, or it is an error that says where. Whatever is
 * an error there, verifying the database finds.
 *
 * **Read next.** `fixtures/corruption_subjects.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator } from "../lib/random.ts";
import type { FileSystem } from "../lib/file_system.ts";
import type { FaultRule } from "../lib/fault_rules.ts";
import { SimulatedFileSystem } from "../lib/simulated_file_system.ts";
import { verifyDatabase } from "../lib/verify.ts";
import { CorruptionError, VarveError } from "../mod.ts";
import { BYTES_MAX, largestAllocation, MindfulDisk } from "./fixtures/corruption_disk.ts";
import {
  type Entries,
  openTexts,
  type Subject,
  subjectWithLongLog,
  subjectWithTables,
  type Texts,
} from "./fixtures/corruption_subjects.ts";
import { ManualTurns } from "./fixtures/manual_turns.ts";

const SEED = 20_260;

/** Something done to one file. */
interface Damage {
  readonly about: string;
  readonly path: string;
  /** The file afterwards; `undefined` if it is missing. */
  readonly bytes: Uint8Array | undefined;
  /** Which of the subject's states may be what is read. */
  readonly states: readonly Entries[];
}

/** How often what came of it. */
class Counts {
  /** Everything was right. */
  right = 0;
  /** The database did not open. */
  refused = 0;
  /** It opened, and some reads were errors. */
  reported = 0;
  /** It opened without the last record of its log, which was damaged, or without those that were cut off. */
  shorter = 0;
  /** Of those that opened, how many were compacted. */
  compacted = 0;

  get all(): number {
    return this.right + this.refused + this.reported + this.shorter;
  }

  toString(): string {
    const parts = Object.entries(this).map(([name, count]) => `${name} ${count}`);
    return `${this.all} cases: ${parts.join(", ")}`;
  }
}

/** What is looked at. */
interface Patient {
  readonly subject: Subject;
  readonly disk: FileSystem;
  /** The damaged file, if it is known. */
  readonly path: string | undefined;
  /** Which of the subject's states may be what is read. */
  readonly states: readonly Entries[];
}

/** An error that a reader of a damaged database may get: it names a file of it, and a place in it. */
function checkError(error: unknown, { subject, disk, path }: Patient): void {
  assert(error instanceof VarveError, `${error}`);
  if (error.code === "UNSUPPORTED_FORMAT") {
    assert(path === undefined || /\.ldb$|MANIFEST/.test(path), `${error}`);
    return;
  }
  // What happens in the background says what was going on, and why it failed.
  const cause = error instanceof CorruptionError ? error : error.cause;
  assert(error.code === "CORRUPTION" && cause instanceof CorruptionError, `${error}`);
  const { file, offset } = cause;
  // A damaged list of files shows in files that do not fit it.
  const isAny = path === undefined || /MANIFEST|CURRENT/.test(path);
  assert(file === path || (isAny && file.startsWith("db/")), `${error}`);
  const before = subject.files.get(file)?.length ?? 0;
  const size = Math.max(before, disk.exists(file) ? disk.size(file) : 0);
  assert(Number.isInteger(offset) && offset >= 0 && offset <= size, `${error}: of ${size} bytes`);
}

/** Reads a database in all ways, and notes which of some states it may be in. */
class Examination {
  readonly #patient: Patient;
  #states: readonly Entries[];
  errors = 0;

  constructor(patient: Patient) {
    this.#patient = patient;
    this.#states = patient.states;
  }

  /** The states that agree with all that was read. */
  get states(): readonly Entries[] {
    return this.#states;
  }

  /** Notes that something was read. */
  #expect(what: string, fits: (state: Entries) => boolean): void {
    this.#states = this.#states.filter(fits);
    assert(this.#states.length > 0, `${what} is wrong`);
  }

  /** Does something that may fail as damage does. */
  async attempt(body: () => void | Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (error instanceof Error && error.name === "AssertionError") throw error;
      this.errors++;
      checkError(error, this.#patient);
    }
  }

  async read(db: Texts): Promise<void> {
    const { keys } = this.#patient.subject;
    const valueIn = (state: Entries, key: string) => state.find(([it]) => it === key)?.[1];
    for (const key of keys) {
      await this.attempt(() => {
        const value = db.getSync(key);
        this.#expect(`the value of ${key}`, (state) => valueIn(state, key) === value);
      });
    }
    await this.attempt(async () => {
      const values = await db.getMany(keys);
      const isRight = (state: Entries) => keys.every((key, i) => valueIn(state, key) === values[i]);
      this.#expect("getMany()", isRight);
    });
    for (const reverse of [false, true]) {
      const entries: [string, string][] = [];
      let isWhole = false;
      await this.attempt(() => {
        for (const entry of db.entriesSync({ reverse })) entries.push(entry);
        isWhole = true;
      });
      // What came before an error is right too.
      this.#expect(reverse ? "a scan backwards" : "a scan", (state) => {
        const expected = reverse ? state.toReversed() : state;
        return (!isWhole || entries.length === expected.length) &&
          entries.every(([key, value], i) => expected[i]?.[0] === key && expected[i][1] === value);
      });
    }
  }

  async compact(db: Texts, turns: ManualTurns): Promise<void> {
    await this.attempt(() => turns.settle(db.compact()));
  }
}

/** The files of a database of which one is damaged. */
function damagedFiles(subject: Subject, { path, bytes }: Damage): Map<string, Uint8Array> {
  const files = new Map(subject.files);
  if (bytes === undefined) files.delete(path);
  else files.set(path, bytes);
  return files;
}

/** Opens a damaged database and reads it; throws if anything but the right thing or a proper error comes of it. */
async function examine(
  subject: Subject,
  damage: Damage,
  counts: Counts,
  withCompaction: boolean,
): Promise<void> {
  const disk = new MindfulDisk(damagedFiles(subject, damage));
  const patient = { subject, disk, path: damage.path, states: damage.states };
  const turns = new ManualTurns();
  let db: Texts;
  try {
    db = openTexts(disk, turns);
  } catch (error) {
    checkError(error, patient);
    counts.refused++;
    return;
  }
  const examination = new Examination(patient);
  await examination.read(db);
  if (withCompaction) {
    await examination.compact(db, turns);
    await examination.read(db);
    counts.compacted++;
  }
  await turns.settle(db.close());
  if (examination.errors > 0) counts.reported++;
  else if (examination.states.includes(subject.states.at(-1)!)) counts.right++;
  else counts.shorter++;
}

/** Verifies a damaged database, on which there were errors or not. */
async function verifyDamaged(subject: Subject, damage: Damage, hadErrors: boolean): Promise<void> {
  const disk = new MindfulDisk(damagedFiles(subject, damage));
  const { isSound } = await verifyDatabase("db", {}, disk).catch((error) => {
    // An order of keys that is not ours, and a directory where nothing is left of a database.
    const isOther = ["UNSUPPORTED_FORMAT", "NOT_FOUND"].includes(error.code);
    if (isOther) return { isSound: false };
    throw error;
  });
  assert(!isSound || !hadErrors, "verify finds nothing");
}

/**
 * Examines many damages; every fourth of them also with a compaction, every other fourth with a verification, and every
 * tenth watching memory.
 */
async function examineAll(subject: Subject, damages: Iterable<Damage>): Promise<Counts> {
  const counts = new Counts();
  let index = 0;
  let errors = 0;
  for (const damage of damages) {
    const run = () => examine(subject, damage, counts, index % 4 === 0);
    try {
      if (index % 10 === 0) {
        const bytes = await largestAllocation(run);
        assert(bytes <= BYTES_MAX, `${bytes} bytes of memory asked for at once`);
      } else await run();
      const { refused, reported } = counts;
      if (index % 4 === 1) await verifyDamaged(subject, damage, refused + reported > errors);
      errors = refused + reported;
    } catch (error) {
      throw new Error(`${damage.about}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
    index++;
  }
  return counts;
}

/** A file with one byte changed. In the last record of a log that may be a torn tail, which is dropped. */
function* changedBytes(
  subject: Subject,
  path: string,
  isChosen: (offset: number) => boolean = () => true,
): Generator<Damage> {
  const { states, log, ends } = subject;
  const original = subject.files.get(path)!;
  const random = generator(SEED);
  for (let offset = 0; offset < original.length; offset++) {
    if (!isChosen(offset)) continue;
    for (const change of [255, 1 + random(254)]) {
      const bytes = original.slice();
      bytes[offset]! ^= change;
      const isLast = path === log && offset >= ends.at(-2)!;
      yield {
        about: `${path}: byte ${offset} changed by ${change}`,
        path,
        bytes,
        states: isLast ? states.slice(-2) : states.slice(-1),
      };
    }
  }
}

/** A file cut short. Of a log the records that are whole are there. */
function* cuts(
  { files, states, log, ends }: Subject,
  path: string,
  isChosen: (length: number) => boolean = () => true,
): Generator<Damage> {
  const original = files.get(path)!;
  for (let length = 0; length < original.length; length++) {
    if (!isChosen(length)) continue;
    const records = path === log ? ends.findLastIndex((end) => end <= length) : states.length - 1;
    const bytes = original.subarray(0, length);
    yield { about: `${path}: cut at ${length}`, path, bytes, states: [states[records]!] };
  }
}

const tables = await subjectWithTables();
const longLog = await subjectWithLongLog();

for (const path of tables.files.keys()) {
  const name = path.slice("db/".length);
  if (name === "LOCK") continue;
  Deno.test(`any byte of ${name} that changes is noticed, or does not matter`, async () => {
    const counts = await examineAll(tables, changedBytes(tables, path));
    console.log(`${name}: ${counts}`);
    assertEquals(counts.all, 2 * tables.files.get(path)!.length);
  });
}

Deno.test("a file cut at any length is noticed, or does not matter; a log gives its whole records", async () => {
  for (const path of tables.files.keys()) {
    const counts = await examineAll(tables, cuts(tables, path));
    console.log(`${path}, cut: ${counts}`);
    assertEquals(counts.all, tables.files.get(path)!.length);
    if (path === tables.log) assertEquals(counts.shorter, counts.all);
    // Of a table every byte matters, and what does not fit the files that are there is not opened.
    else assertEquals(counts.right, 0);
  }
});

Deno.test("a file that goes on behind its end is noticed, or does not matter", async () => {
  for (const [path, original] of tables.files) {
    if (path.endsWith("LOCK")) continue;
    const damages = [1, 4, 7, 48, 500, 4096, 40_000].flatMap((length) =>
      [0, 1, 255].map((byte): Damage => {
        const bytes = new Uint8Array(original.length + length).fill(byte);
        bytes.set(original);
        const about = `${path}: ${length} times ${byte} at its end`;
        return { about, path, bytes, states: tables.states.slice(-1) };
      })
    );
    const counts = await examineAll(tables, damages);
    // The end of a log, and of a manifest, may always be torn; of other files every byte counts.
    const mayBeTorn = path === tables.log || path.includes("MANIFEST");
    assertEquals(counts.right > 0, mayBeTorn, `${path}: ${counts}`);
    assertEquals(counts.right + counts.refused + counts.reported, damages.length);
  }
});

Deno.test("a file that is missing is noticed, but for the lock, which is made again", async () => {
  for (const path of tables.files.keys()) {
    const damage = {
      about: `${path} missing`,
      path,
      bytes: undefined,
      states: tables.states.slice(-1),
    };
    const counts = await examineAll(tables, [damage]);
    assertEquals([counts.right, counts.refused], path.endsWith("LOCK") ? [1, 0] : [0, 1], path);
  }
});

Deno.test("any byte of a log with records in fragments and with zeros that changes is noticed", async () => {
  // All headers and borders, and some of the bytes between.
  const { log, ends, files } = longLog;
  const borders = [...ends, 32768, files.get(log)!.length];
  const isChosen = (offset: number) =>
    offset % 211 === 0 || borders.some((border) => Math.abs(offset - border) < 40);
  const changed = await examineAll(longLog, changedBytes(longLog, log, isChosen));
  const cut = await examineAll(longLog, cuts(longLog, log, isChosen));
  console.log(`a long log, changed: ${changed}`);
  console.log(`a long log, cut: ${cut}`);
  assertEquals([changed.right, cut.right + cut.refused], [0, 0]);
});

/** Opens a database on a disk one of whose reads goes wrong, reads it, and reads it again when none does. */
async function examineFault(subject: Subject, rule: FaultRule, seed: number): Promise<number> {
  const disk = new SimulatedFileSystem({ seed });
  disk.makeDirectory("db");
  for (const [path, bytes] of subject.files) disk.writeAll(path, bytes);
  const fault = disk.addFault(rule);
  const turns = new ManualTurns();
  const examination = new Examination({
    subject,
    disk,
    path: undefined,
    states: subject.states.slice(-1),
  });
  const opened: Texts[] = [];
  await examination.attempt(() => void opened.push(openTexts(disk, turns)));
  for (const db of opened) await examination.read(db);
  const { hits } = fault;
  fault.remove();
  const { errors } = examination;
  const db = opened[0] ?? openTexts(disk, turns);
  await examination.read(db);
  await examination.compact(db, turns);
  await examination.read(db);
  assertEquals(examination.errors, errors, "errors though reads are right again");
  await turns.settle(db.close());
  assertEquals(disk.openHandles, 0, "open handles");
  return hits;
}

/** Lets each read of opening, reading and compacting go wrong in turn; gives how many did. */
async function examineFaults(
  subject: Subject,
  effect: "flip" | "misdirect",
  seeds: number,
): Promise<number> {
  let faults = 0;
  for (let after = 0, isHit = true; isHit; after++) {
    isHit = false;
    for (let seed = 1; seed <= seeds; seed++) {
      try {
        const hits = await examineFault(subject, { kind: "read", effect, after }, seed);
        isHit ||= hits > 0;
        faults += hits;
      } catch (error) {
        throw new Error(
          `read ${after}, seed ${seed}: ${error instanceof Error ? error.message : error}`,
          { cause: error },
        );
      }
    }
  }
  return faults;
}

for (const effect of ["flip", "misdirect"] as const) {
  const what = effect === "flip" ? "with one bit changed" : "from another place";
  Deno.test(`a read that comes back ${what} is noticed, and the next one is right`, async () => {
    const faults = [
      await examineFaults(tables, effect, 20),
      await examineFaults(longLog, effect, 40),
    ];
    console.log(`reads that came back ${what}: ${faults.join(" and ")}`);
    assert(faults[0]! > 400 && faults[1]! > 200);
  });
}
