/**
 * **What.** The same store, as OpenTelemetry sees it: {@linkcode open} takes what the main one takes, and hands the
 * database's events and statistics to `@opentelemetry/api` as metrics and spans. Where they go is up to the program;
 * Deno has an exporter built in.
 *
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { open } from "@varve/varve/telemetry"; // instead of "@varve/varve"
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * ```
 *
 * With `OTEL_DENO=true` in the environment it arrives at `OTEL_EXPORTER_OTLP_ENDPOINT`, by default
 * `http://localhost:4318`. Without, and without another SDK registered before a database is opened, all of it goes to
 * the API's own stand-ins, which do nothing. One that is registered later gets the spans of databases that are open by
 * then, and the metrics of those that are opened after it.
 *
 * No permission is needed beside those that the main `open` needs: the API reads neither environment nor files, and
 * Deno's exporter is not the program's.
 *
 * Every metric and span has the attributes `db.system.name` (`varve`) and `db.namespace` (the directory).
 *
 * Names and units follow OpenTelemetry's conventions: `io` with a direction, `usage` out of a `limit`, durations in
 * seconds, and what is counted in braces. An `updown` counter goes up and down; Prometheus has it as a gauge. No
 * attribute has more values than there are levels, causes and reasons, except the directory.
 *
 * | Metric | Kind | Unit | What | Attributes |
 * | -- | -- | -- | -- | -- |
 * | `varve.write.entries` | counter | `{entry}` | puts and deletes | |
 * | `varve.write.payload` | counter | `By` | bytes of their keys and values | |
 * | `varve.log.io` | counter | `By` | bytes written to the log | `disk.io.direction` |
 * | `varve.log.syncs` | counter | `{sync}` | syncs of the log | |
 * | `varve.flush.io` | counter | `By` | bytes of tables that flushes wrote | `disk.io.direction` |
 * | `varve.compaction.io` | counter | `By` | bytes that compactions read and wrote | `disk.io.direction` |
 * | `varve.manifest.io` | counter | `By` | bytes written to manifests | `disk.io.direction` |
 * | `varve.entries.dropped` | counter | `{entry}` | entries left out by flushes and compactions | |
 * | `varve.pool.fetches` | counter | `{fetch}` | looks for a block in the buffer pool | `varve.pool.result` |
 * | `varve.pool.evictions` | counter | `{block}` | blocks that made room for others | |
 * | `varve.filter.probes` | counter | `{probe}` | looks into filters | `varve.filter.result` |
 * | `varve.failures` | counter | `{failure}` | times that writes were stopped | |
 * | `varve.memtable.size` | updown | `By` | memory of the memtables | `varve.memtable.state` |
 * | `varve.memtable.frozen` | updown | `{memtable}` | memtables that wait to be flushed | |
 * | `varve.level.size` | updown | `By` | bytes of a level's tables | `varve.level` |
 * | `varve.level.tables` | updown | `{table}` | a level's tables | `varve.level` |
 * | `varve.compaction.pending` | updown | `By` | bytes to be compacted | |
 * | `varve.pool.usage` | updown | `By` | bytes in the buffer pool | |
 * | `varve.pool.limit` | updown | `By` | bytes that it may have | |
 * | `varve.table.open` | updown | `{table}` | open tables | |
 * | `varve.snapshot.open` | updown | `{snapshot}` | open snapshots | |
 * | `varve.iterator.open` | updown | `{iterator}` | open iterators | |
 * | `varve.refusing` | updown | `{database}` | 1 while writes are refused, otherwise 0 | |
 * | `varve.recovery.duration` | histogram | `s` | opening | |
 * | `varve.flush.duration` | histogram | `s` | flushes | `varve.where` |
 * | `varve.compaction.duration` | histogram | `s` | compactions | as its span: level, reason, move, where |
 * | `varve.stall.duration` | histogram | `s` | waits of writers | `varve.stall.cause`, `varve.stall.condition` |
 *
 * | Span | Parent | When |
 * | -- | -- | -- |
 * | `varve.open` `varve.close` | the caller's | these calls, to their end |
 * | `varve.call.flush` `varve.call.compact` `varve.call.resume` | the caller's | the same |
 * | `varve.recovery` | `varve.open` | what opening found and did |
 * | `varve.flush` `varve.compaction` | none | in the background, on nobody's behalf |
 * | `varve.stall` | the writer's | a wait |
 * | `varve.failure` | that of what failed | writes are stopped: the error is recorded |
 *
 * The span of a flush or a compaction, and its duration, say where it was done (`varve.where`: `worker` or `here`);
 * those of a compaction also `varve.level`, `varve.reason` and whether a table was only moved (`varve.move`).
 *
 * **Invariants.**
 * 1. There is no span and no measurement for a single read or write.
 * 2. Nothing of a closed database is held by the API: what was observed is observed no more.
 * 3. Counters lose nothing at the end: what was counted after the last collection is added when a database is closed.
 * 4. A listener of the caller's hears the same events as without.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
import { type Attributes, type Span, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import { fromFileUrl } from "@std/path";
import { openWithEngine, webSurroundings } from "./database.ts";
import { denoFileSystem } from "./deno_file_system.ts";
import { denoWorkers } from "./deno_workers.ts";
import { VarveError } from "./errors.ts";
import type { DatabaseEvent, EventListener } from "./events.ts";
import type { OpenOptions } from "./options.ts";
import type { Database } from "./store.ts";
import { SCOPE, Watch } from "./telemetry_metrics.ts";

/** Jobs are done on nobody's behalf: a caller who happens to be there has nothing to do with them. */
const BACKGROUND: ReadonlySet<string> = new Set(["flush", "compact", "compaction"]);

