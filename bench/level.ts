/**
 * **What.** Our Level database beside `classic-level`, in one process and on one disk: each round does the same work on
 * both, one after the other, and the median of the rounds is printed. A round before them is not counted: in it our
 * code is compiled, and classic-level is compiled code.
 *
 * ```sh
 * deno run --allow-all bench/level.ts --rounds=7
 * ```
 *
 * **Read next.** `peers.ts`
 *
 * @module
 */
import { ClassicLevel } from "classic-level";
import { parseArgs } from "node:util";
import { VarveLevel } from "../lib/level.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "7" },
    count: { type: "string", default: "20000" },
  },
});
const rounds = Number(flags.rounds);
const count = Number(flags.count);
const keys = Array.from({ length: count }, (_, i) => String(i).padStart(16, "0"));
const value = "v".repeat(100);
/** Visits all keys, in an order that no cache can foresee. */
const scattered = keys.map((_, i) => keys[(i * 7919) % count]!);

type Work = (db: VarveLevel) => Promise<number | void>;

const works: Record<string, Work> = {
  "put, each awaited": async (db) => {
    for (const key of scattered) await db.put(key, value);
  },
  "put, 100 at a time": async (db) => {
    for (let i = 0; i < count; i += 100) {
      await Promise.all(scattered.slice(i, i + 100).map((key) => db.put(key, value)));
    }
  },
  "batch of 1000": async (db) => {
    for (let i = 0; i < count; i += 1000) {
      await db.batch(keys.slice(i, i + 1000).map((key) => ({ type: "put", key, value })));
    }
  },
  "compactRange": (db) => db.compactRange("", "~"),
  "get": async (db) => {
    let bytes = 0;
    for (const key of scattered) bytes += (await db.get(key))!.length;
    return bytes;
  },
  "getSync": (db) => {
    let bytes = 0;
    for (const key of scattered) bytes += db.getSync(key)!.length;
    return Promise.resolve(bytes);
  },
  "getMany of 100": async (db) => {
    for (let i = 0; i < count; i += 100) await db.getMany(scattered.slice(i, i + 100));
  },
  "iterate with for await": async (db) => {
    let bytes = 0;
    for await (const [, found] of db.iterator()) bytes += found.length;
    return bytes;
  },
  "iterate with all()": async (db) => (await db.iterator().all()).length,
  "keys with all()": async (db) => (await db.keys().all()).length,
  "as bytes, with all()": async (db) =>
    (await db.iterator({ keyEncoding: "view", valueEncoding: "view" } as never).all()).length,
  "clear": (db) => db.clear(),
};

const times = new Map<string, number[]>();
for (let round = -1; round < rounds; round++) {
  for (const [engine, Level] of Object.entries({ varve: VarveLevel, classic: ClassicLevel })) {
    const directory = await Deno.makeTempDir({ prefix: "varve_level_bench_" });
    const db = new (Level as typeof VarveLevel)(directory);
    await db.open();
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now();
      await work(db);
      if (round < 0) continue;
      const nanoseconds = (performance.now() - start) * 1e6 / count;
      const key = `${engine} ${name}`;
      times.set(key, [...times.get(key) ?? [], nanoseconds]);
    }
    await db.close();
    await Deno.remove(directory, { recursive: true });
  }
}

const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
console.log(`| ns for each of ${count} entries | VarveLevel | classic-level | ratio |`);
console.log("| -- | --: | --: | --: |");
for (const name of Object.keys(works)) {
  const [ours, theirs] = ["varve", "classic"].map((engine) =>
    median(times.get(`${engine} ${name}`)!)
  );
  const cells = [name, ours!.toFixed(0), theirs!.toFixed(0), (ours! / theirs!).toFixed(2)];
  console.log(`| ${cells.join(" | ")} |`);
}
