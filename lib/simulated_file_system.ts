/**
 * **What.** A disk in memory that fails on purpose: its power can be cut, it can be full, and calls fail by rule. It is
 * for testing this store and programs that use it, as `@varve/varve/testing`. Readers are served by a
 * `MemoryFileSystem`, as by the cache of an operating system; beside it `durability.ts` keeps account of what a power
 * cut would leave. Which calls fail is up to `fault_rules.ts`.
 *
 * ```ts
 * import { open } from "@varve/varve";
 * import { SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals } from "@std/assert";
 *
 * for (let seed = 0; seed < 10; seed++) {
 *   const disk = new SimulatedFileSystem({ seed });
 *   await using db = await open("db", { fileSystem: disk });
 *   await db.put("awaited", "1");
 *   await db.put("not synced", "2", { sync: false });
 *   await using after = await open("db", { fileSystem: disk.crash() }); // what a power cut leaves
 *   assertEquals(await after.get("awaited"), "1", `seed ${seed}`);
 * }
 * ```
 *
 * **Invariants**, beyond those of `file_system.ts`, all of which hold on each disk that {@linkcode
 * SimulatedFileSystem.crash} makes.
 * 1. Without rules, with room and with power it behaves as `MemoryFileSystem` does.
 * 2. A run is a function of the seed and the calls: nothing here looks at a clock or draws from elsewhere. Equal runs
 *    have equal {@linkcode SimulatedFileSystem.historyHash | hashes}.
 * 3. A crash changes nothing here: a disk can be crashed at every step, and again with other seeds.
 * 4. A call that fails by a rule has changed nothing, except as its effect says; `onMutation` sees a call before
 *    anything of it was done.
 * 5. Latency passes on a clock of its own, {@linkcode SimulatedFileSystem.latencyMs}: no call waits for a real one,
 *    unless `wait` is given.
 *
 * **Read next.** `deno_file_system.ts`
 *
 * @module
 */
import { crc32c } from "./crc32c.ts";
import { Contents, type Fate, Names, type PendingSync } from "./durability.ts";
import { VarveError } from "./errors.ts";
import {
  type ActiveFault,
  type FaultRule,
  FaultRules,
  type Operation,
  type OperationKind,
  OPERATIONS,
  type Verdict,
} from "./fault_rules.ts";
import type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file_system.ts";
import { canonical, MemoryFileSystem } from "./memory_file_system.ts";
import { generator, type Random } from "./random.ts";

export type {
  ActiveFault,
  FaultEffect,
  FaultRule,
  Operation,
  OperationKind,
} from "./fault_rules.ts";
export type { FileLock, FileSystem, ReadableFile, WritableFile } from "./file_system.ts";

/**
 * How a {@linkcode SimulatedFileSystem} is made.
 *
 * @example A small disk
 * ```ts
 * import { SimulatedFileSystem, type SimulatedFileSystemOptions } from "@varve/varve/testing";
 * import { assertThrows } from "@std/assert";
 *
 * const small: SimulatedFileSystemOptions = { capacityBytes: 4 };
 * const file = new SimulatedFileSystem(small).create("log");
 * assertThrows(() => file.append(new Uint8Array(5)), Error, "no space left on device");
 * ```
 *
 * @category Disks
 */
