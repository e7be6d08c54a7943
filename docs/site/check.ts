/**
 * **What.** Checks the built site in a real browser, as a reader on a desk and one with a phone would see it:
 * `deno task docs:check`. The site is served from a folder that its pages know nothing of, and any other host is out of
 * reach. The browser is Debian's Chromium, driven by Playwright (kept by Microsoft, Apache-2.0, one package of 14 MB
 * without dependencies; Puppeteer needs eighty more).
 *
 * `--only=05_` looks at the pages alone whose address contains "05_", while one is at work on them.
 *
 * **Invariants.**
 * 1. Every page is loaded, and each of: an error on the console, a request that failed or went elsewhere, a picture
 *    without size or description, a link or fragment that leads nowhere, a page wider than a phone, is a finding.
 * 2. What is there to be used is used: search, copying, colours, folded parts, the menu. If there is nothing to try it
 *    on, that is a finding, too.
 * 3. The exit status is 0 only if nothing was found. Nothing is decided by time.
 *
 * **Read next.** `findings.ts`, `in_page.ts`, `use.ts`
 *
 * @module
 */
// @ts-ignore: the packages are named in this directory's deno.json only, so that nothing else downloads them
import { chromium } from "playwright-core";
import { deadLinks, findingsOf, type Seen } from "./findings.ts";
import { look, lookAtPicture } from "./in_page.ts";
import { useEverything } from "./use.ts";

const site = new URL("../../data/site/", import.meta.url);
const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];
/** Any name will do, as long as nothing in the site is built for it. */
const FOLDER = "/some where/else/";
/** Pages that are looked at at the same time. */
const LANES = 3;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css",
  js: "text/javascript",
  svg: "image/svg+xml",
  png: "image/png",
};

/** As much of Playwright's page as is used here and in `use.ts`. */
// deno-lint-ignore no-explicit-any -- the types are in a package that the rest of the repository does not have
export type BrowserPage = any;

/** All files of the site, by their path from its root. */
function listSite(): string[] {
  const files: string[] = [];
  const walk = (path: string) => {
    for (
      const { name, isDirectory } of Deno.readDirSync(
        new URL(encodeURI(path), site),
      )
    ) {
      if (isDirectory) walk(`${path}${name}/`);
      else files.push(path + name);
    }
  };
  walk("");
  return files.sort();
}

function findBrowser(): string {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of BROWSERS) {
      try {
        const path = `${directory}/${name}`;
        if (Deno.statSync(path).isFile) return path;
      } catch {
        // Not here; the next one then.
      }
    }
  }
  console.error(
    "No Chromium on the PATH. Install it: apt-get install chromium",
  );
  Deno.exit(2);
}

function serveSite(
  files: ReadonlySet<string>,
): { root: string; close(): Promise<void> } {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const path = decodeURIComponent(new URL(request.url).pathname);
      const file = path.slice(FOLDER.length);
      if (!path.startsWith(FOLDER) || !files.has(file)) {
        return new Response(
          "none",
          { status: 404 },
        );
      }
      const type = TYPES[/[^.]*$/.exec(file)![0]] ?? "application/octet-stream";
      const body = await Deno.readFile(new URL(encodeURI(file), site));
      return new Response(body, {
        // Styles and scripts are the same for every page.
        headers: { "content-type": type, "cache-control": "max-age=600" },
      });
    },
  );
  const root = `http://127.0.0.1:${server.addr.port}${encodeURI(FOLDER)}`;
  return { root, close: () => server.shutdown() };
}

