/**
 * **What.** What a browser has stored for its pages: reads Local Storage, Session Storage and IndexedDB of a Chromium
 * or Electron profile, from a copy, and prints them. Without a profile it reads a small one that comes with the tests:
 * ```text
 * deno run --allow-read --allow-write docs/recipes/chromium_profile.ts [PROFILE]
 * ```
 * PROFILE is a user data directory (`~/.config/chromium`), a profile in one (`…/Default`), or an Electron application's
 * directory.
 *
 * **Format.** Three kinds of database, each in LevelDB's files.
 * ```text
 * Local Storage/leveldb        "_" origin 00 text        → text
 *                              "META:" origin            → when it was written and how large it is, as a protobuf
 *                              "METAACCESS:" origin      → when it was read
 *                              "VERSION"                 → "1"
 *   text := 00 UTF-16LE | 01 Latin-1
 * Session Storage              "namespace-" tab "-" origin → number of a map
 *                              "map-" number "-" key       → UTF-16LE
 * IndexedDB/ORIGIN.leveldb     (database, object store, index) … in the order "idb_cmp1"
 * ```
 *
 * **Invariants.**
 * 1. The profile is only read: not a byte of it changes, and no lock in it is taken.
 * 2. What is not as expected is shown as bytes or left out with a word on it, never guessed.
 *
 * **Read next.** `chromium_profile_test.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import { basename, fromFileUrl, join } from "@std/path";
import { bytes, type Comparator, type Database, open, VarveError } from "@varve/varve";

/** A database of the browser: keys and values are bytes. */
export type BrowserDatabase = Database<Uint8Array, Uint8Array>;

// ——— Opening ———

/** A copy that a browser changed meanwhile is made again so many times. */
const COPIES_MAX = 5;

/** The files that make a database. `LOCK` and `LOG` are the browser's business. */
const DATABASE_FILE = /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/;

// #region copy
/**
 * Copies a database that a browser may have open. A running browser holds the lock, so there is no opening it in place;
 * and one that is not locked should not be opened for writing either, since that replays and rewrites the browser's
 * files. Copying takes no lock: so if files came or went meanwhile, it is done again.
 *
 * @param from The directory of the database.
 * @param to An existing directory for the copy.
 * @throws {Error} If the browser kept changing it.
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  for (let i = 0; i < COPIES_MAX; i++) {
    const before = await stateOf(from);
    try {
      for (const name of before) await Deno.copyFile(join(from, name), join(to, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      continue; // it was removed: a compaction is through with it
    }
    const after = await stateOf(from);
    const current = await Deno.readTextFile(join(from, "CURRENT"));
    const isSame = before.join() === after.join() &&
      current === await Deno.readTextFile(join(to, "CURRENT"));
    // A log that has grown is no matter: what was copied of it is whole up to some record.
    if (isSame) return;
    for (const name of before) await Deno.remove(join(to, name)).catch(() => {});
  }
  throw new Error(`Cannot copy database: it kept changing: ${from}`);
}
// #endregion

/** The files of a database, in order. */
async function stateOf(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (DATABASE_FILE.test(name)) names.push(name);
  }
  return names.sort();
}

/**
 * Does something with a copy of a database, which is removed then.
 *
 * @param directory The database.
 * @param use What to do.
 * @param comparator The order of its keys, if it is not that of their bytes.
 * @returns What came of it.
 */
