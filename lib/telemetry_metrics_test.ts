/**
 * Figures as OpenTelemetry is told them, by instruments that take notes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type MeterProvider,
  metrics,
} from "@opentelemetry/api";
import { onSources } from "../tests/permissions.ts";
import { openWithEngine, webSurroundings } from "./database.ts";
import type { DatabaseEvent } from "./events.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { Watch } from "./telemetry_metrics.ts";

/** Takes notes of what it is told. */
class NotingProvider {
  /** Kind and unit of each instrument, by name. */
  readonly made = new Map<string, string>();
  readonly callbacks = new Set<BatchObservableCallback>();
  /** What was added, recorded or observed, by name and attributes. */
  readonly sums = new Map<string, number>();
  readonly observed = new Map<string, number>();

  collect(): void {
    this.observed.clear();
    for (const callback of this.callbacks) {
      callback({
        observe: (instrument, value, attributes) => {
          this.observed.set(
            noteOf((instrument as unknown as { name: string }).name, attributes),
            value,
          );
        },
      });
    }
  }

  getMeter(): Meter {
    const make = (kind: string) => (name: string, { unit }: { unit?: string } = {}) => {
      assert(!this.made.has(name), `${name} is made twice`);
      this.made.set(name, `${kind} ${unit}`);
      const add = (value: number, attributes?: Attributes) => {
        assert(value > 0 || kind === "histogram", `${name} goes down`);
        const note = noteOf(name, attributes);
        this.sums.set(note, (this.sums.get(note) ?? 0) + value);
      };
      return { name, add, record: add };
    };
    return {
      createCounter: make("counter"),
      createObservableUpDownCounter: make("updown"),
      createHistogram: make("histogram"),
      addBatchObservableCallback: (it: BatchObservableCallback) => this.callbacks.add(it),
      removeBatchObservableCallback: (it: BatchObservableCallback) => this.callbacks.delete(it),
    } as unknown as Meter;
  }
}

function noteOf(name: string, attributes: Attributes = {}): string {
  const { database, ...others } = attributes;
  return [name, database, ...Object.values(others)].join(" ");
}

/** Runs a test with a provider in place. */
async function noting(body: (provider: NotingProvider) => Promise<void> | void): Promise<void> {
  const provider = new NotingProvider();
  metrics.setGlobalMeterProvider(provider as unknown as MeterProvider);
  try {
    await body(provider);
  } finally {
    metrics.disable();
  }
}

/** A database that is watched. */
function watched(name: string) {
  const watch = new Watch({ database: name });
  const { engine, database } = openWithEngine<string, string>(
    name,
    { onEvent: (event) => watch.record(event) },
    new MemoryFileSystem(),
    webSurroundings,
  );
  watch.begin(() => engine.stats());
  return { watch, engine, database };
}

Deno.test("The sum of what was added to a counter is what the statistics say (invariant 1)", () =>
  noting(async (provider) => {
    const { watch, engine, database } = watched("a");
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) database.putSync(`key ${i}`, `value ${round}`);
      if (round === 1) await database.flush();
      database.getSync("key 5");
      provider.collect();
      provider.collect(); // with nothing in between
      assertEquals(provider.sums.get("varve.write.entries a"), engine.stats().writes.entries);
    }
    database.putSync("late", "1");
    await database.compact();
    await database.close();
    watch.end();
    const { writes, log, background, pool } = engine.stats();
    const sums = Object.fromEntries(provider.sums);
    assertEquals(sums["varve.write.entries a"], 301);
    assertEquals(sums["varve.write.payload a"], writes.bytes);
    assertEquals(sums["varve.log.io a write"], log.bytesWritten);
    assertEquals(sums["varve.log.syncs a"], writes.syncs);
    assertEquals(sums["varve.flush.io a write"], background.flushBytes);
    assertEquals(sums["varve.compaction.io a read"], background.compactionReadBytes);
    assertEquals(sums["varve.compaction.io a write"], background.compactionWriteBytes);
    assertEquals(sums["varve.manifest.io a write"], background.manifestBytes);
    assertEquals(sums["varve.entries.dropped a"], background.droppedEntries);
    assertEquals(sums["varve.pool.fetches a hit"] ?? 0, pool.hits);
    assertEquals(sums["varve.pool.fetches a miss"], pool.misses);
    assertEquals(sums["varve.failures a"], undefined);
  }));

Deno.test("What goes up and down says what is, and nothing of a database that is closed (invariant 2)", () =>
  noting(async (provider) => {
    const { watch, engine, database } = watched("a");
    database.putSync("key", "value");
    await database.flush();
    const snapshot = database.snapshot();
    provider.collect();
    const { levels, memtable, pool } = engine.stats();
    for (const { level, bytes, tables } of levels) {
      assertEquals(provider.observed.get(`varve.level.size a ${level}`), bytes);
      assertEquals(provider.observed.get(`varve.level.tables a ${level}`), tables);
    }
    assertEquals(provider.observed.get("varve.memtable.size a active"), memtable.usedBytes);
    assertEquals(provider.observed.get("varve.pool.limit a"), pool.capacityBytes);
    assertEquals(provider.observed.get("varve.snapshot.open a"), 1);
    assertEquals(provider.observed.get("varve.refusing a"), 0);
    snapshot.close();
    await database.close();
    watch.end();
    watch.end();
    provider.collect();
    assertEquals([provider.callbacks.size, provider.observed.size], [0, 0]);
  }));

