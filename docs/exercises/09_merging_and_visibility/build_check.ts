/**
 * **What.** What a view of many runs has to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Runs count how often they are moved.
 *
 * **Read next.** `../../../lib/visible_cursor_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Cursor } from "../../../lib/cursor.ts";
import {
  InternalKeyComparator,
  KIND_TOMBSTONE,
  KIND_VALUE,
  makeInternalKey,
  sequenceAt,
  TRAILER_BYTES,
} from "../../../lib/internal_key.ts";
import { mergeCursors } from "../../../lib/merge_cursor.ts";
import { generator } from "../../../lib/random.ts";
import { VisibleCursor } from "../../../lib/visible_cursor.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Run, Version } from "./build.ts";

type Subject = typeof import("./build.ts");
type Entry = readonly [key: string, value: string];

const NOW = 1_000_000;
const SEEDS = 60;
/** What a random walk is made of: mostly steps. */
const MOVES = ["first", "last", "seek", "next", "next", "previous", "previous", "next"] as const;

/** How often runs were moved, all of them together. */
interface Moves {
  count: number;
}

/** A run over versions in memory. */
class ArrayRun implements Run {
  readonly #versions: readonly Version[];
  readonly #moves: Moves;
  #at = -1;

  constructor(versions: readonly Version[], moves: Moves) {
    this.#versions = versions.toSorted((a, b) =>
      a.key === b.key ? b.sequence - a.sequence : a.key < b.key ? -1 : 1
    );
    this.#moves = moves;
  }
  get current(): Version | undefined {
    return this.#versions[this.#at];
  }
  #go(at: number): void {
    this.#moves.count++;
    this.#at = at;
  }
  #assertAtVersion(move: string): void {
    assert(this.current !== undefined, `${move}() of a run that is at no version`);
  }
  first(): void {
    this.#go(0);
  }
  last(): void {
    this.#go(this.#versions.length - 1);
  }
  seek(key: string): void {
    let low = 0;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#versions[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    this.#go(low);
  }
  next(): void {
    this.#assertAtVersion("next");
    this.#go(this.#at + 1);
  }
  previous(): void {
    this.#assertAtVersion("previous");
    this.#go(this.#at - 1);
  }
}

/** Versions written as `clay@3=grey`, a tombstone as `clay@4!`. */
function versionsOf(text: string): Version[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [, key, sequence, value] = /^(\w+)@(\d+)(?:!|=(.*))$/.exec(word)!;
    return { key: key!, sequence: Number(sequence), value };
  });
}

/** A view of runs that are written so, one text for each. */
function viewOf({ View }: Subject, runs: readonly string[], snapshot = NOW) {
  return new View(runs.map((run) => new ArrayRun(versionsOf(run), { count: 0 })), snapshot);
}

type AnyView = ReturnType<typeof viewOf>;

function forward(view: AnyView): Entry[] {
  const seen: Entry[] = [];
  for (view.first(); view.current !== undefined; view.next()) seen.push(view.current);
  return seen;
}

function backward(view: AnyView): Entry[] {
  const seen: Entry[] = [];
  for (view.last(); view.current !== undefined; view.previous()) seen.push(view.current);
  return seen;
}

/** Checks what is seen of runs, going forward. */
function assertSeen(subject: Subject, runs: string[], seen: string, snapshot = NOW): void {
  const view = viewOf(subject, runs, snapshot);
  const shown = forward(view).map(([key, value]) => `${key}=${value}`).join(" ");
  assertEquals(shown, seen, `seen of ${runs.join(" | ")} at ${snapshot}`);
}

/** Four runs of 5000 keys each, dealt in turn. */
function longRuns(moves: Moves): ArrayRun[] {
  return [0, 1, 2, 3].map((run) => {
    const versions = Array.from({ length: 5000 }, (_, i) => {
      const key = `layer ${String(4 * i + run).padStart(5, "0")}`;
      return { key, sequence: 4 * i + run + 1, value: `of run ${run}` };
    });
    return new ArrayRun(versions, moves);
  });
}

function assertFewMoves(moves: Moves, most: number, what: string): void {
  assert(moves.count <= most, `${moves.count} moves of the runs to ${what}; ${most} are plenty`);
}

