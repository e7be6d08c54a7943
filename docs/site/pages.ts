/**
 * **What.** Which pages the site has, found out from the Markdown: every file in `docs/` ending in `.md`, whatever
 * these link to inside the repository, and whatever that links to or imports in its turn. No list of chapters or
 * sources is kept anywhere.
 *
 * **Format.** Where the page of a file of the repository is, from the root of the site:
 * ```text
 * docs/README.md          index.html                     the home page
 * docs/05_the_table.md    05_the_table.html              and so below docs/
 * bench/README.md         source/bench/README.html       Markdown elsewhere
 * lib/log.ts              source/lib/log.ts.html         any other file
 * bench/engines/          source/bench/engines/index.html
 * docs/figures/log.svg    figures/log.svg                pictures stay pictures
 * ```
 *
 * **Invariants.**
 * 1. Paths are of the repository, with `/`, and without `/` in front; a path outside of it is never read.
 * 2. Same files, same pages in the same order: chapters by their names, others in the order in which `docs/README.md`
 *    names them, recipes as their own contents do, sources by path.
 * 3. A link that leads to nothing makes no page; `links.ts` finds it in what was built.
 *
 * **Read next.** `pages_test.ts`
 *
 * @module
 */

/** What the gathering of pages needs to know of a repository. */
export interface Repository {
  /** All files, as paths from its root, sorted. */
  readonly files: readonly string[];
  /** The text of a file. */
  read(path: string): string;
}

/** What a page shows. */
export type PageKind = "prose" | "source" | "directory";

/** One page of the site. */
export interface Page {
  /** The file or directory that it shows, in the repository. */
  readonly path: string;
  /** Where it is, from the root of the site. */
  readonly url: string;
  readonly kind: PageKind;
  /** The first heading of Markdown, the path of anything else. */
  readonly title: string;
  /** Markdown or source; for a directory its files, one a line. */
  readonly text: string;
}

