/**
 * **What.** The whole engine, beside others: `deno task bench:peers`, `--help` for its options; `deno task bench` runs
 * Varve alone. Each stage of workloads runs on one engine after the other, each time in a process and a directory of
 * its own, round after round; one more round times single operations. It prints a table and, with `--write`, keeps
 * the results, from which `report.ts` makes tables and plots of `README.md`.
 *
 * **Invariants.**
 * 1. No two engines ever run at the same time.
 * 2. An engine that is not there, or fails, is left out with a word on why; if it is Varve, all fails.
 *
 * **Read next.** `results.ts`
 *
 * @module
 */
import { join } from "@std/path";
import { type EngineName, ENGINES } from "./engine.ts";
import { readFlags } from "./flags.ts";
import { rateTable } from "./report.ts";
import { circumstances, type PeerResults, type Rate, writeResults } from "./results.ts";
import {
  type Load,
  type Measurement,
  type Request,
  type Stage,
  STAGES,
  type Version,
  WORKLOADS,
} from "./workloads.ts";

const FLAGS = {
  engines: [Object.keys(ENGINES), "which engines"],
  stages: [Object.keys(STAGES), "which stages; each is a database and the workloads on it"],
  workloads: [[] as string[], "only the stages that these are in, and only these in the table"],
  count: [1_000_000, "entries"],
  rounds: [3, "how often; the table has medians"],
  settings: [
    ["matched"] as string[],
    "matched: 4 MiB memtable, 8 MiB cache, 10 filter bits; defaults: their own",
  ],
  kind: ["bytes", "what keys and values are: bytes or strings"],
  seconds: [10, "after so many a workload is cut short"],
  latency: [true, "whether to time single operations in one more round"],
  write: [false, "whether to keep the results in bench/results"],
} as const;

/** Not a dependency of the repository: the process that measures it gets it by a configuration of its own. */
const LMDB = {
  "deno.json": {
    imports: { lmdb: "npm:lmdb@3.5.6" },
    nodeModulesDir: "none",
    allowScripts: { deny: ["npm:lmdb", "npm:msgpackr-extract"] },
  },
  // An optional part whose newest release lacks some of its own parts in some registries.
  "package.json": { overrides: { "msgpackr-extract": "3.0.3" } },
};

/** How a process is started that measures an engine. */
type Command = (request: Request) => { program: string; args: string[] };

async function compileLevelDb(directory: string): Promise<string> {
  const program = join(directory, "leveldb");
  const source = join(import.meta.dirname!, "leveldb.cc");
  const args = ["-O2", "-std=c++17", "-DNDEBUG", source, "-o", program, "-lleveldb", "-lpthread"];
  const result = await new Deno.Command("g++", { args }).output().catch(() => undefined);
  if (result?.success) return program;
  throw new Error("it takes g++ and LevelDB's headers, e.g. apt-get install g++ libleveldb-dev");
}

/** Makes what is needed to measure an engine. */
async function prepare(engine: EngineName, directory: string): Promise<Command> {
  if (engine === "leveldb") {
    const program = await compileLevelDb(directory);
    return ({ stage, directory, count, settings, seconds, latency }) => ({
      program,
      args: [
        ...[stage, directory, count, settings, seconds].map(String),
        latency ? "latency" : "rates",
      ],
    });
  }
  const flags: string[] = [];
  if (engine === "deno-kv") flags.push("--unstable-kv");
  if (engine === "lmdb") {
    for (const [name, content] of Object.entries(LMDB)) {
      await Deno.writeTextFile(join(directory, name), JSON.stringify(content));
    }
    flags.push("--no-lock", `--config=${join(directory, "deno.json")}`);
  }
  const program = join(import.meta.dirname!, "stages.ts");
  // Deno would write compiled code to its cache meanwhile, which would count as written bytes.
  const args = ["run", "-A", "--no-check", "--no-code-cache", ...flags, program];
  return (request) => ({
    program: Deno.execPath(),
    args: [...args, JSON.stringify(request)],
  });
}

type Line = Measurement | Load | Version;

