import { hexLines } from "./hex_view.ts";

const block = new Uint8Array(4096).map((_, i) => i);

Deno.bench("4 KiB as lines", () => void hexLines(block, 0));
