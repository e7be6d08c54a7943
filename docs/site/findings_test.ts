import { assertAlmostEquals, assertEquals } from "@std/assert";
import { contrast, deadLinks, findingsOf, type Seen } from "./findings.ts";

const fine: Seen = {
  page: "a.html",
  title: "A",
  pictures: [{ src: "a.svg", alt: "a log", naturalWidth: 10 }],
  links: ["http://here/x/b.html#two", "https://elsewhere.org/"],
  ids: ["one"],
  overflow: 0,
  widest: "",
  colours: [{ sample: "p: words", ink: [0, 0, 0], paper: [255, 255, 255] }],
};
const other: Seen = { ...fine, page: "b.html", links: [], ids: ["two"] };

Deno.test("contrast is that of WCAG: 21 for black on white, 1 for a colour on itself", () => {
  assertAlmostEquals(contrast([0, 0, 0], [255, 255, 255]), 21);
  assertAlmostEquals(contrast([255, 255, 255], [0, 0, 0]), 21);
  assertAlmostEquals(contrast([90, 20, 7], [90, 20, 7]), 1);
  assertAlmostEquals(contrast([118, 118, 118], [255, 255, 255]), 4.54, 0.005);
});

Deno.test("a page that is well has no findings", () => {
  assertEquals(findingsOf(fine), []);
});

Deno.test("each thing that is wrong with a page is found", () => {
  const grey = {
    sample: "p: words",
    ink: [150, 150, 150],
    paper: [255, 255, 255],
  } as const;
  const cases: [Partial<Seen>, string][] = [
    [{ title: " " }, "a.html: no title"],
    [
      { pictures: [{ src: "a.svg", alt: "", naturalWidth: 1 }] },
      "a.html: a.svg: picture without a description",
    ],
    [
      { pictures: [{ src: "a.svg", alt: null, naturalWidth: 1 }] },
      "a.html: a.svg: picture without a description",
    ],
    [
      { pictures: [{ src: "a.svg", alt: "a", naturalWidth: 0 }] },
      "a.html: a.svg: picture without a size",
    ],
    [{ overflow: 3, widest: "pre." }, "a.html: 3 px wider than a phone (pre.)"],
    [{ colours: [grey] }, 'a.html: contrast 2.96 of "p: words"'],
  ];
  for (const [fault, finding] of cases) {
    assertEquals(findingsOf({ ...fine, ...fault }), [finding]);
  }
});

Deno.test("a link to no file, no fragment or out of the site is found, and one elsewhere is not", () => {
  const look = (link: string) =>
    deadLinks(
      [{ ...fine, links: [link] }, other],
      "http://here/x/",
      (path) => path === "b.html",
    );
  assertEquals(look("http://here/x/b.html#two"), []);
  assertEquals(look("https://elsewhere.org/x"), []);
  for (
    const [link, what] of [
      ["http://here/x/c.html", "no such file"],
      ["http://here/x/b.html#one", "no such place on the page"],
      ["http://here/y/b.html", "leads out of the site"],
      ["file:///x/b.html", "leads out of the site"],
    ] as const
  ) assertEquals(look(link), [`a.html: ${link}: ${what}`]);
});
