import { Contents, Names } from "./durability.ts";
import { generator } from "./random.ts";

const random = generator(1);
const KIBIBYTE = new Uint8Array(1024).fill(7);

for (const kibibytes of [4, 64, 1024]) {
  const file = new Contents();
  for (let i = 0; i < kibibytes; i++) file.append(KIBIBYTE);
  Deno.bench(`crash of a file, ${kibibytes} KiB unsynced`, { group: "contents" }, () => {
    file.crash(random, "mixed");
  });
}

let log = new Contents();
Deno.bench("append 1 KiB and sync", { group: "append" }, () => {
  if (log.size >= 4 * 1024 * 1024) log = new Contents();
  log.append(KIBIBYTE);
  log.endSync(log.beginSync());
});

for (const pending of [0, 10, 100]) {
  const names = new Names();
  names.makeDirectory("d");
  for (let i = 0; i < 20; i++) names.add(`d/${i}`, new Contents());
  names.syncDirectory("d");
  for (let i = 0; i < pending; i++) names.add(`d/new${i}`, new Contents());
  Deno.bench(`crash of 20 names and ${pending} changes`, { group: "names" }, () => {
    names.crash(random, "mixed");
  });
}
