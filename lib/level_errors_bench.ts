/**
 * What it costs to wait for a promise whose error would be translated: every write does.
 *
 * @module
 */
import { translated } from "./level_errors.ts";

const done = Promise.resolve();

Deno.bench("1000 awaited promises", { group: "promises", baseline: true }, async () => {
  for (let i = 0; i < 1000; i++) await done;
});
Deno.bench("1000 awaited promises, translated", { group: "promises" }, async () => {
  for (let i = 0; i < 1000; i++) await translated(done);
});
