/**
 * **What.** The figure of a block: its bytes, taken apart.
 *
 * **Invariants.**
 * 1. The bytes are those that the block builder wrote; lengths and restart points are read from them.
 *
 * **Read next.** `../05_the_block.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BlockBuilder } from "../../lib/block_builder.ts";
import { getFixed32 } from "../../lib/coding.ts";
import { KIND_VALUE, makeInternalKey, TRAILER_BYTES } from "../../lib/internal_key.ts";
import { type Field, type Figure, Sheet } from "./drawing.ts";

const ENTRIES = [["clay", "grey"], ["claystone", "red"], ["coal", "black"]] as const;
const RESTART_INTERVAL = 2;

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A block of the entries. */
function built(): Uint8Array {
  const builder = new BlockBuilder(RESTART_INTERVAL);
  ENTRIES.forEach(([name, text], i) => {
    const key = makeInternalKey(bytesOf(name), i + 1, KIND_VALUE);
    const value = bytesOf(text);
    builder.add(key, 0, key.length, value, 0, value.length);
  });
  const end = builder.finish();
  return builder.buffer.slice(0, end);
}

/** The fields of the block. All lengths are below 128 here, so each takes a byte. */
function fieldsOf(block: Uint8Array): Field[] {
  const restartCount = getFixed32(block, block.length - 4);
  const entriesEnd = block.length - 4 - 4 * restartCount;
  const fields: Field[] = [];
  let key = "";
  let entries = 0;
  for (let at = 0; at < entriesEnd; entries++) {
    const [shared, unshared, valueBytes] = block.subarray(at, at + 3) as unknown as number[];
    const rest = unshared! - TRAILER_BYTES;
    const suffix = new TextDecoder().decode(block.subarray(at + 3, at + 3 + rest));
    const sequence = block[at + 3 + rest + 1];
    key = key.slice(0, shared) + suffix;
    const from = shared === 0 ? "whole" : `with ${shared} bytes of the key before`;
    fields.push(
      {
        bytes: 3,
        tone: "amber",
        label: `shared ${shared}, unshared ${unshared}, value ${valueBytes}`,
      },
      { bytes: rest, tone: "green", label: `${key}, ${from}`, isText: true },
      { bytes: TRAILER_BYTES, tone: "violet", label: `a value, sequence number ${sequence}` },
      { bytes: valueBytes!, tone: "grey", label: "the value", isText: true },
    );
    at += 3 + unshared! + valueBytes!;
  }
  assertEquals(entries, ENTRIES.length);
  for (let i = 0; i < restartCount; i++) {
    const offset = getFixed32(block, entriesEnd + 4 * i);
    fields.push({ bytes: 4, tone: "blue", label: `a restart point: the entry at ${hex(offset)}` });
  }
  fields.push({ bytes: 4, tone: "blue", label: `${restartCount} restart points` });
  return fields;
}

function hex(offset: number): string {
  return offset.toString(16).padStart(4, "0");
}

/** The figure. */
export const figure: Figure = {
  alt:
    "The bytes of a block of three entries, a line for each field. An entry is three lengths, what its key does not " +
    "share with the key before, eight bytes of sequence number and kind, and the value. The second key is stored " +
    "without its first four bytes; the third one is whole, since it is a restart point. At the end are the restart " +
    "points and their number.",
  draw() {
    const block = built();
    const sheet = new Sheet("A block, byte by byte");
    sheet.text(
      20,
      28,
      `clay, claystone, coal, with every second key whole: ${block.length} bytes`,
      {
        style: "bold",
      },
    );
    return sheet.finish(sheet.dump(44, block, fieldsOf(block)) + 12);
  },
};