export async function withCopy<T>(
  directory: string,
  use: (db: BrowserDatabase) => Promise<T>,
  comparator?: Comparator,
): Promise<T> {
  const copy = await Deno.makeTempDir({ prefix: "chromium_copy_" });
  try {
    await copyDatabase(directory, copy);
    const order = comparator === undefined ? {} : { comparator };
    await using db = await open(copy, { key: bytes, value: bytes, readOnly: true, ...order });
    return await use(db);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

// ——— Local Storage ———

const encoder = new TextEncoder();
const latin1 = (of: Uint8Array) => String.fromCharCode(...of);
const utf8 = (of: Uint8Array) => new TextDecoder().decode(of);

/** Latin-1 of any length: `fromCharCode` takes so many arguments and no more. */
function latin1Text(of: Uint8Array): string {
  let text = "";
  for (let at = 0; at < of.length; at += 8192) text += latin1(of.subarray(at, at + 8192));
  return text;
}

/** UTF-16, a lone surrogate as it is: scripts may store one. */
function utf16Text(of: Uint8Array, isLittleEndian: boolean): string {
  const view = new DataView(of.buffer, of.byteOffset, of.byteLength);
  let text = "";
  for (let at = 0; at + 1 < of.length; at += 2) {
    text += String.fromCharCode(view.getUint16(at, isLittleEndian));
  }
  return text;
}

// #region text
/**
 * Decodes a text of Local Storage. TextDecoder's "latin1" is Windows-1252, and would turn 0x80 into "€".
 *
 * @param of Its bytes, the first of which says how it is encoded.
 * @returns The text.
 * @throws {TypeError} If the first byte is another one.
 */
export function storageText(of: Uint8Array): string {
  if (of[0] === 0 && of.length % 2 === 1) return utf16Text(of.subarray(1), true);
  if (of[0] === 1) return latin1Text(of.subarray(1));
  throw new TypeError(`Cannot decode text of Local Storage: ${of.toHex()}`);
}
// #endregion

/** An item of a page's `localStorage` or `sessionStorage`. */
export interface StoredItem {
  /** Where the page comes from, such as `https://example.org`. */
  readonly origin: string;
  readonly key: string;
  readonly value: string;
}

/**
 * Reads Local Storage.
 *
 * @param db The database.
 * @param origin Whose items; all unless given.
 */
export async function* localStorageItems(
  db: BrowserDatabase,
  origin?: string,
): AsyncGenerator<StoredItem> {
  const prefix = encoder.encode(origin === undefined ? "_" : `_${origin}\0`);
  for await (const [key, value] of db.entries({ prefix })) {
    const end = key.indexOf(0);
    yield {
      origin: utf8(key.subarray(1, end)),
      key: storageText(key.subarray(end + 1)),
      value: storageText(value),
    };
  }
}

/** What the browser notes of an origin. */
export interface OriginNote {
  readonly origin: string;
  /** When a page of it has last changed something. */
  readonly modified: Date;
  /** Bytes of its keys and values. */
  readonly bytes: number;
}

/** Microseconds from 1601, where the browser counts from, to 1970. */
const EPOCH_MICROSECONDS = 11_644_473_600_000_000n;

/**
 * Reads what is noted of the origins of a Local Storage.
 *
 * @param db The database.
 */
export async function* origins(db: BrowserDatabase): AsyncGenerator<OriginNote> {
  const prefix = encoder.encode("META:");
  for await (const [key, value] of db.entries({ prefix })) {
    const fields = varintFields(value);
    const microseconds = (fields.get(1) ?? EPOCH_MICROSECONDS) - EPOCH_MICROSECONDS;
    yield {
      origin: utf8(key.subarray(prefix.length)),
      modified: new Date(Number(microseconds / 1000n)),
      bytes: Number(fields.get(2) ?? 0n),
    };
  }
}

/** The fields of a protobuf that are numbers; these messages have no others. */
function varintFields(of: Uint8Array): Map<number, bigint> {
  const fields = new Map<number, bigint>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; at < of.length; shift += 7n) {
      const byte = of[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < of.length) {
    const tag = Number(varint());
    if ((tag & 7) !== 0) break;
    fields.set(tag >> 3, varint());
  }
  return fields;
}

// ——— Session Storage ———

/**
 * Reads Session Storage: of each tab, as it was when the browser last wrote it.
 *
 * @param db The database.
 */
export async function* sessionStorageItems(db: BrowserDatabase): AsyncGenerator<StoredItem> {
  for await (const [key, map] of db.entries({ prefix: encoder.encode("namespace-") })) {
    // namespace-12543969_7836_49b3_a29b_a0662c25f550-https://example.org/
    const origin = /^namespace-[^-]+-(.*?)\/?$/s.exec(utf8(key))?.[1];
    if (origin === undefined) continue;
    const prefix = encoder.encode(`map-${utf8(map)}-`);
    for await (const [itemKey, value] of db.entries({ prefix })) {
      const item = utf8(itemKey.subarray(prefix.length));
      yield { origin, key: item, value: utf16Text(value, true) };
    }
  }
}

// ——— IndexedDB ———

/** Reads the parts of a key of IndexedDB. */
class KeyReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(of: Uint8Array) {
    this.bytes = of;
    this.#view = new DataView(of.buffer, of.byteOffset, of.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    if (this.isAtEnd) throw new TypeError(`Cannot read key of IndexedDB: ${this.bytes.toHex()}`);
    return this.bytes[this.at++]!;
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) {
      throw new TypeError(`Cannot read key of IndexedDB: ${this.bytes.toHex()}`);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** A number of some bytes, the lowest first. */
  number(length: number): number {
    return this.take(length).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  double(): number {
    this.take(8);
    return this.#view.getFloat64(this.at - 8, true);
  }

  string(): string {
    return utf16Text(this.take(this.varint() * 2), false);
  }

  /** (database, object store, index): the lengths of the three are in the first byte. */
  prefix(): [database: number, store: number, index: number] {
    const lengths = this.byte();
    return [
      this.number((lengths >> 5 & 7) + 1),
      this.number((lengths >> 2 & 7) + 1),
      this.number((lengths & 3) + 1),
    ];
  }

  /** A key as a script gave it. */
  value(): IndexedKey {
    const type = this.byte();
    switch (type) {
      case 1:
        return { rank: 3, value: this.string() };
      case 2:
        return { rank: 2, value: this.double() };
      case 3:
        return { rank: 1, value: this.double() };
      case 4:
        return { rank: 5, value: Array.from({ length: this.#count() }, () => this.value()) };
      case 5:
        return { rank: 0, value: 0 }; // before all others
      case 6:
        return { rank: 4, value: this.take(this.varint()) };
    }
    throw new TypeError(`Cannot read key of IndexedDB of type ${type}: ${this.bytes.toHex()}`);
  }

  /** How many elements follow, which take a byte each at least. */
  #count(): number {
    const count = this.varint();
    if (count <= this.bytes.length - this.at) return count;
    throw new TypeError(`Cannot read key of IndexedDB: ${this.bytes.toHex()}`);
  }
}

/** A key of IndexedDB; rank is the place of its type in their order: number, date, string, binary, array. */
interface IndexedKey {
  readonly rank: number;
  readonly value: number | string | Uint8Array | readonly IndexedKey[];
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareSequences<T>(
  a: ArrayLike<T>,
  b: ArrayLike<T>,
  compare: (a: T, b: T) => number,
): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareIndexed(a: IndexedKey, b: IndexedKey): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (typeof a.value === "number") return compareNumbers(a.value, b.value as number);
  // By UTF-16 units, as `<` does.
  if (typeof a.value === "string") return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.value instanceof Uint8Array) {
    return compareSequences(a.value, b.value as Uint8Array, compareNumbers);
  }
  return compareSequences(a.value, b.value as readonly IndexedKey[], compareIndexed);
}

/** Keys that describe the whole and single databases: type of the key to its parts: numbers and strings. */
const GLOBAL_KEYS: Readonly<Record<number, string>> = { 100: "n", 201: "ss" };
const DATABASE_KEYS: Readonly<Record<number, string>> = {
  50: "nb",
  100: "nnb",
  150: "n",
  151: "nn",
  200: "s",
  201: "ns",
};
/** Keys with the journal of what the browser is about to change: compared as bytes. */
const SCOPES = 50;

/** Compares what follows the prefix in the keys of metadata. */
function compareMetadata(a: KeyReader, b: KeyReader, isGlobal: boolean): number {
  const type = a.byte();
  const order = type - b.byte();
  if (order !== 0) return order;
  if (isGlobal && type === SCOPES) {
    return compareSequences(a.bytes.subarray(a.at), b.bytes.subarray(b.at), compareNumbers);
  }
  for (const kind of (isGlobal ? GLOBAL_KEYS : DATABASE_KEYS)[type] ?? "") {
    if (a.isAtEnd || b.isAtEnd) return Number(b.isAtEnd) - Number(a.isAtEnd);
    const [x, y] = kind === "s"
      ? [a.string(), b.string()]
      : kind === "n"
      ? [a.varint(), b.varint()]
      : [a.byte(), b.byte()];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** From this number on, indexes are those of scripts. */
const INDEX_MIN = 30;

// #region comparator
/**
 * The order of keys in an IndexedDB: by what they mean, not by their bytes. Without it, a database that is in this
 * order is refused, since every search in it would go wrong.
 */
export const indexedDBOrder: Comparator = {
  name: "idb_cmp1",
  compare(a, b) {
    const [x, y] = [new KeyReader(a), new KeyReader(b)];
    const [prefix, other] = [x.prefix(), y.prefix()];
    const order = compareSequences(prefix, other, compareNumbers);
    if (order !== 0) return order;
    const [database, store, index] = prefix;
    if (database === 0 || store === 0) return compareMetadata(x, y, database === 0);
    if (x.isAtEnd || y.isAtEnd) return Number(y.isAtEnd) - Number(x.isAtEnd);
    const keys = compareIndexed(x.value(), y.value());
    if (keys !== 0 || index < INDEX_MIN) return keys;
    // An index: then by the key of the row, and last by a number that tells rows with the same key apart.
    if (x.isAtEnd || y.isAtEnd) return Number(y.isAtEnd) - Number(x.isAtEnd);
    const numbers = compareNumbers(x.varint(), y.varint());
    if (x.isAtEnd || y.isAtEnd) return Number(y.isAtEnd) - Number(x.isAtEnd) || numbers;
    return compareIndexed(x.value(), y.value()) || numbers;
  },
};
// #endregion

/** An object store of an IndexedDB. */
export interface ObjectStore {
  readonly database: string;
  readonly name: string;
  /** The keys of its rows, in order, as text. */
  readonly keys: string[];
}

const OBJECT_STORE_DATA = 1;
const DATABASE_NAME = 201;
const STORE_META = 50;
const STORE_NAME = 0;

/**
 * Reads the names of the databases and object stores of an origin, and the keys in them. Values are left alone: they
 * are what the browser's engine makes of objects (`v8::ValueSerializer`), in a format that changes with its versions.
 *
 * @param db The database, opened with {@linkcode indexedDBOrder}.
 * @returns The object stores.
 */
export async function objectStores(db: BrowserDatabase): Promise<ObjectStore[]> {
  const databases = new Map<number, string>();
  const stores = new Map<string, ObjectStore>();
  // Names come before rows: databases are in order, and what describes them has the number 0.
  for await (const [key, value] of db.entries()) {
    const reader = new KeyReader(key);
    const [database, store, index] = reader.prefix();
    if (database === 0) {
      if (reader.byte() !== DATABASE_NAME) continue;
      reader.string(); // the origin
      databases.set(new KeyReader(value).number(value.length), reader.string());
    } else if (store === 0) {
      if (reader.byte() !== STORE_META) continue;
      const number = reader.varint();
      if (reader.byte() !== STORE_NAME) continue;
      const name = utf16Text(value, false);
      const databaseName = databases.get(database) ?? `(database ${database})`;
      stores.set(`${database} ${number}`, { database: databaseName, name, keys: [] });
    } else if (index === OBJECT_STORE_DATA) {
      stores.get(`${database} ${store}`)?.keys.push(keyText(reader.value()));
    }
  }
  return [...stores.values()];
}

function keyText({ rank, value }: IndexedKey): string {
  if (value instanceof Uint8Array) return `0x${value.toHex()}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (rank !== 2) return String(value);
    const date = new Date(value);
    return Number.isNaN(date.valueOf()) ? "Invalid Date" : date.toISOString();
  }
  return `[${value.map(keyText).join(", ")}]`;
}

// ——— A profile ———

/** Directories that may be below the one that was given. */
const PROFILES = ["", "Default"];
const SAMPLE = new URL("../../tests/testdata/chromium_local_storage/", import.meta.url);

async function isDirectory(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isDirectory ?? false;
}

/** The databases of a profile that are there. */
async function findIn(profile: string, part: string): Promise<string | undefined> {
  for (const name of PROFILES) {
    const path = join(profile, name, part);
    if (await isDirectory(path)) return path;
  }
  return undefined;
}

function shown(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short);
}

/**
 * Tells what is in a profile.
 *
 * @param profile The directory.
 * @returns Lines.
 * @throws {Error} If there is nothing of what is looked for.
 */
export async function tellOf(profile: string): Promise<string[]> {
  const lines: string[] = [];
  const add = ({ origin, key, value }: StoredItem) =>
    lines.push(`  ${origin}  ${shown(key)} = ${shown(value)}`);
  const local = await findIn(profile, join("Local Storage", "leveldb"));
  const session = await findIn(profile, "Session Storage");
  const indexed = await findIn(profile, "IndexedDB");
  if (local !== undefined) {
    lines.push("Local Storage");
    await withCopy(local, async (db) => {
      for await (const item of localStorageItems(db)) add(item);
      for await (const { origin, modified, bytes } of origins(db)) {
        lines.push(`  ${origin} has ${bytes} bytes, written ${modified.toISOString()}`);
      }
    });
  }
  if (session !== undefined) {
    lines.push("Session Storage");
    await withCopy(session, async (db) => {
      for await (const item of sessionStorageItems(db)) add(item);
    });
  }
  for await (const { name } of indexed === undefined ? [] : Deno.readDir(indexed)) {
    if (!name.endsWith(".indexeddb.leveldb")) continue;
    lines.push(`IndexedDB of ${basename(name, ".indexeddb.leveldb")}`);
    const found = await withCopy(join(indexed!, name), objectStores, indexedDBOrder);
    for (const { database, name, keys } of found) {
      lines.push(`  ${database}, ${name}: ${keys.length} rows, ${keys.slice(0, 5).join(", ")} …`);
    }
  }
  if (lines.length > 0) return lines;
  throw new Error(`Cannot read profile: it has no Local Storage or IndexedDB: ${profile}`);
}

if (import.meta.main) {
  assert(Deno.args.length <= 1, "give one profile, or none");
  const profile = Deno.args[0] ?? fromFileUrl(SAMPLE);
  try {
    for (const line of await tellOf(profile)) console.log(line);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
