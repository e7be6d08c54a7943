/**
 * **What.** What a salvage of a damaged table has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Tables are made by `TableWriter`, and then damaged.
 *
 * **Read next.** `../../../lib/table_inspector_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { getFixed32 } from "../../../lib/coding.ts";
import { snappy } from "../../../lib/compression.ts";
import { crc32c, unmask } from "../../../lib/crc32c.ts";
import type { ReadableFile } from "../../../lib/file_system.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  makeInternalKey,
  TRAILER_BYTES,
} from "../../../lib/internal_key.ts";
import { MemoryFileSystem } from "../../../lib/memory_file_system.ts";
import { BLOCK_TRAILER_BYTES, readFooter } from "../../../lib/table_format.ts";
import { type TableDamage, TableInspector } from "../../../lib/table_inspector.ts";
import { TableWriter } from "../../../lib/table_writer.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Lost, Salvaged } from "./build.ts";

type Subject = typeof import("./build.ts");

const comparator = new InternalKeyComparator();
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ENTRIES = 60;

/** A data block. */
interface Block {
  readonly offset: number;
  /** With what is behind it. */
  readonly bytes: number;
  readonly keys: string[];
}

/** A table of some blocks of entries, to be damaged. */
class Stage {
  readonly bytes: Uint8Array;
  readonly blocks: Block[] = [];
  /** Where the index starts. */
  readonly indexAt: number;

