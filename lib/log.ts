/**
 * **What.** The framing of the write-ahead log and of the manifest: a file of records that is only ever
 * appended to, and that can be read after a crash. Records are cut at the borders of 32 KiB blocks, so that a
 * reader that met damage knows where to look for the next header.
 *
 * **Format.**
 * ```text
 * log      := block[], every one 32 KiB long but the last
 * block    := fragment[], trailer
 * fragment := fixed32 masked CRC-32C of type and payload, 2 bytes length (little-endian), type, payload
 * type     := 1 FULL: a whole record | 2 FIRST, 3 MIDDLE, 4 LAST: a record in several fragments
 * trailer  := fewer than 7 bytes, in which no header has room: written as zeros, not looked at
 * ```
 * A header of zeros is none: it is where a file was extended and not written.
 *
 * **Torn or damaged?** A power cut leaves the last append unfinished: cut off, in part zeros, or with a hole,
 * since the disk writes pages in any order. That is the end of the log. Bytes that change afterwards are
 * damage, and what follows them was promised to somebody. So a fragment that is cut or fails its checksum is
 * a *torn tail*, dropped without an error, unless one of these proves otherwise; then it is *damage*:
 * - A whole record begins behind it: a FULL or FIRST that passes its checksum. (A MIDDLE or LAST proves
 *   nothing, since it may belong to the same unfinished append.) Looked for at every byte of the same block,
 *   then fragment by fragment from the beginning of every later block. The bad fragment's own payload is
 *   passed over, since a value may well hold a piece of a log; but if no writer can have written its header
 *   (unknown type, or a length beyond the block) and nothing valid follows where it says, the search starts
 *   behind its first byte.
 * - Its checksum holds for another length, and a fragment or a border follows there: the length has changed.
 * - Its length goes beyond its block, and the file goes on behind the block.
 *
 * **A hole.** Where several appends were not synced yet, a power cut may lose sectors of an earlier one and keep
 * a later one: zeros, and whole records behind them. Nobody was told that any of it is durable, so for a log
 * whose appends may be unsynced (`holes: "end"`) that is its end as well. Sectors of 512 bytes are lost whole, or
 * from the end of a sync or of an append on, which is where a fragment begins. So a bad fragment with a whole
 * record behind it is a hole if all is zeros from its beginning to the end of that sector, or in a whole sector
 * that it reaches into. But a value may have had those zeros. So it is damage after all if one byte that changed
 * elsewhere in the fragment explains the checksum; unless the zeros begin and end exactly at borders of sectors,
 * with other bytes around them, as those of a value do once in 2^18.
 *
 * Some things look the same whichever they were. After a power cut a database must open, so these count as a
 * hole, of which recovery warns: synced sectors that the disk turned into zeros; a changed byte that was the last
 * in a sector of zeros; several changed bytes in a fragment with a sector of zeros. The other way round, a hole
 * that has a zero beside it, in a fragment of n bytes, looks by chance like one changed byte, n in 2^24 times
 * (1 in 500 for the longest), and counts as damage: better to refuse once too often than to lose what was synced.
 *
 * Fragments that pass their checksum in an order that no writer produces are damage too, wherever they are,
 * with one exception: an empty FIRST may be followed by another FIRST or FULL, as LevelDB once wrote it.
 *
 * **Invariants.**
 * 1. A record comes out exactly as it went in, or not at all: without salvage, what is read is always a
 *    prefix of what was written.
 * 2. A change of one field of one fragment (checksum, length, type, payload) is never taken for a torn tail,
 *    unless it is in the last record; nor for a hole, unless it leaves a whole sector of zeros.
 * 3. A reader needs memory for the largest record that is there, whatever a damaged length claims.
 * 4. A record of up to about 1 MiB is one `append`.
 * 5. With `holes: "end"`, whatever unsynced sectors a power cut loses, what is read is the records before the
 *    first of them, without an error; unless it looks like one changed byte, by chance, once in 500 at most.
 *
 * Source: LevelDB's `doc/log_format.md`.
 *
 * **Read next.** `arena.ts`
 *
 * @module
 */
import { EMPTY_BYTES } from "./bytes.ts";
import { getFixed32, putFixed32 } from "./coding.ts";
import { changedByte, crc32c, mask, unmask } from "./crc32c.ts";
import { CorruptionError, VarveError } from "./errors.ts";
import type { ReadableFile, WritableFile } from "./file_system.ts";
import { invariant } from "./invariant.ts";

