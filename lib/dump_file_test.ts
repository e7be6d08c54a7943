import { assertEquals } from "@std/assert";
import { DUMP_KINDS, dumpFile, kindByContent, kindByName } from "./dump_file.ts";
import { MemorySource } from "./dump_part.ts";
import { LogWriter } from "./log.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { emptyVersionEdit, encodeVersionEdit } from "./version_edit.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const kindOf = (bytes: Uint8Array) => kindByContent(new MemorySource(bytes, undefined));

function logOf(record: Uint8Array): Uint8Array {
  const disk = new MemoryFileSystem();
  new LogWriter(disk.create("log")).add(record, 0, record.length);
  return disk.readAll("log");
}

Deno.test("kindByName() knows the names of a database's files", () => {
  const names = ["000007.log", "MANIFEST-000003", "000005.ldb", "000005.sst", "CURRENT"];
  assertEquals(names.map(kindByName), ["log", "manifest", "table", "table", "current"]);
  assertEquals(["LOCK", "LOG", "000001.dbtmp", "notes"].map(kindByName), Array(4).fill(undefined));
});

Deno.test("kindByContent() tells a log from a manifest by the first record", () => {
  const edit = encodeVersionEdit({ ...emptyVersionEdit(), comparator: "leveldb.X" });
  assertEquals(kindOf(logOf(edit)), "manifest");
  const batch = new Uint8Array(12).with(0, 1);
  assertEquals(kindOf(logOf(batch)), "log");
  // A batch whose sequence number begins as a comparator of 26 bytes does.
  assertEquals(kindOf(logOf(batch.with(1, 26))), "log");
  assertEquals(kindOf(logOf(new Uint8Array(0))), "log");
});

Deno.test("kindByContent() knows nothing of what has no proof", () => {
  assertEquals(kindOf(encode("MANIFEST-000003\n")), "current");
  const log = logOf(encode("record"));
  for (const bytes of [new Uint8Array(0), encode("notes"), log.with(9, 0), log.slice(0, -1)]) {
    assertEquals(kindOf(bytes), undefined);
  }
});

Deno.test("dumpFile() begins with the file, as whatever it is said to be", () => {
  const source = new MemorySource(new Uint8Array(0), undefined);
  for (const kind of DUMP_KINDS) {
    const [file] = dumpFile(source, "a\nname", kind, { valueBytes: 8, keysOnly: false });
    assertEquals([file!.name, file!.text, file!.depth], [kind, '"a\\nname", 0 bytes', 0]);
  }
});
