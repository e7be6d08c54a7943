import { compareBytes, prefixEnd, Slab } from "./bytes.ts";

const text = (value: string) => new TextEncoder().encode(value);
const [a, b] = [text("user:00000000123"), text("user:00000000124")];
const other = text("item:00000000123");

Deno.bench("compareBytes(), 16 bytes, equal", { group: "compare", baseline: true }, () => {
  compareBytes(a, 0, 16, a, 0, 16);
});

Deno.bench("compareBytes(), 16 bytes, the last differs", { group: "compare" }, () => {
  compareBytes(a, 0, 16, b, 0, 16);
});

Deno.bench("compareBytes(), 16 bytes, the first differs", { group: "compare" }, () => {
  compareBytes(a, 0, 16, other, 0, 16);
});

Deno.bench("prefixEnd()", { group: "prefix" }, () => {
  prefixEnd(a);
});

const source = new Uint8Array(8192).fill(0x61);
const slab = new Slab();

for (const length of [16, 100, 1000, 8192]) {
  const group = `copy of ${length} bytes`;
  Deno.bench(`slice(), ${length} bytes`, { group, baseline: true }, () => {
    source.slice(0, length);
  });
  Deno.bench(`Slab.copy(), ${length} bytes`, { group }, () => {
    slab.copy(source, 0, length);
  });
}
