import { crc32c } from "./crc32c.ts";

const bytes = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 31) >>> 3);

Deno.bench("a byte of a header (7 B)", { group: "crc32c" }, () => {
  crc32c(bytes, 0, 7);
});
Deno.bench("a small log record (135 B)", { group: "crc32c" }, () => {
  crc32c(bytes, 1, 136);
});
Deno.bench("a table block (4 KiB)", { group: "crc32c" }, () => {
  crc32c(bytes, 0, 4096);
});
Deno.bench("a log block (32 KiB)", { group: "crc32c" }, () => {
  crc32c(bytes, 0, 32 * 1024);
});
Deno.bench("1 MiB", { group: "crc32c" }, () => {
  crc32c(bytes, 0, bytes.length);
});
