// Reads are of pages that the operating system has in memory. Without the permissions, as in a plain `deno bench`,
// there is nothing to measure.
import { denoFileSystem as disk } from "./deno_file_system.ts";
import { onDisk } from "../tests/permissions.ts";

const BYTES = 64 * 1024 * 1024;

if (!onDisk.ignore) measure();

function measure(): void {
  const directory = Deno.makeTempDirSync({ prefix: "varve_bench_" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

  const path = (name: string) => disk.join(directory, name);
  const table = disk.create(path("table"));
  for (let i = 0; i < 64; i++) table.append(new Uint8Array(BYTES / 64));
  table.close();
  const file = disk.open(path("table"));

  for (const length of [128, 4096, 65536]) {
    const bytes = new Uint8Array(length);
    let writer = disk.create(path("appended"));
    Deno.bench(`append(), ${length} bytes`, { group: "append" }, () => {
      if (writer.size > BYTES) {
        writer.close();
        writer = disk.create(path("appended"));
      }
      writer.append(bytes);
    });
  }

  const log = disk.create(path("log"));
  const record = new Uint8Array(128);
  Deno.bench("append() of 128 bytes and syncSync()", { group: "sync", n: 500 }, () => {
    log.append(record);
    log.syncSync();
  });
  Deno.bench("append() of 128 bytes and await sync()", { group: "sync", n: 500 }, async () => {
    log.append(record);
    await log.sync();
  });
  Deno.bench("create(), rename(), syncDirectory()", { group: "sync", n: 200 }, () => {
    disk.create(path("new")).close();
    disk.rename(path("new"), path("renamed"));
    disk.syncDirectory(directory);
  });

  for (const length of [4096, 16384, 65536]) {
    const into = new Uint8Array(length);
    let position = 0;
    Deno.bench(`read(), ${length} bytes`, { group: "read" }, () => {
      position = (position + 7 * length) % (BYTES - length);
      file.read(into, position);
    });
  }

  Deno.bench("open() and close()", { group: "names" }, () => {
    disk.open(path("table")).close();
  });
  Deno.bench("size()", { group: "names" }, () => {
    disk.size(path("table"));
  });
  Deno.bench("lock() and release()", { group: "names" }, () => {
    disk.lock(path("LOCK"), "exclusive").release();
  });
}
