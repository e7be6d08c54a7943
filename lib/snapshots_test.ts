/** Tests of `snapshots.ts`. */
import { assertEquals } from "@std/assert";
import { Snapshots } from "./snapshots.ts";

Deno.test("oldestSequence() is that of the first snapshot still open (invariant 1)", () => {
  const snapshots = new Snapshots();
  assertEquals(snapshots.oldestSequence(9), 9);
  const first = snapshots.take(3);
  const second = snapshots.take(5);
  assertEquals(snapshots.oldestSequence(9), 3);
  snapshots.release(first);
  assertEquals(snapshots.oldestSequence(9), 5);
  snapshots.release(second);
  assertEquals([snapshots.oldestSequence(9), snapshots.count], [9, 0]);
});

Deno.test("two snapshots of one moment are two", () => {
  const snapshots = new Snapshots();
  const first = snapshots.take(4);
  snapshots.take(4);
  snapshots.release(first);
  assertEquals([snapshots.oldestSequence(9), snapshots.count], [4, 1]);
});

Deno.test("release() of a snapshot that is released already does nothing (invariant 2)", () => {
  const snapshots = new Snapshots();
  const first = snapshots.take(1);
  snapshots.take(2);
  snapshots.release(first);
  snapshots.release(first);
  assertEquals(snapshots.count, 1);
  snapshots.clear();
  assertEquals([snapshots.oldestSequence(7), snapshots.count], [7, 0]);
});
