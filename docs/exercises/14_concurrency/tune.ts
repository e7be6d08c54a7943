/**
 * **What.** Tune it: how much a writer has to wait for, the more tables are in level 0.
 *
 * **Invariants.**
 * 1. It depends on the number of tables and on nothing else.
 *
 * **Read next.** `../../14_concurrency.md`
 *
 * @module
 */

/**
 * How many bytes have to be compacted before a writer may write one byte more. Nobody is slowed down below 4 tables,
 * and at 36 a writer stops until there are fewer, whatever this says.
 *
 * @param _levelZeroTables How many tables are in level 0, 4 to 35.
 * @returns Bytes for each byte written; 0 for no waiting.
 */
export function pace(_levelZeroTables: number): number {
  return 0;
}
