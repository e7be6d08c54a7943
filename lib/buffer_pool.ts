/**
 * **What.** The blocks of all tables that are in memory, uncompressed, within a limit of bytes: data, index and
 * filter blocks alike. A reader *fetches* a block by its address, which pins it; while it is pinned it stays;
 * *unpinned*, it may be evicted to make room. A get, which is done with a block before anything else happens,
 * only *locates* it: no pin, and no search if it is where it was the last time. What sits in a frame is the
 * caller's object; the pool knows only its size.
 *
 * **Format.** Everything about a frame is in typed arrays indexed by its number, so that a hit allocates
 * nothing and the collector has one object a block to look at, the block itself.
 * ```text
 * address  := owner, offset                 an open table, and the block's position in its file
 * buckets  : hash of an address → frame     chained through #nextInBucket
 * resident : counted in usedBytes, evictable when not pinned
 * transient: pinned, outside the limit, gone at its last unpin
 * ```
 *
 * **Invariants.**
 * 1. `usedBytes <= capacityBytes`, always.
 * 2. A pinned frame keeps its content. A frame that nobody has pinned is resident. What is evicted may be written to
 *    by who asked for room: it is not looked at any more.
 * 3. No two frames have one address. An owner's number is given out once, so that blocks of two tables, or of
 *    one file opened twice, are never taken for each other.
 * 4. Insertion always succeeds: when pins leave no room for a block, or it is larger than the whole pool,
 *    it is served as a transient frame. Any number of tables can be read through a pool of a few blocks.
 *
 * **Read next.** `table_format.ts`
 *
 * @module
 */
import { invariant } from "./invariant.ts";
import { type EvictionPolicy, LruPolicy } from "./lru_policy.ts";
import { SievePolicy } from "./sieve_policy.ts";

/** What a frame can hold. */
export interface Poolable {
  /** Memory that it takes, in bytes; it does not change while it is in the pool. */
  readonly memoryBytes: number;
}

/**
 * What a buffer pool holds now, and what happened since it was created.
 *
 * @example How many reads needed no disk
 * ```ts
 * import { MemoryFileSystem, open } from "@varve/varve";
 * import { assertEquals } from "@std/assert";
 *
 * await using db = await open("data", { fileSystem: new MemoryFileSystem() });
 * await db.put("key", "value");
 * await db.flush(); // the next reads are of a table
 * for (let i = 0; i < 10; i++) await db.get("key");
 * const { hits, misses } = db.stats().pool;
 * assertEquals(misses, 3); // its index, its filter and a block
 * assertEquals(hits / (hits + misses) > 0.8, true);
 * ```
 *
 * @category Statistics
 */
export interface BufferPoolStats {
  /** The limit. */
  readonly capacityBytes: number;
  /** Bytes of the resident blocks, pinned or not; at most the limit. */
  readonly usedBytes: number;
  /** Bytes of those resident blocks that are pinned. */
  readonly pinnedBytes: number;
  /** Bytes of the transient blocks, and of what cursors read ahead to: in use, and outside the limit. */
  readonly transientBytes: number;
  /** How many blocks there are, resident and transient. */
  readonly frames: number;
  /** Fetches that found their block. */
  readonly hits: number;
  /** Fetches that did not. */
  readonly misses: number;
  /** Blocks that made room for others. */
  readonly evictions: number;
  /** Blocks that were to be kept and had to be transient, since pins left no room for them. */
  readonly overcommits: number;
}