/** Bytes of a block. */
export const LOG_BLOCK_BYTES: number = 32 * 1024;
/** Bytes before the payload of a fragment: checksum, length, type. */
export const LOG_HEADER_BYTES = 7;
/** Bytes that a record may take in a log before its payload: the longest trailer of a block, and a header. */
export const LOG_ROOM_BYTES: number = 2 * LOG_HEADER_BYTES - 1;

const LENGTH_OFFSET = 4;
const TYPE_OFFSET = 6;
/** Types of fragments: a whole record, its beginning, what is between, and its end. */
export const FULL = 1, FIRST = 2, MIDDLE = 3, LAST = 4;
/** The least that a disk writes or loses as a whole. Disks with larger sectors lose several of these at once. */
const SECTOR_BYTES = 512;
/** A fragment that is cut or fails its checksum. */
const BAD = -1;
/** No such place in the file. */
const NOWHERE = -1;
/** Larger records are appended in pieces, so that framing one needs no second copy of it in memory. */
const APPEND_BYTES_MAX = 1024 * 1024;
/** The checksum of each type byte, which the payload's checksum continues. */
const TYPE_CRCS = Uint32Array.from({ length: LAST + 1 }, (_, i) => crc32c(Uint8Array.of(i), 0, 1));

/**
 * Appends records to a log.
 *
 * @example Writing a record and reading it back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LogReader, LogWriter } from "./log.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 *
 * const disk = new MemoryFileSystem();
 * const writer = new LogWriter(disk.create("000001.log"));
 * writer.add(Uint8Array.of(1, 2, 3), 0, 3);
 *
 * const reader = new LogReader(disk.open("000001.log"));
 * assertEquals(reader.next(), true);
 * const { recordBuffer, recordStart, recordEnd } = reader;
 * assertEquals(recordBuffer.slice(recordStart, recordEnd), Uint8Array.of(1, 2, 3));
 * assertEquals(reader.next(), false);
 * ```
 */
export class LogWriter {
  /** The file that is written to. */
  readonly file: WritableFile;
  #size: number;
  #frame: Uint8Array = EMPTY_BYTES;
  /** What was appended last of a caller's memory, of which memory, from where. */
  #view: Uint8Array = EMPTY_BYTES;
  #viewed: Uint8Array = EMPTY_BYTES;
  #viewFrom = 0;
  #isBroken = false;

  /**
   * Goes on at the end of a file.
   *
   * @param file A new file, or one that ends with a whole record: what follows a torn tail is lost.
   */
  constructor(file: WritableFile) {
    this.file = file;
    this.#size = file.size;
  }

  /** Bytes in the log. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends a record. It is not durable before {@linkcode WritableFile.sync}.
   *
   * @param buffer What holds the record.
   * @param start Where it starts.
   * @param end Where it ends, exclusive.
   * @param room How many bytes before `start` may be written over. With {@linkcode LOG_ROOM_BYTES} of them, a record
   * that fits into its block gets its header where it is, and is not copied.
   * @throws {VarveError} `IO` if the file system fails. The log may end in half a record then, and takes no more.
   */
  add(buffer: Uint8Array, start: number, end: number, room: number = 0): void {
    invariant(start >= room && start <= end && end <= buffer.length, "a record lies in its buffer");
    if (this.#isBroken) {
      throw new VarveError("IO", `Cannot add to log: an earlier append failed: ${this.file.path}`);
    }
    const left = LOG_BLOCK_BYTES - this.#size % LOG_BLOCK_BYTES;
    const trailer = left < LOG_HEADER_BYTES ? left : 0;
    const fits = end - start + LOG_HEADER_BYTES <= (trailer > 0 ? LOG_BLOCK_BYTES : left);
    if (fits && room >= LOG_ROOM_BYTES) this.#addInPlace(buffer, start, end, trailer);
    else this.#addCopied(buffer, start, end);
  }

