import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { inDirectory } from "../tests/fixtures/temporary_directory.ts";
import { onDisk } from "../tests/permissions.ts";
import { type Kv, type KvOptions, KvU64, openKv } from "./kv.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import { open, VarveError } from "../mod.ts";

const inMemory = (options: KvOptions = {}) =>
  openKv("kv", { fileSystem: new MemoryFileSystem(), ...options });

/** Checked by the compiler: what openKv gives can stand where a Deno.Kv does. */
async function asDenoKv(): Promise<Deno.Kv> {
  const kv: Deno.Kv = await inMemory();
  const operation: Deno.AtomicOperation = kv.atomic();
  operation.mutate({ type: "sum", key: ["n"], value: new KvU64(1n) });
  return kv;
}
