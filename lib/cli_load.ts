/**
 * **What.** `varve load`: entries from a file or a pipe into a database.
 *
 * **Format.** What it prints, on one line, or with `--json`:
 * ```text
 * {"entries": number, "skipped": number, "lines": number, "bytes": number, "resumedAt": line | null}
 * ```
 * `entries` and `skipped` are of the whole input, also if a part of it was loaded before an interruption.
 *
 * **Invariants.**
 * 1. Entries are written in batches of bounded bytes, each with the checkpoint of where it ends: see
 *    `load_checkpoint.ts`. Interrupted at any moment and run again, the database is as after one undisturbed load.
 * 2. When it says that entries are loaded they are durable, and nothing of a checkpoint is left.
 * 3. Memory is bounded by the longest record, whatever the size of the input.
 * 4. A bad record ends it, or is counted and told of: none is left out in silence. What was loaded before stays.
 *
 * **Read next.** `cli_export.ts`
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import type { CliFrame } from "./cli_command.ts";
import { type CliContext, CliError } from "./cli_context.ts";
import { addSublevel, openFor, storeOf, type SublevelOption, wholeNumber } from "./cli_entries.ts";
import { assertSame, checkLoad } from "./cli_load_check.ts";
import { type BadRecord, ErrorFile } from "./cli_load_errors.ts";
import {
  addFileOptions,
  encodingsOf,
  type FileOptions,
  formatOf,
  namesOf,
} from "./cli_load_format.ts";
import { type LoadInput, openInput } from "./cli_load_input.ts";
import { Progress } from "./cli_progress.ts";
import { CsvParser } from "./csv.ts";
import { BAD, ENTRY, type FormatName, NEEDS_MORE, type RecordParser } from "./entry_formats.ts";
import { EntryReader, RECORD_BYTES_MAX } from "./entry_reader.ts";
import { VarveError } from "./errors.ts";
import { invariant } from "./invariant.ts";
import {
  changeSince,
  type Checkpoint,
  CheckpointPlace,
  type LoadProgress,
} from "./load_checkpoint.ts";
import { NdjsonParser } from "./ndjson.ts";
import { bytesText, counted } from "./shell_report.ts";
import type { Batch, Database, Store } from "./store.ts";

interface LoadOptions extends FileOptions, SublevelOption {
  readonly skipErrors?: true | number;
  readonly errors?: string;
  readonly restart?: true;
  readonly verify?: true;
  readonly lineLimit: number;
  readonly json?: true;
}

/**
 * A batch is written when it has so many bytes. Larger ones are no faster, and each leaves memory behind that is held
 * until it is collected: with 1 MiB the process took 80 MB more.
 */
const BATCH_BYTES = 128 * 1024;
/** After so many bytes what was written is made durable: as much may have to be loaded again after a power cut. */
const SYNC_BYTES = 64 * 1024 * 1024;
/** Fewer would not hold what an entry takes beside its key and value. */
const LINE_BYTES_MIN = 64;

function parserOf(format: FormatName, options: LoadOptions): RecordParser {
  const encodings = encodingsOf(options);
  if (format === "ndjson") return new NdjsonParser(encodings);
  const ignoreOthers = typeof options.header === "object";
  return new CsvParser({ format, header: namesOf(options), ignoreOthers }, encodings);
}

/**
 * Adds `load`.
 *
 * @param frame The frame.
 */
