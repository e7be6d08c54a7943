/**
 * **What.** The inside of blocks as parts: entries and restart points, of data, index and metaindex blocks; and filter
 * blocks. The formats are in `block_builder.ts` and `bloom_filter.ts`.
 *
 * **Invariants.**
 * 1. Every entry before the first damaged byte is shown, and what is between that byte and the restart points is one
 *    part.
 * 2. What a key needs in memory is bounded by {@linkcode KEY_BYTES_MAX}, whatever its length.
 *
 * **Read next.** `dump_table.ts`
 *
 * @module
 */
import { withRoom } from "./block_builder.ts";
import { getFixed32, VarintReader } from "./coding.ts";
import {
  arrowText,
  DETAIL,
  type DumpOptions,
  type DumpPart,
  type DumpParts,
  DumpReader,
  type DumpSource,
  internalKeyText,
  keyBytesShown,
  MemorySource,
  part,
  shortText,
} from "./dump_part.ts";
import { TRAILER_BYTES } from "./internal_key.ts";
import { keyText } from "./shell_command.ts";
import type { BlockHandle } from "./table_format.ts";

/** What the keys and values of a block are. */
export type BlockKind = "data" | "index" | "metaindex";

/** Of longer keys, no more than this is kept. The engine takes none over 64 KiB. */
export const KEY_BYTES_MAX: number = 1024 * 1024;

const FIXED32_BYTES = 4;

/** Where restart points are in a block, and whether they can be. */
export interface Restarts {
  /** Where they start; where their count starts if it makes no sense. */
  readonly start: number;
  /** How many there are. */
  readonly count: number;
  /** Why they cannot be. */
  readonly damage: string | undefined;
}

/** The entries of a block, one after another, as plain fields. Those of the last one stay when there is no more. */
export class BlockEntries {
  /** Where the current entry starts. */
  offset = 0;
  /** How many bytes it shares with the key before. */
  shared = 0;
  /** Where each of its lengths starts, and its own bytes of the key. */
  unsharedAt = 0;
  /** Where the length of the value starts. */
  valueLengthAt = 0;
  /** Where its own bytes of the key start. */
  keyAt = 0;
  /** Where the value starts, which is where the key ends. */
  valueAt = 0;
  /** Where it ends, exclusive. */
  end: number;
  /** The beginning of its key, up to {@linkcode KEY_BYTES_MAX}. */
  key: Uint8Array = new Uint8Array(256);
  /** How many bytes the key has. */
  keyBytes = 0;
  /** Why there is no next entry, other than that the block has ended. */
  damage: string | undefined;
  readonly #reader: DumpReader;

  /**
   * Goes before the first entry.
   *
   * @param source Where the block is.
   * @param start Where it starts.
   * @param end Where its entries end, exclusive.
   */
  constructor(source: DumpSource, start: number, end: number) {
    this.#reader = new DumpReader(source, start, end);
    this.end = start;
  }

  /**
   * Goes to the next entry.
   *
   * @returns False if there is none.
   */
  next(): boolean {
    const reader = this.#reader;
    if (reader.left === 0 || this.damage !== undefined) return false;
    const offset = reader.at;
    const shared = reader.varint32();
    const unsharedAt = reader.at;
    const unshared = reader.varint32();
    const valueLengthAt = reader.at;
    const valueBytes = reader.varint32();
    if (shared === undefined || unshared === undefined || valueBytes === undefined) {
      this.damage = "an entry whose lengths are cut or too large";
    } else if (unshared + valueBytes > reader.left) {
      const bytes = unshared + valueBytes;
      this.damage = `an entry of ${bytes} bytes where ${reader.left} are left`;
    } else if (shared > this.keyBytes) {
      this.damage = `an entry that shares ${shared} bytes with a key of ${this.keyBytes}`;
    }
    if (this.damage !== undefined) return false;
    this.offset = offset;
    this.shared = shared!;
    this.unsharedAt = unsharedAt;
    this.valueLengthAt = valueLengthAt;
    this.keyAt = reader.at;
    this.valueAt = reader.at + unshared!;
    this.end = this.valueAt + valueBytes!;
    this.keyBytes = this.shared + unshared!;
    const kept = Math.min(this.keyBytes, KEY_BYTES_MAX);
    this.key = withRoom(this.key, Math.min(this.shared, KEY_BYTES_MAX), kept);
    if (kept > this.shared) {
      this.key.set(reader.source.read(this.keyAt, kept - this.shared), this.shared);
    }
    reader.at = this.end;
    return true;
  }

