import { MemoryFileSystem } from "./memory_file_system.ts";

/** Size of the file read: more than the processor's caches hold. */
const BYTES = 64 * 1024 * 1024;
/** Where an appended file is begun anew: about what a log or a table grows to. */
const APPENDED_BYTES_MAX = 4 * 1024 * 1024;
const disk = new MemoryFileSystem();
disk.makeDirectory("data");
disk.writeAll("data/1.ldb", new Uint8Array(BYTES));
for (let i = 0; i < 1000; i++) disk.writeAll(`data/${i}.log`, new Uint8Array(0));
const file = disk.open("data/1.ldb");

for (const length of [128, 4096, 65536]) {
  const bytes = new Uint8Array(length);
  let writer = disk.create("data/appended");
  Deno.bench(`append(), ${length} bytes`, { group: "append" }, () => {
    if (writer.size >= APPENDED_BYTES_MAX) writer = disk.create("data/appended");
    writer.append(bytes);
  });
}

for (const length of [4096, 16384, 65536]) {
  const into = new Uint8Array(length);
  let position = 0;
  Deno.bench(`read(), ${length} bytes`, { group: "read" }, () => {
    position = (position + 7 * length) % (BYTES - length);
    file.read(into, position);
  });
}

Deno.bench("open() and close()", { group: "names" }, () => {
  disk.open("data/1.ldb").close();
});

Deno.bench("rename()", { group: "names" }, () => {
  disk.rename("data/2.log", "data/x.log");
  disk.rename("data/x.log", "data/2.log");
});

Deno.bench("list() of 1 000 files", { group: "names" }, () => {
  disk.list("data");
});
