/**
 * **What.** What a group commit has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. The log's syncs end when a case says so: nothing depends on a clock.
 *
 * **Read next.** `../../../lib/commit_queue_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BatchReader, type WriteBatch } from "../../../lib/write_batch.ts";
import { CommitQueue } from "../../../lib/commit_queue.ts";
import { generator } from "../../../lib/random.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Log } from "./build.ts";

type Subject = typeof import("./build.ts");

/** A log that takes notes, and whose syncs end when they are told to. */
class NotingLog implements Log {
  readonly appends: string[] = [];
  /** How many records there were when each sync began. */
  readonly syncStarts: number[] = [];
  records = 0;
  failsAppend = (_records: readonly string[]): boolean => false;
  readonly #syncs: PromiseWithResolvers<void>[] = [];

  append(records: readonly string[]): void {
    const text = records.join(" ");
    if (this.failsAppend(records)) throw new Error(`no room for ${text}`);
    this.appends.push(text);
    this.records += records.length;
  }

  sync(): Promise<void> {
    this.syncStarts.push(this.records);
    const sync = Promise.withResolvers<void>();
    this.#syncs.push(sync);
    return sync.promise;
  }

  /** Syncs that are under way. */
  get underway(): number {
    return this.#syncs.length;
  }

  /** Ends the oldest sync that is under way, and lets follow what follows. */
  async end(error?: Error): Promise<void> {
    const sync = this.#syncs.shift();
    assert(sync !== undefined, "expected that a sync is under way, but there is none");
    if (error === undefined) sync.resolve();
    else sync.reject(error);
    await settle();
  }
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await undefined;
}

/** A group commit over a log that takes notes, and who has heard what of his write, in order. */
class Scene {
  readonly log = new NotingLog();
  readonly heard: string[] = [];
  readonly group: InstanceType<Subject["GroupCommit"]>;

  constructor({ GroupCommit }: Subject) {
    this.group = new GroupCommit(this.log);
  }

  /** Writes records, all of them in one turn, and waits for what follows at once. */
  async write(...records: string[]): Promise<void> {
    for (const record of records) {
      this.group.write(record).then(
        () => this.heard.push(record),
        (error) => this.heard.push(`${record}: ${error.message}`),
      );
    }
    await settle();
  }

  assert(expected: { appends?: string[]; syncs?: number; heard?: string[] }, when: string): void {
    const { appends, syncs, heard } = expected;
    if (appends) assertEquals(this.log.appends, appends, `records, by append, ${when}`);
    if (syncs !== undefined) {
      assertEquals(this.log.syncStarts.length, syncs, `syncs begun ${when}`);
    }
    if (heard) assertEquals(this.heard, heard, `who has heard what ${when}`);
  }
}