  /** The handle that the value is; `undefined` if it is none. */
  handle(): BlockHandle | undefined {
    return handleIn(this.#reader.source, this.valueAt, this.end);
  }
}

/**
 * Reads a block handle that is all that a range has.
 *
 * @param source Where it is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @returns The handle, or `undefined` if it is none.
 */
export function handleIn(source: DumpSource, start: number, end: number): BlockHandle | undefined {
  if (end - start > 20) return undefined;
  const reader = new VarintReader();
  reader.reset(source.read(start, end - start), 0, end - start);
  const handle = { offset: reader.varint64(), bytes: reader.varint64() };
  return reader.failed || reader.offset < reader.end ? undefined : handle;
}

/**
 * Finds where the restart points of a block are.
 *
 * @param source Where the block is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 */
export function restartsOf(source: DumpSource, start: number, end: number): Restarts {
  if (end - start < FIXED32_BYTES) {
    return { start, count: 0, damage: "a block too short for its restart points" };
  }
  const countAt = end - FIXED32_BYTES;
  const count = getFixed32(source.read(countAt, FIXED32_BYTES), 0);
  const restarts = countAt - count * FIXED32_BYTES;
  if (restarts >= start) return { start: restarts, count, damage: undefined };
  return { start: countAt, count: 0, damage: `no room for ${count} restart points` };
}

/**
 * A block handle as text.
 *
 * @param handle The handle.
 * @returns Where it leads, in decimal and in hexadecimal.
 */
export function handleText({ offset, bytes }: BlockHandle): string {
  return `${bytes} bytes at ${offset} (0x${offset.toString(16)})`;
}

/**
 * Takes a block apart: what is left when it is decompressed and its trailer is gone.
 *
 * @example A block of one entry
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BlockBuilder } from "./block_builder.ts";
 * import { dumpBlock } from "./dump_block.ts";
 * import { MemorySource } from "./dump_part.ts";
 * import { makeInternalKey } from "./internal_key.ts";
 *
 * const builder = new BlockBuilder(16);
 * const key = makeInternalKey(Uint8Array.of(0x6b), 7, 1);
 * builder.add(key, 0, key.length, Uint8Array.of(0x76), 0, 1);
 * const end = builder.finish();
 * const source = new MemorySource(builder.buffer.subarray(0, end), undefined);
 * const parts = dumpBlock(source, 0, end, 0, "data", { valueBytes: 64, keysOnly: false });
 * const texts = [...parts].filter(({ isDetail }) => !isDetail).map(({ text }) => text);
 * assertEquals(texts, ["k @7 put → v  (shared 0, unshared 9, value 1)", "1 restart point: 0"]);
 * ```
 *
 * @param source Where it is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param depth How deep its entries are.
 * @param kind What its keys and values are.
 * @param options How much is shown.
 */
export function* dumpBlock(
  source: DumpSource,
  start: number,
  end: number,
  depth: number,
  kind: BlockKind,
  options: DumpOptions,
): DumpParts {
  const restarts = restartsOf(source, start, end);
  const entries = new BlockEntries(source, start, restarts.start);
  const claims = new RestartClaims(source, restarts, start);
  while (entries.next()) {
    const isRestart = claims.isRestart(entries.offset - start);
    yield* dumpEntry(source, entries, depth, kind, options, isRestart);
  }
  const left = restarts.start - entries.end;
  if (left > 0) {
    const damage = entries.damage ?? "not an entry";
    yield part(source, depth, entries.end, left, "rest", "", { damage, isLeaf: true });
  }
  claims.finish();
  yield* dumpRestarts(source, restarts, end, depth, claims.damage);
}

/** Looks whether each restart point is where an entry begins, in one pass over both. */
class RestartClaims {
  /** What is wrong with the first one that is not. */
  damage: string | undefined;
  readonly #source: DumpSource;
  readonly #restarts: Restarts;
  #next = 0;
  #claim = 0;
  #isBlockEmpty = true;

  constructor(source: DumpSource, restarts: Restarts, start: number) {
    this.#source = source;
    this.#restarts = restarts;
    this.damage = restarts.damage;
    if (restarts.damage === undefined && restarts.count === 0 && restarts.start > start) {
      this.damage = "entries without a restart point";
    }
    this.#load();
  }

