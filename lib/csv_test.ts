import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { type CsvLayout, CsvParser, CsvWriter } from "./csv.ts";
import { BAD, ENTRY, type EntryEncodings, FormatError, NEEDS_MORE } from "./entry_formats.ts";
import { generator } from "./random.ts";

const UTF8: EntryEncodings = { key: "utf8", value: "utf8" };
const PLAIN: CsvLayout = { format: "csv", header: undefined };
const NAMED: CsvLayout = { format: "csv", header: { key: "key", value: "value" } };
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** All entries of a text; a bad record as what is wrong with it. */
function readAll(text: string, layout = PLAIN, encodings = UTF8): unknown[] {
  const parser = new CsvParser(layout, encodings);
  const data = encoder.encode(text);
  const found: unknown[] = [];
  for (let at = 0; at < data.length; at = parser.end) {
    const outcome = parser.parse(data, at, true);
    assert(outcome !== NEEDS_MORE && parser.end > at, `at ${at} of ${text}`);
    if (outcome === ENTRY) found.push([decoder.decode(parser.key), decoder.decode(parser.value)]);
    if (outcome === BAD) found.push(parser.problem);
  }
  return found;
}

Deno.test("CsvParser reads what RFC 4180 says", () => {
  assertEquals(readAll('a,b\r\n"c","d ""e"""\r\n'), [["a", "b"], ["c", 'd "e"']]);
  assertEquals(readAll('"a\nb","c,\r\nd"\ne,\n,f\n,'), [["a\nb", "c,\r\nd"], ["e", ""], ["", "f"], [
    "",
    "",
  ]]);
  assertEquals(readAll("\n\r\na, b \n\n"), [["a", " b "]]);
  assertEquals(readAll('"",""'), [["", ""]]);
});

Deno.test("CsvParser reads TSV in the same way", () => {
  assertEquals(readAll('a,b\t"c\t""d"\n', { format: "tsv", header: undefined }), [[
    "a,b",
    'c\t"d',
  ]]);
});

Deno.test("CsvParser finds columns by their names", () => {
  assertEquals(readAll('"key",value\na,b\n', NAMED), [["a", "b"]]);
  assertEquals(readAll("value,key\na,b\n", NAMED), [["b", "a"]]);
  const layout: CsvLayout = { ...NAMED, header: { key: "id", value: "name" }, ignoreOthers: true };
  assertEquals(readAll("x,id,y,name\n1,2,3,4\n", layout), [["2", "4"]]);
});

Deno.test("CsvParser says what is wrong with a record, and goes on behind it", () => {
  const cases: [string, CsvLayout, RegExp][] = [
    ["a\nb,c\n", PLAIN, /^it has 1 columns, and not 2$/],
    ["a,b,c\nb,c\n", PLAIN, /^it has 3 columns, and not 2$/],
    ['a"x,b\nb,c\n', PLAIN, /a quote in a field/],
    ['"a"x,b\nb,c\n', PLAIN, /between a closing quote/],
    ["a,b\rx\nb,c\n", PLAIN, /CR without LF/],
    ['a,"x\nb,c\n', PLAIN, /a quote is not closed/],
  ];
  for (const [text, layout, problem] of cases) {
    const [first, second] = readAll(text, layout);
    assert(problem.test(String(first)), `${text}: ${first}`);
    assertEquals(second, ["b", "c"], text);
  }
  assert(/names other columns, "time"/.test(String(readAll("key,value,time\n", NAMED)[0])));
  assert(/does not name the column "key", but "a", "b"/.test(String(readAll("a,b\n", NAMED)[0])));
  assert(/names the column "key" twice/.test(String(readAll("key,key,value\n", NAMED)[0])));
  assert(/over 4096 columns/.test(String(readAll(`${",".repeat(5000)}\n`)[0])));
});

Deno.test("CsvParser asks for more in the middle of a record, wherever that is", () => {
  const data = encoder.encode('"a\n""b","é"\r\n');
  for (let end = 1; end < data.length; end++) {
    assertEquals(
      new CsvParser(PLAIN, UTF8).parse(data.subarray(0, end), 0, false),
      NEEDS_MORE,
      `${end}`,
    );
  }
});

