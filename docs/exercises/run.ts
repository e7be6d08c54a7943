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
const DESK = new URL("data/course/", root);
/** Which tests a reader has found to notice a bug: a name for each chapter. */
const FOUND = new URL("found.json", DESK);

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

/** Where a reader works. */
function copyOf(chapter: string, kind: Kind): URL {
  return new URL(`${chapter}/${kind}.ts`, DESK);
}

function passed(grades: readonly Grade[]): number {
  return grades.filter(({ error }) => error === undefined).length;
}

/** Gives the stub, or grades the copy of it. */
async function buildOrTune(chapter: string, kind: "build" | "tune"): Promise<number> {
  const { title } = await loadExercise(chapter, kind);
  const copy = copyOf(chapter, kind);
  console.log(`${titleOf(chapter)}, ${kind} it: ${title}\n`);
  if (!existsSync(copy)) {
    ensureDirSync(new URL("./", copy));
    Deno.copyFileSync(new URL(`${chapter}/${kind}.ts`, HERE), copy);
    console.log(`Your copy of the stub: ${shown(copy)}`);
    console.log(`The cases it has to pass: docs/exercises/${chapter}/${kind}_check.ts\n`);
  }
  const grades = await gradeModule(chapter, kind, copy.href);
  const firstFailed = grades.find(({ error }) => error !== undefined);
  for (const grade of grades) {
    console.log(`${grade.error === undefined ? "✓" : "✗"} ${grade.name}`);
    if (grade === firstFailed) console.log(grade.error!.trim().replace(/^/gm, "    "));
  }
  const rest = firstFailed === undefined
    ? 'Done. Ours is in the chapter\'s "Source".'
    : `Change ${shown(copy)} and run this again.`;
  console.log(`\n${passed(grades)} of ${grades.length} cases pass. ${rest}`);
  return firstFailed === undefined ? 0 : 1;
}

/** Which tests a reader has found so far. */
function found(): Record<string, string> {
  return existsSync(FOUND) ? JSON.parse(Deno.readTextFileSync(FOUND)) : {};
}

/** Shows the bug, or tries whether a test notices it. */
async function breakIt(chapter: string, guess: string | undefined): Promise<number> {
  const bug = await bugOf(chapter);
  const lines = (sign: string, text: string) => text.replace(/^/gm, `    ${sign} `);
  console.log(`${titleOf(chapter)}, break it: ${bug.name}\n`);
  console.log(`  ${bug.file}\n${lines("-", bug.from)}\n${lines("+", bug.to)}\n`);
  if (guess === undefined) {
    console.log("Which test file notices? Say its path behind this command, such as:\n");
    console.log(`  deno task exercise ${chapter.slice(0, 2)} break lib/bytes_test.ts`);
    return 0;
  }
  if (!/^(lib|tests)\/\w+_test\.ts$/.test(guess) || !existsSync(new URL(guess, root))) {
    console.error(`error: expected a file lib/…_test.ts or tests/…_test.ts, got: ${guess}`);
    return 2;
  }
  const failed = await findsBug(bug, guess);
  if (failed.length === 0) {
    console.log(`${guess} passes, with the bug in its place. Try another one.`);
    return 1;
  }
  console.log(`${guess} notices it:\n${failed.map((name) => `  ✗ ${name}`).join("\n")}`);
  ensureDirSync(DESK);
  Deno.writeTextFileSync(FOUND, JSON.stringify({ ...found(), [chapter]: guess }, null, 2));
  return 0;
}

/** Prints how far a reader has come. */
async function progress(): Promise<number> {
  let done = 0;
  let all = 0;
  for (const chapter of chapters()) {
    const states: string[] = [];
    for (const kind of exercisesOf(chapter)) {
      const state = await stateOf(chapter, kind);
      all++;
      if (state.startsWith("✓")) done++;
      states.push(`${kind} ${state}`.padEnd(14));
    }
    console.log(`${titleOf(chapter).padEnd(34)} ${states.join("  ").trimEnd()}`);
  }
  console.log(`\n${done} of ${all} exercises done. deno task exercise CHAPTER build|break|tune`);
  return 0;
}

/** What a reader has done of an exercise, in a few characters. */
async function stateOf(chapter: string, kind: Kind): Promise<string> {
  if (kind === "break") return chapter in found() ? "✓" : "–";
  const copy = copyOf(chapter, kind);
  if (!existsSync(copy)) return "–";
  const grades = await gradeModule(chapter, kind, copy.href);
  const count = passed(grades);
  return `${count === grades.length ? "✓" : "·"} ${count}/${grades.length}`;
}

async function main([word, kind, guess, ...rest]: readonly string[]): Promise<number> {
  const usage = "deno task exercise CHAPTER [build | tune | break [TEST FILE]]";
  if (word === "--progress") return await progress();
  const chapter = word === undefined ? undefined : chapterOf(word);
  const there = chapter === undefined ? [] : exercisesOf(chapter);
  const chosen = there.find((name) => name === (kind ?? there[0]));
  if (chapter === undefined || chosen === undefined || rest.length > 0) {
    const problem = chapter === undefined ? `no chapter "${word ?? ""}"` : `no "${kind}" in it`;
    console.error(
      `error: ${problem}: ${usage}\n\nWhat there is, and what is done: deno task course`,
    );
    return 2;
  }
  return chosen === "break" ? await breakIt(chapter, guess) : await buildOrTune(chapter, chosen);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
