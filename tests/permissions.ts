/**
 * **What.** Options for tests that need more than memory. A plain `deno test` has no permissions: it runs everything
 * that needs none, and reports the rest as ignored rather than failed. `deno task test` grants what they ask for.
 *
 * **Invariants.**
 * 1. With the permissions granted nothing is ignored; the gate fails if anything is.
 *
 * **Read next.** `../mod.ts`
 *
 * @example A test on a real disk
 * ```ts ignore
 * Deno.test("open() makes a directory", onDisk, async () => {});
 * ```
 *
 * @module
 */

function granted(...names: ("read" | "write" | "run" | "env")[]): boolean {
  return names.every((name) => Deno.permissions.querySync({ name }).state === "granted");
}

/** For a test that reads files, such as those of this repository. */
export const onSources: { ignore: boolean } = { ignore: !granted("read") };

/** For a test that reads and writes files, in a temporary directory of its own. */
export const onDisk: { ignore: boolean } = { ignore: !granted("read", "write") };

/** For a test that also starts other processes. */
export const inProcesses: { ignore: boolean } = {
  ignore: !granted("read", "write", "run", "env"),
};
