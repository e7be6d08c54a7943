/**
 * **What.** What the formats of entries in text files have in common: how the bytes of a key or value are written in a
 * field, what a reader of records gives, and the memory that a writer of records fills.
 *
 * **Format.** A field, by its encoding:
 * ```text
 * utf8    the text itself
 * base64  as in RFC 4648, with its padding
 * hex     two digits a byte, in either case when read
 * json    the text of a JSON value, byte for byte, without white space around it
 * ```
 *
 * **Invariants.**
 * 1. What is written of a field reads as the same bytes. Bytes that an encoding has no form for are refused or written
 *    in another one; they are never replaced.
 * 2. A reader lends what it gives: it is good until the next call.
 * 3. No string is made of a field that may be longer than a string can be.
 *
 * **Read next.** `ndjson.ts`
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import { copyBytes, EMPTY_BYTES } from "./bytes.ts";

/** The formats of a file of entries. */
export type FormatName = "ndjson" | "csv" | "tsv";

/** All of them. */
export const FORMATS: readonly FormatName[] = ["ndjson", "csv", "tsv"];

/** How the bytes of a key or value are written. */
export type FieldEncoding = "utf8" | "base64" | "hex" | "json";

/** All of them. */
export const FIELD_ENCODINGS: readonly FieldEncoding[] = ["utf8", "base64", "hex", "json"];

/** How both parts of an entry are written. */
export interface EntryEncodings {
  /** Keys. */
  readonly key: FieldEncoding;
  /** Values. */
  readonly value: FieldEncoding;
}

/** A record that is not one of the format, or a field that cannot be written in it. */
export class FormatError extends Error {
  /**
   * Makes an error.
   *
   * @param why What is wrong, to go behind a colon.
   */
  constructor(why: string) {
    super(why);
    this.name = "FormatError";
  }
}

/** The record is not all there: more input is needed. */
export const NEEDS_MORE = 0;
/** An entry was read. */
export const ENTRY = 1;
/** There was nothing in it: an empty line, or the names of columns. */
export const NOTHING = 2;
/** It is not a record of the format: `problem` says why. */
export const BAD = 3;

/** What came of a look at a record. */
export type Outcome = typeof NEEDS_MORE | typeof ENTRY | typeof NOTHING | typeof BAD;

/** Reads records one by one, from memory that the caller fills. */
export interface RecordParser {
  /** Key of the entry that was read, on loan. */
  readonly key: Uint8Array;
  /** Its value, on loan. */
  readonly value: Uint8Array;
  /** Where the record ended that was looked at, its line end included. */
  readonly end: number;
  /** How many lines it took. */
  readonly lines: number;
  /** What is wrong with it. */
  readonly problem: string;
  /** Whether all of the memory up to the last line end is known to be UTF-8; else each field is looked at. */
  isUtf8: boolean;
  /** What has to be known to go on from the middle of the input, as JSON can express it. */
  state: unknown;
  /**
   * Looks at the record that starts at a byte.
   *
   * @param data The memory: all of it is input.
   * @param start Where the record starts: before the end.
   * @param isLast Whether there is no more input behind it.
   * @returns What came of it.
   */
  parse(data: Uint8Array, start: number, isLast: boolean): Outcome;
}

/** Writes records into memory. */
export interface RecordWriter {
  /** What was written. */
  readonly output: ByteSink;
  /** Writes what comes before the first record. */
  begin(): void;
  /**
   * Writes an entry, whole or not at all.
   *
   * @param key Its key.
   * @param value Its value.
   * @throws {FormatError} If the format has no form for it.
   */
  write(key: Uint8Array, value: Uint8Array): void;
}

/** A sink starts with so much memory, and goes back to it. */
const SINK_BYTES = 256 * 1024;
/** So many bytes at a time are turned into text: a multiple of 3, since base64 pads only at its end. */
const PIECE_BYTES = 3 * 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Memory that is written to its end, handed on and written again. */
export class ByteSink {
  #bytes = new Uint8Array(SINK_BYTES);
  /** How many bytes there are. */
  length = 0;

