/**
 * **What.** Tune it: tables in which a damaged bit costs few entries, and which are hardly larger for it.
 *
 * **Invariants.**
 * 1. Each option is one of `OpenOptions`, within its limits.
 *
 * **Read next.** `../../13_the_doctor.md`
 *
 * @module
 */
import type { OpenOptions } from "../../../lib/options.ts";

/** Which options may be tuned. */
export type Tuned = Required<Pick<OpenOptions, "blockBytes" | "restartInterval">>;

/** The options: the defaults, to begin with. */
export const options: Tuned = { blockBytes: 4096, restartInterval: 16 };