/** Makes findings of whatever goes wrong on a page while it is open. */
export function watch(
  page: BrowserPage,
  root: string,
  report: (finding: string) => void,
): void {
  const origin = new URL(root).origin;
  const where = () => decodeURI(page.url()).replace(decodeURI(root), "");
  page.on("console", (message: BrowserPage) => {
    if (message.type() === "error") {
      report(`${where()}: console: ${message.text()}`);
    }
  });
  page.on(
    "pageerror",
    (error: Error) => report(`${where()}: ${error.message}`),
  );
  page.on("requestfailed", (request: BrowserPage) => {
    const reason = request.failure()?.errorText;
    // The browser asks for the icon last, and gives up when the next page is opened. A missing one is a 404.
    const isIcon = request.url().endsWith("/icon.svg") &&
      reason === "net::ERR_ABORTED";
    if (!isIcon) report(`${where()}: ${request.url()}: ${reason}`);
  });
  page.on("response", (response: BrowserPage) => {
    if (response.status() >= 400) {
      report(`${where()}: ${response.url()}: ${response.status()}`);
    }
  });
  page.on("request", (request: BrowserPage) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) {
      report(`${where()}: asks ${url}`);
    }
  });
}

/** Whether a page only leads on to another, as some of the reference do. */
function isRedirection(page: string): boolean {
  const html = Deno.readTextFileSync(new URL(encodeURI(page), site));
  return html.includes('http-equiv="refresh"');
}

async function lookAtAll(
  context: BrowserPage,
  root: string,
  pages: readonly string[],
  report: (finding: string) => void,
): Promise<Seen[]> {
  const all: Seen[] = [];
  const queue = [...pages];
  const lane = async () => {
    const tab = await context.newPage();
    watch(tab, root, report);
    for (let page = queue.shift(); page !== undefined; page = queue.shift()) {
      await tab.setViewportSize(DESK);
      const address = root + encodeURI(page);
      await tab.goto(address);
      if (isRedirection(page)) {
        await tab.waitForURL((url: URL) => url.href !== address);
        continue;
      }
      const desk: Seen = JSON.parse(await tab.evaluate(look, "light"));
      await tab.setViewportSize(PHONE);
      const phone: Seen = JSON.parse(await tab.evaluate(look, "dark"));
      all.push({
        ...desk,
        page,
        ...overflowOf(phone),
        colours: [...desk.colours, ...phone.colours],
      });
    }
    await tab.close();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return all;
}

/** Opens each picture by itself. */
async function lookAtPictures(
  context: BrowserPage,
  root: string,
  pictures: readonly string[],
  report: (finding: string) => void,
): Promise<void> {
  const tab = await context.newPage();
  for (const picture of pictures) {
    await tab.goto(root + encodeURI(picture));
    for (const finding of await tab.evaluate(lookAtPicture)) report(`${picture}: ${finding}`);
  }
  await tab.close();
}

function overflowOf(
  { overflow, widest }: Seen,
): { overflow: number; widest: string } {
  return { overflow, widest };
}

async function main(): Promise<number> {
  const files = listSite();
  const only = Deno.args.find((it) => it.startsWith("--only="))?.slice("--only=".length) ??
    "";
  const pages = files.filter((path) => path.endsWith(".html") && path.includes(only));
  const findings: string[] = [];
  const report = (finding: string) => {
    if (!findings.includes(finding)) findings.push(finding);
  };
  const server = serveSite(new Set(files));
  // A container has no sandbox to put the browser in; it only ever sees this site.
  const args = [
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ];
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args,
  });
  try {
    const context = await browser.newContext({
      viewport: DESK,
      colorScheme: "light",
    });
    const all = await lookAtAll(context, server.root, pages, report);
    for (const seen of all) findingsOf(seen).forEach(report);
    const drawn = files.filter((path) => path.endsWith(".svg") && path.includes(only));
    await lookAtPictures(context, server.root, drawn, report);
    deadLinks(all, server.root, (path) => files.includes(path)).forEach(report);
    const used = await useEverything(browser, server.root, all, report);
    const links = all.reduce((sum, seen) => sum + seen.links.length, 0);
    const pictures = all.reduce((sum, seen) => sum + seen.pictures.length, 0);
    for (const finding of findings) console.error(finding);
    console.log(
      `${all.length} pages, ${links} links, ${pictures} pictures, ${used}; ${findings.length} findings`,
    );
  } finally {
    await browser.close();
    await server.close();
  }
  return findings.length;
}

if (import.meta.main) Deno.exit(await main() > 0 ? 1 : 0);
