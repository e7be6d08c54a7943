/**
 * **What.** The progress bar of commands that take long: how far, how many, how fast, and how long it will still take.
 * Only a terminal gets one; in a pipe or a file nothing of it is ever written.
 *
 * **Format.** One line, drawn over itself and gone at the end; without a total the first two parts are missing:
 * ```text
 *  42 % [=========>-------------] 420.0 MiB of 1000.0 MiB, 1,234,567 entries, 312,000/s, 0:02 left
 * ```
 *
 * **Invariants.**
 * 1. What is not a terminal gets no byte.
 * 2. After `close` the line is empty, the cursor at its start, and no timer is left.
 * 3. A terminal that fails changes nothing for who does the work.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
import cliProgress from "cli-progress";
import type { CliOutput } from "./cli_context.ts";
import { bytesText } from "./shell_report.ts";

/** How far work has come. */
export interface ProgressState {
  /** Bytes done. */
  readonly bytes: number;
  /** Bytes in all, if that is known. */
  readonly totalBytes?: number | undefined;
  /** Entries done. */
  readonly entries: number;
  /** How long that took, in milliseconds. */
  readonly elapsedMs: number;
  /** The part of the bytes that was done before, in no time; 0 unless work was taken up again. */
  readonly startBytes?: number;
  /** The same for entries. */
  readonly startEntries?: number;
}

/** The bar has this many characters, if the terminal is wide enough. */
const BAR_COLUMNS = 24;

/**
 * The state of work as a line of text.
 *
 * @example Half of it
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { progressText } from "./cli_progress.ts";
 *
 * const state = { bytes: 5 * 1024, totalBytes: 10 * 1024, entries: 2000, elapsedMs: 1000 };
 * assertEquals(progressText(state, 60), " 50 % 5.0 KiB of 10.0 KiB, 2,000 entries, 2,000/s, 0:01 left");
 * ```
 *
 * @param state How far it has come.
 * @param columns How many characters fit on the line; without room for the bar there is none.
 * @returns The line, without its end.
 */
export function progressText(state: ProgressState, columns: number): string {
  const { bytes, totalBytes, entries, elapsedMs, startBytes = 0, startEntries = 0 } = state;
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const rate = Math.round((entries - startEntries) / seconds);
  const counts = `${entries.toLocaleString("en")} entries, ${rate.toLocaleString("en")}/s`;
  if (totalBytes === undefined) return `${bytesText(bytes)}, ${counts}`;
  const share = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const bytesRate = (bytes - startBytes) / seconds;
  const left = bytesRate > 0 ? `, ${timeText((totalBytes - bytes) / bytesRate)} left` : "";
  const percent = `${Math.floor(100 * share)}`.padStart(3);
  const rest = `${bytesText(bytes)} of ${bytesText(totalBytes)}, ${counts}${left}`;
  const line = `${percent} % ${rest}`;
  if (line.length + BAR_COLUMNS + 3 > columns) return line;
  const done = Math.floor(BAR_COLUMNS * share);
  const bar = "=".repeat(done) + (done < BAR_COLUMNS ? ">" : "");
  return `${percent} % [${bar.padEnd(BAR_COLUMNS, "-")}] ${rest}`;
}

function timeText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const end = `${whole % 60}`.padStart(2, "0");
  return hours > 0 ? `${hours}:${`${minutes}`.padStart(2, "0")}:${end}` : `${minutes}:${end}`;
}

/** The part of the package's bar that is used here: it has no types of its own. */
interface Bar {
  start(total: number, value: number): void;
  update(value: number): void;
  stop(): void;
}

/**
 * A progress bar, to be closed with `await using`.
 *
 * @example Nothing but a terminal gets it
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Progress } from "./cli_progress.ts";
 *
 * let text = "";
 * const pipe = {
 *   isTerminal: false,
 *   hasColors: false,
 *   columns: 80,
 *   write: (data: string | Uint8Array) => Promise.resolve(void (text += data)),
 * };
 * {
 *   await using progress = new Progress(pipe, 1000);
 *   progress.update(500, 10);
 * }
 * assertEquals(text, "");
 * ```
 */
export class Progress implements AsyncDisposable {
  readonly #output: CliOutput;
  readonly #bar: Bar | undefined;
  readonly #startedMs = performance.now();
  #state: ProgressState;
  /** What is written to the terminal, in order: the package does not wait for it. */
  #written: Promise<void> = Promise.resolve();

  /**
   * Draws the bar, on a terminal.
   *
   * @param output Where it is drawn: the error output.
   * @param totalBytes Bytes to be done in all, if that is known.
   * @param startBytes Bytes that were done before, if work is taken up again.
   * @param startEntries The same for entries.
   */
  constructor(
    output: CliOutput,
    totalBytes: number | undefined,
    startBytes = 0,
    startEntries = 0,
  ) {
    this.#output = output;
    this.#state = {
      bytes: startBytes,
      totalBytes,
      entries: startEntries,
      elapsedMs: 0,
      startBytes,
      startEntries,
    };
    if (!output.isTerminal) return;
    const write = (text: string) => this.#write(text);
    const bar: Bar = new cliProgress.SingleBar({
      format: () => this.#line(),
      stream: {
        isTTY: true,
        get columns() {
          return output.columns;
        },
        // The package's way to move the cursor calls back.
        write: (text: string, done?: () => void) => (write(text), done?.(), true),
      },
      clearOnComplete: true,
      // Lines are cut to the width instead: a killed process would leave a terminal that does not wrap.
      linewrap: true,
    });
    this.#bar = bar;
    bar.start(totalBytes ?? 0, startBytes);
  }

  /**
   * Says how far the work is.
   *
   * @param bytes Bytes done.
   * @param entries Entries done.
   */
  update(bytes: number, entries: number): void {
    if (this.#bar === undefined) return;
    this.#state = { ...this.#state, bytes, entries };
    this.#bar.update(bytes);
  }

  /** Takes the bar away. Never fails. A second call does nothing. */
  async close(): Promise<void> {
    this.#bar?.stop();
    await this.#written;
  }

  /** The same as {@linkcode Progress.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #line(): string {
    const elapsedMs = performance.now() - this.#startedMs;
    return progressText({ ...this.#state, elapsedMs }, this.#output.columns);
  }

  #write(text: string): void {
    // Nobody is told of a failure: results do not depend on it.
    this.#written = this.#written.then(() => this.#output.write(text)).catch(() => {});
  }
}
