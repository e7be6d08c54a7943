/**
 * **What.** The HTML around a page's text: navigation, outline, search, what comes before and after.
 *
 * **Invariants.**
 * 1. Every address is relative to the page, so that the site works in a folder of any name, and from a disk.
 * 2. Without scripts a page can be read in full; search, theme and copying are what is missing then.
 *
 * **Read next.** `assets/site.js`
 *
 * @module
 */
import { escapeHtml, highlight } from "./highlight.ts";
import { type Rendered, renderMarkdown, withPageLinks } from "./markdown.ts";
import { companions, type Page, relativeUrl, resolvePath, type Site } from "./pages.ts";

/** Where the reference of the public interface begins, from the root of the site. */
export const REFERENCE = "reference/index.html";

/** What a page is put together from. */
export interface Context {
  readonly site: Site;
  /** The places of all pages and pictures, by their path in the repository. */
  readonly places: ReadonlyMap<string, string>;
}

function link(
  from: Page,
  to: Page | { url: string; title: string },
  attributes = "",
): string {
  const title = escapeHtml(to.title);
  return `<a href="${encodeURI(relativeUrl(from.url, to.url))}"${attributes}>${title}</a>`;
}

function navigation(page: Page, { site }: Context): string {
  const item = (to: Page) =>
    `<li>${link(page, to, to === page ? ' aria-current="page"' : "")}</li>`;
  const home = site.reading.find(({ url }) => url === "index.html");
  const groups = site.groups.map(({ title, pages }) =>
    `<h2>${escapeHtml(title)}</h2>\n<ul>\n${pages.map(item).join("\n")}\n</ul>`
  );
  const reference = link(page, { url: REFERENCE, title: "Public interface" });
  return `<nav class="chapters" id="chapters" aria-label="Chapters">
<ul>${home ? item(home) : ""}</ul>
${groups.join("\n")}
<h2>Reference</h2>
<ul><li>${reference}</li></ul>
</nav>`;
}

function outline({ headings }: Rendered): string {
  const shown = headings.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 2) return "";
  const items = shown.map(({ level, id, text }) =>
    `<li class="level-${level}"><a href="#${id}">${escapeHtml(text)}</a></li>`
  );
  return `<nav class="outline" aria-label="On this page">
<details open><summary>On this page</summary><ul>\n${items.join("\n")}\n</ul></details>
</nav>`;
}

function referenceNote(page: Page): string {
  const reference = link(page, { url: REFERENCE, title: "public interface" });
  return `<p>The ${reference} has a reference of its own, made from the comments in the code.</p>`;
}

/** The links to the pages before and after. */
function neighbours(page: Page, { site }: Context): string {
  const at = site.reading.indexOf(page);
  if (at < 0) return "";
  const [before, after] = [site.reading[at - 1], site.reading[at + 1]];
  const side = (to: Page | undefined, rel: string, label: string) =>
    to === undefined ? "<span></span>" : `<div class="${rel}"><small>${label}</small> ` +
      `${link(page, to, ` rel="${rel}"`)}</div>`;
  return `<nav class="neighbours" aria-label="Before and after">
${side(before, "prev", "Before")}
${side(after, "next", "Next")}
</nav>`;
}