/** A bounded set of blocks in memory. Frames are small integers that are reused. */
export interface BufferPool {
  /** The limit, in bytes. */
  readonly capacityBytes: number;
  /** A number that was never given out before, for the blocks of one open table. */
  newOwner(): number;
  /**
   * Pins a block that is in memory.
   *
   * @param owner What {@linkcode newOwner} gave.
   * @param offset Where the block is in its file.
   * @returns The block's frame, to be unpinned once; or -1 if it is not in memory.
   */
  fetch(owner: number, offset: number): number;
  /**
   * Puts in, and pins, a block that a {@linkcode fetch} just missed.
   *
   * @param owner What {@linkcode newOwner} gave.
   * @param offset Where the block is in its file.
   * @param content The block.
   * @param keep Whether to keep it after its last unpin. False for a scan that should not push out what is
   *   in use; the block is transient then.
   * @returns The block's frame, to be unpinned once.
   */
  insert(owner: number, offset: number, content: Poolable, keep: boolean): number;
  /**
   * Evicts what has to go for a block to be kept, before it is read, so that it can be read to the memory of one that
   * went. An {@linkcode insert} does the same for who does not care.
   *
   * @param bytes Memory that the block will take.
   * @returns The block evicted last, which nobody uses any more; `undefined` if none had to go, or if pins leave no
   *   room, so that the block will be transient.
   */
  makeRoom(bytes: number): Poolable | undefined;
  /**
   * Counts memory of a reader's own, which the pool does not hold, among the transient bytes.
   *
   * @param bytes How much more it is now, or below 0 how much less.
   */
  countTransient(bytes: number): void;
  /**
   * Finds a block that is in memory without pinning it, for who looks at it at once: the next insertion may evict it.
   *
   * @param owner What {@linkcode newOwner} gave.
   * @param offset Where the block is in its file.
   * @param hint The frame where it was the last time, or -1. If it is there still, nothing has to be searched.
   * @returns The block's frame, or -1 if it is not in memory. That is not counted as a miss yet: who needs the block
   *   fetches it then.
   */
  locate(owner: number, offset: number, hint: number): number;
  /** The block in a frame that {@linkcode locate} just gave. */
  peek(frame: number): Poolable;
  /** The block in a pinned frame. */
  content(frame: number): Poolable;
  /** Takes back one pin of a frame. After the last one the frame may be reused at any moment. */
  unpin(frame: number): void;
  /** Forgets all blocks of an owner. Pinned ones can be used until their last unpin, and not be fetched. */
  dropOwner(owner: number): void;
  /** What the pool holds now, and what happened since it was created. */
  stats(): BufferPoolStats;
}

/** Options of {@linkcode createBufferPool}. */
export interface BufferPoolOptions {
  /** How much the blocks in memory may take, in bytes. 0 keeps none. */
  capacityBytes: number;
  /**
   * How to choose what makes room.
   *
   * @default {"sieve"}
   */
  policy?: "lru" | "sieve";
}

/**
 * Makes an empty buffer pool.
 *
 * @example Reading a block through the pool
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createBufferPool } from "./buffer_pool.ts";
 *
 * const pool = createBufferPool({ capacityBytes: 8192 });
 * const table = pool.newOwner();
 * function read(offset: number): number {
 *   const frame = pool.fetch(table, offset);
 *   if (frame >= 0) return frame;
 *   return pool.insert(table, offset, { memoryBytes: 4096 }, true); // from a file, say
 * }
 * for (const offset of [0, 4096, 0, 8192]) pool.unpin(read(offset));
 * const { hits, misses, evictions, usedBytes } = pool.stats();
 * assertEquals({ hits, misses, evictions, usedBytes }, { hits: 1, misses: 3, evictions: 1, usedBytes: 8192 });
 * ```
 *
 * @param options Size and policy.
 * @returns The pool.
 * @throws {RangeError} If the capacity is not a whole number of bytes, or there is no such policy.
 */
export function createBufferPool(options: BufferPoolOptions): BufferPool {
  const { capacityBytes, policy = "sieve" } = options;
  if (!Number.isSafeInteger(capacityBytes) || capacityBytes < 0) {
    throw new RangeError(
      `Cannot create buffer pool: capacity must be a whole number of bytes: ${capacityBytes}`,
    );
  }
  if (policy !== "lru" && policy !== "sieve") {
    throw new RangeError(`Cannot create buffer pool: no such policy: ${policy}`);
  }
  return new FramePool(capacityBytes, policy === "lru" ? new LruPolicy() : new SievePolicy());
}

/** No frame: the end of a chain, a miss. */
const NONE = -1;
/** The owner of a frame that cannot be fetched: it is free, or its owner was dropped while it was pinned. */
const NOBODY = -1;
const INITIAL_FRAMES = 64;

class FramePool implements BufferPool {
  readonly capacityBytes: number;
  readonly #policy: EvictionPolicy;

  /** Owner and offset of each frame, side by side, since a lookup needs both. Offsets may exceed 32 bits. */
  #addresses = new Float64Array(0);
  #contents: (Poolable | undefined)[] = [];
  #bytes = new Float64Array(0);
  #pins = new Int32Array(0);
  #transient = new Uint8Array(0);
  /** The next frame of the same bucket; for a free frame, the next free one. */
  #nextInBucket = new Int32Array(0);
  /** First frame of each bucket. Their number is a power of two, not below the number of frames. */
  #buckets = new Int32Array(0);
  #free = NONE;
  #frameCount = 0;

