/**
 * **What.** Moving from Deno KV: a program that takes a `Deno.Kv` runs on the runtime's own and on Varve, and what was
 * stored is copied. The flag is for the runtime's own; Varve needs none:
 * ```text
 * deno run --unstable-kv --allow-read --allow-write docs/recipes/moving_from_deno_kv.ts [DIRECTORY]
 * ```
 *
 * **Format.** The program's keys.
 * ```text
 * ["account", name]        → the balance, a number
 * ["transfer", id]         → { from, to, amount }
 * ["transfers"]            → how many there were, a Deno.KvU64
 * ```
 *
 * **Invariants.**
 * 1. The program does not know which of the two it runs on.
 * 2. Money is neither made nor lost: a transfer is one atomic operation, which fails if somebody came in between.
 *
 * **Read next.** `moving_from_deno_kv_test.ts`
 *
 * @module
 */
import { openKv } from "@varve/varve/kv";

// #region program
/**
 * Moves money from one account to another, as it was written for Deno KV.
 *
 * @param kv The database.
 * @param from Whose money.
 * @param to Who gets it.
 * @param amount How much.
 * @returns Whether there was enough.
 */
export async function transfer(
  kv: Deno.Kv,
  from: string,
  to: string,
  amount: number,
): Promise<boolean> {
  if (from === to || !(amount > 0)) {
    throw new RangeError(`Cannot transfer ${amount} from ${from} to ${to}: nothing would move`);
  }
  while (true) {
    const [source, target] = await kv.getMany<[number, number]>([["account", from], [
      "account",
      to,
    ]]);
    if ((source.value ?? 0) < amount) return false;
    const { ok } = await kv.atomic()
      .check(source, target) // both as they were read, or nothing happens
      .set(source.key, source.value! - amount)
      .set(target.key, (target.value ?? 0) + amount)
      .set(["transfer", crypto.randomUUID()], { from, to, amount })
      .sum(["transfers"], 1n)
      .commit();
    if (ok) return true;
  }
}
// #endregion

/**
 * All balances.
 *
 * @param kv The database.
 * @returns Them, by name.
 */
export async function balances(kv: Deno.Kv): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const { key, value } of kv.list<number>({ prefix: ["account"] })) {
    found[String(key[1])] = value;
  }
  return found;
}

// #region copy
/**
 * Copies all entries, a hundred in one operation. Values of every type stay what they are; versionstamps become those
 * of the new database, and when an entry expires is not told by a `Deno.Kv`, so that it is lost.
 *
 * @param from The database that has them. Nobody should write to it meanwhile.
 * @param to The one that is to have them.
 * @returns How many there were.
 */
export async function copyAll(from: Deno.Kv, to: Deno.Kv): Promise<number> {
  let count = 0;
  let operation = to.atomic();
  for await (const { key, value } of from.list({ prefix: [] }, { batchSize: 100 })) {
    operation.set(key, value);
    if (++count % 100 > 0) continue;
    await operation.commit();
    operation = to.atomic();
  }
  await operation.commit();
  return count;
}
// #endregion

/**
 * Shows it at work.
 *
 * @param directory Where the databases are.
 * @param print Told what happens.
 */
export async function demo(
  directory: string,
  print: (line: string) => void = console.log,
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  using old = await Deno.openKv(`${directory}/kv.db`);
  await old.set(["account", "Ada"], 100);
  await transfer(old, "Ada", "Bob", 30);
  print(`Deno KV  ${JSON.stringify(await balances(old))}`);
  // #region open
  await using kv: Deno.Kv & AsyncDisposable = await openKv(`${directory}/varve`);
  // #endregion
  print(`copied   ${await copyAll(old, kv)} entries`);
  print(`Varve    ${JSON.stringify(await balances(kv))}`);
  // Many at once: each transfer that another one came before is tried again.
  const done = await Promise.all(
    Array.from(
      { length: 20 },
      (_, i) => transfer(kv, i % 2 ? "Ada" : "Bob", i % 2 ? "Bob" : "Ada", 5),
    ),
  );
  print(
    `Varve    ${JSON.stringify(await balances(kv))} after ${done.filter((it) => it).length} more`,
  );
  const { value } = await kv.get<Deno.KvU64>(["transfers"]);
  print(`Varve    ${value} transfers`);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? await Deno.makeTempDir({ prefix: "varve_moving_" });
  await demo(directory);
  if (Deno.args.length === 0) await Deno.remove(directory, { recursive: true });
}
