import { generator } from "./random.ts";
import { bytewise } from "./comparator.ts";

// Each benchmark does its work for 1,000 pairs, so that a microsecond an iteration is a nanosecond a pair.
const COUNT = 1000;
const random = generator(1);

/** Sorted keys of 16 digits: neighbours share most of their beginning, as in a table. */
function sortedKeys(): Uint8Array[] {
  const keys = Array.from({ length: COUNT + 1 }, () => String(random(2 ** 31)).padStart(16, "0"));
  return keys.sort().map((key) => Uint8Array.from(key, (it) => it.charCodeAt(0)));
}

const neighbours = sortedKeys();
const shuffled = neighbours.map((_, i) => neighbours[(i * 389) % neighbours.length]!);

Deno.bench("compare, neighbours", { group: "compare 1,000 pairs", baseline: true }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += bytewise.compare(neighbours[i]!, neighbours[i + 1]!);
  if (sum > 0) throw new Error("unreachable");
});
Deno.bench("compare, any two", { group: "compare 1,000 pairs" }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += bytewise.compare(shuffled[i]!, shuffled[i + 1]!);
  if (!Number.isFinite(sum)) throw new Error("unreachable");
});

// Once a block or a table, so an allocation matters little here.
Deno.bench("separator", { group: "shorten 1,000 keys", baseline: true }, () => {
  for (let i = 0; i < COUNT; i++) bytewise.separator!(neighbours[i]!, neighbours[i + 1]!);
});
Deno.bench("successor", { group: "shorten 1,000 keys" }, () => {
  for (let i = 0; i < COUNT; i++) bytewise.successor!(neighbours[i]!);
});