  #lastOwner = 0;
  #usedBytes = 0;
  #pinnedBytes = 0;
  #transientBytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #overcommits = 0;

  constructor(capacityBytes: number, policy: EvictionPolicy) {
    this.capacityBytes = capacityBytes;
    this.#policy = policy;
    this.#grow(INITIAL_FRAMES);
  }

  newOwner(): number {
    return ++this.#lastOwner;
  }

  fetch(owner: number, offset: number): number {
    const frame = this.#find(owner, offset);
    if (frame === NONE) {
      this.#misses++;
      return NONE;
    }
    this.#hits++;
    const pins = this.#pins[frame]!;
    this.#pins[frame] = pins + 1;
    if (this.#transient[frame] === 0) {
      if (pins === 0) this.#pinnedBytes += this.#bytes[frame]!;
      this.#policy.touch(frame);
    }
    return frame;
  }

  locate(owner: number, offset: number, hint: number): number {
    const addresses = this.#addresses;
    let frame = hint;
    // Frames may have new addresses by now, but there never get fewer of them.
    if (hint < 0 || addresses[2 * hint + 1] !== offset || addresses[2 * hint] !== owner) {
      frame = this.#find(owner, offset);
      if (frame === NONE) return NONE;
    }
    this.#hits++;
    if (this.#transient[frame] === 0) this.#policy.touch(frame);
    return frame;
  }

  peek(frame: number): Poolable {
    const content = this.#contents[frame];
    invariant(content !== undefined, "a frame that was located has a content");
    return content;
  }

  insert(owner: number, offset: number, content: Poolable, keep: boolean): number {
    const bytes = content.memoryBytes;
    invariant(bytes >= 0, "a block has a size");
    invariant(
      this.#find(owner, offset) === NONE,
      "a block is inserted only when a fetch missed it",
    );
    const resident = keep && this.#canKeep(bytes);
    if (resident) this.makeRoom(bytes);
    const frame = this.#takeFrame();
    this.#contents[frame] = content;
    this.#bytes[frame] = bytes;
    this.#pins[frame] = 1;
    this.#link(frame, owner, offset);
    if (resident) {
      this.#transient[frame] = 0;
      this.#usedBytes += bytes;
      this.#pinnedBytes += bytes;
      this.#policy.add(frame);
    } else {
      this.#transient[frame] = 1;
      this.#transientBytes += bytes;
      if (keep) this.#overcommits++;
    }
    return frame;
  }

  makeRoom(bytes: number): Poolable | undefined {
    let evicted: Poolable | undefined;
    if (!this.#canKeep(bytes)) return undefined;
    while (this.#usedBytes + bytes > this.capacityBytes) {
      const victim = this.#policy.victim(this.#pins);
      evicted = this.#contents[victim];
      this.#leave(victim);
      this.#release(victim);
      this.#evictions++;
    }
    return evicted;
  }

  countTransient(bytes: number): void {
    this.#transientBytes += bytes;
    invariant(this.#transientBytes >= 0, "memory is given back once");
  }

  content(frame: number): Poolable {
    const content = this.#contents[frame];
    invariant(content !== undefined && this.#pins[frame]! > 0, "a frame in use is pinned");
    return content;
  }

  unpin(frame: number): void {
    const pins = this.#pins[frame]!;
    // Also false for a frame that never was: its number of pins is undefined.
    invariant(pins > 0, "a frame is unpinned as often as it was pinned");
    this.#pins[frame] = pins - 1;
    if (pins > 1) return;
    if (this.#transient[frame] === 0) this.#pinnedBytes -= this.#bytes[frame]!;
    else {
      this.#transientBytes -= this.#bytes[frame]!;
      this.#release(frame);
    }
  }

  /** Looks at every frame: 1 ns each, once in the life of a table, against a list per owner in every insert. */
  dropOwner(owner: number): void {
    invariant(owner > 0, "an owner's number comes from newOwner");
    for (let frame = 0; frame < this.#pins.length; frame++) {
      if (this.#addresses[2 * frame] !== owner) continue;
      if (this.#transient[frame] !== 0) {
        this.#unlink(frame);
      } else if (this.#pins[frame] === 0) {
        this.#leave(frame);
        this.#release(frame);
      } else {
        const bytes = this.#bytes[frame]!;
        this.#leave(frame);
        this.#unlink(frame);
        this.#pinnedBytes -= bytes;
        this.#transientBytes += bytes;
        this.#transient[frame] = 1;
      }
    }
  }

  stats(): BufferPoolStats {
    return {
      capacityBytes: this.capacityBytes,
      usedBytes: this.#usedBytes,
      pinnedBytes: this.#pinnedBytes,
      transientBytes: this.#transientBytes,
      frames: this.#frameCount,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      overcommits: this.#overcommits,
    };
  }

  /** Whether pinned blocks leave room for `bytes` more. */
  #canKeep(bytes: number): boolean {
    return bytes <= this.capacityBytes - this.#pinnedBytes;
  }

  /** Ends a frame's residence; it keeps its address. */
  #leave(frame: number): void {
    this.#policy.remove(frame);
    this.#usedBytes -= this.#bytes[frame]!;
  }

  /** Empties a frame that nobody has pinned, for the next insertion. */
  #release(frame: number): void {
    if (this.#addresses[2 * frame] !== NOBODY) this.#unlink(frame);
    this.#contents[frame] = undefined;
    this.#nextInBucket[frame] = this.#free;
    this.#free = frame;
    this.#frameCount--;
  }

  #takeFrame(): number {
    if (this.#free === NONE) this.#grow(this.#pins.length * 2);
    const frame = this.#free;
    this.#free = this.#nextInBucket[frame]!;
    this.#frameCount++;
    return frame;
  }

  /** The frame of an address, or NONE. */
  #find(owner: number, offset: number): number {
    const addresses = this.#addresses;
    let frame = this.#buckets[bucketOf(owner, offset, this.#buckets.length)]!;
    while (
      frame !== NONE && (addresses[2 * frame + 1] !== offset || addresses[2 * frame] !== owner)
    ) frame = this.#nextInBucket[frame]!;
    return frame;
  }

  /** Gives a frame an address, by which it can be fetched. */
  #link(frame: number, owner: number, offset: number): void {
    this.#addresses[2 * frame] = owner;
    this.#addresses[2 * frame + 1] = offset;
    const bucket = bucketOf(owner, offset, this.#buckets.length);
    this.#nextInBucket[frame] = this.#buckets[bucket]!;
    this.#buckets[bucket] = frame;
  }

  /** Takes a frame's address away. */
  #unlink(frame: number): void {
    const owner = this.#addresses[2 * frame]!;
    const bucket = bucketOf(owner, this.#addresses[2 * frame + 1]!, this.#buckets.length);
    const next = this.#nextInBucket[frame]!;
    let before = this.#buckets[bucket]!;
    if (before === frame) this.#buckets[bucket] = next;
    else {
      while (this.#nextInBucket[before] !== frame) before = this.#nextInBucket[before]!;
      this.#nextInBucket[before] = next;
    }
    this.#addresses[2 * frame] = NOBODY;
  }

  /** Adds frames, all of them free, and spreads those that have an address over as many buckets. */
  #grow(frameCount: number): void {
    const oldCount = this.#pins.length;
    this.#addresses = grown(this.#addresses, new Float64Array(2 * frameCount));
    this.#bytes = grown(this.#bytes, new Float64Array(frameCount));
    this.#pins = grown(this.#pins, new Int32Array(frameCount));
    this.#transient = grown(this.#transient, new Uint8Array(frameCount));
    this.#nextInBucket = grown(this.#nextInBucket, new Int32Array(frameCount));
    this.#buckets = new Int32Array(frameCount).fill(NONE);
    this.#policy.grow(frameCount);
    for (let frame = 0; frame < oldCount; frame++) {
      const owner = this.#addresses[2 * frame]!;
      if (owner !== NOBODY) this.#link(frame, owner, this.#addresses[2 * frame + 1]!);
    }
    for (let frame = frameCount - 1; frame >= oldCount; frame--) {
      this.#addresses[2 * frame] = NOBODY;
      this.#contents[frame] = undefined;
      this.#nextInBucket[frame] = this.#free;
      this.#free = frame;
    }
  }
}

/** Copies an array into a larger one. */
function grown<T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/**
 * Spreads addresses over a power-of-two number of buckets. Offsets are often multiples of a block's size and
 * owners are consecutive: multiplications by odd constants carry both into the high bits, of which the
 * bucket is made. Offsets that differ by a multiple of 2^32 share a bucket, nothing more.
 */
function bucketOf(owner: number, offset: number, bucketCount: number): number {
  let hash = Math.imul(owner | 0, 0x9e3779b1) ^ (offset | 0);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 16)) & (bucketCount - 1);
}
