/**
 * The worker's side, stepped by hand over a disk that fails when a test says so.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { entry, utf8 } from "../tests/tables.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import { JobChannel } from "./job_channel.ts";
import { decodeReport, type JobReport, toPosted } from "./job_messages.ts";
import type { JobDescription } from "./job_runner.ts";
import { JobServer } from "./job_server.ts";
import { mailboxMemory, MailboxReceiver } from "./mailbox.ts";

/** A server, and what the other side has of it. */
class Stage {
  readonly small = new SmallTree();
  readonly channel = new JobChannel();
  readonly mailbox: MailboxReceiver;
  readonly server: JobServer;
  wakes = 0;
  #lastId = 0;

  constructor(mailboxBytes?: number) {
    const mailbox = mailboxMemory(mailboxBytes);
    this.mailbox = new MailboxReceiver(mailbox);
    const { memory: fileNumbers } = this.small.tree.fileNumbers;
    const setup = { directory: "db", channel: this.channel.memory, mailbox, fileNumbers };
    this.server = new JobServer(setup, this.small.disk, () => this.wakes++);
  }

  start(description: JobDescription): number {
    const id = ++this.#lastId;
    const posted = structuredClone(toPosted(description));
    this.server.receive({ kind: "start", id, description: posted });
    return id;
  }

  /** Steps until there is nothing more to do, and gives all reports. */
  finish(): JobReport[] {
    const reports: JobReport[] = [];
    while (this.server.step() || this.mailbox.hasPart) {
      const message = this.mailbox.take();
      if (message !== undefined) reports.push(decodeReport(message));
    }
    return reports;
  }
}

/** Entries of 2 MB in all: several steps. */
function large(sequence: number): string {
  const value = "v".repeat(1000);
  return Array.from({ length: 2000 }, (_, i) => `k${10_000 + i}@${sequence}=${value}`).join(" ");
}

Deno.test("A server is ready, and jobs become reports of durable tables", () => {
  const stage = new Stage();
  assert(stage.channel.isReady);
  const { small } = stage;
  small.addTable(0, "a@1=x b@2=y");
  small.addTable(0, "b@3!");
  const flush = stage.start(small.describeFlush(memtableOf("c@4=z c@3=w")));
  const compaction = stage.start(small.describeCompaction(0));
  const reports = stage.finish();
  assertEquals(reports.map((report) => [report.kind, (report as { id: number }).id]), [
    ["done", flush],
    ["done", compaction],
  ]);
  const results = reports.map((report) => report.kind === "done" ? report.result : undefined);
  const contents = results.map((it) => it!.tables.map((table) => small.entriesOf(table)));
  assertEquals(contents, [["c@4=z"], ["a@1=x"]]);
  assertEquals(results.map((it) => it!.droppedEntries), [1, 2]);
  const unsynced = small.disk.changes.filter(({ kind }) => /^sync/.test(kind)).length;
  assertEquals(unsynced, 4, "each table and its name");
  assert(stage.wakes >= 2);
  small.close();
});

Deno.test("A flush goes before a compaction that is under way (invariant 1)", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, large(5));
  small.addTable(2, large(4));
  const compaction = stage.start(small.describeCompaction(1));
  assert(stage.server.step());
  const flush = stage.start(small.describeFlush(memtableOf("c@4=z")));
  const ids = stage.finish().map((report) => (report as { id: number }).id);
  assertEquals(ids, [flush, compaction]);
  assertEquals(stage.channel.bytes("compaction") > stage.channel.bytes("flush"), true);
  small.close();
});

Deno.test("What fails is reported with its code, and leaves nothing (invariants 2 and 3)", () => {
  for (const failing of ["create", "append", "sync", "syncDirectory"] as const) {
    const stage = new Stage();
    const { small } = stage;
    small.addTable(1, "a@1=x");
    const handles = small.disk.openHandles;
    stage.start(small.describeCompaction(1));
    small.disk.fails = ({ kind }) => kind === failing;
    const [report, ...others] = stage.finish().filter(({ kind }) => kind !== "log");
    assert(report?.kind === "failed" && others.length === 0, failing);
    assertInstanceOf(report.error, VarveError);
    assertEquals([report.error.code, report.error.message.includes("test says")], ["IO", true]);
    small.disk.fails = () => false;
    assertEquals([small.tableFiles().length, small.disk.openHandles], [1, handles], failing);
    small.close();
  }
});

Deno.test("Damage is reported with file and offset (invariant 2)", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, "a@1=x b@2=y");
  const path = `db/${small.tableFiles()[0]}`;
  const bytes = small.memory.readAll(path);
  bytes[3]! ^= 1;
  small.memory.writeAll(path, bytes);
  stage.start(small.describeCompaction(1));
  const [report] = stage.finish();
  assert(report?.kind === "failed");
  assertInstanceOf(report.error, CorruptionError);
  assertEquals([report.error.file, report.error.offset], [path, 0]);
  small.close();
});

Deno.test("A request that makes no sense is reported, and the next one is done (invariant 2)", () => {
  const stage = new Stage();
  const description = stage.small.describeFlush(memtableOf("a@1=x"));
  stage.start({ ...description, memtable: new SharedArrayBuffer(8) });
  stage.server.receive({
    kind: "start",
    id: 77,
    description: { ...description, kind: "compaction", levels: utf8("nonsense") } as never,
  });
  const last = stage.start(description);
  const reports = stage.finish() as { kind: string; id: number }[];
  assertEquals(reports.map(({ kind, id }) => `${kind} ${id}`).sort(), [
    `done ${last}`,
    "failed 1",
    "failed 77",
  ]);
  stage.small.close();
});

