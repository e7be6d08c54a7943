/**
 * **What.** A program with Deno's own OpenTelemetry exporter on, against a collector in this process: the metrics and
 * spans that the table in `lib/telemetry.ts` promises arrive, with their names, units and attributes. And the same
 * program with it off, which does the same and sends nothing.
 *
 * **Read next.** `docs_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { root } from "./fixtures/deno_program.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";

/** An attribute as OTLP has it in JSON; whole numbers are strings there. */
interface KeyValue {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string | number;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
  };
}

/** A figure of a metric. */
interface Point {
  readonly attributes?: readonly KeyValue[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly sum?: number;
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic: boolean };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly KeyValue[] }[];
}

interface Scoped {
  readonly scope?: { readonly name: string };
  readonly metrics?: readonly Metric[];
  readonly spans?: readonly Span[];
}

type Attributes = Readonly<Record<string, string | number | boolean>>;

function attributesOf(list: readonly KeyValue[] = []): Attributes {
  return Object.fromEntries(list.map(({ key, value }) => {
    const { stringValue, intValue, doubleValue, boolValue } = value;
    return [key, stringValue ?? boolValue ?? Number(intValue ?? doubleValue)];
  }));
}

/** Takes what programs send, and keeps what is Varve's or the program's own. */
class Collector implements AsyncDisposable {
  requests = 0;
  readonly spans: Span[] = [];
  /** The last state of each metric: figures that were sent again replace those from before. */
  readonly metrics = new Map<string, Metric>();
  readonly points = new Map<string, Map<string, Point>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#take(request));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The figure of a metric with these attributes, beside those that all have. */
  value(name: string, attributes: Attributes = {}): number | undefined {
    const point = this.points.get(name)?.get(textOf(attributes));
    const value = point?.asInt ?? point?.asDouble ?? point?.count;
    return value === undefined ? undefined : Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    this.requests++;
    const body = await request.json();
    for (const key of ["resourceMetrics", "resourceSpans"]) {
      for (const resource of body[key] ?? []) {
        for (const scoped of resource.scopeMetrics ?? resource.scopeSpans ?? []) this.#keep(scoped);
      }
    }
    return Response.json({});
  }

  #keep({ scope, metrics = [], spans = [] }: Scoped): void {
    if (scope?.name !== "@varve/varve" && scope?.name !== "program") return;
    this.spans.push(...spans);
    for (const metric of metrics) {
      this.metrics.set(metric.name, metric);
      const { dataPoints } = metric.sum ?? metric.gauge ?? metric.histogram ?? { dataPoints: [] };
      const points = this.points.get(metric.name) ?? new Map<string, Point>();
      this.points.set(metric.name, points);
      for (const point of dataPoints) points.set(textOf(attributesOf(point.attributes)), point);
    }
  }
}

/** Attributes as text, without those that name the database. */
function textOf(attributes: Attributes): string {
  return Object.entries(attributes).filter(([name]) => !name.startsWith("db."))
    .map(([name, value]) => `${name}=${value}`).sort().join(" ");
}

/** A program that flushes, compacts, stalls and fails; it prints what its statistics say. */
const PROGRAM = `
import { metrics, trace } from "@opentelemetry/api";
import { MemoryFileSystem } from "@varve/varve";
import { open } from "@varve/varve/telemetry";

class Disk extends MemoryFileSystem {
  full = undefined;
  create(path) {
    if (this.full?.test(path)) throw new Error("disk full");
    return super.create(path);
  }
}
const fileSystem = new Disk();
const options = { fileSystem, sync: false, memtableBytes: 65536, maxImmutableMemtables: 1 };
const db = await open("orders", options);
for (let i = 0; i < 500; i++) db.putSync("key " + i % 300, "v".repeat(500));
await trace.getTracer("program").startActiveSpan("request", async (span) => {
  db.putSync("large", "v".repeat(60_000));
  db.putSync("larger", "v".repeat(64_000));
  db.putSync("largest", "v".repeat(65_000));
  await db.flush();
  span.end();
});
await db.compact();
for (let i = 0; i < 300; i++) db.getSync("key " + i);
db.snapshot(); // until the end
// Until it was collected twice, which a gauge of the program's own tells.
let collections = 0;
const gauge = metrics.getMeter("program").createObservableGauge("collections");
gauge.addCallback((result) => result.observe(++collections));
while (Deno.args[0] === "collected" && collections < 2) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
for (const full of [/log$/, /ldb$/]) {
  fileSystem.full = full;
  db.putSync("a", "1");
  await db.flush().catch(() => {});
  fileSystem.full = undefined;
  await db.resume();
}
db.putSync("late", "1");
const { writes, background, pool, log, failures } = db.stats();
const state = [...db.keysSync()].length;
await db.close();
console.log(JSON.stringify({ writes, background, pool, log, failures, state }));
`;

