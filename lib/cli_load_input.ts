/**
 * **What.** What `load` reads from: a file, which can be read again from its middle, or a pipe, which cannot; packed
 * with gzip or not.
 *
 * **Invariants.**
 * 1. No more is read than is asked for: a pipe's writer waits.
 * 2. A signal ends the wait for a pipe. A file is read to the end of the piece.
 * 3. Packed input is unpacked whole, also if it is several packed files one after another; what is cut is an error.
 *
 * **Read next.** `cli_load_errors.ts`
 *
 * @module
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { type CliContext, CliError, fileError } from "./cli_context.ts";
import type { ByteSource } from "./entry_reader.ts";
import type { InputIdentity } from "./load_checkpoint.ts";

/** So much of the beginning, and of the end, tells one file from another. */
const SAMPLE_BYTES = 64 * 1024;
/** So much is unpacked at a time. */
const PACKED_BYTES = 256 * 1024;

/** What there is to load. */
export interface LoadInput extends ByteSource, AsyncDisposable {
  /** What to call it. */
  readonly name: string;
  /** Its real path; `undefined` for a pipe. */
  readonly path: string | undefined;
  /** Its size in bytes, packed if it is; `undefined` for a pipe. */
  readonly size: number | undefined;
  /** Which file it is; `undefined` for a pipe. */
  readonly identity: InputIdentity | undefined;
  /** Whether it is packed. */
  readonly isPacked: boolean;
  /** How many bytes were read so far, packed if it is. */
  readonly bytesRead: number;
  /**
   * Goes to a place behind what was read, in bytes of what is unpacked.
   *
   * @param offset Where.
   */
  skipTo(offset: number): Promise<void>;
  /**
   * Whether it is another one than when it was opened; to be asked when all of it was read.
   *
   * @returns Whether size or time of change are others; never for a pipe.
   */
  hasChanged(): Promise<boolean>;
}

/** Bytes of a file, or of a pipe. */
interface RawInput extends ByteSource {
  close(): Promise<void>;
}

/**
 * Opens what there is to load.
 *
 * @param context What the command works with.
 * @param file The path; `undefined` or `"-"` for the standard input.
 * @param isGzip Whether it was said that it is packed; it is looked at in any case.
 * @returns The input, to be closed with `await using`.
 * @throws {CliError} If there is no such file, or it cannot be read, or is not packed as was said.
 */
export async function openInput(
  context: CliContext,
  file: string | undefined,
  isGzip: boolean,
): Promise<LoadInput> {
  const opened = file === undefined || file === "-" ? undefined : await openFile(file);
  if (opened?.info.isFile) return await FileInput.open(file!, opened.file, isGzip);
  const stream = opened === undefined ? context.input.readable : opened.file.readable;
  const name = opened === undefined ? "the standard input" : file!;
  return await PipeInput.open(name, new StreamSource(stream, context.signal), isGzip);
}

