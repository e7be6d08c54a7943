/**
 * **What.** Group commit: who waits for which write and which sync. Writes that are asked for in one turn of
 * the event loop are gathered into one record of the log and share one promise; while a sync is under way
 * further groups are written behind it, and all of them share the next one. So a thousand callers who await
 * durable puts cost a few syncs, not a thousand.
 *
 * **Invariants.**
 * 1. Writes reach the target in the order in which they were asked for, synchronous ones included.
 * 2. A promise for an unsynced write resolves after its group was written; for a synced write after a sync that
 *    was *started* after its group was written. No promise resolves earlier, and none is left pending.
 * 3. A failed write rejects every member of its group; a failed sync rejects everyone who waited for it. Neither
 *    is tried again here.
 * 4. A group is bounded: one that would grow over {@linkcode GROUP_BYTES_MAX} is written at once.
 * 5. Writes that are all awaited are written when the target has room for them; one that is not awaited, or a group
 *    that is full, is not kept waiting here. A large batch is written at once, too; who awaits it waits afterwards.
 * 6. In the middle of a write, and of other work that somebody is told of, nothing is written at once: that is an
 *    error, and what is awaited has its turn later.
 *
 * Source: the idea is LevelDB's `DBImpl::BuildBatchGroup`; promises take the place of its condition variables.
 *
 * **Read next.** `compression.ts`
 *
 * @module
 */
import { WriteBatch } from "./write_batch.ts";

/** What the queue writes to. */
export interface CommitTarget {
  /** Writes a group to the log and makes it visible. Throws if it did not. */
  write(group: WriteBatch): void;
  /**
   * What a group should wait for before it is written.
   *
   * @param group The group, which may grow meanwhile.
   * @returns A promise that never rejects, after which to ask again; none if it should not wait.
   */
  room(group: WriteBatch): Promise<void> | undefined;
  /** Whether it is telling somebody of its work, who may come back with writes. */
  readonly isTelling?: boolean;
  /** Makes everything written before the call durable. */
  sync(): Promise<void>;
  /** The same, holding up the caller. */
  syncSync(): void;
}

/** A pending group is written at once when it holds this many bytes. */
export const GROUP_BYTES_MAX: number = 1 << 20;

type Waiter = PromiseWithResolvers<void>;

/** The queue of one database. */
export class CommitQueue {
  readonly #target: CommitTarget;
  #group = new WriteBatch();
  /** The group before, to be used again; none while it is being written. */
  #spare: WriteBatch | undefined = new WriteBatch();
  /** Whether the target is at work. It may call others, such as a logger, who may come back with writes. */
  #isWriting = false;
  #isScheduled = false;
  /** Shared by everyone in the pending group who does not wait for a sync. */
  #written: Waiter | undefined;
  /** Shared by everyone in the pending group who does. */
  #synced: Waiter | undefined;
  /** Groups written, and waiting for a sync that starts after now. */
  #awaitingSync: Waiter[] = [];
  #syncing: Promise<void> | undefined;

  /**
   * Makes a queue.
   *
   * @param target What it writes to.
   */
  constructor(target: CommitTarget) {
    this.#target = target;
  }

  /**
   * The group being gathered: the caller adds its records to it and then calls {@linkcode join}, without awaiting
   * anything in between.
   *
   * @param bytes How many bytes are about to be added.
   * @returns The group.
   */
  gather(bytes: number): WriteBatch {
    if (this.isFullFor(bytes)) this.flush();
    return this.#group;
  }

  /**
   * Whether {@linkcode gather} would write the pending group first.
   *
   * @param bytes How many bytes are about to be added.
   * @returns True if it is too full for them.
   */
  isFullFor(bytes: number): boolean {
    return this.#group.count > 0 && this.#group.byteLength + bytes > GROUP_BYTES_MAX;
  }

