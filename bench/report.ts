/**
 * **What.** Tables and plots from what is kept in `results/`: `deno task bench:report` rewrites what follows a comment
 * such as `<!-- results: scale -->` in `README.md`, up to `<!-- end -->`, and the plots beside the results.
 *
 * **Invariants.**
 * 1. Every figure in such a part is from a file in `results/`; where there is none, it says so.
 * 2. Same results, same text.
 *
 * **Read next.** `amplification.ts`
 *
 * @module
 */
import type { AmplificationResults } from "./amplification.ts";
import { type EngineName, ENGINES } from "./engine.ts";
import type { Percentiles } from "./histogram.ts";
import type { OverloadResults } from "./overload.ts";
import { linePlot, ratioPlot } from "./plot.ts";
import { describeCircumstances, type PeerResults, type Rate, readResults } from "./results.ts";
import type { ScaleResults } from "./scale.ts";
import { figures, grouped, median, mib, table } from "./table.ts";
import { STAGES, WORKLOADS } from "./workloads.ts";

const README = new URL("README.md", import.meta.url);
const MARKED = /^<!-- results: (\S+) -->\n[^]*?^<!-- end -->$/gm;

/** The engines of a run, in the order of the tables. */
function enginesOf({ rates }: PeerResults): EngineName[] {
  return (Object.keys(ENGINES) as EngineName[]).filter((it) => rates.some((r) => r.engine === it));
}

/** What others are compared with: LevelDB, or its addon. */
function baselineOf(engines: readonly EngineName[]): EngineName | undefined {
  return engines.find((it) => it === "leveldb" || it === "classic-level");
}

/** Finds a workload on an engine. */
function finder({ rates }: PeerResults): (engine: string, workload: string) => Rate | undefined {
  return (engine, workload) =>
    rates.find((it) => it.engine === engine && it.workload === workload && it.perSecond.length > 0);
}

/** Thousands a second with the least and greatest of all rounds; milliseconds where an operation takes long. */
function rateCell(rate: Rate | undefined): string {
  if (rate === undefined) return "–";
  const { perSecond, operations, planned } = rate;
  const isTime = planned === 1;
  const numbers = perSecond.map((it) => isTime ? 1000 / it : it / 1000).sort((a, b) => a - b);
  const range = numbers.length > 1 ? ` (${figures(numbers[0]!)}–${figures(numbers.at(-1)!)})` : "";
  const unit = isTime ? " ms" : "";
  return `${figures(median(numbers))}${unit}${range}${operations < planned ? " *" : ""}`;
}

/**
 * The table of rates.
 *
 * @param results What was measured.
 * @returns A table in Markdown.
 */
export function rateTable(results: PeerResults): string {
  const engines = enginesOf(results);
  const baseline = baselineOf(engines);
  const find = finder(results);
  const hasRatio = baseline !== undefined && engines.includes("varve");
  const rows = WORKLOADS.filter((workload) => engines.some((it) => find(it, workload)))
    .map((workload) => {
      const cells = engines.map((engine) => rateCell(find(engine, workload)));
      if (!hasRatio) return [workload, ...cells];
      const [ours, theirs] = [find("varve", workload), find(baseline, workload)];
      const ratio = ours && theirs
        ? (median(ours.perSecond) / median(theirs.perSecond)).toFixed(2)
        : "–";
      return [workload, ratio, ...cells];
    });
  const ratioHead = hasRatio ? [`Varve ÷ ${ENGINES[baseline].title}`] : [];
  return table(
    ["thousand a second", ...ratioHead, ...engines.map((it) => ENGINES[it].title)],
    rows,
  );
}

function latencyCell(latency: Percentiles | undefined): string {
  if (latency === undefined) return "–";
  return [latency.p50, latency.p99, latency.p999].map(figures).join(" / ");
}

/** The table of times of single operations. */
function latencyTable(results: PeerResults): string {
  const engines = enginesOf(results);
  const find = finder(results);
  const rows = WORKLOADS.filter((workload) => engines.some((it) => find(it, workload)?.latency))
    .map((workload) => [
      workload,
      ...engines.map((engine) => latencyCell(find(engine, workload)?.latency)),
    ]);
  return table(["µs: p50 / p99 / p99.9", ...engines.map((it) => ENGINES[it].title)], rows);
}

