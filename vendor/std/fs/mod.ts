/**
 * **What.** A stand-in for `jsr:@std/fs`: the few functions of it that are used here, written anew with the published
 * names, signatures and behaviour. It lets a machine that reaches only the npm registry run the tests.
 *
 * It is used while `deno.json` has a `"links"` entry for this folder. To use the published package instead, delete
 * `"links"`, or run `deno task test:jsr`, which does so in a copy of `deno.json`.
 *
 * @module
 */
import { basename, fromFileUrl, join, normalize } from "jsr:@std/path@^1";

/** Options of {@linkcode exists}. */
export interface ExistsOptions {
  /** Only a directory counts. */
  isDirectory?: boolean;
  /** Only a file counts. */
  isFile?: boolean;
}

function isWanted(info: Deno.FileInfo, options: ExistsOptions | undefined): boolean {
  if (options?.isDirectory && options.isFile) {
    throw new TypeError("Cannot ask for a path that is both a directory and a file");
  }
  return !(options?.isDirectory && !info.isDirectory) && !(options?.isFile && !info.isFile);
}

/** Whether something, of the kind asked for, is at a path. */
export async function exists(path: string | URL, options?: ExistsOptions): Promise<boolean> {
  try {
    return isWanted(await Deno.stat(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The same as {@linkcode exists}, at once. */
export function existsSync(path: string | URL, options?: ExistsOptions): boolean {
  try {
    return isWanted(Deno.statSync(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a directory, and those above it, unless it is there. */
export async function ensureDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}

/** The same as {@linkcode ensureDir}, at once. */
export function ensureDirSync(dir: string | URL): void {
  Deno.mkdirSync(dir, { recursive: true });
}

function pathOf(path: string | URL): string {
  return path instanceof URL ? fromFileUrl(path) : path;
}

/** Removes everything in a directory, and makes the directory if it is not there. */
export async function emptyDir(dir: string | URL): Promise<void> {
  await ensureDir(dir);
  for await (const { name } of Deno.readDir(dir)) {
    await Deno.remove(join(pathOf(dir), name), { recursive: true });
  }
}

/** The same as {@linkcode emptyDir}, at once. */
export function emptyDirSync(dir: string | URL): void {
  ensureDirSync(dir);
  for (const { name } of [...Deno.readDirSync(dir)]) {
    Deno.removeSync(join(pathOf(dir), name), { recursive: true });
  }
}

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** How deep to go; the root is at 0. */
  maxDepth?: number;
  /** Whether to give files: true unless said otherwise. */
  includeFiles?: boolean;
  /** Whether to give directories: true unless said otherwise. */
  includeDirs?: boolean;
  /** Whether to give symbolic links, which are never followed: true unless said otherwise. */
  includeSymlinks?: boolean;
  /** Only paths that end in one of these. */
  exts?: string[];
  /** Only paths that match one of these. */
  match?: RegExp[];
  /** No paths that match one of these, and nothing below them. */
  skip?: RegExp[];
}

/** What {@linkcode walk} gives. */
export interface WalkEntry extends Deno.DirEntry {
  /** Full path, beginning with the root given. */
  path: string;
}

function isIncluded(path: string, options: WalkOptions): boolean {
  const { exts, match, skip } = options;
  if (exts && !exts.some((ext) => path.endsWith(ext.startsWith(".") ? ext : `.${ext}`))) {
    return false;
  }
  if (match && !match.some((pattern) => path.match(pattern))) return false;
  return !skip?.some((pattern) => path.match(pattern));
}

/** Gives everything below a directory, and the directory itself, a parent before what is in it. */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  await Deno.stat(root);
  yield* walkSync(root, options);
}

/** The same as {@linkcode walk}, at once. */
export function* walkSync(
  root: string | URL,
  options: WalkOptions = {},
): IterableIterator<WalkEntry> {
  const { maxDepth = Infinity, includeFiles = true, includeDirs = true } = options;
  if (maxDepth < 0) return;
  const directory = normalize(pathOf(root));
  if (includeDirs && isIncluded(directory, options)) {
    const { isDirectory, isFile, isSymlink } = Deno.statSync(directory);
    yield { path: directory, name: basename(directory), isDirectory, isFile, isSymlink };
  }
  if (maxDepth < 1 || options.skip?.some((pattern) => directory.match(pattern))) return;
  for (const entry of Deno.readDirSync(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory && !entry.isSymlink) {
      yield* walkSync(path, { ...options, maxDepth: maxDepth - 1 });
    } else if (entry.isSymlink ? options.includeSymlinks ?? true : includeFiles) {
      if (isIncluded(path, options)) yield { path, ...entry };
    }
  }
}
