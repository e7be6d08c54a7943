/**
 * **What.** Dumps of whole files: of those that the engine and LevelDB write, of damaged ones, and of ones that nobody
 * wrote. `VARVE_SEED=n` makes other random ones.
 *
 * **Invariants.**
 * 1. Every byte of a file is in exactly one part.
 * 2. No change of one byte that a checksum or a rule covers goes unreported, and nothing is ever thrown.
 * 3. What is shown of a sound file is what the engine reads from it.
 *
 * **Read next.** `dump_program_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { dumpFile, type DumpKind, kindByContent, kindByName } from "../lib/dump_file.ts";
import { type DumpPart, FileSource, MemorySource } from "../lib/dump_part.ts";
import type { ReadableFile } from "../lib/file_system.ts";
import { InternalKeyComparator } from "../lib/internal_key.ts";
import { LogReader, LogWriter } from "../lib/log.ts";
import { MemoryFileSystem } from "../lib/memory_file_system.ts";
import { generator, type Random } from "../lib/random.ts";
import { TableInspector } from "../lib/table_inspector.ts";
import { BatchReader } from "../lib/write_batch.ts";
import { open } from "../mod.ts";
import { ALL, damagesOf, dumpWhole, writeWhole } from "./dump_coverage.ts";
import { anyTable, entries, filter, logOf, samplesOf, table } from "./fixtures/fuzz_samples.ts";
import { Peer } from "./fixtures/line_protocol.ts";
import { smallDatabase } from "./fixtures/small_database.ts";
import { inDirectory } from "./fixtures/temporary_directory.ts";
import { inProcesses } from "./permissions.ts";

const envIsReadable = Deno.permissions.querySync({ name: "env" }).state === "granted";
const seed = Number((envIsReadable ? Deno.env.get("VARVE_SEED") : undefined) ?? 1);

/** Says which input and which seed a failure is about. */
function about<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what}, VARVE_SEED=${seed}: ${message}`, { cause });
  }
}

interface DumpedFile {
  readonly name: string;
  readonly kind: DumpKind;
  readonly bytes: Uint8Array;
}

/** The files of a database that can be dumped. */
function filesIn(disk: MemoryFileSystem, directory = "db"): DumpedFile[] {
  return disk.list(directory).flatMap((name) => {
    const kind = kindByName(name);
    return kind === undefined ? [] : [{ name, kind, bytes: disk.readAll(`${directory}/${name}`) }];
  });
}

/** A database with everything in it that files can have. */
async function randomFiles(random: Random): Promise<DumpedFile[]> {
  const disk = new MemoryFileSystem();
  const compression = (["none", "snappy", "zstd"] as const)[random(3)]!;
  const options = {
    fileSystem: disk,
    compression,
    blockBytes: 256 << random(5),
    restartInterval: 1 + random(16),
    filterBits: random(3) * 5,
    worker: false,
  };
  {
    await using db = await open("db", options);
    const write = (count: number) => {
      for (let i = 0; i < count; i++) {
        const batch = db.batch();
        for (let j = random(4); j >= 0; j--) {
          const key = `key ${random(500)}${"\0é\n".slice(random(4))}`;
          const bytes = random(40) === 0 ? random(100_000) : random(100);
          if (random(5) === 0) batch.delete(key);
          else batch.put(key, String.fromCharCode(random(600)).repeat(bytes));
        }
        batch.commitSync({ sync: false });
      }
    };
    write(random(300));
    await db.flush();
    write(random(200));
    if (random(2) === 0) await db.compact();
    write(random(100));
  }
  return filesIn(disk);
}

const textsOf = (parts: readonly DumpPart[], name: string) =>
  parts.filter((part) => part.name === name).map(({ text }) => text);

Deno.test("every byte of the files of random databases is in exactly one part, and sound", async () => {
  const kinds = new Set<string>();
  for (let run = 0; run < 12; run++) {
    for (const { name, kind, bytes } of await randomFiles(generator(seed * 1000 + run))) {
      about(`run ${run}, ${name}`, () => {
        const parts = dumpWhole(bytes, kind);
        assertEquals(damagesOf(parts), []);
        if (run < 3) writeWhole(parts);
        const found = kindByContent(new MemorySource(bytes, undefined));
        if (bytes.length > 0) assertEquals(found, kind);
        kinds.add(kind);
      });
    }
  }
  assertEquals([...kinds].sort(), ["current", "log", "manifest", "table"]);
});

/** Entries of a table, and records of a log, as the engine reads them. */
function countByEngine({ name, kind, bytes }: DumpedFile): number {
  const disk = new MemoryFileSystem();
  disk.writeAll(name, bytes);
  const file = disk.open(name);
  let count = 0;
  if (kind === "table") {
    const comparator = new InternalKeyComparator();
    const inspector = new TableInspector(file, {
      comparator,
      onDamage: ({ what }) => {
        throw new Error(what);
      },
    });
    for (inspector.first(); inspector.valid; inspector.next());
    count = inspector.entryCount;
  } else {
    const reader = new LogReader(file);
    const batch = new BatchReader();
    while (reader.next()) {
      if (kind === "manifest") count++;
      else batch.reset(reader.recordBuffer, reader.recordStart, reader.recordEnd);
      while (kind === "log" && batch.next()) count++;
    }
  }
  file.close();
  return count;
}

Deno.test("a dump has as many entries as the engine reads", async () => {
  for (let run = 0; run < 6; run++) {
    for (const file of await randomFiles(generator(seed * 2000 + run))) {
      if (file.kind === "current") continue;
      const parts = dumpWhole(file.bytes, file.kind);
      const count = parts.filter(({ isEntry }) => isEntry).length;
      about(`run ${run}, ${file.name}`, () => assertEquals(count, countByEngine(file)));
    }
  }
});

Deno.test("every byte that is changed is reported, and the rest is still shown", async () => {
  const { disk } = await smallDatabase();
  const random = generator(seed);
  const files = filesIn(disk);
  const tables = files.filter(({ kind }) => kind === "table");
  const smallest = tables.sort((a, b) => a.bytes.length - b.bytes.length)[0]!;
  const others = files.filter(({ kind }) => kind === "log" || kind === "manifest");
  const zstd = table(generator(7));
  for (
    const { name, kind, bytes } of [...others, smallest, { name: "t", kind: "table", ...zstd }]
  ) {
    const isLarge = bytes.length > 3000;
    for (let at = 0; at < bytes.length; at += isLarge ? 1 + random(5) : 1) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 + random(255);
      about(`byte ${at} of ${name}, now ${damaged[at]}`, () => {
        const parts = dumpWhole(damaged, kind as DumpKind);
        assert(damagesOf(parts).length > 0, "no damage was reported");
      });
    }
  }
});

Deno.test("one damaged block, fragment or index leaves all others readable", async () => {
  const { disk } = await smallDatabase();
  const files = filesIn(disk);
  const { bytes } = files.find(({ kind }) => kind === "table")!;
  const sound = dumpWhole(bytes, "table");
  const blocks = sound.filter(({ depth }) => depth === 1);
  for (const block of blocks) {
    const damaged = bytes.slice();
    // The last byte of its content, which is in the restart points: or its checksum, if it is a footer.
    damaged[block.offset + block.length - 6]! ^= 0xff;
    const parts = dumpWhole(damaged, "table");
    const seen = parts.filter(({ depth, damage }) => depth === 1 && damage === undefined);
    const others = blocks.filter(({ name }) => name !== block.name && name !== "footer");
    // Without an index, blocks are found by their checksums: then they are said to be found.
    const isIndex = block.name === "index block" || block.name === "footer";
    if (isIndex) {
      const keys = (of: readonly DumpPart[]) => of.filter(({ isEntry }) => isEntry).length;
      assertEquals(keys(parts), keys(sound), block.name);
    } else {
      assertEquals(
        seen.filter(({ name }) => name !== "footer").map(({ name }) => name).sort(),
        others.map(({ name }) => name).sort(),
        `with ${block.name} damaged: ${damagesOf(parts)}`,
      );
    }
  }
});

Deno.test("a file that is cut anywhere is shown up to there", async () => {
  const { disk } = await smallDatabase();
  const random = generator(seed);
  for (const { name, kind, bytes } of filesIn(disk)) {
    for (let end = 0; end < bytes.length; end += 1 + random(bytes.length > 500 ? 40 : 1)) {
      about(`${name} cut at ${end}`, () => {
        const parts = dumpWhole(bytes.slice(0, end), kind);
        // A log may end where a record does.
        if (kind === "table") assert(damagesOf(parts).length > 0, "no damage was reported");
      });
    }
  }
});

Deno.test("bytes that nobody wrote are taken apart to the last, as whatever they are said to be", () => {
  const random = generator(seed);
  const samples = samplesOf(seed, (it) => entries(it, 8)).filter(({ length }) => length > 0);
  const filters = samplesOf(seed, (it) => filter(it).bytes);
  const kinds = ["log", "manifest", "table", "current", "batch", "block"] as const;
  for (let i = 0; i < 3000; i++) {
    const bytes = i % 3 === 0
      ? anyTable(random, samples, filters)
      : i % 3 === 1
      ? logOf([Uint8Array.from({ length: random(60) }, () => random(random(2) === 0 ? 8 : 256))])
      : Uint8Array.from({ length: random(200) }, () => random(random(3) === 0 ? 4 : 256));
    const isOther = random(4) === 0;
    const kind = isOther ? kinds[random(6)]! : (["table", "log", "block"] as const)[i % 3]!;
    about(`input ${i} as ${kind}, Uint8Array.fromHex("${bytes.toHex()}")`, () => {
      const parts = dumpWhole(bytes, kind);
      if (i % 10 === 0) writeWhole(parts);
    });
  }
});

/** A file of any size that is not there: zeros, with some bytes at its ends. */
class EmptyVastness implements ReadableFile {
  readonly path = "vast";
  readonly size: number;
  readonly #end: Uint8Array;
  /** The most bytes that were asked for at once. */
  most = 0;

  constructor(size: number, end: Uint8Array) {
    this.size = size;
    this.#end = end;
  }

  read(into: Uint8Array, position: number): number {
    this.most = Math.max(this.most, into.length);
    into.fill(0);
    const at = this.size - this.#end.length - position;
    if (at < into.length) this.#end.forEach((byte, i) => at + i >= 0 && (into[at + i] = byte));
    return Math.min(into.length, this.size - position);
  }

  close(): void {}
}

Deno.test("a large file is read a window at a time", () => {
  const one = table(generator(3)).bytes;
  const file = new EmptyVastness(64 * 1024 * 1024, one.slice(-48));
  let parts = 0;
  for (const { damage } of dumpFile(new FileSource(file), "vast", "log", ALL)) {
    parts++;
    assert(parts < 100, damage);
  }
  assert(file.most <= 64 * 1024, `${file.most} bytes at once`);
});

Deno.test("a log's records in several fragments are put together, whatever their length", () => {
  const disk = new MemoryFileSystem();
  const writer = new LogWriter(disk.create("log"));
  const lengths = [0, 1, 32_754, 32_768, 200_000, 12];
  for (const length of lengths) writer.add(new Uint8Array(length).fill(7), 0, length);
  const parts = dumpWhole(disk.readAll("log"), "log");
  const records = parts.filter(({ name }) => name === "batch").map(({ length }) => length);
  assertEquals(records, lengths);
});

Deno.test("zeros at the end of a log are no damage, and zeros within it are", () => {
  const batch = (sequence: number) =>
    Uint8Array.of(sequence, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0x6b);
  const log = logOf([batch(1), batch(2)]);
  const longer = new Uint8Array(100_000);
  longer.set(log);
  assertEquals(damagesOf(dumpWhole(longer, "log")), []);
  const holed = new Uint8Array(65_536 + log.length);
  holed.set(log);
  holed.set(log, 65_536);
  const parts = dumpWhole(holed, "log");
  assertEquals(damagesOf(parts), [
    `${log.length} rest: zeros, with something behind them`,
  ]);
  assertEquals(textsOf(parts, "delete"), ["k @1", "k @2", "k @1", "k @2"]);
});

Deno.test(
  "LevelDB's own files are sound, and all of their entries are shown",
  inProcesses,
  async () => {
    await inDirectory(async (directory) => {
      const database = join(directory, "db");
      const peer = new Peer("classic_level.ts", [
        `--allow-read`,
        `--allow-write`,
        "--allow-ffi",
        "--allow-env",
      ]);
      const keys = 800;
      {
        await using leveldb = peer;
        const options = { writeBufferSize: 64 * 1024, blockSize: 1024 };
        await leveldb.ask("open", { directory: database, options });
        for (let i = 0; i < keys; i += 50) {
          const operations = Array.from({ length: 50 }, (_, j) => {
            const key = new TextEncoder().encode(`key ${i + j}`).toHex();
            return [key, new Uint8Array(200 + (i + j) % 50).fill(i).toBase64()];
          });
          await leveldb.ask("write", { operations });
        }
      }
      const seen = new Set<string>();
      const kinds = new Set<string>();
      for (const { name } of Deno.readDirSync(database)) {
        const kind = kindByName(name);
        if (kind === undefined) continue;
        kinds.add(kind);
        const parts = dumpWhole(Deno.readFileSync(join(database, name)), kind);
        assertEquals(damagesOf(parts), [], name);
        for (const { isEntry, text } of parts) {
          const key = /^"(key \d+)" @/.exec(text)?.[1];
          if (isEntry && key !== undefined) seen.add(key);
        }
      }
      assertEquals([...kinds].sort(), ["current", "log", "manifest", "table"]);
      assertEquals(seen.size, keys);
    });
  },
);