async function openFile(file: string): Promise<{ file: Deno.FsFile; info: Deno.FileInfo }> {
  try {
    const info = await Deno.stat(file);
    if (info.isDirectory) throw new Error("it is a directory");
    return { file: await Deno.open(file), info };
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/**
 * An error that says what cannot be read.
 *
 * @param name What it is called.
 * @param cause What was thrown.
 * @returns The error.
 */
export function unreadable(name: string, cause: unknown): CliError {
  return fileError(`read ${name}`, "there is no such file", cause);
}

function isMagic(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b; // no line of text begins so
}

function checkPacked(name: string, head: Uint8Array, isGzip: boolean): boolean {
  const isPacked = isMagic(head);
  if (isGzip && !isPacked) {
    throw new CliError(`Cannot read ${name}: it is not packed with gzip`);
  }
  return isPacked;
}

/** A file of the disk. */
class FileInput implements LoadInput {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly identity: InputIdentity;
  readonly isPacked: boolean;
  bytesRead = 0;
  readonly #file: Deno.FsFile;
  readonly #unpacked: Unpacked | undefined;

  private constructor(
    name: string,
    path: string,
    file: Deno.FsFile,
    identity: InputIdentity,
    isPacked: boolean,
  ) {
    this.name = name;
    this.path = path;
    this.#file = file;
    this.size = identity.size;
    this.identity = identity;
    this.isPacked = isPacked;
    if (isPacked) this.#unpacked = new Unpacked(name, { read: (into) => this.#readRaw(into) });
  }

  static async open(
    name: string,
    file: Deno.FsFile,
    isGzip: boolean,
  ): Promise<FileInput> {
    try {
      const { size, mtime } = await file.stat(); // of what was opened, whatever has its name by now
      const sample = new Uint8Array(2 * SAMPLE_BYTES);
      const headBytes = await fillFrom(file, 0, sample.subarray(0, SAMPLE_BYTES));
      const end = sample.subarray(headBytes, headBytes + SAMPLE_BYTES);
      const endBytes = await fillFrom(file, Math.max(0, size - SAMPLE_BYTES), end);
      await file.seek(0, Deno.SeekMode.Start);
      const hash = await crypto.subtle.digest("SHA-256", sample.subarray(0, headBytes + endBytes));
      const identity = {
        size,
        changedMs: mtime?.getTime() ?? 0,
        hash: new Uint8Array(hash).toHex(),
      };
      const isPacked = checkPacked(name, sample.subarray(0, headBytes), isGzip);
      return new FileInput(name, await Deno.realPath(name), file, identity, isPacked);
    } catch (error) {
      file.close();
      throw error instanceof CliError ? error : unreadable(name, error);
    }
  }

  read(into: Uint8Array): Promise<number> {
    return this.#unpacked === undefined ? this.#readRaw(into) : this.#unpacked.read(into);
  }

  async skipTo(offset: number): Promise<void> {
    if (this.#unpacked === undefined) {
      this.bytesRead = await this.#file.seek(offset, Deno.SeekMode.Start);
    } else {
      await this.#unpacked.skip(offset);
    }
  }

  async hasChanged(): Promise<boolean> {
    const { size, mtime } = await this.#file.stat();
    if (size !== this.size || (mtime?.getTime() ?? 0) !== this.identity.changedMs) return true;
    // Zeros may follow what was packed, as they do on a tape: not all of them are read.
    return !this.isPacked && this.bytesRead !== size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unpacked?.close();
    this.#file.close();
  }

  async #readRaw(into: Uint8Array): Promise<number> {
    try {
      const count = await this.#file.read(into) ?? 0;
      this.bytesRead += count;
      return count;
    } catch (cause) {
      throw unreadable(this.name, cause);
    }
  }
}

/** Reads from a place until the memory is full or the file at its end; gives back how many bytes there were. */
async function fillFrom(file: Deno.FsFile, offset: number, into: Uint8Array): Promise<number> {
  await file.seek(offset, Deno.SeekMode.Start);
  let length = 0;
  while (length < into.length) {
    const count = await file.read(into.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}

/** A pipe. */
class PipeInput implements LoadInput {
  readonly name: string;
  readonly path = undefined;
  readonly size = undefined;
  readonly identity = undefined;
  readonly isPacked: boolean;
  bytesRead = 0;
  readonly #raw: RawInput;
  readonly #unpacked: Unpacked | undefined;
  /** What was read to look whether it is packed. */
  #head: Uint8Array;

  private constructor(name: string, raw: RawInput, head: Uint8Array, isPacked: boolean) {
    this.name = name;
    this.#raw = raw;
    this.#head = head;
    this.isPacked = isPacked;
    if (isPacked) this.#unpacked = new Unpacked(name, { read: (into) => this.#readRaw(into) });
  }

  static async open(name: string, raw: RawInput, isGzip: boolean): Promise<PipeInput> {
    try {
      const head = new Uint8Array(2);
      let length = 0;
      while (length < head.length) {
        const count = await raw.read(head.subarray(length));
        if (count === 0) break;
        length += count;
      }
      const isPacked = checkPacked(name, head.subarray(0, length), isGzip);
      return new PipeInput(name, raw, head.subarray(0, length), isPacked);
    } catch (error) {
      await raw.close();
      throw error;
    }
  }

  read(into: Uint8Array): Promise<number> {
    return this.#unpacked === undefined ? this.#readRaw(into) : this.#unpacked.read(into);
  }

  skipTo(): Promise<void> {
    return Promise.reject(new CliError(`Cannot go on in ${this.name}: it is a pipe`));
  }

  hasChanged(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unpacked?.close();
    await this.#raw.close();
  }

  async #readRaw(into: Uint8Array): Promise<number> {
    let count = this.#head.length;
    if (count > 0) {
      count = Math.min(count, into.length);
      into.set(this.#head.subarray(0, count));
      this.#head = this.#head.subarray(count);
    } else {
      count = await this.#raw.read(into);
    }
    this.bytesRead += count;
    return count;
  }
}

/** A stream as a source: what does not fit is kept for the next read. */
class StreamSource implements RawInput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #cancel: () => Promise<void>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>, signal: AbortSignal) {
    this.#reader = stream.getReader();
    this.#signal = signal;
    // It ends the wait for the next piece. A race of each read with one promise for the signal would leave memory
    // behind in that promise for every piece, until a signal comes.
    this.#cancel = () => this.#reader.cancel().catch(() => {}); // it may have failed before
    signal.addEventListener("abort", this.#cancel, { once: true });
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      this.#signal.throwIfAborted();
      const { done, value } = await this.#reader.read();
      this.#signal.throwIfAborted();
      if (done) return 0;
      this.#rest = value;
    }
    const count = Math.min(this.#rest.length, into.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#cancel);
    await this.#cancel();
  }
}

/**
 * What gzip packed, unpacked. Node's stream and not `DecompressionStream`, which fails where one packed file follows
 * another: `cat a.gz b.gz` is a packed file, and some tools write their output in such parts.
 */
class Unpacked implements ByteSource {
  readonly #name: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #stream: Readable;
  #rest: Uint8Array = new Uint8Array();

  constructor(name: string, packed: ByteSource) {
    this.#name = name;
    const gunzip = createGunzip({ chunkSize: PACKED_BYTES });
    // A failure of either comes out of the iterator.
    pipeline(Readable.from(chunksOf(packed)), gunzip, () => {});
    this.#stream = gunzip;
    this.#chunks = gunzip[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) return 0;
      this.#rest = chunk;
    }
    const count = Math.min(this.#rest.length, into.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; left -= this.#rest.length) {
      const chunk = await this.#next();
      if (chunk === undefined) return;
      this.#rest = chunk;
      if (chunk.length < left) continue;
      this.#rest = chunk.subarray(left);
      return;
    }
    if (count > 0) this.#rest = new Uint8Array();
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
    this.#stream.destroy();
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done ? undefined : value;
    } catch (cause) {
      // Those of zlib have codes; others come from what is read.
      const code = (cause as { code?: unknown } | null)?.code;
      if (typeof code !== "string" || !code.startsWith("Z_")) throw cause;
      const why = code === "Z_BUF_ERROR" ? "it is cut" : "it is damaged";
      throw new CliError(`Cannot unpack ${this.#name}: ${why}`, 2, { cause });
    }
  }
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(PACKED_BYTES); // the stream keeps it until it is unpacked
    const count = await source.read(chunk);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}
