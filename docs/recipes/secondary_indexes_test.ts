import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MemoryFileSystem, open, tuple } from "@varve/varve";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { generator } from "../../lib/random.ts";
import { onDisk } from "../../tests/permissions.ts";
import {
  type Book,
  bookIndexes,
  demo,
  type IndexDefinition,
  Table,
  UniqueError,
} from "./secondary_indexes.ts";

const indexes: Record<string, IndexDefinition<Book>> = {
  ...bookIndexes,
  tag: { of: ({ tags }) => tags },
};

function book(title: string, more: Partial<Book> = {}): Book {
  return { title, year: 2000, tags: [], ...more };
}

async function setUp(definitions = indexes) {
  const db = await open("db", { fileSystem: new MemoryFileSystem() });
  const books = new Table<Book>(db, definitions);
  for (const name of Object.keys(definitions)) await books.build(name);
  const ids = (name: string, query = {}) => books.find(name, query).rows.map(([id]) => id);
  return { db, books, ids, [Symbol.asyncDispose]: () => db.close() };
}

Deno.test("a row is found by each of its values, and after a change by the new ones only", async () => {
  await using it = await setUp();
  await it.books.put("1", book("One", { isbn: "a", tags: ["x", "y", "x"] }));
  await it.books.put("2", book("Two", { tags: ["y"] }));
  assertEquals([it.ids("tag", { is: "x" }), it.ids("tag", { is: "y" })], [["1"], ["1", "2"]]);
  await it.books.put("1", book("One", { isbn: "b", tags: ["y", "z"] }));
  assertEquals(["x", "y", "z"].map((is) => it.ids("tag", { is })), [[], ["1", "2"], ["1"]]);
  assertEquals([it.ids("isbn", { is: "a" }), it.ids("isbn", { is: "b" })], [[], ["1"]]);
  await it.books.delete("1");
  await it.books.delete("nobody");
  assertEquals([it.ids("tag"), it.ids("isbn"), it.ids("year")], [["2"], [], ["2"]]);
  assertEquals(await it.books.check(), []);
});

Deno.test("of many who want a unique value at once one gets it", async () => {
  await using it = await setUp();
  const tries = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => it.books.put(`${i}`, book("B", { isbn: "same" }))),
  );
  assertEquals(tries.filter(({ status }) => status === "fulfilled").length, 1);
  assertEquals([it.ids("isbn"), it.ids("year")], [["0"], ["0"]]); // of the others nothing was written
  await it.books.put("0", book("B again", { isbn: "same" })); // its own value is no other's
  const error = await assertRejects(
    () => it.books.put("x", book("X", { isbn: "same" })),
    UniqueError,
  );
  assertEquals(error.message, 'Cannot write row: ["isbn","same"] of x is that of another: 0');
});

Deno.test("pages give every row once, in order, also when rows of pages before go", async () => {
  await using it = await setUp();
  for (let i = 0; i < 25; i++) await it.books.put(`b${i}`, book(`${i}`, { year: 2000 - i % 3 }));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const query = { limit: 4, from: 1999, before: 2001, ...(after === undefined ? {} : { after }) };
    const page = it.books.find("year", query);
    seen.push(...page.rows.map(([id, { year }]) => `${year} ${id}`));
    for (const [id] of page.rows) await it.books.delete(id);
    after = page.next;
  } while (after !== undefined);
  const expected = Array.from({ length: 25 }, (_, i) => `${2000 - i % 3} b${i}`)
    .filter((it) => !it.startsWith("1998")).sort();
  assertEquals(seen, expected);
});

Deno.test("a page that begins where another index or nothing ended is refused or empty", async () => {
  await using it = await setUp();
  await it.books.put("1", book("One", { isbn: "a" }));
  const { next } = it.books.find("isbn", { limit: 1 });
  assertEquals(it.books.find("year", { after: next! }).rows.map(([id]) => id), ["1"]);
  assertThrows(() => it.books.find("year", { after: "AAAA" }), TypeError);
  assertThrows(() => it.books.find("year", { after: "*" }), SyntaxError);
  assertThrows(() => it.books.find("nothing"), Error, "there is none: nothing");
});

