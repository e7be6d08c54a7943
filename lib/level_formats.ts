/**
 * **What.** The three forms in which abstract-level hands over keys and values, and what they are in the database:
 * `utf8` is a string, `view` a `Uint8Array`, `buffer` one of Node's buffers. What users encode in any other way,
 * abstract-level makes one of these three of.
 *
 * **Invariants.**
 * 1. Whatever bytes are in the database can be read in each form, and bytes that are not UTF-8 as text: each wrong
 *    sequence becomes U+FFFD, as in `classic-level`. So does half a character in a string that is written.
 * 2. What is decoded belongs to the caller.
 *
 * **Read next.** `level_iterators.ts`
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { bytes, type KeyCodec, utf8 } from "./codec.ts";

/** The name of a form. */
export type LevelFormat = "utf8" | "view" | "buffer";
/** A key or a value in one of the three forms. */
export type LevelData = string | Uint8Array;

const replacing = new TextDecoder("utf-8", { ignoreBOM: true });

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** Takes keys and values in any of the three forms. It is for writing; {@linkcode decodeAs} reads. */
export const levelData: KeyCodec<LevelData> = Object.freeze({
  ordered: true,
  encode(data: LevelData): Uint8Array {
    return typeof data === "string" ? utf8.encode(wellFormed(data)) : bytes.encode(data);
  },
  decode: (data: Uint8Array) => data,
  encodeInto(data: LevelData, target: Uint8Array, offset: number): number {
    return typeof data === "string"
      ? utf8.encodeInto!(wellFormed(data), target, offset)
      : bytes.encodeInto!(data, target, offset);
  },
  /** Bytes are best taken from where they are: no room is large enough to copy them to first. */
  maxBytes: (data: LevelData) => typeof data === "string" ? utf8.maxBytes!(data) : Infinity,
});

/**
 * Reads a key or a value in one of the forms.
 *
 * @example One value, three forms
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeAs } from "./level_formats.ts";
 *
 * const stored = new TextEncoder().encode("clay");
 * assertEquals(decodeAs("utf8", stored, 0, 4), "clay");
 * assertEquals(decodeAs("view", stored, 0, 2), Uint8Array.of(99, 108));
 * assertEquals(decodeAs("buffer", stored, 0, 2).toString("hex"), "636c");
 * ```
 *
 * @param format The name of the form.
 * @param buffer Where the bytes are; they are only borrowed.
 * @param start Where they start.
 * @param end Where they end, exclusive.
 * @returns The key or the value.
 */
export function decodeAs(format: "utf8", buffer: Uint8Array, start: number, end: number): string;
/** The same for a form that is not known beforehand. */
export function decodeAs(
  format: LevelFormat,
  buffer: Uint8Array,
  start: number,
  end: number,
): LevelData;
export function decodeAs(
  format: LevelFormat,
  buffer: Uint8Array,
  start: number,
  end: number,
): LevelData {
  if (format === "utf8") {
    try {
      return utf8.decodeRange!(buffer, start, end);
    } catch {
      // Not UTF-8: rare, and here no error.
      return replacing.decode(buffer.subarray(start, end));
    }
  }
  const copy = bytes.decodeRange!(buffer, start, end);
  if (format === "view") return copy;
  return Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength);
}
