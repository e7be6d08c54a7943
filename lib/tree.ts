/**
 * **What.** The tree as it is now and as the manifest says: the current version, the numbers that are handed
 * out, and which files somebody still needs. Every change goes through {@linkcode Tree.apply}: first into the
 * manifest, synced, then into memory.
 *
 * **Invariants.**
 * 1. What `version` says is in the manifest already: a reader never sees a tree that a crash would take back.
 * 2. File numbers only grow, across reopens and crashes: one found in the directory is never handed out again.
 * 3. A table is removed only when no version that anyone holds contains it.
 * 4. After a failed write of the manifest nobody knows what it says, with the last edit or without. Nothing is
 *    applied then, and nothing is removed that it may name, until a new one that says what memory says is current.
 *
 * Source: LevelDB's `db/version_set.h`.
 *
 * **Read next.** `table_output.ts`
 *
 * @module
 */
import { VarveError } from "./errors.ts";
import { manifestName, oldTableName, tableName, temporaryName } from "./file_names.ts";
import { FileNumbers, type FileNumberSource } from "./file_numbers.ts";
import { FileRemover } from "./file_remover.ts";
import type { FileSystem } from "./file_system.ts";
import type { InternalKeyComparator } from "./internal_key.ts";
import { invariant } from "./invariant.ts";
import type { Logger } from "./logger.ts";
import { Manifest, type ManifestState } from "./manifest.ts";
import type { TableCache } from "./table_cache.ts";
import type { Version } from "./version.ts";
import { emptyVersionEdit, type VersionEdit } from "./version_edit.ts";

/** What a tree is made of and works with. */
export interface TreeContext {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The database's directory. */
  readonly directory: string;
  /** The order of keys. */
  readonly comparator: InternalKeyComparator;
  /** Where tables are opened. */
  readonly cache: TableCache;
  /** What is told about files that come and go. */
  readonly logger: Logger;
}

/** What those work with who make new tables for it, here or in a worker. */
export interface JobContext extends TreeContext {
  /** Where new tables get their numbers. */
  readonly fileNumbers: FileNumberSource;
}

/** The tables of a database, and the manifest that makes them durable. */
export class Tree {
  /** What it works with. */
  readonly context: TreeContext;
  /** What jobs work with that are done here. */
  readonly jobContext: JobContext;
  /** Where new files get their numbers, and which numbers are taken. */
  readonly fileNumbers: FileNumbers;
  /** Where files go that nobody needs any more. */
  readonly remover: FileRemover;
  /** Where the next compaction of each level begins: the key that the last one ended at. */
  readonly compactPointers: (Uint8Array | undefined)[];
  #version: Version;
  #manifest: Manifest | undefined;
  #logNumber: number;
  #flushedSequence: number;
  /** How many live versions contain a table. */
  readonly #tableReferences = new Map<number, number>();
  #manifestBytes = 0;
  /** Whether a write of a manifest failed, so that nobody knows what the current one says (invariant 4). */
  #isInDoubt = false;
  /** Tables and manifests that nobody needs once there is no doubt any more. */
  #doubtfulTables: number[] = [];
  #doubtfulManifests: number[] = [];

  /**
   * Takes over what was loaded from a manifest. Nothing can be applied before {@linkcode startManifest}.
   *
   * @param context What it works with.
   * @param state What the manifest says.
   */
  constructor(context: TreeContext, state: ManifestState) {
    this.context = context;
    this.compactPointers = [...state.compactPointers];
    this.#version = state.version;
    this.#logNumber = state.logNumber;
    this.#flushedSequence = state.lastSequence;
    this.fileNumbers = new FileNumbers(state.nextFileNumber);
    this.remover = new FileRemover(context.fileSystem, context.logger);
    this.jobContext = { ...context, fileNumbers: this.fileNumbers };
    this.#adopt(state.version);
  }

  /** The newest version. Hold it with {@linkcode retain} to use it later than now. */
  get version(): Version {
    return this.#version;
  }

  /** Logs with a lower number are not needed any more. */
  get logNumber(): number {
    return this.#logNumber;
  }

  /** The last sequence number that is in a table; the next one is in the first log that is needed. */
  get flushedSequence(): number {
    return this.#flushedSequence;
  }

  /** The number of the current manifest; 0 before {@linkcode Tree.startManifest}. */
  get manifestNumber(): number {
    return this.#manifest?.number ?? 0;
  }

  /** Bytes written to manifests since the tree was opened. */
  get manifestBytes(): number {
    return this.#manifestBytes + (this.#manifest?.size ?? 0);
  }

  /** The path of a table. */
  tablePath(number: number): string {
    return this.context.fileSystem.join(this.context.directory, tableName(number));
  }

  /** Keeps a version's tables from being removed until {@linkcode release}. */
  retain(version: Version): void {
    version.addReference();
  }

