// What compressing costs, for blocks of 4 and 32 KiB of words. On a shared 2-core machine (AMD EPYC, Deno 2.9.6), µs:
//
//                    4 KiB: in  out  bytes      32 KiB: in  out  bytes
// snappy                 6.6   3.7   2 016          53    28   15 300
// snappy-wasm 0.3.0       11   4.1   2 011          52    27   15 230
// snappyjs 0.7.0          13   5.2   2 011          81    36   15 230
// zstd, level 1           28    21   1 402          81    60   10 154
import * as wasm from "snappy-wasm";
import { generator } from "./random.ts";
import { snappy, zstd } from "./compression.ts";

const canRead = Deno.permissions.querySync({ name: "read" }).state === "granted";
if (canRead) await (wasm.default as unknown as () => Promise<unknown>)();

const words = "clay silt sand layer varve lake summer winter melt key value block level table"
  .split(" ");

function text(length: number): Uint8Array {
  const random = generator(7);
  let result = "";
  while (result.length < length) {
    result += words[random(words.length)]! + (random(7) === 0 ? random(1e6) : "") + " ";
  }
  return new TextEncoder().encode(result.slice(0, length));
}

for (const length of [4096, 32768]) {
  const input = text(length);
  for (const compressor of [snappy, zstd]) {
    const name = `${compressor.name}, ${length} bytes`;
    const compressed = compressor.compress(input, 0, length)!.slice();
    Deno.bench(`compress, ${name}`, { group: `compress ${length}` }, () => {
      compressor.compress(input, 0, length);
    });
    Deno.bench(`decompress, ${name}`, { group: `decompress ${length}` }, () => {
      compressor.decompress(compressed, 0, compressed.length);
    });
  }
  if (!canRead) continue;
  const compressed = wasm.compress_raw(input);
  Deno.bench(`compress, snappy-wasm, ${length} bytes`, { group: `compress ${length}` }, () => {
    wasm.compress_raw(input);
  });
  Deno.bench(`decompress, snappy-wasm, ${length} bytes`, { group: `decompress ${length}` }, () => {
    wasm.decompress_raw(compressed);
  });
}
