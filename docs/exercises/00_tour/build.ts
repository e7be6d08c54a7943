/**
 * **What.** Build it: a transfer between two accounts that no power cut can take apart.
 *
 * **Invariants.**
 * 1. The sum of all accounts is the same before a transfer, after it, and after a power cut at any moment of it.
 *
 * **Read next.** `../../00_tour.md`
 *
 * @module
 */
// deno-lint-ignore-file no-unused-vars -- until you use them
import { NotBuiltError } from "../../../docs/exercises/exercise.ts";
import type { Database } from "../../../mod.ts";

/**
 * Moves an amount from one account to another. An account is a key, its balance the value, in decimal digits; an
 * account that is not there has a balance of 0.
 *
 * @param db The accounts. `await db.get("rome")` is a text, such as `"100"`, or `undefined`. To write there is
 *     `await db.put("rome", "70")`, and more in `Store` and `Batch` of `lib/store.ts`.
 * @param from The account that is debited.
 * @param to The account that is credited; the same one, maybe.
 * @param amount How much, a whole number of at least 1.
 * @returns When the transfer is on disk.
 * @throws {RangeError} If `from` has less than `amount`; nothing is changed then.
 */
export function transfer(
  db: Database<string, string>,
  from: string,
  to: string,
  amount: number,
): Promise<void> {
  // Write `async` before `function`, and your code in the place of this.
  return Promise.reject(new NotBuiltError(`transfer("${from}", "${to}", ${amount})`));
}
