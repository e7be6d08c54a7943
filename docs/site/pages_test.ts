import { assertEquals } from "@std/assert";
import { companions, gatherSite, linksIn, type Repository, resolvePath, urlOf } from "./pages.ts";

function repository(files: Record<string, string>): Repository {
  return { files: Object.keys(files).sort(), read: (path) => files[path]! };
}

Deno.test("a page is where its file's kind says", () => {
  assertEquals(urlOf("docs/README.md"), "index.html");
  assertEquals(urlOf("docs/05_the_table.md"), "05_the_table.html");
  assertEquals(urlOf("docs/parts/a.md"), "parts/a.html");
  assertEquals(urlOf("docs/figures/log.svg"), "figures/log.svg");
  assertEquals(
    urlOf("docs/exercises/log.ts"),
    "source/docs/exercises/log.ts.html",
  );
  assertEquals(urlOf("bench/README.md"), "source/bench/README.html");
  assertEquals(
    urlOf("bench/results/scale.svg"),
    "source/bench/results/scale.svg",
  );
  assertEquals(urlOf("bench/engines", true), "source/bench/engines/index.html");
  assertEquals(urlOf("LICENSE"), "source/LICENSE.html");
});

Deno.test("a path is resolved as a link is, and never out of the repository", () => {
  assertEquals(resolvePath("docs/a.md", "../lib/log.ts"), "lib/log.ts");
  assertEquals(resolvePath("docs/a.md", "./b.md"), "docs/b.md");
  assertEquals(resolvePath("a.md", "lib/"), "lib");
  assertEquals(resolvePath("docs/a.md", "../../x"), undefined);
});

Deno.test("links are found in Markdown, but not in its code", () => {
  const text = '[a](a.md#x) ![f](<f.svg>) `[no](no.md)` <img src="g.svg">\n\n[r]: r.md\n' +
    "\n```ts\n[no](no.md)\n```\n[b](https://example.org) [c](#c)\n";
  assertEquals(linksIn("docs/x.md", text), [
    "a.md#x",
    "f.svg",
    "r.md",
    "g.svg",
  ]);
});

Deno.test("imports are found in source, over several lines, too", () => {
  const text = 'import { a } from "./a.ts";\nimport {\n  b,\n} from "./b.ts";\n' +
    'export * from "./c.ts";\nnew URL("./d.ts", import.meta.url);\nimport x from "@std/assert";\n';
  assertEquals(linksIn("lib/x.ts", text), [
    "./a.ts",
    "./b.ts",
    "./c.ts",
    "./d.ts",
  ]);
});

Deno.test("a component, its test and its benchmark belong together", () => {
  const has = (path: string) => ["lib/a.ts", "lib/a_test.ts", "lib/a_bench.ts"].includes(path);
  assertEquals(companions("lib/a.ts", has), [
    "lib/a_test.ts",
    "lib/a_bench.ts",
  ]);
  assertEquals(companions("lib/a_test.ts", has), [
    "lib/a.ts",
    "lib/a_bench.ts",
  ]);
  assertEquals(companions("lib/b.ts", has), []);
});

Deno.test("chapters come by number, others as their contents name them, sources because of links", () => {
  const site = gatherSite(repository({
    "README.md": "# Store",
    "docs/10_ten.md": "# 10. Ten\n[code](../lib/a.ts)",
    "docs/02_two.md": "# 2. Two\n![f](figures/two.svg)",
    "docs/README.md": "# The course\n[z](z.md) [y](y.md) [s](../README.md)",
    "docs/figures/two.svg": "<svg/>",
    "docs/figures/unused.svg": "<svg/>",
    "docs/recipes/README.md": "# Recipes\n[b](b.md) [a](a.md)",
    "docs/recipes/a.md": "# A",
    "docs/recipes/b.md": "# B",
    "docs/recipes/c.md": "# C",
    "docs/y.md": "# Y",
    "docs/z.md": "# `Z` and\n",
    "lib/a.ts": 'import "./b.ts";',
    "lib/a_test.ts": "",
    "lib/b.ts": "",
    "lib/unlinked.ts": "",
  }));
  assertEquals(
    site.groups.map((
      { title, pages },
    ) => [title, ...pages.map((page) => page.title)]),
    [["Chapters", "2. Two", "10. Ten"], ["Beside the chapters", "Z and", "Y"], [
      "Recipes",
      "Recipes",
      "B",
      "A",
      "C",
    ], [
      "The project",
      "Store",
    ]],
  );
  assertEquals(site.reading.map(({ title }) => title).slice(0, 2), [
    "The course",
    "2. Two",
  ]);
  const sources = site.pages.filter(({ kind }) => kind === "source").map((
    { path },
  ) => path);
  assertEquals(sources, ["lib/a.ts", "lib/a_test.ts", "lib/b.ts"]);
  assertEquals(site.copied, ["docs/figures/two.svg"]);
});

Deno.test("a directory that is linked to lists its files, and they have pages", () => {
  const site = gatherSite(repository({
    "docs/README.md": "# The course\n[all](../lib) [none](../nothing)",
    "lib/a.ts": "",
    "lib/deep/b.ts": "",
  }));
  assertEquals(site.pages.map(({ path, kind }) => `${kind} ${path}`), [
    "prose docs/README.md",
    "directory lib",
    "source lib/a.ts",
    "source lib/deep/b.ts",
  ]);
});
