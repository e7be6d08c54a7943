/**
 * **What.** The options of the programs here: `--name=value`, each with a default and a line of help.
 *
 * **Read next.** `workloads.ts`
 *
 * @module
 */

/** A default and what the option means. The default's type is that of the option; a list is comma-separated. */
export type FlagTable = Record<string, readonly [string | number | boolean | string[], string]>;

/** What was chosen. */
export type Flags<T extends FlagTable> = {
  -readonly [Name in keyof T]: T[Name][0] extends number ? number
    : T[Name][0] extends boolean ? boolean
    : T[Name][0] extends string ? string
    : string[];
};

/**
 * Reads options. Prints the help and ends the process when asked for it, or when one is not known.
 *
 * @param about What the program does.
 * @param table The options.
 * @param args What the caller gave.
 * @returns Every option, chosen or by default.
 */
export function readFlags<T extends FlagTable>(
  about: string,
  table: T,
  args: readonly string[] = Deno.args,
): Flags<T> {
  const chosen: Record<string, unknown> = {};
  for (const [name, [fallback]] of Object.entries(table)) chosen[name] = fallback;
  for (const arg of args) {
    const [, name = "", value] = /^--([\w-]+)(?:=(.*))?$/.exec(arg) ?? [];
    const entry = Object.hasOwn(table, name) ? table[name] : undefined;
    const parsed = entry && parse(entry[0], value);
    if (parsed === undefined) {
      if (name !== "help") console.error(`There is no such option: ${arg}\n`);
      console.log(help(about, table));
      Deno.exit(name === "help" ? 0 : 1);
    }
    chosen[name] = parsed;
  }
  return chosen as Flags<T>;
}

/** A value of the same type as the default; `undefined` if it is none. */
function parse(fallback: FlagTable[string][0], value: string | undefined): unknown {
  if (typeof fallback === "boolean") {
    return value === undefined || value === "true" ? true : value === "false" ? false : undefined;
  }
  if (value === undefined) return undefined;
  if (typeof fallback === "string") return value;
  if (typeof fallback !== "number") return value.split(",");
  const number = Number(value);
  return value !== "" && number >= 0 ? number : undefined;
}

function help(about: string, table: FlagTable): string {
  const lines = Object.entries(table).map(([name, [fallback, meaning]]) => [
    `  --${name}=${Array.isArray(fallback) ? fallback.join(",") : fallback}`,
    meaning,
  ]);
  const width = Math.min(40, Math.max(...lines.map(([name]) => name!.length)));
  return [about, "", ...lines.map(([name, meaning]) => `${name!.padEnd(width)}  ${meaning}`)]
    .join("\n");
}
