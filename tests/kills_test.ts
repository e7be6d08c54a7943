/**
 * **What.** Real kills: a program that writes to the real disk is killed as `kill -9` does, again and again, at random
 * moments, while it opens the database, and between two operations of the disk or in the middle of one. After each kill
 * the directory is looked at by us, and a copy of it by LevelDB.
 *
 * A kill proves less than a power cut: what was given to the operating system stays. So nothing that was acknowledged
 * may be missing, synced or not. And it proves more than a simulated one: the disk, the process and its end are real.
 *
 * ```sh
 * deno test --allow-all tests/kills_test.ts -- --seed=7 --kills=100   # other kills, and more of them in each test
 * ```
 *
 * **Invariants.**
 * 1. Each test kills as often as it says, and makes sure that it was the kill that ended the program.
 *
 * **Read next.** `fixtures/kill_writer.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { denoFileSystem as disk } from "../lib/deno_file_system.ts";
import { currentName, parseFileName } from "../lib/file_names.ts";
import { open, type OpenOptions } from "../mod.ts";
import { History } from "./fixtures/crash_history.ts";
import {
  checkFiles,
  checkPrefix,
  checkReads,
  countFiles,
  type Directory,
  type FileCounts,
} from "./fixtures/crash_oracles.ts";
import { type Step, stepsOf, SUBLEVELS, TINY } from "./fixtures/kill_workload.ts";
import { type Entry, type Operation, Peer } from "./fixtures/line_protocol.ts";
import { fromArguments } from "./fixtures/parameters.ts";
import { inProcesses } from "./permissions.ts";
import { generator, type Random } from "../lib/random.ts";

/** Which kills; other seeds can be given after `--` on the command line, and how many kills in each test. */
const SEED = fromArguments("seed") ?? 1;
const KILLS = fromArguments("kills");

/** The smallest that LevelDB takes. */
const SMALL_LEVELDB = { writeBufferSize: 64 * 1024, maxFileSize: 1024 * 1024 };

/** When a program is killed. */
interface Plan {
  /** After a line that begins so … */
  readonly line: "opening" | "opened" | "done" | "stopped";
  /** … for the so-manieth time … */
  readonly count: number;
  /** … and after so many milliseconds. */
  readonly delayMs: number;
  /** The operation of the disk that the program stops at; 0 for none. */
  readonly stopAt: number;
}

const PLAN: Plan = { line: "opening", count: 1, delayMs: 0, stopAt: 0 };

/** At the so-manieth acknowledgement, or some time after the opening. */
function atAnyMoment(random: Random): Plan {
  return random(2) === 0
    ? { ...PLAN, line: "done", count: 1 + random(random(4) === 0 ? 400 : 100) }
    : { ...PLAN, line: "opened", delayMs: random(150) };
}

/** Some milliseconds after it began, or at one of its first operations. */
function whileItOpens(random: Random): Plan {
  return random(3) === 0 ? { ...PLAN, delayMs: random(12) } : atOperation(1 + random(20));
}

function atOperation(stopAt: number): Plan {
  return { ...PLAN, line: "stopped", stopAt };
}

// ——— One directory, through many lives ———

/** The part of a disk that the oracles ask; what LevelDB notes for people belongs to no database. */
const directoryOracles: Directory = {
  list: (path) => disk.list(path).filter((name) => parseFileName(name)?.kind !== "infoLog"),
  exists: (path) => disk.exists(path),
  readAll: (path) => Deno.readFileSync(path),
  openHandles: 0,
};

/** Every file of a directory and what is in it. */
function contents(directory: string): Map<string, string> {
  return new Map(
    disk.list(directory).map((name) => [name, Deno.readFileSync(join(directory, name)).toHex()]),
  );
}

/** A database that is written to and killed. */
class Victim {
  readonly directory: string;
  readonly #random: Random;
  readonly #seed: number;
  readonly #history = new History();
  readonly #level = new LevelDB();
  readonly #files = new FileWatch();
  #lives = 0;

  constructor(directory: string, seed: number) {
    this.directory = directory;
    this.#seed = seed;
    this.#random = generator(seed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#level[Symbol.asyncDispose]();
  }