/** Runs the program; what it printed. */
async function run(
  env: Record<string, string>,
  ...args: string[]
): Promise<Record<string, Record<string, number>>> {
  let output: Deno.CommandOutput | undefined;
  await inDirectory(async (directory) => {
    const program = `${directory}/program.js`;
    await Deno.writeTextFile(program, PROGRAM);
    output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--config", `${root}deno.json`, program, ...args],
      cwd: root,
      env: { NO_COLOR: "1", ...env },
    }).output();
  });
  const { success, stdout, stderr } = output!;
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** What programs are told by their environment, to send all they have. */
function exporting(endpoint: string, intervalMs: number): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs),
  };
}

/** How long a span took, in milliseconds. */
function msOf({ startTimeUnixNano, endTimeUnixNano }: Span): number {
  return Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;
}

Deno.test(
  "metrics arrive with the names, units and attributes of the table, and the figures of stats()",
  inProcesses,
  async () => {
    await using collector = new Collector();
    const { writes, background, pool, log, failures } = await run(
      exporting(collector.endpoint, 50),
      "collected",
    );
    const source = Deno.readTextFileSync(new URL("../lib/telemetry.ts", import.meta.url));
    const rows = [
      ...source.matchAll(/^ \* \| `(varve\.[\w.]+)` \| (\w+) \| `(.+?)` \| (.*?) \|/gm),
    ];
    assert(rows.length > 20);
    const kinds = { counter: "sum", updown: "sum", histogram: "histogram" } as const;
    // Counters of what there was none of do not appear.
    const none = ["varve.pool.evictions", "varve.log.syncs"];
    for (
      const [, name, kind, unit, description] of rows.filter(([, name]) => !none.includes(name!))
    ) {
      const metric = collector.metrics.get(name!);
      assert(metric !== undefined, `${name} has not arrived`);
      assertEquals([metric.unit, metric.description], [unit, description], name);
      assert(metric[kinds[kind as keyof typeof kinds]] !== undefined, `${name} is no ${kind}`);
      assertEquals(metric.sum?.isMonotonic ?? false, kind === "counter", name);
      const { dataPoints } = metric.sum ?? metric.gauge ?? metric.histogram!;
      for (const { attributes } of dataPoints) {
        const all = attributesOf(attributes);
        assertEquals([all["db.system.name"], all["db.namespace"]], ["varve", "orders"], name);
      }
    }
    const counted = {
      "varve.write.entries": writes!.entries,
      "varve.write.payload": writes!.bytes,
      "varve.entries.dropped": background!.droppedEntries,
      "varve.failures": failures,
    };
    for (const [name, value] of Object.entries(counted)) {
      assertEquals(collector.value(name), value as unknown as number, name);
    }
    const written = { "disk.io.direction": "write" };
    assertEquals(collector.value("varve.log.io", written), log!.bytesWritten);
    assertEquals(collector.value("varve.flush.io", written), background!.flushBytes);
    const read = { "disk.io.direction": "read" };
    assertEquals(collector.value("varve.compaction.io", read), background!.compactionReadBytes);
    const hit = { "varve.pool.result": "hit" };
    assert(collector.value("varve.pool.fetches", hit)! >= pool!.hits! - 1);
    assertEquals(
      collector.value("varve.flush.duration", { "varve.where": "here" }),
      background!.flushes,
    );
    const stall = { "varve.stall.cause": "memtables", "varve.stall.condition": "stopped" };
    assertEquals(collector.value("varve.stall.duration", stall), writes!.memtableStalls);
    assert(writes!.memtableStalls! > 0);
    assertEquals(collector.value("varve.recovery.duration"), 1);
    assertEquals(collector.value("varve.snapshot.open"), 1);
    assert(collector.value("varve.level.tables", { "varve.level": 0 }) !== undefined);
  },
);

