/**
 * **What.** Bytes as people look at them: offset, hexadecimal, and the characters that are printable, side by side.
 *
 * **Format.** A line of 16 bytes; eight of them fit where there is less room.
 * ```text
 * 00000010  63 6c 61 79 00 04 00 00  00 00 00 00 00 00 0c 06  clay............
 * ```
 *
 * **Invariants.**
 * 1. Every byte is on one line, in order, and what stands beside it begins in the same column on each line.
 * 2. Nothing but printable ASCII comes out.
 *
 * **Read next.** `dump_part.ts`
 *
 * @module
 */

/** Bytes on a line where there is room for them. */
export const HEX_LINE_BYTES = 16;
/** Bytes that stand together. */
const GROUP_BYTES = 8;
const OFFSET_DIGITS = 8;

/**
 * An offset in hexadecimal.
 *
 * @param offset The offset.
 * @returns Eight digits, or as many more as it needs.
 */
export function hexOffset(offset: number): string {
  return offset.toString(16).padStart(OFFSET_DIGITS, "0");
}

/**
 * Bytes in hexadecimal, without anything between them.
 *
 * @param bytes The bytes.
 * @returns Two digits for each.
 */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** How many columns the hexadecimal of a line takes. */
function hexColumns(lineBytes: number): number {
  return lineBytes * 3 - 1 + Math.floor((lineBytes - 1) / GROUP_BYTES);
}

/**
 * How many columns a line takes.
 *
 * @param lineBytes Bytes on a line.
 * @returns Its columns, if the offset has eight digits.
 */
export function hexLineColumns(lineBytes: number): number {
  return OFFSET_DIGITS + 2 + hexColumns(lineBytes) + 2 + lineBytes;
}

/**
 * Bytes side by side with their text, as lines.
 *
 * @example A key of a block
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hexLines } from "./hex_view.ts";
 *
 * const bytes = new TextEncoder().encode("clay\n");
 * assertEquals(hexLines(bytes, 16, 8), ["00000010  63 6c 61 79 0a           clay.   "]);
 * ```
 *
 * @param bytes The bytes.
 * @param offset Where the first of them is.
 * @param lineBytes Bytes on a line.
 * @returns The lines, all of the same length; none if there are no bytes.
 */
export function hexLines(
  bytes: Uint8Array,
  offset: number,
  lineBytes: number = HEX_LINE_BYTES,
): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += lineBytes) {
    const line = bytes.subarray(at, at + lineBytes);
    let hex = "";
    let text = "";
    line.forEach((byte, i) => {
      if (i > 0) hex += i % GROUP_BYTES === 0 ? "  " : " ";
      hex += byte.toString(16).padStart(2, "0");
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
    });
    lines.push(
      `${hexOffset(offset + at)}  ${hex.padEnd(hexColumns(lineBytes))}  ${text.padEnd(lineBytes)}`,
    );
  }
  return lines;
}
