import { MemorySource, shortText } from "./dump_part.ts";

const source = new MemorySource(new Uint8Array(4096).fill(0x61), undefined);

Deno.bench("a value of 4 KiB, shortened", () => void shortText(source, 0, 4096, 64));