/** The span of an event; the rest of a name is the same. */
function spanName(event: DatabaseEvent): string {
  return event.type === "error" ? "varve.failure" : `varve.${event.type}`;
}

/** What is known of an event, as attributes: its fields, by the names that metrics use. */
function spanAttributes(event: DatabaseEvent): Attributes {
  switch (event.type) {
    case "recovery":
      return {
        "varve.logs": event.logs,
        "varve.log.bytes": event.logBytes,
        "varve.log.dropped_bytes": event.droppedBytes,
        "varve.entries.read": event.entries,
        "varve.tables.written": event.tables,
        "varve.bytes.written": event.tableBytes,
      };
    case "flush":
      return {
        "varve.where": event.where,
        "varve.entries.read": event.entries,
        "varve.entries.dropped": event.droppedEntries,
        "varve.bytes.written": event.bytesWritten,
        ...(event.level !== undefined && { "varve.level": event.level }),
        ...(event.table !== undefined && { "varve.table": event.table }),
      };
    case "compaction":
      return {
        "varve.where": event.where,
        "varve.reason": event.reason,
        "varve.move": event.isMove,
        "varve.level": event.level,
        "varve.output_level": event.outputLevel,
        "varve.tables.read": event.tablesRead,
        "varve.tables.written": event.tablesWritten,
        "varve.bytes.read": event.bytesRead,
        "varve.bytes.written": event.bytesWritten,
        "varve.entries.dropped": event.droppedEntries,
      };
    case "stall":
      return {
        "varve.stall.cause": event.cause,
        "varve.stall.condition": event.condition,
        "varve.stall.awaited": event.isAwaited,
      };
    case "error":
      return { "varve.action": event.action };
    default:
      return {};
  }
}

