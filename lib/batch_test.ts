/**
 * How entries get into a batch, and that it is committed once.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { addDelete, addPut, BatchState } from "./batch.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { bytes, type Codec, type KeyCodec, utf8 } from "./codec.ts";
import { openDatabase, webSurroundings } from "./database.ts";
import { VarveError } from "./errors.ts";
import { invariant } from "./invariant.ts";
import { Keyspace } from "./keyspace.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { KEY_BYTES_MAX } from "./options.ts";
import { type StoreContext, StoreReader } from "./reader.ts";
import { BATCH_HEADER_BYTES, WriteBatch } from "./write_batch.ts";

/** What the stores of a database share, of one in memory. */
function newContext(): StoreContext & AsyncDisposable {
  const db = openDatabase("db", {}, new MemoryFileSystem());
  invariant(db instanceof StoreReader, "a database is a reader");
  const { engine } = db.context as StoreContext;
  return {
    engine,
    turns: webSurroundings,
    spareBatches: [],
    spareValues: [],
    [Symbol.asyncDispose]: () => db.close(),
  };
}

function spaceOf<K, V>(key: KeyCodec<K>, value: Codec<V>, prefix = ""): Keyspace<K, V> {
  return new Keyspace(key, value, new TextEncoder().encode(prefix), true);
}

/** What makes the same batch of the same entries. */
function expected(...entries: [string, string | null][]): Uint8Array {
  const batch = new WriteBatch();
  for (const [key, value] of entries) {
    const keyBytes = utf8.encode(key);
    if (value === null) batch.delete(keyBytes, 0, keyBytes.length);
    else {
      const valueBytes = utf8.encode(value);
      batch.put(keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length);
    }
  }
  return batch.buffer.slice(0, batch.byteLength);
}

Deno.test("Entries of all codecs come out as the same bytes", async () => {
  await using context = newContext();
  const batch = new WriteBatch();
  const asText = spaceOf(utf8, utf8);
  addPut(context, asText, "a", "1", () => batch);
  addDelete(context, asText, "b", () => batch);
  const asBytes = spaceOf(bytes, bytes);
  addPut(context, asBytes, utf8.encode("c"), EMPTY_BYTES, () => batch);
  addDelete(context, asBytes, utf8.encode("d"), () => batch);
  addPut(context, spaceOf(bytes, utf8, "!s!"), utf8.encode("e"), "5", () => batch);
  assertEquals(
    batch.buffer.slice(0, batch.byteLength),
    expected(["a", "1"], ["b", null], ["c", ""], ["d", null], ["!s!e", "5"]),
  );
});

Deno.test("The batch is asked for after the codecs were, and only for what can be encoded", async () => {
  await using context = newContext();
  let asked = 0;
  const target = (size: number) => {
    asked++;
    assertEquals(size, 2);
    return new WriteBatch();
  };
  const watching: Codec<string> = {
    ordered: false,
    encode(value) {
      assertEquals(asked, 0);
      return utf8.encode(value);
    },
    decode: utf8.decode,
  };
  addPut(context, spaceOf(utf8, watching), "k", "v", target);
  assertEquals(asked, 1);
  const tooLong = new Uint8Array(KEY_BYTES_MAX + 1);
  const never = () => {
    throw new Error("asked for");
  };
  for (const space of [spaceOf(bytes, bytes), spaceOf(bytes, bytes, "!s!")]) {
    assertThrows(() => addPut(context, space, tooLong, EMPTY_BYTES, never), VarveError, "limit");
    assertThrows(() => addDelete(context, space, tooLong, never), VarveError, "limit");
    assertThrows(() => addPut(context, space, "k" as never, EMPTY_BYTES, never), TypeError);
  }
});

Deno.test("A batch is committed once, also if that fails, and its memory is used again, empty", async () => {
  await using context = newContext();
  const first = new BatchState(context);
  const memory = addPut(context, spaceOf(utf8, utf8), "a", "1", () => first.pending("add to"));
  first.added(memory);
  first.commit(() => assertThrows(() => first.pending("add to"), VarveError, "already"));
  assertThrows(() => first.commit(() => 1), VarveError, "Cannot commit batch: it is committed");
  assertEquals([first.count, first.byteLength], [1, expected(["a", "1"]).length]);
  assertEquals([memory.count, context.spareBatches], [0, [memory]]);

  const second = new BatchState(context);
  assertEquals([second.count, second.byteLength], [0, BATCH_HEADER_BYTES]);
  assertEquals(second.pending("write"), memory);
  assertThrows(
    () =>
      second.commit(() => {
        throw new RangeError("the disk is full");
      }),
    RangeError,
  );
  assertThrows(() => second.pending("write"), VarveError, "Cannot write batch");
  assertEquals(context.spareBatches, [memory]);
});

Deno.test("Only a few spare batches are kept", async () => {
  await using context = newContext();
  const states = Array.from({ length: 10 }, () => new BatchState(context));
  for (const state of states) state.commit(() => {});
  assertEquals(context.spareBatches.length, 4);
});
