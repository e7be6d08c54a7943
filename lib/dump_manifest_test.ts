import { assertEquals } from "@std/assert";
import { dumpCurrent, dumpEdit } from "./dump_manifest.ts";
import { type DumpParts, MemorySource } from "./dump_part.ts";
import { makeInternalKey } from "./internal_key.ts";
import { emptyVersionEdit, encodeVersionEdit, type VersionEdit } from "./version_edit.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function lines(parts: DumpParts): string[] {
  return [...parts].filter(({ isDetail }) => !isDetail).map(({ offset, name, text, damage }) =>
    `${offset} ${name}: ${text}${damage === undefined ? "" : ` !! ${damage}`}`
  );
}

function dump(bytes: Uint8Array): string[] {
  const options = { valueBytes: 8, keysOnly: false };
  return lines(dumpEdit(new MemorySource(bytes, undefined), 0, bytes.length, 0, options));
}

const key = (text: string, sequence: number) => makeInternalKey(encode(text), sequence, 1);

function editOf(fields: Partial<VersionEdit>): Uint8Array {
  return encodeVersionEdit({ ...emptyVersionEdit(), ...fields });
}

Deno.test("dumpEdit() shows every kind of field", () => {
  const table = {
    number: 7,
    bytes: 1234,
    smallest: key("a", 3),
    largest: key("z", 9),
    allowedSeeks: 100,
  };
  const bytes = editOf({
    comparator: "leveldb.BytewiseComparator",
    logNumber: 4,
    prevLogNumber: 0,
    nextFileNumber: 300,
    lastSequence: 70_000,
    compactPointers: [{ level: 1, key: key("m", 5) }],
    deleted: [{ level: 2, number: 6 }],
    added: [{ level: 3, table }],
  });
  assertEquals(dump(bytes).map((line) => line.replace(/^\d+ /, "")), [
    `version edit: ${bytes.length} bytes`,
    "comparator: leveldb.BytewiseComparator",
    "log number: 4",
    "previous log: 0",
    "next file number: 300",
    "last sequence: 70000",
    "compact pointer: level 1, after m @5 put",
    "deleted table: level 2, number 6",
    "added table: level 3, number 7, 1234 bytes, a @3 put … z @9 put",
  ]);
  assertEquals(dump(new Uint8Array(0)), ["0 version edit: changes nothing"]);
});

Deno.test("dumpEdit() shows the fields before damage, and says what is wrong", () => {
  const bytes = editOf({ logNumber: 4, deleted: [{ level: 2, number: 6 }] });
  assertEquals(dump(bytes.with(2, 44)).slice(1), [
    "0 log number: 4",
    "2 rest:  !! an unknown field, 44",
  ]);
  assertEquals(
    dump(bytes.with(3, 7))[2],
    "2 deleted table: level 7, number 6 !! level 7 does not exist",
  );
  assertEquals(
    dump(bytes.slice(0, -1)).at(-1),
    "2 rest:  !! deleted table whose number is cut or too large",
  );
  const name = Uint8Array.of(1, 200, 0x61);
  assertEquals(
    dump(name).at(-1),
    "0 rest:  !! comparator whose name is cut or has a length too large",
  );
  const separator = Uint8Array.of(5, 1, 8, 1, 255, 255, 255, 255, 255, 255, 255);
  assertEquals(
    dump(separator).at(-1),
    '0 compact pointer: level 1, after "" @max !! a key that no entry has',
  );
});

Deno.test("dumpCurrent() shows the name of a manifest, and refuses anything else", () => {
  const current = (text: string) =>
    lines(dumpCurrent(new MemorySource(encode(text), undefined), 0));
  assertEquals(current("MANIFEST-000007\n"), ["0 manifest: MANIFEST-000007"]);
  const damage = "not the name of a manifest and the end of a line";
  for (
    const text of ["", "MANIFEST-000007", "000007.log\n", "MANIFEST-000007\nx", "x".repeat(90)]
  ) {
    assertEquals(current(text)[0]?.split(" !! ")[1], damage, text);
  }
});
