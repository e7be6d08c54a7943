/**
 * **What.** `Deno.Kv` in a file: everything through promises, at most a thousand writes a transaction. Nothing can be
 * chosen about syncs, memory or compression. Its keys are arrays; ours have one part.
 *
 * **Read next.** `../stages.ts`
 *
 * @module
 */
import type { Data } from "../data.ts";
import type { Engine, EngineOptions } from "../engine.ts";

/** What is used of it: its types are there only with `--unstable-kv`. */
interface Kv {
  set(key: Data[], value: Data): Promise<unknown>;
  delete(key: Data[]): Promise<void>;
  get(key: Data[]): Promise<{ value: Data | null }>;
  atomic(): { set(key: Data[], value: Data): unknown; commit(): Promise<unknown> };
  list(range: object, options: object): AsyncIterable<{ key: Data[]; value: Data }>;
  close(): void;
}

/** Entries that cross from native code at once; the most that it takes. */
const ENTRIES = 500;

/** Opens it. */
export async function openEngine(directory: string, options: EngineOptions): Promise<Engine> {
  const { data } = options;
  const { openKv } = Deno as unknown as { openKv(path: string): Promise<Kv> };
  await Deno.mkdir(directory, { recursive: true });
  const kv = await openKv(`${directory}/kv.db`);
  return {
    version: Deno.version.deno,
    put: (key, value) => kv.set([key], value),
    putDurable: (key, value) => kv.set([key], value),
    putShared: (key, value) => kv.set([key], value),
    delete: (key) => kv.delete([key]),
    batch: (order, from, to, salt) => {
      const batch = kv.atomic();
      for (let i = from; i < to; i++) {
        const key = data.key(order[i]!); // kept until the commit, so it has to be a copy
        batch.set([typeof key === "string" ? key : key.slice()], data.value(i + salt));
      }
      return batch.commit();
    },
    get: async (key) => (await kv.get([key])).value ?? undefined,
    scan: async (reverse) => {
      let length = 0;
      const entries = kv.list({ prefix: [] }, { reverse, batchSize: ENTRIES });
      for await (const { key, value } of entries) length += key[0]!.length + value.length;
      return length;
    },
    seek: async (key, count) => {
      let found = 0;
      const end = typeof key === "string" ? "~" : new Uint8Array([0x7e]);
      for await (const { value } of kv.list({ start: [key], end: [end] }, { limit: count })) {
        if (value.length > 0) found++;
      }
      return found;
    },
    settle: () => Promise.resolve(),
    close: () => kv.close(),
  };
}
