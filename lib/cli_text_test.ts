import { assertEquals, assertRejects } from "@std/assert";
import {
  bar,
  clipped,
  columnsOf,
  padded,
  painted,
  StatusLine,
  tableLines,
  waited,
} from "./cli_text.ts";

/** An output that keeps what is written. */
function memory(isTerminal: boolean) {
  const written: string[] = [];
  return {
    isTerminal,
    hasColors: isTerminal,
    columns: 20,
    written,
    // deno-lint-ignore require-await -- as an output does
    async write(data: string | Uint8Array) {
      written.push(String(data));
    },
  };
}

Deno.test("text is painted for a terminal and left alone elsewhere", () => {
  assertEquals(painted(memory(true), "red", "no"), "\x1b[31mno\x1b[39m");
  assertEquals(painted(memory(false), "red", "no"), "no");
  assertEquals(painted(memory(true), "red", ""), "");
});

Deno.test("columns are counted as a terminal draws them", () => {
  assertEquals(["abc", "日本", "e\u0301", "😀", ""].map(columnsOf), [3, 4, 1, 2, 0]);
});

Deno.test("clipped text takes no more columns than it may", () => {
  assertEquals(clipped("abcdef", 6), "abcdef");
  assertEquals(clipped("abcdef", 5), "abcd…");
  assertEquals(clipped("日本語", 5), "日本…");
  assertEquals(clipped("日本語", 4), "日…");
  assertEquals(clipped("abc", 0), "");
  for (let columns = 0; columns < 12; columns++) {
    assertEquals(columnsOf(clipped("a日b本c語d", columns)) <= columns, true, String(columns));
  }
});

Deno.test("text is padded at either side", () => {
  assertEquals([padded("日", 4), padded("a", 3, "start"), padded("long", 2)], [
    "日  ",
    "  a",
    "long",
  ]);
});

Deno.test("a bar is as long as its part, in eighths, and never quite nothing", () => {
  assertEquals([bar(1, 1, 4), bar(1, 2, 4), bar(3, 16, 4), bar(1, 1e9, 4), bar(0, 1, 4)], [
    "████",
    "██",
    "▊",
    "▏",
    "",
  ]);
});

Deno.test("a table has columns as wide as the widest in each", () => {
  assertEquals(tableLines([["a", "1"], ["long", "10"]], ["end", "start"]), [
    "a      1",
    "long  10",
  ]);
});

Deno.test("a status line is cleared, is never wider than the terminal, and is for terminals only", async () => {
  const errors = memory(true);
  const line = new StatusLine({ errors });
  line.show("a text that is longer than twenty columns");
  line.show("too soon after it");
  await line.clear();
  await line.clear();
  assertEquals(errors.written, ["\r\x1b[Ka text that is lon…", "\r\x1b[K"]);
  const pipe = memory(false);
  const none = new StatusLine({ errors: pipe });
  none.show("text");
  await none.clear();
  assertEquals(pipe.written, []);
});

Deno.test("waiting ends with the signal", async () => {
  const controller = new AbortController();
  const waiting = waited(1_000_000, controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  await assertRejects(() => waited(1_000_000, controller.signal), Error, "enough");
  await waited(0, new AbortController().signal);
});
