/**
 * What finding a table's blocks costs: 16 000 entries with keys of 16 digits and values of 100, about 480 blocks,
 * from memory. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 14 ns to look at a block
 * in the pool, 17 to pin and unpin it, 20 to ask the filter; 2.3 µs to read a block to new memory, 20 for the index;
 * 1.8 to open and close the table.
 *
 * @module
 */
import { bytewiseKeys, decimalEntries, roomyPool, writeTable } from "../tests/tables.ts";
import { createBufferPool } from "./buffer_pool.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { TableBlocks } from "./table_blocks.ts";

const disk = new MemoryFileSystem();
writeTable(disk, "5.ldb", decimalEntries(16_000, 100));

function open(pool = roomyPool()): TableBlocks {
  return new TableBlocks(disk.open("5.ldb"), { comparator: bytewiseKeys, pool });
}

const pooled = open();
const unpooled = open(createBufferPool({ capacityBytes: 0 }));
const blockCount = pooled.index().count;
let at = 0;
let sum = 0;

Deno.bench("1000 blocks looked at, in the pool", { group: "block" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + 131) % blockCount) {
    const index = pooled.index();
    pooled.readHandle(index, at);
    sum += pooled.block(index, at).entriesEnd;
  }
});
Deno.bench("1000 blocks pinned and unpinned, in the pool", { group: "block" }, () => {
  for (let i = 0; i < 1000; i++, at = (at + 131) % blockCount) {
    const index = pooled.index();
    pooled.readHandle(index, at);
    pooled.pool.unpin(pooled.pinBlock(index, at));
  }
});
Deno.bench("1000 times the filter asked, in the pool", { group: "block" }, () => {
  pooled.readHandle(pooled.index(), at);
  for (let i = 0; i < 1000; i++) if (pooled.mayContain(i * 7919)) sum++;
});
Deno.bench("10 blocks read", { group: "read" }, () => {
  const index = pooled.index();
  for (let i = 0; i < 10; i++, at = (at + 131) % blockCount) {
    unpooled.readHandle(index, at);
    unpooled.pool.unpin(unpooled.pinBlock(index, at));
  }
});
Deno.bench("the index read and decoded", { group: "read" }, () => {
  sum += unpooled.index().count;
});
Deno.bench("a table opened and closed", { group: "read" }, () => open(pooled.pool).close());
