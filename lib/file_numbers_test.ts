/**
 * Numbers for new files, drawn by one thread and by several.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "./errors.ts";
import { FileNumbers } from "./file_numbers.ts";

Deno.test("No number is given out twice, whoever asks (invariant 1)", () => {
  const here = new FileNumbers(5);
  const there = FileNumbers.attach(here.memory);
  const drawn = [here.next(), there.next(), there.next(), here.next()];
  assertEquals(drawn, [5, 6, 7, 8]);
  assertEquals([here.upcoming, there.upcoming], [9, 9], "looking draws nothing");
});

Deno.test("Two threads that draw at the same time get different numbers (invariants 1 and 2)", async () => {
  const numbers = new FileNumbers(1);
  const module = new URL("./file_numbers.ts", import.meta.url).href;
  const code = `import { FileNumbers } from ${JSON.stringify(module)};
    self.onmessage = ({ data: { memory, start } }) => {
      const numbers = FileNumbers.attach(memory);
      Atomics.add(start, 0, 1);
      while (Atomics.load(start, 0) < 2);
      self.postMessage(Array.from({ length: 10_000 }, () => numbers.next()));
    };`;
  const start = new Int32Array(new SharedArrayBuffer(4));
  const workers = [1, 2].map(() =>
    new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), {
      type: "module",
    })
  );
  const drawn = await Promise.all(workers.map((worker) =>
    new Promise<number[]>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage({ memory: numbers.memory, start });
    })
  ));
  for (const worker of workers) worker.terminate();
  assertEquals(new Set(drawn.flat()).size, 20_000);
  for (const list of drawn) assertEquals(list.toSorted((a, b) => a - b), list);
  assertEquals(numbers.upcoming, 20_001);
});

Deno.test("A number that is used is not given out, nor one below it", () => {
  const numbers = new FileNumbers(5);
  numbers.markUsed(3);
  assertEquals(numbers.next(), 5);
  numbers.markUsed(100);
  numbers.markUsed(50);
  assertEquals(numbers.next(), 101);
});

Deno.test("When numbers are used up it says so, again and again", () => {
  const numbers = new FileNumbers(Number.MAX_SAFE_INTEGER - 2);
  assertEquals(numbers.next(), Number.MAX_SAFE_INTEGER - 2);
  assertEquals(numbers.next(), Number.MAX_SAFE_INTEGER - 1);
  for (let i = 0; i < 3; i++) {
    assertEquals(assertThrows(() => numbers.next(), VarveError).code, "TOO_LARGE");
  }
  assertEquals(numbers.upcoming, Number.MAX_SAFE_INTEGER);
});
