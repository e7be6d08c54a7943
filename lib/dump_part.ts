/**
 * **What.** The model that every dump is made of: a sequence of parts, each with its place, its name and what it says;
 * and where bytes are read from, a window at a time. Text, hexadecimal and JSON are three ways to write the same parts.
 *
 * A part comes before the parts that it is made of, which are one deeper. Bytes that become other bytes (a block that
 * is decompressed, a record that is put together of fragments) are a leaf where they are stored; what they become
 * follows them, and its parts count their offsets from its own beginning: `within` says in what.
 *
 * **Invariants.**
 * 1. The leaves cover every byte of a file once and in order, and so do the leaves within whatever its bytes become.
 * 2. Nothing is read or allocated by a length from the file before it is known that there are as many bytes.
 * 3. A dump of any size needs memory for one window, one shown value and, where it is compressed, one block.
 *
 * **Read next.** `dump_batch.ts`
 *
 * @module
 */
import { VarintReader } from "./coding.ts";
import { VarveError } from "./errors.ts";
import type { ReadableFile } from "./file_system.ts";
import { KIND_TOMBSTONE, KIND_VALUE, kindAt, sequenceAt, TRAILER_BYTES } from "./internal_key.ts";
import { keyText, valueText } from "./shell_command.ts";

/** A range of bytes and what it is. */
export interface DumpPart {
  /** How many parts it is in: 0 is the file. */
  readonly depth: number;
  /** Where it starts, in its source. */
  readonly offset: number;
  /** Its bytes. */
  readonly length: number;
  /** What it is, in a word or two. */
  readonly name: string;
  /** What it says. */
  readonly text: string;
  /** What is wrong with it. */
  readonly damage?: string | undefined;
  /** Whether its bytes are those of no other part of the same source. */
  readonly isLeaf: boolean;
  /** Whether the part around it says all that there is to be said, unless the bytes themselves are looked at. */
  readonly isDetail: boolean;
  /** Whether it is what is counted: a record of a batch, an entry of a data block, a version edit. */
  readonly isEntry: boolean;
  /** Where its bytes are. */
  readonly source: DumpSource;
}

/** What of a {@linkcode DumpPart} has a default. */
export type DumpPartOptions = Partial<
  Pick<DumpPart, "damage" | "isLeaf" | "isDetail" | "isEntry">
>;

/** The parts of something, one after another. */
export type DumpParts = Generator<DumpPart, void>;

/** How much is shown, and of what. */
export interface DumpOptions {
  /** How many bytes of a value are shown; a key has twice as many. */
  readonly valueBytes: number;
  /** Whether values are left out. */
  readonly keysOnly: boolean;
  /**
   * Says whether a block is wanted; without it, all are. One that is not is neither read nor shown.
   *
   * @param place The block: of a table, or of 32 KiB of a log.
   */
  readonly wants?: ((place: DumpBlockPlace) => boolean) | undefined;
}

/** A block that may be wanted or not. */
export interface DumpBlockPlace {
  /** `"data"`, `"filter"`, `"metaindex"`, `"index"`, `"footer"`, or `"log"`. */
  readonly kind: string;
  /** Which of them it is, from 0 on; `undefined` if there is one only. */
  readonly number: number | undefined;
  /** Where it starts. */
  readonly offset: number;
  /** Its bytes. */
  readonly length: number;
}

/** Shows values up to this length whole, unless told otherwise. */
export const VALUE_BYTES_DEFAULT = 64;
/** No value is shown longer: it is one line, and one string. */
export const VALUE_BYTES_MAX: number = 16 * 1024 * 1024;

const WINDOW_BYTES = 64 * 1024;

/** Where the bytes of parts are. */
export interface DumpSource {
  /** What its offsets count in, if not in the file. */
  readonly within: string | undefined;
  /** How many bytes there are. */
  readonly size: number;
  /**
   * Reads bytes that are there.
   *
   * @param offset Where they start.
   * @param length How many.
   * @returns Them, until the next call.
   */
  read(offset: number, length: number): Uint8Array;
}

/** A file, through a window. */
export class FileSource implements DumpSource {
  readonly within: undefined = undefined;
  readonly size: number;
  readonly #file: ReadableFile;
  #window = new Uint8Array(0);
  #windowStart = 0;
  #windowEnd = 0;

  /**
   * Reads nothing yet.
   *
   * @param file The file. It stays the caller's to close.
   */
  constructor(file: ReadableFile) {
    this.#file = file;
    this.size = file.size;
  }

