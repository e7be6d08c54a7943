import { assertEquals } from "@std/assert";
import { DETAIL, MemorySource, part } from "./dump_part.ts";
import { dumpLines, type DumpStyle } from "./dump_text.ts";

const style: DumpStyle = {
  format: "text",
  hasBytes: false,
  bytesMax: 20,
  hasColors: false,
  columns: 120,
};
const bytes = new MemorySource(new TextEncoder().encode("abcdefghijklmnopqrstuvwxyz"), undefined);
const leaf = { isLeaf: true };

Deno.test("dumpLines() indents a part by its depth, and names damage below it", () => {
  const damaged = part(bytes, 2, 1, 4, "entry", "text", { damage: "it is wrong" });
  assertEquals(dumpLines(damaged, style), [
    "00000001          1        4      entry  text",
    "                                  !! it is wrong",
  ]);
});

Deno.test("dumpLines() marks offsets that do not count in the file", () => {
  const within = new MemorySource(new Uint8Array(40), "block at 7");
  assertEquals(dumpLines(part(within, 0, 16, 4, "entry", ""), style), [
    "+0000010         16        4  entry",
  ]);
  const json = dumpLines(part(within, 0, 16, 4, "entry", ""), { ...style, format: "json" });
  assertEquals(JSON.parse(json[0]!), {
    depth: 0,
    offset: 16,
    length: 4,
    name: "entry",
    text: "",
    within: "block at 7",
  });
});

Deno.test("dumpLines() shows details with their bytes, or if they are damaged", () => {
  const detail = part(bytes, 0, 0, 3, "kind", "one", DETAIL);
  assertEquals(dumpLines(detail, style), []);
  assertEquals(dumpLines({ ...detail, damage: "bad" }, style).length, 2);
  assertEquals(dumpLines(detail, { ...style, hasBytes: true }), [
    "00000000  61 62 63                                          abc               kind  one",
  ]);
  const json = dumpLines(detail, { ...style, format: "json", hasBytes: true });
  assertEquals(JSON.parse(json[0]!).bytes, "616263");
});

Deno.test("dumpLines() shortens bytes, and puts fewer on a line where there is less room", () => {
  const lines = dumpLines(part(bytes, 0, 0, 26, "value", "", leaf), { ...style, hasBytes: true });
  assertEquals(lines, [
    "00000000  61 62 63 64 65 66 67 68  69 6a 6b 6c 6d 6e 6f 70  abcdefghijklmnop  value",
    "00000010  71 72 73 74                                       qrst",
    "…         6 bytes more",
  ]);
  const narrow = { ...style, hasBytes: true, columns: 80 };
  assertEquals(dumpLines(part(bytes, 0, 0, 8, "value", "", leaf), narrow), [
    "00000000  61 62 63 64 65 66 67 68  abcdefgh  value",
  ]);
});

Deno.test("dumpLines() has colours only if they are wished for", () => {
  const damaged = part(bytes, 0, 0, 4, "entry", "text", { damage: "bad" });
  const colored = dumpLines(damaged, { ...style, hasColors: true });
  // deno-lint-ignore no-control-regex -- the colours are looked for
  const plain = colored.map((line) => line.replaceAll(/\x1b\[\d+m/g, ""));
  assertEquals(plain, dumpLines(damaged, style));
  assertEquals(colored.every((line) => line.includes("\x1b[")), true);
});
