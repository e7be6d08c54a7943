/**
 * **What.** Results as they are kept: one JSON file in `results/` for each kind of run, with the day, the versions and
 * the machine, and without anything that names a computer or a person. `report.ts` makes tables and plots of them.
 *
 * **Read next.** `table.ts`
 *
 * @module
 */
import { cpus, release, totalmem, type } from "node:os";
import type { Percentiles } from "./histogram.ts";
import type { Load } from "./workloads.ts";

const DIRECTORY = new URL("results/", import.meta.url);

/** When and where something was measured. */
export interface Circumstances {
  /** The day, in UTC. */
  readonly date: string;
  /** Of Deno and V8. */
  readonly deno: string;
  /** System and release. */
  readonly system: string;
  /** The processor. */
  readonly processor: string;
  /** How many of its cores there are. */
  readonly cores: number;
  /** Memory of the machine. */
  readonly memoryGiB: number;
}

/** A workload on an engine. */
export interface Rate {
  /** The engine. */
  readonly engine: string;
  /** The workload. */
  readonly workload: string;
  /** Operations a second, in each round. */
  readonly perSecond: number[];
  /** How many operations in the last round. */
  operations: number;
  /** How many it would have been with more time. */
  planned: number;
  /** The most memory in any round. */
  peakBytes?: number | undefined;
  /** How long single operations took, measured in a round of its own. */
  latency?: Percentiles | undefined;
}

/** What `peers.ts` finds. */
export interface PeerResults extends Circumstances {
  /** Which version of each engine. */
  readonly versions: Record<string, string>;
  /** How it was measured. */
  readonly options: {
    readonly count: number;
    readonly rounds: number;
    readonly settings: string;
    readonly kind: string;
    readonly seconds: number;
  };
  /** Each workload on each engine. */
  readonly rates: readonly Rate[];
  /** Each load on each engine, in the last round. */
  readonly loads: readonly (Load & { readonly engine: string })[];
}

/** What is so now. */
export function circumstances(): Circumstances {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    deno: `${Deno.version.deno}, V8 ${Deno.version.v8}`,
    system: `${type()} ${release()}`,
    processor: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** Circumstances as a line of text. */
export function describeCircumstances(of: Circumstances): string {
  return `${of.date}, ${of.processor}, ${of.cores} cores, ${of.memoryGiB} GiB, ${of.system}, Deno ${of.deno}`;
}

/** Results as they are kept: JSON whose lists have a line for each element. */
export function resultsText(results: object): string {
  const fields = Object.entries(results).map(([field, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((it) => `    ${JSON.stringify(it)}`).join(",\n")}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(field)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}

/** Keeps results, under a name without an ending. */
export async function writeResults(name: string, results: object): Promise<void> {
  await Deno.mkdir(DIRECTORY, { recursive: true });
  await Deno.writeTextFile(new URL(`${name}.json`, DIRECTORY), resultsText(results));
}

/** Reads what was kept; `undefined` if there is nothing of that name. */
export async function readResults<T>(name: string): Promise<T | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, DIRECTORY)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