  /**
   * Reads bytes of the file.
   *
   * @param offset Where they start.
   * @param length How many.
   * @returns Them, until the next call.
   * @throws {VarveError} `IO` if they are not there any more, or cannot be read.
   */
  read(offset: number, length: number): Uint8Array {
    if (offset < this.#windowStart || offset + length > this.#windowEnd) this.#load(offset, length);
    const start = offset - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  #load(offset: number, length: number): void {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.size - offset);
    const isKept = this.#window.length >= wanted && this.#window.length <= WINDOW_BYTES;
    if (!isKept) this.#window = new Uint8Array(wanted);
    this.#windowStart = this.#windowEnd = offset;
    this.#windowEnd += this.#file.read(this.#window.subarray(0, wanted), offset);
    if (offset + length > this.#windowEnd) {
      const why = `it was cut at byte ${this.#windowEnd} while it was read`;
      throw new VarveError("IO", `Cannot dump file: ${why}: ${this.#file.path}`);
    }
  }
}

/** Bytes in memory. */
export class MemorySource implements DumpSource {
  readonly within: string | undefined;
  readonly size: number;
  readonly #bytes: Uint8Array;

  /**
   * Takes bytes.
   *
   * @param bytes The bytes. They must not change.
   * @param within What their offsets count in.
   */
  constructor(bytes: Uint8Array, within: string | undefined) {
    this.#bytes = bytes;
    this.size = bytes.length;
    this.within = within;
  }

  /**
   * Gives bytes.
   *
   * @param offset Where they start.
   * @param length How many.
   * @returns A view of them.
   */
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** Ranges of a source, one after another. They are put together where they are read, and nowhere else. */
export class JoinedSource implements DumpSource {
  readonly within: string | undefined;
  readonly #source: DumpSource;
  readonly #starts: number[] = [];
  /** Where each range begins in all of them, and at the end how many bytes there are. */
  readonly #places: number[] = [0];
  /** The range that was read last. */
  #last = 0;

  /**
   * Begins without a range.
   *
   * @param source What the ranges are of.
   * @param within What offsets count in.
   */
  constructor(source: DumpSource, within: string | undefined) {
    this.#source = source;
    this.within = within;
  }

  /** How many bytes all ranges have. */
  get size(): number {
    return this.#places.at(-1)!;
  }

  /**
   * Adds a range at the end.
   *
   * @param offset Where it starts.
   * @param length Its bytes.
   */
  add(offset: number, length: number): void {
    if (length === 0) return;
    this.#starts.push(offset);
    this.#places.push(this.size + length);
  }

