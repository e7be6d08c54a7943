/**
 * What can be typed into the shell and what it means; and that what the shell prints can be typed.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { generator } from "./random.ts";
import {
  type Command,
  CommandError,
  HELP,
  jsonText,
  keyText,
  parseCommand,
  valueText,
  visibleJson,
} from "./shell_command.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The command of a line as one list: its name, its words as text, its limit if it has one. */
function parsed(line: string): (string | number)[] {
  const { name, words, limit } = parseCommand(line)!;
  return [name, ...words.map(decode), ...limit === undefined ? [] : [limit]];
}

function refusal(line: string): string {
  return assertThrows(() => parseCommand(line), CommandError).message;
}

Deno.test("commands are understood in any case, with any blanks", () => {
  for (const line of ["get a", "GET a", "  Get\ta  ", "gEt    a"]) {
    assertEquals(parsed(line), ["get", "a"]);
  }
  assertEquals(parsed("QUIT"), ["exit"]);
});

Deno.test("a line with nothing in it is no command", () => {
  for (const line of ["", " ", "\t \t"]) assertEquals(parseCommand(line), undefined);
});

Deno.test("the value of a put is the rest of the line", () => {
  assertEquals(parsed("put k two  words"), ["put", "k", "two  words"]);
  assertEquals(parsed("put k \t v \t "), ["put", "k", "v"]);
  assertEquals(parsed("put k --all"), ["put", "k", "--all"]);
  assertEquals(parsed("put --all v"), ["put", "--all", "v"]);
  assertEquals(parsed('put k ["a", "b"]'), ["put", "k", '["a", "b"]']);
  assertEquals(parsed("put k C:\\temp"), ["put", "k", "C:\\temp"]);
});

Deno.test("a value is taken out of quotes only if all of it is in them", () => {
  assertEquals(parsed('put k " v "'), ["put", "k", " v "]);
  assertEquals(parsed('put k ""'), ["put", "k", ""]);
  assertEquals(parsed('put k "yes", she said'), ["put", "k", '"yes", she said']);
  assertEquals(parsed('put k "a" "b"'), ["put", "k", '"a" "b"']);
  assertEquals(parsed('put k a "b"'), ["put", "k", 'a "b"']);
});

Deno.test("words in quotes keep their blanks and have escapes", () => {
  assertEquals(parsed('get "a key with spaces"'), ["get", "a key with spaces"]);
  assertEquals(parsed(String.raw`get "\"\\\n\té"`), ["get", '"\\\n\té']);
  assertEquals(parseCommand(String.raw`get "\x00\xfF\xC3\xA9"`)!.words, [
    Uint8Array.of(0, 0xff, 0xc3, 0xa9),
  ]);
  assertEquals(parsed('scan "a b" "c d"'), ["scan", "a b", "c d"]);
  assertEquals(parsed('get ""'), ["get", ""]);
});

Deno.test("a quote or a backslash inside a word is a character like any other", () => {
  assertEquals(parsed('get 5"x\\n'), ["get", '5"x\\n']);
});

Deno.test("scan and prefix take a limit, and quotes make a key of what looks like one", () => {
  assertEquals(parsed("scan --limit 5"), ["scan", 5]);
  assertEquals(parsed("scan a --all b"), ["scan", "a", "b", Infinity]);
  assertEquals(parsed("prefix --limit 0 a"), ["prefix", "a", 0]);
  assertEquals(parsed('scan "--all"'), ["scan", "--all"]);
  assertEquals(parsed("get --all"), ["get", "--all"]);
});

Deno.test("what is not understood is refused with what would be", () => {
  assertEquals(refusal("gett a"), "unknown command gett: help lists them all");
  assertEquals(refusal("constructor"), "unknown command constructor: help lists them all");
  assertEquals(refusal("get"), "too little for get: expected get KEY");
  assertEquals(
    refusal("get a b"),
    "too much for get: expected get KEY, where a key with blanks goes in quotes",
  );
  assertEquals(
    refusal("put a"),
    'too little for put: expected put KEY VALUE, where "" is the empty value',
  );
  assertEquals(refusal("put"), "too little for put: expected put KEY VALUE");
  assertEquals(refusal('get "a'), "the closing quote is missing");
  assertEquals(refusal('put k "a'), "the closing quote is missing");
  assertEquals(refusal('put k "a\\"'), "the closing quote is missing");
  assertEquals(refusal('get "a"b'), 'a blank is missing after the closing quote: "a"');
  for (const escape of ["\\q", "\\x", "\\x1", "\\xg0", "\\u0041", "\\"]) {
    assert(/backslash|closing/.test(refusal(`get "${escape}"`)), escape);
  }
  assertEquals(refusal("scan --limit"), "--limit needs a number of entries");
  assertEquals(refusal("scan --limit -1"), "--limit needs a number of entries");
  assertEquals(
    refusal("scan --reverse"),
    "scan has no option --reverse: a key that begins with -- goes in quotes",
  );
  assertEquals(refusal("get \ufffd").split(":")[0], "the line is not UTF-8");
  assertEquals(refusal("get \ud800").split(":")[0], "the line is not UTF-8");
});

