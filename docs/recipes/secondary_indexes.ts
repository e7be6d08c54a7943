/**
 * **What.** Secondary indexes: rows that are found by other things than their key. Unique or not, with several values a
 * row, made for rows that are there already, asked for a page at a time, and checked. This keeps some books:
 * ```text
 * deno run --allow-read --allow-write docs/recipes/secondary_indexes.ts [DIRECTORY]
 * ```
 *
 * **Format.** Three sublevels of one store.
 * ```text
 * row    id                 → the row, as JSON
 * index  [name, value, id]  → nothing: the rows in the order of a value
 * state  name               → "ready", or how far the index has come: the last id that is in it
 * ```
 *
 * **Invariants.**
 * 1. A row and its entries in all indexes change in one batch.
 * 2. What is read to decide on a write is read without `await` before that write: of two rows that want the same unique
 *    value at the same time, one gets it.
 * 3. An index is asked only when it is ready. Until then it is kept as the others are, so that what changes while it
 *    is being made is in it.
 *
 * **Read next.** `secondary_indexes_test.ts`
 *
 * @module
 */
import { type Batch, json, open, type Store, tuple, type TuplePart } from "@varve/varve";

/** How an index is made. */
export interface IndexDefinition<R> {
  /** The values that a row is found by: none, one or several. */
  readonly of: (row: R) => readonly TuplePart[];
  /** Whether no two rows may have the same value. */
  readonly unique?: boolean;
}

/** Which rows. Without bounds all of the index. */
export interface Query {
  /** Exactly this value. */
  readonly is?: TuplePart;
  readonly from?: TuplePart;
  readonly before?: TuplePart;
  /** How many, 20 by default. */
  readonly limit?: number;
  /** Where the page before has ended. */
  readonly after?: string;
}

/** A part of an answer. */
export interface RowPage<R> {
  readonly rows: readonly (readonly [id: string, row: R])[];
  /** For the next page, if there may be one. It is made of a value and an id: not a secret, and not to be trusted. */
  readonly next?: string;
}

type IndexKey = readonly [name: string, ...TuplePart[]];
const key = tuple<IndexKey>();
const BASE64_URL = { alphabet: "base64url", omitPadding: true } as const;
/** So many rows are put into a new index in one batch. */
const BUILD_MAX = 200;
/** Ids are not empty: this is before all of them. */
const NONE_YET = "";

/** A row that cannot be written because another has its value of a unique index. */
export class UniqueError extends Error {
  override readonly name = "UniqueError";
}

/** Rows of type `R`, with indexes. */
export class Table<R> {
  readonly #store: Store<string, string>;
  readonly #rows: Store<string, R>;
  readonly #index: Store<IndexKey, string>;
  readonly #state: Store<string, string>;
  readonly #definitions: ReadonlyMap<string, IndexDefinition<R>>;

  /**
   * Makes the table of a store. An index that is new to it is to be built.
   *
   * @param store The database, or a sublevel of it.
   * @param indexes The indexes by name: all, always. What they are made `of` must not change under the same name.
   */
  constructor(store: Store<string, string>, indexes: Record<string, IndexDefinition<R>>) {
    this.#store = store;
    this.#rows = store.sublevel("row", { value: json<R>() });
    this.#index = store.sublevel("index", { key });
    this.#state = store.sublevel("state");
    this.#definitions = new Map(Object.entries(indexes));
  }

