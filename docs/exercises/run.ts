/**
 * **What.** `deno task exercise 03 build`: gives a reader the stub of an exercise, or grades what became of it.
 * `deno task exercise 03 break lib/log_test.ts`: runs a test on a copy in which a bug is planted.
 * `deno task course`: how far a reader has come.
 *
 * **Invariants.**
 * 1. What a reader wrote is never written over, and nothing is written but to `data/course/`.
 * 2. Stubs, own components and copies are graded by the same cases.
 *
 * **Read next.** `grade.ts`
 *
 * @module
 */
import { ensureDirSync, existsSync } from "@std/fs";
import { fromFileUrl, relative } from "@std/path";
import { chapterOf } from "../experiments/run.ts";
import { chapters, readDocument, root } from "../parts/document.ts";
import { plantedBugs } from "../../tests/fixtures/planted_bugs.ts";
import { findsBug } from "../../tests/mutants.ts";
import { type Kind, KINDS } from "./exercise.ts";
import { type Grade, gradeModule, loadExercise } from "./grade.ts";

const HERE = new URL("./", import.meta.url);

/** Where a reader works, and where answers go. */
export interface Desk {
  /** A directory two folders below the root of the repository, since that is where stubs are made for. */
  readonly directory: URL;
  /** Takes a line. */
  print(line: string): void;
}

/**
 * The exercises of a chapter.
 *
 * @param chapter Such as `03_the_log`.
 * @returns Their kinds.
 */
export function exercisesOf(chapter: string): Kind[] {
  return KINDS.filter((kind) => existsSync(new URL(`${chapter}/${kind}.ts`, HERE)));
}

/** The bug that a chapter's break it plants. */
export async function bugOf(chapter: string): Promise<(typeof plantedBugs)[number]> {
  const { bug } = await import(`./${chapter}/break.ts`) as { bug: string };
  const planted = plantedBugs.find(({ name }) => name === bug);
  if (planted === undefined) throw new Error(`${chapter}/break.ts: there is no bug "${bug}"`);
  return planted;
}

/** A path as it is typed. */
function shown(url: URL): string {
  return relative(fromFileUrl(root), fromFileUrl(url)).replaceAll("\\", "/");
}

/** The title of a chapter. */
function titleOf(chapter: string): string {
  return /^# (.*)$/m.exec(readDocument(`docs/${chapter}.md`))![1]!;
}

/** A reader's copy of a stub. */
function copyOf(desk: Desk, chapter: string, kind: Kind): URL {
  return new URL(`${chapter}/${kind}.ts`, desk.directory);
}

function passed(grades: readonly Grade[]): number {
  return grades.filter(({ error }) => error === undefined).length;
}

/** Gives the stub, or grades the copy of it. */
async function buildOrTune(
  desk: Desk,
  chapter: string,
  kind: "build" | "tune",
): Promise<number> {
  const { title } = await loadExercise(chapter, kind);
  const copy = copyOf(desk, chapter, kind);
  desk.print(`${titleOf(chapter)}, ${kind} it: ${title}\n`);
  if (!existsSync(copy)) {
    ensureDirSync(new URL("./", copy));
    Deno.copyFileSync(new URL(`${chapter}/${kind}.ts`, HERE), copy);
    desk.print(`Your copy of the stub: ${shown(copy)}`);
    desk.print(`The cases it has to pass: docs/exercises/${chapter}/${kind}_check.ts\n`);
  }
  const grades = await gradeModule(chapter, kind, copy.href);
  const firstFailed = grades.find(({ error }) => error !== undefined);
  for (const grade of grades) {
    desk.print(`${grade.error === undefined ? "✓" : "✗"} ${grade.name}`);
    if (grade === firstFailed) desk.print(grade.error!.trim().replace(/^/gm, "    "));
  }
  const rest = firstFailed === undefined
    ? `Done. Ours is at the end of docs/exercises/${chapter}/${kind}_check.ts.`
    : `Change ${shown(copy)} and run this again.`;
  desk.print(`\n${passed(grades)} of ${grades.length} cases pass. ${rest}`);
  return firstFailed === undefined ? 0 : 1;
}

/** Which tests a reader has found to notice a bug: one for each chapter. */
function found({ directory }: Desk): Record<string, string> {
  const path = new URL("found.json", directory);
  return existsSync(path) ? JSON.parse(Deno.readTextFileSync(path)) : {};
}

