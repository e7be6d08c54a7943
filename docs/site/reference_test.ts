import { assertEquals } from "@std/assert";
import { fitReference } from "./reference.ts";

const linksOf = (html: string) =>
  [
    ...fitReference(html, "reference/x.html", "file:///repository/", new Map([["a.ts", "a.html"]]))
      .matchAll(/<a[^>]*>/g),
  ].map(([it]) => it);

Deno.test("a reference's links lead to pages of the site, or to what the page itself has", () => {
  assertEquals(
    linksOf('<a href="file:///repository/a.ts#L3"></a><a href="sub/"></a><p id="type_param_t">'),
    ['<a href="../a.html#L3">', '<a href="sub/index.html">'],
  );
});

Deno.test("the letter of a mapped type, which has no place on the page, is no link", () => {
  assertEquals(
    linksOf('<p id="type_param_t"></p><a href="#type_param_t"></a><a href="#type_param_k"></a>'),
    ['<a href="#type_param_t">', "<a >"],
  );
});
