/**
 * All of `export` on a disk in memory: 20 000 entries, keys of 16 and values of 100 bytes.
 *
 * @module
 */
import { CliFrame } from "./cli_command.ts";
import { addExport } from "./cli_export.ts";
import { openDatabase, webSurroundings } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const fileSystem = new MemoryFileSystem();
{
  await using database = openDatabase<string, string>("db", {}, fileSystem);
  const batch = database.batch();
  for (let i = 0; i < 20_000; i++) batch.put(String(i).padStart(16, "0"), "v".repeat(100));
  await batch.commit();
}
const nowhere = {
  isTerminal: false,
  hasColors: false,
  columns: 80,
  write: () => Promise.resolve(),
};
const frame = new CliFrame({
  output: nowhere,
  errors: nowhere,
  input: { isTerminal: false, readable: new Blob().stream() },
  fileSystem,
  surroundings: webSurroundings,
  temporaryDirectory: "tmp",
  signal: new AbortController().signal,
});
addExport(frame);

Deno.bench("export 20 000 entries", async () => void await frame.run(["export", "db"]));
