/**
 * **What.** A log as parts, which is what write-ahead logs and manifests are: its fragments, and the records in them.
 * The format is in `log.ts`.
 *
 * A record in one fragment is shown in its place. One in several is shown after the last of them, with offsets that
 * count from its own beginning.
 *
 * **After damage.** A fragment that fails its checksum is shown as it stands, and if it is a whole record, that is
 * taken apart as far as it goes. If a sound one follows where its length
 * says, or the block ends there, it goes on there. Else the next sound fragment of the block is looked for, byte by
 * byte, and then the next block; what is passed over is one part.
 *
 * **Invariants.**
 * 1. Each fragment that is sound and not within another one is shown, whatever is around it.
 * 2. A record in several fragments is put together of sound ones only. One that lacks its beginning or its end is said
 *    to.
 *
 * **Read next.** `dump_block.ts`
 *
 * @module
 */
import { getFixed32 } from "./coding.ts";
import { crc32c, unmask } from "./crc32c.ts";
import {
  checksumText,
  DETAIL,
  type DumpOptions,
  type DumpParts,
  type DumpSource,
  JoinedSource,
  part,
} from "./dump_part.ts";
import { FIRST, FULL, LAST, LOG_BLOCK_BYTES, LOG_HEADER_BYTES, MIDDLE } from "./log.ts";

/** Takes a record apart: a batch or a version edit. */
export type RecordDump = (
  source: DumpSource,
  start: number,
  end: number,
  depth: number,
  options: DumpOptions,
) => DumpParts;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [FULL]: "FULL",
  [FIRST]: "FIRST",
  [MIDDLE]: "MIDDLE",
  [LAST]: "LAST",
};

const LENGTH_BYTES = 2;
const CHECKSUM_BYTES = 4;

/** A fragment's header, and whether the fragment is as it was written. */
interface Fragment {
  readonly offset: number;
  readonly type: number;
  /** Bytes of its payload, as its header says. */
  readonly claimed: number;
  /** Bytes of its payload that are there. */
  readonly there: number;
  /** Where its block ends, or the file if that is before. */
  readonly blockEnd: number;
  readonly stored: number;
  readonly computed: number;
  readonly damage: string | undefined;
}

/**
 * Takes a log apart.
 *
 * @example A log of one record
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { dumpLog } from "./dump_log.ts";
 * import { dumpEdit } from "./dump_manifest.ts";
 * import { FileSource } from "./dump_part.ts";
 * import { LogWriter } from "./log.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 *
 * const disk = new MemoryFileSystem();
 * new LogWriter(disk.create("MANIFEST-000001")).add(Uint8Array.of(4, 12), 0, 2);
 * const source = new FileSource(disk.open("MANIFEST-000001"));
 * const parts = [...dumpLog(source, 0, dumpEdit, { valueBytes: 64, keysOnly: false })];
 * const names = parts.filter(({ isDetail }) => !isDetail).map(({ name }) => name);
 * assertEquals(names, ["fragment", "version edit", "last sequence"]);
 * ```
 *
 * @param source The file.
 * @param depth How deep its fragments are.
 * @param dumpRecord What its records are taken apart by.
 * @param options How much is shown.
 */
export function* dumpLog(
  source: DumpSource,
  depth: number,
  dumpRecord: RecordDump,
  options: DumpOptions,
): DumpParts {
  yield* new LogDump(source, depth, dumpRecord, options).run();
}

class LogDump {
  readonly #source: DumpSource;
  readonly #depth: number;
  readonly #dumpRecord: RecordDump;
  readonly #options: DumpOptions;
  #at = 0;
  /** The fragments of the record that has begun, and where the first one is. */
  #record: JoinedSource | undefined;
  #recordOffset = 0;
  /** Whether the beginning of the record that goes on is missing for a reason that was given already. */
  #isBeginningKnownLost = false;

  constructor(source: DumpSource, depth: number, dumpRecord: RecordDump, options: DumpOptions) {
    this.#source = source;
    this.#depth = depth;
    this.#dumpRecord = dumpRecord;
    this.#options = options;
  }

  *run(): DumpParts {
    const source = this.#source;
    while (this.#at < source.size) {
      const at = this.#at;
      const offset = at - at % LOG_BLOCK_BYTES;
      const blockEnd = Math.min(offset + LOG_BLOCK_BYTES, source.size);
      const number = offset / LOG_BLOCK_BYTES;
      const length = blockEnd - offset;
      if (this.#options.wants?.({ kind: "log", number, offset, length }) === false) {
        this.#at = blockEnd;
        this.#record = undefined;
        this.#isBeginningKnownLost = true;
      } else {
        yield* this.#next(blockEnd);
      }
    }
    yield* this.#endRecord(source.size, "the log ends before its record does");
  }

