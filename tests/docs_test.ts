/**
 * **What.** The documentation says what is so: links lead somewhere, names exist, tables agree with the code, and
 * what was made from the code is what would be made from it today. The examples run under `deno test --doc`.
 *
 * **Invariants.**
 * 1. Every finding names the document.
 *
 * **Read next.** `tidiness_test.ts`
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import type { WritableFile } from "../lib/file_system.ts";
import { engineOptions, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../lib/options.ts";
import { BATCH_BYTES_MAX } from "../lib/write_batch.ts";
import * as api from "../mod.ts";
import { bytewise, MemoryFileSystem, open, type OpenOptions, VarveError } from "../mod.ts";
import { documents, marksOf, readDocument } from "../docs/parts/document.ts";
import { refreshed } from "../docs/parts/refresh.ts";
import { foreignNames } from "./fixtures/foreign_names.ts";
import { hasTest } from "./fixtures/test_names.ts";
import { inProcesses, onSources } from "./permissions.ts";

const root = new URL("../", import.meta.url);

const pages = onSources.ignore
  ? []
  : documents().map((path) => ({ path, text: readDocument(path), url: new URL(path, root) }));

/** Pages about others, which are full of their names. */
const NOT_OURS = /(further_reading|mini_lsm)\.md$/;

/** A page without its blocks of code, in which nothing is a link or a name. */
function prose(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, "");
}

/** The rows of the first table after a heading or a text: each a list of cells. */
function tableAfter(text: string, start: string): string[][] {
  const lines = text.slice(text.indexOf(start)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const end = lines.findIndex((line, i) => i > first && !line.startsWith("|"));
  return lines.slice(first + 2, end).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

/** The fragment by which a heading is linked to. */
function slug(heading: string): string {
  return heading.toLowerCase().replace(/[^\w\- ]/g, "").trim().replaceAll(" ", "-");
}

function testSources(): string {
  let text = "";
  for (const folder of ["lib/", "tests/"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, root))) {
      if (name.endsWith("_test.ts") && name !== "docs_test.ts") text += readDocument(folder + name);
    }
  }
  return text;
}

Deno.test("links in the documentation lead to a file, and to a heading in it", onSources, () => {
  const broken = pages.flatMap(({ path, text, url }) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const target = new URL(link, url);
        const fragment = target.hash.slice(1);
        target.hash = "";
        if (!exists(target)) return true;
        if (fragment === "") return false;
        const headings = Deno.readTextFileSync(target).matchAll(/^#+ (.*)$/gm);
        return ![...headings].some((match) => slug(match[1]!) === fragment);
      })
      .map((link) => `${path}: ${link}`)
  );
  assertEquals(broken, []);
});

Deno.test("files that the documentation names are there", onSources, () => {
  const missing = pages.flatMap(({ path, text }) =>
    [...prose(text).matchAll(/`((?:lib|tests|docs|vendor)\/[\w./]+|\w+\.ts)`/g)]
      .map((match) => match[1]!)
      .filter((name) =>
        ["", "lib/", "tests/", "docs/parts/", "docs/experiments/", "docs/recipes/", "bench/"]
          .every((folder) => !exists(new URL(folder + name, root)))
      )
      .filter((name) => !/^x(_test|_bench)?\.ts$/.test(name))
      .map((name) => `${path}: ${name}`)
  );
  assertEquals(missing, []);
});

/** Every word of the code, without comments. */
function wordsOfCode(): Set<string> {
  const words = new Set<string>();
  const read = (directory: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(directory, root))) {
      const path = directory + name;
      if (isDirectory && !/node_modules|results/.test(name)) read(`${path}/`);
      if (!name.endsWith(".ts") || path === "tests/fixtures/foreign_names.ts") continue;
      const code = readDocument(path).replace(/\/\*\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
      for (const [word] of code.matchAll(/[\w$]+/g)) words.add(word);
    }
  };
  for (const directory of ["lib/", "tests/", "bench/", "docs/"]) read(directory);
  for (const [word] of readDocument("mod.ts").matchAll(/[\w$]+/g)) words.add(word);
  return words;
}

