/**
 * **What.** The course holds together: each chapter has its parts, each experiment counts what its chapter shows, each
 * exercise fails as a stub and passes as our own component.
 *
 * **Invariants.**
 * 1. Every finding names the chapter.
 *
 * **Read next.** `docs_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl, toFileUrl } from "@std/path";
import { gradeCase, gradeModule, loadExercise } from "../docs/exercises/grade.ts";
import { bugOf, exercisesOf, runExercise } from "../docs/exercises/run.ts";
import { fragmentOf } from "../docs/parts/code.ts";
import { chapters, marksOf, readDocument, replaceParts, root } from "../docs/parts/document.ts";
import { refreshed } from "../docs/parts/refresh.ts";
import { inProcesses, onSources } from "./permissions.ts";

const WORDS_MIN = 1000;
const WORDS_MAX = 2500;

const names = onSources.ignore ? [] : chapters();

/** The words that a reader reads: without code, and without what is made from it. */
function wordsOf(text: string): number {
  return replaceParts(text, () => "").replace(/^```[^]*?^```$/gm, "").split(/\s+/).length;
}

/** The components that the contents give to a chapter. */
function componentsOf(chapter: string): string[] {
  const row = readDocument("docs/README.md").split("\n").find((line) =>
    line.startsWith("|") && line.includes(`(${chapter}.md)`)
  )!;
  return [...row.split("|")[3]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
}

for (const chapter of names) {
  const text = readDocument(`docs/${chapter}.md`);
  const arguments_ = (kind: string) =>
    marksOf(text).filter((mark) => mark.kind === kind).map((mark) => mark.argument);
  const isTour = chapter.startsWith("00_");

  Deno.test(`${chapter} has all parts of a chapter`, onSources, () => {
    const headings = ["Predict", "Experiment", "What real engines do", "Exercises", "Source"];
    const places = headings.map((heading) => text.indexOf(`\n## ${heading}\n`));
    assert(!places.includes(-1), `one of these headings is not there: ${headings}`);
    assertEquals(arguments_("experiment"), [chapter]);
    assert(arguments_("figure").length > 0, "no figure");
    assertEquals(
      new Set(arguments_("exercise")),
      new Set(exercisesOf(chapter).map((kind) => `${chapter} ${kind}`)),
      "the exercises that are there",
    );
    assert(arguments_("exercise").length >= (isTour ? 1 : 2), "too few exercises");
    assert([...text.matchAll(/^<details>$/gm)].length >= 3, "too few answers folded away");
    assertEquals([...text.matchAll(/<details/g)].length, [...text.matchAll(/<\/details>/g)].length);
    if (isTour) return;
    assert(/^# .*\n\n\*\*[^\n]*\?\*\*\n/.test(text), "does not begin with its question");
    assert(arguments_("invariants").length > 0, "no invariants");
    assert(arguments_("code").length > 0, "no code walked through");
    assert(/^```ts\n/m.test(text), "no example");
  });

  Deno.test(`${chapter} has 1 000 to 2 500 words`, onSources, () => {
    const words = wordsOf(text);
    assert(words >= WORDS_MIN && words <= WORDS_MAX, `${words} words`);
  });

  Deno.test(`${chapter} links to each of its components in its last section`, onSources, () => {
    const source = text.slice(text.indexOf("\n## Source\n"));
    const missing = componentsOf(chapter).filter((name) => !source.includes(`(../lib/${name}.ts)`));
    assertEquals(missing, []);
  });

  Deno.test(`${chapter} shows what its experiment counts`, inProcesses, async () => {
    const path = `docs/${chapter}.md`;
    const fresh = await refreshed(path, ({ kind }) => kind === "experiment");
    assertEquals(fresh.text, text, "run `deno task docs:refresh`");
    for (const [picture, svg] of fresh.pictures) {
      assert(readDocument(picture) === svg, `${picture} is out of date: deno task docs:refresh`);
    }
  });

  for (const kind of exercisesOf(chapter)) {
    Deno.test(`${chapter}, ${kind} it: can be failed and can be passed`, inProcesses, async () => {
      if (kind === "break") return void await bugOf(chapter);
      const exercise = await loadExercise(chapter, kind);
      const stub: unknown = await import(`../docs/exercises/${chapter}/${kind}.ts`);
      assert(exercise.cases.length > 0);
      for (const [index, { name }] of exercise.cases.entries()) {
        const own = await gradeCase(exercise, index, exercise.own);
        assertEquals(own.error, undefined, `our own fails: ${name}`);
        const { error } = await gradeCase(exercise, index, stub);
        assert(error !== undefined, `the stub passes: ${name}`);
      }
      const exported = (module: unknown) => Object.keys(module as object).sort();
      assertEquals(exported(exercise.own), exported(stub), "ours has the exports of the stub");
      // A copy is two folders from the root and two from the chapter's name, as the stub is.
      const source = readDocument(`docs/exercises/${chapter}/${kind}.ts`);
      const outside = [...source.matchAll(/from "(\.[^"]*)"/g)].map((match) => match[1]!);
      assertEquals(outside.filter((path) => !/^\.\.\/\.\.\/\.\.\/(lib|docs|mod)\b/.test(path)), []);
    });
  }
}

Deno.test(
  "a reader's work is graded in a worker, also if it does not load",
  inProcesses,
  async () => {
    const stub = new URL("docs/exercises/03_the_log/build.ts", root).href;
    const grades = await gradeModule("03_the_log", "build", stub);
    assert(grades.length > 5 && grades.every(({ error }) => error !== undefined));
    assertStringIncludes(grades[0]!.error!, "not built yet");
    const broken = await gradeModule("03_the_log", "build", "data:application/typescript,export {");
    assert(broken.every(({ error }) => error !== undefined));
  },
);

Deno.test("an exercise is handed out once, graded, and counted as done", inProcesses, async () => {
  const data = new URL("data/", root);
  await Deno.mkdir(data, { recursive: true });
  const directory = toFileUrl(await Deno.makeTempDir({ dir: fromFileUrl(data) }) + "/");
  const lines: string[] = [];
  const say = async (...args: string[]) => {
    lines.length = 0;
    const desk = { directory, print: (line: string) => void lines.push(line) };
    return { code: await runExercise(desk, args), text: lines.join("\n") };
  };
  try {
    const first = await say("3");
    assertEquals(first.code, 1);
    assertStringIncludes(first.text, "0 of 10 cases pass");
    const copy = new URL("03_the_log/build.ts", directory);
    assertEquals(
      await Deno.readTextFile(copy),
      readDocument("docs/exercises/03_the_log/build.ts"),
    );
    const check = "../../../docs/exercises/03_the_log/build_check.ts";
    const work =
      `import { exercise } from "${check}";\nexport const { readRecords } = exercise.own;\n`;
    await Deno.writeTextFile(copy, work);
    const second = await say("03", "build");
    assertEquals([second.code, await Deno.readTextFile(copy)], [0, work], "kept as it is");
    assertStringIncludes(second.text, "10 of 10 cases pass");
    const shown = await say("03", "break");
    assertEquals(shown.code, 0);
    assertStringIncludes(shown.text, (await bugOf("03_the_log")).to);
    assertStringIncludes((await say("--progress")).text, "build ✓ 10/10");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a command that makes no sense is told so, and writes nothing", inProcesses, async () => {
  const directory = new URL("data/nowhere/", root);
  const words = [[], ["99"], ["3", "bend"], ["3", "build", "lib/log_test.ts"], [
    "3",
    "break",
    "log",
  ]];
  for (const args of words) {
    const lines: string[] = [];
    assertEquals(await runExercise({ directory, print: (line) => void lines.push(line) }, args), 2);
    assert(lines.some((line) => line.startsWith("error: ")), args.join(" "));
  }
  assertThrows(() => Deno.statSync(directory), Deno.errors.NotFound);
});

Deno.test("a fragment is cut by name, by member and by region", () => {
  const source = [
    "/** Not part of it. */",
    "export function add(",
    "  a: number,",
    "): number {",
    "  // #region sum",
    "  return a + 1;",
    "  // #endregion",
    "}",
    "export class Log {",
    "  #size = 0;",
    "  get size(): number {",
    "    return this.#size;",
    "  }",
    "}",
  ].join("\n");
  const cut = (name: string) => fragmentOf(`x.ts ${name}`, source).join("\n");
  assertEquals(cut("add"), "export function add(\n  a: number,\n): number {\n  return a + 1;\n}");
  assertEquals(cut("#sum"), "return a + 1;");
  assertEquals(cut("Log.size"), "get size(): number {\n  return this.#size;\n}");
  assertEquals(cut("Log.#size"), "#size = 0;");
  for (const name of ["sub", "Log.length", "#product"]) {
    const error = assertThrows(() => cut(name), Error);
    assertStringIncludes(error.message, `x.ts ${name}`);
  }
});

Deno.test("a marked part is found and replaced, and other parts stay", () => {
  const part = (argument: string, content: string) =>
    `<!-- bytes: ${argument} -->\n\n${content}\n\n<!-- end -->\n`;
  const text = part("log", "old") + part("table", "old");
  assertEquals(marksOf(text).map(({ argument }) => argument), ["log", "table"]);
  const fresh = replaceParts(text, ({ argument }) => argument === "log" ? "new" : undefined);
  assertEquals(fresh, part("log", "new") + part("table", "old"));
});