export function addLoad(frame: CliFrame): void {
  const command = frame.command("load", {
    summary: "put the entries of a file or a pipe",
    details:
      'Lines of JSON, {"key": …, "value": …}, CSV or TSV; packed with gzip or not. Interrupted, ' +
      "even by a power cut, and run again, it goes on where it was; a pipe cannot. Until then the database " +
      "has a checkpoint in the sublevel varve-load, which scan and count show and export leaves out. " +
      "In JSON, key64 and value64 are base64. The status is 1 if lines were left out.",
    examples: [
      ["varve load ./data dump.ndjson.gz", "put all entries of a packed file"],
      ["varve export ./old | varve load ./new", "copy a database"],
      ["varve load ./data cities.csv --header id,name", "two of the columns of a table"],
      ["varve load ./data dump.tsv --skip-errors 10 --errors bad.ndjson", "go on after bad lines"],
    ],
  })
    .argument("<directory>", "where the database is; created if there is none")
    .argument("[file]", "what to load; - or nothing for the standard input");
  addSublevel(addFileOptions(command))
    .option("--skip-errors [count]", "leave out bad lines, at most so many", wholeNumber)
    .option("--errors <file>", "add bad lines, and what is wrong with them, to a file")
    .option("--restart", "begin at the beginning, although a part is loaded")
    .option("--verify", "read file and database again, and compare")
    .option("--line-limit <bytes>", "how long a line may be", lineLimit, RECORD_BYTES_MAX)
    .option("--json", "print the result as JSON");
  frame.onRun<LoadOptions>(
    command,
    (context, [directory, file], options) => load(context, directory!, file, options),
  );
}

/** Carries it out, and gives the status. */
async function load(
  context: CliContext,
  directory: string,
  file: string | undefined,
  options: LoadOptions,
): Promise<number> {
  const format = formatOf(file, options);
  await using input = await openInput(context, file, options.gzip ?? /\.gz$/i.test(file ?? ""));
  if (options.verify && input.path === undefined) {
    throw new CliError(`Cannot verify ${input.name}: a pipe cannot be read twice`);
  }
  await using database = openFor(context, directory, "creating");
  const run = new Load(context, input, database, format, options);
  const skipped = await run.run();
  if (options.verify) {
    await using again = await openInput(context, file, false);
    const parser = parserOf(format, options);
    const reader = new EntryReader(again, parser, undefined, options.lineLimit);
    assertSame(await checkLoad(reader, storeOf(database, options), context.signal));
  }
  await run.report();
  return skipped > 0 ? 1 : 0;
}

function lineLimit(typed: string): number {
  const bytes = wholeNumber(typed);
  if (bytes >= LINE_BYTES_MIN && bytes <= 2 ** 31) return bytes;
  throw new InvalidArgumentError(`It must be from ${LINE_BYTES_MIN} to ${2 ** 31}.`);
}

/** One run of the command. */
class Load {
  readonly #context: CliContext;
  readonly #input: LoadInput;
  readonly #database: Database<Uint8Array, Uint8Array>;
  readonly #store: Store<Uint8Array, Uint8Array>;
  readonly #parser: RecordParser;
  readonly #options: LoadOptions;
  /** A pipe has one as well, which is never written: its removal is what the last sync is asked for with. */
  readonly #place: CheckpointPlace;
  readonly #layout: string;
  #reader: EntryReader;
  #errorFile: ErrorFile | undefined;
  #batch: Batch<Uint8Array, Uint8Array>;
  #puts: Batch<Uint8Array, Uint8Array>;
  #unsyncedBytes = 0;
  /** Why the last entry could not be put. */
  #tooLarge = "";
  #entries = 0;
  #skipped = 0;
  /** Entries in batches that were committed, with those of the runs before. */
  #committed = 0;
  #resumedAt: number | undefined;
  readonly #startedMs = performance.now();
  #tookMs = 0;
  #entriesBefore = 0;
  /** How far it was before the last bad record. */
  #beforeBad: LoadProgress | undefined;
  /** Whether that record is not told of yet. */
  #isLeavingOut = false;
  /** Whether the file is not the one that was opened any more. */
  #hasChanged = false;

  constructor(
    context: CliContext,
    input: LoadInput,
    database: Database<Uint8Array, Uint8Array>,
    format: FormatName,
    options: LoadOptions,
  ) {
    this.#context = context;
    this.#input = input;
    this.#database = database;
    this.#store = storeOf(database, options);
    this.#parser = parserOf(format, options);
    this.#options = options;
    this.#place = new CheckpointPlace(database, input.path ?? "-");
    const { header, sublevel = [], keyEncoding, valueEncoding } = options;
    this.#layout = JSON.stringify([format, header ?? null, sublevel, keyEncoding, valueEncoding]);
    this.#reader = new EntryReader(input, this.#parser, undefined, options.lineLimit);
    this.#batch = database.batch();
    this.#puts = this.#batch.on(this.#store);
  }

