import { MemorySource, part } from "./dump_part.ts";
import { dumpLines, type DumpStyle } from "./dump_text.ts";

const source = new MemorySource(new Uint8Array(64), undefined);
const leaf = part(source, 3, 0, 64, "value", "text", { isLeaf: true });
const style: DumpStyle = {
  format: "text",
  hasBytes: false,
  bytesMax: 64,
  hasColors: false,
  columns: 120,
};

Deno.bench("a part as text", () => void dumpLines(leaf, style));
Deno.bench("a part beside its bytes", () => void dumpLines(leaf, { ...style, hasBytes: true }));