/** Random versions in random runs, and what is to be seen of them. */
function history(seed: number): { runs: Version[][]; snapshot: number; seen: Entry[] } {
  const random = generator(seed);
  const runs = Array.from({ length: 1 + random(5) }, (): Version[] => []);
  const writes = 5 + random(60);
  const snapshot = random(writes + 5);
  const state = new Map<string, string>();
  for (let sequence = 1; sequence <= writes; sequence++) {
    const key = String.fromCharCode(0x61 + random(12));
    const value = random(3) === 0 ? undefined : String(random(100));
    runs[random(runs.length)]!.push({ key, sequence, value });
    if (sequence > snapshot) continue;
    if (value === undefined) state.delete(key);
    else state.set(key, value);
  }
  return { runs, snapshot, seen: [...state].sort(([a], [b]) => a < b ? -1 : 1) };
}

/** Walks at random from entry to entry, and compares with what is to be seen. */
function assertWalk(subject: Subject, seed: number): void {
  const { runs, snapshot, seen } = history(seed);
  const view = new subject.View(runs.map((run) => new ArrayRun(run, { count: 0 })), snapshot);
  const random = generator(seed + SEEDS);
  let at = -1;
  const steps: string[] = [];
  for (let step = 0; step < 40; step++) {
    const isAtEntry = at >= 0 && at < seen.length;
    const key = String.fromCharCode(0x60 + random(14));
    // From no entry, only first, last and seek.
    const move = MOVES[isAtEntry ? random(MOVES.length) : random(3)]!;
    if (move === "first") at = 0;
    else if (move === "last") at = seen.length - 1;
    else if (move === "next") at++;
    else if (move === "previous") at--;
    else at = seen.filter(([other]) => other < key).length;
    if (move === "seek") view.seek(key);
    else view[move]();
    steps.push(move === "seek" ? `seek("${key}")` : `${move}()`);
    assertEquals(view.current, seen[at], `seed ${seed}, after ${steps.slice(-6).join(", ")}`);
  }
}

const cases: Case<Subject>[] = [
  {
    name: "walks a run in order, and nothing if there is nothing",
    run(subject) {
      assertSeen(
        subject,
        ["clay@1=grey flint@3=black sand@2=yellow"],
        "clay=grey flint=black sand=yellow",
      );
      assertSeen(subject, [], "");
      assertSeen(subject, ["", ""], "");
    },
  },
  {
    name: "shows many runs in one order",
    run(subject) {
      assertSeen(
        subject,
        ["b@1=1 e@2=2", "a@3=3 f@4=4", "", "c@5=5 d@6=6 g@7=7"],
        "a=3 b=1 c=5 d=6 e=2 f=4 g=7",
      );
    },
  },
  {
    name: "shows of each key the newest version, whichever run that is in",
    run(subject) {
      assertSeen(
        subject,
        ["clay@9=red", "clay@4=grey sand@5=white", "sand@8=golden"],
        "clay=red sand=golden",
      );
      assertSeen(subject, ["clay@9=red clay@6=blue clay@2=grey"], "clay=red");
    },
  },
  {
    name: "lets a tombstone hide what is older, and nothing that is newer",
    run(subject) {
      assertSeen(subject, ["clay@5!", "clay@3=grey sand@1=yellow"], "sand=yellow");
      assertSeen(subject, ["clay@5!", "clay@7=red clay@3=grey"], "clay=red");
      assertSeen(subject, ["clay@5!", "clay@3!", "clay@2=grey"], "");
    },
  },
  {
    name: "takes an empty value for a value",
    run: (subject) => assertSeen(subject, ["clay@5=", "clay@3=grey"], "clay="),
  },
  {
    name: "sees nothing that is newer than the snapshot, tombstones included",
    run(subject) {
      const runs = [
        "clay@8! flint@9=smoky sand@10=golden",
        "clay@4=red flint@5! silt@6=brown",
        "clay@1=grey flint@2=black sand@3=yellow",
      ];
      assertSeen(subject, runs, "clay=grey flint=black sand=yellow", 3);
      assertSeen(subject, runs, "clay=red flint=black sand=yellow", 4);
      assertSeen(subject, runs, "clay=red sand=yellow silt=brown", 6);
      assertSeen(subject, runs, "flint=smoky sand=golden silt=brown", 10);
    },
  },
  {
    name:
      "seeks a key: to it, to the next if it is deleted or absent, past the end if there is none",
    run(subject) {
      const view = viewOf(subject, ["b@9! d@8=new", "b@1=1 d@2=old f@3=3"]);
      for (
        const [key, found] of [["", "d"], ["b", "d"], ["d", "d"], ["e", "f"], ["g", undefined]]
      ) {
        view.seek(key!);
        assertEquals(view.current?.[0], found, `seek("${key}")`);
      }
      view.seek("c");
      view.next();
      assertEquals(view.current, ["f", "3"], "the entry after the one found");
    },
  },
  {
    name: "looks at a few versions for a few entries",
    run({ View }) {
      const moves = { count: 0 };
      const view = new View(longRuns(moves), NOW);
      view.first();
      for (let i = 0; i < 3; i++) view.next();
      assertEquals(view.current?.[0], "layer 00003");
      assertFewMoves(moves, 40, "show four entries");
      moves.count = 0;
      view.seek("layer 19990");
      assertEquals(view.current?.[0], "layer 19990");
      assertFewMoves(moves, 40, "seek");
    },
  },
  {
    name: "goes back from the last entry to the first",
    run(subject) {
      const runs = [
        "clay@8! sand@10=golden sand@7=white",
        "clay@4=red flint@5! silt@6=brown",
        "clay@1=grey flint@2=black sand@3=yellow",
      ];
      for (const snapshot of [10, 7, 6, 5, 3, 1, 0]) {
        const expected = forward(viewOf(subject, runs, snapshot)).reverse();
        assertEquals(backward(viewOf(subject, runs, snapshot)), expected, `at ${snapshot}`);
      }
      const view = viewOf(subject, runs, 6);
      assertEquals(backward(view).map(([key]) => key), ["silt", "sand", "clay"]);
    },
  },
  {
    name: "turns round at any entry",
    run(subject) {
      const view = viewOf(subject, [
        "a@9=1 c@8! e@7=new",
        "a@2=0 b@3=2 c@1=0 d@4=3",
        "e@5=old f@6=5",
      ]);
      const keys = forward(view).map(([key]) => key);
      assertEquals(keys, ["a", "b", "d", "e", "f"]);
      for (let i = 1; i < keys.length; i++) {
        view.seek(keys[i]!);
        view.previous();
        assertEquals(view.current?.[0], keys[i - 1], `previous() at ${keys[i]}`);
        view.next();
        assertEquals(view.current?.[0], keys[i], `and next() from there`);
      }
    },
  },
  {
    name: "is right for random histories and random walks",
    run(subject) {
      for (let seed = 1; seed <= SEEDS; seed++) assertWalk(subject, seed);
    },
  },
];

