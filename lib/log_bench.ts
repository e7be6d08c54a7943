import type { ReadableFile, WritableFile } from "./file_system.ts";
import { LOG_ROOM_BYTES, LogReader, LogWriter } from "./log.ts";

/** A file that forgets: what is measured is the framing alone. */
class NowhereFile implements WritableFile {
  readonly path = "nowhere";
  size = 0;
  append(bytes: Uint8Array): void {
    this.size += bytes.length;
  }
  sync(): Promise<void> {
    return Promise.resolve();
  }
  syncSync(): void {}
  close(): void {}
}

/** A log of about 1 MiB of records of one size. */
function logOf(recordBytes: number): ReadableFile {
  const record = new Uint8Array(recordBytes).fill(0x76);
  const bytes = new Uint8Array(2 * 1024 * 1024);
  let size = 0;
  const file = new NowhereFile();
  file.append = (part) => {
    bytes.set(part, size);
    size += part.length;
  };
  const writer = new LogWriter(file);
  while (size < 1024 * 1024) writer.add(record, 0, recordBytes);
  return {
    path: "memory",
    size,
    read(into, position) {
      const count = Math.min(into.length, size - position);
      into.set(bytes.subarray(position, position + count));
      return count;
    },
    close() {},
  };
}

const record = new Uint8Array(1024 * 1024).fill(0x76);
const writer = new LogWriter(new NowhereFile());

Deno.bench("add a record of 135 B", { group: "write" }, () => {
  writer.add(record, 0, 135);
});
Deno.bench("add a record of 135 B in place", { group: "write" }, () => {
  writer.add(record, LOG_ROOM_BYTES, LOG_ROOM_BYTES + 135, LOG_ROOM_BYTES);
});
Deno.bench("add a record of 4 KiB", { group: "write" }, () => {
  writer.add(record, 0, 4096);
});
Deno.bench("add a record of 1 MiB", { group: "write" }, () => {
  writer.add(record, 0, record.length);
});

for (const recordBytes of [135, 4096, 256 * 1024]) {
  const file = logOf(recordBytes);
  Deno.bench(`read 1 MiB in records of ${recordBytes} B`, { group: "read" }, () => {
    const reader = new LogReader(file);
    while (reader.next());
  });
}

const torn = logOf(30_000);
Deno.bench("read 1 MiB with a torn tail", { group: "read" }, () => {
  const reader = new LogReader({ ...torn, size: torn.size - 1 });
  while (reader.next());
});
