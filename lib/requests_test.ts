/**
 * Who waits for which flush or compaction, and that everyone hears of the end.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { memtableOf } from "../tests/trees.ts";
import { MemtableSlot } from "./memtable_set.ts";
import { BackgroundRequests } from "./requests.ts";

function slotOf(): MemtableSlot {
  return new MemtableSlot(memtableOf("a@1=1"), 3, () => {});
}

function levelOnly(level: number) {
  return { level, begin: undefined, end: undefined };
}

/** Notes, under a name, how a promise ends. */
function note(notes: string[], name: string, promise: Promise<void>): void {
  promise.then(() => notes.push(name), (error) => notes.push(`${name}: ${error.message}`));
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await undefined;
}

Deno.test("Everyone who waits for a memtable hears when it is in a table, and no one else (invariant 1)", async () => {
  const requests = new BackgroundRequests();
  const [one, other] = [slotOf(), slotOf()];
  const notes: string[] = [];
  note(notes, "one", requests.waitForFlush(one));
  note(notes, "one too", requests.waitForFlush(one));
  note(notes, "other", requests.waitForFlush(other));
  requests.flushed(one);
  await settle();
  assertEquals(notes, ["one", "one too"]);
  requests.flushed(other);
  await settle();
  assertEquals(notes, ["one", "one too", "other"]);
});

Deno.test("A flush that nobody waits for is no matter", () => {
  const requests = new BackgroundRequests();
  requests.flushed(slotOf());
  requests.compacted();
  assertEquals(requests.nextCompaction, undefined);
});

Deno.test("Compactions are done one after the other, each heard of by who asked (invariant 1)", async () => {
  const requests = new BackgroundRequests();
  const notes: string[] = [];
  for (const level of [3, 0, 3]) {
    note(notes, `${level}`, requests.waitForCompaction(levelOnly(level)));
  }
  for (const [level, heard] of [[3, "3"], [0, "3 0"], [3, "3 0 3"]] as const) {
    assertEquals(requests.nextCompaction?.level, level);
    assertEquals(requests.nextCompaction?.level, level); // until it is done
    requests.compacted();
    await settle();
    assertEquals(notes.join(" "), heard);
  }
  assertEquals(requests.nextCompaction, undefined);
});

Deno.test("When nothing more is done everyone hears why, and nothing is left to do (invariant 1)", async () => {
  const requests = new BackgroundRequests();
  const [one, other] = [slotOf(), slotOf()];
  const waiting = [
    requests.waitForFlush(one),
    requests.waitForFlush(one),
    requests.waitForFlush(other),
    requests.waitForCompaction(levelOnly(0)),
    requests.waitForCompaction(levelOnly(1)),
  ];
  requests.rejectAll(new RangeError("the disk is gone"));
  for (const promise of waiting) await assertRejects(() => promise, RangeError, "the disk is gone");
  assertEquals(requests.nextCompaction, undefined);
  // What comes to an end afterwards concerns nobody.
  requests.flushed(one);
  requests.compacted();
  const late = requests.waitForFlush(one);
  requests.flushed(one);
  await late;
});