  /** Appends a record of one fragment from the caller's memory, behind the trailer of the block before. */
  #addInPlace(buffer: Uint8Array, start: number, end: number, trailer: number): void {
    const header = start - LOG_HEADER_BYTES;
    const from = header - trailer;
    if (trailer > 0) buffer.fill(0, from, header);
    const crc = crc32c(buffer, start, end, TYPE_CRCS[FULL]!);
    putHeader(buffer, header, crc, end - start, FULL);
    // Records of one size often come one after another from one memory. A new view for each is 5 % of a put.
    if (buffer !== this.#viewed || from !== this.#viewFrom || end - from !== this.#view.length) {
      this.#view = buffer.subarray(from, end);
      this.#viewed = buffer;
      this.#viewFrom = from;
    }
    this.#append(this.#view);
  }

  /** Cuts a record into fragments, and copies each of them behind its header. */
  #addCopied(buffer: Uint8Array, start: number, end: number): void {
    this.#reserveFrame(end - start);
    let used = 0;
    let at = start;
    let isBegun = false;
    do {
      if (used + 2 * LOG_HEADER_BYTES + Math.min(end - at, LOG_BLOCK_BYTES) > APPEND_BYTES_MAX) {
        this.#append(this.#frame.subarray(0, used));
        used = 0;
      }
      let room = LOG_BLOCK_BYTES - (this.#size + used) % LOG_BLOCK_BYTES;
      if (room < LOG_HEADER_BYTES) {
        this.#frame.fill(0, used, used + room);
        used += room;
        room = LOG_BLOCK_BYTES;
      }
      // With room for a header only, this writes an empty FIRST, as LevelDB does.
      const length = Math.min(end - at, room - LOG_HEADER_BYTES);
      const isEnd = at + length === end;
      const type = isEnd ? (isBegun ? LAST : FULL) : (isBegun ? MIDDLE : FIRST);
      const crc = crc32c(buffer, at, at + length, TYPE_CRCS[type]!);
      putHeader(this.#frame, used, crc, length, type);
      used += LOG_HEADER_BYTES;
      this.#frame.set(buffer.subarray(at, at + length), used);
      used += length;
      at += length;
      isBegun = true;
    } while (at < end);
    this.#append(this.#frame.subarray(0, used));
  }

  /** Makes the frame large enough for a record, or for the largest append. */
  #reserveFrame(recordBytes: number): void {
    const fragments = 2 + Math.floor(recordBytes / (LOG_BLOCK_BYTES - LOG_HEADER_BYTES));
    const needed = Math.min(recordBytes + (fragments + 1) * LOG_HEADER_BYTES, APPEND_BYTES_MAX);
    if (needed <= this.#frame.length) return;
    const doubled = Math.min(2 * this.#frame.length, APPEND_BYTES_MAX);
    this.#frame = new Uint8Array(Math.max(needed, doubled));
  }

  #append(bytes: Uint8Array): void {
    // Counts as broken until it has worked.
    this.#isBroken = true;
    this.file.append(bytes);
    this.#isBroken = false;
    this.#size += bytes.length;
  }
}

/** Writes the header of a fragment with a payload of `length` bytes. */
function putHeader(into: Uint8Array, at: number, crc: number, length: number, type: number): void {
  putFixed32(into, at, mask(crc));
  into[at + LENGTH_OFFSET] = length;
  into[at + LENGTH_OFFSET + 1] = length >>> 8;
  into[at + TYPE_OFFSET] = type;
}

/** How a log ended: see {@linkcode LogReader.endReason}. */
export type LogEndReason =
  /** With a whole record. */
  | "whole"
  /** In the middle of a header, of a fragment, or of a record. */
  | "cut"
  /** With zeros where a header should be. */
  | "zeros"
  /** With a fragment that does not pass its checksum. */
  | "checksum"
  /** With zeros that a power cut left, and whole records behind them; only with `holes: "end"`. */
  | "hole";

/** What a {@linkcode LogReader} does about damage. */
export interface LogReaderOptions {
  /**
   * Whether to skip what is damaged and go on with the next whole record, where there is one.
   *
   * @default {false}
   */
  salvage?: boolean;
  /**
   * What zeros with whole records behind them are. In a log whose appends may be unsynced, a power cut leaves
   * them, and they are its `"end"`. Where each record is synced before the next, they are `"damage"`.
   *
   * @default {"damage"}
   */
  holes?: "damage" | "end";
  /** Called for every range of the file that salvage skips. A torn tail is not one. */
  onDamage?: (offset: number, bytes: number, reason: string) => void;
}

/**
 * Reads the records of a log, one after another. The current record is plain fields; it is good until the
 * next call. Nothing is copied unless the record comes in several fragments.
 *
 * @example A log whose last record was cut off
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LogReader, LogWriter } from "./log.ts";
 * import { MemoryFileSystem } from "./memory_file_system.ts";
 *
 * const disk = new MemoryFileSystem();
 * const file = disk.create("000001.log");
 * new LogWriter(file).add(Uint8Array.of(1, 2, 3), 0, 3);
 * file.append(Uint8Array.of(0x12, 0x34));
 *
 * const reader = new LogReader(disk.open("000001.log"));
 * assertEquals([reader.next(), reader.next()], [true, false]);
 * assertEquals([reader.endReason, reader.validOffset, reader.tornBytes], ["cut", 10, 2]);
 * ```
 */
