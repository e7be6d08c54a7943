/**
 * **What.** The benchmark suite at a tiny size: that it runs, not what it measures.
 *
 * **Read next.** `README.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { countLoad } from "./amplification.ts";
import { type Data, dataMaker, permutation, shuffled } from "./data.ts";
import { Histogram } from "./histogram.ts";
import { overloadInProcess } from "./overload.ts";
import { type PeerOptions, runPeers } from "./peers.ts";
import { linePlot, ratioPlot } from "./plot.ts";
import { rateTable } from "./report.ts";
import { resultsText } from "./results.ts";
import { measureSize } from "./scale.ts";
import { figures, grouped, median } from "./table.ts";
import { STAGES, WORKLOADS } from "./workloads.ts";
import { drawOperations, INSERT, SCAN, YCSB_WORKLOADS, zipf } from "./ycsb.ts";

const OPTIONS: PeerOptions = {
  engines: ["varve"],
  stages: Object.keys(STAGES),
  workloads: [],
  count: 300,
  rounds: 1,
  settings: "matched",
  kind: "bytes",
  seconds: 3600, // so that nothing is cut short
  latency: false,
};

Deno.test("every workload runs on Varve, to its end", async () => {
  const results = await runPeers(OPTIONS);
  const ran = results.rates.map(({ workload }) => workload);
  const hasCursor = ran.includes("readseq cursor");
  assertEquals(ran, WORKLOADS.filter((it) => hasCursor || !it.endsWith(" cursor")));
  for (const { workload, operations, planned, perSecond } of results.rates) {
    assertEquals([workload, operations], [workload, planned]);
    assert(perSecond.length === 1 && perSecond[0]! > 0, workload);
  }
  const loads = ["fillseq", "fillbatch", "overwrite", "compact", "ycsb load"];
  assertEquals(results.loads.map(({ after }) => after), loads);
  assert(results.loads.every(({ diskBytes, putBytes }) => diskBytes > 0 && putBytes > 0));
  assertEquals(JSON.parse(resultsText(results)), JSON.parse(JSON.stringify(results)));
  assert(rateTable(results).includes("| readrandom"));
});

Deno.test("strings, defaults, one workload and times of single operations", async () => {
  const { rates } = await runPeers({
    ...OPTIONS,
    kind: "strings",
    settings: "defaults",
    workloads: ["fillbatch"],
    count: 3000,
    latency: true,
  });
  assertEquals(rates.map(({ workload }) => workload), ["fillbatch"]);
  assertEquals(rates[0]!.perSecond.length, 1);
  assert(rates[0]!.latency!.p50 > 0 && rates[0]!.latency!.p50 <= rates[0]!.latency!.max);
});

Deno.test("amplification is counted, and the same each time", async () => {
  for (const load of ["sequential", "random", "overwrite"]) {
    const options = { memtableBytes: 64 * 1024, tableBytes: 16 * 1024, baseLevelBytes: 64 * 1024 };
    const first = await countLoad(load, 3000, options);
    assertEquals(await countLoad(load, 3000, options), first, load);
    assertEquals(first.putBytes, (load === "overwrite" ? 2 : 1) * 3000 * 116);
    assert(first.logBytes > first.putBytes && first.flushBytes > 0 && first.readsPerGet > 0);
  }
});

Deno.test("a size and an overload are measured", async () => {
  const row = await measureSize(2000);
  assert(row.entries === 2000 && row.getUs > 0 && row.openMs > 0 && row.diskBytes > 0);
  const overloaded = await overloadInProcess("putSync, turns", false, 2000);
  assert(overloaded.puts === 2000 && overloaded.latency.max > 0 && overloaded.gaps.max > 0);
});

Deno.test("orders have each number once, and keys are their decimals", () => {
  for (const count of [1, 2, 1000, 4097]) {
    const all = Array.from({ length: count }, (_, i) => i);
    const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);
    assertEquals(sorted(shuffled(count, 7)), all);
    assertEquals(sorted(all.map(permutation(count, 7))), all);
  }
  const [strings, bytes] = [dataMaker("strings"), dataMaker("bytes", 1000)];
  const text = (data: Data) => new TextDecoder().decode(data as Uint8Array);
  for (const number of [0, 9, 12_345_678, 2 ** 32 - 1]) {
    const key = String(number).padStart(16, "0");
    assertEquals([strings.key(number), text(bytes.key(number))], [key, key]);
    assertEquals([strings.missing(number), text(bytes.missing(number))], [`${key}.`, `${key}.`]);
    assert(text(bytes.value(number)).startsWith(strings.value(number) as string));
  }
  assertEquals([strings.value(9972).length, bytes.value(9972).length], [100, 1000]);
});

Deno.test("the operations of YCSB have the shares that they are said to have", () => {
  const shares = YCSB_WORKLOADS.map((workload) => {
    const { kinds, records, recordCount } = drawOperations(workload, 1000, 20_000);
    assert(records.every((record) => record < recordCount), workload);
    assertEquals(kinds.filter((kind) => kind === INSERT).length, recordCount - 1000, workload);
    return [0, 1, 2, 3, 4].map((kind) =>
      Math.round(kinds.filter((it) => it === kind).length / 200)
    );
  });
  const near = (shares: number[], expected: number[]) =>
    assert(shares.every((share, i) => Math.abs(share - expected[i]!) <= 1), String(shares));
  const expected = [
    [50, 50, 0, 0, 0],
    [95, 5, 0, 0, 0],
    [100, 0, 0, 0, 0],
    [50, 0, 0, 0, 50],
    [95, 0, 5, 0, 0],
    [0, 0, 5, 95, 0],
  ];
  shares.forEach((it, i) => near(it, expected[i]!));
  assertEquals(SCAN, 3);
  let u = 0;
  const rank = zipf(1000, () => (u += 1 / 10_000));
  const ranks = Array.from({ length: 9999 }, rank);
  const ofFirst = ranks.filter((it) => it === 0).length / ranks.length;
  assert(Math.abs(ofFirst - 0.1291) < 0.002, `${ofFirst}`); // 1 / Σ 1/i^0.99
});

Deno.test("percentiles, medians and figures", () => {
  const histogram = new Histogram();
  for (let i = 1; i <= 1000; i++) histogram.record(i / 1000);
  const { p50, p99, p999, max } = histogram.percentiles();
  const near = (found: number, exact: number) => assert(found >= exact && found < exact * 1.035);
  near(p50, 500);
  near(p99, 990);
  near(p999, 999);
  assertEquals([max, new Histogram().percentile(0.5)], [1000, 0]);
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
  assertEquals([figures(1234.5), figures(0.012345), grouped(1234567)], [
    "1230",
    "0.0123",
    "1 234 567",
  ]);
});

Deno.test("plots are XML that names everything once", () => {
  const rows = [{ label: "a<b", ratios: [0.5, 2] }, { label: "c", ratios: [undefined, 20] }];
  const ratios = ratioPlot("title", "axis", ["first", "second"], rows);
  assert(ratios.includes("a&lt;b") && ratios.includes(">second<") && ratios.includes(">20×<"));
  const lines = linePlot("title", "x", "y", [{ label: "curve", points: [[10, 1], [1000, 3]] }]);
  assert(lines.includes(">curve<") && lines.includes(">1 k<"));
  for (const plot of [ratios, lines]) assert(!/NaN|undefined|Infinity/.test(plot));
});
