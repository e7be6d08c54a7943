/**
 * A walk over one view that holds what it walks over.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytewiseKeys, utf8 } from "../tests/tables.ts";
import { memtableOf, SmallTree } from "../tests/trees.ts";
import { CorruptionError } from "./errors.ts";
import { MemtableSlot } from "./memtable_set.ts";
import { ReadView } from "./read_view.ts";
import { Scan, type ScanBounds } from "./scan.ts";
import { emptyVersionEdit } from "./version_edit.ts";

const EVERYTHING: ScanBounds = { lower: undefined, upper: undefined };

interface Moment {
  small: SmallTree;
  slot: MemtableSlot;
  view: ReadView;
  released: () => boolean;
}

/** A tree with one table, and a memtable over it. */
function momentOf(table: string, memtable: string): Moment {
  const small = new SmallTree();
  small.addTable(1, table);
  let isReleased = false;
  const slot = new MemtableSlot(memtableOf(memtable), 3, () => isReleased = true);
  return { small, slot, view: new ReadView([slot], small.tree), released: () => isReleased };
}

function scanOf(view: ReadView, sequence: number, bounds = EVERYTHING, onClose = () => {}): Scan {
  return new Scan(view, bytewiseKeys, sequence, bounds, { fillPool: true, onClose });
}

function walk({ cursor }: Scan): string {
  const words: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) {
    const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = cursor;
    const parts = [keyBuffer.slice(keyStart, keyEnd), valueBuffer.slice(valueStart, valueEnd)];
    words.push(parts.map((part) => new TextDecoder().decode(part)).join("="));
  }
  return words.join(" ");
}

Deno.test("a scan goes over user keys between its bounds, at its sequence number", () => {
  const { small, view } = momentOf("a@1=a1 b@2=b2 c@3=c3", "b@5! d@6=d6 a@9=a9");
  const scan = scanOf(view, 6);
  assertEquals(walk(scan), "a=a1 c=c3 d=d6");
  scan.close();
  const bounded = scanOf(view, 4, {
    lower: { key: utf8("a"), inclusive: false },
    upper: { key: utf8("c"), inclusive: true },
  });
  assertEquals(walk(bounded), "b=b2 c=c3");
  bounded.close();
  view.release();
  small.close();
});

Deno.test("a scan sees what was there when it was started (invariant 1)", () => {
  const { small, slot, view, released } = momentOf("a@1=a1 c@3=c3", "b@5=b5");
  const scan = scanOf(view, 5);
  scan.cursor.first();
  // Written, flushed and compacted since: the view that everyone else has is another one.
  slot.memtable.add(6, 1, utf8("bb"), 0, 2, utf8("x"), 0, 1);
  slot.memtable.add(7, 0, utf8("c"), 0, 1, utf8("x"), 0, 0);
  const [table] = small.tree.version.levels[1]!;
  const edit = emptyVersionEdit();
  edit.deleted.push({ level: 1, number: table!.number });
  small.tree.apply(edit);
  view.release();
  assertEquals([released(), small.tableFiles().length], [false, 1]);
  assertEquals(walk(scan), "a=a1 b=b5 c=c3");
  scan.close();
  assertEquals([released(), small.tableFiles().length], [true, 0]);
  small.close();
});

Deno.test("close() lets go of view and blocks, tells of it, and does nothing the second time (invariant 2)", () => {
  const { small, view, released } = momentOf("a@1=a1 b@2=b2", "c@3=c3");
  let told = 0;
  const scan = scanOf(view, 9, EVERYTHING, () => told++);
  scan.cursor.first();
  assert(small.pool.stats().pinnedBytes > 0);
  view.release();
  assertEquals([scan.isClosed, told, released()], [false, 0, false]);
  scan.close();
  assertEquals([scan.isClosed, told, released()], [true, 1, true]);
  assertEquals([small.pool.stats().pinnedBytes, scan.cursor.valid], [0, false]);
  scan.close();
  assertEquals(told, 1);
  small.close();
});

Deno.test("a scan that cannot be started holds nothing", () => {
  const { small, view, released } = momentOf("a@1=a1", "b@2=b2");
  const { number } = small.addTable(0, "a@3=a3");
  const broken = new ReadView(view.memtables, small.tree);
  small.memory.writeAll(small.tree.tablePath(number), new Uint8Array(64));
  assertThrows(() => scanOf(broken, 9), CorruptionError);
  broken.release();
  view.release();
  assert(released());
  small.close();
});