/** The table of what loads cost in memory, disk and writes. */
function loadTable(results: PeerResults): string {
  const engines = enginesOf(results);
  const { loads } = results;
  const find = finder(results);
  const afters = [...new Set(loads.map(({ after }) => after))];
  const rows = afters.flatMap((after) => {
    const of = (engine: string) => loads.find((it) => it.engine === engine && it.after === after);
    const cells = (what: string, cell: (engine: string) => string) => [
      `${after}: ${what}`,
      ...engines.map(cell),
    ];
    return [
      cells("peak MiB", (it) => mib(find(it, after)?.peakBytes)),
      cells("resident MiB after it", (it) => mib(of(it)?.residentBytes)),
      cells("MiB on disk", (it) => mib(of(it)?.diskBytes)),
      cells("bytes written per byte put", (it) => {
        const load = of(it);
        return load?.writtenBytes === undefined ? "–" : figures(load.writtenBytes / load.putBytes);
      }),
    ];
  });
  return table(["after", ...engines.map((it) => ENGINES[it].title)], rows);
}

function peersPlot(results: PeerResults): string | undefined {
  const engines = enginesOf(results);
  const baseline = baselineOf(engines);
  if (baseline === undefined) return undefined;
  const find = finder(results);
  const others = engines.filter((it) => it !== baseline);
  const rows = WORKLOADS.flatMap((label) => {
    const base = find(baseline, label);
    if (base === undefined) return [];
    const ratios = others.map((engine) => {
      const rate = find(engine, label);
      return rate && median(rate.perSecond) / median(base.perSecond);
    });
    return ratios.some((it) => it !== undefined) ? [{ label, ratios }] : [];
  });
  const { settings, kind, count } = results.options;
  return ratioPlot(
    `Speed beside ${ENGINES[baseline].title}: ${
      grouped(count)
    } entries, ${settings} settings, ${kind}`,
    `Operations a second ÷ those of ${
      ENGINES[baseline].title
    } in the same run; to the right is faster`,
    others.map((it) => ENGINES[it].title),
    rows,
  );
}

async function peersPart(name: string): Promise<string | undefined> {
  const results = await readResults<PeerResults>(name);
  if (results === undefined) return undefined;
  const plot = peersPlot(results);
  if (plot !== undefined) await writePlot(name, plot);
  const { count, rounds, seconds } = results.options;
  const versions = enginesOf(results).map((it) =>
    `${ENGINES[it].title} ${results.versions[it] ?? "?"}`
  );
  const isCut = results.rates.some(({ operations, planned }) => operations < planned);
  return [
    `${describeCircumstances(results)}; ${versions.join(", ")}. ${grouped(count)} entries, ` +
    `medians of ${rounds} interleaved rounds with the least and the greatest.` +
    (isCut ? ` A * marks what was cut short after ${seconds} seconds.` : ""),
    ...(plot === undefined ? [] : [`![Ratios of speed](results/${name}.svg)`]),
    rateTable(results),
    "Single operations, timed in a round of their own; a batch counts as one:",
    latencyTable(results),
    "Memory of the whole process, disk and writes:",
    loadTable(results),
  ].join("\n\n");
}

async function amplificationPart(): Promise<string | undefined> {
  const results = await readResults<AmplificationResults>("amplification");
  if (results === undefined) return undefined;
  const rows = results.rows.map((row) => [
    row.load,
    grouped(row.entries),
    figures(row.writeAmplification),
    [row.logBytes, row.flushBytes, row.compactionBytes, row.manifestBytes]
      .map((it) => (it / row.putBytes).toFixed(2)).join(" + "),
    figures(row.readsPerGet),
    figures(row.readsPerMiss),
    figures(row.spaceAmplification),
  ]);
  const head = [
    "load",
    "entries",
    "written per byte put",
    "log + flush + compaction + manifest",
    "reads per get",
    "reads per miss",
    "disk per live byte",
  ];
  return table(head, rows);
}

