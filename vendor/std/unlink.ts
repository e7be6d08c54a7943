/**
 * **What.** The configuration of this package for a machine that reaches `jsr.io`: without `"links"`, so that `@std`
 * is what is published there, and with `vendor/` left out of the package. Run as a program it rewrites `deno.json`,
 * which a workflow does in its own checkout before it publishes.
 *
 * **Invariants.**
 * 1. Nothing else of the configuration changes.
 *
 * **Read next.** `../../tests/jsr.ts`
 *
 * @module
 */

/** As much of `deno.json` as is looked at here. */
export interface Configuration {
  /** Packages on this disk that stand in for published ones. */
  links?: string[];
  /** What is published. */
  publish: { exclude: string[] };
  /** Commands, by name. */
  tasks: Record<string, { command: string }>;
}

/**
 * The same configuration for the published packages.
 *
 * @param config What `deno.json` has.
 * @returns What it is to have.
 */
export function withoutLinks({ links: _, ...config }: Configuration): Configuration {
  const exclude = config.publish.exclude.filter((path) => !path.startsWith("vendor/"));
  return { ...config, publish: { ...config.publish, exclude: [...exclude, "vendor/"] } };
}

if (import.meta.main) {
  const path = new URL("../../deno.json", import.meta.url);
  const config = withoutLinks(JSON.parse(Deno.readTextFileSync(path)));
  Deno.writeTextFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
}
