/**
 * **What.** What runs inside of a page that is checked: it collects what `findings.ts` judges.
 *
 * **Invariants.**
 * 1. No function refers to anything outside of itself: the browser gets its text.
 * 2. It leaves the page as it was, but for the colours asked for.
 *
 * **Read next.** `findings.ts`
 *
 * @module
 */
/// <reference lib="dom" />
import type { Seen, TextColour } from "./findings.ts";

type Rgb = [number, number, number];

/**
 * Looks at the page.
 *
 * @param theme The colours to look at it in, "light" or "dark".
 * @returns What there is, as JSON, which is quicker to take out of the browser than thousands of values; `page` is left
 * to the caller. Links within the page are there only if they lead nowhere.
 */
export function look(theme: string): string {
  // deno-lint-ignore no-explicit-any -- set by assets/theme.js
  (globalThis as any).varveTheme?.set(theme);
  const parse = (text: string): [number, number, number, number] => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  };
  const paperOf = (element: Element | null): Rgb => {
    for (let it = element; it; it = it.parentElement) {
      const [red, green, blue, alpha] = parse(
        getComputedStyle(it).backgroundColor,
      );
      if (alpha === 1) return [red, green, blue];
    }
    return [255, 255, 255];
  };
  const colours = new Map<string, TextColour>();
  const kinds = new Set<string>();
  for (const element of document.querySelectorAll("body *")) {
    // Elements of one kind in parents of one kind look alike; one of them is enough.
    const parent = element.parentElement!;
    const style = element.getAttribute("style");
    const kind = [style, element.tagName, element.className, parent.tagName, parent.className]
      .join();
    if (kinds.has(kind)) continue;
    const own = [...element.childNodes].find((it) => it.nodeType === 3 && it.textContent!.trim());
    if (!own || !element.checkVisibility({ opacityProperty: true })) continue;
    kinds.add(kind);
    const [red, green, blue] = parse(getComputedStyle(element).color);
    const ink: Rgb = [red, green, blue];
    const paper = paperOf(element);
    const sample = `${element.tagName.toLowerCase()}: ${own.textContent!.trim().slice(0, 30)}`;
    colours.set([ink, paper].join(), { sample, ink, paper });
  }
  const width = document.documentElement.clientWidth;
  const overflow = document.documentElement.scrollWidth - width;
  const widest = overflow <= 0 ? undefined : [...document.querySelectorAll("body *")]
    .findLast((it) => it.getBoundingClientRect().right > width + 1);
  const isWithin = (it: HTMLAnchorElement) =>
    it.hash !== "" &&
    it.href.replace(/#.*/, "") === location.href.replace(/#.*/, "");
  const links = [...document.querySelectorAll<HTMLAnchorElement>("a[href]")]
    .filter((it) =>
      !isWithin(it) ||
      !document.getElementById(decodeURIComponent(it.hash.slice(1)))
    );
  const seen: Omit<Seen, "page"> = {
    title: document.title,
    pictures: [...document.images].map((it) => ({
      src: it.getAttribute("src")!,
      alt: it.getAttribute("alt"),
      naturalWidth: it.naturalWidth,
    })),
    links: [...new Set(links.map((it) => it.href))],
    ids: [...document.querySelectorAll("[id]")].map((it) => it.id),
    overflow,
    widest: widest ? `${widest.tagName.toLowerCase()}.${widest.className}` : "",
    colours: [...colours.values()],
  };
  return JSON.stringify(seen);
}

/**
 * Looks at a picture that is open by itself.
 *
 * @returns What is wrong with its texts: one that leaves the picture, or two that cover each other. Fonts are those of
 * this machine, so a few pixels count for nothing.
 */
export function lookAtPicture(): string[] {
  const picture = document.documentElement.getBoundingClientRect();
  const texts = [...document.querySelectorAll("text")]
    .map((it) => ({ text: it.textContent!.trim().slice(0, 40), box: it.getBoundingClientRect() }))
    .filter(({ text }) => text !== "");
  const found = texts.filter(({ box }) => box.left < -1 || box.right > picture.right + 1)
    .map(({ text }) => `"${text}" leaves the picture`);
  texts.forEach((one, i) => {
    for (const other of texts.slice(i + 1)) {
      const wide = Math.min(one.box.right, other.box.right) -
        Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) -
        Math.max(one.box.top, other.box.top);
      if (wide > 2 && high > 4) found.push(`"${one.text}" and "${other.text}" cover each other`);
    }
  });
  return found;
}
