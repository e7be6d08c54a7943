/**
 * **What.** Opening a database: options are checked, the engine is started on a disk, and the typed surface is put
 * on top of it.
 *
 * **Invariants.**
 * 1. Nothing is touched on disk before all options are checked.
 *
 * **Read next.** `shell.ts`
 *
 * @module
 */
import { type Surroundings, timerScheduler } from "./background.ts";
import { type Codec, type KeyCodec, utf8 } from "./codec.ts";
import { bytewise } from "./comparator.ts";
import { Engine } from "./engine.ts";
import type { FileSystem } from "./file_system.ts";
import type { Workers } from "./job_client.ts";
import {
  checkCodec,
  describe,
  type EngineOptions,
  engineOptions,
  type OpenOptions,
} from "./options.ts";
import { createDatabase, type Database } from "./store.ts";

/** Timers and the clock of the web platform, and no workers. */
export const webSurroundings: Surroundings = {
  schedule: timerScheduler,
  now: () => performance.now(),
  burstMs: 20, // the turn after it costs one
};

/** An open database, and the engine below it. */
export interface OpenedDatabase<K, V> {
  /** The engine, whose statistics can be read when it is closed, too. */
  readonly engine: Engine;
  /** The typed surface. */
  readonly database: Database<K, V>;
}

/**
 * Opens a database on a disk.
 *
 * @param directory The directory, in the disk's own notation.
 * @param options How to open it.
 * @param defaultFileSystem The disk, unless the options name one.
 * @param surroundings Timers, clock, and what starts workers that work on the default disk.
 * @returns The open database.
 */
export function openDatabase<K, V>(
  directory: string,
  options: OpenOptions<K, V>,
  defaultFileSystem: FileSystem,
  surroundings: Surroundings = webSurroundings,
): Database<K, V> {
  return openWithEngine(directory, options, defaultFileSystem, surroundings).database;
}

/**
 * The same for a surface that also needs the engine.
 *
 * @param directory The directory, in the disk's own notation.
 * @param options How to open it.
 * @param defaultFileSystem The disk, unless the options name one.
 * @param surroundings Timers, clock, and what starts workers that work on the default disk.
 * @returns The open database and its engine.
 */
export function openWithEngine<K, V>(
  directory: string,
  options: OpenOptions<K, V>,
  defaultFileSystem: FileSystem,
  surroundings: Surroundings,
): OpenedDatabase<K, V> {
  const open = checkedEngine(directory, options, defaultFileSystem, surroundings);
  const { key = utf8 as unknown as KeyCodec<K>, value = utf8 as unknown as Codec<V> } = options;
  checkCodec("open database", "key", key);
  checkCodec("open database", "value", value);
  const engine = open();
  return { engine, database: createDatabase(engine, key, value, surroundings) };
}

/**
 * The engine alone, for a surface that puts its own on top of it.
 *
 * @param directory The directory, in the disk's own notation.
 * @param options How to open it; codecs are not looked at.
 * @param defaultFileSystem The disk, unless the options name one.
 * @param surroundings Timers, clock, and what starts workers that work on the default disk.
 * @returns The running engine.
 */
export function openEngine(
  directory: string,
  options: OpenOptions<unknown, unknown>,
  defaultFileSystem: FileSystem,
  surroundings: Surroundings = webSurroundings,
): Engine {
  return checkedEngine(directory, options, defaultFileSystem, surroundings)();
}

/** Checks the options. What it gives opens the engine. */
function checkedEngine<K, V>(
  directory: string,
  options: OpenOptions<K, V>,
  defaultFileSystem: FileSystem,
  surroundings: Surroundings,
): () => Engine {
  if (typeof directory !== "string" || directory === "") {
    throw new TypeError(
      `Cannot open database: directory must be a path or a file: URL, got ${describe(directory)}`,
    );
  }
  const checked = engineOptions(options as OpenOptions<never, never>, defaultFileSystem);
  const workers = usableWorkers(checked, defaultFileSystem, surroundings.workers);
  return () => Engine.open(directory, checked, { ...surroundings, workers });
}

/** What starts workers for a database, if they can do its work. */
function usableWorkers(
  { worker, fileSystem, comparator, readOnly }: EngineOptions,
  defaultFileSystem: FileSystem,
  workers: Workers | undefined,
): Workers | undefined {
  if (worker === false) return undefined;
  const obstacle = workers === undefined
    ? "there are none here"
    : fileSystem !== defaultFileSystem
    ? "it does not know the caller's fileSystem"
    : comparator !== bytewise
    ? "it does not know the caller's comparator"
    : undefined;
  if (worker !== true || readOnly) return obstacle === undefined ? workers : undefined;
  const missing = obstacle ?? workers!.unavailable();
  if (missing === undefined) return workers;
  throw new TypeError(`Cannot open database: worker is true, but ${missing}`);
}
