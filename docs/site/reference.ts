/**
 * **What.** The reference of the public interface: runs `deno doc --html` and makes its pages fit to be part of the
 * site. Links to files of this machine lead to the site's pages of these files, and links to a directory name the
 * `index.html` in it, so that they also work where no server adds it.
 *
 * **Invariants.**
 * 1. No page names a directory of the machine that it was made on.
 * 2. The entry points are those of `exports` in `deno.json`.
 *
 * **Read next.** `build.ts`
 *
 * @module
 */
import { relativeUrl } from "./pages.ts";

/**
 * Makes one page of the reference fit in.
 *
 * @param html The page as `deno doc` wrote it.
 * @param url Where it is, from the root of the site.
 * @param root The root of the repository, as a `file:` address that ends with `/`.
 * @param places The places of the site's pages, by path in the repository.
 * @returns The page to be kept.
 */
export function fitReference(
  html: string,
  url: string,
  root: string,
  places: ReadonlyMap<string, string>,
): string {
  const assets = relativeUrl(url, "assets/");
  const head =
    `<link rel="icon" href="${assets}icon.svg"><script src="${assets}theme.js"></script>` +
    `<link rel="stylesheet" href="${assets}reference.css"></head>`;
  const home = `<a class="course-link" href="${relativeUrl(url, "index.html")}">The course</a>`;
  return html
    .replace("<html>", '<html lang="en-GB">')
    .replace("</head>", head)
    .replace(
      /(<nav id="topnav">\s*<div class="h-full">\s*<div class="flex items-center">)/,
      `$1${home}`,
    )
    .replace(
      'id="searchbar"',
      'id="searchbar" aria-label="Search the reference"',
    )
    .replace(/\b(href|src)="([^"]*)"/g, (_, name: string, escaped: string) => {
      const address = escaped.replaceAll("&#x2F;", "/");
      // deno doc links the K of a mapped type, { [K in keyof T]: … }, to a place that it does not make.
      if (address.startsWith("#type_param_") && !html.includes(`id="${address.slice(1)}"`)) {
        return "";
      }
      if (address.startsWith(root)) {
        const [path, fragment = ""] = address.slice(root.length).split("#");
        const place = places.get(decodeURI(path!));
        return `${name}="${place ? relativeUrl(url, place) + (fragment && `#${fragment}`) : "#"}"`;
      }
      const isFolder = !/^[a-z]+:|^#/.test(address) &&
        /(^|\/)$/.test(address.replace(/[?#].*$/, ""));
      return `${name}="${isFolder ? address.replace(/^([^?#]*)/, "$1index.html") : address}"`;
    });
}

/**
 * Writes the reference.
 *
 * @param root The repository.
 * @param output The directory of the site; the reference goes into `reference/` there.
 * @param places The places of the site's pages, by path in the repository.
 * @throws Error if `deno doc` fails.
 */
export async function writeReference(
  root: URL,
  output: URL,
  places: ReadonlyMap<string, string>,
): Promise<void> {
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  const directory = new URL("reference/", output);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "doc",
      "--html",
      "--name=Varve",
      `--output=${pathOf(directory)}`,
      ...Object.values(exports),
    ]
      .map(String),
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) {
    throw new Error(`deno doc: ${new TextDecoder().decode(stderr)}`);
  }
  const walk = (url: string) => {
    for (
      const { name, isDirectory } of Deno.readDirSync(
        new URL(encodeURI(url), output),
      )
    ) {
      if (isDirectory) walk(`${url}${name}/`);
      else if (name.endsWith(".html")) {
        const file = new URL(encodeURI(url + name), output);
        const html = Deno.readTextFileSync(file);
        Deno.writeTextFileSync(
          file,
          fitReference(html, url + name, root.href, places),
        );
      }
    }
  };
  walk("reference/");
  Deno.copyFileSync(
    new URL("assets/reference.js", import.meta.url),
    new URL("reference/darkmode_toggle.js", output),
  );
}

/** A `file:` address as the system writes paths. */
export function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}
