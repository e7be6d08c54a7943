/**
 * What a message may ask for, and its bytes.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { compareBytes } from "./bytes.ts";
import {
  BACKOFF_MS_MAX,
  decodeMessage,
  DEFAULT_BACKOFF_SCHEDULE,
  DELAY_MS_MAX,
  encodeMessage,
  encodeMessageKey,
  messageDeadline,
  type MessageOptions,
  postponedMessageKey,
  prepareMessage,
} from "./kv_queue_message.ts";

const codec = {
  encodeKey: (key: readonly unknown[]) => Uint8Array.from(key as number[]),
  serialize: (value: unknown) => {
    if (typeof value === "function") throw new TypeError("no functions");
    return Uint8Array.of(7, value as number);
  },
};

function prepare(options?: unknown) {
  return prepareMessage(1, options as MessageOptions, codec);
}

function versionstamp(commit: number): Uint8Array {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(4, commit);
  return bytes;
}

Deno.test("A message without options is delivered at once and tried again five times", () => {
  assertEquals(prepare(), {
    delayMs: 0,
    backoff: DEFAULT_BACKOFF_SCHEDULE,
    undeliveredKeys: [],
    payload: Uint8Array.of(7, 1),
    byteLength: 2,
  });
});

Deno.test("A message has what it was asked to have", () => {
  const options = { delay: 12.7, backoffSchedule: [1.5, 0], keysIfUndelivered: [[1, 2], [3]] };
  assertEquals(prepare(options), {
    delayMs: 12,
    backoff: [1, 0],
    undeliveredKeys: [Uint8Array.of(1, 2), Uint8Array.of(3)],
    payload: Uint8Array.of(7, 1),
    byteLength: 2 + 8,
  });
  assertEquals(prepare({ delay: DELAY_MS_MAX }).delayMs, DELAY_MS_MAX);
  assertEquals(prepare({ delay: null, keysIfUndelivered: null }).delayMs, 0);
  assertEquals(prepare({ backoffSchedule: [BACKOFF_MS_MAX] }).backoff, [BACKOFF_MS_MAX]);
});

Deno.test("What is not a message is refused, and the error names the value (invariant 2)", () => {
  const wrong: [unknown, string][] = [
    [3, "options must be an object, got 3 (number)"],
    [{ delay: -1 }, "delay must be from 0 to 2592000000 ms, which is 30 days, got -1 (number)"],
    [{ delay: NaN }, "got NaN"],
    [{ delay: DELAY_MS_MAX + 1 }, "got 2592000001"],
    [{ delay: Infinity }, "got Infinity"],
    [{ delay: "1" }, 'got "1"'],
    [{ delay: 1n }, "got 1 (bigint)"],
    [{ backoffSchedule: null }, "backoffSchedule must be an array, got null"],
    [{ backoffSchedule: 3 }, "backoffSchedule must be an array, got 3"],
    [{ backoffSchedule: [1, 2, 3, 4, 5, 6] }, "at most 5 intervals, got 6"],
    [{ backoffSchedule: [1, -1] }, "backoffSchedule[1] must be from 0 to 3600000 ms, got -1"],
    [{ backoffSchedule: [NaN] }, "backoffSchedule[0]"],
    [{ backoffSchedule: [BACKOFF_MS_MAX + 1] }, "got 3600001"],
    [{ backoffSchedule: new Array(1) }, "backoffSchedule[0]"],
    [{ keysIfUndelivered: 3 }, "keysIfUndelivered must be an array, got 3"],
    [
      { keysIfUndelivered: ["a"] },
      'keysIfUndelivered[0] must be a key of at least one part, got "a"',
    ],
    [{ keysIfUndelivered: [[1], []] }, "keysIfUndelivered[1]"],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => prepare(options), TypeError, message);
  }
  assertThrows(() => prepareMessage(() => {}, {}, codec), TypeError, "no functions");
});

Deno.test("Keys are in the order of deadline, commit and place in it (invariant 1)", () => {
  const number = fc.oneof(fc.nat({ max: 3 }), fc.nat());
  const one = fc.tuple(fc.oneof(number, fc.maxSafeNat()), number, number);
  fc.assert(fc.property(one, one, (a, b) => {
    const [first, second] = [a, b].map(([deadline, commit, index]) =>
      encodeMessageKey(deadline!, versionstamp(commit!), index!)
    );
    const order = a.map((part, i) => Math.sign(part - b[i]!)).find((sign) => sign !== 0) ?? 0;
    const got = compareBytes(first!, 0, first!.length, second!, 0, second!.length);
    assertEquals(Math.sign(got), order);
    assertEquals(messageDeadline(first!), a[0]);
  }));
});

Deno.test("A message that is put off is the same message at another time", () => {
  const key = encodeMessageKey(5, versionstamp(6), 7);
  assertEquals(postponedMessageKey(key, 9), encodeMessageKey(9, versionstamp(6), 7));
  assertEquals(messageDeadline(encodeMessageKey(-3, versionstamp(0), 0)), 0);
});

Deno.test("A message is what it was after encoding and decoding", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const message = fc.record({
    backoff: fc.array(fc.nat({ max: BACKOFF_MS_MAX }), { maxLength: 5 }),
    undeliveredKeys: fc.array(bytes, { maxLength: 200 }),
    payload: bytes,
  });
  fc.assert(fc.property(message, (it) => {
    assertEquals(decodeMessage(encodeMessage(it)), it);
  }));
});

Deno.test("Bytes that are cut off are refused, and damage makes nothing huge (invariant 3)", () => {
  const whole = encodeMessage({
    backoff: [300],
    undeliveredKeys: [Uint8Array.of(1, 2)],
    payload: new Uint8Array(0),
  });
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => decodeMessage(whole.subarray(0, length)), RangeError, `${length} bytes`);
  }
  const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 1);
  assertThrows(() => decodeMessage(huge), RangeError, "a message of 8 bytes is cut off");
  assertThrows(() => messageDeadline(Uint8Array.of(3, 1)), RangeError, "2 bytes are not the key");
});
