import { bytes } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { CheckpointPlace } from "./load_checkpoint.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const database = openDatabase("db", { key: bytes, value: bytes }, new MemoryFileSystem());
const place = new CheckpointPlace(database, "/data/input.ndjson");
const checkpoint = {
  input: { size: 1, changedMs: 2, hash: "00" },
  layout: "[]",
  progress: { offset: 1, line: 1, entries: 1, skipped: 0, errors: null, state: null },
};

Deno.bench("a checkpoint in a batch", () => place.addTo(database.batch(), checkpoint));
