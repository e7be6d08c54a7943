/**
 * **What.** Where the store reports what it does: levels and an interface of one method. The library prints
 * nothing by itself; whoever opens a database passes a logger in, and stamps the time on what arrives.
 *
 * **Invariants.**
 * 1. Without a logger nothing is printed.
 * 2. Messages are for people and may change; no program should have to read them. What a program acts on is
 *    an error's code.
 * 3. Nothing on the path of a single read or write is logged, so a logger costs those nothing.
 *
 * **Read next.** `events.ts`
 *
 * @module
 */

/**
 * How much a message matters, from the least to the most:
 *
 * - `"debug"`: of use to someone who works on the store.
 * - `"info"`: a step that is meant to happen: recovered, flushed, compacted.
 * - `"warn"`: not meant to happen, and dealt with.
 * - `"error"`: not dealt with: an error follows, here or at the next write.
 *
 * @example Only what matters enough
 * ```ts
 * import type { LogLevel } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * const levels: LogLevel[] = ["debug", "info", "warn", "error"];
 * const from = (least: LogLevel) => levels.slice(levels.indexOf(least));
 * assertEquals(from("warn"), ["warn", "error"]);
 * ```
 *
 * @category Opening
 */
export type LogLevel =
  | "debug"
  | "info"
  | "warn"
  | "error";

/**
 * Takes the store's messages. Without one nothing is printed.
 *
 * @example Keeping what was done
 * ```ts
 * import { type Logger, MemoryFileSystem, open } from "@varve/varve";
 * import { assert } from "@std/assert";
 *
 * const lines: string[] = [];
 * const logger: Logger = {
 *   log(level, source, message) {
 *     if (level !== "debug") lines.push(`${level} ${source}: ${message}`);
 *   },
 * };
 * await using db = await open("data", { logger, fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.flush();
 * assert(lines.some((line) => line.startsWith("info ")), lines.join("\n"));
 * ```
 *
 * @category Opening
 */
export interface Logger {
  /**
   * Takes one message. What it throws is lost. It is called in the middle of things: the database that it reports on
   * can be read, and written to by awaited writes, whose turn comes when this has returned, but refuses to write
   * anything at once.
   *
   * @param level How much it matters.
   * @param source The component it comes from, for instance `"compaction"`.
   * @param message What happened, in one line.
   */
  log(level: LogLevel, source: string, message: string): void;
}

/** Ignores everything: what the store uses when no logger is given. */
export const silentLogger: Logger = Object.freeze({ log() {} });

/**
 * The same logger, except that nothing comes of what it throws: a full disk under a file of messages is no reason
 * to lose data, or to stop taking it.
 *
 * @param logger The logger.
 * @returns One that never throws.
 */
export function unfailing(logger: Logger): Logger {
  return {
    log(level, source, message) {
      try {
        logger.log(level, source, message);
      } catch {
        // There is nobody left to tell.
      }
    },
  };
}
