/**
 * **What.** The figure of what each call promises: what is left of a file after a kill and after a power cut, call by
 * call.
 *
 * **Invariants.**
 * 1. Every text is read from a disk: the running one for a kill, crashed ones for a power cut.
 *
 * **Read next.** `../02_files_that_survive.md`
 *
 * @module
 */
import type { WritableFile } from "../../lib/file_system.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { type Figure, Sheet } from "./drawing.ts";

const PATH = "data/log";
/** The crash that loses all that may be lost, and the one that keeps it: see `SimulatedFileSystem.crash`. */
const WORST = 0;
const BEST = 1;

/** The calls, in order, each with how it is written. */
const CALLS: readonly [string, (disk: SimulatedFileSystem, file: WritableFile) => void][] = [
  ['append("clay")', (_, file) => file.append(new TextEncoder().encode("clay"))],
  ["syncSync()", (_, file) => file.syncSync()],
  ["syncDirectory()", (disk) => disk.syncDirectory("data")],
  ['append(" sand")', (_, file) => file.append(new TextEncoder().encode(" sand"))],
  ["syncSync()", (_, file) => file.syncSync()],
];
const COLUMNS = [
  { x: 180, title: "after a kill" },
  { x: 370, title: "power cut, at worst" },
  { x: 560, title: "power cut, at best" },
] as const;
const CELL_WIDTH = 178;

function left(disk: SimulatedFileSystem): string | undefined {
  return disk.exists(PATH) ? new TextDecoder().decode(disk.readAll(PATH)) : undefined;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "Six calls on a file, and what is left of it after each. After a kill everything is left. After a power cut at " +
    "worst there is no file until its directory was synced, and then what was synced of its contents.",
  draw() {
    const sheet = new Sheet("What is left after each call");
    const disk = new SimulatedFileSystem();
    disk.makeDirectory("data");
    for (const { x, title } of COLUMNS) sheet.text(x, 28, title, { style: "bold" });
    let y = 40;
    const row = (name: string) => {
      sheet.text(20, y + 19, name, { style: "mono" });
      const disks = [disk, disk.crash(WORST), disk.crash(BEST)];
      disks.forEach((it, i) => {
        const text = left(it);
        const label = text === undefined ? "no file" : text === "" ? "an empty file" : `"${text}"`;
        const tone = text === left(disk) ? "green" : text === undefined ? "red" : "amber";
        sheet.box(COLUMNS[i]!.x, y, CELL_WIDTH, 28, { tone, label });
      });
      y += 36;
    };
    const file = disk.create(PATH);
    row("create()");
    for (const [name, call] of CALLS) {
      call(disk, file);
      row(name);
    }
    file.close();
    return sheet.finish(y + 8);
  },
};