/** A run as a cursor of the engine. */
class RunCursor extends Cursor {
  readonly #run: Run;

  constructor(run: Run) {
    super();
    this.#run = run;
  }
  #show(): void {
    const { current } = this.#run;
    this.valid = current !== undefined;
    if (current === undefined) return;
    const { key, sequence, value } = current;
    const kind = value === undefined ? KIND_TOMBSTONE : KIND_VALUE;
    this.keyBuffer = makeInternalKey(new TextEncoder().encode(key), sequence, kind);
    this.keyEnd = this.keyBuffer.length;
    this.valueBuffer = new TextEncoder().encode(value ?? "");
    this.valueEnd = this.valueBuffer.length;
  }
  override first(): void {
    this.#run.first();
    this.#show();
  }
  override last(): void {
    this.#run.last();
    this.#show();
  }
  override seek(target: Uint8Array, start: number, end: number): void {
    const run = this.#run;
    const key = new TextDecoder().decode(target.subarray(start, end - TRAILER_BYTES));
    const newest = sequenceAt(target, end);
    run.seek(key);
    while (run.current?.key === key && run.current.sequence > newest) run.next();
    this.#show();
  }
  override next(): void {
    this.#run.next();
    this.#show();
  }
  override previous(): void {
    this.#run.previous();
    this.#show();
  }
  override close(): void {}
}

/** A view made of `lib/merge_cursor.ts` and `lib/visible_cursor.ts`. */
class View {
  readonly #cursor: VisibleCursor;

  constructor(runs: readonly Run[], snapshot: number) {
    const comparator = new InternalKeyComparator();
    const merged = mergeCursors(comparator, runs.map((run) => new RunCursor(run)));
    this.#cursor = new VisibleCursor(merged, comparator, snapshot);
  }
  get current(): Entry | undefined {
    const cursor = this.#cursor;
    if (!cursor.valid) return undefined;
    const text = (bytes: Uint8Array, start: number, end: number) =>
      new TextDecoder().decode(bytes.subarray(start, end));
    return [
      text(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd),
      text(cursor.valueBuffer, cursor.valueStart, cursor.valueEnd),
    ];
  }
  first(): void {
    this.#cursor.first();
  }
  last(): void {
    this.#cursor.last();
  }
  seek(key: string): void {
    const bytes = new TextEncoder().encode(key);
    this.#cursor.seek(bytes, 0, bytes.length);
  }
  next(): void {
    this.#cursor.next();
  }
  previous(): void {
    this.#cursor.previous();
  }
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "one view of many runs, as of a snapshot",
  own: { View },
  cases,
};