/** One part of the navigation. */
export interface Group {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** All pages, and how they are put in order. */
export interface Site {
  readonly pages: readonly Page[];
  /** Pictures and the like that are copied as they are, by path. */
  readonly copied: readonly string[];
  /** What a reader goes through from front to back: the home page, then each group's pages. */
  readonly reading: readonly Page[];
  readonly groups: readonly Group[];
}

const PICTURE = /\.(svg|png|jpe?g|gif|webp)$/;
const HOME = "docs/README.md";

/** Where the page of a file or directory is, from the root of the site. */
export function urlOf(path: string, isDirectory = false): string {
  if (path === HOME) return "index.html";
  const below = path.startsWith("docs/") && /\.md$|^docs\/figures\//.test(path);
  const place = below ? path.slice("docs/".length) : `source/${path}`;
  if (isDirectory) return `${place}/index.html`;
  if (PICTURE.test(path)) return place;
  return place.endsWith(".md") ? place.replace(/\.md$/, ".html") : `${place}.html`;
}

/**
 * A path that is relative to a file.
 *
 * @param from The file or, with `/` at its end, the directory.
 * @param to What it names, such as `../lib/log.ts`.
 * @returns The path from the root of the repository, or `undefined` if it leads out of it.
 */
export function resolvePath(from: string, to: string): string | undefined {
  const steps = from.split("/").slice(0, -1);
  for (const step of to.split("/")) {
    if (step === "..") {
      if (steps.pop() === undefined) return undefined;
    } else if (step !== "." && step !== "") steps.push(step);
  }
  return steps.join("/");
}

/** A relative address from one page to another. */
export function relativeUrl(from: string, to: string): string {
  return "../".repeat(from.split("/").length - 1) + to;
}

/** Markdown without its blocks of code, in which nothing is a heading. */
function withoutBlocks(text: string): string {
  return text.replace(/^( *)(```+|~~~+)[^]*?^ *\2[`~]* *$/gm, "");
}

/** Markdown without any code, in which nothing is a link. */
function withoutCode(text: string): string {
  return withoutBlocks(text).replace(/(`+)[^`].*?\1/g, "");
}

/** The addresses that a text links to or imports, as they are written; those of other hosts are left out. */
export function linksIn(path: string, text: string): string[] {
  const patterns = path.endsWith(".md")
    ? [
      /\]\(\s*<?([^)\s>]+)/g,
      /^\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm,
      /\b(?:href|src)="([^"]+)"/g,
    ]
    : /\.[jt]s$/.test(path)
    ? [
      /^(?:import|export|\}).*?["'](\.\.?\/[^"']+)["']/gm,
      /\(\s*["'](\.\.?\/[^"']+\.ts)["']/g,
    ]
    : [];
  const searched = path.endsWith(".md") ? withoutCode(text) : text;
  return patterns.flatMap((pattern) => [...searched.matchAll(pattern)].map((match) => match[1]!))
    .filter((link) => !/^([a-z]+:|\/|#)/.test(link));
}

/** A component's test and benchmark, or the component of either, where they are there. */
export function companions(
  path: string,
  has: (path: string) => boolean,
): string[] {
  const stem = path.replace(/(_test|_bench)?\.ts$/, "");
  return ["", "_test", "_bench"].map((end) => `${stem}${end}.ts`)
    .filter((it) => path.endsWith(".ts") && it !== path && has(it));
}

function titleOf(path: string, text: string): string {
  const heading = path.endsWith(".md") ? /^# (.+)$/m.exec(withoutBlocks(text)) : undefined;
  return heading ? heading[1]!.replace(/[`*_]|\[([^\]]*)\]\([^)]*\)/g, "$1").trim() : path;
}

function pageOf(path: string, repository: Repository): Page | undefined {
  if (repository.files.includes(path)) {
    const text = repository.read(path).replaceAll("\r\n", "\n");
    const kind = path.endsWith(".md") ? "prose" : "source";
    return { path, url: urlOf(path), kind, title: titleOf(path, text), text };
  }
  const inside = repository.files.filter((it) => it.startsWith(`${path}/`));
  if (path === "" || inside.length === 0) return undefined;
  const text = inside.map((it) => it.slice(path.length + 1)).join("\n");
  return {
    path,
    url: urlOf(path, true),
    kind: "directory",
    title: `${path}/`,
    text,
  };
}

/** What one page leads to, as paths of the repository. */
function leadsTo(page: Page, has: (path: string) => boolean): string[] {
  if (page.kind === "directory") {
    return page.text.split("\n").map((name) => `${page.path}/${name}`);
  }
  const linked = linksIn(page.path, page.text).flatMap((link) => {
    const path = resolvePath(page.path, decodeURI(link.replace(/[#?].*$/, "")));
    return path === undefined ? [] : [path];
  });
  return [...linked, ...companions(page.path, has)];
}

/** A page itself, then in the order in which it names them; what it does not name comes after, by path. */
function asNamedAt(pages: readonly Page[], first: Page | undefined): Page[] {
  const named = ["README.md", ...(first ? [first.path, ...leadsTo(first, () => false)] : [])];
  const place = (
    { path }: Page,
  ) => (named.includes(path) ? named.indexOf(path) : named.length);
  return [...pages].sort((a, b) => place(a) - place(b) || (a.path < b.path ? -1 : 1));
}

/**
 * Gathers the pages.
 *
 * @param repository What there is.
 * @returns The pages, without any for the reference of the public interface, which is made by `deno doc`.
 */
export function gatherSite(repository: Repository): Site {
  const fileSet = new Set(repository.files);
  const found = new Map<string, Page>();
  const copied = new Set<string>();
  const queue = repository.files.filter((path) => /^docs\/.*\.md$/.test(path));
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (found.has(path)) continue;
    if (PICTURE.test(path) && fileSet.has(path)) {
      copied.add(path);
      continue;
    }
    const page = pageOf(path, repository);
    if (page === undefined) continue;
    found.set(path, page);
    queue.push(...leadsTo(page, (it) => fileSet.has(it)));
  }
  const pages = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const home = found.get(HOME);
  const prose = pages.filter(({ kind, path }) => kind === "prose" && path !== HOME);
  const isChapter = ({ path }: Page) => /^docs\/\d+_[^/]*\.md$/.test(path);
  const isBeside = (page: Page) => /^docs\/[^/]+\.md$/.test(page.path) && !isChapter(page);
  const isRecipe = ({ path }: Page) => path.startsWith("docs/recipes/");
  const isProject = ({ path }: Page) => !path.startsWith("docs/");
  const isDeeper = (page: Page) => /^docs\/.*\//.test(page.path) && !isRecipe(page);
  const groups = [
    { title: "Chapters", pages: prose.filter(isChapter) },
    {
      title: "Beside the chapters",
      pages: asNamedAt(prose.filter(isBeside), home),
    },
    {
      title: "Recipes",
      pages: asNamedAt(prose.filter(isRecipe), found.get("docs/recipes/README.md")),
    },
    { title: "Exercises and experiments", pages: prose.filter(isDeeper) },
    {
      title: "The project",
      pages: asNamedAt(prose.filter(isProject), undefined),
    },
  ].filter((group) => group.pages.length > 0);
  const reading = [
    ...(home ? [home] : []),
    ...groups.flatMap((group) => group.pages),
  ];
  return { pages, copied: [...copied].sort(), reading, groups };
}

/** The files of this repository that git keeps or would keep, read from the disk. */
export function openRepository(root: URL): Repository {
  const left = /^(\.git|node_modules|data|coverage|tmp|vendor)\/$|\.tmp$|\/data\/$/;
  const files: string[] = [];
  const list = (directory: string) => {
    for (const entry of Deno.readDirSync(new URL(directory, root))) {
      const path = directory + entry.name + (entry.isDirectory ? "/" : "");
      if (left.test(path)) continue;
      if (entry.isDirectory) list(path);
      else if (entry.isFile) files.push(path);
    }
  };
  list("");
  return {
    files: files.sort(),
    read: (path) => Deno.readTextFileSync(new URL(path, root)),
  };
}
