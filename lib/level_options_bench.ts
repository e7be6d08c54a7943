/**
 * What it costs to translate options: once for each opening.
 *
 * @module
 */
import { ownOptions } from "./level_options.ts";

const options = { createIfMissing: true, cacheSize: 1 << 20, maxFileSize: 4 << 20 };

Deno.bench("ownOptions()", () => {
  ownOptions(options);
});