Deno.test("Instruments are made once for all databases, and told apart by attributes (invariant 3)", () =>
  noting(async (provider) => {
    const [one, other] = [watched("a"), watched("b")];
    one.database.putSync("key", "value");
    provider.collect();
    assertEquals(provider.sums.get("varve.write.entries a"), 1);
    assertEquals(provider.sums.get("varve.write.entries b"), undefined);
    assertEquals(provider.observed.get("varve.refusing b"), 0);
    for (const { database, watch } of [one, other]) {
      await database.close();
      watch.end();
    }
  }));

Deno.test("Counters go on where they were when a database is opened again, under another provider or not", () =>
  noting(async (provider) => {
    let entries = 0;
    for (let round = 1; round <= 3; round++) {
      const { watch, database } = watched("a");
      for (let i = 0; i < round; i++) database.putSync(`key ${i}`, "value");
      entries += round;
      if (round === 2) provider.collect();
      await database.close();
      watch.end();
      assertEquals(provider.sums.get("varve.write.entries a"), entries);
    }
    // One that is registered while a database is open is told of those that are opened after it.
    const before = watched("before");
    const later = new NotingProvider();
    metrics.disable();
    metrics.setGlobalMeterProvider(later as unknown as MeterProvider);
    const after = watched("after");
    for (const { database, watch } of [before, after]) {
      database.putSync("key", "value");
      await database.close();
      watch.end();
    }
    const told = (it: NotingProvider) =>
      [...it.sums.keys()].filter((name) => name.startsWith("varve.write.entries"));
    assertEquals(told(later), ["varve.write.entries after"]);
    assertEquals(told(provider), ["varve.write.entries a", "varve.write.entries before"]);
    assertEquals([provider.callbacks.size, later.callbacks.size], [0, 0]);
  }));

Deno.test("Durations are recorded in seconds, beside what they were of", () =>
  noting((provider) => {
    const watch = new Watch({ database: "a" });
    const events: DatabaseEvent[] = [
      {
        type: "stall",
        durationMs: 1500,
        cause: "levelZero",
        condition: "delayed",
        isAwaited: false,
      },
      { type: "resume", durationMs: 5 },
    ];
    for (const event of events) watch.record(event);
    watch.end(); // it was never begun
    assertEquals([...provider.sums], [["varve.stall.duration a levelZero delayed", 1.5]]);
  }));

Deno.test(
  "The table in telemetry.ts has every metric, its kind and its unit",
  onSources,
  () =>
    noting((provider) => {
      new Watch({});
      const source = Deno.readTextFileSync(new URL("telemetry.ts", import.meta.url));
      const rows = [...source.matchAll(/^ \* \| `(varve\.[\w.]+)` \| (\w+) \| `(.+?)` \|/gm)];
      assertEquals(rows.map(([, name, kind, unit]) => [name, `${kind} ${unit}`]), [
        ...provider.made,
      ]);
    }),
);

/** A metric's series as Prometheus names them when it takes OTLP. */
function prometheusNames(name: string, kind: string, unit: string): string[] {
  const words: Record<string, string> = { By: "_bytes", s: "_seconds" };
  const base = name.replaceAll(".", "_") + (unit.startsWith("{") ? "" : words[unit]!);
  if (kind === "counter") return [`${base}_total`];
  return kind === "histogram" ? ["bucket", "sum", "count"].map((it) => `${base}_${it}`) : [base];
}

Deno.test(
  "What docs/recipes/watching.md asks Prometheus for is there, by that name",
  onSources,
  () =>
    noting((provider) => {
      new Watch({});
      const series = new Set<string>();
      for (const [name, made] of provider.made) {
        const [kind, unit] = made.split(" ") as [string, string];
        for (const it of prometheusNames(name, kind, unit)) series.add(it);
      }
      const source = Deno.readTextFileSync(new URL("telemetry.ts", import.meta.url));
      const attributes = [...source.matchAll(/`((?:varve|db|disk)(?:\.\w+)+)`/g)].map(([, it]) =>
        it!
      )
        .filter((it) => !provider.made.has(it));
      const labels = new Set(["le", ...attributes.map((it) => it.replaceAll(".", "_"))]);

      const page = new URL("../docs/recipes/watching.md", import.meta.url);
      const [, queries] = Deno.readTextFileSync(page).split("### Queries") as [string, string];
      const [inTable, inRules] = queries.split("### Alarms") as [string, string];
      const expressions = [
        ...[...inTable.matchAll(/`([^`]*varve_[^`]*)`/g)].map(([, it]) => it!),
        ...[...inRules.matchAll(/expr: (.*)/g)].map(([, it]) => it!),
        ...[...inRules.matchAll(/`([^`\n]*varve_[^`\n]*)`/g)].map(([, it]) => it!),
      ];
      assert(expressions.length > 12, `${expressions.length}`);
      for (const expression of expressions) {
        const found: string[] = [];
        // What is in braces, and after `by`, are labels.
        const rest = expression.replaceAll(
          /\{([^}]*)\}|\bby \(([^)]*)\)/g,
          (_, where = "", by = "") => {
            found.push(...where.split(",").map((it: string) => it.split(/[!=]/)[0]!.trim()));
            found.push(...by.split(",").map((it: string) => it.trim()));
            return "";
          },
        );
        for (const label of found.filter((it) => it !== "")) {
          assert(labels.has(label), `no attribute is called ${label}: ${expression}`);
        }
        const names = [...rest.matchAll(/\bvarve_\w+/g)].map(([it]) => it);
        assert(names.length > 0, expression);
        for (const name of names) assert(series.has(name), `no series is called ${name}`);
      }
    }),
);