Deno.test("refusals are one line of printable characters, whatever was typed", () => {
  const message = refusal("\x1b[2J\x07 a");
  assertEquals(message, String.raw`unknown command "\x1b[2J\x07": help lists them all`);
});

Deno.test("keys and values are printed bare where they can be, and else in quotes", () => {
  const keys = [
    ["plain", "plain"],
    ["né→字😀", "né→字😀"],
    ["C:\\temp", "C:\\temp"],
    ['5"', '5"'],
    ["", '""'],
    ["a key", '"a key"'],
    ['"quoted"', String.raw`"\"quoted\""`],
    ["--all", '"--all"'],
    ["a\nb\tc\rd\0", String.raw`"a\nb\tc\x0dd\x00"`],
    ["\x1b[31m", String.raw`"\x1b[31m"`],
    ["\u202e\u2028\u00a0", String.raw`"\xe2\x80\xae\xe2\x80\xa8\xc2\xa0"`],
    ["\ufeffa", String.raw`"\xef\xbb\xbfa"`],
    ["\ufffd", String.raw`"\xef\xbf\xbd"`],
  ] as const;
  for (const [key, text] of keys) assertEquals(keyText(encode(key)), text);
  const values = [
    ["two  words", "two  words"],
    ["-", "-"],
    [" v", '" v"'],
    ["v ", '"v "'],
    ["", '""'],
    ['"yes", she said', String.raw`"\"yes\", she said"`],
    ["(not found)", '"(not found)"'],
  ] as const;
  for (const [value, text] of values) assertEquals(valueText(encode(value)), text);
  assertEquals(keyText(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xc3)), String.raw`"a\xffé\xc3"`);
  assertEquals(valueText(Uint8Array.of(0xed, 0xa0, 0x80)), String.raw`"\xed\xa0\x80"`);
});

Deno.test("what is printed can be typed and means the same bytes", () => {
  const alphabet = encode(' \t\n\r"\\-x0an(=').map((byte) => byte);
  for (let seed = 1; seed <= 400; seed++) {
    const random = generator(seed);
    const bytes = () =>
      Uint8Array.from({ length: random(12) }, () => {
        const kind = random(3);
        if (kind === 0) return random(256);
        return kind === 1
          ? alphabet[random(alphabet.length)]!
          : [0xc3, 0xa9, 0xe2, 0x80][random(4)]!;
      });
    const [key, value] = [bytes(), bytes()];
    const line = `put ${keyText(key)} ${valueText(value)}`;
    assert(!/[^\P{C}]/u.test(line), `seed ${seed}: control characters in ${JSON.stringify(line)}`);
    const command: Command = parseCommand(line)!;
    assertEquals(
      command,
      { name: "put", words: [key, value], limit: undefined },
      `seed ${seed}: ${line}`,
    );
  }
});

Deno.test("what is a character of UTF-8 is what the platform takes for one", () => {
  const text = (bytes: Uint8Array) => {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return undefined;
    }
  };
  for (let first = 0x80; first <= 0xff; first++) {
    for (const second of [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
      for (const rest of [[], [0x80], [0xbf, 0x80], [0x80, 0x41], [0x41, 0x80]]) {
        // The byte at the start makes it no UTF-8, so that it is printed in quotes, byte by byte.
        const bytes = Uint8Array.of(0xff, first, second, ...rest);
        let expected = "";
        for (let at = 0; at < bytes.length;) {
          let length = 4;
          while (length > 1 && [...text(bytes.subarray(at, at + length)) ?? "  "].length !== 1) {
            length--;
          }
          const character = text(bytes.subarray(at, at + length));
          const isPrinted = character !== undefined && !/[\p{C}\p{Z}\ufffd]/u.test(character);
          expected += isPrinted
            ? character
            : bytes.subarray(at, at + length).toHex().replaceAll(/../g, "\\x$&");
          at += length;
        }
        assertEquals(keyText(bytes), `"${expected}"`, bytes.toHex());
      }
    }
  }
});

Deno.test("a large value that is no text is printed without a string for each byte", () => {
  const bytes = new Uint8Array(1 << 20).fill(0xff);
  assertEquals(valueText(bytes), `"${"\\xff".repeat(1 << 20)}"`);
});

Deno.test("help names every command and fits a terminal", () => {
  for (
    const name of ["get", "put", "delete", "scan", "prefix", "count", "stats", "levels", "flush"]
  ) {
    assert(HELP.includes(`  ${name}`), name);
  }
  for (const line of HELP.split("\n")) assert(line.length <= 100, line);
});

Deno.test("JSON for a terminal has no control character in it and means the same", () => {
  const value = { "\x9b31m": ["\x7f", "\u202e", "\u2028", "\ud800", "\u{e0001}", "é日😀"] };
  const text = jsonText(value);
  assertEquals(
    text,
    String.raw`{"\u009b31m":["\u007f","\u202e","\u2028","\ud800","\udb40\udc01","é日😀"]}`,
  );
  assertEquals(JSON.parse(text), value);
  assertEquals(visibleJson('["\x9b", 1.50]'), String.raw`["\u009b", 1.50]`);
});