  /**
   * Makes an index of the rows that are there. A build that was interrupted goes on where it stopped.
   *
   * @param name Which one.
   * @throws {UniqueError} If it is unique and two rows have the same value. Change one, and build again.
   */
  async build(name: string): Promise<void> {
    const definition = this.#definition(name);
    let done = this.#state.getSync(name) ?? `at ${NONE_YET}`;
    while (done !== "ready") {
      // #region build
      const batch = this.#store.batch();
      const rows = [...this.#rows.entriesSync({ gt: done.slice("at ".length), limit: BUILD_MAX })];
      const inBatch = new Map<string, string>();
      for (const [id, row] of rows) {
        for (const entry of entriesOf(name, definition, id, row)) {
          this.#assertUnique(definition, entry, id, inBatch);
          batch.on(this.#index).put(entry, "");
        }
      }
      done = rows.length < BUILD_MAX ? "ready" : `at ${rows.at(-1)![0]}`;
      batch.on(this.#state).put(name, done);
      batch.commitSync({ sync: false });
      await this.#durable(); // others read and write meanwhile
      // #endregion
    }
  }

  /**
   * Writes a row, and moves its entries in the indexes.
   *
   * @param id Its id, not empty.
   * @param row The row. It is on disk, and found, when the promise resolves.
   * @throws {UniqueError} If another row has its value of a unique index.
   */
  async put(id: string, row: R): Promise<void> {
    if (id === "") throw new RangeError("Cannot write row: its id is empty");
    // #region put
    const batch = this.#store.batch();
    const before = this.#rows.getSync(id);
    for (const [name, definition] of this.#definitions) {
      if (before !== undefined) this.#remove(batch, name, definition, id, before);
      for (const entry of entriesOf(name, definition, id, row)) {
        this.#assertUnique(definition, entry, id);
        batch.on(this.#index).put(entry, ""); // after the delete of the same entry, if there is one
      }
    }
    batch.on(this.#rows).put(id, row);
    batch.commitSync({ sync: false }); // at once: nobody comes between what was read and this
    await this.#durable();
    // #endregion
  }

  /**
   * Removes a row, if it is there.
   *
   * @param id Its id.
   */
  async delete(id: string): Promise<void> {
    const before = this.#rows.getSync(id);
    if (before === undefined) return;
    const batch = this.#store.batch();
    for (const [name, definition] of this.#definitions) {
      this.#remove(batch, name, definition, id, before);
    }
    batch.on(this.#rows).delete(id);
    batch.commitSync({ sync: false });
    await this.#durable();
  }

  /** The row of an id. */
  get(id: string): Promise<R | undefined> {
    return this.#rows.get(id);
  }

  // #region find
  /**
   * Finds rows, in the order of an index.
   *
   * @param name The index.
   * @param query Which rows.
   * @returns A page of them, all as of one moment. Each page is of a moment of its own.
   * @throws {TypeError} If `after` is not what a page gave.
   */
  find(name: string, query: Query = {}): RowPage<R> {
    this.#definition(name);
    if (this.#state.getSync(name) !== "ready") {
      throw new Error(`Cannot ask index: it is not built yet: ${name}`);
    }
    const { is, from, before, limit = 20, after } = query;
    const lower = after !== undefined
      ? { gt: key.decode(Uint8Array.fromBase64(after, BASE64_URL)) }
      : from === undefined
      ? {}
      : { gte: [name, from] as IndexKey };
    const upper = before === undefined ? {} : { lt: [name, before] as IndexKey };
    const prefix: IndexKey = is === undefined ? [name] : [name, is];
    const entries = [...this.#index.keysSync({ ...lower, ...upper, prefix, limit })];
    const rows = entries.map((entry) => {
      const id = entry[2] as string;
      return [id, this.#rows.getSync(id)!] as const;
    });
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return { rows };
    return { rows, next: key.encode(last).toBase64(BASE64_URL) };
  }
  // #endregion

  // #region check
  /**
   * Compares every index that is ready with the rows, as of one moment.
   *
   * @returns What is missing in an index, and what is in it for no reason. Nothing, unless somebody wrote past this.
   */
  async check(): Promise<string[]> {
    const findings: string[] = [];
    using stack = new DisposableStack();
    // Taken without `await` between them, so they are of the same moment.
    const rows = stack.use(this.#rows.snapshot());
    const index = stack.use(this.#index.snapshot());
    const state = stack.use(this.#state.snapshot());
    const ready = [...this.#definitions].filter(([name]) => state.getSync(name) === "ready");
    for await (const [id, row] of rows.entries({ fillPool: false })) {
      for (const [name, definition] of ready) {
        for (const entry of entriesOf(name, definition, id, row)) {
          if (!index.hasSync(entry)) findings.push(`missing: ${textOf(entry)}`);
        }
      }
    }
    for (const [name, definition] of ready) {
      for await (const entry of index.keys({ prefix: [name], fillPool: false })) {
        const id = entry[2] as string;
        const row = rows.getSync(id);
        const expected = row === undefined ? [] : entriesOf(name, definition, id, row);
        if (!expected.some((it) => isSame(it, entry))) findings.push(`stray: ${textOf(entry)}`);
      }
    }
    return findings;
  }
  // #endregion

  /**
   * Removes an index that is wanted no more, so that its name can be used again.
   *
   * @param name Its name, which must not be among the indexes of this table.
   */
  async drop(name: string): Promise<void> {
    if (this.#definitions.has(name)) throw new Error(`Cannot drop index: it is in use: ${name}`);
    await this.#state.delete(name); // first, so that a crash on the way leaves none that is ready
    while (true) {
      const entries = [...this.#index.keysSync({ prefix: [name], limit: 1000 })];
      if (entries.length === 0) return;
      const batch = this.#index.batch();
      for (const entry of entries) batch.delete(entry);
      await batch.commit();
    }
  }

  #definition(name: string): IndexDefinition<R> {
    const definition = this.#definitions.get(name);
    if (definition === undefined) throw new Error(`Cannot use index: there is none: ${name}`);
    return definition;
  }

  #remove(
    batch: Batch<string, string>,
    name: string,
    definition: IndexDefinition<R>,
    id: string,
    row: R,
  ): void {
    for (const entry of entriesOf(name, definition, id, row)) batch.on(this.#index).delete(entry);
  }

  // #region unique
  #assertUnique(
    { unique = false }: IndexDefinition<R>,
    entry: IndexKey,
    id: string,
    inBatch?: Map<string, string>,
  ): void {
    if (!unique) return;
    const [name, value] = entry as [string, TuplePart];
    const [found] = this.#index.keysSync({ prefix: [name, value], limit: 2 })
      .map((it) => it[2] as string).filter((it) => it !== id);
    const text = textOf([name, value]);
    const other = found ?? inBatch?.get(text);
    if (other !== undefined) {
      throw new UniqueError(`Cannot write row: ${text} of ${id} is that of another: ${other}`);
    }
    inBatch?.set(text, id);
  }
  // #endregion

  /** Resolves when all that was written before is on disk. Who waits at the same time shares a sync. */
  async #durable(): Promise<void> {
    await this.#rows.delete("");
  }
}

/** The entries of a row in an index, each once. */
function entriesOf<R>(
  name: string,
  { of }: IndexDefinition<R>,
  id: string,
  row: R,
): IndexKey[] {
  const entries = of(row).map((value): IndexKey => [name, value, id]);
  return entries.filter((entry, i) => entries.findIndex((it) => isSame(it, entry)) === i);
}

function isSame(a: IndexKey, b: IndexKey): boolean {
  return textOf(a) === textOf(b);
}

/** A key as text, which differs if the key does. */
function textOf(entry: IndexKey): string {
  return JSON.stringify(
    entry,
    (_, part) => typeof part === "bigint" || part instanceof Uint8Array ? [`${part}`] : part,
  );
}

/** What the example keeps. */
export interface Book {
  readonly title: string;
  readonly isbn?: string;
  readonly year: number;
  readonly tags: readonly string[];
}

/** The indexes of books. */
export const bookIndexes: Record<string, IndexDefinition<Book>> = {
  isbn: { of: ({ isbn }) => isbn === undefined ? [] : [isbn], unique: true },
  year: { of: ({ year }) => [year] },
};

/**
 * Shows it at work.
 *
 * @param directory Where the database is.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  await using db = await open(directory);
  const books = new Table<Book>(db, bookIndexes);
  for (const name of ["isbn", "year"]) await books.build(name);
  const titles = ({ rows }: RowPage<Book>) =>
    rows.map(([, { title }]) => title).join(", ") || "none";
  await Promise.all(
    Array.from({ length: 1000 }, (_, i) => {
      const tags = [i % 2 === 0 ? "even" : "odd", ...(i % 100 === 0 ? ["hundreds"] : [])];
      return books.put(`b${i}`, {
        title: `Book ${i}`,
        isbn: `978-${i}`,
        year: 1900 + i % 125,
        tags,
      });
    }),
  );
  print(`1000 books, ${db.stats().writes.syncs} syncs`);
  print(`978-500 is ${titles(books.find("isbn", { is: "978-500" }))}`);
  await books.put("b1001", { title: "Copy", isbn: "978-500", year: 2000, tags: [] })
    .catch((error) => print(`${error.name}: ${error.message}`));

  const page = books.find("year", { from: 1999, before: 2001, limit: 10 });
  print(`1999 and 2000, page 1: ${titles(page)}`);
  const rest = books.find("year", { from: 1999, before: 2001, limit: 10, after: page.next! });
  print(`1999 and 2000, page 2: ${titles(rest)}`);

  const tagged = new Table<Book>(db, { ...bookIndexes, tag: { of: ({ tags }) => tags } });
  const building = tagged.build("tag"); // of the rows that are there, while others are written
  await tagged.put("b100", { title: "Book 100, second edition", year: 2026, tags: ["new"] });
  await building;
  print(`tagged "hundreds": ${titles(tagged.find("tag", { is: "hundreds" }))}`);
  print(`tagged "new": ${titles(tagged.find("tag", { is: "new" }))}`);
  print(`found by the check: ${(await tagged.check()).length}`);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_indexes_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
