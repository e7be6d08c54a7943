/**
 * **What.** Builds the site of the course from the Markdown in `docs/` into `data/site`, with Eleventy:
 * `deno task docs`; with `--serve` it is shown on localhost, too, and built again when something changes.
 *
 * Why Eleventy: it makes plain HTML with addresses that are ours to choose, so the site works in a folder of any name,
 * without a network, and opened from a disk. VitePress, Starlight and Rspress bring a finished design, but want to know
 * the folder beforehand and load modules that a browser refuses from a disk. It runs under Deno as it is. It is kept
 * since 2018, under the MIT licence. Measured here, with what each needs for colours and search:
 * ```text
 *                         on disk   packages   downloads a month   folder of any name   from a disk
 * Eleventy, Shiki            46 MB        163             665 000   yes                  yes
 * VitePress                 102 MB        125           1 610 000   no                   no
 * Rspress                   121 MB        206             125 000   no                   no
 * Astro Starlight           183 MB        264             990 000   no                   no
 * ```
 * The search is MiniSearch (which VitePress uses, too) and not Pagefind: that one fetches its index, which a browser
 * does not do from a disk either. Versions are pinned in `deno.json` beside this file, with a lock file of their own:
 * who runs the tests downloads none of it.
 *
 * **Invariants.**
 * 1. Same files, same site. What was there before is removed.
 * 2. A link that leads nowhere fails the build, with the page and the address.
 *
 * **Read next.** `pages.ts`, `layout.ts`, `check.ts`
 *
 * @module
 */
// @ts-ignore: the packages are named in this directory's deno.json only, so that nothing else downloads them
import Eleventy from "@11ty/eleventy";
// @ts-ignore: as above; imported so that it is downloaded, and its place on the disk is known
import "minisearch";
import { type Context, renderPage, renderText } from "./layout.ts";
import { brokenLinks } from "./links.ts";
import { gatherSite, openRepository, type Page } from "./pages.ts";
import { pathOf, writeReference } from "./reference.ts";

const root = new URL("../../", import.meta.url);
const output = new URL("data/site/", root);
const assets = new URL("assets/", import.meta.url);

/** As much of Eleventy's configuration as is used here. */
interface Configuration {
  setQuietMode(isQuiet: boolean): void;
  setUseGitIgnore(uses: boolean): void;
  addGlobalData(name: string, make: () => unknown): void;
  addTemplate(name: string, template: unknown): void;
  addPassthroughCopy(paths: Record<string, string>): void;
  addWatchTarget(path: string, options?: { resetConfig: boolean }): void;
  on(event: string, act: () => Promise<void>): void;
}

function gatherContext(): Context {
  const site = gatherSite(openRepository(root));
  const places = new Map(site.pages.map(({ path, url }) => [path, url]));
  for (const path of site.copied) {
    const from = path.startsWith("docs/figures/") ? path.slice("docs/".length) : `source/${path}`;
    places.set(path, from);
  }
  return { site, places };
}

/** What the search looks through: sections of prose, and of each source its name and its header. */
function searchEntries(context: Context): Record<string, string | number>[] {
  const entries = context.site.pages.flatMap((page: Page) => {
    if (page.kind === "prose") {
      return renderText(page, context).sections.map((
        { level, id, text, body },
      ) => ({
        url: level === 1 ? page.url : `${page.url}#${id}`,
        title: text,
        page: page.title,
        body,
      }));
    }
    const header = /^\/\*\*([^]*?)\*\//.exec(page.text)?.[1] ?? "";
    const body = header.replace(/^\s*\* ?/gm, "").replace(/\*\*|`/g, "").trim();
    return [{ url: page.url, title: page.path, page: page.path, body }];
  });
  return entries.map((entry, id) => ({ id, ...entry }));
}

function writeSearch(context: Context): void {
  const json = JSON.stringify(searchEntries(context));
  const script = `globalThis.varveSearchIndex = ${json};\n`;
  Deno.writeTextFileSync(new URL("assets/search_index.js", output), script);
  // The package is made of modules; the same thing as a script for pages from a disk is beside them.
  const library = new URL("../umd/index.js", import.meta.resolve("minisearch"));
  const text = Deno.readTextFileSync(library).replace(
    /^\/\/# sourceMappingURL=.*$/m,
    "",
  );
  Deno.writeTextFileSync(new URL("assets/minisearch.js", output), text);
}

/** Looks for broken links in what is on the disk. */
function findBrokenLinks(): { pageCount: number; findings: string[] } {
  const pages = new Map<string, string>();
  const others = new Set<string>();
  const walk = (url: string) => {
    for (
      const { name, isDirectory } of Deno.readDirSync(
        new URL(encodeURI(url), output),
      )
    ) {
      if (isDirectory) walk(`${url}${name}/`);
      else if (!name.endsWith(".html")) others.add(url + name);
      else {pages.set(
          url + name,
          Deno.readTextFileSync(new URL(encodeURI(url + name), output)),
        );}
    }
  };
  walk("");
  return { pageCount: pages.size, findings: brokenLinks(pages, others) };
}

function configure(configuration: Configuration): void {
  const context = gatherContext();
  configuration.setQuietMode(true);
  configuration.setUseGitIgnore(false);
  configuration.addGlobalData("sitePages", () => context.site.pages);
  configuration.addTemplate("page.11ty.js", {
    data: {
      pagination: { data: "sitePages", size: 1, alias: "sitePage" },
      permalink: ({ sitePage }: { sitePage: Page }) => sitePage.url,
    },
    render: ({ sitePage }: { sitePage: Page }) => renderPage(sitePage, context),
  });
  configuration.addPassthroughCopy({ [pathOf(assets)]: "assets" });
  for (const path of context.site.copied) {
    const place = context.places.get(path)!;
    configuration.addPassthroughCopy({ [path]: place });
  }
  configuration.addWatchTarget("docs/**/*.{md,svg,ts}", { resetConfig: true });
  configuration.on("eleventy.after", async () => {
    writeSearch(context);
    await writeReference(root, output, context.places);
  });
}

/** Builds the site once, or for as long as it is served. */
export async function build(
  options: { serve: boolean; port?: number },
): Promise<string[]> {
  Deno.chdir(root);
  if (await exists(output)) await Deno.remove(output, { recursive: true });
  const eleventy = new Eleventy("docs/site/assets", "data/site", {
    quietMode: true,
    config: configure,
  });
  if (options.serve) {
    await eleventy.init();
    await eleventy.watch();
    await eleventy.serve(options.port ?? 8080);
    return [];
  }
  await eleventy.write();
  const { pageCount, findings } = findBrokenLinks();
  console.log(`${pageCount} pages in ${pathOf(output)}`);
  return findings;
}

async function exists(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  const findings = await build({ serve: Deno.args.includes("--serve") });
  for (const finding of findings) console.error(finding);
  if (findings.length > 0) {
    console.error(`${findings.length} links lead nowhere`);
    Deno.exit(1);
  }
}
