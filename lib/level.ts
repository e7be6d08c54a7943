/**
 * **What.** An abstract-level database over the same engine.
 *
 * **Invariants.**
 * 1. To come.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
export {};
