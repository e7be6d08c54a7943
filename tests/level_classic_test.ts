/**
 * **What.** A program sees of our Level database what it sees of `classic-level`: one program is run on both, and its
 * results are compared, errors by their codes. And the two take turns on one directory, sublevels included.
 *
 * **Invariants.**
 * 1. What is compared is compared whole.
 *
 * **Read next.** `fixtures/level_behaviours.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { generator } from "../lib/random.ts";
import { type LevelDBOptions, VarveLevel } from "../lib/level.ts";
import { runDeno } from "./fixtures/deno_program.ts";
import { type Entry, type Operation, Peer } from "./fixtures/line_protocol.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";

type Results = Record<string, unknown>;

async function behaviours(engine: "varve" | "classic", directory: string): Promise<Results> {
  const program = "tests/fixtures/level_behaviours.ts";
  await Deno.mkdir(directory);
  const { text, errors, code } = await runDeno(["--allow-all", program, engine, directory]);
  assertEquals(code, 0, errors);
  return JSON.parse(text);
}

Deno.test(
  "a program cannot tell it from classic-level",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const [ours, classic] = await Promise.all([
        behaviours("varve", `${directory}/varve`),
        behaviours("classic", `${directory}/classic`),
      ]);
      assert(Object.keys(ours).length >= 34, `${Object.keys(ours)}`);
      for (const [name, result] of Object.entries(classic)) assertEquals(ours[name], result, name);
      assertEquals(Object.keys(ours), Object.keys(classic));
      // What both may not have got wrong together.
      const error = (...codes: string[]) => ({ error: codes });
      assertEquals(
        ours["a directory that is open: LEVEL_LOCKED"],
        error("LEVEL_DATABASE_NOT_OPEN", "LEVEL_LOCKED"),
      );
      assertEquals(
        ours["a damaged CURRENT: LEVEL_CORRUPTION"],
        error("LEVEL_DATABASE_NOT_OPEN", "LEVEL_CORRUPTION"),
      );
      assertEquals(ours["close() waits for what was begun"], "value");
      assertEquals(ours["destroy()"], [
        null,
        ["notes.txt"],
        error("NotFound"),
        error("TypeError"),
        error("TypeError"),
      ]);
    }),
);

// ——— Taking turns on one directory ———

const FORMS = { keyEncoding: "view", valueEncoding: "view" } as const;
type Level = VarveLevel<Uint8Array, Uint8Array>;
const SMALL: LevelDBOptions = { writeBufferSize: 64 * 1024, maxFileSize: 1 << 20 };
/** The database itself, sublevels, and a sublevel of one of them. */
const PATHS: readonly (readonly string[])[] = [[], ["a"], ["b"], ["a", "inner"]];

function at(db: Level, path: readonly string[]): Level {
  let found = db;
  for (const name of path) {
    found = found.sublevel<Uint8Array, Uint8Array>(name, FORMS) as unknown as Level;
  }
  return found;
}

/** Puts and deletes of some of a thousand keys, all of which begin with a byte that no sublevel does. */
function someOperations(random: (below: number) => number): Operation[] {
  return Array.from({ length: 300 }, () => {
    const key = Uint8Array.of(0x30 + random(10), random(256), random(4)).toHex();
    const value = new Uint8Array(random(400)).fill(random(256)).toBase64();
    return [key, random(6) === 0 ? null : value];
  });
}

/** Pairs of keys, some of them the wrong way round. */
function someRanges(random: (below: number) => number): [start: string, end: string][] {
  const end = () => Uint8Array.of(0x20 + random(0x20), random(256)).toHex();
  return Array.from({ length: 50 }, () => [end(), end()]);
}

function asBatch(operations: readonly Operation[]) {
  return operations.map(([key, value]) =>
    value === null ? { type: "del" as const, key: Uint8Array.fromHex(key) } : {
      type: "put" as const,
      key: Uint8Array.fromHex(key),
      value: Uint8Array.fromBase64(value) as Uint8Array,
    }
  );
}

async function entriesOf(level: Level): Promise<Entry[]> {
  const entries = await level.iterator().all();
  return entries.map(([key, value]) => [key.toHex(), value.toBase64()]);
}

Deno.test(
  "it and classic-level take turns on one directory, sublevels included",
  inProcesses,
  () =>
    inDirectory(async (directory) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      console.log(`seed ${seed}`);
      const random = generator(seed);
      const models = PATHS.map(() => new Map<string, string>());
      const apply = (model: Map<string, string>, operations: readonly Operation[]) => {
        for (const [key, value] of operations) {
          if (value === null) model.delete(key);
          else model.set(key, value);
        }
      };
      /** What a store must hold: the database itself has everything, below the prefixes of the sublevels. */
      const expected = (place: number): Entry[] => {
        const found: Entry[] = [];
        const start = PATHS[place]!.length;
        for (const [i, path] of PATHS.entries()) {
          if (PATHS[place]!.some((name, depth) => path[depth] !== name)) continue;
          const prefix = path.slice(start).map((name) => `!${name}!`).join("");
          for (const [key, value] of models[i]!) {
            found.push([new TextEncoder().encode(prefix).toHex() + key, value]);
          }
        }
        return found.sort(([a], [b]) => a < b ? -1 : 1);
      };

      await using classic = new Peer("classic_level.ts", [
        "--allow-read",
        "--allow-write",
        "--allow-env",
        "--allow-ffi",
        "--allow-sys",
        "--allow-run",
      ]);
      for (let round = 0; round < 6; round++) {
        // Theirs first.
        await classic.ask("open", { directory, options: SMALL });
        for (const [i, path] of PATHS.entries()) {
          assertEquals(
            await classic.ask("entries", { path }),
            expected(i),
            `theirs, round ${round}`,
          );
          const operations = someOperations(random);
          await classic.ask("write", { operations, path });
          apply(models[i]!, operations);
        }
        if (round % 2 === 1) await classic.ask("compact");
        const tables = await classic.ask("tables");
        const ranges = someRanges(random);
        const sizes = await classic.ask("sizes", ranges);
        await classic.ask("close");

        const db: Level = new VarveLevel<Uint8Array, Uint8Array>(directory, { ...FORMS, ...SMALL });
        await db.open();
        if (round % 2 === 1) {
          const counts = [0, 1, 2, 3, 4, 5, 6].map((n) =>
            Number(db.getProperty(`leveldb.num-files-at-level${n}`))
          );
          assertEquals(counts.slice(1), (tables as number[]).slice(1));
          // The tables are the same, so the numbers are.
          assert((sizes as number[]).filter((size) => size > 0).length > ranges.length / 4);
          for (const [i, [start, end]] of ranges.entries()) {
            const [first, last] = [Uint8Array.fromHex(start), Uint8Array.fromHex(end)];
            const size = await db.approximateSize(first, last);
            assertEquals(size, (sizes as number[])[i], `from ${start} to ${end}`);
          }
        }
        for (const [i, path] of PATHS.entries()) {
          const level = at(db, path);
          assertEquals(await entriesOf(level), expected(i), `ours, round ${round}`);
          const operations = someOperations(random);
          await level.batch(asBatch(operations));
          apply(models[i]!, operations);
        }
        if (round % 3 === 2) await db.compactRange(new Uint8Array(), new Uint8Array(8).fill(0xff));
        await db.close();
      }
    }),
);