/** Shows the bug, or tries whether a test notices it. */
async function breakIt(desk: Desk, chapter: string, guess: string | undefined): Promise<number> {
  const bug = await bugOf(chapter);
  const lines = (sign: string, text: string) => text.replace(/^/gm, `    ${sign} `);
  desk.print(`${titleOf(chapter)}, break it: ${bug.name}\n`);
  desk.print(`  ${bug.file}\n${lines("-", bug.from)}\n${lines("+", bug.to)}\n`);
  if (guess === undefined) {
    desk.print("Which test file notices? Say its path behind this command, such as:\n");
    desk.print(`  deno task exercise ${chapter.slice(0, 2)} break lib/bytes_test.ts`);
    return 0;
  }
  if (!/^(lib|tests)\/\w+_test\.ts$/.test(guess) || !existsSync(new URL(guess, root))) {
    desk.print(`error: expected a file lib/…_test.ts or tests/…_test.ts, got: ${guess}`);
    return 2;
  }
  const failed = await findsBug(bug, guess);
  if (failed.length === 0) {
    desk.print(`${guess} passes, with the bug in its place. Try another one.`);
    return 1;
  }
  desk.print(`${guess} notices it:\n${failed.map((name) => `  ✗ ${name}`).join("\n")}`);
  ensureDirSync(desk.directory);
  const all = { ...found(desk), [chapter]: guess };
  Deno.writeTextFileSync(new URL("found.json", desk.directory), JSON.stringify(all, null, 2));
  return 0;
}

/** Prints how far a reader has come. */
async function progress(desk: Desk): Promise<number> {
  let done = 0;
  let all = 0;
  for (const chapter of chapters()) {
    const states: string[] = [];
    for (const kind of exercisesOf(chapter)) {
      const state = await stateOf(desk, chapter, kind);
      all++;
      if (state.startsWith("✓")) done++;
      states.push(`${kind} ${state}`.padEnd(14));
    }
    desk.print(`${titleOf(chapter).padEnd(34)} ${states.join("  ").trimEnd()}`);
  }
  desk.print(`\n${done} of ${all} exercises done. deno task exercise CHAPTER build|break|tune`);
  return 0;
}

/** What a reader has done of an exercise, in a few characters. */
async function stateOf(desk: Desk, chapter: string, kind: Kind): Promise<string> {
  if (kind === "break") return chapter in found(desk) ? "✓" : "–";
  const copy = copyOf(desk, chapter, kind);
  if (!existsSync(copy)) return "–";
  const grades = await gradeModule(chapter, kind, copy.href);
  const count = passed(grades);
  return `${count === grades.length ? "✓" : "·"} ${count}/${grades.length}`;
}

/**
 * Does what a command says.
 *
 * @param desk Where the reader works.
 * @param args What stands behind `deno task exercise`, or `--progress` for `deno task course`.
 * @returns The exit status: 0 if it is done, 1 if something is left to do, 2 if the command makes no sense.
 */
export async function runExercise(desk: Desk, args: readonly string[]): Promise<number> {
  const [word, kind, guess, ...rest] = args;
  if (word === "--progress" && args.length === 1) return await progress(desk);
  const chapter = word === undefined ? undefined : chapterOf(word);
  const there = chapter === undefined ? [] : exercisesOf(chapter);
  const chosen = there.find((name) => name === (kind ?? there[0]));
  const isTooMuch = rest.length > 0 || (guess !== undefined && chosen !== "break");
  if (chapter === undefined || chosen === undefined || isTooMuch) {
    const problem = chapter === undefined
      ? (word === undefined ? "which chapter?" : `there is no chapter "${word}"`)
      : chosen === undefined
      ? `chapter ${chapter.slice(0, 2)} has no "${kind}", but ${there.join(", ")}`
      : `too many words: ${args.join(" ")}`;
    desk.print(
      `error: ${problem}\n\ndeno task exercise CHAPTER [build | tune | break [TEST FILE]]`,
    );
    desk.print("deno task course         what there is, and what is done");
    return 2;
  }
  return chosen === "break"
    ? await breakIt(desk, chapter, guess)
    : await buildOrTune(desk, chapter, chosen);
}

if (import.meta.main) {
  const directory = new URL("data/course/", root);
  Deno.exit(await runExercise({ directory, print: (line) => console.log(line) }, Deno.args));
}
