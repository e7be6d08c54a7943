/**
 * **What.** What a repair begins with: which manifest says what the database is, and whether it can be believed. If
 * not, what its readable records say of single files still counts: a table or a log that is known to be gone does not
 * come back.
 *
 * **Invariants.**
 * 1. A manifest is believed if it can be read to its end and nothing speaks against it. What does: tables or a log that
 *    it names are missing, or there was a newer manifest; and at the same time its end is torn, or there are tables
 *    that it never mentions. Then it may be older than the tables.
 * 2. Without a manifest that is believed, all tables and logs count but those that are known to be gone.
 * 3. Where `CURRENT` is lost, an older manifest all of whose files are there comes before a newer one that lacks some.
 *
 * **Read next.** `repair_output.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { currentName, manifestName } from "./file_names.ts";
import { LogReader } from "./log.ts";
import { type MaintainedDirectory, troubleOf } from "./maintenance.ts";
import {
  isLiveLog,
  type LoadedManifest,
  type ManifestState,
  readCurrent,
  readManifest,
} from "./manifest.ts";
import { decodeVersionEdit } from "./version_edit.ts";

/** What a repair begins with. */
export interface RepairPlan {
  /** What the manifest says, if it is believed. */
  readonly state: LoadedManifest | undefined;
  /** Whether all files are there that it names. */
  readonly isWhole: boolean;
  /** What is wrong with `CURRENT` or the manifest. */
  readonly trouble: { file: string; offset: number; what: string } | undefined;
  /** The numbers of the tables that count and are there. */
  readonly tables: readonly number[];
  /** The numbers of the logs that count and are there, oldest first. */
  readonly logs: readonly number[];
  /** The numbers of logs that should be there and are not. */
  readonly missingLogs: readonly number[];
}

/** What the readable records of a manifest say of files. */
class Mentions {
  /** Tables that came or went. */
  readonly tables = new Set<number>();
  /** Tables that went, and did not come back. */
  readonly gone = new Set<number>();
  /** Logs below this one are in tables. */
  logNumber = 0;
  prevLogNumber = 0;
}

/**
 * Finds out what a database should consist of.
 *
 * @param files The database.
 * @returns What to repair it from.
 * @throws {VarveError} `UNSUPPORTED_FORMAT` if its keys are in another order; `IO` if a file cannot be opened.
 */
export function planRepair(files: MaintainedDirectory): RepairPlan {
  let trouble: RepairPlan["trouble"];
  let named: number | undefined;
  let newest = files.manifests.at(-1);
  try {
    newest = named = readCurrent(files.fileSystem, files.path);
    if (!files.manifests.includes(named)) {
      const what = `names ${manifestName(named)}, which does not exist`;
      trouble = { file: currentName, offset: 0, what };
      named = undefined;
    }
  } catch (error) {
    const { offset = 0, what } = troubleOf(error, files.pathOf(currentName));
    trouble = { file: currentName, offset, what };
  }
  // If none is named the newest one comes first, unless it lacks files.
  let lacking: RepairPlan | undefined;
  const candidates = named === undefined ? files.manifests.toReversed() : [named];
  for (const number of candidates) {
    const loaded = load(files, number);
    if ("what" in loaded) {
      trouble ??= loaded;
      // One that a crash cut short in the making says nothing, and never counted.
      const isEmpty = readMentions(files, number, new Mentions()) === 0;
      if (isEmpty && number === newest) newest = files.manifests.findLast((it) => it < number);
      continue;
    }
    const plan = believe(files, loaded, trouble, number === newest);
    if (plan !== undefined) {
      if (plan.isWhole) return plan;
      lacking ??= plan;
      continue;
    }
    if (lacking !== undefined) break;
    trouble ??= {
      file: manifestName(number),
      offset: loaded.manifestBytes - loaded.tornBytes,
      what: "the manifest lacks its end: files that it names are missing, and there are others",
    };
    break;
  }
  if (lacking !== undefined) return lacking;
  const mentions = new Mentions();
  for (const number of candidates.toReversed()) readMentions(files, number, mentions);
  const { gone } = mentions;
  return {
    state: undefined,
    isWhole: false,
    trouble,
    tables: [...files.tables.keys()].filter((number) => !gone.has(number)).sort((a, b) => a - b),
    logs: liveLogs(files, mentions),
    missingLogs: [],
  };
}