export interface SimulatedFileSystemOptions {
  /** What all its random choices follow from: any whole number, 0 by default. */
  readonly seed?: number;
  /** How many bytes of files fit on it, by default any number; names take no room. */
  readonly capacityBytes?: number;
  /** Waits so many milliseconds, for syncs with latency. The default does not: tests with latency take no time. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** An error as `DenoFileSystem` would throw it, with what Deno would have thrown as its cause. */
function failure(kind: OperationKind, why: string, path: string, cause?: Error): VarveError {
  const message = `Cannot ${OPERATIONS[kind].action}: ${why}: ${path}`;
  return new VarveError("IO", message, cause === undefined ? undefined : { cause });
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function injected(kind: OperationKind, path: string): VarveError {
  const cause = systemError("EIO", "Input/output error (os error 5)");
  return failure(kind, "injected fault", path, cause);
}

function noSpace(kind: OperationKind, path: string): VarveError {
  const cause = systemError("ENOSPC", "No space left on device (os error 28)");
  return failure(kind, "no space left on device (ENOSPC)", path, cause);
}

/** A checksum over all that ever happened, in order. It is for telling runs apart, not for keeping secrets. */
class History {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  addNumber(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul((this.#high << 5 | this.#high >>> 27) ^ value, 0x85ebca6b);
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.addNumber(text.charCodeAt(i));
    this.addNumber(text.length);
  }

  addBytes(bytes: Uint8Array): void {
    this.addNumber(bytes.length);
    this.addNumber(crc32c(bytes, 0, bytes.length));
  }

  toString(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }
}

/**
 * A disk in memory that fails on purpose. Its calls are those of {@linkcode FileSystem}, which says what they take and
 * throw; each is counted, and may be given a fault by a {@linkcode FaultRule}.
 *
 * @example What was not synced may be gone, or not
 * ```ts
 * import { SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const disk = new SimulatedFileSystem();
 * disk.create("log").append(Uint8Array.of(1, 2, 3)); // neither name nor contents are synced
 * assertEquals(disk.crash(0).exists("log"), false); // seed 0 loses all that may be lost,
 * assertEquals(disk.crash(1).readAll("log").length, 3); // seed 1 keeps it,
 * disk.crash(7); // and others do anything between
 * ```
 *
 * @category Disks
 */
export class SimulatedFileSystem implements FileSystem {
  /** What all random choices follow from. */
  readonly seed: number;
  /** Called before each mutating operation is carried out. It may crash this disk, and what it throws is thrown. */
  onMutation: ((operation: Operation) => void) | undefined;
  /** What programs see. */
  readonly #cache: MemoryFileSystem = new MemoryFileSystem();
  /** What of it a power cut would leave. */
  readonly #names: Names = new Names();
  readonly #random: Random;
  readonly #rules: FaultRules;
  readonly #history: History = new History();
  readonly #wait: ((ms: number) => Promise<void>) | undefined;
  #capacityBytes = Infinity;
  #usedBytes = 0;
  #operations = 0;
  #mutations = 0;
  #refusals = 0;
  #openHandles = 0;
  #latencyMs = 0;
  #hasPower = true;

  /**
   * Makes an empty disk.
   *
   * @param options Its seed, size and clock.
   * @throws {RangeError} If the seed is not a whole number, or the capacity is below 0.
   */
  constructor(options: SimulatedFileSystemOptions = {}) {
    const { seed = 0, capacityBytes = Infinity, wait } = options;
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(`Cannot make disk: seed is not a whole number: ${seed}`);
    }
    this.seed = seed;
    this.capacityBytes = capacityBytes;
    this.#wait = wait;
    this.#random = generator(seed);
    this.#rules = new FaultRules(this.#random);
  }

  /** How many bytes fit on it, from 0 to `Infinity`. May be changed at any time, also to less than are on it. */
  get capacityBytes(): number {
    return this.#capacityBytes;
  }
  set capacityBytes(bytes: number) {
    if (!(bytes >= 0)) {
      throw new RangeError(`Cannot set capacity of disk: it is not a number from 0 on: ${bytes}`);
    }
    this.#capacityBytes = bytes;
  }

  /** How many bytes are in its files, those included that were removed and are still open. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** How many calls were made so far, failed ones included. Closing and releasing do not count. */
  get operations(): number {
    return this.#operations;
  }

  /** How many of them were mutating. */
  get mutations(): number {
    return this.#mutations;
  }

  /** How many calls were given a fault by a rule, or refused for want of space. */
  get faultsInjected(): number {
    return this.#rules.hits + this.#refusals;
  }

  /** A hash over kind, path, sizes, contents and outcome of every call so far, in order. */
  get historyHash(): string {
    return this.#history.toString();
  }

  /** File handles and locks that were not given back. */
  get openHandles(): number {
    return this.#openHandles;
  }

  /** How much latency rules have added so far, in milliseconds. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /**
   * Makes calls fail from now on.
   *
   * @param rule Which calls, when and how.
   * @returns How often it did so, and how to end it.
   * @throws {TypeError} If the rule has an unknown field, kind or effect, or an effect that its kind cannot have.
   * @throws {RangeError} If a number is out of range.
   */
  addFault(rule: FaultRule): ActiveFault {
    return this.#rules.add(rule);
  }

  /**
   * What a power cut now could leave, as another disk: with power, without rules, locks and handles, and everything
   * on it durable. This one is not changed.
   *
   * @param seed Chooses what is left; also the seed of the new disk. With 0 everything is lost that was not synced,
   * with 1 it is all kept. By default it follows from this disk's seed and from how many calls were made.
   * @returns The new disk, of the same capacity.
   * @throws {RangeError} If the seed is not a whole number.
   */
  crash(
    seed: number = (this.seed + Math.imul(this.#operations, 0x9e3779b1)) >>> 0,
  ): SimulatedFileSystem {
    const disk = new SimulatedFileSystem({
      seed,
      capacityBytes: this.#capacityBytes,
      ...(this.#wait === undefined ? {} : { wait: this.#wait }),
    });
    const random = generator(seed);
    const chosen: Fate | undefined = seed === 0 ? "lost" : seed === 1 ? "kept" : undefined;
    // The extremes find the most, also each of them alone: all names without contents, all contents without names.
    const fates: readonly Fate[] = ["lost", "kept", "mixed", "mixed", "mixed", "mixed"];
    const fateOfNames = chosen ?? fates[random(fates.length)]!;
    const fateOfContents = chosen ?? fates[random(fates.length)]!;
    for (const [path, node] of this.#names.crash(random, fateOfNames)) {
      if (node === "directory") {
        disk.#cache.makeDirectory(path);
        disk.#names.makeDirectory(path);
      } else disk.#place(path, node.crash(random, fateOfContents));
    }
    return disk;
  }

  /**
   * Takes the power away, for good: every call of this disk and its handles throws `IO` from now on, and syncs under
   * way fail. Only closing and releasing still work, so that a program can be taken down. What is left is on the
   * disk that {@linkcode SimulatedFileSystem.prototype.crash | crash} makes.
   */
  cutPower(): void {
    this.#hasPower = false;
  }

  /**
   * Reads a whole file, past all rules and without the power: it is how a test looks at a file.
   *
   * @param path The file.
   * @returns A copy of its bytes.
   */
  readAll(path: string): Uint8Array {
    return this.#cache.readAll(path);
  }

  /**
   * Makes a file hold these bytes and no others, name and all durable at once, creating it when needed. Handles that
   * have it open see the change: it is how a test damages a file. It is no call that rules or the capacity are about.
   *
   * @param path The file.
   * @param bytes What it shall hold.
   */
  writeAll(path: string, bytes: Uint8Array): void {
    this.#history.addText(`writeAll ${path}`);
    this.#history.addBytes(bytes);
    this.#place(path, bytes.slice());
  }

  /** Puts a slash between them, where none is. */
  join(directory: string, name: string): string {
    return this.#cache.join(directory, name);
  }

  /** Creates a directory and its parents, durable at once; one that exists is left alone. */
  makeDirectory(path: string): void {
    this.#call("makeDirectory", path, 0, () => {
      this.#cache.makeDirectory(path);
      this.#names.makeDirectory(canonical(path));
    });
  }

  /** The names of the files in a directory, sorted; directories in it are left out. */
  list(path: string): string[] {
    return this.#call("list", path, 0, () => this.#cache.list(path));
  }

  /** Whether a file or directory is there. */
  exists(path: string): boolean {
    return this.#call("exists", path, 0, () => this.#cache.exists(path));
  }

  /** Bytes in a file. */
  size(path: string): number {
    return this.#call("size", path, 0, () => this.#cache.size(path));
  }

  /** Creates a file, or empties the one that is there, and opens it for writing. */
  create(path: string): WritableFile {
    return this.#call("create", path, 0, () => {
      const file = this.#cache.create(path);
      const contents = this.#names.file(canonical(path)) ?? this.#add("create", path);
      this.#usedBytes -= contents.size;
      contents.truncate();
      return this.#writable(file, contents);
    });
  }

  /** Opens an existing file for writing at its end. */
  openAppend(path: string): WritableFile {
    return this.#call("openAppend", path, 0, () => {
      const file = this.#cache.openAppend(path);
      return this.#writable(file, this.#names.file(canonical(path))!);
    });
  }

