/**
 * **What.** What the command works with when it is a process: the terminal, pipes, signals and Deno's disk.
 *
 * **Invariants.**
 * 1. No permission is needed for any of it, and none is asked for. `Deno.noColor` says what `NO_COLOR` is without one.
 * 2. A write to the output waits for its reader without keeping the process from hearing a signal, and ends when one
 *    comes.
 * 3. The first signal asks the command to end, which closes what it has open; the second ends it at once.
 *
 * **Read next.** `cli_entries.ts`
 *
 * @module
 */
import { type CliContext, type CliOutput, OutputClosedError, SignalError } from "./cli_context.ts";
import { webSurroundings } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { onEndSignal } from "./deno_signals.ts";
import { denoWorkers } from "./deno_workers.ts";

/** Columns of what has no width of its own. */
const DEFAULT_COLUMNS = 80;

const encoder = new TextEncoder();

/** Rejects when a signal comes; never resolves. Made once, since each write waits for it. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // it may come when nobody is writing
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}

/** One of the process's own streams. */
class ProcessOutput implements CliOutput {
  readonly isTerminal: boolean;
  readonly hasColors: boolean;
  readonly #stream: typeof Deno.stdout;
  readonly #interrupted: Promise<never> | undefined;

  /** `interrupted` ends a write; without it, writes are done even after a signal. */
  constructor(stream: typeof Deno.stdout, interrupted?: Promise<never>) {
    this.#stream = stream;
    this.#interrupted = interrupted;
    this.isTerminal = stream.isTerminal();
    this.hasColors = this.isTerminal && !Deno.noColor;
  }

  get columns(): number {
    if (!this.isTerminal) return DEFAULT_COLUMNS;
    try {
      return Deno.consoleSize().columns || DEFAULT_COLUMNS;
    } catch {
      return DEFAULT_COLUMNS;
    }
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    try {
      for (let at = 0; at < bytes.length;) {
        const written = this.#stream.write(bytes.subarray(at));
        at += await (this.#interrupted ? Promise.race([written, this.#interrupted]) : written);
      }
    } catch (cause) {
      if (cause instanceof SignalError) throw cause;
      if (!(cause instanceof Deno.errors.BrokenPipe)) {
        throw new Error(`Cannot print: ${(cause as Error).message}`, { cause });
      }
      throw new OutputClosedError("Cannot print: nobody reads the output any more", { cause });
    }
  }
}

/**
 * Runs a body with the process as its context.
 *
 * @param body Gets the context, and gives the status to exit with.
 * @returns That status.
 */
export async function inProcess(body: (context: CliContext) => Promise<number>): Promise<number> {
  const interrupt = new AbortController();
  using _listening = onEndSignal((name, number) => {
    if (interrupt.signal.aborted) Deno.exit(128 + number);
    interrupt.abort(new SignalError(name, number));
  });
  const interrupted = rejectedBy(interrupt.signal);
  return await body({
    output: new ProcessOutput(Deno.stdout, interrupted),
    errors: new ProcessOutput(Deno.stderr),
    input: {
      isTerminal: Deno.stdin.isTerminal(),
      get readable() {
        return Deno.stdin.readable;
      },
    },
    fileSystem: denoFileSystem,
    surroundings: { ...webSurroundings, workers: denoWorkers },
    // Unix has one place for that; Windows has none that can be known without the environment.
    temporaryDirectory: Deno.build.os === "windows" ? "." : "/tmp",
    signal: interrupt.signal,
  });
}