/** Another order of keys is no damage. */
function refuseOtherOrder(error: unknown): void {
  if (error instanceof VarveError && error.code === "UNSUPPORTED_FORMAT") throw error;
}

function load(
  files: MaintainedDirectory,
  number: number,
): LoadedManifest | { file: string; offset: number; what: string } {
  try {
    return readManifest(files.fileSystem, files.path, number, files.comparator);
  } catch (error) {
    refuseOtherOrder(error);
    const file = manifestName(number);
    const { offset = 0, what } = troubleOf(error, files.pathOf(file));
    return { file, offset, what };
  }
}

/** The plan that a manifest makes, if it is believed (invariant 1). */
function believe(
  files: MaintainedDirectory,
  state: LoadedManifest,
  trouble: RepairPlan["trouble"],
  isNewest: boolean,
): RepairPlan | undefined {
  const { logNumber, version, tornBytes, manifestNumber } = state;
  const live: number[] = [];
  for (const level of version.levels) for (const { number } of level) live.push(number);
  const missingLogs = logNumber > 0 && !files.logs.has(logNumber) ? [logNumber] : [];
  const isWhole = missingLogs.length === 0 && live.every((number) => files.tables.has(number));
  if (!isWhole || !isNewest) {
    const mentions = new Mentions();
    readMentions(files, manifestNumber, mentions);
    const hasUnknown = files.tables.keys().some((number) => !mentions.tables.has(number));
    if (hasUnknown || (tornBytes > 0 && !isWhole)) return undefined;
  }
  return {
    state,
    isWhole,
    trouble,
    tables: live.filter((number) => files.tables.has(number)),
    logs: liveLogs(files, state),
    missingLogs,
  };
}

function liveLogs(
  files: MaintainedDirectory,
  state: Pick<ManifestState, "logNumber" | "prevLogNumber">,
): number[] {
  return [...files.logs.keys()].filter((it) => isLiveLog(state, it)).sort((a, b) => a - b);
}

/** Collects what each readable record of a manifest says, whatever is between them; returns how many there are. */
function readMentions(files: MaintainedDirectory, number: number, mentions: Mentions): number {
  const name = manifestName(number);
  const file = files.open(name);
  let records = 0;
  try {
    const reader = new LogReader(file, { salvage: true });
    for (; reader.next(); records++) {
      const { recordBuffer, recordStart, recordEnd, recordOffset } = reader;
      readMention(
        files,
        () => decodeVersionEdit(recordBuffer, recordStart, recordEnd, file.path, recordOffset),
        mentions,
      );
    }
  } catch (error) {
    refuseOtherOrder(error);
    troubleOf(error, file.path); // what was read so far is worth having
  } finally {
    file.close();
  }
  return records;
}

function readMention(
  files: MaintainedDirectory,
  decode: () => ReturnType<typeof decodeVersionEdit>,
  mentions: Mentions,
): void {
  let edit: ReturnType<typeof decodeVersionEdit>;
  try {
    edit = decode();
  } catch (error) {
    troubleOf(error, "");
    return;
  }
  const expected = files.comparator.user.name;
  if (edit.comparator !== undefined && edit.comparator !== expected) {
    throw new VarveError(
      "UNSUPPORTED_FORMAT",
      `Cannot repair database: its keys are in the order ${edit.comparator}, not ${expected}: ${files.path}`,
    );
  }
  for (const { number } of edit.deleted) mentions.gone.add(number);
  for (const { table: { number } } of edit.added) mentions.gone.delete(number);
  for (const { number } of edit.deleted) mentions.tables.add(number);
  for (const { table: { number } } of edit.added) mentions.tables.add(number);
  mentions.logNumber = Math.max(mentions.logNumber, edit.logNumber ?? 0);
  mentions.prevLogNumber = edit.prevLogNumber ?? mentions.prevLogNumber;
}
