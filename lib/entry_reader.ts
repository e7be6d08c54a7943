/**
 * **What.** Records out of a stream of bytes: memory that is filled and looked through, with the line and the offset
 * of each record, and a bound on how long one may be.
 *
 * ```text
 *            ┌────────── memory ──────────┐
 *   read ──► │ done │ records │ a part of one │ ──► key and value, on loan
 *            └────────────────────────────┘
 * ```
 *
 * **Invariants.**
 * 1. There is never more memory than twice the longest record, and at least {@linkcode READ_BYTES}.
 * 2. A record that is over the limit is bad, and skipped without being held: memory stays within invariant 1.
 * 3. Going on from the `offset`, `line` and parser's `state` of a moment gives the records that would have come.
 * 4. Each byte of a record that comes in pieces is looked at a bounded number of times.
 *
 * **Read next.** `load_checkpoint.ts`
 *
 * @module
 */
import {
  BAD,
  isText,
  NEEDS_MORE,
  NOTHING,
  type Outcome,
  type RecordParser,
} from "./entry_formats.ts";
import { invariant } from "./invariant.ts";

/** Where bytes come from. */
export interface ByteSource {
  /**
   * Reads some.
   *
   * @param into Where to.
   * @returns How many; 0 at the end.
   */
  read(into: Uint8Array): Promise<number>;
}

/** So much is read at a time. */
export const READ_BYTES: number = 512 * 1024;
/** A record is at most so long, unless another limit is given. */
export const RECORD_BYTES_MAX: number = 32 * 1024 * 1024;
/** Of a bad record so much is kept to be shown. */
const SHOWN_BYTES = 64 * 1024;

const LF = 0x0a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Where a reader starts. */
export interface ReaderStart {
  /** At which byte of the input. The source is there already. */
  readonly offset: number;
  /** In which line, counted from 1. */
  readonly line: number;
}

/** Reads records. */
export class EntryReader {
  /** What the records look like; it has the key and the value of the one that was read. */
  readonly parser: RecordParser;
  /** Where the record that was looked at starts, in bytes from the start of the input. */
  recordOffset: number;
  /** In which line it starts, counted from 1. */
  recordLine: number;
  readonly #source: ByteSource;
  readonly #recordBytesMax: number;
  #memory = new Uint8Array(READ_BYTES);
  /** What of the memory is input. */
  #data: Uint8Array = this.#memory.subarray(0, 0);
  /** Where in it the next record starts. */
  #start = 0;
  #offset: number;
  #line: number;
  #isLast = false;
  /** Whether the rest of a line is being skipped that is over the limit. */
  #isSkipping = false;
  /** Before so many bytes are there, another look at a record is not worth its while. */
  #bytesWanted = 1;
  #shown: Uint8Array = this.#data;

  /**
   * Makes a reader.
   *
   * @param source Where bytes come from.
   * @param parser What records look like.
   * @param start Where in the input the source is.
   * @param recordBytesMax How long a record may be.
   */
  constructor(
    source: ByteSource,
    parser: RecordParser,
    start: ReaderStart = { offset: 0, line: 1 },
    recordBytesMax: number = RECORD_BYTES_MAX,
  ) {
    this.#source = source;
    this.parser = parser;
    this.#offset = this.recordOffset = start.offset;
    this.#line = this.recordLine = start.line;
    this.#recordBytesMax = recordBytesMax;
  }

  /** Where the next record starts, in bytes from the start of the input. */
  get offset(): number {
    return this.#offset;
  }

  /** In which line the next record starts. */
  get line(): number {
    return this.#line;
  }

  /** Whether it is in the middle of a line that is over the limit: nothing can go on from there. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** What is wrong with a record that was bad. */
  get problem(): string {
    return this.#isSkipping
      ? `it is longer than ${this.#recordBytesMax.toLocaleString("en")} bytes; ` +
        "--line-limit allows longer ones, and a quote may be missing"
      : this.parser.problem;
  }