/** What an error that is not the library's own is called. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "_OTHER";
}

/** Marks a span as failed. */
function fail(span: Span, error: unknown): void {
  const exception = error instanceof Error ? error : String(error);
  const message = error instanceof Error ? error.message : String(error);
  span.recordException(exception);
  span.setAttribute("error.type", error instanceof VarveError ? error.code : nameOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** What one open database is traced by. */
class Telemetry {
  readonly watch: Watch;
  readonly #tracer: Tracer = trace.getTracer(SCOPE);
  readonly #attributes: Attributes;

  constructor(directory: string) {
    this.#attributes = { "db.system.name": "varve", "db.namespace": directory };
    this.watch = new Watch(this.#attributes);
  }

  /** Tells of an event that has just come. */
  readonly hear: EventListener = (event) => {
    // A call's own span has said these.
    if (event.type === "resume") return;
    if (event.type === "close") return this.watch.end();
    this.watch.record(event);
    const endTime = Date.now();
    const span = this.#tracer.startSpan(spanName(event), {
      startTime: endTime - event.durationMs,
      root: BACKGROUND.has(event.type === "error" ? event.action : event.type),
      attributes: { ...this.#attributes, ...spanAttributes(event) },
    });
    if (event.type === "error") fail(span, event.error);
    span.end(endTime);
  };

  /** Does something in a span of the caller's context. */
  async call<T>(name: string, body: () => T | Promise<T>): Promise<T> {
    const attributes = this.#attributes;
    return await this.#tracer.startActiveSpan(name, { attributes }, async (span) => {
      try {
        return await body();
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }
}

/** Both listeners, one after the other; what the caller's own throws is lost anyway. */
function both(first: EventListener, second: EventListener | undefined): EventListener {
  if (second === undefined) return first;
  return (event) => {
    try {
      first(event);
    } finally {
      second(event);
    }
  };
}

/**
 * Opens a database as the main `open` does, and tells OpenTelemetry of its work: see the tables above.
 *
 * @example Metrics and spans, if the program has them on
 * ```ts
 * import { MemoryFileSystem } from "@varve/varve";
 * import { open } from "@varve/varve/telemetry";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.flush(); // a span of its own, and one of the flush that it waits for
 * assertEquals(await db.get("key"), "value");
 * ```
 *
 * @typeParam K What keys are: strings unless a key codec is given.
 * @typeParam V What values are: strings unless a value codec is given.
 * @param directory The directory, as a path or a `file:` URL.
 * @param options How to open it; every one has a default.
 * @returns The open database, to be closed with `close` or `await using`.
 * @throws {TypeError} If an option is unknown or of a wrong type.
 * @throws {RangeError} If an option is out of range.
 * @category Opening
 */
export async function open<K = string, V = string>(
  directory: string | URL,
  options: OpenOptions<K, V> = {},
): Promise<Database<K, V>> {
  const path = directory instanceof URL ? fromFileUrl(directory) : directory;
  const telemetry = new Telemetry(String(path));
  return await telemetry.call("varve.open", () => {
    const { engine, database } = openWithEngine(
      path,
      withListener(options, telemetry.hear),
      denoFileSystem,
      { ...webSurroundings, workers: denoWorkers },
    );
    telemetry.watch.begin(() => engine.stats());
    return traced(database, telemetry);
  });
}

/** The options with another listener before the caller's; as they are if they will be refused. */
function withListener<K, V>(
  options: OpenOptions<K, V>,
  listener: EventListener,
): OpenOptions<K, V> {
  if (typeof options !== "object" || options === null) return options;
  const { onEvent } = options;
  if (onEvent !== undefined && typeof onEvent !== "function") return options;
  return { ...options, onEvent: both(listener, onEvent) };
}

/**
 * Gives a database spans for the few calls that take long. They are put on the object itself: another one around it
 * would cost every read and write a call more, and a batch would not know it as its database.
 */
function traced<K, V>(database: Database<K, V>, telemetry: Telemetry): Database<K, V> {
  const { flush, compact, resume, close } = database;
  return Object.assign(database, {
    flush: () => telemetry.call("varve.call.flush", () => flush.call(database)),
    compact: (...range: Parameters<typeof compact>) =>
      telemetry.call("varve.call.compact", () => compact.apply(database, range)),
    resume: () => telemetry.call("varve.call.resume", () => resume.call(database)),
    close: () => telemetry.call("varve.close", () => close.call(database)),
  });
}