Deno.test("A job that is given up ends before its next step, and removes what it wrote (invariant 3)", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, large(5));
  const handles = small.disk.openHandles;
  const id = stage.start(small.describeCompaction(1, 100_000));
  for (let i = 0; i < 3; i++) assert(stage.server.step());
  assert(small.tableFiles().length > 1);
  stage.channel.giveUp(id);
  assertEquals(stage.finish(), [{ kind: "abandoned", id }]);
  assertEquals([small.tableFiles().length, small.disk.openHandles], [1, handles]);
  small.close();
});

Deno.test("A job that is given up in the middle of a step creates no file any more (invariant 4)", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, large(5));
  const id = stage.start(small.describeCompaction(1, 20_000));
  let creations = 0;
  small.disk.fails = ({ kind }) => {
    if (kind === "create" && ++creations === 2) stage.channel.giveUp(id);
    return false;
  };
  const [report] = stage.finish();
  assertEquals([report?.kind, creations, small.tableFiles().length], ["failed", 2, 1]);
  small.close();
});

Deno.test("Reports that are longer than the mailbox arrive, as it is emptied", () => {
  const stage = new Stage(100);
  const { small } = stage;
  const key = "k".repeat(500);
  for (let i = 0; i < 3; i++) stage.start(small.describeFlush(memtableOf(`${key}${i}@1=x`)));
  const keys = stage.finish().map((report) => {
    assert(report.kind === "done");
    return report.result.tables[0]!.smallest;
  });
  assertEquals(keys, [0, 1, 2].map((i) => entry(`${key}${i}`, "", 1)[0]));
  small.close();
});

Deno.test("A step is told of if the other side wants it, and counted if it does not", () => {
  const stage = new Stage();
  stage.small.addTable(1, large(5));
  stage.start(stage.small.describeCompaction(1));
  const { channel, server } = stage;
  const { steps } = channel;
  server.step();
  assertEquals([channel.steps, stage.wakes], [steps + 1, 0]);
  channel.setWanted();
  server.step();
  server.step();
  assertEquals([channel.steps, stage.wakes], [steps + 3, 1]);
  stage.finish();
  stage.small.close();
});

Deno.test("What a job logs is reported", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, large(5));
  const id = stage.start(small.describeCompaction(1));
  stage.server.step();
  small.disk.fails = ({ kind }) => kind === "remove";
  stage.channel.giveUp(id);
  const reports = stage.finish();
  assertEquals(reports.map(({ kind }) => kind), ["log", "abandoned"]);
  assert(reports[0]?.kind === "log" && reports[0].message.includes("cannot remove table"));
  small.disk.fails = () => false;
  small.close();
});

/** Files to be removed. */
function leftovers({ small }: Stage, count: number): string[] {
  const paths = Array.from({ length: count }, (_, i) => `db/${900_000 + i}.log`);
  for (const path of paths) small.memory.writeAll(path, utf8("old"));
  return paths;
}

Deno.test("Files are removed, a few at each step, and what became of them is reported", () => {
  const stage = new Stage();
  const { small: { disk, memory }, server } = stage;
  const paths = leftovers(stage, 9);
  const isThere = () => paths.filter((path) => memory.exists(path)).length;
  disk.fails = ({ kind, name }) => kind === "remove" && paths[1]!.endsWith(name);
  server.receive({ kind: "remove", paths: [...paths, "db/none"] });
  assert(server.step());
  assert(isThere() > 1 && isThere() < 9, `${isThere()}`);
  const [report, ...others] = stage.finish();
  assert(report?.kind === "removed" && others.length === 0);
  const [first, second, ...rest] = report.outcomes;
  assertEquals([first, ...rest], [...Array(8).fill(true), false]);
  assert(typeof second === "string" && second.includes("the test says so"), `${second}`);
  assertEquals(isThere(), 1);
  disk.fails = () => false;
  stage.small.close();
});

Deno.test("A compaction waits for files to be removed, a flush does not (invariant 5)", () => {
  const stage = new Stage();
  const { small } = stage;
  small.addTable(1, large(5));
  stage.start(small.describeCompaction(1));
  stage.start(small.describeFlush(memtableOf("c@4=z")));
  stage.server.receive({ kind: "remove", paths: leftovers(stage, 100) });
  assertEquals(
    stage.finish().map((report) => report.kind === "done" ? report.id : report.kind),
    [2, "removed", 1],
  );
  small.close();
});

Deno.test("Once all is given up no file is removed (invariant 4)", () => {
  const stage = new Stage();
  const paths = leftovers(stage, 20);
  stage.server.receive({ kind: "remove", paths });
  let removals = 0;
  stage.small.disk.fails = ({ kind }) => {
    if (kind === "remove" && ++removals === 2) stage.channel.giveUpAll();
    return false;
  };
  assertEquals([stage.finish(), removals], [[], 2]);
  assertEquals(paths.filter((path) => stage.small.memory.exists(path)).length, 18);
  stage.small.close();
});
