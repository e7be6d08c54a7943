/**
 * **What.** The figure of a search in a block: what is stored of each key, and which entries the search looks at.
 *
 * **Invariants.**
 * 1. What is stored is read from a block that the builder wrote; what is looked at is what `StoredBlock.search` reads.
 *
 * **Read next.** `../05_the_block.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { BlockBuilder } from "../../lib/block_builder.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  makeInternalKey,
  SEQUENCE_MAX,
  TRAILER_BYTES,
} from "../../lib/internal_key.ts";
import { StoredBlock } from "../../lib/stored_block.ts";
import { type Figure, Sheet } from "./drawing.ts";

const RESTART_INTERVAL = 8;
const WANTED = "core-3/0150";
const KEYS = ["1", "2", "3", "4"].flatMap((core) =>
  ["0000", "0012", "0025", "0050", "0100", "0125", "0150", "0200"].map((depth) =>
    `core-${core}/${depth}`
  )
);

/** A block that notes which entries are looked at. */
export class WatchedBlock extends StoredBlock {
  /** Where they start, in the order of looking. */
  readonly looks: number[] = [];

  /** Looks at an entry, and notes it. */
  override readEntry(at: number): void {
    this.looks.push(at);
    super.readEntry(at);
  }
}

interface Entry {
  readonly at: number;
  readonly key: string;
  readonly shared: number;
}

function built(): WatchedBlock {
  const builder = new BlockBuilder(RESTART_INTERVAL);
  KEYS.forEach((text, i) => {
    const key = makeInternalKey(new TextEncoder().encode(text), i + 1, KIND_VALUE);
    builder.add(key, 0, key.length, key, 0, 4);
  });
  const end = builder.finish();
  const block = new WatchedBlock(end);
  block.bytes.set(builder.buffer.subarray(0, end));
  block.accept(end, "figure", 0);
  return block;
}

function entriesOf(block: WatchedBlock): Entry[] {
  const entries: Entry[] = [];
  let key = "";
  for (let at = 0; at < block.entriesEnd; at = block.valueEnd) {
    block.readEntry(at);
    const rest = block.bytes.subarray(block.unsharedAt, block.valueStart - TRAILER_BYTES);
    key = key.slice(0, block.shared) + new TextDecoder().decode(rest);
    entries.push({ at, key, shared: block.shared });
  }
  assertEquals(entries.map((entry) => entry.key), KEYS);
  return entries;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A block of 32 keys in four groups of eight. The first key of each group is whole; of the others only the end is " +
    "stored. A search compares the first keys of two groups, then goes from entry to entry in one of them: nine " +
    "looks in a block of 32 entries, of which two are at the same one.",
  draw() {
    const block = built();
    const entries = entriesOf(block);
    const target = makeInternalKey(new TextEncoder().encode(WANTED), SEQUENCE_MAX, KIND_VALUE);
    block.looks.length = 0;
    assert(block.search(new InternalKeyComparator(), target, 0, target.length));
    const looks = [...block.looks];
    assertEquals([looks.length, new Set(looks).size], [9, 8], "one of them is looked at twice");

    const sheet = new Sheet("A search in a block");
    sheet.text(
      20,
      28,
      `search("${WANTED}") looks at ${looks.length} entries of ${entries.length}`,
      {
        style: "bold",
      },
    );
    entries.forEach(({ at, key, shared }, i) => {
      const x = 20 + Math.floor(i / RESTART_INTERVAL) * 183;
      const y = 44 + (i % RESTART_INTERVAL) * 30;
      const order = looks.flatMap((look, step) => look === at ? [step + 1] : []);
      const tone = key === WANTED ? "amber" : order.length > 0 ? "blue" : "grey";
      sheet.box(x, y, 168, 26, { tone, radius: 0 });
      const stored = key.slice(shared).padStart(key.length, "·");
      sheet.text(x + 8, y + 17, stored, { style: "mono" });
      sheet.text(x + 160, y + 17, order.join(", "), { anchor: "end", style: "bold" });
    });
    const y = 44 + RESTART_INTERVAL * 30 + 20;
    sheet.text(
      20,
      y,
      "A dot: a byte that is not stored, since the key before has it too. Top row: restart points.",
      {
        style: "soft",
      },
    );
    sheet.text(
      20,
      y + 20,
      "Numbers: in which order the search looks. Blue: looked at. Amber: found. Not shown: eight bytes of each key.",
      {
        style: "soft",
      },
    );
    return sheet.finish(y + 36);
  },
};
