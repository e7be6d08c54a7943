/**
 * **What.** What varints have to pass, and ours in the same shape.
 *
 * **Invariants.**
 * 1. Bytes are given as they are, not made by `lib/coding.ts`.
 *
 * **Read next.** `../../../lib/coding_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { putVarint, varintLength, VarintReader } from "../../../lib/coding.ts";
import { generator } from "../../../lib/random.ts";
import type { Case, Exercise } from "../exercise.ts";
import type { Decoded } from "./build.ts";

type Subject = typeof import("./build.ts");

const MAX = Number.MAX_SAFE_INTEGER;

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(" "), (byte) => parseInt(byte, 16));
}

function assertEncoded({ encodeVarint }: Subject, value: number, expected: string): void {
  assertEquals(hex(encodeVarint(value)), expected, `encodeVarint(${value})`);
}

function assertDecoded(
  { decodeVarint }: Subject,
  bytes: Uint8Array,
  offset: number,
  end: number,
  expected: Decoded | undefined,
): void {
  const call = `decodeVarint(${hex(bytes)}, ${offset}, ${end})`;
  assertEquals(decodeVarint(bytes, offset, end), expected, call);
}

/** The numbers at which a varint gets a byte longer, and those before them. */
function borders(): { value: number; length: number }[] {
  const found: { value: number; length: number }[] = [];
  for (let length = 1; length <= 7; length++) {
    found.push({ value: 128 ** length - 1, length }, { value: 128 ** length, length: length + 1 });
  }
  return [...found, { value: MAX, length: 8 }];
}

const cases: Case<Subject>[] = [
  {
    name: "writes a number below 128 as the byte that it is",
    run(subject) {
      assertEncoded(subject, 0, "00");
      assertEncoded(subject, 5, "05");
      assertEncoded(subject, 127, "7f");
    },
  },
  {
    name: "writes the lowest seven bits first, and says that another byte follows",
    run(subject) {
      assertEncoded(subject, 128, "80 01");
      assertEncoded(subject, 300, "ac 02");
      assertEncoded(subject, 16_383, "ff 7f");
      assertEncoded(subject, 16_384, "80 80 01");
    },
  },
  {
    name: "knows how long a number gets",
    run({ varintLength }) {
      assertEquals(varintLength(0), 1, "varintLength(0)");
      for (const { value, length } of borders()) {
        assertEquals(varintLength(value), length, `varintLength(${value})`);
      }
    },
  },
  {
    name: "writes numbers of more than 32 bits",
    run(subject) {
      assertEncoded(subject, 2 ** 31, "80 80 80 80 08");
      assertEncoded(subject, 2 ** 32 + 1, "81 80 80 80 10");
      assertEncoded(subject, MAX, "ff ff ff ff ff ff ff 0f");
    },
  },
  {
    name: "reads one number after another",
    run(subject) {
      const bytes = bytesOf("05 ac 02 80 80 01 00");
      assertDecoded(subject, bytes, 0, 7, { value: 5, next: 1 });
      assertDecoded(subject, bytes, 1, 7, { value: 300, next: 3 });
      assertDecoded(subject, bytes, 3, 7, { value: 16_384, next: 6 });
      assertDecoded(subject, bytes, 6, 7, { value: 0, next: 7 });
    },
  },
  {
    name: "reads every number that it has written",
    run(subject) {
      const random = generator(1);
      const values = Array.from({ length: 1000 }, () => random(2 ** (1 + random(53))));
      for (const value of [...borders().map((border) => border.value), ...values]) {
        const bytes = subject.encodeVarint(value);
        assertDecoded(subject, bytes, 0, bytes.length, { value, next: bytes.length });
      }
    },
  },
  {
    name: "does not read a number that the end cuts off, whatever is behind it",
    run(subject) {
      const bytes = bytesOf("ff ff ff ff ff ff ff 0f 01");
      for (let end = 0; end < 8; end++) assertDecoded(subject, bytes, 0, end, undefined);
      assertDecoded(subject, bytes, 0, 8, { value: MAX, next: 8 });
      assertDecoded(subject, bytes.subarray(0, 7), 0, 7, undefined);
    },
  },
  {
    name: "refuses a number over 2^53 - 1, and does not round it",
    run(subject) {
      assertDecoded(subject, bytesOf("80 80 80 80 80 80 80 10"), 0, 8, undefined);
      assertDecoded(subject, bytesOf("81 80 80 80 80 80 80 10"), 0, 8, undefined);
      const endless = new Uint8Array(1000).fill(0xff);
      assertDecoded(subject, endless, 0, endless.length, undefined);
    },
  },
];

/** Writes a varint as `lib/coding.ts` does. */
function encodeVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  const end = putVarint(bytes, 0, value);
  assert(end === bytes.length);
  return bytes;
}

/** Reads a varint as `lib/coding.ts` does. */
function decodeVarint(bytes: Uint8Array, offset: number, end: number): Decoded | undefined {
  const reader = new VarintReader();
  reader.reset(bytes, offset, end);
  const value = reader.varint64();
  return reader.failed ? undefined : { value, next: reader.offset };
}

/** The exercise. */
export const exercise: Exercise<Subject> = {
  title: "varints, whole numbers in as few bytes as they need",
  own: { varintLength, encodeVarint, decodeVarint },
  cases,
};
