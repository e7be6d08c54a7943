/**
 * **What.** A small part of `deno task test:crash` in every test run, and tests of the test: each oracle finds what it
 * is there to find, disks that break their promises are found out, and a failure can be seen again.
 *
 * **Invariants.**
 * 1. What a workload is for happens in it: recoveries crash, manifests roll over, operations fail.
 *
 * **Read next.** `crash.ts`
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { WritableFile } from "../lib/file_system.ts";
import { SimulatedFileSystem } from "../lib/simulated_file_system.ts";
import { MemoryFileSystem } from "../mod.ts";
import { type Choice, crash, parseArguments, UsageError } from "./crash.ts";
import { History } from "./fixtures/crash_history.ts";
import {
  checkFiles,
  checkNewFile,
  checkPrefix,
  checkReads,
  contentsOf,
  type Directory,
  OracleError,
} from "./fixtures/crash_oracles.ts";
import { crashAllTheWay, CrashFailure, Totals } from "./fixtures/crash_run.ts";
import { type Workload, WORKLOADS } from "./fixtures/crash_workloads.ts";
import { inProcesses } from "./permissions.ts";

// ——— Crashes ———

function workloadOf(name: string): Workload {
  return WORKLOADS.find((it) => it.name === name)!;
}

/** A workload with fewer points, for a run that takes less than a second. */
function thinned(workload: Workload): Workload {
  const { everyPoint, steps, keyBytes = 0, valueBytes } = workload;
  const [first, second = 1] = everyPoint;
  const isLarge = keyBytes + valueBytes > 20_000;
  return {
    ...workload,
    steps: Math.min(steps, 120),
    everyPoint: [first! * (isLarge ? 6 : steps > 30 ? 3 : 1), Math.max(second, 60), 12],
  };
}

for (const workload of WORKLOADS) {
  Deno.test(`nothing is lost wherever the power fails: ${workload.name}`, async () => {
    const totals = new Totals();
    await crashAllTheWay(thinned(workload), 1, totals);
    assert(totals.points > 20, `only ${totals.points} crash points`);
    assert(totals.recoveryPoints > 0, "no recovery was crashed");
    assert(totals.histories >= totals.states);
    if (["faults", "worker-faults", "syncs"].includes(workload.name)) {
      assert(totals.faults > 0, "nothing failed");
      assert(totals.resumptions > 0, "nothing went on after a failure");
    }
    if (workload.name === "awaited") {
      assert(totals.syncPoints > 0, "no crash while an awaited sync was under way");
    }
    if (workload.name === "rollover") assert(totals.rollovers > 0, "no manifest rolled over");
  });
}

Deno.test("the same seed crashes the same way", async () => {
  const run = async (seed: number): Promise<Totals> => {
    const totals = new Totals();
    await crashAllTheWay(thinned(workloadOf("awaited")), seed, totals);
    return totals;
  };
  assertEquals(await run(3), await run(3));
});

// ——— Disks that do not keep their promises ———

/** A file whose syncs do nothing, in one of their forms. */
function unsynced(file: WritableFile, form: "sync" | "syncSync"): WritableFile {
  return {
    path: file.path,
    get size() {
      return file.size;
    },
    append: (bytes) => file.append(bytes),
    sync: () => form === "sync" ? Promise.resolve() : file.sync(),
    syncSync: () => form === "syncSync" ? undefined : file.syncSync(),
    close: () => file.close(),
  };
}

/** Disks on which some files are not synced. */
function diskWithout(form: "sync" | "syncSync", files: RegExp): typeof SimulatedFileSystem {
  return class extends SimulatedFileSystem {
    override create(path: string): WritableFile {
      return this.#opened(super.create(path));
    }

    override openAppend(path: string): WritableFile {
      return this.#opened(super.openAppend(path));
    }

    #opened(file: WritableFile): WritableFile {
      return files.test(file.path) ? unsynced(file, form) : file;
    }
  };
}

const BROKEN_PROMISES: readonly {
  name: string;
  workload: string;
  Disk: typeof SimulatedFileSystem;
  finding: RegExp;
}[] = [
  {
    name: "syncSync() does nothing to logs",
    workload: "puts",
    Disk: diskWithout("syncSync", /\.log$/),
    finding: /acknowledged writes are lost/,
  },
  {
    name: "sync() does nothing",
    workload: "awaited",
    Disk: diskWithout("sync", /\.log$/),
    finding: /acknowledged writes are lost/,
  },
  {
    name: "syncSync() does nothing to tables",
    workload: "tables",
    Disk: diskWithout("syncSync", /\.ldb$/),
    finding: /Cannot read database: .*\.ldb/,
  },
  {
    name: "syncSync() does nothing to manifests",
    workload: "tables",
    Disk: diskWithout("syncSync", /MANIFEST/),
    finding: /Cannot read database: .*MANIFEST/,
  },
  {
    name: "syncDirectory() does nothing",
    workload: "tables",
    Disk: class extends SimulatedFileSystem {
      override syncDirectory(): void {}
    },
    finding: /CURRENT is missing|which does not exist|is missing/,
  },
  {
    name: "rename() removes the target first",
    workload: "puts",
    Disk: class extends SimulatedFileSystem {
      override rename(from: string, to: string): void {
        if (this.exists(to)) this.remove(to);
        super.rename(from, to);
      }
    },
    finding: /CURRENT is missing/,
  },
  {
    name: "remove() does nothing",
    workload: "tables",
    Disk: class extends SimulatedFileSystem {
      override remove(): void {}
    },
    finding: /files leak/,
  },
];

