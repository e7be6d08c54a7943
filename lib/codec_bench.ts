/**
 * What the codecs cost: a thousand calls each. `encodeInto` and `decodeRange` are what the engine uses; the
 * difference to `encode` and `decode` is an allocation of 200 ns.
 *
 * Nanoseconds to write into a buffer and to read from a range (Deno 2.9.6, AMD EPYC, 2 shared cores): utf8 of 16
 * characters 20 and 27, of 100 characters 84 and 116, of 16 with a wide one 112 and 180; 100 bytes 34 and 50; a number
 * 17 and 19. JSON of a small object 280 (`encode`) and 380.
 *
 * @module
 */
import { bytes, type Codec, json, number, utf8 } from "./codec.ts";

function bench<T>(group: string, codec: Codec<T>, value: (i: number) => T): void {
  const values = Array.from({ length: 1000 }, (_, i) => value(i));
  const encoded = values.map((value) => codec.encode(value));
  const ends: number[] = [];
  let total = 0;
  for (const one of encoded) ends.push(total += one.length);
  const joined = new Uint8Array(total);
  encoded.forEach((one, i) => joined.set(one, ends[i]! - one.length));
  const target = new Uint8Array(4096);
  const results = new Array<T>(1000);
  Deno.bench("encode", { group }, () => {
    for (const value of values) codec.encode(value);
  });
  if (codec.encodeInto !== undefined) {
    Deno.bench("maxBytes, encodeInto", { group }, () => {
      for (const value of values) {
        if (codec.maxBytes!(value) <= target.length) codec.encodeInto!(value, target, 0);
      }
    });
  }
  Deno.bench("decode", { group }, () => {
    for (let i = 0; i < 1000; i++) results[i] = codec.decode(encoded[i]!);
  });
  Deno.bench("decodeRange", { group }, () => {
    for (let i = 0, start = 0; i < 1000; i++) {
      const end = ends[i]!;
      results[i] = codec.decodeRange!(joined, start, end);
      start = end;
    }
  });
}

const digits = (i: number, length: number) => String(i).padStart(length, "0");
bench("utf8, 16 characters of ASCII", utf8, (i) => digits(i, 16));
bench("utf8, 100 characters of ASCII", utf8, (i) => digits(i, 100));
bench("utf8, 16 characters, one of them wide", utf8, (i) => digits(i, 15) + "€");
bench("bytes, 100", bytes, (i) => new Uint8Array(100).fill(i));
bench("number", number, (i) => i * 1.5);
bench("json, a small object", json<unknown>(), (i) => ({ id: i, name: `user ${i}`, admin: false }));
