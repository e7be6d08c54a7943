/**
 * **What.** The figure of crash points: one put and one flush, call by call, and where the put is found after a power
 * cut before each call.
 *
 * **Invariants.**
 * 1. The calls are those that the engine made, and every cut was made and what it left opened.
 *
 * **Read next.** `../16_testing.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Operation, SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { open } from "../../mod.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const SEEDS = 200;

/** Where a put may be after a power cut. */
type Place = "gone" | "in a log" | "in a table";
const PLACES: readonly { readonly place: Place; readonly tone: Tone }[] = [
  { place: "gone", tone: "grey" },
  { place: "in a log", tone: "blue" },
  { place: "in a table", tone: "green" },
];

/** A moment before a call. */
interface Moment {
  readonly call: string;
  readonly isPromised: boolean;
  readonly disks: readonly SimulatedFileSystem[];
}

const OPTIONS = { worker: false, memtableBytes: 65536 } as const;

function describe({ kind, path, bytes }: Operation): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (kind === "syncDirectory") return "sync the directory";
  return kind === "append" ? `append ${bytes} bytes to ${name}` : `${kind} ${name}`;
}

/** Puts and flushes, and cuts the power before each call. */
async function watch(): Promise<Moment[]> {
  const disk = new SimulatedFileSystem();
  const db = await open("db", { ...OPTIONS, fileSystem: disk });
  const moments: Moment[] = [];
  let isPromised = false;
  const cut = (call: string) => {
    const disks = Array.from({ length: SEEDS }, (_, seed) => disk.crash(seed));
    moments.push({ call, isPromised, disks });
  };
  disk.onMutation = (operation) => cut(describe(operation));
  await db.put("clay", "1");
  isPromised = true;
  await db.flush();
  cut("(all is done)");
  disk.onMutation = undefined;
  await db.close();
  return moments;
}

/** Where the put is on a disk. */
async function placeOn(disk: SimulatedFileSystem): Promise<Place> {
  await using db = await open("db", { ...OPTIONS, fileSystem: disk, readOnly: true });
  if (await db.get("clay") === undefined) return "gone";
  return db.stats().levels.some(({ tables }) => tables > 0) ? "in a table" : "in a log";
}

const LEFT = 330;
const WIDTH = 330;
const LINE = 27;

/** The figure. */
export const figure: Figure = {
  alt:
    "The calls of the disk of one put and one flush, and for each what 200 power cuts before it left. Until the " +
    "sync of the log is done the put is gone or in the log; from then on it is never gone. Before the sync of the " +
    "manifest it is in the log or in the table, and from then on in the table.",
  async draw() {
    const moments = await watch();
    const sheet = new Sheet("Where a put is after a power cut");
    sheet.text(30, 30, "the power is cut before:", { style: "bold" });
    sheet.text(LEFT, 30, `what ${SEEDS} cuts left of the put`, { style: "bold" });
    const places: string[] = [];
    for (const [i, { call, isPromised, disks }] of moments.entries()) {
      const y = 44 + i * LINE;
      sheet.text(30, y + 15, `${i + 1}`, { style: "mono soft" });
      sheet.text(56, y + 15, call, { style: "small" });
      const counts = new Map<Place, number>();
      for (const disk of disks) {
        const place = await placeOn(disk);
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
      if (isPromised && counts.has("gone")) throw new Error(`a promise is broken: ${call}`);
      places.push([...counts.keys()].sort().join(", "));
      let x = LEFT;
      for (const { place, tone } of PLACES) {
        const count = counts.get(place);
        if (count === undefined) continue;
        const width = WIDTH * count / SEEDS;
        sheet.box(x, y, width, 20, { tone, radius: 0 });
        const label = width > 90 ? `${place}: ${count}` : `${count}`;
        sheet.text(x + width / 2, y + 14, label, { anchor: "middle", style: "small" });
        x += width;
      }
      sheet.text(LEFT + WIDTH + 10, y + 15, isPromised ? "promised" : "", { style: "soft small" });
    }
    assertEquals(moments.length, 12, "eleven calls, as the chapter says, and the end");
    assertEquals(
      [...new Set(places)],
      ["gone", "gone, in a log", "in a log", "in a log, in a table", "in a table"],
      "what the chapter says of the figure",
    );
    const bottom = 44 + moments.length * LINE + 8;
    let x = LEFT;
    for (const { place, tone } of PLACES) {
      sheet.box(x, bottom, 14, 14, { tone, radius: 0 });
      sheet.text(x + 20, bottom + 11, place, { style: "small" });
      x += 100;
    }
    return sheet.finish(bottom + 30);
  },
};
