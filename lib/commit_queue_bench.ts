/**
 * What sharing costs, over a target that does nothing: what is left is gathering, promises and turns. Deno 2.9.6, 2
 * shared cores (AMD EPYC), a record of 16 + 100 bytes: best of many runs on a busy machine, nanoseconds a write: 29
 * written at once; 130 awaited one by one, 185 if durable; 89 and 100 eight together; 62 and 63 a thousand together,
 * of which about 30 are the record.
 *
 * @module
 */
import { CommitQueue, type CommitTarget } from "./commit_queue.ts";
import { WriteBatch } from "./write_batch.ts";

const key = new Uint8Array(16).fill(0x6b);
const value = new Uint8Array(100).fill(0x76);

/** Takes no time for anything but a turn of promises. */
class NowhereTarget implements CommitTarget {
  bytes = 0;
  write(group: WriteBatch): void {
    this.bytes += group.byteLength;
  }
  room(): Promise<void> | undefined {
    return undefined;
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }
  syncSync(): void {}
}

const queue = new CommitQueue(new NowhereTarget());
const single = new WriteBatch();

function put(sync: boolean): Promise<void> {
  queue.gather(key.length + value.length).put(key, 0, key.length, value, 0, value.length);
  return queue.join(sync);
}

Deno.bench("1000 writes, each at once", { group: "1000 writes" }, () => {
  for (let i = 0; i < 1000; i++) {
    single.clear();
    single.put(key, 0, key.length, value, 0, value.length);
    queue.commitSync(single, false);
  }
});

for (const inFlight of [1, 8, 1000]) {
  for (const sync of [false, true]) {
    const how = `${inFlight} awaited together${sync ? ", durable" : ""}`;
    Deno.bench(`1000 writes, ${how}`, { group: "1000 writes" }, async () => {
      const promises: Promise<void>[] = [];
      for (let i = 0; i < 1000; i += inFlight) {
        promises.length = 0;
        for (let j = 0; j < inFlight; j++) promises.push(put(sync));
        if (inFlight === 1) await promises[0];
        else await Promise.all(promises);
      }
    });
  }
}