  /** Lets go of a version; the last to do so removes the tables that no other version contains. */
  release(version: Version): void {
    version.release();
    if (version.references > 0) return;
    const unneeded: number[] = [];
    for (const level of version.levels) {
      for (const table of level) {
        const count = this.#tableReferences.get(table.number)! - 1;
        if (count > 0) {
          this.#tableReferences.set(table.number, count);
        } else {
          this.#tableReferences.delete(table.number);
          unneeded.push(table.number);
        }
      }
    }
    this.#removeTables(unneeded);
  }

  /**
   * Writes a manifest that says what the tree is now, and makes it the current one. Called when a database is
   * opened, and again when a manifest has grown too long.
   *
   * @param edit A change to the tree that takes effect with the new manifest.
   */
  startManifest(edit: VersionEdit): void {
    const { fileSystem, directory } = this.context;
    const version = this.#version.apply(edit);
    const number = this.fileNumbers.next();
    const old = this.#manifest;
    try {
      const state = this.#state(version, edit, number);
      this.#manifest = Manifest.create(fileSystem, directory, number, state);
    } catch (error) {
      this.#doubtfulManifests.push(number);
      this.#doubt(edit);
      throw error;
    }
    this.#isInDoubt = false;
    this.#take(edit);
    if (old !== undefined) {
      this.#manifestBytes += old.size;
      old.close();
      this.remover.remove([fileSystem.join(directory, manifestName(old.number))], "tree");
    }
    this.#install(version);
    this.#removeDoubtful();
  }

  /** Puts an end to doubt about what the manifest says: a new one says what memory says (invariant 4). */
  renewManifest(): void {
    if (this.#isInDoubt) this.startManifest(emptyVersionEdit());
  }

  /**
   * Changes the tree: durable when this returns.
   *
   * @param edit What changes. Next file number, log number and last sequence are filled in here.
   */
  apply(edit: VersionEdit): void {
    const manifest = this.#manifest;
    invariant(manifest !== undefined, "a tree that is only read is never changed");
    if (this.#isInDoubt) {
      throw new VarveError("IO", "Cannot change the tree: an earlier write of its manifest failed");
    }
    if (manifest.needsRollover) return this.startManifest(edit);
    const version = this.#version.apply(edit);
    edit.nextFileNumber = this.fileNumbers.upcoming;
    edit.logNumber ??= this.#logNumber;
    edit.lastSequence ??= this.#flushedSequence;
    try {
      manifest.append(edit);
    } catch (error) {
      this.#doubt(edit);
      throw error;
    }
    this.#take(edit);
    this.#install(version);
  }

  /** Gives the manifest's handle back. */
  close(): void {
    this.#manifest?.close();
  }

  #take(edit: VersionEdit): void {
    if (edit.logNumber !== undefined) this.#logNumber = edit.logNumber;
    if (edit.lastSequence !== undefined) this.#flushedSequence = edit.lastSequence;
    for (const { level, key } of edit.compactPointers) this.compactPointers[level] = key;
  }

  /** What the tree is once an edit has taken effect, for a new manifest. */
  #state(version: Version, edit: VersionEdit, manifestNumber: number): ManifestState {
    const compactPointers = [...this.compactPointers];
    for (const { level, key } of edit.compactPointers) compactPointers[level] = key;
    return {
      version,
      logNumber: edit.logNumber ?? this.#logNumber,
      prevLogNumber: 0,
      nextFileNumber: this.fileNumbers.upcoming,
      lastSequence: edit.lastSequence ?? this.#flushedSequence,
      compactPointers,
      manifestNumber,
      manifestBytes: 0,
    };
  }

  /** An edit failed: it may be on disk, but memory does not have it. */
  #doubt(edit: VersionEdit): void {
    this.#isInDoubt = true;
    for (const { table } of edit.added) this.#doubtfulTables.push(table.number);
  }

  /** Removes what only failed edits have named, and manifests that did not become the current one. */
  #removeDoubtful(): void {
    const { fileSystem, directory } = this.context;
    this.#removeTables(this.#doubtfulTables.filter((it) => !this.#tableReferences.has(it)));
    const names = this.#doubtfulManifests.flatMap((it) => [manifestName(it), temporaryName(it)]);
    this.remover.remove(names.map((name) => fileSystem.join(directory, name)), "tree");
    this.#doubtfulTables = [];
    this.#doubtfulManifests = [];
  }

  #install(version: Version): void {
    const old = this.#version;
    this.#version = version;
    this.#adopt(version);
    this.release(old);
  }

  #adopt(version: Version): void {
    version.addReference();
    for (const level of version.levels) {
      for (const { number } of level) {
        this.#tableReferences.set(number, (this.#tableReferences.get(number) ?? 0) + 1);
      }
    }
  }

  #removeTables(numbers: readonly number[]): void {
    const { cache, fileSystem, directory } = this.context;
    for (const number of numbers) cache.drop(number);
    // Tables of LevelDB before 1.14 end in ".sst".
    const paths = numbers.flatMap((number) => [
      this.tablePath(number),
      fileSystem.join(directory, oldTableName(number)),
    ]);
    this.remover.remove(paths, "tree");
  }
}
