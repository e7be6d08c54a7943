/**
 * **What.** Tune it: when to cut the power so that few cuts find every fault.
 *
 * **Invariants.**
 * 1. The plan follows from the calls of the disk, of which a fault may have taken some away.
 *
 * **Read next.** `../../16_testing.md`
 *
 * @module
 */
import type { Operation } from "../../../lib/fault_rules.ts";

/** One power cut. */
export interface Cut {
  /** Before which call: an index of the list. Its length stands for the end, after the last call. */
  readonly point: number;
  /** What the cut leaves: 0 for nothing that was not synced, 1 for all of it, others for anything between. */
  readonly seed: number;
}

/**
 * Says when to cut the power of a run, whose calls are known from an earlier one without cuts.
 *
 * @param calls The calls that changed something on the disk, or made a change durable, with their paths.
 * @returns The cuts: at most one for every two calls.
 */
export function plan(calls: readonly Operation[]): Cut[] {
  return [{ point: calls.length, seed: 1 }];
}
