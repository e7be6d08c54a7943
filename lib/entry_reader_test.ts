import { assert, assertEquals } from "@std/assert";
import { CsvParser } from "./csv.ts";
import { BAD, ENTRY, NEEDS_MORE } from "./entry_formats.ts";
import { type ByteSource, EntryReader } from "./entry_reader.ts";
import { NdjsonParser } from "./ndjson.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const UTF8 = { key: "utf8", value: "utf8" } as const;

/** Gives so many bytes at a time, and counts what was asked for. */
class Pieces implements ByteSource {
  largest = 0;
  constructor(readonly data: Uint8Array, readonly piece: number, public at = 0) {}
  read(into: Uint8Array): Promise<number> {
    this.largest = Math.max(this.largest, into.length);
    const count = Math.min(this.piece, into.length, this.data.length - this.at);
    into.set(this.data.subarray(this.at, this.at + count));
    this.at += count;
    return Promise.resolve(count);
  }
}

async function readAll(reader: EntryReader): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const outcome = reader.next();
    const at = `${reader.recordLine}@${reader.recordOffset}`;
    if (outcome === ENTRY) found.push(`${at} ${decoder.decode(reader.parser.key)}`);
    else if (outcome === BAD) found.push(`${at} bad`);
    else if (outcome === NEEDS_MORE && !(await reader.fill())) return found;
  }
}

const TEXT = '\ufeff{"key":"a","value":""}\n\n{"key":"é","value":""}\nbad\n{"key":"c","value":""}';
const FOUND = ["1@3 a", "3@27 é", "4@51 bad", "5@55 c"];

Deno.test("EntryReader tells line and offset, however the bytes come", async () => {
  for (let piece = 1; piece < 30; piece++) {
    const reader = new EntryReader(new Pieces(encoder.encode(TEXT), piece), new NdjsonParser(UTF8));
    assertEquals(await readAll(reader), FOUND, `${piece}`);
    assertEquals(reader.offset, encoder.encode(TEXT).length);
  }
});

Deno.test("EntryReader goes on from the middle", async () => {
  const source = new Pieces(encoder.encode(TEXT), 7, 27);
  const reader = new EntryReader(source, new NdjsonParser(UTF8), { offset: 27, line: 3 });
  assertEquals(await readAll(reader), FOUND.slice(1));
});

Deno.test("EntryReader skips a line over the limit, and holds no more than it", async () => {
  const long = `{"key":"b","value":"${"x".repeat(9_000_000)}"}`;
  const data = encoder.encode(`{"key":"a","value":""}\n${long}\n{"key":"c","value":""}\n`);
  const source = new Pieces(data, 64 * 1024);
  const reader = new EntryReader(source, new NdjsonParser(UTF8), undefined, 1_000_000);
  const last = data.length - 23;
  assertEquals(await readAll(reader), ["1@0 a", "2@23 bad", `3@${last} c`]);
  assert(source.largest <= 2 * 1024 * 1024, `${source.largest}`);
  assertEquals(reader.shown.length, 64 * 1024);
});

Deno.test("EntryReader takes a line up to the limit", async () => {
  const line = `{"key":"b","value":"${"x".repeat(2_000_000)}"}\n`;
  const source = new Pieces(encoder.encode(line), 1000);
  const reader = new EntryReader(source, new NdjsonParser(UTF8), undefined, line.length);
  assertEquals(await readAll(reader), ["1@0 b"]);
});

Deno.test("EntryReader finds a quote that is not closed by the limit", async () => {
  const text = `a,"b\n${"c,d\n".repeat(1000)}`;
  const parser = new CsvParser({ format: "csv", header: undefined }, UTF8);
  const reader = new EntryReader(new Pieces(encoder.encode(text), 100), parser, undefined, 500);
  const found = await readAll(reader);
  assertEquals(found.slice(0, 2), ["1@0 bad", "2@5 c"]);
  assertEquals(found.length, 1001);
});
