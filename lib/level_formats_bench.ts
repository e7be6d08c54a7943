/**
 * What the three forms cost: 100 bytes of ASCII each.
 *
 * @module
 */
import { decodeAs, levelData } from "./level_formats.ts";

const stored = new TextEncoder().encode("v".repeat(100));
const text = "v".repeat(100);
const room = new Uint8Array(1000);

Deno.bench("1000 strings encoded", { group: "encode" }, () => {
  for (let i = 0; i < 1000; i++) levelData.encodeInto!(text, room, 0);
});
for (const form of ["utf8", "view", "buffer"] as const) {
  Deno.bench(`1000 decoded as ${form}`, { group: "decode" }, () => {
    for (let i = 0; i < 1000; i++) decodeAs(form, stored, 0, stored.length);
  });
}
