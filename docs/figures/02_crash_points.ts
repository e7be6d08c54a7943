/**
 * **What.** The figure of crash points: a small file is replaced in three ways, and the power fails after each call, a
 * thousand times. What is in the file then?
 *
 * **Invariants.**
 * 1. Every count is one of crashed disks that were looked into.
 *
 * **Read next.** `../02_files_that_survive.md`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { WritableFile } from "../../lib/file_system.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const CRASHES = 1000;
const PATH = "data/CURRENT";
const TEMPORARY = "data/000005.dbtmp";
const OLD = new TextEncoder().encode("MANIFEST-000001\n");
const NEW = new TextEncoder().encode("MANIFEST-000004\n");

type Call = "create" | "append" | "sync" | "rename" | "syncDirectory";

const WAYS: readonly { readonly title: string; readonly path: string; readonly calls: Call[] }[] = [
  { title: "written in place", path: PATH, calls: ["create", "append", "sync"] },
  {
    title: "renamed, not synced before",
    path: TEMPORARY,
    calls: ["create", "append", "rename", "syncDirectory"],
  },
  {
    title: "synced, then renamed",
    path: TEMPORARY,
    calls: ["create", "append", "sync", "rename", "syncDirectory"],
  },
];
const OUTCOMES: readonly { readonly tone: Tone; readonly name: string }[] = [
  { tone: "green", name: "the old file" },
  { tone: "blue", name: "the new file" },
  { tone: "red", name: "neither: empty, or zeros" },
];
const COLUMN_WIDTH = 246;
const BAR_WIDTH = 226;
/** Narrower parts of a bar have no number in them. */
const LABEL_WIDTH_MIN = 30;

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** How many crashes of a disk leave the old file, the new one, and neither. */
function outcomes(disk: SimulatedFileSystem): number[] {
  const counts = OUTCOMES.map(() => 0);
  for (let seed = 0; seed < CRASHES; seed++) {
    const crashed = disk.crash(seed);
    const found = crashed.exists(PATH) ? crashed.readAll(PATH) : new Uint8Array(0);
    const outcome = [OLD, NEW].findIndex((expected) => isEqual(found, expected));
    counts[outcome < 0 ? 2 : outcome]!++;
  }
  return counts;
}

/** What crashes leave after each call. */
function replace(path: string, calls: readonly Call[]): number[][] {
  const disk = new SimulatedFileSystem();
  disk.makeDirectory("data");
  disk.writeAll(PATH, OLD);
  let file: WritableFile;
  return calls.map((call) => {
    if (call === "create") file = disk.create(path);
    if (call === "append") file.append(NEW);
    if (call === "sync") file.syncSync();
    if (call === "rename") disk.rename(path, PATH);
    if (call === "syncDirectory") disk.syncDirectory("data");
    return outcomes(disk);
  });
}

/** What the chapter says about a way, from its counts of old, new and neither after each call. */
function check(way: number, counts: readonly number[][]): void {
  const [, isNew, isNeither] = counts.at(-1)!;
  if (way === 1) assert(isNeither! > CRASHES / 2, "half of them have neither, for good");
  else assertEquals(isNew, CRASHES, "the new file, in the end");
  if (way === 2) assertEquals(counts.map((count) => count[2]), counts.map(() => 0), "always one");
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Bars of what a thousand power cuts leave after each call. Written in place, the file is neither old nor new " +
    "after many cuts until it is synced. Renamed without a sync before, it is so after many cuts, and for good. " +
    "Synced and then renamed, it is always the old or the new one, and the new one once the directory is synced.",
  draw() {
    const sheet = new Sheet("A file is replaced, and the power fails");
    let bottom = 0;
    WAYS.forEach(({ title, path, calls }, i) => {
      const x = 20 + i * COLUMN_WIDTH;
      sheet.text(x, 28, title, { style: "bold" });
      const left = replace(path, calls);
      check(i, left);
      left.forEach((counts, k) => {
        const y = 42 + k * 46;
        sheet.text(x, y + 12, `after ${calls[k]}`, { style: "small" });
        let at = x;
        counts.forEach((count, outcome) => {
          if (count === 0) return;
          const width = count / CRASHES * BAR_WIDTH;
          sheet.box(at, y + 17, width, 20, {
            tone: OUTCOMES[outcome]!.tone,
            radius: 0,
            ...(width < LABEL_WIDTH_MIN ? {} : { label: String(count), style: "small" }),
          });
          at += width;
        });
        bottom = Math.max(bottom, y + 46);
      });
    });
    let x = 20;
    for (const { tone, name } of OUTCOMES) {
      sheet.box(x, bottom + 8, 14, 14, { tone, radius: 0 });
      sheet.text(x + 22, bottom + 20, name, { style: "small" });
      x += 140;
    }
    return sheet.finish(bottom + 36);
  },
};
