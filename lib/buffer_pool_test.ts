import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type BufferPool, createBufferPool, type Poolable } from "./buffer_pool.ts";
import { generator } from "./random.ts";

const POLICIES = ["lru", "sieve"] as const;

function block(memoryBytes: number): Poolable {
  return { memoryBytes };
}

/** Reads a block of one byte as a table does, unpinning it at once. */
function touch(pool: BufferPool, owner: number, offset: number): boolean {
  const frame = pool.fetch(owner, offset);
  pool.unpin(frame >= 0 ? frame : pool.insert(owner, offset, block(1), true));
  return frame >= 0;
}

for (const policy of POLICIES) {
  Deno.test(`fetch() finds what insert() put in, and pins it (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    const content = block(10);
    assertEquals(pool.fetch(owner, 0), -1);
    const frame = pool.insert(owner, 0, content, true);
    assertStrictEquals(pool.content(frame), content);
    assertEquals(pool.fetch(owner, 0), frame);
    assertEquals(pool.stats().pinnedBytes, 10);
    pool.unpin(frame);
    assertEquals(pool.stats().pinnedBytes, 10);
    pool.unpin(frame);
    assertEquals(pool.stats(), {
      capacityBytes: 100,
      usedBytes: 10,
      pinnedBytes: 0,
      transientBytes: 0,
      frames: 1,
      hits: 1,
      misses: 1,
      evictions: 0,
      overcommits: 0,
    });
  });

  Deno.test(`locate() finds what is in memory without pinning it, by any hint (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 20, policy });
    const owner = pool.newOwner();
    assertEquals(pool.locate(owner, 0, -1), -1);
    const contents = [block(10), block(10)];
    const frames = contents.map((content, i) => pool.insert(owner, i, content, true));
    for (const frame of frames) pool.unpin(frame);
    for (const hint of [-1, ...frames]) {
      for (const offset of [0, 1]) {
        const frame = pool.locate(owner, offset, hint);
        assertEquals(frame, frames[offset], `hint ${hint}`);
        assertStrictEquals(pool.peek(frame), contents[offset]);
      }
    }
    assertEquals([pool.stats().hits, pool.stats().misses, pool.stats().pinnedBytes], [6, 0, 0]);
    // The frame of an evicted block has another one now: what was true of it is no more than a hint.
    pool.locate(owner, 0, -1);
    const scanned = pool.insert(owner, 2, block(1), false);
    assertEquals(pool.locate(owner, 2, frames[0]!), scanned, "also while it is transient");
    assertStrictEquals(pool.peek(scanned).memoryBytes, 1);
    pool.unpin(scanned);
    pool.unpin(pool.insert(owner, 3, block(20), true));
    for (const hint of [-1, ...frames, scanned]) {
      for (const offset of [0, 1, 2]) assertEquals(pool.locate(owner, offset, hint), -1);
      assertEquals(pool.peek(pool.locate(owner, 3, hint)).memoryBytes, 20);
    }
    pool.dropOwner(owner);
    for (const hint of [-1, ...frames, scanned]) assertEquals(pool.locate(owner, 3, hint), -1);
  });

  Deno.test(`insert() evicts unpinned blocks only, as few as make room (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    const pinned = pool.insert(owner, 0, block(40), true);
    for (let i = 1; i <= 3; i++) pool.unpin(pool.insert(owner, i, block(20), true));
    pool.unpin(pool.insert(owner, 4, block(30), true));
    assertEquals(pool.stats().evictions, 2);
    assertEquals(pool.stats().usedBytes, 90);
    assertEquals(pool.content(pinned).memoryBytes, 40);
    const present = [0, 1, 2, 3, 4].filter((offset) => {
      const frame = pool.fetch(owner, offset);
      if (frame >= 0) pool.unpin(frame);
      return frame >= 0;
    });
    assertEquals(present, [0, 3, 4]);
  });

  Deno.test(`insert() makes a block larger than the pool transient, evicting nothing (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    pool.unpin(pool.insert(owner, 0, block(100), true));
    const frame = pool.insert(owner, 1, block(101), true);
    assertEquals(pool.fetch(owner, 1), frame, "others find it while it is pinned");
    pool.unpin(frame);
    const { usedBytes, transientBytes, evictions, overcommits } = pool.stats();
    assertEquals({ usedBytes, transientBytes, evictions, overcommits }, {
      usedBytes: 100,
      transientBytes: 101,
      evictions: 0,
      overcommits: 1,
    });
    pool.unpin(frame);
    assertEquals(pool.stats().transientBytes, 0);
    assertEquals(pool.stats().frames, 1);
    assertEquals(pool.fetch(owner, 1), -1, "gone at its last unpin");
  });

  Deno.test(`insert() serves a block beside pinned ones that leave no room (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    const first = pool.insert(owner, 0, block(60), true);
    const second = pool.insert(owner, 1, block(60), true);
    assertEquals([pool.stats().usedBytes, pool.stats().transientBytes], [60, 60]);
    assertEquals(pool.stats().overcommits, 1);
    pool.unpin(first);
    const third = pool.insert(owner, 2, block(60), true);
    assertEquals([pool.stats().usedBytes, pool.stats().evictions], [60, 1]);
    pool.unpin(second);
    pool.unpin(third);
    assertEquals(pool.stats().frames, 1);
  });

  Deno.test(`insert() with keep false does not displace anything (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 8, policy });
    const owner = pool.newOwner();
    for (let offset = 0; offset < 8; offset++) touch(pool, owner, offset);
    for (let offset = 100; offset < 200; offset++) {
      pool.unpin(pool.insert(owner, offset, block(1), false));
      assertEquals(pool.fetch(owner, offset), -1);
    }
    for (let offset = 0; offset < 8; offset++) assert(touch(pool, owner, offset));
    assertEquals(pool.stats().overcommits, 0);
    assertEquals(pool.stats().frames, 8);
  });

  Deno.test(`dropOwner() forgets one owner's blocks; pinned ones stay readable (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 1000, policy });
    const [dropped, other] = [pool.newOwner(), pool.newOwner()];
    const content = block(10);
    const pinned = pool.insert(dropped, 0, content, true);
    const scanned = pool.insert(dropped, 1, content, false);
    for (let offset = 2; offset < 40; offset++) {
      pool.unpin(pool.insert(dropped, offset, block(1), true));
      touch(pool, other, offset);
    }
    pool.dropOwner(dropped);
    for (let offset = 0; offset < 40; offset++) assertEquals(pool.fetch(dropped, offset), -1);
    for (let offset = 2; offset < 40; offset++) assert(touch(pool, other, offset));
    assertStrictEquals(pool.content(pinned), content);
    assertStrictEquals(pool.content(scanned), content);
    assertEquals([pool.stats().usedBytes, pool.stats().transientBytes], [38, 20]);
    pool.unpin(pinned);
    pool.unpin(scanned);
    assertEquals(pool.stats().frames, 38);
    assertEquals([pool.stats().transientBytes, pool.stats().pinnedBytes], [0, 0]);
  });

  Deno.test(`B14: a pool of 8 blocks serves 1,000 tables with a block of each pinned (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 8 * 4096, policy });
    const frames: number[] = [];
    const contents: Poolable[] = [];
    for (let table = 0; table < 1000; table++) {
      const owner = pool.newOwner();
      contents.push(block(4096));
      frames.push(pool.insert(owner, 0, contents[table]!, true));
      assert(pool.stats().usedBytes <= 8 * 4096);
    }
    frames.forEach((frame, i) => assertStrictEquals(pool.content(frame), contents[i]!));
    assertEquals(pool.stats().overcommits, 992);
    for (const frame of frames) pool.unpin(frame);
    assertEquals(pool.stats().frames, 8);
    assertEquals(pool.stats().transientBytes, 0);
    assertEquals(pool.stats().usedBytes, 8 * 4096);
  });

  Deno.test(`B12: no two kinds of page share an address (${policy})`, () => {
    // Offsets of data, filter and index blocks, also far apart by powers of two, in tables opened one after another.
    const offsets = [
      0,
      1,
      4096,
      8192,
      2 ** 31,
      2 ** 32,
      2 ** 32 + 1,
      2 ** 33,
      2 ** 52,
      2 ** 53 - 1,
    ];
    const pool = createBufferPool({ capacityBytes: 1e6, policy });
    const expected = new Map<Poolable, string>();
    const owners = Array.from({ length: 300 }, () => pool.newOwner());
    assertEquals(new Set(owners).size, owners.length);
    for (const owner of owners) {
      for (const offset of offsets) {
        assertEquals(pool.fetch(owner, offset), -1, `${owner}:${offset} is not there yet`);
        const content = block(1);
        expected.set(content, `${owner}:${offset}`);
        pool.unpin(pool.insert(owner, offset, content, true));
      }
    }
    for (const owner of owners) {
      for (const offset of offsets) {
        const frame = pool.fetch(owner, offset);
        assertEquals(expected.get(pool.content(frame)), `${owner}:${offset}`);
        pool.unpin(frame);
      }
    }
  });

  Deno.test(`a pool of no bytes serves blocks and keeps none (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 0, policy });
    const owner = pool.newOwner();
    assertEquals([touch(pool, owner, 0), touch(pool, owner, 0)], [false, false]);
    assertEquals(pool.stats().frames, 0);
  });

  Deno.test(`unpin() refuses a frame that is not pinned or never was (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 10, policy });
    const owner = pool.newOwner();
    const kept = pool.insert(owner, 0, block(1), true);
    const passing = pool.insert(owner, 1, block(1), false);
    for (const frame of [kept, passing]) {
      pool.unpin(frame);
      assertThrows(() => pool.unpin(frame), Error, "as often as it was pinned");
      assertThrows(() => pool.content(frame), Error, "a frame in use is pinned");
    }
    for (const frame of [-1, 5, 1e6, 0.5]) assertThrows(() => pool.unpin(frame), Error, "bug");
    assertEquals(pool.stats().pinnedBytes, 0);
  });

  Deno.test(`insert() refuses an address that is there (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 10, policy });
    const owner = pool.newOwner();
    pool.unpin(pool.insert(owner, 0, block(1), true));
    assertThrows(() => pool.insert(owner, 0, block(1), true), Error, "only when a fetch missed it");
  });

  Deno.test(`a pool agrees with a naive one on every hit, victim and count (${policy})`, () => {
    for (let seed = 1; seed <= 30; seed++) compareWithNaive(policy, seed, 3000);
  });
}

Deno.test("createBufferPool() refuses a bad capacity or policy", () => {
  for (const capacityBytes of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => createBufferPool({ capacityBytes }), RangeError, String(capacityBytes));
  }
  const policy = "fifo" as "lru";
  assertThrows(() => createBufferPool({ capacityBytes: 1, policy }), RangeError, "fifo");
});

for (const policy of POLICIES) {
  Deno.test(`makeRoom() evicts what insert() would, and gives the last of it (${policy})`, () => {
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    assertStrictEquals(pool.makeRoom(100), undefined, "nothing has to go");
    const contents = [30, 30, 30].map(block);
    const frames = contents.map((content, i) => pool.insert(owner, i, content, true));
    assertStrictEquals(pool.makeRoom(20), undefined, "pins leave no room");
    for (const frame of frames.slice(0, 2)) pool.unpin(frame);
    assertStrictEquals(pool.makeRoom(10), undefined, "there is room");
    assertStrictEquals(pool.makeRoom(20), contents[0]);
    assertEquals([pool.stats().usedBytes, pool.stats().evictions], [60, 1]);
    assertStrictEquals(pool.makeRoom(20), undefined, "there is room now");
    assertStrictEquals(pool.makeRoom(70), contents[1]);
    assertStrictEquals(pool.makeRoom(71), undefined, "a pin leaves no room");
    pool.unpin(pool.insert(owner, 9, block(70), true));
    assertEquals([pool.stats().usedBytes, pool.stats().evictions], [100, 2]);
    assertStrictEquals(pool.content(frames[2]!), contents[2]);
    pool.unpin(frames[2]!);
  });
}

Deno.test("countTransient() counts memory of readers' own", () => {
  const pool = createBufferPool({ capacityBytes: 100 });
  pool.countTransient(500);
  const frame = pool.insert(pool.newOwner(), 0, block(10), false);
  assertEquals([pool.stats().transientBytes, pool.stats().usedBytes], [510, 0]);
  pool.unpin(frame);
  pool.countTransient(-500);
  assertEquals(pool.stats().transientBytes, 0);
  assertThrows(() => pool.countTransient(-1), Error, "given back once");
});

Deno.test("SIEVE hits more often than LRU on skewed reads, and more so with scans among them", () => {
  const hits = (policy: "lru" | "sieve", scans: boolean) => {
    const random = generator(7);
    const pool = createBufferPool({ capacityBytes: 100, policy });
    const owner = pool.newOwner();
    let count = 0;
    let scanned = 10_000;
    for (let i = 0; i < 20_000; i++) {
      // Squaring twice crowds the reads towards the low numbers.
      if (touch(pool, owner, Math.floor((random(2 ** 20) / 2 ** 20) ** 4 * 2000))) count++;
      if (scans && i % 200 === 0) { for (let n = 0; n < 60; n++) touch(pool, owner, scanned++); }
    }
    return count;
  };
  const [sieve, lru] = [hits("sieve", false), hits("lru", false)];
  const [sieveScan, lruScan] = [hits("sieve", true), hits("lru", true)];
  assert(sieve > lru * 1.03, `${sieve} against ${lru} of 20,000`);
  assert(sieveScan > lruScan * 1.06, `${sieveScan} against ${lruScan} of 20,000 with scans`);
});

/** One block of the naive pool. */
interface NaiveBlock {
  owner: number;
  offset: number;
  bytes: number;
  pins: number;
  visited: boolean;
  content: Poolable;
}

/** The same pool in arrays and `find`, and both policies as their papers tell them. */
class NaivePool {
  /** Oldest first: by last use for LRU, by arrival for SIEVE. */
  resident: NaiveBlock[] = [];
  transient: NaiveBlock[] = [];
  hand = 0;
  evictions = 0;
  constructor(readonly capacity: number, readonly policy: "lru" | "sieve") {}

  fetch(owner: number, offset: number): NaiveBlock | undefined {
    const is = (b: NaiveBlock) => b.owner === owner && b.offset === offset;
    const found = this.resident.find(is);
    if (found && this.policy === "lru") {
      this.resident = [...this.resident.filter((b) => b !== found), found];
    }
    const block = found ?? this.transient.find(is);
    if (block) {
      block.pins++;
      block.visited = true;
    }
    return block;
  }

  insert(owner: number, offset: number, content: Poolable, keep: boolean): NaiveBlock {
    const bytes = content.memoryBytes;
    const block = { owner, offset, bytes, pins: 1, visited: false, content };
    const pinned = sum(this.resident.filter((b) => b.pins > 0));
    if (!keep || pinned + bytes > this.capacity) this.transient.push(block);
    else {
      while (sum(this.resident) + bytes > this.capacity) this.evict();
      this.resident.push(block);
    }
    return block;
  }

  evict(): void {
    this.evictions++;
    if (this.policy === "lru") {
      this.resident.splice(this.resident.findIndex((b) => b.pins === 0), 1);
      return;
    }
    for (;; this.hand++) {
      const block = this.resident[this.hand %= this.resident.length]!;
      if (!block.visited && block.pins === 0) break;
      block.visited = false;
    }
    this.resident.splice(this.hand, 1);
    // The end of the queue means the start of the next round, decided when the hand moves next; but what
    // arrives in between must not slip under it.
    if (this.hand === this.resident.length) this.hand = 0;
  }

  unpin(block: NaiveBlock): void {
    block.pins--;
    if (block.pins === 0) this.transient = this.transient.filter((b) => b !== block);
  }

  drop(owner: number): void {
    for (let i = this.resident.length - 1; i >= 0; i--) {
      const block = this.resident[i]!;
      if (block.owner !== owner) continue;
      this.resident.splice(i, 1);
      if (i < this.hand) this.hand--;
      if (this.hand === this.resident.length) this.hand = 0;
      if (block.pins > 0) this.transient.push(block);
    }
    for (const block of this.transient) if (block.owner === owner) block.owner = -1;
  }
}

function sum(blocks: NaiveBlock[]): number {
  return blocks.reduce((total, block) => total + block.bytes, 0);
}

function compareWithNaive(policy: "lru" | "sieve", seed: number, steps: number): void {
  const random = generator(seed);
  const capacityBytes = 20 + random(400);
  const pool = createBufferPool({ capacityBytes, policy });
  const naive = new NaivePool(capacityBytes, policy);
  const owners = [pool.newOwner(), pool.newOwner(), pool.newOwner()];
  const held: { frame: number; block: NaiveBlock }[] = [];
  const heldMost = 1 + random(30);
  for (let step = 0; step < steps; step++) {
    const where = `seed ${seed}, step ${step}`;
    const which = random(owners.length);
    if (random(200) === 0) {
      pool.dropOwner(owners[which]!);
      naive.drop(owners[which]!);
      owners[which] = pool.newOwner();
    } else if (held.length > 0 && random(heldMost) < held.length) {
      const { frame, block } = held.splice(random(held.length), 1)[0]!;
      assertStrictEquals(pool.content(frame), block.content, where);
      pool.unpin(frame);
      naive.unpin(block);
    } else {
      const owner = owners[which]!;
      const offset = Math.min(random(40), random(40)) * 2 ** 31;
      if (random(3) === 0) {
        const hint = held.length > 0 ? held[random(held.length)]!.frame : -1;
        const located = pool.locate(owner, offset, hint);
        const wanted = naive.fetch(owner, offset);
        if (wanted !== undefined) wanted.pins--;
        assertStrictEquals(located < 0 ? undefined : pool.peek(located), wanted?.content, where);
        continue;
      }
      let frame = pool.fetch(owner, offset);
      let other = naive.fetch(owner, offset);
      assertEquals(frame >= 0, other !== undefined, `hit or miss of ${owner}:${offset}, ${where}`);
      if (other === undefined) {
        const content = block(1 + random(random(10) === 0 ? capacityBytes * 2 : 20));
        const keep = random(4) > 0;
        // To make room before makes no difference.
        if (keep && random(2) === 0) pool.makeRoom(content.memoryBytes);
        frame = pool.insert(owner, offset, content, keep);
        other = naive.insert(owner, offset, content, keep);
      }
      assertStrictEquals(pool.content(frame), other.content, where);
      held.push({ frame, block: other });
    }
    const stats = pool.stats();
    const { usedBytes, pinnedBytes, transientBytes, frames, evictions } = stats;
    assertEquals({ usedBytes, pinnedBytes, transientBytes, frames, evictions }, {
      usedBytes: sum(naive.resident),
      pinnedBytes: sum(naive.resident.filter((b) => b.pins > 0)),
      transientBytes: sum(naive.transient),
      frames: naive.resident.length + naive.transient.length,
      evictions: naive.evictions,
    }, where);
  }
}
