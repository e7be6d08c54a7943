/**
 * **What.** The parts of the documentation that are made from the code: what follows a comment such as
 * `<!-- bytes: log -->` in a Markdown file, up to `<!-- end -->`. `deno task docs:refresh` rewrites them;
 * `docs_test.ts` fails when one is not what it would be rewritten to.
 *
 * **Format.**
 * ```text
 * <!-- invariants: lib/log.ts -->    the numbered invariants at the head of a file
 * <!-- bytes: log -->                bytes that the engine writes today, taken apart
 * <!-- tour: crash -->               what a command prints on a real directory
 * <!-- bugs: planted -->             the bugs that are planted, and who catches them
 * ```
 *
 * **Invariants.**
 * 1. Each byte shown comes from a file that the engine wrote, each byte of the part that is shown is explained, and
 *    every checksum, length and offset in the explanation was worked out again, or read from where it is stored.
 * 2. Same code, same text: nothing depends on the time or on the machine.
 *
 * **Read next.** `docs_test.ts`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { getFixed32 } from "../lib/coding.ts";
import { crc32c, unmask } from "../lib/crc32c.ts";
import { openDatabase } from "../lib/database.ts";
import { denoFileSystem } from "../lib/deno_file_system.ts";
import { readFile } from "../lib/file_system.ts";
import { sequenceAt } from "../lib/internal_key.ts";
import { LogWriter } from "../lib/log.ts";
import { Shell } from "../lib/shell.ts";
import { plantedBugs } from "./fixtures/planted_bugs.ts";
import { bytes as bytesCodec, type Logger, MemoryFileSystem, open, VarveError } from "../mod.ts";

const root = new URL("../", import.meta.url);
const decoder = new TextDecoder();

/** The Markdown files that are part of the documentation, relative to the repository. */
export function documents(): string[] {
  const chapters = [...Deno.readDirSync(new URL("docs", root))]
    .filter(({ name }) => name.endsWith(".md")).map(({ name }) => `docs/${name}`);
  return ["README.md", ...chapters.sort(), "tests/README.md"];
}

/** A file of the repository. */
export function readDocument(path: string): string {
  return Deno.readTextFileSync(new URL(path, root)).replaceAll("\r\n", "\n");
}

const MARKED = /^<!-- (invariants|bytes|tour|bugs): (.+) -->\n[^]*?^<!-- end -->$/gm;

/** The arguments of a document's marked parts of one kind. */
export function markedParts(text: string, kind: string): string[] {
  return [...text.matchAll(MARKED)].filter((match) => match[1] === kind).map((match) => match[2]!);
}

/**
 * A document with all its marked parts made anew.
 *
 * @param text The document.
 * @param path Where it is, which links in it are relative to.
 * @returns What it should be.
 */
export async function refreshed(text: string, path: string): Promise<string> {
  const kinds = new Set([...text.matchAll(MARKED)].map((match) => match[1]!));
  const dumps = kinds.has("bytes") ? await makeDumps() : undefined;
  const transcripts = kinds.has("tour") ? await makeTranscripts() : undefined;
  return text.replace(MARKED, (_, kind: string, argument: string) => {
    const made = kind === "invariants"
      ? invariantsOf(argument, path)
      : kind === "bugs"
      ? tableOfBugs()
      : (kind === "bytes" ? dumps : transcripts)?.get(argument);
    if (made === undefined) throw new Error(`${path}: nothing makes "${kind}: ${argument}"`);
    return `<!-- ${kind}: ${argument} -->\n\n${made}\n\n<!-- end -->`;
  });
}

/** The numbered invariants at the head of a source file. */
function invariantsOf(source: string, document: string): string {
  const header = readDocument(source).split("*/", 1)[0]!;
  const lines = header.slice(header.indexOf("**Invariants")).split("\n").map((line) =>
    line.replace(/^ \* ?/, "")
  );
  const start = lines.findIndex((line) => line.startsWith("1. "));
  const end = lines.findIndex((line, i) => i > start && line.trim() === "");
  if (start < 0 || end < 0) throw new Error(`${source}: no numbered invariants`);
  const list = lines.slice(start, end).join("\n")
    .replace(/\{@linkcode ([^ }]+)[^}]*\}/g, "`$1`")
    .replace(/(?<!\*)\*(\w[\w ]*)\*(?!\*)/g, "_$1_"); // as `deno fmt` wants it
  const link = document.startsWith("docs/") ? `../${source}` : source;
  return `What [\`${source}\`](${link}) keeps true:\n\n${list}`;
}

