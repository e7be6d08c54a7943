/**
 * All of `load` on a disk in memory: 20 000 lines of JSON, keys of 16 and values of 100 bytes, through a pipe.
 *
 * @module
 */
import { CliFrame } from "./cli_command.ts";
import { addLoad } from "./cli_load.ts";
import { webSurroundings } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

let text = "";
for (let i = 0; i < 20_000; i++) {
  text += `{"key":"${String(i).padStart(16, "0")}","value":"${"v".repeat(100)}"}\n`;
}
const input = new Blob([text]);
const nowhere = {
  isTerminal: false,
  hasColors: false,
  columns: 80,
  write: () => Promise.resolve(),
};

Deno.bench("load 20 000 lines", async () => {
  const frame = new CliFrame({
    output: nowhere,
    errors: nowhere,
    input: { isTerminal: false, readable: input.stream() },
    fileSystem: new MemoryFileSystem(),
    surroundings: webSurroundings,
    temporaryDirectory: "tmp",
    signal: new AbortController().signal,
  });
  addLoad(frame);
  await frame.run(["load", "db"]);
});
