import { assert, assertEquals } from "@std/assert";
import { MemoryFileSystem, number, open, tuple } from "@varve/varve";
import { SimulatedFileSystem } from "@varve/varve/testing";
import { generator } from "../../lib/random.ts";
import { onDisk } from "../../tests/permissions.ts";
import { demo, type Document, FullText, wordsOf } from "./full_text.ts";

const words = (text: string) => [...wordsOf(text)].map(({ word }) => word);

async function setUp(texts: Record<string, string> = {}) {
  const db = await open("db", { fileSystem: new MemoryFileSystem() });
  const index = new FullText(db);
  await index.put(documents(texts));
  const ids = (query: string) => index.find(query, 1000).hits.map(({ id }) => id).sort();
  return { db, index, ids, [Symbol.asyncDispose]: () => db.close() };
}

function documents(texts: Record<string, string>): Map<string, Document> {
  return new Map(
    Object.entries(texts).map(([id, text]) => [id, { title: id.toUpperCase(), text }]),
  );
}

Deno.test("words are those of a person, in any script, whatever the accents", () => {
  assertEquals(words("The sea-captain’s 2nd Café, naïve!"), [
    "the",
    "sea",
    "captain's",
    "2nd",
    "cafe",
    "naive",
  ]);
  assertEquals(words("Привет 世界 'quoted' e\u0301"), ["привет", "世界", "quoted", "e"]);
  assertEquals(words("x".repeat(1000)), ["x".repeat(64)]);
  assertEquals(words(" -- "), []);
});

Deno.test("all words, phrases and beginnings are found, and nothing else", async () => {
  await using it = await setUp({
    a: "The white whale swims in the sea",
    b: "A whale, white as snow",
    c: "The white sea",
    d: "whales and whalers",
  });
  assertEquals(it.ids("white whale"), ["a", "b"]);
  assertEquals(it.ids('"white whale"'), ["a"]);
  assertEquals(it.ids('"whale white"'), ["b"]);
  assertEquals(it.ids("WHALE*"), ["a", "b", "d"]);
  assertEquals(it.ids('"the white wh*"'), ["a"]);
  assertEquals(it.ids('sea "the white"'), ["a", "c"]);
  assertEquals(it.ids("white nothing"), []);
  assertEquals(it.ids("nothing*"), []);
  assertEquals([it.ids(""), it.ids("!?"), it.ids('"')], [[], [], []]);
});

Deno.test("rare words, many of them and short texts come first", async () => {
  await using it = await setUp({
    long: "whale " + "and more words ".repeat(50),
    once: "one whale and more words",
    often: "whale whale whale words",
    other: "more words",
  });
  const order = (query: string) => it.index.find(query).hits.map(({ id }) => id);
  assertEquals(order("whale"), ["often", "once", "long"]);
  const [first, second] = it.index.find("words").hits;
  assert(first!.score > 0 && first!.score >= second!.score);
  assertEquals(it.index.find("words", 2).hits.length, 2);
  assertEquals(it.index.find("words", 2).count, 4);
});

Deno.test("a snippet is around the words, as they are written", async () => {
  const filler = "filler ".repeat(60);
  await using it = await setUp({ a: `whale ${filler} The White\n  Whale, swims ${filler}` });
  const { snippet } = it.index.find("white whale").hits[0]!;
  assert(snippet.includes("The [White] [Whale], swims"), snippet);
  assert(snippet.length < 150, snippet);
});

/** Everything in an index as text: equal indexes have equal texts. */
function dump(db: Awaited<ReturnType<typeof open>>): string[] {
  const of = (name: string) => [...db.sublevel(name).entriesSync()].map((it) => `${name} ${it}`);
  const counts = (name: string) =>
    [...db.sublevel(name, { value: number }).entriesSync()].map((it) => `${name} ${it}`);
  const key = tuple<[string, string]>();
  const postings = [...db.sublevel("posting", { key }).entriesSync()].map((it) => `posting ${it}`);
  return [...of("document"), ...postings, ...counts("word"), ...counts("total")];
}

Deno.test("an index that was changed is the one that would be made anew", async () => {
  for (let seed = 0; seed < 15; seed++) {
    const random = generator(seed);
    const text = () => Array.from({ length: random(40) }, () => `w${random(30)}`).join(" ");
    await using it = await setUp();
    const model: Record<string, string> = {};
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      const changes = new Map<string, Document | undefined>();
      for (let j = random(4); j >= 0; j--) {
        const id = `d${random(15)}`;
        const isRemoved = random(4) === 0;
        const document = isRemoved ? undefined : { title: id.toUpperCase(), text: text() };
        changes.set(id, document);
        if (document === undefined) delete model[id];
        else model[id] = document.text;
      }
      writes.push(it.index.put(changes)); // several at the same time
      if (random(3) === 0) await Promise.all(writes);
    }
    await Promise.all(writes);
    await using fresh = await setUp(model);
    assertEquals(dump(it.db), dump(fresh.db), `seed ${seed}`);
  }
});

Deno.test("what is found is what reading all texts finds", async () => {
  const random = generator(4);
  const texts: Record<string, string> = {};
  for (let i = 0; i < 60; i++) {
    const length = 5 + random(300); // places over 127 take two bytes
    texts[`d${i}`] = Array.from({ length }, () => `w${random(1 + random(40))}`).join(" ");
  }
  await using it = await setUp(texts);
  for (let i = 0; i < 100; i++) {
    const [a, b, c] = [`w${random(40)}`, `w${random(40)}`, `w${random(4)}`];
    const expected = Object.entries(texts).filter(([, text]) => {
      const all = ` ${text} `;
      return all.includes(` ${a} ${b} `) && all.includes(` ${c}`);
    }).map(([id]) => id).sort();
    assertEquals(it.ids(`"${a} ${b}" ${c}*`), expected, `"${a} ${b}" ${c}*`);
  }
});

Deno.test("wherever the power fails, the index is one of the documents that it has", async () => {
  for (let seed = 0; seed < 15; seed++) {
    const disk = new SimulatedFileSystem({ seed });
    const db = await open("db", { fileSystem: disk });
    const index = new FullText(db);
    await index.put(documents({ a: "one two three", b: "two three" }));
    const pending = index.put(documents({ b: "three four", c: "five" }));
    await using after = await open("db", { fileSystem: disk.crash(seed) });
    const has = await after.sublevel("document").has("c");
    await using expected = await setUp(
      has
        ? { a: "one two three", b: "three four", c: "five" }
        : { a: "one two three", b: "two three" },
    );
    assertEquals(dump(after), dump(expected.db), `seed ${seed}`);
    await pending;
    await db.close();
  }
});

Deno.test("the texts of licences are indexed and found, as the recipe shows", onDisk, async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_full_text_" });
  try {
    const lines: string[] = [];
    await demo(directory, (line) => lines.push(line));
    assert(lines[0]!.startsWith("727 documents, 784291 words, 10752 different"), lines[0]);
    assert(lines.some((line) => /^ {2}[\d.]+ JSON: .*\[Good\], \[not\] \[Evil\]/.test(line)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
