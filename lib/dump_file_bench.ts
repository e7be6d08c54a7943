import { kindByContent } from "./dump_file.ts";
import { MemorySource } from "./dump_part.ts";
import { LogWriter } from "./log.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const disk = new MemoryFileSystem();
new LogWriter(disk.create("log")).add(new Uint8Array(1000), 0, 1000);
const source = new MemorySource(disk.readAll("log"), undefined);

Deno.bench("the kind of a log, by what is in it", () => void kindByContent(source));