  /**
   * Makes room.
   *
   * @param count For how many bytes.
   * @returns The memory; what is written goes to {@linkcode ByteSink.length}, which the caller then moves.
   */
  reserve(count: number): Uint8Array {
    const needed = this.length + count;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.length));
      this.#bytes = larger;
    }
    return this.#bytes;
  }

  /** Adds a byte. */
  byte(value: number): void {
    this.reserve(1)[this.length++] = value;
  }

  /** Adds text that is ASCII. */
  ascii(text: string): void {
    const { written } = encoder.encodeInto(text, this.reserve(text.length).subarray(this.length));
    this.length += written;
  }

  /** Adds bytes as they are. */
  bytes(data: Uint8Array): void {
    copyBytes(this.reserve(data.length), this.length, data, 0, data.length);
    this.length += data.length;
  }

  /** Adds bytes in base64 or in hexadecimal. */
  encoded(data: Uint8Array, encoding: "base64" | "hex"): void {
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      const piece = data.subarray(at, at + PIECE_BYTES);
      this.ascii(encoding === "base64" ? piece.toBase64() : piece.toHex());
    }
  }

  /**
   * What was written; the sink is empty then.
   *
   * @returns The bytes, on loan until the next one is written.
   */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.length);
    this.length = 0;
    // One large value is no reason to hold that much for ever.
    if (this.#bytes.length > 4 * SINK_BYTES) this.#bytes = new Uint8Array(SINK_BYTES);
    return taken;
  }
}

/**
 * The bytes that a field says.
 *
 * @example A field of two bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fieldBytes } from "./entry_formats.ts";
 *
 * assertEquals(fieldBytes("key", new TextEncoder().encode("c3a9"), "hex"), Uint8Array.of(0xc3, 0xa9));
 * ```
 *
 * @param name What it is, for the error.
 * @param field The field as it stands, UTF-8 already.
 * @param encoding How it is written.
 * @returns The bytes: the field itself, if it is text.
 * @throws {FormatError} If it is not written so.
 */
export function fieldBytes(
  name: string,
  field: Uint8Array,
  encoding: FieldEncoding,
): Uint8Array {
  if (encoding === "utf8") return field;
  if (encoding === "json") {
    if (isPlainJson(field)) return field;
    throw new FormatError(`its ${name} is not JSON`);
  }
  return decodedText(name, decoder.decode(field), encoding);
}

/**
 * The bytes that text in base64 or hexadecimal says.
 *
 * @param name What it is, for the error.
 * @param text The text.
 * @param encoding How it is written.
 * @returns The bytes.
 * @throws {FormatError} If it is not written so.
 */
export function decodedText(name: string, text: string, encoding: "base64" | "hex"): Uint8Array {
  try {
    return encoding === "hex"
      ? Uint8Array.fromHex(text)
      : Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    throw new FormatError(`its ${name} is not ${encoding === "hex" ? "hexadecimal" : "base64"}`);
  }
}

/**
 * Whether bytes are a JSON value on one line, without white space around it.
 *
 * @param data The bytes.
 * @returns Whether they can stand for themselves in a line of JSON.
 */
export function isPlainJson(data: Uint8Array): boolean {
  if (data.length === 0 || isSpace(data[0]!) || isSpace(data[data.length - 1]!)) return false;
  if (data.includes(0x0a) || data.includes(0x0d)) return false;
  try {
    JSON.parse(decoder.decode(data));
    return true;
  } catch {
    return false; // not UTF-8, not JSON, or longer than a string can be
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/**
 * Whether bytes are UTF-8.
 *
 * @param data The bytes.
 * @returns Whether a decoder would take all of them.
 */
export function isText(data: Uint8Array): boolean {
  return isUtf8(data);
}

/** A key or value that is not there yet. */
export const NO_FIELD: Uint8Array = EMPTY_BYTES;
