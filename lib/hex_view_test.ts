import { assertEquals } from "@std/assert";
import { hexLineColumns, hexLines, hexOffset, hexText } from "./hex_view.ts";

const letters = new TextEncoder().encode("abcdefghijklmnopqr");

Deno.test("hexLines() puts sixteen bytes on a line, the text beside them in one column", () => {
  assertEquals(hexLines(letters, 0x20), [
    "00000020  61 62 63 64 65 66 67 68  69 6a 6b 6c 6d 6e 6f 70  abcdefghijklmnop",
    "00000030  71 72                                             qr              ",
  ]);
});

Deno.test("hexLines() gives lines as long as hexLineColumns() says", () => {
  for (const lineBytes of [1, 8, 16]) {
    for (const line of hexLines(letters, 0, lineBytes)) {
      assertEquals(line.length, hexLineColumns(lineBytes), line);
    }
  }
});

Deno.test("hexLines() shows what is not printable as a dot", () => {
  const [line] = hexLines(Uint8Array.of(0, 0x1b, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff), 0, 8);
  assertEquals(line!.slice(-8), "... ~...");
  assertEquals(hexLines(new Uint8Array(0), 0), []);
});

Deno.test("hexOffset() has room for more than eight digits, and hexText() two digits for a byte", () => {
  assertEquals([hexOffset(0), hexOffset(2 ** 36)], ["00000000", "1000000000"]);
  assertEquals(hexText(Uint8Array.of(0, 10, 255)), "000aff");
});
