/**
 * **What.** The house rules as tests: who may import whom, how a file opens, how long it may be, and what has no place
 * in the repository. The order of the components is the list in `mod.ts`; it is read from there.
 *
 * **Invariants.**
 * 1. Every finding names a file, and a line if it is about one.
 * 2. Nothing here formats, lints or checks types: `deno task ok` has steps for those.
 *
 * **Read next.** `permissions.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { onSources } from "./permissions.ts";

const root = new URL("../", import.meta.url);

const LINE_LENGTH_MAX = 120;
const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;

const TOP_LEVEL: ReadonlySet<string> = new Set([
  ".ci",
  ".gitattributes",
  ".github",
  ".gitignore",
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "bench",
  "deno.json",
  "deno.lock",
  "docs",
  "lib",
  "mod.ts",
  "tests",
  "vendor",
]);

/** The files that may use `Deno.*`: the file system, and programs. */
const USES_DENO = /^lib\/(deno_\w+|shell|doctor|cli\w*)\.ts$/;

// Written in two parts, so that this file does not contain what it looks for.
const FORBIDDEN: readonly [RegExp, string][] = [
  [new RegExp("\\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK)\\b"), "a left-over marker"],
  [new RegExp("sanitize\\w+: " + "false"), "a test that hides its leaks"],
  [new RegExp("(\\.only\\(|\\bonly: " + "true)"), "a test that shuts out the others"],
  [new RegExp("(^|[\\s\"'`=(])/(" + "home|root|Users|work)/\\w"), "a path of one machine"],
  [new RegExp("[A-Z]:\\\\" + "Users\\\\"), "a path of one machine"],
  [new RegExp("\\b(registry\\." + "npmjs|npm\\.jsr)\\.\\w+"), "the host of a package registry"],
];

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Reads the patterns of `.gitignore`: `name/`, `/name/` and `*.extension` are all that it uses. */
function ignoredPatterns(): RegExp[] {
  return Deno.readTextFileSync(new URL(".gitignore", root)).split(/\r?\n/)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const start = line.startsWith("/") ? "^" : "(^|/)";
      const name = line.replace(/^\//, "").replaceAll(".", "\\.").replaceAll("*", "[^/]*");
      return new RegExp(start + name + (line.endsWith("/") ? "$" : "/?$"));
    });
}

function listFiles(): string[] {
  const ignored = ignoredPatterns();
  const found: string[] = [];
  const list = (directory: string) => {
    for (const entry of Deno.readDirSync(new URL(directory, root))) {
      const path = directory + entry.name + (entry.isDirectory ? "/" : "");
      if (path === ".git/" || path === ".git" || ignored.some((it) => it.test(path))) continue;
      if (entry.isDirectory) list(path);
      else found.push(path);
    }
  };
  list("");
  return found.sort();
}

function readSource(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, root));
  return { path, text, lines: text.split(/\r?\n/) };
}

const files = onSources.ignore ? [] : listFiles();
const sources = files.filter((path) => /\.(ts|md|json|yml|js|html|svg)$|^\.ci\/run$/.test(path))
  .map(
    readSource,
  );
/** The components: `lib/x.ts` without tests and benchmarks. */
const components = sources.filter(({ path }) =>
  /^lib\/\w+\.ts$/.test(path) && !/_(test|bench)\.ts$/.test(path)
);
/** What every file of the library, the tests and the benchmarks has in common. */
const modules = sources.filter(({ path }) =>
  path === "mod.ts" || /^(lib|tests|bench|docs)\/.*\.ts$/.test(path)
);

/** The first comment of a file. */
function headerOf({ text }: Source): string {
  const end = text.indexOf("*/");
  return text.startsWith("/**") && end > 0 ? text.slice(0, end) : "";
}

/** The names of files in backticks, in order, each once. */
function filesNamed(text: string): string[] {
  return [
    ...new Set([...text.matchAll(/`([\w./-]+\.(?:ts|md|js|css))`/g)].map((match) => match[1]!)),
  ];
}

