import { generator } from "./random.ts";
import { bytewise, type Comparator } from "./comparator.ts";
import {
  InternalKeyComparator,
  KIND_VALUE,
  Lookup,
  makeInternalKey,
  sequenceAt,
} from "./internal_key.ts";

// Each benchmark does its work 1,000 times, so that a microsecond an iteration is a nanosecond a time.
const COUNT = 1000;
const random = generator(1);

const keys = Array.from({ length: COUNT + 1 }, () => String(random(2 ** 31)).padStart(16, "0"))
  .sort()
  .map((key) => Uint8Array.from(key, (it) => it.charCodeAt(0)))
  .map((key) => makeInternalKey(key, random(2 ** 31) * 1000, KIND_VALUE));
const versions = Array.from(keys, (_, i) => makeInternalKey(keys[0]!.slice(0, 16), i, KIND_VALUE));

/** The same order, but not known to be: shows what the path for bytes saves. */
const custom: Comparator = { name: "bench.Custom", compare: bytewise.compare };

const byBytes = new InternalKeyComparator();
const byCustom = new InternalKeyComparator(custom);

Deno.bench("different user keys", { group: "compare 1,000 pairs", baseline: true }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += byBytes.compareKeys(keys[i]!, keys[i + 1]!);
  if (!Number.isFinite(sum)) throw new Error("unreachable");
});
Deno.bench("versions of one user key", { group: "compare 1,000 pairs" }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += byBytes.compareKeys(versions[i]!, versions[i + 1]!);
  if (!Number.isFinite(sum)) throw new Error("unreachable");
});
Deno.bench("different user keys, custom order", { group: "compare 1,000 pairs" }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += byCustom.compareKeys(keys[i]!, keys[i + 1]!);
  if (!Number.isFinite(sum)) throw new Error("unreachable");
});

const lookup = new Lookup();
lookup.key.set(keys[0]!.subarray(0, 16));

Deno.bench("Lookup.begin", { group: "1,000 trailers", baseline: true }, () => {
  for (let i = 0; i < COUNT; i++) lookup.begin(16, i * 1e9);
});
Deno.bench("sequenceAt", { group: "1,000 trailers" }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += sequenceAt(keys[i]!, 24);
  if (sum < 0) throw new Error("unreachable");
});
Deno.bench("makeInternalKey", { group: "1,000 trailers" }, () => {
  for (let i = 0; i < COUNT; i++) makeInternalKey(keys[i]!, i, KIND_VALUE);
});