/** What the documentation puts between backticks and what looks like a name of a program: `a.bC`, `Abc`, `abc()`. */
function namesIn(text: string): string[] {
  return [...prose(text).matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map((match) => match[1]!)
    .filter((code) => /^#?[A-Za-z_$][\w$]*(\.#?[A-Za-z_$][\w$]*)*(\([^()]*\))?$/.test(code))
    .filter((code) => /[a-z][A-Z]|^[A-Z][a-z]|\(|_[A-Z]/.test(code) && !/\.\w\w$/.test(code))
    .flatMap((code) => code.replace(/\(.*/, "").split(".").map((part) => part.replace("#", "")));
}

Deno.test("names of code that the documentation has are in the code", onSources, () => {
  const words = wordsOfCode();
  const named = pages.filter(({ path }) => path.startsWith("docs/") && !NOT_OURS.test(path))
    .flatMap(({ path, text }) => namesIn(text).map((name) => ({ path, name })));
  const known = new Set([...words, ...foreignNames]);
  const unknown = named.filter(({ name }) => !known.has(name));
  assertEquals(unknown.map(({ path, name }) => `${path}: ${name}`), []);
  const used = new Set(named.map(({ name }) => name));
  assertEquals(foreignNames.filter((name) => !used.has(name)), [], "not in the documentation");
  assertEquals(foreignNames.filter((name) => words.has(name)), [], "in our code, too");
  assert(named.length > 50);
});

Deno.test("tasks that the documentation names are there", onSources, () => {
  const { tasks } = JSON.parse(readDocument("deno.json"));
  const missing = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:deno|deno@[\d.]+) task (?:-\S+ )*([\w:]+)/g)].map((match) => match[1]!)
      .filter((task) => !(task in tasks)).map((task) => `${path}: ${task}`)
  );
  assertEquals(missing, []);
});

Deno.test(
  "the contents list every chapter in order, and only components as its files",
  onSources,
  () => {
    const chapters = tableAfter(readDocument("docs/README.md"), "# The course");
    const linked = chapters.map(([title]) => /\]\((.*)\)/.exec(title!)![1]);
    const there = pages.map(({ path }) => path).filter((path) => /^docs\/\d/.test(path))
      .map((path) => path.slice("docs/".length));
    assertEquals(linked, there);
    const components = chapters.flatMap(([, , files]) =>
      [...files!.matchAll(/`(\w+)`/g)].map((match) => match[1]!)
    );
    assertEquals(components.filter((name) => !exists(new URL(`lib/${name}.ts`, root))), []);
    assertEquals(new Set(components).size, components.length, "a component is in two chapters");
  },
);

Deno.test(
  "chapters come in the order in which components are built on each other",
  onSources,
  () => {
    const tour = readDocument("mod.ts");
    const chapters = tableAfter(readDocument("docs/README.md"), "# The course");
    for (const [title, , files] of chapters) {
      const places = [...files!.matchAll(/`(\w+)`/g)].map(([, name]) =>
        tour.indexOf(`\`${name}.ts\``)
      );
      assertEquals(places, places.toSorted((a, b) => a - b), title);
    }
  },
);

/** Experiments take longer: `course_test.ts` has them. */
const isExperiment = (kind: string) => kind === "experiment";

for (const { path } of pages) {
  Deno.test(`${path}: parts and pictures are what the code makes today`, inProcesses, async () => {
    const fresh = await refreshed(path, ({ kind }) => !isExperiment(kind));
    assert(fresh.text === readDocument(path), `out of date: run \`deno task docs:refresh\``);
    for (const [picture, svg] of fresh.pictures) {
      assert(readDocument(picture) === svg, `${picture} is out of date: deno task docs:refresh`);
    }
  });
}

