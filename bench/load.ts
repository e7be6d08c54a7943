/**
 * **What.** How fast the command loads and exports: each format, from and to files and pipes, in rounds that take
 * turns, with medians. Each run is a process of its own, its start included.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run bench/load.ts [entries] [rounds]
 * ```
 *
 * Keys of 16 bytes, each of them once and in no order, values of 100 bytes.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";

const entries = Number(Deno.args[0] ?? 1_000_000);
const rounds = Number(Deno.args[1] ?? 3);
const root = fromFileUrl(new URL("../", import.meta.url));
const directory = await Deno.makeTempDir({ prefix: "varve_load_" });

/** Runs the command with files in place of its pipes, and gives back the seconds it took. */
async function run(args: string[], input = "/dev/null", output = "/dev/null"): Promise<number> {
  const flags = "run --quiet --allow-read --allow-write".split(" ");
  const line = [
    Deno.execPath(),
    ...flags,
    `--config=${root}deno.json`,
    `${root}lib/cli.ts`,
    ...args,
  ];
  // The pipes are real ones: `cat` is at their other ends.
  const script = 'i=$1 o=$2; shift 2; cat "$i" | "$@" | cat > "$o"';
  const started = performance.now();
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", input, output, ...line],
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (!success || text !== "") throw new Error(`${args.join(" ")}: ${text}`);
  return (performance.now() - started) / 1000;
}

async function writeInput(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const encoder = new TextEncoder();
  let text = "";
  for (let i = 0; i < entries; i++) {
    const key = (Math.imul(i, 2_654_435_761) >>> 0).toString(16).padStart(16, "0");
    text += `{"key":"${key}","value":"${`${key} some text `.repeat(4).slice(0, 100)}"}\n`;
    if (text.length < 1_000_000 && i < entries - 1) continue;
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    text = "";
  }
}

const seconds = new Map<string, number[]>();
async function measure(name: string, once: () => Promise<number>): Promise<void> {
  const all = seconds.get(name) ?? [];
  seconds.set(name, [...all, await once()]);
}

try {
  const source = `${directory}/source`;
  await writeInput(`${directory}/input.ndjson`);
  await run(["load", source, `${directory}/input.ndjson`]);
  for (let round = 0; round < rounds; round++) {
    for (const format of ["ndjson", "csv", "tsv"]) {
      const file = `${directory}/${format}.${format}`;
      const target = `${directory}/target`;
      const as = ["--format", format];
      await measure(`export ${format} file`, () => run(["export", source, file, "--force"]));
      await measure(
        `export ${format} pipe`,
        () => run(["export", source, ...as], "/dev/null", `${file}.pipe`),
      );
      await measure(`load ${format} file`, () => run(["load", target, file]));
      await Deno.remove(target, { recursive: true });
      await measure(`load ${format} pipe`, () => run(["load", target, ...as], file));
      await Deno.remove(target, { recursive: true });
    }
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
for (const [name, all] of seconds) {
  const median = all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
  console.log(`${name.padEnd(20)} ${Math.round(entries / median).toLocaleString("en")} entries/s`);
}
