/**
 * Tests of `repair_report.ts`: notes, and their sum.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { RepairNotes } from "./repair_report.ts";

Deno.test("a file is in the report once, with the last that became of it (invariant 1)", () => {
  const notes = new RepairNotes();
  notes.note("b", "kept").entryCount = 3;
  notes.note("b", "rewritten").entryCount++;
  notes.note("a", "unused").movedTo = "lost/a";
  assertEquals(notes.of("c"), undefined);
  assertEquals(notes.report(true), {
    isComplete: true,
    usedManifest: true,
    lostBytes: 0,
    leftOutCount: 0,
    files: [
      { file: "a", fate: "unused", entryCount: 0, leftOutCount: 0, damage: [], movedTo: "lost/a" },
      { file: "b", fate: "rewritten", entryCount: 4, leftOutCount: 0, damage: [] },
    ],
  });
});

Deno.test("only what may have held entries counts as lost", () => {
  const notes = new RepairNotes();
  const record = notes.note("a", "rewritten");
  notes.damaged(record, { offset: 5, bytes: 10, what: "filter" });
  assertEquals(notes.report(false).isComplete, true);
  const lost = { after: undefined, upTo: undefined, mayContain: () => true };
  notes.damaged(record, { offset: 0, bytes: 5, what: "block", lost });
  notes.missing("b", 100);
  const report = notes.report(false);
  assertEquals([report.isComplete, report.lostBytes, report.usedManifest], [false, 105, false]);
  assertEquals(report.files.map(({ damage }) => damage.map(({ isLoss }) => isLoss)), [
    [false, true],
    [true],
  ]);
});

Deno.test("a value that was left out is something lost", () => {
  const notes = new RepairNotes();
  notes.note("a", "rewritten").leftOutCount = 2;
  const { isComplete, leftOutCount, lostBytes } = notes.report(true);
  assertEquals([isComplete, leftOutCount, lostBytes], [false, 2, 0]);
});
