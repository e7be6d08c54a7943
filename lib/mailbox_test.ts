/**
 * Messages through a little memory, the ends taking turns in every order.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { mailboxMemory, MailboxReceiver, MailboxSender } from "./mailbox.ts";
import { generator } from "./random.ts";

function ends(bytes?: number): { sender: MailboxSender; receiver: MailboxReceiver } {
  const memory = mailboxMemory(bytes);
  return { sender: new MailboxSender(memory), receiver: new MailboxReceiver(memory) };
}

Deno.test("A message arrives whole and once (invariant 1)", () => {
  const { sender, receiver } = ends();
  assertEquals([receiver.hasPart, receiver.take()], [false, undefined]);
  sender.send(Uint8Array.of(1, 2, 3));
  assert(receiver.hasPart && !sender.isWaiting);
  assertEquals(receiver.take(), Uint8Array.of(1, 2, 3));
  assertEquals([receiver.hasPart, receiver.take()], [false, undefined]);
});

Deno.test("What was taken stays as it was when the next message comes", () => {
  const { sender, receiver } = ends(4);
  sender.send(Uint8Array.of(1, 2));
  const first = receiver.take()!;
  sender.send(Uint8Array.of(8, 9));
  assertEquals([first, receiver.take()], [Uint8Array.of(1, 2), Uint8Array.of(8, 9)]);
});

Deno.test("A part is not written over before it is taken (invariant 2)", () => {
  const { sender, receiver } = ends(4);
  for (const byte of [1, 2, 3]) sender.send(Uint8Array.of(byte));
  assertEquals([sender.pump(), sender.isWaiting], [false, true]);
  assertEquals(receiver.take(), Uint8Array.of(1));
  assertEquals([sender.pump(), sender.pump()], [true, false]);
  assertEquals(receiver.take(), Uint8Array.of(2));
  sender.pump();
  assertEquals([receiver.take(), sender.isWaiting], [Uint8Array.of(3), false]);
});

Deno.test("Messages of all lengths arrive in order, whoever looks when (invariant 1)", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = generator(seed);
    const { sender, receiver } = ends(1 + random(40));
    const sent: Uint8Array[] = [];
    const taken: Uint8Array[] = [];
    while (taken.length < 50) {
      if (sent.length < 50 && random(3) === 0) {
        const message = Uint8Array.from({ length: 1 + random(200) }, () => random(256));
        sent.push(message);
        sender.send(message);
      }
      if (random(2) === 0) sender.pump();
      const message = random(2) === 0 ? receiver.take() : undefined;
      if (message !== undefined) taken.push(message);
    }
    assertEquals(taken, sent, `seed ${seed}`);
    assert(!sender.isWaiting && !receiver.hasPart, `seed ${seed}`);
  }
});

Deno.test("A message of no bytes is a bug of the sender", () => {
  assertThrows(() => ends().sender.send(new Uint8Array(0)), Error, "at least one byte");
});
