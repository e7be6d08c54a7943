import { assertEquals } from "@std/assert";
import { bytes } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { changeSince, CHECKPOINT_PREFIX, CheckpointPlace } from "./load_checkpoint.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const input = { size: 10, changedMs: 20, hash: "ab" };
const progress = { offset: 5, line: 2, entries: 1, skipped: 0, errors: null, state: null };
const checkpoint = { input, layout: "[]", progress };

Deno.test("a checkpoint is there with its batch, and gone with the last one", async () => {
  const fileSystem = new MemoryFileSystem();
  await using database = openDatabase("db", { key: bytes, value: bytes }, fileSystem);
  const place = new CheckpointPlace(database, "/input");
  const batch = database.batch();
  place.addTo(batch, checkpoint);
  assertEquals(place.read(), undefined);
  await batch.commit();
  assertEquals(place.read(), checkpoint);
  assertEquals(new CheckpointPlace(database, "/other").read(), undefined);
  const [key] = [...database.keysSync()];
  assertEquals(key!.subarray(0, CHECKPOINT_PREFIX.length), CHECKPOINT_PREFIX);
  const last = database.batch();
  place.removeIn(last);
  await last.commit();
  assertEquals([...database.keysSync()], []);
});

Deno.test("a checkpoint that is not understood is none", async () => {
  const fileSystem = new MemoryFileSystem();
  await using database = openDatabase("db", { key: bytes, value: bytes }, fileSystem);
  const key = new TextEncoder().encode("!varve-load!/input");
  for (
    const text of [
      "",
      "{",
      '{"version":2}',
      '{"version":1}',
      '{"version":1,"input":{},"layout":"","progress":{}}',
    ]
  ) {
    await database.put(key, new TextEncoder().encode(text));
    assertEquals(new CheckpointPlace(database, "/input").read(), undefined, text);
  }
});

Deno.test("changeSince() sees another file and other options", () => {
  assertEquals(changeSince(checkpoint, { ...input }, "[]"), undefined);
  for (const other of [{ size: 11 }, { changedMs: 21 }, { hash: "cd" }]) {
    assertEquals(changeSince(checkpoint, { ...input, ...other }, "[]"), "the file has changed");
  }
  assertEquals(changeSince(checkpoint, input, "[1]"), "the options are others");
});
