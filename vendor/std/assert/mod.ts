/**
 * **What.** A stand-in for `jsr:@std/assert`: the same code, taken from its npm mirror `deno-std`, under the
 * published signatures of what is used here. It lets a machine that reaches only the npm registry run the tests.
 *
 * It is used while `deno.json` has a `"links"` entry for this folder. To use the published package instead, delete
 * `"links"`, or run `deno task test:jsr`, which does so in a copy of `deno.json`.
 *
 * @module
 */
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
