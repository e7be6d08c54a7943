/**
 * Opening with telemetry while nobody takes it. That it arrives where somebody does is in
 * `../tests/telemetry_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Attributes,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { DatabaseEvent } from "./events.ts";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import type { OpenOptions } from "./options.ts";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { open } from "./telemetry.ts";

Deno.test("open() gives a database like any other, and the caller's listener all events (invariant 4)", async () => {
  const events: DatabaseEvent[] = [];
  const fileSystem = new MemoryFileSystem();
  const db = await open("data", { fileSystem, onEvent: (event) => void events.push(event) });
  const sublevel = db.sublevel("s");
  const batch = db.batch().put("a", "1");
  batch.on(sublevel).put("b", "2"); // a batch knows its database by itself
  await batch.commit();
  await db.flush();
  await db.put("c", "3");
  await db.compact({ gte: "a" });
  await db.resume();
  assertEquals([await db.get("a"), sublevel.getSync("b")], ["1", "2"]);
  await db.close();
  await assertRejects(() => db.flush(), VarveError, "closed");
  await assertRejects(() => db.compact({ from: "a" } as never), TypeError, "from");
  const kinds = events.map(({ type }) => type);
  assertEquals([kinds[0], kinds.at(-1)], ["recovery", "close"]);
  assert(kinds.includes("flush"));
  await using again = await open(new URL("file:///data"), { fileSystem: new MemoryFileSystem() });
  assertEquals(again.stats().sequence, 0);
});

Deno.test("open() refuses what the main one refuses, and leaves the caller's options alone", async () => {
  const fileSystem = new MemoryFileSystem();
  const wrongs: [unknown, unknown][] = [
    [5, {}],
    ["data", null],
    ["data", { onEvent: 5 }],
    ["data", { fileSystem, memtable: 5 }],
  ];
  for (const [directory, options] of wrongs) {
    const act = () => open(directory as string, options as OpenOptions);
    await assertRejects(act, TypeError, "Cannot open database");
  }
  const missing = () => open("data", { fileSystem, createIfMissing: false });
  assertEquals((await assertRejects(missing, VarveError)).code, "NOT_FOUND");
  const options: OpenOptions = Object.freeze({ fileSystem });
  await using db = await open("data", options);
  assertEquals([db.directory, Object.keys(options)], ["data", ["fileSystem"]]);
});

/** A span that takes notes. */
class NotedSpan {
  readonly attributes: Attributes;
  isFailed = false;
  isEnded = false;

  constructor(readonly name: string, readonly options: SpanOptions) {
    this.attributes = { ...options.attributes };
  }

  recordException(): void {
    this.isFailed = true;
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }

  setStatus(): void {}

  end(): void {
    assert(!this.isEnded, `${this.name} ends twice`);
    this.isEnded = true;
  }
}

/** Runs a test with a tracer in place that keeps spans. */
async function tracing(body: (spans: readonly NotedSpan[]) => Promise<void>): Promise<void> {
  const spans: NotedSpan[] = [];
  const startSpan = (name: string, options: SpanOptions): Span => {
    const span = new NotedSpan(name, options);
    spans.push(span);
    return span as unknown as Span;
  };
  const tracer = {
    startSpan,
    startActiveSpan: <T>(name: string, options: SpanOptions, body: (span: Span) => T) =>
      body(startSpan(name, options)),
  } as unknown as Tracer;
  const provider: TracerProvider = { getTracer: () => tracer };
  trace.setGlobalTracerProvider(provider);
  try {
    await body(spans);
  } finally {
    trace.disable();
  }
}

Deno.test("Each event is a span, with what it says as attributes, and each ends once", () =>
  tracing(async (spans) => {
    const disk = new FailingFileSystem(new MemoryFileSystem());
    const db = await open("data", {
      fileSystem: disk,
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      sync: false,
    });
    for (let i = 0; i < 8; i++) db.putSync(`key ${i % 3}`, "v".repeat(40_000));
    await db.compact();
    disk.fails = ({ kind, name }) => kind === "append" && name.endsWith(".log");
    assertThrows(() => db.putSync("a", "1"));
    disk.fails = ({ kind }) => kind === "create";
    await assertRejects(() => db.resume(), VarveError);
    disk.fails = () => false;
    await db.resume();
    await db.close();

    assert(spans.every(({ isEnded }) => isEnded));
    const of = (name: string) => spans.filter((it) => it.name === name);
    for (const { attributes } of spans) {
      assertEquals([attributes["db.system.name"], attributes["db.namespace"]], ["varve", "data"]);
    }
    const names = (span: NotedSpan | undefined) =>
      Object.keys(span!.attributes).filter((it) => it.startsWith("varve.")).sort();
    assertEquals(names(of("varve.flush")[0]), [
      "varve.bytes.written",
      "varve.entries.dropped",
      "varve.entries.read",
      "varve.level",
      "varve.table",
      "varve.where",
    ]);
    assert(names(of("varve.compaction")[0]).includes("varve.output_level"));
    assertEquals(of("varve.stall")[0]!.attributes["varve.stall.cause"], "memtables");
    assertEquals(of("varve.recovery").length, 1);
    assertEquals(
      of("varve.failure").map(({ attributes, isFailed }) => [
        attributes["varve.action"],
        attributes["error.type"],
        isFailed,
      ]),
      [["write to the log", "IO", true], ["start a log", "IO", true]],
    );
    assertEquals(of("varve.call.resume").map(({ isFailed }) => isFailed), [true, false]);
    const roots = spans.filter(({ options }) => options.root).map(({ name }) => name);
    assertEquals([...new Set(roots)].sort(), ["varve.compaction", "varve.flush"]);
  }));

Deno.test("Two databases are told apart; opening that fails is a span that failed", () =>
  tracing(async (spans) => {
    const refused = () =>
      open("missing", { fileSystem: new MemoryFileSystem(), createIfMissing: false });
    await assertRejects(refused, VarveError);
    await assertRejects(() => open("wrong", { memtable: 1 } as OpenOptions), TypeError);
    assertEquals(spans.map(({ name, attributes }) => [name, attributes["error.type"]]), [
      ["varve.open", "NOT_FOUND"],
      ["varve.open", "TypeError"],
    ]);
    await using one = await open("one", { fileSystem: new MemoryFileSystem() });
    await using two = await open("two", { fileSystem: new MemoryFileSystem() });
    await one.put("key", "value");
    await one.flush();
    assertEquals(await two.get("key"), undefined);
    const flushes = spans.filter(({ name }) => name === "varve.flush");
    assertEquals(flushes.map(({ attributes }) => attributes["db.namespace"]), ["one"]);
  }));

Deno.test("A tracer that is registered late gets the spans of databases that are open by then", async () => {
  const db = await open("data", { fileSystem: new MemoryFileSystem() });
  await tracing(async (spans) => {
    await db.put("key", "value");
    await db.flush();
    assertEquals(spans.map(({ name }) => name), ["varve.call.flush", "varve.flush"]);
  });
  await db.close();
});
