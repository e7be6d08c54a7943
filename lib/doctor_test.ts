/**
 * Tests of `doctor.ts`: what it prints and its status, in memory and as a program. LevelDB opens what it has repaired.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Peer } from "../tests/fixtures/line_protocol.ts";
import { copyOf } from "../tests/fixtures/disk_copies.ts";
import { change, namesOf, smallDatabase } from "../tests/fixtures/small_database.ts";
import { inProcesses } from "../tests/permissions.ts";
import { openDatabase } from "./database.ts";
import {
  type DoctorSurroundings,
  findingText,
  repairText,
  runDoctor,
  verifyText,
} from "./doctor.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

/** Runs a command line on a disk in memory. */
async function run(
  args: string[],
  fileSystem: MemoryFileSystem,
  surroundings: Partial<DoctorSurroundings> = {},
) {
  let output = "";
  let errors = "";
  const status = await runDoctor(args, {
    fileSystem,
    print: (text) => output += text,
    printError: (text) => errors += text,
    confirm: undefined,
    showsProgress: false,
    signal: new AbortController().signal,
    ...surroundings,
  });
  return { status, output, errors };
}

Deno.test("verify of a sound database is one line and status 0", async () => {
  const { disk } = await smallDatabase();
  const { status, output, errors } = await run(["verify", "db"], disk);
  assertEquals([status, errors], [0, ""]);
  assertMatch(
    output,
    /^sound: 0 errors, 0 warnings; read 3 tables, \d+ blocks, \d+ entries, \d+ log records, .+ KiB\n$/,
  );
});

Deno.test("verify of a damaged one is a line for each finding, and status 1", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const [first, second] = namesOf(copy, /ldb/);
  change(copy, first!, (bytes) => void (bytes[3]! ^= 1));
  copy.remove(`db/${second}`);
  copy.create("db/000001.log").close();
  const { status, output } = await run(["verify", "db"], copy);
  assertEquals(status, 1);
  assertEquals(output.split("\n").slice(0, 3), [
    `error ${second}: the table is missing`,
    "warning 000001.log: nobody needs this file",
    `error ${first} at 0: block checksum mismatch`,
  ]);
  assertMatch(output, /\ndamaged: 2 errors, 1 warning; read 2 tables, .*\n$/);
});

Deno.test("a finding is one line, whatever is in it, and those not kept are counted", () => {
  const finding = { severity: "error" as const, file: "5.ldb", what: "a\nb\x1b[0m" };
  assertEquals(findingText(finding), "error 5.ldb: a b\ufffd[0m\n");
  const text = verifyText({
    isSound: false,
    findings: [finding],
    errorCount: 7,
    warningCount: 1,
    fileCount: 1,
    tableCount: 1,
    blockCount: 1,
    entryCount: 1,
    logRecordCount: 0,
    bytesRead: 5,
  });
  assertMatch(text, /\nand 7 more\ndamaged: 7 errors, 1 warning; /);
});

Deno.test("repair prints what became of each file, and status 1 if something is lost", async () => {
  const { disk } = await smallDatabase();
  const [first, second, third] = namesOf(disk, /ldb/);
  const sound = await run(["repair", "db"], copyOf(disk));
  assertEquals([sound.status, sound.errors], [0, ""]);
  assertMatch(sound.output, /^file +fate +entries +left out +moved to\n/);
  assertMatch(sound.output, new RegExp(`\\n${first} +kept +\\d+\\n`));
  assertMatch(sound.output, /\.log +replayed +\d+ +lost\/\d+\.log\n/);
  assertMatch(sound.output, /\nrepaired: nothing is lost\n$/);

  const copy = copyOf(disk);
  copy.remove(`db/${second}`);
  change(copy, third!, (bytes) => void bytes.fill(0, 0, 9));
  const damaged = await run(["repair", "db"], copy);
  assertEquals(damaged.status, 1);
  assertMatch(
    damaged.output,
    new RegExp(
      `\\n${second} +missing\\n  lost, [\\d,]+ bytes at 0, keys from \".+\" up to \".+\": the`,
    ),
  );
  assertMatch(damaged.output, new RegExp(`\\n${third} +rewritten .* lost/${third}\\n  lost, `));
  assertMatch(
    damaged.output,
    /\n\d+ values? (was|were) left out, since a newer version may be lost/,
  );
  assertMatch(damaged.output, /\nrepaired: .+ could not be read, see above\n$/);
  assertEquals((await run(["verify", "db"], copy)).status, 0);

  const older = copyOf(disk);
  older.remove(`db/${second}`);
  const kept = await run(["repair", "--keep-older", "db"], older);
  assertEquals([kept.status, kept.output.includes("were left out")], [1, false]);

  const without = copyOf(disk);
  for (const name of namesOf(without, /MANIFEST/)) without.remove(`db/${name}`);
  const merged = await run(["repair", "db"], without);
  assertMatch(merged.output, /\nthe manifest could not be used: what was deleted/);
});

Deno.test("what could not be moved is told, and of many damaged places only the first", () => {
  const range = { offset: 1, bytes: 2, what: "block checksum mismatch", isLoss: true };
  const text = repairText({
    isComplete: false,
    usedManifest: true,
    lostBytes: 50_000,
    leftOutCount: 0,
    files: [{
      file: "000005.ldb",
      fate: "rewritten",
      entryCount: 3,
      leftOutCount: 0,
      damage: Array.from({ length: 5010 }, () => range),
      notMoved: "Cannot rename file:\nno room",
    }],
  });
  const lines = text.split("\n");
  assertEquals(lines.length, 2 + 1 + 10 + 1 + 3);
  assertEquals(lines[2], "  not moved: Cannot rename file: no room");
  assertEquals(lines[13], "  and 5,000 more");
  assertMatch(lines[14]!, /^what was not moved is removed when the database is opened/);
});