for (const { name, workload, Disk, finding } of BROKEN_PROMISES) {
  Deno.test(`a disk whose ${name} is found out`, async () => {
    const chosen = thinned(workloadOf(workload));
    const findings: string[] = [];
    for (let seed = 1; seed <= 3; seed++) {
      try {
        await crashAllTheWay(chosen, seed, new Totals(), { Disk });
      } catch (error) {
        assert(error instanceof CrashFailure);
        findings.push(error.message);
      }
    }
    assert(findings.some((it) => finding.test(it)), `it found ${findings}`);
  });
}

Deno.test("the command that a failure names repeats it", async () => {
  const Disk = diskWithout("syncSync", /\.log$/);
  const workload = workloadOf("short");
  const failed = await assertRejects(
    () => crashAllTheWay(workload, 2, new Totals(), { Disk }),
    CrashFailure,
  );
  const [, command] = /again: deno task test:crash (.*)$/.exec(failed.message)!;
  const choice = parseArguments(command!.split(" "));
  assertEquals(choice, { first: 2, last: 2, workload });
  const again = await assertRejects(
    () => crashAllTheWay(choice.workload!, choice.first, new Totals(), { Disk }),
    CrashFailure,
  );
  assertEquals(again.message, failed.message);
});

// ——— The oracles ———

/** Three writes: one entry, a batch of two, and a delete. */
function exampleHistory(): History {
  const history = new History();
  history.acknowledge(history.issue([["a", "1"]]), true);
  history.acknowledge(history.issue([["b", "2"], ["c", "3"]]), false);
  history.issue([["a", undefined]]);
  return history;
}

Deno.test("a history knows what was promised and what may be there", () => {
  const history = exampleHistory();
  assertEquals(history.afterPowerCut, { least: 1, most: 4 });
  assertEquals(history.afterKill, { least: 3, most: 4 });
  assertEquals([...history.stateAt(3)!], [["a", "1"], ["b", "2"], ["c", "3"]]);
  assertEquals([...history.stateAt(4)!.keys()], ["b", "c"]);
  const fork = history.fork(3);
  history.trim();
  assertEquals(history.stateAt(0), undefined);
  assertEquals(history.stateAt(1)!.size, 1);
  history.adopt(3);
  assertEquals([history.issued, history.durable, history.written], [3, 3, 3]);
  assertEquals(history.issue([["d", "4"]]), 4);
  assertEquals([fork.issued, fork.stateAt(3)!.size, [...fork.keys]], [3, 3, ["a", "b", "c"]]);
});

Deno.test("checkPrefix() finds lost writes, half a batch, and writes nobody asked for", () => {
  const history = exampleHistory();
  const check = (sequence: number) => checkPrefix(history, history.afterPowerCut, sequence);
  for (const sequence of [1, 3, 4]) assertEquals(check(sequence), history.stateAt(sequence));
  assertThrows(() => check(0), OracleError, "acknowledged writes are lost");
  assertThrows(() => check(2), OracleError, "a batch is there in part");
  assertThrows(() => check(5), OracleError, "only 4 was asked for");
});

Deno.test("checkReads() finds an entry that is missing, wrong, or back again", async () => {
  type Entries = [string, string][];
  const expected = new Map([["a", "1"], ["b", "2"]]);
  const keys = ["a", "b", "deleted"];
  const check = async (changes: {
    scan?: Entries;
    reverse?: Entries;
    get?: Entries;
    many?: Entries;
  }) => {
    const right: Entries = [...expected];
    const { scan = right, reverse = right.toReversed(), get = right, many = right } = changes;
    await checkReads(
      {
        entriesSync: (range) => (range?.reverse ? reverse : scan).values(),
        getSync: (key) => new Map(get).get(key),
        getMany: (keys) => Promise.resolve(keys.map((key) => new Map(many).get(key))),
      },
      expected,
      keys,
    );
  };
  await check({});
  const wrong: Record<string, Entries> = {
    "is missing": [["b", "2"]],
    "is missing at the end": [["a", "1"]],
    "has another value": [["a", "0"], ["b", "2"]],
    "is back again": [["a", "1"], ["b", "2"], ["deleted", "3"]],
    "is out of order": [["b", "2"], ["a", "1"]],
  };
  for (const [name, entries] of Object.entries(wrong)) {
    await assertRejects(() => check({ scan: entries }), OracleError, "a scan", name);
    await assertRejects(
      () => check({ reverse: entries.toReversed() }),
      OracleError,
      "a reverse scan",
      name,
    );
    if (name === "is out of order") continue;
    await assertRejects(() => check({ many: entries }), OracleError, "getMany", name);
  }
  await assertRejects(() => check({ get: [["b", "2"]] }), OracleError, 'get of "a"');
});

