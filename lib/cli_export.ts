/**
 * **What.** `varve export`: entries of a database to a file or a pipe, as `load` reads them.
 *
 * **Format.** What it prints about a file, on one line, or with `--json`: `{"entries": number, "bytes": number}`. About
 * a pipe it prints nothing but the entries.
 *
 * **Invariants.**
 * 1. What is exported is one moment of the database, and loads as the same bytes with the same options. Bytes that the
 *    encoding has no form for are `key64` and `value64` in ndjson, and an error that names the key in csv and tsv.
 * 2. A file is there under its name when all of it is written and durable, or not at all. One that was there before
 *    is only replaced if that was asked for. Until then it is `NAME.part`, which only a killed process leaves
 *    behind, and which the next export to the same name writes over; two at a time are refused.
 * 3. It waits for whoever reads its output; memory is bounded by the longest entry.
 * 4. Checkpoints of loads are not exported.
 *
 * **Read next.** `cli.ts`
 *
 * @module
 */
import { createGzip, type Gzip } from "node:zlib";
import { dirname } from "@std/path";
import type { CliFrame } from "./cli_command.ts";
import { type CliContext, CliError, fileError } from "./cli_context.ts";
import {
  addRange,
  addSublevel,
  openFor,
  type RangeCliOptions,
  rangeOf,
  storeOf,
  type SublevelOption,
} from "./cli_entries.ts";
import {
  addFileOptions,
  encodingsOf,
  type FileOptions,
  formatOf,
  namesOf,
} from "./cli_load_format.ts";
import { Progress } from "./cli_progress.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { CsvWriter } from "./csv.ts";
import { FormatError, type FormatName, type RecordWriter } from "./entry_formats.ts";
import { CHECKPOINT_PREFIX } from "./load_checkpoint.ts";
import { NdjsonWriter } from "./ndjson.ts";
import type { RangeCursor } from "./range_cursor.ts";
import { keyText } from "./shell_command.ts";
import { bytesText, counted } from "./shell_report.ts";

interface ExportOptions extends FileOptions, SublevelOption, RangeCliOptions {
  readonly force?: true;
  readonly json?: true;
}

/** So many bytes are written at a time. */
const WRITE_BYTES = 256 * 1024;

/**
 * Adds `export`.
 *
 * @param frame The frame.
 */
export function addExport(frame: CliFrame): void {
  const command = frame.command("export", {
    summary: "write entries to a file or a pipe",
    details:
      "Lines of JSON, CSV or TSV, as load reads them; packed with gzip if the name ends in .gz. " +
      "All are of one moment. What is not text is key64 and value64 in JSON, which are base64; " +
      "CSV and TSV need --key-encoding or --value-encoding base64 for it.",
    examples: [
      ["varve export ./data dump.ndjson.gz", "all entries, packed"],
      ["varve export ./data --prefix city: | head", "look at some"],
      ["varve export ./data cities.csv --prefix city: --header id,name", "as a table"],
    ],
  })
    .argument("<directory>", "where the database is")
    .argument("[file]", "where to; - or nothing for the standard output");
  addRange(addSublevel(addFileOptions(command)))
    .option("--force", "replace the file if there is one")
    .option("--json", "print the result as JSON");
  frame.onRun<ExportOptions>(command, async (context, [directory, file], options) => {
    const format = formatOf(file, options);
    const { reverse = false, limit = Infinity, signal: _signal, ...bounds } = rangeOf(
      options,
      options.keyEncoding,
      context.signal,
    );
    await using database = openFor(context, directory!, "reading");
    using cursor = storeOf(database, options).cursorSync(bounds);
    await using target = await openTarget(context, file, options);
    const walk = { cursor, reverse, limit, hidesCheckpoints: options.sublevel === undefined };
    const counts = await exportAll(context, walk, writerOf(format, options), target);
    await target.finish();
    if (file === undefined || file === "-") return;
    await context.output.write(
      options.json
        ? `${JSON.stringify(counts)}\n`
        : `exported ${counted(counts.entries, "entry", "entries")} to ${file}: ` +
          `${bytesText(counts.bytes)}\n`,
    );
  });
}

function writerOf(format: FormatName, options: FileOptions): RecordWriter {
  const encodings = encodingsOf(options);
  return format === "ndjson"
    ? new NdjsonWriter(encodings)
    : new CsvWriter({ format, header: namesOf(options) }, encodings);
}

/** Which entries. */
interface Walk {
  readonly cursor: RangeCursor<Uint8Array, Uint8Array>;
  readonly reverse: boolean;
  readonly limit: number;
  readonly hidesCheckpoints: boolean;
}

/** Writes the entries; gives back how many, and in how many bytes before they are packed. */
async function exportAll(
  { signal, errors, output }: CliContext,
  { cursor, reverse, limit, hidesCheckpoints }: Walk,
  writer: RecordWriter,
  target: Target,
): Promise<{ entries: number; bytes: number }> {
  // On the same terminal the bar would be drawn into the entries.
  const isShown = !output.isTerminal || target.isFile;
  await using progress = isShown ? new Progress(errors, undefined) : undefined;
  const sink = writer.output;
  let entries = 0;
  let bytes = 0;
  const flush = async () => {
    bytes += sink.length;
    await target.write(sink.take());
    progress?.update(bytes, entries);
    signal.throwIfAborted();
  };
  writer.begin();
  while (entries < limit && (reverse ? cursor.previous() : cursor.next())) {
    const { key } = cursor;
    if (hidesCheckpoints && isCheckpoint(key)) continue;
    try {
      writer.write(key, cursor.value);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new CliError(`Cannot export ${keyText(key)}: ${error.message}`, 2, { cause: error });
    }
    entries++;
    if (sink.length >= WRITE_BYTES) await flush();
  }
  await flush();
  return { entries, bytes };
}

