/**
 * **What.** An object assignable to `Deno.Kv` over the same engine.
 *
 * **Invariants.**
 * 1. To come.
 *
 * **Read next.** `cli_context.ts`
 *
 * @module
 */
export {};
