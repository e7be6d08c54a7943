/**
 * **What.** The figure of the steps that opening takes on the disk, and of what a power cut before each of them leaves.
 *
 * **Invariants.**
 * 1. The steps are those of an opening in this run; the power is cut before each of them, in fourteen ways, and what is
 *    left is opened.
 *
 * **Read next.** `../12_recovery.md`
 *
 * @module
 */
import { manifestName } from "../../lib/file_names.ts";
import { readCurrent } from "../../lib/manifest.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { open } from "../../mod.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const WRITES = 300;
/** Seeds of power cuts: 0 loses all that was not synced, 1 nothing, the others something between. */
const SEEDS = Array.from({ length: 14 }, (_, seed) => seed);

/** A step, and the disks that a power cut before it may leave. */
interface Step {
  readonly text: string;
  readonly left: readonly SimulatedFileSystem[];
}

/** What the steps are for. */
const STAGES: readonly [first: RegExp, text: string][] = [
  [/LOCK/, "nobody else"],
  [/ldb/, "what the log had, as a table"],
  [/create .*log/, "a new log"],
  [/create MANIFEST/, "a new manifest for both"],
  [/create .*dbtmp/, "CURRENT names it"],
  [/remove/, "what nobody needs any more"],
];

/** Opens a database after a power cut. */
async function stepsOfOpening(): Promise<Step[]> {
  const disk = new SimulatedFileSystem();
  {
    await using db = await open("db", { fileSystem: disk });
    for (let i = 0; i < WRITES; i++) await db.put(`layer ${i}`, "clay");
  }
  const left = disk.crash(0);
  const steps: Step[] = [];
  const note = (text: string) =>
    void steps.push({ text, left: SEEDS.map((seed) => left.crash(seed)) });
  left.onMutation = ({ kind, path }) => {
    const name = path.slice("db/".length);
    note(kind === "syncDirectory" ? "sync the directory" : `${kind} ${name}`);
  };
  await using _ = await open("db", { fileSystem: left });
  left.onMutation = undefined;
  note("open");
  return steps;
}

/** The manifests that `CURRENT` may name after a power cut, and how many writes are there: always all. */
async function outcomeOf({ left }: Step): Promise<{ manifests: number[]; writes: number[] }> {
  const manifests = new Set<number>();
  const writes = new Set<number>();
  for (const disk of left) {
    manifests.add(readCurrent(disk, "db"));
    await using db = await open("db", { fileSystem: disk });
    writes.add([...db.keysSync()].length);
  }
  return { manifests: [...manifests].sort((a, b) => a - b), writes: [...writes] };
}

/** The figure. */
export const figure: Figure = {
  alt:
    "The steps of an opening on the disk, from the lock to the removal of old files. A power cut before any of the " +
    "first fourteen leaves a CURRENT that names the old manifest; one before the last sync of the directory either; " +
    "one after it the new one. All writes are there in each case.",
  async draw() {
    const steps = await stepsOfOpening();
    const outcomes = await Promise.all(steps.map(outcomeOf));
    const newest = outcomes.at(-1)!.manifests[0]!;
    const sheet = new Sheet("The steps of opening");
    const heads: [number, string][] = [[20, "step on the disk"], [264, "what for"]];
    heads.push([476, "after a power cut before it CURRENT names"]);
    for (const [x, text] of heads) sheet.text(x, 26, text, { style: "bold small" });
    let y = 38;
    let stage = -1;
    for (const [i, { text }] of steps.entries()) {
      const { manifests, writes } = outcomes[i]!;
      sheet.text(20, y + 15, `${i + 1}`.padStart(2), { style: "mono soft" });
      sheet.text(48, y + 15, text, { style: "mono" });
      const begun = STAGES.findLastIndex(([first]) => first.test(text));
      if (begun > stage) {
        stage = begun;
        sheet.text(264, y + 15, STAGES[stage]![1], { style: "soft" });
      }
      const isEither = manifests.length > 1;
      const tone: Tone = isEither ? "amber" : manifests[0] === newest ? "green" : "blue";
      const label = isEither ? "either of the two" : manifestName(manifests[0]!);
      sheet.box(476, y, 150, 20, { tone, label, style: "small" });
      sheet.text(640, y + 15, `${writes.join(" or ")} writes there`, { style: "soft small" });
      y += 24;
    }
    return sheet.finish(y + 12);
  },
};