async function scalePart(): Promise<string | undefined> {
  const results = await readResults<ScaleResults>("scale");
  if (results === undefined) return undefined;
  const { rows } = results;
  const curve = (label: string, of: (row: ScaleResults["rows"][number]) => number) => ({
    label,
    points: rows.map((row) => [row.entries, of(row)] as const),
  });
  const plot = linePlot(
    "One operation, by the size of the database",
    "entries of 116 bytes",
    "microseconds",
    [
      curve("get, any key", (row) => row.getUs),
      curve("seek and 10 entries", (row) => row.seekUs),
      curve("put, in random batches", (row) => row.putUs),
      curve("entry of a scan", (row) => row.scanUs),
    ],
  );
  await writePlot("scale", plot);
  const mebibytes = (label: string, of: (row: ScaleResults["rows"][number]) => number) =>
    curve(label, (row) => of(row) / 2 ** 20);
  await writePlot(
    "scale-memory",
    linePlot("Memory and disk, by the size of the database", "entries of 116 bytes", "MiB", [
      mebibytes("peak memory, loading", (row) => row.loadPeakBytes),
      mebibytes("peak memory, reading", (row) => row.readPeakBytes),
      mebibytes("memory before opening", (row) => row.baseBytes),
      mebibytes("disk", (row) => row.diskBytes),
    ]),
  );
  const cells = rows.map((row) => [
    grouped(row.entries),
    ...[row.putUs, row.getUs, row.missUs, row.seekUs, row.scanUs, row.recoverMs, row.openMs].map(
      figures,
    ),
    mib(row.loadPeakBytes),
    mib(row.readPeakBytes),
    mib(row.diskBytes),
    figures(row.writeAmplification),
  ]);
  const head = [
    "entries",
    "put µs",
    "get µs",
    "miss µs",
    "seek + 10 µs",
    "scan, entry µs",
    "open ms, with a log",
    "open ms",
    "peak MiB, load",
    "peak MiB, reads",
    "disk MiB",
    "written per byte put",
  ];
  return [
    `${describeCircumstances(results)}.`,
    "![Cost by size](results/scale.svg)",
    "![Memory by size](results/scale-memory.svg)",
    table(head, cells),
  ].join("\n\n");
}

async function overloadPart(): Promise<string | undefined> {
  const results = await readResults<OverloadResults>("overload");
  if (results === undefined) return undefined;
  const of = ({ p50, p99, p999, max }: Percentiles, scale: number) =>
    [p50, p99, p999, max].map((it) => figures(it / scale)).join(" / ");
  const rows = results.rows.map((row) => [
    row.mode,
    row.worker,
    grouped(row.puts),
    figures(row.puts / row.ms),
    of(row.gaps, 1000),
    of(row.latency, 1),
    `${row.stalls} (${figures(row.stallMs)} ms)`,
    mib(row.peakBytes),
  ]);
  const head = [
    "puts",
    "worker",
    "how many",
    "k/s",
    "gaps, ms",
    "put, µs",
    "waits",
    "peak MiB",
  ];
  return [
    `${describeCircumstances(results)}. Gaps and times: p50 / p99 / p99.9 / longest.`,
    table(head, rows),
  ].join("\n\n");
}

/** The definitions of all workloads, by stage. */
function definitions(): string {
  const rows = Object.entries(STAGES).flatMap(([stage, workloads]) =>
    Object.entries(workloads).map(([name, about]) => [stage, name, about])
  );
  return table(["database", "workload", "what it does"], rows);
}

/** What a marked part is to say; `undefined` if there are no results for it. */
function part(name: string): Promise<string | undefined> | string {
  if (name === "definitions") return definitions();
  if (name === "amplification") return amplificationPart();
  if (name === "scale") return scalePart();
  return name === "overload" ? overloadPart() : peersPart(name);
}

async function writePlot(name: string, plot: string): Promise<void> {
  await Deno.writeTextFile(new URL(`results/${name}.svg`, import.meta.url), plot);
}

if (import.meta.main) {
  const text = await Deno.readTextFile(README);
  const names = [...text.matchAll(MARKED)].map((match) => match[1]!);
  const parts = new Map<string, string>();
  for (const name of names) parts.set(name, await part(name) ?? "Not measured yet.");
  const made = text.replace(
    MARKED,
    (_, name: string) => `<!-- results: ${name} -->\n\n${parts.get(name)}\n\n<!-- end -->`,
  );
  await Deno.writeTextFile(README, made);
}