Deno.test("an index that is built while rows change has all of them in the end", async () => {
  for (let seed = 0; seed < 10; seed++) {
    await using it = await setUp(bookIndexes);
    const random = generator(seed);
    const any = () => book("B", { tags: [`t${random(5)}`, `t${random(5)}`] });
    await Promise.all(Array.from({ length: 700 }, (_, i) => it.books.put(`${i}`, any())));
    const more = new Table<Book>(it.db, indexes);
    assertThrows(() => more.find("tag"), Error, "not built yet");
    const build = more.build("tag");
    for (let i = 0; i < 50; i++) {
      if (random(2) === 0) await more.put(`${random(800)}`, any());
      else await more.delete(`${random(800)}`);
    }
    await build;
    assertEquals(await more.check(), [], `seed ${seed}`);
    assert(more.find("tag", { limit: 2000 }).rows.length > 600);
  }
});

Deno.test("a unique index of rows that are not is refused, and built once they are", async () => {
  const db = await open("db", { fileSystem: new MemoryFileSystem() });
  const plain = new Table<Book>(db, {});
  for (let i = 0; i < 300; i++) {
    await plain.put(`${i}`, book("B", { isbn: `${i === 250 ? 7 : i}` }));
  }
  const books = new Table<Book>(db, bookIndexes);
  await assertRejects(
    () => books.build("isbn"),
    UniqueError,
    '["isbn","7"] of 7 is that of another: 250',
  );
  assertThrows(() => books.find("isbn"), Error, "not built yet");
  await books.put("250", book("B", { isbn: "250" }));
  await books.build("isbn");
  await books.build("year");
  assertEquals(await books.check(), []);
  await db.close();
});

Deno.test("the check finds what was written past the table", async () => {
  await using it = await setUp();
  await it.books.put("1", book("One", { isbn: "a" }));
  const index = it.db.sublevel("index", { key: tuple() });
  await index.delete(["isbn", "a", "1"]);
  await index.put(["year", 1, "9"], "");
  assertEquals(await it.books.check(), ['missing: ["isbn","a","1"]', 'stray: ["year",1,"9"]']);
});

Deno.test("an index that is dropped is gone, and may come again with another meaning", async () => {
  await using it = await setUp();
  await it.books.put("1", book("One", { tags: ["x"] }));
  await assertRejects(() => it.books.drop("tag"), Error, "in use");
  await new Table<Book>(it.db, bookIndexes).drop("tag");
  const other = new Table<Book>(it.db, { ...bookIndexes, tag: { of: ({ title }) => [title] } });
  await other.build("tag");
  assertEquals(other.find("tag", { is: "One" }).rows.length, 1);
  assertEquals(await other.check(), []);
});

Deno.test("wherever the power fails, rows and indexes agree, and a build goes on", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const random = generator(seed);
    const disk = new SimulatedFileSystem({ seed });
    const db = await open("db", { fileSystem: disk });
    const plain = new Table<Book>(db, {});
    const put = (table: Table<Book>, i: number) =>
      table.put(`${i}`, book(`B${i}`, { isbn: `${i}`, tags: [`t${random(3)}`] }));
    await Promise.all(Array.from({ length: 500 }, (_, i) => put(plain, i)));
    const books = new Table<Book>(db, indexes);
    const builds = Promise.all(Object.keys(indexes).map((name) => books.build(name)));
    for (let i = random(8); i > 0; i--) await put(books, random(600));
    const pending = put(books, 1000);
    await using after = await open("db", { fileSystem: disk.crash(seed) });
    const again = new Table<Book>(after, indexes);
    assertEquals(await again.check(), [], `seed ${seed}: before`);
    for (const name of Object.keys(indexes)) await again.build(name);
    assertEquals(await again.check(), [], `seed ${seed}`);
    assert(again.find("isbn", { limit: 9999 }).rows.length >= 500, `seed ${seed}`);
    await Promise.all([builds, pending]);
    await db.close();
  }
});

Deno.test("the table does what the recipe shows", onDisk, async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_indexes_" });
  try {
    const lines: string[] = [];
    await demo(directory, (line) => lines.push(line));
    assertEquals(lines.at(-1), "found by the check: 0");
    assertEquals(lines.at(-2), 'tagged "new": Book 100, second edition');
    assert(lines.some((line) => line.startsWith("UniqueError: ")));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
