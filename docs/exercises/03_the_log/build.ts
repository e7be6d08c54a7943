/**
 * **What.** Build it: a reader of log records, which can tell a torn end from damage.
 *
 * **Format.** A log is cut into blocks of 32 KiB. A fragment is a header and a payload; a header is 7 bytes: the masked
 * CRC-32C of type and payload (fixed32), the length of the payload (fixed16, little-endian), the type: 1 FULL, 2 FIRST,
 * 3 MIDDLE, 4 LAST. When less than 7 bytes of a block are left, they are zeros.
 *
 * **Invariants.**
 * 1. What comes out is a prefix of what was written.
 * 2. A fragment that is cut, or fails its checksum, is damage if a whole record begins anywhere behind it. Else it is
 *    where a crash tore the log, and all before it is good.
 *
 * **Read next.** `../../03_the_log.md`
 *
 * @module
 */
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";

// You will need getFixed32 of lib/coding.ts, crc32c and unmask of lib/crc32c.ts, CorruptionError of lib/errors.ts:
// import { getFixed32 } from "../../../lib/coding.ts";

/**
 * Reads the records of a log.
 *
 * @param log The bytes of the file.
 * @returns The payloads of its whole records, in order, up to its end or to where a crash tore it.
 * @throws {CorruptionError} If a fragment is damaged, with that fragment's offset; the file is called `"log"`.
 */
export function readRecords(log: Uint8Array): Uint8Array[] {
  throw new NotBuiltError(`readRecords, given ${log.length} bytes,`);
}
