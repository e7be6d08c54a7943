/**
 * **What.** The figure of the two threads: one flush, as it goes from the caller's thread to a worker and back.
 *
 * **Invariants.**
 * 1. Messages, steps and calls of the disk are those of a flush in a worker that is stepped on this thread; lengths of
 *    reports are read from the mailbox.
 *
 * **Read next.** `../14_concurrency.md`
 *
 * @module
 */
import type { Scheduler, Surroundings } from "../../lib/background.ts";
import { openDatabase } from "../../lib/database.ts";
import type { FileSystem } from "../../lib/file_system.ts";
import type { WorkerEvents, WorkerHost } from "../../lib/job_client.ts";
import { decodeReport, type JobRequest } from "../../lib/job_messages.ts";
import type { WorkerSetup } from "../../lib/job_server.ts";
import { SimulatedFileSystem } from "../../lib/simulated_file_system.ts";
import { InProcessWorker, InProcessWorkers } from "../../tests/fixtures/in_process_workers.ts";
import { ManualTurns } from "../../tests/fixtures/manual_turns.ts";
import { type Figure, Sheet } from "./drawing.ts";

/** Something that a thread did, or said to the other. */
interface Event {
  readonly side: "caller" | "worker";
  readonly kind: "act" | "post" | "report";
  readonly text: string;
}

/** What is noted down, and by whom. */
class Notes {
  readonly events: Event[] = [];
  side: Event["side"] = "caller";
  isOn = false;

  add(kind: Event["kind"], text: string): void {
    if (this.isOn) this.events.push({ side: this.side, kind, text });
  }

  /** The same as one with what was done before, if that is the same kind of thing. */
  count(what: string, bytes: number): void {
    const last = this.events.at(-1);
    const [, times, sum] = /^(?:(\d+) × )?.*?(\d+) bytes/.exec(last?.text ?? "") ?? [];
    if (last?.side !== this.side || !last.text.includes(what) || sum === undefined) {
      return this.add("act", `${what}, ${bytes} bytes`);
    }
    this.events.pop();
    this.add("act", `${Number(times ?? 1) + 1} × ${what}, ${Number(sum) + bytes} bytes`);
  }
}

function describe(request: JobRequest): string {
  if (request.kind === "remove") return `remove ${request.paths.map(nameOf).join(", ")}`;
  if (request.kind === "look") return "look: the mailbox is empty again";
  const { id, description } = request;
  return `start job ${id}: ${description.kind} a memtable, which is shared`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A worker that is watched. */
class WatchedWorker extends InProcessWorker {
  readonly #notes: Notes;
  readonly #mailbox: SharedArrayBuffer;

  constructor(
    notes: Notes,
    setup: WorkerSetup,
    disk: FileSystem,
    events: WorkerEvents,
    schedule: Scheduler,
  ) {
    super(setup, disk, events, schedule);
    this.#notes = notes;
    this.#mailbox = setup.mailbox;
  }

  override post(request: JobRequest): void {
    this.#notes.add("post", describe(request));
    super.post(request);
  }

  override step(): boolean {
    this.#notes.side = "worker";
    const words = new Int32Array(this.#mailbox, 0, 2);
    const wasEmpty = words[0] === 0;
    const hasMore = super.step();
    if (wasEmpty && words[0] !== 0) {
      const report = decodeReport(new Uint8Array(this.#mailbox, 8, words[1]).slice());
      this.#notes.add("report", `"${report.kind}", ${words[1]} bytes in the mailbox`);
    }
    this.#notes.side = "caller";
    return hasMore;
  }
}

class WatchedWorkers extends InProcessWorkers {
  readonly #make: (setup: WorkerSetup, events: WorkerEvents) => InProcessWorker;

  constructor(notes: Notes, disk: FileSystem, schedule: Scheduler) {
    super(disk, schedule);
    this.#make = (setup, events) => new WatchedWorker(notes, setup, disk, events, schedule);
  }

  override start(setup: WorkerSetup, events: WorkerEvents): WorkerHost {
    const worker = this.#make(setup, events);
    worker.begin();
    return worker;
  }
}

/** One flush, from the freeze to the end of the log. */
async function watch(): Promise<Event[]> {
  const disk = new SimulatedFileSystem();
  const turns = new ManualTurns();
  const notes = new Notes();
  const surroundings: Surroundings = {
    schedule: turns.schedule,
    now: turns.now,
    workers: new WatchedWorkers(notes, disk, turns.schedule),
  };
  const db = openDatabase<string, string>("db", { compression: "none" }, disk, surroundings);
  const write = (from: number) => {
    for (let i = from; i < from + 4000; i++) {
      db.putSync(`layer ${i}`, "clay".repeat(30), { sync: false });
    }
  };
  write(0); // so that there is a worker
  await turns.settle(db.flush());
  write(4000);
  while (turns.turn());
  disk.onMutation = ({ kind, path, bytes }) => {
    const name = nameOf(path);
    if (kind === "append") notes.count(`append to ${name}`, bytes);
    else notes.add("act", kind === "syncDirectory" ? "sync the directory" : `${kind} ${name}`);
  };
  notes.isOn = true;
  await turns.settle(db.flush());
  while (turns.turn());
  notes.isOn = false;
  await turns.settle(db.close());
  return notes.events;
}

const CALLER = 245;
const WORKER = 515;
const LINE = 26;

/** The figure. */
export const figure: Figure = {
  alt:
    "Two threads, and time downwards. The caller's thread starts a new log and posts a job to the worker. The " +
    "worker writes a table, syncs it and reports through the mailbox. The caller's thread appends an edit to the " +
    "manifest and posts that the log is to be removed.",
  async draw() {
    const events = await watch();
    const sheet = new Sheet("One flush in two threads");
    const bottom = 66 + events.length * LINE;
    sheet.box(CALLER - 90, 16, 180, 28, { tone: "blue", label: "caller's thread", style: "bold" });
    sheet.box(WORKER - 90, 16, 180, 28, { tone: "green", label: "worker", style: "bold" });
    for (const at of [CALLER, WORKER]) sheet.path([[at, 44], [at, bottom]], { hasTip: false });
    events.forEach(({ side, kind, text }, i) => {
      const y = 68 + i * LINE;
      const isLeft = side === "caller";
      const at = isLeft ? CALLER : WORKER;
      if (kind === "act") {
        sheet.dot(at, y, 4, isLeft ? "blue" : "green");
        sheet.text(isLeft ? at - 10 : at + 10, y + 4, text, {
          anchor: isLeft ? "end" : "start",
          style: "small",
        });
        return;
      }
      const [from, to] = isLeft ? [CALLER, WORKER] : [WORKER, CALLER];
      sheet.arrow(from, y + 6, to, y + 6, { isDashed: kind === "report" });
      sheet.text((CALLER + WORKER) / 2, y, text, { anchor: "middle", style: "small" });
    });
    sheet.text(20, bottom + 18, "whole arrow: a posted message; dashed: through shared memory", {
      style: "soft small",
    });
    return sheet.finish(bottom + 32);
  },
};
