/**
 * Keys and values in three forms, and bytes that are not text.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { decodeAs, type LevelData, levelData } from "./level_formats.ts";

function roomy(data: LevelData): Uint8Array {
  const maxBytes = levelData.maxBytes!(data);
  if (maxBytes === Infinity) return levelData.encode(data);
  const target = new Uint8Array(3 + maxBytes).fill(0xaa);
  const end = levelData.encodeInto!(data, target, 3);
  assertEquals(target.subarray(0, 3), new Uint8Array(3).fill(0xaa));
  return target.slice(3, end);
}

const TEXTS = ["", "a", "Zürich 🏔", "\ufeffmark", "\ufffd", "x".repeat(100), "é".repeat(100)];

Deno.test("Text comes back, and is the same bytes in all three forms", () => {
  for (const text of TEXTS) {
    const bytes = new TextEncoder().encode(text);
    for (const data of [text, bytes, Buffer.from(text)]) {
      assertEquals([...levelData.encode(data)], [...bytes]);
      assertEquals([...roomy(data)], [...bytes]);
    }
    const framed = new Uint8Array([9, ...bytes, 9]);
    const end = 1 + bytes.length;
    assertEquals(decodeAs("utf8", framed, 1, end), text);
    assertEquals(decodeAs("view", framed, 1, end), bytes);
    const buffer = decodeAs("buffer", framed, 1, end);
    assert(Buffer.isBuffer(buffer));
    assertEquals([...buffer], [...bytes]);
  }
});

Deno.test("What is decoded is a copy", () => {
  const stored = Uint8Array.of(1, 2, 3);
  for (const form of ["view", "buffer"] as const) {
    const copy = decodeAs(form, stored, 0, 3) as Uint8Array;
    copy[0] = 9;
    assertEquals(stored[0], 1);
    assertEquals([...decodeAs(form, stored, 0, 3) as Uint8Array], [1, 2, 3]);
  }
});

Deno.test("Half a character becomes U+FFFD in writing, and what is no UTF-8 in reading", () => {
  for (const text of ["\ud800a", "a\udc00", `${"x".repeat(60)}\ud83c`]) {
    const replaced = new TextEncoder().encode(text);
    assertEquals([...levelData.encode(text)], [...replaced]);
    assertEquals([...roomy(text)], [...replaced]);
  }
  for (
    const bytes of [[0xff, 0x61], [0x61, 0xc3], Array(40).fill(0xff), [0xef, 0xbb, 0xbf, 0xff]]
  ) {
    const stored = Uint8Array.from(bytes);
    const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(stored);
    assertEquals(decodeAs("utf8", stored, 0, stored.length), expected);
  }
});

Deno.test("What is neither text nor bytes is refused", () => {
  for (const data of [1, null, undefined, {}, [1], new Uint16Array(1)]) {
    assertThrows(() => levelData.encode(data as never), TypeError, "expected a Uint8Array");
  }
});