  /**
   * Reads bytes.
   *
   * @param offset Where they start.
   * @param length How many.
   * @returns Them, until the next call.
   */
  read(offset: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    let range = this.#places[this.#last]! <= offset ? this.#last : 0;
    while (this.#places[range + 1]! <= offset) range++;
    this.#last = range;
    const from = this.#starts[range]! + offset - this.#places[range]!;
    const there = this.#places[range + 1]! - offset;
    if (there >= length) return this.#source.read(from, length);
    const joined = new Uint8Array(length);
    joined.set(this.#source.read(from, there));
    for (let at = there; at < length;) {
      range++;
      const bytes = Math.min(length - at, this.#places[range + 1]! - this.#places[range]!);
      joined.set(this.#source.read(this.#starts[range]!, bytes), at);
      at += bytes;
    }
    return joined;
  }
}

/** The most bytes that a varint takes. */
const VARINT_BYTES_MAX = 10;

/** Reads numbers and strings of a range of a source. What fails is `undefined`, and the place stays where it was. */
export class DumpReader {
  /** What is read. */
  readonly source: DumpSource;
  /** Where the next read starts. */
  at: number;
  /** Where it ends, exclusive. */
  readonly end: number;
  readonly #varints = new VarintReader();

  /**
   * Starts at the beginning of a range.
   *
   * @param source What is read.
   * @param start Where.
   * @param end Up to where, exclusive.
   */
  constructor(source: DumpSource, start: number, end: number) {
    this.source = source;
    this.at = start;
    this.end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** Reads a byte. */
  byte(): number | undefined {
    return this.left < 1 ? undefined : this.source.read(this.at++, 1)[0];
  }

  /** Reads a varint32. */
  varint32(): number | undefined {
    return this.#varint(false);
  }

  /** Reads a varint64 up to 2^53 - 1. */
  varint64(): number | undefined {
    return this.#varint(true);
  }

  /** Reads a varint32 length and passes over as many bytes. Gives where they start; they end at `at`. */
  lengthPrefixed(): number | undefined {
    const before = this.at;
    const length = this.varint32();
    if (length === undefined) return undefined;
    if (length > this.left) {
      this.at = before;
      return undefined;
    }
    const start = this.at;
    this.at += length;
    return start;
  }

  #varint(isWide: boolean): number | undefined {
    const length = Math.min(VARINT_BYTES_MAX, this.left);
    const varints = this.#varints;
    varints.reset(this.source.read(this.at, length), 0, length);
    const value = isWide ? varints.varint64() : varints.varint32();
    if (varints.failed) return undefined;
    this.at += varints.offset;
    return value;
  }
}

/**
 * Makes a part.
 *
 * @param source Where its bytes are.
 * @param depth How deep it is.
 * @param offset Where it starts.
 * @param length Its bytes.
 * @param name What it is.
 * @param text What it says.
 * @param options What else there is to it.
 * @returns The part.
 */
export function part(
  source: DumpSource,
  depth: number,
  offset: number,
  length: number,
  name: string,
  text: string,
  options: DumpPartOptions = {},
): DumpPart {
  const { damage, isLeaf = false, isDetail = false, isEntry = false } = options;
  return { depth, offset, length, name, text, damage, isLeaf, isDetail, isEntry, source };
}

/** How parts that nothing but the bytes themselves needs are marked. */
export const DETAIL: DumpPartOptions = { isLeaf: true, isDetail: true };

/**
 * Bytes as text, shortened.
 *
 * @param source Where they are.
 * @param offset Where they start.
 * @param length How many there are.
 * @param shown How many are shown at most.
 * @param toText What makes text of bytes.
 * @returns The text, and how many bytes there are if that is not all of them.
 */
export function shortText(
  source: DumpSource,
  offset: number,
  length: number,
  shown: number,
  toText: (bytes: Uint8Array) => string = valueText,
): string {
  if (length <= shown) return toText(source.read(offset, length));
  const bytes = source.read(offset, Math.min(length, shown + 1));
  // Not within a character, if it is text.
  let end = shown;
  while (end > shown - 4 && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  if (end === 0 || end <= shown - 4) end = shown;
  const start = end === 0 ? "" : toText(bytes.subarray(0, end));
  return `${start}… (${length} bytes)`;
}

/**
 * A value as text, shortened or left out as is wished.
 *
 * @param options What is wished.
 * @param source Where it is.
 * @param offset Where it starts.
 * @param length Its bytes.
 * @returns The text, with an arrow before it; nothing if values are left out.
 */
export function arrowText(
  options: DumpOptions,
  source: DumpSource,
  offset: number,
  length: number,
): string {
  return options.keysOnly ? "" : ` → ${shortText(source, offset, length, options.valueBytes)}`;
}

/** How many bytes of a key are shown. */
export function keyBytesShown(options: DumpOptions): number {
  return Math.max(256, 2 * options.valueBytes);
}

/** An internal key, or its trailer. */
export interface InternalKeyText {
  /** What it says. */
  readonly text: string;
  /** What is wrong with it. */
  readonly damage: string | undefined;
  /** Whether its sequence number is one that no entry has. */
  readonly isSeparator: boolean;
}

/** The sequence number of separators: the highest that eight bytes have room for beside the kind. */
const SEQUENCE_HIGHEST = 2 ** 56 - 1;

/**
 * The trailer of an internal key as text.
 *
 * @param trailer Its eight bytes.
 * @returns Sequence number and kind, and what is wrong with them.
 */
export function trailerText(trailer: Uint8Array): InternalKeyText {
  const sequence = sequenceAt(trailer, TRAILER_BYTES);
  const kind = kindAt(trailer, TRAILER_BYTES);
  const kinds: Record<number, string> = { [KIND_VALUE]: "put", [KIND_TOMBSTONE]: "delete" };
  // The highest rounds to 2^56 as a number.
  const isHighest = sequence >= SEQUENCE_HIGHEST;
  const name = kinds[kind] ?? `kind ${kind}`;
  const damage = kinds[kind] === undefined
    ? `an unknown kind, ${kind}`
    : !isHighest && !Number.isSafeInteger(sequence)
    ? "a sequence number over 2^53 - 1"
    : undefined;
  const text = isHighest ? "@max" : `@${sequence} ${name}`;
  return { text, damage, isSeparator: isHighest };
}

/**
 * An internal key as text.
 *
 * @param source Where it is.
 * @param offset Where it starts.
 * @param length Its bytes, its trailer among them.
 * @param options How much is shown.
 * @returns User key, sequence number and kind, and what is wrong with them.
 */
export function internalKeyText(
  source: DumpSource,
  offset: number,
  length: number,
  options: DumpOptions,
): InternalKeyText {
  const shown = keyBytesShown(options);
  if (length < TRAILER_BYTES) {
    const text = shortText(source, offset, length, shown, keyText);
    const damage = `a key of ${length} bytes, too short for its trailer`;
    return { text, damage, isSeparator: false };
  }
  const userBytes = length - TRAILER_BYTES;
  const user = shortText(source, offset, userBytes, shown, keyText);
  const trailer = trailerText(source.read(offset + userBytes, TRAILER_BYTES));
  return { ...trailer, text: `${user} ${trailer.text}` };
}

/**
 * A checksum in text.
 *
 * @param value The checksum.
 * @returns Its eight digits.
 */
export function checksumText(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