  /** Shows what comes next in a block. */
  *#next(blockEnd: number): DumpParts {
    const at = this.#at;
    const left = blockEnd - at;
    const isBlockWhole = blockEnd % LOG_BLOCK_BYTES === 0;
    if (left < LOG_HEADER_BYTES) {
      this.#at = blockEnd;
      if (isBlockWhole) {
        yield part(this.#source, this.#depth, at, left, "block trailer", "not looked at", DETAIL);
      } else {
        yield* this.#lost(at, left, "a header that is cut by the end of the file");
      }
      return;
    }
    const header = this.#source.read(at, LOG_HEADER_BYTES);
    if (header.every((byte) => byte === 0)) return yield* this.#zeros(at);
    const fragment = this.#fragmentAt(at, blockEnd);
    this.#at = at + LOG_HEADER_BYTES + fragment.there;
    if (fragment.damage !== undefined) this.#at = this.#afterDamage(fragment);
    yield* this.#dumpFragment(fragment);
  }

  #fragmentAt(offset: number, blockEnd: number): Fragment {
    const header = this.#source.read(offset, LOG_HEADER_BYTES);
    const stored = unmask(getFixed32(header, 0));
    const claimed = header[4]! | (header[5]! << 8);
    const type = header[6]!;
    const there = Math.min(claimed, blockEnd - offset - LOG_HEADER_BYTES);
    const checked = this.#source.read(offset + LOG_HEADER_BYTES - 1, there + 1);
    const computed = crc32c(checked, 0, there + 1);
    let damage: string | undefined;
    if (there < claimed) {
      const isFileEnd = blockEnd === this.#source.size && blockEnd % LOG_BLOCK_BYTES !== 0;
      const end = isFileEnd ? "file" : "block";
      damage = `${claimed - there} of its ${claimed} bytes are behind the end of the ${end}`;
    } else if (computed !== stored) {
      damage = `checksum ${checksumText(stored)} stored, ${checksumText(computed)} computed`;
    } else if (TYPE_NAMES[type] === undefined) {
      damage = `unknown type ${type}`;
    }
    return { offset, type, claimed, there, blockEnd, stored, computed, damage };
  }

  /** Where to go on behind a damaged fragment. */
  #afterDamage({ offset, claimed, there, blockEnd }: Fragment): number {
    const end = offset + LOG_HEADER_BYTES + there;
    const isToTheEnd = claimed === there &&
      (end === blockEnd || blockEnd - end < LOG_HEADER_BYTES);
    if (isToTheEnd || (claimed === there && this.#isSound(end, blockEnd))) return end;
    for (let at = offset + 1; blockEnd - at >= LOG_HEADER_BYTES; at++) {
      if (this.#isSound(at, blockEnd)) return at;
    }
    return blockEnd;
  }

  #isSound(offset: number, blockEnd: number): boolean {
    if (blockEnd - offset < LOG_HEADER_BYTES) return false;
    const header = this.#source.read(offset, LOG_HEADER_BYTES);
    const end = offset + LOG_HEADER_BYTES + (header[4]! | (header[5]! << 8));
    if (TYPE_NAMES[header[6]!] === undefined || end > blockEnd) return false;
    return this.#fragmentAt(offset, blockEnd).damage === undefined;
  }

  *#dumpFragment(fragment: Fragment): DumpParts {
    const { offset, type, claimed, there, stored, damage } = fragment;
    // A damaged one may have been left before the end that it claims.
    const length = this.#at - offset;
    const name = TYPE_NAMES[type] ?? `type ${type}`;
    const isSound = damage === undefined;
    const check = isSound ? `, checksum ${checksumText(stored)} ok` : "";
    const bytes = `${claimed} ${claimed === 1 ? "byte" : "bytes"}`;
    if (type === FULL || type === FIRST) {
      yield* this.#endRecord(offset, "another record begins before its end");
    }
    const text = `${name}, ${bytes}${check}`;
    yield part(this.#source, this.#depth, offset, length, "fragment", text, { damage });
    yield* this.#dumpHeader(fragment, Math.min(length, LOG_HEADER_BYTES));
    const payload = offset + LOG_HEADER_BYTES;
    const payloadBytes = Math.max(0, Math.min(there, length - LOG_HEADER_BYTES));
    // Damage in a whole record is in one of its bytes, most often: the others are worth a look.
    if (type === FULL && length === LOG_HEADER_BYTES + claimed) {
      this.#isBeginningKnownLost = false;
      yield* this.#dumpRecord(
        this.#source,
        payload,
        payload + there,
        this.#depth + 1,
        this.#options,
      );
    } else if (payloadBytes > 0) {
      const options = { isLeaf: true, isDetail: isSound };
      const inner = this.#depth + 1;
      yield part(this.#source, inner, payload, payloadBytes, "payload", "", options);
    }
    const rest = length - LOG_HEADER_BYTES - payloadBytes;
    if (rest > 0) {
      const restAt = payload + payloadBytes;
      yield part(this.#source, this.#depth + 1, restAt, rest, "passed over", "", { isLeaf: true });
    }
    if (!isSound) this.#drop();
    else if (type !== FULL) yield* this.#join(type, payload, there, offset);
  }

  *#dumpHeader({ offset, type, claimed, stored, computed }: Fragment, length: number): DumpParts {
    const source = this.#source;
    const inner = this.#depth + 1;
    // Behind damage, a sound fragment may begin within the header of the damaged one.
    if (length < LOG_HEADER_BYTES) {
      yield part(source, inner, offset, length, "passed over", "", { isLeaf: true });
      return;
    }
    const lengthAt = offset + CHECKSUM_BYTES;
    const typeAt = lengthAt + LENGTH_BYTES;
    const checksum = stored === computed
      ? `${checksumText(stored)}, stored masked`
      : `${checksumText(stored)} stored, masked; ${checksumText(computed)} computed`;
    yield part(source, inner, offset, CHECKSUM_BYTES, "checksum", checksum, DETAIL);
    yield part(source, inner, lengthAt, LENGTH_BYTES, "length", `${claimed} bytes`, DETAIL);
    const typeText = `${type}: ${TYPE_NAMES[type] ?? "unknown"}`;
    yield part(source, inner, typeAt, 1, "type", typeText, DETAIL);
  }

  /** Takes a sound fragment of a record in several, and shows the record when it is whole. */
  *#join(type: number, payload: number, length: number, offset: number): DumpParts {
    if (type === FIRST) {
      this.#record = new JoinedSource(this.#source, `record at ${offset}`);
      this.#recordOffset = offset;
      this.#isBeginningKnownLost = false;
    }
    const record = this.#record;
    if (record === undefined) {
      if (!this.#isBeginningKnownLost) {
        const damage = "a record without its beginning";
        yield part(this.#source, this.#depth, offset, 0, "record", "", { damage });
        this.#isBeginningKnownLost = true;
      }
      return;
    }
    record.add(payload, length);
    if (type !== LAST) return;
    this.#record = undefined;
    const text = `${record.size} bytes, of fragments from ${this.#recordOffset} on`;
    yield part(this.#source, this.#depth, this.#recordOffset, 0, "record", text);
    yield* this.#dumpRecord(record, 0, record.size, this.#depth + 1, this.#options);
  }

  /** Says of a record that has begun that its end is missing. */
  *#endRecord(offset: number, damage: string): DumpParts {
    const record = this.#record;
    this.#record = undefined;
    // LevelDB once wrote an empty FIRST where a block had room for a header and nothing more.
    if (record === undefined || (record.size === 0 && offset < this.#source.size)) return;
    yield part(this.#source, this.#depth, this.#recordOffset, 0, "record", "", { damage });
  }

  /** Forgets the record that has begun: why is said where the damage is. */
  #drop(): void {
    this.#record = undefined;
    this.#isBeginningKnownLost = true;
  }

  *#lost(offset: number, length: number, damage: string): DumpParts {
    this.#drop();
    yield part(this.#source, this.#depth, offset, length, "rest", "", { damage, isLeaf: true });
  }

  /** Shows zeros where a header should be: up to the end, or to the next block with something in it. */
  *#zeros(offset: number): DumpParts {
    const { size } = this.#source;
    let end = offset;
    let hasMore = false;
    while (end < size && !hasMore) {
      const blockEnd = Math.min(end - end % LOG_BLOCK_BYTES + LOG_BLOCK_BYTES, size);
      const bytes = this.#source.read(end, blockEnd - end);
      const other = bytes.findIndex((byte) => byte !== 0);
      hasMore = other >= 0;
      if (!hasMore) end = blockEnd;
      else if (end === offset) end = this.#soundFrom(end + 1, blockEnd);
    }
    this.#at = end;
    const length = end - offset;
    if (hasMore || end < size) {
      return yield* this.#lost(offset, length, "zeros, with something behind them");
    }
    const text = "never written";
    yield part(this.#source, this.#depth, offset, length, "zeros", text, { isLeaf: true });
  }

  /** Where in a block the next sound fragment is; where the block ends if there is none. */
  #soundFrom(offset: number, blockEnd: number): number {
    let at = offset;
    while (at < blockEnd && !this.#isSound(at, blockEnd)) at++;
    return at;
  }
}
