/**
 * **What.** What `check.ts` makes of what a browser tells about a page, apart from the browser, so that it can be
 * tested without one.
 *
 * **Invariants.**
 * 1. Nothing here depends on a browser or on time.
 * 2. Each finding begins with the page and says what is wrong with what.
 *
 * **Read next.** `findings_test.ts`, `check.ts`
 *
 * @module
 */

/** A picture on a page. */
export interface Picture {
  readonly src: string;
  readonly alt: string | null;
  /** In CSS pixels; 0 if it could not be shown. */
  readonly naturalWidth: number;
}

/** A pair of colours that some text has, each as red, green, blue from 0 to 255. */
export interface TextColour {
  readonly sample: string;
  readonly ink: readonly [number, number, number];
  readonly paper: readonly [number, number, number];
}

/** What a browser tells about one page. */
export interface Seen {
  /** From the root of the site, without a fragment. */
  readonly page: string;
  readonly title: string;
  readonly pictures: readonly Picture[];
  /** Where the links lead, as whole addresses. */
  readonly links: readonly string[];
  /** The fragments that the page has. */
  readonly ids: readonly string[];
  /** How far the page goes beyond the width of a phone, in CSS pixels, and what does. */
  readonly overflow: number;
  readonly widest: string;
  readonly colours: readonly TextColour[];
}

/** The least contrast of text that WCAG 2.1 asks for at level AA. */
export const CONTRAST_MIN = 4.5;

/** The contrast of two colours as WCAG 2.1 defines it, from 1 to 21. */
export function contrast(
  a: readonly [number, number, number],
  b: readonly [number, number, number],
): number {
  const luminance = (colour: readonly [number, number, number]) => {
    const [red, green, blue] = colour.map((it) => {
      const part = it / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [
    number,
    number,
  ];
  return (light + 0.05) / (dark + 0.05);
}

/** What is wrong with one page, taken by itself. */
export function findingsOf(seen: Seen): string[] {
  const findings: string[] = [];
  if (seen.title.trim() === "") findings.push(`${seen.page}: no title`);
  for (const { src, alt, naturalWidth } of seen.pictures) {
    if (naturalWidth === 0) {
      findings.push(`${seen.page}: ${src}: picture without a size`);
    }
    if (!alt?.trim()) {
      findings.push(`${seen.page}: ${src}: picture without a description`);
    }
  }
  if (seen.overflow > 0) {
    findings.push(
      `${seen.page}: ${seen.overflow} px wider than a phone (${seen.widest})`,
    );
  }
  for (const { sample, ink, paper } of seen.colours) {
    const ratio = contrast(ink, paper);
    if (ratio < CONTRAST_MIN) {
      findings.push(
        `${seen.page}: contrast ${ratio.toFixed(2)} of "${sample}"`,
      );
    }
  }
  return findings;
}

/**
 * Finds the links that lead nowhere, from what the pages say when they are shown.
 *
 * @param all What was seen of every page.
 * @param root The address of the site's root, which ends with `/`.
 * @param exists Whether the site has a file, by its path from the root.
 * @returns One line for each finding.
 */
export function deadLinks(
  all: readonly Seen[],
  root: string,
  exists: (path: string) => boolean,
): string[] {
  const ids = new Map(all.map(({ page, ids }) => [page, new Set(ids)]));
  return all.flatMap(({ page, links }) =>
    links.filter((link) => !/^(https?|mailto):/.test(link) || link.startsWith(new URL(root).origin))
      .flatMap((link) => {
        if (!link.startsWith(root)) {
          return [`${page}: ${link}: leads out of the site`];
        }
        const url = new URL(link);
        const path = decodeURIComponent(
          url.pathname.slice(new URL(root).pathname.length),
        );
        const fragment = decodeURIComponent(url.hash.slice(1));
        if (!exists(path)) return [`${page}: ${link}: no such file`];
        const isThere = fragment === "" ||
          ids.get(path)?.has(fragment) !== false;
        return isThere ? [] : [`${page}: ${link}: no such place on the page`];
      })
  );
}
