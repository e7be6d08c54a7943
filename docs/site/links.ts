/**
 * **What.** Looks through a built site for links that lead nowhere, without a browser: `deno task docs` fails on them.
 *
 * **Invariants.**
 * 1. What a finding names is the page, the address as it is written there, and what is missing.
 * 2. Addresses of other hosts are not looked up; an element that would load something from one is a finding.
 *
 * **Read next.** `links_test.ts`, `check.ts`
 *
 * @module
 */
import { resolvePath } from "./pages.ts";

/** HTML without what is in comments and scripts. */
function visible(html: string): string {
  return html.replace(/<!--[^]*?-->|(<script\b[^>]*>)[^]*?<\/script>/g, "$1");
}

function unescape(text: string): string {
  return text.replaceAll("&#x2F;", "/").replaceAll("&quot;", '"').replaceAll(
    "&lt;",
    "<",
  )
    .replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** The fragments that a page has. */
export function fragmentsIn(html: string): Set<string> {
  return new Set(
    [...visible(html).matchAll(/\s(?:id|name)="([^"]+)"/g)].map((it) => unescape(it[1]!)),
  );
}

/**
 * Finds broken links.
 *
 * @param pages The HTML of each page, by its path from the root of the site.
 * @param others All other files of the site.
 * @returns One line for each finding; none if all is well.
 */
export function brokenLinks(
  pages: ReadonlyMap<string, string>,
  others: ReadonlySet<string>,
): string[] {
  const fragments = new Map<string, Set<string>>();
  const hasFragment = (page: string, fragment: string) => {
    let found = fragments.get(page);
    if (found === undefined) {
      fragments.set(page, found = fragmentsIn(pages.get(page)!));
    }
    return found.has(fragment);
  };
  const findings: string[] = [];
  for (const [page, html] of pages) {
    const seen = new Set<string>();
    for (
      const match of visible(html).matchAll(
        /<([a-z]+)\b[^<>]*?\s(?:href|src)="([^"]*)"/g,
      )
    ) {
      const address = unescape(match[2]!);
      if (seen.has(address)) continue;
      seen.add(address);
      if (/^(https?:)?\/\//.test(address)) {
        if (match[1] !== "a") {
          findings.push(`${page}: ${address}: loaded from another host`);
        }
        continue;
      }
      if (/^(mailto|data):/.test(address)) continue;
      const [, file, fragment] = /^([^?#]*)(?:\?[^#]*)?(?:#(.*))?$/.exec(
        address,
      )!;
      const target = file === "" ? page : resolvePath(page, decodeURIComponent(file!));
      if (
        /^[a-z]+:/.test(address) || target === undefined ||
        file!.startsWith("/")
      ) {
        findings.push(`${page}: ${address}: no such file, or out of the site`);
      } else if (!pages.has(target) && !others.has(target)) {
        findings.push(`${page}: ${address}: no such file`);
      } else if (
        fragment && pages.has(target) &&
        !hasFragment(target, decodeURIComponent(fragment))
      ) {
        findings.push(`${page}: ${address}: no such place on the page`);
      }
    }
  }
  return findings;
}