  /** Opens an existing file for reading. */
  open(path: string): ReadableFile {
    return this.#call("open", path, 0, () => {
      const file = this.#cache.open(path);
      return this.#readable(file, this.#names.file(canonical(path))!);
    });
  }

  /** Removes a file. One that others have open stays readable to them. */
  remove(path: string): void {
    this.#call("remove", path, 0, () => {
      this.#cache.remove(path);
      const name = canonical(path);
      const contents = this.#names.file(name)!;
      this.#names.remove(name);
      this.#unname(contents);
    });
  }

  /** Removes an empty directory. */
  removeDirectory(path: string): void {
    this.#call("removeDirectory", path, 0, () => {
      this.#cache.removeDirectory(path);
      this.#names.removeDirectory(canonical(path));
    });
  }

  /** Renames a file, replacing the target. */
  rename(from: string, to: string): void {
    this.#history.addText(from);
    this.#call("rename", to, 0, () => {
      this.#cache.rename(from, to);
      const [source, target] = [canonical(from), canonical(to)];
      if (source === target) return;
      const replaced = this.#names.file(target);
      this.#names.rename(source, target);
      if (replaced !== undefined) this.#unname(replaced);
    });
  }

  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): void {
    this.#call("syncDirectory", path, 0, () => {
      this.#cache.syncDirectory(path);
      this.#names.syncDirectory(canonical(path));
    });
  }

  /** Locks a directory through a file in it, created when needed. Fails at once if it is held otherwise. */
  lock(path: string, mode: "exclusive" | "shared"): FileLock {
    this.#history.addText(mode);
    return this.#call("lock", path, 0, () => {
      const lock = this.#cache.lock(path, mode);
      const contents = this.#names.file(canonical(path)) ?? this.#add("lock", path);
      return { release: this.#hold(contents, () => lock.release()) };
    });
  }

  /** Notes a call, asks the rules about it, and carries it out. */
  #call<T>(
    kind: OperationKind,
    path: string,
    bytes: number,
    carryOut: (verdict: Verdict) => T,
  ): T {
    this.#history.addText(kind);
    this.#history.addText(path);
    this.#history.addNumber(bytes);
    try {
      const verdict = this.#judge(kind, path, bytes);
      // A sync takes its time to fail.
      if (verdict.effect === "error" && kind !== "sync") throw injected(kind, path);
      const result = carryOut(verdict);
      this.#history.addNumber(0);
      return result;
    } catch (error) {
      this.#history.addText(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #judge(kind: OperationKind, path: string, bytes: number): Verdict {
    this.#checkPower(kind, path);
    const { isMutating } = OPERATIONS[kind];
    const operation = { index: this.#operations++, kind, path, bytes, isMutating };
    if (isMutating) {
      this.#mutations++;
      this.onMutation?.(operation);
      this.#checkPower(kind, path); // which may have been cut just now
    }
    const verdict = this.#rules.judge(operation);
    this.#latencyMs += verdict.latencyMs;
    return verdict;
  }

  #checkPower(kind: OperationKind, path: string): void {
    if (!this.#hasPower) throw failure(kind, "the power is off", path);
  }

  /** Makes a file durable, whatever there was. The bytes are the file's from now on. */
  #place(path: string, bytes: Uint8Array): void {
    this.#cache.writeAll(path, bytes);
    const name = canonical(path);
    let contents = this.#names.file(name);
    if (contents === undefined) {
      contents = new Contents();
      this.#names.add(name, contents);
    }
    this.#names.settle(name);
    this.#usedBytes += bytes.length - contents.size;
    contents.replace(bytes);
  }

  /** Accounts for a file that the cache has just added. */
  #add(kind: OperationKind, path: string): Contents {
    if (this.#usedBytes >= this.#capacityBytes) {
      this.#cache.remove(path);
      this.#refusals++;
      throw noSpace(kind, path);
    }
    const contents = new Contents();
    this.#names.add(canonical(path), contents);
    return contents;
  }

  /** Accounts for a file that has lost its name. */
  #unname(contents: Contents): void {
    contents.isNamed = false;
    this.#freeIfUnused(contents);
  }

  #freeIfUnused(contents: Contents): void {
    if (!contents.isNamed && contents.handles === 0) this.#usedBytes -= contents.size;
  }

  /** Counts a handle until it is given back. */
  #hold(contents: Contents, close: () => void): () => void {
    this.#openHandles++;
    contents.handles++;
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      close();
      this.#openHandles--;
      contents.handles--;
      this.#freeIfUnused(contents);
    };
  }

  #readable(file: ReadableFile, contents: Contents): ReadableFile {
    const { path, size } = file;
    return {
      path,
      size,
      read: (into, position) =>
        this.#call("read", path, into.length, ({ effect }) => {
          this.#history.addNumber(position);
          const count = file.read(into, position);
          const bytes = into.subarray(0, count);
          if (effect === "flip") this.#flip(bytes);
          if (effect === "misdirect") this.#misdirect(file, bytes, position, contents.size);
          this.#history.addBytes(bytes);
          return count;
        }),
      close: this.#hold(contents, () => file.close()),
    };
  }

  /** Changes one bit. */
  #flip(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const bit = this.#random(8 * bytes.length);
    bytes[bit >>> 3]! ^= 1 << (bit & 7);
  }

  /** Reads from another place in the file, and from its beginning after its end. */
  #misdirect(file: ReadableFile, bytes: Uint8Array, position: number, size: number): void {
    if (bytes.length === 0 || size < 2) return;
    const other = this.#random(size - 1);
    const count = file.read(bytes, other < position ? other : other + 1);
    file.read(bytes.subarray(count), 0);
  }

  #writable(file: WritableFile, contents: Contents): WritableFile {
    const { path } = file;
    let dropsHeardOf = contents.drops;
    const beginSync = () =>
      this.#call("sync", path, 0, ({ effect, latencyMs }) => {
        file.syncSync(); // fails if it is closed
        if (effect === "drop") {
          contents.drop();
          dropsHeardOf = contents.drops; // by this call, which may take its time to say so
        }
        const sync = contents.beginSync();
        const end = () => {
          const isFailed = effect !== undefined || dropsHeardOf < contents.drops;
          dropsHeardOf = contents.drops;
          this.#endSync(path, contents, sync, isFailed);
        };
        return { latencyMs, end };
      });
    return {
      path,
      get size() {
        return file.size;
      },
      append: (bytes) => {
        this.#history.addBytes(bytes);
        this.#call("append", path, bytes.length, ({ effect }) => {
          const isShort = effect === "short";
          const wanted = isShort ? this.#random(bytes.length) : bytes.length;
          const room = Math.max(0, this.#capacityBytes - this.#usedBytes);
          const part = bytes.subarray(0, Math.min(wanted, room));
          file.append(part);
          contents.append(part);
          this.#usedBytes += part.length;
          if (isShort) throw injected("append", path);
          if (part.length < bytes.length) {
            this.#refusals++;
            throw noSpace("append", path);
          }
        });
      },
      sync: async () => {
        const { latencyMs, end } = beginSync();
        await (latencyMs > 0 ? this.#wait?.(latencyMs) : undefined);
        end();
      },
      syncSync: () => beginSync().end(),
      close: this.#hold(contents, () => file.close()),
    };
  }

  #endSync(path: string, contents: Contents, sync: PendingSync, isFailed: boolean): void {
    this.#history.addText(`end of sync ${path}`);
    if (this.#hasPower && !isFailed) return contents.endSync(sync);
    contents.failSync(sync);
    this.#checkPower("sync", path);
    throw injected("sync", path);
  }
}