/** Runs a stage on an engine, in a process and a directory of its own. */
export async function measure(command: Command, request: Omit<Request, "directory">) {
  const directory = await Deno.makeTempDir({ prefix: "varve-bench-" });
  try {
    const { program, args } = command({ ...request, directory });
    const child = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" });
    const { stdout, stderr, success } = await child.output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(decoder.decode(stderr).trim());
    const lines = decoder.decode(stdout).trim().split("\n");
    return lines.map((line): Line => JSON.parse(line));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Gathers what processes print. */
class Collector {
  readonly versions: Record<string, string> = {};
  readonly rates: Rate[] = [];
  readonly loads: (Load & { engine: string })[] = [];

  add(engine: string, line: Line, isLatencyRound: boolean): void {
    if ("version" in line) this.versions[engine] = line.version;
    else if ("after" in line) this.#addLoad({ engine, ...line }, isLatencyRound);
    else this.#addMeasurement(engine, line, isLatencyRound);
  }

  #addLoad(load: Load & { engine: string }, isLatencyRound: boolean): void {
    if (isLatencyRound) return;
    const at = this.loads.findIndex((it) => it.engine === load.engine && it.after === load.after);
    this.loads.splice(at < 0 ? this.loads.length : at, at < 0 ? 0 : 1, load);
  }

  #addMeasurement(engine: string, line: Measurement, isLatencyRound: boolean): void {
    const { workload, operations, planned, ms, peakBytes, latency } = line;
    let rate = this.rates.find((it) => it.engine === engine && it.workload === workload);
    if (rate === undefined) {
      rate = { engine, workload, perSecond: [], operations, planned };
      this.rates.push(rate);
    }
    if (isLatencyRound) {
      rate.latency = latency;
      return;
    }
    rate.perSecond.push(Number((operations / ms * 1000).toPrecision(4)));
    rate.operations = operations;
    rate.planned = planned;
    if (peakBytes !== undefined) rate.peakBytes = Math.max(peakBytes, rate.peakBytes ?? 0);
  }
}

/** What is asked for, as flags have it. */
export type PeerOptions = {
  engines: string[];
  stages: string[];
  workloads: string[];
  count: number;
  rounds: number;
  settings: string;
  kind: string;
  seconds: number;
  latency: boolean;
};

/** Runs everything that is asked for. */
export async function runPeers(options: PeerOptions): Promise<PeerResults> {
  const { count, rounds, settings, kind, seconds, latency, workloads } = options;
  const collector = new Collector();
  const tools = await Deno.makeTempDir({ prefix: "varve-bench-tools-" });
  const commands = new Map<EngineName, Command>();
  const leaveOut = (engine: EngineName, error: unknown) => {
    if (engine === "varve") throw error;
    commands.delete(engine);
    console.error(`${engine} is left out: ${(error as Error).message}`);
  };
  try {
    for (const engine of options.engines as EngineName[]) {
      await prepare(engine, tools).then(
        (command) => commands.set(engine, command),
        (error) => leaveOut(engine, error),
      );
    }
    const stages = (options.stages as Stage[]).filter((stage) =>
      workloads.length === 0 || workloads.some((it) => it in STAGES[stage])
    );
    for (let round = 1; round <= rounds + (latency ? 1 : 0); round++) {
      const isLatencyRound = round > rounds;
      for (const stage of stages) {
        for (const [engine, command] of commands) {
          const which = isLatencyRound ? "latency" : `round ${round} of ${rounds}`;
          console.error(`${which}: ${stage}, ${engine}`);
          const request = {
            engine,
            stage,
            count,
            settings,
            kind,
            seconds,
            latency: isLatencyRound,
          };
          try {
            const lines = await measure(command, request as Omit<Request, "directory">);
            for (const line of lines) collector.add(engine, line, isLatencyRound);
          } catch (error) {
            leaveOut(engine, error);
          }
        }
      }
    }
  } finally {
    await Deno.remove(tools, { recursive: true });
  }
  const isChosen = ({ workload }: Rate) => workloads.length === 0 || workloads.includes(workload);
  return {
    ...circumstances(),
    versions: collector.versions,
    options: { count, rounds, settings, kind, seconds },
    rates: collector.rates.filter(isChosen),
    loads: collector.loads,
  };
}

function checkKnown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((it) => !known.includes(it));
  if (unknown.length === 0) return;
  console.error(`Not one of the ${what}: ${unknown.join(", ")}. There are: ${known.join(", ")}`);
  Deno.exit(1);
}

if (import.meta.main) {
  const flags = readFlags("Measures the whole engine beside others.", FLAGS);
  checkKnown("engines", flags.engines, Object.keys(ENGINES));
  checkKnown("stages", flags.stages, Object.keys(STAGES));
  checkKnown("workloads", flags.workloads, WORKLOADS);
  checkKnown("settings", flags.settings, ["matched", "defaults"]);
  checkKnown("kinds", [flags.kind], ["bytes", "strings"]);
  for (const settings of flags.settings) {
    const engines = (flags.engines as EngineName[]).filter((it) =>
      settings === "matched" || ENGINES[it]?.hasSettings
    );
    const results = await runPeers({ ...flags, engines, settings });
    console.log(`\n${rateTable(results)}\n`);
    if (flags.write) await writeResults(`peers-${settings}-${flags.kind}`, results);
  }
}
