/**
 * **What.** The figure of a Bloom filter: which bits three keys set, which ones absent keys find.
 *
 * **Invariants.**
 * 1. The bits are read from the filter that the engine makes, and its answers are the engine's. Where the probes are is
 *    worked out here, and checked: together they are the bits that are set.
 *
 * **Read next.** `../06_bloom_filters.md`
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BloomFilterBuilder, bloomHash, mayContain } from "../../lib/bloom_filter.ts";
import { type Figure, Sheet, type Tone } from "./drawing.ts";

const KEYS = ["sand", "clay", "silt"] as const;
const TONES: readonly Tone[] = ["violet", "green", "amber"];
const REFUSED = "gravel";
const LEFT = 152;
const CELL = 9;

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function hashOf(key: string): number {
  return bloomHash(utf8(key), 0, utf8(key).length);
}

/** The filter of the keys, 10 bits for each. */
function makeFilter(): Uint8Array {
  const builder = new BloomFilterBuilder(10);
  for (const key of KEYS) builder.add(utf8(key), 0, utf8(key).length);
  const filter = new Uint8Array(builder.filterBytes);
  builder.finish(filter, 0);
  return filter;
}

/** The bits that a key sets or asks for, in the order of the probes. */
function probesOf(key: string, filter: Uint8Array): number[] {
  const bits = (filter.length - 1) * 8;
  let position = hashOf(key);
  const delta = (position >>> 17) | (position << 15);
  return Array.from({ length: filter.at(-1)! }, () => {
    const bit = position % bits;
    position = (position + delta) >>> 0;
    return bit;
  });
}

function isSet(filter: Uint8Array, bit: number): boolean {
  return (filter[bit >>> 3]! & (1 << (bit & 7))) !== 0;
}

/** The key that has all bits of this one, or else all keys that have some. */
function keysBehind(key: string, filter: Uint8Array): string[] {
  const probes = probesOf(key, filter);
  const sharedWith = (other: string) => {
    const bits = probesOf(other, filter);
    return probes.filter((bit) => bits.includes(bit)).length;
  };
  const one = KEYS.find((other) => sharedWith(other) === probes.length);
  return one === undefined ? KEYS.filter((other) => sharedWith(other) > 0) : [one];
}

/** The first word of a list, absent all of them, that slips through by bits of so many keys. */
function findFalsePositive(filter: Uint8Array, keys: number): string {
  for (let i = 1;; i++) {
    const word = `stone ${i}`;
    if (!mayContain(filter, 0, filter.length, hashOf(word))) continue;
    if (keysBehind(word, filter).length >= keys) return word;
  }
}

/** What the filter says of an absent key, and why. */
function noteOn(key: string, filter: Uint8Array): string {
  const zero = probesOf(key, filter).find((bit) => !isSet(filter, bit));
  assertEquals(mayContain(filter, 0, filter.length, hashOf(key)), zero === undefined);
  if (zero !== undefined) return `bit ${zero} is 0: not there, and no further bit is asked for`;
  const behind = keysBehind(key, filter).map((other) => `"${other}"`).join(" and ");
  return `all are 1, by ${behind}: may be there, and is not`;
}

/** Draws a key, the bits of its probes, and what comes of them. */
function drawKey(
  sheet: Sheet,
  y: number,
  key: string,
  note: string,
  dots: readonly { bit: number; tone: Tone }[],
): void {
  sheet.text(20, y + 12, `"${key}"`, { style: "mono" });
  sheet.box(LEFT, y, 64 * CELL, 16, { tone: "none", radius: 0 });
  for (const { bit, tone } of dots) {
    sheet.dot(LEFT + (bit + 0.5) * CELL, y + 8, 4, tone);
  }
  const bits = `bits ${dots.map(({ bit }) => bit).join(", ")}`;
  sheet.text(LEFT, y + 31, bits, { style: "small soft mono" });
  sheet.text(LEFT + 64 * CELL, y + 31, note, { anchor: "end", style: "small" });
}

/** The figure. */
export const figure: Figure = {
  alt:
    "A filter of 64 bits. Above it three keys, each with the six bits that it sets. Below it three absent keys with " +
    "the six bits that they ask for. The first finds a bit that is 0 and is refused. The second finds only bits that " +
    "the three keys have set between them, and slips through; so does the third, whose bits are all of one key.",
  draw() {
    const filter = makeFilter();
    assertEquals(filter.length, 9);
    const sheet = new Sheet(
      "A Bloom filter of three keys, asked for others that it was not made of",
    );
    sheet.text(20, 28, "Added: each key sets the bits of its six probes.", { style: "bold" });
    KEYS.forEach((key, i) => {
      const dots = probesOf(key, filter).map((bit) => ({ bit, tone: TONES[i]! }));
      drawKey(sheet, 42 + i * 44, key, "", dots);
    });
    const y = 182;
    const set = new Set(KEYS.flatMap((key) => probesOf(key, filter)));
    sheet.text(20, y + 14, "the filter", { style: "bold" });
    for (let bit = 0; bit < 64; bit++) {
      assertEquals(isSet(filter, bit), set.has(bit), `bit ${bit}`);
      sheet.box(LEFT + bit * CELL, y, CELL, 20, {
        tone: set.has(bit) ? "blue" : "none",
        label: set.has(bit) ? "1" : "0",
        style: set.has(bit) ? "small" : "small soft",
        radius: 0,
      });
      if (bit % 8 === 0) {
        sheet.text(LEFT + bit * CELL, y + 34, String(bit), { style: "small soft mono" });
      }
    }
    sheet.text(20, y + 34, `${set.size} bits are set`, { style: "small soft" });
    sheet.text(20, 250, "Asked: a bit that is 0 is proof of absence.", { style: "bold" });
    const absent = [REFUSED, findFalsePositive(filter, KEYS.length), findFalsePositive(filter, 1)];
    absent.forEach((key, i) => {
      const dots = probesOf(key, filter).map((bit) => {
        const tone: Tone = isSet(filter, bit) ? "blue" : "red";
        return { bit, tone };
      });
      drawKey(sheet, 264 + i * 44, key, noteOn(key, filter), dots);
    });
    return sheet.finish(406);
  },
};
