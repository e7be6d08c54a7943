/**
 * What every write pays for being held up when it has to: when there is nothing to hold it up, and when there is, but
 * a worker keeps pace. Deno 2.9.6, 2 shared cores (AMD EPYC), best of many runs on a busy machine: 2.6 ns a write, and
 * 3.7.
 *
 * @module
 */
import { ManualTurns } from "../tests/fixtures/manual_turns.ts";
import { bytewiseKeys } from "../tests/tables.ts";
import type { Background } from "./background.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemtableSet } from "./memtable_set.ts";
import { engineOptions } from "./options.ts";
import { WriteCounters } from "./stats.ts";
import type { Tree } from "./tree.ts";
import { WriteController } from "./write_controller.ts";

let progress = 0;

function controllerAt(levelZero: number): WriteController {
  const background = { poll() {}, isElsewhere: () => true, progress: () => progress += 1 << 20 };
  return new WriteController({
    options: engineOptions({}, new MemoryFileSystem()),
    background: background as unknown as Background,
    memtables: new MemtableSet(bytewiseKeys, 65_536, 1, []),
    tree: { version: { levels: [new Array(levelZero)] } } as unknown as Tree,
    counters: new WriteCounters(),
    surroundings: new ManualTurns(),
  });
}

for (const levelZero of [0, 25]) {
  const controller = controllerAt(levelZero);
  Deno.bench(`1000 writes of 116 bytes, ${levelZero} tables in level 0`, () => {
    for (let i = 0; i < 1000; i++) {
      controller.beforeWrite();
      controller.wrote(116);
    }
  });
}
