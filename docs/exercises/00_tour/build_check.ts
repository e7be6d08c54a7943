/**
 * **What.** What a transfer has to pass, and ours.
 *
 * **Invariants.**
 * 1. The disk is simulated, and its power is cut before each of its operations.
 *
 * **Read next.** `../../../lib/simulated_file_system.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SimulatedFileSystem } from "../../../lib/simulated_file_system.ts";
import { type Database, type FileSystem, MemoryFileSystem, open } from "../../../mod.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./build.ts");

const OPTIONS = { worker: false, memtableBytes: 65536 };

/** Opens a database with two accounts. */
async function accounts(fileSystem: FileSystem): Promise<Database<string, string>> {
  const db = await open("db", { fileSystem, ...OPTIONS });
  await db.batch().put("rome", "100").put("oslo", "20").commit();
  return db;
}

function balances(db: Database<string, string>): (string | undefined)[] {
  return [db.getSync("rome"), db.getSync("oslo")];
}

/** Runs a transfer, and looks at what a power cut would leave before each operation of the disk, and at the end. */
async function crashed(
  subject: Subject,
  check: (left: Database<string, string>, isDone: boolean) => void,
): Promise<void> {
  const disk = new SimulatedFileSystem();
  await using db = await accounts(disk);
  const left: [disk: SimulatedFileSystem, isDone: boolean][] = [];
  const cut = (isDone: boolean) => {
    for (let seed = 0; seed < 20; seed++) left.push([disk.crash(seed), isDone]);
  };
  disk.onMutation = () => cut(false);
  await subject.transfer(db, "rome", "oslo", 30);
  cut(true);
  disk.onMutation = undefined;
  assert(left.length > 20, "the transfer wrote nothing");
  for (const [fileSystem, isDone] of left) {
    await using again = await open("db", { fileSystem, ...OPTIONS });
    check(again, isDone);
  }
}

const cases: Case<Subject>[] = [
  {
    name: "moves the amount",
    async run({ transfer }) {
      await using db = await accounts(new MemoryFileSystem());
      await transfer(db, "rome", "oslo", 30);
      assertEquals(balances(db), ["70", "50"]);
      await transfer(db, "oslo", "rome", 50);
      assertEquals(balances(db), ["120", "0"]);
    },
  },
  {
    name: "opens an account that is not there yet",
    async run({ transfer }) {
      await using db = await accounts(new MemoryFileSystem());
      await transfer(db, "rome", "bern", 1);
      assertEquals([db.getSync("rome"), db.getSync("bern")], ["99", "1"]);
    },
  },
  {
    name: "refuses what is not covered with a RangeError, and changes nothing",
    async run({ transfer }) {
      await using db = await accounts(new MemoryFileSystem());
      const refused = (from: string, to: string, amount: number) =>
        assertRejects(
          () => transfer(db, from, to, amount),
          RangeError,
          undefined,
          `transfer("${from}", "${to}", ${amount})`,
        );
      await refused("oslo", "rome", 21);
      await refused("bern", "rome", 1);
      await refused("oslo", "oslo", 21);
      assertEquals(balances(db), ["100", "20"]);
    },
  },
  {
    name: "makes no money when an account pays itself",
    async run({ transfer }) {
      await using db = await accounts(new MemoryFileSystem());
      await transfer(db, "rome", "rome", 30);
      assertEquals(balances(db), ["100", "20"]);
    },
  },
  {
    name: "is on disk when it is done, whatever a power cut takes then",
    run: (subject) =>
      crashed(subject, (left, isDone) => {
        if (isDone) assertEquals(balances(left), ["70", "50"], "after a power cut at the end");
      }),
  },
  {
    name: "is done as a whole or not at all, wherever the power is cut",
    run: (subject) =>
      crashed(subject, (left) => {
        const [rome, oslo] = balances(left);
        assertEquals(Number(rome) + Number(oslo), 120, `rome ${rome}, oslo ${oslo}: their sum`);
      }),
  },
];

/** Moves an amount, in one batch. */
async function transfer(
  db: Database<string, string>,
  from: string,
  to: string,
  amount: number,
): Promise<void> {
  const [debited, credited] = (await db.getMany([from, to])).map((value) => Number(value ?? 0));
  if (debited! < amount) {
    throw new RangeError(`Cannot move ${amount}: "${from}" has ${debited}`);
  }
  if (from === to) return; // the second put would undo the first
  await db.batch()
    .put(from, String(debited! - amount))
    .put(to, String(credited! + amount))
    .commit();
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "a transfer between two accounts that no power cut can take apart",
  own: { transfer },
  cases,
};