/** The planted bugs, each with its file and the test that catches it. */
function tableOfBugs(): string {
  const rows = plantedBugs.map(({ name, file, caughtBy }) => [
    name,
    `\`${file}\``,
    `${caughtBy.test.replaceAll("|", "\\|")} (\`${caughtBy.file}\`)`,
  ]);
  const all = [["bug", "planted in", "caught by"], ...rows];
  const widths = [0, 1, 2].map((i) => Math.max(...all.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(all[0]!), rule, ...rows.map(line)].join("\n");
}

function fenced(lines: readonly string[]): string {
  return ["```text", ...lines, "```"].join("\n");
}

// ——— Bytes ———

/** Bytes on a line of a dump. */
const LINE_BYTES = 12;

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** A range of a file, taken apart from left to right. */
class Dump {
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #lines: string[] = [];
  #at = 0;

  /**
   * Starts at the beginning.
   *
   * @param bytes The range.
   * @param base Where in its file it begins.
   */
  constructor(bytes: Uint8Array, base = 0) {
    this.#bytes = bytes;
    this.#base = base;
  }

  /** Where the next part begins, in the range. */
  get at(): number {
    return this.#at;
  }

  /** Writes the next bytes with what they mean. */
  take(count: number, meaning: string): Uint8Array {
    const part = this.#bytes.slice(this.#at, this.#at + count);
    assertEquals(part.length, count, `no ${count} bytes are left for "${meaning}"`);
    for (let i = 0; i < count; i += LINE_BYTES) {
      const offset = (this.#base + this.#at + i).toString(16).padStart(4, "0");
      const bytes = hex(part.subarray(i, i + LINE_BYTES)).padEnd(LINE_BYTES * 3 - 1);
      this.#lines.push(`${offset}  ${bytes}  ${i === 0 ? meaning : ""}`.trimEnd());
    }
    this.#at += count;
    return part;
  }

  /** The same for bytes that must be a text. */
  text(expected: string, meaning = ""): void {
    const length = new TextEncoder().encode(expected).length;
    const shown = JSON.stringify(expected) + (meaning && `: ${meaning}`);
    assertEquals(decoder.decode(this.take(length, shown)), expected);
  }

  /** The same for a number of one byte. */
  byte(expected: number, meaning: string): void {
    assertEquals(this.take(1, meaning)[0], expected, meaning);
  }

  /** The same for a fixed32. */
  fixed32(expected: number, meaning: string): void {
    assertEquals(getFixed32(this.take(4, meaning), 0), expected, meaning);
  }

  /** The same for a masked checksum of bytes that follow, or of others. */
  checksum(of: Uint8Array, meaning: string): void {
    const crc = crc32c(of, 0, of.length);
    const stored = getFixed32(this.take(4, `${meaning}: CRC-32C ${hex32(crc)}, masked`), 0);
    assertEquals(unmask(stored), crc, meaning);
  }

  /** The same for a trailer of an internal key. */
  trailer(sequence: number, kind: 0 | 1): void {
    const name = kind === 1 ? "value" : "tombstone";
    const bytes = this.take(8, `trailer: sequence number ${sequence}, kind ${kind}, a ${name}`);
    assertEquals([sequenceAt(bytes, 8), bytes[0]], [sequence, kind]);
  }

  /** A line without bytes. */
  note(text: string): void {
    this.#lines.push(text);
  }

  /** Leaves bytes out. */
  skip(count: number): void {
    this.#lines.push("....");
    this.#at += count;
  }

  /** The dump, which must have come to the end of its range. */
  finish(end: number = this.#bytes.length): string {
    assertEquals(this.#at, end, "all bytes are explained");
    return fenced(this.#lines);
  }
}

/** The database that format.md takes apart, as it is written and after its flush. */
async function exampleFiles(): Promise<ExampleFiles> {
  const disk = new MemoryFileSystem();
  await using db = await open("db", { fileSystem: disk, compression: "none" });
  await db.put("clay", "grey");
  await db.batch().put("sand", "yellow").put("silt", "brown").commit();
  await db.delete("clay");
  const log = readFile(disk, "db/000002.log");
  await db.flush();
  const [current, manifest, table] = ["CURRENT", "MANIFEST-000003", "000005.ldb"]
    .map((name) => readFile(disk, `db/${name}`));
  return { log, current: current!, manifest: manifest!, table: table! };
}

interface ExampleFiles {
  readonly log: Uint8Array;
  readonly current: Uint8Array;
  readonly manifest: Uint8Array;
  readonly table: Uint8Array;
}

/** Everything that format.md shows of bytes. */
async function makeDumps(): Promise<Map<string, string>> {
  const files = await exampleFiles();
  return new Map([
    ["log", dumpLog(files.log)],
    ["fragments", dumpFragments()],
    ["current", dumpCurrent(files.current)],
    ["manifest", dumpManifest(files.manifest)],
    ...dumpTable(files.table),
  ]);
}

/** The header of a log fragment. */
function takeHeader(dump: Dump, bytes: Uint8Array, type: number, name: string): number {
  const start = dump.at;
  const length = bytes[start + 4]! | (bytes[start + 5]! << 8);
  dump.checksum(bytes.subarray(start + 6, start + 7 + length), "type and payload");
  dump.take(2, `payload: ${length} bytes`);
  dump.byte(type, `type ${type}: ${name}`);
  return length;
}

function takePut(dump: Dump, key: string, value?: string): void {
  dump.byte(value === undefined ? 0 : 1, value === undefined ? "a tombstone" : "a value");
  dump.byte(key.length, `key: ${key.length} bytes`);
  dump.text(key);
  if (value === undefined) return;
  dump.byte(value.length, `value: ${value.length} bytes`);
  dump.text(value);
}

function dumpLog(log: Uint8Array): string {
  const dump = new Dump(log);
  const takeBatch = (sequence: number, count: number) => {
    takeHeader(dump, log, 1, "FULL, a whole record");
    const first = dump.take(8, `batch: its first record has sequence number ${sequence}`);
    assertEquals(first[0], sequence);
    dump.fixed32(count, `records: ${count}`);
  };
  takeBatch(1, 1);
  takePut(dump, "clay", "grey");
  dump.note("");
  takeBatch(2, 2);
  takePut(dump, "sand", "yellow");
  takePut(dump, "silt", "brown");
  dump.note("");
  takeBatch(4, 1);
  takePut(dump, "clay");
  return dump.finish();
}

/** A record of 40 000 bytes, which is longer than a block. */
function dumpFragments(): string {
  const disk = new MemoryFileSystem();
  const file = disk.create("log");
  new LogWriter(file).add(new Uint8Array(40_000).fill(0x61), 0, 40_000);
  file.close();
  const log = readFile(disk, "log");
  const dump = new Dump(log);
  dump.skip(takeHeader(dump, log, 2, "FIRST, a record begins"));
  dump.skip(takeHeader(dump, log, 4, "LAST, it ends"));
  return dump.finish();
}

function dumpCurrent(current: Uint8Array): string {
  const dump = new Dump(current);
  dump.text("MANIFEST-000003", "the manifest in use");
  dump.byte(10, "end of line");
  return dump.finish();
}

function dumpManifest(manifest: Uint8Array): string {
  const dump = new Dump(manifest);
  takeHeader(dump, manifest, 1, "FULL: the tree when the database was opened");
  dump.byte(1, "field 1, comparator");
  const comparator = "leveldb.BytewiseComparator";
  dump.byte(comparator.length, `${comparator.length} bytes`);
  dump.text(comparator);
  takeNumbers(dump, { log: 2, next: 4, last: 0 });
  dump.note("");
  takeHeader(dump, manifest, 1, "FULL: what the flush changed");
  takeNumbers(dump, { log: 4, next: 6, last: 4 });
  dump.byte(7, "field 7, added table");
  dump.byte(2, "level: 2");
  dump.byte(5, "file number: 5, so 000005.ldb");
  assertEquals(dump.take(2, "bytes in the file: 218, a varint64"), Uint8Array.of(0xda, 1));
  dump.byte(12, "smallest internal key: 12 bytes");
  dump.text("clay");
  dump.trailer(4, 0);
  dump.byte(12, "largest internal key: 12 bytes");
  dump.text("silt");
  dump.trailer(3, 1);
  return dump.finish();
}

function takeNumbers(dump: Dump, is: { log: number; next: number; last: number }): void {
  dump.byte(2, "field 2, log number");
  dump.byte(is.log, `${is.log}: older logs are not needed`);
  dump.byte(3, "field 3, next file number");
  dump.byte(is.next, String(is.next));
  dump.byte(4, "field 4, last sequence number in a table");
  dump.byte(is.last, String(is.last));
}

/** The blocks of the example's table, one after another, and its footer. */
function dumpTable(table: Uint8Array): [string, string][] {
  const dumps: [string, string][] = [];
  let at = 0;
  const handles = new Map<string, [offset: number, bytes: number]>();
  const block = (name: string, body: (dump: Dump) => void) => {
    const dump = new Dump(table.subarray(at), at);
    body(dump);
    const bytes = dump.at;
    dump.byte(0, "compression 0: none");
    dump.checksum(table.subarray(at, at + bytes + 1), "block and compression");
    handles.set(name, [at, bytes]);
    dumps.push([name, dump.finish(bytes + 5)]);
    at += bytes + 5;
  };
  const handle = (dump: Dump, name: string) => {
    const [offset, bytes] = handles.get(name)!;
    const varint = (value: number, what: string) => {
      const stored = value < 128
        ? Uint8Array.of(value)
        : Uint8Array.of((value & 127) | 128, value >> 7);
      assertEquals(dump.take(stored.length, `${what} ${value}`), stored);
    };
    varint(offset, `handle of the ${name} block: offset`);
    varint(bytes, "  bytes");
  };

  block("data", takeEntries);
  block("filter", takeFilter);
  block("metaindex", (dump) => {
    const name = "filter.leveldb.BuiltinBloomFilter2";
    takeLengths(dump, 0, name.length, 2);
    dump.text(name);
    handle(dump, "filter");
    takeRestarts(dump);
  });
  block("index", (dump) => {
    takeLengths(dump, 0, 9, 2);
    dump.text("t", "after every key of the data block");
    const trailer = dump.take(8, "trailer: the highest there is");
    assertEquals(trailer, Uint8Array.of(1, 255, 255, 255, 255, 255, 255, 255));
    handle(dump, "data");
    takeRestarts(dump);
  });
  const footer = new Dump(table.subarray(at), at);
  handle(footer, "metaindex");
  handle(footer, "index");
  const zeros = footer.take(40 - footer.at, "zeros up to 40 bytes");
  assertEquals(zeros, new Uint8Array(zeros.length));
  const magic = footer.take(8, "magic: 0xdb4775248b80fb57, little-endian");
  assertEquals(hex(magic.toReversed()).replaceAll(" ", ""), "db4775248b80fb57");
  dumps.push(["footer", footer.finish()]);
  return dumps;
}

function takeLengths(dump: Dump, shared: number, unshared: number, value: number): void {
  dump.byte(shared, `shared with the key before: ${shared}`);
  dump.byte(unshared, `not shared: ${unshared}`);
  dump.byte(value, `value: ${value}`);
}

function takeRestarts(dump: Dump): void {
  dump.fixed32(0, "restart point: offset 0");
  dump.fixed32(1, "restart points: 1");
}

function takeEntries(dump: Dump): void {
  takeLengths(dump, 0, 12, 0);
  dump.text("clay");
  dump.trailer(4, 0);
  takeLengths(dump, 0, 12, 6);
  dump.text("sand");
  dump.trailer(2, 1);
  dump.text("yellow");
  takeLengths(dump, 1, 11, 5);
  dump.text("ilt", 'with the shared "s": silt');
  dump.trailer(3, 1);
  dump.text("brown");
  takeRestarts(dump);
}

function takeFilter(dump: Dump): void {
  const bits = dump.take(8, "bits");
  const set = [...bits].map((byte) => byte.toString(2).replaceAll("0", "").length)
    .reduce((a, b) => a + b);
  dump.byte(6, `k: 6 bits for each of 3 keys; ${set} of 64 are set`);
  dump.fixed32(0, "filter 0 starts at 0");
  dump.fixed32(9, "the offsets start at 9, where the last filter ends");
  dump.byte(11, "one filter for every 2^11 bytes of table");
}

// ——— The tour ———

const DIRECTORY = "data/tour";
const FIRST_LINES = ["put clay grey", "put sand yellow", "put silt brown", "delete clay"];
const LATER_LINES = ["put clay red", "delete sand", "flush", "levels", "compact", "levels", "scan"];

/** What the tour's commands print, in a directory of their own. */
async function makeTranscripts(): Promise<Map<string, string>> {
  const home = await Deno.makeTempDir();
  const directory = join(home, "tour");
  const show = (lines: string[]) =>
    fenced(lines.map((line) => line.replaceAll(directory, DIRECTORY).replaceAll("\\", "/")));
  const files = () => show(listFiles(directory));
  const transcripts = new Map<string, string>();
  try {
    transcripts.set(
      "write and kill",
      show(await writeAndKill(directory, (while_) => transcripts.set("locked", show(while_)))),
    );
    transcripts.set("files after the kill", files());
    transcripts.set("recovery", show(await talk(directory, ["scan"], "debug")));
    transcripts.set("files after recovery", files());
    transcripts.set("compaction", show(await talk(directory, LATER_LINES)));
    transcripts.set("files after compaction", files());
    return transcripts;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function listFiles(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort().map((name) =>
    `${name.padEnd(16)} ${String(Deno.statSync(join(directory, name)).size).padStart(4)}`
  );
}

/** Writes through the shell in a process of its own, tries to open the database beside it, and kills it. */
async function writeAndKill(
  directory: string,
  refused: (lines: string[]) => void,
): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", `--allow-read`, `--allow-write=${directory}`],
      ...[new URL("lib/shell.ts", root).href, directory],
    ],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = [`$ deno task shell ${DIRECTORY}`];
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (const line of FIRST_LINES) {
      await input.write(new TextEncoder().encode(`${line}\n`));
      let answer = "";
      while (!answer.endsWith("\n")) {
        const { done, value } = await output.read();
        if (done) throw new Error(`the shell ended at "${line}"`);
        answer += value;
      }
      lines.push(`varve> ${line}`, answer.trimEnd());
    }
    refused(await talk(directory, []));
  } finally {
    child.kill("SIGKILL");
    const { signal } = await child.status;
    lines.push(signal === "SIGKILL" ? "Killed" : String(signal));
    await output.cancel();
    await input.abort().catch(() => {});
  }
  return lines;
}

/** A conversation with the shell, as it looks on a terminal, but for the time in the lines of the log. */
async function talk(directory: string, input: string[], debug?: "debug"): Promise<string[]> {
  let text = `$ deno task shell ${debug ? "--debug " : ""}${DIRECTORY}\n`;
  const print = (part: string) => void (text += part);
  const logger: Logger = {
    log(level, source, message) {
      if (debug && source !== "shell") print(`${level.padEnd(5)} ${source}: ${message}\n`);
    },
  };
  try {
    await using database = openDatabase(
      directory,
      { key: bytesCodec, value: bytesCodec, logger },
      denoFileSystem,
    );
    const shell = new Shell({ database, print, printError: print, logger });
    for (const line of input) {
      print(`varve> ${line}\n`);
      await shell.execute(line);
    }
    print("varve> exit\n");
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    print(`error: ${error.message}\n`);
  }
  return text.trimEnd().split("\n");
}

if (import.meta.main) {
  for (const path of documents()) {
    const text = readDocument(path);
    const fresh = await refreshed(text, path);
    if (fresh === text) continue;
    Deno.writeTextFileSync(new URL(path, root), fresh);
    console.log(`refreshed ${path}`);
  }
}
