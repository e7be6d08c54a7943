/**
 * What it costs to translate the options of a write: once for each.
 *
 * @module
 */
import { storeWriteOptions } from "./level_operations.ts";

const options = { sync: false };

Deno.bench("storeWriteOptions()", () => {
  storeWriteOptions(options);
});
