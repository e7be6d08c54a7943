import { BatchReader, WriteBatch } from "./write_batch.ts";

const RECORDS = 1000;
const key = new Uint8Array(16).fill(0x6b);
const value = new Uint8Array(100).fill(0x76);
const page = new Uint8Array(1024);
const batch = new WriteBatch();
const other = new WriteBatch();
const reader = new BatchReader();

function fill(): void {
  batch.clear();
  for (let i = 0; i < RECORDS; i++) batch.put(key, 0, 16, value, 0, 100);
}

Deno.bench("1 000 puts of 16 + 100 B", { group: "build" }, fill);
Deno.bench("1 000 puts of 16 + 100 B out of one buffer", { group: "build" }, () => {
  batch.clear();
  for (let i = 0; i < RECORDS; i++) batch.put(page, 0, 16, page, 16, 116);
});
Deno.bench("1 000 deletes of 16 B", { group: "build" }, () => {
  batch.clear();
  for (let i = 0; i < RECORDS; i++) batch.delete(key, 0, 16);
});
Deno.bench("append 1 000 batches of one put", { group: "build" }, () => {
  batch.clear();
  other.clear();
  other.put(key, 0, 16, value, 0, 100);
  for (let i = 0; i < RECORDS; i++) batch.append(other);
});

Deno.bench("read 1 000 records", { group: "read" }, (b) => {
  fill();
  b.start();
  reader.reset(batch.buffer, 0, batch.byteLength);
  while (reader.next());
  b.end();
});