  /**
   * Waits for the group that the caller has just added to.
   *
   * @param sync Whether to wait until it is durable.
   * @returns A promise shared with the others of the group.
   */
  join(sync: boolean): Promise<void> {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => this.#flushWithRoom());
    }
    if (sync) return (this.#synced ??= Promise.withResolvers<void>()).promise;
    return (this.#written ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Writes a batch now, after whatever is pending (invariant 1).
   *
   * @param batch The batch.
   * @param sync Whether it is durable when this returns.
   */
  commitSync(batch: WriteBatch, sync: boolean): void {
    this.flush();
    this.#write(batch);
    if (sync) this.#target.syncSync();
  }

  /**
   * Writes a batch now, after whatever is pending, without copying it into a group: for large ones. The room that it
   * did not wait for is waited for after it: promises fulfilled at once would keep the event loop from its turn. In the
   * middle of other work it is copied all the same, and written later (invariant 6).
   *
   * @param batch The batch.
   * @param sync Whether to wait until it is durable.
   * @returns A promise for it.
   */
  commit(batch: WriteBatch, sync: boolean): Promise<void> {
    if (this.#isBusy) {
      this.#group.append(batch);
      return this.join(sync);
    }
    try {
      this.flush();
      this.#write(batch);
    } catch (error) {
      return Promise.reject(error);
    }
    if (!sync) return this.#whenRoom();
    const waiter = Promise.withResolvers<void>();
    this.#await(waiter);
    return waiter.promise;
  }

  /** Writes the pending group, if there is one. Failures go to those who wait for it. */
  flush(): void {
    if (this.#isBusy) return; // what was added meanwhile has a turn of its own
    this.#isScheduled = false;
    const group = this.#group;
    if (group.count === 0) return;
    this.#group = this.#spare ?? new WriteBatch();
    this.#spare = undefined;
    const written = this.#written;
    const synced = this.#synced;
    this.#written = undefined;
    this.#synced = undefined;
    try {
      this.#write(group);
    } catch (error) {
      written?.reject(error);
      synced?.reject(error);
      return;
    } finally {
      group.clear();
      // The same one is next, if nobody has come meanwhile: what has been made for its memory serves again.
      this.#spare = this.#group;
      if (this.#spare.count === 0) this.#group = group;
      else this.#spare = group;
    }
    written?.resolve();
    if (synced !== undefined) this.#await(synced);
  }

  /** The same as soon as there is room for the group. */
  #flushWithRoom(): void {
    const room = this.#group.count > 0 ? this.#target.room(this.#group) : undefined;
    if (room === undefined) this.flush();
    else room.then(() => this.#flushWithRoom());
  }

  /** Waits until there is room for the pending group, whatever it has by then. Never rejects. */
  async #whenRoom(): Promise<void> {
    for (let room; (room = this.#target.room(this.#group)) !== undefined;) await room;
  }

  /**
   * Throws in the middle of a write, or of other work. Nothing can be written at once there, by a logger for instance:
   * it would come before what is being written, or into it, or find a tree that is being changed. Writes that are
   * awaited can be asked for; their turn comes later.
   */
  assertIdle(): void {
    if (!this.#isBusy) return;
    const what = this.#isWriting ? "another write" : "other work";
    throw new Error(
      `Cannot write at once: ${what} is under way; loggers and listeners may await one`,
    );
  }

  /** Whether nothing can be written at once (invariant 6). */
  get #isBusy(): boolean {
    return this.#isWriting || this.#target.isTelling === true;
  }

  /** Does something that no write may come in the middle of. */
  exclusively(body: () => void): void {
    this.assertIdle();
    this.#isWriting = true;
    try {
      body();
    } finally {
      this.#isWriting = false;
    }
  }

  #write(batch: WriteBatch): void {
    this.assertIdle();
    this.#isWriting = true;
    try {
      this.#target.write(batch);
    } finally {
      this.#isWriting = false;
    }
  }

  /** Writes what is pending and waits until no sync is under way. Never rejects. */
  async drain(): Promise<void> {
    while (this.#group.count > 0) {
      const room = this.#target.room(this.#group);
      // In the middle of a write there is nothing to be done but to come again.
      if (room === undefined && !this.#isBusy) this.flush();
      else await room;
    }
    while (this.#syncing !== undefined) await this.#syncing;
  }

  #await(waiter: Waiter): void {
    this.#awaitingSync.push(waiter);
    this.#syncing ??= this.#syncAll();
  }

  /** Syncs until nobody waits for one. */
  async #syncAll(): Promise<void> {
    while (this.#awaitingSync.length > 0) {
      const waiters = this.#awaitingSync;
      this.#awaitingSync = [];
      try {
        await this.#target.sync();
        for (const waiter of waiters) waiter.resolve();
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error);
      }
    }
    this.#syncing = undefined;
  }
}
