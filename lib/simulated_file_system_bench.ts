import { SimulatedFileSystem } from "./simulated_file_system.ts";

/** A disk as a small database leaves it: most files durable, the newest not. */
function smallDisk(): SimulatedFileSystem {
  const disk = new SimulatedFileSystem({ seed: 1 });
  disk.makeDirectory("db");
  for (let i = 0; i < 20; i++) {
    const file = disk.create(`db/${i}.ldb`);
    for (let part = 0; part < 10; part++) file.append(new Uint8Array(1024).fill(part + 1));
    if (i < 17) file.syncSync();
    file.close();
  }
  disk.syncDirectory("db");
  return disk;
}

const disk = smallDisk();
for (const [seed, name] of [[0, "all lost"], [1, "all kept"], [7, "mixed"]] as const) {
  Deno.bench(`crash() of 20 files and 200 KiB, ${name}`, { group: "crash" }, () => {
    disk.crash(seed);
  });
}

for (const length of [128, 4096]) {
  const bytes = new Uint8Array(length).fill(1);
  let file = disk.create("db/log");
  Deno.bench(`append() of ${length} bytes`, { group: "append" }, () => {
    if (file.size > 4 * 1024 * 1024) {
      file.close();
      file = disk.create("db/log");
    }
    file.append(bytes);
  });
}

const reader = disk.open("db/1.ldb");
const into = new Uint8Array(4096);
Deno.bench("read() of 4096 bytes", { group: "read" }, () => {
  reader.read(into, 0);
});
