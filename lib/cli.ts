/**
 * **What.** The command.
 *
 * **Invariants.**
 * 1. To come.
 *
 * **Read next.** `../mod.ts`
 *
 * @module
 */
export {};