  constructor(options: { filterBits?: number; isCompressed?: boolean } = {}) {
    const { filterBits = 10, isCompressed = false } = options;
    const disk = new MemoryFileSystem();
    const writer = new TableWriter(disk.create("table"), {
      comparator,
      blockBytes: 1000,
      restartInterval: 16,
      filterBits,
      compression: isCompressed ? snappy : undefined,
    });
    for (let i = 0; i < ENTRIES; i++) {
      const key = makeInternalKey(encoder.encode(`layer ${1000 + i}`), i + 1, KIND_VALUE);
      const value = encoder.encode("clay".repeat(20));
      writer.add(key, 0, key.length, value, 0, value.length);
    }
    writer.finish();
    this.bytes = disk.readAll("table");
    const file = disk.open("table");
    this.indexAt = readFooter(file).index.offset;
    const table = new TableInspector(file, { comparator, onDamage: () => {} });
    const starts = new Map<number, string[]>();
    for (table.first(); table.valid; table.next()) {
      const key = table.keyBuffer.subarray(table.keyStart, table.keyEnd - TRAILER_BYTES);
      const keys = starts.get(table.blockOffset) ?? [];
      starts.set(table.blockOffset, [...keys, decoder.decode(key)]);
    }
    const offsets = [...starts.keys()];
    for (const [i, [offset, keys]] of [...starts].entries()) {
      this.blocks.push({ offset, keys, bytes: (offsets[i + 1] ?? this.#dataEnd(offset)) - offset });
    }
    assert(this.blocks.length > 4);
  }

  /** Flips a bit in the middle of each of some blocks. */
  flip(...blocks: number[]): this {
    for (const i of blocks) {
      const { offset, bytes } = this.blocks[i]!;
      this.bytes[offset + (bytes >> 1)]! ^= 1;
    }
    return this;
  }

  /** Flips a bit of the index. */
  flipIndex(): this {
    this.bytes[this.indexAt + 3]! ^= 1;
    return this;
  }

  /** Writes one block to the place of another of the same size, as a disk does that writes to a wrong place. */
  misplace(from: number, to: number): this {
    const [source, target] = [this.blocks[from]!, this.blocks[to]!];
    assertEquals(source.bytes, target.bytes);
    this.bytes.copyWithin(target.offset, source.offset, source.offset + source.bytes);
    return this;
  }

  /**
   * Checks what comes out.
   *
   * @param subject What is checked.
   * @param lostBlocks The blocks that must be lost, and no others.
   * @param lost The parts of the file that must be named as lost: by default those blocks.
   * @param size The size that the file is cut to.
   */
  check(subject: Subject, lostBlocks: number[], lost?: Lost[], size?: number): void {
    const disk = new MemoryFileSystem();
    disk.writeAll("table", this.bytes.slice(0, size));
    const file = disk.open("table");
    const salvaged = subject.salvage(file);
    file.close();
    const kept = this.blocks.filter((_, i) => !lostBlocks.includes(i));
    assertEquals(salvaged.keys, kept.flatMap(({ keys }) => keys), "the keys that come out");
    const expected = lost ??
      lostBlocks.map((i) => ({ offset: this.blocks[i]!.offset, bytes: this.blocks[i]!.bytes }));
    assertEquals(salvaged.lost, expected, "what is lost");
  }

  /** Where data ends: behind the last block, which ends where its checksum holds. */
  #dataEnd(offset: number): number {
    for (let end = offset + BLOCK_TRAILER_BYTES;; end++) {
      const stored = unmask(getFixed32(this.bytes, end - 4));
      if (crc32c(this.bytes, offset, end - 4) === stored) return end;
    }
  }
}

const cases: Case<Subject>[] = [
  {
    name: "reads all entries of a table that is whole, compressed or not",
    run(subject) {
      new Stage().check(subject, []);
      new Stage({ isCompressed: true }).check(subject, []);
    },
  },
  {
    name: "goes on behind a damaged block, and says where it is",
    run(subject) {
      new Stage().flip(2).check(subject, [2]);
    },
  },
  {
    name: "goes on behind several, the first and the last among them",
    run(subject) {
      const last = new Stage().blocks.length - 1;
      new Stage({ isCompressed: true }).flip(0, 2, 3, last).check(subject, [0, 2, 3, last]);
    },
  },
  {
    name: "needs no filter and no metaindex for it",
    run(subject) {
      const stage = new Stage();
      const { offset, bytes } = stage.blocks.at(-1)!;
      stage.bytes.fill(0xff, offset + bytes, stage.indexAt);
      stage.check(subject, []);
    },
  },
  {
    name: "takes a whole block for lost that belongs to another place",
    run(subject) {
      new Stage().misplace(1, 3).check(subject, [3]);
      new Stage().misplace(3, 1).check(subject, [1]);
    },
  },
  {
    name: "finds blocks without the index, where that is damaged",
    run(subject) {
      new Stage({ filterBits: 0 }).flipIndex().check(subject, []);
      new Stage({ filterBits: 0, isCompressed: true }).flipIndex().check(subject, []);
    },
  },
  {
    name: "takes no filter for a block of entries",
    run: (subject) => new Stage().flipIndex().check(subject, []),
  },
  {
    name: "finds blocks where the end of the file is cut off, and with it the footer",
    run(subject) {
      const stage = new Stage();
      stage.check(subject, [], [], stage.bytes.length - 1);
      stage.check(subject, [], [], stage.indexAt);
    },
  },
  {
    name: "names all from the block on that the cut went through",
    run(subject) {
      const stage = new Stage();
      const { offset } = stage.blocks[3]!;
      const rest = stage.blocks.map((_, i) => i).slice(3);
      stage.check(subject, rest, [{ offset, bytes: 500 }], offset + 500);
      stage.check(subject, rest, [], offset);
    },
  },
  {
    name: "stops without an index at the first damaged block: nobody knows where the next begins",
    run(subject) {
      const stage = new Stage().flip(2).flipIndex();
      const { offset } = stage.blocks[2]!;
      const rest = stage.blocks.map((_, i) => i).slice(2);
      stage.check(subject, rest, [{ offset, bytes: stage.bytes.length - offset }]);
    },
  },
  {
    name: "believes no block without an index whose keys are not after those before",
    run(subject) {
      const stage = new Stage().misplace(1, 3).flipIndex();
      stage.check(subject, [3]);
    },
  },
];

/** Salvages a table as `lib/table_inspector.ts` does. */
function salvage(file: ReadableFile): Salvaged {
  const lost: Lost[] = [];
  const keys: string[] = [];
  const onDamage = (damage: TableDamage) => {
    if (damage.lost === undefined) return;
    lost.push({ offset: damage.offset, bytes: damage.bytes });
  };
  const table = new TableInspector(file, { comparator, onDamage });
  for (table.first(); table.valid; table.next()) {
    keys.push(
      decoder.decode(table.keyBuffer.subarray(table.keyStart, table.keyEnd - TRAILER_BYTES)),
    );
  }
  return { keys, lost };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title:
    "a salvage of a damaged table, which finds blocks by their checksums where the index is lost",
  own: { salvage },
  cases,
};
