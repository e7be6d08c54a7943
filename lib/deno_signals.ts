/**
 * **What.** The signals that end a program: ctrl-C, a request to end, and the terminal going away.
 *
 * **Invariants.**
 * 1. While they are listened to, they end nothing by themselves; afterwards they do what they did before.
 * 2. A program that was ended by one exits with 128 and the number of the signal, as shells have it.
 *
 * **Read next.** `shell_command.ts`
 *
 * @module
 */

/** Those that there are, with their numbers. Windows has only the first. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 2]]
  : [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]];

/**
 * Listens to the signals that end a program.
 *
 * @example Until the end of a block
 * ```ts
 * import { onEndSignal } from "./deno_signals.ts";
 *
 * const interrupt = new AbortController();
 * using _listening = onEndSignal(() => interrupt.abort());
 * ```
 *
 * @param handle Called with the name and the number of each that comes.
 * @returns What ends it.
 */
export function onEndSignal(handle: (name: string, number: number) => void): Disposable {
  const handlers = SIGNALS.map(([name, number]) => {
    const handler = () => handle(name, number);
    Deno.addSignalListener(name, handler);
    return { name, handler };
  });
  return {
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) Deno.removeSignalListener(name, handler);
    },
  };
}
