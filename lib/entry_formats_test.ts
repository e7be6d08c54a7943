import { assertEquals, assertThrows } from "@std/assert";
import { ByteSink, decodedText, fieldBytes, FormatError, isPlainJson } from "./entry_formats.ts";

const encoder = new TextEncoder();

Deno.test("fieldBytes() decodes, and refuses what is not written so", () => {
  const read = (text: string, encoding: "utf8" | "hex" | "base64" | "json") =>
    fieldBytes("value", encoder.encode(text), encoding);
  assertEquals(read("00fF", "hex"), Uint8Array.of(0, 255));
  assertEquals(read("AP8=", "base64"), Uint8Array.of(0, 255));
  assertEquals(read("", "base64"), new Uint8Array());
  assertEquals(read("[1]", "json"), encoder.encode("[1]"));
  assertThrows(() => read("0", "hex"), FormatError, "its value is not hexadecimal");
  assertThrows(() => read("AP8", "base64"), FormatError, "its value is not base64");
  assertThrows(() => read("{", "json"), FormatError, "its value is not JSON");
  assertThrows(() => decodedText("key", "é", "base64"), FormatError, "its key is not base64");
});

Deno.test("isPlainJson() is only true of what can stand in a line and come back the same", () => {
  for (const text of ["1", '"a b"', '{"a": [1, 2]}', "null"]) {
    assertEquals(isPlainJson(encoder.encode(text)), true, text);
  }
  for (const text of ["", " 1", "1 ", "{", "[1,\n2]", "[1,\r2]", "a"]) {
    assertEquals(isPlainJson(encoder.encode(text)), false, text);
  }
  assertEquals(isPlainJson(Uint8Array.of(0x22, 0xff, 0x22)), false);
});

Deno.test("ByteSink grows, and lets go of what it grew to", () => {
  const sink = new ByteSink();
  const data = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  for (let i = 0; i < 20; i++) sink.bytes(data);
  sink.encoded(data, "base64");
  sink.encoded(data, "hex");
  sink.byte(10);
  const taken = new TextDecoder().decode(sink.take().slice(2_000_000));
  assertEquals(taken, `${data.toBase64()}${data.toHex()}\n`);
  assertEquals([sink.length, sink.reserve(0).length], [0, 256 * 1024]);
});
