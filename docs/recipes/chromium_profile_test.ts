import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { bytes, MemoryFileSystem, open, VarveError } from "@varve/varve";
import { onDisk } from "../../tests/permissions.ts";
import {
  copyDatabase,
  indexedDBOrder,
  localStorageItems,
  objectStores,
  origins,
  sessionStorageItems,
  storageText,
  tellOf,
  withCopy,
} from "./chromium_profile.ts";

const SAMPLE = fromFileUrl(
  new URL("../../tests/testdata/chromium_local_storage/Default/", import.meta.url),
);
const LOCAL = join(SAMPLE, "Local Storage", "leveldb");
const INDEXED = join(SAMPLE, "IndexedDB", "http_127.0.0.1_8917.indexeddb.leveldb");
const ORIGIN = "http://127.0.0.1:8917";

/** The files of a directory, to see that none has changed. */
function filesIn(directory: string): [string, string][] {
  return [...Deno.readDirSync(directory)].map(({ name }): [string, string] => [
    name,
    Deno.readFileSync(join(directory, name)).toHex(),
  ]).sort();
}

Deno.test("items of Local Storage are read, whatever they are written in", onDisk, async () => {
  const before = filesIn(LOCAL);
  const items = await withCopy(LOCAL, (db) => Array.fromAsync(localStorageItems(db)));
  assertEquals(items.every(({ origin }) => origin === ORIGIN), true);
  assertEquals(Object.fromEntries(items.map(({ key, value }) => [key, value])), {
    "город": "Москва",
    "emoji": "🦊 and 日本語",
    "empty": "",
    "naïve café": "Latin-1: crème brûlée",
    "settings": '{"volume":7,"tabs":["a","b"]}',
    "theme": "dark",
  });
  assertEquals(filesIn(LOCAL), before); // not even a LOCK is there
});

Deno.test("an origin's items are found without those of others", onDisk, async () => {
  await withCopy(LOCAL, async (db) => {
    assertEquals((await Array.fromAsync(localStorageItems(db, ORIGIN))).length, 6);
    assertEquals((await Array.fromAsync(localStorageItems(db, "http://127.0.0.1"))).length, 0);
    const [note, ...others] = await Array.fromAsync(origins(db));
    assertEquals([note!.origin, note!.bytes, others], [ORIGIN, 141, []]);
    assertEquals(note!.modified.toISOString().slice(0, 4), "2026");
  });
});

Deno.test("items of Session Storage are read by their tabs", onDisk, async () => {
  const items = await withCopy(
    join(SAMPLE, "Session Storage"),
    (db) => Array.fromAsync(sessionStorageItems(db)),
  );
  assertEquals(items, [{ origin: ORIGIN, key: "draft", value: "Entwurf: Ελλάδα" }]);
});

Deno.test("rows of an IndexedDB come in its own order", onDisk, async () => {
  const stores = await withCopy(INDEXED, objectStores, indexedDBOrder);
  const numbers = Array.from({ length: 20 }, (_, i) => String(i));
  assertEquals(stores, [{
    database: "notes",
    name: "notes",
    keys: [...numbers, "1970-01-01T00:00:00.000Z", '"text key é"', '[1, "a"]'],
  }]);
  const error = await assertRejects(() => withCopy(INDEXED, objectStores), VarveError);
  assertEquals(error.code, "UNSUPPORTED_FORMAT");
});

Deno.test(
  "the order of IndexedDB is one: of two keys one comes first, and of three",
  onDisk,
  async () => {
    const keys = await withCopy(
      INDEXED,
      (db) => Array.fromAsync(db.keys()),
      indexedDBOrder,
    );
    assert(keys.length > 60, `${keys.length} keys`);
    const { compare } = indexedDBOrder;
    keys.forEach((a, i) => {
      keys.forEach((b, j) => assertEquals(Math.sign(compare(a, b)), Math.sign(i - j)));
    });
    // What is no key is refused, and not taken for one that is equal to others.
    for (const bad of [[], [0], [0, 1, 1, 1, 9], [0, 1, 1, 1, 1, 200], [0, 1, 1, 1, 4, 99]]) {
      const key = Uint8Array.from(bad);
      assertThrows(() => compare(key, key), TypeError, "Cannot read key of IndexedDB");
    }
  },
);

Deno.test("a database that is in this order can be written, and its tables read again", async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { key: bytes, value: bytes, comparator: indexedDBOrder, fileSystem };
  const key = (value: number) => {
    const of = new Uint8Array(13);
    of.set([0, 1, 1, 1, 3]);
    new DataView(of.buffer).setFloat64(5, value, true);
    return of;
  };
  const values = [-1e9, -1.5, 0, 1e-9, 2, 10, 256, 1e300];
  {
    await using db = await open("db", options);
    for (const value of values.toReversed()) await db.put(key(value), new Uint8Array(0));
    await db.flush();
  }
  await using db = await open("db", options);
  assertEquals(await Array.fromAsync(db.keys()), values.map(key));
});

Deno.test("texts of another encoding are refused", () => {
  assertEquals(storageText(Uint8Array.of(1, 0x80, 0xff)), "\x80ÿ");
  assertEquals(storageText(Uint8Array.of(0, 0x3d, 0xd8)), "\ud83d"); // half of an emoji
  for (const bad of [[], [2, 65], [0, 65]]) {
    assertThrows(() => storageText(Uint8Array.from(bad)), TypeError, "Cannot decode text");
  }
});

Deno.test(
  "a database that is locked can be copied, and a profile without any is refused",
  onDisk,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_" });
    try {
      const [from, to] = [join(directory, "from"), join(directory, "to")];
      await Deno.mkdir(to);
      {
        await using db = await open(from); // holds the lock, as a browser does
        await db.put("_https://example.org\0\x01key", "\x01value");
        await copyDatabase(from, to);
      }
      await using copy = await open(to, { key: bytes, value: bytes, readOnly: true });
      assertEquals(await Array.fromAsync(localStorageItems(copy)), [
        { origin: "https://example.org", key: "key", value: "value" },
      ]);
      await assertRejects(() => tellOf(to), Error, "it has no Local Storage or IndexedDB");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test("the recipe tells of all that is in a profile", onDisk, async () => {
  const lines = await tellOf(join(SAMPLE, ".."));
  assertEquals(lines.filter((line) => !line.startsWith(" ")), [
    "Local Storage",
    "Session Storage",
    "IndexedDB of http_127.0.0.1_8917",
  ]);
  assertEquals(await tellOf(SAMPLE), lines);
});
