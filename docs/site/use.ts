/**
 * **What.** Uses the site as a reader does: searches, copies code, switches colours, unfolds answers, opens the menu.
 *
 * **Invariants.**
 * 1. Each part is tried on every chapter that has it, and at least once; else there is a finding.
 * 2. Nothing waits for a time: a condition in the page is waited for, and its absence is a finding.
 *
 * **Read next.** `check.ts`, `assets/site.js`
 *
 * @module
 */
/// <reference lib="dom" />
import type { Seen } from "./findings.ts";
import { type BrowserPage, watch } from "./check.ts";

/** Until a condition in a page is given up, in milliseconds: so long only on a machine that has stopped. */
const GIVE_UP_MS = 10_000;

interface Use {
  readonly tab: BrowserPage;
  readonly seen: Seen;
  readonly report: (finding: string) => void;
}

async function holds(tab: BrowserPage, condition: string): Promise<boolean> {
  try {
    await tab.waitForFunction(condition, undefined, { timeout: GIVE_UP_MS });
    return true;
  } catch {
    return false;
  }
}

/** The title of each chapter has to be found, and lead there; a word that is nowhere must not. */
async function search({ tab, seen, report }: Use): Promise<number> {
  const words: string = await tab.evaluate(() => document.querySelector("h1")!.innerText);
  const query = words.replace(/^[\d.\s]+/, "");
  for (const text of [query, "qqzzxxjjvv"]) {
    await tab.fill("#search", text);
    const given = JSON.stringify(text);
    if (
      !await holds(
        tab,
        `document.querySelector("#results").dataset.query === ${given}`,
      )
    ) {
      report(`${seen.page}: search for ${given}: no answer`);
      continue;
    }
    const found: string[] = await tab.$$eval(
      "#results a",
      (them: HTMLAnchorElement[]) => them.map((it) => it.href),
    );
    const own = found.some((it) => it.replace(/#.*/, "") === tab.url().replace(/#.*/, ""));
    if (own !== (text === query)) {
      report(`${seen.page}: search for ${given}: ${found.length} found`);
    }
  }
  await tab.fill("#search", "");
  return 1;
}

async function copy({ tab, seen, report }: Use): Promise<number> {
  // What is folded away can't be pointed at.
  const fold = (isOpen: boolean) =>
    tab.$$eval("article details", (all: HTMLDetailsElement[], isOpen: boolean) => {
      for (const details of all) details.open = isOpen;
    }, isOpen);
  await fold(true);
  const blocks = await tab.$$("article .code");
  for (const block of blocks) {
    const code: string = await block.$eval(
      "code",
      (it: HTMLElement) => it.textContent,
    );
    await block.hover();
    const button = await block.$(".copy");
    if (!button || !await button.isVisible()) {
      report(
        `${seen.page}: no button to copy ${JSON.stringify(code.slice(0, 30))}`,
      );
      continue;
    }
    await tab.evaluate(() => navigator.clipboard.writeText("nothing"));
    await button.click();
    await button.waitForElementState("stable");
    const label = `!!document.querySelector("article .code .copy:focus") || true`;
    await holds(tab, label);
    const copied: string = await tab.evaluate(() => navigator.clipboard.readText());
    if (copied !== code) {
      report(
        `${seen.page}: copied ${JSON.stringify(copied.slice(0, 30))} and not the code`,
      );
    }
  }
  await fold(false);
  return blocks.length;
}

async function unfold({ tab, seen, report }: Use): Promise<number> {
  const folded = await tab.$$("article details");
  for (const details of folded) {
    const isOpen = () => details.evaluate((it: HTMLDetailsElement) => it.open);
    const summary = await details.$("summary");
    if (!summary) {
      report(`${seen.page}: a folded part without a summary`);
      continue;
    }
    const before = await isOpen();
    await summary.click();
    const clicked = await isOpen();
    await summary.focus();
    await tab.keyboard.press("Enter");
    if (clicked === before || await isOpen() !== before) {
      report(`${seen.page}: a folded part does not open or close`);
    }
  }
  return folded.length;
}

/** The switch has to change the page, and each picture that knows two sets of colours. */
async function switchColours({ tab, seen, report }: Use): Promise<number> {
  const paper = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const pictures = await tab.$$("article img");
  const shots = async () => {
    const made: string[] = [];
    for (const picture of pictures) {
      made.push((await picture.screenshot()).toString("base64"));
    }
    return made;
  };
  const switchTo = async (name: string) => {
    for (let i = 0; i < 3 && await tab.innerText("#theme") !== name; i++) {
      await tab.click("#theme");
    }
  };
  await switchTo("Light");
  const [lightPaper, light] = [await paper(), await shots()];
  await switchTo("Dark");
  const [darkPaper, dark] = [await paper(), await shots()];
  await switchTo("Auto");
  if (await paper() !== lightPaper) {
    report(`${seen.page}: does not follow the system`);
  }
  if (lightPaper === darkPaper) {
    report(`${seen.page}: the switch of colours does nothing`);
  }
  for (const [i, picture] of pictures.entries()) {
    const src: string = await picture.getAttribute("src");
    const text: string = await tab.evaluate(
      async (address: string) => await (await fetch(address)).text(),
      src,
    );
    if (text.includes("prefers-color-scheme") && light[i] === dark[i]) {
      report(`${seen.page}: ${src}: has the same colours in the dark`);
    }
  }
  return pictures.length;
}

/** What is used on each page, by what there are so many of. */
const PARTS: Readonly<Record<string, (use: Use) => Promise<number>>> = {
  searches: search,
  "blocks of code": copy,
  "folded parts": unfold,
  "switched pictures": switchColours,
};

async function openMenu(
  browser: BrowserPage,
  root: string,
  report: (it: string) => void,
) {
  const tab = await browser.newPage({ viewport: { width: 390, height: 844 } });
  watch(tab, root, report);
  await tab.goto(root + "index.html");
  const isShown = () => tab.isVisible("nav.chapters a");
  if (await isShown()) report("index.html: the menu is open on a phone");
  await tab.click("#menu");
  if (!await isShown()) report("index.html: the menu does not open on a phone");
  await tab.click("nav.chapters li:nth-child(1) >> nth=1 >> a");
  if (tab.url() === root + "index.html") {
    report("index.html: the menu leads nowhere");
  }
  await tab.close();
}

/** Whoever has chosen nothing gets what the system has, also when it changes. */
async function followSystem(
  browser: BrowserPage,
  root: string,
  report: (it: string) => void,
) {
  const tab = await browser.newPage({ colorScheme: "light" });
  watch(tab, root, report);
  for (const page of ["index.html", "reference/index.html"]) {
    await tab.emulateMedia({ colorScheme: "light" });
    await tab.goto(root + page);
    const paper = "getComputedStyle(document.body).backgroundColor";
    const light = await tab.evaluate(paper);
    await tab.emulateMedia({ colorScheme: "dark" });
    if (!await holds(tab, `${paper} !== ${JSON.stringify(light)}`)) {
      report(`${page}: does not follow the system into the dark`);
    }
  }
  await tab.close();
}

/**
 * Uses every page of prose.
 *
 * @param browser Playwright's browser.
 * @param root The address of the site, which ends with `/`.
 * @param all What was seen of the pages.
 * @param report Takes each finding.
 * @returns What was used, for the summary.
 */
export async function useEverything(
  browser: BrowserPage,
  root: string,
  all: readonly Seen[],
  report: (finding: string) => void,
): Promise<string> {
  const context = await browser.newContext({
    colorScheme: "light",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const tab = await context.newPage();
  watch(tab, root, report);
  const counts = new Map(Object.keys(PARTS).map((what) => [what, 0]));
  for (
    const seen of all.filter(({ page }) =>
      !/^(source|reference)\/.*\.\w+\.html$|^reference\//.test(page)
    )
  ) {
    await tab.goto(root + encodeURI(seen.page));
    const use = { tab, seen, report };
    for (const [what, part] of Object.entries(PARTS)) {
      try {
        counts.set(what, counts.get(what)! + await part(use));
      } catch (error) {
        // Another finding on the page says why, as a rule: what cannot be loaded cannot be used.
        report(
          `${seen.page}: ${what}: ${(error as Error).message.split("\n")[0]}`,
        );
      }
    }
  }
  if (counts.get("searches") === 0) report("nothing to search for");
  if (counts.get("blocks of code") === 0) report("no code to copy");
  await context.close();
  await openMenu(browser, root, report);
  await followSystem(browser, root, report);
  return [...counts].map(([what, count]) => `${count} ${what}`).join(
    ", ",
  );
}