Deno.test(
  "spans arrive: calls in the caller's trace, work in the background in none, failures with their error",
  inProcesses,
  async () => {
    await using collector = new Collector();
    // Metrics are not collected before the end: what a short program counted arrives all the same.
    const { writes, background } = await run(exporting(collector.endpoint, 60_000));
    const spans = (name: string) => collector.spans.filter((it) => it.name === name);
    const [request] = spans("request");
    const [opened] = spans("varve.open");
    const [recovery] = spans("varve.recovery");
    assertEquals(recovery!.parentSpanId, opened!.spanId);
    const [called, ...later] = spans("varve.call.flush");
    assertEquals([called!.traceId, called!.parentSpanId], [request!.traceId, request!.spanId]);
    assertEquals(later.map(({ status }) => status?.code), [2, 2]);
    assertEquals(attributesOf(later[0]!.attributes)["error.type"], "IO");
    assertEquals(
      ["varve.call.compact", "varve.call.resume", "varve.close"].map((name) => spans(name).length),
      [1, 2, 1],
    );

    const flushes = spans("varve.flush");
    assertEquals(flushes.length, background!.flushes);
    assertEquals(
      spans("varve.compaction").length,
      background!.compactions! + background!.trivialMoves!,
    );
    for (const span of [...flushes, ...spans("varve.compaction")]) {
      assert(!span.parentSpanId && span.traceId !== request!.traceId);
      const attributes = attributesOf(span.attributes);
      assertEquals([attributes["db.namespace"], attributes["varve.where"]], ["orders", "here"]);
    }
    const bytes = flushes.map(({ attributes }) => attributesOf(attributes)["varve.bytes.written"]);
    assertEquals(bytes.reduce<number>((sum, it) => sum + Number(it), 0), background!.flushBytes);

    const stalls = spans("varve.stall");
    assertEquals(stalls.length, writes!.stalls);
    assert(
      stalls.some(({ traceId }) => traceId === request!.traceId),
      "who waited in a request is told there",
    );
    const ms = stalls.reduce((sum, it) => sum + msOf(it), 0);
    assert(
      Math.abs(ms - writes!.stallMs!) < 0.01 * stalls.length,
      `${ms} ms, not ${writes!.stallMs}`,
    );

    const [failure, failedFlush, ...more] = spans("varve.failure");
    // It came when a log was to be started, in the middle of that call.
    assertEquals([failure!.status?.code, more, failure!.parentSpanId], [2, [], later[0]!.spanId]);
    const { "varve.action": action, "error.type": type } = attributesOf(failedFlush!.attributes);
    assertEquals([action, type, failedFlush!.status?.code], ["flush", "IO", 2]);
    // A flush that failed is of a trace of its own, as one that is done.
    assert(!failedFlush!.parentSpanId && failedFlush!.traceId !== later[1]!.traceId);
    const [exception] = failure!.events!;
    assertEquals(exception!.name, "exception");
    assert(String(attributesOf(exception!.attributes)["exception.message"]).includes("disk full"));
    assertEquals(collector.value("varve.write.entries"), writes!.entries);
  },
);

Deno.test("with telemetry off nothing is sent, and results are the same", inProcesses, async () => {
  await using collector = new Collector();
  const { OTEL_DENO: _, ...off } = exporting(collector.endpoint, 50);
  const without = await run(off);
  assertEquals([collector.requests, collector.spans], [0, []]);
  const on = await run(exporting(collector.endpoint, 50));
  assert(collector.requests > 0);
  const counts = ({ writes, background, log, failures, state }: typeof on) => [
    writes!.entries,
    writes!.bytes,
    background!.flushBytes,
    log!.bytesWritten,
    failures,
    state,
  ];
  assertEquals(counts(on), counts(without));
});