Deno.test(
  "terms of the glossary are in order, and say where they live",
  onSources,
  () => {
    const entries = [...readDocument("docs/glossary.md").matchAll(/^### (.*)\n\n(.*)$/gm)]
      .map((match) => ({ term: match[1]!, text: match[2]! }));
    const terms = entries.map(({ term }) => term.toLowerCase().replaceAll("-", " "));
    assertEquals(terms, terms.toSorted());
    const homeless = entries.filter(({ text }) => !/\]\([\w./]+\.ts\)\.$/.test(text));
    assertEquals(homeless.map(({ term }) => term), []);
    assert(terms.length > 80);
  },
);

Deno.test("every mark in the documentation has its end", onSources, () => {
  for (const { path, text } of pages) {
    const comments = [...text.matchAll(/<!--/g)].length;
    assertEquals(comments, 2 * marksOf(text).length, `${path}: a mark without an end`);
  }
});

Deno.test("README.md lists every option of open() with its default", onSources, () => {
  const source = readDocument("lib/options.ts");
  const body = /export interface OpenOptions[^]*?\n\}/.exec(source)![0];
  const defaults = [...body.matchAll(/@default \{(.*?)\}\s+\*\/\n {2}(\w+)\?:/g)]
    .map((match) => [match[2]!, match[1]!.replace(/^"(.*)"$/, "$1")]);
  assertEquals(defaults.length, [...body.matchAll(/^ {2}\w+\?:/gm)].length);
  const listed = tableAfter(readDocument("README.md"), "## Options")
    .map(([name, fallback]) => [name!.replaceAll("`", ""), fallback!.replace(/[`"]/g, "")]);
  assertEquals(
    listed.map((row) => row.join(" ").replaceAll('"', "")),
    defaults.map((row) => row.join(" ")),
  );
});

Deno.test("README.md gives the defaults that open() takes", onSources, () => {
  const chosen = engineOptions({}, new MemoryFileSystem());
  const named: Record<string, unknown> = { ...chosen, compression: chosen.compression[0] };
  const mib = 2 ** 20;
  for (const [cell, fallback] of tableAfter(readDocument("README.md"), "## Options")) {
    const name = cell!.replaceAll("`", "");
    let value = named[name];
    if (name === "comparator") value = value === bytewise ? "bytewise" : value;
    if (typeof value === "object" || value === undefined) continue; // a codec, the disk, the logger
    if (typeof value === "number" && value >= mib) value = `${value / mib} MiB`;
    assertEquals(fallback!.replace(/[`"]/g, "").replaceAll('"', ""), String(value), name);
  }
});

Deno.test("README.md gives the range of every option that is a number", onSources, async () => {
  const rows = tableAfter(readDocument("README.md"), "## Options")
    .filter(([, , least]) => least !== "");
  assert(rows.length > 5);
  for (const [name, , least, greatest] of rows) {
    const option = name!.replaceAll("`", "");
    const tryWith = (value: number) =>
      open("db", { fileSystem: new MemoryFileSystem(), [option]: value } as OpenOptions);
    const error = await assertRejects(() => tryWith(-1), RangeError);
    assertStringIncludes(
      error.message,
      `${option} must be a whole number from ${least} to ${greatest},`,
    );
  }
});

Deno.test(
  "README.md's first example, and every entry point, run in an empty folder beside a clone",
  inProcesses,
  async () => {
    const readme = readDocument("README.md");
    const block = (kind: string) =>
      new RegExp(`\\n\`\`\`${kind}\\n([^]*?)\`\`\``).exec(readme)![1]!;
    const clone = fromFileUrl(root).replace(/.$/, "");
    const directory = await Deno.makeTempDir({ prefix: "varve_readme_" });
    try {
      await Deno.writeTextFile(join(directory, "program.ts"), block("ts"));
      const { name, exports } = JSON.parse(readDocument("deno.json"));
      const imports = Object.keys(exports).map((it) => `import "${name}${it.slice(1)}";\n`);
      await Deno.writeTextFile(join(directory, "all.ts"), imports.join(""));
      const run = async (expected: string, ...args: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", "--allow-read", "--allow-write", ...args],
          cwd: directory,
          env: { NO_COLOR: "1" },
        }).output();
        assertEquals(code, 0, new TextDecoder().decode(stderr));
        assertEquals(new TextDecoder().decode(stdout), expected);
      };
      const printed = "city:oslo 0.7 million\n";
      await run(printed, "--config", join(clone, "deno.json"), "program.ts");
      const config = block("json").replaceAll('"../varve', `"${toFileUrl(clone)}`);
      await Deno.writeTextFile(join(directory, "deno.json"), config);
      await run(printed, "program.ts");
      await run("", "all.ts");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test("README.md names exports that exist", onSources, () => {
  const exported = [...readDocument("mod.ts").matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap((match) => match[1]!.split(",")).map((name) => name.replace("type ", "").trim());
  exported.push(...Object.keys(api));
  const named = tableAfter(readDocument("README.md"), "### What a program sees")
    .flatMap(([names]) => [...names!.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
  assertEquals(named.filter((name) => !exported.includes(name)), []);
  assert(named.length > 15);
});

Deno.test("README.md states the limits that are checked", onSources, () => {
  const limits = new Map(
    tableAfter(readDocument("README.md"), "| Limit").map(([what, value]) => [what!, value!]),
  );
  const of = (start: string) => [...limits].find(([what]) => what.startsWith(start))?.[1];
  assertEquals(of("key"), `${KEY_BYTES_MAX / 1024} KiB`);
  assertEquals(of("value"), `${VALUE_BYTES_MAX / 2 ** 30} GiB`);
  assertEquals(of("batch"), `1 GiB + ${(BATCH_BYTES_MAX - 2 ** 30) / 1024} KiB`);
});

Deno.test("constants that the documentation gives are those of the code", onSources, () => {
  const rows = pages.flatMap(({ text }) =>
    text.includes("| Constant") ? tableAfter(text, "| Constant") : []
  );
  assert(rows.length > 0);
  const code = readDocument("lib/write_controller.ts");
  for (const [name, value] of rows) {
    assertStringIncludes(code, `const ${name!.replaceAll("`", "")} = ${value};`);
  }
});

Deno.test("tests that the documentation refers to are there", onSources, () => {
  const tests = testSources();
  const quoted = [...readDocument("docs/assumptions.md").matchAll(/"([^"]+)"/g)]
    .map((match) => match[1]!);
  assert(quoted.length >= 18);
  assertEquals(quoted.filter((name) => !hasTest(tests, name)), []);
  const numbers = new Set(pages.flatMap(({ text }) => text.match(/\bB\d+\b/g) ?? []));
  const isNamed = (number: string) =>
    new RegExp(`Deno\\.test\\(\\s*[^\\n]*\\b${number}\\b`).test(tests);
  assertEquals([...numbers].filter((number) => !isNamed(number)), []);
});

/** A disk whose syncs of files fail when told to. */
class FailingDisk extends MemoryFileSystem {
  isFailing = false;

  override create(path: string): WritableFile {
    return this.#failing(super.create(path));
  }

  override openAppend(path: string): WritableFile {
    return this.#failing(super.openAppend(path));
  }

  #failing(file: WritableFile): WritableFile {
    const syncSync = file.syncSync.bind(file);
    file.syncSync = () => {
      if (this.isFailing) throw new VarveError("IO", `Cannot sync file: ${file.path}`);
      syncSync();
    };
    // deno-lint-ignore require-await -- async so that it rejects
    file.sync = async () => file.syncSync();
    return file;
  }
}

Deno.test("a write is visible once it is in the log, as README.md says", async () => {
  await using db = await open("db", { fileSystem: new MemoryFileSystem() });
  const written = db.put("key", "value");
  assertEquals(db.getSync("key"), undefined, "during the call");
  await Promise.resolve();
  assertEquals(db.getSync("key"), "value", "in the next microtask");
  assertEquals(db.stats().writes.syncs, 1, "and the sync is under way");
  await written;
});

Deno.test("a failed sync stops writes and not reads, as README.md says", async () => {
  const disk = new FailingDisk();
  const db = await open("db", { fileSystem: disk });
  await db.put("before", "1");
  disk.isFailing = true;
  const both = await Promise.allSettled([db.put("a", "1"), db.put("b", "2")]);
  assertEquals(both.map(({ status }) => status), ["rejected", "rejected"]);
  disk.isFailing = false;
  const refused = await assertRejects(() => db.put("c", "3", { sync: false }), VarveError);
  assertEquals(refused.code, "IO");
  assertStringIncludes((refused.cause as Error).message, "Cannot sync");
  assertEquals(await db.get("before"), "1");
  assertStringIncludes(db.stats().failure!, "Cannot sync");
  await db.close();

  await using again = await open("db", { fileSystem: disk });
  assertEquals(again.getSync("before"), "1");
  await again.put("c", "3");
});
