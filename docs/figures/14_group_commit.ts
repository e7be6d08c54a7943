/**
 * **What.** The figure of group commit: five writes of four callers on a time line, the records of the log that they
 * became, and the syncs that they waited for.
 *
 * **Invariants.**
 * 1. Every time, record and sync is what a database did in virtual time; only when callers write is written here.
 *
 * **Read next.** `../14_concurrency.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { openTimed, VirtualTime } from "../experiments/14_virtual_time.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const SYNC_MS = 1;
/** Who writes when, in milliseconds. */
const WRITES: readonly { readonly caller: string; readonly at: number }[] = [
  { caller: "Ada", at: 0.1 },
  { caller: "Ben", at: 0.1 },
  { caller: "Cleo", at: 0.42 },
  { caller: "Dan", at: 0.76 },
  { caller: "Ada", at: 1.6 },
];
const TONES: readonly Tone[] = ["blue", "green", "violet"];

const LEFT = 80;
const PER_MS = 200;
const x = (ms: number) => LEFT + ms * PER_MS;

/** What happened. */
interface Story {
  readonly waits: { readonly caller: string; readonly from: number; readonly to: number }[];
  readonly appends: { readonly at: number; readonly bytes: number }[];
  readonly syncs: { readonly from: number; to: number }[];
}

async function tell(): Promise<Story> {
  const time = new VirtualTime();
  const { disk, db } = openTimed(time, SYNC_MS);
  const story: Story = { waits: [], appends: [], syncs: [] };
  disk.onMutation = ({ kind, path, bytes }) => {
    if (!path.endsWith(".log")) return;
    if (kind === "append") story.appends.push({ at: time.now, bytes });
    if (kind !== "sync") return;
    const sync = { from: time.now, to: NaN };
    story.syncs.push(sync);
    time.sleep(SYNC_MS).then(() => sync.to = time.now);
  };
  const all = WRITES.map(async ({ caller, at }) => {
    await time.sleep(at);
    await db.put(caller, "clay");
    story.waits.push({ caller, from: at, to: time.now });
  });
  await time.run();
  await Promise.all(all);
  disk.onMutation = undefined;
  await db.close();
  return story;
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A time line of four callers, a log and its syncs. Two callers who write at one moment become one record and " +
    "share the first sync. Two who write during that sync are appended at once and share the second. One who writes " +
    "during the second waits for the third.",
  async draw() {
    const { waits, appends, syncs } = await tell();
    const sheet = new Sheet("Group commit on a time line");
    const callers = [...new Set(WRITES.map(({ caller }) => caller))];
    const row = (caller: string) => 46 + callers.indexOf(caller) * 38;
    const end = Math.max(...syncs.map(({ to }) => to));
    const logRow = row("Dan") + 56;
    const syncRow = logRow + 50;
    for (const { from } of syncs) {
      sheet.path([[x(from), 30], [x(from), syncRow]], { hasTip: false, isDashed: true });
    }
    sheet.path([[x(end), 30], [x(end), syncRow]], { hasTip: false, isDashed: true });
    for (const caller of callers) sheet.text(30, row(caller) + 18, caller, { style: "bold" });
    const order = waits.toSorted((a, b) => a.from - b.from || a.to - b.to);
    const syncOf = ({ to }: typeof order[number]) => syncs.findIndex((it) => it.to === to);
    assertEquals(order.map(syncOf), [0, 0, 1, 1, 2], "what the chapter says of the figure");
    assertEquals(appends.length, 4, "records, of which two writers share one");
    for (const wait of order) {
      const { caller, from, to } = wait;
      const sync = syncOf(wait);
      const width = x(to) - x(from);
      sheet.box(x(from), row(caller), width, 28, { tone: TONES[sync]! });
      sheet.text(x(from) + 8, row(caller) + 18, `put, waits ${(to - from).toFixed(2)} ms`, {
        style: "small",
      });
      sheet.text(x(to) - 8, row(caller) + 18, `by sync ${sync + 1}`, {
        anchor: "end",
        style: "small",
      });
    }
    sheet.text(30, logRow + 18, "log", { style: "bold" });
    for (const { at, bytes } of appends) {
      // What the sync that covers it is: the first that began when the record was there.
      const sync = syncs.findIndex(({ from }) => from >= at);
      sheet.box(x(at), logRow, 5, 28, { tone: TONES[sync]!, radius: 0 });
      sheet.text(x(at) + 9, logRow + 18, `${bytes} bytes`, { style: "small" });
    }
    sheet.text(30, syncRow + 18, "disk", { style: "bold" });
    syncs.forEach(({ from, to }, i) => {
      sheet.box(x(from), syncRow, x(to) - x(from), 28, {
        tone: TONES[i]!,
        label: `sync ${i + 1}`,
      });
    });
    const axis = syncRow + 44;
    sheet.path([[LEFT, axis], [x(end) + 30, axis]]);
    for (let ms = 0; ms <= end; ms += 0.5) {
      sheet.path([[x(ms), axis - 3], [x(ms), axis + 3]], { hasTip: false });
      sheet.text(x(ms), axis + 18, `${ms}`, { anchor: "middle", style: "soft small" });
    }
    sheet.text(x(end) + 36, axis + 4, "ms", { style: "soft small" });
    return sheet.finish(axis + 34);
  },
};
