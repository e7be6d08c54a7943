import { assertEquals, assertThrows } from "@std/assert";
import { CliError } from "./cli_context.ts";
import {
  type Encoding,
  ENCODINGS,
  fromTyped,
  jsonMember,
  rangeOf,
  toPrinted,
} from "./cli_entries.ts";
import { generator } from "./random.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("what is printed can be typed again and means the same bytes", () => {
  const seed = 7;
  const random = generator(seed);
  const alphabet = [
    0,
    9,
    10,
    0x20,
    0x22,
    0x27,
    0x2d,
    0x41,
    0x5c,
    0x7f,
    0xc3,
    0xa9,
    0xe2,
    0x80,
    0xa8,
    0xff,
  ];
  for (let run = 0; run < 2000; run++) {
    const data = Uint8Array.from({ length: random(8) }, () => alphabet[random(alphabet.length)]!);
    for (const encoding of ["escaped", "hex", "base64"] as const) {
      const text = toPrinted(data, encoding);
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x00-\x1f\x7f-\x9f]/.test(text), false, `seed ${seed}, ${text}`);
      assertEquals(fromTyped(text, encoding, "key"), data, `seed ${seed}, ${encoding}, ${text}`);
    }
  }
});

Deno.test("utf8 is taken as it was typed, quotes and backslashes included", () => {
  for (const text of ['"a"', "\\n", "", " a ", "é", "-"]) {
    assertEquals(fromTyped(text, "utf8", "key"), utf8(text));
  }
});

Deno.test("json is checked, and kept as it was typed", () => {
  assertEquals(
    fromTyped('{"n": 12345678901234567890}', "json", "value"),
    utf8('{"n": 12345678901234567890}'),
  );
  assertThrows(() => fromTyped("{a}", "json", "value"), CliError, "Cannot read value as json:");
});

Deno.test("what an encoding has no bytes for is refused, naming what it is", () => {
  const wrong: [string, Encoding][] = [
    ["abc", "hex"],
    ["zz", "hex"],
    ["a", "base64"],
    ["QQ", "base64"],
    ['"\\q"', "escaped"],
    ['"a" b"', "escaped"],
    ["a\ufffd", "utf8"],
    ["\ud800", "utf8"],
  ];
  for (const [typed, encoding] of wrong) {
    assertThrows(
      () => fromTyped(typed, encoding, "--gte"),
      CliError,
      `Cannot read --gte as ${encoding}: `,
    );
  }
});

Deno.test("a control character never reaches a terminal, whatever the encoding", () => {
  for (const encoding of ENCODINGS) {
    for (
      const data of [utf8("\x1b[31m"), utf8('"\x1b[31m"'), utf8("\u009b1m"), utf8('["\u202e"]')]
    ) {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x1b\u009b\u202e]/.test(toPrinted(data, encoding)), false, encoding);
    }
  }
});

Deno.test("JSON that was written over several lines is printed on one", () => {
  assertEquals(toPrinted(utf8('{\n\t"a": 1\r\n}'), "json"), '{ "a": 1 }');
  assertEquals(jsonMember("value", utf8('{\n"a": 1\n}'), "json"), '"value":{ "a": 1 }');
});

Deno.test("a member in JSON loses nothing: base64 for what is not UTF-8, a string for what is not JSON", () => {
  assertEquals(jsonMember("key", Uint8Array.of(0x80), "json"), '"key64":"gA=="');
  assertEquals(jsonMember("value", utf8("not json"), "json"), '"value":"not json"');
  assertEquals(jsonMember("value", Uint8Array.of(0x80), "hex"), '"value":"80"');
  assertEquals(jsonMember("key", utf8('\u0000"'), "utf8"), '"key":"\\u0000\\""');
});

Deno.test("a range has what was asked for, in bytes, and leaves the pool to others", () => {
  const { signal } = new AbortController();
  assertEquals(rangeOf({ gte: "61", lt: "62", reverse: true, limit: 3 }, "hex", signal), {
    gte: utf8("a"),
    lt: utf8("b"),
    reverse: true,
    limit: 3,
    signal,
    fillPool: false,
  });
});
