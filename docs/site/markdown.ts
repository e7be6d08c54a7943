/**
 * **What.** Markdown as HTML, the way GitHub shows it: the same anchors, tables, `<details>` and comments that are not
 * seen. Links between files of the repository become links between pages.
 *
 * **Invariants.**
 * 1. Nothing in the Markdown is there for the site alone; what GitHub shows, a page shows.
 * 2. A link to a file that has no page is left as it is, and then found by `links.ts`.
 * 3. Each block of code has its language, a button to copy it, and can be scrolled by keyboard; so has each table.
 *
 * **Read next.** `pages.ts`, `links.ts`
 *
 * @module
 */
// @ts-ignore: the packages are named in this directory's deno.json only, so that nothing else downloads them
import GithubSlugger from "github-slugger";
// @ts-ignore: as above
import MarkdownIt from "markdown-it";
import { escapeHtml, highlight } from "./highlight.ts";
import { relativeUrl, resolvePath, urlOf } from "./pages.ts";

/** A heading, for the outline and the search. */
export interface Heading {
  /** 1 for the title, 2 for a section, … */
  readonly level: number;
  readonly id: string;
  /** Without mark-up. */
  readonly text: string;
}

/** A section's text, for the search. */
export interface Section extends Heading {
  readonly body: string;
}

/** A rendered text. */
export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly sections: readonly Section[];
}

/** As much of a token of markdown-it as is used here. */
interface Token {
  readonly type: string;
  readonly tag: string;
  readonly content: string;
  readonly info: string;
  readonly children: Token[] | null;
  attrSet(name: string, value: string): void;
}

/** Inline code of so many characters is not broken at the end of a line. */
const SHORT_CODE_CHARS_MAX = 24;

const markdown = new MarkdownIt({ html: true });
markdown.renderer.rules.fence = (tokens: Token[], index: number) =>
  codeBlock(
    tokens[index]!.content,
    tokens[index]!.info.trim().split(/[\s,]/)[0]!,
  );
markdown.renderer.rules.code_block = (tokens: Token[], index: number) =>
  codeBlock(tokens[index]!.content, "text");
// A name stays in one piece; a whole expression may be broken, or it would widen the page of a phone.
markdown.renderer.rules.code_inline = (tokens: Token[], index: number) => {
  const { content } = tokens[index]!;
  const isShort = content.length <= SHORT_CODE_CHARS_MAX;
  return `<code${isShort ? ' class="short"' : ""}>${escapeHtml(content)}</code>`;
};
markdown.renderer.rules.table_open = () => `<div class="table" tabindex="0" role="group"><table>\n`;
markdown.renderer.rules.table_close = () => "</table></div>\n";

/** A block of code with its button. */
export function codeBlock(code: string, language: string): string {
  const text = code.replace(/\n$/, "");
  const name = language === "" ? "text" : escapeHtml(language);
  return `<div class="code"><button type="button" class="copy" hidden>Copy</button>` +
    `<pre tabindex="0" class="language-${name}"><code>${highlight(text, language).join("\n")}` +
    `</code></pre></div>\n`;
}

function plainText(token: Token): string {
  return (token.children ?? []).map((child) =>
    child.type === "softbreak"
      ? " "
      : /^(text|code_inline|image)$/.test(child.type)
      ? child.content
      : ""
  ).join("");
}

/** Gives each heading GitHub's anchor, and takes the text of each section out. */
function takeSections(tokens: Token[]): Section[] {
  const slugger = new GithubSlugger();
  const sections: { level: number; id: string; text: string; body: string }[] = [];
  tokens.forEach((token, index) => {
    if (token.type === "heading_open") {
      const text = plainText(tokens[index + 1]!);
      const id: string = slugger.slug(text);
      token.attrSet("id", id);
      sections.push({ level: Number(token.tag.slice(1)), id, text, body: "" });
    } else if (/^(inline|fence|code_block)$/.test(token.type)) {
      const section = sections.at(-1);
      const body = token.type === "inline" ? plainText(token) : token.content;
      if (section && tokens[index - 1]?.type !== "heading_open") {
        section.body += `${body}\n`;
      }
    }
  });
  return sections;
}

/**
 * Makes links between files links between pages.
 *
 * @param html What was rendered; only attributes of tags are touched.
 * @param path The file that it was rendered from.
 * @param pages The pages' places by path, and those of pictures.
 * @param from The place of the page that the HTML will be on.
 * @returns The HTML with other addresses.
 */
export function withPageLinks(
  html: string,
  path: string,
  pages: ReadonlyMap<string, string>,
  from: string = urlOf(path),
): string {
  return html.replace(
    /(<[a-z][^<>]*\s(?:href|src)=")([^"#][^"]*)"/g,
    (all, start, address) => {
      const [, file, rest] = /^([^#?]*)(.*)$/.exec(address)!;
      if (/^[a-z]+:/.test(address)) return all;
      const target = resolvePath(path, decodeURI(file!));
      const place = target === undefined ? undefined : pages.get(target);
      // GitHub marks a range of lines as #L10-L20; the page has an anchor for the first.
      const fragment = rest!.replace(/^(#L\d+)-L\d+$/, "$1");
      return place === undefined
        ? all
        : `${start}${encodeURI(relativeUrl(from, place))}${fragment}"`;
    },
  );
}

/** Renders Markdown; addresses stay as they are. */
export function renderMarkdown(text: string): Rendered {
  const tokens: Token[] = markdown.parse(text, {});
  const sections = takeSections(tokens);
  const html: string = markdown.renderer.render(tokens, markdown.options, {})
    .replace(
      /<(h[2-6]) id="([^"]+)">(.*?)<\/\1>/g,
      (_: string, tag: string, id: string, inner: string) =>
        `<${tag} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to this section">#</a></${tag}>`,
    );
  return {
    html,
    headings: sections.map(({ level, id, text }) => ({ level, id, text })),
    sections,
  };
}
