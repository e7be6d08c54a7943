/**
 * What the list of a least-recently-used policy costs, for 4,096 frames. `buffer_pool_bench.ts` has the hit rates.
 *
 * @module
 */
import { LruPolicy } from "./lru_policy.ts";

const FRAMES = 4096;
const policy = new LruPolicy();
const pins = new Int32Array(FRAMES);
policy.grow(FRAMES);
for (let frame = 0; frame < FRAMES; frame++) policy.add(frame);

let at = 0;
Deno.bench("LruPolicy: 1,000 × touch", () => {
  for (let i = 0; i < 1000; i++) policy.touch(at = (at + 1663) % FRAMES);
});
Deno.bench("LruPolicy: 1,000 × victim, remove, add", () => {
  for (let i = 0; i < 1000; i++) {
    const frame = policy.victim(pins);
    policy.remove(frame);
    policy.add(frame);
  }
});