  /** Starts a program that goes on writing, and kills it. */
  async live(plan: Plan): Promise<void> {
    const seed = this.#seed * 1000 + this.#lives++;
    const script = new URL("fixtures/kill_writer.ts", import.meta.url).href;
    const { directory } = this;
    await using child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--quiet",
        "--no-check",
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        script,
        directory,
        `${seed}`,
        `${plan.stopAt}`,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    const listener = new Listener(this.#history, seed);
    let left = plan.count;
    for await (const line of lines) {
      // What it has said by now is still read after its death.
      listener.hear(line);
      if (!line.startsWith(plan.line) || --left !== 0) continue;
      if (plan.delayMs > 0) setTimeout(() => child.kill("SIGKILL"), plan.delayMs);
      else child.kill("SIGKILL");
    }
    assertEquals((await child.status).signal, "SIGKILL");
    this.#files.look(directory, true);
  }

  /** LevelDB writes to the directory, and is killed or closes it. */
  async liveAsLevelDB(isKilled: boolean): Promise<void> {
    await this.#level.open(this.directory);
    const nextStep = stepsOf(this.#seed * 1000 + this.#lives++);
    for (let left = 1 + this.#random(150); left > 0; left--) {
      const step = nextStep();
      const sequence = this.#history.issue(step);
      // Killed in the middle of the last one.
      if (isKilled && left === 1) await this.#level.beginWrite(step);
      else {
        await this.#level.write(step);
        this.#history.acknowledge(sequence, false);
      }
    }
    if (isKilled) await this.#level.kill();
    else await this.#level.close();
    this.#files.look(this.directory, false);
  }

  /** Looks at what a kill has left, with every oracle there is. */
  async inspect(isWritable: boolean): Promise<void> {
    if (!disk.exists(join(this.directory, currentName))) {
      assertEquals(this.#history.issued, 0, "there is no database after something was written");
    } else {
      const before = contents(this.directory);
      const expected = await this.#checkReads({ readOnly: true });
      assertEquals(contents(this.directory), before, "opened to be read only, and changed");
      await this.#checkCopy(expected);
    }
    if (!isWritable) return;
    await this.#checkReads({});
    this.#files.look(this.directory, true);
  }

  /** What we find. */
  async #checkReads(
    options: OpenOptions<string, string>,
  ): Promise<ReadonlyMap<string, string>> {
    const history = this.#history;
    let files: FileCounts;
    let expected: ReadonlyMap<string, string>;
    {
      await using db = await open(this.directory, { ...TINY, ...options });
      const { sequence } = db.stats();
      expected = checkPrefix(history, history.afterKill, sequence);
      history.adopt(sequence); // what was lost now must stay lost
      await checkReads(db, expected, history.keys);
      for (const name of SUBLEVELS) {
        const prefix = `!${name}!`;
        const keys = new Set([...history.keys].filter((key) => key.startsWith(prefix)));
        const own = (key: string) => key.slice(prefix.length);
        const entries = [...expected].filter(([key]) => key.startsWith(prefix));
        await checkReads(
          db.sublevel(name),
          new Map(entries.map(([key, value]) => [own(key), value])),
          [...keys].map(own),
        );
      }
      files = countFiles(db);
    }
    if (!options.readOnly) checkFiles(directoryOracles, this.directory, files);
    return expected;
  }

  /** What LevelDB finds, in a copy. */
  async #checkCopy(expected: ReadonlyMap<string, string>): Promise<void> {
    const copy = `${this.directory}_copy`;
    Deno.mkdirSync(copy);
    for (const name of disk.list(this.directory)) {
      Deno.copyFileSync(join(this.directory, name), join(copy, name));
    }
    await this.#level.open(copy);
    await this.#level.check(expected, this.#history.keys);
    await this.#level.close();
    Deno.removeSync(copy, { recursive: true });
  }
}

/** Hears what the program says, and notes it in the history. */
class Listener {
  readonly #history: History;
  readonly #nextStep: () => Step;
  /** The sequence number that each step ends at. */
  readonly #ends: number[] = [];

  constructor(history: History, seed: number) {
    this.#history = history;
    this.#nextStep = stepsOf(seed);
  }

  hear(line: string): void {
    const history = this.#history;
    const [word, number] = line.split(" ");
    const count = Number(number);
    if (word === "asked") {
      while (this.#ends.length < count) this.#ends.push(history.issue(this.#nextStep()));
    } else if (word === "done") {
      history.acknowledge(this.#ends[count - 1]!, false);
    } else if (word === "opened") {
      checkPrefix(history, history.afterKill, count);
      history.adopt(count);
    }
  }
}

/** Watches the files: numbers only grow, and nobody writes to the file of a dead writer. */
class FileWatch {
  #present = new Map<string, string>();
  /** The highest number so far. */
  #highest = 0;

  /**
   * Looks at the files that have come since the last time, and at those that have stayed.
   *
   * @param directory Where they are.
   * @param byUs Whether the new ones are ours. LevelDB looks at the manifest alone: what a kill has left, and no
   * manifest names, is written over when its number comes. So with LevelDB's files we begin anew.
   */
  look(directory: string, byUs: boolean): void {
    const present = new Map<string, string>();
    let highest = byUs ? this.#highest : 0;
    for (const [name, content] of contents(directory)) {
      const file = parseFileName(name);
      if (file === undefined || !["table", "log", "manifest"].includes(file.kind)) continue;
      present.set(name, content);
      highest = Math.max(highest, file.number);
      if (!byUs) continue;
      const before = this.#present.get(name);
      if (before !== undefined) {
        assert(content === before, `${name} was written to after its writer had died`);
      } else {
        assert(
          file.number > this.#highest,
          `${name} is new and its number is not: there was a ${this.#highest}`,
        );
      }
    }
    this.#present = present;
    this.#highest = highest;
  }
}

/** LevelDB, in a process of its own that is started again after it was killed. */
class LevelDB {
  #peer: Peer | undefined;

  get #running(): Peer {
    return this.#peer ??= new Peer("classic_level.ts", [
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-ffi",
    ]);
  }

