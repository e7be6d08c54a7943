/**
 * **What.** Deno KV: Varve's and the runtime's own, on files, in turns of the same run.
 *
 * `deno bench` measures what the calls cost on a disk in memory. The comparison needs the runtime's Deno KV and a real
 * disk: `deno run --unstable-kv --allow-read --allow-write --allow-env lib/kv_bench.ts`, with `--rounds=7` and
 * `--count=500` to change how much it does.
 *
 * A `set` of the runtime's ends with one `fsync` of SQLite's write-ahead log (as `strace -f -e trace=fsync` shows), so
 * the `set` beside it is with `sync: true`, the default, which ends with one `fdatasync`. That takes most of the time
 * of both, so one `set` awaited after another is about as fast on either; several at a time share syncs on Varve only.
 *
 * @module
 */
import { openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const PEOPLE = 1000;
const person = (i: number) => ({
  name: `Ada ${i}`,
  age: i % 90,
  tags: ["a", "b"],
  text: "x".repeat(100),
});

/** Microseconds a call, on both, and how many times as fast ours is. */
interface Measured {
  readonly what: string;
  readonly theirs: number;
  readonly ours: number;
}

type Work = (kv: Deno.Kv, count: number) => Promise<unknown>;

/** The work that is compared; each does `count` calls. */
const works: Readonly<Record<string, Work>> = {
  "set, one awaited after another": async (kv, count) => {
    for (let i = 0; i < count; i++) await kv.set(["person", i % PEOPLE], person(i));
  },
  "set, 64 at a time": async (kv, count) => {
    for (let i = 0; i < count; i += 64) {
      const group = Array.from({ length: Math.min(64, count - i) }, (_, j) => i + j);
      await Promise.all(group.map((n) => kv.set(["person", n % PEOPLE], person(n))));
    }
  },
  "get, one awaited after another": async (kv, count) => {
    for (let i = 0; i < count; i++) await kv.get(["person", (i * 7) % PEOPLE]);
  },
  "list, an entry": async (kv, count) => {
    for (let left = count; left > 0;) {
      const limit = Math.min(left, PEOPLE);
      for await (const _ of kv.list({ prefix: ["city"] }, { limit })) left--;
    }
  },
};

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

async function compare(rounds: number, count: number): Promise<Measured[]> {
  const directory = await Deno.makeTempDir();
  try {
    const theirs = await Deno.openKv(`${directory}/kv.sqlite3`);
    const ours = await openKv(`${directory}/kv`);
    for (const kv of [theirs, ours]) {
      for (let i = 0; i < PEOPLE; i += 500) {
        const operation = kv.atomic();
        for (let j = i; j < i + 500; j++) {
          operation.set(["person", j], person(j)).set(["city", j], person(j));
        }
        await operation.commit();
      }
    }
    const measured: Measured[] = [];
    for (const [what, work] of Object.entries(works)) {
      const calls = what.startsWith("set, one") ? count : count * 8;
      const times = { theirs: [] as number[], ours: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        for (const [side, kv] of [["theirs", theirs], ["ours", ours]] as const) {
          const start = performance.now();
          await work(kv, calls);
          // The first round is for warming up.
          if (round > 0) times[side].push(1000 * (performance.now() - start) / calls);
        }
      }
      measured.push({ what, theirs: median(times.theirs), ours: median(times.ours) });
    }
    theirs.close();
    await ours.close();
    return measured;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What is asked for with `--name=number`. */
function argument(name: string, otherwise: number): number {
  const found = Deno.args.find((it) => it.startsWith(`--${name}=`));
  return found === undefined ? otherwise : Number(found.slice(name.length + 3));
}

if (import.meta.main && "openKv" in Deno) {
  const rounds = argument("rounds", 7);
  for (const { what, theirs, ours } of await compare(rounds, argument("count", 500))) {
    const times = (theirs / ours).toFixed(1);
    console.log(
      `${what}: runtime ${theirs.toFixed(1)} µs, Varve ${
        ours.toFixed(1)
      } µs, ${times} times as fast`,
    );
  }
} else {
  const kv = await openKv("kv", { fileSystem: new MemoryFileSystem() });
  for (let i = 0; i < PEOPLE; i++) await kv.set(["person", i], person(i));
  let n = 0;
  Deno.bench("kv: set()", async () => {
    await kv.set(["person", n++ % PEOPLE], person(n));
  });
  Deno.bench("kv: get()", async () => {
    await kv.get(["person", n++ % PEOPLE]);
  });
  Deno.bench("kv: a list of 1000", async () => {
    for await (const _ of kv.list({ prefix: ["person"] }));
  });
}