  /** The beginning of a record that was bad, as it stands. */
  get shown(): Uint8Array {
    return this.#shown;
  }

  /**
   * Looks at the next record in memory.
   *
   * @returns What came of it. For {@linkcode NEEDS_MORE} it is for {@linkcode EntryReader.fill} to say whether there
   * is more.
   */
  next(): Outcome {
    const data = this.#data;
    if (this.#start === data.length) return NEEDS_MORE;
    if (this.#isSkipping) return this.#skip();
    const { parser } = this;
    const outcome = parser.parse(data, this.#start, this.#isLast);
    if (outcome === NEEDS_MORE) {
      const length = data.length - this.#start;
      if (length > this.#recordBytesMax) return this.#tooLong();
      this.#bytesWanted = Math.min(2 * length, this.#recordBytesMax + 1);
      return NEEDS_MORE;
    }
    this.recordOffset = this.#offset;
    this.recordLine = this.#line;
    if (outcome === BAD) this.#show(data.subarray(this.#start, parser.end));
    this.#line += parser.lines;
    this.#advance(parser.end);
    return outcome;
  }

  /**
   * Reads more. What was lent is taken back.
   *
   * @returns Whether there is anything more to look at.
   */
  async fill(): Promise<boolean> {
    const isFirst = this.#offset === 0 && this.#data.length === 0;
    let length = this.#data.length - this.#start;
    if (this.#isLast) return length > 0;
    this.#memory.copyWithin(0, this.#start, this.#data.length);
    this.#start = 0;
    const wanted = Math.max(this.#bytesWanted, isFirst ? BYTE_ORDER_MARK.length : 1);
    this.#bytesWanted = 1;
    do {
      if (length === this.#memory.length) this.#grow();
      const count = await this.#source.read(this.#memory.subarray(length));
      invariant(count >= 0, "a source reads forwards");
      if (count === 0) this.#isLast = true;
      length += count;
    } while (length < wanted && !this.#isLast);
    this.#data = this.#memory.subarray(0, length);
    if (isFirst && BYTE_ORDER_MARK.every((byte, i) => this.#data[i] === byte)) {
      this.#advance(BYTE_ORDER_MARK.length);
    }
    const linesEnd = this.#isLast ? length : this.#data.lastIndexOf(LF) + 1;
    this.parser.isUtf8 = isText(this.#data.subarray(this.#start, linesEnd));
    return length > this.#start || !this.#isLast; // the byte order mark may be all that came
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#memory.length);
    larger.set(this.#memory);
    this.#memory = larger;
  }

  #advance(to: number): void {
    this.#offset += to - this.#start;
    this.#start = to;
  }

  #show(record: Uint8Array): void {
    this.#shown = record.slice(0, SHOWN_BYTES);
  }

  /** The record is over the limit: its line is skipped as it comes, and what it had in memory is let go of. */
  #tooLong(): Outcome {
    this.recordOffset = this.#offset;
    this.recordLine = this.#line;
    this.#show(this.#data.subarray(this.#start));
    this.#isSkipping = true;
    this.#bytesWanted = 1;
    return BAD;
  }

  /** Skips to the end of the line. */
  #skip(): Outcome {
    const lineEnd = this.#data.indexOf(LF, this.#start);
    this.#advance(lineEnd < 0 ? this.#data.length : lineEnd + 1);
    if (lineEnd < 0) return NEEDS_MORE;
    this.#line++;
    this.#isSkipping = false;
    if (this.#memory.length > 2 * READ_BYTES) {
      this.#memory = new Uint8Array(Math.max(READ_BYTES, this.#data.length - this.#start));
      this.#memory.set(this.#data.subarray(this.#start));
      this.#data = this.#memory.subarray(0, this.#data.length - this.#start);
      this.#start = 0;
    }
    return NOTHING;
  }
}
