// What writing a table costs: 16 000 entries, keys of 16 bytes, values of 100 (1.9 MB), to nowhere. On a shared 2-core
// machine (AMD EPYC, Deno 2.9.6), ns an entry: 200 plain, 70 of them for checksums; the filter 80; Snappy 85; zstd 620.
import { decimalEntries, tableDefaults } from "../tests/tables.ts";
import { snappy, zstd } from "./compression.ts";
import type { WritableFile } from "./file_system.ts";
import { TableWriter, type TableWriterOptions } from "./table_writer.ts";

const entries = decimalEntries(16_000, 100);

/** A file that is thrown away. */
class NoFile implements WritableFile {
  readonly path = "";
  size = 0;
  append(bytes: Uint8Array): void {
    this.size += bytes.length;
  }
  async sync(): Promise<void> {}
  syncSync(): void {}
  close(): void {}
}

const cases: [name: string, options: Partial<TableWriterOptions>][] = [
  ["no filter", { filterBits: 0 }],
  ["filter", {}],
  ["filter, Snappy", { compression: snappy }],
  ["filter, zstd", { compression: zstd }],
];
for (const [name, options] of cases) {
  Deno.bench(`write 16 000 entries, ${name}`, { group: "write" }, () => {
    const writer = new TableWriter(new NoFile(), { ...tableDefaults, ...options });
    for (const [key, value] of entries) writer.add(key, 0, key.length, value, 0, value.length);
    writer.finish();
  });
}
