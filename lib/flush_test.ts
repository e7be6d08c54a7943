/**
 * From a memtable to a table, on a small tree.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FlushRequest, memtableOf, SmallTree } from "../tests/trees.ts";
import { SEQUENCE_MAX } from "./internal_key.ts";

const WHOLE = Number.MAX_SAFE_INTEGER;

function request(text: string, more: Partial<FlushRequest> = {}): FlushRequest {
  return {
    memtable: memtableOf(text),
    lastSequence: 100,
    nextLogNumber: 9,
    level: () => 0,
    ...more,
  };
}

function flush(small: SmallTree, text: string, more: Partial<FlushRequest> = {}): void {
  assert(small.flush(request(text, more)).step(WHOLE));
}

Deno.test("tombstones are written, also those of keys that are nowhere (invariant 1)", () => {
  const small = new SmallTree();
  flush(small, "b@2! a@1=x c@3!");
  assertEquals(small.levels(), ["0: a@1=x b@2! c@3!"]);
  small.close();
});

Deno.test("an empty value is written as one", () => {
  const small = new SmallTree();
  flush(small, "a@2= a@1!");
  assertEquals(small.levels(), ["0: a@2="]);
  small.close();
});

Deno.test("only versions that no snapshot can see are left out (invariant 2)", () => {
  const text = "a@9=5 a@7! a@4=3 a@2=2 b@8! b@1=1";
  const cases: [snapshot: number, level: string][] = [
    [SEQUENCE_MAX, "0: a@9=5 b@8!"],
    [8, "0: a@9=5 a@7! b@8!"],
    [4, "0: a@9=5 a@7! a@4=3 b@8! b@1=1"],
    [0, `0: ${text}`],
  ];
  for (const [snapshot, level] of cases) {
    const small = new SmallTree();
    small.snapshot = snapshot;
    flush(small, text);
    assertEquals(small.levels(), [level], `oldest snapshot ${snapshot}`);
    const kept = level.split(" ").length - 1;
    assertEquals(small.counters.droppedEntries, 6 - kept);
    small.close();
  }
});

Deno.test("a key with many versions keeps them all under an old snapshot (invariant 2)", () => {
  const small = new SmallTree();
  small.snapshot = 3;
  const versions = Array.from({ length: 2000 }, (_, i) => `k@${2000 - i}=${i}`);
  flush(small, versions.join(" "), { memtable: memtableOf(versions.join(" "), 1 << 20) });
  assertEquals(small.levels(), [`0: ${versions.slice(0, 1998).join(" ")}`]);
  small.close();
});

Deno.test("the snapshots are those of the start: the memtable holds nothing newer (invariant 2)", () => {
  const small = new SmallTree();
  small.snapshot = 1;
  const job = small.flush(request("a@3=z a@2=y a@1=x b@4=w"));
  job.step(1);
  small.snapshot = SEQUENCE_MAX; // released meanwhile
  while (!job.step(1));
  assertEquals(small.levels(), ["0: a@3=z a@2=y a@1=x b@4=w"]);
  small.close();
});

Deno.test("log number and last sequence number change with the table, in one edit (invariant 3)", () => {
  const small = new SmallTree();
  const appends = () => small.disk.count("append", String(small.tree.manifestNumber));
  flush(small, "a@5=x", { lastSequence: 5, nextLogNumber: 12 });
  assertEquals(appends(), 1);
  assertEquals([small.tree.logNumber, small.tree.flushedSequence], [12, 5]);
  const again = new SmallTree(small.memory);
  assertEquals([again.tree.logNumber, again.tree.flushedSequence], [12, 5]);
  assertEquals(again.levels(), ["0: a@5=x"]);
  again.close();
  small.close();
});

Deno.test("a memtable without entries changes nothing but the log number (invariant 4)", () => {
  const small = new SmallTree();
  small.addTable(1, "a@1=x");
  flush(small, "", { lastSequence: 1, nextLogNumber: 12 });
  assertEquals([small.levels(), small.tree.logNumber], [["1: a@1=x"], 12]);
  assertEquals(small.tableFiles().length, 1);
  assertEquals([small.counters.flushes, small.counters.flushBytes], [1, 0]);
  small.close();
});

Deno.test("the level is chosen by the user keys of what was written, when it is written", () => {
  const small = new SmallTree();
  const asked: string[] = [];
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const job = small.flush(
    request("b@2! c@7=x d@1=y", {
      level: (smallest, largest) => {
        asked.push(`${decode(smallest)}..${decode(largest)}`);
        return 2;
      },
    }),
  );
  job.step(1);
  assertEquals(asked, [], "the tree may change before the end");
  job.step(WHOLE);
  assertEquals(asked, ["b..d"]);
  assertEquals(small.levels(), ["2: b@2! c@7=x d@1=y"]);
  small.close();
});

Deno.test("a step is bounded, and does at least one entry", () => {
  const small = new SmallTree();
  const text = Array.from({ length: 20 }, (_, i) => `k${i + 10}@${i + 1}=${"v".repeat(89)}`);
  const steps = (bytes: number) => {
    const job = small.flush(request(text.join(" ")));
    let count = 1;
    while (!job.step(bytes)) {
      count++;
      assertEquals(small.counters.flushes, 0, "the tree changes in the last step");
    }
    small.counters.flushes = 0;
    return count;
  };
  assertEquals(steps(1), 20);
  assertEquals(steps(500), 4, "five entries of 100 bytes a step");
  assertEquals(steps(2000), 1);
  small.close();
});

Deno.test("what it costs is counted", () => {
  const small = new SmallTree();
  flush(small, "a@2=y a@1=x");
  const { flushes, flushBytes, droppedEntries } = small.counters;
  const bytes = small.memory.size(`db/${small.tableFiles()[0]}`);
  assertEquals({ flushes, flushBytes, droppedEntries }, {
    flushes: 1,
    flushBytes: bytes,
    droppedEntries: 1,
  });
  small.close();
});

Deno.test("abandon() before, between and after steps leaves nothing", () => {
  for (const steps of [0, 1, 2]) {
    const small = new SmallTree();
    const job = small.flush(request("a@1=x b@2=y c@3=z"));
    for (let i = 0; i < steps; i++) job.step(1);
    job.abandon();
    assertEquals([small.tableFiles(), small.levels()], [[], []]);
    small.close();
  }
});

Deno.test("a flush that fails at any step leaves the tree as it was, and no file that nobody needs", () => {
  for (let failing = 0;; failing++) {
    const small = new SmallTree();
    small.addTable(1, "a@1=x");
    const job = small.flush(request("b@2=y", { lastSequence: 2 }));
    small.disk.fails = ({ index }) => index === failing;
    try {
      job.step(WHOLE);
      assertEquals(failing, 6, "create, append, sync, name; manifest append, sync");
      small.close();
      return;
    } catch (error) {
      assert(error instanceof Error && error.message.includes("the test says so"), `${error}`);
    }
    job.abandon();
    small.disk.fails = () => false;
    const why = `failing at change ${failing}`;
    assertEquals([small.levels(), small.tree.flushedSequence], [["1: a@1=x"], 0], why);
    // Only once the manifest was written to may the table be needed: nobody knows whether it is.
    assertEquals(small.tableFiles().length, failing < 4 ? 1 : 2, why);
    const onDisk = small.levelsOnDisk();
    if (onDisk.length > 1) assertEquals(onDisk, ["0: b@2=y", "1: a@1=x"], why);
    small.close();
  }
});

Deno.test("a flush that fails in the middle gives back what it holds", () => {
  const small = new SmallTree();
  small.disk.fails = ({ kind }) => kind === "create";
  const job = small.flush(request("a@1=x"));
  assertThrows(() => job.step(1), Error, "create");
  job.abandon();
  assertEquals(small.tableFiles(), []);
  small.close();
});