  /** Loads all there is, and gives back how many records were left out. */
  async run(): Promise<number> {
    const before = await this.#resume();
    const { errors } = this.#options;
    const { path } = this.#input;
    using errorFile = errors === undefined
      ? undefined
      : await ErrorFile.open(errors, before?.errors, path);
    this.#errorFile = errorFile;
    try {
      // Else a run that ends before its first checkpoint would not know what to cut off.
      if (errorFile !== undefined && before === undefined) await this.#commit(false, true);
      await this.#loadAll();
      await this.#finish();
    } catch (error) {
      await this.#stop(error);
    }
    this.#tookMs = performance.now() - this.#startedMs;
    return this.#skipped;
  }

  /** Says what was loaded. */
  async report(): Promise<void> {
    const { output } = this.#context;
    const { offset, line } = this.#reader;
    if (this.#options.json) {
      const result = {
        entries: this.#entries,
        skipped: this.#skipped,
        lines: line - 1,
        bytes: offset,
        resumedAt: this.#resumedAt ?? null,
      };
      return await output.write(`${JSON.stringify(result)}\n`);
    }
    const seconds = this.#tookMs / 1000;
    const rate = Math.round((this.#entries - this.#entriesBefore) / Math.max(seconds, 0.001));
    const left = this.#skipped === 0
      ? ""
      : `; ${counted(this.#skipped, "bad line was", "bad lines were")} left out`;
    await output.write(
      `loaded ${counted(this.#entries, "entry", "entries")} of ${this.#input.name}: ` +
        `${bytesText(offset)} in ${seconds.toFixed(1)} s, ${rate.toLocaleString("en")}/s${left}\n`,
    );
  }

  /** Goes to where the last run came, if there was one. */
  async #resume(): Promise<LoadProgress | undefined> {
    const { identity, name } = this.#input;
    if (identity === undefined) return undefined;
    const checkpoint = this.#place.read();
    if (checkpoint === undefined || this.#options.restart) return undefined;
    const change = changeSince(checkpoint, identity, this.#layout);
    if (change !== undefined) {
      await this.#note(
        `a part of ${name} was loaded before, but ${change}: it is loaded from its start`,
      );
      return undefined;
    }
    const { progress } = checkpoint;
    const { offset, line, entries, skipped, state } = progress;
    await this.#input.skipTo(offset);
    this.#parser.state = state;
    this.#reader = new EntryReader(
      this.#input,
      this.#parser,
      { offset, line },
      this.#options.lineLimit,
    );
    this.#entries = this.#entriesBefore = this.#committed = entries;
    this.#skipped = skipped;
    this.#resumedAt = line;
    await this.#note(`going on at line ${line.toLocaleString("en")} of ${name}`);
    return progress;
  }

  async #note(text: string): Promise<void> {
    await this.#context.errors.write(`note: ${text}\n`);
  }

