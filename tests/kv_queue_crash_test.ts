/**
 * **What.** Power cuts and kills while a queue is at work: at every change of the disk it is taken as a power cut would
 * leave it, and when a message is handed out also as it is. Each of these disks is opened and its queue looked at.
 *
 * **Invariants.**
 * 1. After a power cut, a message whose enqueueing was acknowledged and whose handler was not done is there, once, or
 *    its value is under all of its keys: never both, and never under some of them.
 * 2. After the death of the process, a message whose handler was done when another message was taken is not there.
 * 3. The seed is in every failure.
 *
 * **Read next.** `../lib/kv_queue.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { decodeMessage } from "../lib/kv_queue_message.ts";
import { generator } from "../lib/random.ts";
import { SimulatedFileSystem } from "../lib/simulated_file_system.ts";
import { ManualClock, QueueInTest, settle } from "./fixtures/kv_queue_host.ts";
import { copyOf } from "./fixtures/disk_copies.ts";
import type { FileSystem } from "../lib/file_system.ts";

const SEEDS = 6;
const MESSAGES = 40;

/** What was known when the disk was taken. */
interface Moment {
  readonly disk: FileSystem;
  readonly isKill: boolean;
  readonly acknowledged: ReadonlySet<number>;
  readonly done: ReadonlySet<number>;
}

/** Every third message is handled well, every third at the second try, and every third never. */
function fails(message: number, tries: number): boolean {
  return message % 3 === 2 || (message % 3 === 1 && tries === 1);
}

async function momentsOf(seed: number): Promise<Moment[]> {
  const random = generator(seed);
  const disk = new SimulatedFileSystem({ seed });
  const moments: Moment[] = [];
  const acknowledged = new Set<number>();
  const done = new Set<number>();
  const take = (isKill: boolean) => {
    moments.push({
      disk: isKill ? copyOf(disk) : disk.crash(random(1000) + 2),
      isKill,
      acknowledged: new Set(acknowledged),
      done: new Set(done),
    });
  };
  await using kv = new QueueInTest(disk);
  disk.onMutation = () => random(4) === 0 && take(false);
  const tries = new Map<number, number>();
  kv.queue.listen(async (value) => {
    const message = value as number;
    const count = (tries.get(message) ?? 0) + 1;
    tries.set(message, count);
    if (random(3) === 0) take(true);
    for (let i = random(4); i > 0; i--) await settle();
    if (fails(message, count)) throw new Error("as it should");
    done.add(message);
  });
  for (let message = 0; message < MESSAGES; message++) {
    const keysIfUndelivered = message % 3 === 2 ? [["lost", message], ["again", message]] : [];
    const options = { delay: random(30), backoffSchedule: [random(20)], keysIfUndelivered };
    const enqueued = kv.enqueue([message], options, true).then(() => acknowledged.add(message));
    if (random(2) === 0) await enqueued;
    await kv.clock.pass(random(10));
  }
  while (kv.length > 0) await kv.clock.pass(10);
  disk.onMutation = undefined;
  take(true);
  return moments;
}

async function check({ disk, isKill, acknowledged, done }: Moment, where: string): Promise<void> {
  await using kv = new QueueInTest(disk, new ManualClock(), MESSAGES);
  const waiting = [...kv.database.valuesSync({ prefix: Uint8Array.of(3) })]
    .map((value) => kv.deserialize(decodeMessage(value).payload) as number);
  assertEquals(waiting.length, new Set(waiting).size, `${where}: a message is there twice`);
  for (let message = 0; message < MESSAGES; message++) {
    const lost = ["lost", "again"].map((name) => kv.undelivered(`${name}/${message}`));
    assertEquals(lost[0], lost[1], `${where}: ${message} is under one of its keys`);
    const isThere = waiting.includes(message);
    const isLost = lost[0] === message;
    assert(!(isThere && isLost), `${where}: ${message} is in the queue, and under its keys`);
    if (acknowledged.has(message) && !done.has(message)) {
      assert(isThere || isLost, `${where}: ${message} was acknowledged, and is gone`);
    }
    if (isKill && done.has(message)) {
      assert(!isThere, `${where}: ${message} was finished, and comes again`);
    }
  }
}

Deno.test("No message is lost in a crash, and a finished one comes again after a power cut only", async () => {
  let cuts = 0;
  let kills = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const moments = await momentsOf(seed);
    for (const [index, moment] of moments.entries()) {
      moment.isKill ? kills++ : cuts++;
      await check(moment, `seed ${seed}, moment ${index}`);
    }
  }
  assert(cuts > 100 && kills > 100, `only ${cuts} power cuts and ${kills} kills`);
});