export class LogReader {
  /** The file that is read. */
  readonly file: ReadableFile;
  /** What holds the current record. */
  recordBuffer: Uint8Array = EMPTY_BYTES;
  /** Where the current record starts in {@linkcode recordBuffer}. */
  recordStart = 0;
  /** Where it ends, exclusive. */
  recordEnd = 0;
  /** Where in the file the header of its first fragment is. */
  recordOffset = 0;
  /** Where in the file the last whole record ends; 0 if there is none so far. */
  validOffset = 0;
  /** How the log ended; `undefined` until {@linkcode next} has returned false. */
  endReason: LogEndReason | undefined = undefined;

  readonly #salvage: boolean;
  readonly #endsAtHoles: boolean;
  readonly #onDamage: (offset: number, bytes: number, reason: string) => void;
  readonly #block = new Uint8Array(LOG_BLOCK_BYTES);
  #blockOffset = NOWHERE;
  #blockBytes = 0;
  #size: number;
  /** Where in the file the next header is looked for. */
  #at = 0;
  /** Where a record in several fragments is put together. */
  #joined: Uint8Array = EMPTY_BYTES;
  #joinedBytes = 0;
  #failure: CorruptionError | undefined = undefined;

  /**
   * Starts at the beginning of a file, and reads it up to its present size.
   *
   * @param file The log. It stays the caller's to close.
   * @param options What to do about damage.
   */
  constructor(file: ReadableFile, options: LogReaderOptions = {}) {
    this.file = file;
    this.#size = file.size;
    this.#salvage = options.salvage ?? false;
    this.#endsAtHoles = options.holes === "end";
    this.#onDamage = options.onDamage ?? (() => {});
  }

  /** Bytes of the torn tail, which were dropped; 0 until {@linkcode next} has returned false. */
  get tornBytes(): number {
    const isTorn = this.endReason !== undefined && this.endReason !== "whole";
    return isTorn ? this.#size - this.validOffset : 0;
  }