function isCheckpoint(key: Uint8Array): boolean {
  const prefix = CHECKPOINT_PREFIX;
  return key.length >= prefix.length && prefix.every((byte, i) => key[i] === byte);
}

// ——— Where it goes ———

interface Target extends AsyncDisposable {
  /** Whether it is a file, and not the output. */
  readonly isFile: boolean;
  /** Writes all of it; the memory is the caller's again then. */
  write(data: Uint8Array): Promise<void>;
  /** All is written: makes it durable, and there under its name. */
  finish(): Promise<void>;
}

async function openTarget(
  { output }: CliContext,
  file: string | undefined,
  { gzip, force }: ExportOptions,
): Promise<Target> {
  const isFile = file !== undefined && file !== "-";
  const plain = isFile ? await FileTarget.open(file, force === true) : new OutputTarget(output);
  const isPacked = gzip ?? (isFile && /\.gz$/i.test(file));
  return isPacked ? new PackedTarget(plain) : plain;
}

/** The standard output. */
class OutputTarget implements Target {
  readonly isFile = false;
  readonly #output: CliContext["output"];

  constructor(output: CliContext["output"]) {
    this.#output = output;
  }

  async write(data: Uint8Array): Promise<void> {
    if (data.length > 0) await this.#output.write(data);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** A file, which has another name until it is whole. */
class FileTarget implements Target {
  readonly isFile = true;
  readonly #path: string;
  /** The name until it is whole; the path itself for a device or a pipe, which cannot be replaced. */
  readonly #partPath: string;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  private constructor(path: string, partPath: string, file: Deno.FsFile) {
    this.#path = path;
    this.#partPath = partPath;
    this.#file = file;
  }

  static async open(path: string, force: boolean): Promise<FileTarget> {
    try {
      const info = await Deno.stat(path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      });
      if (info?.isDirectory) throw new Error("it is a directory");
      if (info?.isFile && !force) throw new Error("there is such a file; --force replaces it");
      const isReplaced = info === undefined || info.isFile;
      // What a link leads to is replaced, not the link.
      const whole = info?.isFile ? await Deno.realPath(path) : path;
      const partPath = isReplaced ? `${whole}.part` : path;
      const file = await Deno.open(partPath, { write: true, create: true });
      try {
        if (isReplaced) await claim(file, partPath);
      } catch (error) {
        file.close();
        throw error;
      }
      return new FileTarget(whole, partPath, file);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  async write(data: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < data.length;) at += await this.#file.write(data.subarray(at));
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  async finish(): Promise<void> {
    try {
      if (this.#partPath !== this.#path) {
        await this.#file.sync();
        await Deno.rename(this.#partPath, this.#path);
        syncDirectoryOf(this.#path);
      }
      this.#close();
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    // While it is locked: else it might be the one that another export has begun.
    if (this.#partPath !== this.#path) await Deno.remove(this.#partPath).catch(() => {});
    this.#close();
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/** Makes a file this export's own, and empty: one that was killed may have left something in it. */
async function claim(file: Deno.FsFile, path: string): Promise<void> {
  const isOurs = await file.tryLock(true) &&
    (await file.stat()).ino === (await Deno.stat(path).catch(() => undefined))?.ino;
  if (!isOurs) throw new Error("another export is writing it");
  await file.truncate();
}

/** Makes the name durable, where a directory can be synced. */
function syncDirectoryOf(path: string): void {
  try {
    denoFileSystem.syncDirectory(dirname(path));
  } catch {
    // The program may have no permission for it but for the file.
  }
}

/** Packs what goes to another target. */
class PackedTarget implements Target {
  readonly isFile: boolean;
  readonly #target: Target;
  readonly #gzip: Gzip = createGzip();
  #packed: Uint8Array[] = [];

  constructor(target: Target) {
    this.#target = target;
    this.isFile = target.isFile;
    this.#gzip.on("data", (piece: Uint8Array) => void this.#packed.push(piece));
  }

  async write(data: Uint8Array): Promise<void> {
    if (data.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#gzip.write(data, (error) => error ? reject(error) : resolve());
    });
    await this.#pass();
  }

  async finish(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#gzip.once("end", resolve).once("error", reject);
      this.#gzip.end();
    });
    await this.#pass();
    await this.#target.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gzip.destroy();
    await this.#target[Symbol.asyncDispose]();
  }

  async #pass(): Promise<void> {
    const packed = this.#packed;
    this.#packed = [];
    for (const piece of packed) await this.#target.write(piece);
  }
}

function unwritable(path: string, cause: unknown): CliError {
  return fileError(`write ${path}`, "there is no such directory", cause);
}