/** The components from the ground up, as `mod.ts` lists them. */
function componentOrder(): string[] {
  const tour = sources.find(({ path }) => path === "mod.ts")!;
  return filesNamed(headerOf(tour)).map((name) => name.replace(/^lib\//, ""))
    .filter((name) => /^\w+\.ts$/.test(name) && name !== "mod.ts");
}

/** The lines of code: what is nothing but comment is left empty, and comments at the end of a line are cut. */
function codeLines({ lines }: Source): string[] {
  let inComment = false;
  return lines.map((line) => {
    const opens = /^\s*\/\*/.test(line);
    const isComment = inComment || opens || /^\s*\/\//.test(line);
    if (opens || inComment) inComment = !line.includes("*/");
    return isComment ? "" : line.replace(/\s\/\/\s.*$/, "");
  });
}

/** The relative specifiers that a file imports or re-exports, as `deno fmt` writes them. */
function relativeImports(source: Source): string[] {
  return codeLines(source).flatMap((line) => {
    const match = /^(?:import\b|export\b|\}).*?["'](\.\.?\/[^"']+)["']/.exec(line) ??
      /\bimport\(\s*["'](\.\.?\/[^"']+)["']/.exec(line);
    return match ? [match[1]!] : [];
  });
}

/** Applies a rule to every line and gives back "file:line: what". */
function findings(
  of: readonly Source[],
  rule: (line: string, source: Source) => string | undefined,
  linesOf: (source: Source) => readonly string[] = ({ lines }) => lines,
): string[] {
  return of.flatMap((source) =>
    linesOf(source).flatMap((line, index) => {
      const what = rule(line, source);
      return what === undefined ? [] : [`${source.path}:${index + 1}: ${what}`];
    })
  );
}

Deno.test("the list of components has every component once, and nothing else", onSources, () => {
  const order = componentOrder();
  const names = components.map(({ path }) => path.slice("lib/".length));
  assertEquals(names.filter((name) => !order.includes(name)), [], "not in the list");
  if (files.includes("mod.ts")) {
    assertEquals(order.filter((name) => !names.includes(name)), [], "in the list, but not in lib");
  }
});

Deno.test("a component imports only components that come before it in the list", onSources, () => {
  const order = componentOrder();
  const found = components.flatMap((source) => {
    const place = order.indexOf(source.path.slice("lib/".length));
    return relativeImports(source)
      .filter((specifier) => {
        const at = order.indexOf(specifier.replace(/^\.\//, ""));
        return at < 0 || at >= place;
      })
      .map((specifier) => `${source.path}: imports ${specifier}`);
  });
  assertEquals(found, []);
});

Deno.test("lib uses Deno.* in the Deno file system and in programs only", onSources, () => {
  const rule = (line: string) => /(^|[^\w.`"'])Deno\./.test(line) ? line.trim() : undefined;
  const others = components.filter(({ path }) => !USES_DENO.test(path));
  assertEquals(findings(others, rule, codeLines), []);
});

Deno.test("lib does not write to the console", onSources, () => {
  const rule = (line: string) => /\bconsole\.\w/.test(line) ? line.trim() : undefined;
  assertEquals(findings(components, rule, codeLines), []);
});

Deno.test("every component has a test and a benchmark", onSources, () => {
  const missing = components.flatMap(({ path }) =>
    ["_test.ts", "_bench.ts"].map((end) => path.replace(/\.ts$/, end))
  ).filter((path) => !files.includes(path));
  assertEquals(missing, [], "missing");
});

Deno.test(
  "every component says what it is, what it keeps true and what to read next",
  onSources,
  () => {
    const found = components.flatMap((source) => {
      const header = headerOf(source);
      const parts = ["**What.**", "**Format", "**Invariants", "**Read next.**", "@module"];
      const places = parts.map((part) => header.indexOf(part));
      const missing = parts.filter((part, i) => part !== "**Format" && places[i]! < 0);
      const inOrder = places.filter((place) => place >= 0);
      if (missing.length > 0) return [`${source.path}: no ${missing.join(", no ")}`];
      if (!header.startsWith("/**\n * **What.**")) {
        return [`${source.path}: does not open with What`];
      }
      return inOrder.every((place, i) => i === 0 || place > inOrder[i - 1]!)
        ? []
        : [`${source.path}: the parts of its header are out of order`];
    });
    assertEquals(found, []);
  },
);

Deno.test("what a file says to read next is there", onSources, () => {
  const found = modules.flatMap((source) => {
    const header = headerOf(source);
    const at = header.indexOf("**Read next.**");
    if (at < 0) return [];
    const named = filesNamed(header.slice(at));
    if (named.length === 0) return [`${source.path}: names no file`];
    const directory = new URL(source.path, root);
    return named.filter((name) =>
      !files.includes(new URL(name, directory).href.slice(root.href.length)) &&
      !files.includes(name)
    ).map((name) => `${source.path}: ${name}`);
  });
  assertEquals(found, []);
});

Deno.test("files, functions and lines stay short", onSources, () => {
  // Marks of regions are for the documentation, and not read as code.
  const long = components.map(({ path, lines }) => ({
    path,
    count: lines.filter((line) => !/^\s*\/\/ #(end)?region\b/.test(line)).length - 1,
  })).filter(({ count }) => count > FILE_LINES_MAX).map(({ path, count }) =>
    `${path}: ${count} lines`
  );
  assertEquals(long, [], `more than ${FILE_LINES_MAX} lines`);

  const functions = components.flatMap(({ path, lines }) => {
    // `deno fmt` closes a function or a method at the indentation that it was opened at.
    const found: string[] = [];
    lines.forEach((line, start) => {
      const opening = /^(?:export )?(?:async )?function\b|^ {2}[\w#*\[][^;=]*\(/.exec(line);
      if (!opening) return;
      const indentation = /^ */.exec(line)![0];
      const closing = lines.findIndex((it, i) => i > start && it === `${indentation}}`);
      const lineCount = closing - start + 1;
      if (/[{(]$/.test(line) && lineCount > FUNCTION_LINES_MAX) {
        found.push(`${path}:${start + 1}: ${lineCount} lines`);
      }
    });
    return found;
  });
  assertEquals(functions, [], `more than ${FUNCTION_LINES_MAX} lines`);

  const wide = findings(
    sources.filter(({ path }) => path.endsWith(".ts")),
    (line) => [...line].length > LINE_LENGTH_MAX ? `${[...line].length} characters` : undefined,
  );
  assertEquals(wide, [], `more than ${LINE_LENGTH_MAX} characters`);
});

Deno.test(
  "nothing left over, switched off, or of one machine is in the repository",
  onSources,
  () => {
    const kept = sources.filter(({ path }) => path !== "deno.lock");
    const found = FORBIDDEN.flatMap(([pattern, what]) =>
      findings(kept, (line) => pattern.test(line) ? `${what}: ${line.trim()}` : undefined)
    );
    assertEquals(found, []);
  },
);

Deno.test("the top of the repository holds what belongs there", onSources, () => {
  const top = [...new Set(files.map((path) => path.split("/")[0]!))];
  assertEquals(top.filter((name) => !TOP_LEVEL.has(name)), []);
});

Deno.test("no database is in the repository, except what tests read", onSources, () => {
  const database = /(^|\/)(CURRENT|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(ldb|sst|log|dbtmp))$/;
  const found = files.filter((path) => database.test(path) && !path.startsWith("tests/"));
  assertEquals(found, []);
});

Deno.test("README.md and the gate give the same test command", onSources, () => {
  const gate = Deno.readTextFileSync(new URL(".ci/run", root));
  assert(/deno task test(?!:)/.test(gate), ".ci/run does not run `deno task test`");
  const readme = sources.find(({ path }) => path === "README.md");
  assert(readme === undefined || /deno task test(?!:)/.test(readme.text), "README.md does not say");
});
