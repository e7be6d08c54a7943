/**
 * What a database costs that OpenTelemetry could watch, while nobody takes what it tells: reads and writes beside those
 * of one that was opened without. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: the same,
 * within 4 % either way.
 *
 * @module
 */
import { openDatabase } from "./database.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { open } from "./telemetry.ts";

for (const isWatched of [false, true]) {
  const options = { sync: false, fileSystem: new MemoryFileSystem() };
  const db = isWatched
    ? await open("db", options)
    : openDatabase<string, string>("db", options, options.fileSystem);
  for (let i = 0; i < 1000; i++) db.putSync(`key ${i}`, "value");
  await db.flush();
  const name = isWatched ? "with telemetry to nobody" : "without telemetry";
  let next = 0;
  Deno.bench(`1000 gets, ${name}`, { group: "get", baseline: !isWatched }, () => {
    for (let i = 0; i < 1000; i++) db.getSync(`key ${i}`);
  });
  Deno.bench(`1000 puts, ${name}`, { group: "put", baseline: !isWatched }, () => {
    for (let i = 0; i < 1000; i++) db.putSync(`key ${next++ % 100_000}`, "value");
  });
}
