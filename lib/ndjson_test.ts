import { assert, assertEquals } from "@std/assert";
import { BAD, ENTRY, type EntryEncodings, NOTHING } from "./entry_formats.ts";
import { NdjsonParser, NdjsonWriter } from "./ndjson.ts";
import { generator } from "./random.ts";

const UTF8: EntryEncodings = { key: "utf8", value: "utf8" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a line says: key and value as text, what is wrong, or nothing. */
function read(line: string | Uint8Array, encodings = UTF8): unknown {
  const parser = new NdjsonParser(encodings);
  const data = typeof line === "string" ? encoder.encode(line) : line;
  const outcome = parser.parse(data, 0, true);
  assertEquals(parser.end, data.length);
  if (outcome === ENTRY) return [decoder.decode(parser.key), decoder.decode(parser.value)];
  return outcome === BAD ? parser.problem : outcome;
}

Deno.test("NdjsonParser reads lines as JSON.parse does, however they are laid out", () => {
  const lines = [
    '{"key":"a","value":"b"}\n',
    '{"key":"a","value":"b"}',
    '{"key":"a","value":"b"}\r\n',
    '{ "key" : "a" , "value" : "b" }\n',
    '\t{"value":"b",\t"key":"a"}  \n',
    '{"key":"a","value":"\\u0062"}\n',
    '{"\\u006bey":"a","value":"b"}\n',
  ];
  for (const line of lines) assertEquals(read(line), ["a", "b"], line);
  assertEquals(read('{"key":"","value":""}\n'), ["", ""]);
  assertEquals(read('{"key":"é\\n","value":"\\ud83d\\ude00"}\n'), ["é\n", "😀"]);
  assertEquals(read('{"key64":"YQ==","value64":""}\n'), ["a", ""]);
});

Deno.test("NdjsonParser passes over empty lines", () => {
  for (const line of ["\n", "\r\n", "  \t\n"]) assertEquals(read(line), NOTHING);
});

Deno.test("NdjsonParser says what is wrong with a line", () => {
  const cases: [string | Uint8Array, RegExp][] = [
    ['{"key":"a","value":"b"', /^it is not JSON: /],
    ['{"key":"a","value":"b"}}\n', /^it is not JSON: /],
    ['{"key":"a","value":"\t"}\n', /^it is not JSON: /],
    ['{"key":"a"}\n', /no "value"/],
    ['{"value":"a"}\n', /no "key"/],
    ["[]\n", /not a JSON object/],
    ["null\n", /not a JSON object/],
    ['{"key":"a","value":"b","time":1}\n', /unknown member "time"/],
    ['{"key":"a","value":"b","key":"c"}\n', /its key twice/],
    ['{"key":"a","key64":"YQ==","value":"b"}\n', /its key twice/],
    ['{"key":1,"value":"b"}\n', /its key is not a string; --key-encoding json/],
    ['{"key":"a","value":null}\n', /its value is not a string; --value-encoding json/],
    ['{"key":"\\ud83d","value":"b"}\n', /lone surrogate/],
    ['{"key64":"YQ","value":"b"}\n', /its key is not base64/],
    [
      Uint8Array.of(...encoder.encode('{"key":"'), 0xff, ...encoder.encode('","value":""}')),
      /UTF-8/,
    ],
  ];
  for (const [line, problem] of cases) assert(problem.test(String(read(line))), `${line}`);
});

Deno.test("NdjsonParser asks for more in the middle of a line, wherever that is", () => {
  const data = encoder.encode('{"key":"a","value":"é\\n"}\n');
  for (let end = 1; end < data.length; end++) {
    assertEquals(new NdjsonParser(UTF8).parse(data.subarray(0, end), 0, false), 0, `${end}`);
  }
});

Deno.test("NdjsonParser keeps JSON as it stands", () => {
  const json: EntryEncodings = { key: "json", value: "json" };
  const values = [
    "12345678901234567890",
    '"\\u00e9"',
    '[1, {"a":[]}]',
    '{"a":"}\\""}',
    "null",
    "1e400",
  ];
  for (const value of values) {
    assertEquals(read(`{"key": [1,2] , "value": ${value} }\n`, json), ["[1,2]", value]);
  }
});

Deno.test("NdjsonParser takes a string of megabytes with escapes", () => {
  const text = '\\"'.repeat(2_000_000);
  const entry = read(`{"value":${JSON.stringify(text)},"key":"a"}\n`) as string[];
  assertEquals(entry[1]!.length, text.length);
});

Deno.test("a plain line means what JSON.parse says, mutated at random", () => {
  const seed = 20261122;
  const random = generator(seed);
  const pieces = [
    '"',
    "\\",
    "{",
    "}",
    ",",
    ":",
    " ",
    "\n",
    "\t",
    "a",
    "é",
    "key",
    "value",
    "\\u0041",
  ];
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    let line = '{"key":"ab","value":"cd"}';
    for (let n = random(4); n > 0; n--) {
      const at = random(line.length + 1);
      line = line.slice(0, at) + pieces[random(pieces.length)] +
        line.slice(at + random(2));
    }
    line = line.replaceAll("\n", "");
    const got = read(`${line}\n`);
    let expected: unknown;
    try {
      const { key, value, ...others } = JSON.parse(line);
      const isEntry = typeof key === "string" && typeof value === "string";
      if (isEntry && Object.keys(others).length === 0) expected = [key, value];
    } catch { /* not JSON */ }
    // A member that is there twice is JSON, and refused here.
    if (String(got).includes("twice")) continue;
    if (expected !== undefined) {
      assertEquals(got, expected, `seed ${seed}, ${line}`);
      taken++;
    } else {
      assert(!Array.isArray(got), `seed ${seed}, ${line}`);
    }
  }
  assert(taken > 1000, `${taken}`);
});

Deno.test("what NdjsonWriter writes is JSON, and reads as the same bytes", () => {
  const seed = 7;
  const random = generator(seed);
  const encodings = ["utf8", "base64", "hex", "json"] as const;
  for (let i = 0; i < 4000; i++) {
    const top = [128, 256, 40][i % 3]!;
    const bytes = () => Uint8Array.from({ length: random(20) }, () => random(top));
    const [key, value] = [bytes(), i % 5 === 0 ? encoder.encode('{"a":[1]}') : bytes()];
    const encoding = { key: encodings[i % 4]!, value: encodings[(i >> 2) % 4]! };
    const writer = new NdjsonWriter(encoding);
    writer.begin();
    writer.write(key, value);
    const line = writer.output.take().slice();
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    assertEquals(line.indexOf(0x0a), line.length - 1);
    const parser = new NdjsonParser(encoding);
    assertEquals(parser.parse(line, 0, false), ENTRY, `seed ${seed}, ${decoder.decode(line)}`);
    assertEquals([parser.key, parser.value].map((it) => it.slice()), [key, value], `seed ${seed}`);
  }
});

Deno.test("NdjsonWriter writes what is not text as base64, and says so", () => {
  const writer = new NdjsonWriter({ key: "utf8", value: "json" });
  writer.write(Uint8Array.of(0xff), encoder.encode("{"));
  assertEquals(decoder.decode(writer.output.take()), '{"key64":"/w==","value64":"ew=="}\n');
});