  /** Whether a restart point is at an offset in the block. They are asked for in ascending order. */
  isRestart(offset: number): boolean {
    this.#isBlockEmpty = false;
    while (this.#claim < offset) {
      this.#miss();
      this.#load();
    }
    if (this.#claim !== offset) return false;
    this.#load();
    return true;
  }

  /** Looks at those that are left. */
  finish(): void {
    // A block without entries has one restart point, 0.
    if (this.#isBlockEmpty && this.#claim === 0) this.#load();
    if (this.#claim < Infinity) this.#miss();
  }

  #miss(): void {
    const index = this.#next - 1;
    this.damage ??= `restart point ${index} is ${this.#claim}, where no entry begins`;
  }

  #load(): void {
    const { start, count } = this.#restarts;
    const at = start + this.#next * FIXED32_BYTES;
    this.#claim = this.#next < count
      ? getFixed32(this.#source.read(at, FIXED32_BYTES), 0)
      : Infinity;
    this.#next++;
  }
}

/** Restart points that are shown in a line. */
const RESTARTS_SHOWN = 8;

function* dumpRestarts(
  source: DumpSource,
  { start, count }: Restarts,
  end: number,
  depth: number,
  damage: string | undefined,
): DumpParts {
  if (end - start < FIXED32_BYTES) {
    yield part(source, depth, start, end - start, "restart points", "", { damage, isLeaf: true });
    return;
  }
  const shown = Math.min(count, RESTARTS_SHOWN);
  const bytes = source.read(start, shown * FIXED32_BYTES);
  const offsets = Array.from({ length: shown }, (_, i) => getFixed32(bytes, i * FIXED32_BYTES));
  const more = shown < count ? " …" : "";
  const list = count === 0 ? "" : `: ${offsets.join(" ")}${more}`;
  const text = `${count} restart ${count === 1 ? "point" : "points"}${list}`;
  yield part(source, depth, start, end - start, "restart points", text, { damage });
  for (let i = 0; i < count; i++) {
    const at = start + i * FIXED32_BYTES;
    const offset = getFixed32(source.read(at, FIXED32_BYTES), 0);
    yield part(source, depth + 1, at, FIXED32_BYTES, `restart ${i}`, `entry at ${offset}`, DETAIL);
  }
  const countAt = end - FIXED32_BYTES;
  yield part(source, depth + 1, countAt, FIXED32_BYTES, "restart count", String(count), DETAIL);
}

function* dumpEntry(
  source: DumpSource,
  entry: BlockEntries,
  depth: number,
  kind: BlockKind,
  options: DumpOptions,
  isRestart: boolean,
): DumpParts {
  const { offset, shared, unsharedAt, valueLengthAt, keyAt, valueAt, end } = entry;
  const { text: key, damage: keyDamage } = keyOf(entry, kind, options);
  const unshared = valueAt - keyAt;
  const valueBytes = end - valueAt;
  const handle = kind === "data" ? undefined : entry.handle();
  const value = kind === "data"
    ? dataValueText(entry, options, source)
    : ` → ${
      handle === undefined ? shortText(source, valueAt, valueBytes, 32) : handleText(handle)
    }`;
  const lengths = `shared ${shared}, unshared ${unshared}, value ${valueBytes}`;
  const damage = isRestart && shared > 0
    ? `a restart point that shares ${shared} bytes`
    : kind !== "data" && handle === undefined
    ? "an entry without a block handle"
    : keyDamage;
  const text = `${key}${value}  (${lengths})`;
  const isEntry = kind === "data";
  yield part(source, depth, offset, end - offset, "entry", text, { damage, isEntry });
  const inner = depth + 1;
  const sharedText = `${shared} bytes with the key before`;
  yield part(source, inner, offset, unsharedAt - offset, "shared", sharedText, DETAIL);
  const unsharedText = `${unshared} bytes`;
  yield part(
    source,
    inner,
    unsharedAt,
    valueLengthAt - unsharedAt,
    "unshared",
    unsharedText,
    DETAIL,
  );
  const valueText = `${valueBytes} bytes`;
  yield part(
    source,
    inner,
    valueLengthAt,
    keyAt - valueLengthAt,
    "value length",
    valueText,
    DETAIL,
  );
  yield* dumpKey(source, keyAt, unshared, inner, kind);
  const handleOf = handle === undefined ? "" : handleText(handle);
  const valueName = handle === undefined ? "value" : "handle";
  yield part(source, inner, valueAt, valueBytes, valueName, handleOf, DETAIL);
}

function dataValueText(entry: BlockEntries, options: DumpOptions, source: DumpSource): string {
  const { key, keyBytes, valueAt, end } = entry;
  // A tombstone has none.
  const isTombstone = keyBytes >= TRAILER_BYTES && key[keyBytes - TRAILER_BYTES] === 0;
  return isTombstone && end === valueAt ? "" : arrowText(options, source, valueAt, end - valueAt);
}

function keyOf(
  { key, keyBytes }: BlockEntries,
  kind: BlockKind,
  options: DumpOptions,
): { text: string; damage: string | undefined } {
  const kept = new MemorySource(key, undefined);
  const shown = keyBytesShown(options);
  if (keyBytes > KEY_BYTES_MAX) {
    const text = shortText(kept, 0, Math.min(shown, KEY_BYTES_MAX), shown, keyText);
    return { text: `${text}… (${keyBytes} bytes)`, damage: undefined };
  }
  if (kind === "metaindex") {
    return { text: shortText(kept, 0, keyBytes, shown, keyText), damage: undefined };
  }
  const { text, damage, isSeparator } = internalKeyText(kept, 0, keyBytes, options);
  if (damage !== undefined || kind === "index" || !isSeparator) return { text, damage };
  return { text, damage: "a sequence number that no entry has" };
}

/** The stored bytes of a key, and of its trailer, as far as that is not shared. */
function* dumpKey(
  source: DumpSource,
  at: number,
  bytes: number,
  depth: number,
  kind: BlockKind,
): DumpParts {
  const trailer = kind === "metaindex" ? 0 : Math.min(bytes, TRAILER_BYTES);
  const userBytes = bytes - trailer;
  yield part(source, depth, at, userBytes, "key", "unshared bytes", DETAIL);
  if (kind === "metaindex") return;
  yield part(source, depth, at + userBytes, trailer, "key trailer", "sequence and kind", DETAIL);
}

/** Bytes behind the filters of a filter block: where their offsets start, and what a filter covers. */
const FILTER_FOOTER_BYTES = 5;
/** No filter covers more than 2^32 bytes of a table. */
const FILTER_BASE_LG_MAX = 32;

/** Where the offsets of a filter block start and how many there are; `undefined` if it is none. */
export function filterOffsets(
  source: DumpSource,
  start: number,
  end: number,
): { at: number; count: number; baseLg: number } | undefined {
  if (end - start < FILTER_FOOTER_BYTES) return undefined;
  const footer = source.read(end - FILTER_FOOTER_BYTES, FILTER_FOOTER_BYTES);
  const offset = getFixed32(footer, 0);
  const baseLg = footer[FIXED32_BYTES]!;
  const bytes = end - FILTER_FOOTER_BYTES - start - offset;
  if (bytes < 0 || bytes % FIXED32_BYTES !== 0 || baseLg > FILTER_BASE_LG_MAX) return undefined;
  return { at: start + offset, count: bytes / FIXED32_BYTES, baseLg };
}

/**
 * Takes a filter block apart.
 *
 * @param source Where it is.
 * @param start Where it starts.
 * @param end Where it ends, exclusive.
 * @param depth How deep its filters are.
 */
export function* dumpFilterBlock(
  source: DumpSource,
  start: number,
  end: number,
  depth: number,
): DumpParts {
  const offsets = filterOffsets(source, start, end);
  if (offsets === undefined) {
    const damage = "not a filter block that LevelDB writes";
    yield part(source, depth, start, end - start, "filters", "", { damage, isLeaf: true });
    return;
  }
  const { at, count, baseLg } = offsets;
  let reached = start;
  for (let i = 0; i < count && reached < at; i++) {
    // After the last offset comes the place where offsets start, which is where the last filter ends.
    const next = getFixed32(source.read(at + (i + 1) * FIXED32_BYTES, FIXED32_BYTES), 0) + start;
    const from = getFixed32(source.read(at + i * FIXED32_BYTES, FIXED32_BYTES), 0) + start;
    if (from !== reached || next < from || next > at) {
      const damage = `filter ${i} has no sound place`;
      yield part(source, depth, reached, at - reached, "filters", "", { damage, isLeaf: true });
      reached = at;
      break;
    }
    if (next > from) yield filterPart(source, from, next, depth, i, baseLg);
    reached = next;
  }
  if (reached < at) {
    const damage = "filters that nothing leads to";
    yield part(source, depth, reached, at - reached, "filters", "", { damage, isLeaf: true });
  }
  const text = `${count} ${count === 1 ? "filter" : "filters"}, one for each ${2 ** baseLg} bytes`;
  yield part(source, depth, at, end - at, "filter offsets", text);
  for (let i = 0; i < count; i++) {
    const offsetAt = at + i * FIXED32_BYTES;
    const offset = getFixed32(source.read(offsetAt, FIXED32_BYTES), 0);
    yield part(source, depth + 1, offsetAt, FIXED32_BYTES, `offset ${i}`, String(offset), DETAIL);
  }
  const startAt = end - FILTER_FOOTER_BYTES;
  const startText = `offsets start at ${at - start}`;
  yield part(source, depth + 1, startAt, FIXED32_BYTES, "offsets", startText, DETAIL);
  const baseText = `${baseLg}: each filter covers 2^${baseLg} bytes`;
  yield part(source, depth + 1, end - 1, 1, "base", baseText, DETAIL);
}

function filterPart(
  source: DumpSource,
  from: number,
  next: number,
  depth: number,
  index: number,
  baseLg: number,
): DumpPart {
  const probes = source.read(next - 1, 1)[0]!;
  const covered = index * 2 ** baseLg;
  const text = `filter ${index}: ${(next - from - 1) * 8} bits, ${probes} for each key, ` +
    `of blocks that start in ${covered} … ${covered + 2 ** baseLg - 1}`;
  return part(source, depth, from, next - from, "filter", text, { isLeaf: true });
}
