/**
 * **What.** Moving from classic-level: a program with sublevels and JSON, moved by one line, on the same directory, and
 * back. It runs on classic-level, on Varve, and on classic-level again. Only classic-level needs more than to read and
 * write, since it is a native addon:
 * ```text
 * deno run --allow-read --allow-write --allow-env --allow-ffi docs/recipes/moving_from_classic_level.ts [DIRECTORY]
 * ```
 *
 * **Format.** What either writes, in LevelDB's files.
 * ```text
 * !note!id                       → the note, as JSON
 * !tag!tag:id                    → nothing: the notes of a tag
 * ```
 *
 * **Invariants.**
 * 1. The program does not know which of the two it runs on.
 *
 * **Read next.** `moving_from_classic_level_test.ts`
 *
 * @module
 */
// import { ClassicLevel } from "classic-level";
import { ClassicLevel } from "@varve/varve/level"; // the line that changes
import { json, open } from "@varve/varve";

/** What is kept. */
export interface Note {
  readonly text: string;
  readonly tags: readonly string[];
}

// #region program
/** The program, as it was written for classic-level. */
export class Notes {
  readonly #db: ClassicLevel;

  constructor(db: ClassicLevel) {
    this.#db = db;
  }

  get #notes() {
    return this.#db.sublevel<string, Note>("note", { valueEncoding: "json" });
  }

  get #tags() {
    return this.#db.sublevel("tag");
  }

  /** Writes a note, and that it has its tags. */
  async write(id: string, note: Note): Promise<void> {
    const before = await this.#notes.get(id);
    const gone = (before?.tags ?? []).map((tag) => `${tag}:${id}`);
    await this.#db.batch<string, string | Note>([
      ...gone.map((key) => ({ type: "del" as const, sublevel: this.#tags, key })),
      ...note.tags.map((tag) => (
        { type: "put" as const, sublevel: this.#tags, key: `${tag}:${id}`, value: "" }
      )),
      { type: "put", sublevel: this.#notes, key: id, value: note },
    ], { sync: true });
  }

  /** The notes of a tag. */
  async tagged(tag: string): Promise<string[]> {
    const keys = await this.#tags.keys({ gte: `${tag}:`, lt: `${tag};` }).all();
    const notes = await this.#notes.getMany(keys.map((key) => key.slice(tag.length + 1)));
    return notes.map((note) => note!.text);
  }
}
// #endregion

/**
 * Opens the notes with Varve.
 *
 * @param directory Where they are.
 * @param work What to do with them.
 */
export async function withNotes<T>(
  directory: string,
  work: (notes: Notes) => Promise<T>,
): Promise<T> {
  const db = new ClassicLevel(directory);
  try {
    return await work(new Notes(db));
  } finally {
    await db.close();
  }
}

/** The same with classic-level itself, which is only loaded here. */
async function withClassicNotes<T>(
  directory: string,
  work: (notes: Notes) => Promise<T>,
): Promise<T> {
  const native = await import("classic-level");
  const db = new native.ClassicLevel(directory) as unknown as ClassicLevel;
  try {
    return await work(new Notes(db));
  } finally {
    await db.close();
  }
}

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
  await withClassicNotes(directory, async (notes) => {
    await notes.write("1", { text: "Buy milk", tags: ["shop", "today"] });
    await notes.write("2", { text: "Call Ada", tags: ["today"] });
    print(`classic-level  today: ${await notes.tagged("today")}`);
  });
  await withNotes(directory, async (notes) => {
    print(`Varve          today: ${await notes.tagged("today")}`);
    await notes.write("1", { text: "Milk is bought", tags: ["shop"] });
    await notes.write("3", { text: "Sleep", tags: ["today"] });
    print(`Varve          today: ${await notes.tagged("today")}`);
  });
  await withClassicNotes(directory, async (notes) => {
    print(`classic-level  today: ${await notes.tagged("today")}`);
  });
  // #region own
  {
    await using db = await open(directory);
    const notes = db.sublevel("note", { value: json<Note>() });
    for await (const [id, { text }] of notes.entries()) print(`Varve itself   ${id}: ${text}`);
  }
  // #endregion
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_moving_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
