/**
 * **What.** What a folder of documents is measured by, and ours: a log.
 *
 * **Invariants.**
 * 1. Every case also cuts the power before each call of a save, opens what is left, and saves there again.
 *
 * **Read next.** `tune.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { FileSystem } from "../../../lib/file_system.ts";
import { LogReader, LogWriter } from "../../../lib/log.ts";
import { SimulatedFileSystem } from "../../../lib/simulated_file_system.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Documents, Folder } from "./tune.ts";

type Subject = typeof import("./tune.ts");

const DIRECTORY = "folder";
const SEEDS = 20;

/** Documents `d0`, `d1` and so on, each of some hundred bytes. */
function documents(count: number, version: number): Documents {
  const texts = Array.from({ length: count }, (_, i) =>
    [
      `d${i}`,
      `version ${version} of document ${i}. `.repeat(10 + i),
    ] as const);
  return new Map(texts);
}

function newDisk(): SimulatedFileSystem {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory(DIRECTORY);
  return disk;
}

/** Checks that every document is of one of two versions, and says how many are of the newer one. */
function newerOf(found: Documents, count: number, newer: number, when: string): number {
  const [before, after] = [documents(count, newer - 1), documents(count, newer)];
  assertEquals([...found.keys()].sort(), [...before.keys()].sort(), `names, ${when}`);
  let newerCount = 0;
  for (const [name, text] of found) {
    if (text === after.get(name)) newerCount++;
    else assertEquals(text, before.get(name), `${name}, ${when}`);
  }
  return newerCount;
}

/** Checks that a save survives power cuts at each of its calls. */
function assertSurvives({ openFolder }: Subject, count: number, isAtomic: boolean): void {
  const disk = newDisk();
  const folder = openFolder(disk, DIRECTORY);
  folder.save(documents(count, 1));
  const check = (when: string, isSaved: boolean) => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const crashed = disk.crash(seed);
      const about = `power cut ${when}, seed ${seed}`;
      const again = openFolder(crashed, DIRECTORY);
      const newer = newerOf(again.load(), count, 2, about);
      if (isSaved) assertEquals(newer, count, `documents saved, ${about}`);
      if (isAtomic) assert(newer === 0 || newer === count, `${newer} of ${count} new, ${about}`);
      again.save(documents(count, 3));
      const last = openFolder(crashed.crash(seed), DIRECTORY).load();
      assertEquals(newerOf(last, count, 3, `saved again, ${about}`), count, about);
    }
  };
  disk.onMutation = ({ kind, path }) => check(`before ${kind} of ${path}`, false);
  folder.save(documents(count, 2));
  disk.onMutation = undefined;
  check("after the save", true);
}

/** How many syncs some saves take, of files and of directories. */
function syncsOf({ openFolder }: Subject, saves: readonly Documents[]): number {
  const disk = newDisk();
  const folder = openFolder(disk, DIRECTORY);
  let syncs = 0;
  disk.onMutation = ({ kind }) => {
    if (kind === "sync" || kind === "syncDirectory") syncs++;
  };
  for (const save of saves) folder.save(save);
  return syncs;
}

const cases: Case<Subject>[] = [
  {
    name: "ten documents at a time take eleven syncs at most",
    run(subject) {
      assertSurvives(subject, 10, false);
      const syncs = syncsOf(subject, [documents(10, 1)]);
      assert(syncs <= 11, `${syncs} syncs, the target is 11`);
    },
  },
  {
    name: "ten documents at a time take two syncs at most, and are saved together or not at all",
    run(subject) {
      assertSurvives(subject, 10, true);
      const syncs = syncsOf(subject, [documents(10, 1), documents(10, 2)]);
      assert(syncs <= 4, `${syncs} syncs for two saves, the target is 4`);
    },
  },
  {
    name: "a hundred saves take a hundred syncs at most",
    run(subject) {
      assertSurvives(subject, 3, true);
      const saves = Array.from({ length: 100 }, (_, i) => documents(3, i));
      const syncs = syncsOf(subject, saves);
      assert(syncs <= 100, `${syncs} syncs, the target is 100`);
    },
  },
];

/** Each save is a record of a log whose name is durable before anything is saved: appending to it takes one sync. */
function openFolder(disk: FileSystem, directory: string): Folder {
  const path = disk.join(directory, "log");
  const all = new Map<string, string>();
  if (disk.exists(path)) {
    const file = disk.open(path);
    const reader = new LogReader(file, { holes: "end" });
    while (reader.next()) {
      const record = reader.recordBuffer.subarray(reader.recordStart, reader.recordEnd);
      const saved: [string, string][] = JSON.parse(new TextDecoder().decode(record));
      for (const [name, text] of saved) all.set(name, text);
    }
    file.close();
  }
  // A log may end in half a record, and nothing must be appended to that: begin a new one with what there is.
  const file = disk.create(`${path}.dbtmp`);
  const writer = new LogWriter(file);
  const add = (documents: Documents) => {
    const record = new TextEncoder().encode(JSON.stringify([...documents]));
    writer.add(record, 0, record.length);
    file.syncSync();
  };
  add(all);
  disk.rename(file.path, path);
  disk.syncDirectory(directory);
  return {
    save(documents) {
      add(documents);
      for (const [name, text] of documents) all.set(name, text);
    },
    load: () => new Map(all),
  };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a folder of documents that survive power cuts, with as few syncs as that takes",
  own: { openFolder },
  cases,
};
