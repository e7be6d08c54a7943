/**
 * What it costs to encode an entry into a batch: strings, and bytes, which are copied once.
 *
 * @module
 */
import { addPut } from "./batch.ts";
import { EMPTY_BYTES } from "./bytes.ts";
import { bytes, utf8 } from "./codec.ts";
import { openDatabase } from "./database.ts";
import { invariant } from "./invariant.ts";
import { Keyspace } from "./keyspace.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { StoreReader } from "./reader.ts";
import { WriteBatch } from "./write_batch.ts";

const db = openDatabase("db", {}, new MemoryFileSystem());
invariant(db instanceof StoreReader, "a database is a reader");
const { context } = db;
const batch = new WriteBatch();
const asText = new Keyspace(utf8, utf8, EMPTY_BYTES, true);
const asBytes = new Keyspace(bytes, bytes, EMPTY_BYTES, true);
const [key, value] = ["k".repeat(16), "v".repeat(100)];
const [keyBytes, valueBytes] = [utf8.encode(key), utf8.encode(value)];
const target = () => batch;

Deno.bench("1000 puts of strings", { group: "put" }, () => {
  batch.clear();
  for (let i = 0; i < 1000; i++) addPut(context, asText, key, value, target);
});
Deno.bench("1000 puts of bytes", { group: "put" }, () => {
  batch.clear();
  for (let i = 0; i < 1000; i++) addPut(context, asBytes, keyBytes, valueBytes, target);
});