Deno.test("destroy needs to be confirmed", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const names = copy.list("db");
  const asked: string[] = [];
  const answer = (isYes: boolean) => (question: string) => {
    asked.push(question);
    return isYes;
  };
  for (const confirm of [undefined, answer(false)]) {
    const { status, output, errors } = await run(["destroy", "db"], copy, { confirm });
    assertEquals([status, output, copy.list("db")], [2, "", names]);
    assertMatch(errors, /^error: .*--yes\n$/);
  }
  assertEquals(asked, ["Remove the database in db for good?"]);
  const done = await run(["destroy", "db"], copyOf(disk), { confirm: answer(true) });
  assertEquals([done.status, done.output], [0, `removed ${names.length} files\n`]);
  assertEquals((await run(["destroy", "--yes", "db"], copy)).status, 0);
  assertEquals(copy.exists("db"), false);
});

Deno.test("what cannot be done is one line and status 2, and so are wrong arguments", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const db = openDatabase("db", {}, copy);
  for (const args of [["verify", "db"], ["repair", "db"], ["destroy", "--yes", "db"]]) {
    const { status, errors } = await run(args, copy);
    assertEquals(status, 2);
    assertMatch(errors, /^error: Cannot lock directory: .*\n$/);
  }
  await db.close();
  const wrong = [[], ["verify"], ["mend", "db"], ["verify", "db", "db"], ["verify", "--yes", "db"]]
    .concat([["verify", "--keep-older", "db"], ["verify", "--bogus", "db"], ["verify", "nowhere"]]);
  for (const args of wrong) {
    const { status, output, errors } = await run(args, copy);
    assertEquals([status, output], [2, ""], args.join(" "));
    assertMatch(errors, /^error: .+\n$/);
  }
  const help = await run(["--help"], copy);
  assertEquals([help.status, help.errors], [0, ""]);
  assertMatch(help.output, /Usage: deno task doctor/);
});

Deno.test("what is interrupted says nothing more, and has status 2", async () => {
  const { disk } = await smallDatabase();
  const copy = copyOf(disk);
  const names = copy.list("db");
  for (const command of ["verify", "repair"]) {
    const interrupted = await run([command, "db"], copy, { signal: AbortSignal.abort() });
    assertEquals(interrupted, { status: 2, output: "", errors: "" });
  }
  assertEquals(copy.list("db"), names);
});

Deno.test("progress is shown to a terminal, and taken away at the end", async () => {
  const disk = new MemoryFileSystem();
  const db = openDatabase<string, string>("db", { compression: "none", sync: false }, disk);
  for (let i = 0; i < 3000; i++) db.putSync(`key ${i}`, "v".repeat(1000));
  await db.flush();
  await db.close();
  const { errors } = await run(["verify", "db"], disk, { showsProgress: true });
  assertMatch(errors, /^\r\d+ %, [\d.]+ MiB, \d+\.ldb\r.*\r +\r$/);
  assertEquals((await run(["verify", "db"], disk)).errors, "");
});

// ——— As a program ———

const program = fromFileUrl(import.meta.resolve("./doctor.ts"));

const LEVELDB_PERMISSIONS = ["--allow-read", "--allow-write", "--allow-env", "--allow-ffi"];

async function start(permissions: string[], args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, program, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout), errors: text(stderr) };
}

Deno.test(
  "the program repairs what LevelDB then opens, and verify only reads",
  inProcesses,
  async () => {
    const { disk, truth, places } = await smallDatabase();
    const parent = await Deno.makeTempDir({ prefix: "varve_doctor_" });
    const directory = join(parent, "db");
    try {
      await Deno.mkdir(directory);
      for (const name of disk.list("db")) {
        await Deno.writeFile(join(directory, name), disk.readAll(`db/${name}`));
      }
      const table = namesOf(disk, /ldb/)[2]!;
      const bytes = disk.readAll(`db/${table}`).fill(0, 0, 100);
      await Deno.writeFile(join(directory, table), bytes);

      const found = await start([`--allow-read=${directory}`], ["verify", directory]);
      assertEquals([found.code, found.errors], [1, ""]);
      assertMatch(found.output, new RegExp(`^error ${table} at 0: block checksum mismatch\n`));
      const permissions = [`--allow-read=${directory}`, `--allow-write=${directory}`];
      const repaired = await start(permissions, ["repair", directory]);
      assertEquals([repaired.code, repaired.errors], [1, ""]);
      const sound = await start(permissions, ["verify", directory]);
      assertEquals([sound.code, sound.errors], [0, ""]);
      assertMatch(sound.output, /^sound: 0 errors, 0 warnings; /);

      await using level = new Peer("classic_level.ts", LEVELDB_PERMISSIONS);
      await level.ask("open", { directory, options: { createIfMissing: false } });
      const entries = await level.ask<[string, string][]>("entries", {});
      await level.ask("close");
      const texts = entries.map(([key, value]) =>
        [Uint8Array.fromHex(key), Uint8Array.fromBase64(value)].map((it) =>
          new TextDecoder().decode(it)
        )
      );
      const lost = [...truth.keys()].filter((key) =>
        places.get(key)!.file === table && places.get(key)!.block === 0
      );
      assert(lost.length > 0);
      for (const [key, value] of texts) assertEquals(truth.get(key!), value);
      assert(texts.length >= truth.size - lost.length - 2, `${texts.length} entries`);

      const gone = await start(permissions, ["destroy", "--yes", directory]);
      assertEquals([gone.code, gone.errors], [0, ""]);
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["lost"]);
      const nothing = await start(permissions, ["verify", directory]);
      assertEquals(nothing.code, 2);
    } finally {
      await Deno.remove(parent, { recursive: true });
    }
  },
);
