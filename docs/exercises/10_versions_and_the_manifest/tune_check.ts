/**
 * **What.** What a rule for new manifests has to reach, and ours: a life of a database is played with sizes alone.
 *
 * **Invariants.**
 * 1. Each case checks both: what is written in all, and what an open has to read at the worst moment.
 *
 * **Read next.** `../../../lib/manifest.ts`
 *
 * @module
 */
import { assert } from "@std/assert";
import { MANIFEST_GROWTH_BYTES } from "../../../lib/manifest.ts";
import type { Case, Exercise } from "../exercise.ts";

type Subject = typeof import("./tune.ts");

const MIB = 1024 * 1024;
/** What a table takes in a snapshot, and an edit in a manifest. */
const TABLE_BYTES = 60;
const EDIT_BYTES = 150;
/** A snapshot without tables. */
const HEAD_BYTES = 50;

/** Bytes written for each byte of edits, at most. */
const WRITTEN_MAX = 2.5;
/** A new manifest takes four syncs instead of one, so there is one for so many edits at most. */
const EDITS_MIN = 1000;
/** An open may have to read this many times what the whole tree takes, and a little. */
const READ_FACTOR_MAX = 4;
const READ_BYTES_MAX = 4 * MIB;

/** Plays a life: `tablesAt` says how many tables there are after so many edits. */
function live(subject: Subject, edits: number, tablesAt: (edit: number) => number): void {
  const treeBytes = (edit: number) => HEAD_BYTES + TABLE_BYTES * tablesAt(edit);
  let snapshotBytes = treeBytes(0);
  let manifestBytes = snapshotBytes;
  let writtenBytes = manifestBytes;
  let manifests = 0;
  for (let edit = 1; edit <= edits; edit++) {
    if (subject.isTimeForNew(manifestBytes, snapshotBytes)) {
      snapshotBytes = manifestBytes = treeBytes(edit);
      writtenBytes += snapshotBytes;
      manifests++;
    } else {
      manifestBytes += EDIT_BYTES;
      writtenBytes += EDIT_BYTES;
    }
    const largest = Math.max(snapshotBytes, treeBytes(edit));
    const readMax = READ_FACTOR_MAX * largest + READ_BYTES_MAX;
    const tables = `with ${tablesAt(edit)} tables after ${edit} edits`;
    assert(
      manifestBytes <= readMax,
      `${tables} an open reads ${manifestBytes} bytes, more than ${readMax}`,
    );
  }
  const writtenMax = treeBytes(0) + WRITTEN_MAX * edits * EDIT_BYTES;
  assert(
    writtenBytes <= writtenMax,
    `${edits} edits wrote ${writtenBytes} bytes, more than ${writtenMax}`,
  );
  const manifestsMax = edits / EDITS_MIN;
  assert(
    manifests <= manifestsMax,
    `${edits} edits began ${manifests} manifests, more than ${manifestsMax}`,
  );
}

const cases: Case<Subject>[] = [
  {
    name: "a small tree that is changed for years",
    run: (subject) => live(subject, 400_000, () => 20),
  },
  {
    name: "a tree of three hundred thousand tables",
    run: (subject) => live(subject, 400_000, () => 300_000),
  },
  {
    name: "a tree that grows from nothing",
    run: (subject) => live(subject, 400_000, (edit) => Math.floor(edit / 4)),
  },
  {
    name: "a tree that shrinks",
    run: (subject) => live(subject, 400_000, (edit) => Math.round((400_000 - edit) / 4)),
  },
];

/** The rule of `Manifest.needsRollover`. */
function isTimeForNew(manifestBytes: number, snapshotBytes: number): boolean {
  return manifestBytes > 2 * snapshotBytes + MANIFEST_GROWTH_BYTES;
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "when a manifest is begun anew, so that neither writes nor opens pay too much",
  own: { isTimeForNew },
  cases,
};
