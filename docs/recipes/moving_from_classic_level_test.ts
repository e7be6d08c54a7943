import { assertEquals } from "@std/assert";
import { json, open } from "@varve/varve";
import { inProcesses, onDisk } from "../../tests/permissions.ts";
import { type Note, withNotes } from "./moving_from_classic_level.ts";
import { printedBy } from "./run.ts";

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_moving_" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test(
  "the program runs on Varve, and its entries are where open() finds them",
  onDisk,
  () =>
    inDirectory(async (directory) => {
      await withNotes(directory, async (notes) => {
        await notes.write("1", { text: "One", tags: ["a", "b"] });
        await notes.write("2", { text: "Two", tags: ["b", "bb"] });
        await notes.write("1", { text: "One again", tags: ["b"] });
        assertEquals(await notes.tagged("a"), []);
        assertEquals(await notes.tagged("b"), ["One again", "Two"]);
      });
      await using db = await open(directory);
      assertEquals([...db.sublevel("tag").keysSync()], ["b:1", "b:2", "bb:2"]);
      const notes = db.sublevel("note", { value: json<Note>() });
      assertEquals(await notes.get("2"), { text: "Two", tags: ["b", "bb"] });
    }),
);

Deno.test(
  "the same directory goes to Varve and back, with the permissions that the recipe names",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      assertEquals(await printedBy("moving_from_classic_level", directory), [
        "classic-level  today: Buy milk,Call Ada",
        "Varve          today: Buy milk,Call Ada",
        "Varve          today: Call Ada,Sleep",
        "classic-level  today: Call Ada,Sleep",
        "Varve itself   1: Milk is bought",
        "Varve itself   2: Call Ada",
        "Varve itself   3: Sleep",
      ]);
    }),
);