const cases: Case<Subject>[] = [
  {
    name: "appends a record and syncs it",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      scene.assert({ appends: ["a"], syncs: 1 }, "after one write");
      await scene.log.end();
      scene.assert({ heard: ["a"] }, "after its sync");
    },
  },
  {
    name: "tells nobody before the sync has ended",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      scene.assert({ syncs: 1, heard: [] }, "while the sync is under way");
    },
  },
  {
    name: "makes one append and one sync of what is asked for in one turn",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("c", "a", "b");
      scene.assert({ appends: ["c a b"], syncs: 1 }, "after three writes in one turn");
      await scene.log.end();
      scene.assert({ syncs: 1, heard: ["c", "a", "b"] }, "after the sync");
    },
  },
  {
    name: "appends at once what is written during a sync, and begins no second one",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      await scene.write("b");
      scene.assert({ appends: ["a", "b"], syncs: 1 }, "while the first sync is under way");
    },
  },
  {
    name: "does not let a write share a sync that began before it",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      await scene.write("b");
      await scene.log.end();
      scene.assert({ syncs: 2, heard: ["a"] }, "after a sync that began before b was appended");
      await scene.log.end();
      scene.assert({ syncs: 2, heard: ["a", "b"] }, "after the second sync");
    },
  },
  {
    name: "lets all who came during a sync share the next one",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      for (let i = 0; i < 50; i++) await scene.write(`b${i}`, `c${i}`);
      await scene.log.end();
      scene.assert({ syncs: 2, heard: ["a"] }, "after the first sync");
      await scene.log.end();
      scene.assert({ syncs: 2 }, "after the second sync");
      assertEquals(scene.heard.length, 101, "how many have heard after the second sync");
    },
  },
  {
    name: "rejects the writes of an append that failed, and goes on with others",
    async run(subject) {
      const scene = new Scene(subject);
      scene.log.failsAppend = (records) => records.includes("b");
      await scene.write("a", "b");
      const both = ["a: no room for a b", "b: no room for a b"];
      scene.assert({ appends: [], syncs: 0, heard: both }, "after an append that failed");
      await scene.write("c");
      await scene.log.end();
      scene.assert({ appends: ["c"], syncs: 1, heard: [...both, "c"] }, "after another write");
    },
  },
  {
    name: "rejects all who wait for a sync that failed, and nobody else",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a", "b");
      await scene.write("c");
      await scene.log.end(new Error("disk on fire"));
      const lost = ["a: disk on fire", "b: disk on fire"];
      scene.assert({ syncs: 2, heard: lost }, "after a sync that failed");
      await scene.log.end();
      scene.assert({ syncs: 2, heard: [...lost, "c"] }, "after the next sync");
    },
  },
  {
    name: "takes a write from somebody who has just heard of another one",
    async run(subject) {
      const scene = new Scene(subject);
      let hasHeard = false;
      scene.group.write("a").then(() => scene.group.write("b")).then(() => hasHeard = true);
      await settle();
      await scene.log.end();
      scene.assert({ appends: ["a", "b"], syncs: 2 }, "after the first sync");
      await scene.log.end();
      assertEquals(hasHeard, true, "whether b has been heard of after the second sync");
    },
  },
  {
    name: "drain() waits for what is pending and for what is under way, failed or not",
    async run(subject) {
      const scene = new Scene(subject);
      await scene.write("a");
      scene.group.write("b").catch(() => {});
      let isDrained = false;
      scene.group.drain().then(() => isDrained = true);
      await settle();
      await scene.log.end();
      assertEquals(isDrained, false, "whether drain() resolved while a sync was under way");
      await scene.log.end(new Error("disk on fire"));
      assertEquals(isDrained, true, "whether drain() resolved when all was done");
      const pending = new Scene(subject);
      pending.group.write("a").catch(() => {});
      isDrained = false;
      pending.group.drain().then(() => isDrained = true);
      await settle();
      assertEquals(isDrained, false, "whether drain() resolved before what was pending was synced");
      await pending.log.end();
      assertEquals(isDrained, true, "whether drain() resolved when what was pending was synced");
      const idle = new Scene(subject);
      let isIdle = false;
      idle.group.drain().then(() => isIdle = true);
      await settle();
      assertEquals(isIdle, true, "whether drain() resolves when there was nothing to do");
    },
  },
  {
    name: "keeps every promise, whoever writes when",
    async run(subject) {
      for (let seed = 1; seed <= 20; seed++) await writeAtRandom(subject, seed);
    },
  },
];

/** Writes and ends syncs in a random order, and looks at each write that was acknowledged. */
async function writeAtRandom(subject: Subject, seed: number): Promise<void> {
  const random = generator(seed);
  const scene = new Scene(subject);
  let asked = 0;
  let ended = 0;
  for (let i = 0; i < 200; i++) {
    if (random(3) > 0) {
      await scene.write(...Array.from({ length: random(4) }, () => `${asked++}`));
    } else if (scene.log.underway > 0) {
      const before = scene.heard.length;
      await scene.log.end();
      const covered = scene.log.syncStarts[ended++]!;
      for (const record of scene.heard.slice(before)) {
        assert(
          Number(record) < covered,
          `seed ${seed}: write ${record} resolved, its sync began after ${covered} records`,
        );
      }
      assertEquals(scene.heard.length, covered, `seed ${seed}: who has heard after a sync`);
    }
    assert(scene.log.underway <= 1, `seed ${seed}: ${scene.log.underway} syncs at a time`);
  }
  while (scene.log.underway > 0) await scene.log.end();
  const expected = Array.from({ length: asked }, (_, record) => `${record}`);
  assertEquals(scene.heard, expected, `seed ${seed}: who has heard in the end`);
  assertEquals(scene.log.appends.join(" "), expected.join(" "), `seed ${seed}: what was appended`);
}

function recordsOf(batch: WriteBatch): string[] {
  const records: string[] = [];
  const reader = new BatchReader();
  reader.reset(batch.buffer, 0, batch.byteLength);
  while (reader.next()) {
    records.push(new TextDecoder().decode(reader.buffer.slice(reader.keyStart, reader.keyEnd)));
  }
  return records;
}

/** `lib/commit_queue.ts`, of which each group is an append, and each record a key. */
class GroupCommit {
  readonly #queue: CommitQueue;

  constructor(log: Log) {
    this.#queue = new CommitQueue({
      write: (group) => log.append(recordsOf(group)),
      room: () => undefined,
      sync: () => log.sync(),
      syncSync: () => {},
    });
  }

  write(record: string): Promise<void> {
    const key = new TextEncoder().encode(record);
    this.#queue.gather(key.length).delete(key, 0, key.length);
    // Everyone of a group has the same promise; a reader's may have one each.
    return this.#queue.join(true);
  }

  drain(): Promise<void> {
    return this.#queue.drain();
  }
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a group commit, in which many callers share appends and syncs",
  own: { GroupCommit },
  cases,
};
