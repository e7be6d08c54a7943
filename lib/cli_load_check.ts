/**
 * **What.** `load --verify`: reads a file again, and looks whether the database has what it says.
 *
 * **Invariants.**
 * 1. Of a key that the file has several times the last value counts, as in a load.
 * 2. Memory is bounded: by {@linkcode REPLACED_MAX} keys whose last value is still to come.
 *
 * **Read next.** `cli_load.ts`
 *
 * @module
 */
import { equalBytes } from "./bytes.ts";
import { CliError } from "./cli_context.ts";
import { ENTRY, NEEDS_MORE } from "./entry_formats.ts";
import type { EntryReader } from "./entry_reader.ts";
import { VarveError } from "./errors.ts";
import { keyText } from "./shell_command.ts";
import { counted } from "./shell_report.ts";
import type { Reader } from "./reader.ts";

/** So many keys may wait for their last value. */
export const REPLACED_MAX = 1_000_000;

/** What is the same, and what is not. */
export interface CheckResult {
  /** Entries of the file that were looked up. */
  readonly entries: number;
  /** Those whose key the database has not. */
  readonly missing: number;
  /** Keys that have another value than the last one of the file. */
  readonly different: number;
  /** One of either, for a person. */
  readonly example: Uint8Array | undefined;
}

/**
 * Compares a file with a database.
 *
 * @param reader The file, from its start. Bad records are passed over, and so are keys that are too large.
 * @param store What it was loaded into.
 * @param signal Ends the comparison.
 * @returns What was found.
 * @throws {CliError} If too many keys are waiting for a later value to be told.
 */
export async function checkLoad(
  reader: EntryReader,
  store: Reader<Uint8Array, Uint8Array>,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { parser } = reader;
  /** Keys that had another value when they were met last: a later line has to have theirs. */
  const waiting = new Set<string>();
  let entries = 0;
  let missing = 0;
  let example: Uint8Array | undefined;
  for (;;) {
    const outcome = reader.next();
    if (outcome === NEEDS_MORE) {
      signal.throwIfAborted();
      if (!(await reader.fill())) break;
      continue;
    }
    if (outcome !== ENTRY) continue;
    entries++;
    const { key, value } = parser;
    const stored = lookedUp(store, key);
    if (stored === TOO_LARGE) continue;
    if (stored === undefined) {
      missing++;
      example ??= key.slice();
    } else if (equalBytes(stored, value)) {
      if (waiting.size > 0) waiting.delete(key.toHex());
    } else {
      waiting.add(key.toHex());
      if (waiting.size > REPLACED_MAX) {
        throw new CliError(`Cannot verify: over ${REPLACED_MAX} keys have other values`, 1);
      }
    }
  }
  const [first] = waiting;
  if (first !== undefined) example ??= Uint8Array.fromHex(first);
  return { entries, missing, different: waiting.size, example };
}

/** What a key is that no database takes: its record was left out. */
const TOO_LARGE = "TOO_LARGE";

function lookedUp(
  store: Reader<Uint8Array, Uint8Array>,
  key: Uint8Array,
): Uint8Array | undefined | typeof TOO_LARGE {
  try {
    return store.getSync(key);
  } catch (error) {
    if (error instanceof VarveError && error.code === TOO_LARGE) return TOO_LARGE;
    throw error;
  }
}

/**
 * Says what a comparison has found.
 *
 * @param result What was found.
 * @throws {CliError} With status 1, if the database has not what the file says.
 */
export function assertSame({ missing, different, example }: CheckResult): void {
  if (missing === 0 && different === 0) return;
  throw new CliError(
    `Cannot confirm the load: ${counted(missing, "key is", "keys are")} missing, ` +
      `${counted(different, "has", "have")} another value, such as ${keyText(example!)}`,
    1,
  );
}
