/**
 * What guarding the store from its logger costs a message. Messages come with flushes and compactions, not with reads
 * and writes. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 4 ns a message, guarded or
 * not; 370 if the logger throws.
 *
 * @module
 */
import { type Logger, silentLogger, unfailing } from "./logger.ts";

let messages = 0;
const counting: Logger = {
  log() {
    messages++;
  },
};
const failure = new Error("disk is full");
const failing: Logger = {
  log() {
    throw failure;
  },
};

for (
  const [name, logger] of [
    ["to nobody", silentLogger],
    ["to a logger", counting],
    ["to a logger, guarded", unfailing(counting)],
    ["to a logger that fails, guarded", unfailing(failing)],
  ] as const
) {
  Deno.bench(`1000 messages ${name}`, { group: "log" }, () => {
    for (let i = 0; i < 1000; i++) logger.log("info", "bench", "a message");
  });
}