Deno.test("CsvParser counts the lines in a record", () => {
  const parser = new CsvParser(PLAIN, UTF8);
  parser.parse(encoder.encode('"a\n\nb","\n"\n'), 0, true);
  assertEquals(parser.lines, 4);
});

Deno.test("CsvParser goes on from the state of another one", () => {
  const first = new CsvParser(NAMED, UTF8);
  first.parse(encoder.encode("value,key\n"), 0, true);
  const second = new CsvParser(NAMED, UTF8);
  second.state = JSON.parse(JSON.stringify(first.state));
  assertEquals(second.parse(encoder.encode("a,b\n"), 0, true), ENTRY);
  assertEquals(decoder.decode(second.key), "b");
});

Deno.test("CsvParser and csv-parse read the same, of what is made at random", () => {
  const seed = 4180;
  const random = generator(seed);
  const pieces = ["a", '"', '""', ",", "\n", "\r\n", " ", "é", '","', '"\n"'];
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    let text = "";
    for (let n = random(10); n >= 0; n--) text += pieces[random(pieces.length)];
    let expected: string[][] | undefined;
    try {
      // Each may end its lines in its own way, as here.
      expected = parse(text, { skip_empty_lines: true, record_delimiter: ["\r\n", "\n"] });
      if (expected!.some((record) => record.length !== 2)) expected = undefined;
    } catch { /* not CSV */ }
    const got = readAll(text);
    if (expected !== undefined) {
      assertEquals(got, expected, `seed ${seed}, ${JSON.stringify(text)}`);
      taken++;
    } else {
      assert(
        got.length === 0 || got.some((it) => typeof it === "string"),
        `seed ${seed}, ${JSON.stringify(text)}`,
      );
    }
  }
  assert(taken > 100, `${taken}`);
});

Deno.test("what CsvWriter writes reads as the same bytes, here and by csv-parse", () => {
  const seed = 11;
  const random = generator(seed);
  const characters = ["a", '"', ",", "\t", "\n", "\r", " ", "é", "\ufeff", "😀"];
  const text = () => Array.from({ length: random(6) }, () => characters[random(10)]).join("");
  for (let i = 0; i < 4000; i++) {
    const [key, value] = [text(), text()];
    const format = i % 2 === 0 ? "csv" : "tsv";
    const writer = new CsvWriter({ format, header: undefined }, UTF8);
    writer.begin();
    writer.write(encoder.encode(key), encoder.encode(value));
    const written = decoder.decode(writer.output.take());
    assertEquals(readAll(written, { format, header: undefined }), [[key, value]], `seed ${seed}`);
    const delimiter = format === "csv" ? "," : "\t";
    assertEquals(
      parse(written, { delimiter, record_delimiter: "\n" }),
      [[key, value]],
      `seed ${seed}`,
    );
    assertEquals(
      readAll(stringify([[key, value]], { delimiter, quoted: true }), {
        format,
        header: undefined,
      }),
      [[key, value]],
    );
  }
});

Deno.test("CsvWriter puts a field in quotes that would be taken for a byte order mark", () => {
  const writer = new CsvWriter(PLAIN, UTF8);
  writer.write(encoder.encode("\ufeffa"), encoder.encode("b"));
  assertEquals(decoder.decode(writer.output.take()), '"\ufeffa",b\n');
});

Deno.test("CsvWriter refuses what has no form, and writes nothing of it", () => {
  const writer = new CsvWriter(NAMED, { key: "utf8", value: "json" });
  writer.begin();
  assertThrows(() => writer.write(Uint8Array.of(0xff), encoder.encode("1")), FormatError, "base64");
  assertThrows(
    () => writer.write(encoder.encode("a"), encoder.encode("{")),
    FormatError,
    "not JSON",
  );
  assertEquals(decoder.decode(writer.output.take()), "key,value\n");
});
