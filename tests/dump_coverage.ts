/**
 * **What.** What must hold of every dump, whatever the bytes: for tests of dumps.
 *
 * **Read next.** `dump_test.ts`
 *
 * @module
 */
import { dumpFile, type DumpKind } from "../lib/dump_file.ts";
import {
  type DumpOptions,
  type DumpPart,
  type DumpSource,
  MemorySource,
} from "../lib/dump_part.ts";
import { dumpLines, type DumpStyle } from "../lib/dump_text.ts";

/** All there is, values shortened. */
export const ALL: DumpOptions = { valueBytes: 16, keysOnly: false };

const STYLE: DumpStyle = {
  format: "text",
  hasBytes: false,
  bytesMax: 32,
  hasColors: false,
  columns: 120,
};

/** All ways to write a part. */
export const STYLES: readonly DumpStyle[] = [
  STYLE,
  { ...STYLE, hasBytes: true },
  { ...STYLE, format: "json", hasBytes: true },
];

/**
 * Dumps bytes, and throws unless each of them is in one part and the parts are in order, here and within whatever the
 * bytes become.
 *
 * @param bytes The file.
 * @param kind What it is dumped as.
 * @param options How much is shown.
 * @returns The parts.
 */
export function dumpWhole(
  bytes: Uint8Array,
  kind: DumpKind,
  options: DumpOptions = ALL,
): DumpPart[] {
  const source = new MemorySource(bytes, undefined);
  const parts = [...dumpFile(source, "file", kind, options)];
  const reached = new Map<DumpSource, number>([[source, 0]]);
  for (const part of parts) {
    const at = reached.get(part.source) ?? 0;
    if (!reached.has(part.source)) reached.set(part.source, 0);
    if (!part.isLeaf) {
      // A record that is named again, or never ended, is the one exception to the order.
      if (part.length > 0 && part.offset !== at) throw misplaced(part, at);
      continue;
    }
    if (part.offset !== at) throw misplaced(part, at);
    reached.set(part.source, at + part.length);
  }
  for (const [of, at] of reached) {
    if (at === of.size) continue;
    const where = of.within ?? "file";
    throw new Error(`The parts of the ${where} end at ${at} of ${of.size}`);
  }
  return parts;
}

function misplaced({ name, offset, source }: DumpPart, at: number): Error {
  return new Error(`${name} at ${offset} of the ${source.within ?? "file"}, not at ${at}`);
}

/** What is wrong, as a dump has it. */
export function damagesOf(parts: readonly DumpPart[]): string[] {
  return parts.flatMap(({ offset, name, damage }) =>
    damage === undefined ? [] : [`${offset} ${name}: ${damage}`]
  );
}

/** Writes parts in all ways, and throws if a line has a control character in it. */
export function writeWhole(parts: readonly DumpPart[]): string[] {
  const lines = STYLES.flatMap((style) => parts.flatMap((part) => dumpLines(part, style)));
  const bad = lines.find((line) => /\p{Cc}/u.test(line));
  if (bad !== undefined) throw new Error(`A line with a control character: ${JSON.stringify(bad)}`);
  return lines;
}
