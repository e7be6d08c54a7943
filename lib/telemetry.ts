/**
 * **What.** Opening a database so that OpenTelemetry hears of its work.
 *
 * **Invariants.**
 * 1. To come.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
export {};