  /**
   * Goes to the next record.
   *
   * @returns False if there is none: {@linkcode endReason} says how the log ended.
   * @throws {CorruptionError} If the log is damaged here, unless salvaging; and again on every later call.
   */
  next(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.endReason !== undefined) return false;
    // Where the record that is being put together starts.
    let begin = NOWHERE;
    while (this.#findHeader()) {
      const at = this.#at;
      let type = this.#verify(at);
      if (type === BAD) {
        // What is dropped for it is gone for good, and the read may have gone wrong: look again.
        this.#blockOffset = NOWHERE;
        if (!this.#findHeader()) break;
        type = this.#verify(at);
      }
      if (type === BAD) {
        if (!this.#passBadFragment(at, begin === NOWHERE ? at : begin)) return false;
        begin = NOWHERE;
        continue;
      }
      this.#at = this.#claimedEnd(at);
      const start = at + LOG_HEADER_BYTES - this.#blockOffset;
      const end = this.#at - this.#blockOffset;
      if (type === FULL || type === FIRST) {
        if (begin !== NOWHERE && this.#joinedBytes > 0) {
          this.#damaged(begin, begin, at, "log record without its end");
        }
        if (type === FULL) return this.#found(at, this.#block, start, end);
        begin = at;
        this.#joinedBytes = 0;
        this.#join(start, end);
      } else if (type !== MIDDLE && type !== LAST) {
        const from = begin === NOWHERE ? at : begin;
        this.#damaged(at, from, this.#at, `log fragment of unknown type ${type}`);
        begin = NOWHERE;
      } else if (begin === NOWHERE) {
        this.#damaged(at, at, this.#at, "log record without its beginning");
      } else {
        this.#join(start, end);
        if (type === LAST) return this.#found(begin, this.#joined, 0, this.#joinedBytes);
      }
    }
    this.endReason = begin === NOWHERE && this.#at === this.#size ? "whole" : "cut";
    return false;
  }

  /** Moves on to the next header and loads its block; false if the file ends before there is a whole one. */
  #findHeader(): boolean {
    const room = LOG_BLOCK_BYTES - this.#at % LOG_BLOCK_BYTES;
    if (room < LOG_HEADER_BYTES && this.#at + room <= this.#size) this.#at += room;
    if (this.#size - this.#at < LOG_HEADER_BYTES) return false;
    this.#load(this.#at);
    return this.#size - this.#at >= LOG_HEADER_BYTES;
  }

  /** Reads the block that a file offset is in. */
  #load(offset: number): void {
    const blockOffset = offset - offset % LOG_BLOCK_BYTES;
    if (blockOffset === this.#blockOffset) return;
    const wanted = Math.min(LOG_BLOCK_BYTES, this.#size - blockOffset);
    this.#blockBytes = Math.min(this.file.read(this.#block, blockOffset), wanted);
    this.#blockOffset = blockOffset;
    // The file is shorter than it was when it was opened.
    if (this.#blockBytes < wanted) this.#size = blockOffset + this.#blockBytes;
  }

  /** Where in the file a fragment ends, according to its header. */
  #claimedEnd(offset: number): number {
    const length = offset - this.#blockOffset + LENGTH_OFFSET;
    return offset + LOG_HEADER_BYTES + (this.#block[length]! | (this.#block[length + 1]! << 8));
  }

  /** The type of a fragment in the loaded block, {@linkcode BAD} if it is cut or fails its checksum. */
  #verify(offset: number): number {
    const header = offset - this.#blockOffset;
    const end = this.#claimedEnd(offset) - this.#blockOffset;
    if (end > this.#blockBytes) return BAD;
    const crc = crc32c(this.#block, header + TYPE_OFFSET, end);
    return getFixed32(this.#block, header) === mask(crc) ? this.#block[header + TYPE_OFFSET]! : BAD;
  }

  /** Adds a range of the block to the record that is being put together. */
  #join(start: number, end: number): void {
    const needed = this.#joinedBytes + end - start;
    if (needed > this.#joined.length) {
      const doubled = Math.min(2 * this.#joined.length, this.#size);
      const larger = new Uint8Array(Math.max(needed, doubled));
      larger.set(this.#joined.subarray(0, this.#joinedBytes));
      this.#joined = larger;
    }
    this.#joined.set(this.#block.subarray(start, end), this.#joinedBytes);
    this.#joinedBytes = needed;
  }

  /** Makes a record the current one. */
  #found(offset: number, buffer: Uint8Array, start: number, end: number): boolean {
    this.recordBuffer = buffer;
    this.recordStart = start;
    this.recordEnd = end;
    this.recordOffset = offset;
    this.validOffset = this.#at;
    return true;
  }

  /**
   * Tells a torn tail from damage; see the head of this file.
   *
   * @param at Where the bad fragment is.
   * @param from Where the record that it belongs to starts, as far as is known.
   * @returns False if the log ends here; true if salvage goes on behind it.
   */
  #passBadFragment(at: number, from: number): boolean {
    const header = at - this.#blockOffset;
    const blockEnd = this.#blockOffset + LOG_BLOCK_BYTES;
    const claimedEnd = this.#claimedEnd(at);
    const type = this.#block[header + TYPE_OFFSET]!;
    const isType = type >= FULL && type <= LAST;
    const isZeros = areZeros(this.#block, header, header + LOG_HEADER_BYTES);
    const trueEnd = isType ? this.#endByChecksum(at) : NOWHERE;

    let proof = "";
    let searchFrom = claimedEnd;
    if (trueEnd !== NOWHERE) {
      proof = "log fragment with a wrong length";
      searchFrom = trueEnd;
    } else if (!isType || claimedEnd > blockEnd) {
      // No writer has written this header.
      if (claimedEnd > blockEnd && blockEnd < this.#size) proof = "log fragment beyond its block";
      if (!this.#isRecordFragment(claimedEnd)) searchFrom = at + 1;
    }
    // Before the search, which loads other blocks.
    const isHole = this.#endsAtHoles && claimedEnd <= blockEnd && this.#isHole(at);
    const next = this.#searchRecord(searchFrom);
    if (proof === "" && (next === NOWHERE || isHole)) {
      const tear = isZeros ? "zeros" : claimedEnd > this.#size ? "cut" : "checksum";
      this.endReason = next === NOWHERE ? tear : "hole";
      return false;
    }
    if (proof === "") proof = `log fragment ${isZeros ? "of zeros" : "failing its checksum"}`;
    this.#at = next === NOWHERE ? this.#size : next;
    this.#damaged(at, from, this.#at, proof);
    return true;
  }

  /** Whether sectors that a power cut lost explain a bad fragment: see the head of this file. */
  #isHole(at: number): boolean {
    const block = this.#block;
    const start = at - this.#blockOffset;
    const end = Math.min(this.#claimedEnd(at) - this.#blockOffset, this.#blockBytes);
    let hasLost = false;
    for (let from = start; from < end;) {
      let to = from;
      while (to < end && this.#isLost(to)) to = sectorEnd(to);
      if (to > from) {
        hasLost = true;
        const isWithin = from > start && to < this.#blockBytes;
        if (isWithin && block[from - 1] !== 0 && block[to] !== 0) return true;
      }
      from = Math.max(to, sectorEnd(from));
    }
    if (!hasLost) return false;
    const changed = this.#changedByte(start, end);
    return changed === NOWHERE || this.#isLost(Math.max(start, changed - changed % SECTOR_BYTES));
  }

  /** Whether all is zeros from a place in the loaded block to the end of its sector. */
  #isLost(from: number): boolean {
    return areZeros(this.#block, from, Math.min(sectorEnd(from), this.#blockBytes));
  }

  /** The one byte of a fragment in the loaded block whose change explains that it fails its checksum. */
  #changedByte(start: number, end: number): number {
    const stored = getFixed32(this.#block, start);
    const crc = crc32c(this.#block, start + TYPE_OFFSET, end);
    const difference = stored ^ mask(crc);
    for (let i = 0; i < LENGTH_OFFSET; i++) {
      if ((difference & ~(255 << (8 * i))) === 0) return start + i;
    }
    const behind = changedByte(unmask(stored), crc, end - start - TYPE_OFFSET);
    return behind < 0 ? NOWHERE : end - 1 - behind;
  }

  /** The end of a fragment by which its checksum holds, if a fragment or a border follows there. */
  #endByChecksum(offset: number): number {
    const header = offset - this.#blockOffset;
    const stored = unmask(getFixed32(this.#block, header));
    let end = header + LOG_HEADER_BYTES;
    let crc = crc32c(this.#block, header + TYPE_OFFSET, end);
    while (true) {
      if (crc === stored) {
        const hasNoHeader = end === this.#blockBytes || LOG_BLOCK_BYTES - end < LOG_HEADER_BYTES;
        if (hasNoHeader || this.#isRecordFragment(this.#blockOffset + end)) {
          return this.#blockOffset + end;
        }
      }
      if (end === this.#blockBytes) return NOWHERE;
      crc = crc32c(this.#block, end, end + 1, crc);
      end++;
    }
  }

  /** Whether a fragment in the loaded block, of one of the four types, passes its checksum. */
  #isRecordFragment(offset: number): boolean {
    const header = offset - this.#blockOffset;
    if (header + LOG_HEADER_BYTES > this.#blockBytes) return false;
    const type = this.#block[header + TYPE_OFFSET]!;
    return type >= FULL && type <= LAST && this.#verify(offset) !== BAD;
  }

  /**
   * Looks for the beginning of a record, byte by byte up to the end of the loaded block, then from the
   * beginning of each later block on. Not byte by byte there too: garbage made for it could keep us busy
   * for 50 ms a block.
   */
  #searchRecord(from: number): number {
    const firstBlock = this.#blockOffset;
    let at = from;
    while (this.#size - at >= LOG_HEADER_BYTES) {
      this.#load(at);
      if (this.#isRecordFragment(at)) {
        const type = this.#block[at - this.#blockOffset + TYPE_OFFSET];
        if (type === FULL || type === FIRST) return at;
        at = this.#claimedEnd(at);
      } else if (this.#blockOffset === firstBlock) {
        at++;
      } else {
        at = this.#blockOffset + LOG_BLOCK_BYTES;
      }
    }
    return NOWHERE;
  }

  /**
   * Reports damage: throws, or tells what salvage skips.
   *
   * @param at Where the damage is.
   * @param from Where what is skipped starts.
   * @param to Where it ends, exclusive.
   * @param reason What is wrong.
   */
  #damaged(at: number, from: number, to: number, reason: string): void {
    if (!this.#salvage) {
      this.#failure = new CorruptionError(reason, this.file.path, at);
      throw this.#failure;
    }
    this.#onDamage(from, to - from, reason);
  }
}

function areZeros(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Where the sector that a place in a block is in ends. */
function sectorEnd(at: number): number {
  return at - at % SECTOR_BYTES + SECTOR_BYTES;
}
