import { generator } from "./random.ts";
import {
  getFixed32,
  getFixed64,
  putFixed32,
  putFixed64,
  putVarint,
  VarintReader,
} from "./coding.ts";

// Each benchmark codes 1,000 numbers, so that a microsecond an iteration is a nanosecond a number.
const COUNT = 1000;
const random = generator(1);
const lengths = Array.from({ length: COUNT }, () => random(100)); // one byte: what most varints are
const offsets = Array.from({ length: COUNT }, () => random(2 ** 31)); // mostly five bytes
const sequences = Array.from({ length: COUNT }, () => random(2 ** 31) * 2 ** 20);
const buffer = new Uint8Array(COUNT * 10);
const reader = new VarintReader();

function written(values: number[]): { bytes: Uint8Array; end: number } {
  const bytes = new Uint8Array(COUNT * 10);
  let end = 0;
  for (const value of values) end = putVarint(bytes, end, value);
  return { bytes, end };
}

const writtenLengths = written(lengths);
const writtenOffsets = written(offsets);
const writtenSequences = written(sequences);

function readAll32({ bytes, end }: { bytes: Uint8Array; end: number }): number {
  reader.reset(bytes, 0, end);
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += reader.varint32();
  return sum;
}

function readAll64({ bytes, end }: { bytes: Uint8Array; end: number }): number {
  reader.reset(bytes, 0, end);
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += reader.varint64();
  return sum;
}

Deno.bench("putFixed32", { group: "write 1,000 numbers", baseline: true }, () => {
  for (let i = 0; i < COUNT; i++) putFixed32(buffer, i * 4, offsets[i]!);
});
Deno.bench("putFixed64", { group: "write 1,000 numbers" }, () => {
  for (let i = 0; i < COUNT; i++) putFixed64(buffer, i * 8, sequences[i]!);
});
Deno.bench("putVarint, 1 byte", { group: "write 1,000 numbers" }, () => {
  let at = 0;
  for (let i = 0; i < COUNT; i++) at = putVarint(buffer, at, lengths[i]!);
});
Deno.bench("putVarint, 5 bytes", { group: "write 1,000 numbers" }, () => {
  let at = 0;
  for (let i = 0; i < COUNT; i++) at = putVarint(buffer, at, offsets[i]!);
});

const fixed = new Uint8Array(COUNT * 8);
for (let i = 0; i < COUNT; i++) putFixed64(fixed, i * 8, sequences[i]!);

Deno.bench("getFixed32", { group: "read 1,000 numbers", baseline: true }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += getFixed32(fixed, i * 8);
  if (sum < 0) throw new Error("unreachable");
});
Deno.bench("getFixed64", { group: "read 1,000 numbers" }, () => {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += getFixed64(fixed, i * 8);
  if (sum < 0) throw new Error("unreachable");
});
Deno.bench("varint32, 1 byte", { group: "read 1,000 numbers" }, () => {
  readAll32(writtenLengths);
});
Deno.bench("varint32, 5 bytes", { group: "read 1,000 numbers" }, () => {
  readAll32(writtenOffsets);
});
Deno.bench("varint64, 8 bytes", { group: "read 1,000 numbers" }, () => {
  readAll64(writtenSequences);
});