  async open(directory: string): Promise<void> {
    await this.#running.ask("open", { directory, options: SMALL_LEVELDB });
  }

  async write(step: Step): Promise<void> {
    await this.#running.ask("write", { operations: operationsOf(step) });
  }

  /** Asks for a write and does not wait for it. */
  async beginWrite(step: Step): Promise<void> {
    await this.#running.tell("write", { operations: operationsOf(step) });
  }

  async check(expected: ReadonlyMap<string, string>, keys: Iterable<string>): Promise<void> {
    const entries = [...expected].map(([key, value]): Entry => [hex(key), base64(value)]);
    entries.sort(([a], [b]) => a < b ? -1 : 1);
    const found = await this.#running.ask<Entry[]>("entries", {});
    const different = entries.findIndex(([key, value], i) =>
      found[i]?.[0] !== key || found[i][1] !== value
    );
    assertEquals(different, -1, `LevelDB finds another entry ${different}`);
    assertEquals(found.length, entries.length, "entries that LevelDB finds");
    const all = [...keys];
    const values = await this.#running.ask<(string | null)[]>("get", all.map(hex));
    all.forEach((key, i) => {
      const value = expected.get(key);
      assert(values[i] === (value === undefined ? null : base64(value)), `LevelDB's get of ${key}`);
    });
  }

  async close(): Promise<void> {
    await this.#running.ask("close");
  }

  async kill(): Promise<void> {
    await this.#running.kill();
    this.#peer = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
  }
}

function hex(text: string): string {
  return new TextEncoder().encode(text).toHex();
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function operationsOf(step: Step): Operation[] {
  return step.map(([key, value]) => [hex(key), value === undefined ? null : base64(value)]);
}

// ——— The tests ———

/**
 * A test that kills so many times.
 *
 * @param name What holds.
 * @param kills How often.
 * @param body One round; it kills once and says what it did.
 */
function killTest(
  name: string,
  kills: number,
  body: (victim: Victim, random: Random, round: number) => Promise<void>,
): void {
  Deno.test(name, inProcesses, async () => {
    const parent = await Deno.makeTempDir({ prefix: "varve_kills_" });
    const random = generator(SEED);
    try {
      await using victim = new Victim(join(parent, "db"), SEED);
      for (let round = 0; round < (KILLS ?? kills); round++) {
        try {
          await body(victim, random, round);
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          throw new Error(`--seed=${SEED}, round ${round}: ${message}`, { cause: error });
        }
      }
    } finally {
      await Deno.remove(parent, { recursive: true });
    }
  });
}

killTest(
  "a program killed at random moments has lost nothing that it acknowledged",
  16,
  async (victim, random, round) => {
    await victim.live(atAnyMoment(random));
    await victim.inspect(round % 2 === 1);
  },
);

killTest(
  "a program killed while it opens a database loses nothing that was there",
  20,
  async (victim, random, round) => {
    // Every third life leaves something to recover, and the two after it die recovering it.
    await victim.live(round % 3 === 0 ? atAnyMoment(random) : whileItOpens(random));
    if (round % 3 !== 0 || random(2) === 0) await victim.inspect(round % 6 === 5);
  },
);

killTest(
  "a program killed between two operations of the disk, or in the middle of one, has lost nothing",
  16,
  async (victim, random, round) => {
    await victim.live(atOperation(1 + random(random(2) === 0 ? 60 : 600)));
    await victim.inspect(round % 2 === 1);
  },
);

killTest(
  "LevelDB and we take turns on a directory, are killed in turn, and neither loses anything",
  10,
  async (victim, random, round) => {
    await victim.live(round % 2 === 0 ? atAnyMoment(random) : whileItOpens(random));
    await victim.inspect(false); // LevelDB does not say at which write it goes on
    await victim.liveAsLevelDB(round % 3 !== 0);
    await victim.inspect(round % 3 === 1);
  },
);
