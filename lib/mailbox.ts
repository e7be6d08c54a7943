/**
 * **What.** Messages of any length through a little shared memory: one thread sends, another receives, and neither ever
 * waits for the other. A message that is longer than the memory goes in parts. Unlike `postMessage` it reaches a
 * receiver that never returns to its event loop, as a caller does not who writes in a synchronous loop.
 *
 * **Format.**
 * ```text
 * memory := state int32 (0: nothing here, 1: a part that is not the last, 2: the last part), length int32, area
 * ```
 *
 * **Invariants.**
 * 1. Messages arrive whole, once, and in the order in which they were sent.
 * 2. Only the sender writes while the state is 0, and only the receiver reads and sets it back while it is not.
 *
 * **Read next.** `job_messages.ts`
 *
 * @module
 */
import { invariant } from "./invariant.ts";

const STATE = 0;
const LENGTH = 1;
const HEADER_BYTES = 8;

const NOTHING = 0;
const PART = 1;
const LAST_PART = 2;

/** Size of a mailbox unless another is asked for: what a job comes to fits into it, unless its keys are long. */
export const MAILBOX_BYTES: number = 64 * 1024;

/**
 * Makes the memory of a mailbox.
 *
 * @param bytes Length of the longest part.
 * @returns The memory, to be given to a sender and a receiver.
 */
export function mailboxMemory(bytes: number = MAILBOX_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + bytes);
}

/**
 * The end that messages are put in at.
 *
 * @example From one end to the other
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mailboxMemory, MailboxReceiver, MailboxSender } from "./mailbox.ts";
 *
 * const memory = mailboxMemory(4);
 * const sender = new MailboxSender(memory);
 * const receiver = new MailboxReceiver(memory);
 * sender.send(Uint8Array.of(1, 2, 3, 4, 5));
 * assertEquals(receiver.take(), undefined); // the first four bytes
 * sender.pump();
 * assertEquals(receiver.take(), Uint8Array.of(1, 2, 3, 4, 5));
 * ```
 */
export class MailboxSender {
  readonly #words: Int32Array;
  readonly #area: Uint8Array;
  readonly #waiting: Uint8Array[] = [];
  /** How much of the first message that waits is on its way or there. */
  #sent = 0;

  /**
   * Makes the sending end.
   *
   * @param memory The memory, which nobody else sends through.
   */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 2);
    this.#area = new Uint8Array(memory, HEADER_BYTES);
  }

  /** Whether something waits for room. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Sends a message as soon as those before it are gone.
   *
   * @param message At least one byte, not to be changed any more.
   */
  send(message: Uint8Array): void {
    invariant(message.length > 0, "a message has at least one byte");
    this.#waiting.push(message);
    this.pump();
  }

  /**
   * Puts the next part in if there is one, and room for it. To be called when the receiver has taken one.
   *
   * @returns Whether it did.
   */
  pump(): boolean {
    const message = this.#waiting[0];
    if (message === undefined || Atomics.load(this.#words, STATE) !== NOTHING) return false;
    const part = message.subarray(this.#sent, this.#sent + this.#area.length);
    this.#area.set(part);
    this.#words[LENGTH] = part.length;
    this.#sent += part.length;
    const isLast = this.#sent === message.length;
    if (isLast) {
      this.#waiting.shift();
      this.#sent = 0;
    }
    Atomics.store(this.#words, STATE, isLast ? LAST_PART : PART); // publishes the rest
    return true;
  }
}

/** The end that messages are taken out at. */
export class MailboxReceiver {
  readonly #words: Int32Array;
  readonly #area: Uint8Array;
  #parts: Uint8Array[] = [];

  /**
   * Makes the receiving end.
   *
   * @param memory The memory, which nobody else receives from.
   */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 2);
    this.#area = new Uint8Array(memory, HEADER_BYTES);
  }

  /** Whether there is a part to be taken. */
  get hasPart(): boolean {
    return Atomics.load(this.#words, STATE) !== NOTHING;
  }

  /**
   * Takes a part, after which the sender may put the next one in.
   *
   * @returns The message, if it was the last part of one.
   */
  take(): Uint8Array | undefined {
    const state = Atomics.load(this.#words, STATE);
    if (state === NOTHING) return undefined;
    this.#parts.push(Uint8Array.from(this.#area.subarray(0, this.#words[LENGTH]!)));
    Atomics.store(this.#words, STATE, NOTHING);
    if (state !== LAST_PART) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    if (parts.length === 1) return parts[0]!;
    const message = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      message.set(part, at);
      at += part.length;
    }
    return message;
  }
}