/** What a source belongs together with: its test, its benchmark, the pages that link to it. */
function relatives(page: Page, { site, places }: Context): string {
  const named = (path: string) =>
    link(page, { url: places.get(path)!, title: path.replace(/^.*\//, "") });
  const beside = companions(page.path, (path) => places.has(path)).map((path) =>
    `<dt>${/_test/.test(path) ? "Test" : /_bench/.test(path) ? "Benchmark" : "Of"}</dt>` +
    `<dd>${named(path)}</dd>`
  );
  const mark = `](`;
  const readIn = site.reading.filter((it) =>
    it.text.split(mark).slice(1).some((rest) =>
      resolvePath(it.path, /^[^)#\s]*/.exec(rest)![0]) === page.path
    )
  ).map((it) => link(page, it));
  if (readIn.length > 0) {
    beside.push(`<dt>Read in</dt><dd>${readIn.join("<br>")}</dd>`);
  }
  return beside.length === 0 ? "" : `<dl class="relatives">\n${beside.join("\n")}\n</dl>`;
}

function sourceHtml(page: Page, context: Context): string {
  const language = page.path.endsWith("/run") ? "sh" : /[^./]*$/.exec(page.path)![0];
  const lines = highlight(page.text.replace(/\n$/, ""), language);
  const target = (name: string) => {
    const path = resolvePath(page.path, name);
    const place = path === undefined ? undefined : context.places.get(path);
    return place ?? context.places.get(name);
  };
  const linked = lines.map((line) =>
    // Imports, and the files in backticks that a header says to read next.
    line.replace(
      /(&quot;|`)([\w./-]+\.(?:ts|md|cc))(?=\1)/g,
      (all, quote, name) => {
        const place = target(name);
        if (place === undefined || place === page.url) return all;
        return `${quote}<a href="${encodeURI(relativeUrl(page.url, place))}">${name}</a>`;
      },
    )
  );
  const numbered = linked.map((line, i) =>
    `<span class="line" id="L${i + 1}"><a class="number" href="#L${i + 1}" ` +
    `aria-label="Line ${i + 1}" data-line="${i + 1}"></a>${line}\n</span>`
  );
  return `<h1>${escapeHtml(page.path)}</h1>
${relatives(page, context)}
<div class="code source"><button type="button" class="copy" hidden>Copy</button>` +
    `<pre tabindex="0"><code>${numbered.join("")}</code></pre></div>`;
}

function directoryHtml(page: Page, { places }: Context): string {
  const items = page.text.split("\n").map((name) => {
    const place = places.get(`${page.path}/${name}`);
    return `<li>${place ? link(page, { url: place, title: name }) : escapeHtml(name)}</li>`;
  });
  return `<h1>${escapeHtml(page.title)}</h1>\n<ul>\n${items.join("\n")}\n</ul>`;
}

/** The text of a page, and what is known of its sections. */
export function renderText(page: Page, context: Context): Rendered {
  if (page.kind === "prose") {
    const rendered = renderMarkdown(page.text);
    return {
      ...rendered,
      html: withPageLinks(rendered.html, page.path, context.places),
    };
  }
  const html = page.kind === "source" ? sourceHtml(page, context) : directoryHtml(page, context);
  return { html, headings: [], sections: [] };
}

/**
 * A whole page.
 *
 * @param page Which one.
 * @param context What there is beside it.
 * @returns The HTML document.
 */
export function renderPage(page: Page, context: Context): string {
  const rendered = renderText(page, context);
  const root = "../".repeat(page.url.split("/").length - 1);
  const home = context.site.reading.find(({ url }) => url === "index.html")?.title ?? "";
  const title = page.url === "index.html" ? `Varve: ${home}` : `${page.title} – Varve`;
  return `<!doctype html>
<html lang="en-GB" data-root="${root}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${root}assets/icon.svg">
<link rel="stylesheet" href="${root}assets/site.css">
<script src="${root}assets/theme.js"></script>
<script src="${root}assets/site.js" defer></script>
</head>
<body class="${page.kind}">
<a class="skip" href="#text">To the text</a>
<header>
<button type="button" id="menu" aria-expanded="false" aria-controls="chapters" hidden>Menu</button>
<a class="home" href="${root}index.html">Varve</a>
<div class="search" role="search" hidden>
<input type="search" id="search" placeholder="Search" aria-label="Search" autocomplete="off"
 spellcheck="false">
<div id="results" role="region" aria-label="Results" aria-live="polite" hidden></div>
</div>
<button type="button" id="theme" hidden>Theme</button>
</header>
<div class="columns">
${navigation(page, context)}
${outline(rendered)}
<main id="text">
<article>
${rendered.html}
${page.url === "index.html" ? referenceNote(page) : ""}
</article>
${neighbours(page, context)}
</main>
</div>
</body>
</html>
`;
}