  async #loadAll(): Promise<void> {
    const { signal, errors } = this.#context;
    const reader = this.#reader;
    const input = this.#input;
    await using progress = new Progress(errors, input.size, input.bytesRead, this.#entries);
    for (;;) {
      const outcome = reader.next();
      if (outcome === ENTRY) {
        if (!this.#put()) await this.#leaveOut(this.#tooLarge);
        if (this.#batch.byteLength >= BATCH_BYTES) await this.#commit();
      } else if (outcome === BAD) {
        await this.#leaveOut(reader.problem);
      } else if (outcome === NEEDS_MORE) {
        signal.throwIfAborted();
        progress.update(input.bytesRead, this.#entries);
        if (!(await reader.fill())) return;
      }
    }
  }

  /** Adds the entry that was read to the batch; gives back whether it is not too large for a database. */
  #put(): boolean {
    const { key, value } = this.#parser;
    try {
      this.#puts.put(key, value);
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== "TOO_LARGE") throw error;
      this.#tooLarge = error.message;
      return false;
    }
    this.#entries++;
    return true;
  }

  async #leaveOut(problem: string): Promise<void> {
    const { recordLine: line, recordOffset: offset, shown } = this.#reader;
    const { skipErrors = 0 } = this.#options;
    const bad: BadRecord = { line, offset, problem, shown };
    const limit = skipErrors === true ? Infinity : skipErrors;
    this.#beforeBad = this.#progressAt(offset, line);
    this.#isLeavingOut = true;
    if (this.#skipped >= limit) throw this.#badRecord(bad);
    await this.#errorFile?.add(bad);
    this.#skipped++;
    this.#isLeavingOut = false;
  }

  #badRecord({ line, offset, problem }: BadRecord): CliError {
    const many = this.#skipped === 0
      ? ""
      : `, after ${counted(this.#skipped, "bad line", "bad lines")} before it`;
    return new CliError(
      `Cannot load line ${line.toLocaleString("en")} of ${this.#input.name}, ` +
        `at byte ${offset.toLocaleString("en")}${many}: ${problem}`,
    );
  }

  #progressAt(offset: number, line: number): LoadProgress {
    return {
      offset,
      line,
      entries: this.#entries,
      skipped: this.#skipped,
      errors: this.#errorFile?.end ?? null,
      state: this.#parser.state,
    };
  }

  /** How far it has come: from within a record that is being left out nothing could go on. */
  #progress(): LoadProgress {
    const reader = this.#reader;
    return this.#isLeavingOut || reader.isSkipping
      ? this.#beforeBad!
      : this.#progressAt(reader.offset, reader.line);
  }

  /** Writes the batch, with where it ends. */
  async #commit(isLast = false, mustSync = isLast): Promise<void> {
    const batch = this.#batch;
    const inBatch = batch.length;
    const sync = mustSync || this.#unsyncedBytes + batch.byteLength >= SYNC_BYTES;
    // First: a checkpoint may survive a power cut also if it was not synced.
    await this.#errorFile?.sync();
    if (isLast) {
      this.#place.removeIn(batch);
    } else if (this.#input.identity !== undefined) {
      const checkpoint: Checkpoint = {
        input: this.#input.identity,
        layout: this.#layout,
        progress: this.#progress(),
      };
      this.#place.addTo(batch, checkpoint);
    }
    this.#unsyncedBytes = sync ? 0 : this.#unsyncedBytes + batch.byteLength;
    this.#batch = this.#database.batch();
    this.#puts = this.#batch.on(this.#store);
    await batch.commit({ sync });
    this.#committed += inBatch;
  }

  async #finish(): Promise<void> {
    this.#hasChanged = await this.#input.hasChanged();
    if (this.#hasChanged) {
      throw new CliError(`Cannot load ${this.#input.name}: it was changed meanwhile`);
    }
    await this.#commit(true);
    invariant(this.#committed === this.#entries, "every entry that was read was written");
  }

  /** Keeps what was loaded, and says so, before the error goes on. */
  async #stop(error: unknown): Promise<never> {
    if (error instanceof VarveError) { // what is not written can no more be
      if (this.#input.identity !== undefined) {
        await this.#note("what was loaded is kept: the next run goes on where it ends");
      }
      throw error;
    }
    const { signal } = this.#context;
    const { line } = this.#progress();
    await this.#commit(false, true);
    const loaded = counted(this.#entries, "entry is", "entries are");
    const next = this.#input.identity === undefined
      ? "a pipe cannot be resumed: run it again from the start"
      : this.#hasChanged
      ? "the next run begins at its start"
      : `the next run goes on at line ${line.toLocaleString("en")}`;
    const note = `${loaded} loaded; ${next}`;
    if (signal.aborted) {
      await this.#note(note).catch(() => {}); // after a signal nobody may read it
      throw error;
    }
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`${error.message}; ${note}`, 2, { cause: error });
  }
}
