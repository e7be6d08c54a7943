/**
 * **What.** Varve beside `classic-level`, which is LevelDB itself as a native addon: `deno task bench:peers [ENTRIES
 * [ROUNDS [bytes|strings]]]`. Each round runs each engine once, in a process of its own, in turns; what is printed is
 * the median of the rounds and the ratio of the two. Only ratios from one run mean anything on another machine.
 *
 * **Read next.** `README.md`
 *
 * @module
 */
import { join } from "@std/path";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** One line of a child's output. */
interface Measurement {
  readonly engine: string;
  readonly workload: Workload;
  readonly operations: number;
  readonly ms: number;
  readonly rss: number;
}

const ENGINES = ["varve", "classic-level"] as const;

/** Runs one engine through all workloads, in a process and a directory of its own. */
async function measure(engine: string, count: number, kind: string): Promise<Measurement[]> {
  const root = await Deno.makeTempDir({ prefix: "bench-" });
  try {
    const program = join(import.meta.dirname!, "engines.ts");
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, engine, String(count), root, kind],
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`${engine} failed`);
    return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function thousands(perSecond: number): string {
  return `${(perSecond / 1000).toFixed(perSecond < 1e5 ? 1 : 0)} k`;
}

async function main(count: number, rounds: number, kind: string): Promise<void> {
  const all: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const engine of ENGINES) {
      console.error(`round ${round + 1} of ${rounds}: ${engine}`);
      all.push(...await measure(engine, count, kind));
    }
  }
  const rates = (engine: string, workload: Workload) =>
    median(
      all.filter((m) => m.engine === engine && m.workload === workload)
        .map((m) => m.operations / m.ms * 1000),
    );
  console.log(`| workload | Varve, ops/s | classic-level, ops/s | ratio |\n|---|---|---|---|`);
  for (const workload of WORKLOADS) {
    const [ours, theirs] = [rates("varve", workload), rates("classic-level", workload)];
    const ratio = (ours / theirs).toFixed(2);
    console.log(`| ${workload} | ${thousands(ours)} | ${thousands(theirs)} | ${ratio} |`);
  }
  for (const engine of ENGINES) {
    const loads = all.filter((m) => m.engine === engine && m.workload === "fillseq");
    const rss = median(loads.map((m) => m.rss)) / 2 ** 20;
    console.log(`\nResident after loading ${count} entries: ${engine} ${rss.toFixed(0)} MiB`);
  }
}

if (import.meta.main) {
  const [count = "1000000", rounds = "3", kind = "bytes"] = Deno.args;
  await main(Number(count), Number(rounds), kind);
}
