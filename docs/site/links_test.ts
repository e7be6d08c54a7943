import { assertEquals } from "@std/assert";
import { brokenLinks } from "./links.ts";

const others = new Set(["figures/log.svg", "assets/site.css"]);

/** Looks at a page in a folder, beside which there is one page with a heading. */
function look(html: string): string[] {
  const pages = new Map([["deep/a.html", html], [
    "b.html",
    '<h2 id="the-log">The log</h2>',
  ]]);
  return brokenLinks(pages, others);
}

Deno.test("links that lead somewhere are no findings", () => {
  assertEquals(
    look('<a href="../b.html">b</a> <a href="../b.html#the-log">b</a>'),
    [],
  );
  assertEquals(
    look(
      '<p id="x"><a href="#x">x</a> <a href="https://example.org/y#z">y</a></p>',
    ),
    [],
  );
  assertEquals(
    look(
      '<img alt="" src="../figures/log.svg"><link href="../assets/site.css">',
    ),
    [],
  );
});

Deno.test("what is in code, comments and scripts is no link", () => {
  assertEquals(
    look('<!-- <a href="no.html"> --> <code>&lt;a href="no.html"&gt;</code>'),
    [],
  );
  assertEquals(
    look('<script>const html = "<a href=\\"no.html\\">";</script>'),
    [],
  );
});

Deno.test("links that lead nowhere are found", () => {
  const cases: [string, string][] = [
    ['<a href="b.html">b</a>', "b.html: no such file"],
    ['<img src="../figures/tree.svg">', "../figures/tree.svg: no such file"],
    [
      '<a href="../b.html#log">b</a>',
      "../b.html#log: no such place on the page",
    ],
    ['<a href="#x">x</a>', "#x: no such place on the page"],
    [
      '<a href="../../b.html">b</a>',
      "../../b.html: no such file, or out of the site",
    ],
    ['<a href="/b.html">b</a>', "/b.html: no such file, or out of the site"],
    [
      '<a href="file:&#x2F;&#x2F;&#x2F;b.html">b</a>',
      "file:///b.html: no such file, or out of the site",
    ],
  ];
  for (const [html, finding] of cases) {
    assertEquals(look(html), [`deep/a.html: ${finding}`]);
  }
});

Deno.test("what is loaded from another host is found", () => {
  for (
    const html of [
      '<img src="https://example.org/x.png">',
      '<script src="//example.org/x.js">',
    ]
  ) {
    assertEquals(look(html).length, 1, html);
  }
});