/** A directory with files of these names, all of them empty. */
function directoryOf(names: readonly string[], openHandles = 0): Directory {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("db");
  for (const name of names) disk.writeAll(`db/${name}`, new Uint8Array(0));
  return Object.assign(disk, { openHandles });
}

const CLEAN = ["CURRENT", "LOCK", "MANIFEST-000004", "000003.log", "000005.ldb"];

Deno.test("checkFiles() finds every file that leaks, is missing or open", () => {
  const check = (names: readonly string[], openHandles = 0) =>
    checkFiles(directoryOf(names, openHandles), "db", { tables: 1, logs: 1 });
  check(CLEAN);
  for (const name of CLEAN) {
    assertThrows(() => check(CLEAN.filter((it) => it !== name)), OracleError, "files leak", name);
  }
  for (const name of ["000006.ldb", "000002.log", "MANIFEST-000001", "000004.dbtmp", "notes.txt"]) {
    assertThrows(() => check([...CLEAN, name]), OracleError, name);
  }
  assertThrows(() => check(CLEAN, 1), OracleError, "1 handles are still open");
});

Deno.test("checkNewFile() finds names and numbers that are given out again", () => {
  const check = (name: string, names: readonly string[] = CLEAN) =>
    checkNewFile(directoryOf(names), "db", `db/${name}`, 5);
  for (const name of ["000006.ldb", "MANIFEST-000007", "000003.dbtmp", "LOCK"]) check(name);
  check("MANIFEST-000001", ["MANIFEST-000001", "LOCK"]); // a database that was never finished
  assertThrows(() => check("000005.ldb"), OracleError, "is there already");
  assertThrows(() => check("000005.log"), OracleError, "number 5 again");
  assertThrows(() => check("000002.ldb"), OracleError, "number 2 again");
  assertThrows(() => check("notes.txt"), OracleError, "no file of a database");
});

Deno.test("contentsOf() tells any two directories apart", () => {
  const disk = new MemoryFileSystem();
  const texts = [contentsOf(Object.assign(disk, { openHandles: 0 }), "db")];
  const add = () => texts.push(contentsOf(Object.assign(disk, { openHandles: 0 }), "db"));
  disk.makeDirectory("db");
  disk.writeAll("db/a", Uint8Array.of(1, 2));
  add();
  disk.writeAll("db/a", Uint8Array.of(1, 3));
  add();
  disk.writeAll("db/a", Uint8Array.of(1, 3, 0));
  add();
  disk.rename("db/a", "db/b");
  add();
  assertEquals(new Set(texts).size, texts.length);
});

// ——— The program ———

Deno.test("parseArguments() refuses what makes no sense, and says what", () => {
  const parse = (...args: string[]): Choice => parseArguments(args);
  assertEquals(parse("--seeds=7"), { first: 1, last: 7, workload: undefined });
  assertEquals(parse("--seed=7"), { first: 7, last: 7, workload: undefined });
  assertEquals(parse("--seed=7", "--workload=puts").workload?.name, "puts");
  const refused: [string[], string][] = [
    [["--sedes=7"], 'unknown argument "--sedes=7"'],
    [["7"], 'unknown argument "7"'],
    [["--seeds"], 'unknown argument "--seeds"'],
    [["--seeds=0"], "--seeds must be a whole number from 1 on"],
    [["--seed=1.5"], "--seed must be a whole number from 1 on"],
    [["--seed=1", "--seed=2"], "--seed is given twice"],
    [["--seed=1", "--seeds=2"], "exclude each other"],
    [["--workload=putts"], "--workload must be one of creation, "],
  ];
  for (const [args, message] of refused) {
    assertThrows(() => parseArguments(args), UsageError, message);
  }
});

Deno.test("crash() ends with a line that says what was done", async () => {
  const lines: string[] = [];
  const workload = thinned(workloadOf("short"));
  assertEquals(await crash({ first: 4, last: 5, workload }, (line) => lines.push(line)), true);
  assertEquals(lines.length, 1);
  const numbers = "crash points: \\d+, crash states: \\d+, faults injected: 0, " +
    "histories checked: \\d+, failures: 0 \\(seeds 4\\.\\.5, ";
  assert(new RegExp(`^${numbers}`).test(lines[0]!), lines[0]);
});

Deno.test("the program's exit status tells success from bad arguments", inProcesses, async () => {
  const run = async (...args: string[]) => {
    const program = new URL("crash.ts", import.meta.url).href;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", program, ...args],
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  const good = await run("--workload=awaited", "--seed=1");
  assertEquals([good.code, good.stderr], [0, ""]);
  assertStringIncludes(good.stdout, "failures: 0");
  const bad = await run("--seedz=1");
  assertEquals([bad.code, bad.stdout], [2, ""]);
  assertStringIncludes(bad.stderr, 'Cannot crash: unknown argument "--seedz=1"');
});
