/**
 * **What.** Code as HTML, coloured by Shiki: the grammars are those of VS Code, and the colours are classes of
 * `assets/site.css`, so that one rendering serves both themes and a page of code stays small.
 *
 * **Invariants.**
 * 1. The text of the HTML is the code, character for character: what is copied is what was written.
 * 2. A language that is not known is shown without colours; that is no error.
 *
 * **Read next.** `markdown.ts`
 *
 * @module
 */
// @ts-ignore: the packages are named in this directory's deno.json only, so that nothing else downloads them
import { createCssVariablesTheme, createHighlighterCore } from "@shikijs/core";
// @ts-ignore: as above
import { createJavaScriptRegexEngine } from "@shikijs/engine-javascript";
// @ts-ignore: as above
import bash from "@shikijs/langs/bash";
// @ts-ignore: as above
import cpp from "@shikijs/langs/cpp";
// @ts-ignore: as above
import json from "@shikijs/langs/json";
// @ts-ignore: as above
import typescript from "@shikijs/langs/typescript";

const LANGUAGES: Readonly<Record<string, string>> = {
  ts: "typescript",
  typescript: "typescript",
  js: "typescript",
  sh: "bash",
  bash: "bash",
  json: "json",
  cc: "cpp",
  cpp: "cpp",
};

/** The class of a colour of the theme; a colour that is not listed is that of the text. */
const CLASSES: Readonly<Record<string, string>> = {
  "var(--shiki-token-keyword)": "k",
  "var(--shiki-token-string)": "s",
  "var(--shiki-token-string-expression)": "s",
  "var(--shiki-token-comment)": "c",
  "var(--shiki-token-constant)": "n",
  "var(--shiki-token-function)": "f",
  "var(--shiki-token-parameter)": "p",
};

const highlighter = await createHighlighterCore({
  themes: [createCssVariablesTheme({ variablePrefix: "--shiki-" })],
  langs: [bash, cpp, json, typescript],
  engine: createJavaScriptRegexEngine(),
});
const made = new Map<string, string[]>();

/** Text as it may stand in HTML, between tags and in quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(
    ">",
    "&gt;",
  )
    .replaceAll('"', "&quot;");
}

/**
 * Colours code.
 *
 * @param code The code.
 * @param language The language as in ` ```ts `, or the ending of a file's name.
 * @returns The HTML of each line.
 */
export function highlight(code: string, language: string): string[] {
  const lang = LANGUAGES[language];
  if (lang === undefined) return code.split("\n").map(escapeHtml);
  const key = `${lang}\n${code}`;
  let lines = made.get(key);
  if (lines === undefined) {
    const tokens: { content: string; color?: string }[][] = highlighter
      .codeToTokensBase(code, { lang, theme: "css-variables" });
    lines = tokens.map(lineOf);
    made.set(key, lines);
  }
  return lines;
}

/** One line; neighbours of one colour share an element. */
function lineOf(
  tokens: readonly { content: string; color?: string }[],
): string {
  const runs: { text: string; kind: string | undefined }[] = [];
  for (const { content, color } of tokens) {
    const kind = CLASSES[color ?? ""];
    const last = runs.at(-1);
    if (last && (last.kind === kind || content.trim() === "")) {
      last.text += content;
    } else runs.push({ text: content, kind });
  }
  return runs.map(({ text, kind }) =>
    kind === undefined ? escapeHtml(text) : `<span class="${kind}">${escapeHtml(text)}</span>`
  ).join("");
}
