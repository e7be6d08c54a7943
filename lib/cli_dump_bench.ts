import { CliSession } from "../tests/fixtures/cli_session.ts";
import { addDump } from "./cli_dump.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const fileSystem = new MemoryFileSystem();
const session = new CliSession([addDump], { fileSystem });
const entries = Array.from({ length: 1000 }, (_, i) => [`key ${1000 + i}`, "v".repeat(100)]);
await session.fill("data", Object.fromEntries(entries));
const log = `data/${fileSystem.list("data").find((name) => name.endsWith(".log"))}`;

Deno.bench("a log with a batch of 1000 puts", async () => void await session.run(["dump", log]));
