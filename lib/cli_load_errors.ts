/**
 * **What.** The file that bad records are told in, if there is to be one: so they can be mended and loaded later.
 *
 * **Format.** A line of JSON for each; `record` is its beginning if it is long, `record64` is base64:
 * ```text
 * line := {"line": number, "offset": number, "error": text, ("record" | "record64"): text} LF
 * ```
 *
 * **Invariants.**
 * 1. What the file had before stays; lines are added.
 * 2. When a load is taken up again, what was added after its last checkpoint is cut off: no record is there twice.
 *    That is done to the same file only: of another one nothing is cut.
 *
 * **Read next.** `cli_load.ts`
 *
 * @module
 */
import { CliError } from "./cli_context.ts";
import type { ErrorsEnd } from "./load_checkpoint.ts";

/** A record that was left out. */
export interface BadRecord {
  /** In which line it starts. */
  readonly line: number;
  /** At which byte. */
  readonly offset: number;
  /** What is wrong with it. */
  readonly problem: string;
  /** Its beginning. */
  readonly shown: Uint8Array;
}

/** Where bad records are told. */
export class ErrorFile implements Disposable {
  readonly #path: string;
  readonly #realPath: string;
  readonly #file: Deno.FsFile;
  #size: number;
  #syncedSize: number;

  private constructor(path: string, realPath: string, file: Deno.FsFile, size: number) {
    this.#path = path;
    this.#realPath = realPath;
    this.#file = file;
    this.#size = this.#syncedSize = size;
  }

  /** Where it ends. */
  get end(): ErrorsEnd {
    return { path: this.#realPath, bytes: this.#size };
  }

  /**
   * Opens a file to add to, and makes it if there is none.
   *
   * @param path Its path.
   * @param before Where such a file ended when the load was interrupted that is taken up again.
   * @param input The real path of what is loaded, which it must not be.
   * @returns The file, to be closed with `using`.
   * @throws {CliError} If it cannot be written.
   */
  static async open(
    path: string,
    before: ErrorsEnd | null | undefined,
    input: string | undefined,
  ): Promise<ErrorFile> {
    try {
      const file = await Deno.open(path, { create: true, append: true });
      try {
        const realPath = await Deno.realPath(path);
        if (realPath === input) throw new Error("it is what is loaded");
        const { size } = await file.stat();
        const kept = before?.path === realPath ? Math.min(size, before.bytes) : size;
        if (kept < size) await file.truncate(kept);
        return new ErrorFile(path, realPath, file, kept);
      } catch (error) {
        file.close();
        throw error;
      }
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** Adds a record. */
  async add({ line, offset, problem, shown }: BadRecord): Promise<void> {
    const text = JSON.stringify({ line, offset, error: problem, ...shownText(shown) });
    const bytes = new TextEncoder().encode(`${text}\n`);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
    this.#size += bytes.length;
  }

  /** Makes what was added durable. */
  async sync(): Promise<void> {
    if (this.#size === this.#syncedSize) return;
    try {
      await this.#file.syncData();
      this.#syncedSize = this.#size;
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function shownText(shown: Uint8Array): { record: string } | { record64: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(shown);
    return { record: text.replace(/\r?\n$/, "") };
  } catch {
    return { record64: shown.toBase64() };
  }
}

function unwritable(path: string, cause: unknown): CliError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CliError(`Cannot write ${path}: ${why}`, 2, { cause });
}
