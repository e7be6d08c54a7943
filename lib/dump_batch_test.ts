import { assertEquals } from "@std/assert";
import { dumpBatch } from "./dump_batch.ts";
import { MemorySource } from "./dump_part.ts";
import { WriteBatch } from "./write_batch.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function batchOf(records: readonly [string, string?][]): Uint8Array {
  const batch = new WriteBatch();
  for (const [key, value] of records) {
    const bytes = encode(key);
    if (value === undefined) batch.delete(bytes, 0, bytes.length);
    else batch.put(bytes, 0, bytes.length, encode(value), 0, encode(value).length);
  }
  batch.setSequence(5);
  return batch.bytes().slice();
}

function dump(bytes: Uint8Array, keysOnly = false): string[] {
  const source = new MemorySource(bytes, undefined);
  const parts = dumpBatch(source, 0, bytes.length, 0, { valueBytes: 8, keysOnly });
  return [...parts].filter(({ isDetail }) => !isDetail).map(({ offset, name, text, damage }) =>
    `${offset} ${name}: ${text}${damage === undefined ? "" : ` !! ${damage}`}`
  );
}

Deno.test("dumpBatch() shows each record with its sequence number", () => {
  const bytes = batchOf([["a", "1"], ["b"], ["c d", ""]]);
  assertEquals(dump(bytes), [
    "0 batch: 3 records, @5 to @7",
    "12 put: a @5 → 1",
    "17 delete: b @6",
    '20 put: "c d" @7 → ""',
  ]);
  assertEquals(dump(bytes, true).at(-1), '20 put: "c d" @7');
  assertEquals(dump(batchOf([])), ["0 batch: 0 records, @5"]);
});

Deno.test("dumpBatch() shows what is before damage, and says what is wrong", () => {
  const bytes = batchOf([["a", "1"], ["b", "2"]]);
  assertEquals(dump(bytes.slice(0, -1)).slice(1), [
    "12 put: a @5 → 1",
    "17 rest:  !! a record whose value is cut, or has a length too large",
  ]);
  assertEquals(dump(bytes.with(17, 9)).at(-1), "17 rest:  !! a record of unknown kind 9");
  assertEquals(
    dump(bytes.with(18, 200)).at(-1),
    "17 rest:  !! a record whose key is cut, or has a length too large",
  );
  assertEquals(dump(bytes.slice(0, 5)), [
    "0 batch:  !! a batch of 5 bytes, too short for its header",
  ]);
});

Deno.test("dumpBatch() compares the records with their count", () => {
  const bytes = batchOf([["a", "1"], ["b", "2"]]);
  assertEquals(dump(bytes.with(8, 3)).at(-1), "22 end:  !! 1 of 3 records are missing");
  assertEquals(
    dump(bytes.with(8, 1)).at(-1),
    "17 put: b @6 → 2 !! a record more than the count of 1",
  );
  const large = bytes.with(7, 0xff);
  assertEquals(dump(large)[0]!.split(" !! ")[1], "sequence numbers over 2^53 - 1");
});
